//! What each filter does to what is known of an event. A filter that is not known here may do anything.

use std::ops::Range;

use super::facts::{CaptureSeen, DateSeen, ListUse, ReferenceSeen, TagAdded, Walk};
use super::value::{Known, State, Types};
use crate::config::build::{Ecs, ruby_array, ruby_text};
use crate::config::logstash::ast::{Plugin, Value, part_span};
use crate::config::options::{Options, PluginKind};
use crate::config::source::{Span, Spanned};
use crate::event::{EscapeStyle, FieldRef};
use crate::filter::grok::matcher::{CaptureType, Grok};
use crate::filter::grok::patterns::Patterns;
use crate::filter::{date, grok, registry};

/// A capture is looked at, not run.
const STEPS_MAX: u32 = 1;

/// The values that a filter adds to a field: a list from the second on (common option `add_field`).
pub fn appended(old: &Known, new: Known) -> Known {
    if old.is_never() {
        return new;
    }
    let list = Known::of(Types::LIST);
    if old.absent { new.join(&list) } else { list }
}

/// The field of a name; `None` where it has `%{...}` or is none.
fn fixed(name: &str, escape: EscapeStyle) -> Option<FieldRef> {
    if name.contains("%{") || name.contains("${") {
        return None;
    }
    FieldRef::parse_with(name, escape).ok()
}

/// A text that is filled in with fields of the event.
fn filled(text: &str, at: Span) -> Known {
    match text.contains("%{") || text.contains("${") {
        true => Known::of(Types::STR),
        false => Known::text(text, at),
    }
}

/// The `%{...}` of a text, with what stands in them.
pub fn references(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    text.match_indices("%{").filter_map(|(at, _)| {
        let inner = &text[at + 2..];
        let end = inner.find('}')?;
        Some((at..at + 2 + end + 1, &inner[..end]))
    })
}

impl Walk<'_, '_> {
    /// Notes the references of a text that is filled in here.
    fn fill(&mut self, text: &str, span: Span, plugin: Span, state: &State) {
        for (range, name) in references(text) {
            if name.is_empty() || name.starts_with(['+', '{']) {
                continue;
            }
            let Some(field) = fixed(name, self.input.escape) else { continue };
            if field.steps.is_empty() {
                continue;
            }
            self.facts.references.push(ReferenceSeen {
                lane: self.lane,
                real: self.real,
                span: part_span(self.input.sources, span, text, range),
                never: state.get(&field).is_never(),
                field,
                plugin,
            });
        }
    }

    fn fill_value(&mut self, value: &Spanned<Value>, plugin: Span, state: &State) {
        match &value.value {
            Value::String(text) => self.fill(text, value.span, plugin, state),
            Value::Array(items) => items.iter().for_each(|i| self.fill_value(i, plugin, state)),
            Value::Hash(entries) => entries.iter().for_each(|e| self.fill_value(&e.value, plugin, state)),
            Value::Plugin(_) | Value::Bareword(_) | Value::Number(_) => {}
        }
    }

    fn add_tag(&mut self, tag: &str, span: Span, state: &mut State) {
        if tag.contains("%{") || tag.contains("${") {
            state.tags.open = true;
            return;
        }
        state.tag(tag, span);
        self.facts.tags_added.push(TagAdded { lane: self.lane, real: self.real, tag: tag.to_string(), span });
    }

    /// The options every filter has, as they run on a match.
    fn common(&mut self, options: &Options, state: &mut State) {
        let (plugin, escape) = (options.plugin.span, self.input.escape);
        for (name, value) in options.hash_applied("add_field") {
            let values = ruby_array(&value);
            for value in &values {
                let text = ruby_text(&value.value);
                self.fill(&text, value.span, plugin, state);
                match fixed(&name.value, escape) {
                    Some(field) => state.change(&field, &|old| appended(old, filled(&text, value.span))),
                    None => state.forget(),
                }
            }
        }
        for name in options.strings("remove_field") {
            match fixed(&name.value, escape) {
                Some(field) => state.remove(&field),
                None => state.forget(),
            }
        }
        for tag in options.strings("add_tag") {
            self.fill(&tag.value, tag.span, plugin, state);
            self.add_tag(&tag.value, tag.span, state);
        }
        for tag in options.strings("remove_tag") {
            state.tags.may.remove(&tag.value);
        }
    }
}

