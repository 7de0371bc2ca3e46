//! Scanners for the shapes most logs have. They take the usual spelling only and leave every doubt (`None`) to the general
//! parser, which they must agree with: a property test compares the two.

use crate::event::time_format::joda::Part;
use crate::event::time_format::zone::Zone;
use crate::event::timestamp::{MILLIS_PER_DAY, days_from_civil, days_in_month};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Literal(u8),
    /// Four digits; one that follows is left to the general parser unless the pattern goes on with digits.
    Year {
        digits_follow: bool,
    },
    Month,
    MonthName,
    Day,
    Hour,
    Minute,
    Second,
    Fraction {
        digits_max: usize,
    },
    Offset,
}

/// A pattern of year, month and day and, each at most once, the parts of the time and an offset.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    steps: Vec<Step>,
}

impl Shape {
    /// `None` where the pattern has anything else.
    pub(super) fn of(parts: &[Part], english: bool) -> Option<Shape> {
        let mut steps = Vec::new();
        for (i, part) in parts.iter().enumerate() {
            let step = match part {
                Part::Literal(text) => {
                    // letters would have to match in either case
                    if !text.bytes().all(|b| b.is_ascii() && !b.is_ascii_alphabetic()) {
                        return None;
                    }
                    steps.extend(text.bytes().map(Step::Literal));
                    continue;
                }
                Part::Field(b'y' | b'Y', 4) => {
                    Step::Year { digits_follow: parts.get(i + 1).is_some_and(Part::is_numeric) }
                }
                Part::Field(b'M', 1 | 2) => Step::Month,
                Part::Field(b'M', _) if english => Step::MonthName,
                Part::Field(b'd', 1 | 2) => Step::Day,
                Part::Field(b'H', 1 | 2) => Step::Hour,
                Part::Field(b'm', 1 | 2) => Step::Minute,
                Part::Field(b's', 1 | 2) => Step::Second,
                Part::Field(b'S', n @ 1..=18) => Step::Fraction { digits_max: *n },
                Part::Field(b'Z', 1 | 2) => Step::Offset,
                _ => return None,
            };
            steps.push(step);
        }
        let count = |wanted: fn(&Step) -> bool| steps.iter().filter(|s| wanted(s)).count();
        let once = [
            count(|s| matches!(s, Step::Year { .. })) == 1,
            count(|s| matches!(s, Step::Month | Step::MonthName)) == 1,
            count(|s| matches!(s, Step::Day)) == 1,
            count(|s| matches!(s, Step::Hour)) <= 1,
            count(|s| matches!(s, Step::Minute)) <= 1,
            count(|s| matches!(s, Step::Second)) <= 1,
            count(|s| matches!(s, Step::Fraction { .. })) <= 1,
            count(|s| matches!(s, Step::Offset)) <= 1,
        ];
        once.iter().all(|o| *o).then_some(Shape { steps })
    }

    /// The instant in milliseconds.
    pub(super) fn scan(&self, text: &[u8], zone: Zone) -> Option<i64> {
        let mut at = 0;
        let (mut year, mut month, mut day) = (0, 0, 0);
        let (mut hour, mut minute, mut second, mut millis) = (0, 0, 0, 0);
        let mut offset = None;
        for step in &self.steps {
            match step {
                Step::Literal(want) => {
                    if text.get(at) != Some(want) {
                        return None;
                    }
                    at += 1;
                }
                Step::Year { digits_follow } => {
                    year = i64::from(pair(text, at)?) * 100 + i64::from(pair(text, at + 2)?);
                    at += 4;
                    if year == 0 || (!digits_follow && text.get(at).is_some_and(u8::is_ascii_digit)) {
                        return None;
                    }
                }
                Step::Month => month = one_or_two(text, &mut at)?,
                Step::MonthName => {
                    month = month_name(text.get(at..at + 3)?)?;
                    at += 3;
                    // `March`
                    if text.get(at).is_some_and(u8::is_ascii_alphabetic) {
                        return None;
                    }
                }
                Step::Day => day = one_or_two(text, &mut at)?,
                Step::Hour => hour = one_or_two(text, &mut at)?,
                Step::Minute => minute = one_or_two(text, &mut at)?,
                Step::Second => second = one_or_two(text, &mut at)?,
                Step::Fraction { digits_max } => millis = fraction(text, &mut at, *digits_max)?,
                Step::Offset => offset = Some(offset_millis(text, &mut at)?),
            }
        }
        if at != text.len() {
            return None;
        }
        instant((year, month, day), (hour, minute, second, millis), offset, zone)
    }
}

