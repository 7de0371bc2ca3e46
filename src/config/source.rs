//! Source texts and the spans into them.
//!
//! Every node of a parsed configuration carries a [`Span`], so that any later finding can point at the exact text.

use std::fmt;
use std::path::{Path, PathBuf};

/// Names one text of a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A range of bytes in one source text, `start` inclusive and `end` exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    pub file: FileId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// A span over `start..end` of `file`.
    pub fn new(file: FileId, start: usize, end: usize) -> Span {
        assert!(start <= end, "a span cannot end before it starts");
        Span { file, start: start as u32, end: end as u32 }
    }

    /// The smallest span that covers both; both must lie in one file.
    pub fn to(self, other: Span) -> Span {
        assert_eq!(self.file, other.file, "a span lies in one file");
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The empty span at this one's start.
    pub fn head(self) -> Span {
        Span { end: self.start, ..self }
    }
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

impl<T> Spanned<T> {
    pub fn new(value: T, span: Span) -> Spanned<T> {
        Spanned { value, span }
    }

    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: f(self.value), span: self.span }
    }

    pub fn as_ref(&self) -> Spanned<&T> {
        Spanned { value: &self.value, span: self.span }
    }
}

/// One configuration text: a file, or a string given on the command line.
#[derive(Debug)]
pub struct SourceFile {
    /// What diagnostics call it: the path as the user gave it, or `-e` / `-E`.
    pub name: String,
    pub text: String,
    line_starts: Vec<u32>,
}

/// Line and column, both counted from 1; the column counts characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    pub file: String,
    pub line: usize,
    pub column: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// All texts of one run.
#[derive(Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    pub fn new() -> SourceMap {
        SourceMap::default()
    }

    /// Adds a text; it must be shorter than 4 GiB.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let text = text.into();
        assert!(text.len() < u32::MAX as usize, "a configuration text is shorter than 4 GiB");
        let mut line_starts = vec![0];
        line_starts.extend(memchr::memchr_iter(b'\n', text.as_bytes()).map(|i| i as u32 + 1));
        self.files.push(SourceFile { name: name.into(), text, line_starts });
        FileId(self.files.len() as u32 - 1)
    }

    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    pub fn len(&self) -> usize {
        self.files.len()
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The text under a span.
    pub fn text(&self, span: Span) -> &str {
        &self.file(span.file).text[span.start as usize..span.end as usize]
    }

    /// The path of a source that came from a file.
    pub fn path(&self, id: FileId) -> PathBuf {
        Path::new(&self.file(id).name).to_path_buf()
    }

    /// Where a span starts.
    pub fn locate(&self, span: Span) -> Location {
        let file = self.file(span.file);
        let line = file.line_starts.partition_point(|&s| s <= span.start) - 1;
        let from = file.line_starts[line] as usize;
        let column = file.text[from..span.start as usize].chars().count() + 1;
        Location { file: file.name.clone(), line: line + 1, column }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_not_bytes() {
        let mut map = SourceMap::new();
        let id = map.add("a.conf", "x\n解 y\n");
        let at = map.locate(Span::new(id, 6, 7));
        assert_eq!(at.to_string(), "a.conf:2:3");
    }

    #[test]
    fn the_end_of_a_text_can_be_located() {
        let mut map = SourceMap::new();
        let id = map.add("a.conf", "ab");
        assert_eq!(map.locate(Span::new(id, 2, 2)).to_string(), "a.conf:1:3");
    }
}
