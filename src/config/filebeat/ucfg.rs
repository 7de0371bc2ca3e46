//! Settings as elastic/go-ucfg, the library under every Beat, makes them of YAML: dotted keys, `${...}`, overrides, merging.
//!
//! In come the trees of the `-c` files and the `-E key=value` texts, out comes one tree without dots and without variables.
//! The behaviour was recorded from go-ucfg v0.8.6 with the options Beats give it (path separator `.`, environment, expansion);
//! the tables in the tests hold the recordings.
//!
//! - `a.b: 1` is `a: {b: 1}`; a part that is a number is a place in a list (`a.1: x`).
//! - Merging is by key and, for lists, by place: `[1, 2, 3]` overridden by `[9]` is `[9, 2, 3]`. A scalar replaces anything;
//!   nothing (`~`) replaces scalars only.
//! - `${x}` is the setting `x`, else the environment variable, which must not be empty. `${x:d}` has a default, `${x:?m}` a
//!   message, `${x:+a}` an alternative; `$$` and `$}` escape. What a text with an expansion becomes is read again as a flag's
//!   value: `a,b` is a list, `007` is 7, quotes are taken off. A text without one is left alone.
//!
//! Deviations: where Go's map order decides by chance whether a setting written both dotted and nested is an error, the last
//! written counts and it is reported. A reference is expanded where it is read, so `~` or a map merged over a reference replaces it.

use super::super::diagnostic::Diagnostic;
use super::super::source::{FileId, SourceMap, Span};
use super::super::yaml::{Entry, Node, Value, integer};

/// The environment: a variable's value by its name.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A list place in a dotted key above this is a name instead.
const INDEX_MAX: usize = 1024;
/// References followed one inside the other.
const REFERENCE_DEPTH_MAX: usize = 32;
/// Expansions done for one configuration, and bytes they may make: `${a}${a}` of `${b}${b}` grows exponentially.
const EXPANSIONS_MAX: usize = 10_000;
const EXPANDED_BYTES_MAX: usize = 4 << 20;

/// Merges `files` in order, then `overrides` (each source's text is one `key=value`), over `defaults`, and expands variables.
///
/// A variable that cannot be expanded becomes [`Value::Missing`]: only a setting that is read needs it, as in the original.
pub fn load(
    sources: &SourceMap,
    defaults: &[(&str, String)],
    files: &[FileId],
    overrides: &[FileId],
    env: Env<'_>,
) -> (Node, Vec<Diagnostic>) {
    let mut found = vec![];
    let mut root = Tree::default();
    let home = Span::new(files.first().or(overrides.first()).copied().unwrap_or(FileId(0)), 0, 0);
    for (key, value) in defaults {
        let mut tree = Tree::default();
        let item = Item::text(value, home, &mut found);
        tree.set(key, home, item, &mut found);
        root.merge(tree);
    }
    for &file in files {
        let (node, more) = super::super::yaml::parse(file, &sources.file(file).text);
        found.extend(more);
        match node.map(|n| (n.span, Item::of(n, &mut found))) {
            Some((_, Item { value: Raw::Tree(tree), .. })) => root.merge(tree),
            Some((span, _)) => found.push(
                Diagnostic::error("wrong-type", "a configuration must be a map of settings")
                    .at(span.head(), "starts here"),
            ),
            None => {}
        }
    }
    for &id in overrides {
        let text = &sources.file(id).text;
        match flag(text, id) {
            Ok(Some((key, key_span, node))) => {
                let mut tree = Tree::default();
                let item = Item::of(node, &mut found);
                tree.set(&key, key_span, item, &mut found);
                root.merge(tree);
            }
            Ok(None) => {}
            Err(diagnostic) => found.push(*diagnostic),
        }
    }
    let mut expander = Expander { root: &root, env, active: vec![], expansions: 0, bytes: 0 };
    let node = expander.tree(&root, home);
    (node, found)
}

/// `key=value` with the value read as a flag; `key` alone is true, `key=` is nothing.
fn flag(text: &str, file: FileId) -> Result<Option<(String, Span, Node)>, Box<Diagnostic>> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, Some(value)),
        None => (text, None),
    };
    let key_span = Span::new(file, 0, key.len());
    let Some(value) = value else {
        return Ok(Some((key.to_string(), key_span, Node::new(Value::Bool(true), key_span))));
    };
    if value.is_empty() {
        return Ok(None);
    }
    let span = Span::new(file, key.len() + 1, text.len());
    match parse_value(value, true, span) {
        Ok(node) => Ok(Some((key.to_string(), key_span, node))),
        Err(why) => Err(Box::new(
            Diagnostic::error("flag-syntax", format!("the value of `{key}` cannot be read: {why}")).at(span, "value"),
        )),
    }
}

// --- the merged tree ------------------------------------------------------------------------------------------------------

/// A map and a list in one, as in go-ucfg: `{"0": x}` is a list.
#[derive(Clone, Debug, Default)]
struct Tree {
    fields: Vec<Field>,
    items: Vec<Item>,
    written_as_list: bool,
    span: Option<Span>,
}

#[derive(Clone, Debug)]
struct Field {
    name: String,
    key_span: Span,
    item: Item,
}

#[derive(Clone, Debug)]
struct Item {
    value: Raw,
    span: Span,
}

#[derive(Clone, Debug)]
enum Raw {
    /// Null, a boolean, a number, a text without variables, or a value that cannot be computed.
    Plain(Value),
    Expression(Vec<Piece>),
    Tree(Tree),
}

