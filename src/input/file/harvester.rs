//! Reads one file: blocks, lines, limits, events.
//!
//! A block is read once into memory that the batch keeps; messages are slices of it. Only lines that are whole leave; what
//! follows the last line feed is read again when more has come. A file at its end holds no buffer.
//!
//! Must not be here: which file is next, when to close, what is durable; the reader decides.

use super::config::{FileInputConfig, Format};
use super::container::{self, Partial, STREAMS_MAX};
use super::identity::{Print, TAIL_BYTES_MAX, read_full};
use super::registry::Record;
use crate::event::batch::BatchMut;

use crate::event::value::{Arena, Entry, Map, Value};
use crate::event::{Batch, Event, Origin, SourceMeta, Timestamp};
use crate::world::fs::ReadFile;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Bytes read at once, where the file has them.
pub const BLOCK_BYTES_MIN: usize = 64 << 10;
/// Bytes read at once, at most; only a longer line takes more.
pub const BLOCK_BYTES_MAX: usize = 1 << 20;
/// Bytes of an unfinished line looked through in one turn, so that one endless line does not hold up the other files.
pub const SCAN_BYTES_MAX: u64 = 16 << 20;

/// Lines of a block that was read.
struct Block {
    bytes: Arc<[u8]>,
    /// Offset of the first byte in the file.
    start: u64,
    /// Where the next line starts in `bytes`.
    pos: usize,
    /// End of the last whole line in `bytes`.
    end: usize,
    /// `bytes[..end]` is UTF-8.
    utf8: bool,
    /// The block is the beginning of one line that takes so many bytes of the file.
    long: Option<u64>,
}

/// Why there is no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    Ready,
    /// No whole line is there.
    End,
    /// A long line is being looked through; go on in the next turn.
    Busy,
    /// What was read before is there no more.
    Rewritten,
}

/// How much a batch can still take.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub events: usize,
    pub bytes: usize,
}

impl Room {
    pub fn is_full(&self) -> bool {
        self.events == 0 || self.bytes == 0
    }
}

/// What the reader lends for reading.
pub struct Context<'a> {
    pub now: Timestamp,
    pub record: &'a Record,
    pub config: &'a FileInputConfig,
    pub millis: bool,
}

/// What a turn took from the file.
#[derive(Debug, Default)]
pub struct Took {
    pub events: u64,
    pub bytes: u64,
    /// Ranges whose lines got the present time and are not marked yet.
    pub marks: Vec<(u64, u64)>,
    mark_open: bool,
    pub cut_bytes: u64,
    pub bad_lines: u64,
    /// The last reason of a bad line.
    pub bad_why: &'static str,
}

/// One open file.
pub struct Harvester {
    pub key: u64,
    pub input: usize,
    pub path: PathBuf,
    pub file: Box<dyn ReadFile>,
    pub meta: Option<Arc<SourceMeta>>,
    /// Start of the next line to read.
    pub offset: u64,
    /// The bytes right before `offset`.
    pub tail: Print,
    /// What the file was known by before anything of it was read.
    pub head: Print,
    /// There is no line feed between `offset` and here.
    scanned: u64,
    /// The bytes right before `scanned`, where that lies behind `offset`.
    scan_tail: Print,
    /// Length of the file when it was last asked.
    pub len: u64,
    /// Nothing whole was left when it was last read.
    pub at_end: bool,
    /// Events that end at or before this are delivered already.
    pub suppress: u64,
    /// Lines up to here left in an earlier run: they must still be there when they are read again, and what follows them.
    pub left: Option<(u64, Print)>,
    /// Lines that wait for their rest, also those begun in the file before.
    pub partials: Vec<Partial>,
    /// Nothing more will come: the last line needs no line feed.
    pub last_call: bool,
    block: Option<Block>,
    /// Monotonic times.
    pub due: Duration,
    pub backoff: Duration,
    pub opened: Duration,
    pub heard: Duration,
    pub removed: Option<Duration>,
    /// Lines may be read: the file before is read to its end.
    pub released: bool,
    pub cut_said: bool,
    pub bad_said: bool,
}

