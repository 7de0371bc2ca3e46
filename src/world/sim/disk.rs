//! The simulated disk: inodes, names, open files; what is written, and what of it survives a power failure.
//!
//! Below the folders given to [`Disk::new`] only what was synced is sure to survive; elsewhere (where others write their
//! logs) everything does.

use super::clock::SimClock;
use super::process::{Fate, Kind, Process};
use super::random::Rng;
use crate::world::fs::{DirEntry, FileKind, LockGuard, ReadFile, Stat, WriteFile, WriteMode};
use crate::world::{Clock, Fs};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// Number of an inode that is never used again, unlike the one that `stat` shows.
pub type Node = u64;

const ROOT: Node = 0;

enum Content {
    File {
        live: Vec<u8>,
        durable: Vec<u8>,
        /// Written, but given up by a sync that failed.
        doomed: Vec<Range<usize>>,
    },
    Dir {
        live: BTreeMap<OsString, Node>,
        durable: BTreeMap<OsString, Node>,
        /// Changes since the last sync of the folder, in order.
        journal: Vec<Change>,
    },
}

#[derive(Clone)]
enum Change {
    Link(OsString, Node),
    Unlink(OsString),
    Rename(OsString, OsString),
}

struct Inode {
    ino: u64,
    birth_ns: i64,
    modified_ns: i64,
    mode: u32,
    links: u64,
    open: u64,
    /// Only what is synced survives a power failure.
    volatile: bool,
    content: Content,
}

struct State {
    inodes: BTreeMap<Node, Inode>,
    next_node: Node,
    next_ino: u64,
    /// Numbers of inodes that are gone; they are used again at once, as ext4 does.
    free_inos: Vec<u64>,
    dev: u64,
    /// Which process holds the lock of an inode.
    locks: BTreeMap<Node, u64>,
    rng: Rng,
}

/// What kind of disk it is.
#[derive(Clone, Debug)]
pub struct DiskConfig {
    /// Folders whose content needs syncs to survive a power failure.
    pub volatile: Vec<PathBuf>,
    /// A file that is spared from faults (not from crashes).
    pub spared: Option<PathBuf>,
    /// Whether the file system keeps times of birth.
    pub births: bool,
}

/// The disk; cheap to clone.
#[derive(Clone)]
pub struct Disk {
    state: Arc<Mutex<State>>,
    clock: SimClock,
    config: Arc<DiskConfig>,
}

fn not_found() -> io::Error {
    io::Error::from_raw_os_error(2)
}

fn apply(names: &mut BTreeMap<OsString, Node>, change: &Change) {
    match change {
        Change::Link(name, node) => {
            names.insert(name.clone(), *node);
        }
        Change::Unlink(name) => {
            names.remove(name);
        }
        Change::Rename(from, to) => {
            if let Some(node) = names.remove(from) {
                names.insert(to.clone(), node);
            }
        }
    }
}

impl State {
    fn names(&self, dir: Node) -> io::Result<&BTreeMap<OsString, Node>> {
        match &self.inodes[&dir].content {
            Content::Dir { live, .. } => Ok(live),
            Content::File { .. } => Err(io::Error::from_raw_os_error(20)),
        }
    }

    fn change(&mut self, dir: Node, change: Change) {
        let inode = self.inodes.get_mut(&dir).expect("a folder that was found");
        let volatile = inode.volatile;
        if let Content::Dir { live, durable, journal } = &mut inode.content {
            apply(live, &change);
            if volatile {
                journal.push(change);
            } else {
                apply(durable, &change);
            }
        }
    }

    fn find(&self, path: &Path) -> io::Result<Node> {
        let mut at = ROOT;
        for part in path.components() {
            if let Component::Normal(name) = part {
                at = *self.names(at)?.get(name).ok_or_else(not_found)?;
            }
        }
        Ok(at)
    }

