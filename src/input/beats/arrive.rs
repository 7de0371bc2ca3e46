//! How the JSON that a Beat sent becomes an event.
//!
//! Source: logstash-input-beats' message_listener.rb, event_transform_common.rb and the recorded rules of Logstash's
//! events. What cannot become an event goes to the dead letter file: real Logstash closes the connection there, and the
//! sender would send the same window for ever. A window that is sent again writes its dead letters again.

use super::config::Config;
use super::window::Part;
use crate::ack::BatchAck;
use crate::event::batch::BatchMut;
use crate::event::from_json::event_from_json_map;
use crate::event::json::{self, Decimals};
use crate::event::{Batch, Event, FieldRef, Origin, SourceMeta, Timestamp, Value};
use crate::filter::processor::receive;
use crate::world::World;
use std::sync::Arc;

/// What all events of one connection share.
pub struct Sender {
    /// For people, and for dead letters.
    pub source: Arc<SourceMeta>,
    /// The address without the port.
    pub ip: String,
    /// Random, so that the events of two connections never have the same id.
    pub key: u64,
    /// Which input of the plan this is.
    pub input: u32,
}

impl Sender {
    pub fn new(peer: &str, key: u64, input: u32) -> Sender {
        let ip = peer.rsplit_once(':').map_or(peer, |(ip, _)| ip);
        let ip = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(ip);
        Sender { source: SourceMeta::named(format!("beats {peer}")), ip: ip.to_string(), key, input }
    }
}

/// What cannot become an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// For people.
    pub message: String,
    /// Its running number in the connection.
    pub offset: u64,
    /// The bytes as a JSON string.
    pub event: Vec<u8>,
}

/// The references that are used for every event.
pub struct Fields {
    ip: FieldRef,
    beat_hostname: FieldRef,
    hostname: FieldRef,
    id: FieldRef,
}

impl Fields {
    pub fn new(ecs: bool) -> Fields {
        let names = |path: &[&str]| FieldRef::from_names(path.iter().copied());
        Fields {
            ip: if ecs {
                names(&["@metadata", "input", "beats", "host", "ip"])
            } else {
                names(&["@metadata", "ip_address"])
            },
            beat_hostname: names(&["beat", "hostname"]),
            hostname: if ecs { names(&["@metadata", "input", "beats", "host", "name"]) } else { names(&["host"]) },
            id: names(&["@metadata", "_id"]),
        }
    }
}

/// Makes the batch of a part; the events are numbered from `offset` on.
pub fn batch(
    part: &Part,
    config: &Config,
    fields: &Fields,
    sender: &Sender,
    offset: u64,
    world: &World,
    ack: Arc<BatchAck>,
) -> (Batch, Vec<Refused>) {
    let now = world.clock.now();
    let mut refused = Vec::new();
    let mut batch = Batch::new(ack);
    batch.change(|mut b| {
        let (source, _, _) = b.attach(&sender.source);
        let mut kept: Option<(*const u8, &[u8])> = None;
        for (n, payload) in part.events.iter().enumerate() {
            let whole = match kept {
                Some((at, bytes)) if at == payload.buffer.as_ptr() => bytes,
                _ => b.keep(Arc::clone(&payload.buffer)),
            };
            kept = Some((payload.buffer.as_ptr(), whole));
            let bytes = &whole[payload.at.clone()];
            let origin = Origin {
                key: sender.key,
                offset: offset + n as u64,
                place: 0,
                source,
                len: bytes.len() as u32,
                input: sender.input,
            };
            match event(&mut b, bytes, config, fields, sender, origin, now, world) {
                Ok(event) => b.events.push(event),
                Err(r) => refused.push(r),
            }
        }
    });
    (batch, refused)
}

#[allow(clippy::too_many_arguments, reason = "all of them are what one event is made of")]
fn event<'b>(
    b: &mut BatchMut<'b, '_>,
    bytes: &'b [u8],
    config: &Config,
    fields: &Fields,
    sender: &Sender,
    origin: Origin,
    now: Timestamp,
    world: &World,
) -> Result<Event<'b>, Refused> {
    let arena = b.arena;
    let unreadable = |message: String| {
        let event = serde_json::to_vec(&String::from_utf8_lossy(bytes)).expect("a string becomes JSON");
        Refused { message, offset: origin.offset, event }
    };
    let text = std::str::from_utf8(bytes).map_err(|e| unreadable(format!("the event is not UTF-8: {e}")))?;
    let value = json::parse(arena, text, Decimals::Double).map_err(|e| unreadable(format!("the event: {e}")))?;
    let map = value.as_map().ok_or_else(|| unreadable("the event is no JSON object".to_string()))?;
    let mut event = event_from_json_map(arena, map, now, origin)
        .map_err(|_| unreadable("`@metadata` of the event is no JSON object".to_string()))?;
    if config.source_metadata && map.contains("@metadata") {
        let _ = event.set(&fields.ip, Value::text(arena, &sender.ip));
    }
    event.given_id = event.get(&fields.id).and_then(|id| id.as_str()).filter(|id| !id.is_empty());
    if config.add_hostname
        && let Some(host @ Value::Str(_)) = event.get(&fields.beat_hostname)
        && event.get(&fields.hostname).is_none_or(|v| v.is_null())
    {
        let _ = event.set(&fields.hostname, host);
    }
    config.decoration.apply(&mut event, world);
    receive(&mut event, config.original, config.codec_tag);
    Ok(event)
}
