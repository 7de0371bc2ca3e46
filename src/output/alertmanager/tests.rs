use crate::output::Output;
use crate::output::testing::{TestWorld, build, send};
use crate::world::net::NetError;
use serde_json::Value as Json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn alertmanager(t: &TestWorld, options: &str) -> Arc<dyn Output> {
    let text = format!(
        r#"alertmanager {{ hosts => ["a", "https://u:p@b:1/x"]
        labels => {{ "alertname" => "E" "service" => "%{{[s]}}" }} annotations => {{ "d" => "%{{message}} %{{gone}}" }} {options} }}"#
    );
    build(t, &text, false).unwrap_or_else(|e| panic!("{e:?}")).output
}

/// Runs the background until a time in seconds after the start.
fn tend(t: &TestWorld, output: &dyn Output, until: u64) {
    let background = output.background().unwrap();
    assert!(t.block_until(Duration::from_secs(100 + until), background).is_none());
    let now = t.world.clock.monotonic();
    t.advance(Duration::from_secs(100 + until).saturating_sub(now));
}

fn lists(t: &TestWorld) -> Vec<Vec<Json>> {
    t.bodies().iter().map(|b| serde_json::from_str(b).unwrap()).collect()
}

#[test]
fn every_host_gets_one_alert_for_equal_labels() {
    let t = TestWorld::new();
    t.answer(|_, _| Ok((200, String::new())));
    let out = alertmanager(&t, r#"generator_url => "http://g/%{s}""#);
    let events = [r#"{"s":"x","message":"1"}"#, r#"{"message":"2"}"#, r#"{"s":"x","message":"3"}"#];
    assert_eq!(send(&t, &*out, &events).deliveries_done, 3);
    assert_eq!(t.urls(), ["http://a:9093/api/v2/alerts", "https://b:1/x/api/v2/alerts"]);
    let (from, to) = (t_text(0), t_text(300));
    let want = serde_json::json!([
        {"labels": {"alertname": "E", "service": "x"}, "annotations": {"d": "3 %{gone}"}, "generatorURL": "http://g/x",
         "startsAt": from, "endsAt": to},
        {"labels": {"alertname": "E"}, "annotations": {"d": "2 %{gone}"}, "generatorURL": "http://g/%{s}",
         "startsAt": from, "endsAt": to},
    ]);
    assert_eq!(Json::Array(lists(&t)[0].clone()), want);
    // seen again: nothing is sent at once
    assert_eq!(send(&t, &*out, &events).deliveries_done, 3);
    assert_eq!(t.urls().len(), 2);
}

#[test]
fn it_is_sent_again_while_it_fires_and_resolved_after_silence() {
    let t = TestWorld::new();
    t.answer(|_, _| Ok((200, String::new())));
    let out = alertmanager(&t, r#"resolve_after => "2m" resend_interval => 50"#);
    send(&t, &*out, &[r#"{"s":"x","message":"1"}"#]);
    tend(&t, &*out, 10);
    send(&t, &*out, &[r#"{"s":"x","message":"2"}"#]);
    tend(&t, &*out, 500);
    let lists = lists(&t);
    let times: Vec<f64> = t.times().into_iter().step_by(2).collect();
    assert_eq!(times, [0.0, 50.0, 100.0, 130.0]);
    let start = &lists[0][0]["startsAt"];
    let ends: Vec<&Json> = lists.iter().step_by(2).map(|l| &l[0]["endsAt"]).collect();
    assert_eq!(ends[1], ends[2]);
    assert_eq!(ends[2], ends[3], "the end that was announced is the end");
    assert_ne!(ends[0], ends[1], "the second event moved the end");
    assert!(lists.iter().all(|l| &l[0]["startsAt"] == start));
    assert_eq!(lists[2][0]["annotations"]["d"], "2 %{gone}");
    // resolved, it may begin anew
    send(&t, &*out, &[r#"{"s":"x","message":"3"}"#]);
    assert_eq!(t.times().last(), Some(&500.0));
}

#[test]
fn a_restart_goes_on_where_it_was() {
    let t = TestWorld::new();
    t.answer(|_, _| Ok((200, String::new())));
    send(&t, &*alertmanager(&t, ""), &[r#"{"s":"x","message":"1"}"#]);
    assert_eq!(t.fs.paths(), ["/data/alerts-out.json"]);
    t.advance(Duration::from_secs(20));
    let again = alertmanager(&t, "");
    send(&t, &*again, &[r#"{"s":"x","message":"1"}"#]);
    assert_eq!(t.times(), [0.0, 0.0], "the event read again raises nothing");
    tend(&t, &*again, 65);
    assert_eq!(t.times()[2..], [60.0, 60.0]);
    // away for longer than the silence: resolved at once
    t.advance(Duration::from_secs(1000));
    let later = alertmanager(&t, "");
    tend(&t, &*later, 1066);
    let last = &lists(&t)[4][0];
    assert_eq!(t.times()[4..], [1065.0, 1065.0]);
    assert_eq!(last["endsAt"], t_text(1065));
    t.fs.put("/data/alerts-out.json", "{torn");
    send(&t, &*alertmanager(&t, ""), &[r#"{"s":"x","message":"1"}"#]);
    assert_eq!(t.times().len(), 8);
}

fn t_text(secs: i64) -> String {
    crate::event::Timestamp::new(crate::output::testing::START_SECS + 100 + secs, 0).to_string()
}

#[test]
fn one_host_is_enough_and_the_other_is_brought_up_to_date() {
    let t = TestWorld::new();
    let down = Arc::new(AtomicBool::new(true));
    let is_down = Arc::clone(&down);
    t.answer(move |_, r| match is_down.load(Ordering::SeqCst) && r.url.starts_with("https") {
        true => Err(NetError::Connect("refused".into())),
        false => Ok((200, String::new())),
    });
    let out = alertmanager(&t, "");
    assert_eq!(send(&t, &*out, &[r#"{"s":"x"}"#]).deliveries_done, 1);
    assert_eq!(t.seconds(), 0.0);
    tend(&t, &*out, 5);
    let tried = t.urls().iter().filter(|u| u.starts_with("https")).count();
    assert!((2..=4).contains(&tried), "{tried}");
    assert_eq!(t.urls().iter().filter(|u| u.starts_with("http:")).count(), 1);
    down.store(false, Ordering::SeqCst);
    tend(&t, &*out, 15);
    let asked = t.urls().len();
    tend(&t, &*out, 55);
    assert_eq!(t.urls().len(), asked, "nothing more to catch up with");
}

#[test]
fn without_any_host_it_waits_and_loses_nothing() {
    let t = TestWorld::new();
    t.answer(|n, _| if n < 6 { Ok((503, String::new())) } else { Ok((200, String::new())) });
    let out = alertmanager(&t, "");
    assert_eq!(send(&t, &*out, &[r#"{"s":"x"}"#]).deliveries_done, 1);
    assert_eq!(t.urls().len(), 8);
    assert!(t.seconds() > 2.0);
}

#[test]
fn a_refused_alert_is_a_dead_letter_and_the_others_are_taken() {
    let t = TestWorld::new();
    t.answer(|_, r| Ok((if r.body.windows(5).any(|w| w == b"\"bad\"") { 400 } else { 200 }, "bad label".into())));
    let out = alertmanager(&t, "");
    let tally = send(&t, &*out, &[r#"{"s":"bad"}"#, r#"{"s":"good"}"#]);
    assert_eq!((tally.deliveries_done, tally.deliveries_dead), (1, 1));
    assert!(t.fs.text("/dead.ndjson").contains(r#""event":{"s":"bad"}"#));
}

#[test]
fn limits_keep_a_flood_of_labels_away() {
    for option in ["alerts_max => 2", "new_alerts_per_minute_max => 2"] {
        let t = TestWorld::new();
        t.answer(|_, _| Ok((200, String::new())));
        let out = alertmanager(&t, option);
        let events = [r#"{"s":"1"}"#, r#"{"s":"2"}"#, r#"{"s":"3"}"#, r#"{"s":"1"}"#];
        assert_eq!(send(&t, &*out, &events).deliveries_done, 4);
        assert_eq!(lists(&t)[0].len(), 2, "{option}");
        t.advance(Duration::from_secs(61));
        send(&t, &*out, &[r#"{"s":"4"}"#]);
        assert_eq!(lists(&t).len(), if option.starts_with("new") { 4 } else { 2 }, "{option}");
    }
}

#[test]
fn the_background_ends_when_the_run_stops() {
    let t = TestWorld::new();
    let config = super::Config {
        hosts: vec![crate::output::delivery::Host::parse("a", super::PORT, false).unwrap()],
        labels: vec![],
        annotations: vec![],
        generator_url: None,
        resolve_after: Duration::from_secs(300),
        resend_interval: Duration::from_secs(60),
        timeout: Duration::from_secs(10),
        alerts_max: 1,
        new_alerts_per_minute_max: 1,
        user: None,
        tls: None,
    };
    let cx = t.cx();
    let stop = cx.stop.clone();
    let out = super::Alertmanager::new(config, std::path::Path::new("/data"), cx);
    let world = &t.world;
    t.block_on(async {
        let asking = async {
            world.clock.sleep(Duration::from_secs(3)).await;
            stop.ask();
        };
        tokio::join!(out.background().unwrap(), asking);
    });
    assert_eq!(t.seconds(), 3.0);
}

#[test]
fn what_is_wrong_is_said() {
    let t = TestWorld::new();
    for (options, id) in [
        ("hosts => 'a:x' labels => { 'alertname' => 'x' }", "bad-host"),
        ("hosts => 'a' labels => { 'a-b' => 'x' }", "label-name"),
        ("hosts => 'a' labels => { }", "missing-option"),
        ("hosts => 'a'", "missing-option"),
        ("hosts => 'a' labels => { 'alertname' => 'x' } resolve_after => '5 minutes'", "wrong-type"),
        ("hosts => 'a' labels => { 'alertname' => 'x' } resolve_after => '0'", "wrong-type"),
    ] {
        let said = build(&t, &format!("alertmanager {{ {options} }}"), false).err().unwrap_or_default();
        assert!(said.iter().any(|s| s.starts_with(id)), "{options}: {said:?}");
    }
}
