//! Settings of Logstash: `logstash.yml`, `pipelines.yml` and the flags of the same names.
//!
//! Documentation: <https://www.elastic.co/guide/en/logstash/8.5/logstash-settings-file.html>. Names are dotted or nested maps.
//! `${VAR}` and `${VAR:default}` inside values are replaced from the environment, as there; a keystore is not read.
//! As in Logstash, a setting that does not exist is an error. A flag overrides the file: [`Settings::set`].
//! Deviation: more than one pipeline is not there yet.

use std::path::PathBuf;

use super::diagnostic::Diagnostic;
use super::filebeat::options::{closest, not_yet};
use super::filebeat::ucfg::{Env, scalar_text};
use super::source::{FileId, SourceMap, Span, Spanned};
use super::yaml::{self, Entry, Node, Value, integer};

/// Names of fields that plugins make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EcsCompatibility {
    Disabled,
    V1,
    V8,
}

/// Whether events keep their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordered {
    /// When there is one worker.
    Auto,
    Always,
    Never,
}

/// How `[` and `]` inside a field's name are written in a field reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EscapeStyle {
    None,
    /// `%5B`
    Percent,
    /// `&#91;`
    Ampersand,
}

/// What becomes of a `tags` that is no text or list of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IllegalTags {
    /// It moves to `_tags`, and `_tagsparsefailure` is set.
    Rename,
    /// It stays.
    Warn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    Fatal,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Plain,
    Json,
}

/// Which events a full dead letter queue gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoragePolicy {
    DropNewer,
    DropOlder,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetterQueue {
    /// `None` when the file does not say.
    pub enable: Option<bool>,
    /// 1 GiB by default.
    pub max_bytes: u64,
    /// 5000 by default.
    pub flush_interval_ms: u64,
    pub storage_policy: StoragePolicy,
    /// A folder; below `path.data` by default.
    pub path: Option<PathBuf>,
}

/// All settings that are there, with the defaults of Logstash 8.5.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub node_name: Option<String>,
    pub pipeline_id: String,
    pub ecs_compatibility: EcsCompatibility,
    /// `None`: one per core.
    pub pipeline_workers: Option<usize>,
    /// Events; 125 by default.
    pub batch_size: usize,
    /// 50 by default.
    pub batch_delay_ms: u64,
    pub ordered: Ordered,
    /// `\n` and the like count in quoted texts of the pipeline's configuration.
    pub config_support_escapes: bool,
    pub field_reference_escape_style: EscapeStyle,
    pub path_data: Option<PathBuf>,
    pub path_logs: Option<PathBuf>,
    /// A file, folder or glob.
    pub path_config: Option<Spanned<String>>,
    pub config_string: Option<Spanned<String>>,
    pub config_test_and_exit: bool,
    pub api_enabled: bool,
    /// `127.0.0.1` by default.
    pub http_host: String,
    /// The first free one is taken; 9600 to 9700 by default.
    pub http_port_min: u16,
    pub http_port_max: u16,
    pub log_level: LogLevel,
    pub log_format: LogFormat,
    pub dead_letter_queue: DeadLetterQueue,
    pub event_api_tags_illegal: IllegalTags,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            node_name: None,
            pipeline_id: "main".to_string(),
            ecs_compatibility: EcsCompatibility::V8,
            pipeline_workers: None,
            batch_size: 125,
            batch_delay_ms: 50,
            ordered: Ordered::Auto,
            config_support_escapes: false,
            field_reference_escape_style: EscapeStyle::None,
            path_data: None,
            path_logs: None,
            path_config: None,
            config_string: None,
            config_test_and_exit: false,
            api_enabled: true,
            http_host: "127.0.0.1".to_string(),
            http_port_min: 9600,
            http_port_max: 9700,
            log_level: LogLevel::Info,
            log_format: LogFormat::Plain,
            dead_letter_queue: DeadLetterQueue {
                enable: None,
                max_bytes: 1 << 30,
                flush_interval_ms: 5000,
                storage_policy: StoragePolicy::DropNewer,
                path: None,
            },
            event_api_tags_illegal: IllegalTags::Rename,
        }
    }
}

