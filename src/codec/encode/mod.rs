//! Encoders: an event as the bytes that an output writes.
//!
//! Belongs here: one file per form. Must not be here: writing them anywhere, or the choice of the events.

pub mod build;
pub mod json;
pub mod line;
pub mod rubydebug;

pub use build::{build, named};
pub use json::{Json, JsonLines};
pub use line::{Dots, Line};
pub use rubydebug::RubyDebug;

use crate::event::Event;
use crate::world::Clock;

/// Writes one event after another; has no state of its own.
pub trait Encoder: Send + Sync {
    /// Appends the event, with whatever separates it from the next.
    ///
    /// # Errors
    /// The codec's template cannot be rendered; `out` is as it was before then.
    fn encode(&self, event: &Event<'_>, clock: &dyn Clock, out: &mut Vec<u8>) -> Result<(), String>;

    /// How many of the `len` bytes of an encoded event are the event's JSON document, where it is one: its start then.
    fn document_len(&self, _len: usize) -> Option<usize> {
        None
    }
}

#[cfg(test)]
mod tests;
