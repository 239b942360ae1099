//! Manifests and indexes of OCI and Docker, and the image configuration.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::cache_config::CacheLayer;
use super::digest::{Digest, DigestText};
use super::lenient::{self, List, go_struct};
use super::time::GoTime;

pub mod rewrite;

/// The media type of a cache configuration (`cache/remotecache/v1/types` in BuildKit).
pub const CACHE_CONFIG: &str = "application/vnd.buildkit.cacheconfig.v0";
/// The media types of manifests that have a config and layers.
pub const MANIFESTS: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];
/// The media types of indexes, which list other manifests (or, for an old form of cache, layers).
pub const INDEXES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
/// The annotation that says when BuildKit made a layer.
pub const CREATED_AT: &str = "buildkit/createdat";
/// The annotation that names a layer's uncompressed digest.
pub const UNCOMPRESSED: &str = "containerd.io/uncompressed";
/// The annotation by which an attestation manifest says what it is.
pub const REFERENCE_TYPE: &str = "vnd.docker.reference.type";

/// The largest manifest or cache configuration that is read, in bytes.
///
/// BuildKit itself refuses to import more than [`IMPORT_LIMIT`]; a larger document is still shown, up to here.
pub const DOCUMENT_LIMIT: u64 = 16 << 20;
/// The largest manifest or cache configuration that BuildKit imports, in bytes (`maxBlobSize` in
/// `cache/remotecache/import.go`).
pub const IMPORT_LIMIT: u64 = 1 << 20;

go_struct! {
    /// What a manifest says of a blob.
    pub struct Descriptor {
        /// The media type, as written.
        pub media_type: String = "mediaType",
        /// The blob's name.
        pub digest: DigestText = "digest",
        signed_size: i64 = "size",
        /// Annotations; a `null` value reads as none.
        pub annotations: BTreeMap<String, Option<String>> = "annotations",
        /// For which platform a manifest is.
        pub platform: Option<Platform> = "platform",
    }
}

go_struct! {
    /// An operating system and a processor.
    pub struct Platform {
        /// As Go names it: `linux`.
        pub os: String = "os",
        /// As Go names it: `amd64`.
        pub architecture: String = "architecture",
        /// A variant of the architecture: `v7`.
        pub variant: String = "variant",
    }
}

impl Platform {
    /// Returns the platform as `linux/arm/v7`, or nothing when it is not known.
    pub fn name(&self) -> Option<String> {
        let known = |part: &str| !part.is_empty() && part != "unknown";
        if !known(&self.os) && !known(&self.architecture) {
            return None;
        }
        let variant = if self.variant.is_empty() { String::new() } else { format!("/{}", self.variant) };
        Some(format!("{}/{}{variant}", self.os, self.architecture))
    }
}

impl Descriptor {
    /// Returns the size in bytes, or nothing for a negative one.
    pub fn size(&self) -> Option<u64> {
        u64::try_from(self.signed_size).ok()
    }

    /// Returns an annotation's value, when it is there and not empty.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.get(key)?.as_deref().filter(|value| !value.is_empty())
    }

    /// Returns when BuildKit made the layer, where it says so.
    pub fn created(&self) -> Option<Timestamp> {
        GoTime::parse(self.annotation(CREATED_AT)?).ok()?.0
    }

    /// Returns the layer's uncompressed digest, where it is annotated.
    pub fn diff_id(&self) -> Option<DigestText> {
        self.annotation(UNCOMPRESSED).map(DigestText::from)
    }

    /// Describes a blob of which nothing but its name is known.
    pub fn named(digest: DigestText) -> Self {
        Self { digest, signed_size: -1, ..Self::default() }
    }

    /// Describes a blob of a known kind and size in bytes.
    pub fn sized(digest: super::digest::Digest, media_type: &str, size: u64) -> Self {
        let signed_size = i64::try_from(size).unwrap_or(i64::MAX);
        Self { digest: DigestText::Valid(digest), media_type: media_type.to_owned(), signed_size, ..Self::default() }
    }

    /// Describes a layer by what a cache configuration itself says of it, as caches without a manifest do. None when it
    /// does not say enough: BuildKit's importers want the annotations, and the uncompressed digest in them.
    pub fn of_layer(layer: &CacheLayer) -> Option<Self> {
        let annotations = layer.annotations.as_ref()?;
        let diff_id = annotations.diff_id.as_ref().filter(|digest| digest.valid().is_some())?;
        let created = annotations.created.map(|time| (CREATED_AT.to_owned(), Some(time.to_string())));
        let uncompressed = (UNCOMPRESSED.to_owned(), Some(diff_id.to_string()));
        Some(Self {
            media_type: annotations.media_type.clone(),
            digest: layer.blob.clone(),
            signed_size: annotations.size.map_or(-1, |size| i64::try_from(size).unwrap_or(i64::MAX)),
            annotations: created.into_iter().chain([uncompressed]).collect(),
            platform: None,
        })
    }

    /// Tells whether the descriptor names a manifest or an index, that is, something with blobs of its own.
    pub fn is_manifest_like(&self) -> bool {
        let media_type = self.media_type.as_str();
        MANIFESTS.contains(&media_type) || INDEXES.contains(&media_type)
    }

    /// Tells whether the descriptor names a cache configuration.
    pub fn is_cache_config(&self) -> bool {
        self.media_type == CACHE_CONFIG
    }
}

