use super::*;
use crate::config::diagnostic::Severity;
use crate::config::logstash::ast::Stmt;
use crate::config::logstash::parse;
use crate::config::source::FileId;

const SPECS: &[OptionSpec] = &[
    OptionSpec::new("str", OptType::String),
    OptionSpec::new("num", OptType::Number),
    OptionSpec::new("bool", OptType::Boolean),
    OptionSpec::new("arr", OptType::Array),
    OptionSpec::new("vals", OptType::Values),
    OptionSpec::new("hash", OptType::Hash),
    OptionSpec::new("pass", OptType::Password),
    OptionSpec::new("size", OptType::Bytes),
    OptionSpec::new("ref", OptType::FieldReference),
    OptionSpec::new("hosts", OptType::Uri).list(),
    OptionSpec::new("nums", OptType::Number).list(),
    OptionSpec::new("mode", OptType::OneOf(&["create", "index"])),
    OptionSpec::new("later", OptType::Boolean).not_yet(&["false", "[]"]),
    OptionSpec::new("old", OptType::String).deprecated("use `str`"),
    OptionSpec::new("gone", OptType::String).obsolete("use `str`"),
];

/// The options of `x { <text> }` as a filter (or, with a codec in it, an input), and the findings.
fn read_as(kind: PluginKind, own: &[OptionSpec], text: &str) -> (Options, Vec<Diagnostic>) {
    let (config, mut diags) = parse(FileId(0), &format!("filter {{ x {{ {text} }} }}"), false);
    assert!(diags.is_empty(), "{text}: {diags:?}");
    let Stmt::Plugin(plugin) = &config.sections[0].body[0] else { panic!("{config:?}") };
    let lookup = |name: &str| (name == "FIVE").then(|| "5".to_string());
    let variables = Variables { lookup: &lookup, undefined: Severity::Error };
    let options = Options::new(plugin, kind, own, &variables, &mut diags);
    (options, diags)
}

fn read(text: &str) -> (Options, Vec<Diagnostic>) {
    read_as(PluginKind::Filter, SPECS, text)
}

fn good(text: &str) -> Options {
    let (options, diags) = read(text);
    assert!(diags.is_empty(), "{text}: {diags:?}");
    options
}

/// A value in Ruby's clothes, without spans.
fn show(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(|i| show(&i.value)).collect::<Vec<_>>().join(",")),
        Value::Hash(entries) => {
            let shown = entries.iter().map(|e| format!("{}={}", e.key.value, show(&e.value.value)));
            format!("{{{}}}", shown.collect::<Vec<_>>().join(","))
        }
        Value::Plugin(plugin) => format!("{}()", plugin.name.value),
        Value::String(s) | Value::Bareword(s) => s.clone(),
        Value::Number(n) => format!("#{n}"),
    }
}

#[test]
fn values_are_coerced_to_their_types() {
    let cases = [
        ("str => abc", "str", "abc"),
        ("str => 5", "str", "#5"),
        ("str => [\"one\"]", "str", "one"),
        ("num => 5", "num", "#5"),
        ("num => \"5\"", "num", "#5"),
        ("num => \"-0.5\"", "num", "#-0.5"),
        ("num => [\"5\"]", "num", "#5"),
        ("num => \"${FIVE}\"", "num", "#5"),
        ("bool => true", "bool", "true"),
        ("bool => \"false\"", "bool", "false"),
        ("arr => abc", "arr", "[abc]"),
        ("arr => [abc, 1]", "arr", "[abc,#1]"),
        ("vals => [[1], {k1 => v1}]", "vals", "[[#1],{k1=v1}]"),
        ("hash => { k1 => v1 }", "hash", "{k1=v1}"),
        ("hash => [\"a\", \"b\", 1, [2, 3]]", "hash", "{a=b,1=[#2,#3]}"),
        ("hash => [\"a\", \"b\", \"a\", \"c\", \"a\", \"d\"]", "hash", "{a=[b,c,d]}"),
        ("hash => []", "hash", "{}"),
        ("hosts => \"http://a:1 http://b\"", "hosts", "[http://a:1,http://b]"),
        ("hosts => [\"a\", \"b c\"]", "hosts", "[a,b,c]"),
        ("nums => [1, \"2\"]", "nums", "[#1,#2]"),
        ("nums => 1", "nums", "[#1]"),
        ("mode => index", "mode", "index"),
        // repeated options
        ("hash => { k1 => v1 } hash => { k2 => v2 }", "hash", "{k1=v1,k2=v2}"),
        ("hash => { k1 => v1 } hash => { k1 => v1 }", "hash", "{k1=v1}"),
        ("hash => { k1 => v1 } hash => { k1 => v2 } hash => { k1 => v3 }", "hash", "{k1=[v1,v2,v3]}"),
        ("hash => { k1 => [v1] } hash => { k1 => [v1, v2] }", "hash", "{k1=[v1,v1,v2]}"),
        ("hash => { k1 => v1 } hash => { k1 => [v1] }", "hash", "{k1=[v1,v1]}"),
        ("hash => { k1 => { k2 => [v1] } } hash => { k1 => { k2 => [v1, v2] } }", "hash", "{k1={k2=[v1,v2]}}"),
        ("arr => [v1] arr => v2 arr => [v1, v3]", "arr", "[v1,v2,v1,v3]"),
        ("arr => v1 arr => v2 arr => v3", "arr", "[v1,v2,v3]"),
        ("str => same str => \"same\"", "str", "same"),
        ("vals => v1 vals => [v2]", "vals", "[v1,[v2]]"),
    ];
    for (text, name, want) in cases {
        assert_eq!(show(&good(text).raw(name).expect(text).value), want, "{text}");
    }
}

