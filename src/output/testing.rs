//! A small world for the tests of outputs: a clock that jumps to the next sleeper, files in memory, a scripted server.

use super::dead_letter::{DEAD_LETTER_BYTES_MAX, DeadLetters};
use super::{Output, OutputCx, Parcel, Selected};
use crate::ack::{BatchAck, Tally};
use crate::event::json::{self, Decimals};
use crate::event::{Batch, Event, SourceMeta, Timestamp, Value};
use crate::runtime::Stop;
use crate::telemetry::Metrics;
use crate::world::fs::{DirEntry, FileKind, LockGuard, ReadFile, Stat, WriteFile, WriteMode};
use crate::world::net::{ByteStream, Listener, NetError, Request, Response, WholeBody};
use crate::world::{BoxFuture, Clock, Fs, Net, Random, World};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

pub type Answer = Result<(u16, String), NetError>;
type Script = Box<dyn Fn(usize, &Request) -> Answer + Send + Sync>;

pub struct TestClock {
    now: Mutex<Duration>,
    sleepers: Mutex<Vec<(Duration, Waker)>>,
}

/// The wall clock's start: 2024-03-05T23:59:50Z.
pub const START_SECS: i64 = 1_709_683_190;

impl TestClock {
    fn advance(&self, by: Duration) {
        let now = {
            let mut now = self.now.lock().unwrap();
            *now += by;
            *now
        };
        let mut sleepers = self.sleepers.lock().unwrap();
        let (due, rest) = std::mem::take(&mut *sleepers).into_iter().partition(|(t, _)| *t <= now);
        *sleepers = rest;
        drop(sleepers);
        let due: Vec<(Duration, Waker)> = due;
        due.into_iter().for_each(|(_, w)| w.wake());
    }

    /// Goes to the next sleeper's time; false when nobody sleeps.
    fn jump(&self) -> bool {
        let next = self.sleepers.lock().unwrap().iter().map(|(t, _)| *t).min();
        match next {
            Some(t) => {
                let now = *self.now.lock().unwrap();
                self.advance(t.saturating_sub(now));
                true
            }
            None => false,
        }
    }
}

struct Sleep(Arc<TestClock>, Duration);

impl Future for Sleep {
    type Output = ();
    fn poll(self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if *self.0.now.lock().unwrap() >= self.1 {
            return Poll::Ready(());
        }
        self.0.sleepers.lock().unwrap().push((self.1, cx.waker().clone()));
        Poll::Pending
    }
}

struct ClockDoor(Arc<TestClock>);

impl Clock for ClockDoor {
    fn now(&self) -> Timestamp {
        let t = *self.0.now.lock().unwrap();
        Timestamp::new(START_SECS + t.as_secs() as i64, t.subsec_nanos())
    }
    fn monotonic(&self) -> Duration {
        *self.0.now.lock().unwrap()
    }
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        let until = *self.0.now.lock().unwrap() + time;
        Box::pin(Sleep(Arc::clone(&self.0), until))
    }
}

type Content = Arc<Mutex<Vec<u8>>>;

/// Files in memory; `deny` makes every write fail.
#[derive(Default)]
pub struct MemFs {
    files: Mutex<BTreeMap<PathBuf, Content>>,
    pub deny: AtomicBool,
    pub syncs: AtomicU64,
}

impl MemFs {
    pub fn text(&self, path: &str) -> String {
        let files = self.files.lock().unwrap();
        files.get(Path::new(path)).map_or(String::new(), |c| String::from_utf8(c.lock().unwrap().clone()).unwrap())
    }
    pub fn paths(&self) -> Vec<String> {
        self.files.lock().unwrap().keys().map(|p| p.display().to_string()).collect()
    }
    pub fn put(&self, path: &str, text: &str) {
        let content = Arc::new(Mutex::new(text.as_bytes().to_vec()));
        self.files.lock().unwrap().insert(PathBuf::from(path), content);
    }
    pub fn bytes(&self, path: &str) -> Vec<u8> {
        self.files.lock().unwrap().get(Path::new(path)).map_or(vec![], |c| c.lock().unwrap().clone())
    }
}

