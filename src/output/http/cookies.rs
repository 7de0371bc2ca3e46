//! Cookies that servers set, sent back to them. Path, domain and expiry other than "at once" are not looked at.

use std::collections::HashMap;
use std::sync::Mutex;

/// Cookies kept for one host; further ones are not.
pub const COOKIES_PER_HOST_MAX: usize = 50;
/// Hosts whose cookies are kept.
pub const HOSTS_MAX: usize = 100;

#[derive(Default)]
pub struct Jar {
    hosts: Mutex<HashMap<String, Vec<(String, String)>>>,
}

/// `host:port` of a URL.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or("")
}

impl Jar {
    /// Takes what an answer sets.
    pub fn take(&self, url: &str, headers: &[(String, String)]) {
        for (_, value) in headers.iter().filter(|(k, _)| k.eq_ignore_ascii_case("set-cookie")) {
            let mut parts = value.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|p| p.split_once('=')) else { continue };
            let gone = parts.any(|p| p.eq_ignore_ascii_case("max-age=0"));
            let mut hosts = self.hosts.lock().expect("never poisoned");
            let host = authority(url);
            if hosts.len() >= HOSTS_MAX && !hosts.contains_key(host) {
                return;
            }
            let cookies = hosts.entry(host.to_string()).or_default();
            cookies.retain(|(n, _)| n != name);
            if !gone && cookies.len() < COOKIES_PER_HOST_MAX {
                cookies.push((name.to_string(), value.to_string()));
            }
        }
    }

    /// The header for a request, if there is something to send.
    pub fn header(&self, url: &str) -> Option<String> {
        let hosts = self.hosts.lock().expect("never poisoned");
        let cookies = hosts.get(authority(url)).filter(|c| !c.is_empty())?;
        Some(cookies.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_go_back_to_the_host_that_set_them() {
        let jar = Jar::default();
        let set = |v: &str| vec![("Set-Cookie".to_string(), v.to_string())];
        jar.take("http://a:1/x", &set("s=1; Path=/"));
        jar.take("http://a:1/y", &set("t=2"));
        jar.take("http://a:1/y", &set("s=3"));
        assert_eq!(jar.header("http://a:1/z?q"), Some("t=2; s=3".to_string()));
        assert_eq!(jar.header("http://b:1/"), None);
        jar.take("http://a:1/y", &set("t=; Max-Age=0"));
        assert_eq!(jar.header("http://a:1"), Some("s=3".to_string()));
    }
}
