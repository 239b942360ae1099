//! A cache in a bucket, as `type=s3` writes it (`cache/remotecache/s3/s3.go` in BuildKit).
//!
//! A manifest is the cache configuration itself, under `prefix + manifests_prefix + name`; blobs lie under
//! `prefix + blobs_prefix + digest`. The three are put together as they are, without a slash between them.

use std::collections::HashSet;
use std::io::Read;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::types::Object;
use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OnceCell, mpsc};
use tokio_util::io::SyncIoBridge;
use tokio_util::sync::CancellationToken;

use super::bucket::{Bucket, Noncurrent, Places, Sum, Versioning};
use super::{
    Access, BackendError, CacheReader, Capabilities, DroppedRef, ObjectSender, OtherObject, PruneError, ReadError,
    RemoteError, RemoteKind, Roots, RootsPart, StoredObject, Support, Verified, WayBack,
};
use crate::format::digest::Digest;
use crate::format::layout::Root;
use crate::format::text::visible;
use crate::source::{Location, S3Location, Source};

mod client;
mod credentials;
pub(super) mod discover;
mod dropped;
mod facts;
mod fault;
mod gather;
mod lease;
mod listing;
mod manifests;
mod manner;
mod objects;
mod others;
mod pace;
mod places;
mod prune;
mod refs;
mod rules;
mod spread;

use gather::Gathering;
use lease::Standing;
use listing::Lister;
use manifests::{ListedManifests, Manifests, companions, fingerprint};
use manner::Manner;
use others::{Others, Take as _};
use pace::Pace;

/// How often an object is asked for again whose content breaks off.
const MOST_READS: usize = 3;

/// How buckets are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Access {
    /// Whether requests go without a signature, as public buckets take them.
    pub no_sign_request: bool,
    /// How many requests are under way at once, as long as the service bears it.
    pub at_once: usize,
    /// All buckets that are configured: the manifests of those that keep their blobs in the same place count, too.
    pub others: Arc<[S3Location]>,
    /// Whether the last look at a blob before it goes is left out; refused by services without the condition for it.
    pub no_recheck: bool,
}

impl Default for S3Access {
    fn default() -> Self {
        Self { no_sign_request: false, at_once: 32, others: Arc::default(), no_recheck: false }
    }
}

/// The cache in a bucket.
#[derive(Debug)]
pub struct S3Cache {
    location: S3Location,
    places: Places,
    access: Access,
    client: OnceCell<Client>,
    pace: Pace,
    /// What the last listing of the manifests found.
    listed: Mutex<ListedManifests>,
    /// What the last listing found beside the cache.
    bucket: Mutex<Option<Bucket>>,
    manifests: Mutex<Manifests>,
    /// The other caches that keep their blobs in the same place.
    companions: Vec<S3Location>,
    /// How the service deletes, once it has shown.
    manner: OnceCell<Manner>,
    /// Whether the service knows no condition for what is written.
    asked_without_condition: AtomicBool,
    /// The blobs that were deleted here.
    deleted: Mutex<HashSet<Digest>>,
    /// The lease, while this one holds it.
    lease: Mutex<Option<Arc<Standing>>>,
}

