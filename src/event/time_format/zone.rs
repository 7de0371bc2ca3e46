//! Time zones: names, offsets, and the way from local time to UTC as Joda and java.time have it.
//!
//! Names and rules come from chrono-tz, which holds the tz database until 2100; later years use the rules of a year
//! near its end that has the same calendar, as Joda, whose rules go on for ever, does in effect.

use crate::event::timestamp::{SECS_PER_DAY, civil_from_days, days_from_civil, is_leap, iso_weekday};
use chrono::{DateTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};
use std::fmt;
use std::str::FromStr;

/// Transitions are known up to here (chrono-tz compiles no later ones).
const LAST_KNOWN_YEAR: i64 = 2_099;
/// More than any offset ever was: Manila had -15:56.
const OFFSET_MAX_SECS: i64 = 16 * 3_600;
/// chrono's calendar ends at about 262,000 years on either side.
const CHRONO_SECS_MAX: i64 = 8_000_000_000_000;

/// A time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    Utc,
    /// Milliseconds east of Greenwich.
    Fixed(i32),
    Named(Tz),
}

/// A time zone id that nothing stands behind; the text is Joda's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneError(pub String);

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ZoneError {}

impl Zone {
    /// What Joda's `DateTimeZone.forID` takes: an id of the tz database with its exact letters, an offset such as
    /// `+08:00`, `+0800` or `+08`, the same after `UTC`, `GMT` or `UT`.
    ///
    /// # Errors
    /// An unknown id or a malformed offset.
    pub fn for_id(id: &str) -> Result<Zone, ZoneError> {
        if matches!(id, "UTC" | "UT" | "GMT" | "Z") {
            return Ok(Zone::Utc);
        }
        if let Ok(tz) = Tz::from_str(id) {
            return Ok(Zone::Named(tz));
        }
        let offset = ["UTC", "GMT", "UT"]
            .iter()
            .find_map(|p| id.strip_prefix(p).filter(|rest| rest.starts_with(['+', '-'])))
            .unwrap_or(id);
        if !offset.starts_with(['+', '-']) {
            return Err(ZoneError(format!("The datetime zone id '{id}' is not recognised")));
        }
        let failed_at = match parse_offset(offset.as_bytes(), 0) {
            Ok((millis, end)) if end == offset.len() => {
                return Ok(if millis == 0 { Zone::Utc } else { Zone::Fixed(millis) });
            }
            Ok((_, end)) => end,
            Err(at) => at,
        };
        let rest = offset.get(failed_at..).unwrap_or_default();
        Err(ZoneError(match failed_at {
            0 => format!("Invalid format: \"{offset}\""),
            _ if rest.is_empty() => format!("Invalid format: \"{offset}\" is too short"),
            _ => format!("Invalid format: \"{offset}\" is malformed at \"{rest}\""),
        }))
    }

    /// The zone of this machine: the variable TZ if it is set, else the file that /etc/localtime points at, else UTC.
    /// The caller reads both. A POSIX rule in TZ, which has no name, counts as unknown.
    pub fn system(tz_variable: Option<&str>, localtime_target: Option<&str>) -> Zone {
        let from_file = |path: &str| path.rsplit_once("zoneinfo/").and_then(|(_, id)| Zone::for_id(id).ok());
        match tz_variable.map(|v| v.strip_prefix(':').unwrap_or(v)) {
            Some(v) if !v.is_empty() => Zone::for_id(v).ok().or_else(|| from_file(v)),
            Some(_) => None,
            None => localtime_target.and_then(from_file),
        }
        .unwrap_or(Zone::Utc)
    }

