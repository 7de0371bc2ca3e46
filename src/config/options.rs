//! Option schemas: what every plugin declares of its options, and the values read against it.
//!
//! The original: Logstash 8.19's config/mixin.rb (`validate_value`) and lscl.rb (repeated options). A plugin writes one
//! table of [`OptionSpec`]s, builds [`Options`] from its text and takes typed values out; every mistake is a located
//! diagnostic: `unknown-option`, `wrong-type`, `missing-option`, `option-not-yet`, `deprecated-option`, `obsolete-option`,
//! `several-codecs`, `undefined-variable`.
//!
//! Deviations: Logstash lets a few values through that its plugins then cannot use (a hash where an array is wanted, a list
//! of one list where a string is wanted); here they are a `wrong-type`. Whether a file exists is for the plugin to see.

use super::diagnostic::Diagnostic;
use super::logstash::ast::{Attr, Entry, Number, Plugin, Value};
use super::source::{Span, Spanned};
use super::variables::Variables;

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OptType {
    /// Not looked at.
    Any,
    String,
    /// A number, or a string that prints as it reads ("5", "0.5").
    Number,
    /// `true` or `false`, quoted or not.
    Boolean,
    /// Scalars; one alone is a list of one.
    Array,
    /// Any values; one alone is a list of one.
    Values,
    /// A hash, or a flat array of keys and values.
    Hash,
    /// A codec's name, or the codec with its options.
    Codec,
    /// A string that is never shown.
    Password,
    Path,
    /// With `list` also several in one string, separated by spaces.
    Uri,
    /// A number of bytes, or a text like `"10 KiB"`, `"5mb"`.
    Bytes,
    /// Checked by the plugin, which compiles it. An empty one counts as not set.
    FieldReference,
    OneOf(&'static [&'static str]),
}

/// Whether the option is built.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Status {
    Done,
    /// Known from the original and not built: an error, unless the value is one of [`OptionSpec::inert`].
    NotYet,
    /// Works; the text says what to use instead.
    Deprecated(&'static str),
    /// Refused, as the original does; the text says what to use instead.
    Obsolete(&'static str),
}

/// One option of one plugin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionSpec {
    pub name: &'static str,
    pub ty: OptType,
    /// Several values of the type; one alone is a list of one.
    pub list: bool,
    pub required: bool,
    pub status: Status,
    /// Values (as text; `[]` and `{}` for empty ones) that change nothing, so that they are accepted though the option is
    /// not built: its default, most often.
    pub inert: &'static [&'static str],
}

impl OptionSpec {
    /// An option that is built, single and not required.
    pub const fn new(name: &'static str, ty: OptType) -> OptionSpec {
        OptionSpec { name, ty, list: false, required: false, status: Status::Done, inert: &[] }
    }

    pub const fn list(self) -> OptionSpec {
        OptionSpec { list: true, ..self }
    }

    pub const fn required(self) -> OptionSpec {
        OptionSpec { required: true, ..self }
    }

    /// Known and not built; `inert` lists the values that change nothing.
    pub const fn not_yet(self, inert: &'static [&'static str]) -> OptionSpec {
        OptionSpec { status: Status::NotYet, inert, ..self }
    }

    pub const fn deprecated(self, instead: &'static str) -> OptionSpec {
        OptionSpec { status: Status::Deprecated(instead), ..self }
    }

    pub const fn obsolete(self, instead: &'static str) -> OptionSpec {
        OptionSpec { status: Status::Obsolete(instead), ..self }
    }
}

/// Which kind a plugin is of: it decides the common options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PluginKind {
    Input,
    Filter,
    Output,
    Codec,
}

impl PluginKind {
    pub fn name(self) -> &'static str {
        match self {
            PluginKind::Input => "input",
            PluginKind::Filter => "filter",
            PluginKind::Output => "output",
            PluginKind::Codec => "codec",
        }
    }

    /// The options every plugin of the kind has.
    pub fn common(self) -> &'static [OptionSpec] {
        match self {
            PluginKind::Input => COMMON_INPUT,
            PluginKind::Filter => COMMON_FILTER,
            PluginKind::Output => COMMON_OUTPUT,
            PluginKind::Codec => COMMON_CODEC,
        }
    }
}

