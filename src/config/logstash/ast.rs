//! The tree of a Logstash configuration. Every node carries the span it was written at.

use std::fmt;
use std::ops::Range;

use crate::config::source::{SourceMap, Span, Spanned};

/// One text: its sections in the order written. Several texts are joined section kind by section kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    pub sections: Vec<Section>,
}

impl Config {
    /// The bodies of all sections of one kind, in the order written.
    pub fn statements(&self, kind: SectionKind) -> impl Iterator<Item = &Stmt> {
        self.sections.iter().filter(move |s| s.kind == kind).flat_map(|s| s.body.iter())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SectionKind {
    Input,
    Filter,
    Output,
}

impl fmt::Display for SectionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SectionKind::Input => "input",
            SectionKind::Filter => "filter",
            SectionKind::Output => "output",
        })
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    pub kind: SectionKind,
    /// The word `input`, `filter` or `output`.
    pub keyword: Span,
    pub body: Vec<Stmt>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Stmt {
    Plugin(Plugin),
    Branch(Branch),
}

/// `name { option => value ... }`, as a statement or (a codec) as a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Plugin {
    /// As written; a quoted name keeps its quotes, as Logstash then looks for a plugin with quotes in its name.
    pub name: Spanned<String>,
    /// In the order written, repeated names included; [`crate::config::options::Options`] merges them.
    pub attrs: Vec<Attr>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Attr {
    /// Without quotes.
    pub name: Spanned<String>,
    pub value: Spanned<Value>,
}

/// A number as Logstash's compiler reads it: with a dot a double, without an integer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Int(i) => i as f64,
            Number::Float(f) => f,
        }
    }

    /// The integer, or `None` for a float (Ruby's plugins get the float as it is; most then cut it off with `to_i`).
    pub fn as_int(self) -> Option<i64> {
        match self {
            Number::Int(i) => Some(i),
            Number::Float(_) => None,
        }
    }
}

impl fmt::Display for Number {
    /// As Ruby prints it where a string is wanted: `5`, `5.0`, `0.25`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Number::Int(i) => write!(f, "{i}"),
            Number::Float(x) => {
                let abs = x.abs();
                if x.is_infinite() {
                    f.write_str(if x > 0.0 { "Infinity" } else { "-Infinity" })
                } else if abs != 0.0 && !(1e-4..1e16).contains(&abs) {
                    let s = format!("{x:e}");
                    let (mantissa, exponent) = s.split_once('e').expect("`{:e}` prints an exponent");
                    let dot = if mantissa.contains('.') { "" } else { ".0" };
                    let (sign, digits) = match exponent.strip_prefix('-') {
                        Some(digits) => ('-', digits),
                        None => ('+', exponent),
                    };
                    write!(f, "{mantissa}{dot}e{sign}{digits:0>2}")
                } else {
                    write!(f, "{x:?}")
                }
            }
        }
    }
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Plugin(Box<Plugin>),
    Bareword(String),
    /// Without its quotes; escapes are already processed when `config.support_escapes` is on. The span includes the quotes.
    String(String),
    Number(Number),
    Array(Vec<Spanned<Value>>),
    Hash(Vec<Entry>),
}

/// `key => value` of a hash. Keys are unique; of equal keys the last one's value stands at the first one's place.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub key: Spanned<String>,
    pub value: Spanned<Value>,
}

impl Value {
    /// What it is called in messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Plugin(_) => "a plugin",
            Value::Bareword(_) => "a bareword",
            Value::String(_) => "a string",
            Value::Number(_) => "a number",
            Value::Array(_) => "an array",
            Value::Hash(_) => "a hash",
        }
    }

    /// The text of a scalar: a string or bareword as it is, a number as Ruby prints it.
    pub fn scalar(&self) -> Option<String> {
        match self {
            Value::Bareword(s) | Value::String(s) => Some(s.clone()),
            Value::Number(n) => Some(n.to_string()),
            Value::Plugin(_) | Value::Array(_) | Value::Hash(_) => None,
        }
    }
}

/// `if ... else if ... else ...`: the first arm whose condition holds is taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    pub arms: Vec<Arm>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Arm {
    /// `None` is the `else` arm; it is the last one.
    pub cond: Option<Spanned<Expr>>,
    pub body: Vec<Stmt>,
    /// From `if` or `else` to the closing brace.
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    Eq,
    Ne,
    Lt,
    Gt,
    Le,
    Ge,
}

impl fmt::Display for CompareOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CompareOp::Eq => "==",
            CompareOp::Ne => "!=",
            CompareOp::Lt => "<",
            CompareOp::Gt => ">",
            CompareOp::Le => "<=",
            CompareOp::Ge => ">=",
        })
    }
}

/// A condition, grouped as Logstash groups it (see `condition`): evaluate it as the tree stands.
///
/// What Logstash's compiler refuses has been reported and stands here as [`Expr::Invalid`].
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    And(Box<Spanned<Expr>>, Box<Spanned<Expr>>),
    Or(Box<Spanned<Expr>>, Box<Spanned<Expr>>),
    Xor(Box<Spanned<Expr>>, Box<Spanned<Expr>>),
    Nand(Box<Spanned<Expr>>, Box<Spanned<Expr>>),
    Not(Box<Spanned<Expr>>),
    /// Both sides are a string, a number or a selector.
    Compare {
        op: CompareOp,
        left: Spanned<RValue>,
        right: Spanned<RValue>,
    },
    /// `=~`, or `!~` when negated. The left side is a string or a selector.
    Match {
        negated: bool,
        left: Spanned<RValue>,
        pattern: Spanned<Pattern>,
    },
    /// `in`, or `not in` when negated. Both sides are a string, a number, a selector or an array.
    In {
        negated: bool,
        item: Spanned<RValue>,
        list: Spanned<RValue>,
    },
    /// A value alone: a selector, or (as the whole condition only) a string or a number.
    Truthy(RValue),
    /// Could not be read; an error has been reported.
    Invalid,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RValue {
    String(String),
    Number(Number),
    /// `[a][b]` as written. Note that `["x"]`, a list of one, is a selector too: the field called `"x"`, quotes included.
    Selector(String),
    Array(Vec<Spanned<Value>>),
    /// The text between the slashes.
    Regexp(String),
    MethodCall {
        name: Spanned<String>,
        args: Vec<Spanned<RValue>>,
    },
}

/// The right side of `=~`: Ruby's (Joni's) dialect without options.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// The text between the slashes or quotes. `\/` is left as it is: it means `/` in the dialect.
    pub text: String,
    /// Written as a string.
    pub quoted: bool,
}

/// The span of a part of a string value, for a caret under the exact text: `part` counts bytes of `value`.
///
/// Where the written text differs from the value (an escape or a `${VAR}` was replaced) it is the span of the whole.
pub fn part_span(sources: &SourceMap, whole: Span, value: &str, part: Range<usize>) -> Span {
    assert!(part.start <= part.end && part.end <= value.len(), "the part lies in the value");
    let written = sources.text(whole);
    let quoted = written.len() >= 2 && (written.starts_with('"') || written.starts_with('\''));
    let skip = usize::from(quoted);
    if &written[skip..written.len() - skip] != value {
        return whole;
    }
    let from = whole.start as usize + skip;
    Span::new(whole.file, from + part.start, from + part.end)
}
