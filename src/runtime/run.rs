//! The real run: one thread that reads files, worker threads that filter and encode, one thread for sockets and timers.
//!
//! The end has three steps. Inputs are asked to stop; what is in flight may end, for so long as the limit says; then the
//! rest is given up, and its sources read it again at the next start.

use super::Stop;
use super::delivery::deliver_all;
use super::intake::Intake;
use super::pipeline::{Pipeline, Sequencer};
use crate::api;
use crate::filter::Scratch;
use crate::input::file::reader::{Poll, TailReader};
use crate::input::stdin::Stdin;
use crate::output::Parcel;
use crate::telemetry::{GaugeName, Metrics};
use crate::world::World;
use crate::world::real::watch::{Change, Watch};
use std::io::Read;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// How long the running part waits for the disk when the registry cannot be written, before it tries again.
const DURABLE_RETRY: Duration = Duration::from_secs(1);
/// Outputs that were told to give up must have returned in this time.
const GIVE_UP_LIMIT: Duration = Duration::from_secs(2);

/// An input that runs beside the others.
pub enum InputTask {
    /// All file inputs together; the reader is open already.
    Files(Box<TailReader>),
    Stdin(Stdin, Box<dyn Read + Send>),
    /// A network input: a future that is open when it calls back, and ends when the run stops.
    Network(NetworkInput),
}

/// Makes the future of a network input; the callback says that it is open.
pub type NetworkInput = Box<dyn FnOnce(InputCx) -> crate::world::BoxFuture<'static, Result<(), String>> + Send>;

/// What a network input works with.
#[derive(Clone)]
pub struct InputCx {
    pub world: World,
    pub metrics: Metrics,
    pub intake: Intake,
    pub stop: Stop,
    pub opened: Arc<dyn Fn() + Send + Sync>,
}

/// Everything a run needs.
pub struct Run {
    pub pipeline: Arc<Pipeline>,
    pub inputs: Vec<InputTask>,
    pub world: World,
    pub metrics: Metrics,
    pub workers: usize,
    pub batches_in_flight_max: usize,
    /// How long what is in flight may take after the inputs were stopped.
    pub shutdown_limit: Duration,
    /// Where the status API listens, if at all.
    pub api: Option<(String, RangeInclusive<u16>)>,
    pub host_name: String,
    /// Asked from outside to end the run.
    pub stop: Stop,
    /// Called once, when all inputs are open.
    pub ready: Box<dyn FnOnce(Option<u16>) + Send>,
    /// Events may leave the machine only after their source's state is on disk.
    pub needs_durable_source: bool,
}

/// Why a run ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("{0}")]
    Input(String),
    #[error("cannot open the status API on {address}: {error}")]
    Api { address: String, error: std::io::Error },
}

enum Ended {
    Input(Result<(), String>),
    Opened,
}

