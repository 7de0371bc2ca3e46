use crate::output::Output;
use crate::output::testing::{TestWorld, build, send, unzip};
use crate::world::net::NetError;
use std::sync::Arc;

const SEED: &str = r#"http { url => "http://alertmanager:9093/api/v1/alerts" http_method => "post" format => "json"
    mapping => { "labels" => { "alertname" => "ApplicationError" "service" => "%{[fields][service]}" }
    "annotations" => { "description" => "%{message}" } } }"#;

fn http(t: &TestWorld, options: &str) -> Arc<dyn Output> {
    build(t, &format!("http {{ url => \"http://h/x\" http_method => \"post\" {options} }}"), false).unwrap().output
}

fn header(t: &TestWorld, at: usize, name: &str) -> Option<String> {
    let requests = t.net.requests.lock().unwrap();
    requests[at].1.headers.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v.clone())
}

#[test]
fn each_format_has_its_body() {
    let event = r#"{"a":"x y&","n":1.5,"h":{"k":[null,"v"]},"@metadata":{"m":1}}"#;
    let json = r#"{"a":"x y&","n":1.5,"h":{"k":[null,"v"]}}"#;
    let batch = format!("[{json},{{}}]");
    for (options, bodies, content_type) in [
        ("", vec![json, "{}"], "application/json"),
        ("format => json_batch", vec![batch.as_str()], "application/json"),
        (
            "format => form",
            vec!["a=x+y%26&n=1.5&h=%7B%22k%22%3D%3E%5Bnil%2C+%22v%22%5D%7D", ""],
            "application/x-www-form-urlencoded",
        ),
        ("format => message message => '<%{a}>'", vec!["<x y&>", "<%{a}>"], "text/plain"),
        (
            "mapping => { 'a' => '%{n}' 'l' => [ 1, '%{a}', { 'd' => '%{[h][k]}' } ] '%{a}' => true } content_type => 'x/%{n}'",
            vec![
                r#"{"a":"1.5","l":["1","x y&",{"d":",v"}],"%{a}":"true"}"#,
                r#"{"a":"%{n}","l":["1","%{a}",{"d":"%{[h][k]}"}],"%{a}":"true"}"#,
            ],
            "x/1.5",
        ),
        (
            "format => form mapping => { 'a' => '%{n}' 'b' => { 'c' => 'q\"' } }",
            vec!["a=1.5&b=%7B%22c%22%3D%3E%22q%5C%22%22%7D", "a=%25%7Bn%7D&b=%7B%22c%22%3D%3E%22q%5C%22%22%7D"],
            "application/x-www-form-urlencoded",
        ),
    ] {
        let t = TestWorld::new();
        t.answer(|_, _| Ok((200, String::new())));
        let tally = send(&t, &*http(&t, options), &[event, "{}"]);
        assert_eq!(tally.deliveries_done, 2, "{options}");
        assert_eq!(t.bodies(), bodies, "{options}");
        assert_eq!(header(&t, 0, "content-type").as_deref(), Some(content_type), "{options}");
    }
}

