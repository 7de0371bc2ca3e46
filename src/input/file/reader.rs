//! The reader: a state machine over all files of all inputs, polled by one thread or by a simulation.
//!
//! It looks for files, opens them, reads batches in turn, hears of acks, moves the registry. It never waits and never
//! blocks longer than one bounded piece of work; [`Poll::Idle`] says for how long there is nothing to do.
//!
//! # How to drive it
//! ```text
//! loop {
//!     match reader.poll() {
//!         Poll::Batch(batch) => { reader.make_durable()?; hand the batch on }
//!         Poll::Idle { wake_after } => wait that long, or until the waker calls
//!         Poll::Finished => break,
//!     }
//! }
//! reader.close()?
//! ```
//! After [`TailReader::stop`] it reads no more and finishes when everything in flight has ended; whoever cannot wait so long
//! calls [`TailReader::close`] at once, and the rest is read again by the next run.

use super::config::{FileInfo, Format, ReaderConfig};
use super::container::Partial;
use super::harvester::{Context, Harvester, Load, Room, Took};
use super::identity::{self, Content, FileId, Print, TAIL_BYTES_MAX, Verdict, read_full};
use super::prospector::{Found, Prospector, Scan};
use super::registry::{Mark, Moved, Record, Registry};
use crate::ack::BatchAck;
use crate::event::{Batch, Timestamp};
use crate::telemetry::{Counter, CounterName, Gauge, GaugeName, Metrics};
use crate::world::fs::{FileKind, LockGuard, ReadFile, Stat};
use crate::world::{Clock, Fs, Random, World};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tracing::{info, warn};

/// The record of a file that is gone is kept so long, should the file come back (a file system mounted again).
pub const REMOVED_RECORD_KEEP: Duration = Duration::from_secs(3600);
/// A removed file is kept open so long after its last news: its writer may not know yet that it was removed.
pub const REMOVED_FILE_WAIT: Duration = Duration::from_secs(2);
/// A new file with the content of a known one may be a copy whose original is about to be truncated; it waits so long.
pub const COPY_WAIT: Duration = Duration::from_secs(10);
/// A beginning of so many bytes in common shows that one file is a copy of another; fewer bytes many files share.
pub const COPY_PROOF_BYTES: u64 = 64;
/// A file waits at most so long for the one that had its name before.
pub const PREVIOUS_WAIT: Duration = Duration::from_secs(60);
/// Wait before an open that failed is tried again, and before the next scan while something hangs in the balance.
pub const RETRY_WAIT: Duration = Duration::from_secs(1);
/// Hints make at most one scan in this time.
pub const HINTED_SCAN_WAIT: Duration = Duration::from_millis(20);
/// Notices kept for those who ask.
pub const NOTICES_MAX: usize = 100;

/// The doors that the reader uses.
#[derive(Clone)]
pub struct Parts {
    pub clock: Arc<dyn Clock>,
    pub fs: Arc<dyn Fs>,
    pub random: Arc<dyn Random>,
}

impl From<&World> for Parts {
    fn from(world: &World) -> Parts {
        Parts { clock: Arc::clone(&world.clock), fs: Arc::clone(&world.fs), random: Arc::clone(&world.random) }
    }
}

/// What a call of [`TailReader::poll`] brought.
#[allow(clippy::large_enum_variant, reason = "batches are what it is for")]
pub enum Poll {
    /// Events. Call [`TailReader::make_durable`] before any of them leaves the process.
    Batch(Batch),
    /// Nothing to do for so long, unless something wakes it earlier.
    Idle { wake_after: Duration },
    /// With `once`: all is read and acknowledged. After `stop`: all that was in flight is acknowledged.
    Finished,
}

/// Where wake-ups are left: by acks, by whoever watches the disk. Cheap to clone.
#[derive(Clone, Default)]
pub struct Hints {
    inner: Arc<HintsInner>,
}

#[derive(Default)]
struct HintsInner {
    paths: Mutex<BTreeSet<PathBuf>>,
    moved: Mutex<BTreeSet<PathBuf>>,
    /// Look at everything.
    all: AtomicBool,
    waker: Mutex<Option<Arc<dyn Fn() + Send + Sync>>>,
}

/// More changed paths than this are "everything".
const HINT_PATHS_MAX: usize = 4096;

impl Hints {
    /// The content of this file changed. Only a hint: a wrong or missing one costs time, never a line.
    pub fn changed(&self, path: PathBuf) {
        self.put(&self.inner.paths, path);
    }

    /// Something of this name came, went or was renamed.
    pub fn moved(&self, path: PathBuf) {
        self.put(&self.inner.moved, path);
    }

    /// Hints were lost.
    pub fn changed_somewhere(&self) {
        self.inner.all.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Calls the waker.
    pub fn wake(&self) {
        let waker = self.inner.waker.lock().expect("never poisoned").clone();
        if let Some(waker) = waker {
            waker();
        }
    }

    /// What to call when the reader should be polled again; from any thread.
    pub fn set_waker(&self, waker: Arc<dyn Fn() + Send + Sync>) {
        *self.inner.waker.lock().expect("never poisoned") = Some(waker);
    }

    fn take(&self) -> (BTreeSet<PathBuf>, BTreeSet<PathBuf>, bool) {
        let paths = std::mem::take(&mut *self.inner.paths.lock().expect("never poisoned"));
        let moved = std::mem::take(&mut *self.inner.moved.lock().expect("never poisoned"));
        (paths, moved, self.inner.all.swap(false, Ordering::SeqCst))
    }

    fn put(&self, set: &Mutex<BTreeSet<PathBuf>>, path: PathBuf) {
        let mut paths = set.lock().expect("never poisoned");
        if paths.len() < HINT_PATHS_MAX {
            paths.insert(path);
        } else {
            self.inner.all.store(true, Ordering::SeqCst);
        }
        drop(paths);
        self.wake();
    }
}

/// A part of a batch that lies in one file.
struct Flight {
    batch: u64,
    moved: Moved,
    ended: bool,
}

/// What this run knows of a record beyond what the registry keeps.
#[derive(Default)]
struct Tracked {
    input: usize,
    /// The scan that last saw it under its path, or that searched for it; 0: none yet.
    seen: u64,
    /// The scan that first saw it in this run.
    born: u64,
    /// Where reading stands; beyond the registry's offset by what is in flight.
    read: Option<Moved>,
    /// There is nothing to open: gone, or read to the end of a copy.
    ended: bool,
    /// Acks do not move beyond this: the end of the copy that stands for the file.
    clamp: Option<Moved>,
    /// The first of the files of which this one may hold the rest of a line; itself where lines never go over files.
    lane: u64,
    /// The offset last put in flight.
    sent: Option<u64>,
    /// Unfinished lines of a content that is gone, for the next file.
    left: Vec<Partial>,
    /// Length when it was last looked at and found to need nothing.
    quiet_len: Option<u64>,
    modified_ns: i64,
    /// Since when it waits for the file before it.
    blocked: Option<Duration>,
    retry_at: Duration,
    /// With `once`: what is to be read.
    once_upto: Option<u64>,
    once_done: bool,
}

/// A new file that looks like a known one.
struct Suspect {
    of: u64,
    input: usize,
    /// Held open: should it be renamed to where no glob looks, it is read all the same.
    file: Box<dyn ReadFile>,
    /// The scan that last saw it.
    seen: u64,
    path: PathBuf,
    len: u64,
    since: Duration,
}

struct InputMetrics {
    events: Counter,
    bytes: Counter,
    cut: Counter,
    bad: Counter,
    lost: Counter,
    errors: Counter,
    open: Gauge,
    unread: Gauge,
}

/// Why a reader could not be made.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Glob(#[from] super::glob::GlobError),
    #[error("{}: another process uses this folder. Only one process may use a `path.data`; stop the other one or give this one its own", .0.display())]
    Locked(PathBuf),
    #[error("{}: {error}", .path.display())]
    Io { path: PathBuf, error: io::Error },
}

/// Reads all files of all inputs.
pub struct TailReader {
    config: ReaderConfig,
    world: Parts,
    metrics: Vec<InputMetrics>,
    prospector: Prospector,
    registry: Registry,
    _lock: Box<dyn LockGuard>,
    tracked: BTreeMap<u64, Tracked>,
    files: BTreeMap<u64, Harvester>,
    /// Records to open.
    wanting: BTreeSet<u64>,
    /// Keys of records by inode.
    by_ino: BTreeMap<u64, Vec<u64>>,
    /// The last record that was found at a path.
    by_path: BTreeMap<PathBuf, u64>,
    suspects: BTreeMap<(u64, u64), Suspect>,
    /// What moves, by lane, in the order of reading.
    flights: BTreeMap<u64, VecDeque<Flight>>,
    /// The files of a lane.
    lanes: BTreeMap<u64, BTreeSet<u64>>,
    /// Of lanes with unfinished lines: the files that would be read again because of them, as last put in flight,
    /// and how far they are read.
    behind: BTreeMap<u64, BTreeMap<u64, (Moved, u64)>>,
    /// The lanes that a batch moves.
    batches: BTreeMap<u64, Vec<u64>>,
    next_batch: u64,
    ended_tx: mpsc::Sender<u64>,
    ended_rx: mpsc::Receiver<u64>,
    hints: Hints,
    dirs: BTreeSet<PathBuf>,
    scans: u64,
    next_scan: Duration,
    /// The file whose turn is next.
    turn: u64,
    stopping: bool,
    /// No descriptor was free; new files wait until then.
    starved_until: Option<Duration>,
    starved_said: bool,
    /// The last scan could not open all new files.
    skipped: bool,
    /// Hints make no scan earlier than this.
    scan_allowed: Duration,
    registry_error_said: bool,
    /// Paths whose state was said, and which.
    said: BTreeMap<PathBuf, String>,
    notices: VecDeque<String>,
}

