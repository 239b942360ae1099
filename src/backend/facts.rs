//! The facts about a store that need no further request, as one value.

use std::fmt;
use std::sync::Arc;

use super::bucket::Bucket;
use super::{Capabilities, QuotaFacts, Support};

/// Contents that a store may have and does not list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unseen {
    /// Such a store never shows this.
    Never(String),
    /// The last listing was incomplete.
    Part(String),
}

/// Why a store lists no previous versions of its refs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnlistedVersions {
    /// A cache of this kind has none.
    NoneOfKind,
    /// The registry lists only the manifests of tags.
    OnlyTags,
    /// The registry did not list them.
    Failed {
        /// The message of the error.
        message: String,
        hint: Option<String>,
    },
}

impl fmt::Display for UnlistedVersions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoneOfKind => {
                f.write_str("a cache of this kind has no previous versions of its refs")
            }
            Self::OnlyTags => f.write_str(
                "a registry lists only the current manifests of its tags, not previous versions",
            ),
            Self::Failed { message, hint } => {
                write!(f, "previous versions are not listed: {message}")?;
                match hint {
                    Some(hint) => write!(f, " ({hint})"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// The facts of a store beyond the cache, which depend on its kind.
#[derive(Debug, Clone, Default)]
pub enum Surroundings {
    /// The store reports none, or has not reported them yet.
    #[default]
    Unknown,
    /// The quota and the branches around a GitHub cache.
    Quota(Arc<QuotaFacts>),
    /// The bucket that the cache lies in.
    Bucket(Arc<Bucket>),
}

impl Surroundings {
    /// Returns the quota and the branches of a store with a quota.
    pub fn quota(&self) -> Option<&QuotaFacts> {
        match self {
            Self::Quota(facts) => Some(facts),
            Self::Unknown | Self::Bucket(_) => None,
        }
    }

    /// Returns the bucket, if the cache lies in one.
    pub fn bucket(&self) -> Option<&Bucket> {
        match self {
            Self::Bucket(bucket) => Some(bucket),
            Self::Unknown | Self::Quota(_) => None,
        }
    }
}

/// The facts about a store. Some are known only after the refs were read or the objects listed.
#[derive(Debug, Clone)]
pub struct StoreFacts {
    /// Which deletions it supports.
    pub capabilities: Capabilities,
    /// Whether refs can be rewritten.
    pub rewrite_ref: Support,
    /// The free bytes of the file system.
    pub free_bytes: Option<u64>,
    /// Whether [`list_refs`](super::CacheReader::list_refs) lists every ref of the store.
    pub reads_all_refs: bool,
    /// Why the store lists no objects. In such a store, a referenced blob counts as stored.
    pub unlisted: Option<&'static str>,
    /// Whether a scan asks for each blob, in such a store.
    pub asks_for_each: bool,
    /// Why the store lists no previous versions of its refs.
    pub unlisted_versions: Option<UnlistedVersions>,
    /// The refs in the last listing that have no manifest.
    pub without_manifest: Vec<String>,
    /// Contents that the store may have but does not list.
    pub unseen: Option<Unseen>,
    /// The facts beyond the cache, as of the last listing.
    pub surroundings: Surroundings,
    /// How the store handles deletions, once a run has detected that.
    pub deletes: Option<String>,
}

impl StoreFacts {
    /// Returns the facts of a store with these capabilities that lists all its refs and objects.
    pub fn new(capabilities: Capabilities) -> Self {
        Self {
            rewrite_ref: capabilities.delete_ref.clone(),
            capabilities,
            free_bytes: None,
            reads_all_refs: true,
            unlisted: None,
            asks_for_each: false,
            unlisted_versions: Some(UnlistedVersions::NoneOfKind),
            without_manifest: Vec::new(),
            unseen: None,
            surroundings: Surroundings::Unknown,
            deletes: None,
        }
    }
}
