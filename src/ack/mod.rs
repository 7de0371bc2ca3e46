//! The end of every event: delivered, dropped by the configuration, or dead-lettered; then the source may move on.
//!
//! Belongs here: the counting that proves conservation for one batch. Must not be here: what a source does with the
//! news (the file input moves its registry, the beats input answers its sender).
//!
//! A batch holds one [`BatchAck`]. The worker says how many deliveries its events need (`expect`) and when it is
//! through with it (`processed`); outputs report `delivered` or `dead_lettered`. When all is done the source is told,
//! exactly once. A batch that is dropped before that (shutdown, crash) tells nobody: its source reads it again.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// What became of a batch's events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events as read from the source.
    pub read: u64,
    /// Events that filters made of them.
    pub created: u64,
    /// Events that the configuration dropped: by a filter, or because no output takes them.
    pub dropped: u64,
    /// Events that a filter or a condition could not work on; they lie in the dead letter file.
    pub dead_lettered: u64,
    /// Events that went to at least one output.
    pub routed: u64,
    /// Deliveries that the outputs had to make (one event may go to several), and how they ended.
    pub deliveries: u64,
    pub deliveries_done: u64,
    pub deliveries_dead: u64,
}

type OnEnd = Box<dyn FnOnce(Tally) + Send>;

/// Counts the events of one batch to their ends.
pub struct BatchAck {
    /// Open deliveries, plus one while the batch is being processed.
    open: AtomicU64,
    done: AtomicU64,
    dead: AtomicU64,
    tally: Mutex<Tally>,
    on_end: Mutex<Option<OnEnd>>,
    /// Given back when the batch has ended: the place it takes among the batches in flight.
    permit: Mutex<Option<Box<dyn Send>>>,
}

impl BatchAck {
    /// `on_end` is called once, when every event of the batch has ended.
    pub fn new(on_end: impl FnOnce(Tally) + Send + 'static) -> Arc<BatchAck> {
        Arc::new(BatchAck {
            open: AtomicU64::new(1),
            done: AtomicU64::new(0),
            dead: AtomicU64::new(0),
            tally: Mutex::new(Tally::default()),
            on_end: Mutex::new(Some(Box::new(on_end))),
            permit: Mutex::new(None),
        })
    }

    /// For batches nobody waits for.
    pub fn detached() -> Arc<BatchAck> {
        BatchAck::new(|_| {})
    }

    /// The worker's account, given once: how many events there were and what the filters made of them, and how many
    /// deliveries follow. Must come before the parcels leave.
    ///
    /// # Panics
    /// When an event is missing from the account: that would be a silent loss.
    pub fn account(&self, account: Tally) {
        assert_eq!(
            account.read + account.created,
            account.dropped + account.dead_lettered + account.routed,
            "every event ends exactly once: {account:?}"
        );
        assert!(account.deliveries >= account.routed, "a routed event has a delivery: {account:?}");
        *self.tally.lock().expect("the tally's lock is never poisoned") = account;
        self.open.fetch_add(account.deliveries, Ordering::AcqRel);
    }

    /// Keeps something until the batch has ended, or is given up.
    pub fn hold(&self, permit: Box<dyn Send>) {
        *self.permit.lock().expect("never poisoned") = Some(permit);
    }

    /// The worker is through: its hold on the batch ends.
    pub fn processed(&self) {
        self.end(1);
    }

    /// An output has delivered `n` events.
    pub fn delivered(&self, n: u64) {
        self.done.fetch_add(n, Ordering::AcqRel);
        self.end(n);
    }

    /// An output has put `n` events into the dead letter file.
    pub fn dead_lettered(&self, n: u64) {
        self.dead.fetch_add(n, Ordering::AcqRel);
        self.end(n);
    }

    fn end(&self, n: u64) {
        if n == 0 {
            return;
        }
        let before = self.open.fetch_sub(n, Ordering::AcqRel);
        assert!(before >= n, "an event ended twice: {n} of {before}");
        if before == n {
            let mut tally = *self.tally.lock().expect("the tally's lock is never poisoned");
            tally.deliveries_done = self.done.load(Ordering::Acquire);
            tally.deliveries_dead = self.dead.load(Ordering::Acquire);
            assert_eq!(tally.deliveries, tally.deliveries_done + tally.deliveries_dead, "deliveries add up: {tally:?}");
            let on_end = self.on_end.lock().expect("never poisoned").take();
            on_end.expect("a batch ends once")(tally);
            drop(self.permit.lock().expect("never poisoned").take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn the_source_hears_of_it_once_and_last() {
        let (tx, rx) = mpsc::channel();
        let ack = BatchAck::new(move |t| tx.send(t).unwrap());
        ack.account(Tally { read: 3, created: 1, dropped: 1, routed: 3, deliveries: 4, ..Tally::default() });
        ack.delivered(3);
        ack.processed();
        assert!(rx.try_recv().is_err());
        ack.dead_lettered(1);
        let t = rx.try_recv().unwrap();
        assert_eq!((t.deliveries_done, t.deliveries_dead), (3, 1));
    }

    #[test]
    #[should_panic(expected = "every event ends exactly once")]
    fn a_lost_event_is_a_panic() {
        BatchAck::detached().account(Tally { read: 2, routed: 1, deliveries: 1, ..Tally::default() });
    }

    #[test]
    fn a_batch_of_dropped_events_ends_when_it_is_processed() {
        let (tx, rx) = mpsc::channel();
        let ack = BatchAck::new(move |t| tx.send(t).unwrap());
        ack.account(Tally { read: 2, dropped: 2, ..Tally::default() });
        ack.processed();
        assert_eq!(rx.try_recv().unwrap().dropped, 2);
    }
}
