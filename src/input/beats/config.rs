//! The options of the beats input.

use crate::codec::decode::build::{PLAIN, ecs_of};
use crate::config::build::{BuildCx, ECS_NAMES};
use crate::config::diagnostic::Diagnostic;
use crate::config::options::{OptType, OptionSpec, Options, PluginKind};
use crate::input::common::Decoration;
use std::time::Duration;

const fn text(name: &'static str) -> OptionSpec {
    OptionSpec::new(name, OptType::Any)
}

/// Options that only mean something with `ssl_enabled`.
const TLS: &[&str] = &[
    "ssl_certificate",
    "ssl_certificate_authorities",
    "ssl_cipher_suites",
    "ssl_client_authentication",
    "ssl_handshake_timeout",
    "ssl_key",
    "ssl_key_passphrase",
    "ssl_peer_metadata",
    "ssl_supported_protocols",
    "ssl_verify_mode",
    "cipher_suites",
    "tls_max_version",
    "tls_min_version",
];

/// The schema.
pub const SPECS: &[OptionSpec] = &[
    OptionSpec::new("add_hostname", OptType::Boolean).deprecated("remove it: Beats send `[agent][name]` and `[host]`"),
    text("cipher_suites"),
    OptionSpec::new("client_inactivity_timeout", OptType::Number),
    OptionSpec::new("ecs_compatibility", OptType::OneOf(ECS_NAMES)),
    OptionSpec::new(
        "enrich",
        OptType::OneOf(&["source_metadata", "codec_metadata", "ssl_peer_metadata", "all", "none"]),
    )
    .list(),
    // threads of a Java server; connections share logdrive's own
    OptionSpec::new("event_loop_threads", OptType::Number),
    OptionSpec::new("executor_threads", OptType::Number),
    OptionSpec::new("host", OptType::String),
    OptionSpec::new("include_codec_tag", OptType::Boolean).deprecated("use `enrich`"),
    OptionSpec::new("port", OptType::Number).required(),
    OptionSpec::new("ssl", OptType::Boolean).deprecated("use `ssl_enabled`"),
    text("ssl_certificate"),
    text("ssl_certificate_authorities"),
    text("ssl_cipher_suites"),
    text("ssl_client_authentication"),
    OptionSpec::new("ssl_enabled", OptType::Boolean),
    text("ssl_handshake_timeout"),
    text("ssl_key"),
    text("ssl_key_passphrase"),
    text("ssl_peer_metadata"),
    text("ssl_supported_protocols"),
    text("ssl_verify_mode"),
    text("tls_max_version"),
    text("tls_min_version"),
    text("congestion_threshold").obsolete("remove it: a blocked pipeline holds the senders by itself"),
    text("target_field_for_codec").obsolete("remove it"),
];

/// The options, read.
#[derive(Debug)]
pub struct Config {
    /// `0.0.0.0` by default.
    pub host: String,
    pub port: u16,
    /// A connection that sends nothing for so long, while nothing of it is being worked on, is closed; zero: never.
    pub client_inactivity_timeout: Duration,
    /// `[event][original]` is set from `message`.
    pub original: bool,
    /// The tag `beats_input_codec_plain_applied` or `beats_input_raw_event`.
    pub codec_tag: bool,
    /// The sender's address goes into `[@metadata]`.
    pub source_metadata: bool,
    /// Names of fields as ECS has them.
    pub ecs: bool,
    /// `[beat][hostname]` is copied.
    pub add_hostname: bool,
    /// `type`, `add_field`, `tags`.
    pub decoration: Decoration,
}

impl Config {
    /// A port with every other option at its default.
    pub fn plain(host: &str, port: u16, ecs: bool) -> Config {
        Config {
            host: host.to_string(),
            port,
            client_inactivity_timeout: Duration::from_secs(60),
            original: ecs,
            codec_tag: true,
            source_metadata: true,
            ecs,
            add_hostname: false,
            decoration: Decoration::default(),
        }
    }

