//! `stdin`: what is written to the program's standard input.
//!
//! Originals: <https://www.elastic.co/guide/en/logstash/8.19/plugins-inputs-stdin.html> and
//! <https://www.elastic.co/guide/en/beats/filebeat/8.5/filebeat-input-stdin.html>.
//! Deviation: Logstash loses a last line without newline; here it becomes an event.
//!
//! Standard input cannot be read again. So events get an id that is kept over retries, and what is still in flight when
//! the run is told to stop is what the outputs' own limits leave of it.

use crate::ack::BatchAck;
use crate::codec::decode::{DecodeCx, Decoder, Framing};
use crate::event::{Arena, Batch, Event, Origin, SourceMeta};
use crate::runtime::Stop;
use crate::runtime::intake::Intake;
use crate::telemetry::{CounterName, Metrics};
use crate::world::World;
use std::io::Read;
use std::sync::Arc;

/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;
/// Default of the longest line; the rest of a longer one is cut off and counted.
pub const LINE_BYTES_MAX: usize = 10 << 20;

/// What is done to each event of this input after it was decoded.
pub type Finish = Box<dyn for<'b> Fn(&mut Event<'b>, &World) + Send>;

/// The input, ready to read.
pub struct Stdin {
    pub decoder: Box<dyn Decoder>,
    pub finish: Finish,
    pub line_bytes_max: usize,
    /// Events in one batch at most.
    pub batch_events_max: usize,
    /// Number of the input in the plan.
    pub input: u32,
}

/// Why reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    AtTheEnd,
    Stopped,
}

impl Stdin {
    /// Reads to the end, or until the run stops. Blocks.
    ///
    /// # Errors
    /// Standard input cannot be read.
    pub fn read(
        &self,
        mut from: impl Read,
        world: &World,
        metrics: &Metrics,
        intake: &Intake,
        stop: &Stop,
    ) -> std::io::Result<Ended> {
        let source = SourceMeta::named("stdin");
        let key = world.random.next_u64();
        let events = metrics.counter(CounterName::InputEvents, &[("input", "stdin")]);
        let bytes = metrics.counter(CounterName::InputBytes, &[("input", "stdin")]);
        let cut = metrics.counter(CounterName::InputCutBytes, &[("input", "stdin")]);
        let mut state = State { offset: 0, held: Vec::new(), cutting: false, cut_bytes: 0 };
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let n = match from.read(&mut buffer) {
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            bytes.inc_by(n as u64);
            let cut_before = state.cut_bytes;
            let texts = self.cut(&mut state, &buffer[..n], n == 0);
            if state.cut_bytes > cut_before {
                cut.inc_by(state.cut_bytes - cut_before);
            }
            for batch in self.batches(&texts, &mut state, key, &source, world) {
                events.inc_by(batch.len() as u64);
                if !intake.submit(batch) {
                    return Ok(Ended::Stopped);
                }
            }
            if n == 0 {
                return Ok(Ended::AtTheEnd);
            }
            if stop.is_asked() {
                return Ok(Ended::Stopped);
            }
        }
    }

    /// Cuts what was read into whole texts; what is not whole yet is held.
    fn cut(&self, state: &mut State, read: &[u8], at_end: bool) -> Texts {
        let delimiter = match self.decoder.framing() {
            Framing::Lines(delimiter) => delimiter,
            Framing::Whole => b"\n".to_vec(),
        };
        let mut all = std::mem::take(&mut state.held);
        let from = all.len().saturating_sub(delimiter.len() - 1);
        all.extend_from_slice(read);
        let mut ranges = Vec::new();
        let mut start = 0;
        for at in memchr::memmem::find_iter(&all[from..], &delimiter).map(|i| i + from) {
            if at < start {
                continue;
            }
            self.line(state, start, at, &mut ranges);
            start = at + delimiter.len();
        }
        if at_end && start < all.len() {
            self.line(state, start, all.len(), &mut ranges);
            start = all.len();
        }
        let rest = &all[start..];
        if state.cutting || rest.len() > self.line_bytes_max {
            // the head of a line that is too long is an event now, the rest streams past
            let keep = rest.len().min(delimiter.len() - 1);
            if !state.cutting {
                ranges.push((start, start + self.line_bytes_max));
                state.cut_bytes += (rest.len() - self.line_bytes_max - keep) as u64;
                tracing::warn!("a line on stdin is longer than {} bytes and was cut", self.line_bytes_max);
            } else {
                state.cut_bytes += (rest.len() - keep) as u64;
            }
            state.cutting = true;
            state.held = rest[rest.len() - keep..].to_vec();
        } else {
            state.held = rest.to_vec();
        }
        Texts { bytes: Arc::from(all), ranges }
    }

