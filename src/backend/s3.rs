//! A cache in a bucket, as `type=s3` writes it (`cache/remotecache/s3/s3.go` in BuildKit).
//!
//! A manifest is the cache configuration itself, under `prefix + manifests_prefix + name`; blobs lie under
//! `prefix + blobs_prefix + digest`. The three are put together as they are, without a slash between them.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::types::Object;
use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::OnceCell;
use tokio_util::io::SyncIoBridge;
use tokio_util::sync::CancellationToken;

use super::{
    Access, BackendError, CacheReader, Capabilities, DroppedRef, ObjectSender, OtherKind, OtherObject, PruneError,
    ReadError, RemoteError, RemoteKind, Roots, StoredObject, Support, Verified,
};
use crate::format::digest::{Digest, DigestText};
use crate::format::layout::{Root, RootFacts};
use crate::format::manifest::{CACHE_CONFIG, DOCUMENT_LIMIT, Descriptor};
use crate::source::{Location, S3Location, Source};

mod client;
mod dropped;
mod fault;
mod lease;
mod listing;
mod prune;

/// How many bytes of manifests are kept to be read once only.
const KEPT: usize = 64 << 20;

/// The cache in a bucket.
#[derive(Debug)]
pub struct S3Cache {
    location: S3Location,
    access: Access,
    client: OnceCell<Client>,
    manifests: Mutex<Manifests>,
    /// The blobs that were deleted here.
    deleted: Mutex<HashSet<Digest>>,
    /// Who holds the lease, when that is this one.
    lease: Mutex<Option<String>>,
}

/// What was read of manifests.
#[derive(Debug, Default)]
struct Manifests {
    /// Where a manifest lies, by its digest.
    keys: HashMap<Digest, String>,
    /// The digest of a manifest by its key and entity tag, which change together.
    known: HashMap<(String, String), Digest>,
    /// The contents, as far as there is room.
    kept: HashMap<Digest, Arc<[u8]>>,
    bytes: usize,
}

/// An object as a listing tells it.
#[derive(Debug, Clone)]
struct Listed {
    key: String,
    size: u64,
    tag: String,
    modified: Option<Timestamp>,
}

impl Listed {
    fn new(object: Object) -> Option<Self> {
        let modified = object.last_modified().and_then(|time| {
            let nanoseconds = i32::try_from(time.subsec_nanos()).ok()?;
            Timestamp::new(time.secs(), nanoseconds).ok()
        });
        Some(Self {
            size: object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
            tag: object.e_tag().unwrap_or_default().to_owned(),
            modified,
            key: object.key?,
        })
    }
}

impl S3Cache {
    /// Makes the reader; nothing is asked yet.
    pub fn new(location: &S3Location, access: &Access) -> Self {
        Self {
            location: location.clone(),
            access: access.clone(),
            client: OnceCell::new(),
            manifests: Mutex::default(),
            deleted: Mutex::default(),
            lease: Mutex::default(),
        }
    }

    async fn client(&self) -> Result<&Client, RemoteError> {
        self.client.get_or_try_init(|| client::connect(&self.location, self.access.timeout)).await
    }

    /// Returns what names of manifests begin with.
    fn manifests_at(&self) -> String {
        format!("{}{}", self.location.prefix, self.location.manifests_prefix)
    }

    /// Returns what names of blobs begin with.
    fn blobs_at(&self) -> String {
        format!("{}{}", self.location.prefix, self.location.blobs_prefix)
    }

    fn remember(&self, listed: &Listed, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        if let Ok(mut manifests) = self.manifests.lock() {
            manifests.keys.insert(digest, listed.key.clone());
            manifests.known.insert((listed.key.clone(), listed.tag.clone()), digest);
            if manifests.bytes + bytes.len() <= KEPT && !manifests.kept.contains_key(&digest) {
                manifests.bytes += bytes.len();
                manifests.kept.insert(digest, bytes.into());
            }
        }
        digest
    }

    /// Makes a root of a manifest. One that is larger than any that is read, or has gone meanwhile, has no digest.
    async fn root(&self, listed: Listed) -> Result<Root, RemoteError> {
        let name = listed.key.strip_prefix(&self.manifests_at()).unwrap_or(&listed.key).to_owned();
        let known = self.manifests.lock().ok();
        let known = known.and_then(|known| known.known.get(&(listed.key.clone(), listed.tag.clone())).copied());
        let digest = match known {
            Some(digest) => Some(digest),
            None if listed.size > DOCUMENT_LIMIT => None,
            None => self.get(&listed.key, DOCUMENT_LIMIT).await?.map(|bytes| self.remember(&listed, &bytes)),
        };
        let digest = digest.map_or_else(|| DigestText::from(listed.tag.as_str()), DigestText::Valid);
        let mut descriptor = Descriptor::named(digest);
        CACHE_CONFIG.clone_into(&mut descriptor.media_type);
        let facts = RootFacts { modified: listed.modified, ..RootFacts::default() };
        Ok(Root { facts, ..Root::new(vec![name], descriptor) })
    }

