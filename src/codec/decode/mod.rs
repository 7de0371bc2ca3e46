//! Decoding: the bytes that an input read become events.
//!
//! Belongs here: one file per codec plugin, and the rules they share: bytes that are not UTF-8, `[event][original]`.
//! Must not be here: encoding; anything that reads.
//!
//! A decoder gets one text at a time, cut as [`Framing`] says, and appends events to a list. It never fails: what it
//! cannot read becomes an event with a failure tag.

pub mod build;
mod json;
mod text;

pub use build::build;
pub use json::{Json, JsonLines};
pub use text::{Line, Plain};

use crate::event::{Arena, Event, FieldRef, Origin, SetError, Timestamp, Value, ruby};

/// How an input cuts a stream of bytes for a decoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Whatever came as one piece: a datagram, a message, a file.
    Whole,
    /// At every delimiter, which is not part of the text.
    Lines(Vec<u8>),
}

/// What a decoder works with.
pub struct DecodeCx<'b, 'x> {
    pub arena: &'b Arena,
    /// The `@timestamp` of events that bring none.
    pub now: Timestamp,
    /// Where the text was read.
    pub origin: Origin,
    /// Everything that was read together with the text; json_lines gives it to `[event][original]`.
    pub chunk: &'b [u8],
    pub events: &'x mut Vec<Event<'b>>,
}

/// A codec, its decoding side.
pub trait Decoder: Send + Sync {
    /// Its name in the configuration.
    fn plugin(&self) -> &'static str;

    fn framing(&self) -> Framing;

    /// Appends the events that a text holds.
    fn decode<'b>(&self, bytes: &'b [u8], cx: &mut DecodeCx<'b, '_>);
}

/// The codec that a stream input uses when `name` is configured, as Logstash exchanges it: a stream has no other pieces
/// than lines. Of its options only `charset` goes over.
pub fn streaming_name(name: &str) -> &str {
    match name {
        "plain" => "line",
        "json" => "json_lines",
        other => other,
    }
}

/// The text of bytes: themselves when they are UTF-8, else Ruby's inspect text of them (`\xFF` for a bad byte).
pub fn text_of<'b>(arena: &'b Arena, bytes: &'b [u8]) -> &'b str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => arena.alloc_str(&ruby::inspect_bad_bytes(bytes)),
    }
}

/// An event with `message`, the time of now and version 1.
fn message_event<'b>(text: &'b str, cx: &DecodeCx<'b, '_>, origin: Origin) -> Event<'b> {
    let mut event = Event::new(cx.arena, origin);
    event.push("message", Value::Str(text));
    event.push("@timestamp", Value::Timestamp(cx.now));
    event.push("@version", Value::Str("1"));
    event
}

/// `[event][original]`, which the codecs set where ECS is on and the event has none.
fn original_field() -> FieldRef {
    FieldRef::from_names(["event", "original"])
}

/// Sets `[event][original]`; bad bytes become replacement characters there.
fn set_original<'b>(event: &mut Event<'b>, r: &FieldRef, bytes: &'b [u8], arena: &'b Arena) -> Result<(), SetError> {
    if event.includes(r) {
        return Ok(());
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => arena.alloc_str(&String::from_utf8_lossy(bytes)),
    };
    event.set(r, Value::Str(text))
}
