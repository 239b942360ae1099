//! The two files at the root of an OCI image layout: `oci-layout` and `index.json`.

use jiff::Timestamp;

use super::digest::{Digest, DigestText};
use super::lenient::{self, go_struct};
use super::manifest::{Descriptor, INDEXES, LayoutIndex};
use super::text::visible;

pub mod edit;

/// The annotation by which `containerd` names an image; BuildKit's importer looks a tag up here first
/// (`client/ociindex/ociindex.go`).
pub const IMAGE_NAME: &str = "io.containerd.image.name";
/// The annotation by which OCI names a ref.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// An entry of `index.json`: something that a build imports by a name, or by its digest alone.
#[derive(Debug, Clone)]
pub struct Root {
    /// The names, the one that an importer looks at first standing first; none for an untagged entry.
    pub names: Vec<String>,
    /// What it points to.
    pub descriptor: Descriptor,
    /// What the store says of it beside its content.
    pub facts: RootFacts,
}

/// What a store says of a root beside its content. Most stores say little of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RootFacts {
    /// When it was last written, where that is not told by the blob that it points to.
    pub modified: Option<Timestamp>,
    /// When a build last used it.
    pub used: Option<Timestamp>,
    /// The repository that it belongs to, in a registry or on GitHub.
    pub repository: Option<String>,
    /// The branch that wrote it.
    pub branch: Option<String>,
    /// 0 for what the name stands for now; former contents count from 1 on, the newest first.
    pub generation: u32,
    /// The ref whose former content it is, where the store knows that.
    pub former_of: Option<String>,
    /// The bytes that it takes itself, where it is no blob of the store.
    pub bytes: u64,
    /// Why what it names cannot be read, where that is so for nobody's fault; then its digest only tells it from others.
    pub sealed: Option<String>,
}

impl Root {
    /// Makes a root of which nothing more is known.
    pub fn new(names: Vec<String>, descriptor: Descriptor) -> Self {
        Self { names, descriptor, facts: RootFacts::default() }
    }

    /// Returns the name by which people call the root: its first name; `main~1` for what `main` was before; else its digest.
    pub fn name(&self) -> String {
        match (self.names.first(), &self.facts.former_of) {
            (Some(name), _) => name.clone(),
            (None, Some(of)) => format!("{of}~{}", self.facts.generation),
            (None, None) => match &self.descriptor.digest {
                DigestText::Valid(digest) => digest.to_string(),
                DigestText::Invalid(text) => text.to_string(),
            },
        }
    }
}

/// Says why a layout's own files cannot be used. Nothing may be concluded from such a layout, least of all that a blob is
/// not needed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// A file without any bytes, as an interrupted write leaves.
    #[error("the file is empty")]
    Empty,
    /// Not JSON of the right shape.
    #[error("{0}")]
    Json(String),
    /// A layout or index of a version that this program does not know.
    #[error("{what} is `{found}`; only `{known}` is known")]
    Version {
        /// Which field says so.
        what: &'static str,
        /// What it says.
        found: String,
        /// What it should say.
        known: &'static str,
    },
}

go_struct! {
    struct LayoutMarker { version: String = "imageLayoutVersion" }
}

/// Checks the contents of the file `oci-layout`.
///
/// # Errors
/// When it is not the marker of a layout of version 1.0.0.
pub fn check_marker(bytes: &[u8]) -> Result<(), LayoutError> {
    if bytes.is_empty() {
        return Err(LayoutError::Empty);
    }
    let marker: LayoutMarker = lenient::parse(bytes).map_err(|error| LayoutError::Json(error.to_string()))?;
    if marker.version != "1.0.0" {
        return Err(LayoutError::Version {
            what: "imageLayoutVersion",
            found: visible(&marker.version).into_owned(),
            known: "1.0.0",
        });
    }
    Ok(())
}

/// Reads the entries of `index.json`.
///
/// # Errors
/// When the bytes are not an index of version 2.
pub fn parse_index(bytes: &[u8]) -> Result<Vec<Root>, LayoutError> {
    if bytes.is_empty() {
        return Err(LayoutError::Empty);
    }
    let index: LayoutIndex = lenient::parse(bytes).map_err(|error| LayoutError::Json(error.to_string()))?;
    if index.schema_version != 2 {
        let found = index.schema_version.to_string();
        return Err(LayoutError::Version { what: "schemaVersion", found, known: "2" });
    }
    if !index.media_type.is_empty() && !INDEXES.contains(&index.media_type.as_str()) {
        let found = visible(&index.media_type).into_owned();
        return Err(LayoutError::Version { what: "mediaType", found, known: INDEXES[0] });
    }
    Ok(index.manifests.0.into_iter().map(root).collect())
}

/// Returns what changes whenever the refs do.
pub fn fingerprint(index: &[u8]) -> Digest {
    Digest::of(index)
}

fn root(descriptor: Descriptor) -> Root {
    let mut names: Vec<String> =
        [IMAGE_NAME, REF_NAME].iter().filter_map(|key| descriptor.annotation(key)).map(str::to_owned).collect();
    names.dedup();
    Root::new(names, descriptor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_in_the_importers_order() {
        let roots = parse_index(
            br#"{"schemaVersion":2,"manifests":[
                {"annotations":{"org.opencontainers.image.ref.name":"1.0","io.containerd.image.name":"docker.io/acme/app:1.0"}},
                {"annotations":{"org.opencontainers.image.ref.name":"main"}},{"digest":"sha256:x"}]}"#,
        )
        .unwrap();
        assert_eq!(roots[0].names, ["docker.io/acme/app:1.0", "1.0"]);
        assert_eq!(roots[1].names, ["main"]);
        assert_eq!((roots[2].names.len(), roots[2].name()), (0, "sha256:x".into()));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert_eq!(parse_index(b"").unwrap_err(), LayoutError::Empty);
        assert!(matches!(parse_index(br#"{"schemaVersion":2,"manifests":["#).unwrap_err(), LayoutError::Json(_)));
        let version = parse_index(br#"{"schemaVersion":3,"manifests":[]}"#).unwrap_err();
        assert_eq!(version.to_string(), "schemaVersion is `3`; only `2` is known");
        assert!(parse_index(br#"{"schemaVersion":2,"mediaType":"text/html"}"#).is_err());
        assert!(check_marker(br#"{"imageLayoutVersion":"1.0.0"}"#).is_ok());
        assert!(check_marker(br#"{"imageLayoutVersion":"2.0.0"}"#).is_err());
    }
}
