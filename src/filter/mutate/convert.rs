//! `convert`: one value to another type.

use super::text::strip;
use crate::event::decimal::Decimal;
use crate::event::number::{ruby_to_f, ruby_to_i};
use crate::event::{Arena, Value, ruby};

/// A whole number out of a decimal with more digits than this fails; the original would try to build it.
pub const INTEGER_DIGITS_MAX: usize = 100_000;

/// What to convert to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    String,
    Integer,
    Float,
    Boolean,
    /// `.` groups digits, `,` starts the fraction.
    IntegerEu,
    FloatEu,
}

impl Kind {
    /// In the order in which the original lists them.
    pub const ALL: &'static [(&'static str, Kind)] = &[
        ("string", Kind::String),
        ("integer", Kind::Integer),
        ("float", Kind::Float),
        ("boolean", Kind::Boolean),
        ("integer_eu", Kind::IntegerEu),
        ("float_eu", Kind::FloatEu),
    ];

    pub fn by_name(name: &str) -> Option<Kind> {
        Kind::ALL.iter().find(|(n, _)| *n == name).map(|(_, k)| *k)
    }
}

/// Converts one value that is not null.
///
/// # Errors
/// A type that Ruby has no conversion for: a list or a map inside a list, an infinite number to an integer.
pub fn convert<'b>(arena: &'b Arena, value: Value<'b>, kind: Kind) -> Result<Value<'b>, String> {
    match kind {
        Kind::String => Ok(match value {
            Value::Str(_) => value,
            other => Value::text(arena, &ruby::to_s(&other)),
        }),
        Kind::Integer => integer(arena, value, false),
        Kind::IntegerEu => integer(arena, value, true),
        Kind::Float => float(value, false),
        Kind::FloatEu => float(value, true),
        Kind::Boolean => Ok(boolean(value)),
    }
}

/// The text without blanks around it and without the signs that group digits.
fn plain(text: &str, eu: bool) -> String {
    strip(text)
        .chars()
        .filter_map(|c| match (c, eu) {
            (',', false) | ('.', true) => None,
            (',', true) => Some('.'),
            (c, _) => Some(c),
        })
        .collect()
}

fn integer<'b>(arena: &'b Arena, value: Value<'b>, eu: bool) -> Result<Value<'b>, String> {
    let big = |digits: String| match digits.parse() {
        Ok(i) => Value::Int(i),
        Err(_) => Value::Number(arena.alloc_str(&digits)),
    };
    Ok(match value {
        Value::Str(s) => match ruby_to_i(&plain(s, eu)) {
            Ok(i) => Value::Int(i),
            Err(digits) => Value::Number(arena.alloc_str(&digits)),
        },
        Value::Bool(b) => Value::Int(i64::from(b)),
        Value::Int(_) => value,
        Value::Timestamp(t) => Value::Int(t.epoch_secs()),
        Value::Float(x) if !x.is_finite() => return Err(format!("{x} is no whole number")),
        Value::Float(x) => big(format!("{:.0}", x.trunc())),
        Value::Number(t) => {
            let whole = Decimal::parse(t).and_then(|d| d.trunc(INTEGER_DIGITS_MAX));
            big(whole.ok_or_else(|| format!("{t} has too many digits for an integer"))?)
        }
        Value::Null => Value::Int(0),
        Value::List(_) | Value::Map(_) => return Err(format!("cannot convert a value of type {}", value.type_name())),
    })
}

fn float(value: Value<'_>, eu: bool) -> Result<Value<'_>, String> {
    Ok(match value {
        Value::Str(s) => Value::Float(ruby_to_f(&plain(s, eu))),
        Value::Bool(b) => Value::Float(f64::from(u8::from(b))),
        Value::Float(_) => value,
        Value::Int(i) => Value::Float(i as f64),
        Value::Number(t) => Value::Float(t.parse().map_err(|_| format!("{t} is no number"))?),
        Value::Timestamp(t) => Value::Float(t.epoch_secs() as f64 + f64::from(t.subsec_nanos()) / 1e9),
        Value::Null => Value::Float(0.0),
        Value::List(_) | Value::Map(_) => return Err(format!("cannot convert a value of type {}", value.type_name())),
    })
}

/// What is no known word stays as it is.
fn boolean(value: Value<'_>) -> Value<'_> {
    let text = ruby::to_s(&value);
    if matches_word(&text, &["true", "t", "yes", "y", "1"], b'1') {
        Value::Bool(true)
    } else if text.is_empty() || matches_word(&text, &["false", "f", "no", "n", "0"], b'0') {
        Value::Bool(false)
    } else {
        value
    }
}

/// `/^(word|...|1.0)$/i` of the original: any line of the text will do, and its `.` is any character.
fn matches_word(text: &str, words: &[&str], digit: u8) -> bool {
    text.split('\n').any(|line| {
        words.iter().any(|w| line.eq_ignore_ascii_case(w))
            || (line.chars().count() == 3 && line.as_bytes()[0] == digit && line.ends_with('0'))
    })
}
