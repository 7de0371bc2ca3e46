use super::*;
use crate::ack::{BatchAck, Tally};
use crate::event::json::{self, Decimals};
use crate::event::{Batch, Event, Origin, SourceMeta, Timestamp, Value};
use crate::input::beats::frame::{Decoder, Frame};
use crate::input::beats::testing::{TestWorld, deliver as end};
use crate::world::net::{ByteStream, Listener};
use std::sync::Arc;
use std::sync::mpsc;

fn config(hosts: &[&str]) -> Config {
    Config {
        hosts: hosts.iter().map(|h| h.to_string()).collect(),
        compression_level: 3,
        window_events_max: 3,
        slow_start: false,
        timeout: Duration::from_secs(30),
        ttl: Duration::ZERO,
        backoff: Backoff { initial: Duration::from_secs(1), max: Duration::from_secs(60) },
        connections: 1,
        escape_html: false,
        beat: "filebeat".to_string(),
    }
}

fn output(t: &TestWorld, config: Config) -> Logstash {
    let cx = OutputCx {
        world: t.world.clone(),
        metrics: t.metrics.clone(),
        stop: t.stop.clone(),
        dead_letters: t.dead_letters(),
        id: "o".to_string(),
        place: 0,
    };
    Logstash::new(config, cx)
}

/// Encodes events; the channel hears of their end.
fn parcel(output: &Logstash, events: &[String]) -> (Parcel, mpsc::Receiver<Tally>) {
    let (tx, rx) = mpsc::channel();
    let ack = BatchAck::new(move |t| {
        let _ = tx.send(t);
    });
    let source = SourceMeta::named("/var/log/a.log");
    let mut batch = Batch::new(ack);
    batch.change(|mut b| {
        let (source, _, _) = b.attach(&source);
        for (i, text) in events.iter().enumerate() {
            let value = json::parse(b.arena, b.arena.alloc_str(text), Decimals::Double).unwrap();
            let mut event = Event::new(b.arena, Origin { key: 7, offset: i as u64, source, ..Origin::default() });
            for (k, v) in value.as_map().unwrap().entries {
                match (*k, v) {
                    ("@metadata", Value::Map(m)) => event.set_metadata(m),
                    ("@timestamp", Value::Str(s)) => event.push(k, Value::Timestamp(Timestamp::parse(s).unwrap())),
                    _ => event.push(k, *v),
                }
            }
            b.events.push(event);
        }
    });
    let n = events.len() as u64;
    let indices: Vec<u32> = (0..n as u32).collect();
    let mut parcel = Parcel::new(&batch);
    output.encode(&Selected { batch: &batch, indices: &indices }, &mut parcel);
    batch.ack().account(Tally { read: n, routed: n, deliveries: n, ..Tally::default() });
    batch.ack().processed();
    (parcel, rx)
}

