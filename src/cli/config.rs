//! `config`: where the configuration is, what it amounts to, and whether it is right.

use std::env;
use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;

use super::json::Document;
use super::output::Output;
use super::{Color, Global};
use crate::config::{self, Config, Layer, Origin, Setting};
use crate::error::{Exit, Failure};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print where the configuration file is.
    Path,
    /// Print the settings in effect, and where each comes from.
    Print,
    /// Check the configuration file, and list everything that is wrong with it.
    Check,
}

#[derive(Serialize)]
struct Found {
    path: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effective: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Vec<String>>,
}

pub(super) fn run(command: &Command, global: &Global, output: &Output) -> Result<Exit, Failure> {
    let path = config::find(global.config.as_deref(), &current_dir()?)?;
    let mut found = Found { path, effective: None, warnings: None };
    let name = match command {
        Command::Path => "config path",
        Command::Print => {
            found.effective = Some(config::print(&effective(global, output)?, &current_dir()?));
            "config print"
        }
        Command::Check => {
            let warnings = found.path.as_deref().map(config::load).transpose()?.map(|loaded| loaded.warnings);
            found.warnings = Some(warnings.iter().flatten().map(ToString::to_string).collect());
            "config check"
        }
    };
    if output.json {
        // As in text: without a file, only the settings in effect are an answer.
        let exit = if found.path.is_none() && found.effective.is_none() { Exit::Failed } else { Exit::Done };
        return output.document(&Document::new(name, found, &[])).map(|_| exit);
    }
    let path = found.path.map(|path| crate::format::text::visible(&path.to_string_lossy()).into_owned());
    match (found.effective, found.warnings, path) {
        (Some(effective), _, _) => output.text(&effective),
        (None, _, None) => {
            let failure = Failure::message(Exit::Failed, "there is no configuration file; the defaults are in effect");
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

/// Returns the settings in effect: defaults, file, environment and arguments, one over the other.
pub(super) fn effective(global: &Global, output: &Output) -> Result<Config, Failure> {
    let path = config::find(global.config.as_deref(), &current_dir()?)?;
    let file = match path {
        Some(path) => {
            let loaded = config::load(&path)?;
            for warning in &loaded.warnings {
                output.warn(&warning.to_string());
            }
            loaded.layer
        }
        None => Layer::default(),
    };
    let environment = config::environment(&|name| env::var(name).ok())?;
    let arguments = Layer {
        concurrency: global.concurrency.map(|value| Setting::new(value, Origin::Argument("--concurrency"))),
        timeout: global.timeout.map(|value| Setting::new(value, Origin::Argument("--timeout"))),
        ..Layer::default()
    };
    Ok(Config::new([file, environment, arguments]))
}

/// Tells whether the user wants no colours, by `--color` or by the environment.
pub(super) fn refuses_color(color: Color) -> bool {
    match color {
        Color::Always => false,
        Color::Never => true,
        Color::Auto => {
            env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
                || env::var_os("TERM").is_some_and(|term| term == "dumb")
        }
    }
}

fn current_dir() -> Result<PathBuf, Failure> {
    env::current_dir().map_err(|error| Failure::new(Exit::Failed, &error).on("the current directory is gone"))
}