    /// The folder of a path, and the name in it.
    fn place<'p>(&self, path: &'p Path) -> io::Result<(Node, &'p OsStr)> {
        let dir = self.find(path.parent().unwrap_or(Path::new("/")))?;
        self.names(dir)?;
        Ok((dir, path.file_name().ok_or_else(|| io::Error::from_raw_os_error(22))?))
    }

    fn make(&mut self, now_ns: i64, volatile: bool, content: Content, mode: u32) -> Node {
        let ino = self.free_inos.pop().unwrap_or_else(|| {
            self.next_ino += 1;
            self.next_ino
        });
        self.next_node += 1;
        let node = self.next_node;
        let inode = Inode { ino, birth_ns: now_ns, modified_ns: now_ns, mode, links: 1, open: 0, volatile, content };
        self.inodes.insert(node, inode);
        node
    }

    fn let_go(&mut self, node: Node) {
        let inode = &self.inodes[&node];
        // what a power failure may bring back is kept
        if inode.links == 0 && inode.open == 0 && !inode.volatile {
            let inode = self.inodes.remove(&node).expect("just seen");
            self.free_inos.push(inode.ino);
        }
    }

    fn unlink(&mut self, node: Node) {
        self.inodes.get_mut(&node).expect("named").links -= 1;
        self.let_go(node);
    }

    fn bytes(&mut self, node: Node) -> &mut Vec<u8> {
        match &mut self.inodes.get_mut(&node).expect("open").content {
            Content::File { live, .. } => live,
            Content::Dir { .. } => panic!("a folder has no bytes"),
        }
    }

    fn cut(&mut self, node: Node, len: usize) {
        if let Content::File { live, doomed, .. } = &mut self.inodes.get_mut(&node).expect("open").content {
            live.resize(len, 0);
            // what is written anew is dirty anew
            doomed.retain_mut(|range| {
                range.end = range.end.min(len);
                range.start < range.end
            });
        }
    }

    fn sync(&mut self, node: Node) {
        match &mut self.inodes.get_mut(&node).expect("open").content {
            Content::File { live, durable, doomed } => {
                durable.clone_from(live);
                for range in doomed {
                    let end = range.end.min(durable.len());
                    if range.start < end {
                        durable[range.start..end].fill(0);
                    }
                }
            }
            Content::Dir { live, durable, journal } => {
                durable.clone_from(live);
                journal.clear();
            }
        }
    }

    fn give_up_dirty(&mut self, node: Node) {
        if let Content::File { live, durable, doomed } = &mut self.inodes.get_mut(&node).expect("open").content
            && live.len() > durable.len()
        {
            doomed.push(durable.len()..live.len());
        }
    }

    fn stat(&self, node: Node, births: bool) -> Stat {
        let inode = &self.inodes[&node];
        let (kind, len) = match &inode.content {
            Content::File { live, .. } => (FileKind::File, live.len() as u64),
            Content::Dir { .. } => (FileKind::Dir, 4096),
        };
        Stat {
            kind,
            len,
            dev: self.dev,
            ino: inode.ino,
            birth_ns: births.then_some(inode.birth_ns),
            modified_ns: inode.modified_ns,
            links: inode.links,
            mode: inode.mode,
            uid: 0,
        }
    }
}

impl Disk {
    pub fn new(clock: SimClock, config: DiskConfig, rng: Rng) -> Disk {
        let content = Content::Dir { live: BTreeMap::new(), durable: BTreeMap::new(), journal: vec![] };
        let root =
            Inode { ino: 2, birth_ns: 1, modified_ns: 1, mode: 0o755, links: 1, open: 1, volatile: false, content };
        let state = State {
            inodes: BTreeMap::from([(ROOT, root)]),
            next_node: ROOT,
            next_ino: 100,
            free_inos: vec![],
            dev: 1,
            locks: BTreeMap::new(),
            rng,
        };
        Disk { state: Arc::new(Mutex::new(state)), clock, config: Arc::new(config) }
    }

