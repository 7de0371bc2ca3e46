//! The doors to the outside: clock, files, network, randomness.
//!
//! Belongs here: the traits, the real world behind them (`real/`), and nothing that knows what an event is. The simulated world
//! lives beside them (`sim/`): seeded, single-threaded, with faults at any instant.
//! Must not be here: retry, back-off, parsing; whoever calls decides those.
//!
//! Flow code holds a [`World`] and reaches the outside through it only; `clippy.toml` forbids the short cuts.

pub mod clock;
pub mod fs;
pub mod net;
pub mod random;
pub mod real;
pub mod sim;
pub mod still;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use clock::Clock;
pub use fs::Fs;
pub use net::Net;
pub use random::Random;

/// A future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// All doors together; cheap to clone.
#[derive(Clone)]
pub struct World {
    pub clock: Arc<dyn Clock>,
    pub fs: Arc<dyn Fs>,
    pub net: Arc<dyn Net>,
    pub random: Arc<dyn Random>,
}
