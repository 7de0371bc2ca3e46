//! Finds files: expands globs, leaves out what is excluded, folders and (unless wanted) symbolic links.

use super::config::FileInputConfig;
use super::glob::{self, GlobError};
use crate::world::Fs;
use crate::world::fs::{DirEntry, FileKind, Stat};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// A file that an input wants.
#[derive(Clone, Debug)]
pub struct Found {
    pub path: PathBuf,
    pub stat: Stat,
    pub input: usize,
}

/// What one scan saw.
#[derive(Default)]
pub struct Scan {
    pub files: Vec<Found>,
    /// Folders that were looked into, for whoever watches them.
    pub dirs: BTreeSet<PathBuf>,
    /// Folders and files that could not be read; while there are any, no file counts as missing.
    pub errors: Vec<(PathBuf, io::Error)>,
    /// Paths that are there and are no regular files.
    pub others: Vec<(PathBuf, &'static str)>,
}

impl Scan {
    /// Whether absence from this scan means absence from the disk.
    pub fn is_complete(&self) -> bool {
        self.errors.is_empty()
    }
}

/// The compiled globs of all inputs.
pub struct Prospector {
    inputs: Vec<Globs>,
}

struct Globs {
    patterns: Vec<PathBuf>,
    exclude: Vec<regex::Regex>,
    symlinks: bool,
}

struct Walk<'a> {
    fs: &'a dyn Fs,
    listed: BTreeMap<PathBuf, Option<Arc<Vec<DirEntry>>>>,
    scan: Scan,
}

impl Prospector {
    /// # Errors
    /// A pattern that Go would refuse.
    pub fn new(inputs: &[FileInputConfig]) -> Result<Prospector, GlobError> {
        let mut out = Vec::new();
        for input in inputs {
            let mut patterns = Vec::new();
            for p in &input.paths {
                patterns.extend(glob::expand(p, input.recursive_glob)?);
            }
            out.push(Globs { patterns, exclude: input.exclude_files.clone(), symlinks: input.symlinks });
        }
        Ok(Prospector { inputs: out })
    }

    /// Looks at the disk. A path that several inputs or globs match is found once, for the first input.
    pub fn scan(&self, fs: &dyn Fs) -> Scan {
        let mut walk = Walk { fs, listed: BTreeMap::new(), scan: Scan::default() };
        let mut seen = BTreeSet::new();
        for (index, input) in self.inputs.iter().enumerate() {
            for pattern in &input.patterns {
                let mut paths = Vec::new();
                walk.expand(pattern, &mut paths);
                for path in paths {
                    if input.is_excluded(&path) || !seen.insert(path.clone()) {
                        continue;
                    }
                    walk.look(path, index, input.symlinks);
                }
            }
        }
        walk.scan
    }

    /// Which input wants this path, should there be a file.
    pub fn input_of(&self, path: &Path) -> Option<usize> {
        let bytes = path.as_os_str().as_bytes();
        self.inputs.iter().position(|input| {
            input.patterns.iter().any(|p| glob::matches(p.as_os_str().as_bytes(), bytes) == Some(true))
                && !input.is_excluded(path)
        })
    }
}

impl Globs {
    fn is_excluded(&self, path: &Path) -> bool {
        !self.exclude.is_empty() && {
            let text = path.to_string_lossy();
            self.exclude.iter().any(|r| r.is_match(&text))
        }
    }
}

impl Walk<'_> {
    fn expand(&mut self, pattern: &Path, out: &mut Vec<PathBuf>) {
        let parts: Vec<&OsStr> =
            pattern.components().filter(|c| !matches!(c, Component::CurDir)).map(Component::as_os_str).collect();
        let mut level = vec![PathBuf::new()];
        for (i, part) in parts.iter().enumerate() {
            let last = i + 1 == parts.len();
            if !glob::has_meta(part.as_bytes()) {
                for path in &mut level {
                    path.push(part);
                }
                continue;
            }
            let mut next = Vec::new();
            for dir in level {
                for entry in self.list(&dir).iter().flat_map(|l| l.iter()) {
                    // a file has nothing below it; a symbolic link may lead to a folder
                    let can_be_dir = matches!(entry.kind, FileKind::Dir | FileKind::Symlink);
                    if (last || can_be_dir) && glob::matches(part.as_bytes(), entry.name.as_bytes()) == Some(true) {
                        next.push(dir.join(&entry.name));
                    }
                }
            }
            level = next;
        }
        out.append(&mut level);
    }

    fn list(&mut self, dir: &Path) -> Option<Arc<Vec<DirEntry>>> {
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        if let Some(known) = self.listed.get(dir) {
            return known.clone();
        }
        let listing = match self.fs.list(dir) {
            Ok(entries) => {
                self.scan.dirs.insert(dir.to_path_buf());
                Some(Arc::new(entries))
            }
            // gone, or a file where the glob hoped for a folder: nothing is there
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => None,
            Err(e) => {
                self.scan.errors.push((dir.to_path_buf(), e));
                None
            }
        };
        self.listed.insert(dir.to_path_buf(), listing.clone());
        listing
    }

    fn look(&mut self, path: PathBuf, input: usize, symlinks: bool) {
        let link = match self.fs.stat_link(&path) {
            Ok(stat) => stat,
            Err(e) => return self.failed(path, e),
        };
        let stat = if link.kind == FileKind::Symlink {
            if !symlinks {
                self.scan.others.push((path, "a symbolic link, and `symlinks` is off"));
                return;
            }
            match self.fs.stat(&path) {
                Ok(stat) => stat,
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    self.scan.others.push((path, "a symbolic link to nothing"));
                    return;
                }
                Err(e) => return self.failed(path, e),
            }
        } else {
            link
        };
        match stat.kind {
            FileKind::File => {
                if let Some(dir) = path.parent() {
                    self.scan.dirs.insert(dir.to_path_buf());
                }
                self.scan.files.push(Found { path, stat, input });
            }
            FileKind::Dir => self.scan.others.push((path, "a folder")),
            _ => self.scan.others.push((path, "not a regular file")),
        }
    }

    fn failed(&mut self, path: PathBuf, e: io::Error) {
        if !matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
            self.scan.errors.push((path, e));
        } else if let Some(dir) = path.parent() {
            // a plain path whose file may come
            self.scan.dirs.insert(dir.to_path_buf());
        }
    }
}
