//! The event: its fields, its metadata, where it came from.
//!
//! Reading and writing follow Logstash's Accessors.java, odd as it is: below a list only a whole number reaches an
//! element, any other name is silently lost; below a scalar a write fails.

use super::field_ref::{FieldRef, Root, Step};
use super::timestamp::Timestamp;
use super::value::{Arena, Entry, Map, Value};
use std::fmt;

/// A list that is extended by writing to an index may grow by at most this many elements at once.
pub const LIST_GROWTH_MAX: usize = 100_000;

/// Where an event was read, and so what its derived document id is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The key of the file or other source; durable for what can be read again, else unique to this run.
    pub key: u64,
    /// Byte offset of the event's first byte in its source, or a running number.
    pub offset: u64,
    /// Zero for the event as read; for what a filter makes of it, the place in the plan and the ordinal.
    pub place: u64,
    /// Index of its source in the batch.
    pub source: u32,
    /// Bytes of the source that the event stands for, its line end included.
    pub len: u32,
    /// Which input of the plan read it.
    pub input: u32,
}

impl Origin {
    /// The origin of the n-th of several events that one read text holds, from 0: the first keeps the text's own.
    pub fn part(self, n: u64) -> Origin {
        if n == 0 { self } else { Origin { place: mix(self.place, n), ..self } }
    }
}

/// One event of a batch.
pub struct Event<'b> {
    arena: &'b Arena,
    fields: bumpalo::collections::Vec<'b, Entry<'b>>,
    metadata: &'b Map<'b>,
    pub origin: Origin,
    /// The document id that came with the event from another logdrive or Filebeat (`[@metadata][_id]`).
    pub given_id: Option<&'b str>,
    cancelled: bool,
}

/// Why a field could not be set; the filter that wanted it fails on this event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetError {
    /// The path goes through a value that has no fields.
    NotAContainer { path: String, found: &'static str },
    /// `@timestamp` takes a timestamp only.
    NotATimestamp { found: &'static str },
    /// `[@metadata]` as a whole takes a map only.
    MetadataNotAMap,
    /// `tags` takes a string or a list of strings, and nothing can be set below it.
    NotTags { path: String, found: &'static str },
    /// A list would grow beyond [`LIST_GROWTH_MAX`] at once.
    IndexTooLarge { path: String },
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetError::NotAContainer { path, found } => {
                write!(f, "cannot set `{path}`: it lies below a value of type {found}")
            }
            SetError::NotATimestamp { found } => write!(f, "cannot set `@timestamp` to a value of type {found}"),
            SetError::MetadataNotAMap => f.write_str("cannot set `[@metadata]` to what is not a map"),
            SetError::NotTags { path, found } => {
                write!(f, "cannot set `{path}` to a value of type {found}: `tags` is a string or a list of strings")
            }
            SetError::IndexTooLarge { path } => {
                write!(f, "cannot set `{path}`: the index is too far beyond the list's end")
            }
        }
    }
}

impl<'b> Event<'b> {
    /// An event without fields.
    pub fn new(arena: &'b Arena, origin: Origin) -> Event<'b> {
        Event {
            arena,
            fields: bumpalo::collections::Vec::with_capacity_in(16, arena),
            metadata: empty_map(arena),
            origin,
            given_id: None,
            cancelled: false,
        }
    }

    pub fn arena(&self) -> &'b Arena {
        self.arena
    }

    /// The top-level fields in the order of their first setting, `[@metadata]` not among them.
    pub fn fields(&self) -> &[Entry<'b>] {
        &self.fields
    }

    pub fn metadata(&self) -> &'b Map<'b> {
        self.metadata
    }

    pub fn set_metadata(&mut self, map: &'b Map<'b>) {
        self.metadata = map;
    }

    /// Adds a field that is known to be absent; the fast way for inputs.
    pub fn push(&mut self, name: &'b str, value: Value<'b>) {
        self.fields.push((name, value));
    }

