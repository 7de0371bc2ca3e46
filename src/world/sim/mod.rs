//! The simulated world: one seed gives time, disk, network and chance, on one thread; the same seed gives the same run.
//!
//! Belongs here: the doors of `crate::world` and who holds them. Must not be here: what an event, a registry or a bulk
//! request is; services behind the network and those who write logs are given from outside.
//!
//! # The fault model
//! What may go wrong, and where. Everything not named here cannot happen, so what goes wrong beyond it is a bug.
//!
//! **The process** dies (`kill -9`) at any of these instants: before, in or after any file operation (a write may be done in
//! part), at any named point ([`Process::point`]), between any two polls of its tasks, while it does nothing. What it wrote
//! is kept by the kernel; locks and open files are freed. A request that it sent arrives all the same, perhaps after the
//! next life has begun.
//!
//! **Power** fails at the same instants. Below the volatile folders ([`DiskConfig::volatile`]) there survives what was
//! synced. Of what was written to the end of a file after its last sync a prefix of any length survives, at times followed by
//! zeros. Of the names changed after a folder's last sync, the first so many changes survive, in order. Device
//! numbers change, if the file system keeps times of birth. Files of others are not volatile: a log that loses its own end in
//! a power failure is not simulated.
//!
//! **Files** of the process, while faults are on: reads, `stat`, opens and listings fail with `EIO`; opens and listings with
//! `EMFILE`; writes with `ENOSPC` after a part was written; syncs with `EIO`, and then what was to be synced is lost at the
//! next power failure even if a later sync succeeds; renames and removals with `EIO`. A file named in
//! [`DiskConfig::spared`] has no such faults. Bytes never change by themselves.
//!
//! **Others** write, rename, cut and remove files between any two file operations of the process. Inode numbers are used
//! again at once; times of birth are kept or not, by configuration.
//!
//! **The network** refuses; loses the request or the answer (the sender hears of it by its timeout only); breaks before or in
//! the middle of the answer; is slow up to 90 s. Bytes are not changed, and a request arrives at most once.
//!
//! **Time** passes between and in operations; the wall clock never jumps. Tasks run in any order.
//!
//! Not simulated: byte streams (`connect`, `listen`), symbolic links, permissions, several threads of one process inside
//! one piece of synchronous code.

pub mod clock;
pub mod disk;
pub mod executor;
pub mod net;
pub mod process;
pub mod random;
pub mod trace;

#[cfg(test)]
mod tests;

pub use clock::SimClock;
pub use disk::{Disk, DiskConfig};
pub use executor::{Executor, Step};
pub use net::{Answer, NetFaults, Service, SimNet};
pub use process::{Death, DiskFaults, Process};
pub use random::{Rng, SimRandom};
pub use trace::Trace;

use crate::event::Timestamp;
use crate::world::World;
use std::sync::Arc;

/// Everything that is outside of the process.
pub struct SimWorld {
    pub clock: SimClock,
    pub disk: Disk,
    pub net: SimNet,
    pub executor: Executor,
    pub trace: Trace,
    rng: Rng,
    lives: u64,
}

impl SimWorld {
    pub fn new(rng: &mut Rng, wall_start: Timestamp, disk: DiskConfig, trace: Trace) -> SimWorld {
        let clock = SimClock::new(wall_start);
        SimWorld {
            disk: Disk::new(clock.clone(), disk, rng.fork()),
            net: SimNet::new(clock.clone(), trace.clone(), rng.fork()),
            executor: Executor::new(clock.clone(), rng.fork()),
            rng: rng.fork(),
            clock,
            trace,
            lives: 0,
        }
    }

    /// A new life of the process, and the world as it sees it. Its tasks belong into the group [`Process::id`].
    pub fn process(&mut self) -> (Arc<Process>, World) {
        self.lives += 1;
        let process = Process::new(self.lives, self.clock.clone(), self.trace.clone(), self.rng.fork());
        let world = World {
            clock: Arc::new(self.clock.clone()),
            fs: self.disk.door(&process),
            net: self.net.door(&process),
            random: Arc::new(SimRandom::new(self.rng.fork())),
        };
        (process, world)
    }

    /// Takes a dead process away; with `power` the machine went down with it.
    pub fn bury(&mut self, process: &Process, power: bool) {
        assert!(process.is_dead(), "only the dead are buried");
        self.executor.kill(process.id);
        self.disk.reap(process);
        if power {
            self.trace.say(&self.clock, || "the machine lost power".to_string());
            self.disk.power_failure();
        }
    }

    pub fn say(&self, text: impl FnOnce() -> String) {
        self.trace.say(&self.clock, text);
    }
}
