//! `output.logstash`: the agent sends to a beats input, in lumberjack v2.
//!
//! Original: <https://www.elastic.co/guide/en/beats/filebeat/8.5/logstash-output.html>; the shape of an event is that of
//! libbeat's json codec, and `[@metadata]` is what libbeat adds there.
//!
//! Deviations: `[@metadata][_id]` always carries the id derived from file and offset, so that a window sent twice is stored
//! once. A window waits for its acks before the next leaves (`pipelining` changes nothing but speed). Of several hosts one
//! is used at a time, beginning with the first; `worker` is the number of connections.
//!
//! Belongs here: the protocol's sending side. Must not be here: reading frames (`input::beats::frame`).

mod encode;
mod link;

#[cfg(test)]
mod tests;

use self::encode::Encoder;
use self::link::{Failure, Link};
use super::dead_letter::DeadLetter;
use super::delivery::{Backoff, Said, sleep_or_stop};
use super::{Output, OutputCx, Parcel, Selected};
use crate::config::filebeat::outputs::{Host, LogstashOutput as Options};
use crate::input::beats::frame::{self, JSON_BYTES_MAX};
use crate::telemetry::{Counter, CounterName};
use crate::world::BoxFuture;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Bytes of JSON in one window, before compression; an event beyond this is a window of its own.
pub const WINDOW_BYTES_MAX: usize = 32 << 20;
/// Events of the first window with `slow_start`; as libbeat.
pub const SLOW_START_EVENTS: usize = 10;

/// The settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// `host:port`; at least one.
    pub hosts: Vec<String>,
    /// Of zlib, 1 to 9; 0: none.
    pub compression_level: u32,
    /// Events of one window at most.
    pub window_events_max: usize,
    pub slow_start: bool,
    /// For a connection, for writing a window, and for each sign of life while its ack is awaited.
    pub timeout: Duration,
    /// A connection older than this is replaced; zero: never.
    pub ttl: Duration,
    pub backoff: Backoff,
    /// Connections that are used at once.
    pub connections: usize,
    pub escape_html: bool,
    /// `[@metadata][beat]`.
    pub beat: String,
}

impl From<&Options> for Config {
    fn from(o: &Options) -> Config {
        let address = |h: &Host| match h.name.contains(':') {
            true => format!("[{}]:{}", h.name, h.port),
            false => format!("{}:{}", h.name, h.port),
        };
        Config {
            hosts: o.hosts.iter().map(|h| address(&h.value)).collect(),
            compression_level: o.compression_level,
            window_events_max: match o.bulk_max_size {
                0 => frame::WINDOW_EVENTS_MAX as usize,
                n => n.min(frame::WINDOW_EVENTS_MAX as usize),
            },
            slow_start: o.slow_start,
            timeout: o.timeout,
            ttl: o.ttl,
            backoff: Backoff { initial: o.backoff.init, max: o.backoff.max },
            connections: o.worker.max(1),
            escape_html: o.escape_html,
            beat: o.index.clone().unwrap_or_else(|| "filebeat".to_string()),
        }
    }
}

/// The output.
pub struct Logstash {
    config: Config,
    cx: OutputCx,
    encoder: Encoder,
    /// Connections that nobody uses now.
    idle: Mutex<Vec<Link>>,
    /// The host that is tried first.
    host: AtomicUsize,
    /// Events of the next window at most, with `slow_start`.
    window: AtomicUsize,
    said: Said,
    events: Counter,
    bytes: Counter,
    windows: Counter,
    retries: Counter,
}

