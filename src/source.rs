//! What the user names: a `type=…` string as builds have it, or a short form, becomes a [`Source`].
//!
//! Parsing looks at nothing but the text, and asks its caller only whether a directory exists. What it yields says where
//! a cache lies and which of its refs are meant; opening it is the business of the backends.

mod attributes;
mod error;
mod gha;
mod local;
mod parse;
mod print;
mod registry;
mod s3;
mod secret;

use std::path::Path;

pub use error::{SourceError, Warning};
pub use gha::{GhaLocation, GithubRepository, ServiceVersion};
pub use local::LocalLocation;
pub use registry::RegistryLocation;
pub use s3::S3Location;
pub use secret::Secret;

use crate::format::digest::Digest;

/// A cache that can be opened, and which of its refs are meant.
///
/// It prints as a text that parses to the same source again, except that credentials are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where the cache lies.
    pub location: Location,
    /// The refs that are meant; absent means all of them.
    pub select: Option<RefSelector>,
    /// Attributes that say how a build writes the cache, kept only to be printed again.
    pub ignored: Vec<(&'static str, String)>,
}

/// Where a cache lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A directory.
    Local(LocalLocation),
    /// A repository in a registry, with cache manifests, images with an inline cache, or both.
    Registry(RegistryLocation),
    /// The directory in which a registry of the distribution project keeps its store.
    RegistryDir(LocalLocation),
    /// A bucket in S3 or in something that speaks its protocol.
    S3(S3Location),
    /// The GitHub Actions cache of a repository.
    Gha(GhaLocation),
    /// The cache that is built into the program.
    Demo,
}

/// Says which refs of a cache are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefSelector {
    /// The ref of that name.
    Name(String),
    /// The refs of those names: an S3 exporter writes its manifest under each name of a list.
    AnyOf(Vec<String>),
    /// The refs with that manifest.
    Digest(Digest),
}

impl RefSelector {
    /// Selects by digest when `text` is one, else by name.
    pub fn new(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Digest)
    }

    /// Tells whether a ref of that name and manifest is meant.
    pub fn selects(&self, name: &str, manifest: Option<&Digest>) -> bool {
        match self {
            Self::Name(selected) => selected == name,
            Self::AnyOf(selected) => selected.iter().any(|selected| selected == name),
            Self::Digest(selected) => Some(selected) == manifest,
        }
    }
}

/// A source, and what is odd about the text that named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The source.
    pub source: Source,
    /// What the user should know.
    pub warnings: Vec<Warning>,
}

impl Source {
    /// Parses a `type=…` string or a short form, either with `#REF` after it.
    ///
    /// `exists` says whether a directory exists; one that does wins over a name that could also be read as an image.
    pub fn parse(text: &str, exists: &dyn Fn(&Path) -> bool) -> Result<Parsed, SourceError> {
        parse::parse(text, exists)
    }

    /// Tells whether it names a service of its own without keys for it: that gets what the environment's keys sign. Who
    /// names such a source has to be trusted with them.
    pub fn signs_for_another_service(&self) -> bool {
        match &self.location {
            Location::S3(s3) => {
                s3.endpoint_url.is_some() && (s3.access_key_id.is_none() || s3.secret_access_key.is_none())
            }
            _ => false,
        }
    }

    /// Returns the word for its kind, as it stands in JSON.
    pub fn kind(&self) -> &'static str {
        match self.location {
            Location::Local(_) => "local",
            Location::Registry(_) => "registry",
            Location::RegistryDir(_) => "registry-dir",
            Location::S3(_) => "s3",
            Location::Gha(_) => "gha",
            Location::Demo => "demo",
        }
    }

    /// Returns the same source, a relative directory being meant from `base`.
    #[must_use]
    pub fn relative_to(mut self, base: &Path) -> Self {
        if let Location::Local(local) | Location::RegistryDir(local) = &mut self.location {
            *local = LocalLocation::new(base.join(&local.dir));
        }
        self
    }
}

#[cfg(test)]
mod tests;
