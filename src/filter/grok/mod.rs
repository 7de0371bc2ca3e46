//! grok: fields out of text by named regular expressions.
//!
//! The original: logstash-filter-grok 4.4 on Logstash 8.19 with jls-grok 0.11
//! (<https://www.elastic.co/docs/reference/logstash/plugins/plugins-filters-grok>). Fields of `match` are tried in the
//! order of Java's HashMap; a list is tried element by element; a capture into a field that is there makes or extends a
//! list if that is a string or a list and is dropped otherwise; a field that cannot be set fails the whole try.
//!
//! Deviations: time is not watched, steps are counted, so that a runaway pattern ends after the same work on every
//! machine ([`STEPS_PER_MS`], at most [`MATCH_STEPS_MAX`], also with `timeout_millis => 0`); patterns below
//! `$LOGSTASH_HOME/patterns` are not loaded.
//!
//! Belongs here: named patterns, their expansion, the filter. Must not be here: the regular expressions' dialect
//! (`regexp`).

#[cfg(test)]
mod differential;
pub mod expand;
pub mod matcher;
pub mod patterns;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::{Fault, Filter, FilterCx, Outcome, Slot};
use crate::config::diagnostic::Diagnostic;
use crate::config::logstash::ast::{Value as Given, part_span};
use crate::config::options::{OptType, OptionSpec, Options};
use crate::config::source::{SourceMap, Spanned};
use crate::event::number::{ruby_to_f, ruby_to_i};
use crate::event::{EscapeStyle, Event, FieldRef, Value, ruby};
use crate::regexp::{MATCH_STEPS_MAX, MatchError, PatternError};
use crate::world::Fs;
use matcher::{CaptureType, Grok, Scratch};
use patterns::Patterns;

/// What one millisecond of `timeout_millis` buys. PCRE2's JIT does ten to a hundred thousand steps in that time; the
/// original's engine is slower.
pub const STEPS_PER_MS: u64 = 10_000;
/// Size of one patterns file.
pub const PATTERNS_FILE_BYTES_MAX: usize = 16 << 20;

/// The filter's own options.
pub const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("match", OptType::Hash),
    OptionSpec::new("pattern_definitions", OptType::Hash),
    OptionSpec::new("patterns_dir", OptType::Array),
    OptionSpec::new("patterns_files_glob", OptType::String),
    OptionSpec::new("break_on_match", OptType::Boolean),
    OptionSpec::new("named_captures_only", OptType::Boolean),
    OptionSpec::new("keep_empty_captures", OptType::Boolean),
    OptionSpec::new("target", OptType::String),
    OptionSpec::new("overwrite", OptType::Array),
    OptionSpec::new("tag_on_failure", OptType::Array),
    OptionSpec::new("tag_on_timeout", OptType::String),
    OptionSpec::new("timeout_millis", OptType::Number),
    OptionSpec::new("timeout_scope", OptType::OneOf(&["pattern", "event"])),
    OptionSpec::new("ecs_compatibility", OptType::OneOf(&["disabled", "v1", "v8"])),
];

/// The options, read.
#[derive(Clone, Debug)]
pub struct Config {
    /// Field and patterns, in the order in which they are tried.
    pub matches: Vec<(Spanned<String>, Vec<Spanned<String>>)>,
    pub pattern_definitions: Vec<(Spanned<String>, Spanned<String>)>,
    pub patterns_dir: Vec<Spanned<String>>,
    pub patterns_files_glob: String,
    pub break_on_match: bool,
    pub named_captures_only: bool,
    pub keep_empty_captures: bool,
    pub target: Option<Spanned<String>>,
    pub overwrite: Vec<Spanned<String>>,
    pub tag_on_failure: Vec<String>,
    pub tag_on_timeout: String,
    /// Milliseconds; 0 leaves only the engine's own limit.
    pub timeout_ms: u64,
    /// The steps are shared by all patterns tried on one event.
    pub timeout_per_event: bool,
    /// ecs-v1 patterns instead of the legacy ones.
    pub ecs: bool,
}

