//! The filter, from its text in a configuration to the event.

use std::io;

use super::*;
use crate::config::diagnostic::Severity;
use crate::config::logstash::ast::{Plugin, SectionKind, Stmt};
use crate::config::logstash::parse;
use crate::config::options::PluginKind;
use crate::config::source::SourceMap;
use crate::config::variables::Variables;
use crate::event::json::{self, Decimals};
use crate::event::{Arena, Event};
use crate::world::fs::{DirEntry, FileKind, LockGuard, ReadFile, Stat, WriteFile, WriteMode};

/// A folder `/p` with files in it.
struct Folder(&'static [(&'static str, &'static str)]);

struct Open(&'static str);

fn stat(kind: FileKind) -> Stat {
    Stat { kind, len: 0, dev: 0, ino: 0, birth_ns: None, modified_ns: 0, links: 1, mode: 0o644, uid: 0 }
}

fn no<T>() -> io::Result<T> {
    Err(io::ErrorKind::NotFound.into())
}

impl ReadFile for Open {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = &self.0.as_bytes()[(offset as usize).min(self.0.len())..];
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn stat(&self) -> io::Result<Stat> {
        Ok(stat(FileKind::File))
    }
}

impl Folder {
    fn find(&self, path: &Path) -> Option<&'static str> {
        let name = path.strip_prefix("/p").ok()?.to_str()?;
        self.0.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
    }
}

impl Fs for Folder {
    fn open(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        match self.find(path) {
            Some(text) => Ok(Box::new(Open(text))),
            None => no(),
        }
    }
    fn stat(&self, path: &Path) -> io::Result<Stat> {
        match path == Path::new("/p") {
            true => Ok(stat(FileKind::Dir)),
            false => self.find(path).map_or_else(no, |_| Ok(stat(FileKind::File))),
        }
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        match dir == Path::new("/p") {
            true => Ok(self.0.iter().map(|(n, _)| DirEntry { name: n.into(), kind: FileKind::File }).collect()),
            false => no(),
        }
    }
    fn open_write(&self, _: &Path, _: WriteMode, _: u32) -> io::Result<Box<dyn WriteFile>> {
        no()
    }
    fn stat_link(&self, _: &Path) -> io::Result<Stat> {
        no()
    }
    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        no()
    }
    fn remove(&self, _: &Path) -> io::Result<()> {
        no()
    }
    fn create_dir_all(&self, _: &Path) -> io::Result<()> {
        no()
    }
    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        no()
    }
    fn lock(&self, _: &Path) -> io::Result<Box<dyn LockGuard>> {
        no()
    }
    fn canonical(&self, _: &Path) -> io::Result<PathBuf> {
        no()
    }
    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        no()
    }
}

const FOLDER: Folder = Folder(&[
    ("a", "# mine\nFIRST [0-9]\nSECOND %{FIRST}x\n"),
    ("b.pat", "FIRST [a-z]\n"),
    (".hidden", "FIRST never\n"),
]);

fn plugin(text: &str) -> (SourceMap, Plugin) {
    let mut sources = SourceMap::new();
    let text = format!("filter {{ grok {{ {text} }} }}");
    let file = sources.add("t.conf", text.clone());
    let (config, diags) = parse(file, &text, false);
    assert!(diags.is_empty(), "{diags:?}");
    let Some(Stmt::Plugin(plugin)) = config.statements(SectionKind::Filter).next() else { panic!("a filter") };
    (sources, plugin.clone())
}

fn compile(text: &str, ecs: bool) -> (Option<GrokFilter>, SourceMap, Vec<Diagnostic>) {
    let (sources, plugin) = plugin(text);
    let mut diags = vec![];
    let variables = Variables { lookup: &|_| None, undefined: Severity::Error };
    let options = Options::new(&plugin, PluginKind::Filter, OPTIONS, &variables, &mut diags);
    let config = Config::new(&options, ecs, &mut diags);
    let filter = build(&config, EscapeStyle::None, Slot(0), &sources, &FOLDER, &mut diags);
    (filter, sources, diags)
}

