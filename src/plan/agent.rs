//! The agent side of a plan: a Filebeat configuration becomes readers and processors.

use super::Builder;
use crate::config::diagnostic::Diagnostic;
use crate::config::filebeat::Filebeat;
use crate::config::filebeat::inputs::{self, Files, InputConfig, InputKind};
use crate::config::filebeat::processors::{AddFields, Processor, ProcessorConfig};
use crate::config::yaml::{Node as YamlNode, Value as Yaml};
use crate::event::batch::with_json;
use crate::event::{Arena, Event, Map, SourceMeta, Value};
use crate::filter::Filter;
use crate::filter::common::CommonOptions;
use crate::filter::processor::{
    Action, AddFieldsFilter, AddTagsFilter, Agent, Builtins, DropEventFilter, DropFieldsFilter, Lines, Processors,
    Step, cloud, condition::Test, docker, host, json, value_of,
};
use crate::filter::program::{FilterNode, Node};
use crate::input::file::{ContainerFormat, FileInputConfig, Format, Stream};
use crate::input::stdin::Stdin;
use crate::world::World;
use std::path::Path;
use std::sync::Arc;

/// Fields of an event that the reader sets; configured fields of these names come on top, in a step of their own.
const READERS_FIELDS: [&str; 7] = ["@timestamp", "@metadata", "message", "log", "stream", "error", "input"];

/// The agent's parts of a plan.
pub struct AgentParts {
    pub files: Vec<FileInputConfig>,
    pub stdin: Vec<Stdin>,
    /// Processors and built-in fields, in Filebeat's order.
    pub nodes: Vec<Node>,
    /// How many inputs of the plan are the agent's: numbers from 0.
    pub inputs: u32,
}

/// Builds them. What is wrong goes to the builder's diagnostics.
pub fn build(filebeat: &Filebeat, agent: &Agent, b: &mut Builder<'_, '_>) -> AgentParts {
    let mut parts = AgentParts { files: vec![], stdin: vec![], nodes: vec![], inputs: filebeat.inputs.len() as u32 };
    let mut by_input = Vec::new();
    for (number, input) in filebeat.inputs.iter().enumerate() {
        let (shared, late) = shared_fields(filebeat, input);
        let mut steps = Vec::new();
        if !input.include_lines.is_empty() || !input.exclude_lines.is_empty() {
            let lines = Lines { include: input.include_lines.clone(), exclude: input.exclude_lines.clone() };
            steps.push(Step { when: None, action: Action::Filter(Box::new(lines)) });
        }
        if let Some(fields) = late {
            let slot = b.cx.slot();
            let config = AddFields { target: None, fields };
            steps.push(Step { when: None, action: Action::Filter(Box::new(AddFieldsFilter { config, slot })) });
        }
        steps.extend(steps_of(&input.processors, agent, b));
        by_input.push(steps);
        match &input.kind {
            InputKind::Container { files, stream, format } => {
                let format = Format::Container {
                    stream: match stream {
                        inputs::Stream::All => Stream::All,
                        inputs::Stream::Stdout => Stream::Stdout,
                        inputs::Stream::Stderr => Stream::Stderr,
                    },
                    format: match format {
                        inputs::ContainerFormat::Auto => ContainerFormat::Auto,
                        inputs::ContainerFormat::Docker => ContainerFormat::Docker,
                        inputs::ContainerFormat::Cri => ContainerFormat::Cri,
                    },
                };
                parts.files.push(file_input(number, "container", input, files, format, shared));
            }
            InputKind::Log { files } => {
                parts.files.push(file_input(number, "log", input, files, Format::Lines, shared))
            }
            InputKind::Stdin => parts.stdin.push(stdin_input(number, input, shared)),
        }
    }
    parts.nodes.push(node(Processors { by_input: Some(by_input), global: vec![] }));
    parts.nodes.push(node(Builtins { agent: agent.clone(), slot: b.cx.slot() }));
    let global = steps_of(&filebeat.processors, agent, b);
    if !global.is_empty() {
        parts.nodes.push(node(Processors { by_input: None, global }));
    }
    parts
}

/// A filter without common options.
pub fn node(filter: impl Filter + 'static) -> Node {
    Node::Filter(FilterNode { filter: Box::new(filter), common: CommonOptions::default() })
}

/// What all events of an input share, besides what the reader knows.
#[derive(Clone, Default)]
struct Shared {
    tags: Vec<String>,
    /// Name and value, to be set at the root.
    root: Vec<(String, YamlNode)>,
}

