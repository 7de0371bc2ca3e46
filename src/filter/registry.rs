//! The filters by name: what options each has, and how it is built.
//!
//! Belongs here: the table. Must not be here: anything a single filter knows.

use super::common::CommonOptions;
use super::program::FilterNode;
use super::{Filter, date, drop, grok, json, mutate};
use crate::config::build::BuildCx;
use crate::config::diagnostic::Diagnostic;
use crate::config::logstash::ast::Plugin;
use crate::config::options::{OptionSpec, Options, PluginKind, nearest};

/// Builds a filter from its options; what is wrong has been reported when it gives nothing.
pub type Build = fn(&Options, &mut BuildCx<'_>) -> Option<Box<dyn Filter>>;

/// One filter.
pub struct Entry {
    pub name: &'static str,
    pub options: &'static [OptionSpec],
    pub build: Build,
}

/// All filters that are built, by name.
pub const FILTERS: &[Entry] = &[
    Entry { name: "date", options: date::OPTIONS, build: build_date },
    Entry { name: "drop", options: drop::OPTIONS, build: drop::build },
    Entry { name: "grok", options: grok::OPTIONS, build: build_grok },
    Entry { name: "json", options: json::OPTIONS, build: json::build },
    Entry { name: "mutate", options: mutate::OPTIONS, build: mutate::build },
];

/// The other filters that Logstash 8.19 brings along.
pub const NOT_YET: &[&str] = &[
    "aggregate",
    "anonymize",
    "cidr",
    "clone",
    "csv",
    "de_dot",
    "dissect",
    "dns",
    "elastic_integration",
    "elasticsearch",
    "fingerprint",
    "geoip",
    "http",
    "jdbc_static",
    "jdbc_streaming",
    "kv",
    "memcached",
    "metrics",
    "prune",
    "ruby",
    "sleep",
    "split",
    "syslog_pri",
    "throttle",
    "translate",
    "truncate",
    "urldecode",
    "useragent",
    "uuid",
    "xml",
];

/// Builds the filter that a plugin of the configuration asks for, with its common options.
pub fn build(plugin: &Plugin, cx: &mut BuildCx<'_>) -> Option<FilterNode> {
    let name = plugin.name.value.as_str();
    let Some(entry) = FILTERS.iter().find(|e| e.name == name) else {
        cx.report(unknown(plugin));
        return None;
    };
    let options = Options::new(plugin, PluginKind::Filter, entry.options, cx.variables, cx.diagnostics);
    let common = CommonOptions::from_options(&options, cx);
    let filter = (entry.build)(&options, cx)?;
    Some(FilterNode { filter, common })
}

fn build_date(options: &Options, cx: &mut BuildCx<'_>) -> Option<Box<dyn Filter>> {
    let config = date::Config::new(options);
    let filter = date::build(&config, cx.escape, cx.zone, cx.sources, cx.diagnostics)?;
    Some(Box::new(filter))
}

fn build_grok(options: &Options, cx: &mut BuildCx<'_>) -> Option<Box<dyn Filter>> {
    let config = grok::Config::new(options, cx.ecs.is_on(), cx.diagnostics);
    let slot = cx.slot();
    let filter = grok::build(&config, cx.escape, slot, cx.sources, &*cx.world.fs, cx.diagnostics)?;
    Some(Box::new(filter))
}

fn unknown(plugin: &Plugin) -> Diagnostic {
    let name = plugin.name.value.as_str();
    if NOT_YET.contains(&name) {
        return Diagnostic::error("plugin-not-yet", format!("logdrive does not have the filter `{name}` yet"))
            .at(plugin.name.span, "not yet");
    }
    let found = Diagnostic::error("unknown-plugin", format!("Couldn't find any filter plugin named '{name}'"))
        .at(plugin.name.span, "no filter of Logstash 8.19 has this name");
    match nearest(name, FILTERS.iter().map(|e| e.name).chain(NOT_YET.iter().copied())) {
        Some(near) => found.help(format!("did you mean `{near}`?")),
        None => found,
    }
}
