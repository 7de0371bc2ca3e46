use super::*;
use crate::output::testing::{TestWorld, batch};

fn encoded(encoder: &dyn Encoder, event: &str) -> String {
    let t = TestWorld::new();
    let (batch, _) = batch(&[event]);
    let mut out = Vec::new();
    encoder.encode(&batch.events()[0], &*t.world.clock, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn rubydebug_prints_as_awesome_print_does() {
    let event = r#"{"@timestamp":"1709625600","message":"a \"b\"\n#{x}","tags":["x","y"],"n":{"deep":{"f":1.0},"e":{},"l":[]},
        "nothing":null,"yes":true,"@metadata":{"k":1}}"#;
    let want = r##"{
    "@timestamp" => 2024-03-05T08:00:00.000Z,
       "message" => "a \"b\"\n\#{x}",
          "tags" => [
        [0] "x",
        [1] "y"
    ],
             "n" => {
        "deep" => {
            "f" => 1.0
        },
           "e" => {},
           "l" => []
    },
       "nothing" => nil,
           "yes" => true
}
"##;
    assert_eq!(encoded(&RubyDebug { metadata: false }, event), want);
    let with = encoded(&RubyDebug { metadata: true }, event);
    assert!(
        with.ends_with("           \"yes\" => true,\n     \"@metadata\" => {\n        \"k\" => 1\n    }\n}\n"),
        "{with}"
    );
}

#[test]
fn rubydebug_aligns_the_indices_of_long_lists() {
    let event = r#"{"l":[0,1,2,3,4,5,6,7,8,9,{"a":[1]}]}"#;
    let got = encoded(&RubyDebug { metadata: false }, event);
    assert!(got.starts_with("{\n    \"l\" => [\n        [ 0] 0,\n"), "{got}");
    let end = "        [10] {\n            \"a\" => [\n                [0] 1\n            ]\n        }\n    ]\n}\n";
    assert!(got.ends_with(end), "{got}");
}

#[test]
fn each_codec_has_its_form() {
    let event = r#"{"@timestamp":"0","host":{"name":"h"},"message":["a","b"]}"#;
    for (name, want) in [
        ("json", r#"{"@timestamp":"1970-01-01T00:00:00.000Z","host":{"name":"h"},"message":["a","b"]}"#),
        (
            "json_lines",
            "{\"@timestamp\":\"1970-01-01T00:00:00.000Z\",\"host\":{\"name\":\"h\"},\"message\":[\"a\",\"b\"]}\n",
        ),
        ("line", "1970-01-01T00:00:00.000Z {name=h} [a, b]\n"),
        ("plain", "1970-01-01T00:00:00.000Z {name=h} [a, b]"),
        ("dots", "."),
    ] {
        assert_eq!(encoded(&*named(name), event), want, "{name}");
    }
    assert_eq!(encoded(&*named("plain"), r#"{"@timestamp":"0"}"#), "1970-01-01T00:00:00.000Z %{host} %{message}");
}
