//! `docker buildx bake`.

mod surroundings;

use std::collections::{BTreeMap, HashSet};

use super::flags::{self, KnownFlags, ParsedFlags};
use super::{BuildRequest, RequestContext, RequestError, cache, compose};
use crate::format::bake::{self, BakeConfig, BakeFile, BakeOptions, CacheEntry, Override, Target};
use crate::format::go_path;
use surroundings::{check_links, cleaned, has_services, local_platform};

const BAKE: KnownFlags = KnownFlags {
    valued: &[
        "file",
        "set",
        "var",
        "sbom",
        "provenance",
        "policy",
        "call",
        "allow",
        "list",
        "builder",
        "metadata-file",
        "progress",
    ],
    switches: &[
        "load",
        "push",
        "check",
        "print",
        "list-targets",
        "list-variables",
        "no-cache",
        "pull",
        "debug",
    ],
    short: &[('f', "file"), ('D', "debug")],
};

/// The files that bake reads without `-f`, in this order.
const DEFAULTS: [&str; 8] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
    "docker-bake.json",
    "docker-bake.hcl",
    "docker-bake.override.json",
    "docker-bake.override.hcl",
];

/// Parses the words after `bake`.
pub(super) fn read(
    context: &RequestContext<'_>,
    words: &[String],
) -> Result<Vec<BuildRequest>, RequestError> {
    let parsed = flags::parse(words, &BAKE)?;
    let remote = parsed
        .words
        .first()
        .filter(|word| word.contains("://") || word.starts_with("git@"));
    if let Some(remote) = remote {
        return Err(RequestError::Target(format!(
            "{remote} is a remote definition, which is not fetched"
        )));
    }
    let relative = (context.lookup)("BUILDX_BAKE_FILE_RELATIVE_PATHS");
    if relative.is_some_and(|value| flags::is_true(value.trim())) {
        return Err(RequestError::Target(
            "paths relative to their files (BUILDX_BAKE_FILE_RELATIVE_PATHS) are not supported"
                .to_owned(),
        ));
    }
    let files = load(context, &parsed)?;
    let variables: BTreeMap<&str, &str> = parsed
        .all("var")
        .filter_map(|var| var.split_once('='))
        .collect();
    let disabled = (context.lookup)("BUILDX_BAKE_DISABLE_VARS_ENV_LOOKUP")
        .is_some_and(|value| flags::is_true(&value));
    let lookup = |name: &str| {
        let given = variables.get(name).map(|value| (*value).to_owned());
        given.or_else(|| {
            if disabled {
                None
            } else {
                (context.lookup)(name)
            }
        })
    };
    let config = evaluate(context, &files, &lookup)?;
    let overrides = overrides(&parsed, &config, context)?;
    let mut requests = requests(&config, &parsed, &overrides)?;
    let epoch = (context.lookup)("SOURCE_DATE_EPOCH").filter(|value| !value.is_empty());
    if let Some(epoch) = epoch {
        for request in &mut requests {
            let arguments = &mut request.build_args;
            arguments
                .entry("SOURCE_DATE_EPOCH".to_owned())
                .or_insert_with(|| epoch.clone());
        }
    }
    Ok(requests)
}

/// The names and texts of the definitions, Compose files first.
struct BakeDefinitions {
    compose: Vec<String>,
    bake: Vec<(String, String)>,
}

fn load(
    context: &RequestContext<'_>,
    parsed: &ParsedFlags,
) -> Result<BakeDefinitions, RequestError> {
    let mut names: Vec<String> = parsed.all("file").map(str::to_owned).collect();
    if names.is_empty()
        && let Some(listed) = (context.lookup)("BUILDX_BAKE_FILE").filter(|value| !value.is_empty())
    {
        let separator =
            (context.lookup)("BUILDX_BAKE_PATH_SEPARATOR").filter(|value| !value.is_empty());
        let separator = separator.unwrap_or_else(|| ":".to_owned());
        names = listed.split(&separator).map(str::to_owned).collect();
    }
    let are_default = names.is_empty();
    if are_default {
        names = DEFAULTS.iter().map(|name| (*name).to_owned()).collect();
    }
    let mut definitions = BakeDefinitions {
        compose: Vec::new(),
        bake: Vec::new(),
    };
    for name in names {
        let path = name.strip_prefix("cwd://").unwrap_or(&name).to_owned();
        let text = if path == "-" {
            context.files.stdin()
        } else {
            context.files.read(&path)
        };
        let Some(text) = text else {
            if are_default {
                continue;
            }
            return Err(definition(&path, 0, "the file cannot be read"));
        };
        let lower = path.to_lowercase();
        if lower.ends_with(".yml") || lower.ends_with(".yaml") {
            if !has_services(&text) {
                return Err(definition(&path, 0, "the Compose file has no services"));
            }
            definitions.compose.push(path);
        } else {
            definitions.bake.push((path, text));
        }
    }
    if definitions.compose.is_empty() && definitions.bake.is_empty() {
        return Err(RequestError::Target(
            "there is no bake file and no Compose file here".to_owned(),
        ));
    }
    Ok(definitions)
}

