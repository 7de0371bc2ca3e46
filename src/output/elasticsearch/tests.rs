use super::*;
use crate::ack::Tally;
use crate::config::build::BuildCx;
use crate::config::diagnostic::Severity;
use crate::config::logstash::ast::Stmt;
use crate::config::logstash::parse;
use crate::config::options::{Options, PluginKind};
use crate::config::source::{FileId, SourceMap};
use crate::config::variables::Variables;
use crate::output::testing::{TestWorld, batch, parcel, send, unzip};
use crate::world::net::{NetError, Request};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// The configuration of `elasticsearch { <text> }`, and the ids of what was found.
fn read(t: &TestWorld, text: &str) -> (Option<Config>, Vec<&'static str>) {
    let mut sources = SourceMap::new();
    let whole = format!("output {{ elasticsearch {{ {text} }} }}");
    sources.add("test.conf", &whole);
    let (config, mut diagnostics) = parse(FileId(0), &whole, false);
    assert!(diagnostics.is_empty(), "{text}: {diagnostics:?}");
    let Stmt::Plugin(plugin) = &config.sections[0].body[0] else { panic!("{config:?}") };
    let lookup = |_: &str| None;
    let variables = Variables { lookup: &lookup, undefined: Severity::Error };
    let options = Options::new(plugin, PluginKind::Output, OPTIONS, &variables, &mut diagnostics);
    let mut cx = BuildCx::new(&mut diagnostics, &t.world, &variables, &sources);
    let config = build(&options, &mut cx);
    (config, diagnostics.iter().map(|d| d.id).collect())
}

fn output(t: &TestWorld, text: &str) -> Elasticsearch {
    let (config, found) = read(t, text);
    Elasticsearch::new(config.unwrap_or_else(|| panic!("{text}: {found:?}")), t.cx())
}

const INDEX: &str = "index => 'logs'";

/// The action lines and documents of a request.
fn lines(request: &Request) -> Vec<String> {
    String::from_utf8(unzip(request)).unwrap().lines().map(str::to_string).collect()
}

