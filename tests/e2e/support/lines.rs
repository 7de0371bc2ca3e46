//! The judge's arithmetic: what was written against what arrived, line by line. Tests make every line they write unique, so that
//! one set of texts answers for both losses and doubles.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Texts with how often each occurs.
pub type Tally = BTreeMap<String, usize>;

/// Counts equal texts.
pub fn tally(lines: impl IntoIterator<Item = String>) -> Tally {
    let mut tally = Tally::new();
    for line in lines {
        *tally.entry(line).or_default() += 1;
    }
    tally
}

/// Panics, with a few samples of each, if `arrived` lacks something that was `written`, or has something twice, or has more.
pub fn assert_exactly_once(written: &Tally, arrived: &Tally) {
    let lost: Vec<_> =
        written.iter().filter(|(line, n)| arrived.get(*line).unwrap_or(&0) < n).map(|(line, _)| line).collect();
    let doubled: Vec<_> = arrived.iter().filter(|(line, n)| *written.get(*line).unwrap_or(&0) < **n).collect();
    assert!(
        lost.is_empty() && doubled.is_empty(),
        "{} lines written, {} arrived; {} lost, such as {:#?}; {} too often or never written, such as {:#?}",
        written.values().sum::<usize>(),
        arrived.values().sum::<usize>(),
        lost.len(),
        lost.iter().take(5).collect::<Vec<_>>(),
        doubled.len(),
        doubled.iter().take(5).collect::<Vec<_>>(),
    );
}

/// The lines of a plain log file. A file that is not there has none.
pub fn of_plain_file(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// The lines a container printed, out of the file Docker keeps of them: pieces of a long line joined, without their newlines.
pub fn of_docker_file(path: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open: BTreeMap<String, String> = BTreeMap::new();
    for entry in of_plain_file(path) {
        let entry: Value = serde_json::from_str(&entry).expect("Docker writes JSON");
        let stream = entry["stream"].as_str().expect("an entry has a stream").to_owned();
        let text = entry["log"].as_str().expect("an entry has a text");
        let line = open.entry(stream.clone()).or_default();
        line.push_str(text);
        if let Some(whole) = line.strip_suffix('\n') {
            lines.push(whole.to_owned());
            open.remove(&stream);
        }
    }
    assert!(open.is_empty(), "{} ends within a line", path.display());
    lines
}

/// The documents `--local DIR` left: index name (from the file or the action line) with the document.
pub fn of_local(dir: &Path) -> Vec<Document> {
    let mut documents = Vec::new();
    let mut paths: Vec<_> = walk(dir);
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|e| e == "ndjson")) {
        let mut action: Option<Value> = None;
        for line in of_plain_file(path) {
            let value: Value =
                serde_json::from_str(&line).unwrap_or_else(|e| panic!("{}: {e}: {line}", path.display()));
            match action.take() {
                None if value.get("create").is_some() || value.get("index").is_some() => action = Some(value),
                Some(found) => {
                    let meta = found.get("create").or(found.get("index")).expect("kept only if it is one").clone();
                    documents.push(Document {
                        index: meta["_index"].as_str().map(str::to_owned),
                        id: meta["_id"].as_str().map(str::to_owned),
                        source: value,
                    });
                }
                None => {}
            }
        }
    }
    documents
}

fn walk(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found
}

/// A document as a server or `--local` holds it.
#[derive(Clone, Debug)]
pub struct Document {
    /// The index it is in, if said.
    pub index: Option<String>,
    /// Its `_id`, if said.
    pub id: Option<String>,
    /// The event.
    pub source: Value,
}

impl Document {
    /// The field `message`; panics if it is not text.
    pub fn message(&self) -> String {
        self.source["message"].as_str().unwrap_or_else(|| panic!("no text in `message`: {}", self.source)).to_owned()
    }
}

/// The judge itself can say no.
mod tests {
    use super::*;

    fn texts(lines: &[&str]) -> Tally {
        tally(lines.iter().map(|line| (*line).to_owned()))
    }

    fn refused(written: &[&str], arrived: &[&str]) -> bool {
        std::panic::catch_unwind(|| assert_exactly_once(&texts(written), &texts(arrived))).is_err()
    }

    #[test]
    fn judge_refuses_losses_doubles_and_strangers() {
        assert!(!refused(&["a", "b", "b"], &["b", "a", "b"]));
        assert!(refused(&["a", "b"], &["a"]), "a loss");
        assert!(refused(&["a", "b"], &["a", "b", "b"]), "a double");
        assert!(refused(&["a"], &["a", "c"]), "never written");
        assert!(refused(&["a", "b"], &["a", "a"]), "the number is right, the lines are not");
    }

    #[test]
    fn pieces_of_a_docker_line_are_joined_per_stream() {
        let dir = tempfile::TempDir::new().expect("a temporary folder");
        let path = dir.path().join("c-json.log");
        let entries = [("stdout", "one "), ("stderr", "other\\n"), ("stdout", "line\\n")];
        let text: String =
            entries.iter().map(|(s, l)| format!("{{\"log\":\"{l}\",\"stream\":\"{s}\",\"time\":\"t\"}}\n")).collect();
        std::fs::write(&path, text).expect("a file can be written");
        assert_eq!(of_docker_file(&path), ["other", "one line"]);
    }
}
