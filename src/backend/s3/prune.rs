//! Deleting from a bucket: manifests first, then what nobody needs any more, each looked at again just before.
//!
//! An exporter looks for a blob before it writes one: one that is younger than `touch_refresh` it takes as it is, an older one it
//! touches, and its manifest comes last (`cache/remotecache/s3/s3.go` in BuildKit). A blob that is older than that and has not been
//! touched since is relied on by no build.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::dropped::Dropped;
use super::lease::Held;
use super::{S3Cache, fault};
use crate::backend::{
    BackendError, CachePruner, CacheReader as _, Disposal, Footprint, Lease, ObjectName, ObjectTarget, Outcome, PlanId,
    PruneError, RefRewrite, RefTarget, RemoteError, Skip,
};
use crate::format::digest::Digest;
use crate::format::manifest::DOCUMENT_LIMIT;

/// How many keys one request deletes at most (Amazon's documentation of `DeleteObjects`).
const MOST_KEYS: usize = 1000;

/// What an object is at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Now {
    size: u64,
    /// To the second, as a HEAD tells it.
    modified: Option<i64>,
    pub(super) tag: Option<String>,
}

impl S3Cache {
    /// Looks at an object; none when it is not there.
    pub(super) async fn head(&self, key: &str) -> Result<Option<Now>, RemoteError> {
        let request = self.client().await?.head_object().bucket(&self.location.bucket).key(key);
        match request.send().await {
            Ok(found) => Ok(Some(Now {
                size: found.content_length().and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
                modified: found.last_modified().map(aws_sdk_s3::primitives::DateTime::secs),
                tag: found.e_tag().map(str::to_owned),
            })),
            Err(error) if fault::is_absence(&error) => Ok(None),
            Err(error) => Err(fault::told(&self.location, "read from", &error)),
        }
    }

    /// Deletes an object that must still have this tag; tells whether it had. A service that knows no such condition is asked
    /// without it.
    pub(super) async fn delete_if(&self, key: &str, tag: Option<&str>) -> Result<bool, RemoteError> {
        let client = self.client().await?;
        let request = || client.delete_object().bucket(&self.location.bucket).key(key);
        let Err(error) = request().set_if_match(tag.map(str::to_owned)).send().await else { return Ok(true) };
        let status = error.raw_response().map(|response| response.status().as_u16());
        match status {
            Some(412) => Ok(false),
            Some(404) => Ok(true),
            Some(400 | 501) if tag.is_some() => match request().send().await {
                Ok(_) => Ok(true),
                Err(error) => Err(fault::told(&self.location, "delete from", &error)),
            },
            _ => Err(fault::told(&self.location, "delete from", &error)),
        }
    }

    /// Writes an object, and where `only_new` only when there is none of that key; tells whether it did.
    pub(super) async fn put(&self, key: &str, bytes: Vec<u8>, only_new: bool) -> Result<bool, RemoteError> {
        let client = self.client().await?;
        let request =
            || client.put_object().bucket(&self.location.bucket).key(key).body(ByteStream::from(bytes.clone()));
        let error = if only_new {
            match request().if_none_match("*").send().await {
                Ok(_) => return Ok(true),
                Err(error) => error,
            }
        } else {
            return request()
                .send()
                .await
                .map(|_| true)
                .map_err(|error| fault::told(&self.location, "write to", &error));
        };
        match error.raw_response().map(|response| response.status().as_u16()) {
            Some(409 | 412) => Ok(false),
            // Services that know no such condition.
            Some(400 | 501) => {
                if self.head(key).await?.is_some() {
                    return Ok(false);
                }
                request().send().await.map(|_| true).map_err(|error| fault::told(&self.location, "write to", &error))
            }
            _ => Err(fault::told(&self.location, "write to", &error)),
        }
    }

    pub(super) fn manifest_key(&self, target: &RefTarget) -> Option<String> {
        target.names.first().map(|name| format!("{}{name}", self.manifests_at()))
    }

    /// Reads the manifest of a ref with the tag of what was read.
    async fn manifest(&self, key: &str) -> Result<Option<(Vec<u8>, Option<String>)>, RemoteError> {
        let Some(now) = self.head(key).await? else { return Ok(None) };
        Ok(self.get(key, DOCUMENT_LIMIT).await?.map(|bytes| (bytes, now.tag)))
    }

