//! Typed reading of one section: each option by its dotted name, then everything nobody asked for is reported.
//!
//! Values convert as go-ucfg converts them: any scalar is a text, a scalar is a list of one, a whole number is a duration in
//! seconds. A value of the wrong type is reported and the option keeps its default.

use std::cell::RefCell;
use std::time::Duration;

use super::super::diagnostic::Diagnostic;
use super::super::source::{Span, Spanned};
use super::super::yaml::{Entry, Node, Value, integer};
use super::ucfg::scalar_text;

/// Where findings are collected while a configuration is read.
pub type Found = RefCell<Vec<Diagnostic>>;

/// What becomes of an option that is known and not read.
pub struct Rule {
    /// Dotted; covers everything below it.
    pub name: &'static str,
    pub kind: Kind,
}

/// See [`Rule`].
pub enum Kind {
    /// Does something in the original that is not done here: an error, unless the value asks for nothing.
    NotYet(Idle),
    /// Runs without it, but something outside the flow of events is not done: a warning, unless the value asks for nothing.
    NotDone(Idle, &'static str),
    /// Changes nothing here, by its nature: accepted; the reason.
    Inert(&'static str),
    /// Was an option once: a warning, with what to write instead.
    Gone(&'static str),
}

/// Which value of an option asks for nothing.
pub enum Idle {
    Never,
    /// `false`, nothing, an empty list or map, or a map with `enabled: false`.
    Off,
    /// This text (as go-ucfg makes text of a scalar).
    Is(&'static str),
}

impl Idle {
    fn fits(&self, node: &Node) -> bool {
        match self {
            _ if node.is_null() => true,
            Idle::Never => false,
            Idle::Is(text) => scalar_text(&node.value).as_deref() == Some(*text),
            Idle::Off => match &node.value {
                Value::Bool(on) => !on,
                Value::List(items) => items.is_empty(),
                Value::Map(entries) => {
                    entries.is_empty() || matches!(node.get("enabled").map(|n| &n.value), Some(Value::Bool(false)))
                }
                _ => false,
            },
        }
    }
}

/// A map being read.
pub struct Section<'a> {
    /// What it is called in messages: "the `log` input".
    pub title: String,
    pub span: Span,
    node: Option<&'a Node>,
    asked: RefCell<Vec<String>>,
    pub found: &'a Found,
}

impl<'a> Section<'a> {
    /// A section over `node`; nothing and `~` read as an empty map, any other value that is no map is reported.
    pub fn new(title: impl Into<String>, node: Option<&'a Node>, span: Span, found: &'a Found) -> Section<'a> {
        let title = title.into();
        let node = match node {
            Some(node) if node.is_null() => None,
            Some(Node { value: Value::Missing(diagnostic), .. }) => {
                found.borrow_mut().push((**diagnostic).clone());
                None
            }
            Some(node) if !matches!(node.value, Value::Map(_)) => {
                found.borrow_mut().push(
                    Diagnostic::error("wrong-type", format!("{title} must be a map, this is {}", node.kind()))
                        .at(node.span, "no map"),
                );
                None
            }
            node => node,
        };
        Section { title, span, node, asked: RefCell::default(), found }
    }

    pub fn report(&self, diagnostic: Diagnostic) {
        self.found.borrow_mut().push(diagnostic);
    }

    /// The entry of a dotted name, marked as read.
    pub fn entry(&self, name: &str) -> Option<&'a Entry> {
        self.asked.borrow_mut().push(name.to_string());
        let mut node = self.node?;
        let mut entry = None;
        for part in name.split('.') {
            let Value::Map(entries) = &node.value else { return None };
            entry = Some(entries.iter().find(|e| e.key == part)?);
            node = &entry?.node;
        }
        entry
    }

    /// The value of a dotted name; nothing when unset or `~`.
    pub fn node(&self, name: &str) -> Option<&'a Node> {
        let node = &self.entry(name)?.node;
        match &node.value {
            Value::Null => None,
            Value::Missing(diagnostic) => {
                self.report((**diagnostic).clone());
                None
            }
            _ => Some(node),
        }
    }

    /// Whether the option is written, whatever its value.
    pub fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    pub fn key_span(&self, name: &str) -> Option<Span> {
        self.entry(name).map(|e| e.key_span)
    }

    fn wrong(&self, name: &str, node: &Node, wanted: &str) {
        let written = scalar_text(&node.value).map_or(String::new(), |t| format!(" `{t}`"));
        self.report(
            Diagnostic::error("wrong-type", format!("`{name}` of {} must be {wanted}", self.title))
                .at(node.span, format!("{}{written}", node.kind())),
        );
    }