impl Logstash {
    /// Connects to nobody yet.
    ///
    /// # Panics
    /// Without any host.
    pub fn new(config: Config, cx: OutputCx) -> Logstash {
        assert!(!config.hosts.is_empty(), "the configuration has a host");
        let counter = |name| cx.metrics.counter(name, &[("output", cx.id.as_str())]);
        let window = match config.slow_start {
            true => SLOW_START_EVENTS.min(config.window_events_max),
            false => config.window_events_max,
        };
        Logstash {
            encoder: Encoder::new(&config),
            idle: Mutex::new(vec![]),
            host: AtomicUsize::new(0),
            window: AtomicUsize::new(window),
            said: Said::default(),
            events: counter(CounterName::OutputEvents),
            bytes: counter(CounterName::OutputBytes),
            windows: counter(CounterName::OutputRequests),
            retries: counter(CounterName::OutputRetries),
            config,
            cx,
        }
    }

    /// A connection: one that is open already, else to the first host that can be reached, each being tried once.
    async fn link(&self) -> Result<Link, Failure> {
        let now = self.cx.world.clock.monotonic();
        while let Some(link) = self.idle.lock().expect("never poisoned").pop() {
            if self.config.ttl.is_zero() || now.saturating_sub(link.since) < self.config.ttl {
                return Ok(link);
            }
        }
        let (first, count) = (self.host.load(Ordering::Relaxed), self.config.hosts.len());
        let mut failure = None;
        for at in (0..count).map(|n| (first + n) % count) {
            match Link::open(&self.cx.world, &self.config.hosts[at], self.config.timeout).await {
                Ok(link) => {
                    self.host.store(at, Ordering::Relaxed);
                    tracing::info!("output.logstash: connected to {}", link.host);
                    return Ok(link);
                }
                Err(f) => failure = Some(f),
            }
        }
        Err(failure.expect("there is a host, and it was tried"))
    }

    /// How many of the items from `from` on make the next window.
    fn window_len(&self, parcel: &Parcel, items: &[usize]) -> usize {
        let limit = self.window.load(Ordering::Relaxed).max(1);
        let mut bytes = 0;
        let fits = |&&item: &&usize| {
            bytes += parcel.bytes(&parcel.items[item]).len();
            bytes <= WINDOW_BYTES_MAX
        };
        items.iter().take(limit).take_while(fits).count().max(1)
    }

    /// Sends one window and waits for its acks; what is acked is reported and counted in `acked`, also when it fails then.
    async fn window(
        &self,
        link: &mut Link,
        parcel: &Parcel,
        items: &[usize],
        acked: &mut usize,
    ) -> Result<(), Failure> {
        let mut frames = Vec::new();
        for (n, &item) in items.iter().enumerate() {
            frame::write_json(n as u32 + 1, parcel.bytes(&parcel.items[item]), &mut frames);
        }
        self.bytes.inc_by(frames.len() as u64);
        self.windows.inc();
        let mut out = Vec::with_capacity(if self.config.compression_level == 0 { frames.len() + 6 } else { 4096 });
        frame::write_window(items.len() as u32, &mut out);
        match self.config.compression_level {
            0 => out.extend_from_slice(&frames),
            level => frame::write_compressed(&frames, level, &mut out),
        }
        drop(frames);
        link.write(&self.cx.world, &out, self.config.timeout).await?;
        drop(out);
        while *acked < items.len() {
            let seq = link.ack(&self.cx.world, self.config.timeout).await? as usize;
            if seq > items.len() {
                return Err(link.failure(format!("it acknowledged event {seq} of a window of {}", items.len())));
            }
            // 0 is a sign of life, and nothing is ever taken back
            if seq > *acked {
                let n = (seq - *acked) as u64;
                *acked = seq;
                self.events.inc_by(n);
                parcel.ack.delivered(n);
            }
        }
        Ok(())
    }

    /// With `slow_start`: larger windows after a success, smaller ones after a failure.
    fn resize(&self, went_well: bool) {
        if self.config.slow_start {
            let now = self.window.load(Ordering::Relaxed);
            let next = if went_well { now + now.div_ceil(2) } else { now / 2 };
            let least = SLOW_START_EVENTS.min(self.config.window_events_max);
            self.window.store(next.clamp(least, self.config.window_events_max), Ordering::Relaxed);
        }
    }

