//! The blobs, caches and faults that a ref leads to.

use std::collections::HashSet;

use jiff::Timestamp;

use super::fault::{DocumentFault, FaultKind, ReadFailure};
use crate::backend::ReadError;
use crate::format::cache_config::CacheGraph;
use crate::format::cache_config::import::Refusal;
use crate::format::digest::{Digest, DigestText};
use crate::format::manifest::Descriptor;
use crate::inventory::blobs::BlobRole;
use crate::inventory::signed::Relation;
use crate::inventory::summary::CacheSummary;
use crate::inventory::{AgeSource, RefKind};
use crate::text::escape::visible;

/// A blob that a ref references.
#[derive(Debug, Clone, Copy)]
pub(in crate::inventory) struct ReferencedBlob {
    pub digest: Digest,
    pub size: Option<u64>,
    pub role: BlobRole,
    /// Whether it is distributed from elsewhere, so the store need not hold it.
    pub is_foreign: bool,
    /// The index of its media type in [`Resolved::media_types`].
    pub media_type: Option<u8>,
}

/// Everything that a ref leads to.
#[derive(Debug, Default)]
pub(in crate::inventory) struct Resolved {
    pub named: Vec<ReferencedBlob>,
    /// The media types in manifests, each once.
    pub media_types: Vec<String>,
    pub caches: Vec<CacheSummary>,
    pub images: u32,
    pub layers: u32,
    pub platforms: Vec<String>,
    pub image_created: Option<Timestamp>,
    pub config_unread: bool,
    pub faults: Vec<DocumentFault>,
    /// The ref's own reference to another manifest.
    pub relation: Relation,
}

impl Resolved {
    pub(in crate::inventory) fn kind(&self) -> RefKind {
        let inline = |cache: &CacheSummary| cache.is_inline;
        if self.caches.iter().any(|cache| !inline(cache)) || self.config_unread {
            RefKind::Cache
        } else if self.caches.iter().any(inline) {
            RefKind::Inline
        } else if self.images > 0 {
            RefKind::Image
        } else {
            RefKind::Unknown
        }
    }

    pub(in crate::inventory) fn created(&self) -> Option<(Timestamp, AgeSource)> {
        let newest = self.caches.iter().filter_map(|cache| cache.newest).max();
        let image = self
            .image_created
            .map(|time| (time, AgeSource::ImageConfig));
        newest.map(|time| (time, AgeSource::CacheConfig)).or(image)
    }

    pub(super) fn fault(&mut self, subject: impl std::fmt::Display, kind: FaultKind) {
        self.faults.push(DocumentFault {
            subject: subject.to_string(),
            kind,
            read_failure: None,
        });
    }

    /// Records that a document could not be read because of `error`.
    pub(super) fn unread(
        &mut self,
        subject: impl std::fmt::Display,
        error: &ReadError,
        kind: impl FnOnce(String) -> FaultKind,
    ) {
        self.faults.push(DocumentFault {
            subject: subject.to_string(),
            kind: kind(error.to_string()),
            read_failure: ReadFailure::of(error),
        });
    }

    /// Sets the role of the blob that was last referenced as a manifest, after reading it.
    pub(super) fn turns_out(&mut self, digest: Digest, role: BlobRole) {
        if let Some(named) = self.named.iter_mut().rfind(|named| named.digest == digest) {
            named.role = role;
        }
    }

    /// Returns the index of a media type; `None` for an empty one, and when the table is full.
    fn media_type(&mut self, media_type: &str) -> Option<u8> {
        if media_type.is_empty() {
            return None;
        }
        let known = self.media_types.iter().position(|kept| kept == media_type);
        let place = u8::try_from(known.unwrap_or(self.media_types.len())).ok()?;
        if known.is_none() {
            self.media_types.push(media_type.to_owned());
        }
        Some(place)
    }

    pub(super) fn name(&mut self, descriptor: &Descriptor, role: BlobRole) -> Option<Digest> {
        match &descriptor.digest {
            DigestText::Valid(digest) => {
                let media_type = self.media_type(&descriptor.media_type);
                self.named.push(ReferencedBlob {
                    digest: *digest,
                    size: descriptor.size(),
                    role,
                    is_foreign: role == BlobRole::Layer && descriptor.is_foreign(),
                    media_type,
                });
                Some(*digest)
            }
            DigestText::Invalid(text) => {
                let kind = match role {
                    BlobRole::Manifest | BlobRole::Index => FaultKind::ManifestUnreadable(
                        "its name is not a digest of a known algorithm".to_owned(),
                    ),
                    BlobRole::CacheConfig | BlobRole::ImageConfig | BlobRole::Other => {
                        FaultKind::ManifestUnreadable(
                            "the name of its config is not a digest of a known algorithm"
                                .to_owned(),
                        )
                    }
                    BlobRole::Layer | BlobRole::Unnamed => FaultKind::NotADigest,
                };
                self.fault(format!("`{}`", shortened(text)), kind);
                None
            }
        }
    }
}

/// A cache configuration that was just read, with the descriptors of its layers.
pub(in crate::inventory) struct FoundCache<'a> {
    pub config: Digest,
    pub graph: CacheGraph,
    pub layers: &'a [&'a Descriptor],
    /// For an inline cache, the platform of its image.
    pub platform: Option<String>,
    /// Why importers refuse it, apart from faults in the graph.
    pub undescribed: Option<Refusal>,
    /// The layers that an import accepts but no build can load.
    pub unloadable: HashSet<Digest>,
}

impl FoundCache<'_> {
    /// Returns the blob of a layer, unless no build can load it.
    pub(in crate::inventory) fn loadable(&self, layer: &DigestText) -> Option<Digest> {
        layer
            .valid()
            .filter(|digest| !self.unloadable.contains(digest))
    }

    /// Returns the blobs that the manifest describes; an import drops results on other blobs.
    pub(in crate::inventory) fn described(&self) -> HashSet<Digest> {
        self.layers
            .iter()
            .filter_map(|layer| layer.digest.valid())
            .collect()
    }
}

/// Shortens and escapes a name from a store to one line of a message.
fn shortened(text: &str) -> String {
    const MOST: usize = 80;
    let mut shown: String = visible(text).chars().take(MOST + 1).collect();
    if shown.chars().count() > MOST {
        shown.pop();
        shown.push('…');
    }
    shown
}
