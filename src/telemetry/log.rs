//! The running log: to stderr, or to files as Filebeat's `logging.files` says.
//!
//! Source: <https://www.elastic.co/guide/en/beats/filebeat/8.5/configuration-logging.html>. Files are named
//! `NAME-YYYYMMDD.ndjson`, the later ones of a day `NAME-YYYYMMDD-N.ndjson`; when one is full the next is begun, and the
//! oldest are removed.

use crate::world::World;
use crate::world::fs::{WriteFile, WriteMode};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Plain,
    /// One JSON object a line.
    Json,
}

/// Where the files lie and how many are kept.
#[derive(Clone, Debug)]
pub struct LogFilesConfig {
    pub dir: PathBuf,
    pub name: String,
    pub keep_files: u32,
    pub rotate_every_bytes: u64,
    pub permissions: u32,
    /// A new file begins after this time too; zero: never.
    pub interval: Duration,
    pub rotate_on_startup: bool,
}

/// Log files that follow one another; cheap to clone.
#[derive(Clone)]
pub struct LogFiles {
    inner: Arc<Mutex<Open>>,
}

struct Open {
    world: World,
    config: LogFilesConfig,
    file: Box<dyn WriteFile>,
    len: u64,
    since: Duration,
}

impl LogFiles {
    /// Makes the folder if needed and opens the file of today.
    ///
    /// # Errors
    /// The folder cannot be made or written.
    pub fn open(world: World, config: LogFilesConfig) -> io::Result<LogFiles> {
        world.fs.create_dir_all(&config.dir)?;
        let (file, len) = open_next(&world, &config, config.rotate_on_startup)?;
        let since = world.clock.monotonic();
        Ok(LogFiles { inner: Arc::new(Mutex::new(Open { world, config, file, len, since })) })
    }
}

/// The file to write to: today's newest, or a new one.
fn open_next(world: &World, config: &LogFilesConfig, full: bool) -> io::Result<(Box<dyn WriteFile>, u64)> {
    let day: String = world.clock.now().to_string().chars().take(10).filter(|c| *c != '-').collect();
    let stem = format!("{}-{day}", config.name);
    let mut all = existing(world, config)?;
    let newest = all.iter().filter(|f| f.day == day).map(|f| f.number).max();
    let number = match newest {
        None => 0,
        Some(n) if full => n + 1,
        Some(n) => n,
    };
    let name = if number == 0 { format!("{stem}.ndjson") } else { format!("{stem}-{number}.ndjson") };
    let file = world.fs.open_write(&config.dir.join(&name), WriteMode::Append, config.permissions)?;
    let len = file.len()?;
    if !all.iter().any(|f| f.name == name) {
        all.push(LogFile { day, number, name });
    }
    all.sort_by(|a, b| (&a.day, a.number).cmp(&(&b.day, b.number)));
    let surplus = all.len().saturating_sub(config.keep_files as usize + 1);
    for old in &all[..surplus] {
        // a file that cannot be removed now is tried again at the next turn
        let _ = world.fs.remove(&config.dir.join(&old.name));
    }
    Ok((file, len))
}

struct LogFile {
    day: String,
    number: u32,
    name: String,
}

fn existing(world: &World, config: &LogFilesConfig) -> io::Result<Vec<LogFile>> {
    let prefix = format!("{}-", config.name);
    Ok(world
        .fs
        .list(&config.dir)?
        .iter()
        .filter_map(|entry| {
            let name = entry.name.to_str()?;
            let middle = name.strip_prefix(&prefix)?.strip_suffix(".ndjson")?;
            let (day, number) = middle.split_once('-').map_or((middle, "0"), |(d, n)| (d, n));
            let all_digits = day.len() == 8 && day.bytes().all(|b| b.is_ascii_digit());
            Some(LogFile { day: all_digits.then(|| day.to_string())?, number: number.parse().ok()?, name: name.into() })
        })
        .collect())
}

impl Write for LogFiles {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut open = self.inner.lock().expect("never poisoned");
        let now = open.world.clock.monotonic();
        let old = !open.config.interval.is_zero() && now >= open.since + open.config.interval;
        if open.len > 0 && (old || open.len + bytes.len() as u64 > open.config.rotate_every_bytes) {
            let (file, len) = open_next(&open.world, &open.config, true)?;
            open.since = now;
            open.file = file;
            open.len = len;
        }
        open.file.write_all(bytes)?;
        open.len += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogFiles {
    type Writer = LogFiles;

    fn make_writer(&'a self) -> LogFiles {
        self.clone()
    }
}

/// Starts the running log; only the first call of a process counts. `files` is where it goes, stderr without.
pub fn start(level: &str, format: LogFormat, files: Option<LogFiles>) {
    let level = match level {
        "warning" => "warn",
        "fatal" | "critical" => "error",
        other => other,
    };
    // the libraries below have nothing to say to an operator
    let quiet = ["h2", "hyper", "hyper_util", "mio", "notify", "reqwest", "rustls", "tokio"];
    let quiet: String = quiet.iter().map(|name| format!(",{name}=off")).collect();
    let filter = EnvFilter::new(format!("{level}{quiet}"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_target(false).with_ansi(false);
    // a second start is a test's; the first one's settings stay
    let _ = match (format, files) {
        (LogFormat::Json, Some(files)) => builder.json().with_writer(files).try_init(),
        (LogFormat::Json, None) => builder.json().with_writer(io::stderr).try_init(),
        (LogFormat::Plain, Some(files)) => builder.json().with_writer(files).try_init(),
        (LogFormat::Plain, None) => builder.with_writer(io::stderr).try_init(),
    };
}
