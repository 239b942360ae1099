//! Recognizes build commands, and the caches in their flags.

use std::collections::HashMap;
use std::sync::Arc;

use super::build_command;
use super::declaration::{Direction, Facts, Job};
use super::script::{Invocation, Item, Slot};
use super::session::{Session, Use};
use crate::format::located::Located;
use crate::format::unknown::{has_mark, is_mark, only_mark};

/// The context of a command.
#[derive(Debug, Clone, Default)]
pub(super) struct Surroundings {
    /// The job, rule or stage; `None` for plain scripts.
    pub(super) target: Option<String>,
    pub(super) job: Option<Arc<Job>>,
    /// The directory of the command, if known.
    pub(super) directory: String,
    /// The conditions under which the command runs.
    pub(super) when: Vec<String>,
    /// Whether the classic builder is enabled for all commands.
    pub(super) classic: bool,
}

/// A program that builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    DockerBuild,
    Buildx,
    Bake,
    Compose,
    Buildctl,
    Nerdctl,
    Envd,
    Earthly,
    Devcontainer,
}

impl Tool {
    /// Returns its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::DockerBuild => "docker build",
            Self::Buildx => "docker buildx",
            Self::Bake => "docker buildx bake",
            Self::Compose => "compose",
            Self::Buildctl => "buildctl",
            Self::Nerdctl => "nerdctl",
            Self::Envd => "envd",
            Self::Earthly => "earthly",
            Self::Devcontainer => "devcontainer",
        }
    }
}

/// Declares the caches of a command.
pub(super) fn declare(session: &Session<'_>, invocation: &Invocation, around: &Surroundings) {
    let Some((tool, start)) = recognise(&invocation.slots) else {
        return;
    };
    let docker = matches!(tool, Tool::DockerBuild | Tool::Compose);
    let setting = invocation
        .environment
        .get("DOCKER_BUILDKIT")
        .map(String::as_str);
    if docker && (setting == Some("0") || (setting.is_none() && around.classic)) {
        return;
    }
    let flags = flags_of(tool, &invocation.slots, start);
    let mut when = around.when.clone();
    when.extend(invocation.when.iter().cloned());
    let reader = Reader {
        session,
        tool,
        around,
        facts: Arc::new(Facts {
            command: build_command::written(session, tool, invocation, start, around),
            ..build_command::facts(tool, &flags, around)
        }),
        when,
    };
    match tool {
        Tool::Envd => reader.envd(&flags),
        Tool::Earthly => reader.earthly(&flags, &invocation.environment),
        _ => {
            for flag in &flags {
                reader.flag(flag, &flags);
            }
        }
    }
}

/// A flag with its value, or a word that is no flag.
#[derive(Debug, Clone)]
pub(super) struct Flag {
    /// The name with its dashes; empty for a word.
    pub(super) name: String,
    pub(super) value: Option<Item>,
}

struct Reader<'a, 'r> {
    session: &'a Session<'r>,
    tool: Tool,
    around: &'a Surroundings,
    facts: Arc<Facts>,
    when: Vec<String>,
}

impl Reader<'_, '_> {
    fn emit(&self, item: &Item, direction: Direction, target: Option<&str>) {
        let mut when = self.when.clone();
        for condition in &item.when {
            if !when.contains(condition) {
                when.push(condition.clone());
            }
        }
        self.session.declare(&Use {
            text: &item.text,
            direction,
            tool: self.tool.name(),
            target: target.or(self.around.target.as_deref()),
            when: &when,
            facts: &self.facts,
        });
    }

    fn flag(&self, flag: &Flag, all: &[Flag]) {
        let Some(value) = &flag.value else { return };
        match (self.tool, flag.name.as_str()) {
            (Tool::Bake, "--set") => self.set(value),
            (Tool::Compose, "--build-arg") => {
                let service = all
                    .iter()
                    .rfind(|f| f.name.is_empty())
                    .and_then(|f| f.value.as_ref());
                self.inline(value, service.map(|item| item.text.as_str()));
            }
            (Tool::Bake | Tool::Compose, _) => {}
            (_, "--cache-from" | "--import-cache") => self.emit(value, Direction::Import, None),
            (_, "--cache-to" | "--export-cache") => self.emit(value, Direction::Export, None),
            (_, "--build-arg") => self.inline(value, None),
            (Tool::Buildctl, "--opt") => {
                if let Some(argument) = value.text.as_str().strip_prefix("build-arg:") {
                    let from = value.text.len() - argument.len();
                    let text = value.text.slice(from, value.text.len());
                    let when = value.when.clone();
                    self.inline(&Item { text, when }, None);
                }
            }
            _ => {}
        }
    }

