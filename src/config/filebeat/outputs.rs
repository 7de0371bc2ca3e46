//! Outputs: `logstash`, `elasticsearch`, `console` and `file`; exactly one is enabled.
//!
//! Documentation: <https://www.elastic.co/guide/en/beats/filebeat/8.5/configuring-output.html>.

use std::time::Duration;

use super::super::diagnostic::Diagnostic;
use super::super::source::{Span, Spanned};
use super::super::yaml::{Node, Value};
use super::options::{Found, Idle, Kind, Rule, Section, closest, not_yet};

/// The enabled output; `span` is its name.
#[derive(Clone, Debug)]
pub enum OutputConfig {
    Logstash(LogstashOutput),
    Elasticsearch(ElasticsearchOutput),
    Console(ConsoleOutput),
    File(FileOutput),
}

/// A server's name or address, and its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    pub name: String,
    pub port: u16,
}

/// Waits between tries: the first and the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    pub init: Duration,
    pub max: Duration,
}

#[derive(Clone, Debug)]
pub struct LogstashOutput {
    pub span: Span,
    /// At least one; the port is 5044 by default.
    pub hosts: Vec<Spanned<Host>>,
    /// Connections per host.
    pub worker: usize,
    /// Of zlib, 0 to 9; 3 by default, 0: none.
    pub compression_level: u32,
    /// Events of one window at most; 2048 by default, 0: no limit.
    pub bulk_max_size: usize,
    /// Windows on the way before the first is acknowledged; 2 by default.
    pub pipelining: usize,
    /// Starts with small windows; false by default.
    pub slow_start: bool,
    /// For an acknowledgement; 30 s by default.
    pub timeout: Duration,
    /// A connection is opened anew after this; zero: never.
    pub ttl: Duration,
    pub backoff: Backoff,
    /// `<`, `>` and `&` become `\u003c` ... in JSON; false by default.
    pub escape_html: bool,
    /// `[@metadata][beat]`; `filebeat` by default.
    pub index: Option<String>,
}

#[derive(Clone, Debug)]
pub struct ElasticsearchOutput {
    pub span: Span,
    /// Base URLs without a trailing slash (`http://elasticsearch:9200`).
    pub hosts: Vec<Spanned<String>>,
    pub username: Option<String>,
    pub password: Option<String>,
    /// `id:key`
    pub api_key: Option<String>,
    /// A format string (`filebeat-%{[agent.version]}-%{+yyyy.MM.dd}`); `None`: the data stream `filebeat-VERSION`.
    pub index: Option<Spanned<String>>,
    pub pipeline: Option<Spanned<String>>,
    /// Of gzip, 0 to 9; 1 by default.
    pub compression_level: u32,
    /// Events of one bulk request at most; 1600 by default, as in 8.11 and later.
    pub bulk_max_size: usize,
    pub worker: usize,
    /// Of one request; 90 s by default.
    pub timeout: Duration,
    pub backoff: Backoff,
    /// Put into every URL.
    pub parameters: Vec<(String, Spanned<String>)>,
    pub headers: Vec<(String, Spanned<String>)>,
    pub escape_html: bool,
    pub tls: Tls,
}

/// The client side of TLS.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tls {
    /// PEM files, or PEM texts.
    pub certificate_authorities: Vec<Spanned<String>>,
    /// `verification_mode: none`
    pub accept_any_certificate: bool,
}

#[derive(Clone, Debug)]
pub struct ConsoleOutput {
    pub span: Span,
    pub codec: Codec,
    pub bulk_max_size: usize,
}

#[derive(Clone, Debug)]
pub struct FileOutput {
    pub span: Span,
    pub path: Spanned<String>,
    /// `filebeat` by default.
    pub filename: String,
    /// Bytes; 10 MB by default.
    pub rotate_every_bytes: u64,
    pub number_of_files: u32,
    pub permissions: u32,
    pub rotate_on_startup: bool,
    pub codec: Codec,
}

