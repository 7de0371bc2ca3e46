//! What is only known at the end: which groups a reference means, how long look-behinds are.

use std::ops::Range;

use super::super::ast::Node;
use super::{Parsed, Parser, PatternError, Reference, Target};

impl Parser<'_> {
    /// Turns the reference numbers in the tree into group numbers.
    pub(super) fn resolve(&self, node: &mut Node, named: bool) -> Parsed<()> {
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

/// A look-behind's alternatives must each have one length (Ruby, and PCRE2 without a bound on them).
pub(super) fn check_lookbehinds(node: &Node, ranges: &mut std::slice::Iter<'_, Range<usize>>) -> Parsed<()> {
    match node {
        Node::Concat(nodes) | Node::Alternate(nodes) => nodes.iter().try_for_each(|n| check_lookbehinds(n, ranges)),
        Node::Repeat { node, .. } | Node::Capture(_, node) | Node::Atomic(node) => check_lookbehinds(node, ranges),
        Node::Conditional { yes, no, .. } => {
            check_lookbehinds(yes, ranges)?;
            check_lookbehinds(no, ranges)
        }
        Node::Look { node, behind, .. } => {
            // inner groups closed first, so their ranges come first
            check_lookbehinds(node, ranges)?;
            if !behind {
                return Ok(());
            }
            let range = ranges.next().expect("a range for every look-behind").clone();
            let branches = match &**node {
                Node::Alternate(branches) => branches.as_slice(),
                other => std::slice::from_ref(other),
            };
            for branch in branches {
                let (low, high) = branch.width();
                if high != Some(low) {
                    return Err(PatternError::new("a look-behind whose length is not fixed", range));
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
