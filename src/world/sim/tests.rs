use super::*;
use crate::world::fs::WriteMode;
use crate::world::{Clock, Fs};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

fn world(seed: u64) -> SimWorld {
    let config = DiskConfig { volatile: vec![PathBuf::from("/data")], spared: None, births: true };
    SimWorld::new(&mut Rng::new(seed), Timestamp::new(1_709_683_190, 0), config, Trace::default())
}

fn written(fs: &dyn Fs, path: &str, bytes: &[u8], sync: bool) {
    let mut file = fs.open_write(Path::new(path), WriteMode::Append, 0o600).unwrap();
    file.write_all(bytes).unwrap();
    if sync {
        file.sync().unwrap();
    }
}

#[test]
fn a_killed_process_leaves_what_it_wrote_and_a_power_failure_only_what_was_synced() {
    let mut lost = 0;
    for seed in 0..200 {
        let mut sim = world(seed);
        let (process, w) = sim.process();
        w.fs.create_dir_all(Path::new("/data")).unwrap();
        written(&*w.fs, "/data/a", b"synced", true);
        w.fs.sync_dir(Path::new("/data")).unwrap();
        written(&*w.fs, "/data/a", b" not", false);
        process.kill("test");
        assert!(w.fs.open(Path::new("/data/a")).is_err(), "the dead read nothing");
        sim.bury(&process, false);
        assert_eq!(sim.disk.read(Path::new("/data/a")).unwrap(), b"synced not");
        let (process, _) = sim.process();
        process.kill("test");
        sim.bury(&process, true);
        let left = sim.disk.read(Path::new("/data/a")).unwrap();
        assert!(left.starts_with(b"synced") && left.len() <= 10, "{left:?}");
        lost += usize::from(left != b"synced not");
    }
    assert!(lost > 100);
}

#[test]
fn a_failed_sync_is_not_made_good_by_the_next() {
    let mut sim = world(1);
    let (process, w) = sim.process();
    w.fs.create_dir_all(Path::new("/data")).unwrap();
    let mut file = w.fs.open_write(Path::new("/data/a"), WriteMode::Append, 0o600).unwrap();
    file.write_all(b"one").unwrap();
    process.set_faults(DiskFaults { sync_error: 1000, ..DiskFaults::default() });
    assert!(file.sync().is_err());
    process.set_faults(DiskFaults::default());
    file.write_all(b"two").unwrap();
    file.sync().unwrap();
    w.fs.sync_dir(Path::new("/data")).unwrap();
    process.kill("test");
    sim.bury(&process, true);
    assert_eq!(sim.disk.read(Path::new("/data/a")).unwrap(), b"\0\0\0two");
}

#[test]
fn an_open_file_outlives_its_name_and_its_number_is_used_again() {
    let mut sim = world(1);
    let (_process, w) = sim.process();
    sim.disk.create_dir_all(Path::new("/log")).unwrap();
    let a = sim.disk.create(Path::new("/log/a")).unwrap();
    sim.disk.append(a, b"hello");
    let file = w.fs.open(Path::new("/log/a")).unwrap();
    sim.disk.rename(Path::new("/log/a"), Path::new("/log/b")).unwrap();
    sim.disk.remove(Path::new("/log/b")).unwrap();
    sim.disk.close(a);
    let mut buffer = [0; 9];
    assert_eq!(file.read_at(1, &mut buffer).unwrap(), 4);
    let stat = file.stat().unwrap();
    assert_eq!((stat.links, stat.len), (0, 5));
    drop(file);
    sim.disk.create(Path::new("/log/c")).unwrap();
    assert_eq!(w.fs.stat(Path::new("/log/c")).unwrap().ino, stat.ino);
}

#[test]
fn a_lock_is_free_when_its_holder_is_buried() {
    let mut sim = world(1);
    let (first, w) = sim.process();
    w.fs.create_dir_all(Path::new("/data")).unwrap();
    let _held = w.fs.lock(Path::new("/data/lock")).unwrap();
    let (_, other) = sim.process();
    assert!(other.fs.lock(Path::new("/data/lock")).is_err());
    first.kill("test");
    sim.bury(&first, false);
    other.fs.lock(Path::new("/data/lock")).unwrap();
}

#[test]
fn time_jumps_to_the_next_sleeper_and_a_seed_is_one_run() {
    let run = |seed| {
        let mut sim = world(seed);
        let out = Arc::new(Mutex::new(vec![]));
        for (n, secs) in [30, 10, 10, 20].into_iter().enumerate() {
            let (clock, out) = (sim.clock.clone(), Arc::clone(&out));
            sim.executor.spawn(1, async move {
                clock.sleep(Duration::from_secs(secs)).await;
                out.lock().unwrap().push((n, clock.monotonic()));
            });
        }
        while sim.executor.step() != Step::Stuck {}
        let out = out.lock().unwrap().clone();
        assert_eq!(out.last().unwrap().0, 0);
        assert!(out.last().unwrap().1 >= Duration::from_secs(30) && out.last().unwrap().1 < Duration::from_secs(31));
        out
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}
