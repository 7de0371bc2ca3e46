//! `order-loses-events`: `<`, `>`, `<=`, `>=` on a field that no event has there.
//!
//! Real Logstash 8 drops an event whose field is absent when it is compared by order, with a line in its log only; this
//! program puts it into the dead letter file. Told where the field is certainly absent for all events of a known sender,
//! or whoever sends: where it is only perhaps absent, the configuration may well know better.

use super::facts::{Facts, Leaf, Why};
use super::{CheckInput, distinct, shown};
use crate::config::diagnostic::Diagnostic;
use crate::config::source::Span;

pub fn check(_: &CheckInput<'_>, facts: &Facts, found: &mut Vec<Diagnostic>) {
    for seen in facts.by_place(&facts.conditions, |c| (c.cond.span, c.lane)).into_values() {
        let seen: Vec<_> = seen.into_iter().filter(|c| c.real).collect();
        let leaves: Vec<(&Leaf, Option<Span>)> = seen
            .iter()
            // what stands before may keep it from being looked at
            .filter(|c| c.verdict.is_none())
            .filter_map(|c| c.leaves.first().map(|l| (l, facts.lanes[c.lane].input)))
            .filter(|(l, _)| l.why == Why::Order && l.known.is_never())
            .collect();
        let Some((leaf, _)) = leaves.first() else { continue };
        let field = shown(&leaf.field);
        let mut diag = Diagnostic::warning("order-loses-events", format!("events without `{field}` are lost here"))
            .at(leaf.span, format!("`{field}` is not there to be compared"))
            .note("real Logstash 8 drops such an event with a line in its log; logdrive puts it into the dead letter file")
            .help(format!("ask first: `if {field} and ...`"));
        for at in distinct(leaves.iter().filter_map(|(_, input)| *input)) {
            diag = diag.with(at, "no event of this input has it");
        }
        found.push(diag);
    }
}

#[cfg(test)]
mod tests {
    use crate::config::check::tests::{FIELDS_BEAT, ids, ids_with};

    #[test]
    fn only_what_is_certain() {
        let conf = |cond: &str| {
            format!("input {{ beats {{ port => 5044 }} }} filter {{ if {cond} {{ mutate {{ add_tag => [\"x\"] }} }} }}")
        };
        assert_eq!(ids_with(FIELDS_BEAT, &conf("[status] >= 500")), ["order-loses-events"]);
        assert_eq!(ids_with(FIELDS_BEAT, &conf("[log][offset] >= 500")), [""; 0]);
        assert_eq!(ids_with(FIELDS_BEAT, &conf("[message] and [status] >= 500")), [""; 0]);
        assert_eq!(ids(&conf("[status] >= 500")), [""; 0]);
    }
}
