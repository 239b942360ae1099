//! The services of Compose files as targets of bake.

use super::super::{RequestContext, RequestError};
use super::contexts;
use super::project::{self, ProjectVariables};
use crate::format::bake::{BakeConfig, CacheEntry, Target};
use crate::format::compose::{ComposeBuild, Service, ServiceUlimit};
use crate::format::go_path;
use crate::format::located::Located;

/// Adds the services of Compose files as targets of bake.
pub(in super::super) fn as_bake(
    context: &RequestContext<'_>,
    names: &[String],
    config: &mut BakeConfig,
) -> Result<(), RequestError> {
    let mut variables = ProjectVariables::default();
    variables.read(context, ".env", false)?;
    // Bake names every project like this.
    let lookup = |name: &str| {
        let value = variables.get(context.lookup, name);
        if name == "COMPOSE_PROJECT_NAME" {
            let named = value.filter(|value| !value.is_empty());
            return named.or_else(|| Some("bake".to_owned()));
        }
        value
    };
    let project = project::of_files(context.files, names, &lookup, Some(""))?;
    let context = &RequestContext {
        files: context.files,
        lookup: &lookup,
    };
    let mut members = Vec::new();
    for service in &project.services {
        let Some(build) = &service.build else {
            continue;
        };
        let name = sanitized(&service.name);
        members.push(name.clone());
        config.add(target(context, name, service, build));
    }
    config.add_group("default", &members);
    Ok(())
}

/// The named contexts of a target: those of Compose, and those for bake only.
fn contexts_of_target(build: &ComposeBuild) -> Vec<(String, String)> {
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

/// The build arguments of a target. Those without a value get it from the environment of the
/// service, else from that of the command.
fn arguments(
    context: &RequestContext<'_>,
    service: &Service,
    build: &ComposeBuild,
) -> Vec<(String, Located)> {
    let mut args = Vec::new();
    for (name, value) in &build.args {
        let of_service = service.environment.iter().find(|(known, _)| known == name);
        let of_service = of_service.and_then(|(_, value)| value.clone());
        let outer = || of_service.or_else(|| (context.lookup)(name));
        let value = value
            .clone()
            .or_else(|| outer().map(|value| Located::new(value, service.place)));
        args.extend(value.map(|value| (name.clone(), value)));
    }
    args
}

fn target(
    context: &RequestContext<'_>,
    name: String,
    service: &Service,
    build: &ComposeBuild,
) -> Target {
    let entry = |text: &Located| CacheEntry {
        text: text.clone(),
        when: Vec::new(),
    };
    let caches =
        |own: &[Located], more: &[Located]| own.iter().chain(more).map(entry).collect::<Vec<_>>();
    let args = arguments(context, service, build);
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
        ulimits: build.ulimits.iter().map(ulimit).collect(),
        extra_hosts: build
            .extra_hosts
            .iter()
            .filter_map(|host| host.split_once(['=', ':']))
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .collect(),
        ..Target::default()
    }
}

/// Writes a limit as bake does, which ignores one that is a single number.
fn ulimit(limit: &ServiceUlimit) -> String {
    let hard = limit.hard.as_deref();
    let soft = hard.map_or("0", |_| limit.soft.as_str());
    format!("{}={soft}:{}", limit.name, hard.unwrap_or("0"))
}

/// Returns the name of a target for a service: bake allows no dots.
pub(in super::super) fn sanitized(name: &str) -> String {
    name.replace('.', "_")
}

/// Returns a local path as Compose shows it to bake: without `./`.
fn cleaned(path: &str) -> String {
    if path.contains("://") || path.starts_with("git@") || path.is_empty() {
        return path.to_owned();
    }
    String::from_utf8_lossy(&go_path::clean(path.as_bytes())).into_owned()
}
