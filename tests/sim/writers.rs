//! Those who write the logs: nginx with logrotate, Docker with its json-file driver.
//!
//! Every line carries a token of its own. Writers act at their own times, and also between any two file operations of the
//! program. What they make unreadable before it could be read they excuse, by these rules only:
//! - a file leaves the name that a path matches (renamed, copied and emptied, or replaced) before any line of it was
//!   delivered: the program may never have seen it. Everything of it is excused;
//! - lines written between the copy and the truncation of copytruncate: they are in no copy;
//! - a file is emptied or removed: what was not delivered then.

use super::ledger::{Fate, Ledger};
use super::process::{DROPPED, UNFILTERABLE};
use super::server::{Elastic, REFUSED};
use logdrive::input::file::reader::Hints;
use logdrive::world::Clock;
use logdrive::world::sim::{Disk, Rng, SimClock, Trace};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Node = u64;

/// What writers share.
pub struct Scene {
    pub disk: Disk,
    pub clock: SimClock,
    pub trace: Trace,
    pub ledger: Arc<Mutex<Ledger>>,
    pub server: Arc<Mutex<Elastic>>,
    /// Tokens in the dead letter file, as last looked at.
    pub dead: Arc<Mutex<BTreeSet<String>>>,
    /// The program's ears, while it lives.
    pub hints: Arc<Mutex<Option<Hints>>>,
    /// In so many of a thousand cases the program hears of a change.
    pub hint_permille: u64,
}

impl Scene {
    fn say(&self, text: impl FnOnce() -> String) {
        self.trace.say(&self.clock, text);
    }

    fn hint(&self, rng: &mut Rng, path: &Path, moved: bool) {
        if !rng.chance(self.hint_permille) {
            return;
        }
        if let Some(hints) = &*self.hints.lock().unwrap() {
            if moved { hints.moved(path.to_path_buf()) } else { hints.changed(path.to_path_buf()) }
        }
    }

    fn is_known(&self, content: u64) -> bool {
        self.ledger.lock().unwrap().is_known(content, &self.server.lock().unwrap())
    }

    fn is_delivered(&self, content: u64) -> bool {
        let (ledger, server, dead) =
            (self.ledger.lock().unwrap(), self.server.lock().unwrap(), self.dead.lock().unwrap());
        ledger.is_delivered(content, &server, &dead)
    }

    fn excuse_undelivered(&self, content: u64) {
        self.ledger.lock().unwrap().excuse_undelivered(content, &self.server.lock().unwrap());
    }

    fn excuse_content(&self, content: u64) {
        self.ledger.lock().unwrap().excuse_content(content);
    }
}

/// How a file is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    Never,
    /// `access.log` becomes `access.log.1`, which no path matches.
    Rename,
    /// `access.log` becomes `access-1.log`, which the path matches too.
    RenameMatched,
    /// `access.log` is copied to `access.log.1`, then emptied.
    Copy,
    /// `access.log` is copied to `access-1.log`, which the path matches too, then emptied.
    CopyMatched,
    /// The file is emptied without a copy.
    Empty,
    /// The file is removed once it is delivered, and a new one is made.
    Remove,
}

/// What a writer does for more than one step.
enum Doing {
    Writing,
    /// Renamed; the program that logs has not reopened its file yet. `made`: a new file lies there already.
    Renamed {
        lines_left: u64,
        made: bool,
    },
    /// Copying: bytes copied so far; where the copy ends, once it does.
    Copying {
        to: Node,
        bytes: usize,
        copied_at: Option<usize>,
    },
    Ended,
}

/// Longest pause of a copy: it must not look finished before the original is emptied (`COPY_WAIT` of the reader).
const COPY_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Length of a line that is longer than a block of the reader.
const LONG_LINE_BYTES: usize = 75_000;

/// A rotated file.
struct Old {
    path: PathBuf,
    contents: Vec<u64>,
}

/// A message of which not all parts are written.
struct Partial {
    token: String,
    fate: Fate,
    message: String,
    rest: Vec<String>,
    contents: Vec<u64>,
}