const ID: OptionSpec = OptionSpec::new("id", OptType::String);
const ENABLE_METRIC: OptionSpec = OptionSpec::new("enable_metric", OptType::Boolean).not_yet(&["true"]);
const WITH_CONDITIONS: &str = "put the plugin into an `if`";

/// Options of every input.
pub const COMMON_INPUT: &[OptionSpec] = &[
    ID,
    ENABLE_METRIC,
    OptionSpec::new("codec", OptType::Codec),
    OptionSpec::new("type", OptType::String),
    OptionSpec::new("tags", OptType::Array),
    OptionSpec::new("add_field", OptType::Hash),
    OptionSpec::new("debug", OptType::Boolean).obsolete("remove it: it has no effect"),
    OptionSpec::new("format", OptType::String).obsolete("use `codec`"),
    OptionSpec::new("charset", OptType::String).obsolete("use `codec => plain { charset => \"...\" }`"),
    OptionSpec::new("message_format", OptType::String).obsolete("remove it"),
];

/// Options of every filter.
pub const COMMON_FILTER: &[OptionSpec] = &[
    ID,
    ENABLE_METRIC,
    OptionSpec::new("add_field", OptType::Hash),
    OptionSpec::new("remove_field", OptType::Array),
    OptionSpec::new("add_tag", OptType::Array),
    OptionSpec::new("remove_tag", OptType::Array),
    OptionSpec::new("periodic_flush", OptType::Boolean).not_yet(&["false"]),
    OptionSpec::new("type", OptType::String).obsolete(WITH_CONDITIONS),
    OptionSpec::new("tags", OptType::Array).obsolete(WITH_CONDITIONS),
    OptionSpec::new("exclude_tags", OptType::Array).obsolete(WITH_CONDITIONS),
];

/// Options of every output.
pub const COMMON_OUTPUT: &[OptionSpec] = &[
    ID,
    ENABLE_METRIC,
    OptionSpec::new("codec", OptType::Codec),
    OptionSpec::new("workers", OptType::Any).deprecated("remove it: it has no effect"),
    OptionSpec::new("type", OptType::String).obsolete(WITH_CONDITIONS),
    OptionSpec::new("tags", OptType::Array).obsolete(WITH_CONDITIONS),
    OptionSpec::new("exclude_tags", OptType::Array).obsolete(WITH_CONDITIONS),
];

/// Options of every codec.
pub const COMMON_CODEC: &[OptionSpec] = &[ID, ENABLE_METRIC];

struct Set {
    name: &'static str,
    name_span: Span,
    value: Spanned<Value>,
    /// The hash was written as a flat array: its entries keep the order written.
    from_array: bool,
}

/// The options of one plugin, checked and coerced. A getter panics on a name that the schema does not have.
pub struct Options {
    specs: Vec<OptionSpec>,
    set: Vec<Set>,
    /// The plugin's name as written.
    pub plugin: Spanned<String>,
    /// The whole plugin.
    pub span: Span,
}

impl Options {
    /// Reads the options of `plugin`, a `kind`, against its `own` schema and the common one; an own option replaces a
    /// common one of the same name. What is wrong goes to `diags`; an option at fault counts as not set.
    pub fn new(
        plugin: &Plugin,
        kind: PluginKind,
        own: &[OptionSpec],
        variables: &Variables,
        diags: &mut Vec<Diagnostic>,
    ) -> Options {
        let mut specs = own.to_vec();
        for common in kind.common() {
            if !specs.iter().any(|spec| spec.name == common.name) {
                specs.push(*common);
            }
        }
        let mut options = Options { specs, set: vec![], plugin: plugin.name.clone(), span: plugin.span };
        let mut given: Vec<&str> = vec![];
        for (name, mut value) in merge(plugin, kind, diags) {
            variables.expand(&mut value, diags);
            given.extend(options.specs.iter().map(|spec| spec.name).find(|n| *n == name.value));
            options.take(name, value, kind, diags);
        }
        for spec in &options.specs {
            let empty_list = spec.list
                && matches!(options.raw(spec.name), Some(Spanned { value: Value::Array(items), .. }) if items.is_empty());
            if spec.required && (!given.contains(&spec.name) || empty_list) {
                diags.push(
                    Diagnostic::error(
                        "missing-option",
                        format!(
                            "Missing a required setting for the {} {} plugin: `{}`",
                            plugin.name.value,
                            kind.name(),
                            spec.name
                        ),
                    )
                    .at(plugin.name.span, format!("`{}` is not set", spec.name))
                    .help(format!("add `{} => ...`", spec.name)),
                );
            }
        }
        options
    }

