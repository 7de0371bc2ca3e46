//! `in-list-of-one`: `[status] in ["500"]` never holds, as a list of one is read as the name of a field.
//!
//! Seen on Logstash 8.19.0; lists of two and more work.

use super::CheckInput;
use super::facts::Facts;
use crate::config::diagnostic::Diagnostic;
use crate::config::logstash::ast::{Expr, RValue};
use crate::config::source::Spanned;

pub fn check(_: &CheckInput<'_>, facts: &Facts, found: &mut Vec<Diagnostic>) {
    for seen in facts.conditions.iter().filter(|c| c.lane == 0) {
        look(&seen.cond, found);
    }
}

fn look(e: &Spanned<Expr>, found: &mut Vec<Diagnostic>) {
    match &e.value {
        Expr::And(a, b) | Expr::Or(a, b) | Expr::Xor(a, b) | Expr::Nand(a, b) => {
            look(a, found);
            look(b, found);
        }
        Expr::Not(a) => look(a, found),
        Expr::In { negated, item, list } => {
            let RValue::Selector(text) = &list.value else { return };
            let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or("").trim();
            let quoted = inner.len() >= 2
                && (inner.starts_with('"') && inner.ends_with('"') || inner.starts_with('\'') && inner.ends_with('\''));
            if !quoted || inner.contains("][") {
                return;
            }
            let (holds, op) = if *negated { ("always", "!=") } else { ("never", "==") };
            let shown = match &item.value {
                RValue::Selector(s) => s.clone(),
                RValue::String(s) => format!("{s:?}"),
                _ => "...".to_string(),
            };
            found.push(
                Diagnostic::warning("in-list-of-one", format!("a list of one is no list: this {holds} holds"))
                    .at(list.span, "read as the name of a field, quotes included")
                    .help(format!("compare instead: `{shown} {op} {inner}`")),
            );
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::config::check::tests::ids;

    #[test]
    fn lists_of_one() {
        for (cond, told) in [
            (r#"[a] in ["x"]"#, true),
            (r#"[b] and [a] not in ['x']"#, true),
            (r#"[a] in ["x", "y"]"#, false),
            (r#"[a] in [tags]"#, false),
            (r#""x" in [tags]"#, false),
        ] {
            let conf = format!("filter {{ if {cond} {{ mutate {{ add_tag => [\"z\"] }} }} }}");
            let want: &[&str] = if told { &["in-list-of-one"] } else { &[] };
            assert_eq!(ids(&conf), want, "{cond}");
        }
    }
}
