//! Events and the batches they move in.

pub mod time_format;
pub mod timestamp;

pub use timestamp::Timestamp;
