//! The open port and its connections.

use super::arrive::{Fields, Refused, Sender, batch};
use super::config::Config;
use super::frame::{Decoder, Frame, FrameError, ack};
use super::window::{Gather, Ledger, OutOfPlace, Part, Step};
use super::{CONNECTIONS_MAX, Cx, KEEPALIVE_INTERVAL, PARTS_OPEN_MAX, WRITE_TIME_MAX};
use crate::ack::BatchAck;
use crate::output::dead_letter::DeadLetter;
use crate::telemetry::{Counter, CounterName};
use crate::world::BoxFuture;
use crate::world::net::ByteStream;
use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// The port cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the beats input cannot listen on {address}: {}", why(.cause))]
pub struct CannotListen {
    pub address: String,
    #[source]
    pub cause: io::Error,
}

fn why(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::AddrInUse => "another program has this port open already".to_string(),
        io::ErrorKind::PermissionDenied => "no permission for this port (below 1024 only root may)".to_string(),
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_string(),
        _ => cause.to_string(),
    }
}

/// Waits before it accepts again after accepting failed: too many open files, mostly.
const ACCEPT_RETRY_TIME: Duration = Duration::from_millis(500);

struct Shared {
    config: Config,
    cx: Cx,
    fields: Fields,
    open: AtomicUsize,
    closed: Notify,
    counters: Counters,
}

struct Counters {
    events: Counter,
    bytes: Counter,
    bad: Counter,
    connections: Counter,
}

/// Opens the port, calls `ready` with its number and takes connections until the run is asked to stop; ends when the last
/// connection is closed: each waits for what is on its way to be delivered or given up, and acknowledges it.
///
/// # Errors
/// [`CannotListen`].
pub async fn serve(config: Config, cx: Cx, ready: impl FnOnce(u16) + Send) -> Result<(), CannotListen> {
    let address = config.address();
    let opened = cx.world.net.listen(&address).await;
    let mut listener = opened.map_err(|cause| CannotListen { address: address.clone(), cause })?;
    let labels = [("input", cx.id.as_str())];
    let counters = Counters {
        events: cx.metrics.counter(CounterName::InputEvents, &labels),
        bytes: cx.metrics.counter(CounterName::InputBytes, &labels),
        bad: cx.metrics.counter(CounterName::InputBadLines, &labels),
        connections: cx.metrics.counter(CounterName::InputConnections, &labels),
    };
    let fields = Fields::new(config.ecs);
    let shared = Arc::new(Shared { config, cx, fields, open: AtomicUsize::new(0), closed: Notify::new(), counters });
    ready(listener.local_port());
    let (stop, clock) = (shared.cx.stop.clone(), Arc::clone(&shared.cx.world.clock));
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.wait() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(stream) if shared.open.load(Ordering::SeqCst) >= CONNECTIONS_MAX => {
                tracing::warn!("beats input: {} refused: {CONNECTIONS_MAX} connections are open", stream.peer());
            }
            Ok(stream) => {
                shared.counters.connections.inc();
                let guard = Guard::new(&shared);
                let shared = Arc::clone(&shared);
                (shared.cx.spawn)(Box::pin({
                    let shared = Arc::clone(&shared);
                    async move {
                        let _guard = guard;
                        Connection::new(shared, stream).run().await;
                    }
                }));
            }
            Err(e) => {
                tracing::warn!("beats input: a connection cannot be accepted: {e}");
                tokio::select! {
                    biased;
                    () = stop.wait() => break,
                    () = clock.sleep(ACCEPT_RETRY_TIME) => {}
                }
            }
        }
    }
    drop(listener);
    while shared.open.load(Ordering::SeqCst) > 0 {
        shared.closed.notified().await;
    }
    Ok(())
}

/// Counts a connection for as long as it is open.
struct Guard(Arc<Shared>);

impl Guard {
    fn new(shared: &Arc<Shared>) -> Guard {
        shared.open.fetch_add(1, Ordering::SeqCst);
        Guard(Arc::clone(shared))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
        self.0.closed.notify_one();
    }
}

/// Why a connection is closed.
enum End {
    /// The sender closed it.
    Closed,
    Io(io::Error),
    Frame(FrameError),
    OutOfPlace(OutOfPlace),
    /// It sent nothing for so long.
    Inactive,
    /// The sender does not take its acks.
    WriteTime,
    /// A batch came to no end: its events must be sent again.
    GivenUp,
    /// Events that could not be read can go nowhere.
    DeadLetters(io::Error),
    Stopped,
}

/// What became of a part's batch.
enum News {
    Ended(u64),
    GivenUp(u64),
}

/// Sends the news of a batch, also when it is dropped before its end.
struct Teller {
    number: u64,
    to: mpsc::UnboundedSender<News>,
    ended: bool,
}

impl Teller {
    fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        let news = if self.ended { News::Ended(self.number) } else { News::GivenUp(self.number) };
        // the connection may be closed already
        let _ = self.to.send(news);
    }
}

