//! Filters: what happens to an event between input and output.

pub mod date;
