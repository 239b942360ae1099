//! The command that runs the build of a declaration.

use super::command::{CommandContext, CommandFlag, Tool};
use super::declaration::{Declaration, Facts};
use super::repository::join;
use super::script::{Invocation, ScriptWord};
use super::session::FindSession;
use crate::format::unknown::{has_mark, to_pattern};
use crate::text::secrets;
use crate::text::shell;

/// Files that bake reads without `-f`.
const BAKE_FILES: [&str; 4] = [
    "docker-bake.hcl",
    "docker-bake.json",
    "docker-bake.override.hcl",
    "docker-bake.override.json",
];

/// Files that Compose reads without `-f`.
const COMPOSE_FILES: [&str; 8] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
    "compose.override.yaml",
    "compose.override.yml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// A build command, relative to the searched directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildCommand {
    /// Its words. `{…}` stands for a part that only a build knows.
    pub words: Vec<String>,
    /// Whether the declaration gives all of it.
    pub is_complete: bool,
}

impl BuildCommand {
    /// Returns the command of words, or `None` if one of them is a credential.
    pub(super) fn new(words: Vec<String>, is_complete: bool) -> Option<Self> {
        let command = Self { words, is_complete };
        let text = command.text();
        (secrets::mask(&text) == text).then_some(command)
    }

    /// Returns the command as a line for a shell.
    pub fn text(&self) -> String {
        let words: Vec<_> = self.words.iter().map(|word| shell::word(word)).collect();
        words.join(" ")
    }
}

impl Declaration {
    /// Returns the command that builds a target of bake or a service of Compose.
    pub fn target_command(&self) -> Option<BuildCommand> {
        let target = self.target.as_deref()?;
        if target.contains('*') {
            return None;
        }
        let (program, defaults): (&[&str], &[&str]) = match self.tool.as_str() {
            "bake" => (&["docker", "buildx", "bake"], &BAKE_FILES),
            "compose" => (&["docker", "compose"], &COMPOSE_FILES),
            _ => return None,
        };
        let mut words: Vec<String> = program.iter().map(|word| (*word).to_owned()).collect();
        if !defaults.contains(&self.file.as_str()) {
            words.extend(["-f".to_owned(), self.file.clone()]);
        }
        if self.tool == "compose" {
            words.push("build".to_owned());
        }
        words.push(target.to_owned());
        BuildCommand::new(words, true)
    }

    /// Returns the command of the build. It is not complete where the declaration does not give the
    /// context.
    pub fn build_command(&self) -> Option<BuildCommand> {
        if let Some(command) = &self.facts.command {
            return Some(command.clone());
        }
        if let Some(command) = self.target_command() {
            return Some(command);
        }
        let dockerfile = self.facts.dockerfile.as_deref()?;
        let words = [
            "docker",
            "buildx",
            "build",
            "-f",
            dockerfile,
            "--cache-from",
        ];
        let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        words.extend([self.expression.clone(), ".".to_owned()]);
        BuildCommand::new(words, false)
    }
}

/// Returns what the checks use of a command.
pub(super) fn facts(tool: Tool, flags: &[CommandFlag], around: &CommandContext) -> Facts {
    let value = |names: &[&str]| {
        let flag = flags
            .iter()
            .rfind(|flag| names.contains(&flag.name.as_str()))?;
        Some(flag.value.as_ref()?.text.as_str())
    };
    let mut dockerfile = None;
    if matches!(tool, Tool::DockerBuild | Tool::Buildx | Tool::Nerdctl) {
        let context = flags
            .iter()
            .rfind(|flag| flag.name.is_empty())
            .and_then(|flag| flag.value.as_ref());
        let context = context.map_or("", |item| item.text.as_str());
        let path =
            value(&["-f", "--file"]).map_or_else(|| format!("{context}/Dockerfile"), str::to_owned);
        if !has_mark(&path) {
            dockerfile = join(&around.directory, &path);
        }
    }
    let tags = flags
        .iter()
        .filter(|flag| matches!(flag.name.as_str(), "-t" | "--tag"));
    let words = flags.iter().filter(|flag| flag.name.is_empty());
    let words: Vec<&ScriptWord> = words.filter_map(|flag| flag.value.as_ref()).collect();
    let bakes_only = match words.as_slice() {
        [only] if tool == Tool::Bake => Some(to_pattern(only.text.as_str())),
        _ => None,
    };
    let files = flags
        .iter()
        .filter(|flag| matches!(flag.name.as_str(), "-f" | "--file"));
    let files = files.filter_map(|flag| Some(flag.value.as_ref()?.text.as_str().to_owned()));
    Facts {
        dockerfile,
        bakes_only,
        bake_files: files.collect(),
        tags: tags
            .filter_map(|flag| Some(to_pattern(flag.value.as_ref()?.text.as_str())))
            .collect(),
        job: around.job.clone(),
        in_run_step: true,
        ..Facts::default()
    }
}

/// Returns the command of an invocation. None if it runs in another directory or in a container.
pub(super) fn written(
    session: &FindSession<'_>,
    tool: Tool,
    invocation: &Invocation,
    start: usize,
    around: &CommandContext,
) -> Option<BuildCommand> {
    let program: &[&str] = match tool {
        Tool::DockerBuild => &["docker", "build"],
        Tool::Buildx => &["docker", "buildx", "build"],
        Tool::Bake => &["docker", "buildx", "bake"],
        Tool::Nerdctl => &["nerdctl", "build"],
        Tool::Buildctl => &["buildctl", "build"],
        Tool::Compose | Tool::Envd | Tool::Earthly | Tool::Devcontainer => return None,
    };
    let before = invocation.slots.iter().take(start).flatten().flatten();
    let is_inside = |item: &ScriptWord| matches!(item.text.as_str(), "run" | "exec" | "ssh");
    if !around.directory.is_empty() || before.into_iter().any(is_inside) {
        return None;
    }
    let mut words: Vec<String> = program.iter().map(|word| (*word).to_owned()).collect();
    let mut is_complete = true;
    for slot in invocation.slots.iter().skip(start) {
        is_complete &= slot.len() == 1;
        for item in slot.first().into_iter().flatten() {
            let text = item.text.as_str();
            is_complete &= !has_mark(text);
            words.push(session.expressed(text));
        }
    }
    BuildCommand::new(words, is_complete)
}
