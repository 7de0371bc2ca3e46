//! JSON into values and back.
//!
//! An own reader, for three things no kept library gives together: strings borrowed straight from the batch's bytes
//! (serde_json's tree costs more than the parsing, see docs/decisions.md), decimals kept as typed for the json filter
//! (`1.50` stays `1.50`), and Jackson's rules for what may follow a document. Output is as Jackson writes it.

use super::number::{big_decimal, write_java_double};
use super::value::{Arena, Entry, Map, Value};
use std::fmt;

/// Nesting deeper than this is refused, as Jackson does.
pub const DEPTH_MAX: usize = 1000;

/// How decimals are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decimals {
    /// As doubles: the codecs.
    Double,
    /// Kept as Java's BigDecimal: the json filter.
    Big,
}

/// Why a text is not JSON, and at which byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    pub at: usize,
    pub what: &'static str,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

/// Reads the first document of a text; returns it and where it ended.
///
/// # Errors
/// Anything RFC 8259 refuses, and nesting beyond [`DEPTH_MAX`].
pub fn parse_prefix<'b>(arena: &'b Arena, text: &'b str, decimals: Decimals) -> Result<(Value<'b>, usize), JsonError> {
    let mut p = Parser { arena, text, bytes: text.as_bytes(), at: 0, decimals, depth: 0 };
    p.blanks();
    let value = p.value()?;
    Ok((value, p.at))
}

/// Reads a text that holds one document and nothing but blanks around it.
///
/// # Errors
/// As [`parse_prefix`], and text after the document.
pub fn parse<'b>(arena: &'b Arena, text: &'b str, decimals: Decimals) -> Result<Value<'b>, JsonError> {
    let (value, end) = parse_prefix(arena, text, decimals)?;
    let rest = text[end..].trim_start_matches([' ', '\t', '\n', '\r']);
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(JsonError { at: text.len() - rest.len(), what: "text after the document" })
    }
}

struct Parser<'b> {
    arena: &'b Arena,
    text: &'b str,
    bytes: &'b [u8],
    at: usize,
    decimals: Decimals,
    depth: usize,
}

impl<'b> Parser<'b> {
    fn err<T>(&self, what: &'static str) -> Result<T, JsonError> {
        Err(JsonError { at: self.at, what })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn literal(&mut self, word: &str, value: Value<'b>) -> Result<Value<'b>, JsonError> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            match self.peek() {
                Some(c) if c.is_ascii_alphanumeric() || c == b'_' => self.err("not a JSON value"),
                _ => Ok(value),
            }
        } else {
            self.err("not a JSON value")
        }
    }

    fn value(&mut self) -> Result<Value<'b>, JsonError> {
        match self.peek() {
            None => self.err("the text ends where a value is expected"),
            Some(b'{') => self.map(),
            Some(b'[') => self.list(),
            Some(b'"') => Ok(Value::Str(self.string()?)),
            Some(b't') => self.literal("true", Value::Bool(true)),
            Some(b'f') => self.literal("false", Value::Bool(false)),
            Some(b'n') => self.literal("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => self.err("not a JSON value"),
        }
    }

