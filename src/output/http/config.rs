//! The options of the http output.

use super::body::Mapping;
use crate::config::build::BuildCx;
use crate::config::diagnostic::Diagnostic;
use crate::config::options::{OptType, OptionSpec, Options};
use crate::event::Template;
use crate::world::net::Tls;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const METHODS: &[&str] = &["put", "post", "patch", "delete", "get", "head"];
const STORE_TYPES: &[&str] = &["JKS", "jks", "PKCS12", "pkcs12"];

pub const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("url", OptType::String).required(),
    OptionSpec::new("http_method", OptType::OneOf(METHODS)).required(),
    OptionSpec::new("headers", OptType::Hash),
    OptionSpec::new("content_type", OptType::String),
    OptionSpec::new("retry_failed", OptType::Boolean),
    OptionSpec::new("retryable_codes", OptType::Number).list(),
    OptionSpec::new("ignorable_codes", OptType::Number).list(),
    OptionSpec::new("mapping", OptType::Hash),
    OptionSpec::new("format", OptType::OneOf(&["json", "json_batch", "form", "message"])),
    OptionSpec::new("http_compression", OptType::Boolean),
    OptionSpec::new("message", OptType::String),
    OptionSpec::new("request_timeout", OptType::Number),
    OptionSpec::new("socket_timeout", OptType::Number),
    OptionSpec::new("connect_timeout", OptType::Number).not_yet(&["10"]),
    OptionSpec::new("follow_redirects", OptType::Boolean),
    OptionSpec::new("pool_max", OptType::Number),
    OptionSpec::new("pool_max_per_route", OptType::Number),
    OptionSpec::new("keepalive", OptType::Boolean).not_yet(&["true"]),
    OptionSpec::new("automatic_retries", OptType::Number),
    OptionSpec::new("retry_non_idempotent", OptType::Boolean),
    OptionSpec::new("validate_after_inactivity", OptType::Number).not_yet(&["200"]),
    OptionSpec::new("cookies", OptType::Boolean),
    OptionSpec::new("proxy", OptType::Any).not_yet(&[""]),
    OptionSpec::new("user", OptType::String),
    OptionSpec::new("password", OptType::Password),
    OptionSpec::new("cacert", OptType::Path).deprecated("use `ssl_certificate_authorities`"),
    OptionSpec::new("ssl_enabled", OptType::Boolean).not_yet(&["true"]),
    OptionSpec::new("ssl_certificate_authorities", OptType::Path).list(),
    OptionSpec::new("ssl_verification_mode", OptType::OneOf(&["full", "none"])),
    OptionSpec::new("ssl_certificate", OptType::Path).not_yet(&[]),
    OptionSpec::new("ssl_key", OptType::Path).not_yet(&[]),
    OptionSpec::new("ssl_cipher_suites", OptType::String).list().not_yet(&["[]"]),
    OptionSpec::new("ssl_supported_protocols", OptType::String).list().not_yet(&["[]"]),
    OptionSpec::new("ssl_keystore_path", OptType::Path).not_yet(&[]),
    OptionSpec::new("ssl_keystore_password", OptType::Password).not_yet(&[]),
    OptionSpec::new("ssl_keystore_type", OptType::OneOf(STORE_TYPES)).not_yet(&[]),
    OptionSpec::new("ssl_truststore_path", OptType::Path).not_yet(&[]),
    OptionSpec::new("ssl_truststore_password", OptType::Password).not_yet(&[]),
    OptionSpec::new("ssl_truststore_type", OptType::OneOf(STORE_TYPES)).not_yet(&[]),
    OptionSpec::new("client_cert", OptType::Path).not_yet(&[]),
    OptionSpec::new("client_key", OptType::Path).not_yet(&[]),
    OptionSpec::new("keystore", OptType::Path).not_yet(&[]),
    OptionSpec::new("keystore_password", OptType::Password).not_yet(&[]),
    OptionSpec::new("keystore_type", OptType::String).not_yet(&["JKS"]),
    OptionSpec::new("truststore", OptType::Path).not_yet(&[]),
    OptionSpec::new("truststore_password", OptType::Password).not_yet(&[]),
    OptionSpec::new("truststore_type", OptType::String).not_yet(&["JKS"]),
];

/// A file of certificates may have this many bytes.
pub const CERTIFICATES_BYTES_MAX: usize = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    JsonBatch,
    Form,
    Message,
}

pub struct Config {
    pub url: Template,
    /// Upper case.
    pub method: &'static str,
    /// Names and values; the content type is among them.
    pub headers: Vec<(String, Template)>,
    pub format: Format,
    pub mapping: Option<Mapping>,
    pub message: Option<Template>,
    pub retry_failed: bool,
    pub retryable_codes: Vec<u16>,
    pub ignorable_codes: Vec<u16>,
    pub gzip: bool,
    pub request_timeout: Duration,
    /// Until the head of the answer is there.
    pub socket_timeout: Duration,
    pub follow_redirects: bool,
    /// Requests under way at once.
    pub requests_max: usize,
    /// Repetitions at once after a connection failed.
    pub automatic_retries: u32,
    pub retry_non_idempotent: bool,
    pub cookies: bool,
    pub user: Option<(String, String)>,
    pub tls: Option<Arc<Tls>>,
}

