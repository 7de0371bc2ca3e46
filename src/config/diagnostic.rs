//! What is wrong with a configuration: one type, independent of how it is shown (see `render`).

use super::source::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Does something surprising, or never works; the program runs.
    Warning,
    /// Will not do what is written.
    Error,
}

/// A place in a source text and what is to be said of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// Kebab-case and stable: users search for it.
    pub id: &'static str,
    pub severity: Severity,
    /// The program cannot run with it (`-t`, `test config` and `run` exit 1); otherwise only `check` reports it as a fault.
    pub stops_run: bool,
    /// One terse sentence, lower case, no period, values in backticks.
    pub message: String,
    /// The exact text at fault; absent only where no text exists (a missing file).
    pub primary: Option<Label>,
    pub secondary: Vec<Label>,
    /// Reasons: why this is so.
    pub notes: Vec<String>,
    /// Remedies: what to do.
    pub helps: Vec<String>,
}

impl Diagnostic {
    fn new(id: &'static str, severity: Severity, stops_run: bool, message: String) -> Diagnostic {
        assert!(
            id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
            "diagnostic ids are kebab-case"
        );
        Diagnostic { id, severity, stops_run, message, primary: None, secondary: vec![], notes: vec![], helps: vec![] }
    }

    /// An error that stops a run.
    pub fn error(id: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(id, Severity::Error, true, message.into())
    }

    /// Something that can never work as written, yet the originals run with it and so do we.
    pub fn fault(id: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(id, Severity::Error, false, message.into())
    }

    /// Something surprising; never stops a run.
    pub fn warning(id: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(id, Severity::Warning, false, message.into())
    }

    /// Points at the text at fault.
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.primary = Some(Label { span, text: text.into() });
        self
    }

    /// Points at further text.
    pub fn with(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    pub fn note(mut self, text: impl Into<String>) -> Diagnostic {
        self.notes.push(text.into());
        self
    }

    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.helps.push(text.into());
        self
    }
}