const NAMES: [&str; 29] = [
    "node.name",
    "pipeline.id",
    "pipeline.ecs_compatibility",
    "pipeline.workers",
    "pipeline.batch.size",
    "pipeline.batch.delay",
    "pipeline.ordered",
    "config.support_escapes",
    "config.field_reference.escape_style",
    "path.data",
    "path.logs",
    "path.config",
    "path.settings",
    "config.string",
    "config.test_and_exit",
    "api.enabled",
    "api.http.host",
    "api.http.port",
    "http.enabled",
    "http.host",
    "http.port",
    "log.level",
    "log.format",
    "dead_letter_queue.enable",
    "dead_letter_queue.max_bytes",
    "dead_letter_queue.flush_interval",
    "dead_letter_queue.storage_policy",
    "path.dead_letter_queue",
    "event_api.tags.illegal",
];

/// Known settings that are not there yet, each with the one value that asks for nothing.
const NOT_YET: [(&str, &str); 20] = [
    ("queue.type", "memory"),
    ("config.reload.automatic", "false"),
    ("pipeline.unsafe_shutdown", "false"),
    ("pipeline.separate_logs", "false"),
    ("dead_letter_queue.retain.age", ""),
    ("slowlog.threshold.warn", "-1"),
    ("slowlog.threshold.info", "-1"),
    ("slowlog.threshold.debug", "-1"),
    ("slowlog.threshold.trace", "-1"),
    ("api.auth.type", "none"),
    ("api.ssl.enabled", "false"),
    ("interactive", ""),
    ("path.plugins", ""),
    ("modules", ""),
    ("cloud.id", ""),
    ("cloud.auth", ""),
    ("monitoring.enabled", "false"),
    ("xpack.monitoring.enabled", "false"),
    ("xpack.management.enabled", "false"),
    ("otel.metrics.enabled", "false"),
];

/// Known settings that change nothing here by their nature, with the reason; each covers what is below it.
const INERT: [(&str, &str); 31] = [
    ("queue", "only with `queue.type: persisted`"),
    ("path.queue", "only with `queue.type: persisted`"),
    ("config.reload.interval", "only with `config.reload.automatic`"),
    ("config.debug", "prints the compiled code of Logstash"),
    ("allow_superuser", "the program may run as any user"),
    ("metric.collect", "counting costs nothing worth switching off"),
    ("pipeline.system", "for pipelines of Logstash's own"),
    ("pipeline.reloadable", "only with `config.reload.automatic`"),
    ("pipeline.recoverable", "only with `config.reload.automatic`"),
    ("pipeline.plugin_classloaders", "there is no Java"),
    ("pipeline.batch.output_chunking", "tunes Java's memory"),
    ("pipeline.batch.metrics", "counts of Logstash's own"),
    ("pipeline.buffer.type", "tunes Java's memory"),
    ("dead_letter_queue.flush_check_interval", "the queue is looked at whenever it is written"),
    ("api.environment", "a label in the answers of Logstash"),
    ("api.auth", "only with `api.auth.type: basic`"),
    ("api.ssl", "only with `api.ssl.enabled`"),
    ("http.environment", "a label in the answers of Logstash"),
    ("ssl.reload", "only with changing certificates of `api.ssl`"),
    ("log.format.json.fix_duplicate_message_fields", "keys of the log are never twice there"),
    ("keystore", "variables come from the environment; one that is only in a keystore is reported as unset"),
    ("monitoring", "only with `monitoring.enabled`"),
    ("xpack.monitoring", "only with `xpack.monitoring.enabled`"),
    ("xpack.management", "only with `xpack.management.enabled`"),
    ("xpack.geoip", "only with the `geoip` filter"),
    ("otel", "only with `otel.metrics.enabled`"),
    ("var", "only with `modules`"),
    ("enable-local-plugin-development", "there are no Ruby plugins"),
    ("help", "a flag"),
    ("version", "a flag"),
    ("config.multi_local_source", "left over from old versions"),
];

/// Reads `logstash.yml` over the defaults.
pub fn read(sources: &SourceMap, file: FileId, env: Env<'_>) -> (Settings, Vec<Diagnostic>) {
    let mut settings = Settings::default();
    let (node, mut found) = yaml::parse(file, &sources.file(file).text);
    if let Some(node) = node {
        settings.merge(&node, env, &mut found);
    }
    (settings, found)
}

