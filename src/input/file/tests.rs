//! Situations of real disks, one test each, against the machine's file system under a clock that the test moves.

#![allow(clippy::disallowed_methods, reason = "the test is the world")]

use super::config::plain_meta;
use super::*;
use crate::ack::{BatchAck, Tally};
use crate::event::{Batch, Timestamp, Value};
use crate::telemetry::Metrics;
use crate::world::fs::{DirEntry, LockGuard, ReadFile, Stat, WriteFile, WriteMode};
use crate::world::real::fs::RealFs;
use crate::world::real::random::RealRandom;
use crate::world::{BoxFuture, Clock, Fs};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A clock that stands until a test moves it.
struct ManualClock(Mutex<Duration>);

/// 2024-03-05T10:11:12Z, where the test's clock begins.
const START_SECS: i64 = 1_709_633_472;

impl ManualClock {
    fn pass(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        let t = *self.0.lock().unwrap();
        Timestamp::new(START_SECS + t.as_secs() as i64, t.subsec_nanos())
    }

    fn monotonic(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        panic!("the reader never sleeps")
    }
}

/// The real file system, with faults that a test asks for.
#[derive(Default)]
struct FaultyFs {
    /// Opening for reading fails with this error number.
    open_error: Mutex<Option<i32>>,
    /// Listing this folder fails.
    list_error: Mutex<Option<(PathBuf, i32)>>,
    /// Writing and syncing below this folder fails.
    write_error: Arc<Mutex<Option<i32>>>,
    syncs: Arc<Mutex<usize>>,
}

struct FaultyWrite(Box<dyn WriteFile>, Arc<Mutex<Option<i32>>>, Arc<Mutex<usize>>);

impl FaultyWrite {
    fn check(&self) -> io::Result<()> {
        self.1.lock().unwrap().map_or(Ok(()), |n| Err(io::Error::from_raw_os_error(n)))
    }
}

impl WriteFile for FaultyWrite {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(e) = self.check() {
            // a torn write
            self.0.write_all(&bytes[..bytes.len() / 2])?;
            return Err(e);
        }
        self.0.write_all(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.check()?;
        *self.2.lock().unwrap() += 1;
        self.0.sync()
    }
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
}

impl Fs for FaultyFs {
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        if let Some(n) = *self.open_error.lock().unwrap() {
            return Err(io::Error::from_raw_os_error(n));
        }
        RealFs.open(path)
    }
    fn open_write(&self, path: &Path, how: WriteMode, mode: u32) -> io::Result<Box<dyn WriteFile>> {
        let file = RealFs.open_write(path, how, mode)?;
        Ok(Box::new(FaultyWrite(file, Arc::clone(&self.write_error), Arc::clone(&self.syncs))))
    }
    fn stat(&self, path: &Path) -> io::Result<Stat> {
        RealFs.stat(path)
    }
    fn stat_link(&self, path: &Path) -> io::Result<Stat> {
        RealFs.stat_link(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        match &*self.list_error.lock().unwrap() {
            Some((bad, n)) if bad == dir => Err(io::Error::from_raw_os_error(*n)),
            _ => RealFs.list(dir),
        }
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealFs.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        RealFs.remove(path)
    }
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        RealFs.create_dir_all(dir)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        RealFs.sync_dir(dir)
    }
    fn lock(&self, path: &Path) -> io::Result<Box<dyn LockGuard>> {
        RealFs.lock(path)
    }
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        RealFs.canonical(path)
    }
    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        RealFs.free_bytes(path)
    }
}

/// An event as the test sees it.
#[derive(Clone, Debug, PartialEq)]
struct Got {
    key: u64,
    offset: u64,
    time: Timestamp,
    message: String,
    path: String,
    flags: Vec<String>,
    stream: Option<String>,
}

struct Rig {
    dir: tempfile::TempDir,
    clock: Arc<ManualClock>,
    fs: Arc<FaultyFs>,
    metrics: Metrics,
    config: ReaderConfig,
    reader: Option<TailReader>,
    got: Vec<Got>,
    /// Batches not acknowledged.
    held: Vec<Batch>,
    hold: bool,
    finished: bool,
}

fn end(batch: Batch) {
    let n = batch.len() as u64;
    let ack: Arc<BatchAck> = Arc::clone(batch.ack());
    ack.account(Tally { read: n, routed: n, deliveries: n, ..Tally::default() });
    ack.processed();
    ack.delivered(n);
}

impl Rig {
    fn new(glob: &str) -> Rig {
        Rig::with(glob, Format::Lines)
    }

    fn containers(glob: &str) -> Rig {
        Rig::with(glob, Format::Container { format: ContainerFormat::Auto, stream: Stream::All })
    }

