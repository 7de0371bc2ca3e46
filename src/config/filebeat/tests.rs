use super::condition::{Condition, Operand};
use super::inputs::{ContainerFormat, InputKind, Stream};
use super::outputs::Codec;
use super::processors::{FieldName, Processor, Target};
use super::*;

fn load(text: &str, overrides: &[&str]) -> (Filebeat, Vec<Diagnostic>, SourceMap) {
    let mut sources = SourceMap::new();
    let file = sources.add("filebeat.yml", text);
    let overrides: Vec<FileId> = overrides.iter().map(|o| sources.add("-E", *o)).collect();
    let env = |name: &str| (name == "HOSTS").then(|| "a:1,b".to_string());
    let (filebeat, found) = parse(&sources, &[file], &overrides, "/usr/share/filebeat", &env);
    (filebeat, found, sources)
}

fn clean(text: &str) -> Filebeat {
    let (filebeat, found, _) = load(text, &[]);
    assert!(found.is_empty(), "{text}\n{found:#?}");
    filebeat
}

/// Findings as `id severity-stops "text under the caret"`.
fn findings(text: &str) -> Vec<String> {
    let (_, found, sources) = load(text, &[]);
    let show = |d: &Diagnostic| {
        let under = d.primary.as_ref().map_or("", |l| sources.text(l.span));
        format!("{} {} {under}", d.id, if d.stops_run { "stops" } else { "runs" })
    };
    found.iter().map(show).collect()
}

const OUTPUT: &str = "output.logstash.hosts: [\"logstash:5044\"]\n";
const INPUT: &str = "filebeat.inputs: [{type: log, paths: [/l]}]\n";

#[test]
fn a_whole_configuration_is_read_without_a_finding() {
    let filebeat = clean(
        r#"
filebeat.inputs:
- type: container
  paths: ['/var/lib/docker/containers/*/*.log']
  stream: stderr
  processors:
    - add_docker_metadata:
        host: "unix:///run/docker.sock"
    - decode_json_fields:
        fields: ["message"]
        target: ""
        overwrite_keys: true
- type: log
  enabled: true
  paths: /var/log/app.log
  exclude_files: ['\.gz$']
  tags: [a, b]
  fields: {service: app, nested.key: 1}
  fields_under_root: true
  max_bytes: 1MiB
  scan_frequency: 2
  close_inactive: 1h30m
- type: stdin
- type: nonsense
  enabled: false
  paths: ${NOT_SET}
output.logstash:
  hosts: ["logstash", "[::1]:5045"]
  ttl: 10ms
output.elasticsearch.enabled: false
processors:
  - add_host_metadata:
      when.not.contains.tags: forwarded
  - add_cloud_metadata: ~
  - drop_fields: {fields: [agent.id, "/^host\\./"], ignore_missing: true}
logging.level: warning
logging.files:
  path: ${path.logs}/own
  permissions: 0644
"#,
    );
    let [container, log, stdin] = &filebeat.inputs[..] else { panic!("{:#?}", filebeat.inputs) };
    let InputKind::Container { files, stream, format } = &container.kind else { panic!() };
    assert_eq!((files.symlinks, *stream, *format), (true, Stream::Stderr, ContainerFormat::Auto));
    let Processor::DecodeJsonFields(decode) = &container.processors[1].processor else { panic!() };
    assert_eq!((&decode.target, decode.max_depth, decode.overwrite_keys), (&Target::Root, 1, true));
    let InputKind::Log { files } = &log.kind else { panic!() };
    assert_eq!(files.paths[0].value, "/var/log/app.log");
    assert_eq!((files.scan_frequency.as_secs(), files.close_inactive.as_secs()), (2, 5400));
    assert!(files.exclude_files[0].is_match("x.gz") && !files.symlinks && files.recursive_glob);
    assert_eq!((log.max_bytes, log.fields_under_root(), log.tags.len()), (1 << 20, true, 2));
    assert!(log.fields.as_ref().unwrap().get("nested").unwrap().get("key").is_some());
    assert!(matches!(stdin.kind, InputKind::Stdin) && stdin.max_bytes == 10 << 20);
    let Some(OutputConfig::Logstash(output)) = &filebeat.output else { panic!() };
    let hosts: Vec<(&str, u16)> = output.hosts.iter().map(|h| (h.value.name.as_str(), h.value.port)).collect();
    assert_eq!(hosts, [("logstash", 5044), ("::1", 5045)]);
    assert_eq!((output.bulk_max_size, output.compression_level, output.ttl), (2048, 3, Duration::from_millis(10)));
    let Some(Condition::Not(inner)) = &filebeat.processors[0].when else { panic!() };
    let Condition::Contains(terms) = &**inner else { panic!() };
    assert_eq!((terms[0].0.value.as_str(), terms[0].1.as_str()), ("tags", "forwarded"));
    let Processor::DropFields(drop) = &filebeat.processors[2].processor else { panic!() };
    assert!(matches!(&drop.fields[..], [FieldName::Name(_), FieldName::Pattern(p)] if p.value.is_match("host.x")));
    assert_eq!(filebeat.logging.files.permissions, 0o644);
    assert_eq!(filebeat.logging.files.path.value.to_str(), Some("/usr/share/filebeat/logs/own"));
    assert_eq!(filebeat.paths.data.value.to_str(), Some("/usr/share/filebeat/data"));
}

