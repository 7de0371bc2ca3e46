//! The outputs of a plan: those of a logstash.conf, and the one of a filebeat.yml.

use super::Builder;
use crate::codec::encode::RubyDebug;
use crate::config::diagnostic::Diagnostic;
use crate::config::filebeat::outputs::OutputConfig;
use crate::config::logstash::ast::Plugin;
use crate::output::{Output, OutputCx, beats, registry, stdout};
use std::sync::Arc;

/// What an output at a place of the plan is built with.
fn cx(b: &Builder<'_, '_>, place: usize) -> OutputCx {
    OutputCx {
        world: b.world.clone(),
        metrics: b.metrics.clone(),
        stop: b.give_up.clone(),
        dead_letters: Arc::clone(&b.dead_letters),
        id: format!("output-{place}"),
        place: place as u32,
    }
}

/// An output of a logstash.conf.
pub fn processor(plugin: &Plugin, place: usize, b: &mut Builder<'_, '_>) -> Option<Arc<dyn Output>> {
    let out = cx(b, place);
    let built = registry::build(plugin, b.cx, out, &b.extras)?;
    b.repairs.extend(built.note);
    Some(built.output)
}

/// `-e` without an output section: `stdout { codec => rubydebug }`.
pub fn default_stdout(place: usize, b: &Builder<'_, '_>) -> Arc<dyn Output> {
    let config = stdout::Config { codec: Box::new(RubyDebug { metadata: false }) };
    Arc::new(stdout::Stdout::new(config, Arc::clone(&b.extras.stdout), cx(b, place)))
}

/// The output of a filebeat.yml that runs without a logstash.conf.
pub fn agent(output: &OutputConfig, b: &mut Builder<'_, '_>) -> Option<Arc<dyn Output>> {
    let (name, span) = match output {
        OutputConfig::Logstash(options) => {
            return Some(Arc::new(beats::Logstash::new(beats::Config::from(options), cx(b, 0))));
        }
        OutputConfig::Elasticsearch(options) => ("elasticsearch", options.span),
        OutputConfig::Console(options) => ("console", options.span),
        OutputConfig::File(options) => ("file", options.span),
    };
    b.cx.report(
        Diagnostic::error("plugin-not-yet", format!("logdrive does not have Filebeat's `output.{name}` yet"))
            .at(span, "not yet")
            .help("send with `output.logstash`, or give a logstash.conf with `-f` whose outputs do it"),
    );
    None
}