/// An object as a listing tells it.
#[derive(Debug, Clone, Default)]
struct Listed {
    key: String,
    size: u64,
    tag: String,
    modified: Option<Timestamp>,
    /// Its storage class, where that is not the usual one.
    class: Option<String>,
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
            class: object.storage_class().map(|class| class.as_str().to_owned()).filter(|class| class != "STANDARD"),
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
            places: Places::new(location),
            access: access.clone(),
            client: OnceCell::new(),
            pace: Pace::new(access.s3.at_once),
            listed: Mutex::default(),
            bucket: Mutex::default(),
            manifests: Mutex::default(),
            companions: companions(location, &access.s3.others),
            manner: OnceCell::new(),
            asked_without_condition: AtomicBool::new(false),
            deleted: Mutex::default(),
            lease: Mutex::default(),
        }
    }

    async fn client(&self) -> Result<&Client, RemoteError> {
        self.client.get_or_try_init(|| client::connect(&self.location, &self.access)).await
    }

    /// Makes another that asks by the same client, for what goes on beside.
    async fn sharing_client(&self) -> Result<Self, RemoteError> {
        let client = OnceCell::new_with(Some(self.client().await?.clone()));
        Ok(Self { client, ..Self::new(&self.location, &self.access) })
    }

    async fn lister(&self) -> Result<Lister<'_>, RemoteError> {
        Ok(Lister { client: self.client().await?, location: &self.location, pace: &self.pace })
    }

    /// Returns what names of manifests begin with.
    fn manifests_at(&self) -> &str {
        &self.places.manifests
    }

    /// Returns what names of blobs begin with.
    fn blobs_at(&self) -> &str {
        &self.places.blobs
    }

    /// Reads a whole object of at most `limit` bytes; none when it is not there.
    async fn get(&self, key: &str, limit: u64) -> Result<Option<Vec<u8>>, RemoteError> {
        Ok(self.get_tagged(key, limit).await?.map(|(bytes, _)| bytes))
    }

    /// Reads a whole object as [`Self::get`] does, with the tag of what was read.
    async fn get_tagged(&self, key: &str, limit: u64) -> Result<Option<(Vec<u8>, Option<String>)>, RemoteError> {
        let mut reads = 1;
        loop {
            match self.get_once(key, limit).await {
                Err(error) if error.kind == RemoteKind::Unavailable && reads < MOST_READS => reads += 1,
                read => return read,
            }
        }
    }

    async fn get_once(&self, key: &str, limit: u64) -> Result<Option<(Vec<u8>, Option<String>)>, RemoteError> {
        let client = self.client().await?;
        let answer = self.pace.run(|| client.get_object().bucket(&self.location.bucket).key(key).send()).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if fault::is_absence(&error) => return Ok(None),
            Err(error) => return Err(fault::told(&self.location, "read from", &error)),
        };
        let shown = || visible(key).into_owned();
        let too_large = || RemoteError::new(RemoteKind::BadAnswer, format!("{} is larger than {limit} bytes", shown()));
        let announced = answer.content_length().and_then(|length| u64::try_from(length).ok());
        if announced.is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let (mut body, tag) = (answer.body, answer.e_tag);
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| {
                RemoteError::new(RemoteKind::Unavailable, format!("{} could not be read to its end", shown()))
                    .because(error.to_string())
            })?;
            if (bytes.len() + chunk.len()) as u64 > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Some((bytes, tag)))
    }

    /// Lists everything but the manifests, and asks what the bucket says of itself, all at once.
    async fn list_all(&self, sender: &ObjectSender, cancel: &CancellationToken) -> Result<(), RemoteError> {
        let (lister, places) = (self.lister().await?, &self.places);
        let gathering = Gathering::new(places, sender.clone());
        let ListedManifests { manifests, strays, first_page_of_blobs: first } =
            self.listed.lock().map(|listed| listed.clone()).unwrap_or_default();
        gathering.take(strays).await;
        let at_once = self.access.s3.at_once;
        let blobs = spread::list(lister, &places.blobs, first, at_once, cancel, |page| gathering.take(page));
        let beside = async {
            let own = places.own();
            let own = async { lister.all(&own).await };
            let versions = async {
                let versioning = lister.versioning().await;
                let noncurrent = match &versioning {
                    Ok(Versioning::Off) => Ok(Noncurrent::default()),
                    Ok(Versioning::On | Versioning::Suspended) => lister.noncurrent(places).await,
                    Err(why) => Err(why.clone()),
                };
                (versioning, noncurrent)
            };
            let others = Others { lister, places, into: &gathering }.list();
            Ok(tokio::join!(others, own, versions, lister.uploads(&places.prefix), lister.lifecycle()))
        };
        // Only blobs that cannot be listed end the whole; the rest may be forbidden.
        let ((), (others, own, (versioning, noncurrent), uploads, lifecycle)) = tokio::try_join!(blobs, beside)?;
        let uncounted = match (others, own) {
            (Ok(()), Ok(own)) => {
                gathering.take(own).await;
                None
            }
            (Err(error), _) | (_, Err(error)) => Some(error.in_one_line()),
        };
        let unlisted_uploads = match uploads {
            Ok(uploads) => {
                let told = |upload: OtherObject| {
                    if places.is_for_cache(&upload.name) {
                        StoredObject::Partial(upload)
                    } else {
                        // Of another program in the same bucket: it is none of this cache's to end.
                        StoredObject::Unknown(upload)
                    }
                };
                let _ = sender.send(uploads.into_iter().map(told).collect()).await;
                None
            }
            // A service that does not know of uploads in parts has none.
            Err(error) if error.kind == RemoteKind::Unsupported => None,
            Err(error) => Some(error.in_one_line()),
        };
        let counts = gathering.into_counts();
        if manifests == 0 && counts.holds_something_else() && uncounted.is_none() {
            return Err(discover::no_cache(lister, places).await);
        }
        let is_empty = manifests == 0 && counts.is_empty() && uncounted.is_none();
        let elsewhere =
            if is_empty && !places.prefix.is_empty() { discover::prefixes(lister, "").await } else { Vec::new() };
        let mut classes: Vec<(String, Sum)> = counts.classes.into_iter().collect();
        classes.sort_by(|(a, of_a), (b, of_b)| (of_b.bytes, a).cmp(&(of_a.bytes, b)));
        let bucket = Bucket {
            places: places.clone(),
            versioning,
            noncurrent,
            lifecycle,
            classes,
            unusual: counts.unusual,
            own: counts.own,
            unnamed: counts.unnamed,
            uncounted,
            elsewhere,
            unlisted_uploads,
        };
        if let Ok(mut found) = self.bucket.lock() {
            *found = Some(bucket);
        }
        Ok(())
    }
}