    fn take(&mut self, name: Spanned<String>, value: Spanned<Value>, kind: PluginKind, diags: &mut Vec<Diagnostic>) {
        let plugin = &self.plugin.value;
        let Some(spec) = self.specs.iter().find(|spec| spec.name == name.value).copied() else {
            let message = format!("Unknown setting '{}' for {plugin}", name.value);
            let mut diag = Diagnostic::error("unknown-option", message)
                .at(name.span, format!("the {plugin} {} has no such option", kind.name()));
            if let Some(near) = nearest(
                &name.value,
                self.specs.iter().filter(|s| !matches!(s.status, Status::Obsolete(_))).map(|s| s.name),
            ) {
                diag = diag.help(format!("did you mean `{near}`?"));
            }
            diags.push(diag);
            return;
        };
        match spec.status {
            Status::Done => {}
            Status::NotYet if spec.inert.iter().any(|inert| is_inert(&value.value, inert)) => return,
            Status::NotYet => {
                let message = format!("logdrive does not do `{}` of the {plugin} {} yet", spec.name, kind.name());
                let mut diag = Diagnostic::error("option-not-yet", message).at(name.span, "not yet");
                if let [only] = spec.inert {
                    diag = diag.note(format!("only `{} => {only}` is accepted, as it changes nothing", spec.name));
                }
                diags.push(diag);
                return;
            }
            Status::Deprecated(instead) => diags.push(
                Diagnostic::warning(
                    "deprecated-option",
                    format!("`{}` of the {plugin} {} is deprecated", spec.name, kind.name()),
                )
                .at(name.span, "deprecated")
                .help(instead),
            ),
            Status::Obsolete(instead) => {
                diags.push(
                    Diagnostic::error(
                        "obsolete-option",
                        format!("`{}` of the {plugin} {} is obsolete", spec.name, kind.name()),
                    )
                    .at(name.span, "no longer exists")
                    .help(instead),
                );
                return;
            }
        }
        match coerce(&spec, value) {
            Ok(None) => {}
            Ok(Some((value, from_array))) => {
                self.set.push(Set { name: spec.name, name_span: name.span, value, from_array })
            }
            Err(wrong) => {
                let message = format!("`{}` of the {plugin} {} must be {}", spec.name, kind.name(), wanted(&spec));
                diags.push(
                    Diagnostic::error("wrong-type", message)
                        .at(wrong.span, wrong.value)
                        .with(name.span, "of this option"),
                );
            }
        }
    }

    fn find(&self, name: &str) -> Option<&Set> {
        assert!(
            self.specs.iter().any(|spec| spec.name == name),
            "`{name}` is in the schema of `{}`",
            self.plugin.value
        );
        self.set.iter().find(|set| set.name == name)
    }