/// Filebeat's order: tags (global, then the input's), then fields (global, then the input's), each under `[fields]` or at
/// the root. The second value is what must come on top of the reader's own fields.
fn shared_fields(filebeat: &Filebeat, input: &InputConfig) -> (Shared, Option<YamlNode>) {
    let mut shared = Shared::default();
    shared.tags.extend(filebeat.tags.iter().chain(&input.tags).map(|t| t.value.clone()));
    let mut late: Vec<crate::config::yaml::Entry> = Vec::new();
    let global_root = filebeat.fields_under_root.as_ref().is_some_and(|f| f.value);
    for (fields, under_root) in [(&filebeat.fields, global_root), (&input.fields, input.fields_under_root())] {
        let Some(fields) = fields else { continue };
        let Yaml::Map(entries) = &fields.value else { continue };
        if !under_root {
            merge(&mut shared.root, "fields", fields);
            continue;
        }
        for entry in entries.iter().filter(|e| input.keep_null || !e.node.is_null()) {
            if READERS_FIELDS.contains(&entry.key.as_str()) || (entry.key == "tags" && !shared.tags.is_empty()) {
                late.push(entry.clone());
            } else {
                merge(&mut shared.root, &entry.key, &entry.node);
            }
        }
    }
    let late = (!late.is_empty()).then(|| YamlNode::new(Yaml::Map(late), input.span));
    (shared, late)
}

fn merge(root: &mut Vec<(String, YamlNode)>, name: &str, node: &YamlNode) {
    match root.iter_mut().find(|(n, _)| n == name) {
        None => root.push((name.to_string(), node.clone())),
        Some((_, old)) => match (&mut old.value, &node.value) {
            (Yaml::Map(old), Yaml::Map(new)) => {
                for entry in new {
                    match old.iter_mut().find(|e| e.key == entry.key) {
                        Some(known) => *known = entry.clone(),
                        None => old.push(entry.clone()),
                    }
                }
            }
            _ => *old = node.clone(),
        },
    }
}

impl Shared {
    fn push<'b>(&self, arena: &'b Arena, entries: &mut Vec<(&'b str, Value<'b>)>) {
        if !self.tags.is_empty() {
            let tags = arena.alloc_slice_fill_with(self.tags.len(), |i| Value::text(arena, &self.tags[i]));
            entries.push(("tags", Value::List(tags)));
        }
        for (name, node) in &self.root {
            let name = &*arena.alloc_str(name);
            let value = with_json(arena, value_of(arena, node));
            entries.push((name, value));
        }
    }
}

fn file_input(
    number: usize,
    kind: &'static str,
    input: &InputConfig,
    files: &Files,
    format: Format,
    shared: Shared,
) -> FileInputConfig {
    let meta = Arc::new(move |info: &crate::input::file::FileInfo<'_>| {
        let path = info.path.to_string_lossy().into_owned();
        let shared = shared.clone();
        SourceMeta::build(path.clone(), move |arena, entries| {
            let file = Value::Map(Map::from_entries(arena, &[("path", Value::text(arena, &path))]));
            let file = with_json(arena, file);
            entries.push(("log", Value::Map(Map::from_entries(arena, &[("file", file)]))));
            let kind = Value::Map(Map::from_entries(arena, &[("type", Value::Str(kind))]));
            entries.push(("input", with_json(arena, kind)));
            shared.push(arena, entries);
            None
        })
    });
    FileInputConfig {
        name: input.id.clone().unwrap_or_else(|| kind.to_string()),
        plan_input: number as u32,
        paths: files.paths.iter().map(|p| p.value.clone()).collect(),
        exclude_files: files.exclude_files.clone(),
        recursive_glob: files.recursive_glob,
        symlinks: files.symlinks,
        format,
        max_bytes: usize::try_from(input.max_bytes).unwrap_or(usize::MAX),
        scan_frequency: files.scan_frequency,
        ignore_older: files.ignore_older,
        close_inactive: files.close_inactive,
        close_removed: files.close_removed,
        close_renamed: files.close_renamed,
        close_eof: files.close_eof,
        close_timeout: files.close_timeout,
        clean_removed: files.clean_removed,
        clean_inactive: files.clean_inactive,
        tail_files: files.tail_files,
        backoff: files.backoff,
        max_backoff: files.max_backoff,
        backoff_factor: files.backoff_factor,
        harvester_limit: files.harvester_limit as usize,
        meta,
    }
}

