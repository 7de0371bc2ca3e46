//! Conditions of `if` and `else if`, compiled.
//!
//! Source: what Logstash 8.19 does, recorded; its oddities are kept: `==` is by type, `<` between an absent field or
//! values of different types has no answer, a list of literals compares as text. Where real Logstash then drops the
//! event with a line in its log, or stops, the event becomes a [`Fault`] and goes to the dead letter file.

use super::{Fault, Scratch};
use crate::config::source::Span;
use crate::event::decimal::Decimal;
use crate::event::number::write_java_double;
use crate::event::{Event, FieldRef, Value, ruby, sprintf};
use crate::regexp::Regex;
use std::cmp::Ordering;
use std::fmt;

/// A compiled condition.
#[derive(Debug)]
pub struct Condition {
    pub expr: Expr,
    /// Where it was written; absent for what no configuration wrote.
    pub span: Option<Span>,
}

/// A part of a condition. What is constant has been folded.
#[derive(Debug)]
pub enum Expr {
    Constant(bool),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Xor(Box<Condition>, Box<Condition>),
    Nand(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    /// The field alone: present, not null, neither `false` nor empty nor the text `false`.
    Truthy(FieldRef),
    Compare {
        op: Op,
        left: Operand,
        right: Operand,
    },
    /// Only a string ever matches.
    Match {
        negated: bool,
        left: FieldRef,
        pattern: Regex,
    },
    In {
        negated: bool,
        item: Operand,
        list: Operand,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    Field(FieldRef),
    Str(String),
    Int(i64),
    Float(f64),
    /// A list of literals.
    List(Vec<Operand>),
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Op::Eq => "==",
            Op::Ne => "!=",
            Op::Lt => "<",
            Op::Le => "<=",
            Op::Gt => ">",
            Op::Ge => ">=",
        })
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operand::Field(r) if r.steps.len() == 1 && r.root == crate::event::field_ref::Root::Event => {
                write!(f, "[{}]", r.steps[0].name)
            }
            Operand::Field(r) => write!(f, "{r}"),
            Operand::Str(s) => write!(f, "{s:?}"),
            Operand::Int(i) => write!(f, "{i}"),
            Operand::Float(x) => write!(f, "{x:?}"),
            Operand::List(_) => f.write_str("a list"),
        }
    }
}

impl Operand {
    fn is_constant(&self) -> bool {
        !matches!(self, Operand::Field(_))
    }

    /// As Java prints the literal.
    fn java_text(&self) -> String {
        match self {
            Operand::Str(s) => s.clone(),
            Operand::Int(i) => i.to_string(),
            Operand::Float(x) => {
                let mut out = String::new();
                write_java_double(*x, &mut out);
                out
            }
            Operand::Field(_) | Operand::List(_) => self.to_string(),
        }
    }

    /// What the event has for it; `None` for an absent field.
    fn value<'b>(&'b self, event: &Event<'b>) -> Option<Value<'b>> {
        match self {
            Operand::Field(r) => event.get(r),
            Operand::Str(s) => Some(Value::Str(s)),
            Operand::Int(i) => Some(Value::Int(*i)),
            Operand::Float(x) => Some(Value::Float(*x)),
            Operand::List(_) => None,
        }
    }
}

impl Condition {
    /// A condition that no configuration wrote.
    pub fn constant(holds: bool) -> Condition {
        Condition { expr: Expr::Constant(holds), span: None }
    }

    pub fn new(expr: Expr, span: Span) -> Condition {
        Condition { expr, span: Some(span) }
    }

    /// The outcome, when it is the same for every event.
    pub fn as_constant(&self) -> Option<bool> {
        if let Expr::Constant(b) = self.expr { Some(b) } else { None }
    }

    /// Decides it for one event.
    ///
    /// # Errors
    /// A comparison of types that have no order (reason `condition`); real Logstash drops the event without a word, or
    /// stops.
    #[expect(clippy::only_used_in_recursion, reason = "matchers that need working memory will take it from there")]
    pub fn holds(&self, event: &Event<'_>, scratch: &mut Scratch) -> Result<bool, Fault> {
        match &self.expr {
            Expr::Constant(b) => Ok(*b),
            Expr::And(a, b) => Ok(a.holds(event, scratch)? && b.holds(event, scratch)?),
            Expr::Or(a, b) => Ok(a.holds(event, scratch)? || b.holds(event, scratch)?),
            Expr::Xor(a, b) => Ok(a.holds(event, scratch)? != b.holds(event, scratch)?),
            Expr::Nand(a, b) => Ok(!(a.holds(event, scratch)? && b.holds(event, scratch)?)),
            Expr::Not(a) => Ok(!a.holds(event, scratch)?),
            Expr::Truthy(r) => Ok(event.get(r).is_some_and(|v| truthy(&v))),
            Expr::Compare { op, left, right } => compare(event, *op, left, right),
            Expr::Match { negated, left, pattern } => {
                let found = match event.get(left) {
                    Some(Value::Str(text)) => pattern.is_match(text).map_err(|why| {
                        Fault::new(
                            "condition",
                            format!("`[{left}] =~ /{}/` cannot be decided: {why}", pattern.pattern()),
                        )
                    })?,
                    _ => false,
                };
                Ok(found != *negated)
            }
            Expr::In { negated, item, list } => Ok(contains(event, item, list)? != *negated),
        }
    }
}

