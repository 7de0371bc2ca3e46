//! A simulated Elasticsearch: the bulk API, documents by index and id, and moods.

use logdrive::world::net::Request;
use logdrive::world::sim::{Answer, Rng, Service, SimClock, Trace};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Read;

/// How often it misbehaves, in so many of a thousand requests or items.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moods {
    /// 429 or 503 for the whole request; nothing is carried out.
    pub busy: u64,
    /// Items answered 429 or 503; they are not carried out.
    pub busy_item: u64,
    /// 502 or 504 by a proxy, after the request was carried out.
    pub bad_gateway: u64,
    /// 200 with a body that is no answer, after the request was carried out.
    pub garbage: u64,
    /// The items of the answer come in another order.
    pub shuffled: u64,
}

/// A stored document.
pub struct Document {
    pub index: String,
    pub id: String,
    pub source: Value,
}

/// The server. What it holds is the truth that the judge looks at.
pub struct Elastic {
    clock: SimClock,
    trace: Trace,
    rng: Rng,
    pub moods: Moods,
    /// Larger bodies, uncompressed, are answered 413.
    pub body_bytes_max: usize,
    documents: BTreeMap<(String, String), Value>,
    /// The documents of each line, by its token.
    by_token: BTreeMap<String, Vec<(String, String)>>,
    /// Items that came, carried out or not.
    pub items: u64,
    auto_ids: u64,
}

/// Lines with this in them are refused with 400, as a mapping would.
pub const REFUSED: &str = "POISON-SERVER";

/// The token of a line: what stands between the first two `#`.
pub fn token(message: &str) -> Option<&str> {
    message.split('#').nth(1)
}

/// A document's message: text, or the first of several.
pub fn message(source: &Value) -> Option<&str> {
    match &source["message"] {
        Value::String(s) => Some(s),
        Value::Array(list) => list.first().and_then(Value::as_str),
        _ => None,
    }
}

impl Elastic {
    pub fn new(clock: SimClock, trace: Trace, mut rng: Rng) -> Elastic {
        let body_bytes_max = rng.pick(&[3_000, 20_000, 100 << 20, 100 << 20]);
        Elastic {
            clock,
            trace,
            rng,
            moods: Moods::default(),
            body_bytes_max,
            documents: BTreeMap::new(),
            by_token: BTreeMap::new(),
            items: 0,
            auto_ids: 0,
        }
    }

    pub fn documents(&self) -> impl Iterator<Item = Document> + '_ {
        self.documents.iter().map(|((index, id), source)| Document {
            index: index.clone(),
            id: id.clone(),
            source: source.clone(),
        })
    }

    pub fn has(&self, token: &str) -> bool {
        self.by_token.contains_key(token)
    }

    fn put(&mut self, index: &str, id: &str, source: Value) {
        let place = (index.to_string(), id.to_string());
        if let Some(token) = message(&source).and_then(token) {
            self.by_token.entry(token.to_string()).or_default().push(place.clone());
        }
        self.documents.insert(place, source);
    }

    fn item(&mut self, action: &str, index: &str, id: Option<&str>, source: &str) -> Value {
        self.items += 1;
        let id = id.map_or_else(
            || {
                self.auto_ids += 1;
                format!("auto-{}", self.auto_ids)
            },
            str::to_string,
        );
        let answer = |status: u16, kind: Option<&str>| {
            let mut inner = json!({"_index": index, "_id": id, "status": status});
            if let Some(kind) = kind {
                inner["error"] = json!({"type": kind, "reason": "by the simulation"});
            }
            json!({ action: inner })
        };
        if self.rng.chance(self.moods.busy_item) {
            let status = self.rng.pick(&[429, 503]);
            return answer(status, Some("es_rejected_execution_exception"));
        }
        let there = self.documents.contains_key(&(index.to_string(), id.clone()));
        let Ok(source) = serde_json::from_str::<Value>(source) else {
            return answer(400, Some("document_parsing_exception"));
        };
        if message(&source).is_some_and(|m| m.contains(REFUSED)) {
            return answer(400, Some("document_parsing_exception"));
        }
        match (action, there) {
            ("create", true) => answer(409, Some("version_conflict_engine_exception")),
            ("create" | "index", false) => {
                self.put(index, &id, source);
                answer(201, None)
            }
            ("index", true) => {
                self.documents.insert((index.to_string(), id.clone()), source);
                answer(200, None)
            }
            _ => answer(400, Some("illegal_argument_exception")),
        }
    }

    fn bulk(&mut self, body: &str) -> Result<Vec<Value>, String> {
        let mut items = vec![];
        let mut lines = body.lines();
        while let Some(action) = lines.next() {
            let action: Value = serde_json::from_str(action).map_err(|e| format!("{action}: {e}"))?;
            let (verb, meta) = action.as_object().and_then(|a| a.iter().next()).ok_or("no action")?;
            let index = meta["_index"].as_str().ok_or("no index")?;
            let source = lines.next().ok_or("no document")?;
            items.push(self.item(verb, index, meta["_id"].as_str(), source));
        }
        Ok(items)
    }
}

