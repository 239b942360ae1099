//! Writes manifests: those of refs without the deleted results, and restored ones.

use std::collections::HashMap;

use crate::backend::http::Tries;
use crate::backend::registry::manifests::Head;
use crate::backend::registry::packages::{Packages, VersionState};
use crate::backend::registry::prune::RegistryPruner;
use crate::backend::registry::{manifests, push};
use crate::backend::{
    CacheReader as _, Outcome, PlanId, RefRewrite, RefTarget, RemoteError, RemoteKind, Skip,
};
use crate::format::digest::Digest;
use crate::format::manifest::DOCUMENT_LIMIT;

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

    /// Pushes a manifest under a tag that points to `from` or does not exist. Checks the tag before
    /// each attempt.
    async fn replace(
        &self,
        tag: &str,
        from: Option<Digest>,
        to: Digest,
        bytes: &[u8],
    ) -> Result<Outcome, RemoteError> {
        let http = self.reader.http().await?;
        let mut tries = Tries::new();
        loop {
            match manifests::now(http, self.reader.repository(), tag).await? {
                Some(now) if now == to && tries.may_have_worked() => return Ok(Outcome::Done),
                now if now != from => return Ok(Outcome::Skipped(Skip::Changed)),
                _ => {}
            }
            if push::manifest(http, self.reader.repository(), tag, bytes, &mut tries).await? {
                return Ok(Outcome::Done);
            }
        }
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

    pub(super) async fn rewrite(
        &self,
        run: &PlanId,
        rewrite: &RefRewrite,
    ) -> Result<Outcome, RemoteError> {
        let http = self.reader.http().await?;
        let Some(tag) = rewrite.from.names.first() else {
            return Ok(Outcome::Skipped(Skip::Unsupported));
        };
        let (to, _) = rewrite.to();
        match manifests::now(http, self.reader.repository(), tag).await? {
            Some(now) if now == to => return Ok(Outcome::AlreadyGone),
            Some(now) if now == rewrite.from.digest => {}
            _ => return Ok(Outcome::Skipped(Skip::Changed)),
        }
        let Some((manifest, blobs)) = rewrite.documents.split_last() else {
            return Ok(Outcome::Skipped(Skip::Unsupported));
        };
        if let Some(dropped) = self.dropped() {
            // Without a copy, the manifest could not be restored.
            let Ok(old) = self
                .read_document(rewrite.from.digest, DOCUMENT_LIMIT)
                .await
            else {
                return Ok(Outcome::Skipped(Skip::Undetermined));
            };
            dropped
                .remember(run, rewrite.from.digest, &old)
                .map_err(|error| {
                    RemoteError::new(RemoteKind::Unavailable, "the manifest cannot be remembered")
                        .because(error.to_string())
                })?;
        }
        for blob in blobs {
            push::blob(http, self.reader.repository(), blob.as_bytes()).await?;
        }
        // Pushing blobs takes a while, and a build may have exported since.
        self.replace(tag, Some(rewrite.from.digest), to, manifest.as_bytes())
            .await
    }
}