/// Reads `pipelines.yml`: the settings of each pipeline, over `base`. More than one is reported as not there yet.
pub fn read_pipelines(
    sources: &SourceMap,
    file: FileId,
    base: &Settings,
    env: Env<'_>,
) -> (Vec<Settings>, Vec<Diagnostic>) {
    let (node, mut found) = yaml::parse(file, &sources.file(file).text);
    let start = Span::new(file, 0, 0);
    let Some(node) = node else {
        if found.is_empty() {
            found.push(Diagnostic::error("no-pipeline", "no pipeline is defined").at(start, "nothing in this file"));
        }
        return (vec![], found);
    };
    let Value::List(items) = &node.value else {
        found.push(
            Diagnostic::error(
                "wrong-type",
                format!("`pipelines.yml` must be a list of pipelines, this is {}", node.kind()),
            )
            .at(node.span.head(), "starts here")
            .help("begin each pipeline with `- pipeline.id: NAME`"),
        );
        return (vec![], found);
    };
    let mut pipelines = vec![];
    for item in items {
        let mut settings = base.clone();
        settings.merge(item, env, &mut found);
        let id = item.get("pipeline.id").or_else(|| item.get("pipeline").and_then(|p| p.get("id")));
        if id.is_none() && matches!(item.value, Value::Map(_)) {
            found.push(
                Diagnostic::error("missing-option", "a pipeline needs `pipeline.id`").at(item.span.head(), "this one"),
            );
        }
        pipelines.push(settings);
    }
    if let Some(second) = items.get(1) {
        found.push(not_yet("option-not-yet", "more than one pipeline", second.span.head()));
    }
    (pipelines, found)
}

impl Settings {
    /// Sets one setting by its dotted name, as the flag `--NAME VALUE` does; `span` is where the value was typed.
    pub fn set(&mut self, name: &str, value: &str, span: Span) -> Result<(), Box<Diagnostic>> {
        let value = match value.trim() {
            "" => Value::Text(String::new()),
            _ => Value::Text(value.to_string()),
        };
        self.apply(name, span, &Node::new(value, span))
    }

    fn merge(&mut self, node: &Node, env: Env<'_>, found: &mut Vec<Diagnostic>) {
        match &node.value {
            Value::Map(entries) => self.entries(entries, "", env, found),
            _ => found.push(
                Diagnostic::error("wrong-type", format!("settings must be a map, this is {}", node.kind()))
                    .at(node.span.head(), "starts here"),
            ),
        }
    }

    fn entries(&mut self, entries: &[Entry], prefix: &str, env: Env<'_>, found: &mut Vec<Diagnostic>) {
        for entry in entries {
            let name = match prefix {
                "" => entry.key.clone(),
                prefix => format!("{prefix}.{}", entry.key),
            };
            match &entry.node.value {
                Value::Map(inner) => self.entries(inner, &name, env, found),
                Value::Null => {
                    // nothing keeps the default, yet the name must exist
                    if !known(&name) && !known_above(&name) {
                        found.push(unknown(&name, entry.key_span));
                    }
                }
                Value::Text(text) => match substitute(text, env) {
                    Ok(text) => {
                        let node = Node::new(Value::Text(text), entry.node.span);
                        found.extend(self.apply(&name, entry.key_span, &node).err().map(|d| *d));
                    }
                    Err(variable) => found.push(
                        Diagnostic::error("variable-unset", format!("`${{{variable}}}` has no value"))
                            .at(entry.node.span, "used here")
                            .note("the environment variable is unset")
                            .help(format!("set it, or give a default: `${{{variable}:default}}`")),
                    ),
                },
                _ => found.extend(self.apply(&name, entry.key_span, &entry.node).err().map(|d| *d)),
            }
        }
    }

