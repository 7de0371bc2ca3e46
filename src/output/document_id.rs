//! The id that this program derives for an event: from where it was read, so that the same line always gets the same.
//!
//! URL-safe base64 of the source's key (8 bytes), the offset (6 bytes, or 8 where it does not fit) and, for what a filter
//! made of an event, its place (8 bytes), all big-endian. The elasticsearch output writes the same form, so that an event
//! has one id, whether agent and processor run in one process or apart.

use crate::event::Origin;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Offsets below this take six bytes.
const SHORT_OFFSET_MAX: u64 = 1 << 48;

/// Appends the derived id.
pub fn write_document_id(origin: &Origin, out: &mut Vec<u8>) {
    let mut bytes = Vec::with_capacity(24);
    bytes.extend_from_slice(&origin.key.to_be_bytes());
    bytes.extend_from_slice(&origin.offset.to_be_bytes()[if origin.offset < SHORT_OFFSET_MAX { 2 } else { 0 }..]);
    if origin.place != 0 {
        bytes.extend_from_slice(&origin.place.to_be_bytes());
    }
    let mut text = [0; 32];
    let len = URL_SAFE_NO_PAD.encode_slice(&bytes, &mut text).expect("32 characters hold 24 bytes");
    out.extend_from_slice(&text[..len]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_different_origins_differ() {
        let id = |key, offset, place| {
            let mut out = vec![];
            write_document_id(&Origin { key, offset, place, ..Origin::default() }, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(id(1, 2, 0), "AAAAAAAAAAEAAAAAAAI");
        let mut all = std::collections::HashSet::new();
        for key in [0, 1, u64::MAX] {
            for offset in [0, 1, SHORT_OFFSET_MAX - 1, SHORT_OFFSET_MAX, u64::MAX] {
                assert!([0, 1, u64::MAX].into_iter().all(|place| all.insert(id(key, offset, place))));
            }
        }
    }
}
