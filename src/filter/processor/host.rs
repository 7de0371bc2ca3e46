//! `add_host_metadata`: the machine the agent runs on.
//!
//! Documentation: <https://www.elastic.co/guide/en/beats/filebeat/8.5/add-host-metadata.html>.

use super::{deep_update, dotted, put};
use crate::config::filebeat::processors::AddHostMetadata;
use crate::event::{Arena, Event, Map, Value};
use crate::filter::{Fault, Filter, FilterCx, Outcome, Slot};
use crate::world::World;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

/// Addresses shown at most.
const ADDRESSES_MAX: usize = 256;
const FILE_BYTES_MAX: usize = 1 << 20;

/// The compiled processor.
pub struct AddHostMetadataFilter {
    config: AddHostMetadata,
    name: String,
    learned: Mutex<Option<(Duration, Learned)>>,
    slot: Slot,
}

/// What is said of the host.
#[derive(Clone, Debug, Default)]
struct Learned {
    id: Option<String>,
    hostname: String,
    architecture: String,
    os: Vec<(&'static str, String)>,
    containerized: Option<bool>,
    ip: Vec<String>,
    mac: Vec<String>,
}

impl AddHostMetadataFilter {
    /// `name` is the agent's.
    pub fn new(config: AddHostMetadata, name: String, slot: Slot) -> AddHostMetadataFilter {
        AddHostMetadataFilter { config, name, learned: Mutex::default(), slot }
    }

    fn learned(&self, world: &World) -> Learned {
        let now = world.clock.monotonic();
        let mut held = self.learned.lock().expect("never poisoned");
        match &*held {
            Some((at, learned)) if now < *at + self.config.cache_ttl => learned.clone(),
            _ => {
                let learned = learn(world, self.config.netinfo);
                *held = Some((now, learned.clone()));
                learned
            }
        }
    }

    fn value<'b>(&self, arena: &'b Arena, world: &World) -> Value<'b> {
        let l = self.learned(world);
        let text = |s: &str| Value::text(arena, s);
        let list = |all: &[String]| Value::List(arena.alloc_slice_fill_with(all.len(), |i| text(&all[i])));
        let mut entries: Vec<(&'b str, Value<'b>)> =
            vec![("name", text(&self.name)), ("hostname", text(&l.hostname)), ("architecture", text(&l.architecture))];
        let os: Vec<(&'b str, Value<'b>)> = l.os.iter().map(|(k, v)| (*k, text(v))).collect();
        entries.push(("os", Value::Map(Map::from_entries(arena, &os))));
        if let Some(id) = &l.id {
            entries.push(("id", text(id)));
        }
        if let Some(c) = l.containerized {
            entries.push(("containerized", Value::Bool(c)));
        }
        if self.config.netinfo {
            entries.push(("ip", list(&l.ip)));
            entries.push(("mac", list(&l.mac)));
        }
        if !self.config.geo.is_empty() {
            let geo: Vec<(&'b str, Value<'b>)> =
                self.config.geo.iter().map(|(k, v)| (&*arena.alloc_str(k), text(v))).collect();
            entries.push(("geo", Value::Map(Map::from_entries(arena, &geo))));
        }
        crate::event::batch::with_json(arena, Value::Map(Map::from_entries(arena, &entries)))
    }
}

impl Filter for AddHostMetadataFilter {
    fn plugin(&self) -> &'static str {
        "add_host_metadata"
    }

    fn apply<'b>(&self, event: &mut Event<'b>, cx: &mut FilterCx<'b, '_>) -> Result<Outcome, Fault> {
        let r = dotted("host");
        let old = event.get(&r);
        if !self.config.replace_fields {
            // an event that came with more than the name is left alone
            match old {
                Some(Value::Map(m)) if m.entries.len() > 1 || !m.contains("name") => return Ok(Outcome::Unmatched),
                Some(Value::Map(_)) | None => {}
                Some(_) => return Ok(Outcome::Unmatched),
            }
        }
        let (arena, world) = (cx.arena, cx.world);
        let value = cx.memo.get(self.slot, 0, || self.value(arena, world));
        let merged = match (old, value) {
            // all that is there is in the new value too: take that whole, its JSON is ready
            (Some(Value::Map(o)), Value::Map(n)) if o.entries.iter().all(|(k, _)| n.contains(k)) => value,
            _ => deep_update(arena, old, value),
        };
        put(event, &r, merged)?;
        Ok(Outcome::Matched)
    }
}

