//! The text under the parser: words, white space, and errors with their place.

use super::ast::SectionKind;
use crate::config::diagnostic::Diagnostic;
use crate::config::source::{FileId, Span};

/// How deep blocks, options, values and parentheses may be nested, all counted together.
pub const NESTING_DEPTH_MAX: usize = 128;
/// After so many syntax errors in one text the rest of it is not read.
pub const SYNTAX_ERRORS_MAX: usize = 500;

/// An error that has been reported; the caller decides where to go on.
#[derive(Debug)]
pub(super) struct Failed;

pub(super) type Parsed<T> = Result<T, Failed>;

pub(super) struct Parser<'a> {
    pub(super) file: FileId,
    pub(super) text: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) pos: usize,
    pub(super) depth: usize,
    pub(super) support_escapes: bool,
    pub(super) diags: Vec<Diagnostic>,
    pub(super) errors: usize,
    /// The last string that went over a line's end: often a forgotten quote is the real mistake.
    pub(super) long_string: Option<Span>,
}

pub(super) fn is_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'-'
}

pub(super) fn is_bareword(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

pub(super) fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

pub(super) fn section_kind(name: &str) -> Option<SectionKind> {
    match name {
        "input" => Some(SectionKind::Input),
        "filter" => Some(SectionKind::Filter),
        "output" => Some(SectionKind::Output),
        _ => None,
    }
}

impl Parser<'_> {
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start, end)
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    pub(super) fn looking_at(&self, s: &str) -> bool {
        self.bytes[self.pos..].starts_with(s.as_bytes())
    }

    pub(super) fn eat(&mut self, s: &str) -> bool {
        let found = self.looking_at(s);
        if found {
            self.pos += s.len();
        }
        found
    }

    /// The end of the run of bytes from `from` that `is` holds for.
    pub(super) fn run(&self, from: usize, is: fn(u8) -> bool) -> usize {
        self.bytes[from..].iter().position(|&b| !is(b)).map_or(self.bytes.len(), |n| from + n)
    }

    /// The end of white space and comments from `from`.
    pub(super) fn after_cs(&self, from: usize) -> usize {
        let mut at = from;
        loop {
            at = self.run(at, is_space);
            if self.bytes.get(at) != Some(&b'#') {
                return at;
            }
            at = memchr::memchr2(b'\n', b'\r', &self.bytes[at..]).map_or(self.bytes.len(), |n| at + n);
        }
    }

    pub(super) fn skip_cs(&mut self) {
        self.pos = self.after_cs(self.pos);
    }

    pub(super) fn char_at(&self, at: usize) -> Option<char> {
        self.text[at..].chars().next()
    }

    pub(super) fn name_end(&self, from: usize) -> usize {
        self.run(from, is_name)
    }

    /// A bareword has at least two characters and does not begin with a digit.
    pub(super) fn bareword_end(&self, from: usize) -> Option<usize> {
        let first = *self.bytes.get(from)?;
        let end = self.run(from, is_bareword);
        ((first.is_ascii_alphabetic() || first == b'_') && end >= from + 2).then_some(end)
    }

    pub(super) fn number_end(&self, from: usize) -> Option<usize> {
        let digits = from + usize::from(self.bytes.get(from) == Some(&b'-'));
        let end = self.run(digits, |b| b.is_ascii_digit());
        if end == digits {
            return None;
        }
        Some(if self.bytes.get(end) == Some(&b'.') { self.run(end + 1, |b| b.is_ascii_digit()) } else { end })
    }

    /// The end of a string, regexp or the like that begins at `from` and ends with the same byte; a backslash before
    /// that byte takes it in. `None` if it is not closed.
    pub(super) fn quoted_end(&self, from: usize) -> Option<usize> {
        let quote = self.bytes[from];
        let mut at = from + 1;
        loop {
            at += memchr::memchr(quote, &self.bytes[at..])?;
            if self.bytes[at - 1] != b'\\' || at - 1 == from {
                return Some(at + 1);
            }
            at += 1;
        }
    }

    pub(super) fn report(&mut self, diag: Diagnostic) {
        self.diags.push(diag);
    }

    /// What stands at `at`, for a message, and its span.
    pub(super) fn found(&self, at: usize) -> (String, Span) {
        const SHOWN_CHARS_MAX: usize = 30;
        let Some(c) = self.char_at(at) else {
            // shown behind the last character, not on an empty line below
            let end = self.text.trim_end().len();
            return ("the end of the text".into(), self.span(end, end));
        };
        let end = match self.bytes[at] {
            b'"' | b'\'' => self.quoted_end(at).unwrap_or(at + 1),
            b if is_name(b) => self.name_end(at),
            b'=' | b'!' | b'<' | b'>' | b'&' | b'|' | b'~' => self.run(at, |b| b"=!<>&|~".contains(&b)),
            _ => at + c.len_utf8(),
        };
        let shown = &self.text[at..end];
        let shown = shown.split(['\r', '\n']).next().unwrap_or_default();
        let text = match c {
            _ if shown.is_empty() || c.is_control() => format!("the character U+{:04X}", c as u32),
            _ if shown.chars().count() > SHOWN_CHARS_MAX => {
                format!("`{}...`", shown.chars().take(SHOWN_CHARS_MAX).collect::<String>())
            }
            _ => format!("`{shown}`"),
        };
        (text, self.span(at, at + shown.len().max(c.len_utf8())))
    }

    /// A syntax error at `at`; `expected` is what could have stood there.
    pub(super) fn syntax(&mut self, at: usize, expected: &[&str]) -> Diagnostic {
        let (found, span) = self.found(at);
        let mut diag =
            Diagnostic::error("syntax", format!("Expected one of {} but found {found}", expected.join(", ")))
                .at(span, "not expected here");
        if let Some(long) = self.long_string
            && long.end as usize <= at
            && !self.bytes[long.end as usize..at].contains(&b'\n')
        {
            diag = diag.with(long.head(), "this string goes over several lines: is its closing quote missing?");
        }
        diag
    }

    pub(super) fn fail<T>(&mut self, diag: Diagnostic) -> Parsed<T> {
        self.errors += 1;
        if self.errors == SYNTAX_ERRORS_MAX {
            let diag =
                diag.note(format!("this is error {SYNTAX_ERRORS_MAX} in this text; the rest of it was not read"));
            self.report(diag);
            self.pos = self.bytes.len();
        } else if self.errors < SYNTAX_ERRORS_MAX {
            self.report(diag);
        }
        Err(Failed)
    }

    pub(super) fn expected<T>(&mut self, at: usize, expected: &[&str]) -> Parsed<T> {
        let diag = self.syntax(at, expected);
        self.fail(diag)
    }

    /// Runs `f` one level deeper.
    pub(super) fn nested<T>(&mut self, f: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == NESTING_DEPTH_MAX {
            let (found, span) = self.found(self.pos);
            return self.fail(
                Diagnostic::error(
                    "nesting-too-deep",
                    format!("nested more than {NESTING_DEPTH_MAX} levels deep at {found}"),
                )
                .at(span, "too deep"),
            );
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        result
    }

    /// Skips what stands at the position as one piece: a string, a comment, a bracketed group, or one character.
    pub(super) fn skip_piece(&mut self) {
        let mut open = 0usize;
        loop {
            let Some(b) = self.peek() else { return };
            match b {
                b'"' | b'\'' => {
                    // an unclosed quote, or one that only closes lines later, is taken for a single character
                    let end = self.quoted_end(self.pos).filter(|&end| !self.bytes[self.pos..end].contains(&b'\n'));
                    self.pos = end.unwrap_or(self.pos + 1);
                }
                b'#' => self.skip_cs(),
                b'{' | b'[' | b'(' => {
                    open += 1;
                    self.pos += 1;
                }
                b'}' | b']' | b')' => {
                    open = open.saturating_sub(1);
                    self.pos += 1;
                }
                _ => self.pos += self.char_at(self.pos).map_or(1, char::len_utf8),
            }
            if open == 0 {
                return;
            }
        }
    }
}
