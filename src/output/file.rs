//! The file output: events into files whose paths are templates.
//!
//! Original: <https://www.elastic.co/guide/en/logstash/8.19/plugins-outputs-file.html>. Default codec: `json_lines`.
//!
//! What is written reaches the operating system before its events are acknowledged, so a kill loses nothing;
//! `flush_interval` says how often it is also synced to the disk. A disk that is full or a folder without permission is
//! said and tried again for as long as it takes. A path that can never be one (too long, a folder) makes its events dead
//! letters. A path made of fields that leaves the folder before the first `%{...}` goes to `filename_failure`, as in the
//! original. `gzip` writes one member for each delivery.

use super::delivery::backoff::sleep_or_stop;
use super::delivery::said::Said;
use super::{Item, Output, OutputCx, Parcel, Selected, plain, write_document};
use crate::codec::encode::{self, Encoder};
use crate::config::build::BuildCx;
use crate::config::diagnostic::Diagnostic;
use crate::config::logstash::ast::Number;
use crate::config::options::{OptType, OptionSpec, Options};
use crate::event::{Event, Template};
use crate::telemetry::{Counter, CounterName};
use crate::world::fs::{WriteFile, WriteMode};
use crate::world::{BoxFuture, World};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

pub const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("path", OptType::String).required(),
    OptionSpec::new("flush_interval", OptType::Number),
    OptionSpec::new("gzip", OptType::Boolean),
    OptionSpec::new("filename_failure", OptType::String),
    OptionSpec::new("create_if_deleted", OptType::Boolean),
    OptionSpec::new("dir_mode", OptType::Number).not_yet(&["-1"]),
    OptionSpec::new("file_mode", OptType::Number),
    OptionSpec::new("stale_cleanup_interval", OptType::Number),
    OptionSpec::new("write_behavior", OptType::OneOf(&["append", "overwrite"])),
];

/// Files open at once; the one not written for the longest time is closed for another.
pub const OPEN_FILES_MAX: usize = 256;

/// Between two attempts to write.
const RETRY_TIME: Duration = Duration::from_secs(1);

pub struct Config {
    pub codec: Box<dyn Encoder>,
    pub path: Template,
    pub flush_interval: Duration,
    pub gzip: bool,
    pub filename_failure: String,
    pub create_if_deleted: bool,
    /// Permission bits of new files, before the umask.
    pub file_mode: u32,
    /// A file that was not written for so long is closed.
    pub stale_time: Duration,
    pub overwrite: bool,
}

pub fn build(options: &Options, cx: &mut BuildCx<'_>) -> Option<Config> {
    let codec = encode::build(options, "json_lines", cx);
    let seconds = |name: &str, default: f64| {
        let secs = options.number(name).map_or(default, |n| n.value.as_f64());
        Duration::try_from_secs_f64(secs).unwrap_or(Duration::ZERO)
    };
    let file_mode = match options.number("file_mode") {
        Some(n) if n.value == Number::Int(-1) => 0o666,
        Some(n) => {
            let bits = n.value.as_f64() as i64 as u32 & 0o7777;
            if bits & 0o400 == 0 || bits > 0o777 {
                cx.report(
                    Diagnostic::fault(
                        "file-mode",
                        format!("`file_mode` is read as a decimal number: it means {bits:04o}"),
                    )
                    .at(n.span, "its owner cannot read a file of this mode")
                    .note("Logstash reads it so too, a leading 0 included: 0640 is 416"),
                );
            }
            bits
        }
        None => 0o666,
    };
    let path = options.string("path")?;
    Some(Config {
        path: cx.template(&path.value, path.span),
        flush_interval: seconds("flush_interval", 2.0),
        gzip: options.boolean("gzip", false),
        filename_failure: options.string("filename_failure").map_or("_filepath_failures".into(), |s| s.value),
        create_if_deleted: options.boolean("create_if_deleted", true),
        file_mode,
        stale_time: seconds("stale_cleanup_interval", 10.0),
        overwrite: options.string("write_behavior").is_some_and(|s| s.value == "overwrite"),
        codec: codec?,
    })
}

pub struct File {
    cx: OutputCx,
    config: Config,
    /// The part of the path before the first folder or name with a field in it; `None` for a path without any.
    root: Option<PathBuf>,
    open: Mutex<BTreeMap<PathBuf, Open>>,
    said: Said,
    events: Counter,
    bytes: Counter,
}