    async fn remove_ref(&self, run: &PlanId, target: &RefTarget) -> Result<Outcome, RemoteError> {
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

    async fn rewrite_ref(&self, run: &PlanId, rewrite: &RefRewrite) -> Result<Outcome, RemoteError> {
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
        let client = self.client().await?;
        let request =
            || client.put_object().bucket(&self.location.bucket).key(key).body(ByteStream::from(bytes.clone()));
        let Err(error) = request().set_if_match(tag.clone()).send().await else { return Ok(Outcome::Done) };
        match error.raw_response().map(|response| response.status().as_u16()) {
            Some(400 | 501) if self.head(key).await?.and_then(|now| now.tag) == tag => {
                let written = request().send().await;
                written.map(|_| Outcome::Done).map_err(|error| fault::told(&self.location, "write to", &error))
            }
            Some(400 | 404 | 409 | 412 | 501) => Ok(Outcome::Skipped(Skip::Changed)),
            _ => Err(fault::told(&self.location, "write to", &error)),
        }
    }

    async fn give_back(
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
            (None, None) if self.put(&key, bytes, true).await? => Ok(Outcome::Done),
            _ => Ok(Outcome::Skipped(Skip::Changed)),
        }
    }

    /// Deletes keys, many in a request; what could not be deleted is told.
    async fn delete_keys(&self, client: &Client, keys: &[String]) -> HashMap<String, String> {
        let mut failed = HashMap::new();
        let identifiers: Result<Vec<ObjectIdentifier>, _> =
            keys.iter().map(|key| ObjectIdentifier::builder().key(key).build()).collect();
        let delete = identifiers.and_then(|all| Delete::builder().set_objects(Some(all)).quiet(true).build());
        let answer = match delete {
            Ok(delete) => client.delete_objects().bucket(&self.location.bucket).delete(delete).send().await,
            Err(error) => {
                let why = error.to_string();
                return keys.iter().map(|key| (key.clone(), why.clone())).collect();
            }
        };
        match answer {
            Ok(answer) => {
                for error in answer.errors() {
                    let why = format!("{} {}", error.code().unwrap_or_default(), error.message().unwrap_or_default());
                    let why = crate::format::text::visible(why.trim()).into_owned();
                    failed.insert(error.key().unwrap_or_default().to_owned(), why);
                }
            }
            Err(error) if is_not_offered(&error) => {
                for key in keys {
                    if let Err(error) = self.delete_if(key, None).await {
                        failed.insert(key.clone(), in_one_line(&error));
                    }
                }
            }
            Err(error) => {
                let why = in_one_line(&fault::told(&self.location, "delete from", &error));
                failed.extend(keys.iter().map(|key| (key.clone(), why.clone())));
            }
        }
        failed
    }

    /// Ends unfinished uploads of a key that began at that moment.
    async fn abort(&self, client: &Client, key: &str, began: Timestamp) -> Result<Outcome, RemoteError> {
        let mut outcome = Outcome::AlreadyGone;
        for (upload, initiated) in self.lister().await?.upload_ids(key).await? {
            if initiated.map(Timestamp::as_second) != Some(began.as_second()) {
                continue;
            }
            let abort = client.abort_multipart_upload().bucket(&self.location.bucket).key(key).upload_id(upload);
            match abort.send().await {
                Ok(_) => outcome = Outcome::Done,
                Err(error) if fault::is_absence(&error) => {}
                Err(error) => return Err(fault::told(&self.location, "delete from", &error)),
            }
        }
        Ok(outcome)
    }

