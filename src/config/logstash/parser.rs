//! Recursive descent over the grammar, with recovery.
//!
//! The original is a parsing expression grammar: the first alternative that fits wins and is not tried again. Where this
//! shows (a list of one literal is a selector, `if5 {` is a branch) the order here is the same.
//!
//! Recovery: a mistake in an option skips to the next option, in a statement to the next statement, outside a section
//! to the next section; a word that can only stand further out (`else`, a section's name) closes what is open.

use super::ast::{Arm, Attr, Branch, Config, Entry, Number, Plugin, RValue, Section, SectionKind, Stmt, Value};
use super::condition;
use crate::config::diagnostic::Diagnostic;
use crate::config::source::{FileId, Span, Spanned};

/// How deep blocks, options, values and parentheses may be nested, all counted together.
pub const NESTING_DEPTH_MAX: usize = 128;
/// After so many syntax errors in one text the rest of it is not read.
pub const SYNTAX_ERRORS_MAX: usize = 500;

/// An error that has been reported; the caller decides where to go on.
#[derive(Debug)]
pub(super) struct Failed;

pub(super) type Parsed<T> = Result<T, Failed>;

/// Reads one text. `support_escapes` is Logstash's setting `config.support_escapes`.
///
/// Always returns what could be read. Errors have the id `syntax` (its message says what was expected and found),
/// `duplicate-key`, `bad-number`, `nesting-too-deep` or one of the ids of [`super::condition`].
pub fn parse(file: FileId, text: &str, support_escapes: bool) -> (Config, Vec<Diagnostic>) {
    let mut p = Parser {
        file,
        text,
        bytes: text.as_bytes(),
        pos: 0,
        depth: 0,
        support_escapes,
        diags: vec![],
        errors: 0,
        long_string: None,
    };
    let config = p.config();
    (config, p.diags)
}

pub(super) struct Parser<'a> {
    file: FileId,
    text: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) pos: usize,
    depth: usize,
    support_escapes: bool,
    pub(super) diags: Vec<Diagnostic>,
    errors: usize,
    /// The last string that went over a line's end: often a forgotten quote is the real mistake.
    long_string: Option<Span>,
}

fn is_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'-'
}

