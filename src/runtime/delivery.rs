//! One output's deliveries: so many parcels at once as the output allows, begun in order.

use crate::output::{Output, Parcel};
use crate::telemetry::Gauge;
use crate::world::BoxFuture;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::mpsc::UnboundedReceiver;

/// Delivers what comes until the channel is closed and all is delivered. The channel needs no limit of its own: parcels
/// belong to batches in flight, and those are limited.
pub async fn deliver_all(output: Arc<dyn Output>, mut parcels: UnboundedReceiver<Parcel>, gauge: Gauge) {
    let output = &*output;
    let mut open: Vec<BoxFuture<'_, ()>> = Vec::new();
    let mut ended = false;
    poll_fn(|cx| {
        loop {
            let mut moved = false;
            open.retain_mut(|delivery| {
                let done = delivery.as_mut().poll(cx).is_ready();
                moved |= done;
                !done
            });
            while !ended && open.len() < output.in_flight_max() {
                match parcels.poll_recv(cx) {
                    Poll::Ready(Some(parcel)) => {
                        open.push(output.deliver(parcel));
                        moved = true;
                    }
                    Poll::Ready(None) => ended = true,
                    Poll::Pending => break,
                }
            }
            gauge.set(open.len() as i64);
            if ended && open.is_empty() {
                return Poll::Ready(());
            }
            if !moved {
                return Poll::Pending;
            }
        }
    })
    .await;
}
