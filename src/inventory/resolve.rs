//! Follows a root through indexes and manifests to everything that it names.

use std::collections::HashSet;

use jiff::Timestamp;

use super::blobs::BlobRole;
use super::summary::CacheSummary;
use super::{AgeSource, RefKind};
use crate::backend::{CacheReader, ReadError};
use crate::format::cache_config::import::Refusal;
use crate::format::cache_config::{CacheGraph, LayerIndex, inline};
use crate::format::digest::{Digest, DigestText};
use crate::format::layout::Root;
use crate::format::lenient;
use crate::format::manifest::{
    DOCUMENT_LIMIT, Descriptor, Document, DocumentError, IMPORT_LIMIT, ImageConfig, Platform, REFERENCE_TYPE,
};
use crate::format::text::visible;

/// The media types of image configurations, in which an inline cache may stand.
const IMAGE_CONFIGS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];

/// From so many bytes on, parsing a document takes longer than handing it to another thread.
const LARGE: usize = 64 << 10;

/// Something that is wrong with a document that a ref leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFault {
    /// What it is about: a digest, fit to be shown.
    pub subject: String,
    /// What is wrong.
    pub kind: FaultKind,
}

/// What may be wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// The name of a layer is no digest, so that nothing can be stored by it.
    #[error("is no digest: nothing can be stored by that name")]
    NotADigest,
    /// A manifest that is not stored.
    #[error("the manifest is not stored: a build cannot import this ref")]
    ManifestAbsent,
    /// A manifest that could not be read: what it names is not known.
    #[error("the manifest cannot be read: {0}")]
    ManifestUnreadable(String),
    /// A cache or image configuration that is not stored.
    #[error("the config is not stored: a build cannot import this ref")]
    ConfigAbsent,
    /// A cache or image configuration that could not be read.
    #[error("the config cannot be read: {0}")]
    ConfigUnreadable(String),
    /// A cache that the store does not hand out to this program, as it is.
    #[error("{0}")]
    Sealed(String),
    /// A configuration that BuildKit refuses as a whole.
    #[error("BuildKit refuses the cache config, and builds as if it were empty: {0}")]
    Refused(Refusal),
    /// A document beyond BuildKit's import limit.
    #[error("is {0} bytes: BuildKit imports no more than {IMPORT_LIMIT}, so that this cache is never used")]
    TooLargeToImport(u64),
    /// An inline cache that BuildKit passes over.
    #[error("the inline cache is passed over: {0}")]
    InlineSkipped(String),
}

impl DocumentFault {
    /// Tells whether the document may name blobs that are not known of because of the fault.
    ///
    /// So does a manifest that is not stored: a copy of the store may not have come to it yet, or somebody may bring it
    /// back, and what it names then must still be there.
    pub fn hides_references(&self) -> bool {
        matches!(self.kind, FaultKind::ManifestAbsent | FaultKind::ManifestUnreadable(_) | FaultKind::Sealed(_))
    }

    /// Tells whether it is that the document is not stored.
    pub(super) fn is_absence(&self) -> bool {
        matches!(self.kind, FaultKind::ManifestAbsent | FaultKind::ConfigAbsent)
    }

    /// Notes that a document that was absent has been found by the listing since.
    pub(super) fn came_late(&mut self) {
        let why = "it was written while the store was scanned".to_owned();
        self.kind = match self.kind {
            FaultKind::ManifestAbsent => FaultKind::ManifestUnreadable(why),
            _ => FaultKind::ConfigUnreadable(why),
        };
    }

    /// Tells whether the document may hold records that are not known of because of the fault.
    pub fn hides_records(&self) -> bool {
        match self.kind {
            FaultKind::ManifestAbsent
            | FaultKind::ManifestUnreadable(_)
            | FaultKind::Sealed(_)
            | FaultKind::ConfigAbsent
            | FaultKind::ConfigUnreadable(_) => true,
            FaultKind::NotADigest
            | FaultKind::Refused(_)
            | FaultKind::TooLargeToImport(_)
            | FaultKind::InlineSkipped(_) => false,
        }
    }
}

