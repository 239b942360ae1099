//! Deletes, changes and restores manifests. Each one must still match the plan.

use std::time::Instant;

use super::confirm::STILL_THERE;
use super::delete::{MOST_TRIES, Sent};
use super::objects::{Now, WriteCondition};
use super::pace::pause_of;
use super::prune::S3Pruner;
use crate::backend::{Outcome, PlanId, RefRewrite, RefTarget, RemoteError, Skip};
use crate::format::digest::Digest;
use crate::format::manifest::DOCUMENT_LIMIT;

impl S3Pruner {
    /// Reads the manifest of a ref with its state, which is checked before and after reading.
    async fn manifest(&self, key: &str) -> Result<Option<(Vec<u8>, Option<Now>)>, RemoteError> {
        let Some(before) = self.client().head(key).await? else {
            return Ok(None);
        };
        let Some(content) = self.client().get(key, DOCUMENT_LIMIT).await? else {
            return Ok(None);
        };
        match self.client().head(key).await? {
            Some(now) if now == before => Ok(Some((content.bytes, Some(now)))),
            // It is being written at this moment, so the content may be either version.
            Some(_) => Ok(Some((Vec::new(), None))),
            None => Ok(None),
        }
    }

    pub(super) async fn remove_ref(
        &self,
        run: &PlanId,
        target: &RefTarget,
    ) -> Result<Outcome, RemoteError> {
        let Some(key) = self.client().manifest_key(target) else {
            return Ok(Outcome::Skipped(Skip::Unsupported));
        };
        let Some((bytes, read)) = self.manifest(&key).await? else {
            return Ok(Outcome::AlreadyGone);
        };
        if Digest::of(&bytes) != target.digest {
            return Ok(Outcome::Skipped(Skip::Changed));
        }
        let Some(read) = read else {
            return Ok(Outcome::Skipped(Skip::Changed));
        };
        // Save a copy before deleting. After a crash in between, an extra copy is harmless.
        self.client().remember_dropped(run, target, bytes).await?;
        // Many services ignore conditions. There, only the check just before the deletion protects
        // what a build has exported since.
        let waited = Instant::now();
        for round in 1.. {
            match self.client().head(&key).await? {
                None if round == 1 => return Ok(Outcome::AlreadyGone),
                None => break,
                Some(now) if now != read => return Ok(Outcome::Skipped(Skip::Changed)),
                Some(_) => {}
            }
            match self.delete_now(&key, read.tag.as_deref()).await {
                Sent::Settled(Outcome::Done) => break,
                Sent::Settled(outcome) => return Ok(outcome),
                Sent::Retry(why, pause) => {
                    let pause = pause_of(round, pause);
                    if round == MOST_TRIES
                        || waited.elapsed() + pause > self.client().pace.patience()
                    {
                        return Ok(Outcome::Failed(why));
                    }
                    self.client().pace.wait(pause).await;
                }
            }
        }
        Ok(if self.client().is_still(&key, |now| *now == read).await? {
            Outcome::Failed(STILL_THERE.to_owned())
        } else {
            Outcome::Done
        })
    }

    pub(super) async fn rewrite_ref(
        &self,
        run: &PlanId,
        rewrite: &RefRewrite,
    ) -> Result<Outcome, RemoteError> {
        let (to, _) = rewrite.to();
        let (Some(key), [document]) = (
            self.client().manifest_key(&rewrite.from),
            rewrite.documents.as_slice(),
        ) else {
            return Ok(Outcome::Skipped(Skip::Unsupported));
        };
        let Some((bytes, now)) = self.manifest(&key).await? else {
            return Ok(Outcome::Skipped(Skip::Changed));
        };
        if Digest::of(&bytes) == to {
            return Ok(Outcome::AlreadyGone);
        }
        if Digest::of(&bytes) != rewrite.from.digest {
            return Ok(Outcome::Skipped(Skip::Changed));
        }
        self.client()
            .remember_dropped(run, &rewrite.from, bytes)
            .await?;
        self.replace(&key, now, document.clone().into_bytes()).await
    }

    /// Replaces a manifest that is unchanged since it was read.
    async fn replace(
        &self,
        key: &str,
        read: Option<Now>,
        bytes: Vec<u8>,
    ) -> Result<Outcome, RemoteError> {
        let Some(read) = read else {
            return Ok(Outcome::Skipped(Skip::Changed));
        };
        // Many services ignore conditions.
        if self.client().head(key).await?.as_ref() != Some(&read) {
            return Ok(Outcome::Skipped(Skip::Changed));
        }
        let Some(tag) = read.tag else {
            return Ok(Outcome::Skipped(Skip::Changed));
        };
        let written = self
            .client()
            .write(key, bytes, WriteCondition::Tag(&tag))
            .await?;
        Ok(if written.is_some() {
            Outcome::Done
        } else {
            Outcome::Skipped(Skip::Changed)
        })
    }

    pub(super) async fn restore_manifest(
        &self,
        run: &PlanId,
        target: &RefTarget,
        replaces: Option<Digest>,
    ) -> Result<Outcome, RemoteError> {
        let Some(key) = self.client().manifest_key(target) else {
            return Ok(Outcome::Skipped(Skip::Unsupported));
        };
        let present = self.manifest(&key).await?;
        // A killed run may have begun the item without changing anything, so it remembers nothing.
        let is_old = |(found, _): &(Vec<u8>, _)| Digest::of(found) == target.digest;
        if present.as_ref().is_some_and(is_old) {
            return Ok(Outcome::AlreadyGone);
        }
        let Some(bytes) = self.client().recall_dropped(run, target).await? else {
            return Ok(Outcome::Failed(
                "its manifest is no longer remembered in the bucket".to_owned(),
            ));
        };
        match (present, replaces) {
            (Some((found, now)), Some(rewritten)) if Digest::of(&found) == rewritten => {
                self.replace(&key, now, bytes).await
            }
            (None, None)
                if self
                    .client()
                    .write(&key, bytes, WriteCondition::New)
                    .await?
                    .is_some() =>
            {
                Ok(Outcome::Done)
            }
            _ => Ok(Outcome::Skipped(Skip::Changed)),
        }
    }
}