    fn read<T>(&self, name: &str, wanted: &str, convert: impl FnOnce(&Node) -> Option<T>) -> Option<Spanned<T>> {
        let node = self.node(name)?;
        let value = convert(node);
        if value.is_none() {
            self.wrong(name, node, wanted);
        }
        value.map(|v| Spanned::new(v, node.span))
    }

    pub fn text(&self, name: &str) -> Option<Spanned<String>> {
        self.read(name, "a text", |n| scalar_text(&n.value))
    }

    pub fn flag(&self, name: &str) -> Option<Spanned<bool>> {
        self.read(name, "true or false", |n| as_flag(&n.value))
    }

    pub fn flag_or(&self, name: &str, default: bool) -> bool {
        self.flag(name).map_or(default, |v| v.value)
    }

    pub fn whole(&self, name: &str, min: i64, max: i64) -> Option<Spanned<i64>> {
        let wanted = match max {
            i64::MAX => format!("a whole number from {min} on"),
            _ => format!("a whole number from {min} to {max}"),
        };
        self.read(name, &wanted, |n| as_whole(&n.value).filter(|v| (min..=max).contains(v)))
    }

    pub fn whole_or(&self, name: &str, min: i64, max: i64, default: i64) -> i64 {
        self.whole(name, min, max).map_or(default, |v| v.value)
    }

    /// A duration: seconds as a number, or Go's syntax (`1h30m`, `100ms`).
    pub fn duration(&self, name: &str) -> Option<Spanned<Duration>> {
        self.read(name, "a duration like `10s`, `1h30m`, `100ms` or a number of seconds", |n| as_duration(&n.value))
    }

    pub fn duration_or(&self, name: &str, default: Duration) -> Duration {
        self.duration(name).map_or(default, |v| v.value)
    }

    /// A duration above zero.
    pub fn duration_above_zero(&self, name: &str, default: Duration) -> Duration {
        match self.duration(name) {
            Some(v) if v.value.is_zero() => {
                self.report(
                    Diagnostic::error("wrong-value", format!("`{name}` of {} must be above zero", self.title))
                        .at(v.span, "zero"),
                );
                default
            }
            Some(v) => v.value,
            None => default,
        }
    }

    /// A number of bytes: a number, or one with a unit (`10MiB` = 1024 * 1024 each, `10MB` = 1000 * 1000 each).
    pub fn bytes_or(&self, name: &str, default: u64) -> u64 {
        self.read(name, "a size like `10485760`, `10MiB` or `1kb`", |n| as_bytes(&n.value)).map_or(default, |v| v.value)
    }

    /// A list of texts; a lone scalar is a list of one, elements that are nothing are left out.
    pub fn texts(&self, name: &str) -> Vec<Spanned<String>> {
        let Some(node) = self.node(name) else { return vec![] };
        let nodes = match &node.value {
            Value::List(items) => &items[..],
            _ => std::slice::from_ref(node),
        };
        let mut texts = vec![];
        for node in nodes {
            match (&node.value, scalar_text(&node.value)) {
                (Value::Null, _) => {}
                (Value::Missing(diagnostic), _) => self.report((**diagnostic).clone()),
                (_, Some(text)) => texts.push(Spanned::new(text, node.span)),
                (_, None) => self.wrong(name, node, "a list of texts"),
            }
        }
        texts
    }

    /// A map of texts, in order.
    pub fn text_map(&self, name: &str) -> Vec<(String, Spanned<String>)> {
        let Some(node) = self.node(name) else { return vec![] };
        let Value::Map(entries) = &node.value else {
            self.wrong(name, node, "a map of texts");
            return vec![];
        };
        let mut texts = vec![];
        for entry in entries {
            match scalar_text(&entry.node.value) {
                Some(text) => texts.push((entry.key.clone(), Spanned::new(text, entry.node.span))),
                None => self.wrong(name, &entry.node, "a map of texts"),
            }
        }
        texts
    }

