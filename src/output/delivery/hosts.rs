//! Hosts of an output: how they are written, and which of them to use.
//!
//! Source of the forms: Logstash's SafeURI and the elasticsearch output's `hosts` option: `host`, `host:port`,
//! `//host`, `http://user:password@host:port/path`.

use crate::world::World;
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

/// Where a server is.
#[derive(Clone, PartialEq, Eq)]
pub struct Host {
    pub https: bool,
    /// Without brackets for an IPv6 address.
    pub name: String,
    pub port: u16,
    /// Starts with `/`, does not end with it; empty when there is none.
    pub path: String,
    /// Percent escapes resolved.
    pub user: Option<String>,
    pub password: Option<String>,
    /// True when the text named a scheme.
    pub scheme_given: bool,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url())
    }
}

impl Host {
    /// Reads a host. `https` is the scheme of a text without one.
    ///
    /// # Errors
    /// What is wrong with the text, for people.
    pub fn parse(text: &str, port_default: u16, https: bool) -> Result<Host, String> {
        let lower = text.to_ascii_lowercase();
        let (scheme_given, https, rest) = if lower.starts_with("https://") {
            (true, true, &text[8..])
        } else if lower.starts_with("http://") {
            (true, false, &text[7..])
        } else if let Some(rest) = text.strip_prefix("//") {
            (false, https, rest)
        } else if let Some((scheme, _)) = text.split_once("://") {
            return Err(format!("`{scheme}` is not http or https"));
        } else {
            (false, https, text)
        };
        let rest = rest.split(['?', '#']).next().unwrap_or("");
        let (authority, path) = match rest.find('/') {
            Some(at) => (&rest[..at], rest[at..].trim_end_matches('/')),
            None => (rest, ""),
        };
        let (userinfo, address) = match authority.rsplit_once('@') {
            Some((u, a)) => (Some(u), a),
            None => (None, authority),
        };
        let (user, password) = match userinfo.map(|u| u.split_once(':').unwrap_or((u, ""))) {
            Some((u, p)) => (Some(percent_decode(u)), Some(percent_decode(p))),
            None => (None, None),
        };
        let (name, port) = if let Some(inner) = address.strip_prefix('[') {
            let (name, after) = inner.split_once(']').ok_or("the `[` of the address has no `]`")?;
            (name, after.strip_prefix(':'))
        } else if address.matches(':').count() > 1 {
            return Err("an IPv6 address stands in brackets: `[::1]:9200`".to_string());
        } else {
            match address.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (address, None),
            }
        };
        if name.is_empty() {
            return Err("there is no host name".to_string());
        }
        if let Some(c) = name.chars().find(|c| c.is_whitespace() || c.is_control() || "\\\"<>{}|^`,;".contains(*c)) {
            return Err(format!("a host name cannot contain {c:?}"));
        }
        let port = match port {
            None | Some("") => port_default,
            Some(p) => match p.parse::<u16>() {
                Ok(p) if p > 0 => p,
                _ => return Err(format!("`{p}` is not a port")),
            },
        };
        Ok(Host { https, name: name.to_string(), port, path: path.to_string(), user, password, scheme_given })
    }

    /// `http://host:port/path`, without any password.
    pub fn url(&self) -> String {
        let scheme = if self.https { "https" } else { "http" };
        let (open, close) = if self.name.contains(':') { ("[", "]") } else { ("", "") };
        format!("{scheme}://{open}{}{close}:{}{}", self.name, self.port, self.path)
    }
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|h| std::str::from_utf8(h).ok());
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) if bytes[at] == b'%' => {
                out.push(byte);
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The header value of HTTP basic authentication.
pub fn basic(user: &str, password: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

/// Which of several hosts to use: in turn, leaving out those that failed for a while.
pub struct HostPool {
    state: Mutex<State>,
    retry_time: Duration,
}

struct State {
    next: usize,
    hosts: Vec<Health>,
}

#[derive(Clone)]
struct Health {
    failures: u32,
    /// Not to be used before this time of the monotonic clock.
    dead_until: Duration,
}

/// A failed host is tried again after its first `retry_time`, then twice that, up to this multiple.
const RETRY_DOUBLINGS_MAX: u32 = 4;

impl HostPool {
    /// # Panics
    /// When `len` is zero.
    pub fn new(len: usize, retry_time: Duration) -> HostPool {
        assert!(len > 0, "an output has a host");
        let hosts = vec![Health { failures: 0, dead_until: Duration::ZERO }; len];
        HostPool { state: Mutex::new(State { next: 0, hosts }), retry_time }
    }

    /// The host for the next request, and whether it is believed to be alive. When all have failed it is the one whose
    /// time to be tried again comes first.
    pub fn pick(&self, world: &World) -> (usize, bool) {
        let now = world.clock.monotonic();
        let mut s = self.state.lock().expect("never poisoned");
        let len = s.hosts.len();
        for step in 0..len {
            let at = (s.next + step) % len;
            if s.hosts[at].dead_until <= now {
                s.next = at + 1;
                return (at, true);
            }
        }
        let at = (0..len).min_by_key(|&i| s.hosts[i].dead_until).expect("a pool has a host");
        (at, false)
    }

    pub fn went_well(&self, host: usize) {
        let mut s = self.state.lock().expect("never poisoned");
        s.hosts[host] = Health { failures: 0, dead_until: Duration::ZERO };
    }

    pub fn failed(&self, world: &World, host: usize) {
        let now = world.clock.monotonic();
        let mut s = self.state.lock().expect("never poisoned");
        let h = &mut s.hosts[host];
        h.failures = h.failures.saturating_add(1);
        h.dead_until = now + self.retry_time * (1 << (h.failures - 1).min(RETRY_DOUBLINGS_MAX));
    }

    /// True when at least one host may be used now.
    pub fn any_alive(&self, world: &World) -> bool {
        let now = world.clock.monotonic();
        self.state.lock().expect("never poisoned").hosts.iter().any(|h| h.dead_until <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::testing::TestWorld;

    #[test]
    fn every_form_of_a_host_is_read() {
        for (text, url, userinfo) in [
            ("elasticsearch:9200", "http://elasticsearch:9200", None),
            ("localhost", "http://localhost:9200", None),
            ("127.0.0.1", "http://127.0.0.1:9200", None),
            ("//h", "http://h:9200", None),
            ("//h:9201/p/q/", "http://h:9201/p/q", None),
            ("http://h:9200/path", "http://h:9200/path", None),
            ("HTTPS://h", "https://h:9200", None),
            ("https://el%40:p%3Aw@h:443/", "https://h:443", Some(("el@", "p:w"))),
            ("u:p@h:1", "http://h:1", Some(("u", "p"))),
            ("[::1]:9200", "http://[::1]:9200", None),
            ("http://[2001:db8::1]/x", "http://[2001:db8::1]:9200/x", None),
            ("h:9200?x=1", "http://h:9200", None),
        ] {
            let host = Host::parse(text, 9200, false).unwrap();
            assert_eq!(host.url(), url, "{text}");
            let got = host.user.as_deref().zip(host.password.as_deref());
            assert_eq!(got, userinfo, "{text}");
        }
        assert_eq!(Host::parse("h", 9200, true).unwrap().url(), "https://h:9200");
        for text in ["", "http://", ":9200", "h:port", "h:0", "h:99999", "ftp://h", "::1", "[::1", "a b", "h1,h2"] {
            assert!(Host::parse(text, 9200, false).is_err(), "{text}");
        }
    }

    #[test]
    fn a_dead_host_is_left_out_until_its_time() {
        let t = TestWorld::new();
        let pool = HostPool::new(2, Duration::from_secs(5));
        assert_eq!(pool.pick(&t.world), (0, true));
        assert_eq!(pool.pick(&t.world), (1, true));
        pool.failed(&t.world, 0);
        assert_eq!(pool.pick(&t.world), (1, true));
        assert_eq!(pool.pick(&t.world), (1, true));
        pool.failed(&t.world, 1);
        pool.failed(&t.world, 1);
        assert!(!pool.any_alive(&t.world));
        assert_eq!(pool.pick(&t.world), (0, false));
        t.advance(Duration::from_secs(5));
        assert_eq!(pool.pick(&t.world), (0, true));
        pool.went_well(0);
        assert_eq!(pool.pick(&t.world), (0, true));
        t.advance(Duration::from_secs(5));
        let both: Vec<usize> = (0..2).map(|_| pool.pick(&t.world).0).collect();
        assert!(both.contains(&0) && both.contains(&1), "{both:?}");
    }
}