impl TailReader {
    /// Takes the lock, reads the registry. Files are looked for by the first poll.
    ///
    /// # Errors
    /// A glob that is malformed; another process in the same folder; the disk's.
    pub fn new(config: ReaderConfig, world: Parts, metrics: &Metrics) -> Result<TailReader, StartError> {
        assert!(config.batch_events_max > 0 && config.batch_bytes_max > 0, "a batch takes something");
        let prospector = Prospector::new(&config.inputs)?;
        let at = |path: &Path| {
            let path = path.to_path_buf();
            move |error| StartError::Io { path, error }
        };
        world.fs.create_dir_all(&config.data_dir).map_err(at(&config.data_dir))?;
        // the folder's own name must survive; where somebody else made it, its parent may be closed to us
        if let Some(parent) = config.data_dir.parent().filter(|p| !p.as_os_str().is_empty()) {
            match world.fs.sync_dir(parent) {
                Err(e) if e.kind() != io::ErrorKind::PermissionDenied => return Err(at(parent)(e)),
                _ => {}
            }
        }
        let lock_path = config.data_dir.join("logdrive.lock");
        let lock = match world.fs.lock(&lock_path) {
            Ok(lock) => lock,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Err(StartError::Locked(config.data_dir.clone())),
            Err(error) => return Err(StartError::Io { path: lock_path, error }),
        };
        let registry_dir = config.data_dir.join("registry");
        let registry = Registry::open(Arc::clone(&world.fs), &registry_dir).map_err(at(&registry_dir))?;
        let input_metrics = config.inputs.iter().map(|input| {
            let labels = [("input", input.name.as_str())];
            InputMetrics {
                events: metrics.counter(CounterName::InputEvents, &labels),
                bytes: metrics.counter(CounterName::InputBytes, &labels),
                cut: metrics.counter(CounterName::InputCutBytes, &labels),
                bad: metrics.counter(CounterName::InputBadLines, &labels),
                lost: metrics.counter(CounterName::InputLostBytes, &labels),
                errors: metrics.counter(CounterName::InputFileErrors, &labels),
                open: metrics.gauge(GaugeName::InputOpenFiles, &labels),
                unread: metrics.gauge(GaugeName::InputUnreadBytes, &labels),
            }
        });
        let input_metrics = input_metrics.collect();
        let (ended_tx, ended_rx) = mpsc::channel();
        let mut reader = TailReader {
            config,
            world,
            metrics: input_metrics,
            prospector,
            registry,
            _lock: lock,
            tracked: BTreeMap::new(),
            files: BTreeMap::new(),
            wanting: BTreeSet::new(),
            by_ino: BTreeMap::new(),
            by_path: BTreeMap::new(),
            suspects: BTreeMap::new(),
            flights: BTreeMap::new(),
            lanes: BTreeMap::new(),
            behind: BTreeMap::new(),
            batches: BTreeMap::new(),
            next_batch: 1,
            ended_tx,
            ended_rx,
            hints: Hints::default(),
            dirs: BTreeSet::new(),
            scans: 0,
            next_scan: Duration::ZERO,
            turn: 0,
            stopping: false,
            starved_until: None,
            starved_said: false,
            skipped: false,
            scan_allowed: Duration::ZERO,
            registry_error_said: false,
            said: BTreeMap::new(),
            notices: VecDeque::new(),
        };
        if reader.registry.cut_bytes > 0 {
            let cut = reader.registry.cut_bytes;
            reader.notice(format!("registry: {cut} bytes of an unfinished write were cut off after a crash"));
        }
        let records: Vec<Record> = reader.registry.records().values().cloned().collect();
        for record in records {
            reader.track(&record);
        }
        Ok(reader)
    }

    // ---- what the runtime calls ----

    /// One step.
    pub fn poll(&mut self) -> Poll {
        self.take_ended();
        let now = self.world.clock.monotonic();
        if self.stopping {
            if self.batches.is_empty() {
                return Poll::Finished;
            }
            return Poll::Idle { wake_after: RETRY_WAIT };
        }
        let mut scan = self.scans == 0 || now >= self.next_scan;
        let (changed, moved, all) = self.hints.take();
        let mut hinted =
            moved.iter().any(|p| self.dirs.contains(p) || p.parent().is_some_and(|d| self.dirs.contains(d)));
        for path in &changed {
            let known = self.by_path.get(path).filter(|key| self.record(**key).path == *path).copied();
            match known.and_then(|key| self.files.get_mut(&key)) {
                Some(file) => file.due = now,
                // a file that is not open or not known: created, or written to again
                None => hinted |= self.prospector.input_of(path).is_some(),
            }
        }
        if all {
            hinted = true;
            self.files.values_mut().for_each(|f| f.due = now);
        }
        if hinted {
            self.next_scan = self.next_scan.min(self.scan_allowed);
            scan |= now >= self.next_scan;
        }
        if scan {
            self.scan(now);
        }
        self.open_wanting(now);
        if let Some(batch) = self.read_batch(now) {
            return Poll::Batch(batch);
        }
        self.flush();
        if self.config.once && self.batches.is_empty() && self.once_is_done() {
            return Poll::Finished;
        }
        Poll::Idle { wake_after: self.wake_after(now) }
    }

    /// Returns once everything that events handed out so far depend on survives a crash: the keys of their files, the times
    /// at which they were read. One `fdatasync` for all batches since the last call; none if nothing is new.
    ///
    /// # Errors
    /// The disk's. The events must not leave then; call again later.
    pub fn make_durable(&mut self) -> io::Result<()> {
        self.registry.make_durable()
    }

    /// Reads no more; `poll` finishes when all in flight has ended.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// Writes the registry and gives the folder free. What is still in flight is read again by the next run.
    ///
    /// # Errors
    /// The disk's; what the registry held before stays valid.
    pub fn close(mut self) -> io::Result<()> {
        self.take_ended();
        let result = self.registry.fold();
        for metrics in &self.metrics {
            metrics.open.set(0);
        }
        result
    }

    /// Where to leave hints, and the waker to set.
    pub fn hints(&self) -> Hints {
        self.hints.clone()
    }

    /// The folders worth watching, as of the last scan.
    pub fn dirs(&self) -> &BTreeSet<PathBuf> {
        &self.dirs
    }

    /// Batches handed out whose events have not all ended.
    pub fn in_flight(&self) -> usize {
        self.batches.len()
    }

    /// The last things that were worth a line in the log.
    pub fn notices(&self) -> impl Iterator<Item = &str> {
        self.notices.iter().map(String::as_str)
    }

    /// What is kept of every file.
    pub fn records(&self) -> &BTreeMap<u64, Record> {
        self.registry.records()
    }

    /// Asks the builder again for the metadata of every file, before its next line.
    pub fn renew_meta(&mut self) {
        self.files.values_mut().for_each(|f| f.meta = None);
    }

    // ---- words ----

    fn notice(&mut self, text: String) {
        warn!(target: "input", "{text}");
        if self.notices.len() == NOTICES_MAX {
            self.notices.pop_front();
        }
        self.notices.push_back(text);
    }

    /// Says something about a path, once until it changes.
    fn say_once(&mut self, path: &Path, what: String) -> bool {
        if self.said.get(path) == Some(&what) {
            return false;
        }
        self.said.insert(path.to_path_buf(), what.clone());
        self.notice(format!("{}: {what}", path.display()));
        true
    }

    // ---- bookkeeping ----

    fn track(&mut self, record: &Record) {
        self.by_ino.entry(record.id.ino).or_default().push(record.key);
        self.by_path.insert(record.home.clone(), record.key);
        self.by_path.entry(record.path.clone()).or_insert(record.key);
        // a rotated file is known to its input by the name it had
        let input =
            self.prospector.input_of(&record.path).or_else(|| self.prospector.input_of(&record.home)).unwrap_or(0);
        let ended = record.gone_secs.is_some() && record.marks.is_empty();
        self.tracked.insert(record.key, Tracked { input, ended, lane: record.key, ..Tracked::default() });
        let before = record.prev.filter(|_| self.is_container(record.key)).and_then(|p| self.tracked.get(&p));
        let lane = before.map_or(record.key, |t| t.lane);
        self.tracked.get_mut(&record.key).expect("just put there").lane = lane;
        self.lanes.entry(lane).or_default().insert(record.key);
    }

