//! `mutate`: changes fields.
//!
//! Original: <https://www.elastic.co/guide/en/logstash/8.19/plugins-filters-mutate.html>. The operations run in a fixed
//! order, whatever order they are written in; the entries of one hash in the order of a Java HashMap. An operation that
//! fails keeps what was done before it, tags the event, and skips the rest, the common options too.
//! Deviations: none known.
//!
//! Belongs here: the operations (`convert.rs`, `text.rs` hold what they do to single values). Must not be here: how the
//! regular expressions of `gsub` are read (`regexp`), and the common options (`filter/common.rs`).

mod build;
mod convert;
mod text;

#[cfg(test)]
mod tests;

pub use build::{OPTIONS, build};
pub use convert::Kind;

use super::common::{Name, render, ruby_array};
use super::{Fault, Filter, FilterCx, Outcome, Slot};
use crate::event::{Event, FieldRef, Map, Template, Value, ruby};
use crate::regexp::{Regex, Replacement};
use crate::world::Clock;

/// A field reference of the configuration; one that is none fails on every event, as in the original.
pub type Field = Result<FieldRef, String>;

/// The operations in the order in which they run. The entries of each stand in the order in which they are applied.
#[derive(Debug, Default)]
pub struct Config {
    pub coerce: Vec<(Field, Template)>,
    pub rename: Vec<(Name, Name)>,
    pub update: Vec<(Field, Template)>,
    pub replace: Vec<(Field, Template)>,
    pub convert: Vec<(Field, Kind)>,
    pub gsub: Vec<Gsub>,
    pub uppercase: Vec<Field>,
    pub capitalize: Vec<Field>,
    pub lowercase: Vec<Field>,
    pub strip: Vec<Field>,
    pub split: Vec<(Field, Separator)>,
    pub join: Vec<(Field, Separator)>,
    pub merge: Vec<(Field, Vec<Field>)>,
    pub copy: Vec<(Field, Field)>,
    pub tag_on_failure: String,
}

/// One triple of `gsub`.
#[derive(Debug)]
pub struct Gsub {
    pub field: Field,
    pub needle: Needle,
    pub replacement: Template,
    /// For the pattern's matches.
    pub slot: Slot,
}

#[derive(Debug)]
pub enum Needle {
    /// With the replacement, where that is the same for every event; one that does not fit the pattern fails on every
    /// text that matches.
    Pattern(Regex, Option<Replacement>),
    /// Holds `%{...}`: compiled anew for every event.
    Template(Template),
}

impl Gsub {
    pub fn new(field: Field, pattern: Regex, replacement: Template, slot: Slot) -> Gsub {
        let fixed = replacement.constant().and_then(|text| Replacement::new(text, &pattern).ok());
        Gsub { field, needle: Needle::Pattern(pattern, fixed), replacement, slot }
    }

    fn run<'b>(&self, event: &mut Event<'b>, cx: &mut FilterCx<'b, '_>) -> Result<(), String> {
        let r = known(&self.field)?;
        let value = match event.get(r) {
            Some(v @ (Value::Str(_) | Value::List(_))) => v,
            _ => return Ok(()),
        };
        let arena = event.arena();
        let clock = &*cx.world.clock;
        let (held, made, mut own);
        let (pattern, fixed) = match &self.needle {
            Needle::Pattern(pattern, fixed) => (pattern, fixed.as_ref()),
            Needle::Template(t) => {
                let text = render(t, event, clock).map_err(|e| e.to_string())?;
                held = Regex::new(text, Default::default()).map_err(|e| e.to_string())?;
                (&held, None)
            }
        };
        let scratch = match &self.needle {
            Needle::Pattern(..) => cx.scratch.get(self.slot, || pattern.scratch()),
            Needle::Template(_) => {
                own = pattern.scratch();
                &mut own
            }
        };
        let replacement = match fixed {
            Some(fixed) => fixed,
            None => {
                let text = render(&self.replacement, event, clock).map_err(|e| e.to_string())?;
                made = match Replacement::new(text, pattern) {
                    Ok(made) => made,
                    // only a match makes the original look at the replacement
                    Err(_) if !matches_any(&value, pattern)? => return Ok(()),
                    Err(e) => return Err(e.to_string()),
                };
                &made
            }
        };
        let mut replace = |s: &'b str| -> Result<Value<'b>, String> {
            Ok(match pattern.replace_all(s, replacement, scratch).map_err(|e| e.to_string())? {
                Some(new) => Value::text(arena, &new),
                None => Value::Str(s),
            })
        };
        let new = match value {
            Value::Str(s) => replace(s)?,
            Value::List(l) => {
                let mut new = Vec::with_capacity(l.len());
                for v in l {
                    new.push(if let Value::Str(s) = v { replace(s)? } else { *v });
                }
                Value::List(arena.alloc_slice_copy(&new))
            }
            _ => return Ok(()),
        };
        set(event, r, new)
    }
}

