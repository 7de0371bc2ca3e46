//! One life of the process under test: it can die at any instant, and what is dead has no effect any more.

use super::clock::SimClock;
use super::random::Rng;
use super::trace::Trace;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Faults of files, in so many of a thousand operations of their kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskFaults {
    /// Writes fail with `ENOSPC`, after a part was written.
    pub full: bool,
    /// Opening and listing fail with `EMFILE`.
    pub no_descriptor: u64,
    /// Reads, `stat`, opens and listings fail with `EIO`.
    pub read_error: u64,
    /// A sync fails with `EIO`. What it should have made durable stays volatile for ever, also if a later sync succeeds,
    /// as it is on Linux.
    pub sync_error: u64,
    /// A rename or removal fails with `EIO` and does nothing.
    pub name_error: u64,
}

/// When a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// Not by itself.
    Never,
    /// In the n-th file operation from now, which may be half done.
    FileOperation(u64),
    /// At the n-th named point from now.
    Point(u64),
}

type Hook = Box<dyn FnMut() + Send>;

struct State {
    death: Death,
    rng: Rng,
    faults: DiskFaults,
    on_death: Vec<Box<dyn FnOnce() + Send>>,
}

/// One life.
pub struct Process {
    pub id: u64,
    clock: SimClock,
    trace: Trace,
    dead: AtomicBool,
    state: Mutex<State>,
    /// Others who act between two operations of this process.
    others: Mutex<Option<Hook>>,
}

/// What becomes of an operation that was allowed to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Go,
    /// The process dies in it; whether it takes effect, and how much of it, is a matter of chance.
    Die,
}

/// Kinds of operations, by what can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Open,
    Read,
    List,
    Write,
    Sync,
    Name,
}

/// In so many of a thousand operations somebody else acts right before.
const OTHERS_PERMILLE: u64 = 15;

impl Process {
    pub(super) fn new(id: u64, clock: SimClock, trace: Trace, rng: Rng) -> Arc<Process> {
        let state = State { death: Death::Never, rng, faults: DiskFaults::default(), on_death: vec![] };
        let (dead, others) = (AtomicBool::new(false), Mutex::new(None));
        Arc::new(Process { id, clock, trace, dead, state: Mutex::new(state), others })
    }

    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// `kill -9`, now.
    pub fn kill(&self, why: &str) {
        if self.dead.swap(true, Ordering::SeqCst) {
            return;
        }
        self.trace.say(&self.clock, || format!("process {}: dies: {why}", self.id));
        let calls = std::mem::take(&mut self.state.lock().expect("never poisoned").on_death);
        calls.into_iter().for_each(|call| call());
    }

    pub fn set_death(&self, death: Death) {
        self.state.lock().expect("never poisoned").death = death;
    }

    pub fn set_faults(&self, faults: DiskFaults) {
        self.state.lock().expect("never poisoned").faults = faults;
    }

    /// Called when the process dies, to end what would block a thread.
    pub fn on_death(&self, call: impl FnOnce() + Send + 'static) {
        self.state.lock().expect("never poisoned").on_death.push(Box::new(call));
    }

    /// Called at random instants between two file operations.
    pub fn set_others(&self, call: impl FnMut() + Send + 'static) {
        *self.others.lock().expect("never poisoned") = Some(Box::new(call));
    }

    /// An instant worth dying at.
    pub fn point(&self, name: &'static str) {
        let dies = {
            let mut state = self.state.lock().expect("never poisoned");
            match &mut state.death {
                Death::Point(0) => true,
                Death::Point(n) => {
                    *n -= 1;
                    false
                }
                _ => false,
            }
        };
        if dies {
            self.kill(name);
        }
    }

    /// Before a file operation: time passes, others act, the process may die, the operation may fail (unless `spared`).
    pub(super) fn enter(&self, kind: Kind, spared: bool, what: &dyn Fn() -> String) -> std::io::Result<Fate> {
        let eio = || std::io::Error::from_raw_os_error(5);
        if self.is_dead() {
            return Err(eio());
        }
        let (time, others) = {
            let mut state = self.state.lock().expect("never poisoned");
            (state.rng.short_time(std::time::Duration::from_micros(200)), state.rng.chance(OTHERS_PERMILLE))
        };
        self.clock.pass(time);
        if others {
            // taken out while it runs: it must not come again in the middle of itself
            let call = self.others.lock().expect("never poisoned").take();
            if let Some(mut call) = call {
                call();
                self.others.lock().expect("never poisoned").get_or_insert(call);
            }
        }
        let mut state = self.state.lock().expect("never poisoned");
        if let Death::FileOperation(n) = &mut state.death {
            if *n == 0 {
                drop(state);
                self.kill(&format!("in {kind:?} {}", what()));
                return Ok(Fate::Die);
            }
            *n -= 1;
        }
        let faults = if spared { DiskFaults::default() } else { state.faults };
        let error = match kind {
            Kind::Open if state.rng.chance(faults.no_descriptor) => Some(24),
            Kind::List if state.rng.chance(faults.no_descriptor) => Some(24),
            Kind::Open | Kind::Read | Kind::List if state.rng.chance(faults.read_error) => Some(5),
            Kind::Write if faults.full => Some(28),
            Kind::Sync if state.rng.chance(faults.sync_error) => Some(5),
            Kind::Name if state.rng.chance(faults.name_error) => Some(5),
            _ => None,
        };
        drop(state);
        match error {
            Some(number) => {
                self.trace.say(&self.clock, || format!("disk: {kind:?} {} fails with {number}", what()));
                Err(std::io::Error::from_raw_os_error(number))
            }
            None => Ok(Fate::Go),
        }
    }

    pub(super) fn below(&self, bound: u64) -> u64 {
        self.state.lock().expect("never poisoned").rng.below(bound)
    }
}