fn is_bareword(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

fn section_kind(name: &str) -> Option<SectionKind> {
    match name {
        "input" => Some(SectionKind::Input),
        "filter" => Some(SectionKind::Filter),
        "output" => Some(SectionKind::Output),
        _ => None,
    }
}

impl<'a> Parser<'a> {
    // --- text ---

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

    fn char_at(&self, at: usize) -> Option<char> {
        self.text[at..].chars().next()
    }

    fn name_end(&self, from: usize) -> usize {
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

    // --- errors ---

    pub(super) fn report(&mut self, diag: Diagnostic) {
        self.diags.push(diag);
    }

    /// What stands at `at`, for a message, and its span.
    fn found(&self, at: usize) -> (String, Span) {
        const SHOWN_CHARS_MAX: usize = 30;
        let Some(c) = self.char_at(at) else {
            return ("the end of the text".into(), self.span(at, at));
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
    fn skip_piece(&mut self) {
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

    // --- sections and statements ---

    fn config(&mut self) -> Config {
        let mut config = Config::default();
        loop {
            self.skip_cs();
            if self.peek().is_none() {
                return config;
            }
            let before = self.pos;
            if let Ok(section) = self.section() {
                config.sections.push(section);
                continue;
            }
            if self.pos == before {
                self.skip_piece();
            }
            self.to_next_section();
        }
    }

    /// The section keyword at `at` with an opening brace after it.
    fn section_at(&self, at: usize) -> Option<(SectionKind, usize)> {
        let end = self.name_end(at);
        let kind = section_kind(&self.text[at..end])?;
        (self.bytes.get(self.after_cs(end)) == Some(&b'{')).then_some((kind, end))
    }

    fn to_next_section(&mut self) {
        while self.peek().is_some() {
            self.skip_cs();
            if self.section_at(self.pos).is_some() {
                return;
            }
            if self.peek().is_some_and(is_name) {
                self.pos = self.name_end(self.pos);
            } else if self.peek().is_some() {
                self.skip_piece();
            }
        }
    }

    fn section(&mut self) -> Parsed<Section> {
        let start = self.pos;
        let end = self.name_end(start);
        let Some(kind) = section_kind(&self.text[start..end]) else {
            let mut diag = self.syntax(start, &["`#`", "`input`", "`filter`", "`output`"]);
            if self.text[start..].starts_with('\u{feff}') {
                diag = diag.help("the file begins with a byte order mark: save it without");
            } else if self.bytes[start] == b'}' {
                diag = diag
                    .help("every opened block is closed already: remove this brace, or look for one too many above");
            }
            return self.fail(diag);
        };
        self.pos = self.after_cs(end);
        if !self.eat("{") {
            return self.expected(self.pos, &["`#`", "`{`"]);
        }
        let keyword = self.span(start, end);
        let body = self.block(self.span(start, self.pos), 0);
        Ok(Section { kind, keyword, body, span: self.span(start, self.pos) })
    }

    /// Statements up to the closing brace, which is taken. `opened` is shown when that brace is missing; `arms` says
    /// that an `else` may stand after the block.
    fn block(&mut self, opened: Span, arms: usize) -> Vec<Stmt> {
        let mut body = vec![];
        loop {
            self.skip_cs();
            let start = self.pos;
            match self.peek() {
                None => {
                    let _: Parsed<()> = self.not_closed(opened, "`if`, a plugin's name, `}`");
                    return body;
                }
                Some(b'}') => {
                    self.pos += 1;
                    return body;
                }
                Some(_) => {}
            }
            if self.section_at(start).is_some() {
                let _: Parsed<()> = self.not_closed(opened, "`if`, a plugin's name, `}`");
                return body;
            }
            if self.else_at(start).is_some() {
                if arms > 0 {
                    // `if [a] { plugin {} else {`: the brace before `else` is missing
                    let _: Parsed<()> = self.not_closed(opened, "`if`, a plugin's name, `}`");
                    return body;
                }
                let diag =
                    self.syntax(start, &["`if`", "a plugin's name", "`}`"]).note("no `if` stands before this `else`");
                let _: Parsed<()> = self.fail(diag);
                if let Ok(branch) = self.nested(|p| p.branch(start)) {
                    body.push(Stmt::Branch(branch));
                }
                self.ensure_progress(start);
                continue;
            }
            match self.nested(|p| p.statement()) {
                Ok(stmt) => body.push(stmt),
                Err(Failed) => {
                    self.ensure_progress(start);
                    self.to_next_statement();
                }
            }
        }
    }

    fn ensure_progress(&mut self, start: usize) {
        if self.pos == start {
            self.skip_piece();
        }
    }

    fn not_closed<T>(&mut self, opened: Span, expected: &str) -> Parsed<T> {
        let diag = self.syntax(self.pos, &[expected]).with(opened, "this block is not closed");
        self.fail(diag)
    }

    /// Skips to what can begin a statement or ends the block.
    fn to_next_statement(&mut self) {
        while let Some(b) = self.peek() {
            let line_start =
                self.bytes[..self.pos].iter().rev().find(|b| !matches!(b, b' ' | b'\t')).is_none_or(|&b| b == b'\n');
            if b == b'}' || self.section_at(self.pos).is_some() {
                return;
            }
            if line_start && is_name(b) {
                let end = self.name_end(self.pos);
                let word = &self.text[self.pos..end];
                if word == "if" || word == "else" || self.bytes.get(self.after_cs(end)) == Some(&b'{') {
                    return;
                }
                self.pos = end;
                continue;
            }
            if b == b'#' || is_space(b) {
                self.skip_cs_line();
            } else {
                self.skip_piece();
            }
        }
    }

    /// White space and comments, but not over more than one line's end, so that the start of a line is seen.
    fn skip_cs_line(&mut self) {
        match self.peek() {
            Some(b'#') => {
                self.pos = memchr::memchr(b'\n', &self.bytes[self.pos..]).map_or(self.bytes.len(), |n| self.pos + n)
            }
            _ => self.pos += 1,
        }
    }

    /// `else {` or `else if` at `at`: whether it is the latter, and the end of the words.
    fn else_at(&self, at: usize) -> Option<(bool, usize)> {
        if !self.bytes[at..].starts_with(b"else") {
            return None;
        }
        let name_end = self.name_end(at);
        let after = self.after_cs(at + 4);
        if name_end == at + 4 && self.bytes.get(after) == Some(&b'{') {
            return Some((false, at + 4));
        }
        // `elseif` and `else if` are the same; `elsewhere {` and `elseiffy {` are plugins
        if (name_end == at + 4 || after == at + 4) && self.bytes[after..].starts_with(b"if") && self.if_at(after) {
            return Some((true, after + 2));
        }
        None
    }

    /// Whether the `if` at `at` begins a branch: no plugin is called so.
    fn if_at(&self, at: usize) -> bool {
        if !self.bytes[at..].starts_with(b"if") {
            return false;
        }
        let name_end = self.name_end(at);
        if name_end == at + 2 || self.number_end(at + 2) == Some(name_end) {
            return true;
        }
        // `ifx("a") {` is a condition, `ifx {` a plugin
        self.bytes.get(self.after_cs(name_end)) == Some(&b'(')
    }

    fn statement(&mut self) -> Parsed<Stmt> {
        let start = self.pos;
        if self.if_at(start) {
            return self.branch(start).map(Stmt::Branch);
        }
        let (name, after) = match self.bytes[start] {
            b'"' | b'\'' => {
                let value = self.string()?;
                (self.text[start..self.pos].to_string(), value.span)
            }
            b if is_name(b) => {
                let end = self.name_end(start);
                self.pos = end;
                (self.text[start..end].to_string(), self.span(start, end))
            }
            _ => {
                let mut diag = self.syntax(start, &["`#`", "`if`", "a plugin's name", "`}`"]);
                if let Some(b'/') = self.peek() {
                    diag = diag.help("a comment begins with `#`");
                }
                return self.fail(diag);
            }
        };
        let at = self.after_cs(self.pos);
        if self.bytes.get(at) != Some(&b'{') {
            let mut diag = self.syntax(at, &["`#`", "`{`"]);
            if self.bytes[at.min(self.bytes.len())..].starts_with(b"=>") {
                diag = diag
                    .note(format!("`{name}` stands where a plugin's name is expected: is a brace closed too early?"));
            } else if matches!(name.as_str(), "elsif" | "elif" | "elseif") {
                diag = diag.help("write `else if`");
            }
            self.pos = at;
            return self.fail(diag);
        }
        self.pos = at + 1;
        self.plugin_body(Spanned::new(name, after)).map(Stmt::Plugin)
    }

    /// The arms from `if` (or, after a mistake, `else`) on.
    fn branch(&mut self, start: usize) -> Parsed<Branch> {
        let mut arms = vec![];
        let mut at = start;
        let (mut is_if, mut end) = self.else_at(start).unwrap_or((true, start + 2));
        loop {
            self.pos = end;
            let cond = match is_if {
                true => Some(self.arm_condition()),
                false => None,
            };
            self.skip_cs();
            if !self.eat("{") {
                // the condition has been reported if it was at fault
                if !matches!(cond, Some(Spanned { value: super::ast::Expr::Invalid, .. })) {
                    return self.expected(self.pos, &["`#`", "`and`", "`or`", "`xor`", "`nand`", "`{`"]);
                }
                return Err(Failed);
            }
            let is_else = cond.is_none();
            let body = self.block(self.span(at, self.pos), 1);
            arms.push(Arm { cond, body, span: self.span(at, self.pos) });
            let next = self.after_cs(self.pos);
            match self.else_at(next) {
                Some(found) if !is_else => {
                    at = next;
                    (is_if, end) = found;
                }
                _ => return Ok(Branch { arms, span: self.span(start, self.pos) }),
            }
        }
    }

    fn arm_condition(&mut self) -> Spanned<super::ast::Expr> {
        self.skip_cs();
        let start = self.pos;
        let errors = self.errors;
        if let Ok(cond) = self.condition() {
            let next = self.after_cs(self.pos);
            if self.bytes.get(next) == Some(&b'{') {
                return cond;
            }
            let diag = self.syntax(next, &["`#`", "`and`", "`or`", "`xor`", "`nand`", "`{`"]);
            let diag = condition::explain(diag, &self.text[start..next], &self.text[next..]);
            let _: Parsed<()> = self.fail(diag);
        }
        assert!(self.errors > errors, "a condition that cannot be read is reported");
        // go on with the body: the next brace on this line, or on the next one
        let mut lines = 0;
        while let Some(b) = self.peek() {
            match b {
                b'{' | b'}' => break,
                b'\n' if lines == 1 => break,
                b'\n' => lines += 1,
                b'"' | b'\'' => {
                    self.skip_piece();
                    continue;
                }
                _ => {}
            }
            self.pos += self.char_at(self.pos).map_or(1, char::len_utf8);
        }
        Spanned::new(super::ast::Expr::Invalid, self.span(start, self.pos))
    }

    // --- plugins and values ---

    /// The options up to the closing brace, which is taken; the opening one has been.
    fn plugin_body(&mut self, name: Spanned<String>) -> Parsed<Plugin> {
        let mut attrs: Vec<Attr> = vec![];
        let opened = self.span(name.span.start as usize, self.pos);
        loop {
            let value_end = self.pos;
            self.skip_cs();
            let start = self.pos;
            let Some(b) = self.peek() else {
                let _: Parsed<()> = self.not_closed(opened, "an option's name, `}`");
                break;
            };
            if b == b'}' {
                self.pos += 1;
                break;
            }
            if self.closes_plugin(start) {
                let _: Parsed<()> = self.not_closed(opened, "an option's name, `}`");
                break;
            }
            if !attrs.is_empty() && !self.bytes.get(value_end).copied().is_some_and(is_space) {
                let mut diag = self.syntax(value_end, &["white space", "`}`"]);
                if self.bytes[value_end] == b',' {
                    diag = diag.help("options are separated by white space: remove the comma");
                }
                let _: Parsed<()> = self.fail(diag);
                if self.peek() == Some(b',') {
                    self.pos += 1;
                    self.skip_cs();
                    continue;
                }
            }
            match self.nested(|p| p.attribute()) {
                Ok(attr) => attrs.push(attr),
                Err(Failed) => {
                    self.ensure_progress(start);
                    self.to_next_attribute();
                }
            }
        }
        let span = self.span(name.span.start as usize, self.pos);
        Ok(Plugin { name, attrs, span })
    }

    /// Whether what stands at `at` can only mean that the plugin's closing brace is missing.
    fn closes_plugin(&self, at: usize) -> bool {
        if self.section_at(at).is_some() || self.else_at(at).is_some() {
            return true;
        }
        let end = self.name_end(at);
        let next = self.after_cs(end);
        if end == at {
            return false;
        }
        match self.bytes.get(next) {
            Some(b'[' | b'(' | b'!' | b'"') => &self.text[at..end] == "if",
            // a plugin begins; but `add_field { "a" => ...` is an option without its arrow
            Some(b'{') => {
                let inside = self.after_cs(next + 1);
                match self.bytes.get(inside) {
                    Some(b'}') => true,
                    Some(&b) if is_name(b) => {
                        let word_end = self.name_end(inside);
                        self.bytes[self.after_cs(word_end)..].starts_with(b"=>")
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// Skips to the next `name =>` at the start of a line, or to the brace that closes the plugin.
    fn to_next_attribute(&mut self) {
        while let Some(b) = self.peek() {
            if b == b'}' {
                return;
            }
            let spaced = self.pos > 0 && is_space(self.bytes[self.pos - 1]);
            if spaced && (is_name(b) || b == b'"' || b == b'\'') {
                let end = if is_name(b) { Some(self.name_end(self.pos)) } else { self.quoted_end(self.pos) };
                if let Some(end) = end
                    && !self.bytes[self.pos..end].contains(&b'\n')
                    && self.bytes[self.after_cs(end)..].starts_with(b"=>")
                {
                    // let the caller see white space before the name
                    self.pos -= 1;
                    return;
                }
            }
            if spaced && self.closes_plugin(self.pos) {
                self.pos -= 1;
                return;
            }
            if is_name(b) {
                self.pos = self.name_end(self.pos);
            } else if b == b'#' || is_space(b) {
                self.skip_cs_line();
            } else {
                self.skip_piece();
            }
        }
    }

    fn attribute(&mut self) -> Parsed<Attr> {
        let start = self.pos;
        let name = match self.bytes[start] {
            b'"' | b'\'' => {
                let value = self.string()?;
                // escapes are never processed in an option's name
                Spanned::new(self.text[start + 1..self.pos - 1].to_string(), value.span)
            }
            b if is_name(b) => {
                self.pos = self.name_end(start);
                Spanned::new(self.text[start..self.pos].to_string(), self.span(start, self.pos))
            }
            _ => return self.expected(start, &["`#`", "an option's name", "`}`"]),
        };
        self.arrow(&name.value)?;
        let value = self.value()?;
        Ok(Attr { name, value })
    }

    fn arrow(&mut self, name: &str) -> Parsed<()> {
        self.skip_cs();
        if self.eat("=>") {
            self.skip_cs();
            return Ok(());
        }
        let mut diag = self.syntax(self.pos, &["`#`", "`=>`"]);
        if matches!(self.peek(), Some(b'=' | b':' | b'{' | b'[' | b'"')) {
            diag = diag.help(format!("write `{name} => ...`"));
        }
        self.fail(diag)
    }

    pub(super) fn value(&mut self) -> Parsed<Spanned<Value>> {
        self.nested(Self::value_inner)
    }

    fn value_inner(&mut self) -> Parsed<Spanned<Value>> {
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
                    diag = diag.help("a bareword has at least two characters: put this one in quotes");
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
            items.push(self.value()?);
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
    fn hash(&mut self) -> Parsed<Vec<Entry>> {
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
            let Some(b) = self.peek() else {
                let diag = self
                    .syntax(self.pos, &["`#`", "a key", "`}`"])
                    .with(self.span(open, open + 1), "this hash is not closed");
                return self.fail(diag);
            };
            let key = if let Some(end) = self.number_end(start) {
                let number = self.number()?;
                assert_eq!(self.pos, end, "a number ends where it was seen to end");
                number.map(|n| n.to_string())
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
            entries.push((Entry { key, value }, raw));
        }
        Ok(self.unique_keys(entries))
    }

    /// Logstash refuses two keys that are written the same; of two that differ in their quotes the last one wins.
    fn unique_keys(&mut self, entries: Vec<(Entry, &'a str)>) -> Vec<Entry> {
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

    // --- right values, shared by all conditions ---

    pub(super) fn rvalue(&mut self) -> Parsed<Spanned<RValue>> {
        self.nested(Self::rvalue_inner)
    }

    fn rvalue_inner(&mut self) -> Parsed<Spanned<RValue>> {
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

    fn method_call(&mut self, name_end: usize) -> Parsed<Spanned<RValue>> {
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