    fn with(glob: &str, format: Format) -> Rig {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("logs")).unwrap();
        let paths = vec![dir.path().join("logs").join(glob).to_str().unwrap().to_string()];
        let input = FileInputConfig::new("log", paths, format, plain_meta("log"));
        let config = ReaderConfig::new(dir.path().join("data"), vec![input]);
        Rig {
            dir,
            clock: Arc::new(ManualClock(Mutex::new(Duration::from_secs(100)))),
            fs: Arc::new(FaultyFs::default()),
            metrics: Metrics::new(),
            config,
            reader: None,
            got: vec![],
            held: vec![],
            hold: false,
            finished: false,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("logs").join(name)
    }

    fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        let mut f = fs::OpenOptions::new().append(true).create(true).open(self.path(name)).unwrap();
        f.write_all(text.as_ref()).unwrap();
    }

    fn parts(&self) -> Parts {
        Parts { clock: self.clock.clone(), fs: self.fs.clone(), random: Arc::new(RealRandom::new()) }
    }

    fn start(&mut self) {
        let reader = TailReader::new(self.config.clone(), self.parts(), &self.metrics).unwrap();
        self.reader = Some(reader);
    }

    /// Polls until there is nothing to do now.
    fn poll(&mut self) {
        if self.reader.is_none() {
            self.start();
        }
        for _ in 0..3_000 {
            match self.reader.as_mut().unwrap().poll() {
                Poll::Batch(batch) => {
                    self.reader.as_mut().unwrap().make_durable().unwrap();
                    self.see(&batch);
                    if self.hold { self.held.push(batch) } else { end(batch) }
                }
                Poll::Idle { wake_after } if wake_after.is_zero() => {}
                Poll::Idle { .. } => return,
                Poll::Finished => {
                    self.finished = true;
                    return;
                }
            }
        }
        panic!("the reader is busy for ever");
    }

    fn see(&mut self, batch: &Batch) {
        for e in batch.events() {
            let log = e.top("log").unwrap().as_map().unwrap();
            let Some(Value::Int(offset)) = log.get("offset") else { panic!("no offset") };
            assert_eq!(offset as u64, e.origin.offset);
            let list = log.get("flags").and_then(|f| f.as_list()).unwrap_or(&[]);
            self.got.push(Got {
                key: e.origin.key,
                offset: e.origin.offset,
                time: e.timestamp().unwrap(),
                message: e.top("message").unwrap().as_str().unwrap().to_string(),
                path: log.get("file").unwrap().as_map().unwrap().get("path").unwrap().as_str().unwrap().to_string(),
                flags: list.iter().map(|f| f.as_str().unwrap().to_string()).collect(),
                stream: e.top("stream").and_then(|s| s.as_str()).map(str::to_string),
            });
        }
    }

    /// Lets time pass in steps, polling after each.
    fn pass(&mut self, secs: u64) {
        for _ in 0..secs {
            self.clock.pass(Duration::from_secs(1));
            self.poll();
        }
    }

    /// What came since the last call.
    fn messages(&mut self) -> Vec<String> {
        std::mem::take(&mut self.got).into_iter().map(|g| g.message).collect()
    }

    /// kill -9: nothing is written any more, in-flight batches vanish.
    fn crash(&mut self) {
        self.held.clear();
        self.reader = None;
    }

    fn stop(&mut self) {
        self.poll();
        self.reader.take().unwrap().close().unwrap();
    }

    fn counter(&self, name: &str) -> u64 {
        let text = self.metrics.render();
        let line = text.lines().find(|l| l.starts_with(&format!("{name}_total{{")));
        line.map_or(0, |l| l.rsplit(' ').next().unwrap().parse().unwrap())
    }

    fn notices(&self) -> String {
        self.reader.as_ref().unwrap().notices().collect::<Vec<_>>().join("\n")
    }
}

fn lines(from: usize, upto: usize) -> String {
    (from..upto).map(|i| format!("line {i}\n")).collect()
}

fn names(from: usize, upto: usize) -> Vec<String> {
    (from..upto).map(|i| format!("line {i}")).collect()
}

#[test]
fn lines_become_events_and_the_last_one_waits_for_its_end() {
    let mut rig = Rig::new("*.log");
    rig.append("a.log", "one\ntwo\r\n\nthr");
    rig.poll();
    let path = rig.path("a.log").to_str().unwrap().to_string();
    assert_eq!(rig.got.len(), 2);
    assert_eq!((rig.got[0].offset, rig.got[0].message.as_str(), rig.got[0].path.as_str()), (0, "one", path.as_str()));
    assert_eq!((rig.got[1].offset, rig.got[1].message.as_str()), (4, "two"));
    assert_eq!(rig.got[0].time, Timestamp::new(START_SECS + 100, 0));
    rig.messages();
    rig.append("a.log", "ee\n");
    rig.pass(2);
    assert_eq!(rig.got[0].offset, 10);
    assert_eq!(rig.messages(), ["three"]);
    let record = rig.reader.as_ref().unwrap().records().values().next().unwrap().clone();
    assert_eq!((record.offset, record.done, record.marks.len()), (16, 16, 0));
}

