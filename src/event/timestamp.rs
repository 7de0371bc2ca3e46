//! An instant with nanoseconds, as Logstash 8 keeps `@timestamp`, and the civil calendar behind it.
//!
//! Printing and reading follow `Timestamp.java` of Logstash 8 (java.time): see [`Timestamp::write_iso`] and
//! [`Timestamp::parse`]. The arithmetic is the proleptic Gregorian calendar over `i64` days, no table and no library.

use super::time_format::Zone;
use std::fmt;

pub(crate) const SECS_PER_DAY: i64 = 86_400;
pub(crate) const MILLIS_PER_DAY: i64 = 86_400_000;
/// The least and greatest year that Java's `Instant` can hold.
pub const YEAR_MIN: i64 = -1_000_000_000;
pub const YEAR_MAX: i64 = 1_000_000_000;

/// The two decimal digits of 0..=99, one after the other.
static DIGIT_PAIRS: [u8; 200] = {
    let mut table = [0; 200];
    let mut i = 0;
    while i < 100 {
        table[2 * i] = b'0' + (i / 10) as u8;
        table[2 * i + 1] = b'0' + (i % 10) as u8;
        i += 1;
    }
    table
};

/// Days from 1970-01-01 to a date; the day may lie outside its month.
pub fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    assert!((1..=12).contains(&month), "a month is 1 to 12");
    // the year begins in March, so that the leap day is its last
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let month_from_march = i64::from((month + 9) % 12);
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month (1..=12) and day of month (1..=31) of a day counted from 1970-01-01.
pub fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 } as u32;
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// Whether a year of the proleptic Gregorian calendar has 366 days.
pub fn is_leap(year: i64) -> bool {
    year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0)
}

/// Days of a month, 28 to 31.
pub fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        2 => 28 + u32::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Day of the week by ISO 8601: Monday 1 to Sunday 7.
pub fn iso_weekday(days: i64) -> u32 {
    (days + 3).rem_euclid(7) as u32 + 1
}

/// Week-based year and week by ISO 8601 (Monday first, week 1 holds the first Thursday).
pub fn iso_week(days: i64) -> (i64, u32) {
    let thursday = days + 4 - i64::from(iso_weekday(days));
    let year = civil_from_days(thursday).0;
    (year, ((thursday - days_from_civil(year, 1, 1)) / 7 + 1) as u32)
}

/// Appends `n` with two digits.
pub(crate) fn push_2(out: &mut Vec<u8>, n: u32) {
    let at = 2 * n as usize;
    out.extend_from_slice(&DIGIT_PAIRS[at..at + 2]);
}

