//! A ref as a store lists it.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::format::digest::DigestText;
use crate::format::layout::LayoutRef;
use crate::format::manifest::Descriptor;

/// A ref in the listing of a store: a build imports it by name, or by its digest.
#[derive(Debug, Clone)]
pub struct ListedRef {
    /// The names; the one that an importer prefers comes first. Empty for an untagged entry.
    pub names: Vec<String>,
    /// Shared, because its annotations are large and a store may have many refs.
    pub descriptor: Arc<Descriptor>,
    /// Facts of the store about it.
    pub facts: ListedRefFacts,
}

/// Facts of a store about a ref. Most stores have few of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedRefFacts {
    /// When it was last written, if the blob that it points to does not show that.
    pub modified: Option<Timestamp>,
    /// When a build last used it.
    pub used: Option<Timestamp>,
    /// The repository that it belongs to, in a registry or on GitHub.
    pub repository: Option<String>,
    /// The branch that wrote it.
    pub branch: Option<String>,
    /// 0 for the current content of the name; previous versions count from 1 on, the newest first.
    pub generation: u32,
    /// The ref of which this is a previous version, if the store knows it.
    pub previous_of: Option<String>,
    /// The size of the entry itself in bytes, if it is no blob of the store.
    pub bytes: u64,
    /// Why its content is withheld by design, and not by a fault. Its digest is then only an
    /// identifier.
    pub withheld: Option<WithheldReason>,
    /// Why its content cannot be read, if the store has reported that already. Its digest is then
    /// only an identifier.
    pub unread: Option<String>,
}

/// Why a store withholds the content of a ref by design.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum WithheldReason {
    /// Only jobs may read it.
    OutsideJob,
    /// Reading it would count as a use of it.
    Untouched,
    /// It belongs to a branch whose caches this job may not read.
    OtherBranch,
    /// It was deleted before it could be read.
    Deleted,
    /// The service does not list all refs, for the given reason. This entry stands for the others.
    NotListed(String),
}

impl fmt::Display for WithheldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutsideJob => {
                f.write_str("the content of the index can be read only inside a job")
            }
            Self::Untouched => {
                f.write_str("not read, because that counts as a use of it (--no-touch)")
            }
            Self::OtherBranch => f.write_str("this job may not read the caches of that branch"),
            Self::Deleted => f.write_str("it was deleted before it could be read"),
            Self::NotListed(why) => write!(f, "GitHub does not list all indexes: {why}"),
        }
    }
}

impl ListedRef {
    /// Makes a ref without further facts.
    pub fn new(names: Vec<String>, descriptor: Descriptor) -> Self {
        Self {
            names,
            descriptor: Arc::new(descriptor),
            facts: ListedRefFacts::default(),
        }
    }

    /// Returns the display name: the first name; `main~1` for the previous version of `main`; else
    /// the digest.
    pub fn name(&self) -> String {
        match (self.names.first(), &self.facts.previous_of) {
            (Some(name), _) => name.clone(),
            (None, Some(of)) => format!("{of}~{}", self.facts.generation),
            (None, None) => match &self.descriptor.digest {
                DigestText::Valid(digest) => digest.to_string(),
                DigestText::Invalid(text) => text.to_string(),
            },
        }
    }
}

impl From<LayoutRef> for ListedRef {
    fn from(LayoutRef { names, descriptor }: LayoutRef) -> Self {
        // Layouts reference cache configs through manifests: a direct one is a mistake.
        let unread = descriptor
            .is_cache_config()
            .then(|| "`index.json` names a cache config in the place of a manifest".to_owned());
        let mut listed_ref = Self::new(names, descriptor);
        listed_ref.facts.unread = unread;
        listed_ref
    }
}