    /// Takes the options out. `None` when there is no usable port; what is wrong is in the diagnostics then.
    pub fn new(options: &Options, cx: &mut BuildCx<'_>) -> Option<Config> {
        let not_yet = |what: &str| Diagnostic::error("option-not-yet", format!("logdrive does not do {what} yet"));
        let mut tls = false;
        for name in ["ssl", "ssl_enabled"] {
            if options.boolean(name, false) {
                tls = true;
                let span = options.name_span(name).expect("it is set");
                cx.report(not_yet("TLS in the beats input").at(span, "not yet"));
            }
        }
        for name in TLS.iter().filter(|_| !tls) {
            if let Some(span) = options.name_span(name) {
                cx.report(
                    Diagnostic::warning("unused-option", format!("`{name}` of the beats input has no effect"))
                        .at(span, "used with `ssl_enabled => true` only"),
                );
            }
        }
        let enrich: Vec<String> = options.strings("enrich").into_iter().map(|s| s.value).collect();
        let with = |name: &str| match options.is_set("enrich") {
            true => enrich.iter().any(|e| e == name || e == "all"),
            false => name != "ssl_peer_metadata",
        };
        if let Some(span) = options.name_span("enrich") {
            if enrich.len() > 1 && enrich.iter().any(|e| e == "all" || e == "none") {
                let message = "`all` and `none` of `enrich` stand alone";
                cx.report(Diagnostic::error("wrong-value", message).at(span, "among others"));
            }
            for name in ["include_codec_tag", "ssl_peer_metadata"] {
                if let Some(other) = options.name_span(name) {
                    let message = format!("`enrich` and `{name}` cannot both be set");
                    cx.report(
                        Diagnostic::error("wrong-value", message)
                            .at(other, "beside `enrich`")
                            .help(format!("remove `{name}`")),
                    );
                }
            }
        }
        let codec_metadata = options.boolean("include_codec_tag", with("codec_metadata"));
        // the codec keeps the text by the pipeline's setting, not by this input's own
        let mut original = cx.ecs.is_on() && codec_metadata;
        if let Some(codec) = options.codec("codec") {
            if codec.name.value == "plain" {
                let own = Options::new(&codec, PluginKind::Codec, PLAIN, cx.variables, cx.diagnostics);
                original = ecs_of(&own, cx).is_on();
            } else {
                let what = format!("the codec `{}` in the beats input", codec.name.value);
                cx.report(not_yet(&what).at(codec.name.span, "not yet").help("remove it: the default is `plain`"));
            }
        }
        let whole = |name: &str, default: u64, max: u64, cx: &mut BuildCx<'_>| match options.number(name) {
            None => Some(default),
            Some(n) => {
                let value = n.value.as_f64();
                if value.fract() == 0.0 && (0.0..=max as f64).contains(&value) {
                    return Some(value as u64);
                }
                let message = format!("`{name}` of the beats input must be a whole number up to {max}");
                cx.report(Diagnostic::error("wrong-value", message).at(n.span, "out of range"));
                None
            }
        };
        let timeout_max = u64::from(u32::MAX);
        let timeout = whole("client_inactivity_timeout", 60, timeout_max, cx).unwrap_or(60);
        for name in ["event_loop_threads", "executor_threads"] {
            whole(name, 0, timeout_max, cx);
        }
        let port = whole("port", 0, 65_535, cx)? as u16;
        if port == 0 {
            if let Some(n) = options.number("port") {
                let message = "`port` of the beats input must be from 1 to 65535";
                cx.report(Diagnostic::error("wrong-value", message).at(n.span, "not a port"));
            }
            return None;
        }
        Some(Config {
            host: options.string("host").map_or("0.0.0.0".to_string(), |s| s.value),
            port,
            client_inactivity_timeout: Duration::from_secs(timeout),
            original,
            codec_tag: codec_metadata,
            source_metadata: with("source_metadata"),
            ecs: ecs_of(options, cx).is_on(),
            add_hostname: options.boolean("add_hostname", false),
            decoration: Decoration::from_options(options, cx),
        })
    }

    /// `host:port`, an IPv6 host in brackets.
    pub fn address(&self) -> String {
        match self.host.contains(':') && !self.host.starts_with('[') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}
