//! Values of options and of conditions.

use super::ast::{Entry, Number, RValue, Value};
use super::condition;
use super::lexer::{Failed, Parsed, Parser, is_bareword, is_name};
use crate::config::diagnostic::Diagnostic;
use crate::config::source::Spanned;

impl<'a> Parser<'a> {
    pub(super) fn value(&mut self) -> Parsed<Spanned<Value>> {
        self.nested(Self::value_inner)
    }

    pub(super) fn value_inner(&mut self) -> Parsed<Spanned<Value>> {
        const EXPECTED: [&str; 8] = ["`#`", "a plugin", "a bareword", "`\"`", "`'`", "a number", "`[`", "`{`"];
        let start = self.pos;
        let Some(b) = self.peek() else { return self.expected(start, &EXPECTED) };
        let name_end = match b {
            b'"' | b'\'' => match self.quoted_end(start) {
                Some(end) => end,
                None => return self.string().map(|s| s.map(Value::String)),
            },
            b => match is_name(b) {
                true => self.name_end(start),
                false => start,
            },
        };
        let brace = self.after_cs(name_end);
        if name_end > start && self.bytes.get(brace) == Some(&b'{') {
            let name = Spanned::new(self.text[start..name_end].to_string(), self.span(start, name_end));
            self.pos = brace + 1;
            let plugin = self.plugin_body(name)?;
            let span = plugin.span;
            return Ok(Spanned::new(Value::Plugin(Box::new(plugin)), span));
        }
        if let Some(end) = self.bareword_end(start) {
            self.pos = end;
            let value = Value::Bareword(self.text[start..end].to_string());
            if self.peek() == Some(b'-') {
                let diag =
                    self.syntax(end, &["`#`", "white space", "`}`"]).help("a value with a `-` in it needs quotes");
                return self.fail(diag);
            }
            return Ok(Spanned::new(value, self.span(start, end)));
        }
        match b {
            b'"' | b'\'' => Ok(self.string()?.map(Value::String)),
            b'[' => {
                let items = self.array()?;
                Ok(Spanned::new(Value::Array(items), self.span(start, self.pos)))
            }
            b'{' => {
                let entries = self.hash()?;
                Ok(Spanned::new(Value::Hash(entries), self.span(start, self.pos)))
            }
            _ if self.number_end(start).is_some() => Ok(self.number()?.map(Value::Number)),
            _ => {
                let mut diag = self.syntax(start, &EXPECTED);
                if b.is_ascii_alphabetic() {
                    diag = diag.help("put the value in quotes: a bareword has at least two characters");
                } else if b == b'/' || !b.is_ascii() || b == b'%' || b == b'$' || b == b'*' {
                    diag = diag.help("put the value in quotes");
                }
                self.fail(diag)
            }
        }
    }

    /// The string at the position, without its quotes.
    pub(super) fn string(&mut self) -> Parsed<Spanned<String>> {
        let start = self.pos;
        let Some(end) = self.quoted_end(start) else {
            let quote = self.bytes[start] as char;
            let line_end = memchr::memchr(b'\n', &self.bytes[start..]).map_or(self.bytes.len(), |n| start + n);
            let mut diag = Diagnostic::error(
                "syntax",
                format!("Expected one of `{quote}` but found the end of the text: the string is not closed"),
            )
            .at(self.span(start, line_end), "this string is not closed");
            if self.bytes[start..].windows(2).any(|w| w == [b'\\', quote as u8]) {
                diag = diag.note(
                    "a backslash before a quote keeps the quote in the string, so no string can end in a backslash",
                );
            }
            self.pos = line_end;
            return self.fail(diag);
        };
        let raw = &self.text[start + 1..end - 1];
        let span = self.span(start, end);
        self.pos = end;
        if raw.contains('\n') {
            self.long_string = Some(span);
        }
        let value = if self.support_escapes { unescape(raw) } else { raw.to_string() };
        Ok(Spanned::new(value, span))
    }

    pub(super) fn number(&mut self) -> Parsed<Spanned<Number>> {
        let start = self.pos;
        let Some(end) = self.number_end(start) else { return self.expected(start, &["a number"]) };
        self.pos = end;
        let text = &self.text[start..end];
        let span = self.span(start, end);
        if text.contains('.') {
            let float = text.trim_end_matches('.').parse().expect("digits, a dot and digits are a float");
            return Ok(Spanned::new(Number::Float(float), span));
        }
        // Ruby's Integer() takes digits after a leading zero for octal
        let digits = text.trim_start_matches('-');
        let octal = digits.len() > 1 && digits.starts_with('0');
        let parsed = if octal { i64::from_str_radix(text, 8) } else { text.parse() };
        match parsed {
            Ok(int) => {
                if octal && int != 0 {
                    self.report(
                        Diagnostic::warning("octal-number", format!("`{text}` is the octal number for {int}"))
                            .at(span, "leading zero")
                            .help("remove the leading zeros, or put the value in quotes if it is no number"),
                    );
                }
                Ok(Spanned::new(Number::Int(int), span))
            }
            Err(_) => {
                let why = if octal { "is not octal, as its leading zero says" } else { "does not fit into 64 bits" };
                self.fail(Diagnostic::error("bad-number", format!("`{text}` {why}")).at(span, "not a number here"))
            }
        }
    }

