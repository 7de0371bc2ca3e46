//! The top level, and the parts that are neither inputs, processors nor outputs: logging, paths, queue, registry.

use std::path::PathBuf;
use std::time::Duration;

use super::super::diagnostic::Diagnostic;
use super::super::source::{Span, Spanned};
use super::Filebeat;
use super::inputs;
use super::options::{Idle, Kind, Rule, Section};
use super::outputs::{self, OutputConfig};
use super::processors;

/// Where the running log goes.
#[derive(Clone, Debug)]
pub struct Logging {
    pub level: Level,
    /// True by default, as in Filebeat; `-e` on the command line turns it off.
    pub to_files: Spanned<bool>,
    pub to_stderr: bool,
    /// One JSON object per line.
    pub json: bool,
    pub files: LogFiles,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Debug,
    Info,
    Warning,
    Error,
}

#[derive(Clone, Debug)]
pub struct LogFiles {
    /// A folder; `path.logs` by default.
    pub path: Spanned<PathBuf>,
    /// `filebeat` by default.
    pub name: String,
    /// Old files kept; 7 by default.
    pub keepfiles: u32,
    /// Bytes after which a new file begins; 10 MiB by default.
    pub rotate_every_bytes: u64,
    /// A new file begins after this time too; zero: never.
    pub interval: Duration,
    /// 0600 by default.
    pub permissions: u32,
    pub rotate_on_startup: bool,
}

/// Absolute or relative to the working folder, as written.
#[derive(Clone, Debug)]
pub struct Paths {
    pub home: Spanned<PathBuf>,
    pub config: Spanned<PathBuf>,
    pub data: Spanned<PathBuf>,
    pub logs: Spanned<PathBuf>,
}

/// `queue.mem`
#[derive(Clone, Debug)]
pub struct Queue {
    /// Events the agent holds at most; 4096 by default.
    pub events: usize,
    /// A batch is sent when it has this many events; 2048 by default ...
    pub flush_min_events: usize,
    /// ... or after this time; 1 s by default.
    pub flush_timeout: Duration,
}

/// `filebeat.registry`
#[derive(Clone, Debug)]
pub struct Registry {
    /// A folder, below `path.data` when relative; `registry` by default.
    pub path: PathBuf,
    /// 0600 by default.
    pub file_permissions: u32,
    /// How long changes may wait to be written; zero (the default): at once after each batch.
    pub flush: Duration,
}

/// Files that would hold more configuration. Reading them is not there yet, so their presence is an error
/// ([`Included::found`]); most stock files name a folder in which every file is disabled.
#[derive(Clone, Debug)]
pub struct Included {
    /// `filebeat.config.inputs` or `filebeat.config.modules`
    pub option: &'static str,
    pub glob: Spanned<String>,
}

impl Included {
    /// The finding for a file the glob matches.
    pub fn found(&self, file: &str) -> Diagnostic {
        Diagnostic::error(
            "option-not-yet",
            format!("`{}` finds `{file}`, and further files are not read yet", self.option),
        )
        .at(self.glob.span, "not yet")
        .note("a folder without matching files would be no error")
        .help("put its inputs under `filebeat.inputs`")
    }
}

