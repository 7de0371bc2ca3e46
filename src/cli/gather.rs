//! From a job to configurations: reads every file, every flag, and keeps all findings.

use super::args::{Job, Task};
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::filebeat::{self, Filebeat};
use crate::config::load::{self, Files, Kind, Loaded};
use crate::config::logstash::{self, ast};
use crate::config::logstash_settings::{self, IllegalTags, Settings, StoragePolicy};
use crate::config::source::{FileId, SourceMap, Span};
use crate::config::variables::Variables;
use crate::input::file::prospector::Prospector;
use crate::input::file::{FileInputConfig, Format};
use crate::world::World;
use crate::world::fs::FileKind;
use std::io;
use std::path::{Path, PathBuf};

/// Of one YAML file.
const SETTINGS_BYTES_MAX: usize = 16 << 20;
/// Links of `/etc/localtime` and the like.
const FILEBEAT_DIRS: [&str; 2] = ["/usr/share/filebeat", "/etc/filebeat"];

/// Everything that was given, read.
pub struct Gathered {
    pub sources: SourceMap,
    pub diagnostics: Vec<Diagnostic>,
    pub filebeat: Option<Filebeat>,
    pub logstash: Option<Vec<ast::Config>>,
    pub default_input: bool,
    pub default_output: bool,
    pub settings: Settings,
}

/// Looks up a variable of the environment; one that is not UTF-8 counts as unset.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// How bad an unset variable is for a task: `check` may look at a configuration for another machine.
pub fn undefined_is(task: Task) -> Severity {
    if matches!(task, Task::Check(_)) { Severity::Warning } else { Severity::Error }
}

/// The variables of plugins' options.
pub fn variables(task: Task) -> Variables<'static> {
    Variables { lookup: &environment, undefined: undefined_is(task) }
}

/// Reads all of it.
pub fn gather(job: &Job, world: &World) -> Gathered {
    let mut g = Gathered {
        sources: SourceMap::new(),
        diagnostics: vec![],
        filebeat: None,
        logstash: None,
        default_input: false,
        default_output: false,
        settings: Settings::default(),
    };
    g.settings(job, world);
    if job.has_agent() {
        g.agent(job, world);
    }
    g.processor(job, world);
    g.unfinished();
    g.otherwise();
    if !job.has_agent() && g.logstash.is_none() && g.diagnostics.is_empty() {
        g.diagnostics.push(
            Diagnostic::error("nothing-to-run", "no configuration was given")
                .help("give a filebeat.yml with `-c`, a logstash.conf with `-f`, or both"),
        );
    }
    g
}

impl Gathered {
    fn read(&mut self, path: &Path, world: &World) -> Option<FileId> {
        let read = |p: &Path| world.fs.read(p, SETTINGS_BYTES_MAX);
        let list = |_: &Path| Err(io::Error::from(io::ErrorKind::Unsupported));
        let kind = |p: &Path| kind_of(world, p);
        load::read(path, &Files { read: &read, list: &list, kind: &kind }, &mut self.sources, &mut self.diagnostics)
    }

    /// logstash.yml, then the flags.
    fn settings(&mut self, job: &Job, world: &World) {
        if let Some(dir) = &job.settings_dir {
            let file = dir.join("logstash.yml");
            if world.fs.stat(&file).is_ok() {
                if let Some(id) = self.read(&file, world) {
                    let (settings, found) = logstash_settings::read(&self.sources, id, &environment);
                    self.settings = settings;
                    self.diagnostics.extend(found);
                }
            } else if world.fs.stat(dir).is_err() {
                self.diagnostics.push(
                    Diagnostic::error("config-not-found", format!("there is no folder `{}`", dir.display()))
                        .help("`--path.settings` names the folder that holds logstash.yml"),
                );
            }
        }
        for (name, value) in &job.logstash_settings {
            let flag = format!("--{name} ");
            let id = self.sources.add("command line", format!("{flag}{value}"));
            let span = Span::new(id, flag.len(), flag.len() + value.len());
            if let Err(finding) = self.settings.set(name, value, span) {
                self.diagnostics.push(*finding);
            }
        }
        if job.reload {
            let id = self.sources.add("command line", "--config.reload.automatic");
            let span = Span::new(id, 0, "--config.reload.automatic".len());
            if let Err(finding) = self.settings.set("config.reload.automatic", "true", span) {
                self.diagnostics.push(*finding);
            }
        }
    }

    /// Settings whose wish is met in another way; files that hold them must run unchanged.
    fn otherwise(&mut self) {
        let mut differs = |name: &str, how: &str| {
            let message = format!("`{name}` has no effect here: {how}");
            self.diagnostics.push(Diagnostic::warning("setting-not-done", message));
        };
        if self.settings.dead_letter_queue.enable == Some(false) {
            differs(
                "dead_letter_queue.enable: false",
                "an event that can go nowhere is always kept in the dead letter file",
            );
        }
        if self.settings.path_logs.is_some() {
            differs("path.logs", "the running log is on stderr");
        }
    }

    /// Settings that were read and that nothing here acts on yet: said, never ignored.
    fn unfinished(&mut self) {
        let mut not_yet = |name: &str, why: &str| {
            let message = format!("logdrive does not do `{name}` yet");
            self.diagnostics.push(Diagnostic::error("option-not-yet", message).note(why));
        };
        let settings = &self.settings;
        if settings.event_api_tags_illegal == IllegalTags::Warn {
            not_yet("event_api.tags.illegal: warn", "tags of the wrong type are moved to `_tags`, as by default");
        }
        if settings.dead_letter_queue.storage_policy == StoragePolicy::DropOlder {
            not_yet(
                "dead_letter_queue.storage_policy: drop_older",
                "a full dead letter file takes no more, as by default",
            );
        }
        if let Some(filebeat) = &self.filebeat {
            if filebeat.registry.path != Path::new("registry") {
                not_yet("filebeat.registry.path", "the registry is the folder `registry` below `path.data`");
            }
            if filebeat.registry.file_permissions != 0o600 {
                not_yet("filebeat.registry.file_permissions", "the registry is made with 0600");
            }
        }
    }

