//! Bulk bodies: an action line and a document for each event.
//!
//! An event that cannot be sent gets an item too: `!`, the reason, a line end, then the document; see [`refusal`].

use super::{Action, Config, DataStream, Index};
use crate::event::json::{write, write_str};
use crate::event::sprintf::write_value;
use crate::event::{Event, Template, Value};
use crate::output::{OutputCx, Parcel, Selected, document_id, write_document};
use std::ops::Range;

/// Starts an item that is not to be sent; no action line does.
const REFUSED: u8 = b'!';

/// Why an item cannot be sent, as `reason: message`.
pub(in crate::output) fn refusal(item: &[u8]) -> Option<&str> {
    let rest = item.strip_prefix(&[REFUSED])?;
    let end = rest.iter().position(|b| *b == b'\n').expect("a refusal ends its line");
    Some(std::str::from_utf8(&rest[..end]).expect("a refusal is text"))
}

/// The bytes of an item that are sent; a deletion has no document.
pub(in crate::output) fn sent(item: &[u8]) -> &[u8] {
    if item.starts_with(b"{\"delete\":") {
        let end = item.iter().position(|b| *b == b'\n').expect("an action line ends");
        return &item[..=end];
    }
    item
}

/// The action lines of many events begin alike.
#[derive(Default)]
struct Scratch {
    index: String,
    /// Where the index depends on nothing but the day: that day.
    day: Option<i64>,
    id: String,
    text: String,
}

pub(super) fn encode(config: &Config, cx: &OutputCx, events: &Selected<'_>, parcel: &mut Parcel) {
    let mut scratch = Scratch::default();
    let daily = match &config.index {
        Index::Logstash { template, .. } => changes_daily(template),
        _ => false,
    };
    let mut line = Vec::new();
    for event in events.iter() {
        line.clear();
        match action_line(config, cx, event, daily, &mut scratch, &mut line) {
            Ok(Line { derived, update }) => {
                parcel.add(event, derived, |out| {
                    out.extend_from_slice(&line);
                    let document =
                        if update { write_update(config, event, out) } else { write_doc(config, event, out) };
                    out.push(b'\n');
                    document
                });
            }
            Err((reason, message)) => {
                parcel.add(event, false, |out| {
                    out.push(REFUSED);
                    out.extend_from_slice(format!("{reason}: {}\n", message.replace(['\n', '\r'], " ")).as_bytes());
                    let from = out.len();
                    write_document(event, out);
                    from..out.len()
                });
            }
        }
    }
}

struct Line {
    derived: bool,
    update: bool,
}

type Refused = (&'static str, String);

fn fill(template: &Template, cx: &OutputCx, event: &Event<'_>, out: &mut String) -> Result<(), Refused> {
    out.clear();
    template.render(event, &*cx.world.clock, out).map_err(|e| ("bad-template", e.to_string()))
}

/// A control field that an ingest pipeline run by a filter has left (`[@metadata][_ingest_document]`).
fn ingest<'b>(event: &Event<'b>, name: &str) -> Option<Value<'b>> {
    event.metadata().get("_ingest_document")?.as_map()?.get(name).filter(|v| !v.is_null())
}

fn metadata_text<'b>(event: &Event<'b>, name: &str) -> Option<&'b str> {
    event.metadata().get(name)?.as_str().filter(|t| !t.is_empty())
}

