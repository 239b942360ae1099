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
    let name = match command {
        ConfigCommand::Path => "config path",
        ConfigCommand::Print => {
            let (effective, _) = effective(global, output)?;
            found.effective = Some(config::print(&effective, &current_dir()?));
            "config print"
        }
        ConfigCommand::Check => {
            let warnings = found
                .path
                .as_deref()
                .map(config::load)
                .transpose()?
                .map(|loaded| loaded.warnings);
            found.warnings = Some(warnings.iter().flatten().map(ToString::to_string).collect());
            "config check"
        }
    };
    if output.json {
        // As in text output: without a file, only the effective settings are a result.
        let exit = if found.path.is_none() && found.effective.is_none() {
            Exit::Failed
        } else {
            Exit::Done
        };
        return output
            .document(&JsonDocument::new(name, found, &[]))
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
        (None, _, None) => {
            let failure = Failure::message(
                Exit::Failed,
                "there is no configuration file; the defaults are in effect",
            );
            Err(failure.hint("write cachelens.toml here, or in the `cachelens` folder of your configuration directory"))
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
