//! Values as Ruby prints them: `to_s` and `inspect`.
//!
//! Source: what Logstash 8.19's JRuby (Ruby 3.1) writes, recorded; hashes in the form before Ruby 3.4 (`{"k"=>1}`).

use super::decimal::Decimal;
use super::value::Value;
use std::fmt::Write;

/// `value.to_s`: nil is empty, a string is itself, lists and maps are their `inspect`.
pub fn write_to_s(value: &Value<'_>, out: &mut String) {
    match value {
        Value::Null => {}
        Value::Str(s) => out.push_str(s),
        other => write_inspect(other, out),
    }
}

/// `value.to_s` as a new string.
pub fn to_s(value: &Value<'_>) -> String {
    let mut out = String::new();
    write_to_s(value, &mut out);
    out
}

/// `value.inspect`.
pub fn write_inspect(value: &Value<'_>, out: &mut String) {
    match value {
        Value::Null => out.push_str("nil"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Int(i) => {
            let _ = write!(out, "{i}");
        }
        Value::Float(x) => write_float(*x, out),
        Value::Number(t) => write_number(t, out),
        Value::Str(s) => inspect_str(s, out),
        Value::Timestamp(t) => {
            let _ = write!(out, "{t}");
        }
        Value::List(l) => {
            out.push('[');
            for (i, v) in l.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write_inspect(v, out);
            }
            out.push(']');
        }
        Value::Map(m) => {
            out.push('{');
            for (i, (k, v)) in m.entries.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                inspect_str(k, out);
                out.push_str("=>");
                write_inspect(v, out);
            }
            out.push('}');
        }
    }
}

/// `value.inspect` as a new string.
pub fn inspect(value: &Value<'_>) -> String {
    let mut out = String::new();
    write_inspect(value, &mut out);
    out
}

/// `Float#to_s`: `1.0`, `1.0e+20`, `1.0e-05`, `Infinity`.
pub fn write_float(x: f64, out: &mut String) {
    if x.is_nan() {
        out.push_str("NaN");
    } else if x.is_infinite() {
        out.push_str(if x > 0.0 { "Infinity" } else { "-Infinity" });
    } else if x == 0.0 || (1e-4..1e16).contains(&x.abs()) {
        let _ = write!(out, "{x:?}");
    } else {
        let text = format!("{x:e}");
        let (mantissa, exponent) = text.split_once('e').expect("LowerExp writes an exponent");
        out.push_str(mantissa);
        if !mantissa.contains('.') {
            out.push_str(".0");
        }
        let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |d| ('-', d));
        let _ = write!(out, "e{sign}{digits:0>2}");
    }
}

/// A big integer as it is; a decimal as `BigDecimal#to_s`: `0.15e1`, `0.0`.
fn write_number(text: &str, out: &mut String) {
    if !text.contains(['.', 'e', 'E']) {
        out.push_str(text);
        return;
    }
    match Decimal::parse(text) {
        Some(d) if d.digits.is_empty() => out.push_str("0.0"),
        Some(d) => {
            let _ = write!(out, "{}0.{}e{}", if d.negative { "-" } else { "" }, d.digits, d.exponent);
        }
        None => out.push_str(text),
    }
}

/// `String#inspect` for a valid UTF-8 string.
pub fn inspect_str(text: &str, out: &mut String) {
    out.push('"');
    inspect_chars(text, out);
    out.push('"');
}

fn inspect_chars(text: &str, out: &mut String) {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0c' => out.push_str("\\f"),
            '\x0b' => out.push_str("\\v"),
            '\x08' => out.push_str("\\b"),
            '\x07' => out.push_str("\\a"),
            '\x1b' => out.push_str("\\e"),
            // `#` only where it would start an interpolation
            '#' if matches!(chars.peek(), Some('{' | '$' | '@')) => out.push_str("\\#"),
            '\x7f' => out.push_str("\\x7F"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", c as u32);
            }
            c => out.push(c),
        }
    }
}

/// What an input's charset converter makes of bytes that are not UTF-8: the inspect text without its quotes, each bad
/// byte as `\xFF`. Valid UTF-8 is not for this function: it stays as it is.
pub fn inspect_bad_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        inspect_chars(chunk.valid(), &mut out);
        for b in chunk.invalid() {
            let _ = write!(out, "\\x{b:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::value::{Arena, Map};

    #[test]
    fn values_print_as_in_ruby() {
        let arena = Arena::new();
        let map = Value::Map(Map::from_entries(&arena, &[("k", Value::Int(1)), ("n", Value::Null)]));
        let list = Value::List(arena.alloc_slice_copy(&[Value::Str("a\"#{b}# "), Value::Float(1e20), map]));
        for (value, text) in [
            (Value::Null, ""),
            (Value::Bool(true), "true"),
            (Value::Float(1.0), "1.0"),
            (Value::Float(1e16), "1.0e+16"),
            (Value::Float(1.5e-5), "1.5e-05"),
            (Value::Float(-0.0), "-0.0"),
            (Value::Number("1.50"), "0.15e1"),
            (Value::Number("1E-7"), "0.1e-6"),
            (Value::Number("-1E+400"), "-0.1e401"),
            (Value::Number("0.0"), "0.0"),
            (Value::Number("12345678901234567890"), "12345678901234567890"),
            (list, r##"["a\"\#{b}# ", 1.0e+20, {"k"=>1, "n"=>nil}]"##),
        ] {
            assert_eq!(to_s(&value), text);
        }
        assert_eq!(inspect(&Value::Str("é\u{0}\t\u{85}")), "\"é\\u0000\\t\\u0085\"");
    }

    #[test]
    fn bytes_that_are_no_text_show_their_codes() {
        assert_eq!(inspect_bad_bytes(b"bad \xff\xfe \"end\" \xe4\xb8"), "bad \\xFF\\xFE \\\"end\\\" \\xE4\\xB8");
    }
}