#[test]
fn a_restart_goes_on_where_it_stopped() {
    let mut rig = Rig::new("*.log");
    rig.append("a.log", lines(0, 10));
    rig.poll();
    rig.stop();
    rig.append("a.log", lines(10, 20));
    rig.poll();
    assert_eq!(rig.messages(), names(0, 20));
    rig.stop();
    rig.poll();
    assert!(rig.messages().is_empty());
}

#[test]
fn a_crash_reads_again_what_was_not_acknowledged_with_the_same_ids_and_times() {
    let mut rig = Rig::new("*.log");
    rig.config.batch_events_max = 7;
    rig.append("a.log", lines(0, 10));
    rig.poll();
    assert_eq!(rig.messages().len(), 10);
    rig.hold = true;
    rig.append("a.log", lines(10, 30));
    rig.pass(2);
    let first = std::mem::take(&mut rig.got);
    assert_eq!(first.len(), 20);
    // the second of three batches is acknowledged: no contiguous prefix
    end(rig.held.remove(1));
    rig.poll();
    rig.crash();
    rig.hold = false;
    // after midnight
    rig.clock.pass(Duration::from_secs(86_400));
    rig.config.batch_events_max = 9;
    rig.append("a.log", lines(30, 33));
    rig.poll();
    let second = std::mem::take(&mut rig.got);
    assert_eq!(second[..20], first[..]);
    assert_eq!(second.len(), 23);
    assert_eq!(second[20].time, Timestamp::new(START_SECS + 102 + 86_400, 0));
}

#[test]
fn a_renamed_file_is_read_to_its_end_and_then_the_new_one() {
    let mut rig = Rig::new("a.log");
    rig.append("a.log", lines(0, 5));
    rig.poll();
    rig.append("a.log", lines(5, 8));
    fs::rename(rig.path("a.log"), rig.path("a.log.1")).unwrap();
    rig.append("a.log", lines(10, 12));
    rig.append("a.log.1", lines(8, 10));
    rig.pass(12);
    assert_eq!(rig.messages(), names(0, 12));
    // its writer does not know of the renaming yet
    rig.append("a.log.1", lines(12, 13));
    rig.pass(12);
    assert_eq!(rig.messages(), names(12, 13));
}

#[test]
fn a_file_renamed_into_another_match_is_not_read_again() {
    let mut rig = Rig::new("a.log*");
    rig.append("a.log", lines(0, 5));
    rig.poll();
    for i in (1..4).rev() {
        if rig.path(&format!("a.log.{i}")).exists() {
            fs::rename(rig.path(&format!("a.log.{i}")), rig.path(&format!("a.log.{}", i + 1))).unwrap();
        }
    }
    fs::rename(rig.path("a.log"), rig.path("a.log.1")).unwrap();
    rig.append("a.log", lines(5, 9));
    rig.pass(30);
    assert_eq!(rig.messages(), names(0, 9));
    rig.stop();
    rig.poll();
    rig.pass(30);
    assert!(rig.messages().is_empty());
}

#[test]
fn a_truncated_file_is_read_from_its_beginning_under_a_new_key() {
    let mut rig = Rig::new("*.log");
    rig.append("a.log", lines(0, 5));
    rig.poll();
    let old = rig.got[0].key;
    fs::write(rig.path("a.log"), "new 1\n").unwrap();
    rig.pass(12);
    assert_ne!(rig.got[5].key, old, "else its ids would be those of the old lines");
    assert_eq!(rig.messages()[5..], ["new 1"]);
    // truncated and grown beyond the old length between two looks
    fs::write(rig.path("a.log"), lines(100, 200)).unwrap();
    rig.pass(12);
    assert_eq!(rig.messages(), names(100, 200));
}

fn copytruncate(rig: &Rig, from: &str, to: &str) {
    fs::copy(rig.path(from), rig.path(to)).unwrap();
    fs::OpenOptions::new().write(true).truncate(true).open(rig.path(from)).unwrap();
}

#[test]
fn copytruncate_reads_the_rest_in_the_copy_and_nothing_twice() {
    for glob in ["a.log", "a.log*"] {
        let mut rig = Rig::new(glob);
        rig.append("a.log", lines(0, 50));
        rig.poll();
        // lines that nobody has read when the file is copied and truncated
        rig.append("a.log", lines(50, 60));
        copytruncate(&rig, "a.log", "a.log.1");
        rig.append("a.log", lines(60, 65));
        rig.pass(30);
        assert_eq!(rig.messages(), names(0, 65), "{glob}");
        rig.stop();
        rig.append("a.log", lines(65, 70));
        rig.poll();
        rig.pass(30);
        assert_eq!(rig.messages(), names(65, 70), "{glob}");
        assert_eq!(rig.counter("logdrive_input_lost_bytes"), 0);
    }
}

