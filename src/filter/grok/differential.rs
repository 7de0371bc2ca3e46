//! Every shipped pattern against Oniguruma, on seeded lines that look like what the pattern wants.

use onig::{Regex as Onig, RegexOptions, Region, SearchOptions, Syntax};

use super::expand::expand;
use super::patterns::Patterns;
use crate::regexp::ast::{Assertion, Class, ClassItem, Node};
use crate::regexp::tests::Random;
use crate::regexp::{Flags, MatchError, Regex, parse};

/// Lines per pattern: whole, cut and damaged ones.
const LINES: usize = 24;
/// Texts longer than this tell nothing new and cost Oniguruma minutes.
const LINE_BYTES_MAX: usize = 600;

/// Writes a text the node would match, as far as look-arounds do not forbid it.
fn sample(node: &Node, random: &mut Random, out: &mut String) {
    if out.len() > LINE_BYTES_MAX {
        return;
    }
    match node {
        Node::Literal { text, ignore_case } => match *ignore_case && random.below(2) == 0 {
            true => out.push_str(&text.to_ascii_uppercase()),
            false => out.push_str(text),
        },
        Node::Any { .. } => out.push(char::from(b' ' + random.below(95) as u8)),
        Node::Class(class) => {
            out.extend((0..200).map(|_| char::from(b'\t' + random.below(118) as u8)).find(|c| holds(class, *c)))
        }
        Node::Concat(nodes) => nodes.iter().for_each(|n| sample(n, random, out)),
        Node::Alternate(nodes) => sample(&nodes[random.below(nodes.len())], random, out),
        Node::Repeat { node, min, max, .. } => {
            let most = max.map_or(*min + 4, |m| m.min(*min + 4));
            let n = *min as usize + random.below((most - min) as usize + 1);
            (0..n).for_each(|_| sample(node, random, out));
        }
        Node::Capture(_, node) | Node::Atomic(node) => sample(node, random, out),
        Node::Assert(Assertion::LineStart) if !out.is_empty() && random.below(4) == 0 => out.push('\n'),
        _ => {}
    }
}

fn holds(class: &Class, c: char) -> bool {
    let all = class.terms.iter().all(|items| {
        items.iter().any(|item| match item {
            ClassItem::Range(low, high) => (*low..=*high).contains(&c),
            ClassItem::Named { set, negated, .. } => {
                set.ascii().iter().any(|(l, h)| (*l..=*h).contains(&c)) != *negated
            }
            ClassItem::Nested(class) => holds(class, c),
            ClassItem::Property { .. } => false,
        })
    });
    all != class.negated
}

fn damage(line: &mut String, random: &mut Random) {
    let Some(at) = (!line.is_empty()).then(|| random.below(line.len())).filter(|&n| line.is_char_boundary(n)) else {
        return;
    };
    match random.below(4) {
        0 => line.truncate(at),
        1 => _ = line.remove(at),
        2 => line.insert(at, char::from(b' ' + random.below(95) as u8)),
        _ => *line = line.split_off(at),
    }
}

/// Oniguruma takes no `[` or `:` in a group's name.
fn plain_names(text: &str) -> String {
    let mut names: Vec<&str> = vec![];
    let mut out = String::new();
    let mut rest = text;
    while let Some(n) = rest.find("(?<") {
        let (before, after) = rest.split_at(n + 3);
        out.push_str(before);
        rest = after;
        if !after.starts_with(['=', '!']) {
            let (name, more) = after.split_once('>').expect("a group's name is closed");
            let id = names.iter().position(|n| *n == name).unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
            out.push_str(&format!("g{id}>"));
            rest = more;
        }
    }
    out + rest
}

#[test]
fn oniguruma_and_we_agree_on_every_shipped_pattern() {
    let mut random = Random(20_260_101);
    let (mut patterns, mut lines, mut hits, mut limits) = (0, 0, 0, 0);
    let mut differences: Vec<String> = vec![];
    for set in [Patterns::legacy(), Patterns::ecs_v1()] {
        let mut names: Vec<&str> = set.names().collect();
        names.sort_unstable();
        for name in names {
            let expanded = expand(&format!("%{{{name}}}"), set, true).unwrap();
            let flags = Flags { dot_newline: true, ..Flags::default() };
            let tree = parse(&expanded.text, flags).unwrap();
            let ours = Regex::new(&expanded.text, flags).unwrap();
            let theirs = plain_names(&expanded.text);
            let theirs = Onig::with_options(&theirs, RegexOptions::REGEX_OPTION_MULTILINE, Syntax::ruby())
                .unwrap_or_else(|e| panic!("{name}: {e}"));
            patterns += 1;
            let mut scratch = ours.scratch();
            let mut region = Region::new();
            for n in 0..LINES {
                let mut line = String::new();
                if n % 6 == 5 {
                    line.push_str("x ");
                }
                sample(&tree.root, &mut random, &mut line);
                (0..n % 4).for_each(|_| damage(&mut line, &mut random));
                // a month's umlaut apart, where \w and \b differ by Unicode, lines are ASCII
                line.retain(|c| c.is_ascii());
                lines += 1;
                let found = match ours.captures(&line, &mut scratch) {
                    Err(MatchError::Limit) => {
                        limits += 1;
                        continue;
                    }
                    found => found.unwrap(),
                };
                hits += usize::from(found);
                region.clear();
                let other = theirs.search_with_options(
                    &line,
                    0,
                    line.len(),
                    SearchOptions::SEARCH_OPTION_NONE,
                    Some(&mut region),
                );
                let mine: Option<Vec<_>> = found.then(|| (0..=ours.names().len()).map(|n| scratch.get(n)).collect());
                let other: Option<Vec<_>> = other.map(|_| (0..region.len()).map(|n| region.pos(n)).collect());
                if mine != other {
                    differences.push(format!("{name} on {line:?}:\n  we   {mine:?}\n  onig {other:?}"));
                }
            }
        }
    }
    println!(
        "{patterns} patterns, {lines} lines, {hits} matched, {limits} over the limit, {} differences",
        differences.len()
    );
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(
        patterns == Patterns::legacy().len() + Patterns::ecs_v1().len() && hits * 3 > lines && limits * 100 < lines
    );
}
