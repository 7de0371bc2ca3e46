//! Memory that only the start needed.
//!
//! Reading a configuration, building a plan and linking touch most of the program's code once; what runs afterwards is a
//! small part of it. The pages stay mapped for as long as the machine has memory to spare, and count as this program's
//! (measured: 9 of 13.5 MB while idle). Given back, they are mapped again from the page cache where they are needed: some hundred
//! faults of a microsecond, once.

use rustix::mm::{Advice, madvise};
use std::ffi::c_void;
use std::ops::Range;

/// Unmaps the pages of the program's own code and constants; returns how many bytes of address space that are, 0 where the
/// kernel does not say what is mapped where.
pub fn give_back_code() -> usize {
    #[allow(clippy::disallowed_methods, reason = "this is the door")]
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let Some(program) = std::env::current_exe().ok().and_then(|p| p.to_str().map(str::to_string)) else { return 0 };
    let mut bytes = 0;
    for range in unwritten(&maps, &program) {
        // SAFETY: the kernel says that this range is a private mapping of the program's file that nobody can write, and by
        // `unwritten` nobody, the linker included, has ever written: its pages come back from the file as they were.
        let done = unsafe { madvise(range.start as *mut c_void, range.len(), Advice::LinuxDontNeed) };
        if done.is_ok() {
            bytes += range.len();
        }
    }
    bytes
}

/// The mappings of `program` that hold what is in the file: code, and the read-only segment at the file's beginning.
///
/// Not those that are read-only now and were written by the dynamic linker before (RELRO): they are never executable, and
/// never at the beginning. Nothing where a mapping is writable and executable, which no linker makes.
fn unwritten(maps: &str, program: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    for line in maps.lines() {
        // 55d0c0a4e000-55d0c0e0a000 r--p 00000000 08:01 1234    /usr/bin/logdrive
        let mut parts = line.splitn(6, ' ');
        let (Some(range), Some(rights), Some(offset)) = (parts.next(), parts.next(), parts.next()) else { continue };
        if line.splitn(6, ' ').nth(5).map(str::trim_start) != Some(program) {
            continue;
        }
        let at_beginning = u64::from_str_radix(offset, 16) == Ok(0);
        if !(rights == "r-xp" || rights == "r--p" && at_beginning) {
            continue;
        }
        let Some((from, to)) = range.split_once('-') else { continue };
        if let (Ok(from), Ok(to)) = (usize::from_str_radix(from, 16), usize::from_str_radix(to, 16)) {
            out.push(from..to);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_wrote_is_given_back() {
        let maps = "\
5000-6000 r--p 00000000 08:01 1234                       /usr/bin/logdrive
6000-9000 r-xp 00001000 08:01 1234                       /usr/bin/logdrive
9000-a000 r--p 00004000 08:01 1234                       /usr/bin/logdrive
a000-b000 rw-p 00005000 08:01 1234                       /usr/bin/logdrive
b000-c000 rw-p 00000000 00:00 0                          [heap]
c000-d000 rwxp 00000000 00:00 0 
d000-e000 r-xp 00001000 08:01 99                         /lib/libc.so.6
e000-f000 r-xp 00001000 08:01 99                         /usr/bin/logdrive (deleted)
nonsense
";
        assert_eq!(unwritten(maps, "/usr/bin/logdrive"), [0x5000..0x6000, 0x6000..0x9000]);
        assert!(unwritten(maps, "/usr/bin/other").is_empty());
        assert!(unwritten("", "/usr/bin/logdrive").is_empty());
    }

    #[test]
    fn the_program_goes_on_without_its_code_in_memory() {
        let bytes = give_back_code();
        assert!(bytes > 100_000, "{bytes} bytes of code");
        assert!(give_back_code() >= bytes, "and once more");
        assert_eq!(format!("{:?}", unwritten("1-2 r-xp 0 0 0 p", "p")), "[1..2]");
    }
}
