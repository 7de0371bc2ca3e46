//! The network: one HTTP exchange, or one byte stream.

use super::BoxFuture;
use bytes::Bytes;
use std::fmt;
use std::io;
use std::time::Duration;

/// One HTTP request, whole.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: &'static str,
    /// `http://host:port/path`; `unix:///path/to.sock|/path` for a local socket.
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// For the whole exchange, the body of the answer included.
    pub timeout: Duration,
    /// Settings of TLS, where the URL asks for it.
    pub tls: Option<std::sync::Arc<Tls>>,
}

/// Settings of a TLS client.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tls {
    /// PEM text of authorities to trust instead of the system's.
    pub authorities_pem: Vec<Vec<u8>>,
    /// Trust any certificate.
    pub verify_off: bool,
}

/// The answer to a request: status, headers, and the body as a stream.
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Box<dyn BodyStream>,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({})", self.status)
    }
}

/// The body of an answer, piece by piece.
pub trait BodyStream: Send {
    /// The next piece; `None` at the end.
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, NetError>>;
}

/// A body that is there already.
pub struct WholeBody(pub Option<Bytes>);

impl BodyStream for WholeBody {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, NetError>> {
        let piece = self.0.take();
        Box::pin(async move { Ok(piece) })
    }
}

impl Response {
    /// Reads the body up to `bytes_max`; what is beyond is left unread, and the flag says so.
    pub async fn read(mut self, bytes_max: usize) -> Result<(u16, Vec<u8>, bool), NetError> {
        let mut out = Vec::new();
        while let Some(piece) = self.body.next().await? {
            if out.len() + piece.len() > bytes_max {
                out.extend_from_slice(&piece[..bytes_max - out.len()]);
                return Ok((self.status, out, true));
            }
            out.extend_from_slice(&piece);
        }
        Ok((self.status, out, false))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// Why an exchange gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetError {
    /// Nothing was sent: no name, no route, refused, TLS failed.
    Connect(String),
    /// No answer in time; the request may have been carried out.
    Timeout,
    /// Broke in the middle; the request may have been carried out.
    Broken(String),
    /// The URL cannot be used.
    BadRequest(String),
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NetError::Connect(why) => write!(f, "cannot connect: {why}"),
            NetError::Timeout => f.write_str("no answer in time"),
            NetError::Broken(why) => write!(f, "the connection broke: {why}"),
            NetError::BadRequest(why) => write!(f, "the request cannot be sent: {why}"),
        }
    }
}

/// Both directions of a connection.
pub trait ByteStream: Send {
    /// Reads what is there, at least one byte; 0 at the end.
    fn read<'a>(&'a mut self, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<usize>>;
    fn write_all<'a>(&'a mut self, bytes: &'a [u8]) -> BoxFuture<'a, io::Result<()>>;
    /// Says that nothing more will be written.
    fn shutdown(&mut self) -> BoxFuture<'_, io::Result<()>>;
    /// The other side's address.
    fn peer(&self) -> String;
}

/// An open port.
pub trait Listener: Send {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Box<dyn ByteStream>>>;
    fn local_port(&self) -> u16;
}

/// The network.
pub trait Net: Send + Sync {
    fn exchange(&self, request: Request) -> BoxFuture<'static, Result<Response, NetError>>;
    /// `address` is `host:port`.
    fn connect(&self, address: &str, timeout: Duration) -> BoxFuture<'static, io::Result<Box<dyn ByteStream>>>;
    fn listen(&self, address: &str) -> BoxFuture<'static, io::Result<Box<dyn Listener>>>;
}