enum Step {
    Name(String),
    Index(usize),
}

fn steps(key: &str, key_span: Span) -> Vec<(Step, Span)> {
    // The parts of an unquoted key have places of their own.
    let exact = (key_span.end - key_span.start) as usize == key.len();
    let mut start = key_span.start as usize;
    let mut all = vec![];
    for part in key.split('.') {
        let span = match exact {
            true => Span::new(key_span.file, start, start + part.len()),
            false => key_span,
        };
        start += part.len() + 1;
        let index = match integer(part) {
            Some(Value::Int(i)) => usize::try_from(i).ok().filter(|&i| i <= INDEX_MAX),
            _ => None,
        };
        all.push((index.map_or_else(|| Step::Name(part.to_string()), Step::Index), span));
    }
    all
}

impl Item {
    fn null(span: Span) -> Item {
        Item { value: Raw::Plain(Value::Null), span }
    }

    fn is_null(&self) -> bool {
        matches!(self.value, Raw::Plain(Value::Null))
    }

    fn text(text: &str, span: Span, found: &mut Vec<Diagnostic>) -> Item {
        if !text.contains('$') {
            return Item { value: Raw::Plain(Value::Text(text.to_string())), span };
        }
        let value = match expression(text) {
            Ok(pieces) => match &pieces[..] {
                [] => Raw::Plain(Value::Text(String::new())),
                [Piece::Text(text)] => Raw::Plain(Value::Text(text.clone())),
                _ => Raw::Expression(pieces),
            },
            Err(why) => {
                let diagnostic = Diagnostic::error("variable-syntax", format!("not a variable expansion: {why}"))
                    .at(span, "in this value")
                    .help("write `$$` for a `$` that is meant as such");
                found.push(diagnostic.clone());
                Raw::Plain(Value::Missing(Box::new(diagnostic)))
            }
        };
        Item { value, span }
    }

    fn of(node: Node, found: &mut Vec<Diagnostic>) -> Item {
        let span = node.span;
        let value = match node.value {
            Value::Text(text) => return Item::text(&text, span, found),
            Value::List(nodes) => Raw::Tree(Tree {
                items: nodes.into_iter().map(|n| Item::of(n, found)).collect(),
                written_as_list: true,
                span: Some(span),
                ..Tree::default()
            }),
            Value::Map(entries) => {
                let mut tree = Tree { span: Some(span), ..Tree::default() };
                for entry in entries {
                    let item = Item::of(entry.node, found);
                    tree.set(&entry.key, entry.key_span, item, found);
                }
                Raw::Tree(tree)
            }
            plain => Raw::Plain(plain),
        };
        Item { value, span }
    }

    /// What is left when `new` comes over this.
    fn merge(&mut self, new: Item) {
        match (&mut self.value, new.value) {
            (Raw::Tree(old), Raw::Tree(tree)) => old.merge(tree),
            (Raw::Tree(_), Raw::Plain(Value::Null)) => {}
            (_, value) => *self = Item { value, span: new.span },
        }
    }
}

impl Tree {
    fn field(&self, name: &str) -> Option<&Item> {
        self.fields.iter().find(|f| f.name == name).map(|f| &f.item)
    }

    fn slot(&mut self, step: &Step, key_span: Span) -> &mut Item {
        match step {
            Step::Index(i) => {
                while self.items.len() <= *i {
                    self.items.push(Item::null(key_span));
                }
                &mut self.items[*i]
            }
            Step::Name(name) => {
                let at = match self.fields.iter().position(|f| f.name == *name) {
                    Some(at) => at,
                    None => {
                        self.fields.push(Field { name: name.clone(), key_span, item: Item::null(key_span) });
                        self.fields.len() - 1
                    }
                };
                // the key that gave the value is the one to point at
                if self.fields[at].item.is_null() {
                    self.fields[at].key_span = key_span;
                }
                &mut self.fields[at].item
            }
        }
    }

    /// Sets a possibly dotted key within one source.
    fn set(&mut self, key: &str, key_span: Span, item: Item, found: &mut Vec<Diagnostic>) {
        let steps = steps(key, key_span);
        let mut tree = self;
        let (last, way) = steps.split_last().expect("splitting gives at least one part");
        for (step, span) in way {
            let value_span = item.span;
            let slot = tree.slot(step, *span);
            if slot.is_null() {
                slot.value = Raw::Tree(Tree { span: Some(value_span), ..Tree::default() });
                slot.span = value_span;
            }
            let at = slot.span;
            match &mut slot.value {
                Raw::Tree(inner) => tree = inner,
                _ => {
                    found.push(
                        Diagnostic::error(
                            "setting-conflict",
                            format!("`{key}` needs a map where a plain value is set"),
                        )
                        .at(key_span, "this key")
                        .with(at, "the plain value"),
                    );
                    return;
                }
            }
        }
        let span = last.1;
        let slot = tree.slot(&last.0, span);
        if item.is_null() && !slot.is_null() {
            return;
        }
        match (&mut slot.value, item.value) {
            (Raw::Plain(Value::Null), value) => *slot = Item { value, span: item.span },
            (Raw::Tree(old), Raw::Tree(new)) => old.merge(new),
            (_, value) => {
                found.push(
                    Diagnostic::warning("repeated-key", format!("`{key}` is set twice, dotted and nested"))
                        .at(span, "this one counts")
                        .with(slot.span, "this value is ignored")
                        .note("Filebeat refuses such a file or takes one of the two, by chance"),
                );
                *slot = Item { value, span: item.span };
            }
        }
    }

