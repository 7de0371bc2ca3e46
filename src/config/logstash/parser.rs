//! Recursive descent over the grammar, with recovery.
//!
//! The original is a parsing expression grammar: the first alternative that fits wins and is not tried again. Where this
//! shows (a list of one literal is a selector, `if5 {` is a branch) the order here is the same.
//!
//! Recovery: a mistake in an option skips to the next option, in a statement to the next statement, outside a section
//! to the next section; a word that can only stand further out (`else`, a section's name) closes what is open.

use super::ast::{Arm, Attr, Branch, Config, Expr, Plugin, Section, SectionKind, Stmt};
use super::condition;
use super::lexer::{Failed, Parsed, Parser, is_name, is_space, section_kind};
use crate::config::diagnostic::Diagnostic;
use crate::config::source::{FileId, Span, Spanned};

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

impl Parser<'_> {
    pub(super) fn config(&mut self) -> Config {
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
            self.skip_to_section();
        }
    }

    /// The section keyword at `at` with an opening brace after it.
    pub(super) fn section_at(&self, at: usize) -> Option<(SectionKind, usize)> {
        let end = self.name_end(at);
        let kind = section_kind(&self.text[at..end])?;
        (self.bytes.get(self.after_cs(end)) == Some(&b'{')).then_some((kind, end))
    }

    pub(super) fn skip_to_section(&mut self) {
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

    pub(super) fn section(&mut self) -> Parsed<Section> {
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
    pub(super) fn block(&mut self, opened: Span, arms: usize) -> Vec<Stmt> {
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
                    self.skip_to_statement();
                }
            }
        }
    }

    pub(super) fn ensure_progress(&mut self, start: usize) {
        if self.pos == start {
            self.skip_piece();
        }
    }

    pub(super) fn not_closed<T>(&mut self, opened: Span, expected: &str) -> Parsed<T> {
        let diag = self.syntax(self.pos, &[expected]).with(opened, "this block is not closed");
        self.fail(diag)
    }

    /// Skips to what can begin a statement or ends the block.
    pub(super) fn skip_to_statement(&mut self) {
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
    pub(super) fn skip_cs_line(&mut self) {
        match self.peek() {
            Some(b'#') => {
                self.pos = memchr::memchr(b'\n', &self.bytes[self.pos..]).map_or(self.bytes.len(), |n| self.pos + n)
            }
            _ => self.pos += 1,
        }
    }

    /// `else {` or `else if` at `at`: whether it is the latter, and the end of the words.
    pub(super) fn else_at(&self, at: usize) -> Option<(bool, usize)> {
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
    pub(super) fn if_at(&self, at: usize) -> bool {
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

    pub(super) fn statement(&mut self) -> Parsed<Stmt> {
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
    pub(super) fn branch(&mut self, start: usize) -> Parsed<Branch> {
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
                if !matches!(cond, Some(Spanned { value: Expr::Invalid, .. })) {
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

    pub(super) fn arm_condition(&mut self) -> Spanned<Expr> {
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
        Spanned::new(Expr::Invalid, self.span(start, self.pos))
    }

    /// The options up to the closing brace, which is taken; the opening one has been.
    pub(super) fn plugin_body(&mut self, name: Spanned<String>) -> Parsed<Plugin> {
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
                    self.skip_to_attribute();
                }
            }
        }
        let span = self.span(name.span.start as usize, self.pos);
        Ok(Plugin { name, attrs, span })
    }

    /// Whether what stands at `at` can only mean that the plugin's closing brace is missing.
    pub(super) fn closes_plugin(&self, at: usize) -> bool {
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
    pub(super) fn skip_to_attribute(&mut self) {
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

    pub(super) fn attribute(&mut self) -> Parsed<Attr> {
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

    pub(super) fn arrow(&mut self, name: &str) -> Parsed<()> {
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
}
