//! The real network: HTTP by reqwest, byte streams by tokio.
//!
//! A client is built when it is first needed and kept: one for plain HTTP, which never looks at certificates, one for
//! each set of TLS settings, one for each local socket. Redirects are not followed and no proxy of the environment is
//! used: a log shipper talks to the host that its configuration names, or says that it cannot.
//! All futures must run on a tokio runtime.

use crate::world::BoxFuture;
use crate::world::net::{BodyStream, ByteStream, Listener, Net, NetError, Request, Response, Tls};
use bytes::Bytes;
use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A connection that is not there after this time is given up, however long the whole exchange may take.
pub const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// Idle connections kept to one host.
pub const IDLE_CONNECTIONS_MAX: usize = 8;

/// How long an idle connection is kept.
pub const IDLE_TIME_MAX: Duration = Duration::from_secs(50);

/// What tells one client from another.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Kind {
    Plain,
    Tls(Arc<Tls>),
    Unix(String),
}

/// The network of this machine.
#[derive(Default)]
pub struct RealNet {
    clients: Mutex<HashMap<Kind, reqwest::Client>>,
}

impl RealNet {
    pub fn new() -> RealNet {
        RealNet::default()
    }

    fn client(&self, kind: &Kind) -> Result<reqwest::Client, NetError> {
        let mut clients = self.clients.lock().expect("never poisoned");
        if let Some(client) = clients.get(kind) {
            return Ok(client.clone());
        }
        let client = build(kind)?;
        clients.insert(kind.clone(), client.clone());
        Ok(client)
    }

    /// The client for a request, and the URL to give it.
    fn route(&self, request: &Request) -> Result<(reqwest::Client, String), NetError> {
        if let Some(rest) = request.url.strip_prefix("unix://") {
            let (path, uri) = rest.split_once('|').unwrap_or((rest, "/"));
            let slash = if uri.starts_with('/') { "" } else { "/" };
            return Ok((self.client(&Kind::Unix(path.to_string()))?, format!("http://localhost{slash}{uri}")));
        }
        let kind = if request.url.get(..6).is_some_and(|s| s.eq_ignore_ascii_case("https:")) {
            Kind::Tls(request.tls.clone().unwrap_or_default())
        } else {
            Kind::Plain
        };
        Ok((self.client(&kind)?, request.url.clone()))
    }
}

fn build(kind: &Kind) -> Result<reqwest::Client, NetError> {
    // an error means that a provider is installed already, which is as good
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .http1_only()
        .connect_timeout(CONNECT_TIME_MAX)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .pool_idle_timeout(IDLE_TIME_MAX)
        .tcp_keepalive(Duration::from_secs(30))
        .user_agent(concat!("logdrive/", env!("CARGO_PKG_VERSION")));
    match kind {
        // trust nobody: then the system's certificates are not read, which costs time and memory
        Kind::Plain => builder = builder.tls_certs_only([]),
        Kind::Unix(path) => builder = builder.tls_certs_only([]).unix_socket(path.as_str()),
        Kind::Tls(tls) => {
            if !tls.authorities_pem.is_empty() {
                let mut certificates = Vec::new();
                for pem in &tls.authorities_pem {
                    let found = reqwest::Certificate::from_pem_bundle(pem)
                        .map_err(|e| NetError::BadRequest(format!("the certificate authorities: {}", chain(&e))))?;
                    certificates.extend(found);
                }
                builder = builder.tls_certs_only(certificates);
            }
            builder = builder.tls_danger_accept_invalid_certs(tls.verify_off);
        }
    }
    builder.build().map_err(|e| NetError::BadRequest(chain(&e)))
}

/// An error with all its causes in one line.
fn chain(e: &dyn Error) -> String {
    let mut out = e.to_string();
    let mut cause = e.source();
    while let Some(c) = cause {
        let _ = write!(out, ": {c}");
        cause = c.source();
    }
    out
}

fn net_error(e: reqwest::Error) -> NetError {
    // the URL may hold a password
    let e = e.without_url();
    if e.is_builder() {
        NetError::BadRequest(chain(&e))
    } else if e.is_connect() {
        NetError::Connect(chain(&e))
    } else if e.is_timeout() {
        NetError::Timeout
    } else {
        NetError::Broken(chain(&e))
    }
}

struct Body(reqwest::Response);

impl BodyStream for Body {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, NetError>> {
        Box::pin(async move { self.0.chunk().await.map_err(net_error) })
    }
}

impl Net for RealNet {
    fn exchange(&self, request: Request) -> BoxFuture<'static, Result<Response, NetError>> {
        let routed = self.route(&request);
        Box::pin(async move {
            let (client, url) = routed?;
            let method = reqwest::Method::from_bytes(request.method.as_bytes())
                .map_err(|e| NetError::BadRequest(e.to_string()))?;
            let mut call = client.request(method, url).timeout(request.timeout);
            for (name, value) in &request.headers {
                call = call.header(name, value);
            }
            if !request.body.is_empty() {
                call = call.body(request.body);
            }
            let answer = call.send().await.map_err(net_error)?;
            let headers = answer
                .headers()
                .iter()
                .map(|(k, v)| (k.to_string(), String::from_utf8_lossy(v.as_bytes()).into_owned()))
                .collect();
            Ok(Response { status: answer.status().as_u16(), headers, body: Box::new(Body(answer)) })
        })
    }

    fn connect(&self, address: &str, timeout: Duration) -> BoxFuture<'static, io::Result<Box<dyn ByteStream>>> {
        let address = address.to_string();
        Box::pin(async move {
            let socket = tokio::time::timeout(timeout, TcpStream::connect(&address))
                .await
                .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no connection in time"))??;
            Ok(stream(socket))
        })
    }

    fn listen(&self, address: &str) -> BoxFuture<'static, io::Result<Box<dyn Listener>>> {
        let address = address.to_string();
        Box::pin(async move {
            let listener = TcpListener::bind(&address).await?;
            let port = listener.local_addr()?.port();
            Ok(Box::new(Port { listener, port }) as Box<dyn Listener>)
        })
    }
}