    fn merge(&mut self, new: Tree) {
        for field in new.fields {
            let slot = self.slot(&Step::Name(field.name), field.key_span);
            slot.merge(field.item);
        }
        let old_len = self.items.len();
        for (i, item) in new.items.into_iter().enumerate() {
            match i < old_len {
                true => self.items[i].merge(item),
                false => self.items.push(item),
            }
        }
        self.written_as_list |= new.written_as_list;
        self.span = new.span.or(self.span);
    }
}

// --- ${...} ---------------------------------------------------------------------------------------------------------------

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Variable { name: Vec<Piece>, operator: Option<(Operator, Vec<Piece>)> },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    Default,
    Alternative,
    Message,
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(last)) => last.push_str(text),
        _ => pieces.push(Piece::Text(text.to_string())),
    }
}

/// Splits a text into plain parts and expansions.
fn expression(text: &str) -> Result<Vec<Piece>, String> {
    #[derive(Default)]
    struct Open {
        name: Vec<Piece>,
        operator: Option<(Operator, Vec<Piece>)>,
    }
    impl Open {
        fn pieces(&mut self) -> &mut Vec<Piece> {
            match &mut self.operator {
                Some((_, right)) => right,
                None => &mut self.name,
            }
        }
    }
    let mut stack = vec![Open::default()];
    let mut rest = text;
    while !rest.is_empty() {
        let stops: &[char] = if stack.len() > 1 { &['$', ':', '}'] } else { &['$'] };
        let at = rest.find(stops).unwrap_or(rest.len());
        let inside = stack.len() > 1;
        let top = stack.last_mut().expect("the outermost level stays");
        push_text(top.pieces(), &rest[..at]);
        rest = &rest[at..];
        if rest.is_empty() {
            break;
        }
        let next = rest[1..].chars().next();
        match (rest.as_bytes()[0], next) {
            (b'$', Some('{')) => {
                if stack.len() > REFERENCE_DEPTH_MAX {
                    return Err(format!("more than {REFERENCE_DEPTH_MAX} levels of braces"));
                }
                stack.push(Open::default());
                rest = &rest[2..];
            }
            (b'$', Some(escaped @ ('$' | '}'))) => {
                push_text(top.pieces(), escaped.encode_utf8(&mut [0; 4]));
                rest = &rest[2..];
            }
            (b':', Some(_)) if inside && top.operator.is_none() => {
                let (operator, len) = match next {
                    Some('+') => (Operator::Alternative, 2),
                    Some('?') => (Operator::Message, 2),
                    _ => (Operator::Default, 1),
                };
                top.operator = Some((operator, vec![]));
                rest = &rest[len..];
            }
            (b'}', _) if inside => {
                let Some(Open { name, operator }) = stack.pop() else { unreachable!("inside means a level is open") };
                if name.is_empty() {
                    return Err("the name is missing".to_string());
                }
                let outer = stack.last_mut().expect("the outermost level stays");
                outer.pieces().push(Piece::Variable { name, operator });
                rest = &rest[1..];
            }
            _ => {
                push_text(top.pieces(), &rest[..1]);
                rest = &rest[1..];
            }
        }
    }
    match stack.len() {
        1 => Ok(stack.pop().expect("one level").name),
        _ => Err("the closing `}` is missing".to_string()),
    }
}

/// Why an expansion failed.
enum Failure {
    /// Neither a setting nor a variable of that name.
    Unset(String),
    Cycle(String),
    /// `${x:?message}`
    Message(String),
    Wrong(String),
}

struct Expander<'a> {
    root: &'a Tree,
    env: Env<'a>,
    /// References being followed.
    active: Vec<String>,
    expansions: usize,
    bytes: usize,
}

impl<'a> Expander<'a> {
    fn tree(&mut self, tree: &Tree, fallback: Span) -> Node {
        let span = tree.span.unwrap_or(fallback);
        if tree.fields.is_empty() && (tree.written_as_list || !tree.items.is_empty()) {
            let items = tree.items.iter().map(|item| self.item(item)).collect();
            return Node::new(Value::List(items), span);
        }
        let mut entries = vec![];
        for (i, item) in tree.items.iter().enumerate() {
            entries.push(Entry { key: i.to_string(), key_span: item.span, node: self.item(item) });
        }
        for field in &tree.fields {
            entries.push(Entry { key: field.name.clone(), key_span: field.key_span, node: self.item(&field.item) });
        }
        Node::new(Value::Map(entries), span)
    }

    fn item(&mut self, item: &Item) -> Node {
        match &item.value {
            Raw::Plain(value) => Node::new(value.clone(), item.span),
            Raw::Tree(tree) => self.tree(tree, item.span),
            Raw::Expression(pieces) => match self.expression(pieces, item.span) {
                Ok(node) => node,
                Err(failure) => Node::new(Value::Missing(Box::new(failed(failure, item.span))), item.span),
            },
        }
    }

