use super::*;
use crate::event::{Arena, EscapeStyle, Origin};

fn f(text: &str) -> Field {
    FieldRef::parse(text).map_err(|e| e.to_string())
}

fn t(text: &str) -> Template {
    Template::compile(text, EscapeStyle::None)
}

fn config() -> Config {
    Config { tag_on_failure: FAILURE_TAG.into(), ..Config::default() }
}

/// Runs on an event given as JSON; returns it as JSON and what failed.
fn run(config: Config, event: &str) -> (String, Result<(), String>) {
    let arena = Arena::new();
    let text = arena.alloc_str(event);
    let map = crate::event::json::parse(&arena, text, crate::event::json::Decimals::Double).unwrap();
    let mut e = Event::new(&arena, Origin::default());
    for (k, v) in map.as_map().unwrap().entries {
        e.push(k, *v);
    }
    let world = crate::world::still::world(crate::event::Timestamp::default(), 0);
    let mut cx = FilterCx {
        arena: &arena,
        world: &world,
        emitted: &mut vec![],
        scratch: &mut Default::default(),
        memo: &mut Default::default(),
    };
    let result = Mutate::new(config).run(&mut e, &mut cx);
    let mut out = vec![];
    crate::event::json::write_entries(e.fields(), &mut out);
    (String::from_utf8(out).unwrap(), result)
}

fn ok(config: Config, event: &str) -> String {
    let (out, result) = run(config, event);
    assert_eq!(result, Ok(()));
    out
}

