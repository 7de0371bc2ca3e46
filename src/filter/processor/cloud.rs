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
use std::sync::OnceLock;
use std::time::Duration;

/// Of a provider's answer.
const ANSWER_BYTES_MAX: usize = 1 << 20;
const BASE: &str = "http://169.254.169.254";

/// The providers that can be asked.
pub const PROVIDERS: [&str; 5] = ["aws", "ec2", "azure", "digitalocean", "gcp"];

/// The compiled processor.
pub struct AddCloudMetadataFilter {
    config: AddCloudMetadata,
    /// The `cloud` map as JSON, or nothing outside of a cloud.
    answer: OnceLock<Option<String>>,
    runtime: Option<tokio::runtime::Handle>,
    slot: Slot,
}

impl AddCloudMetadataFilter {
    pub fn new(
        config: AddCloudMetadata,
        runtime: Option<tokio::runtime::Handle>,
        slot: Slot,
    ) -> AddCloudMetadataFilter {
        AddCloudMetadataFilter { config, answer: OnceLock::new(), runtime, slot }
    }

    fn answer(&self, world: &World) -> Option<&str> {
        let answer = self.answer.get_or_init(|| {
            let runtime = self.runtime.as_ref()?;
            let asked = |name: &str| {
                self.config.providers.is_empty()
                    || self.config.providers.iter().any(|p| p.value == name || (name == "aws" && p.value == "ec2"))
            };
            let timeout = self.config.timeout;
            let found = runtime.block_on(async {
                let (aws, gcp, azure, digitalocean) = tokio::join!(
                    only(asked("aws"), aws(world, timeout)),
                    only(asked("gcp"), gcp(world, timeout)),
                    only(asked("azure"), azure(world, timeout)),
                    only(asked("digitalocean"), digitalocean(world, timeout)),
                );
                aws.or(gcp).or(azure).or(digitalocean)
            });
            match &found {
                Some(cloud) => tracing::info!("add_cloud_metadata: this machine runs in {}", cloud["provider"]),
                None => tracing::info!("add_cloud_metadata: no cloud answered"),
            }
            found.map(|cloud| cloud.to_string())
        });
        answer.as_deref()
    }
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
        let Some(json) = self.answer(cx.world) else { return Ok(Outcome::Unmatched) };
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