    fn inline(&self, argument: &Item, target: Option<&str>) {
        if let Some(text) = inline_argument(&argument.text) {
            let when = argument.when.clone();
            self.emit(&Item { text, when }, Direction::Export, target);
        }
    }

    fn set(&self, value: &Item) {
        declare_override(self.session, value, |item, direction, target| {
            self.emit(item, direction, Some(target));
        });
    }

    fn envd(&self, flags: &[Flag]) {
        let names: [(&[&str], Direction); 2] = [
            (
                &["--export-cache", "--ec", "-export-cache", "-ec"],
                Direction::Export,
            ),
            (
                &["--import-cache", "--ic", "-import-cache", "-ic"],
                Direction::Import,
            ),
        ];
        for (names, direction) in names {
            let given: Vec<&Item> = flags
                .iter()
                .filter(|f| names.contains(&f.name.as_str()))
                .filter_map(|f| f.value.as_ref())
                .collect();
            if let [ignored, ..] = given.as_slice()
                && given.len() > 1
            {
                let message = format!(
                    "envd reads {} once: of {} only the last counts.",
                    names[0],
                    given.len()
                );
                let hint = Some("Remove the flags that are not read.".to_owned());
                self.session
                    .remark("flag-twice", ignored.text.place(), message, hint);
            }
            if let Some(last) = given.last() {
                self.emit(last, direction, None);
            }
        }
    }

    fn earthly(&self, flags: &[Flag], environment: &HashMap<String, String>) {
        let has = |name: &str| flags.iter().any(|flag| flag.name == name);
        let pushes = has("--push") || environment.get("EARTHLY_PUSH").is_some_and(|v| v == "true");
        let max = has("--max-remote-cache");
        for flag in flags {
            let Some(value) = &flag.value else { continue };
            match flag.name.as_str() {
                "--cache-from" => self.emit(value, Direction::Import, None),
                "--remote-cache" => {
                    let mut text = value.text.clone();
                    let end = text.as_str().find(',').unwrap_or(text.len());
                    text = text.slice(0, end);
                    let mut cache = Located::new("type=registry,ref=", text.place());
                    cache.push(&text);
                    if max && pushes {
                        cache.push_str(",mode=max", text.place());
                    }
                    let direction = if pushes {
                        Direction::Both
                    } else {
                        Direction::Import
                    };
                    let when = value.when.clone();
                    self.emit(&Item { text: cache, when }, direction, None);
                }
                _ => {}
            }
        }
    }
}

/// Converts `BUILDKIT_INLINE_CACHE=1` to a cache.
pub(super) fn inline_argument(argument: &Located) -> Option<Located> {
    let value = argument
        .as_str()
        .trim()
        .strip_prefix("BUILDKIT_INLINE_CACHE=")?;
    is_truthy(value.trim().trim_matches(['"', '\''])).then(|| argument.with_text("type=inline"))
}

/// Whether a value of `BUILDKIT_INLINE_CACHE` is true for BuildKit, or unknown.
pub(super) fn is_truthy(value: &str) -> bool {
    matches!(value, "1" | "t" | "T" | "true" | "True" | "TRUE") || only_mark(value).is_some()
}

