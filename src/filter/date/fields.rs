//! The calendar fields of a date pattern and how Joda sets them one after the other.
//!
//! A parsed text is a list of fields and values. Joda sorts them, the greatest first, and sets them twice on an instant
//! that begins at 1970-01-01: the first time each setting also cuts everything below the field to its least value, the
//! second time corrects what the first bent. From this come a wrong weekday that moves the date, `yyyy-MM-DD` that takes
//! the day of the year within January, and a weekday alone that falls into the year's first week. All values here are
//! milliseconds of local time since the epoch (`i64`); `None` is a value that its field cannot take.
//! Deviation: "BC" without any year is refused.

use crate::event::timestamp::{
    MILLIS_PER_DAY, civil_from_days, days_from_civil, days_in_month, is_leap, iso_week, iso_weekday,
};

/// Joda's calendar ends there.
const YEAR_MIN: i64 = -292_275_054;
const YEAR_MAX: i64 = 292_278_993;

/// A field that a pattern can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Era,
    Century,
    Year,
    YearOfEra,
    Weekyear,
    Month,
    Week,
    DayOfYear,
    DayOfMonth,
    /// Monday 1 to Sunday 7.
    DayOfWeek,
    /// 0 before noon, 1 after.
    Halfday,
    /// 0..=23.
    Hour,
    /// 1..=24.
    ClockHour,
    /// 0..=11.
    HourOfHalfday,
    /// 1..=12.
    ClockHourOfHalfday,
    Minute,
    Second,
    /// Milliseconds within a second, a minute or an hour.
    FractionOfSecond,
    FractionOfMinute,
    FractionOfHour,
}

// units of time by size, the greatest first; years and week-based years count as equal
const ENDLESS: u8 = 0;
const CENTURIES: u8 = 1;
const YEARS: u8 = 2;
const MONTHS: u8 = 3;
const WEEKS: u8 = 4;
const DAYS: u8 = 5;
const HALFDAYS: u8 = 6;
const HOURS: u8 = 7;
const MINUTES: u8 = 8;
const SECONDS: u8 = 9;
const MILLIS: u8 = 10;

impl Field {
    /// The unit it counts within and the unit it counts: the order in which fields are set.
    fn rank(self) -> (u8, u8) {
        match self {
            Field::Era => (ENDLESS, ENDLESS),
            Field::Century => (ENDLESS, CENTURIES),
            Field::Year | Field::YearOfEra | Field::Weekyear => (ENDLESS, YEARS),
            Field::Month => (YEARS, MONTHS),
            Field::Week => (YEARS, WEEKS),
            Field::DayOfYear => (YEARS, DAYS),
            Field::DayOfMonth => (MONTHS, DAYS),
            Field::DayOfWeek => (WEEKS, DAYS),
            Field::Halfday => (DAYS, HALFDAYS),
            Field::Hour | Field::ClockHour => (DAYS, HOURS),
            Field::HourOfHalfday | Field::ClockHourOfHalfday => (HALFDAYS, HOURS),
            Field::Minute => (HOURS, MINUTES),
            Field::Second => (MINUTES, SECONDS),
            Field::FractionOfHour => (HOURS, MILLIS),
            Field::FractionOfMinute => (MINUTES, MILLIS),
            Field::FractionOfSecond => (SECONDS, MILLIS),
        }
    }

    /// Fields of equal length within a greater one: the length, how many there are, and what is taken off the value.
    fn even(self) -> Option<(i64, i64)> {
        Some(match self {
            Field::Halfday => (43_200_000, 2),
            Field::Hour | Field::ClockHour => (3_600_000, 24),
            Field::HourOfHalfday | Field::ClockHourOfHalfday => (3_600_000, 12),
            Field::Minute => (60_000, 60),
            Field::Second => (1_000, 60),
            Field::FractionOfSecond => (1, 1_000),
            Field::FractionOfMinute => (1, 60_000),
            Field::FractionOfHour => (1, 3_600_000),
            _ => return None,
        })
    }

    fn set(self, at: i64, value: i64) -> Option<i64> {
        if let Some((unit, count)) = self.even() {
            let value = match self {
                Field::ClockHour | Field::ClockHourOfHalfday => {
                    within(value, 1, count)?;
                    value % count
                }
                _ => within(value, 0, count - 1)?,
            };
            let present = at.div_euclid(unit).rem_euclid(count);
            return at.checked_add((value - present) * unit);
        }
        let days = at.div_euclid(MILLIS_PER_DAY);
        let (year, month, day) = civil_from_days(days);
        match self {
            Field::Era => {
                let present = i64::from(year > 0);
                if within(value, 0, 1)? == present { Some(at) } else { set_year(at, -year) }
            }
            Field::Century => {
                let year_of_century = year.abs() % 100;
                let value = within(value, 0, YEAR_MAX / 100)? * 100 + year_of_century;
                set_year(at, if year < 0 { -value } else { value })
            }
            Field::Year => set_year(at, value),
            Field::YearOfEra => {
                let value = within(value, 1, YEAR_MAX)?;
                set_year(at, if year <= 0 { 1 - value } else { value })
            }
            Field::Weekyear => set_weekyear(at, value),
            Field::Month => {
                let month = within(value, 1, 12)? as u32;
                let day = day.min(days_in_month(year, month));
                at_day(days_from_civil(year, month, day), at)
            }
            Field::DayOfMonth => {
                let value = within(value, 1, i64::from(days_in_month(year, month)))?;
                add_days(at, value - i64::from(day))
            }
            Field::DayOfYear => {
                let value = within(value, 1, if is_leap(year) { 366 } else { 365 })?;
                add_days(at, value - (days - days_from_civil(year, 1, 1) + 1))
            }
            Field::Week => {
                let (weekyear, week) = iso_week(days);
                let value = within(value, 1, weeks_in(weekyear))?;
                add_days(at, (value - i64::from(week)) * 7)
            }
            Field::DayOfWeek => add_days(at, within(value, 1, 7)? - i64::from(iso_weekday(days))),
            _ => unreachable!("the even fields are done above"),
        }
    }

