//! From the tree of a configuration to the program that runs: conditions and filter sections.
//!
//! Belongs here: giving conditions their types, folding what is constant, building the plugins of a section.
//! Must not be here: what an option of a plugin means (each plugin's `build`).

use super::build::BuildCx;
use super::diagnostic::Diagnostic;
use super::logstash::ast::{self, CompareOp, Number, RValue, Stmt};
use super::source::{Span, Spanned};
use crate::event::FieldRef;
use crate::filter::condition::{Condition, Expr, Op, Operand, literals_equal, literals_order, order_satisfies};
use crate::filter::program::{Arm, Node, Program};
use crate::filter::registry;
use crate::regexp::Regex;

/// Builds the filter section. What is wrong goes to the diagnostics and is left out of the program.
pub fn lower_filters<'s>(statements: impl IntoIterator<Item = &'s Stmt>, cx: &mut BuildCx<'_>) -> Program {
    Program { nodes: lower_body(statements, cx) }
}

fn lower_body<'s>(statements: impl IntoIterator<Item = &'s Stmt>, cx: &mut BuildCx<'_>) -> Vec<Node> {
    statements
        .into_iter()
        .filter_map(|statement| match statement {
            Stmt::Plugin(plugin) => registry::build(plugin, cx).map(Node::Filter),
            Stmt::Branch(branch) => Some(Node::Branch(
                branch
                    .arms
                    .iter()
                    .map(|arm| Arm {
                        condition: arm.cond.as_ref().map(|cond| lower_condition(cond, cx)),
                        body: lower_body(&arm.body, cx),
                    })
                    .collect(),
            )),
        })
        .collect()
}

/// Compiles a condition. What is wrong goes to the diagnostics, and the part at fault never holds.
pub fn lower_condition(cond: &Spanned<ast::Expr>, cx: &mut BuildCx<'_>) -> Condition {
    let mut cond = cond.clone();
    cx.variables.expand_condition(&mut cond, cx.diagnostics);
    expr(&cond, cx)
}

fn expr(e: &Spanned<ast::Expr>, cx: &mut BuildCx<'_>) -> Condition {
    let span = e.span;
    let made = match &e.value {
        ast::Expr::And(a, b) => {
            let (a, b) = (expr(a, cx), expr(b, cx));
            match (a.as_constant(), b.as_constant()) {
                (Some(false), _) => Expr::Constant(false),
                (Some(true), _) => b.expr,
                (None, Some(true)) => a.expr,
                // a constant on the right does not spare the left side, which may have no answer
                _ => Expr::And(Box::new(a), Box::new(b)),
            }
        }
        ast::Expr::Or(a, b) => {
            let (a, b) = (expr(a, cx), expr(b, cx));
            match (a.as_constant(), b.as_constant()) {
                (Some(true), _) => Expr::Constant(true),
                (Some(false), _) => b.expr,
                (None, Some(false)) => a.expr,
                _ => Expr::Or(Box::new(a), Box::new(b)),
            }
        }
        ast::Expr::Xor(a, b) => {
            let (a, b) = (expr(a, cx), expr(b, cx));
            match (a.as_constant(), b.as_constant()) {
                (Some(a), Some(b)) => Expr::Constant(a != b),
                _ => Expr::Xor(Box::new(a), Box::new(b)),
            }
        }
        ast::Expr::Nand(a, b) => {
            let (a, b) = (expr(a, cx), expr(b, cx));
            match (a.as_constant(), b.as_constant()) {
                (Some(false), _) => Expr::Constant(true),
                (Some(a), Some(b)) => Expr::Constant(!(a && b)),
                _ => Expr::Nand(Box::new(a), Box::new(b)),
            }
        }
        ast::Expr::Not(a) => {
            let a = expr(a, cx);
            match a.as_constant() {
                Some(a) => Expr::Constant(!a),
                None => Expr::Not(Box::new(a)),
            }
        }
        ast::Expr::Truthy(value) => match operand(value, span, cx) {
            Some(Operand::Field(r)) => Expr::Truthy(r),
            Some(Operand::Str(s)) => Expr::Constant(!s.is_empty() && s != "false"),
            Some(_) => Expr::Constant(true),
            None => Expr::Constant(false),
        },
        ast::Expr::Compare { op, left, right } => compare(*op, left, right, span, cx),
        ast::Expr::Match { negated, left, pattern } => {
            let left = operand(&left.value, left.span, cx);
            let regex = regex(&pattern.value.text, pattern.span, cx);
            match (left, regex) {
                (Some(Operand::Field(left)), Some(pattern)) => Expr::Match { negated: *negated, left, pattern },
                (Some(Operand::Str(text)), Some(regex)) => match regex.is_match(&text) {
                    Ok(found) => Expr::Constant(found != *negated),
                    Err(why) => {
                        cx.report(
                            Diagnostic::error("condition-type", why.to_string()).at(pattern.span, "on the text before"),
                        );
                        Expr::Constant(false)
                    }
                },
                // a literal that is no string never matches
                (Some(_), Some(_)) => Expr::Constant(*negated),
                _ => Expr::Constant(false),
            }
        }
        ast::Expr::In { negated, item, list } => {
            match (operand(&item.value, item.span, cx), operand(&list.value, list.span, cx)) {
                (Some(Operand::List(_)), Some(Operand::Field(_))) => {
                    cx.report(
                        Diagnostic::error("condition-type", "a list of literals cannot be in a field")
                            .at(item.span, "must be a field or a single value"),
                    );
                    Expr::Constant(false)
                }
                (Some(item), Some(list)) => match (&item, &list) {
                    (Operand::Field(_), _) | (_, Operand::Field(_)) => Expr::In { negated: *negated, item, list },
                    _ => Expr::Constant(literals_equal(&item, &list) != *negated),
                },
                _ => Expr::Constant(false),
            }
        }
        ast::Expr::Invalid => Expr::Constant(false),
    };
    Condition::new(made, span)
}

