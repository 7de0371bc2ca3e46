//! Writes a [`Tree`] in PCRE2's dialect.
//!
//! Everything is spelled out: `(?sm)` stands in front (`.` is any character, `\N` any but a newline, `^ $` are line
//! anchors), Unicode sets are properties, groups and references are numbers only. PCRE2's UCP mode is on for `\b` and
//! for letter case; `(?aD)(?aS)(?aW)` take `\d \s \w` back to ASCII, and so would `\b` be if it did not stand in its
//! own `(?-aW)`.
//!
//! Deviations from Ruby: a captured group inside a group called by `\g<..>` keeps its value from before the call; in a
//! class and a backreference case is folded character by character (`[ß]` is not `ss`).

use std::fmt::Write;
use std::sync::LazyLock;

use super::ast::{Assertion, Class, ClassItem, Node, RepeatKind, Set, Tree};

/// The pattern for PCRE2, without the `(*..)` settings in front.
pub fn print(tree: &Tree) -> String {
    let mut out = String::from("(?sm)(?aD)(?aS)(?aW)");
    node(&mut out, &tree.root, Place::Whole);
    out
}

/// One node, as it stands alone in a group.
pub(super) fn print_node(out: &mut String, n: &Node) {
    node(out, n, Place::Whole);
}

/// What stands around a node, from loose to tight.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Whole,
    Sequence,
    Operand,
}

fn node(out: &mut String, n: &Node, place: Place) {
    match n {
        Node::Empty => {
            if place == Place::Operand {
                out.push_str("(?:)");
            }
        }
        Node::Literal { text, ignore_case } => {
            let single = text.chars().nth(1).is_none();
            match (ignore_case, single || place < Place::Operand) {
                (true, _) => {
                    out.push_str("(?i:");
                    folded(out, text);
                    out.push(')');
                }
                (false, true) => text.chars().for_each(|c| literal(out, c)),
                (false, false) => wrapped(out, |out| text.chars().for_each(|c| literal(out, c))),
            }
        }
        Node::Any { newline } => out.push_str(if *newline { "." } else { "\\N" }),
        Node::Class(c) => class(out, c),
        Node::Assert(a) => {
            let text = match a {
                Assertion::LineStart => "^",
                Assertion::LineEnd => "$",
                Assertion::TextStart => "\\A",
                Assertion::TextEnd => "\\z",
                Assertion::TextEndNewline => "\\Z",
                Assertion::SearchStart => "\\G",
                Assertion::WordBoundary { negated: false, ascii: false } => "(?-aW)\\b(?aW)",
                Assertion::WordBoundary { negated: true, ascii: false } => "(?-aW)\\B(?aW)",
                Assertion::WordBoundary { negated: false, ascii: true } => "\\b",
                Assertion::WordBoundary { negated: true, ascii: true } => "\\B",
            };
            if place == Place::Operand { wrapped(out, |out| out.push_str(text)) } else { out.push_str(text) }
        }
        Node::Concat(nodes) => {
            let all = |out: &mut String| nodes.iter().for_each(|n| node(out, n, Place::Sequence));
            if place == Place::Operand { wrapped(out, all) } else { all(out) }
        }
        Node::Alternate(nodes) => {
            let all = |out: &mut String| {
                for (i, n) in nodes.iter().enumerate() {
                    if i > 0 {
                        out.push('|');
                    }
                    node(out, n, Place::Whole);
                }
            };
            if place == Place::Whole { all(out) } else { wrapped(out, all) }
        }
        Node::Repeat { node: inner, min, max, kind } => {
            let write = |out: &mut String| {
                node(out, inner, Place::Operand);
                match (min, max) {
                    (0, None) => out.push('*'),
                    (1, None) => out.push('+'),
                    (0, Some(1)) => out.push('?'),
                    (n, None) => write!(out, "{{{n},}}").expect("a String takes all"),
                    (n, Some(m)) if n == m => write!(out, "{{{n}}}").expect("a String takes all"),
                    (n, Some(m)) => write!(out, "{{{n},{m}}}").expect("a String takes all"),
                }
                out.push_str(match kind {
                    RepeatKind::Greedy => "",
                    RepeatKind::Lazy => "?",
                    RepeatKind::Possessive => "+",
                });
            };
            if place == Place::Operand { wrapped(out, write) } else { write(out) }
        }
        Node::Capture(_, inner) => group(out, "(", inner),
        Node::Atomic(inner) => group(out, "(?>", inner),
        Node::Look { node: inner, behind, negated } => {
            let open = match (behind, negated) {
                (false, false) => "(?=",
                (false, true) => "(?!",
                (true, false) => "(?<=",
                (true, true) => "(?<!",
            };
            group(out, open, inner);
        }
        Node::Backreference { groups, ignore_case } => {
            out.push_str(if *ignore_case { "(?i:" } else { "(?:" });
            if groups.len() > 1 {
                out.push_str("(?>");
            }
            for (i, n) in groups.iter().enumerate() {
                let bar = if i > 0 { "|" } else { "" };
                write!(out, "{bar}\\g{{{n}}}").expect("a String takes all");
            }
            if groups.len() > 1 {
                out.push(')');
            }
            out.push(')');
        }
        Node::Call(n) => write!(out, "(?{n})").expect("a String takes all"),
        Node::Conditional { groups, yes, no } => {
            // one condition per group of the name: set if any of them is
            for n in groups {
                write!(out, "(?({n})").expect("a String takes all");
                node(out, yes, Place::Sequence);
                out.push('|');
            }
            node(out, no, Place::Sequence);
            groups.iter().for_each(|_| out.push(')'));
        }
        Node::LineBreak => out.push_str("\\R"),
        Node::Grapheme => out.push_str("\\X"),
        Node::Keep => {
            if place == Place::Operand {
                wrapped(out, |out| out.push_str("\\K"))
            } else {
                out.push_str("\\K")
            }
        }
    }
}