    /// The value of a whole text: a lone reference is what it refers to, anything else is made text and read as a flag.
    fn expression(&mut self, pieces: &[Piece], span: Span) -> Result<Node, Failure> {
        self.expansions += 1;
        if self.expansions > EXPANSIONS_MAX || self.bytes > EXPANDED_BYTES_MAX {
            return Err(Failure::Wrong("too much expansion in one configuration".to_string()));
        }
        if let [Piece::Variable { name, operator: None }] = pieces
            && let [Piece::Text(name)] = &name[..]
        {
            return match self.setting(name) {
                Ok(node) => Ok(node),
                Err(failure @ (Failure::Unset(_) | Failure::Cycle(_))) => match self.variable(name) {
                    Some(text) => parse_value(&text, false, span).map_err(Failure::Wrong),
                    None => Err(failure),
                },
                Err(failure) => Err(failure),
            };
        }
        let text = self.text(pieces)?;
        parse_value(&text, true, span).map_err(Failure::Wrong)
    }

    fn variable(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|v| !v.is_empty())
    }

    /// A setting by its dotted name.
    fn setting(&mut self, name: &str) -> Result<Node, Failure> {
        if self.active.iter().any(|a| a == name) {
            return Err(Failure::Cycle(name.to_string()));
        }
        if self.active.len() >= REFERENCE_DEPTH_MAX {
            return Err(Failure::Wrong(format!("more than {REFERENCE_DEPTH_MAX} references in a row")));
        }
        self.active.push(name.to_string());
        let node = self.follow(name);
        self.active.pop();
        node
    }

    fn follow(&mut self, name: &str) -> Result<Node, Failure> {
        let unset = || Failure::Unset(name.to_string());
        let steps = steps(name, Span::new(FileId(0), 0, 0));
        let mut steps = steps.into_iter().map(|(step, _)| step);
        let mut tree = self.root;
        while let Some(step) = steps.next() {
            let item = match &step {
                Step::Index(i) => tree.items.get(*i),
                Step::Name(name) => tree.field(name),
            };
            let item = item.ok_or_else(unset)?;
            match &item.value {
                Raw::Tree(inner) => tree = inner,
                Raw::Plain(value) => {
                    // the first place of a plain value is the value
                    return match steps.all(|s| matches!(s, Step::Index(0))) {
                        true => Ok(Node::new(value.clone(), item.span)),
                        false => Err(unset()),
                    };
                }
                Raw::Expression(pieces) => {
                    let mut node = self.expression(pieces, item.span)?;
                    for step in steps {
                        let inner = match (&node.value, &step) {
                            (Value::List(items), Step::Index(i)) => items.get(*i).cloned(),
                            (Value::Map(_), Step::Name(name)) => node.get(name).cloned(),
                            _ => None,
                        };
                        node = inner.ok_or_else(unset)?;
                    }
                    return Ok(node);
                }
            }
        }
        let tree = tree.clone();
        let node = self.tree(&tree, Span::new(FileId(0), 0, 0));
        match first_failure(&node) {
            Some(diagnostic) => Err(Failure::Wrong(diagnostic.message.clone())),
            None => Ok(node),
        }
    }

    fn text(&mut self, pieces: &[Piece]) -> Result<String, Failure> {
        let mut all = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => all.push_str(text),
                Piece::Variable { name, operator } => all.push_str(&self.expand(name, operator.as_ref())?),
            }
            if all.len() > EXPANDED_BYTES_MAX {
                return Err(Failure::Wrong("too much expansion in one configuration".to_string()));
            }
        }
        self.bytes += all.len();
        Ok(all)
    }

    fn expand(&mut self, name: &[Piece], operator: Option<&(Operator, Vec<Piece>)>) -> Result<String, Failure> {
        let name = self.text(name);
        let value = match name {
            Ok(name) if name.is_empty() => Err(Failure::Unset(name)),
            Ok(name) => self.reference(&name),
            Err(failure) => Err(failure),
        };
        match operator {
            None => value,
            Some((Operator::Default, right)) => match value {
                Ok(text) if !text.is_empty() => Ok(text),
                _ => self.text(right),
            },
            Some((Operator::Message, right)) => match value {
                Ok(text) if !text.is_empty() => Ok(text),
                _ => Err(Failure::Message(self.text(right)?)),
            },
            Some((Operator::Alternative, right)) => match value {
                Ok(_) => self.text(right),
                Err(_) => Ok(String::new()),
            },
        }
    }

    /// A setting or variable as text.
    fn reference(&mut self, name: &str) -> Result<String, Failure> {
        self.expansions += 1;
        if self.expansions > EXPANSIONS_MAX || self.bytes > EXPANDED_BYTES_MAX {
            return Err(Failure::Wrong("too much expansion in one configuration".to_string()));
        }
        match self.setting(name) {
            Ok(node) => match &node.value {
                Value::Missing(diagnostic) => Err(Failure::Wrong(diagnostic.message.clone())),
                value => scalar_text(value).ok_or_else(|| {
                    Failure::Wrong(format!("`{name}` is {}, which cannot be put into a text", node.kind()))
                }),
            },
            Err(failure @ (Failure::Unset(_) | Failure::Cycle(_))) => self.variable(name).ok_or(failure),
            Err(failure) => Err(failure),
        }
    }
}

fn first_failure(node: &Node) -> Option<&Diagnostic> {
    match &node.value {
        Value::Missing(diagnostic) => Some(diagnostic),
        Value::List(items) => items.iter().find_map(first_failure),
        Value::Map(entries) => entries.iter().find_map(|e| first_failure(&e.node)),
        _ => None,
    }
}

