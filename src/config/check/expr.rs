//! Conditions over what is known of an event: what is decided, and what holds behind them.

use super::facts::{Leaf, Why};
use super::value::{Known, State, Types};
use crate::config::logstash::ast::{CompareOp, Expr, RValue, Value};
use crate::config::source::Spanned;
use crate::event::{EscapeStyle, FieldRef};

fn field(value: &RValue, escape: EscapeStyle) -> Option<FieldRef> {
    match value {
        RValue::Selector(text) => FieldRef::parse_with(text, escape).ok(),
        _ => None,
    }
}

fn is_tags(field: &FieldRef) -> bool {
    field.is_top("tags")
}

/// What a condition comes to: `None` where it depends on the event, or where real Logstash gives up on the event. The
/// comparisons it is made of are told to `leaf`.
pub fn decide(e: &Spanned<Expr>, state: &State, escape: EscapeStyle, leaf: &mut dyn FnMut(Leaf)) -> Option<bool> {
    match &e.value {
        Expr::And(a, b) => match (decide(a, state, escape, leaf), decide(b, state, escape, leaf)) {
            (Some(false), _) => Some(false),
            // what stands on the right may be looked at first only in appearance: a lost event is not false
            (Some(true), b) => b,
            (None, Some(false)) => Some(false),
            (None, _) => None,
        },
        Expr::Or(a, b) => match (decide(a, state, escape, leaf), decide(b, state, escape, leaf)) {
            (Some(true), _) => Some(true),
            (Some(false), b) => b,
            (None, _) => None,
        },
        Expr::Xor(a, b) => {
            let (a, b) = (decide(a, state, escape, leaf), decide(b, state, escape, leaf));
            Some(a? != b?)
        }
        Expr::Nand(a, b) => {
            let (a, b) = (decide(a, state, escape, leaf), decide(b, state, escape, leaf));
            Some(!(a? && b?))
        }
        Expr::Not(a) => decide(a, state, escape, leaf).map(|v| !v),
        Expr::Invalid => None,
        _ => {
            let (verdict, about) = simple(&e.value, state, escape);
            if let Some((field, known, why)) = about {
                leaf(Leaf { span: e.span, verdict, field, known, why });
            }
            verdict
        }
    }
}

type About = Option<(FieldRef, Known, Why)>;

fn simple(e: &Expr, state: &State, escape: EscapeStyle) -> (Option<bool>, About) {
    match e {
        Expr::Truthy(value) => {
            let Some(f) = field(value, escape) else { return (None, None) };
            let known = state.get(&f);
            let verdict = known.is_never().then_some(false);
            (verdict, Some((f, known, Why::Value)))
        }
        Expr::Compare { op, left, right } => {
            let (f, other) = match (field(&left.value, escape), field(&right.value, escape)) {
                (Some(f), None) => (f, &right.value),
                (None, Some(f)) => (f, &left.value),
                _ => return (None, None),
            };
            let known = state.get(&f);
            let equal = match op {
                CompareOp::Eq | CompareOp::Ne => equals(&known, other),
                _ => {
                    let left_is_field = matches!(left.value, RValue::Selector(_));
                    return (None, Some((f, known, if left_is_field { Why::Order } else { Why::Value })));
                }
            };
            (equal.map(|eq| eq == (*op == CompareOp::Eq)), Some((f, known, Why::Value)))
        }
        Expr::Match { negated, left, pattern } => {
            let Some(f) = field(&left.value, escape) else { return (None, None) };
            let known = state.get(&f);
            let found = match &known.values {
                _ if !known.types.has(Types::STR) => Some(false),
                Some(values) => match crate::regexp::Regex::new(&pattern.value.text, Default::default()) {
                    Ok(regex) if values.iter().all(|v| regex.is_match(v) == Ok(false)) => Some(false),
                    _ => None,
                },
                None => None,
            };
            (found.map(|found| found != *negated), Some((f, known, Why::Match)))
        }
        Expr::In { negated, item, list } => {
            let (found, about) = contains(&item.value, &list.value, state, escape);
            (found.map(|found| found != *negated), about)
        }
        _ => (None, None),
    }
}

fn equals(known: &Known, literal: &RValue) -> Option<bool> {
    if known.is_never() {
        return Some(false);
    }
    // of the other types nothing is said
    if !known.types.within(Types::STR.and(Types::LIST).and(Types::NUM).and(Types::MAP)) {
        return None;
    }
    match literal {
        RValue::String(text) if !known.types.has(Types::STR) || !known.values.as_ref()?.contains(text) => Some(false),
        RValue::String(_) => {
            let only = !known.absent && known.types == Types::STR && known.values.as_ref()?.len() == 1;
            only.then_some(true)
        }
        RValue::Number(_) if !known.types.has(Types::NUM) => Some(false),
        _ => None,
    }
}

