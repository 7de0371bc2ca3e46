//! Filebeat's processors, and the two steps Filebeat does beside them: its built-in fields, and what the beats input of
//! Logstash adds when both run in one process.
//!
//! Belongs here: one file per processor that needs more than a few lines. Must not be here: reading their options
//! (`config::filebeat::processors`).
//!
//! Documentation: <https://www.elastic.co/guide/en/beats/filebeat/8.5/defining-processors.html>. Fields are named with
//! dots there (`log.file.path`); a name is looked up as a path.

pub mod cloud;
pub mod condition;
pub mod docker;
pub mod host;
pub mod json;

use super::{Fault, Filter, FilterCx, Memo, Outcome, Slot};
use crate::config::filebeat::processors::{AddFields, AddTags, DropFields, FieldName};
use crate::config::yaml::{Node, Value as Yaml};
use crate::event::{Arena, Event, FieldRef, Map, Value};
use condition::Test;

/// A field reference of a dotted name.
pub fn dotted(name: &str) -> FieldRef {
    FieldRef::from_names(name.split('.'))
}

/// Values of YAML as an event holds them.
pub fn value_of<'b>(arena: &'b Arena, node: &Node) -> Value<'b> {
    match &node.value {
        Yaml::Null | Yaml::Missing(_) => Value::Null,
        Yaml::Bool(b) => Value::Bool(*b),
        Yaml::Int(i) => Value::Int(*i),
        Yaml::UInt(u) => Value::Number(arena.alloc_str(&u.to_string())),
        Yaml::Float(x) => Value::Float(*x),
        Yaml::Text(s) => Value::text(arena, s),
        Yaml::List(items) => Value::List(arena.alloc_slice_fill_with(items.len(), |i| value_of(arena, &items[i]))),
        Yaml::Map(entries) => Value::Map(Map::new_in(
            arena,
            arena.alloc_slice_fill_with(entries.len(), |i| {
                let e = &entries[i];
                (&*arena.alloc_str(&e.key), value_of(arena, &e.node))
            }),
        )),
    }
}

/// Merges a map into a field, as Filebeat's `DeepUpdate`: maps are merged, anything else is replaced.
pub fn deep_update<'b>(arena: &'b Arena, old: Option<Value<'b>>, new: Value<'b>) -> Value<'b> {
    match (old, new) {
        (Some(Value::Map(old)), Value::Map(new)) => {
            let mut merged = old;
            for (name, value) in new.entries {
                merged = merged.with(arena, name, deep_update(arena, merged.get(name), *value));
            }
            Value::Map(merged)
        }
        (_, new) => new,
    }
}

/// Runs a list of processors as one filter; the inputs' own lists are told apart by the event's input.
pub struct Processors {
    /// By the number of the input; empty for the global list.
    pub by_input: Option<Vec<Vec<Step>>>,
    pub global: Vec<Step>,
}

/// One processor with its condition.
pub struct Step {
    pub when: Option<Test>,
    pub action: Action,
}

/// What a step does.
pub enum Action {
    Filter(Box<dyn Filter>),
    If { test: Test, then: Vec<Step>, otherwise: Vec<Step> },
}

impl Processors {
    fn run<'b>(steps: &[Step], event: &mut Event<'b>, cx: &mut FilterCx<'b, '_>) -> Result<(), Fault> {
        for step in steps {
            if event.is_cancelled() {
                break;
            }
            if step.when.as_ref().is_some_and(|test| !test.holds(event)) {
                continue;
            }
            match &step.action {
                Action::Filter(filter) => {
                    filter.apply(event, cx)?;
                }
                Action::If { test, then, otherwise } => {
                    Processors::run(if test.holds(event) { then } else { otherwise }, event, cx)?;
                }
            }
        }
        Ok(())
    }
}

impl Filter for Processors {
    fn plugin(&self) -> &'static str {
        "processors"
    }

    fn apply<'b>(&self, event: &mut Event<'b>, cx: &mut FilterCx<'b, '_>) -> Result<Outcome, Fault> {
        if let Some(by_input) = &self.by_input
            && let Some(steps) = by_input.get(event.origin.input as usize)
        {
            Processors::run(steps, event, cx)?;
        }
        Processors::run(&self.global, event, cx)?;
        Ok(Outcome::Matched)
    }
}

/// `add_fields`.
pub struct AddFieldsFilter {
    pub config: AddFields,
    pub slot: Slot,
}

impl Filter for AddFieldsFilter {
    fn plugin(&self) -> &'static str {
        "add_fields"
    }

    fn apply<'b>(&self, event: &mut Event<'b>, cx: &mut FilterCx<'b, '_>) -> Result<Outcome, Fault> {
        let arena = cx.arena;
        let fields = cx.memo.get(self.slot, 0, || value_of(arena, &self.config.fields));
        match &self.config.target {
            None => merge_root(event, fields),
            Some(target) => {
                let r = dotted(target);
                let merged = deep_update(arena, event.get(&r), fields);
                put(event, &r, merged)?;
            }
        }
        Ok(Outcome::Matched)
    }
}