impl Harvester {
    /// Starts at a position; `suppress` as [`Record::done`].
    pub fn new(
        key: u64,
        input: usize,
        path: PathBuf,
        file: Box<dyn ReadFile>,
        (offset, tail, suppress): (u64, Print, u64),
        now: Duration,
    ) -> Harvester {
        Harvester {
            key,
            input,
            path,
            file,
            meta: None,
            offset,
            tail,
            head: Print::default(),
            scanned: offset,
            scan_tail: Print::default(),
            len: 0,
            at_end: false,
            suppress,
            left: None,
            partials: vec![],
            last_call: false,
            block: None,
            due: now,
            backoff: Duration::ZERO,
            opened: now,
            heard: now,
            removed: None,
            released: false,
            cut_said: false,
            bad_said: false,
        }
    }

    /// How far the file was looked at.
    pub fn scanned(&self) -> u64 {
        self.scanned
    }

    /// Lines are read that no event was made of yet.
    pub fn has_block(&self) -> bool {
        self.block.is_some()
    }

    /// Nothing of the file is in memory, so it can be closed and opened again.
    pub fn is_clean(&self) -> bool {
        self.block.is_none() && self.partials.is_empty()
    }

    /// Makes sure that there are lines to take, if the file has any.
    pub fn load(&mut self, room: &Room, bytes_max: usize) -> io::Result<Load> {
        if self.block.is_some() {
            return Ok(Load::Ready);
        }
        let was_at_end = self.at_end;
        let stat = self.file.stat()?;
        if stat.len < self.scanned {
            return Ok(Load::Rewritten);
        }
        // seen but not read yet, as while it waits for the file before it: nothing else tells its content from the next
        if self.offset < u64::from(self.head.len) && !self.head.is_at(&*self.file, 0)? {
            return Ok(Load::Rewritten);
        }
        self.left = self.left.filter(|(upto, _)| *upto > self.offset);
        if let Some((upto, tail)) = self.left
            && (stat.len < upto || !tail.is_before(&*self.file, upto)?)
        {
            return Ok(Load::Rewritten);
        }
        self.len = stat.len;
        // is what was read before still there? Other content may have grown to just this length
        let same = self.tail.is_before(&*self.file, self.offset)?
            && (self.scanned == self.offset || !was_at_end || self.scan_tail.is_before(&*self.file, self.scanned)?);
        if !same {
            return Ok(Load::Rewritten);
        }
        if self.scanned == self.len && !(self.last_call && self.offset < self.len) {
            self.at_end = true;
            return Ok(Load::End);
        }
        let want = room.bytes.clamp(BLOCK_BYTES_MIN, BLOCK_BYTES_MAX) as u64;
        let mut size = want.min(self.len - self.offset);
        if self.scanned > self.offset {
            let end = match self.find_line_end()? {
                Ok(end) => end,
                Err(Load::End) if self.last_call => self.scanned,
                Err(other) => return Ok(other),
            };
            let line = end - self.offset;
            if line > (bytes_max as u64 + 2).max(BLOCK_BYTES_MAX as u64) {
                return self.load_long(line, bytes_max);
            }
            size = size.max(line);
        }
        let (bytes, got) = self.read_block(size)?;
        // emptied and written anew while it was read? Former content never comes back: what is there now was there then
        let head = Print::of(&bytes[..got.min(TAIL_BYTES_MAX)]);
        if !self.tail.is_before(&*self.file, self.offset)? || !head.is_at(&*self.file, self.offset)? {
            return Ok(Load::Rewritten);
        }
        let end = match memchr::memrchr(b'\n', &bytes[..got]) {
            Some(at) => at + 1,
            None if self.last_call && self.offset + got as u64 >= self.len => got,
            None => {
                self.scanned = self.scanned.max(self.offset + got as u64);
                if got == 0 || self.scanned >= self.len {
                    return self.ended(&bytes[..got]);
                }
                // longer than a block; what was noted of an earlier end is of no use for this place
                self.at_end = false;
                return Ok(Load::Busy);
            }
        };
        if end == 0 {
            return self.ended(&[]);
        }
        let utf8 = std::str::from_utf8(&bytes[..end]).is_ok();
        self.block = Some(Block { bytes, start: self.offset, pos: 0, end, utf8, long: None });
        self.at_end = false;
        Ok(Load::Ready)
    }

