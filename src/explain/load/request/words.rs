//! The words of a command: the wrappers in front of the program, and the program itself.

use super::{Lookup, RequestError};
use crate::find::Tool;
use crate::format::docker_flags;
use crate::format::located::{Located, TextPlace};
use crate::format::shell::{self, Assigned, ShellCommand, VariableChange, Word, WordPart};

/// How many words of a command a message shows.
const MOST_SHOWN: usize = 8;

/// Words in front of a program that run it.
const WRAPPERS: [&str; 9] = [
    "sudo",
    "time",
    "env",
    "exec",
    "command",
    "nice",
    "nohup",
    "doas",
    "caffeinate",
];

/// A command without the words in front of its program.
pub(super) struct CommandLineWords {
    words: Vec<String>,
    assignments: Vec<(String, String)>,
}

/// The program of a command.
pub(super) struct Program<'w> {
    pub(super) tool: Tool,
    /// The words between the program and its subcommand.
    pub(super) global: &'w [String],
    /// The words after the subcommand.
    pub(super) rest: &'w [String],
}

/// Removes assignments and wrappers from the front of a command.
pub(super) fn prepared(
    command: &[String],
    lookup: &Lookup<'_>,
) -> Result<CommandLineWords, RequestError> {
    let mut words = match command {
        [one] if one.contains(char::is_whitespace) => split(one, lookup)?,
        many => many.to_vec(),
    };
    let mut assignments = Vec::new();
    loop {
        let Some(first) = words.first() else {
            return Err(RequestError::Empty);
        };
        if let Some((name, value)) = assignment(first) {
            assignments.push((name, value));
            words.remove(0);
        } else if WRAPPERS.contains(&first.as_str()) {
            words.remove(0);
            while words.first().is_some_and(|word| word.starts_with('-')) {
                let flag = words.remove(0);
                // `sudo -u USER`, `nice -n 5`
                if matches!(flag.as_str(), "-u" | "-g" | "-n" | "-C" | "-S") && !words.is_empty() {
                    words.remove(0);
                }
            }
        } else {
            return Ok(CommandLineWords { words, assignments });
        }
    }
}

fn assignment(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=')?;
    let valid = name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic())
        && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    valid.then(|| (name.to_owned(), value.to_owned()))
}

/// Splits a command given as one word, as a shell would.
fn split(text: &str, lookup: &Lookup<'_>) -> Result<Vec<String>, RequestError> {
    let refused = || RequestError::NotABuild(text.chars().take(80).collect());
    let list = shell::parse(&Located::new(text, TextPlace::default()));
    let [step] = list.as_slice() else {
        return Err(refused());
    };
    let [ShellCommand::Simple(simple)] = step.pipeline.as_slice() else {
        return Err(refused());
    };
    let mut words = Vec::new();
    for assignment in &simple.assignments {
        let Assigned::Scalar(word) = &assignment.value else {
            return Err(refused());
        };
        let value = expanded(word, lookup).ok_or_else(refused)?;
        words.push(format!("{}={value}", assignment.name));
    }
    for word in &simple.words {
        words.push(expanded(word, lookup).ok_or_else(refused)?);
    }
    Ok(words)
}

fn expanded(word: &Word, lookup: &Lookup<'_>) -> Option<String> {
    let mut text = String::new();
    for part in &word.parts {
        match part {
            WordPart::Text { text: part, .. } => text.push_str(part.as_str()),
            WordPart::Variable {
                name,
                change: VariableChange::None,
                ..
            } => {
                text.push_str(&lookup(name).unwrap_or_default());
            }
            _ => return None,
        }
    }
    Some(text)
}