    /// What may follow date and time in an event's `@timestamp` (java.time's zone ids, any case, and offsets).
    pub(crate) fn for_java_suffix(text: &str) -> Option<Zone> {
        let upper = text.get(..3).unwrap_or(text).to_ascii_uppercase();
        let (prefix, rest) = if matches!(upper.as_str(), "UTC" | "GMT") && text.len() >= 3 {
            (true, &text[3..])
        } else if upper.starts_with("UT") && text.is_char_boundary(2) {
            (true, &text[2..])
        } else {
            (false, text)
        };
        if prefix && rest.is_empty() {
            return Some(Zone::Utc);
        }
        if rest.starts_with(['+', '-']) {
            return java_offset(rest.as_bytes()).map(Zone::Fixed);
        }
        // java.time leaves these three out of its ids
        if matches!(upper.as_str(), "EST" | "HST" | "MST") && text.len() == 3 {
            return None;
        }
        TZ_VARIANTS.iter().find(|tz| tz.name().eq_ignore_ascii_case(text)).map(|tz| Zone::Named(*tz))
    }

    /// Offset from UTC in seconds at an instant.
    pub fn offset_secs_at(&self, epoch_secs: i64) -> i32 {
        match self {
            Zone::Utc => 0,
            Zone::Fixed(millis) => millis.div_euclid(1_000),
            Zone::Named(tz) => tz.offset_from_utc_datetime(&within_tables(epoch_secs)).fix().local_minus_utc(),
        }
    }

    /// Offset from UTC in milliseconds at an instant given in milliseconds.
    pub fn offset_millis_at(&self, epoch_millis: i64) -> i64 {
        match self {
            Zone::Fixed(millis) => i64::from(*millis),
            _ => i64::from(self.offset_secs_at(epoch_millis.div_euclid(1_000))) * 1_000,
        }
    }

    /// The instant of a local time, both in milliseconds: the earlier one where clocks went back, `None` where they
    /// were put forward and the time does not exist (Joda refuses such a text).
    pub fn local_to_utc(&self, local_millis: i64) -> Option<i64> {
        let candidates = match self {
            Zone::Utc => return Some(local_millis),
            Zone::Fixed(millis) => return local_millis.checked_sub(i64::from(*millis)),
            Zone::Named(_) => {
                let secs = local_millis.div_euclid(1_000);
                [-OFFSET_MAX_SECS, 0, OFFSET_MAX_SECS].map(|d| i64::from(self.offset_secs_at(secs.saturating_add(d))))
            }
        };
        let mut best: Option<i64> = None;
        for offset in candidates {
            let utc = local_millis.checked_sub(offset * 1_000)?;
            if self.offset_millis_at(utc) == offset * 1_000 {
                best = Some(best.map_or(utc, |b| b.min(utc)));
            }
        }
        best
    }

    /// As [`Zone::local_to_utc`], but a time that does not exist moves forward by the length of the gap; Joda does that
    /// where only the year is changed.
    pub fn local_to_utc_lenient(&self, local_millis: i64) -> i64 {
        self.local_to_utc(local_millis).unwrap_or_else(|| {
            let before = self.offset_millis_at(local_millis.saturating_sub(OFFSET_MAX_SECS * 1_000));
            local_millis.saturating_sub(before)
        })
    }

    /// The same in seconds, for java.time.
    pub(crate) fn local_to_utc_smart(&self, local_secs: i64) -> i64 {
        match self {
            Zone::Utc => local_secs,
            // beyond this no zone has rules, and milliseconds would not fit
            _ if local_secs.abs() > CHRONO_SECS_MAX => local_secs - i64::from(self.offset_secs_at(local_secs)),
            _ => self.local_to_utc_lenient(local_secs * 1_000).div_euclid(1_000),
        }
    }
}

/// The instant itself or, after the tables' end, the same moment of a year with the same calendar.
fn within_tables(epoch_secs: i64) -> NaiveDateTime {
    let days = epoch_secs.div_euclid(SECS_PER_DAY);
    let year = civil_from_days(days).0;
    let secs = if year > LAST_KNOWN_YEAR {
        let first = days_from_civil(year, 1, 1);
        let like = (LAST_KNOWN_YEAR - 27..=LAST_KNOWN_YEAR)
            .rev()
            .find(|y| is_leap(*y) == is_leap(year) && iso_weekday(days_from_civil(*y, 1, 1)) == iso_weekday(first))
            .expect("28 years in a row hold all 14 calendars");
        epoch_secs - (first - days_from_civil(like, 1, 1)) * SECS_PER_DAY
    } else {
        epoch_secs.max(-CHRONO_SECS_MAX)
    };
    DateTime::from_timestamp(secs, 0).expect("lies within chrono's calendar").naive_utc()
}