/// Appends `n` with at least `width` digits.
pub(crate) fn push_padded(out: &mut Vec<u8>, n: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    let mut rest = n;
    while rest > 0 {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    for _ in digits.len() - at..width {
        out.push(b'0');
    }
    out.extend_from_slice(&digits[at..]);
}

/// A point in time: seconds since 1970-01-01T00:00:00Z and nanoseconds within the second. Orders by time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    secs: i64,
    nanos: u32,
}

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Timestamp = Timestamp { secs: 0, nanos: 0 };

    /// `nanos` must be below 1,000,000,000.
    pub const fn new(secs: i64, nanos: u32) -> Timestamp {
        assert!(nanos < 1_000_000_000, "nanoseconds lie within one second");
        Timestamp { secs, nanos }
    }

    pub const fn from_epoch_millis(millis: i64) -> Timestamp {
        Timestamp { secs: millis.div_euclid(1_000), nanos: millis.rem_euclid(1_000) as u32 * 1_000_000 }
    }

    /// Nanoseconds since the epoch; the years 1678 to 2262.
    pub const fn from_epoch_nanos(nanos: i64) -> Timestamp {
        Timestamp { secs: nanos.div_euclid(1_000_000_000), nanos: nanos.rem_euclid(1_000_000_000) as u32 }
    }

    /// Milliseconds since the epoch, rounded down; the ends of `i64` where they do not fit.
    pub const fn epoch_millis(&self) -> i64 {
        self.secs.saturating_mul(1_000).saturating_add((self.nanos / 1_000_000) as i64)
    }

    /// Seconds since the epoch, rounded down.
    pub const fn epoch_secs(&self) -> i64 {
        self.secs
    }

    /// Nanoseconds within the second, 0..=999,999,999.
    pub const fn subsec_nanos(&self) -> u32 {
        self.nanos
    }

    /// The same instant cut to milliseconds, as the date filter and Joda's formats see it.
    pub const fn truncated_to_millis(&self) -> Timestamp {
        Timestamp { secs: self.secs, nanos: self.nanos / 1_000_000 * 1_000_000 }
    }

    /// Day from 1970-01-01 and second of that day, in UTC.
    pub fn day_and_second(&self) -> (i64, u32) {
        (self.secs.div_euclid(SECS_PER_DAY), self.secs.rem_euclid(SECS_PER_DAY) as u32)
    }

    /// Appends the form in which Logstash prints an `@timestamp`: UTC with `Z`, three digits of fraction when it is
    /// zero, else 3, 6 or 9 as needed; a year above 9999 carries `+`, one below 0 `-`.
    pub fn write_iso(&self, out: &mut Vec<u8>) {
        let (days, second) = self.day_and_second();
        let (year, month, day) = civil_from_days(days);
        if (0..=9_999).contains(&year) {
            push_2(out, year as u32 / 100);
            push_2(out, year as u32 % 100);
        } else {
            out.push(if year < 0 { b'-' } else { b'+' });
            push_padded(out, year.unsigned_abs(), 4);
        }
        out.push(b'-');
        push_2(out, month);
        out.push(b'-');
        push_2(out, day);
        out.push(b'T');
        push_2(out, second / 3_600);
        out.push(b':');
        push_2(out, second / 60 % 60);
        out.push(b':');
        push_2(out, second % 60);
        out.push(b'.');
        let groups = [self.nanos / 1_000_000, self.nanos / 1_000 % 1_000, self.nanos % 1_000];
        let used = if groups[2] != 0 {
            3
        } else if groups[1] != 0 {
            2
        } else {
            1
        };
        for group in &groups[..used] {
            out.push(b'0' + (group / 100) as u8);
            push_2(out, group % 100);
        }
        out.push(b'Z');
    }

    /// Reads what Logstash takes for an `@timestamp` of an event; a text without zone is in UTC.
    /// See [`Timestamp::parse_in`].
    pub fn parse(text: &str) -> Option<Timestamp> {
        Timestamp::parse_in(text, &Zone::Utc)
    }

    /// Reads what Logstash takes for an `@timestamp` of an event: `yyyy-MM-dd`, then optionally `T` (or `t`) with
    /// `HH:mm`, seconds and a fraction of up to 9 digits, then optionally a zone: `Z`, an offset up to 18 hours
    /// (`+08`, `+0800`, `+08:00`, with seconds too), `UTC`, `GMT`, `UT` with or without an offset, or a zone's name.
    /// A text without zone is in `local`.
    ///
    /// Like java.time's "smart" resolver it takes a day that its month lacks for the month's last
    /// (2023-02-30 is the 28th) and 24:00 for the next day's beginning. Two zones one after the other, which
    /// java.time lets pass (`ZZ`), are refused.
    pub fn parse_in(text: &str, local: &Zone) -> Option<Timestamp> {
        let b = text.as_bytes();
        let (year, mut at) = parse_year(b)?;
        let month = dashed_2(b, &mut at).filter(|m| (1..=12).contains(m))?;
        let day = dashed_2(b, &mut at).filter(|d| (1..=31).contains(d))?;
        let days = days_from_civil(year, month, day.min(days_in_month(year, month)));
        let (mut second, mut nanos) = (0i64, 0);
        if b.get(at).is_some_and(|c| c.eq_ignore_ascii_case(&b'T')) {
            at += 1;
            let hour = take_2(b, &mut at).filter(|h| *h <= 24)?;
            let minute = after(b, &mut at, b':')?.filter(|m| *m <= 59)?;
            second = i64::from(hour) * 3_600 + i64::from(minute) * 60;
            if let Some(s) = after(b, &mut at, b':') {
                second += i64::from(s.filter(|s| *s <= 59)?);
                if b.get(at) == Some(&b'.') {
                    at += 1;
                    let digits = b[at..].iter().take_while(|c| c.is_ascii_digit()).count();
                    if digits > 9 {
                        return None;
                    }
                    nanos = b[at..at + digits].iter().fold(0, |n, c| n * 10 + u32::from(c - b'0'));
                    nanos *= 10u32.pow(9 - digits as u32);
                    at += digits;
                }
            }
            if hour == 24 && (second != SECS_PER_DAY || nanos != 0) {
                return None;
            }
        }
        let local_secs = days * SECS_PER_DAY + second;
        let secs = match text.get(at..)? {
            "" => local.local_to_utc_smart(local_secs),
            "Z" | "z" => local_secs,
            zone => Zone::for_java_suffix(zone)?.local_to_utc_smart(local_secs),
        };
        Some(Timestamp { secs, nanos })
    }
}

/// Four digits, or a sign and 4 to 9; `+` only above 9999.
fn parse_year(b: &[u8]) -> Option<(i64, usize)> {
    let sign = usize::from(matches!(b.first(), Some(b'+' | b'-')));
    let digits = b[sign..].iter().take_while(|c| c.is_ascii_digit()).count();
    let most = if sign == 1 { 9 } else { 4 };
    if !(4..=most).contains(&digits) || (b[0] == b'+' && digits == 4) {
        return None;
    }
    let end = sign + digits;
    let value = b[sign..end].iter().fold(0i64, |n, c| n * 10 + i64::from(c - b'0'));
    match b[0] {
        b'-' if value == 0 => None,
        b'-' => Some((-value, end)),
        _ => Some((value, end)),
    }
}

fn take_2(b: &[u8], at: &mut usize) -> Option<u32> {
    match b.get(*at..*at + 2)? {
        [t, u] if t.is_ascii_digit() && u.is_ascii_digit() => {
            *at += 2;
            Some(u32::from(t - b'0') * 10 + u32::from(u - b'0'))
        }
        _ => None,
    }
}

/// `None` where the separator is missing, `Some(None)` where two digits do not follow it.
fn after(b: &[u8], at: &mut usize, separator: u8) -> Option<Option<u32>> {
    if b.get(*at) != Some(&separator) {
        return None;
    }
    *at += 1;
    Some(take_2(b, at))
}

fn dashed_2(b: &[u8], at: &mut usize) -> Option<u32> {
    after(b, at, b'-')?
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::with_capacity(32);
        self.write_iso(&mut out);
        f.write_str(std::str::from_utf8(&out).expect("digits and signs are ASCII"))
    }
}

#[cfg(test)]
mod tests;
