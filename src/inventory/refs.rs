//! Refs with the blobs that they reach.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::blobs::{BlobId, BlobTable};
use super::cache::RecordState;
use super::resolve::{DocumentFault, FaultKind};
use super::summary::{ConfigFigures, RecordCounts};
use super::{BlobState, summary};
use crate::backend::{ListedRef, ListedRefFacts, WithheldReason};
use crate::format::digest::{Digest, DigestText};

/// The kind of a ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefKind {
    /// A cache manifest or configuration of its own.
    Cache,
    /// An image that carries an inline cache.
    Inline,
    /// An image without an inline cache.
    Image,
    /// The signature of another manifest.
    Signature,
    /// Another artifact that refers to a manifest: an attestation, an SBOM, or a list of these.
    Artifact,
    /// Not a ref: a layer entry of GitHub's cache. Rules apply only if they name this kind.
    Blob,
    /// Not a ref: an entry that another tool wrote to GitHub's cache. Rules apply only if they name
    /// this kind.
    Entry,
    /// Unreadable, or of no known kind.
    Unknown,
}

impl RefKind {
    /// Returns the word that JSON and tables show.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cache => "cache",
            Self::Inline => "inline",
            Self::Image => "image",
            Self::Signature => "signature",
            Self::Artifact => "artifact",
            Self::Blob => "blob",
            Self::Entry => "entry",
            Self::Unknown => "unknown",
        }
    }
}

/// The source of a ref's age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgeSource {
    /// The newest result of its cache configuration.
    CacheConfig,
    /// The creation date in the image configuration.
    ImageConfig,
    /// The time at which the store last saw a write of the manifest.
    Store,
    /// The age of the subject, for an artifact without a date of its own.
    Subject,
}

impl AgeSource {
    /// Returns the word that JSON and tables show.
    pub fn word(self) -> &'static str {
        match self {
            Self::CacheConfig => "cache-config",
            Self::ImageConfig => "image-config",
            Self::Store => "store",
            Self::Subject => "subject",
        }
    }
}

/// A ref and the blobs it reaches. Clones share the lists: every snapshot of a scan clones all refs,
/// and the terminal UI drops them between two frames.
#[derive(Debug, Clone)]
pub struct RefEntry {
    /// The displayed name: its first name, or its digest if it has none.
    pub name: String,
    /// Further names that a build can import it by.
    pub aliases: Vec<String>,
    /// Whether it has a name at all.
    pub tagged: bool,
    pub kind: RefKind,
    /// Its platforms, if the store reports them.
    pub platforms: Vec<String>,
    /// The time its content was created, and the source of that time.
    pub created: Option<(Timestamp, AgeSource)>,
    /// The time at which the store last saw a write of its manifest.
    pub modified: Option<Timestamp>,
    /// The number of layers in its manifests.
    pub layers: u32,
    pub(super) records: Option<RecordCounts>,
    /// The distinct blobs that it references, in the order of their places.
    pub reach: Arc<[BlobId]>,
    /// Sums over `reach`.
    pub sizes: RefSizes,
    pub faults: Vec<DocumentFault>,
    /// The manifest that a signature or another artifact refers to.
    pub subject: Option<Digest>,
    pub(super) listed_ref: ListedRef,
    pub(super) caches: Arc<[summary::CacheSummary]>,
}

/// The size of a ref, in bytes and blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RefSizes {
    /// Bytes of the distinct stored blobs that the ref reaches.
    pub bytes: u64,
    /// Bytes of the blobs that no other ref reaches; `None` if some refs of the store were not
    /// read.
    pub exclusive_bytes: Option<u64>,
    /// Blobs that the ref references and the store does not hold.
    pub missing_blobs: u64,
    /// The sizes of the missing blobs, as the manifests declare them.
    pub missing_bytes: u64,
    /// Blobs whose stored size differs from the declared size; readers reject them.
    pub resized_blobs: u64,
}

impl RefEntry {
    /// Returns the digest that the ref points to.
    pub fn digest(&self) -> &DigestText {
        &self.listed_ref.descriptor.digest
    }

    /// Returns the facts that the store reports about the ref itself.
    pub fn facts(&self) -> &ListedRefFacts {
        &self.listed_ref.facts
    }

    /// Returns the time of the ref's content, and the source of that time.
    pub fn age(&self) -> Option<(Timestamp, AgeSource)> {
        self.created
            .or(self.modified.map(|time| (time, AgeSource::Store)))
    }

    /// Returns when the newest result of its cache configuration was saved.
    pub fn newest_result(&self) -> Option<Timestamp> {
        match self.created {
            Some((newest, AgeSource::CacheConfig)) => Some(newest),
            _ => None,
        }
    }

    /// Returns the number of records of each kind; `None` if a document that may hold records
    /// cannot be read.
    pub fn counts(&self) -> Option<RecordCounts> {
        match self.kind {
            _ if self.faults.iter().any(DocumentFault::hides_records) => None,
            RefKind::Image | RefKind::Signature | RefKind::Artifact => {
                Some(RecordCounts::default())
            }
            RefKind::Cache
            | RefKind::Inline
            | RefKind::Unknown
            | RefKind::Blob
            | RefKind::Entry => self.records,
        }
    }

    /// Returns the figures of its configurations, using `blobs` as the list of stored blobs.
    pub fn config_figures(&self, blobs: &BlobTable) -> ConfigFigures {
        let figures = self.caches.iter().map(|cache| cache.figures(blobs));
        figures.reduce(ConfigFigures::plus).unwrap_or_default()
    }

    /// Returns whether compaction could make its configuration smaller.
    pub fn may_shrink(&self) -> bool {
        let is_cache = self.kind == RefKind::Cache;
        is_cache && matches!(&self.caches[..], [cache] if cache.may_shrink)
    }

    /// Returns the word for its state: `missing` if one of its blobs is not stored, `broken` if a
    /// build could not import it for another reason, else `live`.
    pub fn state(&self) -> &'static str {
        if self.sizes.missing_blobs > 0 {
            BlobState::Missing.word()
        } else if (self.faults.is_empty() || self.withheld().is_some())
            && self.sizes.resized_blobs == 0
        {
            BlobState::Live.word()
        } else {
            RecordState::Broken.word()
        }
    }

    /// Returns all names that a build can import it by.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name)
            .chain(&self.aliases)
            .map(String::as_str)
    }

    /// Returns whether it references `blob`.
    pub fn reaches(&self, blob: BlobId) -> bool {
        self.reach.binary_search(&blob).is_ok()
    }

    /// Returns why the store withholds its content, if it does; this is not a fault.
    pub fn withheld(&self) -> Option<&WithheldReason> {
        self.listed_ref.facts.withheld.as_ref()
    }

    /// Returns whether a document of the ref could not be read, so that it may reach more blobs
    /// than are known.
    pub fn is_unreadable(&self) -> bool {
        self.faults.iter().any(DocumentFault::hides_references)
    }

    /// Returns whether the store does not hold the manifest that the ref points to.
    pub fn is_gone(&self) -> bool {
        let digest = self.digest().to_string();
        let mut faults = self.faults.iter();
        faults.any(|fault| fault.kind == FaultKind::ManifestAbsent && fault.subject == digest)
    }

    /// Returns its manifests that are not stored; empty if another fault hides its references.
    pub fn absent_manifests(&self) -> Vec<Digest> {
        let hiding = self.faults.iter().filter(|fault| fault.hides_references());
        let absent = hiding.map(|fault| {
            if fault.is_absence() {
                fault.subject.parse().ok()
            } else {
                None
            }
        });
        absent.collect::<Option<_>>().unwrap_or_default()
    }
}
