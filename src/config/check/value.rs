//! What is known of an event: the abstract values that [`super::facts`] computes with.
//!
//! Everything here errs to one side: a type, a text or a tag that an event may have is in the sets; what is not in them,
//! no event has. `open` means that nothing is known of the rest.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::source::Span;
use crate::event::FieldRef;
use crate::event::field_ref::{Root, Step};

/// Constant texts remembered for one field; a field with more of them is any text.
pub const VALUES_MAX: usize = 64;

/// A set of types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Types(u8);

impl Types {
    pub const NONE: Types = Types(0);
    pub const STR: Types = Types(1);
    pub const LIST: Types = Types(2);
    pub const MAP: Types = Types(4);
    pub const NUM: Types = Types(8);
    pub const TIME: Types = Types(16);
    pub const BOOL: Types = Types(32);
    pub const NULL: Types = Types(64);
    pub const ALL: Types = Types(127);

    pub fn has(self, other: Types) -> bool {
        self.0 & other.0 != 0
    }

    pub fn and(self, other: Types) -> Types {
        Types(self.0 | other.0)
    }

    pub fn without(self, other: Types) -> Types {
        Types(self.0 & !other.0)
    }

    /// No type but those.
    pub fn within(self, other: Types) -> bool {
        self.without(other) == Types::NONE
    }
}

/// What is known of one field.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// An event may lack it.
    pub absent: bool,
    /// What it is where it is there; none: it never is.
    pub types: Types,
    /// All the texts it may be, where it is a text; `None`: any.
    pub values: Option<BTreeSet<String>>,
    /// The grok patterns (by name, with their place) that may have cut it out of a line.
    pub cut_by: BTreeSet<(String, Span)>,
    /// It may also come from elsewhere.
    pub cut_by_others: bool,
    /// Something was done to the text, or a condition looked at its form.
    pub touched: bool,
    /// The grok captures that may have made it a list.
    pub list_from: BTreeSet<Span>,
    /// Where it is set to one of `values`.
    pub set_at: BTreeSet<Span>,
    /// Of a map.
    pub children: BTreeMap<String, Known>,
    /// A map may have further fields.
    pub open: bool,
}

impl Known {
    /// No event has it.
    pub fn never() -> Known {
        Known {
            absent: true,
            types: Types::NONE,
            values: None,
            cut_by: BTreeSet::new(),
            cut_by_others: false,
            touched: false,
            list_from: BTreeSet::new(),
            set_at: BTreeSet::new(),
            children: BTreeMap::new(),
            open: false,
        }
    }

    /// Anything may be there, or nothing.
    pub fn unknown() -> Known {
        Known { types: Types::ALL, cut_by_others: true, open: true, ..Known::never() }
    }

    /// There, of one of these types.
    pub fn of(types: Types) -> Known {
        Known { absent: false, types, cut_by_others: true, open: types.has(Types::MAP), ..Known::never() }
    }

    /// Always this text.
    pub fn text(value: &str, at: Span) -> Known {
        Known {
            values: Some(BTreeSet::from([value.to_string()])),
            set_at: BTreeSet::from([at]),
            ..Known::of(Types::STR)
        }
    }

    /// A map with nothing in it.
    pub fn empty_map() -> Known {
        Known { open: false, ..Known::of(Types::MAP) }
    }

    pub fn maybe(mut self) -> Known {
        self.absent = true;
        self
    }

    pub fn is_never(&self) -> bool {
        self.types == Types::NONE
    }

    /// No such event exists.
    pub fn is_impossible(&self) -> bool {
        self.is_never() && !self.absent
    }

    /// Forgets which text it is.
    pub fn any_text(mut self) -> Known {
        self.values = None;
        self.set_at.clear();
        self.cut_by.clear();
        self.cut_by_others = true;
        self.touched = true;
        self
    }

