//! Follows a root through indexes and manifests to all blobs that it references.

use std::collections::HashSet;

use jiff::Timestamp;

use super::blobs::BlobRole;
use super::signed::{self, Relation};
use super::summary::CacheSummary;
use super::{AgeSource, RefKind};
use crate::backend::{CacheReader, ReadError};
use crate::format::cache_config::import::Refusal;
use crate::format::cache_config::{CacheGraph, LayerIndex, inline};
use crate::format::digest::{Digest, DigestText};
use crate::format::layout::Root;
use crate::format::lenient;
use crate::format::manifest::{
    DOCUMENT_LIMIT, Descriptor, Document, DocumentError, ImageConfig, ImportLimits, Platform,
    REFERENCE_TYPE,
};
use crate::text::escape::visible;

mod fault;

pub use fault::{DocumentFault, FaultKind, Oversize};

/// The media types of image configurations, which may contain an inline cache.
const IMAGE_CONFIGS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];

/// The size in bytes from which parsing a document takes longer than handing it to another thread.
const LARGE: usize = 64 << 10;
/// The number of bytes read to detect whether a blob is JSON.
const HEAD: u64 = 512;

/// A blob that a root references.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    pub digest: Digest,
    pub size: Option<u64>,
    pub role: BlobRole,
    /// Whether it is distributed from elsewhere, so the store need not hold it.
    pub is_foreign: bool,
    /// The index of its media type in [`Resolved::media_types`].
    pub media_type: Option<u8>,
}

