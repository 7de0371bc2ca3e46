//! The wire between agent and processor, lumberjack v2, against go-lumber, the library that Filebeat sends with: in both directions,
//! compressed and plain, acknowledged only after delivery, and sent again when the acknowledgement does not come.

use super::support::lines::{assert_exactly_once, of_plain_file, tally};
use super::support::program::{Program, logdrive_ended, wait_port};
use super::support::{Need, fetched, free_port, missing, wait_until, write};
use serde_json::Value;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{i} 数据 \"quoted\" \\ {}", "x".repeat(i % 300))).collect()
}

/// Sends the lines of a file with go-lumber and waits for its end.
fn send(port: u16, file: &str, options: &[&str]) -> Output {
    let mut command = Command::new(fetched("bin/lumber-send"));
    command.args(["-address", &format!("127.0.0.1:{port}")]).args(options);
    command.stdin(File::open(file).expect("the lines are there")).output().expect("lumber-send starts")
}

/// The messages of a file of events, one JSON object a line; a last line that is still being written does not count.
fn messages(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    let message = |line: String| {
        let event: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        event["message"].as_str().unwrap_or_else(|| panic!("no text in `message`: {event}")).to_owned()
    };
    whole.lines().map(str::to_owned).map(message).collect()
}

fn receives(options: &[&str]) {
    if missing(&[Need::Lumber]) {
        return;
    }
    let dir = TempDir::new().expect("a temporary folder");
    let (port, out) = (free_port(), dir.path().join("events"));
    let config = format!(
        "input {{ beats {{ port => {port} }} }}\noutput {{ file {{ path => \"{}\" codec => json_lines }} }}\n",
        out.display()
    );
    let config = write(dir.path().join("logstash.conf"), config);
    let lines = numbered(5000);
    let file = write(dir.path().join("lines"), lines.join("\n") + "\n");
    let program =
        Program::logdrive(["run", "-f", &config, "--path.data", "data"], dir.path(), "processor").wait_ready();
    let output = send(port, &file, options);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "acked 5000\n", "standard error:\n{}", program.stderr());
    // acknowledged means delivered: no waiting here
    assert_eq!(messages(&out), lines);
    let first: Value = serde_json::from_str(&of_plain_file(&out)[0]).expect("JSON");
    assert_eq!(first["log"]["file"]["path"], "/var/log/lumber-send.log");
    assert_eq!(first.get("@metadata"), None, "it never leaves");
    assert!(
        first["tags"].as_array().is_some_and(|tags| tags.contains(&"beats_input_codec_plain_applied".into())),
        "{first}"
    );
    program.stop();
}

#[test]
fn beats_input_takes_compressed_frames() {
    receives(&["-compress", "3"]);
}

#[test]
fn beats_input_takes_plain_frames() {
    receives(&["-compress", "0"]);
}

#[test]
fn beats_input_takes_windows_of_one() {
    receives(&["-window", "1"]);
}

/// A window whose events could not be delivered is not acknowledged.
#[test]
fn beats_input_acknowledges_only_what_is_delivered() {
    if missing(&[Need::Lumber]) {
        return;
    }
    let dir = TempDir::new().expect("a temporary folder");
    let (port, nobody) = (free_port(), free_port());
    let config = format!(
        "input {{ beats {{ port => {port} }} }}\noutput {{ elasticsearch {{ hosts => [\"127.0.0.1:{nobody}\"] index => \"x\" }} }}\n"
    );
    let config = write(dir.path().join("logstash.conf"), config);
    let file = write(dir.path().join("lines"), "one\ntwo\n");
    let program =
        Program::logdrive(["run", "-f", &config, "--path.data", "data"], dir.path(), "processor").wait_ready();
    wait_port(port);
    let output = send(port, &file, &["-timeout", "4s"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "acked 0\n", "standard error:\n{}", program.stderr());
    assert!(!output.status.success());
    program.stop();
}

fn agent_config(dir: &Path, port: u16) -> String {
    let text = format!(
        "filebeat.inputs:\n- type: log\n  paths: [\"{}/*.log\"]\noutput.logstash:\n  hosts: [\"127.0.0.1:{port}\"]\n",
        dir.display()
    );
    write(dir.join("filebeat.yml"), text)
}

/// Starts go-lumber's server; it ends after `count` events.
fn receiver(dir: &Path, port: u16, name: &str, options: &[&str]) -> Program {
    let mut command = Command::new(fetched("bin/lumber-recv"));
    command.args(["-address", &format!("127.0.0.1:{port}")]).args(options).stdin(Stdio::null());
    let mut program = Program::spawn(command, dir, name);
    program.wait_stderr("listening", Duration::from_secs(10), |text| text.contains("listening"));
    program
}

#[test]
fn logstash_output_sends_each_line_once_and_in_order() {
    if missing(&[Need::Lumber]) {
        return;
    }
    let dir = TempDir::new().expect("a temporary folder");
    let port = free_port();
    let lines = numbered(5000);
    write(dir.path().join("app.log"), lines.join("\n") + "\n");
    let config = agent_config(dir.path(), port);
    let mut server = receiver(dir.path(), port, "first", &["-n", "5000"]);
    let ended =
        logdrive_ended(["run", "-c", &config, "--path.data", "data", "--once"], dir.path(), Duration::from_secs(60));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    server.wait_success(Duration::from_secs(10));
    assert_eq!(messages(&dir.path().join("first.out")), lines);
    let first: Value = serde_json::from_str(&of_plain_file(&dir.path().join("first.out"))[0]).expect("JSON");
    assert_eq!(first["@metadata"]["beat"], "filebeat");
    assert_eq!(first["log"]["offset"], 0);

    // all was acknowledged, so a second run has nothing to send, and says nothing to a server
    let mut server = receiver(dir.path(), port, "second", &["-n", "1", "-timeout", "3s"]);
    let ended =
        logdrive_ended(["run", "-c", &config, "--path.data", "data", "--once"], dir.path(), Duration::from_secs(60));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!server.wait(Duration::from_secs(10)).success());
    assert!(server.stderr().contains("only 0 of 1 events"), "{}", server.stderr());
}

/// A receiver that dies before it has stored a window gets that window again.
#[test]
fn logstash_output_sends_again_what_was_not_acknowledged() {
    if missing(&[Need::Lumber]) {
        return;
    }
    let dir = TempDir::new().expect("a temporary folder");
    let port = free_port();
    let lines = numbered(3000);
    write(dir.path().join("app.log"), lines.join("\n") + "\n");
    let config = agent_config(dir.path(), port);
    // nobody listens at first
    let program = Program::logdrive(["run", "-c", &config, "--path.data", "data"], dir.path(), "agent").wait_ready();
    let mut server = receiver(dir.path(), port, "server", &["-n", "3000", "-refuse", "2"]);
    wait_until(
        Duration::from_secs(60),
        || messages(&dir.path().join("server.out")).len() >= 3000,
        || format!("the lines arrive; standard error:\n{}\n---\n{}", program.stderr(), server.stderr()),
    );
    server.wait_success(Duration::from_secs(10));
    assert!(server.stderr().contains("refused"), "{}", server.stderr());
    assert_exactly_once(&tally(lines), &tally(messages(&dir.path().join("server.out"))));
    program.stop();
}
