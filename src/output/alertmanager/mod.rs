//! The alertmanager output: events as alerts in Prometheus Alertmanager. It is logdrive's own; Logstash has none.
//!
//! Interface: <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>, a list of alerts to
//! `/api/v2/alerts` of **every** host, as Alertmanagers in a cluster want it.
//!
//! - Events whose labels are equal are one alert, however many there are and over restarts too. A new one is sent at once.
//!   A label whose template names a field that the event lacks is left out (as is an empty one); an annotation keeps
//!   the `%{...}`.
//! - While it fires it is sent again every `resend_interval`, with the annotations of its newest event and an end at
//!   `resolve_after` behind that event. When that time comes it is sent as resolved.
//! - An event is delivered when at least one host took its alert. A host that failed gets the firing alerts as soon as it
//!   is back; a host that refuses an alert (400) that no other takes makes its event a dead letter.
//! - More than `alerts_max` label sets at once, or more than `new_alerts_per_minute_max` new ones in a minute, raise
//!   nothing: said, counted in `logdrive_alerts_suppressed`, and their events count as delivered.
//! - What fires is kept in a file under `path.data`. It is as old as the last sending: after a crash an alert may be
//!   resolved up to one `resend_interval` early.
//!
//! Belongs here: options, what an alert is, the life of one. Must not be here: the repair of http outputs.

mod config;
mod state;
#[cfg(test)]
mod tests;

pub use config::{ALERTS_MAX, CERTIFICATES_BYTES_MAX, Config, NEW_ALERTS_PER_MINUTE_MAX, OPTIONS, PORT, build};
pub use state::{Alert, State};

use super::delivery::backoff::{Backoff, sleep_or_stop};
use super::delivery::concurrent;
use super::delivery::exchange::exchange;
use super::delivery::hosts::{Host, basic};
use super::delivery::said::Said;
use super::{Item, Output, OutputCx, Parcel, Selected, plain, write_document};
use crate::event::{Event, Template, Timestamp};
use crate::telemetry::{Counter, CounterName, Gauge, GaugeName};
use crate::world::BoxFuture;
use crate::world::net::{NetError, Request};
use bytes::Bytes;
use serde_json::json;
use state::key_of;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

/// Alerts in one request.
pub const ALERTS_PER_REQUEST_MAX: usize = 500;

/// A label is cut after this many bytes.
pub const LABEL_BYTES_MAX: usize = 1024;

/// An annotation is cut after this many bytes.
pub const ANNOTATION_BYTES_MAX: usize = 16 << 10;

/// A state file above this size is not read.
pub const STATE_BYTES_MAX: usize = 64 << 20;

/// Waits between attempts.
const BACKOFF: Backoff = Backoff { initial: Duration::from_secs(1), max: Duration::from_secs(60) };

pub struct Alertmanager {
    cx: OutputCx,
    config: Config,
    path: PathBuf,
    inner: Mutex<Inner>,
    /// Wakes the background when there is something new to wait for.
    changed: tokio::sync::Notify,
    said: Said,
    events: Counter,
    requests: Counter,
    retries: Counter,
    raised: Counter,
    firing: Gauge,
}

struct Inner {
    /// By label set; only what a host took.
    alerts: BTreeMap<String, Alert>,
    /// For each host, how many attempts failed in a row and when the next is due.
    hosts: Vec<Health>,
    /// When alerts began to fire, within the last minute; oldest first.
    begun: std::collections::VecDeque<Duration>,
}

#[derive(Clone, Copy, Default)]
struct Health {
    failures: u32,
    retry_at: Duration,
}

/// Which host, and its status with its words.
type HostAnswer = (usize, Result<(u16, String), NetError>);

/// What the hosts said to a list of alerts.
enum Verdict {
    /// At least one took it.
    Taken,
    /// All that answered refused it.
    Refused(u16, String),
    Failed,
}

