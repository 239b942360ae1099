//! Compose files.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use super::command::{CommandContext, is_truthy};
use super::declaration::{Direction, Facts};
use super::embedded::{self, Environment};
use super::kubernetes::words_of_container;
use super::repository::join;
use super::session::{CacheUse, FindSession};
use crate::format::compose::{self, ComposeOptions, Files, Project, Service, parse_dotenv};
use crate::format::located::Located;
use crate::format::tree::TreeNode;
use crate::format::unknown::{has_mark, to_pattern};

impl Files for FindSession<'_> {
    fn read(&self, path: &str) -> Option<(Rc<str>, u32)> {
        let text = self.repository.read(path)?;
        let text = super::readable(&text).map_or(text, Into::into);
        Some((text, self.repository.number(path)))
    }

    fn read_variables(&self, path: &str) -> Option<Rc<str>> {
        self.repository.read_any(path)
    }
}

/// Whether a file has a default name of Compose.
pub(super) fn is_named(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.trim_end_matches(".yaml").trim_end_matches(".yml");
    stem.contains("compose") && !stem.contains("composer")
}

/// Whether a file with another name has services with a build.
pub(super) fn is_like(root: TreeNode<'_>) -> bool {
    let services = root
        .get("services")
        .map(TreeNode::entries)
        .unwrap_or_default();
    services.iter().any(|(_, service)| {
        service.get("build").is_some_and(|build| {
            ["cache_from", "cache_to", "args", "x-bake"]
                .iter()
                .any(|key| build.get(key).is_some())
        })
    })
}

/// Reads Compose files. An override is read together with its base, and an included file together
/// with the file that includes it.
pub(super) fn read(session: &FindSession<'_>, paths: &[String]) {
    let mut projects = Vec::new();
    for path in paths {
        let files = match base_of(session, path) {
            Some(base) if paths.contains(&base) => continue,
            Some(base) => vec![base, path.clone()],
            None => {
                let mut files = vec![path.clone()];
                files.extend(override_of(session, path));
                files
            }
        };
        projects.extend(load(session, &files).map(|project| (files, project)));
    }
    let included: HashSet<String> = projects
        .iter()
        .flat_map(|(_, project)| project.included.clone())
        .collect();
    for (files, project) in &projects {
        if !included.contains(&files[0]) {
            for service in &project.services {
                declare(session, service, &project.directory);
            }
        }
    }
}

/// Declares the caches of the commands that services run.
pub(super) fn commands(session: &FindSession<'_>, document: TreeNode<'_>) {
    for (name, service) in document
        .get("services")
        .map(TreeNode::entries)
        .unwrap_or_default()
    {
        let mut environment = Environment::new();
        let variables = service.get("environment");
        embedded::extend(&mut environment, variables, Located::clone);
        for text in variables
            .into_iter()
            .flat_map(TreeNode::items)
            .filter_map(TreeNode::text)
        {
            if let Some((name, _)) = text.as_str().split_once('=') {
                let value = text.slice(name.len() + 1, text.len());
                embedded::put(&mut environment, name, value);
            }
        }
        let around = CommandContext {
            target: Some(name.as_str().to_owned()),
            ..CommandContext::default()
        };
        // Compose replaces `$$` by a dollar sign.
        let unescaped = |text: &Located| {
            embedded::substitute(text, "$$", "", |_, place| Located::new("$", place))
        };
        let entrypoint = service.get("entrypoint");
        let command = service.get("command");
        if let (None, Some(text)) = (entrypoint, command.and_then(TreeNode::text)) {
            embedded::run(session, &unescaped(text), &environment, &around);
            continue;
        }
        let mut words = Vec::new();
        for node in [entrypoint, command].into_iter().flatten() {
            match node.text() {
                Some(text) => words.extend(unescaped(text).words()),
                None => words.extend(node.items().filter_map(TreeNode::text).map(unescaped)),
            }
        }
        words_of_container(session, words, &environment, &around);
    }
}

fn override_of(session: &FindSession<'_>, path: &str) -> Option<String> {
    let (stem, _) = path.rsplit_once('.')?;
    let standard = stem.ends_with("compose");
    let candidates = ["yml", "yaml"].map(|other| format!("{stem}.override.{other}"));
    candidates
        .into_iter()
        .find(|candidate| standard && session.repository.has(candidate))
}

fn base_of(session: &FindSession<'_>, path: &str) -> Option<String> {
    let (stem, _) = path.rsplit_once(".override.")?;
    let candidates = ["yml", "yaml"].map(|other| format!("{stem}.{other}"));
    candidates
        .into_iter()
        .find(|candidate| session.repository.has(candidate))
}

fn load(session: &FindSession<'_>, paths: &[String]) -> Option<Project> {
    let directory = paths.first().and_then(|path| path.rsplit_once('/'));
    let variables = match directory {
        Some((directory, _)) => format!("{directory}/.env"),
        None => ".env".to_owned(),
    };
    let variables = session.read_variables(&variables);
    let variables = variables.and_then(|text| parse_dotenv(&text, &|_| None).ok());
    let lookup = |name: &str| {
        let mut variables = variables.iter().flatten();
        let variable = variables.find(|(known, _)| known == name);
        variable.map(|(_, value)| value.clone())
    };
    let options = ComposeOptions {
        lookup: &lookup,
        unknowns: Some(&session.unknowns),
        directory: None,
    };
    match compose::load(paths, session, &options) {
        Ok(project) => Some(project),
        Err(error) => {
            session.skipped(&error.file, error.line, &error.message);
            None
        }
    }
}

fn declare(session: &FindSession<'_>, service: &Service, directory: &str) {
    let Some(build) = &service.build else { return };
    let context = build.context.as_deref().unwrap_or(".");
    let path = format!(
        "{context}/{}",
        build.dockerfile.as_deref().unwrap_or("Dockerfile")
    );
    let known = build.dockerfile_inline.is_none() && !has_mark(&path);
    let facts = Arc::new(Facts {
        dockerfile: if known { join(directory, &path) } else { None },
        tags: service
            .image
            .iter()
            .chain(&build.tags)
            .map(|tag| to_pattern(tag))
            .collect(),
        ..Facts::default()
    });
    let emit = |text: &Located, direction, tool| {
        session.declare(&CacheUse {
            text,
            direction,
            tool,
            target: Some(&service.name),
            when: &[],
            facts: &facts,
        });
    };
    build
        .cache_from
        .iter()
        .for_each(|text| emit(text, Direction::Import, "compose"));
    build
        .cache_to
        .iter()
        .for_each(|text| emit(text, Direction::Export, "compose"));
    build
        .bake
        .cache_from
        .iter()
        .for_each(|text| emit(text, Direction::Import, "bake"));
    build
        .bake
        .cache_to
        .iter()
        .flatten()
        .for_each(|text| emit(text, Direction::Export, "bake"));
    for (name, value) in &build.args {
        if name == "BUILDKIT_INLINE_CACHE"
            && let Some(value) = value
            && is_truthy(value.as_str())
        {
            emit(
                &value.with_text("type=inline"),
                Direction::Export,
                "compose",
            );
        }
    }
}