#[test]
fn mistakes_are_located() {
    let cases = [
        ("str => [\"a\", \"b\"]", "wrong-type", 20),
        ("str => v1 str => v2", "wrong-type", 20),
        ("str => { k1 => v1 }", "wrong-type", 20),
        ("num => \"5x\"", "wrong-type", 20),
        ("num => \"1e3\"", "wrong-type", 20),
        ("num => \"05\"", "wrong-type", 20),
        ("bool => 1", "wrong-type", 21),
        ("bool => yes", "wrong-type", 21),
        ("arr => [v1, [v2]]", "wrong-type", 25),
        ("arr => { k1 => v1 }", "wrong-type", 20),
        ("hash => v1", "wrong-type", 21),
        ("hash => [\"a\"]", "wrong-type", 21),
        ("hash => { k1 => v1 } hash => v2", "wrong-type", 42),
        ("size => \"10 potatoes\"", "wrong-type", 21),
        ("nums => [1, v2]", "wrong-type", 25),
        ("mode => \"indx\"", "wrong-type", 21),
        ("nosuch => 1", "unknown-option", 13),
        ("later => true", "option-not-yet", 13),
        ("gone => v1", "obsolete-option", 13),
        ("old => v1", "deprecated-option", 13),
        ("tags => [v1]", "obsolete-option", 13),
        ("str => \"a${NO}\"", "undefined-variable", 22),
        ("num => \"${NO}\"", "undefined-variable", 21),
    ];
    for (text, id, column) in cases {
        let (_, diags) = read(text);
        assert_eq!(diags.len(), 1, "{text}: {diags:?}");
        assert_eq!((diags[0].id, diags[0].primary.as_ref().unwrap().span.start), (id, column), "{text}");
        assert_eq!(diags[0].stops_run, id != "deprecated-option", "{text}");
    }
}

#[test]
fn a_secret_is_not_shown() {
    let (_, diags) = read("pass => [\"hunter2\", \"x\"]");
    assert!(!format!("{diags:?}").contains("hunter2"));
}

#[test]
fn unknown_options_name_the_nearest() {
    for (text, near) in
        [("remov_field => v1", Some("remove_field")), ("hsah => v1", Some("hash")), ("quite_different => v1", None)]
    {
        let (_, diags) = read(text);
        assert!(diags[0].message.starts_with("Unknown setting '") && diags[0].message.ends_with("' for x"));
        assert_eq!(diags[0].helps.first().cloned(), near.map(|near| format!("did you mean `{near}`?")), "{text}");
    }
}

#[test]
fn what_changes_nothing_is_accepted_though_not_built() {
    for text in
        ["later => false", "later => \"false\"", "later => []", "enable_metric => true", "periodic_flush => false"]
    {
        let options = good(text);
        assert!(!options.is_set("later"));
    }
    for text in ["enable_metric => false", "periodic_flush => true"] {
        assert_eq!(read(text).1[0].id, "option-not-yet", "{text}");
    }
}

#[test]
fn required_options_are_missed() {
    const OWN: &[OptionSpec] = &[
        OptionSpec::new("source", OptType::String).required(),
        OptionSpec::new("list", OptType::Uri).list().required(),
    ];
    for (text, missing) in
        [("", 2), ("source => v1", 1), ("source => v1 list => []", 1), ("source => v1 list => v2", 0)]
    {
        let (_, diags) = read_as(PluginKind::Filter, OWN, text);
        assert_eq!(diags.len(), missing, "{text}: {diags:?}");
        assert!(diags.iter().all(|d| d.id == "missing-option" && d.primary.as_ref().unwrap().span.start == 9));
    }
    // a required option that is there and wrong is reported once
    let (_, diags) = read_as(PluginKind::Filter, OWN, "source => [v1, v2] list => v2");
    assert_eq!(diags.iter().map(|d| d.id).collect::<Vec<_>>(), ["wrong-type"]);
}

