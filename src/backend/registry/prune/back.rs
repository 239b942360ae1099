//! Writing manifests: those of refs that lost results, and those that come back.

use std::collections::HashMap;

use crate::backend::registry::manifests::Head;
use crate::backend::registry::packages::{Packages, State};
use crate::backend::registry::{RegistryCache, manifests, push};
use crate::backend::{CacheReader as _, Outcome, PlanId, RefRewrite, RefTarget, RemoteError, RemoteKind, Skip};
use crate::format::digest::Digest;
use crate::format::manifest::DOCUMENT_LIMIT;

/// The versions of a package that GitHub can restore.
#[derive(Default)]
pub(super) struct DeletedVersions<'a> {
    packages: Option<&'a Packages>,
    ids: HashMap<Digest, u64>,
}

impl DeletedVersions<'_> {
    /// Restores a version, with the tags that it had; tells whether there was one.
    async fn restore(&self, digest: Digest) -> Result<bool, RemoteError> {
        match (self.packages, self.ids.get(&digest)) {
            (Some(packages), Some(id)) => packages.restore(*id).await.map(|()| true),
            _ => Ok(false),
        }
    }
}

impl RegistryCache {
    /// Lets a tag point to a manifest that a run took out, or puts back one that had no tag. `replaces` is what the tag
    /// must point to now.
    pub(super) async fn give_back(
        &self,
        run: &PlanId,
        target: &RefTarget,
        replaces: Option<Digest>,
        deleted: &DeletedVersions<'_>,
    ) -> Result<Outcome, RemoteError> {
        let http = self.http().await?;
        let reference = target.names.first().cloned().unwrap_or_else(|| target.digest.to_string());
        match (manifests::head(http, self.repository(), &reference).await?, replaces) {
            (Head::Points(tagged), _) if tagged.digest == target.digest => return Ok(Outcome::AlreadyGone),
            (Head::Points(tagged), replaces) if Some(tagged.digest) != replaces => {
                return Ok(Outcome::Skipped(Skip::Changed));
            }
            (Head::Absent, Some(_)) => return Ok(Outcome::Skipped(Skip::Changed)),
            (Head::Points(_) | Head::Absent | Head::Untold, _) => {}
        }
        if deleted.restore(target.digest).await?
            && let Head::Points(tagged) = manifests::head(http, self.repository(), &reference).await?
            && tagged.digest == target.digest
        {
            return Ok(Outcome::Done);
        }
        let remembered = self.dropped().and_then(|dropped| dropped.recall(run, target.digest));
        let Some(bytes) = remembered else {
            return Ok(Outcome::Failed("its manifest is no longer remembered here".to_owned()));
        };
        push::manifest(http, self.repository(), &reference, &bytes).await?;
        Ok(Outcome::Done)
    }

    /// Finds out what GitHub can restore; nothing elsewhere.
    pub(super) async fn deleted_versions(&self) -> Result<DeletedVersions<'_>, RemoteError> {
        let Some(packages) = self.packages().await? else { return Ok(DeletedVersions::default()) };
        let versions = packages.versions(State::Deleted).await?;
        let ids = versions.iter().filter_map(|version| Some((version.digest()?, version.id))).collect();
        Ok(DeletedVersions { packages: Some(packages), ids })
    }

    pub(super) async fn rewrite(&self, run: &PlanId, rewrite: &RefRewrite) -> Result<Outcome, RemoteError> {
        let http = self.http().await?;
        let Some(tag) = rewrite.from.names.first() else { return Ok(Outcome::Skipped(Skip::Unsupported)) };
        let (to, _) = rewrite.to();
        let points_to = |head: &Head, digest: Digest| matches!(head, Head::Points(tagged) if tagged.digest == digest);
        let head = manifests::head(http, self.repository(), tag).await?;
        if points_to(&head, to) {
            return Ok(Outcome::AlreadyGone);
        }
        if !points_to(&head, rewrite.from.digest) {
            return Ok(Outcome::Skipped(Skip::Changed));
        }
        let Some((manifest, blobs)) = rewrite.documents.split_last() else {
            return Ok(Outcome::Skipped(Skip::Unsupported));
        };
        if let (Some(dropped), Ok(old)) =
            (self.dropped(), self.read_document(rewrite.from.digest, DOCUMENT_LIMIT).await)
        {
            dropped.remember(run, rewrite.from.digest, &old).map_err(|error| {
                RemoteError::new(RemoteKind::Unavailable, "the manifest cannot be remembered")
                    .because(error.to_string())
            })?;
        }
        for blob in blobs {
            push::blob(http, self.repository(), blob.as_bytes()).await?;
        }
        // Pushing blobs takes a while, in which a build may have exported.
        if !points_to(&manifests::head(http, self.repository(), tag).await?, rewrite.from.digest) {
            return Ok(Outcome::Skipped(Skip::Changed));
        }
        push::manifest(http, self.repository(), tag, manifest.as_bytes()).await?;
        Ok(Outcome::Done)
    }
}