#[test]
fn conditions() {
    let when = |text: &str| {
        let text = format!("{INPUT}{OUTPUT}processors: [{{drop_event: {{when: {text}}}}}]\n");
        clean(&text).processors.remove(0).when.expect("a condition")
    };
    let Condition::Equals(terms) = when("{equals: {a.b: 5, c: yes, d: x}}") else { panic!() };
    assert_eq!(terms.iter().map(|t| t.0.value.as_str()).collect::<Vec<_>>(), ["a.b", "c", "d"]);
    assert_eq!(
        terms.into_iter().map(|t| t.1).collect::<Vec<_>>(),
        [Operand::Int(5), Operand::Bool(true), Operand::Text("x".into())]
    );
    for text in ["{range: {status.gte: 400, status.lt: 500}}", "{range: {status: {gte: 400, lt: \"500\"}}}"] {
        let Condition::Range(bounds) = when(text) else { panic!() };
        assert_eq!(
            (bounds[0].field.value.as_str(), bounds[0].gte, bounds[0].lt, bounds[0].gt),
            ("status", Some(400.0), Some(500.0), None)
        );
    }
    let Condition::Or(any) = when("{or: [{has_fields: [a]}, {and: [{regexp: {m: '^{'}}, {not: {contains: {m: x}}}]}]}")
    else {
        panic!()
    };
    assert!(matches!(&any[..], [Condition::HasFields(_), Condition::And(all)] if all.len() == 2));
    let filebeat = clean(&format!(
        "{INPUT}{OUTPUT}processors:\n- if: {{equals: {{a: 1}}}}\n  then: [{{drop_event: ~}}]\n  else: {{add_tags: {{tags: [x]}}}}\n"
    ));
    let Processor::If { then, otherwise, .. } = &filebeat.processors[0].processor else { panic!() };
    assert_eq!((then.len(), otherwise.len()), (1, 1));
}

