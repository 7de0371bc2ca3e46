//! What every Logstash input does to its events: `add_field`, `tags`, `type`.
//!
//! Source: Logstash's inputs/base.rb (`decorate`): `type` only where the event has none, then `add_field`, then tags
//! that are not there already.

use crate::config::build::{self, BuildCx};
use crate::config::options::Options;
use crate::event::{Event, Template, Value};
use crate::filter::common::{Name, add_to_field, render};
use crate::world::World;

/// The compiled common options of one input.
#[derive(Debug, Default)]
pub struct Decoration {
    pub type_name: Option<String>,
    pub tags: Vec<String>,
    pub add_field: Vec<(Name, Vec<Template>)>,
}

impl Decoration {
    pub fn from_options(options: &Options, cx: &mut BuildCx<'_>) -> Decoration {
        let escape = cx.escape;
        let add_field = options
            .hash_applied("add_field")
            .into_iter()
            .map(|(field, value)| {
                let values = build::ruby_array(&value);
                let texts = values.iter().map(|v| Template::compile(&build::ruby_text(&v.value), escape)).collect();
                (Name::compile(&field.value, escape), texts)
            })
            .collect();
        Decoration {
            type_name: options.string("type").map(|t| t.value),
            tags: options.strings("tags").into_iter().map(|t| t.value).collect(),
            add_field,
        }
    }

    /// Applies them. A field that cannot be set is left out and said in the log: real Logstash would end the input.
    pub fn apply(&self, event: &mut Event<'_>, world: &World) {
        if let Some(name) = &self.type_name
            && event.top("type").is_none()
        {
            let value = Value::text(event.arena(), name);
            event.set_top("type", value);
        }
        for (name, values) in &self.add_field {
            for value in values {
                let done = name.resolve(event, &*world.clock).and_then(|r| {
                    let text = render(value, event, &*world.clock).map_err(|e| e.to_string())?;
                    add_to_field(event, &r, Value::Str(text))
                });
                if let Err(why) = done {
                    tracing::warn!("an input's add_field failed: {why}");
                }
            }
        }
        for tag in &self.tags {
            event.tag_once(tag);
        }
    }
}
