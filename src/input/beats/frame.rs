//! The frames of lumberjack v2, read and written; the `logstash` output of the agent uses the same.
//!
//! Every frame begins with the version `2` and a letter; numbers are unsigned, 32 bits, big-endian:
//! `W` count: so many events follow as one window. `J` sequence, length, JSON: one event. `C` length, zlib stream: frames
//! inside. `A` sequence: everything of the window up to this sequence is safe.
//! Source: the behaviour of Logstash's beats input and of go-lumber 0.1.1.

use flate2::{Decompress, FlushDecompress, Status};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub const VERSION: u8 = b'2';
pub const WINDOW: u8 = b'W';
pub const JSON: u8 = b'J';
pub const COMPRESSED: u8 = b'C';
pub const ACK: u8 = b'A';
/// An event of v1, as fields; known only to be refused.
const V1_DATA: u8 = b'D';

/// Length of an ack frame.
pub const ACK_BYTES: usize = 6;

/// Events that one window may announce. Filebeat's default is 2048.
pub const WINDOW_EVENTS_MAX: u32 = 1 << 20;
/// Bytes of one event's JSON: a line of 10 MiB, Filebeat's limit, of which every byte is escaped as six.
pub const JSON_BYTES_MAX: usize = 64 << 20;
/// Bytes of one compressed frame.
pub const COMPRESSED_BYTES_MAX: usize = 128 << 20;
/// Bytes that one compressed frame, all frames nested in it included, may become.
pub const DECOMPRESSED_BYTES_MAX: usize = 256 << 20;
/// Compressed frames inside one another.
pub const NESTING_MAX: usize = 4;

/// What is read at once when nothing is known of what comes.
const READ_BYTES: usize = 16 << 10;
/// A buffer that grew beyond this for one large frame is given back.
const KEEP_BYTES_MAX: usize = 1 << 20;

/// One event's JSON, inside the bytes it came in.
#[derive(Clone, Debug)]
pub struct Payload {
    pub buffer: Arc<[u8]>,
    pub at: Range<usize>,
}

impl Payload {
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.at.clone()]
    }
}

/// A frame that means something to the receiver of events.
#[derive(Clone, Debug)]
pub enum Frame {
    Window(u32),
    Json { seq: u32, payload: Payload },
}

/// Why a connection cannot go on: after any of these nothing of what follows can be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameError {
    Version(u8),
    V1,
    Type(u8),
    EmptyJson,
    JsonTooLarge(usize),
    WindowTooLarge(u32),
    CompressedTooLarge(usize),
    DecompressedTooLarge,
    BadZlib,
    CutInside,
    NestedTooDeep,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Version(0x16) => {
                f.write_str("the sender speaks TLS, and this port does not (remove `ssl` there)")
            }
            FrameError::Version(b'G' | b'P' | b'H') => f.write_str("the sender seems to speak HTTP, not lumberjack"),
            FrameError::Version(byte) => write!(f, "this is not lumberjack: it begins with the byte 0x{byte:02x}"),
            FrameError::V1 => {
                f.write_str("the sender speaks lumberjack v1 (logstash-forwarder); only v2, as Beats speak it, is read")
            }
            FrameError::Type(byte) => write!(f, "there is no frame of type 0x{byte:02x}"),
            FrameError::EmptyJson => f.write_str("an event without any bytes"),
            FrameError::JsonTooLarge(n) => write!(f, "an event of {n} bytes; the limit is {JSON_BYTES_MAX}"),
            FrameError::WindowTooLarge(n) => write!(f, "a window of {n} events; the limit is {WINDOW_EVENTS_MAX}"),
            FrameError::CompressedTooLarge(n) => {
                write!(f, "a compressed frame of {n} bytes; the limit is {COMPRESSED_BYTES_MAX}")
            }
            FrameError::DecompressedTooLarge => {
                write!(f, "a compressed frame becomes more than {DECOMPRESSED_BYTES_MAX} bytes")
            }
            FrameError::BadZlib => f.write_str("a compressed frame is no zlib stream"),
            FrameError::CutInside => f.write_str("a compressed frame ends inside a frame"),
            FrameError::NestedTooDeep => write!(f, "compressed frames nested more than {NESTING_MAX} deep"),
        }
    }
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[..4].try_into().expect("four bytes"))
}

/// The head of a frame, once all of it is there.
enum Head {
    Window(u32),
    Json { seq: u32, len: usize },
    Compressed { len: usize },
}