impl Config {
    /// Takes the options out; `ecs` is the pipeline's `ecs_compatibility` where the filter sets none.
    pub fn new(options: &Options, ecs: bool, diags: &mut Vec<Diagnostic>) -> Config {
        let texts = |value: &Spanned<Given>| -> Vec<Spanned<String>> {
            match &value.value {
                Given::Array(items) => {
                    items.iter().filter_map(|i| Some(Spanned::new(i.value.scalar()?, i.span))).collect()
                }
                other => other.scalar().into_iter().map(|text| Spanned::new(text, value.span)).collect(),
            }
        };
        let mut matches = vec![];
        for (field, value) in options.hash_applied("match") {
            let patterns = texts(&value);
            if patterns.is_empty() {
                let message = format!("`match` of the grok filter has no pattern for `{}`", field.value);
                diags.push(
                    Diagnostic::error("wrong-type", message).at(value.span, "neither a pattern nor a list of them"),
                );
            }
            matches.push((field, patterns));
        }
        let mut pattern_definitions = vec![];
        for (name, value) in options.hash("pattern_definitions") {
            match value.value.scalar() {
                Some(text) => pattern_definitions.push((name, Spanned::new(text, value.span))),
                None => {
                    let message = format!("the definition of the grok pattern `{}` must be a string", name.value);
                    diags.push(Diagnostic::error("wrong-type", message).at(value.span, "not a string"));
                }
            }
        }
        let string = |name: &str, default: &str| options.string(name).map_or(default.to_string(), |s| s.value);
        let strings = |name: &str, default: &str| match options.is_set(name) {
            true => options.strings(name).into_iter().map(|s| s.value).collect(),
            false => vec![default.to_string()],
        };
        let timeout = options.number("timeout_millis").map_or(30_000.0, |n| n.value.as_f64());
        Config {
            matches,
            pattern_definitions,
            patterns_dir: options.strings("patterns_dir"),
            patterns_files_glob: string("patterns_files_glob", "*"),
            break_on_match: options.boolean("break_on_match", true),
            named_captures_only: options.boolean("named_captures_only", true),
            keep_empty_captures: options.boolean("keep_empty_captures", false),
            target: options.string("target"),
            overwrite: options.strings("overwrite"),
            tag_on_failure: strings("tag_on_failure", "_grokparsefailure"),
            tag_on_timeout: string("tag_on_timeout", "_groktimeout"),
            timeout_ms: timeout.max(0.0) as u64,
            timeout_per_event: string("timeout_scope", "pattern") == "event",
            ecs: options.string("ecs_compatibility").map_or(ecs, |s| s.value != "disabled"),
        }
    }

    fn steps_max(&self) -> u32 {
        // one budget for all of an event's patterns: each gets its share
        let tries = match self.timeout_per_event {
            true => self.matches.iter().map(|(_, p)| p.len()).sum::<usize>().max(1) as u64,
            false => 1,
        };
        match self.timeout_ms {
            0 => MATCH_STEPS_MAX,
            ms => (ms.saturating_mul(STEPS_PER_MS) / tries).clamp(1, u64::from(MATCH_STEPS_MAX)) as u32,
        }
    }

    /// The patterns this filter knows: the shipped set, the files of `patterns_dir`, `pattern_definitions`.
    fn patterns(&self, fs: &dyn Fs, diags: &mut Vec<Diagnostic>) -> Cow<'static, Patterns> {
        let set = if self.ecs { Patterns::ecs_v1() } else { Patterns::legacy() };
        if self.patterns_dir.is_empty() && self.pattern_definitions.is_empty() {
            return Cow::Borrowed(set);
        }
        let mut set = set.clone();
        for dir in &self.patterns_dir {
            for file in pattern_files(dir, &self.patterns_files_glob, fs, diags) {
                match fs.read(&file, PATTERNS_FILE_BYTES_MAX) {
                    Ok(bytes) => set.define_file(&String::from_utf8_lossy(&bytes)),
                    Err(e) => {
                        let message = format!("cannot read the grok patterns file `{}`: {e}", file.display());
                        diags.push(Diagnostic::error("patterns-file", message).at(dir.span, "of this `patterns_dir`"));
                    }
                }
            }
        }
        for (name, text) in &self.pattern_definitions {
            // Ruby's chomp
            let text = text.value.strip_suffix('\n').unwrap_or(&text.value);
            set.define(&name.value, text.strip_suffix('\r').unwrap_or(text));
        }
        Cow::Owned(set)
    }
}

