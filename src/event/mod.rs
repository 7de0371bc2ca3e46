//! Events and the batches they move in.
//!
//! Belongs here: values, field references, `%{...}` templates, timestamps, JSON to and from values, batches.
//! Must not be here: anything about a plugin, a file or a socket.
//!
//! A [`Batch`](batch::Batch) owns the bytes its events were read from and an arena; every string, list and map of an
//! [`Event`] is a plain reference into them. [`Value`] is `Copy` and immutable: a change of a nested field writes a new,
//! short entry list into the arena. So the hot path makes no heap allocation per field and drops a batch in one go.

pub mod batch;
pub mod decimal;
pub mod field_ref;
pub mod from_json;
pub mod json;
pub mod number;
pub mod ruby;
pub mod sprintf;
pub mod time_format;
pub mod timestamp;
pub mod value;

mod fields;

pub use batch::{Batch, SourceMeta};
pub use field_ref::{EscapeStyle, FieldRef};
pub use fields::{Event, Origin, SetError, are_tags};
pub use sprintf::Template;
pub use timestamp::Timestamp;
pub use value::{Arena, Map, Value};
