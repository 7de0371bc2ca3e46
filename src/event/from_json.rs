//! An event out of a map, as the constructor of Logstash's Event makes one: what an input gives it is data, so names
//! are no field references and nothing in it may be lost.
//!
//! Source: Logstash's Event.java and recorded outcomes.

use super::fields::{Event, Origin, are_tags};
use super::timestamp::Timestamp;
use super::value::{Arena, Map, Value};

/// Holds an `@timestamp` that could not be read.
pub const TIMESTAMP_FAILURE_FIELD: &str = "_@timestamp";
/// Tags an event whose `@timestamp` could not be read.
pub const TIMESTAMP_FAILURE_TAG: &str = "_timestampparsefailure";
/// Holds `tags` that are no string and no list of strings, as a list of one.
pub const TAGS_FAILURE_FIELD: &str = "_tags";
/// Tags an event whose `tags` could not be used.
pub const TAGS_FAILURE_TAG: &str = "_tagsparsefailure";

/// `@metadata` is there and is no map: no event can be made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetadataNotAMap;

/// Makes an event. `now` is what it gets where it has no usable `@timestamp`; `@version` is `"1"` unless it is given.
///
/// # Errors
/// [`MetadataNotAMap`].
pub fn event_from_json_map<'b>(
    arena: &'b Arena,
    map: &Map<'b>,
    now: Timestamp,
    origin: Origin,
) -> Result<Event<'b>, MetadataNotAMap> {
    let mut event = Event::new(arena, origin);
    let (mut given_timestamp, mut given_tags, mut versioned) = (None, None, false);
    for (name, value) in map.entries {
        match *name {
            "@metadata" => event.set_metadata(value.as_map().ok_or(MetadataNotAMap)?),
            "@timestamp" => given_timestamp = Some(*value),
            "tags" => given_tags = Some(*value),
            name => {
                versioned |= name == "@version";
                event.push(name, *value);
            }
        }
    }
    match given_tags {
        None => {}
        Some(tags) if are_tags(&tags) => event.push("tags", tags),
        Some(bad) => {
            event.set_top(TAGS_FAILURE_FIELD, Value::List(arena.alloc_slice_copy(&[bad])));
            event.push("tags", Value::List(arena.alloc_slice_copy(&[Value::Str(TAGS_FAILURE_TAG)])));
        }
    }
    let read = match given_timestamp {
        None | Some(Value::Null) => Some(now),
        Some(Value::Timestamp(t)) => Some(t),
        Some(given) => given.as_str().and_then(Timestamp::parse),
    };
    event.push("@timestamp", Value::Timestamp(read.unwrap_or(now)));
    if !versioned {
        event.push("@version", Value::Str("1"));
    }
    if let (None, Some(given)) = (read, given_timestamp) {
        event.tag_once(TIMESTAMP_FAILURE_TAG);
        event.set_top(TIMESTAMP_FAILURE_FIELD, given);
    }
    Ok(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::json::{self, Decimals};

    fn made(text: &str) -> Option<String> {
        let arena = Arena::new();
        let map = json::parse(&arena, arena.alloc_str(text), Decimals::Double).unwrap();
        let mut e = event_from_json_map(&arena, map.as_map().unwrap(), Timestamp::default(), Origin::default()).ok()?;
        e.remove_top("@timestamp").unwrap();
        e.remove_top("@version").unwrap();
        if !e.metadata().entries.is_empty() {
            e.push("META", Value::Map(e.metadata()));
        }
        let mut out = vec![];
        json::write_entries(e.fields(), &mut out);
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_cannot_be_used_is_kept_beside() {
        for (text, result) in [
            (r#"{"a[b]":1,"@version":"7"}"#, r#"{"a[b]":1}"#),
            (r#"{"tags":"t"}"#, r#"{"tags":"t"}"#),
            (r#"{"tags":[]}"#, r#"{"tags":[]}"#),
            (r#"{"tags":5}"#, r#"{"_tags":[5],"tags":["_tagsparsefailure"]}"#),
            (r#"{"tags":null}"#, r#"{"_tags":[null],"tags":["_tagsparsefailure"]}"#),
            (r#"{"tags":[1,null]}"#, r#"{"_tags":[[1,null]],"tags":["_tagsparsefailure"]}"#),
            (r#"{"@timestamp":5}"#, r#"{"tags":["_timestampparsefailure"],"_@timestamp":5}"#),
            (r#"{"@timestamp":"bad","tags":["a"]}"#, r#"{"tags":["a","_timestampparsefailure"],"_@timestamp":"bad"}"#),
            (r#"{"@timestamp":null}"#, "{}"),
            (r#"{"@metadata":{"x":1}}"#, r#"{"META":{"x":1}}"#),
        ] {
            assert_eq!(made(text).as_deref(), Some(result), "{text}");
        }
        assert_eq!(made(r#"{"@metadata":"s"}"#), None);
    }
}
