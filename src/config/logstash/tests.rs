use super::ast::*;
use super::*;