fn wrapped(out: &mut String, inner: impl FnOnce(&mut String)) {
    out.push_str("(?:");
    inner(out);
    out.push(')');
}

fn group(out: &mut String, open: &str, inner: &Node) {
    out.push_str(open);
    node(out, inner, Place::Whole);
    out.push(')');
}

/// A literal without case, inside `(?i:..)`. PCRE2 folds character by character; the characters that fold to several
/// (`ß` and `ss`, `İ` and `i` with a dot above, `ﬁ` and `fi`) are spelled out.
fn folded(out: &mut String, text: &str) {
    // character and what it folds to, of all that fold to more than one
    static WIDE: LazyLock<Vec<(char, Vec<char>)>> = LazyLock::new(|| {
        let fold = |c: char| c.to_uppercase().flat_map(char::to_lowercase).collect::<Vec<char>>();
        ('\u{80}'..='\u{ffff}').map(|c| (c, fold(c))).filter(|(_, f)| f.len() > 1).collect()
    });
    let chars: Vec<char> = text.chars().collect();
    let lower: Vec<char> = chars.iter().map(|c| c.to_lowercase().next().unwrap_or(*c)).collect();
    let mut at = 0;
    while at < chars.len() {
        let own = WIDE.iter().find(|(c, _)| *c == chars[at]).map(|(_, f)| &f[..]);
        let long = WIDE.iter().map(|(_, f)| &f[..]).filter(|f| lower[at..].starts_with(f)).max_by_key(|f| f.len());
        let Some(sequence) = own.or(long) else {
            literal(out, chars[at]);
            at += 1;
            continue;
        };
        out.push_str("(?:");
        sequence.iter().for_each(|c| literal(out, *c));
        for (c, _) in WIDE.iter().filter(|(_, f)| f == sequence) {
            out.push('|');
            literal(out, *c);
        }
        out.push(')');
        at += if own.is_some() { 1 } else { sequence.len() };
    }
}

fn literal(out: &mut String, c: char) {
    match c {
        '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' => {
            out.push('\\');
            out.push(c);
        }
        c if c.is_control() => write!(out, "\\x{{{:x}}}", c as u32).expect("a String takes all"),
        c => out.push(c),
    }
}

// ---- classes

/// One item that consumes one character and can be repeated.
fn class(out: &mut String, c: &Class) {
    if c.ignore_case {
        out.push_str("(?i:");
    }
    // `[[^..]]`, as the negated Unicode shorthands are parsed
    if let ([items], false) = (&c.terms[..], c.negated)
        && let [ClassItem::Nested(inner)] = &items[..]
    {
        class(out, inner);
        if c.ignore_case {
            out.push(')');
        }
        return;
    }
    // `&&` and negated or intersected inner classes have no direct form: they become look-aheads before one character.
    match (&c.terms[..], c.negated) {
        ([items], false) => union(out, items),
        ([items], true) => {
            if let Some(flat) = flatten(items) {
                bracket(out, &flat, true);
            } else {
                out.push_str("(?:(?!");
                union(out, items);
                out.push_str(").)");
            }
        }
        (terms, negated) => {
            out.push_str(if negated { "(?:(?!" } else { "(?:" });
            for (i, items) in terms.iter().enumerate() {
                if i + 1 < terms.len() {
                    out.push_str("(?=");
                    union(out, items);
                    out.push(')');
                } else {
                    union(out, items);
                }
            }
            out.push_str(if negated { ").)" } else { ")" });
        }
    }
    if c.ignore_case {
        out.push(')');
    }
}

