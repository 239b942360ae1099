//! Follows a ref through indexes and manifests to all blobs that it references.

use std::collections::HashSet;

use super::blobs::BlobRole;
use super::signed;
use crate::backend::ListedRef;
use crate::backend::{CacheReader, ReadError};
use crate::format::digest::Digest;
use crate::format::manifest::{
    DOCUMENT_LIMIT, Descriptor, DocumentError, ImportLimits, ManifestDocument, REFERENCE_TYPE,
};
use crate::text::escape::visible;

mod caches;
mod fault;
mod found;

use caches::IMAGE_CONFIGS;
pub use fault::{DocumentFault, FaultKind, Oversize, ReadFailure};
pub(in crate::inventory) use found::{FoundCache, Resolved};

/// The size in bytes from which parsing a document takes longer than handing it to another thread.
const LARGE: usize = 64 << 10;
/// The number of bytes read to detect whether a blob is JSON.
const HEAD: u64 = 512;

/// Reads everything that `listed_ref` leads to, and passes each cache configuration to `visit`.
/// Faults are part of the result.
pub(super) async fn resolve(
    reader: &dyn CacheReader,
    listed_ref: &ListedRef,
    visit: impl FnMut(FoundCache<'_>) + Send,
) -> Resolved {
    let mut walk = RefWalk {
        reader,
        visit,
        resolved: Resolved::default(),
        seen: HashSet::new(),
        queue: vec![Descriptor::clone(&listed_ref.descriptor)],
        subjects: Vec::new(),
        part: RootRelation::Own,
    };
    if let Some(why) = &listed_ref.facts.withheld {
        walk.queue.clear();
        walk.resolved.config_unread = true;
        walk.resolved.fault(
            visible(&listed_ref.name()),
            FaultKind::Withheld(why.clone()),
        );
    } else if let Some(why) = &listed_ref.facts.unread {
        walk.queue.clear();
        walk.resolved.config_unread = listed_ref.descriptor.is_cache_config();
        walk.resolved.fault(
            visible(&listed_ref.name()),
            FaultKind::ManifestUnreadable(why.clone()),
        );
    } else if listed_ref.descriptor.is_cache_config() {
        walk.queue.clear();
        walk.bare_config(&listed_ref.descriptor).await;
    }
    while let Some(descriptor) = walk.next() {
        walk.document(&descriptor).await;
    }
    walk.resolved.platforms.sort();
    walk.resolved.platforms.dedup();
    walk.resolved
}

struct RefWalk<'a, V> {
    reader: &'a dyn CacheReader,
    visit: V,
    resolved: Resolved,
    seen: HashSet<Digest>,
    /// Manifests that are still to be read. An explicit queue, because indexes may nest without
    /// limit.
    queue: Vec<Descriptor>,
    /// Manifests that are subjects of others. They come last: a subject that is also a part of the
    /// ref counts as a part.
    subjects: Vec<Descriptor>,
    part: RootRelation,
}

/// The relation of a manifest to the ref.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RootRelation {
    /// The ref itself, or an entry of its indexes: a build imports it.
    Own,
    /// The subject of an attestation: its blobs must stay, but a build that imports the ref
    /// ignores it.
    Subject,
}

