//! The encoders by name.

use super::{Dots, Encoder, Json, JsonLines, Line, RubyDebug};
use crate::codec::decode::build::{JSON, JSON_LINES, LINE, PLAIN};
use crate::config::build::BuildCx;
use crate::config::diagnostic::Diagnostic;
use crate::config::logstash::ast::Plugin;
use crate::config::options::{OptType, OptionSpec, Options, PluginKind, nearest};
use crate::event::Template;

/// The options of `rubydebug`.
pub const RUBYDEBUG: &[OptionSpec] = &[OptionSpec::new("metadata", OptType::Boolean)];

const NAMES: &[(&str, &[OptionSpec])] = &[
    ("dots", &[]),
    ("json", JSON),
    ("json_lines", JSON_LINES),
    ("line", LINE),
    ("plain", PLAIN),
    ("rubydebug", RUBYDEBUG),
];

/// Codecs of Logstash 8.19 that cannot encode here yet, or not at all.
const NOT_YET: &[&str] = &[
    "avro",
    "cef",
    "cloudfront",
    "cloudtrail",
    "collectd",
    "csv",
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
    "spool",
];

/// Builds the encoder of an output. `default` is the output's own codec.
pub fn build(options: &Options, default: &str, cx: &mut BuildCx<'_>) -> Option<Box<dyn Encoder>> {
    match options.codec("codec") {
        Some(plugin) => of_plugin(&plugin, cx),
        None => Some(named(default)),
    }
}

/// The encoder of that name with its defaults.
///
/// # Panics
/// When there is none of that name.
pub fn named(name: &str) -> Box<dyn Encoder> {
    simple(name, None, "\n", false)
}

fn of_plugin(plugin: &Plugin, cx: &mut BuildCx<'_>) -> Option<Box<dyn Encoder>> {
    let name = plugin.name.value.as_str();
    let Some((name, specs)) = NAMES.iter().find(|(n, _)| *n == name) else {
        cx.report(unknown(plugin));
        return None;
    };
    let options = Options::new(plugin, PluginKind::Codec, specs, cx.variables, cx.diagnostics);
    let has = |name: &str| specs.iter().any(|s| s.name == name);
    let format = match has("format").then(|| options.string("format")).flatten() {
        Some(format) => Some(cx.template(&format.value, format.span)),
        None => None,
    };
    let delimiter = has("delimiter").then(|| options.string("delimiter")).flatten();
    let metadata = has("metadata") && options.boolean("metadata", false);
    Some(simple(name, format, delimiter.as_ref().map_or("\n", |d| d.value.as_str()), metadata))
}

fn simple(name: &str, format: Option<Template>, delimiter: &str, metadata: bool) -> Box<dyn Encoder> {
    match name {
        "dots" => Box::new(Dots),
        "json" => Box::new(Json),
        "json_lines" => Box::new(JsonLines::new(delimiter)),
        "line" => Box::new(Line::new(format, delimiter)),
        "plain" => Box::new(Line::new(format, "")),
        "rubydebug" => Box::new(RubyDebug { metadata }),
        other => unreachable!("`{other}` is none of the encoders' names"),
    }
}

fn unknown(plugin: &Plugin) -> Diagnostic {
    let name = plugin.name.value.as_str();
    if NOT_YET.contains(&name) {
        return Diagnostic::error("plugin-not-yet", format!("logdrive cannot encode with the codec `{name}` yet"))
            .at(plugin.name.span, "not yet");
    }
    let found = Diagnostic::error("unknown-plugin", format!("Couldn't find any codec plugin named '{name}'"))
        .at(plugin.name.span, "no codec of Logstash 8.19 has this name");
    match nearest(name, NAMES.iter().map(|(n, _)| *n).chain(NOT_YET.iter().copied())) {
        Some(near) => found.help(format!("did you mean `{near}`?")),
        None => found,
    }
}