/// Answers each document by its `status` for the document's `n` at the n-th request.
fn by_document(t: &TestWorld, status: impl Fn(usize, &str) -> u16 + Send + Sync + 'static) {
    t.answer(move |n, request| {
        let lines = lines(request);
        let items: Vec<String> = lines
            .chunks(2)
            .map(|pair| {
                let status = status(n, &pair[1]);
                let error = if status < 300 { "" } else { r#","error":{"type":"t","reason":"r"}"# };
                let id = response::id_of_action(pair[0].as_bytes()).map_or("null".into(), |i| format!("{i:?}"));
                format!(r#"{{"create":{{"_id":{id},"status":{status}{error}}}}}"#)
            })
            .collect();
        Ok((200, format!(r#"{{"errors":true,"items":[{}]}}"#, items.join(","))))
    });
}

fn dead(t: &TestWorld) -> Vec<serde_json::Value> {
    t.fs.text("/dead.ndjson").lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn ended(done: u64, dead: u64) -> (u64, u64) {
    (done, dead)
}

fn tally(t: Tally) -> (u64, u64) {
    (t.deliveries_done, t.deliveries_dead)
}

#[test]
fn bodies_of_every_kind_of_configuration() {
    let id = "AAAAAAAAAAcAAAAAAAA";
    let event =
        r#"{"@timestamp":"1709683190","message":"m","n":"x","data_stream":{"dataset":"d"},"@metadata":{"i":"7"}}"#;
    let doc = r#"{"@timestamp":"2024-03-05T23:59:50.000Z","message":"m","n":"x","data_stream":{"dataset":"d"}}"#;
    let synced = r#"{"@timestamp":"2024-03-05T23:59:50.000Z","message":"m","n":"x","data_stream":{"type":"logs","dataset":"d","namespace":"default"}}"#;
    let fixed = r#"{"@timestamp":"2024-03-05T23:59:50.000Z","message":"m","n":"x","data_stream":{"type":"logs","dataset":"generic","namespace":"default"}}"#;
    for (text, action, document) in [
        ("index => 'a-%{+YYYY.MM.dd}'", format!(r#"{{"create":{{"_index":"a-2024.03.05","_id":"{id}"}}}}"#), doc),
        (
            "index => 'a-%{n}' pipeline => 'p-%{n}' routing => '%{n}'",
            format!(r#"{{"create":{{"_index":"a-x","_id":"{id}","routing":"x","pipeline":"p-x"}}}}"#),
            doc,
        ),
        ("index => 'a' document_id => '%{[@metadata][i]}'", r#"{"index":{"_index":"a","_id":"7"}}"#.to_string(), doc),
        (
            "index => 'a' action => 'create' document_id => 'q\"'",
            r#"{"create":{"_index":"a","_id":"q\""}}"#.to_string(),
            doc,
        ),
        ("index => 'a' action => 'create'", format!(r#"{{"create":{{"_index":"a","_id":"{id}"}}}}"#), doc),
        (
            "index => 'a' version => '%{[@metadata][i]}' version_type => 'external' document_id => 'k'",
            r#"{"index":{"_index":"a","_id":"k","version":"7","version_type":"external"}}"#.to_string(),
            doc,
        ),
        ("data_stream => false", format!(r#"{{"create":{{"_index":"ecs-logstash-2024.03.05","_id":"{id}"}}}}"#), doc),
        (
            "ecs_compatibility => disabled",
            format!(r#"{{"create":{{"_index":"logstash-2024.03.05","_id":"{id}"}}}}"#),
            doc,
        ),
        ("manage_template => false", format!(r#"{{"create":{{"_index":"logs-d-default","_id":"{id}"}}}}"#), synced),
        ("pipeline => ''", format!(r#"{{"create":{{"_index":"logs-d-default","_id":"{id}"}}}}"#), synced),
        (
            "data_stream_auto_routing => false",
            format!(r#"{{"create":{{"_index":"logs-generic-default","_id":"{id}"}}}}"#),
            fixed,
        ),
        (
            "data_stream_sync_fields => false",
            format!(r#"{{"create":{{"_index":"logs-d-default","_id":"{id}"}}}}"#),
            doc,
        ),
    ] {
        let t = TestWorld::new();
        let es = output(&t, text);
        let (batch, _end) = batch(&[event]);
        let parcel = parcel(&es, &batch);
        let wanted = format!("{action}\n{document}\n");
        assert_eq!(String::from_utf8(parcel.body.clone()).unwrap(), wanted, "{text}");
        assert_eq!(parcel.document(&parcel.items[0]), document.as_bytes(), "{text}");
        assert_eq!(parcel.items[0].derived_id, action.contains(id), "{text}");
    }
}

#[test]
fn updates_and_deletions() {
    let t = TestWorld::new();
    t.answer(|_, _| Ok((200, r#"{"errors":false,"items":[{"update":{"status":200}}]}"#.into())));
    let es =
        output(&t, "index => 'a' action => 'update' document_id => 'k' doc_as_upsert => true compression_level => 0");
    assert_eq!(tally(send(&t, &es, &[r#"{"a":1}"#])), ended(1, 0));
    let es = output(&t, "index => 'a' action => '%{act}' document_id => 'k' compression_level => 0");
    assert_eq!(tally(send(&t, &es, &[r#"{"act":"delete"}"#])), ended(1, 0));
    assert_eq!(tally(send(&t, &es, &[r#"{"act":"upset"}"#])), ended(0, 1));
    assert_eq!(
        t.bodies(),
        [
            "{\"update\":{\"_index\":\"a\",\"_id\":\"k\",\"retry_on_conflict\":1}}\n{\"doc\":{\"a\":1},\"doc_as_upsert\":true}\n",
            "{\"delete\":{\"_index\":\"a\",\"_id\":\"k\"}}\n",
        ]
    );
    let d = dead(&t);
    assert_eq!((&d[0]["reason"], &d[0]["event"]["act"]), (&"unsupported-action".into(), &"upset".into()));
}

#[test]
fn every_item_gets_its_own_verdict_and_keeps_its_id() {
    let t = TestWorld::new();
    by_document(&t, |n, doc| {
        let wish: serde_json::Value = serde_json::from_str(doc).unwrap();
        wish["s"][n.min(1)].as_u64().unwrap() as u16
    });
    let es = output(&t, INDEX);
    let got = send(
        &t,
        &es,
        &[
            r#"{"s":[201,0]}"#,
            r#"{"s":[429,201]}"#,
            r#"{"s":[400,0]}"#,
            r#"{"s":[409,0]}"#,
            r#"{"s":[503,409]}"#,
            r#"{"s":[404,0]}"#,
            r#"{"s":[403,201]}"#,
            r#"{"s":[413,0]}"#,
        ],
    );
    assert_eq!(tally(got), ended(5, 3));
    let requests = t.net.requests.lock().unwrap();
    let sent: Vec<Vec<String>> = requests.iter().map(|(_, r)| lines(r)).collect();
    assert_eq!(sent.len(), 2);
    // the second request has exactly what was undecided, byte for byte
    let again: Vec<String> = [1, 4, 6].iter().flat_map(|&i| sent[0][2 * i..2 * i + 2].to_vec()).collect();
    assert_eq!(sent[1], again);
    let waited = (requests[1].0 - requests[0].0).as_secs_f64();
    assert!((1.0..=2.0).contains(&waited), "{waited}");
    let d = dead(&t);
    let all: Vec<_> = d
        .iter()
        .map(|d| (d["reason"].as_str().unwrap(), d["status"].as_u64().unwrap(), d["offset"].as_u64().unwrap()))
        .collect();
    assert_eq!(all, [("rejected", 400, 200), ("rejected", 404, 500), ("too-large", 413, 700)]);
    assert_eq!(d[0]["source"], "/var/log/a.log");
    assert_eq!(d[0]["event"]["s"][0], 400);
    assert!(d[0]["message"].as_str().unwrap().contains("\"reason\":\"r\""), "{}", d[0]);
    let metrics = es.cx.metrics.render();
    for line in [
        "logdrive_output_events_total{output=\"out\"} 5",
        "logdrive_output_conflicts_total{output=\"out\"} 2",
        "logdrive_output_retries_total{output=\"out\"} 3",
        "logdrive_output_requests_total{output=\"out\"} 2",
        "logdrive_output_statuses_total{output=\"out\",status=\"429\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
}

#[test]
fn a_conflict_on_an_id_of_the_configuration_is_a_dead_letter() {
    let t = TestWorld::new();
    by_document(&t, |_, _| 409);
    let es = output(&t, "index => 'a' document_id => '%{k}'");
    assert_eq!(tally(send(&t, &es, &[r#"{"k":"1"}"#])), ended(0, 1));
    assert_eq!(dead(&t)[0]["reason"], "conflict");
}

#[test]
fn an_id_that_no_request_may_have_is_a_dead_letter() {
    let t = TestWorld::new();
    by_document(&t, |_, _| 201);
    let es = output(&t, "index => 'a' document_id => '%{k}'");
    let long = format!(r#"{{"k":"{}"}}"#, "x".repeat(513));
    let longest = format!(r#"{{"k":"{}"}}"#, "x".repeat(512));
    assert_eq!(tally(send(&t, &es, &[r#"{"k":""}"#, &long, &longest])), ended(1, 2));
    assert!(dead(&t).iter().all(|d| d["reason"] == "bad-id"));
}

#[test]
fn an_index_name_with_a_missing_field_is_a_dead_letter() {
    let t = TestWorld::new();
    by_document(&t, |_, _| 201);
    let es = output(&t, "index => 'a-%{n}'");
    assert_eq!(tally(send(&t, &es, &[r#"{"n":"x"}"#, r#"{"m":"x"}"#])), ended(1, 1));
    assert_eq!(dead(&t)[0]["reason"], "index-name");
    assert_eq!(dead(&t)[0]["event"]["m"], "x");
    let es = output(&t, "index => 'a-%{n}' dlq_on_failed_indexname_interpolation => false");
    assert_eq!(tally(send(&t, &es, &[r#"{"m":"x"}"#])), ended(1, 0));
}

#[test]
fn the_whole_request_is_sent_again_when_it_failed_as_a_whole() {
    let good = r#"{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}"#;
    for (name, first) in [
        ("429", Ok((429, "es_rejected_execution_exception".to_string()))),
        ("500", Ok((500, String::new()))),
        ("503", Ok((503, "<html>".into()))),
        ("404", Ok((404, "no handler".into()))),
        ("302", Ok((302, String::new()))),
        ("401", Ok((401, "security_exception".into()))),
        ("403", Ok((403, "security_exception".into()))),
        ("refused", Err(NetError::Connect("refused".into()))),
        ("timeout", Err(NetError::Timeout)),
        ("broken", Err(NetError::Broken("reset".into()))),
        ("empty", Ok((200, String::new()))),
        ("html", Ok((200, "<html>it works</html>".into()))),
        ("cut", Ok((200, good[..good.len() - 3].into()))),
        ("short", Ok((200, r#"{"errors":false,"items":[{"create":{"status":201}}]}"#.into()))),
        ("no items", Ok((200, r#"{"errors":false}"#.into()))),
        ("none", Ok((200, r#"{"errors":false,"items":[]}"#.into()))),
        (
            "others",
            Ok((200, r#"{"items":[{"create":{"_id":"q","status":201}},{"create":{"_id":"r","status":400}}]}"#.into())),
        ),
    ] {
        let t = TestWorld::new();
        t.answer(move |n, _| if n == 0 { first.clone() } else { Ok((200, good.into())) });
        let es = output(&t, INDEX);
        assert_eq!(tally(send(&t, &es, &[r#"{"a":1}"#, r#"{"a":2}"#])), ended(2, 0), "{name}");
        let bodies = t.bodies();
        assert_eq!(bodies.len(), 2, "{name}");
        assert_eq!(bodies[0], bodies[1], "{name}");
        let waited = t.times()[1];
        assert!((1.0..=2.0).contains(&waited), "{name}: {waited}");
        assert!(dead(&t).is_empty(), "{name}");
    }
}

#[test]
fn a_server_that_lies_about_errors_or_order_is_not_believed() {
    let t = TestWorld::new();
    // says that there are no errors, and answers in the wrong order
    t.answer(|n, request| {
        let ids: Vec<String> =
            lines(request).chunks(2).map(|p| response::id_of_action(p[0].as_bytes()).unwrap()).collect();
        let status = |i: usize| if n == 0 && i == 0 { 429 } else { 201 };
        let items: Vec<String> = ids
            .iter()
            .enumerate()
            .rev()
            .map(|(i, id)| format!(r#"{{"create":{{"_id":"{id}","status":{}}}}}"#, status(i)))
            .collect();
        Ok((200, format!(r#"{{"errors":false,"items":[{}]}}"#, items.join(","))))
    });
    let es = output(&t, INDEX);
    assert_eq!(tally(send(&t, &es, &[r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#])), ended(3, 0));
    let again = &t.bodies()[1];
    assert!(again.contains(r#"{"a":1}"#) && !again.contains(r#"{"a":2}"#) && !again.contains(r#"{"a":3}"#), "{again}");
}

#[test]
fn waits_double_up_to_the_limit_and_refusals_are_tried_at_least_every_30_s() {
    for (status, longest) in [(500, 64.0), (403, 30.0)] {
        let t = TestWorld::new();
        t.answer(move |n, _| {
            if n < 9 { Ok((status, "no".into())) } else { Ok((200, r#"{"items":[{"create":{"status":201}}]}"#.into())) }
        });
        let es = output(&t, INDEX);
        assert_eq!(tally(send(&t, &es, &[r#"{"a":1}"#])), ended(1, 0));
        let times = t.times();
        let waits: Vec<f64> = times.windows(2).map(|w| w[1] - w[0]).collect();
        for (i, wait) in waits.iter().enumerate() {
            let whole = f64::min(2f64.powi(i as i32 + 1), longest);
            assert!((whole / 2.0..=whole).contains(wait), "{status}: {waits:?}");
        }
    }
}

#[test]
fn a_request_that_is_too_large_is_split_down_to_the_one_event() {
    let t = TestWorld::new();
    let seen = std::sync::Arc::new(Mutex::new(BTreeMap::new()));
    let documents = std::sync::Arc::clone(&seen);
    t.answer(move |_, request| {
        let lines = lines(request);
        if lines.len() > 4 || lines.iter().any(|l| l.contains("big")) {
            return Ok((413, String::new()));
        }
        let mut seen = documents.lock().unwrap();
        for pair in lines.chunks(2) {
            *seen.entry(pair[1].clone()).or_insert(0) += 1;
        }
        let items = vec![r#"{"create":{"status":201}}"#; lines.len() / 2].join(",");
        Ok((200, format!(r#"{{"errors":false,"items":[{items}]}}"#)))
    });
    let es = output(&t, INDEX);
    let events: Vec<String> = (0..9).map(|i| format!(r#"{{"a":"{}{i}"}}"#, if i == 4 { "big" } else { "" })).collect();
    let texts: Vec<&str> = events.iter().map(String::as_str).collect();
    assert_eq!(tally(send(&t, &es, &texts)), ended(8, 1));
    assert_eq!(seen.lock().unwrap().len(), 8);
    assert!(seen.lock().unwrap().values().all(|n| *n == 1));
    assert_eq!((&dead(&t)[0]["reason"], &dead(&t)[0]["event"]["a"]), (&"too-large".into(), &"big4".into()));
    // splitting needs no waiting
    assert_eq!(t.seconds(), 0.0);
}

#[test]
fn what_no_request_can_hold_is_found_but_only_on_a_server_that_understands_others() {
    let t = TestWorld::new();
    t.answer(|_, request| {
        let lines = lines(request);
        if lines.iter().any(|l| l.contains("poison")) {
            return Ok((400, "Validation Failed: 1: id is too long".into()));
        }
        let items = vec![r#"{"create":{"status":201}}"#; lines.len() / 2].join(",");
        Ok((200, format!(r#"{{"errors":false,"items":[{items}]}}"#)))
    });
    let es = output(&t, INDEX);
    assert_eq!(tally(send(&t, &es, &[r#"{"a":1}"#, r#"{"a":"poison"}"#, r#"{"a":3}"#])), ended(2, 1));
    assert_eq!(dead(&t)[0]["event"]["a"], "poison");

    let t = TestWorld::new();
    t.answer(|_, _| Ok((400, "unknown parameter".into())));
    let es = output(&t, INDEX);
    let (batch, end) = batch(&[r#"{"a":1}"#, r#"{"a":2}"#]);
    let parcel = parcel(&es, &batch);
    assert!(t.block_until(std::time::Duration::from_secs(900), es.deliver(parcel)).is_none());
    assert!(end.try_recv().is_err());
    assert!(dead(&t).is_empty());
}

#[test]
fn large_parcels_become_several_requests() {
    let t = TestWorld::new();
    let sizes = std::sync::Arc::new(Mutex::new(vec![]));
    let seen = std::sync::Arc::clone(&sizes);
    t.answer(move |_, request| {
        let lines = lines(request);
        seen.lock().unwrap().push((unzip(request).len(), lines.len() / 2));
        let items = vec![r#"{"create":{"status":201}}"#; lines.len() / 2].join(",");
        Ok((200, format!(r#"{{"errors":false,"items":[{items}]}}"#)))
    });
    let (config, _) = read(&t, INDEX);
    let config = Config { request_bytes_max: 20_000, ..config.unwrap() };
    let es = Elasticsearch::new(config, t.cx());
    let text = format!(r#"{{"a":"{}"}}"#, "x".repeat(6_000));
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(21_000));
    assert_eq!(tally(send(&t, &es, &[&text, &text, &text, &text, &large, &text])), ended(6, 0));
    let sizes = sizes.lock().unwrap();
    assert_eq!(sizes.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [3, 1, 1, 1]);
    assert!(sizes.iter().all(|(bytes, n)| *bytes < 20_000 || *n == 1));
}

#[test]
fn another_host_is_used_at_once_when_one_fails() {
    let t = TestWorld::new();
    t.answer(|_, request| {
        if request.url.contains("//a:") {
            return Err(NetError::Connect("refused".into()));
        }
        Ok((200, r#"{"items":[{"create":{"status":201}}]}"#.into()))
    });
    let es = output(&t, "index => 'i' hosts => ['a', 'b:9201']");
    for _ in 0..3 {
        assert_eq!(tally(send(&t, &es, &[r#"{"a":1}"#])), ended(1, 0));
    }
    assert_eq!(t.seconds(), 0.0);
    let hosts: Vec<bool> = t.urls().iter().map(|u| u.starts_with("http://b:9201/_bulk?")).collect();
    assert_eq!(hosts, [false, true, true, true]);
}

#[test]
fn all_hosts_down_costs_one_wait_for_each_round() {
    let t = TestWorld::new();
    t.answer(|n, _| {
        if n < 6 {
            Err(NetError::Connect("refused".into()))
        } else {
            Ok((200, r#"{"items":[{"create":{"status":201}}]}"#.into()))
        }
    });
    let es = output(&t, "index => 'i' hosts => ['a', 'b'] resurrect_delay => 0");
    assert_eq!(tally(send(&t, &es, &[r#"{"a":1}"#])), ended(1, 0));
    let times: BTreeSet<u64> = t.times().iter().map(|s| (s * 1000.0) as u64).collect();
    assert_eq!((t.times().len(), times.len()), (7, 4), "{:?}", t.times());
}

#[test]
fn stop_while_waiting_reports_nothing() {
    for answer in [Ok((500, String::new())), Ok((403, String::new())), Err(NetError::Timeout)] {
        let t = TestWorld::new();
        let es = output(&t, INDEX);
        let stop = es.cx.stop.clone();
        t.answer(move |n, _| {
            if n == 2 {
                stop.ask();
            }
            answer.clone()
        });
        let (batch, end) = batch(&[r#"{"a":1}"#]);
        let parcel = parcel(&es, &batch);
        t.block_on(es.deliver(parcel));
        assert!(end.try_recv().is_err());
        assert_eq!(t.bodies().len(), 3);
        assert!(dead(&t).is_empty());
    }
}

#[test]
fn a_dead_letter_file_that_cannot_be_written_holds_the_event() {
    let t = TestWorld::new();
    by_document(&t, |_, doc| if doc.contains("bad") { 400 } else { 201 });
    t.fs.deny.store(true, std::sync::atomic::Ordering::SeqCst);
    let es = output(&t, INDEX);
    let (batch, end) = batch(&[r#"{"a":"bad"}"#, r#"{"a":"good"}"#]);
    let parcel = parcel(&es, &batch);
    let mut delivery = es.deliver(parcel);
    assert!(t.block_until(std::time::Duration::from_secs(600), &mut delivery).is_none());
    assert!(end.try_recv().is_err());
    t.fs.deny.store(false, std::sync::atomic::Ordering::SeqCst);
    t.block_on(delivery);
    assert_eq!(tally(end.try_recv().unwrap()), ended(1, 1));
    assert_eq!(dead(&t).len(), 1);
}

#[test]
fn sent_again_after_a_crash_the_ids_are_the_same() {
    let ids = |place| {
        let t = TestWorld::new();
        by_document(&t, |_, _| 201);
        let (config, _) = read(&t, INDEX);
        let es = Elasticsearch::new(config.unwrap(), crate::output::OutputCx { place, ..t.cx() });
        send(&t, &es, &[r#"{"a":1}"#, r#"{"a":2}"#]);
        t.bodies().remove(0)
    };
    assert_eq!(ids(0), ids(0));
    assert_ne!(ids(0), ids(1));
}

#[test]
fn requests_carry_login_headers_path_and_parameters() {
    for (text, url, authorization, gzip) in [
        ("", "http://127.0.0.1:9200/_bulk?F", None, true),
        ("hosts => 'elasticsearch:9200'", "http://elasticsearch:9200/_bulk?F", None, true),
        ("hosts => '//h'", "http://h:9200/_bulk?F", None, true),
        ("hosts => 'http://u:p%40@h:1/x/'", "http://h:1/x/_bulk?F", Some("Basic dTpwQA=="), true),
        ("hosts => 'h' path => '/p/' user => 'u' password => 'p'", "http://h:9200/p/_bulk?F", Some("Basic dTpw"), true),
        (
            "hosts => 'h?a=1' bulk_path => '/b/_bulk' parameters => { 'q r' => 2 }",
            "http://h:9200/b/_bulk?F&a=1&q%20r=2",
            None,
            true,
        ),
        (
            "hosts => 'h' ssl_enabled => true api_key => 'id:key'",
            "https://h:9200/_bulk?F",
            Some("ApiKey aWQ6a2V5"),
            true,
        ),
        ("compression_level => 0", "http://127.0.0.1:9200/_bulk?F", None, false),
        ("http_compression => false", "http://127.0.0.1:9200/_bulk?F", None, false),
    ] {
        let t = TestWorld::new();
        t.answer(|_, _| Ok((200, r#"{"items":[{"create":{"status":201}}]}"#.into())));
        let es = output(&t, &format!("{text} custom_headers => {{ 'x-a' => 'b' }}"));
        assert_eq!(tally(send(&t, &es, &[r#"{"a":1}"#])), ended(1, 0), "{text}");
        let requests = t.net.requests.lock().unwrap();
        let request = &requests[0].1;
        let header = |name: &str| request.headers.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str());
        let filter = "filter_path=errors,items.*.status,items.*.error,items.*._id";
        assert_eq!(request.url, url.replace('F', filter), "{text}");
        assert_eq!(header("authorization"), authorization, "{text}");
        assert_eq!(header("content-encoding"), gzip.then_some("gzip"), "{text}");
        assert_eq!((header("x-a"), header("content-type")), (Some("b"), Some("application/x-ndjson")), "{text}");
        assert_eq!(request.timeout, std::time::Duration::from_secs(60));
    }
}

#[test]
fn filebeats_own_options_become_the_same_output() {
    let t = TestWorld::new();
    let text = "output.elasticsearch:\n  hosts: ['es:9201', 'https://u:p@es2']\n  username: v\n  password: w\n  pipeline: 'P-%{[n]}'\n  \
                parameters: {a: b}\n  headers: {x-a: c}\n  bulk_max_size: 2\n  timeout: 5\n";
    let text = format!("{text}filebeat.inputs:\n- type: stdin\n");
    let mut sources = SourceMap::new();
    let file = sources.add("filebeat.yml", text);
    let env = |_: &str| None;
    let (filebeat, found) = crate::config::filebeat::parse(&sources, &[file], &[], "/", &env);
    assert!(found.iter().all(|d| !d.stops_run), "{found:?}");
    let Some(crate::config::filebeat::outputs::OutputConfig::Elasticsearch(options)) = filebeat.output else {
        panic!()
    };
    let mut diagnostics = vec![];
    let config = from_filebeat(&options, &t.world, &mut diagnostics).unwrap_or_else(|| panic!("{diagnostics:?}"));
    let es = Elasticsearch::new(config, t.cx());
    t.answer(|_, request| {
        let items = vec![r#"{"create":{"status":201}}"#; lines(request).len() / 2].join(",");
        Ok((200, format!(r#"{{"errors":false,"items":[{items}]}}"#)))
    });
    let event = r#"{"@timestamp":"1709683190","agent":{"version":"8.5.0"},"n":"X"}"#;
    let named = r#"{"@timestamp":"1709683190","@metadata":{"raw_index":"Mine","pipeline":"q"}}"#;
    let lost = r#"{"@timestamp":"1709683190","n":"no agent"}"#;
    assert_eq!(tally(send(&t, &es, &[event, named, event, lost])), ended(3, 1));
    assert_eq!(dead(&t)[0]["reason"], "index-name");
    let requests = t.net.requests.lock().unwrap();
    assert_eq!(requests.iter().map(|(_, r)| lines(r).len() / 2).collect::<Vec<_>>(), [2, 1]);
    let first = lines(&requests[0].1);
    let wanted = r#"{"create":{"_index":"filebeat-8.5.0-2024.03.05","_id":"AAAAAAAAAAcAAAAAAAA","pipeline":"p-x"}}"#;
    assert_eq!(first[0], wanted);
    assert_eq!(first[2], r#"{"create":{"_index":"mine","_id":"AAAAAAAAAAcAAAAAAGQ","pipeline":"q"}}"#);
    let filter = "filter_path=errors,items.*.status,items.*.error,items.*._id";
    assert_eq!(requests[0].1.url, format!("http://es:9201/_bulk?{filter}&a=b"));
    assert_eq!(requests[1].1.url, format!("https://es2:9200/_bulk?{filter}&a=b"));
    for (_, r) in requests.iter() {
        let header = |name: &str| r.headers.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str());
        assert_eq!((header("authorization"), header("x-a")), (Some("Basic djp3"), Some("c")));
        assert_eq!(r.timeout, std::time::Duration::from_secs(5));
    }
}

#[test]
fn what_the_original_refuses_is_refused_and_what_is_not_there_yet_is_said() {
    let t = TestWorld::new();
    t.fs.put("/ca.pem", "-----BEGIN CERTIFICATE-----");
    for (text, found) in [
        ("hosts => 'elasticsearch:9200' index => 'fin-%{+YYYY.MM.dd}'", vec![]),
        ("index => 'fin' manage_template => true", vec![]),
        ("index => 'logstash-x' manage_template => true", vec!["option-not-yet"]),
        ("manage_template => true", vec!["option-not-yet"]),
        ("index => 'x' template => '/t.json'", vec!["option-not-yet"]),
        ("index => 'x' template => '/t.json' manage_template => false", vec![]),
        ("index => 'x' ilm_enabled => auto", vec![]),
        ("index => 'x' ilm_enabled => false", vec![]),
        ("index => 'x' ilm_enabled => true", vec!["option-not-yet"]),
        ("cloud_id => 'x'", vec!["option-not-yet"]),
        ("sniffing => true", vec!["option-not-yet"]),
        ("sniffing => false", vec![]),
        ("action => 'SOME Garbaaage'", vec!["wrong-value"]),
        ("action => '%{a}' index => 'x'", vec![]),
        ("data_stream => true index => 'x'", vec!["wrong-value"]),
        ("data_stream => true ecs_compatibility => disabled", vec!["wrong-value"]),
        ("index => 'x' data_stream_type => 'logs'", vec!["wrong-value"]),
        ("data_stream_dataset => 'a/b'", vec!["wrong-value"]),
        ("dlq_custom_codes => [404]", vec!["wrong-value"]),
        ("dlq_custom_codes => [413, 418]", vec![]),
        ("user => 'u'", vec!["wrong-value"]),
        ("api_key => 'a:b'", vec!["wrong-value"]),
        ("hosts => 'http://h' ssl_enabled => true", vec!["wrong-value"]),
        ("hosts => 'https://h' ssl_enabled => false", vec!["wrong-value"]),
        ("hosts => 'ftp://h'", vec!["wrong-value"]),
        ("hosts => 'http://h/p' path => '/q'", vec!["wrong-value"]),
        ("hosts => 'https://h' ssl_certificate_authorities => '/ca.pem'", vec![]),
        ("hosts => 'https://h' ssl_certificate_authorities => '/none.pem'", vec!["unreadable-file"]),
        ("hosts => 'https://h' cacert => '/ca.pem'", vec!["deprecated-option"]),
        ("compression_level => 10", vec!["wrong-value"]),
        ("flush_sizes => 10", vec!["unknown-option"]),
        ("index => 'x' action => 'delete'", vec!["missing-option"]),
        ("timeout => -1", vec!["wrong-value"]),
    ] {
        assert_eq!(read(&t, text).1, found, "{text}");
    }
    let (config, _) =
        read(&t, "hosts => 'https://h' ssl_certificate_authorities => '/ca.pem' ssl_verification_mode => none");
    let tls = config.unwrap().tls.unwrap();
    assert_eq!((tls.authorities_pem.len(), tls.verify_off), (1, true));
}
