//! Joda patterns as parsers, as the date filter uses them.
//!
//! A pattern becomes a list of steps, each takes as much as it can and none ever gives back ("yyyyMMdd" fails on
//! "2024 03 05", "d" takes one or two digits, "SSS" one to three); the fields found are put together in [`super::fields`].
//! Pattern letters: <https://www.joda.org/joda-time/apidocs/org/joda/time/format/DateTimeFormat.html>.

use super::fields::{Field, Saved};
use super::locales::Locale;
use crate::event::time_format::FormatError;
use crate::event::time_format::joda::{Part, split};
use crate::event::time_format::zone::{Zone, parse_offset};
use std::str::FromStr;

/// Names that `z` reads, with their case; a summer name means the place, not the season. Joda's own list.
static ZONE_NAMES: [(&str, &str); 11] = [
    ("UTC", "UTC"),
    ("GMT", "UTC"),
    ("UT", "UTC"),
    ("EST", "America/New_York"),
    ("EDT", "America/New_York"),
    ("CST", "America/Chicago"),
    ("CDT", "America/Chicago"),
    ("MST", "America/Denver"),
    ("MDT", "America/Denver"),
    ("PST", "America/Los_Angeles"),
    ("PDT", "America/Los_Angeles"),
];

/// `Antarctica/`
const ZONE_REGION_LEN_MAX: usize = 11;

/// A step of a parser.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Case does not matter.
    Literal(String),
    Number {
        field: Field,
        digits_max: usize,
        signed: bool,
    },
    /// `yy`: two digits lie within 50 years of `now.year - 30`; any other count is the year itself unless digits follow.
    TwoDigitYear {
        field: Field,
        lenient: bool,
    },
    Fraction {
        field: Field,
        digits_max: usize,
    },
    /// A name, the longest that fits.
    Text {
        field: Field,
        names: Vec<(String, u8)>,
    },
    /// `Z`, `+hh`, `+hhmm`, `+hh:mm`, ...
    Offset,
    ZoneName,
    ZoneId,
    /// The alternative that gets furthest; with `optional` none will do, too.
    Any {
        alternatives: Vec<Vec<Step>>,
        optional: bool,
    },
}

/// What a text held.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub fields: Saved,
    /// Milliseconds; counts before a zone.
    pub offset: Option<i32>,
    pub zone: Option<Zone>,
}

impl Found {
    /// The instant in milliseconds; `zone` is for a text that names none. Also tells the zone that counted.
    pub(super) fn millis(&self, zone: Zone, default_year: i32) -> Option<i64> {
        let local = self.fields.local_millis(default_year)?;
        match (self.offset, self.zone) {
            (Some(offset), _) => local.checked_sub(i64::from(offset)),
            (None, Some(named)) => named.local_to_utc(local),
            (None, None) => zone.local_to_utc(local),
        }
    }
}

/// Compiles a pattern.
///
/// # Errors
/// What Joda refuses, `zzzz` (which it can print but not read), and more than 31 fields.
pub(super) fn compile(pattern: &str, locale: &Locale) -> Result<Vec<Step>, FormatError> {
    let parts = split(pattern)?;
    if parts.iter().filter(|p| matches!(p, Part::Field(..))).count() >= Saved::MAX {
        let why = format!("a date pattern may have at most {} fields", Saved::MAX - 1);
        return Err(FormatError::new(why, 0..pattern.len()));
    }
    let mut steps = Vec::with_capacity(parts.len());
    for (i, part) in parts.iter().enumerate() {
        let (letter, count) = match part {
            Part::Literal(text) => {
                steps.push(Step::Literal(text.clone()));
                continue;
            }
            Part::Field(letter, count) => (*letter, *count),
        };
        let digits_follow = parts.get(i + 1).is_some_and(Part::is_numeric);
        let number = |field, least: usize| Step::Number { field, digits_max: least.max(count), signed: false };
        let text = |field, names: &Vec<(String, u8)>| Step::Text { field, names: names.clone() };
        steps.push(match letter {
            b'G' => text(Field::Era, &locale.eras),
            b'C' => Step::Number { field: Field::Century, digits_max: count, signed: true },
            b'y' | b'Y' | b'x' if count == 2 => Step::TwoDigitYear {
                field: if letter == b'x' { Field::Weekyear } else { Field::Year },
                lenient: !digits_follow,
            },
            b'y' | b'Y' | b'x' => Step::Number {
                field: match letter {
                    b'y' => Field::Year,
                    b'Y' => Field::YearOfEra,
                    _ => Field::Weekyear,
                },
                digits_max: if digits_follow { count } else { count.max(9) },
                signed: letter != b'Y',
            },
            b'M' if count > 2 => text(Field::Month, &locale.months),
            b'M' => number(Field::Month, 2),
            b'd' => number(Field::DayOfMonth, 2),
            b'D' => number(Field::DayOfYear, 3),
            b'w' => number(Field::Week, 2),
            b'e' => number(Field::DayOfWeek, 1),
            b'E' => text(Field::DayOfWeek, &locale.weekdays),
            b'a' => text(Field::Halfday, &locale.halfdays),
            b'h' => number(Field::ClockHourOfHalfday, 2),
            b'H' => number(Field::Hour, 2),
            b'k' => number(Field::ClockHour, 2),
            b'K' => number(Field::HourOfHalfday, 2),
            b'm' => number(Field::Minute, 2),
            b's' => number(Field::Second, 2),
            b'S' => Step::Fraction { field: Field::FractionOfSecond, digits_max: count.min(18) },
            b'z' if count > 3 => {
                let why = "`zzzz` can be printed but not read: zone names are not unique";
                return Err(FormatError::new(why, 0..pattern.len()));
            }
            b'z' => Step::ZoneName,
            b'Z' if count > 2 => Step::ZoneId,
            b'Z' => Step::Offset,
            _ => unreachable!("split lets no other letter through"),
        });
    }
    Ok(steps)
}

