//! Joda-Time patterns: the language of `%{+yyyy.MM.dd}` and of the date filter's `match`.
//!
//! Letters: G C Y x w e E y D M d a K h H k m s S z Z and text in quotes; see
//! <https://www.joda.org/joda-time/apidocs/org/joda/time/format/DateTimeFormat.html>. `Y` is the year of era and `x` the
//! week-based year, unlike java.time's (see `java_time`). Here they are split into parts and printed: always in UTC, in
//! English, cut to milliseconds, as Logstash does it.

use super::{FormatError, MONTHS, WEEKDAYS, push_number, push_signed};
use crate::event::timestamp::{Timestamp, civil_from_days, days_from_civil, iso_week, iso_weekday};

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A letter and how often it stands in a row.
    Field(u8, usize),
    Literal(String),
}

impl Part {
    /// Whether its text is digits, so that a year before it must not take more digits than it has letters.
    pub(crate) fn is_numeric(&self) -> bool {
        match self {
            Part::Field(b'M', n) => *n <= 2,
            Part::Field(c, _) => b"CxyYdhHmsSeDwkK".contains(c),
            Part::Literal(_) => false,
        }
    }
}

/// Splits a pattern.
///
/// # Errors
/// An empty pattern and a letter without meaning. A quote that is not closed runs to the end, as in Joda.
pub(crate) fn split(pattern: &str) -> Result<Vec<Part>, FormatError> {
    if pattern.is_empty() {
        return Err(FormatError::new("Invalid pattern specification", 0..0));
    }
    let mut parts = Vec::new();
    let mut rest = pattern.char_indices().peekable();
    while let Some(&(start, c)) = rest.peek() {
        if c.is_ascii_alphabetic() {
            let mut count = 0;
            while rest.next_if(|(_, next)| *next == c).is_some() {
                count += 1;
            }
            if !"GCYxweEyDMdaKhHkmsSzZ".contains(c) {
                let range = start..start + count;
                return Err(FormatError::new(format!("Illegal pattern component: {}", &pattern[range.clone()]), range));
            }
            parts.push(Part::Field(c as u8, count));
            continue;
        }
        let mut text = String::new();
        let mut quoted = false;
        while let Some(&(_, c)) = rest.peek() {
            if c == '\'' {
                rest.next();
                if rest.next_if(|(_, c)| *c == '\'').is_some() {
                    text.push('\'');
                } else {
                    quoted = !quoted;
                }
            } else if !quoted && c.is_ascii_alphabetic() {
                break;
            } else {
                text.push(c);
                rest.next();
            }
        }
        if !text.is_empty() {
            parts.push(Part::Literal(text));
        }
    }
    if parts.is_empty() {
        return Err(FormatError::new(format!("the pattern {pattern} holds nothing"), 0..pattern.len()));
    }
    Ok(parts)
}

/// A compiled `%{+...}` pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JodaFormat {
    parts: Vec<Part>,
}

impl JodaFormat {
    /// # Errors
    /// An empty pattern and a letter without meaning; the text is Joda's.
    pub fn compile(pattern: &str) -> Result<JodaFormat, FormatError> {
        Ok(JodaFormat { parts: split(pattern)? })
    }

    /// Appends the instant, cut to milliseconds, in UTC.
    pub fn format(&self, at: Timestamp, out: &mut String) {
        let (days, second) = at.day_and_second();
        let millis = at.subsec_nanos() / 1_000_000;
        let (year, month, day) = civil_from_days(days);
        let hour = second / 3_600;
        let clock_hour_12 = if hour % 12 == 0 { 12 } else { hour % 12 };
        for part in &self.parts {
            let (letter, count) = match part {
                Part::Literal(text) => {
                    out.push_str(text);
                    continue;
                }
                Part::Field(letter, count) => (*letter, *count),
            };
            let number = match letter {
                b'y' | b'Y' if count == 2 => (year.unsigned_abs() % 100) as u32,
                b'x' if count == 2 => (iso_week(days).0.unsigned_abs() % 100) as u32,
                b'M' if count <= 2 => month,
                b'd' => day,
                b'D' => (days - days_from_civil(year, 1, 1) + 1) as u32,
                b'e' => iso_weekday(days),
                b'w' => iso_week(days).1,
                b'H' => hour,
                b'k' => (hour + 23) % 24 + 1,
                b'K' => hour % 12,
                b'h' => clock_hour_12,
                b'm' => second / 60 % 60,
                b's' => second % 60,
                _ => {
                    match letter {
                        b'y' => push_signed(out, year, count),
                        b'Y' => push_signed(out, if year <= 0 { 1 - year } else { year }, count),
                        b'x' => push_signed(out, iso_week(days).0, count),
                        b'C' => push_number(out, year.unsigned_abs() / 100, count),
                        b'G' => out.push_str(if year > 0 { "AD" } else { "BC" }),
                        b'M' => {
                            let name = MONTHS[month as usize - 1];
                            out.push_str(if count > 3 { name } else { &name[..3] });
                        }
                        b'E' => {
                            let name = WEEKDAYS[iso_weekday(days) as usize - 1];
                            out.push_str(if count > 3 { name } else { &name[..3] });
                        }
                        b'a' => out.push_str(if hour < 12 { "AM" } else { "PM" }),
                        b'S' => push_fraction(out, millis, count),
                        b'z' => out.push_str(if count > 3 { "Coordinated Universal Time" } else { "UTC" }),
                        b'Z' => out.push_str(["+0000", "+00:00", "UTC"][count.min(3) - 1]),
                        _ => unreachable!("split lets no other letter through"),
                    }
                    continue;
                }
            };
            push_number(out, u64::from(number), count);
        }
    }
}

