//! The output out of Logstash's options.

use super::{Action, Config, DataStream, Endpoint, IN_FLIGHT_MAX, Index, REQUEST_BYTES_MAX};
use crate::config::build::{BuildCx, ruby_text};
use crate::config::diagnostic::Diagnostic;
use crate::config::options::{OptType, OptionSpec, Options};
use crate::config::source::{Span, Spanned};
use crate::event::Template;
use crate::output::delivery::{Backoff, Host, hosts::basic};
use crate::world::World;
use crate::world::net::Tls;
use base64::Engine;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A file of certificate authorities is read up to this many bytes.
const PEM_BYTES_MAX: usize = 8 << 20;

/// Index names of the templates that Logstash puts into a cluster begin so.
const TEMPLATE_PREFIXES: [&str; 2] = ["logstash-", "ecs-logstash-"];

const DATA_STREAM_TYPES: &[&str] = &["logs", "metrics", "synthetics", "traces"];

/// The options of `elasticsearch`, plugin 11.22.
pub const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("ecs_compatibility", OptType::OneOf(crate::config::build::ECS_NAMES)),
    // servers
    OptionSpec::new("hosts", OptType::Uri).list(),
    OptionSpec::new("path", OptType::String),
    OptionSpec::new("bulk_path", OptType::String),
    OptionSpec::new("parameters", OptType::Hash),
    OptionSpec::new("custom_headers", OptType::Hash),
    OptionSpec::new("cloud_id", OptType::String).not_yet(&[]),
    OptionSpec::new("cloud_auth", OptType::Password).not_yet(&[]),
    OptionSpec::new("proxy", OptType::Uri).not_yet(&[""]),
    OptionSpec::new("sniffing", OptType::Boolean).not_yet(&["false"]),
    OptionSpec::new("sniffing_delay", OptType::Number),
    OptionSpec::new("sniffing_path", OptType::String),
    OptionSpec::new("healthcheck_path", OptType::String).not_yet(&["/"]),
    OptionSpec::new("resurrect_delay", OptType::Number),
    OptionSpec::new("pool_max", OptType::Number).not_yet(&["1000"]),
    OptionSpec::new("pool_max_per_route", OptType::Number).not_yet(&["100"]),
    OptionSpec::new("validate_after_inactivity", OptType::Number).not_yet(&["10000"]),
    OptionSpec::new("timeout", OptType::Number),
    OptionSpec::new("http_compression", OptType::Boolean).deprecated("set `compression_level`: 0 for none, 1 to 9"),
    OptionSpec::new("compression_level", OptType::Number),
    // who we are, who they are
    OptionSpec::new("user", OptType::String),
    OptionSpec::new("password", OptType::Password),
    OptionSpec::new("api_key", OptType::Password),
    OptionSpec::new("ssl_enabled", OptType::Boolean),
    OptionSpec::new("ssl", OptType::Boolean).deprecated("use `ssl_enabled`"),
    OptionSpec::new("ssl_certificate_authorities", OptType::Path).list(),
    OptionSpec::new("cacert", OptType::Path).deprecated("use `ssl_certificate_authorities`"),
    OptionSpec::new("ssl_verification_mode", OptType::OneOf(&["full", "none"])),
    OptionSpec::new("ssl_certificate_verification", OptType::Boolean).deprecated("use `ssl_verification_mode`"),
    OptionSpec::new("ca_trusted_fingerprint", OptType::Any).not_yet(&["[]"]),
    OptionSpec::new("ssl_certificate", OptType::Path).not_yet(&[]),
    OptionSpec::new("ssl_key", OptType::Path).not_yet(&[]),
    OptionSpec::new("ssl_cipher_suites", OptType::Any).not_yet(&["[]"]),
    OptionSpec::new("ssl_supported_protocols", OptType::Any).not_yet(&["[]"]),
    OptionSpec::new("ssl_keystore_path", OptType::Path).not_yet(&[]),
    OptionSpec::new("ssl_keystore_password", OptType::Password).not_yet(&[]),
    OptionSpec::new("ssl_keystore_type", OptType::String).not_yet(&[]),
    OptionSpec::new("ssl_truststore_path", OptType::Path).not_yet(&[]),
    OptionSpec::new("ssl_truststore_password", OptType::Password).not_yet(&[]),
    OptionSpec::new("ssl_truststore_type", OptType::String).not_yet(&[]),
    OptionSpec::new("keystore", OptType::Path).not_yet(&[]),
    OptionSpec::new("keystore_password", OptType::Password).not_yet(&[]),
    OptionSpec::new("truststore", OptType::Path).not_yet(&[]),
    OptionSpec::new("truststore_password", OptType::Password).not_yet(&[]),
    // what is written where
    OptionSpec::new("index", OptType::String),
    OptionSpec::new("action", OptType::String),
    OptionSpec::new("document_id", OptType::String),
    OptionSpec::new("document_type", OptType::String).not_yet(&["_doc"]),
    OptionSpec::new("routing", OptType::String),
    OptionSpec::new("pipeline", OptType::String),
    OptionSpec::new("version", OptType::String),
    OptionSpec::new("version_type", OptType::OneOf(&["internal", "external", "external_gt", "external_gte", "force"])),
    OptionSpec::new("parent", OptType::String).not_yet(&[]),
    OptionSpec::new("join_field", OptType::String).not_yet(&[]),
    OptionSpec::new("upsert", OptType::String).not_yet(&[""]),
    OptionSpec::new("doc_as_upsert", OptType::Boolean),
    OptionSpec::new("script", OptType::String).not_yet(&[""]),
    OptionSpec::new("script_type", OptType::String).not_yet(&["inline", "[inline]"]),
    OptionSpec::new("script_lang", OptType::String).not_yet(&["painless"]),
    OptionSpec::new("script_var_name", OptType::String).not_yet(&["event"]),
    OptionSpec::new("scripted_upsert", OptType::Boolean).not_yet(&["false"]),
    OptionSpec::new("retry_on_conflict", OptType::Number),
    OptionSpec::new("data_stream", OptType::OneOf(&["true", "false", "auto"])),
    OptionSpec::new("data_stream_type", OptType::OneOf(DATA_STREAM_TYPES)),
    OptionSpec::new("data_stream_dataset", OptType::String),
    OptionSpec::new("data_stream_namespace", OptType::String),
    OptionSpec::new("data_stream_sync_fields", OptType::Boolean),
    OptionSpec::new("data_stream_auto_routing", OptType::Boolean),
    // templates and life cycle
    OptionSpec::new("manage_template", OptType::Boolean),
    OptionSpec::new("template", OptType::Path),
    OptionSpec::new("template_name", OptType::String),
    OptionSpec::new("template_overwrite", OptType::Boolean),
    OptionSpec::new("template_api", OptType::OneOf(&["auto", "legacy", "composable"])),
    OptionSpec::new("ilm_enabled", OptType::OneOf(&["true", "false", "auto"])).not_yet(&["false", "auto"]),
    OptionSpec::new("ilm_rollover_alias", OptType::String).not_yet(&[]),
    OptionSpec::new("ilm_pattern", OptType::String).not_yet(&["{now/d}-000001"]),
    OptionSpec::new("ilm_policy", OptType::String).not_yet(&["logstash-policy"]),
    // failures
    OptionSpec::new("retry_initial_interval", OptType::Number),
    OptionSpec::new("retry_max_interval", OptType::Number),
    OptionSpec::new("dlq_custom_codes", OptType::Number).list(),
    OptionSpec::new("dlq_on_failed_indexname_interpolation", OptType::Boolean),
    OptionSpec::new("silence_errors_in_log", OptType::Array).not_yet(&["[]"]),
    OptionSpec::new("failure_type_logging_whitelist", OptType::Array).not_yet(&["[]"]),
];