fn failed(failure: Failure, span: Span) -> Diagnostic {
    match failure {
        Failure::Unset(name) => Diagnostic::error("variable-unset", format!("`${{{name}}}` has no value"))
            .at(span, "used here")
            .note("no setting has this name, and the environment variable is unset or empty")
            .help(format!("set the variable, or give a default: `${{{name}:default}}`")),
        Failure::Cycle(name) => {
            Diagnostic::error("variable-cycle", format!("`${{{name}}}` refers to itself")).at(span, "used here")
        }
        Failure::Message(message) => {
            Diagnostic::error("variable-unset", message).at(span, "this value asks for the variable")
        }
        Failure::Wrong(why) => Diagnostic::error("variable-value", format!("the expanded value cannot be read: {why}"))
            .at(span, "expanded here"),
    }
}

/// A scalar as go-ucfg turns it into text; `None` for lists, maps and what could not be computed.
pub fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some("null".to_string()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Int(i) => Some(i.to_string()),
        Value::UInt(u) => Some(u.to_string()),
        Value::Float(f) => Some(go_float(*f)),
        Value::Text(text) => Some(text.clone()),
        Value::List(_) | Value::Map(_) | Value::Missing(_) => None,
    }
}

/// Go's `%v` of a float: shortest digits, an exponent from 1e21 on and below 1e-4.
fn go_float(f: f64) -> String {
    if f.is_nan() {
        return "NaN".to_string();
    }
    if f.is_infinite() {
        return if f > 0.0 { "+Inf" } else { "-Inf" }.to_string();
    }
    let size = f.abs();
    if size != 0.0 && !(1e-4..1e21).contains(&size) {
        let text = format!("{f:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent),
        };
        return format!("{mantissa}e{sign}{digits:0>2}");
    }
    format!("{f}")
}

// --- values of flags ------------------------------------------------------------------------------------------------------

/// Reads a text as the value of a flag: `a,b` and `[a, b]` are lists, `{k: v}` a map where `objects`, `'x'` and `"x"` text,
/// then `null`, booleans (not `yes`), numbers in Go's syntax, and all else text without the blanks around it.
pub fn parse_value(text: &str, objects: bool, span: Span) -> Result<Node, String> {
    let mut parser = FlagParser { rest: text.trim(), objects, span, depth: 0 };
    let mut values = vec![];
    loop {
        values.push(parser.value(&[','])?);
        parser.blanks();
        if parser.rest.is_empty() {
            break;
        }
        parser.expect(',')?;
    }
    let node = match values.len() {
        1 => values.pop().expect("one value"),
        _ => Node::new(Value::List(values), span),
    };
    Ok(match node.value {
        // an empty text stays a text, `null`, `[]` and `{}` are nothing
        Value::Null if text.trim().is_empty() => Node::new(Value::Text(text.to_string()), span),
        _ => node,
    })
}

struct FlagParser<'a> {
    rest: &'a str,
    objects: bool,
    span: Span,
    depth: usize,
}

