//! The Logstash configuration language: text in, a tree with spans and diagnostics out.
//!
//! Belongs here: the grammar, the tree, and what the language itself (not a plugin) says about a text.
//! Must not be here: what a plugin's option means (`options`), and anything that evaluates a condition on an event.
//!
//! The original: <https://www.elastic.co/guide/en/logstash/8.19/configuration-file-structure.html>; the rules were read
//! from Logstash 8.19's grammar and its compiler, odd ones included (each is marked where it is built).
//!
//! Deviations: after a mistake the parser goes on and reports the next one; Logstash stops at the first.

pub mod ast;
mod condition;
mod lexer;
mod parser;
#[cfg(test)]
mod tests;
mod value;

pub use ast::part_span;
pub use condition::{CONDITION_IGNORED, CONDITION_UNSUPPORTED};
pub use lexer::{NESTING_DEPTH_MAX, SYNTAX_ERRORS_MAX};
pub use parser::parse;