/// Options that a data stream cannot have: all that say themselves where or how documents are written.
const NOT_OF_DATA_STREAMS: &[&str] = &[
    "index",
    "version",
    "version_type",
    "template",
    "template_name",
    "template_overwrite",
    "template_api",
    "doc_as_upsert",
    "retry_on_conflict",
    "ilm_enabled",
    "ilm_rollover_alias",
    "ilm_pattern",
    "ilm_policy",
    "document_type",
    "parent",
    "join_field",
    "upsert",
    "script",
    "script_type",
    "script_lang",
    "script_var_name",
    "scripted_upsert",
];

/// The URL of the bulk API and the login of a server. `bulk_path` replaces `path` with `_bulk`; `own` is the login of the
/// options, which goes before the one in the URL.
pub(super) fn endpoint(
    host: &Host,
    path: Option<&str>,
    bulk_path: Option<&str>,
    parameters: &[(String, String)],
    own: Option<&str>,
) -> Endpoint {
    let mut bare = host.clone();
    if let Some(path) = bulk_path.or(path) {
        let path = path.trim_matches('/');
        bare.path = if path.is_empty() { String::new() } else { format!("/{path}") };
    }
    let shown = bare.url();
    let mut url = shown.clone();
    if bulk_path.is_none() {
        url.push_str("/_bulk");
    }
    // only what is looked at; without it each item of the answer is ten times as long
    url.push_str("?filter_path=errors,items.*.status,items.*.error,items.*._id");
    for (name, value) in parameters {
        url.push_str(&format!("&{}={}", query_escape(name), query_escape(value)));
    }
    let userinfo = bare.user.as_deref().map(|user| basic(user, bare.password.as_deref().unwrap_or("")));
    Endpoint { url, shown, authorization: own.map(str::to_string).or(userinfo) }
}

