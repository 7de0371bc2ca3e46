//! From start to `ready`, and memory when nothing happens.
//!
//! `cargo bench --bench startup [-- --runs N --idle-seconds N --filebeat FILE --logstash FILE]`
//!
//! The pipeline is `pipelines/fin-pre-assist` unless others are named. It runs in a network namespace of its own with nothing but
//! loopback: its servers, and the cloud's address that `add_cloud_metadata` asks, cannot be reached. Needs `unshare` and
//! `ip`, and root or user namespaces.
//!
//! Limits that the project set itself: ready under 50 ms, resident memory under 12 MB after 60 s without input. Over one of
//! them the exit code is 1.

#![allow(clippy::disallowed_methods, reason = "a bench stands outside of the program")]

#[allow(dead_code, reason = "each bench uses its part")]
#[path = "measure.rs"]
mod measure;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const READY_MS_MAX: f64 = 50.0;
const IDLE_BYTES_MAX: u64 = 12_000_000;
const RUNS: u64 = 20;
const IDLE_SECONDS: u64 = 60;
/// Set in the copy of this process that runs in the namespace.
const INSIDE: &str = "LOGDRIVE_BENCH_IN_NAMESPACE";

fn main() -> ExitCode {
    if !measure::is_bench() {
        return ExitCode::SUCCESS;
    }
    if std::env::var_os(INSIDE).is_none() {
        return in_namespace();
    }
    let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
    assert!(up.is_ok_and(|s| s.success()), "loopback is there");
    let links = std::fs::read_to_string("/proc/net/dev").expect("the links");
    assert_eq!(
        links.lines().skip(2).filter(|l| !l.trim_start().starts_with("lo:")).count(),
        0,
        "only loopback: {links}"
    );

    let runs = measure::number_flag("--runs", RUNS);
    let idle_seconds = measure::number_flag("--idle-seconds", IDLE_SECONDS);
    let filebeat = path_flag("--filebeat", "pipelines/fin-pre-assist/filebeat.yml");
    let logstash = path_flag("--logstash", "pipelines/fin-pre-assist/logstash.conf");
    let folder = measure::Folder::new("startup");
    println!("{}", measure::machine());

    let mut times: Vec<Duration> = (0..runs.max(1))
        .map(|n| {
            let (mut child, time) = start(&filebeat, &logstash, &folder.path().join(format!("state-{n}")));
            end(&mut child);
            time
        })
        .collect();
    let ready_ms = measure::median(&mut times).as_secs_f64() * 1e3;
    let (least, most) = (times[0].as_secs_f64() * 1e3, times[times.len() - 1].as_secs_f64() * 1e3);

    let (mut child, _) = start(&filebeat, &logstash, &folder.path().join("state-idle"));
    let at_ready = measure::memory_of(child.id(), "VmRSS").expect("it runs");
    std::thread::sleep(Duration::from_secs(idle_seconds));
    let read = |name| measure::memory_of(child.id(), name).expect("it still runs");
    let [idle, private, file, most_memory] = ["VmRSS", "RssAnon", "RssFile", "VmHWM"].map(read);
    end(&mut child);

    let mb = |bytes: u64| bytes as f64 / 1e6;
    println!(
        "ready: median {ready_ms:.1} ms of {runs} runs (least {least:.1}, most {most:.1}); limit {READY_MS_MAX} ms"
    );
    println!(
        "idle after {idle_seconds} s: {:.1} MB resident ({:.1} own, {:.1} of files), {:.1} at `ready`, {:.1} at most; limit {:.0} MB",
        mb(idle),
        mb(private),
        mb(file),
        mb(at_ready),
        mb(most_memory),
        mb(IDLE_BYTES_MAX),
    );
    println!(
        "{}",
        serde_json::json!({
            "bench": "startup", "machine": measure::machine(), "ready_ms": ready_ms, "ready_ms_least": least, "ready_ms_most": most,
            "idle_seconds": idle_seconds, "idle_rss_bytes": idle, "idle_anon_bytes": private, "idle_file_bytes": file,
            "ready_rss_bytes": at_ready, "rss_bytes_max": most_memory,
        })
    );
    if ready_ms < READY_MS_MAX && idle < IDLE_BYTES_MAX { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn path_flag(name: &str, default: &str) -> PathBuf {
    let given = std::env::args().skip_while(|a| a != name).nth(1);
    given.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(default), PathBuf::from)
}

/// This program again, where nothing outside can be reached.
fn in_namespace() -> ExitCode {
    let mut again = Command::new("unshare");
    let root = std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    again.args(if root { ["--net"].as_slice() } else { ["--net", "--map-root-user"].as_slice() });
    again.arg("--").arg(std::env::current_exe().expect("a path")).args(std::env::args_os().skip(1)).env(INSIDE, "1");
    match again.status() {
        Ok(status) => ExitCode::from(status.code().map_or(2, |c| c as u8)),
        Err(why) => {
            eprintln!("cannot run `unshare`: {why}");
            ExitCode::from(2)
        }
    }
}

/// Starts the program and waits for the line `ready`.
fn start(filebeat: &Path, logstash: &Path, state: &Path) -> (Child, Duration) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logdrive"));
    command.arg("run").arg("-c").arg(filebeat).arg("-f").arg(logstash).arg("--path.data").arg(state);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let begin = Instant::now();
    let mut child = command.spawn().expect("the program starts");
    let mut lines = BufReader::new(child.stderr.take().expect("piped"));
    let mut said = String::new();
    loop {
        let from = said.len();
        let n = lines.read_line(&mut said).expect("stderr");
        assert_ne!(n, 0, "it ended before it was ready:\n{said}");
        if said[from..].trim_end() == "ready" {
            break;
        }
    }
    let time = begin.elapsed();
    // what it says later has to go somewhere
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    (child, time)
}

fn end(child: &mut Child) {
    child.kill().expect("it runs");
    child.wait().expect("it is waited for");
}
