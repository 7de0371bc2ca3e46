//! Running the program (or another) beside a test: its output goes to files, it is killed when the test ends in any way, and every
//! wait has a limit.

use super::wait_until;
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The binary under test.
pub const LOGDRIVE: &str = env!("CARGO_BIN_EXE_logdrive");

/// From the start to the line `ready`. The promise of 50 ms is measured by the benches, on a quiet machine; this only ends a hang.
const READY_LIMIT: Duration = Duration::from_secs(20);
/// From the request to stop to the end.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A running program.
pub struct Program {
    child: Child,
    name: String,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Program {
    /// Starts `command`, with its output in the files `NAME.out` and `NAME.err` of `dir`.
    pub fn spawn(mut command: Command, dir: &Path, name: &str) -> Program {
        let (stdout, stderr) = (dir.join(format!("{name}.out")), dir.join(format!("{name}.err")));
        let create = |path| File::create(path).expect("the output file can be made");
        command.stdout(create(&stdout)).stderr(create(&stderr)).stdin(Stdio::null());
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        Program { child, name: name.to_owned(), stdout, stderr }
    }

    /// Starts the binary under test with `args`, on this machine.
    pub fn logdrive(args: impl IntoIterator<Item = impl AsRef<OsStr>>, dir: &Path, name: &str) -> Program {
        let mut command = Command::new(LOGDRIVE);
        command.args(args).current_dir(dir);
        Program::spawn(command, dir, name)
    }

    /// All it has written to standard error so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.stderr).unwrap_or_default()).into_owned()
    }

    /// All it has written to standard output so far.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.stdout).unwrap_or_default()).into_owned()
    }

    /// Waits for the line `ready`.
    pub fn wait_ready(mut self) -> Program {
        self.wait_stderr("the line `ready`", READY_LIMIT, |text| text.lines().any(|line| line.trim() == "ready"));
        self
    }

    /// Waits until `condition` holds for what is on standard error. A program that ends before that is a failure.
    pub fn wait_stderr(&mut self, what: &str, limit: Duration, condition: impl Fn(&str) -> bool) {
        let start = Instant::now();
        while !condition(&self.stderr()) {
            let ended = self.child.try_wait().expect("a child can be asked");
            let late = start.elapsed() > limit;
            if ended.is_some() && condition(&self.stderr()) {
                return;
            }
            if ended.is_some() || late {
                let how = ended.map_or(format!("within {limit:?}"), |status| format!("before it ended ({status})"));
                panic!("{}: no sign of {what} {how}; standard error:\n{}", self.name, self.stderr());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_none()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap_or_else(|error| panic!("{} cannot be signalled: {error}", self.name));
    }

    /// Kills it as a crash would: no chance to put anything away.
    pub fn kill(mut self) {
        assert!(self.runs(), "{} ended before it was killed; standard error:\n{}", self.name, self.stderr());
        self.signal(Signal::KILL);
        self.child.wait().expect("a child can be waited for");
    }

    /// Waits for its own end.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                return status;
            }
            if start.elapsed() > limit {
                panic!("{} did not end within {limit:?}; standard error:\n{}", self.name, self.stderr());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for its own end, which must be a success.
    pub fn wait_success(&mut self, limit: Duration) {
        let status = self.wait(limit);
        assert!(status.success(), "{} ended with {status}; standard error:\n{}", self.name, self.stderr());
    }

    /// Asks it to stop, as `docker stop` does, and expects it to end well.
    pub fn stop(mut self) -> String {
        assert!(self.runs(), "{} ended before it was stopped; standard error:\n{}", self.name, self.stderr());
        self.signal(Signal::TERM);
        self.wait_success(STOP_LIMIT);
        self.stderr()
    }

    /// The most memory it has held so far in KiB, or none when it has ended.
    pub fn memory_max_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches(" kB").trim().parse().ok()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.runs() {
            self.signal(Signal::KILL);
            self.child.wait().expect("a child can be waited for");
        }
    }
}

/// What a program that ended by itself left.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs the binary under test in `dir` until it ends by itself.
pub fn logdrive_ended(args: impl IntoIterator<Item = impl AsRef<OsStr>>, dir: &Path, limit: Duration) -> Ended {
    let mut program = Program::logdrive(args, dir, "logdrive");
    let status = program.wait(limit);
    Ended { code: status.code(), stdout: program.stdout(), stderr: program.stderr() }
}

/// Waits until something accepts connections on this port of the loopback address.
pub fn wait_port(port: u16) {
    let connects = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
    wait_until(READY_LIMIT, connects, || format!("port {port} accepts a connection"));
}
