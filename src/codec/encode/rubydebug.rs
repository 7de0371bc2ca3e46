//! `rubydebug`: the event as Ruby's awesome_print shows a hash, keys aligned to the right, four blanks for each level.
//!
//! Source: what Logstash 8.19 prints when its output is no terminal (in a terminal it adds colours, this program never
//! does). Deviation: fields come in the order of their first setting; Logstash has the order of a Java hash map.

use super::Encoder;
use crate::event::decimal::Decimal;
use crate::event::value::Entry;
use crate::event::{Event, Value, ruby};
use crate::world::Clock;

const INDENT: usize = 4;

/// With `metadata`, `[@metadata]` is printed too, where it is not empty.
pub struct RubyDebug {
    pub metadata: bool,
}

impl Encoder for RubyDebug {
    fn encode(&self, event: &Event<'_>, _: &dyn Clock, out: &mut Vec<u8>) -> Result<(), String> {
        let mut text = String::new();
        let metadata = event.metadata();
        if self.metadata && !metadata.entries.is_empty() {
            let mut entries = event.fields().to_vec();
            entries.push(("@metadata", Value::Map(metadata)));
            write_hash(&entries, INDENT, &mut text);
        } else {
            write_hash(event.fields(), INDENT, &mut text);
        }
        text.push('\n');
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

fn write_hash(entries: &[Entry<'_>], indent: usize, out: &mut String) {
    if entries.is_empty() {
        out.push_str("{}");
        return;
    }
    let keys: Vec<String> = entries
        .iter()
        .map(|(key, _)| {
            let mut text = String::new();
            ruby::inspect_str(key, &mut text);
            text
        })
        .collect();
    let width = keys.iter().map(|k| k.chars().count()).max().unwrap_or(0) + indent;
    out.push_str("{\n");
    for (i, (key, (_, value))) in keys.iter().zip(entries).enumerate() {
        if i > 0 {
            out.push_str(",\n");
        }
        blanks(width - key.chars().count(), out);
        out.push_str(key);
        out.push_str(" => ");
        write_value(value, indent + INDENT, out);
    }
    out.push('\n');
    blanks(indent - INDENT, out);
    out.push('}');
}

fn write_value(value: &Value<'_>, indent: usize, out: &mut String) {
    match value {
        Value::Map(map) => write_hash(map.entries, indent, out),
        Value::List([]) => out.push_str("[]"),
        Value::List(items) => {
            let width = (items.len() - 1).to_string().len();
            out.push_str("[\n");
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(",\n");
                }
                blanks(indent, out);
                out.push_str(&format!("[{i:>width$}] "));
                write_value(item, indent + INDENT, out);
            }
            out.push('\n');
            blanks(indent - INDENT, out);
            out.push(']');
        }
        Value::Number(text) => write_decimal(text, out),
        other => ruby::write_inspect(other, out),
    }
}

/// A big integer as it is, a decimal as `BigDecimal#to_s("F")`: without an exponent.
fn write_decimal(text: &str, out: &mut String) {
    /// A decimal of more places than this keeps its exponent, so that ten characters cannot become gigabytes.
    const PLACES_MAX: i64 = 1000;
    let decimal = match Decimal::parse(text) {
        Some(d) if text.contains(['.', 'e', 'E']) && d.exponent.abs() <= PLACES_MAX => d,
        _ => return ruby::write_inspect(&Value::Number(text), out),
    };
    out.push_str(if decimal.negative { "-" } else { "" });
    let digits = &decimal.digits;
    let zeros = |n: usize| "0".repeat(n);
    match usize::try_from(decimal.exponent) {
        Ok(whole) if digits.is_empty() || whole == 0 => {
            out.push_str("0.");
            out.push_str(if digits.is_empty() { "0" } else { digits });
        }
        Ok(whole) if whole >= digits.len() => {
            out.push_str(digits);
            out.push_str(&zeros(whole - digits.len()));
            out.push_str(".0");
        }
        Ok(whole) => {
            out.push_str(&digits[..whole]);
            out.push('.');
            out.push_str(&digits[whole..]);
        }
        Err(_) => {
            out.push_str("0.");
            out.push_str(&zeros(decimal.exponent.unsigned_abs() as usize));
            out.push_str(digits);
        }
    }
}

fn blanks(n: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', n));
}
