//! Option schemas: what every plugin declares of its options, and the values read against it.
//!
//! The original: Logstash 8.19's config/mixin.rb (`validate_value`) and lscl.rb (repeated options). A plugin writes one
//! table of [`OptionSpec`]s, builds [`Options`] from its text and takes typed values out; every mistake is a located
//! diagnostic: `unknown-option`, `wrong-type`, `missing-option`, `option-not-yet`, `deprecated-option`, `obsolete-option`,
//! `several-codecs`, `undefined-variable`.
//!
//! Belongs here: schemas, coercion, the joining of repeated options, the order of hash entries.
//! Must not be here: the schema of any one plugin, which stands with the plugin.
//!
//! Deviations: Logstash lets a few values through that its plugins then cannot use (a hash where an array is wanted, a list
//! of one list where a string is wanted); here they are a `wrong-type`. Whether a file exists is for the plugin to see.

mod coerce;
mod merge;
mod nearest;
mod order;
mod spec;
#[cfg(test)]
mod tests;

pub use nearest::nearest;
pub use order::java_hash_order;
pub use spec::{COMMON_CODEC, COMMON_FILTER, COMMON_INPUT, COMMON_OUTPUT, OptType, OptionSpec, PluginKind, Status};

use super::diagnostic::Diagnostic;
use super::logstash::ast::{Number, Plugin, Value};
use super::source::{Span, Spanned};
use super::variables::Variables;
use coerce::{bytes_of, coerce, is_inert, wanted};
use merge::merge;

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
            let before = diags.len();
            variables.expand(&mut value, diags);
            // with a variable missing the value cannot have its type; that has been said
            let complete = diags.len() == before;
            given.extend(options.specs.iter().map(|spec| spec.name).find(|n| *n == name.value));
            options.take(name, value, complete, kind, diags);
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

    fn take(
        &mut self,
        name: Spanned<String>,
        value: Spanned<Value>,
        complete: bool,
        kind: PluginKind,
        diags: &mut Vec<Diagnostic>,
    ) {
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
            Err(_) if !complete => {}
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
