//! What goes wrong in the field: files that cannot be read or are not what they seem, faulty configurations, a server that is not
//! there, a crash, a full disk, a line without end. A clear message, the rest goes on, nothing is lost, and no panic.

use super::support::lines::{Document, Tally, assert_exactly_once, of_local, tally};
use super::support::program::{Ended, Program, logdrive_ended};
use super::support::{Need, free_port, missing, repository, wait_until, write};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(60);

/// Reads `DIR/logs/*.log` as plain lines and Docker's files in `DIR/docker/*.log`.
fn agent_config(dir: &Path) -> String {
    let text = format!(
        "filebeat.inputs:\n- type: log\n  paths: [\"{dir}/logs/*.log\"]\n- type: container\n  paths: [\"{dir}/docker/*.log\"]\n\
         output.elasticsearch:\n  hosts: [\"127.0.0.1:9\"]\n",
        dir = dir.display()
    );
    write(dir.join("filebeat.yml"), text)
}

fn once(dir: &Path) -> Ended {
    let config = agent_config(dir);
    logdrive_ended(["run", "-c", &config, "--path.data", "data", "--local", "local", "--once"], dir, LIMIT)
}

fn assert_calm(ended: &Ended, code: i32) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

fn messages(dir: &Path) -> Tally {
    tally(of_local(dir).iter().map(Document::message))
}

fn texts(lines: &[&str]) -> Tally {
    tally(lines.iter().map(|line| (*line).to_owned()))
}

#[test]
fn a_bad_file_does_not_stop_the_others() {
    let dir = TempDir::new().expect("a temporary folder");
    let logs = dir.path().join("logs");
    write(logs.join("good.log"), "first good line\nlast good line\n");
    write(logs.join("empty.log"), "");
    std::fs::create_dir(logs.join("folder.log")).expect("a folder can be made");
    std::os::unix::fs::symlink(logs.join("nowhere"), logs.join("broken-link.log")).expect("a link can be made");
    write(logs.join("windows.log"), "ends in CR\r\n");
    let ended = once(dir.path());
    assert_calm(&ended, 0);
    assert_exactly_once(
        &texts(&["first good line", "last good line", "ends in CR"]),
        &messages(&dir.path().join("local")),
    );
}

/// Binary junk: each line is an event, whatever its bytes; the text of those that are UTF-8 is kept to the letter.
#[test]
fn binary_junk_is_lines_too() {
    let dir = TempDir::new().expect("a temporary folder");
    let junk = b"before\nnul \0 inside\n\xff\xfe\xf0\x28 not utf-8\n\x1b[31mcolour\x1b[0m\nafter\n";
    write(dir.path().join("logs/junk.log"), junk);
    let ended = once(dir.path());
    assert_calm(&ended, 0);
    let documents = of_local(&dir.path().join("local"));
    let found: Vec<String> = documents.iter().map(Document::message).collect();
    assert_eq!(found.len(), 5, "{found:?}");
    for (index, line) in [(0, "before"), (1, "nul \0 inside"), (3, "\u{1b}[31mcolour\u{1b}[0m"), (4, "after")] {
        assert_eq!(found[index], line);
    }
    assert!(found[2].ends_with(" not utf-8"), "{:?}", found[2]);
}

/// A line without its newline may still grow: it waits, and is read whole when the rest is there.
#[test]
fn a_line_cut_by_a_crash_is_read_when_it_is_whole() {
    let dir = TempDir::new().expect("a temporary folder");
    let path = write(dir.path().join("logs/cut.log"), "whole\nbegin of");
    assert_calm(&once(dir.path()), 0);
    let mut file = File::options().append(true).open(path).expect("the file opens");
    file.write_all(b" a line\n").expect("the file grows");
    assert_calm(&once(dir.path()), 0);
    assert_exactly_once(&texts(&["whole", "begin of a line"]), &messages(&dir.path().join("local")));
}

#[test]
fn malformed_docker_json_does_not_stop_the_container() {
    let dir = TempDir::new().expect("a temporary folder");
    let good =
        |text: &str| format!("{{\"log\":\"{text}\\n\",\"stream\":\"stdout\",\"time\":\"2024-03-05T10:11:12.5Z\"}}\n");
    let text = format!("{}{{\"log\":\"torn\n\0\0\0\n[1,2]\n{{\"log\":7}}\n{}", good("one"), good("two"));
    write(dir.path().join("docker/c-json.log"), text);
    let ended = once(dir.path());
    assert_calm(&ended, 0);
    let found = messages(&dir.path().join("local"));
    assert_eq!((found.get("one"), found.get("two")), (Some(&1), Some(&1)), "{found:?}\n{}", ended.stderr);
    assert!(ended.stderr.contains("c-json.log"), "the message names the file:\n{}", ended.stderr);
}

