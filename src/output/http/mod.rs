//! The http output: a request for each event, or for each batch.
//!
//! Original: <https://www.elastic.co/guide/en/logstash/8.19/plugins-outputs-http.html>, version 5.7.2.
//!
//! Deviations: an answer that is neither good nor to be retried makes its events dead letters with the status; the
//! original logs and drops them. A url that ends in `/api/v1/alerts` or `/api/v2/alerts` with a mapping that has `labels`
//! is taken for an Alertmanager, see [`alerts`]; `--strict` turns that off. The redirects of a request without a body
//! are followed at most five times.
//!
//! Belongs here: options, bodies, cookies, the repair. Must not be here: the native Alertmanager output.

mod alerts;
mod body;
mod config;
mod cookies;
#[cfg(test)]
mod tests;

pub use alerts::{ALERTS_PER_REQUEST_MAX, Endpoint};
pub use body::Mapping;
pub use config::{CERTIFICATES_BYTES_MAX, Config, Format, OPTIONS, build};

use super::delivery::backoff::{jitter, sleep_or_stop};
use super::delivery::exchange::{Answer, exchange};
use super::delivery::hosts::basic;
use super::delivery::said::Said;
use super::delivery::{concurrent, limiter::Limiter};
use super::{Item, Output, OutputCx, Parcel, Selected, plain, write_document};
use crate::event::Event;
use crate::telemetry::{Counter, CounterName};
use crate::world::BoxFuture;
use crate::world::net::{NetError, Request};
use bytes::Bytes;
use cookies::Jar;
use std::io::Write;
use std::time::Duration;

/// Redirects followed for one request.
pub const REDIRECTS_MAX: u32 = 5;

/// The longest wait between two attempts.
pub const RETRY_TIME_MAX: Duration = Duration::from_secs(60);

/// Batches in delivery at once: one that waits for a retry does not hold up the next.
const PARCELS_MAX: usize = 4;

pub struct Http {
    cx: OutputCx,
    config: Config,
    /// The alerts interface that it talks to, where it is taken for one.
    endpoint: Option<Endpoint>,
    /// The url and headers are the same for every event: they do not stand in the items.
    fixed: Option<Target>,
    limiter: Limiter,
    jar: Jar,
    said: Said,
    events: Counter,
    bytes: Counter,
    requests: Counter,
    retries: Counter,
}

/// Where a request goes.
#[derive(Clone)]
struct Target {
    url: String,
    /// In the order of the configuration.
    header_values: Vec<String>,
}

/// How an attempt ended.
enum Outcome {
    Delivered,
    /// To be tried again, and why.
    Retry(String),
    /// Never going to work: reason, message, status.
    Refused(&'static str, String, Option<u16>),
}

impl Http {
    /// `strict` turns the repair off.
    pub fn new(config: Config, strict: bool, cx: OutputCx) -> Http {
        let constant = |t: &crate::event::Template| t.constant().map(str::to_string);
        let fixed = if config.format == Format::JsonBatch {
            // the original does not fill in either for a batch
            let header_values = config.headers.iter().map(|(_, t)| t.text().to_string()).collect();
            Some(Target { url: config.url.text().to_string(), header_values })
        } else {
            let values: Option<Vec<String>> = config.headers.iter().map(|(_, t)| constant(t)).collect();
            constant(&config.url).zip(values).map(|(url, header_values)| Target { url, header_values })
        };
        let endpoint = if strict || fixed.is_none() { None } else { Endpoint::of(&config) };
        let labels = [("output", cx.id.as_str())];
        let counter = |name| cx.metrics.counter(name, &labels);
        Http {
            endpoint,
            fixed,
            limiter: Limiter::new(config.requests_max),
            jar: Jar::default(),
            said: Said::default(),
            events: counter(CounterName::OutputEvents),
            bytes: counter(CounterName::OutputBytes),
            requests: counter(CounterName::OutputRequests),
            retries: counter(CounterName::OutputRetries),
            config,
            cx,
        }
    }

    /// The repair that this output makes, in one line; `None` when it makes none.
    pub fn repair_note(&self) -> Option<String> {
        self.endpoint.as_ref().map(Endpoint::note)
    }

    /// Whether it is taken for an Alertmanager.
    pub fn sends_alerts(&self) -> bool {
        self.endpoint.is_some()
    }

