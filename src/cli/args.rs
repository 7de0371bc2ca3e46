//! The command line: what was typed, and what it means.
//!
//! Three programs in one: `logdrive` with its commands, and, called by the name `filebeat` or `logstash` (a symbolic link),
//! the flags of that program. All end in one [`Job`].

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

/// Runs filebeat.yml and logstash.conf unchanged, and says what in them never worked
#[derive(Debug, Parser)]
#[command(name = "logdrive", version, max_term_width = 110)]
struct Logdrive {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read, filter and deliver events
    Run(RunArgs),
    /// Say what in the configuration is wrong or never works; exit 1 if anything is
    Check(CheckArgs),
}

/// Flags of `logdrive run`.
#[derive(Args, Debug)]
struct RunArgs {
    /// A filebeat.yml; may be repeated, a later file wins
    #[arg(short = 'c', value_name = "FILE")]
    filebeat: Vec<PathBuf>,
    /// Override a setting of filebeat.yml
    #[arg(short = 'E', value_name = "KEY=VALUE")]
    filebeat_setting: Vec<String>,
    #[command(flatten)]
    logstash: LogstashArgs,
    /// Write documents and alerts to files in this folder instead of Elasticsearch and Alertmanager
    #[arg(long, value_name = "DIR")]
    local: Option<PathBuf>,
    /// Read everything that is there to its end, deliver it, print a summary and exit
    #[arg(long)]
    once: bool,
    /// Do exactly what is written: no repair of outputs that cannot work
    #[arg(long)]
    strict: bool,
}

/// Flags of `logdrive check`.
#[derive(Args, Debug)]
struct CheckArgs {
    /// A filebeat.yml; may be repeated, a later file wins
    #[arg(short = 'c', value_name = "FILE")]
    filebeat: Vec<PathBuf>,
    /// Override a setting of filebeat.yml
    #[arg(short = 'E', value_name = "KEY=VALUE")]
    filebeat_setting: Vec<String>,
    #[command(flatten)]
    logstash: LogstashArgs,
    /// How findings are printed
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people, with the source text
    Human,
    /// One JSON object a line
    Json,
}