#[test]
fn a_file_without_permission_is_said_and_the_rest_goes_on() {
    if missing(&[Need::Root]) {
        return;
    }
    let dir = TempDir::new().expect("a temporary folder");
    write(dir.path().join("logs/open.log"), "readable\n");
    let secret = write(dir.path().join("logs/secret.log"), "unreadable\n");
    let config = agent_config(dir.path());
    // the folder belongs to the user it runs as, one file does not
    let chown = Command::new("chown").args(["-R", "65534:65534"]).arg(dir.path()).status().expect("chown starts");
    assert!(chown.success());
    std::os::unix::fs::chown(&secret, Some(0), Some(0)).expect("root may give files away");
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("root may set modes");
    // the build folder may be root's own: run a copy that anybody may run
    let binary = dir.path().join("logdrive");
    std::fs::copy(super::support::program::LOGDRIVE, &binary).expect("the binary can be copied");
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&binary);
    command.args(["run", "-c", &config, "--path.data", "data", "--local", "local", "--once"]).current_dir(dir.path());
    let mut program = Program::spawn(command, dir.path(), "nobody");
    let status = program.wait(LIMIT);
    let stderr = program.stderr();
    assert!(stderr.contains("secret.log") && stderr.to_lowercase().contains("permission denied"), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert_exactly_once(&texts(&["readable"]), &messages(&dir.path().join("local")));
    assert!(status.code().is_some_and(|code| code != 101), "{status}: {stderr}");
}

// --- configuration and arguments ----------------------------------------------------------------------------------------------------

fn code_of(args: &[&str]) -> Ended {
    let dir = TempDir::new().expect("a temporary folder");
    let ended = logdrive_ended(args.iter().map(OsStr::new), dir.path(), LIMIT);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    ended
}

#[test]
fn usage_and_environment_end_with_2() {
    for args in [
        &["run", "--no-such-flag"][..],
        &["no-such-verb"],
        &["run"],
        &["run", "-c", "/does/not/exist.yml"],
        &["run", "-f", "/does/not/exist.conf"],
    ] {
        let ended = code_of(args);
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert!(!ended.stderr.is_empty(), "{args:?} says nothing");
        assert!(ended.stdout.is_empty(), "{args:?} writes to standard output: {}", ended.stdout);
    }
}

#[test]
fn faulty_configuration_ends_with_1_and_shows_the_place() {
    let dir = TempDir::new().expect("a temporary folder");
    let cases = [
        (
            "input { stdin { } }\nfilter {\n  grok { match => { \"message\" => \"%{NO_SUCH:x}\" } }\n}\noutput { stdout { } }\n",
            "a.conf:3:",
        ),
        ("input { stdin { } }\nfilter {\n  mutate { no_such_option => 1 }\n}\noutput { stdout { } }\n", "a.conf:3:12"),
        ("input { stdin { } }\nfilter {\n  if [a == 1 { drop { } }\n}\noutput { stdout { } }\n", "a.conf:3:"),
        ("input { no_such_input { } }\noutput { stdout { } }\n", "a.conf:1:9"),
    ];
    for (text, place) in cases {
        let config = write(dir.path().join("a.conf"), text);
        for args in [&["run", "-f", &config, "--path.data", "data"][..], &["run", "-t", "-f", &config]] {
            let ended = logdrive_ended(args, dir.path(), LIMIT);
            assert_calm(&ended, 1);
            assert!(ended.stderr.contains(place), "{args:?} on {text}: no {place} in\n{}", ended.stderr);
            assert_eq!(ended.stdout, "", "{args:?}");
        }
        let ended = logdrive_ended(["check", "-f", &config], dir.path(), LIMIT);
        assert_calm(&ended, 1);
        assert!(ended.stdout.contains(place), "{}", ended.stdout);
    }
}

#[test]
fn fifty_mistakes_are_said_in_one_run() {
    let dir = TempDir::new().expect("a temporary folder");
    let mistakes: String = (0..50).map(|i| format!("  mutate {{ wrong_{i:02} => 1 }}\n")).collect();
    let config = write(
        dir.path().join("a.conf"),
        format!("input {{ stdin {{ }} }}\nfilter {{\n{mistakes}}}\noutput {{ stdout {{ }} }}\n"),
    );
    let ended = logdrive_ended(["run", "-f", &config, "--path.data", "data"], dir.path(), LIMIT);
    assert_calm(&ended, 1);
    for i in 0..50 {
        let (name, place) = (format!("wrong_{i:02}"), format!("a.conf:{}:", i + 3));
        assert!(ended.stderr.contains(&name) && ended.stderr.contains(&place), "{name} is not said:\n{}", ended.stderr);
    }
}