/// Whether a format reads names of months, days, halves of the day or eras.
pub(super) fn has_names(pattern: &str) -> bool {
    let named = |part: &Part| match part {
        Part::Field(b'M', count) => *count > 2,
        Part::Field(letter, _) => b"EaG".contains(letter),
        Part::Literal(_) => false,
    };
    split(pattern).is_ok_and(|parts| parts.iter().any(named))
}

/// The parser behind ISO8601 (Joda's `ISODateTimeFormat.dateTimeParser`): a date, an ordinal date or a week date, each
/// with its smaller parts optional, then `T` with a time whose last part may have a fraction, then an offset; or `T`
/// and a time alone.
pub(super) fn iso8601() -> Vec<Step> {
    let literal = |text: &str| Step::Literal(text.to_string());
    let number = |field, digits_max| Step::Number { field, digits_max, signed: false };
    let year = |field| Step::Number { field, digits_max: 9, signed: true };
    let optional = |steps| Step::Any { alternatives: vec![steps], optional: true };
    let fraction = |field| {
        vec![
            Step::Any { alternatives: vec![vec![literal(".")], vec![literal(",")]], optional: false },
            Step::Fraction { field, digits_max: 9 },
        ]
    };
    let date = Step::Any {
        alternatives: vec![
            vec![
                year(Field::Year),
                optional(vec![
                    literal("-"),
                    number(Field::Month, 2),
                    optional(vec![literal("-"), number(Field::DayOfMonth, 2)]),
                ]),
            ],
            vec![
                year(Field::Weekyear),
                literal("-W"),
                number(Field::Week, 2),
                optional(vec![literal("-"), number(Field::DayOfWeek, 1)]),
            ],
            vec![year(Field::Year), literal("-"), number(Field::DayOfYear, 3)],
        ],
        optional: false,
    };
    let seconds = vec![literal(":"), number(Field::Second, 2), optional(fraction(Field::FractionOfSecond))];
    let minutes = vec![
        literal(":"),
        number(Field::Minute, 2),
        Step::Any { alternatives: vec![seconds, fraction(Field::FractionOfMinute)], optional: true },
    ];
    let time = vec![
        number(Field::Hour, 2),
        Step::Any { alternatives: vec![minutes, fraction(Field::FractionOfHour)], optional: true },
    ];
    let mut time_alone = vec![literal("T")];
    time_alone.extend(time.iter().cloned());
    time_alone.push(optional(vec![Step::Offset]));
    let after_date = optional(vec![literal("T"), optional(time), optional(vec![Step::Offset])]);
    vec![Step::Any { alternatives: vec![time_alone, vec![date, after_date]], optional: false }]
}

/// Reads the whole text. `pivot` is the year that the two-digit years lie around.
pub(super) fn run(steps: &[Step], text: &str, pivot: i32) -> Option<Found> {
    let mut found = Found { fields: Saved::new(), offset: None, zone: None };
    let end = run_steps(steps, text, 0, pivot, &mut found)?;
    (end == text.len()).then_some(found)
}

fn run_steps(steps: &[Step], text: &str, mut at: usize, pivot: i32, found: &mut Found) -> Option<usize> {
    for step in steps {
        at = run_step(step, text, at, pivot, found)?;
    }
    Some(at)
}

