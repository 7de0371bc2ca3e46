//! `date-format-refuses`: the date filter refuses texts that the grok pattern in front of it takes.
//!
//! ```text
//! grok { match => { "message" => "%{TIMESTAMP_ISO8601:timestamp} ..." } }
//! date { match => ["timestamp", "ISO8601"] }     # refuses "2024-03-05 10:11:12"
//! ```
//! And `date-never-parses`: none of the texts that the pattern takes fits any of the formats. Decided with the filter's own
//! parser on texts of every form the pattern has.

use super::CheckInput;
use super::facts::{DateSeen, Facts};
use crate::config::diagnostic::Diagnostic;
use crate::config::source::Spanned;
use crate::event::Timestamp;
use crate::event::time_format::Zone;
use crate::filter::date::{DateParser, Locale};

/// The plainest text of TIMESTAMP_ISO8601 as programs log it, and one that `ISO8601` takes.
const PLAIN: &str = "2024-03-05 10:11:12";
/// The year that texts without one are read in.
const NOW_MS: i64 = 1_709_633_472_000;

pub fn check(_: &CheckInput<'_>, facts: &Facts, found: &mut Vec<Diagnostic>) {
    let mut done = vec![];
    let reads_plain = |d: &DateSeen, text: &str| {
        d.source.value == text && d.formats.iter().filter_map(parser).any(|p| takes(&p, PLAIN))
    };
    for seen in facts.dates.iter().filter(|d| d.lane == 0) {
        if done.contains(&seen.source.span) {
            continue;
        }
        done.push(seen.source.span);
        if seen.known.touched || seen.tags.is_empty() {
            continue;
        }
        let diag = one(seen);
        // another date filter may be there for what this one refuses
        let elsewhere = || facts.dates.iter().any(|d| reads_plain(d, &seen.source.value));
        found.extend(diag.filter(|d| d.id == "date-never-parses" || !elsewhere()));
    }
}

fn one(seen: &DateSeen) -> Option<Diagnostic> {
    let parsers: Vec<DateParser> = seen.formats.iter().map(parser).collect::<Option<_>>()?;
    let takes = |text: &str| parsers.iter().any(|p| takes(p, text));
    let tag = seen.tags.first().map_or("no tag".to_string(), |t| format!("`{t}`"));
    let (pattern, place) = seen.known.cut_by.iter().next()?;
    let only = seen.known.cut_by.len() == 1 && !seen.known.cut_by_others;
    let texts = texts_of(pattern);
    if only && !texts.is_empty() && !texts.iter().any(|t| takes(t)) {
        return Some(
            Diagnostic::warning("date-never-parses", "the date filter can read none of the texts it gets")
                .at(formats(&seen.formats), "fits none of them")
                .with(*place, format!("takes texts like `{}`", texts[0]))
                .note(format!("every such event is tagged {tag} and keeps the time it had"))
                .help(format!("add a format for `{}`", texts[0])),
        );
    }
    let iso = seen.formats.iter().find(|f| f.value == "ISO8601")?;
    let (_, place) = seen.known.cut_by.iter().find(|(name, _)| name == "TIMESTAMP_ISO8601")?;
    (!takes(PLAIN)).then(|| {
        Diagnostic::warning("date-format-refuses", format!("`ISO8601` refuses dates like `{PLAIN}`"))
            .at(iso.span, "wants a `T` between date and time, or a fraction of a second")
            .with(*place, format!("takes `{PLAIN}` as well"))
            .note(format!("such an event is tagged {tag} and keeps the time it had"))
            .help("add the format: `\"yyyy-MM-dd HH:mm:ss\"`")
    })
}

fn takes(parser: &DateParser, text: &str) -> bool {
    parser.parse(text, Timestamp::from_epoch_millis(NOW_MS)).is_some()
}

fn parser(format: &Spanned<String>) -> Option<DateParser> {
    DateParser::compile(&format.value, Zone::Utc, Zone::Utc, &Locale::english()).ok()
}

fn formats(formats: &[Spanned<String>]) -> crate::config::source::Span {
    let (first, last) = (formats[0].span, formats[formats.len() - 1].span);
    if first.file == last.file && first.start <= last.end { first.to(last) } else { first }
}

/// Texts of every form that a shipped pattern takes; none where it is not known here.
fn texts_of(pattern: &str) -> Vec<String> {
    let mut texts = vec![];
    match pattern {
        "TIMESTAMP_ISO8601" => {
            for separator in [" ", "T"] {
                for time in ["10:11:12", "10:11"] {
                    let with_seconds = time.len() > 5;
                    for fraction in ["", ".1", ".12", ".123", ".123456", ".123456789", ",123", ",123456", ":123"] {
                        for zone in ["", "Z", "+08:00", "+0800", " +0800"] {
                            if with_seconds || fraction.is_empty() {
                                texts.push(format!("2024-03-05{separator}{time}{fraction}{zone}"));
                            }
                        }
                    }
                }
            }
        }
        "HTTPDATE" => texts.extend(["05/Mar/2024:10:11:12 +0800", "5/Mar/2024:10:11:12 -0800"].map(String::from)),
        "SYSLOGTIMESTAMP" => texts.extend(["Mar  5 10:11:12", "Mar 15 10:11:12", "Mar 05 10:11:12"].map(String::from)),
        _ => {}
    }
    texts
}

#[cfg(test)]
mod tests {
    use crate::config::check::tests::ids;

    #[test]
    fn formats_and_patterns() {
        for (pattern, formats, want) in [
            ("TIMESTAMP_ISO8601", r#""ISO8601""#, &["date-format-refuses"][..]),
            ("TIMESTAMP_ISO8601", r#""ISO8601", "yyyy-MM-dd HH:mm:ss""#, &[]),
            ("TIMESTAMP_ISO8601", r#""yyyy-MM-dd HH:mm:ss,SSS""#, &[]),
            ("HTTPDATE", r#""dd/MMM/yyyy:HH:mm:ss Z""#, &[]),
            ("SYSLOGTIMESTAMP", r#""MMM  d HH:mm:ss", "MMM dd HH:mm:ss""#, &[]),
            ("DATA", r#""ISO8601""#, &[]),
        ] {
            let conf = format!(
                "filter {{ grok {{ match => {{ \"message\" => \"%{{{pattern}:t}} x\" }} }} date {{ match => [\"t\", {formats}] }} }}"
            );
            assert_eq!(ids(&conf), want, "{pattern} {formats}");
        }
    }

    #[test]
    fn never_is_said_only_where_nobody_else_sets_the_field() {
        let conf = |before: &str| {
            format!(
                "filter {{ {before} grok {{ match => {{ \"message\" => \"%{{HTTPDATE:t}} x\" }} }} date {{ match => [\"t\", \"ISO8601\"] }} }}"
            )
        };
        assert_eq!(ids(&conf("")), [""; 0], "a sender may have set it");
        assert_eq!(ids(&conf("mutate { remove_field => [\"t\"] }")), ["date-never-parses"]);
    }
}
