//! The filter, from its text in a configuration to the event.

#![allow(clippy::disallowed_methods, reason = "tests read their cases from disk")]

use super::*;
use crate::config::diagnostic::Severity;
use crate::config::logstash::ast::{SectionKind, Stmt};
use crate::config::logstash::parse;
use crate::config::options::PluginKind;
use crate::config::variables::Variables;
use crate::event::Arena;
use crate::event::json::{self, Decimals};
use std::time::Duration;

/// A clock that stands.
struct Still(Timestamp);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        self.0
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    fn sleep(&self, _: Duration) -> crate::world::BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

fn at(text: &str) -> Still {
    Still(Timestamp::parse(text).unwrap())
}

/// Compiles the first filter of a configuration, which must be a date filter.
fn compile(text: &str) -> (Option<DateFilter>, SourceMap, Vec<Diagnostic>) {
    let mut sources = SourceMap::new();
    let file = sources.add("t.conf", text);
    let (config, mut diags) = parse(file, text, false);
    let Some(Stmt::Plugin(plugin)) = config.statements(SectionKind::Filter).next() else { panic!("a filter: {text}") };
    assert_eq!(plugin.name.value, "date");
    let variables = Variables { lookup: &|_| None, undefined: Severity::Error };
    let options = Options::new(plugin, PluginKind::Filter, OPTIONS, &variables, &mut diags);
    let filter = build(&Config::new(&options), EscapeStyle::None, Zone::Utc, &sources, &mut diags);
    (filter, sources, diags)
}

/// The event's fields after the filter as JSON, sorted by name.
fn run(filter: &DateFilter, event: &str, clock: &Still) -> Result<serde_json::Value, Fault> {
    let arena = Arena::new();
    let Ok(Value::Map(map)) = json::parse(&arena, event, Decimals::Double) else { panic!("an event: {event}") };
    let mut e = Event::new(&arena, Default::default());
    for (name, value) in map.entries {
        let time = value.as_str().filter(|_| *name == "@timestamp").and_then(Timestamp::parse);
        e.push(name, time.map_or(*value, Value::Timestamp));
    }
    filter.run(&mut e, clock)?;
    let mut out = vec![];
    json::write_entries(e.fields(), &mut out);
    Ok(serde_json::from_slice(&out).unwrap())
}

/// What a real Logstash 8.19.0 printed (fixtures/recorded/date.jsonl), on the day it was recorded.
#[test]
fn recorded_cases() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/recorded/date.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let clock = at("2026-11-23T12:00:00Z");
    let (mut cases, mut events) = (0, 0);
    for line in text.lines() {
        let line = line.replace("{{year}}", "2026");
        let case: serde_json::Value = serde_json::from_str(&line).unwrap();
        let id = case["id"].as_str().unwrap();
        let (filter, _, diags) = compile(case["config"].as_str().unwrap());
        cases += 1;
        let expect = &case["expect"];
        if expect["config_error"] == true {
            let message = expect["message_contains"].as_str().unwrap();
            assert!(filter.is_none(), "{id}");
            assert!(diags.iter().any(|d| d.message.contains(message) && d.primary.is_some()), "{id}: {diags:?}");
            continue;
        }
        let filter = filter.unwrap_or_else(|| panic!("{id}: {diags:?}"));
        for (input, want) in case["input"].as_array().unwrap().iter().zip(expect["events"].as_array().unwrap()) {
            let mut got = run(&filter, &input.to_string(), &clock).unwrap();
            got["@version"] = "1".into();
            if id == "rec/date/into-existing" {
                // the case has a second filter: add_field => { "s" => "%{t}" }
                got["s"] = got["t"].clone();
            }
            assert_eq!(&got, want, "{id}: {input}");
            events += 1;
        }
    }
    assert_eq!((cases, events > 300), (58, true));
}