    /// Whether the option has a value.
    pub fn is_set(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Where the option's name stands.
    pub fn name_span(&self, name: &str) -> Option<Span> {
        self.find(name).map(|set| set.name_span)
    }

    /// The value after coercion.
    pub fn raw(&self, name: &str) -> Option<&Spanned<Value>> {
        self.find(name).map(|set| &set.value)
    }

    /// A string; a number as Ruby prints it. Also for passwords, paths, URIs, field references and choices.
    pub fn string(&self, name: &str) -> Option<Spanned<String>> {
        let value = self.raw(name)?;
        value.value.scalar().map(|text| Spanned::new(text, value.span))
    }

    pub fn number(&self, name: &str) -> Option<Spanned<Number>> {
        match self.raw(name)? {
            Spanned { value: Value::Number(n), span } => Some(Spanned::new(*n, *span)),
            other => panic!("`{name}` is {}; is it declared as a number?", other.value.kind()),
        }
    }

    pub fn boolean(&self, name: &str, default: bool) -> bool {
        self.boolean_set(name).map_or(default, |set| set.value)
    }

    /// A boolean, where being set matters.
    pub fn boolean_set(&self, name: &str) -> Option<Spanned<bool>> {
        self.string(name).map(|text| text.map(|text| text == "true"))
    }

    /// A number of bytes.
    pub fn bytes(&self, name: &str) -> Option<Spanned<u64>> {
        let value = self.raw(name)?;
        let bytes = bytes_of(&value.value).expect("checked when it was taken");
        Some(Spanned::new(bytes, value.span))
    }

    /// The scalars of an array, or of one alone; none if not set.
    pub fn strings(&self, name: &str) -> Vec<Spanned<String>> {
        let Some(value) = self.raw(name) else { return vec![] };
        let items = match &value.value {
            Value::Array(items) => items.iter().collect(),
            _ => vec![value],
        };
        items.into_iter().filter_map(|item| item.value.scalar().map(|text| Spanned::new(text, item.span))).collect()
    }

    /// The entries of a hash in the order written; none if not set.
    pub fn hash(&self, name: &str) -> Vec<(Spanned<String>, Spanned<Value>)> {
        match self.raw(name) {
            Some(Spanned { value: Value::Hash(entries), .. }) => {
                entries.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect()
            }
            _ => vec![],
        }
    }

    /// The entries of a hash in the order in which Logstash applies them: that of a Java HashMap, or the order written
    /// when the hash was written as a flat array.
    pub fn hash_applied(&self, name: &str) -> Vec<(Spanned<String>, Spanned<Value>)> {
        let entries = self.hash(name);
        if self.find(name).is_some_and(|set| set.from_array) {
            return entries;
        }
        let order = java_hash_order(&entries.iter().map(|(key, _)| key.value.as_str()).collect::<Vec<_>>());
        order.into_iter().map(|at| entries[at].clone()).collect()
    }

    /// The codec, a name alone as a plugin without options.
    pub fn codec(&self, name: &str) -> Option<Plugin> {
        let value = self.raw(name)?;
        Some(match &value.value {
            Value::Plugin(plugin) => (**plugin).clone(),
            other => {
                let name = Spanned::new(other.scalar().expect("checked when it was taken"), value.span);
                Plugin { name, attrs: vec![], span: value.span }
            }
        })
    }
}

fn is_inert(value: &Value, inert: &str) -> bool {
    match value {
        Value::Array(items) if items.is_empty() => inert == "[]",
        Value::Array(items) if items.len() == 1 => is_inert(&items[0].value, inert),
        Value::Hash(entries) if entries.is_empty() => inert == "{}",
        other => other.scalar().is_some_and(|text| text == inert),
    }
}

/// Equal as Ruby compares: a bareword is a string, 1 is 1.0.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Bareword(a) | Value::String(a), Value::Bareword(b) | Value::String(b)) => a == b,
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(&a.value, &b.value))
        }
        (Value::Hash(a), Value::Hash(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|a| b.iter().any(|b| a.key.value == b.key.value && same(&a.value.value, &b.value.value)))
        }
        _ => false,
    }
}

