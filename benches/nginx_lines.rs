//! CPU seconds per million nginx lines, from the file to the body of the bulk request.
//!
//! `cargo bench --bench nginx_lines [-- --lines N --runs N --seed N]`
//!
//! The program itself runs, with a filebeat.yml that tails one file and a logstash.conf with
//! grok `%{COMBINEDAPACHELOG}` (ECS names), date and the elasticsearch output, fused, `--once`. Its requests go to a server in this
//! process that counts what arrives and answers every item with 201; the CPU time is that of the program alone, system
//! time and sending over loopback included. A run counts only if every line arrived parsed.
//!
//! Beside it, on the same file: `wc -l`; reading and copying the bytes; and PCRE2 with its JIT finding the captures of the same
//! pattern, line by line, on one thread, and nothing else.

#![allow(clippy::disallowed_methods, reason = "a bench stands outside of the program")]

#[allow(dead_code, reason = "each bench uses its part")]
#[path = "measure.rs"]
mod measure;
#[path = "sink.rs"]
mod sink;
#[path = "workload.rs"]
mod workload;

use logdrive::filter::grok::{matcher::Grok, patterns::Patterns};
use logdrive::regexp::MATCH_STEPS_MAX;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const LINES: u64 = 1_000_000;
const RUNS: u64 = 3;
const SEED: u64 = 20_240_305;

struct Row {
    name: &'static str,
    cpu: Duration,
    wall: Duration,
    memory: Option<u64>,
}

/// What the program is run with.
struct Kind {
    name: &'static str,
    workers: Option<u32>,
    compression_level: u32,
}

const KINDS: &[Kind] = &[
    Kind { name: "logdrive, 1 worker", workers: Some(1), compression_level: 0 },
    Kind { name: "logdrive, default workers", workers: None, compression_level: 0 },
    Kind { name: "logdrive, default workers, gzip level 1", workers: None, compression_level: 1 },
];

fn main() {
    if !measure::is_bench() {
        return;
    }
    let lines = measure::number_flag("--lines", LINES);
    let runs = measure::number_flag("--runs", RUNS);
    let seed = measure::number_flag("--seed", SEED);
    let folder = measure::Folder::new("nginx-lines");
    let log = folder.path().join("access.log");
    let mut file = BufWriter::new(File::create(&log).expect("the log"));
    let bytes = workload::Nginx::new(seed).write(lines, &mut file).expect("the log is written");
    file.into_inner().expect("the log is written").sync_all().expect("the log is on disk");

    println!("{}", measure::machine());
    println!("{lines} lines, {} bytes each on average, seed {seed}, median of {runs} runs\n", bytes / lines.max(1));

    let mut rows = vec![
        repeated("wc -l", runs, || wc(&log)),
        repeated("copying the bytes", runs, || here(|| copy(&log))),
        repeated("PCRE2 captures alone", runs, || here(|| captures(&log, lines))),
    ];
    for kind in KINDS {
        rows.push(repeated(kind.name, runs, || program(kind, &log, lines, folder.path())));
    }

    let per_million = |time: Duration| time.as_secs_f64() * 1e6 / lines as f64;
    let [wc, copy, pcre2] = [0, 1, 2].map(|i| rows[i].cpu.as_secs_f64().max(0.001));
    println!(
        "| CPU s per million lines | wall | x PCRE2 | x copy | x wc | most memory | |\n|---|---|---|---|---|---|---|"
    );
    for row in &rows {
        let cpu = row.cpu.as_secs_f64();
        println!(
            "| {:.2} | {:.2} | {:.2} | {:.1} | {:.1} | {} | {} |",
            per_million(row.cpu),
            per_million(row.wall),
            cpu / pcre2,
            cpu / copy,
            cpu / wc,
            row.memory.map_or("".into(), |m| format!("{:.1} MB", m as f64 / 1e6)),
            row.name,
        );
    }
    let json: Vec<_> = rows
        .iter()
        .map(|row| {
            serde_json::json!({
                "name": row.name,
                "cpu_s_per_million_lines": per_million(row.cpu),
                "wall_s_per_million_lines": per_million(row.wall),
                "ratio_to_pcre2": row.cpu.as_secs_f64() / pcre2,
                "ratio_to_copy": row.cpu.as_secs_f64() / copy,
                "ratio_to_wc": row.cpu.as_secs_f64() / wc,
                "memory_bytes_max": row.memory,
            })
        })
        .collect();
    println!(
        "\n{}",
        serde_json::json!({"bench": "nginx_lines", "machine": measure::machine(), "lines": lines, "seed": seed, "rows": json})
    );
}