macro_rules! setting_flags {
    ($($(#[$meta:meta])* $field:ident => $name:literal),* $(,)?) => {
        /// Flags of Logstash that `logdrive run` takes too.
        #[derive(Args, Debug)]
        struct LogstashArgs {
            /// A logstash.conf, a folder of them, or a glob
            #[arg(short = 'f', long = "path.config", value_name = "PATH")]
            path_config: Option<String>,
            /// The configuration itself
            #[arg(short = 'e', long = "config.string", value_name = "CONFIG")]
            config_string: Option<String>,
            /// Check the configuration and exit
            #[arg(short = 't', long = "config.test_and_exit")]
            test_and_exit: bool,
            /// Watch the configuration and reload it
            #[arg(short = 'r', long = "config.reload.automatic")]
            reload: bool,
            /// Where registry, dead letters and state lie
            #[arg(long = "path.data", value_name = "DIR")]
            path_data: Option<PathBuf>,
            /// A folder with logstash.yml
            #[arg(long = "path.settings", value_name = "DIR")]
            path_settings: Option<PathBuf>,
            /// More log lines
            #[arg(long = "debug", hide = true)]
            debug: bool,
            $($(#[$meta])* #[arg(long = $name, value_name = "VALUE")] $field: Option<String>,)*
        }

        impl LogstashArgs {
            fn settings(&self) -> Vec<(String, String)> {
                let mut out = Vec::new();
                $(if let Some(value) = &self.$field { out.push(($name.to_string(), value.clone())); })*
                out
            }
        }
    };
}

setting_flags! {
    /// Worker threads; by default one per core
    #[arg(short = 'w')]
    workers => "pipeline.workers",
    /// Most events in one batch
    #[arg(short = 'b')]
    batch_size => "pipeline.batch.size",
    /// How long a batch waits to fill up, ms
    #[arg(short = 'u')]
    batch_delay => "pipeline.batch.delay",
    /// Name of the pipeline
    pipeline_id => "pipeline.id",
    /// Keep the order of events: auto, true, false
    ordered => "pipeline.ordered",
    /// disabled, v1 or v8
    ecs => "pipeline.ecs_compatibility",
    /// End at once, even with events in flight
    unsafe_shutdown => "pipeline.unsafe_shutdown",
    /// Whether \n and the like are read in strings
    support_escapes => "config.support_escapes",
    /// none, percent or ampersand
    escape_style => "config.field_reference.escape_style",
    /// Seconds between looks at the configuration
    reload_interval => "config.reload.interval",
    /// Where the running log goes
    path_logs => "path.logs",
    /// Folders with plugins
    path_plugins => "path.plugins",
    /// fatal, error, warn, info, debug or trace
    #[arg(alias = "log-level")]
    log_level => "log.level",
    /// plain or json
    log_format => "log.format",
    /// Whether /metrics and /health are served
    api_enabled => "api.enabled",
    /// Address of the status API
    #[arg(alias = "http.host")]
    api_host => "api.http.host",
    /// Port of the status API, or a range
    #[arg(alias = "http.port")]
    api_port => "api.http.port",
    /// Name of this node
    #[arg(short = 'n')]
    node_name => "node.name",
    /// memory or persisted
    queue_type => "queue.type",
}

/// Runs a Filebeat configuration (this is logdrive, called by the name filebeat)
#[derive(Debug, Parser)]
#[command(name = "filebeat", version, max_term_width = 110)]
struct FilebeatArgs {
    #[command(flatten)]
    flags: FilebeatFlags,
    #[command(subcommand)]
    command: Option<FilebeatCommand>,
}

#[derive(Args, Debug)]
struct FilebeatFlags {
    /// A configuration file; may be repeated
    #[arg(short = 'c', long = "c", value_name = "FILE", global = true)]
    config: Vec<PathBuf>,
    /// Override a setting
    #[arg(short = 'E', long = "E", value_name = "KEY=VALUE", global = true)]
    setting: Vec<String>,
    /// Log to stderr and not to files
    #[arg(short = 'e', long = "e", global = true)]
    stderr: bool,
    /// Debug selectors
    #[arg(short = 'd', long = "d", value_name = "SELECTORS", global = true)]
    debug: Option<String>,
    /// Log more
    #[arg(short = 'v', long = "v", global = true)]
    verbose: bool,
    /// Read everything that is there to its end and exit
    #[arg(long, global = true)]
    once: bool,
    /// Whether the permissions of configuration files are looked at
    #[arg(long = "strict.perms", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", global = true)]
    strict_perms: Option<String>,
    #[arg(long = "path.home", value_name = "DIR", global = true)]
    path_home: Option<PathBuf>,
    #[arg(long = "path.config", value_name = "DIR", global = true)]
    path_config: Option<PathBuf>,
    #[arg(long = "path.data", value_name = "DIR", global = true)]
    path_data: Option<PathBuf>,
    #[arg(long = "path.logs", value_name = "DIR", global = true)]
    path_logs: Option<PathBuf>,
    /// What runs around it; accepted, changes nothing here
    #[arg(long = "environment", value_name = "NAME", hide = true, global = true)]
    environment: Option<String>,
}

#[derive(Debug, Subcommand)]
enum FilebeatCommand {
    /// Run (the default)
    Run,
    /// Test the configuration or the output
    Test {
        #[command(subcommand)]
        what: FilebeatTest,
    },
    /// Print the version
    Version,
}

#[derive(Debug, Subcommand)]
enum FilebeatTest {
    /// Check the configuration and exit
    Config,
    /// Try to reach the output
    Output,
}

/// Runs a Logstash configuration (this is logdrive, called by the name logstash)
#[derive(Debug, Parser)]
#[command(name = "logstash", max_term_width = 110, disable_version_flag = true)]
struct LogstashProgram {
    #[command(flatten)]
    logstash: LogstashArgs,
    /// Print the version
    #[arg(short = 'V', long = "version")]
    version: bool,
}

/// Whose habits the program takes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalledAs {
    Logdrive,
    Filebeat,
    Logstash,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    Run,
    /// `-t`, `test config`: findings on stderr, exit 1 only for what stops a run.
    TestConfig,
    /// `test output`: tries to reach the output.
    TestOutput,
    Check(Format),
}

/// Everything the command line says.
#[derive(Clone, Debug)]
pub struct Job {
    pub called_as: CalledAs,
    pub task: Task,
    pub filebeat_files: Vec<PathBuf>,
    /// `key=value` as typed.
    pub filebeat_settings: Vec<String>,
    /// `-f`.
    pub logstash_path: Option<String>,
    /// `-e`.
    pub logstash_string: Option<String>,
    pub settings_dir: Option<PathBuf>,
    /// Settings of logstash.yml given as flags.
    pub logstash_settings: Vec<(String, String)>,
    pub path_data: Option<PathBuf>,
    pub path_home: Option<PathBuf>,
    pub reload: bool,
    pub local: Option<PathBuf>,
    pub once: bool,
    pub strict: bool,
    /// `filebeat -e`: the running log on stderr, whatever `logging` says.
    pub log_to_stderr: bool,
    pub strict_perms: bool,
    pub debug: bool,
}

/// What the arguments ask for besides a job.
#[derive(Debug)]
pub enum Parsed {
    Job(Box<Job>),
    /// Text for stdout, and the exit code 0.
    Text(String),
    /// A usage error, or help: how clap prints it, and the exit code.
    Usage(clap::Error),
}

impl Job {
    fn empty(called_as: CalledAs, task: Task) -> Job {
        Job {
            called_as,
            task,
            filebeat_files: vec![],
            filebeat_settings: vec![],
            logstash_path: None,
            logstash_string: None,
            settings_dir: None,
            logstash_settings: vec![],
            path_data: None,
            path_home: None,
            reload: false,
            local: None,
            once: false,
            strict: false,
            log_to_stderr: false,
            strict_perms: true,
            debug: false,
        }
    }

    fn take_logstash(&mut self, args: LogstashArgs) {
        self.logstash_settings = args.settings();
        self.logstash_path = args.path_config;
        self.logstash_string = args.config_string;
        self.settings_dir = args.path_settings;
        self.path_data = args.path_data;
        self.reload = args.reload;
        self.debug = args.debug;
        if args.test_and_exit {
            self.task = Task::TestConfig;
        }
    }

    /// True when a filebeat.yml is part of the job.
    pub fn has_agent(&self) -> bool {
        !self.filebeat_files.is_empty()
    }
}

/// Reads the arguments, the program's own name first.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Parsed {
    let args: Vec<OsString> = args.into_iter().collect();
    let name = args.first().map(PathBuf::from).and_then(|p| p.file_name().map(|n| n.to_string_lossy().into_owned()));
    match name.as_deref() {
        Some("filebeat") => parse_filebeat(args),
        Some("logstash") => parse_logstash(args),
        _ => parse_logdrive(args),
    }
}

fn parse_logdrive(args: Vec<OsString>) -> Parsed {
    match Logdrive::try_parse_from(args) {
        Err(e) => Parsed::Usage(e),
        Ok(Logdrive { command: Command::Run(run) }) => {
            let mut job = Job::empty(CalledAs::Logdrive, Task::Run);
            job.filebeat_files = run.filebeat;
            job.filebeat_settings = run.filebeat_setting;
            job.local = run.local;
            job.once = run.once;
            job.strict = run.strict;
            job.take_logstash(run.logstash);
            Parsed::Job(Box::new(job))
        }
        Ok(Logdrive { command: Command::Check(check) }) => {
            let mut job = Job::empty(CalledAs::Logdrive, Task::Run);
            job.filebeat_files = check.filebeat;
            job.filebeat_settings = check.filebeat_setting;
            job.take_logstash(check.logstash);
            job.task = Task::Check(check.format);
            Parsed::Job(Box::new(job))
        }
    }
}

fn parse_filebeat(args: Vec<OsString>) -> Parsed {
    let FilebeatArgs { flags, command } = match FilebeatArgs::try_parse_from(go_flags(args)) {
        Err(e) => return Parsed::Usage(e),
        Ok(parsed) => parsed,
    };
    let task = match command {
        None | Some(FilebeatCommand::Run) => Task::Run,
        Some(FilebeatCommand::Test { what: FilebeatTest::Config }) => Task::TestConfig,
        Some(FilebeatCommand::Test { what: FilebeatTest::Output }) => Task::TestOutput,
        Some(FilebeatCommand::Version) => {
            let version = env!("CARGO_PKG_VERSION");
            return Parsed::Text(format!("filebeat version 8.5.0 (logdrive {version})\n"));
        }
    };
    let mut job = Job::empty(CalledAs::Filebeat, task);
    let home = flags.path_home.clone().unwrap_or_else(|| PathBuf::from("."));
    let config_dir = flags.path_config.clone().unwrap_or(home);
    let files = if flags.config.is_empty() { vec![PathBuf::from("filebeat.yml")] } else { flags.config };
    // a relative -c is looked for in the configuration's folder, as Filebeat does
    job.filebeat_files =
        files.into_iter().map(|f| if f.is_absolute() || f.exists() { f } else { config_dir.join(f) }).collect();
    job.filebeat_settings = flags.setting;
    for (name, path) in [("path.config", &flags.path_config), ("path.logs", &flags.path_logs)] {
        if let Some(path) = path {
            job.filebeat_settings.push(format!("{name}={}", path.display()));
        }
    }
    job.path_data = flags.path_data;
    job.path_home = flags.path_home;
    job.once = flags.once;
    job.log_to_stderr = flags.stderr;
    job.strict_perms = flags.strict_perms.as_deref() != Some("false");
    job.debug = flags.debug.is_some();
    Parsed::Job(Box::new(job))
}

/// Go's flags may have one dash where clap wants two: `-path.data`, `-strict.perms=false`.
fn go_flags(args: Vec<OsString>) -> Vec<OsString> {
    args.into_iter()
        .map(|arg| match arg.to_str() {
            Some(text) if ["-path.", "-strict.", "-once", "-environment"].iter().any(|p| text.starts_with(p)) => {
                OsString::from(format!("-{text}"))
            }
            _ => arg,
        })
        .collect()
}

fn parse_logstash(args: Vec<OsString>) -> Parsed {
    match LogstashProgram::try_parse_from(args) {
        Err(e) => Parsed::Usage(e),
        Ok(LogstashProgram { version: true, .. }) => {
            Parsed::Text(format!("logstash 8.5.0 (logdrive {})\n", env!("CARGO_PKG_VERSION")))
        }
        Ok(program) => {
            let mut job = Job::empty(CalledAs::Logstash, Task::Run);
            job.take_logstash(program.logstash);
            Parsed::Job(Box::new(job))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(line: &str) -> Job {
        match parse(line.split(' ').map(OsString::from)) {
            Parsed::Job(job) => *job,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_flags_of_three_programs() {
        let j = job("logdrive run -c filebeat.yml -f logstash.conf --local out --once");
        assert!(j.has_agent() && j.once && j.logstash_path.as_deref() == Some("logstash.conf"));
        let j =
            job("/usr/share/filebeat/filebeat -e -c /etc/fb.yml -E output.console.pretty=true --strict.perms=false");
        assert_eq!((j.called_as, j.log_to_stderr, j.strict_perms), (CalledAs::Filebeat, true, false));
        assert_eq!(j.filebeat_settings, ["output.console.pretty=true"]);
        let j = job("filebeat test config -c /etc/fb.yml");
        assert_eq!(j.task, Task::TestConfig);
        let j = job("filebeat -path.data /tmp/x -c /etc/fb.yml");
        assert_eq!(j.path_data, Some("/tmp/x".into()));
        let j = job("logstash -f /a.conf -w 2 -b 250 --pipeline.ecs_compatibility disabled -t");
        assert_eq!(j.task, Task::TestConfig);
        assert_eq!(j.logstash_settings.len(), 3);
        let j = job("logdrive check -c a.yml -f b.conf --format json");
        assert_eq!(j.task, Task::Check(Format::Json));
    }

    #[test]
    fn an_unknown_flag_is_a_usage_error() {
        for line in ["logdrive run --nope", "logdrive", "filebeat --nope", "logstash --nope"] {
            assert!(matches!(parse(line.split(' ').map(OsString::from)), Parsed::Usage(_)), "{line}");
        }
    }
}