impl Alertmanager {
    /// `dir` is where its state lies. A state file that cannot be read is said and left aside.
    pub fn new(config: Config, dir: &Path, cx: OutputCx) -> Alertmanager {
        let name: String = cx.id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
        let path = dir.join(format!("alerts-{name}.json"));
        let mut alerts = BTreeMap::new();
        let loaded = match cx.world.fs.read(&path, STATE_BYTES_MAX) {
            Ok(bytes) => serde_json::from_slice::<State>(&bytes).map_err(|e| e.to_string()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(State::default()),
            Err(e) => Err(e.to_string()),
        };
        match loaded {
            Ok(state) => alerts.extend(state.alerts.into_iter().map(|a| (key_of(&a.labels), a))),
            Err(why) => {
                tracing::error!("alertmanager output: cannot read {}, starting without it: {why}", path.display())
            }
        }
        let labels = [("output", cx.id.as_str())];
        let counter = |name| cx.metrics.counter(name, &labels);
        let firing = cx.metrics.gauge(GaugeName::AlertsFiring, &labels);
        firing.set(alerts.len() as i64);
        let hosts = vec![Health::default(); config.hosts.len()];
        Alertmanager {
            path,
            inner: Mutex::new(Inner { alerts, hosts, begun: Default::default() }),
            changed: tokio::sync::Notify::new(),
            said: Said::default(),
            events: counter(CounterName::OutputEvents),
            requests: counter(CounterName::OutputRequests),
            retries: counter(CounterName::OutputRetries),
            raised: counter(CounterName::AlertsRaised),
            firing,
            config,
            cx,
        }
    }

    fn now_ms(&self) -> i64 {
        self.cx.world.clock.now().epoch_millis()
    }

    fn encode_one(&self, event: &Event<'_>, parcel: &mut Parcel) -> Result<(), String> {
        let render = |template: &Template, bytes_max: usize| {
            let mut text = String::new();
            template.render(event, &*self.cx.world.clock, &mut text).map_err(|e| e.to_string())?;
            cut(&mut text, bytes_max);
            Ok::<String, String>(text)
        };
        let mut labels = BTreeMap::new();
        for (name, template) in &self.config.labels {
            let unset = template.fields().any(|f| event.get(f).is_none_or(|v| v.is_null()));
            let text = if unset { String::new() } else { render(template, LABEL_BYTES_MAX)? };
            if !text.is_empty() {
                labels.insert(name.as_str(), text);
            }
        }
        if labels.is_empty() {
            return Err("no label is left".to_string());
        }
        let mut annotations = BTreeMap::new();
        for (name, template) in &self.config.annotations {
            annotations.insert(name.as_str(), render(template, ANNOTATION_BYTES_MAX)?);
        }
        let mut alert = json!({ "labels": labels, "annotations": annotations });
        if let Some(template) = &self.config.generator_url {
            alert["generatorURL"] = render(template, ANNOTATION_BYTES_MAX)?.into();
        }
        let start = parcel.body.len();
        serde_json::to_writer(&mut parcel.body, &alert).expect("writing to memory cannot fail");
        let end = parcel.body.len();
        write_document(event, &mut parcel.body);
        let document = end..parcel.body.len();
        plain::push(parcel, event, start, document);
        parcel.items.last_mut().expect("just pushed").bytes.end = end as u32;
        Ok(())
    }

    /// Takes the events' news into what fires already; gives back what is new, with its events.
    fn sort<'a>(&self, parcel: &'a Parcel) -> (Vec<(Alert, Vec<&'a Item>)>, u64) {
        let now_ms = self.now_ms();
        let now = self.cx.world.clock.monotonic();
        let mut inner = self.inner.lock().expect("never poisoned");
        while inner.begun.front().is_some_and(|t| now.saturating_sub(*t) >= Duration::from_secs(60)) {
            inner.begun.pop_front();
        }
        let mut new: BTreeMap<String, (Alert, Vec<&'a Item>)> = BTreeMap::new();
        let mut known = 0;
        for item in parcel.items.iter().filter(|i| !plain::is_failed(i)) {
            let alert = read(parcel.bytes(item), now_ms);
            let key = key_of(&alert.labels);
            if let Some(held) = inner.alerts.get_mut(&key) {
                held.annotations = alert.annotations;
                held.generator_url = alert.generator_url;
                held.seen_at_ms = now_ms;
                known += 1;
            } else if let Some((held, items)) = new.get_mut(&key) {
                *held = alert;
                items.push(item);
            } else if let Some(reason) = self.suppressed(&inner, new.len()) {
                let labels = [("output", self.cx.id.as_str()), ("reason", reason)];
                self.cx.metrics.counter(CounterName::AlertsSuppressed, &labels).inc();
                if let Some(n) = self.said.now(&self.cx.world, reason, 1) {
                    tracing::error!("alertmanager output: {n} alerts not raised, `{reason}` is reached: {key}");
                }
                known += 1;
            } else {
                new.insert(key, (alert, vec![item]));
            }
        }
        (new.into_values().collect(), known)
    }

    /// The limit that keeps a further label set from raising an alert.
    fn suppressed(&self, inner: &Inner, new: usize) -> Option<&'static str> {
        if (inner.alerts.len() + new) as u64 >= self.config.alerts_max {
            return Some("alerts_max");
        }
        let begun = (inner.begun.len() + new) as u64;
        (begun >= self.config.new_alerts_per_minute_max).then_some("new_alerts_per_minute_max")
    }

    /// The alert as it is sent.
    fn body(&self, alerts: &[Alert], resolved_at_ms: Option<i64>) -> Vec<u8> {
        let time = |ms: i64| Timestamp::from_epoch_millis(ms).to_string();
        let after_ms = self.config.resolve_after.as_millis() as i64;
        let list: Vec<serde_json::Value> = alerts
            .iter()
            .map(|a| {
                let ends_at_ms = resolved_at_ms.unwrap_or(a.seen_at_ms + after_ms).max(a.starts_at_ms);
                let mut alert = json!({
                    "labels": a.labels,
                    "annotations": a.annotations,
                    "startsAt": time(a.starts_at_ms),
                    "endsAt": time(ends_at_ms),
                });
                if !a.generator_url.is_empty() {
                    alert["generatorURL"] = a.generator_url.as_str().into();
                }
                alert
            })
            .collect();
        serde_json::to_vec(&list).expect("plain values become JSON")
    }

    fn request(&self, host: &Host, body: &Bytes) -> Request {
        let mut headers = vec![("Content-Type".to_string(), "application/json".to_string())];
        let own = host.user.clone().map(|u| (u, host.password.clone().unwrap_or_default()));
        if let Some((user, password)) = own.or_else(|| self.config.user.clone()) {
            headers.push(("Authorization".to_string(), basic(&user, &password)));
        }
        Request {
            method: "POST",
            url: format!("{}/api/v2/alerts", host.url()),
            headers,
            body: body.clone(),
            timeout: self.config.timeout,
            tls: self.config.tls.clone(),
        }
    }

    /// Sends a list to those hosts of `hosts` (all without) at once, and remembers which of them failed.
    async fn send(&self, body: Vec<u8>, hosts: &[usize]) -> Verdict {
        let body = Bytes::from(body);
        let answers: Mutex<Vec<HostAnswer>> = Mutex::default();
        let mut exchanges: Vec<BoxFuture<'_, ()>> = Vec::new();
        for &at in hosts {
            let request = self.request(&self.config.hosts[at], &body);
            let answers = &answers;
            exchanges.push(Box::pin(async move {
                self.requests.inc();
                let answer = exchange(&self.cx.world, request, self.config.timeout).await;
                let answer = answer.map(|a| (a.status, a.shown()));
                answers.lock().expect("never poisoned").push((at, answer));
            }));
        }
        concurrent::all(hosts.len().max(1), exchanges).await;
        let now = self.cx.world.clock.monotonic();
        let mut inner = self.inner.lock().expect("never poisoned");
        let (mut taken, mut refused, mut failed) = (false, None, None);
        for (at, answer) in answers.into_inner().expect("never poisoned") {
            let host = self.config.hosts[at].url();
            if let Ok((status, _)) = &answer {
                let status = status.to_string();
                let labels = [("output", self.cx.id.as_str()), ("status", &status)];
                self.cx.metrics.counter(CounterName::OutputStatuses, &labels).inc();
            }
            let why = match answer {
                Ok((status, _)) if (200..300).contains(&status) => {
                    taken = true;
                    inner.hosts[at] = Health::default();
                    continue;
                }
                Ok((status @ (400 | 413 | 422), why)) => {
                    inner.hosts[at] = Health::default();
                    refused = Some((status, why));
                    continue;
                }
                Ok((_, why)) => why,
                Err(why) => why.to_string(),
            };
            let health = &mut inner.hosts[at];
            health.failures = health.failures.saturating_add(1);
            health.retry_at = now + BACKOFF.wait(health.failures, &*self.cx.world.random);
            if let Some(n) = self.said.now(&self.cx.world, &host, 1) {
                tracing::warn!("alertmanager output: {host} does not take alerts ({n} times): {why}");
            }
            failed = Some(());
        }
        match (taken, failed, refused) {
            (true, _, _) => Verdict::Taken,
            (false, Some(()), _) => Verdict::Failed,
            (false, None, Some((status, why))) => Verdict::Refused(status, why),
            (false, None, None) => Verdict::Failed,
        }
    }

    fn all_hosts(&self) -> Vec<usize> {
        (0..self.config.hosts.len()).collect()
    }

    /// Sends new alerts until they have ended; false when the run is to stop.
    async fn raise(&self, parcel: &Parcel, new: &[(Alert, Vec<&Item>)]) -> bool {
        let alerts: Vec<Alert> = new.iter().map(|(a, _)| a.clone()).collect();
        let n: u64 = new.iter().map(|(_, items)| items.len() as u64).sum();
        let mut failures = 0;
        loop {
            match self.send(self.body(&alerts, None), &self.all_hosts()).await {
                Verdict::Taken => {
                    self.took(&alerts);
                    self.raised.inc_by(alerts.len() as u64);
                    self.events.inc_by(n);
                    parcel.ack.delivered(n);
                    return true;
                }
                // the good ones of the list were taken; to know the bad ones each is sent alone
                Verdict::Refused(..) if new.len() > 1 => {
                    for one in new {
                        if !Box::pin(self.raise(parcel, std::slice::from_ref(one))).await {
                            return false;
                        }
                    }
                    return true;
                }
                Verdict::Refused(status, why) => {
                    if let Some(n) = self.said.now(&self.cx.world, "refused", n) {
                        tracing::error!("alertmanager output: {n} events refused, they are dead letters now: {why}");
                    }
                    let items: Vec<&Item> = new.iter().flat_map(|(_, items)| items).copied().collect();
                    let reason = "alert-refused";
                    return plain::bury(&self.cx, &self.said, parcel, &items, reason, &why, Some(status))
                        .await
                        .is_some();
                }
                Verdict::Failed => {
                    failures += 1;
                    self.retries.inc_by(n);
                    let wait = BACKOFF.wait(failures, &*self.cx.world.random);
                    if sleep_or_stop(&self.cx.world, &self.cx.stop, wait).await {
                        return false;
                    }
                }
            }
        }
    }

    /// A host took new alerts: they fire from now on.
    fn took(&self, alerts: &[Alert]) {
        let now_ms = self.now_ms();
        let now = self.cx.world.clock.monotonic();
        let mut inner = self.inner.lock().expect("never poisoned");
        for alert in alerts {
            inner.alerts.insert(key_of(&alert.labels), Alert { sent_at_ms: now_ms, ..alert.clone() });
            inner.begun.push_back(now);
        }
        self.save(&inner);
        drop(inner);
        self.changed.notify_one();
    }

    fn save(&self, inner: &Inner) {
        self.firing.set(inner.alerts.len() as i64);
        let state = State { alerts: inner.alerts.values().cloned().collect() };
        let bytes = serde_json::to_vec(&state).expect("plain values become JSON");
        let fs = &self.cx.world.fs;
        let made = self.path.parent().map_or(Ok(()), |dir| fs.create_dir_all(dir));
        if let Err(why) = made.and_then(|()| fs.replace(&self.path, &bytes, 0o600))
            && self.said.now(&self.cx.world, "state", 1).is_some()
        {
            // the alerts are out; without the file a restart only begins them anew
            tracing::error!("alertmanager output: cannot write {}: {why}", self.path.display());
        }
    }

    /// How long until something is due; `None` when nothing fires.
    fn next_due(&self) -> Option<Duration> {
        let now_ms = self.now_ms();
        let now = self.cx.world.clock.monotonic();
        let inner = self.inner.lock().expect("never poisoned");
        let (resend_ms, after_ms) = self.times_ms();
        let due = inner.alerts.values().map(|a| (a.sent_at_ms + resend_ms).min(a.seen_at_ms + after_ms) - now_ms);
        let due = due.min().map(|ms| Duration::from_millis(ms.max(0) as u64))?;
        // all hosts down: not before the first of them may be tried again; one down: it is tried again in its time
        let retries = inner.hosts.iter().filter(|h| h.failures > 0).map(|h| h.retry_at.saturating_sub(now));
        let retry = retries.min();
        let all_down = inner.hosts.iter().all(|h| h.failures > 0);
        Some(match retry {
            Some(retry) if all_down => due.max(retry),
            Some(retry) => due.min(retry),
            None => due,
        })
    }

    fn times_ms(&self) -> (i64, i64) {
        (self.config.resend_interval.as_millis() as i64, self.config.resolve_after.as_millis() as i64)
    }

    /// Resolves what is silent, sends again what fires, and brings hosts up to date that had failed.
    /// False when a list could not be sent.
    async fn tend(&self) -> bool {
        let now_ms = self.now_ms();
        let now = self.cx.world.clock.monotonic();
        let (resend_ms, after_ms) = self.times_ms();
        let mut sent = true;
        let (silent, due, behind) = {
            let inner = self.inner.lock().expect("never poisoned");
            let is_silent = |a: &Alert| a.seen_at_ms + after_ms <= now_ms;
            let silent: Vec<Alert> = inner.alerts.values().filter(|a| is_silent(a)).cloned().collect();
            let firing: Vec<Alert> = inner.alerts.values().filter(|a| !is_silent(a)).cloned().collect();
            let back: Vec<usize> = (0..inner.hosts.len())
                .filter(|&i| inner.hosts[i].failures > 0 && inner.hosts[i].retry_at <= now)
                .collect();
            let (due, rest): (Vec<Alert>, Vec<Alert>) =
                firing.into_iter().partition(|a| a.sent_at_ms + resend_ms <= now_ms);
            (silent, due, (back, rest))
        };
        for chunk in silent.chunks(ALERTS_PER_REQUEST_MAX) {
            let verdict = self.send(self.body(chunk, Some(now_ms)), &self.all_hosts()).await;
            if matches!(verdict, Verdict::Failed) {
                sent = false;
                continue;
            }
            let mut inner = self.inner.lock().expect("never poisoned");
            for alert in chunk {
                let key = key_of(&alert.labels);
                // an event that came meanwhile keeps it: it is sent again as firing
                match inner.alerts.get_mut(&key) {
                    Some(held) if held.seen_at_ms > alert.seen_at_ms => held.sent_at_ms = 0,
                    _ => {
                        inner.alerts.remove(&key);
                    }
                }
            }
        }
        for chunk in due.chunks(ALERTS_PER_REQUEST_MAX) {
            let verdict = self.send(self.body(chunk, None), &self.all_hosts()).await;
            if matches!(verdict, Verdict::Failed) {
                sent = false;
                continue;
            }
            let mut inner = self.inner.lock().expect("never poisoned");
            for alert in chunk {
                if let Some(held) = inner.alerts.get_mut(&key_of(&alert.labels)) {
                    held.sent_at_ms = now_ms;
                }
            }
        }
        let (back, rest) = behind;
        if !back.is_empty() {
            for chunk in rest.chunks(ALERTS_PER_REQUEST_MAX) {
                self.send(self.body(chunk, None), &back).await;
            }
        }
        self.save(&self.inner.lock().expect("never poisoned"));
        sent
    }

    async fn deliver_all(&self, parcel: &Parcel) {
        if plain::bury_failed(&self.cx, &self.said, parcel).await.is_none() {
            return;
        }
        let (new, known) = self.sort(parcel);
        self.events.inc_by(known);
        parcel.ack.delivered(known);
        for chunk in new.chunks(ALERTS_PER_REQUEST_MAX) {
            if !self.raise(parcel, chunk).await {
                return;
            }
        }
    }

    async fn tend_until_stop(&self) {
        // what could not be sent stays due: not again at once
        let mut pause = Duration::ZERO;
        while !self.cx.stop.is_asked() {
            let due = self.next_due().map(|due| due.max(pause));
            let wait = async {
                match due {
                    Some(due) => self.cx.world.clock.sleep(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.cx.stop.wait() => break,
                () = self.changed.notified() => {}
                () = wait => pause = if self.tend().await { Duration::ZERO } else { BACKOFF.initial },
            }
        }
        // with the newest events' times, for the next run
        self.save(&self.inner.lock().expect("never poisoned"));
    }
}

/// An item's bytes as an alert that begins now.
fn read(bytes: &[u8], now_ms: i64) -> Alert {
    #[derive(serde::Deserialize)]
    struct Sent {
        labels: BTreeMap<String, String>,
        annotations: BTreeMap<String, String>,
        #[serde(default, rename = "generatorURL")]
        generator_url: String,
    }
    let sent: Sent = serde_json::from_slice(bytes).expect("this output wrote it");
    Alert {
        labels: sent.labels,
        annotations: sent.annotations,
        generator_url: sent.generator_url,
        starts_at_ms: now_ms,
        seen_at_ms: now_ms,
        sent_at_ms: now_ms,
    }
}

fn cut(text: &mut String, bytes_max: usize) {
    if text.len() > bytes_max {
        let end = (0..=bytes_max).rev().find(|&i| text.is_char_boundary(i)).expect("0 is a boundary");
        text.truncate(end);
    }
}

impl Output for Alertmanager {
    fn plugin(&self) -> &'static str {
        "alertmanager"
    }

    fn encode(&self, events: &Selected<'_>, parcel: &mut Parcel) {
        for event in events.iter() {
            if self.encode_one(event, parcel).is_err() {
                plain::push_failed(parcel, event);
            }
        }
    }

    fn deliver<'a>(&'a self, parcel: Parcel) -> BoxFuture<'a, ()> {
        Box::pin(async move { self.deliver_all(&parcel).await })
    }

    fn background<'a>(&'a self) -> Option<BoxFuture<'a, ()>> {
        Some(Box::pin(self.tend_until_stop()))
    }
}
