//! The commands.
//!
//! Belongs here: reading arguments, gathering configurations, printing, exit codes. Must not be here: what events do.
//! stdout is data, stderr is everything else. Exit 0: fine; 1: the configuration has faults; 2: usage or environment.

pub mod args;
