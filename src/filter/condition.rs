//! Conditions of `if` and `else if`, compiled.

use super::{Fault, Scratch};
use crate::event::Event;

/// A compiled condition.
pub enum Condition {
    /// Always the same.
    Constant(bool),
}

impl Condition {
    /// Decides it for one event.
    ///
    /// # Errors
    /// A comparison of types that have no order; real Logstash drops the event without a word.
    pub fn holds(&self, _event: &Event<'_>, _scratch: &mut Scratch) -> Result<bool, Fault> {
        match self {
            Condition::Constant(b) => Ok(*b),
        }
    }
}