/// What separates: a text, never a pattern. What is written as no text fails when it is used.
pub type Separator = Result<String, String>;

/// The filter.
#[derive(Debug)]
pub struct Mutate {
    config: Config,
}

/// The default of `tag_on_failure`.
pub const FAILURE_TAG: &str = "_mutate_error";

impl Mutate {
    pub fn new(config: Config) -> Mutate {
        Mutate { config }
    }

    fn run<'b>(&self, event: &mut Event<'b>, cx: &mut FilterCx<'b, '_>) -> Result<(), String> {
        let c = &self.config;
        let clock = &*cx.world.clock;
        for (field, default) in &c.coerce {
            let r = known(field)?;
            if event.get(r).is_some_and(|v| v.is_null()) {
                set_text(event, r, default, clock)?;
            }
        }
        for (from, to) in &c.rename {
            let (from, to) = (from.resolve(event, clock)?, to.resolve(event, clock)?);
            if event.includes(&from)
                && let Some(value) = event.remove(&from)
            {
                set(event, &to, value)?;
            }
        }
        for (field, text) in &c.update {
            let r = known(field)?;
            if event.includes(r) {
                set_text(event, r, text, clock)?;
            }
        }
        for (field, text) in &c.replace {
            set_text(event, known(field)?, text, clock)?;
        }
        for (field, kind) in &c.convert {
            let arena = event.arena();
            change(event, field, |v| match v {
                Value::Null | Value::Map(_) => Ok(None),
                Value::List(l) => {
                    let mut new = Vec::with_capacity(l.len());
                    for v in l {
                        new.push(if v.is_null() { *v } else { convert::convert(arena, *v, *kind)? });
                    }
                    Ok(Some(Value::List(arena.alloc_slice_copy(&new))))
                }
                v => convert::convert(arena, v, *kind).map(Some),
            })?;
        }
        for gsub in &c.gsub {
            gsub.run(event, cx)?;
        }
        for (fields, case) in [
            (&c.uppercase, text::upcase as fn(&str) -> String),
            (&c.capitalize, text::capitalize),
            (&c.lowercase, text::downcase),
        ] {
            for field in fields {
                let arena = event.arena();
                let case = |v: &Value<'b>| match v {
                    Value::Str(s) => Value::text(arena, &case(s)),
                    other => *other,
                };
                change(event, field, |v| {
                    Ok(match v {
                        Value::List(l) => Some(Value::List(arena.alloc_slice_fill_with(l.len(), |i| case(&l[i])))),
                        Value::Str(_) => Some(case(&v)),
                        _ => None,
                    })
                })?;
            }
        }
        for field in &c.strip {
            let arena = event.arena();
            change(event, field, |v| match v {
                Value::Str(s) => Ok(Some(Value::Str(text::strip(s)))),
                Value::List(l) => {
                    let mut new = Vec::with_capacity(l.len());
                    for v in l {
                        let s = v.as_str().ok_or_else(|| format!("cannot strip a value of type {}", v.type_name()))?;
                        new.push(Value::Str(text::strip(s)));
                    }
                    Ok(Some(Value::List(arena.alloc_slice_copy(&new))))
                }
                _ => Ok(None),
            })?;
        }
        for (field, separator) in &c.split {
            let arena = event.arena();
            change(event, field, |v| match v {
                Value::Str(s) => {
                    let parts = text::split(s, separator.as_deref().map_err(String::clone)?);
                    Ok(Some(Value::List(arena.alloc_slice_fill_with(parts.len(), |i| Value::Str(parts[i])))))
                }
                _ => Ok(None),
            })?;
        }
        for (field, separator) in &c.join {
            let arena = event.arena();
            change(event, field, |v| match v {
                Value::List(l) => {
                    let mut out = String::new();
                    join(l, separator.as_deref().map_err(String::clone)?, &mut true, &mut out);
                    Ok(Some(Value::text(arena, &out)))
                }
                _ => Ok(None),
            })?;
        }
        for (dest, added) in &c.merge {
            merge(event, dest, added)?;
        }
        for (from, to) in &c.copy {
            match event.get(known(from)?) {
                None | Some(Value::Null) => {}
                Some(value) => set(event, known(to)?, value)?,
            }
        }
        Ok(())
    }
}