    /// The disk as one process sees it.
    pub fn door(&self, process: &Arc<Process>) -> Arc<dyn Fs> {
        Arc::new(Door { disk: self.clone(), process: Arc::clone(process) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("never poisoned")
    }

    fn now_ns(&self) -> i64 {
        let now = self.clock.now();
        now.epoch_secs() * 1_000_000_000 + i64::from(now.subsec_nanos())
    }

    fn is_volatile(&self, path: &Path) -> bool {
        self.config.volatile.iter().any(|dir| path.starts_with(dir))
    }

    // ---- for those who write logs ----

    /// Makes an empty file and opens it. What had the name before loses it.
    pub fn create(&self, path: &Path) -> io::Result<Node> {
        let (now, volatile) = (self.now_ns(), self.is_volatile(path));
        let mut state = self.state();
        let (dir, name) = state.place(path)?;
        let before = state.names(dir)?.get(name).copied();
        let content = Content::File { live: vec![], durable: vec![], doomed: vec![] };
        let node = state.make(now, volatile, content, 0o644);
        state.inodes.get_mut(&node).expect("just made").open = 1;
        state.change(dir, Change::Link(name.to_os_string(), node));
        if let Some(before) = before {
            state.unlink(before);
        }
        Ok(node)
    }

    /// Opens a file that is there.
    pub fn open(&self, path: &Path) -> io::Result<Node> {
        let mut state = self.state();
        let node = state.find(path)?;
        state.inodes.get_mut(&node).expect("just found").open += 1;
        Ok(node)
    }

    /// Writes to the end of an open file.
    pub fn append(&self, node: Node, bytes: &[u8]) {
        let now = self.now_ns();
        let mut state = self.state();
        state.bytes(node).extend_from_slice(bytes);
        state.inodes.get_mut(&node).expect("open").modified_ns = now;
    }

    /// Cuts an open file.
    pub fn cut(&self, node: Node, len: usize) {
        let now = self.now_ns();
        let mut state = self.state();
        state.bytes(node).truncate(len);
        state.inodes.get_mut(&node).expect("open").modified_ns = now;
    }

    /// The content of an open file.
    pub fn content(&self, node: Node) -> Vec<u8> {
        self.state().bytes(node).clone()
    }

    /// Closes what [`Disk::create`] or [`Disk::open`] opened.
    pub fn close(&self, node: Node) {
        let mut state = self.state();
        state.inodes.get_mut(&node).expect("open").open -= 1;
        state.let_go(node);
    }

    pub fn exists(&self, path: &Path) -> bool {
        self.state().find(path).is_ok()
    }

    /// Reads a file by name, from outside of any process.
    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut state = self.state();
        let node = state.find(path)?;
        Ok(state.bytes(node).clone())
    }

    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        let (from_dir, from_name) = state.place(from)?;
        let (to_dir, to_name) = state.place(to)?;
        let node = *state.names(from_dir)?.get(from_name).ok_or_else(not_found)?;
        let before = state.names(to_dir)?.get(to_name).copied();
        if before == Some(node) {
            return Ok(());
        }
        if from_dir == to_dir {
            state.change(from_dir, Change::Rename(from_name.to_os_string(), to_name.to_os_string()));
        } else {
            state.change(from_dir, Change::Unlink(from_name.to_os_string()));
            state.change(to_dir, Change::Link(to_name.to_os_string(), node));
        }
        if let Some(before) = before {
            state.unlink(before);
        }
        Ok(())
    }

    pub fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let (dir, name) = state.place(path)?;
        let node = *state.names(dir)?.get(name).ok_or_else(not_found)?;
        if let Content::Dir { live, .. } = &state.inodes[&node].content
            && !live.is_empty()
        {
            return Err(io::Error::from_raw_os_error(39));
        }
        state.change(dir, Change::Unlink(name.to_os_string()));
        state.unlink(node);
        Ok(())
    }

    pub fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let now = self.now_ns();
        let mut state = self.state();
        let (mut at, mut path) = (ROOT, PathBuf::from("/"));
        for part in dir.components() {
            let Component::Normal(name) = part else { continue };
            path.push(name);
            at = match state.names(at)?.get(name).copied() {
                Some(next) => next,
                None => {
                    let content = Content::Dir { live: BTreeMap::new(), durable: BTreeMap::new(), journal: vec![] };
                    let node = state.make(now, self.is_volatile(&path), content, 0o750);
                    state.change(at, Change::Link(name.to_os_string(), node));
                    node
                }
            };
        }
        state.names(at).map(|_| ())
    }

    // ---- crashes ----

    /// The kernel closes what a dead process held.
    pub fn reap(&self, process: &Process) {
        self.state().locks.retain(|_, holder| *holder != process.id);
    }

    /// Power fails: of the volatile folders remains what was synced, and by chance some of the rest. Nothing may be open there.
    pub fn power_failure(&self) {
        let births = self.config.births;
        let mut guard = self.state();
        let state = &mut *guard;
        if births {
            // devices are numbered anew at boot; only a time of birth can tell then
            state.dev += 1;
        }
        for inode in state.inodes.values_mut().filter(|i| i.volatile) {
            match &mut inode.content {
                Content::Dir { live, durable, journal } => {
                    let kept = state.rng.below(journal.len() as u64 + 1) as usize;
                    journal[..kept].iter().for_each(|change| apply(durable, change));
                    journal.clear();
                    live.clone_from(durable);
                }
                Content::File { live, durable, doomed } => {
                    let grown = live.len() >= durable.len() && doomed.is_empty() && live.starts_with(durable);
                    if grown {
                        let more = state.rng.below((live.len() - durable.len()) as u64 + 1) as usize;
                        let kept = durable.len() + more;
                        // the length may have reached the disk before the bytes
                        let zeros = if state.rng.chance(300) { live.len() - kept } else { 0 };
                        live.truncate(kept);
                        live.resize(kept + zeros, 0);
                    } else if state.rng.chance(500) || !doomed.is_empty() {
                        live.clone_from(durable);
                    }
                    doomed.clear();
                    durable.clone_from(live);
                }
            }
        }
        // what has no name any more is gone
        let mut named: BTreeMap<Node, u64> = BTreeMap::new();
        for inode in state.inodes.values() {
            if let Content::Dir { live, .. } = &inode.content {
                live.values().for_each(|node| *named.entry(*node).or_default() += 1);
            }
        }
        for (node, inode) in state.inodes.iter_mut().filter(|(_, i)| i.volatile) {
            inode.links = named.get(node).copied().unwrap_or(0);
            inode.open = 0;
        }
    }
}