/// One log file and its rotation.
pub struct Writer {
    name: String,
    path: PathBuf,
    docker: bool,
    rotation: Rotation,
    rng: Rng,
    /// Longest time between two steps.
    pause: Duration,
    lines_left: u64,
    long_lines: bool,
    /// In so many of a thousand steps.
    rotate_permille: u64,
    keep: usize,
    node: Option<Node>,
    content: u64,
    /// The content holds the end of a message that began in the one before.
    continued: bool,
    /// The rest of a plain line of which the beginning is written.
    half: Option<(String, String, Fate, String)>,
    partials: BTreeMap<&'static str, Partial>,
    doing: Doing,
    old: Vec<Old>,
    rotations: u64,
}

impl Writer {
    pub fn new(name: &str, docker: bool, rng: &mut Rng) -> Writer {
        let mut rng = rng.fork();
        let path = if docker {
            PathBuf::from(format!("/var/lib/docker/containers/{name}/{name}-json.log"))
        } else {
            PathBuf::from(format!("/var/log/nginx/{name}.log"))
        };
        let rotation = if docker {
            rng.pick(&[Rotation::Never, Rotation::Rename, Rotation::Rename, Rotation::Rename])
        } else {
            rng.pick(&[
                Rotation::Never,
                Rotation::Rename,
                Rotation::Rename,
                Rotation::RenameMatched,
                Rotation::Copy,
                Rotation::Copy,
                Rotation::CopyMatched,
                Rotation::Empty,
                Rotation::Remove,
            ])
        };
        let rotation = if rotation == Rotation::CopyMatched && !super::run::hard() { Rotation::Copy } else { rotation };
        Writer {
            name: name.to_string(),
            path,
            docker,
            rotation,
            pause: Duration::from_millis(rng.pick(&[20, 500, 3_000, 10_000])),
            lines_left: rng.pick(&[1, 20, 100, 300]),
            long_lines: rng.chance(100),
            rotate_permille: rng.pick(&[5, 30, 100, 250]),
            keep: rng.between(1..5) as usize,
            node: None,
            content: 0,
            continued: false,
            half: None,
            partials: BTreeMap::new(),
            doing: Doing::Writing,
            old: vec![],
            rotations: 0,
            rng,
        }
    }

    pub fn describe(&self) -> String {
        format!("{}: {:?}, {} lines, pause {:?}", self.path.display(), self.rotation, self.lines_left, self.pause)
    }

    /// One action, and the time until the next.
    pub fn step(&mut self, scene: &Scene) -> Duration {
        self.act(scene, false);
        let copying = matches!(self.doing, Doing::Copying { .. });
        let max = match copying {
            true => self.pause.min(COPY_PAUSE_MAX),
            false if self.lines_left == 0 => self.pause.max(Duration::from_secs(1)) * 5,
            false => self.pause,
        };
        // now and then two steps come close together
        if self.rng.chance(150) {
            self.rng.short_time(max)
        } else {
            max.mul_f64(self.rng.between(1..100) as f64 / 100.0)
        }
    }

    /// Ends what was begun and begins nothing new.
    pub fn finish(&mut self, scene: &Scene) {
        while !matches!(self.doing, Doing::Writing | Doing::Ended) {
            self.act(scene, true);
        }
        self.rest_of_half(scene);
        while let Some(stream) = self.partials.keys().next().copied() {
            self.next_part(scene, stream);
        }
        self.doing = Doing::Ended;
    }

    fn act(&mut self, scene: &Scene, finish: bool) {
        match std::mem::replace(&mut self.doing, Doing::Writing) {
            Doing::Ended => self.doing = Doing::Ended,
            Doing::Renamed { lines_left, made } if lines_left > 0 && !finish => {
                self.doing = Doing::Renamed { lines_left: lines_left - 1, made };
                self.write(scene);
            }
            Doing::Renamed { made, .. } => self.reopen(scene, made),
            Doing::Copying { to, bytes, copied_at } => self.go_on_copying(scene, to, bytes, copied_at, finish),
            Doing::Writing if self.node.is_none() => self.open_new(scene),
            Doing::Writing if self.rng.chance(self.rotate_permille) => self.rotate(scene),
            Doing::Writing => self.write(scene),
        }
    }

    // ---- lines ----