    fn encode_one(&self, event: &Event<'_>, parcel: &mut Parcel) -> Result<(), String> {
        let clock = &*self.cx.world.clock;
        let start = parcel.body.len();
        let mut text = String::new();
        if self.fixed.is_none() {
            for template in std::iter::once(&self.config.url).chain(self.config.headers.iter().map(|(_, t)| t)) {
                text.clear();
                template.render(event, clock, &mut text).map_err(|e| e.to_string())?;
                parcel.body.extend(text.bytes().filter(|b| *b != 0));
                parcel.body.push(0);
            }
        }
        let from = parcel.body.len();
        let mapping = self.config.mapping.as_ref();
        match self.config.format {
            Format::Json | Format::JsonBatch => body::write_json(mapping, event, clock, &mut parcel.body),
            Format::Form => body::write_form(mapping, event, clock, &mut parcel.body),
            Format::Message => {
                text.clear();
                let message = self.config.message.as_ref().expect("checked when it was built");
                let rendered = message.render(event, clock, &mut text);
                parcel.body.extend_from_slice(text.as_bytes());
                rendered
            }
        }
        .map_err(|e| e.to_string())?;
        let end = parcel.body.len();
        let is_document = mapping.is_none() && matches!(self.config.format, Format::Json | Format::JsonBatch);
        let document = if is_document {
            from..end
        } else {
            write_document(event, &mut parcel.body);
            end..parcel.body.len()
        };
        plain::push(parcel, event, start, document);
        parcel.items.last_mut().expect("just pushed").bytes.end = end as u32;
        Ok(())
    }

    /// Where an item goes and the body for it.
    fn target<'a>(&self, bytes: &'a [u8]) -> (Target, &'a [u8]) {
        if let Some(target) = &self.fixed {
            return (target.clone(), bytes);
        }
        let mut rest = bytes;
        let mut next = || {
            let nul = rest.iter().position(|b| *b == 0).expect("the url and each header end with NUL");
            let text = String::from_utf8_lossy(&rest[..nul]).into_owned();
            rest = &rest[nul + 1..];
            text
        };
        let url = next();
        let header_values = self.config.headers.iter().map(|_| next()).collect();
        (Target { url, header_values }, rest)
    }

    fn request(&self, target: &Target, body: &[u8]) -> Request {
        let names = self.config.headers.iter().map(|(name, _)| name.clone());
        let mut headers: Vec<(String, String)> = names.zip(target.header_values.iter().cloned()).collect();
        if let Some((user, password)) = &self.config.user {
            headers.push(("Authorization".to_string(), basic(user, password)));
        }
        if let Some(cookies) = self.config.cookies.then(|| self.jar.header(&target.url)).flatten() {
            headers.push(("Cookie".to_string(), cookies));
        }
        let body = if self.config.gzip {
            headers.push(("Content-Encoding".to_string(), "gzip".to_string()));
            let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            zip.write_all(body).expect("writing to memory cannot fail");
            Bytes::from(zip.finish().expect("writing to memory cannot fail"))
        } else {
            Bytes::copy_from_slice(body)
        };
        Request {
            method: self.config.method,
            url: target.url.clone(),
            headers,
            body,
            timeout: self.config.request_timeout,
            tls: self.config.tls.clone(),
        }
    }

    /// Sends one request, and again at once where `automatic_retries` and `follow_redirects` say so.
    async fn send(&self, target: &Target, body: &[u8]) -> Result<Answer, NetError> {
        let mut request = self.request(target, body);
        let repeatable = self.config.retry_non_idempotent || !matches!(request.method, "POST" | "PATCH");
        let mut again = if repeatable { self.config.automatic_retries } else { 0 };
        let mut redirects = 0;
        loop {
            self.requests.inc();
            self.bytes.inc_by(body.len() as u64);
            let answer = match exchange(&self.cx.world, request.clone(), self.config.socket_timeout).await {
                Ok(answer) => answer,
                Err(NetError::BadRequest(why)) => return Err(NetError::BadRequest(why)),
                Err(_) if again > 0 => {
                    again -= 1;
                    continue;
                }
                Err(why) => return Err(why),
            };
            let status = answer.status.to_string();
            let labels = [("output", self.cx.id.as_str()), ("status", &status)];
            self.cx.metrics.counter(CounterName::OutputStatuses, &labels).inc();
            if self.config.cookies {
                self.jar.take(&request.url, &answer.headers);
            }
            let safe = matches!(request.method, "GET" | "HEAD");
            let moved = match answer.status {
                301 | 302 | 307 | 308 => safe,
                303 => true,
                _ => false,
            };
            let location = answer.header("location").and_then(|to| absolute(&request.url, to));
            match location {
                Some(url) if moved && self.config.follow_redirects && redirects < REDIRECTS_MAX => {
                    redirects += 1;
                    if answer.status == 303 && !safe {
                        request.method = "GET";
                        request.body = Bytes::new();
                    }
                    request.url = url;
                }
                _ => return Ok(answer),
            }
        }
    }

