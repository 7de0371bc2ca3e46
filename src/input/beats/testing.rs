//! A small world for the tests of both ends of the protocol: connections in memory, a clock that jumps to the next
//! sleeper when nothing else can go on, one dead letter file, tasks on one thread.

use crate::ack::Tally;
use crate::event::{Batch, Timestamp};
use crate::output::dead_letter::{DEAD_LETTER_BYTES_MAX, DeadLetters};
use crate::runtime::Stop;
use crate::runtime::intake::Intake;
use crate::telemetry::{Gauge, Metrics};
use crate::world::fs::{DirEntry, Fs, LockGuard, ReadFile, Stat, WriteFile, WriteMode};
use crate::world::net::{ByteStream, Listener, Net, NetError, Request, Response};
use crate::world::{BoxFuture, Clock, Random, World, still};
use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

#[derive(Default)]
struct Inner {
    now: Mutex<Duration>,
    sleepers: Mutex<Vec<(Duration, Waker)>>,
    tasks: Mutex<Vec<BoxFuture<'static, ()>>>,
    listeners: Mutex<HashMap<String, VecDeque<Box<dyn ByteStream>>>>,
    acceptors: Mutex<Vec<Waker>>,
    letters: Mutex<Vec<u8>>,
    deny_writes: AtomicBool,
    random: AtomicU64,
    woken: AtomicBool,
    connects: AtomicU64,
}

impl Wake for Inner {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
    }
}

/// Everything together; cheap to clone.
#[derive(Clone)]
pub struct TestWorld {
    inner: Arc<Inner>,
    pub world: World,
    pub stop: Stop,
    pub metrics: Metrics,
    pub intake: Intake,
}

impl TestWorld {
    pub fn new(batches_in_flight_max: usize) -> TestWorld {
        let inner = Arc::new(Inner::default());
        let doors = Arc::new(Doors(Arc::clone(&inner), still::world(Timestamp::default(), 0)));
        let world = World { clock: doors.clone(), fs: doors.clone(), net: doors.clone(), random: doors };
        let stop = Stop::new();
        let intake = Intake::new(batches_in_flight_max, Gauge::default(), stop.clone());
        TestWorld { inner, world, stop, metrics: Metrics::new(), intake }
    }

    pub fn dead_letters(&self) -> Arc<DeadLetters> {
        let letters =
            DeadLetters::new(self.world.clone(), self.metrics.clone(), Path::new("/d"), DEAD_LETTER_BYTES_MAX);
        Arc::new(letters)
    }

    /// The dead letter file's text.
    pub fn letters(&self) -> String {
        String::from_utf8(self.inner.letters.lock().unwrap().clone()).unwrap()
    }

    pub fn deny_writes(&self, deny: bool) {
        self.inner.deny_writes.store(deny, Ordering::SeqCst);
    }

    pub fn seconds(&self) -> f64 {
        self.inner.now.lock().unwrap().as_secs_f64()
    }

    /// How often a connection was tried, refused ones included.
    pub fn connects(&self) -> u64 {
        self.inner.connects.load(Ordering::SeqCst)
    }

    pub fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.inner.tasks.lock().unwrap().push(task);
        self.inner.woken.store(true, Ordering::SeqCst);
    }

    pub async fn connect(&self, address: &str) -> Box<dyn ByteStream> {
        self.world.net.connect(address, Duration::from_secs(1)).await.unwrap()
    }

    /// Closes a port: nobody can connect any more.
    pub fn unlisten(&self, address: &str) {
        self.inner.listeners.lock().unwrap().remove(address);
    }

    /// The next batch of the intake.
    pub async fn batch(&self) -> Batch {
        loop {
            if let Some(batch) = self.intake.try_take() {
                return batch;
            }
            self.world.clock.sleep(Duration::from_millis(1)).await;
        }
    }

    /// Runs a future and all tasks until the future has ended. When nothing can go on the clock jumps.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let waker = Waker::from(Arc::clone(&self.inner));
        let mut cx = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            self.inner.woken.store(false, Ordering::SeqCst);
            if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
                return value;
            }
            let mut tasks = std::mem::take(&mut *self.inner.tasks.lock().unwrap());
            tasks.retain_mut(|task| task.as_mut().poll(&mut cx).is_pending());
            self.inner.tasks.lock().unwrap().append(&mut tasks);
            if !self.inner.woken.load(Ordering::SeqCst) {
                self.jump();
            }
        }
    }

    fn jump(&self) {
        let mut sleepers = self.inner.sleepers.lock().unwrap();
        let next = sleepers.iter().map(|(t, _)| *t).min().expect("something can still happen");
        let mut now = self.inner.now.lock().unwrap();
        *now = (*now).max(next);
        assert!(*now < Duration::from_secs(3600), "this takes for ever");
        sleepers.retain(|(t, _)| *t > *now);
    }
}