/// Runs to the end: of all inputs, or of the patience of whoever asked to stop.
///
/// # Errors
/// An input that cannot be opened or breaks; the status API's port.
pub async fn run(run: Run) -> Result<(), RunError> {
    let Run { pipeline, inputs, world, metrics, workers, stop, .. } = run;
    let give_up = pipeline.give_up.clone();
    let api_listener =
        match &run.api {
            None => None,
            Some((host, ports)) => Some(api::bind(host, ports.clone()).await.map_err(|error| RunError::Api {
                address: format!("{host}:{}-{}", ports.start(), ports.end()),
                error,
            })?),
        };
    let api_port = api_listener.as_ref().and_then(|l| l.local_addr().ok()).map(|a| a.port());
    let is_ready = Arc::new(AtomicBool::new(false));
    if let Some(listener) = api_listener {
        let status = api::Status {
            metrics: metrics.clone(),
            ready: Arc::clone(&is_ready),
            host_name: run.host_name.clone(),
            pipeline_workers: workers,
        };
        tokio::spawn(api::serve(listener, status));
    }
    let gauge = metrics.gauge(GaugeName::BatchesInFlight, &[]);
    let intake = Intake::new(run.batches_in_flight_max, gauge, give_up.clone());
    let mut deliveries = Vec::new();
    let mut background = Vec::new();
    let mut senders: Vec<UnboundedSender<Parcel>> = Vec::new();
    for (place, output) in pipeline.outputs.iter().enumerate() {
        let (tx, rx) = unbounded_channel();
        senders.push(tx);
        let place = place.to_string();
        let gauge = metrics.gauge(GaugeName::OutputInFlight, &[("output", output.plugin()), ("place", &place)]);
        deliveries.push(tokio::spawn(deliver_all(Arc::clone(output), rx, gauge)));
        let output = Arc::clone(output);
        background.push(tokio::spawn(async move {
            if let Some(work) = output.background() {
                work.await;
            }
        }));
    }
    let sequencer = Arc::new(Sequencer::default());
    let threads: Vec<_> = (0..workers)
        .map(|n| {
            let (intake, pipeline) = (intake.clone(), Arc::clone(&pipeline));
            let (sequencer, senders) = (Arc::clone(&sequencer), senders.clone());
            let work = move || work(&intake, &pipeline, &sequencer, &senders);
            std::thread::Builder::new().name(format!("worker-{n}")).spawn(work).expect("a thread can be started")
        })
        .collect();
    drop(senders);

    let (tx, mut ended) = unbounded_channel::<Ended>();
    let mut open = inputs.len();
    let mut to_open = inputs.len();
    let mut input_threads = Vec::new();
    for input in inputs {
        let (intake, tx) = (intake.clone(), tx.clone());
        let (stop, give_up) = (stop.clone(), give_up.clone());
        match input {
            InputTask::Files(reader) => {
                let durable = run.needs_durable_source;
                let work = move || {
                    let _ = tx.send(Ended::Opened);
                    let result = read_files(*reader, &intake, durable, &stop, &give_up);
                    let _ = tx.send(Ended::Input(result));
                };
                input_threads.push(std::thread::Builder::new().name("files".into()).spawn(work).expect("a thread"));
            }
            InputTask::Stdin(input, from) => {
                let (world, metrics) = (world.clone(), metrics.clone());
                // not joined: a read of standard input cannot be broken off
                std::thread::Builder::new()
                    .name("stdin".into())
                    .spawn(move || {
                        let _ = tx.send(Ended::Opened);
                        let result = input.read(from, &world, &metrics, &intake, &stop);
                        let _ = tx.send(Ended::Input(result.map(|_| ()).map_err(|e| format!("stdin: {e}"))));
                    })
                    .expect("a thread");
            }
            InputTask::Network(make) => {
                let opened = tx.clone();
                let cx = InputCx {
                    world: world.clone(),
                    metrics: metrics.clone(),
                    intake,
                    stop,
                    opened: Arc::new(move || {
                        let _ = opened.send(Ended::Opened);
                    }),
                };
                let input = make(cx);
                tokio::spawn(async move {
                    let _ = tx.send(Ended::Input(input.await));
                });
            }
        }
    }
    drop(tx);

    let mut ready = Some(run.ready);
    let mut failure = None;
    let (mut stopping, mut out_of_time) = (false, false);
    let deadline = tokio::sync::Notify::new();
    let limit = async {
        deadline.notified().await;
        world.clock.sleep(run.shutdown_limit).await;
    };
    let mut limit = std::pin::pin!(limit);
    loop {
        if to_open == 0
            && let Some(ready) = ready.take()
        {
            is_ready.store(true, Ordering::SeqCst);
            ready(api_port);
        }
        if open == 0 {
            break;
        }
        tokio::select! {
            event = ended.recv() => match event {
                Some(Ended::Opened) => to_open -= 1,
                Some(Ended::Input(Ok(()))) => open -= 1,
                Some(Ended::Input(Err(why))) => {
                    open -= 1;
                    tracing::error!("an input ended: {why}");
                    failure.get_or_insert(why);
                    stop.ask();
                }
                None => break,
            },
            () = stop.wait(), if !stopping => {
                stopping = true;
                deadline.notify_one();
            }
            () = &mut limit => {
                out_of_time = true;
                break;
            }
        }
    }
    // inputs are done or out of time; what they handed over comes to its end, or is given up
    intake.close();
    let mut all = Box::pin(async {
        for delivery in &mut deliveries {
            let _ = delivery.await;
        }
    });
    tokio::select! {
        () = &mut all => {}
        () = async {
            if !out_of_time {
                stop.wait().await;
                deadline.notify_one();
                limit.await;
            }
        } => {
            give_up.ask();
            tokio::select! {
                () = &mut all => {}
                () = world.clock.sleep(GIVE_UP_LIMIT) => {
                    tracing::warn!("an output did not return in {GIVE_UP_LIMIT:?}; it is left behind");
                }
            }
        }
    }
    drop(all);
    give_up.ask();
    // they save their state now
    let saved = async {
        for work in background {
            let _ = work.await;
        }
    };
    tokio::select! {
        () = saved => {}
        () = world.clock.sleep(GIVE_UP_LIMIT) => tracing::warn!("an output did not end in {GIVE_UP_LIMIT:?}"),
    }
    for thread in input_threads {
        let _ = thread.join();
    }
    for thread in threads {
        if thread.join().is_err() {
            failure
                .get_or_insert_with(|| "a worker thread panicked; what it held is read again at the next start".into());
        }
    }
    failure.map_or(Ok(()), |why| Err(RunError::Input(why)))
}