#[test]
fn a_copy_seen_before_the_truncation_waits_and_is_not_read() {
    let mut rig = Rig::new("a.log*");
    rig.append("a.log", lines(0, 50));
    rig.poll();
    fs::copy(rig.path("a.log"), rig.path("a.log.1")).unwrap();
    // read by us after the copy was made
    rig.append("a.log", lines(50, 55));
    rig.clock.pass(Duration::from_secs(10));
    rig.poll();
    rig.pass(3);
    fs::write(rig.path("a.log"), lines(55, 58)).unwrap();
    rig.pass(30);
    assert_eq!(rig.messages(), names(0, 58));
    rig.stop();
    rig.poll();
    rig.pass(30);
    assert!(rig.messages().is_empty());
}

#[test]
fn copytruncate_while_down_reads_the_rest_in_the_copy() {
    for glob in ["a.log", "a.log*"] {
        let mut rig = Rig::new(glob);
        rig.append("a.log", lines(0, 50));
        rig.poll();
        rig.stop();
        rig.append("a.log", lines(50, 60));
        copytruncate(&rig, "a.log", "a.log.1");
        rig.append("a.log", lines(60, 160));
        rig.poll();
        rig.pass(30);
        assert_eq!(rig.messages(), names(0, 160), "{glob}");
    }
}

#[test]
fn a_removed_file_is_read_to_its_end_even_without_a_line_feed() {
    let mut rig = Rig::new("*.log");
    rig.append("a.log", lines(0, 3));
    rig.poll();
    rig.append("a.log", "line 3\nline 4");
    fs::remove_file(rig.path("a.log")).unwrap();
    rig.pass(10);
    assert_eq!(rig.messages(), names(0, 5));
    let open = rig.metrics.gauge(crate::telemetry::GaugeName::InputOpenFiles, &[("input", "log")]);
    rig.pass(20);
    assert_eq!(open.get(), 0);
    assert_eq!(rig.counter("logdrive_input_lost_bytes"), 0);
}

#[test]
fn two_files_that_begin_alike_are_two_files_and_hard_links_are_one() {
    let mut rig = Rig::new("*.log");
    let head = "x".repeat(2000) + "\n";
    rig.append("a.log", format!("{head}a\n"));
    rig.append("b.log", format!("{head}b\n"));
    rig.append("c.log", format!("{head}a\n"));
    fs::hard_link(rig.path("a.log"), rig.path("d.log")).unwrap();
    // files with all the same content wait: one may be a copy whose original is about to be truncated
    rig.pass(15);
    let mut all = rig.messages();
    all.retain(|m| m.len() == 1);
    all.sort();
    assert_eq!(all, ["a", "a", "b"]);
    // one that comes later with the content of another, and stays
    rig.append("e.log", format!("{head}b\n"));
    rig.pass(30);
    assert_eq!(rig.messages().len(), 2);
}

#[test]
fn a_file_of_one_byte_is_read() {
    let mut rig = Rig::new("*.log");
    rig.append("empty.log", "");
    rig.append("a.log", "\n");
    rig.append("b.log", "x");
    rig.poll();
    assert!(rig.messages().is_empty());
    rig.append("b.log", "\n");
    rig.append("empty.log", "y\n");
    rig.pass(12);
    let mut all = rig.messages();
    all.sort();
    assert_eq!(all, ["x", "y"]);
    rig.stop();
    rig.poll();
    assert!(rig.messages().is_empty());
}

#[test]
fn an_inode_used_again_is_a_new_file() {
    let mut rig = Rig::new("*.log");
    rig.append("a.log", lines(0, 5));
    rig.poll();
    rig.stop();
    let before = RealFs.stat(&rig.path("a.log")).unwrap().ino;
    fs::remove_file(rig.path("a.log")).unwrap();
    // most file systems give the inode to the next file; where not, the test is about a new file
    rig.append("b.log", lines(5, 15));
    let after = RealFs.stat(&rig.path("b.log")).unwrap().ino;
    rig.poll();
    rig.pass(12);
    assert_eq!(rig.messages(), names(0, 15), "inode {before} then {after}");
}

#[test]
fn a_second_process_is_told_that_the_folder_is_in_use() {
    let mut rig = Rig::new("*.log");
    rig.start();
    let error = TailReader::new(rig.config.clone(), rig.parts(), &rig.metrics).err().unwrap();
    assert!(error.to_string().contains("another process uses this folder"), "{error}");
}