    fn line(&self, state: &mut State, start: usize, end: usize, ranges: &mut Vec<(usize, usize)>) {
        if std::mem::take(&mut state.cutting) {
            state.cut_bytes += (end - start) as u64;
            return;
        }
        let kept = (end - start).min(self.line_bytes_max);
        if kept < end - start {
            state.cut_bytes += (end - start - kept) as u64;
            tracing::warn!("a line on stdin is longer than {} bytes and was cut", self.line_bytes_max);
        }
        ranges.push((start, start + kept));
    }

    fn batches(
        &self,
        texts: &Texts,
        state: &mut State,
        key: u64,
        source: &Arc<SourceMeta>,
        world: &World,
    ) -> Vec<Batch> {
        let mut batches = Vec::new();
        for ranges in texts.ranges.chunks(self.batch_events_max) {
            let mut batch = Batch::new(BatchAck::new(|_| {}));
            batch.change(|mut b| {
                let bytes = b.keep(Arc::clone(&texts.bytes));
                let (index, _, _) = b.attach(source);
                let arena: &Arena = b.arena;
                let now = world.clock.now();
                for &(start, end) in ranges {
                    let before = b.events.len();
                    let origin = Origin { key, source: index, input: self.input, ..Origin::default() };
                    let mut cx = DecodeCx { arena, now, origin, chunk: bytes, events: b.events };
                    self.decoder.decode(&bytes[start..end], &mut cx);
                    for event in &mut b.events[before..] {
                        event.origin.offset = state.offset;
                        state.offset += 1;
                        (self.finish)(event, world);
                    }
                }
            });
            if !batch.is_empty() {
                batches.push(batch);
            }
        }
        batches
    }
}

struct State {
    /// Running number of the next event.
    offset: u64,
    /// The beginning of a text whose end was not read yet.
    held: Vec<u8>,
    /// The present line was cut already; its rest is thrown away.
    cutting: bool,
    cut_bytes: u64,
}

struct Texts {
    bytes: Arc<[u8]>,
    ranges: Vec<(usize, usize)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::decode::Line;
    use crate::event::{Timestamp, Value};
    use crate::telemetry::Gauge;

    /// A reader that gives its pieces one by one.
    struct Pieces(Vec<&'static [u8]>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let piece = self.0.remove(0);
            buffer[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    fn messages(pieces: Vec<&'static [u8]>, line_bytes_max: usize, delimiter: &str) -> Vec<String> {
        let world = crate::world::still::world(Timestamp::default(), 7);
        let intake = Intake::new(100, Gauge::default(), Stop::new());
        let input = Stdin {
            decoder: Box::new(Line::new(false, delimiter)),
            finish: Box::new(|_, _| {}),
            line_bytes_max,
            batch_events_max: 2,
            input: 0,
        };
        let ended = input.read(Pieces(pieces), &world, &Metrics::new(), &intake, &Stop::new()).unwrap();
        assert_eq!(ended, Ended::AtTheEnd);
        let mut out = Vec::new();
        while let Some(batch) = intake.try_take() {
            assert!(batch.len() <= 2);
            for event in batch.events() {
                assert_eq!(event.origin.offset, out.len() as u64);
                let Some(Value::Str(text)) = event.top("message") else { panic!("a message") };
                out.push(text.to_string());
            }
        }
        out
    }

    #[test]
    fn lines_are_whole_however_they_arrive() {
        assert_eq!(messages(vec![b"a\nb", b"c\n", b"\nd"], 100, "\n"), ["a", "bc", "", "d"]);
        assert_eq!(messages(vec![b"a\r", b"\nb\r\n"], 100, "\r\n"), ["a", "b"]);
        assert_eq!(messages(vec![], 100, "\n"), Vec::<String>::new());
    }

    #[test]
    fn a_long_line_is_cut_and_its_rest_does_not_come_back() {
        assert_eq!(messages(vec![b"abcdefgh\nx\n"], 4, "\n"), ["abcd", "x"]);
        assert_eq!(messages(vec![b"abcdef", b"ghij", b"kl\nx\n"], 4, "\n"), ["abcd", "x"]);
        assert_eq!(messages(vec![b"abcdef", b"gh"], 4, "\n"), ["abcd"]);
    }
}