/// The event after the filter as JSON, `@version` and `@timestamp` not among it.
fn run(filter: &GrokFilter, event: &str) -> String {
    let arena = Arena::new();
    let Ok(Value::Map(map)) = json::parse(&arena, event, Decimals::Double) else { panic!("an event: {event}") };
    let mut e = Event::new(&arena, Default::default());
    map.entries.iter().for_each(|(k, v)| e.push(k, *v));
    filter.run(&mut e, &mut vec![]);
    let mut out = vec![];
    json::write_entries(e.fields(), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn events_come_out_as_in_logstash() {
    let fail = r#""tags":["_grokparsefailure"]"#;
    let cases: &[(&str, &str, &str)] = &[
        (
            r#"match => { "m" => "%{INT:a:int} %{WORD:[b][c]}" }"#,
            r#"{"m":"1 x"}"#,
            r#"{"m":"1 x","a":1,"b":{"c":"x"}}"#,
        ),
        // fields and lists
        (r#"match => { "m" => "%{INT:a}" }"#, r#"{"m":["1","x","2"]}"#, r#"{"m":["1","x","2"],"a":["1","2"]}"#),
        (r#"match => { "m" => "%{INT:a}" }"#, r#"{"m":12}"#, r#"{"m":12,"a":"12"}"#),
        (r#"match => { "m" => "^(?<a>.+)$" }"#, r#"{"m":true}"#, r#"{"m":true,"a":"true"}"#),
        (
            r#"match => { "m" => "^(?<a>.+)$" }"#,
            r#"{"m":{"k":[1,null]}}"#,
            r#"{"m":{"k":[1,null]},"a":"{\"k\"=>[1, nil]}"}"#,
        ),
        (r#"match => { "m" => "%{GREEDYDATA:a}" }"#, r#"{"x":1}"#, r#"{"x":1}"#),
        (r#"match => { "m" => "." }"#, r#"{"m":null}"#, r#"{"m":null,T}"#),
        // what is there already
        (r#"match => { "m" => "%{INT:a}" }"#, r#"{"m":"1","a":"0"}"#, r#"{"m":"1","a":["0","1"]}"#),
        (r#"match => { "m" => "%{INT:a}" }"#, r#"{"m":"1","a":[0]}"#, r#"{"m":"1","a":[0,"1"]}"#),
        (r#"match => { "m" => "%{INT:a}" }"#, r#"{"m":"1","a":0}"#, r#"{"m":"1","a":0}"#),
        (r#"match => { "m" => "%{INT:a}" }"#, r#"{"m":"1","a":null}"#, r#"{"m":"1","a":"1"}"#),
        (r#"match => { "m" => "%{INT:m}" } overwrite => ["m"]"#, r#"{"m":"a 1"}"#, r#"{"m":"1"}"#),
        (r#"match => { "m" => "%{INT:m}" }"#, r#"{"m":"a 1"}"#, r#"{"m":["a 1","1"]}"#),
        (r#"match => { "m" => "%{INT:a} %{INT:[a][b]}" }"#, r#"{"m":"1 2"}"#, r#"{"m":"1 2","a":"1",T}"#),
        (r#"match => { "m" => "%{INT:a:int} %{INT:a:int}" }"#, r#"{"m":"1 2"}"#, r#"{"m":"1 2","a":1}"#),
        // several patterns
        (r#"match => { "m" => ["%{INT:a}", "%{WORD:b}"] }"#, r#"{"m":"1"}"#, r#"{"m":"1","a":"1"}"#),
        (r#"match => { "m" => ["%{INT:a}", "x"] } break_on_match => false"#, r#"{"m":"1"}"#, r#"{"m":"1","a":"1",T}"#),
        (r#"match => { "a" => "%{INT:x}" "b" => "%{INT:y}" }"#, r#"{"a":"1","b":"2"}"#, r#"{"a":"1","b":"2","x":"1"}"#),
        (r#"match => ["b", "%{INT:y}", "a", "%{INT:x}"]"#, r#"{"a":"1","b":"2"}"#, r#"{"a":"1","b":"2","y":"2"}"#),
        // options
        (r#"match => { "m" => "(?<a>x)?(?<b>)" }"#, r#"{"m":""}"#, r#"{"m":""}"#),
        (
            r#"match => { "m" => "(?<a>x)?(?<b>)" } keep_empty_captures => true"#,
            r#"{"m":""}"#,
            r#"{"m":"","a":null,"b":""}"#,
        ),
        (
            r#"match => { "m" => "%{INT} (x)" } named_captures_only => false"#,
            r#"{"m":"1 x"}"#,
            r#"{"m":"1 x","INT":"1"}"#,
        ),
        (r#"match => { "m" => "%{INT:a}" } target => "t""#, r#"{"m":"1"}"#, r#"{"m":"1","t":{"a":"1"}}"#),
        (
            r#"match => { "m" => "%{INT:[a][b]}" } target => "[t][u]""#,
            r#"{"m":"1"}"#,
            r#"{"m":"1","t":{"u":{"a":{"b":"1"}}}}"#,
        ),
        (
            r#"match => { "m" => "x" } tag_on_failure => ["f","g"]"#,
            r#"{"m":"1","tags":["g"]}"#,
            r#"{"m":"1","tags":["g","f"]}"#,
        ),
        (r#"match => { "m" => "x" } tag_on_failure => []"#, r#"{"m":"1"}"#, r#"{"m":"1"}"#),
        (
            r#"match => { "m" => "%{N:n}" } pattern_definitions => { "N" => "n+" }"#,
            r#"{"m":"ann"}"#,
            r#"{"m":"ann","n":"nn"}"#,
        ),
        (
            r#"match => { "m" => "%{SECOND:s}" } patterns_dir => ["/p"]"#,
            r#"{"m":"1x ax"}"#,
            r#"{"m":"1x ax","s":"ax"}"#,
        ),
        (
            r#"match => { "m" => "%{SECOND:s}" } patterns_dir => "/p" patterns_files_glob => "a*""#,
            r#"{"m":"ax 1x"}"#,
            r#"{"m":"ax 1x","s":"1x"}"#,
        ),
        (
            r#"match => { "m" => "%{SECOND:s}" } patterns_dir => "/p/?""#,
            r#"{"m":"ax 1x"}"#,
            r#"{"m":"ax 1x","s":"1x"}"#,
        ),
        (
            r#"match => { "m" => "^(a+)+$" } timeout_millis => 10"#,
            r#"{"m":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}"#,
            r#"{"m":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!","tags":["_groktimeout"]}"#,
        ),
        // numbers
        (
            r#"match => { "m" => "(?<x:i:int>\S*) (?<x:f:float>\S*)" }"#,
            r#"{"m":"1_0x 1.5e1"}"#,
            r#"{"m":"1_0x 1.5e1","i":10,"f":15.0}"#,
        ),
        (
            r#"match => { "m" => "%{INT:i:int}" }"#,
            r#"{"m":"99999999999999999999"}"#,
            r#"{"m":"99999999999999999999","i":99999999999999999999}"#,
        ),
        (r#"match => { "m" => "%{INT:@timestamp}" }"#, r#"{"m":"1"}"#, r#"{"m":"1",T}"#),
    ];
    for (text, event, expected) in cases {
        let (filter, _, diags) = compile(text, false);
        assert!(diags.is_empty(), "{text}: {diags:?}");
        let got = run(&filter.unwrap(), event);
        assert_eq!(got, expected.replace(",T", &format!(",{fail}")), "{text} on {event}");
    }
}

#[test]
fn the_pattern_set_follows_ecs_compatibility() {
    let event = r#"{"m":"a b c d:"}"#.replace("a b c d", "<1.2>Mar  5 10:11:12 h p[7]");
    for (text, ecs, field) in [
        (r#"match => { "m" => "%{SYSLOGPROG}" }"#, false, r#""program":"#),
        (r#"match => { "m" => "%{SYSLOGPROG}" }"#, true, r#""process":{"name":"#),
        (r#"match => { "m" => "%{SYSLOGPROG}" } ecs_compatibility => disabled"#, true, r#""program":"#),
        (r#"match => { "m" => "%{SYSLOGPROG}" } ecs_compatibility => v8"#, false, r#""process":{"name":"#),
    ] {
        let got = run(&compile(text, ecs).0.unwrap(), &event);
        assert!(got.contains(field), "{text}: {got}");
    }
}

#[test]
fn faults_are_found_at_their_place() {
    let cases = [
        (r#"match => { "m" => "a %{NOPE:x} b" }"#, "grok-unknown-pattern", "NOPE", true),
        (r#"match => { "m" => ["ok", "a(b"] }"#, "grok-bad-pattern", "(", true),
        (r#"match => { "m" => "x[ab" }"#, "grok-bad-pattern", "[", true),
        (r#"match => { "m" => "%{B}" } pattern_definitions => { "B" => "b)" }"#, "grok-bad-pattern", "%{B}", true),
        (r#"match => { "m" => { "a" => "b" } }"#, "wrong-type", r#"{ "a" => "b" }"#, true),
        (r#"match => { "[m" => "x" }"#, "field-reference", r#""[m""#, false),
        (r#"match => { "m" => "%{INT:[a}" }"#, "field-reference", r#""%{INT:[a}""#, false),
        (r#"match => { "m" => "x" } patterns_dir => "/none""#, "patterns-file", r#""/none""#, false),
        (r#"mach => { "m" => "x" }"#, "unknown-option", "mach", true),
    ];
    for (text, id, at, stops) in cases {
        let (_, sources, diags) = compile(text, false);
        let [diag] = &diags[..] else { panic!("{text}: {diags:?}") };
        assert_eq!((diag.id, diag.stops_run), (id, stops), "{text}");
        assert_eq!(sources.text(diag.primary.as_ref().unwrap().span), at, "{text}");
    }
}
