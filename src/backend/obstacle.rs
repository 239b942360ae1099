//! Why a store does not support a deletion or a rewrite.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a store does not support a deletion or a rewrite. Documents contain its text, so a plan from
/// a file has only that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum Obstacle {
    /// The store lives in memory.
    InMemory,
    /// The question to the store was interrupted.
    Interrupted,
    /// A file of a layout is a symbolic link.
    LinkedFile(String),
    /// A folder of a layout is a symbolic link, so caches with unknown refs may use its blobs.
    LinkedFolder(String),
    /// The store directory of a registry is only read.
    RegistryDirectory,
    /// A registry frees space by its own collection.
    OwnCollection,
    /// A registry refuses deletions.
    DeletionRefused {
        /// The host of the registry.
        host: String,
    },
    /// Only a job writes to the cache of a repository on GitHub.
    OutsideJob,
    /// The token of the job may not write.
    ReadOnlyToken,
    /// The credentials cannot be used.
    Credentials(String),
    /// The object is no plain file.
    NotAFile,
    /// The object may be read only in part.
    PartlyReadable,
    /// The reason in a plan that was read from a file.
    Saved(String),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InMemory => "nothing can be deleted here",
            Self::Interrupted => "interrupted",
            Self::LinkedFile(name) => {
                return write!(f, "`{name}` is a symbolic link, not the file itself");
            }
            Self::LinkedFolder(name) => {
                return write!(
                    f,
                    "`{name}` is a symbolic link: other caches may use the same blobs, and which they need is not \
                     known"
                );
            }
            Self::RegistryDirectory => {
                "a registry's own store is only read: prune it through the registry, and let `registry \
                 garbage-collect` free the space"
            }
            Self::OwnCollection => {
                "a registry frees space by its own collection (distribution: `registry garbage-collect CONFIG`)"
            }
            Self::DeletionRefused { host } => return refused(host, f),
            Self::OutsideJob => {
                "only a job can write to the cache of a repository on GitHub: run it in a job of the branch, or \
                 export the scope again"
            }
            Self::ReadOnlyToken => "the token of this job may not write to the cache",
            Self::NotAFile => "it is not a plain file",
            Self::PartlyReadable => "not all of it may be read",
            Self::Credentials(text) | Self::Saved(text) => text,
        })
    }
}

impl From<Obstacle> for String {
    fn from(obstacle: Obstacle) -> Self {
        obstacle.to_string()
    }
}

impl From<String> for Obstacle {
    fn from(text: String) -> Self {
        Self::Saved(text)
    }
}

fn refused(host: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(
        f,
        "{host} deletes nothing: its operator has to allow it (distribution: `storage: delete: enabled: true`, or \
         REGISTRY_STORAGE_DELETE_ENABLED=true)"
    )
}
