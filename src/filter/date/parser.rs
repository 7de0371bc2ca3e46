//! One entry of the date filter's `match`: a format and how it reads a value.
//!
//! Besides Joda patterns the filter knows `ISO8601`, `UNIX`, `UNIX_MS` and `TAI64N`
//! (<https://www.elastic.co/guide/en/logstash/8.19/plugins-filters-date.html#plugins-filters-date-match>).
//! Results have milliseconds. Deviations: the year that two-digit years and texts without year go by is that of the
//! event's processing, not that of the program's start; `zzzz`, which stops real Logstash at the first event, is an
//! error of the configuration.

use super::fast;
use super::fields::Field;
use super::fields::set_year;
use super::joda_parse::{self, Step, compile};
use super::locales::Locale;
use crate::event::Timestamp;
use crate::event::time_format::joda::split;
use crate::event::time_format::{FormatError, Zone};
use crate::event::timestamp::civil_from_days;
use std::sync::LazyLock;

/// The UNIX format takes nothing later (2038-01-19T03:14:07Z).
const UNIX_SECS_MAX: i64 = i32::MAX as i64;
/// TAI is ahead of UTC by this in the filter's view: the leap seconds up to 1972.
const TAI_LEAP_SECS: i64 = 10;

/// Why a value did not become a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoDate {
    /// The format does not fit: the next one is tried.
    Mismatch,
    /// Real Logstash stops its pipeline here: the text says at what.
    Raises(&'static str),
}

/// A value that a number format can read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number<'a> {
    Int(i64),
    Float(f64),
    /// A decimal of the json filter (Java's BigDecimal), as printed.
    Decimal(&'a str),
}

#[derive(Clone, Debug)]
enum Format {
    Iso8601,
    Unix,
    UnixMs,
    Tai64n,
    Joda(Joda),
}

#[derive(Clone, Debug)]
struct Joda {
    steps: Vec<Step>,
    /// `y` or `Y` stands in the pattern, be it in quotes: the year is not guessed then.
    has_year: bool,
    /// `Z` stands in the pattern.
    has_zone: bool,
    shape: Option<fast::Shape>,
}

static ISO8601: LazyLock<[Vec<Step>; 5]> = LazyLock::new(|| {
    let english = Locale::english();
    let pattern = |p| compile(p, &english).expect("the pattern is well formed");
    [
        joda_parse::iso8601(),
        pattern("yyyy-MM-dd HH:mm:ss.SSSZ"),
        pattern("yyyy-MM-dd HH:mm:ss.SSS"),
        pattern("yyyy-MM-dd HH:mm:ss,SSSZ"),
        pattern("yyyy-MM-dd HH:mm:ss,SSS"),
    ]
});

/// A compiled format.
#[derive(Clone, Debug)]
pub struct DateParser {
    format: Format,
    zone: Zone,
    system: Zone,
}

impl DateParser {
    /// `zone` is that of a text which names none; `system` the machine's, in which "this year" is told.
    ///
    /// # Errors
    /// A pattern that Joda refuses or cannot read; the text is Joda's where it has one.
    pub fn compile(pattern: &str, zone: Zone, system: Zone, locale: &Locale) -> Result<DateParser, FormatError> {
        let format = match pattern {
            "ISO8601" => Format::Iso8601,
            "UNIX" => Format::Unix,
            "UNIX_MS" => Format::UnixMs,
            "TAI64N" => Format::Tai64n,
            _ => Format::Joda(Joda {
                steps: compile(pattern, locale)?,
                has_year: pattern.contains(['y', 'Y']),
                has_zone: pattern.contains('Z'),
                shape: split(pattern).ok().and_then(|parts| fast::Shape::of(&parts, locale.english)),
            }),
        };
        Ok(DateParser { format, zone, system })
    }

    /// True for the formats that a time zone matters to, which are also those that read text only.
    pub fn uses_zone(&self) -> bool {
        matches!(self.format, Format::Iso8601 | Format::Joda(_))
    }

    /// Whether `now` can matter to a text.
    pub fn uses_clock(&self) -> bool {
        let Format::Joda(joda) = &self.format else { return false };
        let year = |s: &Step| matches!(s, Step::Number { field: Field::Year | Field::YearOfEra, .. });
        let two_digits = |s: &Step| matches!(s, Step::TwoDigitYear { .. });
        !joda.has_year || !joda.steps.iter().any(year) || joda.steps.iter().any(two_digits)
    }

    /// Reads a text; `now` is for years that are not there or have two digits.
    pub fn parse(&self, text: &str, now: Timestamp) -> Option<Timestamp> {
        self.parse_in(text, self.zone, now).ok()
    }

    /// The same with another zone.
    ///
    /// # Errors
    /// See [`NoDate`].
    pub fn parse_in(&self, text: &str, zone: Zone, now: Timestamp) -> Result<Timestamp, NoDate> {
        let millis = match &self.format {
            Format::Iso8601 => iso8601(text, zone),
            Format::Unix => unix(text),
            Format::UnixMs => text.parse().ok(),
            Format::Tai64n => return tai64n(text).map(Timestamp::from_epoch_millis),
            Format::Joda(joda) => joda.parse(text, zone, self.system, now),
        };
        millis.map(Timestamp::from_epoch_millis).ok_or(NoDate::Mismatch)
    }