    /// Writes a changed record.
    fn put(&mut self, record: Record) {
        if let Some(old) = self.registry.get(record.key) {
            let (old_ino, old_path) = (old.id.ino, old.path.clone());
            if old_ino != record.id.ino {
                self.forget_ino(old_ino, record.key);
                self.by_ino.entry(record.id.ino).or_default().push(record.key);
            }
            if old_path != record.path {
                self.by_path.insert(record.path.clone(), record.key);
                if old_path != record.home && self.by_path.get(&old_path) == Some(&record.key) {
                    self.by_path.remove(&old_path);
                }
            }
        }
        self.registry.put(record);
    }

    fn forget_ino(&mut self, ino: u64, key: u64) {
        if let Some(keys) = self.by_ino.get_mut(&ino) {
            keys.retain(|k| *k != key);
            if keys.is_empty() {
                self.by_ino.remove(&ino);
            }
        }
    }

    fn forget(&mut self, key: u64) {
        let Some(record) = self.registry.get(key).cloned() else { return };
        self.forget_ino(record.id.ino, key);
        for path in [&record.path, &record.home] {
            if self.by_path.get(path) == Some(&key) {
                self.by_path.remove(path);
            }
        }
        if let Some(tracked) = self.tracked.remove(&key) {
            if let Some(keys) = self.lanes.get_mut(&tracked.lane) {
                keys.remove(&key);
                if keys.is_empty() {
                    self.lanes.remove(&tracked.lane);
                    self.behind.remove(&tracked.lane);
                }
            }
            if let Some(behind) = self.behind.get_mut(&tracked.lane) {
                behind.remove(&key);
            }
        }
        self.wanting.remove(&key);
        self.registry.forget(key);
    }

    fn record(&self, key: u64) -> &Record {
        self.registry.get(key).expect("a tracked file has a record")
    }

    /// How far the content of a record was read.
    fn content(&self, key: u64) -> Content {
        let record = self.record(key);
        match self.files.get(&key) {
            Some(f) => match f.left {
                Some((upto, tail)) if upto > f.offset => Content { head: record.head, upto, tail },
                _ => Content { head: record.head, upto: f.offset, tail: f.tail },
            },
            None => match self.tracked.get(&key).and_then(|t| t.read) {
                Some(read) => Content { head: record.head, upto: read.offset, tail: read.tail },
                None => record.content(),
            },
        }
    }

    /// A key for a new file: time of first sight, then chance. Always greater than all before, whatever the clock does, so
    /// that the order of keys is the order of first sight.
    fn new_key(&self, wall: Timestamp) -> u64 {
        // 42 bits of milliseconds reach the year 2109
        let time = (wall.epoch_millis().max(1) as u64 & ((1 << 42) - 1)) << 22;
        let chance = self.world.random.next_u64() >> 42;
        let last = self.registry.records().last_key_value().map_or(0, |(key, _)| *key);
        if time > last { time | chance } else { last + 1 + (chance & 0xFF) }
    }

    fn lost(&mut self, key: u64, bytes: u64, why: &str) {
        let input = self.tracked[&key].input;
        if let Some(m) = self.metrics.get(input) {
            m.lost.inc_by(bytes);
        }
        let path = self.record(key).path.display().to_string();
        self.notice(format!("{path}: {bytes} bytes could not be read: {why}"));
    }

    // ---- acks ----

    fn take_ended(&mut self) {
        let mut work = BTreeSet::new();
        while let Ok(batch) = self.ended_rx.try_recv() {
            for lane in self.batches.remove(&batch).expect("a batch ends once") {
                for flight in self.flights.get_mut(&lane).into_iter().flatten() {
                    flight.ended |= flight.batch == batch;
                }
                work.insert(lane);
            }
        }
        let mut last = BTreeMap::new();
        for lane in work {
            let flights = self.flights.get_mut(&lane).expect("it has something in flight");
            while flights.front().is_some_and(|f| f.ended) {
                let flight = flights.pop_front().expect("just looked at");
                last.insert(flight.moved.key, flight.moved);
            }
            if flights.is_empty() {
                self.flights.remove(&lane);
            }
        }
        let mut moved = Vec::new();
        for (key, to) in last {
            let clamp = self.tracked.get(&key).and_then(|t| t.clamp);
            moved.push(match clamp {
                Some(end) if to.offset > end.offset => end,
                _ => to,
            });
        }
        if !moved.is_empty() {
            self.registry.moved(moved);
            self.flush();
        }
    }

    fn flush(&mut self) {
        match self.registry.flush() {
            Ok(()) => self.registry_error_said = false,
            Err(e) => {
                if !self.registry_error_said {
                    self.registry_error_said = true;
                    self.notice(format!(
                        "registry: cannot write: {e}; it is tried again, and no event leaves meanwhile that needs it"
                    ));
                }
            }
        }
    }

    fn is_container(&self, key: u64) -> bool {
        self.config.inputs.get(self.tracked[&key].input).is_some_and(|i| matches!(i.format, Format::Container { .. }))
    }

    // ---- looking for files ----

    fn scan(&mut self, now: Duration) {
        self.scans += 1;
        self.skipped = false;
        let first = self.scans == 1;
        let fs = Arc::clone(&self.world.fs);
        let Scan { mut files, dirs, errors, others } = self.prospector.scan(&*fs);
        // an original before its copy
        // and of container logs born in the same tick of the file system's clock, the one that was rotated more often
        files.sort_by_key(|f| {
            let container = matches!(self.config.inputs[f.input].format, Format::Container { .. });
            let number = f.path.extension().and_then(|e| e.to_str()).and_then(|e| e.parse::<u64>().ok());
            (f.stat.birth_ns, std::cmp::Reverse(number.filter(|_| container)))
        });
        let complete = errors.is_empty();
        self.dirs = dirs;
        let mut said = BTreeSet::new();
        for (path, error) in errors {
            said.insert(path.clone());
            if self.say_once(&path, format!("cannot be read: {error}")) {
                let input = self.prospector.input_of(&path).unwrap_or(0);
                if let Some(m) = self.metrics.get(input) {
                    m.errors.inc();
                }
            }
        }
        for (path, what) in others {
            said.insert(path.clone());
            self.say_once(&path, format!("is {what}; it is not read"));
        }
        let mut fresh = Vec::new();
        for found in files {
            said.insert(found.path.clone());
            if let Err(e) = self.consider(&found, now, &mut fresh) {
                self.file_error(found.input, &found.path, &e, now);
            } else if !self.starved(now) && self.said.get(&found.path).is_some_and(|s| s.starts_with("is ")) {
                self.said.remove(&found.path);
            }
        }
        self.said.retain(|path, _| said.contains(path));
        if complete {
            self.suspects_gone(now);
            let missing: Vec<u64> = self
                .tracked
                .iter()
                .filter(|(k, t)| t.seen != self.scans && !t.ended && !self.files.contains_key(k))
                .map(|(k, _)| *k)
                .collect();
            for key in missing {
                self.missing(key, now);
            }
            self.clean();
        }
        if first {
            self.report_missed(&fresh);
        }
        let every = self
            .config
            .inputs
            .iter()
            .map(|i| i.scan_frequency)
            .min()
            .unwrap_or(RETRY_WAIT)
            .max(Duration::from_millis(10));
        let every = if self.suspects.is_empty() && complete { every } else { every.min(RETRY_WAIT) };
        let every = if self.skipped { every.min(RETRY_WAIT) } else { every };
        self.next_scan = now + every;
        // hints of a busy folder must not make scanning all there is
        let took = self.world.clock.monotonic().saturating_sub(now);
        self.scan_allowed = now + HINTED_SCAN_WAIT.max(took * 10);
        self.set_gauges();
    }

    /// Decides what a file is that a glob found.
    fn consider(&mut self, found: &Found, now: Duration, fresh: &mut Vec<PathBuf>) -> io::Result<()> {
        let id = FileId::of(&found.stat);
        // the newest record is the present content of the inode
        let known = self
            .by_ino
            .get(&id.ino)
            .and_then(|keys| keys.iter().filter(|k| self.record(**k).id.may_be(&id)).max().copied());
        match known {
            Some(key) => {
                self.confirm(key, found, id, now);
                Ok(())
            }
            None if found.stat.len == 0 => Ok(()),
            None => self.new_file(found, now, fresh),
        }
    }

