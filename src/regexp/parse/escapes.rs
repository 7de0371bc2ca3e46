//! What stands behind a backslash.

use super::super::ast::{Assertion, Class, ClassItem, Node, Set};
use super::classes::named;
use super::{Mode, Parsed, Parser, Sets, Target, literal};

impl Parser<'_> {
    pub(super) fn escape(&mut self, mode: Mode) -> Parsed<Node> {
        let start = self.pos;
        self.pos += 1;
        let Some(c) = self.peek() else {
            return self.error(start, "the pattern ends in a backslash");
        };
        let simple = match c {
            'A' => Some(Node::Assert(Assertion::TextStart)),
            'Z' => Some(Node::Assert(Assertion::TextEndNewline)),
            'z' => Some(Node::Assert(Assertion::TextEnd)),
            'G' => Some(Node::Assert(Assertion::SearchStart)),
            'b' | 'B' => {
                Some(Node::Assert(Assertion::WordBoundary { negated: c == 'B', ascii: mode.sets == Sets::Ascii }))
            }
            'R' => Some(Node::LineBreak),
            'X' => Some(Node::Grapheme),
            'K' => Some(Node::Keep),
            _ => None,
        };
        if let Some(node) = simple {
            self.pos += 1;
            return Ok(node);
        }
        if let 'k' | 'g' = c {
            for (open, end) in [('<', '>'), ('\'', '\'')] {
                if self.rest()[1..].starts_with(open) {
                    self.pos += 2;
                    let name = self.name(end)?;
                    let range = start..self.pos;
                    let call = c == 'g';
                    let mut target = Self::target(name);
                    if let Target::Number(n) = target
                        && n < 0
                    {
                        target = Target::Number((self.groups.len() as i64 + 1 + n).max(-1));
                    }
                    let id = self.reference(target, range, call);
                    return Ok(if call {
                        Node::Call(id)
                    } else {
                        Node::Backreference { groups: vec![id], ignore_case: mode.flags.ignore_case }
                    });
                }
            }
        }
        if let '1'..='9' = c {
            let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
            let number: i64 = self.rest()[..digits].parse().unwrap_or(i64::MAX);
            if number <= 9 || number <= self.groups.len() as i64 {
                self.pos += digits;
                let id = self.reference(Target::Number(number), start..self.pos, false);
                return Ok(Node::Backreference { groups: vec![id], ignore_case: mode.flags.ignore_case });
            }
        }
        if let Some(item) = self.class_escape(mode)? {
            return Ok(Node::Class(Class { negated: false, ignore_case: false, terms: vec![vec![item]] }));
        }
        let c = self.char_escape(start, false)?;
        Ok(literal(c, mode))
    }

    /// `\w \d \s \h`, `\p{..}` and their negations, after the backslash.
    pub(super) fn class_escape(&mut self, mode: Mode) -> Parsed<Option<ClassItem>> {
        let start = self.pos - 1;
        let c = self.peek().expect("the caller saw a character");
        let set = match c.to_ascii_lowercase() {
            'w' => Set::Word,
            'd' => Set::Digit,
            's' => Set::Space,
            'h' => Set::XDigit,
            'p' if self.rest()[1..].starts_with('{') => {
                self.pos += 2;
                let mut negated = c == 'P';
                if self.eat("^") {
                    negated = !negated;
                }
                let Some(n) = self.rest().find('}') else {
                    return self.error(start, "a property name is not closed");
                };
                let name = self.rest()[..n].to_string();
                self.pos += n + 1;
                if let Some(set) = Set::by_name(&name) {
                    return Ok(Some(named(set, negated, mode.sets == Sets::Ascii)));
                }
                if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b" _-=:&".contains(&b)) {
                    return self.error(start, format!("invalid property name `{name}`"));
                }
                self.properties.push((name.clone(), start..self.pos));
                return Ok(Some(ClassItem::Property { name, negated }));
            }
            _ => return Ok(None),
        };
        self.pos += 1;
        let ascii = set == Set::XDigit || mode.sets != Sets::Unicode;
        Ok(Some(named(set, c.is_ascii_uppercase(), ascii)))
    }

    /// An escape that means one character, after the backslash; `start` is the backslash.
    pub(super) fn char_escape(&mut self, start: usize, in_class: bool) -> Parsed<char> {
        let c = self.bump().expect("the caller saw a character");
        Ok(match c {
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'f' => '\x0c',
            'v' => '\x0b',
            'a' => '\x07',
            'e' => '\x1b',
            'b' if in_class => '\x08',
            '0'..='7' => {
                let mut code = c as u32 - '0' as u32;
                for _ in 0..2 {
                    match self.peek() {
                        Some(d @ '0'..='7') => {
                            code = code * 8 + (d as u32 - '0' as u32);
                            self.pos += 1;
                        }
                        _ => break,
                    }
                }
                return self.byte_char(code, start);
            }
            'x' => {
                if self.eat("{") {
                    let n = self.rest().bytes().take_while(u8::is_ascii_hexdigit).count();
                    let code = u32::from_str_radix(&self.rest()[..n], 16).ok();
                    self.pos += n;
                    if !self.eat("}") {
                        return self.error(start, "invalid `\\x{}`");
                    }
                    return match code.and_then(char::from_u32) {
                        Some(c) => Ok(c),
                        None => self.error(start, "`\\x{}` is not a character"),
                    };
                }
                let code = self.hex(2);
                return self.byte_char(code, start);
            }
            'u' => {
                if self.eat("{") {
                    let n = self.rest().bytes().take_while(u8::is_ascii_hexdigit).count();
                    let code = u32::from_str_radix(&self.rest()[..n], 16).ok();
                    self.pos += n;
                    if !self.eat("}") {
                        return self.error(start, "invalid `\\u{}`");
                    }
                    return match code.and_then(char::from_u32) {
                        Some(c) => Ok(c),
                        None => self.error(start, "`\\u{}` is not a character"),
                    };
                }
                let from = self.pos;
                let code = self.hex(4);
                match char::from_u32(code) {
                    Some(c) if self.pos - from == 4 => c,
                    _ => return self.error(start, "`\\u` wants four hexadecimal digits of a character"),
                }
            }
            'c' => return self.control(start),
            'C' => {
                if !self.eat("-") {
                    return self.error(start, "invalid `\\C-`");
                }
                return self.control(start);
            }
            'M' => return self.error(start, "`\\M-` makes no valid character"),
            c => c,
        })
    }

    fn hex(&mut self, max: usize) -> u32 {
        let n = self.rest().bytes().take(max).take_while(u8::is_ascii_hexdigit).count();
        let code = u32::from_str_radix(&self.rest()[..n], 16).unwrap_or(0);
        self.pos += n;
        code
    }

    fn control(&mut self, start: usize) -> Parsed<char> {
        match self.bump() {
            Some('?') => Ok('\x7f'),
            Some(c) if c.is_ascii() => Ok((c as u8 & 0x1f) as char),
            _ => self.error(start, "invalid control character"),
        }
    }

    /// A character written as its byte; those over 0x7f must form UTF-8 with the bytes that follow.
    fn byte_char(&mut self, code: u32, start: usize) -> Parsed<char> {
        if code < 0x80 {
            return Ok(code as u8 as char);
        }
        if code < 0x100 {
            let mut bytes = vec![code as u8];
            loop {
                match std::str::from_utf8(&bytes) {
                    Ok(s) => return Ok(s.chars().next().expect("not empty")),
                    Err(e) if e.error_len().is_some() => break,
                    Err(_) => {}
                }
                if !self.eat("\\x") {
                    break;
                }
                let byte = self.hex(2);
                bytes.push(byte as u8);
            }
        }
        self.error(start, "an escaped byte that is not part of a UTF-8 character")
    }
}
