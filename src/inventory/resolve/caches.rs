//! Reads cache configurations, and configurations of images with an inline cache.

use std::collections::HashSet;

use super::fault::{FaultKind, Oversize};
use super::{FoundCache, RefWalk, RootRelation, count, parsed};
use crate::backend::ReadError;
use crate::format::cache_config::import::Refusal;
use crate::format::cache_config::{CacheGraph, LayerIndex, inline};
use crate::format::digest::{Digest, DigestText};
use crate::format::lenient;
use crate::format::manifest::{
    DOCUMENT_LIMIT, Descriptor, ImageConfig, ImagePlatform, ImportLimits, ManifestDocument,
};
use crate::inventory::blobs::BlobRole;
use crate::inventory::summary::CacheSummary;

/// The media types of image configurations, which may contain an inline cache.
pub(super) const IMAGE_CONFIGS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];

impl<V: FnMut(FoundCache<'_>) + Send> RefWalk<'_, V> {
    /// Reads a ref that is itself a cache configuration, as in S3 and GitHub Actions. Annotations
    /// describe its layers. The ref is not a blob of the store, and importers accept any size.
    pub(super) async fn bare_config(&mut self, descriptor: &Descriptor) {
        let subject = descriptor.digest.to_string();
        let (digest, graph, doubt) = match self.read_bare_config(descriptor).await {
            Ok(read) => read,
            Err(kind) => {
                self.resolved.config_unread = true;
                return self.resolved.fault(subject, kind);
            }
        };
        if let Some(doubt) = doubt {
            self.resolved
                .fault(&subject, FaultKind::ManifestUnreadable(doubt));
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

    /// Reads a configuration that stands for itself, with a doubt about its content.
    async fn read_bare_config(
        &self,
        descriptor: &Descriptor,
    ) -> Result<(Digest, CacheGraph, Option<String>), FaultKind> {
        let unreadable = FaultKind::ManifestUnreadable;
        let Some(digest) = descriptor.digest.valid() else {
            return Err(unreadable("its name is not a digest".to_owned()));
        };
        let bytes = match self.reader.read_document(digest, DOCUMENT_LIMIT).await {
            Ok(bytes) => bytes,
            Err(ReadError::Absent) => return Err(FaultKind::ManifestAbsent),
            Err(error) => return Err(unreadable(error.to_string())),
        };
        let parse = |bytes: &[u8]| {
            CacheGraph::parse(bytes).map(|graph| {
                let doubt = graph.doubt(bytes);
                (graph, doubt)
            })
        };
        match parsed(bytes, parse).await {
            Ok(Ok((graph, doubt))) => Ok((digest, graph, doubt)),
            Ok(Err(error)) => Err(unreadable(error.to_string())),
            Err(error) => Err(unreadable(error.to_string())),
        }
    }

    pub(super) async fn image(&mut self, descriptor: &Descriptor, layers: &[Descriptor]) -> bool {
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
        let platform = ImagePlatform {
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
    pub(super) async fn cache(&mut self, descriptor: &Descriptor, layers: &[&Descriptor]) -> bool {
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
        if self.part == RootRelation::Subject {
            return false;
        }
        self.resolved.layers = self.resolved.layers.saturating_add(count(layers.len()));
        let Some((digest, bytes)) = self.config(descriptor).await else {
            self.resolved.config_unread = true;
            return false;
        };
        self.check_size(digest, bytes.len(), ImportLimits::newest().config);
        let graph = match parse_config(bytes).await {
            Ok(graph) => graph,
            Err(kind) => {
                self.resolved.config_unread |= matches!(kind, FaultKind::ConfigUnreadable(_));
                self.resolved.fault(digest, kind);
                return false;
            }
        };
        let is_empty = graph.layers.is_empty();
        let lacking = "annotation `containerd.io/uncompressed`";
        let is_described =
            |layer: &Descriptor| layer.diff_id().is_some_and(|id| id.valid().is_some());
        let unloadable = self.unloadable(digest, &graph, layers, (lacking, is_described));
        // The ref itself is read first; any later one is a part of an index.
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
        is_empty
    }

    /// Returns the layers with an incomplete description, and records a fault.
    pub(super) fn unloadable(
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
    pub(super) fn check_size(&mut self, digest: Digest, bytes: usize, limit: u64) {
        let bytes = bytes as u64;
        if bytes > limit {
            let fault = FaultKind::TooLargeToImport(Oversize { bytes, limit });
            self.resolved.fault(digest, fault);
        }
    }

    /// Reads a configuration; `None` if it is not available, which is recorded as a fault.
    pub(super) async fn config(&mut self, descriptor: &Descriptor) -> Option<(Digest, Vec<u8>)> {
        let digest = descriptor.digest.valid()?;
        match self.reader.read_document(digest, DOCUMENT_LIMIT).await {
            Ok(bytes) => Some((digest, bytes)),
            Err(ReadError::Absent) => {
                self.resolved.fault(digest, FaultKind::ConfigAbsent);
                None
            }
            Err(error) => {
                self.resolved
                    .unread(digest, &error, FaultKind::ConfigUnreadable);
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

/// Parses a cache configuration. A manifest with the media type of a configuration parses as one
/// without records.
async fn parse_config(bytes: Vec<u8>) -> Result<CacheGraph, FaultKind> {
    let parse = |bytes: &[u8]| {
        CacheGraph::parse(bytes).map(|graph| {
            let is_manifest = graph.records.is_empty() && ManifestDocument::parse(bytes).is_ok();
            (graph, is_manifest)
        })
    };
    match parsed(bytes, parse).await {
        Ok(Ok((graph, false))) => Ok(graph),
        Ok(Ok((_, true))) => {
            let why = "a manifest stands in the place of its config".to_owned();
            Err(FaultKind::ManifestUnreadable(why))
        }
        Ok(Err(error)) => Err(FaultKind::ConfigUnreadable(error.to_string())),
        Err(error) => Err(FaultKind::ConfigUnreadable(error.to_string())),
    }
}
