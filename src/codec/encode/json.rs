//! `json` and `json_lines`: the event's fields as one JSON object, without metadata; `json_lines` ends it with its
//! delimiter, `json` with nothing, as in Logstash.

use super::Encoder;
use crate::event::Event;
use crate::output::write_document;
use crate::world::Clock;

/// Objects with nothing between them.
pub struct Json;

impl Encoder for Json {
    fn encode(&self, event: &Event<'_>, _: &dyn Clock, out: &mut Vec<u8>) -> Result<(), String> {
        write_document(event, out);
        Ok(())
    }

    fn document_len(&self, len: usize) -> Option<usize> {
        Some(len)
    }
}

/// Objects, each followed by the delimiter.
pub struct JsonLines {
    delimiter: String,
}

impl JsonLines {
    pub fn new(delimiter: &str) -> JsonLines {
        JsonLines { delimiter: delimiter.to_string() }
    }
}

impl Encoder for JsonLines {
    fn encode(&self, event: &Event<'_>, _: &dyn Clock, out: &mut Vec<u8>) -> Result<(), String> {
        write_document(event, out);
        out.extend_from_slice(self.delimiter.as_bytes());
        Ok(())
    }

    fn document_len(&self, len: usize) -> Option<usize> {
        Some(len - self.delimiter.len())
    }
}
