//! How far every file was delivered, on disk.
//!
//! Two files below `registry/`: `snapshot`, replaced as a whole, and `log.N`, to which operations are appended. The snapshot
//! names the log that continues it, so a crash between the two leaves the old pair whole. Every line is
//! `CRC32 JSON`; a log whose last lines are torn is cut there and the cut bytes are said.
//!
//! What must not be lost before events leave (a file's key, the time at which a range was read) is made durable by
//! [`Registry::make_durable`]; offsets are only written: losing them means reading lines again under the same ids.
//!
//! Must not be here: when to read or what to ack; the reader decides.

use super::identity::{Content, FileId, Print};
use crate::event::Timestamp;
use crate::world::Fs;
use crate::world::fs::{WriteFile, WriteMode};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A log longer than this, and longer than twice its snapshot, is folded into a new snapshot.
pub const LOG_BYTES_MAX: u64 = 4 << 20;
/// Operations that wait for a disk that takes nothing; beyond, they are folded into the next snapshot.
pub const PENDING_BYTES_MAX: usize = 1 << 20;
/// A registry file larger than this is not read.
pub const FILE_BYTES_MAX: usize = 1 << 30;
/// Permission of the registry's files, as Filebeat's.
pub const FILE_MODE: u32 = 0o600;

const MAGIC: &str = "logdrive-registry 1";

/// Lines that start in `from..upto` were first read at this time, and keep it however often they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub from: u64,
    pub upto: u64,
    pub secs: i64,
    pub nanos: u32,
    /// The bytes right before `upto`: what may have left must still be there when it is read again.
    pub tail: Print,
}

impl Mark {
    pub fn time(&self) -> Timestamp {
        Timestamp::new(self.secs, self.nanos)
    }
}

/// What is kept of one file: of one content, to be exact. A truncated file begins a new record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub key: u64,
    #[serde(with = "path_text")]
    pub path: PathBuf,
    /// Where it was found first: what comes to that path later continues it.
    #[serde(with = "path_text")]
    pub home: PathBuf,
    pub id: FileId,
    pub head: Print,
    /// Where reading starts again: everything before is delivered.
    pub offset: u64,
    /// Events that end at or before this are delivered; beyond `offset` only where a partial line of another stream began
    /// earlier and is not complete yet.
    pub done: u64,
    /// The bytes right before `done`.
    pub tail: Print,
    /// The file that had this path before and must be read before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<u64>,
    /// Sorted, without overlap.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub marks: VecDeque<Mark>,
    /// When something was last heard of it, seconds since 1970.
    pub seen_secs: i64,
    /// It is on disk no more, since then; seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_secs: Option<i64>,
}

impl Record {
    /// All of it that may have left, delivered or not.
    pub fn content(&self) -> Content {
        match self.marks.back() {
            Some(mark) if mark.upto > self.done => Content { head: self.head, upto: mark.upto, tail: mark.tail },
            _ => self.delivered(),
        }
    }

    /// The part that is delivered.
    pub fn delivered(&self) -> Content {
        Content { head: self.head, upto: self.done, tail: self.tail }
    }

    /// The time at which the line that starts at `offset` was first read, if it ever was.
    pub fn marked(&self, offset: u64) -> Option<Mark> {
        if self.marks.back().is_none_or(|m| offset >= m.upto) {
            return None;
        }
        let i = self.marks.partition_point(|m| m.upto <= offset);
        self.marks.get(i).filter(|m| m.from <= offset).copied()
    }
}

/// A file's progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    pub key: u64,
    pub offset: u64,
    pub done: u64,
    pub tail: Print,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Op {
    File(Box<Record>),
    Mark {
        key: u64,
        mark: Mark,
    },
    /// All of them or none: lines joined across two files move both.
    Ack(Vec<Moved>),
    Drop {
        key: u64,
    },
}

