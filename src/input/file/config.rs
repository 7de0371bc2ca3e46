//! Settings of the file inputs, with Filebeat's names and defaults.

use crate::event::SourceMeta;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Default of [`ReaderConfig::batch_events_max`].
pub const BATCH_EVENTS_MAX: usize = 2048;
/// Default of [`ReaderConfig::batch_bytes_max`].
pub const BATCH_BYTES_MAX: usize = 1 << 20;
/// Default of [`FileInputConfig::max_bytes`], Filebeat's 10 MiB.
pub const MAX_BYTES: usize = 10 << 20;
/// Default of [`ReaderConfig::open_files_max`], where the process's limit is not lower.
pub const OPEN_FILES_MAX: usize = 8192;

/// Which lines of a container an input wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stream {
    #[default]
    All,
    Stdout,
    Stderr,
}

/// How the container runtime wrote its lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContainerFormat {
    /// A line that begins with `{` is Docker's, any other CRI's.
    #[default]
    Auto,
    Docker,
    Cri,
}

/// How the bytes of a file become events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One event per line (`log` input).
    Lines,
    /// Lines of a container runtime (`container` input).
    Container { format: ContainerFormat, stream: Stream },
}

/// What the builder of a [`SourceMeta`] gets to know.
#[derive(Clone, Debug)]
pub struct FileInfo<'a> {
    pub path: &'a Path,
    /// The file's durable key, as `Origin::key`.
    pub key: u64,
    /// Index of the input in [`ReaderConfig::inputs`].
    pub input: usize,
}

/// Builds what all events of a file share. An entry named `log` must be a map; the reader puts `offset` before its
/// entries, so give it `{file: {path: ..}}`. `@timestamp`, `message`, `stream` and `error` are the reader's.
pub type MetaBuilder = Arc<dyn Fn(&FileInfo<'_>) -> Arc<SourceMeta> + Send + Sync>;

/// One input over files. Zero durations mean "off", as in Filebeat.
#[derive(Clone)]
pub struct FileInputConfig {
    /// Label of its metrics (`log`, `container`, or the input's `id`).
    pub name: String,
    /// Which input of the plan this is; every event says it (`Origin::input`).
    pub plan_input: u32,
    /// Globs as Go's `filepath.Match` has them, plus one `**` each.
    pub paths: Vec<String>,
    /// Files whose path one of these matches are not read.
    pub exclude_files: Vec<regex::Regex>,
    /// `**` stands for up to eight levels of folders; else it is two stars.
    pub recursive_glob: bool,
    /// Follow symbolic links that a glob finds. (`container` turns it on.)
    pub symlinks: bool,
    pub format: Format,
    /// Bytes of a message beyond which it is cut.
    pub max_bytes: usize,
    pub scan_frequency: Duration,
    /// New files not written for so long are taken as read.
    pub ignore_older: Duration,
    /// An open file without news for so long is closed; a scan opens it again.
    pub close_inactive: Duration,
    /// Close a removed file once it is read to its end.
    pub close_removed: bool,
    /// Close a renamed file once it is read to its end.
    pub close_renamed: bool,
    /// Close a file at its end.
    pub close_eof: bool,
    /// Close a file that was open for so long, at its next end.
    pub close_timeout: Duration,
    /// Forget removed files, after [`super::reader::REMOVED_RECORD_KEEP`].
    pub clean_removed: bool,
    /// Forget files without news for so long.
    pub clean_inactive: Duration,
    /// Start new files at their end.
    pub tail_files: bool,
    /// Wait before the end of a file is looked at again; grows by `backoff_factor` up to `max_backoff`.
    pub backoff: Duration,
    pub max_backoff: Duration,
    pub backoff_factor: u32,
    /// Files of this input open at once; 0: only the reader's limit counts.
    pub harvester_limit: usize,
    pub meta: MetaBuilder,
}

impl FileInputConfig {
    /// Filebeat's defaults.
    pub fn new(name: impl Into<String>, paths: Vec<String>, format: Format, meta: MetaBuilder) -> FileInputConfig {
        FileInputConfig {
            name: name.into(),
            plan_input: 0,
            paths,
            exclude_files: vec![],
            recursive_glob: true,
            symlinks: matches!(format, Format::Container { .. }),
            format,
            max_bytes: MAX_BYTES,
            scan_frequency: Duration::from_secs(10),
            ignore_older: Duration::ZERO,
            close_inactive: Duration::from_secs(300),
            close_removed: true,
            close_renamed: false,
            close_eof: false,
            close_timeout: Duration::ZERO,
            clean_removed: true,
            clean_inactive: Duration::ZERO,
            tail_files: false,
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(10),
            backoff_factor: 2,
            harvester_limit: 0,
            meta,
        }
    }
}

/// All file inputs of a process share one reader: one registry, one order, every file read once.
#[derive(Clone)]
pub struct ReaderConfig {
    /// `path.data`; the registry lies in `registry/` below it, the lock is `logdrive.lock`.
    pub data_dir: PathBuf,
    pub inputs: Vec<FileInputConfig>,
    /// Read to the end as it is at start, then finish (Filebeat's `--once`).
    pub once: bool,
    /// Events per batch, at most.
    pub batch_events_max: usize,
    /// Bytes read per batch; one line may go beyond.
    pub batch_bytes_max: usize,
    /// Files open at once. Keep a reserve below `RLIMIT_NOFILE` for sockets.
    pub open_files_max: usize,
    /// Cut times to milliseconds, as Filebeat does by default (`timestamp.precision`).
    pub millis: bool,
}

impl ReaderConfig {
    pub fn new(data_dir: impl Into<PathBuf>, inputs: Vec<FileInputConfig>) -> ReaderConfig {
        ReaderConfig {
            data_dir: data_dir.into(),
            inputs,
            once: false,
            batch_events_max: BATCH_EVENTS_MAX,
            batch_bytes_max: BATCH_BYTES_MAX,
            open_files_max: OPEN_FILES_MAX,
            millis: true,
        }
    }
}

/// The plain metadata: `input.type`, `log.file.path`.
pub fn plain_meta(input_type: &'static str) -> MetaBuilder {
    use crate::event::value::{Map, Value};
    Arc::new(move |info| {
        let path = info.path.to_string_lossy().into_owned();
        SourceMeta::build(path.clone(), move |arena, entries| {
            let file = Map::from_entries(arena, &[("path", Value::text(arena, &path))]);
            entries.push(("log", Value::Map(Map::from_entries(arena, &[("file", Value::Map(file))]))));
            let input = Map::from_entries(arena, &[("type", Value::Str(input_type))]);
            entries.push(("input", Value::Map(input)));
            None
        })
    })
}