/// The fraction of a second with `count` digits, cut; beyond 15 Joda runs out of digits unless all are zero.
fn push_fraction(out: &mut String, millis: u32, count: usize) {
    let digits = [millis / 100, millis / 10 % 10, millis % 10];
    let count = if millis == 0 { count } else { count.min(15) };
    for place in 0..count {
        let digit = digits.get(place).copied().unwrap_or(0);
        out.push(char::from(b'0' + digit as u8));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(pattern: &str, at: &str) -> String {
        let mut out = String::new();
        JodaFormat::compile(pattern).unwrap().format(Timestamp::parse(at).unwrap(), &mut out);
        out
    }

    #[test]
    fn prints_as_joda() {
        // the recorded cases of sprintf.jsonl run through the real template; here what they leave out
        for (pattern, at, want) in [
            ("yyyy.MM.dd", "2024-03-05T07:08:09.123Z", "2024.03.05"),
            ("yy YY xx", "2024-12-30T00:00:00Z", "24 24 25"),
            ("xxxx-'W'ww-e", "2021-01-03T00:00:00Z", "2020-W53-7"),
            ("xxxx-'W'ww-e", "2024-12-31T00:00:00Z", "2025-W01-2"),
            ("yyyy YYYY G CC", "-0001-03-05T00:00:00Z", "-0001 0002 BC 00"),
            ("yyyy YYYY G", "0000-03-05T00:00:00Z", "0000 0001 BC"),
            ("yyyy", "+12024-03-05T00:00:00Z", "12024"),
            ("yyyyyy", "2024-03-05T00:00:00Z", "002024"),
            ("ddd DDDD", "2024-03-05T00:00:00Z", "005 0065"),
            ("it''s 'o''clock' yyyy", "2024-03-05T00:00:00Z", ""),
            ("'it''s' HH 'o''clock'", "2024-03-05T10:00:00Z", "it's 10 o'clock"),
            ("yyyy-MM 'unclosed", "2024-03-05T10:00:00Z", "2024-03 unclosed"),
            ("%ss", "2015-10-01T00:00:00Z", "%00"),
            ("SSSSSSSSSSSSSSSSSS", "2024-03-05T10:00:00.123Z", "123000000000000"),
            ("SSSSSSSSSSSSSSSSSS", "2024-03-05T10:00:00Z", "000000000000000000"),
            ("SSSS", "2024-03-05T10:00:00.0009Z", "0000"),
            ("年yyyy", "2024-03-05T10:00:00Z", "年2024"),
            ("MMMMM EEEEE zzz ZZZZ", "2024-03-05T10:00:00Z", "March Tuesday UTC UTC"),
        ] {
            if want.is_empty() {
                assert!(JodaFormat::compile(pattern).is_err(), "{pattern}");
            } else {
                assert_eq!(print(pattern, at), want, "{pattern} {at}");
            }
        }
    }

    #[test]
    fn refuses_what_joda_refuses() {
        for (pattern, why) in [
            ("", "Invalid pattern specification"),
            ("bb", "Illegal pattern component: bb"),
            ("yyyy-TT", "Illegal pattern component: TT"),
            ("yyyy-MM-ddTHH", "Illegal pattern component: T"),
            ("%Q", "Illegal pattern component: Q"),
            ("'", "the pattern ' holds nothing"),
        ] {
            assert_eq!(JodaFormat::compile(pattern).unwrap_err().to_string(), why);
        }
    }
}
