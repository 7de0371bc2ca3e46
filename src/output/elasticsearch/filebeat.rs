//! Filebeat's `output.elasticsearch`: the same output by other options.
//!
//! The original: <https://www.elastic.co/guide/en/beats/filebeat/8.5/elasticsearch-output.html>. `worker` counts for each
//! host and can only raise the number of requests at once above [`IN_FLIGHT_MAX`]. `escape_html` changes the bytes of a
//! request but not the document it stands for, so nothing is done for it.
//! Without `index` events go to `filebeat-VERSION-DATE`, the documented default; Filebeat's data stream needs a template,
//! which is not put into the cluster here.

use super::build::{authorities, endpoint};
use super::{Action, Config, IN_FLIGHT_MAX, Index, REQUEST_BYTES_MAX};
use crate::config::diagnostic::Diagnostic;
use crate::config::filebeat::outputs::ElasticsearchOutput;
use crate::config::source::Span;
use crate::event::sprintf::write_value;
use crate::event::time_format::JodaFormat;
use crate::event::{Event, FieldRef, Value};
use crate::output::delivery::{Backoff, Host, hosts::basic};
use crate::world::World;
use crate::world::net::Tls;
use base64::Engine;
use std::sync::Arc;
use std::time::Duration;

/// The documented default of `index`.
pub const INDEX_DEFAULT: &str = "filebeat-%{[agent.version]}-%{+yyyy.MM.dd}";

/// A format string of Beats: `%{[field.name]}`, `%{[field.name]:default}`, `%{+yyyy.MM.dd}`.
#[derive(Debug)]
pub struct BeatsFormat {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Literal(String),
    Field { field: FieldRef, name: String, default: Option<String> },
    Date(JodaFormat),
}

impl BeatsFormat {
    /// Compiles a format string.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn compile(text: &str) -> Result<BeatsFormat, String> {
        let mut parts = vec![];
        let mut rest = text;
        while let Some(open) = rest.find("%{") {
            if open > 0 {
                parts.push(Part::Literal(rest[..open].to_string()));
            }
            let inner = &rest[open + 2..];
            let close = inner.find('}').ok_or("a `%{` has no `}`")?;
            parts.push(expression(&inner[..close])?);
            rest = &inner[close + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_string()));
        }
        Ok(BeatsFormat { parts })
    }

    /// Appends the result for one event.
    ///
    /// # Errors
    /// A field without default is missing, or is no single value.
    pub fn render(&self, event: &Event<'_>, out: &mut String) -> Result<(), String> {
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Date(format) => {
                    let at = event.timestamp().ok_or("the event has no `@timestamp`")?;
                    format.format(at, out);
                }
                Part::Field { field, name, default } => match event.get(field) {
                    Some(value) if !matches!(value, Value::Null | Value::Map(_) | Value::List(_)) => {
                        write_value(&value, out);
                    }
                    _ => out.push_str(default.as_ref().ok_or_else(|| format!("the event has no field `{name}`"))?),
                },
            }
        }
        Ok(())
    }
}

fn expression(inner: &str) -> Result<Part, String> {
    if let Some(pattern) = inner.strip_prefix('+') {
        return JodaFormat::compile(pattern).map(Part::Date).map_err(|e| e.to_string());
    }
    let named = inner.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (name, after) = named.ok_or_else(|| format!("`%{{{inner}}}` is neither a `[field]` nor a `+date`"))?;
    let default = match after.strip_prefix(':') {
        Some(default) => Some(default.to_string()),
        None if after.is_empty() => None,
        None => return Err(format!("`{after}` stands behind the field `{name}`")),
    };
    if name.split('.').any(str::is_empty) {
        return Err(format!("`[{name}]` is no field"));
    }
    Ok(Part::Field { field: FieldRef::from_names(name.split('.')), name: name.to_string(), default })
}

