//! Regular expressions as Logstash's users write them: Ruby's dialect (Joni, a port of Oniguruma).
//!
//! One engine for grok, the conditions `=~ !~` and mutate's `gsub`. A pattern is parsed into a tree of its own
//! dialect ([`ast`], [`parse()`]), printed for PCRE2 ([`pcre2`]) and matched by PCRE2's JIT, or by its interpreter
//! where executable memory is forbidden.
//!
//! Limits: [`MATCH_STEPS_MAX`] steps of backtracking per match, [`JIT_STACK_BYTES_MAX`], [`HEAP_KIB_MAX`]; beyond
//! them a match ends in [`MatchError::Limit`], where Logstash would burn its timeout. Deviations from Ruby are listed
//! in [`mod@pcre2`] and [`parse`](mod@parse).
//!
//! Belongs here: the dialect and its matching. Must not be here: grok's `%{NAME}`, events, options of plugins.

use std::fmt;
use std::sync::{Arc, OnceLock};

pub mod ast;
pub mod parse;
pub mod pcre2;
mod share;
#[cfg(test)]
pub(crate) mod tests;

pub use parse::{Flags, PatternError, parse};

/// Backtracking steps one match may take; PCRE2's built-in ceiling.
pub const MATCH_STEPS_MAX: u32 = 10_000_000;
/// Stack of one JIT match that 32 KiB do not suffice for (`(.|\n)*` over a long text); taken for that match only.
pub const JIT_STACK_BYTES_MAX: usize = 64 << 20;
/// Heap of one match in the interpreter, KiB.
pub const HEAP_KIB_MAX: u32 = 64 * 1024;

const PCRE2_ERROR_PATTERN_TOO_LARGE: i32 = 120;
const PCRE2_ERROR_JIT_STACKLIMIT: i32 = -46;

/// Why a match gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatchError {
    /// Steps, stack or heap were used up: neither a match nor none.
    #[error("the pattern needs more steps or memory on this text than its limit")]
    Limit,
    /// PCRE2's own error code: a fault of this program.
    #[error("the regular expression engine failed (PCRE2 code {0})")]
    Engine(i32),
}

impl MatchError {
    fn from_pcre2(error: ::pcre2::Error) -> MatchError {
        // PCRE2_ERROR_{MATCHLIMIT, DEPTHLIMIT, HEAPLIMIT}
        const LIMITS: [i32; 4] = [PCRE2_ERROR_JIT_STACKLIMIT, -47, -53, -63];
        match error.code() {
            code if LIMITS.contains(&code) => MatchError::Limit,
            code => MatchError::Engine(code),
        }
    }
}

/// A compiled pattern. It can be shared between threads; what a match writes lies in a [`Scratch`].
#[derive(Clone)]
pub struct Regex {
    pattern: String,
    names: Vec<Option<String>>,
    compiled: ::pcre2::bytes::Regex,
    deep: Arc<Deep>,
}

/// The same pattern with a large JIT stack, compiled when a match first needs it.
struct Deep {
    body: String,
    steps_max: u32,
    compiled: OnceLock<::pcre2::bytes::Regex>,
}

impl Deep {
    fn get(&self) -> &::pcre2::bytes::Regex {
        self.compiled.get_or_init(|| {
            let compiled = compile(&self.body, self.steps_max, Some(JIT_STACK_BYTES_MAX));
            compiled.expect("it compiled before")
        })
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Regex({:?})", self.pattern)
    }
}

/// Where the groups of the last match lie. Made by [`Regex::scratch`] for that pattern, one per thread.
#[derive(Clone, Debug)]
pub struct Scratch {
    shallow: ::pcre2::bytes::CaptureLocations,
    /// Holds the last match instead, if that needed the large stack; given back before the next.
    deep: Option<::pcre2::bytes::CaptureLocations>,
}

impl Scratch {
    /// The bytes group `n` matched (0 is the whole match); `None` if it took no part.
    #[inline]
    pub fn get(&self, n: usize) -> Option<(usize, usize)> {
        // with \K in a look-ahead PCRE2 may report a start behind the end
        self.deep.as_ref().unwrap_or(&self.shallow).get(n).filter(|(start, end)| start <= end)
    }

    /// The text group `n` matched.
    #[inline]
    pub fn text<'t>(&self, n: usize, text: &'t str) -> Option<&'t str> {
        self.get(n).and_then(|(start, end)| text.get(start..end))
    }
}