fn query_escape(text: &str) -> String {
    let mut out = String::new();
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~*,".contains(&b) {
            out.push(b as char);
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

/// Reads PEM files; an entry that is PEM text itself is taken as it is.
pub(super) fn authorities(files: &[Spanned<String>], world: &World, diagnostics: &mut Vec<Diagnostic>) -> Vec<Vec<u8>> {
    let mut out = vec![];
    for file in files {
        if file.value.trim_start().starts_with("-----BEGIN") {
            out.push(file.value.clone().into_bytes());
            continue;
        }
        match world.fs.read(Path::new(&file.value), PEM_BYTES_MAX) {
            Ok(pem) => out.push(pem),
            Err(e) => diagnostics.push(
                Diagnostic::error("unreadable-file", format!("cannot read `{}`: {e}", file.value))
                    .at(file.span, "certificate authorities"),
            ),
        }
    }
    out
}

fn wrong(cx: &mut BuildCx<'_>, span: Span, message: impl Into<String>, label: &str) {
    cx.report(Diagnostic::error("wrong-value", message).at(span, label));
}

/// A number of seconds; whole numbers from `min` on.
fn seconds(options: &Options, name: &str, min: f64, default: f64, cx: &mut BuildCx<'_>) -> Duration {
    let Some(number) = options.number(name) else { return Duration::from_secs_f64(default) };
    let seconds = number.value.as_f64();
    if !(min..=1e9).contains(&seconds) {
        wrong(cx, number.span, format!("`{name}` cannot be {} seconds", number.value), "out of range");
        return Duration::from_secs_f64(default);
    }
    Duration::from_secs_f64(seconds)
}

/// A whole number in a range.
fn whole(options: &Options, name: &str, max: i64, default: i64, cx: &mut BuildCx<'_>) -> i64 {
    let Some(number) = options.number(name) else { return default };
    match number.value.as_int().filter(|n| (0..=max).contains(n)) {
        Some(n) => n,
        None => {
            wrong(cx, number.span, format!("`{name}` must be a whole number from 0 to {max}"), "out of range");
            default
        }
    }
}

/// Builds the configuration; what is wrong is reported, `None` then.
pub fn build(options: &Options, cx: &mut BuildCx<'_>) -> Option<Config> {
    let errors = |cx: &BuildCx<'_>| cx.diagnostics.iter().filter(|d| d.stops_run).count();
    let before = errors(cx);
    let ecs = options
        .string("ecs_compatibility")
        .map_or(cx.ecs, |t| crate::config::build::Ecs::by_name(&t.value).expect("checked by its type"))
        .is_on();
    let data_stream = uses_data_stream(options, ecs, cx);
    let index = if data_stream { data_stream_of(options, cx) } else { classic_index(options, ecs, cx) };
    if !data_stream {
        templates(options, cx);
    }
    let template = |name: &str, cx: &mut BuildCx<'_>| options.string(name).map(|t| cx.template(&t.value, t.span));
    let document_id = template("document_id", cx);
    let routing = template("routing", cx);
    let pipeline = template("pipeline", cx).filter(|t| !t.text().is_empty());
    let version = template("version", cx);
    let action = if data_stream { Action::Create } else { action(options, cx) };
    if matches!(action, Action::Delete | Action::Update) && document_id.is_none() {
        let at = options.string("action").map_or(options.span, |t| t.span);
        cx.report(
            Diagnostic::fault("missing-option", "the action needs the id of a document")
                .at(at, "`document_id` is not set")
                .note("Elasticsearch refuses every event here"),
        );
    }
    let (endpoints, tls) = servers(options, cx);
    let initial = seconds(options, "retry_initial_interval", 0.0, 2.0, cx);
    let backoff = Backoff { initial, max: seconds(options, "retry_max_interval", 0.0, 64.0, cx).max(initial) };
    let config = Config {
        endpoints,
        index,
        action,
        document_id,
        routing,
        pipeline,
        version,
        version_type: options.string("version_type").map(|t| t.value),
        doc_as_upsert: options.boolean("doc_as_upsert", false),
        retry_on_conflict: whole(options, "retry_on_conflict", i64::from(i32::MAX), 1, cx) as u64,
        dead_statuses: dead_statuses(options, cx),
        headers: texts(options, "custom_headers"),
        compression_level: compression(options, cx),
        timeout: seconds(options, "timeout", 0.001, 60.0, cx),
        backoff,
        resurrect_delay: seconds(options, "resurrect_delay", 0.0, 5.0, cx),
        request_bytes_max: REQUEST_BYTES_MAX,
        items_max: 0,
        in_flight_max: IN_FLIGHT_MAX,
        tls: Some(Arc::new(tls)),
    };
    (errors(cx) == before).then_some(config)
}

/// Whether events go to a data stream, by the rules of Logstash 8: `data_stream`, or else whether ECS is on and every
/// option that is set is one that a data stream can have.
fn uses_data_stream(options: &Options, ecs: bool, cx: &mut BuildCx<'_>) -> bool {
    let chosen = options.string("data_stream");
    let action = options.string("action").filter(|a| a.value != "create");
    let managed = options.boolean_set("manage_template").filter(|m| m.value);
    let mut hindrances: Vec<Span> = NOT_OF_DATA_STREAMS.iter().filter_map(|name| options.name_span(name)).collect();
    hindrances.extend(action.map(|a| a.span));
    hindrances.extend(managed.map(|m| m.span));
    let explicit = chosen.as_ref().filter(|c| c.value != "auto").map(|c| c.value == "true");
    let uses = explicit.unwrap_or(ecs && hindrances.is_empty());
    if explicit == Some(true) {
        for at in hindrances {
            wrong(cx, at, "Invalid data stream configuration", "not with `data_stream => true`");
        }
        if !ecs {
            let at = chosen.expect("it is set").span;
            wrong(cx, at, "Invalid data stream configuration; `ecs_compatibility` must not be `disabled`", "needs ECS");
        }
    }
    if !uses {
        for spec in OPTIONS.iter().filter(|s| s.name.starts_with("data_stream_")) {
            if let Some(at) = options.name_span(spec.name) {
                let message =
                    "Ambiguous configuration; data stream settings must not be present when data streams are disabled";
                cx.report(
                    Diagnostic::error("wrong-value", message)
                        .at(at, "not without a data stream")
                        .help("set `data_stream => true`, or remove this"),
                );
            }
        }
    }
    uses
}

fn data_stream_of(options: &Options, cx: &mut BuildCx<'_>) -> Index {
    let mut part = |name: &str, default: &str| {
        let Some(text) = options.string(name) else { return default.to_string() };
        let bad = text.value.chars().find(|c| "\\/*?\"<>| ,#:".contains(*c));
        if text.value.is_empty() || text.value.len() > 100 || bad.is_some() {
            let why = "Invalid identifier: 1 to 100 bytes, none of \\ / * ? \" < > | space , # :";
            wrong(cx, text.span, why, "not a part of a data stream's name");
        }
        text.value
    };
    Index::DataStream(DataStream {
        kind: part("data_stream_type", "logs"),
        dataset: part("data_stream_dataset", "generic"),
        namespace: part("data_stream_namespace", "default"),
        auto_routing: options.boolean("data_stream_auto_routing", true),
        sync_fields: options.boolean("data_stream_sync_fields", true),
    })
}

fn classic_index(options: &Options, ecs: bool, cx: &mut BuildCx<'_>) -> Index {
    let default = if ecs { "ecs-logstash-%{+yyyy.MM.dd}" } else { "logstash-%{+yyyy.MM.dd}" };
    let template = match options.string("index") {
        Some(text) => cx.template(&text.value, text.span),
        None => Template::compile(default, cx.escape),
    };
    Index::Logstash {
        default: template.text() == default,
        template,
        unfilled_dead: options.boolean("dlq_on_failed_indexname_interpolation", true),
    }
}

/// Index templates are not there yet: refused where the configuration asks for one that would do something.
fn templates(options: &Options, cx: &mut BuildCx<'_>) {
    let managed = options.boolean_set("manage_template");
    if managed.as_ref().is_some_and(|m| !m.value) {
        return;
    }
    let not_yet = |cx: &mut BuildCx<'_>, name: &str| {
        let at = options.name_span(name).expect("it is set");
        cx.report(
            Diagnostic::error(
                "option-not-yet",
                format!("logdrive does not do `{name}` of the elasticsearch output yet"),
            )
            .at(at, "not yet")
            .note("index templates are not put into the cluster; documents arrive without them")
            .help("put the template there yourself and set `manage_template => false`"),
        );
    };
    for name in ["template", "template_name", "template_api"] {
        if options.is_set(name) && options.string(name).is_none_or(|t| name != "template_api" || t.value != "auto") {
            not_yet(cx, name);
        }
    }
    if options.boolean("template_overwrite", false) {
        not_yet(cx, "template_overwrite");
    }
    // the built-in template only matches the default names
    let matches = options
        .string("index")
        .is_none_or(|i| TEMPLATE_PREFIXES.iter().any(|p| i.value.starts_with(p)) || i.value.starts_with("%{"));
    if managed.is_some() && matches {
        not_yet(cx, "manage_template");
    }
}

