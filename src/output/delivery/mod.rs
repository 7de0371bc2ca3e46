//! What deliveries over a network have in common: waiting between attempts, how many requests at once, which host,
//! and log lines that do not flood.
//!
//! Belongs here: parts that know HTTP statuses and time, used by several outputs. Must not be here: what is in a request.

pub mod backoff;
pub mod concurrent;
pub mod exchange;
pub mod hosts;
pub mod limiter;
pub mod said;

pub use backoff::{Backoff, sleep_or_stop};
pub use hosts::{Host, HostPool};
pub use limiter::Limiter;
pub use said::Said;