#[test]
fn rotated_while_down_is_found_under_its_new_name() {
    let mut rig = Rig::new("a.log");
    rig.append("a.log", lines(0, 5));
    rig.poll();
    rig.stop();
    rig.append("a.log", lines(5, 9));
    fs::rename(rig.path("a.log"), rig.path("archived-under-another-name")).unwrap();
    rig.append("a.log.2", "came and went\n");
    rig.append("a.log", lines(9, 12));
    rig.poll();
    rig.pass(12);
    assert_eq!(rig.messages(), names(0, 12));
    let notices = rig.notices();
    assert!(
        notices.contains(
            "1 file appears to have been created and rotated away while logdrive was down: a.log.2 (14 bytes)"
        ),
        "{notices}"
    );
}

#[test]
fn out_of_descriptors_waits_and_deletes_nothing() {
    let mut rig = Rig::new("*.log");
    rig.append("a.log", lines(0, 3));
    rig.poll();
    *rig.fs.open_error.lock().unwrap() = Some(24);
    *rig.fs.list_error.lock().unwrap() = Some((rig.path(""), 24));
    rig.append("b.log", lines(5, 8));
    rig.append("a.log", lines(3, 5));
    rig.pass(30);
    assert_eq!(rig.messages(), names(0, 5), "what is open is read on");
    let list = rig.fs.list_error.lock().unwrap().take();
    assert!(list.is_some());
    rig.pass(30);
    assert!(rig.notices().contains("no more files can be opened"), "{}", rig.notices());
    *rig.fs.open_error.lock().unwrap() = None;
    rig.pass(3);
    assert_eq!(rig.messages(), names(5, 8));
    assert_eq!(rig.reader.as_ref().unwrap().records().len(), 2);
}

#[test]
fn more_files_than_may_be_open_are_all_read() {
    let mut rig = Rig::new("*.log");
    rig.config.open_files_max = 3;
    for i in 0..20 {
        rig.append(&format!("{i:02}.log"), format!("file {i}\n"));
    }
    rig.pass(60);
    let all: BTreeSet<String> = rig.messages().into_iter().collect();
    assert_eq!(all.len(), 20);
    rig.append("07.log", "more\n");
    rig.pass(40);
    assert_eq!(rig.messages(), ["more"]);
}

#[test]
fn once_reads_to_the_end_as_it_is_and_finishes_after_the_acks() {
    let mut rig = Rig::new("*.log");
    rig.config.once = true;
    rig.config.batch_events_max = 3;
    rig.hold = true;
    rig.append("a.log", lines(0, 10));
    rig.append("b.log", lines(10, 12) + "unfinished");
    rig.poll();
    assert!(!rig.finished);
    let mut all = rig.messages();
    all.sort();
    let mut want = names(0, 12);
    want.sort();
    assert_eq!(all, want);
    for batch in rig.held.drain(..) {
        end(batch);
    }
    rig.poll();
    assert!(rig.finished);
    rig.stop();
    rig.finished = false;
    rig.poll();
    assert!(rig.finished && rig.got.is_empty());
}

#[test]
fn bytes_that_are_not_text_are_replaced_one_by_one() {
    let mut rig = Rig::new("*.log");
    rig.append("a.log", b"a\xff\xe2\x82b\n\0\0\nfine\n");
    rig.poll();
    assert_eq!(rig.messages(), ["a\u{fffd}\u{fffd}\u{fffd}b", "\0\0", "fine"]);
}

#[test]
fn a_line_over_the_limit_is_cut_flagged_and_counted() {
    for size in [1000usize, 200_000, 3_000_000] {
        let mut rig = Rig::new("*.log");
        rig.config.inputs[0].max_bytes = 100;
        rig.append("a.log", format!("short\n{}\nafter\n", "x".repeat(size)));
        rig.pass(3);
        assert_eq!(rig.got[1].flags, ["truncated"]);
        assert_eq!(rig.got[2].offset, 6 + size as u64 + 1);
        assert_eq!(rig.messages(), ["short".to_string(), "x".repeat(100), "after".to_string()]);
        assert_eq!(rig.counter("logdrive_input_cut_bytes"), size as u64 - 100);
        assert_eq!(rig.notices().matches("longer than max_bytes").count(), 1);
    }
}

#[test]
fn a_line_longer_than_a_block_is_whole() {
    let mut rig = Rig::new("*.log");
    let long = "y".repeat(5 << 20);
    rig.append("a.log", &long);
    rig.pass(2);
    rig.append("a.log", "z\nnext\n");
    rig.pass(10);
    assert_eq!(rig.messages(), [format!("{long}z"), "next".to_string()]);
}

fn docker(log: &str, stream: &str, second: u32) -> String {
    let log = log.replace('\n', "\\n");
    format!("{{\"log\":\"{log}\",\"stream\":\"{stream}\",\"time\":\"2024-03-05T10:00:{second:02}.5Z\"}}\n")
}

