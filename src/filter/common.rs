//! The options every filter has: `add_field`, `remove_field`, `add_tag`, `remove_tag`, in this order, after a match.
//!
//! Source: Logstash's filters/base.rb (`filter_matched`) and util/decorators.rb: adding to a field that is there makes
//! a list; a tag is added even when it is there already.

use super::{Fault, FilterCx};
use crate::config::build::{self, BuildCx};
use crate::config::options::Options;
use crate::event::sprintf::TemplateError;
use crate::event::{Arena, EscapeStyle, Event, FieldRef, Template, Value};
use crate::world::Clock;

/// The compiled common options of one filter.
#[derive(Debug, Default)]
pub struct CommonOptions {
    pub add_field: Vec<(Name, Vec<Template>)>,
    pub remove_field: Vec<Name>,
    pub add_tag: Vec<Template>,
    pub remove_tag: Vec<Template>,
}

/// A field reference that may hold `%{...}`, so that it is only known for a given event.
#[derive(Debug)]
pub enum Name {
    Fixed(FieldRef),
    /// Rendered for each event, then read as a reference.
    Rendered(Template, EscapeStyle),
    /// Never a reference: fails on every event.
    Bad(String),
}

impl Name {
    pub fn compile(text: &str, escape: EscapeStyle) -> Name {
        let template = Template::compile(text, escape);
        match template.constant() {
            Some(text) => match FieldRef::parse_with(text, escape) {
                Ok(r) => Name::Fixed(r),
                Err(e) => Name::Bad(e.to_string()),
            },
            None => Name::Rendered(template, escape),
        }
    }

    /// Calls `f` with the reference for this event.
    ///
    /// # Errors
    /// The rendered text is no field reference, or the template fails.
    pub fn with<R>(
        &self,
        event: &mut Event<'_>,
        clock: &dyn Clock,
        f: impl FnOnce(&mut Event<'_>, &FieldRef) -> R,
    ) -> Result<R, String> {
        match self {
            Name::Fixed(r) => Ok(f(event, r)),
            Name::Rendered(template, escape) => {
                let mut text = String::new();
                template.render(event, clock, &mut text).map_err(|e| e.to_string())?;
                let r = FieldRef::parse_with(&text, *escape).map_err(|e| e.to_string())?;
                Ok(f(event, &r))
            }
            Name::Bad(why) => Err(why.clone()),
        }
    }

    /// The reference for this event.
    ///
    /// # Errors
    /// As [`Name::with`].
    pub fn resolve<'a>(
        &'a self,
        event: &Event<'_>,
        clock: &dyn Clock,
    ) -> Result<std::borrow::Cow<'a, FieldRef>, String> {
        match self {
            Name::Fixed(r) => Ok(std::borrow::Cow::Borrowed(r)),
            Name::Rendered(template, escape) => {
                let mut text = String::new();
                template.render(event, clock, &mut text).map_err(|e| e.to_string())?;
                FieldRef::parse_with(&text, *escape).map(std::borrow::Cow::Owned).map_err(|e| e.to_string())
            }
            Name::Bad(why) => Err(why.clone()),
        }
    }
}

/// Renders a template into the arena.
///
/// # Errors
/// As [`Template::render`].
pub fn render<'b>(template: &Template, event: &Event<'b>, clock: &dyn Clock) -> Result<&'b str, TemplateError> {
    let arena: &'b Arena = event.arena();
    if let Some(text) = template.constant() {
        return Ok(arena.alloc_str(text));
    }
    let mut text = String::new();
    template.render(event, clock, &mut text)?;
    Ok(arena.alloc_str(&text))
}

impl CommonOptions {
    /// Takes them out of a filter's options. A name that is no field reference is no error here: it fails on every
    /// event, as in the original.
    pub fn from_options(options: &Options, cx: &mut BuildCx<'_>) -> CommonOptions {
        let mut templates = |name| -> Vec<Template> {
            options.strings(name).into_iter().map(|t| cx.template(&t.value, t.span)).collect()
        };
        let (add_tag, remove_tag) = (templates("add_tag"), templates("remove_tag"));
        let mut add_field = vec![];
        for (field, value) in options.hash_applied("add_field") {
            let values = build::ruby_array(&value);
            let texts = values.iter().map(|v| cx.template(&build::ruby_text(&v.value), v.span)).collect();
            add_field.push((cx.name(&field.value, field.span), texts));
        }
        let remove_field = options.strings("remove_field").into_iter().map(|f| cx.name(&f.value, f.span)).collect();
        CommonOptions { add_field, remove_field, add_tag, remove_tag }
    }

    pub fn is_empty(&self) -> bool {
        self.add_field.is_empty()
            && self.remove_field.is_empty()
            && self.add_tag.is_empty()
            && self.remove_tag.is_empty()
    }

    /// Applies all of them.
    ///
    /// # Errors
    /// A bad reference or template, or a field that cannot be set; what was done before stays.
    pub fn apply<'b>(&self, event: &mut Event<'b>, cx: &mut FilterCx<'b, '_>) -> Result<(), Fault> {
        let clock = &*cx.world.clock;
        let raised = |why: String| Fault::new("filter-raised", why);
        for (name, values) in &self.add_field {
            let r = name.resolve(event, clock).map_err(raised)?;
            for value in values {
                let text = render(value, event, clock).map_err(|e| raised(e.to_string()))?;
                add_to_field(event, &r, Value::Str(text)).map_err(raised)?;
            }
        }
        for name in &self.remove_field {
            let r = name.resolve(event, clock).map_err(raised)?;
            event.remove(&r);
        }
        for tag in &self.add_tag {
            let text = render(tag, event, clock).map_err(|e| raised(e.to_string()))?;
            event.tag(text);
        }
        for tag in &self.remove_tag {
            let text = render(tag, event, clock).map_err(|e| raised(e.to_string()))?;
            remove_tag(event, text);
        }
        Ok(())
    }
}

/// Sets a field, or adds to what is there: a list grows, anything else becomes a list first as Ruby's `Array()` does it
/// (null an empty list, a map a list of pairs).
///
/// # Errors
/// Why the field cannot be set.
pub fn add_to_field<'b>(event: &mut Event<'b>, r: &FieldRef, value: Value<'b>) -> Result<(), String> {
    let arena = event.arena();
    let new = match event.get(r) {
        None => value,
        Some(old) => {
            let mut list = ruby_array(arena, old);
            list.push(value);
            Value::List(arena.alloc_slice_copy(&list))
        }
    };
    event.set(r, new).map_err(|e| e.to_string())
}

/// Ruby's `Array(value)`.
pub fn ruby_array<'b>(arena: &'b Arena, value: Value<'b>) -> Vec<Value<'b>> {
    match value {
        Value::Null => vec![],
        Value::List(l) => l.to_vec(),
        Value::Map(m) => {
            m.entries.iter().map(|(k, v)| Value::List(arena.alloc_slice_copy(&[Value::Str(k), *v]))).collect()
        }
        other => vec![other],
    }
}

fn remove_tag(event: &mut Event<'_>, tag: &str) {
    let arena = event.arena();
    match event.top("tags") {
        None | Some(Value::Null) => {}
        Some(old) => {
            let mut tags = ruby_array(arena, old);
            tags.retain(|t| t.as_str() != Some(tag));
            event.set_top("tags", Value::List(arena.alloc_slice_copy(&tags)));
        }
    }
}
