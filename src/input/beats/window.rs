//! Windows of one connection: gathering their events, and the order of their acks.
//!
//! A window is acked when all of its events have ended; a large one is split into parts, and the parts that have ended
//! are acked in between. Acks leave in the order of the windows, whatever ends first.

use super::frame::{Frame, Payload};
use std::collections::VecDeque;

/// Events of one batch; a larger window becomes several batches.
pub const BATCH_EVENTS_MAX: usize = 2048;
/// Bytes of JSON of one batch; an event beyond this is a batch of its own.
pub const BATCH_BYTES_MAX: usize = 16 << 20;

/// Consecutive events of one window that become one batch.
#[derive(Debug)]
pub struct Part {
    pub events: Vec<Payload>,
    /// The sender's sequence of the last event.
    pub seq: u32,
    /// The window ends with it.
    pub last: bool,
}

/// A frame that cannot stand where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfPlace {
    /// An event without a window that announced it.
    Event,
}

/// What comes of a frame.
#[derive(Debug)]
pub enum Step {
    /// More frames are needed.
    Nothing,
    Part(Part),
    /// A window without any event; real Logstash answers it with an ack of 0.
    Empty,
}

/// Gathers the events of the window that is being received.
#[derive(Debug, Default)]
pub struct Gather {
    /// Events of the window that have not come yet.
    missing: u32,
    events: Vec<Payload>,
    bytes: usize,
    seq: u32,
}

impl Gather {
    /// Takes the next frame. A new window ends one that is not complete, as in real Logstash.
    ///
    /// # Errors
    /// [`OutOfPlace`].
    pub fn take(&mut self, frame: Frame) -> Result<Step, OutOfPlace> {
        match frame {
            Frame::Window(count) => {
                let cut = self.missing > 0 && !self.events.is_empty();
                let step = if cut {
                    Step::Part(self.part(true))
                } else if count == 0 {
                    Step::Empty
                } else {
                    Step::Nothing
                };
                self.missing = count;
                Ok(step)
            }
            Frame::Json { .. } if self.missing == 0 => Err(OutOfPlace::Event),
            Frame::Json { seq, payload } => {
                self.missing -= 1;
                self.bytes += payload.at.len();
                self.seq = seq;
                self.events.push(payload);
                let full = self.events.len() >= BATCH_EVENTS_MAX || self.bytes >= BATCH_BYTES_MAX;
                Ok(if self.missing == 0 || full { Step::Part(self.part(self.missing == 0)) } else { Step::Nothing })
            }
        }
    }

    fn part(&mut self, last: bool) -> Part {
        self.bytes = 0;
        Part { events: std::mem::take(&mut self.events), seq: self.seq, last }
    }
}

/// Which parts have ended, and so which acks are due.
#[derive(Debug, Default)]
pub struct Ledger {
    parts: VecDeque<Entry>,
    /// Number of the first part in the list.
    first: u64,
    /// What is acked of the window in front.
    acked: u32,
}

#[derive(Debug)]
struct Entry {
    seq: u32,
    last: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Ended,
    /// It will never end, so nothing from here on can be acked.
    GivenUp,
}

impl Ledger {
    /// Notes a part; the number is its name.
    pub fn open(&mut self, part: &Part) -> u64 {
        self.parts.push_back(Entry { seq: part.seq, last: part.last, state: State::Waiting });
        self.first + self.parts.len() as u64 - 1
    }

    /// A part has ended.
    ///
    /// # Panics
    /// When it had ended before.
    pub fn end(&mut self, number: u64) {
        self.set(number, State::Ended);
    }

    /// A part was given up: neither it nor what follows is ever acked.
    ///
    /// # Panics
    /// When it had ended before.
    pub fn give_up(&mut self, number: u64) {
        self.set(number, State::GivenUp);
    }

    fn set(&mut self, number: u64, state: State) {
        let at = number.checked_sub(self.first).expect("a part ends once") as usize;
        let entry = &mut self.parts[at];
        assert_eq!(entry.state, State::Waiting, "a part ends once");
        entry.state = state;
    }

    /// True while a part may still end.
    pub fn is_waiting(&self) -> bool {
        self.parts.iter().any(|e| e.state == State::Waiting)
    }