/// Reads a head and its length; `None` when bytes are missing.
fn head(bytes: &[u8]) -> Result<Option<(Head, usize)>, FrameError> {
    match bytes.first() {
        None => return Ok(None),
        Some(&VERSION) => {}
        Some(b'1') => return Err(FrameError::V1),
        Some(&other) => return Err(FrameError::Version(other)),
    }
    let Some(&kind) = bytes.get(1) else { return Ok(None) };
    let len = match kind {
        WINDOW | COMPRESSED => 6,
        JSON => 10,
        V1_DATA => return Err(FrameError::V1),
        other => return Err(FrameError::Type(other)),
    };
    if bytes.len() < len {
        return Ok(None);
    }
    let first = number(&bytes[2..]);
    let head = match kind {
        WINDOW if first > WINDOW_EVENTS_MAX => return Err(FrameError::WindowTooLarge(first)),
        WINDOW => Head::Window(first),
        COMPRESSED if first as usize > COMPRESSED_BYTES_MAX => {
            return Err(FrameError::CompressedTooLarge(first as usize));
        }
        COMPRESSED => Head::Compressed { len: first as usize },
        _ => match number(&bytes[6..]) as usize {
            0 => return Err(FrameError::EmptyJson),
            len if len > JSON_BYTES_MAX => return Err(FrameError::JsonTooLarge(len)),
            len => Head::Json { seq: first, len },
        },
    };
    Ok(Some((head, len)))
}

/// Turns the bytes of a connection into frames.
#[derive(Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Decoder {
    pub fn new() -> Decoder {
        Decoder::default()
    }

    /// Where the next bytes of the connection go; never empty. [`Decoder::filled`] says how many came.
    pub fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.buffer.len() > KEEP_BYTES_MAX {
                self.buffer = Vec::new();
            }
        }
        if self.buffer.len() - self.end < READ_BYTES {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            // grows with what really came, whatever length a head claims
            let wanted = (self.end * 2).max(self.end + READ_BYTES);
            if self.buffer.len() < wanted {
                self.buffer.resize(wanted, 0);
            }
        }
        &mut self.buffer[self.end..]
    }

    pub fn filled(&mut self, n: usize) {
        assert!(n <= self.buffer.len() - self.end, "no more came than there was space for");
        self.end += n;
    }

    /// True when nothing of an unfinished frame lies here.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Takes the next whole frame out and adds what it holds to `frames`; false when more bytes are needed.
    ///
    /// # Errors
    /// [`FrameError`]; the connection is of no use then.
    pub fn next(&mut self, frames: &mut Vec<Frame>) -> Result<bool, FrameError> {
        let bytes = &self.buffer[self.start..self.end];
        let Some((head, head_len)) = head(bytes)? else { return Ok(false) };
        let body = &bytes[head_len..];
        let len = match head {
            Head::Window(_) => 0,
            Head::Json { len, .. } | Head::Compressed { len } => len,
        };
        if body.len() < len {
            return Ok(false);
        }
        match head {
            Head::Window(count) => frames.push(Frame::Window(count)),
            Head::Json { seq, len } => {
                let buffer: Arc<[u8]> = Arc::from(&body[..len]);
                frames.push(Frame::Json { seq, payload: Payload { buffer, at: 0..len } });
            }
            Head::Compressed { len } => {
                let mut left = DECOMPRESSED_BYTES_MAX;
                inside(&body[..len], &mut left, 1, frames)?;
            }
        }
        self.start += head_len + len;
        Ok(true)
    }
}

/// Adds the frames of a compressed frame; `left` is how many bytes it may still become.
fn inside(compressed: &[u8], left: &mut usize, depth: usize, frames: &mut Vec<Frame>) -> Result<(), FrameError> {
    if depth > NESTING_MAX {
        return Err(FrameError::NestedTooDeep);
    }
    let buffer: Arc<[u8]> = Arc::from(inflate(compressed, left)?);
    let mut at = 0;
    while at < buffer.len() {
        let (head, head_len) = head(&buffer[at..])?.ok_or(FrameError::CutInside)?;
        at += head_len;
        let cut = |len: usize| if len > buffer.len() - at { Err(FrameError::CutInside) } else { Ok(at..at + len) };
        match head {
            Head::Window(count) => frames.push(Frame::Window(count)),
            Head::Json { seq, len } => {
                let range = cut(len)?;
                frames.push(Frame::Json { seq, payload: Payload { buffer: Arc::clone(&buffer), at: range } });
                at += len;
            }
            Head::Compressed { len } => {
                inside(&buffer[cut(len)?], left, depth + 1, frames)?;
                at += len;
            }
        }
    }
    Ok(())
}