#[test]
fn docker_lines_carry_their_own_time_and_partial_ones_are_joined_per_stream() {
    let mut rig = Rig::containers("*.log");
    rig.append("a.log", docker("out 1 ", "stdout", 1));
    rig.append("a.log", docker("err ", "stderr", 2));
    rig.append("a.log", docker("out 2\n", "stdout", 3));
    rig.poll();
    assert_eq!((rig.got[0].offset, rig.got[0].time), (0, Timestamp::new(START_SECS - 671, 500_000_000)));
    assert_eq!(rig.messages(), ["out 1 out 2"]);
    let record = rig.reader.as_ref().unwrap().records().values().next().unwrap().clone();
    assert!(record.offset < record.done, "the other stream is not complete: {record:?}");
    // neither lost nor doubled by a crash in between
    rig.crash();
    rig.append("a.log", docker("done\n", "stderr", 4));
    rig.poll();
    assert_eq!(rig.got[0].stream.as_deref(), Some("stderr"));
    assert_eq!(rig.messages(), ["err done"]);
}

#[test]
fn partial_lines_are_joined_across_a_rotated_file() {
    for crash in [false, true] {
        let mut rig = Rig::containers("a.log");
        rig.hold = true;
        rig.append("a.log", docker("first\n", "stdout", 1) + &docker("begun ", "stdout", 2));
        rig.poll();
        let begun = docker("first\n", "stdout", 1).len() as u64;
        let key = rig.got[0].key;
        if crash {
            end(rig.held.remove(0));
            rig.poll();
            rig.crash();
        }
        fs::rename(rig.path("a.log"), rig.path("a.log.1")).unwrap();
        rig.append("a.log", docker("and ended\n", "stdout", 3) + &docker("last\n", "stdout", 4));
        rig.poll();
        rig.pass(12);
        assert_eq!((rig.got[1].key, rig.got[1].offset), (key, begun));
        assert_eq!(rig.messages(), ["first", "begun and ended", "last"]);
        // the later file is not ahead of the earlier one
        if !crash {
            end(rig.held.remove(1));
            rig.poll();
            assert!(rig.reader.as_ref().unwrap().records().values().all(|r| r.offset == 0));
        }
        for batch in rig.held.drain(..) {
            end(batch);
        }
        rig.poll();
        rig.stop();
        rig.poll();
        rig.pass(12);
        assert!(rig.messages().is_empty(), "crash: {crash}");
    }
}

#[test]
fn a_container_line_that_cannot_be_decoded_is_shipped_flagged() {
    let mut rig = Rig::containers("*.log");
    rig.append("a.log", docker("one\n", "stdout", 1));
    rig.append("a.log", "{\"log\":\"torn{\"log\":\"x\\n\"}\n");
    rig.append("a.log", docker("two\n", "stdout", 1));
    rig.poll();
    assert_eq!(rig.got[1].flags, ["undecoded"]);
    assert_eq!(rig.got[1].time, Timestamp::new(START_SECS + 100, 0));
    assert_eq!(rig.messages(), ["one", "{\"log\":\"torn{\"log\":\"x\\n\"}", "two"]);
    assert_eq!(rig.counter("logdrive_input_bad_lines"), 1);
}

#[test]
fn a_full_disk_holds_the_events_and_loses_nothing() {
    let mut rig = Rig::new("*.log");
    rig.append("a.log", lines(0, 3));
    rig.poll();
    rig.append("a.log", lines(3, 6));
    rig.clock.pass(Duration::from_secs(1));
    *rig.fs.write_error.lock().unwrap() = Some(28);
    let Poll::Batch(batch) = rig.reader.as_mut().unwrap().poll() else { panic!("a batch") };
    assert!(rig.reader.as_mut().unwrap().make_durable().is_err());
    assert!(rig.reader.as_mut().unwrap().make_durable().is_err());
    *rig.fs.write_error.lock().unwrap() = None;
    rig.reader.as_mut().unwrap().make_durable().unwrap();
    rig.see(&batch);
    let first = rig.got.clone();
    rig.crash();
    rig.got.truncate(3);
    rig.clock.pass(Duration::from_secs(60));
    rig.poll();
    assert_eq!(rig.got, first);
}

#[test]
fn what_cannot_be_read_is_said_once_and_the_rest_goes_on() {
    let mut rig = Rig::new("*");
    fs::create_dir(rig.path("folder")).unwrap();
    std::os::unix::fs::symlink(rig.path("nowhere"), rig.path("link")).unwrap();
    rig.append("a.log", lines(0, 2));
    rig.poll();
    rig.pass(30);
    assert_eq!(rig.messages(), names(0, 2));
    let notices = rig.notices();
    assert_eq!(notices.matches("is a folder").count(), 1, "{notices}");
    assert_eq!(notices.matches("is a symbolic link").count(), 1, "{notices}");
}