struct Connection {
    shared: Arc<Shared>,
    stream: Box<dyn ByteStream>,
    sender: Sender,
    decoder: Decoder,
    gather: Gather,
    ledger: Ledger,
    /// Parts that no batch was made of yet.
    waiting: VecDeque<Part>,
    /// A batch on its way into the intake.
    entering: Option<BoxFuture<'static, bool>>,
    /// Running number of the next event.
    offset: u64,
    news: (mpsc::UnboundedSender<News>, mpsc::UnboundedReceiver<News>),
    read_at: Duration,
    wrote_at: Duration,
}

enum Next {
    Stop,
    News(News),
    Entered(bool),
    Read(io::Result<usize>),
    Time,
}

impl Connection {
    fn new(shared: Arc<Shared>, stream: Box<dyn ByteStream>) -> Connection {
        let world = &shared.cx.world;
        let sender = Sender::new(&stream.peer(), world.random.next_u64(), shared.cx.input);
        let now = world.clock.monotonic();
        Connection {
            sender,
            stream,
            decoder: Decoder::new(),
            gather: Gather::default(),
            ledger: Ledger::default(),
            waiting: VecDeque::new(),
            entering: None,
            offset: 0,
            news: mpsc::unbounded_channel(),
            read_at: now,
            wrote_at: now,
            shared,
        }
    }

    async fn run(mut self) {
        let end = match self.work().await {
            Ok(end) | Err(end) => end,
        };
        let name = self.sender.source.name.as_str();
        match end {
            End::Closed | End::Inactive | End::Stopped => tracing::debug!("{name}: closed"),
            End::Io(e) => tracing::info!("{name}: the connection broke: {e}"),
            End::Frame(e) => tracing::error!("{name}: closed: {e}; its events are not acknowledged"),
            End::OutOfPlace(OutOfPlace::Event) => {
                tracing::error!("{name}: closed: an event came without a window that announced it");
            }
            End::WriteTime => tracing::warn!("{name}: closed: the sender does not take its acknowledgements"),
            End::GivenUp => {
                tracing::warn!(
                    "{name}: closed: events could not be brought to an end, the sender will send them again"
                );
            }
            End::DeadLetters(e) => tracing::error!(
                "{name}: closed: events that cannot be read do not get into the dead letter file ({e}); the sender will send \
                 them again"
            ),
        }
        let _ = self.stream.shutdown().await;
    }

    async fn work(&mut self) -> Result<End, End> {
        let clock = Arc::clone(&self.shared.cx.world.clock);
        let stop = self.shared.cx.stop.clone();
        let mut due = self.next_time();
        let mut sleep = self.sleep_until(due);
        // the sender will send no more; it may still read what becomes of the rest
        let mut at_end = false;
        loop {
            self.begin()?;
            if at_end && !self.is_processing() {
                return Ok(End::Closed);
            }
            // times only move on by themselves; a new wait may end before the one that runs
            let next = self.next_time();
            if next.is_some_and(|n| due.is_none_or(|d| n < d)) {
                due = next;
                sleep = self.sleep_until(due);
            }
            let idle =
                self.entering.is_none() && self.waiting.is_empty() && self.ledger.len() < PARTS_OPEN_MAX && !at_end;
            let happened = tokio::select! {
                biased;
                () = stop.wait() => Next::Stop,
                Some(news) = self.news.1.recv() => Next::News(news),
                entered = async { self.entering.as_mut().expect("looked at before").await },
                    if self.entering.is_some() => Next::Entered(entered),
                // a future of a read that is given up has read nothing
                read = self.stream.read(self.decoder.space()), if idle => Next::Read(read),
                () = &mut sleep => Next::Time,
            };
            match happened {
                Next::Stop => return self.finish().await,
                Next::News(news) => self.heard(news).await?,
                Next::Entered(true) => self.entering = None,
                Next::Entered(false) => return self.finish().await,
                Next::Read(Ok(0)) => {
                    if !self.decoder.is_empty() {
                        tracing::info!("{}: closed inside a frame", self.sender.source.name);
                    }
                    at_end = true;
                }
                Next::Read(Ok(n)) => {
                    self.read_at = clock.monotonic();
                    self.decoder.filled(n);
                    self.shared.counters.bytes.inc_by(n as u64);
                    self.frames().await?;
                }
                Next::Read(Err(e)) => return Err(End::Io(e)),
                Next::Time => {
                    self.on_time().await?;
                    due = self.next_time();
                    sleep = self.sleep_until(due);
                }
            }
        }
    }

    /// Takes all whole frames out of what was read.
    async fn frames(&mut self) -> Result<(), End> {
        let mut frames: Vec<Frame> = Vec::new();
        while self.decoder.next(&mut frames).map_err(End::Frame)? {
            for frame in frames.drain(..) {
                match self.gather.take(frame).map_err(End::OutOfPlace)? {
                    Step::Nothing => {}
                    Step::Part(part) => self.waiting.push_back(part),
                    Step::Empty => self.write(0).await?,
                }
            }
        }
        Ok(())
    }

