//! `filebeat test output`: tries to reach what the output names.

use super::print_out;
use super::run::{FAULTS, FINE};
use crate::config::filebeat::Filebeat;
use crate::config::filebeat::outputs::OutputConfig;
use crate::world::World;
use crate::world::net::Request;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);

pub async fn test(filebeat: Option<&Filebeat>, world: &World) -> u8 {
    let mut failed = 0;
    match filebeat.and_then(|f| f.output.as_ref()) {
        Some(OutputConfig::Logstash(output)) => {
            for host in &output.hosts {
                let address = format!("{}:{}", host.value.name, host.value.port);
                match world.net.connect(&address, TIMEOUT).await {
                    Ok(_) => print_out(&format!("logstash: {address}... connection OK\n")),
                    Err(why) => {
                        failed += 1;
                        print_out(&format!("logstash: {address}... ERROR {why}\n"));
                    }
                }
            }
        }
        Some(OutputConfig::Elasticsearch(output)) => {
            for host in &output.hosts {
                let url = host.value.clone();
                let request = Request {
                    method: "GET",
                    url: url.clone(),
                    headers: vec![],
                    body: bytes::Bytes::new(),
                    timeout: TIMEOUT,
                    tls: None,
                };
                match world.net.exchange(request).await {
                    Ok(answer) => print_out(&format!("elasticsearch: {url}... status {}\n", answer.status)),
                    Err(why) => {
                        failed += 1;
                        print_out(&format!("elasticsearch: {url}... ERROR {why}\n"));
                    }
                }
            }
        }
        Some(_) => print_out("the output writes on this machine: nothing to reach\n"),
        None => failed += 1,
    }
    if failed == 0 { FINE } else { FAULTS }
}