const OUTSIDE: &str = "events are sent all the same";
const RULES: &[Rule] = &[
    Rule { name: "filebeat.modules", kind: Kind::NotYet(Idle::Off) },
    Rule { name: "filebeat.autodiscover", kind: Kind::NotYet(Idle::Off) },
    Rule { name: "filebeat.config_dir", kind: Kind::Gone("write `filebeat.config.inputs`") },
    Rule { name: "filebeat.config.prospectors", kind: Kind::Gone("write `filebeat.config.inputs`") },
    Rule { name: "filebeat.prospectors", kind: Kind::Gone("write `filebeat.inputs`") },
    Rule { name: "filebeat.registry_file", kind: Kind::Gone("write `filebeat.registry.path`, a folder") },
    Rule { name: "filebeat.registry.migrate_file", kind: Kind::Inert("old registries of Filebeat are not read") },
    Rule { name: "filebeat.registry.cleanup_interval", kind: Kind::Inert("cleaning is part of every scan") },
    Rule { name: "filebeat.registry.backend", kind: Kind::NotYet(Idle::Is("memlog")) },
    Rule { name: "filebeat.spool_size", kind: Kind::Gone("write `queue.mem.flush.min_events`") },
    Rule { name: "filebeat.idle_timeout", kind: Kind::Gone("write `queue.mem.flush.timeout`") },
    Rule { name: "filebeat.publish_async", kind: Kind::Gone("take it out") },
    Rule { name: "filebeat.overwrite_pipelines", kind: Kind::Inert("only with modules") },
    Rule { name: "queue.disk", kind: Kind::NotYet(Idle::Off) },
    Rule { name: "queue.spool", kind: Kind::Gone("write `queue.mem`") },
    Rule { name: "logging.to_syslog", kind: Kind::NotYet(Idle::Off) },
    Rule { name: "logging.to_eventlog", kind: Kind::Inert("Windows only") },
    Rule { name: "logging.selectors", kind: Kind::Inert("chooses among Filebeat's own debug messages") },
    Rule { name: "logging.metrics", kind: Kind::Inert("the numbers are served at `/metrics` instead of logged") },
    Rule { name: "logging.ecs", kind: Kind::Inert("with `logging.json` the keys are this program's own") },
    Rule { name: "logging.with_fields", kind: Kind::NotYet(Idle::Off) },
    Rule { name: "logging.event_data", kind: Kind::Inert("events are never logged") },
    Rule { name: "logging.files.suffix", kind: Kind::NotYet(Idle::Is("count")) },
    Rule { name: "logging.files.redirect_stderr", kind: Kind::NotYet(Idle::Off) },
    Rule {
        name: "http.enabled",
        kind: Kind::NotDone(
            Idle::Off,
            "Filebeat's `/stats` on port 5066; this program's numbers are at `/metrics` on port 9600",
        ),
    },
    Rule { name: "http", kind: Kind::Inert("only with `http.enabled`") },
    Rule {
        name: "monitoring.enabled",
        kind: Kind::NotDone(
            Idle::Off,
            "the program's own numbers are not sent to Elasticsearch; they are at `/metrics`",
        ),
    },
    Rule { name: "monitoring", kind: Kind::Inert("only with `monitoring.enabled`") },
    Rule {
        name: "xpack.monitoring.enabled",
        kind: Kind::NotDone(
            Idle::Off,
            "the program's own numbers are not sent to Elasticsearch; they are at `/metrics`",
        ),
    },
    Rule { name: "xpack.monitoring", kind: Kind::Inert("only with `xpack.monitoring.enabled`") },
    Rule { name: "setup.dashboards", kind: Kind::NotDone(Idle::Off, OUTSIDE) },
    Rule { name: "setup.kibana", kind: Kind::Inert("only for `setup.dashboards`") },
    Rule { name: "cloud", kind: Kind::NotYet(Idle::Off) },
    Rule { name: "management", kind: Kind::NotYet(Idle::Off) },
    Rule { name: "features.fqdn", kind: Kind::NotYet(Idle::Off) },
    Rule { name: "features", kind: Kind::Inert("switches of Filebeat's own code") },
    Rule { name: "instrumentation", kind: Kind::NotDone(Idle::Off, OUTSIDE) },
    Rule { name: "timestamp.precision", kind: Kind::NotYet(Idle::Is("millisecond")) },
    Rule { name: "migration.6_to_7", kind: Kind::NotYet(Idle::Off) },
    Rule {
        name: "keystore",
        kind: Kind::Inert(
            "variables come from the settings and the environment; one that is only in a keystore is reported as unset",
        ),
    },
    Rule { name: "seccomp", kind: Kind::Inert("restricts system calls of Filebeat's own code") },
    Rule { name: "gc_percent", kind: Kind::Inert("tunes Go's memory") },
    Rule { name: "enabled", kind: Kind::Inert("read by no part of Filebeat") },
];
/// With `output.elasticsearch` Filebeat loads a template and a lifecycle policy first; with another output it does not.
const SETUP_RULES: &[Rule] = &[
    Rule { name: "setup.template", kind: Kind::Inert("only with `output.elasticsearch`, and then reported once") },
    Rule { name: "setup.ilm", kind: Kind::Inert("only with `output.elasticsearch`, and then reported once") },
    Rule { name: "setup.dsl", kind: Kind::Inert("only with `output.elasticsearch`, and then reported once") },
];

