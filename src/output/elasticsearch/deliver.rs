//! Deliveries: each event of a parcel to its end.
//!
//! A parcel becomes requests; what an answer leaves undecided is sent again, and nothing else of it. The first failure
//! costs a wait of `backoff`, each further one twice that. When the run is asked to stop nothing waits any longer.

use super::encode::{refusal, sent};
use super::response::{self, Answered, Verdict};
use super::{Elasticsearch, FORBIDDEN_WAIT_MAX, RESPONSE_BYTES_MAX};
use crate::output::Parcel;
use crate::output::dead_letter::DeadLetter;
use crate::output::delivery::{Backoff, sleep_or_stop};
use crate::telemetry::CounterName;
use crate::world::net::Request;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Waits for a dead letter file that cannot be written.
const DEAD_LETTER_BACKOFF: Backoff = Backoff { initial: Duration::from_secs(1), max: Duration::from_secs(30) };

/// What came of one request.
enum Outcome {
    /// An answer for each item.
    Items(Vec<Answered>),
    /// 413, or an answer longer than what is read.
    TooLarge(String),
    /// 400 for the whole: something in it makes the request unreadable.
    BadRequest(String),
    /// 401, 403.
    Forbidden(String),
    /// 429, 503: too much to do.
    Busy(String),
    /// The host did not serve; another one may.
    HostFailed(String),
    /// Anything else; the same again later.
    Failed(String),
}

/// An event for the dead letter file.
struct Dead {
    item: u32,
    reason: String,
    message: String,
    status: Option<u16>,
}

/// The run is asked to stop: what is open stays undelivered.
struct Stopped;

pub(super) async fn deliver(es: &Elasticsearch, parcel: Parcel) {
    let mut refused = vec![];
    let mut open = vec![];
    for (i, item) in (0u32..).zip(&parcel.items) {
        match refusal(parcel.bytes(item)) {
            Some(why) => {
                let (reason, message) = why.split_once(": ").expect("a refusal has reason and message");
                refused.push(Dead { item: i, reason: reason.into(), message: message.into(), status: None });
            }
            None => open.push(i),
        }
    }
    let delivery = Delivery { es, parcel: &parcel };
    let mut ended = delivery.bury(refused).await;
    // the last one first, as it is taken from the end
    let mut requests = delivery.cut(open);
    while let (Ok(()), Some(items)) = (&ended, requests.pop()) {
        ended = delivery.bring(items, &mut requests).await;
    }
}

struct Delivery<'a> {
    es: &'a Elasticsearch,
    parcel: &'a Parcel,
}