struct Open {
    file: Box<dyn WriteFile>,
    written: Duration,
    synced: Duration,
    /// Bytes since the last sync.
    dirty: bool,
}

/// The items of a parcel that go to one path, and the bytes to write for them.
struct Part<'a> {
    path: PathBuf,
    items: Vec<&'a Item>,
    bytes: Vec<u8>,
}

impl File {
    pub fn new(config: Config, cx: OutputCx) -> File {
        let root = config.path.constant().is_none().then(|| {
            let text = config.path.text();
            let parts: Vec<&str> = text.split('/').take_while(|p| !p.contains("%{")).collect();
            PathBuf::from(if text.starts_with('/') && parts == [""] { "/".to_string() } else { parts.join("/") })
        });
        let labels = [("output", cx.id.as_str())];
        let events = cx.metrics.counter(CounterName::OutputEvents, &labels);
        let bytes = cx.metrics.counter(CounterName::OutputBytes, &labels);
        File { config, root, open: Mutex::default(), said: Said::default(), events, bytes, cx }
    }

    fn failure_path(&self) -> PathBuf {
        let dir = match &self.root {
            Some(root) => root.clone(),
            None => Path::new(self.config.path.text()).parent().map(Path::to_path_buf).unwrap_or_default(),
        };
        dir.join(&self.config.filename_failure)
    }

    /// The path of an event, before anything is known about the disk.
    fn path(&self, event: &Event<'_>) -> Result<String, String> {
        let mut text = String::new();
        self.config.path.render(event, &*self.cx.world.clock, &mut text).map_err(|e| e.to_string())?;
        if let Some(root) = &self.root {
            let path = normal(Path::new(&text));
            let root = normal(root);
            if text.contains('\0') || path == root || !path.starts_with(&root) {
                if let Some(n) = self.said.now(&self.cx.world, "outside", 1) {
                    tracing::warn!("file output: the path of {n} events lies outside {}", root.display());
                }
                return Ok(self.failure_path().to_string_lossy().into_owned());
            }
        }
        Ok(text)
    }

    fn encode_one(&self, event: &Event<'_>, parcel: &mut Parcel) -> Result<(), String> {
        let path = self.path(event)?;
        let start = parcel.body.len();
        parcel.body.extend_from_slice(path.as_bytes());
        parcel.body.push(0);
        let line = parcel.body.len();
        if let Err(why) = self.config.codec.encode(event, &*self.cx.world.clock, &mut parcel.body) {
            parcel.body.truncate(start);
            return Err(why);
        }
        let end = parcel.body.len();
        let document = match self.config.codec.document_len(end - line) {
            Some(len) => line..line + len,
            // only an event that names its path itself can have one that is never usable
            None if self.root.is_some() => {
                write_document(event, &mut parcel.body);
                end..parcel.body.len()
            }
            None => line..line,
        };
        plain::push(parcel, event, start, document);
        let item = parcel.items.last_mut().expect("just pushed");
        item.bytes.end = end as u32;
        Ok(())
    }