pub(super) fn definition(file: &str, line: u32, reason: &str) -> RequestError {
    RequestError::Definition {
        file: file.to_owned(),
        line,
        reason: reason.to_owned(),
    }
}

fn evaluate(
    context: &RequestContext<'_>,
    definitions: &BakeDefinitions,
    lookup: &super::Lookup<'_>,
) -> Result<BakeConfig, RequestError> {
    let mut config = BakeConfig::default();
    if !definitions.compose.is_empty() {
        compose::as_bake(context, &definitions.compose, &mut config)?;
    }
    let files: Vec<BakeFile<'_>> = definitions
        .bake
        .iter()
        .zip(0..)
        .map(|((name, text), number)| BakeFile { name, text, number })
        .collect();
    let place = |error: &bake::BakeError| {
        let file = usize::try_from(error.place.file)
            .ok()
            .and_then(|index| files.get(index));
        definition(
            file.map_or("", |file| file.name),
            error.place.line,
            &error.message,
        )
    };
    let (read, problems) = bake::read(&files);
    if let Some(problem) = problems.first() {
        return Err(definition(
            &problem.file,
            problem.error.place.line,
            &problem.error.message,
        ));
    }
    let platform = local_platform();
    let options = BakeOptions {
        lookup,
        unknowns: None,
        now: jiff::Timestamp::now().as_second(),
        platform: &platform,
    };
    let (evaluated, _) = read.evaluate(&options).map_err(|error| place(&error))?;
    for target in evaluated.targets {
        // Bake ignores attributes that it does not know.
        config.add(target);
    }
    for (name, members) in evaluated.groups {
        config.set_group(&name, &members);
    }
    Ok(config)
}

fn overrides(
    parsed: &ParsedFlags,
    config: &BakeConfig,
    context: &RequestContext<'_>,
) -> Result<Vec<Override>, RequestError> {
    let mut found = Vec::new();
    for given in parsed.all("set") {
        let wrong = |reason: &str| RequestError::Flag {
            flag: "--set".to_owned(),
            reason: format!("{given}: {reason}"),
        };
        let (key, value) = given
            .split_once('=')
            .map_or((given, None), |(key, value)| (key, Some(value.to_owned())));
        let append = key.ends_with('+');
        let key = key.trim_end_matches('+');
        let (pattern, key) = key
            .split_once('.')
            .ok_or_else(|| wrong("a target and a key are needed"))?;
        let argument = key.strip_prefix("args.");
        let value = match (value, argument) {
            (Some(value), _) => Some(value),
            (None, Some(name)) => match (context.lookup)(name) {
                Some(value) => Some(value),
                None => continue,
            },
            (None, None) => return Err(wrong("a value is needed")),
        };
        let exact = config.targets.iter().any(|target| target.name == pattern);
        let matches = |target: &Target| {
            go_path::matches(pattern.as_bytes(), target.name.as_bytes()) == Ok(true)
        };
        if !exact && !config.targets.iter().any(matches) {
            return Err(wrong("no target matches"));
        }
        found.push(Override {
            pattern: pattern.to_owned(),
            key: key.to_owned(),
            value,
            append,
        });
    }
    if parsed.is_on("no-cache") {
        found.push(Override {
            pattern: "*".to_owned(),
            key: "no-cache".to_owned(),
            value: Some("true".to_owned()),
            append: false,
        });
    }
    Ok(found)
}