/// The registry, in memory and on disk.
pub struct Registry {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    generation: u64,
    records: BTreeMap<u64, Record>,
    log: Box<dyn WriteFile>,
    /// Bytes of the log that are whole.
    log_len: u64,
    snapshot_len: u64,
    /// Operations not written yet.
    pending: String,
    /// Something was written since the last sync that events wait for.
    must_sync: bool,
    /// The log may end in a torn line, or operations were given up: only a snapshot helps.
    must_fold: bool,
    torn: bool,
    /// Bytes cut off a torn log at start.
    pub cut_bytes: u64,
    /// When the log was last written before this run, nanoseconds since 1970.
    pub last_run_ns: Option<i64>,
}

fn line(op: &impl Serialize, out: &mut String) {
    let json = serde_json::to_string(op).expect("an operation is plain data");
    let _ = writeln!(out, "{:08x} {json}", crc32fast::hash(json.as_bytes()));
}

/// The JSON of a line whose CRC is right.
fn checked(line: &[u8]) -> Option<&[u8]> {
    let crc = line.get(..8).and_then(|c| std::str::from_utf8(c).ok()).and_then(|c| u32::from_str_radix(c, 16).ok())?;
    let json = line.get(9..)?;
    (line[8] == b' ' && crc32fast::hash(json) == crc).then_some(json)
}

fn bad(path: &Path, what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!(
            "{}: {what}. Move the folder away to start anew; all files are then read from their beginning",
            path.display()
        ),
    )
}

impl Registry {
    /// Opens the registry in `dir`, making it if needed.
    ///
    /// # Errors
    /// The disk's; `InvalidData` when the snapshot is damaged, which no crash can do.
    pub fn open(fs: Arc<dyn Fs>, dir: &Path) -> io::Result<Registry> {
        fs.create_dir_all(dir)?;
        let snapshot_path = dir.join("snapshot");
        let mut records = BTreeMap::new();
        let mut generation = 0;
        let snapshot = match fs.read(&snapshot_path, FILE_BYTES_MAX) {
            Ok(bytes) => Some(bytes),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(e),
        };
        if let Some(bytes) = &snapshot {
            let mut lines = bytes.split_inclusive(|b| *b == b'\n');
            generation = lines
                .next()
                .and_then(|l| std::str::from_utf8(l).ok())
                .and_then(|l| l.strip_prefix(MAGIC))
                .and_then(|l| l.trim().parse().ok())
                .ok_or_else(|| bad(&snapshot_path, "this is no registry of this version"))?;
            for l in lines {
                let record: Option<Record> =
                    l.strip_suffix(b"\n").and_then(checked).and_then(|j| serde_json::from_slice(j).ok());
                let record = record.ok_or_else(|| bad(&snapshot_path, "a line is damaged"))?;
                records.insert(record.key, record);
            }
        }
        let log_path = log_path(dir, generation);
        let last_run_ns = fs.stat(&log_path).ok().map(|s| s.modified_ns);
        let bytes = match fs.read(&log_path, FILE_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => vec![],
            Err(e) => return Err(e),
        };
        let mut whole = 0;
        for l in bytes.split_inclusive(|b| *b == b'\n') {
            let op = l.strip_suffix(b"\n").and_then(checked).and_then(|j| serde_json::from_slice::<Op>(j).ok());
            let Some(op) = op else { break };
            apply(&mut records, op);
            whole += l.len();
        }
        let cut_bytes = (bytes.len() - whole) as u64;
        let mut log = fs.open_write(&log_path, WriteMode::Append, FILE_MODE)?;
        if cut_bytes > 0 {
            log.set_len(whole as u64)?;
            log.sync()?;
        }
        fs.sync_dir(dir)?;
        // the folder itself may be new
        if let Some(parent) = dir.parent().filter(|p| !p.as_os_str().is_empty()) {
            fs.sync_dir(parent)?;
        }
        // logs of other generations: left by a crash between two steps of folding
        for entry in fs.list(dir)? {
            let name = entry.name.to_string_lossy().into_owned();
            if name.starts_with("log.") && dir.join(&entry.name) != log_path {
                fs.remove(&dir.join(&entry.name))?;
            }
        }
        Ok(Registry {
            fs,
            dir: dir.to_path_buf(),
            generation,
            records,
            log,
            log_len: whole as u64,
            snapshot_len: snapshot.map_or(0, |s| s.len() as u64),
            pending: String::new(),
            must_sync: false,
            must_fold: false,
            torn: false,
            cut_bytes,
            last_run_ns,
        })
    }