    fn parts<'a>(&self, parcel: &'a Parcel) -> Vec<Part<'a>> {
        let mut parts: Vec<Part<'a>> = Vec::new();
        let mut places: BTreeMap<&[u8], usize> = BTreeMap::new();
        for item in parcel.items.iter().filter(|i| !plain::is_failed(i)) {
            let bytes = parcel.bytes(item);
            let nul = bytes.iter().position(|b| *b == 0).expect("a path ends with NUL");
            let (path, line) = (&bytes[..nul], &bytes[nul + 1..]);
            let place = *places.entry(path).or_insert_with(|| {
                let path = PathBuf::from(String::from_utf8_lossy(path).into_owned());
                parts.push(Part { path, items: vec![], bytes: vec![] });
                parts.len() - 1
            });
            let part = &mut parts[place];
            part.items.push(item);
            if self.config.overwrite {
                part.bytes.clear();
            }
            part.bytes.extend_from_slice(line);
        }
        if self.config.gzip {
            for part in &mut parts {
                let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                zip.write_all(&part.bytes).expect("writing to memory cannot fail");
                part.bytes = zip.finish().expect("writing to memory cannot fail");
            }
        }
        parts
    }

    /// Writes bytes to the end of a file (or in its place), all or none.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let world = &self.cx.world;
        let now = world.clock.monotonic();
        let mut open = self.open.lock().expect("never poisoned");
        self.close_stale(&mut open, now);
        let mut target = path.to_path_buf();
        if is_gone(world, path)? {
            open.remove(path);
            if !self.config.create_if_deleted {
                target = self.failure_path();
            }
        }
        if !open.contains_key(&target) {
            if open.len() >= OPEN_FILES_MAX {
                let oldest =
                    open.iter().min_by_key(|(_, f)| f.written).map(|(p, _)| p.clone()).expect("files are open");
                if let Some(mut file) = open.remove(&oldest) {
                    file.file.sync()?;
                }
            }
            if let Some(dir) = target.parent().filter(|d| !d.as_os_str().is_empty()) {
                world.fs.create_dir_all(dir)?;
            }
            let file = world.fs.open_write(&target, WriteMode::Append, self.config.file_mode)?;
            open.insert(target.clone(), Open { file, written: now, synced: now, dirty: false });
        }
        let held = open.get_mut(&target).expect("opened above");
        let start = if self.config.overwrite {
            held.file.set_len(0)?;
            0
        } else {
            // others may append to the file too, or have emptied it
            held.file.len()?
        };
        if let Err(why) = held.file.write_all(bytes) {
            // half a line must not stand before the next attempt's whole one
            let _ = held.file.set_len(start);
            open.remove(&target);
            return Err(why);
        }
        held.written = now;
        held.dirty = true;
        if now.saturating_sub(held.synced) >= self.config.flush_interval {
            held.file.sync()?;
            held.synced = now;
            held.dirty = false;
        }
        Ok(())
    }

    fn close_stale(&self, open: &mut BTreeMap<PathBuf, Open>, now: Duration) {
        open.retain(|path, f| {
            if now.saturating_sub(f.written) < self.config.stale_time {
                return true;
            }
            match f.dirty.then(|| f.file.sync()) {
                Some(Err(why)) => {
                    tracing::error!("cannot sync {}: {why}", path.display());
                    true
                }
                _ => false,
            }
        });
    }

    async fn deliver_part(&self, parcel: &Parcel, part: &Part<'_>) -> Option<()> {
        loop {
            let why = match self.write(&part.path, &part.bytes) {
                Ok(()) => break,
                Err(why) => why,
            };
            let shown = part.path.display();
            if self.root.is_some() && never_usable(why.kind()) {
                let message = format!("cannot write to {shown}: {why}");
                plain::bury(&self.cx, &self.said, parcel, &part.items, "file-path", &message, None).await?;
                return Some(());
            }
            if let Some(n) = self.said.now(&self.cx.world, "write", part.items.len() as u64) {
                tracing::error!("cannot write {n} events to {shown}: {why}; trying again");
            }
            if sleep_or_stop(&self.cx.world, &self.cx.stop, RETRY_TIME).await {
                return None;
            }
        }
        self.events.inc_by(part.items.len() as u64);
        self.bytes.inc_by(part.bytes.len() as u64);
        parcel.ack.delivered(part.items.len() as u64);
        Some(())
    }
}

impl Output for File {
    fn plugin(&self) -> &'static str {
        "file"
    }

    fn encode(&self, events: &Selected<'_>, parcel: &mut Parcel) {
        for event in events.iter() {
            if self.encode_one(event, parcel).is_err() {
                plain::push_failed(parcel, event);
            }
        }
    }

    fn deliver<'a>(&'a self, parcel: Parcel) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if plain::bury_failed(&self.cx, &self.said, &parcel).await.is_none() {
                return;
            }
            for part in self.parts(&parcel) {
                if self.deliver_part(&parcel, &part).await.is_none() {
                    return;
                }
            }
        })
    }
}

fn is_gone(world: &World, path: &Path) -> io::Result<bool> {
    match world.fs.stat(path) {
        Ok(_) => Ok(false),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(e) => Err(e),
    }
}

/// Errors that are about the path itself, so that waiting does not help.
fn never_usable(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{InvalidFilename, InvalidInput, IsADirectory, NotADirectory};
    matches!(kind, InvalidFilename | InvalidInput | IsADirectory | NotADirectory)
}

