//! Random numbers without a library: splitmix64 from a seed of the operating system.

use crate::world::Random;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Good enough for keys and jitter; no secrets are made of it.
pub struct RealRandom {
    state: AtomicU64,
}

impl RealRandom {
    pub fn new() -> RealRandom {
        // the standard library seeds its hash maps from the operating system
        let seed = RandomState::new().hash_one(std::process::id()) ^ RandomState::new().hash_one(0u8).rotate_left(32);
        RealRandom { state: AtomicU64::new(seed) }
    }
}

impl Default for RealRandom {
    fn default() -> RealRandom {
        RealRandom::new()
    }
}

impl Random for RealRandom {
    fn next_u64(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sources_differ_and_one_does_not_repeat() {
        let (a, b) = (RealRandom::new(), RealRandom::new());
        let mut seen: Vec<u64> = (0..100).map(|_| a.next_u64()).chain((0..100).map(|_| b.next_u64())).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 200);
    }
}
