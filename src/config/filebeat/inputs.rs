//! Inputs: `container`, `log` and `stdin`.
//!
//! Documentation: <https://www.elastic.co/guide/en/beats/filebeat/8.5/filebeat-input-log.html> and `...-container.html`.
//! Deviation: sizes may have a unit here (`max_bytes: 10MiB`), where Filebeat's `log` input takes plain numbers only.

use std::time::Duration;

use super::super::diagnostic::Diagnostic;
use super::super::source::{Span, Spanned};
use super::super::yaml::{Node, Value};
use super::options::{Found, Idle, Kind, Rule, Section, closest, not_yet};
use super::processors::{self, ProcessorConfig, reported_missing};
use super::re2;

/// One enabled input.
#[derive(Clone, Debug)]
pub struct InputConfig {
    pub kind: InputKind,
    /// The whole list item.
    pub span: Span,
    /// The name behind `type:`.
    pub type_span: Span,
    pub id: Option<String>,
    pub tags: Vec<Spanned<String>>,
    /// A map; `None` when unset.
    pub fields: Option<Node>,
    /// `fields` go to the root of the event instead of under `[fields]`.
    pub fields_under_root: Option<Spanned<bool>>,
    pub processors: Vec<ProcessorConfig>,
    /// Fields that hold nothing are sent too.
    pub keep_null: bool,
    /// Longer lines are cut; bytes, 10 MiB by default.
    pub max_bytes: u64,
    /// Bytes read at once; 16 KiB by default.
    pub harvester_buffer_size: usize,
    /// Only lines that one of these finds; empty: all. Applied before `exclude_lines`.
    pub include_lines: Vec<regex::Regex>,
    /// Not the lines that one of these finds.
    pub exclude_lines: Vec<regex::Regex>,
}

impl InputConfig {
    pub fn fields_under_root(&self) -> bool {
        self.fields_under_root.as_ref().is_some_and(|f| f.value)
    }
}

#[derive(Clone, Debug)]
pub enum InputKind {
    Container { files: Files, stream: Stream, format: ContainerFormat },
    Log { files: Files },
    Stdin,
}

/// Which of a container's streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    All,
    Stdout,
    Stderr,
}

/// How a container's lines are wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerFormat {
    /// By the first byte of each line.
    Auto,
    Docker,
    Cri,
}

/// Which files, and when one is opened and closed.
#[derive(Clone, Debug)]
pub struct Files {
    /// Globs as written, at least one.
    pub paths: Vec<Spanned<String>>,
    /// `**` stands for up to 8 levels of folders; true by default.
    pub recursive_glob: bool,
    /// Not the files whose path one of these finds.
    pub exclude_files: Vec<regex::Regex>,
    /// Links are followed. The container input always does.
    pub symlinks: bool,
    /// 10 s by default.
    pub scan_frequency: Duration,
    /// Files not changed for this long are not opened; zero: off.
    pub ignore_older: Duration,
    /// A file without a new line for this long is closed; 5 min by default, zero: never.
    pub close_inactive: Duration,
    pub close_removed: bool,
    pub close_renamed: bool,
    pub close_eof: bool,
    /// A file is closed this long after it was opened; zero: never.
    pub close_timeout: Duration,
    /// The registry forgets a file not changed for this long; zero: never.
    pub clean_inactive: Duration,
    pub clean_removed: bool,
    /// New files are read from their end.
    pub tail_files: bool,
    /// Files open at once; zero: no limit.
    pub harvester_limit: u32,
    /// Wait at the end of a file: the first, the longest, and by what it grows.
    pub backoff: Duration,
    pub max_backoff: Duration,
    pub backoff_factor: u32,
}

/// Inputs of Filebeat 8 that are not there yet.
const NOT_YET: [&str; 34] = [
    "aws-cloudwatch",
    "aws-s3",
    "azure-blob-storage",
    "azure-eventhub",
    "benchmark",
    "cel",
    "cloudfoundry",
    "docker",
    "entity-analytics",
    "etw",
    "filestream",
    "gcp-pubsub",
    "gcs",
    "http_endpoint",
    "httpjson",
    "journald",
    "kafka",
    "lumberjack",
    "mqtt",
    "netflow",
    "o365audit",
    "okta",
    "redis",
    "salesforce",
    "shipper",
    "streaming",
    "syslog",
    "tcp",
    "udp",
    "unifiedlogs",
    "unix",
    "websocket",
    "winlog",
    "cometd",
];
const KNOWN: [&str; 3] = ["container", "log", "stdin"];