    fn judge(&self, sent: Result<Answer, NetError>) -> Outcome {
        match sent {
            Ok(a) if a.is_success() || self.config.ignorable_codes.contains(&a.status) => Outcome::Delivered,
            Ok(a) if self.config.retryable_codes.contains(&a.status) => {
                if self.config.retry_failed {
                    Outcome::Retry(a.shown())
                } else {
                    Outcome::Refused("http-status", a.shown(), Some(a.status))
                }
            }
            Ok(a) => Outcome::Refused("http-status", a.shown(), Some(a.status)),
            Err(NetError::BadRequest(why)) => Outcome::Refused("bad-request", why, None),
            Err(why) if self.config.retry_failed => Outcome::Retry(why.to_string()),
            Err(why) => Outcome::Refused("no-answer", why.to_string(), None),
        }
    }

    /// Sends items in one request until they have ended.
    async fn deliver_items(&self, parcel: &Parcel, items: &[&Item], target: &Target, body: &[u8]) {
        let n = items.len() as u64;
        let mut attempt: u64 = 0;
        loop {
            let permit = self.limiter.acquire().await;
            let outcome = self.judge(self.send(target, body).await);
            drop(permit);
            match outcome {
                Outcome::Delivered => {
                    self.events.inc_by(n);
                    parcel.ack.delivered(n);
                    return;
                }
                Outcome::Refused(reason, message, status) => {
                    self.say_refused(&target.url, &message, n);
                    plain::bury(&self.cx, &self.said, parcel, items, reason, &message, status).await;
                    return;
                }
                Outcome::Retry(why) => {
                    attempt += 1;
                    if self.wait_to_retry(&target.url, &why, attempt, n).await {
                        return;
                    }
                }
            }
        }
    }

    fn say_refused(&self, url: &str, message: &str, n: u64) {
        if let Some(n) = self.said.now(&self.cx.world, "refused", n) {
            tracing::error!("http output: {url} refuses {n} events, they are dead letters now: {message}");
        }
    }

    /// Says it and waits; true when the run is to stop.
    async fn wait_to_retry(&self, url: &str, why: &str, attempt: u64, n: u64) -> bool {
        if let Some(n) = self.said.now(&self.cx.world, "retry", n) {
            tracing::warn!("http output: {url} does not take {n} events, trying again: {why}");
        }
        self.retries.inc_by(n);
        let whole = Duration::from_secs(attempt.saturating_mul(attempt)).min(RETRY_TIME_MAX);
        sleep_or_stop(&self.cx.world, &self.cx.stop, jitter(whole, &*self.cx.world.random)).await
    }

    fn deliver_one<'a>(&'a self, parcel: &'a Parcel, item: &'a Item) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let (target, body) = self.target(parcel.bytes(item));
            self.deliver_items(parcel, &[item], &target, body).await;
        })
    }

    async fn deliver_all(&self, parcel: &Parcel) {
        if plain::bury_failed(&self.cx, &self.said, parcel).await.is_none() {
            return;
        }
        let items: Vec<&Item> = parcel.items.iter().filter(|i| !plain::is_failed(i)).collect();
        if items.is_empty() {
            return;
        }
        if let Some(endpoint) = &self.endpoint {
            self.deliver_alerts(endpoint, parcel, &items).await;
        } else if self.config.format == Format::JsonBatch {
            let target = self.fixed.as_ref().expect("a batch has one target");
            self.deliver_items(parcel, &items, target, &list(parcel, &items)).await;
        } else {
            let mut futures = Vec::with_capacity(items.len());
            for item in items {
                futures.push(self.deliver_one(parcel, item));
            }
            concurrent::all(self.config.requests_max, futures).await;
        }
    }
}

/// The items as a JSON list.
fn list(parcel: &Parcel, items: &[&Item]) -> Vec<u8> {
    let mut out = vec![b'['];
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(parcel.bytes(item));
    }
    out.push(b']');
    out
}

/// Where a `Location` header points; `None` when it is of no use.
fn absolute(from: &str, to: &str) -> Option<String> {
    if to.starts_with("http://") || to.starts_with("https://") {
        return Some(to.to_string());
    }
    let (scheme, rest) = from.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    if let Some(other) = to.strip_prefix("//") {
        return Some(format!("{scheme}://{other}"));
    }
    to.starts_with('/').then(|| format!("{scheme}://{authority}{to}"))
}

impl Output for Http {
    fn plugin(&self) -> &'static str {
        "http"
    }

    fn encode(&self, events: &Selected<'_>, parcel: &mut Parcel) {
        for event in events.iter() {
            let start = parcel.body.len();
            if self.encode_one(event, parcel).is_err() {
                parcel.body.truncate(start);
                plain::push_failed(parcel, event);
            }
        }
    }

    fn deliver<'a>(&'a self, parcel: Parcel) -> BoxFuture<'a, ()> {
        Box::pin(async move { self.deliver_all(&parcel).await })
    }

    fn in_flight_max(&self) -> usize {
        PARCELS_MAX
    }
}
