//! Reads a regular expression as Ruby (JRuby's Joni) does.
//!
//! Facts: Oniguruma's `doc/RE` and `doc/SYNTAX.md`, and Ruby's syntax table there. What differs from the well known
//! dialects: `.` and `(?m)`, `^ $` as line anchors, `\h` as a hexadecimal digit, nested classes with `&&`, `{n}?` and
//! `{n,m}+` being a repeat of a repeat, `(?i)` reaching over the alternatives to the end of its group, plain groups
//! that do not capture beside named ones, and ASCII `\w \d \s` next to Unicode `\b` and `[[:alpha:]]`.

use std::ops::Range;

use super::ast::{Assertion, Class, ClassItem, Group, Node, RepeatKind, Set, Tree};

/// How deep groups and classes may nest.
pub const NESTING_MAX: usize = 200;
/// The largest count in `{n,m}`: PCRE2's limit (Ruby has 100,000).
pub const REPEAT_MAX: u32 = 65_535;

/// A pattern that cannot be used, and the bytes of it that are at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PatternError {
    /// Lower case, no period.
    pub message: String,
    pub range: Range<usize>,
}

impl PatternError {
    pub fn new(message: impl Into<String>, range: Range<usize>) -> PatternError {
        PatternError { message: message.into(), range }
    }
}

/// What holds where the pattern starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Flags {
    /// `i`
    pub ignore_case: bool,
    /// `m` in Ruby: `.` matches a newline too. (`^` and `$` are line anchors always.)
    pub dot_newline: bool,
    /// `x`: white space and `#` comments mean nothing.
    pub extended: bool,
}

/// Parses a whole pattern.
///
/// # Errors
/// Whatever Ruby refuses, and the few things this crate does not do: absent operators, counts over [`REPEAT_MAX`],
/// nesting over [`NESTING_MAX`].
pub fn parse(pattern: &str, flags: Flags) -> Result<Tree, PatternError> {
    // Whether plain parentheses capture depends on what comes later, so a pattern with names is read twice.
    let tree = Parser::new(pattern, true).parse(flags)?;
    if tree.groups.iter().any(|g| g.name.is_some()) && tree.groups.iter().any(|g| g.name.is_none()) {
        return Parser::new(pattern, false).parse(flags);
    }
    Ok(tree)
}

/// Which characters the shorthands mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Range8 {
    /// Ruby's default: ASCII `\w \d \s \h`, Unicode `\b` and POSIX brackets.
    Default,
    Ascii,
    Unicode,
}

#[derive(Clone, Copy)]
struct Mode {
    flags: Flags,
    sets: Range8,
}

enum Target {
    Number(i64),
    Name(String),
}

/// Names and relative numbers can point forward, so they are resolved at the end.
struct Reference {
    target: Target,
    range: Range<usize>,
    call: bool,
}

struct Parser<'p> {
    text: &'p str,
    pos: usize,
    capture_plain: bool,
    depth: usize,
    groups: Vec<Group>,
    references: Vec<Reference>,
    properties: Vec<(String, Range<usize>)>,
    lookbehinds: Vec<Range<usize>>,
}

type Parsed<T> = Result<T, PatternError>;

