//! java.time patterns: the language of `%{{yyyy-MM-dd}}`.
//!
//! Letters and their counts as `DateTimeFormatter.ofPattern` of Java 21 has them; see
//! <https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/time/format/DateTimeFormatter.html>.
//! Printed in UTC, in US English, with nanoseconds, as Logstash does it: so `Y`, `w`, `W`, `e`, `c` count weeks the US
//! way (Sunday first, week 1 holds January 1). The pad letter `p` is not done yet and is refused.

use super::{FormatError, MONTHS, WEEKDAYS, push_number, push_signed};
use crate::event::timestamp::{Timestamp, civil_from_days, days_from_civil, iso_weekday};

/// Modified Julian day of 1970-01-01.
const MODIFIED_JULIAN_EPOCH: i64 = 40_587;
/// Digits of the widest number java.time prints.
const WIDTH_MAX: usize = 19;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// A letter and how often it stands in a row; the count is one that the letter may have.
    Field(u8, usize),
    Literal(String),
}

/// A compiled `%{{...}}` pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JavaFormat {
    parts: Vec<Part>,
}

impl JavaFormat {
    /// An empty pattern is fine and prints nothing.
    ///
    /// # Errors
    /// Unknown letters, wrong counts, open quotes, `]` without `[`, reserved characters; the text is Java's.
    pub fn compile(pattern: &str) -> Result<JavaFormat, FormatError> {
        let mut parts: Vec<Part> = Vec::new();
        let mut literal = String::new();
        let mut open_sections = 0usize;
        let mut rest = pattern.chars().peekable();
        let mut at = 0;
        while let Some(c) = rest.next() {
            let start = at;
            at = pattern.len() - rest.clone().map(char::len_utf8).sum::<usize>();
            if c.is_ascii_alphabetic() {
                let mut count = 1;
                while rest.next_if_eq(&c).is_some() {
                    count += 1;
                }
                check_count(c, count).map_err(|why| FormatError::new(why, start..start + count))?;
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                parts.push(Part::Field(c as u8, count));
                continue;
            }
            match c {
                '\'' => {
                    if rest.next_if_eq(&'\'').is_some() {
                        literal.push('\'');
                        continue;
                    }
                    loop {
                        match rest.next() {
                            Some('\'') if rest.next_if_eq(&'\'').is_some() => literal.push('\''),
                            Some('\'') => break,
                            Some(c) => literal.push(c),
                            None => {
                                let why = format!("Pattern ends with an incomplete string literal: {pattern}");
                                return Err(FormatError::new(why, start..pattern.len()));
                            }
                        }
                    }
                }
                // an optional section always prints: every field is there
                '[' => open_sections += 1,
                ']' => {
                    open_sections = open_sections.checked_sub(1).ok_or_else(|| {
                        FormatError::new("Pattern invalid as it contains ] without previous [", start..start + 1)
                    })?;
                }
                '{' | '}' | '#' => {
                    let why = format!("Pattern includes reserved character: '{c}'");
                    return Err(FormatError::new(why, start..start + 1));
                }
                c => literal.push(c),
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(JavaFormat { parts })
    }

    /// Appends the instant in UTC.
    pub fn format(&self, at: Timestamp, out: &mut String) {
        let day = Day::of(at);
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Field(letter, count) => day.push(*letter, *count, out),
            }
        }
    }
}

/// Java's rules of how often a letter may stand.
fn check_count(letter: char, count: usize) -> Result<(), String> {
    let fail = |message: String| Err(message);
    let most = match letter {
        'u' | 'y' | 'Y' | 'g' | 'n' | 'N' | 'A' => {
            if count > WIDTH_MAX {
                return fail(format!("The minimum width must be from 1 to 19 inclusive but was {count}"));
            }
            return Ok(());
        }
        'S' if count > 9 => {
            return fail(format!("Minimum width must be from 0 to 9 inclusive but was {count}"));
        }
        'S' => return Ok(()),
        'V' if count != 2 => return fail("Pattern letter count must be 2: V".into()),
        'V' => return Ok(()),
        'O' if !matches!(count, 1 | 4) => return fail("Pattern letter count must be 1 or 4: O".into()),
        'B' if !matches!(count, 1 | 4 | 5) => return fail("Wrong number of pattern letters: B".into()),
        'v' if !matches!(count, 1 | 4) => return fail("Wrong number of pattern letters: v".into()),
        'O' | 'B' | 'v' => return Ok(()),
        'c' if count == 2 => return fail("Invalid pattern \"cc\"".into()),
        'p' => return fail("the pad letter `p` is not supported yet".into()),
        'G' | 'M' | 'L' | 'Q' | 'q' | 'E' | 'e' | 'c' | 'Z' | 'X' | 'x' => 5,
        'z' => 4,
        'D' => 3,
        'd' | 'H' | 'h' | 'K' | 'k' | 'm' | 's' | 'w' => 2,
        'a' | 'F' | 'W' => 1,
        _ => return fail(format!("Unknown pattern letter: {letter}")),
    };
    if count > most {
        return fail(format!("Too many pattern letters: {letter}"));
    }
    Ok(())
}

/// An instant taken apart.
struct Day {
    days: i64,
    second: u32,
    nanos: u32,
    year: i64,
    month: u32,
    day: u32,
    /// Sunday 0 to Saturday 6.
    weekday: i64,
}

