//! What every file of this package keeps to, checked by reading the sources.
//!
//! A failure names file and line. A rule that gets in the way of good code is changed here, in the same change, with its reason.

#![allow(clippy::disallowed_methods, reason = "a test stands outside of the program")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Which folder of `src` may use what of which other; `a` is all of a folder, `a::b` one item or module of it.
///
/// From the bottom up. `plan` and `cli` put everything together and are not held to a table.
const MAY_USE: &[(&str, &[&str])] = &[
    // a clock has to name an instant
    ("world", &["event::Timestamp"]),
    ("ack", &[]),
    ("regexp", &[]),
    ("telemetry", &["world"]),
    // an event knows its batch's acknowledgement, and a template may ask what day it is
    ("event", &["ack::BatchAck", "world::Clock"]),
    ("config", &["event", "regexp", "world"]),
    ("codec", &["config", "event", "world::Clock"]),
    ("filter", &["config", "event", "regexp", "world"]),
    ("input", &["ack", "codec", "config", "event", "runtime::Stop", "runtime::intake", "telemetry", "world"]),
    ("output", &["ack", "codec", "config", "event", "runtime::Stop", "telemetry", "world"]),
    ("api", &["telemetry"]),
    ("runtime", &["ack", "api", "event", "filter", "input", "output", "telemetry", "world"]),
];

/// Folders that may use all others.
const MAY_USE_ALL: &[&str] = &["plan", "cli"];

/// What a single file or folder may use beyond the table: where, what, why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("config/build.rs", "filter::Slot", "the two phases of a build hand filters' places to each other"),
    ("config/build.rs", "filter::common", "the common options are read where plugins are built"),
    ("config/lower", "filter", "lowering turns the syntax tree into filters"),
    ("config/check", "filter::date", "`check` asks the filters themselves what they would do"),
    ("config/check", "filter::grok", "`check` asks the filters themselves what they would do"),
    ("config/check", "filter::processor", "`check` asks the filters themselves what they would do"),
    ("config/check", "filter::registry", "`check` asks the filters themselves what they would do"),
    ("codec/encode/json.rs", "output::write_document", "one way to write an event as JSON"),
    ("filter/processor/mod.rs", "input::beats", "what an agent hands over by a link looks as if beats had received it"),
    ("input/common.rs", "filter::common", "`add_field`, `tags` and `type` are the same in inputs and filters"),
    ("input/beats/arrive.rs", "filter::processor", "the other half of what the agent's processors did to an event"),
    ("input/beats", "output::dead_letter", "what a sender sends and nobody can read has to end somewhere"),
    ("input/beats/mod.rs", "runtime::run", "the context a network input is given"),
    ("output/beats", "input::beats", "sender and receiver share the frames of the protocol"),
    ("output/beats/encode.rs", "filter::processor", "the event as the agent's processors leave it"),
];

/// Doors to the outside, and where they may be opened. Everything else goes through `crate::world`.
const DOORS: &[&str] = &[
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::os::unix::net",
    "tokio::fs",
    "tokio::net",
    "tokio::time",
    "std::env",
    "std::process::Command",
    "SystemTime",
    "Instant::now",
    "time::Instant",
    "thread::sleep",
    "reqwest::",
    "notify::",
    "world::real",
];
const DOORS_MAY_BE_IN: &[&str] = &["world/real", "api", "cli", "main.rs"];
const DOOR_EXCEPTIONS: &[(&str, &str, &str)] =
    &[("runtime/run.rs", "world::real", "the real run is the one place that watches the real disk")];

const FILE_LINES_MAX: usize = 2000;
/// Longer files are named in the output.
const FILE_LINES_LONG: usize = 700;

/// Written in two halves, or this file would find itself.
const UNFINISHED: &[&str] =
    &[concat!("to", "do!"), concat!("unimple", "mented!"), concat!("#[ign", "ore"), concat!("db", "g!(")];

/// Ids that are a warning here and an error there, with the reason.
const IDS_OF_TWO_SEVERITIES: &[(&str, &str)] = &[
    ("unknown-option", "Filebeat refuses some unknown options and passes over others"),
    ("undefined-variable", "`check` runs elsewhere than the pipeline, where the variable may be defined"),
    ("date-timezone", "the original looks at `timezone` for some formats only"),
    ("patterns-file", "a file that cannot be read stops a run, a folder without one does not"),
];

