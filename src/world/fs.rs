//! Files and folders.

use std::io;
use std::path::{Path, PathBuf};

/// What kind of thing a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    File,
    Dir,
    Symlink,
    /// Sockets, pipes, devices.
    Other,
}

/// What the file system says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    pub kind: FileKind,
    pub len: u64,
    pub dev: u64,
    pub ino: u64,
    /// Time of birth in nanoseconds since 1970, where the file system keeps it.
    pub birth_ns: Option<i64>,
    pub modified_ns: i64,
    pub links: u64,
    /// Permission bits.
    pub mode: u32,
    pub uid: u32,
}

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    pub name: std::ffi::OsString,
    pub kind: FileKind,
}

/// How a file is opened for writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMode {
    /// Creates it if needed; writes go to its end.
    Append,
    /// Creates it, or empties it.
    Truncate,
    /// Creates it; fails if it is there.
    New,
}

/// An open file for reading. It stays readable after it was renamed or removed.
pub trait ReadFile: Send + Sync {
    /// Reads at an offset; 0 means the end of the file as it is now.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
    fn stat(&self) -> io::Result<Stat>;
}

/// An open file for writing.
pub trait WriteFile: Send {
    /// Writes all of it, or fails; after a failure a part may have been written.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns once everything written so far survives a crash of the machine.
    fn sync(&mut self) -> io::Result<()>;
    fn len(&self) -> io::Result<u64>;
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Cuts the file, for repairing a torn tail.
    fn set_len(&mut self, len: u64) -> io::Result<()>;
}

/// A held lock; dropped, it is free.
pub trait LockGuard: Send + Sync {}

/// The file system.
pub trait Fs: Send + Sync {
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>>;
    /// `mode` is the permission of a file made by this call.
    fn open_write(&self, path: &Path, how: WriteMode, mode: u32) -> io::Result<Box<dyn WriteFile>>;
    /// Follows symbolic links.
    fn stat(&self, path: &Path) -> io::Result<Stat>;
    /// Does not follow symbolic links.
    fn stat_link(&self, path: &Path) -> io::Result<Stat>;
    /// The entries of a folder, sorted by name.
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;
    /// Makes renames, new files and removals in a folder survive a crash of the machine.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Locks a file against other processes. `WouldBlock` when another one holds it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn LockGuard>>;
    /// The path with all symbolic links resolved.
    fn canonical(&self, path: &Path) -> io::Result<PathBuf>;
    /// Bytes free for this user where `path` lies.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;

    /// Reads a whole file of at most `bytes_max`.
    fn read(&self, path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
        let file = self.open(path)?;
        let mut out = Vec::new();
        let mut chunk = vec![0; 64 << 10];
        loop {
            let n = file.read_at(out.len() as u64, &mut chunk)?;
            if n == 0 {
                return Ok(out);
            }
            if out.len() + n > bytes_max {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {bytes_max} bytes")));
            }
            out.extend_from_slice(&chunk[..n]);
        }
    }

    /// Replaces a file so that after a crash it has the old or the new content, never a mixture.
    fn replace(&self, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(".new");
        let new = path.with_file_name(name);
        let mut file = self.open_write(&new, WriteMode::Truncate, mode)?;
        file.write_all(bytes)?;
        file.sync()?;
        drop(file);
        self.rename(&new, path)?;
        match path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => self.sync_dir(dir),
            _ => self.sync_dir(Path::new(".")),
        }
    }
}