#[test]
fn nothing_new_costs_no_sync() {
    let mut rig = Rig::new("*.log");
    rig.append("a.log", lines(0, 2));
    rig.poll();
    let before = *rig.fs.syncs.lock().unwrap();
    rig.pass(30);
    assert_eq!(*rig.fs.syncs.lock().unwrap(), before);
}

/// A small generator, so that a seed gives the same run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Writes, rotates, copies, crashes and acknowledges at random; at the end every line is there under exactly one id.
fn torture(seed: u64, container: bool, copytruncate_too: bool) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9) + 1);
    let glob = ["a.log", "a.log*"][dice.roll(2) as usize];
    let mut rig = if container { Rig::containers(glob) } else { Rig::new(glob) };
    rig.config.batch_events_max = 1 + dice.roll(20) as usize;
    rig.hold = true;
    let mut written = 0usize;
    let mut story = Vec::new();
    let tell = std::env::var_os("TORTURE_SEED").is_some();
    // per id, what arrived first
    let mut docs: std::collections::BTreeMap<(u64, u64), Got> = Default::default();
    let mut rotated = 0;
    let rotate = |rig: &Rig, rotated: &mut usize| {
        for i in (1..=*rotated).rev() {
            fs::rename(rig.path(&format!("a.log.{i}")), rig.path(&format!("a.log.{}", i + 1))).unwrap();
        }
        *rotated += 1;
    };
    // what a container wrote without a line end yet
    let mut open = [false; 2];
    // without a glob for rotated files, what nobody saw under its first name cannot be known
    let mut seen = false;
    for _ in 0..60 {
        let what = dice.roll(12);
        story.push(what);
        if matches!(what, 4 | 5) && !seen && glob == "a.log" {
            rig.clock.pass(Duration::from_secs(11));
            rig.poll();
            // files that wait for the one before them take a moment each, as the runtime polls in between
            for _ in 0..8 {
                rig.clock.pass(Duration::from_millis(200));
                rig.poll();
            }
            rig.clock.pass(Duration::from_secs(11));
            rig.poll();
        }
        match what {
            0..=3 => {
                for _ in 0..dice.roll(12) {
                    if container {
                        let s = dice.roll(2) as usize;
                        let part = dice.roll(3) == 0;
                        let text = if open[s] { String::from("+") } else { format!("line {written}") };
                        written += usize::from(!open[s]);
                        open[s] = part;
                        let text = if part { text } else { text + "\n" };
                        rig.append("a.log", docker(&text, ["stdout", "stderr"][s], 1));
                    } else {
                        rig.append("a.log", format!("line {written}\n"));
                        written += 1;
                    }
                }
            }
            4 => {
                // one program rotates a file in one way
                if !copytruncate_too && rig.path("a.log").exists() {
                    rotate(&rig, &mut rotated);
                    seen = false;
                    fs::rename(rig.path("a.log"), rig.path("a.log.1")).unwrap();
                }
            }
            5 if copytruncate_too && rig.path("a.log").exists() => {
                rotate(&rig, &mut rotated);
                seen = false;
                fs::copy(rig.path("a.log"), rig.path("a.log.1")).unwrap();
                if dice.roll(2) == 0 && rig.reader.is_some() {
                    rig.poll();
                }
                fs::write(rig.path("a.log"), "").unwrap();
            }
            6 if !rig.held.is_empty() => {
                let n = dice.roll(rig.held.len() as u64) as usize;
                end(rig.held.remove(n));
            }
            7 => rig.held.drain(..).for_each(end),
            8 => rig.crash(),
            9 if rig.reader.is_some() => {
                rig.stop();
                rig.held.clear();
            }
            _ => {
                let time = dice.roll(15_000);
                seen |= time > 10_000 && fs::metadata(rig.path("a.log")).is_ok_and(|m| m.len() > 0);
                rig.clock.pass(Duration::from_millis(time));
                rig.poll();
            }
        }
        if tell {
            eprintln!("-- {what}, {written} written, seen {seen}");
            for r in rig.reader.iter().flat_map(|r| r.records().values()) {
                let name = r.path.file_name().unwrap();
                let marked = r.marks.back().map_or(0, |m| m.upto);
                eprintln!(
                    "  {} {name:?} i{} {}/{} {marked} gone {:?} after {:?}",
                    r.key % 100_000,
                    r.id.ino % 1000,
                    r.offset,
                    r.done,
                    r.gone_secs,
                    r.prev.map(|p| p % 100_000)
                );
            }
            for got in &rig.got {
                eprintln!("    {} {} {}", got.key % 100_000, got.offset, got.message);
            }
        }
        for got in rig.got.drain(..) {
            let id = (got.key, got.offset);
            let first = docs.entry(id).or_insert_with(|| got.clone());
            assert_eq!((&first.message, first.time), (&got.message, got.time), "seed {seed}, id {id:?}: {story:?}");
        }
    }
    // the faults stop: the writer closes its lines, everything is acknowledged
    if container {
        for s in 0..2 {
            if open[s] {
                rig.append("a.log", docker("+\n", ["stdout", "stderr"][s], 2));
            }
        }
    }
    rig.hold = false;
    rig.held.drain(..).for_each(end);
    rig.pass(40);
    for got in rig.got.drain(..) {
        docs.entry((got.key, got.offset)).or_insert(got);
    }
    let mut all: Vec<String> = docs.values().map(|g| g.message.trim_end_matches('+').to_string()).collect();
    let mut want = names(0, written);
    all.sort();
    want.sort();
    let extra: Vec<_> = all.iter().filter(|m| all.iter().filter(|x| x == m).count() > 1).collect();
    if std::env::var_os("TORTURE_SEED").is_some() {
        eprintln!("{:#?}", rig.reader.as_ref().unwrap().records());
        for d in docs.values() {
            eprintln!("{} {} {}", d.key, d.offset, d.message);
        }
        let mut paths: Vec<_> = fs::read_dir(rig.path("")).unwrap().map(|e| e.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            eprintln!("{} {:?}\n{}", path.display(), RealFs.stat(&path).unwrap(), fs::read_to_string(&path).unwrap());
        }
    }
    let lost: Vec<_> = want.iter().filter(|m| !all.contains(m)).collect();
    assert!(
        extra.is_empty() && lost.is_empty() && all == want,
        "seed {seed} ({glob}): doubled {extra:?}, lost {lost:?}: {story:?}\n{}",
        rig.notices()
    );
}