fn matches_any(value: &Value<'_>, pattern: &Regex) -> Result<bool, String> {
    match value {
        Value::Str(s) => pattern.is_match(s).map_err(|e| e.to_string()),
        Value::List(l) => {
            l.iter().try_fold(false, |any, v| Ok(any || matches!(v, Value::Str(_)) && matches_any(v, pattern)?))
        }
        _ => Ok(false),
    }
}

fn known(field: &Field) -> Result<&FieldRef, String> {
    field.as_ref().map_err(String::clone)
}

fn set<'b>(event: &mut Event<'b>, r: &FieldRef, value: Value<'b>) -> Result<(), String> {
    event.set(r, value).map_err(|e| e.to_string())
}

fn set_text(event: &mut Event<'_>, r: &FieldRef, text: &Template, clock: &dyn Clock) -> Result<(), String> {
    let text = render(text, event, clock).map_err(|e| e.to_string())?;
    set(event, r, Value::Str(text))
}

/// Replaces a field that is there by what `f` makes of it; `None` leaves it.
fn change<'b>(
    event: &mut Event<'b>,
    field: &Field,
    f: impl FnOnce(Value<'b>) -> Result<Option<Value<'b>>, String>,
) -> Result<(), String> {
    let r = known(field)?;
    if let Some(old) = event.get(r)
        && let Some(new) = f(old)?
    {
        set(event, r, new)?;
    }
    Ok(())
}

/// Ruby's `Array#join`: lists inside are joined with the same separator.
fn join(list: &[Value<'_>], separator: &str, first: &mut bool, out: &mut String) {
    for v in list {
        if let Value::List(inner) = v {
            join(inner, separator, first, out);
            continue;
        }
        if !*first {
            out.push_str(separator);
        }
        *first = false;
        ruby::write_to_s(v, out);
    }
}

/// The original reads the destination once: lists and maps grow with every added field, of anything else only the last
/// added field stays.
fn merge<'b>(event: &mut Event<'b>, dest: &Field, added: &[Field]) -> Result<(), String> {
    let r = known(dest)?;
    let arena = event.arena();
    let mut held = event.get(r);
    for field in added {
        let new = event.get(known(field)?);
        let merged = match (held, new) {
            (Some(Value::Map(a)), Some(Value::Map(b))) => {
                Value::Map(b.entries.iter().fold(a, |a, (k, v)| Map::with(a, arena, k, *v)))
            }
            (Some(Value::Map(_)), _) | (_, Some(Value::Map(_))) => continue,
            (a, b) => {
                let mut list = a.map_or(vec![], |a| ruby_array(arena, a));
                list.extend(b.map_or(vec![], |b| ruby_array(arena, b)));
                Value::List(arena.alloc_slice_copy(&list))
            }
        };
        if matches!(held, Some(Value::Map(_) | Value::List(_))) {
            held = Some(merged);
        }
        set(event, r, merged)?;
    }
    Ok(())
}

impl Filter for Mutate {
    fn plugin(&self) -> &'static str {
        "mutate"
    }

    fn apply<'b>(&self, event: &mut Event<'b>, cx: &mut FilterCx<'b, '_>) -> Result<Outcome, Fault> {
        match self.run(event, cx) {
            Ok(()) => Ok(Outcome::Matched),
            Err(why) => {
                tracing::debug!(filter = "mutate", why, "an operation failed");
                event.tag_once(&self.config.tag_on_failure);
                Ok(Outcome::Unmatched)
            }
        }
    }

    fn common_failed<'b>(&self, event: &mut Event<'b>, fault: Fault) -> Result<(), Fault> {
        tracing::debug!(filter = "mutate", why = fault.message, "an option common to all filters failed");
        event.tag_once(&self.config.tag_on_failure);
        Ok(())
    }
}