#[test]
fn a_missing_year_is_guessed() {
    for (config, now, text, want) in [
        (r#"match => ["t","MMM dd HH:mm:ss"]"#, "2014-01-01T00:30:50Z", "Dec 31 23:59:00", "2013-12-31T23:59:00.000Z"),
        (r#"match => ["t","MMM dd HH:mm:ss"]"#, "2013-12-31T15:59:50Z", "Jan 01 01:00:00", "2014-01-01T01:00:00.000Z"),
        (r#"match => ["t","MMM dd HH:mm:ss"]"#, "2013-12-31T15:59:50Z", "Nov 01 01:00:00", "2013-11-01T01:00:00.000Z"),
        (r#"match => ["t","MMM dd"]"#, "2024-06-01T00:00:00Z", "Feb 29", "2024-02-29T00:00:00.000Z"),
        (r#"match => ["t","MMM dd"]"#, "2023-06-01T00:00:00Z", "Feb 29", "fails"),
        // clocks go forward on this day in 2016
        (
            r#"match => ["t","MMM dd HH:mm:ss"] timezone => "CET""#,
            "2016-03-29T23:59:50Z",
            "Mar 27 01:59:59",
            "2016-03-27T00:59:59.000Z",
        ),
        (r#"match => ["t","MMM dd HH:mm:ss"] timezone => "CET""#, "2016-03-29T23:59:50Z", "Mar 27 02:00:01", "fails"),
        (
            r#"match => ["t","MMM dd HH:mm:ss"] timezone => "CET""#,
            "2016-03-29T23:59:50Z",
            "Mar 27 03:00:01",
            "2016-03-27T01:00:01.000Z",
        ),
        // an offset is heard, a zone's name is not: without a year the text counts as local
        (
            r#"match => ["t","MMM dd HH:mm:ss Z"]"#,
            "2024-11-24T00:00:00Z",
            "Nov 24 01:29:01 -0800",
            "2024-11-24T09:29:01.000Z",
        ),
        (
            r#"match => ["t","MMM dd HH:mm:ss z"]"#,
            "2024-11-24T00:00:00Z",
            "Nov 24 01:29:01 PST",
            "2024-11-24T01:29:01.000Z",
        ),
        // two digits lie around 30 years ago
        (r#"match => ["t","dd.MM.yy"]"#, "2024-11-24T00:00:00Z", "01.02.43", "2043-02-01T00:00:00.000Z"),
        (r#"match => ["t","dd.MM.yy"]"#, "2024-11-24T00:00:00Z", "01.02.44", "1944-02-01T00:00:00.000Z"),
    ] {
        let (filter, _, diags) = compile(&format!("filter {{ date {{ target => \"out\" {config} }} }}"));
        assert!(diags.is_empty(), "{diags:?}");
        let event = serde_json::json!({ "t": text }).to_string();
        let got = run(&filter.unwrap(), &event, &at(now)).unwrap();
        assert_eq!(got["out"].as_str().unwrap_or("fails"), want, "{config} {text} in {now}");
    }
}

#[test]
fn values_and_targets() {
    let fails = r#""tags":["_dateparsefailure"]"#;
    for (config, event, want) in [
        (
            r#"match => ["[a][b]","ISO8601"]"#,
            r#"{"a":{"b":"2013-01-01T00:00:00.000Z"}}"#,
            r#"{"a":{"b":"2013-01-01T00:00:00.000Z"},"@timestamp":"2013-01-01T00:00:00.000Z"}"#,
        ),
        (
            r#"match => ["t","UNIX_MS"] target => "[a][b]""#,
            r#"{"t":1000000000123}"#,
            r#"{"t":1000000000123,"a":{"b":"2001-09-09T01:46:40.123Z"}}"#,
        ),
        (r#"match => ["t","UNIX_MS"]"#, r#"{"t":"1.5"}"#, r#"{"t":"1.5",F}"#),
        (r#"match => ["t","UNIX_MS"]"#, r#"{"t":1.9}"#, r#"{"t":1.9,"@timestamp":"1970-01-01T00:00:00.001Z"}"#),
        (r#"match => ["t","ISO8601","UNIX"]"#, r#"{"t":5}"#, r#"{"t":5,"@timestamp":"1970-01-01T00:00:05.000Z"}"#),
        (
            r#"match => ["t","ISO8601"] locale => "sw""#,
            r#"{"t":"2013"}"#,
            r#"{"t":"2013","@timestamp":"2013-01-01T00:00:00.000Z"}"#,
        ),
        (
            r#"match => ["t","dd MMMM yyyy"] locale => "fr_FR""#,
            r#"{"t":"14 juillet 1789"}"#,
            r#"{"t":"14 juillet 1789","@timestamp":"1789-07-14T00:00:00.000Z"}"#,
        ),
        (
            r#"match => ["t","UNIX"] tag_on_failure => ["x","y"]"#,
            r#"{"t":"z","tags":["y"]}"#,
            r#"{"t":"z","tags":["y","x"]}"#,
        ),
        (r#"match => ["t","UNIX"]"#, r#"{"t":"z","tags":["_dateparsefailure"]}"#, r#"{"t":"z",F}"#),
        (r#"match => ["t","UNIX"]"#, r#"{"u":"z"}"#, r#"{"u":"z"}"#),
        // the time zone only matters to texts
        (
            r#"match => ["t","yyyy","UNIX"] timezone => "%{z}""#,
            r#"{"t":"5"}"#,
            r#"{"t":"5","@timestamp":"1970-01-01T00:00:05.000Z"}"#,
        ),
    ] {
        let (filter, _, diags) = compile(&format!("filter {{ date {{ {config} }} }}"));
        assert!(diags.is_empty(), "{diags:?}");
        let got = run(&filter.unwrap(), event, &at("2024-01-01T00:00:00Z")).unwrap();
        let want: serde_json::Value = serde_json::from_str(&want.replace(",F", &format!(",{fails}"))).unwrap();
        assert_eq!(got, want, "{config} on {event}");
    }
}

/// Where real Logstash stops its pipeline the event goes on as a fault.
#[test]
fn what_the_original_dies_of_is_a_fault() {
    let clock = at("2024-01-01T00:00:00Z");
    let (filter, ..) = compile(r#"filter { date { match => ["t","TAI64N"] } }"#);
    let filter = filter.unwrap();
    for text in ["@4000000065e6f0a0", "@4000000000000000", "x", "@zz", "", "日本"] {
        let event = serde_json::json!({ "t": text }).to_string();
        assert_eq!(run(&filter, &event, &clock).unwrap_err().reason, "filter-raised", "{text}");
    }
    // long enough, and no number
    let got = run(&filter, r#"{"t":"zzzzzzzzzzzzzzzzzzzzzzzz"}"#, &clock).unwrap();
    assert_eq!(got["tags"][0], "_dateparsefailure");
    let (filter, ..) = compile(r#"filter { date { match => ["t","UNIX"] target => "[t][u]" } }"#);
    assert_eq!(run(&filter.unwrap(), r#"{"t":"5"}"#, &clock).unwrap_err().reason, "filter-raised");
}

#[test]
fn mistakes_point_at_their_text() {
    for (config, id, message, place) in [
        (r#"match => ["t", "yyyy-TT"]"#, "date-pattern", "Illegal pattern component: TT", "TT"),
        (r#"match => ["t", ""]"#, "date-pattern", "Invalid pattern specification", ""),
        (r#"match => ["t", "HH zzzz"]"#, "date-pattern", "`zzzz` can be printed but not read", "HH zzzz"),
        (r#"match => ["t", "yyyy"] timezone => "Nope""#, "date-timezone", "'Nope' is not recognised", "\"Nope\""),
        (r#"match => ["t", "MMM"] locale => "sw""#, "date-locale", "`sw`", "\"sw\""),
        (r#"match => ["t"]"#, "date-match", "current value is [\"t\"]", "[\"t\"]"),
        (r#"match => ["t", "UNIX"] targte => "x""#, "unknown-option", "targte", "targte"),
        (r#"match => ["t[", "UNIX"]"#, "field-reference", "`t[`", "\"t[\""),
    ] {
        let text = format!("filter {{ date {{ {config} }} }}");
        let (filter, sources, diags) = compile(&text);
        let [diag] = diags.as_slice() else { panic!("{config}: {diags:?}") };
        assert_eq!(diag.id, id, "{config}");
        assert!(diag.message.contains(message), "{config}: {}", diag.message);
        assert_eq!(sources.text(diag.primary.as_ref().unwrap().span), place, "{config}");
        assert_eq!(filter.is_none(), diag.stops_run && id != "unknown-option", "{config}");
    }
}
