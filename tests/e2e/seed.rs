//! The user's own two files, byte for byte unchanged (`fixtures/seed`), in the user's world: every line that nginx and the containers
//! write is in `fin-pre-assist-logs-<day>` once, whatever happens to the program in between.

use super::support::program::Program;
use super::support::world::World;
use super::support::{Need, missing, repository, wait_until};
use serde_json::Value;
use std::time::Duration;

const INDICES: &str = "fin-pre-assist-logs-*";

fn seed(name: &str) -> String {
    repository("fixtures/seed").join(name).to_str().expect("the path is text").to_owned()
}

/// One process with both files.
fn fused(world: &World) -> Program {
    world.logdrive("fused", &["-c", &seed("filebeat.yml"), "-f", &seed("logstash.conf")])
}

/// The two halves as two processes; the processor first, because the agent's `ready` does not wait for it.
fn processor(world: &World) -> Program {
    world.logdrive("processor", &["-f", &seed("logstash.conf")])
}

fn agent(world: &World) -> Program {
    world.logdrive("agent", &["-c", &seed("filebeat.yml")])
}

/// Prints `count` lines of a backend, of the four shapes it has, each with its number and `mark`; a pause of `pause_us` after each.
fn backend_script(mark: &str, count: usize, pause_us: usize) -> String {
    let pause = if pause_us > 0 { format!("usleep {pause_us};") } else { String::new() };
    format!(
        r#"for i in $(seq {count}); do case $((i % 4)) in
        0) echo "2024-03-05 10:11:12,123 ERROR {mark} $i no credit data";;
        1) echo "INFO:     172.18.0.5:50540 - \"GET /api/{mark}/$i HTTP/1.1\" 200 OK" >&2;;
        2) echo "{{\"level\": \"ERROR\", \"message\": \"{mark} job $i failed\", \"job\": $i}}";;
        3) echo "2024-03-05 10:11:12 INFO {mark} $i 风险评估完成";;
        esac; {pause} done"#
    )
}

/// Requests to nginx that leave an access line each, and every third an error line.
fn requests(mark: &str, count: usize) -> impl Iterator<Item = String> {
    let path = move |i: usize| match i % 3 {
        0 => format!("/missing-{mark}-{i}"),
        1 => format!("/ok?{mark}={i}"),
        _ => format!("/broken?{mark}={i}"),
    };
    (0..count).map(path)
}

fn of_message<'a>(documents: &'a [super::support::lines::Document], part: &str) -> &'a Value {
    let found = documents.iter().find(|document| document.message().contains(part));
    &found.unwrap_or_else(|| panic!("no document with {part} in its message")).source
}

#[test]
fn fused_delivers_every_line_once() {
    if missing(&[Need::World]) {
        return;
    }
    let world = World::start(&[]);
    world.make_image();
    // some lines are there before the start
    world.requests(requests("early", 30));
    let program = fused(&world);
    world.container(
        "fin-pre-assist-backend-1",
        &["--log-opt", "max-size=20k", "--log-opt", "max-file=50"],
        &backend_script("live", 400, 5000),
    );
    world.container(
        "another",
        &[],
        "printf 'no newline at the end of its last line'; echo; echo plain text of another",
    );
    world.requests(requests("live", 300));
    world.container_ends("fin-pre-assist-backend-1");
    world.container_ends("another");
    let documents = world.assert_delivered_once(INDICES, &[&program]);
    let last_words = program.stop();
    assert!(!last_words.contains("panicked"), "{last_words}");

    // the shape of the events, where it depends on real servers
    let day = |event: &Value| event["@timestamp"].as_str().expect("events have a time")[..10].replace('-', ".");
    for document in &documents {
        let expected = format!("fin-pre-assist-logs-{}", day(&document.source));
        assert_eq!(document.index.as_deref(), Some(expected.as_str()), "{}", document.source);
    }
    let printed = of_message(&documents, "live 4 no credit data");
    assert_eq!(printed["container"]["name"], "fin-pre-assist-backend-1");
    assert_eq!(printed["container"]["image"]["name"], "box");
    assert_eq!(printed["stream"], "stdout");
    assert_eq!(of_message(&documents, "/api/live/1 ")["stream"], "stderr");
    assert_eq!(of_message(&documents, "live job 2 failed")["json"]["job"], 2);
    let access = of_message(&documents, "/broken?live=2 ");
    assert_eq!(access["service"], "nginx", "`fields_under_root` puts it at the root");
    assert_eq!(access["log"]["file"]["path"], "/var/log/nginx/access.log");
    assert_eq!(access["agent"]["type"], "filebeat");
    assert!(access["host"]["name"].is_string(), "{access}");
    assert_eq!(of_message(&documents, "/run/www/missing-live-3")["service"], "nginx-error");
    // nobody sets [fields][service], so nothing in the seed's first branch ever runs
    assert_eq!(world.alerts(), Vec::<Value>::new());
}

#[test]
fn two_processes_deliver_every_line_once() {
    if missing(&[Need::World]) {
        return;
    }
    let world = World::start(&[]);
    world.make_image();
    let processor = processor(&world);
    let agent = agent(&world);
    world.container("fin-pre-assist-backend-1", &[], &backend_script("apart", 400, 2000));
    world.requests(requests("apart", 200));
    world.container_ends("fin-pre-assist-backend-1");
    let documents = world.assert_delivered_once(INDICES, &[&agent, &processor]);
    assert_eq!(of_message(&documents, "apart job 2 failed")["container"]["name"], "fin-pre-assist-backend-1");
    agent.stop();
    processor.stop();
}