impl Day {
    fn of(at: Timestamp) -> Day {
        let (days, second) = at.day_and_second();
        let (year, month, day) = civil_from_days(days);
        let weekday = i64::from(iso_weekday(days) % 7);
        Day { days, second, nanos: at.subsec_nanos(), year, month, day, weekday }
    }

    /// Week-based year and week, counted the US way.
    fn us_week(&self) -> (i64, i64) {
        let week_begin = |days: i64| days - i64::from(iso_weekday(days) % 7);
        let this_sunday = week_begin(self.days);
        let next_first = week_begin(days_from_civil(self.year + 1, 1, 1));
        if this_sunday >= next_first {
            return (self.year + 1, 1);
        }
        (self.year, (this_sunday - week_begin(days_from_civil(self.year, 1, 1))) / 7 + 1)
    }

    fn push(&self, letter: u8, count: usize, out: &mut String) {
        let hour = self.second / 3_600;
        let number = match letter {
            b'u' => return push_year(self.year, count, out),
            b'y' => return push_year(if self.year <= 0 { 1 - self.year } else { self.year }, count, out),
            b'Y' => return push_year(self.us_week().0, count, out),
            b'G' => {
                let names = if self.year > 0 { ["AD", "Anno Domini", "A"] } else { ["BC", "Before Christ", "B"] };
                return out.push_str(names[count.saturating_sub(3)]);
            }
            b'M' | b'L' if count > 2 => return push_name(MONTHS[self.month as usize - 1], count, out),
            b'E' => return self.push_weekday(count, out),
            b'e' | b'c' if count > 2 => return self.push_weekday(count, out),
            b'Q' | b'q' if count > 2 => {
                let quarter = (self.month - 1) / 3;
                return out.push_str(match count {
                    3 => ["Q1", "Q2", "Q3", "Q4"][quarter as usize],
                    4 => ["1st quarter", "2nd quarter", "3rd quarter", "4th quarter"][quarter as usize],
                    _ => ["1", "2", "3", "4"][quarter as usize],
                });
            }
            b'a' => return out.push_str(if hour < 12 { "AM" } else { "PM" }),
            b'B' => return out.push_str(self.day_period(count == 5)),
            b'S' => {
                let from = out.len();
                push_number(out, u64::from(self.nanos), 9);
                return out.truncate(from + count);
            }
            b'V' | b'v' | b'X' | b'z' => return out.push('Z'),
            b'O' => return out.push_str("GMT"),
            b'Z' => return out.push_str(["+0000", "+0000", "+0000", "GMT", "Z"][count - 1]),
            b'x' => return out.push_str(["+00", "+0000", "+00:00", "+0000", "+00:00"][count - 1]),
            b'g' => self.days + MODIFIED_JULIAN_EPOCH,
            b'M' | b'L' => i64::from(self.month),
            b'Q' | b'q' => i64::from((self.month - 1) / 3 + 1),
            b'd' => i64::from(self.day),
            b'D' => self.days - days_from_civil(self.year, 1, 1) + 1,
            b'F' => i64::from((self.day - 1) / 7 + 1),
            b'w' => self.us_week().1,
            b'W' => (i64::from(self.day) - 1 + (self.weekday - i64::from(self.day) + 1).rem_euclid(7)) / 7 + 1,
            b'e' | b'c' => self.weekday + 1,
            b'H' => i64::from(hour),
            b'k' => i64::from((hour + 23) % 24 + 1),
            b'K' => i64::from(hour % 12),
            b'h' => i64::from((hour + 11) % 12 + 1),
            b'm' => i64::from(self.second / 60 % 60),
            b's' => i64::from(self.second % 60),
            b'n' => i64::from(self.nanos),
            b'A' => i64::from(self.second) * 1_000 + i64::from(self.nanos / 1_000_000),
            b'N' => i64::from(self.second) * 1_000_000_000 + i64::from(self.nanos),
            _ => unreachable!("compile lets no other letter through"),
        };
        push_signed(out, number, count);
    }

    fn push_weekday(&self, count: usize, out: &mut String) {
        push_name(WEEKDAYS[iso_weekday(self.days) as usize - 1], count, out);
    }

    fn day_period(&self, narrow: bool) -> &'static str {
        match (self.second / 60, narrow) {
            (0, false) => "midnight",
            (0, true) => "mi",
            (720, false) => "noon",
            (720, true) => "n",
            (m, _) => match m / 60 {
                6..=11 => "in the morning",
                12..=17 => "in the afternoon",
                18..=20 => "in the evening",
                _ => "at night",
            },
        }
    }
}

/// Three letters, all, or one.
fn push_name(name: &str, count: usize, out: &mut String) {
    out.push_str(match count {
        4 => name,
        5 => &name[..1],
        _ => &name[..3],
    });
}

/// Two letters cut to two digits; from four letters on a longer year carries a sign.
fn push_year(year: i64, count: usize, out: &mut String) {
    if count == 2 {
        return push_number(out, year.unsigned_abs() % 100, 2);
    }
    if (4..WIDTH_MAX).contains(&count) && year >= 10i64.pow(count as u32) {
        out.push('+');
    }
    push_signed(out, year, count);
}

#[cfg(test)]
mod tests;