    /// A top-level field by its name.
    pub fn top(&self, name: &str) -> Option<Value<'b>> {
        self.fields.iter().find(|(k, _)| *k == name).map(|(_, v)| *v)
    }

    /// Sets a top-level field without looking at types.
    pub fn set_top(&mut self, name: &str, value: Value<'b>) {
        match self.fields.iter_mut().find(|(k, _)| *k == name) {
            Some(entry) => entry.1 = value,
            None => {
                let name = self.arena.alloc_str(name);
                self.fields.push((name, value));
            }
        }
    }

    /// Removes a top-level field and returns it.
    pub fn remove_top(&mut self, name: &str) -> Option<Value<'b>> {
        let at = self.fields.iter().position(|(k, _)| *k == name)?;
        Some(self.fields.remove(at).1)
    }

    /// The event's `@timestamp`, when it has one.
    pub fn timestamp(&self) -> Option<Timestamp> {
        match self.top("@timestamp") {
            Some(Value::Timestamp(t)) => Some(t),
            _ => None,
        }
    }

    /// Reads a field; a field that holds null is `Some(Value::Null)`.
    pub fn get(&self, r: &FieldRef) -> Option<Value<'b>> {
        let (mut value, rest) = match r.root {
            Root::Metadata => (Value::Map(self.metadata), &r.steps[..]),
            Root::Event => (self.top(&r.steps[0].name)?, &r.steps[1..]),
        };
        for step in rest {
            value = fetch(value, step)?;
        }
        Some(value)
    }

    /// True when the field exists, be it null.
    pub fn includes(&self, r: &FieldRef) -> bool {
        self.get(r).is_some()
    }

    /// Sets a field, making the maps on its way.
    ///
    /// # Errors
    /// [`SetError`]; the event is unchanged then. A name below a list that is no index changes nothing and is no error,
    /// as in Logstash.
    pub fn set(&mut self, r: &FieldRef, value: Value<'b>) -> Result<(), SetError> {
        match r.root {
            Root::Metadata => {
                if r.steps.is_empty() {
                    self.metadata = value.as_map().ok_or(SetError::MetadataNotAMap)?;
                    return Ok(());
                }
                let new = set_in(self.arena, Some(Value::Map(self.metadata)), &r.steps, value, r)?;
                if let Some(Value::Map(m)) = new {
                    self.metadata = m;
                }
            }
            Root::Event if r.steps.len() == 1 => {
                let name = &*r.steps[0].name;
                if name == "@timestamp" && !matches!(value, Value::Timestamp(_)) {
                    return Err(SetError::NotATimestamp { found: value.type_name() });
                }
                if name == "tags" && !are_tags(&value) {
                    return Err(SetError::NotTags { path: r.to_string(), found: value.type_name() });
                }
                self.set_top(name, value);
            }
            Root::Event => {
                let name = &*r.steps[0].name;
                if name == "tags" {
                    return Err(SetError::NotTags { path: r.to_string(), found: value.type_name() });
                }
                if let Some(new) = set_in(self.arena, self.top(name), &r.steps[1..], value, r)? {
                    self.set_top(name, new);
                }
            }
        }
        Ok(())
    }

    /// Removes a field and returns it.
    pub fn remove(&mut self, r: &FieldRef) -> Option<Value<'b>> {
        match r.root {
            Root::Metadata => {
                if r.steps.is_empty() {
                    let old = Value::Map(self.metadata);
                    self.metadata = empty_map(self.arena);
                    return Some(old);
                }
                let (new, old) = remove_in(self.arena, Value::Map(self.metadata), &r.steps)?;
                if let Value::Map(m) = new {
                    self.metadata = m;
                }
                Some(old)
            }
            Root::Event if r.steps.len() == 1 => self.remove_top(&r.steps[0].name),
            Root::Event => {
                let name = &*r.steps[0].name;
                let (new, old) = remove_in(self.arena, self.top(name)?, &r.steps[1..])?;
                self.set_top(name, new);
                Some(old)
            }
        }
    }

    /// Adds a tag as Logstash's decorators do: no test for a tag that is there already; a scalar `tags` becomes a list.
    pub fn tag(&mut self, tag: &str) {
        let tag = Value::text(self.arena, tag);
        let tags = match self.top("tags") {
            None | Some(Value::Null) => &*self.arena.alloc_slice_copy(&[tag]),
            Some(Value::List(old)) => {
                &*self.arena.alloc_slice_fill_with(old.len() + 1, |i| if i < old.len() { old[i] } else { tag })
            }
            Some(old) => &*self.arena.alloc_slice_copy(&[old, tag]),
        };
        self.set_top("tags", Value::List(tags));
    }

    /// Adds a failure tag: as Logstash's `event.tag`, which does not add a tag twice.
    pub fn tag_once(&mut self, tag: &str) {
        if !self.has_tag(tag) {
            self.tag(tag);
        }
    }

    pub fn has_tag(&self, tag: &str) -> bool {
        match self.top("tags") {
            Some(Value::List(l)) => l.iter().any(|v| v.as_str() == Some(tag)),
            Some(Value::Str(s)) => s == tag,
            _ => false,
        }
    }

    /// Takes the event out of the pipeline; it ends as dropped by the configuration.
    pub fn cancel(&mut self) {
        self.cancelled = true;
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    /// A copy of the event as a filter makes one; `place` tells it apart from all others of the same origin.
    pub fn derive(&self, place: u64) -> Event<'b> {
        let mut origin = self.origin;
        origin.place = mix(self.origin.place, place);
        let mut fields = bumpalo::collections::Vec::with_capacity_in(self.fields.len() + 4, self.arena);
        fields.extend_from_slice(&self.fields);
        Event { arena: self.arena, fields, metadata: self.metadata, origin, given_id: self.given_id, cancelled: false }
    }

    /// Removes all fields and metadata.
    pub fn clear(&mut self) {
        self.fields.clear();
        self.metadata = empty_map(self.arena);
    }

    /// Keeps the top-level fields for which `keep` holds.
    pub fn retain(&mut self, keep: impl FnMut(&Entry<'b>) -> bool) {
        let mut keep = keep;
        self.fields.retain(|e| keep(e));
    }
}