/// `+hh`, `+hhmm`, `+hhmmss`, `+hhmmssSSS`, or the same with `:` `:` `.`, as Joda reads an offset from `at` on.
/// Gives milliseconds and the end, or where it failed.
pub(crate) fn parse_offset(text: &[u8], at: usize) -> Result<(i32, usize), usize> {
    let digits = |at: usize, most: usize| -> usize {
        text[at.min(text.len())..].iter().take(most).take_while(|c| c.is_ascii_digit()).count()
    };
    let two = |at: usize| i32::from(text[at] - b'0') * 10 + i32::from(text[at + 1] - b'0');
    let sign = match text.get(at) {
        Some(b'-') if at + 1 < text.len() => -1,
        Some(b'+') if at + 1 < text.len() => 1,
        _ => return Err(at),
    };
    let mut pos = at + 1;
    if digits(pos, 2) < 2 || two(pos) > 23 {
        return Err(pos);
    }
    let mut millis = two(pos) * 3_600_000;
    pos += 2;
    let separated = match text.get(pos) {
        Some(b':') => true,
        Some(c) if c.is_ascii_digit() => false,
        _ => return Ok((sign * millis, pos)),
    };
    for (nth, unit) in [60_000, 1_000].into_iter().enumerate() {
        if separated {
            if text.get(pos) != Some(&b':') {
                return Ok((sign * millis, pos));
            }
            pos += 1;
        } else if nth > 0 && digits(pos, 2) == 0 {
            return Ok((sign * millis, pos));
        }
        if digits(pos, 2) < 2 || two(pos) > 59 {
            return Err(pos);
        }
        millis += two(pos) * unit;
        pos += 2;
    }
    if separated {
        if !matches!(text.get(pos), Some(b'.' | b',')) {
            return Ok((sign * millis, pos));
        }
        pos += 1;
    }
    let count = digits(pos, 3);
    if count == 0 {
        return if separated { Err(pos) } else { Ok((sign * millis, pos)) };
    }
    let scale = [0, 100, 10, 1][count];
    millis += text[pos..pos + count].iter().fold(0, |n, c| n * 10 + i32::from(c - b'0')) * scale;
    Ok((sign * millis, pos + count))
}