impl Regex {
    /// Compiles a pattern as Ruby's `Regexp.new` with the given flags.
    ///
    /// # Errors
    /// See [`parse()`]; also what PCRE2 refuses (an unknown property, a pattern too large).
    pub fn new(pattern: &str, flags: Flags) -> Result<Regex, PatternError> {
        Regex::with_steps(pattern, flags, MATCH_STEPS_MAX)
    }

    /// The same with a lower limit of steps per match; more than [`MATCH_STEPS_MAX`] is that.
    pub fn with_steps(pattern: &str, flags: Flags, steps_max: u32) -> Result<Regex, PatternError> {
        let tree = parse(pattern, flags)?;
        let mut extra = 0;
        let mut body = pcre2::print(&tree);
        let mut compiled = compile(&body, steps_max, None);
        if let Err(e) = &compiled
            && e.code() == PCRE2_ERROR_PATTERN_TOO_LARGE
            && let Some(shared) = share::print(&tree)
        {
            (body, extra) = shared;
            compiled = compile(&body, steps_max, None);
        }
        let compiled = compiled.map_err(|e| {
            for (name, range) in &tree.properties {
                if compile(&format!("\\p{{{name}}}"), steps_max, None).is_err() {
                    return PatternError::new(format!("unknown character property `{name}`"), range.clone());
                }
            }
            let text = e.to_string();
            let text = text.rsplit_once(": ").map_or(text.as_str(), |(_, t)| t);
            PatternError::new(format!("PCRE2 cannot take this pattern: {text}"), 0..pattern.len())
        })?;
        assert_eq!(compiled.captures_len(), tree.groups.len() + extra + 1, "groups are printed one for one");
        let deep = Arc::new(Deep { body, steps_max, compiled: OnceLock::new() });
        let names = tree.groups.into_iter().map(|g| g.name).collect();
        Ok(Regex { pattern: pattern.to_string(), names, compiled, deep })
    }

    /// As it was given.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The name of every capturing group, from group 1.
    pub fn names(&self) -> &[Option<String>] {
        &self.names
    }

    /// Room for one thread's matches; allocates.
    pub fn scratch(&self) -> Scratch {
        Scratch { shallow: self.compiled.capture_locations(), deep: None }
    }

    /// Whether the pattern matches anywhere in the text.
    ///
    /// # Errors
    /// See [`MatchError`].
    pub fn is_match(&self, text: &str) -> Result<bool, MatchError> {
        let found = match self.compiled.is_match(text.as_bytes()) {
            Err(e) if e.code() == PCRE2_ERROR_JIT_STACKLIMIT => {
                // through locations of its own, so that the stack is not kept
                let deep = self.deep.get();
                deep.captures_read(&mut deep.capture_locations(), text.as_bytes()).map(|m| m.is_some())
            }
            done => done,
        };
        found.map_err(MatchError::from_pcre2)
    }

    /// Finds the first match and leaves its groups in `scratch`, which must be this pattern's. Allocates nothing, but
    /// for a match that needs a stack over 32 KiB.
    ///
    /// # Errors
    /// See [`MatchError`].
    #[inline]
    pub fn captures(&self, text: &str, scratch: &mut Scratch) -> Result<bool, MatchError> {
        self.captures_at(text, 0, scratch)
    }

    /// The same from byte `start` on; look-behinds and `\b` see what is before it.
    #[inline]
    pub fn captures_at(&self, text: &str, start: usize, scratch: &mut Scratch) -> Result<bool, MatchError> {
        assert!(text.is_char_boundary(start), "a search starts at a character");
        scratch.deep = None;
        let found = self.compiled.captures_read_at(&mut scratch.shallow, text.as_bytes(), start);
        let found = match found {
            Err(e) if e.code() == PCRE2_ERROR_JIT_STACKLIMIT => {
                let deep = self.deep.get();
                let locations = scratch.deep.insert(deep.capture_locations());
                deep.captures_read_at(locations, text.as_bytes(), start)
            }
            done => done,
        };
        found.map(|m| m.is_some()).map_err(MatchError::from_pcre2)
    }

