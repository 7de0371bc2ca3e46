//! An event as libbeat's json codec writes it.

use super::Config;
use crate::event::json::{write, write_str};
use crate::event::{Event, Timestamp};
use crate::filter::processor::FILEBEAT_VERSION;
use crate::output::document_id::write_document_id;
use std::ops::Range;

/// Renders events.
pub struct Encoder {
    /// `"@metadata":{"beat":...` up to the first entry that an event brings.
    head: Vec<u8>,
    escape_html: bool,
}

/// The id that a processor gave the event.
fn own_id<'b>(event: &Event<'b>) -> Option<&'b str> {
    event.metadata().get("_id").and_then(|id| id.as_str()).filter(|id| !id.is_empty())
}

pub fn has_own_id(event: &Event<'_>) -> bool {
    own_id(event).is_some()
}

impl Encoder {
    pub fn new(config: &Config) -> Encoder {
        let mut head = br#""@metadata":{"beat":"#.to_vec();
        write_str(&config.beat, &mut head);
        head.extend_from_slice(br#","type":"_doc","version":"#);
        write_str(FILEBEAT_VERSION, &mut head);
        Encoder { head, escape_html: config.escape_html }
    }

    /// Appends the event; the whole of it is its document.
    pub fn write(&self, event: &Event<'_>, out: &mut Vec<u8>) -> Range<usize> {
        let start = out.len();
        out.push(b'{');
        if let Some(t) = event.timestamp() {
            out.extend_from_slice(br#""@timestamp":""#);
            // libbeat's default precision
            Timestamp::truncated_to_millis(&t).write_iso(out);
            out.extend_from_slice(b"\",");
        }
        out.extend_from_slice(&self.head);
        out.extend_from_slice(br#","_id":"#);
        match own_id(event) {
            Some(id) => write_str(id, out),
            None => {
                out.push(b'"');
                write_document_id(&event.origin, out);
                out.push(b'"');
            }
        }
        for (name, value) in event.metadata().entries {
            if !matches!(*name, "beat" | "type" | "version" | "_id") {
                entry(name, value, out);
            }
        }
        out.push(b'}');
        for (name, value) in event.fields().iter().filter(|(name, _)| *name != "@timestamp") {
            entry(name, value, out);
        }
        out.push(b'}');
        if self.escape_html {
            let plain = out.split_off(start);
            for byte in plain {
                match byte {
                    // these stand in strings only
                    b'<' => out.extend_from_slice(b"\\u003c"),
                    b'>' => out.extend_from_slice(b"\\u003e"),
                    b'&' => out.extend_from_slice(b"\\u0026"),
                    _ => out.push(byte),
                }
            }
        }
        start..out.len()
    }
}

fn entry(name: &str, value: &crate::event::Value<'_>, out: &mut Vec<u8>) {
    out.push(b',');
    write_str(name, out);
    out.push(b':');
    write(value, out);
}
