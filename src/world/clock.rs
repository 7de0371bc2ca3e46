//! Time.

use super::BoxFuture;
use crate::event::Timestamp;
use std::time::Duration;

/// Wall clock, monotonic clock and waiting.
pub trait Clock: Send + Sync {
    /// Wall time; may jump.
    fn now(&self) -> Timestamp;

    /// Time since some fixed instant of this run; never goes back.
    fn monotonic(&self) -> Duration;

    /// Ends after `time` has passed on the monotonic clock.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;
}
