//! The null output, also called `sink`: takes everything and keeps nothing.
//!
//! Original: <https://www.elastic.co/guide/en/logstash/8.19/plugins-outputs-sink.html>.

use super::{Output, OutputCx, Parcel, Selected};
use crate::config::options::OptionSpec;
use crate::telemetry::{Counter, CounterName};
use crate::world::BoxFuture;

pub const OPTIONS: &[OptionSpec] = &[];

pub struct Null {
    events: Counter,
}

impl Null {
    pub fn new(cx: &OutputCx) -> Null {
        Null { events: cx.metrics.counter(CounterName::OutputEvents, &[("output", cx.id.as_str())]) }
    }
}

impl Output for Null {
    fn plugin(&self) -> &'static str {
        "null"
    }

    fn encode(&self, events: &Selected<'_>, parcel: &mut Parcel) {
        for event in events.iter() {
            let at = parcel.body.len();
            super::plain::push(parcel, event, at, at..at);
        }
    }

    fn deliver<'a>(&'a self, parcel: Parcel) -> BoxFuture<'a, ()> {
        let n = parcel.items.len() as u64;
        self.events.inc_by(n);
        parcel.ack.delivered(n);
        Box::pin(async {})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::{TestWorld, send};

    #[test]
    fn every_event_ends_here() {
        let t = TestWorld::new();
        let cx = t.cx();
        let tally = send(&t, &Null::new(&cx), &["{}", "{}"]);
        assert_eq!(tally.deliveries_done, 2);
        assert!(cx.metrics.render().contains("logdrive_output_events_total{output=\"out\"} 2"));
    }
}
