//! The seeded simulation: real tailing, registry, filters and bulk output over a simulated disk, clock and server.
//!
//! Goal: every line that could be read is there exactly once, whatever crashes, rotates or lies meanwhile (conservation), and
//! soon after faults stop (liveness). Method: each run is given by a seed; what may go wrong is listed in
//! `world::sim` (disk, process, network), `server` (moods) and `writers` (rotations, and what they excuse); the judge
//! (`ledger`) sees only what was written and what the server and the dead letter file hold.
//!
//! `SEED=n cargo test --test sim` replays one run and prints what happened; `SIM_SEEDS=n` sets how many are run.

#![allow(clippy::disallowed_methods, reason = "the test says how long it took")]

mod ledger;
mod process;
mod run;
mod server;
mod writers;

use process::Sabotage;
use run::{Report, run};
use std::time::Instant;

/// Seeds of an ordinary `cargo test`; CI sets `SIM_SEEDS=1000`.
const SEEDS: u64 = 60;

/// Seeds that once found a bug.
const REMEMBERED: &[u64] = &[73, 102, 146, 242, 260, 274, 279, 283, 341, 343, 859];

/// KNOWN FAULTS, each to be taken off when it passes:
/// 688: a file that is copied and emptied again and again under one name, with deaths between: 49 lines are lost.
/// 691: the first part of a container's line lies in a file that is gone; the rest arrives alone.
const STILL_FAILING: &[u64] = &[688, 691];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// Runs a seed again with its trace, and tells.
fn tell(seed: u64, faults: &[String]) -> ! {
    let again = run(seed, Sabotage::None, true);
    let shown = if std::env::var_os("SIM_TRACE").is_some() { usize::MAX } else { 150 };
    let lines: Vec<&str> = again.trace.lines().collect();
    for line in &lines[lines.len().saturating_sub(shown)..] {
        eprintln!("{line}");
    }
    panic!("seed {seed} failed; SEED={seed} replays it, SIM_TRACE=1 shows all of it:\n  {}", faults.join("\n  "));
}

#[test]
fn every_line_is_there_exactly_once() {
    if let Some(seed) = number("SEED") {
        let report = run(seed, Sabotage::None, true);
        if report.faults.is_empty() {
            eprintln!("{}", report.trace);
            eprintln!("{:?}", Report { trace: String::new(), ..report });
            return;
        }
        tell(seed, &report.faults);
    }
    let (start, mut sum) = (Instant::now(), Report::default());
    let first = number("SIM_FIRST").unwrap_or(0);
    let seeds = REMEMBERED.iter().copied().chain(first..first + number("SIM_SEEDS").unwrap_or(SEEDS));
    let (mut count, mut failed) = (0, vec![]);
    for seed in seeds {
        if STILL_FAILING.contains(&seed) {
            eprintln!("seed {seed} is left out: a known fault");
            continue;
        }
        let report = run(seed, Sabotage::None, false);
        count += 1;
        if !report.faults.is_empty() {
            if std::env::var_os("SIM_GO_ON").is_none() {
                tell(seed, &report.faults);
            }
            eprintln!("seed {seed}: {} faults; {}", report.faults.len(), report.faults[0]);
            failed.push(seed);
        }
        sum.lines += report.lines;
        sum.excused += report.excused;
        sum.lives += report.lives;
        sum.power_failures += report.power_failures;
        sum.items += report.items;
    }
    eprintln!(
        "{count} seeds in {:.1?}: {} lines ({} excused), {} lives, {} power failures, {} items sent",
        start.elapsed(),
        sum.lines,
        sum.excused,
        sum.lives,
        sum.power_failures,
        sum.items
    );
    assert!(failed.is_empty(), "{} of {count} seeds failed: {failed:?}", failed.len());
    assert!(sum.excused * 5 < sum.lines, "at least four of five lines are judged strictly");
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in [1, 2, 3] {
        let (a, b) = (run(seed, Sabotage::None, true), run(seed, Sabotage::None, true));
        assert!(a.trace.len() > 1000);
        assert_eq!(a.trace, b.trace, "seed {seed}");
    }
}

/// The canary: a judge that cannot find these finds nothing.
#[test]
fn a_sabotaged_program_is_found_out() {
    for (sabotage, seeds) in [(Sabotage::AckEarly, 40), (Sabotage::NeverSync, 60), (Sabotage::ForgetRegistry, 20)] {
        let found = (0..seeds).find(|seed| !run(*seed, sabotage, false).faults.is_empty());
        assert!(found.is_some(), "{sabotage:?} was not found out with {seeds} seeds");
    }
}
