//! `docker compose build`, and Compose files that bake reads.

mod project;
mod targets;

use std::collections::BTreeSet;

use super::bake::inline;
use super::flags::{self, KnownFlags, ParsedFlags};
use super::{BuildRequest, RequestContext, RequestError, cache};
use crate::format::compose::{ComposeBuild, Project, Service};
use crate::format::docker_flags;

pub(super) use targets::{as_bake, sanitized};

const BUILD: KnownFlags = KnownFlags {
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

/// The flags of `up` and `create`.
const UP: KnownFlags = KnownFlags {
    valued: &[
        "attach",
        "exit-code-from",
        "no-attach",
        "pull",
        "scale",
        "timeout",
        "wait-timeout",
    ],
    switches: &[
        "abort-on-container-exit",
        "abort-on-container-failure",
        "always-recreate-deps",
        "attach-dependencies",
        "build",
        "detach",
        "dry-run",
        "force-recreate",
        "menu",
        "no-build",
        "no-color",
        "no-deps",
        "no-log-prefix",
        "no-recreate",
        "no-start",
        "quiet-build",
        "quiet-pull",
        "remove-orphans",
        "renew-anon-volumes",
        "timestamps",
        "wait",
        "watch",
        "yes",
    ],
    short: &[
        ('V', "renew-anon-volumes"),
        ('d', "detach"),
        ('t', "timeout"),
        ('w', "watch"),
        ('y', "yes"),
    ],
};

const GLOBAL: KnownFlags = KnownFlags {
    valued: docker_flags::COMPOSE.names,
    switches: &[
        "all-resources",
        "compatibility",
        "dry-run",
        "no-ansi",
        "verbose",
    ],
    short: docker_flags::COMPOSE.short,
};

/// Parses the words around `build`, or around `up --build`.
pub(super) fn read(
    context: &RequestContext<'_>,
    global: &[String],
    words: &[String],
) -> Result<Vec<BuildRequest>, RequestError> {
    let global = flags::parse(global, &GLOBAL)?;
    let starts = words.iter().any(|word| word == "--build");
    let parsed = flags::parse(words, if starts { &UP } else { &BUILD })?;
    let (project, variables) = project::load(context, &global)?;
    // Values of the environment include those of `.env` files.
    let lookup = |name: &str| variables.get(context.lookup, name);
    let context = &RequestContext {
        files: context.files,
        lookup: &lookup,
    };
    let names = built(context, &project, &global, &parsed)?;
    let mut found = Vec::new();
    for service in &project.services {
        let Some(build) = &service.build else {
            continue;
        };
        if !names.contains(&service.name) {
            continue;
        }
        let mut request = request(context, service, build)?;
        request.directory.clone_from(&project.directory);
        for argument in parsed.all("build-arg") {
            context.argument(argument, &mut request.build_args);
        }
        request.no_cache |= parsed.is_on("no-cache");
        let unknown = global.unknown.iter().chain(&parsed.unknown);
        request.unknown_flags = unknown.cloned().collect();
        inline(&mut request);
        found.push(request);
    }
    if found.is_empty() {
        return Err(RequestError::Target("no service is built".to_owned()));
    }
    Ok(found)
}

/// Returns the names of the services that the command builds: those given, else all that their
/// profiles enable, and the services whose results they use.
fn built(
    context: &RequestContext<'_>,
    project: &Project,
    global: &ParsedFlags,
    parsed: &ParsedFlags,
) -> Result<BTreeSet<String>, RequestError> {
    let named = |name: &str| project.services.iter().find(|service| service.name == name);
    if let Some(unknown) = parsed.words.iter().find(|name| named(name).is_none()) {
        return Err(RequestError::Target(format!(
            "there is no service {unknown}"
        )));
    }
    let mut profiles: Vec<String> = global.all("profile").map(str::to_owned).collect();
    if profiles.is_empty() {
        let listed = (context.lookup)("COMPOSE_PROFILES").unwrap_or_default();
        profiles = listed
            .split(',')
            .map(|part| part.trim().to_owned())
            .collect();
    }
    let is_enabled = |service: &&Service| {
        let matches = |profile: &String| profiles.iter().any(|p| p == profile || p == "*");
        service.profiles.is_empty() || service.profiles.iter().any(matches)
    };
    let mut names: BTreeSet<String> = parsed.words.iter().cloned().collect();
    if names.is_empty() {
        let enabled = project.services.iter().filter(is_enabled);
        names.extend(enabled.map(|service| service.name.clone()));
    }
    let mut waiting: Vec<String> = names.iter().cloned().collect();
    while let Some(service) = waiting.pop().and_then(|name| named(&name)) {
        let contexts = service
            .build
            .iter()
            .flat_map(|build| &build.additional_contexts);
        let linked = contexts.filter_map(|(_, value)| value.strip_prefix("service:"));
        let mut more: Vec<&str> = linked.collect();
        // What `up` starts includes the dependencies.
        let starts = parsed.is_on("build") && !parsed.is_on("no-deps");
        if starts || parsed.is_on("with-dependencies") {
            more.extend(service.depends_on.iter().map(String::as_str));
        }
        for name in more {
            if named(name).is_none() {
                return Err(RequestError::Target(format!(
                    "service {} needs {name}, which does not exist",
                    service.name
                )));
            }
            if names.insert(name.to_owned()) {
                waiting.push(name.to_owned());
            }
        }
    }
    Ok(names)
}

fn request(
    context: &RequestContext<'_>,
    service: &Service,
    build: &ComposeBuild,
) -> Result<BuildRequest, RequestError> {
    if build.dockerfile.is_some() && build.dockerfile_inline.is_some() {
        return Err(RequestError::Target(format!(
            "service {} has both dockerfile and dockerfile_inline",
            service.name
        )));
    }
    let directory = build.context.as_deref().unwrap_or(".");
    let contexts = contexts(build).into_iter();
    let mut request = BuildRequest {
        name: Some(service.name.clone()),
        tool: "compose",
        target: build.target.clone().filter(|target| !target.is_empty()),
        context: Some(in_home(context, directory)),
        file: build.dockerfile.clone(),
        platforms: platforms(context, service, build)?,
        build_contexts: contexts
            .map(|(name, value)| (name, in_home(context, &value)))
            .collect(),
        labels: build.labels.iter().cloned().collect(),
        no_cache: build.no_cache.unwrap_or_default(),
        no_cache_filter: build.no_cache_filter.clone(),
        network: build.network.clone(),
        dockerfile_inline: build.dockerfile_inline.clone(),
        add_hosts: build.extra_hosts.clone(),
        shm_size: build.shm_size.clone(),
        ulimits: build
            .ulimits
            .iter()
            .map(|limit| match &limit.hard {
                Some(hard) => format!("{}={}:{hard}", limit.name, limit.soft),
                None => format!("{}={}", limit.name, limit.soft),
            })
            .collect(),
        ..BuildRequest::default()
    };
    for (name, value) in &build.args {
        match value {
            Some(value) => {
                let value = value.as_str().to_owned();
                request.build_args.insert(name.clone(), value);
            }
            None => context.argument(name, &mut request.build_args),
        }
    }
    let flag = |key: &str| format!("{key} of {}", service.name);
    for text in &build.cache_from {
        let entries = cache::entries(&flag("cache_from"), text.as_str())?;
        cache::add(&mut request.imports, entries);
    }
    for text in &build.cache_to {
        let entries = cache::entries(&flag("cache_to"), text.as_str())?;
        cache::add(&mut request.exports, entries);
    }
    Ok(request)
}

/// Returns the platforms of a build: its own, else the one of the service's containers.
fn platforms(
    context: &RequestContext<'_>,
    service: &Service,
    build: &ComposeBuild,
) -> Result<Vec<String>, RequestError> {
    let default = || (context.lookup)("DOCKER_DEFAULT_PLATFORM");
    let platform = service.platform.clone().or_else(default);
    let Some(platform) = platform.filter(|platform| !platform.is_empty()) else {
        return Ok(build.platforms.clone());
    };
    if build.platforms.is_empty() {
        return Ok(vec![platform]);
    }
    if build.platforms.contains(&platform) {
        return Ok(build.platforms.clone());
    }
    Err(RequestError::Target(format!(
        "service {} runs on {platform}, which is not one of its build platforms",
        service.name
    )))
}

/// Replaces `~` at the start of a path by the home directory.
fn in_home(context: &RequestContext<'_>, path: &str) -> String {
    let rest = path.strip_prefix('~');
    let rest = rest.filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match (rest, (context.lookup)("HOME")) {
        (Some(rest), Some(home)) => format!("{home}{rest}"),
        _ => path.to_owned(),
    }
}

/// Named contexts; `service:NAME` is the result of another service.
fn contexts(build: &ComposeBuild) -> Vec<(String, String)> {
    let context = |(name, value): &(String, String)| {
        let value = match value.strip_prefix("service:") {
            Some(service) => format!("target:{service}"),
            None => value.clone(),
        };
        (name.clone(), value)
    };
    build.additional_contexts.iter().map(context).collect()
}
