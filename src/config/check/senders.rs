//! Who sends events to the filters, and what is known of them: the inputs of filebeat.yml where they are linked to a beats
//! input, anybody otherwise.

use super::value::{Known, State, Types};
use super::{CheckInput, attr};
use crate::config::filebeat::Filebeat;
use crate::config::filebeat::inputs::{InputConfig, InputKind};
use crate::config::filebeat::outputs::OutputConfig;
use crate::config::filebeat::processors::{FieldName, Processor, ProcessorConfig, Target};
use crate::config::logstash::ast::{Plugin, SectionKind, Stmt, Value as Given};
use crate::config::options::{Options, PluginKind};
use crate::config::source::Span;
use crate::config::yaml::{Node, Value};
use crate::event::FieldRef;
use crate::filter::processor::dotted;

/// One source of events.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The type of the agent's input; `None`: it is not known who sends.
    pub input: Option<Span>,
    pub state: State,
}

/// All senders. Anybody may send unless every input is linked to the agent.
pub fn senders(input: &CheckInput<'_>) -> Vec<Sender> {
    let anybody = || Sender { input: None, state: State::unknown() };
    let plugins: Vec<&Plugin> =
        input.logstash.iter().flat_map(|c| c.statements(SectionKind::Input)).flat_map(all_plugins).collect();
    let mut senders = vec![];
    for plugin in &plugins {
        match input.filebeat {
            Some(filebeat) if input.filebeat_complete && is_linked(plugin, filebeat, input) => {
                for agent in &filebeat.inputs {
                    if let Some(mut state) = of_agent(filebeat, agent) {
                        at_beats_input(plugin, &mut state, input);
                        senders.push(Sender { input: Some(agent.type_span), state });
                    }
                }
                if !filebeat.included.is_empty() {
                    senders.push(anybody());
                }
            }
            _ => senders.push(anybody()),
        }
    }
    if senders.is_empty() {
        senders.push(anybody());
    }
    senders
}

fn all_plugins(statement: &Stmt) -> Vec<&Plugin> {
    match statement {
        Stmt::Plugin(plugin) => vec![plugin],
        Stmt::Branch(branch) => branch.arms.iter().flat_map(|a| a.body.iter()).flat_map(all_plugins).collect(),
    }
}

/// Whether the agent's output and this input become one link in the process, so that nobody else can send.
fn is_linked(plugin: &Plugin, filebeat: &Filebeat, input: &CheckInput<'_>) -> bool {
    let Some(OutputConfig::Logstash(output)) = &filebeat.output else { return false };
    // another codec than `plain` may make any fields
    let codec = attr(plugin, "codec", input);
    let plain = codec.is_none_or(|c| c.value.scalar().is_some_and(|name| name == "plain"));
    let port = attr(plugin, "port", input).and_then(|p| p.value.scalar());
    plugin.name.value == "beats"
        && plain
        && port.and_then(|p| p.parse::<u16>().ok()).is_some_and(|p| output.hosts.iter().any(|h| h.value.port == p))
}

/// An event as an input of the agent sends it; `None` if it sends none.
fn of_agent(filebeat: &Filebeat, agent: &InputConfig) -> Option<State> {
    let mut state = State::empty();
    let mut put = |name: &str, known: Known| state.set(&dotted(name), known);
    put("@timestamp", Known::of(Types::TIME));
    put("message", Known::of(Types::STR));
    for open in ["agent", "ecs", "host", "input", "log"] {
        put(open, Known::of(Types::MAP));
    }
    for maybe in ["error", "event"] {
        put(maybe, Known::unknown());
    }
    if let InputKind::Container { .. } = agent.kind {
        put("stream", Known::of(Types::STR).maybe());
        for maybe in ["docker", "kubernetes", "container"] {
            put(maybe, Known::unknown());
        }
    }
    for tag in filebeat.tags.iter().chain(&agent.tags) {
        state.tag(&tag.value, tag.span);
    }
    let root_of = |flag: bool| if flag { None } else { Some("fields") };
    let global_root = filebeat.fields_under_root.as_ref().is_some_and(|f| f.value);
    for (fields, under_root) in [(&filebeat.fields, global_root), (&agent.fields, agent.fields_under_root())] {
        if let Some(fields) = fields {
            merge(&mut state, root_of(under_root), fields, false);
        }
    }
    let alive = run(&agent.processors, &mut state) && run(&filebeat.processors, &mut state);
    alive.then_some(state)
}

