//! `logdrive check`: every finding, on stdout.

use super::args::{Format, Job};
use super::run::FINE;
use super::{gather, print_findings, print_out, run};
use crate::config::build::BuildCx;
use crate::config::check::{CheckInput, check as explain};
use crate::config::render;
use crate::filter::processor::Agent;
use crate::output::dead_letter::{DEAD_LETTER_BYTES_MAX, DeadLetters};
use crate::output::registry::Extras;
use crate::runtime::Stop;
use crate::telemetry::Metrics;
use crate::world::World;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Prints what is wrong or never works; exit 1 if there is anything.
pub fn check(job: &Job, format: Format, world: &World) -> u8 {
    let gathered = gather::gather(job, world);
    let metrics = Metrics::new();
    let dead_letters = DeadLetters::new(world.clone(), metrics.clone(), Path::new("unused"), DEAD_LETTER_BYTES_MAX);
    let agent = Agent { name: String::new(), id: String::new(), ephemeral_id: String::new() };
    let extras = Extras {
        strict: job.strict,
        stdout: Arc::new(Mutex::new(Box::new(std::io::sink()))),
        path_data: PathBuf::new(),
        local: None,
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            super::say(&format!("error: cannot start: {why}"));
            return run::CANNOT_RUN;
        }
    };
    let (_, found) = run::build(
        job,
        &gathered,
        world,
        &metrics,
        &Stop::new(),
        Arc::new(dead_letters),
        agent,
        extras,
        runtime.handle(),
    );
    let mut diagnostics = gathered.diagnostics;
    let filebeat_complete = !diagnostics.iter().any(|d| d.stops_run);
    diagnostics.extend(found);
    if let Some(configs) = &gathered.logstash {
        let variables = gather::variables(job.task);
        let mut unsaid = Vec::new();
        let mut cx = BuildCx::new(&mut unsaid, world, &variables, &gathered.sources);
        run::with_settings(&mut cx, &gathered.settings);
        let (ecs, escape) = (cx.ecs, cx.escape);
        diagnostics.extend(explain(&CheckInput {
            sources: &gathered.sources,
            logstash: configs,
            filebeat: gathered.filebeat.as_ref(),
            filebeat_complete,
            ecs,
            escape,
            variables: &variables,
        }));
    }
    match format {
        Format::Human => print_findings(&diagnostics, &gathered.sources, &mut std::io::stdout()),
        Format::Json => print_out(&render::render_json(&diagnostics, &gathered.sources)),
    }
    if diagnostics.is_empty() { FINE } else { run::exit_code(&diagnostics) }
}
