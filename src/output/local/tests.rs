use super::*;
use crate::event::json::write_str;
use crate::output::testing::{TestWorld, batch, build, parcel, send};
use crate::output::write_document;
use std::sync::atomic::Ordering;

/// Encodes as the elasticsearch output does: index and id are fields of the event.
struct Bulk;

impl Output for Bulk {
    fn plugin(&self) -> &'static str {
        "elasticsearch"
    }
    fn encode(&self, events: &Selected<'_>, parcel: &mut Parcel) {
        for event in events.iter() {
            parcel.add(event, true, |out| {
                out.extend_from_slice(b"{\"index\":{\"_index\":");
                write_str(event.top("i").and_then(|v| v.as_str()).unwrap_or("x"), out);
                if let Some(id) = event.top("id").and_then(|v| v.as_str()) {
                    out.extend_from_slice(b",\"_id\":");
                    write_str(id, out);
                }
                out.extend_from_slice(b"}}\n");
                let start = out.len();
                write_document(event, out);
                let end = out.len();
                out.push(b'\n');
                start..end
            });
        }
    }
    fn deliver<'a>(&'a self, _: Parcel) -> BoxFuture<'a, ()> {
        unreachable!("the stand-in delivers")
    }
}

/// Encodes the event as the alert.
struct Alerts;

impl Output for Alerts {
    fn plugin(&self) -> &'static str {
        "alertmanager"
    }
    fn encode(&self, events: &Selected<'_>, parcel: &mut Parcel) {
        for event in events.iter() {
            parcel.add(event, false, |out| {
                let start = out.len();
                write_document(event, out);
                start..out.len()
            });
        }
    }
    fn deliver<'a>(&'a self, _: Parcel) -> BoxFuture<'a, ()> {
        unreachable!("the stand-in delivers")
    }
}

#[test]
fn documents_lie_in_their_index_files_ready_for_bulk_and_are_counted() {
    let t = TestWorld::new();
    let local = Local::new(t.world.clone(), Path::new("/l"));
    let out = local.wrap(Arc::new(Bulk), Sends::Documents, t.cx());
    let events = [
        r#"{"i":"logs-1","id":"a","service":"s"}"#,
        r#"{"i":"logs-2","id":"b","service":{"name":"n"}}"#,
        r#"{"i":"logs-1","id":"c","fields":{"service":"f"}}"#,
        r#"{"i":"../x","id":"d","container":{"name":"c"}}"#,
        r#"{"i":"logs-1","id":"a","service":"s"}"#,
        r#"{"i":"logs-1"}"#,
    ];
    assert_eq!(send(&t, &*out, &events).deliveries_done, 6);
    let file = t.fs.text("/l/logs-1.ndjson");
    let first =
        "{\"index\":{\"_index\":\"logs-1\",\"_id\":\"a\"}}\n{\"i\":\"logs-1\",\"id\":\"a\",\"service\":\"s\"}\n";
    assert!(file.starts_with(first), "{file}");
    assert_eq!(file.lines().count(), 6);
    assert_eq!(t.fs.paths(), ["/l/_.._x.ndjson", "/l/logs-1.ndjson", "/l/logs-2.ndjson"]);
    let s = local.summary();
    let counts = |m: &BTreeMap<String, u64>| m.iter().map(|(k, n)| format!("{k}={n}")).collect::<Vec<_>>().join(" ");
    assert_eq!(counts(&s.indices), "_.._x=1 logs-1=3 logs-2=1");
    assert_eq!(counts(&s.services), "-=1 c=1 f=1 n=1 s=1");
    assert_eq!(s.already_there, 1);
}

#[test]
fn a_new_run_writes_nothing_twice_and_cuts_a_torn_tail() {
    let t = TestWorld::new();
    let events = [r#"{"i":"x","id":"a"}"#, r#"{"i":"x","id":"b"}"#];
    let run = || {
        let local = Local::new(t.world.clone(), Path::new("/l"));
        send(&t, &*local.wrap(Arc::new(Bulk), Sends::Documents, t.cx()), &events);
        local.summary()
    };
    assert_eq!(run().indices["x"], 2);
    let whole = t.fs.text("/l/x.ndjson");
    assert_eq!((run().already_there, t.fs.text("/l/x.ndjson")), (2, whole.clone()));
    // torn at every byte of the second entry
    let second = whole.len() / 2;
    for cut in second..whole.len() {
        t.fs.put("/l/x.ndjson", &whole[..cut]);
        assert_eq!(run().already_there, 1, "{cut}");
        assert_eq!(t.fs.text("/l/x.ndjson"), whole, "{cut}");
    }
}

#[test]
fn equal_label_sets_raise_one_alert_over_runs_too() {
    let t = TestWorld::new();
    for raised in [2, 0] {
        let local = Local::new(t.world.clone(), Path::new("/l"));
        let out = local.wrap(Arc::new(Alerts), Sends::Alerts, t.cx());
        let events = [
            r#"{"labels":{"a":"1","b":"2"},"annotations":{"d":"first"}}"#,
            r#"{"labels":{"b":"2","a":"1"},"annotations":{"d":"second"}}"#,
            r#"{"labels":{"a":"2"}}"#,
        ];
        assert_eq!(send(&t, &*out, &events).deliveries_done, 3);
        assert_eq!(local.summary().alerts, raised);
    }
    assert_eq!(t.fs.text("/l/alerts.ndjson").lines().count(), 2);
}

#[test]
fn a_full_disk_delays_and_loses_nothing() {
    let t = TestWorld::new();
    let local = Local::new(t.world.clone(), Path::new("/l"));
    let out = local.wrap(Arc::new(Bulk), Sends::Documents, t.cx());
    let (batch, end) = batch(&[r#"{"id":"a"}"#]);
    let parcel = parcel(&*out, &batch);
    drop(batch);
    t.fs.deny.store(true, Ordering::SeqCst);
    let mut delivery = out.deliver(parcel);
    assert!(t.block_until(Duration::from_secs(130), &mut delivery).is_none());
    t.fs.deny.store(false, Ordering::SeqCst);
    t.block_on(delivery);
    assert_eq!(end.try_recv().unwrap().deliveries_done, 1);
    assert_eq!(t.fs.text("/l/x.ndjson").lines().count(), 2);
}

#[test]
fn what_elasticsearch_would_not_be_sent_is_a_dead_letter_here_too() {
    let t = TestWorld::new();
    let text = "elasticsearch { hosts => 'h' index => 'x-%{+QQQQQ}' }";
    assert!(build(&t, text, false).is_err());
    let text = r#"elasticsearch { hosts => "h" index => "x" document_id => "%{id}" action => "%{act}" }"#;
    let local = Local::new(t.world.clone(), Path::new("/l"));
    let out = local.wrap(build(&t, text, false).unwrap().output, Sends::Documents, t.cx());
    let events = [r#"{"id":"1","act":"index"}"#, r#"{"id":"2","act":"dance"}"#, r#"{"id":"1","act":"delete"}"#];
    let tally = send(&t, &*out, &events);
    assert_eq!((tally.deliveries_done, tally.deliveries_dead), (2, 1), "{}", t.fs.text("/dead.ndjson"));
    let file = t.fs.text("/l/x.ndjson");
    assert_eq!(file.lines().count(), 3, "{file}");
    assert!(file.lines().nth(2).unwrap().starts_with("{\"delete\":"), "{file}");
}
