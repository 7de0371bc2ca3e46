//! How instants are written as text, and the time zones both ways.
//!
//! Belongs here: the two pattern languages of `%{+...}` ([`joda`]) and `%{{...}}` ([`java_time`]), which share letters but
//! not their meaning and therefore no table, and [`zone`]. Must not be here: reading dates (the date filter does that),
//! templates (`event::sprintf`), the clock.

pub mod java_time;
pub mod joda;
pub mod zone;

pub use java_time::JavaFormat;
pub use joda::JodaFormat;
pub use zone::Zone;

use std::fmt;
use std::ops::Range;

/// Why a date pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatError {
    /// What Java says to it, where Java says something.
    pub message: String,
    /// The bytes of the pattern at fault.
    pub range: Range<usize>,
}

impl FormatError {
    pub(crate) fn new(message: impl Into<String>, range: Range<usize>) -> FormatError {
        FormatError { message: message.into(), range }
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for FormatError {}

pub(crate) static MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// Monday first, as ISO counts.
pub(crate) static WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Appends `n` with at least `width` digits.
fn push_number(out: &mut String, n: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    let mut rest = n;
    while rest > 0 || at == digits.len() {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    for _ in digits.len() - at..width {
        out.push('0');
    }
    out.push_str(std::str::from_utf8(&digits[at..]).expect("digits are ASCII"));
}

/// Appends `n`; a minus sign does not count for the width.
fn push_signed(out: &mut String, n: i64, width: usize) {
    if n < 0 {
        out.push('-');
    }
    push_number(out, n.unsigned_abs(), width);
}
