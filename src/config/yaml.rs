//! YAML text to a tree with spans, read as Filebeat's Go YAML reads it.
//!
//! The events come from `saphyr-parser`; what a plain scalar means is decided here, by the rules of gopkg.in/yaml.v2 (YAML 1.1
//! with Go's own number syntax), the library under elastic/go-ucfg. The table in the tests was recorded from that library.
//!
//! Deviations: a repeated key keeps the last value as there, but is reported; documents after the first are not read, as there,
//! but are reported; a key that is no text (`on:`, `1:`) is an error here, where go-ucfg refuses the whole file.
//! Logstash reads its YAML with Ruby's Psych: `y`, `n` are text and `12:30` is a number there; no setting of `logstash.yml` takes such a value.

use std::collections::HashMap;

use base64::Engine as _;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};

use super::diagnostic::Diagnostic;
use super::source::{FileId, Span};

/// Lists and maps nested deeper than this are refused.
pub const DEPTH_MAX: usize = 100;
/// Nodes of one text after aliases are copied in; more is refused (aliases of aliases grow exponentially).
pub const NODES_MAX: usize = 200_000;
/// Values set apart from their key by tabs that one text may hold; each costs one more reading.
const TABS_MAX: usize = 200;

/// A value and where it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub value: Value,
    pub span: Span,
}

/// What a node holds. An integer over `i64::MAX` is a `UInt`; every other integer is an `Int`.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// Could not be computed (an unset variable): the finding, given when the value is asked for. The YAML reader never makes it.
    Missing(Box<Diagnostic>),
}

/// One key of a map, in the order written.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: String,
    pub key_span: Span,
    pub node: Node,
}

impl Node {
    pub fn new(value: Value, span: Span) -> Node {
        Node { value, span }
    }

    /// The value of a key, when this is a map that holds it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|e| e.key == key).map(|e| &e.node),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The noun for messages.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Int(_) | Value::UInt(_) => "a whole number",
            Value::Float(_) => "a number with a fraction",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Missing(_) => "a value that could not be computed",
        }
    }
}