/// Reads everything; `head` is where a fault without a text of its own is shown.
pub fn read(section: &Section<'_>, head: Span) -> Filebeat {
    let found = section.found;
    let paths = Paths {
        home: path(section, "path.home"),
        config: path(section, "path.config"),
        data: path(section, "path.data"),
        logs: path(section, "path.logs"),
    };
    let inputs_written = section.node("filebeat.inputs");
    let included: Vec<Included> = ["filebeat.config.inputs", "filebeat.config.modules"]
        .into_iter()
        .filter_map(|option| included(section, option))
        .collect();
    let errors_before = found.borrow().len();
    let inputs = inputs::read_list(inputs_written, found);
    let nothing_said = found.borrow().len() == errors_before;
    let output_entry = section.entry("output");
    let output = outputs::read(output_entry.map(|e| &e.node), output_entry.map_or(head, |e| e.key_span), found);
    let filebeat = Filebeat {
        name: section.text("name"),
        tags: section.texts("tags"),
        fields: inputs::fields(section),
        fields_under_root: section.flag("fields_under_root"),
        processors: processors::read_list(section.node("processors"), found),
        logging: logging(section, &paths),
        queue: Queue {
            events: section.whole_or("queue.mem.events", 1, 1 << 24, 4096) as usize,
            flush_min_events: section.whole_or("queue.mem.flush.min_events", 0, 1 << 24, 2048) as usize,
            flush_timeout: section.duration_or("queue.mem.flush.timeout", Duration::from_secs(1)),
        },
        registry: Registry {
            path: section.text("filebeat.registry.path").map_or("registry".into(), |t| t.value.into()),
            file_permissions: section.whole_or("filebeat.registry.file_permissions", 0, 0o777, 0o600) as u32,
            flush: section.duration_or("filebeat.registry.flush", Duration::ZERO),
        },
        shutdown_timeout: section.duration_or("filebeat.shutdown_timeout", Duration::ZERO),
        max_procs: section.whole("max_procs", 0, 4096).map(|v| v.value as usize).filter(|&n| n > 0),
        paths,
        inputs,
        included,
        output,
    };
    if let Some(OutputConfig::Elasticsearch(output)) = &filebeat.output {
        template(section, output.span);
    }
    // below `setup.kibana` and the like nothing is read: a rule covers all
    section.finish_with(RULES.iter().chain(SETUP_RULES), false);
    let modules = section.node("filebeat.modules").is_some() || section.node("filebeat.autodiscover").is_some();
    if filebeat.inputs.is_empty() && filebeat.included.is_empty() && nothing_said && !modules {
        let at = section.entry("filebeat.inputs").map_or(head, |e| e.key_span);
        section.report(
            Diagnostic::error("no-inputs", "no input is enabled")
                .at(at, "nothing to read")
                .help("add one below `filebeat.inputs`"),
        );
    }
    filebeat
}

fn path(section: &Section<'_>, name: &str) -> Spanned<PathBuf> {
    match section.text(name) {
        Some(text) => text.map(PathBuf::from),
        None => Spanned::new(PathBuf::from("."), section.span),
    }
}

fn included(section: &Section<'_>, option: &'static str) -> Option<Included> {
    let part = section.section(option, format!("`{option}`"));
    let enabled = part.flag_or("enabled", true);
    let glob = part.text("path");
    part.finish(
        &[
            Rule { name: "reload", kind: Kind::Inert("only once further files are read") },
            Rule { name: "max_start_retries", kind: Kind::Inert("only once further files are read") },
        ],
        false,
    );
    glob.filter(|_| enabled).map(|glob| Included { option, glob })
}

/// Says once that Elasticsearch is not prepared, unless the configuration asks for nothing.
fn template(section: &Section<'_>, output: Span) {
    if section.flag("setup.template.enabled").is_some_and(|f| !f.value) {
        return;
    }
    let at = section.key_span("setup.template").or_else(|| section.key_span("setup.ilm")).unwrap_or(output);
    section.report(
        Diagnostic::warning(
            "setup-not-done",
            "index templates and lifecycle policies are not loaded into Elasticsearch yet",
        )
        .at(at, "Filebeat would load its template for this output")
        .note("events are indexed all the same, with the mappings Elasticsearch has or makes")
        .help("load a template once with Filebeat or by hand, and set `setup.template.enabled: false`"),
    );
}

fn logging(section: &Section<'_>, paths: &Paths) -> Logging {
    Logging {
        level: section.choice(
            "logging.level",
            Level::Info,
            &[
                ("debug", Level::Debug),
                ("info", Level::Info),
                ("warning", Level::Warning),
                ("warn", Level::Warning),
                ("error", Level::Error),
                ("critical", Level::Error),
            ],
        ),
        to_files: section.flag("logging.to_files").unwrap_or(Spanned::new(true, section.span)),
        to_stderr: section.flag_or("logging.to_stderr", false),
        json: section.flag_or("logging.json", false),
        files: LogFiles {
            path: section.text("logging.files.path").map_or(paths.logs.clone(), |t| t.map(PathBuf::from)),
            name: section.text("logging.files.name").map_or("filebeat".to_string(), |t| t.value),
            keepfiles: section.whole_or("logging.files.keepfiles", 0, 1024, 7) as u32,
            rotate_every_bytes: section.bytes_or("logging.files.rotateeverybytes", 10 << 20).max(1),
            interval: section.duration_or("logging.files.interval", Duration::ZERO),
            permissions: section.whole_or("logging.files.permissions", 0, 0o7777, 0o600) as u32,
            rotate_on_startup: section.flag_or("logging.files.rotateonstartup", true),
        },
    }
}
