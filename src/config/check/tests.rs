//! Whole outputs, kept as files: `UPDATE_FIXTURES=1 cargo test config::check` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

use super::{CheckInput, check};
use crate::config::build::Ecs;
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::filebeat;
use crate::config::logstash;
use crate::config::render::render;
use crate::config::source::SourceMap;
use crate::config::variables::Variables;
use crate::event::EscapeStyle;

/// An agent with one input and the field `[fields][env]`.
pub const FIELDS_BEAT: &str = "filebeat.inputs:\n- type: log\n  paths: [/var/log/x.log]\n  fields: {env: prod}\noutput.logstash.hosts: [\"localhost:5044\"]\n";

/// Checks texts, each with its name.
pub fn checked(beat: Option<(&str, &str)>, confs: &[(&str, &str)]) -> (Vec<Diagnostic>, SourceMap) {
    let mut sources = SourceMap::new();
    let no_variable = |_: &str| None;
    let variables = Variables { lookup: &no_variable, undefined: Severity::Warning };
    let beat_file = beat.map(|(name, text)| sources.add(name, text));
    let mut configs = vec![];
    for (name, text) in confs {
        let id = sources.add(*name, *text);
        let (config, found) = logstash::parse(id, text, false);
        assert!(found.iter().all(|d| !d.stops_run), "{name}: {found:?}");
        configs.push(config);
    }
    let parsed = beat_file.map(|file| {
        let (filebeat, found) = filebeat::parse(&sources, &[file], &[], "/home", &no_variable);
        assert!(found.iter().all(|d| !d.stops_run), "{found:?}");
        filebeat
    });
    let input = CheckInput {
        sources: &sources,
        logstash: &configs,
        filebeat: parsed.as_ref(),
        ecs: Ecs::V8,
        escape: EscapeStyle::None,
        variables: &variables,
    };
    let found = check(&input);
    (found, sources)
}

/// The ids of what is found in a Logstash text alone.
pub fn ids(conf: &str) -> Vec<&'static str> {
    checked(None, &[("a.conf", conf)]).0.into_iter().map(|d| d.id).collect()
}

/// The ids of what is found in an agent's text and a Logstash text together.
pub fn ids_with(beat: &str, conf: &str) -> Vec<&'static str> {
    checked(Some(("filebeat.yml", beat)), &[("a.conf", conf)]).0.into_iter().map(|d| d.id).collect()
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(root(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn rendered(beat: Option<&str>, conf: &str) -> String {
    let (beat_text, conf_text) = (beat.map(read), read(conf));
    let beat = beat.zip(beat_text.as_deref());
    let (found, sources) = checked(beat, &[(conf, &conf_text)]);
    render(&found, &sources, false)
}

fn is_as_kept(path: &str, now: &str) {
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs::create_dir_all(root(path).parent().unwrap()).unwrap();
        fs::write(root(path), now).unwrap();
    }
    assert_eq!(now, read(path), "{path} differs");
}

#[test]
fn the_seeds_files() {
    is_as_kept("fixtures/check/seed.txt", &rendered(Some("fixtures/seed/filebeat.yml"), "fixtures/seed/logstash.conf"));
    is_as_kept("fixtures/check/seed-alone.txt", &rendered(None, "fixtures/seed/logstash.conf"));
}

#[test]
fn correct_configurations_are_silent() {
    for folder in ["pipelines/fin-pre-assist", "pipelines/quickstart"] {
        let (beat, conf) = (format!("{folder}/filebeat.yml"), format!("{folder}/logstash.conf"));
        assert_eq!(rendered(Some(&beat), &conf), "", "{folder}");
        assert_eq!(rendered(None, &conf), "", "{folder}");
    }
}
