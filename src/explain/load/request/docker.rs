//! `docker build`, `docker buildx build` and `nerdctl build`.

use super::flags::{self, KnownFlags};
use super::{BuildRequest, RequestContext, RequestError, cache};
use crate::find::Tool;

const BUILD: KnownFlags = KnownFlags {
    valued: &[
        "add-host",
        "allow",
        "annotation",
        "attest",
        "build-arg",
        "build-context",
        "builder",
        "cache-from",
        "cache-to",
        "call",
        "cgroup-parent",
        "cpu-period",
        "cpu-quota",
        "cpu-shares",
        "cpuset-cpus",
        "cpuset-mems",
        "file",
        "iidfile",
        "isolation",
        "label",
        "memory",
        "memory-swap",
        "metadata-file",
        "network",
        "no-cache-filter",
        "output",
        "platform",
        "policy",
        "print",
        "progress",
        "provenance",
        "resource",
        "sbom",
        "secret",
        "security-opt",
        "shm-size",
        "source-policy",
        "ssh",
        "tag",
        "target",
        "ulimit",
        "buildkit-host",
        "ipfs",
    ],
    switches: &[
        "check", "compress", "debug", "detach", "force-rm", "load", "no-cache", "pull", "push",
        "quiet", "rm", "squash", "help",
    ],
    short: &[
        ('f', "file"),
        ('t', "tag"),
        ('o', "output"),
        ('q', "quiet"),
        ('m', "memory"),
        ('c', "cpu-shares"),
        ('D', "debug"),
    ],
};

/// Parses the words after `build`.
pub(super) fn read(
    context: &RequestContext<'_>,
    tool: Tool,
    words: &[String],
) -> Result<Vec<BuildRequest>, RequestError> {
    let parsed = flags::parse(words, &BUILD)?;
    let mut request = BuildRequest {
        tool: tool.name(),
        target: parsed
            .last("target")
            .filter(|target| !target.is_empty())
            .map(str::to_owned),
        context: parsed.words.last().cloned(),
        file: parsed.last("file").map(str::to_owned),
        no_cache: parsed.is_on("no-cache"),
        no_cache_filter: listed(parsed.all("no-cache-filter")),
        network: parsed.last("network").map(str::to_owned),
        unknown_flags: parsed.unknown.clone(),
        add_hosts: listed(parsed.all("add-host")),
        shm_size: parsed.last("shm-size").map(str::to_owned),
        ulimits: parsed.all("ulimit").map(str::to_owned).collect(),
        cgroup_parent: parsed.last("cgroup-parent").map(str::to_owned),
        platforms: listed(parsed.all("platform")),
        ..BuildRequest::default()
    };
    if request.platforms.is_empty()
        && let Some(default) =
            (context.lookup)("DOCKER_DEFAULT_PLATFORM").filter(|value| !value.is_empty())
    {
        request.platforms.push(default);
    }
    for argument in parsed.all("build-arg") {
        context.argument(argument, &mut request.build_args);
    }
    for label in parsed.all("label") {
        let (name, value) = label.split_once('=').unwrap_or((label, ""));
        request.labels.insert(name.to_owned(), value.to_owned());
    }
    for named in parsed.all("build-context") {
        let (name, value) = named.split_once('=').ok_or_else(|| RequestError::Flag {
            flag: "--build-context".to_owned(),
            reason: format!("{named} is not NAME=VALUE"),
        })?;
        request
            .build_contexts
            .insert(name.to_owned(), value.to_owned());
    }
    for value in parsed.all("cache-from") {
        cache::add(&mut request.imports, cache::entries("--cache-from", value)?);
    }
    for value in parsed.all("cache-to") {
        cache::add(&mut request.exports, cache::entries("--cache-to", value)?);
    }
    super::bake::inline(&mut request);
    Ok(vec![request])
}

/// Splits values at commas.
fn listed<'v>(values: impl Iterator<Item = &'v str>) -> Vec<String> {
    let parts = values.flat_map(|value| value.split(','));
    parts
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}
