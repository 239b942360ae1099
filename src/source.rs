//! Parses the names of caches: a `type=…` string as in builds, or a short form, becomes a
//! [`Source`].
//!
//! Parsing uses only the text, and asks the caller only whether a directory exists. The result has
//! the location of a cache and the selected refs; backends open it.

mod attributes;
pub mod environment;
mod error;
mod gha;
mod import;
mod local;
mod parse;
mod pasted;
pub mod path;
mod place;
mod print;
mod registry;
mod s3;
mod secret;
mod text;
mod trust;

use std::fmt;
use std::path::Path;

pub use error::{SourceError, SourceWarning};
pub use gha::{GhaLocation, GithubRepository, ServiceVersion};
pub use local::LocalLocation;
pub use pasted::{begins_with_flag, is_flag};
pub use place::Place;
pub use registry::RegistryLocation;
pub use s3::{BucketName, Region, S3Location};
pub use secret::Secret;
pub use text::SourceText;
pub use trust::Trust;

use crate::format::digest::Digest;
use crate::text::pattern::fits_stars;

/// A cache that can be opened, and the selected refs.
///
/// It prints as a text that parses to the same source, except that credentials are omitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The location of the cache.
    pub location: SourceLocation,
    /// The selected refs; `None` for all of them.
    pub select: Option<RefSelector>,
    /// Attributes about how a build writes the cache, which are kept only for printing.
    pub ignored: Vec<(&'static str, String)>,
    pub trust: Trust,
}

/// The location of a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceLocation {
    /// A directory.
    Local(LocalLocation),
    /// A repository in a registry, with cache manifests, images with an inline cache, or both.
    Registry(RegistryLocation),
    /// The store directory of a registry of the distribution project.
    RegistryDir(LocalLocation),
    /// A bucket in S3 or in a compatible service.
    S3(S3Location),
    /// The GitHub Actions cache of a repository.
    Gha(GhaLocation),
    /// The demo cache in the program.
    Demo,
}

/// A kind of store, in the order of their words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StoreKind {
    /// The cache that is built into the program.
    Demo,
    /// The GitHub Actions cache.
    Gha,
    /// An image layout in a directory.
    Local,
    /// A store in memory, which no source names.
    Memory,
    /// A repository in a registry.
    Registry,
    /// The store directory of a registry.
    RegistryDir,
    /// A bucket.
    S3,
}

impl StoreKind {
    /// Returns the word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Registry => "registry",
            Self::RegistryDir => "registry-dir",
            Self::S3 => "s3",
            Self::Gha => "gha",
            Self::Demo => "demo",
            Self::Memory => "memory",
        }
    }

    /// Returns whether reading costs nobody anything: no request to a service is counted, and no
    /// use of a cache entry.
    pub fn is_cheap(self) -> bool {
        matches!(
            self,
            Self::Local | Self::RegistryDir | Self::Demo | Self::Memory
        )
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Selects refs of a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefSelector {
    Name(String),
    /// The refs of those names: an S3 exporter writes its manifest under each name of a list.
    AnyOf(Vec<String>),
    /// The refs with that manifest.
    Digest(Digest),
    /// The refs whose names fit a pattern, in which `*` is any text.
    Glob(String),
}

impl RefSelector {
    /// Selects by digest when `text` is one, by a pattern when it has a `*`, else by name.
    pub fn new(text: &str) -> Self {
        match text.parse() {
            Ok(digest) => Self::Digest(digest),
            Err(_) if text.contains('*') => Self::Glob(text.to_owned()),
            Err(_) => Self::Name(text.to_owned()),
        }
    }

    /// Returns whether it is a pattern, which any number of refs may fit.
    pub fn is_pattern(&self) -> bool {
        match self {
            Self::Glob(_) => true,
            Self::AnyOf(names) => names.iter().any(|name| name.contains('*')),
            Self::Name(_) | Self::Digest(_) => false,
        }
    }

    /// Returns whether it selects a ref of that name and manifest.
    pub fn selects(&self, name: &str, manifest: Option<&Digest>) -> bool {
        match self {
            Self::Name(selected) => selected == name,
            Self::AnyOf(selected) => selected.iter().any(|selected| fits_stars(selected, name)),
            Self::Digest(selected) => Some(selected) == manifest,
            Self::Glob(pattern) => pattern == name || fits_stars(pattern, name),
        }
    }
}

/// A source, with warnings about its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedSource {
    pub source: Source,
    /// The warnings for the user.
    pub warnings: Vec<SourceWarning>,
}

impl Source {
    /// Parses a `type=…` string or a short form, each with an optional `#REF`, as named by the
    /// user. Callers that parse the text of a file must set another trust ([`Source::with_trust`]).
    ///
    /// `exists` returns whether a directory exists. An existing directory is preferred over an
    /// image of the same name.
    pub fn parse(text: &str, exists: &dyn Fn(&Path) -> bool) -> Result<ParsedSource, SourceError> {
        parse::parse(text, exists)
    }

    /// Returns the kind of its store.
    pub fn kind(&self) -> StoreKind {
        match self.location {
            SourceLocation::Local(_) => StoreKind::Local,
            SourceLocation::Registry(_) => StoreKind::Registry,
            SourceLocation::RegistryDir(_) => StoreKind::RegistryDir,
            SourceLocation::S3(_) => StoreKind::S3,
            SourceLocation::Gha(_) => StoreKind::Gha,
            SourceLocation::Demo => StoreKind::Demo,
        }
    }

    /// Returns whether a part of its place is a pattern. Then it names no store that can be opened:
    /// a pattern may only stand for refs.
    pub fn has_vague_place(&self) -> bool {
        match &self.location {
            SourceLocation::Local(local) | SourceLocation::RegistryDir(local) => {
                local.dir.to_string_lossy().contains('*')
            }
            SourceLocation::S3(s3) => {
                let parts = [&s3.prefix, &s3.manifests_prefix, &s3.blobs_prefix];
                let address = s3.endpoint_url.as_deref().unwrap_or_default();
                parts.iter().any(|part| part.contains('*')) || address.contains('*')
            }
            SourceLocation::Gha(gha) => {
                let addresses = [&gha.url, &gha.url_v2];
                addresses
                    .into_iter()
                    .flatten()
                    .any(|address| address.contains('*'))
            }
            SourceLocation::Registry(_) | SourceLocation::Demo => false,
        }
    }

    /// Returns the pattern of the refs that it means, where it means those that fit one. The scope
    /// of a GitHub cache is one of the names of its refs.
    pub fn ref_pattern(&self) -> Option<String> {
        match (&self.select, &self.location) {
            (Some(select), _) if select.is_pattern() => Some(select.to_string()),
            (None, SourceLocation::Gha(gha)) => {
                gha.scope.as_ref().map(|scope| format!("{scope}@*"))
            }
            _ => None,
        }
    }

    /// Returns the same source, with a relative directory resolved from `base`.
    #[must_use]
    pub fn relative_to(mut self, base: &Path) -> Self {
        if let SourceLocation::Local(local) | SourceLocation::RegistryDir(local) =
            &mut self.location
        {
            *local = LocalLocation::new(base.join(&local.dir));
        }
        self
    }
}

#[cfg(test)]
mod tests;