    fn apply(&mut self, name: &str, key_span: Span, node: &Node) -> Result<(), Box<Diagnostic>> {
        let value = Reader { name, node };
        match name {
            "node.name" => self.node_name = Some(value.text()?),
            "pipeline.id" => self.pipeline_id = value.text()?,
            "pipeline.ecs_compatibility" => {
                self.ecs_compatibility = value.choice(&[
                    ("disabled", EcsCompatibility::Disabled),
                    ("v1", EcsCompatibility::V1),
                    ("v8", EcsCompatibility::V8),
                ])?;
            }
            "pipeline.workers" => self.pipeline_workers = Some(value.whole(1, 4096)? as usize),
            "pipeline.batch.size" => self.batch_size = value.whole(1, 1 << 24)? as usize,
            "pipeline.batch.delay" => self.batch_delay_ms = value.whole(0, 86_400_000)? as u64,
            "pipeline.ordered" => {
                self.ordered =
                    value.choice(&[("auto", Ordered::Auto), ("true", Ordered::Always), ("false", Ordered::Never)])?;
            }
            "config.support_escapes" => self.config_support_escapes = value.flag()?,
            "config.field_reference.escape_style" => {
                self.field_reference_escape_style = value.choice(&[
                    ("none", EscapeStyle::None),
                    ("percent", EscapeStyle::Percent),
                    ("ampersand", EscapeStyle::Ampersand),
                ])?;
            }
            "path.data" => self.path_data = Some(value.text()?.into()),
            "path.logs" => self.path_logs = Some(value.text()?.into()),
            "path.config" => self.path_config = Some(Spanned::new(value.text()?, node.span)),
            // the folder of this very file: the command line chose it
            "path.settings" => {}
            "config.string" => self.config_string = Some(Spanned::new(value.text()?, node.span)),
            "config.test_and_exit" => self.config_test_and_exit = value.flag()?,
            "api.enabled" | "http.enabled" => self.api_enabled = value.flag()?,
            "api.http.host" | "http.host" => self.http_host = value.text()?,
            "api.http.port" | "http.port" => (self.http_port_min, self.http_port_max) = value.ports()?,
            "log.level" => {
                self.log_level = value.choice(&[
                    ("fatal", LogLevel::Fatal),
                    ("error", LogLevel::Error),
                    ("warn", LogLevel::Warn),
                    ("info", LogLevel::Info),
                    ("debug", LogLevel::Debug),
                    ("trace", LogLevel::Trace),
                ])?;
            }
            "log.format" => {
                self.log_format = value.choice(&[("plain", LogFormat::Plain), ("json", LogFormat::Json)])?
            }
            "dead_letter_queue.enable" => self.dead_letter_queue.enable = Some(value.flag()?),
            "dead_letter_queue.max_bytes" => self.dead_letter_queue.max_bytes = value.bytes()?,
            "dead_letter_queue.flush_interval" => {
                self.dead_letter_queue.flush_interval_ms = value.whole(1000, 86_400_000)? as u64;
            }
            "dead_letter_queue.storage_policy" => {
                self.dead_letter_queue.storage_policy = value
                    .choice(&[("drop_newer", StoragePolicy::DropNewer), ("drop_older", StoragePolicy::DropOlder)])?;
            }
            "path.dead_letter_queue" => self.dead_letter_queue.path = Some(value.text()?.into()),
            "event_api.tags.illegal" => {
                self.event_api_tags_illegal =
                    value.choice(&[("rename", IllegalTags::Rename), ("warn", IllegalTags::Warn)])?;
            }
            name => return other(name, key_span, node),
        }
        Ok(())
    }
}

/// A setting that has no place in [`Settings`].
fn other(name: &str, key_span: Span, node: &Node) -> Result<(), Box<Diagnostic>> {
    if let Some((_, idle)) = NOT_YET.iter().find(|(n, _)| *n == name) {
        let empty = matches!(&node.value, Value::List(items) if items.is_empty());
        if empty || scalar_text(&node.value).is_some_and(|t| t == *idle) {
            return Ok(());
        }
        let written = scalar_text(&node.value).map_or(String::new(), |t| format!(": {t}"));
        return Err(Box::new(not_yet("option-not-yet", format!("setting `{name}{written}`"), node.span)));
    }
    if known_above(name) { Ok(()) } else { Err(Box::new(unknown(name, key_span))) }
}

fn known(name: &str) -> bool {
    NAMES.contains(&name)
        || NOT_YET.iter().any(|(n, _)| *n == name || n.starts_with(&format!("{name}.")))
        || NAMES.iter().any(|n| n.starts_with(&format!("{name}.")))
}

fn known_above(name: &str) -> bool {
    INERT.iter().any(|(n, _)| name.strip_prefix(n).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

fn unknown(name: &str, key_span: Span) -> Diagnostic {
    let found = Diagnostic::error("unknown-option", format!("no setting is called `{name}`"))
        .at(key_span, "unknown")
        .note("Logstash does not start with a setting it does not know");
    let all = NAMES.into_iter().chain(NOT_YET.into_iter().map(|(n, _)| n)).chain(INERT.into_iter().map(|(n, _)| n));
    match closest(name, all) {
        Some(near) => found.help(format!("did you mean `{near}`?")),
        None => found,
    }
}

/// Replaces `${NAME}` and `${NAME:default}`; the error is the name of the unset variable. Anything else stays as it is.
fn substitute(text: &str, env: Env<'_>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let inside = &rest[at + 2..];
        let Some(end) = inside.find('}') else { break };
        let (name, default) = match inside[..end].split_once(':') {
            Some((name, default)) => (name, Some(default)),
            None => (&inside[..end], None),
        };
        let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '.';
        if name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit()) {
            out.push_str(&rest[..at]);
            out.push_str(&env(name).or(default.map(str::to_string)).ok_or(name)?);
            rest = &inside[end + 1..];
        } else {
            out.push_str(&rest[..at + 2]);
            rest = inside;
        }
    }
    out.push_str(rest);
    Ok(out)
}

