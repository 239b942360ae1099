//! The body of a manifest or an index, in every form with known blob references.

use super::shape::{DocumentShape, FieldState};
use super::{ARTIFACT, Descriptor, INDEXES, MANIFESTS, SCHEMA_1};
use crate::format::digest::{Digest, DigestText};
use crate::format::lenient::{self, LenientList, go_struct};
use crate::text::escape::visible;

/// A manifest or an index. The body decides about its form.
#[derive(Debug, Clone)]
pub enum ManifestDocument {
    /// One config and layers: an image, or a cache in its image-manifest form.
    Manifest {
        /// The config's descriptor. With the media type [`super::CACHE_CONFIG`], the manifest is a
        /// cache.
        config: Box<Descriptor>,
        /// The layers, bottom first for an image.
        layers: Vec<Descriptor>,
        /// Whether `layers` is `null`, as Go writes an empty list. Only a config without layers
        /// confirms that there are none.
        null_layers: bool,
        artifact_type: String,
        /// The manifest that this one is about.
        subject: Option<Box<Descriptor>>,
    },
    /// A list of manifests, or of a cache's layers and its config.
    Index {
        /// The list.
        entries: Vec<Descriptor>,
        artifact_type: String,
        /// The manifest that this index is about.
        subject: Option<Box<Descriptor>>,
    },
    /// A Docker schema 1 manifest: an image with its configuration inside the manifest.
    Schema1 {
        /// The layers, bottom first.
        layers: Vec<Descriptor>,
    },
    /// An artifact manifest of a release candidate of OCI 1.1.
    Artifact {
        blobs: Vec<Descriptor>,
        artifact_type: String,
        /// The manifest that this one is about.
        subject: Option<Box<Descriptor>>,
    },
}

/// Why the blob references of a document are unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The bytes are no JSON and do not start like an object: a file of another kind.
    #[error("not a manifest: {0}")]
    NotJson(String),
    /// The JSON does not have the shape of a manifest.
    #[error("not a manifest: {0}")]
    Json(String),
    /// The body declares one type and has the fields of another; BuildKit refuses it
    /// (`util/imageutil/config.go`).
    #[error("a manifest that is also an index")]
    Ambiguous,
    /// The body does not have the form of a known manifest.
    #[error("neither a manifest nor an index (media type `{0}`)")]
    NeitherKind(String),
    /// The version in the body does not belong to its form.
    #[error("a manifest of version {0}, which is not known")]
    Version(i64),
    /// The body lacks a field with blob references of its form.
    #[error("a manifest without `{0}`")]
    Lacks(&'static str),
    /// The body has a field that does not belong to its form.
    #[error("a manifest with the unknown field `{0}`")]
    Unknown(String),
    /// The subject of the manifest has no valid digest.
    #[error("a manifest whose `subject` is no digest")]
    Subject,
}

go_struct! {
    struct DocumentBody {
        schema_version: i64 = "schemaVersion",
        media_type: String = "mediaType",
        artifact_type: String = "artifactType",
        config: Box<Descriptor> = "config",
        layers: LenientList<Descriptor> = "layers",
        manifests: LenientList<Descriptor> = "manifests",
        blobs: LenientList<Descriptor> = "blobs",
        fs_layers: LenientList<FsLayer> = "fsLayers",
        subject: Option<Box<Descriptor>> = "subject",
    }
}
go_struct! {
    struct FsLayer { digest: DigestText = "blobSum" }
}

/// The forms, distinguished by media type and fields.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Manifest,
    Index,
    Schema1,
    Artifact,
}

