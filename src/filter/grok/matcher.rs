//! A compiled grok pattern: text in, captures out.

use super::expand::expand;
use super::patterns::Patterns;
use crate::regexp::{self, Flags, MatchError, PatternError, Regex};

/// What becomes of a captured text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureType {
    Text,
    /// Ruby's `to_i`.
    Int,
    /// Ruby's `to_f`.
    Float,
}

/// One field a pattern can set. Two captures may have the same field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The field reference as written: `[a][b]` or `a`.
    pub field: String,
    pub kind: CaptureType,
    group: u32,
}

/// An index into [`Grok::captures_list`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureId(pub usize);

/// Where the groups of the last match of one [`Grok`] lie; one per thread.
pub type Scratch = regexp::Scratch;

/// One pattern, expanded and compiled.
#[derive(Clone, Debug)]
pub struct Grok {
    regex: Regex,
    captures: Vec<Capture>,
}

impl Grok {
    /// Expands and compiles a pattern. `.` matches newlines, as grok compiles with Ruby's MULTILINE.
    ///
    /// `steps_max` limits one match, see [`regexp::MATCH_STEPS_MAX`].
    ///
    /// # Errors
    /// Unknown names and invalid expressions; the range lies in `pattern`, for what a definition brought in it is the
    /// `%{..}` that did.
    pub fn new(pattern: &str, patterns: &Patterns, named_only: bool, steps_max: u32) -> Result<Grok, PatternError> {
        let expanded = expand(pattern, patterns, named_only)?;
        let flags = Flags { dot_newline: true, ..Flags::default() };
        let regex = Regex::with_steps(&expanded.text, flags, steps_max)
            .map_err(|e| PatternError::new(e.message, expanded.origin(e.range)))?;
        // Ruby hands captures out by name, a name's groups together, in the order the names first appear.
        let names = regex.names();
        let mut captures: Vec<Capture> = vec![];
        for (i, name) in names.iter().enumerate() {
            let Some(name) = name else { continue };
            if names[..i].contains(&Some(name.clone())) {
                continue;
            }
            let (field, kind) = field_of(name);
            let groups = names.iter().enumerate().skip(i).filter(|(_, n)| n.as_ref() == Some(name));
            captures.extend(groups.map(|(g, _)| Capture { field: field.to_string(), kind, group: g as u32 + 1 }));
        }
        Ok(Grok { regex, captures })
    }

    /// What a match can set, in the order [`Grok::captures`] hands it out.
    pub fn captures_list(&self) -> &[Capture] {
        &self.captures
    }

    /// Room for one thread's matches; allocates.
    pub fn scratch(&self) -> Scratch {
        self.regex.scratch()
    }

    /// Matches a text and hands out every capture, `None` for those that took no part. Allocates nothing.
    ///
    /// # Errors
    /// See [`MatchError`].
    #[inline]
    pub fn captures<'t>(
        &self,
        text: &'t str,
        scratch: &mut Scratch,
        f: &mut dyn FnMut(CaptureId, Option<&'t str>),
    ) -> Result<bool, MatchError> {
        if !self.regex.captures(text, scratch)? {
            return Ok(false);
        }
        for (i, capture) in self.captures.iter().enumerate() {
            f(CaptureId(i), scratch.text(capture.group as usize, text));
        }
        Ok(true)
    }
}