    /// The acks that are due now, in order.
    pub fn due(&mut self) -> Vec<u32> {
        let mut acks: Vec<u32> = Vec::new();
        let mut inside = false;
        while let Some(entry) = self.parts.front().filter(|e| e.state == State::Ended) {
            if inside {
                acks.pop();
            }
            acks.push(entry.seq);
            inside = !entry.last;
            self.acked = if entry.last { 0 } else { entry.seq };
            self.parts.pop_front();
            self.first += 1;
        }
        acks
    }

    /// What can be said at any time without harm: the last partial ack of the window in front, or 0.
    pub fn keepalive(&self) -> u32 {
        self.acked
    }

    /// Parts that are not acked.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// True when nothing waits for its end.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn json(seq: u32, len: usize) -> Frame {
        Frame::Json { seq, payload: Payload { buffer: Arc::from(vec![b' '; len]), at: 0..len } }
    }

    fn parts(frames: impl IntoIterator<Item = Frame>) -> Result<Vec<(usize, u32, bool)>, OutOfPlace> {
        let mut gather = Gather::default();
        let mut out = vec![];
        for frame in frames {
            if let Step::Part(p) = gather.take(frame)? {
                out.push((p.events.len(), p.seq, p.last));
            }
        }
        Ok(out)
    }

    #[test]
    fn a_window_is_one_part_unless_it_is_large() {
        let small = [Frame::Window(2), json(1, 5), json(2, 5), Frame::Window(1), json(7, 5)];
        assert_eq!(parts(small), Ok(vec![(2, 2, true), (1, 7, true)]));
        let n = BATCH_EVENTS_MAX as u32 + 1;
        let many = std::iter::once(Frame::Window(n)).chain((1..=n).map(|i| json(i, 1)));
        assert_eq!(parts(many), Ok(vec![(BATCH_EVENTS_MAX, n - 1, false), (1, n, true)]));
        let heavy = [Frame::Window(2), json(1, BATCH_BYTES_MAX), json(2, 1)];
        assert_eq!(parts(heavy), Ok(vec![(1, 1, false), (1, 2, true)]));
    }

    #[test]
    fn a_window_that_is_cut_by_the_next_counts_as_it_is() {
        let cut = [Frame::Window(3), json(1, 5), Frame::Window(1), json(1, 5)];
        assert_eq!(parts(cut), Ok(vec![(1, 1, true), (1, 1, true)]));
        assert_eq!(parts([json(1, 1)]), Err(OutOfPlace::Event));
        assert_eq!(parts([Frame::Window(1), json(1, 1), json(2, 1)]), Err(OutOfPlace::Event));
        assert!(matches!(Gather::default().take(Frame::Window(0)), Ok(Step::Empty)));
    }

    #[test]
    fn acks_keep_the_order_of_the_windows() {
        let part = |seq, last| Part { events: vec![], seq, last };
        let mut ledger = Ledger::default();
        let numbers: Vec<u64> = [part(10, false), part(20, false), part(25, true), part(4, true), part(6, false)]
            .iter()
            .map(|p| ledger.open(p))
            .collect();
        ledger.end(numbers[3]);
        assert!(ledger.due().is_empty(), "the window in front is not through");
        ledger.end(numbers[0]);
        assert_eq!((ledger.due(), ledger.keepalive()), (vec![10], 10));
        ledger.end(numbers[2]);
        assert!(ledger.due().is_empty());
        ledger.end(numbers[1]);
        assert_eq!((ledger.due(), ledger.keepalive()), (vec![25, 4], 0));
        ledger.end(numbers[4]);
        assert_eq!((ledger.due(), ledger.keepalive()), (vec![6], 6));
        assert!(ledger.is_empty());
        let numbers: Vec<u64> = [part(1, true), part(2, true)].iter().map(|p| ledger.open(p)).collect();
        ledger.give_up(numbers[0]);
        assert!(ledger.is_waiting());
        ledger.end(numbers[1]);
        assert!(ledger.due().is_empty(), "nothing is acked past what was given up");
        assert!(!ledger.is_waiting());
    }
}