struct MemFile(Content);

impl ReadFile for MemFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let content = self.0.lock().unwrap();
        let from = (offset as usize).min(content.len());
        let n = buffer.len().min(content.len() - from);
        buffer[..n].copy_from_slice(&content[from..from + n]);
        Ok(n)
    }
    fn stat(&self) -> io::Result<Stat> {
        Ok(stat_of(self.0.lock().unwrap().len() as u64, FileKind::File))
    }
}

fn stat_of(len: u64, kind: FileKind) -> Stat {
    Stat { kind, len, dev: 1, ino: 1, birth_ns: None, modified_ns: 0, links: 1, mode: 0o600, uid: 0 }
}

struct MemWrite(Content, Arc<MemFs>);

impl WriteFile for MemWrite {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.1.deny.load(Ordering::SeqCst) {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "full"));
        }
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    }
    fn sync(&mut self) -> io::Result<()> {
        self.1.syncs.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().len() as u64)
    }
    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.0.lock().unwrap().truncate(len as usize);
        Ok(())
    }
}

struct FsDoor(Arc<MemFs>);
struct NoLock;
impl LockGuard for NoLock {}

fn missing(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, path.display().to_string())
}

impl Fs for FsDoor {
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        let files = self.0.files.lock().unwrap();
        Ok(Box::new(MemFile(Arc::clone(files.get(path).ok_or_else(|| missing(path))?))))
    }
    fn open_write(&self, path: &Path, how: WriteMode, _mode: u32) -> io::Result<Box<dyn WriteFile>> {
        let mut files = self.0.files.lock().unwrap();
        let content = Arc::clone(files.entry(path.to_path_buf()).or_default());
        if how == WriteMode::Truncate {
            content.lock().unwrap().clear();
        }
        Ok(Box::new(MemWrite(content, Arc::clone(&self.0))))
    }
    fn stat(&self, path: &Path) -> io::Result<Stat> {
        self.open(path)?.stat()
    }
    fn stat_link(&self, path: &Path) -> io::Result<Stat> {
        self.stat(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let files = self.0.files.lock().unwrap();
        let names = files.keys().filter(|p| p.parent() == Some(dir)).filter_map(|p| p.file_name());
        Ok(names.map(|n| DirEntry { name: n.to_os_string(), kind: FileKind::File }).collect())
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut files = self.0.files.lock().unwrap();
        let content = files.remove(from).ok_or_else(|| missing(from))?;
        files.insert(to.to_path_buf(), content);
        Ok(())
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.files.lock().unwrap().remove(path).map(|_| ()).ok_or_else(|| missing(path))
    }
    fn create_dir_all(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }
    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }
    fn lock(&self, _path: &Path) -> io::Result<Box<dyn LockGuard>> {
        Ok(Box::new(NoLock))
    }
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_path_buf())
    }
    fn free_bytes(&self, _path: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

/// A server that answers by a script and remembers what it was asked.
pub struct TestNet {
    script: Mutex<Arc<Script>>,
    pub requests: Mutex<Vec<(Duration, Request)>>,
    clock: Arc<TestClock>,
}

struct NetDoor(Arc<TestNet>);

impl Net for NetDoor {
    fn exchange(&self, request: Request) -> BoxFuture<'static, Result<Response, NetError>> {
        let net = Arc::clone(&self.0);
        Box::pin(async move {
            let script = Arc::clone(&net.script.lock().unwrap());
            let n = {
                let mut requests = net.requests.lock().unwrap();
                requests.push((*net.clock.now.lock().unwrap(), request.clone()));
                requests.len() - 1
            };
            let (status, body) = (*script)(n, &request)?;
            Ok(Response { status, headers: vec![], body: Box::new(WholeBody(Some(Bytes::from(body)))) })
        })
    }
    fn connect(&self, _: &str, _: Duration) -> BoxFuture<'static, io::Result<Box<dyn ByteStream>>> {
        Box::pin(async { Err(io::Error::other("not in this world")) })
    }
    fn listen(&self, _: &str) -> BoxFuture<'static, io::Result<Box<dyn Listener>>> {
        Box::pin(async { Err(io::Error::other("not in this world")) })
    }
}

