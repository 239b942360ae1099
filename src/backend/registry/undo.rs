//! Restores manifests that a run deleted.

use std::collections::HashMap;

use super::manifests::{self, Head};
use super::packages::{Packages, VersionState};
use super::prune::RegistryPruner;
use crate::backend::{Outcome, PlanId, RefTarget, RemoteError, Skip};
use crate::format::digest::Digest;

/// The versions of a package that GitHub can restore.
#[derive(Default)]
pub(super) struct DeletedVersions<'a> {
    packages: Option<&'a Packages>,
    ids: HashMap<Digest, u64>,
}

impl DeletedVersions<'_> {
    /// Restores a version with its tags; returns whether there was one.
    async fn restore(&self, digest: Digest) -> Result<bool, RemoteError> {
        match (self.packages, self.ids.get(&digest)) {
            (Some(packages), Some(id)) => packages.restore(*id).await.map(|()| true),
            _ => Ok(false),
        }
    }
}

impl RegistryPruner {
    /// Points a tag to a manifest that a run deleted, or restores a manifest that had no tag.
    /// `replaces` is the target that the tag must have now.
    pub(super) async fn restore_manifest(
        &self,
        run: &PlanId,
        target: &RefTarget,
        replaces: Option<Digest>,
        deleted: &DeletedVersions<'_>,
    ) -> Result<Outcome, RemoteError> {
        let http = self.reader.http().await?;
        let reference = target
            .names
            .first()
            .cloned()
            .unwrap_or_else(|| target.digest.to_string());
        match manifests::now(http, self.reader.repository(), &reference).await? {
            Some(digest) if digest == target.digest => return Ok(Outcome::AlreadyGone),
            now if now != replaces => return Ok(Outcome::Skipped(Skip::Changed)),
            _ => {}
        }
        if deleted.restore(target.digest).await?
            && let Head::Points(tagged) =
                manifests::head(http, self.reader.repository(), &reference).await?
            && tagged.digest == target.digest
        {
            return Ok(Outcome::Done);
        }
        let remembered = self
            .dropped()
            .and_then(|dropped| dropped.recall(run, target.digest));
        let Some(bytes) = remembered else {
            return Ok(Outcome::Failed(
                "its manifest is no longer remembered here".to_owned(),
            ));
        };
        self.replace(&reference, replaces, target.digest, &bytes)
            .await
    }

    /// Lists the versions that GitHub can restore; `None` for other registries.
    pub(super) async fn deleted_versions(&self) -> Result<DeletedVersions<'_>, RemoteError> {
        let Some(packages) = self.reader.packages().await? else {
            return Ok(DeletedVersions::default());
        };
        let versions = packages.versions(VersionState::Deleted).await?;
        let ids = versions
            .iter()
            .filter_map(|version| Some((version.digest()?, version.id)))
            .collect();
        Ok(DeletedVersions {
            packages: Some(packages),
            ids,
        })
    }
}