/// True for what `tags` may hold: a string or a list of strings.
pub fn are_tags(value: &Value<'_>) -> bool {
    match value {
        Value::Str(_) => true,
        Value::List(l) => l.iter().all(|v| v.as_str().is_some()),
        _ => false,
    }
}

/// Combines the place of a parent with that of its child; never zero, which means "as read".
fn mix(parent: u64, place: u64) -> u64 {
    let mut x = parent.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ place.wrapping_add(0x2545_F491_4F6C_DD1D);
    x ^= x >> 31;
    x = x.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    (x ^ (x >> 32)).max(1)
}

fn empty_map<'b>(arena: &'b Arena) -> &'b Map<'b> {
    Map::new_in(arena, &[])
}

fn list_index(index: i32, len: usize) -> Option<usize> {
    let at = if index < 0 { len as i64 + i64::from(index) } else { i64::from(index) };
    (0..len as i64).contains(&at).then_some(at as usize)
}

fn fetch<'b>(value: Value<'b>, step: &Step) -> Option<Value<'b>> {
    match value {
        Value::Map(m) => m.get(&step.name),
        Value::List(l) => l.get(list_index(step.index?, l.len())?).copied(),
        _ => None,
    }
}

/// The container with the value set below it; `None` when nothing was to be set (a name below a list).
fn set_in<'b>(
    arena: &'b Arena,
    container: Option<Value<'b>>,
    steps: &[Step],
    value: Value<'b>,
    whole: &FieldRef,
) -> Result<Option<Value<'b>>, SetError> {
    let Some((step, rest)) = steps.split_first() else { return Ok(Some(value)) };
    match container {
        None => {
            let inner = set_in(arena, None, rest, value, whole)?.unwrap_or(Value::Null);
            let name = &*arena.alloc_str(&step.name);
            Ok(Some(Value::Map(Map::from_entries(arena, &[(name, inner)]))))
        }
        Some(Value::Map(m)) => match set_in(arena, m.get(&step.name), rest, value, whole)? {
            Some(inner) => {
                let known = m.entries.iter().find(|(k, _)| *k == &*step.name).map(|(k, _)| *k);
                let name = known.unwrap_or_else(|| arena.alloc_str(&step.name));
                Ok(Some(Value::Map(m.with(arena, name, inner))))
            }
            None => Ok(None),
        },
        Some(Value::List(l)) => {
            let Some(index) = step.index else { return Ok(None) };
            let at = match list_index(index, l.len()) {
                Some(at) => at,
                None if index >= 0 => index as usize,
                None => return Ok(None),
            };
            if at >= l.len() + LIST_GROWTH_MAX {
                return Err(SetError::IndexTooLarge { path: whole.to_string() });
            }
            let Some(inner) = set_in(arena, l.get(at).copied(), rest, value, whole)? else { return Ok(None) };
            let len = l.len().max(at + 1);
            let list = arena
                .alloc_slice_fill_with(len, |i| if i == at { inner } else { l.get(i).copied().unwrap_or(Value::Null) });
            Ok(Some(Value::List(list)))
        }
        Some(other) => Err(SetError::NotAContainer { path: whole.to_string(), found: other.type_name() }),
    }
}