#[test]
fn renaming_removes_first_and_an_absent_field_is_left_alone() {
    let rename = |a: &str, b: &str| Config {
        rename: vec![(Name::compile(a, EscapeStyle::None), Name::compile(b, EscapeStyle::None))],
        ..config()
    };
    assert_eq!(ok(rename("a", "[b][c]"), r#"{"a":1}"#), r#"{"b":{"c":1}}"#);
    assert_eq!(ok(rename("%{k}", "new_%{k}"), r#"{"k":"a","a":1}"#), r#"{"k":"a","new_a":1}"#);
    assert_eq!(ok(rename("x", "y"), r#"{"a":1}"#), r#"{"a":1}"#);
    let (out, result) = run(rename("l", "tags"), r#"{"l":5}"#);
    assert!(result.is_err());
    assert_eq!(out, "{}");
}

#[test]
fn what_was_done_before_a_failure_stays() {
    let c = Config { replace: vec![(f("b"), t("x%{a}")), (f("[a][k]"), t("no")), (f("c"), t("never"))], ..config() };
    let (out, result) = run(c, r#"{"a":1}"#);
    assert!(result.is_err());
    assert_eq!(out, r#"{"a":1,"b":"x1"}"#);
}

#[test]
fn values_are_converted_as_ruby_does() {
    for (kind, from, to) in [
        (Kind::Integer, r#""1,234.5""#, "1234"),
        (Kind::Integer, r#""0x10""#, "0"),
        (Kind::Integer, "1e20", "100000000000000000000"),
        (Kind::Integer, "-5.9", "-5"),
        (Kind::Integer, r#"[1,"2",3.5,"x",null,true]"#, "[1,2,3,0,null,1]"),
        (Kind::IntegerEu, r#""1.234,5""#, "1234"),
        (Kind::FloatEu, r#""1.234,5""#, "1234.5"),
        (Kind::Float, r#"".5""#, "0.5"),
        (Kind::Float, r#""1e400""#, r#""Infinity""#),
        (Kind::Float, "12345678901234567890", "1.2345678901234567E19"),
        (Kind::String, "1e20", r#""1.0e+20""#),
        (Kind::String, "[null,1.5]", r#"[null,"1.5"]"#),
        (Kind::Boolean, r#""""#, "false"),
        (Kind::Boolean, "0.0", "false"),
        (Kind::Boolean, r#""Yes""#, "true"),
        (Kind::Boolean, r#""yes!""#, r#""yes!""#),
        (Kind::Boolean, "2", "2"),
    ] {
        let c = Config { convert: vec![(f("v"), kind)], ..config() };
        assert_eq!(ok(c, &format!(r#"{{"v":{from}}}"#)), format!(r#"{{"v":{to}}}"#), "{kind:?} {from}");
    }
    let c = Config { convert: vec![(f("v"), Kind::Integer)], ..config() };
    assert!(run(c, r#"{"v":[[1]]}"#).1.is_err());
}

#[test]
fn only_lists_and_maps_keep_growing_in_a_merge() {
    for (from, to) in [
        (r#"{"d":["a"],"s":["b"],"t":"c"}"#, r#"["a","b","c"]"#),
        (r#"{"d":"a","s":"b","t":"c"}"#, r#"["a","c"]"#),
        (r#"{"s":"b","t":"c"}"#, r#"["c"]"#),
        (r#"{"d":{"x":1},"s":{"x":2},"t":{"y":3}}"#, r#"{"x":2,"y":3}"#),
        (r#"{"d":{"x":1},"s":"b"}"#, r#"{"x":1}"#),
    ] {
        let c = Config { merge: vec![(f("d"), vec![f("s"), f("t")])], ..config() };
        let out = ok(c, from);
        assert!(out.contains(&format!(r#""d":{to}"#)), "{from}: {out}");
    }
}

#[test]
fn lists_join_through_and_a_list_with_what_is_no_string_cannot_be_stripped() {
    let c = Config { join: vec![(f("l"), Ok("-".into()))], ..config() };
    assert_eq!(ok(c, r#"{"l":[[1,[2]],null,{"k":1},1e20]}"#), r#"{"l":"1-2--{\"k\"=>1}-1.0e+20"}"#);
    let c = Config { strip: vec![f("a"), f("l")], ..config() };
    let (out, result) = run(c, r#"{"a":" x ","l":[" y ",1]}"#);
    assert!(result.is_err());
    assert_eq!(out, r#"{"a":"x","l":[" y ",1]}"#);
}

#[test]
fn coerce_fills_null_only_and_update_only_what_is_there() {
    let c = Config {
        coerce: vec![(f("n"), t("d")), (f("x"), t("d"))],
        update: vec![(f("u"), t("new")), (f("y"), t("new"))],
        copy: vec![(f("n"), f("[m][k]")), (f("none"), f("z"))],
        ..config()
    };
    assert_eq!(ok(c, r#"{"n":null,"u":1}"#), r#"{"n":"d","u":"new","m":{"k":"d"}}"#);
}

#[test]
fn texts_and_texts_in_lists_are_replaced() {
    let regex = |p: &str| Regex::new(p, Default::default()).unwrap();
    let template = Gsub { field: f("c"), needle: Needle::Template(t("%{p}")), replacement: t("z"), slot: Slot(2) };
    let c = Config {
        gsub: vec![
            Gsub::new(f("a"), regex(r"(\w+)@(\w+)"), t(r"\2 at \1"), Slot(0)),
            Gsub::new(f("b"), regex("x"), t("%{p}"), Slot(1)),
            template,
        ],
        ..config()
    };
    let event = r#"{"a":["joe@corp",1,null],"b":"axb","c":"aB.a","p":"B.","n":5}"#;
    assert_eq!(ok(c, event), r#"{"a":["corp at joe",1,null],"b":"aB.b","c":"aza","p":"B.","n":5}"#);
    let unknown_group = || Config { gsub: vec![Gsub::new(f("a"), regex("(?<n>x)"), t(r"\k<m>"), Slot(0))], ..config() };
    assert_eq!(ok(unknown_group(), r#"{"a":"y"}"#), r#"{"a":"y"}"#);
    assert!(run(unknown_group(), r#"{"a":"x"}"#).1.is_err());
}
