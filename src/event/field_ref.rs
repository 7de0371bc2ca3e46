//! Field references: `[a][b]`, `name`, `[@metadata][x]`, compiled once at plan time.
//!
//! Source: Logstash's FieldReference.java (strict tokenizer) and docs/static/field-reference.asciidoc.

use std::fmt;

/// How names that contain `[` or `]` are written (`config.field_reference.escape_style`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EscapeStyle {
    #[default]
    None,
    /// `%5B` and `%5D`.
    Percent,
    /// `&#91;` and `&#93;`.
    Ampersand,
}

/// One step of a path: a name, which is also an index where it is a whole number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    pub name: Box<str>,
    /// The name read as a list index; negative counts from the end.
    pub index: Option<i32>,
}

/// Where a reference starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Root {
    /// The event's fields.
    Event,
    /// Below `[@metadata]`, which never leaves the pipeline.
    Metadata,
}

/// A compiled field reference. With `Root::Metadata` and no steps it names the whole of `[@metadata]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldRef {
    pub root: Root,
    pub steps: Vec<Step>,
}

/// Why a text is no field reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRefError {
    pub text: String,
}

impl fmt::Display for FieldRefError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Invalid FieldReference: `{}`", self.text)
    }
}

impl FieldRef {
    /// Compiles a reference with the default escape style.
    pub fn parse(text: &str) -> Result<FieldRef, FieldRefError> {
        FieldRef::parse_with(text, EscapeStyle::None)
    }

    /// Compiles a reference.
    ///
    /// # Errors
    /// Unbalanced or misplaced brackets and empty elements, as Logstash's strict tokenizer refuses them.
    pub fn parse_with(text: &str, escape: EscapeStyle) -> Result<FieldRef, FieldRefError> {
        let err = || FieldRefError { text: text.to_string() };
        let mut names: Vec<&str> = Vec::new();
        if !text.contains(['[', ']']) {
            // the empty text is a name too, as in Logstash
            names.push(text);
        } else {
            tokenize(text, &mut names).ok_or_else(err)?;
        }
        let mut steps: Vec<Step> = names.into_iter().map(|n| Step::new(&unescape(n, escape))).collect();
        if steps.is_empty() {
            return Err(err());
        }
        if &*steps[0].name == "@metadata" {
            steps.remove(0);
            return Ok(FieldRef { root: Root::Metadata, steps });
        }
        Ok(FieldRef { root: Root::Event, steps })
    }

    /// A reference to one top-level field, whatever its name contains.
    pub fn top(name: &str) -> FieldRef {
        if name == "@metadata" {
            return FieldRef { root: Root::Metadata, steps: vec![] };
        }
        FieldRef { root: Root::Event, steps: vec![Step::new(name)] }
    }

    /// A reference from names, without any parsing.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> FieldRef {
        let mut steps: Vec<Step> = names.into_iter().map(Step::new).collect();
        assert!(!steps.is_empty(), "a field reference has a step");
        if &*steps[0].name == "@metadata" {
            steps.remove(0);
            return FieldRef { root: Root::Metadata, steps };
        }
        FieldRef { root: Root::Event, steps }
    }

    /// The name of the top-level field it lies under; `@metadata` for metadata.
    pub fn top_name(&self) -> &str {
        match self.root {
            Root::Metadata => "@metadata",
            Root::Event => &self.steps[0].name,
        }
    }

    /// True for a plain top-level field of that name.
    pub fn is_top(&self, name: &str) -> bool {
        self.root == Root::Event && self.steps.len() == 1 && &*self.steps[0].name == name
    }

    /// This reference with further steps below it.
    pub fn child(&self, name: &str) -> FieldRef {
        let mut steps = self.steps.clone();
        steps.push(Step::new(name));
        FieldRef { root: self.root, steps }
    }
}

impl Step {
    pub fn new(name: &str) -> Step {
        Step { name: name.into(), index: name.parse().ok() }
    }
}

impl fmt::Display for FieldRef {
    /// `name` for a plain top-level field, `[a][b]` otherwise.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.root == Root::Event && self.steps.len() == 1 {
            return f.write_str(&self.steps[0].name);
        }
        if self.root == Root::Metadata {
            f.write_str("[@metadata]")?;
        }
        for s in &self.steps {
            write!(f, "[{}]", s.name)?;
        }
        Ok(())
    }
}

fn unescape(name: &str, escape: EscapeStyle) -> std::borrow::Cow<'_, str> {
    match escape {
        EscapeStyle::None => name.into(),
        EscapeStyle::Percent if name.contains('%') => {
            name.replace("%5B", "[").replace("%5b", "[").replace("%5D", "]").replace("%5d", "]").into()
        }
        EscapeStyle::Ampersand if name.contains('&') => name.replace("&#91;", "[").replace("&#93;", "]").into(),
        _ => name.into(),
    }
}

/// `[a][b]`, `[[a][b]][c]`; nothing may stand outside the brackets, no element may be empty.
fn tokenize<'t>(text: &'t str, names: &mut Vec<&'t str>) -> Option<()> {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0usize, 0usize);
    // what the current bracket holds so far: nothing, a name, or inner brackets
    let mut held: Vec<bool> = Vec::new();
    while at < bytes.len() {
        match bytes[at] {
            b'[' => {
                depth += 1;
                held.push(false);
                at += 1;
            }
            b']' => {
                if depth == 0 || !held.pop()? {
                    return None;
                }
                depth -= 1;
                if let Some(outer) = held.last_mut() {
                    *outer = true;
                }
                at += 1;
            }
            _ => {
                let end = at + bytes[at..].iter().position(|b| matches!(b, b'[' | b']')).unwrap_or(bytes.len() - at);
                let inner = held.last_mut()?;
                if *inner || bytes.get(end) == Some(&b'[') {
                    return None;
                }
                *inner = true;
                names.push(&text[at..end]);
                at = end;
            }
        }
    }
    (depth == 0).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_that_are_accepted() {
        for (text, names) in [
            ("a", vec!["a"]),
            ("", vec![""]),
            ("[a]", vec!["a"]),
            ("[a][b]", vec!["a", "b"]),
            ("[[a][b]][c]", vec!["a", "b", "c"]),
            ("[[a]]", vec!["a"]),
            ("[a b][0]", vec!["a b", "0"]),
        ] {
            let r = FieldRef::parse(text).unwrap();
            assert_eq!(r.steps.iter().map(|s| &*s.name).collect::<Vec<_>>(), names, "{text}");
        }
        assert_eq!(FieldRef::parse("[@metadata][x]").unwrap().root, Root::Metadata);
        assert_eq!(FieldRef::parse("[@metadata]").unwrap().steps, vec![]);
    }

    #[test]
    fn forms_that_are_refused() {
        for text in ["[", "]", "[]", "[a", "a]", "a[b]", "[a]b", "[a][]", "[a[b]]", "[[a]b]", "[a]]"] {
            assert!(FieldRef::parse(text).is_err(), "{text}");
        }
    }
}