fn action(options: &Options, cx: &mut BuildCx<'_>) -> Action {
    let Some(text) = options.string("action") else { return Action::Index };
    match text.value.as_str() {
        "index" => Action::Index,
        "create" => Action::Create,
        "update" => Action::Update,
        "delete" => Action::Delete,
        other if other.contains("%{") => Action::Template(cx.template(other, text.span)),
        other => {
            let message = format!(
                "Action '{other}' is invalid! Pick one of index, create, update, delete or use a sprintf style statement"
            );
            wrong(cx, text.span, message, "no action");
            Action::Index
        }
    }
}

fn dead_statuses(options: &Options, cx: &mut BuildCx<'_>) -> Vec<u16> {
    let mut out = vec![];
    for code in options.strings("dlq_custom_codes") {
        match code.value.parse::<u16>() {
            Ok(n @ (400 | 404)) => {
                wrong(cx, code.span, format!("{n} are already defined as standard DLQ error codes"), "already so");
            }
            Ok(n @ (200 | 201 | 409)) => {
                wrong(cx, code.span, format!("{n} cannot be a DLQ error code: it has a meaning already"), "not here");
            }
            Ok(n @ 100..=599) => out.push(n),
            _ => wrong(cx, code.span, format!("`{}` is no HTTP status", code.value), "not a status"),
        }
    }
    out
}