/// How an event becomes a line.
#[derive(Clone, Debug, PartialEq)]
pub enum Codec {
    Json {
        pretty: bool,
        escape_html: bool,
    },
    /// A format string.
    Format(Spanned<String>),
}

const KNOWN: [&str; 4] = ["console", "elasticsearch", "file", "logstash"];
const NOT_YET: [&str; 3] = ["discard", "kafka", "redis"];
const TLS_NOT_YET: &[&str] = &[
    "ssl.certificate",
    "ssl.key",
    "ssl.key_passphrase",
    "ssl.key_passphrase_path",
    "ssl.supported_protocols",
    "ssl.cipher_suites",
    "ssl.curve_types",
    "ssl.renegotiation",
    "ssl.ca_sha256",
    "ssl.ca_trusted_fingerprint",
];

/// Reads `output`. `None` when there is none to use; then something is reported.
pub fn read(node: Option<&Node>, fallback: Span, found: &Found) -> Option<OutputConfig> {
    let report = |diagnostic| found.borrow_mut().push(diagnostic);
    let mut enabled = vec![];
    let outputs = Section::new("`output`", node, fallback, found);
    if let Some(Node { value: Value::Map(entries), .. }) = node {
        for entry in entries {
            match &entry.node.value {
                // `output.console: ~` asks for nothing, as in Filebeat
                Value::Null => {}
                Value::Map(_) => {
                    let section =
                        Section::new(format!("`output.{}`", entry.key), Some(&entry.node), entry.key_span, found);
                    if section.flag_or("enabled", true) {
                        enabled.push((entry.key.as_str(), section));
                    }
                }
                _ => report(
                    Diagnostic::warning("unknown-option", format!("unknown option `output.{}`", entry.key))
                        .at(entry.key_span, "unknown")
                        .note("below `output` stands the name of an output with a map of its options"),
                ),
            }
        }
    }
    let mut enabled = enabled.into_iter();
    let Some((name, section)) = enabled.next() else {
        let mut finding = Diagnostic::error("no-output", "no output is enabled");
        if fallback != outputs.span || node.is_some() {
            finding = finding.at(outputs.span, "none below this");
        }
        report(finding.help("add one, for example `output.logstash.hosts: [\"logstash:5044\"]`"));
        return None;
    };
    if let Some((other, second)) = enabled.next() {
        report(
            Diagnostic::error("two-outputs", format!("both `output.{name}` and `output.{other}` are enabled"))
                .at(second.span, "the second")
                .with(section.span, "the first")
                .note("Filebeat takes one output only")
                .help(format!("set `output.{other}.enabled: false`")),
        );
    }
    match name {
        "logstash" => logstash(section),
        "elasticsearch" => elasticsearch(section),
        "console" => Some(console(section)),
        "file" => file(section),
        name if NOT_YET.contains(&name) => {
            report(not_yet("plugin-not-yet", format!("`output.{name}`"), section.span));
            None
        }
        name => {
            let unknown = Diagnostic::error("unknown-plugin", format!("no output is called `{name}`"))
                .at(section.span, "unknown");
            report(match closest(name, KNOWN.into_iter().chain(NOT_YET)) {
                Some(near) => unknown.help(format!("did you mean `{near}`?")),
                None => unknown,
            });
            None
        }
    }
}

/// `name`, `name:port`, `[::1]:port`, with or without `scheme://` in front.
fn host(text: &str, default_port: u16) -> Option<Host> {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (name, rest) = rest.split_once(']')?;
            (name, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        // more than one colon without brackets: an IPv6 address
        None if text.matches(':').count() > 1 => (text, None),
        None => text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port))),
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|&p| p > 0)?,
        None => default_port,
    };
    let fits =
        !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '{' | '}' | '<' | '>'));
    fits.then(|| Host { name: name.to_string(), port })
}

fn no_hosts(section: &Section<'_>) {
    section.report(
        Diagnostic::error("missing-option", format!("{} needs `hosts`", section.title)).at(section.span, "no hosts"),
    );
}

