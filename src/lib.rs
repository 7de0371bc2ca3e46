//! logdrive: runs `filebeat.yml` and `logstash.conf` unchanged in one small binary.
//!
//! The modules in the order of the flow:

pub mod config;
pub mod event;
pub mod filter;
