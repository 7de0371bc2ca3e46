//! Finds and reads the Logstash texts that `-f` and `-e` name.
//!
//! The original: Logstash 8.19's config/source/local.rb. `-f` takes a file, a folder (its regular files in the order of
//! their names) or a glob; files whose name ends in `~` are left out; every file is a source of its own, and sections are
//! joined in that order.
//!
//! Deviations: a pattern that names nothing is an error here even beside others; Logstash only says so when nothing is left.

use std::io;
use std::path::{Path, PathBuf};

use globset::GlobBuilder;

use super::diagnostic::Diagnostic;
use super::source::{FileId, SourceMap, Span};

/// A text longer than this is not read.
pub const CONFIG_SIZE_BYTES_MAX: usize = 64 << 20;
/// How many files one `-f` may name.
pub const CONFIG_FILES_MAX: usize = 10_000;
/// How deep below its fixed part a glob is searched.
pub const FOLDER_DEPTH_MAX: usize = 64;

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Folder,
    /// A regular file, or a pipe.
    File,
    /// A device, a socket.
    Other,
}

/// The files as the loader sees them, so that tests need no disk.
pub struct Files<'a> {
    pub read: &'a dyn Fn(&Path) -> io::Result<Vec<u8>>,
    /// The names (not paths) in a folder, in any order.
    pub list: &'a dyn Fn(&Path) -> io::Result<Vec<String>>,
    /// Follows symbolic links.
    pub kind: &'a dyn Fn(&Path) -> io::Result<Kind>,
}

/// What `-e` and `-f` gave.
#[derive(Debug, Default)]
pub struct Loaded {
    /// One per text, in the order in which their sections are joined.
    pub files: Vec<FileId>,
    /// `-e` gave a text without an `input` section: Logstash then reads stdin.
    pub default_input: bool,
    /// `-e` gave a text without an `output` section: Logstash then writes to stdout.
    pub default_output: bool,
}

/// Takes a text from the command line (`-e`). Logstash adds stdin and stdout where the text has no such section.
pub fn load_string(text: &str, sources: &mut SourceMap) -> Loaded {
    let has = |word: &str| {
        text.match_indices(word)
            .any(|(at, _)| text[at + word.len()..].trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{'))
    };
    let (default_input, default_output) = (!has("input"), !has("output"));
    Loaded { files: vec![sources.add("-e", text)], default_input, default_output }
}

/// Reads what one `-f` names. Errors: `config-not-found` (nothing there, or nothing that fits), `config-unreadable`,
/// `config-not-utf8` (with the place of the first bad byte), `config-too-large`.
pub fn load_path(pattern: &str, files: &Files, sources: &mut SourceMap, diags: &mut Vec<Diagnostic>) -> Loaded {
    let mut loaded = Loaded::default();
    let pattern = match pattern.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("file://") => &pattern[7..],
        _ => pattern,
    };
    let Some(paths) = find(pattern, files, diags) else { return loaded };
    let count = paths.len();
    for path in paths.into_iter().take(CONFIG_FILES_MAX) {
        loaded.files.extend(read(&path, files, sources, diags));
    }
    if count > CONFIG_FILES_MAX {
        diags.push(Diagnostic::error(
            "config-too-large",
            format!("`{pattern}` names {count} files; at most {CONFIG_FILES_MAX} are read"),
        ));
    }
    if count == 0 {
        diags.push(
            Diagnostic::error("config-not-found", format!("`{pattern}` names no configuration file"))
                .note("a folder's regular files are read, those whose name ends in `~` excepted"),
        );
    }
    loaded
}

fn is_temporary(path: &Path) -> bool {
    path.to_string_lossy().ends_with('~')
}

/// The files that a path or glob names, in the order of their paths; `None` if that has been reported to be wrong.
fn find(pattern: &str, files: &Files, diags: &mut Vec<Diagnostic>) -> Option<Vec<PathBuf>> {
    const SPECIAL: [char; 4] = ['*', '?', '[', '{'];
    let path = Path::new(pattern);
    match (files.kind)(path) {
        Ok(Kind::Folder) => return in_folder(path, files, diags),
        Ok(Kind::File | Kind::Other) => {
            return Some(if is_temporary(path) { vec![] } else { vec![path.to_path_buf()] });
        }
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            diags.push(Diagnostic::error("config-unreadable", format!("cannot read `{pattern}`: {e}")));
            return None;
        }
        Err(_) => {}
    }
    if !pattern.contains(SPECIAL) {
        diags.push(Diagnostic::error("config-not-found", format!("there is no file or folder `{pattern}`")));
        return None;
    }
    let matcher = match GlobBuilder::new(pattern).literal_separator(true).build() {
        Ok(glob) => glob.compile_matcher(),
        Err(e) => {
            diags.push(Diagnostic::error("config-not-found", format!("`{pattern}` is no valid pattern: {}", e.kind())));
            return None;
        }
    };
    // walk from the last folder that is written out
    let fixed = pattern.find(SPECIAL).unwrap_or(pattern.len());
    let root = pattern[..fixed].rfind('/').map_or("", |slash| &pattern[..=slash]);
    let depth = if pattern.contains("**") { FOLDER_DEPTH_MAX } else { pattern[root.len()..].matches('/').count() };
    let mut found = vec![];
    walk(Path::new(root), depth.min(FOLDER_DEPTH_MAX), files, &mut |path| {
        if matcher.is_match(path) && !is_temporary(path) {
            found.push(path.to_path_buf());
        }
    });
    found.sort();
    Some(found)
}

