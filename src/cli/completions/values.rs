//! The sources that a shell offers: those of the configuration, directories, refs of a cache on
//! this disk, and the attributes of `type=…`. No host is asked.

use std::ffi::OsStr;
use std::path::Path;

use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter as _};

use crate::backend::{self, Access};
use crate::config;
use crate::source::{Source, SourceLocation};

/// How sources begin, with what they are.
const BEGINNINGS: [(&str, &str); 7] = [
    ("demo", "the cache built into the program"),
    ("s3://", "a bucket"),
    ("gha:", "the GitHub Actions cache of a repository"),
    ("registry-dir:", "the store of a registry on disk"),
    ("oci:", "an OCI layout"),
    ("docker://", "an image or repository"),
    ("type=", "a cache as --cache-to names it"),
];

/// The kinds of caches of BuildKit that can be opened.
const TYPES: [&str; 5] = ["local", "registry", "inline", "s3", "gha"];

/// The attributes that say how every cache is written.
const WRITING: [&str; 6] = [
    "mode",
    "compression",
    "compression-level",
    "force-compression",
    "oci-mediatypes",
    "ignore-error",
];

/// The attributes of a kind of cache.
fn attributes(kind: &str) -> &'static [&'static str] {
    match kind {
        "local" => &["src", "dest", "tag", "digest"],
        "registry" => &["ref", "registry.insecure", "image-manifest"],
        "inline" => &["ref"],
        "s3" => &[
            "bucket",
            "region",
            "prefix",
            "name",
            "blobs_prefix",
            "manifests_prefix",
            "endpoint_url",
            "use_path_style",
        ],
        "gha" => &["scope", "repository", "url", "url_v2", "version"],
        _ => &[],
    }
}

/// Returns the values of an attribute that has few.
fn attribute_values(name: &str) -> &'static [&'static str] {
    match name {
        "type" => &TYPES,
        "mode" => &["min", "max"],
        "compression" => &["uncompressed", "gzip", "estargz", "zstd"],
        "force-compression" | "oci-mediatypes" | "ignore-error" | "image-manifest"
        | "registry.insecure" | "use_path_style" => &["true", "false"],
        "version" => &["1", "2"],
        _ => &[],
    }
}

/// Returns the sources that begin with `current`.
pub(super) fn sources(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(text) = current.to_str() else {
        return PathCompleter::dir().complete(current);
    };
    if let Some((place, begun)) = text.split_once('#') {
        return refs(place, begun);
    }
    if text.starts_with("type=") {
        return of_type(text);
    }
    let mut found: Vec<CompletionCandidate> = configured()
        .into_iter()
        .filter(|source| source.starts_with(text))
        .map(|source| candidate(source, "of the configuration"))
        .collect();
    if !text.is_empty() {
        let beginnings = BEGINNINGS
            .iter()
            .filter(|(start, _)| start.starts_with(text));
        found.extend(beginnings.map(|(start, what)| candidate((*start).to_owned(), what)));
    }
    let directory = text.strip_prefix("oci:").unwrap_or(text);
    if Path::new(directory).join("index.json").is_file() {
        found.extend(refs(text, ""));
    }
    found.extend(PathCompleter::dir().complete(current));
    found
}

fn candidate(value: String, what: &'static str) -> CompletionCandidate {
    CompletionCandidate::new(value).help(Some(what.into()))
}

/// Returns the sources of the configuration, as commands take them.
fn configured() -> Vec<String> {
    let Ok(here) = std::env::current_dir() else {
        return Vec::new();
    };
    let Ok(Some(path)) = config::find(None, &here) else {
        return Vec::new();
    };
    let Ok(loaded) = config::load(&path) else {
        return Vec::new();
    };
    let sources = loaded.layer.sources.unwrap_or_default();
    sources
        .into_iter()
        .map(|setting| setting.value.to_string())
        .collect()
}

