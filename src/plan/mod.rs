//! The plan: typed configurations become the parts that a run is made of.
//!
//! Belongs here: which inputs, filters and outputs there are, in which order, and how an agent and a processor are linked
//! in one process. Must not be here: running them (`runtime`), or what any plugin's option means (each plugin's `build`).

pub mod agent;
mod outputs;

use crate::config::build::{BuildCx, Ecs};
use crate::config::diagnostic::Diagnostic;
use crate::config::filebeat::Filebeat;
use crate::config::filebeat::outputs::{LogstashOutput, OutputConfig};
use crate::config::logstash::ast::{self, Branch, Plugin, SectionKind, Stmt};
use crate::config::logstash_settings::Settings;
use crate::config::lower::{lower_condition, lower_filters};
use crate::config::options::{OptionSpec, Options, PluginKind, nearest};
use crate::event::{Event, FieldRef, Value};
use crate::filter::processor::{Agent, Gate, Link};
use crate::filter::program::{Node, Program};
use crate::input::beats;
use crate::input::common::Decoration;
use crate::input::file::FileInputConfig;
use crate::input::stdin::{LINE_BYTES_MAX, Stdin};
use crate::output::Output;
use crate::output::dead_letter::DeadLetters;
use crate::output::registry::Extras;
use crate::runtime::Stop;
use crate::runtime::pipeline::{OutputArm, OutputNode, Pipeline};
use crate::telemetry::Metrics;
use crate::world::World;
use std::sync::Arc;

/// What a plan is made of.
pub struct Parts<'a> {
    pub filebeat: Option<&'a Filebeat>,
    /// All texts of the Logstash configuration, in their order; `None` when there is none.
    pub logstash: Option<&'a [ast::Config]>,
    /// `-e` without an input section: stdin; without an output section: stdout.
    pub default_input: bool,
    pub default_output: bool,
    pub settings: &'a Settings,
}

/// What plugins are built with, besides their options.
pub struct Builder<'a, 'b> {
    pub cx: &'b mut BuildCx<'a>,
    pub runtime: Option<tokio::runtime::Handle>,
    pub world: World,
    pub metrics: Metrics,
    /// Asked when deliveries must be given up.
    pub give_up: Stop,
    pub dead_letters: Arc<DeadLetters>,
    pub agent: Agent,
    pub extras: Extras,
    pub batch_events_max: usize,
    /// Collected while outputs are built.
    pub repairs: Vec<String>,
}

/// Inputs of a plan, not open yet.
#[derive(Default)]
pub struct Inputs {
    pub files: Vec<FileInputConfig>,
    pub stdin: Vec<Stdin>,
    /// With the number of the input.
    pub beats: Vec<(beats::Config, u32)>,
}

/// A plan, ready to run.
pub struct Plan {
    pub inputs: Inputs,
    pub pipeline: Pipeline,
    /// Host and port of `output.logstash` that a beats input of the same process stands for, so that it is not opened.
    pub linked: Option<String>,
    /// What is done differently from what is written, one sentence each.
    pub repairs: Vec<String>,
}

/// Builds a plan. What is wrong goes to the builder's diagnostics; a plan with errors must not run.
pub fn build(parts: &Parts<'_>, b: &mut Builder<'_, '_>) -> Plan {
    let mut inputs = Inputs::default();
    let mut nodes: Vec<Node> = Vec::new();
    let mut routing = Vec::new();
    let mut made: Vec<Arc<dyn Output>> = Vec::new();
    let mut linked = None;
    let mut agent_inputs = 0;

    if let Some(filebeat) = parts.filebeat {
        let agent = b.agent.clone();
        let agent_parts = agent::build(filebeat, &agent, b);
        agent_inputs = agent_parts.inputs;
        inputs.files = agent_parts.files;
        inputs.stdin = agent_parts.stdin;
        nodes.extend(agent_parts.nodes);
        match (&filebeat.output, parts.logstash) {
            (Some(OutputConfig::Logstash(output)), Some(configs)) => {
                linked = link(output, configs, agent_inputs, &mut nodes, b);
            }
            (Some(output), Some(_)) => not_linked(output, b),
            (Some(output), None) => {
                if let Some(output) = outputs::agent(output, b) {
                    made.push(output);
                    routing.push(OutputNode::Output(0));
                }
            }
            (None, _) => {}
        }
    }
    if let Some(configs) = parts.logstash {
        let all = |kind: SectionKind| configs.iter().flat_map(move |c| c.statements(kind));
        let mut number = agent_inputs;
        for statement in all(SectionKind::Input) {
            logstash_input(statement, linked.as_ref().map(|l| l.1), &mut number, &mut inputs, b);
        }
        if parts.default_input {
            inputs.stdin.push(default_stdin(number, b));
        }
        nodes.extend(lower_filters(all(SectionKind::Filter), b.cx).nodes);
        for statement in all(SectionKind::Output) {
            if let Some(node) = logstash_output(statement, &mut made, b) {
                routing.push(node);
            }
        }
        if parts.default_output {
            made.push(outputs::default_stdout(made.len(), b));
            routing.push(OutputNode::Output(made.len() - 1));
        }
    }
    let repairs = std::mem::take(&mut b.repairs);
    let pipeline = Pipeline {
        program: Program { nodes },
        routing,
        outputs: made,
        world: b.world.clone(),
        metrics: b.metrics.clone(),
        dead_letters: Arc::clone(&b.dead_letters),
        give_up: b.give_up.clone(),
    };
    Plan { inputs, pipeline, linked: linked.map(|l| l.0), repairs }
}

