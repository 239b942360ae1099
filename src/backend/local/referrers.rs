//! Manifests that nothing names and that refer to something themselves, by their `subject`:
//! signatures, attestations.

use std::io::Read as _;

use super::LocalCache;
use crate::backend::{BackendError, ReadError};
use crate::format::digest::{Digest, DigestText};
use crate::format::layout::ListedRef;
use crate::format::manifest::{DOCUMENT_LIMIT, Descriptor, ManifestDocument};

/// How much of a blob is read to see whether it may be a manifest, in bytes.
const HEAD: u64 = 512;

/// Returns whether a blob that begins like this may be one: layers are no JSON.
fn may_be_a_manifest(head: &[u8]) -> bool {
    head.trim_ascii_start()
        .first()
        .is_none_or(|first| *first == b'{')
}

impl LocalCache {
    /// Finds them among blobs of which only the digests are known: each with what it
    /// is about.
    ///
    /// # Errors
    /// When one cannot be read, so that it may be one.
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
                // It has gone, or is no plain file: neither is deleted as what it was listed as.
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
