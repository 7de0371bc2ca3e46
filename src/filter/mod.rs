//! Filters: what changes an event between input and output.
//!
//! Belongs here: one module per Logstash filter. Must not be here: reading, sending, configuration syntax.

pub mod grok;
