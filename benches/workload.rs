//! Lines as a busy nginx writes them in its `combined` format, the same for the same seed.
//!
//! About 200 bytes each: long browser names, some bots and probes without referer, query strings, every common status,
//! sizes over five orders of magnitude, IPv4 and some IPv6 clients, a quoted `"` as nginx escapes it now and then.

use std::io::{self, Write};

/// A seeded generator of lines.
pub struct Nginx {
    state: u64,
    /// Seconds since 2024-03-05 00:00:00 UTC.
    second: u64,
}

const AGENTS: &[&str] = &[
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.3.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:123.0) Gecko/20100101 Firefox/123.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.3 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.6261.64 Mobile Safari/537.36",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "kube-probe/1.29",
    "curl/8.5.0",
    "python-requests/2.31.0 \\x22internal\\x22",
    "-",
];
const PATHS: &[&str] = &[
    "/",
    "/assets/index-4f2a91bc.js",
    "/assets/vendor-99d1c0aa.css",
    "/api/v1/proposals",
    "/api/v1/proposals/",
    "/api/v1/users/me",
    "/api/v1/search?q=annual%20report&page=",
    "/api/v1/documents/7f3c9a52-1be4-4d0c-9b1e-0c2a4f5d6e7f/versions?expand=author,reviewers&limit=",
    "/images/logo@2x.png",
    "/health",
    "/favicon.ico",
    "/login?next=%2Fdashboard%2Foverview",
];
const REFERERS: &[&str] = &[
    "-",
    "https://assist.example.com/",
    "https://assist.example.com/dashboard/overview",
    "https://assist.example.com/proposals?status=open&sort=-updated",
    "https://www.google.com/",
];
const METHODS: &[&str] =
    &["GET", "GET", "GET", "GET", "GET", "GET", "POST", "POST", "PUT", "HEAD", "DELETE", "OPTIONS"];
const STATUS: &[u32] =
    &[200, 200, 200, 200, 200, 200, 200, 201, 204, 206, 301, 302, 304, 304, 400, 401, 403, 404, 499, 500, 502];

impl Nginx {
    pub fn new(seed: u64) -> Nginx {
        Nginx { state: seed, second: 0 }
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// Appends one line with its `\n`.
    pub fn line(&mut self, out: &mut Vec<u8>) {
        if self.below(40) == 0 {
            self.second = (self.second + 1) % 86_400;
        }
        let client = match self.below(20) {
            0 => format!("2001:db8:{:x}::{:x}", self.below(0xffff), self.below(0xffff)),
            _ => format!("{}.{}.{}.{}", 1 + self.below(222), self.below(256), self.below(256), 1 + self.below(254)),
        };
        let user = if self.below(50) == 0 { "alice" } else { "-" };
        let (hour, minute, second) = (self.second / 3600, self.second / 60 % 60, self.second % 60);
        let method = self.pick(METHODS);
        let mut path = self.pick(PATHS).to_string();
        if path.ends_with('/') && path.len() > 1 || path.ends_with('=') {
            path += &self.below(100_000).to_string();
        }
        let version = if self.below(4) == 0 { "2.0" } else { "1.1" };
        let status = self.pick(STATUS);
        let digits = 1 + self.below(6) as u32;
        let bytes = if status == 304 || status == 204 { 0 } else { self.below(10u64.pow(digits)) };
        let referer = self.pick(REFERERS);
        // browsers far more often than the rest
        let agent = if self.below(4) == 0 { self.pick(AGENTS) } else { self.pick(&AGENTS[..5]) };
        writeln!(
            out,
            "{client} - {user} [05/Mar/2024:{hour:02}:{minute:02}:{second:02} +0000] \"{method} {path} HTTP/{version}\" \
             {status} {bytes} \"{referer}\" \"{agent}\""
        )
        .expect("a vector takes all");
    }

    /// Writes `lines` lines; returns the bytes.
    pub fn write(&mut self, lines: u64, to: &mut impl Write) -> io::Result<u64> {
        let mut block = Vec::with_capacity(1 << 17);
        let mut bytes = 0;
        for _ in 0..lines {
            self.line(&mut block);
            if block.len() >= 1 << 16 {
                bytes += block.len() as u64;
                to.write_all(&block)?;
                block.clear();
            }
        }
        bytes += block.len() as u64;
        to.write_all(&block)?;
        Ok(bytes)
    }
}
