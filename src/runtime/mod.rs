//! Running a plan: threads, order, back-pressure, shutdown.
//!
//! Belongs here: what connects inputs, workers and outputs. Must not be here: what any plugin does.

pub mod delivery;
pub mod intake;
pub mod pipeline;
pub mod run;
pub mod stop;

pub use stop::Stop;