/// Runs one filter on what is known; false if no event comes out.
pub(super) fn filter(walk: &mut Walk<'_, '_>, plugin: &Plugin, state: &mut State) -> bool {
    let name = plugin.name.value.as_str();
    let Some(entry) = registry::FILTERS.iter().find(|e| e.name == name) else {
        state.forget();
        return true;
    };
    let options = Options::new(plugin, PluginKind::Filter, entry.options, walk.input.variables, &mut vec![]);
    let before = state.clone();
    match name {
        "drop" => return options.is_set("percentage"),
        "grok" => {
            grok_match(walk, plugin, &options, state);
            walk.common(&options, state);
            let mut failed = before;
            for option in ["tag_on_failure", "tag_on_timeout"] {
                let default = if option == "tag_on_failure" { "_grokparsefailure" } else { "_groktimeout" };
                failure_tags(walk, &options, option, default, &mut failed);
            }
            *state = state.join(&failed);
        }
        "date" => {
            let config = date::Config::new(&options);
            if let [source, formats @ ..] = &config.matches[..] {
                date_seen(walk, source, formats, &config, state);
            }
            let target = config.target.as_ref().map_or("@timestamp", |t| t.value.as_str());
            match fixed(target, walk.input.escape) {
                Some(target) => state.set(&target, Known::of(Types::TIME)),
                None => state.forget(),
            }
            walk.common(&options, state);
            let mut failed = before;
            failure_tags(walk, &options, "tag_on_failure", "_dateparsefailure", &mut failed);
            *state = state.join(&failed);
        }
        "json" => {
            if let Some(source) = options.string("source")
                && let Some(field) = fixed(&source.value, walk.input.escape)
            {
                let known = state.get(&field);
                if !known.list_from.is_empty() {
                    walk.list_used(&known, source.span, ListUse::JsonSource);
                }
            }
            match options.string("target").map(|t| fixed(&t.value, walk.input.escape)) {
                Some(Some(target)) => state.set(&target, Known { absent: false, ..Known::unknown() }),
                Some(None) => state.forget(),
                None => state.forget(),
            }
            state.tags.open |= !options.is_set("target");
            walk.common(&options, state);
            let mut failed = before;
            failure_tags(walk, &options, "tag_on_failure", "_jsonparsefailure", &mut failed);
            *state = state.join(&failed);
        }
        "mutate" => mutate(walk, &options, state),
        _ => state.forget(),
    }
    true
}

fn failure_tags(walk: &mut Walk<'_, '_>, options: &Options, option: &str, default: &str, state: &mut State) {
    match options.is_set(option) {
        true => {
            for tag in options.strings(option) {
                walk.add_tag(&tag.value, tag.span, state);
            }
        }
        false => walk.add_tag(default, options.plugin.span, state),
    }
}