/// Each text is put before or after a sound rest; the findings are all there are.
#[test]
fn what_is_wrong_is_shown_in_its_place() {
    let input = |options: &str| format!("filebeat.inputs: [{{type: log, paths: [/l], {options}}}]\n{OUTPUT}");
    let processor = |text: &str| format!("{INPUT}{OUTPUT}processors: [{text}]\n");
    let output = |text: &str| format!("{INPUT}{text}\n");
    let top = |text: &str| format!("{INPUT}{OUTPUT}{text}\n");
    for (text, expected) in [
        (input("multiline.pattern: x"), &["option-not-yet stops multiline"][..]),
        (input("json.keys_under_root: true"), &["option-not-yet stops json"]),
        (input("scan_freqency: 5s"), &["unknown-option runs scan_freqency"]),
        (input("encoding: latin1"), &["option-not-yet stops latin1"]),
        (input("encoding: utf-8"), &[]),
        (input("scan_frequency: 0"), &["wrong-value stops 0"]),
        (input("max_bytes: many"), &["wrong-type stops many"]),
        (input("tail_files: maybe"), &["wrong-type stops maybe"]),
        (input("exclude_lines: ['(']"), &["wrong-value stops '('"]),
        (input("clean_inactive: 1h"), &["wrong-value stops 1h"]),
        (input("clean_inactive: 3h, ignore_older: 2h"), &[]),
        (input("fields: x"), &["wrong-type stops x"]),
        (input("fields: {a: '${NO}'}"), &["variable-unset stops '${NO}'"]),
        (format!("filebeat.inputs: [{{type: lgo, paths: [/l]}}]\n{OUTPUT}"), &["unknown-plugin stops lgo"]),
        (format!("filebeat.inputs: [{{type: filestream}}]\n{OUTPUT}"), &["plugin-not-yet stops filestream"]),
        (format!("filebeat.inputs: [{{type: log}}]\n{OUTPUT}"), &["missing-option stops log"]),
        (format!("filebeat.inputs: []\n{OUTPUT}"), &["no-inputs stops inputs"]),
        (processor("{rename: {fields: []}}"), &["plugin-not-yet stops rename"]),
        (processor("{drop_evnt: ~}"), &["unknown-plugin stops drop_evnt"]),
        (processor("{decode_json_fields: ~, fields: [a]}"), &["processor-shape stops fields"]),
        (processor("{decode_json_fields: {fields: [a], targt: b}}"), &["unknown-option stops targt"]),
        (processor("{decode_json_fields: {target: b}}"), &["missing-option stops decode_json_fields"]),
        (processor("{add_host_metadata: {netinfo.enabeld: true}}"), &["unknown-option runs enabeld"]),
        (processor("{drop_event: {when: {network: {a: private}}}}"), &["option-not-yet stops network"]),
        (processor("{drop_event: {when: {contains: {a: 5}}}}"), &["wrong-condition stops 5"]),
        (processor("{drop_event: {when: {}}}"), &["wrong-condition stops when"]),
        (processor("{drop_event: {when: {equals: {a: 1}, has_fields: [b]}}}"), &["condition-ignored runs has_fields"]),
        (
            processor("{drop_event: {when: {equal: {a: 1}}}}"),
            &["unknown-option runs equal", "wrong-condition stops when"],
        ),
        (output("output.kafka.hosts: [x]"), &["plugin-not-yet stops kafka"]),
        (output("output.logstsh.hosts: [x]"), &["unknown-plugin stops logstsh"]),
        (output("output: {logstash: {hosts: [a]}, console: {pretty: true}}"), &["two-outputs stops console"]),
        (output("output: {logstash: {hosts: [a]}, console: {enabled: false}}"), &[]),
        (output("output.logstash: {hosts: [a], ssl.certificate: x}"), &["option-not-yet stops ssl"]),
        (output("output.logstash: {hosts: [a], ssl.enabled: false}"), &[]),
        (output("output.logstash: {hosts: [a, b], loadbalance: true}"), &["option-not-yet stops loadbalance"]),
        (output("output.logstash: {worker: 2}"), &["missing-option stops logstash"]),
        (output("output.logstash: {hosts: ['a:x']}"), &["wrong-value stops 'a:x'"]),
        (output("output.logstash: {hosts: '${NO:?name a host}'}"), &["variable-unset stops '${NO:?name a host}'"]),
        (output("output.elasticsearch.hosts: [a]"), &["setup-not-done runs elasticsearch"]),
        (output("output.elasticsearch.hosts: [a]\nsetup.template.enabled: false"), &[]),
        (output("output.logstash: ~"), &["no-output stops output"]),
        (top("filebeat.prospectors: []"), &["option-gone runs prospectors"]),
        (top("queue.disk.max_size: 1GB"), &["option-not-yet stops disk"]),
        (top("logging.to_syslog: true"), &["option-not-yet stops to_syslog"]),
        (top("logging.to_syslog: false"), &[]),
        (top("logging.level: inof"), &["wrong-value stops inof"]),
        (top("monitoring.enabled: true"), &["setting-not-done runs enabled"]),
        (top("loging.level: info"), &["unknown-option runs loging"]),
        (top("filebeat.modules: [{module: nginx}]"), &["option-not-yet stops modules"]),
        (top("filebeat.config.modules: {path: \"${path.config}/modules.d/*.yml\", reload.enabled: false}"), &[]),
    ] {
        assert_eq!(findings(&text), expected, "{text}");
    }
}

