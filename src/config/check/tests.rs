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
        filebeat_complete: true,
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

/// `fixtures/check/<id>.conf`, with `<id>.yml` where the agent matters, has that finding among its own.
#[test]
fn every_finding_has_a_fixture() {
    let mut names: Vec<String> = fs::read_dir(root("fixtures/check"))
        .expect("the folder is there")
        .filter_map(|e| Some(e.ok()?.file_name().to_str()?.strip_suffix(".conf")?.to_string()))
        .collect();
    names.sort();
    let mut ids = super::IDS.to_vec();
    ids.sort();
    assert_eq!(names, ids, "one fixture for each finding");
    for id in names {
        let (conf, beat) = (format!("fixtures/check/{id}.conf"), format!("fixtures/check/{id}.yml"));
        let beat = root(&beat).exists().then_some(beat.as_str());
        let text = rendered(beat, &conf);
        assert!(text.contains(&format!("[{id}]")), "{id}: {text}");
        is_as_kept(&format!("fixtures/check/{id}.txt"), &text);
    }
}

#[test]
fn correct_configurations_are_silent() {
    for folder in ["pipelines/fin-pre-assist", "pipelines/quickstart"] {
        let (beat, conf) = (format!("{folder}/filebeat.yml"), format!("{folder}/logstash.conf"));
        assert_eq!(rendered(Some(&beat), &conf), "", "{folder}");
        assert_eq!(rendered(None, &conf), "", "{folder}");
    }
}

#[test]
fn throw_away_real() {
    let Ok(dir) = std::env::var("REAL") else { return };
    let mut n = 0;
    let mut total = 0;
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let ports = "filebeat.inputs:\n- type: log\n  paths: [/var/log/x.log]\n  fields: {env: prod}\n- type: container\n  paths: [/a/*.log]\noutput.logstash.hosts: [\"localhost:5044\", \"l:5043\", \"l:5000\", \"l:5045\"]\n";
    for f in files.iter().filter(|f| f.extension().is_some_and(|e| e == "conf")) {
        let text = fs::read_to_string(f).unwrap();
        let mut sources = SourceMap::new();
        let id = sources.add("x", text.as_str());
        let (_, found) = logstash::parse(id, &text, false);
        if found.iter().any(|d| d.stops_run) {
            continue;
        }
        n += 1;
        for beat in [None, Some(("filebeat.yml", ports))] {
            let name = f.file_name().unwrap().to_str().unwrap();
            let started = std::time::Instant::now();
            let (found, sources) = checked(beat, &[(name, &text)]);
            total += found.len();
            println!(
                "#### {name} with beat: {} -> {} ({:?})\n{}",
                beat.is_some(),
                found.len(),
                started.elapsed(),
                render(&found, &sources, false)
            );
        }
    }
    println!("{n} files, {total} findings");
}
