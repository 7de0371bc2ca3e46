//! The derived document id: the same line gets the same id however often it is read and sent.
//!
//! Made of where the event was read: URL-safe base64 without padding of the source's key (8 bytes, big endian) and the
//! low 6 bytes of the offset; where a filter made several events of one, then the event's place (8 bytes); for the second
//! and later outputs of the kind, then the output's place (4 bytes). The four lengths differ, so no two can meet. Ids of
//! one source rise with the offset, which Lucene finds cheaply.
//!
//! An id that came with the event (`Event::given_id`) is kept; place and output's place follow it after a dot.

use crate::event::{Event, Origin};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Elasticsearch refuses a longer id, in bytes. A given one that would be is replaced by a derived one.
pub const ID_BYTES_MAX: usize = 512;

/// Appends the derived id of what was read at `origin`.
pub fn write_document_id(origin: &Origin, out: &mut Vec<u8>) {
    let mut text = String::new();
    derive(origin, None, 0, &mut text);
    out.extend_from_slice(text.as_bytes());
}

/// Appends the id of an event. `output_place` is 0 for the only or the first output of its kind.
pub fn write(event: &Event<'_>, output_place: u32, out: &mut String) {
    let given = event.given_id.filter(|id| !id.is_empty() && id.len() + SUFFIX_BYTES_MAX <= ID_BYTES_MAX);
    derive(&event.origin, given, output_place, out);
}

/// A dot and 12 bytes as base64.
const SUFFIX_BYTES_MAX: usize = 17;

fn derive(origin: &Origin, given: Option<&str>, output_place: u32, out: &mut String) {
    let mut bytes = [0u8; 26];
    let mut len = 0;
    let mut put = |part: &[u8]| {
        bytes[len..len + part.len()].copy_from_slice(part);
        len += part.len();
    };
    if given.is_none() {
        put(&origin.key.to_be_bytes());
        put(&origin.offset.to_be_bytes()[2..]);
    }
    if origin.place != 0 {
        put(&origin.place.to_be_bytes());
    }
    if output_place != 0 {
        put(&output_place.to_be_bytes());
    }
    if let Some(id) = given {
        out.push_str(id);
        if len > 0 {
            out.push('.');
        }
    }
    URL_SAFE_NO_PAD.encode_string(&bytes[..len], out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Arena;

    fn id(origin: Origin, given: Option<&str>, output_place: u32) -> String {
        let arena = Arena::new();
        let mut event = Event::new(&arena, origin);
        event.given_id = given.map(|g| &*arena.alloc_str(g));
        let mut out = String::new();
        write(&event, output_place, &mut out);
        out
    }

    #[test]
    fn what_differs_in_origin_or_output_differs_in_id() {
        let mut all = vec![];
        for key in [0, 1, u64::MAX] {
            for offset in [0, 1, 255, 256, (1 << 48) - 1] {
                for place in [0, 1, 9 << 40] {
                    for output in [0, 1, 7] {
                        for given in [None, Some("a"), Some("a.b")] {
                            let got = id(Origin { key, offset, place, ..Origin::default() }, given, output);
                            assert!(got.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)), "{got}");
                            all.push(match given {
                                None => got,
                                Some(_) => format!("{key} {offset} {got}"),
                            });
                        }
                    }
                }
            }
        }
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn the_form_is_fixed_as_documents_are_stored_under_it() {
        let origin = Origin { key: 7, offset: 100, ..Origin::default() };
        assert_eq!(id(origin, None, 0), "AAAAAAAAAAcAAAAAAGQ");
        assert_eq!(id(Origin { place: 5, ..origin }, None, 0), "AAAAAAAAAAcAAAAAAGQAAAAAAAAABQ");
        assert_eq!(id(origin, None, 2), "AAAAAAAAAAcAAAAAAGQAAAAC");
        assert_eq!(id(origin, Some("given"), 0), "given");
        assert_eq!(id(Origin { place: 5, ..origin }, Some("given"), 0), "given.AAAAAAAAAAU");
        let long = "x".repeat(600);
        assert_eq!(id(origin, Some(&long), 0), "AAAAAAAAAAcAAAAAAGQ");
    }
}
