//! What the repository hands out to run: the quickstart on the sample logs, the corrected pipeline under `check`, and the image.

use super::support::lines::{Document, of_local, of_plain_file, tally};
use super::support::program::{LOGDRIVE, Program, logdrive_ended};
use super::support::world::World;
use super::support::{Need, missing, repository, wait_until};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(60);

/// The README's first command, from the root of the repository: the sample logs to their end, every line in its day's index.
#[test]
fn quickstart_reads_the_sample_logs_to_their_end() {
    let dir = TempDir::new().expect("a temporary folder");
    let (out, data) = (dir.path().join("out"), dir.path().join("data"));
    let text = |path: &Path| path.to_str().expect("text").to_owned();
    let args = ["run", "-c", "pipelines/quickstart/filebeat.yml", "-f", "pipelines/quickstart/logstash.conf"]
        .map(str::to_owned);
    let more = ["--local".to_owned(), text(&out), "--once".to_owned(), "--path.data".to_owned(), text(&data)];
    // paths in the quickstart count from the root of the repository
    let run = |name: &str| {
        let mut command = std::process::Command::new(LOGDRIVE);
        command.args(&args).args(&more).current_dir(repository("."));
        let mut program = Program::spawn(command, dir.path(), name);
        program.wait_success(LIMIT);
        program
    };
    let first = run("first");
    let (stdout, stderr) = (first.stdout(), first.stderr());

    let documents = of_local(&out);
    let sources = walk(&repository("fixtures/logs"));
    let lines: usize = sources.iter().map(|path| of_plain_file(path).len()).sum();
    assert_eq!(documents.len(), lines);
    assert!(lines > 90, "the sample logs are there");
    let indices: BTreeSet<_> = documents.iter().filter_map(|document| document.index.clone()).collect();
    assert_eq!(indices, ["quickstart-2024.03.05", "quickstart-2024.03.06"].map(str::to_owned).into());
    let failed: Vec<_> = documents.iter().filter(|d| d.source["tags"].to_string().contains("failure")).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let alarming =
        documents.iter().filter(|d| d.source["tags"].as_array().is_some_and(|tags| tags.contains(&"alert".into())));
    let expected = [
        "could not reach the rating service: connection refused",
        "proposal 1187: no credit data",
        "Exception in ASGI application",
        r#"{"timestamp": "2024-03-05T23:51:12.318Z", "level": "ERROR", "logger": "app.worker", "message": "job 5512 failed after 3 attempts", "job": {"id": 5512, "attempts": 3}}"#,
    ];
    let time = |line: &str| line.replace(|c: char| c.is_ascii_digit(), "0");
    let found = tally(alarming.map(Document::message).map(|line| time(&line)));
    assert_eq!(found, tally(expected.map(time)));
    let access: Vec<_> = documents.iter().filter(|d| d.source["fields"]["service"] == "nginx").collect();
    assert!(access.iter().all(|d| d.source["http"]["response"]["status_code"].is_u64()), "{access:#?}");
    // the summary names what there is
    let summary = format!("{stdout}{stderr}");
    for word in ["quickstart-2024.03.05", "quickstart-2024.03.06", "nginx-error", "backend", "ApplicationError"] {
        assert!(summary.contains(word), "no {word} in the summary:\n{summary}");
    }

    // a second time there is nothing left to read
    run("second");
    assert_eq!(of_local(&out).len(), lines);
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(dir).expect("the folder is there").map(|entry| entry.expect("listed").path());
    paths.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// A correct configuration is not commented upon.
#[test]
fn check_is_silent_on_what_we_hand_out() {
    let dir = TempDir::new().expect("a temporary folder");
    for name in ["fin-pre-assist", "quickstart"] {
        let file = |file: &str| repository(&format!("pipelines/{name}/{file}")).to_str().expect("text").to_owned();
        let (agent, processor) = (file("filebeat.yml"), file("logstash.conf"));
        for args in [&["-c", &agent, "-f", &processor][..], &["-c", &agent], &["-f", &processor]] {
            let ended = logdrive_ended([&["check"], args].concat(), dir.path(), LIMIT);
            assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), "", ""), "{args:?}");
        }
    }
}

/// The image's own start script, in a container of a real Docker engine, with the mounts of the compose file: read-only where that
/// has them so, the configuration at both programs' default paths. The container holds the binary under test and its libraries.
#[test]
fn image_runs_what_is_mounted_at_the_default_paths() {
    if missing(&[Need::World]) {
        return;
    }
    let world = World::start(&[]);
    world.make_image();
    let root = world.dir().join("image");
    let script = format!(
        r#"set -eu; mkdir -p {root}/usr/bin {root}/bin {root}/etc {root}/var/lib/logdrive {root}/tmp
        cp {LOGDRIVE} {root}/usr/bin/logdrive; cp {entry} {root}/usr/bin/docker-entrypoint
        cp -L "$(command -v busybox)" {root}/bin/busybox; ln -s busybox {root}/bin/sh
        ldd {LOGDRIVE} | grep -o '/[^ ]*' | while read -r library; do mkdir -p "{root}$(dirname "$library")"; cp -L "$library" "{root}$library"; done
        tar -C {root} -c . | docker import - logdrive >/dev/null"#,
        root = root.display(),
        entry = repository("pipelines/fin-pre-assist/docker-entrypoint").display(),
    );
    world.run("sh", &["-c", &script]);
    let mounts = [
        format!(
            "{}:/usr/share/filebeat/filebeat.yml:ro",
            repository("pipelines/fin-pre-assist/filebeat.yml").display()
        ),
        format!(
            "{}:/usr/share/logstash/pipeline/logstash.conf:ro",
            repository("pipelines/fin-pre-assist/logstash.conf").display()
        ),
        "/var/lib/docker/containers:/var/lib/docker/containers:ro".to_owned(),
        "/var/run/docker.sock:/var/run/docker.sock:ro".to_owned(),
        "/var/log:/var/log:ro".to_owned(),
        "/etc/hosts:/etc/hosts:ro".to_owned(),
    ];
    let mut args = vec!["run", "--detach", "--network", "host", "--name", "logdrive"];
    mounts.iter().for_each(|mount| args.extend(["--volume", mount]));
    args.extend(["logdrive", "/usr/bin/docker-entrypoint"]);
    world.run("docker", &args);
    let own_log = || world.run("sh", &["-c", "docker logs logdrive 2>&1"]);
    wait_until(LIMIT, || own_log().lines().any(|line| line.trim() == "ready"), || format!("`ready` in\n{}", own_log()));
    world.container("fin-pre-assist-backend-1", &[], "echo '2024-03-05 10:11:12,123 ERROR from a container'");
    world.requests(["/ok".to_owned()]);
    wait_until(
        LIMIT,
        || world.count("fin-pre-assist-logs-*") == 2 && world.alerts().len() == 1,
        || format!("both lines and the alert arrive:\n{}", own_log()),
    );
    // nothing of its own log came back to it
    let messages = tally(world.documents("fin-pre-assist-logs-*").iter().map(Document::message));
    assert_eq!(messages.get("from a container"), Some(&1), "{messages:?}");
    world.run("docker", &["stop", "--time", "30", "logdrive"]);
    assert_eq!(
        world.run("docker", &["inspect", "--format", "{{.State.ExitCode}}", "logdrive"]).trim(),
        "0",
        "{}",
        own_log()
    );
}
