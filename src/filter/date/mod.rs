//! The date filter: a text or number of the event becomes its time.
//!
//! Original: <https://www.elastic.co/guide/en/logstash/8.19/plugins-filters-date.html>.
//!
//! Belongs here: reading dates. Must not be here: printing them (`event::time_format`).

mod fast;
mod fields;
mod joda_parse;
mod locales;
mod parser;

pub use locales::Locale;
pub use parser::{DateParser, NoDate, Number};