    pub fn records(&self) -> &BTreeMap<u64, Record> {
        &self.records
    }

    pub fn get(&self, key: u64) -> Option<&Record> {
        self.records.get(&key)
    }

    fn op(&mut self, op: Op) {
        line(&op, &mut self.pending);
        apply(&mut self.records, op);
        if self.pending.len() > PENDING_BYTES_MAX {
            self.pending.clear();
            self.must_fold = true;
        }
    }

    /// Adds or replaces a record. Must be durable before events of it leave.
    pub fn put(&mut self, record: Record) {
        self.must_sync = true;
        self.op(Op::File(Box::new(record)));
    }

    /// Notes when lines were first read. With `must_sync` it must be durable before they leave.
    pub fn mark(&mut self, key: u64, mark: Mark, must_sync: bool) {
        assert!(mark.from < mark.upto, "a mark covers something: {mark:?}");
        self.must_sync |= must_sync;
        self.op(Op::Mark { key, mark });
    }

    /// Moves offsets, all or none of them.
    pub fn moved(&mut self, all: Vec<Moved>) {
        if !all.is_empty() {
            self.op(Op::Ack(all));
        }
    }

    pub fn forget(&mut self, key: u64) {
        self.op(Op::Drop { key });
    }

    /// Writes what is pending.
    ///
    /// # Errors
    /// The disk's. Nothing is lost then: it is tried again at the next call.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.must_fold || (self.log_len > LOG_BYTES_MAX && self.log_len > 2 * self.snapshot_len) {
            return self.fold();
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        if self.torn {
            self.log.set_len(self.log_len)?;
            self.torn = false;
        }
        if let Err(e) = self.log.write_all(self.pending.as_bytes()) {
            self.torn = true;
            return Err(e);
        }
        self.log_len += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    /// Returns once all keys and marks survive a crash of the machine. Cheap when there is nothing new.
    ///
    /// # Errors
    /// The disk's; events that need it must not leave.
    pub fn make_durable(&mut self) -> io::Result<()> {
        self.flush()?;
        if self.must_sync {
            if let Err(e) = self.log.sync() {
                // the kernel forgets what a failed sync could not write, and the next sync would say that all is well
                self.must_fold = true;
                return Err(e);
            }
            self.must_sync = false;
        }
        Ok(())
    }

    /// Writes everything into a new snapshot and begins a new log.
    ///
    /// # Errors
    /// The disk's; the old pair stays valid.
    pub fn fold(&mut self) -> io::Result<()> {
        let next = self.generation + 1;
        let mut text = format!("{MAGIC} {next}\n");
        for record in self.records.values() {
            line(record, &mut text);
        }
        let new_log = log_path(&self.dir, next);
        let mut log = self.fs.open_write(&new_log, WriteMode::Truncate, FILE_MODE)?;
        log.sync()?;
        drop(log);
        let log = self.fs.open_write(&new_log, WriteMode::Append, FILE_MODE)?;
        // syncs the folder, and so the new log's name as well
        self.fs.replace(&self.dir.join("snapshot"), text.as_bytes(), FILE_MODE)?;
        let old = log_path(&self.dir, self.generation);
        self.generation = next;
        self.log = log;
        self.log_len = 0;
        self.snapshot_len = text.len() as u64;
        self.pending.clear();
        (self.must_sync, self.must_fold, self.torn) = (false, false, false);
        match self.fs.remove(&old) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }
}

fn log_path(dir: &Path, generation: u64) -> PathBuf {
    dir.join(format!("log.{generation}"))
}

