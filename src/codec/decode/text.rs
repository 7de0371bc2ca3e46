//! `plain` and `line`: the text becomes `message`.
//!
//! Originals: <https://www.elastic.co/guide/en/logstash/8.19/plugins-codecs-plain.html> and
//! <https://www.elastic.co/guide/en/logstash/8.19/plugins-codecs-line.html>.
//! Deviations: none known.

use super::{DecodeCx, Decoder, Framing, message_event, original_field, set_original, text_of};
use crate::event::FieldRef;

/// `plain`.
#[derive(Debug)]
pub struct Plain {
    original: Option<FieldRef>,
}

/// `line`.
#[derive(Debug)]
pub struct Line {
    original: Option<FieldRef>,
    delimiter: Vec<u8>,
}

impl Plain {
    /// With ECS on, the text goes to `[event][original]` too.
    pub fn new(ecs: bool) -> Plain {
        Plain { original: ecs.then(original_field) }
    }
}

impl Line {
    /// `delimiter` must not be empty.
    pub fn new(ecs: bool, delimiter: &str) -> Line {
        assert!(!delimiter.is_empty(), "lines are separated by something");
        Line { original: ecs.then(original_field), delimiter: delimiter.as_bytes().to_vec() }
    }
}

fn decode<'b>(bytes: &'b [u8], original: Option<&FieldRef>, cx: &mut DecodeCx<'b, '_>) {
    let mut event = message_event(text_of(cx.arena, bytes), cx, cx.origin);
    if let Some(r) = original {
        set_original(&mut event, r, bytes, cx.arena).expect("an event with a message only takes any field");
    }
    cx.events.push(event);
}

impl Decoder for Plain {
    fn plugin(&self) -> &'static str {
        "plain"
    }

    fn framing(&self) -> Framing {
        Framing::Whole
    }

    fn decode<'b>(&self, bytes: &'b [u8], cx: &mut DecodeCx<'b, '_>) {
        decode(bytes, self.original.as_ref(), cx);
    }
}

impl Decoder for Line {
    fn plugin(&self) -> &'static str {
        "line"
    }

    fn framing(&self) -> Framing {
        Framing::Lines(self.delimiter.clone())
    }

    fn decode<'b>(&self, bytes: &'b [u8], cx: &mut DecodeCx<'b, '_>) {
        decode(bytes, self.original.as_ref(), cx);
    }
}