/// One value per option name, in the order first written: repeated options are joined as Logstash's compiler does.
fn merge(plugin: &Plugin, kind: PluginKind, diags: &mut Vec<Diagnostic>) -> Vec<(Spanned<String>, Spanned<Value>)> {
    let mut merged: Vec<(Spanned<String>, Spanned<Value>)> = vec![];
    for Attr { name, value } in &plugin.attrs {
        let Some((first, existing)) = merged.iter_mut().find(|(first, _)| first.value == name.value) else {
            merged.push((name.clone(), value.clone()));
            continue;
        };
        if name.value == "codec" && matches!(kind, PluginKind::Input | PluginKind::Output) {
            if !same(&existing.value, &value.value) {
                diags.push(
                    Diagnostic::error(
                        "several-codecs",
                        format!(
                            "Multiple codecs specified for the {} {}: it can have only one",
                            plugin.name.value,
                            kind.name()
                        ),
                    )
                    .at(name.span, "a second codec")
                    .with(first.span, "the first one"),
                );
            }
            continue;
        }
        match (&mut existing.value, &value.value) {
            (Value::Hash(into), Value::Hash(from)) => merge_hash(into, from, true),
            (Value::Hash(_), other) => diags.push(
                Diagnostic::error(
                    "wrong-type",
                    format!("`{}` is repeated with {}, but it is a hash before", name.value, other.kind()),
                )
                .at(value.span, "must be a hash too")
                .with(first.span, "first here"),
            ),
            (Value::Array(into), Value::Array(from)) => into.extend(from.iter().cloned()),
            (Value::Array(into), Value::Hash(from)) => into.extend(from.iter().map(|entry| {
                let key = Spanned::new(Value::String(entry.key.value.clone()), entry.key.span);
                Spanned::new(Value::Array(vec![key, entry.value.clone()]), entry.value.span)
            })),
            (Value::Array(into), _) => into.push(value.clone()),
            (scalar, other) if same(scalar, other) => {}
            (_, _) => {
                let both = vec![existing.clone(), value.clone()];
                existing.value = Value::Array(both);
            }
        }
    }
    merged
}

/// Logstash's hash_merge_with_dups (and, with `dups` off, its hash_merge below the first level): values of the same key
/// become a list.
fn merge_hash(into: &mut Vec<Entry>, from: &[Entry], dups: bool) {
    for entry in from {
        let Some(place) = into.iter_mut().find(|e| e.key.value == entry.key.value) else {
            into.push(entry.clone());
            continue;
        };
        let existing = &mut place.value;
        match (&mut existing.value, &entry.value.value) {
            (Value::Hash(a), Value::Hash(b)) => merge_hash(a, b, false),
            (Value::Array(a), Value::Array(b)) => {
                for item in b {
                    if dups || !a.iter().any(|have| same(&have.value, &item.value)) {
                        a.push(item.clone());
                    }
                }
            }
            (scalar, Value::Array(b)) => {
                let mut list = vec![Spanned::new(scalar.clone(), existing.span)];
                list.extend(b.iter().filter(|item| dups || !same(scalar, &item.value)).cloned());
                existing.value = Value::Array(list);
            }
            (Value::Array(a), scalar) => {
                if !a.iter().any(|have| same(&have.value, scalar)) {
                    a.push(entry.value.clone());
                }
            }
            (a, b) if same(a, b) => {}
            (_, _) => {
                let both = vec![existing.clone(), entry.value.clone()];
                existing.value = Value::Array(both);
            }
        }
    }
}

fn wanted(spec: &OptionSpec) -> String {
    let one = match spec.ty {
        OptType::Any => "any value".into(),
        OptType::String => "a string".into(),
        OptType::Number => "a number".into(),
        OptType::Boolean => "`true` or `false`".into(),
        OptType::Array => "an array of single values".into(),
        OptType::Values => "an array".into(),
        OptType::Hash => "a hash".into(),
        OptType::Codec => "a codec".into(),
        OptType::Password => "a password".into(),
        OptType::Path => "a path".into(),
        OptType::Uri => "a URI".into(),
        OptType::Bytes => "a number of bytes, like `\"10 KiB\"`".into(),
        OptType::FieldReference => "a field reference".into(),
        OptType::OneOf(all) => {
            format!("one of {}", all.iter().map(|v| format!("`{v}`")).collect::<Vec<_>>().join(", "))
        }
    };
    if spec.list { format!("{one}, or a list of such") } else { one }
}

type Wrong = Spanned<String>;

