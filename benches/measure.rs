//! What the benches share: CPU time and memory as the kernel counts them, a folder, the machine.

use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::time::Duration;

/// The kernel counts the CPU time of processes in ticks of this length in `/proc` (`USER_HZ`, the same on every machine).
const TICK_MS: u64 = 10;

/// Times in ticks from a `/proc/PID/stat`: of the process itself, and of its children that were waited for.
fn ticks(pid: &str) -> (u64, u64) {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process is there");
    // the name may hold spaces and parentheses
    let rest = stat.rsplit_once(')').expect("a name in parentheses").1;
    let fields: Vec<u64> = rest.split_whitespace().skip(11).take(4).map(|f| f.parse().expect("a number")).collect();
    (fields[0] + fields[1], fields[2] + fields[3])
}

/// CPU time of this process so far, user and system.
pub fn own_cpu() -> Duration {
    Duration::from_millis(ticks("self").0 * TICK_MS)
}

/// CPU time of the children of this process that have ended, user and system.
pub fn children_cpu() -> Duration {
    Duration::from_millis(ticks("self").1 * TICK_MS)
}

/// Waits for a child; its CPU time and the most memory it was seen with, in bytes.
pub fn wait(child: &mut Child) -> std::io::Result<(ExitStatus, Duration, u64)> {
    let before = children_cpu();
    let mut memory = 0;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status, children_cpu() - before, memory));
        }
        memory = memory.max(memory_of(child.id(), "VmHWM").unwrap_or(0));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A line of `/proc/PID/status` in bytes; `None` when the process has ended.
pub fn memory_of(pid: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? << 10)
}

/// Processor, number of cores, kernel.
pub fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|l| l.starts_with("model name")).and_then(|l| l.split_once(": "));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{}, {} cores, Linux {}, load {}",
        model.map_or("unknown processor", |(_, name)| name),
        std::thread::available_parallelism().map_or(1, usize::from),
        kernel.trim(),
        load.split(' ').next().unwrap_or("?"),
    )
}

/// A new folder below the target folder, gone when dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder below target");
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `cargo bench` says so; `cargo test --all-targets` runs benches too, and those are no test.
pub fn is_bench() -> bool {
    let asked = std::env::args().any(|a| a == "--bench");
    if !asked {
        println!("measures only under `cargo bench`");
    }
    asked
}

/// The value after a flag, a number.
pub fn number_flag(name: &str, default: u64) -> u64 {
    let mut args = std::env::args().skip_while(|a| a != name).skip(1);
    args.next().map_or(default, |v| v.parse().unwrap_or_else(|_| panic!("{name} takes a number, not `{v}`")))
}

/// The middle one.
pub fn median<T: Ord + Copy>(of: &mut [T]) -> T {
    of.sort_unstable();
    of[of.len() / 2]
}