impl Form {
    fn of(body: &DocumentBody, shape: &DocumentShape) -> Result<Self, DocumentError> {
        let media_type = body.media_type.as_str();
        let has = |name| shape.field(name) != FieldState::Absent;
        if INDEXES.contains(&media_type) {
            Ok(Self::Index)
        } else if MANIFESTS.contains(&media_type) {
            Ok(Self::Manifest)
        } else if SCHEMA_1.contains(&media_type) {
            Ok(Self::Schema1)
        } else if media_type == ARTIFACT {
            Ok(Self::Artifact)
        } else if media_type.is_empty() && (has("config") || has("layers")) {
            Ok(Self::Manifest)
        } else if media_type.is_empty() && has("manifests") {
            Ok(Self::Index)
        } else if media_type.is_empty() && has("fsLayers") {
            Ok(Self::Schema1)
        } else {
            Err(DocumentError::NeitherKind(visible(media_type).into_owned()))
        }
    }

    fn version(self) -> i64 {
        match self {
            Self::Schema1 => 1,
            Self::Manifest | Self::Index | Self::Artifact => 2,
        }
    }

    /// Returns the fields with blob references of the other forms.
    fn of_others(self) -> &'static [&'static str] {
        match self {
            Self::Manifest => &["manifests", "blobs", "fsLayers"],
            Self::Index => &["config", "layers", "blobs", "fsLayers"],
            // Signed manifests have a meaningless `config`, but only in their history.
            Self::Schema1 => &["config", "layers", "manifests", "blobs"],
            Self::Artifact => &["config", "layers", "manifests", "fsLayers"],
        }
    }
}

impl ManifestDocument {
    /// Parses the body of a manifest or an index.
    ///
    /// The body decides about the form, as in BuildKit: first its own `mediaType`, else its fields.
    /// A body without a field for the blob references of its form is an error: it is damaged, or of
    /// a future form, and its references are unknown.
    ///
    /// # Errors
    /// If the references of the document are not known for certain.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let shape = DocumentShape::of(bytes)?;
        let body: DocumentBody =
            lenient::parse(bytes).map_err(|error| DocumentError::Json(error.to_string()))?;
        let form = Form::of(&body, &shape)?;
        if shape.first_given(form.of_others()).is_some() {
            return Err(DocumentError::Ambiguous);
        }
        let is_versioned = shape.field("schemaVersion") != FieldState::Absent;
        if is_versioned && body.schema_version != form.version() {
            return Err(DocumentError::Version(body.schema_version));
        }
        Self::of_form(form, body, &shape)
    }

    /// Makes a document of a form. Fields that the form needs must be there.
    fn of_form(
        form: Form,
        body: DocumentBody,
        shape: &DocumentShape,
    ) -> Result<Self, DocumentError> {
        let needs = |name: &'static str| match shape.field(name) {
            FieldState::Given => Ok(()),
            FieldState::Absent | FieldState::Null => Err(DocumentError::Lacks(name)),
        };
        let artifact_type = body.artifact_type;
        let subject = body.subject;
        Ok(match form {
            Form::Manifest => {
                needs("config")?;
                let null_layers = shape.field("layers") == FieldState::Null;
                if !null_layers {
                    needs("layers")?;
                }
                Self::Manifest {
                    config: body.config,
                    layers: body.layers.0,
                    null_layers,
                    artifact_type,
                    subject,
                }
            }
            Form::Index => {
                needs("manifests")?;
                Self::Index {
                    entries: body.manifests.0,
                    artifact_type,
                    subject,
                }
            }
            Form::Schema1 => {
                needs("fsLayers")?;
                // The format lists the top layer first, and repeats an empty layer as often as it
                // occurs.
                let layers = body.fs_layers.0.into_iter().rev();
                Self::Schema1 {
                    layers: layers
                        .map(|layer| Descriptor::named(layer.digest))
                        .collect(),
                }
            }
            Form::Artifact => {
                artifact_shape(shape)?;
                Self::Artifact {
                    blobs: body.blobs.0,
                    artifact_type,
                    subject,
                }
            }
        })
    }

    /// Returns the manifest that this one is about.
    pub fn subject(&self) -> Option<&Descriptor> {
        match self {
            Self::Manifest { subject, .. }
            | Self::Index { subject, .. }
            | Self::Artifact { subject, .. } => subject.as_deref(),
            Self::Schema1 { .. } => None,
        }
    }

    /// Returns the entries of an index; empty for a manifest.
    pub fn entries(&self) -> &[Descriptor] {
        match self {
            Self::Index { entries, .. } => entries,
            Self::Manifest { .. } | Self::Schema1 { .. } | Self::Artifact { .. } => &[],
        }
    }

    /// Returns the media type of the form.
    pub fn media_type(&self) -> &'static str {
        match self {
            Self::Manifest { .. } => MANIFESTS[0],
            Self::Index { .. } => INDEXES[0],
            Self::Schema1 { .. } => SCHEMA_1[0],
            Self::Artifact { .. } => ARTIFACT,
        }
    }

    /// Returns the `subject` of an unreferenced document (OCI image specification, `manifest.md`),
    /// and the document's media type; `None` if it is no manifest.
    ///
    /// # Errors
    /// If it looks like a manifest with a subject but cannot be parsed.
    pub fn subject_of(bytes: &[u8]) -> Result<Option<(Digest, &'static str)>, DocumentError> {
        match Self::parse(bytes) {
            Ok(document) => {
                let Some(subject) = document.subject() else {
                    return Ok(None);
                };
                let digest = subject.digest.valid().ok_or(DocumentError::Subject)?;
                Ok(Some((digest, document.media_type())))
            }
            Err(error) => {
                // In-toto statements have a `subject` too, and are no manifests.
                const OF_MANIFESTS: [&str; 4] = ["config", "layers", "manifests", "blobs"];
                let looks_like_one = DocumentShape::of(bytes).is_ok_and(|shape| {
                    shape.field("subject") == FieldState::Given
                        && shape.first_given(&OF_MANIFESTS).is_some()
                });
                if looks_like_one { Err(error) } else { Ok(None) }
            }
        }
    }
}

