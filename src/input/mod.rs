//! Inputs: where events come from.
//!
//! Belongs here: one folder or file per input. Must not be here: decoding that several inputs share (codecs), metadata of
//! the agent and the host (the configuration's side builds those and hands them over as a `SourceMeta`).

pub mod beats;
