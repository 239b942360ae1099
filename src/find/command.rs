//! Recognizes build commands, and the caches in their flags.

use std::collections::HashMap;
use std::sync::Arc;

use super::declaration::{CiJob, Direction, Facts};
use super::fields::without_secrets;
use super::script::{Invocation, ScriptWord};
use super::session::{CacheUse, FindSession};
use super::{bake, build_command};
use crate::format::located::Located;
use crate::format::unknown::only_mark;

mod recognize;

pub(in crate::find) use recognize::CommandFlag;
use recognize::{flags_of, recognise};

/// The context of a command.
#[derive(Debug, Clone, Default)]
pub(super) struct CommandContext {
    /// The job, rule or stage; `None` for plain scripts.
    pub(super) target: Option<String>,
    pub(super) job: Option<Arc<CiJob>>,
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
pub(super) fn declare(session: &FindSession<'_>, invocation: &Invocation, around: &CommandContext) {
    if let Some((from, to)) = moved_directory(invocation) {
        session.moves(from, to);
        return;
    }
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
    let reader = CommandReader {
        session,
        tool,
        around,
        facts: Arc::new(Facts {
            command: build_command::written(session, tool, invocation, start, around),
            build: invocation.place(),
            ..build_command::facts(tool, &flags, around)
        }),
        when,
        scripts: &invocation.scripts,
    };
    if tool == Tool::Bake {
        let files = flags
            .iter()
            .filter(|flag| matches!(flag.name.as_str(), "-f" | "--file"));
        let names = files.filter_map(|flag| Some(flag.value.as_ref()?.text.as_str()));
        bake::add_files(session, &around.directory, names);
    }
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

/// Returns what `mv` moves and its new name.
fn moved_directory(invocation: &Invocation) -> Option<(&str, &str)> {
    let words = invocation.slots.iter().map(|slot| match slot.as_slice() {
        [alternative] => match alternative.as_slice() {
            [word] => Some(word.text.as_str()),
            _ => None,
        },
        _ => None,
    });
    let words = words.collect::<Option<Vec<&str>>>()?;
    let words = words.strip_prefix(&["sudo"]).unwrap_or(&words);
    let (first, rest) = words.split_first()?;
    let mut paths = rest.iter().filter(|word| !word.starts_with('-'));
    let pair = (*paths.next()?, *paths.next()?);
    (*first == "mv" && paths.next().is_none()).then_some(pair)
}

struct CommandReader<'a, 'r> {
    session: &'a FindSession<'r>,
    tool: Tool,
    around: &'a CommandContext,
    facts: Arc<Facts>,
    when: Vec<String>,
    /// The files of the script that the command is part of, if another script runs that one.
    scripts: &'a [u32],
}

impl CommandReader<'_, '_> {
    fn emit(&self, item: &ScriptWord, direction: Direction, target: Option<&str>) {
        if self.scripts.contains(&item.text.place().file) {
            return;
        }
        let mut when = self.when.clone();
        for condition in &item.when {
            if !when.contains(condition) {
                when.push(condition.clone());
            }
        }
        self.session.declare(&CacheUse {
            text: &item.text,
            direction,
            tool: self.tool.name(),
            target: target.or(self.around.target.as_deref()),
            when: &when,
            facts: &self.facts,
        });
    }

    fn flag(&self, flag: &CommandFlag, all: &[CommandFlag]) {
        let Some(value) = &flag.value else { return };
        match (self.tool, flag.name.as_str()) {
            (Tool::Bake, "--set") => self.set(value),
            (Tool::Compose, "--build-arg") => {
                let services = all.iter().filter(|flag| flag.name.is_empty());
                let services: Vec<&ScriptWord> =
                    services.filter_map(|flag| flag.value.as_ref()).collect();
                if services.is_empty() {
                    self.inline(value, None);
                }
                for service in services {
                    self.inline(value, Some(service.text.as_str()));
                }
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
                    self.inline(&ScriptWord { text, when }, None);
                }
            }
            _ => {}
        }
    }

    fn inline(&self, argument: &ScriptWord, target: Option<&str>) {
        if let Some(text) = inline_argument(&argument.text) {
            let when = argument.when.clone();
            self.emit(&ScriptWord { text, when }, Direction::Export, target);
        }
    }

    fn set(&self, value: &ScriptWord) {
        declare_override(self.session, value, |item, direction, target| {
            self.emit(item, direction, Some(target));
        });
    }

    fn envd(&self, flags: &[CommandFlag]) {
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
            let given: Vec<&ScriptWord> = flags
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
                let written = self.session.expressed(ignored.text.as_str());
                let hint = without_secrets(&written);
                let hint = Some(format!("Remove `{} {hint}`.", names[0]));
                self.session
                    .remark("flag-twice", ignored.text.place(), message, hint);
            }
            if let Some(last) = given.last() {
                self.emit(last, direction, None);
            }
        }
    }

    fn earthly(&self, flags: &[CommandFlag], environment: &HashMap<String, String>) {
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
                    self.emit(&ScriptWord { text: cache, when }, direction, None);
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
    session: &FindSession<'_>,
    value: &ScriptWord,
    mut emit: impl FnMut(&ScriptWord, Direction, &str),
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
            emit(&ScriptWord { text, when }, Direction::Export, target);
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
    emit(&ScriptWord { text: part, when }, direction, target);
}
