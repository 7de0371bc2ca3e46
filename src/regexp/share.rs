//! Makes a large pattern smaller: what occurs several times is written once and called.
//!
//! PCRE2's compiled form has a limit of 64 KiB, which some eight `%{IPORHOST}` fill. A call costs time, so this is only
//! done to patterns that are too large without it.

use std::collections::HashMap;

use super::ast::{Node, Tree};
use super::pcre2;

/// Shorter ones (as printed, in bytes) gain nothing.
const SHARED_BYTES_MIN: usize = 200;

/// The pattern for PCRE2 as [`pcre2::print`] writes it, and how many groups it has beyond the tree's own; `None` if
/// nothing large occurs twice.
pub fn print(tree: &Tree) -> Option<(String, usize)> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    count(&tree.root, &mut counts);
    let mut shared: Vec<String> = vec![];
    let mut root = tree.root.clone();
    replace(&mut root, &counts, &mut shared, tree.groups.len() as u32);
    if shared.is_empty() {
        return None;
    }
    let small = Tree { root: Node::Atomic(Box::new(Node::Empty)), groups: vec![], properties: vec![] };
    let prefix = pcre2::print(&small);
    let prefix = prefix.strip_suffix("(?>)").expect("an empty group comes last");
    let mut body = String::new();
    pcre2::print_node(&mut body, &root);
    let definitions: String = shared.iter().map(|text| format!("({text})")).collect();
    Some((format!("{prefix}(?:{body})(?(DEFINE){definitions})"), shared.len()))
}

/// The node as text, if it can stand elsewhere: groups, references and `\K` mean their own place.
fn text(node: &Node) -> Option<String> {
    let worth = matches!(node, Node::Concat(_) | Node::Alternate(_) | Node::Repeat { .. } | Node::Atomic(_));
    if !worth || !movable(node) {
        return None;
    }
    let mut text = String::new();
    pcre2::print_node(&mut text, node);
    (text.len() >= SHARED_BYTES_MIN).then_some(text)
}

fn movable(node: &Node) -> bool {
    match node {
        Node::Capture(..) | Node::Backreference { .. } | Node::Call(_) | Node::Conditional { .. } | Node::Keep => false,
        Node::Concat(nodes) | Node::Alternate(nodes) => nodes.iter().all(movable),
        Node::Repeat { node, .. } | Node::Atomic(node) | Node::Look { node, .. } => movable(node),
        _ => true,
    }
}

fn count(node: &Node, counts: &mut HashMap<String, usize>) {
    if let Some(text) = text(node) {
        *counts.entry(text).or_default() += 1;
    }
    match node {
        Node::Concat(nodes) | Node::Alternate(nodes) => nodes.iter().for_each(|n| count(n, counts)),
        Node::Repeat { node, .. } | Node::Capture(_, node) | Node::Atomic(node) => count(node, counts),
        Node::Look { node, behind: false, .. } => count(node, counts),
        Node::Conditional { yes, no, .. } => [yes, no].into_iter().for_each(|n| count(n, counts)),
        _ => {}
    }
}

/// The outermost that occur twice become calls of groups behind the pattern's own.
fn replace(node: &mut Node, counts: &HashMap<String, usize>, shared: &mut Vec<String>, groups: u32) {
    if let Some(text) = text(node)
        && counts.get(&text).is_some_and(|n| *n > 1)
    {
        let at = shared.iter().position(|t| *t == text).unwrap_or_else(|| {
            shared.push(text);
            shared.len() - 1
        });
        *node = Node::Call(groups + 1 + at as u32);
        return;
    }
    match node {
        Node::Concat(nodes) | Node::Alternate(nodes) => {
            nodes.iter_mut().for_each(|n| replace(n, counts, shared, groups));
        }
        Node::Repeat { node, .. } | Node::Capture(_, node) | Node::Atomic(node) => {
            replace(node, counts, shared, groups)
        }
        Node::Look { node, behind: false, .. } => replace(node, counts, shared, groups),
        Node::Conditional { yes, no, .. } => {
            replace(yes, counts, shared, groups);
            replace(no, counts, shared, groups);
        }
        _ => {}
    }
}