fn number(options: &Options, name: &str, default: f64) -> f64 {
    options.number(name).map_or(default, |n| n.value.as_f64())
}

pub fn build(options: &Options, cx: &mut BuildCx<'_>) -> Option<Config> {
    let errors = cx.diagnostics.len();
    let text = |name: &str| options.string(name);
    let seconds = |name: &str, default: f64| {
        // a time of zero means no limit to the original's client
        let secs = number(options, name, default);
        Duration::try_from_secs_f64(secs).ok().filter(|d| !d.is_zero()).unwrap_or(Duration::from_secs(86_400))
    };
    let codes =
        |name: &str| -> Vec<u16> { options.strings(name).iter().filter_map(|s| s.value.parse().ok()).collect() };
    let format = match text("format").map(|f| f.value).as_deref() {
        Some("json_batch") => Format::JsonBatch,
        Some("form") => Format::Form,
        Some("message") => Format::Message,
        _ => Format::Json,
    };
    let message = text("message").map(|m| cx.template(&m.value, m.span));
    if format == Format::Message && message.is_none() {
        cx.report(
            Diagnostic::error("missing-option", "message must be set if message format is used")
                .at(options.plugin.span, "`message` is not set"),
        );
    }
    let mapping = Mapping::from_options(options, "mapping", cx);
    if format == Format::Message && mapping.is_some() {
        let span = options.name_span("mapping").unwrap_or(options.span);
        cx.report(
            Diagnostic::fault("lost-option", "`mapping` has no effect with the format `message`").at(span, "lost"),
        );
    }
    let mut headers: Vec<(String, Template)> = options
        .hash("headers")
        .into_iter()
        .map(|(k, v)| (k.value, cx.template(&crate::config::build::ruby_text(&v.value), v.span)))
        .collect();
    headers.retain(|(name, _)| name != "Content-Type");
    let content_type = text("content_type").map_or_else(
        || match format {
            Format::Form => "application/x-www-form-urlencoded".to_string(),
            Format::Json | Format::JsonBatch => "application/json".to_string(),
            Format::Message => "text/plain".to_string(),
        },
        |t| t.value,
    );
    headers.push(("Content-Type".to_string(), cx.template(&content_type, options.span)));
    let retryable_codes = match options.is_set("retryable_codes") {
        true => codes("retryable_codes"),
        false => vec![429, 500, 502, 503, 504],
    };
    let tls = tls(options, cx);
    let method = text("http_method")?.value;
    let method =
        ["PUT", "POST", "PATCH", "DELETE", "GET", "HEAD"].into_iter().find(|m| m.eq_ignore_ascii_case(&method))?;
    let url = text("url")?;
    let url = cx.template(&url.value, url.span);
    let pool = number(options, "pool_max", 50.0).min(number(options, "pool_max_per_route", 25.0));
    let password = text("password").map_or(String::new(), |p| p.value);
    let config = Config {
        url,
        method,
        headers,
        format,
        mapping,
        message,
        retry_failed: options.boolean("retry_failed", true),
        retryable_codes,
        ignorable_codes: codes("ignorable_codes"),
        gzip: options.boolean("http_compression", false),
        request_timeout: seconds("request_timeout", 60.0),
        socket_timeout: seconds("socket_timeout", 10.0),
        follow_redirects: options.boolean("follow_redirects", true),
        requests_max: (pool as usize).clamp(1, 1000),
        automatic_retries: number(options, "automatic_retries", 1.0) as u32,
        retry_non_idempotent: options.boolean("retry_non_idempotent", false),
        cookies: options.boolean("cookies", true),
        user: text("user").map(|u| (u.value, password)),
        tls,
    };
    let failed = cx.diagnostics[errors..].iter().any(|d| d.stops_run);
    (!failed).then_some(config)
}

/// The settings of TLS; `None` for those of the system.
fn tls(options: &Options, cx: &mut BuildCx<'_>) -> Option<Arc<Tls>> {
    let mut tls = Tls::default();
    let mut files = options.strings("ssl_certificate_authorities");
    files.extend(options.string("cacert"));
    for file in files {
        match cx.world.fs.read(Path::new(&file.value), CERTIFICATES_BYTES_MAX) {
            Ok(pem) => tls.authorities_pem.push(pem),
            Err(why) => cx.report(
                Diagnostic::error("no-such-file", format!("cannot read {}: {why}", file.value))
                    .at(file.span, "certificates are expected here"),
            ),
        }
    }
    tls.verify_off = options.string("ssl_verification_mode").is_some_and(|m| m.value == "none");
    (tls != Tls::default()).then(|| Arc::new(tls))
}