#[test]
fn a_codec_is_a_name_or_a_plugin_and_only_one() {
    for (text, attrs) in [
        ("codec => json", 0),
        ("codec => \"json\"", 0),
        ("codec => json { charset => \"UTF-8\" }", 1),
        ("codec => [json]", 0),
    ] {
        let (options, diags) = read_as(PluginKind::Input, &[], text);
        assert!(diags.is_empty(), "{text}: {diags:?}");
        let codec = options.codec("codec").unwrap();
        assert_eq!((codec.name.value.as_str(), codec.attrs.len()), ("json", attrs), "{text}");
    }
    for (text, id) in [
        ("codec => json codec => line", "several-codecs"),
        ("codec => json { } codec => json { }", "several-codecs"),
        ("codec => 5", "wrong-type"),
    ] {
        assert_eq!(read_as(PluginKind::Output, &[], text).1[0].id, id, "{text}");
    }
    assert_eq!(read("codec => json").1[0].id, "unknown-option", "a filter has no codec");
}

#[test]
fn getters() {
    let o = good("str => 5.0 num => 0.5 bool => true arr => [v1, 2] size => \"10 KiB\" ref => \"\"");
    assert_eq!(o.string("str").unwrap().value, "5.0");
    assert_eq!(o.number("num").unwrap().value, Number::Float(0.5));
    assert!(o.boolean("bool", false) && o.boolean_set("bool").unwrap().value);
    assert_eq!(o.strings("arr").into_iter().map(|s| s.value).collect::<Vec<_>>(), ["v1", "2"]);
    assert_eq!(o.bytes("size").unwrap().value, 10_240);
    assert!(!o.is_set("ref") && !o.is_set("hash") && o.hash("hash").is_empty() && o.strings("vals").is_empty());
    assert_eq!(o.name_span("num").map(|span| (span.start, span.end)), Some((24, 27)));
}

#[test]
fn sizes() {
    let cases = [
        ("1024", 1024),
        ("\"1024\"", 1024),
        ("\"5mb\"", 5_000_000),
        ("\"5 MiB\"", 5 << 20),
        ("\"1.5 kb\"", 1500),
        ("\"7B\"", 7),
        ("\"1,000 b\"", 1000),
    ];
    for (text, want) in cases {
        assert_eq!(good(&format!("size => {text}")).bytes("size").unwrap().value, want, "{text}");
    }
}

#[test]
#[should_panic(expected = "is in the schema")]
fn asking_for_an_option_that_is_not_declared_is_a_programming_error() {
    good("").is_set("nosuch");
}

#[test]
fn hash_entries_are_applied_in_javas_order_unless_written_as_an_array() {
    let keys = |entries: Vec<(Spanned<String>, Spanned<Value>)>| {
        entries.into_iter().map(|(key, _)| key.value).collect::<Vec<_>>()
    };
    let written = good("hash => { message => 1 somefield => 2 }");
    assert_eq!(keys(written.hash("hash")), ["message", "somefield"]);
    assert_eq!(keys(written.hash_applied("hash")), ["somefield", "message"]);
    assert_eq!(keys(good("hash => [ message, 1, somefield, 2 ]").hash_applied("hash")), ["message", "somefield"]);
}

/// Expected orders printed by a Java 17 HashMap.
#[test]
fn java_hash_order_is_javas() {
    let cases: [(&[&str], &[usize]); 8] = [
        (&[], &[]),
        (&["one", "two", "three"], &[0, 1, 2]),
        (&["message", "host", "level", "path", "service", "status"], &[3, 2, 4, 1, 0, 5]),
        (&["[s][zz]", "[s][y]", "[s][xxx]", "[s][w]"], &[1, 3, 0, 2]),
        // fifteen keys: the table has grown
        (
            &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "q1", "q2"],
            &[13, 0, 14, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
        ),
        // equal hash codes keep the order in which they were put in
        (&["AaAa", "BBBB", "AaBB", "BBAa", "z"], &[4, 0, 1, 2, 3]),
        // beyond the basic plane: two UTF-16 units
        (&["\u{89e3}", "\u{1f600}", "gr\u{fc}n", "x"], &[0, 1, 3, 2]),
        (&["[s][k10]", "[s][k2]", "[s][k1]"], &[0, 2, 1]),
    ];
    for (keys, want) in cases {
        assert_eq!(java_hash_order(keys), want, "{keys:?}");
    }
}
