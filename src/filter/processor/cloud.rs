//! `add_cloud_metadata`: the machine's instance in a cloud, asked once at start.
//!
//! Documentation: <https://www.elastic.co/guide/en/beats/filebeat/8.5/add-cloud-metadata.html>. The providers asked by
//! default are those whose service listens on the machine's own link: Amazon EC2, Google Compute Engine, Azure,
//! DigitalOcean. Outside of a cloud nobody answers and no field is added. As in Filebeat the first events wait for the
//! answer, at most for `timeout`.

use super::{deep_update, dotted, put};
use crate::config::filebeat::processors::AddCloudMetadata;
use crate::event::json::{Decimals, parse};
use crate::event::{Arena, Event, Value};
use crate::filter::{Fault, Filter, FilterCx, Outcome, Slot};
use crate::world::World;
use crate::world::net::Request;
use serde_json::{Value as Json, json};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::Duration;

/// Of a provider's answer.
const ANSWER_BYTES_MAX: usize = 1 << 20;
const BASE: &str = "http://169.254.169.254";

/// The providers that can be asked.
pub const PROVIDERS: [&str; 5] = ["aws", "ec2", "azure", "digitalocean", "gcp"];

/// The compiled processor.
pub struct AddCloudMetadataFilter {
    config: AddCloudMetadata,
    answer: Arc<Answer>,
    slot: Slot,
}

/// The `cloud` map as JSON, or nothing outside of a cloud; not there yet while the providers are asked.
#[derive(Default)]
struct Answer {
    cloud: OnceLock<Option<String>>,
    given: Mutex<bool>,
    changed: Condvar,
}

impl Answer {
    fn give(&self, cloud: Option<String>) {
        // given once: the question is asked once
        let _ = self.cloud.set(cloud);
        *self.given.lock().expect("never poisoned") = true;
        self.changed.notify_all();
    }

    /// Waits for it, at most for `limit`.
    fn wait(&self, limit: Duration) -> Option<&str> {
        if self.cloud.get().is_none() {
            let given = self.given.lock().expect("never poisoned");
            let waited = self.changed.wait_timeout_while(given, limit, |given| !*given).expect("never poisoned");
            drop(waited);
            // late is never: the events after the first few must be alike
            let _ = self.cloud.set(None);
        }
        self.cloud.get()?.as_deref()
    }
}

impl AddCloudMetadataFilter {
    /// The providers are asked as soon as the runtime turns; without a runtime nobody is.
    pub fn new(
        config: AddCloudMetadata,
        world: &World,
        runtime: Option<tokio::runtime::Handle>,
        slot: Slot,
    ) -> AddCloudMetadataFilter {
        let answer = Arc::new(Answer::default());
        match runtime {
            None => answer.give(None),
            Some(runtime) => {
                let (answer, config, world) = (Arc::clone(&answer), config.clone(), world.clone());
                runtime.spawn(async move { answer.give(ask(&config, &world).await) });
            }
        }
        AddCloudMetadataFilter { config, answer, slot }
    }
}

async fn ask(config: &AddCloudMetadata, world: &World) -> Option<String> {
    let asked = |name: &str| {
        config.providers.is_empty()
            || config.providers.iter().any(|p| p.value == name || (name == "aws" && p.value == "ec2"))
    };
    let timeout = config.timeout;
    let (aws, gcp, azure, digitalocean) = tokio::join!(
        only(asked("aws"), aws(world, timeout)),
        only(asked("gcp"), gcp(world, timeout)),
        only(asked("azure"), azure(world, timeout)),
        only(asked("digitalocean"), digitalocean(world, timeout)),
    );
    let found = aws.or(gcp).or(azure).or(digitalocean);
    match &found {
        Some(cloud) => tracing::info!("add_cloud_metadata: this machine runs in {}", cloud["provider"]),
        None => tracing::info!("add_cloud_metadata: no cloud answered"),
    }
    found.map(|cloud| cloud.to_string())
}

async fn only<T>(wanted: bool, future: impl Future<Output = Option<T>>) -> Option<T> {
    if wanted { future.await } else { None }
}

async fn get(
    world: &World,
    method: &'static str,
    path: &str,
    headers: &[(&str, &str)],
    timeout: Duration,
) -> Option<String> {
    let request = Request {
        method,
        url: format!("{BASE}{path}"),
        headers: headers.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
        body: bytes::Bytes::new(),
        timeout,
        tls: None,
    };
    let (status, body, cut) = world.net.exchange(request).await.ok()?.read(ANSWER_BYTES_MAX).await.ok()?;
    if status != 200 || cut {
        return None;
    }
    String::from_utf8(body).ok()
}

