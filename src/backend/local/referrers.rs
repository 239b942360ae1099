//! Manifests that no ref references and that reference another one as their `subject`: signatures
//! and attestations.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{self, Read as _};

use super::dir::Dir;
use super::folders::Layout;
use super::{LocalCache, in_shares, show};
use crate::backend::{BackendError, ListedRef, ReadError, files};
use crate::format::digest::{Digest, DigestText};
use crate::format::manifest::{DOCUMENT_LIMIT, Descriptor, ManifestDocument};

/// The bytes of a blob that show whether it may be a manifest.
const HEAD: usize = 512;

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
        let layout = self.layout().map_err(|source| BackendError::Io {
            place: show(&self.dir),
            source,
        })?;
        let mut found = Vec::new();
        for (_, share) in in_shares(blobs, |share| self.referrers_in(&layout, share)) {
            found.extend(share.unwrap_or(Err(BackendError::Interrupted))?);
        }
        Ok(found)
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
        let mut head = [0; HEAD];
        let mut bytes = Vec::new();
        for digest in blobs {
            let failed = |source| BackendError::Io {
                place: self.place(&format!("blobs/{}/{}", digest.algorithm(), digest.hex())),
                source,
            };
            let (file, size) = match files::opened(folders.file(digest)) {
                Ok(opened) => opened,
                // It was deleted, or is not a plain file. A prune deletes neither as a blob.
                Err(ReadError::Absent | ReadError::NotAFile) => continue,
                Err(ReadError::Io(error)) => return Err(failed(error)),
                Err(_) => return Err(BackendError::Interrupted),
            };
            if size > DOCUMENT_LIMIT {
                continue;
            }
            // One read is enough, even if it returns little: the first bytes decide.
            let count = rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut head[..]));
            let head = &head[..count.map_err(|error| failed(error.into()))?];
            if !may_be_a_manifest(head) {
                continue;
            }
            bytes.clear();
            bytes.extend_from_slice(head);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_gone_is_not_one_without_signatures() {
        let folder = tempfile::tempdir().unwrap();
        let cache = LocalCache::new(folder.path());
        let blob = [Digest::of(b"blob")];
        assert!(cache.find_referrers(&blob).unwrap().is_empty());
        folder.close().unwrap();
        assert!(matches!(
            cache.find_referrers(&blob),
            Err(BackendError::Io { .. })
        ));
    }

    #[test]
    fn the_first_byte_after_spaces_decides_whether_a_blob_may_be_a_manifest() {
        for head in ["{", " \n\t{}", "", "  "] {
            assert!(may_be_a_manifest(head.as_bytes()), "{head:?}");
        }
        for head in ["x{", "[", "\u{1f}\u{8b}"] {
            assert!(!may_be_a_manifest(head.as_bytes()), "{head:?}");
        }
    }

    #[test]
    fn spaces_before_a_manifest_hide_no_referrer() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = folder.path().join("blobs/sha256");
        std::fs::create_dir_all(&blobs).unwrap();
        let subject = Digest::of(b"subject");
        let mut digests = Vec::new();
        // None, fewer than are read at once, and more.
        for spaces in [0, HEAD / 2, 2 * HEAD] {
            let manifest = format!(
                r#"{}{{"config":{{}},"layers":[],"subject":{{"digest":"{subject}","size":7}}}}"#,
                " ".repeat(spaces),
            );
            let digest = Digest::of(manifest.as_bytes());
            std::fs::write(blobs.join(digest.hex()), &manifest).unwrap();
            digests.push(digest);
        }
        let found = LocalCache::new(folder.path())
            .find_referrers(&digests)
            .unwrap();
        let subjects: Vec<Digest> = found.iter().map(|(subject, _)| *subject).collect();
        assert_eq!(subjects, [subject; 3]);
    }
}