impl CommandLineWords {
    /// Returns the value of a variable that is set in front of the command.
    pub(super) fn assigned(&self, name: &str) -> Option<String> {
        let found = self.assignments.iter().rfind(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    }

    /// Finds the program and its subcommand.
    pub(super) fn program(&self) -> Result<Program<'_>, RequestError> {
        let first = self.words.first().ok_or(RequestError::Empty)?;
        let name = first.rsplit('/').next().unwrap_or(first);
        let rest = &self.words[1..];
        match name {
            "podman" | "buildah" => Err(RequestError::NotBuildKit {
                program: name.to_owned(),
                reason: "Buildah keeps caches of its own, in another form",
            }),
            "kaniko" | "executor" => Err(RequestError::NotBuildKit {
                program: "kaniko".to_owned(),
                reason: "it keeps each layer as an image of its own",
            }),
            "docker" => self.docker(rest),
            "docker-buildx" | "buildx" => self.buildx(rest, &rest[..0]),
            "docker-compose" => self.compose(rest),
            "nerdctl" => match self.docker(rest)? {
                Program {
                    tool: Tool::DockerBuild,
                    global,
                    rest,
                } => Ok(Program {
                    tool: Tool::Nerdctl,
                    global,
                    rest,
                }),
                other => Ok(other),
            },
            "buildctl" | "buildctl-daemonless.sh" => {
                self.after(rest, &["build", "b"], Tool::Buildctl)
            }
            _ => Err(self.not_a_build()),
        }
    }

    fn not_a_build(&self) -> RequestError {
        let mut shown: Vec<&str> = self.words.iter().map(String::as_str).collect();
        if shown.len() > MOST_SHOWN {
            shown.truncate(MOST_SHOWN);
            shown.push("…");
        }
        RequestError::NotABuild(shown.join(" "))
    }

    fn docker<'w>(&self, words: &'w [String]) -> Result<Program<'w>, RequestError> {
        let (at, word) = subcommand(words).ok_or_else(|| self.not_a_build())?;
        let global = &words[..at];
        let rest = &words[at + 1..];
        match word {
            "build" => {
                if self.assigned("DOCKER_BUILDKIT").as_deref() == Some("0") {
                    return Err(RequestError::NotBuildKit {
                        program: "docker build with DOCKER_BUILDKIT=0".to_owned(),
                        reason: "it is the classic builder",
                    });
                }
                Ok(Program {
                    tool: Tool::DockerBuild,
                    global,
                    rest,
                })
            }
            "image" | "builder" => self.after(rest, &["build"], Tool::DockerBuild),
            "buildx" => self.buildx(rest, global),
            "bake" => Ok(Program {
                tool: Tool::Bake,
                global,
                rest,
            }),
            "compose" => self.compose(rest),
            _ => Err(self.not_a_build()),
        }
    }

    fn buildx<'w>(
        &self,
        words: &'w [String],
        global: &'w [String],
    ) -> Result<Program<'w>, RequestError> {
        let (at, word) = subcommand(words).ok_or_else(|| self.not_a_build())?;
        let rest = &words[at + 1..];
        match word {
            "build" | "b" => Ok(Program {
                tool: Tool::Buildx,
                global,
                rest,
            }),
            "bake" | "f" => Ok(Program {
                tool: Tool::Bake,
                global,
                rest,
            }),
            _ => Err(self.not_a_build()),
        }
    }

    /// `build`, and the commands that build before they start services.
    fn compose<'w>(&self, words: &'w [String]) -> Result<Program<'w>, RequestError> {
        let starts = words.iter().any(|word| word == "--build");
        let names: &[&str] = if starts {
            &["up", "create"]
        } else {
            &["build"]
        };
        self.after(words, names, Tool::Compose)
    }

    fn after<'w>(
        &self,
        words: &'w [String],
        names: &[&str],
        tool: Tool,
    ) -> Result<Program<'w>, RequestError> {
        let found = subcommand(words).filter(|(_, word)| names.contains(word));
        let (at, _) = found.ok_or_else(|| self.not_a_build())?;
        Ok(Program {
            tool,
            global: &words[..at],
            rest: &words[at + 1..],
        })
    }
}

/// Returns the first word that is neither a global flag nor its value.
fn subcommand(words: &[String]) -> Option<(usize, &str)> {
    let mut index = 0;
    while let Some(word) = words.get(index) {
        if !word.starts_with('-') {
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
