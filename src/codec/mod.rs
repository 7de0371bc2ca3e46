//! Codecs: what stands between bytes and events.
//!
//! Belongs here: `decode/`, bytes to events for the inputs; `encode/`, events to bytes for the outputs. Must not be here: reading bytes, cutting files into lines
//! (the inputs do that, as `decode::Framing` says), sending.

pub mod decode;
pub mod encode;