fn compression(options: &Options, cx: &mut BuildCx<'_>) -> u32 {
    let level = whole(options, "compression_level", 9, 1, cx) as u32;
    match options.boolean_set("http_compression") {
        Some(on) if options.is_set("compression_level") => {
            wrong(cx, on.span, "`http_compression` and `compression_level` cannot both be set", "one too many");
            level
        }
        Some(on) => u32::from(on.value),
        None => level,
    }
}

fn texts(options: &Options, name: &str) -> Vec<(String, String)> {
    options.hash(name).into_iter().map(|(k, v)| (k.value, ruby_text(&v.value))).collect()
}

/// The login of the options: one of `api_key` and `user`.
fn login(options: &Options, cx: &mut BuildCx<'_>) -> Option<String> {
    let (user, password) = (options.string("user"), options.string("password"));
    let key = options.string("api_key").filter(|k| !k.value.is_empty());
    if let (Some(user), None) = (&user, &password) {
        wrong(cx, user.span, "`user` needs `password`", "without a password");
    }
    if let (None, Some(at)) = (&user, options.name_span("password")) {
        wrong(cx, at, "`password` needs `user`", "without a user");
    }
    if let (Some(user), Some(_)) = (&user, &key) {
        wrong(
            cx,
            user.span,
            "Multiple authentication options are specified, please only use one of user/password or api_key",
            "beside `api_key`",
        );
    }
    match (key, user, password) {
        (Some(key), ..) => Some(format!("ApiKey {}", base64::engine::general_purpose::STANDARD.encode(&key.value))),
        (None, Some(user), Some(password)) => Some(basic(&user.value, &password.value)),
        _ => None,
    }
}

