//! The wish to stop, seen by threads and by futures alike.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

/// Cheap to clone; once asked it stays asked.
#[derive(Clone, Default)]
pub struct Stop {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    asked: AtomicBool,
    wakers: Mutex<Vec<Waker>>,
}

impl Stop {
    pub fn new() -> Stop {
        Stop::default()
    }

    /// Asks everybody to stop.
    pub fn ask(&self) {
        self.inner.asked.store(true, Ordering::SeqCst);
        for waker in self.inner.wakers.lock().expect("never poisoned").drain(..) {
            waker.wake();
        }
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
