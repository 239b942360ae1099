//! The provenance that lies beside an image: in the attestation manifests of its index, or of what refers to it.

use super::RegistryCache;
use crate::backend::{CacheReader as _, ReadError};
use crate::format::digest::Digest;
use crate::format::manifest::{DOCUMENT_LIMIT, Descriptor, Document, REFERENCE_TYPE};

/// How a layer of an attestation manifest says what it states (BuildKit, `docs/attestations/attestation-storage.md`).
const PREDICATE: &str = "in-toto.io/predicate-type";
/// What the predicates of provenance begin with.
const PROVENANCE: &str = "https://slsa.dev/provenance/";
/// How many attestation manifests of one ref are read.
const MOST: usize = 64;

impl RegistryCache {
    /// Reads the provenance statements of a ref, one for each platform that has one.
    pub(super) async fn attested(&self, ref_name: &str) -> Result<Vec<Vec<u8>>, ReadError> {
        let digest = match ref_name.parse::<Digest>() {
            Ok(digest) => Some(digest),
            Err(_) => self.look(ref_name).await?.map(|tagged| tagged.digest),
        };
        let Some(digest) = digest else { return Ok(Vec::new()) };
        let root = self.read_document(digest, DOCUMENT_LIMIT).await?;
        let Ok(Document::Index { entries, .. }) = Document::parse(&root) else { return Ok(Vec::new()) };
        let is_attestation = |entry: &&Descriptor| entry.annotation(REFERENCE_TYPE) == Some("attestation-manifest");
        let mut statements = Vec::new();
        for entry in entries.iter().filter(is_attestation).take(MOST) {
            let Some(manifest) = entry.digest.valid() else { continue };
            let bytes = self.read_document(manifest, DOCUMENT_LIMIT).await?;
            let Ok(Document::Manifest { layers, .. }) = Document::parse(&bytes) else { continue };
            let states =
                |layer: &&Descriptor| layer.annotation(PREDICATE).is_some_and(|kind| kind.starts_with(PROVENANCE));
            for layer in layers.iter().filter(states).take(MOST) {
                if let Some(statement) = layer.digest.valid() {
                    statements.push(self.read_document(statement, DOCUMENT_LIMIT).await?);
                }
            }
        }
        Ok(statements)
    }
}
