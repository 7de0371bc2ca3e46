//! The decoders by name.

use super::{Decoder, Json, JsonLines, Line, Plain, streaming_name};
use crate::config::build::{BuildCx, ECS_NAMES, Ecs};
use crate::config::diagnostic::Diagnostic;
use crate::config::logstash::ast::Plugin;
use crate::config::options::{OptType, OptionSpec, Options, PluginKind, nearest};
use crate::event::FieldRef;

const ECS: OptionSpec = OptionSpec::new("ecs_compatibility", OptType::OneOf(ECS_NAMES));
const CHARSET: OptionSpec = OptionSpec::new("charset", OptType::String).not_yet(&["UTF-8"]);
const FORMAT: OptionSpec = OptionSpec::new("format", OptType::String);
const DELIMITER: OptionSpec = OptionSpec::new("delimiter", OptType::String);
const TARGET: OptionSpec = OptionSpec::new("target", OptType::FieldReference);

/// The options of `plain`; `format` is for encoding.
pub const PLAIN: &[OptionSpec] = &[ECS, CHARSET, FORMAT];
/// The options of `line`; `format` is for encoding.
pub const LINE: &[OptionSpec] = &[ECS, CHARSET, FORMAT, DELIMITER];
/// The options of `json`.
pub const JSON: &[OptionSpec] = &[ECS, CHARSET, TARGET];
/// The options of `json_lines`.
pub const JSON_LINES: &[OptionSpec] = &[
    ECS,
    CHARSET,
    TARGET,
    DELIMITER,
    OptionSpec::new("decode_size_limit_bytes", OptType::Number).not_yet(&["20971520"]),
];

/// Codecs of Logstash 8.19 that cannot decode here yet.
const NOT_YET: &[&str] = &[
    "avro",
    "cef",
    "cloudfront",
    "cloudtrail",
    "collectd",
    "csv",
    "dots",
    "edn",
    "edn_lines",
    "es_bulk",
    "fluent",
    "graphite",
    "gzip_lines",
    "jdots",
    "msgpack",
    "multiline",
    "netflow",
    "protobuf",
    "rubydebug",
    "spool",
];

/// Builds the decoder of an input. `default` is the input's own codec; `stream` says that the input reads a stream, where
/// Logstash exchanges some codecs for their line forms.
pub fn build(options: &Options, default: &str, stream: bool, cx: &mut BuildCx<'_>) -> Option<Box<dyn Decoder>> {
    match options.codec("codec") {
        Some(plugin) => build_named(&plugin, stream, cx),
        None => {
            let ecs = ecs_of(options, cx);
            Some(simple(if stream { streaming_name(default) } else { default }, ecs, None, "\n"))
        }
    }
}

/// The plugin's own `ecs_compatibility`, else the pipeline's.
pub fn ecs_of(options: &Options, cx: &BuildCx<'_>) -> Ecs {
    options.string("ecs_compatibility").and_then(|e| Ecs::by_name(&e.value)).unwrap_or(cx.ecs)
}

fn build_named(plugin: &Plugin, stream: bool, cx: &mut BuildCx<'_>) -> Option<Box<dyn Decoder>> {
    let written = plugin.name.value.as_str();
    let specs = match written {
        "plain" => PLAIN,
        "line" => LINE,
        "json" => JSON,
        "json_lines" => JSON_LINES,
        _ => {
            cx.report(unknown(plugin));
            return None;
        }
    };
    let options = Options::new(plugin, PluginKind::Codec, specs, cx.variables, cx.diagnostics);
    let ecs = ecs_of(&options, cx);
    let has = |name: &str| specs.iter().any(|s| s.name == name);
    let target = match has("target").then(|| options.string("target")).flatten() {
        Some(target) => Some(cx.field(&target.value, target.span)?),
        None => None,
    };
    let delimiter = match has("delimiter").then(|| options.string("delimiter")).flatten() {
        Some(d) if d.value.is_empty() => {
            cx.report(
                Diagnostic::error("wrong-type", "`delimiter` must not be empty")
                    .at(d.span, "nothing separates the events")
                    .help("leave it out: lines end with a newline then"),
            );
            return None;
        }
        Some(d) => d.value,
        None => "\n".to_string(),
    };
    let name = if stream { streaming_name(written) } else { written };
    if name == written {
        return Some(simple(name, ecs, target, &delimiter));
    }
    for spec in specs.iter().filter(|s| s.name != CHARSET.name && s.name != FORMAT.name) {
        if let Some(span) = options.name_span(spec.name) {
            let message = format!("`{}` of the codec `{written}` has no effect on this input", spec.name);
            cx.report(Diagnostic::fault("lost-option", message).at(span, "lost").note(format!(
                "the input reads a stream: Logstash puts `{name}` in place of `{written}` and takes over `charset` only"
            )));
        }
    }
    Some(simple(name, cx.ecs, None, "\n"))
}

fn simple(name: &str, ecs: Ecs, target: Option<FieldRef>, delimiter: &str) -> Box<dyn Decoder> {
    match name {
        "line" => Box::new(Line::new(ecs.is_on(), delimiter)),
        "json" => Box::new(Json::new(ecs.is_on(), target)),
        "json_lines" => Box::new(JsonLines::new(ecs.is_on(), target, delimiter)),
        "plain" => Box::new(Plain::new(ecs.is_on())),
        other => unreachable!("`{other}` is none of the decoders' names"),
    }
}

fn unknown(plugin: &Plugin) -> Diagnostic {
    let name = plugin.name.value.as_str();
    if NOT_YET.contains(&name) {
        return Diagnostic::error("plugin-not-yet", format!("logdrive cannot decode with the codec `{name}` yet"))
            .at(plugin.name.span, "not yet");
    }
    let found = Diagnostic::error("unknown-plugin", format!("Couldn't find any codec plugin named '{name}'"))
        .at(plugin.name.span, "no codec of Logstash 8.19 has this name");
    let all = ["plain", "line", "json", "json_lines"].into_iter().chain(NOT_YET.iter().copied());
    match nearest(name, all) {
        Some(near) => found.help(format!("did you mean `{near}`?")),
        None => found,
    }
}