fn inflate(compressed: &[u8], left: &mut usize) -> Result<Vec<u8>, FrameError> {
    let mut zlib = Decompress::new(true);
    let mut out = Vec::with_capacity((compressed.len() * 4).clamp(1 << 10, 8 << 20).min(*left + 1));
    loop {
        let (read, written) = (zlib.total_in(), out.len());
        let status = zlib
            .decompress_vec(&compressed[read as usize..], &mut out, FlushDecompress::None)
            .map_err(|_| FrameError::BadZlib)?;
        if out.len() > *left {
            return Err(FrameError::DecompressedTooLarge);
        }
        match status {
            Status::StreamEnd => {
                *left -= out.len();
                return Ok(out);
            }
            // more is to be written than there is room for
            _ if out.len() == out.capacity() => out.reserve(out.len().min(*left + 1 - out.len()).max(1)),
            _ if zlib.total_in() == read && out.len() == written => return Err(FrameError::BadZlib),
            _ => {}
        }
    }
}

/// Appends a window frame.
pub fn write_window(count: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&[VERSION, WINDOW]);
    out.extend_from_slice(&count.to_be_bytes());
}

/// Appends an event's frame. The JSON must be shorter than 4 GiB.
pub fn write_json(seq: u32, json: &[u8], out: &mut Vec<u8>) {
    let len = u32::try_from(json.len()).expect("an event is shorter than 4 GiB");
    out.extend_from_slice(&[VERSION, JSON]);
    out.extend_from_slice(&seq.to_be_bytes());
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(json);
}

/// Appends a compressed frame around `frames`; `level` is zlib's, 1 to 9.
pub fn write_compressed(frames: &[u8], level: u32, out: &mut Vec<u8>) {
    use std::io::Write;
    out.extend_from_slice(&[VERSION, COMPRESSED, 0, 0, 0, 0]);
    let start = out.len();
    let mut zlib = flate2::write::ZlibEncoder::new(&mut *out, flate2::Compression::new(level));
    zlib.write_all(frames).and_then(|()| zlib.try_finish()).expect("writing to memory cannot fail");
    drop(zlib);
    let len = u32::try_from(out.len() - start).expect("a compressed frame is shorter than 4 GiB");
    out[start - 4..start].copy_from_slice(&len.to_be_bytes());
}

/// An ack.
pub fn ack(seq: u32) -> [u8; ACK_BYTES] {
    let n = seq.to_be_bytes();
    [VERSION, ACK, n[0], n[1], n[2], n[3]]
}

