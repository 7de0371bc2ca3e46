//! The `beats` input: Filebeat and its like send to it, in lumberjack v2.
//!
//! Original: <https://www.elastic.co/guide/en/logstash/8.19/plugins-inputs-beats.html>; what the documentation leaves open
//! is as logstash-input-beats does it (BeatsParser, BeatsHandler, ConnectionHandler, message_listener).
//!
//! Deviations, all for delivery: a window is acknowledged when its events were delivered, not when they are in a queue;
//! large windows are acknowledged in parts. An event that is no JSON object goes to the dead letter file instead of closing
//! the connection over and over. Lumberjack v1 (logstash-forwarder) is refused. Every frame has a limit.
//!
//! Belongs here: the protocol's receiving side. [`frame`] is shared with the agent's `logstash` output. Must not be here:
//! what a pipeline does with the events.

mod arrive;
pub mod config;
pub mod frame;
mod server;
mod window;

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;

pub use config::{Config, SPECS};
pub use server::{CannotListen, serve};
pub use window::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX};

use crate::output::dead_letter::DeadLetters;
use crate::runtime::Stop;
use crate::runtime::intake::Intake;
use crate::runtime::run::{InputCx, NetworkInput};
use crate::telemetry::Metrics;
use crate::world::{BoxFuture, World};
use std::sync::Arc;
use std::time::Duration;

/// Connections that one input holds open; more are closed at once.
pub const CONNECTIONS_MAX: usize = 4096;
/// Batches of one connection that wait for their ack; with more nothing is read from it.
pub const PARTS_OPEN_MAX: usize = 1024;
/// While events of a sender are being worked on it hears something at least so often; as in Logstash.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// A sender must take an ack in this time.
pub const WRITE_TIME_MAX: Duration = Duration::from_secs(30);

/// Starts a task that goes on by itself.
pub type Spawn = Arc<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>;

/// What the input works with.
#[derive(Clone)]
pub struct Cx {
    pub world: World,
    pub intake: Intake,
    pub stop: Stop,
    pub metrics: Metrics,
    pub dead_letters: Arc<DeadLetters>,
    /// Each connection is a task of its own.
    pub spawn: Spawn,
    /// Its `id`, or its plugin's name and place: the `input` label of its metrics.
    pub id: String,
    /// Which input of the plan this is: `Origin::input` of its events.
    pub input: u32,
}

/// The input as the runtime starts it. `id` labels its metrics, `input` is its number in the plan.
pub fn task(config: Config, dead_letters: Arc<DeadLetters>, id: String, input: u32) -> NetworkInput {
    Box::new(move |cx: InputCx| {
        let opened = Arc::clone(&cx.opened);
        let spawn: Spawn = Arc::new(|connection| drop(tokio::spawn(connection)));
        let InputCx { world, metrics, intake, stop, .. } = cx;
        let cx = Cx { world, intake, stop, metrics, dead_letters, spawn, id, input };
        Box::pin(async move { serve(config, cx, |_| opened()).await.map_err(|e| e.to_string()) })
    })
}
