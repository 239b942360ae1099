//! The requests of a build command.

use std::path::PathBuf;

use serde::Serialize;

use crate::cli::json::JsonDocument;
use crate::cli::output::CommandOutput;
use crate::error::{Exit, Failure};
use crate::explain::load::request::{self, BuildRequest, Disk, RequestError};
use crate::text::escape::visible;

#[derive(Serialize)]
struct Requests<'r> {
    requests: &'r [BuildRequest],
}

/// Parses a build command. Returns one request per target.
pub(super) fn read(command: &[String]) -> Result<Vec<BuildRequest>, Failure> {
    let files = Disk {
        directory: PathBuf::from("."),
    };
    let lookup = |name: &str| std::env::var(name).ok();
    request::read(command, &files, &lookup).map_err(|error| failure(&error))
}

/// Prints the requests of a build command.
pub(super) fn show(
    requests: &[BuildRequest],
    as_json: bool,
    output: &CommandOutput,
) -> Result<Exit, Failure> {
    let requests: Vec<BuildRequest> = requests.iter().map(BuildRequest::masked).collect();
    if as_json {
        let content = Requests {
            requests: &requests,
        };
        return output.document(&JsonDocument::new("why", content, &[]));
    }
    let texts: Vec<String> = requests.iter().map(text_of).collect();
    output.text(&texts.join("\n"))
}

fn failure(error: &RequestError) -> Failure {
    let failure = Failure::new(Exit::Usage, error);
    match error {
        RequestError::Empty | RequestError::NotABuild(_) => {
            failure.hint("give the command as in `cachelens why -- docker buildx build .`")
        }
        RequestError::NotBuildKit { .. } => {
            failure.hint("only caches that BuildKit writes can be explained")
        }
        _ => failure,
    }
}

/// Formats a request, with one line per setting.
fn text_of(request: &BuildRequest) -> String {
    let mut text = match &request.name {
        Some(name) => format!("{} ({})\n", visible(name), request.tool),
        None => format!("{}\n", request.tool),
    };
    let mut line = |name: &str, value: &str| {
        text += &format!("  {name:<16}{}\n", visible(value));
    };
    let single = [
        ("context", &request.context),
        ("file", &request.file),
        ("target", &request.target),
        ("network", &request.network),
        ("shm size", &request.shm_size),
        ("cgroup parent", &request.cgroup_parent),
        ("host name", &request.hostname),
    ];
    for (name, value) in single {
        if let Some(value) = value {
            line(name, value);
        }
    }
    let maps = [
        ("build argument", &request.build_args),
        ("build context", &request.build_contexts),
        ("label", &request.labels),
    ];
    for (name, map) in maps {
        for (key, value) in map {
            line(name, &format!("{key}={value}"));
        }
    }
    let lists = [
        ("platform", &request.platforms),
        ("import", &request.imports),
        ("export", &request.exports),
        ("no cache for", &request.no_cache_filter),
        ("host", &request.add_hosts),
        ("ulimit", &request.ulimits),
        ("unknown flag", &request.unknown_flags),
    ];
    for (name, list) in lists {
        for value in list {
            line(name, value);
        }
    }
    if request.no_cache {
        line("no cache", "for all stages");
    }
    text
}