struct Port {
    listener: TcpListener,
    port: u16,
}

impl Listener for Port {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
        Box::pin(async move { Ok(stream(self.listener.accept().await?.0)) })
    }

    fn local_port(&self) -> u16 {
        self.port
    }
}

struct Stream {
    socket: TcpStream,
    peer: String,
}

fn stream(socket: TcpStream) -> Box<dyn ByteStream> {
    // acks are a few bytes long and must not wait for company
    let _ = socket.set_nodelay(true);
    let peer = socket.peer_addr().map_or_else(|_| "?".to_string(), |a| a.to_string());
    Box::new(Stream { socket, peer })
}

impl ByteStream for Stream {
    fn read<'a>(&'a mut self, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<usize>> {
        Box::pin(self.socket.read(buffer))
    }

    fn write_all<'a>(&'a mut self, bytes: &'a [u8]) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(self.socket.write_all(bytes))
    }

    fn shutdown(&mut self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(self.socket.shutdown())
    }

    fn peer(&self) -> String {
        self.peer.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<T>(f: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(f)
    }

    fn get(url: String) -> Request {
        Request { method: "GET", url, headers: vec![], body: Bytes::new(), timeout: Duration::from_secs(5), tls: None }
    }

    /// Answers one connection with fixed bytes, after a whole request head came.
    async fn answer(listener: &mut Box<dyn Listener>, bytes: &[u8]) -> Vec<u8> {
        let mut conn = listener.accept().await.unwrap();
        let mut got = Vec::new();
        let mut buffer = [0; 1024];
        while !got.windows(4).any(|w| w == b"\r\n\r\n") {
            let n = conn.read(&mut buffer).await.unwrap();
            assert!(n > 0, "the request head ends");
            got.extend_from_slice(&buffer[..n]);
        }
        conn.write_all(bytes).await.unwrap();
        conn.shutdown().await.unwrap();
        got
    }

    #[test]
    fn a_request_is_answered_and_a_redirect_is_not_followed() {
        run(async {
            let net = RealNet::new();
            let mut listener = net.listen("127.0.0.1:0").await.unwrap();
            let url = format!("http://127.0.0.1:{}/a?b=c", listener.local_port());
            let exchange = net.exchange(get(url));
            let served = answer(
                &mut listener,
                b"HTTP/1.1 302 Found\r\nLocation: http://example.invalid/\r\nContent-Length: 5\r\n\r\nhello",
            );
            let (response, head) = tokio::join!(exchange, served);
            let response = response.unwrap();
            assert_eq!(response.header("location"), Some("http://example.invalid/"));
            assert_eq!(response.read(3).await.unwrap(), (302, b"hel".to_vec(), true));
            assert!(head.starts_with(b"GET /a?b=c HTTP/1.1\r\n"), "{}", String::from_utf8_lossy(&head));
        });
    }

    #[test]
    fn errors_say_whether_anything_was_sent() {
        run(async {
            let net = RealNet::new();
            let listener = net.listen("127.0.0.1:0").await.unwrap();
            let port = listener.local_port();
            drop(listener);
            let refused = net.exchange(get(format!("http://127.0.0.1:{port}/"))).await;
            assert!(matches!(refused, Err(NetError::Connect(_))), "{refused:?}");

            let mut listener = net.listen("127.0.0.1:0").await.unwrap();
            let url = format!("http://127.0.0.1:{}/", listener.local_port());
            let (broken, _) =
                tokio::join!(net.exchange(get(url)), answer(&mut listener, b"HTTP/1.1 200 OK\r\nContent-Len"));
            assert!(matches!(broken, Err(NetError::Broken(_))), "{broken:?}");

            let url = format!("http://127.0.0.1:{}/", listener.local_port());
            let mut request = get(url);
            request.timeout = Duration::from_millis(20);
            assert!(matches!(net.exchange(request).await, Err(NetError::Timeout)));

            let bad = net.exchange(get("http://exa mple:x/".to_string())).await;
            assert!(matches!(bad, Err(NetError::BadRequest(_))), "{bad:?}");
        });
    }

    #[test]
    fn a_local_socket_is_reached_by_its_path() {
        run(async {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("s.sock");
            let listener = tokio::net::UnixListener::bind(&path).unwrap();
            let net = RealNet::new();
            let exchange = net.exchange(get(format!("unix://{}|/v1/info", path.display())));
            let serve = async {
                let (mut conn, _) = listener.accept().await.unwrap();
                let mut buffer = [0; 1024];
                let n = conn.read(&mut buffer).await.unwrap();
                conn.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
                buffer[..n].to_vec()
            };
            let (response, head) = tokio::join!(exchange, serve);
            assert_eq!(response.unwrap().read(10).await.unwrap(), (200, b"ok".to_vec(), false));
            assert!(head.starts_with(b"GET /v1/info HTTP/1.1\r\n"));
        });
    }
}
