//! How findings are shown: annotated source for people, one JSON object a line for programs.

use std::collections::BTreeMap;
use std::fmt::Write;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};
use serde_json::json;

use super::diagnostic::{Diagnostic, Severity};
use super::source::{FileId, SourceMap, Span};

/// Longer source lines are cut around the span.
pub const SHOWN_COLUMNS_MAX: usize = 140;

/// By file and place; findings without a place come first. Equal places keep their order.
fn sorted(diags: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut sorted: Vec<_> = diags.iter().collect();
    sorted.sort_by_key(|diag| diag.primary.as_ref().map(|label| (label.span.file, label.span.start)));
    sorted
}

/// The span grown to whole characters, so that no span a caller made up can break the rendering.
fn char_range(text: &str, span: Span) -> std::ops::Range<usize> {
    let start = text.floor_char_boundary(span.start as usize);
    start..text.ceil_char_boundary(span.end as usize).max(start)
}

/// All findings for people, in colour for a terminal, ending with a line that counts them. Empty if there are none.
pub fn render(diags: &[Diagnostic], sources: &SourceMap, color: bool) -> String {
    if diags.is_empty() {
        return String::new();
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(SHOWN_COLUMNS_MAX);
    let mut out = String::new();
    for diag in sorted(diags) {
        out.push_str(renderer.render(&report(diag, sources)).trim_end());
        out.push_str("\n\n");
    }
    let _ = writeln!(out, "{}", summary(diags));
    out
}

fn report<'a>(diag: &'a Diagnostic, sources: &'a SourceMap) -> Vec<Group<'a>> {
    let level = match diag.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut files: BTreeMap<Option<FileId>, Vec<Annotation>> = BTreeMap::new();
    let primary_file = diag.primary.as_ref().map(|label| label.span.file);
    let labels = diag.primary.iter().map(|label| (AnnotationKind::Primary, label));
    for (kind, label) in labels.chain(diag.secondary.iter().map(|label| (AnnotationKind::Context, label))) {
        let range = char_range(&sources.file(label.span.file).text, label.span);
        let annotation = kind.span(range);
        let annotation = if label.text.is_empty() { annotation } else { annotation.label(label.text.as_str()) };
        // the file of the primary label is shown first
        let key = (Some(label.span.file) != primary_file).then_some(label.span.file);
        files.entry(key).or_default().push(annotation);
    }
    let mut elements: Vec<Element> = vec![];
    for (key, annotations) in files {
        let file = sources.file(key.or(primary_file).expect("a label lies in a file"));
        elements.push(if file.text.is_empty() {
            Origin::path(file.name.as_str()).line(1).char_column(1).into()
        } else {
            Snippet::source(file.text.as_str()).path(file.name.as_str()).annotations(annotations).into()
        });
    }
    let mut group = level.primary_title(diag.message.as_str()).id(diag.id).elements(elements);
    for note in &diag.notes {
        group = group.element(Level::NOTE.message(note.as_str()));
    }
    for help in &diag.helps {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    vec![group]
}

/// "2 errors, 1 warning"; empty if there are none.
pub fn summary(diags: &[Diagnostic]) -> String {
    let errors = diags.iter().filter(|diag| diag.severity == Severity::Error).count();
    let warnings = diags.len() - errors;
    let plural = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    match (errors, warnings) {
        (0, 0) => String::new(),
        (_, 0) => plural(errors, "error"),
        (0, _) => plural(warnings, "warning"),
        (_, _) => format!("{}, {}", plural(errors, "error"), plural(warnings, "warning")),
    }
}

/// One JSON object a line, in the order of [`render`]: `id`, `severity` (`error` or `warning`), `stops_run`, `message`,
/// `file`, `line`, `column`, `end_line`, `end_column` (from 1, in characters, the end exclusive; null without a place),
/// `label`, `related` (the same places, with their `label`), `notes`, `helps`.
pub fn render_json(diags: &[Diagnostic], sources: &SourceMap) -> String {
    let place = |span: Span| {
        let range = char_range(&sources.file(span.file).text, span);
        let start = sources.locate(Span::new(span.file, range.start, range.start));
        let end = sources.locate(Span::new(span.file, range.end, range.end));
        json!({"file": start.file, "line": start.line, "column": start.column, "end_line": end.line, "end_column": end.column})
    };
    let mut out = String::new();
    for diag in sorted(diags) {
        let mut object = match &diag.primary {
            Some(label) => place(label.span),
            None => json!({"file": null, "line": null, "column": null, "end_line": null, "end_column": null}),
        };
        let severity = match diag.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let related: Vec<_> = diag
            .secondary
            .iter()
            .map(|label| {
                let mut related = place(label.span);
                related["label"] = json!(label.text);
                related
            })
            .collect();
        object["id"] = json!(diag.id);
        object["severity"] = json!(severity);
        object["stops_run"] = json!(diag.stops_run);
        object["message"] = json!(diag.message);
        object["label"] = json!(diag.primary.as_ref().map(|label| &label.text));
        object["related"] = json!(related);
        object["notes"] = json!(diag.notes);
        object["helps"] = json!(diag.helps);
        let _ = writeln!(out, "{object}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> (SourceMap, Vec<Diagnostic>) {
        let mut sources = SourceMap::new();
        let a = sources.add("b/first.conf", "filter {\n  grok { mtch => 1 }\n}\n");
        let b = sources.add("a/second.conf", "解 = \"x\"\n");
        let diags = vec![
            Diagnostic::warning("odd-name", "a name")
                .at(Span::new(b, 0, 3), "here")
                .with(Span::new(a, 0, 6), "used here"),
            Diagnostic::error("unknown-option", "Unknown setting 'mtch' for grok")
                .at(Span::new(a, 18, 22), "no such option")
                .note("a reason")
                .help("did you mean `match`?"),
            Diagnostic::error("config-not-found", "no file"),
        ];
        (sources, diags)
    }

    #[test]
    fn people_see_place_caret_reason_and_remedy_in_order() {
        let (sources, diags) = example();
        let shown = render(&diags, &sources, false);
        let want = [
            "error[config-not-found]: no file",
            "error[unknown-option]: Unknown setting 'mtch' for grok",
            "--> b/first.conf:2:10",
            "2 |   grok { mtch => 1 }",
            "^^^^ no such option",
            "= note: a reason",
            "= help: did you mean `match`?",
            "warning[odd-name]: a name",
            "--> a/second.conf:1:1",
            "::: b/first.conf:1:1",
            "------ used here",
            "2 errors, 1 warning",
        ];
        let mut at = 0;
        for part in want {
            let found = shown[at..].find(part).unwrap_or_else(|| panic!("{part:?} in order in\n{shown}"));
            at += found + part.len();
        }
    }

    #[test]
    fn an_empty_span_at_the_end_has_a_caret() {
        let mut sources = SourceMap::new();
        for text in ["", "input {", "input {\n", "input {\r\n"] {
            let id = sources.add("x.conf", text);
            let diag = Diagnostic::error("syntax", "m").at(Span::new(id, text.len(), text.len()), "");
            let shown = render(&[diag], &sources, false);
            assert!(shown.contains("--> x.conf:"), "{text:?}:\n{shown}");
            assert!(text.is_empty() || shown.contains('^'), "{text:?}:\n{shown}");
        }
    }

    #[test]
    fn json_has_one_object_a_line() {
        let (sources, diags) = example();
        let shown = render_json(&diags, &sources);
        let lines: Vec<serde_json::Value> = shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0]["line"].is_null());
        assert_eq!(
            [&lines[1]["line"], &lines[1]["column"], &lines[1]["end_line"], &lines[1]["end_column"]],
            [&json!(2), &json!(10), &json!(2), &json!(14)]
        );
        assert_eq!(lines[2]["related"][0]["file"], "b/first.conf");
        assert_eq!(lines[2]["end_column"], 2);
    }

    #[test]
    fn a_span_inside_a_character_does_not_panic() {
        let mut sources = SourceMap::new();
        let id = sources.add("x.conf", "解析");
        let diag = Diagnostic::error("syntax", "m").at(Span::new(id, 1, 4), "half");
        assert!(render(std::slice::from_ref(&diag), &sources, true).contains("x.conf:1:1"));
        assert!(render_json(&[diag], &sources).contains("\"column\":1"));
    }

    #[test]
    fn counts() {
        let (_, diags) = example();
        assert_eq!(summary(&[]), "");
        assert_eq!(summary(&diags[..1]), "1 warning");
        assert_eq!(summary(&diags[1..]), "2 errors");
    }
}