impl Delivery<'_> {
    /// Requests that keep the limits, last first.
    fn cut(&self, items: Vec<u32>) -> Vec<Vec<u32>> {
        let items_max = if self.es.config.items_max == 0 { usize::MAX } else { self.es.config.items_max };
        let mut out: Vec<Vec<u32>> = vec![];
        let mut bytes = 0;
        for i in items {
            let len = sent(self.parcel.bytes(&self.parcel.items[i as usize])).len();
            match out.last_mut() {
                Some(last) if bytes + len < self.es.config.request_bytes_max && last.len() < items_max => {
                    bytes += len;
                    last.push(i);
                }
                _ => {
                    bytes = len;
                    out.push(vec![i]);
                }
            }
        }
        out.reverse();
        out
    }

    /// One request's events to their ends; what it is split into goes to `further`.
    async fn bring(&self, mut items: Vec<u32>, further: &mut Vec<Vec<u32>>) -> Result<(), Stopped> {
        let es = self.es;
        let slow = Backoff { initial: es.config.backoff.initial.min(FORBIDDEN_WAIT_MAX), max: FORBIDDEN_WAIT_MAX };
        let mut failures = 0u32;
        let mut hops = 0;
        loop {
            let outcome = self.attempt(&items).await?;
            if failures > 0 || hops > 0 {
                es.retries.inc_by(items.len() as u64);
            }
            let n = items.len() as u64;
            let mut backoff = es.config.backoff;
            match outcome {
                Outcome::Items(answers) => {
                    let before = items.len();
                    let (left, forbidden) = self.settle(&items, answers).await?;
                    if left.is_empty() {
                        return Ok(());
                    }
                    if forbidden {
                        backoff = slow;
                    }
                    // what moves is not a failure in a row
                    failures = if left.len() < before { 1 } else { failures.saturating_add(1) };
                    items = left;
                }
                Outcome::TooLarge(why) if items.len() > 1 => {
                    self.say("too-large", n, &format!("{why}; the request is split"));
                    split(items, further);
                    return Ok(());
                }
                Outcome::TooLarge(why) => {
                    return self.bury(vec![Dead::of(items[0], "too-large", why, Some(413))]).await;
                }
                Outcome::BadRequest(why) if items.len() > 1 => {
                    self.say("bad-request", n, &format!("{why}; the request is split to find what it does not read"));
                    split(items, further);
                    return Ok(());
                }
                // had no request ever been understood it could be the configuration's fault, for all events to come
                Outcome::BadRequest(why) if es.understood.load(Ordering::Relaxed) => {
                    return self.bury(vec![Dead::of(items[0], "rejected", why, Some(400))]).await;
                }
                Outcome::Forbidden(why) => {
                    self.say("forbidden", n, &format!("{why}; trying again until access is granted"));
                    backoff = slow;
                    failures = failures.saturating_add(1);
                }
                Outcome::HostFailed(why) => {
                    self.say("host-failed", n, &why);
                    hops += 1;
                    if hops < es.config.endpoints.len() && es.pool.any_alive(&es.cx.world) && !es.cx.stop.is_asked() {
                        continue;
                    }
                    failures = failures.saturating_add(1);
                }
                Outcome::BadRequest(why) | Outcome::Busy(why) | Outcome::Failed(why) => {
                    self.say("failed", n, &why);
                    failures = failures.saturating_add(1);
                }
            }
            hops = 0;
            let wait = backoff.wait(failures, &*es.cx.world.random);
            if sleep_or_stop(&es.cx.world, &es.cx.stop, wait).await {
                return Err(Stopped);
            }
        }
    }

    /// Sends the items once.
    async fn attempt(&self, items: &[u32]) -> Result<Outcome, Stopped> {
        let es = self.es;
        let permit = tokio::select! {
            biased;
            permit = es.limiter.acquire() => permit,
            () = es.cx.stop.wait() => return Err(Stopped),
        };
        let (host, _) = es.pool.pick(&es.cx.world);
        let endpoint = &es.config.endpoints[host];
        let (body, bytes) = self.body(items);
        let mut headers = vec![("content-type".to_string(), "application/x-ndjson".to_string())];
        if es.config.compression_level > 0 {
            headers.push(("content-encoding".to_string(), "gzip".to_string()));
        }
        headers.extend(endpoint.authorization.iter().map(|a| ("authorization".to_string(), a.clone())));
        headers.extend(es.config.headers.iter().cloned());
        let request = Request {
            method: "POST",
            url: endpoint.url.clone(),
            headers,
            body,
            timeout: es.config.timeout,
            tls: es.config.tls.clone(),
        };
        es.requests.inc();
        es.bytes.inc_by(bytes);
        let shown = &endpoint.shown;
        let answer = match es.cx.world.net.exchange(request).await {
            Ok(response) => response.read(RESPONSE_BYTES_MAX).await,
            Err(e) => Err(e),
        };
        drop(permit);
        let (status, body, cut) = match answer {
            Ok(answer) => answer,
            Err(e) => {
                es.pool.failed(&es.cx.world, host);
                return Ok(Outcome::HostFailed(format!("{shown}: {e}")));
            }
        };
        if status != 200 {
            self.count_status(status);
        }
        let said = || {
            let text = String::from_utf8_lossy(&body[..body.len().min(response::ERROR_BYTES_MAX)]).into_owned();
            format!("{shown} answered {status}: {}", text.trim())
        };
        if matches!(status, 502..=504) {
            es.pool.failed(&es.cx.world, host);
        } else {
            es.pool.went_well(host);
        }
        Ok(match status {
            200..=299 if cut && items.len() > 1 => {
                Outcome::TooLarge(format!("{shown} answered more than {RESPONSE_BYTES_MAX} bytes"))
            }
            200..=299 => match self.understand(items, &body) {
                Ok(answers) => {
                    es.understood.store(true, Ordering::Relaxed);
                    Outcome::Items(answers)
                }
                Err(why) => Outcome::Failed(format!("{shown}: {why}; the whole request is sent again")),
            },
            400 => Outcome::BadRequest(said()),
            401 | 403 => Outcome::Forbidden(said()),
            413 => Outcome::TooLarge(said()),
            429 => {
                es.limiter.pushed_back();
                Outcome::Busy(said())
            }
            502..=504 => {
                es.limiter.pushed_back();
                Outcome::HostFailed(said())
            }
            _ => Outcome::Failed(said()),
        })
    }

    /// The body of a request and its length before compression.
    fn body(&self, items: &[u32]) -> (Bytes, u64) {
        let parts = || items.iter().map(|&i| sent(self.parcel.bytes(&self.parcel.items[i as usize])));
        let bytes: usize = parts().map(<[u8]>::len).sum();
        let level = self.es.config.compression_level;
        let body = if level > 0 {
            let mut gzip = GzEncoder::new(Vec::with_capacity(bytes / 8), Compression::new(level));
            for part in parts() {
                gzip.write_all(part).expect("a vector takes all");
            }
            gzip.finish().expect("a vector takes all")
        } else {
            let mut out = Vec::with_capacity(bytes);
            parts().for_each(|part| out.extend_from_slice(part));
            out
        };
        (Bytes::from(body), bytes as u64)
    }

    /// The answers in the order of the items.
    fn understand(&self, items: &[u32], body: &[u8]) -> Result<Vec<Answered>, String> {
        let answers = response::read(body, items.len())?;
        if answers.iter().all(|a| (200..300).contains(&a.status)) {
            return Ok(answers);
        }
        // which of them failed is only sure with the ids
        let ids: Vec<Option<String>> = items
            .iter()
            .map(|&i| {
                let bytes = self.parcel.bytes(&self.parcel.items[i as usize]);
                response::id_of_action(bytes.split(|b| *b == b'\n').next().expect("a split has a first part"))
            })
            .collect();
        response::reorder(answers, &ids)
    }

    /// Reports what is decided; returns what is to be sent again, and whether that is all for want of a right.
    async fn settle(&self, items: &[u32], answers: Vec<Answered>) -> Result<(Vec<u32>, bool), Stopped> {
        let es = self.es;
        let (mut done, mut conflicts, mut busy) = (0u64, 0u64, 0u64);
        let (mut left, mut forbidden, mut dead) = (vec![], vec![], vec![]);
        for (&i, answer) in items.iter().zip(&answers) {
            let derived = self.parcel.items[i as usize].derived_id;
            let verdict = response::verdict(answer.status, derived, &es.config.dead_statuses);
            if verdict != Verdict::Done {
                self.count_status(answer.status);
            }
            match verdict {
                Verdict::Done => done += 1,
                Verdict::Conflict => conflicts += 1,
                Verdict::Retry => {
                    busy += 1;
                    if busy == 1 {
                        let first = answer.message();
                        left.push((i, first, answer.status));
                    } else {
                        left.push((i, String::new(), answer.status));
                    }
                }
                Verdict::Forbidden => forbidden.push((i, answer)),
                Verdict::Dead(reason) => dead.push(Dead::of(i, reason, answer.message(), Some(answer.status))),
            }
        }
        es.delivered.inc_by(done + conflicts);
        es.conflicts.inc_by(conflicts);
        self.parcel.ack.delivered(done + conflicts);
        if left.iter().any(|(_, _, status)| *status == 429) {
            es.limiter.pushed_back();
        } else {
            es.limiter.went_well();
        }
        if let Some((_, message, status)) = left.first() {
            self.say("retried", busy, &format!("events are sent again; the first was answered {status}: {message}"));
        }
        if let Some((_, first)) = forbidden.first() {
            let text = format!("events are refused, trying again until they are not; the first: {}", first.message());
            self.say("forbidden", forbidden.len() as u64, &text);
        }
        let all_forbidden = left.is_empty();
        let mut left: Vec<u32> = left.into_iter().map(|(i, ..)| i).chain(forbidden.iter().map(|(i, _)| *i)).collect();
        left.sort_unstable();
        self.bury(dead).await?;
        Ok((left, all_forbidden))
    }

    /// Writes dead letters, however long it takes, and reports them.
    async fn bury(&self, dead: Vec<Dead>) -> Result<(), Stopped> {
        let es = self.es;
        let Some(first) = dead.first() else { return Ok(()) };
        let n = dead.len() as u64;
        let text = format!("events go to the dead letter file; the first ({}): {}", first.reason, first.message);
        self.say("dead-letter", n, &text);
        let letters: Vec<DeadLetter<'_>> = dead
            .iter()
            .map(|d| {
                let item = &self.parcel.items[d.item as usize];
                DeadLetter {
                    reason: &d.reason,
                    message: &d.message,
                    status: d.status,
                    source: self.parcel.source_name(item),
                    offset: item.offset,
                    output: &es.cx.id,
                    event: self.parcel.document(item),
                }
            })
            .collect();
        let mut failures = 0;
        while let Err(e) = es.cx.dead_letters.write(&letters) {
            self.say("dead-letter-file", n, &format!("the dead letter file cannot be written: {e}"));
            failures += 1;
            let wait = DEAD_LETTER_BACKOFF.wait(failures, &*es.cx.world.random);
            if sleep_or_stop(&es.cx.world, &es.cx.stop, wait).await {
                return Err(Stopped);
            }
        }
        self.parcel.ack.dead_lettered(n);
        Ok(())
    }

    fn count_status(&self, status: u16) {
        let status = status.to_string();
        let cx = &self.es.cx;
        cx.metrics.counter(CounterName::OutputStatuses, &[("output", &cx.id), ("status", &status)]).inc();
    }

    /// A line in the log, summarised.
    fn say(&self, kind: &str, n: u64, text: &str) {
        if let Some(events) = self.es.said.now(&self.es.cx.world, kind, n) {
            tracing::warn!(output = %self.es.cx.id, events, "{text}");
        }
    }
}

impl Dead {
    fn of(item: u32, reason: &str, message: String, status: Option<u16>) -> Dead {
        Dead { item, reason: reason.to_string(), message, status }
    }
}

/// Both halves; the first is sent first.
fn split(mut items: Vec<u32>, further: &mut Vec<Vec<u32>>) {
    let second = items.split_off(items.len() / 2);
    further.push(second);
    further.push(items);
}
