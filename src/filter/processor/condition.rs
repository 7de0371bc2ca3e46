//! Conditions of Filebeat's processors (`when`, `if`), compiled to field references.
//!
//! Documentation: <https://www.elastic.co/guide/en/beats/filebeat/8.5/defining-processors.html#conditions>.

use super::dotted;
use crate::config::filebeat::condition::{Condition, Operand};
use crate::event::{Event, FieldRef, Value};

/// A compiled condition.
pub enum Test {
    Equals(Vec<(FieldRef, Operand)>),
    Contains(Vec<(FieldRef, String)>),
    Regexp(Vec<(FieldRef, regex::Regex)>),
    Range(Vec<(FieldRef, [Option<f64>; 4])>),
    HasFields(Vec<FieldRef>),
    Or(Vec<Test>),
    And(Vec<Test>),
    Not(Box<Test>),
}

impl Test {
    pub fn compile(condition: &Condition) -> Test {
        match condition {
            Condition::Equals(all) => Test::Equals(all.iter().map(|(f, v)| (dotted(&f.value), v.clone())).collect()),
            Condition::Contains(all) => {
                Test::Contains(all.iter().map(|(f, v)| (dotted(&f.value), v.clone())).collect())
            }
            Condition::Regexp(all) => Test::Regexp(all.iter().map(|(f, v)| (dotted(&f.value), v.clone())).collect()),
            Condition::Range(all) => {
                Test::Range(all.iter().map(|b| (dotted(&b.field.value), [b.gt, b.gte, b.lt, b.lte])).collect())
            }
            Condition::HasFields(all) => Test::HasFields(all.iter().map(|f| dotted(&f.value)).collect()),
            Condition::Or(all) => Test::Or(all.iter().map(Test::compile).collect()),
            Condition::And(all) => Test::And(all.iter().map(Test::compile).collect()),
            Condition::Not(inner) => Test::Not(Box::new(Test::compile(inner))),
        }
    }

    pub fn holds(&self, event: &Event<'_>) -> bool {
        match self {
            Test::Equals(all) => all.iter().all(|(f, v)| event.get(f).is_some_and(|have| equals(&have, v))),
            Test::Contains(all) => {
                all.iter().all(|(f, part)| event.get(f).is_some_and(|v| any_text(&v, &|t| t.contains(part.as_str()))))
            }
            Test::Regexp(all) => {
                all.iter().all(|(f, regex)| event.get(f).is_some_and(|v| any_text(&v, &|t| regex.is_match(t))))
            }
            Test::Range(all) => all.iter().all(|(f, [gt, gte, lt, lte])| {
                let number = event.get(f).and_then(|v| match v {
                    Value::Str(s) => s.parse().ok(),
                    other => other.as_f64(),
                });
                number.is_some_and(|n: f64| {
                    gt.is_none_or(|b| n > b)
                        && gte.is_none_or(|b| n >= b)
                        && lt.is_none_or(|b| n < b)
                        && lte.is_none_or(|b| n <= b)
                })
            }),
            Test::HasFields(all) => all.iter().all(|f| event.includes(f)),
            Test::Or(all) => all.iter().any(|t| t.holds(event)),
            Test::And(all) => all.iter().all(|t| t.holds(event)),
            Test::Not(inner) => !inner.holds(event),
        }
    }
}

fn equals(have: &Value<'_>, want: &Operand) -> bool {
    match (have, want) {
        (Value::Int(a), Operand::Int(b)) => a == b,
        (Value::Int(a), Operand::UInt(b)) => u64::try_from(*a).is_ok_and(|a| a == *b),
        (Value::Number(t), Operand::UInt(b)) => t.parse() == Ok(*b),
        (Value::Bool(a), Operand::Bool(b)) => a == b,
        (Value::Str(a), Operand::Text(b)) => a == b,
        _ => false,
    }
}

fn any_text(value: &Value<'_>, f: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::Str(s) => f(s),
        Value::List(l) => l.iter().any(|v| v.as_str().is_some_and(f)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Arena;
    use crate::event::json::{Decimals, parse};

    fn holds(test: &Test, event: &str) -> bool {
        let arena = Arena::new();
        let mut e = Event::new(&arena, crate::event::Origin::default());
        let Value::Map(m) = parse(&arena, event, Decimals::Double).unwrap() else { panic!("a map") };
        for (k, v) in m.entries {
            e.push(k, *v);
        }
        test.holds(&e)
    }

    #[test]
    fn a_missing_field_holds_nothing_and_a_list_holds_when_one_element_does() {
        let forwarded = Test::Not(Box::new(Test::Contains(vec![(dotted("tags"), "forwarded".into())])));
        assert!(holds(&forwarded, "{}"));
        assert!(holds(&forwarded, r#"{"tags":["x"]}"#));
        assert!(!holds(&forwarded, r#"{"tags":["x","forwarded"]}"#));
        let status = Test::Range(vec![(dotted("http.status"), [None, Some(500.0), None, None])]);
        assert!(holds(&status, r#"{"http":{"status":500}}"#));
        assert!(holds(&status, r#"{"http":{"status":"503"}}"#));
        assert!(!holds(&status, r#"{"http":{"status":404}}"#));
        assert!(!holds(&status, "{}"));
        let port = Test::Equals(vec![(dotted("port"), Operand::Int(80))]);
        assert!(holds(&port, r#"{"port":80}"#));
        assert!(!holds(&port, r#"{"port":"80"}"#));
    }
}
