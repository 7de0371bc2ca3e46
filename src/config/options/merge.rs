//! Repeated options become one, by the rules of Logstash's compiler (lscl.rb) and its hash_merge.

use super::spec::PluginKind;
use crate::config::diagnostic::Diagnostic;
use crate::config::logstash::ast::{Attr, Entry, Plugin, Value};
use crate::config::source::Spanned;

/// Equal as Ruby compares: a bareword is a string, 1 is 1.0.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Bareword(a) | Value::String(a), Value::Bareword(b) | Value::String(b)) => a == b,
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(&a.value, &b.value))
        }
        (Value::Hash(a), Value::Hash(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|a| b.iter().any(|b| a.key.value == b.key.value && same(&a.value.value, &b.value.value)))
        }
        _ => false,
    }
}

/// One value per option name, in the order first written: repeated options are joined as Logstash's compiler does.
pub(super) fn merge(
    plugin: &Plugin,
    kind: PluginKind,
    diags: &mut Vec<Diagnostic>,
) -> Vec<(Spanned<String>, Spanned<Value>)> {
    let mut merged: Vec<(Spanned<String>, Spanned<Value>)> = vec![];
    for Attr { name, value } in &plugin.attrs {
        let Some((first, existing)) = merged.iter_mut().find(|(first, _)| first.value == name.value) else {
            merged.push((name.clone(), value.clone()));
            continue;
        };
        if name.value == "codec" && matches!(kind, PluginKind::Input | PluginKind::Output) {
            if !same(&existing.value, &value.value) {
                diags.push(
                    Diagnostic::error(
                        "several-codecs",
                        format!(
                            "Multiple codecs specified for the {} {}: it can have only one",
                            plugin.name.value,
                            kind.name()
                        ),
                    )
                    .at(name.span, "a second codec")
                    .with(first.span, "the first one"),
                );
            }
            continue;
        }
        match (&mut existing.value, &value.value) {
            (Value::Hash(into), Value::Hash(from)) => merge_hash(into, from, true),
            (Value::Hash(_), other) => diags.push(
                Diagnostic::error(
                    "wrong-type",
                    format!("`{}` is repeated with {}, but it is a hash before", name.value, other.kind()),
                )
                .at(value.span, "must be a hash too")
                .with(first.span, "first here"),
            ),
            (Value::Array(into), Value::Array(from)) => into.extend(from.iter().cloned()),
            (Value::Array(into), Value::Hash(from)) => into.extend(from.iter().map(|entry| {
                let key = Spanned::new(Value::String(entry.key.value.clone()), entry.key.span);
                Spanned::new(Value::Array(vec![key, entry.value.clone()]), entry.value.span)
            })),
            (Value::Array(into), _) => into.push(value.clone()),
            (scalar, other) if same(scalar, other) => {}
            (_, _) => {
                let both = vec![existing.clone(), value.clone()];
                existing.value = Value::Array(both);
            }
        }
    }
    merged
}

/// Logstash's hash_merge_with_dups (and, with `dups` off, its hash_merge below the first level): values of the same key
/// become a list.
fn merge_hash(into: &mut Vec<Entry>, from: &[Entry], dups: bool) {
    for entry in from {
        let Some(place) = into.iter_mut().find(|e| e.key.value == entry.key.value) else {
            into.push(entry.clone());
            continue;
        };
        let existing = &mut place.value;
        match (&mut existing.value, &entry.value.value) {
            (Value::Hash(a), Value::Hash(b)) => merge_hash(a, b, false),
            (Value::Array(a), Value::Array(b)) => {
                for item in b {
                    if dups || !a.iter().any(|have| same(&have.value, &item.value)) {
                        a.push(item.clone());
                    }
                }
            }
            (scalar, Value::Array(b)) => {
                let mut list = vec![Spanned::new(scalar.clone(), existing.span)];
                list.extend(b.iter().filter(|item| dups || !same(scalar, &item.value)).cloned());
                existing.value = Value::Array(list);
            }
            (Value::Array(a), scalar) => {
                if !a.iter().any(|have| same(&have.value, scalar)) {
                    a.push(entry.value.clone());
                }
            }
            (a, b) if same(a, b) => {}
            (_, _) => {
                let both = vec![existing.clone(), entry.value.clone()];
                existing.value = Value::Array(both);
            }
        }
    }
}