/// Writes the action line with its line end.
fn action_line(
    config: &Config,
    cx: &OutputCx,
    event: &Event<'_>,
    daily: bool,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Result<Line, Refused> {
    index(config, cx, event, daily, scratch)?;
    let text = &mut scratch.text;
    let action = match &config.action {
        Action::Index => "index",
        Action::Create => "create",
        Action::Update => "update",
        Action::Delete => "delete",
        Action::Template(template) => {
            fill(template, cx, event, text)?;
            let known = ["index", "create", "update", "delete"].into_iter().find(|a| a == text);
            known.ok_or_else(|| ("unsupported-action", format!("Elasticsearch doesn't support [{text}] action")))?
        }
    };
    let id = &mut scratch.id;
    id.clear();
    let version = match &config.version {
        Some(template) => {
            fill(template, cx, event, text)?;
            Some(text.clone())
        }
        None => control(config, event, "version"),
    };
    let mut derived = false;
    match &config.document_id {
        Some(template) => {
            fill(template, cx, event, id)?;
            // Elasticsearch would refuse the whole request for it
            if !(1..=document_id::ID_BYTES_MAX).contains(&id.len()) {
                return Err((
                    "bad-id",
                    format!("the document id has {} bytes, not 1 to {}", id.len(), document_id::ID_BYTES_MAX),
                ));
            }
        }
        None => match ingest(event, "id") {
            Some(given) => write_value(&given, id),
            // a version of the configuration's belongs to an id of the configuration's
            None if matches!(action, "index" | "create") && version.is_none() => {
                document_id::write(event, cx.place, id);
                derived = true;
            }
            None => {}
        },
    }
    let action = if derived { "create" } else { action };
    out.extend_from_slice(b"{\"");
    out.extend_from_slice(action.as_bytes());
    out.extend_from_slice(b"\":{\"_index\":");
    write_str(&scratch.index, out);
    let mut field = |name: &str, value: &str| {
        out.extend_from_slice(b",\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        write_str(value, out);
    };
    if derived || config.document_id.is_some() || !scratch.id.is_empty() {
        field("_id", &scratch.id);
    }
    let text = &mut scratch.text;
    if let Some(template) = &config.routing {
        fill(template, cx, event, text)?;
        field("routing", text);
    } else if let Some(value) = ingest(event, "routing") {
        text.clear();
        write_value(&value, text);
        field("routing", text);
    }
    if pipeline(config, cx, event, text)? {
        field("pipeline", text);
    }
    if let Some(version) = version {
        field("version", &version);
    }
    match &config.version_type {
        Some(kind) => field("version_type", kind),
        None => {
            if let Some(kind) = control(config, event, "version_type") {
                field("version_type", &kind);
            }
        }
    }
    if action == "update" && config.retry_on_conflict > 0 {
        out.extend_from_slice(format!(",\"retry_on_conflict\":{}", config.retry_on_conflict).as_bytes());
    }
    out.extend_from_slice(b"}}\n");
    Ok(Line { derived, update: action == "update" })
}

/// A control field that data streams do not have.
fn control(config: &Config, event: &Event<'_>, name: &str) -> Option<String> {
    if matches!(config.index, Index::DataStream(_)) {
        return None;
    }
    let mut text = String::new();
    write_value(&ingest(event, name)?, &mut text);
    Some(text)
}

/// Fills in the pipeline; false when none is to be named. An empty one is none.
fn pipeline(config: &Config, cx: &OutputCx, event: &Event<'_>, text: &mut String) -> Result<bool, Refused> {
    text.clear();
    match (&config.pipeline, &config.index) {
        (_, Index::Filebeat { pipeline: own, .. }) => match (metadata_text(event, "pipeline"), own) {
            (Some(named), _) => text.push_str(&named.to_lowercase()),
            (None, Some(format)) => {
                format.render(event, text).map_err(|e| ("pipeline-name", e))?;
                *text = text.to_lowercase();
            }
            (None, None) => {}
        },
        (Some(template), _) => fill(template, cx, event, text)?,
        (None, _) => match ingest(event, "pipeline") {
            Some(value) => write_value(&value, text),
            None => {
                if let Some(named) = event.metadata().get("target_ingest_pipeline") {
                    let mut template = String::new();
                    write_value(&named, &mut template);
                    fill(&Template::compile(&template, Default::default()), cx, event, text)?;
                }
            }
        },
    }
    Ok(!text.is_empty())
}

/// Fills in `scratch.index`.
fn index(config: &Config, cx: &OutputCx, event: &Event<'_>, daily: bool, scratch: &mut Scratch) -> Result<(), Refused> {
    let out = &mut scratch.index;
    match &config.index {
        Index::Logstash { template, unfilled_dead, default } => {
            if *default && let Some(named) = ingest(event, "index") {
                out.clear();
                scratch.day = None;
                write_value(&named, out);
                return Ok(());
            }
            let day = event.timestamp().filter(|_| daily).map(|t| t.epoch_secs().div_euclid(86_400));
            if day.is_some() && day == scratch.day {
                return Ok(());
            }
            fill(template, cx, event, out)?;
            scratch.day = day;
            if *unfilled_dead && out.find("%{").is_some_and(|at| out[at..].contains('}')) {
                scratch.day = None;
                return Err((
                    "index-name",
                    format!("Badly formatted index, after interpolation still contains placeholder: [{out}]"),
                ));
            }
        }
        Index::DataStream(stream) => {
            out.clear();
            match ingest(event, "index") {
                Some(named) => write_value(&named, out),
                None => data_stream_name(stream, event, out),
            }
        }
        Index::Filebeat { index: format, .. } => {
            out.clear();
            match metadata_text(event, "raw_index") {
                Some(named) => out.push_str(&named.to_lowercase()),
                None => {
                    format.render(event, out).map_err(|e| ("index-name", e))?;
                    *out = out.to_lowercase();
                }
            }
        }
    }
    Ok(())
}

fn data_stream_name(stream: &DataStream, event: &Event<'_>, out: &mut String) {
    let own = event.top("data_stream").filter(|_| stream.auto_routing).and_then(|v| v.as_map());
    for (i, (name, default)) in stream.parts().into_iter().enumerate() {
        if i > 0 {
            out.push('-');
        }
        match own.and_then(|m| m.get(name)) {
            None | Some(Value::Null | Value::Bool(false)) => out.push_str(default),
            Some(value) => write_value(&value, out),
        }
    }
}

impl DataStream {
    fn parts(&self) -> [(&'static str, &str); 3] {
        [("type", &self.kind), ("dataset", &self.dataset), ("namespace", &self.namespace)]
    }
}

fn write_doc(config: &Config, event: &Event<'_>, out: &mut Vec<u8>) -> Range<usize> {
    let start = out.len();
    match &config.index {
        Index::DataStream(stream) if stream.sync_fields => write_synced(stream, event, out),
        _ => write_document(event, out),
    }
    start..out.len()
}

/// The document with `data_stream.*` as the data stream's name has it.
fn write_synced(stream: &DataStream, event: &Event<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (name, value) in event.fields() {
        if *name != "data_stream" {
            write_str(name, out);
            out.push(b':');
            write(value, out);
            out.push(b',');
        }
    }
    out.extend_from_slice(b"\"data_stream\":{");
    let own = event.top("data_stream").and_then(|v| v.as_map());
    for (name, value) in own.map_or(&[][..], |m| m.entries) {
        if !stream.parts().iter().any(|(part, _)| part == name) {
            write_str(name, out);
            out.push(b':');
            write(value, out);
            out.push(b',');
        }
    }
    for (i, (name, default)) in stream.parts().into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_str(name, out);
        out.push(b':');
        match own.and_then(|m| m.get(name)).filter(|_| stream.auto_routing) {
            None | Some(Value::Null | Value::Bool(false)) => write_str(default, out),
            Some(value) => write(&value, out),
        }
    }
    out.extend_from_slice(b"}}");
}

fn write_update(config: &Config, event: &Event<'_>, out: &mut Vec<u8>) -> Range<usize> {
    out.extend_from_slice(b"{\"doc\":");
    let document = write_doc(config, event, out);
    if config.doc_as_upsert {
        out.extend_from_slice(b",\"doc_as_upsert\":true");
    }
    out.push(b'}');
    document
}

/// True when the text depends on nothing of the event but the day of its `@timestamp`.
fn changes_daily(template: &Template) -> bool {
    if template.fields().next().is_some() || template.always_fails().is_some() {
        return false;
    }
    let mut rest = template.text();
    while let Some(open) = rest.find("%{") {
        let Some(pattern) = rest[open + 2..].strip_prefix('+') else { return false };
        let Some(close) = pattern.find('}') else { return true };
        if !pattern[..close].bytes().all(|b| b"yYxMdDewE.-_/".contains(&b)) {
            return false;
        }
        rest = &pattern[close + 1..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_days_are_remembered() {
        for (text, wanted) in [
            ("logs", true),
            ("logs-%{+YYYY.MM.dd}", true),
            ("logs-%{+xxxx.ww}-%{+E}", true),
            ("logs-%{+YYYY.MM.dd.HH}", false),
            ("logs-%{+YYYY.MM.dd'T'}", false),
            ("logs-%{[a]}", false),
            ("logs-%{{yyyy}}", false),
            ("logs-%{+%s}", false),
            ("logs-%{{TIME_NOW}}", false),
        ] {
            assert_eq!(changes_daily(&Template::compile(text, Default::default())), wanted, "{text}");
        }
    }
}