fn remove_in<'b>(arena: &'b Arena, container: Value<'b>, steps: &[Step]) -> Option<(Value<'b>, Value<'b>)> {
    let (step, rest) = steps.split_first()?;
    match container {
        Value::Map(m) => {
            let old = m.get(&step.name)?;
            if rest.is_empty() {
                return Some((Value::Map(m.without(arena, &step.name)?), old));
            }
            let (inner, old) = remove_in(arena, old, rest)?;
            let name = m.entries.iter().find(|(k, _)| *k == &*step.name)?.0;
            Some((Value::Map(m.with(arena, name, inner)), old))
        }
        Value::List(l) => {
            let at = list_index(step.index?, l.len())?;
            if rest.is_empty() {
                let list = arena.alloc_slice_fill_with(l.len() - 1, |i| l[if i < at { i } else { i + 1 }]);
                return Some((Value::List(list), l[at]));
            }
            let (inner, old) = remove_in(arena, l[at], rest)?;
            let list = arena.alloc_slice_fill_with(l.len(), |i| if i == at { inner } else { l[i] });
            Some((Value::List(list), old))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn r(text: &str) -> FieldRef {
        FieldRef::parse(text).unwrap()
    }

    #[test]
    fn setting_makes_the_maps_on_its_way_and_removing_leaves_them() {
        let arena = Arena::new();
        let mut e = Event::new(&arena, Origin::default());
        e.set(&r("[a][b][c]"), Value::Int(1)).unwrap();
        e.set(&r("[a][b][d]"), Value::Int(2)).unwrap();
        assert_eq!(e.get(&r("[a][b][c]")), Some(Value::Int(1)));
        assert_eq!(e.remove(&r("[a][b][c]")), Some(Value::Int(1)));
        assert_eq!(e.get(&r("[a][b][c]")), None);
        assert_eq!(e.get(&r("[a][b][d]")), Some(Value::Int(2)));
    }

    #[test]
    fn below_a_list_only_an_index_is_set_and_below_a_scalar_nothing() {
        let arena = Arena::new();
        let mut e = Event::new(&arena, Origin::default());
        e.set(&r("l"), Value::List(arena.alloc_slice_copy(&[Value::Int(1)]))).unwrap();
        e.set(&r("[l][k]"), Value::Int(9)).unwrap();
        assert_eq!(e.get(&r("l")), Some(Value::List(&[Value::Int(1)])));
        e.set(&r("[l][2]"), Value::Int(3)).unwrap();
        assert_eq!(e.get(&r("l")), Some(Value::List(&[Value::Int(1), Value::Null, Value::Int(3)])));
        assert_eq!(e.get(&r("[l][-1]")), Some(Value::Int(3)));
        e.set(&r("s"), Value::Str("x")).unwrap();
        assert!(matches!(e.set(&r("[s][k]"), Value::Int(1)), Err(SetError::NotAContainer { .. })));
        assert!(matches!(e.set(&r("[l][400000]"), Value::Int(1)), Err(SetError::IndexTooLarge { .. })));
    }

    #[test]
    fn metadata_is_apart_from_the_fields() {
        let arena = Arena::new();
        let mut e = Event::new(&arena, Origin::default());
        e.set(&r("[@metadata][x][y]"), Value::Int(1)).unwrap();
        assert!(e.fields().is_empty());
        assert_eq!(e.get(&r("[@metadata][x][y]")), Some(Value::Int(1)));
        assert_eq!(e.set(&r("[@metadata]"), Value::Int(1)), Err(SetError::MetadataNotAMap));
    }

    #[test]
    fn tags_are_a_string_or_a_list_of_strings() {
        let arena = Arena::new();
        let mut e = Event::new(&arena, Origin::default());
        e.set(&r("tags"), Value::Str("a")).unwrap();
        e.set(&r("tags"), Value::List(&[Value::Str("a")])).unwrap();
        for bad in [Value::Int(1), Value::Null, Value::List(&[Value::Null])] {
            assert!(matches!(e.set(&r("tags"), bad), Err(SetError::NotTags { .. })));
        }
        assert!(matches!(e.set(&r("[tags][k]"), Value::Str("a")), Err(SetError::NotTags { .. })));
        assert_eq!(e.top("tags"), Some(Value::List(&[Value::Str("a")])));
    }

    #[test]
    fn a_copy_has_its_own_place_and_its_own_fields() {
        let arena = Arena::new();
        let mut e = Event::new(&arena, Origin { key: 1, offset: 2, ..Origin::default() });
        e.set(&r("[a][b]"), Value::Int(1)).unwrap();
        let mut c = e.derive(7);
        let d = e.derive(8);
        c.set(&r("[a][b]"), Value::Int(2)).unwrap();
        assert_eq!(e.get(&r("[a][b]")), Some(Value::Int(1)));
        assert_ne!(c.origin.place, d.origin.place);
        assert_ne!(c.derive(8).origin.place, d.origin.place);
    }
}
