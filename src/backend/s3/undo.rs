//! The data for undoing deletions: copies of deleted manifests next to the cache, and the versions
//! that a bucket keeps.
//!
//! The copies also show which blobs builds may still fetch if they imported a deleted ref.

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::ListedObject;
use super::client::S3Client;
use super::objects::WriteCondition;
use super::read::S3Reader;
use crate::backend::ListedRef;
use crate::backend::{BackendError, DroppedRef, PlanId, PruneError, RefTarget, RemoteError};
use crate::format::digest::{Digest, DigestText};
use crate::format::manifest::{CACHE_CONFIG, DOCUMENT_LIMIT, Descriptor};

/// The prefix of cachelens's own objects, below the prefix of the cache.
pub(super) const OWN: &str = ".cachelens/";
const DROPPED: &str = "dropped/";

/// A copy of a deleted manifest.
pub(super) struct RememberedManifest {
    pub(super) key: String,
    /// The run that deleted it.
    pub(super) run: PlanId,
    /// The name of the ref.
    name: String,
    digest: Digest,
    /// When it was deleted.
    pub(super) since: Timestamp,
}

impl S3Client {
    fn dropped_key(&self, run: &PlanId, target: &RefTarget) -> String {
        let name = target.names.first().map(String::as_str).unwrap_or_default();
        let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
        format!("{}{DROPPED}{run}/{name}/{}", self.own(), target.digest)
    }

    pub(super) async fn remember_dropped(
        &self,
        run: &PlanId,
        target: &RefTarget,
        bytes: Vec<u8>,
    ) -> Result<(), RemoteError> {
        self.write(&self.dropped_key(run, target), bytes, WriteCondition::None)
            .await
            .map(|_| ())
    }

    pub(super) async fn recall_dropped(
        &self,
        run: &PlanId,
        target: &RefTarget,
    ) -> Result<Option<Vec<u8>>, RemoteError> {
        let found = self
            .get(&self.dropped_key(run, target), DOCUMENT_LIMIT)
            .await?;
        let bytes = found.map(|found| found.bytes);
        Ok(bytes.filter(|bytes| Digest::of(bytes) == target.digest))
    }

    /// Lists the copies of deleted manifests.
    pub(super) async fn all_dropped(&self) -> Result<Vec<RememberedManifest>, PruneError> {
        let prefix = format!("{}{DROPPED}", self.own());
        let bucket = self.lister().await.map_err(BackendError::from)?;
        let listed = bucket.all(&prefix).await.map_err(BackendError::from)?;
        Ok(listed
            .into_iter()
            .filter_map(|listed| parse(&prefix, listed))
            .collect())
    }
}

impl S3Reader {
    /// Returns the remembered refs, which are read from their copies.
    pub(super) async fn remembered_refs(&self) -> Result<Vec<DroppedRef>, PruneError> {
        let all = self.client.all_dropped().await?;
        if let Ok(mut manifests) = self.manifests.lock() {
            for dropped in &all {
                manifests
                    .keys
                    .entry(dropped.digest)
                    .or_insert_with(|| dropped.key.clone());
            }
        }
        let listed_ref = |dropped: RememberedManifest| {
            let mut descriptor = Descriptor::named(DigestText::Valid(dropped.digest));
            CACHE_CONFIG.clone_into(&mut descriptor.media_type);
            DroppedRef {
                listed_ref: ListedRef::new(vec![dropped.name], descriptor),
                since: dropped.since,
            }
        };
        Ok(all.into_iter().map(listed_ref).collect())
    }
}

fn parse(prefix: &str, listed: ListedObject) -> Option<RememberedManifest> {
    let mut parts = listed.key.strip_prefix(prefix)?.split('/');
    let run = parts.next()?;
    let name = parts.next()?;
    let digest = parts.next()?;
    let name = percent_decode_str(name).decode_utf8().ok()?.into_owned();
    Some(RememberedManifest {
        run: run.parse().ok()?,
        name,
        digest: digest.parse().ok()?,
        since: listed.modified?,
        key: listed.key,
    })
}
