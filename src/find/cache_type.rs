//! The types of caches that BuildKit reads and writes, as `type=` names them.

use std::fmt;

/// The type of a declared cache.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CacheType {
    Registry,
    Inline,
    Local,
    Gha,
    S3,
    Azblob,
    /// A type that BuildKit does not have, or that is not known before the build.
    Other(String),
}

impl CacheType {
    /// Returns the type with this name.
    pub fn named(name: &str) -> Self {
        match name {
            "registry" => Self::Registry,
            "inline" => Self::Inline,
            "local" => Self::Local,
            "gha" => Self::Gha,
            "s3" => Self::S3,
            "azblob" => Self::Azblob,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Returns whether BuildKit has this type.
    pub fn is_known(&self) -> bool {
        !matches!(self, Self::Other(_))
    }
}

impl fmt::Display for CacheType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Registry => "registry",
            Self::Inline => "inline",
            Self::Local => "local",
            Self::Gha => "gha",
            Self::S3 => "s3",
            Self::Azblob => "azblob",
            Self::Other(name) => name,
        })
    }
}
