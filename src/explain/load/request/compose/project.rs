//! The files and variables of a project, in the order in which Compose looks for them.

use std::rc::Rc;

use super::super::bake::definition;
use super::super::files::DefinitionFiles;
use super::super::flags::{self, ParsedFlags};
use super::super::{Lookup, RequestContext, RequestError};
use crate::format::compose::{self, ComposeError, ComposeOptions, Files, Project, parse_dotenv};

/// The default files of Compose.
const DEFAULTS: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];
/// The default overrides.
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];
/// How many directories above the current one may hold the default files.
const PARENTS: usize = 32;

/// The variables of `.env` files. Those of the environment win over them.
#[derive(Debug, Default)]
pub(super) struct ProjectVariables(Vec<(String, String)>);

impl ProjectVariables {
    pub(super) fn get(&self, environment: &Lookup<'_>, name: &str) -> Option<String> {
        let own = || {
            let variable = self.0.iter().find(|(known, _)| known == name);
            variable.map(|(_, value)| value.clone())
        };
        environment(name).or_else(own)
    }

    /// Reads a file; variables that are known keep their values.
    pub(super) fn read(
        &mut self,
        context: &RequestContext<'_>,
        path: &str,
        must_exist: bool,
    ) -> Result<(), RequestError> {
        let Some(text) = context.files.read(path) else {
            if must_exist {
                return Err(definition(path, 0, "the file cannot be read"));
            }
            return Ok(());
        };
        let outer = |name: &str| self.get(context.lookup, name);
        let found = parse_dotenv(&text, &outer);
        let found = found.map_err(|error| definition(path, error.line, &error.reason))?;
        for (name, value) in found {
            if !self.0.iter().any(|(known, _)| *known == name) {
                self.0.push((name, value));
            }
        }
        Ok(())
    }
}

/// Loads the project of a command.
pub(super) fn load(
    context: &RequestContext<'_>,
    global: &ParsedFlags,
) -> Result<(Project, ProjectVariables), RequestError> {
    let mut names: Vec<String> = global.all("file").map(str::to_owned).collect();
    let given = global.last("project-directory").or(global.last("workdir"));
    let given = given.filter(|directory| !directory.is_empty());
    let mut variables = ProjectVariables::default();
    let own = given.map_or_else(|| parent(names.first()), str::to_owned);
    let env_files = env_files(context, global);
    for file in &env_files {
        variables.read(context, file, true)?;
    }
    let has_default = env_files.is_empty() && !is_disabled(context);
    if has_default {
        variables.read(context, &in_directory(&own, ".env"), false)?;
    }
    let lookup = |name: &str| variables.get(context.lookup, name);
    if names.is_empty() {
        names = listed(&lookup, "COMPOSE_FILE", "COMPOSE_PATH_SEPARATOR", ":");
    }
    if names.is_empty() {
        names = defaults(context, given.unwrap_or_default())?;
    }
    let directory = given.map_or_else(|| parent(names.first()), str::to_owned);
    if has_default && directory != own {
        variables.read(context, &in_directory(&directory, ".env"), false)?;
    }
    let lookup = |name: &str| variables.get(context.lookup, name);
    let project = of_files(context.files, &names, &lookup, Some(&directory))?;
    Ok((project, variables))
}

/// Loads the services of files. `directory` is for relative paths.
pub(super) fn of_files(
    files: &dyn DefinitionFiles,
    names: &[String],
    lookup: &Lookup<'_>,
    directory: Option<&str>,
) -> Result<Project, RequestError> {
    let options = ComposeOptions {
        lookup,
        unknowns: None,
        directory,
    };
    let wrong = |error: ComposeError| definition(&error.file, error.line, &error.message);
    compose::load(names, &DefinitionsOfCompose { files }, &options).map_err(wrong)
}

/// Gives Compose access to the definitions.
struct DefinitionsOfCompose<'d> {
    files: &'d dyn DefinitionFiles,
}

impl Files for DefinitionsOfCompose<'_> {
    fn read(&self, path: &str) -> Option<(Rc<str>, u32)> {
        let text = match path {
            "-" => self.files.stdin(),
            path => self.files.read(path),
        };
        Some((text?.into(), 0))
    }

    fn read_variables(&self, path: &str) -> Option<Rc<str>> {
        self.files.read(path).map(Into::into)
    }
}

/// The files of variables that the command names.
fn env_files(context: &RequestContext<'_>, global: &ParsedFlags) -> Vec<String> {
    let named: Vec<String> = global.all("env-file").map(str::to_owned).collect();
    if named.is_empty() {
        return listed(context.lookup, "COMPOSE_ENV_FILES", "", ",");
    }
    named
}

fn is_disabled(context: &RequestContext<'_>) -> bool {
    let disabled = (context.lookup)("COMPOSE_DISABLE_ENV_FILE");
    disabled.is_some_and(|value| flags::is_true(&value))
}

/// Splits a variable at the separator of another one.
fn listed(lookup: &Lookup<'_>, name: &str, separator: &str, default: &str) -> Vec<String> {
    let given = lookup(separator).filter(|value| !value.is_empty());
    let separator = given.as_deref().unwrap_or(default);
    let value = lookup(name).unwrap_or_default();
    let parts = value.split(separator).filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// Finds the default files in a directory, or in the nearest one above it that has some.
fn defaults(context: &RequestContext<'_>, directory: &str) -> Result<Vec<String>, RequestError> {
    let mut directory = directory.to_owned();
    for _ in 0..PARENTS {
        let first = |names: &[&str]| {
            let mut paths = names.iter().map(|name| in_directory(&directory, name));
            paths.find(|path| context.files.read(path).is_some())
        };
        if let Some(found) = first(&DEFAULTS) {
            return Ok([Some(found), first(&OVERRIDES)]
                .into_iter()
                .flatten()
                .collect());
        }
        directory = in_directory(&directory, "..");
    }
    Err(RequestError::Target(
        "there is no Compose file here, and none in a directory above".to_owned(),
    ))
}

fn in_directory(directory: &str, name: &str) -> String {
    match directory.trim_end_matches('/') {
        "" if directory.is_empty() => name.to_owned(),
        directory => format!("{directory}/{name}"),
    }
}

fn parent(path: Option<&String>) -> String {
    let parts = path.and_then(|path| path.rsplit_once('/'));
    match parts {
        Some(("", _)) => "/".to_owned(),
        Some((directory, _)) => directory.to_owned(),
        None => String::new(),
    }
}