    /// Cuts everything below the field to its least value.
    fn floor(self, at: i64) -> Option<i64> {
        if let Some((unit, _)) = self.even() {
            return at.div_euclid(unit).checked_mul(unit);
        }
        let days = at.div_euclid(MILLIS_PER_DAY);
        let (year, month, _) = civil_from_days(days);
        let floor = match self {
            // there is no first instant before Christ
            Field::Era if year <= 0 => return Some(i64::MIN),
            Field::Era => days_from_civil(1, 1, 1),
            Field::Century => days_from_civil(year / 100 * 100, 1, 1),
            Field::Year | Field::YearOfEra => days_from_civil(year, 1, 1),
            Field::Weekyear => first_monday(iso_week(days).0),
            Field::Month => days_from_civil(year, month, 1),
            Field::Week => days + 1 - i64::from(iso_weekday(days)),
            Field::DayOfYear | Field::DayOfMonth | Field::DayOfWeek => days,
            _ => unreachable!("the even fields are done above"),
        };
        floor.checked_mul(MILLIS_PER_DAY)
    }
}

fn within(value: i64, least: i64, most: i64) -> Option<i64> {
    (least..=most).contains(&value).then_some(value)
}

/// Another day at the same time of day.
fn at_day(days: i64, at: i64) -> Option<i64> {
    days.checked_mul(MILLIS_PER_DAY)?.checked_add(at.rem_euclid(MILLIS_PER_DAY))
}

fn add_days(at: i64, days: i64) -> Option<i64> {
    at.checked_add(days * MILLIS_PER_DAY)
}

/// Keeps day and time; the days from February 29 on keep their month and day where only one of the years has it.
pub(super) fn set_year(at: i64, year: i64) -> Option<i64> {
    within(year, YEAR_MIN - 1, YEAR_MAX + 1)?;
    let days = at.div_euclid(MILLIS_PER_DAY);
    let present = civil_from_days(days).0;
    let mut day_of_year = days - days_from_civil(present, 1, 1);
    if day_of_year >= 59 {
        day_of_year += i64::from(is_leap(year)) - i64::from(is_leap(present));
    }
    (days_from_civil(year, 1, 1) + day_of_year).checked_mul(MILLIS_PER_DAY)?.checked_add(at.rem_euclid(MILLIS_PER_DAY))
}

fn first_monday(weekyear: i64) -> i64 {
    let fourth = days_from_civil(weekyear, 1, 4);
    fourth + 1 - i64::from(iso_weekday(fourth))
}

fn weeks_in(weekyear: i64) -> i64 {
    (first_monday(weekyear + 1) - first_monday(weekyear)) / 7
}

/// Keeps weekday and time, and the week as far as the year has it.
fn set_weekyear(at: i64, weekyear: i64) -> Option<i64> {
    within(weekyear, YEAR_MIN, YEAR_MAX)?;
    let days = at.div_euclid(MILLIS_PER_DAY);
    let (present, week) = iso_week(days);
    if present == weekyear {
        return Some(at);
    }
    let week = i64::from(week).min(weeks_in(present)).min(weeks_in(weekyear));
    let target = first_monday(weekyear) + (week - 1) * 7 + i64::from(iso_weekday(days)) - 1;
    at_day(target, at)
}

/// The fields of a text and their values.
#[derive(Clone, Copy)]
pub(super) struct Saved {
    list: [(Field, i32); Saved::MAX],
    len: u8,
}

impl Saved {
    /// Fields of one pattern, the guessed year included.
    pub(super) const MAX: usize = 32;

    pub(super) fn new() -> Saved {
        Saved { list: [(Field::Era, 0); Saved::MAX], len: 0 }
    }

    pub(super) fn push(&mut self, field: Field, value: i32) {
        assert!(usize::from(self.len) < Saved::MAX, "compiling a pattern limits its fields");
        self.list[usize::from(self.len)] = (field, value);
        self.len += 1;
    }

    /// The local time in milliseconds. `default_year` counts where the greatest field is a month, a week or a day.
    pub(super) fn local_millis(mut self, default_year: i32) -> Option<i64> {
        let sorted = |s: &mut Saved| s.list[..usize::from(s.len)].sort_by_key(|(f, _)| f.rank());
        sorted(&mut self);
        if self.len > 0 && (MONTHS..=DAYS).contains(&self.list[0].0.rank().1) {
            self.push(Field::Year, default_year);
            sorted(&mut self);
        }
        let list = &self.list[..usize::from(self.len)];
        // Joda's arithmetic overflows there and lands in some year after Christ
        let years = list.iter().any(|(f, _)| f.rank().0 == ENDLESS && *f != Field::Era);
        if !years && list.contains(&(Field::Era, 0)) {
            return None;
        }
        let mut at = 0;
        for (field, value) in list {
            at = field.floor(field.set(at, i64::from(*value))?)?;
        }
        for (i, (field, value)) in list.iter().enumerate() {
            at = field.set(at, i64::from(*value))?;
            if i + 1 == list.len() {
                at = field.floor(at)?;
            }
        }
        Some(at)
    }
}
