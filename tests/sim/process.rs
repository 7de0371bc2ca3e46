//! Drives the real program in the simulated world, as `runtime::run` does it in the real one.

use logdrive::ack::{BatchAck, Tally};
use logdrive::config::build::BuildCx;
use logdrive::config::diagnostic::Severity;
use logdrive::config::logstash::ast::{SectionKind, Stmt};
use logdrive::config::logstash::parse;
use logdrive::config::lower::lower_filters;
use logdrive::config::options::{Options, PluginKind};
use logdrive::config::source::SourceMap;
use logdrive::config::variables::Variables;
use logdrive::event::value::{Map, Value};
use logdrive::event::{Batch, SourceMeta};
use logdrive::filter::Scratch;
use logdrive::input::file::ContainerFormat;
use logdrive::input::file::config::{FileInputConfig, Format, MetaBuilder, ReaderConfig, Stream};
use logdrive::input::file::reader::{Hints, Parts, Poll, TailReader};
use logdrive::output::dead_letter::{DEAD_LETTER_BYTES_MAX, DeadLetters};
use logdrive::output::{Output, OutputCx, Parcel, Selected, elasticsearch};
use logdrive::runtime::Stop;
use logdrive::runtime::delivery::deliver_all;
use logdrive::runtime::intake::Intake;
use logdrive::runtime::pipeline::{OutputNode, Pipeline, Sequencer};
use logdrive::telemetry::{GaugeName, Metrics};
use logdrive::world::sim::{Process, SimWorld};
use logdrive::world::{BoxFuture, World};
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll as TaskPoll, Waker};
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;

pub const DATA_DIR: &str = "/data/logdrive";
pub const DEAD_LETTERS: &str = "/data/logdrive/dead_letter.ndjson";
pub const NGINX_GLOB: &str = "/var/log/nginx/*.log";
pub const DOCKER_GLOB: &str = "/var/lib/docker/containers/*/*.log";
pub const SERVER: &str = "elasticsearch:9200";

/// Lines with this in them cannot be filtered: a text is compared with a number.
pub const UNFILTERABLE: &str = "POISON-FILTER";
/// Lines with this in them are dropped.
pub const DROPPED: &str = "DROPME";

/// The seed's pipeline, plus a drop and a condition that fails.
const CONFIG: &str = r##"
filter {
  if [fields][service] == "fin-pre-assist-backend" {
    grok { match => { "message" => "%{TIMESTAMP_ISO8601:timestamp} %{LOGLEVEL:level} %{GREEDYDATA:message}" } }
    date { match => [ "timestamp", "ISO8601" ] }
    if [level] == "ERROR" { mutate { add_tag => [ "error", "alert" ] } }
  }
  if [message] =~ /^\{/ { json { source => "message" target => "json" } }
  if [message] =~ /DROPME/ { drop { } }
  if [message] =~ /POISON-FILTER/ { if [message] > 5 { mutate { add_tag => [ "never" ] } } }
}
output {
  elasticsearch {
    hosts => ["elasticsearch:9200"]
    index => "fin-pre-assist-logs-%{+YYYY.MM.dd}"
  }
}
"##;

/// What differs from run to run.
#[derive(Clone, Debug)]
pub struct Setup {
    pub batch_events_max: usize,
    pub batch_bytes_max: usize,
    pub open_files_max: usize,
    pub scan_frequency: Duration,
    pub close_inactive: Duration,
    pub workers: usize,
    pub batches_in_flight_max: usize,
    pub sabotage: Sabotage,
}

/// Deliberate mistakes: the judge must find each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    None,
    /// Events are acknowledged when they are sent.
    AckEarly,
    /// Events leave before what they depend on is durable.
    NeverSync,
    /// The registry is thrown away between two lives.
    ForgetRegistry,
}

/// A door bell between tasks.
#[derive(Clone, Default)]
struct Bell(Arc<Mutex<(bool, Vec<Waker>)>>);