    fn agent(&mut self, job: &Job, world: &World) {
        let mut files = Vec::new();
        for path in &job.filebeat_files {
            if let Some(id) = self.read(path, world) {
                files.push(id);
                if job.strict_perms {
                    self.permissions(path, world);
                }
            }
        }
        if files.is_empty() {
            return;
        }
        let mut overrides: Vec<FileId> =
            job.filebeat_settings.iter().map(|s| self.sources.add("-E", s.as_str())).collect();
        if let Some(data) = &job.path_data {
            overrides.push(self.sources.add("--path.data", format!("path.data={}", data.display())));
        }
        let home = job.path_home.clone().unwrap_or_else(|| default_home(world));
        let home = home.display().to_string();
        let (filebeat, found) = filebeat::parse(&self.sources, &files, &overrides, &home, &environment);
        // of a text that could not be read nothing can be said to be missing
        let unread = self.diagnostics.iter().chain(&found).any(|d| d.id == "yaml-syntax");
        self.diagnostics.extend(found.into_iter().filter(|d| !unread || !matches!(d.id, "no-inputs" | "no-output")));
        for included in &filebeat.included {
            let pattern = &included.glob.value;
            let path = if Path::new(pattern).is_absolute() {
                PathBuf::from(pattern)
            } else {
                filebeat.paths.config.value.join(pattern)
            };
            let pattern = path.to_string_lossy().into_owned();
            let meta = crate::input::file::config::plain_meta("log");
            let lookup = FileInputConfig::new(included.option, vec![pattern], Format::Lines, meta);
            let matched = Prospector::new(std::slice::from_ref(&lookup))
                .ok()
                .and_then(|p| p.scan(&*world.fs).files.into_iter().next())
                .map(|found| found.path);
            if let Some(file) = matched {
                self.diagnostics.push(included.found(&file.display().to_string()));
            }
        }
        self.filebeat = Some(filebeat);
    }

    /// Filebeat refuses a file that others may write; files named for `logdrive` itself are only warned of.
    fn permissions(&mut self, path: &Path, world: &World) {
        let Ok(stat) = world.fs.stat(path) else { return };
        if stat.mode & 0o022 != 0 {
            self.diagnostics.push(
                Diagnostic::warning(
                    "config-writable",
                    format!("`{}` can be written by others than its owner", path.display()),
                )
                .note("Filebeat refuses to start with such a file")
                .help(format!("chmod go-w {}   (or --strict.perms=false)", path.display())),
            );
        }
    }

    fn processor(&mut self, job: &Job, world: &World) {
        let path = job.logstash_path.clone().or_else(|| self.settings.path_config.as_ref().map(|p| p.value.clone()));
        let text =
            job.logstash_string.clone().or_else(|| self.settings.config_string.as_ref().map(|p| p.value.clone()));
        let mut loaded = Loaded::default();
        if let Some(text) = &text {
            let given = load::load_string(text, &mut self.sources);
            loaded.files.extend(given.files);
            loaded.default_input = given.default_input && path.is_none();
            loaded.default_output = given.default_output && path.is_none();
        }
        if let Some(path) = &path {
            let read = |p: &Path| world.fs.read(p, load::CONFIG_SIZE_BYTES_MAX);
            let list = |p: &Path| {
                let entries = world.fs.list(p)?;
                Ok(entries.into_iter().filter_map(|e| e.name.into_string().ok()).collect())
            };
            let kind = |p: &Path| kind_of(world, p);
            let files = Files { read: &read, list: &list, kind: &kind };
            let given = load::load_path(path, &files, &mut self.sources, &mut self.diagnostics);
            loaded.files.extend(given.files);
        }
        if text.is_none() && path.is_none() {
            return;
        }
        let mut configs = Vec::new();
        for id in loaded.files {
            let (config, found) =
                logstash::parse(id, &self.sources.file(id).text, self.settings.config_support_escapes);
            self.diagnostics.extend(found);
            configs.push(config);
        }
        self.logstash = Some(configs);
        self.default_input = loaded.default_input;
        self.default_output = loaded.default_output;
    }
}

fn kind_of(world: &World, path: &Path) -> io::Result<Kind> {
    Ok(match world.fs.stat(path)?.kind {
        FileKind::Dir => Kind::Folder,
        FileKind::File => Kind::File,
        // a pipe is read as a file is: `-f <(...)`
        FileKind::Other | FileKind::Symlink => Kind::File,
    })
}

/// `path.home` where nobody says: the folder of an installed Filebeat, else the state folder of this program.
fn default_home(world: &World) -> PathBuf {
    FILEBEAT_DIRS.iter().map(PathBuf::from).find(|dir| world.fs.stat(dir).is_ok()).unwrap_or_else(default_data_dir)
}

/// Where state lies by default: `/var/lib/logdrive` for root, else a folder in the user's home.
pub fn default_data_dir() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/lib/logdrive");
    }
    match (environment("XDG_STATE_HOME"), environment("HOME")) {
        (Some(state), _) if !state.is_empty() => PathBuf::from(state).join("logdrive"),
        (_, Some(home)) => PathBuf::from(home).join(".local/state/logdrive"),
        _ => PathBuf::from(".logdrive"),
    }
}
