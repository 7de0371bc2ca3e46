//! `mutate` out of its options.

use super::{Config, FAILURE_TAG, Field, Gsub, Kind, Mutate, Needle, Separator};
use crate::config::build::{BuildCx, ruby_array, ruby_inspect, ruby_text};
use crate::config::diagnostic::Diagnostic;
use crate::config::logstash::ast::Value;
use crate::config::options::{OptType, OptionSpec, Options};
use crate::config::source::Spanned;
use crate::event::Template;
use crate::filter::Filter;
use crate::regexp::Regex;

/// The options of `mutate`.
pub const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("coerce", OptType::Hash),
    OptionSpec::new("rename", OptType::Hash),
    OptionSpec::new("update", OptType::Hash),
    OptionSpec::new("replace", OptType::Hash),
    OptionSpec::new("convert", OptType::Hash),
    OptionSpec::new("gsub", OptType::Values),
    OptionSpec::new("uppercase", OptType::Array),
    OptionSpec::new("capitalize", OptType::Array),
    OptionSpec::new("lowercase", OptType::Array),
    OptionSpec::new("strip", OptType::Array),
    OptionSpec::new("split", OptType::Hash),
    OptionSpec::new("join", OptType::Hash),
    OptionSpec::new("merge", OptType::Hash),
    OptionSpec::new("copy", OptType::Hash),
    OptionSpec::new("tag_on_failure", OptType::String),
];

/// Builds the filter; what is wrong is reported and left out.
pub fn build(options: &Options, cx: &mut BuildCx<'_>) -> Option<Box<dyn Filter>> {
    let config = Config {
        coerce: texts(options, "coerce", cx),
        rename: options
            .hash_applied("rename")
            .into_iter()
            .map(|(old, new)| (cx.name(&old.value, old.span), cx.name(&ruby_text(&new.value), new.span)))
            .collect(),
        update: texts(options, "update", cx),
        replace: texts(options, "replace", cx),
        convert: convert(options, cx),
        gsub: gsub(options, cx),
        uppercase: fields(options, "uppercase", cx),
        capitalize: fields(options, "capitalize", cx),
        lowercase: fields(options, "lowercase", cx),
        strip: fields(options, "strip", cx),
        split: separators(options, "split", cx),
        join: separators(options, "join", cx),
        merge: options
            .hash_applied("merge")
            .into_iter()
            .map(|(dest, added)| {
                let added = ruby_array(&added).iter().map(|a| field_value(a, cx)).collect();
                (cx.late_field(&dest.value, dest.span), added)
            })
            .collect(),
        copy: options
            .hash_applied("copy")
            .into_iter()
            .map(|(from, to)| (cx.late_field(&from.value, from.span), field_value(&to, cx)))
            .collect(),
        tag_on_failure: options.string("tag_on_failure").map_or_else(|| FAILURE_TAG.into(), |t| t.value),
    };
    Some(Box::new(Mutate::new(config)))
}

fn texts(options: &Options, name: &str, cx: &mut BuildCx<'_>) -> Vec<(Field, Template)> {
    options
        .hash_applied(name)
        .into_iter()
        .map(|(field, text)| (cx.late_field(&field.value, field.span), cx.template(&ruby_text(&text.value), text.span)))
        .collect()
}

fn fields(options: &Options, name: &str, cx: &mut BuildCx<'_>) -> Vec<Field> {
    options.strings(name).into_iter().map(|f| cx.late_field(&f.value, f.span)).collect()
}

/// A value that names a field: only a text does.
fn field_value(value: &Spanned<Value>, cx: &mut BuildCx<'_>) -> Field {
    match &value.value {
        Value::String(s) | Value::Bareword(s) => cx.late_field(s, value.span),
        other => Err(unusable(other, value, "a field reference", cx)),
    }
}

fn separators(options: &Options, name: &str, cx: &mut BuildCx<'_>) -> Vec<(Field, Separator)> {
    options
        .hash_applied(name)
        .into_iter()
        .map(|(field, separator)| {
            let separator = match &separator.value {
                Value::String(s) | Value::Bareword(s) => Ok(s.clone()),
                other => Err(unusable(other, &separator, "a separator", cx)),
            };
            (cx.late_field(&field.value, field.span), separator)
        })
        .collect()
}

/// What the original takes when it starts and then fails on with every event.
fn unusable(found: &Value, at: &Spanned<Value>, wanted: &str, cx: &mut BuildCx<'_>) -> String {
    let why = format!("{} is no {}", found.kind(), wanted.trim_start_matches("a "));
    cx.report(
        Diagnostic::fault("wrong-value", why.clone())
            .at(at.span, format!("must be {wanted}"))
            .note("the filter fails on every event here"),
    );
    why
}

fn convert(options: &Options, cx: &mut BuildCx<'_>) -> Vec<(Field, Kind)> {
    let mut out = Vec::new();
    for (field, kind) in options.hash_applied("convert") {
        let text = ruby_text(&kind.value);
        match Kind::by_name(&text) {
            Some(kind) => out.push((cx.late_field(&field.value, field.span), kind)),
            None => {
                let all: Vec<&str> = Kind::ALL.iter().map(|(n, _)| *n).collect();
                let message = format!("Invalid conversion type '{text}', expected one of '{}'", all.join(","));
                cx.report(Diagnostic::error("bad-conversion", message).at(kind.span, "no type to convert to"));
            }
        }
    }
    out
}

fn gsub(options: &Options, cx: &mut BuildCx<'_>) -> Vec<Gsub> {
    let Some(Spanned { value: Value::Array(items), span }) = options.raw("gsub") else { return vec![] };
    let mut out = Vec::new();
    for triple in items.chunks(3) {
        let [field, needle, replacement] = triple else {
            let mut shown: Vec<String> = triple.iter().map(|v| ruby_inspect(&v.value)).collect();
            shown.resize(3, "nil".into());
            let message = format!(
                "Invalid gsub configuration [{}]. gsub requires 3 non-nil elements per config entry",
                shown.join(", ")
            );
            let at = triple.first().map_or(*span, |v| v.span);
            cx.report(Diagnostic::error("bad-gsub", message).at(at, "field, pattern and replacement belong together"));
            continue;
        };
        let pattern = ruby_text(&needle.value);
        let field = field_value(field, cx);
        let replacement = cx.template(&ruby_text(&replacement.value), replacement.span);
        if pattern.contains("%{") {
            let needle = Needle::Template(cx.template(&pattern, needle.span));
            out.push(Gsub { field, needle, replacement, slot: cx.slot() });
            continue;
        }
        match Regex::new(&pattern, Default::default()) {
            Ok(regex) => out.push(Gsub::new(field, regex, replacement, cx.slot())),
            Err(e) => cx
                .report(Diagnostic::error("bad-regex", format!("{e}: /{pattern}/")).at(needle.span, "in this pattern")),
        }
    }
    out
}