/// Checks an artifact manifest, which may omit `blobs`: without it, it must have no field that
/// might stand in for it.
fn artifact_shape(shape: &DocumentShape) -> Result<(), DocumentError> {
    const KNOWN: [&str; 6] = [
        "schemaVersion",
        "mediaType",
        "artifactType",
        "blobs",
        "subject",
        "annotations",
    ];
    match (shape.field("blobs"), shape.unknown(&KNOWN)) {
        (FieldState::Given, _) | (_, None) => Ok(()),
        (FieldState::Absent | FieldState::Null, Some(unknown)) => {
            Err(DocumentError::Unknown(visible(unknown).into_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_and_indexes_are_recognized_by_their_bodies() {
        let manifest = br#"{"config":{"mediaType":"application/vnd.buildkit.cacheconfig.v0","size":3},"layers":[]}"#;
        assert!(
            matches!(ManifestDocument::parse(manifest), Ok(ManifestDocument::Manifest { config, .. }) if config.is_cache_config())
        );
        assert!(
            matches!(ManifestDocument::parse(br#"{"manifests":[{}]}"#), Ok(ManifestDocument::Index { entries, .. }) if entries.len() == 1)
        );
        let both = br#"{"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"layers":[]}"#;
        assert_eq!(
            ManifestDocument::parse(both).unwrap_err(),
            DocumentError::Ambiguous
        );
        for neither in [&b"{}"[..], br#"{"mediaType":"text/x"}"#] {
            assert!(matches!(
                ManifestDocument::parse(neither),
                Err(DocumentError::NeitherKind(_))
            ));
        }
    }

    #[test]
    fn only_documents_that_start_as_an_object_count_as_json() {
        for file in [&b"<html>"[..], b"\x1f\x8b\x08", b"", b"plain text"] {
            assert!(matches!(
                ManifestDocument::parse(file),
                Err(DocumentError::NotJson(_))
            ));
        }
        for damaged in [
            &b"{"[..],
            b" {} {}",
            b"[]",
            b"42",
            b"null",
            b"\xef\xbb\xbf{}",
        ] {
            assert!(
                matches!(
                    ManifestDocument::parse(damaged),
                    Err(DocumentError::Json(_))
                ),
                "{}",
                String::from_utf8_lossy(damaged)
            );
        }
    }

    #[test]
    fn a_document_without_its_required_fields_is_not_understood() {
        for odd in [
            r#"{"layers":[]}"#,
            r#"{"config":{}}"#,
            r#"{"config":null,"layers":[]}"#,
            r#"{"config":"x","layers":[]}"#,
            r#"{"config":{},"layers":{}}"#,
            r#"{"config":{"size":"1"},"layers":[]}"#,
            r#"{"config":{},"layers":[],"Layers":[{}]}"#,
            r#"{"config":{},"layers":[{"digest":"a","digest":"b"}]}"#,
            r#"{"config":{},"layers":[],"schemaVersion":3}"#,
            r#"{"config":{},"layers":[],"subject":[]}"#,
            r#"{"config":{},"layers":[],"fsLayers":[]}"#,
            r#"{"manifests":null}"#,
            r#"{"mediaType":"application/vnd.oci.image.index.v1+json"}"#,
            r#"{"mediaType":"application/vnd.oci.image.manifest.v1+json","blobs":[]}"#,
            r#"{"schemaVersion":1}"#,
            r#"{"schemaVersion":2,"fsLayers":[]}"#,
            r#"{"mediaType":"application/vnd.oci.artifact.manifest.v1+json","blobz":[]}"#,
        ] {
            assert!(ManifestDocument::parse(odd.as_bytes()).is_err(), "{odd}");
        }
        let null = br#"{"config":{},"layers":null}"#;
        assert!(matches!(
            ManifestDocument::parse(null),
            Ok(ManifestDocument::Manifest {
                null_layers: true,
                ..
            })
        ));
    }

    #[test]
    fn reads_older_forms() {
        let digest = |byte: u8| Digest::Sha256([byte; 32]);
        let schema1 = format!(
            r#"{{"schemaVersion":1,"name":"a","fsLayers":[{{"blobSum":"{}"}},{{"blobSum":"{}"}}]}}"#,
            digest(2),
            digest(1)
        );
        let Ok(ManifestDocument::Schema1 { layers }) = ManifestDocument::parse(schema1.as_bytes())
        else {
            panic!("schema 1 is not read")
        };
        let layers: Vec<_> = layers.iter().map(|layer| layer.digest.valid()).collect();
        assert_eq!(layers, [Some(digest(1)), Some(digest(2))]);
        let artifact = format!(
            r#"{{"mediaType":"{ARTIFACT}","blobs":[{{"digest":"{}"}}],"subject":{{"digest":"{}"}}}}"#,
            digest(3),
            digest(4)
        );
        let found = ManifestDocument::subject_of(artifact.as_bytes());
        assert_eq!(found, Ok(Some((digest(4), ARTIFACT))));
    }

    #[test]
    fn an_untagged_manifest_is_a_referrer_only_by_its_subject() {
        let statement =
            br#"{"_type":"https://in-toto.io/Statement/v0.1","subject":[{"name":"x"}]}"#;
        assert_eq!(ManifestDocument::subject_of(statement), Ok(None));
        assert_eq!(ManifestDocument::subject_of(b"\x1f\x8b"), Ok(None));
        for odd in [
            &br#"{"config":{},"layers":[],"subject":{"digest":"x"}}"#[..],
            br#"{"config":{},"layers":[],"subject":"x"}"#,
        ] {
            assert!(ManifestDocument::subject_of(odd).is_err());
        }
    }

    #[test]
    fn a_negative_size_is_no_size() {
        let document =
            ManifestDocument::parse(br#"{"manifests":[{"size":-1},{"size":0}]}"#).unwrap();
        let sizes: Vec<_> = document.entries().iter().map(Descriptor::size).collect();
        assert_eq!(sizes, [None, Some(0)]);
    }
}
