//! A server that takes bulk requests, counts their documents, and says 201 to each.
//!
//! Only as much HTTP as the program's requests have: keep-alive, `Content-Length` or chunks, gzip.

use flate2::read::GzDecoder;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What arrived.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    pub documents: u64,
    /// Documents that hold what grok found in the line, and no tag of a failure.
    pub parsed: u64,
}

/// The server; its threads end with the connections.
pub struct Sink {
    port: u16,
    documents: Arc<AtomicU64>,
    parsed: Arc<AtomicU64>,
}

impl Sink {
    /// On a free port of 127.0.0.1.
    pub fn start() -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let sink = Sink { port, documents: Arc::default(), parsed: Arc::default() };
        let (documents, parsed) = (Arc::clone(&sink.documents), Arc::clone(&sink.parsed));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (documents, parsed) = (Arc::clone(&documents), Arc::clone(&parsed));
                let stream = stream.expect("a connection");
                std::thread::spawn(move || serve(stream, &documents, &parsed));
            }
        });
        sink
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn counted(&self) -> Counted {
        Counted { documents: self.documents.load(Ordering::SeqCst), parsed: self.parsed.load(Ordering::SeqCst) }
    }
}

fn serve(mut stream: TcpStream, documents: &AtomicU64, parsed: &AtomicU64) {
    stream.set_nodelay(true).expect("a socket");
    let mut from = BufReader::with_capacity(1 << 17, stream.try_clone().expect("a socket"));
    while let Some((request, body)) = request(&mut from) {
        let answer = if request.starts_with("POST ") && request.contains("_bulk") {
            let mut items = 0;
            for document in body.split(|b| *b == b'\n').skip(1).step_by(2) {
                items += 1;
                let holds = |what: &[u8]| memchr::memmem::find(document, what).is_some();
                let ok = holds(b"\"status_code\":") && holds(b"\"@timestamp\":\"2024-03-05T") && !holds(b"failure");
                parsed.fetch_add(u64::from(ok), Ordering::SeqCst);
            }
            documents.fetch_add(items, Ordering::SeqCst);
            let item = r#"{"create":{"status":201}}"#;
            format!(r#"{{"took":1,"errors":false,"items":[{}]}}"#, vec![item; items as usize].join(","))
        } else {
            r#"{"version":{"number":"8.5.0","build_flavor":"default"},"tagline":"You Know, for Search"}"#.to_string()
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-elastic-product: Elasticsearch\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(answer.as_bytes())).is_err() {
            return;
        }
    }
}

/// The request line and the body, unpacked; `None` at the end of the connection.
fn request(from: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut first = String::new();
    if from.read_line(&mut first).ok()? == 0 {
        return None;
    }
    let (mut length, mut chunked, mut gzip) = (0, false, false);
    loop {
        let mut line = String::new();
        from.read_line(&mut line).ok()?;
        let line = line.trim_end().to_ascii_lowercase();
        match line.split_once(": ") {
            Some(("content-length", n)) => length = n.parse().expect("a length"),
            Some(("transfer-encoding", how)) => chunked = how == "chunked",
            Some(("content-encoding", how)) => gzip = how == "gzip",
            Some(_) => {}
            None => break,
        }
    }
    let mut body = Vec::new();
    if chunked {
        loop {
            let mut size = String::new();
            from.read_line(&mut size).ok()?;
            let size = u64::from_str_radix(size.trim(), 16).expect("a chunk's size");
            from.by_ref().take(size).read_to_end(&mut body).ok()?;
            from.read_line(&mut String::new()).ok()?;
            if size == 0 {
                break;
            }
        }
    } else {
        from.by_ref().take(length).read_to_end(&mut body).ok()?;
    }
    if gzip {
        let mut plain = Vec::new();
        GzDecoder::new(&body[..]).read_to_end(&mut plain).expect("gzip");
        body = plain;
    }
    Some((first, body))
}
