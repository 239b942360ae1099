//! Taking manifests out of a bucket, changing them and putting them back, each only as long as it is the one that was meant.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_s3::primitives::ByteStream;

use super::objects::{MOST_TRIES, Now, Sent};
use super::pace::pause_of;
use super::{S3Cache, fault};
use crate::backend::{Outcome, PlanId, RefRewrite, RefTarget, RemoteError, Skip};
use crate::format::digest::Digest;
use crate::format::manifest::DOCUMENT_LIMIT;

/// When an object is to be written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Condition<'a> {
    /// In any case.
    None,
    /// When there is none of that key.
    New,
    /// When it still has this tag.
    Tag(&'a str),
}

impl S3Cache {
    /// Writes an object when the condition holds; returns its tag then. A service that knows no such condition is asked what is
    /// there, and then without it.
    pub(super) async fn write(
        &self,
        key: &str,
        bytes: Vec<u8>,
        condition: Condition<'_>,
    ) -> Result<Option<String>, RemoteError> {
        let client = self.client().await?;
        let put = || client.put_object().bucket(&self.location.bucket).key(key).body(ByteStream::from(bytes.clone()));
        let sent = AtomicUsize::new(0);
        let conditional = || {
            sent.fetch_add(1, Ordering::Relaxed);
            match condition {
                Condition::None => put().send(),
                Condition::New => put().if_none_match("*").send(),
                Condition::Tag(tag) => put().if_match(tag).send(),
            }
        };
        let error = match self.pace.run(conditional).await {
            Ok(written) => return Ok(Some(written.e_tag.unwrap_or_default())),
            Err(error) => error,
        };
        let status = error.raw_response().map(|response| response.status().as_u16());
        match (condition, status) {
            (Condition::New, Some(409 | 412)) | (Condition::Tag(_), Some(404 | 409 | 412)) => {
                // The condition no longer holds when an earlier one was done whose answer was lost.
                if sent.into_inner() < 2 {
                    return Ok(None);
                }
                let found = self.get_tagged(key, DOCUMENT_LIMIT.max(bytes.len() as u64)).await?;
                Ok(found.filter(|(found, _)| *found == bytes).map(|(_, tag)| tag.unwrap_or_default()))
            }
            (Condition::New | Condition::Tag(_), Some(400 | 501)) => {
                let there = self.head(key).await?.map(|now| now.tag.unwrap_or_default());
                let holds = match condition {
                    Condition::None => true,
                    Condition::New => there.is_none(),
                    Condition::Tag(tag) => there.as_deref() == Some(tag),
                };
                self.asked_without_condition.store(true, Ordering::Relaxed);
                if !holds {
                    return Ok(None);
                }
                match self.pace.run(|| put().send()).await {
                    Ok(written) => Ok(Some(written.e_tag.unwrap_or_default())),
                    Err(error) => Err(fault::told(&self.location, "write to", &error)),
                }
            }
            _ => Err(fault::told(&self.location, "write to", &error)),
        }
    }

    /// Deletes an object that must still have this tag; tells whether it had. A service that knows no such condition is asked
    /// what is there, and then without it.
    pub(super) async fn delete_if(&self, key: &str, tag: Option<&str>) -> Result<bool, RemoteError> {
        let client = self.client().await?;
        let delete = |tag: Option<&str>| {
            let delete = client.delete_object().bucket(&self.location.bucket).key(key);
            delete.set_if_match(tag.map(str::to_owned)).send()
        };
        let Err(error) = self.pace.run(|| delete(tag)).await else { return Ok(true) };
        match error.raw_response().map(|response| response.status().as_u16()) {
            Some(409 | 412) if tag.is_some() => Ok(false),
            _ if fault::is_absence(&error) => Ok(true),
            Some(400 | 501) if tag.is_some() => {
                match self.head(key).await? {
                    None => return Ok(true),
                    Some(now) if now.tag.as_deref() != tag => return Ok(false),
                    Some(_) => {}
                }
                let deleted = self.pace.run(|| delete(None)).await;
                deleted.map(|_| true).map_err(|error| fault::told(&self.location, "delete from", &error))
            }
            _ => Err(fault::told(&self.location, "delete from", &error)),
        }
    }

    pub(super) fn manifest_key(&self, target: &RefTarget) -> Option<String> {
        target.names.first().map(|name| format!("{}{name}", self.manifests_at()))
    }