fn union(out: &mut String, items: &[ClassItem]) {
    if let Some(flat) = flatten(items) {
        return bracket(out, &flat, false);
    }
    let (nested, plain): (Vec<_>, Vec<_>) = items.iter().partition(|i| matches!(i, ClassItem::Nested(_)));
    out.push_str("(?:");
    let mut first = true;
    if !plain.is_empty() {
        bracket(out, &plain, false);
        first = false;
    }
    for item in nested {
        if !first {
            out.push('|');
        }
        first = false;
        match item {
            ClassItem::Nested(inner) => class(out, inner),
            _ => unreachable!("partitioned by kind"),
        }
    }
    out.push(')');
}

/// The items with plain inner classes dissolved; `None` if an inner class is negated or an intersection.
fn flatten(items: &[ClassItem]) -> Option<Vec<&ClassItem>> {
    let mut flat = vec![];
    for item in items {
        match item {
            ClassItem::Nested(Class { negated: false, terms, .. }) if terms.len() == 1 => {
                flat.extend(flatten(&terms[0])?)
            }
            ClassItem::Nested(_) => return None,
            item => flat.push(item),
        }
    }
    Some(flat)
}

fn bracket(out: &mut String, items: &[&ClassItem], negated: bool) {
    if items.is_empty() {
        // an empty operand of `&&` matches nothing, its negation everything
        out.push_str(if negated { "." } else { "(?!)" });
        return;
    }
    if let [ClassItem::Named { set, negated: inner, ascii: true }] = items {
        let negated = *inner != negated;
        match (set, negated) {
            (Set::Digit, false) => out.push_str("\\d"),
            (Set::Digit, true) => out.push_str("\\D"),
            (Set::Space, false) => out.push_str("\\s"),
            (Set::Space, true) => out.push_str("\\S"),
            (Set::Word, false) => out.push_str("\\w"),
            (Set::Word, true) => out.push_str("\\W"),
            (set, negated) => {
                out.push_str(if negated { "[^" } else { "[" });
                ranges(out, set.ascii());
                out.push(']');
            }
        }
        return;
    }
    out.push_str(if negated { "[^" } else { "[" });
    for item in items {
        match item {
            ClassItem::Range(low, high) => range(out, *low, *high),
            ClassItem::Named { set, negated: false, ascii } => {
                ranges(out, set.ascii());
                if !ascii {
                    out.push_str(unicode(*set));
                }
            }
            ClassItem::Named { set, negated: true, ascii: true } => {
                let mut next = 0;
                for (low, high) in set.ascii() {
                    gap(out, next, *low as u32);
                    next = *high as u32 + 1;
                }
                gap(out, next, 0x11_0000);
            }
            ClassItem::Named { negated: true, ascii: false, .. } => {
                unreachable!("the parser makes it a negated inner class: PCRE2 has no complement inside a bracket")
            }
            ClassItem::Property { name, negated } => {
                write!(out, "\\{}{{{name}}}", if *negated { 'P' } else { 'p' }).expect("a String takes all");
            }
            ClassItem::Nested(_) => unreachable!("flattened before"),
        }
    }
    out.push(']');
}

fn ranges(out: &mut String, ranges: &[(char, char)]) {
    ranges.iter().for_each(|(low, high)| range(out, *low, *high));
}

fn gap(out: &mut String, from: u32, to: u32) {
    if from < to {
        write!(out, "\\x{{{from:x}}}-\\x{{{:x}}}", to - 1).expect("a String takes all");
    }
}

fn range(out: &mut String, low: char, high: char) {
    class_char(out, low);
    if high > low {
        if high as u32 > low as u32 + 1 {
            out.push('-');
        }
        class_char(out, high);
    }
}

fn class_char(out: &mut String, c: char) {
    match c {
        '\\' | '[' | ']' | '^' | '-' => {
            out.push('\\');
            out.push(c);
        }
        c if c.is_control() => write!(out, "\\x{{{:x}}}", c as u32).expect("a String takes all"),
        c => out.push(c),
    }
}

/// The members outside ASCII, as Onigmo's tables have them.
fn unicode(set: Set) -> &'static str {
    match set {
        Set::Alnum => r"\p{Alphabetic}\p{Nd}",
        Set::Alpha => r"\p{Alphabetic}",
        Set::Ascii | Set::XDigit => "",
        Set::Blank => r"\p{Zs}",
        Set::Cntrl => r"\p{Cc}",
        Set::Digit => r"\p{Nd}",
        Set::Graph => r"\p{L}\p{M}\p{N}\p{P}\p{S}\p{Cf}\p{Co}",
        Set::Lower => r"\p{Lowercase}",
        Set::Print => r"\p{L}\p{M}\p{N}\p{P}\p{S}\p{Cf}\p{Co}\p{Zs}",
        Set::Punct => r"\p{P}",
        Set::Space => r"\p{White_Space}",
        Set::Upper => r"\p{Uppercase}",
        Set::Word => r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}",
    }
}
