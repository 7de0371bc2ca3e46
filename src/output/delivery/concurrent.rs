//! Several futures at once, a limited number of them.

use crate::world::BoxFuture;
use std::future::poll_fn;
use std::task::Poll;

/// Runs all futures to their ends, at most `limit` at once, begun in order.
///
/// # Panics
/// When `limit` is zero.
pub async fn all<'a>(limit: usize, futures: impl IntoIterator<Item = BoxFuture<'a, ()>>) {
    assert!(limit > 0, "nothing would ever begin");
    let mut waiting = futures.into_iter();
    let mut open: Vec<BoxFuture<'a, ()>> = Vec::new();
    let mut ended = false;
    poll_fn(|cx| {
        loop {
            while !ended && open.len() < limit {
                match waiting.next() {
                    Some(future) => open.push(future),
                    None => ended = true,
                }
            }
            let before = open.len();
            open.retain_mut(|future| future.as_mut().poll(cx).is_pending());
            if ended && open.is_empty() {
                return Poll::Ready(());
            }
            if ended || open.len() == before {
                return Poll::Pending;
            }
        }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::TestWorld;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[test]
    fn as_many_as_the_limit_run_at_once() {
        let t = TestWorld::new();
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let world = &t.world;
        let futures = (0..10).map(|i| -> BoxFuture<'_, ()> {
            let (now, most) = (&now, &most);
            Box::pin(async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                world.clock.sleep(Duration::from_secs(1 + i % 3)).await;
                now.fetch_sub(1, Ordering::SeqCst);
            })
        });
        t.block_on(all(3, futures));
        assert_eq!((now.into_inner(), most.into_inner()), (0, 3));
        assert!(t.seconds() < 10.0, "{}", t.seconds());
    }
}