fn requests(
    config: &BakeConfig,
    parsed: &ParsedFlags,
    overrides: &[Override],
) -> Result<Vec<BuildRequest>, RequestError> {
    let mut wanted: Vec<String> = parsed
        .words
        .iter()
        .map(|name| compose::sanitized(name))
        .collect();
    if wanted.is_empty() {
        wanted.push("default".to_owned());
    }
    let mut names: Vec<String> = Vec::new();
    for pattern in &wanted {
        for name in matching(config, pattern)? {
            for member in config.members(&name) {
                if !names.contains(&member) {
                    names.push(member);
                }
            }
        }
    }
    let mut found = Vec::new();
    let mut index = 0;
    while let Some(name) = names.get(index).cloned() {
        let target = config
            .resolve(&name, overrides)
            .map_err(RequestError::Target)?;
        for (_, value) in &target.contexts {
            // A target whose files another one uses is built too.
            if let Some(linked) = value.strip_prefix("target:")
                && !names.iter().any(|known| known == linked)
            {
                names.push(linked.to_owned());
            }
        }
        found.push(request(&target, parsed)?);
        index += 1;
    }
    let mut checked = HashSet::new();
    for name in &names {
        check_links(name, &found, &mut Vec::new(), &mut checked)?;
    }
    Ok(found)
}

fn matching(config: &BakeConfig, pattern: &str) -> Result<Vec<String>, RequestError> {
    if !pattern.contains(['*', '?', '[', ']']) {
        return Ok(vec![pattern.to_owned()]);
    }
    let groups = config.groups.iter().map(|(name, _)| name);
    let names = groups.chain(config.targets.iter().map(|target| &target.name));
    let found: Vec<String> = names
        .filter(|name| go_path::matches(pattern.as_bytes(), name.as_bytes()) == Ok(true))
        .cloned()
        .collect();
    if found.is_empty() {
        return Err(RequestError::Target(format!("no target matches {pattern}")));
    }
    Ok(found)
}

fn request(target: &Target, parsed: &ParsedFlags) -> Result<BuildRequest, RequestError> {
    let dockerfile = target.dockerfile.clone().filter(|file| !file.is_empty());
    for (attribute, value) in [("context", &target.context), ("dockerfile", &dockerfile)] {
        if value.as_deref() == Some("-") {
            let reason = format!("the {attribute} of {} is standard input", target.name);
            return Err(RequestError::Target(reason));
        }
    }
    let mut request = BuildRequest {
        name: Some(target.name.clone()),
        tool: "bake",
        target: target.target.clone(),
        context: Some(cleaned(target.context.as_deref().unwrap_or("."))),
        file: Some(dockerfile.unwrap_or_else(|| "Dockerfile".to_owned())),
        platforms: unique(target.platforms.iter().flatten()),
        build_args: target
            .args
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().to_owned()))
            .collect(),
        build_contexts: target.contexts.iter().cloned().collect(),
        labels: target.labels.iter().cloned().collect(),
        no_cache: target.no_cache.unwrap_or_default(),
        no_cache_filter: unique(target.no_cache_filter.iter()),
        network: target.network.clone(),
        unknown_flags: parsed.unknown.clone(),
        dockerfile_inline: target.dockerfile_inline.clone(),
        add_hosts: target
            .extra_hosts
            .iter()
            .map(|(host, address)| format!("{host}:{address}"))
            .collect(),
        shm_size: target.shm_size.clone(),
        ulimits: target.ulimits.clone(),
        ..BuildRequest::default()
    };
    let entries = |entry: &CacheEntry| {
        cache::entries(&format!("cache of {}", target.name), entry.text.as_str())
    };
    for entry in &target.cache_from {
        cache::add(&mut request.imports, entries(entry)?);
    }
    for entry in target.cache_to.iter().flatten() {
        cache::add(&mut request.exports, entries(entry)?);
    }
    inline(&mut request);
    Ok(request)
}

fn unique<'v>(values: impl Iterator<Item = &'v String>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for value in values {
        if !value.is_empty() && !found.contains(value) {
            found.push(value.clone());
        }
    }
    found
}

/// Adds the inline cache that `BUILDKIT_INLINE_CACHE` requests.
pub(super) fn inline(request: &mut BuildRequest) {
    let asked = request
        .build_args
        .get("BUILDKIT_INLINE_CACHE")
        .is_some_and(|value| flags::is_true(value));
    let present = request
        .exports
        .iter()
        .any(|export| export.split(',').any(|field| field == "type=inline"));
    if asked && !present {
        request.exports.push("type=inline".to_owned());
    }
}