/// Filebeat's `stdin`: like a file without a path.
fn stdin_input(number: usize, input: &InputConfig, shared: Shared) -> Stdin {
    let finish = move |event: &mut Event<'_>, _: &World| {
        let arena = event.arena();
        event.remove_top("@version");
        let file = Map::from_entries(arena, &[("path", Value::Str(""))]);
        let offset = Value::Int(event.origin.offset as i64);
        let log = Map::from_entries(arena, &[("offset", offset), ("file", Value::Map(file))]);
        event.set_top("log", Value::Map(log));
        let kind = Map::from_entries(arena, &[("type", Value::Str("stdin"))]);
        event.set_top("input", Value::Map(kind));
        let mut entries = Vec::new();
        shared.push(arena, &mut entries);
        for (name, value) in entries {
            event.set_top(name, value);
        }
    };
    Stdin {
        decoder: Box::new(crate::codec::decode::Line::new(false, "\n")),
        finish: Box::new(finish),
        line_bytes_max: usize::try_from(input.max_bytes).unwrap_or(usize::MAX),
        batch_events_max: crate::input::file::config::BATCH_EVENTS_MAX,
        input: number as u32,
    }
}

fn steps_of(configs: &[ProcessorConfig], agent: &Agent, b: &mut Builder<'_, '_>) -> Vec<Step> {
    configs
        .iter()
        .filter_map(|config| {
            let when = config.when.as_ref().map(Test::compile);
            let action = match &config.processor {
                Processor::If { condition, then, otherwise } => Action::If {
                    test: Test::compile(condition),
                    then: steps_of(then, agent, b),
                    otherwise: steps_of(otherwise, agent, b),
                },
                other => Action::Filter(processor(other, agent, b)?),
            };
            Some(Step { when, action })
        })
        .collect()
}

fn processor(config: &Processor, agent: &Agent, b: &mut Builder<'_, '_>) -> Option<Box<dyn Filter>> {
    let slot = b.cx.slot();
    let runtime = b.runtime.clone();
    Some(match config {
        Processor::AddDockerMetadata(c) => Box::new(docker::AddDockerMetadataFilter::new(c.clone(), runtime, slot)),
        Processor::AddHostMetadata(c) => {
            Box::new(host::AddHostMetadataFilter::new(c.clone(), agent.name.clone(), slot))
        }
        Processor::AddCloudMetadata(c) => {
            for provider in &c.providers {
                if !cloud::PROVIDERS.contains(&provider.value.as_str()) {
                    let name = &provider.value;
                    b.cx.report(
                        Diagnostic::error("option-not-yet", format!("the provider `{name}` is not asked yet"))
                            .at(provider.span, "not yet")
                            .help(format!("logdrive asks {}", cloud::PROVIDERS.join(", "))),
                    );
                    return None;
                }
            }
            Box::new(cloud::AddCloudMetadataFilter::new(c.clone(), &b.world, runtime, slot))
        }
        Processor::DecodeJsonFields(c) => Box::new(json::DecodeJsonFieldsFilter::new(c.clone())),
        Processor::AddFields(c) => Box::new(AddFieldsFilter { config: c.clone(), slot }),
        Processor::AddTags(c) => Box::new(AddTagsFilter { config: c.clone() }),
        Processor::DropFields(c) => Box::new(DropFieldsFilter { config: c.clone() }),
        Processor::DropEvent => Box::new(DropEventFilter),
        Processor::If { .. } => unreachable!("taken apart by the caller"),
    })
}

/// The agent's identity: its id is kept in `meta.json` in the data folder, as Filebeat does.
///
/// # Errors
/// The folder cannot be written.
pub fn identity(world: &World, data_dir: &Path, name: Option<&str>) -> std::io::Result<Agent> {
    let path = data_dir.join("meta.json");
    let known = world.fs.read(&path, 64 << 10).ok().and_then(|text| {
        let json: serde_json::Value = serde_json::from_slice(&text).ok()?;
        json["uuid"].as_str().map(str::to_string)
    });
    let id = match known {
        Some(id) => id,
        None => {
            let id = uuid(world);
            let json = serde_json::json!({"uuid": id, "first_start": world.clock.now().to_string()});
            world.fs.replace(&path, json.to_string().as_bytes(), 0o600)?;
            id
        }
    };
    let name = name.map_or_else(host_name, str::to_string);
    Ok(Agent { name, id, ephemeral_id: uuid(world) })
}

/// A random UUID, version 4.
pub fn uuid(world: &World) -> String {
    let (a, b) = (world.random.next_u64(), world.random.next_u64());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:x}{:03x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        8 + ((b >> 62) & 3),
        (b >> 48) & 0xfff,
        b & 0xffff_ffff_ffff
    )
}

/// This machine's name.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