#[test]
fn all_faults_of_a_file_are_reported_at_once() {
    let text = (0..50).map(|i| format!("- type: log\n  paths: [/l]\n  scan_frequency: bad{i}\n")).collect::<String>();
    let found = findings(&format!("{OUTPUT}filebeat.inputs:\n{text}"));
    assert_eq!(found.len(), 50, "{found:?}");
}

#[test]
fn overrides_and_the_environment_count() {
    let text = format!("{INPUT}output.logstash.hosts: ${{HOSTS}}\n");
    let (filebeat, found, _) = load(&text, &["output.logstash.worker=3", "path.data=/d", "name=x"]);
    assert!(found.is_empty(), "{found:?}");
    let Some(OutputConfig::Logstash(output)) = &filebeat.output else { panic!() };
    assert_eq!((output.hosts.len(), output.hosts[0].value.port, output.worker), (2, 1, 3));
    assert_eq!((filebeat.paths.data.value.to_str(), filebeat.name.unwrap().value.as_str()), (Some("/d"), "x"));
    let (_, found, sources) = load(&text, &["output.logstash.worker=many"]);
    assert_eq!(sources.locate(found[0].primary.as_ref().unwrap().span).to_string(), "-E:1:24");
}

#[test]
fn further_files_are_named_for_the_caller_to_look_at() {
    let filebeat = clean(&format!("filebeat.config.inputs: {{path: '${{path.config}}/i.d/*.yml'}}\n{OUTPUT}"));
    assert_eq!(filebeat.included[0].glob.value, "/usr/share/filebeat/i.d/*.yml");
    assert!(filebeat.included[0].found("i.d/a.yml").stops_run);
}

#[test]
fn the_other_outputs() {
    let console = clean(&format!("{INPUT}output.console.pretty: true\n"));
    assert!(
        matches!(console.output, Some(OutputConfig::Console(c)) if c.codec == Codec::Json { pretty: true, escape_html: false })
    );
    let file = clean(&format!("{INPUT}output.file: {{path: /tmp/x, codec.format.string: '%{{[message]}}'}}\n"));
    assert!(
        matches!(file.output, Some(OutputConfig::File(f)) if matches!(&f.codec, Codec::Format(s) if s.value == "%{[message]}"))
    );
    let text = "output.elasticsearch: {hosts: [es, 'https://b/x'], username: u, password: 007, index: 'i-%{+yyyy}'}\nsetup.template.enabled: false\n";
    let Some(OutputConfig::Elasticsearch(es)) = clean(&format!("{INPUT}{text}")).output else { panic!() };
    assert_eq!(es.hosts.iter().map(|h| h.value.as_str()).collect::<Vec<_>>(), ["http://es:9200", "https://b:9200/x"]);
    assert_eq!((es.username.as_deref(), es.password.as_deref()), (Some("u"), Some("7")));
}