async fn aws(world: &World, timeout: Duration) -> Option<Json> {
    let ttl = [("X-aws-ec2-metadata-token-ttl-seconds", "21600")];
    let token = get(world, "PUT", "/latest/api/token", &ttl, timeout).await;
    let headers: Vec<(&str, &str)> = token.iter().map(|t| ("X-aws-ec2-metadata-token", t.as_str())).collect();
    let text = get(world, "GET", "/latest/dynamic/instance-identity/document", &headers, timeout).await?;
    let d: Json = serde_json::from_str(&text).ok()?;
    Some(without_nulls(json!({
        "provider": "aws", "instance": {"id": d["instanceId"]}, "machine": {"type": d["instanceType"]},
        "region": d["region"], "availability_zone": d["availabilityZone"], "account": {"id": d["accountId"]},
        "image": {"id": d["imageId"]}, "service": {"name": "EC2"},
    })))
}

async fn gcp(world: &World, timeout: Duration) -> Option<Json> {
    let headers = [("Metadata-Flavor", "Google")];
    let text = get(world, "GET", "/computeMetadata/v1/?recursive=true&alt=json", &headers, timeout).await?;
    let d: Json = serde_json::from_str(&text).ok()?;
    let last = |v: &Json| v.as_str().and_then(|s| s.rsplit('/').next()).map(str::to_string);
    let zone = last(&d["instance"]["zone"]);
    let region = zone.as_deref().and_then(|z| z.rsplit_once('-')).map(|(r, _)| r.to_string());
    Some(without_nulls(json!({
        "provider": "gcp", "instance": {"id": d["instance"]["id"].as_u64().map(|n| n.to_string()), "name": d["instance"]["name"]},
        "machine": {"type": last(&d["instance"]["machineType"])}, "availability_zone": zone, "region": region,
        "project": {"id": d["project"]["projectId"]}, "account": {"id": d["project"]["projectId"]},
        "service": {"name": "GCE"},
    })))
}

async fn azure(world: &World, timeout: Duration) -> Option<Json> {
    let text = get(world, "GET", "/metadata/instance/compute?api-version=2017-04-02", &[("Metadata", "true")], timeout)
        .await?;
    let d: Json = serde_json::from_str(&text).ok()?;
    Some(without_nulls(json!({
        "provider": "azure", "instance": {"id": d["vmId"], "name": d["name"]}, "machine": {"type": d["vmSize"]},
        "region": d["location"], "account": {"id": d["subscriptionId"]}, "service": {"name": "Virtual Machines"},
    })))
}

async fn digitalocean(world: &World, timeout: Duration) -> Option<Json> {
    let text = get(world, "GET", "/metadata/v1.json", &[], timeout).await?;
    let d: Json = serde_json::from_str(&text).ok()?;
    let id = d["droplet_id"].as_u64()?.to_string();
    Some(without_nulls(json!({
        "provider": "digitalocean", "instance": {"id": id}, "region": d["region"], "service": {"name": "Droplets"},
    })))
}

/// Leaves out what a provider did not tell.
fn without_nulls(value: Json) -> Json {
    match value {
        Json::Object(map) => Json::Object(
            map.into_iter()
                .map(|(k, v)| (k, without_nulls(v)))
                .filter(|(_, v)| !v.is_null() && v.as_object().is_none_or(|m| !m.is_empty()))
                .collect(),
        ),
        other => other,
    }
}

impl Filter for AddCloudMetadataFilter {
    fn plugin(&self) -> &'static str {
        "add_cloud_metadata"
    }

    fn apply<'b>(&self, event: &mut Event<'b>, cx: &mut FilterCx<'b, '_>) -> Result<Outcome, Fault> {
        let Some(json) = self.answer.wait(self.config.timeout) else { return Ok(Outcome::Unmatched) };
        let arena: &'b Arena = cx.arena;
        let value = cx.memo.get(self.slot, 0, || {
            let text = arena.alloc_str(json);
            let value = parse(arena, text, Decimals::Double).unwrap_or(Value::Null);
            crate::event::batch::with_json(arena, value)
        });
        let r = dotted("cloud");
        match event.get(&r) {
            Some(_) if !self.config.overwrite => return Ok(Outcome::Unmatched),
            old => put(event, &r, deep_update(arena, old, value))?,
        }
        Ok(Outcome::Matched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_told_is_left_out() {
        let v = without_nulls(json!({"a": null, "b": {"c": null}, "d": {"e": 1}}));
        assert_eq!(v, json!({"d": {"e": 1}}));
    }
}