impl<'a> FlagParser<'a> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn expect(&mut self, c: char) -> Result<(), String> {
        self.rest = self.rest.strip_prefix(c).ok_or_else(|| format!("expected `{c}`"))?;
        Ok(())
    }

    fn node(&self, value: Value) -> Node {
        Node::new(value, self.span)
    }

    fn value(&mut self, stops: &[char]) -> Result<Node, String> {
        self.blanks();
        self.depth += 1;
        if self.depth > super::super::yaml::DEPTH_MAX {
            return Err("nested too deep".to_string());
        }
        let node = match self.rest.chars().next() {
            None => Ok(self.node(Value::Null)),
            Some('[') => self.list(),
            Some('{') if self.objects => self.map(),
            Some('"') => self.double_quoted().map(|t| self.node(Value::Text(t))),
            Some('\'') => self.single_quoted().map(|t| self.node(Value::Text(t))),
            Some(_) => self.bare(stops).map(|t| self.node(primitive(t))),
        };
        self.depth -= 1;
        node
    }

    fn list(&mut self) -> Result<Node, String> {
        self.expect('[')?;
        let mut values = vec![];
        loop {
            self.blanks();
            if let Some(rest) = self.rest.strip_prefix(']') {
                self.rest = rest;
                break;
            }
            if self.rest.is_empty() {
                return Err("the closing `]` is missing".to_string());
            }
            values.push(self.value(&[',', ']'])?);
            self.blanks();
            match self.rest.chars().next() {
                Some(',') => self.rest = &self.rest[1..],
                Some(']') => {}
                Some(_) => return Err("expected `,` or `]`".to_string()),
                None => return Err("the closing `]` is missing".to_string()),
            }
        }
        Ok(self.node(if values.is_empty() { Value::Null } else { Value::List(values) }))
    }

    fn map(&mut self) -> Result<Node, String> {
        self.expect('{')?;
        let mut entries: Vec<Entry> = vec![];
        loop {
            self.blanks();
            if let Some(rest) = self.rest.strip_prefix('}') {
                self.rest = rest;
                break;
            }
            let key = match self.rest.chars().next() {
                None => return Err("the closing `}` is missing".to_string()),
                Some('"') => self.double_quoted()?,
                Some('\'') => self.single_quoted()?,
                Some(_) => self.bare(&[':'])?.to_string(),
            };
            self.blanks();
            self.expect(':')?;
            let node = self.value(&[',', '}'])?;
            entries.retain(|e| e.key != key);
            entries.push(Entry { key, key_span: self.span, node });
            self.blanks();
            match self.rest.chars().next() {
                Some(',') => self.rest = &self.rest[1..],
                Some('}') => {}
                Some(_) => return Err("expected `,` or `}`".to_string()),
                None => return Err("the closing `}` is missing".to_string()),
            }
        }
        Ok(self.node(if entries.is_empty() { Value::Null } else { Value::Map(entries) }))
    }

    fn bare(&mut self, stops: &[char]) -> Result<&'a str, String> {
        let at = self.rest.find(stops).unwrap_or(self.rest.len());
        if at == 0 {
            return Err(format!("unexpected `{}`", &self.rest[..1]));
        }
        let (text, rest) = self.rest.split_at(at);
        self.rest = rest;
        Ok(text.trim())
    }

    fn single_quoted(&mut self) -> Result<String, String> {
        let body = &self.rest[1..];
        let end = body.find('\'').ok_or("the closing `'` is missing")?;
        self.rest = &body[end + 1..];
        Ok(body[..end].to_string())
    }

    fn double_quoted(&mut self) -> Result<String, String> {
        let body = &self.rest[1..];
        let mut text = String::new();
        let mut chars = body.char_indices();
        while let Some((i, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &body[i + 1..];
                    return Ok(text);
                }
                '\\' => {
                    let escape = chars.next().map(|(_, c)| c);
                    let mut digits = |count: usize, radix: u32| -> Result<char, String> {
                        let mut code = 0;
                        for _ in 0..count {
                            let digit = chars.next().and_then(|(_, c)| c.to_digit(radix)).ok_or("a bad escape")?;
                            code = code * radix + digit;
                        }
                        char::from_u32(code).ok_or("a bad escape".to_string())
                    };
                    text.push(match escape {
                        Some('n') => '\n',
                        Some('t') => '\t',
                        Some('r') => '\r',
                        Some('a') => '\x07',
                        Some('b') => '\x08',
                        Some('f') => '\x0c',
                        Some('v') => '\x0b',
                        Some('\\') => '\\',
                        Some('"') => '"',
                        Some('x') => {
                            digits(2, 16).and_then(|c| if c.is_ascii() { Ok(c) } else { Err("a bad escape".into()) })?
                        }
                        Some('u') => digits(4, 16)?,
                        Some('U') => digits(8, 16)?,
                        _ => return Err("a bad escape".to_string()),
                    });
                }
                '\n' => return Err("a line end inside quotes".to_string()),
                c => text.push(c),
            }
        }
        Err("the closing `\"` is missing".to_string())
    }
}

fn primitive(text: &str) -> Value {
    match text {
        "null" => return Value::Null,
        "t" | "T" | "true" | "TRUE" | "True" | "on" | "ON" => return Value::Bool(true),
        "f" | "F" | "false" | "FALSE" | "False" | "off" | "OFF" => return Value::Bool(false),
        _ => {}
    }
    let plain: String = text.chars().filter(|&c| c != '_').collect();
    if underscores_fit(text)
        && let Some(value) = integer(&plain)
    {
        return value;
    }
    // Go takes `inf`, `infinity` and `nan` in any case, as Rust does; underscores only behind a base prefix.
    match text.parse::<f64>() {
        Ok(f) if !(f.is_infinite() && text.contains(|c: char| c.is_ascii_digit())) => Value::Float(f),
        _ => Value::Text(text.to_string()),
    }
}

