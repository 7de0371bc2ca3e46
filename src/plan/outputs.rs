//! The outputs of a plan: those of a logstash.conf, and the one of a filebeat.yml.

use super::Builder;
use crate::codec::encode::RubyDebug;
use crate::config::diagnostic::Diagnostic;
use crate::config::filebeat::outputs::OutputConfig;
use crate::config::logstash::ast::Plugin;
use crate::output::local::Sends;
use crate::output::{Output, OutputCx, beats, elasticsearch, registry, stdout};
use std::sync::Arc;

/// What an output is built with; `number` counts all outputs, `place` those of its kind.
fn cx(b: &Builder<'_, '_>, number: usize, place: usize) -> OutputCx {
    OutputCx {
        world: b.world.clone(),
        metrics: b.metrics.clone(),
        stop: b.give_up.clone(),
        dead_letters: Arc::clone(&b.dead_letters),
        id: format!("output-{number}"),
        place: place as u32,
    }
}

/// An output of a logstash.conf; `made` are those before it.
pub fn processor(plugin: &Plugin, made: &[Arc<dyn Output>], b: &mut Builder<'_, '_>) -> Option<Arc<dyn Output>> {
    // documents' ids depend on it: an output of another kind above must not change them
    let place = made.iter().filter(|o| o.plugin() == plugin.name.value).count();
    let out = cx(b, made.len(), place);
    let built = registry::build(plugin, b.cx, out, &b.extras)?;
    b.repairs.extend(built.note);
    Some(built.output)
}

/// `-e` without an output section: `stdout { codec => rubydebug }`.
pub fn default_stdout(number: usize, b: &Builder<'_, '_>) -> Arc<dyn Output> {
    let config = stdout::Config { codec: Box::new(RubyDebug { metadata: false }) };
    Arc::new(stdout::Stdout::new(config, Arc::clone(&b.extras.stdout), cx(b, number, 0)))
}

/// The output of a filebeat.yml that runs without a logstash.conf.
pub fn agent(output: &OutputConfig, b: &mut Builder<'_, '_>) -> Option<Arc<dyn Output>> {
    let (name, span) = match output {
        OutputConfig::Logstash(options) => {
            return Some(Arc::new(beats::Logstash::new(beats::Config::from(options), cx(b, 0, 0))));
        }
        OutputConfig::Elasticsearch(options) => {
            let config = elasticsearch::from_filebeat(options, &b.world, b.cx.diagnostics)?;
            let output: Arc<dyn Output> = Arc::new(elasticsearch::Elasticsearch::new(config, cx(b, 0, 0)));
            return Some(match &b.extras.local {
                Some(local) => local.wrap(output, Sends::Documents, cx(b, 0, 0)),
                None => output,
            });
        }
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