    /// Calls `f` with the groups of every match from left to right, as Ruby's `scan` and `gsub` step: after an empty
    /// match one character is skipped.
    ///
    /// # Errors
    /// See [`MatchError`].
    pub fn find_each(&self, text: &str, scratch: &mut Scratch, mut f: impl FnMut(&Scratch)) -> Result<(), MatchError> {
        let mut at = 0;
        while self.captures_at(text, at, scratch)? {
            let Some((start, end)) = scratch.get(0) else { break };
            f(scratch);
            at = match text[end..].chars().next() {
                _ if end > start => end,
                Some(c) => end + c.len_utf8(),
                None => break,
            };
        }
        Ok(())
    }

    /// Ruby's `gsub`; `None` if nothing matched.
    ///
    /// # Errors
    /// See [`MatchError`].
    pub fn replace_all(
        &self,
        text: &str,
        replacement: &Replacement,
        scratch: &mut Scratch,
    ) -> Result<Option<String>, MatchError> {
        let mut out = String::new();
        let mut copied = 0;
        let mut any = false;
        self.find_each(text, scratch, |m| {
            let (start, end) = m.get(0).expect("a match has a place");
            out.push_str(&text[copied..start]);
            for part in &replacement.parts {
                match part {
                    Part::Text(t) => out.push_str(t),
                    Part::Groups(groups) => {
                        out.push_str(groups.iter().find_map(|&n| m.text(n as usize, text)).unwrap_or(""));
                    }
                    Part::Before => out.push_str(&text[..start]),
                    Part::After => out.push_str(&text[end..]),
                }
            }
            copied = end;
            any = true;
        })?;
        if !any {
            return Ok(None);
        }
        out.push_str(&text[copied..]);
        Ok(Some(out))
    }
}

/// A replacement text in Ruby's syntax: `\1`..`\9`, `\0` and `\&` (the match), `\k<name>`, `` \` `` and `\'` (before
/// and after the match), `\\`. Any other backslash stays as it is. A group the pattern does not have is empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Replacement {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    /// The last of these that took part.
    Groups(Vec<u32>),
    Before,
    After,
}

impl Replacement {
    /// Reads a replacement for the given pattern.
    ///
    /// # Errors
    /// `\k<name>` with a name the pattern does not have.
    pub fn new(text: &str, regex: &Regex) -> Result<Replacement, PatternError> {
        let mut parts: Vec<Part> = vec![];
        let mut plain = String::new();
        let mut at = 0;
        while let Some(n) = text[at..].find('\\') {
            plain.push_str(&text[at..at + n]);
            at += n;
            let after = &text[at + 1..];
            let (part, length) = match after.chars().next() {
                Some(d @ '0'..='9') => (Part::Groups(vec![d as u32 - '0' as u32]), 1),
                Some('&') => (Part::Groups(vec![0]), 1),
                Some('`') => (Part::Before, 1),
                Some('\'') => (Part::After, 1),
                Some('\\') => (Part::Text("\\".into()), 1),
                Some('k') if after[1..].starts_with('<') && after.contains('>') => {
                    let end = after.find('>').expect("seen");
                    let name = &after[2..end];
                    let named = |n: &u32| regex.names[*n as usize - 1].as_deref() == Some(name);
                    let groups: Vec<u32> = (1..=regex.names.len() as u32).rev().filter(named).collect();
                    if groups.is_empty() {
                        let message = format!("the pattern has no group called `{name}`");
                        return Err(PatternError::new(message, at..at + 1 + end + 1));
                    }
                    (Part::Groups(groups), end + 1)
                }
                _ => (Part::Text("\\".into()), 0),
            };
            match part {
                Part::Text(t) => plain.push_str(&t),
                part => {
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(part);
                }
            }
            at += 1 + length;
        }
        plain.push_str(&text[at..]);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Replacement { parts })
    }
}

fn compile(body: &str, steps_max: u32, stack: Option<usize>) -> Result<::pcre2::bytes::Regex, ::pcre2::Error> {
    // The builder's `ucp` brings PCRE2_MATCH_INVALID_UTF with it: matching then does not first check the whole text, which
    // is valid anyway (150 ns of a 190-byte line). `(*UTF)(*UCP)` in the pattern would not.
    let steps = steps_max.clamp(1, MATCH_STEPS_MAX);
    let pattern = format!("(*LF)(*BSR_UNICODE)(*LIMIT_MATCH={steps})(*LIMIT_HEAP={HEAP_KIB_MAX}){body}");
    ::pcre2::bytes::RegexBuilder::new().ucp(true).jit_if_available(true).max_jit_stack_size(stack).build(&pattern)
}