    /// Makes the next batch and sends it off, when the one before is in.
    fn begin(&mut self) -> Result<(), End> {
        while self.entering.is_none() {
            let Some(part) = self.waiting.pop_front() else { return Ok(()) };
            if self.ledger.is_empty() {
                // the sender begins to wait now
                self.wrote_at = self.shared.cx.world.clock.monotonic();
            }
            let number = self.ledger.open(&part);
            let teller = Teller { number, to: self.news.0.clone(), ended: false };
            let ack = BatchAck::new(move |_| teller.end());
            let Shared { config, cx, fields, counters, .. } = &*self.shared;
            let (batch, refused) = batch(&part, config, fields, &self.sender, self.offset, &cx.world, ack);
            self.offset += part.events.len() as u64;
            counters.events.inc_by(part.events.len() as u64);
            if !refused.is_empty() {
                counters.bad.inc_by(refused.len() as u64);
                tracing::warn!(
                    "{}: {} events cannot be used and go to the dead letter file: {}",
                    self.sender.source.name,
                    refused.len(),
                    refused[0].message
                );
                self.bury(&refused).map_err(End::DeadLetters)?;
            }
            if batch.is_empty() {
                batch.ack().account(Default::default());
                batch.ack().processed();
                continue;
            }
            let intake = cx.intake.clone();
            self.entering = Some(Box::pin(async move { intake.submit_async(batch).await }));
        }
        Ok(())
    }

    fn bury(&self, refused: &[Refused]) -> io::Result<()> {
        let letters: Vec<DeadLetter<'_>> = refused
            .iter()
            .map(|r| DeadLetter {
                reason: "bad-json",
                message: &r.message,
                status: None,
                source: &self.sender.source.name,
                offset: r.offset,
                output: "",
                event: &r.event,
            })
            .collect();
        self.shared.cx.dead_letters.write(&letters)
    }

    async fn heard(&mut self, news: News) -> Result<(), End> {
        match news {
            News::GivenUp(_) => return Err(End::GivenUp),
            News::Ended(number) => self.ledger.end(number),
        }
        self.write_due().await
    }

    async fn write_due(&mut self) -> Result<(), End> {
        for seq in self.ledger.due() {
            self.write(seq).await?;
        }
        Ok(())
    }

    async fn write(&mut self, seq: u32) -> Result<(), End> {
        let clock = &self.shared.cx.world.clock;
        let frame = ack(seq);
        tokio::select! {
            biased;
            written = self.stream.write_all(&frame) => written.map_err(End::Io)?,
            () = clock.sleep(WRITE_TIME_MAX) => return Err(End::WriteTime),
        }
        self.wrote_at = clock.monotonic();
        Ok(())
    }

    /// True while events of this sender are being worked on.
    fn is_processing(&self) -> bool {
        !self.ledger.is_empty() || !self.waiting.is_empty()
    }

    /// When something must be done though nothing happens.
    fn next_time(&self) -> Option<Duration> {
        let inactive = self.shared.config.client_inactivity_timeout;
        if self.is_processing() {
            Some(self.wrote_at + KEEPALIVE_INTERVAL)
        } else if inactive > Duration::ZERO {
            Some(self.read_at.max(self.wrote_at) + inactive)
        } else {
            None
        }
    }

    fn sleep_until(&self, time: Option<Duration>) -> BoxFuture<'static, ()> {
        let clock = &self.shared.cx.world.clock;
        match time {
            Some(time) => clock.sleep(time.saturating_sub(clock.monotonic())),
            None => Box::pin(pending()),
        }
    }

    async fn on_time(&mut self) -> Result<(), End> {
        let now = self.shared.cx.world.clock.monotonic();
        match self.next_time() {
            Some(time) if time > now => Ok(()),
            Some(_) if self.is_processing() => self.write(self.ledger.keepalive()).await,
            Some(_) => Err(End::Inactive),
            None => Ok(()),
        }
    }

    /// The run stops: nothing more is read, what is on its way may still end and be acknowledged.
    async fn finish(&mut self) -> Result<End, End> {
        self.entering = None;
        self.waiting.clear();
        while self.ledger.is_waiting() {
            let sign_of_life = self.shared.cx.world.clock.sleep(KEEPALIVE_INTERVAL);
            let news = tokio::select! {
                biased;
                Some(news) = self.news.1.recv() => news,
                () = sign_of_life => {
                    self.write(self.ledger.keepalive()).await?;
                    continue;
                }
            };
            match news {
                News::Ended(number) => self.ledger.end(number),
                News::GivenUp(number) => self.ledger.give_up(number),
            }
            self.write_due().await?;
        }
        Ok(End::Stopped)
    }
}
