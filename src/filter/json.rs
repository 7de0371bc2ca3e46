//! `json`: reads JSON out of a field.
//!
//! Original: <https://www.elastic.co/guide/en/logstash/8.19/plugins-filters-json.html>. Without `target` the names of the
//! document are field references, and what came before one that cannot be set stays. Decimals are kept as typed. Of
//! several documents in a row the last counts.
//! Deviations: none known.

use super::{Fault, Filter, FilterCx, Outcome};
use crate::config::build::{BuildCx, ECS_NAMES};
use crate::config::options::{OptType, OptionSpec, Options};
use crate::event::json::{self, Decimals, JsonError};
use crate::event::{Arena, EscapeStyle, Event, FieldRef, Map, Timestamp, Value, ruby};

/// The default of `tag_on_failure`.
pub const FAILURE_TAG: &str = "_jsonparsefailure";

/// The options of `json`. `ecs_compatibility` changes nothing but a hint in the original's log.
pub const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("source", OptType::String).required(),
    OptionSpec::new("target", OptType::FieldReference),
    OptionSpec::new("skip_on_invalid_json", OptType::Boolean),
    OptionSpec::new("tag_on_failure", OptType::Array),
    OptionSpec::new("ecs_compatibility", OptType::OneOf(ECS_NAMES)),
];

/// Builds the filter.
pub fn build(options: &Options, cx: &mut BuildCx<'_>) -> Option<Box<dyn Filter>> {
    let source = options.string("source")?;
    let target = match options.string("target") {
        Some(target) => Some(cx.field(&target.value, target.span)?),
        None => None,
    };
    let tags = options.strings("tag_on_failure").into_iter().map(|t| t.value).collect();
    Some(Box::new(Json {
        source: cx.late_field(&source.value, source.span),
        target,
        skip_on_invalid_json: options.boolean("skip_on_invalid_json", false),
        tag_on_failure: if options.is_set("tag_on_failure") { tags } else { vec![FAILURE_TAG.into()] },
        escape: cx.escape,
    }))
}

/// The filter.
#[derive(Debug)]
pub struct Json {
    pub source: Result<FieldRef, String>,
    pub target: Option<FieldRef>,
    /// Text that is no JSON is left without a tag.
    pub skip_on_invalid_json: bool,
    pub tag_on_failure: Vec<String>,
    /// How the document's names are read as field references.
    pub escape: EscapeStyle,
}

enum Failure {
    /// The text is no JSON.
    Invalid,
    /// It is, but does not fit into the event.
    Unfit(String),
}

impl Json {
    fn run<'b>(&self, event: &mut Event<'b>, cx: &FilterCx<'b, '_>) -> Result<Outcome, Failure> {
        let source = self.source.as_ref().map_err(|e| Failure::Unfit(e.clone()))?;
        let text = match event.get(source) {
            None | Some(Value::Null | Value::Bool(false)) => return Ok(Outcome::Unmatched),
            Some(Value::Str(text)) => text,
            Some(other) => return Err(Failure::Unfit(format!("the source is of type {}", other.type_name()))),
        };
        let parsed = parse_last(cx.arena, text).map_err(|_| Failure::Invalid)?;
        if let Some(target) = &self.target {
            event.set(target, parsed).map_err(|e| Failure::Unfit(e.to_string()))?;
            return Ok(Outcome::Matched);
        }
        let Value::Map(map) = parsed else {
            return Err(Failure::Unfit("only an object can be merged into the event".into()));
        };
        self.merge(event, map, cx).map_err(Failure::Unfit)?;
        Ok(Outcome::Matched)
    }

    fn merge<'b>(&self, event: &mut Event<'b>, map: &Map<'b>, cx: &FilterCx<'b, '_>) -> Result<(), String> {
        for (name, value) in map.entries {
            if *name == "@timestamp" {
                continue;
            }
            // most names are plain, and then no reference needs to be built
            if name.contains(['[', ']', '%', '&']) || matches!(*name, "tags" | "@metadata") {
                let r = FieldRef::parse_with(name, self.escape).map_err(|e| e.to_string())?;
                event.set(&r, *value).map_err(|e| e.to_string())?;
            } else {
                event.set_top(name, *value);
            }
        }
        let given = match map.get("@timestamp") {
            None | Some(Value::Null | Value::Bool(false)) => return Ok(()),
            Some(given) => given,
        };
        match given.as_str().and_then(Timestamp::parse) {
            Some(t) => event.set_top("@timestamp", Value::Timestamp(t)),
            None => {
                event.set_top("@timestamp", Value::Timestamp(cx.world.clock.now()));
                event.tag_once("_timestampparsefailure");
                event.set_top("_@timestamp", Value::text(cx.arena, &ruby::to_s(&given)));
            }
        }
        Ok(())
    }
}

