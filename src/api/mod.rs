//! The status door: `/metrics` for Prometheus, `/health` for a supervisor, `/` as Logstash's monitoring API begins.
//!
//! Belongs here: answering questions about a run. Must not be here: changing it. The address is Logstash's
//! (127.0.0.1, the first free port of 9600-9700, `api.http.host`, `api.http.port`).

// the door itself: no event flows through it, so it is not behind `world`
#![allow(clippy::disallowed_methods)]

use crate::telemetry::Metrics;
use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::io;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Connections that are served at once; more wait.
pub const API_CONNECTIONS_MAX: usize = 16;
/// A request must have come in this time.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// What the API tells.
#[derive(Clone)]
pub struct Status {
    pub metrics: Metrics,
    /// Set when all inputs are open.
    pub ready: Arc<AtomicBool>,
    pub host_name: String,
    pub pipeline_workers: usize,
}

/// Binds the first free port of a range.
///
/// # Errors
/// None of them is free, or the address cannot be used.
pub async fn bind(host: &str, ports: RangeInclusive<u16>) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::InvalidInput, "the range of ports is empty");
    for port in ports {
        match TcpListener::bind((host, port)).await {
            Ok(listener) => return Ok(listener),
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => last = e,
            Err(e) => return Err(e),
        }
    }
    Err(last)
}

/// Serves until dropped.
pub async fn serve(listener: TcpListener, status: Status) {
    let places = Arc::new(Semaphore::new(API_CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(e) => {
                tracing::warn!("the status API cannot accept a connection: {e}");
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        let status = status.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let answer = answer(&request, &status);
                async move { Ok::<_, std::convert::Infallible>(answer) }
            });
            // a client that breaks off is its own affair
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service)
                .await;
            drop(place);
        });
    }
}

fn answer<B>(request: &Request<B>, status: &Status) -> Response<Full<Bytes>> {
    let json = "application/json";
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return reply(StatusCode::METHOD_NOT_ALLOWED, json, r#"{"error":"only GET is answered here"}"#.into());
    }
    match request.uri().path() {
        "/metrics" => {
            reply(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", status.metrics.render())
        }
        "/health" => {
            let ready = status.ready.load(Ordering::SeqCst);
            let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            reply(code, json, serde_json::json!({"status": if ready { "ready" } else { "starting" }}).to_string())
        }
        "/" => reply(
            StatusCode::OK,
            json,
            serde_json::json!({
                "name": "logdrive", "version": env!("CARGO_PKG_VERSION"), "host": status.host_name,
                "pipeline": {"workers": status.pipeline_workers},
            })
            .to_string(),
        ),
        _ => reply(StatusCode::NOT_FOUND, json, r#"{"error":"try /metrics or /health"}"#.into()),
    }
}

fn reply(code: StatusCode, kind: &str, body: String) -> Response<Full<Bytes>> {
    let response = Response::builder().status(code).header("content-type", kind).body(Full::new(Bytes::from(body)));
    response.expect("constant headers are valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(ready: bool) -> Status {
        Status {
            metrics: Metrics::new(),
            ready: Arc::new(AtomicBool::new(ready)),
            host_name: "h".into(),
            pipeline_workers: 1,
        }
    }

    fn code(method: Method, path: &str, ready: bool) -> u16 {
        let request = Request::builder().method(method).uri(path).body(()).unwrap();
        answer(&request, &status(ready)).status().as_u16()
    }

    #[test]
    fn paths_and_codes() {
        assert_eq!(code(Method::GET, "/health", false), 503);
        assert_eq!(code(Method::GET, "/health", true), 200);
        assert_eq!(code(Method::GET, "/metrics", false), 200);
        assert_eq!(code(Method::GET, "/nope", true), 404);
        assert_eq!(code(Method::POST, "/metrics", true), 405);
    }
}
