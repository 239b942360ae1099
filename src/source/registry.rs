//! Repositories in registries, and the references that name them.

use std::fmt;

use super::attributes::Attributes;
use super::{RefSelector, SourceError};

/// The registry that a reference without one is about.
const DEFAULT_HOST: &str = "docker.io";

/// A repository, where cache manifests and images with an inline cache lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryLocation {
    /// The registry's name and port, as in `ghcr.io` or `localhost:5000`. `docker.io` stands for Docker Hub.
    pub host: String,
    /// The path of the repository, as in `acme/app`; empty for all that the registry lists.
    pub repository: String,
    /// Whether plain HTTP and unknown certificates are accepted (`registry.insecure`).
    pub insecure: bool,
}

impl RegistryLocation {
    /// Tells whether `text`, which is no `type=…` string, reads like a reference and not like a relative path: it begins
    /// with a registry, or has a tag or a digest.
    pub(super) fn looks_like_reference(text: &str) -> bool {
        match text.split_once('/') {
            Some((first, _)) if is_host(first) => true,
            _ => text.contains('@') || text.rsplit('/').next().is_some_and(|last| last.contains(':')),
        }
    }

    /// Parses `[HOST/]REPOSITORY[:TAG][@DIGEST]` by the grammar of the distribution project (`reference/reference.go`),
    /// with Docker's defaults for what is left out. A digest has the word over a tag.
    pub(super) fn parse(reference: &str) -> Result<(Self, Option<RefSelector>), SourceError> {
        let is_known =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':' | '@' | '[' | ']');
        if let Some(stray) = reference.chars().find(|c| !is_known(*c)) {
            return Err(SourceError::ReferenceCharacter(stray));
        }
        let (name, digest) = match reference.split_once('@') {
            Some((name, digest)) => (name, Some(RefSelector::Digest(digest.parse()?))),
            None => (reference, None),
        };
        let (host, path) = match name.split_once('/') {
            Some((first, path)) if is_host(first) => (first, path),
            _ => (DEFAULT_HOST, name),
        };
        let (path, tag) = match path.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(check_tag(tag)?)),
            _ => (path, None),
        };
        if !name.contains('/') && is_host(path) {
            return Err(SourceError::NoRepository(name.to_owned()));
        }
        if !is_valid_host(host) {
            return Err(SourceError::RegistryHost(host.to_owned()));
        }
        let host = if host == "index.docker.io" { DEFAULT_HOST } else { host };
        if path.len() > 255 || !path.split('/').all(is_path_component) {
            return Err(SourceError::Repository(path.to_owned()));
        }
        let repository =
            if host == DEFAULT_HOST && !path.contains('/') { format!("library/{path}") } else { path.to_owned() };
        Ok((Self { host: host.to_owned(), repository, insecure: false }, digest.or(tag)))
    }

    /// Reads the name of a whole registry: a host with a port, or one with a slash after it.
    pub(super) fn parse_registry(text: &str) -> Option<Self> {
        let host = text.strip_suffix('/').unwrap_or(text);
        // `alpine:3` is an image.
        let is_named = text.ends_with('/') || host.rsplit_once(':').is_some_and(|(name, _)| is_host(name));
        (is_named && !host.contains('/') && is_host(host) && is_valid_host(host)).then(|| Self {
            host: host.to_owned(),
            repository: String::new(),
            insecure: false,
        })
    }

    /// Tells whether all repositories of the registry are meant.
    pub fn is_whole_registry(&self) -> bool {
        self.repository.is_empty()
    }

    /// Returns the location of a repository in the same registry; none when that is not its name.
    pub fn repository_of(&self, name: &str) -> Option<Self> {
        let is_valid = name.len() <= 255 && name.split('/').all(is_path_component);
        is_valid.then(|| Self { repository: name.to_owned(), ..self.clone() })
    }

    /// Tells whether `text` is a tag that a build can name.
    pub fn is_tag(text: &str) -> bool {
        check_tag(text).is_ok()
    }

    /// Takes what locates a registry cache from `attributes`; `kind` is `registry` or `inline`.
    pub(super) fn take(
        kind: &'static str,
        attributes: &mut Attributes,
    ) -> Result<(Self, Option<RefSelector>), SourceError> {
        let reference = attributes.text("ref").ok_or(SourceError::Missing { kind, name: "ref" })?;
        let (location, select) = Self::parse(&reference)?;
        Ok((Self { insecure: attributes.flag("registry.insecure")?, ..location }, select))
    }

    /// Reads the ref after a `#`, which in a registry is a tag or a digest.
    pub(super) fn selector(text: &str) -> Result<RefSelector, SourceError> {
        match RefSelector::new(text) {
            RefSelector::Name(tag) => check_tag(&tag),
            other => Ok(other),
        }
    }
}

impl fmt::Display for RegistryLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)
    }
}

/// Tells whether the first component of a reference is a registry and not a part of the repository, as Docker does.
fn is_host(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':'])
}

fn is_valid_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let name_is_valid = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name.split('.').all(|label| {
            label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
        }),
    };
    name_is_valid
        && port.is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

/// Tells whether `part` is one component of a repository's path. What separates its letters is checked less strictly
/// than by a registry, but nothing passes that could leave its place in a URL.
fn is_path_component(part: &str) -> bool {
    let is_alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    bytes.first().is_some_and(is_alphanumeric)
        && bytes.last().is_some_and(is_alphanumeric)
        && bytes.iter().all(|byte| is_alphanumeric(byte) || matches!(byte, b'.' | b'_' | b'-'))
}

fn check_tag(tag: &str) -> Result<RefSelector, SourceError> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_valid = (1..=128).contains(&tag.len())
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'));
    is_valid.then(|| RefSelector::Name(tag.to_owned())).ok_or_else(|| SourceError::Tag(tag.to_owned()))
}
