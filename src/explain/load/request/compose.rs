//! `docker compose build`, and Compose files that bake reads.

use std::rc::Rc;

use super::bake::{Reader, definition, inline};
use super::flags::{self, Known};
use super::{BuildRequest, Context, RequestError, cache};
use crate::format::bake::{CacheEntry, Config, Target};
use crate::format::compose::{self, Build, Files, Options, Service};
use crate::format::go_path;
use crate::format::located::Located;

const BUILD: Known = Known {
    valued: &[
        "build-arg",
        "builder",
        "memory",
        "progress",
        "provenance",
        "sbom",
        "ssh",
    ],
    switches: &[
        "check",
        "no-cache",
        "pull",
        "push",
        "quiet",
        "with-dependencies",
        "print",
        "compress",
        "force-rm",
        "no-rm",
        "parallel",
        "dry-run",
    ],
    short: &[('m', "memory"), ('q', "quiet")],
};

const GLOBAL: Known = Known {
    valued: &[
        "file",
        "project-name",
        "profile",
        "env-file",
        "project-directory",
        "ansi",
        "progress",
        "parallel",
    ],
    switches: &["all-resources", "compatibility", "dry-run", "verbose"],
    short: &[('f', "file"), ('p', "project-name")],
};

/// The default files of Compose, with the overrides of each.
const DEFAULTS: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

impl Files for Reader<'_> {
    fn read(&self, path: &str) -> Option<(Rc<str>, u32)> {
        let text = if path == "-" {
            self.files.stdin()
        } else {
            self.files.read(path)
        };
        Some((text?.into(), 0))
    }

    fn read_variables(&self, path: &str) -> Option<Rc<str>> {
        self.files.read(path).map(Into::into)
    }
}

/// Parses the words around `build`.
pub(super) fn read(
    context: &Context<'_>,
    global: &[String],
    words: &[String],
) -> Result<Vec<BuildRequest>, RequestError> {
    let global = flags::parse(global, &GLOBAL)?;
    let parsed = flags::parse(words, &BUILD)?;
    let mut names: Vec<String> = global.all("file").map(str::to_owned).collect();
    if names.is_empty()
        && let Some(listed) = (context.lookup)("COMPOSE_FILE").filter(|value| !value.is_empty())
    {
        let separator =
            (context.lookup)("COMPOSE_PATH_SEPARATOR").filter(|value| !value.is_empty());
        names = listed
            .split(separator.as_deref().unwrap_or(":"))
            .map(str::to_owned)
            .collect();
    }
    if names.is_empty() {
        names = defaults(context)?;
    }
    let project = global.last("project-directory");
    let own_env_file = project.map(|directory| format!("{}/.env", directory.trim_end_matches('/')));
    let env_file = global.last("env-file").or(own_env_file.as_deref());
    let services = services(context, &names, env_file)?;
    let mut profiles: Vec<String> = global.all("profile").map(str::to_owned).collect();
    if profiles.is_empty() {
        let listed = (context.lookup)("COMPOSE_PROFILES").unwrap_or_default();
        profiles = listed
            .split(',')
            .map(|part| part.trim().to_owned())
            .filter(|part| !part.is_empty())
            .collect();
    }
    let mut found = Vec::new();
    for name in &parsed.words {
        if !services.iter().any(|service| service.name == *name) {
            return Err(RequestError::Target(format!("there is no service {name}")));
        }
    }
    for service in &services {
        let named = parsed.words.contains(&service.name);
        let enabled = service.profiles.is_empty()
            || service
                .profiles
                .iter()
                .any(|profile| profiles.contains(profile) || profiles.iter().any(|p| p == "*"));
        let wanted = if parsed.words.is_empty() {
            enabled
        } else {
            named
        };
        let Some(build) = service.build.as_ref().filter(|_| wanted) else {
            continue;
        };
        let mut request = request(context, service, build)?;
        let directory = project.unwrap_or(&service.directory);
        directory.clone_into(&mut request.directory);
        for argument in parsed.all("build-arg") {
            context.argument(argument, &mut request.build_args);
        }
        request.no_cache |= parsed.is_on("no-cache");
        request.unknown_flags = global
            .unknown
            .iter()
            .chain(&parsed.unknown)
            .cloned()
            .collect();
        inline(&mut request);
        found.push(request);
    }
    if found.is_empty() {
        return Err(RequestError::Target("no service is built".to_owned()));
    }
    Ok(found)
}

fn defaults(context: &Context<'_>) -> Result<Vec<String>, RequestError> {
    let first = DEFAULTS
        .iter()
        .find(|name| context.files.read(name).is_some());
    let Some(first) = first else {
        return Err(RequestError::Target(
            "there is no Compose file here".to_owned(),
        ));
    };
    let mut names = vec![(*first).to_owned()];
    let more = OVERRIDES
        .iter()
        .find(|name| context.files.read(name).is_some());
    names.extend(more.map(|name| (*name).to_owned()));
    Ok(names)
}

fn services(
    context: &Context<'_>,
    names: &[String],
    env_file: Option<&str>,
) -> Result<Vec<Service>, RequestError> {
    let reader = Reader {
        files: context.files,
    };
    let options = Options {
        lookup: context.lookup,
        unknowns: None,
        env_file,
    };
    let project = compose::load(names, &reader, &options);
    let project = project.map_err(|error| definition(&error.file, error.line, &error.message))?;
    Ok(project.services)
}

