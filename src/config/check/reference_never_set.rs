//! `reference-never-set`: `%{field}` stays as it is written, because no event has the field there.
//!
//! ```text
//! index => "logs-%{[fields][app]}"     # the documents go to an index of that name, braces and all
//! ```
//! Told for a sender that is known, or where the filters took the field away whoever sends.

use super::condition_never_true::{at_root, below_fields};
use super::facts::{Facts, ReferenceSeen};
use super::{CheckInput, all_senders, distinct, shown};
use crate::config::diagnostic::Diagnostic;

pub fn check(input: &CheckInput<'_>, facts: &Facts, found: &mut Vec<Diagnostic>) {
    let mut in_thought = facts.by_place(&facts.references_in_thought, |r| (r.span, r.lane));
    for (span, seen) in facts.by_place(&facts.references, |r| (r.span, r.lane)) {
        // code that no event comes to is judged by what events would have there
        let real: Vec<&ReferenceSeen> = match seen.iter().any(|r| r.real) {
            true => seen.into_iter().filter(|r| r.real).collect(),
            false => in_thought.remove(&span).unwrap_or_default(),
        };
        let never: Vec<&&ReferenceSeen> = real.iter().filter(|r| r.never).collect();
        let Some(first) = never.first() else { continue };
        let field = shown(&first.field);
        let text = input.sources.text(first.span);
        let all = never.len() == real.len();
        let gone = facts.references.iter().any(|r| r.lane == 0 && r.never && r.span == first.span);
        let label = match all {
            true if gone => format!("the filters before leave no `{field}`"),
            true if facts.senders_known() => format!("nothing sets `{field}`"),
            _ => format!("some inputs never set `{field}`"),
        };
        let shown_text = if text.starts_with("%{") { text.to_string() } else { format!("%{{{field}}}") };
        let mut diag = Diagnostic::warning("reference-never-set", format!("`{shown_text}` stays as it is written"))
            .at(first.span, label)
            .note("a reference to a field that an event does not have is left in the text");
        let places = at_root(input, &first.field);
        for (key, flag) in &places {
            diag = diag.with(*key, "set here");
            if let Some(flag) = flag {
                diag = diag.with(*flag, format!("so it lands at `{}`", shown(&below_fields(&first.field))));
            }
        }
        if !all {
            for at in distinct(never.iter().filter_map(|r| facts.lanes[r.lane].input)) {
                diag = diag.with(at, format!("events of this input have no `{field}`"));
            }
        }
        if facts.senders_known() {
            diag = diag.note(all_senders(input, facts));
        }
        found.push(match places.is_empty() {
            false => {
                let root = shown(&below_fields(&first.field));
                diag.help(format!("drop `fields_under_root` there, or write `%{{{root}}}`; and set it on every input"))
            }
            true if gone => diag.help("use it before it is taken away"),
            true => diag.help(format!("set `{field}` on every input, or refer to a field that is there")),
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::config::check::tests::{FIELDS_BEAT, ids, ids_with};

    #[test]
    fn known_senders_and_others() {
        let conf = |text: &str| {
            format!("input {{ beats {{ port => 5044 }} }} output {{ elasticsearch {{ index => \"x-{text}\" }} }}")
        };
        assert_eq!(ids_with(FIELDS_BEAT, &conf("%{env}")), ["reference-never-set"]);
        for fine in
            ["%{[fields][env]}", "%{+YYYY}", "%{[agent][version]}", "%{[@metadata][beat]}", "%{{yyyy}}", "%{message}"]
        {
            assert_eq!(ids_with(FIELDS_BEAT, &conf(fine)), [""; 0], "{fine}");
        }
        assert_eq!(ids(&conf("%{env}")), [""; 0]);
    }

    #[test]
    fn patterns_are_not_filled_in() {
        let conf = r#"input { beats { port => 5044 } } filter { grok { match => { "message" => "%{WORD:env}" } add_field => { "x" => "%{env}" } } mutate { gsub => ["message", "%{q}", ""] } }"#;
        assert_eq!(ids_with(FIELDS_BEAT, conf), [""; 0]);
    }
}
