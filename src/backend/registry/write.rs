//! Writes manifests under tags that have not changed.

use super::prune::RegistryPruner;
use super::{manifests, push};
use crate::backend::http::Tries;
use crate::backend::{
    CacheReader as _, Outcome, PlanId, RefRewrite, RemoteError, RemoteKind, Skip,
};
use crate::format::digest::Digest;
use crate::format::manifest::DOCUMENT_LIMIT;

impl RegistryPruner {
    /// Pushes a manifest under a tag that points to `from` or does not exist. Checks the tag before
    /// each attempt.
    pub(super) async fn replace(
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
