//! `condition-never-true`: no event that any sender can send gets into a branch.
//!
//! ```text
//! if [fields][service] == "backend" { ... }     # filebeat.yml: fields: {service: backend}, fields_under_root: true
//! ```
//! Told only if all senders are known (the agent's inputs are linked to the beats input in one process) or if the filters
//! themselves decide it. A tag that nobody adds has a finding of its own (`tag-never-added`).

use std::collections::BTreeSet;

use super::facts::{ConditionSeen, Facts, Leaf, Why};
use super::{CheckInput, all_senders, distinct, shown};
use crate::config::diagnostic::Diagnostic;
use crate::config::logstash::ast::Expr;
use crate::config::source::{Span, Spanned};
use crate::config::yaml::{Entry, Node, Value};
use crate::event::FieldRef;

/// The comparisons that must all hold.
fn conjuncts(cond: &Spanned<Expr>, out: &mut Vec<Span>) {
    match &cond.value {
        Expr::And(a, b) => {
            conjuncts(a, out);
            conjuncts(b, out);
        }
        _ => out.push(cond.span),
    }
}

/// Where a condition can never hold: what was seen of it, and of those comparisons that alone rule it out what was seen.
pub(super) fn never_true(facts: &Facts) -> Vec<(&ConditionSeen, Vec<Vec<&Leaf>>)> {
    let mut found = vec![];
    for seen in facts.by_place(&facts.conditions, |c| (c.cond.span, c.lane)).into_values() {
        let real: Vec<&ConditionSeen> = seen.into_iter().filter(|c| c.real).collect();
        if real.is_empty() || real.iter().any(|c| c.verdict != Some(false)) {
            continue;
        }
        let mut spans = vec![];
        conjuncts(&real[0].cond, &mut spans);
        let blamed = spans
            .into_iter()
            .map(|span| {
                real.iter().flat_map(|c| &c.leaves).filter(|l| l.span == span && l.verdict == Some(false)).collect()
            })
            .filter(|leaves: &Vec<&Leaf>| leaves.len() == real.len())
            .collect();
        found.push((real[0], blamed));
    }
    found
}

pub fn check(input: &CheckInput<'_>, facts: &Facts, found: &mut Vec<Diagnostic>) {
    for (seen, blamed) in never_true(facts) {
        let Some(leaves) = blamed.first() else {
            let diag = Diagnostic::warning("condition-never-true", "condition can never be true")
                .at(seen.cond.span, "no event can fulfil all of it");
            found.push(with_senders(diag, input, facts));
            continue;
        };
        if matches!(leaves[0].why, Why::Tag(_)) {
            continue;
        }
        let field = shown(&leaves[0].field);
        let never = leaves.iter().all(|l| l.known.is_never());
        let gone = facts.conditions.iter().filter(|c| c.lane == 0).flat_map(|c| &c.leaves);
        let gone = never && gone.into_iter().any(|l| l.span == leaves[0].span && l.known.is_never());
        let label = match never {
            true if gone => format!("the filters before leave no `{field}`"),
            true if facts.senders_known() => format!("nothing sets `{field}`: no input and no filter before"),
            _ => values(&field, leaves),
        };
        let mut diag =
            Diagnostic::warning("condition-never-true", "condition can never be true").at(leaves[0].span, label);
        if never {
            for (key, flag) in at_root(input, &leaves[0].field) {
                diag = diag.with(key, "set here");
                if let Some(flag) = flag {
                    diag = diag.with(flag, format!("so it lands at `{}`", shown(&below_fields(&leaves[0].field))));
                }
            }
            let places = at_root(input, &leaves[0].field);
            let asked = input.sources.text(leaves[0].span);
            let is_asked = |at: &Span| {
                input
                    .sources
                    .text(*at)
                    .split_once(':')
                    .is_some_and(|(_, v)| asked.contains(v.trim_matches([' ', '"', '\''])))
            };
            if places.iter().any(|(key, _)| is_asked(key)) {
                let root = shown(&below_fields(&leaves[0].field));
                diag = diag.help(format!("test `{root}` instead, or drop `fields_under_root`"));
            } else if !places.is_empty() {
                diag = diag.note("what is set there is not what is asked for, either").help(format!(
                    "set `{field}` to that on the input whose events are meant, without `fields_under_root`"
                ));
            } else if gone {
                diag = diag.help("ask before it is taken away, or take the branch out");
            } else if facts.senders_known() {
                diag = diag.help(format!("set `{field}` on the input whose events are meant, or take the branch out"));
            }
        }
        for at in distinct(leaves.iter().flat_map(|l| &l.known.set_at).copied()) {
            diag = diag.with(at, "set here");
        }
        found.push(with_senders(diag, input, facts));
    }
}