/// Puts a map of YAML into the event, below `target` (dotted), as Filebeat merges it; `maybe`: on some events only.
fn merge(state: &mut State, target: Option<&str>, fields: &Node, maybe: bool) {
    let Value::Map(entries) = &fields.value else { return };
    let base: Vec<&str> = target.map(|t| t.split('.').collect()).unwrap_or_default();
    for entry in entries {
        let mut path = base.clone();
        path.extend(entry.key.split('.'));
        if matches!(entry.node.value, Value::Map(_)) {
            let below = path.join(".");
            let field = FieldRef::from_names(path);
            let old = state.get(&field);
            if old.is_never() {
                state.set(&field, if maybe { Known::empty_map().maybe() } else { Known::empty_map() });
            }
            merge(state, Some(&below), &entry.node, maybe);
            continue;
        }
        if path[0] == "tags" {
            state.tags.open = true;
            continue;
        }
        let new = constant(&entry.node, entry.key_span.to(entry.node.span));
        state.change(&FieldRef::from_names(path), &|old| if maybe { old.join(&new) } else { new.clone() });
    }
}

fn constant(node: &Node, at: Span) -> Known {
    match &node.value {
        Value::Text(text) => Known::text(text, at),
        Value::Bool(_) => Known::of(Types::BOOL),
        Value::Int(_) | Value::UInt(_) | Value::Float(_) => Known::of(Types::NUM),
        Value::List(_) => Known::of(Types::LIST),
        // what holds nothing is not sent, unless `keep_null` asks for it
        Value::Null | Value::Missing(_) => Known::unknown(),
        Value::Map(_) => Known::of(Types::MAP),
    }
}

/// Runs processors; false if no event comes out.
fn run(processors: &[ProcessorConfig], state: &mut State) -> bool {
    for config in processors {
        let always = config.when.is_none();
        let before = state.clone();
        if !step(&config.processor, state) {
            if always {
                return false;
            }
            *state = before;
        } else if !always {
            *state = state.join(&before);
        }
    }
    true
}

fn step(processor: &Processor, state: &mut State) -> bool {
    let mut may = |name: &str| state.change(&dotted(name), &|_| Known::unknown());
    match processor {
        Processor::AddDockerMetadata(_) => {
            may("container");
            may("docker");
        }
        Processor::AddHostMetadata(_) => may("host"),
        Processor::AddCloudMetadata(_) => {
            may("cloud");
            may("orchestrator");
        }
        Processor::DecodeJsonFields(config) => {
            may("error");
            match &config.target {
                Target::Root => state.forget(),
                Target::Field(target) => may(target),
                Target::Same => config.fields.iter().for_each(|f| may(&f.value)),
            }
            if config.document_id.is_some() {
                state.change(&dotted("@metadata"), &|_| Known::of(Types::MAP));
            }
        }
        Processor::AddFields(config) => merge(state, config.target.as_deref(), &config.fields, false),
        Processor::AddTags(config) if config.target == "tags" => {
            for tag in &config.tags {
                state.tags.may.entry(tag.clone()).or_default();
            }
        }
        Processor::AddTags(config) => may(&config.target),
        Processor::DropFields(config) => {
            for field in &config.fields {
                match field {
                    FieldName::Name(name) => state.remove(&dotted(&name.value)),
                    // whatever it finds may go
                    FieldName::Pattern(_) => state.forget(),
                }
            }
        }
        Processor::DropEvent => return false,
        Processor::If { then, otherwise, .. } => {
            let mut other = state.clone();
            let (a, b) = (run(then, state), run(otherwise, &mut other));
            match (a, b) {
                (true, true) => *state = state.join(&other),
                (false, true) => *state = other,
                (true, false) => {}
                (false, false) => return false,
            }
        }
    }
    true
}

/// What the beats input does to an event.
fn at_beats_input(plugin: &Plugin, state: &mut State, input: &CheckInput<'_>) {
    state.set(&FieldRef::top("@version"), Known::of(Types::STR));
    state.change(&FieldRef::top("@metadata"), &|_| Known::of(Types::MAP));
    state.change(&FieldRef::top("host"), &|old| old.join(&Known::of(Types::MAP)));
    state.change(&FieldRef::top("event"), &|_| Known::unknown());
    state.tag("beats_input_codec_plain_applied", plugin.name.span);
    let options = Options::new(plugin, PluginKind::Input, &[], input.variables, &mut vec![]);
    for tag in options.strings("tags") {
        match tag.value.contains("%{") {
            true => state.tags.open = true,
            false => state.tag(&tag.value, tag.span),
        }
    }
    if let Some(kind) = options.string("type") {
        state.change(&FieldRef::top("type"), &|old| Known::text(&kind.value, kind.span).join(old));
    }
    for (name, value) in options.hash("add_field") {
        match FieldRef::parse_with(&name.value, input.escape) {
            Ok(field) if !name.value.contains("%{") => {
                let scalar = !matches!(value.value, Given::Array(_) | Given::Hash(_));
                let types = if scalar { Types::STR } else { Types::ALL };
                state.change(&field, &|old| super::transfer::appended(old, Known::of(types)));
            }
            _ => state.forget(),
        }
    }
}