/// A folder stands for its files under the glob; anything else is a glob itself. One that finds nothing is silent in the
/// original; here it is a warning.
fn pattern_files(dir: &Spanned<String>, glob: &str, fs: &dyn Fs, diags: &mut Vec<Diagnostic>) -> Vec<PathBuf> {
    let path = Path::new(&dir.value);
    let (folder, glob) = match fs.stat(path) {
        Ok(stat) if stat.kind == crate::world::fs::FileKind::Dir => (path, glob),
        Ok(_) => return vec![path.to_path_buf()],
        Err(_) => (path.parent().unwrap_or(Path::new("")), path.file_name().and_then(|n| n.to_str()).unwrap_or("")),
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let matcher = match globset::GlobBuilder::new(glob).literal_separator(true).build() {
        Ok(glob) => glob.compile_matcher(),
        Err(e) => {
            let message = format!("invalid glob `{glob}` for grok patterns files");
            diags.push(Diagnostic::error("patterns-file", message).at(dir.span, e.kind().to_string()));
            return vec![];
        }
    };
    let hidden = glob.starts_with('.');
    let files: Vec<PathBuf> = fs
        .list(folder)
        .unwrap_or_default()
        .into_iter()
        .filter(|e| hidden || !e.name.as_encoded_bytes().starts_with(b"."))
        .filter(|e| matcher.is_match(&e.name))
        .map(|e| folder.join(&e.name))
        .filter(|p| fs.stat(p).is_ok_and(|s| s.kind != crate::world::fs::FileKind::Dir))
        .collect();
    if files.is_empty() {
        let message = format!("no grok patterns file is found under `{}`", dir.value);
        diags.push(Diagnostic::warning("patterns-file", message).at(dir.span, "nothing here"));
    }
    files
}

/// The filter, compiled.
pub struct GrokFilter {
    fields: Vec<Field>,
    break_on_match: bool,
    keep_empty: bool,
    tag_on_failure: Vec<String>,
    tag_on_timeout: String,
    slot: Slot,
}

/// One field of `match`.
struct Field {
    /// `None` where it is no field reference: reading it fails then, as in the original.
    source: Option<FieldRef>,
    patterns: Vec<Pattern>,
}

struct Pattern {
    grok: Grok,
    /// Where each capture goes, in the order of [`Grok::captures_list`].
    targets: Vec<Target>,
    /// Its place in the worker's scratch.
    index: usize,
}

struct Target {
    /// `None` where it is no field reference: setting it fails then, as in the original.
    field: Option<FieldRef>,
    kind: CaptureType,
    overwrite: bool,
}

/// Compiles the filter. What is wrong goes to `diags`; `None` if it cannot run.
pub fn build(
    config: &Config,
    escape: EscapeStyle,
    slot: Slot,
    sources: &SourceMap,
    fs: &dyn Fs,
    diags: &mut Vec<Diagnostic>,
) -> Option<GrokFilter> {
    let before = diags.iter().filter(|d| d.stops_run).count();
    let patterns = config.patterns(fs, diags);
    let target = config.target.as_ref().map(|t| match t.value.contains('[') && t.value.contains(']') {
        true => t.value.clone(),
        false => format!("[{}]", t.value.trim()),
    });
    let mut fields = vec![];
    let mut index = 0;
    for (name, texts) in &config.matches {
        let source = FieldRef::parse_with(&name.value, escape);
        if let Err(e) = &source {
            diags.push(
                Diagnostic::fault("field-reference", format!("`{}` is no field reference", e.text))
                    .at(name.span, "grok always fails on it"),
            );
        }
        let mut compiled = vec![];
        for text in texts {
            let grok = match Grok::new(&text.value, &patterns, config.named_captures_only, config.steps_max()) {
                Ok(grok) => grok,
                Err(e) => {
                    diags.push(located(text, &e, sources));
                    continue;
                }
            };
            let targets = grok.captures_list().iter().map(|capture| {
                let whole = match &target {
                    Some(target) => format!("{target}[{}]", capture.field),
                    None => capture.field.clone(),
                };
                let field = FieldRef::parse_with(&whole, escape).ok();
                if field.is_none() {
                    diags.push(
                        Diagnostic::fault("field-reference", format!("`{whole}` is no field reference"))
                            .at(text.span, "a match of this pattern always fails"),
                    );
                }
                let overwrite = config.overwrite.iter().any(|o| o.value == capture.field);
                Target { field, kind: capture.kind, overwrite }
            });
            let targets = targets.collect();
            compiled.push(Pattern { grok, targets, index });
            index += 1;
        }
        fields.push(Field { source: source.ok(), patterns: compiled });
    }
    if diags.iter().filter(|d| d.stops_run).count() > before {
        return None;
    }
    Some(GrokFilter {
        fields,
        break_on_match: config.break_on_match,
        keep_empty: config.keep_empty_captures,
        tag_on_failure: config.tag_on_failure.clone(),
        tag_on_timeout: config.tag_on_timeout.clone(),
        slot,
    })
}

/// A pattern's fault at its place in the configuration.
fn located(pattern: &Spanned<String>, error: &PatternError, sources: &SourceMap) -> Diagnostic {
    let span = part_span(sources, pattern.span, &pattern.value, error.range.clone());
    let id = if error.message.ends_with("not defined") { "grok-unknown-pattern" } else { "grok-bad-pattern" };
    let diag = Diagnostic::error(id, error.message.clone()).at(span, "here");
    match span == pattern.span {
        true => diag.note(format!("at `{}`", &pattern.value[error.range.clone()])),
        false => diag,
    }
}

/// How a try on one text ended.
enum Tried {
    Match(bool),
    /// A field could not be set; the original raises here and takes it for no match.
    Raised,
    Timeout,
}

impl Filter for GrokFilter {
    fn plugin(&self) -> &'static str {
        "grok"
    }

    fn apply<'b>(&self, event: &mut Event<'b>, cx: &mut FilterCx<'b, '_>) -> Result<Outcome, Fault> {
        Ok(self.run(event, cx.scratch.get(self.slot, Vec::new)))
    }
}