fn backoff(section: &Section<'_>) -> Backoff {
    Backoff {
        init: section.duration_above_zero("backoff.init", Duration::from_secs(1)),
        max: section.duration_above_zero("backoff.max", Duration::from_secs(60)),
    }
}

/// Filebeat sends until it is accepted, whatever `max_retries` says.
const MAX_RETRIES: Rule =
    Rule { name: "max_retries", kind: Kind::Inert("Filebeat ignores it and tries forever, as here") };
const BEATS_QUEUE: Rule = Rule { name: "queue", kind: Kind::NotYet(Idle::Off) };

fn logstash(section: Section<'_>) -> Option<OutputConfig> {
    let default_port = section.whole_or("port", 1, 65535, 5044) as u16;
    let mut hosts = vec![];
    for text in section.texts("hosts") {
        match host(&text.value, default_port) {
            Some(host) => hosts.push(Spanned::new(host, text.span)),
            None => section.report(
                Diagnostic::error("wrong-value", format!("`{}` is no host", text.value))
                    .at(text.span, "not `name` or `name:port`"),
            ),
        }
    }
    if section.flag_or("loadbalance", false) && hosts.len() > 1 {
        let span = section.key_span("loadbalance")?;
        section.report(
            not_yet("option-not-yet", "sending to several hosts at once", span)
                .help("without it one host is used, and another when that fails"),
        );
    }
    let output = LogstashOutput {
        span: section.span,
        worker: section.whole("worker", 1, 1024).or_else(|| section.whole("workers", 1, 1024)).map_or(1, |v| v.value)
            as usize,
        compression_level: section.whole_or("compression_level", 0, 9, 3) as u32,
        bulk_max_size: section.whole_or("bulk_max_size", -1, i64::MAX, 2048).max(0) as usize,
        pipelining: section.whole_or("pipelining", 0, 1024, 2) as usize,
        slow_start: section.flag_or("slow_start", false),
        timeout: section.duration_above_zero("timeout", Duration::from_secs(30)),
        ttl: section.duration_or("ttl", Duration::ZERO),
        backoff: backoff(&section),
        escape_html: section.flag_or("escape_html", false),
        index: section.text("index").map(|t| t.value),
        hosts,
    };
    section.has("enabled");
    let written = section.has("hosts");
    section.finish(
        &[
            MAX_RETRIES,
            BEATS_QUEUE,
            Rule { name: "ssl", kind: Kind::NotYet(Idle::Off) },
            Rule { name: "tls", kind: Kind::Gone("write `ssl:`") },
            Rule { name: "proxy_url", kind: Kind::NotYet(Idle::Is("")) },
            Rule { name: "proxy_use_local_resolver", kind: Kind::Inert("only with `proxy_url`") },
        ],
        false,
    );
    if output.hosts.is_empty() {
        if !written {
            no_hosts(&section);
        }
        return None;
    }
    Some(OutputConfig::Logstash(output))
}