fn with_senders(diag: Diagnostic, input: &CheckInput<'_>, facts: &Facts) -> Diagnostic {
    let diag = diag.note("the branch never runs");
    if facts.senders_known() { diag.note(all_senders(input, facts)) } else { diag }
}

/// What the field is instead.
fn values(field: &str, leaves: &[&Leaf]) -> String {
    let texts = leaves.iter().filter(|l| !l.known.is_never()).map(|l| l.known.values.as_ref());
    let texts: Option<Vec<&BTreeSet<String>>> = texts.collect();
    match texts {
        Some(texts) => {
            let texts: BTreeSet<&String> = texts.into_iter().flatten().collect();
            let texts: Vec<String> = texts.into_iter().map(|t| format!("{t:?}")).collect();
            format!("`{field}` is only ever {}", texts.join(" or "))
        }
        None => format!("`{field}` is never of a type for which this holds"),
    }
}

/// `[fields][a]` without its first step.
pub(super) fn below_fields(field: &FieldRef) -> FieldRef {
    FieldRef { root: field.root, steps: field.steps[1..].to_vec() }
}

/// For a field below `[fields]`: where inputs set it with `fields_under_root`, so that it is somewhere else.
pub(super) fn at_root(input: &CheckInput<'_>, field: &FieldRef) -> Vec<(Span, Option<Span>)> {
    let Some(filebeat) = input.filebeat else { return vec![] };
    if field.top_name() != "fields" || field.steps.len() < 2 {
        return vec![];
    }
    let inputs = filebeat.inputs.iter().map(|i| (&i.fields, &i.fields_under_root));
    let all = std::iter::once((&filebeat.fields, &filebeat.fields_under_root)).chain(inputs);
    let mut places = vec![];
    for (fields, flag) in all {
        let (Some(fields), Some(flag)) = (fields, flag) else { continue };
        if let (true, Some(entry)) = (flag.value, entry(fields, field.steps[1..].iter().map(|s| &*s.name))) {
            places.push((entry.key_span.to(entry.node.span), Some(flag.span)));
        }
    }
    places
}

fn entry<'n, 's>(node: &'n Node, mut names: impl Iterator<Item = &'s str>) -> Option<&'n Entry> {
    let name = names.next()?;
    let Value::Map(entries) = &node.value else { return None };
    let found = entries.iter().find(|e| e.key == name)?;
    let rest: Vec<&str> = names.collect();
    match rest.is_empty() {
        true => Some(found),
        false => entry(&found.node, rest.into_iter()),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::check::tests::{FIELDS_BEAT, ids, ids_with};

    #[test]
    fn the_filters_alone_can_decide() {
        assert_eq!(
            ids(
                r#"filter { mutate { remove_field => ["a"] } if [a] == "x" { mutate { add_field => { "b" => "1" } } } }"#
            ),
            ["condition-never-true"]
        );
        assert_eq!(ids(r#"filter { if [a] == "x" { mutate { add_field => { "b" => "1" } } } }"#), [""; 0]);
        // a filter that is not known may set it again
        assert_eq!(
            ids(r#"filter { mutate { remove_field => ["a"] } ruby { code => "x" } if [a] { drop {} } }"#),
            [""; 0]
        );
    }

    #[test]
    fn known_senders_decide() {
        let conf = |cond: &str| {
            format!("input {{ beats {{ port => 5044 }} }} filter {{ if {cond} {{ mutate {{ add_tag => [\"x\"] }} }} }}")
        };
        for never in [
            r#"[fields][env] == "dev""#,
            r#"[env]"#,
            r#"[type] == "nginx""#,
            r#"[message] =~ /a/ and [fields][env] in ["a", "b"]"#,
            r#"[fields][env] =~ /^d/"#,
            r#"[fields] == "prod""#,
        ] {
            assert_eq!(ids_with(FIELDS_BEAT, &conf(never)), ["condition-never-true"], "{never}");
        }
        for open in [
            r#"[fields][env] == "prod""#,
            r#"[fields][env] != "dev""#,
            r#"![env]"#,
            r#"[message] =~ /a/ or [fields][env] == "dev""#,
            r#"[@metadata][x] == "dev""#,
            r#"[host][name] == "dev""#,
            r#"[fields][env] in ["prod", "dev"]"#,
            r#"[log][offset] > 0"#,
        ] {
            assert_eq!(ids_with(FIELDS_BEAT, &conf(open)), [""; 0], "{open}");
        }
    }

    #[test]
    fn another_port_or_codec_or_input_makes_the_senders_unknown() {
        for input in
            ["beats { port => 5045 }", "beats { port => 5044 } stdin { }", "beats { port => 5044 codec => json }", ""]
        {
            let conf = format!("input {{ {input} }} filter {{ if [env] {{ mutate {{ add_tag => [\"x\"] }} }} }}");
            assert_eq!(ids_with(FIELDS_BEAT, &conf), [""; 0], "{input}");
        }
    }
}
