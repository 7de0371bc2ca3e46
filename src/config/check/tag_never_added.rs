//! `tag-never-added`: a condition asks for a tag that no sender and no filter adds.
//!
//! ```text
//! output { if "alert" in [tags] { http { ... } } }     # and no `add_tag => ["alert"]` that any event comes to
//! ```
//! Told only if all senders are known, as any sender may bring tags along.

use super::condition_never_true::never_true;
use super::facts::{Facts, Why};
use super::{CheckInput, all_senders, distinct};
use crate::config::diagnostic::Diagnostic;

pub fn check(input: &CheckInput<'_>, facts: &Facts, found: &mut Vec<Diagnostic>) {
    for (_, blamed) in never_true(facts) {
        let Some(leaf) = blamed.first().and_then(|leaves| leaves.first()) else { continue };
        let Why::Tag(tag) = &leaf.why else { continue };
        let added = facts.tags_added.iter().filter(|t| t.lane > 0 && t.tag == *tag);
        let unreached = distinct(added.filter(|t| !t.real).map(|t| t.span));
        let label = match unreached.is_empty() {
            true => format!("nothing adds the tag `{tag}`"),
            false => format!("no event has the tag `{tag}` here"),
        };
        let mut diag =
            Diagnostic::warning("tag-never-added", format!("the tag `{tag}` is asked for and no event has it"))
                .at(leaf.span, label);
        for at in &unreached {
            diag = diag.with(*at, "added here, where no event comes by");
        }
        diag = diag.note("the branch never runs").note(all_senders(input, facts));
        found.push(match unreached.is_empty() {
            true => diag.help(format!("add the tag where it is meant: `add_tag => [\"{tag}\"]`")),
            false => diag.help("make the condition around that `add_tag` hold first"),
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::config::check::tests::{FIELDS_BEAT, ids, ids_with};

    const HEAD: &str = "input { beats { port => 5044 } }";

    #[test]
    fn nobody_adds_it() {
        let conf = r#"output { if "alert" in [tags] { stdout { } } }"#;
        assert_eq!(ids_with(FIELDS_BEAT, &format!("{HEAD} {conf}")), ["tag-never-added"]);
        assert_eq!(ids(conf), [""; 0], "a sender may");
    }

    #[test]
    fn tags_come_from_many_places() {
        for filter in [
            r#"mutate { add_tag => ["alert"] }"#,
            r#"grok { match => { "message" => "%{WORD:x}" } tag_on_failure => ["alert"] }"#,
            r#"if [message] =~ /x/ { mutate { add_tag => ["alert"] } }"#,
            r#"mutate { add_tag => ["%{message}"] }"#,
            r#"mutate { add_field => { "tags" => "alert" } }"#,
            r#"mutate { replace => { "tags" => "%{message}" } }"#,
            r#"ruby { code => "" }"#,
            r#"json { source => "message" }"#,
        ] {
            let conf = format!("{HEAD} filter {{ {filter} }} output {{ if \"alert\" in [tags] {{ stdout {{ }} }} }}");
            assert_eq!(ids_with(FIELDS_BEAT, &conf), [""; 0], "{filter}");
        }
        let failure = r#"filter { json { source => "message" target => "j" } } output { if "_jsonparsefailure" in [tags] { stdout { } } }"#;
        assert_eq!(ids_with(FIELDS_BEAT, &format!("{HEAD} {failure}")), [""; 0]);
    }
}