/// The captures of a grok filter. What any of its patterns may set is set or left as it was.
fn grok_match(walk: &mut Walk<'_, '_>, plugin: &Plugin, options: &Options, state: &mut State) {
    let config = grok::Config::new(options, walk.input.ecs != Ecs::Disabled, &mut vec![]);
    if !config.patterns_dir.is_empty() {
        // its files are not read here
        return state.forget();
    }
    let set = if config.ecs { Patterns::ecs_v1() } else { Patterns::legacy() };
    let mut set = std::borrow::Cow::Borrowed(set);
    for (name, text) in &config.pattern_definitions {
        set.to_mut().define(&name.value, &text.value);
    }
    let target = config.target.as_ref().map(|t| match t.value.contains('[') {
        true => t.value.clone(),
        false => format!("[{}]", t.value.trim()),
    });
    let removed: Vec<String> = options.strings("remove_field").into_iter().map(|f| f.value).collect();
    for (source, patterns) in &config.matches {
        let source = fixed(&source.value, walk.input.escape);
        for pattern in patterns {
            let captures = walk.groks.entry(pattern.span).or_insert_with(|| {
                let grok = Grok::new(&pattern.value, &set, config.named_captures_only, STEPS_MAX).ok()?;
                Some(grok.captures_list().to_vec())
            });
            let Some(captures) = captures.clone() else { return state.forget() };
            for capture in &captures {
                let whole = target.as_ref().map_or(capture.field.clone(), |t| format!("{t}[{}]", capture.field));
                let Some(field) = fixed(&whole, walk.input.escape) else { return state.forget() };
                let overwritten = config.overwrite.iter().any(|o| o.value == capture.field);
                let (mut calls, span) = written(walk, pattern, &capture.field);
                calls.retain(|name| !config.pattern_definitions.iter().any(|(own, _)| own.value == *name));
                let mut new = match capture.kind {
                    CaptureType::Text => Known::of(Types::STR),
                    CaptureType::Int | CaptureType::Float => Known::of(Types::NUM.and(Types::STR)),
                };
                new.cut_by = calls.into_iter().map(|name| (name, span)).collect();
                new.cut_by_others = new.cut_by.is_empty();
                new.touched = source.as_ref().is_some_and(|s| state.get(s).touched);
                let old = state.get(&field);
                let is_source = source.as_ref() == Some(&field);
                let holds_text = !old.absent && !old.is_never() && old.types.within(Types::STR.and(Types::LIST));
                if !overwritten && (is_source || holds_text) && !removed.contains(&capture.field) {
                    walk.facts.captures.push(CaptureSeen {
                        lane: walk.lane,
                        span,
                        field: field.clone(),
                        is_source,
                        grok: plugin.name.span,
                    });
                    let mut list = Known::of(Types::LIST);
                    list.list_from.insert(span);
                    state.change(&field, &|old| old.join(&list));
                } else if overwritten {
                    state.change(&field, &|old| old.join(&new));
                } else {
                    state.change(&field, &|old| old.join(&appended(old, new.clone())));
                }
            }
        }
    }
}

/// The names of the patterns that `%{NAME:field}` calls for a field in this text, and the place of the first one.
fn written(walk: &Walk<'_, '_>, pattern: &Spanned<String>, field: &str) -> (Vec<String>, Span) {
    let mut names = vec![];
    let mut place = None;
    for (range, inner) in references(&pattern.value) {
        let mut parts = inner.splitn(3, ':');
        let (name, called) = (parts.next().unwrap_or(""), parts.next());
        if called == Some(field) {
            names.push(name.to_string());
            place.get_or_insert(range);
        }
    }
    if place.is_none() {
        let group = format!("(?<{field}>");
        place = pattern.value.find(&group).map(|at| at..at + group.len());
    }
    let span = place.map_or(pattern.span, |p| part_span(walk.input.sources, pattern.span, &pattern.value, p));
    (names, span)
}

fn date_seen(
    walk: &mut Walk<'_, '_>,
    source: &Spanned<String>,
    formats: &[Spanned<String>],
    config: &date::Config,
    state: &State,
) {
    if config.locale.is_some() || config.timezone.as_ref().is_some_and(|z| z.value.contains("%{")) {
        return;
    }
    let Some(field) = fixed(&source.value, walk.input.escape) else { return };
    walk.facts.dates.push(DateSeen {
        lane: walk.lane,
        source: source.clone(),
        formats: formats.to_vec(),
        known: state.get(&field),
        tags: config.tag_on_failure.clone(),
    });
}

