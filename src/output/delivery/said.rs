//! Log lines that repeat: the first at once, then one in a while with the number of those left out.

use crate::world::World;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

/// Time between two lines of the same kind.
pub const REPEAT_TIME: Duration = Duration::from_secs(30);

/// Kinds of lines that are told apart; beyond this number all share one.
pub const KINDS_MAX: usize = 64;

/// Remembers what was said when.
#[derive(Default)]
pub struct Said {
    kinds: Mutex<HashMap<String, Kind>>,
}

struct Kind {
    last: Duration,
    left_out: u64,
}

impl Said {
    /// Whether a line of this kind, standing for `n` events, is to be said now; then with the number of events that it
    /// stands for, those of the lines left out before included.
    pub fn now(&self, world: &World, kind: &str, n: u64) -> Option<u64> {
        let now = world.clock.monotonic();
        let mut kinds = self.kinds.lock().expect("never poisoned");
        let kind = if kinds.len() >= KINDS_MAX && !kinds.contains_key(kind) { "" } else { kind };
        match kinds.get_mut(kind) {
            None => {
                kinds.insert(kind.to_string(), Kind { last: now, left_out: 0 });
                Some(n)
            }
            Some(k) if now.saturating_sub(k.last) < REPEAT_TIME => {
                k.left_out += n;
                None
            }
            Some(k) => {
                k.last = now;
                Some(std::mem::take(&mut k.left_out) + n)
            }
        }
    }
}
