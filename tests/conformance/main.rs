//! The recorded cases (`fixtures/recorded`): what a real Logstash 8.19.0 printed, compared with what the filters here
//! make of the same configuration and events, in this process: parse, build, run over one batch.
//!
//! `known-failures.txt` lists the cases that fail. A case that is not in it must pass; one that is in it and passes must
//! be taken out.

#![allow(clippy::disallowed_methods, reason = "tests read their cases from disk")]

use logdrive::codec::decode::{self, DecodeCx, Decoder, Framing};
use logdrive::config::build::{BuildCx, Ecs};
use logdrive::config::diagnostic::{Diagnostic, Severity};
use logdrive::config::logstash::ast::{SectionKind, Stmt};
use logdrive::config::logstash::parse;
use logdrive::config::lower::lower_filters;
use logdrive::config::options::{OptType, OptionSpec, Options, PluginKind};
use logdrive::config::source::SourceMap;
use logdrive::config::variables::Variables;
use logdrive::event::json::{self, Decimals};
use logdrive::event::{Arena, Batch, EscapeStyle, Map, Origin, Timestamp, Value};
use logdrive::filter::Scratch;
use logdrive::input::common::Decoration;
use logdrive::output::write_document;
use logdrive::world::still;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The day on which the cases were recorded; `{{year}}` is its year.
const NOW: &str = "2026-11-23T12:00:00Z";
const YEAR: &str = "2026";

const ECS: OptionSpec = OptionSpec::new("ecs_compatibility", OptType::String);

fn text<'b>(map: &Map<'b>, name: &str) -> Option<&'b str> {
    map.get(name).and_then(|v| v.as_str())
}

fn is_true(map: &Map<'_>, name: &str) -> bool {
    map.get(name) == Some(Value::Bool(true))
}

#[test]
fn recorded_cases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let known_text = std::fs::read_to_string(root.join("tests/conformance/known-failures.txt")).unwrap();
    let known: BTreeSet<&str> =
        known_text.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_whitespace().next()).collect();
    let mut areas: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    let (mut broken, mut mended, mut seen) = (vec![], vec![], 0);
    let mut files: Vec<_> =
        std::fs::read_dir(root.join("fixtures/recorded")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "jsonl")) {
        let area = file.file_stem().unwrap().to_str().unwrap().to_string();
        for line in std::fs::read_to_string(file).unwrap().lines() {
            // numbers that JSON does not have; such cases carry the lines as printed too
            let line = line.replace(": Infinity", ": 0").replace(": -Infinity", ": 0");
            let arena = Arena::new();
            let parsed = json::parse(&arena, &line, Decimals::Big).unwrap();
            let case = parsed.as_map().unwrap();
            if is_true(case, "doubtful") {
                continue;
            }
            seen += 1;
            let id = text(case, "id").unwrap();
            let result = run(&arena, case);
            let counts = areas.entry(area.clone()).or_default();
            match result {
                Ok(()) => {
                    counts.0 += 1;
                    if known.contains(id) {
                        mended.push(id.to_string());
                    }
                }
                Err(why) => {
                    counts.1 += 1;
                    if !known.contains(id) {
                        broken.push(format!("{id}: {why}"));
                    } else if std::env::var_os("CONFORMANCE_SHOW").is_some() {
                        println!("{id}: {why}");
                    }
                }
            }
        }
    }
    println!("{:12} {:>7} {:>7}", "area", "passed", "failed");
    for (area, (passed, failed)) in &areas {
        println!("{area:12} {passed:7} {failed:7}");
    }
    assert!(seen > 400, "all recorded cases are there: {seen}");
    assert!(broken.is_empty(), "cases that must pass fail:\n{}", broken.join("\n"));
    assert!(mended.is_empty(), "take them out of known-failures.txt, they pass:\n{}", mended.join("\n"));
}

