//! The provenance of an image: in the attestation manifests of its index, or in its referrers.

use super::manifests;
use super::read::RegistryReader;
use crate::backend::{CacheReader as _, ReadError, RemoteError, attestations};
use crate::format::digest::Digest;
use crate::format::manifest::{DOCUMENT_LIMIT, ManifestDocument};

impl RegistryReader {
    /// Reads the provenance statements of a ref, one for each platform that has one.
    pub(super) async fn attested(&self, ref_name: &str) -> Result<Vec<Vec<u8>>, ReadError> {
        let digest = match ref_name.parse::<Digest>() {
            Ok(digest) => Some(digest),
            Err(_) => self.look(ref_name).await?.map(|tagged| tagged.digest),
        };
        let Some(digest) = digest else {
            return Ok(Vec::new());
        };
        let root = self.read_document(digest, DOCUMENT_LIMIT).await?;
        let entries = attestations::entries(&root);
        let mut manifests = attestations::manifests(&entries);
        if manifests.is_empty() {
            let parts = entries
                .iter()
                .filter_map(|entry| entry.digest.valid())
                .take(attestations::MOST);
            for subject in [digest].into_iter().chain(parts) {
                manifests.extend(self.referring_to(subject).await?);
            }
        }
        attestations::statements(self, manifests).await
    }

    /// Lists the manifests whose subject is `subject`.
    async fn referring_to(&self, subject: Digest) -> Result<Vec<Digest>, RemoteError> {
        let http = self.http().await?;
        if let Some(digests) = http.pull_referrers(self.repository(), subject).await {
            if let Ok(mut seen) = self.seen.lock() {
                seen.manifests.extend(&digests);
            }
            return Ok(digests);
        }
        let mut referrers = manifests::referrers(http, self.repository(), subject).await?;
        if referrers.is_none() {
            let tag = manifests::referrers_tag(subject);
            let listed = manifests::get(http, self.repository(), &tag).await?;
            referrers = listed.and_then(|list| match ManifestDocument::parse(&list.bytes) {
                Ok(ManifestDocument::Index { entries, .. }) => Some(entries),
                Ok(_) | Err(_) => None,
            });
        }
        let digests: Vec<Digest> = referrers
            .unwrap_or_default()
            .iter()
            .filter_map(|referrer| referrer.digest.valid())
            .collect();
        if let Ok(mut seen) = self.seen.lock() {
            seen.manifests.extend(&digests);
        }
        Ok(digests)
    }
}