    fn ended(&mut self, line: &[u8]) -> io::Result<Load> {
        self.at_end = true;
        self.scan_tail = Print::of_end(line);
        Ok(Load::End)
    }

    fn read_block(&self, size: u64) -> io::Result<(Arc<[u8]>, usize)> {
        // zeroed memory comes from the system without being written
        // SAFETY: zero is a valid byte
        let mut bytes: Arc<[u8]> = unsafe { Arc::new_zeroed_slice(size as usize).assume_init() };
        let got = read_full(&*self.file, self.offset, Arc::get_mut(&mut bytes).expect("nobody else has it yet"))?;
        Ok((bytes, got))
    }

    /// Looks for the end of the unfinished line, without keeping what it reads.
    fn find_line_end(&mut self) -> io::Result<Result<u64, Load>> {
        let from = self.scanned;
        let mut chunk = vec![0; BLOCK_BYTES_MIN];
        let mut tail = Vec::new();
        loop {
            let n = read_full(&*self.file, self.scanned, &mut chunk)?;
            if let Some(at) = memchr::memchr(b'\n', &chunk[..n]) {
                return Ok(Ok(self.scanned + at as u64 + 1));
            }
            self.scanned += n as u64;
            tail.extend_from_slice(&chunk[..n]);
            tail.drain(..tail.len().saturating_sub(TAIL_BYTES_MAX));
            if n < chunk.len() {
                self.at_end = true;
                if !tail.is_empty() {
                    self.scan_tail = Print::of(&tail);
                }
                return Ok(Err(Load::End));
            }
            if self.scanned - from >= SCAN_BYTES_MAX {
                self.at_end = false;
                return Ok(Err(Load::Busy));
            }
        }
    }

    /// Reads the beginning of a line that is longer than `bytes_max`.
    fn load_long(&mut self, line: u64, bytes_max: usize) -> io::Result<Load> {
        let (bytes, got) = self.read_block(bytes_max as u64)?;
        if got < bytes_max {
            return Ok(Load::Rewritten);
        }
        let utf8 = std::str::from_utf8(&bytes).is_ok();
        self.block = Some(Block { end: got, bytes, start: self.offset, pos: 0, utf8, long: Some(line) });
        self.at_end = false;
        Ok(Load::Ready)
    }