    /// Reads the manifest of a ref with what it is at that moment, which is asked for before and after.
    async fn manifest(&self, key: &str) -> Result<Option<(Vec<u8>, Option<Now>)>, RemoteError> {
        let Some(before) = self.head(key).await? else { return Ok(None) };
        let Some(bytes) = self.get(key, DOCUMENT_LIMIT).await? else { return Ok(None) };
        match self.head(key).await? {
            Some(now) if now == before => Ok(Some((bytes, Some(now)))),
            // It is being written at this moment: nothing is known of it.
            Some(_) => Ok(Some((Vec::new(), None))),
            None => Ok(None),
        }
    }

    pub(super) async fn remove_ref(&self, run: &PlanId, target: &RefTarget) -> Result<Outcome, RemoteError> {
        let Some(key) = self.manifest_key(target) else { return Ok(Outcome::Skipped(Skip::Unsupported)) };
        let Some((bytes, read)) = self.manifest(&key).await? else { return Ok(Outcome::AlreadyGone) };
        if Digest::of(&bytes) != target.digest {
            return Ok(Outcome::Skipped(Skip::Changed));
        }
        let Some(read) = read else { return Ok(Outcome::Skipped(Skip::Changed)) };
        // First the memory, then the deed: whoever finds it there and in its place knows more than it needs.
        self.remember_dropped(run, target, bytes).await?;
        // Many services heed no condition. There, the look right before is all that keeps what a build has exported meanwhile.
        for round in 1.. {
            match self.head(&key).await? {
                None if round == 1 => return Ok(Outcome::AlreadyGone),
                None => break,
                Some(now) if now != read => return Ok(Outcome::Skipped(Skip::Changed)),
                Some(_) => {}
            }
            match self.delete_now(&key, read.tag.as_deref()).await {
                Sent::Settled(outcome) => return Ok(outcome),
                Sent::NotNow(why, _) if round == MOST_TRIES => return Ok(Outcome::Failed(why)),
                Sent::NotNow(_, pause) => tokio::time::sleep(pause_of(round, pause)).await,
            }
        }
        Ok(Outcome::Done)
    }

    pub(super) async fn rewrite_ref(&self, run: &PlanId, rewrite: &RefRewrite) -> Result<Outcome, RemoteError> {
        let (to, _) = rewrite.to();
        let (Some(key), [document]) = (self.manifest_key(&rewrite.from), rewrite.documents.as_slice()) else {
            return Ok(Outcome::Skipped(Skip::Unsupported));
        };
        let Some((bytes, now)) = self.manifest(&key).await? else { return Ok(Outcome::Skipped(Skip::Changed)) };
        if Digest::of(&bytes) == to {
            return Ok(Outcome::AlreadyGone);
        }
        if Digest::of(&bytes) != rewrite.from.digest {
            return Ok(Outcome::Skipped(Skip::Changed));
        }
        self.remember_dropped(run, &rewrite.from, bytes).await?;
        self.replace(&key, now, document.clone().into_bytes()).await
    }

    /// Writes a manifest anew that must still be what was read.
    async fn replace(&self, key: &str, read: Option<Now>, bytes: Vec<u8>) -> Result<Outcome, RemoteError> {
        let Some(read) = read else { return Ok(Outcome::Skipped(Skip::Changed)) };
        // Many services heed no condition.
        if self.head(key).await?.as_ref() != Some(&read) {
            return Ok(Outcome::Skipped(Skip::Changed));
        }
        let Some(tag) = read.tag else { return Ok(Outcome::Skipped(Skip::Changed)) };
        let written = self.write(key, bytes, Condition::Tag(&tag)).await?;
        Ok(if written.is_some() { Outcome::Done } else { Outcome::Skipped(Skip::Changed) })
    }

    pub(super) async fn give_back(
        &self,
        run: &PlanId,
        target: &RefTarget,
        replaces: Option<Digest>,
    ) -> Result<Outcome, RemoteError> {
        let Some(key) = self.manifest_key(target) else { return Ok(Outcome::Skipped(Skip::Unsupported)) };
        let Some(bytes) = self.recall_dropped(run, target).await? else {
            return Ok(Outcome::Failed("its manifest is no longer remembered in the bucket".to_owned()));
        };
        match (self.manifest(&key).await?, replaces) {
            (Some((found, _)), _) if Digest::of(&found) == target.digest => Ok(Outcome::AlreadyGone),
            (Some((found, now)), Some(rewritten)) if Digest::of(&found) == rewritten => {
                self.replace(&key, now, bytes).await
            }
            (None, None) if self.write(&key, bytes, Condition::New).await?.is_some() => Ok(Outcome::Done),
            _ => Ok(Outcome::Skipped(Skip::Changed)),
        }
    }
}