/// The seeds of a randomised test: `upto` of them, or the one that `TORTURE_SEED` names.
fn seeds(upto: u64) -> std::ops::Range<u64> {
    match std::env::var("TORTURE_SEED").ok().and_then(|s| s.parse::<u64>().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..std::env::var("TORTURE_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(upto),
    }
}

#[test]
fn random_renames_crashes_and_acks_lose_and_double_nothing() {
    for seed in seeds(75) {
        torture(seed, false, false);
    }
}

#[test]
fn random_container_files_lose_and_double_nothing() {
    for seed in seeds(75) {
        torture(seed, true, false);
    }
}

#[test]
fn random_copytruncates_lose_and_double_nothing() {
    for seed in seeds(75) {
        torture(seed, false, true);
    }
}

#[test]
fn a_line_longer_than_a_block_after_a_half_one_is_no_truncation() {
    let mut rig = Rig::new("*.log");
    rig.config.batch_bytes_max = 500;
    rig.append("a.log", "one\ntw");
    rig.poll();
    rig.append("a.log", "o\n");
    rig.pass(2);
    assert_eq!(rig.messages(), ["one", "two"]);
    let long = "x".repeat(200_000);
    rig.append("a.log", format!("{long}\nend\n"));
    rig.pass(10);
    assert_eq!(rig.messages(), [long.as_str(), "end"], "{}", rig.notices());
}

#[test]
fn a_container_file_rotated_while_down_is_still_read_as_one() {
    let mut rig = Rig::containers("*.json");
    let plain = FileInputConfig { paths: vec!["/nowhere/*.log".into()], ..rig.config.inputs[0].clone() };
    rig.config.inputs.insert(0, FileInputConfig { format: Format::Lines, ..plain });
    rig.append("c.json", docker("one\\n", "stdout", 1));
    rig.poll();
    rig.stop();
    rig.append("c.json", docker("two\\n", "stdout", 2));
    fs::rename(rig.path("c.json"), rig.path("c.json.1")).unwrap();
    rig.append("c.json", docker("three\\n", "stdout", 3));
    rig.pass(15);
    assert_eq!(rig.messages(), ["one", "two", "three"]);
    // now the registry knows it by a name that no path matches
    rig.stop();
    rig.append("c.json.1", docker("late\\n", "stdout", 4));
    rig.pass(15);
    assert_eq!(rig.messages(), ["late"]);
}

#[test]
fn waiting_for_a_free_place_is_no_spinning() {
    let mut rig = Rig::containers("*.json");
    rig.config.open_files_max = 1;
    rig.config.inputs[0].close_inactive = Duration::from_secs(3);
    rig.append("b.json", docker("one\\n", "stdout", 1));
    rig.poll();
    // closed, then wanted again, while an unfinished line keeps the only place
    rig.pass(20);
    rig.append("a.json", docker("half", "stdout", 2));
    rig.pass(20);
    rig.append("b.json", docker("two\\n", "stdout", 3));
    rig.pass(20);
    rig.append("a.json", docker(" whole\\n", "stdout", 4));
    rig.pass(40);
    assert_eq!(rig.messages(), ["one", "half whole", "two"]);
}