/// Options of every input, and of the file inputs, that are not read.
const RULES: &[Rule] = &[
    Rule { name: "multiline", kind: Kind::NotYet(Idle::Off) },
    Rule { name: "json", kind: Kind::NotYet(Idle::Off) },
    Rule { name: "pipeline", kind: Kind::NotYet(Idle::Never) },
    Rule { name: "index", kind: Kind::NotYet(Idle::Never) },
    Rule { name: "publisher_pipeline.disable_host", kind: Kind::NotYet(Idle::Is("false")) },
    Rule { name: "scan.sort", kind: Kind::NotYet(Idle::Is("")) },
    Rule { name: "scan.order", kind: Kind::Inert("only with `scan.sort`") },
    Rule { name: "file_identity", kind: Kind::NotYet(Idle::Off) },
    Rule { name: "service", kind: Kind::NotYet(Idle::Never) },
    Rule { name: "docker-json", kind: Kind::NotYet(Idle::Off) },
    Rule {
        name: "allow_deprecated_use",
        kind: Kind::Inert("this program runs the `log` and `container` inputs without asking"),
    },
    Rule { name: "allow_deprecated_id_duplication", kind: Kind::Inert("ids of these inputs need not differ here") },
    Rule { name: "input_type", kind: Kind::Gone("write `type:`") },
    Rule { name: "document_type", kind: Kind::Gone("set a field: `fields: {type: ...}`") },
    Rule { name: "force_close_files", kind: Kind::Gone("use `close_removed` and `close_renamed`") },
    Rule { name: "close_older", kind: Kind::Gone("write `close_inactive:`") },
    Rule { name: "spool_size", kind: Kind::Gone("see `queue.mem`") },
    Rule { name: "publish_async", kind: Kind::Gone("take it out") },
];
/// Beside `RULES`, for the container input.
const CONTAINER_RULES: &[Rule] = &[
    Rule { name: "combine_partial", kind: Kind::Inert("this input always joins partial lines, in Filebeat too") },
    Rule { name: "symlinks", kind: Kind::Inert("this input always follows links, in Filebeat too") },
];

/// Reads `filebeat.inputs`; disabled inputs are skipped unread, faulty ones reported and left out.
pub fn read_list(node: Option<&Node>, found: &Found) -> Vec<InputConfig> {
    let Some(node) = node else { return vec![] };
    let nodes = match &node.value {
        Value::Null => return vec![],
        Value::List(items) => &items[..],
        _ => std::slice::from_ref(node),
    };
    nodes.iter().filter_map(|n| read(n, found)).collect()
}

fn read(node: &Node, found: &Found) -> Option<InputConfig> {
    let head = Section::new("an input", Some(node), node.span.head(), found);
    if !matches!(node.value, Value::Map(_)) || !head.flag_or("enabled", true) {
        return None;
    }
    // as in Filebeat, an input without a type is a log input
    let name = head.text("type").unwrap_or_else(|| Spanned::new("log".to_string(), first_key(node)));
    let kind = name.value.as_str();
    if !KNOWN.contains(&kind) {
        head.report(match NOT_YET.contains(&kind) {
            true => {
                let finding = not_yet("plugin-not-yet", format!("the `{kind}` input"), name.span);
                match kind {
                    "filestream" => finding.help("the `log` input reads the same files: `type: log`"),
                    "docker" => finding.help("the `container` input replaced it: `type: container` with `paths`"),
                    _ => finding,
                }
            }
            false => {
                let unknown = Diagnostic::error("unknown-plugin", format!("no input is called `{kind}`"))
                    .at(name.span, "unknown");
                match closest(kind, KNOWN.into_iter().chain(NOT_YET)) {
                    Some(near) => unknown.help(format!("did you mean `{near}`?")),
                    None => unknown,
                }
            }
        });
        return None;
    }
    let section = Section::new(format!("the `{kind}` input"), Some(node), name.span, found);
    for read_already in ["enabled", "type"] {
        section.has(read_already);
    }
    let kind = match kind {
        "container" => InputKind::Container {
            files: Files { symlinks: true, ..files(&section, false) },
            stream: section.choice(
                "stream",
                Stream::All,
                &[("all", Stream::All), ("stdout", Stream::Stdout), ("stderr", Stream::Stderr)],
            ),
            format: section.choice(
                "format",
                ContainerFormat::Auto,
                &[("auto", ContainerFormat::Auto), ("docker", ContainerFormat::Docker), ("cri", ContainerFormat::Cri)],
            ),
        },
        "log" => InputKind::Log { files: files(&section, true) },
        _ => InputKind::Stdin,
    };
    encoding(&section);
    let max_bytes = section.bytes_or("max_bytes", 10 << 20);
    if max_bytes == 0 {
        let span = section.node("max_bytes")?.span;
        section.report(Diagnostic::error("wrong-value", "`max_bytes` must be above zero").at(span, "zero"));
    }
    let config = InputConfig {
        span: node.span,
        type_span: name.span,
        id: section.text("id").map(|t| t.value),
        tags: section.texts("tags"),
        fields: fields(&section),
        fields_under_root: section.flag("fields_under_root"),
        processors: processors::read_list(section.node("processors"), found),
        keep_null: section.flag_or("keep_null", false),
        max_bytes,
        harvester_buffer_size: section.bytes_or("harvester_buffer_size", 16 << 10).clamp(1, 64 << 20) as usize,
        include_lines: patterns(&section, "include_lines"),
        exclude_lines: patterns(&section, "exclude_lines"),
        kind,
    };
    let rules = match &config.kind {
        InputKind::Container { .. } => CONTAINER_RULES.iter().chain(RULES),
        _ => [].iter().chain(RULES),
    };
    section.finish_with(rules, false);
    let no_paths = match &config.kind {
        InputKind::Container { files, .. } | InputKind::Log { files } => files.paths.is_empty(),
        InputKind::Stdin => false,
    };
    if no_paths {
        section.report(
            Diagnostic::error("missing-option", format!("{} needs `paths`", section.title)).at(name.span, "no paths"),
        );
        return None;
    }
    Some(config)
}

