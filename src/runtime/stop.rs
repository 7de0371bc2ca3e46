//! The wish to stop, seen by threads and by futures alike.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

/// Cheap to clone; once asked it stays asked.
#[derive(Clone, Default)]
pub struct Stop {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    asked: AtomicBool,
    wakers: Mutex<Vec<Waker>>,
    changed: Condvar,
}

impl Stop {
    pub fn new() -> Stop {
        Stop::default()
    }

    /// Asks everybody to stop.
    pub fn ask(&self) {
        let wakers = {
            let mut held = self.inner.wakers.lock().expect("never poisoned");
            self.inner.asked.store(true, Ordering::SeqCst);
            std::mem::take(&mut *held)
        };
        for waker in wakers {
            waker.wake();
        }
        self.inner.changed.notify_all();
    }

    /// Blocks the thread until somebody asks to stop, at most for `limit`; true when asked.
    pub fn wait_blocking(&self, limit: Duration) -> bool {
        let held = self.inner.wakers.lock().expect("never poisoned");
        if !self.is_asked() {
            // a wake-up without cause only makes the caller look again earlier
            let _held = self.inner.changed.wait_timeout(held, limit).expect("never poisoned");
        }
        self.is_asked()
    }

    pub fn is_asked(&self) -> bool {
        self.inner.asked.load(Ordering::SeqCst)
    }

    /// Ends when somebody asks to stop.
    pub async fn wait(&self) {
        poll_fn(|cx| {
            if self.is_asked() {
                return Poll::Ready(());
            }
            let mut wakers = self.inner.wakers.lock().expect("never poisoned");
            if !wakers.iter().any(|w| w.will_wake(cx.waker())) {
                wakers.push(cx.waker().clone());
            }
            if self.is_asked() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}