/// Ends a batch as if an output had delivered all of it.
pub fn deliver(batch: Batch) {
    let n = batch.len() as u64;
    batch.ack().account(Tally { read: n, routed: n, deliveries: n, ..Tally::default() });
    batch.ack().processed();
    batch.ack().delivered(n);
}

struct Doors(Arc<Inner>, World);

impl Clock for Doors {
    fn now(&self) -> Timestamp {
        let t = *self.0.now.lock().unwrap();
        Timestamp::new(1_709_633_472 + t.as_secs() as i64, t.subsec_nanos())
    }
    fn monotonic(&self) -> Duration {
        *self.0.now.lock().unwrap()
    }
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        let inner = Arc::clone(&self.0);
        let until = *inner.now.lock().unwrap() + time;
        let mut noted = false;
        Box::pin(poll_fn(move |cx| {
            if *inner.now.lock().unwrap() >= until {
                return Poll::Ready(());
            }
            if !noted {
                noted = true;
                inner.sleepers.lock().unwrap().push((until, cx.waker().clone()));
            }
            Poll::Pending
        }))
    }
}

impl Random for Doors {
    fn next_u64(&self) -> u64 {
        self.0.random.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed)
    }
}

struct Pipe(DuplexStream, String);

impl ByteStream for Pipe {
    fn read<'a>(&'a mut self, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<usize>> {
        Box::pin(self.0.read(buffer))
    }
    fn write_all<'a>(&'a mut self, bytes: &'a [u8]) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(self.0.write_all(bytes))
    }
    fn shutdown(&mut self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(self.0.shutdown())
    }
    fn peer(&self) -> String {
        self.1.clone()
    }
}

struct Port(Arc<Inner>, String);

impl Listener for Port {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
        Box::pin(poll_fn(|cx| match self.0.listeners.lock().unwrap().get_mut(&self.1).and_then(VecDeque::pop_front) {
            Some(stream) => Poll::Ready(Ok(stream)),
            None => {
                self.0.acceptors.lock().unwrap().push(cx.waker().clone());
                Poll::Pending
            }
        }))
    }
    fn local_port(&self) -> u16 {
        self.1.rsplit_once(':').unwrap().1.parse().unwrap()
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.0.listeners.lock().unwrap().remove(&self.1);
    }
}

impl Net for Doors {
    fn exchange(&self, request: Request) -> BoxFuture<'static, Result<Response, NetError>> {
        self.1.net.exchange(request)
    }
    fn connect(&self, address: &str, _timeout: Duration) -> BoxFuture<'static, io::Result<Box<dyn ByteStream>>> {
        let (inner, address) = (Arc::clone(&self.0), address.to_string());
        Box::pin(async move {
            let n = inner.connects.fetch_add(1, Ordering::SeqCst);
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            match inner.listeners.lock().unwrap().get_mut(&address) {
                None => return Err(io::Error::from(io::ErrorKind::ConnectionRefused)),
                Some(queue) => queue.push_back(Box::new(Pipe(theirs, format!("10.0.0.9:{}", 40_000 + n)))),
            }
            inner.acceptors.lock().unwrap().drain(..).for_each(Waker::wake);
            Ok(Box::new(Pipe(ours, address)) as Box<dyn ByteStream>)
        })
    }
    fn listen(&self, address: &str) -> BoxFuture<'static, io::Result<Box<dyn Listener>>> {
        let (inner, address) = (Arc::clone(&self.0), address.to_string());
        Box::pin(async move {
            let mut listeners = inner.listeners.lock().unwrap();
            if listeners.contains_key(&address) {
                return Err(io::Error::from(io::ErrorKind::AddrInUse));
            }
            listeners.insert(address.clone(), VecDeque::new());
            drop(listeners);
            Ok(Box::new(Port(inner, address)) as Box<dyn Listener>)
        })
    }
}

struct Letters(Arc<Inner>);

impl WriteFile for Letters {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.0.deny_writes.load(Ordering::SeqCst) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.0.letters.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    }
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.letters.lock().unwrap().len() as u64)
    }
    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.0.letters.lock().unwrap().truncate(len as usize);
        Ok(())
    }
}

impl Fs for Doors {
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        self.1.fs.open(path)
    }
    fn open_write(&self, _path: &Path, _how: WriteMode, _mode: u32) -> io::Result<Box<dyn WriteFile>> {
        Ok(Box::new(Letters(Arc::clone(&self.0))))
    }
    fn stat(&self, path: &Path) -> io::Result<Stat> {
        self.1.fs.stat(path)
    }
    fn stat_link(&self, path: &Path) -> io::Result<Stat> {
        self.1.fs.stat_link(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        self.1.fs.list(dir)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.1.fs.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.1.fs.remove(path)
    }
    fn create_dir_all(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }
    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }
    fn lock(&self, path: &Path) -> io::Result<Box<dyn LockGuard>> {
        self.1.fs.lock(path)
    }
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        self.1.fs.canonical(path)
    }
    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        self.1.fs.free_bytes(path)
    }
}
