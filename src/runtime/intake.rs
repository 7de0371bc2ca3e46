//! Where inputs hand over their batches: bounded, in order, for threads and for futures.
//!
//! A batch takes a place when it enters and gives it back when every event of it has ended; so the limit bounds what is
//! in flight from the input to the ack, and a blocked output holds the inputs (back-pressure).

use super::Stop;
use crate::event::Batch;
use crate::telemetry::Gauge;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

/// Default of how many batches may lie between input and ack.
pub const BATCHES_IN_FLIGHT_MAX: usize = 16;

/// How long a blocked thread waits before it looks at the stop again.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// The way in; cheap to clone.
#[derive(Clone)]
pub struct Intake {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    /// A batch came, a place became free, or the intake was closed.
    changed: Condvar,
    in_flight_max: usize,
    gauge: Gauge,
    stop: Stop,
}

struct State {
    queue: VecDeque<Batch>,
    in_flight: usize,
    next_seq: u64,
    closed: bool,
    wakers: Vec<Waker>,
}

struct Permit(Arc<Inner>);

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.0.state.lock().expect("never poisoned");
        assert!(state.in_flight > 0, "a place is given back once");
        state.in_flight -= 1;
        self.0.gauge.set(state.in_flight as i64);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.0.changed.notify_all();
        for waker in wakers {
            waker.wake();
        }
    }
}

impl Intake {
    pub fn new(in_flight_max: usize, gauge: Gauge, stop: Stop) -> Intake {
        assert!(in_flight_max > 0, "at least one batch must fit");
        let state = State { queue: VecDeque::new(), in_flight: 0, next_seq: 0, closed: false, wakers: vec![] };
        Intake {
            inner: Arc::new(Inner { state: Mutex::new(state), changed: Condvar::new(), in_flight_max, gauge, stop }),
        }
    }

    fn enter(&self, state: &mut State, batch: Batch) {
        state.in_flight += 1;
        self.inner.gauge.set(state.in_flight as i64);
        batch.ack().hold(Box::new(Permit(Arc::clone(&self.inner))));
        state.queue.push_back(batch);
    }

    /// Hands a batch over if there is room.
    ///
    /// # Errors
    /// The batch, when there is none.
    #[allow(clippy::result_large_err, reason = "the batch itself comes back")]
    pub fn try_submit(&self, batch: Batch) -> Result<(), Batch> {
        let mut state = self.inner.state.lock().expect("never poisoned");
        if state.in_flight >= self.inner.in_flight_max {
            return Err(batch);
        }
        self.enter(&mut state, batch);
        drop(state);
        self.inner.changed.notify_all();
        Ok(())
    }

    /// Hands a batch over; waits for room. False when the run was asked to stop meanwhile: the batch is given up.
    pub fn submit(&self, batch: Batch) -> bool {
        let mut state = self.inner.state.lock().expect("never poisoned");
        while state.in_flight >= self.inner.in_flight_max {
            if self.inner.stop.is_asked() {
                return false;
            }
            state = self.inner.changed.wait_timeout(state, LOOK_INTERVAL).expect("never poisoned").0;
        }
        self.enter(&mut state, batch);
        drop(state);
        self.inner.changed.notify_all();
        true
    }

    /// As [`Intake::submit`], without blocking the thread.
    pub async fn submit_async(&self, batch: Batch) -> bool {
        let mut batch = Some(batch);
        let mut stopped = Box::pin(self.inner.stop.wait());
        poll_fn(|cx| {
            if stopped.as_mut().poll(cx).is_ready() {
                return Poll::Ready(false);
            }
            let mut state = self.inner.state.lock().expect("never poisoned");
            if state.in_flight >= self.inner.in_flight_max {
                state.wakers.push(cx.waker().clone());
                return Poll::Pending;
            }
            self.enter(&mut state, batch.take().expect("submitted once"));
            drop(state);
            self.inner.changed.notify_all();
            Poll::Ready(true)
        })
        .await
    }

    /// The next batch, with its number in the order of arrival; waits for one. `None` when the intake is closed and empty.
    pub fn take(&self) -> Option<Batch> {
        let mut state = self.inner.state.lock().expect("never poisoned");
        loop {
            if let Some(mut batch) = state.queue.pop_front() {
                batch.seq = state.next_seq;
                state.next_seq += 1;
                return Some(batch);
            }
            if state.closed {
                return None;
            }
            state = self.inner.changed.wait(state).expect("never poisoned");
        }
    }

    /// The next batch if there is one.
    pub fn try_take(&self) -> Option<Batch> {
        let mut state = self.inner.state.lock().expect("never poisoned");
        let mut batch = state.queue.pop_front()?;
        batch.seq = state.next_seq;
        state.next_seq += 1;
        Some(batch)
    }

    /// Nothing more will come.
    pub fn close(&self) {
        self.inner.state.lock().expect("never poisoned").closed = true;
        self.inner.changed.notify_all();
    }

    /// How many batches lie between input and ack.
    pub fn in_flight(&self) -> usize {
        self.inner.state.lock().expect("never poisoned").in_flight
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ack::Tally;

    fn batch() -> Batch {
        Batch::detached()
    }

    #[test]
    fn a_place_is_free_again_when_the_batch_has_ended() {
        let intake = Intake::new(1, Gauge::default(), Stop::new());
        assert!(intake.try_submit(batch()).is_ok());
        assert!(intake.try_submit(batch()).is_err());
        let taken = intake.try_take().unwrap();
        assert!(intake.try_submit(batch()).is_err(), "taken is still in flight");
        taken.ack().account(Tally::default());
        taken.ack().processed();
        assert!(intake.try_submit(batch()).is_ok());
        assert_eq!(intake.try_take().unwrap().seq, 1);
    }

    #[test]
    fn a_batch_that_is_given_up_frees_its_place_too() {
        let intake = Intake::new(1, Gauge::default(), Stop::new());
        assert!(intake.try_submit(batch()).is_ok());
        drop(intake.try_take());
        assert_eq!(intake.in_flight(), 0);
    }

    #[test]
    fn a_blocked_submit_ends_when_the_run_stops() {
        let stop = Stop::new();
        let intake = Intake::new(1, Gauge::default(), stop.clone());
        assert!(intake.submit(batch()));
        let other = intake.clone();
        let thread = std::thread::spawn(move || other.submit(batch()));
        stop.ask();
        assert!(!thread.join().unwrap());
    }
}