impl<'p> Parser<'p> {
    fn new(text: &'p str, capture_plain: bool) -> Parser<'p> {
        Parser {
            text,
            pos: 0,
            capture_plain,
            depth: 0,
            groups: vec![],
            references: vec![],
            properties: vec![],
            lookbehinds: vec![],
        }
    }

    fn parse(mut self, flags: Flags) -> Parsed<Tree> {
        let mut root = self.alternation(Mode { flags, sets: Range8::Default })?;
        if self.pos < self.text.len() {
            return Err(PatternError::new("unmatched close parenthesis", self.pos..self.pos + 1));
        }
        let named = self.groups.iter().any(|g| g.name.is_some());
        // The first reading of a pattern with names may see references that mean other groups in the second.
        if self.capture_plain && named && self.groups.iter().any(|g| g.name.is_none()) {
            return Ok(Tree { root: Node::Empty, groups: self.groups, properties: vec![] });
        }
        self.resolve(&mut root, named)?;
        let mut behinds = self.lookbehinds.iter();
        check_lookbehinds(&root, &root, &mut behinds)?;
        Ok(Tree { root, groups: self.groups, properties: self.properties })
    }

    // ---- characters

    fn rest(&self) -> &'p str {
        &self.text[self.pos..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, s: &str) -> bool {
        let yes = self.rest().starts_with(s);
        if yes {
            self.pos += s.len();
        }
        yes
    }

    fn error<T>(&self, start: usize, message: impl Into<String>) -> Parsed<T> {
        Err(PatternError::new(message, start..self.pos))
    }

    fn enter(&mut self, start: usize) -> Parsed<()> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return self.error(start, format!("nested deeper than {NESTING_MAX}"));
        }
        Ok(())
    }

    // ---- structure

    /// Up to the end or to a `)`, which is not taken.
    fn alternation(&mut self, mode: Mode) -> Parsed<Node> {
        let mut branches = vec![self.branch(mode)?];
        while self.eat("|") {
            branches.push(self.branch(mode)?);
        }
        Ok(if branches.len() == 1 { branches.remove(0) } else { Node::Alternate(branches) })
    }

    fn branch(&mut self, mode: Mode) -> Parsed<Node> {
        let mut nodes: Vec<Node> = vec![];
        loop {
            if mode.flags.extended {
                self.skip_extended();
            }
            match self.peek() {
                None | Some('|' | ')') => break,
                _ => {}
            }
            let start = self.pos;
            let Some(atom) = self.atom(mode)? else { continue };
            let node = self.quantified(atom, start, mode)?;
            push(&mut nodes, node);
        }
        Ok(match nodes.len() {
            0 => Node::Empty,
            1 => nodes.remove(0),
            _ => Node::Concat(nodes),
        })
    }

    fn skip_extended(&mut self) {
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' => self.pos += 1,
                '#' => self.pos += self.rest().find('\n').map_or(self.rest().len(), |n| n + 1),
                _ => break,
            }
        }
    }

    fn quantified(&mut self, mut node: Node, start: usize, mode: Mode) -> Parsed<Node> {
        let mut stacked = 0;
        loop {
            if mode.flags.extended {
                self.skip_extended();
            }
            let (min, max, interval) = match self.peek() {
                Some('*') => (0, None, false),
                Some('+') => (1, None, false),
                Some('?') => (0, Some(1), false),
                Some('{') => match self.interval()? {
                    Some((min, max)) => (min, max, true),
                    None => return Ok(node),
                },
                _ => return Ok(node),
            };
            if !interval {
                self.pos += 1;
            }
            // `{n}?` is no lazy repeat but an optional one, and `{n,m}+` a repeat of a repeat: Ruby's syntax says so.
            let fixed = interval && max == Some(min);
            let kind = if !fixed && self.eat("?") {
                RepeatKind::Lazy
            } else if !interval && self.eat("+") {
                RepeatKind::Possessive
            } else {
                RepeatKind::Greedy
            };
            stacked += 1;
            if self.depth + stacked > NESTING_MAX {
                return self.error(start, format!("nested deeper than {NESTING_MAX}"));
            }
            node = Node::Repeat { node: Box::new(node), min, max, kind };
        }
    }

    /// `{n}`, `{n,}`, `{,m}`, `{n,m}`; anything else is a literal brace and `None`.
    fn interval(&mut self) -> Parsed<Option<(u32, Option<u32>)>> {
        let start = self.pos;
        let body = &self.rest()[1..];
        let Some(end) = body.find('}') else { return Ok(None) };
        let body = &body[..end];
        let (low, high) = match body.split_once(',') {
            None => (body, body),
            Some(("", "")) => return Ok(None),
            Some(pair) => pair,
        };
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if body.is_empty() || !digits(low) || !digits(high) {
            return Ok(None);
        }
        self.pos += end + 2;
        let number = |s: &str| s.parse::<u32>().ok().filter(|&n| n <= REPEAT_MAX);
        let big = || PatternError::new(format!("a repeat count over {REPEAT_MAX}"), start..start + end + 2);
        let min = if low.is_empty() { 0 } else { number(low).ok_or_else(big)? };
        let max = if high.is_empty() { None } else { Some(number(high).ok_or_else(big)?) };
        if max.is_some_and(|m| m < min) {
            return self.error(start, "the upper bound of a repeat is below its lower bound");
        }
        Ok(Some((min, max)))
    }

    /// One thing that can be repeated; `None` for what leaves nothing behind (a comment).
    fn atom(&mut self, mode: Mode) -> Parsed<Option<Node>> {
        let start = self.pos;
        let c = self.peek().expect("a branch ends before the text does");
        match c {
            '(' => return self.group(mode),
            '[' => return Ok(Some(Node::Class(self.class(mode)?))),
            '\\' => return self.escape(mode).map(Some),
            '*' | '+' | '?' => {
                self.pos += 1;
                return self.error(start, format!("nothing to repeat before `{c}`"));
            }
            '{' => {
                if self.interval()?.is_some() {
                    return self.error(start, "nothing to repeat before the braces");
                }
            }
            _ => {}
        }
        self.bump();
        Ok(Some(match c {
            '.' => Node::Any { newline: mode.flags.dot_newline },
            '^' => Node::Assert(Assertion::LineStart),
            '$' => Node::Assert(Assertion::LineEnd),
            c => literal(c, mode),
        }))
    }

    fn close(&mut self, start: usize) -> Parsed<()> {
        if self.eat(")") {
            return Ok(());
        }
        Err(PatternError::new("this group is not closed", start..start + 1))
    }

    fn group(&mut self, mode: Mode) -> Parsed<Option<Node>> {
        let start = self.pos;
        self.enter(start)?;
        let node = self.group_inner(mode, start)?;
        self.depth -= 1;
        Ok(node)
    }

    fn group_inner(&mut self, mode: Mode, start: usize) -> Parsed<Option<Node>> {
        self.pos += 1;
        if !self.eat("?") {
            if !self.capture_plain {
                let node = self.alternation(mode)?;
                self.close(start)?;
                return Ok(Some(node));
            }
            return self.capture(None, start, mode).map(Some);
        }
        if self.eat("#") {
            loop {
                match self.bump() {
                    None => return Err(PatternError::new("this comment is not closed", start..start + 3)),
                    Some('\\') => _ = self.bump(),
                    Some(')') => return Ok(None),
                    Some(_) => {}
                }
            }
        }
        if self.eat(":") {
            let node = self.alternation(mode)?;
            self.close(start)?;
            return Ok(Some(node));
        }
        if self.eat(">") {
            let node = self.alternation(mode)?;
            self.close(start)?;
            return Ok(Some(Node::Atomic(Box::new(node))));
        }
        for (mark, behind, negated) in
            [("=", false, false), ("!", false, true), ("<=", true, false), ("<!", true, true)]
        {
            if self.eat(mark) {
                let node = self.alternation(mode)?;
                self.close(start)?;
                if behind {
                    self.lookbehinds.push(start..self.pos);
                }
                return Ok(Some(Node::Look { node: Box::new(node), behind, negated }));
            }
        }
        if self.eat("~") {
            return self.absent(start, mode).map(Some);
        }
        for (open, end) in [("<", '>'), ("'", '\'')] {
            if self.eat(open) {
                let name = self.name(end)?;
                if name.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
                    return self.error(start, format!("the group name `{name}` starts with a digit or a minus"));
                }
                return self.capture(Some(name), start, mode).map(Some);
            }
        }
        if self.eat("(") {
            return self.conditional(mode, start).map(Some);
        }
        self.options(mode, start)
    }

    /// After `(?~`: any text that does not hold a match of the expression. Up to where the expression starts, and then as
    /// far into it as it is not whole; exact for expressions of one length.
    fn absent(&mut self, start: usize, mode: Mode) -> Parsed<Node> {
        if self.peek() == Some('|') {
            return self.error(start, "the absent operator with a range, `(?~|`, is not supported yet");
        }
        let node = self.alternation(mode)?;
        self.close(start)?;
        let (low, high) = node.width(&|_| None);
        if high != Some(low) || low == 0 || low > REPEAT_MAX as usize {
            return self.error(start, "the absent operator with an expression of no fixed length is not supported yet");
        }
        let not_here = Node::Look { node: Box::new(node), behind: false, negated: true };
        let any = Node::Any { newline: true };
        let before = Node::Repeat {
            node: Box::new(Node::Concat(vec![not_here, any.clone()])),
            min: 0,
            max: None,
            kind: RepeatKind::Greedy,
        };
        let into = Node::Repeat { node: Box::new(any), min: 0, max: Some(low as u32 - 1), kind: RepeatKind::Greedy };
        Ok(Node::Concat(vec![before, into]))
    }

    fn capture(&mut self, name: Option<String>, start: usize, mode: Mode) -> Parsed<Node> {
        self.groups.push(Group { name, range: start..start });
        let number = self.groups.len();
        let node = self.alternation(mode)?;
        self.close(start)?;
        self.groups[number - 1].range.end = self.pos;
        Ok(Node::Capture(number as u32, Box::new(node)))
    }

    /// The text up to `end`, which is taken.
    fn name(&mut self, end: char) -> Parsed<String> {
        let start = self.pos;
        match self.rest().find([end, ')']) {
            Some(n) if n > 0 && self.rest()[n..].starts_with(end) => {
                let name = self.rest()[..n].to_string();
                self.pos += n + 1;
                Ok(name)
            }
            Some(0) => Err(PatternError::new("a group name is empty", start..start + 1)),
            found => {
                let to = start + found.unwrap_or(self.rest().len());
                Err(PatternError::new("a group name is not closed", start..to))
            }
        }
    }

    fn target(name: String) -> Target {
        let digits = name.strip_prefix(['-', '+']).unwrap_or(&name);
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            if let Ok(n) = name.parse() {
                return Target::Number(n);
            }
        }
        Target::Name(name)
    }

    /// After `(?(`.
    fn conditional(&mut self, mode: Mode, start: usize) -> Parsed<Node> {
        let at = self.pos;
        let name = if self.eat("<") {
            self.name('>')?
        } else if self.eat("'") {
            self.name('\'')?
        } else {
            let n = self.rest().find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest().len());
            self.pos += n;
            self.text[at..self.pos].to_string()
        };
        if name.is_empty() || !self.eat(")") {
            return self.error(start, "the condition of a group is not a group number or name");
        }
        let id = self.reference(Self::target(name), at..self.pos - 1, false);
        let yes = self.branch(mode)?;
        let no = if self.eat("|") { self.branch(mode)? } else { Node::Empty };
        if self.peek() == Some('|') {
            return self.error(start, "a conditional group has more than two branches");
        }
        self.close(start)?;
        Ok(Node::Conditional { groups: vec![id], yes: Box::new(yes), no: Box::new(no) })
    }

    /// `(?imx-imx)` and `(?imx-imx:..)`, and Ruby's `a d u`.
    fn options(&mut self, mut mode: Mode, start: usize) -> Parsed<Option<Node>> {
        let mut on = true;
        loop {
            let Some(c) = self.bump() else {
                return self.error(start, "this group is not closed");
            };
            match c {
                '-' => on = false,
                'i' => mode.flags.ignore_case = on,
                'm' => mode.flags.dot_newline = on,
                'x' => mode.flags.extended = on,
                'a' if on => mode.sets = Range8::Ascii,
                'd' if on => mode.sets = Range8::Default,
                'u' if on => mode.sets = Range8::Unicode,
                ':' => {
                    let node = self.alternation(mode)?;
                    self.close(start)?;
                    return Ok(Some(node));
                }
                // Holds to the end of the enclosing group, over its remaining alternatives.
                ')' => return self.alternation(mode).map(Some),
                c => return self.error(start, format!("unknown group option `{c}`")),
            }
        }
    }

    fn reference(&mut self, target: Target, range: Range<usize>, call: bool) -> u32 {
        self.references.push(Reference { target, range, call });
        self.references.len() as u32 - 1
    }

    // ---- escapes

    fn escape(&mut self, mode: Mode) -> Parsed<Node> {
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
                Some(Node::Assert(Assertion::WordBoundary { negated: c == 'B', ascii: mode.sets == Range8::Ascii }))
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
    fn class_escape(&mut self, mode: Mode) -> Parsed<Option<ClassItem>> {
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
                    return Ok(Some(named(set, negated, mode.sets == Range8::Ascii)));
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
        let ascii = set == Set::XDigit || mode.sets != Range8::Unicode;
        Ok(Some(named(set, c.is_ascii_uppercase(), ascii)))
    }

    /// An escape that means one character, after the backslash; `start` is the backslash.
    fn char_escape(&mut self, start: usize, in_class: bool) -> Parsed<char> {
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

    // ---- classes

    fn class(&mut self, mode: Mode) -> Parsed<Class> {
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
            let mut ahead = self.rest().chars();
            let range = ahead.next() == Some('-')
                && !matches!(ahead.next(), None | Some(']'))
                && !self.rest().starts_with("-&&")
                && !(self.rest().starts_with("-[") && !self.posix_ahead(self.pos + 1));
            if !range {
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

    /// Whether `[:name:]` stands at `at`.
    fn posix_ahead(&self, at: usize) -> bool {
        self.posix(at).is_some()
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
                return Ok(Err(named(set, negated, mode.sets == Range8::Ascii)));
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

    // ---- references

    /// Turns the reference numbers in the tree into group numbers.
    fn resolve(&self, node: &mut Node, named: bool) -> Parsed<()> {
        match node {
            Node::Backreference { groups, .. } | Node::Conditional { groups, .. } => {
                let reference = &self.references[groups[0] as usize];
                *groups = self.targets(reference, named)?;
            }
            Node::Call(id) => {
                let reference = &self.references[*id as usize];
                let found = self.targets(reference, named)?;
                if found.len() > 1 {
                    return Err(PatternError::new(
                        "a call to a name that several groups have",
                        reference.range.clone(),
                    ));
                }
                *id = found[0];
            }
            _ => {}
        }
        match node {
            Node::Concat(nodes) | Node::Alternate(nodes) => nodes.iter_mut().try_for_each(|n| self.resolve(n, named)),
            Node::Repeat { node, .. } | Node::Capture(_, node) | Node::Atomic(node) | Node::Look { node, .. } => {
                self.resolve(node, named)
            }
            Node::Conditional { yes, no, .. } => {
                self.resolve(yes, named)?;
                self.resolve(no, named)
            }
            _ => Ok(()),
        }
    }

    fn targets(&self, reference: &Reference, named: bool) -> Parsed<Vec<u32>> {
        let fail = |message: String| Err(PatternError::new(message, reference.range.clone()));
        match &reference.target {
            Target::Number(0) if reference.call => Ok(vec![0]),
            Target::Number(_) if named => fail("a group is called by number in a pattern with named groups".into()),
            Target::Number(n) if *n >= 1 && *n <= self.groups.len() as i64 => Ok(vec![*n as u32]),
            Target::Number(_) => fail("no such group".into()),
            Target::Name(name) => {
                // the last definition is tried first
                let found: Vec<u32> = (1..=self.groups.len() as u32)
                    .rev()
                    .filter(|&n| self.groups[n as usize - 1].name.as_deref() == Some(name))
                    .collect();
                if found.is_empty() { fail(format!("no group is called `{name}`")) } else { Ok(found) }
            }
        }
    }
}

/// A set as an item; the complement of a Unicode set is an inner class, so that printing needs no complement tables.
fn named(set: Set, negated: bool, ascii: bool) -> ClassItem {
    if negated && !ascii {
        let terms = vec![vec![ClassItem::Named { set, negated: false, ascii }]];
        return ClassItem::Nested(Class { negated: true, ignore_case: false, terms });
    }
    ClassItem::Named { set, negated, ascii }
}

fn literal(c: char, mode: Mode) -> Node {
    Node::Literal { text: c.to_string(), ignore_case: mode.flags.ignore_case }
}

/// Appends to a sequence; literals that touch become one.
fn push(nodes: &mut Vec<Node>, node: Node) {
    match (nodes.last_mut(), node) {
        (_, Node::Empty) => {}
        (Some(Node::Literal { text, ignore_case: a }), Node::Literal { text: more, ignore_case: b }) if *a == b => {
            text.push_str(&more);
        }
        (_, Node::Concat(more)) => more.into_iter().for_each(|n| push(nodes, n)),
        (_, node) => nodes.push(node),
    }
}

/// A look-behind's alternatives must each have one length (Ruby, and PCRE2 without a bound on them).
fn check_lookbehinds(node: &Node, root: &Node, ranges: &mut std::slice::Iter<'_, Range<usize>>) -> Parsed<()> {
    match node {
        Node::Concat(nodes) | Node::Alternate(nodes) => {
            nodes.iter().try_for_each(|n| check_lookbehinds(n, root, ranges))
        }
        Node::Repeat { node, .. } | Node::Capture(_, node) | Node::Atomic(node) => {
            check_lookbehinds(node, root, ranges)
        }
        Node::Conditional { yes, no, .. } => {
            check_lookbehinds(yes, root, ranges)?;
            check_lookbehinds(no, root, ranges)
        }
        Node::Look { node, behind, .. } => {
            // inner groups closed first, so their ranges come first
            check_lookbehinds(node, root, ranges)?;
            if !behind {
                return Ok(());
            }
            let range = ranges.next().expect("a range for every look-behind").clone();
            let branches = match &**node {
                Node::Alternate(branches) => branches.as_slice(),
                other => std::slice::from_ref(other),
            };
            for branch in branches {
                let (low, high) = branch.width(&|_| None);
                if high != Some(low) {
                    return Err(PatternError::new("a look-behind whose length is not fixed", range));
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