    /// One of a few texts, in any case.
    pub fn choice<T: Copy>(&self, name: &str, default: T, choices: &[(&str, T)]) -> T {
        let Some(text) = self.text(name) else { return default };
        let lower = text.value.to_lowercase();
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == lower) {
            return *value;
        }
        let names: Vec<String> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
        let mut found =
            Diagnostic::error("wrong-value", format!("`{name}` of {} has no value `{}`", self.title, text.value))
                .at(text.span, "unknown value")
                .note(format!("known: {}", names.join(", ")));
        if let Some(near) = closest(&lower, choices.iter().map(|(name, _)| *name)) {
            found = found.help(format!("did you mean `{near}`?"));
        }
        self.report(found);
        default
    }

    /// A nested map as a section of its own.
    pub fn section(&self, name: &str, title: impl Into<String>) -> Section<'a> {
        let entry = self.entry(name);
        Section::new(title, entry.map(|e| &e.node), entry.map_or(self.span.head(), |e| e.key_span), self.found)
    }

    /// Reports what nobody asked for. `strict`: the original refuses unknown options here.
    pub fn finish(&self, rules: &[Rule], strict: bool) {
        self.finish_with(rules.iter(), strict);
    }

    /// As `finish`, with rules from several tables; the most specific counts.
    pub fn finish_with<'r>(&self, rules: impl Iterator<Item = &'r Rule>, strict: bool) {
        let rules: Vec<&Rule> = rules.collect();
        let asked = self.asked.borrow();
        if let Some(node) = self.node {
            self.rest(node, "", &asked, &rules, strict);
        }
    }

    fn rest(&self, node: &Node, prefix: &str, asked: &[String], rules: &[&Rule], strict: bool) {
        let Value::Map(entries) = &node.value else { return };
        for entry in entries {
            let name = match prefix {
                "" => entry.key.clone(),
                prefix => format!("{prefix}.{}", entry.key),
            };
            if asked.contains(&name) {
                continue;
            }
            let is_below = |whole: &str, part: &str| part.strip_prefix(whole).is_some_and(|rest| rest.starts_with('.'));
            let deeper = asked.iter().any(|a| is_below(&name, a)) || rules.iter().any(|r| is_below(&name, r.name));
            if deeper && matches!(entry.node.value, Value::Map(_)) {
                self.rest(&entry.node, &name, asked, rules, strict);
                continue;
            }
            // the nearest rule counts: one for `http.enabled` before one for `http`
            let rule = rules.iter().filter(|r| r.name == name || is_below(r.name, &name)).max_by_key(|r| r.name.len());
            if let Some(rule) = rule {
                self.apply(rule, entry, &name);
                continue;
            }
            if deeper {
                match &entry.node.value {
                    Value::Null => {}
                    Value::List(items) if items.is_empty() => {}
                    _ => self.wrong(&name, &entry.node, "a map"),
                }
                continue;
            }
            let message = format!("unknown option `{name}` in {}", self.title);
            let mut found = match strict {
                true => Diagnostic::error("unknown-option", message),
                false => Diagnostic::warning("unknown-option", message)
                    .note("Filebeat ignores it without a word, and so does this program"),
            };
            found = found.at(entry.key_span, "unknown");
            let known = asked.iter().map(|a| a.as_str()).chain(rules.iter().map(|r| r.name));
            if let Some(near) = closest(&name, known) {
                found = found.help(format!("did you mean `{near}`?"));
            }
            self.report(found);
        }
    }

    fn apply(&self, rule: &Rule, entry: &Entry, name: &str) {
        match &rule.kind {
            Kind::Inert(_) => {}
            Kind::NotYet(idle) if idle.fits(&entry.node) => {}
            Kind::NotYet(_) => {
                self.report(not_yet("option-not-yet", format!("option `{name}` of {}", self.title), entry.key_span))
            }
            Kind::NotDone(idle, _) if idle.fits(&entry.node) => {}
            Kind::NotDone(_, what) => self.report(
                Diagnostic::warning("setting-not-done", format!("`{name}` of {} is not done yet", self.title))
                    .at(entry.key_span, "has no effect")
                    .note(*what),
            ),
            Kind::Gone(instead) => self.report(
                Diagnostic::warning("option-gone", format!("`{name}` is no option of Filebeat 8"))
                    .at(entry.key_span, "has no effect, as in Filebeat 8")
                    .help(*instead),
            ),
        }
    }
}

/// The finding for something Filebeat can do and this program not yet.
pub fn not_yet(id: &'static str, what: impl std::fmt::Display, span: Span) -> Diagnostic {
    Diagnostic::error(id, format!("{what} is not supported yet")).at(span, "not yet")
}

fn as_flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(on) => Some(*on),
        Value::Text(text) => match text.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn as_whole(value: &Value) -> Option<i64> {
    match value {
        Value::Int(i) => Some(*i),
        Value::Float(f) if f.fract() == 0.0 && f.abs() < 9e15 => Some(*f as i64),
        Value::Text(text) => match integer(text) {
            Some(Value::Int(i)) => Some(i),
            _ => None,
        },
        _ => None,
    }
}

