//! Reads a cache in a bucket.

use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use jiff::SignedDuration;
use tokio::sync::mpsc;
use tokio_util::io::SyncIoBridge;
use tokio_util::sync::CancellationToken;

use super::client::S3Client;
use super::manifests::{ListedManifests, Manifests, companions, fingerprint};
use super::{errors, spread};
use crate::backend::ListedRef;
use crate::backend::bucket::{Bucket, Versioning};
use crate::backend::{
    Access, BackendError, CacheReader, Capabilities, DroppedRef, ListObjects, ListedRefs,
    ListedRefsPart, ObjectSender, PruneError, ReadAbilities, ReadError, RememberRefs, ShareBlobs,
    StoreFacts, Support, Surroundings, UndoLimit, Undoability, Verified,
};
use crate::format::digest::Digest;
use crate::source::{Place, S3Location, Source, SourceLocation, Trust};

/// The longest time by which a blob is kept beyond `touch_refresh`, regardless of the grace: an
/// export that found it just before it was old enough to be touched may still run.
const MOST_MARGIN: Duration = Duration::from_mins(10);

/// Reads the cache in a bucket.
#[derive(Debug)]
pub struct S3Reader {
    pub(super) client: Arc<S3Client>,
    /// The result of the last listing of the manifests.
    pub(super) listed: Mutex<ListedManifests>,
    /// The facts about the bucket as of the last listing.
    pub(super) bucket: Mutex<Option<Arc<Bucket>>>,
    pub(super) manifests: Mutex<Manifests>,
    /// The other caches with the same location of blobs.
    pub(super) companions: Vec<S3Location>,
}

impl S3Reader {
    /// Creates the reader; no request is sent yet.
    pub fn new(location: &S3Location, access: &Access) -> Self {
        Self {
            client: Arc::new(S3Client::new(location, access)),
            listed: Mutex::default(),
            bucket: Mutex::default(),
            manifests: Mutex::default(),
            companions: companions(location, &access.s3.others),
        }
    }
}

#[async_trait]
impl CacheReader for S3Reader {
    async fn list_refs(
        &self,
        parts: mpsc::Sender<ListedRefsPart>,
    ) -> Result<ListedRefs, BackendError> {
        let lister = self.client.lister().await?;
        let first = async { Ok(spread::first(lister, self.client.blobs_at()).await) };
        let (manifests, of_companions, first) =
            tokio::try_join!(self.manifests(), self.manifests_of_companions(), first)?;
        let fingerprint = fingerprint(&manifests, &of_companions);
        if let Ok(mut known) = self.listed.lock() {
            known.first_page_of_blobs = first;
        }
        let _ = parts.send(ListedRefsPart::Settled).await;
        let reads: Vec<_> = manifests
            .into_iter()
            .map(|listed| self.listed_ref(listed))
            .collect();
        let mut reading = stream::iter(reads).buffered(self.client.at_once());
        let mut entries = Vec::new();
        while let Some(listed_ref) = reading.next().await {
            let listed_ref = listed_ref?;
            entries.push(listed_ref.clone());
            // A send error means the receiver is gone.
            let _ = parts.send(ListedRefsPart::Refs(vec![listed_ref])).await;
        }
        Ok(ListedRefs {
            entries,
            fingerprint,
        })
    }

    /// A changed manifest has a different tag, so nothing needs to be read again.
    async fn still(&self, expected: Digest) -> Result<bool, BackendError> {
        let own = self.manifests().await?;
        let others = self.manifests_of_companions().await?;
        Ok(fingerprint(&own, &others) == expected)
    }

    async fn read_document(&self, digest: Digest, limit: u64) -> Result<Vec<u8>, ReadError> {
        let (key, version, kept) = match self.manifests.lock() {
            Ok(manifests) => (
                manifests.keys.get(&digest).cloned(),
                manifests.versions.get(&digest).cloned(),
                manifests.kept(digest),
            ),
            Err(_) => (None, None, None),
        };
        let bytes = match (kept, key, version) {
            (Some(bytes), ..) => bytes.to_vec(),
            (None, None, Some((key, version))) => self.version(&key, &version).await?,
            (None, key, _) => {
                let key = key.unwrap_or_else(|| format!("{}{digest}", self.client.blobs_at()));
                let content = self.client.get(&key, limit).await?;
                content.ok_or(ReadError::Absent)?.bytes
            }
        };
        let size = bytes.len() as u64;
        if size > limit {
            return Err(ReadError::TooLarge { size, limit });
        }
        let mut hasher = digest.hasher();
        hasher.update(&bytes);
        let found = hasher.finish();
        if found == digest {
            Ok(bytes)
        } else {
            Err(ReadError::WrongBytes { found })
        }
    }