/// Field and type in a group's name: `pattern:field:type`, or only a field. So `(?<n:int>..)` sets `int`.
fn field_of(name: &str) -> (&str, CaptureType) {
    // Ruby's split drops empty parts at the end
    let mut parts = name.trim_end_matches(':').split(':');
    let pattern = parts.next().expect("split has a first part");
    let field = parts.next().unwrap_or(pattern);
    let kind = match parts.next() {
        Some("int") => CaptureType::Int,
        Some("float") => CaptureType::Float,
        _ => CaptureType::Text,
    };
    (field, kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regexp::MATCH_STEPS_MAX;

    fn run(pattern: &str, text: &str) -> Option<Vec<(String, CaptureType, String)>> {
        let grok = Grok::new(pattern, Patterns::legacy(), true, MATCH_STEPS_MAX).unwrap();
        let mut out = vec![];
        let mut scratch = grok.scratch();
        let found = grok
            .captures(text, &mut scratch, &mut |id, text| {
                let c = &grok.captures_list()[id.0];
                out.extend(text.map(|text| (c.field.clone(), c.kind, text.to_string())));
            })
            .unwrap();
        found.then_some(out)
    }

    #[test]
    fn names_say_field_and_type() {
        let cases = [
            ("%{INT:a}", "a", CaptureType::Text),
            ("%{INT:[a][b]:int}", "[a][b]", CaptureType::Int),
            ("%{INT:a:float}", "a", CaptureType::Float),
            ("%{INT:a:long}", "a", CaptureType::Text),
            ("%{INT:a:int:x}", "a", CaptureType::Int),
            ("(?<a>1)", "a", CaptureType::Text),
            ("(?<a:int>1)", "int", CaptureType::Text),
            ("(?<a:b:int>1)", "b", CaptureType::Int),
        ];
        for (pattern, field, kind) in cases {
            assert_eq!(run(pattern, "1"), Some(vec![(field.into(), kind, "1".into())]), "{pattern}");
        }
    }

    #[test]
    fn captures_come_by_name() {
        let got = run("%{INT:a} %{INT:b} %{INT:a} %{WORD:a}", "1 2 3 x").unwrap();
        let got: Vec<_> = got.iter().map(|(f, _, t)| (f.as_str(), t.as_str())).collect();
        assert_eq!(got, [("a", "1"), ("a", "3"), ("b", "2"), ("a", "x")]);
    }

    #[test]
    fn what_took_no_part_is_not_handed_out() {
        assert_eq!(run("(?<a>x)?(?<b>)", "").unwrap(), [("b".into(), CaptureType::Text, String::new())]);
        assert_eq!(run("%{INT:a}", "none"), None);
    }

    #[test]
    fn errors_lie_in_the_users_pattern() {
        let mut set = Patterns::legacy().clone();
        set.define("BROKEN", "a(b");
        for (pattern, range) in [("%{INT:a} (x", 9..10), ("x %{BROKEN} y", 2..11), ("[z-a]", 1..4)] {
            let error = Grok::new(pattern, &set, true, MATCH_STEPS_MAX).unwrap_err();
            assert_eq!(error.range, range, "{pattern}: {error}");
        }
    }

    #[test]
    fn many_addresses_fit_into_one_pattern() {
        let pattern = format!("^{}$", (0..40).map(|i| format!("%{{IPORHOST:h{i}}}")).collect::<Vec<_>>().join(" "));
        let text = ["10.0.0.1", "::1", "a.example"].repeat(14)[..40].join(" ");
        let got = run(&pattern, &text).unwrap();
        assert_eq!(got.iter().map(|(_, _, t)| t.as_str()).collect::<Vec<_>>().join(" "), text);
    }

    #[test]
    fn a_runaway_pattern_ends_in_its_limit() {
        let grok = Grok::new("^(a+)+(b|c)$", Patterns::legacy(), true, 10_000).unwrap();
        let text = "a".repeat(60) + "d";
        let mut scratch = grok.scratch();
        assert_eq!(grok.captures(&text, &mut scratch, &mut |_, _| {}), Err(MatchError::Limit));
        assert_eq!(grok.captures("aab", &mut scratch, &mut |_, _| {}), Ok(true));
    }

    #[test]
    fn every_pattern_of_both_sets_compiles() {
        for set in [Patterns::legacy(), Patterns::ecs_v1()] {
            for name in set.names() {
                for named_only in [true, false] {
                    let grok = Grok::new(&format!("%{{{name}}}"), set, named_only, MATCH_STEPS_MAX);
                    assert!(grok.is_ok(), "{name}: {grok:?}");
                }
            }
        }
    }
}