/// Go's rule for `_` in numbers: one at a time, between digits or behind the base prefix.
fn underscores_fit(text: &str) -> bool {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text).as_bytes();
    let prefixed = body.len() > 2 && body[0] == b'0' && body[1].is_ascii_alphabetic();
    body.iter().enumerate().all(|(i, &b)| {
        let after = body.get(i + 1).is_some_and(|b| b.is_ascii_hexdigit());
        let before = i > 0 && (body[i - 1].is_ascii_hexdigit() || (prefixed && i == 2));
        b != b'_' || (before && after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(node: &Node) -> String {
        match &node.value {
            Value::Text(t) => format!("{t:?}"),
            Value::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(",")),
            Value::Map(entries) => {
                let mut parts: Vec<String> = entries.iter().map(|e| format!("{}:{}", e.key, show(&e.node))).collect();
                parts.sort();
                format!("{{{}}}", parts.join(","))
            }
            Value::Missing(d) => format!("!{}", d.id),
            value => scalar_text(value).expect("a scalar"),
        }
    }

    fn env(name: &str) -> Option<String> {
        let value = match name {
            "EV" => "a,b",
            "EO" => "{x: 1}",
            "EN" => "007",
            "ET" => "true",
            "EE" => "",
            "EQ" => "\"q,q\"",
            "EB" => "[1,2]",
            "EURL" => "http://h:9200",
            "EU" => "a b ",
            "ENULL" => "null",
            _ => return None,
        };
        Some(value.to_string())
    }

    /// `texts` are files, or overrides when they start with `-E `.
    fn merged(texts: &[&str]) -> (String, Vec<&'static str>) {
        let mut sources = SourceMap::new();
        let (mut files, mut overrides) = (vec![], vec![]);
        for text in texts {
            match text.strip_prefix("-E ") {
                Some(text) => overrides.push(sources.add("-E", text)),
                None => files.push(sources.add("filebeat.yml", *text)),
            }
        }
        let (node, found) = load(&sources, &[], &files, &overrides, &env);
        (show(&node), found.iter().map(|d| d.id).collect())
    }

    /// Recorded from go-ucfg v0.8.6.
    #[test]
    fn settings_merge_as_in_go_ucfg() {
        for (texts, expected) in [
            (&["a.b: 1\na: {c: 2}"][..], "{a:{b:1,c:2}}"),
            (&["a.0: x\na.1: z"], "{a:[\"x\",\"z\"]}"),
            (&["a.b: [1]\na: {b: [2,3]}"], "{a:{b:[2,3]}}"),
            (&["a.2: x"], "{a:[null,null,\"x\"]}"),
            (&["a.01: x"], "{a:[null,\"x\"]}"),
            (&["a: {\"0\": x, \"1\": z}"], "{a:[\"x\",\"z\"]}"),
            (&["a: {\"0\": x, \"b\": z}"], "{a:{0:\"x\",b:\"z\"}}"),
            (&["a.b.: 1"], "{a:{b:{:1}}}"),
            (&["a: ~\na.b: 1"], "{a:{b:1}}"),
            (&["d.e: 5\nd: ~"], "{d:{e:5}}"),
            (&["a: [1,2,3]", "-E a=9"], "{a:9}"),
            (&["a: [1,2,3]", "-E a=[9]"], "{a:[9,2,3]}"),
            (&["a: [1,2,3]", "-E a=9,8"], "{a:[9,8,3]}"),
            (&["a: [1]\nb: 2", "-E a.3=7"], "{a:[null,null,null,7],b:2}"),
            (&["a: x", "-E a.b=7"], "{a:{b:7}}"),
            (&["a: {b: 1, c: 2}", "a: {b: 3}", "a: ~"], "{a:{b:3,c:2}}"),
            (&["a: {b: 1, c: 2}", "a: 4"], "{a:4}"),
            (&["d: {q: 1}", "-E d={}"], "{d:{q:1}}"),
            (&["d: {q: 1}", "-E d=null"], "{d:{q:1}}"),
            (&["d: [1]", "d: []"], "{d:[1]}"),
            (&["d: {q: 1}", "d: [5]"], "{d:{0:5,q:1}}"),
            (&["d: 5", "d: {q: 1}"], "{d:{q:1}}"),
            (&["d: 5", "d: \"\""], "{d:\"\"}"),
            (&["d: 5", "d: ~"], "{d:null}"),
            (&["a: []\nb: {}\nc: [a, ~]"], "{a:[],b:{},c:[\"a\",null]}"),
            (&["x: &A {q: 1}\nz:\n  <<: *A\n  r: 3"], "{x:{q:1},z:{q:1,r:3}}"),
            (&[""], "{}"),
        ] {
            assert_eq!(merged(texts), (expected.to_string(), vec![]), "{texts:?}");
        }
    }

    /// Left: the text of setting `a`. Right: what it is, recorded from go-ucfg v0.8.6.
    #[test]
    fn variables_expand_as_in_go_ucfg() {
        for (written, expected) in [
            ("${EV}", "[\"a\",\"b\"]"),
            ("${EO}", "\"{x: 1}\""),
            ("${EN}", "7"),
            ("${ET}", "true"),
            ("${EQ}", "\"q,q\""),
            ("${EB}", "[1,2]"),
            ("${EURL}", "\"http://h:9200\""),
            ("${EU}", "\"a b\""),
            ("${ENULL}", "null"),
            ("${EE}", "!variable-unset"),
            ("${NO}", "!variable-unset"),
            ("x${EV}", "[\"xa\",\"b\"]"),
            ("${NO:d,e}", "[\"d\",\"e\"]"),
            ("${NO:{x: 1}}", "{x:1}"),
            ("${NO:\"API-Gateway\"}", "\"API-Gateway\""),
            ("${NO:''}", "\"\""),
            ("${NO:}", "\"\""),
            ("${NO:null}", "null"),
            ("${EO}x", "!variable-value"),
            ("x ${NO:{a}}", "\"x {a}\""),
            ("${}", "!variable-syntax"),
            ("${:x}", "!variable-syntax"),
            ("${x", "!variable-syntax"),
            ("${NO:a:b}", "\"a:b\""),
            ("${NO:a:?b}", "\"a:?b\""),
            ("${NO:[1, 2]}", "[1,2]"),
            ("[${EN}", "!variable-value"),
            ("${NO:\"a}", "!variable-value"),
            ("${A${EE:B}:z}", "\"z\""),
            ("${E${NO:N}}", "7"),
            ("${EN}${EN}", "3591"),
            ("${NO:$}}", "\"}\""),
            ("a}", "\"a}\""),
            ("a:b,c", "\"a:b,c\""),
            ("a$$b $x y$", "\"a$b $x y$\""),
            ("$${x}", "\"${x}\""),
            ("${NO:a$$b}", "\"a$b\""),
            ("\"${EN}\"", "\"007\""),
            ("${EN:5}-${ET}", "\"007-true\""),
            ("${NO: x }", "\"x\""),
            ("${NO:${EV}}", "[\"a\",\"b\"]"),
            ("${EV:+alt}", "\"alt\""),
            ("${NO:+alt}", "\"\""),
            ("${NO:?set NO}", "!variable-unset"),
            ("${NO:1.50}", "1.5"),
            ("${EV.0}", "!variable-unset"),
            ("${a.0}", "!variable-cycle"),
            ("${a}", "!variable-cycle"),
            ("${EB}, 3", "[[1,2],3]"),
            ("[]", "\"[]\""),
            ("${NO:[]}", "null"),
            ("%{[a]}-%{+yyyy}", "\"%{[a]}-%{+yyyy}\""),
            ("${p.q}", "5"),
            ("${p}", "{q:5}"),
            ("x${p.q}", "\"x5\""),
            ("x${p}", "!variable-value"),
            ("${l}", "[1,2]"),
            ("${l.1}", "2"),
            ("${p.q.0}", "5"),
            ("${v}", "7"),
            ("${b1}", "!variable-cycle"),
        ] {
            let text = format!(
                "a: '{}'\np: {{q: 5}}\nl: [1, 2]\nv: ${{EN}}\nb1: ${{b2}}\nb2: ${{b1}}\n",
                written.replace('\'', "''")
            );
            let mut sources = SourceMap::new();
            let file = sources.add("filebeat.yml", text);
            let (node, _) = load(&sources, &[], &[file], &[], &env);
            assert_eq!(show(node.get("a").unwrap()), expected, "{written}");
        }
    }

    #[test]
    fn overrides_are_read_as_flags() {
        for (written, expected) in [
            ("d=[a, \"b c\"]", "{d:[\"a\",\"b c\"]}"),
            ("e={x: 1, y: [2]}", "{e:{x:1,y:[2]}}"),
            ("d={a: b, \"c\": [d]}", "{d:{a:\"b\",c:[\"d\"]}}"),
            ("d={a.b: 1}", "{d:{a:{b:1}}}"),
            ("f=0644", "{f:420}"),
            ("g=", "{}"),
            ("h", "{h:true}"),
            ("i=1.5", "{i:1.5}"),
            ("k='1'", "{k:\"1\"}"),
            ("l=a:b", "{l:\"a:b\"}"),
            ("m=0x1f", "{m:31}"),
            ("n=1_000", "{n:1000}"),
            ("n=1__0", "{n:\"1__0\"}"),
            ("o=yes", "{o:\"yes\"}"),
            ("o=on", "{o:true}"),
            ("c=a,", "{c:[\"a\",null]}"),
            ("d=\"x\\ny\"", "{d:\"x\\ny\"}"),
            ("d=a,\"b,c\",d", "{d:[\"a\",\"b,c\",\"d\"]}"),
            ("d=a=b", "{d:\"a=b\"}"),
            ("d= x y ", "{d:\"x y\"}"),
            ("d={}", "{d:null}"),
            ("a.b.c=1", "{a:{b:{c:1}}}"),
        ] {
            assert_eq!(merged(&[&format!("-E {written}")]), (expected.to_string(), vec![]), "{written}");
        }
        for written in ["d=[1", "b=,", "d={a}", "d='x", "d=\"x", "d={a: 1", "d={", "d=[", "d=[a b] c"] {
            assert_eq!(merged(&[&format!("-E {written}")]).1, ["flag-syntax"], "{written}");
        }
    }

    #[test]
    fn conflicts_are_reported() {
        assert_eq!(merged(&["a: 1\na.b: 1"]), ("{a:1}".to_string(), vec!["setting-conflict"]));
        assert_eq!(merged(&["a: {b: 2}\na.b: 1"]), ("{a:{b:1}}".to_string(), vec!["repeated-key"]));
        assert_eq!(merged(&["5"]).1, ["wrong-type"]);
    }

    #[test]
    fn defaults_can_be_referred_to_and_replaced() {
        let mut sources = SourceMap::new();
        let file = sources.add("filebeat.yml", "path.home: /h\nf: ${path.data}/y\n");
        let defaults = [("path.home", "/usr".to_string()), ("path.data", "${path.home}/data".to_string())];
        let (node, found) = load(&sources, &defaults, &[file], &[], &env);
        assert_eq!((show(node.get("f").unwrap()), found), ("\"/h/data/y\"".to_string(), vec![]));
    }

    #[test]
    fn keys_point_at_their_own_part() {
        let mut sources = SourceMap::new();
        let file = sources.add("filebeat.yml", "output.logstash.hosts: [x]\n");
        let (node, _) = load(&sources, &[], &[file], &[], &env);
        let Value::Map(entries) = &node.get("output").unwrap().get("logstash").unwrap().value else { panic!() };
        assert_eq!(sources.text(entries[0].key_span), "hosts");
    }

    #[test]
    fn expansion_is_bounded() {
        let mut text = String::from("v0: xxxxxxxxxxxxxxxx${EN}\n");
        for i in 1..30 {
            text.push_str(&format!("v{i}: ${{v{}}}${{v{}}}\n", i - 1, i - 1));
        }
        let (shown, _) = merged(&[&text]);
        assert!(shown.contains("v29:!variable-value"), "{}", &shown[shown.len() - 200..]);
        let deep = format!("a: {}x{}\n", "'${".to_string() + &"${".repeat(200), "}".repeat(201) + "'");
        assert!(merged(&[&deep]).0.contains("!variable-syntax"));
    }

    #[test]
    fn floats_become_text_as_in_go() {
        for (f, expected) in [
            (1.5, "1.5"),
            (8.0, "8"),
            (1e21, "1e+21"),
            (1e20, "100000000000000000000"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
        ] {
            assert_eq!(go_float(f), expected);
        }
    }
}
