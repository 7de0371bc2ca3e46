//! The date filter: a text or number of the event becomes its time.
//!
//! The original: logstash-filter-date 3.1 on Logstash 8.19
//! (<https://www.elastic.co/guide/en/logstash/8.19/plugins-filters-date.html>). The formats are tried in the order
//! written, the first that fits counts; a field that is absent or null is nothing to do, anything but a text or (for
//! UNIX and UNIX_MS) a number fails. Results have milliseconds.
//!
//! Deviations: without `locale` names are English whatever the machine's language; names of some languages are not there
//! yet (an error says so); further ones are told in `parser` and `fields`.
//!
//! Belongs here: reading dates. Must not be here: printing them (`event::time_format`).

mod fast;
mod fields;
mod joda_parse;
mod locales;
mod parser;

pub use locales::Locale;
pub use parser::{DateParser, NoDate, Number};

use super::{Fault, Filter, FilterCx, Outcome};
use crate::config::diagnostic::Diagnostic;
use crate::config::logstash::ast::part_span;
use crate::config::options::{OptType, OptionSpec, Options};
use crate::config::source::{SourceMap, Span, Spanned};
use crate::event::time_format::Zone;
use crate::event::{EscapeStyle, Event, FieldRef, Template, Timestamp, Value};
use crate::world::Clock;

/// The filter's own options.
pub const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("match", OptType::Array),
    OptionSpec::new("target", OptType::String),
    OptionSpec::new("timezone", OptType::String),
    OptionSpec::new("locale", OptType::String),
    OptionSpec::new("tag_on_failure", OptType::Array),
];

/// The options, read.
#[derive(Clone, Debug)]
pub struct Config {
    /// A field and at least one format.
    pub matches: Vec<Spanned<String>>,
    pub target: Option<Spanned<String>>,
    /// An id, an offset, or a template with `%{`.
    pub timezone: Option<Spanned<String>>,
    pub locale: Option<Spanned<String>>,
    pub tag_on_failure: Vec<String>,
    /// The plugin's name and the value of `match`: where a missing format is reported.
    pub place: Span,
}

impl Config {
    pub fn new(options: &Options) -> Config {
        Config {
            matches: options.strings("match"),
            target: options.string("target"),
            timezone: options.string("timezone"),
            locale: options.string("locale"),
            tag_on_failure: match options.is_set("tag_on_failure") {
                true => options.strings("tag_on_failure").into_iter().map(|s| s.value).collect(),
                false => vec!["_dateparsefailure".to_string()],
            },
            place: options.raw("match").map_or(options.plugin.span, |v| v.span),
        }
    }
}

/// The filter, compiled.
pub struct DateFilter {
    /// `None` where it is no field reference: the original then raises at every event.
    source: Option<FieldRef>,
    target: Option<FieldRef>,
    formats: Vec<DateParser>,
    zone: ZoneOption,
    tag_on_failure: Vec<String>,
    uses_clock: bool,
}

enum ZoneOption {
    Fixed(Zone),
    /// Told by each event.
    Template(Template),
}

