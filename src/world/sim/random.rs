//! Seeded randomness: one number gives all the others.

use crate::world::Random;
use std::ops::Range;
use std::sync::Mutex;
use std::time::Duration;

/// A stream of random numbers (SplitMix64, <https://prng.di.unimi.it/splitmix64.c>).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    /// A stream of its own: drawing from it changes nothing for anybody else.
    pub fn fork(&mut self) -> Rng {
        Rng(self.next())
    }

    #[allow(clippy::should_implement_trait, reason = "it never ends, so it is no iterator")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which must not be zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "nothing is below zero");
        self.next() % bound
    }

    pub fn between(&mut self, range: Range<u64>) -> u64 {
        range.start + self.below(range.end - range.start)
    }

    /// True in so many of a thousand cases.
    pub fn chance(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }

    /// A time up to `max`, short ones much more often than long ones.
    pub fn short_time(&mut self, max: Duration) -> Duration {
        let nanos = max.as_nanos() as u64;
        let shift = self.below(20);
        Duration::from_nanos(self.below((nanos >> shift).max(1)))
    }
}

/// The program's own source of randomness.
pub struct SimRandom(Mutex<Rng>);

impl SimRandom {
    pub fn new(rng: Rng) -> SimRandom {
        SimRandom(Mutex::new(rng))
    }
}

impl Random for SimRandom {
    fn next_u64(&self) -> u64 {
        self.0.lock().expect("never poisoned").next()
    }
}
