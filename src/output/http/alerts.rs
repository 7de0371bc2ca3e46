//! The repair `alertmanager-api`: an http output that means an Alertmanager.
//!
//! Alertmanager takes a list of alerts, never a single object, and its first interface, `/api/v1/alerts`, is gone since
//! version 0.27 (status 410); real Logstash logs the refusal and drops the event. Here the alerts of a batch go as one
//! list, equal label sets once, and to `/api/v2/alerts` as soon as the first interface answers 404 or 410. What the
//! templates give is sent as it is: `%{...}` of a field that is not there stays in the label.

use super::config::{Config, Format};
use super::{Http, Mapping, Outcome, Target, list};
use crate::output::{Item, Parcel, plain};
use crate::telemetry::CounterName;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

/// Alerts in one request.
pub const ALERTS_PER_REQUEST_MAX: usize = 500;

/// The alerts interface of a server.
pub struct Endpoint {
    v1: String,
    v2: String,
    /// The first interface answers, as far as is known.
    first: AtomicBool,
}

impl Endpoint {
    /// The endpoint that an output's options mean, if they mean one.
    pub fn of(config: &Config) -> Option<Endpoint> {
        let url = config.url.constant()?;
        let (address, query) = url.split_once('?').map_or((url, String::new()), |(a, q)| (a, format!("?{q}")));
        let base = address.trim_end_matches('/').strip_suffix("/alerts")?;
        let (base, first) = match (base.strip_suffix("/api/v1"), base.strip_suffix("/api/v2")) {
            (Some(base), _) => (base, true),
            (_, Some(base)) => (base, false),
            _ => return None,
        };
        let has_labels = matches!(config.mapping.as_ref()?.get("labels")?, Mapping::Map(_));
        (has_labels && config.format == Format::Json && config.method == "POST").then(|| Endpoint {
            v1: format!("{base}/api/v1/alerts{query}"),
            v2: format!("{base}/api/v2/alerts{query}"),
            first: AtomicBool::new(first),
        })
    }

    /// What is said at start.
    pub fn note(&self) -> String {
        let (shown, instead) = match self.first.load(Ordering::Relaxed) {
            true => (&self.v1, ", to /api/v2/alerts where v1 is gone"),
            false => (&self.v2, ""),
        };
        let shown = shown.split_once('@').map_or(shown.as_str(), |(_, after)| after);
        format!("alertmanager-api: the http output to {shown} posts lists of alerts{instead} (off with --strict)")
    }

    fn url(&self) -> &str {
        if self.first.load(Ordering::Relaxed) { &self.v1 } else { &self.v2 }
    }
}

impl Http {
    /// Sends the alerts of a parcel, in lists.
    pub(super) async fn deliver_alerts(&self, endpoint: &Endpoint, parcel: &Parcel, items: &[&Item]) {
        // equal labels are one alert: the newest stands for all
        let mut groups: Vec<Vec<&Item>> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for item in items {
            let labels = labels_of(parcel.bytes(item));
            let place = *places.entry(labels).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups[place].push(item);
        }
        for chunk in groups.chunks(ALERTS_PER_REQUEST_MAX) {
            if !self.deliver_groups(endpoint, parcel, chunk).await {
                return;
            }
        }
    }

    /// False when the run is to stop.
    async fn deliver_groups(&self, endpoint: &Endpoint, parcel: &Parcel, groups: &[Vec<&Item>]) -> bool {
        let newest: Vec<&Item> = groups.iter().map(|g| *g.last().expect("a group has an item")).collect();
        let n = groups.iter().map(|g| g.len() as u64).sum();
        let body = list(parcel, &newest);
        let fixed = self.fixed.as_ref().expect("an endpoint has a constant url");
        let mut attempt = 0;
        loop {
            let first = endpoint.first.load(Ordering::Relaxed);
            let target = Target { url: endpoint.url().to_string(), header_values: fixed.header_values.clone() };
            let permit = self.limiter.acquire().await;
            let sent = self.send(&target, &body).await;
            drop(permit);
            if first && matches!(&sent, Ok(a) if a.status == 404 || a.status == 410) {
                endpoint.first.store(false, Ordering::Relaxed);
                continue;
            }
            match self.judge(sent) {
                Outcome::Delivered => {
                    self.events.inc_by(n);
                    let labels = [("output", self.cx.id.as_str())];
                    self.cx.metrics.counter(CounterName::AlertsRaised, &labels).inc_by(groups.len() as u64);
                    parcel.ack.delivered(n);
                    return true;
                }
                // the good ones of the list were taken; to know the bad ones each is sent alone
                Outcome::Refused(_, _, Some(400)) if groups.len() > 1 => {
                    for group in groups {
                        if !Box::pin(self.deliver_groups(endpoint, parcel, std::slice::from_ref(group))).await {
                            return false;
                        }
                    }
                    return true;
                }
                Outcome::Refused(reason, message, status) => {
                    self.say_refused(&target.url, &message, n);
                    let items: Vec<&Item> = groups.iter().flatten().copied().collect();
                    let buried = plain::bury(&self.cx, &self.said, parcel, &items, reason, &message, status).await;
                    return buried.is_some();
                }
                Outcome::Retry(why) => {
                    attempt += 1;
                    if self.wait_to_retry(&target.url, &why, attempt, n).await {
                        return false;
                    }
                }
            }
        }
    }
}

/// The labels of an alert as a text that is equal for equal labels.
fn labels_of(alert: &[u8]) -> String {
    let parsed: serde_json::Value = serde_json::from_slice(alert).unwrap_or_default();
    let mut labels: Vec<String> =
        parsed["labels"].as_object().into_iter().flatten().map(|(k, v)| format!("{k:?}={v}")).collect();
    labels.sort();
    labels.join(",")
}
