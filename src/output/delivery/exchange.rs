//! One HTTP exchange with its answer read.

use crate::world::World;
use crate::world::net::{NetError, Request};
use std::time::Duration;

/// Bytes of an answer that are read; the rest is left.
pub const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Characters of an answer that are shown.
pub const ANSWER_SHOWN_MAX: usize = 300;

/// What a server said.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// `status 400: text`, on one line.
    pub fn shown(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let text: String =
            text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(ANSWER_SHOWN_MAX).collect();
        if text.is_empty() { format!("status {}", self.status) } else { format!("status {}: {text}", self.status) }
    }
}

/// Sends a request and reads the answer. `head_time` is the limit until the head of the answer is there.
pub async fn exchange(world: &World, request: Request, head_time: Duration) -> Result<Answer, NetError> {
    let mut response = tokio::select! {
        biased;
        response = world.net.exchange(request) => response?,
        () = world.clock.sleep(head_time) => return Err(NetError::Timeout),
    };
    let headers = std::mem::take(&mut response.headers);
    let (status, body, _) = response.read(ANSWER_BYTES_MAX).await?;
    Ok(Answer { status, headers, body })
}
