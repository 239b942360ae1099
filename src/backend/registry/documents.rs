//! The manifests and configurations that were read, and what they reference.

use std::sync::Arc;

use futures_util::StreamExt as _;

use super::kept::Tagged;
use super::manifests::{self, Manifest};
use super::plane::BlobStream;
use super::read::RegistryReader;
use crate::backend::{Activity, ReadError};
use crate::format::digest::Digest;
use crate::format::manifest::ManifestDocument;

/// The most bytes of documents that are held in memory.
const HELD: usize = 64 << 20;

impl RegistryReader {
    pub(super) fn note(&self, tag: &str, tagged: Tagged) -> Tagged {
        if let Ok(mut seen) = self.seen.lock() {
            seen.tags.insert(tag.to_owned(), tagged.clone());
            seen.manifests.insert(tagged.digest);
        }
        tagged
    }

    /// Keeps a manifest that matches its digest, and notes which digests in it are manifests.
    pub(super) fn hold_manifest(&self, manifest: &Manifest) {
        if manifest.is_true() {
            self.note_children(&manifest.bytes);
            self.hold(manifest.digest, &manifest.bytes);
        }
        if let Ok(mut seen) = self.seen.lock() {
            seen.manifests.insert(manifest.digest);
        }
    }

    pub(super) fn note_children(&self, bytes: &[u8]) {
        let Ok(document) = ManifestDocument::parse(bytes) else {
            return;
        };
        if let Ok(mut seen) = self.seen.lock() {
            let named = document
                .entries()
                .iter()
                .filter(|child| child.is_manifest_like())
                .chain(document.subject());
            seen.manifests
                .extend(named.filter_map(|child| child.digest.valid()));
        }
    }

    pub(super) fn hold(&self, digest: Digest, bytes: &[u8]) {
        if let Ok(mut seen) = self.seen.lock()
            && seen.bytes + bytes.len() <= HELD
            && !seen.documents.contains_key(&digest)
        {
            seen.bytes += bytes.len();
            seen.documents.insert(digest, bytes.into());
        }
        if let Some(kept) = &self.kept
            && !kept.has(digest)
        {
            kept.put(digest, bytes);
        }
    }

    pub(super) fn holds(&self, digest: Digest) -> bool {
        let in_memory = self
            .seen
            .lock()
            .is_ok_and(|seen| seen.documents.contains_key(&digest));
        in_memory || self.kept.as_ref().is_some_and(|kept| kept.has(digest))
    }

    /// Returns a document that was read before.
    pub(super) fn document(&self, digest: Digest) -> Option<Arc<[u8]>> {
        let held = self
            .seen
            .lock()
            .ok()
            .and_then(|seen| seen.documents.get(&digest).cloned());
        held.or_else(|| {
            let bytes = self.kept.as_ref()?.get(digest)?;
            self.note_children(&bytes);
            self.hold(digest, &bytes);
            Some(bytes.into())
        })
    }

    /// Reads a manifest or a blob. If earlier documents do not show which of them it is, tries
    /// both.
    pub(super) async fn fetch(&self, digest: Digest, limit: u64) -> Result<Vec<u8>, ReadError> {
        let is_manifest = self
            .seen
            .lock()
            .is_ok_and(|seen| seen.manifests.contains(&digest));
        if is_manifest {
            return self.fetch_manifest(digest).await;
        }
        match manifests::open_blob(self.http().await?, self.repository(), digest).await? {
            Some(blob) => read_whole(blob, limit, &self.access.activity).await,
            None => self.fetch_manifest(digest).await,
        }
    }

    async fn fetch_manifest(&self, digest: Digest) -> Result<Vec<u8>, ReadError> {
        let found =
            manifests::get(self.http().await?, self.repository(), &digest.to_string()).await?;
        Ok(found.ok_or(ReadError::Absent)?.bytes)
    }
}

async fn read_whole(
    mut blob: BlobStream,
    limit: u64,
    activity: &Activity,
) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = blob.bytes.next().await {
        let chunk = chunk?;
        activity.heard();
        let size = (bytes.len() + chunk.len()) as u64;
        if size > limit {
            return Err(ReadError::TooLarge {
                size: blob.length.unwrap_or(size).max(size),
                limit,
            });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
