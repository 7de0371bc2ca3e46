//! A batch: events together with the memory that they point into.

use super::fields::Event;
use super::value::{Arena, Entry, Map, Value};
use crate::ack::BatchAck;
use std::sync::Arc;

/// What all events of one source (file, connection, stdin) share, built once.
///
/// The entries point into the arena beside them; a batch that uses them keeps the whole alive.
pub struct SourceMeta {
    /// For people: a path, an address, `stdin`.
    pub name: String,
    entries: Vec<Entry<'static>>,
    metadata: Option<&'static Map<'static>>,
    /// Last: the entries above point into it.
    _arena: Box<Arena>,
}

// SAFETY: the arena is only written in `SourceMeta::build`, before anybody else can see it; after that everything
// reachable from here is immutable.
unsafe impl Send for SourceMeta {}
unsafe impl Sync for SourceMeta {}

impl SourceMeta {
    /// Builds the shared entries. `fill` gets the arena that they must lie in.
    pub fn build(
        name: impl Into<String>,
        fill: impl for<'b> FnOnce(&'b Arena, &mut Vec<Entry<'b>>) -> Option<&'b Map<'b>>,
    ) -> Arc<SourceMeta> {
        let arena = Box::new(Arena::new());
        let mut entries = Vec::new();
        let metadata = fill(&arena, &mut entries);
        // SAFETY: the arena is boxed, so its address and its chunks stay where they are for as long as `_arena` lives,
        // and no reference leaves this type with a life longer than a borrow of it.
        let (entries, metadata) = unsafe {
            (
                std::mem::transmute::<Vec<Entry<'_>>, Vec<Entry<'static>>>(entries),
                std::mem::transmute::<Option<&Map<'_>>, Option<&'static Map<'static>>>(metadata),
            )
        };
        Arc::new(SourceMeta { name: name.into(), entries, metadata, _arena: arena })
    }

    /// Without any shared entries.
    pub fn named(name: impl Into<String>) -> Arc<SourceMeta> {
        SourceMeta::build(name, |_, _| None)
    }

    pub fn entries(&self) -> &[Entry<'_>] {
        &self.entries
    }

    pub fn metadata(&self) -> Option<&Map<'_>> {
        self.metadata
    }
}

/// Events, the bytes they were read from, and the arena that holds the rest.
///
/// Everything an event points to lives until the batch is dropped: in the arena, in a buffer or a source kept here.
pub struct Batch {
    /// First, so that it is dropped before the memory it points into.
    events: Vec<Event<'static>>,
    sources: Vec<Arc<SourceMeta>>,
    buffers: Vec<Arc<[u8]>>,
    arena: Box<Arena>,
    /// Running number of the batch in its pipeline: order is restored by it.
    pub seq: u64,
    ack: Arc<BatchAck>,
}

// SAFETY: the events point only into memory owned by this batch (arena) or shared immutably (buffers, sources); moving
// the batch to another thread moves all of it.
unsafe impl Send for Batch {}

/// What a batch lends for changing its events.
pub struct BatchMut<'b, 'v> {
    pub arena: &'b Arena,
    pub events: &'v mut Vec<Event<'b>>,
    sources: &'v mut Vec<Arc<SourceMeta>>,
    buffers: &'v mut Vec<Arc<[u8]>>,
}