/// Real Logstash looks at the value's text: empty and `false` are false.
fn truthy(value: &Value<'_>) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Str(s) => !s.is_empty() && *s != "false",
        _ => true,
    }
}

/// Equality by type, as between JRuby's objects: 5 is not 5.0.
pub fn same(a: &Value<'_>, b: &Value<'_>) -> bool {
    match (a, b) {
        (Value::Number(x), _) if is_decimal(x) => match (Decimal::of(a), Decimal::of(b)) {
            (Some(x), Some(y)) => x == y,
            _ => false,
        },
        (Value::List(x), Value::List(y)) => x.len() == y.len() && x.iter().zip(y.iter()).all(|(x, y)| same(x, y)),
        (Value::Map(x), Value::Map(y)) => {
            x.entries.len() == y.entries.len() && x.entries.iter().all(|(k, v)| y.get(k).is_some_and(|w| same(v, &w)))
        }
        _ => a == b,
    }
}

/// A big number is an integer or a decimal.
fn is_decimal(text: &str) -> bool {
    text.contains(['.', 'e', 'E'])
}

fn compare(event: &Event<'_>, op: Op, left: &Operand, right: &Operand) -> Result<bool, Fault> {
    if matches!(op, Op::Eq | Op::Ne) {
        let equal = match (left, right) {
            // a literal is asked first, whichever side it stands on
            (Operand::Field(a), Operand::Field(b)) => match (event.get(a), event.get(b)) {
                (None, None) => true,
                (Some(a), Some(b)) => same(&a, &b),
                _ => false,
            },
            (Operand::Field(r), literal) | (literal, Operand::Field(r)) => match (literal.value(event), event.get(r)) {
                (Some(a), Some(b)) => same(&a, &b),
                _ => false,
            },
            _ => literals_equal(left, right),
        };
        return Ok(equal == (op == Op::Eq));
    }
    // real Logstash turns a literal on the left around: the field is always asked
    let (order, op) = if left.is_constant() && !right.is_constant() {
        (order(&right.value(event), &left.value(event)), converse(op))
    } else {
        (order(&left.value(event), &right.value(event)), op)
    };
    match order {
        Some(order) => Ok(satisfies(order, op)),
        None => {
            let kind = |v: Option<Value<'_>>| v.map_or("absent", |v| v.type_name());
            let (l, r) = (kind(left.value(event)), kind(right.value(event)));
            Err(Fault::new(
                "condition",
                format!("`{left} {op} {right}` cannot be decided: the left side is {l}, the right side is {r}"),
            ))
        }
    }
}

fn converse(op: Op) -> Op {
    match op {
        Op::Lt => Op::Gt,
        Op::Le => Op::Ge,
        Op::Gt => Op::Lt,
        Op::Ge => Op::Le,
        other => other,
    }
}

fn satisfies(order: Ordering, op: Op) -> bool {
    match op {
        Op::Lt => order.is_lt(),
        Op::Le => order.is_le(),
        Op::Gt => order.is_gt(),
        Op::Ge => order.is_ge(),
        Op::Eq => order.is_eq(),
        Op::Ne => order.is_ne(),
    }
}

/// The order of two values, as JRuby's `compareTo`; `None` where it raises.
fn order(left: &Option<Value<'_>>, right: &Option<Value<'_>>) -> Option<Ordering> {
    let (Some(left), Some(right)) = (left, right) else { return None };
    if matches!(right, Value::List(_) | Value::Map(_)) {
        return None;
    }
    match (left, right) {
        (Value::Str(a), Value::Str(b)) => Some(a.cmp(b)),
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Timestamp(a), Value::Timestamp(b)) => Some(a.cmp(b)),
        // an object without an order of its own counts as equal to whatever it is compared with
        (Value::Null | Value::Bool(_) | Value::Timestamp(_), _) => Some(Ordering::Equal),
        (Value::Int(_) | Value::Float(_) | Value::Number(_), Value::Int(_) | Value::Float(_) | Value::Number(_)) => {
            match (left, right) {
                (Value::Number(_), _) | (_, Value::Number(_)) => match (Decimal::of(left), Decimal::of(right)) {
                    (Some(a), Some(b)) => Some(a.cmp(&b)),
                    _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
                },
                _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
            }
        }
        _ => None,
    }
}

