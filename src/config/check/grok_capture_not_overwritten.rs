//! `grok-capture-not-overwritten`: a capture goes to a field that already holds a text, which makes it a list.
//!
//! ```text
//! grok { match => { "message" => "%{LOGLEVEL:level} %{GREEDYDATA:message}" } }     # message = [line, capture]
//! ```
//! What then uses the field as a text is shown too: `=~` holds for no list, so that real Logstash 8 neither parses such an
//! event nor tags it. Silent where the list is used as one (`[message][1]`, `join`).

use super::facts::{CaptureSeen, Facts, ListUse};
use super::{CheckInput, distinct, shown};
use crate::config::diagnostic::Diagnostic;
use crate::config::logstash::ast::{Config, SectionKind, Stmt};
use crate::event::FieldRef;

pub fn check(input: &CheckInput<'_>, facts: &Facts, found: &mut Vec<Diagnostic>) {
    let mut done = vec![];
    // whoever sends: a sender's constants add nothing here
    for capture in facts.captures.iter().filter(|c| c.lane == 0) {
        if done.contains(&capture.span) || is_used_as_list(input, &capture.field) {
            continue;
        }
        done.push(capture.span);
        found.push(one(input, facts, capture));
    }
}

fn one(input: &CheckInput<'_>, facts: &Facts, capture: &CaptureSeen) -> Diagnostic {
    let name = capture.field.to_string();
    let (holds, old) = match capture.is_source {
        true => ("already holds the line", "line"),
        false => ("already holds a text", "text"),
    };
    // the capture may be inside a pattern that is called by name
    let label = match input.sources.text(capture.span).contains(&*name) {
        true => format!("`{name}` {holds}"),
        false => format!("captures `{name}`, which {holds}"),
    };
    let mut diag = Diagnostic::warning(
        "grok-capture-not-overwritten",
        format!("grok appends to `{name}` instead of replacing it"),
    )
    .at(capture.span, label)
    .note(format!("without `overwrite` a field that is there becomes an array: `{name}` = [{old}, capture]"));
    let uses: Vec<_> = facts.lists_used.iter().filter(|u| u.lane == 0 && u.captures.contains(&capture.span)).collect();
    let places = |how, comes| distinct(uses.iter().filter(|u| u.how == how && u.comes == comes).map(|u| u.span));
    for at in places(ListUse::Match, true) {
        diag = diag.with(at, format!("false where `{name}` is an array: no pattern matches one"));
    }
    for at in places(ListUse::JsonSource, true) {
        diag = diag.with(at, format!("fails where `{name}` is an array"));
    }
    let passed_over = places(ListUse::JsonSource, false);
    for at in &passed_over {
        diag = diag.with(*at, "so this filter does not run for such an event");
    }
    if !passed_over.is_empty() {
        diag = diag.note(
            "real Logstash 8 then sets neither the fields of the json filter nor a failure tag: nothing tells that it was left out",
        );
    }
    diag.with(capture.grok, "").help(format!("add `overwrite => [\"{name}\"]` to this grok"))
}

/// Whether an element of the list is read, or the list is joined again: then it is meant.
fn is_used_as_list(input: &CheckInput<'_>, field: &FieldRef) -> bool {
    let path = shown(field);
    let indexed = |text: &str| {
        text.match_indices(&path).any(|(at, found)| {
            text[at + found.len()..]
                .strip_prefix('[')
                .is_some_and(|r| r.starts_with(|c: char| c == '-' || c.is_ascii_digit()))
        })
    };
    let files = distinct(input.logstash.iter().flat_map(|c| &c.sections).map(|s| s.span.head()));
    let mut seen = vec![];
    for span in files {
        if !seen.contains(&span.file) {
            seen.push(span.file);
            if indexed(&input.sources.file(span.file).text) {
                return true;
            }
        }
    }
    input.logstash.iter().any(|c: &Config| c.statements(SectionKind::Filter).any(|s| joins(s, field)))
}

fn joins(statement: &Stmt, field: &FieldRef) -> bool {
    match statement {
        Stmt::Branch(branch) => branch.arms.iter().any(|a| a.body.iter().any(|s| joins(s, field))),
        Stmt::Plugin(plugin) => plugin.attrs.iter().any(|attr| match (&*attr.name.value, &attr.value.value) {
            ("join", crate::config::logstash::ast::Value::Hash(entries)) => {
                entries.iter().any(|e| FieldRef::parse(&e.key.value).as_ref() == Ok(field))
            }
            // the filter that makes events of a list's elements
            _ => {
                plugin.name.value == "split"
                    && attr.value.value.scalar().is_some_and(|s| FieldRef::parse(&s).as_ref() == Ok(field))
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::check::tests::ids;

    #[test]
    fn captures_into_the_line() {
        let grok = |options: &str| {
            format!(
                "filter {{ grok {{ match => {{ \"message\" => \"%{{WORD:w}} %{{GREEDYDATA:message}}\" }} {options} }} }}"
            )
        };
        assert_eq!(ids(&grok("")), ["grok-capture-not-overwritten"]);
        for right in ["overwrite => [\"message\"]", "target => \"t\"", "remove_field => [\"message\"]"] {
            assert_eq!(ids(&grok(right)), [""; 0], "{right}");
        }
        let used = [
            r#"filter { mutate { replace => { "message" => "%{[message][1]}" } } }"#,
            r#"filter { mutate { join => { "message" => " " } } }"#,
            r#"filter { if [message][0] == "x" { drop { } } }"#,
        ];
        for used in used {
            assert_eq!(ids(&format!("{} {used}", grok(""))), [""; 0], "{used}");
        }
    }

    #[test]
    fn captures_into_a_field_that_is_always_there() {
        let conf =
            |before: &str| format!("filter {{ {before} grok {{ match => {{ \"message\" => \"%{{WORD:w}}\" }} }} }}");
        assert_eq!(ids(&conf(r#"mutate { replace => { "w" => "x" } }"#)), [""; 0], "a mutate may fail");
        assert_eq!(ids(&conf(r#"mutate { remove_field => ["w"] add_field => { "w" => "x" } }"#)), [""; 0]);
        assert_eq!(ids(&conf("")), [""; 0]);
    }
}
