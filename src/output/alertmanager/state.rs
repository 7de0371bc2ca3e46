//! The alerts that fire, and the file in which they survive a restart.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One alert; times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    #[serde(default)]
    pub generator_url: String,
    pub starts_at_ms: i64,
    /// When the last event for it came.
    pub seen_at_ms: i64,
    /// When a peer last took it.
    pub sent_at_ms: i64,
}

/// What the file holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub alerts: Vec<Alert>,
}

/// A label set as a text, equal for equal sets.
pub fn key_of(labels: &BTreeMap<String, String>) -> String {
    serde_json::to_string(labels).expect("texts become JSON")
}