struct Door {
    disk: Disk,
    process: Arc<Process>,
}

struct Reading {
    disk: Disk,
    process: Arc<Process>,
    node: Node,
    path: PathBuf,
}

struct Writing {
    inner: Reading,
    spared: bool,
}

struct Lock {
    disk: Disk,
    node: Node,
    process: u64,
}

fn dead() -> io::Error {
    io::Error::from_raw_os_error(5)
}

impl Door {
    fn enter(&self, kind: Kind, path: &Path) -> io::Result<Fate> {
        let spared = self.disk.config.spared.as_deref() == Some(path);
        self.process.enter(kind, spared, &|| path.display().to_string())
    }

    /// An operation that takes effect as a whole or not at all.
    fn whole<T>(&self, kind: Kind, path: &Path, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self.enter(kind, path)? {
            Fate::Go => act(),
            Fate::Die => {
                if self.process.below(2) == 0 {
                    let _ = act();
                }
                Err(dead())
            }
        }
    }

    fn opened(&self, node: Node, path: &Path) -> Reading {
        self.disk.state().inodes.get_mut(&node).expect("just found").open += 1;
        Reading { disk: self.disk.clone(), process: Arc::clone(&self.process), node, path: path.to_path_buf() }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if let Some(inode) = state.inodes.get_mut(&self.node) {
            inode.open = inode.open.saturating_sub(1);
            state.let_go(self.node);
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.locks.get(&self.node) == Some(&self.process) {
            state.locks.remove(&self.node);
        }
    }
}

impl LockGuard for Lock {}

impl Reading {
    fn enter(&self, kind: Kind, spared: bool) -> io::Result<Fate> {
        self.process.enter(kind, spared, &|| self.path.display().to_string())
    }
}

impl ReadFile for Reading {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if self.enter(Kind::Read, false)? == Fate::Die {
            return Err(dead());
        }
        let mut state = self.disk.state();
        let bytes = state.bytes(self.node);
        let from = (offset as usize).min(bytes.len());
        let n = buffer.len().min(bytes.len() - from);
        buffer[..n].copy_from_slice(&bytes[from..from + n]);
        Ok(n)
    }

    fn stat(&self) -> io::Result<Stat> {
        if self.enter(Kind::Read, false)? == Fate::Die {
            return Err(dead());
        }
        Ok(self.disk.state().stat(self.node, self.disk.config.births))
    }
}

