//! filebeat.yml: files, overrides and environment in, the typed configuration of the agent side and findings out.
//!
//! Belongs here: how settings are made of YAML (`ucfg`), typed reading (`options`), one file per part of the configuration.
//! Must not be here: anything that runs events or opens files; what `logdrive check` finds by looking at both configurations.
//!
//! Every option Filebeat 8 knows is read into the typed result, or stands in a table with what becomes of it
//! ([`options::Kind`]): not there yet (an error with its place), or without effect by its nature (with the reason).
//! Documentation: <https://www.elastic.co/guide/en/beats/filebeat/8.5/configuring-howto-filebeat.html>.

pub mod condition;
pub mod general;
pub mod inputs;
pub mod options;
pub mod outputs;
pub mod processors;
pub mod re2;
pub mod ucfg;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::time::Duration;

use super::diagnostic::Diagnostic;
use super::source::{FileId, SourceMap, Span, Spanned};
use super::yaml::Node;
use general::{Included, Logging, Paths, Queue, Registry};
use inputs::InputConfig;
use options::Section;
use outputs::OutputConfig;
use processors::ProcessorConfig;

/// A whole configuration.
#[derive(Clone, Debug)]
pub struct Filebeat {
    /// The agent's name, the host's by default; becomes `agent.name` and `host.name`.
    pub name: Option<Spanned<String>>,
    pub tags: Vec<Spanned<String>>,
    /// A map; `None` when unset.
    pub fields: Option<Node>,
    pub fields_under_root: Option<Spanned<bool>>,
    pub inputs: Vec<InputConfig>,
    /// Globs of further files, whose presence must be reported.
    pub included: Vec<Included>,
    /// Of all inputs; they run after the input's own.
    pub processors: Vec<ProcessorConfig>,
    /// `None` when there is none to use; then something was reported.
    pub output: Option<OutputConfig>,
    pub logging: Logging,
    pub paths: Paths,
    pub queue: Queue,
    pub registry: Registry,
    /// How long to wait at the end for events on their way; zero (the default): not at all.
    pub shutdown_timeout: Duration,
    /// Threads that may run at once; `None`: one per core.
    pub max_procs: Option<usize>,
}

/// Reads the `-c` files in order (a later one wins), then the overrides (each source's text is one `key=value` of `-E`).
/// `path_home` is the default of `path.home`, on which the other paths depend.
///
/// Never fails: what cannot be read is reported and left out.
pub fn parse(
    sources: &SourceMap,
    files: &[FileId],
    overrides: &[FileId],
    path_home: &str,
    env: ucfg::Env<'_>,
) -> (Filebeat, Vec<Diagnostic>) {
    let defaults = [
        ("path.home", path_home.replace('$', "$$")),
        ("path.config", "${path.home}".to_string()),
        ("path.data", "${path.home}/data".to_string()),
        ("path.logs", "${path.home}/logs".to_string()),
    ];
    let (root, found) = ucfg::load(sources, &defaults, files, overrides, env);
    let found = RefCell::new(found);
    let head = Span::new(files.first().or(overrides.first()).copied().unwrap_or(FileId(0)), 0, 0);
    let section = Section::new("the configuration", Some(&root), head, &found);
    let filebeat = general::read(&section, head);
    (filebeat, found.into_inner())
}