    fn write(&mut self, scene: &Scene) {
        if self.half.is_some() {
            return self.rest_of_half(scene);
        }
        if let Some(stream) = self.partials.keys().next().copied() {
            // often, but other streams come between
            if self.rng.chance(600) {
                return self.next_part(scene, stream);
            }
        }
        let burst = if self.rng.chance(200) { self.rng.between(2..30) } else { 1 };
        for _ in 0..burst {
            if self.lines_left == 0 || self.half.is_some() {
                return;
            }
            self.lines_left -= 1;
            if self.docker { self.docker_line(scene) } else { self.plain_line(scene) }
        }
    }

    /// A new line's token, text and fate.
    fn text(&mut self, scene: &Scene) -> (String, String, Fate) {
        let token = scene.ledger.lock().unwrap().token(&self.name);
        let (secs, millis) = (self.rng.below(60), self.rng.below(1000));
        let (text, fate) = match self.rng.below(40) {
            0 => (format!("#{token}# {DROPPED}"), Fate::Dropped),
            1 => (format!("#{token}# {UNFILTERABLE}"), Fate::Dead),
            2 => (format!("#{token}# {REFUSED}"), Fate::Dead),
            3..10 => (json!({"id": format!("#{token}#"), "level": "info", "n": secs}).to_string(), Fate::Delivered),
            10..25 => {
                (format!("2024-03-05 10:11:{secs:02},{millis:03} ERROR #{token}# it failed: \"x\\y\""), Fate::Delivered)
            }
            25 if self.long_lines => {
                // a line that no request can hold is a dead letter
                let fits = scene.server.lock().unwrap().body_bytes_max > LONG_LINE_BYTES * 2;
                let fate = if fits { Fate::Delivered } else { Fate::Dead };
                (format!("#{token}# {}", "long ".repeat(LONG_LINE_BYTES / 5)), fate)
            }
            _ => (format!("127.0.0.1 - - #{token}# \"GET /ä/{millis} HTTP/1.1\" 200 {secs}"), Fate::Delivered),
        };
        (token, text, fate)
    }

    fn append(&mut self, scene: &Scene, bytes: &[u8]) {
        scene.disk.append(self.node.expect("open"), bytes);
        let path = self.path.clone();
        scene.hint(&mut self.rng, &path, false);
    }

    fn plain_line(&mut self, scene: &Scene) {
        let (token, text, fate) = self.text(scene);
        let line = format!("{text}\n");
        let may_halve = !matches!(self.doing, Doing::Copying { .. });
        if may_halve && self.rng.chance(50) {
            let mut at = self.rng.between(1..line.len() as u64) as usize;
            while !line.is_char_boundary(at) {
                at -= 1;
            }
            self.append(scene, &line.as_bytes()[..at]);
            self.half = Some((token, text, fate, line[at..].to_string()));
            return;
        }
        self.append(scene, line.as_bytes());
        scene.ledger.lock().unwrap().wrote(&token, &text, fate, &[self.content]);
        if let Doing::Copying { copied_at: Some(at), .. } = &self.doing {
            // the copy ends before it, and the truncation takes it away
            scene.say(|| format!("{}: {token} lies behind the end of the copy ({at})", self.name));
            scene.ledger.lock().unwrap().excuse_line(&token);
        }
    }

    fn rest_of_half(&mut self, scene: &Scene) {
        if let Some((token, text, fate, rest)) = self.half.take() {
            self.append(scene, rest.as_bytes());
            scene.ledger.lock().unwrap().wrote(&token, &text, fate, &[self.content]);
        }
    }

    fn docker_line(&mut self, scene: &Scene) {
        let stream = self.rng.pick(&["stdout", "stderr"]);
        if self.partials.contains_key(stream) {
            return self.next_part(scene, stream);
        }
        let (token, message, fate) = self.text(scene);
        let whole = format!("{message}\n");
        let mut rest: Vec<String> = vec![];
        let parts = if self.rng.chance(100) { self.rng.between(2..5) } else { 1 };
        let mut left = whole.as_str();
        for _ in 1..parts {
            let mut at = self.rng.below(left.len() as u64 / 2) as usize;
            while !left.is_char_boundary(at) {
                at -= 1;
            }
            if at > 0 {
                rest.push(left[..at].to_string());
                left = &left[at..];
            }
        }
        rest.push(left.to_string());
        rest.reverse();
        self.partials.insert(stream, Partial { token, fate, message, rest, contents: vec![] });
        self.next_part(scene, stream);
    }