/// Declares an override of bake: `pattern.key=value` or `pattern.key+=value`.
pub(super) fn declare_override(
    session: &Session<'_>,
    value: &Item,
    mut emit: impl FnMut(&Item, Direction, &str),
) {
    let text = value.text.as_str();
    let Some(equals) = text.find('=') else { return };
    let key = text[..equals].trim_end_matches('+').trim();
    let quoted = key.starts_with(['"', '\'']);
    if quoted {
        let message =
            "Quotes in an override are part of its text, so no target matches it.".to_owned();
        let corrected = session.expressed(text.trim().trim_matches(['"', '\'']));
        session.remark(
            "quoted-override",
            value.text.place(),
            message,
            Some(format!("Write {corrected}")),
        );
        return;
    }
    let part = value.text.slice(equals + 1, text.len());
    if let Some((target, argument)) = key.split_once(".args.") {
        let whole = part.with_text(format!("{argument}={}", part.as_str()));
        if let Some(text) = inline_argument(&whole) {
            let when = value.when.clone();
            emit(&Item { text, when }, Direction::Export, target);
        }
        return;
    }
    let Some((target, attribute)) = key.rsplit_once('.') else {
        return;
    };
    let direction = match attribute {
        "cache-from" => Direction::Import,
        "cache-to" => Direction::Export,
        _ => return,
    };
    let when = value.when.clone();
    emit(&Item { text: part, when }, direction, target);
}

/// Finds the program and the word after its subcommand.
fn recognise(slots: &[Slot]) -> Option<(Tool, usize)> {
    let mut words: Vec<(&str, usize)> = Vec::new();
    for (index, slot) in slots.iter().enumerate() {
        for item in slot.first().into_iter().flatten() {
            words.push((item.text.as_str(), index));
        }
    }
    // A recipe of Make that another recipe calls keeps its `@`.
    let base = |word: &str| {
        word.rsplit('/')
            .next()
            .unwrap_or(word)
            .trim_end_matches(".exe")
            .trim_start_matches('@')
            .to_owned()
    };
    for (at, (word, _)) in words.iter().enumerate() {
        let name = base(word);
        if matches!(
            name.as_str(),
            "podman" | "buildah" | "executor" | "pack" | "werf"
        ) {
            return None;
        }
        let rest = &words[at + 1..];
        if let Some((tool, used)) = program(&name, rest) {
            let start = rest.get(used).map_or(slots.len(), |(_, index)| *index);
            return Some((tool, start));
        }
    }
    None
}

/// Recognizes a program by its name and the words after it. Returns how many of them are used.
fn program(name: &str, rest: &[(&str, usize)]) -> Option<(Tool, usize)> {
    let words: Vec<&str> = rest.iter().map(|(word, _)| *word).collect();
    let opaque = only_mark(name).is_some();
    match name {
        "docker" | "docker.io" => docker(&words),
        "docker-buildx" | "buildx" => buildx(&words),
        "docker-compose" => subcommand(&words, &["build"]).map(|used| (Tool::Compose, used)),
        "docker-bake" => Some((Tool::Bake, 0)),
        "buildctl" | "buildctl-daemonless.sh" => {
            subcommand(&words, &["build", "b"]).map(|used| (Tool::Buildctl, used))
        }
        "nerdctl" | "finch" => {
            let (tool, used) = docker(&words)?;
            (tool == Tool::DockerBuild || tool == Tool::Buildx).then_some((Tool::Nerdctl, used))
        }
        "envd" => subcommand(&words, &["build", "b", "up", "u"]).map(|used| (Tool::Envd, used)),
        "earthly" | "earth" => Some((Tool::Earthly, 0)),
        "devcontainer" => {
            subcommand(&words, &["build", "up"]).map(|used| (Tool::Devcontainer, used))
        }
        "depot" => subcommand(&words, &["build"]).map(|used| (Tool::Buildx, used)),
        _ if opaque => docker(&words),
        _ => None,
    }
}

fn docker(words: &[&str]) -> Option<(Tool, usize)> {
    let (at, word) = first_subcommand(words)?;
    match word {
        "build" => Some((Tool::DockerBuild, at + 1)),
        "image" | "builder" => {
            let used = subcommand(&words[at + 1..], &["build"])?;
            Some((Tool::DockerBuild, at + 1 + used))
        }
        "buildx" => buildx(&words[at + 1..]).map(|(tool, used)| (tool, at + 1 + used)),
        "bake" => Some((Tool::Bake, at + 1)),
        "compose" => {
            let used = subcommand(&words[at + 1..], &["build"])?;
            Some((Tool::Compose, at + 1 + used))
        }
        "run" | "exec" => {
            // A container with buildctl or buildx: the flags are those of the program inside.
            let inner = words.iter().position(|word| {
                let name = word.rsplit('/').next().unwrap_or(word);
                matches!(name, "buildctl" | "buildctl-daemonless.sh" | "buildx")
            })?;
            let used = words[inner..].iter().position(|word| *word == "build")?;
            let is_buildx = words[inner].ends_with("buildx");
            let tool = if is_buildx {
                Tool::Buildx
            } else {
                Tool::Buildctl
            };
            Some((tool, inner + used + 1))
        }
        _ => None,
    }
}

