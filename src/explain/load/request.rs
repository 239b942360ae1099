//! Parses a build command into requests: one for each target that it builds.
//!
//! Nothing is executed. Only build definitions are read: bake files, Compose files and their files
//! of variables. An unknown flag is reported, and a construct that cannot be evaluated is an error
//! with its location. Nothing is guessed.

mod bake;
mod buildctl;
mod cache;
mod compose;
mod described;
mod docker;
mod files;
mod flags;
mod words;

use std::collections::BTreeMap;

use serde::Serialize;

use super::note::{DescriptionNote, Note};
use crate::find::Tool;
use crate::text::secrets;

pub use described::KnownOfBuild;
pub use files::{DefinitionFiles, Disk};

/// The request of a build command for one target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BuildRequest {
    /// The bake target or the Compose service.
    pub name: Option<String>,
    /// The program, as `find` names it.
    pub tool: &'static str,
    /// The stage.
    pub target: Option<String>,
    /// The context, as written.
    pub context: Option<String>,
    /// The Dockerfile, as written; `buildctl`'s directory and file name joined.
    pub file: Option<String>,
    pub platforms: Vec<String>,
    /// The build arguments, including those from the environment.
    pub build_args: BTreeMap<String, String>,
    /// The named contexts.
    pub build_contexts: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    /// The imported caches, as `type=…`.
    pub imports: Vec<String>,
    /// The exported caches, as `type=…`.
    pub exports: Vec<String>,
    /// Whether no cache is used.
    pub no_cache: bool,
    /// The stages that use no cache.
    pub no_cache_filter: Vec<String>,
    /// The network mode of `RUN`.
    pub network: Option<String>,
    /// Unknown flags of the command.
    pub unknown_flags: Vec<String>,
    /// The text of a Dockerfile in the definition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile_inline: Option<String>,
    /// Additional hosts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add_hosts: Vec<String>,
    /// The size of `/dev/shm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shm_size: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ulimits: Vec<String>,
    /// The parent of the control groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup_parent: Option<String>,
    /// The host name of commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The directory for relative paths, if it is not the current one: Compose's project directory.
    #[serde(skip)]
    pub directory: String,
    /// `SOURCE_DATE_EPOCH` of the environment, which Docker's clients pass to the builder.
    #[serde(skip)]
    pub epoch: Option<String>,
}

/// Why a command could not be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There is no command.
    #[error("there is no build command after `--`")]
    Empty,
    /// The command builds nothing.
    #[error("`{0}` is no build command")]
    NotABuild(String),
    /// The program does not build with BuildKit.
    #[error("{program} does not build with BuildKit: {reason}")]
    NotBuildKit {
        program: String,
        /// Why its caches do not apply.
        reason: &'static str,
    },
    /// A flag lacks its value, or the value is wrong.
    #[error("{flag}: {reason}")]
    Flag { flag: String, reason: String },
    /// A definition cannot be read or evaluated.
    #[error("{file}{}: {reason}", at_line(*line))]
    Definition {
        file: String,
        /// The line; 0 if unknown.
        line: u32,
        reason: String,
    },
    /// A target or service does not exist.
    #[error("{0}")]
    Target(String),
}

impl BuildRequest {
    /// Returns a note about the flags of the command that are not known.
    pub fn note_of_unknown_flags(&self) -> Option<Note> {
        let flags = &self.unknown_flags;
        (!flags.is_empty()).then(|| DescriptionNote::UnknownFlags(flags.clone()).into())
    }

    /// Returns a copy for display, without credentials.
    #[must_use]
    pub fn masked(&self) -> Self {
        let mut shown = self.clone();
        for cache in shown.imports.iter_mut().chain(&mut shown.exports) {
            *cache = secrets::mask_source(cache).into_owned();
        }
        let maps = [
            &mut shown.build_args,
            &mut shown.build_contexts,
            &mut shown.labels,
        ];
        for (name, value) in maps.into_iter().flatten() {
            *value = if secrets::is_secret(name) {
                secrets::HIDDEN.to_owned()
            } else {
                secrets::mask(value)
            };
        }
        for flag in &mut shown.unknown_flags {
            *flag = secrets::mask(flag);
        }
        let texts = [&mut shown.context, &mut shown.dockerfile_inline];
        for text in texts.into_iter().flatten() {
            *text = secrets::mask(text);
        }
        shown
    }
}

fn at_line(line: u32) -> String {
    if line == 0 {
        String::new()
    } else {
        format!(":{line}")
    }
}

/// Looks up a variable of the environment.
pub type Lookup<'l> = dyn Fn(&str) -> Option<String> + 'l;

/// Parses a build command. Returns a request for each of its targets.
pub fn read(
    command: &[String],
    files: &dyn DefinitionFiles,
    lookup: &Lookup<'_>,
) -> Result<Vec<BuildRequest>, RequestError> {
    let words = words::prepared(command, lookup)?;
    let lookup = |name: &str| words.assigned(name).or_else(|| lookup(name));
    let context = RequestContext {
        files,
        lookup: &lookup,
    };
    let program = words.program()?;
    let mut requests = match program.tool {
        Tool::DockerBuild | Tool::Buildx | Tool::Nerdctl => {
            docker::read(&context, program.tool, program.rest)
        }
        Tool::Bake => bake::read(&context, program.rest),
        Tool::Compose => compose::read(&context, program.global, program.rest),
        Tool::Buildctl => buildctl::read(&context, program.rest),
        other => Err(RequestError::NotABuild(other.name().to_owned())),
    }?;
    if program.tool != Tool::Buildctl && program.tool != Tool::Nerdctl {
        let epoch = lookup("SOURCE_DATE_EPOCH").filter(|value| !value.is_empty());
        for request in &mut requests {
            request.epoch.clone_from(&epoch);
        }
    }
    Ok(requests)
}

/// The context for the parsers of all programs.
struct RequestContext<'c> {
    files: &'c dyn DefinitionFiles,
    lookup: &'c Lookup<'c>,
}

impl RequestContext<'_> {
    /// Adds `NAME=value`, or `NAME` with its value from the environment.
    fn argument(&self, text: &str, arguments: &mut BTreeMap<String, String>) {
        match text.split_once('=') {
            Some((name, value)) => {
                arguments.insert(name.to_owned(), value.to_owned());
            }
            None => {
                if let Some(value) = (self.lookup)(text) {
                    arguments.insert(text.to_owned(), value);
                }
            }
        }
    }
}