/// Everything that a root leads to.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    pub named: Vec<Named>,
    /// The media types in manifests, each once.
    pub media_types: Vec<String>,
    pub caches: Vec<CacheSummary>,
    pub images: u32,
    pub layers: u32,
    pub platforms: Vec<String>,
    pub image_created: Option<Timestamp>,
    pub config_unread: bool,
    pub faults: Vec<DocumentFault>,
    /// The root's own reference to another manifest.
    pub relation: Relation,
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
        let image = self
            .image_created
            .map(|time| (time, AgeSource::ImageConfig));
        newest.map(|time| (time, AgeSource::CacheConfig)).or(image)
    }

    fn fault(&mut self, subject: impl std::fmt::Display, kind: FaultKind) {
        self.faults.push(DocumentFault {
            subject: subject.to_string(),
            kind,
        });
    }

    /// Sets the role of the blob that was last referenced as a manifest, after reading it.
    fn turns_out(&mut self, digest: Digest, role: BlobRole) {
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

    fn name(&mut self, descriptor: &Descriptor, role: BlobRole) -> Option<Digest> {
        match &descriptor.digest {
            DigestText::Valid(digest) => {
                let media_type = self.media_type(&descriptor.media_type);
                self.named.push(Named {
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
pub(super) struct FoundCache<'a> {
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

/// Reads everything that `root` leads to, and passes each cache configuration to `visit`. Faults
/// are part of the result.
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
    if let Some(why) = &root.facts.withheld {
        walk.queue.clear();
        walk.resolved.config_unread = true;
        walk.resolved
            .fault(visible(&root.name()), FaultKind::Withheld(why.clone()));
    } else if let Some(why) = &root.facts.unread {
        walk.queue.clear();
        walk.resolved.config_unread = root.descriptor.is_cache_config();
        walk.resolved.fault(
            visible(&root.name()),
            FaultKind::ManifestUnreadable(why.clone()),
        );
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
    /// Manifests that are still to be read. An explicit queue, because indexes may nest without
    /// limit.
    queue: Vec<Descriptor>,
    /// Manifests that are subjects of others. They come last: a subject that is also a part of the
    /// root counts as a part.
    subjects: Vec<Descriptor>,
    part: Part,
}

/// The relation of a manifest to the root.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The root itself, or an entry of its indexes: a build imports it.
    Own,
    /// The subject of an attestation: its blobs must stay, but a build that imports the root
    /// ignores it.
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

    /// Reads a root that is itself a cache configuration, as in S3 and GitHub Actions. Annotations
    /// describe its layers. The root is not a blob of the store, and importers accept any size.
    async fn bare_config(&mut self, descriptor: &Descriptor) {
        self.resolved.config_unread = true;
        let subject = descriptor.digest.to_string();
        let unreadable = |why: String| FaultKind::ManifestUnreadable(why);
        let Some(digest) = descriptor.digest.valid() else {
            return self
                .resolved
                .fault(subject, unreadable("its name is not a digest".to_owned()));
        };
        let bytes = match self.reader.read_document(digest, DOCUMENT_LIMIT).await {
            Ok(bytes) => bytes,
            Err(ReadError::Absent) => {
                return self.resolved.fault(subject, FaultKind::ManifestAbsent);
            }
            Err(error) => return self.resolved.fault(subject, unreadable(error.to_string())),
        };
        let parse = |bytes: &[u8]| {
            CacheGraph::parse(bytes).map(|graph| {
                let doubt = graph.doubt(bytes);
                (graph, doubt)
            })
        };
        let (graph, doubt) = match parsed(bytes, parse).await {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => return self.resolved.fault(subject, unreadable(error.to_string())),
            Err(error) => return self.resolved.fault(subject, unreadable(error.to_string())),
        };
        self.resolved.config_unread = false;
        if let Some(doubt) = doubt {
            self.resolved.fault(&subject, unreadable(doubt));
        }
        self.resolved.layers = self
            .resolved
            .layers
            .saturating_add(count(graph.layers.len()));
        let described: Vec<Option<Descriptor>> =
            graph.layers.iter().map(Descriptor::of_layer).collect();
        let undescribed = described
            .iter()
            .position(Option::is_none)
            .and_then(|place| u32::try_from(place).ok());
        // A layer that is not described well enough for importers still references its blob.
        let layers: Vec<Descriptor> = described
            .into_iter()
            .zip(&graph.layers)
            .map(|(described, layer)| {
                described.unwrap_or_else(|| Descriptor::named(layer.blob.clone()))
            })
            .collect();
        for layer in &layers {
            self.resolved.name(layer, BlobRole::Layer);
        }
        let layers: Vec<&Descriptor> = layers.iter().collect();
        let undescribed = undescribed.map(|place| Refusal::UndescribedLayer(LayerIndex(place)));
        let is_described =
            |layer: &Descriptor| !layer.media_type.is_empty() || layer.diff_id().is_none();
        let unloadable = self.unloadable(digest, &graph, &layers, ("media type", is_described));
        self.found(
            FoundCache {
                config: digest,
                graph,
                layers: &layers,
                platform: None,
                undescribed,
                unloadable,
            },
            false,
        );
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
        if self.part == Part::Own {
            self.check_size(digest, bytes.len(), ImportLimits::newest().manifest);
        }
        match parsed(bytes, Document::parse).await {
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
            ReadError::Absent if self.part == Part::Subject => {
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
                .fault(digest, FaultKind::ManifestUnreadable(error.to_string())),
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

    async fn understood(&mut self, digest: Digest, descriptor: &Descriptor, document: Document) {
        if self.seen.len() == 1 {
            self.resolved.relation = signed::relation(&document);
        }
        self.subjects.extend(document.subject().cloned());
        match document {
            Document::Index { entries, .. } => self.index(digest, &entries).await,
            Document::Manifest {
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
            Document::Schema1 { layers } => {
                for layer in &layers {
                    self.resolved.name(layer, BlobRole::Layer);
                }
                if self.part == Part::Own {
                    self.resolved.images += 1;
                    self.resolved.layers = self.resolved.layers.saturating_add(count(layers.len()));
                }
            }
            Document::Artifact { blobs, .. } => {
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
            if !passed_over.is_empty() && self.part == Part::Own {
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
            || self.part == Part::Subject
        {
            return false;
        }
        self.resolved.images += 1;
        self.resolved.layers = self.resolved.layers.saturating_add(count(layers.len()));
        self.image(config, layers).await
    }

    async fn image(&mut self, descriptor: &Descriptor, layers: &[Descriptor]) -> bool {
        let Some((digest, bytes)) = self.config(descriptor).await else {
            return false;
        };
        let config: ImageConfig = match lenient::parse(&bytes) {
            Ok(config) => config,
            Err(error) => {
                self.resolved
                    .fault(digest, FaultKind::ConfigUnreadable(error.to_string()));
                return false;
            }
        };
        self.resolved.image_created = self.resolved.image_created.max(config.created.0);
        let os = config.os.clone();
        let architecture = config.architecture.clone();
        let platform = Platform {
            os,
            architecture,
            variant: config.variant.clone(),
        };
        let platform = platform.name();
        self.resolved.platforms.extend(platform.clone());
        match inline::read(&config, layers) {
            Ok(None) => {}
            Ok(Some(graph)) => {
                let layers = &layers.iter().collect::<Vec<_>>();
                self.found(
                    FoundCache {
                        config: digest,
                        graph,
                        layers,
                        platform,
                        undescribed: None,
                        // Inline caches take the uncompressed digests from the image's config.
                        unloadable: HashSet::new(),
                    },
                    true,
                );
            }
            Err(error) => self
                .resolved
                .fault(digest, FaultKind::InlineSkipped(error.to_string())),
        }
        config.rootfs.diff_ids.0.is_empty()
    }

    /// Follows a cache; returns whether its config declares no layers.
    async fn cache(&mut self, descriptor: &Descriptor, layers: &[&Descriptor]) -> bool {
        self.resolved.name(descriptor, BlobRole::CacheConfig);
        for layer in layers {
            self.resolved.name(layer, BlobRole::Layer);
        }
        // A manifest among the layers may reference more.
        self.queue.extend(
            layers
                .iter()
                .filter(|layer| layer.is_manifest_like())
                .map(|layer| (*layer).clone()),
        );
        if self.part == Part::Subject {
            return false;
        }
        self.resolved.layers = self.resolved.layers.saturating_add(count(layers.len()));
        let Some((digest, bytes)) = self.config(descriptor).await else {
            self.resolved.config_unread = true;
            return false;
        };
        self.check_size(digest, bytes.len(), ImportLimits::newest().config);
        // A manifest with the media type of a config parses as a config without records.
        let parse = |bytes: &[u8]| {
            CacheGraph::parse(bytes).map(|graph| {
                let is_manifest = graph.records.is_empty() && Document::parse(bytes).is_ok();
                (graph, is_manifest)
            })
        };
        let why = match parsed(bytes, parse).await {
            Ok(Ok((_, true))) => {
                let why = "a manifest stands in the place of its config".to_owned();
                self.resolved
                    .fault(digest, FaultKind::ManifestUnreadable(why));
                return false;
            }
            Ok(Ok((graph, false))) => {
                let is_empty = graph.layers.is_empty();
                let lacking = "annotation `containerd.io/uncompressed`";
                let is_described =
                    |layer: &Descriptor| layer.diff_id().is_some_and(|id| id.valid().is_some());
                let unloadable = self.unloadable(digest, &graph, layers, (lacking, is_described));
                // The root itself is read first; any later one is a part of an index.
                let undescribed = (self.seen.len() > 1).then_some(Refusal::OneOfSeveral);
                let found = FoundCache {
                    config: digest,
                    graph,
                    layers,
                    platform: None,
                    undescribed,
                    unloadable,
                };
                self.found(found, false);
                return is_empty;
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        self.resolved.config_unread = true;
        self.resolved
            .fault(digest, FaultKind::ConfigUnreadable(why));
        false
    }

    /// Returns the layers with an incomplete description, and records a fault.
    fn unloadable(
        &mut self,
        config: Digest,
        graph: &CacheGraph,
        layers: &[&Descriptor],
        (lacking, is_described): (&'static str, impl Fn(&Descriptor) -> bool),
    ) -> HashSet<Digest> {
        let needed: HashSet<&DigestText> = graph.layers.iter().map(|layer| &layer.blob).collect();
        let unloadable: HashSet<Digest> = layers
            .iter()
            .filter(|layer| needed.contains(&layer.digest) && !is_described(layer))
            .filter_map(|layer| layer.digest.valid())
            .collect();
        if !unloadable.is_empty() {
            let kind = FaultKind::Undescribed(unloadable.len(), lacking);
            self.resolved.fault(config, kind);
        }
        unloadable
    }

    /// Records a fault for a document that BuildKit does not import because of its size.
    fn check_size(&mut self, digest: Digest, bytes: usize, limit: u64) {
        let bytes = bytes as u64;
        if bytes > limit {
            let fault = FaultKind::TooLargeToImport(Oversize { bytes, limit });
            self.resolved.fault(digest, fault);
        }
    }

    /// Reads a configuration; `None` if it is not available, which is recorded as a fault.
    async fn config(&mut self, descriptor: &Descriptor) -> Option<(Digest, Vec<u8>)> {
        let digest = descriptor.digest.valid()?;
        match self.reader.read_document(digest, DOCUMENT_LIMIT).await {
            Ok(bytes) => Some((digest, bytes)),
            Err(ReadError::Absent) => {
                self.resolved.fault(digest, FaultKind::ConfigAbsent);
                None
            }
            Err(error) => {
                self.resolved
                    .fault(digest, FaultKind::ConfigUnreadable(error.to_string()));
                None
            }
        }
    }

    fn found(&mut self, cache: FoundCache<'_>, is_inline: bool) {
        let summary = CacheSummary::new(&cache, is_inline);
        if let Some(refusal) = summary.refusal {
            self.resolved
                .fault(cache.config, FaultKind::Refused(refusal));
        }
        self.resolved.caches.push(summary);
        (self.visit)(cache);
    }
}

impl FoundCache<'_> {
    /// Returns the blob of a layer, unless no build can load it.
    pub(super) fn loadable(&self, layer: &DigestText) -> Option<Digest> {
        layer
            .valid()
            .filter(|digest| !self.unloadable.contains(digest))
    }

    /// Returns the blobs that the manifest describes; an import drops results on other blobs.
    pub(super) fn described(&self) -> HashSet<Digest> {
        self.layers
            .iter()
            .filter_map(|layer| layer.digest.valid())
            .collect()
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