fn elasticsearch(section: Section<'_>) -> Option<OutputConfig> {
    let protocol = section.choice("protocol", "http", &[("http", "http"), ("https", "https"), ("", "http")]);
    let path = section.text("path").map_or(String::new(), |t| t.value);
    let mut hosts = vec![];
    for text in section.texts("hosts") {
        match url(&text.value, protocol, &path) {
            Some(url) => hosts.push(Spanned::new(url, text.span)),
            None => section.report(
                Diagnostic::error("wrong-value", format!("`{}` is no URL or host of Elasticsearch", text.value))
                    .at(text.span, "not `name`, `name:port` or `http://name:port/path`"),
            ),
        }
    }
    let secure = hosts.iter().any(|h| h.value.starts_with("https://"));
    let tls = Tls {
        certificate_authorities: section.texts("ssl.certificate_authorities"),
        accept_any_certificate: verification(&section, secure),
    };
    section.flag("ssl.enabled");
    let output = ElasticsearchOutput {
        span: section.span,
        username: section.text("username").map(|t| t.value).filter(|t| !t.is_empty()),
        password: section.text("password").map(|t| t.value).filter(|t| !t.is_empty()),
        api_key: section.text("api_key").map(|t| t.value).filter(|t| !t.is_empty()),
        index: section.text("index").filter(|t| !t.value.is_empty()),
        pipeline: section.text("pipeline").filter(|t| !t.value.is_empty()),
        compression_level: section.whole_or("compression_level", 0, 9, 1) as u32,
        bulk_max_size: section.whole_or("bulk_max_size", -1, i64::MAX, 1600).max(0) as usize,
        worker: section.whole("worker", 1, 1024).or_else(|| section.whole("workers", 1, 1024)).map_or(1, |v| v.value)
            as usize,
        timeout: section.duration_above_zero("timeout", Duration::from_secs(90)),
        backoff: backoff(&section),
        parameters: section.text_map("parameters"),
        headers: section.text_map("headers"),
        escape_html: section.flag_or("escape_html", false),
        hosts,
        tls,
    };
    if let (Some(_), Some(at)) = (&output.api_key, section.key_span("username").filter(|_| output.username.is_some())) {
        section.report(
            Diagnostic::error("wrong-value", "`api_key` and `username` cannot both be set").at(at, "beside `api_key`"),
        );
    }
    section.has("enabled");
    let written = section.has("hosts");
    let mut rules: Vec<Rule> = TLS_NOT_YET
        .iter()
        .map(|name| Rule { name, kind: if secure { Kind::NotYet(Idle::Off) } else { Kind::Inert("no host is https") } })
        .collect();
    rules.extend([
        MAX_RETRIES,
        BEATS_QUEUE,
        Rule { name: "indices", kind: Kind::NotYet(Idle::Off) },
        Rule { name: "pipelines", kind: Kind::NotYet(Idle::Off) },
        Rule { name: "proxy_url", kind: Kind::NotYet(Idle::Is("")) },
        Rule { name: "proxy_disable", kind: Kind::Inert("no proxy is used") },
        Rule { name: "proxy_headers", kind: Kind::Inert("only with `proxy_url`") },
        Rule { name: "kerberos", kind: Kind::NotYet(Idle::Off) },
        Rule { name: "non_indexable_policy", kind: Kind::NotYet(Idle::Off) },
        Rule { name: "loadbalance", kind: Kind::NotYet(Idle::Is("true")) },
        Rule { name: "allow_older_versions", kind: Kind::Inert("every version is allowed") },
        Rule { name: "preset", kind: Kind::Inert("a bundle of performance defaults") },
        Rule { name: "idle_connection_timeout", kind: Kind::Inert("connections are kept while they work") },
        Rule { name: "template", kind: Kind::Gone("write `setup.template`") },
        Rule { name: "tls", kind: Kind::Gone("write `ssl:`") },
    ]);
    section.finish(&rules, false);
    if output.hosts.is_empty() {
        if !written {
            no_hosts(&section);
        }
        return None;
    }
    Some(OutputConfig::Elasticsearch(output))
}

fn verification(section: &Section<'_>, secure: bool) -> bool {
    let mode = section.choice(
        "ssl.verification_mode",
        "full",
        &[("full", "full"), ("strict", "strict"), ("certificate", "certificate"), ("none", "none")],
    );
    if mode == "certificate"
        && secure
        && let Some(node) = section.node("ssl.verification_mode")
    {
        section.report(not_yet("option-not-yet", "`ssl.verification_mode: certificate`", node.span));
    }
    mode == "none"
}

