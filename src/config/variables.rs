//! `${VAR}` and `${VAR:default}` in option values and conditions.
//!
//! The original: <https://www.elastic.co/guide/en/logstash/8.19/environment-variables.html>; details from Logstash 8.19's
//! ConfigVariableExpander (a value that is one placeholder) and substitution_variables.rb (placeholders inside a text).
//!
//! Deviation: there is no keystore yet, so a name is looked up in the environment only.

use super::diagnostic::{Diagnostic, Severity};
use super::logstash::ast::{Expr, RValue, Value};
use super::source::{Span, Spanned};

/// Where variables come from, and how bad it is when one is missing.
pub struct Variables<'a> {
    pub lookup: &'a dyn Fn(&str) -> Option<String>,
    /// [`Severity::Error`] where the program is to run; [`Severity::Warning`] where the text is only looked at, perhaps
    /// on another machine: the placeholder then stays as it is.
    pub undefined: Severity,
}

/// `${name:default}` in a text: bytes `start..end`.
struct Placeholder<'t> {
    start: usize,
    end: usize,
    name: &'t str,
    default: Option<&'t str>,
}

/// The first placeholder at or after `from`. A name begins with a letter, `_` or `.`; digits may follow.
fn next_placeholder(text: &str, from: usize) -> Option<Placeholder<'_>> {
    let mut at = from;
    while let Some(found) = text[at..].find("${") {
        let start = at + found;
        let name = &text[start + 2..];
        let is_name = |b: u8| b.is_ascii_alphabetic() || b == b'_' || b == b'.';
        let len = name.bytes().enumerate().take_while(|&(i, b)| is_name(b) || (i > 0 && b.is_ascii_digit())).count();
        let (name, rest) = name.split_at(len);
        if len > 0 {
            let rest_at = start + 2 + len;
            if rest.starts_with('}') {
                return Some(Placeholder { start, end: rest_at + 1, name, default: None });
            }
            if let Some(default) = rest.strip_prefix(':')
                && let Some(close) = default.find('}')
            {
                return Some(Placeholder {
                    start,
                    end: rest_at + 1 + close + 1,
                    name,
                    default: Some(&default[..close]),
                });
            }
        }
        at = start + 2;
    }
    None
}

fn strip_enclosing(text: &str, quote: char) -> &str {
    match text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote)) {
        Some(inner) => inner,
        None => text,
    }
}

