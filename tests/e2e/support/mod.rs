//! Helpers of the outermost tests: starting the program, waiting for what it does, the world around the user's configuration, and
//! reading back what arrived. No expectation about the program belongs here.

pub mod lines;
pub mod program;
pub mod world;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Where `tests/services/fetch` puts what it fetched and built; agrees with `tests/services/lib.sh`.
pub fn fetched(path: &str) -> PathBuf {
    let cache = std::env::var_os("LOGDRIVE_SERVICES_CACHE").map(PathBuf::from).unwrap_or_else(|| {
        PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache/logdrive-services")
    });
    cache.join("e2e").join(path)
}

/// What a test can need beside the binary.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// To be root, for namespaces, mounts and other users' files.
    Root,
    /// The two programs made of go-lumber.
    Lumber,
    /// Everything `seed-world` starts.
    World,
}

impl Need {
    fn missing(self) -> Option<String> {
        let fetched_all = |paths: &[&str]| {
            let absent = paths.iter().map(|path| fetched(path)).find(|path| !path.exists())?;
            Some(format!("{} is not there (tests/services/fetch brings it)", absent.display()))
        };
        match self {
            Need::Root => (!rustix::process::geteuid().is_root()).then(|| "needs root".to_owned()),
            Need::Lumber => fetched_all(&["bin/lumber-send", "bin/lumber-recv"]),
            Need::World => Need::Root
                .missing()
                .or_else(|| fetched_all(&["elasticsearch-8.5.0/.complete", "bin/alertmanager-v2"]))
                .or_else(|| {
                    let programs = ["nginx", "dockerd", "prometheus-alertmanager", "nsenter", "busybox", "curl", "ip"];
                    let absent = programs.iter().find(|program| find_program(program).is_none())?;
                    Some(format!("`{absent}` is not installed (tests/services/fetch installs it)"))
                }),
        }
    }
}

fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|dir| dir.join(name))
        .find(|p| p.exists())
}

/// True if something of `needs` is missing: the test then returns at once. Said on the real standard error (not the captured one)
/// and counted by `tests/run`; a failure under `LOGDRIVE_REQUIRE_SERVICES=1`.
pub fn missing(needs: &[Need]) -> bool {
    let Some(reason) = needs.iter().find_map(|need| need.missing()) else { return false };
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    if std::env::var_os("LOGDRIVE_REQUIRE_SERVICES").is_some_and(|value| value == "1") {
        panic!("{test} may not be skipped here: {reason}");
    }
    writeln!(std::io::stderr(), "skipped: {test}: {reason}").expect("standard error is open");
    if let Some(path) = std::env::var_os("LOGDRIVE_SKIPPED_FILE") {
        let mut file =
            std::fs::OpenOptions::new().append(true).create(true).open(path).expect("the list of skipped tests opens");
        file.write_all(format!("{test}: {reason}\n").as_bytes()).expect("the list of skipped tests is written");
    }
    true
}

/// Asks `condition` again and again until it holds. Panics with what `describe` says after `limit`.
pub fn wait_until(limit: Duration, mut condition: impl FnMut() -> bool, describe: impl FnOnce() -> String) {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > limit {
            panic!("not within {limit:?}: {}", describe());
        }
        // the pause between two looks, not the time the thing is given
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A TCP port on the loopback address that nobody listens on at the moment.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    listener.local_addr().expect("a listener has an address").port()
}

/// Writes a file of a test, parents included, and returns its path as text.
pub fn write(path: PathBuf, text: impl AsRef<[u8]>) -> String {
    std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the folder can be made");
    std::fs::write(&path, text).expect("the file can be written");
    path.into_os_string().into_string().expect("paths of tests are text")
}