    async fn bring(&self, parcel: Parcel) {
        let (items, too_large): (Vec<usize>, Vec<usize>) =
            (0..parcel.items.len()).partition(|&i| parcel.bytes(&parcel.items[i]).len() <= JSON_BYTES_MAX);
        if !too_large.is_empty() && !self.bury(&parcel, &too_large).await {
            return;
        }
        let (mut done, mut sent, mut failures) = (0, 0, 0u32);
        while done < items.len() {
            let mut acked = 0;
            let (failure, was_idle) = match self.link().await {
                Err(failure) => (Some(failure), false),
                Ok(mut link) => {
                    let window = &items[done..done + self.window_len(&parcel, &items[done..])];
                    self.retries.inc_by((sent.min(done + window.len()) - done.min(sent)) as u64);
                    sent = sent.max(done + window.len());
                    let was_idle = std::mem::replace(&mut link.used, true);
                    match self.window(&mut link, &parcel, window, &mut acked).await {
                        Ok(()) => {
                            self.idle.lock().expect("never poisoned").push(link);
                            (None, was_idle)
                        }
                        Err(failure) => {
                            // the next one may be better
                            self.host.fetch_add(1, Ordering::Relaxed);
                            (Some(failure), was_idle)
                        }
                    }
                }
            };
            done += acked;
            self.resize(failure.is_none());
            let Some(failure) = failure else {
                failures = 0;
                continue;
            };
            if acked > 0 {
                failures = 0;
            } else if was_idle {
                // a connection that was quiet for a while is closed by the other side: no reason to wait
                continue;
            }
            failures += 1;
            let left = (items.len() - done) as u64;
            if let Some(n) = self.said.now(&self.cx.world, &failure.host, left) {
                tracing::warn!("output.logstash: {failure}; {n} events wait");
            }
            let wait = self.config.backoff.wait(failures, &*self.cx.world.random);
            if sleep_or_stop(&self.cx.world, &self.cx.stop, wait).await {
                return;
            }
        }
    }

    /// Puts events that no receiver takes into the dead letter file; false when the run stops before that worked.
    async fn bury(&self, parcel: &Parcel, items: &[usize]) -> bool {
        let message = format!("the event is larger than {JSON_BYTES_MAX} bytes");
        let letters: Vec<DeadLetter<'_>> = items
            .iter()
            .map(|&i| &parcel.items[i])
            .map(|item| DeadLetter {
                reason: "too-large",
                message: &message,
                status: None,
                source: parcel.source_name(item),
                offset: item.offset,
                output: &self.cx.id,
                event: parcel.document(item),
            })
            .collect();
        let mut failures = 0;
        while let Err(e) = self.cx.dead_letters.write(&letters) {
            failures += 1;
            if self.said.now(&self.cx.world, "dead letters", letters.len() as u64).is_some() {
                tracing::error!(
                    "output.logstash: an event is too large, and the dead letter file cannot be written: {e}"
                );
            }
            let wait = self.config.backoff.wait(failures, &*self.cx.world.random);
            if sleep_or_stop(&self.cx.world, &self.cx.stop, wait).await {
                return false;
            }
        }
        parcel.ack.dead_lettered(letters.len() as u64);
        true
    }
}

impl Output for Logstash {
    fn plugin(&self) -> &'static str {
        "logstash"
    }

    fn encode(&self, events: &Selected<'_>, parcel: &mut Parcel) {
        for event in events.iter() {
            let derived = !encode::has_own_id(event);
            parcel.add(event, derived, |out| self.encoder.write(event, out));
        }
    }

    fn deliver<'a>(&'a self, parcel: Parcel) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            tokio::select! {
                biased;
                () = self.bring(parcel) => {}
                () = self.cx.stop.wait() => {}
            }
        })
    }

    fn in_flight_max(&self) -> usize {
        self.config.connections
    }

    // whatever the other side makes of an event depends on when it was read: that must not change after a crash
    fn needs_durable_source(&self) -> bool {
        true
    }
}
