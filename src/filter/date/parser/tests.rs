use super::*;

fn parser(pattern: &str, zone: &str, locale: &str) -> DateParser {
    let locale = Locale::for_tag(locale).unwrap();
    DateParser::compile(pattern, Zone::for_id(zone).unwrap(), Zone::Utc, &locale).unwrap()
}

/// Rows that Joda itself answered: usual patterns and random ones, right and wrong texts, gaps and overlaps.
#[test]
fn reads_as_joda() {
    let mut rows = 0;
    for row in include_str!("joda.tsv").lines().filter(|l| !l.starts_with('#')) {
        let f: Vec<&str> = row.split('\t').collect();
        let [pattern, zone, locale, now, text, want] = f[..] else { panic!("six columns: {row}") };
        let now = Timestamp::from_epoch_millis(now.parse().unwrap());
        let got = parser(pattern, zone, locale).parse(text, now);
        let want = want.parse().ok().map(Timestamp::from_epoch_millis);
        assert_eq!(got, want, "{row}");
        rows += 1;
    }
    assert!(rows > 500, "{rows}");
}

#[test]
fn odd_spellings() {
    let now = Timestamp::parse("2024-03-05T00:00:00Z").unwrap();
    for (pattern, text, want) in [
        // hours alone fall on the epoch's day, then the year is guessed; each field takes what it can and gives nothing back
        ("HHmm", "1011", Some("2024-01-01T10:11:00.000Z")),
        ("Hmm", "101", Some("2024-01-01T10:01:00.000Z")),
        ("d.M.yyyy", "5.3.2024", Some("2024-03-05T00:00:00.000Z")),
        ("yyyy-MM-dd", "2024-03-05x", None),
        ("yyyy-MM-dd", "", None),
        // the weekday moves the date
        ("EEE, dd MMM yyyy", "Wed, 05 Mar 2024", Some("2024-03-06T00:00:00.000Z")),
        ("xxxx-'W'ww-e", "2024-W10-2", Some("2024-03-05T00:00:00.000Z")),
        ("yyyy'年'MM", "2024年03", Some("2024-03-01T00:00:00.000Z")),
        ("'É'yyyy", "é2024", Some("2024-01-01T00:00:00.000Z")),
        ("yyyy G", "44 BC", Some("0044-01-01T00:00:00.000Z")),
        ("YYYY G", "44 BC", Some("-0043-01-01T00:00:00.000Z")),
        ("MMM yyyy", "MaR 2024", None),
        ("yyyy", "999999999", None),
        ("yyyy", "２０２４", None),
        (
            "yyyy-MM-dd HH:mm:ss ZZZ",
            "2024-03-05 10:11:12 America/Argentina/Buenos_Aires",
            Some("2024-03-05T13:11:12.000Z"),
        ),
        ("yyyy ZZZ HH", "2024 EST 05", Some("2024-01-01T10:00:00.000Z")),
        ("yyyy ZZZ/HH", "2024 EST/05", None),
        // years without `y` in the pattern do not count: the year is guessed
        ("xxxx-ww", "2020-10", Some("2024-03-02T00:00:00.000Z")),
    ] {
        let got = parser(pattern, "UTC", "en").parse(text, now);
        let want = want.map(|w| Timestamp::parse(w).unwrap());
        assert_eq!(got, want, "{pattern} {text}");
    }
}

#[test]
fn numbers() {
    let read = |pattern: &str, n: Number<'_>| parser(pattern, "UTC", "en").parse_number(n).map(|t| t.epoch_millis());
    for (pattern, number, want) in [
        ("UNIX", Number::Int(5), Some(5_000)),
        ("UNIX", Number::Int(-5), Some(-5_000)),
        ("UNIX", Number::Int(i64::from(i32::MAX)), Some(2_147_483_647_000)),
        ("UNIX", Number::Int(i64::from(i32::MAX) + 1), None),
        ("UNIX", Number::Int(i64::MIN), None),
        ("UNIX", Number::Float(1.5), Some(1_500)),
        ("UNIX", Number::Float(1e300), None),
        ("UNIX", Number::Decimal("1709633472.1239"), Some(1_709_633_472_123)),
        ("UNIX", Number::Decimal("1.709633472E+9"), Some(1_709_633_472_000)),
        ("UNIX", Number::Decimal("-1.5"), Some(-1_500)),
        ("UNIX", Number::Decimal("1E-400"), Some(0)),
        ("UNIX", Number::Decimal("1E+400"), None),
        ("UNIX", Number::Decimal("9999999999.5"), None),
        ("UNIX_MS", Number::Int(5), Some(5)),
        ("UNIX_MS", Number::Float(5.9), Some(5)),
        ("UNIX_MS", Number::Decimal("5.9"), Some(5)),
        ("UNIX_MS", Number::Decimal("2147483647001.5"), None),
        ("TAI64N", Number::Int(5), None),
        ("ISO8601", Number::Int(2024), None),
        ("yyyy", Number::Int(2024), None),
    ] {
        assert_eq!(read(pattern, number), want, "{pattern} {number:?}");
    }
}

#[test]
fn refuses_what_cannot_be_read() {
    for (pattern, why, range) in [
        ("yyyy-TT", "Illegal pattern component: TT", 5..7),
        ("", "Invalid pattern specification", 0..0),
        ("zzzz", "`zzzz` can be printed but not read: zone names are not unique", 0..4),
        (&"Hm".repeat(16), "a date pattern may have at most 31 fields", 0..32),
    ] {
        let e = DateParser::compile(pattern, Zone::Utc, Zone::Utc, &Locale::english()).unwrap_err();
        assert_eq!((e.message.as_str(), e.range), (why, range), "{pattern}");
    }
    let most = format!("{}H", "Hm".repeat(15));
    assert!(DateParser::compile(&most, Zone::Utc, Zone::Utc, &Locale::english()).is_ok());
}

