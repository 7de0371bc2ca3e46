//! Inputs: where events come from.
//!
//! Belongs here: one file or folder per input plugin. Must not be here: filtering, sending, or how many threads there are.
//!
//! An input hands batches to the [`Intake`](crate::runtime::intake::Intake) and hears of their end through the batch's
//! ack; only then may it move its offset, answer its sender, or forget.

pub mod beats;
pub mod common;
pub mod file;
pub mod stdin;
