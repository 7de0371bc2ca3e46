//! The `elasticsearch` output: documents into Elasticsearch (or OpenSearch) by its bulk API.
//!
//! The original: <https://www.elastic.co/guide/en/logstash/8.19/plugins-outputs-elasticsearch.html> (plugin 11.22), and for
//! `output.elasticsearch` <https://www.elastic.co/guide/en/beats/filebeat/8.5/elasticsearch-output.html>.
//!
//! What happens to an event is decided by its own status in the answer ([`response::verdict`]), never by the request's
//! alone. Nothing is given up but by putting it into the dead letter file.
//!
//! Deviations from Logstash:
//! - Where the configuration sets no document id, this program derives one ([`super::document_id`]) and sends op `create`
//!   in place of `index`: sent again, the same line is the same document, and 409 means that it is there.
//! - 400, 404, and 409 on an id of the configuration, end in the dead letter file also where Logstash would drop them.
//! - A request that is too large (413) is split instead of sent again forever.
//! - No index template and no ILM policy is put into the cluster, and the product is not checked. Documents arrive without
//!   them, in the index of the day also where Logstash would use its rollover alias; `manage_template => true`
//!   for an index that the template would match, and `ilm_enabled => true`, are refused as not there yet.
//!
//! Belongs here: configuration, the form of bulk bodies, the policy for statuses. Must not be here: how to wait, which
//! host, how many at once (`delivery`).

mod build;
mod deliver;
mod encode;
mod filebeat;
pub mod response;
#[cfg(test)]
mod tests;

pub use build::{OPTIONS, build};
pub(super) use encode::{refusal, sent};
pub use filebeat::from_filebeat;

use super::delivery::hosts::HostPool;
use super::delivery::{Backoff, Limiter, Said};
use super::{Output, OutputCx, Parcel, Selected};
use crate::event::Template;
use crate::telemetry::{Counter, CounterName};
use crate::world::BoxFuture;
use crate::world::net::Tls;
use filebeat::BeatsFormat;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Default of [`Config::request_bytes_max`], as in Logstash.
pub const REQUEST_BYTES_MAX: usize = 20 << 20;

/// An answer is read up to this many bytes; where it is longer the request is split.
pub const RESPONSE_BYTES_MAX: usize = 64 << 20;

/// Parcels in delivery at once.
pub const IN_FLIGHT_MAX: usize = 4;

/// Longest wait after a refusal (401, 403).
pub const FORBIDDEN_WAIT_MAX: Duration = Duration::from_secs(30);

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Of the bulk API, with its query.
    pub url: String,
    /// For people: without query and password.
    pub shown: String,
    /// The value of the header `Authorization`.
    pub authorization: Option<String>,
}

/// The index, its template filled in for each event.
#[derive(Debug)]
pub enum Index {
    /// `index`. `unfilled_dead`: where a field is missing, the event goes to the dead letter file
    /// (`dlq_on_failed_indexname_interpolation`). `default`: not set, so that `[@metadata][_ingest_document]` may name it.
    Logstash {
        template: Template,
        unfilled_dead: bool,
        default: bool,
    },
    DataStream(DataStream),
    /// Filebeat's `index` and `pipeline`; the event's metadata may name others.
    Filebeat {
        index: BeatsFormat,
        pipeline: Option<BeatsFormat>,
    },
}

/// `data_stream_*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataStream {
    pub kind: String,
    pub dataset: String,
    pub namespace: String,
    /// Event fields `data_stream.*` name the data stream.
    pub auto_routing: bool,
    /// They are set in the document.
    pub sync_fields: bool,
}

/// What is done with a document.
#[derive(Debug)]
pub enum Action {
    /// `index` or `create`, with an id of this program where the configuration sets none.
    Index,
    Create,
    Update,
    Delete,
    /// Known for a given event only.
    Template(Template),
}

/// A checked configuration.
#[derive(Debug)]
pub struct Config {
    /// At least one.
    pub endpoints: Vec<Endpoint>,
    pub index: Index,
    pub action: Action,
    pub document_id: Option<Template>,
    pub routing: Option<Template>,
    pub pipeline: Option<Template>,
    pub version: Option<Template>,
    pub version_type: Option<String>,
    /// Of an update.
    pub doc_as_upsert: bool,
    pub retry_on_conflict: u64,
    /// Statuses that are dead letters beside 400, 404 and 413.
    pub dead_statuses: Vec<u16>,
    /// Beside those of the content.
    pub headers: Vec<(String, String)>,
    /// Of gzip, 0: none.
    pub compression_level: u32,
    /// Of one request, its answer included.
    pub timeout: Duration,
    pub backoff: Backoff,
    /// A failed host is left alone for so long at first.
    pub resurrect_delay: Duration,
    /// Bytes of one request, uncompressed; one larger event is sent alone.
    pub request_bytes_max: usize,
    /// Events of one request; 0: no limit.
    pub items_max: usize,
    pub in_flight_max: usize,
    pub tls: Option<Arc<Tls>>,
}

/// The output.
pub struct Elasticsearch {
    config: Config,
    cx: OutputCx,
    pool: HostPool,
    limiter: Limiter,
    said: Said,
    /// Some bulk request of this run was understood: then a whole-request 400 is the fault of what is in it.
    understood: AtomicBool,
    delivered: Counter,
    bytes: Counter,
    requests: Counter,
    retries: Counter,
    conflicts: Counter,
}

impl Elasticsearch {
    /// # Panics
    /// When the configuration has no endpoint.
    pub fn new(config: Config, cx: OutputCx) -> Elasticsearch {
        let counter = |name| cx.metrics.counter(name, &[("output", &cx.id)]);
        Elasticsearch {
            pool: HostPool::new(config.endpoints.len(), config.resurrect_delay),
            limiter: Limiter::new(config.in_flight_max),
            said: Said::default(),
            understood: AtomicBool::new(false),
            delivered: counter(CounterName::OutputEvents),
            bytes: counter(CounterName::OutputBytes),
            requests: counter(CounterName::OutputRequests),
            retries: counter(CounterName::OutputRetries),
            conflicts: counter(CounterName::OutputConflicts),
            config,
            cx,
        }
    }
}

impl Output for Elasticsearch {
    fn plugin(&self) -> &'static str {
        "elasticsearch"
    }

    fn encode(&self, events: &Selected<'_>, parcel: &mut Parcel) {
        encode::encode(&self.config, &self.cx, events, parcel);
    }

    fn deliver<'a>(&'a self, parcel: Parcel) -> BoxFuture<'a, ()> {
        Box::pin(deliver::deliver(self, parcel))
    }

    fn in_flight_max(&self) -> usize {
        self.config.in_flight_max
    }

    fn needs_durable_source(&self) -> bool {
        true
    }
}