/// The last of the documents that stand in the text one after the other; blank text counts as null, a byte order mark
/// before the first is skipped.
fn parse_last<'b>(arena: &'b Arena, text: &'b str) -> Result<Value<'b>, JsonError> {
    let blank = [' ', '\t', '\n', '\r'];
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text).trim_start_matches(blank);
    let mut last = Value::Null;
    while !rest.is_empty() {
        let (value, end) = json::parse_prefix(arena, rest, Decimals::Big)?;
        last = value;
        rest = rest[end..].trim_start_matches(blank);
    }
    Ok(last)
}

impl Filter for Json {
    fn plugin(&self) -> &'static str {
        "json"
    }

    fn apply<'b>(&self, event: &mut Event<'b>, cx: &mut FilterCx<'b, '_>) -> Result<Outcome, Fault> {
        match self.run(event, cx) {
            Ok(outcome) => Ok(outcome),
            Err(Failure::Invalid) if self.skip_on_invalid_json => Ok(Outcome::Unmatched),
            Err(failure) => {
                if let Failure::Unfit(why) = failure {
                    tracing::debug!(filter = "json", why, "the document does not fit");
                }
                self.tag(event);
                Ok(Outcome::Unmatched)
            }
        }
    }

    fn common_failed<'b>(&self, event: &mut Event<'b>, fault: Fault) -> Result<(), Fault> {
        tracing::debug!(filter = "json", why = fault.message, "an option common to all filters failed");
        self.tag(event);
        Ok(())
    }
}

impl Json {
    fn tag(&self, event: &mut Event<'_>) {
        for tag in &self.tag_on_failure {
            event.tag_once(tag);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Origin;
    use crate::filter::Scratch;
    use crate::world::still;

    fn run(filter: &Json, text: &str) -> String {
        let arena = Arena::new();
        let world = still::world(Timestamp::default(), 0);
        let mut event = Event::new(&arena, Origin::default());
        event.push("m", Value::text(&arena, text));
        let mut cx = FilterCx {
            arena: &arena,
            world: &world,
            emitted: &mut vec![],
            scratch: &mut Scratch::default(),
            memo: &mut Default::default(),
        };
        filter.apply(&mut event, &mut cx).unwrap();
        event.remove_top("m");
        let mut out = vec![];
        json::write_entries(event.fields(), &mut out);
        String::from_utf8(out).unwrap()
    }

    fn filter(target: Option<&str>) -> Json {
        Json {
            source: Ok(FieldRef::top("m")),
            target: target.map(|t| FieldRef::parse(t).unwrap()),
            skip_on_invalid_json: false,
            tag_on_failure: vec![FAILURE_TAG.into()],
            escape: EscapeStyle::None,
        }
    }

    const TAGGED: &str = r#"{"tags":["_jsonparsefailure"]}"#;

    #[test]
    fn documents_merge_into_the_event() {
        for (text, result) in [
            (r#"{"a":1.50,"b":1e3}"#, r#"{"a":1.50,"b":1E+3}"#),
            (r#"{"a":1}{"b":2}"#, r#"{"b":2}"#),
            (r#"{"[e][f]":1}"#, r#"{"e":{"f":1}}"#),
            (r#"{"a":1,"f[g]":2,"b":3}"#, r#"{"a":1,"tags":["_jsonparsefailure"]}"#),
            (r#"{"tags":["a"]}"#, r#"{"tags":["a"]}"#),
            (r#"{"@timestamp":null}"#, "{}"),
            ("\u{feff}{\"a\":1}", r#"{"a":1}"#),
            (r#"{"tags":null}"#, TAGGED),
            (r#"{"@metadata":"s"}"#, TAGGED),
            (r#"{"a":1} x"#, TAGGED),
            ("null", TAGGED),
            ("[1]", TAGGED),
            ("  ", TAGGED),
            ("{", TAGGED),
        ] {
            assert_eq!(run(&filter(None), text), result, "{text}");
        }
    }

    #[test]
    fn a_target_takes_any_document() {
        for (text, result) in [("[1]", r#"{"t":{"u":[1]}}"#), ("null", r#"{"t":{"u":null}}"#), ("{", TAGGED)] {
            assert_eq!(run(&filter(Some("[t][u]")), text), result, "{text}");
        }
    }

    #[test]
    fn skipping_concerns_invalid_text_only() {
        let skip = Json { skip_on_invalid_json: true, ..filter(None) };
        assert_eq!(run(&skip, "{"), "{}");
        assert_eq!(run(&skip, "[1]"), TAGGED);
    }

    #[test]
    fn a_bad_timestamp_is_kept_beside_the_time_of_now() {
        let out = run(&filter(None), r#"{"@timestamp":5.5,"a":1}"#);
        assert!(out.contains(r#""a":1"#) && out.contains(r#""_@timestamp":"0.55e1""#), "{out}");
        assert!(out.contains("_timestampparsefailure"), "{out}");
    }
}
