//! What is seen from outside: metrics and the running log.
//!
//! Belongs here: the names of all metrics, and how log lines are written. Must not be here: deciding what to count;
//! each plugin counts beside its own code.

pub mod log;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter as Count;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge as Level;
use prometheus_client::registry::Registry;
use std::sync::{Arc, Mutex};

/// A number that only grows; cheap to clone and to add to.
pub type Counter = Count;
/// A number that goes up and down.
pub type Gauge = Level;
type Labels = Vec<(String, String)>;

macro_rules! metrics {
    ($kind:ident, $($(#[doc = $help:literal])* $variant:ident = $name:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $kind { $($(#[doc = $help])* $variant,)* }
        impl $kind {
            /// All of them, with name and help text.
            pub const ALL: &'static [($kind, &'static str, &'static str)] = &[$(($kind::$variant, $name, concat!($($help),*)),)*];
        }
    };
}

metrics! { CounterName,
    /// Events read by an input
    InputEvents = "logdrive_input_events",
    /// Bytes read by an input
    InputBytes = "logdrive_input_bytes",
    /// Bytes cut off lines longer than max_bytes
    InputCutBytes = "logdrive_input_cut_bytes",
    /// Lines an input could not decode as its format says
    InputBadLines = "logdrive_input_bad_lines",
    /// Bytes that were in a file and could not be read before it was gone
    InputLostBytes = "logdrive_input_lost_bytes",
    /// Files an input cannot open
    InputFileErrors = "logdrive_input_file_errors",
    /// Events a filter made of others
    FilterCreatedEvents = "logdrive_filter_created_events",
    /// Events the configuration dropped, by reason
    DroppedEvents = "logdrive_dropped_events",
    /// Events put into the dead letter file, by reason
    DeadLetterEvents = "logdrive_dead_letter_events",
    /// Events that could not be put into the dead letter file because it is full
    DeadLetterFull = "logdrive_dead_letter_full",
    /// Events an output delivered
    OutputEvents = "logdrive_output_events",
    /// Bytes an output sent, before compression
    OutputBytes = "logdrive_output_bytes",
    /// Requests an output sent
    OutputRequests = "logdrive_output_requests",
    /// Events sent again after a failure
    OutputRetries = "logdrive_output_retries",
    /// Answers an output got, by status
    OutputStatuses = "logdrive_output_statuses",
    /// Documents that were there already under the id this program derived
    OutputConflicts = "logdrive_output_conflicts",
    /// Alerts raised
    AlertsRaised = "logdrive_alerts_raised",
    /// Alerts not raised because of a limit
    AlertsSuppressed = "logdrive_alerts_suppressed",
    /// Connections accepted by an input
    InputConnections = "logdrive_input_connections",
    /// Batches ended
    Batches = "logdrive_batches",
}

metrics! { GaugeName,
    /// Batches between their input and their ack
    BatchesInFlight = "logdrive_batches_in_flight",
    /// Files being read
    InputOpenFiles = "logdrive_input_open_files",
    /// Bytes written to files and not read yet
    InputUnreadBytes = "logdrive_input_unread_bytes",
    /// Alerts firing now
    AlertsFiring = "logdrive_alerts_firing",
    /// Parcels being delivered
    OutputInFlight = "logdrive_output_in_flight",
}

/// All metrics of a run; cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    counters: Arc<Vec<Family<Labels, Counter>>>,
    gauges: Arc<Vec<Family<Labels, Gauge>>>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl Metrics {
    pub fn new() -> Metrics {
        let mut registry = Registry::default();
        let mut counters = Vec::new();
        for (_, name, help) in CounterName::ALL {
            let family = Family::<Labels, Counter>::default();
            registry.register(*name, help.trim(), family.clone());
            counters.push(family);
        }
        let mut gauges = Vec::new();
        for (_, name, help) in GaugeName::ALL {
            let family = Family::<Labels, Gauge>::default();
            registry.register(*name, help.trim(), family.clone());
            gauges.push(family);
        }
        Metrics { registry: Arc::new(Mutex::new(registry)), counters: Arc::new(counters), gauges: Arc::new(gauges) }
    }

    /// The counter of that name and those labels. Ask once, keep it: the look-up takes a lock.
    pub fn counter(&self, name: CounterName, labels: &[(&str, &str)]) -> Counter {
        self.counters[name as usize].get_or_create_owned(&owned(labels))
    }

    pub fn gauge(&self, name: GaugeName, labels: &[(&str, &str)]) -> Gauge {
        self.gauges[name as usize].get_or_create_owned(&owned(labels))
    }

    /// The text of `/metrics`.
    pub fn render(&self) -> String {
        let mut out = String::new();
        encode(&mut out, &self.registry.lock().expect("never poisoned")).expect("writing to a string cannot fail");
        out
    }
}

fn owned(labels: &[(&str, &str)]) -> Labels {
    labels.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_seen_in_the_text() {
        let m = Metrics::new();
        m.counter(CounterName::InputEvents, &[("input", "log")]).inc_by(3);
        assert!(m.render().contains("logdrive_input_events_total{input=\"log\"} 3"), "{}", m.render());
    }
}