/// All plugins of a list of statements, those inside branches too.
fn plugins<'s>(statements: impl IntoIterator<Item = &'s Stmt>, out: &mut Vec<&'s Plugin>) {
    for statement in statements {
        match statement {
            Stmt::Plugin(plugin) => out.push(plugin),
            Stmt::Branch(branch) => {
                for arm in &branch.arms {
                    plugins(&arm.body, out);
                }
            }
        }
    }
}

/// Finds the beats input that the agent's output means, and makes it a step of the program. Returns the address for the
/// start line, and the port.
fn link(
    output: &LogstashOutput,
    configs: &[ast::Config],
    agent_inputs: u32,
    nodes: &mut Vec<Node>,
    b: &mut Builder<'_, '_>,
) -> Option<(String, u16)> {
    let mut all = Vec::new();
    for config in configs {
        plugins(config.statements(SectionKind::Input), &mut all);
    }
    let beats: Vec<&Plugin> = all.into_iter().filter(|p| p.name.value == "beats").collect();
    for plugin in &beats {
        // what is wrong with its options is said when the inputs are built
        let before = b.cx.diagnostics.len();
        let options = Options::new(plugin, PluginKind::Input, beats::SPECS, b.cx.variables, b.cx.diagnostics);
        let config = beats::Config::new(&options, b.cx);
        b.cx.diagnostics.truncate(before);
        let Some(config) = config else { continue };
        let Some(host) = output.hosts.iter().find(|h| h.value.port == config.port) else { continue };
        let port = config.port;
        let link = Link { config, slot: b.cx.slot() };
        nodes.push(agent::node(Gate { inputs_below: agent_inputs, inner: Box::new(link) }));
        return Some((format!("{}:{}", host.value.name, host.value.port), port));
    }
    let shown: Vec<String> = output.hosts.iter().map(|h| format!("{}:{}", h.value.name, h.value.port)).collect();
    let mut finding = Diagnostic::error(
        "link-port-differs",
        format!("`output.logstash` sends to {} and no `beats` input listens there", shown.join(", ")),
    )
    .note("run together, the agent's output and the beats input with the same port become one link in the process")
    .help("give both the same port, or run the agent and the processor apart (`run -c ...` and `run -f ...`)");
    if let Some(host) = output.hosts.first() {
        finding = finding.at(host.span, "the agent sends to this port");
    }
    for plugin in beats {
        finding = finding.with(plugin.span, "this input listens on another");
    }
    b.cx.report(finding);
    None
}

fn not_linked(output: &OutputConfig, b: &mut Builder<'_, '_>) {
    let (name, span) = match output {
        OutputConfig::Elasticsearch(o) => ("output.elasticsearch", o.span),
        OutputConfig::Console(o) => ("output.console", o.span),
        OutputConfig::File(o) => ("output.file", o.span),
        OutputConfig::Logstash(_) => return,
    };
    b.cx.report(
        Diagnostic::error(
            "link-port-differs",
            format!("the agent's `{name}` does not lead to the given logstash.conf"),
        )
        .at(span, "events go here, not to a beats input")
        .help("use `output.logstash` with the beats input's port, or run the two apart"),
    );
}

/// Inputs of Logstash 8.19 that are not there yet.
const INPUTS_NOT_YET: &[&str] = &[
    "azure_event_hubs",
    "cloudwatch",
    "couchdb_changes",
    "dead_letter_queue",
    "elastic_agent",
    "elastic_serverless_forwarder",
    "elasticsearch",
    "exec",
    "file",
    "ganglia",
    "gelf",
    "generator",
    "graphite",
    "heartbeat",
    "http",
    "http_poller",
    "imap",
    "jdbc",
    "jms",
    "kafka",
    "logstash",
    "pipe",
    "pipeline",
    "rabbitmq",
    "redis",
    "s3",
    "snmp",
    "snmptrap",
    "sqs",
    "syslog",
    "tcp",
    "twitter",
    "udp",
    "unix",
];

