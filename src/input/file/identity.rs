//! Is this the file we know? Device and inode alone lie (inodes are reused, devices are renumbered at boot), content alone
//! lies too (many files begin alike), so all of it is looked at together.

use crate::world::fs::{ReadFile, Stat};
use serde::{Deserialize, Serialize};
use std::io;

/// Bytes of a file's beginning that belong to its identity; a shorter file has a shorter head, which grows with it.
pub const HEAD_BYTES_MAX: usize = 1024;
/// Bytes before the read offset that must still be there when reading goes on.
pub const TAIL_BYTES_MAX: usize = 128;

/// A fingerprint of some bytes: how many and their hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Print {
    pub len: u32,
    pub hash: u64,
}

impl Print {
    /// FNV-1a over 64 bits: stable for ever, as the registry keeps it.
    pub fn of(bytes: &[u8]) -> Print {
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        for b in bytes {
            hash = (hash ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3);
        }
        Print { len: bytes.len() as u32, hash }
    }

    /// The print of the last bytes of `bytes`, at most [`TAIL_BYTES_MAX`].
    pub fn of_end(bytes: &[u8]) -> Print {
        Print::of(&bytes[bytes.len().saturating_sub(TAIL_BYTES_MAX)..])
    }

    /// Whether the file holds such bytes at `from`.
    pub fn is_at(&self, file: &dyn ReadFile, from: u64) -> io::Result<bool> {
        if self.len == 0 {
            return Ok(true);
        }
        let mut buffer = [0; HEAD_BYTES_MAX];
        let bytes = &mut buffer[..self.len as usize];
        Ok(read_full(file, from, bytes)? == bytes.len() && Print::of(bytes) == *self)
    }

    /// Whether the file holds such bytes right before `end`.
    pub fn is_before(&self, file: &dyn ReadFile, end: u64) -> io::Result<bool> {
        match end.checked_sub(u64::from(self.len)) {
            Some(from) => self.is_at(file, from),
            None => Ok(false),
        }
    }
}

/// Reads until the buffer is full or the file ends.
pub fn read_full(file: &dyn ReadFile, from: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    while n < buffer.len() {
        match file.read_at(from + n as u64, &mut buffer[n..])? {
            0 => break,
            more => n += more,
        }
    }
    Ok(n)
}

/// The print of a file's head as it is now.
pub fn head_of(file: &dyn ReadFile) -> io::Result<Print> {
    let mut buffer = [0; HEAD_BYTES_MAX];
    let n = read_full(file, 0, &mut buffer)?;
    Ok(Print::of(&buffer[..n]))
}

/// What the file system says of a file for as long as it lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileId {
    pub dev: u64,
    pub ino: u64,
    pub birth_ns: Option<i64>,
}

impl FileId {
    pub fn of(stat: &Stat) -> FileId {
        FileId { dev: stat.dev, ino: stat.ino, birth_ns: stat.birth_ns }
    }

    /// Whether both can be the same file. A device number may change at boot; then the time of birth must speak for it.
    pub fn may_be(&self, other: &FileId) -> bool {
        let births = match (self.birth_ns, other.birth_ns) {
            (Some(a), Some(b)) => Some(a == b),
            _ => None,
        };
        self.ino == other.ino && births != Some(false) && (self.dev == other.dev || births == Some(true))
    }
}

/// What is known of a file's content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content {
    pub head: Print,
    /// How far it was read.
    pub upto: u64,
    /// The bytes right before `upto`.
    pub tail: Print,
}

impl Content {
    /// Whether the file holds this content, and perhaps more.
    pub fn is_in(&self, file: &dyn ReadFile, len: u64) -> io::Result<bool> {
        Ok(len >= self.upto && self.head.is_at(file, 0)? && self.tail.is_before(file, self.upto)?)
    }
}

/// The answer to: what is this file, compared with what is known of one?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same file, perhaps grown, perhaps under another name.
    Same,
    /// The same place on disk, but other content: truncated, or a reused inode where the file system keeps no times of birth.
    Rewritten,
    /// Another file.
    Other,
}

/// Compares an open file with what is known.
pub fn compare(id: &FileId, content: &Content, stat: &Stat, file: &dyn ReadFile) -> io::Result<Verdict> {
    if !id.may_be(&FileId::of(stat)) {
        return Ok(Verdict::Other);
    }
    Ok(if content.is_in(file, stat.len)? { Verdict::Same } else { Verdict::Rewritten })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_takes_all_signs_together() {
        let id = |dev, ino, birth_ns| FileId { dev, ino, birth_ns };
        for (a, b, same) in [
            (id(1, 2, Some(3)), id(1, 2, Some(3)), true),
            (id(1, 2, None), id(1, 2, None), true),
            (id(1, 2, None), id(1, 2, Some(3)), true),
            // the inode was reused
            (id(1, 2, Some(3)), id(1, 2, Some(4)), false),
            // the device was renumbered
            (id(1, 2, Some(3)), id(9, 2, Some(3)), true),
            (id(1, 2, None), id(9, 2, None), false),
            (id(1, 2, Some(3)), id(1, 5, Some(3)), false),
        ] {
            assert_eq!(a.may_be(&b), same, "{a:?} {b:?}");
            assert_eq!(b.may_be(&a), same, "{a:?} {b:?}");
        }
    }

    #[test]
    fn the_print_is_the_published_function() {
        assert_eq!(Print::of(b"").hash, 0xcbf2_9ce4_8422_2325);
        assert_eq!(Print::of(b"a").hash, 0xaf63_dc4c_8601_ec8c);
        assert_eq!(Print::of(b"foobar").hash, 0x8594_4171_f739_67e8);
    }
}
