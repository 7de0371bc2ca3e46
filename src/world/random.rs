//! Randomness.

/// A source of random numbers; no secrets are made of it.
pub trait Random: Send + Sync {
    fn next_u64(&self) -> u64;
}

impl dyn Random + '_ {
    /// A number below `bound`, which must not be zero.
    pub fn below(&self, bound: u64) -> u64 {
        assert!(bound > 0, "nothing is below zero");
        self.next_u64() % bound
    }
}
