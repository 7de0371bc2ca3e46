//! The abstract interpretation: walks filters and outputs once for every sender, and notes what it sees.
//!
//! A walk goes through every branch. Where the condition in front cannot hold it goes on in thought only (`real` is
//! false): what is seen there is kept for what can be said of the code itself, and has no effect on what comes after.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::CheckInput;
use super::expr;
use super::senders::{Sender, senders};
use super::transfer;
use super::value::{Known, State, Types};
use crate::config::logstash::ast::{Branch, Expr, Plugin, SectionKind, Stmt};
use crate::config::source::{Span, Spanned};
use crate::event::FieldRef;
use crate::filter::grok::matcher::Capture;

/// What a comparison is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    Value,
    /// `<`, `>`, `<=`, `>=` with the field on the left.
    Order,
    /// `=~`, `!~`
    Match,
    /// A tag looked for in `[tags]`.
    Tag(String),
}

/// One comparison of a condition and what is known of its field there.
#[derive(Clone, Debug)]
pub struct Leaf {
    pub span: Span,
    pub verdict: Option<bool>,
    pub field: FieldRef,
    pub known: Known,
    pub why: Why,
}

/// A condition that a walk came to.
#[derive(Clone, Debug)]
pub struct ConditionSeen {
    /// Index into [`Facts::lanes`].
    pub lane: usize,
    pub real: bool,
    pub cond: Rc<Spanned<Expr>>,
    pub verdict: Option<bool>,
    pub leaves: Vec<Leaf>,
}

/// `%{field}` in a text that is filled in.
#[derive(Clone, Debug)]
pub struct ReferenceSeen {
    pub lane: usize,
    pub real: bool,
    /// Of `%{field}` alone.
    pub span: Span,
    pub field: FieldRef,
    /// The plugin that fills it in.
    pub plugin: Span,
    pub never: bool,
}

/// A grok capture that goes to a field which already holds a text.
#[derive(Clone, Debug)]
pub struct CaptureSeen {
    pub lane: usize,
    /// Of `%{NAME:field}` where it stands in the pattern, else of the pattern.
    pub span: Span,
    pub field: FieldRef,
    /// The field is the one that was searched.
    pub is_source: bool,
    /// Where the filter can be given `overwrite`.
    pub grok: Span,
}

/// A place where a list made by captures is used as if it were a text.
#[derive(Clone, Debug)]
pub struct ListUsed {
    pub lane: usize,
    /// The list comes here; no condition before keeps lists away.
    pub comes: bool,
    pub captures: Vec<Span>,
    pub span: Span,
    pub how: ListUse,
}

/// See [`ListUsed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListUse {
    /// `=~` never holds for a list.
    Match,
    /// The json filter cannot read it.
    JsonSource,
}

/// A date filter and where its texts come from.
#[derive(Clone, Debug)]
pub struct DateSeen {
    pub lane: usize,
    pub source: Spanned<String>,
    pub formats: Vec<Spanned<String>>,
    pub known: Known,
    pub tags: Vec<String>,
}

/// A tag that a filter adds.
#[derive(Clone, Debug)]
pub struct TagAdded {
    pub lane: usize,
    pub real: bool,
    pub tag: String,
    pub span: Span,
}

/// A plugin of the output section.
#[derive(Clone, Debug)]
pub struct OutputSeen {
    pub lane: usize,
    pub real: bool,
    pub plugin: Rc<Plugin>,
}

/// Everything that was seen.
#[derive(Debug, Default)]
pub struct Facts {
    /// The senders.
    pub lanes: Vec<Sender>,
    pub conditions: Vec<ConditionSeen>,
    pub references: Vec<ReferenceSeen>,
    /// The same, had every condition let events through: for code that no event comes to.
    pub references_in_thought: Vec<ReferenceSeen>,
    pub captures: Vec<CaptureSeen>,
    pub lists_used: Vec<ListUsed>,
    pub dates: Vec<DateSeen>,
    pub tags_added: Vec<TagAdded>,
    pub outputs: Vec<OutputSeen>,
}

impl Facts {
    /// Walks the configuration.
    ///
    /// The first walk is for an event of which nothing is known: what it finds is true whoever sends.
    pub fn collect(input: &CheckInput<'_>) -> Facts {
        let mut lanes = vec![Sender { input: None, state: State::unknown() }];
        let known = senders(input);
        // with an unknown sender among them the first walk says all that can be said
        if known.iter().all(|s| s.input.is_some()) {
            lanes.extend(known);
        }
        let mut facts = Facts { lanes: lanes.clone(), ..Facts::default() };
        let mut groks = HashMap::new();
        for (lane, sender) in lanes.into_iter().enumerate() {
            let mut thought = Facts::default();
            for generous in [false, true] {
                let facts = if generous { &mut thought } else { &mut facts };
                let mut walk = Walk { input, facts, lane, real: true, generous, groks: &mut groks };
                let mut state = sender.state.clone();
                for kind in [SectionKind::Filter, SectionKind::Output] {
                    walk.body(input.logstash.iter().flat_map(|c| c.statements(kind)), kind, &mut state);
                }
            }
            facts.references_in_thought.extend(thought.references);
        }
        facts
    }

    /// Whether every sender is known.
    pub fn senders_known(&self) -> bool {
        self.lanes.len() > 1
    }