/// A base URL as Beats make it: default protocol, port 9200 and path where the text has none.
fn url(text: &str, protocol: &str, path: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://").unwrap_or((protocol, text));
    let (authority, own_path) = match rest.find('/') {
        Some(slash) => (&rest[..slash], &rest[slash..]),
        None => (rest, ""),
    };
    let (login, address) =
        authority.rsplit_once('@').map_or((None, authority), |(login, address)| (Some(login), address));
    let host = host(address, 9200)?;
    let path = if own_path.trim_matches('/').is_empty() { path } else { own_path }.trim_matches('/');
    let name = if host.name.contains(':') { format!("[{}]", host.name) } else { host.name };
    let login = login.map_or(String::new(), |l| format!("{l}@"));
    let slash = if path.is_empty() { "" } else { "/" };
    matches!(scheme, "http" | "https").then(|| format!("{scheme}://{login}{name}:{}{slash}{path}", host.port))
}

fn codec(section: &Section<'_>) -> Codec {
    let pretty = section.flag_or("pretty", false) || section.flag_or("codec.json.pretty", false);
    let escape_html = section.flag_or("codec.json.escape_html", false);
    match section.text("codec.format.string") {
        Some(format) => Codec::Format(format),
        None => Codec::Json { pretty, escape_html },
    }
}

fn console(section: Section<'_>) -> OutputConfig {
    let output = ConsoleOutput {
        span: section.span,
        codec: codec(&section),
        bulk_max_size: section.whole_or("bulk_max_size", 0, i64::MAX, 2048) as usize,
    };
    section.has("enabled");
    section.finish(&[BEATS_QUEUE], false);
    OutputConfig::Console(output)
}

fn file(section: Section<'_>) -> Option<OutputConfig> {
    let path = section.text("path");
    let kilobytes = section.whole("rotate_every_kb", 1, 1 << 32);
    let output = FileOutput {
        span: section.span,
        path: path.clone().unwrap_or_else(|| Spanned::new(String::new(), section.span)),
        filename: section.text("filename").map_or("filebeat".to_string(), |t| t.value),
        rotate_every_bytes: kilobytes.map_or(10 << 20, |v| v.value as u64 * 1024),
        number_of_files: section.whole_or("number_of_files", 2, 1024, 7) as u32,
        permissions: section.whole_or("permissions", 0, 0o777, 0o600) as u32,
        rotate_on_startup: section.flag_or("rotate_on_startup", true),
        codec: codec(&section),
    };
    section.has("enabled");
    section.finish(&[BEATS_QUEUE], false);
    if path.is_none() {
        section.report(Diagnostic::error("missing-option", "`output.file` needs `path`").at(section.span, "no path"));
        return None;
    }
    Some(OutputConfig::File(output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_a_default_port() {
        for (text, expected) in [
            ("logstash:5044", Some(("logstash", 5044))),
            ("logstash", Some(("logstash", 5044))),
            ("tcp://l:1", Some(("l", 1))),
            ("10.0.0.1:6000", Some(("10.0.0.1", 6000))),
            ("[::1]:5045", Some(("::1", 5045))),
            ("[::1]", Some(("::1", 5044))),
            ("::1", Some(("::1", 5044))),
            ("l:0", None),
            ("l:x", None),
            ("", None),
            ("{{ ip }}:{{ port }}", None),
        ] {
            let host = host(text, 5044);
            assert_eq!(host.as_ref().map(|h| (h.name.as_str(), h.port)), expected, "{text}");
        }
    }

    #[test]
    fn urls_are_completed() {
        for (text, protocol, path, expected) in [
            ("elasticsearch:9200", "http", "", Some("http://elasticsearch:9200")),
            ("elasticsearch", "https", "", Some("https://elasticsearch:9200")),
            ("https://es/", "http", "", Some("https://es:9200")),
            ("http://es:80/a/b/", "https", "", Some("http://es:80/a/b")),
            ("es", "http", "/proxy/", Some("http://es:9200/proxy")),
            ("http://u:p@es:9200", "http", "", Some("http://u:p@es:9200")),
            ("[::1]:9201", "http", "", Some("http://[::1]:9201")),
            ("ftp://es", "http", "", None),
            ("", "http", "", None),
        ] {
            assert_eq!(url(text, protocol, path).as_deref(), expected, "{text}");
        }
    }
}
