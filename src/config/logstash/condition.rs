//! Conditions: the grammar, and what Logstash's compiler then makes of it, which is not always what is written.
//!
//! Read from Logstash 8.19's compiler (lscl.rb) and its EventCondition:
//! - Precedence: an operator that follows one of higher precedence closes that one only, not what stands before it, and
//!   equal ones group to the right. So `a and b and c or d` means `a and ((b and c) or d)`. The tree is built the same way.
//! - `xor` and `nand` have no precedence: next to another operator they are an error without parentheses.
//! - A comparison looks for the first selector, number or string on each side: `[a] == ["x", "y"]` compares with "x".
//! - A function's name is dropped: `not([a])` is the same as `[a]`.
//! - A constant is allowed as the whole condition only.

use super::ast::{CompareOp, Expr, Pattern, RValue, Value};
use super::lexer::{Failed, Parsed, Parser};
use crate::config::diagnostic::Diagnostic;
use crate::config::source::{Span, Spanned};

/// Logstash's grammar takes it, but its compiler refuses it and the pipeline does not start.
pub const CONDITION_UNSUPPORTED: &str = "condition-unsupported";
/// Logstash runs it, but a part of what is written has no effect.
pub const CONDITION_IGNORED: &str = "condition-part-ignored";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BoolOp {
    And,
    Or,
    Xor,
    Nand,
}

impl BoolOp {
    const ALL: [(&'static str, BoolOp); 4] =
        [("and", BoolOp::And), ("or", BoolOp::Or), ("xor", BoolOp::Xor), ("nand", BoolOp::Nand)];

    fn precedence(self) -> u8 {
        match self {
            BoolOp::And => 2,
            BoolOp::Or => 1,
            BoolOp::Xor | BoolOp::Nand => unreachable!("has no precedence; refused before"),
        }
    }

    fn apply(self, left: Spanned<Expr>, right: Spanned<Expr>) -> Spanned<Expr> {
        let span = left.span.to(right.span);
        let (left, right) = (Box::new(left), Box::new(right));
        let expr = match self {
            BoolOp::And => Expr::And(left, right),
            BoolOp::Or => Expr::Or(left, right),
            BoolOp::Xor => Expr::Xor(left, right),
            BoolOp::Nand => Expr::Nand(left, right),
        };
        Spanned::new(expr, span)
    }
}

/// Groups operands by the original's shunting yard, which takes at most one operator off its stack at a time.
fn group(first: Spanned<Expr>, rest: Vec<(BoolOp, Spanned<Expr>)>) -> Spanned<Expr> {
    fn reduce(operands: &mut Vec<Spanned<Expr>>, op: BoolOp) {
        let right = operands.pop().expect("an operator stands between two operands");
        let left = operands.pop().expect("an operator stands between two operands");
        operands.push(op.apply(left, right));
    }
    let single = rest.len() == 1;
    let mut operands = vec![first];
    let mut operators: Vec<BoolOp> = vec![];
    for (op, operand) in rest {
        if let Some(&last) = operators.last()
            && !single
            && last.precedence() > op.precedence()
        {
            operators.pop();
            reduce(&mut operands, last);
        }
        operators.push(op);
        operands.push(operand);
    }
    while let Some(op) = operators.pop() {
        reduce(&mut operands, op);
    }
    let whole = operands.pop().expect("there is one operand at least");
    assert!(operands.is_empty(), "every operand has been joined");
    whole
}

/// Selectors, numbers and strings of a side of a comparison, in the order written, those inside arrays and calls too.
fn leaves(side: &Spanned<RValue>, out: &mut Vec<Spanned<RValue>>) {
    match &side.value {
        RValue::String(_) | RValue::Number(_) | RValue::Selector(_) => out.push(side.clone()),
        RValue::Array(items) => items.iter().for_each(|item| value_leaves(item, out)),
        RValue::MethodCall { args, .. } => args.iter().for_each(|arg| leaves(arg, out)),
        RValue::Regexp(_) => {}
    }
}

fn value_leaves(value: &Spanned<Value>, out: &mut Vec<Spanned<RValue>>) {
    match &value.value {
        Value::String(s) => out.push(Spanned::new(RValue::String(s.clone()), value.span)),
        Value::Number(n) => out.push(Spanned::new(RValue::Number(*n), value.span)),
        Value::Array(items) => items.iter().for_each(|item| value_leaves(item, out)),
        Value::Hash(entries) => {
            for entry in entries {
                out.push(Spanned::new(RValue::String(entry.key.value.clone()), entry.key.span));
                value_leaves(&entry.value, out);
            }
        }
        Value::Bareword(_) | Value::Plugin(_) => {}
    }
}

fn what(rvalue: &RValue) -> &'static str {
    match rvalue {
        RValue::String(_) => "a string",
        RValue::Number(_) => "a number",
        RValue::Selector(_) => "a field",
        RValue::Array(_) => "an array",
        RValue::Regexp(_) => "a pattern",
        RValue::MethodCall { .. } => "a function call",
    }
}

/// Help for a condition that was read up to `rest`, where its block should begin.
pub(super) fn explain(diag: Diagnostic, read: &str, rest: &str) -> Diagnostic {
    if rest.starts_with("&&") {
        diag.help("write `and`")
    } else if rest.starts_with("||") {
        diag.help("write `or`")
    } else if read.starts_with('!')
        && (rest.starts_with(['=', '<', '>']) || rest.starts_with("!=") || rest.starts_with("in"))
    {
        diag.help("`!` negates a field or a parenthesis only: write `!(...)` around the comparison")
    } else if rest.starts_with('=') {
        diag.help("to compare write `==`; to match a pattern `=~`")
    } else if rest.starts_with("not") {
        diag.help("`not` stands before `in` only, with a space after it")
    } else {
        diag
    }
}

/// Help where a value of a condition was expected.
pub(super) fn explain_rvalue(diag: Diagnostic, rest: &str) -> Diagnostic {
    let word: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '@' | '.')).collect();
    match word.as_str() {
        "not" => diag.help("`not` is no operator: write `!(...)` around the condition"),
        "true" | "false" => {
            diag.help(format!("a truth value cannot be compared: test the field alone, or the text `\"{word}\"`"))
        }
        "nil" | "null" | "none" => {
            diag.help("to test that a field is there write `[field]`, that it is not, `![field]`")
        }
        "" if rest.starts_with('(') => diag.help("a list is written in brackets: `[1, 2]`"),
        "" => diag,
        _ => diag.help(format!("a field is written in brackets, `[{word}]`, a text in quotes, `\"{word}\"`")),
    }
}

