//! Manifests that runs took out of a bucket, remembered beside the cache: builds that imported them may still be fetching
//! their blobs, and they can be put back.

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::refs::Condition;
use super::{Listed, S3Cache};
use crate::backend::{BackendError, DroppedRef, PlanId, PruneError, RefTarget, RemoteError};
use crate::format::digest::{Digest, DigestText};
use crate::format::layout::Root;
use crate::format::manifest::{CACHE_CONFIG, DOCUMENT_LIMIT, Descriptor};

/// What the names of cachelens's own objects begin with, below the prefix of the cache.
pub(super) const OWN: &str = ".cachelens/";
const DROPPED: &str = "dropped/";

/// A manifest that is remembered.
pub(super) struct Dropped {
    /// Where.
    pub(super) key: String,
    /// The name of the ref.
    name: String,
    digest: Digest,
    /// When it went.
    pub(super) since: Timestamp,
}

impl S3Cache {
    /// Returns what the names of cachelens's own objects begin with.
    pub(super) fn own(&self) -> String {
        self.places.own()
    }

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
        self.write(&self.dropped_key(run, target), bytes, Condition::None).await.map(|_| ())
    }

    pub(super) async fn recall_dropped(
        &self,
        run: &PlanId,
        target: &RefTarget,
    ) -> Result<Option<Vec<u8>>, RemoteError> {
        let bytes = self.get(&self.dropped_key(run, target), DOCUMENT_LIMIT).await?;
        Ok(bytes.filter(|bytes| Digest::of(bytes) == target.digest))
    }

    /// Lists what is remembered.
    pub(super) async fn all_dropped(&self) -> Result<Vec<Dropped>, PruneError> {
        let prefix = format!("{}{DROPPED}", self.own());
        let bucket = self.lister().await.map_err(BackendError::from)?;
        let listed = bucket.all(&prefix).await.map_err(BackendError::from)?;
        Ok(listed.into_iter().filter_map(|listed| parse(&prefix, listed)).collect())
    }

    /// Returns the refs that are remembered, which are read from where they are.
    pub(super) async fn dropped_roots(&self) -> Result<Vec<DroppedRef>, PruneError> {
        let all = self.all_dropped().await?;
        if let Ok(mut manifests) = self.manifests.lock() {
            for dropped in &all {
                manifests.keys.entry(dropped.digest).or_insert_with(|| dropped.key.clone());
            }
        }
        let root = |dropped: Dropped| {
            let mut descriptor = Descriptor::named(DigestText::Valid(dropped.digest));
            CACHE_CONFIG.clone_into(&mut descriptor.media_type);
            DroppedRef { root: Root::new(vec![dropped.name], descriptor), since: dropped.since }
        };
        Ok(all.into_iter().map(root).collect())
    }
}

fn parse(prefix: &str, listed: Listed) -> Option<Dropped> {
    let mut parts = listed.key.strip_prefix(prefix)?.split('/');
    let (run, name, digest) = (parts.next()?, parts.next()?, parts.next()?);
    run.parse::<PlanId>().ok()?;
    let name = percent_decode_str(name).decode_utf8().ok()?.into_owned();
    Some(Dropped { name, digest: digest.parse().ok()?, since: listed.modified?, key: listed.key })
}