    /// Makes events of the loaded lines, as many as there is room for.
    pub fn take(&mut self, batch: &mut Batch, room: &mut Room, cx: &Context<'_>, took: &mut Took) -> io::Result<()> {
        let meta = self.meta.clone().expect("the reader sets it before reading");
        let mut block = self.block.take().expect("a block is loaded");
        batch.change(|mut b| {
            let bytes = &b.keep(Arc::clone(&block.bytes))[..block.end];
            // SAFETY: checked when the block was read, and these bytes never change
            let text = block.utf8.then(|| unsafe { std::str::from_utf8_unchecked(bytes) });
            let mut out = Out::new(&mut b, &meta, cx, took, self.key);
            while block.pos < block.end && !room.is_full() {
                let start = block.start + block.pos as u64;
                let rest = &bytes[block.pos..];
                let feed = if block.long.is_some() { None } else { memchr::memchr(b'\n', rest) };
                let content = feed.unwrap_or(rest.len());
                let used = feed.map_or(rest.len(), |at| at + 1);
                let len = block.long.unwrap_or(used as u64);
                let raw = match text {
                    Some(text) => Raw::Text(&text[block.pos..block.pos + content]),
                    None => Raw::Bytes(&rest[..content]),
                };
                block.pos += used;
                let line = LineAt { start, len, raw, beyond: (len - used as u64).saturating_sub(1) };
                let before = out.took.events;
                match cx.config.format {
                    Format::Lines => out.plain_line(line, self.suppress),
                    Format::Container { format, stream } => {
                        out.container_line(line, format, stream, self.suppress, &mut self.partials)
                    }
                }
                room.events -= (out.took.events - before) as usize;
                room.bytes = room.bytes.saturating_sub(len as usize);
                out.took.bytes += len;
                self.offset = start + len;
            }
            if block.long.is_none() {
                self.tail = Print::of_end(&bytes[..block.pos]);
            }
        });
        self.scanned = self.offset;
        if block.long.is_some() {
            let mut end = [0; TAIL_BYTES_MAX];
            let from = self.offset.saturating_sub(TAIL_BYTES_MAX as u64);
            let n = read_full(&*self.file, from, &mut end[..(self.offset - from) as usize])?;
            self.tail = Print::of(&end[..n]);
        } else if block.pos < block.end {
            self.block = Some(block);
        }
        Ok(())
    }

    /// Ships the lines whose rest will never come.
    pub fn take_partials(&mut self, batch: &mut Batch, cx: &Context<'_>, took: &mut Took) {
        let meta = self.meta.clone().expect("the reader sets it before reading");
        let end = self.offset;
        let partials = std::mem::take(&mut self.partials);
        batch.change(|mut b| {
            let mut out = Out::new(&mut b, &meta, cx, took, self.key);
            for p in partials {
                out.joined(p, end, self.suppress);
            }
        });
    }
}

#[derive(Clone, Copy)]
enum Raw<'b> {
    Text(&'b str),
    Bytes(&'b [u8]),
}

impl<'b> Raw<'b> {
    fn bytes(&self) -> &'b [u8] {
        match self {
            Raw::Text(t) => t.as_bytes(),
            Raw::Bytes(b) => b,
        }
    }

    /// The first bytes as text.
    fn text(&self, arena: &'b Arena, len: usize) -> &'b str {
        match self {
            Raw::Text(t) if t.is_char_boundary(len) => &t[..len],
            _ => lossy(arena, &self.bytes()[..len]),
        }
    }
}

/// A line in its file.
struct LineAt<'b> {
    start: u64,
    /// Bytes it takes, its end included.
    len: u64,
    /// Its content without the line feed; the beginning of it, where it is too long.
    raw: Raw<'b>,
    /// Bytes of content that `raw` lacks.
    beyond: u64,
}

/// Bytes as text: every byte that is not UTF-8 becomes U+FFFD, as Go does it (and so Filebeat's JSON encoder).
pub fn lossy<'b>(arena: &'b Arena, bytes: &[u8]) -> &'b str {
    let mut out = bumpalo::collections::String::with_capacity_in(bytes.len() + 16, arena);
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for _ in chunk.invalid() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
    out.into_bump_str()
}

/// Where events go.
struct Out<'x, 'b, 'v> {
    batch: &'x mut BatchMut<'b, 'v>,
    source: u32,
    /// The shared entries without `log`.
    shared: &'b [Entry<'b>],
    /// The shared entries of `log`.
    log: &'b [Entry<'b>],
    metadata: Option<&'b Map<'b>>,
    cx: &'x Context<'x>,
    took: &'x mut Took,
    key: u64,
}

/// What makes an event special.
#[derive(Default)]
struct Extra<'b> {
    flags: &'b [Value<'b>],
    stream: Option<&'b str>,
    attrs: Option<Value<'b>>,
    error: Option<&'static str>,
}

