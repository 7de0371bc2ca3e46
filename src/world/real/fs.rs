//! The machine's file system: the standard library, and rustix for `flock`, `statvfs` and the limit of open files.

#![allow(clippy::disallowed_methods, reason = "this is the door")]

use crate::world::Fs;
use crate::world::fs::{DirEntry, FileKind, LockGuard, ReadFile, Stat, WriteFile, WriteMode};
use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Permission of folders made by this program.
const DIR_MODE: u32 = 0o750;

/// Permission of lock files.
const LOCK_MODE: u32 = 0o600;

/// The file system of the machine.
pub struct RealFs;

/// How many files this process may have open at once (`RLIMIT_NOFILE`).
pub fn open_files_max() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current.map_or(usize::MAX, |n| n as usize)
}

fn kind(t: FileType) -> FileKind {
    if t.is_file() {
        FileKind::File
    } else if t.is_dir() {
        FileKind::Dir
    } else if t.is_symlink() {
        FileKind::Symlink
    } else {
        FileKind::Other
    }
}

fn stat_of(m: &Metadata) -> Stat {
    // the standard library asks statx; file systems without times of birth answer with an error or with zero
    let birth_ns = m.created().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok()).map(|d| d.as_nanos() as i64);
    Stat {
        kind: kind(m.file_type()),
        len: m.len(),
        dev: m.dev(),
        ino: m.ino(),
        birth_ns: birth_ns.filter(|ns| *ns != 0),
        modified_ns: m.mtime().saturating_mul(1_000_000_000).saturating_add(m.mtime_nsec()),
        links: m.nlink(),
        mode: m.mode() & 0o7777,
        uid: m.uid(),
    }
}

struct RealReadFile(File);

impl ReadFile for RealReadFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read_at(buffer, offset) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    fn stat(&self) -> io::Result<Stat> {
        Ok(stat_of(&self.0.metadata()?))
    }
}

struct RealWriteFile(File);

impl WriteFile for RealWriteFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        io::Write::write_all(&mut self.0, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
}

/// Held through the open file; the kernel frees it when the process ends, however it ends.
struct RealLock(#[allow(dead_code, reason = "the lock lives as long as the file is open")] File);

impl LockGuard for RealLock {}

impl Fs for RealFs {
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        // never hang on a pipe that somebody put where a log file was
        let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        Ok(Box::new(RealReadFile(file)))
    }

    fn open_write(&self, path: &Path, how: WriteMode, mode: u32) -> io::Result<Box<dyn WriteFile>> {
        let mut options = OpenOptions::new();
        options.mode(mode);
        match how {
            WriteMode::Append => options.append(true).create(true),
            WriteMode::Truncate => options.write(true).create(true).truncate(true),
            WriteMode::New => options.write(true).create_new(true),
        };
        Ok(Box::new(RealWriteFile(options.open(path)?)))
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        Ok(stat_of(&std::fs::metadata(path)?))
    }

    fn stat_link(&self, path: &Path) -> io::Result<Stat> {
        Ok(stat_of(&std::fs::symlink_metadata(path)?))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let mut out = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let kind = match entry.file_type() {
                Ok(t) => kind(t),
                // gone between the listing and the question
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(e),
            };
            out.push(DirEntry { name: entry.file_name(), kind });
        }
        out.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(out)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn LockGuard>> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(LOCK_MODE).open(path)?;
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)?;
        Ok(Box::new(RealLock(file)))
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        std::fs::canonicalize(path)
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let s = rustix::fs::statvfs(path)?;
        Ok(s.f_bavail.saturating_mul(s.f_frsize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_an_identity_and_stays_readable_when_it_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        RealFs.open_write(&path, WriteMode::New, 0o600).unwrap().write_all(b"hello").unwrap();
        assert!(RealFs.open_write(&path, WriteMode::New, 0o600).is_err());
        let file = RealFs.open(&path).unwrap();
        let stat = file.stat().unwrap();
        assert_eq!((stat.kind, stat.len, stat.links, stat.mode), (FileKind::File, 5, 1, 0o600));
        assert_eq!(stat, RealFs.stat(&path).unwrap());
        RealFs.remove(&path).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(file.read_at(1, &mut buffer).unwrap(), 4);
        assert_eq!(file.stat().unwrap().links, 0);
    }

    #[test]
    fn a_lock_is_held_once_and_freed_by_dropping() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = RealFs.lock(&path).unwrap();
        assert_eq!(RealFs.lock(&path).err().unwrap().kind(), io::ErrorKind::WouldBlock);
        drop(held);
        RealFs.lock(&path).unwrap();
    }

    #[test]
    fn listings_are_sorted_and_replacing_leaves_no_rest() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b", "a", "c"] {
            RealFs.replace(&dir.path().join(name), name.as_bytes(), 0o600).unwrap();
        }
        RealFs.replace(&dir.path().join("b"), b"new", 0o600).unwrap();
        let names: Vec<_> = RealFs.list(dir.path()).unwrap().into_iter().map(|e| e.name).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(RealFs.read(&dir.path().join("b"), 100).unwrap(), b"new");
        assert!(RealFs.free_bytes(dir.path()).unwrap() > 0);
    }
}
