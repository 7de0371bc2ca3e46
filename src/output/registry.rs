//! The outputs by name: what options each has, and how it is built.
//!
//! Belongs here: the table. Must not be here: anything a single output knows.

use super::local::{Local, Sends};
use super::{Output, OutputCx, alertmanager, elasticsearch, file, http, null, stdout};
use crate::config::build::BuildCx;
use crate::config::diagnostic::Diagnostic;
use crate::config::logstash::ast::Plugin;
use crate::config::options::{OptionSpec, Options, PluginKind, nearest};
use std::path::PathBuf;
use std::sync::Arc;

/// What outputs are built with beside their options.
#[derive(Clone)]
pub struct Extras {
    /// `--strict`: repairs are off.
    pub strict: bool,
    /// Where stdout outputs write.
    pub stdout: stdout::Writer,
    /// `path.data`: where state lies that survives a restart.
    pub path_data: PathBuf,
    /// `--local`: what stands in for Elasticsearch and Alertmanager.
    pub local: Option<Arc<Local>>,
}

/// An output, ready to be run.
pub struct Built {
    pub output: Arc<dyn Output>,
    /// A repair that was made, in one line for the start of a run.
    pub note: Option<String>,
    pub sends: Sends,
}

type Build = fn(&Options, &mut BuildCx<'_>, OutputCx, &Extras) -> Option<Built>;

/// One output.
pub struct Entry {
    pub name: &'static str,
    pub options: &'static [OptionSpec],
    build: Build,
}

/// All outputs that are built, by name.
pub const OUTPUTS: &[Entry] = &[
    Entry { name: "alertmanager", options: alertmanager::OPTIONS, build: build_alertmanager },
    Entry { name: "elasticsearch", options: elasticsearch::OPTIONS, build: build_elasticsearch },
    Entry { name: "file", options: file::OPTIONS, build: build_file },
    Entry { name: "http", options: http::OPTIONS, build: build_http },
    Entry { name: "null", options: null::OPTIONS, build: build_null },
    Entry { name: "sink", options: null::OPTIONS, build: build_null },
    Entry { name: "stdout", options: stdout::OPTIONS, build: build_stdout },
];

/// The other outputs that Logstash 8.19 brings along or that are well known.
pub const NOT_YET: &[&str] = &[
    "beats",
    "cloudwatch",
    "csv",
    "datadog_metrics",
    "elastic_app_search",
    "elastic_workplace_search",
    "email",
    "exec",
    "gelf",
    "graphite",
    "jira",
    "kafka",
    "loki",
    "lumberjack",
    "nagios",
    "opensearch",
    "pagerduty",
    "pipe",
    "pipeline",
    "rabbitmq",
    "redis",
    "s3",
    "sns",
    "sqs",
    "statsd",
    "syslog",
    "tcp",
    "udp",
    "webhdfs",
    "websocket",
];

/// Builds the output that a plugin of the configuration asks for. The plugin's `id`, where it has one, replaces that of
/// `out`. With `local` the output is replaced by its stand-in, where it has one.
pub fn build(plugin: &Plugin, cx: &mut BuildCx<'_>, mut out: OutputCx, extras: &Extras) -> Option<Built> {
    let name = plugin.name.value.as_str();
    let Some(entry) = OUTPUTS.iter().find(|e| e.name == name) else {
        cx.report(unknown(plugin));
        return None;
    };
    let options = Options::new(plugin, PluginKind::Output, entry.options, cx.variables, cx.diagnostics);
    if let Some(id) = options.string("id") {
        out.id = id.value;
    }
    let built = (entry.build)(&options, cx, out.clone(), extras)?;
    Some(match &extras.local {
        // a note is about a server, and there is none
        Some(local) if built.sends != Sends::Other => {
            Built { output: local.wrap(built.output, built.sends, out), note: None, sends: built.sends }
        }
        _ => built,
    })
}

fn plain(output: impl Output + 'static) -> Option<Built> {
    Some(Built { output: Arc::new(output), note: None, sends: Sends::Other })
}

fn build_alertmanager(options: &Options, cx: &mut BuildCx<'_>, out: OutputCx, extras: &Extras) -> Option<Built> {
    let output = alertmanager::Alertmanager::new(alertmanager::build(options, cx)?, &extras.path_data, out);
    Some(Built { output: Arc::new(output), note: None, sends: Sends::Alerts })
}

fn build_elasticsearch(options: &Options, cx: &mut BuildCx<'_>, out: OutputCx, _: &Extras) -> Option<Built> {
    let output = elasticsearch::Elasticsearch::new(elasticsearch::build(options, cx)?, out);
    Some(Built { output: Arc::new(output), note: None, sends: Sends::Documents })
}

fn build_file(options: &Options, cx: &mut BuildCx<'_>, out: OutputCx, _: &Extras) -> Option<Built> {
    plain(file::File::new(file::build(options, cx)?, out))
}

fn build_http(options: &Options, cx: &mut BuildCx<'_>, out: OutputCx, extras: &Extras) -> Option<Built> {
    let http = http::Http::new(http::build(options, cx)?, extras.strict, out);
    let sends = if http.sends_alerts() { Sends::Alerts } else { Sends::Other };
    Some(Built { note: http.repair_note(), output: Arc::new(http), sends })
}

fn build_null(_: &Options, _: &mut BuildCx<'_>, out: OutputCx, _: &Extras) -> Option<Built> {
    plain(null::Null::new(&out))
}

fn build_stdout(options: &Options, cx: &mut BuildCx<'_>, out: OutputCx, extras: &Extras) -> Option<Built> {
    plain(stdout::Stdout::new(stdout::build(options, cx)?, Arc::clone(&extras.stdout), out))
}

fn unknown(plugin: &Plugin) -> Diagnostic {
    let name = plugin.name.value.as_str();
    if NOT_YET.contains(&name) {
        return Diagnostic::error("plugin-not-yet", format!("logdrive does not have the output `{name}` yet"))
            .at(plugin.name.span, "not yet");
    }
    let found = Diagnostic::error("unknown-plugin", format!("Couldn't find any output plugin named '{name}'"))
        .at(plugin.name.span, "no output of Logstash 8.19 has this name");
    match nearest(name, OUTPUTS.iter().map(|e| e.name).chain(NOT_YET.iter().copied())) {
        Some(near) => found.help(format!("did you mean `{near}`?")),
        None => found,
    }
}
