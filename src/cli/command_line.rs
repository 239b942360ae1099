//! The command line as clap sees it.

use std::ffi::OsString;

use clap::{ColorChoice, CommandFactory as _, FromArgMatches as _};

use super::arguments::CliCommand;
use super::json::{JsonDocument, Nothing};
use super::{Cli, without_cache_flags};
use crate::error::{Exit, Failure};

/// Returns the complete command line, for manual pages.
pub(super) fn whole_command() -> clap::Command {
    Cli::command().long_version(super::version::long())
}

/// Returns the command line, without the global flags in short help texts.
pub(super) fn command() -> clap::Command {
    whole_command().mut_args(|argument| {
        let is_global = argument.is_global_set();
        argument.hide_short_help(is_global)
    })
}

pub(super) fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let command = || command().color(color(arguments));
    let matches = command().try_get_matches_from(arguments)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command()))
}

/// Returns the global arguments: those before `--`.
fn global(arguments: &[OsString]) -> impl Iterator<Item = &str> {
    let texts = arguments.iter().skip(1).map_while(|text| text.to_str());
    texts.take_while(|text| *text != "--")
}

/// Returns the value of `--color`, which help and usage errors need before anything is parsed.
fn color(arguments: &[OsString]) -> ColorChoice {
    let mut texts = global(arguments);
    let mut value = None;
    while let Some(text) = texts.next() {
        if text == "--color" {
            value = texts.next();
        } else if let Some(text) = text.strip_prefix("--color=") {
            value = Some(text);
        }
    }
    match value {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

/// Returns the document of a usage error, if the arguments ask for JSON.
pub(super) fn document_of(
    arguments: &[OsString],
    error: &clap::Error,
) -> Option<JsonDocument<Nothing>> {
    if !error.use_stderr() || !global(arguments).any(|text| text == "--json") {
        return None;
    }
    let name = |text: &str| CliCommand::NAMES.into_iter().find(|name| *name == text);
    let command = global(arguments).find_map(name).unwrap_or("ui");
    let text = error.to_string();
    let mut paragraphs = text.split("\n\n").map(one_line);
    let message = paragraphs.next().unwrap_or_default();
    let message = message.trim_start_matches("error: ");
    let failure = Failure::message(Exit::Usage, message);
    let tip = paragraphs.find_map(|line| Some(line.strip_prefix("tip: ")?.to_owned()));
    let failure = match tip {
        Some(tip) => failure.hint(tip),
        None => failure,
    };
    Some(JsonDocument::of_failures(command, &[failure]))
}

fn one_line(paragraph: &str) -> String {
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Checks whether these arguments are well formed; the first one is the name of the program. Uses
/// no files or services.
///
/// # Errors
/// Returns the error as shown to the user.
pub fn check_arguments(arguments: impl IntoIterator<Item = OsString>) -> Result<(), String> {
    let arguments: Vec<OsString> = without_cache_flags(arguments).into_iter().collect();
    match parse(&arguments) {
        Ok(_) => Ok(()),
        Err(error) if !error.use_stderr() => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