struct Reader<'a> {
    name: &'a str,
    node: &'a Node,
}

impl Reader<'_> {
    fn wrong(&self, wanted: &str) -> Box<Diagnostic> {
        let written = scalar_text(&self.node.value).map_or(String::new(), |t| format!(" `{t}`"));
        let found = Diagnostic::error("wrong-type", format!("`{}` must be {wanted}", self.name))
            .at(self.node.span, format!("{}{written}", self.node.kind()));
        Box::new(found)
    }

    fn text(&self) -> Result<String, Box<Diagnostic>> {
        scalar_text(&self.node.value).ok_or_else(|| self.wrong("a text"))
    }

    fn flag(&self) -> Result<bool, Box<Diagnostic>> {
        match scalar_text(&self.node.value).as_deref() {
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            _ => Err(self.wrong("true or false")),
        }
    }

    fn number(&self) -> Option<i64> {
        match &self.node.value {
            Value::Int(i) => Some(*i),
            Value::Text(text) => match integer(text.trim()) {
                Some(Value::Int(i)) => Some(i),
                _ => None,
            },
            _ => None,
        }
    }

    fn whole(&self, min: i64, max: i64) -> Result<i64, Box<Diagnostic>> {
        let number = self.number().filter(|n| (min..=max).contains(n));
        number.ok_or_else(|| self.wrong(&format!("a whole number from {min} to {max}")))
    }

    /// A port, or a range of ports (`9600-9700`).
    fn ports(&self) -> Result<(u16, u16), Box<Diagnostic>> {
        let wrong = || self.wrong("a port or a range of ports like `9600-9700`");
        let text = self.text()?;
        let (min, max) = text.split_once('-').or_else(|| text.split_once("..")).unwrap_or((&text, &text));
        let port = |text: &str| text.trim().parse::<u16>().ok().filter(|&p| p > 0).ok_or_else(wrong);
        let (min, max) = (port(min)?, port(max)?);
        if min <= max { Ok((min, max)) } else { Err(wrong()) }
    }

    /// A number of bytes, with or without a unit; all units are powers of 1024 in Logstash.
    fn bytes(&self) -> Result<u64, Box<Diagnostic>> {
        let wrong = || self.wrong("a size like `1024mb`");
        let text = self.text()?.to_lowercase();
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
        let shift = match text[digits..].trim() {
            "" | "b" => 0,
            "k" | "kb" => 10,
            "m" | "mb" => 20,
            "g" | "gb" => 30,
            "t" | "tb" => 40,
            "p" | "pb" => 50,
            _ => return Err(wrong()),
        };
        number.checked_mul(1 << shift).ok_or_else(wrong)
    }

    fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, Box<Diagnostic>> {
        let text = self.text()?;
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text) {
            return Ok(*value);
        }
        let names: Vec<String> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
        let found = Diagnostic::error("wrong-value", format!("`{}` has no value `{text}`", self.name))
            .at(self.node.span, "unknown value")
            .note(format!("known: {}", names.join(", ")));
        Err(Box::new(match closest(&text, choices.iter().map(|(name, _)| *name)) {
            Some(near) => found.help(format!("did you mean `{near}`?")),
            None => found,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "WORKERS" => Some("3".to_string()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    fn load(text: &str) -> (Settings, Vec<Diagnostic>, SourceMap) {
        let mut sources = SourceMap::new();
        let file = sources.add("logstash.yml", text);
        let (settings, found) = read(&sources, file, &env);
        (settings, found, sources)
    }

    fn clean(text: &str) -> Settings {
        let (settings, found, _) = load(text);
        assert!(found.is_empty(), "{text}\n{found:#?}");
        settings
    }

    #[test]
    fn dotted_and_nested_names_are_the_same() {
        let settings = clean(
            "pipeline:\n  workers: ${WORKERS}\n  batch.size: 250\n  ordered: true\npipeline.ecs_compatibility: disabled\nhttp.host: \"0.0.0.0\"\n\
             api.http.port: 9601-9610\npath.data: /x${EMPTY}/${NO:y}\ndead_letter_queue: {enable: true, max_bytes: 1gb}\nqueue.type: memory\n\
             xpack.monitoring.elasticsearch.hosts: [\"http://elasticsearch:9200\"]\nlog.level:\nconfig.field_reference.escape_style: percent\n",
        );
        assert_eq!((settings.pipeline_workers, settings.batch_size, settings.ordered), (Some(3), 250, Ordered::Always));
        assert_eq!((settings.ecs_compatibility, settings.http_host.as_str()), (EcsCompatibility::Disabled, "0.0.0.0"));
        assert_eq!((settings.http_port_min, settings.http_port_max), (9601, 9610));
        assert_eq!(settings.path_data.unwrap().to_str(), Some("/x/y"));
        assert_eq!((settings.dead_letter_queue.enable, settings.dead_letter_queue.max_bytes), (Some(true), 1 << 30));
        assert_eq!((settings.log_level, settings.field_reference_escape_style), (LogLevel::Info, EscapeStyle::Percent));
    }

    #[test]
    fn an_empty_file_leaves_the_defaults() {
        assert_eq!(clean("# nothing\n"), Settings::default());
    }

    #[test]
    fn what_is_wrong_is_shown_in_its_place() {
        for (text, expected) in [
            ("pipeline.wokers: 2", "unknown-option pipeline.wokers"),
            ("pipeline: {wokers: 2}", "unknown-option wokers"),
            ("nonsense:", "unknown-option nonsense"),
            ("queue.type: persisted", "option-not-yet persisted"),
            ("config.reload.automatic: true", "option-not-yet true"),
            ("xpack.monitoring.enabled: true", "option-not-yet true"),
            ("pipeline.ecs_compatibility: v9", "wrong-value v9"),
            ("pipeline.workers: 0", "wrong-type 0"),
            ("pipeline.batch.size: many", "wrong-type many"),
            ("config.support_escapes: maybe", "wrong-type maybe"),
            ("path.data: ${NO}", "variable-unset ${NO}"),
            ("path.data: [a]", "wrong-type [a]"),
            ("http.port: 9700-9600", "wrong-type 9700-9600"),
            ("- a", "wrong-type "),
        ] {
            let (_, found, sources) = load(text);
            let shown: Vec<String> =
                found.iter().map(|d| format!("{} {}", d.id, sources.text(d.primary.as_ref().unwrap().span))).collect();
            assert_eq!(shown, [expected], "{text}");
            assert!(found[0].stops_run, "{text}");
        }
    }

    #[test]
    fn a_flag_overrides_the_file() {
        let mut settings = clean("pipeline.workers: 2\nlog.level: info\n");
        let span = Span::new(FileId(0), 0, 0);
        settings.set("pipeline.workers", "7", span).unwrap();
        settings.set("log.level", "debug", span).unwrap();
        settings.set("config.support_escapes", "true", span).unwrap();
        assert_eq!((settings.pipeline_workers, settings.log_level), (Some(7), LogLevel::Debug));
        assert_eq!(settings.set("pipeline.worker", "7", span).unwrap_err().helps, ["did you mean `pipeline.workers`?"]);
        assert_eq!(settings.set("queue.type", "persisted", span).unwrap_err().id, "option-not-yet");
    }

    #[test]
    fn pipelines() {
        let base = clean("pipeline.batch.size: 200\n");
        let load = |text: &str| {
            let mut sources = SourceMap::new();
            let file = sources.add("pipelines.yml", text);
            let (pipelines, found) = read_pipelines(&sources, file, &base, &env);
            (pipelines, found.iter().map(|d| d.id).collect::<Vec<_>>())
        };
        let (pipelines, found) =
            load("- pipeline.id: main\n  path.config: \"/usr/share/logstash/pipeline\"\n  pipeline.workers: 1\n");
        assert_eq!(found, Vec::<&str>::new());
        assert_eq!(pipelines[0].path_config.as_ref().unwrap().value, "/usr/share/logstash/pipeline");
        assert_eq!((pipelines[0].pipeline_workers, pipelines[0].batch_size), (Some(1), 200));
        assert_eq!(load("- pipeline.id: a\n- pipeline.id: b\n").1, ["option-not-yet"]);
        assert_eq!(load("- path.config: /x\n").1, ["missing-option"]);
        assert_eq!(load("a: b\n").1, ["wrong-type"]);
        assert_eq!(load("").1, ["no-pipeline"]);
        assert_eq!(load("- x\n").1, ["wrong-type"]);
    }
}