impl<'x, 'b, 'v> Out<'x, 'b, 'v> {
    fn new(
        batch: &'x mut BatchMut<'b, 'v>,
        meta: &Arc<SourceMeta>,
        cx: &'x Context<'x>,
        took: &'x mut Took,
        key: u64,
    ) -> Out<'x, 'b, 'v> {
        let (source, entries, metadata) = batch.attach(meta);
        let log =
            entries.iter().find(|(k, _)| *k == "log").and_then(|(_, v)| v.as_map()).map_or(&[][..], |m| m.entries);
        Out { batch, source, shared: entries, log, metadata, cx, took, key }
    }

    /// The time of a line that carries none: when it was first read.
    fn read_time(&mut self, start: u64, end: u64) -> Timestamp {
        if let Some(mark) = self.cx.record.marked(start) {
            self.took.mark_open = false;
            return mark.time();
        }
        match self.took.marks.last_mut() {
            Some(last) if self.took.mark_open => last.1 = end,
            _ => self.took.marks.push((start, end)),
        }
        self.took.mark_open = true;
        self.cx.now
    }

    fn flags(&mut self, flags: &[&'static str]) -> &'b [Value<'b>] {
        let arena = self.batch.arena;
        arena.alloc_slice_fill_with(flags.len(), |i| Value::Str(flags[i]))
    }

    fn event(&mut self, key: u64, start: u64, len: u64, time: Timestamp, message: &'b str, extra: Extra<'b>) {
        let arena = self.batch.arena;
        let time = if self.cx.millis { time.truncated_to_millis() } else { time };
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        let mut event = Event::new(
            arena,
            Origin { key, offset: start, place: 0, source: self.source, len, input: self.cx.config.plan_input },
        );
        event.push("@timestamp", Value::Timestamp(time));
        let flags = usize::from(!extra.flags.is_empty());
        let log = self.log;
        let entries: &'b [Entry<'b>] = arena.alloc_slice_fill_with(1 + log.len() + flags, |i| match i {
            0 => ("offset", Value::Int(start as i64)),
            i if i <= log.len() => log[i - 1],
            _ => ("flags", Value::List(extra.flags)),
        });
        event.push("log", Value::Map(Map::new_in(arena, entries)));
        for (name, value) in self.shared {
            if *name != "log" {
                event.push(name, *value);
            }
        }
        if let Some(stream) = extra.stream {
            event.push("stream", Value::Str(stream));
        }
        if let Some(attrs) = extra.attrs {
            event.push("docker", Value::Map(Map::from_entries(arena, &[("attrs", attrs)])));
        }
        if let Some(why) = extra.error {
            let entries = [("message", Value::Str(why)), ("type", Value::Str("container"))];
            event.push("error", Value::Map(Map::from_entries(arena, &entries)));
        }
        event.push("message", Value::Str(message));
        if let Some(metadata) = self.metadata {
            event.set_metadata(metadata);
        }
        self.batch.events.push(event);
        self.took.events += 1;
    }

    /// Cuts a message at the limit.
    fn limited(&mut self, raw: Raw<'b>, beyond: u64) -> (&'b str, bool) {
        let max = self.cx.config.max_bytes;
        let len = raw.bytes().len();
        let cut = len.saturating_sub(max) as u64 + beyond;
        self.took.cut_bytes += cut;
        (raw.text(self.batch.arena, len.min(max)), cut > 0)
    }

    fn plain_line(&mut self, line: LineAt<'b>, suppress: u64) {
        let end = line.start + line.len;
        let raw = without_return(line.raw, line.beyond);
        // an empty line is no event in Filebeat
        if end <= suppress || raw.bytes().is_empty() {
            return;
        }
        let (message, cut) = self.limited(raw, line.beyond);
        let flags = if cut { self.flags(&["truncated"]) } else { &[] };
        let time = self.read_time(line.start, end);
        self.event(self.key, line.start, line.len, time, message, Extra { flags, ..Extra::default() });
    }

    fn container_line(
        &mut self,
        line: LineAt<'b>,
        format: super::config::ContainerFormat,
        wanted: super::config::Stream,
        suppress: u64,
        partials: &mut Vec<Partial>,
    ) {
        let arena = self.batch.arena;
        let end = line.start + line.len;
        let raw = without_return(line.raw, line.beyond);
        if raw.bytes().is_empty() {
            return;
        }
        let decoded = if line.beyond > 0 {
            Err("the line is longer than max_bytes")
        } else {
            container::decode(arena, raw.text(arena, raw.bytes().len()), format, true)
        };
        let decoded = match decoded {
            Ok(decoded) => decoded,
            Err(why) => {
                if end <= suppress {
                    return;
                }
                let (message, cut) = self.limited(raw, line.beyond);
                let flags = self.flags(if cut { &["truncated", "undecoded"] } else { &["undecoded"] });
                let time = self.read_time(line.start, end);
                self.took.bad_lines += 1;
                self.took.bad_why = why;
                let extra = Extra { flags, error: Some(why), ..Extra::default() };
                return self.event(self.key, line.start, line.len, time, message, extra);
            }
        };
        if !container::wants(wanted, decoded.stream) {
            return;
        }
        let begun = partials.iter().position(|p| p.stream == decoded.stream);
        match begun {
            None if !decoded.partial || partials.len() >= STREAMS_MAX => {
                if end <= suppress {
                    return;
                }
                let message = container::strip_line_end(decoded.message);
                let (message, cut) = self.limited(Raw::Text(message), 0);
                let flags = if cut { self.flags(&["truncated"]) } else { &[] };
                let extra = Extra { flags, stream: Some(decoded.stream), attrs: decoded.attrs, error: None };
                self.event(self.key, line.start, line.len, decoded.time, message, extra);
            }
            None => {
                let attrs = decoded.attrs.map(|a| {
                    let mut json = Vec::new();
                    crate::event::json::write(&a, &mut json);
                    String::from_utf8(json).expect("rendered JSON is UTF-8")
                });
                let mut partial = Partial {
                    stream: decoded.stream.to_string(),
                    key: self.key,
                    start: line.start,
                    parts: vec![],
                    len: 0,
                    time: decoded.time,
                    text: String::new(),
                    cut: 0,
                    attrs,
                };
                partial.add(decoded.message, (self.key, line.start), line.len, self.cx.config.max_bytes);
                partials.push(partial);
            }
            Some(at) => {
                partials[at].add(decoded.message, (self.key, line.start), line.len, self.cx.config.max_bytes);
                if !decoded.partial {
                    let partial = partials.remove(at);
                    self.joined(partial, end, suppress);
                }
            }
        }
    }

    /// An event of a line whose parts are together; it ends at `end` of the present file.
    fn joined(&mut self, partial: Partial, end: u64, suppress: u64) {
        if end <= suppress {
            return;
        }
        let arena = self.batch.arena;
        let text: &'b str = arena.alloc_str(&partial.text);
        let (message, cut) = self.limited(Raw::Text(container::strip_line_end(text)), partial.cut);
        let flags = if cut { self.flags(&["truncated"]) } else { &[] };
        let attrs = partial.attrs.as_deref().and_then(|json| {
            let json: &'b str = arena.alloc_str(json);
            crate::event::json::parse(arena, json, crate::event::json::Decimals::Double).ok()
        });
        let stream: &'b str = arena.alloc_str(&partial.stream);
        let extra = Extra { flags, stream: Some(stream), attrs, error: None };
        self.event(partial.key, partial.start, partial.len, partial.time, message, extra);
    }
}

/// Takes a carriage return off the end, as Filebeat does; where the end was cut off it is not known.
fn without_return(raw: Raw<'_>, beyond: u64) -> Raw<'_> {
    if beyond > 0 {
        return raw;
    }
    match raw {
        Raw::Text(t) => Raw::Text(t.strip_suffix('\r').unwrap_or(t)),
        Raw::Bytes(b) => Raw::Bytes(b.strip_suffix(b"\r").unwrap_or(b)),
    }
}
