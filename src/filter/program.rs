//! The filter section, compiled: filters and branches, run over a batch with a selection of its events.

use super::common::CommonOptions;
use super::condition::Condition;
use super::{Fault, Filter, FilterCx, Memo, Outcome, Scratch};
use crate::event::{Batch, Event};
use crate::world::World;

/// One step of the program.
pub enum Node {
    Filter(FilterNode),
    /// `if`, `else if`, `else`: the first arm whose condition holds.
    Branch(Vec<Arm>),
}

/// A filter with its common options.
pub struct FilterNode {
    pub filter: Box<dyn Filter>,
    pub common: CommonOptions,
}

/// One arm of a branch; without a condition it is the `else`.
pub struct Arm {
    pub condition: Option<Condition>,
    pub body: Vec<Node>,
}

/// The whole filter section.
#[derive(Default)]
pub struct Program {
    pub nodes: Vec<Node>,
}

/// What a run over a batch left: the selections are indices into the batch's events.
#[derive(Debug, Default)]
pub struct Ran {
    /// Events that go on to the outputs, in order: what a filter made of an event follows it.
    pub live: Vec<u32>,
    /// Events that filters made.
    pub created: u64,
    /// Events that filters dropped.
    pub dropped: u64,
    /// Events that could not go on.
    pub faults: Vec<(u32, Fault)>,
}

impl Program {
    /// Runs over all events of a batch.
    pub fn run(&self, batch: &mut Batch, world: &World, scratch: &mut Scratch) -> Ran {
        batch.change(|b| {
            let first = b.events.len() as u32;
            let mut run = Run {
                arena: b.arena,
                events: b.events,
                world,
                scratch,
                parents: vec![],
                first,
                faults: vec![],
                emitted: vec![],
                memo: Memo::default(),
            };
            let mut live: Vec<u32> = (0..first).collect();
            run.nodes(&self.nodes, &mut live);
            run.sort(&mut live);
            let (created, faults) = (run.parents.len() as u64, run.faults);
            let dropped = u64::from(first) + created - live.len() as u64 - faults.len() as u64;
            Ran { live, created, dropped, faults }
        })
    }
}

struct Run<'b, 'x> {
    arena: &'b crate::event::Arena,
    events: &'x mut Vec<Event<'b>>,
    world: &'x World,
    scratch: &'x mut Scratch,
    /// For each event from `first` on: which event it was made of.
    parents: Vec<u32>,
    first: u32,
    faults: Vec<(u32, Fault)>,
    emitted: Vec<Event<'b>>,
    memo: Memo<'b>,
}

impl Run<'_, '_> {
    fn nodes(&mut self, nodes: &[Node], live: &mut Vec<u32>) {
        for node in nodes {
            if live.is_empty() {
                return;
            }
            match node {
                Node::Filter(f) => self.filter(f, live),
                Node::Branch(arms) => self.branch(arms, live),
            }
        }
    }

    fn filter(&mut self, node: &FilterNode, live: &mut Vec<u32>) {
        let mut made = false;
        let mut kept = Vec::with_capacity(live.len());
        for &index in live.iter() {
            let event = &mut self.events[index as usize];
            let mut cx = FilterCx {
                arena: self.arena,
                world: self.world,
                emitted: &mut self.emitted,
                scratch: self.scratch,
                memo: &mut self.memo,
            };
            let result = node.filter.apply(event, &mut cx).and_then(|outcome| {
                if outcome == Outcome::Matched && !node.common.is_empty() && !event.is_cancelled() {
                    match node.common.apply(event, &mut cx) {
                        Err(fault) => node.filter.common_failed(event, fault),
                        Ok(()) => Ok(()),
                    }
                } else {
                    Ok(())
                }
            });
            match result {
                Err(fault) => self.faults.push((index, fault)),
                Ok(()) if event.is_cancelled() => {}
                Ok(()) => kept.push(index),
            }
            for event in self.emitted.drain(..) {
                made = true;
                let at = self.events.len() as u32;
                self.events.push(event);
                self.parents.push(index);
                kept.push(at);
            }
        }
        *live = kept;
        if made {
            self.sort(live);
        }
    }

    fn branch(&mut self, arms: &[Arm], live: &mut Vec<u32>) {
        let mut done: Vec<u32> = Vec::with_capacity(live.len());
        let mut rest = std::mem::take(live);
        let mut parts = 0;
        for arm in arms {
            if rest.is_empty() {
                break;
            }
            let mut taken = Vec::new();
            match &arm.condition {
                None => taken = std::mem::take(&mut rest),
                Some(condition) => {
                    let mut left = Vec::new();
                    for index in rest {
                        match condition.holds(&self.events[index as usize], self.scratch) {
                            Ok(true) => taken.push(index),
                            Ok(false) => left.push(index),
                            Err(fault) => self.faults.push((index, fault)),
                        }
                    }
                    rest = left;
                }
            }
            self.nodes(&arm.body, &mut taken);
            parts += u32::from(!taken.is_empty());
            done.append(&mut taken);
        }
        parts += u32::from(!rest.is_empty());
        done.append(&mut rest);
        *live = done;
        if parts > 1 {
            self.sort(live);
        }
    }

    /// Restores the order of the input; an event made by a filter stands behind the one it was made of.
    fn sort(&self, live: &mut [u32]) {
        if self.parents.is_empty() {
            live.sort_unstable();
            return;
        }
        live.sort_by_cached_key(|&index| {
            let mut way = vec![index];
            let mut at = index;
            while at >= self.first {
                at = self.parents[(at - self.first) as usize];
                way.push(at);
            }
            way.reverse();
            way
        });
    }
}
