//! Runs futures on one thread, in an order that the seed gives.

use super::clock::SimClock;
use super::random::Rng;
use crate::world::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// Longest time that one poll of a task takes.
const POLL_TIME_MAX: Duration = Duration::from_micros(100);

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A task was polled.
    Ran,
    /// Nothing could run; time jumped.
    Jumped,
    /// Nothing can run and nothing waits for time.
    Stuck,
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Task {
    group: u64,
    future: BoxFuture<'static, ()>,
    woken: Arc<Flag>,
}

/// Tasks in groups; a group is one life of a process.
pub struct Executor {
    clock: SimClock,
    rng: Rng,
    tasks: BTreeMap<u64, Task>,
    next: u64,
}

impl Executor {
    pub fn new(clock: SimClock, rng: Rng) -> Executor {
        Executor { clock, rng, tasks: BTreeMap::new(), next: 0 }
    }

    pub fn spawn(&mut self, group: u64, future: impl Future<Output = ()> + Send + 'static) {
        let woken = Arc::new(Flag(AtomicBool::new(true)));
        self.tasks.insert(self.next, Task { group, future: Box::pin(future), woken });
        self.next += 1;
    }

    /// Drops all tasks of a group, wherever they stand.
    pub fn kill(&mut self, group: u64) {
        self.tasks.retain(|_, t| t.group != group);
    }

    /// Whether a group has tasks that have not ended.
    pub fn is_running(&self, group: u64) -> bool {
        self.tasks.values().any(|t| t.group == group)
    }

    /// Polls one task that was woken; where there is none, time jumps.
    pub fn step(&mut self) -> Step {
        self.clock.fire();
        let runnable: Vec<u64> =
            self.tasks.iter().filter(|(_, t)| t.woken.0.load(Ordering::SeqCst)).map(|(id, _)| *id).collect();
        if runnable.is_empty() {
            return if self.clock.jump() { Step::Jumped } else { Step::Stuck };
        }
        let id = self.rng.pick(&runnable);
        let task = self.tasks.get_mut(&id).expect("just seen");
        task.woken.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&task.woken));
        let done = task.future.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Ready(());
        if done {
            self.tasks.remove(&id);
        }
        self.clock.pass(self.rng.short_time(POLL_TIME_MAX));
        Step::Ran
    }
}