fn compare(op: CompareOp, left: &Spanned<RValue>, right: &Spanned<RValue>, span: Span, cx: &mut BuildCx<'_>) -> Expr {
    let op = match op {
        CompareOp::Eq => Op::Eq,
        CompareOp::Ne => Op::Ne,
        CompareOp::Lt => Op::Lt,
        CompareOp::Le => Op::Le,
        CompareOp::Gt => Op::Gt,
        CompareOp::Ge => Op::Ge,
    };
    let (a, b) = (operand(&left.value, left.span, cx), operand(&right.value, right.span, cx));
    let (Some(a), Some(b)) = (a, b) else { return Expr::Constant(false) };
    if matches!(a, Operand::Field(_)) || matches!(b, Operand::Field(_)) {
        return Expr::Compare { op, left: a, right: b };
    }
    match op {
        Op::Eq => Expr::Constant(literals_equal(&a, &b)),
        Op::Ne => Expr::Constant(!literals_equal(&a, &b)),
        _ => match literals_order(&a, &b) {
            Some(order) => Expr::Constant(order_satisfies(order, op)),
            None => {
                cx.report(
                    Diagnostic::error("condition-type", format!("`{a} {op} {b}` compares values that have no order"))
                        .at(span, "two literals of different types"),
                );
                Expr::Constant(false)
            }
        },
    }
}

fn operand(value: &RValue, span: Span, cx: &mut BuildCx<'_>) -> Option<Operand> {
    match value {
        RValue::String(s) => Some(Operand::Str(s.clone())),
        RValue::Number(n) => Some(number(*n)),
        RValue::Selector(text) => selector(text, span, cx).map(Operand::Field),
        RValue::Array(items) => {
            let mut list = Vec::with_capacity(items.len());
            for item in items {
                list.push(match &item.value {
                    ast::Value::Bareword(s) | ast::Value::String(s) => Operand::Str(s.clone()),
                    ast::Value::Number(n) => number(*n),
                    other => {
                        cx.report(
                            Diagnostic::error("condition-type", "a list in a condition holds strings and numbers only")
                                .at(item.span, format!("this is {}", other.kind())),
                        );
                        return None;
                    }
                });
            }
            Some(Operand::List(list))
        }
        RValue::Regexp(_) | RValue::MethodCall { .. } => {
            cx.report(Diagnostic::error("condition-type", "this cannot stand here in a condition").at(span, "here"));
            None
        }
    }
}

fn number(n: Number) -> Operand {
    match n {
        Number::Int(i) => Operand::Int(i),
        Number::Float(x) => Operand::Float(x),
    }
}

fn selector(text: &str, span: Span, cx: &mut BuildCx<'_>) -> Option<FieldRef> {
    cx.field(text, span)
}

fn regex(text: &str, span: Span, cx: &mut BuildCx<'_>) -> Option<Regex> {
    match Regex::new(text, Default::default()) {
        Ok(regex) => Some(regex),
        Err(e) => {
            cx.report(Diagnostic::error("bad-regex", format!("{e}: /{text}/")).at(span, "in this pattern"));
            None
        }
    }
}

#[cfg(test)]
mod tests;
