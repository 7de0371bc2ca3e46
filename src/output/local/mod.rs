//! `--local DIR`: files in place of Elasticsearch and Alertmanager.
//!
//! `DIR/INDEX.ndjson` holds what the bulk request would have held: action line and document line, ready for `_bulk`.
//! `DIR/alerts.ndjson` holds one line for each label set that an alert was raised for. Nothing is written twice: a document
//! with an id that its file holds already is left out, as is an alert whose labels the list holds; so a run after a crash
//! continues where the files end, and a last line that was torn is cut off first.
//!
//! Belongs here: the two stand-ins, the files, the summary. Must not be here: how an event becomes a document or an alert:
//! the output that is stood in for does that.

mod files;
mod summary;

#[cfg(test)]
mod tests;

pub use files::{IDS_PER_FILE_MAX, OPEN_FILES_MAX};
pub use summary::{LABELS_SHOWN_MAX, NAMES_MAX, Summary};

use super::delivery::backoff::sleep_or_stop;
use super::delivery::said::Said;
use super::{Item, Output, OutputCx, Parcel, Selected, elasticsearch, plain};
use crate::telemetry::{Counter, CounterName};
use crate::world::{BoxFuture, World};
use files::{Files, Line};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Between two attempts to write.
const RETRY_TIME: Duration = Duration::from_secs(1);

/// The folder of a run; all stand-ins of the run share it.
pub struct Local {
    files: Mutex<Files>,
    summary: Mutex<Summary>,
}

/// What an output sends, and so what stands in for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    /// Items are an action line and a document line.
    Documents,
    /// Items are one JSON object with `labels`.
    Alerts,
    /// Nothing stands in for it.
    Other,
}

impl Local {
    pub fn new(world: World, dir: &Path) -> Arc<Local> {
        Arc::new(Local { files: Mutex::new(Files::new(world, dir)), summary: Mutex::default() })
    }

    /// What was written so far in this run.
    pub fn summary(&self) -> Summary {
        self.summary.lock().expect("never poisoned").clone()
    }

    /// The output itself, or what stands in for it.
    pub fn wrap(self: &Arc<Local>, output: Arc<dyn Output>, sends: Sends, cx: OutputCx) -> Arc<dyn Output> {
        if sends == Sends::Other {
            return output;
        }
        let labels = [("output", cx.id.as_str())];
        let events = cx.metrics.counter(CounterName::OutputEvents, &labels);
        let bytes = cx.metrics.counter(CounterName::OutputBytes, &labels);
        let conflicts = cx.metrics.counter(CounterName::OutputConflicts, &labels);
        let raised = cx.metrics.counter(CounterName::AlertsRaised, &labels);
        let local = Arc::clone(self);
        Arc::new(StandIn { output, sends, local, said: Said::default(), events, bytes, conflicts, raised, cx })
    }
}

/// Encodes as the output does and writes to the folder.
struct StandIn {
    output: Arc<dyn Output>,
    sends: Sends,
    local: Arc<Local>,
    cx: OutputCx,
    said: Said,
    events: Counter,
    bytes: Counter,
    conflicts: Counter,
    raised: Counter,
}

/// The lines for one file, with the items they were made of.
struct Part<'a> {
    path: PathBuf,
    items: Vec<&'a Item>,
    lines: Vec<Line<'a>>,
}

impl StandIn {
    fn file_of(&self, bytes: &[u8]) -> String {
        match self.sends {
            Sends::Documents => file_name(&files::action_of(bytes).index),
            _ => "alerts.ndjson".to_string(),
        }
    }

    async fn deliver_part(&self, parcel: &Parcel, name: &str, part: &Part<'_>) -> Option<()> {
        let n = part.items.len() as u64;
        let new = loop {
            let now = self.cx.world.clock.monotonic();
            let written = self.local.files.lock().expect("never poisoned").append(&part.path, &part.lines, now);
            match written {
                Ok(new) => break new,
                Err(why) => {
                    if let Some(n) = self.said.now(&self.cx.world, "write", n) {
                        let shown = part.path.display();
                        tracing::error!("cannot write {n} events to {shown}: {why}; trying again");
                    }
                }
            }
            if sleep_or_stop(&self.cx.world, &self.cx.stop, RETRY_TIME).await {
                return None;
            }
        };
        let mut summary = self.local.summary.lock().expect("never poisoned");
        for (line, new) in part.lines.iter().zip(&new) {
            if *new {
                self.bytes.inc_by(line.bytes.len() as u64);
            }
            match (self.sends, new) {
                (Sends::Documents, true) => summary.document(name, line.bytes),
                (Sends::Documents, false) => {
                    self.conflicts.inc();
                    summary.already_there += 1;
                }
                (_, true) => {
                    self.raised.inc();
                    summary.alert(line.bytes);
                }
                (_, false) => {}
            }
        }
        drop(summary);
        self.events.inc_by(n);
        parcel.ack.delivered(n);
        Some(())
    }
}

impl Output for StandIn {
    fn plugin(&self) -> &'static str {
        self.output.plugin()
    }

    fn encode(&self, events: &Selected<'_>, parcel: &mut Parcel) {
        self.output.encode(events, parcel);
    }

    fn deliver<'a>(&'a self, parcel: Parcel) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if plain::bury_failed(&self.cx, &self.said, &parcel).await.is_none() {
                return;
            }
            let left_out = parcel.items.iter().filter(|i| i.bytes.is_empty() && i.document.is_empty()).count();
            parcel.ack.delivered(left_out as u64);
            let mut parts: BTreeMap<String, Part<'_>> = BTreeMap::new();
            for item in parcel.items.iter().filter(|i| !i.bytes.is_empty()) {
                let mut bytes = parcel.bytes(item);
                if self.sends == Sends::Documents {
                    if let Some(why) = elasticsearch::refusal(bytes) {
                        let (reason, message) = why.split_once(": ").unwrap_or((why, why));
                        let buried = plain::bury(&self.cx, &self.said, &parcel, &[item], reason, message, None).await;
                        if buried.is_none() {
                            return;
                        }
                        continue;
                    }
                    bytes = elasticsearch::sent(bytes);
                }
                let name = self.file_of(bytes);
                let part = parts.entry(name).or_insert_with_key(|name| Part {
                    path: self.local.files.lock().expect("never poisoned").dir().join(name),
                    items: vec![],
                    lines: vec![],
                });
                let key = match self.sends {
                    Sends::Documents => files::action_of(bytes).key,
                    _ => files::labels_key(bytes),
                };
                part.items.push(item);
                part.lines.push(Line { bytes, key });
            }
            for (name, part) in &parts {
                let index = name.trim_end_matches(".ndjson");
                if self.deliver_part(&parcel, index, part).await.is_none() {
                    return;
                }
            }
        })
    }

    fn in_flight_max(&self) -> usize {
        1
    }

    fn needs_durable_source(&self) -> bool {
        // the files outlive a crash just as a server does
        self.output.needs_durable_source()
    }
}

/// An index name as the name of a file; what a file name should not hold becomes `_`.
fn file_name(index: &str) -> String {
    let mut name: String = index
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '+') { c } else { '_' })
        .take(200)
        .collect();
    if name.is_empty() || name.starts_with('.') || name == "alerts" {
        name.insert(0, '_');
    }
    name + ".ndjson"
}