struct Dice(AtomicU64);

impl Random for Dice {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed) >> 7
    }
}

/// All of it together.
pub struct TestWorld {
    pub world: World,
    pub fs: Arc<MemFs>,
    pub net: Arc<TestNet>,
    pub clock: Arc<TestClock>,
}

#[allow(clippy::new_without_default, reason = "a world is made on purpose")]
impl TestWorld {
    pub fn new() -> TestWorld {
        let clock = Arc::new(TestClock { now: Mutex::new(Duration::from_secs(100)), sleepers: Mutex::new(vec![]) });
        let fs = Arc::new(MemFs::default());
        let refuse: Script = Box::new(|_, _| Err(NetError::Connect("refused".into())));
        let net = Arc::new(TestNet {
            script: Mutex::new(Arc::new(refuse)),
            requests: Mutex::new(vec![]),
            clock: Arc::clone(&clock),
        });
        let world = World {
            clock: Arc::new(ClockDoor(Arc::clone(&clock))),
            fs: Arc::new(FsDoor(Arc::clone(&fs))),
            net: Arc::new(NetDoor(Arc::clone(&net))),
            random: Arc::new(Dice(AtomicU64::new(1))),
        };
        TestWorld { world, fs, net, clock }
    }

    /// What the server answers from now on: to the n-th request since the start.
    pub fn answer(&self, script: impl Fn(usize, &Request) -> Answer + Send + Sync + 'static) {
        *self.net.script.lock().unwrap() = Arc::new(Box::new(script));
    }

    pub fn cx(&self) -> OutputCx {
        let metrics = Metrics::new();
        let letters =
            DeadLetters::new(self.world.clone(), metrics.clone(), Path::new("/dead.ndjson"), DEAD_LETTER_BYTES_MAX);
        OutputCx {
            world: self.world.clone(),
            metrics,
            stop: Stop::new(),
            dead_letters: Arc::new(letters),
            id: "out".to_string(),
            place: 0,
        }
    }

    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Runs a future to its end; when nothing can go on the clock jumps to the next sleeper.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        drive(future, Some(&self.clock), None).expect("the future ended")
    }

    /// As [`TestWorld::block_on`] but gives up when the clock would pass `until`; `None` then.
    pub fn block_until<T>(&self, until: Duration, future: impl Future<Output = T>) -> Option<T> {
        drive(future, Some(&self.clock), Some(until))
    }

    pub fn seconds(&self) -> f64 {
        self.clock.now.lock().unwrap().as_secs_f64() - 100.0
    }

    pub fn bodies(&self) -> Vec<String> {
        let requests = self.net.requests.lock().unwrap();
        requests.iter().map(|(_, r)| String::from_utf8(unzip(r)).unwrap()).collect()
    }

    pub fn urls(&self) -> Vec<String> {
        self.net.requests.lock().unwrap().iter().map(|(_, r)| r.url.clone()).collect()
    }

    /// Seconds since the start at which each request came.
    pub fn times(&self) -> Vec<f64> {
        self.net.requests.lock().unwrap().iter().map(|(t, _)| t.as_secs_f64() - 100.0).collect()
    }
}

/// The body of a request without its compression.
pub fn unzip(request: &Request) -> Vec<u8> {
    use std::io::Read;
    if request.headers.iter().any(|(k, v)| k.eq_ignore_ascii_case("content-encoding") && v == "gzip") {
        let mut out = Vec::new();
        flate2::read::GzDecoder::new(&request.body[..]).read_to_end(&mut out).unwrap();
        out
    } else {
        request.body.to_vec()
    }
}

struct Flag(AtomicBool);
impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn drive<T>(future: impl Future<Output = T>, clock: Option<&TestClock>, until: Option<Duration>) -> Option<T> {
    let flag = Arc::new(Flag(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&flag));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
            return Some(value);
        }
        if !flag.0.swap(false, Ordering::SeqCst) {
            let clock = clock.expect("the future waits for nothing");
            if let Some(until) = until {
                let next = clock.sleepers.lock().unwrap().iter().map(|(t, _)| *t).min();
                if next.is_none_or(|t| t > until) {
                    return None;
                }
            }
            assert!(clock.jump(), "the future waits for nothing");
            flag.0.store(false, Ordering::SeqCst);
        }
    }
}

