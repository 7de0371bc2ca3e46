//! The corrected pipeline (`pipelines/fin-pre-assist`): an error that a backend prints is an alert in Alertmanager within five seconds,
//! once, in every shape and for both generations of Alertmanager; and the seed's own http output reaches Alertmanager too.

use super::support::program::Program;
use super::support::world::World;
use super::support::{Need, fetched, missing, repository, wait_until};
use serde_json::{Value, json};
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

/// From the container's line to the alert in Alertmanager.
const ALERT_LIMIT: Duration = Duration::from_secs(5);

fn corrected(name: &str) -> String {
    repository("pipelines/fin-pre-assist").join(name).to_str().expect("the path is text").to_owned()
}

/// The shapes an error of the backend has: the line, and the description its alert then carries.
const PLAIN: (&str, &str) = ("2024-03-05 10:11:12,123 ERROR no credit data", "no credit data");
const NO_FRACTION: (&str, &str) = ("2024-03-05 10:11:13 ERROR rating service away", "rating service away");
const UVICORN: (&str, &str) = ("ERROR:    Exception in ASGI application", "Exception in ASGI application");
const JSON: (&str, &str) = (r#"{"level": "ERROR", "message": "job 7 failed", "job": 7}"#, "job 7 failed");

/// One error in the shape `first` raises one alert in time; errors in all other shapes are marked the same way and raise no second.
fn raises_one_alert(alertmanager: &str, container: (&str, &[&str]), first: (&str, &str)) {
    if missing(&[Need::World]) {
        return;
    }
    let world = World::start(&["--alertmanager", alertmanager]);
    world.make_image();
    let program = world.logdrive("fused", &["-c", &corrected("filebeat.yml"), "-f", &corrected("logstash.conf")]);
    // what must not raise one: an error of somebody else, and other levels of the backend
    world.container("other", &[], "echo '2024-03-05 10:11:12,123 ERROR not of the backend'");
    let (name, options) = container;
    world.container(
        &format!("{name}-quiet"),
        options,
        "echo '2024-03-05 10:11:12,123 INFO all is well'; echo 'INFO:     ERROR in a text'",
    );
    world.container_ends("other");
    world.container_ends(&format!("{name}-quiet"));
    wait_until(
        Duration::from_secs(60),
        || world.count("fin-pre-assist-logs-*") == 3,
        || format!("the three harmless lines arrive; standard error:\n{}", program.stderr()),
    );
    assert_eq!(world.alerts(), Vec::<Value>::new());

    // the line waits for its moment, so that the time measured is not Docker's time to start a container
    let go = world.dir().join("go");
    std::fs::create_dir(&go).expect("a folder can be made");
    let mount = format!("{}:/go", go.display());
    let mut with_go = options.to_vec();
    with_go.extend(["--volume", &mount]);
    world.container(&format!("{name}-1"), &with_go, "until [ -e /go/now ]; do usleep 10000; done; cat /go/now");
    std::fs::write(go.join("now.part"), format!("{}\n", first.0)).expect("a file can be written");
    std::fs::rename(go.join("now.part"), go.join("now")).expect("a file can be renamed");
    wait_until(
        ALERT_LIMIT,
        || !world.alerts().is_empty(),
        || format!("the alert is there; standard error:\n{}", program.stderr()),
    );
    let expected_labels =
        json!({"alertname": "ApplicationError", "severity": "warning", "service": "fin-pre-assist-backend"});
    let alerts = world.alerts();
    assert_eq!(alerts.len(), 1, "{alerts:#?}");
    assert_eq!(alerts[0]["labels"], expected_labels);
    assert_eq!(alerts[0]["annotations"], json!({"summary": "Application error detected", "description": first.1}));
    assert_eq!(alerts[0]["status"]["state"], "active");

    // every shape is an error, and however many come, the alert is one
    let shapes = [PLAIN, NO_FRACTION, UVICORN, JSON];
    std::fs::write(go.join("all"), shapes.map(|shape| shape.0.to_owned() + "\n").concat())
        .expect("a file can be written");
    world.container(&format!("{name}-2"), &with_go, "cat /go/all");
    world.container_ends(&format!("{name}-2"));
    let alarming = || {
        let documents = world.documents("fin-pre-assist-logs-*");
        documents
            .into_iter()
            .filter(|d| d.source["tags"].as_array().is_some_and(|tags| tags.contains(&"alert".into())))
            .collect::<Vec<_>>()
    };
    wait_until(
        Duration::from_secs(60),
        || world.count("fin-pre-assist-logs-*") == 3 + 1 + shapes.len() as u64,
        || format!("all lines arrive; standard error:\n{}", program.stderr()),
    );
    let alarming = alarming();
    for (line, description) in shapes {
        let mut of_shape = alarming.iter().filter(|document| document.message() == description);
        let document = of_shape.next().unwrap_or_else(|| panic!("no document tagged `alert` says {description}"));
        assert_eq!(document.source["level"], "ERROR", "{line}");
        assert_eq!(document.source["fields"]["service"], "fin-pre-assist-backend", "{line}");
    }
    let in_march = alarming.iter().find(|document| document.message() == NO_FRACTION.1).expect("found above");
    assert_eq!(in_march.source["@timestamp"], "2024-03-05T10:11:13.000Z");
    assert_eq!(in_march.index.as_deref(), Some("fin-pre-assist-logs-2024.03.05"));
    let alerts = world.alerts();
    assert_eq!(alerts.len(), 1, "{alerts:#?}");
    assert_eq!(alerts[0]["labels"], expected_labels);
    let last_words = program.stop();
    assert!(!last_words.contains("panicked"), "{last_words}");
}

/// The backend by its container's name, or by its service in the compose file.
const BY_NAME: (&str, &[&str]) = ("fin-pre-assist-backend", &[]);
const BY_SERVICE: (&str, &[&str]) = ("app", &["--label", "com.docker.compose.service=backend"]);

#[test]
fn plain_error_on_alertmanager_025() {
    raises_one_alert("0.25", BY_NAME, PLAIN);
}

#[test]
fn error_without_fraction_on_alertmanager_v2_only() {
    raises_one_alert("v2", BY_SERVICE, NO_FRACTION);
}

#[test]
fn uvicorn_error_on_alertmanager_025() {
    raises_one_alert("0.25", BY_SERVICE, UVICORN);
}

#[test]
fn json_error_on_alertmanager_v2_only() {
    raises_one_alert("v2", BY_NAME, JSON);
}

/// nginx's lines get the fields of ECS, numbers as numbers.
#[test]
fn nginx_lines_are_parsed() {
    if missing(&[Need::World]) {
        return;
    }
    let world = World::start(&["--without", "docker"]);
    let program = world.logdrive("fused", &["-c", &corrected("filebeat.yml"), "-f", &corrected("logstash.conf")]);
    world.requests(["/ok?a=1".to_owned(), "/missing".to_owned(), "/broken".to_owned()]);
    wait_until(
        Duration::from_secs(60),
        || world.count("fin-pre-assist-logs-*") == 4,
        || format!("three access lines and an error line arrive; standard error:\n{}", program.stderr()),
    );
    let documents = world.documents("fin-pre-assist-logs-*");
    let of = |service: &str, path: &str| {
        let mut fitting = documents
            .iter()
            .map(|d| &d.source)
            .filter(|e| e["fields"]["service"] == service && e["url"]["original"] == path);
        fitting.next().unwrap_or_else(|| panic!("no {service} line for {path}: {documents:#?}"))
    };
    for (path, status) in [("/ok?a=1", 200), ("/missing", 404), ("/broken", 500)] {
        let event = of("nginx", path);
        assert_eq!(event["http"]["response"]["status_code"], status, "{event}");
        assert!(event["http"]["response"]["body"]["bytes"].is_u64(), "{event}");
        assert_eq!(event["http"]["request"]["method"], "GET");
        assert_eq!(event["source"]["address"], "127.0.0.1");
        assert!(event["user_agent"]["original"].as_str().is_some_and(|agent| agent.starts_with("curl/")), "{event}");
        assert_eq!(event.get("timestamp"), None, "@timestamp says it");
        assert!(!event["tags"].to_string().contains("failure"), "{event}");
    }
    let error = of("nginx-error", "/missing");
    assert_eq!(error["level"], "error");
    assert_eq!(error["source"]["address"], "127.0.0.1");
    assert!(error["process"]["pid"].is_u64(), "{error}");
    assert!(
        error["message"].as_str().is_some_and(|message| message.starts_with("open() \"/run/www/missing\" failed")),
        "{error}"
    );
    program.stop();
}

/// Run as it stands in the seed, its http output posts to an interface that the one Alertmanager has and the other has not.
fn seed_http_output(alertmanager: &str) {
    if missing(&[Need::World, Need::Lumber]) {
        return;
    }
    let world = World::start(&["--without", "docker", "--without", "nginx", "--alertmanager", alertmanager]);
    let seed = repository("fixtures/seed/logstash.conf");
    let program: Program = world.logdrive("processor", &["-f", seed.to_str().expect("text")]);
    // an agent whose events have the field that the seed's own agent never sets
    let mut send = world.command(fetched("bin/lumber-send").to_str().expect("text"));
    send.args(["-address", "logstash:5044", "-service", "fin-pre-assist-backend"]);
    let mut send = send.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("lumber-send starts");
    send.stdin
        .take()
        .expect("a pipe")
        .write_all(b"2024-03-05 10:11:12,123 ERROR no credit data\n")
        .expect("it is read");
    let output = send.wait_with_output().expect("lumber-send ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "acked 1\n", "standard error:\n{}", program.stderr());
    wait_until(
        ALERT_LIMIT,
        || !world.alerts().is_empty(),
        || format!("the alert is there; standard error:\n{}", program.stderr()),
    );
    let alerts = world.alerts();
    assert_eq!(alerts.len(), 1, "{alerts:#?}");
    let labels = json!({"alertname": "ApplicationError", "severity": "warning", "service": "fin-pre-assist-backend"});
    assert_eq!(alerts[0]["labels"], labels);
    // without overwrite the capture makes a list of the message, and a list is joined with a comma
    let description = "2024-03-05 10:11:12,123 ERROR no credit data,no credit data";
    assert_eq!(alerts[0]["annotations"]["description"], description);
    program.stop();
}

#[test]
fn seed_http_output_on_alertmanager_025() {
    seed_http_output("0.25");
}

#[test]
fn seed_http_output_on_alertmanager_v2_only() {
    seed_http_output("v2");
}

/// An Alertmanager that is not up yet gets the alert when it is.
#[test]
fn alertmanager_comes_later() {
    if missing(&[Need::World]) {
        return;
    }
    let world = World::start(&["--without", "nginx", "--without", "alertmanager"]);
    world.make_image();
    let program = world.logdrive("fused", &["-c", &corrected("filebeat.yml"), "-f", &corrected("logstash.conf")]);
    world.container("fin-pre-assist-backend-1", &[], &format!("echo '{}'", PLAIN.0));
    world.container_ends("fin-pre-assist-backend-1");
    wait_until(
        Duration::from_secs(60),
        || world.count("fin-pre-assist-logs-*") == 1,
        || format!("the line arrives without Alertmanager; standard error:\n{}", program.stderr()),
    );
    let mut alertmanager = world.command(fetched("bin/alertmanager-v2").to_str().expect("text"));
    alertmanager.arg(format!("--config.file={}", repository("tests/services/alertmanager.yml").display()));
    alertmanager.arg(format!("--storage.path={}", world.dir().join("world/alertmanager").display()));
    alertmanager.args(["--web.listen-address=127.0.0.1:9093", "--cluster.listen-address="]);
    let _alertmanager = Program::spawn(alertmanager, world.dir(), "alertmanager");
    let there =
        || world.run("sh", &["-c", "curl -s alertmanager:9093/api/v2/alerts || true"]).contains("ApplicationError");
    wait_until(Duration::from_secs(90), there, || format!("the alert is there; standard error:\n{}", program.stderr()));
    assert_eq!(world.alerts().len(), 1);
    program.stop();
}