    /// A file that is known by its inode.
    fn confirm(&mut self, key: u64, found: &Found, id: FileId, now: Duration) {
        let scans = self.scans;
        let already = self.tracked[&key].seen == scans;
        let record = self.record(key);
        let (mut put, mut new) = (false, record.clone());
        if record.path != found.path && !already {
            // renamed, unless the old name is still another name of it
            let old = self.world.fs.stat_link(&record.path);
            if !old.is_ok_and(|s| record.id.may_be(&FileId::of(&s))) {
                new.path = found.path.clone();
                put = true;
            }
        }
        if record.id != id {
            new.id = id;
            put = true;
        }
        if record.gone_secs.is_some() {
            new.gone_secs = None;
            put = true;
        }
        if put {
            self.put(new);
        }
        if self.record(key).path == found.path {
            self.by_path.insert(found.path.clone(), key);
        }
        let upto = self.content(key).upto;
        let (resume, head_len) = (self.record(key).offset, u64::from(self.record(key).head.len));
        let seen_secs = self.record(key).seen_secs;
        let tracked = self.tracked.get_mut(&key).expect("tracked");
        let first = tracked.seen == 0;
        tracked.seen = scans;
        tracked.input = found.input;
        tracked.ended = false;
        if tracked.once_upto.is_none() {
            tracked.once_upto = Some(found.stat.len);
        }
        if let Some(file) = self.files.get_mut(&key) {
            file.len = file.len.max(found.stat.len);
            return;
        }
        // it is read to the end; but without times of birth this may be another file under the same number
        if tracked.clamp.is_some() && found.stat.birth_ns.is_some() {
            return;
        }
        let from = if tracked.read.is_some() { upto } else { resume };
        let unread = found.stat.len != from || found.stat.len < upto || found.stat.len < head_len;
        let changed = tracked.quiet_len != Some(found.stat.len) || tracked.modified_ns != found.stat.modified_ns;
        if !changed {
            return;
        }
        tracked.quiet_len = Some(found.stat.len);
        tracked.modified_ns = found.stat.modified_ns;
        // unchanged in length but perhaps written to since it was last heard of: it may be other content
        let written = !first || found.stat.modified_ns.div_euclid(1_000_000_000) >= seen_secs;
        if unread || written {
            tracked.retry_at = now;
            self.wanting.insert(key);
        }
    }

    fn new_file(&mut self, found: &Found, now: Duration, fresh: &mut Vec<PathBuf>) -> io::Result<()> {
        if self.starved(now) || self.files.len() >= self.config.open_files_max {
            // it is found again by the next scan
            self.skipped = true;
            self.say_starved();
            return Ok(());
        }
        let file = self.world.fs.open(&found.path)?;
        let stat = file.stat()?;
        if !FileId::of(&found.stat).may_be(&FileId::of(&stat)) || stat.len == 0 {
            return Ok(());
        }
        if self.is_suspect(found, &*file, &stat, now)? {
            return Ok(());
        }
        fresh.push(found.path.clone());
        self.adopt(found, file, &stat, now, None)
    }

    /// Whether a new file may be a copy of a known one that will be truncated next.
    fn is_suspect(&mut self, found: &Found, file: &dyn ReadFile, stat: &Stat, now: Duration) -> io::Result<bool> {
        let place = (stat.dev, stat.ino);
        if self.config.once {
            return Ok(false);
        }
        let dir = found.path.parent().map(Path::to_path_buf);
        let of = match self.suspects.get(&place) {
            Some(s) => Some(s.of),
            None => {
                let mut hit = None;
                let keys: Vec<u64> = self.tracked.iter().filter(|(_, t)| !t.ended).map(|(k, _)| *k).collect();
                for key in keys {
                    let record = self.record(key);
                    let younger = match (record.id.birth_ns, stat.birth_ns) {
                        (Some(old), Some(new)) => new >= old,
                        _ => true,
                    };
                    // a file that was renamed is rotated already; copytruncate never moves the original
                    let same_dir = record.path.parent() == dir.as_deref() && record.path == record.home;
                    if !same_dir || !younger || record.head.len == 0 {
                        continue;
                    }
                    let whole = record.head.is_at(file, 0)?;
                    // a copy that is being written may be shorter than what is known of its original's beginning
                    let begun = !whole
                        && stat.len < u64::from(record.head.len)
                        && match self.original(key)? {
                            Some((original, len)) => stat.len <= len && same_content(&*original, file, stat.len)?,
                            None => false,
                        };
                    if whole || begun {
                        hit = Some(key);
                        break;
                    }
                }
                hit
            }
        };
        let Some(of) = of else { return Ok(false) };
        let same = match self.original(of)? {
            Some((original, len)) => {
                let same = stat.len <= len && same_content(&*original, file, stat.len)?;
                if !same && self.original(of)?.is_none() {
                    // emptied while it was compared; the next scan sees it so
                    self.skipped = true;
                    return Ok(true);
                }
                same
            }
            // the original holds other content by now: it is looked at next, and finds its copy here
            None => {
                let content = self.content(of);
                let record = self.record(of);
                let moved = self.world.fs.stat_link(&record.path).map(|s| !record.id.may_be(&FileId::of(&s)));
                if !self.suspects.contains_key(&place) && moved.unwrap_or(true) {
                    return Ok(false);
                }
                let copy = self.suspects.contains_key(&place) || (content.upto > 0 && content.is_in(file, stat.len)?);
                if copy {
                    match self.files.get_mut(&of) {
                        Some(f) => f.due = now,
                        None => {
                            self.tracked.get_mut(&of).expect("tracked").retry_at = now;
                            self.wanting.insert(of);
                        }
                    }
                }
                copy
            }
        };
        if !same {
            self.suspects.remove(&place);
            return Ok(false);
        }
        if !self.suspects.contains_key(&place) {
            let file = self.world.fs.open(&found.path)?;
            let again = file.stat()?;
            if (again.dev, again.ino) != place {
                return Ok(true);
            }
            let (path, seen) = (found.path.clone(), self.scans);
            let suspect = Suspect { of, input: found.input, file, seen, path, len: stat.len, since: now };
            self.suspects.insert(place, suspect);
        }
        let suspect = self.suspects.get_mut(&place).expect("just put there");
        suspect.seen = self.scans;
        suspect.path.clone_from(&found.path);
        if suspect.len != stat.len {
            // the copy is still being written
            suspect.len = stat.len;
            suspect.since = now;
        }
        if now.saturating_sub(suspect.since) >= COPY_WAIT {
            self.suspects.remove(&place);
            return Ok(false);
        }
        Ok(true)
    }

    /// Files that were held back and are not where they were: they are read now.
    fn suspects_gone(&mut self, now: Duration) {
        let gone: Vec<_> =
            self.suspects.iter().filter(|(_, s)| s.seen != self.scans).map(|(place, _)| *place).collect();
        for place in gone {
            let suspect = self.suspects.remove(&place).expect("listed");
            let result = suspect.file.stat().and_then(|stat| {
                let found = Found { path: suspect.path.clone(), stat: stat.clone(), input: suspect.input };
                self.adopt(&found, suspect.file, &stat, now, None)
            });
            if let Err(e) = result {
                self.file_error(suspect.input, &suspect.path, &e, now);
            }
        }
    }