/// Reads an ack's sequence; `None` when these bytes are no ack.
pub fn read_ack(bytes: &[u8; ACK_BYTES]) -> Option<u32> {
    (bytes[..2] == [VERSION, ACK]).then(|| number(&bytes[2..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(frames: &[Frame]) -> Vec<String> {
        frames
            .iter()
            .map(|f| match f {
                Frame::Window(n) => format!("W{n}"),
                Frame::Json { seq, payload } => format!("{seq}:{}", String::from_utf8_lossy(payload.bytes())),
            })
            .collect()
    }

    /// Feeds bytes in pieces of `piece`.
    fn decoded(bytes: &[u8], piece: usize) -> Result<Vec<String>, FrameError> {
        let mut decoder = Decoder::new();
        let mut frames = vec![];
        for chunk in bytes.chunks(piece) {
            let mut chunk = chunk;
            while !chunk.is_empty() {
                let space = decoder.space();
                let n = space.len().min(chunk.len());
                space[..n].copy_from_slice(&chunk[..n]);
                decoder.filled(n);
                chunk = &chunk[n..];
            }
            while decoder.next(&mut frames)? {}
        }
        Ok(said(&frames))
    }

    fn sample() -> Vec<u8> {
        let mut inner = vec![];
        write_json(2, br#"{"b":2}"#, &mut inner);
        let mut deeper = vec![];
        write_json(3, &[b'x'; 3000], &mut deeper);
        write_compressed(&deeper, 9, &mut inner);
        let mut bytes = vec![];
        write_window(3, &mut bytes);
        write_json(1, br#"{"a":1}"#, &mut bytes);
        write_compressed(&inner, 3, &mut bytes);
        write_window(0, &mut bytes);
        bytes
    }

    #[test]
    fn frames_are_the_same_however_they_are_cut() {
        let bytes = sample();
        let expected = vec![
            "W3".to_string(),
            r#"1:{"a":1}"#.to_string(),
            r#"2:{"b":2}"#.to_string(),
            format!("3:{}", "x".repeat(3000)),
            "W0".to_string(),
        ];
        for piece in [1, 2, 3, 7, 64, bytes.len()] {
            assert_eq!(decoded(&bytes, piece).as_ref(), Ok(&expected), "{piece}");
        }
    }

    #[test]
    fn a_large_frame_is_read_and_its_memory_given_back() {
        let mut bytes = vec![];
        write_json(1, &vec![b'y'; 3 << 20], &mut bytes);
        write_window(9, &mut bytes);
        assert_eq!(decoded(&bytes, 100_000).unwrap()[1], "W9");
        let mut decoder = Decoder::new();
        let mut frames = vec![];
        for chunk in bytes.chunks(8 << 10) {
            decoder.space()[..chunk.len()].copy_from_slice(chunk);
            decoder.filled(chunk.len());
            while decoder.next(&mut frames).unwrap() {}
        }
        assert!(decoder.is_empty());
        assert!(decoder.space().len() <= KEEP_BYTES_MAX);
    }

    #[test]
    fn what_is_not_lumberjack_is_named() {
        let compressed = |frames: &[u8]| {
            let mut out = vec![];
            write_compressed(frames, 1, &mut out);
            out
        };
        let mut nested = vec![];
        write_window(1, &mut nested);
        for _ in 0..=NESTING_MAX {
            nested = compressed(&nested);
        }
        let mut cut_zlib = compressed(b"2W\0\0\0\x01");
        cut_zlib.truncate(cut_zlib.len() - 3);
        let len = cut_zlib.len() as u32 - 6;
        cut_zlib[2..6].copy_from_slice(&len.to_be_bytes());
        for (bytes, error) in [
            (b"\x16\x03\x01".to_vec(), FrameError::Version(0x16)),
            (b"GET / HTTP/1.1".to_vec(), FrameError::Version(b'G')),
            (b"1W\0\0\0\x01".to_vec(), FrameError::V1),
            (b"2D\0\0\0\x01".to_vec(), FrameError::V1),
            (b"2Z".to_vec(), FrameError::Type(b'Z')),
            (b"2J\0\0\0\x01\0\0\0\0".to_vec(), FrameError::EmptyJson),
            (b"2J\0\0\0\x01\xff\0\0\0".to_vec(), FrameError::JsonTooLarge(0xff00_0000)),
            (b"2W\xff\0\0\0".to_vec(), FrameError::WindowTooLarge(0xff00_0000)),
            (b"2C\xff\0\0\0".to_vec(), FrameError::CompressedTooLarge(0xff00_0000)),
            (b"2C\0\0\0\x03abc".to_vec(), FrameError::BadZlib),
            (b"2C\0\0\0\0".to_vec(), FrameError::BadZlib),
            (cut_zlib, FrameError::BadZlib),
            (compressed(b"2J\0\0\0\x01\0\0\0\x09{}"), FrameError::CutInside),
            (compressed(b"2W\0"), FrameError::CutInside),
            (nested, FrameError::NestedTooDeep),
        ] {
            assert_eq!(decoded(&bytes, 1000), Err(error.clone()), "{error}");
        }
    }

    #[test]
    fn a_compressed_frame_may_not_become_endless() {
        let mut left = 10_000;
        let mut bomb = vec![];
        write_compressed(&vec![0; 1 << 20], 9, &mut bomb);
        assert!(bomb.len() < 10_000);
        assert_eq!(inflate(&bomb[6..], &mut left), Err(FrameError::DecompressedTooLarge));
        let mut exact = vec![];
        write_compressed(&vec![0; 10_000], 9, &mut exact);
        assert_eq!(inflate(&exact[6..], &mut left).map(|b| b.len()), Ok(10_000));
        assert_eq!(left, 0);
    }

    #[test]
    fn acks_are_read_as_written() {
        assert_eq!(read_ack(&ack(0x0102_0304)), Some(0x0102_0304));
        assert_eq!(read_ack(b"2W\0\0\0\x01"), None);
    }
}
