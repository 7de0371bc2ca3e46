//! Decoders out of their options.

use super::{Decoder, Json, JsonLines, Line, Plain, streaming_name};
use crate::config::build::{BuildCx, ECS_NAMES, Ecs};
use crate::config::diagnostic::Diagnostic;
use crate::config::logstash::ast::Plugin;
use crate::config::options::{OptType, OptionSpec, Options, PluginKind, nearest};
use crate::event::FieldRef;

const CHARSET: OptionSpec = OptionSpec::new("charset", OptType::String).not_yet(&["UTF-8"]);
const ECS: OptionSpec = OptionSpec::new("ecs_compatibility", OptType::OneOf(ECS_NAMES));
const DELIMITER: OptionSpec = OptionSpec::new("delimiter", OptType::String);
const TARGET: OptionSpec = OptionSpec::new("target", OptType::FieldReference);
/// Concerns encoding only.
const FORMAT: OptionSpec = OptionSpec::new("format", OptType::String);

/// The options of the codec `plain`.
pub const PLAIN: &[OptionSpec] = &[CHARSET, ECS, FORMAT];
/// The options of the codec `line`.
pub const LINE: &[OptionSpec] = &[CHARSET, ECS, FORMAT, DELIMITER];
/// The options of the codec `json`.
pub const JSON: &[OptionSpec] = &[CHARSET, ECS, TARGET];
/// The options of the codec `json_lines`.
pub const JSON_LINES: &[OptionSpec] = &[
    CHARSET,
    ECS,
    TARGET,
    DELIMITER,
    OptionSpec::new("decode_size_limit_bytes", OptType::Number).not_yet(&["536870912"]),
];

/// The codecs that can decode.
const NAMES: &[&str] = &["json", "json_lines", "line", "plain"];

/// The other codecs that Logstash 8.19 brings along.
pub const NOT_YET: &[&str] = &[
    "avro",
    "cef",
    "collectd",
    "csv",
    "dots",
    "edn",
    "edn_lines",
    "es_bulk",
    "fluent",
    "graphite",
    "msgpack",
    "multiline",
    "netflow",
    "rubydebug",
];

/// Builds the decoder of a codec; what is wrong has been reported when it gives nothing. An input that reads a stream
/// says so: it gets lines where `plain` or `json` is asked for.
pub fn build(plugin: &Plugin, stream: bool, cx: &mut BuildCx<'_>) -> Option<Box<dyn Decoder>> {
    let name = plugin.name.value.as_str();
    let schema = match name {
        "plain" => PLAIN,
        "line" => LINE,
        "json" => JSON,
        "json_lines" => JSON_LINES,
        _ => {
            cx.report(unknown(plugin));
            return None;
        }
    };
    let options = Options::new(plugin, PluginKind::Codec, schema, cx.variables, cx.diagnostics);
    let ecs = options.string("ecs_compatibility").and_then(|e| Ecs::by_name(&e.value)).unwrap_or(cx.ecs).is_on();
    let delimiter = match schema.iter().any(|s| s.name == DELIMITER.name) {
        true => options.string("delimiter"),
        false => None,
    };
    if let Some(empty) = delimiter.as_ref().filter(|d| d.value.is_empty()) {
        cx.report(
            Diagnostic::error("wrong-value", "`delimiter` must not be empty").at(empty.span, "separates nothing"),
        );
        return None;
    }
    let delimiter = delimiter.map_or_else(|| "\n".to_string(), |d| d.value);
    let target: Option<FieldRef> = match schema.iter().any(|s| s.name == TARGET.name) {
        true => match options.string("target") {
            Some(target) => Some(cx.field(&target.value, target.span)?),
            None => None,
        },
        false => None,
    };
    let streaming = if stream { streaming_name(name) } else { name };
    if streaming != name {
        for spec in schema.iter().filter(|s| s.name != CHARSET.name && s.name != FORMAT.name) {
            if let Some(span) = options.name_span(spec.name) {
                let message = format!("`{}` of the codec `{name}` has no effect on this input", spec.name);
                cx.report(Diagnostic::fault("lost-option", message).at(span, "lost").note(format!(
                    "the input reads a stream, so it uses `{streaming}` in place of `{name}` and takes over `charset` only"
                )));
            }
        }
        return Some(match streaming {
            "line" => Box::new(Line::new(cx.ecs.is_on(), "\n")),
            _ => Box::new(JsonLines::new(cx.ecs.is_on(), None, "\n")),
        });
    }
    Some(match name {
        "plain" => Box::new(Plain::new(ecs)),
        "line" => Box::new(Line::new(ecs, &delimiter)),
        "json" => Box::new(Json::new(ecs, target)),
        _ => Box::new(JsonLines::new(ecs, target, &delimiter)),
    })
}

fn unknown(plugin: &Plugin) -> Diagnostic {
    let name = plugin.name.value.as_str();
    if NOT_YET.contains(&name) {
        return Diagnostic::error("plugin-not-yet", format!("logdrive does not have the codec `{name}` here yet"))
            .at(plugin.name.span, "not yet");
    }
    let found = Diagnostic::error("unknown-plugin", format!("Couldn't find any codec plugin named '{name}'"))
        .at(plugin.name.span, "no codec of Logstash 8.19 has this name");
    match nearest(name, NAMES.iter().chain(NOT_YET).copied()) {
        Some(near) => found.help(format!("did you mean `{near}`?")),
        None => found,
    }
}