impl<'b> BatchMut<'b, '_> {
    /// Keeps a source alive with the batch and lends its shared entries. The index is what `Origin::source` names.
    pub fn attach(&mut self, source: &Arc<SourceMeta>) -> (u32, &'b [Entry<'b>], Option<&'b Map<'b>>) {
        let index = match self.sources.iter().rposition(|s| Arc::ptr_eq(s, source)) {
            Some(index) => index,
            None => {
                self.sources.push(Arc::clone(source));
                self.sources.len() - 1
            }
        };
        // SAFETY: the batch holds the Arc until it is dropped, and 'b cannot outlive the batch.
        let entries = unsafe { std::mem::transmute::<&[Entry<'_>], &'b [Entry<'b>]>(source.entries()) };
        let metadata = unsafe { std::mem::transmute::<Option<&Map<'_>>, Option<&'b Map<'b>>>(source.metadata()) };
        (index as u32, entries, metadata)
    }

    /// Keeps a read buffer alive with the batch and lends its bytes.
    pub fn keep(&mut self, buffer: Arc<[u8]>) -> &'b [u8] {
        // SAFETY: the batch holds the Arc until it is dropped; the bytes behind an Arc<[u8]> never move.
        let bytes = unsafe { std::mem::transmute::<&[u8], &'b [u8]>(&buffer[..]) };
        self.buffers.push(buffer);
        bytes
    }
}

impl Batch {
    /// An empty batch whose end is reported through `ack`.
    pub fn new(ack: Arc<BatchAck>) -> Batch {
        Batch { events: vec![], sources: vec![], buffers: vec![], arena: Box::new(Arena::new()), seq: 0, ack }
    }

    /// An empty batch that nobody waits for, for tests and tools.
    pub fn detached() -> Batch {
        Batch::new(BatchAck::detached())
    }

    pub fn ack(&self) -> &Arc<BatchAck> {
        &self.ack
    }

    pub fn len(&self) -> usize {
        self.events.len()
    }

    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    pub fn events(&self) -> &[Event<'_>] {
        // SAFETY: shortens the life of the events to the borrow; `Event` is not changed through a shared reference.
        unsafe { std::mem::transmute::<&[Event<'static>], &[Event<'_>]>(&self.events) }
    }

    /// The sources of the batch's events, as `Origin::source` counts them.
    pub fn sources(&self) -> &[Arc<SourceMeta>] {
        &self.sources
    }

    /// Bytes held by the arena.
    pub fn arena_bytes(&self) -> usize {
        self.arena.allocated_bytes()
    }

    /// Lends the events and the arena for change.
    pub fn change<R>(&mut self, f: impl for<'b, 'v> FnOnce(BatchMut<'b, 'v>) -> R) -> R {
        let Batch { events, sources, buffers, arena, .. } = self;
        // SAFETY: `f` works for every 'b, so it can put nothing into the events that lives shorter than 'b but what it
        // got from this very arena, its buffers and its sources, and it can take nothing out that outlives the call.
        let events = unsafe { std::mem::transmute::<&mut Vec<Event<'static>>, &mut Vec<Event<'_>>>(events) };
        f(BatchMut { arena, events, sources, buffers })
    }
}

/// Copies entries of a map value so that outputs can render them once: the map with its JSON attached.
pub fn with_json<'b>(arena: &'b Arena, value: Value<'b>) -> Value<'b> {
    match value {
        Value::Map(m) if m.json.is_none() => {
            let mut out = Vec::new();
            super::json::write(&value, &mut out);
            let json = arena.alloc_str(std::str::from_utf8(&out).expect("rendered JSON is UTF-8"));
            Value::Map(arena.alloc(Map { entries: m.entries, json: Some(json) }))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::fields::Origin;

    #[test]
    fn a_batch_keeps_what_its_events_point_to() {
        let source = SourceMeta::build("s", |arena, entries| {
            entries
                .push(("host", with_json(arena, Value::Map(Map::from_entries(arena, &[("name", Value::Str("h"))])))));
            None
        });
        let mut batch = Batch::detached();
        batch.change(|mut b| {
            let bytes = b.keep(Arc::from(&b"a line"[..]));
            let (index, entries, _) = b.attach(&source);
            let mut e = Event::new(b.arena, Origin { source: index, ..Origin::default() });
            e.push("message", Value::Str(std::str::from_utf8(bytes).unwrap()));
            for (k, v) in entries {
                e.push(k, *v);
            }
            b.events.push(e);
        });
        drop(source);
        let moved = std::thread::spawn(move || batch).join().unwrap();
        let e = &moved.events()[0];
        assert_eq!(e.top("message"), Some(Value::Str("a line")));
        assert_eq!(e.top("host").unwrap().as_map().unwrap().json, Some(r#"{"name":"h"}"#));
    }
}
