//! The options of the alertmanager output.

use crate::config::build::{BuildCx, ruby_text};
use crate::config::diagnostic::Diagnostic;
use crate::config::options::{OptType, OptionSpec, Options};
use crate::config::source::Spanned;
use crate::event::Template;
use crate::output::delivery::hosts::Host;
use crate::world::net::Tls;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("hosts", OptType::Uri).list().required(),
    OptionSpec::new("labels", OptType::Hash).required(),
    OptionSpec::new("annotations", OptType::Hash),
    OptionSpec::new("generator_url", OptType::String),
    OptionSpec::new("resolve_after", OptType::String),
    OptionSpec::new("resend_interval", OptType::String),
    OptionSpec::new("timeout", OptType::String),
    OptionSpec::new("alerts_max", OptType::Number),
    OptionSpec::new("new_alerts_per_minute_max", OptType::Number),
    OptionSpec::new("user", OptType::String),
    OptionSpec::new("password", OptType::Password),
    OptionSpec::new("ssl_certificate_authorities", OptType::Path).list(),
    OptionSpec::new("ssl_verification_mode", OptType::OneOf(&["full", "none"])),
    OptionSpec::new("codec", OptType::Codec).not_yet(&[]),
];

/// The port of Alertmanager.
pub const PORT: u16 = 9093;

/// Default of `alerts_max`: label sets that fire at once.
pub const ALERTS_MAX: u64 = 1000;

/// Default of `new_alerts_per_minute_max`.
pub const NEW_ALERTS_PER_MINUTE_MAX: u64 = 120;

/// A file of certificates may have this many bytes.
pub const CERTIFICATES_BYTES_MAX: usize = 1 << 20;

pub struct Config {
    /// Every one of them gets every alert.
    pub hosts: Vec<Host>,
    /// In the order of their names.
    pub labels: Vec<(String, Template)>,
    pub annotations: Vec<(String, Template)>,
    pub generator_url: Option<Template>,
    /// Without an event for so long an alert is resolved.
    pub resolve_after: Duration,
    pub resend_interval: Duration,
    /// For one request.
    pub timeout: Duration,
    /// Label sets that fire at once; further ones raise nothing.
    pub alerts_max: u64,
    /// Alerts that begin to fire within a minute; further ones raise nothing.
    pub new_alerts_per_minute_max: u64,
    pub user: Option<(String, String)>,
    pub tls: Option<Arc<Tls>>,
}

pub fn build(options: &Options, cx: &mut BuildCx<'_>) -> Option<Config> {
    let errors = cx.diagnostics.len();
    let mut hosts = Vec::new();
    for text in options.strings("hosts") {
        match Host::parse(&text.value, PORT, false) {
            Ok(host) => hosts.push(host),
            Err(why) => cx.report(
                Diagnostic::error("bad-host", why)
                    .at(text.span, "not the address of an Alertmanager")
                    .help("write `\"alertmanager:9093\"` or `\"http://alertmanager:9093/path\"`"),
            ),
        }
    }
    let labels = templates(options, "labels", true, cx);
    let annotations = templates(options, "annotations", false, cx);
    if labels.is_empty() && options.is_set("labels") {
        let span = options.name_span("labels").unwrap_or(options.span);
        cx.report(Diagnostic::error("missing-option", "an alert needs a label").at(span, "no label"));
    }
    let resolve_after = duration(options, "resolve_after", 300, cx);
    let resend_interval = duration(options, "resend_interval", 60, cx);
    let timeout = duration(options, "timeout", 10, cx);
    let limit = |name: &str, default: u64| options.number(name).map_or(default, |n| n.value.as_f64() as u64);
    let mut tls = Tls {
        verify_off: options.string("ssl_verification_mode").is_some_and(|m| m.value == "none"),
        ..Tls::default()
    };
    for file in options.strings("ssl_certificate_authorities") {
        match cx.world.fs.read(Path::new(&file.value), CERTIFICATES_BYTES_MAX) {
            Ok(pem) => tls.authorities_pem.push(pem),
            Err(why) => cx.report(
                Diagnostic::error("no-such-file", format!("cannot read {}: {why}", file.value))
                    .at(file.span, "certificates are expected here"),
            ),
        }
    }
    let password = options.string("password").map_or(String::new(), |p| p.value);
    let config = Config {
        hosts,
        labels,
        annotations,
        generator_url: options.string("generator_url").map(|u| cx.template(&u.value, u.span)),
        resolve_after: resolve_after?,
        resend_interval: resend_interval?,
        timeout: timeout?,
        alerts_max: limit("alerts_max", ALERTS_MAX).max(1),
        new_alerts_per_minute_max: limit("new_alerts_per_minute_max", NEW_ALERTS_PER_MINUTE_MAX).max(1),
        user: options.string("user").map(|u| (u.value, password)),
        tls: (tls != Tls::default()).then(|| Arc::new(tls)),
    };
    let failed = cx.diagnostics[errors..].iter().any(|d| d.stops_run);
    (!failed && !config.hosts.is_empty()).then_some(config)
}

fn templates(options: &Options, name: &str, labels: bool, cx: &mut BuildCx<'_>) -> Vec<(String, Template)> {
    let mut out = Vec::new();
    for (key, value) in options.hash(name) {
        if !is_name(&key.value) {
            cx.report(
                Diagnostic::error("label-name", format!("`{}` cannot be the name of {name}", key.value))
                    .at(key.span, "letters, digits and `_`, not beginning with a digit")
                    .note("Alertmanager refuses alerts with other names"),
            );
            continue;
        }
        out.push((key.value, cx.template(&ruby_text(&value.value), value.span)));
    }
    if labels {
        out.sort_by(|a, b| a.0.cmp(&b.0));
    }
    out
}

fn is_name(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.chars().all(good) && text.starts_with(|c: char| !c.is_ascii_digit())
}

fn duration(options: &Options, name: &str, default_secs: u64, cx: &mut BuildCx<'_>) -> Option<Duration> {
    let Some(text) = options.string(name) else { return Some(Duration::from_secs(default_secs)) };
    let parsed = parse_duration(&text);
    if parsed.is_none() {
        cx.report(
            Diagnostic::error("wrong-type", format!("`{name}` of the alertmanager output must be a time"))
                .at(text.span, "not a time of at least a second")
                .help("write seconds, or a time like `\"90s\"`, `\"5m\"`, `\"1h30m\"`"),
        );
    }
    parsed
}

/// Seconds, or numbers with units as Prometheus writes them: `5m`, `1h30m`; from a second to a year.
fn parse_duration(text: &Spanned<String>) -> Option<Duration> {
    let text = text.value.trim();
    let mut ms: f64 = 0.0;
    if let Ok(secs) = text.parse::<f64>() {
        ms = secs * 1e3;
    } else {
        let mut rest = text;
        while !rest.is_empty() {
            let unit_at = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let number: f64 = rest[..unit_at].parse().ok()?;
            rest = &rest[unit_at..];
            let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            ms += number
                * match &rest[..end] {
                    "ms" => 1.0,
                    "s" => 1e3,
                    "m" => 60e3,
                    "h" => 3_600e3,
                    "d" => 86_400e3,
                    "w" => 604_800e3,
                    _ => return None,
                };
            rest = &rest[end..];
        }
    }
    (1e3..=365.0 * 86_400e3).contains(&ms).then(|| Duration::from_millis(ms as u64))
}
