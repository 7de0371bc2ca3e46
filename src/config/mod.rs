//! Text becomes typed once: configuration texts in, a typed plan and diagnostics out.
//!
//! Belongs here: parsers with spans, option schemas, the plan, the checks and how findings are shown.
//! Must not be here: anything that runs events, opens sockets or reads log files.

pub mod build;
pub mod check;
pub mod diagnostic;
pub mod filebeat;
pub mod load;
pub mod logstash;
pub mod logstash_settings;
pub mod lower;
pub mod options;
pub mod render;
pub mod source;
pub mod variables;
pub mod yaml;
