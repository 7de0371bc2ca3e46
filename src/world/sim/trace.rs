//! What happened, for whoever has to understand a failure.

use super::clock::SimClock;
use crate::world::Clock;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Actions kept; the oldest go first.
const ENTRIES_MAX: usize = 200_000;

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Trace {
    entries: Arc<Mutex<Vec<(Duration, String)>>>,
    off: bool,
}

impl Trace {
    /// Keeps nothing.
    pub fn off() -> Trace {
        Trace { off: true, ..Trace::default() }
    }

    pub fn say(&self, clock: &SimClock, text: impl FnOnce() -> String) {
        if self.off {
            return;
        }
        let mut entries = self.entries.lock().expect("never poisoned");
        if entries.len() == ENTRIES_MAX {
            entries.drain(..ENTRIES_MAX / 2);
        }
        entries.push((clock.monotonic(), text()));
    }

    /// The last actions, one a line.
    pub fn tail(&self, entries_max: usize) -> String {
        let entries = self.entries.lock().expect("never poisoned");
        let from = entries.len().saturating_sub(entries_max);
        entries[from..].iter().map(|(t, text)| format!("{:>12.6}  {text}\n", t.as_secs_f64())).collect()
    }
}