/// `+hh:mm[:ss]` or `+hh[mm[ss]]`, at most 18 hours, whole text; milliseconds.
fn java_offset(text: &[u8]) -> Option<i32> {
    if !matches!(text.len(), 3 | 5 | 6 | 7 | 9) {
        return None;
    }
    let (millis, end) = parse_offset(text, 0).ok()?;
    (end == text.len() && millis.abs() <= 18 * 3_600_000).then_some(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_as_joda_reads_them() {
        let cases: &[(&str, Result<Zone, &str>)] = &[
            ("UTC", Ok(Zone::Utc)),
            ("GMT", Ok(Zone::Utc)),
            ("Z", Ok(Zone::Utc)),
            ("+00:00", Ok(Zone::Utc)),
            ("+08:00", Ok(Zone::Fixed(28_800_000))),
            ("+0800", Ok(Zone::Fixed(28_800_000))),
            ("-08", Ok(Zone::Fixed(-28_800_000))),
            ("UTC+08:00", Ok(Zone::Fixed(28_800_000))),
            ("UT-01:30", Ok(Zone::Fixed(-5_400_000))),
            ("+01:02:03.004", Ok(Zone::Fixed(3_723_004))),
            ("Europe/Berlin", Ok(Zone::Named(Tz::Europe__Berlin))),
            ("Etc/GMT+8", Ok(Zone::Named(Tz::Etc__GMTPlus8))),
            ("EST5EDT", Ok(Zone::Named(Tz::EST5EDT))),
            ("europe/berlin", Err("The datetime zone id 'europe/berlin' is not recognised")),
            ("Nope/Zone", Err("The datetime zone id 'Nope/Zone' is not recognised")),
            ("", Err("The datetime zone id '' is not recognised")),
            ("UTC+8", Err("Invalid format: \"+8\" is malformed at \"8\"")),
            ("GMT+8", Err("Invalid format: \"+8\" is malformed at \"8\"")),
            ("+24:00", Err("Invalid format: \"+24:00\" is malformed at \"24:00\"")),
            ("+08:", Err("Invalid format: \"+08:\" is too short")),
            ("+08:00x", Err("Invalid format: \"+08:00x\" is malformed at \"x\"")),
        ];
        for (id, want) in cases {
            assert_eq!(Zone::for_id(id), want.map_err(|e| ZoneError(e.to_string())), "{id}");
        }
    }

    #[test]
    fn system_zone_is_tz_then_localtime() {
        let berlin = Zone::Named(Tz::Europe__Berlin);
        for (tz, link, want) in [
            (Some("Europe/Berlin"), Some("/usr/share/zoneinfo/Asia/Tokyo"), berlin),
            (Some(":Europe/Berlin"), None, berlin),
            (Some("/usr/share/zoneinfo/Europe/Berlin"), None, berlin),
            (Some(""), Some("/usr/share/zoneinfo/Europe/Berlin"), Zone::Utc),
            (Some("junk"), Some("/usr/share/zoneinfo/Europe/Berlin"), Zone::Utc),
            (None, Some("../usr/share/zoneinfo/Europe/Berlin"), berlin),
            (None, Some("/usr/share/zoneinfo/Etc/UTC"), Zone::Named(Tz::Etc__UTC)),
            (None, Some("/somewhere"), Zone::Utc),
            (None, None, Zone::Utc),
        ] {
            assert_eq!(Zone::system(tz, link), want, "{tz:?} {link:?}");
        }
    }

    #[test]
    fn gaps_and_overlaps() {
        let at = |y, m, d, h: i64, min: i64| (days_from_civil(y, m, d) * SECS_PER_DAY + h * 3_600 + min * 60) * 1_000;
        for (id, local, want) in [
            // forward
            ("America/New_York", at(2024, 3, 10, 2, 30), None),
            ("America/New_York", at(2024, 3, 10, 3, 0), Some(at(2024, 3, 10, 7, 0))),
            ("Europe/Berlin", at(2024, 3, 31, 2, 0), None),
            ("Europe/Berlin", at(2024, 3, 31, 1, 59), Some(at(2024, 3, 31, 0, 59))),
            // back: the earlier of the two
            ("America/New_York", at(2024, 11, 3, 1, 30), Some(at(2024, 11, 3, 5, 30))),
            ("Europe/Berlin", at(2024, 10, 27, 2, 30), Some(at(2024, 10, 27, 0, 30))),
            ("Europe/Berlin", at(2024, 10, 27, 3, 0), Some(at(2024, 10, 27, 2, 0))),
            // Samoa left out a whole day
            ("Pacific/Apia", at(2011, 12, 30, 12, 0), None),
            ("Pacific/Apia", at(2011, 12, 31, 0, 0), Some(at(2011, 12, 30, 10, 0))),
            // after the end of the tables
            ("Europe/Berlin", at(2150, 7, 1, 12, 0), Some(at(2150, 7, 1, 10, 0))),
            ("Europe/Berlin", at(2150, 1, 1, 12, 0), Some(at(2150, 1, 1, 11, 0))),
        ] {
            assert_eq!(Zone::for_id(id).unwrap().local_to_utc(local), want, "{id} {local}");
        }
        let berlin = Zone::for_id("Europe/Berlin").unwrap();
        assert_eq!(berlin.local_to_utc_lenient(at(2024, 3, 31, 2, 30)), at(2024, 3, 31, 1, 30));
        assert_eq!(berlin.local_to_utc(i64::MAX), Some(i64::MAX - 7_200_000));
        assert_eq!(berlin.local_to_utc(i64::MIN), None, "does not fit, and does not panic");
    }
}