impl Variables<'_> {
    fn resolve(&self, p: &Placeholder, text: &str, span: Span, diags: &mut Vec<Diagnostic>) -> Option<String> {
        if let Some(value) = (self.lookup)(p.name).or_else(|| p.default.map(str::to_string)) {
            return Some(value);
        }
        let name = p.name;
        let message = format!(
            "Cannot evaluate `${{{name}}}`. Replacement variable `{name}` is not defined in a Logstash secret store or the \
             environment, and there is no default"
        );
        let diag = match self.undefined {
            Severity::Error => Diagnostic::error("undefined-variable", message),
            Severity::Warning => Diagnostic::warning("undefined-variable", message),
        };
        // exact when nothing in the text was replaced before: quotes take one byte
        let inner_len = (span.end - span.start) as usize;
        let at = if inner_len == text.len() + 2 {
            Span::new(span.file, span.start as usize + 1 + p.start, span.start as usize + 1 + p.end)
        } else {
            span
        };
        diags.push(diag.at(at, "not defined").help(format!("set `{name}`, or give a default: `${{{name}:default}}`")));
        None
    }

    /// A value that is one placeholder and nothing else; `None` if it is not.
    fn whole(&self, text: &str, span: Span, diags: &mut Vec<Diagnostic>) -> Option<Option<String>> {
        let p = next_placeholder(text, 0)?;
        (p.start == 0 && p.end == text.len()).then(|| self.resolve(&p, text, span, diags))
    }

    fn text(&self, text: &str, span: Span, diags: &mut Vec<Diagnostic>) -> Option<Value> {
        if !text.contains("${") {
            return None;
        }
        if let Some(resolved) = self.whole(text, span, diags) {
            return resolved.map(Value::String);
        }
        let mut out = String::new();
        let mut at = 0;
        let mut any = false;
        while let Some(p) = next_placeholder(text, at) {
            out.push_str(&text[at..p.start]);
            match self.resolve(&p, text, span, diags) {
                Some(value) => {
                    out.push_str(&value);
                    any = true;
                }
                None => out.push_str(&text[p.start..p.end]),
            }
            at = p.end;
        }
        out.push_str(&text[at..]);
        if !any {
            return None;
        }
        // as the original: quotes around the result go, and what then looks like an array is one
        let refined = strip_enclosing(strip_enclosing(&out, '\''), '"');
        if let Some(items) = refined.strip_prefix('[').and_then(|r| r.strip_suffix(']')) {
            let items = items.split(',').map(|item| strip_enclosing(strip_enclosing(item.trim(), '\''), '"'));
            return Some(Value::Array(items.map(|item| Spanned::new(Value::String(item.to_string()), span)).collect()));
        }
        Some(Value::String(refined.to_string()))
    }

    /// Replaces placeholders in an option's value, inside arrays and hashes too; keys of hashes stay as they are.
    /// The spans stay those of the written text. A missing variable is reported under `undefined-variable`.
    pub fn expand(&self, value: &mut Spanned<Value>, diags: &mut Vec<Diagnostic>) {
        match &mut value.value {
            Value::String(text) => {
                if let Some(replaced) = self.text(text, value.span, diags) {
                    value.value = replaced;
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.expand(item, diags)),
            Value::Hash(entries) => entries.iter_mut().for_each(|entry| self.expand(&mut entry.value, diags)),
            // a codec's options are expanded when the codec reads them
            Value::Plugin(_) | Value::Bareword(_) | Value::Number(_) => {}
        }
    }

    /// Replaces the strings of a condition that are one placeholder as a whole, as Logstash does: `"${A}"` is replaced,
    /// `"x${A}"` and patterns are not.
    pub fn expand_condition(&self, expr: &mut Spanned<Expr>, diags: &mut Vec<Diagnostic>) {
        let span = expr.span;
        match &mut expr.value {
            Expr::And(a, b) | Expr::Or(a, b) | Expr::Xor(a, b) | Expr::Nand(a, b) => {
                self.expand_condition(a, diags);
                self.expand_condition(b, diags);
            }
            Expr::Not(a) => self.expand_condition(a, diags),
            Expr::Compare { left, right, .. } => {
                self.expand_rvalue(&mut left.value, left.span, diags);
                self.expand_rvalue(&mut right.value, right.span, diags);
            }
            Expr::Match { left, .. } => self.expand_rvalue(&mut left.value, left.span, diags),
            Expr::In { item, list, .. } => {
                self.expand_rvalue(&mut item.value, item.span, diags);
                self.expand_rvalue(&mut list.value, list.span, diags);
            }
            Expr::Truthy(value) => self.expand_rvalue(value, span, diags),
            Expr::Invalid => {}
        }
    }

    fn expand_rvalue(&self, rvalue: &mut RValue, span: Span, diags: &mut Vec<Diagnostic>) {
        match rvalue {
            RValue::String(text) => {
                if let Some(Some(value)) = self.whole(text, span, diags) {
                    *text = value;
                }
            }
            RValue::Array(items) => {
                for item in items {
                    if let Value::String(text) = &mut item.value
                        && let Some(Some(value)) = self.whole(text, item.span, diags)
                    {
                        *text = value;
                    }
                }
            }
            RValue::Number(_) | RValue::Selector(_) | RValue::Regexp(_) | RValue::MethodCall { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::source::FileId;

    fn expand(text: &str, undefined: Severity) -> (Value, Vec<Diagnostic>) {
        let lookup = |name: &str| match name {
            "A" => Some("one".to_string()),
            "LIST" => Some("x, 'y'".to_string()),
            "Q" => Some("'quoted'".to_string()),
            "a.b_2" => Some("dotted".to_string()),
            _ => None,
        };
        let mut value = Spanned::new(Value::String(text.into()), Span::new(FileId(0), 10, 12 + text.len()));
        let mut diags = vec![];
        Variables { lookup: &lookup, undefined }.expand(&mut value, &mut diags);
        (value.value, diags)
    }

    #[test]
    fn placeholders_are_replaced() {
        let cases = [
            ("${A}", "one"),
            ("x${A}y${A}", "xoneyone"),
            ("${NO:}", ""),
            ("${NO:a:b}", "a:b"),
            ("${A:default}", "one"),
            ("${a.b_2}", "dotted"),
            ("${2A}", "${2A}"),
            ("$A ${", "$A ${"),
            ("${A", "${A"),
            ("${}${A}", "${}one"),
            ("%{A} ${Q}", "%{A} 'quoted'"),
            ("${Q}", "'quoted'"),
            ("'${A}'", "one"),
        ];
        for (text, want) in cases {
            let (value, diags) = expand(text, Severity::Error);
            assert_eq!(value, Value::String(want.into()), "{text}");
            assert!(diags.is_empty(), "{text}: {diags:?}");
        }
    }

    #[test]
    fn a_text_that_becomes_an_array_is_one() {
        let (value, _) = expand("[${LIST}]", Severity::Error);
        let Value::Array(items) = value else { panic!("{value:?}") };
        assert_eq!(items.iter().map(|i| i.value.scalar().unwrap()).collect::<Vec<_>>(), ["x", "y"]);
    }

    #[test]
    fn conditions_replace_whole_strings_only() {
        use crate::config::logstash::ast::Stmt;
        let text = r#"filter { if [a] == "${A}" and ![b] and "x${A}" in [c] and [d] in ["${A}", 1] and [e] =~ "${A}" and "${NO}" == [f] { } }"#;
        let (config, diags) = crate::config::logstash::parse(FileId(0), text, false);
        assert!(diags.is_empty(), "{diags:?}");
        let Stmt::Branch(branch) = &config.sections[0].body[0] else { panic!("{config:?}") };
        let mut cond = branch.arms[0].cond.clone().unwrap();
        let mut diags = vec![];
        let lookup = |name: &str| (name == "A").then(|| "one".to_string());
        Variables { lookup: &lookup, undefined: Severity::Error }.expand_condition(&mut cond, &mut diags);
        let shown = format!("{cond:?}");
        assert_eq!(shown.matches("String(\"one\")").count(), 2);
        assert!(shown.contains("x${A}") && shown.contains("text: \"${A}\""));
        let missing = diags[0].primary.as_ref().unwrap().span;
        assert_eq!((diags.len(), &text[missing.start as usize..missing.end as usize]), (1, "${NO}"));
    }

    #[test]
    fn a_missing_variable_is_located_and_left() {
        let (value, diags) = expand("ab${NO} ${A}", Severity::Error);
        assert_eq!(value, Value::String("ab${NO} one".into()));
        assert_eq!(diags[0].id, "undefined-variable");
        assert!(diags[0].stops_run && diags[0].message.contains("Replacement variable `NO`"));
        assert_eq!(diags[0].primary.as_ref().unwrap().span, Span::new(FileId(0), 13, 18));
        assert!(!expand("${NO}", Severity::Warning).1[0].stops_run);
    }
}