    /// Takes back the deletion of a key in a bucket that keeps versions: the marker that hides it goes.
    async fn unhide(&self, key: &str) -> Result<Outcome, RemoteError> {
        if self.head(key).await?.is_some() {
            return Ok(Outcome::AlreadyGone);
        }
        let client = self.client().await?;
        let versions = client.list_object_versions().bucket(&self.location.bucket).prefix(key).send().await;
        let versions = versions.map_err(|error| fault::told(&self.location, "read the versions of", &error))?;
        let latest = |marker: &&aws_sdk_s3::types::DeleteMarkerEntry| {
            marker.key() == Some(key) && marker.is_latest() == Some(true)
        };
        let Some(marker) = versions.delete_markers().iter().find(latest).and_then(|marker| marker.version_id()) else {
            return Ok(Outcome::Failed("the bucket keeps no earlier version of it".to_owned()));
        };
        let removed = client.delete_object().bucket(&self.location.bucket).key(key).version_id(marker).send().await;
        removed.map_err(|error| fault::told(&self.location, "delete from", &error))?;
        Ok(if self.head(key).await?.is_some() {
            Outcome::Done
        } else {
            Outcome::Failed("the bucket keeps no earlier version of it".to_owned())
        })
    }

    fn blob_key(&self, name: &ObjectName) -> Option<String> {
        match name {
            ObjectName::Blob(digest) => Some(format!("{}{digest}", self.blobs_at())),
            ObjectName::Partial(_) | ObjectName::Trashed(_) | ObjectName::Entry(_) => None,
        }
    }

    /// Looks at an object that is to go; none when it still is what it was.
    async fn look_again(&self, target: &ObjectTarget) -> Option<Outcome> {
        let Some(key) = self.blob_key(&target.name) else { return Some(Outcome::Skipped(Skip::Unsupported)) };
        match self.head(&key).await {
            Ok(None) => Some(Outcome::AlreadyGone),
            Ok(Some(now)) if (now.size, now.modified) == (target.size, Some(target.modified.as_second())) => None,
            Ok(Some(_)) => Some(Outcome::Skipped(Skip::Changed)),
            Err(error) => Some(Outcome::Failed(in_one_line(&error))),
        }
    }
}

/// Tells whether a service does not delete many objects at once, or not without a checksum that is not sent.
fn is_not_offered<E: ProvideErrorMetadata>(error: &aws_sdk_s3::error::SdkError<E>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    let status = error.raw_response().map(|response| response.status().as_u16());
    matches!(code, Some("MissingContentMD5" | "NotImplemented" | "MethodNotAllowed" | "InvalidRequest"))
        || matches!(status, Some(405 | 501))
}

/// Writes an error with its causes and what to do in one line.
fn in_one_line(error: &RemoteError) -> String {
    let causes = error.causes.iter().map(|cause| format!(": {cause}"));
    let hint = error.hint.iter().map(|hint| format!(" ({hint})"));
    std::iter::once(error.message.clone()).chain(causes).chain(hint).collect()
}

fn told(outcome: Result<Outcome, RemoteError>) -> Outcome {
    outcome.unwrap_or_else(|error| Outcome::Failed(in_one_line(&error)))
}

#[async_trait]
impl CachePruner for S3Cache {
    async fn lease(&self) -> Result<Box<dyn Lease>, PruneError> {
        Ok(Box::new(Held::take(self).await?))
    }

    async fn release(&self) {
        self.give_lease_back().await;
    }

    async fn remove_refs(&self, run: &PlanId, refs: Vec<RefTarget>) -> Result<Vec<Outcome>, PruneError> {
        let removing: Vec<_> = refs.iter().map(|target| self.remove_ref(run, target)).collect();
        let mut removing = stream::iter(removing).buffered(self.access.concurrency.max(1));
        let mut outcomes = Vec::with_capacity(refs.len());
        while let Some(outcome) = removing.next().await {
            outcomes.push(told(outcome));
        }
        Ok(outcomes)
    }

    async fn rewrite_refs(&self, run: &PlanId, refs: Vec<RefRewrite>) -> Result<Vec<Outcome>, PruneError> {
        let mut outcomes = Vec::with_capacity(refs.len());
        for rewrite in &refs {
            outcomes.push(told(self.rewrite_ref(run, rewrite).await));
        }
        Ok(outcomes)
    }

    async fn restore_rewritten(&self, run: &PlanId, refs: Vec<RefRewrite>) -> Result<Vec<Outcome>, PruneError> {
        let mut outcomes = Vec::with_capacity(refs.len());
        for rewrite in &refs {
            outcomes.push(told(self.give_back(run, &rewrite.from, Some(rewrite.to().0)).await));
        }
        Ok(outcomes)
    }

