//! Recognizes the program, the subcommand and the flags of an invocation.

use super::Tool;
use crate::find::script::{ScriptWord, Slot};
use crate::format::docker_flags;
use crate::format::unknown::{has_mark, is_mark, only_mark};

/// A flag with its value, or a word that is no flag.
#[derive(Debug, Clone)]
pub(in crate::find) struct CommandFlag {
    /// The name with its dashes; empty for a word.
    pub(in crate::find) name: String,
    pub(in crate::find) value: Option<ScriptWord>,
}

/// Finds the program and the word after its subcommand.
pub(super) fn recognise(slots: &[Slot]) -> Option<(Tool, usize)> {
    let mut words: Vec<(&str, usize)> = Vec::new();
    let conditions = conditions_of_cache(slots);
    for (index, slot) in slots.iter().enumerate() {
        for item in alternative_under(slot, conditions).into_iter().flatten() {
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
    for (at, (word, index)) in words.iter().enumerate() {
        let mut name = base(word);
        // `npx @devcontainers/cli build`
        if word.starts_with("@devcontainers/cli") {
            "devcontainer".clone_into(&mut name);
        }
        if matches!(
            name.as_str(),
            "podman" | "buildah" | "executor" | "pack" | "werf"
        ) {
            return None;
        }
        let rest = &words[at + 1..];
        if let Some((tool, used)) = program(&name, rest) {
            // A slot that may be empty, such as `${CI:+--push}`, has no word here.
            let last = used.checked_sub(1).and_then(|last| rest.get(last));
            let last = last.map_or(*index, |(_, index)| *index);
            let is_in_last = rest.get(used).is_some_and(|(_, index)| *index == last);
            return Some((tool, if is_in_last { last } else { last + 1 }));
        }
    }
    None
}

/// Returns the conditions of the first flag for a cache.
fn conditions_of_cache(slots: &[Slot]) -> &[String] {
    let mut words = slots.iter().flatten().flatten();
    let flag = words.find(|word| word.text.as_str().starts_with("--cache-"));
    flag.map_or(&[], |word| word.when.as_slice())
}

/// Returns the alternative of a word that has the same conditions, else the first one: a branch may
/// choose the program together with its flags.
fn alternative_under<'s>(slot: &'s Slot, conditions: &[String]) -> Option<&'s Vec<ScriptWord>> {
    let is_under = |words: &&Vec<ScriptWord>| {
        let mut all = words.iter().flat_map(|word| &word.when).peekable();
        all.peek().is_some() && all.all(|condition| conditions.contains(condition))
    };
    slot.iter().find(is_under).or_else(|| slot.first())
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

pub(super) fn docker(words: &[&str]) -> Option<(Tool, usize)> {
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

pub(super) fn buildx(words: &[&str]) -> Option<(Tool, usize)> {
    let (at, word) = first_subcommand(words)?;
    match word {
        "build" | "b" => Some((Tool::Buildx, at + 1)),
        "bake" | "f" => Some((Tool::Bake, at + 1)),
        _ => None,
    }
}

/// Returns the first word that is neither a flag nor the value of a known flag.
fn first_subcommand<'w>(words: &[&'w str]) -> Option<(usize, &'w str)> {
    let mut index = 0;
    while let Some(word) = words.get(index) {
        if !word.starts_with('-') && !word.chars().all(is_mark) {
            return Some((index, word));
        }
        index += if docker_flags::takes_value(word) {
            2
        } else {
            1
        };
    }
    None
}

fn subcommand(words: &[&str], names: &[&str]) -> Option<usize> {
    let (at, word) = first_subcommand(words)?;
    names.contains(&word).then_some(at + 1)
}

/// Reads flags and words. A flag may be in another alternative than its value.
pub(super) fn flags_of(tool: Tool, slots: &[Slot], start: usize) -> Vec<CommandFlag> {
    let mut flags = Vec::new();
    let mut pending: Option<String> = None;
    // Whether the slot of the flag that waits for its value may be empty.
    let mut is_optional = false;
    for slot in slots.iter().skip(start) {
        let mut after = None;
        let may_be_empty = slot.iter().any(Vec::is_empty) && slot.len() > 1;
        for alternative in slot {
            // `${CI:+--flag} ${CI:+value}`: without a value there is no flag.
            if alternative.is_empty() && is_optional && may_be_empty {
                continue;
            }
            let mut waiting = pending.clone();
            for item in alternative {
                let text = item.text.as_str();
                if let Some(name) = waiting.take() {
                    let is_flag = text.starts_with("--") && text.len() > 2;
                    let value = (!is_flag).then(|| item.clone());
                    flags.push(CommandFlag { name, value });
                    if !is_flag {
                        continue;
                    }
                }
                if !text.starts_with('-') || text.len() < 2 {
                    let name = String::new();
                    let value = Some(item.clone());
                    flags.push(CommandFlag { name, value });
                    continue;
                }
                if let Some((name, _)) = text.split_once('=') {
                    let text = item.text.slice(name.len() + 1, item.text.len());
                    let when = item.when.clone();
                    flags.push(CommandFlag {
                        name: name.to_owned(),
                        value: Some(ScriptWord { text, when }),
                    });
                } else if SWITCHES.contains(&text)
                    || has_mark(text)
                    || (tool == Tool::Bake && text == "--no-cache")
                {
                    flags.push(CommandFlag {
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
            is_optional = may_be_empty;
        }
    }
    flags
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
