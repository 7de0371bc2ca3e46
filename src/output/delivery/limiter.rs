//! How many requests may be under way at once: fewer when the server pushes back, slowly more when it does not.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Mutex;
use std::task::{Poll, Waker};

/// Adaptive concurrency: additive increase, multiplicative decrease, between 1 and a maximum.
pub struct Limiter {
    max: usize,
    state: Mutex<State>,
}

struct State {
    limit: f64,
    in_use: usize,
    waiting: VecDeque<Waker>,
}

/// Room for one request; dropped, it is free again.
pub struct Permit<'a>(&'a Limiter);

impl Limiter {
    /// Starts at the maximum.
    ///
    /// # Panics
    /// When `max` is zero.
    pub fn new(max: usize) -> Limiter {
        assert!(max > 0, "at least one request may be under way");
        Limiter { max, state: Mutex::new(State { limit: max as f64, in_use: 0, waiting: VecDeque::new() }) }
    }

    /// Waits for room.
    pub async fn acquire(&self) -> Permit<'_> {
        poll_fn(|cx| {
            let mut s = self.state.lock().expect("never poisoned");
            if s.in_use < s.limit as usize {
                s.in_use += 1;
                return Poll::Ready(());
            }
            if !s.waiting.iter().any(|w| w.will_wake(cx.waker())) {
                s.waiting.push_back(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
        Permit(self)
    }

    /// A request went well.
    pub fn went_well(&self) {
        let mut s = self.state.lock().expect("never poisoned");
        s.limit = (s.limit + 1.0 / s.limit).min(self.max as f64);
    }

    /// The server has too much to do.
    pub fn pushed_back(&self) {
        let mut s = self.state.lock().expect("never poisoned");
        s.limit = (s.limit / 2.0).max(1.0);
    }

    /// How many may be under way now.
    pub fn limit(&self) -> usize {
        self.state.lock().expect("never poisoned").limit as usize
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut s = self.0.state.lock().expect("never poisoned");
        s.in_use -= 1;
        // all of them: one alone may be of a future that is gone
        let waiting = std::mem::take(&mut s.waiting);
        drop(s);
        waiting.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::run;

    #[test]
    fn it_halves_on_push_back_and_grows_by_one_a_round() {
        let l = Limiter::new(8);
        l.pushed_back();
        assert_eq!(l.limit(), 4);
        for _ in 0..5 {
            l.went_well();
        }
        assert_eq!(l.limit(), 5);
        for _ in 0..9 {
            l.pushed_back();
        }
        assert_eq!(l.limit(), 1);
        for _ in 0..99 {
            l.went_well();
        }
        assert_eq!(l.limit(), 8);
    }

    #[test]
    fn who_waits_gets_the_room_that_is_given_back() {
        run(async {
            let l = Limiter::new(1);
            let order = std::sync::Mutex::new(vec![]);
            let first = async {
                let permit = l.acquire().await;
                tokio::task::yield_now().await;
                order.lock().unwrap().push(1);
                drop(permit);
            };
            let second = async {
                let _permit = l.acquire().await;
                order.lock().unwrap().push(2);
            };
            tokio::join!(first, second);
            assert_eq!(order.into_inner().unwrap(), [1, 2]);
        });
    }
}
