//! Reads a regular expression as Ruby (JRuby's Joni) does.
//!
//! Facts: Oniguruma's `doc/RE` and `doc/SYNTAX.md`, and Ruby's syntax table there. What differs from the well known
//! dialects: `.` and `(?m)`, `^ $` as line anchors, `\h` as a hexadecimal digit, nested classes with `&&`, `{n}?` and
//! `{n,m}+` being a repeat of a repeat, `(?i)` reaching over the alternatives to the end of its group, plain groups
//! that do not capture beside named ones, and ASCII `\w \d \s` next to Unicode `\b` and `[[:alpha:]]`.
//!
//! Belongs here: text to tree, and the errors of the text. Must not be here: what an engine makes of the tree
//! (`regexp/pcre2.rs`).

mod classes;
mod escapes;
mod references;

use std::ops::Range;

use super::ast::{Assertion, Group, Node, RepeatKind, Tree};
use references::check_lookbehinds;

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
enum Sets {
    /// Ruby's default: ASCII `\w \d \s \h`, Unicode `\b` and POSIX brackets.
    Default,
    Ascii,
    Unicode,
}

#[derive(Clone, Copy)]
struct Mode {
    flags: Flags,
    sets: Sets,
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
        let mut root = self.alternation(Mode { flags, sets: Sets::Default })?;
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
        check_lookbehinds(&root, &mut behinds)?;
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
            '{' if self.interval()?.is_some() => return self.error(start, "nothing to repeat before the braces"),
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
        let (low, high) = node.width();
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
        if !digits.is_empty()
            && digits.bytes().all(|b| b.is_ascii_digit())
            && let Ok(n) = name.parse()
        {
            return Target::Number(n);
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
                'a' if on => mode.sets = Sets::Ascii,
                'd' if on => mode.sets = Sets::Default,
                'u' if on => mode.sets = Sets::Unicode,
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
