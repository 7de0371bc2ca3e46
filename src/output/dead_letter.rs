//! The dead letter file: events that can go nowhere, one JSON object a line, readable and re-sendable.
//!
//! `{"time":..., "reason":..., "message":..., "status":..., "source":..., "offset":..., "output":..., "event":{...}}`.
//! On by default, under the data folder, as `dead_letter.ndjson`; limited in size (`dead_letter_bytes_max`). A full file
//! is said loudly and counted; the event stays undelivered then and its source reads it again later.

use crate::telemetry::{CounterName, Metrics};
use crate::world::World;
use crate::world::fs::{WriteFile, WriteMode};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Default of the size limit, in bytes; as Logstash's `dead_letter_queue.max_bytes`.
pub const DEAD_LETTER_BYTES_MAX: u64 = 1 << 30;

/// One event for the dead letter file.
#[derive(Clone, Copy, Debug)]
pub struct DeadLetter<'a> {
    /// Kebab-case, for counting.
    pub reason: &'a str,
    /// For people.
    pub message: &'a str,
    /// The server's status for this event, if a server refused it.
    pub status: Option<u16>,
    pub source: &'a str,
    pub offset: u64,
    /// The output that could not deliver it; empty when a filter failed.
    pub output: &'a str,
    /// The event as JSON.
    pub event: &'a [u8],
}

/// Writes dead letters; shared by the worker threads and the outputs.
pub struct DeadLetters {
    world: World,
    metrics: Metrics,
    path: PathBuf,
    bytes_max: u64,
    file: Mutex<Option<Open>>,
}

struct Open {
    file: Box<dyn WriteFile>,
    len: u64,
}

impl DeadLetters {
    /// Opens nothing yet: the file is made with the first letter.
    pub fn new(world: World, metrics: Metrics, path: &Path, bytes_max: u64) -> DeadLetters {
        DeadLetters { world, metrics, path: path.to_path_buf(), bytes_max, file: Mutex::new(None) }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the last whole line ends.
    fn whole_lines(&self, len: u64) -> io::Result<u64> {
        const CHUNK_BYTES: u64 = 64 << 10;
        if len == 0 {
            return Ok(0);
        }
        let file = self.world.fs.open(&self.path)?;
        let mut end = len;
        while end > 0 {
            let from = end.saturating_sub(CHUNK_BYTES);
            let mut chunk = vec![0; (end - from) as usize];
            let mut n = 0;
            while n < chunk.len() {
                match file.read_at(from + n as u64, &mut chunk[n..])? {
                    0 => break,
                    more => n += more,
                }
            }
            if let Some(at) = memchr::memrchr(b'\n', &chunk[..n]) {
                return Ok(from + at as u64 + 1);
            }
            end = from;
        }
        Ok(0)
    }

    /// Writes letters and syncs them to disk: after `Ok` the events have ended.
    ///
    /// # Errors
    /// The disk fails or the limit is reached; none of the letters counts as written then.
    pub fn write(&self, letters: &[DeadLetter<'_>]) -> io::Result<()> {
        if letters.is_empty() {
            return Ok(());
        }
        let mut out = Vec::new();
        let now = self.world.clock.now().to_string();
        for l in letters {
            let head = serde_json::json!({
                "time": now, "reason": l.reason, "message": l.message, "status": l.status,
                "source": l.source, "offset": l.offset, "output": l.output,
            });
            let mut line = serde_json::to_vec(&head).expect("plain values become JSON");
            line.pop();
            line.extend_from_slice(b",\"event\":");
            line.extend_from_slice(if l.event.is_empty() { b"null" } else { l.event });
            line.extend_from_slice(b"}\n");
            out.extend_from_slice(&line);
        }
        let mut held = self.file.lock().expect("never poisoned");
        if held.is_none() {
            if let Some(dir) = self.path.parent() {
                self.world.fs.create_dir_all(dir)?;
            }
            let mut file = self.world.fs.open_write(&self.path, WriteMode::Append, 0o600)?;
            let mut len = file.len()?;
            let whole = self.whole_lines(len)?;
            if whole < len {
                // a crash tore the last line; its event is read again
                file.set_len(whole)?;
                len = whole;
            }
            if let Some(dir) = self.path.parent() {
                self.world.fs.sync_dir(dir)?;
            }
            *held = Some(Open { file, len });
        }
        let open = held.as_mut().expect("opened above");
        if open.len + out.len() as u64 > self.bytes_max {
            self.metrics.counter(CounterName::DeadLetterFull, &[]).inc_by(letters.len() as u64);
            let path = self.path.display();
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                format!("the dead letter file {path} has reached its limit of {} bytes", self.bytes_max),
            ));
        }
        let written = open.file.write_all(&out).and_then(|()| open.file.sync());
        match written {
            Ok(()) => open.len += out.len() as u64,
            Err(e) => {
                // a torn line must not swallow the next one
                let _ = open.file.set_len(open.len);
                *held = None;
                return Err(e);
            }
        }
        for l in letters {
            self.metrics.counter(CounterName::DeadLetterEvents, &[("reason", l.reason)]).inc();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::TestWorld;

    #[test]
    fn a_line_that_a_crash_tore_does_not_swallow_the_next() {
        let t = TestWorld::new();
        t.fs.put("/dead.ndjson", "{\"whole\":1}\n{\"torn");
        let letters =
            DeadLetters::new(t.world.clone(), Metrics::new(), Path::new("/dead.ndjson"), DEAD_LETTER_BYTES_MAX);
        let letter = DeadLetter {
            reason: "rejected",
            message: "",
            status: None,
            source: "a.log",
            offset: 7,
            output: "",
            event: b"{}",
        };
        letters.write(&[letter]).unwrap();
        let text = t.fs.text("/dead.ndjson");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0], "{\"whole\":1}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(lines[1]).unwrap()["offset"], 7);
    }
}