    async fn open_blob(&self, digest: Digest) -> Result<Box<dyn Read + Send>, ReadError> {
        let client = self.client.sdk().await?;
        let key = format!("{}{digest}", self.client.blobs_at());
        let answer = self
            .client
            .pace
            .run(|| {
                client
                    .get_object()
                    .bucket(&self.client.location.bucket)
                    .key(&key)
                    .send()
            })
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if errors::is_absence(&error) => return Err(ReadError::Absent),
            Err(error) => {
                return Err(errors::describe(&self.client.location, "read from", &error).into());
            }
        };
        let reader = SyncIoBridge::new(answer.body.into_async_read());
        Ok(Box::new(Verified::new(reader, digest)))
    }

    async fn place(&self) -> Result<Place, BackendError> {
        // The printed form omits the credentials.
        let plain = S3Location {
            touch_refresh: Duration::from_hours(24),
            no_sign_request: false,
            ..self.client.location.clone()
        };
        let location = SourceLocation::S3(plain);
        let source = Source {
            location,
            select: None,
            ignored: Vec::new(),
            trust: Trust::default(),
        };
        Ok(Place::S3(source.to_string()))
    }

    async fn facts(&self) -> StoreFacts {
        let refreshes = self
            .companions
            .iter()
            .map(|companion| companion.touch_refresh);
        let longest = refreshes.fold(self.client.location.touch_refresh, Duration::max);
        let settled = longest.saturating_add(MOST_MARGIN.min(longest / 10));
        let bucket = self.bucket.lock().ok().and_then(|bucket| bucket.clone());
        let versioning = bucket
            .as_ref()
            .and_then(|bucket| bucket.versioning.clone().ok());
        let capabilities = Capabilities {
            delete_ref: Support::Yes,
            delete_object: Support::Yes,
            undoability: Undoability::Partial(undo_limit(versioning)),
            settling: SignedDuration::try_from(settled).unwrap_or(SignedDuration::MAX),
        };
        StoreFacts {
            surroundings: bucket.map_or(Surroundings::Unknown, Surroundings::Bucket),
            deletes: self
                .client
                .behaviour
                .get()
                .map(|behaviour| behaviour.sentence()),
            ..StoreFacts::new(capabilities)
        }
    }

    fn abilities(&self) -> ReadAbilities<'_> {
        ReadAbilities {
            objects: Some(self),
            dropped: Some(self),
            shared: Some(self),
            versions: Some(self),
            ..ReadAbilities::default()
        }
    }
}

#[async_trait]
impl ListObjects for S3Reader {
    async fn list_objects(
        &self,
        sender: ObjectSender,
        cancel: CancellationToken,
    ) -> Result<(), BackendError> {
        match cancel
            .run_until_cancelled(Box::pin(self.list_all(&sender, &cancel)))
            .await
        {
            Some(listed) => Ok(listed?),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl ShareBlobs for S3Reader {
    async fn shared_refs(&self) -> Result<Vec<ListedRef>, BackendError> {
        let listed = self.manifests_of_companions().await?;
        let reads: Vec<_> = listed
            .into_iter()
            .map(|listed| self.listed_ref(listed))
            .collect();
        let mut reading = stream::iter(reads).buffered(self.client.at_once());
        let mut listed_refs = Vec::new();
        while let Some(listed_ref) = reading.next().await {
            listed_refs.push(listed_ref?);
        }
        Ok(listed_refs)
    }
}

#[async_trait]
impl RememberRefs for S3Reader {
    async fn dropped_refs(&self) -> Result<Vec<DroppedRef>, PruneError> {
        self.remembered_refs().await
    }
}

/// Describes what can be restored. The copy of a manifest is kept until a later run, regardless of
/// the grace.
fn undo_limit(versioning: Option<Versioning>) -> UndoLimit {
    match versioning {
        Some(Versioning::On) => UndoLimit::Versions,
        Some(Versioning::Off) => UndoLimit::NoVersions,
        Some(Versioning::Suspended) | None => UndoLimit::SomeVersions,
    }
}