/// A worker: takes batches until the intake is closed.
fn work(intake: &Intake, pipeline: &Pipeline, sequencer: &Sequencer, senders: &[UnboundedSender<Parcel>]) {
    let mut scratch = Scratch::default();
    while let Some(batch) = intake.take() {
        let seq = batch.seq;
        let processed = if pipeline.give_up.is_asked() { None } else { pipeline.process(batch, &mut scratch) };
        let parcels = processed.map_or_else(Vec::new, |p| p.parcels);
        sequencer.put(seq, parcels, |output, parcel| {
            // the delivery ends only after all workers have
            let _ = senders[output].send(parcel);
        });
    }
}

/// Drives the reader of all files.
fn read_files(
    mut reader: TailReader,
    intake: &Intake,
    durable: bool,
    stop: &Stop,
    give_up: &Stop,
) -> Result<(), String> {
    let bell = Arc::new((Mutex::new(false), Condvar::new()));
    let ring = {
        let bell = Arc::clone(&bell);
        Arc::new(move || {
            *bell.0.lock().expect("never poisoned") = true;
            bell.1.notify_all();
        })
    };
    reader.hints().set_waker(ring.clone());
    let hints = reader.hints();
    let mut watch = Watch::new(move |change| match change {
        Change::Content(path) => hints.changed(path),
        Change::Name(path) => hints.moved(path),
        Change::Unknown => hints.changed_somewhere(),
    })
    .inspect_err(|why| tracing::warn!("files cannot be watched ({why}); they are looked at on their intervals only"))
    .ok();
    // whoever asks to stop must be heard while the reader sleeps
    let (ringing, asked) = (ring, stop.clone());
    let listener = std::thread::Builder::new().name("files-stop".into()).spawn(move || {
        while !asked.wait_blocking(Duration::from_secs(3600)) {}
        ringing();
    });
    drop(listener);
    let mut told = false;
    let mut unwatched = false;
    loop {
        if stop.is_asked() && !told {
            told = true;
            reader.stop();
        }
        if give_up.is_asked() {
            break;
        }
        match reader.poll() {
            Poll::Batch(batch) => {
                while let Some(why) = durable.then(|| reader.make_durable().err()).flatten() {
                    tracing::error!("cannot write the registry: {why}; reading waits");
                    if give_up.wait_blocking(DURABLE_RETRY) {
                        return reader.close().map_err(|e| format!("the registry: {e}"));
                    }
                }
                if !intake.submit(batch) {
                    break;
                }
            }
            Poll::Idle { wake_after } => {
                if let Some(Err(why)) = watch.as_mut().map(|w| w.set(reader.dirs()))
                    && !unwatched
                {
                    unwatched = true;
                    tracing::warn!(
                        "a folder cannot be watched ({why}); its files are looked at on their intervals only"
                    );
                }
                let mut rung = bell.0.lock().expect("never poisoned");
                if !*rung {
                    rung = bell.1.wait_timeout(rung, wake_after).expect("never poisoned").0;
                }
                *rung = false;
            }
            Poll::Finished => break,
        }
    }
    reader.close().map_err(|e| format!("the registry: {e}"))
}
