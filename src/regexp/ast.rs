//! The syntax tree of a regular expression in Ruby's dialect.
//!
//! All flags are resolved while parsing: a node says what it matches, not under which option it stood. Groups are
//! numbered from 1 in the order of their opening parentheses; a pattern with named groups has no other groups (Ruby
//! makes its plain parentheses non-capturing), so a group number is also an index into [`Tree::groups`] plus one.

use std::ops::Range;

/// A parsed pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    pub root: Node,
    /// The capturing groups; group number `n` is `groups[n - 1]`.
    pub groups: Vec<Group>,
    /// Every `\p{..}` whose name is not one of POSIX's, with its place: only the engine knows whether it exists.
    pub properties: Vec<(String, Range<usize>)>,
}

/// A capturing group.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// As written between `<` and `>`; several groups may carry one name.
    pub name: Option<String>,
    /// From the opening to the closing parenthesis, in bytes of the pattern.
    pub range: Range<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Matches the empty string.
    Empty,
    Literal {
        text: String,
        ignore_case: bool,
    },
    /// `.`; with `newline` it matches every character.
    Any {
        newline: bool,
    },
    Class(Class),
    Assert(Assertion),
    Concat(Vec<Node>),
    /// Tried from the first to the last.
    Alternate(Vec<Node>),
    Repeat {
        node: Box<Node>,
        min: u32,
        /// `None` is without end.
        max: Option<u32>,
        kind: RepeatKind,
    },
    /// A capturing group by its number.
    Capture(u32, Box<Node>),
    /// `(?>..)`: what it matched once is not tried again differently.
    Atomic(Box<Node>),
    Look {
        node: Box<Node>,
        behind: bool,
        negated: bool,
    },
    /// What one of these groups matched; the first that is set and fits. Fails when none is set.
    Backreference {
        groups: Vec<u32>,
        ignore_case: bool,
    },
    /// `\g<..>`: matches the group's expression again; 0 is the whole pattern.
    Call(u32),
    /// `(?(n)yes|no)`: by whether one of the groups is set.
    Conditional {
        groups: Vec<u32>,
        yes: Box<Node>,
        no: Box<Node>,
    },
    /// `\R`: one line break, CR LF taken as one.
    LineBreak,
    /// `\X`: one extended grapheme cluster.
    Grapheme,
    /// `\K`: the match starts here.
    Keep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepeatKind {
    Greedy,
    Lazy,
    Possessive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assertion {
    /// `^`: at the start, or after a newline that is not the last character.
    LineStart,
    /// `$`: at the end, or before any newline.
    LineEnd,
    /// `\A`
    TextStart,
    /// `\z`
    TextEnd,
    /// `\Z`: at the end, or before a newline that is the last character.
    TextEndNewline,
    /// `\G`: where the search began.
    SearchStart,
    /// `\b` and `\B`. Unicode words unless `(?a)` is on.
    WordBoundary { negated: bool, ascii: bool },
}

/// One character out of a set.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    pub negated: bool,
    pub ignore_case: bool,
    /// The operands of `&&`; at least one. Each is a union of items.
    pub terms: Vec<Vec<ClassItem>>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ClassItem {
    Range(char, char),
    /// `\w \d \s \h`, `[:alpha:]` and the properties of the same meaning.
    Named {
        set: Set,
        negated: bool,
        ascii: bool,
    },
    /// Any other `\p{..}`.
    Property {
        name: String,
        negated: bool,
    },
    Nested(Class),
}

/// The character sets with a name of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    Alnum,
    Alpha,
    Ascii,
    Blank,
    Cntrl,
    Digit,
    Graph,
    Lower,
    Print,
    Punct,
    Space,
    Upper,
    Word,
    XDigit,
}

impl Set {
    /// By its POSIX name, in any case.
    pub fn by_name(name: &str) -> Option<Set> {
        const NAMES: [(&str, Set); 14] = [
            ("alnum", Set::Alnum),
            ("alpha", Set::Alpha),
            ("ascii", Set::Ascii),
            ("blank", Set::Blank),
            ("cntrl", Set::Cntrl),
            ("digit", Set::Digit),
            ("graph", Set::Graph),
            ("lower", Set::Lower),
            ("print", Set::Print),
            ("punct", Set::Punct),
            ("space", Set::Space),
            ("upper", Set::Upper),
            ("word", Set::Word),
            ("xdigit", Set::XDigit),
        ];
        NAMES.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|&(_, set)| set)
    }

    /// The ASCII members as ranges, in order.
    pub fn ascii(self) -> &'static [(char, char)] {
        match self {
            Set::Alnum => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
            Set::Alpha => &[('A', 'Z'), ('a', 'z')],
            Set::Ascii => &[('\0', '\x7f')],
            Set::Blank => &[('\t', '\t'), (' ', ' ')],
            Set::Cntrl => &[('\0', '\x1f'), ('\x7f', '\x7f')],
            Set::Digit => &[('0', '9')],
            Set::Graph => &[('!', '~')],
            Set::Lower => &[('a', 'z')],
            Set::Print => &[(' ', '~')],
            Set::Punct => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
            Set::Space => &[('\t', '\r'), (' ', ' ')],
            Set::Upper => &[('A', 'Z')],
            Set::Word => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
            Set::XDigit => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        }
    }
}

impl Node {
    /// The lengths in characters this node can match, `None` above for no bound; used to check look-behinds.
    pub fn width(&self) -> (usize, Option<usize>) {
        match self {
            Node::Empty | Node::Assert(_) | Node::Look { .. } | Node::Keep => (0, Some(0)),
            Node::Literal { text, .. } => {
                let n = text.chars().count();
                (n, Some(n))
            }
            Node::Any { .. } | Node::Class(_) => (1, Some(1)),
            Node::Concat(nodes) => nodes.iter().fold((0, Some(0)), |(lo, hi), n| {
                let (l, h) = n.width();
                (lo + l, hi.zip(h).map(|(a, b)| a + b))
            }),
            Node::Alternate(nodes) => nodes
                .iter()
                .map(|n| n.width())
                .reduce(|(lo, hi), (l, h)| (lo.min(l), hi.zip(h).map(|(a, b)| a.max(b))))
                .unwrap_or((0, Some(0))),
            Node::Repeat { node, min, max, .. } => {
                let (l, h) = node.width();
                let hi = if *max == Some(0) { Some(0) } else { h.zip(*max).map(|(h, m)| h.saturating_mul(m as usize)) };
                (l.saturating_mul(*min as usize), hi)
            }
            Node::Capture(_, node) | Node::Atomic(node) => node.width(),
            Node::Backreference { .. } | Node::Call(_) => (0, None),

            Node::Conditional { yes, no, .. } => {
                let ((a, b), (c, d)) = (yes.width(), no.width());
                (a.min(c), b.zip(d).map(|(b, d)| b.max(d)))
            }
            Node::LineBreak => (1, Some(2)),
            Node::Grapheme => (1, None),
        }
    }
}