    /// `[ value, ... ]`.
    pub(super) fn array(&mut self) -> Parsed<Vec<Spanned<Value>>> {
        let open = self.pos;
        self.pos += 1;
        let mut items = vec![];
        self.skip_cs();
        if self.eat("]") {
            return Ok(items);
        }
        loop {
            if self.peek() == Some(b']') {
                let diag = self.syntax(self.pos, &["`#`", "a value"]).help("no comma may stand before `]`: remove it");
                let _: Parsed<()> = self.fail(diag);
                self.eat("]");
                return Ok(items);
            }
            let start = self.pos;
            match self.value() {
                Ok(item) => items.push(item),
                Err(Failed) => {
                    if !matches!(self.peek(), Some(b',' | b']' | b'}')) {
                        self.ensure_progress(start);
                    }
                    while !matches!(self.peek(), None | Some(b',' | b']' | b'}' | b'\n')) {
                        self.skip_piece();
                    }
                    if !matches!(self.peek(), Some(b',' | b']')) {
                        return Err(Failed);
                    }
                }
            }
            self.skip_cs();
            if self.eat("]") {
                return Ok(items);
            }
            if !self.eat(",") {
                let mut diag = self.syntax(self.pos, &["`#`", "`,`", "`]`"]);
                let starts_value = self.peek().is_some_and(|b| matches!(b, b'"' | b'\'' | b'[') || is_bareword(b));
                if !starts_value
                    || self
                        .bareword_end(self.pos)
                        .is_some_and(|end| self.bytes[self.after_cs(end)..].starts_with(b"=>"))
                {
                    diag = diag.with(self.span(open, open + 1), "this array is not closed");
                    return self.fail(diag);
                }
                diag = diag.help("the values of an array are separated by commas");
                let _: Parsed<()> = self.fail(diag);
            }
            self.skip_cs();
        }
    }

