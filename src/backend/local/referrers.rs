//! Manifests that no ref references and that reference another one as their `subject`: signatures
//! and attestations.

use std::io::Read as _;

use super::LocalCache;
use crate::backend::ListedRef;
use crate::backend::{BackendError, ReadError};
use crate::format::digest::{Digest, DigestText};
use crate::format::manifest::{DOCUMENT_LIMIT, Descriptor, ManifestDocument};

/// The bytes of a blob that show whether it may be a manifest.
const HEAD: u64 = 512;

/// Returns whether a blob with this beginning may be a manifest: layers are not JSON.
fn may_be_a_manifest(head: &[u8]) -> bool {
    head.trim_ascii_start()
        .first()
        .is_none_or(|first| *first == b'{')
}

impl LocalCache {
    /// Finds such manifests among blobs, each with its subject.
    ///
    /// # Errors
    /// Fails if a blob that may be such a manifest cannot be read.
    pub(super) fn find_referrers(
        &self,
        blobs: &[Digest],
    ) -> Result<Vec<(Digest, ListedRef)>, BackendError> {
        let mut found = Vec::new();
        let mut bytes = Vec::new();
        for digest in blobs {
            let failed = |source| BackendError::Io {
                place: self.place(&format!("blobs/{}/{}", digest.algorithm(), digest.hex())),
                source,
            };
            let (mut file, size) = match self.open_blob_file(digest) {
                Ok(opened) => opened,
                // It was deleted, or is not a plain file. A prune deletes neither as a blob.
                Err(ReadError::Absent | ReadError::NotAFile) => continue,
                Err(ReadError::Io(error)) => return Err(failed(error)),
                Err(_) => return Err(BackendError::Interrupted),
            };
            if size > DOCUMENT_LIMIT {
                continue;
            }
            bytes.clear();
            file.by_ref()
                .take(HEAD)
                .read_to_end(&mut bytes)
                .map_err(failed)?;
            if !may_be_a_manifest(&bytes) {
                continue;
            }
            file.take(DOCUMENT_LIMIT)
                .read_to_end(&mut bytes)
                .map_err(failed)?;
            let referrer =
                ManifestDocument::subject_of(&bytes).map_err(|error| BackendError::Io {
                    place: self.place(&format!("blobs/{}/{}", digest.algorithm(), digest.hex())),
                    source: std::io::Error::new(std::io::ErrorKind::InvalidData, error),
                })?;
            if let Some((subject, kind)) = referrer {
                let mut descriptor = Descriptor::named(DigestText::Valid(*digest));
                kind.clone_into(&mut descriptor.media_type);
                found.push((subject, ListedRef::new(Vec::new(), descriptor)));
            }
        }
        Ok(found)
    }
}