    fn next_part(&mut self, scene: &Scene, stream: &'static str) {
        let mut partial = self.partials.remove(stream).expect("the caller saw it");
        let part = partial.rest.pop().expect("a part is left");
        let mut time = vec![];
        scene.clock.now().write_iso(&mut time);
        let time = String::from_utf8(time).expect("a time is ASCII");
        let line = format!(
            "{{\"log\":{},\"stream\":\"{stream}\",\"time\":\"{time}\"}}\n",
            serde_json::to_string(&part).expect("a text is JSON")
        );
        self.append(scene, line.as_bytes());
        if partial.contents.last() != Some(&self.content) {
            self.continued |= !partial.contents.is_empty();
            partial.contents.push(self.content);
        }
        if partial.rest.is_empty() {
            let mut ledger = scene.ledger.lock().unwrap();
            ledger.wrote(&partial.token, &partial.message, partial.fate, &partial.contents);
        } else {
            self.partials.insert(stream, partial);
        }
    }

    // ---- rotation ----

    fn new_content(&mut self, scene: &Scene) {
        self.content = scene.ledger.lock().unwrap().content();
        self.continued = false;
    }

    fn open_new(&mut self, scene: &Scene) {
        let dir = self.path.parent().expect("in a folder");
        scene.disk.create_dir_all(dir).expect("the others' disk has no faults");
        self.node = Some(scene.disk.create(&self.path).expect("the others' disk has no faults"));
        self.new_content(scene);
        scene.say(|| format!("{}: makes {} (content {})", self.name, self.path.display(), self.content));
        let path = self.path.clone();
        scene.hint(&mut self.rng, &path, true);
    }

    fn reopen(&mut self, scene: &Scene, made: bool) {
        // the program that logs ends its line in the old file
        self.rest_of_half(scene);
        let Some(old) = self.node.take() else { return };
        scene.disk.close(old);
        if made {
            self.node = Some(scene.disk.open(&self.path).expect("logrotate made it"));
            self.new_content(scene);
            scene.say(|| format!("{}: opens {} (content {})", self.name, self.path.display(), self.content));
        } else {
            self.open_new(scene);
        }
    }

    fn rotated_path(&self, n: u64, matched: bool) -> PathBuf {
        if matched {
            self.path.with_file_name(format!("{}-{n}.log", self.name))
        } else {
            let mut name = self.path.file_name().expect("a file").to_os_string();
            name.push(format!(".{n}"));
            self.path.with_file_name(name)
        }
    }

    /// Moves `x.1` to `x.2` and so on; the oldest goes, if it may.
    fn shift(&mut self, scene: &Scene) {
        for (n, old) in self.old.iter_mut().enumerate().rev() {
            let mut name = self.path.file_name().expect("a file").to_os_string();
            name.push(format!(".{}", n + 2));
            let to = self.path.with_file_name(name);
            scene.disk.rename(&old.path, &to).expect("it is there");
            scene.hint(&mut self.rng, &to, true);
            old.path = to;
        }
    }

    fn remove_oldest(&mut self, scene: &Scene) {
        while self.old.len() > self.keep {
            let last = self.old.last().expect("more than none");
            let delivered = last.contents.iter().all(|c| scene.is_delivered(*c));
            // mostly it waits for whoever reads, as disks are large; at times not
            if !delivered && !self.rng.chance(50) {
                return;
            }
            let last = self.old.pop().expect("just seen");
            last.contents.iter().for_each(|c| scene.excuse_undelivered(*c));
            scene.disk.remove(&last.path).expect("it is there");
            scene.say(|| format!("{}: removes {} (delivered: {delivered})", self.name, last.path.display()));
            scene.hint(&mut self.rng, &last.path, true);
        }
    }

    /// Before a file leaves the name that a path matches. False when it waits until the program knows the file.
    fn may_leave(&mut self, scene: &Scene) -> bool {
        if scene.is_known(self.content) {
            return true;
        }
        // a message's end must not be lost: what follows would be taken for it
        if !self.partials.is_empty() || self.half.is_some() || self.continued || !self.rng.chance(100) {
            return false;
        }
        scene.say(|| format!("{}: content {} may never have been seen", self.name, self.content));
        scene.excuse_content(self.content);
        true
    }

