//! Values: what a field can hold, as Logstash's event has them.

use super::timestamp::Timestamp;
use std::fmt;

/// Memory that lives as long as its batch.
pub type Arena = bumpalo::Bump;

/// One entry of a map.
pub type Entry<'b> = (&'b str, Value<'b>);

/// What a field holds. Small, `Copy`, immutable.
#[derive(Clone, Copy, PartialEq)]
pub enum Value<'b> {
    Null,
    Bool(bool),
    /// A Java long.
    Int(i64),
    /// A Java double.
    Float(f64),
    /// A number kept as text: an integer beyond 64 bits, or a decimal of the json filter (`1.50`, `1E+3`), already in the
    /// form in which Java's BigInteger and BigDecimal print it.
    Number(&'b str),
    Str(&'b str),
    Timestamp(Timestamp),
    List(&'b [Value<'b>]),
    Map(&'b Map<'b>),
}

/// A map: entries in the order of their first setting, and the rendered JSON where it is known already.
pub struct Map<'b> {
    pub entries: &'b [Entry<'b>],
    /// The JSON text of this map, for maps that many events share (host, agent, container): outputs copy it.
    pub json: Option<&'b str>,
}

impl<'b> Map<'b> {
    /// A map over entries that lie in the arena.
    pub fn new_in(arena: &'b Arena, entries: &'b [Entry<'b>]) -> &'b Map<'b> {
        arena.alloc(Map { entries, json: None })
    }

    /// A map of copied entries.
    pub fn from_entries(arena: &'b Arena, entries: &[Entry<'b>]) -> &'b Map<'b> {
        Map::new_in(arena, arena.alloc_slice_copy(entries))
    }

    pub fn get(&self, name: &str) -> Option<Value<'b>> {
        self.entries.iter().find(|(k, _)| *k == name).map(|(_, v)| *v)
    }

    pub fn contains(&self, name: &str) -> bool {
        self.entries.iter().any(|(k, _)| *k == name)
    }

    /// This map with `name` set to `value`.
    pub fn with(&self, arena: &'b Arena, name: &'b str, value: Value<'b>) -> &'b Map<'b> {
        let at = self.entries.iter().position(|(k, _)| *k == name);
        let len = self.entries.len();
        let entries: &'b [Entry<'b>] = match at {
            Some(at) => arena.alloc_slice_fill_with(len, |i| if i == at { (name, value) } else { self.entries[i] }),
            None => arena.alloc_slice_fill_with(len + 1, |i| if i == len { (name, value) } else { self.entries[i] }),
        };
        Map::new_in(arena, entries)
    }

    /// This map without `name`, or `None` when it has no such entry.
    pub fn without(&self, arena: &'b Arena, name: &str) -> Option<&'b Map<'b>> {
        let at = self.entries.iter().position(|(k, _)| *k == name)?;
        let entries: &'b [Entry<'b>] =
            arena.alloc_slice_fill_with(self.entries.len() - 1, |i| self.entries[if i < at { i } else { i + 1 }]);
        Some(Map::new_in(arena, entries))
    }
}

impl PartialEq for Map<'_> {
    /// Equal content; the order of entries does not count.
    fn eq(&self, other: &Map<'_>) -> bool {
        self.entries.len() == other.entries.len() && self.entries.iter().all(|(k, v)| other.get(k) == Some(*v))
    }
}

impl fmt::Debug for Map<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries.iter().map(|(k, v)| (k, v))).finish()
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(b) => write!(f, "{b}"),
            Value::Int(i) => write!(f, "{i}"),
            Value::Float(x) => write!(f, "{x:?}"),
            Value::Number(t) => write!(f, "{t}n"),
            Value::Str(s) => write!(f, "{s:?}"),
            Value::Timestamp(t) => write!(f, "@{t}"),
            Value::List(l) => f.debug_list().entries(l.iter()).finish(),
            Value::Map(m) => m.fmt(f),
        }
    }
}

impl<'b> Value<'b> {
    /// Copies a text into the arena.
    pub fn text(arena: &'b Arena, text: &str) -> Value<'b> {
        Value::Str(arena.alloc_str(text))
    }

    pub fn as_str(&self) -> Option<&'b str> {
        if let Value::Str(s) = self { Some(s) } else { None }
    }

    pub fn as_map(&self) -> Option<&'b Map<'b>> {
        if let Value::Map(m) = self { Some(m) } else { None }
    }

    pub fn as_list(&self) -> Option<&'b [Value<'b>]> {
        if let Value::List(l) = self { Some(l) } else { None }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The value as a double, for the number types.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Int(i) => Some(*i as f64),
            Value::Float(x) => Some(*x),
            Value::Number(t) => t.parse().ok(),
            _ => None,
        }
    }

    /// The name of its type for messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Int(_) => "integer",
            Value::Float(_) | Value::Number(_) => "number",
            Value::Str(_) => "string",
            Value::Timestamp(_) => "timestamp",
            Value::List(_) => "array",
            Value::Map(_) => "object",
        }
    }

    /// A deep copy into another arena (another batch, or a longer life).
    pub fn copy_to<'c>(&self, arena: &'c Arena) -> Value<'c> {
        match self {
            Value::Null => Value::Null,
            Value::Bool(b) => Value::Bool(*b),
            Value::Int(i) => Value::Int(*i),
            Value::Float(x) => Value::Float(*x),
            Value::Number(t) => Value::Number(arena.alloc_str(t)),
            Value::Str(s) => Value::Str(arena.alloc_str(s)),
            Value::Timestamp(t) => Value::Timestamp(*t),
            Value::List(l) => Value::List(arena.alloc_slice_fill_with(l.len(), |i| l[i].copy_to(arena))),
            Value::Map(m) => Value::Map(m.copy_to(arena)),
        }
    }
}

impl Map<'_> {
    /// A deep copy into another arena.
    pub fn copy_to<'c>(&self, arena: &'c Arena) -> &'c Map<'c> {
        let entries: &'c [Entry<'c>] = arena.alloc_slice_fill_with(self.entries.len(), |i| {
            let (k, v) = &self.entries[i];
            (&*arena.alloc_str(k), v.copy_to(arena))
        });
        arena.alloc(Map { entries, json: self.json.map(|j| &*arena.alloc_str(j)) })
    }
}