/// The run with the median CPU time.
fn repeated(name: &'static str, runs: u64, mut run: impl FnMut() -> (Duration, Duration, Option<u64>)) -> Row {
    let mut done: Vec<_> = (0..runs.max(1)).map(|_| run()).collect();
    let (cpu, wall, memory) = measure::median(&mut done);
    Row { name, cpu, wall, memory }
}

fn wc(log: &Path) -> (Duration, Duration, Option<u64>) {
    let (cpu, start) = (measure::children_cpu(), Instant::now());
    let done = Command::new("wc").arg("-l").arg(log).stdout(Stdio::null()).status().expect("wc");
    assert!(done.success());
    (measure::children_cpu() - cpu, start.elapsed(), None)
}

/// Measures work in this process, which does nothing else meanwhile.
fn here(work: impl FnOnce()) -> (Duration, Duration, Option<u64>) {
    let (cpu, start) = (measure::own_cpu(), Instant::now());
    work();
    (measure::own_cpu() - cpu, start.elapsed(), None)
}

fn copy(log: &Path) {
    let mut file = File::open(log).expect("the log");
    let mut block = vec![0; 1 << 17];
    let mut to = Vec::with_capacity(1 << 17);
    loop {
        let n = file.read(&mut block).expect("the log");
        if n == 0 {
            return;
        }
        to.clear();
        to.extend_from_slice(&block[..n]);
        black_box(&to);
    }
}

fn captures(log: &Path, lines: u64) {
    let grok = Grok::new("%{COMBINEDAPACHELOG}", Patterns::ecs_v1(), true, MATCH_STEPS_MAX).expect("a shipped pattern");
    let mut scratch = grok.scratch();
    let text = std::fs::read_to_string(log).expect("the log");
    let mut matched = 0;
    for line in text.lines() {
        let found = grok.captures(line, &mut scratch, &mut |id, text| {
            black_box((id, text));
        });
        matched += u64::from(found.expect("within the limits"));
    }
    assert_eq!(matched, lines, "every line of the workload matches");
}

fn program(kind: &Kind, log: &Path, lines: u64, folder: &Path) -> (Duration, Duration, Option<u64>) {
    let sink = sink::Sink::start();
    let state = folder.join("state");
    let _ = std::fs::remove_dir_all(&state);
    let filebeat = folder.join("filebeat.yml");
    let logstash = folder.join("logstash.conf");
    let agent = format!(
        "filebeat.inputs:\n- type: log\n  paths: ['{}']\n  fields: {{service: nginx}}\n\
         output.logstash.hosts: ['localhost:5044']\nlogging.to_files: false\n",
        log.display()
    );
    let processor = format!(
        r#"input {{ beats {{ port => 5044 }} }}
filter {{
  if [fields][service] == "nginx" {{
    grok {{ match => {{ "message" => "%{{COMBINEDAPACHELOG}}" }} }}
    date {{ match => ["timestamp", "dd/MMM/yyyy:HH:mm:ss Z"] remove_field => ["timestamp"] }}
  }}
}}
output {{
  elasticsearch {{
    hosts => ["127.0.0.1:{}"]
    index => "nginx-%{{+YYYY.MM.dd}}"
    compression_level => {}
  }}
}}
"#,
        sink.port(),
        kind.compression_level
    );
    std::fs::write(&filebeat, agent).expect("filebeat.yml");
    std::fs::write(&logstash, processor).expect("logstash.conf");
    let mut command = Command::new(env!("CARGO_BIN_EXE_logdrive"));
    command.arg("run").arg("-c").arg(&filebeat).arg("-f").arg(&logstash).arg("--path.data").arg(&state);
    command.args(["--once", "--api.enabled", "false"]);
    if let Some(workers) = kind.workers {
        command.args(["-w", &workers.to_string()]);
    }
    let errors = folder.join("stderr");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&errors).expect("a file"));
    let start = Instant::now();
    let mut child = command.spawn().expect("the program starts");
    let (status, cpu, memory) = measure::wait(&mut child).expect("the program is waited for");
    let wall = start.elapsed();
    if !status.success() {
        let _ = std::io::stderr().write_all(&std::fs::read(&errors).unwrap_or_default());
        panic!("the program ended with {status}");
    }
    let counted = sink.counted();
    assert_eq!((counted.documents, counted.parsed), (lines, lines), "documents and parsed documents at the server");
    (cpu, wall, Some(memory))
}