/// Returns the refs of a cache that lies on this disk.
fn refs(place: &str, begun: &str) -> Vec<CompletionCandidate> {
    let Ok(parsed) = Source::parse(place, &Path::is_dir) else {
        return Vec::new();
    };
    let is_here = matches!(
        parsed.source.location,
        SourceLocation::Local(_) | SourceLocation::RegistryDir(_) | SourceLocation::Demo
    );
    if !is_here {
        return Vec::new();
    }
    let names = names(&parsed.source).unwrap_or_default();
    if matches!(parsed.source.location, SourceLocation::Demo) {
        backend::demo::remove();
    }
    names
        .into_iter()
        .filter(|name| name.starts_with(begun))
        .map(|name| candidate(format!("{place}#{name}"), "a ref"))
        .collect()
}

fn names(source: &Source) -> Option<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    let reader = backend::open(source, &Access::default()).ok()?;
    let roots = runtime.block_on(async move { backend::all_refs(&*reader).await.ok() })?;
    let mut names: Vec<String> = roots
        .entries
        .into_iter()
        .flat_map(|root| root.names)
        .collect();
    names.sort();
    names.dedup();
    Some(names)
}

/// Returns how a `type=…` string may go on.
fn of_type(text: &str) -> Vec<CompletionCandidate> {
    let (before, last) = match text.rsplit_once(',') {
        Some((before, last)) => (format!("{before},"), last),
        None => (String::new(), text),
    };
    if let Some((name, begun)) = last.split_once('=') {
        let values = attribute_values(name)
            .iter()
            .filter(|value| value.starts_with(begun));
        return values
            .map(|value| candidate(format!("{before}{name}={value}"), "a value"))
            .collect();
    }
    let set: Vec<&str> = before
        .split(',')
        .filter_map(|part| Some(part.split_once('=')?.0))
        .collect();
    let kind = before
        .split(',')
        .find_map(|part| part.strip_prefix("type="));
    let names = attributes(kind.unwrap_or_default()).iter().chain(&WRITING);
    names
        .filter(|name| name.starts_with(last) && !set.contains(name))
        .map(|name| candidate(format!("{before}{name}="), "an attribute"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let found = sources(OsStr::new(text)).into_iter();
        found
            .map(|candidate| candidate.get_value().to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn attributes_of_the_kind_are_offered_in_a_type_string() {
        assert_eq!(found("type=i"), ["type=inline"]);
        assert_eq!(
            found("type=local,d"),
            ["type=local,dest=", "type=local,digest="]
        );
        assert_eq!(
            found("type=s3,bucket=b,mode=m"),
            ["type=s3,bucket=b,mode=min", "type=s3,bucket=b,mode=max"]
        );
        // Attributes that are set are not offered again.
        assert!(!found("type=s3,bucket=b,").contains(&"type=s3,bucket=b,bucket=".to_owned()));
    }

    #[test]
    fn every_offered_attribute_is_accepted() {
        let needed = [
            ("local", "src=./cache"),
            ("registry", "ref=ghcr.io/acme/app:c"),
            ("inline", "ref=ghcr.io/acme/app:c"),
            ("s3", "bucket=bucket"),
            ("gha", "repository=acme/app"),
        ];
        for (kind, needs) in needed {
            for name in attributes(kind).iter().chain(&WRITING) {
                if needs.starts_with(&format!("{name}=")) {
                    continue;
                }
                let value = match *name {
                    "dest" => "./cache",
                    "digest" => &format!("sha256:{}", "0".repeat(64)),
                    name if name.ends_with("prefix") => "a/",
                    "url" | "url_v2" | "endpoint_url" => "https://cache.example",
                    name => attribute_values(name).first().copied().unwrap_or("1"),
                };
                let text = format!("type={kind},{needs},{name}={value}");
                let parsed = Source::parse(&text, &|_| true).unwrap();
                assert_eq!(parsed.warnings, [], "{text}");
            }
        }
    }

    #[test]
    fn hosts_are_not_asked_for_refs() {
        assert_eq!(found("s3://bucket/prefix#m"), [""; 0]);
        assert_eq!(found("ghcr.io/acme/app#m"), [""; 0]);
    }
}
