//! `[..]`: ranges, POSIX brackets, inner classes, `&&`.

use super::super::ast::{Class, ClassItem, Set};
use super::{Mode, Parsed, Parser, PatternError, Sets};

impl Parser<'_> {
    pub(super) fn class(&mut self, mode: Mode) -> Parsed<Class> {
        let start = self.pos;
        self.enter(start)?;
        self.pos += 1;
        let negated = self.eat("^");
        let mut terms: Vec<Vec<ClassItem>> = vec![];
        let mut items: Vec<ClassItem> = vec![];
        // A bracket right after the opening one is itself, if another one closes the class.
        let first = self.pos;
        loop {
            let at = self.pos;
            let Some(c) = self.peek() else {
                return Err(PatternError::new("premature end of char-class", start..start + 1));
            };
            if c == ']' && (at > first || !self.has_close()) {
                self.pos += 1;
                break;
            }
            if self.eat("&&") {
                terms.push(std::mem::take(&mut items));
                continue;
            }
            let low = match self.class_atom(mode)? {
                Ok(c) => c,
                Err(item) => {
                    items.push(item);
                    // after a set a minus is itself
                    if self.rest().starts_with('-') && !self.rest().starts_with("-]") {
                        self.pos += 1;
                        items.push(ClassItem::Range('-', '-'));
                    }
                    continue;
                }
            };
            // a minus before the end, before `&&` or before an inner class is itself
            let rest = self.rest();
            let itself = ["-]", "-&&"].iter().any(|end| rest.starts_with(end))
                || rest.len() == 1
                || (rest.starts_with("-[") && self.posix(self.pos + 1).is_none());
            if !rest.starts_with('-') || itself {
                items.push(ClassItem::Range(low, low));
                continue;
            }
            self.pos += 1;
            match self.class_atom(mode)? {
                Ok(high) if high < low => return self.error(at, "a character range is empty"),
                Ok(high) => items.push(ClassItem::Range(low, high)),
                Err(_) => return self.error(at, "a character range ends in a set"),
            }
            // `a-c-x`: the second minus is itself
            if self.rest().starts_with('-') && !self.rest().starts_with("-]") {
                self.pos += 1;
                items.push(ClassItem::Range('-', '-'));
            }
        }
        if items.is_empty() && terms.is_empty() {
            return self.error(start, "a character class is empty");
        }
        terms.push(items);
        self.depth -= 1;
        Ok(Class { negated, ignore_case: mode.flags.ignore_case, terms })
    }

    /// Whether another `]` follows the one here.
    fn has_close(&self) -> bool {
        let mut escaped = false;
        self.rest()[1..].chars().any(|c| {
            let hit = c == ']' && !escaped;
            escaped = c == '\\' && !escaped;
            hit
        })
    }

    fn posix(&self, at: usize) -> Option<(Set, bool, usize)> {
        let body = self.text[at..].strip_prefix("[:")?;
        let (negated, body) = body.strip_prefix('^').map_or((false, body), |b| (true, b));
        let n = body.find(":]")?;
        let set = Set::by_name(&body[..n]).filter(|_| body[..n].bytes().all(|b| b.is_ascii_lowercase()))?;
        Some((set, negated, at + 2 + usize::from(negated) + n + 2))
    }

    /// A character, or a set of them, inside a class.
    #[allow(clippy::type_complexity)]
    fn class_atom(&mut self, mode: Mode) -> Parsed<Result<char, ClassItem>> {
        let start = self.pos;
        let c = self.peek().ok_or_else(|| PatternError::new("premature end of char-class", start..start))?;
        if c == '[' {
            if let Some((set, negated, end)) = self.posix(start) {
                self.pos = end;
                return Ok(Err(named(set, negated, mode.sets == Sets::Ascii)));
            }
            if self.rest().starts_with("[:") {
                // `[:nope:]` with its end in sight is a mistake, anything else a nested class or a bracket
                let body = &self.rest()[2..];
                let close = body.find(']').unwrap_or(body.len());
                if let Some(n) = body[..(close + 1).min(body.len())].find(":]")
                    && n < 20
                    && body[..n].bytes().all(|b| b.is_ascii_alphabetic() || b == b'^')
                {
                    self.pos += 2 + n + 2;
                    return self.error(start, "unknown POSIX bracket");
                }
            }
            return Ok(Err(ClassItem::Nested(self.class(mode)?)));
        }
        if c != '\\' {
            self.bump();
            return Ok(Ok(c));
        }
        self.pos += 1;
        if self.peek().is_none() {
            return self.error(start, "the pattern ends in a backslash");
        }
        if let Some(item) = self.class_escape(mode)? {
            return Ok(Err(item));
        }
        self.char_escape(start, true).map(Ok)
    }
}

/// A set as an item; the complement of a Unicode set is an inner class, so that printing needs no complement tables.
pub(super) fn named(set: Set, negated: bool, ascii: bool) -> ClassItem {
    if negated && !ascii {
        let terms = vec![vec![ClassItem::Named { set, negated: false, ascii }]];
        return ClassItem::Nested(Class { negated: true, ignore_case: false, terms });
    }
    ClassItem::Named { set, negated, ascii }
}