/// A manifest, told by its body.
#[derive(Debug, Clone)]
pub enum Document {
    /// One config and layers: an image, or a cache in its image-manifest form.
    Manifest {
        /// The config's descriptor; [`CACHE_CONFIG`] as its media type makes the manifest a cache.
        config: Box<Descriptor>,
        /// The layers, bottom first for an image.
        layers: Vec<Descriptor>,
        /// The manifest that this one is about, which must not go while this one stays.
        subject: Option<Box<Descriptor>>,
    },
    /// A list of manifests, or of a cache's layers and its config.
    Index {
        /// The list.
        entries: Vec<Descriptor>,
        /// The manifest that this index is about, which must not go while this one stays.
        subject: Option<Box<Descriptor>>,
    },
}

/// Says why bytes are not a manifest that BuildKit would read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The bytes are not JSON of that shape.
    #[error("not a manifest: {0}")]
    Json(String),
    /// The body says it is one thing and holds the fields of another, which BuildKit refuses
    /// (`util/imageutil/config.go`).
    #[error("a manifest that is also an index")]
    Ambiguous,
    /// There is neither a config, nor layers, nor manifests.
    #[error("neither a manifest nor an index (media type `{0}`)")]
    NeitherKind(String),
}

go_struct! {
    struct Body {
        media_type: String = "mediaType",
        config: Option<Box<Descriptor>> = "config",
        layers: Option<List<Descriptor>> = "layers",
        manifests: Option<List<Descriptor>> = "manifests",
        subject: Option<Box<Descriptor>> = "subject",
    }
}

impl Document {
    /// Returns what a document refers to by its `subject` (OCI image specification, `manifest.md`), and its own media type; none
    /// of anything else.
    pub fn subject_of(bytes: &[u8]) -> Option<(Digest, String)> {
        let body: Body = lenient::parse(bytes).ok()?;
        let subject = body.subject?.digest.valid()?;
        let kind = match (body.media_type, body.manifests) {
            (kind, _) if !kind.is_empty() => kind,
            (_, Some(_)) => INDEXES[0].to_owned(),
            (_, None) => MANIFESTS[0].to_owned(),
        };
        Some((subject, kind))
    }

    /// Parses the body of a manifest or an index.
    ///
    /// The kind is that of the body, as BuildKit infers it: its own `mediaType` first, else the fields that it has.
    ///
    /// # Errors
    /// When BuildKit would not take it for either.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let body: Body = lenient::parse(bytes).map_err(|error| DocumentError::Json(error.to_string()))?;
        let media_type = body.media_type.as_str();
        let has_content = body.config.is_some() || body.layers.is_some();
        let is_index = if INDEXES.contains(&media_type) {
            true
        } else if MANIFESTS.contains(&media_type) {
            false
        } else if media_type.is_empty() && (has_content || body.manifests.is_some()) {
            !has_content
        } else {
            return Err(DocumentError::NeitherKind(super::text::visible(media_type).into_owned()));
        };
        if (is_index && has_content) || (!is_index && body.manifests.is_some()) {
            return Err(DocumentError::Ambiguous);
        }
        if is_index {
            return Ok(Self::Index { entries: body.manifests.unwrap_or_default().0, subject: body.subject });
        }
        Ok(Self::Manifest {
            config: body.config.unwrap_or_default(),
            layers: body.layers.unwrap_or_default().0,
            subject: body.subject,
        })
    }
}

go_struct! {
    /// The root of an OCI layout's `index.json`.
    pub struct LayoutIndex {
        /// 2 in every layout of today.
        pub schema_version: i64 = "schemaVersion",
        /// Empty or the media type of an OCI index.
        pub media_type: String = "mediaType",
        /// The layout's entries.
        pub manifests: List<Descriptor> = "manifests",
    }
}

go_struct! {
    /// The parts of an image's configuration that matter to a cache.
    pub struct ImageConfig {
        /// When the image was made.
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
        pub history: List<HistoryEntry> = "history",
        /// The records of an inline cache, in base64 (`exporter/containerimage/writer.go` in BuildKit).
        pub inline_cache: String = "moby.buildkit.cache.v0",
    }
}

go_struct! {
    /// The layers of an image, uncompressed.
    pub struct RootFs {
        /// Bottom first.
        pub diff_ids: List<DigestText> = "diff_ids",
    }
}

go_struct! {
    /// One instruction of an image's history.
    pub struct HistoryEntry {
        /// When it ran.
        pub created: GoTime = "created",
        /// The instruction, as the builder words it.
        pub created_by: String = "created_by",
        /// Whether it made no layer.
        pub empty_layer: bool = "empty_layer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_manifests_and_indexes_by_their_bodies() {
        let manifest = br#"{"config":{"mediaType":"application/vnd.buildkit.cacheconfig.v0","size":3},"layers":[]}"#;
        assert!(matches!(Document::parse(manifest), Ok(Document::Manifest { config, .. }) if config.is_cache_config()));
        assert!(
            matches!(Document::parse(br#"{"manifests":[{}]}"#), Ok(Document::Index { entries, .. }) if entries.len() == 1)
        );
        let both = br#"{"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"layers":[]}"#;
        assert_eq!(Document::parse(both).unwrap_err(), DocumentError::Ambiguous);
        assert!(matches!(Document::parse(b"{}"), Err(DocumentError::NeitherKind(_))));
        assert!(matches!(Document::parse(br#"{"mediaType":"text/x"}"#), Err(DocumentError::NeitherKind(_))));
        assert!(matches!(Document::parse(b"<html>"), Err(DocumentError::Json(_))));
    }

    #[test]
    fn a_negative_size_is_no_size() {
        let Ok(Document::Index { entries: list, .. }) = Document::parse(br#"{"manifests":[{"size":-1},{"size":0}]}"#)
        else {
            panic!()
        };
        assert_eq!((list[0].size(), list[1].size()), (None, Some(0)));
    }
}