    /// What was seen, place by place, of the senders alone if all are known, else of anybody.
    pub fn by_place<'s, T>(&self, seen: &'s [T], place: impl Fn(&T) -> (Span, usize)) -> BTreeMap<Span, Vec<&'s T>> {
        let mut places: BTreeMap<Span, Vec<&T>> = BTreeMap::new();
        for one in seen {
            let (span, lane) = place(one);
            if (lane > 0) == self.senders_known() {
                places.entry(span).or_default().push(one);
            }
        }
        places
    }
}

/// One walk.
pub(super) struct Walk<'w, 'a> {
    pub input: &'w CheckInput<'a>,
    pub facts: &'w mut Facts,
    pub lane: usize,
    /// Events come here.
    pub real: bool,
    /// Conditions count as open, whatever is known.
    pub generous: bool,
    /// The captures of the patterns seen so far, by the pattern's place; `None`: not known.
    pub groks: &'w mut HashMap<Span, Option<Vec<Capture>>>,
}

impl Walk<'_, '_> {
    fn body<'s>(&mut self, statements: impl IntoIterator<Item = &'s Stmt>, kind: SectionKind, state: &mut State) {
        for statement in statements {
            match statement {
                Stmt::Branch(branch) => self.branch(branch, kind, state),
                Stmt::Plugin(plugin) if kind == SectionKind::Filter => {
                    if !transfer::filter(self, plugin, state) {
                        self.real = false;
                    }
                }
                Stmt::Plugin(plugin) => {
                    transfer::output(self, plugin, state);
                    self.facts.outputs.push(OutputSeen {
                        lane: self.lane,
                        real: self.real,
                        plugin: Rc::new(plugin.clone()),
                    });
                }
            }
        }
    }

    fn branch(&mut self, branch: &Branch, kind: SectionKind, state: &mut State) {
        let came = self.real;
        // what is true of events that no arm before took; `None`: there are none
        let mut rest = came.then(|| state.clone());
        let mut after: Option<State> = None;
        for arm in &branch.arms {
            let mut inside = rest.clone();
            match &arm.cond {
                None => rest = None,
                Some(cond) => {
                    let cond = Rc::new(self.expanded(cond));
                    let verdict = self.condition(&cond, rest.as_ref().unwrap_or(state), rest.is_some());
                    if !self.generous {
                        if verdict == Some(false) || !inside.as_mut().is_some_and(|s| self.assume(&cond, true, s)) {
                            inside = None;
                        }
                        if verdict == Some(true) || !rest.as_mut().is_some_and(|s| self.assume(&cond, false, s)) {
                            rest = None;
                        }
                    }
                    for field in self.looked_at(&cond) {
                        for state in [&mut inside, &mut rest].into_iter().flatten() {
                            if !state.get(&field).is_never() {
                                state.change(&field, &|old| Known { touched: true, ..old.clone() });
                            }
                        }
                    }
                }
            }
            self.real = inside.is_some();
            let mut inside = inside.unwrap_or_else(|| state.clone());
            self.body(&arm.body, kind, &mut inside);
            if self.real {
                after = Some(after.map_or(inside.clone(), |a: State| a.join(&inside)));
            }
        }
        if let Some(rest) = rest {
            after = Some(after.map_or(rest.clone(), |a| a.join(&rest)));
        }
        self.real = came && after.is_some();
        if kind == SectionKind::Filter
            && let Some(after) = after
        {
            *state = after;
        } else if kind == SectionKind::Output {
            self.real = came;
        }
    }

    fn expanded(&self, cond: &Spanned<Expr>) -> Spanned<Expr> {
        let mut cond = cond.clone();
        self.input.variables.expand_condition(&mut cond, &mut vec![]);
        cond
    }

    fn assume(&self, cond: &Spanned<Expr>, holds: bool, state: &mut State) -> bool {
        expr::assume(cond, holds, state, self.input.escape)
    }

    fn condition(&mut self, cond: &Rc<Spanned<Expr>>, state: &State, real: bool) -> Option<bool> {
        let mut leaves = vec![];
        let verdict = expr::decide(cond, state, self.input.escape, &mut |leaf| leaves.push(leaf));
        for leaf in &leaves {
            if leaf.why == Why::Match && !leaf.known.list_from.is_empty() {
                self.list_used(&leaf.known, leaf.span, ListUse::Match);
            }
        }
        self.facts.conditions.push(ConditionSeen { lane: self.lane, real, cond: cond.clone(), verdict, leaves });
        verdict
    }

    /// The fields whose form a condition looks at, where that may be the form of a date.
    fn looked_at(&self, cond: &Rc<Spanned<Expr>>) -> Vec<FieldRef> {
        let seen = self.facts.conditions.last().filter(|c| Rc::ptr_eq(&c.cond, cond));
        let leaves = seen.map(|c| c.leaves.as_slice()).unwrap_or_default();
        let of_dates = |leaf: &&Leaf| {
            let text = self.input.sources.text(leaf.span);
            leaf.why == Why::Match && [r"\d", "[0-9", "T", ":", r"\s"].iter().any(|part| text.contains(part))
        };
        leaves.iter().filter(of_dates).filter(|l| !l.field.steps.is_empty()).map(|l| l.field.clone()).collect()
    }

    pub fn list_used(&mut self, known: &Known, span: Span, how: ListUse) {
        let captures = known.list_from.iter().copied().collect();
        let comes = known.types.has(Types::LIST);
        self.facts.lists_used.push(ListUsed { lane: self.lane, comes, captures, span, how });
    }
}