    fn rotate(&mut self, scene: &Scene) {
        match self.rotation {
            Rotation::Never => self.write(scene),
            Rotation::Rename | Rotation::RenameMatched => self.rename(scene),
            Rotation::Copy | Rotation::CopyMatched => self.begin_copy(scene),
            Rotation::Empty => {
                if self.half.is_none() {
                    self.empty(scene);
                    scene.excuse_undelivered(self.content);
                    self.new_content(scene);
                }
            }
            Rotation::Remove => {
                if self.half.is_none() && (scene.is_delivered(self.content) || self.rng.chance(50)) {
                    scene.excuse_undelivered(self.content);
                    scene.disk.remove(&self.path).expect("it is there");
                    scene.say(|| format!("{}: removes {}", self.name, self.path.display()));
                    let path = self.path.clone();
                    scene.hint(&mut self.rng, &path, true);
                    scene.disk.close(self.node.take().expect("open"));
                }
            }
        }
    }

    fn rename(&mut self, scene: &Scene) {
        let matched = self.rotation == Rotation::RenameMatched;
        if !matched && !self.may_leave(scene) {
            return;
        }
        self.rotations += 1;
        let to = if matched {
            self.rotated_path(self.rotations, true)
        } else {
            self.shift(scene);
            self.rotated_path(1, false)
        };
        scene.disk.rename(&self.path, &to).expect("it is there");
        scene.say(|| format!("{}: renamed to {} (content {})", self.name, to.display(), self.content));
        scene.hint(&mut self.rng, &to, true);
        self.old.insert(0, Old { path: to, contents: vec![self.content] });
        let made = !self.docker && self.rng.chance(300);
        if made {
            let node = scene.disk.create(&self.path).expect("the others' disk has no faults");
            scene.disk.close(node);
        }
        // Docker opens the new file at once
        let lines_left = if self.docker { 0 } else { self.rng.below(4) };
        self.doing = Doing::Renamed { lines_left, made };
        if self.rng.chance(500) {
            self.doing = Doing::Writing;
            self.reopen(scene, made);
        }
        self.remove_oldest(scene);
    }

    fn begin_copy(&mut self, scene: &Scene) {
        if self.half.is_some() || !self.may_leave(scene) {
            return;
        }
        let matched = self.rotation == Rotation::CopyMatched;
        self.rotations += 1;
        let path = if matched {
            self.rotated_path(self.rotations, true)
        } else {
            self.shift(scene);
            self.rotated_path(1, false)
        };
        let to = scene.disk.create(&path).expect("the others' disk has no faults");
        scene.say(|| format!("{}: copies to {} (content {})", self.name, path.display(), self.content));
        scene.hint(&mut self.rng, &path, true);
        self.old.insert(0, Old { path, contents: vec![self.content] });
        self.doing = Doing::Copying { to, bytes: 0, copied_at: None };
        if self.rng.chance(300) {
            self.go_on_copying(scene, to, 0, None, true);
        }
    }

    fn go_on_copying(&mut self, scene: &Scene, to: Node, mut bytes: usize, mut copied_at: Option<usize>, finish: bool) {
        let node = self.node.expect("open");
        loop {
            let source = scene.disk.content(node);
            match copied_at {
                None if bytes < source.len() => {
                    let piece =
                        self.rng.between(1..(source.len() - bytes) as u64 * 2).min((source.len() - bytes) as u64);
                    scene.disk.append(to, &source[bytes..bytes + piece as usize]);
                    bytes += piece as usize;
                }
                None => copied_at = Some(bytes),
                Some(_) => break,
            }
            if !finish {
                self.doing = Doing::Copying { to, bytes, copied_at };
                if self.rng.chance(300) {
                    self.write(scene);
                }
                return;
            }
        }
        scene.disk.close(to);
        self.doing = Doing::Writing;
        self.empty(scene);
        self.new_content(scene);
        self.remove_oldest(scene);
    }

    fn empty(&mut self, scene: &Scene) {
        scene.disk.cut(self.node.expect("open"), 0);
        scene.say(|| format!("{}: empties {} (content {})", self.name, self.path.display(), self.content));
        let path = self.path.clone();
        scene.hint(&mut self.rng, &path, false);
    }
}