    async fn prepare(&self, _run: &PlanId) -> Result<(), PruneError> {
        Ok(())
    }

    async fn remove_objects(&self, _run: &PlanId, _disposal: Disposal, objects: Vec<ObjectTarget>) -> Vec<Outcome> {
        let client = match self.client().await {
            Ok(client) => client,
            Err(error) => return vec![Outcome::Failed(in_one_line(&error)); objects.len()],
        };
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(objects.len());
        for batch in objects.chunks(MOST_KEYS) {
            let looks: Vec<_> = batch.iter().map(|target| self.look_again(target)).collect();
            let mut looking = stream::iter(looks).buffered(self.access.concurrency.max(1));
            let mut looked = Vec::with_capacity(batch.len());
            while let Some(outcome) = looking.next().await {
                looked.push(outcome);
            }
            for (target, outcome) in batch.iter().zip(&mut looked) {
                if let ObjectName::Partial(key) = &target.name {
                    *outcome = Some(told(self.abort(client, key, target.modified).await));
                }
            }
            let open = batch.iter().zip(&looked).filter(|(_, outcome)| outcome.is_none());
            let keys: Vec<String> = open.filter_map(|(target, _)| self.blob_key(&target.name)).collect();
            let failed = if keys.is_empty() { HashMap::new() } else { self.delete_keys(client, &keys).await };
            for (target, outcome) in batch.iter().zip(&mut looked) {
                if outcome.is_none() {
                    let why = self.blob_key(&target.name).and_then(|key| failed.get(&key).cloned());
                    *outcome = Some(why.map_or(Outcome::Done, Outcome::Failed));
                    if let (Some(Outcome::Done), ObjectName::Blob(digest), Ok(mut deleted)) =
                        (&outcome, &target.name, self.deleted.lock())
                    {
                        deleted.insert(*digest);
                    }
                }
            }
            outcomes.extend(looked);
        }
        outcomes.into_iter().map(|outcome| outcome.unwrap_or(Outcome::Cancelled)).collect()
    }

    async fn in_trash(&self, _run: &PlanId, objects: Vec<ObjectName>) -> Vec<bool> {
        vec![false; objects.len()]
    }

    /// Where versions are kept, what this run deleted and a manifest names that came meanwhile is taken back.
    async fn put_back(&self, blobs: Arc<HashSet<Digest>>) -> Result<Vec<Digest>, PruneError> {
        let deleted = self.deleted.lock().map(|deleted| deleted.clone()).unwrap_or_default();
        let mut back = Vec::new();
        for digest in deleted.into_iter().filter(|digest| blobs.contains(digest)) {
            let restored = self.unhide(&format!("{}{digest}", self.blobs_at())).await.map_err(BackendError::from)?;
            if matches!(restored, Outcome::Done | Outcome::AlreadyGone) {
                if let Ok(mut deleted) = self.deleted.lock() {
                    deleted.remove(&digest);
                }
                back.push(digest);
            }
        }
        Ok(back)
    }

    async fn refs_are(&self, fingerprint: Digest) -> Result<bool, PruneError> {
        Ok(self.roots().await?.fingerprint == fingerprint)
    }

    async fn restore_objects(&self, _run: &PlanId, objects: Vec<ObjectName>) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(objects.len());
        for name in &objects {
            outcomes.push(match self.blob_key(name) {
                Some(key) => told(self.unhide(&key).await),
                None => Outcome::Failed("an upload that was ended cannot be taken up again".to_owned()),
            });
        }
        outcomes
    }

    async fn restore_refs(&self, run: &PlanId, refs: Vec<RefTarget>) -> Result<Vec<Outcome>, PruneError> {
        let mut outcomes = Vec::with_capacity(refs.len());
        for target in &refs {
            outcomes.push(told(self.give_back(run, target, None).await));
        }
        Ok(outcomes)
    }

    async fn settle(&self, forget_before: Timestamp) -> Result<(), PruneError> {
        for Dropped { key, since, .. } in self.all_dropped().await? {
            if since < forget_before {
                self.delete_if(&key, None).await.map_err(BackendError::from)?;
            }
        }
        Ok(())
    }

    async fn footprint(&self, _objects: Vec<ObjectName>) -> Footprint {
        Footprint::default()
    }
}