fn plain(request: &Request) -> Result<String, String> {
    let zipped = request.headers.iter().any(|(k, v)| k.eq_ignore_ascii_case("content-encoding") && v == "gzip");
    let mut bytes = vec![];
    if zipped {
        flate2::read::GzDecoder::new(&request.body[..]).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    } else {
        bytes = request.body.to_vec();
    }
    String::from_utf8(bytes).map_err(|e| e.to_string())
}

impl Service for Elastic {
    fn answer(&mut self, request: &Request) -> Answer {
        let say = |status: u16, body: Value| Answer { status, headers: vec![], body: body.to_string().into_bytes() };
        if !request.url.split('?').next().is_some_and(|path| path.ends_with("/_bulk")) {
            return say(200, json!({"version": {"number": "8.5.0"}, "tagline": "You Know, for Search"}));
        }
        let body = match plain(request) {
            Ok(body) => body,
            Err(why) => return say(400, json!({ "error": why })),
        };
        let status = if body.len() > self.body_bytes_max {
            413
        } else if self.rng.chance(self.moods.busy) {
            self.rng.pick(&[429, 503])
        } else {
            200
        };
        if status != 200 {
            self.trace.say(&self.clock, || format!("server: {} bytes: {status}", body.len()));
            return say(status, json!({"error": {"type": "by_the_simulation"}, "status": status}));
        }
        let mut items = match self.bulk(&body) {
            Ok(items) => items,
            Err(why) => panic!("the bulk body is not one: {why}"),
        };
        let statuses: BTreeMap<u64, usize> = items.iter().fold(BTreeMap::new(), |mut sum, item| {
            let status = item.as_object().and_then(|i| i.values().next()).and_then(|i| i["status"].as_u64());
            *sum.entry(status.unwrap_or(0)).or_default() += 1;
            sum
        });
        self.trace.say(&self.clock, || format!("server: {} items: {statuses:?}", items.len()));
        if self.rng.chance(self.moods.bad_gateway) {
            return Answer { status: self.rng.pick(&[502, 504]), body: b"<html>".to_vec(), headers: vec![] };
        }
        if self.rng.chance(self.moods.shuffled) {
            items.reverse();
        }
        let errors = statuses.keys().any(|s| *s >= 300);
        let mut answer = say(200, json!({"took": 1, "errors": errors, "items": items}));
        if self.rng.chance(self.moods.garbage) {
            match self.rng.below(3) {
                0 => answer.body = b"<html>it works</html>".to_vec(),
                1 => answer.body.truncate(answer.body.len() / 2),
                _ => answer.body = br#"{"took":1,"errors":false,"items":[]}"#.to_vec(),
            }
        }
        answer
    }
}