fn in_folder(folder: &Path, files: &Files, diags: &mut Vec<Diagnostic>) -> Option<Vec<PathBuf>> {
    let names = match (files.list)(folder) {
        Ok(names) => names,
        Err(e) => {
            let message = format!("cannot read the folder `{}`: {e}", folder.display());
            diags.push(Diagnostic::error("config-unreadable", message));
            return None;
        }
    };
    let mut paths: Vec<PathBuf> = names
        .iter()
        .filter(|name| !is_hidden(name))
        .map(|name| folder.join(name))
        .filter(|path| !is_temporary(path) && matches!((files.kind)(path), Ok(Kind::File)))
        .collect();
    paths.sort();
    Some(paths)
}

/// `*` does not match a leading dot, as in Ruby's Dir.glob.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

/// Calls `visit` for every file below `folder`, down to `depth` folders below it; hidden names are left out.
fn walk(folder: &Path, depth: usize, files: &Files, visit: &mut dyn FnMut(&Path)) {
    let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    // a folder on the way that cannot be read holds no match, as in Dir.glob
    let Ok(names) = (files.list)(listed) else { return };
    for name in names.iter().filter(|name| !is_hidden(name)) {
        let path = folder.join(name);
        match (files.kind)(&path) {
            Ok(Kind::Folder) if depth > 0 => walk(&path, depth - 1, files, visit),
            Ok(Kind::File) => visit(&path),
            _ => {}
        }
    }
}