    fn enter(&mut self) -> Result<(), JsonError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX { self.err("nested too deep") } else { Ok(()) }
    }

    fn map(&mut self) -> Result<Value<'b>, JsonError> {
        self.enter()?;
        self.at += 1;
        let mut entries: bumpalo::collections::Vec<'b, Entry<'b>> = bumpalo::collections::Vec::new_in(self.arena);
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
        } else {
            loop {
                self.blanks();
                if self.peek() != Some(b'"') {
                    return self.err("expected a quoted name");
                }
                let name = self.string()?;
                self.blanks();
                if self.peek() != Some(b':') {
                    return self.err("expected `:`");
                }
                self.at += 1;
                self.blanks();
                let value = self.value()?;
                // a repeated name keeps its place and takes the last value, as Java's maps do
                match entries.iter_mut().find(|(k, _)| *k == name) {
                    Some(entry) => entry.1 = value,
                    None => entries.push((name, value)),
                }
                self.blanks();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b'}') => {
                        self.at += 1;
                        break;
                    }
                    _ => return self.err("expected `,` or `}`"),
                }
            }
        }
        self.depth -= 1;
        Ok(Value::Map(Map::new_in(self.arena, entries.into_bump_slice())))
    }

    fn list(&mut self) -> Result<Value<'b>, JsonError> {
        self.enter()?;
        self.at += 1;
        let mut items: bumpalo::collections::Vec<'b, Value<'b>> = bumpalo::collections::Vec::new_in(self.arena);
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
        } else {
            loop {
                self.blanks();
                let value = self.value()?;
                items.push(value);
                self.blanks();
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b']') => {
                        self.at += 1;
                        break;
                    }
                    _ => return self.err("expected `,` or `]`"),
                }
            }
        }
        self.depth -= 1;
        Ok(Value::List(items.into_bump_slice()))
    }

    fn number(&mut self) -> Result<Value<'b>, JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => {
                self.at += 1;
                if matches!(self.peek(), Some(b'0'..=b'9')) {
                    return self.err("a number cannot start with 0");
                }
            }
            Some(b'1'..=b'9') => self.digits(),
            _ => return self.err("not a number"),
        }
        let mut whole = true;
        if self.peek() == Some(b'.') {
            whole = false;
            self.at += 1;
            if !matches!(self.peek(), Some(b'0'..=b'9')) {
                return self.err("expected a digit after the point");
            }
            self.digits();
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            whole = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if !matches!(self.peek(), Some(b'0'..=b'9')) {
                return self.err("expected a digit in the exponent");
            }
            self.digits();
        }
        if matches!(self.peek(), Some(c) if c.is_ascii_alphabetic() || c == b'_') {
            return self.err("not a number");
        }
        let text = &self.text[start..self.at];
        if whole {
            return Ok(match text.parse::<i64>() {
                Ok(i) => Value::Int(i),
                Err(_) => Value::Number(text),
            });
        }
        Ok(match self.decimals {
            Decimals::Double => Value::Float(text.parse().unwrap_or(f64::NAN)),
            Decimals::Big => Value::Number(self.arena.alloc_str(&big_decimal(text))),
        })
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    /// A quoted string: borrowed where it has no escape.
    fn string(&mut self) -> Result<&'b str, JsonError> {
        let start = self.at + 1;
        let stop = start + plain_len(&self.bytes[start..]);
        self.at = stop;
        match self.bytes.get(stop) {
            Some(b'"') => {
                self.at += 1;
                Ok(&self.text[start..stop])
            }
            Some(b'\\') => self.escaped(start),
            Some(_) => self.err("a control character inside a string"),
            None => self.err("the text ends inside a string"),
        }
    }

    fn escaped(&mut self, start: usize) -> Result<&'b str, JsonError> {
        let mut out = bumpalo::collections::String::with_capacity_in(self.at - start + 64, self.arena);
        out.push_str(&self.text[start..self.at]);
        loop {
            match self.peek() {
                None => return self.err("the text ends inside a string"),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out.into_bump_str());
                }
                Some(b'\\') => {
                    self.at += 1;
                    let c = match self.peek() {
                        Some(b'"') => '"',
                        Some(b'\\') => '\\',
                        Some(b'/') => '/',
                        Some(b'b') => '\u{8}',
                        Some(b'f') => '\u{c}',
                        Some(b'n') => '\n',
                        Some(b'r') => '\r',
                        Some(b't') => '\t',
                        Some(b'u') => {
                            self.at += 1;
                            match self.unicode()? {
                                Some(c) => out.push(c),
                                // the json filter's reader makes nothing of half a pair, the codecs' a question mark
                                None if self.decimals == Decimals::Big => {}
                                None => out.push('?'),
                            }
                            continue;
                        }
                        _ => return self.err("unknown escape"),
                    };
                    self.at += 1;
                    out.push(c);
                }
                Some(c) if c < 0x20 => return self.err("a control character inside a string"),
                Some(_) => {
                    let len = plain_len(&self.bytes[self.at..]);
                    out.push_str(&self.text[self.at..self.at + len]);
                    self.at += len;
                }
            }
        }
    }

    /// After `\u`: four digits, and the second half of a pair; `None` for a half without its other half.
    fn unicode(&mut self) -> Result<Option<char>, JsonError> {
        let high = self.hex4()?;
        if (0xD800..0xDC00).contains(&high) {
            if self.bytes[self.at..].starts_with(b"\\u") {
                let back = self.at;
                self.at += 2;
                let low = self.hex4()?;
                if (0xDC00..0xE000).contains(&low) {
                    let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                    return Ok(Some(char::from_u32(code).expect("a surrogate pair is a character")));
                }
                self.at = back;
            }
            return Ok(None);
        }
        Ok(char::from_u32(high))
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(d) = self.peek().and_then(|c| (c as char).to_digit(16)) else {
                return self.err("expected four hex digits");
            };
            code = code * 16 + d;
            self.at += 1;
        }
        Ok(code)
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// How many bytes need no escape in JSON: up to the first `"`, `\` or control character. Eight bytes at a time.
fn plain_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..at + 8) {
        let w = u64::from_le_bytes(chunk.try_into().expect("eight bytes"));
        let quote = w ^ (ONES * u64::from(b'"'));
        let slash = w ^ (ONES * u64::from(b'\\'));
        let special = (quote.wrapping_sub(ONES) & !quote)
            | (slash.wrapping_sub(ONES) & !slash)
            | (w.wrapping_sub(ONES * 0x20) & !w);
        if special & HIGH != 0 {
            return at + ((special & HIGH).trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while at < bytes.len() && !matches!(bytes[at], b'"' | b'\\' | 0..=0x1f) {
        at += 1;
    }
    at
}

/// Writes a string with its quotes.
pub fn write_str(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        let len = plain_len(&bytes[at..]);
        out.extend_from_slice(&bytes[at..at + len]);
        at += len;
        let Some(&c) = bytes.get(at) else { break };
        match c {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            8 => out.extend_from_slice(b"\\b"),
            12 => out.extend_from_slice(b"\\f"),
            c => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(c >> 4)]);
                out.push(HEX[usize::from(c & 15)]);
            }
        }
        at += 1;
    }
    out.push(b'"');
}