fn contains(event: &Event<'_>, item: &Operand, list: &Operand) -> Result<bool, Fault> {
    Ok(match (item, list) {
        (Operand::Field(a), Operand::Field(b)) => match (event.get(a), event.get(b)) {
            (Some(Value::List(_) | Value::Map(_)), _) => false,
            (Some(Value::Str(a)), Some(Value::Str(b))) => b.contains(a),
            (Some(a), Some(Value::List(l))) => l.iter().any(|v| same(&a, v)),
            (None, Some(Value::List(l))) if !l.is_empty() => {
                let why = format!("`{item} in {list}` cannot be decided: the left side is absent");
                return Err(Fault::new("condition", why));
            }
            (Some(a), Some(b)) => same(&a, &b),
            _ => false,
        },
        // a list of literals is compared as text
        (Operand::Field(r), Operand::List(l)) => match event.get(r) {
            None => false,
            Some(Value::Str(s)) => l.iter().any(|v| matches!(v, Operand::Str(t) if t == s) || text_is(v, s)),
            Some(found) => {
                let mut text = String::new();
                match found {
                    Value::List(_) | Value::Map(_) => sprintf::write_java(&found, &mut text),
                    _ => ruby::write_to_s(&found, &mut text),
                }
                l.iter().any(|v| text_is(v, &text))
            }
        },
        (Operand::Field(r), literal) => match event.get(r) {
            Some(Value::Str(s)) => match literal {
                Operand::Str(t) => t.contains(s),
                other => other.java_text().contains(s),
            },
            _ => false,
        },
        (Operand::Str(s), Operand::Field(r)) => match event.get(r) {
            Some(Value::Str(t)) => t.contains(s.as_str()),
            Some(Value::List(l)) => l.iter().any(|v| v.as_str() == Some(s)),
            _ => false,
        },
        (literal, Operand::Field(r)) => match (literal.value(event), event.get(r)) {
            (Some(a), Some(Value::List(l))) => l.iter().any(|v| same(&a, v)),
            _ => false,
        },
        (a, b) => literals_equal(a, b),
    })
}

fn text_is(literal: &Operand, text: &str) -> bool {
    match literal {
        Operand::Str(t) => t == text,
        other => other.java_text() == text,
    }
}

/// Literals are equal when they are written with the same type and value.
pub fn literals_equal(a: &Operand, b: &Operand) -> bool {
    a.is_constant() && a == b
}

/// The order of two literals; `None` when they have none, which real Logstash refuses when it starts.
pub fn literals_order(a: &Operand, b: &Operand) -> Option<Ordering> {
    match (a, b) {
        (Operand::Str(a), Operand::Str(b)) => Some(a.cmp(b)),
        (Operand::Int(a), Operand::Int(b)) => Some(a.cmp(b)),
        (Operand::Float(a), Operand::Float(b)) => a.partial_cmp(b),
        _ => None,
    }
}

