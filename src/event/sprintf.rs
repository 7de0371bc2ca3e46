//! `%{field}`, `%{+Joda}`, `%{{java.time}}` templates, compiled once.
//!
//! Source: Logstash's StringInterpolation.java. Missing and null fields stay literally, a list joins with commas, a map
//! is JSON. A template never fails to compile: what real Logstash only finds out at run time fails at run time here too.

use super::field_ref::{EscapeStyle, FieldRef};
use super::fields::Event;
use super::json;
use super::number::write_java_double;
use super::time_format::{JavaFormat, JodaFormat};
use super::value::Value;
use crate::world::Clock;
use std::fmt;

/// A compiled template.
#[derive(Debug)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Literal(String),
    /// The reference and the text to leave when the field is absent.
    Field(FieldRef, String),
    EpochSeconds,
    Joda(JodaFormat),
    Java(JavaFormat),
    TimeNow,
    /// Fails whenever it is rendered.
    Bad(String),
}

/// Why a template could not be rendered for an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError(pub String);

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Template {
    /// Compiles a template.
    pub fn compile(text: &str, escape: EscapeStyle) -> Template {
        Template { text: text.to_string(), parts: parse(text, escape) }
    }

    /// The text as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The whole result, when it is the same for every event.
    pub fn constant(&self) -> Option<&str> {
        match &self.parts[..] {
            [] => Some(""),
            [Part::Literal(t)] => Some(t),
            _ => None,
        }
    }

    /// The fields it reads, with the byte range of each `%{...}` in the text is left to the caller.
    pub fn fields(&self) -> impl Iterator<Item = &FieldRef> {
        self.parts.iter().filter_map(|p| if let Part::Field(r, _) = p { Some(r) } else { None })
    }

    /// True when a date of the event's `@timestamp` is part of it.
    pub fn reads_timestamp(&self) -> bool {
        self.parts.iter().any(|p| matches!(p, Part::Joda(_) | Part::Java(_) | Part::EpochSeconds))
    }

    /// Why it can never be rendered, if so.
    pub fn always_fails(&self) -> Option<&str> {
        self.parts.iter().find_map(|p| if let Part::Bad(why) = p { Some(why.as_str()) } else { None })
    }

    /// Appends the result for one event.
    ///
    /// # Errors
    /// A bad date pattern or field reference in the template; `out` may hold a part of the result then.
    pub fn render(&self, event: &Event<'_>, clock: &dyn Clock, out: &mut String) -> Result<(), TemplateError> {
        for part in &self.parts {
            match part {
                Part::Literal(t) => out.push_str(t),
                Part::Field(r, otherwise) => match event.get(r) {
                    None | Some(Value::Null) => out.push_str(otherwise),
                    Some(v) => write_value(&v, out),
                },
                Part::EpochSeconds => {
                    if let Some(t) = event.timestamp() {
                        out.push_str(&t.epoch_secs().to_string());
                    }
                }
                Part::Joda(f) => {
                    if let Some(t) = event.timestamp() {
                        f.format(t, out);
                    }
                }
                Part::Java(f) => {
                    if let Some(t) = event.timestamp() {
                        f.format(t, out);
                    }
                }
                Part::TimeNow => out.push_str(&clock.now().to_string()),
                Part::Bad(why) => return Err(TemplateError(why.clone())),
            }
        }
        Ok(())
    }
}

/// A value as it stands inside a text.
pub fn write_value(value: &Value<'_>, out: &mut String) {
    match value {
        Value::Null => {}
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Int(i) => out.push_str(&i.to_string()),
        Value::Float(x) => write_java_double(*x, out),
        Value::Number(t) => out.push_str(t),
        Value::Str(s) => out.push_str(s),
        Value::Timestamp(t) => out.push_str(&t.to_string()),
        Value::List(l) => {
            for (i, v) in l.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_java(v, out);
            }
        }
        Value::Map(_) => push_json(value, out),
    }
}

/// As Java's `toString` prints a value inside a list: maps as `{k=v}`, lists as `[a, b]`, null as nothing at the top.
pub fn write_java(value: &Value<'_>, out: &mut String) {
    match value {
        Value::List(l) => {
            out.push('[');
            for (i, v) in l.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                if v.is_null() { out.push_str("null") } else { write_java(v, out) }
            }
            out.push(']');
        }
        Value::Map(m) => {
            out.push('{');
            for (i, (k, v)) in m.entries.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                out.push_str(k);
                out.push('=');
                if v.is_null() { out.push_str("null") } else { write_java(v, out) }
            }
            out.push('}');
        }
        other => write_value(other, out),
    }
}

fn push_json(value: &Value<'_>, out: &mut String) {
    let mut bytes = Vec::new();
    json::write(value, &mut bytes);
    out.push_str(std::str::from_utf8(&bytes).expect("rendered JSON is UTF-8"));
}

fn parse(text: &str, escape: EscapeStyle) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut pos = 0;
    while let Some(open) = text[pos..].find("%{").map(|i| pos + i) {
        let Some(mut close) = text[open..].find('}').map(|i| open + i) else { break };
        if open > pos {
            parts.push(Part::Literal(text[pos..open].to_string()));
        }
        let inner = &text[open + 2..close];
        if "+%s".starts_with(inner) {
            parts.push(Part::EpochSeconds);
        } else if let Some(pattern) = inner.strip_prefix('{') {
            if text[close + 1..].starts_with('}') {
                close += 1;
                parts.push(if pattern == "TIME_NOW" {
                    Part::TimeNow
                } else {
                    JavaFormat::compile(pattern).map_or_else(|e| Part::Bad(e.to_string()), Part::Java)
                });
            } else {
                parts.push(Part::Bad(format!("`%{{{{{pattern}` lacks its second `}}`")));
            }
        } else if let Some(pattern) = inner.strip_prefix('+') {
            parts.push(JodaFormat::compile(pattern).map_or_else(|e| Part::Bad(e.to_string()), Part::Joda));
        } else {
            let otherwise = format!("%{{{inner}}}");
            parts.push(match FieldRef::parse_with(inner, escape) {
                Ok(r) => Part::Field(r, otherwise),
                Err(e) => Part::Bad(e.to_string()),
            });
        }
        pos = close + 1;
    }
    if pos < text.len() {
        parts.push(Part::Literal(text[pos..].to_string()));
    }
    parts
}
