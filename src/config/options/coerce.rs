//! One value against one type, by the rules of Logstash's `validate_value`.

use super::nearest::nearest;
use super::spec::{OptType, OptionSpec};
use crate::config::logstash::ast::{Entry, Number, Value};
use crate::config::source::Spanned;

/// The type in words.
pub(super) fn wanted(spec: &OptionSpec) -> String {
    let one = match spec.ty {
        OptType::Any => "any value".into(),
        OptType::String => "a string".into(),
        OptType::Number => "a number".into(),
        OptType::Boolean => "`true` or `false`".into(),
        OptType::Array => "an array of single values".into(),
        OptType::Values => "an array".into(),
        OptType::Hash => "a hash".into(),
        OptType::Codec => "a codec".into(),
        OptType::Password => "a password".into(),
        OptType::Path => "a path".into(),
        OptType::Uri => "a URI".into(),
        OptType::Bytes => "a number of bytes, like `\"10 KiB\"`".into(),
        OptType::FieldReference => "a field reference".into(),
        OptType::OneOf(all) => {
            format!("one of {}", all.iter().map(|v| format!("`{v}`")).collect::<Vec<_>>().join(", "))
        }
    };
    if spec.list { format!("{one}, or a list of such") } else { one }
}

/// What is wrong, and where.
pub(super) type Wrong = Spanned<String>;

/// The value in the shape its type wants and whether a hash came from an array; `None` if it counts as not set.
pub(super) fn coerce(spec: &OptionSpec, value: Spanned<Value>) -> Result<Option<(Spanned<Value>, bool)>, Wrong> {
    if !spec.list {
        let from_array = spec.ty == OptType::Hash && matches!(value.value, Value::Array(_));
        return Ok(coerce_one(spec.ty, value)?.map(|value| (value, from_array)));
    }
    let span = value.span;
    let mut items = match value.value {
        Value::Array(items) => items,
        _ => vec![value],
    };
    if spec.ty == OptType::Uri {
        items = items.into_iter().flat_map(split_uris).collect();
    }
    let mut coerced = Vec::with_capacity(items.len());
    for item in items {
        coerced.extend(coerce_one(spec.ty, item)?);
    }
    Ok(Some((Spanned::new(Value::Array(coerced), span), false)))
}

fn split_uris(item: Spanned<Value>) -> Vec<Spanned<Value>> {
    match &item.value {
        Value::String(text) if text.contains(' ') => {
            text.split_whitespace().map(|uri| Spanned::new(Value::String(uri.to_string()), item.span)).collect()
        }
        _ => vec![item],
    }
}

fn coerce_one(ty: OptType, value: Spanned<Value>) -> Result<Option<Spanned<Value>>, Wrong> {
    match ty {
        OptType::Any => return Ok(Some(value)),
        OptType::Hash => return coerce_hash(value).map(Some),
        OptType::Array | OptType::Values => {
            let span = value.span;
            let items = match value.value {
                Value::Array(items) => items,
                Value::Hash(_) => return Err(Spanned::new("this is a hash".into(), span)),
                _ => vec![value],
            };
            if ty == OptType::Array
                && let Some(item) = items.iter().find(|item| item.value.scalar().is_none())
            {
                return Err(Spanned::new(format!("{} in the array", item.value.kind()), item.span));
            }
            return Ok(Some(Spanned::new(Value::Array(items), span)));
        }
        _ => {}
    }
    // all others want one value; a list of one is that one, an empty list is none
    let value = match value.value {
        Value::Array(mut items) => match items.len() {
            0 => return Ok(None),
            1 => items.remove(0),
            n => return Err(Spanned::new(format!("expected one value, got {n}"), value.span)),
        },
        _ => value,
    };
    let span = value.span;
    let wrong = |text: String| Err(Spanned::new(text, span));
    if ty == OptType::Codec {
        return match value.value {
            Value::Plugin(_) | Value::Bareword(_) | Value::String(_) => Ok(Some(value)),
            other => wrong(format!("this is {}", other.kind())),
        };
    }
    let Some(text) = value.value.scalar() else {
        return wrong(format!("this is {}", value.value.kind()));
    };
    let shown = if ty == OptType::Password { "this".to_string() } else { format!("`{text}`") };
    match ty {
        OptType::Number => match (&value.value, number_of(&text)) {
            (Value::Number(_), _) => Ok(Some(value)),
            (_, Some(n)) => Ok(Some(Spanned::new(Value::Number(n), span))),
            _ => wrong(format!("{shown} is not a number")),
        },
        OptType::Boolean if matches!(value.value, Value::Number(_)) || (text != "true" && text != "false") => {
            wrong(format!("{shown} is neither"))
        }
        OptType::Bytes if bytes_of(&value.value).is_none() => wrong(format!("{shown} is no number of bytes")),
        OptType::OneOf(all) if !all.contains(&text.as_str()) => wrong(match nearest(&text, all.iter().copied()) {
            Some(near) => format!("{shown} is none of them; did you mean `{near}`?"),
            None => format!("{shown} is none of them"),
        }),
        OptType::FieldReference if text.is_empty() => Ok(None),
        _ => Ok(Some(value)),
    }
}

