//! `completions`: a script for a shell, and the hidden `complete` that the scripts call for values
//! that depend on where the user is.

use std::ffi::OsString;

use clap::Args;
use clap_complete::Shell;
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter};

use super::output::CommandOutput;
use crate::error::{Exit, Failure};
use crate::text::escape::visible;

mod values;
mod words;

/// The names that mark an argument as a source.
const SOURCES: [&str; 2] = ["SOURCE", "SOURCE#REF"];

#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// The shell that loads the script.
    shell: Shell,
}

/// The words that a shell has so far.
#[derive(Debug, Args)]
pub(super) struct CompletionWords {
    /// The words of the command line from the program on, the one under the cursor last.
    #[arg(last = true, value_name = "WORD")]
    words: Vec<OsString>,
}

/// Prints the script of a shell.
pub(super) fn run(
    arguments: &CompletionsArguments,
    output: &CommandOutput,
) -> Result<Exit, Failure> {
    match arguments.shell {
        Shell::Bash => output.text(include_str!("../../assets/completions/cachelens.bash")),
        Shell::Zsh => output.text(include_str!("../../assets/completions/cachelens.zsh")),
        Shell::Fish => output.text(include_str!("../../assets/completions/cachelens.fish")),
        shell => {
            let mut script = Vec::new();
            let mut command = super::command_line::command();
            clap_complete::generate(shell, &mut command, "cachelens", &mut script);
            output.raw(&script)
        }
    }
}

/// Prints what may stand in the place of the last word: a value a line, and after a tab what it is.
pub(super) fn complete(words: CompletionWords, output: &CommandOutput) -> Result<Exit, Failure> {
    let Some(last) = words.words.len().checked_sub(1) else {
        return Ok(Exit::Done);
    };
    let mut command = completed(super::command_line::command());
    let here = std::env::current_dir().ok();
    let found = clap_complete::engine::complete(&mut command, words.words, last, here.as_deref());
    let found = found.map_err(|error| Failure::new(Exit::Failed, &error))?;
    let mut text = String::new();
    for candidate in found {
        let value = candidate.get_value().to_string_lossy();
        // A line break or an escape sequence of a store's name would reach the shell.
        if visible(&value) != value {
            continue;
        }
        let help = candidate.get_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        let first = visible(help.lines().next().unwrap_or_default()).into_owned();
        text += &format!("{value}\t{first}\n");
    }
    output.text(&text)
}

/// Adds to each argument that is a source, or has values with fixed names, how these are found.
fn completed(command: clap::Command) -> clap::Command {
    let of = command.get_name().to_owned();
    let command = command.mut_args(|argument| {
        if let Some(list) = words::of(&of, &argument) {
            return argument.add(ArgValueCandidates::new(list));
        }
        let names = argument.get_value_names().unwrap_or_default();
        let is_source = names.iter().any(|name| SOURCES.contains(&name.as_str()));
        if is_source && argument.is_positional() {
            argument.add(ArgValueCompleter::new(values::sources))
        } else {
            argument
        }
    });
    let names: Vec<String> = command
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    names.iter().fold(command, |command, name| {
        command.mut_subcommand(name, completed)
    })
}
