//! The machine's clocks, and tokio's timer.

#![allow(clippy::disallowed_methods, reason = "this is the door")]

use crate::event::Timestamp;
use crate::world::{BoxFuture, Clock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Wall clock and monotonic clock of the machine.
pub struct RealClock {
    start: Instant,
}

impl RealClock {
    pub fn new() -> RealClock {
        RealClock { start: Instant::now() }
    }
}

impl Default for RealClock {
    fn default() -> RealClock {
        RealClock::new()
    }
}

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(d) => Timestamp::new(d.as_secs() as i64, d.subsec_nanos()),
            // a clock before 1970 is not set yet
            Err(_) => Timestamp::EPOCH,
        }
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on() {
        let clock = RealClock::new();
        let a = clock.monotonic();
        assert!(clock.monotonic() >= a);
        assert!(clock.now().epoch_secs() > 1_600_000_000);
    }
}