/// Reads one text into `sources`; `None` if it could not be, which has been reported. Also for files other than Logstash's.
pub fn read(path: &Path, files: &Files, sources: &mut SourceMap, diags: &mut Vec<Diagnostic>) -> Option<FileId> {
    let name = path.display().to_string();
    let bytes = match (files.read)(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            diags.push(Diagnostic::error("config-not-found", format!("there is no file `{name}`")));
            return None;
        }
        Err(e) => {
            diags.push(Diagnostic::error("config-unreadable", format!("cannot read `{name}`: {e}")));
            return None;
        }
    };
    if bytes.len() > CONFIG_SIZE_BYTES_MAX {
        let message = format!("`{name}` has {} bytes; at most {CONFIG_SIZE_BYTES_MAX} are read", bytes.len());
        diags.push(Diagnostic::error("config-too-large", message));
        return None;
    }
    match String::from_utf8(bytes) {
        Ok(text) => Some(sources.add(name, text)),
        Err(e) => {
            // show the text with the bad bytes replaced; what stands before them keeps its place
            let at = e.utf8_error().valid_up_to();
            let bad = e.as_bytes()[at];
            let id = sources.add(name.clone(), String::from_utf8_lossy(e.as_bytes()));
            let place = Span::new(id, at, at + char::REPLACEMENT_CHARACTER.len_utf8());
            diags.push(
                Diagnostic::error("config-not-utf8", format!("`{name}` is not UTF-8: the byte 0x{bad:02X} at {at}"))
                    .at(place, "not UTF-8")
                    .help("save the file as UTF-8"),
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Paths and their bytes; folders follow from them.
    fn load(tree: &[(&str, &[u8])], pattern: &str) -> (Vec<String>, Vec<Diagnostic>, SourceMap) {
        let tree: BTreeMap<PathBuf, Vec<u8>> =
            tree.iter().map(|(path, text)| (PathBuf::from(path), text.to_vec())).collect();
        let plain = |path: &Path| path.strip_prefix(".").unwrap_or(path).to_path_buf();
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let read = |path: &Path| tree.get(&plain(path)).cloned().ok_or_else(missing);
        let list = |path: &Path| {
            let folder = plain(path);
            let below = tree.keys().filter_map(|p| p.strip_prefix(&folder).ok());
            let mut names: Vec<String> = below
                .filter_map(|p| p.components().next())
                .map(|c| c.as_os_str().to_string_lossy().into_owned())
                .collect();
            names.dedup();
            names.reverse();
            Ok(names)
        };
        let kind = |path: &Path| {
            let path = plain(path);
            if tree.contains_key(&path) {
                Ok(Kind::File)
            } else if tree.keys().any(|p| p.starts_with(&path)) {
                Ok(Kind::Folder)
            } else {
                Err(missing())
            }
        };
        let (mut sources, mut diags) = (SourceMap::new(), vec![]);
        let loaded = load_path(pattern, &Files { read: &read, list: &list, kind: &kind }, &mut sources, &mut diags);
        (loaded.files.iter().map(|id| sources.file(*id).name.clone()).collect(), diags, sources)
    }

    const TREE: [(&str, &[u8]); 7] = [
        ("conf/20-b.conf", b"b"),
        ("conf/10-a.conf", b"a"),
        ("conf/30.conf~", b"x"),
        ("conf/.hidden", b"x"),
        ("conf/sub/40.conf", b"x"),
        ("conf/readme.txt", b"x"),
        ("other/50.conf", b"x"),
    ];

    #[test]
    fn files_folders_and_globs_are_found_in_order() {
        let cases: [(&str, &[&str]); 8] = [
            ("conf/20-b.conf", &["conf/20-b.conf"]),
            ("file://conf/20-b.conf", &["conf/20-b.conf"]),
            ("conf", &["conf/10-a.conf", "conf/20-b.conf", "conf/readme.txt"]),
            ("conf/*.conf", &["conf/10-a.conf", "conf/20-b.conf"]),
            ("conf/{10,20}-*", &["conf/10-a.conf", "conf/20-b.conf"]),
            ("*/?0.conf", &["other/50.conf"]),
            ("conf/**/*.conf", &["conf/10-a.conf", "conf/20-b.conf", "conf/sub/40.conf"]),
            ("conf/[12]*", &["conf/10-a.conf", "conf/20-b.conf"]),
        ];
        for (pattern, want) in cases {
            let (names, diags, _) = load(&TREE, pattern);
            assert_eq!(names, want, "{pattern}");
            assert!(diags.is_empty(), "{pattern}: {diags:?}");
        }
    }

    #[test]
    fn what_names_nothing_is_said() {
        for pattern in ["nowhere.conf", "conf/*.yml", "conf/30.conf~", "conf/[", "nowhere/*"] {
            let (names, diags, _) = load(&TREE, pattern);
            assert!(names.is_empty(), "{pattern}");
            assert_eq!(diags.len(), 1, "{pattern}");
            assert_eq!(diags[0].id, "config-not-found", "{pattern}");
            assert!(diags[0].message.contains(pattern), "{pattern}");
        }
    }

    #[test]
    fn a_byte_that_is_not_utf8_is_located() {
        let (names, diags, sources) = load(&[("a.conf", b"ok\nab\xff\xfecd")], "a.conf");
        assert!(names.is_empty());
        assert_eq!(diags[0].id, "config-not-utf8");
        assert_eq!(sources.locate(diags[0].primary.as_ref().unwrap().span).to_string(), "a.conf:2:3");
    }

    #[test]
    fn a_text_on_the_command_line_gets_stdin_and_stdout() {
        let mut sources = SourceMap::new();
        let cases = [
            ("", true, true),
            ("filter { }", true, true),
            ("input\n{ } output{}", false, false),
            ("output { }", true, false),
        ];
        for (text, input, output) in cases {
            let loaded = load_string(text, &mut sources);
            assert_eq!((loaded.default_input, loaded.default_output), (input, output), "{text}");
        }
    }
}