// the helpers

/// A source file: its path below the package, with `/`, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Below `src`, the path from there.
    fn in_src(&self) -> Option<&str> {
        self.path.strip_prefix("src/")
    }

    /// The whole file is for tests.
    fn is_test(&self) -> bool {
        let parts: Vec<&str> = self.path.split('/').collect();
        let [folders @ .., file] = &parts[..] else { return false };
        matches!(*file, "tests.rs" | "testing.rs" | "differential.rs")
            || folders.iter().any(|f| matches!(*f, "tests" | "testing"))
    }

    /// Lines with their numbers, without comments and without the modules of tests at the end of a file.
    fn code(&self) -> Vec<(usize, &str)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let mut out = Vec::new();
        for (i, line) in lines.iter().enumerate() {
            let next = lines.get(i + 1).map_or("", |l| l.trim());
            if line.trim() == "#[cfg(test)]" && next.contains("mod ") && next.ends_with('{') {
                break;
            }
            if !line.trim_start().starts_with("//") {
                out.push((i + 1, *line));
            }
        }
        out
    }
}

fn sources(folders: &[&str]) -> Vec<Source> {
    fn walk(root: &Path, dir: PathBuf, out: &mut Vec<Source>) {
        let mut entries: Vec<_> =
            std::fs::read_dir(&dir).expect("a folder").map(|e| e.expect("an entry").path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(root, path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
                out.push(Source { path: name, text: std::fs::read_to_string(&path).expect("UTF-8") });
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut out = Vec::new();
    for folder in folders {
        walk(root, root.join(folder), &mut out);
    }
    assert!(out.len() > 1, "there are sources in {folders:?}");
    out
}

/// What stands behind every `crate::` in the code: line, and the path's first two parts (`filter::grok`; `filter` for
/// the folder itself).
fn uses(code: &[(usize, &str)]) -> Vec<(usize, String)> {
    let mut text = String::new();
    let mut starts = Vec::new();
    for (number, line) in code {
        starts.push((text.len(), *number));
        text.push_str(line);
        text.push('\n');
    }
    let mut out = Vec::new();
    for (at, found) in text.match_indices("crate::") {
        if at > 0 && text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let line = starts[starts.partition_point(|(start, _)| *start <= at) - 1].1;
        for path in branches(&text[at + found.len()..]) {
            let mut parts = path.split("::").filter(|p| *p != "self");
            let folder = parts.next().unwrap_or_default();
            out.push((line, parts.next().map_or(folder.to_string(), |item| format!("{folder}::{item}"))));
        }
    }
    out
}

/// The paths of a use tree: `a::{b, c::d}` gives `a::b` and `a::c::d`.
fn branches(tree: &str) -> Vec<String> {
    let end = tree.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').unwrap_or(tree.len());
    let stem = &tree[..end];
    if !(tree[end..].starts_with('{') && (stem.is_empty() || stem.ends_with("::"))) {
        return vec![stem.trim_end_matches(':').to_string()];
    }
    let mut out = Vec::new();
    let (mut depth, mut from) = (0, end + 1);
    for (i, c) in tree.char_indices().skip_while(|(i, _)| *i < end) {
        match c {
            '{' => depth += 1,
            '}' | ',' if depth == 1 => {
                let item = tree[from..i].trim();
                if !item.is_empty() {
                    out.extend(branches(item).into_iter().map(|b| format!("{stem}{b}")));
                }
                from = i + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    out
}

/// Whether a path lies in `allowed`: `filter` covers all of it, `filter::grok` only that.
fn covers(allowed: &str, path: &str) -> bool {
    path.strip_prefix(allowed).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Whether a file is the one named, or in the folder named (also the folder's own `name.rs`).
fn lies_in(place: &str, file: &str) -> bool {
    file.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest == ".rs")
}

fn folder_of(in_src: &str) -> &str {
    in_src.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

/// What the sources use against the rules; and the rules nobody needs.
fn layering(sources: &[Source], table: &[(&str, &[&str])], exceptions: &[(&str, &str, &str)]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut needed: BTreeSet<(&str, &str)> = BTreeSet::new();
    for source in sources {
        let Some(file) = source.in_src() else { continue };
        let folder = folder_of(file);
        if source.is_test() || MAY_USE_ALL.contains(&folder) || matches!(folder, "lib" | "main") {
            continue;
        }
        let Some((_, allowed)) = table.iter().find(|(f, _)| *f == folder) else {
            wrong.push(format!("{}: folder `{folder}` is not in the table", source.path));
            continue;
        };
        for (line, path) in uses(&source.code()) {
            if covers(folder, &path) {
                continue;
            }
            if let Some(by) = allowed.iter().find(|a| covers(a, &path)) {
                needed.insert((folder, by));
            } else if let Some((place, by, _)) =
                exceptions.iter().find(|(p, a, _)| lies_in(p, file) && covers(a, &path))
            {
                needed.insert((place, by));
            } else {
                wrong.push(format!("{}:{line}: `{folder}` may not use `{path}`", source.path));
            }
        }
    }
    let rules = table.iter().flat_map(|(f, all)| all.iter().map(move |a| (*f, *a)));
    for rule in rules.chain(exceptions.iter().map(|(p, a, _)| (*p, *a))) {
        if !needed.contains(&rule) {
            wrong.push(format!("no file needs the rule that `{}` may use `{}`: remove it", rule.0, rule.1));
        }
    }
    wrong
}

/// Lines that open a door to the outside where none may be.
fn open_doors(sources: &[Source]) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in sources.iter().filter(|s| !s.is_test()) {
        let Some(file) = source.in_src() else { continue };
        if DOORS_MAY_BE_IN.iter().any(|place| lies_in(place, file)) {
            continue;
        }
        for (line, text) in source.code() {
            for door in DOORS.iter().filter(|d| contains_word(text, d)) {
                if !DOOR_EXCEPTIONS.iter().any(|(place, d, _)| d == door && lies_in(place, file)) {
                    wrong.push(format!("{}:{line}: `{door}` belongs into `world`", source.path));
                }
            }
        }
    }
    wrong
}

/// Whether `text` has `word`, not as the end of a longer name.
fn contains_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// What a folder's `mod.rs` does not say.
fn unsaid(source: &Source) -> Vec<&'static str> {
    let doc: Vec<&str> = source.text.lines().map_while(|l| l.strip_prefix("//!")).map(str::trim).collect();
    let doc = doc.join(" ");
    ["Belongs here", "Must not be here"].into_iter().filter(|said| !doc.contains(said)).collect()
}

/// Ids of diagnostics with severity, file and line.
fn ids(source: &Source) -> Vec<(String, &'static str, usize)> {
    let code = source.code();
    let mut out = Vec::new();
    for (i, (number, line)) in code.iter().enumerate() {
        for severity in ["error", "fault", "warning"] {
            let call = format!("Diagnostic::{severity}(");
            let Some((_, rest)) = line.split_once(&call) else { continue };
            // rustfmt puts the id on the next line when the call is long
            let rest = if rest.trim().is_empty() { code.get(i + 1).map_or("", |(_, next)| next.trim()) } else { rest };
            if let Some(id) = rest.strip_prefix('"').and_then(|r| r.split('"').next()) {
                out.push((id.to_string(), severity, *number));
            }
        }
    }
    out
}

fn is_kebab(id: &str) -> bool {
    !id.is_empty()
        && id
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

/// Two spellings of one id have the same sorted words without plural.
fn meaning(id: &str) -> Vec<&str> {
    let mut words: Vec<&str> = id.split('-').map(|w| w.strip_suffix('s').unwrap_or(w)).collect();
    words.sort_unstable();
    words
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} place(s):\n{}", wrong.len(), wrong.join("\n"));
}

// the rules

#[test]
fn folders_use_only_what_they_may() {
    assert_none(&layering(&sources(&["src"]), MAY_USE, EXCEPTIONS));
}

#[test]
fn the_outside_is_reached_through_the_world() {
    assert_none(&open_doors(&sources(&["src"])));
}

#[test]
fn every_folder_says_what_belongs_into_it() {
    let all = sources(&["src"]);
    let folders = all.iter().filter(|s| s.path.ends_with("/mod.rs") && !s.is_test());
    let wrong: Vec<String> =
        folders.flat_map(|s| unsaid(s).into_iter().map(|what| format!("{}: says no `{what}`", s.path))).collect();
    assert_none(&wrong);
}

#[test]
fn files_are_of_readable_length() {
    let mut wrong = Vec::new();
    for source in sources(&["src", "tests", "benches"]) {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            wrong.push(format!("{}: {lines} lines, at most {FILE_LINES_MAX}", source.path));
        } else if lines > FILE_LINES_LONG {
            println!("note: {} has {lines} lines", source.path);
        }
    }
    assert_none(&wrong);
}

#[test]
fn nothing_is_left_unfinished() {
    let mut wrong = Vec::new();
    for source in sources(&["src", "tests", "benches"]) {
        for (i, line) in source.text.lines().enumerate() {
            for word in UNFINISHED.iter().filter(|w| contains_word(line, w)) {
                wrong.push(format!("{}:{}: {word}", source.path, i + 1));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn an_id_of_a_diagnostic_has_one_meaning() {
    let mut wrong = Vec::new();
    let mut seen: BTreeMap<String, (&'static str, String)> = BTreeMap::new();
    for source in sources(&["src"]).iter().filter(|s| !s.is_test()) {
        for (id, severity, line) in ids(source) {
            let at = format!("{}:{line}", source.path);
            if !is_kebab(&id) {
                wrong.push(format!("{at}: `{id}` is not kebab-case"));
            }
            // an error that stops and one that does not are both errors to whoever reads the id
            let kind = if severity == "warning" { "warning" } else { "error" };
            let (first, there) = seen.entry(id.clone()).or_insert((kind, at.clone()));
            if *first != kind && !IDS_OF_TWO_SEVERITIES.iter().any(|(i, _)| *i == id) {
                wrong.push(format!("{at}: `{id}` is a {kind} here, a {first} at {there}"));
            }
        }
    }
    assert!(seen.len() > 20, "the ids are found: {seen:?}");
    let mut meanings: BTreeMap<Vec<&str>, &str> = BTreeMap::new();
    for id in seen.keys() {
        if let Some(other) = meanings.insert(meaning(id), id) {
            wrong.push(format!("`{other}` and `{id}` are two spellings of one id"));
        }
    }
    assert_none(&wrong);
}

// the helpers, tested

fn source(path: &str, text: &str) -> Source {
    Source { path: path.into(), text: text.into() }
}

#[test]
fn use_trees_are_taken_apart() {
    let cases: &[(&str, &[&str])] = &[
        ("filter::Scratch;", &["filter::Scratch"]),
        ("filter::grok::matcher::Grok;", &["filter::grok::matcher::Grok"]),
        (
            "filter::{self, Fault, grok::{Grok, patterns}};",
            &["filter::self", "filter::Fault", "filter::grok::Grok", "filter::grok::patterns"],
        ),
        ("{ack::Tally, event};", &["ack::Tally", "event"]),
        ("world::World) {", &["world::World"]),
        ("input::\n  {a,\n b,};", &["input"]),
        ("input::{a,\n b,};", &["input::a", "input::b"]),
    ];
    for (tree, paths) in cases {
        assert_eq!(branches(tree), *paths, "{tree}");
    }
}

#[test]
fn uses_have_lines_and_skip_comments_and_tests() {
    let text = "//! crate::api\nuse crate::filter::{\n  self, Fault,\n};\nfn f(w: &crate::world::World) {}\n/// [`crate::cli`]\n\
                let x = mycrate::y;\n#[cfg(test)]\nmod tests {\n  use crate::output::testing;\n}\n";
    let source = source("src/a/b.rs", text);
    let expected = [(2, "filter"), (2, "filter::Fault"), (5, "world::World")].map(|(n, p)| (n, p.to_string()));
    assert_eq!(uses(&source.code()), expected);
}

#[test]
fn layering_finds_wrong_uses_and_rules_nobody_needs() {
    let table: &[(&str, &[&str])] = &[("filter", &["event", "world::Clock"]), ("event", &[])];
    let exceptions = &[("filter/a.rs", "input::beats", "why"), ("filter/b", "cli", "why")];
    let sources = [
        source(
            "src/filter/a.rs",
            "use crate::event::Event;\nuse crate::input::beats::X;\nuse crate::input::file;\nuse crate::world::Fs;\n",
        ),
        source("src/filter/c.rs", "use crate::input::beats;\nuse crate::filter::Scratch;\n"),
        source("src/filter/tests.rs", "use crate::cli;\n"),
        source("src/new/mod.rs", ""),
        source("src/plan/mod.rs", "use crate::cli;\n"),
    ];
    assert_eq!(
        layering(&sources, table, exceptions),
        [
            "src/filter/a.rs:3: `filter` may not use `input::file`",
            "src/filter/a.rs:4: `filter` may not use `world::Fs`",
            "src/filter/c.rs:1: `filter` may not use `input::beats`",
            "src/new/mod.rs: folder `new` is not in the table",
            "no file needs the rule that `filter` may use `world::Clock`: remove it",
            "no file needs the rule that `filter/b` may use `cli`: remove it",
        ]
    );
}

#[test]
fn doors_are_found_where_they_may_not_be() {
    let text = "use std::fs;\n// std::fs\nlet t = Instant::now();\nlet n = MyInstant::now();\n";
    let found = open_doors(&[
        source("src/input/a.rs", text),
        source("src/world/real/fs.rs", text),
        source("src/cli/mod.rs", text),
        source("src/input/tests.rs", text),
        source("src/runtime/run.rs", "use crate::world::real::watch;\n"),
        source("src/runtime/other.rs", "use crate::world::real::watch;\n"),
    ]);
    assert_eq!(
        found,
        [
            "src/input/a.rs:1: `std::fs` belongs into `world`",
            "src/input/a.rs:3: `Instant::now` belongs into `world`",
            "src/runtime/other.rs:1: `world::real` belongs into `world`",
        ]
    );
}

#[test]
fn folders_that_say_nothing_are_found() {
    assert_eq!(
        unsaid(&source("src/a/mod.rs", "//! A.\n//!\n//! Belongs\n//! here: x. Must not be here: y.\n")),
        [""; 0]
    );
    assert_eq!(
        unsaid(&source("src/a/mod.rs", "//! A. Belongs here: x.\nmod b; // Must not be here\n")),
        ["Must not be here"]
    );
}

#[test]
fn ids_are_found_and_compared() {
    let text = "Diagnostic::error(\"a-b\", x)\nDiagnostic::warning(\n    \"c\",\n)\n// Diagnostic::fault(\"no\", x)\nDiagnostic::fault(id, x)\n";
    let expected = [("a-b".to_string(), "error", 1), ("c".to_string(), "warning", 2)];
    assert_eq!(ids(&source("src/a.rs", text)), expected);
    for (id, good) in
        [("a-b", true), ("a1", true), ("", false), ("A-b", false), ("a_b", false), ("a--b", false), ("-a", false)]
    {
        assert_eq!(is_kebab(id), good, "{id}");
    }
    assert_eq!(meaning("unknown-options"), meaning("option-unknown"));
    assert_ne!(meaning("unknown-option"), meaning("unknown-plugin"));
}

#[test]
fn words_and_places() {
    assert!(contains_word("x = Instant::now()", "Instant::now") && !contains_word("MyInstant::now()", "Instant::now"));
    for (place, file, inside) in [
        ("config/lower", "config/lower.rs", true),
        ("config/lower", "config/lower/a.rs", true),
        ("config/lower", "config/lowered.rs", false),
        ("api", "api/mod.rs", true),
    ] {
        assert_eq!(lies_in(place, file), inside, "{place} {file}");
    }
    assert!(covers("filter", "filter::x") && covers("filter", "filter") && !covers("filter", "filters::x"));
    assert!(!covers("filter::a", "filter") && !covers("filter::a", "filter::ab"));
}