/// The options of `stdin`.
const STDIN_OPTIONS: &[OptionSpec] =
    &[OptionSpec::new("ecs_compatibility", crate::config::options::OptType::OneOf(crate::config::build::ECS_NAMES))];

fn logstash_input(
    statement: &Stmt,
    linked_port: Option<u16>,
    number: &mut u32,
    inputs: &mut Inputs,
    b: &mut Builder<'_, '_>,
) {
    let plugin = match statement {
        Stmt::Plugin(plugin) => plugin,
        Stmt::Branch(branch) => {
            b.cx.report(
                Diagnostic::error(
                    "input-branch",
                    "an `if` in the input section decides nothing: there is no event yet",
                )
                .at(branch_span(branch), "Logstash refuses it too")
                .help("move the condition into the filter section"),
            );
            return;
        }
    };
    match plugin.name.value.as_str() {
        "beats" => {
            let options = Options::new(plugin, PluginKind::Input, beats::SPECS, b.cx.variables, b.cx.diagnostics);
            let Some(config) = beats::Config::new(&options, b.cx) else { return };
            if linked_port == Some(config.port) {
                return;
            }
            inputs.beats.push((config, *number));
        }
        "stdin" => {
            let options = Options::new(plugin, PluginKind::Input, STDIN_OPTIONS, b.cx.variables, b.cx.diagnostics);
            let ecs = crate::codec::decode::build::ecs_of(&options, b.cx);
            let decoration = Decoration::from_options(&options, b.cx);
            let Some(decoder) = crate::codec::decode::build::build(&options, "line", true, b.cx) else { return };
            if !inputs.stdin.is_empty() {
                b.cx.report(
                    Diagnostic::error("stdin-twice", "standard input can be read by one input only")
                        .at(plugin.name.span, "the second one"),
                );
                return;
            }
            inputs.stdin.push(Stdin {
                decoder,
                finish: stdin_finish(ecs, decoration),
                line_bytes_max: LINE_BYTES_MAX,
                batch_events_max: b.batch_events_max,
                input: *number,
            });
        }
        name => {
            b.cx.report(unknown_input(name, plugin));
            return;
        }
    }
    *number += 1;
}

fn unknown_input(name: &str, plugin: &Plugin) -> Diagnostic {
    if INPUTS_NOT_YET.contains(&name) {
        return Diagnostic::error("plugin-not-yet", format!("logdrive does not have the input `{name}` yet"))
            .at(plugin.name.span, "not yet");
    }
    let found = Diagnostic::error("unknown-plugin", format!("Couldn't find any input plugin named '{name}'"))
        .at(plugin.name.span, "no input of Logstash 8.19 has this name");
    match nearest(name, ["beats", "stdin"].into_iter().chain(INPUTS_NOT_YET.iter().copied())) {
        Some(near) => found.help(format!("did you mean `{near}`?")),
        None => found,
    }
}

fn branch_span(branch: &Branch) -> crate::config::source::Span {
    branch.span
}

/// What Logstash's stdin adds: the host, then the common options.
fn stdin_finish(ecs: Ecs, decoration: Decoration) -> crate::input::stdin::Finish {
    let host = agent::host_name();
    let field = if ecs.is_on() { FieldRef::from_names(["host", "hostname"]) } else { FieldRef::top("host") };
    Box::new(move |event: &mut Event<'_>, world: &World| {
        if !event.includes(&field) {
            let value = Value::text(event.arena(), &host);
            // a `host` that is no map stays as it came
            let _ = event.set(&field, value);
        }
        decoration.apply(event, world);
    })
}

/// `-e` without an input section: `stdin { type => stdin }`.
fn default_stdin(number: u32, b: &Builder<'_, '_>) -> Stdin {
    let decoration = Decoration { type_name: Some("stdin".into()), ..Decoration::default() };
    Stdin {
        decoder: Box::new(crate::codec::decode::Line::new(b.cx.ecs.is_on(), "\n")),
        finish: stdin_finish(b.cx.ecs, decoration),
        line_bytes_max: LINE_BYTES_MAX,
        batch_events_max: b.batch_events_max,
        input: number,
    }
}

fn logstash_output(statement: &Stmt, made: &mut Vec<Arc<dyn Output>>, b: &mut Builder<'_, '_>) -> Option<OutputNode> {
    match statement {
        Stmt::Plugin(plugin) => {
            let output = outputs::processor(plugin, made, b)?;
            made.push(output);
            Some(OutputNode::Output(made.len() - 1))
        }
        Stmt::Branch(branch) => {
            let arms = branch.arms.iter().map(|arm| OutputArm {
                condition: arm.cond.as_ref().map(|c| lower_condition(c, b.cx)),
                body: arm.body.iter().filter_map(|s| logstash_output(s, made, b)).collect(),
            });
            Some(OutputNode::Branch(arms.collect()))
        }
    }
}
