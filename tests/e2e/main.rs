//! The program as its users meet it: the real binary, real files, and real servers on the other end. Nothing in here looks inside.
//!
//! What needs only the binary runs everywhere. What needs servers or namespaces says so aloud and is skipped where they are missing
//! (`support::missing`); `tests/run` brings them. One file per question; a helper belongs into `support`.

// Out here there is no `world`: these tests are the outside.
#![allow(clippy::disallowed_methods)]

mod support;

mod alert;
mod bad_input;
mod lumberjack;
mod pipelines;
mod seed;
