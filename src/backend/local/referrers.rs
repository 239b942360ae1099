//! Manifests that no ref references and that reference another one as their `subject`: signatures
//! and attestations.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{self, Read as _};
use std::thread;

use super::dir::Dir;
use super::folders::Layout;
use super::walk::unless_gone;
use super::{LocalCache, share, show};
use crate::backend::files;
use crate::backend::{BackendError, ListedRef, ReadError};
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

/// A manifest that references another one as its subject, which comes first.
type Referrer = (Digest, ListedRef);

impl LocalCache {
    /// Finds such manifests among blobs, each with its subject. Several threads look, because a
    /// directory may have 100,000 unreferenced blobs.
    ///
    /// # Errors
    /// Fails if a blob that may be such a manifest cannot be read.
    pub(super) fn find_referrers(&self, blobs: &[Digest]) -> Result<Vec<Referrer>, BackendError> {
        let layout = match unless_gone(self.layout()) {
            Ok(Some(layout)) => layout,
            Ok(None) => return Ok(Vec::new()),
            Err(source) => {
                return Err(BackendError::Io {
                    place: show(&self.dir),
                    source,
                });
            }
        };
        thread::scope(|scope| {
            let layout = &layout;
            let workers: Vec<_> = blobs
                .chunks(share(blobs.len()))
                .map(|share| scope.spawn(move || self.referrers_in(layout, share)))
                .collect();
            let mut found = Vec::new();
            for worker in workers {
                found.extend(worker.join().unwrap_or(Err(BackendError::Interrupted))?);
            }
            Ok(found)
        })
    }

    fn referrers_in(
        &self,
        layout: &Layout,
        blobs: &[Digest],
    ) -> Result<Vec<Referrer>, BackendError> {
        let mut folders = BlobFolders {
            layout,
            opened: HashMap::new(),
        };
        let mut found = Vec::new();
        let mut bytes = Vec::new();
        for digest in blobs {
            let failed = |source| BackendError::Io {
                place: self.place(&format!("blobs/{}/{}", digest.algorithm(), digest.hex())),
                source,
            };
            let (mut file, size) = match files::opened(folders.file(digest)) {
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
            let referrer = ManifestDocument::subject_of(&bytes)
                .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidData, error)))?;
            if let Some((subject, kind)) = referrer {
                let mut descriptor = Descriptor::named(DigestText::Valid(*digest));
                kind.clone_into(&mut descriptor.media_type);
                found.push((subject, ListedRef::new(Vec::new(), descriptor)));
            }
        }
        Ok(found)
    }
}

/// The folders of blobs, each opened once.
struct BlobFolders<'a> {
    layout: &'a Layout,
    opened: HashMap<&'static str, Dir>,
}

impl BlobFolders<'_> {
    /// Opens the file of a blob.
    fn file(&mut self, digest: &Digest) -> io::Result<File> {
        let algorithm = digest.algorithm();
        let folder = match self.opened.entry(algorithm) {
            Entry::Occupied(opened) => opened.into_mut(),
            Entry::Vacant(vacant) => vacant.insert(self.layout.linked_blobs(algorithm)?),
        };
        folder.file(digest.hex())
    }
}
