//! grok: fields out of text by named regular expressions.

pub mod expand;
pub mod matcher;
pub mod patterns;

#[cfg(test)]
mod differential;
