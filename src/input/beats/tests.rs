use super::frame::{self, ACK_BYTES};
use super::testing::{TestWorld, deliver};
use super::*;
use crate::config::build::BuildCx;
use crate::config::diagnostic::Severity;
use crate::config::logstash::ast::Stmt;
use crate::config::logstash::parse;
use crate::config::options::{Options, PluginKind};
use crate::config::source::{FileId, SourceMap};
use crate::config::variables::Variables;
use crate::event::{Batch, Timestamp, Value, json};
use crate::telemetry::CounterName;
use crate::world::net::ByteStream;
use crate::world::still;

const PORT: &str = "0.0.0.0:5044";

fn serving(t: &TestWorld, config: Config) {
    let task = t.clone();
    let cx = Cx {
        world: t.world.clone(),
        intake: t.intake.clone(),
        stop: t.stop.clone(),
        metrics: t.metrics.clone(),
        dead_letters: t.dead_letters(),
        spawn: Arc::new(move |future| task.spawn(future)),
        id: "b".to_string(),
        input: 3,
    };
    t.spawn(Box::pin(async move { serve(config, cx, |port| assert_eq!(port, 5044)).await.unwrap() }));
}

fn plain(ecs: bool) -> Config {
    Config::plain("0.0.0.0", 5044, ecs)
}

/// A window of events, in one compressed frame.
fn window(events: &[&str]) -> Vec<u8> {
    let mut inner = vec![];
    for (i, event) in events.iter().enumerate() {
        frame::write_json(i as u32 + 1, event.as_bytes(), &mut inner);
    }
    let mut out = vec![];
    frame::write_window(events.len() as u32, &mut out);
    frame::write_compressed(&inner, 3, &mut out);
    out
}

/// The next ack; `None` when the connection is closed.
async fn ack(stream: &mut Box<dyn ByteStream>) -> Option<u32> {
    let mut bytes = [0; ACK_BYTES];
    let mut have = 0;
    while have < ACK_BYTES {
        match stream.read(&mut bytes[have..]).await.unwrap() {
            0 => {
                assert_eq!(have, 0, "no ack is cut");
                return None;
            }
            n => have += n,
        }
    }
    Some(frame::read_ack(&bytes).expect("an ack"))
}

/// All fields of the events, the metadata as `META`, without the time.
fn shown(batch: &Batch) -> Vec<String> {
    let shown = |e: &crate::event::Event<'_>| {
        let mut entries: Vec<_> = e.fields().iter().copied().filter(|(k, _)| *k != "@timestamp").collect();
        if !e.metadata().entries.is_empty() {
            entries.push(("META", Value::Map(e.metadata())));
        }
        let mut out = vec![];
        json::write_entries(&entries, &mut out);
        String::from_utf8(out).unwrap()
    };
    batch.events().iter().map(shown).collect()
}

#[test]
fn events_come_as_logstash_makes_them() {
    for (ecs, sent, expected) in [
        (
            true,
            r#"{"@timestamp":"2024-03-05T10:11:12.123Z","@metadata":{"beat":"filebeat"},"message":"m","tags":["t"]}"#,
            r#"{"message":"m","tags":["t","beats_input_codec_plain_applied"],"@version":"1","event":{"original":"m"},"META":{"beat":"filebeat","input":{"beats":{"host":{"ip":"10.0.0.9"}}}}}"#,
        ),
        (
            false,
            r#"{"@metadata":{"ip_address":"x"},"message":"m","event":{"original":"o"}}"#,
            r#"{"message":"m","event":{"original":"o"},"@version":"1","tags":["beats_input_codec_plain_applied"],"META":{"ip_address":"10.0.0.9"}}"#,
        ),
        (
            true,
            r#"{"message":null,"a":1}"#,
            r#"{"message":null,"a":1,"@version":"1","tags":["beats_input_raw_event"]}"#,
        ),
    ] {
        let t = TestWorld::new(4);
        serving(&t, plain(ecs));
        t.block_on(async {
            t.world.clock.sleep(Duration::from_secs(1)).await;
            let mut stream = t.connect(PORT).await;
            stream.write_all(&window(&[sent])).await.unwrap();
            let batch = t.batch().await;
            assert_eq!(shown(&batch), [expected]);
            deliver(batch);
            assert_eq!(ack(&mut stream).await, Some(1));
        });
    }
}