fn as_duration(value: &Value) -> Option<Duration> {
    match value {
        Value::Int(seconds) => u64::try_from(*seconds).ok().map(Duration::from_secs),
        Value::Float(seconds) => Duration::try_from_secs_f64(*seconds).ok(),
        Value::Text(text) => go_duration(text),
        _ => None,
    }
}

/// Go's `time.ParseDuration`, without negative values.
pub fn go_duration(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut nanos = 0u128;
    while !rest.is_empty() {
        let number_len = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(number_len);
        let unit_len = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_len);
        let unit_nanos: u128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return None;
        }
        if !whole.is_empty() {
            nanos += whole.parse::<u64>().ok()? as u128 * unit_nanos;
        }
        if !fraction.is_empty() {
            nanos += (format!("0.{fraction}").parse::<f64>().ok()? * unit_nanos as f64) as u128;
        }
        rest = tail;
    }
    // Go's durations end at 2^63 nanoseconds.
    (!text.is_empty() && nanos <= i64::MAX as u128).then(|| Duration::from_nanos(nanos as u64))
}

fn as_bytes(value: &Value) -> Option<u64> {
    match value {
        Value::Text(text) => humanized_bytes(text),
        value => as_whole(value).and_then(|v| u64::try_from(v).ok()),
    }
}

/// Sizes as dustin/go-humanize reads them, which Beats use: `kb` is 1000, `kib` and `ki` are 1024, in any case.
pub fn humanized_bytes(text: &str) -> Option<u64> {
    let number_len = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(text.len());
    let (number, unit) = text.split_at(number_len);
    let number: f64 = number.replace(',', "").parse().ok()?;
    let unit = unit.trim().to_lowercase();
    let factor = match unit.as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "ki" | "kib" => 1024.0,
        "mi" | "mib" => 1024f64.powi(2),
        "gi" | "gib" => 1024f64.powi(3),
        "ti" | "tib" => 1024f64.powi(4),
        _ => return None,
    };
    let bytes = number * factor;
    (bytes < u64::MAX as f64).then_some(bytes as u64)
}

/// The known name nearest to `name`, if it is near: at most a third of the letters differ.
pub fn closest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let limit = (name.chars().count() / 3).clamp(1, 4);
    known
        .map(|k| (distance(name, k), k))
        .filter(|(d, _)| (1..=limit).contains(d))
        .min_by_key(|(d, _)| *d)
        .map(|(_, k)| k)
}

/// Edits between two texts: a letter put in, taken out, replaced, or two neighbours swapped.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_go_durations() {
        for (text, millis) in [
            ("10s", Some(10_000)),
            ("1h30m", Some(5_400_000)),
            ("1.5s", Some(1500)),
            ("100ms", Some(100)),
            (".5s", Some(500)),
            ("2000us", Some(2)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("+5s", Some(5000)),
            ("15", None),
            ("5 s", None),
            ("1d", None),
            ("", None),
            ("s", None),
            ("-1s", None),
            ("9999999999h", None),
        ] {
            assert_eq!(go_duration(text).map(|d| d.as_millis()), millis, "{text}");
        }
        assert_eq!(as_duration(&Value::Int(15)), Some(Duration::from_secs(15)));
        assert_eq!(as_duration(&Value::Float(0.5)), Some(Duration::from_millis(500)));
        assert_eq!(as_duration(&Value::Int(-1)), None);
    }

    #[test]
    fn sizes_are_humanized() {
        for (text, bytes) in [
            ("10MiB", Some(10 << 20)),
            ("10MB", Some(10_000_000)),
            ("1kb", Some(1000)),
            ("1 KiB", Some(1024)),
            ("1.5k", Some(1500)),
            ("1,024", Some(1024)),
            ("512b", Some(512)),
            ("x", None),
            ("10XB", None),
        ] {
            assert_eq!(humanized_bytes(text), bytes, "{text}");
        }
    }

    #[test]
    fn the_closest_name_must_be_close() {
        let known = ["scan_frequency", "close_inactive", "paths"];
        for (name, near) in [
            ("scan_freqency", Some("scan_frequency")),
            ("path", Some("paths")),
            ("pahts", Some("paths")),
            ("zzz", None),
        ] {
            assert_eq!(closest(name, known.into_iter()), near, "{name}");
        }
    }
}
