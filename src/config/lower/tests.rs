use super::*;
use crate::config::diagnostic::Severity;
use crate::config::logstash::ast::SectionKind;
use crate::config::logstash::parse;
use crate::config::source::SourceMap;
use crate::config::variables::Variables;
use crate::event::Timestamp;
use crate::world::still;

/// The program of a filter section and the ids of what was said.
fn lowered(text: &str) -> (Program, Vec<String>) {
    let mut sources = SourceMap::new();
    let file = sources.add("t.conf", text);
    let (config, mut diagnostics) = parse(file, text, false);
    let world = still::world(Timestamp::default(), 0);
    let variables = Variables { lookup: &|_| None, undefined: Severity::Error };
    let mut cx = BuildCx::new(&mut diagnostics, &world, &variables, &sources);
    let program = lower_filters(config.statements(SectionKind::Filter), &mut cx);
    (program, diagnostics.iter().map(|d| format!("{}: {}", d.id, d.message)).collect())
}

fn condition(text: &str) -> Condition {
    let (mut program, said) = lowered(&format!("filter {{ if {text} {{ drop {{ }} }} }}"));
    assert!(said.is_empty(), "{text}: {said:?}");
    let Some(Node::Branch(mut arms)) = program.nodes.pop() else { panic!("a branch") };
    arms.remove(0).condition.unwrap()
}

#[test]
fn constant_conditions_are_folded() {
    for (text, holds) in [
        ("1 == 1", true),
        ("1 == 1.0", false),
        (r#""1" == 1"#, false),
        (r#""a" < "b""#, true),
        ("2 > 10", false),
        (r#""2" > "10""#, true),
        (r#""foo" in "foobar""#, false),
        (r#""foo" in ["foo", "bar"]"#, false),
        (r#""foo" not in ["foo", "bar"]"#, true),
        (r#""abc" =~ /b/"#, true),
        (r#""abc" !~ /b/"#, false),
        (r#""abc""#, true),
        ("1 == 1 and (1 == 2 or 2 == 2)", true),
        ("1 == 1 xor 2 == 2", false),
        ("1 == 1 nand 2 == 3", true),
        ("!(1 == 1)", false),
        ("1 == 2 and [a] > 5", false),
        ("1 == 1 or [a] > 5", true),
    ] {
        assert_eq!(condition(text).as_constant(), Some(holds), "{text}");
    }
    assert!(matches!(condition("[a] and 1 == 1").expr, Expr::Truthy(_)));
    assert!(matches!(condition("[a] > 5 and 1 == 2").expr, Expr::And(..)));
}

#[test]
fn a_list_of_one_is_a_field() {
    let Expr::In { list: Operand::Field(r), .. } = condition(r#"[l] in ["x"]"#).expr else { panic!("a field") };
    assert_eq!(&*r.steps[0].name, "\"x\"");
    assert!(matches!(condition(r#"[l] in ["x", 5]"#).expr, Expr::In { list: Operand::List(_), .. }));
}

#[test]
fn spans_cover_the_whole_expression() {
    let c = condition("[a] == 1 and [b]");
    let span = c.span.unwrap();
    assert_eq!((span.start, span.end), (12, 12 + 16));
}

#[test]
fn faults_are_said() {
    for (text, said) in [
        ("filter { nosuch { } }", "unknown-plugin"),
        ("filter { mutat { } }", "unknown-plugin"),
        ("filter { geoip { } }", "plugin-not-yet"),
        ("filter { if [a] =~ /(/ { drop { } } }", "bad-regex"),
        ("filter { if 1 < 1.5 { drop { } } }", "condition-type"),
        ("filter { mutate { convert => { \"a\" => \"long\" } } }", "bad-conversion"),
        ("filter { mutate { gsub => [\"a\", \"b\"] } }", "bad-gsub"),
        ("filter { mutate { gsub => [\"a\", \"(\", \"b\"] } }", "bad-regex"),
        ("filter { json { } }", "missing-option"),
        ("filter { json { source => \"m\" target => \"[a\" } }", "field-reference"),
        ("filter { mutate { replace => { \"[a\" => \"b\" } } }", "field-reference"),
        ("filter { mutate { nosuch => 1 } }", "unknown-option"),
        ("filter { mutate { add_field => { \"a[\" => \"b\" } } }", "field-reference"),
        ("filter { mutate { rename => { \"a\" => \"[b\" } } }", "field-reference"),
        ("filter { mutate { add_tag => \"%{[a}\" } }", "bad-template"),
        ("filter { mutate { split => { \"a\" => 5 } } }", "wrong-value"),
    ] {
        let (_, diagnostics) = lowered(text);
        assert_eq!(diagnostics.len(), 1, "{text}: {diagnostics:?}");
        assert!(diagnostics[0].starts_with(&format!("{said}:")), "{text}: {diagnostics:?}");
    }
}