impl GrokFilter {
    fn run(&self, event: &mut Event<'_>, scratch: &mut Vec<Option<Scratch>>) -> Outcome {
        let mut matched = false;
        for field in &self.fields {
            match self.field(field, event, scratch) {
                Tried::Match(true) => matched = true,
                Tried::Match(false) | Tried::Raised => continue,
                Tried::Timeout => {
                    event.tag_once(&self.tag_on_timeout);
                    return Outcome::Unmatched;
                }
            }
            if self.break_on_match {
                break;
            }
        }
        if matched {
            return Outcome::Matched;
        }
        self.tag_on_failure.iter().for_each(|tag| event.tag_once(tag));
        Outcome::Unmatched
    }

    fn field<'b>(&self, field: &Field, event: &mut Event<'b>, scratch: &mut Vec<Option<Scratch>>) -> Tried {
        let Some(source) = &field.source else { return Tried::Raised };
        let Some(Value::List(items)) = event.get(source) else {
            let value = event.get(source).unwrap_or(Value::Null);
            return self.value(field, value, event, scratch);
        };
        let mut any = false;
        for item in items {
            match self.value(field, *item, event, scratch) {
                Tried::Match(hit) => any |= hit,
                end => return end,
            }
        }
        Tried::Match(any)
    }

    /// The result of the last pattern counts, unless one match is enough.
    fn value<'b>(
        &self,
        field: &Field,
        value: Value<'b>,
        event: &mut Event<'b>,
        scratch: &mut Vec<Option<Scratch>>,
    ) -> Tried {
        let text: &'b str = match value {
            Value::Str(s) => s,
            Value::Null => "",
            other => event.arena().alloc_str(&ruby::to_s(&other)),
        };
        let mut hit = false;
        for pattern in &field.patterns {
            if scratch.len() <= pattern.index {
                scratch.resize_with(pattern.index + 1, || None);
            }
            let scratch = scratch[pattern.index].get_or_insert_with(|| pattern.grok.scratch());
            let mut raised = false;
            let found = pattern.grok.captures(text, scratch, &mut |id, captured| {
                if !raised {
                    raised = !self.keep(&pattern.targets[id.0], captured, event);
                }
            });
            hit = match found {
                Ok(hit) => hit,
                Err(MatchError::Limit) => return Tried::Timeout,
                Err(MatchError::Engine(_)) => return Tried::Raised,
            };
            if raised {
                return Tried::Raised;
            }
            if hit && self.break_on_match {
                break;
            }
        }
        Tried::Match(hit)
    }

    /// Puts a capture into the event; false if the field cannot be set.
    fn keep<'b>(&self, target: &Target, captured: Option<&'b str>, event: &mut Event<'b>) -> bool {
        let value = match (captured, target.kind) {
            (None, _) if self.keep_empty => Value::Null,
            (Some(""), CaptureType::Text) if self.keep_empty => Value::Str(""),
            (None, _) | (Some(""), CaptureType::Text) => return true,
            (Some(text), CaptureType::Text) => Value::Str(text),
            (Some(text), CaptureType::Float) => Value::Float(ruby_to_f(text)),
            (Some(text), CaptureType::Int) => match ruby_to_i(text) {
                Ok(n) => Value::Int(n),
                Err(digits) => Value::Number(event.arena().alloc_str(&digits)),
            },
        };
        let Some(field) = &target.field else { return false };
        let arena = event.arena();
        let value = match event.get(field) {
            _ if target.overwrite => value,
            None | Some(Value::Null) => value,
            Some(Value::List(old)) => {
                let list = arena.alloc_slice_fill_with(old.len() + 1, |i| old.get(i).copied().unwrap_or(value));
                Value::List(list)
            }
            Some(old @ Value::Str(_)) => Value::List(arena.alloc_slice_copy(&[old, value])),
            Some(_) => return true,
        };
        event.set(field, value).is_ok()
    }
}
