//! What was written, and what must become of it.

use super::server::{self, Elastic};
use std::collections::{BTreeMap, BTreeSet};

/// What must become of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Exactly one document.
    Delivered,
    /// No document, at least one dead letter. (The dead letter file is written at least once: a line that is read again after
    /// a crash is written again.)
    Dead,
    /// No document, no dead letter: the configuration drops it.
    Dropped,
}

/// A written line.
#[derive(Clone, Debug)]
pub struct Line {
    pub message: String,
    pub fate: Fate,
    /// The files' contents that it lies in; two where parts were written before and after a rotation.
    contents: Vec<u64>,
    /// It may have become unreadable before it could be read; then it may be missing. Never twice.
    excused: bool,
}

/// All lines.
#[derive(Default)]
pub struct Ledger {
    lines: BTreeMap<String, Line>,
    excused_contents: BTreeSet<u64>,
    next_content: u64,
    next_token: BTreeMap<String, u64>,
}

impl Ledger {
    /// A file's new content: of a new file, or of one that was emptied.
    pub fn content(&mut self) -> u64 {
        self.next_content += 1;
        self.next_content
    }

    pub fn token(&mut self, writer: &str) -> String {
        let n = self.next_token.entry(writer.to_string()).or_default();
        *n += 1;
        format!("{writer}-{n:06}")
    }

    /// A line was written, its end included.
    pub fn wrote(&mut self, token: &str, message: &str, fate: Fate, contents: &[u64]) {
        let line = Line { message: message.to_string(), fate, contents: contents.to_vec(), excused: false };
        assert!(self.lines.insert(token.to_string(), line).is_none(), "tokens are unique");
    }

    pub fn excuse_line(&mut self, token: &str) {
        self.lines.get_mut(token).expect("written").excused = true;
    }

    /// Everything of a content, also what will still be written to it.
    pub fn excuse_content(&mut self, content: u64) {
        self.excused_contents.insert(content);
    }

    /// What of a content has not been delivered yet.
    pub fn excuse_undelivered(&mut self, content: u64, server: &Elastic) {
        for (token, line) in self.lines.iter_mut().filter(|(_, l)| l.contents.contains(&content)) {
            line.excused |= !server.has(token);
        }
    }

    /// The program knows the file: a line of it was delivered.
    pub fn is_known(&self, content: u64, server: &Elastic) -> bool {
        self.lines.iter().any(|(token, l)| l.contents.contains(&content) && server.has(token))
    }

    /// Whether everything of a content came to its end as far as the server shows it.
    pub fn is_delivered(&self, content: u64, server: &Elastic, dead: &BTreeSet<String>) -> bool {
        self.lines.iter().filter(|(_, l)| l.contents.contains(&content)).all(|(token, l)| match l.fate {
            Fate::Delivered => server.has(token),
            Fate::Dead => dead.contains(token),
            Fate::Dropped => true,
        })
    }

    fn is_excused(&self, line: &Line) -> bool {
        line.excused || line.contents.iter().any(|c| self.excused_contents.contains(c))
    }

    pub fn len(&self) -> usize {
        self.lines.len()
    }

    pub fn excused(&self) -> usize {
        self.lines.values().filter(|l| self.is_excused(l)).count()
    }

    /// Lines that are neither delivered nor dead nor excused.
    pub fn open(&self, server: &Elastic, dead: &BTreeSet<String>) -> Vec<&str> {
        self.lines
            .iter()
            .filter(|(token, line)| {
                !self.is_excused(line)
                    && match line.fate {
                        Fate::Delivered => !server.has(token),
                        Fate::Dead => !dead.contains(*token),
                        Fate::Dropped => false,
                    }
            })
            .map(|(token, _)| token.as_str())
            .collect()
    }

    /// The judge: compares what was written with what the server and the dead letter file hold.
    pub fn judge(&self, server: &Elastic, dead: &BTreeSet<String>) -> Vec<String> {
        let mut faults = vec![];
        let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let documents: Vec<_> = server.documents().collect();
        for document in &documents {
            let place = format!("{}/{}", document.index, document.id);
            let Some(message) = server::message(&document.source) else {
                faults.push(format!("a document without message: {place}: {}", document.source));
                continue;
            };
            match server::token(message).and_then(|t| self.lines.get_key_value(t)) {
                Some((token, line)) if line.message == message => found.entry(token).or_default().push(place),
                Some((token, line)) => {
                    faults.push(format!("{token} was changed: {place}: written {:?}, is {message:?}", line.message));
                }
                None => faults.push(format!("a document that nobody wrote: {place}: {message:?}")),
            }
        }
        for (token, line) in &self.lines {
            let places = found.get(token.as_str()).map_or(&[][..], Vec::as_slice);
            let is_dead = dead.contains(token);
            match (line.fate, places.len()) {
                (_, 2..) => faults.push(format!("{token} is there {} times: {}", places.len(), places.join(", "))),
                (Fate::Delivered, 0) if self.is_excused(line) => {}
                (Fate::Delivered, 0) => faults.push(format!("{token} is lost")),
                (Fate::Dead | Fate::Dropped, 1) => faults.push(format!("{token} must not be there: {}", places[0])),
                (Fate::Dead, 0) if !is_dead && !self.is_excused(line) => {
                    faults.push(format!("{token} is no dead letter, and is lost"));
                }
                _ => {}
            }
            if is_dead && line.fate != Fate::Dead {
                faults.push(format!("{token} is a dead letter for no reason"));
            }
        }
        faults
    }
}
