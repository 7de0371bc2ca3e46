//! `add_docker_metadata`: which container an event comes from.
//!
//! Documentation: <https://www.elastic.co/guide/en/beats/filebeat/8.5/add-docker-metadata.html>. The container's id comes
//! from the configured fields or from the path of the log file; its name, image and labels from Docker.
//! Deviation: Filebeat only asks the engine's socket. Where the log file's own folder holds the engine's description of
//! the container (`config.v2.json`), that is read first: it is there before the first line, and stays when the engine
//! is down or the container gone. The socket answers for everything else.

use super::{deep_update, dotted, put};
use crate::config::filebeat::processors::AddDockerMetadata;
use crate::event::{Arena, Event, FieldRef, Map, Value};
use crate::filter::{Fault, Filter, FilterCx, Outcome, Slot};
use crate::world::World;
use crate::world::net::Request;
use serde_json::Value as Json;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Containers remembered at once; the one unused for longest is forgotten first.
pub const CONTAINERS_MAX: usize = 10_000;
/// Of an answer of the engine, and of a description file.
const DESCRIPTION_BYTES_MAX: usize = 64 << 20;
/// A container that nobody knew is asked for again after this time.
const UNKNOWN_RETRY: Duration = Duration::from_secs(5);
/// How long an event waits for the engine's answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// What is known of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    pub name: String,
    pub image: String,
    pub labels: Vec<(String, String)>,
}

struct Known {
    container: Option<Arc<Container>>,
    asked_at: Duration,
    used_at: Duration,
}

/// The compiled processor.
pub struct AddDockerMetadataFilter {
    config: AddDockerMetadata,
    match_fields: Vec<FieldRef>,
    path: FieldRef,
    known: Mutex<HashMap<String, Known>>,
    /// Drives the question to the engine; absent in a simulation.
    runtime: Option<tokio::runtime::Handle>,
    said: std::sync::Once,
    slot: Slot,
}

impl AddDockerMetadataFilter {
    pub fn new(
        config: AddDockerMetadata,
        runtime: Option<tokio::runtime::Handle>,
        slot: Slot,
    ) -> AddDockerMetadataFilter {
        let match_fields = config.match_fields.iter().map(|f| dotted(f)).collect();
        AddDockerMetadataFilter {
            config,
            match_fields,
            path: dotted("log.file.path"),
            known: Mutex::default(),
            runtime,
            said: std::sync::Once::new(),
            slot,
        }
    }

    /// The id and, where it came from the path, the folder of the log file.
    fn container_id<'b>(&self, event: &Event<'b>) -> Option<(&'b str, Option<&'b str>)> {
        for field in &self.match_fields {
            if let Some(Value::Str(id)) = event.get(field) {
                return Some((id, None));
            }
        }
        if !self.config.match_source {
            return None;
        }
        let Some(Value::Str(path)) = event.get(&self.path) else { return None };
        let id = path.split('/').filter(|p| !p.is_empty()).nth(self.config.match_source_index)?;
        Some((id, Path::new(path).parent().and_then(Path::to_str)))
    }

    fn look_up(&self, id: &str, folder: Option<&str>, world: &World) -> Option<Arc<Container>> {
        let now = world.clock.monotonic();
        {
            let mut known = self.known.lock().expect("never poisoned");
            if let Some(entry) = known.get_mut(id) {
                entry.used_at = now;
                if entry.container.is_some() || now < entry.asked_at + UNKNOWN_RETRY {
                    return entry.container.clone();
                }
            }
        }
        let described = folder.and_then(|f| described(world, Path::new(f), id));
        let mut found: Vec<(String, Container)> = described.map(|c| (id.to_string(), c)).into_iter().collect();
        if found.is_empty() {
            match self.ask(world) {
                Ok(all) => found = all,
                Err(why) => {
                    let host = &self.config.host.value;
                    self.said.call_once(|| tracing::warn!("add_docker_metadata: {host} does not answer: {why}"));
                }
            }
        }
        let mut known = self.known.lock().expect("never poisoned");
        for (id, container) in found {
            let container = Some(Arc::new(container));
            known.insert(id, Known { container, asked_at: now, used_at: now });
        }
        let entry = known.entry(id.to_string()).or_insert(Known { container: None, asked_at: now, used_at: now });
        entry.asked_at = now;
        entry.used_at = now;
        let answer = entry.container.clone();
        if known.len() > CONTAINERS_MAX {
            let oldest = known.iter().min_by_key(|(_, k)| k.used_at).map(|(id, _)| id.clone());
            oldest.map(|id| known.remove(&id));
        }
        answer
    }

    /// All containers the engine knows.
    fn ask(&self, world: &World) -> Result<Vec<(String, Container)>, String> {
        let runtime = self.runtime.as_ref().ok_or("no engine here")?;
        let host = self.config.host.value.trim_end_matches('/');
        let url = match host.strip_prefix("unix://") {
            Some(socket) => format!("unix://{socket}|/containers/json?all=1"),
            None => format!("{}/containers/json?all=1", host.replacen("tcp://", "http://", 1)),
        };
        let request = Request {
            method: "GET",
            url,
            headers: vec![("host".into(), "docker".into())],
            body: bytes::Bytes::new(),
            timeout: ANSWER_TIMEOUT,
            tls: None,
        };
        let exchange = world.net.exchange(request);
        let (status, body, _) = runtime
            .block_on(async move { exchange.await?.read(DESCRIPTION_BYTES_MAX).await })
            .map_err(|e| e.to_string())?;
        if status != 200 {
            return Err(format!("status {status}"));
        }
        let list: Vec<Json> = serde_json::from_slice(&body).map_err(|e| e.to_string())?;
        Ok(list
            .iter()
            .filter_map(|c| {
                let name = c["Names"].get(0).and_then(Json::as_str).unwrap_or("");
                Some((c["Id"].as_str()?.to_string(), container(name, &c["Image"], &c["Labels"])))
            })
            .collect())
    }

    fn value<'b>(&self, arena: &'b Arena, id: &str, container: Option<&Container>) -> Value<'b> {
        let text = |s: &str| Value::text(arena, s);
        let mut entries: Vec<(&'b str, Value<'b>)> = vec![("id", text(id))];
        if let Some(c) = container {
            entries.push(("image", Value::Map(Map::from_entries(arena, &[("name", text(&c.image))]))));
            entries.push(("name", text(&c.name)));
            if !c.labels.is_empty() {
                let mut labels = Value::Map(Map::from_entries(arena, &[]));
                for (k, v) in &c.labels {
                    labels = set_label(arena, labels, k, text(v), self.config.labels_dedot);
                }
                entries.push(("labels", labels));
            }
        }
        crate::event::batch::with_json(arena, Value::Map(Map::from_entries(arena, &entries)))
    }
}

