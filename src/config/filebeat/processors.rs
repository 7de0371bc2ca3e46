//! Processors: configuration to data; the work on events is done where events are.
//!
//! Documentation: <https://www.elastic.co/guide/en/beats/filebeat/8.5/defining-processors.html>.

use std::time::Duration;

use super::super::diagnostic::Diagnostic;
use super::super::source::{Span, Spanned};
use super::super::yaml::{Entry, Node, Value};
use super::condition::{self, Condition};
use super::options::{Found, Idle, Kind, Rule, Section, closest, not_yet};
use super::re2;

/// One processor of a list, in order.
#[derive(Clone, Debug)]
pub struct ProcessorConfig {
    pub processor: Processor,
    /// Runs only on events for which this holds.
    pub when: Option<Condition>,
    /// The processor's name (or the word `if`).
    pub name_span: Span,
}

/// What a processor does.
#[derive(Clone, Debug)]
pub enum Processor {
    AddDockerMetadata(AddDockerMetadata),
    AddHostMetadata(AddHostMetadata),
    AddCloudMetadata(AddCloudMetadata),
    DecodeJsonFields(DecodeJsonFields),
    AddFields(AddFields),
    AddTags(AddTags),
    DropFields(DropFields),
    DropEvent,
    /// `if` / `then` / `else`
    If {
        condition: Condition,
        then: Vec<ProcessorConfig>,
        otherwise: Vec<ProcessorConfig>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct AddDockerMetadata {
    /// `unix:///var/run/docker.sock` by default.
    pub host: Spanned<String>,
    /// Fields that may hold a container id.
    pub match_fields: Vec<String>,
    /// Fields that hold process ids, `process.pid` and `process.parent.pid` by default.
    pub match_pids: Vec<String>,
    /// Take the id from `log.file.path`; true by default.
    pub match_source: bool,
    /// Which part of the path, split at `/`, holds the id; 4 by default (`/var/lib/docker/containers/ID/...`).
    pub match_source_index: usize,
    /// Ids in paths are the short ones.
    pub match_short_id: bool,
    /// Dots in label names become `_`; true by default.
    pub labels_dedot: bool,
    /// A stopped container is remembered this long after its last use; 60 s by default.
    pub cleanup_timeout: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AddHostMetadata {
    /// Addresses too (`host.ip`, `host.mac`); true by default.
    pub netinfo: bool,
    /// How long what was learned of the host is kept; 5 min by default.
    pub cache_ttl: Duration,
    /// Replace `host.*` that is there; else an event that has more than `host.name` is left alone.
    pub replace_fields: bool,
    pub geo: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AddCloudMetadata {
    /// For all providers together; 3 s by default.
    pub timeout: Duration,
    /// Empty: the local-only providers, as by default.
    pub providers: Vec<Spanned<String>>,
    pub overwrite: bool,
}

/// Where a decoded object goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// In place of the text (`target` is not set, or nothing).
    Same,
    /// Into the event (`target: ""`).
    Root,
    Field(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct DecodeJsonFields {
    pub fields: Vec<Spanned<String>>,
    pub target: Target,
    pub overwrite_keys: bool,
    pub expand_keys: bool,
    pub add_error_key: bool,
    pub process_array: bool,
    /// Texts inside are decoded too, down to this depth; 1 by default.
    pub max_depth: u32,
    /// The key whose value becomes the event's id.
    pub document_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AddFields {
    /// A field's name; `None` puts the fields into the event itself (`target: ""`). `fields` by default.
    pub target: Option<String>,
    /// A map.
    pub fields: Node,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AddTags {
    pub tags: Vec<String>,
    /// `tags` by default.
    pub target: String,
}

#[derive(Clone, Debug)]
pub struct DropFields {
    pub fields: Vec<FieldName>,
    /// A missing field is no error.
    pub ignore_missing: bool,
}

/// A field by its dotted name, or all whose name an expression finds (`/.../`).
#[derive(Clone, Debug)]
pub enum FieldName {
    Name(Spanned<String>),
    Pattern(Spanned<regex::Regex>),
}

const KNOWN: [&str; 8] = [
    "add_cloud_metadata",
    "add_docker_metadata",
    "add_fields",
    "add_host_metadata",
    "add_tags",
    "decode_json_fields",
    "drop_event",
    "drop_fields",
];

/// Processors of Filebeat 8 that are not there yet.
const NOT_YET: [&str; 46] = [
    "add_cloudfoundry_metadata",
    "add_data_stream",
    "add_formatted_index",
    "add_id",
    "add_kubernetes_metadata",
    "add_labels",
    "add_locale",
    "add_network_direction",
    "add_nomad_metadata",
    "add_observer_metadata",
    "add_process_metadata",
    "add_session_metadata",
    "append",
    "cache",
    "community_id",
    "convert",
    "copy_fields",
    "decode_base64_field",
    "decode_cef",
    "decode_csv_fields",
    "decode_duration",
    "decode_xml",
    "decode_xml_wineventlog",
    "decompress_gzip_field",
    "detect_mime_type",
    "dissect",
    "dns",
    "extract_array",
    "fingerprint",
    "include_fields",
    "lowercase",
    "move_fields",
    "now",
    "parse_aws_vpc_flow_log",
    "rate_limit",
    "registered_domain",
    "rename",
    "replace",
    "script",
    "syslog",
    "timestamp",
    "translate_ldap_attribute",
    "translate_sid",
    "truncate_fields",
    "uppercase",
    "urldecode",
];

/// Reads a list of processors (nothing is an empty list); faulty ones are reported and left out.
pub fn read_list(node: Option<&Node>, found: &Found) -> Vec<ProcessorConfig> {
    let Some(node) = node else { return vec![] };
    let nodes = match &node.value {
        Value::Null => return vec![],
        Value::List(items) => &items[..],
        _ => std::slice::from_ref(node),
    };
    nodes.iter().filter_map(|n| read(n, found)).collect()
}

fn read(node: &Node, found: &Found) -> Option<ProcessorConfig> {
    let report = |diagnostic| found.borrow_mut().push(diagnostic);
    let entries = match &node.value {
        Value::Null => return None,
        Value::Map(entries) if !entries.is_empty() => entries,
        Value::Missing(diagnostic) => {
            report((**diagnostic).clone());
            return None;
        }
        _ => {
            report(
                Diagnostic::error("wrong-type", format!("a processor must be a map, this is {}", node.kind()))
                    .at(node.span, "no map")
                    .help("write `name:` with its options below, indented further"),
            );
            return None;
        }
    };
    if entries.iter().any(|e| e.key == "if") {
        return read_if(node, found);
    }
    if entries.len() > 1 {
        let mut diagnostic = Diagnostic::error("processor-shape", "one list item names several processors")
            .at(entries[1].key_span, "at the level of the name")
            .with(entries[0].key_span, "the first name")
            .note("an item of `processors` has exactly one key: the processor's name");
        if KNOWN.contains(&entries[0].key.as_str()) && !KNOWN.contains(&entries[1].key.as_str()) {
            diagnostic = diagnostic.help(format!("indent the options further than `{}`", entries[0].key));
        }
        report(diagnostic);
        return None;
    }
    let Entry { key, key_span, node } = &entries[0];
    let name = key.as_str();
    if !KNOWN.contains(&name) {
        report(match NOT_YET.contains(&name) {
            true => not_yet("plugin-not-yet", format!("processor `{name}`"), *key_span),
            false => {
                let unknown = Diagnostic::error("unknown-plugin", format!("no processor is called `{name}`"))
                    .at(*key_span, "unknown");
                match closest(name, KNOWN.into_iter().chain(NOT_YET)) {
                    Some(near) => unknown.help(format!("did you mean `{near}`?")),
                    None => unknown,
                }
            }
        });
        return None;
    }
    let section = Section::new(format!("processor `{name}`"), Some(node), *key_span, found);
    let when = section.entry("when").filter(|e| !e.node.is_null());
    let condition = when.map(|entry| condition::read(&entry.node, entry.key_span, found));
    let processor = build(name, &section)?;
    let when = match condition {
        Some(None) => return None,
        Some(condition) => condition,
        None => None,
    };
    Some(ProcessorConfig { processor, when, name_span: *key_span })
}

fn read_if(node: &Node, found: &Found) -> Option<ProcessorConfig> {
    let section = Section::new("the `if` processor", Some(node), node.span.head(), found);
    let name_span = section.key_span("if")?;
    let condition = condition::read(&section.entry("if")?.node, name_span, found);
    let then = section.node("then");
    if then.is_none() {
        section.report(Diagnostic::error("wrong-condition", "`if` needs a `then`").at(name_span, "no `then`"));
    }
    let (then, otherwise) = (read_list(then, found), read_list(section.node("else"), found));
    section.finish(&[], true);
    Some(ProcessorConfig { processor: Processor::If { condition: condition?, then, otherwise }, when: None, name_span })
}

fn build(name: &str, section: &Section<'_>) -> Option<Processor> {
    match name {
        "add_docker_metadata" => {
            let pids = section.texts("match_pids");
            let config = AddDockerMetadata {
                host: section
                    .text("host")
                    .unwrap_or_else(|| Spanned::new("unix:///var/run/docker.sock".to_string(), section.span)),
                match_fields: values(section.texts("match_fields")),
                match_pids: match section.has("match_pids") {
                    true => values(pids),
                    false => vec!["process.pid".to_string(), "process.parent.pid".to_string()],
                },
                match_source: section.flag_or("match_source", true),
                match_source_index: section.whole_or("match_source_index", 0, 255, 4) as usize,
                match_short_id: section.flag_or("match_short_id", false),
                labels_dedot: section.flag_or("labels.dedot", true),
                cleanup_timeout: section.duration_or("cleanup_timeout", Duration::from_secs(60)),
            };
            section.finish(
                &[
                    Rule { name: "ssl", kind: Kind::NotYet(Idle::Off) },
                    Rule { name: "hostfs", kind: Kind::NotYet(Idle::Never) },
                    Rule { name: "system.hostfs", kind: Kind::NotYet(Idle::Never) },
                    Rule { name: "wait_for_metadata", kind: Kind::NotYet(Idle::Off) },
                    Rule { name: "wait_for_metadata_timeout", kind: Kind::Inert("only with `wait_for_metadata`") },
                    Rule { name: "wait_for_metadata_retry", kind: Kind::Inert("only with `wait_for_metadata`") },
                    Rule {
                        name: "skip_older",
                        kind: Kind::Inert("an option of the Kubernetes processor that this one never reads"),
                    },
                ],
                false,
            );
            Some(Processor::AddDockerMetadata(config))
        }
        "add_host_metadata" => {
            let geo = section.section("geo", "`geo` of processor `add_host_metadata`");
            let names = [
                "name",
                "location",
                "continent_name",
                "country_name",
                "country_iso_code",
                "region_name",
                "region_iso_code",
                "city_name",
            ];
            let config = AddHostMetadata {
                netinfo: section.flag_or("netinfo.enabled", true),
                cache_ttl: section.duration_or("cache.ttl", Duration::from_secs(300)),
                replace_fields: section.flag_or("replace_fields", true),
                geo: names.iter().filter_map(|n| Some((n.to_string(), geo.text(n)?.value))).collect(),
            };
            geo.finish(&[], false);
            section.finish(&[], false);
            Some(Processor::AddHostMetadata(config))
        }
        "add_cloud_metadata" => {
            let config = AddCloudMetadata {
                timeout: section.duration_or("timeout", Duration::from_secs(3)),
                providers: section.texts("providers"),
                overwrite: section.flag_or("overwrite", false),
            };
            section.finish(&[Rule { name: "ssl", kind: Kind::NotYet(Idle::Off) }], false);
            Some(Processor::AddCloudMetadata(config))
        }
        "decode_json_fields" => {
            let config = DecodeJsonFields {
                fields: section.texts("fields"),
                target: match section.text("target") {
                    None => Target::Same,
                    Some(text) if text.value.is_empty() => Target::Root,
                    Some(text) => Target::Field(text.value),
                },
                overwrite_keys: section.flag_or("overwrite_keys", false),
                expand_keys: section.flag_or("expand_keys", false),
                add_error_key: section.flag_or("add_error_key", false),
                process_array: section.flag_or("process_array", false),
                max_depth: section.whole_or("max_depth", 1, u32::MAX as i64, 1) as u32,
                document_id: section.text("document_id").map(|t| t.value),
            };
            section.finish(&[], true);
            required(section, "fields").then_some(Processor::DecodeJsonFields(config))
        }
        "add_fields" => {
            let target =
                section.text("target").map_or(Some("fields".to_string()), |t| Some(t.value).filter(|t| !t.is_empty()));
            let fields = section.node("fields");
            section.finish(&[], true);
            if !required(section, "fields") {
                return None;
            }
            match fields? {
                fields if matches!(fields.value, Value::Map(_)) => {
                    reported_missing(fields, section.found);
                    Some(Processor::AddFields(AddFields { target, fields: fields.clone() }))
                }
                fields => {
                    section.report(
                        Diagnostic::error("wrong-type", "`fields` of processor `add_fields` must be a map")
                            .at(fields.span, fields.kind()),
                    );
                    None
                }
            }
        }
        "add_tags" => {
            let config = AddTags {
                tags: values(section.texts("tags")),
                target: section.text("target").map_or("tags".to_string(), |t| t.value),
            };
            section.finish(&[], true);
            required(section, "tags").then_some(Processor::AddTags(config))
        }
        "drop_fields" => {
            let mut fields = vec![];
            for name in section.texts("fields") {
                match name.value.strip_prefix('/').and_then(|n| n.strip_suffix('/')).filter(|n| !n.is_empty()) {
                    None => fields.push(FieldName::Name(name)),
                    Some(pattern) => match re2::compile(pattern) {
                        Ok(regex) => fields.push(FieldName::Pattern(Spanned::new(regex, name.span))),
                        Err(why) => section.report(
                            Diagnostic::error("wrong-value", format!("not a regular expression: {why}"))
                                .at(name.span, "expression"),
                        ),
                    },
                }
            }
            let config = DropFields { fields, ignore_missing: section.flag_or("ignore_missing", false) };
            section.finish(&[], true);
            required(section, "fields").then_some(Processor::DropFields(config))
        }
        "drop_event" => {
            section.finish(&[], true);
            Some(Processor::DropEvent)
        }
        other => unreachable!("`{other}` is in KNOWN"),
    }
}

fn values(texts: Vec<Spanned<String>>) -> Vec<String> {
    texts.into_iter().map(|t| t.value).collect()
}

fn required(section: &Section<'_>, name: &str) -> bool {
    let there = section.has(name);
    if !there {
        section.report(
            Diagnostic::error("missing-option", format!("{} needs `{name}`", section.title)).at(section.span, "here"),
        );
    }
    there
}

/// Reports every value below that could not be computed: the whole map is used.
pub fn reported_missing(node: &Node, found: &Found) {
    match &node.value {
        Value::Missing(diagnostic) => found.borrow_mut().push((**diagnostic).clone()),
        Value::List(items) => items.iter().for_each(|n| reported_missing(n, found)),
        Value::Map(entries) => entries.iter().for_each(|e| reported_missing(&e.node, found)),
        _ => {}
    }
}
