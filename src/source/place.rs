//! Where a store is, however it was named.
//!
//! Plans and journals contain a place as text. Its forms are part of their format: an old journal
//! must still find its store.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::path::{from_text, to_text};

/// The location of a store, independent of the name it was opened with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum Place {
    /// A directory of this machine, without links in its path.
    Local(PathBuf),
    /// The store directory of a registry on this machine.
    RegistryDir(PathBuf),
    /// A repository in a registry, as a source without credentials.
    Registry(String),
    /// A prefix of a bucket, as a source without credentials.
    S3(String),
    /// The GitHub Actions cache of a repository.
    Gha {
        /// The repository, as in `acme/app`.
        repository: String,
        /// The address of the API.
        api: String,
    },
    /// A store in memory.
    Memory,
    /// A text that this version of the program does not write.
    Other(String),
}

/// The beginnings of the texts of places.
const REGISTRY: &str = "registry ";
const REGISTRY_DIR: &str = "registry-dir ";
const S3: &str = "s3 ";
const GHA: &str = "gha:";
const GHA_API: &str = " at ";
const MEMORY: &str = "memory";

impl Place {
    /// Returns the source that opens the store, as text.
    ///
    /// The address of GitHub's API is not part of it: that comes from the environment.
    pub fn source(&self) -> String {
        match self {
            Self::Local(dir) => to_text(dir),
            Self::RegistryDir(dir) => format!("registry-dir:{}", to_text(dir)),
            Self::Registry(source) | Self::S3(source) => source.clone(),
            Self::Gha { repository, .. } => format!("{GHA}{repository}"),
            Self::Memory => MEMORY.to_owned(),
            Self::Other(text) => text.clone(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(dir) => f.write_str(&to_text(dir)),
            Self::RegistryDir(dir) => write!(f, "{REGISTRY_DIR}{}", to_text(dir)),
            Self::Registry(source) => write!(f, "{REGISTRY}{source}"),
            Self::S3(source) => write!(f, "{S3}{source}"),
            Self::Gha { repository, api } => write!(f, "{GHA}{repository}{GHA_API}{api}"),
            Self::Memory => f.write_str(MEMORY),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.to_string()
    }
}

impl From<String> for Place {
    fn from(text: String) -> Self {
        let gha = text
            .strip_prefix(GHA)
            .and_then(|rest| rest.split_once(GHA_API));
        if let Some((repository, api)) = gha {
            return Self::Gha {
                repository: repository.to_owned(),
                api: api.to_owned(),
            };
        }
        if let Some(dir) = text.strip_prefix(REGISTRY_DIR) {
            return Self::RegistryDir(from_text(dir));
        }
        if let Some(source) = text.strip_prefix(REGISTRY) {
            return Self::Registry(source.to_owned());
        }
        if let Some(source) = text.strip_prefix(S3) {
            return Self::S3(source.to_owned());
        }
        if text == MEMORY {
            Self::Memory
        } else if text.starts_with('/') {
            Self::Local(from_text(&text))
        } else {
            Self::Other(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_journals_are_places_and_name_the_source_that_opens_them() {
        let gha = Place::Gha {
            repository: "acme/app".to_owned(),
            api: "https://api.github.com".to_owned(),
        };
        for (text, place, source) in [
            (
                "/srv/cache",
                Place::Local("/srv/cache".into()),
                "/srv/cache",
            ),
            (
                "registry ghcr.io/acme/app",
                Place::Registry("ghcr.io/acme/app".to_owned()),
                "ghcr.io/acme/app",
            ),
            (
                "s3 s3://b/p/?region=r",
                Place::S3("s3://b/p/?region=r".to_owned()),
                "s3://b/p/?region=r",
            ),
            (
                "gha:acme/app at https://api.github.com",
                gha,
                "gha:acme/app",
            ),
            (
                "registry-dir /srv/registry",
                Place::RegistryDir("/srv/registry".into()),
                "registry-dir:/srv/registry",
            ),
            ("memory", Place::Memory, "memory"),
            ("cache", Place::Other("cache".to_owned()), "cache"),
        ] {
            let parsed = Place::from(text.to_owned());
            assert_eq!(parsed, place);
            assert_eq!(parsed.to_string(), text);
            assert_eq!(parsed.source(), source);
        }
    }

    #[test]
    fn paths_of_any_bytes_come_back() {
        let dir: PathBuf = from_text("/srv/\u{10ffe9}");
        assert!(dir.to_str().is_none());
        let place = Place::Local(dir);
        assert_eq!(Place::from(place.to_string()), place);
    }
}
