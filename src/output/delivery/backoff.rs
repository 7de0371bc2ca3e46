//! How long to wait before the next attempt.

use crate::runtime::Stop;
use crate::world::{Random, World};
use std::time::Duration;

/// Doubling waits with jitter.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    pub initial: Duration,
    pub max: Duration,
}

impl Backoff {
    /// The wait after `failures` failures in a row, the first being 1: between half of and the whole of
    /// `initial * 2^(failures-1)`, which is never above `max`.
    pub fn wait(&self, failures: u32, random: &dyn Random) -> Duration {
        let doublings = failures.saturating_sub(1).min(30);
        let whole = self.initial.saturating_mul(1 << doublings).min(self.max);
        jitter(whole, random)
    }
}

/// Between half of and the whole of `whole`, so that many senders do not come back at the same instant.
pub fn jitter(whole: Duration, random: &dyn Random) -> Duration {
    let half_ms = (whole.as_millis() / 2).min(u128::from(u64::MAX / 2)) as u64;
    whole - Duration::from_millis(half_ms) + Duration::from_millis(random.below(half_ms + 1))
}

/// Waits; true when the run is asked to stop meanwhile.
pub async fn sleep_or_stop(world: &World, stop: &Stop, time: Duration) -> bool {
    if stop.is_asked() {
        return true;
    }
    tokio::select! {
        biased;
        () = stop.wait() => true,
        () = world.clock.sleep(time) => stop.is_asked(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u64);
    impl Random for Fixed {
        fn next_u64(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn waits_double_up_to_their_limit() {
        let b = Backoff { initial: Duration::from_secs(2), max: Duration::from_secs(64) };
        for (failures, max_secs) in [(1, 2), (2, 4), (3, 8), (6, 64), (7, 64), (u32::MAX, 64)] {
            let whole = Duration::from_secs(max_secs);
            assert_eq!(b.wait(failures, &Fixed(0)), whole / 2, "{failures}");
            assert_eq!(b.wait(failures, &Fixed(max_secs * 500)), whole, "{failures}");
        }
    }
}
