//! The regular expressions of conditions and `gsub`: the one place that knows which engine runs them.

use std::fmt;

/// A compiled pattern in Ruby's dialect without options: `^` and `$` are line anchors, `.` stops at a newline.
pub struct Pattern {
    text: String,
    regex: pcre2::bytes::Regex,
}

/// Where the groups of a match lie.
pub struct Groups(pcre2::bytes::CaptureLocations);

impl Groups {
    /// The byte range of a group; `None` when it took no part.
    pub fn get(&self, n: usize) -> Option<(usize, usize)> {
        self.0.get(n)
    }
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// Why it is no regular expression.
    pub fn compile(text: &str) -> Result<Pattern, String> {
        let regex = pcre2::bytes::RegexBuilder::new()
            .utf(true)
            .multi_line(true)
            .jit_if_available(true)
            .build(text)
            .map_err(|e| e.to_string())?;
        Ok(Pattern { text: text.to_string(), regex })
    }

    /// The pattern as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True when it matches somewhere.
    ///
    /// # Errors
    /// The match took more steps than allowed.
    pub fn is_match(&self, text: &str) -> Result<bool, String> {
        self.regex.is_match(text.as_bytes()).map_err(|e| e.to_string())
    }

    /// Room for the groups of a match.
    pub fn groups(&self) -> Groups {
        Groups(self.regex.capture_locations())
    }

    /// The number of the last group of that name which took part in the match, or of the last at all.
    pub fn group_named(&self, name: &str) -> Option<usize> {
        self.regex.capture_names().iter().rposition(|n| n.as_deref() == Some(name))
    }

    /// Finds the first match that starts at `at` or later.
    ///
    /// # Errors
    /// As [`Pattern::is_match`].
    pub fn find_at(&self, text: &str, at: usize, groups: &mut Groups) -> Result<bool, String> {
        self.regex.captures_read_at(&mut groups.0, text.as_bytes(), at).map(|m| m.is_some()).map_err(|e| e.to_string())
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.text)
    }
}