/// Merges a map into the event's own fields.
pub fn merge_root<'b>(event: &mut Event<'b>, fields: Value<'b>) {
    let Value::Map(map) = fields else { return };
    for (name, value) in map.entries {
        let merged = deep_update(event.arena(), event.top(name), *value);
        event.set_top(name, merged);
    }
}

/// Sets a field; where a value stands in the way of its path, Filebeat's processor gives up and the event goes on.
pub fn put<'b>(event: &mut Event<'b>, r: &FieldRef, value: Value<'b>) -> Result<(), Fault> {
    if let Err(e) = event.set(r, value) {
        tracing::debug!("a processor cannot set a field: {e}");
    }
    Ok(())
}

/// `add_tags`.
pub struct AddTagsFilter {
    pub config: AddTags,
}

impl Filter for AddTagsFilter {
    fn plugin(&self) -> &'static str {
        "add_tags"
    }

    fn apply<'b>(&self, event: &mut Event<'b>, _cx: &mut FilterCx<'b, '_>) -> Result<Outcome, Fault> {
        let arena = event.arena();
        let r = dotted(&self.config.target);
        let mut tags: Vec<Value<'b>> = match event.get(&r) {
            None | Some(Value::Null) => vec![],
            Some(Value::List(l)) => l.to_vec(),
            Some(other) => vec![other],
        };
        tags.extend(self.config.tags.iter().map(|t| Value::text(arena, t)));
        put(event, &r, Value::List(arena.alloc_slice_copy(&tags)))?;
        Ok(Outcome::Matched)
    }
}

/// `drop_fields`. `@timestamp` and `type` cannot be dropped, as in Filebeat.
pub struct DropFieldsFilter {
    pub config: DropFields,
}

impl Filter for DropFieldsFilter {
    fn plugin(&self) -> &'static str {
        "drop_fields"
    }

    fn apply<'b>(&self, event: &mut Event<'b>, _cx: &mut FilterCx<'b, '_>) -> Result<Outcome, Fault> {
        for field in &self.config.fields {
            match field {
                FieldName::Name(name) if matches!(name.value.as_str(), "@timestamp" | "type") => {}
                FieldName::Name(name) => {
                    event.remove(&dotted(&name.value));
                }
                FieldName::Pattern(pattern) => {
                    let mut names = Vec::new();
                    for (name, value) in event.fields() {
                        flatten(name, value, &mut names);
                    }
                    for name in names.iter().filter(|n| pattern.value.is_match(n) && *n != "@timestamp" && *n != "type")
                    {
                        event.remove(&dotted(name));
                    }
                }
            }
        }
        Ok(Outcome::Matched)
    }
}

/// The dotted names of all leaves.
fn flatten(prefix: &str, value: &Value<'_>, out: &mut Vec<String>) {
    match value {
        Value::Map(m) => {
            for (name, inner) in m.entries {
                flatten(&format!("{prefix}.{name}"), inner, out);
            }
        }
        _ => out.push(prefix.to_string()),
    }
}

/// `include_lines` and `exclude_lines` of an input: which lines become events at all, the first list first.
pub struct Lines {
    /// Empty: all.
    pub include: Vec<regex::Regex>,
    pub exclude: Vec<regex::Regex>,
}

impl Filter for Lines {
    fn plugin(&self) -> &'static str {
        "lines"
    }

    fn apply<'b>(&self, event: &mut Event<'b>, _cx: &mut FilterCx<'b, '_>) -> Result<Outcome, Fault> {
        let line = event.top("message").and_then(|m| m.as_str()).unwrap_or("");
        let found = |all: &[regex::Regex]| all.iter().any(|r| r.is_match(line));
        if (!self.include.is_empty() && !found(&self.include)) || found(&self.exclude) {
            event.cancel();
        }
        Ok(Outcome::Matched)
    }
}

/// `drop_event`.
pub struct DropEventFilter;

impl Filter for DropEventFilter {
    fn plugin(&self) -> &'static str {
        "drop_event"
    }

    fn apply<'b>(&self, event: &mut Event<'b>, _cx: &mut FilterCx<'b, '_>) -> Result<Outcome, Fault> {
        event.cancel();
        Ok(Outcome::Matched)
    }
}

/// What Filebeat adds to every event between the input's processors and the global ones: `agent`, `ecs`, `host.name`.
pub struct Builtins {
    pub agent: Agent,
    pub slot: Slot,
}

/// Who this agent is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// `name` of the configuration, else the host's name.
    pub name: String,
    /// Kept under `path.data` over restarts.
    pub id: String,
    /// New with every start.
    pub ephemeral_id: String,
}

/// The Filebeat whose events ours are alike.
pub const FILEBEAT_VERSION: &str = "8.5.0";
/// `ecs.version` of its events.
pub const ECS_VERSION: &str = "8.0.0";

