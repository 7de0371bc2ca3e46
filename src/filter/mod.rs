//! Filters: what happens to an event between input and output.
//!
//! Belongs here: one file or folder per filter plugin, the common options, conditions, and the program that runs them
//! over a batch. Must not be here: reading, sending, or anything that knows where an event comes from.
//!
//! A filter works on one event at a time through [`Filter::apply`]; the [`program`] runs it over a batch with a
//! selection of its events, conditions split the selection.

pub mod common;
pub mod condition;
pub mod date;
pub mod drop;
pub mod grok;
pub mod json;
pub mod mutate;
pub mod processor;
pub mod program;
pub mod registry;

use crate::event::{Arena, Event, Value};
use crate::world::World;
use std::any::Any;

/// What a filter did to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did its work: the common options (`add_field`, `add_tag`, ...) follow.
    Matched,
    /// It had nothing to do, or failed and tagged the event.
    Unmatched,
}

/// Why an event cannot go on; it goes to the dead letter file with this reason.
/// Real Logstash stops the pipeline or drops the event without a word in these places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// A kebab-case word for counting: `condition`, `filter-raised`.
    pub reason: &'static str,
    /// The sentence for people.
    pub message: String,
}

impl Fault {
    pub fn new(reason: &'static str, message: impl Into<String>) -> Fault {
        Fault { reason, message: message.into() }
    }
}

/// What a filter may use while it works.
pub struct FilterCx<'b, 'x> {
    pub arena: &'b Arena,
    pub world: &'x World,
    /// Events that the filter makes; they follow the present one through the rest of the program.
    pub emitted: &'x mut Vec<Event<'b>>,
    pub scratch: &'x mut Scratch,
    /// Values that several events of the batch share.
    pub memo: &'x mut Memo<'b>,
}

/// Values made once per batch: what is the same for many events is copied into the batch's arena once.
#[derive(Default)]
pub struct Memo<'b> {
    entries: Vec<((Slot, u64), Value<'b>)>,
}

impl<'b> Memo<'b> {
    /// The value under a filter's slot and a key of its choice, made on first use.
    pub fn get(&mut self, slot: Slot, key: u64, make: impl FnOnce() -> Value<'b>) -> Value<'b> {
        if let Some((_, value)) = self.entries.iter().find(|(k, _)| *k == (slot, key)) {
            return *value;
        }
        let value = make();
        self.entries.push(((slot, key), value));
        value
    }
}

/// A filter plugin.
pub trait Filter: Send + Sync {
    /// Its name in the configuration.
    fn plugin(&self) -> &'static str;

    /// Works on one event. To drop it, `event.cancel()`.
    ///
    /// # Errors
    /// A [`Fault`] where the original would raise out of the filter.
    fn apply<'b>(&self, event: &mut Event<'b>, cx: &mut FilterCx<'b, '_>) -> Result<Outcome, Fault>;

    /// The common options failed after `apply` had matched. Most filters of the original let that stop the pipeline.
    ///
    /// # Errors
    /// The fault itself, unless the filter knows better (mutate tags the event).
    fn common_failed<'b>(&self, _event: &mut Event<'b>, fault: Fault) -> Result<(), Fault> {
        Err(fault)
    }
}

/// Working memory of one worker that filters keep between events: compiled matchers' buffers and the like.
#[derive(Default)]
pub struct Scratch {
    slots: Vec<Option<Box<dyn Any + Send>>>,
}

/// Names a place in every worker's [`Scratch`]; given out at plan time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(pub usize);

impl Scratch {
    /// The slot's content, made on first use.
    pub fn get<T: Any + Send>(&mut self, slot: Slot, init: impl FnOnce() -> T) -> &mut T {
        if self.slots.len() <= slot.0 {
            self.slots.resize_with(slot.0 + 1, || None);
        }
        let held = self.slots[slot.0].get_or_insert_with(|| Box::new(init()));
        held.downcast_mut().expect("a slot always holds its filter's own type")
    }
}
