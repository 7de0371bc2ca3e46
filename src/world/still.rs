//! A world that stands still: a clock that shows one instant, no files, no network, always the same random number.
//!
//! For code that only computes: tests of filters, conformance runs, benches.

use super::fs::{DirEntry, Fs, LockGuard, ReadFile, Stat, WriteFile, WriteMode};
use super::net::{ByteStream, Listener, Net, NetError, Request, Response};
use super::{BoxFuture, Clock, Random, World};
use crate::event::Timestamp;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

struct Still {
    now: Timestamp,
    random: u64,
}

/// The still world. `random` is what every draw gives.
pub fn world(now: Timestamp, random: u64) -> World {
    let still = Arc::new(Still { now, random });
    World { clock: still.clone(), fs: still.clone(), net: still.clone(), random: still }
}

fn nothing<T>() -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::NotFound, "the still world has no files and no network"))
}

impl Clock for Still {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

impl Random for Still {
    fn next_u64(&self) -> u64 {
        self.random
    }
}

impl Fs for Still {
    fn open(&self, _path: &Path) -> io::Result<Box<dyn ReadFile>> {
        nothing()
    }
    fn open_write(&self, _path: &Path, _how: WriteMode, _mode: u32) -> io::Result<Box<dyn WriteFile>> {
        nothing()
    }
    fn stat(&self, _path: &Path) -> io::Result<Stat> {
        nothing()
    }
    fn stat_link(&self, _path: &Path) -> io::Result<Stat> {
        nothing()
    }
    fn list(&self, _dir: &Path) -> io::Result<Vec<DirEntry>> {
        nothing()
    }
    fn rename(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        nothing()
    }
    fn remove(&self, _path: &Path) -> io::Result<()> {
        nothing()
    }
    fn create_dir_all(&self, _dir: &Path) -> io::Result<()> {
        nothing()
    }
    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        nothing()
    }
    fn lock(&self, _path: &Path) -> io::Result<Box<dyn LockGuard>> {
        nothing()
    }
    fn canonical(&self, _path: &Path) -> io::Result<PathBuf> {
        nothing()
    }
    fn free_bytes(&self, _path: &Path) -> io::Result<u64> {
        nothing()
    }
}

impl Net for Still {
    fn exchange(&self, _request: Request) -> BoxFuture<'static, Result<Response, NetError>> {
        Box::pin(std::future::ready(Err(NetError::Connect("the still world has no network".into()))))
    }
    fn connect(&self, _address: &str, _timeout: Duration) -> BoxFuture<'static, io::Result<Box<dyn ByteStream>>> {
        Box::pin(std::future::ready(nothing()))
    }
    fn listen(&self, _address: &str) -> BoxFuture<'static, io::Result<Box<dyn Listener>>> {
        Box::pin(std::future::ready(nothing()))
    }
}
