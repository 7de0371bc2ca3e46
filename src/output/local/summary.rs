//! What a run wrote, for its last lines.

use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt;

/// Names that are counted apart; what comes beyond counts as `(other)`.
pub const NAMES_MAX: usize = 1000;

/// Alerts whose labels are kept for show.
pub const LABELS_SHOWN_MAX: usize = 20;

/// Counts of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// New documents, by index.
    pub indices: BTreeMap<String, u64>,
    /// New documents, by service: the document's `service`, `[service][name]`, `[fields][service]` or
    /// `[container][name]`; `-` without any.
    pub services: BTreeMap<String, u64>,
    /// Documents that an earlier run had written.
    pub already_there: u64,
    /// New alerts.
    pub alerts: u64,
    /// The labels of the first of them.
    pub alert_labels: Vec<String>,
}

impl Summary {
    pub(super) fn document(&mut self, index: &str, bytes: &[u8]) {
        count(&mut self.indices, index);
        let document = bytes.split(|b| *b == b'\n').nth(1).unwrap_or_default();
        let document: Json = serde_json::from_slice(document).unwrap_or(Json::Null);
        count(&mut self.services, service(&document));
    }

    pub(super) fn alert(&mut self, bytes: &[u8]) {
        self.alerts += 1;
        if self.alert_labels.len() >= LABELS_SHOWN_MAX {
            return;
        }
        let alert: Json = serde_json::from_slice(bytes).unwrap_or(Json::Null);
        let labels: Vec<String> =
            alert["labels"].as_object().into_iter().flatten().map(|(k, v)| format!("{k}={v}")).collect();
        self.alert_labels.push(labels.join(" "));
    }
}

fn count(counts: &mut BTreeMap<String, u64>, name: &str) {
    let name = if counts.len() >= NAMES_MAX && !counts.contains_key(name) { "(other)" } else { name };
    match counts.get_mut(name) {
        Some(n) => *n += 1,
        None => {
            counts.insert(name.to_string(), 1);
        }
    }
}

fn service(document: &Json) -> &str {
    let at = |path: &[&str]| path.iter().try_fold(document, |v, name| v.get(name)).and_then(Json::as_str);
    at(&["service"])
        .or_else(|| at(&["service", "name"]))
        .or_else(|| at(&["fields", "service"]))
        .or_else(|| at(&["container", "name"]))
        .unwrap_or("-")
}

impl fmt::Display for Summary {
    /// A table for people, each line ended.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width =
            self.indices.keys().chain(self.services.keys()).map(|k| k.chars().count()).max().unwrap_or(0).max(9);
        writeln!(f, "{:<width$}  documents", "index")?;
        for (name, n) in &self.indices {
            writeln!(f, "{name:<width$}  {n:>9}")?;
        }
        writeln!(f, "{:<width$}  documents", "service")?;
        for (name, n) in &self.services {
            writeln!(f, "{name:<width$}  {n:>9}")?;
        }
        if self.already_there > 0 {
            writeln!(f, "written by an earlier run: {}", self.already_there)?;
        }
        writeln!(f, "alerts raised: {}", self.alerts)?;
        for labels in &self.alert_labels {
            writeln!(f, "  {labels}")?;
        }
        Ok(())
    }
}