fn learn(world: &World, netinfo: bool) -> Learned {
    let read = |path: &str| {
        world.fs.read(Path::new(path), FILE_BYTES_MAX).ok().map(|b| String::from_utf8_lossy(&b).trim().to_string())
    };
    let uname = rustix::system::uname();
    let shown = |s: &std::ffi::CStr| s.to_string_lossy().into_owned();
    let release = read("/etc/os-release").unwrap_or_default();
    let field = |name: &str| {
        let line = release.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix('='))?;
        Some(line.trim_matches('"').to_string())
    };
    let platform = field("ID").unwrap_or_else(|| "linux".into());
    let family = match platform.as_str() {
        "debian" | "ubuntu" | "linuxmint" | "raspbian" => "debian",
        "centos" | "fedora" | "rhel" | "rocky" | "almalinux" | "amzn" | "ol" | "scientific" => "redhat",
        "opensuse-leap" | "opensuse-tumbleweed" | "sles" => "suse",
        "arch" | "manjaro" => "arch",
        other => other,
    }
    .to_string();
    let mut os = vec![("type", "linux".to_string()), ("platform", platform), ("family", family)];
    if let Some(version) = field("VERSION").or_else(|| field("VERSION_ID")) {
        os.push(("version", version));
    }
    if let Some(name) = field("NAME") {
        os.push(("name", name));
    }
    if let Some(codename) = field("VERSION_CODENAME") {
        os.push(("codename", codename));
    }
    os.push(("kernel", shown(uname.release())));
    let cgroup = read("/proc/1/cgroup").unwrap_or_default();
    let in_container = ["docker", "kubepods", "containerd", "lxc"].iter().any(|w| cgroup.contains(w));
    let (ip, mac) = if netinfo { addresses(world) } else { (vec![], vec![]) };
    Learned {
        id: read("/etc/machine-id").filter(|s| !s.is_empty()),
        hostname: shown(uname.nodename()),
        architecture: shown(uname.machine()),
        os,
        containerized: Some(in_container || world.fs.stat(Path::new("/.dockerenv")).is_ok()),
        ip,
        mac,
    }
}

/// Addresses of the machine as the kernel lists them: IPv4 of local routes, IPv6 of interfaces, hardware addresses.
/// The loopback's are left out, as Filebeat does.
fn addresses(world: &World) -> (Vec<String>, Vec<String>) {
    let read = |path: &str| {
        world.fs.read(Path::new(path), FILE_BYTES_MAX).ok().map(|b| String::from_utf8_lossy(&b).into_owned())
    };
    let mut ip: Vec<String> = Vec::new();
    if let Some(trie) = read("/proc/net/fib_trie") {
        let mut last = "";
        for line in trie.lines() {
            let line = line.trim();
            if let Some(address) = line.strip_prefix("|-- ") {
                last = address;
            } else if line == "/32 host LOCAL" && !last.starts_with("127.") && !ip.iter().any(|a| a == last) {
                ip.push(last.to_string());
            }
        }
    }
    if let Some(table) = read("/proc/net/if_inet6") {
        for line in table.lines() {
            let mut words = line.split_whitespace();
            let (Some(hex), Some(device)) = (words.next(), words.nth(4)) else { continue };
            if device == "lo" || hex.len() != 32 {
                continue;
            }
            if let Ok(bits) = u128::from_str_radix(hex, 16) {
                ip.push(std::net::Ipv6Addr::from(bits).to_string());
            }
        }
    }
    let mut mac: Vec<String> = Vec::new();
    for entry in world.fs.list(Path::new("/sys/class/net")).unwrap_or_default() {
        let path = format!("/sys/class/net/{}/address", entry.name.to_string_lossy());
        if let Some(address) = read(&path) {
            let address = address.trim().to_uppercase().replace(':', "-");
            if address.len() == 17 && address != "00-00-00-00-00-00" && !mac.contains(&address) {
                mac.push(address);
            }
        }
    }
    ip.truncate(ADDRESSES_MAX);
    mac.truncate(ADDRESSES_MAX);
    (ip, mac)
}
