//! Outputs: where events go.
//!
//! Belongs here: one file or folder per output plugin, what an output hands over (the [`Parcel`]) and the dead letter
//! file. Must not be here: filters, or the decision which event goes where (the plan's output section decides that).
//!
//! An output has two verbs. [`Output::encode`] runs on a worker thread and turns events into bytes, without any wait.
//! [`Output::deliver`] brings those bytes to their end, however long it takes: it retries, splits, dead-letters, and
//! reports every item to the batch's ack exactly once.

pub mod alertmanager;
pub mod beats;
pub mod dead_letter;
pub mod delivery;
pub mod document_id;
pub mod elasticsearch;
pub mod file;
pub mod http;
pub mod local;
pub mod null;
pub mod plain;
pub mod registry;
pub mod stdout;

#[cfg(test)]
pub mod testing;

use self::dead_letter::DeadLetters;
use crate::ack::BatchAck;
use crate::event::value::Entry;
use crate::event::{Batch, Event, SourceMeta};
use crate::runtime::Stop;
use crate::telemetry::Metrics;
use crate::world::{BoxFuture, World};
use std::ops::Range;
use std::sync::Arc;

/// What an output is built with.
#[derive(Clone)]
pub struct OutputCx {
    pub world: World,
    pub metrics: Metrics,
    pub stop: Stop,
    pub dead_letters: Arc<DeadLetters>,
    /// Its `id`, or its plugin's name and place: the `output` label of its metrics.
    pub id: String,
    /// Its place among the outputs of its kind, from 0: from the second on it is part of a derived document id, since two
    /// outputs may write into one index.
    pub place: u32,
}

/// Events of a batch that go to one output.
pub struct Selected<'a> {
    pub batch: &'a Batch,
    pub indices: &'a [u32],
}

impl<'a> Selected<'a> {
    pub fn iter(&self) -> impl Iterator<Item = &'a Event<'a>> {
        let events = self.batch.events();
        self.indices.iter().map(move |&i| &events[i as usize])
    }
}

/// One event inside a parcel.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its bytes in the parcel's body.
    pub bytes: Range<u32>,
    /// The event as JSON inside those bytes, for the dead letter file; empty when the bytes are something else.
    pub document: Range<u32>,
    /// True when this program derived the document's id: then a conflict means "it is there already".
    pub derived_id: bool,
    pub source: u32,
    pub offset: u64,
}

/// Rendered events on their way to one output. It owns its bytes; the batch may be gone already.
pub struct Parcel {
    pub body: Vec<u8>,
    pub items: Vec<Item>,
    /// The sources that `Item::source` counts.
    pub sources: Vec<Arc<SourceMeta>>,
    pub ack: Arc<BatchAck>,
    /// Running number of the batch: deliveries of ordered outputs follow it.
    pub seq: u64,
}

impl Parcel {
    /// An empty parcel for a batch.
    pub fn new(batch: &Batch) -> Parcel {
        Parcel {
            body: Vec::new(),
            items: Vec::new(),
            sources: batch.sources().to_vec(),
            ack: Arc::clone(batch.ack()),
            seq: batch.seq,
        }
    }

    /// Adds an item whose bytes `write` appends to the body; `write` returns where in the body the document lies.
    pub fn add(&mut self, event: &Event<'_>, derived_id: bool, write: impl FnOnce(&mut Vec<u8>) -> Range<usize>) {
        let start = self.body.len();
        let document = write(&mut self.body);
        let end = self.body.len();
        assert!(end < u32::MAX as usize, "a parcel is smaller than 4 GiB");
        self.items.push(Item {
            bytes: start as u32..end as u32,
            document: document.start as u32..document.end as u32,
            derived_id,
            source: event.origin.source,
            offset: event.origin.offset,
        });
    }

    /// The bytes of an item.
    pub fn bytes(&self, item: &Item) -> &[u8] {
        &self.body[item.bytes.start as usize..item.bytes.end as usize]
    }

    /// The document of an item.
    pub fn document(&self, item: &Item) -> &[u8] {
        &self.body[item.document.start as usize..item.document.end as usize]
    }

    /// For people: the source of an item.
    pub fn source_name(&self, item: &Item) -> &str {
        self.sources.get(item.source as usize).map_or("", |s| s.name.as_str())
    }
}

/// Writes an event as the JSON document that leaves the pipeline: its fields, never its metadata.
pub fn write_document(event: &Event<'_>, out: &mut Vec<u8>) {
    let fields: &[Entry<'_>] = event.fields();
    crate::event::json::write_entries(fields, out);
}

/// An output plugin.
pub trait Output: Send + Sync {
    /// Its name in the configuration.
    fn plugin(&self) -> &'static str;

    /// Adds the selected events to the parcel, one item each. An event that this output leaves out by its own rules
    /// still gets an item (with empty bytes), so that the account adds up.
    fn encode(&self, events: &Selected<'_>, parcel: &mut Parcel);

    /// Brings a parcel to its end: every item is reported to `parcel.ack` exactly once, as delivered or dead-lettered.
    /// If the run is asked to stop it may return early; what was not reported is read again by its source.
    fn deliver<'a>(&'a self, parcel: Parcel) -> BoxFuture<'a, ()>;

    /// How many parcels may be in delivery at once; 1 keeps their order.
    fn in_flight_max(&self) -> usize {
        1
    }

    /// True when a request may leave the machine before its source's state is durable: then the registry is synced
    /// first, so that a line read again after a crash gets the same id and the same index.
    fn needs_durable_source(&self) -> bool {
        false
    }

    /// Work that goes on beside deliveries (re-sending alerts); ends when the run stops.
    fn background<'a>(&'a self) -> Option<BoxFuture<'a, ()>> {
        None
    }
}
