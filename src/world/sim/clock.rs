//! Simulated time: it jumps to the next thing that waits for it.

use crate::event::Timestamp;
use crate::world::{BoxFuture, Clock};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

enum Event {
    Wake(Waker),
    Call(Box<dyn FnOnce() + Send>),
}

/// The clock of the simulated world; cheap to clone.
#[derive(Clone)]
pub struct SimClock {
    inner: Arc<Mutex<Inner>>,
    wall_start: Timestamp,
}

#[derive(Default)]
struct Inner {
    now: Duration,
    seq: u64,
    /// By time, then by the order in which they were asked for.
    queue: BTreeMap<(Duration, u64), Event>,
}

impl SimClock {
    /// `wall_start` is the wall time at which the run begins.
    pub fn new(wall_start: Timestamp) -> SimClock {
        SimClock { inner: Arc::default(), wall_start }
    }

    /// Work takes this long. What becomes due meanwhile happens at the next [`SimClock::fire`].
    pub fn pass(&self, time: Duration) {
        self.inner.lock().expect("never poisoned").now += time;
    }

    /// Calls back after some time.
    pub fn after(&self, time: Duration, call: impl FnOnce() + Send + 'static) {
        let mut inner = self.inner.lock().expect("never poisoned");
        let at = inner.now + time;
        inner.put(at, Event::Call(Box::new(call)));
    }

    /// Lets everything happen that is due; true when there was something.
    pub fn fire(&self) -> bool {
        let mut any = false;
        loop {
            let event = {
                let mut inner = self.inner.lock().expect("never poisoned");
                let now = inner.now;
                match inner.queue.first_entry() {
                    Some(first) if first.key().0 <= now => first.remove(),
                    _ => return any,
                }
            };
            any = true;
            match event {
                Event::Wake(waker) => waker.wake(),
                Event::Call(call) => call(),
            }
        }
    }

    /// Jumps to the next thing that waits for time; false when nothing does.
    pub fn jump(&self) -> bool {
        {
            let mut inner = self.inner.lock().expect("never poisoned");
            let Some((next, _)) = inner.queue.keys().next().copied() else { return false };
            inner.now = inner.now.max(next);
        }
        self.fire()
    }
}

impl Inner {
    fn put(&mut self, at: Duration, event: Event) -> (Duration, u64) {
        self.seq += 1;
        let key = (at, self.seq);
        self.queue.insert(key, event);
        key
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let t = self.monotonic();
        let nanos = self.wall_start.subsec_nanos() + t.subsec_nanos();
        let secs = self.wall_start.epoch_secs() + t.as_secs() as i64 + i64::from(nanos / 1_000_000_000);
        Timestamp::new(secs, nanos % 1_000_000_000)
    }

    fn monotonic(&self) -> Duration {
        self.inner.lock().expect("never poisoned").now
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(Sleep { clock: self.clone(), until: self.monotonic() + time, key: None })
    }
}

struct Sleep {
    clock: SimClock,
    until: Duration,
    key: Option<(Duration, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.clock.inner.lock().expect("never poisoned");
        if inner.now >= self.until {
            return Poll::Ready(());
        }
        let event = Event::Wake(cx.waker().clone());
        let key = match self.key {
            Some(key) => {
                inner.queue.insert(key, event);
                key
            }
            None => inner.put(self.until, event),
        };
        drop(inner);
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.clock.inner.lock().expect("never poisoned").queue.remove(&key);
        }
    }
}
