use super::*;

fn iso(t: Timestamp) -> String {
    let mut out = Vec::new();
    t.write_iso(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn prints_as_logstash() {
    for (secs, nanos, want) in [
        (0, 0, "1970-01-01T00:00:00.000Z"),
        (1_709_633_472, 100_000_000, "2024-03-05T10:11:12.100Z"),
        (1_709_633_472, 123_456_000, "2024-03-05T10:11:12.123456Z"),
        (1_709_633_472, 1, "2024-03-05T10:11:12.000000001Z"),
        (1_709_633_472, 1_000, "2024-03-05T10:11:12.000001Z"),
        (-1, 999_000_000, "1969-12-31T23:59:59.999Z"),
        (253_402_300_799, 0, "9999-12-31T23:59:59.000Z"),
        (253_402_300_800, 0, "+10000-01-01T00:00:00.000Z"),
        (317_279_153_472, 0, "+12024-03-05T10:11:12.000Z"),
        (-62_167_219_200, 0, "0000-01-01T00:00:00.000Z"),
        (-62_193_275_328, 0, "-0001-03-05T10:11:12.000Z"),
        (31_556_889_864_403_199, 999_999_999, "+1000000000-12-31T23:59:59.999999999Z"),
        (-31_557_014_167_219_200, 0, "-1000000000-01-01T00:00:00.000Z"),
    ] {
        let t = Timestamp::new(secs, nanos);
        assert_eq!(iso(t), want);
        assert_eq!(t.to_string(), want);
    }
}

/// What the formatter of Logstash's `Timestamp` gave under OpenJDK 17 in UTC: seconds and nanoseconds.
#[test]
fn reads_as_logstash() {
    for (text, want) in [
        ("2024-03-05T10:11:12Z", Some((1709633472, 0))),
        ("2024-03-05t10:11:12z", Some((1709633472, 0))),
        ("2024-03-05T10:11:12.1Z", Some((1709633472, 100000000))),
        ("2024-03-05T10:11:12.Z", Some((1709633472, 0))),
        ("2024-03-05T10:11:12,1Z", None),
        ("2024-03-05T10:11:12.123456789Z", Some((1709633472, 123456789))),
        ("2024-03-05T10:11:12.1234567891Z", None),
        ("2024-03-05T10:11Z", Some((1709633460, 0))),
        ("2024-03-05T10Z", None),
        ("2024-03-05", Some((1709596800, 0))),
        ("2024-03-05Z", Some((1709596800, 0))),
        ("2024-03", None),
        ("2024-03-05T10:11:12+08", Some((1709604672, 0))),
        ("2024-03-05T10:11:12+0800", Some((1709604672, 0))),
        ("2024-03-05T10:11:12+08:00", Some((1709604672, 0))),
        ("2024-03-05T10:11:12+08:00:30", Some((1709604642, 0))),
        ("2024-03-05T10:11:12+080030", Some((1709604642, 0))),
        ("2024-03-05T10:11:12+8", None),
        ("2024-03-05T10:11:12+18:00", Some((1709568672, 0))),
        ("2024-03-05T10:11:12+18:01", None),
        ("2024-03-05T10:11:12+19", None),
        ("2024-03-05T10:11:12-00:00", Some((1709633472, 0))),
        ("2024-03-05T10:11:12+08+09", None),
        ("2024-03-05T10:11:12 Z", None),
        ("2024-03-05T10:11:12UTC", Some((1709633472, 0))),
        ("2024-03-05T10:11:12GMT+8", None),
        ("2024-03-05T10:11:12UTC+08:00", Some((1709604672, 0))),
        ("2024-03-05T10:11:12Europe/Berlin", Some((1709629872, 0))),
        ("2024-03-05T10:11:12europe/berlin", Some((1709629872, 0))),
        ("2024-02-30T10:11:12Z", Some((1709201472, 0))),
        ("2023-02-29T10:11:12Z", Some((1677579072, 0))),
        ("2023-04-31", Some((1682812800, 0))),
        ("2024-03-32", None),
        ("2024-13-01", None),
        ("2024-03-05T24:00:00Z", Some((1709683200, 0))),
        ("2024-03-05T24:00Z", Some((1709683200, 0))),
        ("2024-03-05T24:00:01Z", None),
        ("2024-03-05T10:60:00Z", None),
        ("2024-03-05T10:11:60Z", None),
        ("12024-03-05T10:11:12Z", None),
        ("+12024-03-05T10:11:12Z", Some((317279153472, 0))),
        ("+2024-03-05T10:11:12Z", None),
        ("-0001-03-05T10:11:12Z", Some((-62193275328, 0))),
        ("-12024-03-05T10:11:12Z", Some((-441602459328, 0))),
        ("-0000-03-05T10:11:12Z", None),
        ("+999999999-12-31T23:59:59Z", Some((31556889832780799, 0))),
        ("0000-01-01", Some((-62167219200, 0))),
        ("2024-3-5", None),
        (" 2024-03-05", None),
        ("2024-03-05T", None),
        ("2024-03-05T10:11:12[UTC]", None),
        ("2024-03-05T10:11:12+08:60", None),
        ("2024-03-05T10:11:12+0860", None),
        ("2024-03-05+08:00", Some((1709568000, 0))),
        ("2024-03-05T10:11:12EST", None),
        ("2024-03-05T10:11:12UT", Some((1709633472, 0))),
        ("2024-03-05T10:11:12GMT0", Some((1709633472, 0))),
        ("2024-03-05T10:11:12UTC+0800", Some((1709604672, 0))),
        ("2024-03-05T10:11:12GMT+08", Some((1709604672, 0))),
        ("2024-03-05T10:11:12+08:0", None),
        ("2024-03-05T10:11:12+080", None),
        ("2024-03-05T10:11:12UTC+8", None),
        ("2024-03-05T10:11:12UT+08:00", Some((1709604672, 0))),
        ("2024-03-05T10:11:12Etc/GMT+8", Some((1709662272, 0))),
    ] {
        let want: Option<(i64, u32)> = want;
        assert_eq!(Timestamp::parse(text).map(|t| (t.secs, t.nanos)), want, "{text}");
    }
    for junk in
        ["", "Z", "\u{0}", "2024-03-05T10:11:12é", "2024-03-0５", "日本", "2024-03-05日本", "2024-03-05Ué", "+", "-"]
    {
        assert_eq!(Timestamp::parse(junk), None, "{junk}");
    }
}

#[test]
fn a_text_without_zone_is_local() {
    let berlin = Zone::for_id("Europe/Berlin").unwrap();
    for (text, want) in [
        ("2024-07-01T12:00:00", "2024-07-01T10:00:00.000Z"),
        ("2024-07-01T12:00:00Z", "2024-07-01T12:00:00.000Z"),
        // the gap: moved on; the overlap: the earlier
        ("2024-03-31T02:30:00", "2024-03-31T01:30:00.000Z"),
        ("2024-10-27T02:30:00", "2024-10-27T00:30:00.000Z"),
        ("2024-07-01", "2024-06-30T22:00:00.000Z"),
    ] {
        assert_eq!(Timestamp::parse_in(text, &berlin).unwrap().to_string(), want, "{text}");
    }
}

/// A small generator, so that every run sees the same values.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x ^ (x >> 31)
}

#[test]
fn printing_and_reading_agree_with_chrono() {
    use chrono::Datelike;
    let mut state = 7;
    for _ in 0..20_000 {
        // years 1 to 9999, where chrono prints four digits too
        let secs = (next(&mut state) % 315_537_897_600) as i64 - 62_135_596_800;
        let nanos = match next(&mut state) % 4 {
            0 => 0,
            1 => (next(&mut state) % 1_000) as u32 * 1_000_000,
            2 => (next(&mut state) % 1_000_000) as u32 * 1_000,
            _ => (next(&mut state) % 1_000_000_000) as u32,
        };
        let t = Timestamp::new(secs, nanos);
        let chrono = chrono::DateTime::from_timestamp(secs, nanos).unwrap();
        let fraction = match nanos {
            n if n % 1_000 != 0 => "%.9f",
            n if n % 1_000_000 != 0 => "%.6f",
            _ => "%.3f",
        };
        assert_eq!(iso(t), chrono.format(&format!("%Y-%m-%dT%H:%M:%S{fraction}Z")).to_string());
        assert_eq!(Timestamp::parse(&iso(t)), Some(t));
        let (days, _) = t.day_and_second();
        assert_eq!(iso_weekday(days), chrono.weekday().number_from_monday());
        let week = chrono.iso_week();
        assert_eq!(iso_week(days), (i64::from(week.year()), week.week()));
        assert_eq!(Timestamp::from_epoch_millis(t.epoch_millis()), t.truncated_to_millis());
        assert_eq!(t.epoch_millis(), chrono.timestamp_millis());
    }
}

#[test]
fn every_day_of_800_years_comes_back() {
    let mut expected = (-400, 1, 1);
    for days in days_from_civil(-400, 1, 1)..days_from_civil(401, 1, 1) {
        assert_eq!(civil_from_days(days), expected);
        let (y, m, d) = expected;
        assert_eq!(days_from_civil(y, m, d), days);
        expected = match (d < days_in_month(y, m), m) {
            (true, _) => (y, m, d + 1),
            (false, 12) => (y + 1, 1, 1),
            (false, _) => (y, m + 1, 1),
        };
    }
}

#[test]
fn orders_by_time_and_rounds_down() {
    assert!(Timestamp::new(-1, 999_999_999) < Timestamp::EPOCH);
    assert!(Timestamp::new(5, 1) < Timestamp::new(5, 2));
    assert_eq!(Timestamp::new(-1, 999_999_999).epoch_millis(), -1);
    assert_eq!(Timestamp::from_epoch_millis(-1), Timestamp::new(-1, 999_000_000));
    assert_eq!(Timestamp::from_epoch_nanos(-1), Timestamp::new(-1, 999_999_999));
    assert_eq!(Timestamp::new(i64::MAX, 0).epoch_millis(), i64::MAX);
}
