//! The stdout output: events to standard output, in order.
//!
//! Original: <https://www.elastic.co/guide/en/logstash/8.19/plugins-outputs-stdout.html>. Default codec: `rubydebug`.
//! A reader that went away (`... | head`) ends the run without a word; any other failure is said and tried again.

use super::delivery::backoff::sleep_or_stop;
use super::delivery::said::Said;
use super::{Output, OutputCx, Parcel, Selected, plain};
use crate::codec::encode::{self, Encoder};
use crate::config::build::BuildCx;
use crate::config::options::{OptionSpec, Options};
use crate::telemetry::{Counter, CounterName};
use crate::world::BoxFuture;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const OPTIONS: &[OptionSpec] = &[];

/// Between two attempts to write.
const RETRY_TIME: Duration = Duration::from_secs(1);

/// Standard output, or what a test looks at; shared by all stdout outputs of a plan.
pub type Writer = Arc<Mutex<Box<dyn Write + Send>>>;

pub struct Config {
    pub codec: Box<dyn Encoder>,
}

pub fn build(options: &Options, cx: &mut BuildCx<'_>) -> Option<Config> {
    Some(Config { codec: encode::build(options, "rubydebug", cx)? })
}

pub struct Stdout {
    cx: OutputCx,
    codec: Box<dyn Encoder>,
    writer: Writer,
    said: Said,
    events: Counter,
    bytes: Counter,
}

impl Stdout {
    pub fn new(config: Config, writer: Writer, cx: OutputCx) -> Stdout {
        let labels = [("output", cx.id.as_str())];
        let events = cx.metrics.counter(CounterName::OutputEvents, &labels);
        let bytes = cx.metrics.counter(CounterName::OutputBytes, &labels);
        Stdout { codec: config.codec, writer, said: Said::default(), events, bytes, cx }
    }

    /// Writes from `*at` on, and moves it as far as the bytes went.
    fn write(&self, body: &[u8], at: &mut usize) -> io::Result<()> {
        let mut writer = self.writer.lock().expect("never poisoned");
        while *at < body.len() {
            match writer.write(&body[*at..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => *at += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        writer.flush()
    }
}

impl Output for Stdout {
    fn plugin(&self) -> &'static str {
        "stdout"
    }

    fn encode(&self, events: &Selected<'_>, parcel: &mut Parcel) {
        plain::encode(&*self.codec, &*self.cx.world.clock, events, parcel);
    }

    fn deliver<'a>(&'a self, parcel: Parcel) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let Some(failed) = plain::bury_failed(&self.cx, &self.said, &parcel).await else { return };
            let mut at = 0;
            let body: Vec<u8> = parcel.items.iter().flat_map(|i| parcel.bytes(i)).copied().collect();
            while let Err(why) = self.write(&body, &mut at) {
                if why.kind() == io::ErrorKind::BrokenPipe {
                    self.cx.stop.ask();
                    return;
                }
                if let Some(n) = self.said.now(&self.cx.world, "write", 1) {
                    tracing::error!("cannot write to standard output ({n} times): {why}; trying again");
                }
                if sleep_or_stop(&self.cx.world, &self.cx.stop, RETRY_TIME).await {
                    return;
                }
            }
            let written = parcel.items.len() as u64 - failed;
            self.events.inc_by(written);
            self.bytes.inc_by(body.len() as u64);
            parcel.ack.delivered(written);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::{TestWorld, batch, parcel, send};

    /// Fails as told, and takes at most three bytes at once.
    struct Told {
        seen: Arc<Mutex<Vec<u8>>>,
        fail: Vec<io::ErrorKind>,
    }

    impl Write for Told {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.seen.lock().unwrap().len() >= 6
                && let Some(kind) = self.fail.pop()
            {
                return Err(kind.into());
            }
            let n = bytes.len().min(3);
            self.seen.lock().unwrap().extend_from_slice(&bytes[..n]);
            Ok(n)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn stdout(t: &TestWorld, codec: &str, fail: Vec<io::ErrorKind>) -> (Stdout, Arc<Mutex<Vec<u8>>>) {
        let seen = Arc::new(Mutex::new(vec![]));
        let writer: Writer = Arc::new(Mutex::new(Box::new(Told { seen: Arc::clone(&seen), fail })));
        (Stdout::new(Config { codec: encode::named(codec) }, writer, t.cx()), seen)
    }

    #[test]
    fn events_come_out_in_order_and_whole_over_failures() {
        let t = TestWorld::new();
        let (out, seen) = stdout(&t, "json_lines", vec![io::ErrorKind::StorageFull, io::ErrorKind::Interrupted]);
        let tally = send(&t, &out, &[r#"{"n":1}"#, r#"{"n":2}"#]);
        assert_eq!((tally.deliveries_done, tally.deliveries_dead), (2, 0));
        assert_eq!(*seen.lock().unwrap(), b"{\"n\":1}\n{\"n\":2}\n");
        assert_eq!(t.seconds(), 1.0);
    }

    #[test]
    fn a_reader_that_went_away_ends_the_run_and_nothing_counts_as_written() {
        let t = TestWorld::new();
        let (out, _) = stdout(&t, "json_lines", vec![io::ErrorKind::BrokenPipe]);
        let (batch, end) = batch(&[r#"{"n":1}"#]);
        let parcel = parcel(&out, &batch);
        drop(batch);
        t.block_on(out.deliver(parcel));
        assert!(out.cx.stop.is_asked());
        assert!(end.try_recv().is_err());
    }
}
