//! Previous versions of tags, in registries that list them.

use super::packages::{PackageVersion, VersionState};
use super::read::RegistryReader;
use crate::backend::ListedRef;
use crate::backend::RemoteError;
use crate::backend::UnlistedVersions;
use crate::backend::untagged::{self, Untagged};

impl RegistryReader {
    /// Lists the previous versions of the tags. If the registry does not list them, notes why.
    pub(super) async fn previous_versions(&self, tagged: &[ListedRef]) -> Vec<ListedRef> {
        let untagged = match self.untagged().await {
            Ok(untagged) => untagged,
            Err(why) => {
                if let Ok(mut seen) = self.seen.lock() {
                    seen.unseen = Some(why);
                }
                return Vec::new();
            }
        };
        if let Ok(mut seen) = self.seen.lock() {
            seen.manifests
                .extend(untagged.iter().map(|manifest| manifest.digest));
            seen.unseen = None;
        }
        let tagged = tagged
            .iter()
            .filter_map(|listed_ref| listed_ref.descriptor.digest.valid());
        untagged::refs(
            self,
            tagged,
            untagged,
            &self.location.to_string(),
            self.access.concurrency,
        )
        .await
    }

    /// Lists the manifests without a tag, or returns why they cannot be listed.
    async fn untagged(&self) -> Result<Vec<Untagged>, UnlistedVersions> {
        let failed = |error: RemoteError| UnlistedVersions::Failed {
            message: error.message,
            hint: error.hint,
        };
        let Some(packages) = self.packages().await.map_err(failed)? else {
            return Err(UnlistedVersions::OnlyTags);
        };
        let versions = packages
            .versions(VersionState::Active)
            .await
            .map_err(failed)?;
        let untagged = versions.iter().filter(|version| version.tags().is_empty());
        let manifest = |version: &PackageVersion| {
            // GitHub does not report which tag pointed to it.
            Some(Untagged {
                digest: version.digest()?,
                modified: version.modified(),
                of: None,
            })
        };
        Ok(untagged.filter_map(manifest).collect())
    }
}