/// Reads the first document of `text`. `None` when it holds nothing or nothing could be read; what could not be read is reported.
pub fn parse(file: FileId, text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    if let Some(at) = text.bytes().position(|b| (b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')) || b == 0x7f) {
        let found = Diagnostic::error("yaml-syntax", "control characters are not allowed in YAML")
            .at(Span::new(file, at, at + 1), format!("byte 0x{:02x}", text.as_bytes()[at]));
        return (None, vec![found]);
    }
    // The parser refuses a tab between `key:` and its value, Go YAML takes it: such tabs, and no others, become blanks.
    let mut text = std::borrow::Cow::Borrowed(text);
    for _ in 0..TABS_MAX {
        let (root, found) = read(file, &text);
        let tabs = match &found[..] {
            [.., last] if last.id == "yaml-syntax" => tabs_behind_colon(&text, last),
            _ => None,
        };
        let Some(tabs) = tabs else { return (root, found) };
        let blanks = " ".repeat(tabs.len());
        text.to_mut().replace_range(tabs, &blanks);
    }
    read(file, &text)
}

fn read(file: FileId, text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    let mut reader = Reader {
        offsets: Offsets::new(text),
        file,
        text,
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        nodes: 0,
        found: vec![],
    };
    let root = match reader.document() {
        Ok(root) => root,
        Err(diagnostic) => {
            reader.found.push(*diagnostic);
            None
        }
    };
    (root, reader.found)
}

/// The tabs between a colon and the place where the parser stopped.
fn tabs_behind_colon(text: &str, stopped: &Diagnostic) -> Option<std::ops::Range<usize>> {
    let at = stopped.primary.as_ref()?.span.start as usize;
    let before = text[..at].trim_end_matches('\t');
    (before.len() < at && before.ends_with(':')).then_some(before.len()..at)
}

/// Turns the parser's character counts into byte offsets.
struct Offsets {
    /// Byte offset of every character and of the end; empty for pure ASCII, where both counts are the same.
    bytes: Vec<u32>,
    len: usize,
}

impl Offsets {
    fn new(text: &str) -> Offsets {
        let bytes = match text.is_ascii() {
            true => vec![],
            false => text.char_indices().map(|(i, _)| i as u32).chain([text.len() as u32]).collect(),
        };
        Offsets { bytes, len: text.len() }
    }

    fn byte(&self, chars: usize) -> usize {
        match self.bytes.get(chars) {
            Some(&byte) => byte as usize,
            None if self.bytes.is_empty() => chars.min(self.len),
            None => self.len,
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    offsets: Offsets,
    file: FileId,
    text: &'a str,
    /// Whole nodes by anchor id; `None` while the anchored node is still being read.
    anchors: HashMap<usize, Option<Node>>,
    nodes: usize,
    found: Vec<Diagnostic>,
}

type Failed = Box<Diagnostic>;

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Option<Node>, Failed> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(None),
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::DocumentEnd => break,
                event => {
                    let node = self.node(event, span, 0)?;
                    self.rest();
                    return Ok((!node.is_null()).then_some(node));
                }
            }
        }
        Ok(None)
    }

    /// What follows the first document: never read, so reported.
    fn rest(&mut self) {
        loop {
            match self.next() {
                Ok((Event::DocumentStart(_), span)) => {
                    let end = (span.start as usize + 3).min(self.text.len());
                    self.found.push(
                        Diagnostic::warning("yaml-later-document", "only the first YAML document of a file is read")
                            .at(
                                Span::new(self.file, span.start as usize, end.max(span.start as usize)),
                                "not read from here on",
                            ),
                    );
                    return;
                }
                Ok((Event::StreamEnd, _)) => return,
                Ok(_) => {}
                Err(diagnostic) => {
                    // Go YAML stops after the first document, so a fault behind it stops nothing there.
                    let mut diagnostic = *diagnostic;
                    diagnostic.severity = super::diagnostic::Severity::Warning;
                    diagnostic.stops_run = false;
                    self.found.push(diagnostic);
                    return;
                }
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Failed> {
        match self.parser.next_event() {
            None => Ok((Event::StreamEnd, Span::new(self.file, self.text.len(), self.text.len()))),
            Some(Ok((event, span))) => {
                let start = self.offsets.byte(span.start.index());
                let end = self.offsets.byte(span.end.index()).max(start);
                Ok((event, Span::new(self.file, start, end)))
            }
            Some(Err(error)) => Err(Box::new(self.syntax(&error))),
        }
    }

    fn syntax(&self, error: &ScanError) -> Diagnostic {
        let at = self.offsets.byte(error.marker().index());
        let line_start = self.text[..at].rfind('\n').map_or(0, |i| i + 1);
        let line_end = self.text[at..].find('\n').map_or(self.text.len(), |i| at + i);
        let line = &self.text[line_start..line_end];
        if let Some(tab) =
            indenting_tab(self.text, line_start).filter(|&t| t < line_end || error.info().contains("tab"))
        {
            return Diagnostic::error("yaml-syntax", "a tab indents this line")
                .at(Span::new(self.file, tab, tab + 1), "tab")
                .note("YAML indents with spaces only")
                .help("replace the tab by spaces");
        }
        let end = self.text[at..].chars().next().filter(|&c| c != '\n').map_or(at, |c| at + c.len_utf8());
        let mut found = Diagnostic::error("yaml-syntax", format!("not valid YAML: {}", error.info()))
            .at(Span::new(self.file, at, end), "reading stopped here");
        if line.contains("{{") {
            found = found.note("`{{ }}` is a template: the file must be rendered before it is YAML");
        }
        found
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), Failed> {
        self.nodes += nodes;
        if self.nodes <= NODES_MAX {
            return Ok(());
        }
        Err(Box::new(
            Diagnostic::error("yaml-limit", format!("more than {NODES_MAX} values"))
                .at(span, "this one is too many")
                .note("every alias counts all values it stands for"),
        ))
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Failed> {
        if depth > DEPTH_MAX {
            return Err(Box::new(
                Diagnostic::error("yaml-limit", format!("nested deeper than {DEPTH_MAX} levels")).at(span, "too deep"),
            ));
        }
        self.count(1, span)?;
        let (anchor, node) = match event {
            Event::Alias(id) => {
                let node = match self.anchors.get(&id) {
                    Some(Some(node)) => node.clone(),
                    _ => {
                        return Err(Box::new(
                            Diagnostic::error("yaml-syntax", "an anchor that contains itself")
                                .at(span, "alias to a value that is not finished here"),
                        ));
                    }
                };
                self.count(size(&node), span)?;
                (0, node)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let span = self.scalar_span(span, style);
                (anchor, self.scalar(&text, style, tag.as_deref(), span)?)
            }
            Event::SequenceStart(anchor, _) => {
                self.open(anchor);
                let mut items = vec![];
                let end = loop {
                    match self.next()? {
                        (Event::SequenceEnd, end) => break end,
                        (event, span) => items.push(self.node(event, span, depth + 1)?),
                    }
                };
                let span = self.covering(span, end, items.last().map(|n: &Node| n.span));
                (anchor, Node::new(Value::List(items), span))
            }
            Event::MappingStart(anchor, _) => {
                self.open(anchor);
                let (entries, end) = self.entries(depth)?;
                let span = self.covering(span, end, entries.last().map(|e| e.key_span.to(e.node.span)));
                (anchor, Node::new(Value::Map(entries), span))
            }
            event => {
                return Err(Box::new(
                    Diagnostic::error("yaml-syntax", "a value is missing").at(span, format!("found {event:?}")),
                ));
            }
        };
        if anchor > 0 {
            self.anchors.insert(anchor, Some(node.clone()));
        }
        Ok(node)
    }

    fn open(&mut self, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
    }

    /// From the opening to the closing bracket, or for block style to the end of the last child.
    fn covering(&self, open: Span, close: Span, last: Option<Span>) -> Span {
        let flow = matches!(self.text.as_bytes().get(open.start as usize), Some(b'[' | b'{'));
        let end = match last {
            _ if flow => close.end,
            // an alias may lie before its list: its span is the anchor's
            Some(last) if last.end >= open.start => last.end,
            _ => open.end,
        };
        Span { end: end.max(open.start), ..open }
    }

    fn entries(&mut self, depth: usize) -> Result<(Vec<Entry>, Span), Failed> {
        let mut entries: Vec<Entry> = vec![];
        // index into `entries` of keys written out here; merged keys may be replaced silently
        let mut written: HashMap<String, usize> = HashMap::new();
        let mut merged: HashMap<String, usize> = HashMap::new();
        loop {
            let (event, span) = self.next()?;
            if let Event::MappingEnd = event {
                return Ok((entries, span));
            }
            let merge = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.node(event, span, depth + 1)?;
            let (event, span) = self.next()?;
            // a key without a value stands alone: its value's span is empty, behind the colon
            let node = self.node(event, span, depth + 1)?;
            if merge {
                // As yaml.v2: what is merged replaces what stands above it, and what stands below replaces it.
                for entry in self.merged(node)? {
                    let known = written.get(&entry.key).or_else(|| merged.get(&entry.key)).copied();
                    match known {
                        Some(i) => entries[i] = entry,
                        None => {
                            merged.insert(entry.key.clone(), entries.len());
                            entries.push(entry);
                        }
                    }
                }
                continue;
            }
            let Value::Text(name) = key.value else {
                let text = &self.text[key.span.start as usize..key.span.end as usize];
                let mut found =
                    Diagnostic::error("yaml-key-not-text", format!("a key must be text, this is {}", key.kind()))
                        .at(key.span, "key");
                if matches!(key.value, Value::Bool(_) | Value::Int(_)) {
                    found = found.note("in YAML 1.1 `yes`, `no`, `on`, `off`, `y` and `n` are booleans");
                    found = found.help(format!("write `\"{text}\"`"));
                }
                self.found.push(found);
                continue;
            };
            let entry = Entry { key: name, key_span: key.span, node };
            if let Some(&i) = written.get(&entry.key) {
                let first: &Entry = &entries[i];
                self.found.push(
                    Diagnostic::warning("repeated-key", format!("`{}` is set twice in one map", entry.key))
                        .at(entry.key_span, "this one counts")
                        .with(first.key_span, "this one is ignored")
                        .note("Filebeat's YAML keeps the last without a word"),
                );
                entries[i] = entry;
            } else if let Some(&i) = merged.get(&entry.key) {
                written.insert(entry.key.clone(), i);
                entries[i] = entry;
            } else {
                written.insert(entry.key.clone(), entries.len());
                entries.push(entry);
            }
        }
    }

    /// The entries a `<<` brings in: of a map, or of a list of maps in which the earlier wins.
    fn merged(&mut self, node: Node) -> Result<Vec<Entry>, Failed> {
        let span = node.span;
        let wrong = move || {
            Box::new(Diagnostic::error("yaml-syntax", "`<<` needs a map or a list of maps").at(span, "merged here"))
        };
        match node.value {
            Value::Map(entries) => Ok(entries),
            Value::List(items) => {
                let mut all: Vec<Entry> = vec![];
                for item in items {
                    let Value::Map(entries) = item.value else { return Err(wrong()) };
                    for entry in entries {
                        if !all.iter().any(|e| e.key == entry.key) {
                            all.push(entry);
                        }
                    }
                }
                Ok(all)
            }
            _ => Err(wrong()),
        }
    }

    /// Block scalars end before the next key; plain scalars without the blanks behind them.
    fn scalar_span(&self, span: Span, style: ScalarStyle) -> Span {
        let text = &self.text[span.start as usize..span.end as usize];
        match style {
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => span,
            _ => Span { end: span.start + text.trim_end().len() as u32, ..span },
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Result<Node, Failed> {
        let core = tag.filter(|t| t.is_yaml_core_schema()).map(|t| t.suffix.as_str());
        let value = match core {
            Some("str") => Value::Text(text.to_string()),
            Some("int" | "float" | "bool" | "null") => resolve(text),
            Some("binary") => {
                let compact: String = text.split_whitespace().collect();
                let bytes = base64::engine::general_purpose::STANDARD.decode(compact).ok();
                match bytes.and_then(|b| String::from_utf8(b).ok()) {
                    Some(text) => Value::Text(text),
                    None => {
                        return Err(Box::new(
                            Diagnostic::error("yaml-syntax", "`!!binary` needs base64 of UTF-8 text")
                                .at(span, "not that"),
                        ));
                    }
                }
            }
            _ if style == ScalarStyle::Plain && tag.is_none() => resolve(text),
            _ => Value::Text(text.to_string()),
        };
        let fits = match (core, &value) {
            (Some("int"), v) => matches!(v, Value::Int(_) | Value::UInt(_)),
            (Some("float"), v) => matches!(v, Value::Float(_) | Value::Int(_) | Value::UInt(_)),
            (Some("bool"), v) => matches!(v, Value::Bool(_)),
            (Some("null"), v) => matches!(v, Value::Null),
            _ => true,
        };
        if !fits {
            return Err(Box::new(
                Diagnostic::error("yaml-syntax", format!("the value is no `!!{}`", core.unwrap_or_default()))
                    .at(span, "value"),
            ));
        }
        let value = match (core, value) {
            (Some("float"), Value::Int(i)) => Value::Float(i as f64),
            (Some("float"), Value::UInt(u)) => Value::Float(u as f64),
            (_, value) => value,
        };
        Ok(Node::new(value, span))
    }
}

/// The first tab in the indentation of a line from `from` on.
fn indenting_tab(text: &str, from: usize) -> Option<usize> {
    let mut start = from;
    for line in text[from..].split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = line[..indent].find('\t').filter(|_| !line.trim().is_empty()) {
            return Some(start + tab);
        }
        start += line.len();
    }
    None
}

fn size(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|e| size(&e.node)).sum::<usize>(),
        _ => 1,
    }
}

/// What a plain scalar means in gopkg.in/yaml.v2.
pub fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Value::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Value::Text(text.to_string());
    }
    let plain: String = text.chars().filter(|&c| c != '_').collect();
    if !text.starts_with('.')
        && let Some(value) = integer(&plain)
    {
        return value;
    }
    match is_float(&plain) && !(text.starts_with('.') && text.contains('_')) {
        true => match plain.parse::<f64>() {
            Ok(f) if f.is_finite() => Value::Float(f),
            _ => Value::Text(text.to_string()),
        },
        false => Value::Text(text.to_string()),
    }
}

