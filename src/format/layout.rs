//! The two files at the root of an OCI image layout: `oci-layout` and `index.json`.

use super::digest::Digest;
use super::lenient::{self, go_struct};
use super::manifest::{Descriptor, DocumentError, DocumentShape, INDEXES, LayoutIndex};
use crate::text::escape::visible;

pub mod edit;

/// The annotation with `containerd`'s name of an image; BuildKit's importer looks up a tag here
/// first (`client/ociindex/ociindex.go`).
pub const IMAGE_NAME: &str = "io.containerd.image.name";
/// OCI's annotation with the name of a ref.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// An entry of `index.json`: a build imports it by name, or by its digest.
#[derive(Debug, Clone)]
pub struct LayoutRef {
    /// The names; the one that an importer prefers comes first. Empty for an untagged entry.
    pub names: Vec<String>,
    pub descriptor: Descriptor,
}

impl LayoutRef {
    /// Returns the display name: the first name, else the digest.
    pub fn name(&self) -> String {
        match self.names.first() {
            Some(name) => name.clone(),
            None => self.descriptor.digest.to_string(),
        }
    }
}

/// Why a layout's own files cannot be used. No conclusions may be drawn from such a layout,
/// especially not that a blob is unneeded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// The file is empty, as after an interrupted write.
    #[error("the file is empty")]
    Empty,
    /// It is not JSON of the right shape.
    #[error("{0}")]
    Json(String),
    /// The index has no list of manifests.
    #[error("it has no list `manifests`, so which blobs are needed is not known")]
    Unlisted,
    /// The layout or index has an unsupported version.
    #[error("{what} is `{found}`; only `{known}` is known")]
    Version {
        /// The field with the version.
        what: &'static str,
        found: String,
        /// The expected value.
        known: &'static str,
    },
}

go_struct! {
    struct LayoutMarker { version: String = "imageLayoutVersion" }
}

/// Checks the content of the file `oci-layout`.
///
/// # Errors
/// If it is not the marker of a layout of version 1.0.0.
pub fn check_marker(bytes: &[u8]) -> Result<(), LayoutError> {
    if bytes.is_empty() {
        return Err(LayoutError::Empty);
    }
    let marker: LayoutMarker =
        lenient::parse(bytes).map_err(|error| LayoutError::Json(error.to_string()))?;
    if marker.version != "1.0.0" {
        return Err(LayoutError::Version {
            what: "imageLayoutVersion",
            found: visible(&marker.version).into_owned(),
            known: "1.0.0",
        });
    }
    Ok(())
}

/// Parses the entries of `index.json`.
///
/// # Errors
/// If the bytes are not an index of version 2.
pub fn parse_index(bytes: &[u8]) -> Result<Vec<LayoutRef>, LayoutError> {
    if bytes.is_empty() {
        return Err(LayoutError::Empty);
    }
    let shape = DocumentShape::of(bytes).map_err(|error| match error {
        DocumentError::Json(why) | DocumentError::NotJson(why) => LayoutError::Json(why),
        other => LayoutError::Json(other.to_string()),
    })?;
    let index: LayoutIndex =
        lenient::parse(bytes).map_err(|error| LayoutError::Json(error.to_string()))?;
    if index.schema_version != 2 {
        let found = index.schema_version.to_string();
        return Err(LayoutError::Version {
            what: "schemaVersion",
            found,
            known: "2",
        });
    }
    if !index.media_type.is_empty() && !INDEXES.contains(&index.media_type.as_str()) {
        let found = visible(&index.media_type).into_owned();
        return Err(LayoutError::Version {
            what: "mediaType",
            found,
            known: INDEXES[0],
        });
    }
    // Without the list, the needed blobs are unknown; OCI requires the list.
    if shape.first_given(&["manifests"]).is_none() {
        return Err(LayoutError::Unlisted);
    }
    Ok(index.manifests.0.into_iter().map(layout_ref).collect())
}

/// Returns a fingerprint that changes whenever the refs change.
pub fn fingerprint(index: &[u8]) -> Digest {
    Digest::of(index)
}

fn layout_ref(descriptor: Descriptor) -> LayoutRef {
    let mut names: Vec<String> = [IMAGE_NAME, REF_NAME]
        .iter()
        .filter_map(|key| descriptor.annotation(key))
        .map(str::to_owned)
        .collect();
    names.dedup();
    LayoutRef { names, descriptor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_as_the_importer_does() {
        let listed_refs = parse_index(
            br#"{"schemaVersion":2,"manifests":[
                {"annotations":{"org.opencontainers.image.ref.name":"1.0","io.containerd.image.name":"docker.io/acme/app:1.0"}},
                {"annotations":{"org.opencontainers.image.ref.name":"main"}},{"digest":"sha256:x"}]}"#,
        )
        .unwrap();
        assert_eq!(listed_refs[0].names, ["docker.io/acme/app:1.0", "1.0"]);
        assert_eq!(listed_refs[1].names, ["main"]);
        assert_eq!(
            (listed_refs[2].names.len(), listed_refs[2].name()),
            (0, "sha256:x".into())
        );
    }

    #[test]
    fn unknown_layout_versions_are_refused() {
        assert_eq!(parse_index(b"").unwrap_err(), LayoutError::Empty);
        assert!(matches!(
            parse_index(br#"{"schemaVersion":2,"manifests":["#).unwrap_err(),
            LayoutError::Json(_)
        ));
        let version = parse_index(br#"{"schemaVersion":3,"manifests":[]}"#).unwrap_err();
        assert_eq!(
            version.to_string(),
            "schemaVersion is `3`; only `2` is known"
        );
        assert!(parse_index(br#"{"schemaVersion":2,"mediaType":"text/html"}"#).is_err());
        for unlisted in [
            &br#"{"schemaVersion":2}"#[..],
            br#"{"schemaVersion":2,"manifests":null}"#,
        ] {
            assert_eq!(parse_index(unlisted).unwrap_err(), LayoutError::Unlisted);
        }
        let twice = br#"{"schemaVersion":2,"manifests":[],"Manifests":[{}]}"#;
        assert!(parse_index(twice).is_err());
        assert!(check_marker(br#"{"imageLayoutVersion":"1.0.0"}"#).is_ok());
        assert!(check_marker(br#"{"imageLayoutVersion":"2.0.0"}"#).is_err());
    }
}