fn buildx(words: &[&str]) -> Option<(Tool, usize)> {
    let (at, word) = first_subcommand(words)?;
    match word {
        "build" | "b" => Some((Tool::Buildx, at + 1)),
        "bake" | "f" => Some((Tool::Bake, at + 1)),
        _ => None,
    }
}

/// Returns the first word that is neither a flag nor the value of a known flag.
fn first_subcommand<'w>(words: &[&'w str]) -> Option<(usize, &'w str)> {
    let valued = [
        "--context",
        "-c",
        "--host",
        "-H",
        "--config",
        "--log-level",
        "-l",
        "--builder",
        "-f",
        "--file",
        "-p",
        "--project-name",
        "--profile",
        "--env-file",
        "--project-directory",
        "--ansi",
        "--progress",
        "--namespace",
        "-n",
        "--address",
        "-a",
        "--addr",
        "--tlscacert",
        "--tlscert",
        "--tlskey",
        "--cpus",
        "--host",
    ];
    let mut index = 0;
    while let Some(word) = words.get(index) {
        if !word.starts_with('-') && !word.chars().all(is_mark) {
            return Some((index, word));
        }
        index += if valued.contains(word) { 2 } else { 1 };
    }
    None
}

fn subcommand(words: &[&str], names: &[&str]) -> Option<usize> {
    let (at, word) = first_subcommand(words)?;
    names.contains(&word).then_some(at + 1)
}

/// Flags without a value; others take the next word as their value.
const SWITCHES: [&str; 24] = [
    "--push",
    "--load",
    "--pull",
    "--no-cache",
    "--rm",
    "--force-rm",
    "-q",
    "--quiet",
    "--squash",
    "--compress",
    "--print",
    "--check",
    "--debug",
    "-D",
    "--help",
    "--max-remote-cache",
    "--ci",
    "-P",
    "--allow-privileged",
    "--no-output",
    "--strict",
    "--with-dependencies",
    "--use",
    "--save",
];

/// Reads flags and words. A flag may be in another alternative than its value.
fn flags_of(tool: Tool, slots: &[Slot], start: usize) -> Vec<Flag> {
    let mut flags = Vec::new();
    let mut pending: Option<String> = None;
    for slot in slots.iter().skip(start) {
        let mut after = None;
        for alternative in slot {
            let mut waiting = pending.clone();
            for item in alternative {
                let text = item.text.as_str();
                if let Some(name) = waiting.take() {
                    let is_flag = text.starts_with("--") && text.len() > 2;
                    let value = (!is_flag).then(|| item.clone());
                    flags.push(Flag { name, value });
                    if !is_flag {
                        continue;
                    }
                }
                if !text.starts_with('-') || text.len() < 2 {
                    let name = String::new();
                    let value = Some(item.clone());
                    flags.push(Flag { name, value });
                    continue;
                }
                if let Some((name, value)) = text.split_once('=') {
                    let text = item
                        .text
                        .slice(name.len() + 1, name.len() + 1 + value.len());
                    let when = item.when.clone();
                    flags.push(Flag {
                        name: name.to_owned(),
                        value: Some(Item { text, when }),
                    });
                } else if SWITCHES.contains(&text)
                    || has_mark(text)
                    || (tool == Tool::Bake && text == "--no-cache")
                {
                    flags.push(Flag {
                        name: text.to_owned(),
                        value: None,
                    });
                } else {
                    waiting = Some(text.to_owned());
                }
            }
            if waiting.is_some() && !(alternative.is_empty() && pending.is_none()) {
                after = waiting;
            }
        }
        if !slot.is_empty() {
            pending = after;
        }
    }
    flags
}