fn request(
    context: &Context<'_>,
    service: &Service,
    build: &Build,
) -> Result<BuildRequest, RequestError> {
    let mut request = BuildRequest {
        name: Some(service.name.clone()),
        tool: "compose",
        target: build.target.clone(),
        context: Some(build.context.clone().unwrap_or_else(|| ".".to_owned())),
        file: build.dockerfile.clone(),
        platforms: build.platforms.clone(),
        build_contexts: contexts(build).into_iter().collect(),
        labels: build.labels.iter().cloned().collect(),
        no_cache: build.no_cache.unwrap_or_default(),
        no_cache_filter: build.no_cache_filter.clone(),
        network: build.network.clone(),
        dockerfile_inline: build.dockerfile_inline.clone(),
        add_hosts: build.extra_hosts.clone(),
        shm_size: build.shm_size.clone(),
        ..BuildRequest::default()
    };
    for (name, value) in &build.args {
        match value {
            Some(value) => {
                request
                    .build_args
                    .insert(name.clone(), value.as_str().to_owned());
            }
            None => context.argument(name, &mut request.build_args),
        }
    }
    let flag = |key: &str| format!("{key} of {}", service.name);
    for text in &build.cache_from {
        cache::add(
            &mut request.imports,
            cache::entries(&flag("cache_from"), text.as_str())?,
        );
    }
    for text in &build.cache_to {
        cache::add(
            &mut request.exports,
            cache::entries(&flag("cache_to"), text.as_str())?,
        );
    }
    Ok(request)
}

/// Named contexts; `service:NAME` is the result of another service.
fn contexts(build: &Build) -> Vec<(String, String)> {
    let context = |(name, value): &(String, String)| {
        let value = value
            .strip_prefix("service:")
            .map_or_else(|| value.clone(), |service| format!("target:{service}"));
        (name.clone(), value)
    };
    build.additional_contexts.iter().map(context).collect()
}

/// Adds the services of Compose files as targets of bake.
pub(super) fn as_bake(
    context: &Context<'_>,
    names: &[String],
    config: &mut Config,
) -> Result<(), RequestError> {
    let mut members = Vec::new();
    // Bake names every project like this.
    let lookup = |name: &str| {
        let value = (context.lookup)(name);
        if name == "COMPOSE_PROJECT_NAME" {
            return value
                .filter(|value| !value.is_empty())
                .or_else(|| Some("bake".to_owned()));
        }
        value
    };
    let context = &Context {
        files: context.files,
        lookup: &lookup,
    };
    for service in services(context, names, None)? {
        let Some(build) = &service.build else {
            continue;
        };
        let name = sanitized(&service.name);
        members.push(name.clone());
        config.add(target(context, name, &service, build));
    }
    config.add_group("default", &members);
    Ok(())
}

/// The named contexts of a target: those of Compose, and those for bake only.
fn contexts_of_target(build: &Build) -> Vec<(String, String)> {
    let mut named: Vec<(String, String)> = Vec::new();
    for (name, value) in build.bake.contexts.iter().cloned().chain(contexts(build)) {
        let value = match value.split_once(':') {
            Some(("service" | "target", service)) => format!("target:{}", sanitized(service)),
            _ => cleaned(&value),
        };
        // The names of Compose win.
        named.retain(|(known, _)| *known != name);
        named.push((name, value));
    }
    named
}

fn target(context: &Context<'_>, name: String, service: &Service, build: &Build) -> Target {
    let entry = |text: &Located| CacheEntry {
        text: text.clone(),
        when: Vec::new(),
    };
    let caches =
        |own: &[Located], more: &[Located]| own.iter().chain(more).map(entry).collect::<Vec<_>>();
    let mut args = Vec::new();
    for (name, value) in &build.args {
        let value = value
            .clone()
            .or_else(|| (context.lookup)(name).map(|value| Located::new(value, service.place)));
        args.extend(value.map(|value| (name.clone(), value)));
    }
    let mut tags = build.tags.clone();
    tags.extend(build.bake.tags.iter().flatten().cloned());
    let mut platforms = build.platforms.clone();
    platforms.extend(build.bake.platforms.iter().flatten().cloned());
    let mut no_cache_filter = build.no_cache_filter.clone();
    no_cache_filter.extend(build.bake.no_cache_filter.iter().cloned());
    let named = contexts_of_target(build);
    let exports = caches(
        &build.cache_to,
        build.bake.cache_to.as_deref().unwrap_or_default(),
    );
    Target {
        name,
        place: service.place,
        context: build.context.as_deref().map(cleaned),
        dockerfile: build.dockerfile.clone(),
        dockerfile_inline: build.dockerfile_inline.clone(),
        target: build.target.clone(),
        args,
        labels: build.labels.clone(),
        contexts: named,
        tags: Some(tags).filter(|tags| !tags.is_empty()),
        platforms: Some(platforms).filter(|platforms| !platforms.is_empty()),
        cache_from: caches(&build.cache_from, &build.bake.cache_from),
        cache_to: Some(exports).filter(|exports| !exports.is_empty()),
        no_cache: build.bake.no_cache.or(build.no_cache),
        no_cache_filter,
        network: build.network.clone(),
        shm_size: build.shm_size.clone(),
        extra_hosts: build
            .extra_hosts
            .iter()
            .filter_map(|host| host.split_once(['=', ':']))
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .collect(),
        ..Target::default()
    }
}

/// Returns the name of a target for a service: bake allows no dots.
pub(super) fn sanitized(name: &str) -> String {
    name.replace('.', "_")
}

/// Returns a local path as Compose shows it to bake: without `./`.
fn cleaned(path: &str) -> String {
    if path.contains("://") || path.starts_with("git@") || path.is_empty() {
        return path.to_owned();
    }
    String::from_utf8_lossy(&go_path::clean(path.as_bytes())).into_owned()
}