/// The configuration of `output.elasticsearch`. What is wrong goes to `diagnostics`; `None` then.
pub fn from_filebeat(output: &ElasticsearchOutput, world: &World, diagnostics: &mut Vec<Diagnostic>) -> Option<Config> {
    let before = diagnostics.len();
    let mut wrong = |span: Span, message: String, label: &str| {
        diagnostics.push(Diagnostic::error("wrong-value", message).at(span, label));
    };
    let parameters: Vec<(String, String)> =
        output.parameters.iter().map(|(k, v)| (k.clone(), v.value.clone())).collect();
    let own = match (&output.api_key, &output.username) {
        (Some(key), _) => Some(format!("ApiKey {}", base64::engine::general_purpose::STANDARD.encode(key))),
        (None, Some(user)) => Some(basic(user, output.password.as_deref().unwrap_or(""))),
        (None, None) => None,
    };
    let mut endpoints = vec![];
    for text in &output.hosts {
        match Host::parse(&text.value, 9200, false) {
            Ok(host) => endpoints.push(endpoint(&host, None, None, &parameters, own.as_deref())),
            Err(why) => wrong(text.span, format!("`{}` is no host: {why}", text.value), "not a host"),
        }
    }
    let mut compile = |text: &str, span: Span| match BeatsFormat::compile(text) {
        Ok(format) => Some(format),
        Err(why) => {
            wrong(span, format!("`{text}` is no format string: {why}"), "cannot be filled in");
            None
        }
    };
    let index = match &output.index {
        Some(text) => compile(&text.value, text.span),
        None => compile(INDEX_DEFAULT, output.span),
    };
    let pipeline = output.pipeline.as_ref().and_then(|text| compile(&text.value, text.span));
    let authorities_pem = authorities(&output.tls.certificate_authorities, world, diagnostics);
    let tls = Tls { authorities_pem, verify_off: output.tls.accept_any_certificate };
    if diagnostics.len() > before || endpoints.is_empty() {
        return None;
    }
    Some(Config {
        in_flight_max: IN_FLIGHT_MAX.max(output.worker * endpoints.len()),
        endpoints,
        index: Index::Filebeat { index: index?, pipeline },
        action: Action::Index,
        document_id: None,
        routing: None,
        pipeline: None,
        version: None,
        version_type: None,
        doc_as_upsert: false,
        retry_on_conflict: 0,
        dead_statuses: vec![],
        headers: output.headers.iter().map(|(k, v)| (k.clone(), v.value.clone())).collect(),
        compression_level: output.compression_level,
        timeout: output.timeout,
        backoff: Backoff { initial: output.backoff.init, max: output.backoff.max.max(output.backoff.init) },
        resurrect_delay: Duration::from_secs(5),
        request_bytes_max: REQUEST_BYTES_MAX,
        items_max: output.bulk_max_size,
        tls: Some(Arc::new(tls)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Arena, Origin, Timestamp};

    #[test]
    fn format_strings_of_beats() {
        let arena = Arena::new();
        let mut event = Event::new(&arena, Origin::default());
        event.push("@timestamp", Value::Timestamp(Timestamp::new(1_709_683_190, 0)));
        event.set(&FieldRef::parse("[agent][version]").unwrap(), Value::Str("8.5.0")).unwrap();
        for (text, wanted) in [
            (INDEX_DEFAULT, Ok("filebeat-8.5.0-2024.03.05")),
            ("plain", Ok("plain")),
            ("a-%{[none]:x}-%{[agent.version]:y}", Ok("a-x-8.5.0")),
            ("a-%{[none]}", Err(())),
            ("a-%{[agent]}", Err(())),
        ] {
            let mut out = String::new();
            let got = BeatsFormat::compile(text).unwrap().render(&event, &mut out);
            assert_eq!(got.map(|()| out.as_str()).map_err(|_| ()), wanted, "{text}");
        }
        for text in ["%{", "%{x}", "%{[]}", "%{[a]b}", "%{[a..b]}", "%{+'}"] {
            assert!(BeatsFormat::compile(text).is_err(), "{text}");
        }
    }
}