/// Runs one case; says what differs.
fn run<'c>(arena: &'c Arena, case: &Map<'c>) -> Result<(), String> {
    let expect = case.get("expect").and_then(|v| v.as_map()).ok_or("no expectation")?;
    let settings = case.get("settings").and_then(|v| v.as_map()).ok_or("no settings")?;
    let mut config = text(case, "config").ok_or("no config")?.to_string();
    if let Some(input) = text(case, "input_config") {
        config = format!("input {{ {input} }}\n{config}");
    }
    let mut sources = SourceMap::new();
    let file = sources.add("pipeline.conf", config.clone());
    let escapes = is_true(settings, "config.support_escapes");
    let (tree, mut diagnostics) = parse(file, &config, escapes);
    let now = Timestamp::parse(NOW).unwrap();
    let world = still::world(now, 0);
    let variables = Variables { lookup: &|_| None, undefined: Severity::Error };
    let mut cx = BuildCx::new(&mut diagnostics, &world, &variables, &sources);
    cx.support_escapes = escapes;
    if let Some(ecs) = text(settings, "pipeline.ecs_compatibility") {
        cx.ecs = Ecs::by_name(ecs).ok_or("unknown ecs_compatibility")?;
    }
    cx.escape = match text(settings, "config.field_reference.escape_style") {
        Some("percent") => EscapeStyle::Percent,
        Some("ampersand") => EscapeStyle::Ampersand,
        _ => EscapeStyle::None,
    };
    let input = input(tree.statements(SectionKind::Input), &mut cx);
    let program = lower_filters(tree.statements(SectionKind::Filter), &mut cx);
    let stopping: Vec<&Diagnostic> = diagnostics.iter().filter(|d| d.stops_run).collect();
    if is_true(expect, "config_error") {
        if stopping.is_empty() {
            return Err("the configuration was accepted".into());
        }
        let undone: Vec<&str> = stopping.iter().map(|d| d.id).filter(|id| id.contains("not-yet")).collect();
        return if undone.is_empty() { Ok(()) } else { Err("refused only because something is not done yet".into()) };
    }
    if let Some(first) = stopping.first() {
        return Err(format!("refused: {}: {}", first.id, first.message));
    }
    let (decoder, decoration) = input.ok_or("no input")?;

    let chunk = match text(case, "stdin_b64") {
        Some(base64) => {
            use base64::Engine;
            base64::engine::general_purpose::STANDARD.decode(base64).map_err(|e| e.to_string())?
        }
        None => {
            let mut chunk = vec![];
            for event in case.get("input").and_then(|v| v.as_list()).ok_or("no input")? {
                write_spaced(event, &mut chunk);
                chunk.push(b'\n');
            }
            chunk
        }
    };
    let mut batch = Batch::detached();
    batch.change(|mut b| {
        let chunk = b.keep(chunk.into());
        let Framing::Lines(delimiter) = decoder.framing() else { panic!("stdin reads lines") };
        assert_eq!(delimiter, b"\n");
        for line in chunk.strip_suffix(b"\n").unwrap_or(chunk).split(|c| *c == b'\n') {
            let mut cx = DecodeCx { arena: b.arena, now, origin: Origin::default(), chunk, events: b.events };
            decoder.decode(line, &mut cx);
        }
        for event in b.events.iter_mut() {
            decoration.apply(event, &world);
        }
    });
    let ran = program.run(&mut batch, &world, &mut Scratch::default());
    if is_true(case, "needs_metadata") {
        batch.change(|b| {
            for e in b.events.iter_mut() {
                let metadata = Value::Map(e.metadata());
                e.set_top("__metadata", metadata);
            }
        });
    }
    let events = batch.events();
    let got: Vec<String> = ran
        .live
        .iter()
        .map(|&at| {
            let mut out = vec![];
            write_document(&events[at as usize], &mut out);
            String::from_utf8(out).unwrap()
        })
        .collect();
    let got: Vec<Value<'_>> = got
        .iter()
        .map(|line| json::parse(arena, arena.alloc_str(line), Decimals::Big).map_err(|e| format!("{line}: {e}")))
        .collect::<Result<_, _>>()?;
    compare(arena, case, expect, &got)
}

