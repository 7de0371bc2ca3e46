//! What a configuration does that nobody can have meant, found without running it: `logdrive check`.
//!
//! One abstract interpretation ([`facts`]) walks the filters and outputs with what is known of each field ([`value`]) for
//! every sender ([`senders`]); each finding is a file of its own that only looks at what was seen on the way. Nothing is
//! claimed that another sender, an unread file or a filter not known here could make untrue.
//!
//! Belongs here: one file per diagnostic, and the interpretation under them. Must not be here: what makes a configuration
//! impossible to run (that is reported where it is read and built).

mod alertmanager_api_v1;
mod alertmanager_single_object;
mod condition_never_true;
mod condition_precedence;
mod date_format_refuses;
mod expr;
pub mod facts;
mod grok_capture_not_overwritten;
mod in_list_of_one;
mod order_loses_events;
mod processor_twice;
mod reference_never_set;
pub mod senders;
mod tag_never_added;
mod transfer;
pub mod value;

#[cfg(test)]
mod tests;

use super::build::Ecs;
use super::diagnostic::Diagnostic;
use super::filebeat::Filebeat;
use super::logstash::ast;
use super::source::{SourceMap, Span, Spanned};
use super::variables::Variables;
use crate::event::EscapeStyle;

/// The ids of all findings.
pub const IDS: [&str; 12] = [
    "alertmanager-api-v1",
    "alertmanager-single-object",
    "condition-never-true",
    "condition-precedence",
    "date-format-refuses",
    "date-never-parses",
    "grok-capture-not-overwritten",
    "in-list-of-one",
    "order-loses-events",
    "processor-twice",
    "reference-never-set",
    "tag-never-added",
];

/// The configuration of one pipeline, as parsed.
pub struct CheckInput<'a> {
    /// The texts that the spans point into.
    pub sources: &'a SourceMap,
    /// In the order in which their sections are joined.
    pub logstash: &'a [ast::Config],
    /// The agent that runs in the same process, if any.
    pub filebeat: Option<&'a Filebeat>,
    /// Reading it reported no error. Else what it sends is not known: a processor may have been left out.
    pub filebeat_complete: bool,
    /// The pipeline's `ecs_compatibility`.
    pub ecs: Ecs,
    pub escape: EscapeStyle,
    /// Missing variables are not reported here.
    pub variables: &'a Variables<'a>,
}

/// Looks for what never works as written. The findings stop no run; they come in the order of file and place, each once.
///
/// Not for Logstash texts with syntax errors: what could not be read could make a claim untrue. An option or a plugin in
/// error is no hindrance: a filter that cannot be built may do anything.
pub fn check(input: &CheckInput<'_>) -> Vec<Diagnostic> {
    let facts = facts::Facts::collect(input);
    let mut found = vec![];
    let checks: &[fn(&CheckInput<'_>, &facts::Facts, &mut Vec<Diagnostic>)] = &[
        condition_never_true::check,
        tag_never_added::check,
        condition_precedence::check,
        in_list_of_one::check,
        order_loses_events::check,
        grok_capture_not_overwritten::check,
        date_format_refuses::check,
        reference_never_set::check,
        alertmanager_api_v1::check,
        alertmanager_single_object::check,
        processor_twice::check,
    ];
    for check in checks {
        check(input, &facts, &mut found);
    }
    assert!(found.iter().all(|d| !d.stops_run && IDS.contains(&d.id)), "a listed finding that stops no run");
    let place = |d: &Diagnostic| d.primary.as_ref().map(|l| (l.span.file, l.span.start, l.span.end));
    found.sort_by_key(|d| (place(d), d.id));
    found.dedup_by(|a, b| a.id == b.id && place(a) == place(b));
    found
}

/// An option of a plugin whose schema is not at hand: the first of that name, variables replaced.
fn attr(plugin: &ast::Plugin, name: &str, input: &CheckInput<'_>) -> Option<Spanned<ast::Value>> {
    let mut value = plugin.attrs.iter().find(|a| a.name.value == name)?.value.clone();
    input.variables.expand(&mut value, &mut vec![]);
    Some(value)
}

/// The text of a field reference as it is written in a condition: `[a][b]`.
fn shown(field: &crate::event::FieldRef) -> String {
    let text = field.to_string();
    if text.starts_with('[') { text } else { format!("[{text}]") }
}

/// What to say of the known senders when a claim holds for all of them.
fn all_senders(input: &CheckInput<'_>, facts: &facts::Facts) -> String {
    let count = facts.lanes.iter().filter(|l| l.input.is_some()).count();
    let agent = facts.lanes.iter().find_map(|l| l.input).map_or("filebeat.yml", |s| &input.sources.file(s.file).name);
    let inputs = if count == 1 { "input" } else { "inputs" };
    format!("looked at all senders: {count} {inputs} of `{agent}`")
}

/// Several places of one claim, once each.
fn distinct(spans: impl IntoIterator<Item = Span>) -> Vec<Span> {
    let mut spans: Vec<Span> = spans.into_iter().collect();
    spans.sort();
    spans.dedup();
    spans
}