#[async_trait]
impl CacheReader for S3Cache {
    async fn roots(&self) -> Result<Roots, BackendError> {
        let (parts, mut told) = mpsc::channel(1);
        let (roots, ()) = tokio::join!(self.roots_in_parts(parts), async { while told.recv().await.is_some() {} });
        roots
    }

    async fn roots_in_parts(&self, parts: mpsc::Sender<RootsPart>) -> Result<Roots, BackendError> {
        let lister = self.lister().await?;
        let first = async { Ok(spread::first(lister, self.blobs_at()).await) };
        let (manifests, of_companions, first) =
            tokio::try_join!(self.manifests(), self.manifests_of_companions(), first)?;
        let fingerprint = fingerprint(&manifests, &of_companions);
        if let Ok(mut known) = self.listed.lock() {
            known.first_page_of_blobs = first;
        }
        let _ = parts.send(RootsPart::Settled).await;
        let reads: Vec<_> = manifests.into_iter().map(|listed| self.root(listed)).collect();
        let mut reading = stream::iter(reads).buffered(self.access.s3.at_once.max(1));
        let mut entries = Vec::new();
        while let Some(root) = reading.next().await {
            let root = root?;
            entries.push(root.clone());
            // Whoever does not receive has lost its interest.
            let _ = parts.send(RootsPart::Roots(vec![root])).await;
        }
        Ok(Roots { entries, fingerprint })
    }

    /// What a manifest says shows in its tag; nothing has to be read again.
    async fn still(&self, expected: Digest) -> Result<bool, BackendError> {
        let (own, others) = (self.manifests().await?, self.manifests_of_companions().await?);
        Ok(fingerprint(&own, &others) == expected)
    }

    async fn list_objects(&self, sender: ObjectSender, cancel: CancellationToken) -> Result<(), BackendError> {
        match cancel.run_until_cancelled(Box::pin(self.list_all(&sender, &cancel))).await {
            Some(listed) => Ok(listed?),
            None => Ok(()),
        }
    }

    async fn bucket(&self) -> Option<Bucket> {
        self.bucket.lock().ok().and_then(|bucket| bucket.clone())
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
        let answer = self.pace.run(|| client.get_object().bucket(&self.location.bucket).key(&key).send()).await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if fault::is_absence(&error) => return Err(ReadError::Absent),
            Err(error) => return Err(fault::told(&self.location, "read from", &error).into()),
        };
        let reader = SyncIoBridge::new(answer.body.into_async_read());
        Ok(Box::new(Verified::new(reader, digest)))
    }

    async fn capabilities(&self) -> Capabilities {
        let refreshes = self.companions.iter().map(|companion| companion.touch_refresh);
        let longest = refreshes.fold(self.location.touch_refresh, Duration::max);
        let settling = SignedDuration::try_from(longest).unwrap_or(SignedDuration::MAX);
        Capabilities {
            delete_ref: Support::Yes,
            delete_object: Support::Yes,
            way_back: WayBack::Part(prune::WAY_BACK),
            settling,
        }
    }

    async fn shared_roots(&self) -> Result<Vec<Root>, BackendError> {
        let listed = self.manifests_of_companions().await?;
        let reads: Vec<_> = listed.into_iter().map(|listed| self.root(listed)).collect();
        let mut reading = stream::iter(reads).buffered(self.access.s3.at_once.max(1));
        let mut roots = Vec::new();
        while let Some(root) = reading.next().await {
            roots.push(root?);
        }
        Ok(roots)
    }

    async fn dropped_refs(&self) -> Result<Vec<DroppedRef>, PruneError> {
        self.dropped_roots().await
    }

    async fn place(&self) -> Result<String, BackendError> {
        // Printing leaves the credentials out.
        let plain =
            S3Location { touch_refresh: Duration::from_hours(24), no_sign_request: false, ..self.location.clone() };
        let location = Location::S3(plain);
        Ok(format!("s3 {}", Source { location, select: None, ignored: Vec::new() }))
    }
}