/// Compiles the filter; `system` is the machine's time zone. What is wrong goes to `diags`; `None` if it cannot run.
pub fn build(
    config: &Config,
    escape: EscapeStyle,
    system: Zone,
    sources: &SourceMap,
    diags: &mut Vec<Diagnostic>,
) -> Option<DateFilter> {
    let before = diags.iter().filter(|d| d.stops_run).count();
    let (source, formats) = match config.matches.as_slice() {
        [source, formats @ ..] if !formats.is_empty() => (source, formats),
        given => {
            let shown: Vec<String> = given.iter().map(|s| format!("{:?}", s.value)).collect();
            let message = format!(
                "The match setting should contains first a field name and at least one date format, current value is [{}]",
                shown.join(", ")
            );
            diags.push(
                Diagnostic::error("date-match", message)
                    .at(config.place, "a field, then one format or more")
                    .help("for example `match => [\"timestamp\", \"ISO8601\"]`"),
            );
            return None;
        }
    };
    let is_text = |pattern: &str| !matches!(pattern, "UNIX" | "UNIX_MS" | "TAI64N");
    let zone = match &config.timezone {
        None => ZoneOption::Fixed(system),
        Some(text) if text.value.contains("%{") => ZoneOption::Template(Template::compile(&text.value, escape)),
        Some(text) => match Zone::for_id(&text.value) {
            Ok(zone) => ZoneOption::Fixed(zone),
            Err(e) => {
                // the original looks at it for these formats only
                if formats.iter().any(|f| is_text(&f.value)) {
                    diags.push(
                        Diagnostic::error("date-timezone", e.to_string())
                            .at(text.span, "no time zone")
                            .help("use an id like `Europe/Berlin` or an offset like `+08:00`"),
                    );
                } else {
                    diags.push(Diagnostic::warning("date-timezone", e.to_string()).at(text.span, "has no effect here"));
                }
                ZoneOption::Fixed(system)
            }
        },
    };
    let locale = match &config.locale {
        None => Locale::english(),
        Some(tag) => Locale::for_tag(&tag.value).unwrap_or_else(|why| {
            // digits read the same in every language
            if formats.iter().any(|f| joda_parse::has_names(&f.value)) {
                diags.push(Diagnostic::error("date-locale", why).at(tag.span, "not yet"));
            }
            Locale::english()
        }),
    };
    let default_zone = match &zone {
        ZoneOption::Fixed(zone) => *zone,
        ZoneOption::Template(_) => system,
    };
    let mut compiled = Vec::with_capacity(formats.len());
    for format in formats {
        match DateParser::compile(&format.value, default_zone, system, &locale) {
            Ok(parser) => compiled.push(parser),
            Err(e) => {
                let span = part_span(sources, format.span, &format.value, e.range.clone());
                diags.push(Diagnostic::error("date-pattern", e.message).at(span, "here"));
            }
        }
    }
    let mut field = |text: &str, span: Span| match FieldRef::parse_with(text, escape) {
        Ok(r) => Some(r),
        Err(e) => {
            diags.push(
                Diagnostic::fault("field-reference", format!("`{}` is no field reference", e.text))
                    .at(span, "the date filter fails on it at every event"),
            );
            None
        }
    };
    let source = field(&source.value, source.span);
    let target = match &config.target {
        None => Some(FieldRef::top("@timestamp")),
        Some(target) => field(&target.value, target.span),
    };
    if diags.iter().filter(|d| d.stops_run).count() > before {
        return None;
    }
    Some(DateFilter {
        source,
        target,
        uses_clock: compiled.iter().any(DateParser::uses_clock),
        formats: compiled,
        zone,
        tag_on_failure: config.tag_on_failure.clone(),
    })
}

impl DateFilter {
    fn run(&self, event: &mut Event<'_>, clock: &dyn Clock) -> Result<Outcome, Fault> {
        let no_reference =
            |what: &str| Fault::new("filter-raised", format!("the date filter's {what} is no field reference"));
        let source = self.source.as_ref().ok_or_else(|| no_reference("field"))?;
        let value = match event.get(source) {
            None | Some(Value::Null) => return Ok(Outcome::Unmatched),
            Some(value) => value,
        };
        match self.time_of(&value, event, clock)? {
            Some(time) => {
                let target = self.target.as_ref().ok_or_else(|| no_reference("`target`"))?;
                event
                    .set(target, Value::Timestamp(time))
                    .map_err(|e| Fault::new("filter-raised", format!("date: {e}")))?;
                Ok(Outcome::Matched)
            }
            None => {
                for tag in &self.tag_on_failure {
                    event.tag_once(tag);
                }
                Ok(Outcome::Unmatched)
            }
        }
    }

    fn time_of(&self, value: &Value<'_>, event: &Event<'_>, clock: &dyn Clock) -> Result<Option<Timestamp>, Fault> {
        let number = match value {
            Value::Str(text) => return self.time_of_text(text, event, clock),
            Value::Int(i) => Number::Int(*i),
            Value::Float(x) => Number::Float(*x),
            // an integer beyond 64 bits is of no type that the original reads
            Value::Number(text) if text.contains(['.', 'E']) => Number::Decimal(text),
            _ => return Ok(None),
        };
        Ok(self.formats.iter().find_map(|f| f.parse_number(number)))
    }

    fn time_of_text(&self, text: &str, event: &Event<'_>, clock: &dyn Clock) -> Result<Option<Timestamp>, Fault> {
        // `None` is a zone that nobody knows: the formats with a zone fail on this event
        let zone = match &self.zone {
            ZoneOption::Fixed(zone) => Some(*zone),
            ZoneOption::Template(template) => {
                let mut id = String::new();
                template.render(event, clock, &mut id).ok().and_then(|()| Zone::for_id(&id).ok())
            }
        };
        let now = if self.uses_clock { clock.now() } else { Timestamp::EPOCH };
        for format in &self.formats {
            let zone = match zone {
                Some(zone) => zone,
                None if format.uses_zone() => continue,
                None => Zone::Utc,
            };
            match format.parse_in(text, zone, now) {
                Ok(time) => return Ok(Some(time)),
                Err(NoDate::Mismatch) => {}
                Err(NoDate::Raises(why)) => return Err(Fault::new("filter-raised", format!("date: {why}"))),
            }
        }
        Ok(None)
    }
}

impl Filter for DateFilter {
    fn plugin(&self) -> &'static str {
        "date"
    }

    fn apply<'b>(&self, event: &mut Event<'b>, cx: &mut FilterCx<'b, '_>) -> Result<Outcome, Fault> {
        self.run(event, &*cx.world.clock)
    }
}

#[cfg(test)]
mod tests;
