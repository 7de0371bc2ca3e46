//! The outputs by name: what options each has, and how it is built.
//!
//! Belongs here: the table. Must not be here: anything a single output knows.

use super::{Output, OutputCx, stdout};
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
}

/// An output, ready to be run.
pub struct Built {
    pub output: Arc<dyn Output>,
    /// A repair that was made, in one line for the start of a run.
    pub note: Option<String>,
}

type Build = fn(&Options, &mut BuildCx<'_>, OutputCx, &Extras) -> Option<Built>;

/// One output.
pub struct Entry {
    pub name: &'static str,
    pub options: &'static [OptionSpec],
    build: Build,
}

/// All outputs that are built, by name.
pub const OUTPUTS: &[Entry] = &[Entry { name: "stdout", options: stdout::OPTIONS, build: build_stdout }];

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
/// `out`.
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
    (entry.build)(&options, cx, out, extras)
}

fn plain(output: impl Output + 'static) -> Option<Built> {
    Some(Built { output: Arc::new(output), note: None })
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