fn servers(options: &Options, cx: &mut BuildCx<'_>) -> (Vec<Endpoint>, Tls) {
    let ssl = options.boolean_set("ssl_enabled").or_else(|| options.boolean_set("ssl"));
    let path = options.string("path").filter(|p| !p.value.trim_matches('/').is_empty());
    let bulk_path = options.string("bulk_path").filter(|p| !p.value.is_empty());
    let own = login(options, cx);
    let parameters = texts(options, "parameters");
    let default = Spanned::new("127.0.0.1".to_string(), options.span);
    let mut texts = options.strings("hosts");
    if texts.is_empty() {
        texts.push(default);
    }
    let mut endpoints = vec![];
    let mut plain = None;
    for text in &texts {
        let host = match Host::parse(&text.value, 9200, ssl.as_ref().is_some_and(|s| s.value)) {
            Ok(host) => host,
            Err(why) => {
                wrong(cx, text.span, format!("`{}` is no host: {why}", hidden(&text.value)), "not a host");
                continue;
            }
        };
        if let Some(ssl) = ssl.as_ref().filter(|s| host.scheme_given && s.value != host.https) {
            let message = format!("the scheme of a host is not what `ssl_enabled => {}` says", ssl.value);
            cx.report(
                Diagnostic::error("wrong-value", message).at(text.span, "this scheme").with(ssl.span, "this setting"),
            );
        }
        if path.is_some() && !host.path.is_empty() {
            wrong(cx, text.span, "a path stands both in `path` and in a host", "here");
        }
        if !host.https {
            plain = Some(text.span);
        }
        let mut all = query_of(&text.value);
        all.extend(parameters.iter().cloned());
        let path = path.as_ref().map(|p| p.value.as_str());
        let bulk_path = bulk_path.as_ref().map(|p| p.value.as_str());
        endpoints.push(endpoint(&host, path, bulk_path, &all, own.as_deref()));
    }
    if let (Some(at), Some(key)) = (plain, options.name_span("api_key")) {
        let message = "Using api_key authentication requires SSL/TLS secured communication";
        cx.report(
            Diagnostic::error("wrong-value", message)
                .at(key, "would be sent in the clear")
                .with(at, "this host is not https")
                .help("set `ssl_enabled => true`"),
        );
    }
    let mut files = options.strings("ssl_certificate_authorities");
    files.extend(options.string("cacert"));
    let verify_off = options.string("ssl_verification_mode").is_some_and(|m| m.value == "none")
        || !options.boolean("ssl_certificate_verification", true);
    let authorities_pem = authorities(&files, cx.world, cx.diagnostics);
    (endpoints, Tls { authorities_pem, verify_off })
}

/// A host's text without its login.
fn hidden(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((before, after)) => {
            let scheme = before.split_once("//").map_or("", |(scheme, _)| scheme);
            let slashes = if before.contains("//") { "//" } else { "" };
            format!("{scheme}{slashes}...@{after}")
        }
        None => text.to_string(),
    }
}

/// The parameters in a host's text.
fn query_of(text: &str) -> Vec<(String, String)> {
    let query = text.split('#').next().and_then(|t| t.split_once('?')).map_or("", |(_, q)| q);
    query
        .split('&')
        .filter(|p| !p.is_empty())
        .map(|p| p.split_once('=').map_or((p.to_string(), String::new()), |(k, v)| (k.to_string(), v.to_string())))
        .collect()
}