    /// `{ key => value ... }`.
    pub(super) fn hash(&mut self) -> Parsed<Vec<Entry>> {
        let open = self.pos;
        self.pos += 1;
        let mut entries: Vec<(Entry, &'a str)> = vec![];
        loop {
            self.skip_cs();
            let start = self.pos;
            if self.eat("}") {
                break;
            }
            if self.peek() == Some(b',') && !entries.is_empty() {
                let diag = self
                    .syntax(self.pos, &["`#`", "a key", "`}`"])
                    .help("the entries of a hash are separated by white space: remove the comma");
                let _: Parsed<()> = self.fail(diag);
                self.eat(",");
                continue;
            }
            if self.peek().is_none() || self.closes_plugin(start) {
                let diag = self
                    .syntax(self.pos, &["`#`", "a key", "`}`"])
                    .with(self.span(open, open + 1), "this hash is not closed");
                return self.fail(diag);
            }
            match self.entry() {
                Ok(entry) => entries.push(entry),
                Err(Failed) => {
                    if self.peek() != Some(b'}') {
                        self.ensure_progress(start);
                    }
                    self.skip_to_attribute();
                    if self.closes_plugin(self.after_cs(self.pos)) {
                        return Err(Failed);
                    }
                }
            }
        }
        Ok(self.unique_keys(entries))
    }

    /// `key => value`, and the key as written.
    pub(super) fn entry(&mut self) -> Parsed<(Entry, &'a str)> {
        let start = self.pos;
        let b = self.bytes[start];
        let key = if self.number_end(start).is_some() {
            self.number()?.map(|n| n.to_string())
        } else if let Some(end) = self.bareword_end(start) {
            self.pos = end;
            Spanned::new(self.text[start..end].to_string(), self.span(start, end))
        } else if b == b'"' || b == b'\'' {
            self.string()?
        } else {
            let mut diag = self.syntax(start, &["`#`", "a number", "a bareword", "`\"`", "`'`", "`}`"]);
            if b == b'[' || b.is_ascii_alphabetic() {
                diag = diag.help("put the key in quotes");
            }
            return self.fail(diag);
        };
        let raw = &self.text[start..self.pos];
        self.arrow(raw)?;
        let value = self.value()?;
        Ok((Entry { key, value }, raw))
    }

    /// Logstash refuses two keys that are written the same; of two that differ in their quotes the last one wins.
    pub(super) fn unique_keys(&mut self, entries: Vec<(Entry, &'a str)>) -> Vec<Entry> {
        let mut unique: Vec<(Entry, &str)> = Vec::with_capacity(entries.len());
        let mut places = std::collections::HashMap::new();
        for (entry, raw) in entries {
            let Some(&place) = places.get(&entry.key.value) else {
                places.insert(entry.key.value.clone(), unique.len());
                unique.push((entry, raw));
                continue;
            };
            let first: &mut (Entry, &str) = &mut unique[place];
            let diag = if first.1 == raw {
                Diagnostic::error("duplicate-key", format!("Duplicate keys found in your configuration: [{raw}]"))
                    .at(entry.key.span, "a second time")
                    .help("to give several values use an array, or repeat the option")
            } else {
                Diagnostic::fault(
                    "duplicate-key",
                    format!("`{}` stands twice in one hash; only the last one counts", entry.key.value),
                )
                .at(entry.key.span, "this one counts")
            };
            let diag = diag.with(first.0.key.span, "first here");
            first.0.value = entry.value;
            self.report(diag);
        }
        unique.into_iter().map(|(entry, _)| entry).collect()
    }

    pub(super) fn rvalue(&mut self) -> Parsed<Spanned<RValue>> {
        self.nested(Self::rvalue_inner)
    }

    pub(super) fn rvalue_inner(&mut self) -> Parsed<Spanned<RValue>> {
        const EXPECTED: [&str; 7] = ["`#`", "`\"`", "`'`", "a number", "`[`", "`/`", "`(`"];
        let start = self.pos;
        match self.peek() {
            Some(b'"' | b'\'') => Ok(self.string()?.map(RValue::String)),
            Some(b'[') => {
                if let Some(end) = self.selector_end(start) {
                    self.pos = end;
                    let text = self.text[start..end].to_string();
                    return Ok(Spanned::new(RValue::Selector(text), self.span(start, end)));
                }
                let items = self.array()?;
                Ok(Spanned::new(RValue::Array(items), self.span(start, self.pos)))
            }
            Some(b'/') => {
                let line_end = memchr::memchr(b'\n', &self.bytes[start..]).map_or(self.bytes.len(), |n| start + n);
                let Some(end) = self.quoted_end(start) else {
                    self.pos = line_end;
                    return self.fail(
                        Diagnostic::error(
                            "syntax",
                            "Expected one of `/` but found the end of the text: the pattern is not closed",
                        )
                        .at(self.span(start, line_end), "this pattern is not closed"),
                    );
                };
                self.pos = end;
                let text = self.text[start + 1..end - 1].to_string();
                Ok(Spanned::new(RValue::Regexp(text), self.span(start, end)))
            }
            _ if self.number_end(start).is_some() => Ok(self.number()?.map(RValue::Number)),
            _ => {
                if let Some(end) = self.bareword_end(start)
                    && self.bytes.get(self.after_cs(end)) == Some(&b'(')
                {
                    return self.method_call(end);
                }
                let diag = self.syntax(start, &EXPECTED);
                let diag = condition::explain_rvalue(diag, &self.text[start..]);
                self.fail(diag)
            }
        }
    }

    /// `[a][b]...`: elements of one or more characters that are neither brackets nor commas.
    pub(super) fn selector_end(&self, from: usize) -> Option<usize> {
        let mut end = from;
        while self.bytes.get(end) == Some(&b'[') {
            let close = self.run(end + 1, |b| !matches!(b, b'[' | b']' | b','));
            if close == end + 1 || self.bytes.get(close) != Some(&b']') {
                break;
            }
            end = close + 1;
        }
        (end > from).then_some(end)
    }

    pub(super) fn method_call(&mut self, name_end: usize) -> Parsed<Spanned<RValue>> {
        let start = self.pos;
        let name = Spanned::new(self.text[start..name_end].to_string(), self.span(start, name_end));
        self.pos = self.after_cs(name_end) + 1;
        self.skip_cs();
        let mut args = vec![];
        while self.peek() != Some(b')') {
            args.push(self.rvalue()?);
            self.skip_cs();
            if !self.eat(",") {
                break;
            }
            self.skip_cs();
        }
        if !self.eat(")") {
            let diag = self.syntax(self.pos, &["`#`", "`,`", "`)`"]);
            let diag = condition::explain_rvalue(diag, &self.text[start..]);
            return self.fail(diag);
        }
        Ok(Spanned::new(RValue::MethodCall { name, args }, self.span(start, self.pos)))
    }
}

/// `config.support_escapes`: quotes, backslash, `\n \r \t \0`; any other pair stays as it is.
fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some(quoted @ ('"' | '\'' | '\\')) => out.push(quoted),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('0') => out.push('\0'),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    out
}
