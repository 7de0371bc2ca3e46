//! The files of a local folder, with the ids of what they hold.

use crate::world::World;
use crate::world::fs::{WriteFile, WriteMode};
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Files open at once, and so lists of ids in memory; the one not written for the longest time is closed for another.
pub const OPEN_FILES_MAX: usize = 16;

/// The newest ids of a file that are kept, 16 bytes each. What comes again after a crash is what was under way, so the
/// newest are enough; only a whole new run over more documents than these writes some of them twice.
pub const IDS_PER_FILE_MAX: usize = 500_000;

/// A longer line of a file found at start counts as torn.
const LINE_BYTES_MAX: usize = 256 << 20;

/// 128 bits that stand for an id or a label set.
pub(super) type Key = [u64; 2];

/// What is appended, with what it is known by; without a key it is always written.
pub(super) struct Line<'a> {
    pub bytes: &'a [u8],
    pub key: Option<Key>,
}

pub(super) struct Files {
    world: World,
    dir: PathBuf,
    open: BTreeMap<PathBuf, Open>,
}

struct Open {
    file: Box<dyn WriteFile>,
    len: u64,
    keys: Keys,
    written: Duration,
}

#[derive(Default)]
struct Keys {
    known: HashSet<Key>,
    order: VecDeque<Key>,
}

impl Keys {
    /// False when it was there.
    fn add(&mut self, key: Key) -> bool {
        if !self.known.insert(key) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > IDS_PER_FILE_MAX {
            let oldest = self.order.pop_front().expect("more than the limit");
            self.known.remove(&oldest);
        }
        true
    }
}

impl Files {
    pub fn new(world: World, dir: &Path) -> Files {
        Files { world, dir: dir.to_path_buf(), open: BTreeMap::new() }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Appends the lines that are not there yet and syncs; says of each whether it was new.
    ///
    /// # Errors
    /// The disk fails; nothing counts as written then, and what was written in part is cut off at the next attempt.
    pub fn append(&mut self, path: &Path, lines: &[Line<'_>], now: Duration) -> io::Result<Vec<bool>> {
        if !self.open.contains_key(path) {
            if self.open.len() >= OPEN_FILES_MAX {
                let oldest = self.open.iter().min_by_key(|(_, f)| f.written).map(|(p, _)| p.clone());
                self.open.remove(&oldest.expect("files are open"));
            }
            let open = self.load(path, now)?;
            self.open.insert(path.to_path_buf(), open);
        }
        let open = self.open.get_mut(path).expect("opened above");
        let mut bytes = Vec::new();
        let mut fresh: HashSet<Key> = HashSet::new();
        let new: Vec<bool> = lines
            .iter()
            .map(|line| {
                let new = line.key.is_none_or(|key| !open.keys.known.contains(&key) && fresh.insert(key));
                if new {
                    bytes.extend_from_slice(line.bytes);
                    if !line.bytes.ends_with(b"\n") {
                        bytes.push(b'\n');
                    }
                }
                new
            })
            .collect();
        if bytes.is_empty() {
            return Ok(new);
        }
        if let Err(why) = open.file.write_all(&bytes).and_then(|()| open.file.sync()) {
            // opened and repaired anew at the next attempt; what cannot be cut now is cut then or known by its id
            let _ = open.file.set_len(open.len);
            self.open.remove(path);
            return Err(why);
        }
        open.len += bytes.len() as u64;
        open.written = now;
        for key in lines.iter().zip(&new).filter(|(_, new)| **new).filter_map(|(line, _)| line.key) {
            open.keys.add(key);
        }
        Ok(new)
    }

    fn load(&self, path: &Path, now: Duration) -> io::Result<Open> {
        let fs = &self.world.fs;
        fs.create_dir_all(&self.dir)?;
        let mut file = fs.open_write(path, WriteMode::Append, 0o644)?;
        let len = file.len()?;
        let mut keys = Keys::default();
        let mut whole = 0;
        if len > 0 {
            let reader = fs.open(path)?;
            let mut scan = Scan::default();
            let mut chunk = vec![0; 256 << 10];
            let mut at = 0;
            loop {
                let n = reader.read_at(at, &mut chunk)?;
                if n == 0 {
                    break;
                }
                at += n as u64;
                scan.feed(&chunk[..n], &mut keys);
                if scan.rest.len() > LINE_BYTES_MAX {
                    break;
                }
            }
            whole = scan.whole;
        }
        if whole < len {
            tracing::warn!("{}: the last {} bytes were torn by a crash and are cut off", path.display(), len - whole);
            file.set_len(whole)?;
        }
        fs.sync_dir(&self.dir)?;
        Ok(Open { file, len: whole, keys, written: now })
    }
}

/// Reads entries: an action line with its document line, or an alert's line.
#[derive(Default)]
struct Scan {
    rest: Vec<u8>,
    /// The action line whose document line is awaited, with its length.
    action: Option<(Option<Key>, u64)>,
    /// Where the last whole entry ends.
    whole: u64,
}

impl Scan {
    fn feed(&mut self, bytes: &[u8], keys: &mut Keys) {
        let mut bytes = bytes;
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, after) = bytes.split_at(end + 1);
            bytes = after;
            if self.rest.is_empty() {
                self.line(line, keys);
            } else {
                let mut whole = std::mem::take(&mut self.rest);
                whole.extend_from_slice(line);
                self.line(&whole, keys);
            }
        }
        self.rest.extend_from_slice(bytes);
    }

    fn line(&mut self, line: &[u8], keys: &mut Keys) {
        let len = line.len() as u64;
        if let Some((key, action_len)) = self.action.take() {
            self.whole += action_len + len;
            key.map(|k| keys.add(k));
            return;
        }
        let action = action_of(line);
        if action.has_document {
            self.action = Some((action.key, len));
            return;
        }
        self.whole += len;
        if let Some(key) = action.key.or_else(|| labels_key(line)) {
            keys.add(key);
        }
    }
}

/// What an action line says.
pub(super) struct Action {
    pub index: String,
    pub key: Option<Key>,
    pub has_document: bool,
}

/// Reads the first line of `bytes` as a bulk action; without an index it goes to `documents`.
pub(super) fn action_of(bytes: &[u8]) -> Action {
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let parsed: Json = serde_json::from_slice(line).unwrap_or(Json::Null);
    for verb in ["index", "create", "update", "delete"] {
        let Some(Json::Object(target)) = parsed.get(verb) else { continue };
        let text = |name: &str| target.get(name).and_then(Json::as_str);
        let index = text("_index").unwrap_or("documents").to_string();
        // an update or a deletion may well come twice
        let once = matches!(verb, "index" | "create");
        let key = text("_id").filter(|_| once).map(|id| key_of(&[&index, id]));
        return Action { index, key, has_document: verb != "delete" };
    }
    Action { index: "documents".to_string(), key: None, has_document: false }
}

/// The labels of an alert, whatever their order.
pub(super) fn labels_key(bytes: &[u8]) -> Option<Key> {
    let parsed: Json = serde_json::from_slice(bytes).ok()?;
    let labels: BTreeMap<&str, String> = parsed
        .get("labels")?
        .as_object()?
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str().map_or_else(|| v.to_string(), str::to_string)))
        .collect();
    let parts: Vec<&str> = labels.iter().flat_map(|(k, v)| [*k, v.as_str()]).collect();
    Some(key_of(&parts))
}

fn key_of(parts: &[&str]) -> Key {
    [1_u8, 2].map(|salt| {
        let mut hasher = DefaultHasher::new();
        (salt, parts).hash(&mut hasher);
        hasher.finish()
    })
}
