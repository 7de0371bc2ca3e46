//! The id that this program derives for an event: from where it was read, so that the same line always gets the same.
//!
//! 26 characters of base 32 (digits, then `a` to `v`): the key of the source and the offset in it, both with fixed width, so
//! that ids of one source sort by offset and Lucene finds them close together. For what a filter made of an event 13 more
//! follow, for its place.

use crate::event::Origin;

const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

fn write_digits(mut n: u128, len: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + len, b'0');
    for at in (start..start + len).rev() {
        out[at] = DIGITS[(n & 31) as usize];
        n >>= 5;
    }
}

/// Appends the derived id.
pub fn write_document_id(origin: &Origin, out: &mut Vec<u8>) {
    write_digits(u128::from(origin.key) << 64 | u128::from(origin.offset), 26, out);
    if origin.place != 0 {
        write_digits(u128::from(origin.place), 13, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(key: u64, offset: u64, place: u64) -> String {
        let mut out = vec![];
        write_document_id(&Origin { key, offset, place, ..Origin::default() }, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn ids_are_unique_and_sort_by_offset() {
        assert_eq!(id(0, 0, 0), "0".repeat(26));
        assert_eq!(id(u64::MAX, u64::MAX, u64::MAX), format!("7{}f{}", "v".repeat(25), "v".repeat(12)));
        let sorted = [id(1, 0, 0), id(1, 1, 0), id(1, 1, 9), id(1, 255, 0), id(1, 1 << 40, 0), id(2, 0, 0)];
        assert!(sorted.is_sorted() && sorted.windows(2).all(|w| w[0] != w[1]), "{sorted:?}");
    }
}
