//! logdrive: runs `filebeat.yml` and `logstash.conf` unchanged in one small binary.
//!
//! The modules in the order of the flow: a configuration becomes a plan; inputs read batches of events, filters work on
//! them, outputs deliver them, acks tell the inputs. `world` is the door to the outside for all of them.

pub mod config;

pub mod event;

pub mod codec;
pub mod regexp;

pub mod filter;

pub mod input;

pub mod output;

pub mod ack;

pub mod runtime;

pub mod plan;

pub mod telemetry;

pub mod api;

pub mod world;

pub mod cli;