    /// Reads a whole object of at most `limit` bytes; none when it is not there.
    async fn get(&self, key: &str, limit: u64) -> Result<Option<Vec<u8>>, RemoteError> {
        let client = self.client().await?;
        let answer = match client.get_object().bucket(&self.location.bucket).key(key).send().await {
            Ok(answer) => answer,
            Err(error) if fault::is_absence(&error) => return Ok(None),
            Err(error) => return Err(fault::told(&self.location, "read from", &error)),
        };
        let too_large = || {
            let key = crate::format::text::visible(key).into_owned();
            RemoteError::new(RemoteKind::BadAnswer, format!("{key} is larger than {limit} bytes"))
        };
        if answer.content_length().is_some_and(|length| u64::try_from(length).is_ok_and(|length| length > limit)) {
            return Err(too_large());
        }
        let mut body = answer.body;
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| {
                let key = crate::format::text::visible(key).into_owned();
                RemoteError::new(RemoteKind::Unavailable, format!("{key} could not be read to its end"))
                    .because(error.to_string())
            })?;
            if (bytes.len() + chunk.len()) as u64 > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Some(bytes))
    }

    /// Tells what an object among the blobs is.
    fn stored(&self, listed: Listed) -> StoredObject {
        let digest = listed.key.strip_prefix(&self.blobs_at()).and_then(|name| name.parse::<Digest>().ok());
        match digest {
            Some(digest) => StoredObject::Blob { digest, size: listed.size, modified: listed.modified },
            None => StoredObject::Unknown(OtherObject {
                name: listed.key,
                kind: OtherKind::File,
                size: listed.size,
                modified: listed.modified,
            }),
        }
    }
}

#[async_trait]
impl CacheReader for S3Cache {
    async fn roots(&self) -> Result<Roots, BackendError> {
        let mut listed = listing::all(self.client().await?, &self.location, &self.manifests_at()).await?;
        listed.sort_by(|a, b| a.key.cmp(&b.key));
        let told: Vec<String> =
            listed.iter().map(|listed| format!("{}\0{}\0{}\n", listed.key, listed.tag, listed.size)).collect();
        let fingerprint = Digest::of(told.concat().as_bytes());
        let reads: Vec<_> = listed.into_iter().map(|listed| self.root(listed)).collect();
        let mut reading = stream::iter(reads).buffered(self.access.concurrency.max(1));
        let mut entries = Vec::new();
        while let Some(root) = reading.next().await {
            entries.push(root?);
        }
        Ok(Roots { entries, fingerprint })
    }

    async fn list_objects(&self, sender: ObjectSender, cancel: CancellationToken) -> Result<(), BackendError> {
        let client = self.client().await?;
        let told = |page: Vec<Listed>| page.into_iter().map(|listed| self.stored(listed)).collect::<Vec<_>>();
        let ranges = listing::Ranges { client, location: &self.location, prefix: self.blobs_at() };
        ranges
            .list(self.access.concurrency, &cancel, |page| {
                let (sender, batch) = (sender.clone(), told(page));
                async move { sender.send(batch).await.is_ok() }
            })
            .await?;
        if cancel.is_cancelled() {
            return Ok(());
        }
        let uploads = listing::uploads(client, &self.location, &self.location.prefix).await;
        // A store that does not tell of unfinished uploads is none the less listed.
        let uploads = uploads.unwrap_or_default().into_iter().map(StoredObject::Partial).collect();
        let _ = sender.send(uploads).await;
        Ok(())
    }

    async fn read_document(&self, digest: Digest, limit: u64) -> Result<Vec<u8>, ReadError> {
        let (key, kept) = match self.manifests.lock() {
            Ok(manifests) => (manifests.keys.get(&digest).cloned(), manifests.kept.get(&digest).cloned()),
            Err(_) => (None, None),
        };
        let bytes = if let Some(bytes) = kept {
            bytes.to_vec()
        } else {
            let key = key.unwrap_or_else(|| format!("{}{digest}", self.blobs_at()));
            self.get(&key, limit).await?.ok_or(ReadError::Absent)?
        };
        let size = bytes.len() as u64;
        if size > limit {
            return Err(ReadError::TooLarge { size, limit });
        }
        let mut hasher = digest.hasher();
        hasher.update(&bytes);
        let found = hasher.finish();
        if found == digest { Ok(bytes) } else { Err(ReadError::WrongBytes { found }) }
    }

    async fn open_blob(&self, digest: Digest) -> Result<Box<dyn Read + Send>, ReadError> {
        let client = self.client().await?;
        let key = format!("{}{digest}", self.blobs_at());
        let answer = match client.get_object().bucket(&self.location.bucket).key(key).send().await {
            Ok(answer) => answer,
            Err(error) if fault::is_absence(&error) => return Err(ReadError::Absent),
            Err(error) => return Err(fault::told(&self.location, "read from", &error).into()),
        };
        let reader = SyncIoBridge::new(answer.body.into_async_read());
        Ok(Box::new(Verified::new(reader, digest)))
    }

    async fn capabilities(&self) -> Capabilities {
        let settling = SignedDuration::try_from(self.location.touch_refresh).unwrap_or(SignedDuration::MAX);
        Capabilities { delete_ref: Support::Yes, delete_object: Support::Yes, trash: false, settling }
    }

    async fn dropped_refs(&self) -> Result<Vec<DroppedRef>, PruneError> {
        self.dropped_roots().await
    }

    async fn place(&self) -> Result<String, BackendError> {
        // Printing leaves the credentials out.
        let location = Location::S3(S3Location { touch_refresh: Duration::from_hours(24), ..self.location.clone() });
        Ok(format!("s3 {}", Source { location, select: None, ignored: Vec::new() }))
    }
}

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