impl WriteFile for Writing {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let part = |process: &Process| &bytes[..process.below(bytes.len() as u64 + 1) as usize];
        match self.inner.enter(Kind::Write, self.spared) {
            Ok(Fate::Go) => {
                self.inner.disk.append(self.inner.node, bytes);
                Ok(())
            }
            Ok(Fate::Die) => {
                self.inner.disk.append(self.inner.node, part(&self.inner.process));
                Err(dead())
            }
            Err(e) => {
                if !self.inner.process.is_dead() {
                    self.inner.disk.append(self.inner.node, part(&self.inner.process));
                }
                Err(e)
            }
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        match self.inner.enter(Kind::Sync, self.spared) {
            Ok(Fate::Go) => {
                self.inner.disk.state().sync(self.inner.node);
                Ok(())
            }
            Ok(Fate::Die) => {
                if self.inner.process.below(2) == 0 {
                    self.inner.disk.state().sync(self.inner.node);
                }
                Err(dead())
            }
            Err(e) => {
                if !self.inner.process.is_dead() {
                    self.inner.disk.state().give_up_dirty(self.inner.node);
                }
                Err(e)
            }
        }
    }

    fn len(&self) -> io::Result<u64> {
        if self.inner.enter(Kind::Read, true)? == Fate::Die {
            return Err(dead());
        }
        Ok(self.inner.disk.state().bytes(self.inner.node).len() as u64)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        if self.inner.enter(Kind::Name, self.spared)? == Fate::Die && self.inner.process.below(2) == 0 {
            return Err(dead());
        }
        self.inner.disk.state().cut(self.inner.node, len as usize);
        Ok(())
    }
}

impl Fs for Door {
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        if self.enter(Kind::Open, path)? == Fate::Die {
            return Err(dead());
        }
        let node = self.disk.state().find(path)?;
        Ok(Box::new(self.opened(node, path)))
    }

    fn open_write(&self, path: &Path, how: WriteMode, mode: u32) -> io::Result<Box<dyn WriteFile>> {
        let (now, volatile) = (self.disk.now_ns(), self.disk.is_volatile(path));
        let node = self.whole(Kind::Open, path, || {
            let mut state = self.disk.state();
            let (dir, name) = state.place(path)?;
            match (state.names(dir)?.get(name).copied(), how) {
                (Some(_), WriteMode::New) => Err(io::Error::from_raw_os_error(17)),
                (Some(node), WriteMode::Truncate) => {
                    state.cut(node, 0);
                    Ok(node)
                }
                (Some(node), WriteMode::Append) => Ok(node),
                (None, _) => {
                    let content = Content::File { live: vec![], durable: vec![], doomed: vec![] };
                    let node = state.make(now, volatile, content, mode);
                    state.change(dir, Change::Link(name.to_os_string(), node));
                    Ok(node)
                }
            }
        })?;
        let spared = self.disk.config.spared.as_deref() == Some(path);
        Ok(Box::new(Writing { inner: self.opened(node, path), spared }))
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        if self.enter(Kind::Read, path)? == Fate::Die {
            return Err(dead());
        }
        let state = self.disk.state();
        Ok(state.stat(state.find(path)?, self.disk.config.births))
    }

    fn stat_link(&self, path: &Path) -> io::Result<Stat> {
        self.stat(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        if self.enter(Kind::List, dir)? == Fate::Die {
            return Err(dead());
        }
        let state = self.disk.state();
        let names = state.names(state.find(dir)?)?;
        let kind = |node: &Node| match state.inodes[node].content {
            Content::File { .. } => FileKind::File,
            Content::Dir { .. } => FileKind::Dir,
        };
        Ok(names.iter().map(|(name, node)| DirEntry { name: name.clone(), kind: kind(node) }).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.whole(Kind::Name, from, || self.disk.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.whole(Kind::Name, path, || self.disk.remove(path))
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.whole(Kind::Name, dir, || self.disk.create_dir_all(dir))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.whole(Kind::Sync, dir, || {
            let mut state = self.disk.state();
            let node = state.find(dir)?;
            state.sync(node);
            Ok(())
        })
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn LockGuard>> {
        let file = self.open_write(path, WriteMode::Append, 0o600)?;
        drop(file);
        let mut state = self.disk.state();
        let node = state.find(path)?;
        if state.locks.contains_key(&node) {
            return Err(io::Error::from(io::ErrorKind::WouldBlock));
        }
        state.locks.insert(node, self.process.id);
        Ok(Box::new(Lock { disk: self.disk.clone(), node, process: self.process.id }))
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        self.stat(path)?;
        Ok(path.to_path_buf())
    }

    fn free_bytes(&self, _path: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}