/// The path without `.` and `..`, looking at its text only.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                if !out.pop() {
                    out.push("..");
                }
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EscapeStyle;
    use crate::output::testing::{TestWorld, batch, parcel, send};
    use std::sync::atomic::Ordering;

    fn config(path: &str) -> Config {
        Config {
            codec: encode::named("json_lines"),
            path: Template::compile(path, EscapeStyle::default()),
            flush_interval: Duration::from_secs(2),
            gzip: false,
            filename_failure: "_filepath_failures".into(),
            create_if_deleted: true,
            file_mode: 0o666,
            stale_time: Duration::from_secs(10),
            overwrite: false,
        }
    }

    #[test]
    fn each_event_goes_to_its_path_and_none_leaves_the_root() {
        let t = TestWorld::new();
        let file = File::new(config("/logs/%{app}/out.log"), t.cx());
        let events = [r#"{"app":"a"}"#, r#"{"app":"../../etc"}"#, r#"{"app":"b"}"#, r#"{"app":"a","n":2}"#, "{}"];
        assert_eq!(send(&t, &file, &events).deliveries_done, 5);
        assert_eq!(t.fs.text("/logs/a/out.log"), "{\"app\":\"a\"}\n{\"app\":\"a\",\"n\":2}\n");
        assert_eq!(t.fs.text("/logs/b/out.log"), "{\"app\":\"b\"}\n");
        assert_eq!(t.fs.text("/logs/_filepath_failures"), "{\"app\":\"../../etc\"}\n");
        assert_eq!(t.fs.text("/logs/%{app}/out.log"), "{}\n");
    }

    #[test]
    fn a_full_disk_delays_and_loses_nothing() {
        let t = TestWorld::new();
        let file = File::new(config("/out.log"), t.cx());
        t.fs.deny.store(true, Ordering::SeqCst);
        let (batch, end) = batch(&["{}"]);
        let parcel = parcel(&file, &batch);
        drop(batch);
        let mut delivery = file.deliver(parcel);
        assert!(t.block_until(Duration::from_secs(130), &mut delivery).is_none());
        assert!(end.try_recv().is_err());
        t.fs.deny.store(false, Ordering::SeqCst);
        t.block_on(delivery);
        assert_eq!(end.try_recv().unwrap().deliveries_done, 1);
        assert_eq!(t.fs.text("/out.log"), "{}\n");
    }

    #[test]
    fn a_removed_file_is_made_again_or_replaced_by_the_failure_file() {
        let t = TestWorld::new();
        for (create, lines, failures) in [(true, "{\"n\":2}\n", ""), (false, "", "{\"n\":2}\n")] {
            t.fs.put("/d/out.log", "");
            let file = File::new(Config { create_if_deleted: create, ..config("/d/out.log") }, t.cx());
            send(&t, &file, &[r#"{"n":1}"#]);
            t.world.fs.remove(Path::new("/d/out.log")).unwrap();
            send(&t, &file, &[r#"{"n":2}"#]);
            assert_eq!(t.fs.text("/d/out.log"), lines);
            assert_eq!(t.fs.text("/d/_filepath_failures"), failures);
        }
    }

    #[test]
    fn overwrite_keeps_the_last_and_gzip_can_be_read_back() {
        use std::io::Read;
        let t = TestWorld::new();
        let file = File::new(Config { overwrite: true, gzip: true, ..config("/out.gz") }, t.cx());
        send(&t, &file, &[r#"{"n":1}"#]);
        send(&t, &file, &[r#"{"n":2}"#, r#"{"n":3}"#]);
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(&t.fs.bytes("/out.gz")[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "{\"n\":3}\n");
        let file = File::new(Config { gzip: true, ..config("/more.gz") }, t.cx());
        send(&t, &file, &[r#"{"n":1}"#]);
        send(&t, &file, &[r#"{"n":2}"#]);
        text.clear();
        flate2::read::MultiGzDecoder::new(&t.fs.bytes("/more.gz")[..]).read_to_string(&mut text).unwrap();
        assert_eq!(text, "{\"n\":1}\n{\"n\":2}\n");
    }

    #[test]
    fn a_path_that_cannot_be_rendered_makes_a_dead_letter() {
        let t = TestWorld::new();
        let file = File::new(config("/%{+QQQQQ}/out.log"), t.cx());
        assert_eq!(send(&t, &file, &[r#"{"n":1}"#]).deliveries_dead, 1);
        assert!(t.fs.text("/dead.ndjson").contains(r#""event":{"n":1}"#), "{}", t.fs.text("/dead.ndjson"));
    }
}
