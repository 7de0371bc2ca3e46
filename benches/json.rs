//! Nanoseconds per event: reading JSON into a batch's events and writing it out again, beside serde_json's tree.
//! `cargo bench --bench json [-- ROUNDS]`; the ratios are what counts.

use logdrive::event::json::{Decimals, parse, write};
use logdrive::event::{Arena, Value};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// An application's line as it arrives, about 600 bytes.
const LINE: &str = r#"{"@timestamp":"2026-11-24T09:00:01.000Z","log":{"offset":0,"file":{"path":"/var/log/nginx/access.log"}},"input":{"type":"log"},"service":"nginx","message":"10.0.0.1 - - [24/Nov/2026:09:00:01 +0000] \"GET /api/documents/17 HTTP/1.1\" 200 5316 \"https://example.org/\" \"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\"","http":{"request":{"method":"GET"},"response":{"status_code":200,"body":{"bytes":5316}},"version":"1.1"},"source":{"address":"10.0.0.1"},"url":{"original":"/api/documents/17"},"@version":"1"}"#;
/// Events of one batch: the arena is emptied after so many.
const BATCH: u32 = 1000;
const BATCHES: u32 = 100;

#[allow(clippy::disallowed_methods, reason = "a bench measures time")]
fn timed(mut work: impl FnMut()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn main() {
    let rounds: u32 = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(5);
    let per_event = |t: Duration| t.as_nanos() as f64 / f64::from(BATCH * BATCHES);
    println!(
        "{:>6} {:>10} {:>10} {:>6} {:>10} {:>10} {:>6}",
        "round", "read", "serde", "ratio", "write", "serde", "ratio"
    );
    for round in 1..=rounds {
        let mut arena = Arena::new();
        let read = timed(|| {
            for _ in 0..BATCHES {
                arena.reset();
                for _ in 0..BATCH {
                    black_box(parse(&arena, black_box(LINE), Decimals::Double).expect("it is JSON"));
                }
            }
        });
        let serde_read = timed(|| {
            for _ in 0..BATCH * BATCHES {
                black_box(serde_json::from_str::<serde_json::Value>(black_box(LINE)).expect("it is JSON"));
            }
        });
        let arena = Arena::new();
        let value: Value<'_> = parse(&arena, LINE, Decimals::Double).expect("it is JSON");
        let tree: serde_json::Value = serde_json::from_str(LINE).expect("it is JSON");
        let mut out = Vec::new();
        let written = timed(|| {
            for _ in 0..BATCH * BATCHES {
                out.clear();
                write(black_box(&value), &mut out);
            }
        });
        let serde_written = timed(|| {
            for _ in 0..BATCH * BATCHES {
                out.clear();
                serde_json::to_writer(&mut out, black_box(&tree)).expect("a vector takes it");
            }
        });
        let (a, b, c, d) = (per_event(read), per_event(serde_read), per_event(written), per_event(serde_written));
        println!("{round:>6} {a:>10.0} {b:>10.0} {:>6.2} {c:>10.0} {d:>10.0} {:>6.2}", a / b, c / d);
    }
}
