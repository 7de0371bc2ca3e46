//! The real world.
pub mod net;
