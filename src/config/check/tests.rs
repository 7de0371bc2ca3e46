//! Whole outputs, kept as files: `UPDATE_FIXTURES=1 cargo test config::check` writes them anew.

#![expect(clippy::disallowed_methods, reason = "fixtures are read from the disk")]

use std::fs;
use std::path::{Path, PathBuf};

use super::value::{Known, State, Types};
use super::{CheckInput, check, expr};
use crate::config::build::Ecs;
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::filebeat;
use crate::config::logstash;
use crate::config::logstash::ast::{SectionKind, Stmt};
use crate::config::render::render;
use crate::config::source::{FileId, SourceMap, Span};
use crate::config::variables::Variables;
use crate::event::{EscapeStyle, FieldRef};

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

/// What is known of one whole event.
fn known(value: &serde_json::Value) -> Known {
    use serde_json::Value as Json;
    let nowhere = Span::new(FileId(0), 0, 0);
    match value {
        Json::Null => Known::of(Types::NULL),
        Json::Bool(_) => Known::of(Types::BOOL),
        Json::Number(_) => Known::of(Types::NUM),
        Json::String(text) => Known::text(text, nowhere),
        Json::Array(_) => Known::of(Types::LIST),
        Json::Object(map) => {
            let children = map.iter().map(|(name, value)| (name.clone(), known(value))).collect();
            Known { children, ..Known::empty_map() }
        }
    }
}

/// The conditions that a real Logstash decided, decided from what is known of its input: never the other way round.
#[test]
fn decisions_agree_with_a_real_logstash() {
    let (mut decided, mut left_open) = (0, 0);
    for line in read("fixtures/recorded/cond.jsonl").lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("a case");
        let (Some(text), Some(inputs)) = (case["config"].as_str(), case["input"].as_array()) else { continue };
        let outputs = case["expect"]["events"].as_array().cloned().unwrap_or_default();
        let mut sources = SourceMap::new();
        let id = sources.add("case", text);
        let (config, found) = logstash::parse(id, text, false);
        // events that real Logstash lost leave no trace of which they were
        if found.iter().any(|d| d.stops_run) || outputs.len() != inputs.len() {
            continue;
        }
        for (input, output) in inputs.iter().zip(&outputs) {
            let mut state = State::empty();
            for (name, value) in input.as_object().expect("an event") {
                if name != "tags" && name != "@timestamp" {
                    state.set(&FieldRef::top(name), known(value));
                }
            }
            state.tags.open = true;
            let tags: Vec<&str> = output["tags"].as_array().into_iter().flatten().filter_map(|t| t.as_str()).collect();
            for statement in config.statements(SectionKind::Filter) {
                let Stmt::Branch(branch) = statement else { break };
                let arm = &branch.arms[0];
                let written = sources.text(arm.span);
                let Some(tag) = written.split("add_tag => [\"").nth(1).and_then(|t| t.split('"').next()) else { break };
                let cond = arm.cond.as_ref().expect("the first arm has one");
                let real = tags.contains(&tag);
                match expr::decide(cond, &state, EscapeStyle::None, &mut |_| {}) {
                    Some(verdict) => {
                        assert_eq!(verdict, real, "{}: {} on {input}", case["id"], sources.text(cond.span));
                        decided += 1;
                    }
                    None => left_open += 1,
                }
                assert!(
                    expr::assume(cond, real, &mut state.clone(), EscapeStyle::None),
                    "{}: {} on {input} was {real}",
                    case["id"],
                    sources.text(cond.span)
                );
            }
        }
    }
    assert!(decided > 400, "only {decided} decided, {left_open} left open");
}