/// `yyyy-MM-ddTHH:mm:ss`, a fraction of 1 to 9 digits and an offset as they like; with a blank for the `T` exactly
/// what ISO8601 takes there, a fraction of at most three digits. Milliseconds; `Some(None)` is a text that surely does not
/// fit: `yyyy-MM-dd HH:mm:ss` without a fraction, which many logs write and many configurations try as ISO8601 first.
pub(super) fn iso8601(text: &[u8], zone: Zone) -> Option<Option<i64>> {
    if text.len() < 19 || [text[4], text[7], text[13], text[16]] != *b"--::" {
        return None;
    }
    let blank = match text[10] {
        b'T' | b't' => false,
        b' ' => true,
        _ => return None,
    };
    let year = i64::from(pair(text, 0)?) * 100 + i64::from(pair(text, 2)?);
    let date = (year, pair(text, 5)?, pair(text, 8)?);
    let (hour, minute, second) = (pair(text, 11)?, pair(text, 14)?, pair(text, 17)?);
    let mut at = 19;
    let mut millis = 0;
    if matches!(text.get(at), Some(b'.' | b',')) {
        at += 1;
        millis = fraction(text, &mut at, if blank { 3 } else { 9 })?;
    } else if blank {
        return (at == text.len()).then_some(None);
    }
    let offset = if at < text.len() { Some(offset_millis(text, &mut at)?) } else { None };
    if at != text.len() {
        return None;
    }
    instant(date, (hour, minute, second, millis), offset, zone).map(Some)
}

fn instant(
    (year, month, day): (i64, u32, u32),
    (hour, minute, second, millis): (u32, u32, u32, u32),
    offset: Option<i32>,
    zone: Zone,
) -> Option<i64> {
    if !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let local = days_from_civil(year, month, day) * MILLIS_PER_DAY
        + i64::from(((hour * 60 + minute) * 60 + second) * 1_000 + millis);
    match offset {
        Some(offset) => Some(local - i64::from(offset)),
        None => zone.local_to_utc(local),
    }
}

fn digit(text: &[u8], at: usize) -> Option<u32> {
    text.get(at).filter(|c| c.is_ascii_digit()).map(|c| u32::from(c - b'0'))
}

fn pair(text: &[u8], at: usize) -> Option<u32> {
    Some(digit(text, at)? * 10 + digit(text, at + 1)?)
}

fn one_or_two(text: &[u8], at: &mut usize) -> Option<u32> {
    let first = digit(text, *at)?;
    *at += 1;
    match digit(text, *at) {
        Some(second) => {
            *at += 1;
            Some(first * 10 + second)
        }
        None => Some(first),
    }
}

/// Milliseconds of one to `digits_max` digits; further digits stay.
fn fraction(text: &[u8], at: &mut usize, digits_max: usize) -> Option<u32> {
    let mut millis = 0;
    let mut count = 0;
    while count < digits_max {
        let Some(d) = digit(text, *at) else { break };
        if count < 3 {
            millis = millis * 10 + d;
        }
        count += 1;
        *at += 1;
    }
    (count > 0).then(|| millis * [1_000, 100, 10, 1][count.min(3)])
}

/// `Z`, `+hhmm`, `+hh:mm`; anything longer is left to the general parser.
fn offset_millis(text: &[u8], at: &mut usize) -> Option<i32> {
    let sign = match text.get(*at)? {
        b'Z' => {
            *at += 1;
            return Some(0);
        }
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = pair(text, *at + 1)?;
    let colon = usize::from(text.get(*at + 3) == Some(&b':'));
    let minutes = pair(text, *at + 3 + colon)?;
    *at += 5 + colon;
    if hours > 23 || minutes > 59 || matches!(text.get(*at), Some(b':' | b'0'..=b'9')) {
        return None;
    }
    Some(sign * (hours * 60 + minutes) as i32 * 60_000)
}

/// English, three letters, written as `Mar`, `mar` or `MAR`.
fn month_name(text: &[u8]) -> Option<u32> {
    let (first, rest) = text.split_first()?;
    let usual = rest.iter().all(u8::is_ascii_lowercase) && first.is_ascii_alphabetic();
    if !usual && !text.iter().all(u8::is_ascii_uppercase) {
        return None;
    }
    Some(match &[first | 32, rest[0] | 32, rest[1] | 32] {
        b"jan" => 1,
        b"feb" => 2,
        b"mar" => 3,
        b"apr" => 4,
        b"may" => 5,
        b"jun" => 6,
        b"jul" => 7,
        b"aug" => 8,
        b"sep" => 9,
        b"oct" => 10,
        b"nov" => 11,
        b"dec" => 12,
        _ => return None,
    })
}