fn contains(item: &RValue, list: &RValue, state: &State, escape: EscapeStyle) -> (Option<bool>, About) {
    match (item, field(list, escape)) {
        (RValue::String(tag), Some(list)) if is_tags(&list) => {
            let tags = &state.tags;
            // tags that are one text are searched for a part
            let never = !tags.open && !tags.may.keys().any(|t| t.contains(tag.as_str()));
            (never.then_some(false), Some((list, Known::unknown(), Why::Tag(tag.clone()))))
        }
        (RValue::String(text), Some(f)) => {
            let known = state.get(&f);
            let never = known.is_never()
                || known.types == Types::STR
                    && known.values.as_ref().is_some_and(|v| !v.iter().any(|v| v.contains(text.as_str())));
            (never.then_some(false), Some((f, known, Why::Value)))
        }
        _ => {
            let Some(f) = field(item, escape) else { return (None, None) };
            let RValue::Array(items) = list else { return (None, None) };
            let known = state.get(&f);
            let texts: Option<Vec<&String>> = items
                .iter()
                .map(|i| match &i.value {
                    Value::String(s) | Value::Bareword(s) => Some(s),
                    _ => None,
                })
                .collect();
            let never = known.is_never()
                || known.types == Types::STR
                    && match (&known.values, texts) {
                        (Some(values), Some(texts)) => !texts.iter().any(|t| values.contains(*t)),
                        _ => false,
                    };
            (never.then_some(false), Some((f, known, Why::Value)))
        }
    }
}

/// What is known once a condition held (or did not); `false` if that cannot be.
pub fn assume(e: &Spanned<Expr>, holds: bool, state: &mut State, escape: EscapeStyle) -> bool {
    match (&e.value, holds) {
        (Expr::And(a, b), true) | (Expr::Nand(a, b), false) => {
            assume(a, true, state, escape) && assume(b, true, state, escape)
        }
        (Expr::Or(a, b), false) => assume(a, false, state, escape) && assume(b, false, state, escape),
        (Expr::Or(a, b), true) | (Expr::And(a, b), false) | (Expr::Nand(a, b), true) => {
            let of = if matches!(e.value, Expr::Nand(..)) { !holds } else { holds };
            let mut other = state.clone();
            match (assume(a, of, state, escape), assume(b, of, &mut other, escape)) {
                (true, true) => *state = state.join(&other),
                (false, true) => *state = other,
                (true, false) => {}
                (false, false) => return false,
            }
            true
        }
        (Expr::Not(a), holds) => assume(a, !holds, state, escape),
        (Expr::Truthy(value), true) => there(value, state, escape, &|known| {
            known.types = known.types.without(Types::NULL);
        }),
        (Expr::Truthy(value), false) => there(value, state, escape, &|known| {
            // an empty text is not true, nor is one that says so
            let untrue = |v: &String| v.is_empty() || v == "false";
            match known.values.as_mut() {
                Some(values) => values.retain(untrue),
                None if known.types.has(Types::STR) => {
                    known.values = Some(["", "false"].into_iter().map(String::from).collect());
                }
                None => {}
            }
            let mut kept = Types::STR.and(Types::BOOL).and(Types::NULL);
            if known.values.as_ref().is_some_and(|v| v.is_empty()) {
                kept = kept.without(Types::STR);
            }
            known.types = kept.without(Types::ALL.without(known.types));
            known.absent = true;
        }),
        (Expr::Compare { op: CompareOp::Eq, left, right }, true)
        | (Expr::Compare { op: CompareOp::Ne, left, right }, false) => {
            let (f, literal) = match (&left.value, &right.value) {
                (f @ RValue::Selector(_), RValue::String(s)) | (RValue::String(s), f @ RValue::Selector(_)) => (f, s),
                (f @ RValue::Selector(_), RValue::Number(_)) | (RValue::Number(_), f @ RValue::Selector(_)) => {
                    return there(f, state, escape, &|_| {});
                }
                _ => return true,
            };
            there(f, state, escape, &|known| {
                // of other types (a boolean, a time) it is not known what they equal
                if known.types.has(Types::STR) {
                    known.values = Some([literal.clone()].into_iter().collect());
                    known.types = Types::STR;
                }
            })
        }
        (Expr::Match { negated, left, .. }, holds) if *negated != holds => {
            there(&left.value, state, escape, &|known| {
                known.types = known.types.without(Types::ALL.without(Types::STR));
            })
        }
        (Expr::In { negated, item, list }, holds) if *negated != holds && matches!(list.value, RValue::Array(_)) => {
            there(&item.value, state, escape, &|_| {})
        }
        _ => true,
    }
}

/// The field is there, and `narrow` says what else; nothing else of the event changes.
fn there(value: &RValue, state: &mut State, escape: EscapeStyle, narrow: &dyn Fn(&mut Known)) -> bool {
    let Some(field) = field(value, escape) else { return true };
    if is_tags(&field) || field.steps.is_empty() {
        return true;
    }
    let mut known = state.get(&field);
    known.absent = false;
    narrow(&mut known);
    if known.is_impossible() {
        return false;
    }
    // an element of a list is no field of its own
    if field.steps.iter().all(|s| s.index.is_none()) {
        state.set(&field, known);
    }
    true
}