fn apply(records: &mut BTreeMap<u64, Record>, op: Op) {
    match op {
        Op::File(record) => {
            records.insert(record.key, *record);
        }
        Op::Mark { key, mark } => {
            if let Some(r) = records.get_mut(&key) {
                let at = r.marks.partition_point(|m| m.from < mark.from);
                r.marks.insert(at, mark);
            }
        }
        Op::Ack(all) => {
            for m in all {
                if let Some(r) = records.get_mut(&m.key) {
                    (r.offset, r.done, r.tail) = (m.offset, m.done, m.tail);
                    // what is delivered makes no event again, so its time is not asked for
                    while r.marks.front().is_some_and(|mark| mark.upto <= m.done) {
                        r.marks.pop_front();
                    }
                }
            }
        }
        Op::Drop { key } => {
            records.remove(&key);
        }
    }
}

/// A path as text where it is UTF-8, else as a list of bytes.
mod path_text {
    use super::{OsStrExt, OsStringExt, Path, PathBuf};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Form {
        Text(String),
        Bytes(Vec<u8>),
    }

    pub fn serialize<S: Serializer>(path: &Path, s: S) -> Result<S::Ok, S::Error> {
        match path.to_str() {
            Some(text) => Form::Text(text.to_string()),
            None => Form::Bytes(path.as_os_str().as_bytes().to_vec()),
        }
        .serialize(s)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<PathBuf, D::Error> {
        Ok(match Form::deserialize(d)? {
            Form::Text(text) => PathBuf::from(text),
            Form::Bytes(bytes) => PathBuf::from(std::ffi::OsString::from_vec(bytes)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::real::fs::RealFs;

    fn record(key: u64) -> Record {
        Record {
            key,
            path: PathBuf::from(std::ffi::OsStr::from_bytes(b"/a/\xff.log")),
            home: PathBuf::from("/a/b.log"),
            id: FileId { dev: 1, ino: key, birth_ns: Some(5) },
            head: Print::of(b"head"),
            offset: 0,
            done: 0,
            tail: Print::default(),
            prev: None,
            marks: VecDeque::new(),
            seen_secs: 1,
            gone_secs: None,
        }
    }

    fn mark(from: u64, upto: u64, secs: i64) -> Mark {
        Mark { from, upto, secs, nanos: 7, tail: Print::default() }
    }

    fn moved(key: u64, offset: u64) -> Moved {
        Moved { key, offset, done: offset, tail: Print::default() }
    }

    fn open(dir: &Path) -> Registry {
        Registry::open(Arc::new(RealFs), dir).unwrap()
    }

    fn filled(dir: &Path) -> Registry {
        let mut r = open(dir);
        r.put(record(1));
        r.mark(1, mark(0, 10, 100), true);
        r.mark(1, mark(10, 30, 101), true);
        r.moved(vec![moved(1, 10)]);
        r.put(record(2));
        r.forget(2);
        r
    }

    #[test]
    fn what_was_written_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut r = filled(dir.path());
        r.make_durable().unwrap();
        let kept = r.records().clone();
        drop(r);
        let mut r = open(dir.path());
        assert_eq!(r.records(), &kept);
        assert_eq!(r.records().len(), 1);
        let one = r.get(1).unwrap();
        assert_eq!((one.offset, one.marks.len()), (10, 1));
        assert_eq!(one.marked(10).unwrap().secs, 101);
        assert_eq!(one.marked(29).unwrap().secs, 101);
        assert_eq!((one.marked(9), one.marked(30)), (None, None));
        r.fold().unwrap();
        r.moved(vec![moved(1, 30)]);
        r.flush().unwrap();
        drop(r);
        let r = open(dir.path());
        assert_eq!(r.get(1).unwrap().offset, 30);
        assert!(r.get(1).unwrap().marks.is_empty());
        assert_eq!(RealFs.list(dir.path()).unwrap().len(), 2, "a snapshot and its log");
    }

    #[test]
    fn a_log_torn_anywhere_is_cut_to_its_whole_lines() {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path()).flush().unwrap();
        let log = dir.path().join("log.0");
        let whole = RealFs.read(&log, 1 << 20).unwrap();
        for cut in 0..=whole.len() {
            for junk in [&b""[..], &b"\0\0\0\n\0"[..]] {
                let mut torn = whole[..cut].to_vec();
                torn.extend_from_slice(junk);
                RealFs.replace(&log, &torn, 0o600).unwrap();
                let mut r = open(dir.path());
                let lines = whole[..cut].iter().filter(|b| **b == b'\n').count();
                let kept = whole[..cut].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
                assert_eq!(r.cut_bytes, (torn.len() - kept) as u64);
                assert_eq!(r.records().len(), [0, 1, 1, 1, 1, 2, 1][lines]);
                // and what is appended after the cut is read again
                r.put(record(9));
                r.flush().unwrap();
                drop(r);
                assert!(open(dir.path()).get(9).is_some());
            }
        }
    }

    #[test]
    fn a_crash_while_folding_leaves_one_valid_pair() {
        let dir = tempfile::tempdir().unwrap();
        let mut r = filled(dir.path());
        r.flush().unwrap();
        // the new log is there, the snapshot does not name it yet
        RealFs.open_write(&dir.path().join("log.1"), WriteMode::New, 0o600).unwrap();
        drop(r);
        let mut r = open(dir.path());
        assert_eq!(r.get(1).unwrap().offset, 10);
        assert!(!dir.path().join("log.1").exists());
        // the snapshot names the new log, the old one is still there
        let old = RealFs.read(&dir.path().join("log.0"), 1 << 20).unwrap();
        r.moved(vec![moved(1, 20)]);
        r.fold().unwrap();
        drop(r);
        RealFs.replace(&dir.path().join("log.0"), &old, 0o600).unwrap();
        let r = open(dir.path());
        assert_eq!(r.get(1).unwrap().offset, 20);
        assert!(!dir.path().join("log.0").exists());
    }

    #[test]
    fn a_damaged_snapshot_is_a_clear_error() {
        let dir = tempfile::tempdir().unwrap();
        let mut r = filled(dir.path());
        r.fold().unwrap();
        drop(r);
        let path = dir.path().join("snapshot");
        let mut bytes = RealFs.read(&path, 1 << 20).unwrap();
        let n = bytes.len();
        bytes[n - 5] ^= 1;
        RealFs.replace(&path, &bytes, 0o600).unwrap();
        let e = Registry::open(Arc::new(RealFs), dir.path()).err().unwrap();
        assert!(e.to_string().contains("a line is damaged"), "{e}");
    }

    /// A machine whose disk forgets what was not synced.
    fn machine(seed: u64) -> crate::world::sim::SimWorld {
        use crate::world::sim::{DiskConfig, Rng, SimWorld, Trace};
        let config = DiskConfig { volatile: vec!["/data".into()], spared: None, births: true };
        SimWorld::new(&mut Rng::new(seed), Timestamp::new(1, 0), config, Trace::off())
    }

    #[test]
    fn what_is_durable_survives_a_power_failure_from_the_first_day() {
        for seed in 0..20 {
            let mut sim = machine(seed);
            sim.disk.create_dir_all(Path::new("/data")).unwrap();
            let (process, world) = sim.process();
            let mut r = Registry::open(world.fs, Path::new("/data/registry")).unwrap();
            r.put(record(1));
            r.make_durable().unwrap();
            process.kill("test");
            drop(r);
            sim.bury(&process, true);
            let (_, world) = sim.process();
            let r = Registry::open(world.fs, Path::new("/data/registry")).unwrap();
            assert_eq!(r.records().len(), 1);
        }
    }

    #[test]
    fn a_failed_sync_is_not_trusted_when_the_next_succeeds() {
        use crate::world::sim::DiskFaults;
        let mut sim = machine(1);
        sim.disk.create_dir_all(Path::new("/data")).unwrap();
        let (process, world) = sim.process();
        let mut r = Registry::open(world.fs, Path::new("/data/registry")).unwrap();
        process.set_faults(DiskFaults { sync_error: 1000, ..DiskFaults::default() });
        r.put(record(1));
        r.make_durable().unwrap_err();
        process.set_faults(DiskFaults::default());
        r.make_durable().unwrap();
        process.kill("test");
        drop(r);
        sim.bury(&process, true);
        let (_, world) = sim.process();
        let r = Registry::open(world.fs, Path::new("/data/registry")).unwrap();
        assert_eq!(r.records().len(), 1);
    }
}
