//! A compiled pipeline: the program of filters, the output section, and what a worker does with one batch.

use crate::ack::Tally;
use crate::event::Batch;
use crate::filter::condition::Condition;
use crate::filter::program::Program;
use crate::filter::{Fault, Scratch};
use crate::output::dead_letter::{DeadLetter, DeadLetters};
use crate::output::{Output, Parcel, Selected, write_document};
use crate::runtime::Stop;
use crate::telemetry::{CounterName, Metrics};
use crate::world::World;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Between two attempts to write to a dead letter file that fails.
const DEAD_LETTER_RETRY: Duration = Duration::from_secs(1);

/// One step of the output section.
pub enum OutputNode {
    /// Index into the pipeline's outputs.
    Output(usize),
    Branch(Vec<OutputArm>),
}

/// One arm of a branch in the output section.
pub struct OutputArm {
    pub condition: Option<Condition>,
    pub body: Vec<OutputNode>,
}

/// Filters and outputs, ready to work on batches.
pub struct Pipeline {
    pub program: Program,
    pub routing: Vec<OutputNode>,
    pub outputs: Vec<Arc<dyn Output>>,
    pub world: World,
    pub metrics: Metrics,
    pub dead_letters: Arc<DeadLetters>,
    /// Asked when the run gives up what is still in flight.
    pub give_up: Stop,
}

/// What a worker made of a batch: at most one parcel for each output.
pub struct Processed {
    pub seq: u64,
    pub parcels: Vec<(usize, Parcel)>,
}

impl Pipeline {
    /// Filters and encodes one batch. Every event is accounted for: routed, dropped, or in the dead letter file.
    ///
    /// While the dead letter file cannot be written, an event that must go there blocks the worker. `None` when the run
    /// gave up meanwhile: the batch comes to no end then and its source reads it again.
    pub fn process(&self, mut batch: Batch, scratch: &mut Scratch) -> Option<Processed> {
        let read = batch.len() as u64;
        let ran = self.program.run(&mut batch, &self.world, scratch);
        let mut faults = ran.faults;
        let mut to: Vec<Vec<u32>> = vec![Vec::new(); self.outputs.len()];
        let mut unrouted = 0;
        let mut routed = 0;
        let mut way = Vec::new();
        for &index in &ran.live {
            way.clear();
            match self.route(&self.routing, &batch, index, scratch, &mut way) {
                Err(fault) => faults.push((index, fault)),
                Ok(()) if way.is_empty() => unrouted += 1,
                Ok(()) => {
                    routed += 1;
                    for &output in &way {
                        to[output].push(index);
                    }
                }
            }
        }
        while let Err(why) = self.write_faults(&batch, &faults) {
            tracing::error!("cannot write the dead letter file {}: {why}", self.dead_letters.path().display());
            if self.give_up.wait_blocking(DEAD_LETTER_RETRY) {
                return None;
            }
        }
        if ran.dropped > 0 {
            self.metrics.counter(CounterName::DroppedEvents, &[("reason", "filter")]).inc_by(ran.dropped);
        }
        if unrouted > 0 {
            self.metrics.counter(CounterName::DroppedEvents, &[("reason", "no-output")]).inc_by(unrouted);
        }
        if ran.created > 0 {
            self.metrics.counter(CounterName::FilterCreatedEvents, &[]).inc_by(ran.created);
        }
        batch.ack().account(Tally {
            read,
            created: ran.created,
            dropped: ran.dropped + unrouted,
            dead_lettered: faults.len() as u64,
            routed,
            deliveries: to.iter().map(|t| t.len() as u64).sum(),
            ..Tally::default()
        });
        let mut parcels = Vec::new();
        for (output, indices) in to.iter().enumerate().filter(|(_, t)| !t.is_empty()) {
            let mut parcel = Parcel::new(&batch);
            self.outputs[output].encode(&Selected { batch: &batch, indices }, &mut parcel);
            assert_eq!(parcel.items.len(), indices.len(), "an output encodes every event it is given");
            parcels.push((output, parcel));
        }
        batch.ack().processed();
        Some(Processed { seq: batch.seq, parcels })
    }

    fn route(
        &self,
        nodes: &[OutputNode],
        batch: &Batch,
        index: u32,
        scratch: &mut Scratch,
        way: &mut Vec<usize>,
    ) -> Result<(), Fault> {
        for node in nodes {
            match node {
                OutputNode::Output(output) => way.push(*output),
                OutputNode::Branch(arms) => {
                    for arm in arms {
                        let holds = match &arm.condition {
                            None => true,
                            Some(condition) => condition.holds(&batch.events()[index as usize], scratch)?,
                        };
                        if holds {
                            self.route(&arm.body, batch, index, scratch, way)?;
                            break;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn write_faults(&self, batch: &Batch, faults: &[(u32, Fault)]) -> std::io::Result<()> {
        if faults.is_empty() {
            return Ok(());
        }
        let documents: Vec<Vec<u8>> = faults
            .iter()
            .map(|(index, _)| {
                let mut out = Vec::new();
                write_document(&batch.events()[*index as usize], &mut out);
                out
            })
            .collect();
        let letters: Vec<DeadLetter<'_>> = faults
            .iter()
            .zip(&documents)
            .map(|((index, fault), event)| {
                let origin = &batch.events()[*index as usize].origin;
                DeadLetter {
                    reason: fault.reason,
                    message: &fault.message,
                    status: None,
                    source: batch.sources().get(origin.source as usize).map_or("", |s| s.name.as_str()),
                    offset: origin.offset,
                    output: "",
                    event,
                }
            })
            .collect();
        self.dead_letters.write(&letters)
    }
}

/// Puts what the workers made back into the order of the batches.
#[derive(Default)]
pub struct Sequencer {
    state: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    early: BTreeMap<u64, Vec<(usize, Parcel)>>,
}

impl Sequencer {
    /// Takes the result for batch `seq` (`None` when the batch was given up) and calls `release` with every parcel
    /// whose turn has come, in order.
    pub fn put(&self, seq: u64, parcels: Vec<(usize, Parcel)>, mut release: impl FnMut(usize, Parcel)) {
        let mut state = self.state.lock().expect("never poisoned");
        assert!(seq >= state.next, "a batch comes once: {seq} after {}", state.next);
        state.early.insert(seq, parcels);
        loop {
            let next = state.next;
            let Some(parcels) = state.early.remove(&next) else { return };
            for (output, parcel) in parcels {
                release(output, parcel);
            }
            state.next += 1;
        }
    }
}