impl std::fmt::Display for DocumentFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.subject, self.kind)
    }
}

/// A blob that a root names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    pub digest: Digest,
    pub size: Option<u64>,
    pub role: BlobRole,
}

/// Everything that a root leads to.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    pub named: Vec<Named>,
    pub caches: Vec<CacheSummary>,
    pub images: u32,
    pub layers: u32,
    pub platforms: Vec<String>,
    pub image_created: Option<Timestamp>,
    pub config_unread: bool,
    pub faults: Vec<DocumentFault>,
}

impl Resolved {
    pub(super) fn kind(&self) -> RefKind {
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

    pub(super) fn created(&self) -> Option<(Timestamp, AgeSource)> {
        let newest = self.caches.iter().filter_map(|cache| cache.newest).max();
        let image = self.image_created.map(|time| (time, AgeSource::ImageConfig));
        newest.map(|time| (time, AgeSource::CacheConfig)).or(image)
    }

    fn fault(&mut self, subject: impl std::fmt::Display, kind: FaultKind) {
        self.faults.push(DocumentFault { subject: subject.to_string(), kind });
    }

    /// Notes what the blob that was named as a manifest last is, now that it has been read.
    fn turns_out(&mut self, digest: Digest, role: BlobRole) {
        if let Some(named) = self.named.iter_mut().rfind(|named| named.digest == digest) {
            named.role = role;
        }
    }

    fn name(&mut self, descriptor: &Descriptor, role: BlobRole) -> Option<Digest> {
        match &descriptor.digest {
            DigestText::Valid(digest) => {
                self.named.push(Named { digest: *digest, size: descriptor.size(), role });
                Some(*digest)
            }
            DigestText::Invalid(text) => {
                let why = || "its name is not a digest of a known algorithm".to_owned();
                let kind = match role {
                    BlobRole::Manifest | BlobRole::Index => FaultKind::ManifestUnreadable(why()),
                    BlobRole::CacheConfig | BlobRole::ImageConfig => FaultKind::ConfigUnreadable(why()),
                    BlobRole::Layer | BlobRole::Other | BlobRole::Unnamed => FaultKind::NotADigest,
                };
                self.fault(format!("`{}`", shortened(text)), kind);
                None
            }
        }
    }
}

/// A cache configuration, just read, with the descriptors of its layers.
pub(super) struct FoundCache<'a> {
    pub config: Digest,
    pub graph: CacheGraph,
    pub layers: &'a [&'a Descriptor],
    /// Of an inline cache, the platform of its image.
    pub platform: Option<String>,
    /// Why its importers refuse it, beyond what they look at in the graph.
    pub undescribed: Option<Refusal>,
}

/// Reads everything that `root` leads to, and shows each cache configuration to `visit`. Faults are part of the answer.
pub(super) async fn resolve(
    reader: &dyn CacheReader,
    root: &Root,
    visit: impl FnMut(FoundCache<'_>) + Send,
) -> Resolved {
    let mut walk = Walk {
        reader,
        visit,
        resolved: Resolved::default(),
        seen: HashSet::new(),
        queue: vec![root.descriptor.clone()],
        subjects: Vec::new(),
        part: Part::Own,
    };
    if let Some(why) = &root.facts.sealed {
        walk.queue.clear();
        walk.resolved.config_unread = true;
        walk.resolved.fault(visible(&root.name()), FaultKind::Sealed(why.clone()));
    } else if let Some(why) = &root.facts.unread {
        walk.queue.clear();
        walk.resolved.config_unread = root.descriptor.is_cache_config();
        walk.resolved.fault(visible(&root.name()), FaultKind::ManifestUnreadable(why.clone()));
    } else if root.descriptor.is_cache_config() {
        walk.queue.clear();
        walk.bare_config(&root.descriptor).await;
    }
    while let Some(descriptor) = walk.next() {
        walk.document(&descriptor).await;
    }
    walk.resolved.platforms.sort();
    walk.resolved.platforms.dedup();
    walk.resolved
}

struct Walk<'a, V> {
    reader: &'a dyn CacheReader,
    visit: V,
    resolved: Resolved,
    seen: HashSet<Digest>,
    /// Manifests that are still to be read. An explicit queue, for indexes may nest without end.
    queue: Vec<Descriptor>,
    /// Manifests that others are about. They come last: one that also is a part of the root counts as such.
    subjects: Vec<Descriptor>,
    part: Part,
}

