//! Wakes the reader when something changes on disk (inotify, through the notify crate). Only hints: scanning decides.

use notify::event::{EventKind, ModifyKind};
use notify::{RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Folders watched at once, at most; the files of the others are seen by scanning.
pub const FOLDERS_MAX: usize = 4096;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The content of a file changed.
    Content(PathBuf),
    /// A name came, went or was renamed.
    Name(PathBuf),
    /// Changes were lost; look at everything.
    Unknown,
}

/// Watches folders, not what lies in folders below them.
pub struct Watch {
    watcher: notify::RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
}

impl Watch {
    /// `on_change` is called from the watcher's own thread.
    ///
    /// # Errors
    /// The system gives no watcher (too many instances); scanning goes on without.
    pub fn new(on_change: impl Fn(Change) + Send + 'static) -> Result<Watch, String> {
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| match event {
            Ok(event) if event.need_rescan() => on_change(Change::Unknown),
            Ok(event) => {
                let content = match event.kind {
                    EventKind::Access(_) => return,
                    EventKind::Modify(ModifyKind::Name(_)) => false,
                    EventKind::Modify(_) => true,
                    _ => false,
                };
                for path in event.paths {
                    on_change(if content { Change::Content(path) } else { Change::Name(path) });
                }
            }
            Err(_) => on_change(Change::Unknown),
        })
        .map_err(|e| e.to_string())?;
        Ok(Watch { watcher, watched: BTreeSet::new() })
    }

    /// Watches exactly these folders from now on. Returns why some could not be watched, if so.
    pub fn set(&mut self, dirs: &BTreeSet<PathBuf>) -> Result<(), String> {
        if *dirs == self.watched {
            return Ok(());
        }
        let gone: Vec<PathBuf> = self.watched.difference(dirs).cloned().collect();
        for dir in gone {
            // the folder may be gone, and its watch with it
            let _ = self.watcher.unwatch(&dir);
            self.watched.remove(&dir);
        }
        let new: Vec<PathBuf> = dirs.difference(&self.watched).cloned().collect();
        let mut error = None;
        for dir in new {
            if self.watched.len() >= FOLDERS_MAX {
                error = Some(format!("more than {FOLDERS_MAX} folders"));
                break;
            }
            match self.watch(&dir) {
                Ok(()) => {
                    self.watched.insert(dir);
                }
                // a folder that does not exist yet
                Err(e) if matches!(e.kind, notify::ErrorKind::PathNotFound) => {}
                Err(e) => error = Some(format!("{}: {e}", dir.display())),
            }
        }
        error.map_or(Ok(()), Err)
    }

    fn watch(&mut self, dir: &Path) -> notify::Result<()> {
        self.watcher.watch(dir, RecursiveMode::NonRecursive)
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "the test is the world")]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    #[test]
    fn a_write_and_a_rename_are_heard() {
        let dir = tempfile::tempdir().unwrap();
        let (tx, rx) = mpsc::channel();
        let mut watch = Watch::new(move |c| {
            let _ = tx.send(c);
        })
        .unwrap();
        watch.set(&BTreeSet::from([dir.path().to_path_buf(), dir.path().join("not-there")])).unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        std::fs::write(&a, "x").unwrap();
        std::fs::rename(&a, &b).unwrap();
        let mut wanted = vec![Change::Content(a), Change::Name(b)];
        let until = Instant::now() + Duration::from_secs(10);
        while !wanted.is_empty() {
            let change = rx.recv_timeout(until - Instant::now()).expect("both are heard");
            wanted.retain(|w| *w != change);
        }
    }
}