impl Parser<'_> {
    fn unsupported(&mut self, span: Span, message: impl Into<String>, label: &str, help: &str) -> Expr {
        self.report(Diagnostic::error(CONDITION_UNSUPPORTED, message).at(span, label).help(help));
        Expr::Invalid
    }

    /// Operands joined by operators, up to what can be neither.
    pub(super) fn condition(&mut self) -> Parsed<Spanned<Expr>> {
        self.nested(Self::condition_inner)
    }

    fn condition_inner(&mut self) -> Parsed<Spanned<Expr>> {
        let first = self.expression()?;
        let mut rest = vec![];
        let mut op_spans = vec![];
        loop {
            let at = self.after_cs(self.pos);
            let Some(&(word, op)) = BoolOp::ALL.iter().find(|(word, _)| self.bytes[at..].starts_with(word.as_bytes()))
            else {
                break;
            };
            op_spans.push(self.span(at, at + word.len()));
            self.pos = at + word.len();
            self.skip_cs();
            rest.push((op, self.expression()?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        let whole = first.span.to(rest.last().expect("not empty").1.span);
        let mut valid = true;
        for operand in std::iter::once(&first).chain(rest.iter().map(|(_, operand)| operand)) {
            if let Expr::Truthy(constant) = &operand.value
                && !matches!(constant, RValue::Selector(_))
            {
                let message = format!("{} alone cannot be joined with another condition", what(constant));
                self.unsupported(
                    operand.span,
                    message,
                    "a constant",
                    "compare it with a field, or write a field as `[field]`",
                );
                valid = false;
            }
        }
        let unordered = rest.iter().position(|(op, _)| matches!(op, BoolOp::Xor | BoolOp::Nand));
        if let Some(at) = unordered
            && rest.len() > 1
        {
            let name = self.bytes[op_spans[at].start as usize..op_spans[at].end as usize].escape_ascii().to_string();
            let other = op_spans[if at == 0 { 1 } else { at - 1 }];
            self.report(
                Diagnostic::error(
                    CONDITION_UNSUPPORTED,
                    format!("`{name}` next to another operator needs parentheses"),
                )
                .at(op_spans[at], "has no precedence")
                .with(other, "the other operator")
                .help("put each pair in parentheses"),
            );
            valid = false;
        }
        if !valid {
            return Ok(Spanned::new(Expr::Invalid, whole));
        }
        Ok(group(first, rest))
    }

    fn expression(&mut self) -> Parsed<Spanned<Expr>> {
        let start = self.pos;
        match self.peek() {
            Some(b'(') => {
                self.pos += 1;
                self.parenthesis(start)
            }
            Some(b'!') => {
                self.pos += 1;
                self.skip_cs();
                let at = self.pos;
                let inner = if self.eat("(") {
                    self.parenthesis(at)?
                } else if let Some(end) = self.selector_end(at) {
                    self.pos = end;
                    let text = String::from_utf8_lossy(&self.bytes[at..end]).into_owned();
                    Spanned::new(Expr::Truthy(RValue::Selector(text)), self.span(at, end))
                } else {
                    let diag =
                        self.syntax(at, &["`#`", "`(`", "`[`"]).help("`!` negates a field or a parenthesis only");
                    return self.fail(diag);
                };
                let span = self.span(start, self.pos);
                let expr = match &inner.value {
                    Expr::Truthy(RValue::Selector(_)) => Expr::Not(Box::new(inner)),
                    Expr::Truthy(constant) => {
                        let message = format!("{} alone cannot be negated", what(constant));
                        self.unsupported(
                            inner.span,
                            message,
                            "a constant",
                            "remove the condition, or compare with a field",
                        )
                    }
                    _ => Expr::Not(Box::new(inner)),
                };
                Ok(Spanned::new(expr, span))
            }
            _ => self.comparison(),
        }
    }

    /// The rest of `( condition )`; the opening one has been taken.
    fn parenthesis(&mut self, open: usize) -> Parsed<Spanned<Expr>> {
        self.skip_cs();
        let inner_start = self.pos;
        let inner = self.condition()?;
        self.skip_cs();
        if !self.eat(")") {
            let diag = self
                .syntax(self.pos, &["`#`", "`and`", "`or`", "`xor`", "`nand`", "`)`"])
                .with(self.span(open, open + 1), "this parenthesis is not closed");
            let read = String::from_utf8_lossy(&self.bytes[inner_start..self.pos]).into_owned();
            let rest = String::from_utf8_lossy(&self.bytes[self.pos..]).into_owned();
            return self.fail(explain(diag, &read, &rest));
        }
        Ok(Spanned::new(inner.value, self.span(open, self.pos)))
    }

    fn comparison(&mut self) -> Parsed<Spanned<Expr>> {
        const COMPARE: [(&str, CompareOp); 6] = [
            ("==", CompareOp::Eq),
            ("!=", CompareOp::Ne),
            ("<=", CompareOp::Le),
            (">=", CompareOp::Ge),
            ("<", CompareOp::Lt),
            (">", CompareOp::Gt),
        ];
        let left = self.rvalue()?;
        let at = self.after_cs(self.pos);
        let rest = &self.bytes[at..];
        if rest.starts_with(b"in") {
            self.pos = at + 2;
            return self.membership(left, false);
        }
        if rest.starts_with(b"not ") && self.bytes[self.after_cs(at + 4)..].starts_with(b"in") {
            self.pos = self.after_cs(at + 4) + 2;
            return self.membership(left, true);
        }
        if let Some((word, op)) = COMPARE.iter().find(|(word, _)| rest.starts_with(word.as_bytes())) {
            self.pos = at + word.len();
            self.skip_cs();
            let right = self.rvalue()?;
            return Ok(self.compare(*op, left, right));
        }
        let negated = rest.starts_with(b"!~");
        if negated || rest.starts_with(b"=~") {
            self.pos = at + 2;
            self.skip_cs();
            if !matches!(self.peek(), Some(b'"' | b'\'' | b'/')) {
                let diag = self.syntax(self.pos, &["`#`", "`\"`", "`'`", "`/`"]);
                let diag = match self.peek() {
                    Some(b'[') => diag.help("a pattern cannot come from a field"),
                    _ => diag.help("a pattern is written `/.../`, or as a string"),
                };
                return self.fail(diag);
            }
            let right = self.rvalue()?;
            let (text, quoted) = match right.value {
                RValue::Regexp(text) => (text, false),
                RValue::String(text) => (text, true),
                _ => return Err(Failed),
            };
            return Ok(self.matching(negated, left, Spanned::new(Pattern { text, quoted }, right.span)));
        }
        Ok(self.alone(left))
    }

    /// A value that is a whole operand.
    fn alone(&mut self, value: Spanned<RValue>) -> Spanned<Expr> {
        let span = value.span;
        let expr = match value.value {
            RValue::String(_) | RValue::Number(_) | RValue::Selector(_) => Expr::Truthy(value.value),
            RValue::MethodCall { name, args } => {
                let fields: Vec<_> = args.iter().filter(|arg| matches!(arg.value, RValue::Selector(_))).collect();
                if let [field] = fields[..] {
                    let message = format!("`{}(...)` is not a function: Logstash tests the field alone", name.value);
                    let mut diag = Diagnostic::fault(CONDITION_IGNORED, message)
                        .at(name.span, "has no effect")
                        .with(field.span, "this is all that is tested");
                    if name.value == "not" {
                        diag = diag.help("to negate write `!(...)`");
                    }
                    self.report(diag);
                    Expr::Truthy(field.value.clone())
                } else {
                    let message = format!("`{}(...)` is not a function: conditions have none", name.value);
                    self.unsupported(span, message, "not a condition", "compare a field with a value")
                }
            }
            RValue::Array(_) | RValue::Regexp(_) => {
                let message = format!("{} alone is not a condition", what(&value.value));
                self.unsupported(
                    span,
                    message,
                    "not a condition",
                    "compare it with a field: `[field] in [...]`, `[field] =~ /.../`",
                )
            }
        };
        Spanned::new(expr, span)
    }

    fn compare(&mut self, op: CompareOp, left: Spanned<RValue>, right: Spanned<RValue>) -> Spanned<Expr> {
        let span = left.span.to(right.span);
        let (mut lefts, mut rights) = (vec![], vec![]);
        leaves(&left, &mut lefts);
        leaves(&right, &mut rights);
        if lefts.len() != 1 {
            let message = format!("{} cannot be compared with `{op}`", what(&left.value));
            let expr = self.unsupported(left.span, message, "not a field, string or number", "use `in` for lists");
            return Spanned::new(expr, span);
        }
        if rights.is_empty() {
            let message = format!("{} cannot be compared with `{op}`", what(&right.value));
            let expr = self.unsupported(
                right.span,
                message,
                "not a field, string or number",
                "use `in` for lists, `=~` for patterns",
            );
            return Spanned::new(expr, span);
        }
        for (side, used) in [(&left, &lefts[0]), (&right, &rights[0])] {
            if side.span != used.span {
                let message = format!("`{op}` uses the first value of {} only", what(&side.value));
                let diag = Diagnostic::fault(CONDITION_IGNORED, message)
                    .at(side.span, "the rest has no effect")
                    .with(used.span, "this is compared")
                    .help("to test for one of several values write `[field] in [...]`");
                self.report(diag);
            }
        }
        Spanned::new(Expr::Compare { op, left: lefts.remove(0), right: rights.remove(0) }, span)
    }

    fn matching(&mut self, negated: bool, left: Spanned<RValue>, pattern: Spanned<Pattern>) -> Spanned<Expr> {
        let span = left.span.to(pattern.span);
        let expr = match &left.value {
            RValue::Selector(_) | RValue::String(_) => Expr::Match { negated, left, pattern },
            other => {
                let message = format!("{} cannot be matched against a pattern", what(other));
                self.unsupported(
                    left.span,
                    message,
                    "not a field or string",
                    "write the field on the left: `[field] =~ /.../`",
                )
            }
        };
        Spanned::new(expr, span)
    }

    fn membership(&mut self, item: Spanned<RValue>, negated: bool) -> Parsed<Spanned<Expr>> {
        self.skip_cs();
        let list = self.rvalue()?;
        let span = item.span.to(list.span);
        for side in [&item, &list] {
            let refused = match side.value {
                RValue::Regexp(_) | RValue::MethodCall { .. } => true,
                // an array on the left of a field has no meaning in the original either
                RValue::Array(_) => side.span == item.span && matches!(list.value, RValue::Selector(_)),
                _ => false,
            };
            if refused {
                let message = format!("{} cannot be used with `in`", what(&side.value));
                let help = "write `\"value\" in [field]` or `[field] in [\"a\", \"b\"]`";
                let expr = self.unsupported(side.span, message, "not a field, string, number or list", help);
                return Ok(Spanned::new(expr, span));
            }
        }
        Ok(Spanned::new(Expr::In { negated, item, list }, span))
    }
}
