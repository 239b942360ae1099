//! Manifests and indexes of OCI and Docker, and the image configuration.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::cache_config::CacheLayer;
use super::digest::DigestText;
use super::lenient::{LenientList, go_struct};
use super::time::GoTime;

mod document;
pub mod rewrite;
mod shape;

pub use document::{DocumentError, ManifestDocument};
pub(super) use shape::{DocumentShape, FieldState};

/// The media type of a cache configuration (`cache/remotecache/v1/types` in BuildKit).
pub const CACHE_CONFIG: &str = "application/vnd.buildkit.cacheconfig.v0";
/// The media types of manifests that have a config and layers.
pub const MANIFESTS: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
/// The media types of Docker schema 1 manifests, unsigned and signed.
pub const SCHEMA_1: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
];
/// The media type of the artifact manifest, which only release candidates of OCI 1.1 had.
pub const ARTIFACT: &str = "application/vnd.oci.artifact.manifest.v1+json";
/// The media types of indexes, which list other manifests (or, for an old form of cache, layers).
pub const INDEXES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
/// The annotation with the time when BuildKit created a layer.
pub const CREATED_AT: &str = "buildkit/createdat";
/// The annotation with a layer's uncompressed digest.
pub const UNCOMPRESSED: &str = "containerd.io/uncompressed";
/// The annotation with the type of an attestation manifest.
pub const REFERENCE_TYPE: &str = "vnd.docker.reference.type";

/// The largest manifest or cache configuration that is read, in bytes.
///
/// BuildKit's own limits are in [`ImportLimits`]. A larger document is still shown, up to this
/// size.
pub const DOCUMENT_LIMIT: u64 = 16 << 20;

/// BuildKit's limits for imports, in bytes (`maxBlobSize` in `cache/remotecache/import.go`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportLimits {
    /// The first version with these limits.
    pub since: &'static str,
    /// The largest manifest or index.
    pub manifest: u64,
    /// The largest cache configuration.
    pub config: u64,
}

/// The limits by version, the oldest first. No release imports a cache that exceeds the limits of
/// the last row. moby/buildkit#7126 proposes 4 `MiB` for manifests and 16 `MiB` for configurations:
/// add a row once a release has them.
pub const IMPORT_LIMITS: &[ImportLimits] = &[ImportLimits::FIRST];

impl ImportLimits {
    const FIRST: Self = Self {
        since: "v0.4.0",
        manifest: 1 << 20,
        config: 1 << 20,
    };

    /// Returns the limits of the newest release.
    pub fn newest() -> Self {
        IMPORT_LIMITS.last().copied().unwrap_or(Self::FIRST)
    }
}

go_struct! {
    /// The description of a blob in a manifest.
    pub struct Descriptor {
        /// The media type, as written.
        pub media_type: String = "mediaType",
        /// The blob's digest.
        pub digest: DigestText = "digest",
        signed_size: i64 = "size",
        /// Annotations; a `null` value reads as none.
        pub annotations: BTreeMap<String, Option<String>> = "annotations",
        /// The platform of a manifest.
        pub platform: Option<ImagePlatform> = "platform",
        /// Other locations of the blob: such a layer is not expected in the store.
        pub urls: LenientList<String> = "urls",
        /// The artifact type of a manifest, as in the referrers API.
        pub artifact_type: String = "artifactType",
    }
}

go_struct! {
    /// An operating system and a processor.
    pub struct ImagePlatform {
        /// In Go's naming: `linux`.
        pub os: String = "os",
        /// In Go's naming: `amd64`.
        pub architecture: String = "architecture",
        /// A variant of the architecture: `v7`.
        pub variant: String = "variant",
    }
}

impl ImagePlatform {
    /// Returns the platform as `linux/arm/v7`, or `None` if it is unknown.
    pub fn name(&self) -> Option<String> {
        let known = |part: &str| !part.is_empty() && part != "unknown";
        if !known(&self.os) && !known(&self.architecture) {
            return None;
        }
        let variant = if self.variant.is_empty() {
            String::new()
        } else {
            format!("/{}", self.variant)
        };
        Some(format!("{}/{}{variant}", self.os, self.architecture))
    }
}

impl Descriptor {
    /// Returns the size in bytes, or `None` for a negative one.
    pub fn size(&self) -> Option<u64> {
        u64::try_from(self.signed_size).ok()
    }

