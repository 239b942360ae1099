//! The provenance of images: statements in attestation manifests, which are next to the image in
//! its index (BuildKit, `docs/attestations/attestation-storage.md`).

use super::{CacheReader, ReadError, all_refs};
use crate::format::digest::Digest;
use crate::format::manifest::{DOCUMENT_LIMIT, Descriptor, ManifestDocument, REFERENCE_TYPE};

/// The annotation with the kind of a layer of an attestation manifest.
const PREDICATE: &str = "in-toto.io/predicate-type";
/// The prefix of the predicate types of provenance.
const PROVENANCE: &str = "https://slsa.dev/provenance/";
/// The most attestation manifests that are read for one ref.
pub(super) const MOST: usize = 64;

/// Returns the entries of an index, or no entries for any other document.
pub(super) fn entries(document: &[u8]) -> Vec<Descriptor> {
    match ManifestDocument::parse(document) {
        Ok(ManifestDocument::Index { entries, .. }) => entries,
        Ok(_) | Err(_) => Vec::new(),
    }
}

/// Returns the attestation manifests among the entries of an index.
pub(super) fn manifests(entries: &[Descriptor]) -> Vec<Digest> {
    entries
        .iter()
        .filter(|entry| entry.annotation(REFERENCE_TYPE) == Some("attestation-manifest"))
        .filter_map(|entry| entry.digest.valid())
        .take(MOST)
        .collect()
}

/// Reads the provenance statements in attestation manifests.
///
/// # Errors
/// Fails if one of the documents cannot be read.
pub(super) async fn statements(
    reader: &dyn CacheReader,
    manifests: Vec<Digest>,
) -> Result<Vec<Vec<u8>>, ReadError> {
    let mut statements = Vec::new();
    for manifest in manifests.into_iter().take(MOST) {
        let bytes = reader.read_document(manifest, DOCUMENT_LIMIT).await?;
        let Ok(ManifestDocument::Manifest { layers, .. }) = ManifestDocument::parse(&bytes) else {
            continue;
        };
        let states = |layer: &&Descriptor| {
            layer
                .annotation(PREDICATE)
                .is_some_and(|kind| kind.starts_with(PROVENANCE))
        };
        for layer in layers.iter().filter(states).take(MOST) {
            if let Some(statement) = layer.digest.valid() {
                statements.push(reader.read_document(statement, DOCUMENT_LIMIT).await?);
            }
        }
    }
    Ok(statements)
}

/// Reads the provenance of a ref, given by name or digest. Returns nothing if it has none or if it
/// cannot be read.
pub(super) async fn of_ref(reader: &dyn CacheReader, name: &str) -> Vec<Vec<u8>> {
    let digest = match name.parse::<Digest>() {
        Ok(digest) => Some(digest),
        Err(_) => digest_of(reader, name).await,
    };
    let Some(digest) = digest else {
        return Vec::new();
    };
    let read = async {
        let document = reader.read_document(digest, DOCUMENT_LIMIT).await?;
        statements(reader, manifests(&entries(&document))).await
    };
    read.await.unwrap_or_default()
}

async fn digest_of(reader: &dyn CacheReader, name: &str) -> Option<Digest> {
    let listed = all_refs(reader).await.ok()?;
    let mut refs = listed.entries.iter();
    let found = refs.find(|listed| listed.names.iter().any(|known| known == name))?;
    found.descriptor.digest.valid()
}