/// A small generator, so that every run sees the same values.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x ^ (x >> 31)
}

const FAST: [&str; 9] = [
    "ISO8601",
    "dd/MMM/yyyy:HH:mm:ss Z",
    "yyyy-MM-dd HH:mm:ss,SSS",
    "yyyy-MM-dd HH:mm:ss",
    "yyyy/MM/dd HH:mm:ss.SSSSSS",
    "yyyyMMddHHmmssSSS",
    "d.M.yyyy H:m",
    "MMM d, YYYY",
    "HH:mm dd MMM yyyy ZZ",
];

/// A text that the pattern reads, more or less: the instant `millis` in UTC, or one of the usual variations.
fn write(pattern: &str, millis: i64, state: &mut u64) -> String {
    use crate::event::time_format::JodaFormat;
    let pattern = match pattern {
        "ISO8601" => {
            let shapes = [
                "yyyy-MM-dd'T'HH:mm:ss.SSSZZ",
                "yyyy-MM-dd'T'HH:mm:ssZ",
                "yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'",
                "yyyy-MM-dd'T'HH:mm:ss,S",
                "yyyy-MM-dd HH:mm:ss,SSS",
                "yyyy-MM-dd HH:mm:ss.SSSSSSZ",
                "yyyy-MM-dd HH:mm:ss",
                "yyyy-M-d't'H:m:s",
                "yyyy-MM-dd",
            ];
            shapes[next(state) as usize % shapes.len()]
        }
        other => other,
    };
    let mut text = String::new();
    JodaFormat::compile(pattern).unwrap().format(Timestamp::from_epoch_millis(millis), &mut text);
    match next(state) % 8 {
        0 => text = text.replace("+0000", "-0730").replace("+00:00", "+05:45"),
        1 => text = text.to_uppercase(),
        2 => text = text.to_lowercase(),
        3 if !text.is_empty() => {
            // one letter changed, left out or put in
            let at = next(state) as usize % text.len();
            let new = ["", "0", "9", "-", " ", "x", ":", "Z"][next(state) as usize % 8];
            text.replace_range(at..at + (next(state) % 2) as usize, new);
        }
        _ => {}
    }
    text
}

#[test]
fn scanners_agree_with_the_general_parser() {
    let mut state = 42;
    let now = Timestamp::parse("2024-06-01T00:00:00Z").unwrap();
    let mut read = 0;
    for pattern in FAST {
        for zone in ["UTC", "Europe/Berlin", "America/New_York", "+05:30"] {
            let parser = parser(pattern, zone, "en");
            let zone = parser.zone;
            for _ in 0..700 {
                // years -200 to 10,100, and many near a change of the clocks
                let millis = match next(&mut state) % 3 {
                    0 => (next(&mut state) % 325_000_000_000_000) as i64 - 68_500_000_000_000,
                    1 => (next(&mut state) % 4_000_000_000_000) as i64 - 1_000_000_000_000,
                    _ => 1_711_846_800_000 + (next(&mut state) % 14_400_000) as i64 - 7_200_000,
                };
                let text = write(pattern, millis, &mut state);
                let (fast, general) = match &parser.format {
                    Format::Joda(joda) => (
                        joda.shape.as_ref().expect("a shape of its own").scan(text.as_bytes(), zone).map(Some),
                        joda.parse_general(&text, zone, Zone::Utc, now),
                    ),
                    _ => (fast::iso8601(text.as_bytes(), zone), iso8601_general(&text, zone)),
                };
                if let Some(fast) = fast {
                    read += 1;
                    assert_eq!(fast, general, "{pattern} {zone:?} {text}");
                }
                let whole = parser.parse(&text, now).map(|t| t.epoch_millis());
                assert_eq!(whole, general, "{pattern} {zone:?} {text}");
            }
        }
    }
    // the scanners did the work
    assert!(read > 12_000, "{read}");
}

#[test]
fn patterns_with_more_than_a_date_have_no_scanner() {
    let shape = |pattern: &str, english| fast::Shape::of(&split(pattern).unwrap(), english).is_some();
    for pattern in FAST.iter().filter(|p| **p != "ISO8601") {
        assert!(shape(pattern, true), "{pattern}");
    }
    for pattern in [
        "MMM dd HH:mm:ss",
        "yy-MM-dd",
        "yyyy-MM-dd'T'HH",
        "EEE MMM dd yyyy",
        "yyyy-MM-dd dd",
        "yyyy-MM-dd z",
        "yyyy-DDD",
    ] {
        assert!(!shape(pattern, true), "{pattern}");
    }
    assert!(!shape("dd/MMM/yyyy", false), "names of another language");
}

#[test]
fn junk_never_panics() {
    let mut state = 5;
    let now = Timestamp::parse("2024-06-01T00:00:00Z").unwrap();
    let patterns =
        ["ISO8601", "UNIX", "UNIX_MS", "TAI64N", "yy-MM-dd ZZZ z", "G C YYYY xx ww e", "EEE MMM aaa DDD 'é'k"];
    let parsers: Vec<DateParser> = patterns.iter().map(|p| parser(p, "Europe/Berlin", "tr")).collect();
    let pieces =
        ["2024", "-", "+", "T", "Z", "é", "日", "9999999999", "BC", "ı", ":", ".", " ", "0", "Mar", "@4", "/", "\0"];
    for _ in 0..20_000 {
        let text: String =
            (0..next(&mut state) % 9).map(|_| pieces[next(&mut state) as usize % pieces.len()]).collect();
        for p in &parsers {
            let _ = p.parse_in(&text, Zone::Utc, now);
        }
    }
}