/// The operations in the order in which they run. One that fails skips the rest, so that anything before or after may be.
fn mutate(walk: &mut Walk<'_, '_>, options: &Options, state: &mut State) {
    let mut failed = state.clone();
    let (escape, plugin) = (walk.input.escape, options.plugin.span);
    // where an operation before fails, the field keeps a form it is not meant to have
    let skipped = |failed: &mut State, field: &FieldRef| {
        if !failed.get(field).is_never() {
            failed.change(field, &|old| Known { list_from: Default::default(), ..old.clone().any_text() });
        }
    };
    let may_fail =
        ["coerce", "rename", "update", "replace", "convert", "gsub", "uppercase", "capitalize", "lowercase", "strip"]
            .iter()
            .chain(&["split", "join", "merge", "copy"])
            .any(|o| options.is_set(o));
    let entries = |name: &str| options.hash_applied(name);
    for name in ["coerce", "rename", "update", "replace", "convert"] {
        for (key, value) in entries(name) {
            let text = ruby_text(&value.value);
            let Some(field) = fixed(&key.value, escape) else { return state.forget() };
            skipped(&mut failed, &field);
            match name {
                "rename" => {
                    let Some(to) = fixed(&text, escape) else { return state.forget() };
                    let moved = state.get(&field);
                    if !moved.is_never() {
                        let absent = moved.absent;
                        state.remove(&field);
                        let moved = Known { absent: false, ..moved };
                        state.change(&to, &|old| if absent { old.join(&moved) } else { moved.clone() });
                    }
                }
                "convert" => state.change(&field, &|old| match old.is_never() {
                    true => old.clone(),
                    false => Known { types: Types::ALL, open: true, ..old.clone().any_text() },
                }),
                "coerce" => state.change(&field, &|old| {
                    // gives a value to what is null
                    let new = if old.types.has(Types::NULL) { old.join(&Known::of(Types::STR)) } else { old.clone() };
                    if new.types.has(Types::NULL) { new.any_text() } else { new }
                }),
                _ => {
                    walk.fill(&text, value.span, plugin, state);
                    let new = filled(&text, value.span);
                    let only_there = name == "update";
                    state.change(&field, &|old| match only_there {
                        true if old.is_never() => old.clone(),
                        true if old.absent => new.clone().maybe(),
                        _ => new.clone(),
                    });
                }
            }
        }
    }
    let triples: Vec<Spanned<Value>> = match options.raw("gsub") {
        Some(Spanned { value: Value::Array(items), .. }) => items.clone(),
        _ => vec![],
    };
    let changed = triples.chunks(3).filter_map(|c| c[0].value.scalar()).chain(
        ["uppercase", "capitalize", "lowercase", "strip"]
            .iter()
            .flat_map(|n| options.strings(n).into_iter().map(|s| s.value)),
    );
    for name in changed.collect::<Vec<_>>() {
        let Some(field) = fixed(&name, escape) else { return state.forget() };
        skipped(&mut failed, &field);
        if !state.get(&field).is_never() {
            state.change(&field, &|old| old.clone().any_text());
        }
    }
    for (name, types) in [("split", Types::LIST), ("join", Types::STR), ("merge", Types::ALL)] {
        for (key, _) in entries(name) {
            let Some(field) = fixed(&key.value, escape) else { return state.forget() };
            skipped(&mut failed, &field);
            if name == "merge" || !state.get(&field).is_never() {
                state.change(&field, &|old| {
                    let mut new = old.clone().any_text().join(&Known::of(types));
                    new.absent = old.absent;
                    if name == "join" {
                        new.list_from.clear();
                    }
                    new
                });
            }
        }
    }
    for (from, to) in entries("copy") {
        let (Some(from), Some(to)) = (fixed(&from.value, escape), fixed(&ruby_text(&to.value), escape)) else {
            return state.forget();
        };
        skipped(&mut failed, &to);
        let copied = state.get(&from);
        if !copied.is_never() {
            let absent = copied.absent;
            let copied = Known { absent: false, ..copied };
            state.change(&to, &|old| if absent { old.join(&copied) } else { copied.clone() });
        }
    }
    walk.common(options, state);
    if may_fail {
        failure_tags(walk, options, "tag_on_failure", "_mutate_error", &mut failed);
        *state = state.join(&failed);
    }
}

/// Notes the references of an output: nearly every text of an output is filled in, and where one is not, what stands in
/// it stays as literal as that of a field that is not there.
pub(super) fn output(walk: &mut Walk<'_, '_>, plugin: &Plugin, state: &State) {
    for attr in &plugin.attrs {
        let mut value = attr.value.clone();
        walk.input.variables.expand(&mut value, &mut vec![]);
        walk.fill_value(&value, plugin.name.span, state);
    }
}