/// Go's `ParseInt(text, 0, 64)`, then `ParseUint`: `0x`, `0b`, `0o` and a leading `0` choose the base.
pub fn integer(text: &str) -> Option<Value> {
    let (negative, signed, digits) = match text.as_bytes().first()? {
        b'-' => (true, true, &text[1..]),
        b'+' => (false, true, &text[1..]),
        _ => (false, false, text),
    };
    let lower = digits.get(..2).map(|p| p.to_ascii_lowercase());
    let (base, digits) = match lower.as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some(_) if digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let size = u64::from_str_radix(digits, base).ok()?;
    match negative {
        true if size <= i64::MAX as u64 + 1 => Some(Value::Int((size as i64).wrapping_neg())),
        true => None,
        false if size <= i64::MAX as u64 => Some(Value::Int(size as i64)),
        false if signed => None,
        false => Some(Value::UInt(size)),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(i) => (&body[..i], Some(&body[i + 1..])),
        None => (body, None),
    };
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_fits = match exponent {
        Some(e) => {
            let e = e.strip_prefix(['-', '+']).unwrap_or(e);
            !e.is_empty() && digits(e)
        }
        None => true,
    };
    mantissa_fits && exponent_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: FileId = FileId(0);

    fn read(text: &str) -> Node {
        let (node, found) = parse(FILE, text);
        assert!(found.is_empty(), "{text:?}: {found:?}");
        node.expect("a document")
    }

    fn show(node: &Node) -> String {
        match &node.value {
            Value::Null => "null".to_string(),
            Value::Bool(b) => b.to_string(),
            Value::Int(i) => format!("int {i}"),
            Value::UInt(u) => format!("uint {u}"),
            Value::Float(f) => format!("float {f}"),
            Value::Text(t) => format!("{t:?}"),
            Value::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", ")),
            Value::Map(entries) => {
                let parts: Vec<String> = entries.iter().map(|e| format!("{}: {}", e.key, show(&e.node))).collect();
                format!("{{{}}}", parts.join(", "))
            }
            Value::Missing(d) => format!("missing {}", d.message),
        }
    }

    /// Left: what is written behind `a: `. Right: what gopkg.in/yaml.v2 v2.2.8 made of it.
    const SCALARS: &[(&str, &str)] = &[
        ("yes", "true"),
        ("on", "true"),
        ("y", "true"),
        ("Y", "true"),
        ("n", "false"),
        ("N", "false"),
        ("No", "false"),
        ("OFF", "false"),
        ("TRUE", "true"),
        ("On", "true"),
        ("tRue", "\"tRue\""),
        ("oN", "\"oN\""),
        ("0644", "int 420"),
        ("0o644", "int 420"),
        ("+0644", "int 420"),
        ("-0644", "int -420"),
        ("-0o17", "int -15"),
        ("1_000", "int 1000"),
        ("1__0", "int 10"),
        ("1_", "int 1"),
        ("_1", "\"_1\""),
        ("0_7", "int 7"),
        ("007", "int 7"),
        ("00", "int 0"),
        ("-0", "int 0"),
        ("08", "float 8"),
        ("0o8", "\"0o8\""),
        ("0x1F", "int 31"),
        ("0X1F", "int 31"),
        ("-0x1F", "int -31"),
        ("0x1_F", "int 31"),
        ("0x", "\"0x\""),
        ("0xG", "\"0xG\""),
        ("0b101", "int 5"),
        ("0B1", "int 1"),
        ("-0b11", "int -3"),
        ("0b2", "\"0b2\""),
        ("9223372036854775808", "uint 9223372036854775808"),
        ("0x8000000000000000", "uint 9223372036854775808"),
        ("18446744073709551616", "float 18446744073709552000"),
        (".inf", "float inf"),
        ("+.inf", "float inf"),
        ("-.inf", "float -inf"),
        (".nan", "float NaN"),
        ("infinity", "\"infinity\""),
        ("nan", "\"nan\""),
        ("~", "null"),
        ("null", "null"),
        ("Null", "null"),
        ("nULL", "\"nULL\""),
        ("", "null"),
        ("\"\"", "\"\""),
        ("1e3", "float 1000"),
        ("1.e3", "float 1000"),
        ("1e+3", "float 1000"),
        ("3e", "\"3e\""),
        (".e1", "\".e1\""),
        ("1.5", "float 1.5"),
        ("+1.5", "float 1.5"),
        ("-.5", "float -0.5"),
        (".5", "float 0.5"),
        ("5.", "float 5"),
        ("1_000.5", "float 1000.5"),
        ("1e400", "\"1e400\""),
        ("1.5.6", "\"1.5.6\""),
        ("1,000", "\"1,000\""),
        (".", "\".\""),
        ("+", "\"+\""),
        ("+5", "int 5"),
        ("-5", "int -5"),
        ("12:30", "\"12:30\""),
        ("1:2:3", "\"1:2:3\""),
        ("2001-01-01", "\"2001-01-01\""),
        ("2001-01-01T10:00:00Z", "\"2001-01-01T10:00:00Z\""),
        ("\"yes\"", "\"yes\""),
        ("'1'", "\"1\""),
        ("!!str 5", "\"5\""),
        ("!!int \"5\"", "int 5"),
        ("!!float 5", "float 5"),
        ("!!bool \"yes\"", "true"),
        ("!!binary aGk=", "\"hi\""),
        ("!foo x", "\"x\""),
        ("=", "\"=\""),
        ("a#c", "\"a#c\""),
        ("a #c", "\"a\""),
    ];

    #[test]
    fn scalars_mean_what_go_yaml_means() {
        for (written, expected) in SCALARS {
            let node = read(&format!("a: {written}"));
            assert_eq!(show(node.get("a").unwrap()), *expected, "{written}");
        }
    }

    #[test]
    fn structures() {
        for (text, expected) in [
            ("a:\n- b\n- c: d\n", "{a: [\"b\", {c: \"d\"}]}"),
            ("a: [1, {b: 2}]", "{a: [int 1, {b: int 2}]}"),
            ("a: |\n  x\n  y\nb: >-\n  q\n  r\n", "{a: \"x\\ny\\n\", b: \"q r\"}"),
            ("x: &A {q: 1, r: 2}\nz:\n  <<: *A\n  r: 3\n", "{x: {q: int 1, r: int 2}, z: {q: int 1, r: int 3}}"),
            // a merge below replaces what stands above it
            ("x: &A {q: 1, r: 2}\nz:\n  r: 3\n  <<: *A\n", "{x: {q: int 1, r: int 2}, z: {r: int 2, q: int 1}}"),
            ("x: &A {q: 1}\nz:\n  <<: [*A, {q: 5, t: 6}]\n", "{x: {q: int 1}, z: {q: int 1, t: int 6}}"),
            ("\u{feff}a: b", "{a: \"b\"}"),
            ("a:\tb\nc: d\t# e\nf:\t\t[g,\th]\ni: \"j:\tk\"", "{a: \"b\", c: \"d\", f: [\"g\", \"h\"], i: \"j:\\tk\"}"),
            ("a: b\r\nc: d\r\n", "{a: \"b\", c: \"d\"}"),
        ] {
            assert_eq!(show(&read(text)), expected, "{text:?}");
        }
    }

    #[test]
    fn spans_are_bytes_and_tight() {
        let text = "ä: 解析  # note\nlist:\n  - é x\n  - 'q'\nflow: [1, 2]\nblock: |\n  ü\n\nlast: x\n";
        let node = read(text);
        let under = |s: Span| &text[s.start as usize..s.end as usize];
        assert_eq!(under(node.get("ä").unwrap().span), "解析");
        let Value::List(items) = &node.get("list").unwrap().value else { panic!() };
        assert_eq!(under(items[0].span), "é x");
        assert_eq!(under(items[1].span), "'q'");
        assert_eq!(under(node.get("list").unwrap().span), "- é x\n  - 'q'");
        assert_eq!(under(node.get("flow").unwrap().span), "[1, 2]");
        let Value::Map(entries) = &node.value else { panic!() };
        assert_eq!(
            entries.iter().map(|e| under(e.key_span)).collect::<Vec<_>>(),
            ["ä", "list", "flow", "block", "last"]
        );
    }

    #[test]
    fn bad_yaml_is_located() {
        for (text, id, under) in [
            ("a:\n\t- b\n", "yaml-syntax", "\t"),
            ("a: b\n\tc: d\n", "yaml-syntax", "\t"),
            ("a: [1\nb: 2\n", "yaml-syntax", ":"),
            ("a: {", "yaml-syntax", ""),
            ("a: *nope", "yaml-syntax", "*"),
            ("a: &x [*x]", "yaml-syntax", "*x"),
            ("a: \u{1}", "yaml-syntax", "\u{1}"),
            ("a: @x", "yaml-syntax", "@"),
            ("1: x\n", "yaml-key-not-text", "1"),
            ("on: x\n", "yaml-key-not-text", "on"),
            ("a: {{ x }}\n", "yaml-key-not-text", "{ x }"),
        ] {
            let (_, found) = parse(FILE, text);
            let first = found.first().unwrap_or_else(|| panic!("{text:?}: no finding"));
            let span = first.primary.as_ref().unwrap().span;
            assert_eq!((first.id, &text[span.start as usize..span.end as usize]), (id, under), "{text:?}: {first:?}");
            assert!(first.stops_run, "{text:?}");
        }
    }

    #[test]
    fn a_repeated_key_keeps_the_last_and_is_reported() {
        let (node, found) = parse(FILE, "a: 1\nb: 2\na: 3\n");
        assert_eq!(show(&node.unwrap()), "{a: int 3, b: int 2}");
        assert_eq!(found.iter().map(|d| (d.id, d.stops_run)).collect::<Vec<_>>(), [("repeated-key", false)]);
    }

    #[test]
    fn only_the_first_document_is_read() {
        let (node, found) = parse(FILE, "---\na: 1\n---\nb: 2\n");
        assert_eq!(show(&node.unwrap()), "{a: int 1}");
        assert_eq!(found[0].id, "yaml-later-document");
        let (node, found) = parse(FILE, "a: 1\n---\nb: [\n");
        assert_eq!(show(&node.unwrap()), "{a: int 1}");
        assert!(found.iter().all(|d| !d.stops_run), "{found:?}");
    }

    #[test]
    fn nothing_is_no_document() {
        for text in ["", "\n", "# only a comment\n", "---\n", "~\n"] {
            assert_eq!(parse(FILE, text), (None, vec![]), "{text:?}");
        }
    }

    #[test]
    fn aliases_of_aliases_and_deep_nesting_are_bounded() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..12 {
            let previous = format!("*a{}, ", i - 1).repeat(10);
            bomb.push_str(&format!("a{i}: &a{i} [{previous}]\n"));
        }
        let (_, found) = parse(FILE, &bomb);
        assert_eq!(found.last().unwrap().id, "yaml-limit");
        let (_, found) = parse(FILE, &format!("{}{}", "[".repeat(150), "]".repeat(150)));
        assert_eq!(found.last().unwrap().id, "yaml-limit");
        let (_, found) = parse(FILE, &"[".repeat(50_000));
        assert!(found.last().unwrap().stops_run);
    }

    /// Every prefix of a text with all constructs, and every text with one byte replaced, ends without a panic and with spans inside it.
    #[test]
    fn broken_texts_never_panic() {
        let text = "a: &x {b: [1, 'ü'], \"c\": \"\\u00e4\"}\nd:\n  <<: *x\n  - \n? k\n: |\n  l1\n\n  l2\ne: !!int 5 # c\n---\nf: >\n g\n";
        let check = |text: &str| {
            let (_, found) = parse(FILE, text);
            for label in found.iter().flat_map(|d| d.primary.iter().chain(&d.secondary)) {
                assert!(text.get(label.span.start as usize..label.span.end as usize).is_some(), "{text:?} {label:?}");
            }
        };
        for (i, _) in text.char_indices() {
            check(&text[..i]);
            for junk in ["\t", "\n", "[", "}", ":", "-", "*", "&", "!", "%", "\"", "\u{0}", "解"] {
                check(&format!("{}{junk}{}", &text[..i], &text[i..]));
            }
        }
    }
}