fn first_key(node: &Node) -> Span {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => entries[0].key_span,
        _ => node.span.head(),
    }
}

/// The option `fields`: a map.
pub fn fields(section: &Section<'_>) -> Option<Node> {
    let node = section.node("fields")?;
    if !matches!(node.value, Value::Map(_)) {
        section.report(
            Diagnostic::error("wrong-type", format!("`fields` of {} must be a map", section.title))
                .at(node.span, node.kind()),
        );
        return None;
    }
    reported_missing(node, section.found);
    Some(node.clone())
}

fn patterns(section: &Section<'_>, name: &str) -> Vec<regex::Regex> {
    let mut all = vec![];
    for text in section.texts(name) {
        match re2::compile(&text.value) {
            Ok(regex) => all.push(regex),
            Err(why) => section.report(
                Diagnostic::error("wrong-value", format!("`{name}` has no valid regular expression: {why}"))
                    .at(text.span, "expression")
                    .note("expressions of filebeat.yml have the syntax of Go (RE2)"),
            ),
        }
    }
    all
}

fn encoding(section: &Section<'_>) {
    let Some(name) = section.text("encoding") else { return };
    if matches!(name.value.to_lowercase().as_str(), "" | "plain" | "utf-8" | "utf8" | "nop") {
        return;
    }
    section.report(
        not_yet("option-not-yet", format!("encoding `{}` of {}", name.value, section.title), name.span)
            .note("`plain` and `utf-8` are there"),
    );
}

fn files(section: &Section<'_>, links: bool) -> Files {
    let files = Files {
        paths: section.texts("paths"),
        recursive_glob: section.flag_or("recursive_glob.enabled", true),
        exclude_files: patterns(section, "exclude_files"),
        symlinks: links && section.flag_or("symlinks", false),
        scan_frequency: section.duration_above_zero("scan_frequency", Duration::from_secs(10)),
        ignore_older: section.duration_or("ignore_older", Duration::ZERO),
        close_inactive: section.duration_or("close_inactive", Duration::from_secs(300)),
        close_removed: section.flag_or("close_removed", true),
        close_renamed: section.flag_or("close_renamed", false),
        close_eof: section.flag_or("close_eof", false),
        close_timeout: section.duration_or("close_timeout", Duration::ZERO),
        clean_inactive: section.duration_or("clean_inactive", Duration::ZERO),
        clean_removed: section.flag_or("clean_removed", true),
        tail_files: section.flag_or("tail_files", false),
        harvester_limit: section.whole_or("harvester_limit", 0, u32::MAX as i64, 0) as u32,
        backoff: section.duration_above_zero("backoff", Duration::from_secs(1)),
        max_backoff: section.duration_above_zero("max_backoff", Duration::from_secs(10)),
        backoff_factor: section.whole_or("backoff_factor", 1, u32::MAX as i64, 2) as u32,
    };
    if !files.clean_inactive.is_zero() && files.clean_inactive <= files.ignore_older + files.scan_frequency
        || !files.clean_inactive.is_zero() && files.ignore_older.is_zero()
    {
        let span = section.node("clean_inactive").map_or(section.span, |n| n.span);
        section.report(
            Diagnostic::error(
                "wrong-value",
                "`clean_inactive` must be longer than `ignore_older` + `scan_frequency`, and `ignore_older` set",
            )
            .at(span, "too short")
            .note("a shorter time makes files read again from their start"),
        );
    }
    files
}
