//! The real world: the machine's clock, files, network and randomness.
//!
//! Belongs here: the traits of `world` over the standard library, rustix, tokio and reqwest. Must not be here: any decision
//! of the flow.

#![allow(clippy::disallowed_methods, reason = "the doors themselves")]

pub mod clock;
pub mod fs;
pub mod memory;
pub mod net;
pub mod random;
pub mod watch;

use super::{Clock, Fs, Random, World};
use std::sync::Arc;

/// The doors without the network.
pub fn parts() -> (Arc<dyn Clock>, Arc<dyn Fs>, Arc<dyn Random>) {
    (Arc::new(clock::RealClock::new()), Arc::new(fs::RealFs), Arc::new(random::RealRandom::new()))
}

/// All doors.
pub fn world() -> World {
    let (clock, fs, random) = parts();
    World { clock, fs, net: Arc::new(net::RealNet::new()), random }
}