fn coerce_hash(value: Spanned<Value>) -> Result<Spanned<Value>, Wrong> {
    let span = value.span;
    let items = match value.value {
        Value::Hash(_) => return Ok(value),
        Value::Array(items) => items,
        other => return Err(Spanned::new(format!("this is {}", other.kind()), span)),
    };
    if items.len() % 2 == 1 {
        return Err(Spanned::new(format!("keys and values must be even in number, got {}", items.len()), span));
    }
    let mut entries: Vec<Entry> = vec![];
    let mut items = items.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        let Some(text) = key.value.scalar() else {
            return Err(Spanned::new(format!("{} stands where a key is expected", key.value.kind()), key.span));
        };
        let key = Spanned::new(text, key.span);
        match entries.iter_mut().find(|entry| entry.key.value == key.value) {
            None => entries.push(Entry { key, value }),
            Some(entry) => match &mut entry.value.value {
                Value::Array(list) => list.push(value),
                _ => {
                    let both = vec![entry.value.clone(), value];
                    entry.value.value = Value::Array(both);
                }
            },
        }
    }
    Ok(Spanned::new(Value::Hash(entries), span))
}

/// A string counts as a number when Ruby prints that number the same way.
fn number_of(text: &str) -> Option<Number> {
    if let Ok(int) = text.parse::<i64>()
        && int.to_string() == text
    {
        return Some(Number::Int(int));
    }
    let float = Number::Float(text.parse().ok()?);
    (float.to_string() == text && text.contains('.')).then_some(float)
}

/// Logstash's `bytes`: an integer, or digits with a unit: `kb` is 1000 bytes, `KiB` 1024; upper and lower case are equal.
pub(super) fn bytes_of(value: &Value) -> Option<u64> {
    let text = match value {
        Value::Number(Number::Int(int)) => return u64::try_from(*int).ok(),
        other => other.scalar()?,
    };
    if let Ok(int) = text.parse::<u64>() {
        return Some(int);
    }
    let text = text.to_ascii_lowercase();
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',')?;
    let (number, unit) = text.split_at(unit_at);
    let number: f64 = number.replace(',', "").parse().ok()?;
    let unit = unit.strip_prefix(' ').unwrap_or(unit).strip_suffix('b')?;
    let (prefix, base) = match unit.strip_suffix('i') {
        Some(prefix) => (prefix, 1024f64),
        None => (unit, 1000f64),
    };
    let exponent = match prefix {
        "" if base == 1000.0 => 0,
        "" => return None,
        _ if prefix.len() == 1 => "kmgtpezy".find(prefix)? + 1,
        _ => return None,
    };
    let bytes = number * base.powi(exponent as i32);
    (bytes < u64::MAX as f64).then_some(bytes as u64)
}

/// Whether the value is the one that [`OptionSpec::inert`] writes so.
pub(super) fn is_inert(value: &Value, inert: &str) -> bool {
    match value {
        Value::Array(items) if items.is_empty() => inert == "[]",
        Value::Array(items) if items.len() == 1 => is_inert(&items[0].value, inert),
        Value::Hash(entries) if entries.is_empty() => inert == "{}",
        other => other.scalar().is_some_and(|text| text == inert),
    }
}