/// With dedot a label is one name with `_` for dots; else its dots make maps, and a label below one that is a text
/// becomes the map's `value`, as in Filebeat.
fn set_label<'b>(arena: &'b Arena, labels: Value<'b>, name: &str, value: Value<'b>, dedot: bool) -> Value<'b> {
    let Value::Map(map) = labels else { return labels };
    if dedot || !name.contains('.') {
        let key = arena.alloc_str(&name.replace('.', "_"));
        let value = match map.get(key) {
            Some(Value::Map(inner)) if !dedot => Value::Map(inner.with(arena, "value", value)),
            _ => value,
        };
        return Value::Map(map.with(arena, key, value));
    }
    let (head, rest) = name.split_once('.').expect("a dot was seen");
    let key = arena.alloc_str(head);
    let inner = match map.get(key) {
        Some(inner @ Value::Map(_)) => inner,
        Some(text) => Value::Map(Map::from_entries(arena, &[("value", text)])),
        None => Value::Map(Map::from_entries(arena, &[])),
    };
    Value::Map(map.with(arena, key, set_label(arena, inner, rest, value, false)))
}

fn container(name: &str, image: &Json, labels: &Json) -> Container {
    let mut labels: Vec<(String, String)> = labels
        .as_object()
        .map(|m| m.iter().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_string()))).collect())
        .unwrap_or_default();
    labels.sort();
    Container {
        name: name.trim_start_matches('/').to_string(),
        image: image.as_str().unwrap_or_default().to_string(),
        labels,
    }
}

/// The engine's own description beside the log file.
fn described(world: &World, folder: &Path, id: &str) -> Option<Container> {
    let text = world.fs.read(&folder.join("config.v2.json"), DESCRIPTION_BYTES_MAX).ok()?;
    let json: Json = serde_json::from_slice(&text).ok()?;
    (json["ID"].as_str()? == id)
        .then(|| container(json["Name"].as_str().unwrap_or(""), &json["Config"]["Image"], &json["Config"]["Labels"]))
}

impl Filter for AddDockerMetadataFilter {
    fn plugin(&self) -> &'static str {
        "add_docker_metadata"
    }

    fn apply<'b>(&self, event: &mut Event<'b>, cx: &mut FilterCx<'b, '_>) -> Result<Outcome, Fault> {
        let Some((id, folder)) = self.container_id(event) else { return Ok(Outcome::Unmatched) };
        let id = if self.config.match_short_id { id.get(..12).unwrap_or(id) } else { id };
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        for b in id.bytes() {
            hash = (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
        }
        let (arena, world) = (cx.arena, cx.world);
        let mut value = cx.memo.get(self.slot, hash, || {
            let container = self.look_up(id, folder, world);
            self.value(arena, id, container.as_deref())
        });
        // two ids with one hash: the memo's is the other's
        if value.as_map().and_then(|m| m.get("id")) != Some(Value::Str(id)) {
            let container = self.look_up(id, folder, world);
            value = self.value(arena, id, container.as_deref());
        }
        let r = dotted("container");
        let merged = match event.get(&r) {
            None => value,
            // the processor is listed twice, as in many configurations: nothing to merge
            Some(Value::Map(old)) if value.as_map().is_some_and(|new| std::ptr::eq(old, new) || old == new) => {
                return Ok(Outcome::Matched);
            }
            old => deep_update(arena, old, value),
        };
        put(event, &r, merged)?;
        Ok(Outcome::Matched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(dedot: bool, all: &[(&str, &str)]) -> String {
        let arena = Arena::new();
        let mut map = Value::Map(Map::from_entries(&arena, &[]));
        for (k, v) in all {
            map = set_label(&arena, map, k, Value::text(&arena, v), dedot);
        }
        let mut out = vec![];
        crate::event::json::write(&map, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn labels_lose_their_dots_or_become_maps() {
        let all = [("com.docker.compose.service", "backend"), ("maintainer", "x")];
        assert_eq!(labels(true, &all), r#"{"com_docker_compose_service":"backend","maintainer":"x"}"#);
        assert_eq!(labels(false, &all), r#"{"com":{"docker":{"compose":{"service":"backend"}}},"maintainer":"x"}"#);
        assert_eq!(labels(false, &[("a", "1"), ("a.b", "2")]), r#"{"a":{"value":"1","b":"2"}}"#);
    }
}