/// Writes a value as Jackson does; doubles that JSON cannot hold become strings (`"Infinity"`).
pub fn write(value: &Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(i) => write_int(*i, out),
        Value::Float(x) => {
            let mut text = String::new();
            write_java_double(*x, &mut text);
            if x.is_finite() { out.extend_from_slice(text.as_bytes()) } else { write_str(&text, out) }
        }
        Value::Number(t) => out.extend_from_slice(t.as_bytes()),
        Value::Str(s) => write_str(s, out),
        Value::Timestamp(t) => {
            out.push(b'"');
            t.write_iso(out);
            out.push(b'"');
        }
        Value::List(l) => {
            out.push(b'[');
            for (i, v) in l.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(v, out);
            }
            out.push(b']');
        }
        Value::Map(m) => match m.json {
            Some(json) => out.extend_from_slice(json.as_bytes()),
            None => write_entries(m.entries, out),
        },
    }
}

/// Writes entries as an object.
pub fn write_entries(entries: &[Entry<'_>], out: &mut Vec<u8>) {
    out.push(b'{');
    for (i, (k, v)) in entries.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_str(k, out);
        out.push(b':');
        write(v, out);
    }
    out.push(b'}');
}

fn write_int(i: i64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut n = i.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    if i < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(text: &str, decimals: Decimals) -> Result<String, JsonError> {
        let arena = Arena::new();
        let v = parse(&arena, text, decimals)?;
        let mut out = vec![];
        write(&v, &mut out);
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn documents_come_back_as_jackson_writes_them() {
        for (from, to) in [
            (r#"{"a":1,"b":[true,null,"x"]}"#, r#"{"a":1,"b":[true,null,"x"]}"#),
            (r#" { "a" : {} , "l" : [ ] } "#, r#"{"a":{},"l":[]}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            (r#""é \u00e9 \ud83d\ude00 \ud800 \/ \u0001""#, r#""é é 😀 ? / \u0001""#),
            ("12345678901234567890", "12345678901234567890"),
            ("1e20", "1.0E20"),
            ("-0.0", "-0.0"),
            ("\"\u{7f}\\u001F a long plain text before it\\n\"", "\"\u{7f}\\u001F a long plain text before it\\n\""),
        ] {
            assert_eq!(round(from, Decimals::Double).as_deref(), Ok(to), "{from}");
        }
        assert_eq!(round("[1.50,1e3]", Decimals::Big).as_deref(), Ok("[1.50,1E+3]"));
    }

    #[test]
    fn what_is_not_json_is_refused() {
        let deep = "[".repeat(DEPTH_MAX + 1);
        for text in [
            "",
            "{",
            "[1,]",
            "{a:1}",
            "{'a':1}",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "tru",
            "nulll",
            "\"\u{1}\"",
            "\"\\x\"",
            "\"abc",
            "{}x",
            "[1 2]",
            "{\"a\" 1}",
            "NaN",
            "-",
            "\"\\u12\"",
            &deep,
        ] {
            assert!(round(text, Decimals::Double).is_err(), "{text}");
        }
    }

    /// Agrees with serde_json on seeded random bytes made of JSON's own characters.
    #[test]
    fn agrees_with_serde_json_on_random_texts() {
        let alphabet: Vec<&str> = vec![
            "{", "}", "[", "]", ",", ":", "\"", "a", "1", "0", "-", ".", "e", "null", "true", " ", "\\", "\\u0041",
            "\\n", "é",
        ];
        let mut seed = 0x1234_5678_9abc_def1u64;
        let mut agreed = 0;
        for _ in 0..60_000 {
            let mut text = String::new();
            for _ in 0..(seed % 9) + 1 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                text.push_str(alphabet[(seed % alphabet.len() as u64) as usize]);
            }
            let arena = Arena::new();
            let ours = parse(&arena, &text, Decimals::Double);
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            // serde_json refuses numbers beyond a double's range, Java makes them infinite
            if theirs.as_ref().is_err_and(|e| e.to_string().contains("out of range")) {
                continue;
            }
            assert_eq!(ours.is_ok(), theirs.is_ok(), "{text}: {ours:?} {theirs:?}");
            agreed += u32::from(ours.is_ok());
        }
        assert!(agreed > 1000, "the texts must not all be wrong: {agreed}");
    }
}
