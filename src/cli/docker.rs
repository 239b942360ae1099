//! The program as a plugin of the docker CLI: `docker cachelens …`.
//!
//! The CLI finds a plugin as `docker-NAME` in `~/.docker/cli-plugins`, asks it for its metadata,
//! and runs it with all arguments that docker itself was given, the name of the plugin among them
//! (docker/cli, `cli-plugins/manager`).

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use crate::error::Exit;

/// The file name of the plugin.
const FILE: &str = "docker-cachelens";
/// The name under which docker runs it.
const NAME: &str = "cachelens";
/// The argument by which docker asks for the metadata.
const METADATA: &str = "docker-cli-plugin-metadata";

/// How the program was started.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Invoked {
    /// Docker asks what the plugin is.
    Metadata,
    /// With these arguments, the first being the name of the program.
    Command(Vec<OsString>),
}

/// The answer to docker's question.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PluginMetadata {
    schema_version: &'static str,
    vendor: &'static str,
    version: &'static str,
    short_description: &'static str,
    #[serde(rename = "URL")]
    url: &'static str,
}

/// Returns how the program was started, without what docker adds to the arguments.
pub(super) fn invoked(mut arguments: Vec<OsString>) -> Invoked {
    let name = arguments.first().map(Path::new).and_then(Path::file_stem);
    if name.is_none_or(|name| name != FILE) {
        return Invoked::Command(arguments);
    }
    if arguments
        .get(1)
        .is_some_and(|argument| argument == METADATA)
    {
        return Invoked::Metadata;
    }
    // Flags of docker itself stand before the name: `docker --context ci cachelens du ./cache`.
    if let Some(place) = arguments
        .iter()
        .skip(1)
        .position(|argument| argument == NAME)
    {
        let is_help = arguments[1..=place]
            .iter()
            .any(|argument| argument == "help");
        arguments.drain(1..place + 2);
        // `docker help cachelens` asks for the usage, `docker help cachelens why` for a topic.
        if is_help {
            let help = if arguments.len() > 1 {
                "help"
            } else {
                "--help"
            };
            arguments.insert(1, help.into());
        }
    }
    Invoked::Command(arguments)
}

/// Prints the metadata.
pub(super) fn print_metadata() -> ExitCode {
    let metadata = PluginMetadata {
        schema_version: "0.1.0",
        vendor: "cachelens",
        version: env!("CARGO_PKG_VERSION"),
        short_description: "Open, explain and prune BuildKit remote caches",
        url: env!("CARGO_PKG_REPOSITORY"),
    };
    let printed = serde_json::to_string(&metadata)
        .map_err(std::io::Error::from)
        .and_then(|text| writeln!(std::io::stdout(), "{text}"));
    let exit = if printed.is_ok() {
        Exit::Done
    } else {
        Exit::Failed
    };
    exit.code().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn docker_adds_its_own_arguments() {
        let plugin = "/root/.docker/cli-plugins/docker-cachelens";
        let cases = [
            ("cachelens du cachelens", "cachelens du cachelens"),
            ("docker-cachelens du ./cache", "docker-cachelens du ./cache"),
            (
                "docker-cachelens cachelens du cachelens",
                "docker-cachelens du cachelens",
            ),
            ("docker-cachelens help cachelens", "docker-cachelens --help"),
            (
                "docker-cachelens help cachelens why",
                "docker-cachelens help why",
            ),
            (
                "docker-cachelens --context ci cachelens ls",
                "docker-cachelens ls",
            ),
        ];
        for (given, wanted) in cases {
            assert_eq!(invoked(words(given)), Invoked::Command(words(wanted)));
        }
        let asked = words(&format!("{plugin} {METADATA}"));
        assert_eq!(invoked(asked), Invoked::Metadata);
    }
}
