//! `config`: the path of the configuration, the effective settings, and their validation.

use std::path::PathBuf;
use std::{env, io};

use anstream::{AutoStream, ColorChoice};
use clap::Subcommand;
use serde::Serialize;

use super::json::JsonDocument;
use super::output::CommandOutput;
use super::{Color, Global};
use crate::config::{self, Config, ConfigLayer, Consents, Origin, Setting};
use crate::error::{Exit, Failure};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print the path of the configuration file.
    Path,
    /// Print the effective settings, and the origin of each.
    Print,
    /// Check the configuration file, and list all mistakes.
    Check,
}

impl ConfigCommand {
    /// Returns its name in documents.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Path => "config path",
            Self::Print => "config print",
            Self::Check => "config check",
        }
    }
}

#[derive(Serialize)]
struct ConfigPathDocument {
    path: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effective: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Vec<String>>,
}

pub(super) fn run(
    command: &ConfigCommand,
    global: &Global,
    output: &CommandOutput,
) -> Result<Exit, Failure> {
    let path = config::find(global.config.as_deref(), &current_dir()?)?;
    let mut found = ConfigPathDocument {
        path,
        effective: None,
        warnings: None,
    };
    match command {
        ConfigCommand::Path => {}
        ConfigCommand::Print => {
            let (effective, _) = effective(global, output)?;
            found.effective = Some(config::print(&effective, &current_dir()?));
        }
        ConfigCommand::Check => {
            let warnings = found
                .path
                .as_deref()
                .map(config::load)
                .transpose()?
                .map(|loaded| loaded.warnings);
            found.warnings = Some(warnings.iter().flatten().map(ToString::to_string).collect());
        }
    }
    if output.json {
        // As in text output: without a file, there is no path.
        let exit = if found.path.is_none() && matches!(command, ConfigCommand::Path) {
            Exit::Failed
        } else {
            Exit::Done
        };
        return output
            .document(&JsonDocument::new(command.name(), found, &[]))
            .map(|_| exit);
    }
    print_text(found, output)
}

/// Returns the effective settings: defaults, overridden by file, environment and arguments.
pub(super) fn effective(
    global: &Global,
    output: &CommandOutput,
) -> Result<(Config, Consents), Failure> {
    let here = current_dir()?;
    let explicit = global.config.as_deref();
    let path = config::find(explicit, &here)?;
    let is_of_user = path
        .as_deref()
        .is_some_and(|path| config::is_of_user(path, explicit));
    let found = path.as_deref().filter(|_| !is_of_user);
    let consents = Consents::load(config::state_dir(), &config::checkout(&here, found));
    let file = match path {
        Some(path) => {
            let loaded = config::load(&path)?;
            for warning in &loaded.warnings {
                output.warn(&warning.to_string());
            }
            if is_of_user {
                loaded.layer.named()
            } else {
                loaded.layer.judged(|source| consents.judge(source))
            }
        }
        None => ConfigLayer::default(),
    };
    let environment = config::environment(&|name| env::var(name).ok())?;
    let arguments = ConfigLayer {
        theme: global
            .theme
            .map(|value| Setting::new(value, Origin::Argument("--theme"))),
        concurrency: global
            .concurrency
            .map(|value| Setting::new(value, Origin::Argument("--concurrency"))),
        timeout: global
            .timeout
            .map(|value| Setting::new(value, Origin::Argument("--timeout"))),
        keep_state: global
            .no_state
            .then(|| Setting::new(false, Origin::Argument("--no-state"))),
        ..ConfigLayer::default()
    };
    let config = Config::new([file, environment, arguments]);
    let consents = if config.keep_state.value {
        consents
    } else {
        consents.without_keeping()
    };
    Ok((config, consents))
}

/// Returns whether to colour what goes to standard output. `--color` takes precedence over
/// `NO_COLOR`, that over `CLICOLOR_FORCE`, and that over `CLICOLOR` and the kind of terminal.
pub(super) fn uses_color(color: Color) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => AutoStream::choice(&io::stdout()) != ColorChoice::Never,
    }
}

/// Returns the same for standard error.
pub(super) fn uses_color_for_errors(color: Color) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => AutoStream::choice(&io::stderr()) != ColorChoice::Never,
    }
}

const NO_FILE: &str = "there is no configuration file; the defaults are in effect";

fn current_dir() -> Result<PathBuf, Failure> {
    env::current_dir()
        .map_err(|error| Failure::new(Exit::Failed, &error).on("the current directory is gone"))
}

fn print_text(found: ConfigPathDocument, output: &CommandOutput) -> Result<Exit, Failure> {
    let path = found
        .path
        .map(|path| crate::text::escape::visible(&path.to_string_lossy()).into_owned());
    match (found.effective, found.warnings, path) {
        (Some(effective), _, _) => output.text(&effective),
        // Nothing is wrong with the defaults.
        (None, Some(_), None) => output.text(&format!("{NO_FILE}\n")),
        (None, None, None) => {
            let folder = config::user_dir().map_or_else(
                || "the `cachelens` folder of your configuration directory".to_owned(),
                |folder| crate::text::escape::visible(&folder.to_string_lossy()).into_owned(),
            );
            let failure = Failure::message(Exit::Failed, NO_FILE);
            Err(failure.hint(format!("write cachelens.toml here, or in {folder}")))
        }
        (None, None, Some(path)) => output.text(&format!("{path}\n")),
        (None, Some(warnings), Some(path)) => {
            for warning in &warnings {
                output.warn(warning);
            }
            output.text(&format!("{path} is right\n"))
        }
    }
}