impl Bell {
    fn ring(&self) {
        let mut state = self.0.lock().expect("never poisoned");
        state.0 = true;
        state.1.drain(..).for_each(Waker::wake);
    }

    async fn wait(&self) {
        poll_fn(|cx| {
            let mut state = self.0.lock().expect("never poisoned");
            if std::mem::take(&mut state.0) {
                return TaskPoll::Ready(());
            }
            state.1.push(cx.waker().clone());
            TaskPoll::Pending
        })
        .await;
    }
}

/// Lets others run.
async fn give_way() {
    let mut first = true;
    poll_fn(|cx| {
        if std::mem::take(&mut first) {
            cx.waker().wake_by_ref();
            return TaskPoll::Pending;
        }
        TaskPoll::Ready(())
    })
    .await;
}

/// Ends when one of both does; true if it was the second.
async fn either(a: impl Future<Output = ()>, b: impl Future<Output = ()>) -> bool {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|cx| match (a.as_mut().poll(cx), b.as_mut().poll(cx)) {
        (TaskPoll::Ready(()), _) => TaskPoll::Ready(false),
        (_, TaskPoll::Ready(())) => TaskPoll::Ready(true),
        _ => TaskPoll::Pending,
    })
    .await
}

/// Acknowledges before it delivers.
struct AckEarly(Arc<dyn Output>);

impl Output for AckEarly {
    fn plugin(&self) -> &'static str {
        self.0.plugin()
    }
    fn encode(&self, events: &Selected<'_>, parcel: &mut Parcel) {
        self.0.encode(events, parcel);
    }
    fn deliver<'a>(&'a self, mut parcel: Parcel) -> BoxFuture<'a, ()> {
        let n = parcel.items.len() as u64;
        let nobody = BatchAck::detached();
        nobody.account(Tally { read: n, routed: n, deliveries: n, ..Tally::default() });
        std::mem::replace(&mut parcel.ack, nobody).delivered(n);
        self.0.deliver(parcel)
    }
    fn in_flight_max(&self) -> usize {
        self.0.in_flight_max()
    }
}

/// A life of the program.
pub struct Life {
    pub process: Arc<Process>,
    pub hints: Hints,
    stop: Stop,
    bell: Bell,
    /// The registry was closed as it should be.
    pub closed: Arc<AtomicBool>,
}

impl Life {
    /// As SIGTERM does.
    pub fn ask_to_stop(&self) {
        self.stop.ask();
        self.bell.ring();
    }
}

fn meta(service: bool) -> MetaBuilder {
    Arc::new(move |info| {
        let path = info.path.to_string_lossy().into_owned();
        // every second container is the backend's
        let backend = service && path.len() % 2 == 0;
        SourceMeta::build(path.clone(), move |arena, entries| {
            let file = Map::from_entries(arena, &[("path", Value::text(arena, &path))]);
            entries.push(("log", Value::Map(Map::from_entries(arena, &[("file", Value::Map(file))]))));
            if backend {
                let fields = Map::from_entries(arena, &[("service", Value::Str("fin-pre-assist-backend"))]);
                entries.push(("fields", Value::Map(fields)));
            }
            None
        })
    })
}

fn reader_config(setup: &Setup) -> ReaderConfig {
    let input = |name: &str, glob: &str, format, service| FileInputConfig {
        scan_frequency: setup.scan_frequency,
        close_inactive: setup.close_inactive,
        ..FileInputConfig::new(name, vec![glob.to_string()], format, meta(service))
    };
    let container = Format::Container { format: ContainerFormat::Auto, stream: Stream::All };
    let inputs = vec![input("log", NGINX_GLOB, Format::Lines, false), input("container", DOCKER_GLOB, container, true)];
    ReaderConfig {
        batch_events_max: setup.batch_events_max,
        batch_bytes_max: setup.batch_bytes_max,
        open_files_max: setup.open_files_max,
        ..ReaderConfig::new(DATA_DIR, inputs)
    }
}

