//! `run`, `-t`, `test config`, `test output`: from a job to a run, or to what stops it.

use super::args::{CalledAs, Job, Task};
use super::gather::{self, Gathered};
use super::say;
use crate::config::build::{BuildCx, Ecs};
use crate::config::diagnostic::Diagnostic;
use crate::config::filebeat::general::{Level, Logging};
use crate::config::logstash_settings::{self, EcsCompatibility, LogLevel};
use crate::event::EscapeStyle;
use crate::event::time_format::Zone;
use crate::filter::processor::Agent;
use crate::input::beats;
use crate::input::file::config::BATCH_EVENTS_MAX;
use crate::input::file::reader::StartError;
use crate::input::file::{Parts as ReaderParts, ReaderConfig, TailReader};
use crate::output::dead_letter::DeadLetters;
use crate::output::local::Local;
use crate::output::registry::Extras;
use crate::plan::{self, Builder, Plan, agent};
use crate::runtime::intake::BATCHES_IN_FLIGHT_MAX;
use crate::runtime::run::{InputTask, Run};
use crate::runtime::{Stop, run as runtime_run};
use crate::telemetry::Metrics;
use crate::telemetry::log::{self, LogFiles, LogFilesConfig, LogFormat};
use crate::world::World;
use crate::world::real::memory;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Exit codes.
pub const FINE: u8 = 0;
pub const FAULTS: u8 = 1;
pub const CANNOT_RUN: u8 = 2;

/// How often, and at what distance, the data folder's lock is tried for.
const LOCK_TRIES: u32 = 10;
const LOCK_WAIT: Duration = Duration::from_millis(100);

/// How long what is in flight may take after the run was asked to stop, where the configuration does not say.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);

/// After `ready`; what is used later all the same is mapped again when it is.
const START_IS_OVER: Duration = Duration::from_secs(10);

/// Builds the plan with its findings; runs it unless only the findings were asked for.
pub fn run(job: &Job, world: &World) -> u8 {
    let gathered = gather::gather(job, world);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            say(&format!("error: cannot start: {why}"));
            return CANNOT_RUN;
        }
    };
    if job.task == Task::Run {
        start_log(job, &gathered, world);
    }
    let data_dir = data_dir(job, &gathered);
    let metrics = Metrics::new();
    let give_up = Stop::new();
    let has_agent = gathered.filebeat.is_some();
    let agent = if has_agent && job.task == Task::Run && !stops(&gathered.diagnostics) {
        let made = world.fs.create_dir_all(&data_dir).and_then(|()| {
            let name = gathered.filebeat.as_ref().and_then(|f| f.name.as_ref()).map(|n| n.value.as_str());
            agent::identity(world, &data_dir, name)
        });
        match made {
            Ok(agent) => agent,
            Err(why) => {
                say(&format!("error: cannot write to the data folder `{}`: {why}", data_dir.display()));
                say("help: name another one with `--path.data DIR`");
                return CANNOT_RUN;
            }
        }
    } else {
        Agent { name: agent::host_name(), id: String::new(), ephemeral_id: String::new() }
    };
    let dead_letters = dead_letters(&gathered, world, &metrics, &data_dir);
    let local = job.local.as_ref().map(|dir| Local::new(world.clone(), dir));
    let extras = Extras {
        strict: job.strict,
        stdout: Arc::new(Mutex::new(Box::new(std::io::stdout()))),
        path_data: data_dir.clone(),
        local: local.clone(),
    };
    let built = build(job, &gathered, world, &metrics, &give_up, dead_letters, agent, extras, runtime.handle());
    let mut diagnostics = gathered.diagnostics;
    diagnostics.extend(built.1);
    let stopping = stops(&diagnostics);
    if job.task == Task::Run {
        // what does not stop a run is for `check`; a start is no place for advice
        diagnostics.retain(|d| d.stops_run);
    }
    super::print_findings(&diagnostics, &gathered.sources, &mut std::io::stderr());
    if stopping {
        return exit_code(&diagnostics);
    }
    match job.task {
        Task::TestConfig => {
            // the words of the originals: scripts look for them
            let word = if job.called_as == CalledAs::Filebeat { "Config OK\n" } else { "Configuration OK\n" };
            print!("{word}");
            FINE
        }
        Task::TestOutput => runtime.block_on(super::test_output::test(gathered.filebeat.as_ref(), world)),
        Task::Run | Task::Check(_) => start(
            job,
            built.0,
            &data_dir,
            world,
            metrics,
            give_up,
            &gathered.settings,
            local,
            &runtime,
            gathered.filebeat.as_ref(),
        ),
    }
}

