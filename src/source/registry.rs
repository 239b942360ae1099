//! Repositories in registries, and references to them.

use std::fmt;

use super::attributes::Attributes;
use super::{RefSelector, SourceError};

/// The registry of a reference without one.
const DEFAULT_HOST: &str = "docker.io";

/// A repository with cache manifests and images with an inline cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryLocation {
    /// The registry's name and port, as in `ghcr.io` or `localhost:5000`. `docker.io` means Docker
    /// Hub.
    pub host: String,
    /// The path of the repository, as in `acme/app`; empty for all repositories of the registry.
    pub repository: String,
    /// Whether plain HTTP and unknown certificates are accepted (`registry.insecure`).
    pub insecure: bool,
}

impl RegistryLocation {
    /// Returns whether `text`, which is no `type=…` string, looks like a reference and not like a
    /// relative path: it starts with a registry, or has a tag or a digest.
    pub(super) fn looks_like_reference(text: &str) -> bool {
        match text.split_once('/') {
            Some((first, _)) if is_host(first) => true,
            _ => {
                text.contains('@')
                    || text
                        .rsplit('/')
                        .next()
                        .is_some_and(|last| last.contains(':'))
            }
        }
    }

    /// Parses `[HOST/]REPOSITORY[:TAG][@DIGEST]` by the grammar of the distribution project
    /// (`reference/reference.go`), with Docker's defaults for missing parts. A digest takes
    /// precedence over a tag.
    pub(super) fn parse(reference: &str) -> Result<(Self, Option<RefSelector>), SourceError> {
        let is_known = |c: char| {
            c.is_ascii_alphanumeric()
                || matches!(c, '.' | '_' | '-' | '/' | ':' | '@' | '[' | ']' | '*')
        };
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
        if host.contains('*') || path.contains('*') {
            return Err(SourceError::VagueRepository);
        }
        if !name.contains('/') && is_host(path) {
            return Err(SourceError::NoRepository(name.to_owned()));
        }
        if !is_valid_host(host) {
            return Err(SourceError::RegistryHost(host.to_owned()));
        }
        let host = if host == "index.docker.io" {
            DEFAULT_HOST
        } else {
            host
        };
        if path.len() > 255 || !path.split('/').all(is_path_component) {
            return Err(SourceError::Repository(path.to_owned()));
        }
        let repository = if host == DEFAULT_HOST && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        Ok((
            Self {
                host: host.to_owned(),
                repository,
                insecure: false,
            },
            digest.or(tag),
        ))
    }

    /// Parses the name of a whole registry: a host with a port, or one with a slash after it.
    pub(super) fn parse_registry(text: &str) -> Option<Self> {
        let host = text.strip_suffix('/').unwrap_or(text);
        // `alpine:3` is an image.
        let is_named =
            text.ends_with('/') || host.rsplit_once(':').is_some_and(|(name, _)| is_host(name));
        (is_named && !host.contains('/') && is_host(host) && is_valid_host(host)).then(|| Self {
            host: host.to_owned(),
            repository: String::new(),
            insecure: false,
        })
    }

    /// Returns whether it selects all repositories of the registry.
    pub fn is_whole_registry(&self) -> bool {
        self.repository.is_empty()
    }

    /// Returns the location of a repository in the same registry; `None` if the name is invalid.
    pub fn repository_of(&self, name: &str) -> Option<Self> {
        let is_valid = name.len() <= 255 && name.split('/').all(is_path_component);
        is_valid.then(|| Self {
            repository: name.to_owned(),
            ..self.clone()
        })
    }

    /// Returns whether `text` is a valid tag.
    pub fn is_tag(text: &str) -> bool {
        is_valid_tag(text)
    }

    /// Takes the attributes with the location of a registry cache; `kind` is `registry` or
    /// `inline`.
    pub(super) fn take(
        kind: &'static str,
        attributes: &mut Attributes,
    ) -> Result<(Self, Option<RefSelector>), SourceError> {
        let reference = attributes
            .text("ref")
            .ok_or(SourceError::Missing { kind, name: "ref" })?;
        let (location, select) = Self::parse(&reference)?;
        Ok((
            Self {
                insecure: attributes.flag("registry.insecure")?,
                ..location
            },
            select,
        ))
    }

    /// Reads the ref after a `#`, which in a registry is a tag, a pattern of tags, or a digest.
    pub(super) fn selector(text: &str) -> Result<RefSelector, SourceError> {
        match RefSelector::new(text) {
            RefSelector::Name(tag) | RefSelector::Glob(tag) => check_tag(&tag),
            other => Ok(other),
        }
    }
}

impl fmt::Display for RegistryLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)
    }
}

/// Returns whether the first component of a reference is a registry and not a part of the
/// repository, by Docker's rules.
fn is_host(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':'])
}

fn is_valid_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let name_is_valid = match name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name.split('.').all(|label| {
            label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
        }),
    };
    name_is_valid
        && port.is_none_or(|port| {
            port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
        })
}

/// Returns whether `part` is a valid component of a repository's path. Separators are checked less
/// strictly than by a registry, but no accepted component can change the meaning of a URL.
fn is_path_component(part: &str) -> bool {
    let is_alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    bytes.first().is_some_and(is_alphanumeric)
        && bytes.last().is_some_and(is_alphanumeric)
        && bytes
            .iter()
            .all(|byte| is_alphanumeric(byte) || matches!(byte, b'.' | b'_' | b'-'))
}

/// Selects a tag, or the tags that fit a pattern.
fn check_tag(tag: &str) -> Result<RefSelector, SourceError> {
    if is_valid_tag(tag) {
        return Ok(RefSelector::Name(tag.to_owned()));
    }
    // `_` is a character that may stand anywhere in a tag.
    if tag.contains('*') && is_valid_tag(&tag.replace('*', "_")) {
        return Ok(RefSelector::Glob(tag.to_owned()));
    }
    Err(SourceError::Tag(tag.to_owned()))
}

fn is_valid_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().next().is_some_and(is_word)
        && tag
            .bytes()
            .all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}