fn pipeline(world: &World, metrics: &Metrics, give_up: &Stop, sabotage: Sabotage) -> Pipeline {
    let mut sources = SourceMap::new();
    let file = sources.add("sim.conf", CONFIG);
    let (config, mut diagnostics) = parse(file, CONFIG, false);
    let variables = Variables { lookup: &|_| None, undefined: Severity::Error };
    let output = config.statements(SectionKind::Output).next().expect("an output");
    let Stmt::Plugin(plugin) = output else { panic!("a plugin") };
    let options = Options::new(plugin, PluginKind::Output, elasticsearch::OPTIONS, &variables, &mut diagnostics);
    let mut cx = BuildCx::new(&mut diagnostics, world, &variables, &sources);
    let program = lower_filters(config.statements(SectionKind::Filter), &mut cx);
    let config = elasticsearch::build(&options, &mut cx).expect("a correct configuration");
    let dead_letters = DeadLetters::new(world.clone(), metrics.clone(), Path::new(DEAD_LETTERS), DEAD_LETTER_BYTES_MAX);
    let dead_letters = Arc::new(dead_letters);
    let cx = OutputCx {
        world: world.clone(),
        metrics: metrics.clone(),
        stop: give_up.clone(),
        dead_letters: Arc::clone(&dead_letters),
        id: "elasticsearch".to_string(),
        place: 0,
    };
    let output: Arc<dyn Output> = Arc::new(elasticsearch::Elasticsearch::new(config, cx));
    let output = if sabotage == Sabotage::AckEarly { Arc::new(AckEarly(output)) } else { output };
    Pipeline {
        program,
        routing: vec![OutputNode::Output(0)],
        outputs: vec![output],
        world: world.clone(),
        metrics: metrics.clone(),
        dead_letters,
        give_up: give_up.clone(),
    }
}

/// So many polls in a row may find nothing to do and yet ask for the next at once.
const SPINS_MAX: u32 = 100;

/// How long a stop waits for what is in flight.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);

/// Starts the program. `Err` when it could not start; the process ends then.
pub fn start(sim: &mut SimWorld, setup: &Setup, prepare: impl FnOnce(&Arc<Process>)) -> Result<Life, Arc<Process>> {
    let (process, world) = sim.process();
    sim.say(|| format!("process {}: starts", process.id));
    let (stop, give_up, bell) = (Stop::new(), Stop::new(), Bell::default());
    let on_death = give_up.clone();
    process.on_death(move || on_death.ask());
    prepare(&process);
    let metrics = Metrics::new();
    let reader = match TailReader::new(reader_config(setup), Parts::from(&world), &metrics) {
        Ok(reader) => reader,
        Err(why) => {
            sim.say(|| format!("process {}: cannot start: {why}", process.id));
            process.kill("cannot start");
            return Err(process);
        }
    };
    let pipeline = Arc::new(pipeline(&world, &metrics, &give_up, setup.sabotage));
    let gauge = metrics.gauge(GaugeName::BatchesInFlight, &[]);
    let intake = Intake::new(setup.batches_in_flight_max, gauge.clone(), give_up.clone());
    let (tx, rx) = unbounded_channel();
    sim.executor.spawn(process.id, deliver_all(Arc::clone(&pipeline.outputs[0]), rx, gauge));
    let (work, ended) = (Bell::default(), Arc::new(AtomicBool::new(false)));
    let sequencer = Arc::new(Sequencer::default());
    for _ in 0..setup.workers {
        let (process, pipeline, intake) = (Arc::clone(&process), Arc::clone(&pipeline), intake.clone());
        let (sequencer, tx, work, ended) = (Arc::clone(&sequencer), tx.clone(), work.clone(), Arc::clone(&ended));
        sim.executor.spawn(process.id, async move {
            let mut scratch = Scratch::default();
            loop {
                let Some(batch) = intake.try_take() else {
                    if ended.load(Ordering::SeqCst) {
                        work.ring();
                        return;
                    }
                    work.wait().await;
                    continue;
                };
                let seq = batch.seq;
                let parcels = pipeline.process(batch, &mut scratch).map_or_else(Vec::new, |p| p.parcels);
                process.point("processed");
                give_way().await;
                sequencer.put(seq, parcels, |_, parcel| {
                    let _ = tx.send(parcel);
                });
                process.point("handed to the output");
                give_way().await;
            }
        });
    }
    drop(tx);
    let hints = reader.hints();
    let ringing = bell.clone();
    hints.set_waker(Arc::new(move || ringing.ring()));
    let closed = Arc::new(AtomicBool::new(false));
    let files = Files {
        process: Arc::clone(&process),
        world,
        intake,
        stop: stop.clone(),
        bell: bell.clone(),
        work,
        sync: setup.sabotage != Sabotage::NeverSync,
        give_up,
    };
    let (was_closed, trace, clock) = (Arc::clone(&closed), sim.trace.clone(), sim.clock.clone());
    sim.executor.spawn(process.id, async move {
        let result = files.read(reader, &trace, &clock).await;
        was_closed.store(result.is_ok(), Ordering::SeqCst);
        ended.store(true, Ordering::SeqCst);
        files.work.ring();
    });
    Ok(Life { process, hints, stop, bell, closed })
}