/// Findings about what was given, not about what it says: a missing file, no configuration at all.
const ENVIRONMENT: [&str; 4] = ["nothing-to-run", "config-not-found", "config-unreadable", "config-too-large"];

/// 1 for a faulty configuration, 2 where it could not even be looked at.
pub fn exit_code(diagnostics: &[Diagnostic]) -> u8 {
    let stopping: Vec<_> = diagnostics.iter().filter(|d| d.stops_run).collect();
    let environment = !stopping.is_empty() && stopping.iter().all(|d| ENVIRONMENT.contains(&d.id));
    if environment { CANNOT_RUN } else { FAULTS }
}

fn stops(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.stops_run)
}

/// The zone of this machine.
pub fn system_zone() -> Zone {
    let target = std::fs::read_link("/etc/localtime").ok().map(|p| p.to_string_lossy().into_owned());
    Zone::system(gather::environment("TZ").as_deref(), target.as_deref())
}

/// Settings in the form plugins are built with.
pub fn with_settings(cx: &mut BuildCx<'_>, settings: &logstash_settings::Settings) {
    cx.ecs = match settings.ecs_compatibility {
        EcsCompatibility::Disabled => Ecs::Disabled,
        EcsCompatibility::V1 => Ecs::V1,
        EcsCompatibility::V8 => Ecs::V8,
    };
    cx.escape = match settings.field_reference_escape_style {
        logstash_settings::EscapeStyle::None => EscapeStyle::None,
        logstash_settings::EscapeStyle::Percent => EscapeStyle::Percent,
        logstash_settings::EscapeStyle::Ampersand => EscapeStyle::Ampersand,
    };
    cx.support_escapes = settings.config_support_escapes;
    cx.zone = system_zone();
}

#[allow(clippy::too_many_arguments, reason = "what a plan is built of")]
pub fn build(
    job: &Job,
    gathered: &Gathered,
    world: &World,
    metrics: &Metrics,
    give_up: &Stop,
    dead_letters: Arc<DeadLetters>,
    agent: Agent,
    extras: Extras,
    runtime: &tokio::runtime::Handle,
) -> (Plan, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let variables = gather::variables(job.task);
    let plan = {
        let mut cx = BuildCx::new(&mut found, world, &variables, &gathered.sources);
        with_settings(&mut cx, &gathered.settings);
        let mut builder = Builder {
            cx: &mut cx,
            runtime: Some(runtime.clone()),
            world: world.clone(),
            metrics: metrics.clone(),
            give_up: give_up.clone(),
            dead_letters,
            agent,
            extras,
            batch_events_max: batch_events_max(job, &gathered.settings),
            repairs: vec![],
        };
        let parts = plan::Parts {
            filebeat: gathered.filebeat.as_ref(),
            logstash: gathered.logstash.as_deref(),
            default_input: gathered.default_input,
            default_output: gathered.default_output,
            settings: &gathered.settings,
        };
        plan::build(&parts, &mut builder)
    };
    (plan, found)
}

/// `pipeline.batch.size` where it was given, else our own default: batches cost little here.
fn batch_events_max(job: &Job, settings: &logstash_settings::Settings) -> usize {
    let default = logstash_settings::Settings::default().batch_size;
    let given = job.logstash_settings.iter().any(|(name, _)| name == "pipeline.batch.size");
    if given || settings.batch_size != default { settings.batch_size.max(1) } else { BATCH_EVENTS_MAX }
}