/// Writes JSON with a blank after each comma and colon: so the events were fed when the cases were recorded, and a line
/// that is no event shows it.
fn write_spaced(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::List(l) => {
            out.push(b'[');
            for (n, v) in l.iter().enumerate() {
                if n > 0 {
                    out.extend_from_slice(b", ");
                }
                write_spaced(v, out);
            }
            out.push(b']');
        }
        Value::Map(m) => {
            out.push(b'{');
            for (n, (k, v)) in m.entries.iter().enumerate() {
                if n > 0 {
                    out.extend_from_slice(b", ");
                }
                json::write_str(k, out);
                out.extend_from_slice(b": ");
                write_spaced(v, out);
            }
            out.push(b'}');
        }
        other => json::write(other, out),
    }
}

/// The decoder of the case's input, json_lines where it has none of its own, and what the input adds.
fn input<'s>(
    mut statements: impl Iterator<Item = &'s Stmt>,
    cx: &mut BuildCx<'_>,
) -> Option<(Box<dyn Decoder>, Decoration)> {
    match statements.next() {
        None => Some((Box::new(decode::JsonLines::new(false, None, "\n")), Decoration::default())),
        Some(Stmt::Plugin(stdin)) => {
            let options = Options::new(stdin, PluginKind::Input, &[ECS], cx.variables, cx.diagnostics);
            let decoration = Decoration::from_options(&options, cx);
            Some((decode::build(&options, "line", true, cx)?, decoration))
        }
        Some(_) => panic!("an input section without conditions"),
    }
}

fn compare<'c>(arena: &'c Arena, case: &Map<'c>, expect: &Map<'c>, got: &[Value<'c>]) -> Result<(), String> {
    // the lines as printed tell how a number was written
    let raw = expect.get("raw").and_then(|v| v.as_list());
    let wanted: Vec<Value<'c>> = match raw {
        Some(lines) => lines
            .iter()
            .map(|l| json::parse(arena, l.as_str().unwrap_or(""), Decimals::Big).map_err(|e| e.to_string()))
            .collect::<Result<_, _>>()?,
        None => expect.get("events").and_then(|v| v.as_list()).ok_or("no events expected")?.to_vec(),
    };
    if wanted.len() != got.len() {
        return Err(format!("expected {} events, got {}", wanted.len(), got.len()));
    }
    let volatile: Vec<&str> =
        case.get("volatile").and_then(|v| v.as_list()).unwrap_or(&[]).iter().filter_map(|v| v.as_str()).collect();
    let years = is_true(case, "year_relative");
    for (n, (wanted, got)) in wanted.iter().zip(got).enumerate() {
        let (wanted, got) = (wanted.as_map().ok_or("no object")?, got.as_map().ok_or("no object")?);
        let names: BTreeSet<&str> = wanted.entries.iter().chain(got.entries).map(|(k, _)| *k).collect();
        for name in names.iter().filter(|name| !volatile.contains(*name)) {
            let same = match (wanted.get(name), got.get(name)) {
                (Some(a), Some(b)) => same(&a, &b, raw.is_some(), years),
                _ => false,
            };
            if !same {
                let (a, b) = (wanted.get(name), got.get(name));
                return Err(format!("[{n}] {name}: expected {a:?} got {b:?}").chars().take(600).collect());
            }
        }
    }
    Ok(())
}

/// Equal with types; numbers by their text where `tokens` are known, else by value.
fn same(a: &Value<'_>, b: &Value<'_>, tokens: bool, years: bool) -> bool {
    match (a, b) {
        (Value::Str(a), _) if years && *a == "{{year}}" => *b == Value::Int(YEAR.parse().unwrap()),
        (Value::Str(a), Value::Str(b)) if years => a.replace("{{year}}", YEAR) == *b,
        (Value::Number(a), Value::Number(b)) => {
            let decimal = |t: &str| t.contains(['.', 'e', 'E']);
            let equal = a.parse::<f64>().ok() == b.parse::<f64>().ok();
            a == b || (!tokens && decimal(a) && decimal(b) && equal)
        }
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b, tokens, years))
        }
        (Value::Map(a), Value::Map(b)) => {
            a.entries.len() == b.entries.len()
                && a.entries.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, &w, tokens, years)))
        }
        (a, b) => a == b,
    }
}