    /// Reads a number: only UNIX and UNIX_MS do.
    pub fn parse_number(&self, number: Number<'_>) -> Option<Timestamp> {
        let millis = match (&self.format, number) {
            (Format::Unix, Number::Int(secs)) => unix_millis(secs)?,
            (Format::Unix, Number::Float(secs)) if secs as i64 <= UNIX_SECS_MAX => (secs * 1_000.0) as i64,
            (Format::UnixMs, Number::Int(millis)) => millis,
            (Format::UnixMs, Number::Float(millis)) => millis as i64,
            (Format::Unix, Number::Decimal(text)) => {
                let millis = decimal(text, 3)?;
                if millis / 1_000 > UNIX_SECS_MAX {
                    return None;
                }
                millis
            }
            (Format::UnixMs, Number::Decimal(text)) => {
                decimal(text, 0).filter(|millis| *millis <= UNIX_SECS_MAX * 1_000)?
            }
            _ => return None,
        };
        Some(Timestamp::from_epoch_millis(millis))
    }
}

/// Year and month in a zone.
fn year_and_month(millis: i64, zone: Zone) -> (i64, u32) {
    let local = Timestamp::from_epoch_millis(millis.saturating_add(zone.offset_millis_at(millis)));
    let (year, month, _) = civil_from_days(local.day_and_second().0);
    (year, month)
}

fn iso8601(text: &str, zone: Zone) -> Option<i64> {
    fast::iso8601(text.as_bytes(), zone).unwrap_or_else(|| iso8601_general(text, zone))
}

fn iso8601_general(text: &str, zone: Zone) -> Option<i64> {
    // neither two-digit nor missing years occur here that a clock would have to fill: 2000 is Joda's own default
    ISO8601.iter().find_map(|steps| joda_parse::run(steps, text, 2000)?.millis(zone, 2000))
}

impl Joda {
    fn parse(&self, text: &str, zone: Zone, system: Zone, now: Timestamp) -> Option<i64> {
        if let Some(shape) = &self.shape
            && let Some(millis) = shape.scan(text.as_bytes(), zone)
        {
            return Some(millis);
        }
        self.parse_general(text, zone, system, now)
    }

    fn parse_general(&self, text: &str, zone: Zone, system: Zone, now: Timestamp) -> Option<i64> {
        let (this_year, this_month) = year_and_month(now.epoch_millis(), system);
        let default_year = i32::try_from(this_year).ok()?;
        let found = joda_parse::run(&self.steps, text, default_year - 30)?;
        if self.has_year {
            return found.millis(zone, default_year);
        }
        let millis = if self.has_zone {
            found.millis(zone, default_year)?
        } else {
            // a zone's name in the text is heard, and its gaps are, but the local time then counts in the filter's zone
            let millis = found.millis(Zone::Utc, default_year)?;
            let local = millis.checked_add(found.zone.map_or(0, |z| z.offset_millis_at(millis)))?;
            zone.local_to_utc(local)?
        };
        let month = year_and_month(millis, zone).1;
        let year = match (month, this_month) {
            (12, 1) => this_year - 1,
            (1, 12) => this_year + 1,
            _ => this_year,
        };
        let offset = zone.offset_millis_at(millis);
        let local = set_year(millis.checked_add(offset)?, year)?;
        // the same side of an overlap, where the year has it too
        let same = local.checked_sub(offset)?;
        Some(if zone.offset_millis_at(same) == offset { same } else { zone.local_to_utc_lenient(local) })
    }
}

fn unix_millis(secs: i64) -> Option<i64> {
    if secs > UNIX_SECS_MAX { None } else { secs.checked_mul(1_000) }
}

/// A decimal times ten to the power of `scale`, cut; `None` beyond 64 bits.
fn decimal(text: &str, scale: i32) -> Option<i64> {
    let (mantissa, exponent) = text.split_once(['E', 'e']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let shift = exponent.parse::<i32>().ok()?.checked_add(scale)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    if digits == 0 {
        return Some(0);
    }
    let power = 10i128.checked_pow(shift.unsigned_abs());
    let value = if shift >= 0 { digits.checked_mul(power?)? } else { power.map_or(0, |p| digits / p) };
    i64::try_from(value).ok()
}

/// Seconds with a fraction of which three digits count. The fraction of a negative number goes forward: -1.5 is half a
/// second before the epoch.
fn unix(text: &str) -> Option<i64> {
    let Some((secs, fraction)) = text.split_once('.') else {
        return unix_millis(text.parse().ok()?);
    };
    let millis = unix_millis(secs.parse().ok()?)?;
    let digits = fraction.len().min(3);
    let value: i64 = fraction.get(..digits)?.parse().ok()?;
    millis.checked_add(value * [1_000, 100, 10, 1][digits])
}

/// 16 hexadecimal digits of seconds from 2^62 on, 8 of nanoseconds, a leading `@` as it likes; what follows does not count.
fn tai64n(text: &str) -> Result<i64, NoDate> {
    const SHORT: NoDate = NoDate::Raises("a TAI64N text has 24 hexadecimal digits");
    let text = text.strip_prefix('@').unwrap_or(text);
    let hex = |from: usize, to: usize| -> Result<i64, NoDate> {
        if text.encode_utf16().count() < to {
            return Err(SHORT);
        }
        text.get(from..to).and_then(|t| i64::from_str_radix(t, 16).ok()).ok_or(NoDate::Mismatch)
    };
    let secs = hex(0, 16)? & ((1 << 62) - 1);
    let nanos = hex(16, 24)?;
    if nanos > i64::from(i32::MAX) {
        return Err(NoDate::Mismatch);
    }
    // Java wraps around here
    Ok((secs - TAI_LEAP_SECS).wrapping_mul(1_000).wrapping_add(nanos / 1_000_000))
}

#[cfg(test)]
mod tests;
