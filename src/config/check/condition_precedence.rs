//! `condition-precedence`: `a and b and c or d` is read as `a and ((b and c) or d)`.
//!
//! Logstash closes only the operator before an `or`, not what stands before that
//! (see `config::logstash::condition`), so from the second `and` on the grouping is not the usual one.

use super::CheckInput;
use super::facts::Facts;
use crate::config::diagnostic::Diagnostic;
use crate::config::logstash::ast::Expr;
use crate::config::source::{SourceMap, Span, Spanned};

pub fn check(input: &CheckInput<'_>, facts: &Facts, found: &mut Vec<Diagnostic>) {
    for seen in facts.conditions.iter().filter(|c| c.lane == 0) {
        look(&seen.cond, input.sources, found);
    }
}

fn look(e: &Spanned<Expr>, sources: &SourceMap, found: &mut Vec<Diagnostic>) {
    let (a, b) = match &e.value {
        Expr::And(a, b) | Expr::Or(a, b) | Expr::Xor(a, b) | Expr::Nand(a, b) => (a, b),
        Expr::Not(a) => return look(a, sources, found),
        _ => return,
    };
    if let (Expr::And(..), Expr::Or(left, right)) = (&e.value, &b.value)
        && !is_grouped(a.span, b.span, sources)
    {
        let text = |span: Span| sources.text(span).split_whitespace().collect::<Vec<_>>().join(" ");
        let (a, left, right) = (text(a.span), text(left.span), text(right.span));
        found.push(
            Diagnostic::warning("condition-precedence", "Logstash groups this condition in an unusual way")
                .at(e.span, "`or` does not end all that stands before it")
                .note(format!("it is read as `{a} and (({left}) or {right})`"))
                .help(format!("write the parentheses: `({a} and {left}) or {right}` if that is meant")),
        );
        return;
    }
    look(a, sources, found);
    look(b, sources, found);
}

/// Whether the right side of an operator stands in parentheses, which its span may leave out.
fn is_grouped(left: Span, right: Span, sources: &SourceMap) -> bool {
    if left.file != right.file || left.end > right.start {
        return true;
    }
    let between = sources.text(Span { file: left.file, start: left.end, end: right.start });
    if between.contains('(') || between.contains('#') {
        return true;
    }
    let text = sources.text(right);
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if depth <= 0 {
            return at > 0 && at + c.len_utf8() == text.len();
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use crate::config::check::tests::ids;

    #[test]
    fn only_the_odd_grouping_is_told() {
        for (cond, told) in [
            ("[a] and [b] and [c] or [d]", true),
            ("[a] and [b] or [c]", false),
            ("[a] and ([b] and [c] or [d])", false),
            ("[a] and (([b] and [c]) or [d])", false),
            ("([a] and [b] and [c]) or [d]", false),
            ("[a] or [b] and [c]", false),
            ("[a] and [b] and ([c] or [d])", false),
        ] {
            let conf = format!("filter {{ if {cond} {{ mutate {{ add_tag => [\"x\"] }} }} }}");
            let want: &[&str] = if told { &["condition-precedence"] } else { &[] };
            assert_eq!(ids(&conf), want, "{cond}");
        }
    }
}