fn data_dir(job: &Job, gathered: &Gathered) -> PathBuf {
    if let Some(dir) = &job.path_data {
        return dir.clone();
    }
    if let Some(filebeat) = &gathered.filebeat {
        return filebeat.paths.data.value.clone();
    }
    gathered.settings.path_data.clone().unwrap_or_else(|| gather::default_data_dir().join("data"))
}

fn dead_letters(gathered: &Gathered, world: &World, metrics: &Metrics, data_dir: &Path) -> Arc<DeadLetters> {
    let queue = &gathered.settings.dead_letter_queue;
    let dir = queue.path.clone().unwrap_or_else(|| data_dir.to_path_buf());
    Arc::new(DeadLetters::new(world.clone(), metrics.clone(), &dir.join("dead_letter.ndjson"), queue.max_bytes))
}

/// The running log, as `logging.*` of the agent says, else as `log.*` of the processor does.
fn start_log(job: &Job, gathered: &Gathered, world: &World) {
    if let Some(filebeat) = &gathered.filebeat {
        return start_agent_log(job, &filebeat.logging, world);
    }
    let level = match gathered.settings.log_level {
        LogLevel::Fatal | LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    let format = match gathered.settings.log_format {
        logstash_settings::LogFormat::Plain => LogFormat::Plain,
        logstash_settings::LogFormat::Json => LogFormat::Json,
    };
    log::start(if job.debug { "debug" } else { level }, format, None);
}

fn start_agent_log(job: &Job, logging: &Logging, world: &World) {
    let level = match logging.level {
        _ if job.debug => "debug",
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warning => "warn",
        Level::Error => "error",
    };
    let format = if logging.json { LogFormat::Json } else { LogFormat::Plain };
    // by default only Filebeat's own name logs to files; here the terminal is where people look
    let wants_files = logging.to_files.value
        && !logging.to_stderr
        && !job.log_to_stderr
        && (job.called_as == CalledAs::Filebeat || logging.to_files.span.start != logging.to_files.span.end);
    if !wants_files {
        return log::start(level, format, None);
    }
    let files = &logging.files;
    let config = LogFilesConfig {
        dir: files.path.value.clone(),
        name: files.name.clone(),
        keep_files: files.keepfiles,
        rotate_every_bytes: files.rotate_every_bytes,
        permissions: files.permissions,
        interval: files.interval,
        rotate_on_startup: files.rotate_on_startup,
    };
    let dir = config.dir.clone();
    match LogFiles::open(world.clone(), config) {
        Ok(files) => log::start(level, format, Some(files)),
        Err(why) => {
            say(&format!("warning: cannot log to files in `{}` ({why}); the log goes to stderr", dir.display()));
            log::start(level, format, None);
        }
    }
}

#[allow(clippy::too_many_arguments, reason = "what a run is made of")]
fn start(
    job: &Job,
    plan: Plan,
    data_dir: &Path,
    world: &World,
    metrics: Metrics,
    give_up: Stop,
    settings: &logstash_settings::Settings,
    local: Option<Arc<Local>>,
    runtime: &tokio::runtime::Runtime,
    filebeat: Option<&crate::config::filebeat::Filebeat>,
) -> u8 {
    let stop = Stop::new();
    let mut inputs = Vec::new();
    let mut kinds = Vec::new();
    if !plan.inputs.files.is_empty() {
        kinds.push(format!("{} file input(s)", plan.inputs.files.len()));
        let mut config = ReaderConfig::new(data_dir, plan.inputs.files);
        config.once = job.once;
        if let Some(open_files) = open_files_max() {
            config.open_files_max = config.open_files_max.min(open_files);
        }
        match open_reader(&config, world, &metrics, &stop) {
            Ok(reader) => inputs.push(InputTask::Files(Box::new(reader))),
            Err(why) => {
                say(&format!("error: {why}"));
                return CANNOT_RUN;
            }
        }
    }
    for stdin in plan.inputs.stdin {
        kinds.push("stdin".to_string());
        inputs.push(InputTask::Stdin(stdin, Box::new(std::io::stdin())));
    }
    let dead_letters = Arc::clone(&plan.pipeline.dead_letters);
    for (config, number) in plan.inputs.beats {
        kinds.push(format!("beats on {}", config.address()));
        let dead_letters = Arc::clone(&dead_letters);
        inputs.push(InputTask::Network(beats::task(config, dead_letters, "beats".into(), number)));
    }
    let outputs: Vec<&str> = plan.pipeline.outputs.iter().map(|o| o.plugin()).collect();
    say(&start_line(&kinds, &outputs, plan.linked.as_deref(), data_dir));
    for repair in &plan.repairs {
        say(&format!("repair: {repair}"));
    }
    let workers = settings
        .pipeline_workers
        .or_else(|| filebeat.and_then(|f| f.max_procs))
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let needs_durable_source = plan.pipeline.outputs.iter().any(|o| o.needs_durable_source());
    let pipeline = Arc::new(plan.pipeline);
    let ask = stop.clone();
    let shutdown_limit = filebeat.map(|f| f.shutdown_timeout).filter(|t| !t.is_zero()).unwrap_or(SHUTDOWN_LIMIT);
    let clock = Arc::clone(&world.clock);
    let result = runtime.block_on(async {
        tokio::spawn(async move {
            signals().await;
            tracing::info!("asked to stop");
            ask.ask();
            signals().await;
            // the second time nobody wants to wait any more
            std::process::exit(130);
        });
        runtime_run::run(Run {
            pipeline,
            inputs,
            world: world.clone(),
            metrics,
            workers,
            batches_in_flight_max: BATCHES_IN_FLIGHT_MAX.max(workers * 2),
            shutdown_limit,
            api: api(settings),
            host_name: agent::host_name(),
            stop,
            ready: Box::new(|port| {
                if let Some(port) = port {
                    tracing::info!("status on http://127.0.0.1:{port}/metrics and /health");
                }
                say("ready");
                tokio::spawn(async move {
                    clock.sleep(START_IS_OVER).await;
                    memory::give_back_code();
                });
            }),
            needs_durable_source,
        })
        .await
    });
    give_up.ask();
    if let Some(local) = local {
        super::print_out(&local.summary().to_string());
    }
    match result {
        Ok(()) => FINE,
        Err(why) => {
            say(&format!("error: {why}"));
            CANNOT_RUN
        }
    }
}

/// Opens the reader. A process that was just killed may hold the folder for a moment more.
fn open_reader(config: &ReaderConfig, world: &World, metrics: &Metrics, stop: &Stop) -> Result<TailReader, StartError> {
    let mut tries = LOCK_TRIES;
    loop {
        match TailReader::new(config.clone(), ReaderParts::from(world), metrics) {
            Err(StartError::Locked(_)) if tries > 0 => {
                tries -= 1;
                stop.wait_blocking(LOCK_WAIT);
            }
            result => return result,
        }
    }
}

fn start_line(inputs: &[String], outputs: &[&str], linked: Option<&str>, data_dir: &Path) -> String {
    let mut line = format!(
        "logdrive {}: {} -> {}; state in {}",
        env!("CARGO_PKG_VERSION"),
        if inputs.is_empty() { "no input".to_string() } else { inputs.join(", ") },
        if outputs.is_empty() { "no output".to_string() } else { outputs.join(", ") },
        data_dir.display(),
    );
    if let Some(address) = linked {
        let port = address.rsplit(':').next().unwrap_or(address);
        line.push_str(&format!(
            "; output.logstash ({address}) and the beats input are linked in this process: port {port} is not opened"
        ));
    }
    line
}

/// `api.*`; the default range of ports is tried in order.
fn api(settings: &logstash_settings::Settings) -> Option<(String, std::ops::RangeInclusive<u16>)> {
    settings.api_enabled.then(|| (settings.http_host.clone(), settings.http_port_min..=settings.http_port_max))
}

/// Half of what the process may open: the rest is for sockets and state.
fn open_files_max() -> Option<usize> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current?;
    Some(usize::try_from(limit / 2).unwrap_or(usize::MAX).max(16))
}

async fn signals() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        std::future::pending::<()>().await;
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