impl<V: FnMut(FoundCache<'_>) + Send> RefWalk<'_, V> {
    fn next(&mut self) -> Option<Descriptor> {
        if let Some(own) = self.queue.pop() {
            return Some(own);
        }
        self.part = RootRelation::Subject;
        self.subjects.pop()
    }

    async fn document(&mut self, descriptor: &Descriptor) {
        let Some(digest) = self.resolved.name(descriptor, BlobRole::Manifest) else {
            return;
        };
        if !self.seen.insert(digest) {
            return;
        }
        let Some(bytes) = self.read(digest, descriptor).await else {
            return;
        };
        if self.part == RootRelation::Own {
            self.check_size(digest, bytes.len(), ImportLimits::newest().manifest);
        }
        match parsed(bytes, ManifestDocument::parse).await {
            Ok(Ok(document)) => self.understood(digest, descriptor, document).await,
            Ok(Err(DocumentError::NotJson(_))) if may_be_leaf(descriptor) => {
                self.resolved.turns_out(digest, BlobRole::Other);
            }
            Ok(Err(_)) if descriptor.is_known_leaf() => {
                self.resolved.turns_out(digest, BlobRole::Other);
            }
            // Other JSON may be a future kind of manifest.
            Ok(Err(error)) => self
                .resolved
                .fault(digest, FaultKind::ManifestUnreadable(error.to_string())),
            Err(error) => self
                .resolved
                .fault(digest, FaultKind::ManifestUnreadable(error.to_string())),
        }
    }

    /// Reads the document in the place of a manifest; `None` for a leaf and for an unreadable
    /// document, which is recorded as a fault.
    async fn read(&mut self, digest: Digest, descriptor: &Descriptor) -> Option<Vec<u8>> {
        let error = match self.reader.read_document(digest, DOCUMENT_LIMIT).await {
            Ok(bytes) => return Some(bytes),
            Err(error) => error,
        };
        let is_leaf = match error {
            // An attestation may outlive its subject; then nothing is missing.
            ReadError::Absent if self.part == RootRelation::Subject => {
                self.resolved.named.pop();
                return None;
            }
            ReadError::Absent => descriptor.is_known_leaf(),
            ReadError::TooLarge { .. } => {
                descriptor.is_known_leaf()
                    || (may_be_leaf(descriptor) && !self.begins_as_json(digest).await)
            }
            _ => false,
        };
        match error {
            _ if is_leaf => self.resolved.turns_out(digest, BlobRole::Other),
            ReadError::Absent => self.resolved.fault(digest, FaultKind::ManifestAbsent),
            error => self
                .resolved
                .unread(digest, &error, FaultKind::ManifestUnreadable),
        }
        None
    }

    /// Returns whether a blob that is too large for a manifest begins like JSON, as far as it can
    /// be read.
    async fn begins_as_json(&self, digest: Digest) -> bool {
        let Ok(blob) = self.reader.open_blob(digest).await else {
            return true;
        };
        let head = move || {
            let mut head = Vec::new();
            std::io::Read::read_to_end(&mut std::io::Read::take(blob, HEAD), &mut head)
                .map(|_| head)
        };
        match tokio::task::spawn_blocking(head).await {
            Ok(Ok(head)) => matches!(head.trim_ascii_start().first(), None | Some(b'{' | b'[')),
            Ok(Err(_)) | Err(_) => true,
        }
    }

    async fn understood(
        &mut self,
        digest: Digest,
        descriptor: &Descriptor,
        document: ManifestDocument,
    ) {
        if self.seen.len() == 1 {
            self.resolved.relation = signed::relation(&document);
        }
        self.subjects.extend(document.subject().cloned());
        match document {
            ManifestDocument::Index { entries, .. } => self.index(digest, &entries).await,
            ManifestDocument::Manifest {
                config,
                layers,
                null_layers,
                ..
            } => {
                let lists_nothing = self.manifest(descriptor, &config, &layers).await;
                if null_layers && !lists_nothing {
                    let why =
                        "its `layers` are `null`, and its config does not say that there are none";
                    self.resolved
                        .fault(digest, FaultKind::ManifestUnreadable(why.to_owned()));
                }
            }
            ManifestDocument::Schema1 { layers } => {
                for layer in &layers {
                    self.resolved.name(layer, BlobRole::Layer);
                }
                if self.part == RootRelation::Own {
                    self.resolved.images += 1;
                    self.resolved.layers = self.resolved.layers.saturating_add(count(layers.len()));
                }
            }
            ManifestDocument::Artifact { blobs, .. } => {
                for blob in &blobs {
                    self.resolved.name(blob, BlobRole::Layer);
                }
            }
        }
    }

    async fn index(&mut self, digest: Digest, entries: &[Descriptor]) {
        self.resolved.turns_out(digest, BlobRole::Index);
        let (configs, layers): (Vec<&Descriptor>, Vec<&Descriptor>) =
            entries.iter().partition(|entry| entry.is_cache_config());
        if let Some((config, passed_over)) = configs.split_last() {
            // The older form of a cache: an index of layers and one config. If there are several
            // configs, importers take the last.
            for config in passed_over {
                self.resolved.name(config, BlobRole::CacheConfig);
            }
            if !passed_over.is_empty() && self.part == RootRelation::Own {
                let kind = FaultKind::ConfigsPassedOver(passed_over.len());
                self.resolved.fault(digest, kind);
            }
            // Entries among the layers without a layer type may reference more.
            let others = layers
                .iter()
                .filter(|entry| may_be_leaf(entry) && !entry.is_known_leaf());
            self.queue.extend(others.map(|entry| (*entry).clone()));
            self.cache(config, &layers).await;
            return;
        }
        // Entries of unknown types are followed, too: they may reference more.
        self.queue.extend(entries.iter().cloned());
    }

    /// Follows a manifest; returns whether its config declares no layers.
    async fn manifest(
        &mut self,
        descriptor: &Descriptor,
        config: &Descriptor,
        layers: &[Descriptor],
    ) -> bool {
        if config.is_cache_config() {
            return self.cache(config, &layers.iter().collect::<Vec<_>>()).await;
        }
        for layer in layers {
            self.resolved.name(layer, BlobRole::Layer);
        }
        let is_image = IMAGE_CONFIGS.contains(&config.media_type.as_str());
        let role = if is_image {
            BlobRole::ImageConfig
        } else {
            BlobRole::Other
        };
        self.resolved.name(config, role);
        if !is_image
            || descriptor.annotation(REFERENCE_TYPE).is_some()
            || self.part == RootRelation::Subject
        {
            return false;
        }
        self.resolved.images += 1;
        self.resolved.layers = self.resolved.layers.saturating_add(count(layers.len()));
        self.image(config, layers).await
    }
}

/// Parses a document; a large one on another thread, because a store may have hundreds of them.
///
/// # Errors
/// Fails when the program is about to end.
async fn parsed<T: Send + 'static>(bytes: Vec<u8>, parse: fn(&[u8]) -> T) -> Result<T, ReadError> {
    if bytes.len() < LARGE {
        return Ok(parse(&bytes));
    }
    tokio::task::spawn_blocking(move || parse(&bytes))
        .await
        .map_err(|_| ReadError::Interrupted)
}

/// Returns whether a blob in the place of a manifest may be a leaf: when no descriptor calls it a
/// manifest.
fn may_be_leaf(descriptor: &Descriptor) -> bool {
    !descriptor.media_type.is_empty() && !descriptor.is_manifest_like()
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