    /// The file of a record, opened anew.
    fn original(&self, key: u64) -> io::Result<Option<(Box<dyn ReadFile>, u64)>> {
        let Some(record) = self.registry.get(key) else { return Ok(None) };
        let file = match self.world.fs.open(&record.path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let stat = file.stat()?;
        let same = record.id.may_be(&FileId::of(&stat)) && self.content(key).is_in(&*file, stat.len)?;
        Ok(same.then_some((file, stat.len)))
    }

    /// Begins a record for a file, and reading it.
    fn adopt(
        &mut self,
        found: &Found,
        file: Box<dyn ReadFile>,
        stat: &Stat,
        now: Duration,
        after: Option<(u64, (u64, Print, u64))>,
    ) -> io::Result<()> {
        let wall = self.world.clock.now();
        let head = identity::head_of(&*file)?;
        let config = &self.config.inputs[found.input];
        let age = wall.epoch_secs().saturating_sub(stat.modified_ns.div_euclid(1_000_000_000)).max(0) as u64;
        let old = !config.ignore_older.is_zero() && age > config.ignore_older.as_secs();
        let (offset, tail, done) = match after {
            Some((_, start)) => start,
            None if old || config.tail_files => (stat.len, end_print(&*file, stat.len)?, stat.len),
            None => (0, Print::default(), 0),
        };
        let old = old && after.is_none();
        let container = matches!(config.format, Format::Container { .. });
        let home = if container { rotation_home(&found.path) } else { found.path.clone() };
        let prev = after.map(|(key, _)| key).or_else(|| self.by_path.get(&home).copied());
        let key = self.new_key(wall);
        let record = Record {
            key,
            path: found.path.clone(),
            home,
            id: FileId::of(stat),
            head,
            offset,
            done,
            tail,
            prev,
            marks: VecDeque::new(),
            seen_secs: wall.epoch_secs(),
            gone_secs: None,
        };
        info!(target: "input", "{}: new file, read from {offset}", found.path.display());
        self.track(&record);
        self.registry.put(record);
        let tracked = self.tracked.get_mut(&key).expect("just tracked");
        (tracked.input, tracked.seen, tracked.born) = (found.input, self.scans, self.scans);
        tracked.once_upto = Some(stat.len);
        if old {
            tracked.quiet_len = Some(stat.len);
            tracked.modified_ns = stat.modified_ns;
            return Ok(());
        }
        let mut harvester = Harvester::new(key, found.input, found.path.clone(), file, (offset, tail, done), now);
        harvester.head = head;
        harvester.released = prev.is_none();
        self.files.insert(key, harvester);
        Ok(())
    }

    /// A known file that no glob finds any more: it is searched in its folder under any name.
    fn missing(&mut self, key: u64, now: Duration) {
        let scans = self.scans;
        let tracked = self.tracked.get_mut(&key).expect("tracked");
        if tracked.clamp.is_some() {
            // read to the end of its copy: who waits for it need not wait
            tracked.seen = scans;
            return;
        }
        let record = self.record(key);
        if let Ok(stat) = self.world.fs.stat_link(&record.path) {
            let same = record.id.may_be(&FileId::of(&stat));
            let tracked = self.tracked.get_mut(&key).expect("tracked");
            if same && tracked.quiet_len == Some(stat.len) && tracked.modified_ns == stat.modified_ns {
                tracked.seen = scans;
                return;
            }
        }
        let found = self.search(key);
        match found {
            Ok(Some((path, _, stat))) => {
                let record = self.record(key);
                if record.path != path || record.id != FileId::of(&stat) {
                    let mut record = record.clone();
                    info!(target: "input", "{}: found again as {}", record.path.display(), path.display());
                    record.path = path;
                    record.id = FileId::of(&stat);
                    self.put(record);
                }
                let upto =
                    if self.tracked[&key].read.is_some() { self.content(key).upto } else { self.record(key).offset };
                let tracked = self.tracked.get_mut(&key).expect("tracked");
                tracked.seen = scans;
                tracked.once_upto.get_or_insert(stat.len);
                let news = tracked.quiet_len != Some(stat.len);
                tracked.quiet_len = Some(stat.len);
                tracked.modified_ns = stat.modified_ns;
                if stat.len > upto && news {
                    tracked.retry_at = now;
                    self.wanting.insert(key);
                }
            }
            Ok(None) => {
                let tracked = self.tracked.get_mut(&key).expect("tracked");
                tracked.seen = scans;
                tracked.ended = true;
                let quiet = tracked.quiet_len;
                self.wanting.remove(&key);
                let mut record = self.record(key).clone();
                let upto = self.content(key).upto;
                let known = quiet.unwrap_or(0).max(record.marks.back().map_or(0, |m| m.upto)).max(record.done);
                let lost = known.saturating_sub(if self.tracked[&key].read.is_some() { upto } else { record.offset });
                if lost > 0 {
                    self.lost(key, lost, "the file is gone");
                }
                record.gone_secs = Some(self.world.clock.now().epoch_secs());
                if !self.in_flight_of(key) {
                    record.marks.clear();
                }
                self.put(record);
            }
            // not known: asked again by the next scan
            Err(e) => {
                let path = self.record(key).path.clone();
                self.file_error(self.tracked[&key].input, &path, &e, now);
            }
        }
    }

    /// Searches the content of a record in its folder: the same file under another name, or a copy of it.
    #[allow(clippy::type_complexity, reason = "used twice")]
    fn search(&mut self, key: u64) -> io::Result<Option<(PathBuf, Box<dyn ReadFile>, Stat)>> {
        let record = self.record(key).clone();
        let content = self.content(key);
        let dir = record.path.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf);
        let entries = match self.world.fs.list(&dir) {
            Ok(entries) => entries,
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
            Err(e) => return Err(e),
        };
        let mut copy: Option<(PathBuf, Box<dyn ReadFile>, Stat)> = None;
        for entry in entries.iter().filter(|e| e.kind == FileKind::File) {
            let path = dir.join(&entry.name);
            let stat = match self.world.fs.stat_link(&path) {
                Ok(stat) => stat,
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(e),
            };
            let id = FileId::of(&stat);
            let same_file = record.id.may_be(&id);
            let taken =
                self.by_ino.get(&id.ino).into_iter().flatten().any(|k| *k != key && self.record(*k).id.may_be(&id));
            // a copy must show that it is one
            // (with nothing read yet the head must do: then the whole of it is read, and nothing can be doubled)
            let worth = (content.upto > 0 || content.head.len > 0) && stat.len >= content.upto;
            if !same_file && (taken || !worth) {
                continue;
            }
            let file = match self.world.fs.open(&path) {
                Ok(file) => file,
                Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => continue,
                Err(e) => return Err(e),
            };
            let stat = file.stat()?;
            if !content.is_in(&*file, stat.len)? {
                continue;
            }
            if same_file && !taken {
                return Ok(Some((path, file, stat)));
            }
            if !same_file && copy.as_ref().is_none_or(|(_, _, s)| s.modified_ns < stat.modified_ns) {
                copy = Some((path, file, stat));
            }
        }
        Ok(copy)
    }

    /// Forgets what was gone or silent long enough.
    fn clean(&mut self) {
        let wall = self.world.clock.now().epoch_secs();
        let mut forget = Vec::new();
        for (key, tracked) in &self.tracked {
            if self.files.contains_key(key) || self.in_flight_of(*key) || self.wanting.contains(key) {
                continue;
            }
            let record = self.record(*key);
            let config = self.config.inputs.get(tracked.input);
            let removed = config.is_none_or(|c| c.clean_removed)
                && record.gone_secs.is_some_and(|s| wall - s >= REMOVED_RECORD_KEEP.as_secs() as i64);
            let inactive = config.filter(|c| !c.clean_inactive.is_zero()).is_some_and(|c| {
                let last = record.seen_secs.max(tracked.modified_ns.div_euclid(1_000_000_000));
                wall - last >= c.clean_inactive.as_secs() as i64
            });
            if removed || inactive {
                forget.push(*key);
            }
        }
        for key in forget {
            self.forget(key);
        }
    }

    /// At start: files beside the known ones that came and went while nobody looked.
    fn report_missed(&mut self, fresh: &[PathBuf]) {
        let Some(last_run) = self.registry.last_run_ns else { return };
        if self.registry.records().values().all(|r| self.tracked[&r.key].born == self.scans) {
            return;
        }
        for path in fresh {
            let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else { continue };
            let name = name.to_string_lossy().into_owned();
            let stem = name.split('.').next().filter(|s| !s.is_empty()).unwrap_or(&name).to_string();
            let Ok(entries) = self.world.fs.list(dir) else { continue };
            let mut missed = Vec::new();
            for entry in entries.iter().filter(|e| e.kind == FileKind::File) {
                let sibling = dir.join(&entry.name);
                let text = entry.name.to_string_lossy().into_owned();
                if text == name || !text.starts_with(&stem) || self.prospector.input_of(&sibling).is_some() {
                    continue;
                }
                let Ok(stat) = self.world.fs.stat_link(&sibling) else { continue };
                let id = FileId::of(&stat);
                let known = self.by_ino.get(&id.ino).into_iter().flatten().any(|k| self.record(*k).id.may_be(&id));
                if !known && stat.len > 0 && stat.modified_ns >= last_run {
                    missed.push(format!("{text} ({} bytes)", stat.len));
                }
            }
            if !missed.is_empty() {
                self.notice(format!(
                    "{}: {} {} to have been created and rotated away while logdrive was down: {}; no configured path matches, so not read",
                    path.display(),
                    missed.len(),
                    if missed.len() == 1 { "file appears" } else { "files appear" },
                    missed.join(", "),
                ));
            }
        }
    }

    // ---- opening ----

    fn starved(&self, now: Duration) -> bool {
        self.starved_until.is_some_and(|until| now < until)
    }

    fn say_starved(&mut self) {
        if !self.starved_said {
            self.starved_said = true;
            let open = self.files.len();
            self.notice(format!("no more files can be opened ({open} are open); the others wait"));
        }
    }

    fn file_error(&mut self, input: usize, path: &Path, e: &io::Error, now: Duration) {
        if is_out_of_files(e) {
            self.skipped = true;
            self.starved_until = Some(now + RETRY_WAIT);
            self.say_starved();
            return;
        }
        if e.kind() == io::ErrorKind::NotFound {
            return;
        }
        if self.say_once(path, format!("cannot be read: {e}"))
            && let Some(m) = self.metrics.get(input)
        {
            m.errors.inc();
        }
    }