/// Lines keep coming while the program is killed again and again, at a moment when some are delivered and some are not.
#[test]
fn fused_killed_in_the_middle_loses_and_doubles_nothing() {
    if missing(&[Need::World]) {
        return;
    }
    let world = World::start(&[]);
    world.make_image();
    world.container("fin-pre-assist-backend-1", &[], &backend_script("crash", 4000, 1000));
    for round in 0..4 {
        let program = fused(&world);
        world.requests(requests(&format!("round{round}"), 150));
        wait_for_more_documents(&world, 200, &[&program]);
        program.kill();
    }
    let program = fused(&world);
    world.container_ends("fin-pre-assist-backend-1");
    world.assert_delivered_once(INDICES, &[&program]);
    program.stop();
}

#[test]
fn two_processes_killed_in_the_middle_lose_and_double_nothing() {
    if missing(&[Need::World]) {
        return;
    }
    let world = World::start(&[]);
    world.make_image();
    let mut processor_now = processor(&world);
    let mut agent_now = agent(&world);
    world.container("fin-pre-assist-backend-1", &[], &backend_script("crash", 4000, 1000));
    for round in 0..2 {
        world.requests(requests(&format!("agent{round}"), 100));
        wait_for_more_documents(&world, 200, &[&agent_now, &processor_now]);
        agent_now.kill();
        agent_now = agent(&world);
        world.requests(requests(&format!("processor{round}"), 100));
        wait_for_more_documents(&world, 200, &[&agent_now, &processor_now]);
        processor_now.kill();
        processor_now = processor(&world);
    }
    world.container_ends("fin-pre-assist-backend-1");
    world.assert_delivered_once(INDICES, &[&agent_now, &processor_now]);
    agent_now.stop();
    processor_now.stop();
}

fn wait_for_more_documents(world: &World, more: u64, running: &[&Program]) {
    let before = world.count(INDICES);
    let logs = || running.iter().map(|program| program.stderr()).collect::<Vec<_>>().join("\n---\n");
    wait_until(
        Duration::from_secs(60),
        || world.count(INDICES) >= before + more,
        || format!("{more} more documents than {before}; standard error:\n{}", logs()),
    );
}

/// Rename and copytruncate under a running program, again and again while lines come.
#[test]
fn rotation_while_running() {
    if missing(&[Need::World]) {
        return;
    }
    let world = World::start(&["--without", "docker"]);
    let program = fused(&world);
    for round in 0..4 {
        world.requests(requests(&format!("before{round}"), 60));
        let rename = format!("cd /var/log/nginx && mv access.log access.log.{round}");
        world.run("sh", &["-c", &rename]);
        // until nginx is told, it writes into the renamed file
        world.requests(requests(&format!("between{round}"), 30));
        world.run("sh", &["-c", "kill -USR1 $(cat /run/nginx.pid)"]);
        wait_until(
            Duration::from_secs(10),
            || world.log("nginx/access.log").exists(),
            || "nginx opens its log anew".to_owned(),
        );
        world.requests(requests(&format!("after{round}"), 60));
        world.assert_delivered_once(INDICES, &[&program]);
        // what is read may be copied away and the file be cut: that is how logrotate's copytruncate works when it loses nothing
        let truncate = format!("cd /var/log/nginx && cp error.log error.log.{round} && truncate -s 0 error.log");
        world.run("sh", &["-c", &truncate]);
        world.requests(requests(&format!("cut{round}"), 30));
        world.assert_delivered_once(INDICES, &[&program]);
    }
    program.stop();
}

/// Stopped with unread lines in a file, which is renamed, with a new one in its place, before the next start.
#[test]
fn rotation_while_down_and_restart() {
    if missing(&[Need::World]) {
        return;
    }
    let world = World::start(&["--without", "docker"]);
    let program = fused(&world);
    world.requests(requests("first", 90));
    world.assert_delivered_once(INDICES, &[&program]);
    program.stop();

    world.requests(requests("unread", 90));
    world.run("sh", &["-c", "cd /var/log/nginx && mv access.log access.log.1 && mv error.log error.log-20240305 && kill -USR1 $(cat /run/nginx.pid)"]);
    wait_until(
        Duration::from_secs(10),
        || world.log("nginx/access.log").exists(),
        || "nginx opens its log anew".to_owned(),
    );
    world.requests(requests("fresh", 90));
    let program = fused(&world);
    world.assert_delivered_once(INDICES, &[&program]);
    program.stop();

    // a start with nothing new delivers nothing
    let before = world.count(INDICES);
    let program = fused(&world);
    world.requests(requests("last", 1));
    world.assert_delivered_once(INDICES, &[&program]);
    assert_eq!(world.count(INDICES), before + 2, "one access line, one error line");
    program.stop();
}

/// The files are open and read before the server is there; nothing is lost meanwhile.
#[test]
fn elasticsearch_comes_later() {
    if missing(&[Need::World]) {
        return;
    }
    let world = World::start(&["--without", "docker", "--without", "elasticsearch"]);
    let program = fused(&world);
    world.requests(requests("waiting", 300));
    let script = repository("tests/services/elasticsearch");
    let data = world.dir().join("world/elasticsearch");
    world.run(script.to_str().expect("text"), &["start", "9200", data.to_str().expect("text")]);
    world.assert_delivered_once(INDICES, &[&program]);
    // and away in the middle, and back
    world.run(script.to_str().expect("text"), &["stop", data.to_str().expect("text")]);
    world.requests(requests("away", 300));
    world.run(script.to_str().expect("text"), &["start", "9200", data.to_str().expect("text")]);
    world.assert_delivered_once(INDICES, &[&program]);
    program.stop();
}