    /// One or the other.
    pub fn join(&self, other: &Known) -> Known {
        let values = match (self.types.has(Types::STR), other.types.has(Types::STR)) {
            (true, true) => match (&self.values, &other.values) {
                (Some(a), Some(b)) if a.len() + b.len() <= VALUES_MAX => Some(a | b),
                _ => None,
            },
            (true, false) => self.values.clone(),
            (false, _) => other.values.clone(),
        };
        let names: BTreeSet<&String> = self.children.keys().chain(other.children.keys()).collect();
        let step = |name: &str| Step { name: name.into(), index: None };
        let children =
            names.into_iter().map(|n| (n.clone(), self.child(&step(n)).join(&other.child(&step(n))))).collect();
        Known {
            absent: self.absent || other.absent,
            types: self.types.and(other.types),
            values,
            cut_by: &self.cut_by | &other.cut_by,
            cut_by_others: self.cut_by_others || other.cut_by_others,
            touched: self.touched || other.touched,
            list_from: &self.list_from | &other.list_from,
            set_at: &self.set_at | &other.set_at,
            children,
            open: self.open || other.open,
        }
    }

    /// One step down.
    pub fn child(&self, step: &Step) -> Known {
        let mut found = match self.types.has(Types::MAP) {
            true => match self.children.get(&*step.name) {
                Some(child) => child.clone(),
                None if self.open => Known::unknown(),
                None => Known::never(),
            },
            false => Known::never(),
        };
        if self.absent || self.types != Types::MAP {
            found.absent = true;
        }
        match step.index.is_some() && self.types.has(Types::LIST) {
            true => found.join(&Known::unknown()),
            false => found,
        }
    }

    /// Changes what lies `steps` below; missing maps are made on the way, as an event does.
    fn change(&mut self, steps: &[Step], f: &dyn Fn(&Known) -> Known) {
        let Some((first, rest)) = steps.split_first() else {
            *self = f(self);
            return;
        };
        let before = self.child(first);
        let mut after = before.clone();
        after.change(rest, f);
        if !self.types.without(Types::MAP).within(Types::NONE) {
            // below a text or a list nothing is set
            after = after.join(&before);
        }
        if self.absent || self.types != Types::MAP {
            for child in self.children.values_mut() {
                child.absent = true;
            }
        }
        self.absent = self.absent && after.is_never();
        self.types = self.types.and(Types::MAP);
        self.children.insert(first.name.to_string(), after);
    }
}

/// The tags an event may have, with the places that add them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tags {
    pub may: BTreeMap<String, BTreeSet<Span>>,
    /// It may have others.
    pub open: bool,
}

/// What is known of an event at one point of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    root: Known,
    metadata: Known,
    pub tags: Tags,
}

impl State {
    /// An event without fields.
    pub fn empty() -> State {
        State { root: Known::empty_map(), metadata: Known::empty_map(), tags: Tags::default() }
    }

    /// An event of which nothing is known.
    pub fn unknown() -> State {
        let mut state = State::empty();
        state.forget();
        state
    }

    /// From here on nothing is known.
    pub fn forget(&mut self) {
        self.root = Known::of(Types::MAP);
        self.metadata = Known::of(Types::MAP);
        self.tags.open = true;
    }

    pub fn get(&self, field: &FieldRef) -> Known {
        if field.root == Root::Event && &*field.steps[0].name == "tags" {
            return Known::unknown();
        }
        let mut known = match field.root {
            Root::Event => self.root.clone(),
            Root::Metadata => self.metadata.clone(),
        };
        for step in &field.steps {
            known = known.child(step);
        }
        known
    }

    /// Replaces what is known of a field by what `f` makes of it.
    pub fn change(&mut self, field: &FieldRef, f: &dyn Fn(&Known) -> Known) {
        match field.root {
            Root::Event if &*field.steps[0].name == "tags" => self.tags.open = true,
            Root::Event => self.root.change(&field.steps, f),
            Root::Metadata => self.metadata.change(&field.steps, f),
        }
    }

    pub fn set(&mut self, field: &FieldRef, known: Known) {
        self.change(field, &|_| known.clone());
    }

    /// Takes a field away; nothing is made on the way.
    pub fn remove(&mut self, field: &FieldRef) {
        if !self.get(field).is_never() {
            self.change(field, &|_| Known::never());
        }
    }

    pub fn tag(&mut self, tag: &str, at: Span) {
        self.tags.may.entry(tag.to_string()).or_default().insert(at);
    }

    /// An event that is in one state or in the other.
    pub fn join(&self, other: &State) -> State {
        let mut tags = self.tags.clone();
        tags.open |= other.tags.open;
        for (tag, at) in &other.tags.may {
            tags.may.entry(tag.clone()).or_default().extend(at);
        }
        State { root: self.root.join(&other.root), metadata: self.metadata.join(&other.metadata), tags }
    }
}
