//! Conditions of `when` and `if`: configuration to data; what an event makes of them is decided where events are.
//!
//! Documentation: <https://www.elastic.co/guide/en/beats/filebeat/8.5/defining-processors.html#conditions>.
//! As in Beats, of several conditions in one map only one counts; here that is reported.

use super::super::diagnostic::Diagnostic;
use super::super::source::{Span, Spanned};
use super::super::yaml::{Node, Value};
use super::options::{Found, Section, not_yet};
use super::re2;
use super::ucfg::scalar_text;

/// A condition over one event. Fields are dotted paths (`http.response.code`).
#[derive(Clone, Debug)]
pub enum Condition {
    /// All fields equal their values.
    Equals(Vec<(Spanned<String>, Operand)>),
    /// Each field is a text that contains the other, or a list of texts with one that does.
    Contains(Vec<(Spanned<String>, String)>),
    /// As `Contains`, with an expression in Go's syntax.
    Regexp(Vec<(Spanned<String>, regex::Regex)>),
    /// Every field is a number within its bounds.
    Range(Vec<Bounds>),
    /// All fields exist.
    HasFields(Vec<Spanned<String>>),
    Or(Vec<Condition>),
    And(Vec<Condition>),
    Not(Box<Condition>),
}

/// What `equals` compares with.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    Int(i64),
    UInt(u64),
    Bool(bool),
    Text(String),
}

/// The bounds of one field in a `range`; at least one is set.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    pub field: Spanned<String>,
    pub gt: Option<f64>,
    pub gte: Option<f64>,
    pub lt: Option<f64>,
    pub lte: Option<f64>,
}

/// In the order in which Beats look for them: the first there is the one that counts.
const NAMES: [&str; 9] = ["equals", "contains", "regexp", "range", "has_fields", "network", "or", "and", "not"];

/// Reads one condition. `None` when there is none to be had: then something is reported, and the processor must not be built.
pub fn read(node: &Node, key_span: Span, found: &Found) -> Option<Condition> {
    let section = Section::new("the condition", Some(node), key_span, found);
    let mut written: Vec<&str> = NAMES.into_iter().filter(|n| section.node(n).is_some()).collect();
    section.finish(&[], false);
    if written.is_empty() {
        if !matches!(node.value, Value::Missing(_)) {
            section.report(
                Diagnostic::error("wrong-condition", "a condition is missing")
                    .at(key_span, "needs one")
                    .note(format!("known: {}", NAMES.map(|n| format!("`{n}`")).join(", "))),
            );
        }
        return None;
    }
    let name = written.remove(0);
    for ignored in written {
        section.report(
            Diagnostic::warning("condition-ignored", format!("`{ignored}` has no effect beside `{name}`"))
                .at(section.key_span(ignored)?, "ignored")
                .with(section.key_span(name)?, "this one counts")
                .note("of several conditions in one map Filebeat takes one")
                .help("put them in a list under `and`"),
        );
    }
    let entry = section.entry(name)?;
    let (value, key_span) = (&entry.node, entry.key_span);
    match name {
        "equals" => terms(name, value, found, |node| match &node.value {
            Value::Int(i) => Ok(Operand::Int(*i)),
            Value::UInt(u) => Ok(Operand::UInt(*u)),
            Value::Bool(b) => Ok(Operand::Bool(*b)),
            Value::Text(t) => Ok(Operand::Text(t.clone())),
            _ => Err("`equals` compares with a whole number, a boolean or a text".to_string()),
        })
        .map(Condition::Equals),
        "contains" => terms(name, value, found, |node| match &node.value {
            Value::Text(t) => Ok(t.clone()),
            _ => Err("`contains` looks for a text (put it in quotes)".to_string()),
        })
        .map(Condition::Contains),
        "regexp" => terms(name, value, found, |node| match &node.value {
            Value::Text(t) => re2::compile(t).map_err(|why| format!("not a regular expression: {why}")),
            _ => Err("`regexp` needs a text (put it in quotes)".to_string()),
        })
        .map(Condition::Regexp),
        "range" => range(value, key_span, found),
        "has_fields" => Some(Condition::HasFields(section.texts(name))),
        "or" => list(name, value, key_span, found).map(Condition::Or),
        "and" => list(name, value, key_span, found).map(Condition::And),
        "not" => read(value, key_span, found).map(|c| Condition::Not(Box::new(c))),
        "network" => {
            section.report(not_yet("option-not-yet", "the condition `network`", key_span));
            None
        }
        other => unreachable!("`{other}` is in NAMES"),
    }
}

