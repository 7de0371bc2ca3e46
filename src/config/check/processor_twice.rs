//! `processor-twice`: `add_docker_metadata` of an input and the same for all inputs, so that it runs twice on each line.
//!
//! Told only where both are the same and neither has a condition: the second run then finds what the first one found.

use super::CheckInput;
use super::facts::Facts;
use crate::config::diagnostic::Diagnostic;
use crate::config::filebeat::processors::{AddDockerMetadata, Processor, ProcessorConfig};

fn docker(processors: &[ProcessorConfig]) -> impl Iterator<Item = (&ProcessorConfig, &AddDockerMetadata)> {
    processors.iter().filter(|p| p.when.is_none()).filter_map(|p| match &p.processor {
        Processor::AddDockerMetadata(config) => Some((p, config)),
        _ => None,
    })
}

fn same(a: &AddDockerMetadata, b: &AddDockerMetadata) -> bool {
    let mut b = b.clone();
    b.host.span = a.host.span;
    *a == b
}

pub fn check(input: &CheckInput<'_>, _: &Facts, found: &mut Vec<Diagnostic>) {
    let Some(filebeat) = input.filebeat else { return };
    for agent in &filebeat.inputs {
        for (own, config) in docker(&agent.processors) {
            let Some((global, _)) = docker(&filebeat.processors).find(|(_, g)| same(config, g)) else { continue };
            found.push(
                Diagnostic::warning("processor-twice", "`add_docker_metadata` runs twice on each line of this input")
                    .at(own.name_span, "once for this input")
                    .with(global.name_span, "and once for all inputs")
                    .note("the second run finds what the first one found")
                    .help("keep one of the two"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::check::tests::ids_with;

    #[test]
    fn only_the_same_without_conditions() {
        let beat = |own: &str, all: &str| {
            format!(
                "filebeat.inputs:\n- type: container\n  paths: [/a/*.log]\n  processors:\n  - add_docker_metadata: {own}\noutput.logstash.hosts: [\"l:5044\"]\nprocessors:\n- add_docker_metadata: {all}\n"
            )
        };
        for (own, all, told) in [
            ("~", "~", true),
            ("{host: \"unix:///var/run/docker.sock\"}", "~", true),
            ("{match_source_index: 3}", "~", false),
            ("{when: {has_fields: [a]}}", "~", false),
        ] {
            let want: &[&str] = if told { &["processor-twice"] } else { &[] };
            assert_eq!(ids_with(&beat(own, all), "input { beats { port => 5044 } }"), want, "{own} {all}");
        }
    }
}
