//! Taking manifests out of a bucket, changing them and putting them back, each only as long as it is the one that was meant.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_s3::primitives::ByteStream;

use super::objects::Now;
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

    /// Reads the manifest of a ref with the tag of what was read: the tag is asked for before and after.
    async fn manifest(&self, key: &str) -> Result<Option<(Vec<u8>, Option<String>)>, RemoteError> {
        let Some(before) = self.head(key).await? else { return Ok(None) };
        let Some(bytes) = self.get(key, DOCUMENT_LIMIT).await? else { return Ok(None) };
        match self.head(key).await? {
            Some(Now { tag, .. }) if tag == before.tag => Ok(Some((bytes, tag))),
            // It is being written at this moment: nothing is known of it.
            Some(_) => Ok(Some((Vec::new(), None))),
            None => Ok(None),
        }
    }

    pub(super) async fn remove_ref(&self, run: &PlanId, target: &RefTarget) -> Result<Outcome, RemoteError> {
        let Some(key) = self.manifest_key(target) else { return Ok(Outcome::Skipped(Skip::Unsupported)) };
        let Some((bytes, tag)) = self.manifest(&key).await? else { return Ok(Outcome::AlreadyGone) };
        if Digest::of(&bytes) != target.digest {
            return Ok(Outcome::Skipped(Skip::Changed));
        }
        // First the memory, then the deed: whoever finds it there and in its place knows more than it needs.
        self.remember_dropped(run, target, bytes).await?;
        let deleted = self.delete_if(&key, tag.as_deref()).await?;
        Ok(if deleted { Outcome::Done } else { Outcome::Skipped(Skip::Changed) })
    }

    pub(super) async fn rewrite_ref(&self, run: &PlanId, rewrite: &RefRewrite) -> Result<Outcome, RemoteError> {
        let (to, _) = rewrite.to();
        let (Some(key), [document]) = (self.manifest_key(&rewrite.from), rewrite.documents.as_slice()) else {
            return Ok(Outcome::Skipped(Skip::Unsupported));
        };
        let Some((bytes, tag)) = self.manifest(&key).await? else { return Ok(Outcome::Skipped(Skip::Changed)) };
        if Digest::of(&bytes) == to {
            return Ok(Outcome::AlreadyGone);
        }
        if Digest::of(&bytes) != rewrite.from.digest {
            return Ok(Outcome::Skipped(Skip::Changed));
        }
        self.remember_dropped(run, &rewrite.from, bytes).await?;
        self.replace(&key, tag, document.clone().into_bytes()).await
    }

    /// Writes a manifest anew that must still have this tag.
    async fn replace(&self, key: &str, tag: Option<String>, bytes: Vec<u8>) -> Result<Outcome, RemoteError> {
        let Some(tag) = tag else { return Ok(Outcome::Skipped(Skip::Changed)) };
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
            (Some((found, tag)), Some(rewritten)) if Digest::of(&found) == rewritten => {
                self.replace(&key, tag, bytes).await
            }
            (None, None) if self.write(&key, bytes, Condition::New).await?.is_some() => Ok(Outcome::Done),
            _ => Ok(Outcome::Skipped(Skip::Changed)),
        }
    }
}