/// Runs a future that does not sleep.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    drive(future, None, None).expect("no time limit")
}

/// A batch of events written as JSON, with offsets 0, 100, 200, ...; and the end of its account.
pub fn batch(events: &[&str]) -> (Batch, mpsc::Receiver<Tally>) {
    let (tx, rx) = mpsc::channel();
    let ack = BatchAck::new(move |t| {
        let _ = tx.send(t);
    });
    let source = SourceMeta::named("/var/log/a.log");
    let mut batch = Batch::new(ack);
    batch.change(|mut b| {
        let (source, _, _) = b.attach(&source);
        for (i, text) in events.iter().enumerate() {
            let text = b.arena.alloc_str(text);
            let value = json::parse(b.arena, text, Decimals::Double).unwrap();
            let origin =
                crate::event::Origin { key: 7, offset: i as u64 * 100, source, len: 100, ..Default::default() };
            let mut event = Event::new(b.arena, origin);
            for (k, v) in value.as_map().unwrap().entries {
                match (*k, v) {
                    ("@metadata", Value::Map(m)) => event.set_metadata(m),
                    ("@timestamp", Value::Str(s)) => {
                        let secs = s.parse().expect("tests give @timestamp as epoch seconds in a string");
                        event.push(k, Value::Timestamp(Timestamp::new(secs, 0)));
                    }
                    _ => event.push(k, *v),
                }
            }
            b.events.push(event);
        }
    });
    (batch, rx)
}

/// Encodes all events of a batch for an output and gives the account that follows.
pub fn parcel(output: &dyn Output, batch: &Batch) -> Parcel {
    let indices: Vec<u32> = (0..batch.len() as u32).collect();
    let mut parcel = Parcel::new(batch);
    output.encode(&Selected { batch, indices: &indices }, &mut parcel);
    let n = batch.len() as u64;
    assert_eq!(parcel.items.len() as u64, n, "an item for each event");
    batch.ack().account(Tally { read: n, routed: n, deliveries: n, ..Tally::default() });
    batch.ack().processed();
    parcel
}

/// Sends events through an output and returns how they ended.
pub fn send(t: &TestWorld, output: &dyn Output, events: &[&str]) -> Tally {
    let (batch, end) = batch(events);
    let parcel = parcel(output, &batch);
    drop(batch);
    t.block_on(output.deliver(parcel));
    end.try_recv().expect("every event ended")
}

/// Builds an output from its text in a configuration, as a run does; what is wrong instead, as `id: message`.
pub fn build(t: &TestWorld, text: &str, strict: bool) -> Result<super::registry::Built, Vec<String>> {
    use crate::config::build::BuildCx;
    use crate::config::diagnostic::Severity;
    use crate::config::logstash::ast::Stmt;
    use crate::config::source::SourceMap;
    use crate::config::variables::Variables;
    let mut sources = SourceMap::new();
    let text = format!("output {{ {text} }}");
    let file = sources.add("test.conf", text.clone());
    let (config, mut diagnostics) = crate::config::logstash::parse(file, &text, false);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let Stmt::Plugin(plugin) = &config.sections[0].body[0] else { panic!("{config:?}") };
    let lookup = |_: &str| None;
    let variables = Variables { lookup: &lookup, undefined: Severity::Error };
    let mut cx = BuildCx::new(&mut diagnostics, &t.world, &variables, &sources);
    let extras = super::registry::Extras {
        strict,
        stdout: Arc::new(Mutex::new(Box::new(io::sink()))),
        path_data: PathBuf::from("/data"),
        local: None,
    };
    let built = super::registry::build(plugin, &mut cx, t.cx(), &extras);
    match built {
        Some(built) if diagnostics.is_empty() => Ok(built),
        _ => Err(diagnostics.iter().map(|d| format!("{}: {}", d.id, d.message)).collect()),
    }
}
