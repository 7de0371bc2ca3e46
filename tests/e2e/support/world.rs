//! The user's world: namespaces in which `elasticsearch:9200`, `alertmanager:9093`, `/var/lib/docker/containers`, the Docker socket
//! and `/var/log/nginx` are real, made by `tests/services/seed-world`. The program under test runs in there with the user's files as
//! they are.

use super::lines::{self, Document, Tally};
use super::program::{LOGDRIVE, Program};
use super::{repository, wait_until};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;
use tempfile::TempDir;

/// A world holds a Java server and a Docker engine: one at a time is what a small machine carries.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Limit for what is only waited for to end a hang; much more than it takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running world. Ends with everything in it when dropped.
pub struct World {
    holder: Child,
    folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl World {
    /// Starts a world; `options` are those of `seed-world`.
    pub fn start(options: &[&str]) -> World {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let folder = TempDir::new().expect("a temporary folder can be made");
        let errors = std::fs::File::create(folder.path().join("world.err")).expect("a file can be made");
        let mut holder = Command::new(repository("tests/services/seed-world"))
            .args(options)
            .arg(folder.path().join("world"))
            .args(["sh", "-c", "echo up; exec cat >/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .expect("seed-world starts");
        let mut line = String::new();
        let stdout = holder.stdout.take().expect("standard output is a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("standard output is read");
        let world = World { holder, folder, _turn: turn };
        assert_eq!(
            line,
            "up\n",
            "no world: {}",
            std::fs::read_to_string(world.dir().join("world.err")).unwrap_or_default()
        );
        std::fs::create_dir_all(world.dir().join("logdrive")).expect("a folder can be made");
        world
    }

    /// The test's own folder, the same path inside and outside.
    pub fn dir(&self) -> &Path {
        self.folder.path()
    }

    /// A file of `/var/log` as the world has it.
    pub fn log(&self, path: &str) -> PathBuf {
        self.dir().join("world/log").join(path)
    }

    /// Where the program keeps its state in this world.
    pub fn data(&self, name: &str) -> PathBuf {
        self.dir().join("data").join(name)
    }

    /// A command that will run in the world.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg("--target").arg(self.holder.id().to_string()).args(["--mount", "--net", "--"]).arg(program);
        command.env("DOCKER_HOST", "unix:///var/run/docker.sock");
        command
    }

    /// Runs a command in the world to its end, which must be a success; what it printed.
    pub fn run(&self, program: &str, args: &[&str]) -> String {
        let output = self.command(program).args(args).output().expect("nsenter starts");
        assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("what commands print is text")
    }

    /// Starts the program under test in the world with these arguments and a `path.data` of that name, and waits for `ready`.
    pub fn logdrive(&self, name: &str, args: &[&str]) -> Program {
        let mut command = self.command(LOGDRIVE);
        command.arg("run").args(args).arg("--path.data").arg(self.data(name));
        // the number keeps the output of an earlier life apart
        let dir = self.dir().join("logdrive");
        let lives = std::fs::read_dir(&dir).expect("the folder is there").count() / 2;
        Program::spawn(command, &dir, &format!("{name}-{lives}")).wait_ready()
    }

    // --- what writes logs -------------------------------------------------------------------------------------------------------

    /// Makes the image `box`: busybox alone.
    pub fn make_image(&self) {
        let busybox = self.run("sh", &["-c", "readlink -f \"$(command -v busybox)\""]);
        let busybox = Path::new(busybox.trim());
        let folder = busybox.parent().expect("a program has a folder").to_str().expect("text");
        self.run("sh", &["-c", &format!("tar -C {folder} -c busybox | docker import - box")]);
    }

    /// Runs a container of that name which executes `script` in a shell; `options` go to `docker run`. Returns at once.
    pub fn container(&self, name: &str, options: &[&str], script: &str) {
        let mut args = vec!["run", "--detach", "--network", "none", "--name", name];
        args.extend_from_slice(options);
        // busybox finds its other programs in itself
        let whole = format!(
            "for p in sh seq usleep sleep cat echo printf; do /busybox ln -s /busybox /$p; done; PATH=/; {script}"
        );
        args.extend_from_slice(&["box", "/busybox", "sh", "-c", &whole]);
        self.run("docker", &args);
    }

    /// Waits until the container has ended by itself, well.
    pub fn container_ends(&self, name: &str) {
        let mut wait = self.command("timeout");
        let output = wait.args(["120", "docker", "wait", name]).output().expect("nsenter starts");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "0", "how container {name} ended");
    }

    /// `curl` asks the nginx of the world for these paths, each once, one after the other.
    pub fn requests(&self, paths: impl IntoIterator<Item = String>) {
        let config: String =
            paths.into_iter().map(|path| format!("url = \"http://localhost{path}\"\noutput = /dev/null\n")).collect();
        let file = self.dir().join("requests");
        std::fs::write(&file, config).expect("a file can be written");
        self.run("curl", &["--silent", "--config", file.to_str().expect("text")]);
    }

    /// Every line that lies in a log file the seed's configuration reads, rotated files of the same log included.
    pub fn written(&self) -> Tally {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(self.log("nginx")).expect("the folder is there") {
            all.extend(lines::of_plain_file(&entry.expect("a folder can be listed").path()));
        }
        for container in std::fs::read_dir(self.dir().join("world/docker/containers")).into_iter().flatten() {
            let folder = container.expect("a folder can be listed").path();
            for file in std::fs::read_dir(&folder).expect("the folder is there") {
                let path = file.expect("a folder can be listed").path();
                if path.to_str().expect("text").contains("-json.log") {
                    all.extend(lines::of_docker_file(&path));
                }
            }
        }
        lines::tally(all)
    }

    // --- what receives ----------------------------------------------------------------------------------------------------------

    fn get(&self, url: &str) -> Value {
        let text = self.run("curl", &["--silent", "--show-error", url]);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{url}: {error}: {text}"))
    }

    /// Number of documents searchable now in the indices of that name pattern; 0 if Elasticsearch is not up.
    pub fn count(&self, indices: &str) -> u64 {
        let script = format!(
            "curl -s -XPOST 'elasticsearch:9200/{indices}/_refresh' >/dev/null && curl -s 'elasticsearch:9200/{indices}/_count'"
        );
        let output = self.command("sh").args(["-c", &script]).output().expect("nsenter starts");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        answer["count"].as_u64().unwrap_or(0)
    }

    /// Every document in the indices of that name pattern.
    pub fn documents(&self, indices: &str) -> Vec<Document> {
        self.run("curl", &["-s", "-XPOST", &format!("elasticsearch:9200/{indices}/_refresh")]);
        // the most one search gives
        let answer = self.get(&format!("elasticsearch:9200/{indices}/_search?size=10000&track_total_hits=true"));
        let hits = answer["hits"]["hits"].as_array().unwrap_or_else(|| panic!("no hits: {answer}"));
        assert_eq!(
            Some(hits.len() as u64),
            answer["hits"]["total"]["value"].as_u64(),
            "a test wrote more than one search gives"
        );
        let document = |hit: &Value| Document {
            index: hit["_index"].as_str().map(str::to_owned),
            id: hit["_id"].as_str().map(str::to_owned),
            source: hit["_source"].clone(),
        };
        hits.iter().map(document).collect()
    }

    /// The alerts Alertmanager holds.
    pub fn alerts(&self) -> Vec<Value> {
        match self.get("http://alertmanager:9093/api/v2/alerts") {
            Value::Array(alerts) => alerts,
            other => panic!("alerts are an array: {other}"),
        }
    }

    /// Waits until as many documents are there as lines were written, then compares them one by one: none lost, none twice.
    pub fn assert_delivered_once(&self, indices: &str, running: &[&Program]) -> Vec<Document> {
        let written = self.written();
        let total = written.values().sum::<usize>() as u64;
        let logs = || running.iter().map(|program| program.stderr()).collect::<Vec<_>>().join("\n---\n");
        wait_until(
            PATIENCE,
            || self.count(indices) >= total,
            || {
                let found = self.count(indices);
                format!("{found} of {total} lines are in {indices}; standard error:\n{}", logs())
            },
        );
        let documents = self.documents(indices);
        lines::assert_exactly_once(&written, &lines::tally(documents.iter().map(Document::message)));
        assert!(written.values().all(|n| *n == 1), "a test has to write unique lines");
        documents
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // its standard input ends, and with it the command it runs, and with that the world
        drop(self.holder.stdin.take());
        self.holder.wait().expect("seed-world can be waited for");
        if std::thread::panicking() {
            eprintln!(
                "world's own messages:\n{}",
                std::fs::read_to_string(self.dir().join("world.err")).unwrap_or_default()
            );
        }
    }
}
