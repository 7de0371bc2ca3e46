//! What is sent for one event: its mapping or itself, as JSON, as a form, or as a text.

use crate::config::build::BuildCx;
use crate::config::logstash::ast::Value as Written;
use crate::config::options::Options;
use crate::config::source::Spanned;
use crate::event::json::{write_entries, write_str};
use crate::event::sprintf::TemplateError;
use crate::event::{Event, Template, ruby};
use crate::world::Clock;

/// The option `mapping`: every text in it is a template, keys are not.
pub enum Mapping {
    Text(Template),
    List(Vec<Mapping>),
    Map(Vec<(String, Mapping)>),
}

impl Mapping {
    /// The option, where it is set.
    pub fn from_options(options: &Options, name: &str, cx: &mut BuildCx<'_>) -> Option<Mapping> {
        options.is_set(name).then(|| {
            Mapping::Map(options.hash(name).into_iter().map(|(k, v)| (k.value, Mapping::build(&v, cx))).collect())
        })
    }

    fn build(value: &Spanned<Written>, cx: &mut BuildCx<'_>) -> Mapping {
        match &value.value {
            Written::Hash(entries) => {
                Mapping::Map(entries.iter().map(|e| (e.key.value.clone(), Mapping::build(&e.value, cx))).collect())
            }
            Written::Array(items) => Mapping::List(items.iter().map(|i| Mapping::build(i, cx)).collect()),
            other => Mapping::Text(cx.template(&crate::config::build::ruby_text(other), value.span)),
        }
    }

    /// The entry of that name, of a map.
    pub fn get(&self, name: &str) -> Option<&Mapping> {
        match self {
            Mapping::Map(entries) => entries.iter().find(|(k, _)| k == name).map(|(_, m)| m),
            _ => None,
        }
    }

    fn write_json(&self, event: &Event<'_>, clock: &dyn Clock, out: &mut Vec<u8>) -> Result<(), TemplateError> {
        match self {
            Mapping::Text(template) => {
                let mut text = String::new();
                template.render(event, clock, &mut text)?;
                write_str(&text, out);
            }
            Mapping::List(items) => {
                out.push(b'[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    item.write_json(event, clock, out)?;
                }
                out.push(b']');
            }
            Mapping::Map(entries) => {
                out.push(b'{');
                for (i, (key, value)) in entries.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    write_str(key, out);
                    out.push(b':');
                    value.write_json(event, clock, out)?;
                }
                out.push(b'}');
            }
        }
        Ok(())
    }

    /// Ruby's `to_s`; `inner` means inside a list or a hash, where texts stand in quotes.
    fn write_ruby(
        &self,
        event: &Event<'_>,
        clock: &dyn Clock,
        inner: bool,
        out: &mut String,
    ) -> Result<(), TemplateError> {
        match self {
            Mapping::Text(template) if inner => {
                let mut text = String::new();
                template.render(event, clock, &mut text)?;
                ruby::inspect_str(&text, out);
            }
            Mapping::Text(template) => template.render(event, clock, out)?,
            Mapping::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    out.push_str(if i > 0 { ", " } else { "" });
                    item.write_ruby(event, clock, true, out)?;
                }
                out.push(']');
            }
            Mapping::Map(entries) => {
                out.push('{');
                for (i, (key, value)) in entries.iter().enumerate() {
                    out.push_str(if i > 0 { ", " } else { "" });
                    ruby::inspect_str(key, out);
                    out.push_str("=>");
                    value.write_ruby(event, clock, true, out)?;
                }
                out.push('}');
            }
        }
        Ok(())
    }
}

/// Writes the mapping, or without one the event, as JSON.
pub fn write_json(
    mapping: Option<&Mapping>,
    event: &Event<'_>,
    clock: &dyn Clock,
    out: &mut Vec<u8>,
) -> Result<(), TemplateError> {
    match mapping {
        Some(mapping) => mapping.write_json(event, clock, out)?,
        None => write_entries(event.fields(), out),
    }
    Ok(())
}

/// Writes the mapping, or without one the event, as a form: `key=value&...`, values as Ruby prints them.
pub fn write_form(
    mapping: Option<&Mapping>,
    event: &Event<'_>,
    clock: &dyn Clock,
    out: &mut Vec<u8>,
) -> Result<(), TemplateError> {
    let mut first = true;
    let mut add = |key: &str, value: &str| {
        if !std::mem::take(&mut first) {
            out.push(b'&');
        }
        escape(key, out);
        out.push(b'=');
        escape(value, out);
    };
    match mapping {
        Some(Mapping::Map(entries)) => {
            for (key, value) in entries {
                let mut text = String::new();
                value.write_ruby(event, clock, false, &mut text)?;
                add(key, &text);
            }
        }
        _ => {
            for (key, value) in event.fields() {
                add(key, &ruby::to_s(value));
            }
        }
    }
    Ok(())
}

/// As Ruby's `CGI.escape`.
fn escape(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => out.push(byte),
            b' ' => out.push(b'+'),
            _ => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
}