fn list(name: &str, node: &Node, key_span: Span, found: &Found) -> Option<Vec<Condition>> {
    let nodes = match &node.value {
        Value::List(items) => &items[..],
        _ => std::slice::from_ref(node),
    };
    if nodes.is_empty() {
        found.borrow_mut().push(
            Diagnostic::error("wrong-condition", format!("`{name}` needs at least one condition"))
                .at(key_span, "empty"),
        );
        return None;
    }
    // all are read, so that all faults are reported
    let conditions: Vec<Option<Condition>> =
        nodes.iter().map(|n| read(n, if n.span.start < n.span.end { n.span } else { key_span }, found)).collect();
    conditions.into_iter().collect()
}

/// The leaves of a map of fields, whose names are joined by dots.
fn leaves<'a>(node: &'a Node, prefix: &str, out: &mut Vec<(Spanned<String>, &'a Node)>) {
    let Value::Map(entries) = &node.value else { return };
    for entry in entries {
        let name = match prefix {
            "" => entry.key.clone(),
            prefix => format!("{prefix}.{}", entry.key),
        };
        match &entry.node.value {
            Value::Map(_) => leaves(&entry.node, &name, out),
            _ => out.push((Spanned::new(name, entry.key_span), &entry.node)),
        }
    }
}

fn terms<T>(
    name: &str,
    node: &Node,
    found: &Found,
    convert: impl Fn(&Node) -> Result<T, String>,
) -> Option<Vec<(Spanned<String>, T)>> {
    let mut fields = vec![];
    leaves(node, "", &mut fields);
    if fields.is_empty() {
        found.borrow_mut().push(
            Diagnostic::error("wrong-condition", format!("`{name}` needs a map of fields")).at(node.span, "no field"),
        );
        return None;
    }
    let mut terms = vec![];
    let mut whole = true;
    for (field, node) in fields {
        if let Value::Missing(diagnostic) = &node.value {
            found.borrow_mut().push((**diagnostic).clone());
            whole = false;
            continue;
        }
        match convert(node) {
            Ok(value) => terms.push((field, value)),
            Err(why) => {
                found.borrow_mut().push(Diagnostic::error("wrong-condition", why).at(node.span, node.kind()));
                whole = false;
            }
        }
    }
    whole.then_some(terms)
}

fn range(node: &Node, key_span: Span, found: &Found) -> Option<Condition> {
    let mut fields = vec![];
    leaves(node, "", &mut fields);
    let mut all: Vec<Bounds> = vec![];
    let mut whole = true;
    for (name, node) in fields {
        let number = match &node.value {
            Value::Int(i) => Some(*i as f64),
            Value::UInt(u) => Some(*u as f64),
            Value::Float(f) => Some(*f),
            value => scalar_text(value).and_then(|t| t.parse().ok()),
        };
        let (field, bound) = name.value.rsplit_once('.').unwrap_or(("", &name.value));
        let (Some(number), false) = (number, field.is_empty()) else {
            found.borrow_mut().push(
                Diagnostic::error(
                    "wrong-condition",
                    "`range` needs a number for `gt`, `gte`, `lt` or `lte` of a field",
                )
                .at(node.span, node.kind()),
            );
            whole = false;
            continue;
        };
        let at = match all.iter().position(|b| b.field.value == field) {
            Some(at) => at,
            None => {
                let field = Spanned::new(field.to_string(), name.span);
                all.push(Bounds { field, gt: None, gte: None, lt: None, lte: None });
                all.len() - 1
            }
        };
        match bound {
            "gt" => all[at].gt = Some(number),
            "gte" => all[at].gte = Some(number),
            "lt" => all[at].lt = Some(number),
            "lte" => all[at].lte = Some(number),
            _ => {
                found.borrow_mut().push(
                    Diagnostic::error("wrong-condition", format!("`range` knows no bound `{bound}`"))
                        .at(name.span, "unknown bound")
                        .note("known: `gt`, `gte`, `lt`, `lte`"),
                );
                whole = false;
            }
        }
    }
    if all.is_empty() && whole {
        found
            .borrow_mut()
            .push(Diagnostic::error("wrong-condition", "`range` needs a map of fields").at(key_span, "no field"));
        return None;
    }
    whole.then_some(Condition::Range(all))
}
