//! The named expressions: the sets Logstash ships, and the user's own.
//!
//! The legacy set is what the `grok` crate carries (Apache-2.0, taken from logstash-patterns-core) plus the
//! differences in `patterns/legacy.txt`; the ecs-v1 set is the legacy set plus those in `patterns/ecs-v1.txt`. The
//! two files say what their lines mean. Names, fields and expressions are facts of logstash-patterns-core 4.3.4.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::regexp::{Flags, Regex};

const LEGACY: &str = include_str!("patterns/legacy.txt");
const ECS_V1: &str = include_str!("patterns/ecs-v1.txt");

/// Expressions by name; a later definition of a name wins.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    map: HashMap<String, String>,
}

impl Patterns {
    pub fn empty() -> Patterns {
        Patterns::default()
    }

    /// What `ecs_compatibility => disabled` has.
    pub fn legacy() -> &'static Patterns {
        static SET: LazyLock<Patterns> = LazyLock::new(|| {
            let mut set = Patterns::empty();
            grok::patterns().iter().for_each(|(name, expression)| set.define(name, expression));
            for (name, text) in lines(LEGACY) {
                match text {
                    "!" => _ = set.map.remove(name),
                    text => set.define(name, text),
                }
            }
            set
        });
        &SET
    }

    /// What `ecs_compatibility => v1` and `v8` have.
    pub fn ecs_v1() -> &'static Patterns {
        static SET: LazyLock<Patterns> = LazyLock::new(|| {
            let mut set = Patterns::legacy().clone();
            let carried: HashMap<&str, &str> = grok::patterns().iter().copied().collect();
            let short = Short::new();
            for (name, text) in lines(ECS_V1) {
                let expression = match text {
                    "=" => carried[name].to_string(),
                    text => match text.strip_prefix("<- ") {
                        Some(fields) => short.rename(&set.map[name], fields),
                        None => short.expand(text),
                    },
                };
                set.define(name, &expression);
            }
            set
        });
        &SET
    }

    pub fn define(&mut self, name: &str, expression: &str) {
        self.map.insert(name.to_string(), expression.to_string());
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.map.get(name).map(String::as_str)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.map.keys().map(String::as_str)
    }

    pub fn len(&self) -> usize {
        self.map.len()
    }

    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Reads a patterns file: `NAME expression` per line, `#` lines are comments, a line without an expression is
    /// skipped as Logstash does.
    pub fn define_file(&mut self, text: &str) {
        for (name, expression) in lines(text) {
            self.define(name, expression);
        }
    }
}

/// The definitions in a patterns file. White space at a line's end belongs to the expression.
fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    const SPACE: [char; 6] = [' ', '\t', '\r', '\n', '\x0b', '\x0c'];
    text.split('\n').filter_map(|line| {
        let line = line.strip_suffix('\r').unwrap_or(line).trim_start_matches(SPACE);
        if line.starts_with('#') {
            return None;
        }
        let (name, rest) = line.split_once(SPACE)?;
        let expression = rest.trim_start_matches(SPACE);
        (!expression.is_empty()).then_some((name, expression))
    })
}

/// The shorthand of `ecs-v1.txt`.
struct Short {
    call: Regex,
    group: Regex,
    field: Regex,
}

impl Short {
    fn new() -> Short {
        let compile = |p: &str| Regex::new(p, Flags::default()).expect("a fixed pattern compiles");
        Short {
            call: compile(r"%(?<dash>-?)\{(?<name>\w+) (?<field>[^{}]+)\}"),
            group: compile(r"\(\?<(?<field>[^=!>][^>]*)>"),
            field: compile(r"%\{(?<name>\w+)(?::[^{}]*)?\}|\(\?<(?<group>[^=!>][^>]*)>"),
        }
    }

    /// `a.b:int` as `[a][b]:int`.
    fn reference(field: &str) -> String {
        let (path, kind) = field.split_at(field.find(':').unwrap_or(field.len()));
        match path.contains('.') {
            true => format!("[{}]{kind}", path.replace('.', "][")),
            false => field.to_string(),
        }
    }

    fn rewrite<'t>(
        regex: &Regex,
        text: &'t str,
        mut f: impl FnMut(&dyn Fn(usize) -> Option<&'t str>, &mut String),
    ) -> String {
        let mut out = String::new();
        let mut copied = 0;
        let mut scratch = regex.scratch();
        let done = regex.find_each(text, &mut scratch, |m| {
            let (start, end) = m.get(0).expect("a match has a place");
            out.push_str(&text[copied..start]);
            f(&|n| m.text(n, text), &mut out);
            copied = end;
        });
        done.expect("a fixed pattern stays in its limits");
        out.push_str(&text[copied..]);
        out
    }

    fn expand(&self, text: &str) -> String {
        let text = Self::rewrite(&self.call, text, |group, out| {
            let name = group(2).expect("always set");
            let field = Self::reference(group(3).expect("always set"));
            match group(1) {
                Some("-") => out.push_str(&format!("(?:-|%{{{name}:{field}}})")),
                _ => out.push_str(&format!("%{{{name}:{field}}}")),
            }
        });
        Self::rewrite(&self.group, &text, |group, out| {
            out.push_str(&format!("(?<{}>", Self::reference(group(1).expect("always set"))));
        })
    }

    fn rename(&self, expression: &str, fields: &str) -> String {
        let mut fields = fields.split(' ');
        let out = Self::rewrite(&self.field, expression, |group, out| {
            let field = fields.next().expect("a field for every place");
            match (group(1), field) {
                (Some(name), "-") => out.push_str(&format!("%{{{name}}}")),
                (Some(name), field) => out.push_str(&format!("%{{{name}:{}}}", Self::reference(field))),
                (None, field) => out.push_str(&format!("(?<{}>", Self::reference(field))),
            }
        });
        assert!(fields.next().is_none(), "a place for every field");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sets_have_logstashs_sizes() {
        assert_eq!(Patterns::legacy().len(), 317);
        assert_eq!(Patterns::ecs_v1().len(), 362);
    }

    #[test]
    fn a_patterns_file_is_read_as_logstash_does() {
        let mut set = Patterns::empty();
        set.define_file("# a comment\n  # another\nA  x y \r\n\n  B\tz\nEMPTY\nEMPTY2 \nA again\n");
        assert_eq!(set.get("A"), Some("again"));
        assert_eq!(set.get("B"), Some("z"));
        assert_eq!(set.len(), 2);
    }

    #[test]
    fn the_shorthand_is_written_out() {
        let short = Short::new();
        assert_eq!(short.expand("%{A b} %-{C d.e:int}(?<f.g>h)"), "%{A:b} (?:-|%{C:[d][e]:int})(?<[f][g]>h)");
        assert_eq!(short.rename("%{A:b} %{C} (?<d>e)(?<=f)", "x.y:int - z"), "%{A:[x][y]:int} %{C} (?<z>e)(?<=f)");
    }

    #[test]
    fn ecs_names_the_fields_of_an_access_log() {
        let text = Patterns::ecs_v1().get("HTTPD_COMMONLOG").unwrap();
        assert!(text.contains("(?:-|%{INT:[http][response][status_code]:int})"), "{text}");
        let text = Patterns::ecs_v1().get("SYSLOGBASE").unwrap();
        assert!(text.contains("%{SYSLOGHOST:[host][hostname]}"), "{text}");
    }
}