fn run_step(step: &Step, text: &str, at: usize, pivot: i32, found: &mut Found) -> Option<usize> {
    let bytes = text.as_bytes();
    match step {
        Step::Literal(literal) => {
            let mut rest = text[at..].chars();
            for want in literal.chars() {
                let got = rest.next()?;
                if got != want && !same_ignoring_case(got, want) {
                    return None;
                }
            }
            Some(text.len() - rest.as_str().len())
        }
        Step::Number { field, digits_max, signed } => {
            let (value, end) = number(bytes, at, *digits_max, *signed)?;
            found.fields.push(*field, value);
            Some(end)
        }
        Step::TwoDigitYear { field, lenient } => {
            let signed = *lenient && matches!(bytes.get(at), Some(b'+' | b'-'));
            let start = at + usize::from(signed);
            let most = if *lenient { usize::MAX } else { 2 };
            let count = count_digits(bytes, start, most);
            if count == 0 || (!*lenient && count < 2) {
                return None;
            }
            let digits = &text[start..start + count];
            let mut value = i32::from_str(digits).ok()?;
            if signed || count != 2 {
                if bytes[at] == b'-' {
                    value = -value;
                }
            } else {
                let low = pivot - 50;
                let within_century = low.rem_euclid(100);
                value += low - within_century + if value < within_century { 100 } else { 0 };
            }
            found.fields.push(*field, value);
            Some(start + count)
        }
        Step::Fraction { field, digits_max } => {
            let count = count_digits(bytes, at, *digits_max);
            if count == 0 {
                return None;
            }
            let whole: i64 = match field {
                Field::FractionOfHour => 3_600_000,
                Field::FractionOfMinute => 60_000,
                _ => 1_000,
            };
            // like Joda: the place value is cut at every digit, the sum once at the end
            let (mut place, mut tenths) = (whole * 10, 0);
            for c in &bytes[at..at + count] {
                place /= 10;
                tenths += i64::from(c - b'0') * place;
            }
            found.fields.push(*field, i32::try_from(tenths / 10).ok()?);
            Some(at + count)
        }
        Step::Text { field, names } => {
            let rest = &bytes[at..];
            let (name, value) = names.iter().find(|(name, _)| rest.starts_with(name.as_bytes()))?;
            found.fields.push(*field, i32::from(*value));
            Some(at + name.len())
        }
        Step::Offset => {
            if matches!(bytes.get(at), Some(b'Z' | b'z')) {
                found.offset = Some(0);
                return Some(at + 1);
            }
            let (millis, end) = parse_offset(bytes, at).ok()?;
            found.offset = Some(millis);
            Some(end)
        }
        Step::ZoneName => {
            let rest = &bytes[at..];
            let (name, id) =
                ZONE_NAMES.iter().filter(|(n, _)| rest.starts_with(n.as_bytes())).max_by_key(|(n, _)| n.len())?;
            found.zone = Some(Zone::for_id(id).expect("the list holds known ids"));
            Some(at + name.len())
        }
        Step::ZoneId => {
            // a slash near the beginning makes all before it a part of the id
            let rest = &text[at..];
            let slash = rest.bytes().take(ZONE_REGION_LEN_MAX).any(|b| b == b'/');
            let ids = chrono_tz::TZ_VARIANTS.iter().filter(|tz| tz.name().contains('/') == slash);
            let tz = ids.filter(|tz| rest.starts_with(tz.name())).max_by_key(|tz| tz.name().len())?;
            found.zone = Some(Zone::Named(*tz));
            Some(at + tz.name().len())
        }
        Step::Any { alternatives, optional } => {
            let before = *found;
            let mut best: Option<(usize, Found)> = None;
            for (i, steps) in alternatives.iter().enumerate() {
                if let Some(end) = run_steps(steps, text, at, pivot, found)
                    && end > best.as_ref().map_or(at, |(end, _)| *end)
                {
                    if end == text.len() || i + 1 == alternatives.len() {
                        return Some(end);
                    }
                    best = Some((end, *found));
                }
                *found = before;
            }
            match best {
                Some((end, state)) => {
                    *found = state;
                    Some(end)
                }
                None => optional.then_some(at),
            }
        }
    }
}

fn count_digits(bytes: &[u8], at: usize, most: usize) -> usize {
    bytes[at.min(bytes.len())..].iter().take(most).take_while(|c| c.is_ascii_digit()).count()
}

/// A sign does not count as a digit.
fn number(bytes: &[u8], at: usize, digits_max: usize, signed: bool) -> Option<(i32, usize)> {
    let sign = usize::from(signed && matches!(bytes.get(at), Some(b'+' | b'-')));
    // Joda looks for the digit after the sign within the limit
    if sign == 1 && digits_max < 2 {
        return None;
    }
    let count = count_digits(bytes, at + sign, digits_max);
    if count == 0 {
        return None;
    }
    let end = at + sign + count;
    let digits = std::str::from_utf8(&bytes[at + sign..end]).expect("digits are ASCII");
    let value = i32::from_str(digits).ok()?;
    Some((if sign == 1 && bytes[at] == b'-' { -value } else { value }, end))
}

fn same_ignoring_case(a: char, b: char) -> bool {
    a.to_uppercase().eq(b.to_uppercase()) || a.to_lowercase().eq(b.to_lowercase())
}
