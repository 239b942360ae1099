//! The command line as clap sees it.

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _};

use super::{Cli, without_cache_flags};

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
    let matches = command().try_get_matches_from(arguments)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command()))
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