/// Whether an order satisfies an operator; for folding constants.
pub fn order_satisfies(order: Ordering, op: Op) -> bool {
    satisfies(order, op)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Arena, Map, Origin};

    fn field(text: &str) -> Operand {
        Operand::Field(FieldRef::parse(text).unwrap())
    }

    fn holds(expr: Expr, event: &Event<'_>) -> Option<bool> {
        Condition { expr, span: None }.holds(event, &mut Scratch::default()).ok()
    }

    /// Values in one order, so that a row of expectations can be read: 5, 5.0, "5", "abc", "", true, null, [1], {}, absent.
    fn events(arena: &Arena) -> Vec<Event<'_>> {
        let values = [
            Some(Value::Int(5)),
            Some(Value::Float(5.0)),
            Some(Value::Str("5")),
            Some(Value::Str("abc")),
            Some(Value::Str("")),
            Some(Value::Bool(true)),
            Some(Value::Null),
            Some(Value::List(arena.alloc_slice_copy(&[Value::Int(1)]))),
            Some(Value::Map(Map::new_in(arena, &[]))),
            None,
        ];
        values
            .into_iter()
            .map(|v| {
                let mut e = Event::new(arena, Origin::default());
                if let Some(v) = v {
                    e.push("l", v);
                }
                e
            })
            .collect()
    }

    /// One letter per event: t(rue), f(alse), x(no answer).
    fn row(expr: impl Fn() -> Expr) -> String {
        let arena = Arena::new();
        events(&arena).iter().map(|e| holds(expr(), e).map_or('x', |b| if b { 't' } else { 'f' })).collect()
    }

    #[test]
    fn comparisons_answer_as_recorded() {
        let cmp = |op, left: &Operand, right: &Operand| {
            row(|| Expr::Compare { op, left: left.clone(), right: right.clone() })
        };
        let l = field("l");
        assert_eq!(cmp(Op::Eq, &l, &Operand::Int(5)), "tfffffffff");
        assert_eq!(cmp(Op::Eq, &l, &Operand::Float(5.0)), "ftffffffff");
        assert_eq!(cmp(Op::Eq, &l, &Operand::Str("5".into())), "fftfffffff");
        assert_eq!(cmp(Op::Ne, &l, &Operand::Str("5".into())), "ttfttttttt");
        assert_eq!(cmp(Op::Ge, &l, &Operand::Int(5)), "ttxxxttxxx");
        assert_eq!(cmp(Op::Lt, &l, &Operand::Float(5.5)), "ttxxxffxxx");
        assert_eq!(cmp(Op::Le, &l, &Operand::Str("5".into())), "xxtftttxxx");
        assert_eq!(cmp(Op::Gt, &Operand::Int(6), &l), "ttxxxffxxx");
        assert_eq!(cmp(Op::Eq, &l, &field("m")), "ffffffffft");
        assert_eq!(cmp(Op::Lt, &l, &field("m")), "xxxxxxxxxx");
    }

    #[test]
    fn membership_answers_as_recorded() {
        let is_in = |item: &Operand, list: &Operand| {
            row(|| Expr::In { negated: false, item: item.clone(), list: list.clone() })
        };
        let l = field("l");
        let list = Operand::List(vec![Operand::Int(5), Operand::Str("abc".into()), Operand::Float(5.0)]);
        assert_eq!(is_in(&l, &list), "ttttffffff");
        assert_eq!(is_in(&l, &Operand::Str("abc".into())), "fffttfffff");
        assert_eq!(is_in(&Operand::Int(1), &l), "ffffffftff");
        assert_eq!(is_in(&Operand::Str("b".into()), &l), "ffftffffff");
        assert_eq!(is_in(&l, &field("l")), "tttttttfff");
    }

    #[test]
    fn truth_and_matching_answer_as_recorded() {
        assert_eq!(row(|| Expr::Truthy(FieldRef::top("l"))), "ttttftfttf");
        let pattern = |p: &str, negated| {
            row(|| Expr::Match {
                negated,
                left: FieldRef::top("l"),
                pattern: Regex::new(p, Default::default()).unwrap(),
            })
        };
        assert_eq!(pattern("^[5b]|c$", false), "ffttffffff");
        assert_eq!(pattern("^$", true), "ttttfttttt");
    }

    #[test]
    fn decimals_of_any_size_are_ordered() {
        let arena = Arena::new();
        let mut e = Event::new(&arena, Origin::default());
        e.push("n", Value::Number("1.50"));
        e.push("big", Value::Number("12345678901234567890"));
        let cmp = |op, l: &str, right| holds(Expr::Compare { op, left: field(l), right }, &e);
        assert_eq!(cmp(Op::Gt, "n", Operand::Int(1)), Some(true));
        assert_eq!(cmp(Op::Lt, "n", Operand::Float(1.5)), Some(false));
        assert_eq!(cmp(Op::Gt, "big", Operand::Int(i64::MAX)), Some(true));
        assert_eq!(cmp(Op::Eq, "n", Operand::Float(1.5)), Some(false));
    }

    #[test]
    fn the_first_side_that_decides_spares_the_second() {
        let bad = || {
            Box::new(Condition {
                expr: Expr::Compare { op: Op::Lt, left: field("absent"), right: Operand::Int(1) },
                span: None,
            })
        };
        let arena = Arena::new();
        let e = Event::new(&arena, Origin::default());
        assert_eq!(holds(Expr::And(Box::new(Condition::constant(false)), bad()), &e), Some(false));
        assert_eq!(holds(Expr::Or(Box::new(Condition::constant(true)), bad()), &e), Some(true));
        assert_eq!(holds(Expr::Nand(Box::new(Condition::constant(false)), bad()), &e), Some(true));
        assert_eq!(holds(Expr::Xor(Box::new(Condition::constant(false)), bad()), &e), None);
    }
}
