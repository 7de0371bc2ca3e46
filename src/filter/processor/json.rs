//! `decode_json_fields`: a field's JSON text becomes fields.
//!
//! Documentation: <https://www.elastic.co/guide/en/beats/filebeat/8.5/decode-json-fields.html>. A text that is any JSON
//! value counts (`404` becomes a number), a text that is none leaves the event as it is; with `add_error_key` the field
//! `error` says why.

use super::{dotted, put};
use crate::config::filebeat::processors::{DecodeJsonFields, Target};
use crate::event::json::{Decimals, parse};
use crate::event::{Arena, Event, FieldRef, Map, Timestamp, Value};
use crate::filter::{Fault, Filter, FilterCx, Outcome};

/// The compiled processor.
pub struct DecodeJsonFieldsFilter {
    config: DecodeJsonFields,
    fields: Vec<FieldRef>,
    target: Option<FieldRef>,
}

impl DecodeJsonFieldsFilter {
    pub fn new(config: DecodeJsonFields) -> DecodeJsonFieldsFilter {
        let fields = config.fields.iter().map(|f| dotted(&f.value)).collect();
        let target = if let Target::Field(name) = &config.target { Some(dotted(name)) } else { None };
        DecodeJsonFieldsFilter { config, fields, target }
    }

    fn failed(&self, event: &mut Event<'_>, field: &str, why: &str) {
        if self.config.add_error_key {
            let arena = event.arena();
            let error = Map::from_entries(
                arena,
                &[
                    ("message", Value::text(arena, &format!("parsing input as JSON: {why}"))),
                    ("data", Value::Str("")),
                    ("field", Value::text(arena, field)),
                    ("type", Value::Str("json")),
                ],
            );
            event.set_top("error", Value::Map(error));
        }
    }
}

impl Filter for DecodeJsonFieldsFilter {
    fn plugin(&self) -> &'static str {
        "decode_json_fields"
    }

    fn apply<'b>(&self, event: &mut Event<'b>, cx: &mut FilterCx<'b, '_>) -> Result<Outcome, Fault> {
        let arena = cx.arena;
        for (field, named) in self.fields.iter().zip(&self.config.fields) {
            let Some(Value::Str(text)) = event.get(field) else { continue };
            let output = match decode(arena, text, self.config.max_depth, self.config.process_array) {
                Ok(Decoded::Value(output)) => output,
                Ok(Decoded::Skipped) => continue,
                Err(why) => {
                    self.failed(event, &named.value, &why);
                    continue;
                }
            };
            if let (Some(key), Value::Map(map)) = (&self.config.document_id, output)
                && let Some(Value::Str(id)) = map.get(key)
            {
                event.given_id = Some(id);
                event.set(&FieldRef::from_names(["@metadata", "_id"]), Value::Str(id)).ok();
            }
            match (&self.target, &self.config.target) {
                (Some(target), _) => put(event, target, output)?,
                (None, Target::Root) => match output {
                    Value::Map(map) => self.write_root(event, map),
                    _ => self.failed(event, &named.value, "failed to add target to root"),
                },
                (None, _) => put(event, field, output)?,
            }
        }
        Ok(Outcome::Matched)
    }
}

impl DecodeJsonFieldsFilter {
    /// Puts decoded keys into the event itself: there already only with `overwrite_keys`, `@timestamp` only as a time.
    fn write_root<'b>(&self, event: &mut Event<'b>, map: &'b Map<'b>) {
        for (name, value) in map.entries {
            if self.config.expand_keys && name.contains('.') {
                let r = dotted(name);
                if self.config.overwrite_keys || !event.includes(&r) {
                    event.set(&r, *value).ok();
                }
                continue;
            }
            if !self.config.overwrite_keys && event.top(name).is_some() {
                continue;
            }
            match (*name, value) {
                ("@timestamp", Value::Str(text)) => match Timestamp::parse(text) {
                    Some(t) => event.set_top("@timestamp", Value::Timestamp(t)),
                    None => self.failed(event, "@timestamp", "@timestamp not overwritten (parse error)"),
                },
                ("@timestamp", _) => self.failed(event, "@timestamp", "@timestamp not overwritten (not a string)"),
                ("@metadata", Value::Map(m)) => {
                    for (k, v) in m.entries {
                        event.set(&FieldRef::from_names(["@metadata", *k]), *v).ok();
                    }
                }
                ("@metadata", _) => self.failed(event, "@metadata", "failed to update @metadata"),
                _ => event.set_top(name, *value),
            }
        }
    }
}

enum Decoded<'b> {
    Value(Value<'b>),
    /// A list, which is only looked at with `process_array`.
    Skipped,
}

fn decode<'b>(arena: &'b Arena, text: &'b str, depth: u32, process_array: bool) -> Result<Decoded<'b>, String> {
    let value = parse(arena, text, Decimals::Double).map_err(|e| e.to_string())?;
    if depth <= 1 {
        return Ok(Decoded::Value(value));
    }
    let inner = |v: Value<'b>| -> Value<'b> {
        let Value::Str(s) = v else { return v };
        if !s.trim_start().starts_with(['{', '[']) {
            return v;
        }
        match decode(arena, s, depth - 1, process_array) {
            Ok(Decoded::Value(decoded)) => decoded,
            Ok(Decoded::Skipped) | Err(_) => v,
        }
    };
    Ok(match value {
        Value::Map(m) => {
            let entries = arena.alloc_slice_fill_with(m.entries.len(), |i| (m.entries[i].0, inner(m.entries[i].1)));
            Decoded::Value(Value::Map(Map::new_in(arena, entries)))
        }
        Value::List(_) if !process_array => Decoded::Skipped,
        Value::List(l) => Decoded::Value(Value::List(arena.alloc_slice_fill_with(l.len(), |i| inner(l[i])))),
        other => Decoded::Value(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str, depth: u32, process_array: bool) -> String {
        let arena = Arena::new();
        let text = arena.alloc_str(text);
        match decode(&arena, text, depth, process_array) {
            Ok(Decoded::Value(v)) => {
                let mut out = vec![];
                crate::event::json::write(&v, &mut out);
                String::from_utf8(out).unwrap()
            }
            Ok(Decoded::Skipped) => "skipped".into(),
            Err(_) => "error".into(),
        }
    }

    #[test]
    fn texts_inside_are_decoded_down_to_the_depth() {
        let text = r#"{"a":"{\"b\":\"[1]\"}","c":"x"}"#;
        assert_eq!(decoded(text, 1, false), text);
        assert_eq!(decoded(text, 2, false), r#"{"a":{"b":"[1]"},"c":"x"}"#);
        assert_eq!(decoded(text, 3, false), r#"{"a":{"b":[1]},"c":"x"}"#);
        assert_eq!(decoded("404", 1, false), "404");
        assert_eq!(decoded("[1]", 1, false), "[1]");
        assert_eq!(decoded("[1]", 2, false), "skipped");
        assert_eq!(decoded("{} {}", 1, false), "error");
        assert_eq!(decoded("plain words", 1, false), "error");
    }
}