/// What a manifest is to the root.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The root itself, or what its indexes list: what a build imports.
    Own,
    /// What an attestation in it is about: its blobs must stay, and a build that imports the root does not look at it.
    Subject,
}

impl<V: FnMut(FoundCache<'_>) + Send> Walk<'_, V> {
    fn next(&mut self) -> Option<Descriptor> {
        if let Some(own) = self.queue.pop() {
            return Some(own);
        }
        self.part = Part::Subject;
        self.subjects.pop()
    }

    /// Reads a root that is a cache configuration itself, as S3 and GitHub Actions have it. Its layers are described by
    /// their annotations; the root is no blob of the store, and an importer takes it however large it is.
    async fn bare_config(&mut self, descriptor: &Descriptor) {
        self.resolved.config_unread = true;
        let subject = descriptor.digest.to_string();
        let unreadable = |why: String| FaultKind::ManifestUnreadable(why);
        let Some(digest) = descriptor.digest.valid() else {
            return self.resolved.fault(subject, unreadable("its name is not a digest".to_owned()));
        };
        let bytes = match self.reader.read_document(digest, DOCUMENT_LIMIT).await {
            Ok(bytes) => bytes,
            Err(ReadError::Absent) => return self.resolved.fault(subject, FaultKind::ManifestAbsent),
            Err(error) => return self.resolved.fault(subject, unreadable(error.to_string())),
        };
        let graph = match parsed(bytes, CacheGraph::parse).await {
            Ok(Ok(graph)) => graph,
            Ok(Err(error)) => return self.resolved.fault(subject, unreadable(error.to_string())),
            Err(error) => return self.resolved.fault(subject, unreadable(error.to_string())),
        };
        self.resolved.config_unread = false;
        self.resolved.layers = self.resolved.layers.saturating_add(count(graph.layers.len()));
        let described: Vec<Option<Descriptor>> = graph.layers.iter().map(Descriptor::of_layer).collect();
        let undescribed = described.iter().position(Option::is_none).and_then(|place| u32::try_from(place).ok());
        // What is not described well enough for an importer still names its blob.
        let layers: Vec<Descriptor> = described
            .into_iter()
            .zip(&graph.layers)
            .map(|(described, layer)| described.unwrap_or_else(|| Descriptor::named(layer.blob.clone())))
            .collect();
        for layer in &layers {
            self.resolved.name(layer, BlobRole::Layer);
        }
        let layers: Vec<&Descriptor> = layers.iter().collect();
        let undescribed = undescribed.map(|place| Refusal::UndescribedLayer(LayerIndex(place)));
        self.found(FoundCache { config: digest, graph, layers: &layers, platform: None, undescribed }, false);
    }

    async fn document(&mut self, descriptor: &Descriptor) {
        let Some(digest) = self.resolved.name(descriptor, BlobRole::Manifest) else { return };
        if !self.seen.insert(digest) {
            return;
        }
        let may_be_leaf = !descriptor.media_type.is_empty() && !descriptor.is_manifest_like();
        let bytes = match self.reader.read_document(digest, DOCUMENT_LIMIT).await {
            Ok(bytes) => bytes,
            // An attestation may outlive what it is about; nothing is missing then.
            Err(ReadError::Absent) if self.part == Part::Subject => {
                self.resolved.named.pop();
                return;
            }
            // Nobody calls it a manifest: it is a leaf, and one too large for a manifest.
            Err(ReadError::Absent | ReadError::TooLarge { .. }) if may_be_leaf => {
                return self.resolved.turns_out(digest, BlobRole::Other);
            }
            Err(ReadError::Absent) => return self.resolved.fault(digest, FaultKind::ManifestAbsent),
            Err(error) => return self.resolved.fault(digest, FaultKind::ManifestUnreadable(error.to_string())),
        };
        if bytes.len() as u64 > IMPORT_LIMIT && self.part == Part::Own {
            self.resolved.fault(digest, FaultKind::TooLargeToImport(bytes.len() as u64));
        }
        match parsed(bytes, Document::parse).await {
            Ok(Ok(Document::Index { entries, subject })) => {
                self.subjects.extend(subject.map(|subject| *subject));
                self.index(digest, &entries).await;
            }
            Ok(Ok(Document::Manifest { config, layers, subject })) => {
                self.subjects.extend(subject.map(|subject| *subject));
                self.manifest(descriptor, &config, &layers).await;
            }
            // What is not even called a manifest, and is no JSON, is a leaf. Other JSON may be a manifest of a kind to come.
            Ok(Err(DocumentError::Json(_))) if may_be_leaf => {
                self.resolved.turns_out(digest, BlobRole::Other);
            }
            Ok(Err(error)) => self.resolved.fault(digest, FaultKind::ManifestUnreadable(error.to_string())),
            Err(error) => self.resolved.fault(digest, FaultKind::ManifestUnreadable(error.to_string())),
        }
    }

    async fn index(&mut self, digest: Digest, entries: &[Descriptor]) {
        self.resolved.turns_out(digest, BlobRole::Index);
        let (configs, layers): (Vec<&Descriptor>, Vec<&Descriptor>) =
            entries.iter().partition(|entry| entry.is_cache_config());
        if let Some((config, passed_over)) = configs.split_last() {
            // The older form of a cache: an index whose entries are layers, and one that is the config. Of several, importers
            // take the last.
            for config in passed_over {
                self.resolved.name(config, BlobRole::CacheConfig);
            }
            self.cache(config, &layers).await;
            return;
        }
        // Also those of a type that nobody knows yet: they may turn out to name more.
        self.queue.extend(entries.iter().cloned());
    }

    async fn manifest(&mut self, descriptor: &Descriptor, config: &Descriptor, layers: &[Descriptor]) {
        if config.is_cache_config() {
            return self.cache(config, &layers.iter().collect::<Vec<_>>()).await;
        }
        for layer in layers {
            self.resolved.name(layer, BlobRole::Layer);
        }
        let has_config = !matches!(&config.digest, DigestText::Invalid(text) if text.is_empty());
        let is_image = IMAGE_CONFIGS.contains(&config.media_type.as_str());
        if has_config {
            self.resolved.name(config, if is_image { BlobRole::ImageConfig } else { BlobRole::Other });
        }
        if !is_image || descriptor.annotation(REFERENCE_TYPE).is_some() || self.part == Part::Subject {
            return;
        }
        self.resolved.images += 1;
        self.resolved.layers = self.resolved.layers.saturating_add(count(layers.len()));
        self.image(config, layers).await;
    }

    async fn image(&mut self, descriptor: &Descriptor, layers: &[Descriptor]) {
        let Some((digest, bytes)) = self.config(descriptor).await else { return };
        let config: ImageConfig = match lenient::parse(&bytes) {
            Ok(config) => config,
            Err(error) => return self.resolved.fault(digest, FaultKind::ConfigUnreadable(error.to_string())),
        };
        self.resolved.image_created = self.resolved.image_created.max(config.created.0);
        let (os, architecture) = (config.os.clone(), config.architecture.clone());
        let platform = Platform { os, architecture, variant: config.variant.clone() };
        let platform = platform.name();
        self.resolved.platforms.extend(platform.clone());
        match inline::read(&config, layers) {
            Ok(None) => {}
            Ok(Some(graph)) => {
                let layers = &layers.iter().collect::<Vec<_>>();
                self.found(FoundCache { config: digest, graph, layers, platform, undescribed: None }, true);
            }
            Err(error) => self.resolved.fault(digest, FaultKind::InlineSkipped(error.to_string())),
        }
    }

    async fn cache(&mut self, descriptor: &Descriptor, layers: &[&Descriptor]) {
        self.resolved.name(descriptor, BlobRole::CacheConfig);
        for layer in layers {
            self.resolved.name(layer, BlobRole::Layer);
        }
        // What stands among layers and is called a manifest may name more.
        self.queue.extend(layers.iter().filter(|layer| layer.is_manifest_like()).map(|layer| (*layer).clone()));
        if self.part == Part::Subject {
            return;
        }
        self.resolved.layers = self.resolved.layers.saturating_add(count(layers.len()));
        let Some((digest, bytes)) = self.config(descriptor).await else {
            self.resolved.config_unread = true;
            return;
        };
        if bytes.len() as u64 > IMPORT_LIMIT {
            self.resolved.fault(digest, FaultKind::TooLargeToImport(bytes.len() as u64));
        }
        let why = match parsed(bytes, CacheGraph::parse).await {
            Ok(Ok(graph)) => {
                return self
                    .found(FoundCache { config: digest, graph, layers, platform: None, undescribed: None }, false);
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        self.resolved.config_unread = true;
        self.resolved.fault(digest, FaultKind::ConfigUnreadable(why));
    }

    /// Reads a configuration; none when it is not to be had, which is noted.
    async fn config(&mut self, descriptor: &Descriptor) -> Option<(Digest, Vec<u8>)> {
        let digest = descriptor.digest.valid()?;
        match self.reader.read_document(digest, DOCUMENT_LIMIT).await {
            Ok(bytes) => Some((digest, bytes)),
            Err(ReadError::Absent) => {
                self.resolved.fault(digest, FaultKind::ConfigAbsent);
                None
            }
            Err(error) => {
                self.resolved.fault(digest, FaultKind::ConfigUnreadable(error.to_string()));
                None
            }
        }
    }

    fn found(&mut self, cache: FoundCache<'_>, is_inline: bool) {
        let summary = CacheSummary::new(&cache.graph, &cache.described(), cache.undescribed, is_inline);
        if let Some(refusal) = summary.refusal {
            self.resolved.fault(cache.config, FaultKind::Refused(refusal));
        }
        self.resolved.caches.push(summary);
        (self.visit)(cache);
    }
}

impl FoundCache<'_> {
    /// Returns the blobs that the manifest describes; results on others are dropped by an import.
    pub(super) fn described(&self) -> HashSet<Digest> {
        self.layers.iter().filter_map(|layer| layer.digest.valid()).collect()
    }
}

/// Parses a document; a large one beside others, for a store may have hundreds of them.
///
/// # Errors
/// When the program is about to end.
async fn parsed<T: Send + 'static>(bytes: Vec<u8>, parse: fn(&[u8]) -> T) -> Result<T, ReadError> {
    if bytes.len() < LARGE {
        return Ok(parse(&bytes));
    }
    tokio::task::spawn_blocking(move || parse(&bytes)).await.map_err(|_| ReadError::Interrupted)
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Makes a name from a store fit for one line of a message.
fn shortened(text: &str) -> String {
    const MOST: usize = 80;
    let mut shown: String = visible(text).chars().take(MOST + 1).collect();
    if shown.chars().count() > MOST {
        shown.pop();
        shown.push('…');
    }
    shown
}
