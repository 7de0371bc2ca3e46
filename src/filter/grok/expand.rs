//! `%{NAME:field:type}` becomes one regular expression.
//!
//! As ruby-grok does it: the leftmost `%{..}` is replaced by its definition in a group until none is left, so a
//! definition may hold others. `%{NAME=expression}` defines NAME on the way, also for what follows. What stands
//! between the known part and the closing brace is ignored.

use std::ops::Range;
use std::sync::LazyLock;

use super::patterns::Patterns;
use crate::regexp::{Flags, PatternError, Regex};

/// Replacements per pattern; ruby-grok's limit.
pub const EXPANSIONS_MAX: usize = 10_000;
/// Size of an expanded pattern.
pub const EXPANDED_BYTES_MAX: usize = 1 << 20;

/// An expanded pattern that remembers where its bytes come from.
#[derive(Clone, Debug)]
pub struct Expanded {
    pub text: String,
    /// For every byte of `text` the bytes of the pattern it stands for.
    origin: Vec<(u32, u32)>,
}

impl Expanded {
    /// The part of the pattern that the given bytes of `text` come from.
    pub fn origin(&self, range: Range<usize>) -> Range<usize> {
        let last = self.origin.len().saturating_sub(1);
        let Some(first) = self.origin.get(range.start.min(last)) else { return 0..0 };
        let end = self.origin[range.end.saturating_sub(1).clamp(range.start.min(last), last)];
        first.0 as usize..end.1.max(first.1) as usize
    }
}

// ruby-grok's own expression. A definition may hold braces in pairs, and after a backslash it runs on to the last
// brace of the line.
static CALL: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"%\{(?<call>(?<name>[A-z0-9]+)(?::(?<field>[@\[\]A-z0-9_:.-]+))?)(?:=(?<definition>(?:(?:[^{}\\]+|\\.+)+|(?<braces>\{(?:(?>[^{}]+|(?>\\[{}])+)|(\g<braces>))*\})+)+))?[^}]*\}";
    Regex::new(pattern, Flags::default()).expect("a fixed pattern compiles")
});

/// Writes a pattern out.
///
/// `named_only` is the filter's `named_captures_only`: a call without a field name does not capture.
///
/// # Errors
/// An unknown name (its range is the name's), more than [`EXPANSIONS_MAX`] replacements, a result over
/// [`EXPANDED_BYTES_MAX`].
pub fn expand(pattern: &str, patterns: &Patterns, named_only: bool) -> Result<Expanded, PatternError> {
    let mut own = Patterns::empty();
    let mut text = pattern.to_string();
    let mut origin: Vec<(u32, u32)> = (0..pattern.len() as u32).map(|i| (i, i + 1)).collect();
    let mut scratch = CALL.scratch();
    let mut at = 0;
    for _ in 0..EXPANSIONS_MAX {
        let found = CALL
            .captures_at(&text, at, &mut scratch)
            .map_err(|e| PatternError::new(e.to_string(), 0..pattern.len()))?;
        if !found {
            return Ok(Expanded { text, origin });
        }
        let group = |n| scratch.get(n).map(|(start, end)| start..end);
        let whole = group(0).expect("a match has a place");
        let (call, name) = (group(1).expect("always set"), group(2).expect("always set"));
        let from = (origin[whole.start].0, origin[whole.end - 1].1.max(origin[whole.start].1));
        if let Some(definition) = group(4) {
            own.define(&text[name.clone()], &text[definition]);
        }
        let Some(expression) = own.get(&text[name.clone()]).or_else(|| patterns.get(&text[name.clone()])) else {
            let range = origin[name.start].0 as usize..origin[name.end - 1].1 as usize;
            return Err(PatternError::new(format!("pattern {} not defined", &text[whole]), range));
        };
        let replacement = match named_only && group(3).is_none() {
            true => format!("(?:{expression})"),
            false => format!("(?<{}>{expression})", &text[call]),
        };
        if text.len() + replacement.len() > EXPANDED_BYTES_MAX {
            let message = format!("the pattern expands to more than {EXPANDED_BYTES_MAX} bytes");
            return Err(PatternError::new(message, from.0 as usize..from.1 as usize));
        }
        at = whole.start;
        origin.splice(whole.clone(), std::iter::repeat_n(from, replacement.len()));
        text.replace_range(whole, &replacement);
    }
    let at = at.min(origin.len().saturating_sub(1));
    let from = origin.get(at).copied().unwrap_or((0, 0));
    let message = format!("Deep recursion pattern compilation of {pattern:?}: more than {EXPANSIONS_MAX} expansions");
    Err(PatternError::new(message, from.0 as usize..from.1 as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> Patterns {
        let mut set = Patterns::empty();
        set.define("A", "a");
        set.define("B", "%{A}b%{A:x}");
        set.define("LOOP", "l%{LOOP}");
        set.define("LOST", "%{NOWHERE}");
        set
    }

    #[test]
    fn calls_are_written_out() {
        let cases = [
            ("x%{A}y", true, "x(?:a)y"),
            ("x%{A}y", false, "x(?<A>a)y"),
            ("%{A:f}", true, "(?<A:f>a)"),
            ("%{A:f:int}", true, "(?<A:f:int>a)"),
            ("%{A:[f][g]:int}", true, "(?<A:[f][g]:int>a)"),
            ("%{A:f?}", true, "(?<A:f>a)"),
            ("%{A - with words}", true, "(?:a)"),
            ("%{B:b}", true, "(?<B:b>(?:a)b(?<A:x>a))"),
            ("%{N=[0-9]{2}}%{N:n}", true, "(?:[0-9]{2})(?<N:n>[0-9]{2})"),
            ("%{A=other}%{B}", true, "(?:other)(?:(?:other)b(?<A:x>other))"),
            (r"%{N=\d+}%{A", true, r"(?:\d+)%{A"),
            // after a backslash a definition runs on to the last brace
            (r"%{N=\d+} %{A}", true, r"(?:\d+} %{A)"),
            ("%{} %{-} 100%", true, "%{} %{-} 100%"),
            ("%{A", true, "%{A"),
        ];
        for (pattern, named_only, expected) in cases {
            assert_eq!(expand(pattern, &set(), named_only).unwrap().text, expected, "{pattern}");
        }
    }

    #[test]
    fn errors_point_at_their_place() {
        let cases = [
            ("x %{NOPE:f} y", 4..8, "pattern %{NOPE:f} not defined"),
            ("x %{LOST} y", 2..9, "pattern %{NOWHERE} not defined"),
            ("x %{LOOP} y", 2..9, "Deep recursion"),
        ];
        for (pattern, range, message) in cases {
            let error = expand(pattern, &set(), true).unwrap_err();
            assert_eq!(error.range, range, "{pattern}");
            assert!(error.message.contains(message), "{}", error.message);
        }
    }

    #[test]
    fn an_expanded_byte_knows_where_it_comes_from() {
        let e = expand("ab%{B}c", &set(), true).unwrap();
        let at = e.text.find('c').map(|i| i..i + 1).unwrap();
        assert_eq!(e.origin(at), 6..7);
        assert_eq!(e.origin(3..5), 2..6);
        assert_eq!(e.origin(0..e.text.len()), 0..7);
    }
}
