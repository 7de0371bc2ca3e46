//! One connection to a beats input.

use crate::input::beats::frame::{ACK_BYTES, read_ack};
use crate::world::World;
use crate::world::net::ByteStream;
use std::fmt;
use std::time::Duration;

/// What went wrong with a host.
#[derive(Debug)]
pub struct Failure {
    pub host: String,
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.host, self.what)
    }
}

/// An open connection.
pub struct Link {
    pub host: String,
    /// When it was opened, on the monotonic clock.
    pub since: Duration,
    /// It carried a window already.
    pub used: bool,
    stream: Box<dyn ByteStream>,
    /// Bytes of the next ack that have come.
    ack: [u8; ACK_BYTES],
    have: usize,
}

impl Link {
    pub async fn open(world: &World, host: &str, timeout: Duration) -> Result<Link, Failure> {
        match world.net.connect(host, timeout).await {
            Ok(stream) => Ok(Link {
                host: host.to_string(),
                since: world.clock.monotonic(),
                used: false,
                stream,
                ack: [0; ACK_BYTES],
                have: 0,
            }),
            Err(e) => Err(Failure { host: host.to_string(), what: format!("cannot connect: {e}") }),
        }
    }

    pub fn failure(&self, what: impl Into<String>) -> Failure {
        Failure { host: self.host.clone(), what: what.into() }
    }

    pub async fn write(&mut self, world: &World, bytes: &[u8], timeout: Duration) -> Result<(), Failure> {
        let written = tokio::select! {
            biased;
            written = self.stream.write_all(bytes) => written,
            () = world.clock.sleep(timeout) => {
                return Err(self.failure(format!("it does not take a window within {timeout:?}")));
            }
        };
        written.map_err(|e| self.failure(format!("the connection broke while a window was sent: {e}")))
    }

    /// The next ack's sequence.
    pub async fn ack(&mut self, world: &World, timeout: Duration) -> Result<u32, Failure> {
        let mut limit = world.clock.sleep(timeout);
        while self.have < ACK_BYTES {
            let read = tokio::select! {
                biased;
                read = self.stream.read(&mut self.ack[self.have..]) => read,
                () = &mut limit => return Err(self.failure(format!("no acknowledgement within {timeout:?}"))),
            };
            match read {
                Ok(0) => return Err(self.failure("it closed the connection before it acknowledged a window")),
                Ok(n) => self.have += n,
                Err(e) => return Err(self.failure(format!("the connection broke before an acknowledgement: {e}"))),
            }
        }
        self.have = 0;
        read_ack(&self.ack).ok_or_else(|| self.failure("what it answers is no acknowledgement; is it a beats input?"))
    }
}
