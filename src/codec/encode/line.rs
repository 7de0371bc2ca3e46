//! `line` and `plain`: a template, or what Logstash's `event.to_s` gives: time, host, message; `dots`: a dot for each
//! event.

use super::Encoder;
use crate::event::sprintf::write_java;
use crate::event::{Event, Template};
use crate::world::Clock;

/// A template and a delimiter; `plain` has an empty one.
pub struct Line {
    format: Option<Template>,
    delimiter: String,
}

impl Line {
    pub fn new(format: Option<Template>, delimiter: &str) -> Line {
        Line { format, delimiter: delimiter.to_string() }
    }
}

impl Encoder for Line {
    fn encode(&self, event: &Event<'_>, clock: &dyn Clock, out: &mut Vec<u8>) -> Result<(), String> {
        let mut text = String::new();
        match &self.format {
            Some(format) => format.render(event, clock, &mut text).map_err(|e| e.to_string())?,
            None => write_event(event, &mut text),
        }
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(self.delimiter.as_bytes());
        Ok(())
    }
}

/// `event.to_s`: an absent host or message leaves its reference; maps and lists as Java prints them.
fn write_event(event: &Event<'_>, out: &mut String) {
    if let Some(time) = event.timestamp() {
        out.push_str(&time.to_string());
        out.push(' ');
    }
    for (name, otherwise) in [("host", "%{host} "), ("message", "%{message}")] {
        match event.top(name) {
            None => out.push_str(otherwise),
            Some(value) if value.is_null() => out.push_str(otherwise),
            Some(value) => {
                write_java(&value, out);
                out.push_str(if name == "host" { " " } else { "" });
            }
        }
    }
}

/// A dot for each event.
pub struct Dots;

impl Encoder for Dots {
    fn encode(&self, _: &Event<'_>, _: &dyn Clock, out: &mut Vec<u8>) -> Result<(), String> {
        out.push(b'.');
        Ok(())
    }
}
