//! Regular expressions of Beats: Go's RE2 syntax, compiled with the crate `regex`.
//!
//! Both are of one family; translated is what differs: `\d \w \s \b` are ASCII in Go, `[` inside brackets and a `{` that
//! counts nothing are plain characters there, and `\Q...\E` quotes. Documentation: <https://github.com/google/re2/wiki/Syntax>.

use regex::{Regex, RegexBuilder};

/// Compiled automata of one expression may take this much memory.
const COMPILED_BYTES_MAX: usize = 10 << 20;

/// Compiles an expression; the error is a sentence without the pattern.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(&translate(pattern)).size_limit(COMPILED_BYTES_MAX).build().map_err(|error| {
        let text = error.to_string();
        text.lines().last().unwrap_or("").trim().trim_start_matches("error: ").to_string()
    })
}

fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let tail = &rest[c.len_utf8()..];
        match c {
            '\\' => {
                let Some(escaped) = tail.chars().next() else {
                    out.push('\\');
                    break;
                };
                rest = &tail[escaped.len_utf8()..];
                match (escaped, in_class) {
                    ('Q', false) => {
                        let (quoted, after) = rest.split_once("\\E").unwrap_or((rest, ""));
                        out.push_str(&regex::escape(quoted));
                        rest = after;
                    }
                    ('d', true) => out.push_str("0-9"),
                    ('w', true) => out.push_str("0-9A-Za-z_"),
                    ('s', true) => out.push_str("\\t\\n\\f\\r "),
                    ('d', false) => out.push_str("[0-9]"),
                    ('w', false) => out.push_str("[0-9A-Za-z_]"),
                    ('s', false) => out.push_str("[\\t\\n\\f\\r ]"),
                    ('D', _) => out.push_str("[^0-9]"),
                    ('W', _) => out.push_str("[^0-9A-Za-z_]"),
                    ('S', _) => out.push_str("[^\\t\\n\\f\\r ]"),
                    ('b', false) => out.push_str("(?-u:\\b)"),
                    ('p' | 'P' | 'x', _) => {
                        out.push('\\');
                        out.push(escaped);
                        if let Some(end) = rest.find('}').filter(|_| rest.starts_with('{')) {
                            out.push_str(&rest[..=end]);
                            rest = &rest[end + 1..];
                        }
                    }
                    // the crate has `\B` without Unicode only on bytes; the Unicode one differs next to non-ASCII letters
                    (escaped, _) => {
                        out.push('\\');
                        out.push(escaped);
                    }
                }
                continue;
            }
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                rest = tail;
                if let Some(after) = rest.strip_prefix('^') {
                    out.push('^');
                    rest = after;
                }
                // a bracket that closes at once is a plain character
                if let Some(after) = rest.strip_prefix(']') {
                    out.push_str("\\]");
                    rest = after;
                }
                continue;
            }
            '[' => match tail.strip_prefix(':').and_then(|t| t.find(":]")) {
                Some(end) => {
                    out.push_str(&rest[..end + 4]);
                    rest = &rest[end + 4..];
                    continue;
                }
                None => out.push_str("\\["),
            },
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(c);
            }
            '-' if in_class && tail.starts_with('-') => out.push_str("\\-"),
            '{' if !in_class && !counts(tail) => out.push_str("\\{"),
            c => out.push(c),
        }
        rest = tail;
    }
    out
}

/// Whether what stands behind a `{` makes it a counter: `n}`, `n,}` or `n,m}`.
fn counts(tail: &str) -> bool {
    let Some((inside, _)) = tail.split_once('}') else { return false };
    let (min, max) = inside.split_once(',').unwrap_or((inside, "0"));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    !min.is_empty() && digits(min) && digits(max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_mean_what_they_mean_in_go() {
        for (pattern, text, fits) in [
            ("^{", "{\"a\"", true),
            ("a{2}", "aa", true),
            ("a{,2}", "a{,2}", true),
            ("x{y}", "x{y}", true),
            (r"^\d$", "٣", false),
            (r"^\d$", "3", true),
            (r"^[\d.]+$", "1.2", true),
            (r"^\w$", "é", false),
            (r"\bé", "é", false),
            (r"^[[]x$", "[x", true),
            (r"^[[:alpha:]]+$", "abc", true),
            (r"^[a&&b]+$", "&", true),
            (r"^[]a]+$", "]a", true),
            (r"^[^]a]$", "b", true),
            (r"^\p{Greek}\x{3b1}$", "αα", true),
            (r"\Qa.b\E", "a.b", true),
            (r"\Qa.b\E", "axb", false),
            (r"(?i)ERROR", "error", true),
            (r"\.gz$", "x.gz", true),
            (r"^\[ALERT|ERROR]", "xERROR]", true),
        ] {
            assert_eq!(
                compile(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}")).is_match(text),
                fits,
                "{pattern} on {text}"
            );
        }
        for pattern in ["(", "[a", "(?<!x)y", r"\1", "\\"] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
    }
}