impl Builtins {
    fn values<'b>(&self, arena: &'b Arena) -> Value<'b> {
        let text = |s: &str| Value::text(arena, s);
        let map = |entries: &[(&'b str, Value<'b>)]| Value::Map(Map::from_entries(arena, entries));
        let json = |v: Value<'b>| crate::event::batch::with_json(arena, v);
        let agent = map(&[
            ("ephemeral_id", text(&self.agent.ephemeral_id)),
            ("id", text(&self.agent.id)),
            ("name", text(&self.agent.name)),
            ("type", Value::Str("filebeat")),
            ("version", Value::Str(FILEBEAT_VERSION)),
        ]);
        let ecs = map(&[("version", Value::Str(ECS_VERSION))]);
        let host = map(&[("name", text(&self.agent.name))]);
        map(&[("agent", json(agent)), ("ecs", json(ecs)), ("host", json(host))])
    }
}

impl Filter for Builtins {
    fn plugin(&self) -> &'static str {
        "builtins"
    }

    fn apply<'b>(&self, event: &mut Event<'b>, cx: &mut FilterCx<'b, '_>) -> Result<Outcome, Fault> {
        let arena = cx.arena;
        let all = cx.memo.get(self.slot, 0, || self.values(arena));
        merge_builtins(event, all);
        Ok(Outcome::Matched)
    }
}

fn merge_builtins<'b>(event: &mut Event<'b>, all: Value<'b>) {
    let Value::Map(map) = all else { return };
    for (name, value) in map.entries {
        match event.top(name) {
            None => event.push(name, *value),
            Some(old) => {
                let merged = deep_update(event.arena(), Some(old), *value);
                event.set_top(name, merged);
            }
        }
    }
}

/// Lets a filter work only on events of the inputs whose number is below a bound: the agent's, in a fused run.
pub struct Gate {
    pub inputs_below: u32,
    pub inner: Box<dyn Filter>,
}

impl Filter for Gate {
    fn plugin(&self) -> &'static str {
        self.inner.plugin()
    }

    fn apply<'b>(&self, event: &mut Event<'b>, cx: &mut FilterCx<'b, '_>) -> Result<Outcome, Fault> {
        if event.origin.input < self.inputs_below { self.inner.apply(event, cx) } else { Ok(Outcome::Unmatched) }
    }
}

/// Where an agent's event becomes a processor's, in one process: what Logstash's beats input would have added.
///
/// Source: logstash-input-beats' message_listener.rb and event transforms: `@version`, the tag
/// `beats_input_codec_plain_applied`, `[@metadata]` of the sender and its address, and under ECS the plain codec's
/// `[event][original]`.
pub struct Link {
    /// The options of the beats input that is stood for.
    pub config: crate::input::beats::Config,
    pub slot: Slot,
}

/// The address that a linked agent is said to have.
const LINK_ADDRESS: &str = "127.0.0.1";

impl Link {
    fn metadata<'b>(&self, arena: &'b Arena) -> Value<'b> {
        let map = |entries: &[(&'b str, Value<'b>)]| Value::Map(Map::from_entries(arena, entries));
        let mut entries = vec![
            ("beat", Value::Str("filebeat")),
            ("type", Value::Str("_doc")),
            ("version", Value::Str(FILEBEAT_VERSION)),
        ];
        if !self.config.source_metadata {
            return map(&entries);
        }
        if self.config.ecs {
            let host = map(&[("host", map(&[("ip", Value::Str(LINK_ADDRESS))]))]);
            entries.push(("input", map(&[("beats", host)])));
        } else {
            entries.push(("ip_address", Value::Str(LINK_ADDRESS)));
        }
        map(&entries)
    }
}

impl Filter for Link {
    fn plugin(&self) -> &'static str {
        "beats"
    }

    fn apply<'b>(&self, event: &mut Event<'b>, cx: &mut FilterCx<'b, '_>) -> Result<Outcome, Fault> {
        let arena = cx.arena;
        let memo: &mut Memo<'b> = cx.memo;
        let metadata = memo.get(self.slot, 0, || self.metadata(arena));
        let merged = deep_update(arena, Some(Value::Map(event.metadata())), metadata);
        if let Value::Map(m) = merged {
            event.set_metadata(m);
        }
        receive(event, self.config.original, self.config.codec_tag);
        self.config.decoration.apply(event, cx.world);
        Ok(Outcome::Matched)
    }
}

/// What Logstash's beats input does to an event as it arrives, its metadata aside: with `original` the plain codec keeps
/// the text, with `codec_tag` a tag says whether a codec was applied.
pub fn receive(event: &mut Event<'_>, original: bool, codec_tag: bool) {
    if event.top("@version").is_none() {
        event.push("@version", Value::Str("1"));
    }
    match event.top("message") {
        Some(message @ Value::Str(_)) => {
            if original {
                let field = FieldRef::from_names(["event", "original"]);
                if event.get(&field).is_none() {
                    // an `event` that is no map stays as it came
                    let _ = event.set(&field, message);
                }
            }
            if codec_tag {
                event.tag("beats_input_codec_plain_applied");
            }
        }
        // real Logstash sets this one whatever `enrich` says
        _ => event.tag("beats_input_raw_event"),
    }
}