fn numbered(n: usize) -> Vec<String> {
    (0..n).map(|i| format!(r#"{{"n":{i}}}"#)).collect()
}

/// The receiving side of a test: reads windows, answers as it is told.
struct Server {
    stream: Box<dyn ByteStream>,
    decoder: Decoder,
    frames: Vec<Frame>,
}

impl Server {
    async fn accept(listener: &mut Box<dyn Listener>) -> Server {
        Server { stream: listener.accept().await.unwrap(), decoder: Decoder::new(), frames: vec![] }
    }

    /// The `n` of the events of the next window; `None` when the connection is closed.
    async fn window(&mut self) -> Option<Vec<u64>> {
        loop {
            while self.decoder.next(&mut self.frames).unwrap() {}
            if let Some(Frame::Window(count)) = self.frames.first() {
                let count = *count as usize;
                if self.frames.len() > count {
                    let frames: Vec<Frame> = self.frames.drain(..=count).skip(1).collect();
                    return Some(frames.iter().enumerate().map(|(i, f)| Server::n(i, f)).collect());
                }
            }
            match self.stream.read(self.decoder.space()).await.unwrap() {
                0 => return None,
                n => self.decoder.filled(n),
            }
        }
    }

    fn n(at: usize, frame: &Frame) -> u64 {
        let Frame::Json { seq, payload } = frame else { panic!("no window inside a window: {frame:?}") };
        assert_eq!(*seq as usize, at + 1);
        let event: serde_json::Value = serde_json::from_slice(payload.bytes()).unwrap();
        event["n"].as_u64().unwrap()
    }

    async fn ack(&mut self, seq: u32) {
        self.stream.write_all(&frame::ack(seq)).await.unwrap();
    }
}

/// Runs a delivery beside a server's script.
fn played(t: &TestWorld, output: &Logstash, parcel: Parcel, script: impl Future<Output = ()>) {
    t.block_on(async {
        tokio::join!(output.deliver(parcel), script);
    });
}

#[test]
fn an_event_is_written_as_libbeat_writes_it() {
    let t = TestWorld::new(1);
    let mut options = config(&["h:1"]);
    options.beat = "web".to_string();
    let events = [
        r#"{"message":"<m>","@timestamp":"2024-03-05T10:11:12.123456789Z","@metadata":{"pipeline":"p"}}"#.to_string(),
        r#"{"a":{"b":[1,null]},"@metadata":{"_id":"mine","beat":"no"}}"#.to_string(),
    ];
    let (first, _) = parcel(&output(&t, options.clone()), &events);
    let text = |p: &Parcel, i: usize| String::from_utf8(p.bytes(&p.items[i]).to_vec()).unwrap();
    assert_eq!(
        text(&first, 0),
        r#"{"@timestamp":"2024-03-05T10:11:12.123Z","@metadata":{"beat":"web","type":"_doc","version":"8.5.0","_id":"AAAAAAAAAAcAAAAAAAA","pipeline":"p"},"message":"<m>"}"#
    );
    assert_eq!(
        text(&first, 1),
        r#"{"@metadata":{"beat":"web","type":"_doc","version":"8.5.0","_id":"mine"},"a":{"b":[1,null]}}"#
    );
    assert_eq!((first.items[0].derived_id, first.items[1].derived_id), (true, false));
    assert_eq!(first.document(&first.items[1]), first.bytes(&first.items[1]));
    options.escape_html = true;
    let (escaped, _) = parcel(&output(&t, options), &[r#"{"m<&>":"x"}"#.to_string()]);
    assert!(text(&escaped, 0).contains(r#""m\u003c\u0026\u003e":"x""#), "{}", text(&escaped, 0));
}

#[test]
fn windows_are_acked_one_after_the_other_in_parts_too() {
    for level in [0, 3] {
        let t = TestWorld::new(1);
        let mut options = config(&["h:1"]);
        options.compression_level = level;
        let output = output(&t, options);
        let (parcel, rx) = parcel(&output, &numbered(5));
        played(&t, &output, parcel, async {
            let mut port = t.world.net.listen("h:1").await.unwrap();
            let mut server = Server::accept(&mut port).await;
            assert_eq!(server.window().await, Some(vec![0, 1, 2]));
            for seq in [0, 1, 0, 1] {
                // less than the timeout apart, so it goes on for as long as it takes
                t.world.clock.sleep(Duration::from_secs(20)).await;
                server.ack(seq).await;
            }
            assert!(rx.try_recv().is_err());
            server.ack(3).await;
            assert_eq!(server.window().await, Some(vec![3, 4]));
            server.ack(2).await;
        });
        assert_eq!(rx.try_recv().unwrap().deliveries_done, 5);
        assert_eq!(t.metrics.counter(CounterName::OutputEvents, &[("output", "o")]).get(), 5);
        assert_eq!(t.metrics.counter(CounterName::OutputRequests, &[("output", "o")]).get(), 2);
        assert_eq!(t.metrics.counter(CounterName::OutputRetries, &[("output", "o")]).get(), 0);
    }
}

#[test]
fn what_was_not_acked_is_sent_again() {
    let t = TestWorld::new(1);
    let output = output(&t, config(&["h:1"]));
    let (parcel, rx) = parcel(&output, &numbered(3));
    played(&t, &output, parcel, async {
        // refused for a while: 1, 2, 4 s less the jitter
        t.world.clock.sleep(Duration::from_secs(5)).await;
        assert!((3..=5).contains(&t.connects()), "{}", t.connects());
        let mut port = t.world.net.listen("h:1").await.unwrap();
        // acks the first event, then is gone
        let mut server = Server::accept(&mut port).await;
        assert_eq!(server.window().await, Some(vec![0, 1, 2]));
        server.ack(1).await;
        drop(server);
        // takes a window and says nothing
        let mut server = Server::accept(&mut port).await;
        assert_eq!(server.window().await, Some(vec![1, 2]));
        let start = t.seconds();
        assert_eq!(server.window().await, None);
        assert!((29.0..31.0).contains(&(t.seconds() - start)));
        // answers nonsense
        let mut server = Server::accept(&mut port).await;
        assert_eq!(server.window().await, Some(vec![1, 2]));
        server.stream.write_all(b"HTTP/1.1").await.unwrap();
        // acks more than there is
        let mut server = Server::accept(&mut port).await;
        assert_eq!(server.window().await, Some(vec![1, 2]));
        server.ack(3).await;
        let mut server = Server::accept(&mut port).await;
        assert_eq!(server.window().await, Some(vec![1, 2]));
        server.ack(2).await;
    });
    assert_eq!(rx.try_recv().unwrap().deliveries_done, 3);
    assert_eq!(t.metrics.counter(CounterName::OutputRetries, &[("output", "o")]).get(), 8);
}

#[test]
fn another_host_is_taken_when_the_first_cannot_be_reached() {
    let t = TestWorld::new(1);
    let output = output(&t, config(&["h:1", "h:2"]));
    let (first, _rx) = parcel(&output, &numbered(1));
    played(&t, &output, first, async {
        let mut one = t.world.net.listen("h:1").await.unwrap();
        let mut two = t.world.net.listen("h:2").await.unwrap();
        let mut server = Server::accept(&mut one).await;
        assert_eq!(server.window().await, Some(vec![0]));
        drop((server, one));
        let mut server = Server::accept(&mut two).await;
        assert_eq!(server.window().await, Some(vec![0]));
        server.ack(1).await;
    });
}

#[test]
fn an_idle_connection_is_used_again_and_replaced_without_a_wait() {
    let t = TestWorld::new(1);
    let mut options = config(&["h:1"]);
    options.ttl = Duration::from_secs(100);
    let output = output(&t, options);
    let next = || parcel(&output, &numbered(1)).0;
    t.block_on(async {
        let mut port = t.world.net.listen("h:1").await.unwrap();
        let mut server = None;
        for _ in 0..2 {
            tokio::join!(output.deliver(next()), async {
                if server.is_none() {
                    server = Some(Server::accept(&mut port).await);
                }
                let server = server.as_mut().unwrap();
                assert_eq!(server.window().await, Some(vec![0]));
                server.ack(1).await;
            });
        }
        assert_eq!(t.connects(), 1);
        // the other side closes what was quiet
        drop(server);
        let start = t.seconds();
        let mut last = None;
        tokio::join!(output.deliver(next()), async {
            let mut server = Server::accept(&mut port).await;
            assert_eq!(server.window().await, Some(vec![0]));
            server.ack(1).await;
            last = Some(server);
        });
        assert_eq!((t.connects(), t.seconds()), (2, start));
        // older than its time
        t.world.clock.sleep(Duration::from_secs(100)).await;
        tokio::join!(output.deliver(next()), async {
            let mut server = Server::accept(&mut port).await;
            assert_eq!(server.window().await, Some(vec![0]));
            server.ack(1).await;
        });
        assert_eq!(t.connects(), 3);
        assert_eq!(last.unwrap().window().await, None);
    });
}

#[test]
fn slow_start_grows_with_success() {
    let t = TestWorld::new(1);
    let mut options = config(&["h:1"]);
    (options.slow_start, options.window_events_max) = (true, 20);
    let output = output(&t, options);
    let (parcel, _rx) = parcel(&output, &numbered(60));
    let mut sizes = vec![];
    played(&t, &output, parcel, async {
        let mut port = t.world.net.listen("h:1").await.unwrap();
        let mut server = Server::accept(&mut port).await;
        for n in 0.. {
            let window = server.window().await.unwrap();
            sizes.push(window.len());
            if n == 2 {
                // fails once: half as many then
                server = {
                    drop(server);
                    Server::accept(&mut port).await
                };
                continue;
            }
            server.ack(window.len() as u32).await;
            if window.last() == Some(&59) {
                break;
            }
        }
    });
    assert_eq!(sizes, [10, 15, 20, 10, 15, 10]);
}

#[test]
fn a_delivery_ends_at_once_when_it_is_told_to_give_up() {
    let t = TestWorld::new(1);
    let output = output(&t, config(&["h:1"]));
    let (parcel, rx) = parcel(&output, &numbered(1));
    played(&t, &output, parcel, async {
        let mut port = t.world.net.listen("h:1").await.unwrap();
        let mut server = Server::accept(&mut port).await;
        server.window().await.unwrap();
        let start = t.seconds();
        t.stop.ask();
        assert_eq!((server.window().await, t.seconds()), (None, start));
    });
    assert!(rx.try_recv().is_err(), "its source reads it again");
}

#[test]
fn an_event_that_no_receiver_takes_is_a_dead_letter() {
    let t = TestWorld::new(1);
    let output = output(&t, config(&["h:1"]));
    let large = format!(r#"{{"m":"{}"}}"#, "x".repeat(JSON_BYTES_MAX));
    let (parcel, rx) = parcel(&output, &[large, r#"{"n":1}"#.to_string()]);
    played(&t, &output, parcel, async {
        let mut port = t.world.net.listen("h:1").await.unwrap();
        let mut server = Server::accept(&mut port).await;
        assert_eq!(server.window().await, Some(vec![1]));
        server.ack(1).await;
    });
    let tally = rx.try_recv().unwrap();
    assert_eq!((tally.deliveries_done, tally.deliveries_dead), (1, 1));
    assert!(t.letters().contains(r#""reason":"too-large""#));
}

/// Both ends of this program: every event arrives with its id.
#[test]
fn it_speaks_with_the_beats_input() {
    use crate::input::beats::{Config as Input, Cx, Spawn, serve};
    let t = TestWorld::new(2);
    let task = t.clone();
    let spawn: Spawn = Arc::new(move |future| task.spawn(future));
    let cx = Cx {
        world: t.world.clone(),
        intake: t.intake.clone(),
        stop: t.stop.clone(),
        metrics: t.metrics.clone(),
        dead_letters: t.dead_letters(),
        spawn,
        id: "b".to_string(),
        input: 0,
    };
    t.spawn(Box::pin(async move { serve(Input::plain("h", 5044, true), cx, |_| {}).await.unwrap() }));
    let output = output(&t, config(&["h:5044"]));
    let (parcel, rx) = parcel(&output, &numbered(7));
    let ids: Vec<String> = parcel
        .items
        .iter()
        .map(|i| serde_json::from_slice::<serde_json::Value>(parcel.bytes(i)).unwrap()["@metadata"]["_id"].clone())
        .map(|id| id.as_str().unwrap().to_string())
        .collect();
    let mut got = vec![];
    played(&t, &output, parcel, async {
        while got.len() < 7 {
            let batch = t.batch().await;
            got.extend(
                batch
                    .events()
                    .iter()
                    .map(|e| (e.top("n").unwrap().as_f64().unwrap() as usize, e.given_id.map(str::to_string))),
            );
            end(batch);
        }
    });
    assert_eq!(rx.try_recv().unwrap().deliveries_done, 7);
    let expected: Vec<_> = ids.into_iter().map(Some).enumerate().collect();
    assert_eq!(got, expected);
}