    fn open_wanting(&mut self, now: Duration) {
        if self.wanting.is_empty() {
            return;
        }
        if !self.starved(now) && self.starved_until.is_some() {
            self.starved_until = None;
        }
        let keys: Vec<u64> = self.wanting.iter().copied().collect();
        for key in keys {
            let tracked = &self.tracked[&key];
            let input = tracked.input;
            if tracked.retry_at > now {
                continue;
            }
            if self.starved(now) {
                self.say_starved();
                return;
            }
            if self.is_full(input) {
                self.say_starved();
                continue;
            }
            let path = self.record(key).path.clone();
            match self.open(key, &path, now) {
                Ok(()) => {
                    self.starved_said = false;
                    self.wanting.remove(&key);
                }
                Err(e) => {
                    self.tracked.get_mut(&key).expect("tracked").retry_at = now + RETRY_WAIT;
                    if e.kind() == io::ErrorKind::NotFound {
                        // the next scan searches for it
                        self.wanting.remove(&key);
                        self.tracked.get_mut(&key).expect("tracked").quiet_len = None;
                    }
                    if self.config.once && !is_out_of_files(&e) {
                        self.wanting.remove(&key);
                    }
                    self.file_error(input, &path, &e, now);
                }
            }
        }
    }

    fn open(&mut self, key: u64, path: &Path, now: Duration) -> io::Result<()> {
        let file = self.world.fs.open(path)?;
        let stat = file.stat()?;
        let record = self.record(key);
        match identity::compare(&record.id, &self.content(key), &stat, &*file)? {
            Verdict::Same if self.tracked[&key].clamp.is_some() => Ok(()),
            Verdict::Same => {
                let position = match self.tracked[&key].read {
                    Some(read) => (read.offset, read.tail, read.done),
                    // the tail belongs to `done`; reading may start again before it
                    None if record.offset == record.done => (record.offset, record.tail, record.done),
                    None => (record.offset, Print::default(), record.done),
                };
                let input = self.tracked[&key].input;
                let mut harvester = Harvester::new(key, input, record.path.clone(), file, position, now);
                harvester.left = record.marks.back().map(|m| (m.upto, m.tail));
                harvester.head = record.head;
                harvester.released = record.prev.is_none();
                self.files.insert(key, harvester);
                Ok(())
            }
            Verdict::Rewritten => self.rewritten(key, Some(file), now),
            // swapped between the scan and now
            Verdict::Other => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    }

    /// The inode of a record holds other content now: truncated, by copytruncate or otherwise. The new content begins a new
    /// record; the old one goes on in a copy, if there is one.
    fn rewritten(&mut self, key: u64, file: Option<Box<dyn ReadFile>>, now: Duration) -> io::Result<()> {
        let content = self.content(key);
        let copy = self.find_copy(key, &content)?;
        let old = self.files.remove(&key);
        let known_len = old.as_ref().map_or(content.upto, |f| f.len.max(content.upto));
        // how far this run read it
        let read = match &old {
            Some(f) => Some((f.offset, f.tail, f.suppress.max(f.offset))),
            None => self.tracked[&key].read.map(|m| (m.offset, m.tail, m.offset)),
        };
        let in_memory = read.is_some();
        let left = old.as_ref().and_then(|f| f.left);
        let (partials, old_file) = old.map_or((vec![], None), |f| (f.partials, Some(f.file)));
        let file = file.or(old_file).expect("an open file was found to be rewritten");
        let stat = file.stat()?;
        let mut record = self.record(key).clone();
        let (input, path) = (self.tracked[&key].input, record.path.clone());
        let (upto, upto_tail, suppress) = read.unwrap_or((record.offset, Print::default(), record.done));
        // lines that wait for their rest are read again in the copy
        let parts = partials.iter().flat_map(|p| &p.parts).filter(|(k, _)| *k == key).map(|(_, start)| *start);
        let from = parts.min().unwrap_or(upto);
        let mut start = (0, Print::default(), 0);
        let tracked = self.tracked.get_mut(&key).expect("tracked");
        if in_memory {
            tracked.read = Some(Moved { key, offset: upto, done: upto, tail: upto_tail });
        }
        match copy {
            Some((copy_path, copy_file, copy_stat)) => {
                record.id = FileId::of(&copy_stat);
                record.head = identity::head_of(&*copy_file)?;
                record.path.clone_from(&copy_path);
                if copy_stat.len > from {
                    let tail = if from == upto { upto_tail } else { Print::default() };
                    let mut harvester =
                        Harvester::new(key, input, path.clone(), copy_file, (from, tail, suppress), now);
                    harvester.left = left;
                    harvester.head = record.head;
                    harvester.released = record.prev.is_none() || in_memory;
                    self.files.insert(key, harvester);
                } else {
                    // all of it was read; what was read beyond the copy's end is in no file any more
                    tracked.left = partials;
                    let end = copy_stat.len.min(content.upto);
                    let tail = end_print(&*copy_file, end)?;
                    tracked.clamp = Some(Moved { key, offset: end, done: end, tail });
                    if record.offset > end {
                        (record.offset, record.done, record.tail) = (end, end, tail);
                    }
                    while record.marks.back().is_some_and(|m| m.from >= end) {
                        record.marks.pop_back();
                    }
                    if let Some(mark) = record.marks.back_mut().filter(|m| m.upto > end) {
                        (mark.upto, mark.tail) = (end, tail);
                    }
                }
                self.notice(format!(
                    "{}: truncated; its former content goes on in {}",
                    path.display(),
                    copy_path.display()
                ));
            }
            None => {
                tracked.ended = true;
                tracked.left = partials;
                record.id = FileId::default();
                record.gone_secs = Some(self.world.clock.now().epoch_secs());
                let delivered = record.delivered();
                let mut lost = known_len.saturating_sub(upto);
                if !in_memory {
                    lost = content.upto.saturating_sub(record.offset);
                    record.marks.clear();
                }
                if !in_memory && delivered.upto > 0 && delivered.is_in(&*file, stat.len)? {
                    // the machine broke down and took the end of the file with it: other lines stand there now, which must
                    // not get the ids of those
                    start = (record.offset, Print::default(), record.done);
                    if record.offset == record.done {
                        start.1 = record.tail;
                    }
                    self.notice(format!("{}: its end is not what it was; read on from {}", path.display(), start.0));
                } else {
                    self.notice(format!("{}: truncated; it is read from its beginning", path.display()));
                }
                if lost > 0 {
                    self.lost(key, lost, "the file was truncated, and no copy of it was found");
                }
            }
        }
        self.put(record);
        if stat.len == 0 {
            // nothing to know it by yet; the scan finds it when there is, and then knows what was here before
            self.by_path.insert(path, key);
            self.next_scan = self.next_scan.min(now + RETRY_WAIT);
            return Ok(());
        }
        let found = Found { path, stat: stat.clone(), input };
        self.adopt(&found, file, &stat, now, Some((key, start)))
    }

    /// The copy that holds what a truncated file held.
    #[allow(clippy::type_complexity, reason = "used twice")]
    fn find_copy(&mut self, key: u64, content: &Content) -> io::Result<Option<(PathBuf, Box<dyn ReadFile>, Stat)>> {
        let suspect = self.suspects.iter().find(|(_, s)| s.of == key).map(|(place, s)| (*place, s.path.clone(), s.len));
        if let Some((place, path, compared)) = suspect {
            self.suspects.remove(&place);
            if let Ok(file) = self.world.fs.open(&path) {
                let stat = file.stat()?;
                // it was compared while the original was there, but perhaps when it had a few bytes only, as many files begin
                let same = if stat.len < content.upto {
                    compared >= COPY_PROOF_BYTES || content.head.is_at(&*file, 0)?
                } else {
                    content.is_in(&*file, stat.len)?
                };
                if (stat.dev, stat.ino) == place && same {
                    return Ok(Some((path, file, stat)));
                }
            }
        }
        // the inode itself is no candidate: it holds the new content
        let id = self.record(key).id;
        let found = self.search(key)?;
        Ok(found.filter(|(_, _, stat)| !id.may_be(&FileId::of(stat))))
    }

    // ---- reading ----

    /// Whether the file that had the path before is read to its end; then its unfinished lines are taken over.
    fn release(&mut self, key: u64, now: Duration) -> bool {
        let Some(prev) = self.record(key).prev else { return true };
        let since = *self.tracked.get_mut(&key).expect("tracked").blocked.get_or_insert(now);
        let born = self.tracked[&key].born;
        let done = match (self.tracked.get(&prev), self.files.get_mut(&prev)) {
            (None, _) => true,
            (_, Some(file)) => {
                // what it got between its last look and its renaming comes first
                let grown = file.file.stat().is_ok_and(|s| s.len != file.scanned());
                if grown {
                    file.due = now;
                }
                file.at_end && !grown && !file.has_block() && file.released
            }
            // it must have been looked at since this one came: a scan may have failed before it came to that
            (Some(t), None) => {
                let through = t.ended || t.clamp.is_some();
                through || (t.seen != 0 && t.seen >= born && !self.wanting.contains(&prev))
            }
        };
        if !done && now.saturating_sub(since) < PREVIOUS_WAIT {
            return false;
        }
        if !done {
            let path = self.record(key).path.display().to_string();
            self.notice(format!("{path}: read although the file that had this name before cannot be read to its end"));
        }
        if self.is_container(key)
            && let Some(tracked) = self.tracked.get_mut(&prev)
        {
            let mut partials = std::mem::take(&mut tracked.left);
            if let Some(file) = self.files.get_mut(&prev) {
                partials.append(&mut file.partials);
            }
            if !partials.is_empty() {
                self.files.get_mut(&key).expect("open").partials = partials;
            }
        }
        self.files.get_mut(&key).expect("open").released = true;
        true
    }

    fn read_batch(&mut self, now: Duration) -> Option<Batch> {
        let mut room = Room { events: self.config.batch_events_max, bytes: self.config.batch_bytes_max };
        let mut batch: Option<Batch> = None;
        let mut lanes = BTreeSet::new();
        let wall = self.world.clock.now();
        let id = self.next_batch;
        // in turn, beginning after the file that was last
        let mut order: Vec<u64> = self.files.range(self.turn..).map(|(k, _)| *k).collect();
        order.extend(self.files.range(..self.turn).map(|(k, _)| *k));
        for key in order {
            if room.is_full() {
                break;
            }
            if self.files.get(&key).is_none_or(|f| f.due > now && !f.has_block()) || self.tracked[&key].once_done {
                continue;
            }
            if !self.files[&key].released && !self.release(key, now) {
                self.files.get_mut(&key).expect("open").due = now + Duration::from_millis(100);
                continue;
            }
            let target = batch.get_or_insert_with(|| {
                let (tx, hints) = (self.ended_tx.clone(), self.hints.clone());
                Batch::new(BatchAck::new(move |_| {
                    // the reader may be gone already; then nobody needs to know
                    let _ = tx.send(id);
                    hints.wake();
                }))
            });
            let before = target.len();
            let moved = self.read_file(key, target, &mut room, wall, now);
            let some = target.len() > before;
            for m in moved {
                let lane = self.tracked[&key].lane;
                lanes.insert(lane);
                self.flights.entry(lane).or_default().push_back(Flight { batch: id, moved: m, ended: false });
            }
            if some {
                self.turn = key + 1;
            }
        }
        if lanes.is_empty() {
            assert!(batch.is_none_or(|b| b.is_empty()), "events come with their place");
            return None;
        }
        self.next_batch += 1;
        self.batches.insert(id, lanes.into_iter().collect());
        let batch = batch.expect("something was read");
        if batch.is_empty() {
            // only lines that make no event: nobody will ack them
            let _ = self.ended_tx.send(id);
            self.take_ended();
            return None;
        }
        Some(batch)
    }

    /// Reads from one file into the batch. Returns what moves once the batch has ended.
    fn read_file(
        &mut self,
        key: u64,
        batch: &mut Batch,
        room: &mut Room,
        wall: Timestamp,
        now: Duration,
    ) -> Vec<Moved> {
        let mut took = Took::default();
        let before = self.standing(key);
        let mut last = Load::Ready;
        let mut error = None;
        loop {
            if room.is_full() {
                break;
            }
            let file = self.files.get_mut(&key).expect("open");
            let config = &self.config.inputs[file.input];
            let busy = last == Load::Busy;
            last = match file.load(room, config.max_bytes) {
                Ok(load) => load,
                Err(e) => {
                    error = Some(e);
                    break;
                }
            };
            match last {
                Load::Ready => {}
                // the first time a line turned out to be longer than a block
                Load::Busy if !busy => continue,
                _ => break,
            }
            if let Err(e) = self.take_lines(key, batch, room, wall, &mut took) {
                error = Some(e);
                break;
            }
            if self.config.once && self.tracked[&key].once_upto.is_some_and(|upto| self.files[&key].offset >= upto) {
                break;
            }
        }
        if last == Load::End && error.is_none() {
            error = self.at_end(key, batch, room, &mut took, wall, now).err();
        }
        let moved = self.account(key, &before, took, wall, now, last);
        if last == Load::Rewritten && error.is_none() {
            error = self.rewritten(key, None, now).err();
        } else if error.is_none() {
            if self.config.once {
                let file = &self.files[&key];
                let upto = self.tracked[&key].once_upto.unwrap_or(0);
                self.tracked.get_mut(&key).expect("tracked").once_done |= last == Load::End || file.offset >= upto;
            }
            self.close_if_done(key, now);
        }
        if let Some(e) = error {
            let input = self.tracked[&key].input;
            if let Some(file) = self.files.get_mut(&key) {
                file.due = now + RETRY_WAIT;
            }
            let path = self.record(key).path.clone();
            self.file_error(input, &path, &e, now);
        }
        moved
    }

    fn take_lines(
        &mut self,
        key: u64,
        batch: &mut Batch,
        room: &mut Room,
        wall: Timestamp,
        took: &mut Took,
    ) -> io::Result<()> {
        self.with_meta(key);
        let file = self.files.get_mut(&key).expect("open");
        let record = self.registry.get(key).expect("a file has a record");
        let config = &self.config.inputs[file.input];
        file.take(batch, room, &Context { now: wall, record, config, millis: self.config.millis }, took)
    }

    fn with_meta(&mut self, key: u64) {
        let file = self.files.get_mut(&key).expect("open");
        if file.meta.is_none() {
            let info = FileInfo { path: &file.path, key, input: file.input };
            file.meta = Some((self.config.inputs[file.input].meta)(&info));
        }
    }

    /// Where a file stands: offset, waiting lines and parts of those.
    fn standing(&self, key: u64) -> (u64, usize, usize) {
        let file = &self.files[&key];
        (file.offset, file.partials.len(), file.partials.iter().map(|p| p.parts.len()).sum())
    }

    fn in_flight_of(&self, key: u64) -> bool {
        let lane = self.tracked[&key].lane;
        self.flights.get(&lane).is_some_and(|all| all.iter().any(|f| f.moved.key == key))
    }

    /// What moves once everything read up to now is delivered, after a turn of `key`.
    ///
    /// An unfinished line is read again from its first part, and everything between with it, in the same order, so that the
    /// parts of every line meet again: the file of the oldest such part starts there, and the files that follow it do not
    /// move at all. What was delivered of them is passed over by [`Record::done`].
    fn moves(&mut self, key: u64) -> Vec<Moved> {
        let lane = self.tracked[&key].lane;
        let mut first: Option<(u64, u64)> = None;
        for k in &self.lanes[&lane] {
            let held = self.files.get(k).map_or(&[][..], |f| &f.partials);
            let parts = held.iter().chain(&self.tracked[k].left).flat_map(|p| p.parts.first());
            first = parts.copied().chain(first).min();
        }
        let (file, record) = (&self.files[&key], self.record(key));
        let read = file.offset;
        // what was delivered in an earlier run stays delivered while it is read again
        let (done, tail) = if record.done > read { (record.done, record.tail) } else { (read, file.tail) };
        let sent = self.tracked[&key].sent.unwrap_or(record.offset);
        let offset = match first {
            Some((k, _)) if k < key => sent.min(read),
            Some((k, start)) if k == key => start,
            _ => read,
        };
        let new = Moved { key, offset, done, tail };
        let mut moved = vec![new];
        let mut behind = self.behind.remove(&lane).unwrap_or_default();
        behind.insert(key, (new, read));
        for (k, (m, read)) in behind.iter_mut().filter(|(k, _)| **k != key) {
            let offset = match first {
                Some((f, _)) if f < *k => m.offset,
                Some((f, start)) if f == *k => start,
                _ => *read,
            };
            if offset != m.offset {
                m.offset = offset;
                moved.push(*m);
            }
        }
        for m in &moved {
            self.tracked.get_mut(&m.key).expect("tracked").sent = Some(m.offset);
        }
        behind.retain(|_, (m, read)| m.offset < *read);
        if !behind.is_empty() {
            self.behind.insert(lane, behind);
        }
        moved
    }

    /// A file has nothing more for now: is it gone for good?
    fn at_end(
        &mut self,
        key: u64,
        batch: &mut Batch,
        room: &mut Room,
        took: &mut Took,
        wall: Timestamp,
        now: Duration,
    ) -> io::Result<()> {
        let file = self.files.get_mut(&key).expect("open");
        let config = &self.config.inputs[file.input];
        let news = took.bytes > 0;
        file.backoff = match file.backoff {
            b if news || b.is_zero() => config.backoff,
            b => b.saturating_mul(config.backoff_factor.max(1)).min(config.max_backoff.max(config.backoff)),
        };
        file.due = now + file.backoff;
        if news {
            file.heard = now;
        }
        if file.file.stat()?.links > 0 {
            file.removed = None;
            return Ok(());
        }
        let since = *file.removed.get_or_insert(now);
        let wait = if self.config.once {
            Duration::ZERO
        } else if config.close_removed {
            REMOVED_FILE_WAIT
        } else {
            config.close_inactive.max(REMOVED_FILE_WAIT)
        };
        let left = (since.max(file.heard) + wait).saturating_sub(now);
        if !left.is_zero() {
            file.due = now + left.min(file.backoff);
            return Ok(());
        }
        file.last_call = true;
        while file_load(self.files.get_mut(&key).expect("open"), room, &self.config)? {
            self.take_lines(key, batch, room, wall, took)?;
        }
        // unfinished lines go to the file that followed it; where none did, they are all there is
        let followed = self.registry.records().values().any(|r| r.prev == Some(key));
        let file = self.files.get_mut(&key).expect("open");
        if !followed && !file.has_block() && file.offset >= file.len && !file.partials.is_empty() && !room.is_full() {
            self.with_meta(key);
            let file = self.files.get_mut(&key).expect("open");
            let record = self.registry.get(key).expect("a file has a record");
            let config = &self.config.inputs[file.input];
            let cx = Context { now: wall, record, config, millis: self.config.millis };
            file.take_partials(batch, &cx, took);
        }
        Ok(())
    }

    /// Notes what a turn did to a file.
    fn account(
        &mut self,
        key: u64,
        before: &(u64, usize, usize),
        took: Took,
        wall: Timestamp,
        now: Duration,
        last: Load,
    ) -> Vec<Moved> {
        let after = self.standing(key);
        if after == *before && took.events == 0 {
            return vec![];
        }
        let file = self.files.get_mut(&key).expect("open");
        let input = file.input;
        if last != Load::End {
            file.due = now;
            file.heard = now;
        }
        let end = file.offset;
        let (cut_first, bad_first) = (took.cut_bytes > 0 && !file.cut_said, took.bad_lines > 0 && !file.bad_said);
        file.cut_said |= cut_first;
        file.bad_said |= bad_first;
        let path = file.path.display().to_string();
        let record = self.registry.get(key).expect("a file has a record");
        let mut grown = None;
        if (record.head.len as usize) < identity::HEAD_BYTES_MAX && end > u64::from(record.head.len) {
            // a longer head is only better; without it the shorter one stays true
            grown = identity::head_of(&*file.file).ok().filter(|h| h.len > record.head.len);
        }
        if let Some(head) = grown {
            let mut record = record.clone();
            record.head = head;
            self.put(record);
        }
        let container = self.is_container(key);
        let mut marks = took.marks;
        if container {
            // these lines carry their time; the mark only tells how far the file was read, and how late its bad lines are
            let from = self.record(key).marks.back().map_or(0, |m| m.upto).max(before.0).max(self.record(key).done);
            marks = if from < end { vec![(from, end)] } else { vec![] };
        }
        for (from, upto) in marks {
            let file = &self.files[&key];
            // where it cannot be read the file's length is all there is to compare
            let tail = if upto == end { file.tail } else { end_print(&*file.file, upto).unwrap_or_default() };
            let mark = Mark { from, upto, secs: wall.epoch_secs(), nanos: wall.subsec_nanos(), tail };
            self.registry.mark(key, mark, !container || took.bad_lines > 0);
        }
        let metrics = &self.metrics[input];
        metrics.events.inc_by(took.events);
        metrics.bytes.inc_by(took.bytes);
        metrics.cut.inc_by(took.cut_bytes);
        metrics.bad.inc_by(took.bad_lines);
        if cut_first {
            let max = self.config.inputs[input].max_bytes;
            self.notice(format!(
                "{path}: a line is longer than max_bytes ({max}) and was cut; further ones are only counted"
            ));
        }
        if bad_first {
            self.notice(format!(
                "{path}: a line could not be decoded ({}) and is shipped as it is; further ones are only counted",
                took.bad_why
            ));
        }
        self.moves(key)
    }

    fn close_if_done(&mut self, key: u64, now: Duration) {
        let tracked = &self.tracked[&key];
        let file = &self.files[&key];
        let config = &self.config.inputs[file.input];
        let once_done = self.config.once && tracked.once_done;
        if !file.partials.is_empty() || !(once_done || (file.at_end && !file.has_block())) {
            return;
        }
        let gone = file.removed.is_some() && file.last_call && file.offset >= file.len;
        let renamed = self.record(key).path != file.path;
        let over = |limit: Duration, since: Duration| !limit.is_zero() && now.saturating_sub(since) >= limit;
        let wanted = !self.wanting.is_empty() || self.starved_said;
        let close = once_done
            || gone
            || (file.removed.is_none()
                && ((renamed && config.close_renamed)
                    || config.close_eof
                    || over(config.close_inactive, file.heard)
                    || over(config.close_timeout, file.opened)
                    || wanted));
        if !close {
            return;
        }
        let file = self.files.remove(&key).expect("open");
        let modified = file.file.stat().map(|s| s.modified_ns).unwrap_or(0);
        let tracked = self.tracked.get_mut(&key).expect("tracked");
        tracked.read = Some(Moved { key, offset: file.offset, done: file.offset, tail: file.tail });
        tracked.quiet_len = Some(file.len);
        tracked.modified_ns = modified;
        let mut record = self.record(key).clone();
        record.seen_secs = self.world.clock.now().epoch_secs();
        if gone {
            self.tracked.get_mut(&key).expect("tracked").ended = true;
            record.gone_secs = Some(record.seen_secs);
            info!(target: "input", "{}: removed, and read to its end", file.path.display());
        }
        self.put(record);
    }

    // ---- waiting ----

    fn once_is_done(&self) -> bool {
        self.wanting.is_empty() && !self.skipped && self.files.keys().all(|k| self.tracked[k].once_done)
    }

    /// No further file of this input can be opened until one is closed.
    fn is_full(&self, input: usize) -> bool {
        let limit = self.config.inputs.get(input).map_or(0, |i| i.harvester_limit);
        self.files.len() >= self.config.open_files_max
            || (limit > 0 && self.files.values().filter(|f| f.input == input).count() >= limit)
    }

    fn wake_after(&self, now: Duration) -> Duration {
        let mut at = self.next_scan;
        for (key, file) in &self.files {
            if !self.tracked[key].once_done {
                at = at.min(if file.has_block() { now } else { file.due });
            }
        }
        // those for which there is no room wait until a file is closed, which has its own time
        for key in self.wanting.iter().filter(|k| !self.is_full(self.tracked[k].input)) {
            at = at.min(self.tracked[key].retry_at.max(self.starved_until.unwrap_or_default()));
        }
        at.saturating_sub(now)
    }

    fn set_gauges(&self) {
        for (i, metrics) in self.metrics.iter().enumerate() {
            let open = self.files.values().filter(|f| f.input == i);
            let (n, unread) = open.fold((0, 0), |(n, sum), f| (n + 1, sum + f.len.saturating_sub(f.offset)));
            metrics.open.set(n);
            metrics.unread.set(unread as i64);
        }
    }
}

/// Loads lines of a file; whether there are any.
fn file_load(file: &mut Harvester, room: &Room, config: &ReaderConfig) -> io::Result<bool> {
    Ok(!room.is_full() && file.load(room, config.inputs[file.input].max_bytes)? == Load::Ready)
}

/// The path that a rotated container log had first: runtimes add `.1`, `.2` and so on.
fn rotation_home(path: &Path) -> PathBuf {
    match path.extension() {
        Some(e) if !e.is_empty() && e.as_encoded_bytes().iter().all(u8::is_ascii_digit) => path.with_extension(""),
        _ => path.to_path_buf(),
    }
}

fn is_out_of_files(e: &io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    matches!(e.raw_os_error(), Some(ENFILE | EMFILE))
}

/// The print of the bytes right before `end`.
fn end_print(file: &dyn ReadFile, end: u64) -> io::Result<Print> {
    let mut buffer = [0; TAIL_BYTES_MAX];
    let from = end.saturating_sub(TAIL_BYTES_MAX as u64);
    let n = read_full(file, from, &mut buffer[..(end - from) as usize])?;
    Ok(Print::of(&buffer[..n]))
}

/// Samples compared between two files, and their size.
const SAMPLES: u64 = 16;
const SAMPLE_BYTES: usize = 4096;

/// Whether the first `len` bytes of two files look the same: head, tail and samples between.
fn same_content(a: &dyn ReadFile, b: &dyn ReadFile, len: u64) -> io::Result<bool> {
    let (mut x, mut y) = (vec![0; SAMPLE_BYTES], vec![0; SAMPLE_BYTES]);
    let last = len.saturating_sub(SAMPLE_BYTES as u64);
    for i in 0..=SAMPLES {
        let from = last / SAMPLES * i + if i == SAMPLES { last % SAMPLES } else { 0 };
        let size = (len - from).min(SAMPLE_BYTES as u64) as usize;
        let (n, m) = (read_full(a, from, &mut x[..size])?, read_full(b, from, &mut y[..size])?);
        if n != m || x[..n] != y[..m] {
            return Ok(false);
        }
    }
    Ok(true)
}