#[test]
fn url_and_headers_are_templates_and_the_rest_of_the_request_follows_the_options() {
    let t = TestWorld::new();
    t.answer(|_, _| Ok((200, String::new())));
    let options = r#"url => "http://h/%{a}/x" http_method => "put" headers => { "X-A" => "%{b}" } http_compression => true
        user => "u" password => "p" request_timeout => 7"#;
    let out = build(&t, &format!("http {{ {options} }}"), false).unwrap().output;
    send(&t, &*out, &[r#"{"a":"1","b":"2"}"#]);
    let requests = t.net.requests.lock().unwrap();
    let r = &requests[0].1;
    assert_eq!((r.method, r.url.as_str(), r.timeout.as_secs()), ("PUT", "http://h/1/x", 7));
    assert_eq!(unzip(r), br#"{"a":"1","b":"2"}"#);
    for (name, value) in [("X-A", "2"), ("Authorization", "Basic dTpw"), ("Content-Encoding", "gzip")] {
        assert!(r.headers.iter().any(|(k, v)| k == name && v == value), "{name}: {:?}", r.headers);
    }
}

#[test]
fn statuses_end_or_repeat_as_the_options_say() {
    for (options, status, requests, dead) in [
        ("", 200, 1, 0),
        ("", 204, 1, 0),
        ("", 400, 1, 1),
        ("", 302, 1, 1),
        ("ignorable_codes => [404]", 404, 1, 0),
        ("retryable_codes => [404]", 404, 3, 0),
        ("retryable_codes => [404]", 503, 1, 1),
        ("", 503, 3, 0),
        ("retry_failed => false", 503, 1, 1),
    ] {
        let t = TestWorld::new();
        t.answer(move |n, _| Ok((if n < 2 { status } else { 200 }, "why\n not".into())));
        let tally = send(&t, &*http(&t, options), &[r#"{"n":1}"#]);
        let got = t.net.requests.lock().unwrap().len();
        assert_eq!((got, tally.deliveries_dead), (requests, dead), "{options} {status}");
        let letters = t.fs.text("/dead.ndjson");
        assert_eq!(letters.contains(&format!("\"status\":{status}")), dead == 1, "{letters}");
        assert_eq!(letters.contains("\"event\":{\"n\":1}") && letters.contains("why not"), dead == 1, "{letters}");
    }
}

#[test]
fn waits_grow_with_the_square_of_the_attempt_up_to_a_minute() {
    let t = TestWorld::new();
    t.answer(|n, _| if n < 10 { Err(NetError::Connect("refused".into())) } else { Ok((200, String::new())) });
    send(&t, &*http(&t, ""), &["{}"]);
    let times = t.times();
    for (i, pair) in times.windows(2).enumerate() {
        let whole = (((i + 1) * (i + 1)) as f64).min(60.0);
        let waited = pair[1] - pair[0];
        assert!(waited >= whole / 2.0 && waited <= whole, "{i}: {waited}");
    }
}

#[test]
fn automatic_retries_are_for_methods_that_may_be_repeated() {
    for (method, extra, at_once) in [("put", "", 2), ("post", "", 1), ("post", "retry_non_idempotent => true", 2)] {
        let t = TestWorld::new();
        t.answer(|_, _| Err(NetError::Timeout));
        let text = format!(
            "http {{ url => 'http://h' http_method => '{method}' automatic_retries => 1 retry_failed => false {extra} }}"
        );
        let out = build(&t, &text, false).unwrap().output;
        assert_eq!(send(&t, &*out, &["{}"]).deliveries_dead, 1);
        assert_eq!(t.times(), vec![0.0; at_once], "{method} {extra}");
    }
}

#[test]
fn a_request_that_cannot_be_sent_is_a_dead_letter() {
    let t = TestWorld::new();
    t.answer(|_, _| Err(NetError::BadRequest("no url".into())));
    assert_eq!(send(&t, &*http(&t, ""), &["{}", "{}"]).deliveries_dead, 2);
}

#[test]
fn the_seeds_output_works_with_both_interfaces_and_says_so() {
    for gone in [0, 404, 410] {
        let t = TestWorld::new();
        t.answer(move |_, r| Ok((if gone != 0 && r.url.contains("/v1/") { gone } else { 200 }, String::new())));
        let built = build(&t, SEED, false).unwrap();
        let note = built.note.unwrap();
        assert!(
            note.starts_with("alertmanager-api: ") && note.contains("http://alertmanager:9093/api/v1/alerts"),
            "{note}"
        );
        let events = [r#"{"message":"a"}"#, r#"{"message":"b","fields":{"service":"s"}}"#, r#"{"message":"c"}"#];
        assert_eq!(send(&t, &*built.output, &events).deliveries_done, 3);
        assert_eq!(send(&t, &*built.output, &events[..1]).deliveries_done, 1);
        let body = concat!(
            r#"[{"labels":{"alertname":"ApplicationError","service":"%{[fields][service]}"},"annotations":{"description":"c"}},"#,
            r#"{"labels":{"alertname":"ApplicationError","service":"s"},"annotations":{"description":"b"}}]"#
        );
        let (v1, v2) = ("http://alertmanager:9093/api/v1/alerts", "http://alertmanager:9093/api/v2/alerts");
        let urls = if gone == 0 { vec![v1, v1] } else { vec![v1, v2, v2] };
        assert_eq!(t.urls(), urls);
        assert_eq!(t.bodies()[urls.len() - 2], body);
    }
}

#[test]
fn one_bad_alert_does_not_take_the_others_with_it() {
    let t = TestWorld::new();
    t.answer(|_, r| Ok((if r.body.windows(5).any(|w| w == b"\"bad\"") { 400 } else { 200 }, "bad label".into())));
    let out = build(&t, SEED, false).unwrap().output;
    let event = |s: &str| format!("{{\"message\":\"m\",\"fields\":{{\"service\":\"{s}\"}}}}");
    let tally = send(&t, &*out, &[&event("a"), &event("bad"), &event("c")]);
    assert_eq!((tally.deliveries_done, tally.deliveries_dead), (2, 1));
    assert!(t.fs.text("/dead.ndjson").contains("\"status\":400"));
}

#[test]
fn strict_and_other_urls_are_left_as_they_are() {
    let t = TestWorld::new();
    t.answer(|_, _| Ok((410, String::new())));
    let strict = build(&t, SEED, true).unwrap();
    assert_eq!(strict.note, None);
    assert_eq!(send(&t, &*strict.output, &["{}"]).deliveries_dead, 1);
    assert!(t.bodies()[0].starts_with("{\"labels\""));
    for changed in [
        SEED.replace("/alerts", "/alert"),
        SEED.replace("alertmanager:9093", "%{host}"),
        SEED.replace("\"labels\"", "\"label\""),
        SEED.replace("\"json\"", "\"json_batch\""),
        SEED.replace("\"post\"", "\"put\""),
    ] {
        assert_eq!(build(&t, &changed, false).unwrap().note, None, "{changed}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    let t = TestWorld::new();
    for (options, id) in [
        ("url => 'http://h' http_method => 'post' format => 'message'", "missing-option"),
        (
            "url => 'http://h' http_method => 'post' format => 'message' message => 'm' mapping => { 'a' => 'b' }",
            "lost-option",
        ),
        ("url => 'http://h'", "missing-option"),
        ("url => 'http://h' http_method => 'post' proxy => 'http://p'", "option-not-yet"),
        ("url => 'http://h' http_method => 'post' cacert => '/none.pem'", "deprecated-option"),
        ("url => 'http://h' http_method => 'post' ssl_certificate_authorities => '/none.pem'", "no-such-file"),
        ("url => 'http://h' http_method => 'post' formt => 'json'", "unknown-option"),
    ] {
        let said = build(&t, &format!("http {{ {options} }}"), false).err().unwrap_or_default();
        assert!(said.iter().any(|s| s.starts_with(id)), "{options}: {said:?}");
    }
}
