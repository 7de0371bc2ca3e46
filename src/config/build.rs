//! What plugins are built with.

use super::diagnostic::Diagnostic;
use super::logstash::ast::{Entry, Value};
use super::source::{SourceMap, Span, Spanned};
use super::variables::Variables;
use crate::event::time_format::Zone;
use crate::event::{EscapeStyle, FieldRef, Template};
use crate::filter::Slot;
use crate::filter::common::Name;
use crate::world::World;

/// `ecs_compatibility`: which field names plugins use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Ecs {
    Disabled,
    V1,
    #[default]
    V8,
}

impl Ecs {
    /// By the word of a configuration.
    pub fn by_name(name: &str) -> Option<Ecs> {
        match name {
            "disabled" => Some(Ecs::Disabled),
            "v1" => Some(Ecs::V1),
            "v8" => Some(Ecs::V8),
            _ => None,
        }
    }

    pub fn is_on(self) -> bool {
        self != Ecs::Disabled
    }
}

/// The values of the option `ecs_compatibility`.
pub const ECS_NAMES: &[&str] = &["disabled", "v1", "v8"];

/// What all plugins of one pipeline are built with. What is wrong goes to `diagnostics`; building goes on.
pub struct BuildCx<'a> {
    pub diagnostics: &'a mut Vec<Diagnostic>,
    /// The pipeline's setting, where a plugin sets none.
    pub ecs: Ecs,
    pub escape: EscapeStyle,
    pub support_escapes: bool,
    pub world: &'a World,
    pub variables: &'a Variables<'a>,
    /// The texts that the spans point into.
    pub sources: &'a SourceMap,
    /// The machine's time zone: dates without a zone are in it.
    pub zone: Zone,
    next_slot: usize,
}

impl<'a> BuildCx<'a> {
    /// With the defaults of Logstash 8: ECS v8, no escapes, UTC.
    pub fn new(
        diagnostics: &'a mut Vec<Diagnostic>,
        world: &'a World,
        variables: &'a Variables<'a>,
        sources: &'a SourceMap,
    ) -> BuildCx<'a> {
        BuildCx {
            diagnostics,
            ecs: Ecs::default(),
            escape: EscapeStyle::default(),
            support_escapes: false,
            world,
            variables,
            sources,
            zone: Zone::Utc,
            next_slot: 0,
        }
    }

    /// A new place in the workers' scratch memory.
    pub fn slot(&mut self) -> Slot {
        self.next_slot += 1;
        Slot(self.next_slot - 1)
    }

    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Compiles a field reference; one that is none is reported.
    pub fn field(&mut self, text: &str, span: Span) -> Option<FieldRef> {
        match FieldRef::parse_with(text, self.escape) {
            Ok(r) => Some(r),
            Err(e) => {
                self.report(Diagnostic::error("field-reference", e.to_string()).at(span, "not a field reference"));
                None
            }
        }
    }

    /// Compiles a field reference that the original only looks at when an event comes: there it fails on every event,
    /// and so it does here; it is reported as a fault that does not stop a run.
    pub fn late_field(&mut self, text: &str, span: Span) -> Result<FieldRef, String> {
        FieldRef::parse_with(text, self.escape).map_err(|e| {
            let why = e.to_string();
            self.report(
                Diagnostic::fault("field-reference", why.clone())
                    .at(span, "not a field reference")
                    .note("the filter fails on every event here"),
            );
            why
        })
    }
}

impl BuildCx<'_> {
    /// Compiles a template. One that can never be rendered fails on every event, as in the original; it is reported as a
    /// fault that does not stop a run.
    pub fn template(&mut self, text: &str, span: Span) -> Template {
        let template = Template::compile(text, self.escape);
        if let Some(why) = template.always_fails() {
            self.report(
                Diagnostic::fault("bad-template", why.to_string())
                    .at(span, "cannot be filled in")
                    .note("the plugin fails on every event here"),
            );
        }
        template
    }

    /// Compiles a field reference that may hold `%{...}`; see [`BuildCx::late_field`].
    pub fn name(&mut self, text: &str, span: Span) -> Name {
        let name = Name::compile(text, self.escape);
        match &name {
            Name::Fixed(_) => {}
            Name::Rendered(..) => {
                self.template(text, span);
            }
            Name::Bad(_) => {
                // says it with its place; the name itself carries the reason
                let _ = self.late_field(text, span);
            }
        }
        name
    }
}

/// A value of the configuration as Ruby prints it inside a text (`to_s`): what a plugin gets that treats any value as a
/// text.
pub fn ruby_text(value: &Value) -> String {
    match value {
        Value::Bareword(s) | Value::String(s) => s.clone(),
        other => ruby_inspect(other),
    }
}

/// A value of the configuration as Ruby's `inspect` prints it.
pub fn ruby_inspect(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Bareword(s) | Value::String(s) => crate::event::ruby::inspect_str(s, &mut out),
        Value::Number(n) => out = n.to_string(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|i| ruby_inspect(&i.value)).collect();
            out = format!("[{}]", items.join(", "));
        }
        Value::Hash(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|Entry { key, value }| {
                    let mut text = String::new();
                    crate::event::ruby::inspect_str(&key.value, &mut text);
                    text + "=>" + &ruby_inspect(&value.value)
                })
                .collect();
            out = format!("{{{}}}", entries.join(", "));
        }
        Value::Plugin(p) => out = p.name.value.clone(),
    }
    out
}

/// Ruby's `Array(value)` of a configured value: a list is itself, a hash its pairs, anything else a list of one.
pub fn ruby_array(value: &Spanned<Value>) -> Vec<Spanned<Value>> {
    match &value.value {
        Value::Array(items) => items.clone(),
        Value::Hash(entries) => entries
            .iter()
            .map(|Entry { key, value }| {
                let key_value = Spanned::new(Value::String(key.value.clone()), key.span);
                Spanned::new(Value::Array(vec![key_value, value.clone()]), value.span)
            })
            .collect(),
        _ => vec![value.clone()],
    }
}
