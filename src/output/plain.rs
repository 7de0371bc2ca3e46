//! What outputs have in common that write what a codec makes of an event.

use super::dead_letter::DeadLetter;
use super::delivery::backoff::sleep_or_stop;
use super::delivery::said::Said;
use super::{Item, OutputCx, Parcel, Selected, write_document};
use crate::codec::encode::Encoder;
use crate::event::Event;
use crate::world::Clock;
use std::time::Duration;

/// Between two attempts to write to a dead letter file that fails.
const DEAD_LETTER_RETRY: Duration = Duration::from_secs(1);

/// Encodes each event into an item. One that the codec cannot encode gets an item without bytes and with the document,
/// for [`bury_failed`].
pub fn encode(codec: &dyn Encoder, clock: &dyn Clock, events: &Selected<'_>, parcel: &mut Parcel) {
    for event in events.iter() {
        let start = parcel.body.len();
        match codec.encode(event, clock, &mut parcel.body) {
            Ok(()) => push(parcel, event, start, start..start),
            Err(_) => push_failed(parcel, event),
        }
    }
}

/// Adds an item for what was appended to the body since `start`.
pub fn push(parcel: &mut Parcel, event: &Event<'_>, start: usize, document: std::ops::Range<usize>) {
    let end = parcel.body.len();
    assert!(end < u32::MAX as usize, "a parcel is smaller than 4 GiB");
    parcel.items.push(Item {
        bytes: start as u32..end as u32,
        document: document.start as u32..document.end as u32,
        derived_id: false,
        source: event.origin.source,
        offset: event.origin.offset,
    });
}

/// Adds an item without bytes, with the event's document only.
pub fn push_failed(parcel: &mut Parcel, event: &Event<'_>) {
    let start = parcel.body.len();
    write_document(event, &mut parcel.body);
    let end = parcel.body.len();
    push(parcel, event, end, start..end);
}

/// Whether an item is one of [`push_failed`]: its document ends where its bytes would begin. (An item whose bytes are
/// empty for a good reason has its document behind them, or none.)
pub fn is_failed(item: &Item) -> bool {
    item.bytes.is_empty() && !item.document.is_empty() && item.document.end == item.bytes.start
}

/// Puts the items that could not be encoded into the dead letter file and reports them; how many there were. `None` when
/// the run stops meanwhile.
pub async fn bury_failed(cx: &OutputCx, said: &Said, parcel: &Parcel) -> Option<u64> {
    let failed: Vec<&Item> = parcel.items.iter().filter(|i| is_failed(i)).collect();
    bury(cx, said, parcel, &failed, "encode", "a template of the output cannot be filled in", None).await
}

/// Puts items into the dead letter file and reports them; how many there were. While that file cannot be written it is
/// said and tried again. `None` when the run stops meanwhile.
pub async fn bury(
    cx: &OutputCx,
    said: &Said,
    parcel: &Parcel,
    items: &[&Item],
    reason: &str,
    message: &str,
    status: Option<u16>,
) -> Option<u64> {
    let letters: Vec<DeadLetter<'_>> = items
        .iter()
        .map(|item| DeadLetter {
            reason,
            message,
            status,
            source: parcel.source_name(item),
            offset: item.offset,
            output: &cx.id,
            event: parcel.document(item),
        })
        .collect();
    while let Err(why) = cx.dead_letters.write(&letters) {
        if said.now(&cx.world, "dead-letter", letters.len() as u64).is_some() {
            tracing::error!("cannot write the dead letter file {}: {why}", cx.dead_letters.path().display());
        }
        if sleep_or_stop(&cx.world, &cx.stop, DEAD_LETTER_RETRY).await {
            return None;
        }
    }
    parcel.ack.dead_lettered(items.len() as u64);
    Some(items.len() as u64)
}