    /// Returns an annotation's value, unless it is missing or empty.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations
            .get(key)?
            .as_deref()
            .filter(|value| !value.is_empty())
    }

    /// Returns when BuildKit created the layer, if annotated.
    pub fn created(&self) -> Option<Timestamp> {
        GoTime::parse(self.annotation(CREATED_AT)?).ok()?.0
    }

    /// Returns the layer's uncompressed digest, if annotated.
    pub fn diff_id(&self) -> Option<DigestText> {
        self.annotation(UNCOMPRESSED).map(DigestText::from)
    }

    /// Describes a blob by its digest alone.
    pub fn named(digest: DigestText) -> Self {
        Self {
            digest,
            signed_size: -1,
            ..Self::default()
        }
    }

    /// Describes a blob of a known kind and size in bytes.
    pub fn sized(digest: super::digest::Digest, media_type: &str, size: u64) -> Self {
        let signed_size = i64::try_from(size).unwrap_or(i64::MAX);
        Self {
            digest: DigestText::Valid(digest),
            media_type: media_type.to_owned(),
            signed_size,
            ..Self::default()
        }
    }

    /// Describes a layer by its annotations in a cache configuration, for caches without a
    /// manifest. Returns `None` without the annotations that BuildKit's importers require, among
    /// them the uncompressed digest.
    pub fn of_layer(layer: &CacheLayer) -> Option<Self> {
        let annotations = layer.annotations.as_ref()?;
        let diff_id = annotations
            .diff_id
            .as_ref()
            .filter(|digest| digest.valid().is_some())?;
        let created = annotations
            .created
            .map(|time| (CREATED_AT.to_owned(), Some(time.to_string())));
        let uncompressed = (UNCOMPRESSED.to_owned(), Some(diff_id.to_string()));
        Some(Self {
            media_type: annotations.media_type.clone(),
            digest: layer.blob.clone(),
            signed_size: annotations
                .size
                .map_or(-1, |size| i64::try_from(size).unwrap_or(i64::MAX)),
            annotations: created.into_iter().chain([uncompressed]).collect(),
            ..Self::default()
        })
    }

    /// Returns whether the descriptor names a manifest or an index, which reference blobs of their
    /// own.
    pub fn is_manifest_like(&self) -> bool {
        let media_type = self.media_type.as_str();
        MANIFESTS.contains(&media_type)
            || INDEXES.contains(&media_type)
            || SCHEMA_1.contains(&media_type)
            || media_type == ARTIFACT
    }

    /// Returns whether blobs of the media type never reference others: a layer, or the
    /// configuration of an image or a cache.
    pub fn is_known_leaf(&self) -> bool {
        const PREFIXES: [&str; 3] = [
            "application/vnd.oci.image.layer.",
            "application/vnd.docker.image.rootfs.",
            "application/vnd.oci.image.config.",
        ];
        let media_type = self.media_type.as_str();
        PREFIXES.iter().any(|prefix| media_type.starts_with(prefix))
            || media_type == "application/vnd.docker.container.image.v1+json"
            || media_type == CACHE_CONFIG
    }

    /// Returns whether the blob is distributed from another place (`urls`): copy tools leave such
    /// layers at their origin.
    pub fn is_foreign(&self) -> bool {
        !self.urls.0.is_empty()
    }

    /// Returns whether the descriptor is that of a cache configuration.
    pub fn is_cache_config(&self) -> bool {
        self.media_type == CACHE_CONFIG
    }
}

go_struct! {
    /// The root of an OCI layout's `index.json`.
    pub struct LayoutIndex {
        /// The version; always 2 so far.
        pub schema_version: i64 = "schemaVersion",
        /// The media type of an OCI index, or empty.
        pub media_type: String = "mediaType",
        /// The layout's entries.
        pub manifests: LenientList<Descriptor> = "manifests",
    }
}

go_struct! {
    /// The parts of an image's configuration that matter to a cache.
    pub struct ImageConfig {
        /// When the image was created.
        pub created: GoTime = "created",
        /// The processor.
        pub architecture: String = "architecture",
        /// The operating system.
        pub os: String = "os",
        /// A variant of the architecture.
        pub variant: String = "variant",
        /// The uncompressed digests of the layers.
        pub rootfs: RootFs = "rootfs",
        /// One entry for each instruction, with or without a layer.
        pub history: LenientList<HistoryEntry> = "history",
        /// The records of an inline cache, in base64 (`exporter/containerimage/writer.go` in
        /// BuildKit).
        pub inline_cache: String = "moby.buildkit.cache.v0",
    }
}

go_struct! {
    /// The layers of an image, uncompressed.
    pub struct RootFs {
        /// Bottom first.
        pub diff_ids: LenientList<DigestText> = "diff_ids",
    }
}

go_struct! {
    /// One instruction of an image's history.
    pub struct HistoryEntry {
        /// When it ran.
        pub created: GoTime = "created",
        /// The instruction, in the builder's words.
        pub created_by: String = "created_by",
        /// Whether it created no layer.
        pub empty_layer: bool = "empty_layer",
    }
}
