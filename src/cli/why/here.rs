//! `why` without arguments: the targets that the files of the current directory declare.

use std::path::Path;

use serde::Serialize;

use super::command::quoted;
use crate::cli::json::JsonDocument;
use crate::cli::output::CommandOutput;
use crate::error::{Exit, Failure};
use crate::find::{self, Declaration};
use crate::text::escape::visible;

/// The result of the search.
pub(super) enum TargetSearch {
    /// The command that builds the one target.
    One(Vec<String>),
    /// Several targets, which were listed, or one without a known command.
    Listed(Exit),
}

/// A target, with the command that explains it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct TargetCandidate {
    file: String,
    line: u32,
    tool: String,
    target: Option<String>,
    /// The command to type.
    command: String,
    /// The command that builds it, if the files contain it.
    #[serde(skip)]
    build: Option<Vec<String>>,
}

#[derive(Serialize)]
struct TargetCandidates {
    candidates: Vec<TargetCandidate>,
}

/// Finds the single target of the current directory, or lists all targets.
pub(super) fn command(output: &CommandOutput) -> Result<TargetSearch, Failure> {
    let found = find::find(Path::new(".")).map_err(|error| {
        Failure::new(Exit::Failed, &error).on("the current directory cannot be searched")
    })?;
    let mut candidates: Vec<TargetCandidate> = Vec::new();
    for declaration in found
        .declared
        .iter()
        .filter(|found| !found.facts.is_abstract)
    {
        let candidate = TargetCandidate::of(declaration);
        let is_same = |known: &&mut TargetCandidate| {
            (&known.tool, &known.target, &known.file)
                == (&candidate.tool, &candidate.target, &candidate.file)
                && known.build == candidate.build
        };
        match candidates.iter_mut().find(is_same) {
            Some(known) if known.build.is_none() && declaration.direction.imports() => {
                known.command = candidate.command;
            }
            Some(_) => {}
            None => candidates.push(candidate),
        }
    }
    match candidates.as_slice() {
        [] => {
            let message = "no source is named, and no file here declares a cache";
            let failure = Failure::message(Exit::Usage, message);
            Err(failure.hint("name the cache, as in `cachelens why SOURCE#REF`, or give the build command: `cachelens why -- docker buildx build …`"))
        }
        [
            TargetCandidate {
                build: Some(build), ..
            },
        ] => Ok(TargetSearch::One(build.clone())),
        _ if output.json => {
            output.document(&JsonDocument::new(
                "why",
                TargetCandidates { candidates },
                &[],
            ))?;
            Ok(TargetSearch::Listed(Exit::Usage))
        }
        several => {
            output.text(&listed(several))?;
            Ok(TargetSearch::Listed(Exit::Usage))
        }
    }
}

impl TargetCandidate {
    fn of(declaration: &Declaration) -> Self {
        let complete = declaration
            .build_command()
            .filter(|command| command.is_complete);
        let build = complete.map(|command| command.words);
        let command = match &build {
            Some(build) => {
                let words: Vec<String> = build.iter().map(|word| quoted(word)).collect();
                format!("cachelens why -- {}", words.join(" "))
            }
            None => {
                let dockerfile = declaration.facts.dockerfile.as_deref();
                let dockerfile = dockerfile.unwrap_or("Dockerfile");
                format!(
                    "cachelens why {} -f {} --context .",
                    quoted(&declaration.cache),
                    quoted(dockerfile)
                )
            }
        };
        Self {
            file: declaration.file.clone(),
            line: declaration.line,
            tool: declaration.tool.clone(),
            target: declaration.target.clone(),
            command,
            build,
        }
    }
}

fn listed(candidates: &[TargetCandidate]) -> String {
    let mut text = match candidates.len() {
        1 => "One build is declared here, but not all of its arguments are. Type:\n".to_owned(),
        count => format!("{count} targets are declared here. Type one of:\n"),
    };
    for candidate in candidates {
        let place = format!("{}:{}", candidate.file, candidate.line);
        text += &format!("  {}\n", visible(&candidate.command));
        let target = candidate.target.as_deref().unwrap_or("a build");
        text += &format!("      {} in {}\n", visible(target), visible(&place));
    }
    text
}