/// The value in the shape its type wants and whether a hash came from an array; `None` if it counts as not set.
fn coerce(spec: &OptionSpec, value: Spanned<Value>) -> Result<Option<(Spanned<Value>, bool)>, Wrong> {
    if !spec.list {
        let from_array = spec.ty == OptType::Hash && matches!(value.value, Value::Array(_));
        return Ok(coerce_one(spec.ty, value)?.map(|value| (value, from_array)));
    }
    let span = value.span;
    let mut items = match value.value {
        Value::Array(items) => items,
        _ => vec![value],
    };
    if spec.ty == OptType::Uri {
        items = items.into_iter().flat_map(split_uris).collect();
    }
    let mut coerced = Vec::with_capacity(items.len());
    for item in items {
        coerced.extend(coerce_one(spec.ty, item)?);
    }
    Ok(Some((Spanned::new(Value::Array(coerced), span), false)))
}

fn split_uris(item: Spanned<Value>) -> Vec<Spanned<Value>> {
    match &item.value {
        Value::String(text) if text.contains(' ') => {
            text.split_whitespace().map(|uri| Spanned::new(Value::String(uri.to_string()), item.span)).collect()
        }
        _ => vec![item],
    }
}

fn coerce_one(ty: OptType, value: Spanned<Value>) -> Result<Option<Spanned<Value>>, Wrong> {
    match ty {
        OptType::Any => return Ok(Some(value)),
        OptType::Hash => return coerce_hash(value).map(Some),
        OptType::Array | OptType::Values => {
            let span = value.span;
            let items = match value.value {
                Value::Array(items) => items,
                Value::Hash(_) => return Err(Spanned::new("this is a hash".into(), span)),
                _ => vec![value],
            };
            if ty == OptType::Array
                && let Some(item) = items.iter().find(|item| item.value.scalar().is_none())
            {
                return Err(Spanned::new(format!("{} in the array", item.value.kind()), item.span));
            }
            return Ok(Some(Spanned::new(Value::Array(items), span)));
        }
        _ => {}
    }
    // all others want one value; a list of one is that one, an empty list is none
    let value = match value.value {
        Value::Array(mut items) => match items.len() {
            0 => return Ok(None),
            1 => items.remove(0),
            n => return Err(Spanned::new(format!("expected one value, got {n}"), value.span)),
        },
        _ => value,
    };
    let span = value.span;
    let wrong = |text: String| Err(Spanned::new(text, span));
    if ty == OptType::Codec {
        return match value.value {
            Value::Plugin(_) | Value::Bareword(_) | Value::String(_) => Ok(Some(value)),
            other => wrong(format!("this is {}", other.kind())),
        };
    }
    let Some(text) = value.value.scalar() else {
        return wrong(format!("this is {}", value.value.kind()));
    };
    let shown = if ty == OptType::Password { "this".to_string() } else { format!("`{text}`") };
    match ty {
        OptType::Number => match (&value.value, number_of(&text)) {
            (Value::Number(_), _) => Ok(Some(value)),
            (_, Some(n)) => Ok(Some(Spanned::new(Value::Number(n), span))),
            _ => wrong(format!("{shown} is not a number")),
        },
        OptType::Boolean if matches!(value.value, Value::Number(_)) || (text != "true" && text != "false") => {
            wrong(format!("{shown} is neither"))
        }
        OptType::Bytes if bytes_of(&value.value).is_none() => wrong(format!("{shown} is no number of bytes")),
        OptType::OneOf(all) if !all.contains(&text.as_str()) => wrong(match nearest(&text, all.iter().copied()) {
            Some(near) => format!("{shown} is none of them; did you mean `{near}`?"),
            None => format!("{shown} is none of them"),
        }),
        OptType::FieldReference if text.is_empty() => Ok(None),
        _ => Ok(Some(value)),
    }
}

