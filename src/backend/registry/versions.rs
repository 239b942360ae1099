//! Previous versions of tags: the manifests to which they pointed in earlier scans.
//!
//! A registry keeps a manifest after its tag has moved, until its garbage collection, and serves it
//! by digest. It does not list it, so only versions that an earlier scan has seen are known.

use async_trait::async_trait;

use super::manifests::{self, Head};
use super::read::RegistryReader;
use crate::backend::{PreviousVersions, RemoteError, StoreVersion};

#[async_trait]
impl PreviousVersions for RegistryReader {
    async fn versions_of(&self, name: &str) -> Result<Vec<StoreVersion>, RemoteError> {
        let Some(kept) = self.kept.clone() else {
            return Ok(Vec::new());
        };
        let place = self.location.to_string();
        let read = tokio::task::spawn_blocking(move || kept.earlier(&place));
        let mut earlier = read.await.unwrap_or_default();
        let mut found = Vec::new();
        for target in earlier.remove(name).unwrap_or_default() {
            let reference = target.digest.to_string();
            let head = manifests::head(self.http().await?, self.repository(), &reference).await?;
            if matches!(head, Head::Points(there) if there.digest == target.digest) {
                found.push(StoreVersion {
                    listed_ref: self.listed_ref(Vec::new(), &target),
                    written: None,
                });
            }
        }
        Ok(found)
    }

    fn lists_all(&self) -> bool {
        false
    }
}