#[test]
fn origins_are_unique_and_a_given_id_is_kept() {
    let t = TestWorld::new(8);
    serving(&t, plain(true));
    t.block_on(async {
        t.world.clock.sleep(Duration::from_secs(1)).await;
        let (mut a, mut b) = (t.connect(PORT).await, t.connect(PORT).await);
        a.write_all(&window(&[r#"{"@metadata":{"_id":"x1"}}"#, "{}"])).await.unwrap();
        a.write_all(&window(&["{}"])).await.unwrap();
        let batches = [t.batch().await, t.batch().await];
        b.write_all(&window(&["{}"])).await.unwrap();
        let third = t.batch().await;
        assert_eq!(batches[0].events()[0].given_id, Some("x1"));
        assert_eq!(batches[0].events()[1].given_id, None);
        let mut origins: Vec<_> =
            batches.iter().chain([&third]).flat_map(|b| b.events()).map(|e| (e.origin.key, e.origin.offset)).collect();
        origins.sort_unstable();
        origins.dedup();
        assert_eq!(origins.len(), 4);
        assert!(batches[0].events().iter().all(|e| e.origin.input == 3 && e.origin.len > 0));
        assert_eq!(batches[0].sources()[0].name, "beats 10.0.0.9:40000");
        assert_eq!(t.metrics.counter(CounterName::InputEvents, &[("input", "b")]).get(), 4);
        assert_eq!(t.metrics.counter(CounterName::InputConnections, &[("input", "b")]).get(), 2);
    });
}

#[test]
fn an_ack_comes_after_the_delivery_and_in_order() {
    let t = TestWorld::new(4);
    serving(&t, plain(true));
    t.block_on(async {
        t.world.clock.sleep(Duration::from_secs(1)).await;
        let mut stream = t.connect(PORT).await;
        stream.write_all(&window(&["{}", "{}"])).await.unwrap();
        stream.write_all(&window(&["{}", "{}", "{}"])).await.unwrap();
        let (first, second) = (t.batch().await, t.batch().await);
        deliver(second);
        let start = t.seconds();
        // nothing but signs of life
        assert_eq!(ack(&mut stream).await, Some(0));
        assert!((4.5..5.5).contains(&(t.seconds() - start)), "{}", t.seconds() - start);
        assert_eq!(ack(&mut stream).await, Some(0));
        deliver(first);
        assert_eq!(ack(&mut stream).await, Some(2));
        assert_eq!(ack(&mut stream).await, Some(3));
    });
}

#[test]
fn a_large_window_is_acked_in_parts() {
    let t = TestWorld::new(4);
    serving(&t, plain(true));
    t.block_on(async {
        t.world.clock.sleep(Duration::from_secs(1)).await;
        let mut stream = t.connect(PORT).await;
        let n = BATCH_EVENTS_MAX + 10;
        stream.write_all(&window(&vec!["{}"; n])).await.unwrap();
        let (first, second) = (t.batch().await, t.batch().await);
        assert_eq!((first.len(), second.len()), (BATCH_EVENTS_MAX, 10));
        deliver(first);
        assert_eq!(ack(&mut stream).await, Some(BATCH_EVENTS_MAX as u32));
        assert_eq!(ack(&mut stream).await, Some(BATCH_EVENTS_MAX as u32), "a sign of life takes nothing back");
        deliver(second);
        assert_eq!(ack(&mut stream).await, Some(n as u32));
    });
}

#[test]
fn a_full_intake_holds_the_sender_but_it_hears_something() {
    let t = TestWorld::new(1);
    serving(&t, plain(true));
    t.block_on(async {
        t.world.clock.sleep(Duration::from_secs(1)).await;
        let mut stream = t.connect(PORT).await;
        stream.write_all(&window(&["{}"])).await.unwrap();
        stream.write_all(&window(&["{}", "{}"])).await.unwrap();
        let first = t.batch().await;
        for _ in 0..20 {
            assert_eq!(ack(&mut stream).await, Some(0));
        }
        assert!(t.intake.try_take().is_none());
        deliver(first);
        assert_eq!(ack(&mut stream).await, Some(1));
        deliver(t.batch().await);
        assert_eq!(ack(&mut stream).await, Some(2));
    });
}

#[test]
fn a_batch_that_is_given_up_closes_the_connection_without_an_ack() {
    let t = TestWorld::new(4);
    serving(&t, plain(true));
    t.block_on(async {
        t.world.clock.sleep(Duration::from_secs(1)).await;
        let mut stream = t.connect(PORT).await;
        stream.write_all(&window(&["{}"])).await.unwrap();
        drop(t.batch().await);
        assert_eq!(ack(&mut stream).await, None);
    });
}

#[test]
fn what_cannot_be_an_event_is_a_dead_letter_and_acked() {
    let t = TestWorld::new(4);
    serving(&t, plain(true));
    let bad = ["{\"a\":", "[1]", r#"{"@metadata":"s"}"#];
    t.block_on(async {
        t.world.clock.sleep(Duration::from_secs(1)).await;
        let mut stream = t.connect(PORT).await;
        stream.write_all(&window(&[bad[0], r#"{"good":1}"#, bad[1], bad[2]])).await.unwrap();
        let batch = t.batch().await;
        assert_eq!(batch.len(), 1);
        deliver(batch);
        assert_eq!(ack(&mut stream).await, Some(4));
        let mut bytes = vec![];
        frame::write_window(1, &mut bytes);
        frame::write_json(1, b"\"\xff", &mut bytes);
        stream.write_all(&bytes).await.unwrap();
        assert_eq!(ack(&mut stream).await, Some(1), "a window of nothing else needs no delivery");
    });
    let letters: Vec<serde_json::Value> = t.letters().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(letters.len(), 4);
    for (letter, (text, offset)) in letters.iter().zip([(bad[0], 0), (bad[1], 2), (bad[2], 3), ("\"\u{fffd}", 4)]) {
        assert_eq!(letter["reason"], "bad-json");
        assert_eq!(letter["event"], text);
        assert_eq!(letter["offset"], offset);
        assert_eq!(letter["source"], "beats 10.0.0.9:40000");
    }
    assert_eq!(t.metrics.counter(CounterName::InputBadLines, &[("input", "b")]).get(), 4);

    t.deny_writes(true);
    t.block_on(async {
        let mut stream = t.connect(PORT).await;
        stream.write_all(&window(&["nonsense"])).await.unwrap();
        assert_eq!(ack(&mut stream).await, None, "neither an event nor a dead letter: to be sent again");
    });
}

#[test]
fn a_broken_protocol_closes_that_connection_only() {
    let t = TestWorld::new(4);
    serving(&t, plain(true));
    t.block_on(async {
        t.world.clock.sleep(Duration::from_secs(1)).await;
        let mut good = t.connect(PORT).await;
        for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"2J\0\0\0\x01\0\0\0\x02{}", b"1W\0\0\0\x01"] {
            let mut stream = t.connect(PORT).await;
            stream.write_all(bytes).await.unwrap();
            assert_eq!(ack(&mut stream).await, None, "{bytes:?}");
        }
        good.write_all(&window(&["{}"])).await.unwrap();
        deliver(t.batch().await);
        assert_eq!(ack(&mut good).await, Some(1));
        good.write_all(&window(&[])[..6]).await.unwrap();
        assert_eq!(ack(&mut good).await, Some(0), "a window of nothing is answered as Logstash does");
    });
}

#[test]
fn a_sender_without_work_is_closed_after_its_time() {
    let t = TestWorld::new(4);
    serving(&t, plain(true));
    t.block_on(async {
        t.world.clock.sleep(Duration::from_secs(1)).await;
        let mut stream = t.connect(PORT).await;
        stream.write_all(&window(&["{}"])).await.unwrap();
        let batch = t.batch().await;
        for _ in 0..20 {
            assert_eq!(ack(&mut stream).await, Some(0), "it waits for us, not we for it");
        }
        deliver(batch);
        assert_eq!(ack(&mut stream).await, Some(1));
        let start = t.seconds();
        assert_eq!(ack(&mut stream).await, None);
        assert!((59.0..61.0).contains(&(t.seconds() - start)), "{}", t.seconds() - start);
    });
}

#[test]
fn the_end_of_the_run_acks_what_still_ends() {
    let t = TestWorld::new(2);
    serving(&t, plain(true));
    t.block_on(async {
        t.world.clock.sleep(Duration::from_secs(1)).await;
        let mut stream = t.connect(PORT).await;
        for _ in 0..3 {
            stream.write_all(&window(&["{}"])).await.unwrap();
        }
        let (first, second) = (t.batch().await, t.batch().await);
        t.stop.ask();
        t.world.clock.sleep(Duration::from_millis(10)).await;
        deliver(first);
        assert_eq!(ack(&mut stream).await, Some(1));
        drop(second);
        assert_eq!(ack(&mut stream).await, None, "the second was given up, the third never entered");
        assert!(t.world.net.connect(PORT, Duration::ZERO).await.is_err());
    });
}

#[test]
fn a_port_in_use_is_said() {
    let t = TestWorld::new(2);
    serving(&t, plain(true));
    t.block_on(async {
        t.world.clock.sleep(Duration::from_secs(1)).await;
        let spawn: Spawn = Arc::new(|_| unreachable!());
        let cx = Cx {
            world: t.world.clone(),
            intake: t.intake.clone(),
            stop: t.stop.clone(),
            metrics: t.metrics.clone(),
            dead_letters: t.dead_letters(),
            spawn,
            id: "c".to_string(),
            input: 0,
        };
        let error = serve(plain(true), cx, |_| unreachable!()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the beats input cannot listen on 0.0.0.0:5044: another program has this port open already"
        );
    });
}

/// Reads the options of a beats input; the ids of what was found, errors with `!`.
fn read(options: &str) -> (Option<Config>, Vec<String>) {
    let (parsed, mut diags) = parse(FileId(0), &format!("input {{ beats {{ {options} }} }}"), false);
    assert!(diags.is_empty(), "{diags:?}");
    let Stmt::Plugin(plugin) = &parsed.sections[0].body[0] else { panic!("{parsed:?}") };
    let none = |_: &str| None;
    let variables = Variables { lookup: &none, undefined: Severity::Error };
    let options = Options::new(plugin, PluginKind::Input, SPECS, &variables, &mut diags);
    let (world, sources) = (still::world(Timestamp::default(), 0), SourceMap::default());
    let config = Config::new(&options, &mut BuildCx::new(&mut diags, &world, &variables, &sources));
    let ids = diags.iter().map(|d| format!("{}{}", d.id, if d.severity == Severity::Error { "!" } else { "" }));
    (config, ids.collect())
}

#[test]
fn options_are_read_or_refused() {
    let (config, found) = read("port => 5044");
    assert!(found.is_empty(), "{found:?}");
    let c = config.unwrap();
    assert_eq!(
        (c.address().as_str(), c.port, c.original, c.codec_tag, c.source_metadata),
        (PORT, 5044, true, true, true)
    );
    for (options, found) in [
        ("", vec!["missing-option!"]),
        ("port => 70000", vec!["wrong-value!"]),
        ("port => 0", vec!["wrong-value!"]),
        ("port => 1 ssl => false ssl_enabled => false", vec!["deprecated-option"]),
        ("port => 1 ssl_enabled => true ssl_certificate => '/c'", vec!["option-not-yet!"]),
        ("port => 1 ssl_certificate => '/c'", vec!["unused-option"]),
        ("port => 1 codec => json", vec!["option-not-yet!"]),
        ("port => 1 codec => plain { charset => 'UTF-8' }", vec![]),
        ("port => 1 codec => plain { charset => 'CP1252' }", vec!["option-not-yet!"]),
        ("port => 1 enrich => [all, none]", vec!["wrong-value!"]),
        ("port => 1 enrich => none include_codec_tag => true", vec!["deprecated-option", "wrong-value!"]),
        ("port => 1 executor_threads => 4 client_inactivity_timeout => 0", vec![]),
        ("port => 1 congestion_threshold => 5", vec!["obsolete-option!"]),
        ("port => 1 prot => 5", vec!["unknown-option!"]),
    ] {
        assert_eq!(read(options).1, found, "{options}");
    }
    for (options, original, tag, source) in [
        ("enrich => none", false, false, false),
        ("enrich => [source_metadata]", false, false, true),
        ("enrich => all", true, true, true),
        ("enrich => none codec => plain", true, false, false),
        ("codec => plain { ecs_compatibility => disabled }", false, true, true),
        ("ecs_compatibility => disabled", true, true, true),
        ("include_codec_tag => false", false, false, true),
    ] {
        let c = read(&format!("port => 1 {options}")).0.unwrap();
        assert_eq!((c.original, c.codec_tag, c.source_metadata), (original, tag, source), "{options}");
    }
}

#[test]
fn the_common_options_come_before_the_codecs_tag() {
    let t = TestWorld::new(4);
    let options = r#"port => 5044 type => "ty" tags => ["one"] add_field => { "[f][g]" => "v-%{a}" }
        add_hostname => true ecs_compatibility => disabled enrich => codec_metadata"#;
    serving(&t, read(options).0.unwrap());
    t.block_on(async {
        t.world.clock.sleep(Duration::from_secs(1)).await;
        let mut stream = t.connect(PORT).await;
        let sent = r#"{"@metadata":{},"message":"m","a":"A","beat":{"hostname":"h"}}"#;
        stream.write_all(&window(&[sent, r#"{"type":"own"}"#])).await.unwrap();
        let batch = t.batch().await;
        assert_eq!(
            shown(&batch),
            [
                r#"{"message":"m","a":"A","beat":{"hostname":"h"},"@version":"1","host":"h","type":"ty","f":{"g":"v-A"},"tags":["one","beats_input_codec_plain_applied"],"event":{"original":"m"}}"#,
                r#"{"type":"own","@version":"1","f":{"g":"v-%{a}"},"tags":["one","beats_input_raw_event"]}"#,
            ]
        );
        deliver(batch);
        assert_eq!(ack(&mut stream).await, Some(2));
    });
}
