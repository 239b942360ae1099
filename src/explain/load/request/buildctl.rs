//! `buildctl build`.

use super::flags::{self, KnownFlags, ParsedFlags};
use super::{BuildRequest, RequestContext, RequestError, cache};
use crate::find::Tool;

const BUILD: KnownFlags = KnownFlags {
    valued: &[
        "frontend",
        "local",
        "opt",
        "frontend-opt",
        "output",
        "progress",
        "secret",
        "ssh",
        "export-cache",
        "export-cache-opt",
        "import-cache",
        "metadata-file",
        "trace",
        "allow",
        "source-policy-file",
        "ref-file",
        "registry-auth-tlscontext",
        "oci-layout",
        "debug-json-cache-metrics",
        "exporter",
        "exporter-opt",
    ],
    switches: &["no-cache", "debug"],
    short: &[('o', "output")],
};

/// Parses the words after `build`.
pub(super) fn read(
    _: &RequestContext<'_>,
    words: &[String],
) -> Result<Vec<BuildRequest>, RequestError> {
    let parsed = flags::parse(words, &BUILD)?;
    let mut request = BuildRequest {
        tool: Tool::Buildctl.name(),
        no_cache: parsed.is_on("no-cache"),
        unknown_flags: parsed.unknown.clone(),
        ..BuildRequest::default()
    };
    let directory = read_locals(&mut request, &parsed)?;
    let options = read_options(&mut request, &parsed)?;
    let frontend = parsed.last("frontend").unwrap_or_default();
    if !is_dockerfile(frontend, options.source.as_deref()) {
        return Err(RequestError::Flag {
            flag: "--frontend".to_owned(),
            reason: format!("`{frontend}` is no Dockerfile; only dockerfile.v0 is supported"),
        });
    }
    request.file = match (directory, options.filename) {
        (Some(directory), Some(filename)) => Some(joined(&directory, &filename)),
        (Some(directory), None) => Some(joined(&directory, "Dockerfile")),
        (None, filename) => filename,
    };
    for value in parsed.all("import-cache") {
        cache::add(
            &mut request.imports,
            cache::entries("--import-cache", value)?,
        );
    }
    for value in parsed.all("export-cache") {
        cache::add(
            &mut request.exports,
            cache::entries("--export-cache", value)?,
        );
    }
    super::bake::inline(&mut request);
    Ok(vec![request])
}

/// Reads the local directories. Returns that of the Dockerfile.
fn read_locals(
    request: &mut BuildRequest,
    parsed: &ParsedFlags,
) -> Result<Option<String>, RequestError> {
    let mut directory = None;
    for local in parsed.all("local") {
        let (name, path) = pair("--local", local)?;
        match name {
            "context" => request.context = Some(path.to_owned()),
            "dockerfile" => directory = Some(path.to_owned()),
            name => {
                request
                    .build_contexts
                    .insert(name.to_owned(), path.to_owned());
            }
        }
    }
    Ok(directory)
}

/// Options of the frontend that are not part of the request.
#[derive(Default)]
struct FrontendOptions {
    /// The path of the Dockerfile in its directory.
    filename: Option<String>,
    /// The image of the frontend.
    source: Option<String>,
}

/// Reads the options of the frontend.
fn read_options(
    request: &mut BuildRequest,
    parsed: &ParsedFlags,
) -> Result<FrontendOptions, RequestError> {
    let mut options = FrontendOptions::default();
    for option in parsed.all("opt").chain(parsed.all("frontend-opt")) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match name {
            "filename" => options.filename = Some(value.to_owned()),
            "source" => options.source = Some(value.to_owned()),
            "target" => request.target = Some(value.to_owned()),
            "platform" => request.platforms = value.split(',').map(str::to_owned).collect(),
            "no-cache" if value.is_empty() => request.no_cache = true,
            "no-cache" => request.no_cache_filter = value.split(',').map(str::to_owned).collect(),
            "force-network-mode" => request.network = Some(value.to_owned()),
            "context" => request.context = Some(value.to_owned()),
            "add-hosts" => request.add_hosts = value.split(',').map(str::to_owned).collect(),
            "hostname" => request.hostname = Some(value.to_owned()),
            "shm-size" => request.shm_size = Some(value.to_owned()),
            "ulimit" => request.ulimits = value.split(',').map(str::to_owned).collect(),
            "cgroup-parent" => request.cgroup_parent = Some(value.to_owned()),
            "cache-from" => cache::add(
                &mut request.imports,
                cache::entries("--opt cache-from", value)?,
            ),
            name => named_option(request, name, value),
        }
    }
    Ok(options)
}

/// Returns whether a frontend reads Dockerfiles; `source` is the image of the gateway's frontend.
fn is_dockerfile(frontend: &str, source: Option<&str>) -> bool {
    match frontend {
        "dockerfile.v0" => true,
        "gateway.v0" => source.is_some_and(|source| source.contains("dockerfile")),
        _ => false,
    }
}

fn named_option(request: &mut BuildRequest, name: &str, value: &str) {
    if let Some(argument) = name.strip_prefix("build-arg:") {
        request
            .build_args
            .insert(argument.to_owned(), value.to_owned());
    } else if let Some(label) = name.strip_prefix("label:") {
        request.labels.insert(label.to_owned(), value.to_owned());
    } else if let Some(context) = name.strip_prefix("context:") {
        // `local:NAME` refers to a directory in `--local`.
        let local = value
            .strip_prefix("local:")
            .and_then(|name| request.build_contexts.remove(name));
        request.build_contexts.insert(
            context.to_owned(),
            local.unwrap_or_else(|| value.to_owned()),
        );
    } else {
        request.unknown_flags.push(format!("--opt {name}"));
    }
}

fn pair<'v>(flag: &str, value: &'v str) -> Result<(&'v str, &'v str), RequestError> {
    value.split_once('=').ok_or_else(|| RequestError::Flag {
        flag: flag.to_owned(),
        reason: format!("{value} is not NAME=VALUE"),
    })
}

fn joined(directory: &str, file: &str) -> String {
    match directory {
        "." | "./" | "" => file.to_owned(),
        directory => format!("{}/{file}", directory.trim_end_matches('/')),
    }
}