struct Files {
    process: Arc<Process>,
    world: World,
    intake: Intake,
    stop: Stop,
    bell: Bell,
    work: Bell,
    sync: bool,
    give_up: Stop,
}

impl Files {
    async fn read(
        &self,
        mut reader: TailReader,
        trace: &logdrive::world::sim::Trace,
        clock: &logdrive::world::sim::SimClock,
    ) -> std::io::Result<()> {
        let mut told = 0;
        let mut spins = 0;
        let mut deadline = None;
        loop {
            if self.stop.is_asked() && deadline.is_none() {
                deadline = Some(self.world.clock.monotonic() + SHUTDOWN_LIMIT);
                reader.stop();
            }
            if deadline.is_some_and(|at| self.world.clock.monotonic() >= at) {
                break;
            }
            let polled = reader.poll();
            let notices: Vec<String> = reader.notices().skip(told).map(str::to_string).collect();
            told += notices.len();
            notices.into_iter().for_each(|text| trace.say(clock, || format!("process {}: {text}", self.process.id)));
            match polled {
                Poll::Batch(batch) => {
                    trace.say(clock, || format!("process {}: read {}", self.process.id, describe(&batch)));
                    self.process.point("read");
                    give_way().await;
                    while self.sync && reader.make_durable().is_err() {
                        self.world.clock.sleep(Duration::from_secs(1)).await;
                    }
                    self.process.point("durable");
                    give_way().await;
                    if !self.intake.submit_async(batch).await {
                        break;
                    }
                    self.work.ring();
                }
                Poll::Idle { wake_after } => {
                    spins = if wake_after < Duration::from_micros(100) { spins + 1 } else { 0 };
                    assert!(spins < SPINS_MAX, "the reader wants to be polled again and again, and does nothing");
                    let left = deadline
                        .map_or(wake_after, |at| wake_after.min(at.saturating_sub(self.world.clock.monotonic())));
                    either(self.world.clock.sleep(left), self.bell.wait()).await;
                }
                Poll::Finished => break,
            }
            give_way().await;
        }
        let result = reader.close();
        self.give_up.ask();
        result
    }
}

/// A batch in few words: from which files, which bytes.
fn describe(batch: &Batch) -> String {
    let mut out = format!("{} events:", batch.len());
    for (n, source) in (0u32..).zip(batch.sources()) {
        let offsets =
            || batch.events().iter().filter(|e| e.origin.source == n).map(|e| (e.origin.key, e.origin.offset));
        if let (Some((key, first)), Some((_, last))) = (offsets().next(), offsets().next_back()) {
            out.push_str(&format!(" {} {key:x} {first}..{last}", source.name));
        }
    }
    out
}

/// Folders that the program's own files lie in.
pub fn volatile() -> Vec<PathBuf> {
    vec![PathBuf::from("/data")]
}