/// Two processes on one `path.data` would both send everything.
#[test]
fn a_second_process_on_the_same_data_is_refused() {
    let dir = TempDir::new().expect("a temporary folder");
    write(dir.path().join("logs/a.log"), "line\n");
    let config = agent_config(dir.path());
    let args = ["run", "-c", &config, "--path.data", "data", "--local", "local"];
    let first = Program::logdrive(args, dir.path(), "first").wait_ready();
    let ended = logdrive_ended(args, dir.path(), LIMIT);
    assert_calm(&ended, 2);
    assert!(ended.stderr.contains("data"), "the message names the folder:\n{}", ended.stderr);
    first.stop();
}

// --- servers, crashes, disks, sizes ---------------------------------------------------------------------------------------------------

/// `ready` does not wait for the server, and neither does the end.
#[test]
fn a_dead_server_at_start_delays_neither_ready_nor_the_end() {
    let dir = TempDir::new().expect("a temporary folder");
    write(dir.path().join("logs/a.log"), "line\n");
    let config = write(
        dir.path().join("filebeat.yml"),
        format!(
            "filebeat.inputs:\n- type: log\n  paths: [\"{}/logs/*.log\"]\noutput.elasticsearch:\n  hosts: [\"127.0.0.1:{}\"]\n",
            dir.path().display(),
            free_port()
        ),
    );
    let program = Program::logdrive(["run", "-c", &config, "--path.data", "data"], dir.path(), "agent");
    let mut program = program.wait_ready();
    program.wait_stderr("the server's absence", LIMIT, |text| text.to_lowercase().contains("connection refused"));
    let last_words = program.stop();
    assert!(!last_words.contains("panicked"), "{last_words}");
}

/// Killed at many moments, started again: every line is there, and ids tell doubles apart.
#[test]
fn killed_again_and_again_every_line_is_there() {
    let dir = TempDir::new().expect("a temporary folder");
    let lines: Vec<String> = (0..60_000).map(|i| format!("line {i} {}", "y".repeat(i % 90))).collect();
    let config = agent_config(dir.path());
    write(dir.path().join("logs/a.log"), lines.join("\n") + "\n");
    let args = ["run", "-c", &config, "--path.data", "data", "--local", "local"];
    let stored = || of_local_len(&dir.path().join("local"));
    for round in 0..4 {
        let program = Program::logdrive(args, dir.path(), &format!("life-{round}")).wait_ready();
        let before = stored();
        wait_until(
            LIMIT,
            || stored() > before || before > 10_000_000,
            || format!("it writes; standard error:\n{}", program.stderr()),
        );
        program.kill();
    }
    let ended = logdrive_ended(args.iter().chain(&["--once"]), dir.path(), LIMIT);
    assert_calm(&ended, 0);
    // the last line of a file may be torn by a kill, and what was not acknowledged is written again under the same id
    let mut by_id: std::collections::BTreeMap<String, String> = Default::default();
    for document in of_local(&dir.path().join("local")) {
        let message = document.message();
        let id = document.id.expect("documents have an id");
        let other = by_id.insert(id, message.clone());
        assert!(other.is_none_or(|other| other == message), "one id, two lines");
    }
    assert_exactly_once(&tally(lines), &tally(by_id.into_values()));
}