fn coerce_hash(value: Spanned<Value>) -> Result<Spanned<Value>, Wrong> {
    let span = value.span;
    let items = match value.value {
        Value::Hash(_) => return Ok(value),
        Value::Array(items) => items,
        other => return Err(Spanned::new(format!("this is {}", other.kind()), span)),
    };
    if items.len() % 2 == 1 {
        return Err(Spanned::new(format!("keys and values must be even in number, got {}", items.len()), span));
    }
    let mut entries: Vec<Entry> = vec![];
    let mut items = items.into_iter();
    while let (Some(key), Some(value)) = (items.next(), items.next()) {
        let Some(text) = key.value.scalar() else {
            return Err(Spanned::new(format!("{} stands where a key is expected", key.value.kind()), key.span));
        };
        let key = Spanned::new(text, key.span);
        match entries.iter_mut().find(|entry| entry.key.value == key.value) {
            None => entries.push(Entry { key, value }),
            Some(entry) => match &mut entry.value.value {
                Value::Array(list) => list.push(value),
                _ => {
                    let both = vec![entry.value.clone(), value];
                    entry.value.value = Value::Array(both);
                }
            },
        }
    }
    Ok(Spanned::new(Value::Hash(entries), span))
}

/// A string counts as a number when Ruby prints that number the same way.
fn number_of(text: &str) -> Option<Number> {
    if let Ok(int) = text.parse::<i64>()
        && int.to_string() == text
    {
        return Some(Number::Int(int));
    }
    let float = Number::Float(text.parse().ok()?);
    (float.to_string() == text && text.contains('.')).then_some(float)
}

/// Logstash's `bytes`: an integer, or digits with a unit: `kb` is 1000 bytes, `KiB` 1024; upper and lower case are equal.
fn bytes_of(value: &Value) -> Option<u64> {
    let text = match value {
        Value::Number(Number::Int(int)) => return u64::try_from(*int).ok(),
        other => other.scalar()?,
    };
    if let Ok(int) = text.parse::<u64>() {
        return Some(int);
    }
    let text = text.to_ascii_lowercase();
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',')?;
    let (number, unit) = text.split_at(unit_at);
    let number: f64 = number.replace(',', "").parse().ok()?;
    let unit = unit.strip_prefix(' ').unwrap_or(unit).strip_suffix('b')?;
    let (prefix, base) = match unit.strip_suffix('i') {
        Some(prefix) => (prefix, 1024f64),
        None => (unit, 1000f64),
    };
    let exponent = match prefix {
        "" if base == 1000.0 => 0,
        "" => return None,
        _ if prefix.len() == 1 => "kmgtpezy".find(prefix)? + 1,
        _ => return None,
    };
    let bytes = number * base.powi(exponent as i32);
    (bytes < u64::MAX as f64).then_some(bytes as u64)
}

/// The nearest of `all` by edit distance, if it is near enough to be a slip of the hand.
pub fn nearest<'a>(word: &str, all: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    all.map(|candidate| (edit_distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, substitutions and swaps of neighbours that make `a` into `b`.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if swap { best.min(rows[i - 2][j - 2] + 1) } else { best }
            };
        }
    }
    rows[a.len()][b.len()]
}

/// The order in which a Java `HashMap` (created empty, filled in the order given) hands out its keys: by bucket, inside
/// one bucket as put in. The keys are unique. Logstash keeps the hashes of a configuration in one and applies them so.
///
/// Buckets that Java turns into trees (nine keys or more in one of 64 or more buckets) are not followed.
pub fn java_hash_order(keys: &[&str]) -> Vec<usize> {
    const TABLE_SIZE_MIN: usize = 16;
    const TREEIFY_TABLE_SIZE_MIN: usize = 64;
    const CHAIN_LENGTH_MAX: usize = 8;
    let hashes: Vec<u32> = keys
        .iter()
        .map(|key| {
            let hash = key.encode_utf16().fold(0u32, |h, unit| h.wrapping_mul(31).wrapping_add(u32::from(unit)));
            hash ^ (hash >> 16)
        })
        .collect();
    let bucket = |at: usize, size: usize| hashes[at] as usize & (size - 1);
    let mut size = TABLE_SIZE_MIN;
    for count in 1..=keys.len() {
        let newest = bucket(count - 1, size);
        let chain = (0..count).filter(|&at| bucket(at, size) == newest).count();
        if chain > CHAIN_LENGTH_MAX && size < TREEIFY_TABLE_SIZE_MIN {
            size *= 2;
        }
        if count > size / 4 * 3 {
            size *= 2;
        }
    }
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by_key(|&at| bucket(at, size));
    order
}