/// Bytes stored so far under a `--local` folder.
fn of_local_len(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// The disk the documents go to is full: said, not fatal to what is stored, and nothing is taken for delivered that is not.
#[test]
fn a_full_disk_loses_nothing() {
    if missing(&[Need::Root]) {
        return;
    }
    let dir = TempDir::new().expect("a temporary folder");
    let lines: Vec<String> = (0..4000).map(|i| format!("line {i} {}", "z".repeat(200))).collect();
    write(dir.path().join("logs/a.log"), lines.join("\n") + "\n");
    let config = agent_config(dir.path());
    std::fs::create_dir(dir.path().join("small")).expect("a folder can be made");
    // a mount namespace of its own: the small disk is the program's alone, and is gone with it, so its files are copied out
    let script = format!(
        "cd {dir} && mount -t tmpfs -o size=400k tmpfs small && {{ timeout -s TERM 20 {logdrive} run -c {config} --path.data data --local small \
         || true; }} ; mkdir -p saved && cp -r small/. saved/",
        dir = dir.path().display(),
        logdrive = super::support::program::LOGDRIVE,
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", &script]);
    let mut program = Program::spawn(command, dir.path(), "full");
    program.wait_success(LIMIT);
    let stderr = program.stderr();
    assert!(stderr.to_lowercase().contains("no space left"), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    // then with room: what was not stored the first time is read again
    let ended =
        logdrive_ended(["run", "-c", &config, "--path.data", "data", "--local", "local", "--once"], dir.path(), LIMIT);
    assert_calm(&ended, 0);
    let mut by_id: std::collections::BTreeMap<Option<String>, String> = Default::default();
    for folder in ["saved", "local"] {
        by_id.extend(
            of_local(&dir.path().join(folder)).into_iter().map(|document| (document.id.clone(), document.message())),
        );
    }
    assert!(!by_id.contains_key(&None), "documents have an id");
    assert_exactly_once(&tally(lines), &tally(by_id.into_values()));
}

/// A line of 1 GB between two others: cut at `max_bytes`, said, the rest streamed past in bounded memory.
#[test]
fn a_line_of_a_gigabyte_is_cut_in_bounded_memory() {
    const LINE_BYTES: u64 = 1_000_000_000;
    /// `max_bytes` as Filebeat has it.
    const CUT_BYTES: usize = 10 * 1024 * 1024;
    /// The cut line is held as read, as text, as JSON (a NUL takes six bytes there) and in a buffer on its way out.
    const MEMORY_KIB_MAX: u64 = 256 * 1024;

    let dir = TempDir::new().expect("a temporary folder");
    let path = write(dir.path().join("logs/long.log"), "before\n");
    // a hole in the file reads as NUL bytes and takes no space
    let mut file = File::options().append(true).open(&path).expect("the file opens");
    file.set_len(7 + LINE_BYTES).expect("a file may have a hole");
    file.write_all(b"\nafter\n").expect("the file grows");
    drop(file);
    let config = agent_config(dir.path());
    let args = ["run", "-c", &config, "--path.data", "data", "--local", "local", "--once"];
    let mut program = Program::logdrive(args, dir.path(), "agent");
    let (start, mut memory_kib) = (Instant::now(), 0);
    while program.runs() {
        memory_kib = program.memory_max_kib().unwrap_or(0).max(memory_kib);
        assert!(start.elapsed() < Duration::from_secs(180), "it takes too long; standard error:\n{}", program.stderr());
        std::thread::sleep(Duration::from_millis(10));
    }
    program.wait_success(LIMIT);
    let documents = of_local(&dir.path().join("local"));
    let found: Vec<String> = documents.iter().map(Document::message).collect();
    assert_eq!(found.len(), 3, "lengths {:?}", found.iter().map(String::len).collect::<Vec<_>>());
    assert_eq!((found[0].as_str(), found[1].len(), found[2].as_str()), ("before", CUT_BYTES, "after"));
    assert!(program.stderr().contains("long.log"), "the cut is said:\n{}", program.stderr());
    let flags = &documents[1].source["log"]["flags"];
    assert!(flags.as_array().is_some_and(|flags| flags.contains(&"truncated".into())), "{flags}");
    assert!(memory_kib > 0 && memory_kib < MEMORY_KIB_MAX, "{memory_kib} KiB");
}

/// The seed's files do not stop the test of the configuration, as in the originals.
#[test]
fn the_seed_passes_the_test_of_the_configuration() {
    let dir = TempDir::new().expect("a temporary folder");
    let file = |name: &str| repository("fixtures/seed").join(name).to_str().expect("text").to_owned();
    let ended =
        logdrive_ended(["run", "-t", "-c", &file("filebeat.yml"), "-f", &file("logstash.conf")], dir.path(), LIMIT);
    assert_calm(&ended, 0);
    let ended = logdrive_ended(["check", "-c", &file("filebeat.yml"), "-f", &file("logstash.conf")], dir.path(), LIMIT);
    assert_calm(&ended, 1);
    for (fault, place) in [
        ("the branch that no input reaches", "logstash.conf:9:6"),
        ("the capture into `message`", "logstash.conf:11:"),
        ("the first version of the interface", "logstash.conf:43:"),
    ] {
        assert!(ended.stdout.contains(place), "no {place} ({fault}) in\n{}", ended.stdout);
    }
}
