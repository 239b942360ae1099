//! A repository in a registry: caches in both forms, images that carry one, and plain images, by tag.
//!
//! A registry tells its tags and what they point to, and hands out manifests and blobs by digest. It does not list its
//! blobs, so that nothing can be called orphaned here; what a manifest names counts as stored until somebody looks.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::SignedDuration;
use tokio::sync::{Mutex as AsyncMutex, OnceCell, mpsc};
use tokio_util::io::{StreamReader, SyncIoBridge};
use tokio_util::sync::CancellationToken;

use super::{
    Access, BackendError, CacheReader, Capabilities, ObjectSender, ReadError, RemoteError, RemoteKind, Roots,
    RootsPart, Support, Verified, WayBack,
};
use crate::format::digest::{Digest, DigestText};
use crate::format::layout::{Root, RootFacts};
use crate::format::manifest::{DOCUMENT_LIMIT, Descriptor};
use crate::source::{Location, RefSelector, RegistryLocation, Secret, Source};

mod attestation;
mod auth;
mod credentials;
mod documents;
mod dropped;
mod generations;
mod http;
mod kept;
mod login_file;
mod manifests;
mod packages;
mod place;
mod prune;
mod push;
mod tags;
mod trust;

use http::Http;
use kept::{Kept, Tagged};
use manifests::Head;
use packages::Packages;

/// How many refs go on to be read at once.
const PART: usize = 32;
/// How many tags are got ready to be looked at.
const LOOKS: usize = 4096;

/// How registries are asked, beyond what their sources say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegistryAccess {
    /// A user and a password, in the place of those that were left by a login.
    pub login: Option<(String, Secret)>,
    /// An authority to trust beside those of the system, in PEM.
    pub ca: Option<PathBuf>,
    /// A client's certificate and its key, in PEM.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
    /// Whether plain HTTP is spoken.
    pub plain_http: bool,
    /// Where documents are kept that never change; absent means that none are.
    pub cache: Option<PathBuf>,
    /// Where the manifests of deleted refs are remembered; absent means that they are not.
    pub dropped: Option<PathBuf>,
    /// Whether each blob is asked for.
    pub verify_blobs: bool,
}

/// A repository in a registry.
#[derive(Debug)]
pub struct RegistryCache {
    location: RegistryLocation,
    /// The refs that are wanted; all when absent.
    select: Option<RefSelector>,
    access: Access,
    http: OnceCell<Http>,
    kept: Option<Kept>,
    seen: Mutex<Seen>,
    /// What stands behind one of GitHub's registries.
    packages: OnceCell<Option<Packages>>,
    /// What a deletion has taught of the registry.
    learned: AsyncMutex<prune::Learned>,
    /// Held by whoever finds something out of it.
    probing: AsyncMutex<()>,
}

/// What was read so far.
#[derive(Debug, Default)]
struct Seen {
    /// What the registry may hold and did not show at the last listing.
    unseen: Option<String>,
    /// The tags of the last listing, in order.
    listed: Vec<String>,
    tags: BTreeMap<String, Tagged>,
    /// Manifests that others name, which lie elsewhere than blobs.
    manifests: HashSet<Digest>,
    documents: HashMap<Digest, Arc<[u8]>>,
    bytes: usize,
}

/// Lists the repositories of a registry as locations of their own.
///
/// # Errors
/// When the registry cannot be asked, or offers no catalog.
pub(super) async fn repositories(
    location: &RegistryLocation,
    access: &Access,
) -> Result<Vec<RegistryLocation>, RemoteError> {
    let http = Http::new(location, access)?;
    let names = tags::repositories(&http).await?;
    Ok(names.iter().filter_map(|name| location.repository_of(name)).collect())
}

/// Reads the provenance that lies beside an image: one statement for each platform that has one.
///
/// # Errors
/// When the image cannot be read.
pub async fn provenance(
    location: &RegistryLocation,
    select: &RefSelector,
    access: &Access,
) -> Result<Vec<Vec<u8>>, RemoteError> {
    let image = RegistryCache::new(location, None, access);
    let (name, sign) = match select {
        RefSelector::Digest(digest) => (digest.to_string(), '@'),
        RefSelector::Name(name) => (name.clone(), ':'),
        RefSelector::AnyOf(names) => (names.first().cloned().unwrap_or_default(), ':'),
    };
    let what = format!("{location}{sign}{name}");
    match image.attested(&name).await {
        Ok(statements) if statements.is_empty() => {
            let message = format!("{what} carries no provenance, or does not exist");
            Err(RemoteError::new(RemoteKind::NotFound, message)
                .hint("build it with --provenance=mode=max, and push it with its attestations"))
        }
        Ok(statements) => Ok(statements),
        Err(ReadError::Remote(error)) => Err(error),
        Err(error) => {
            let message = format!("the provenance of {what} cannot be read");
            Err(RemoteError::new(RemoteKind::BadAnswer, message).because(error.to_string()))
        }
    }
}

impl RegistryCache {
    /// Makes the reader; nothing is asked yet.
    pub fn new(location: &RegistryLocation, select: Option<&RefSelector>, access: &Access) -> Self {
        Self {
            location: location.clone(),
            select: select.cloned(),
            access: access.clone(),
            http: OnceCell::new(),
            kept: access.registry.cache.as_deref().map(Kept::new),
            seen: Mutex::default(),
            packages: OnceCell::new(),
            learned: AsyncMutex::default(),
            probing: AsyncMutex::default(),
        }
    }

    async fn packages(&self) -> Result<Option<&Packages>, RemoteError> {
        let find = || Packages::find(&self.location, &self.access);
        Ok(self.packages.get_or_try_init(find).await?.as_ref())
    }

    async fn http(&self) -> Result<&Http, RemoteError> {
        self.http.get_or_try_init(|| async { Http::new(&self.location, &self.access) }).await
    }

    fn repository(&self) -> &str {
        &self.location.repository
    }

    /// Lists the names of the refs that are wanted.
    async fn list(&self) -> Result<Vec<String>, RemoteError> {
        let names = match &self.select {
            None => {
                let mut tags = tags::tags(self.http().await?, self.repository()).await?;
                tags.sort();
                tags
            }
            Some(RefSelector::Name(name)) => vec![name.clone()],
            Some(RefSelector::AnyOf(names)) => names.clone(),
            Some(RefSelector::Digest(_)) => Vec::new(),
        };
        Ok(names)
    }

    /// Finds out what a tag points to, reading the manifest only when that is not known: a HEAD tells that it still is.
    /// None when the tag has gone.
    async fn look(&self, tag: &str) -> Result<Option<Tagged>, RemoteError> {
        let http = self.http().await?;
        let known = self.seen.lock().ok().and_then(|seen| seen.tags.get(tag).cloned());
        if known.is_some_and(|known| self.holds(known.digest)) {
            match manifests::head(http, self.repository(), tag).await? {
                Head::Absent => return Ok(None),
                Head::Points(tagged) if self.holds(tagged.digest) => {
                    let size = self.document(tagged.digest).map_or(tagged.size, |bytes| bytes.len() as u64);
                    return Ok(Some(self.note(tag, Tagged { size, ..tagged })));
                }
                Head::Points(_) | Head::Untold => {}
            }
        }
        let Some(manifest) = manifests::get(http, self.repository(), tag).await? else { return Ok(None) };
        let tagged = manifest.tagged();
        self.hold_manifest(&manifest);
        Ok(Some(self.note(tag, tagged)))
    }

    fn root(&self, names: Vec<String>, tagged: &Tagged) -> Root {
        let descriptor = Descriptor::sized(tagged.digest, &tagged.media_type, tagged.size);
        Root { facts: self.facts(), ..Root::new(names, descriptor) }
    }

    fn facts(&self) -> RootFacts {
        RootFacts { repository: Some(self.location.to_string()), ..RootFacts::default() }
    }

    /// Makes a root of a tag; none when it has gone. What is wrong with one tag alone is told of that one.
    async fn tag_root(&self, tag: String) -> Result<Option<Root>, RemoteError> {
        let why = if RegistryLocation::is_tag(&tag) {
            match self.look(&tag).await {
                Ok(tagged) => return Ok(tagged.map(|tagged| self.root(vec![tag], &tagged))),
                // Of one that was asked for, nothing else can be told.
                Err(error) if concerns_all(error.kind) || self.select.is_some() => return Err(error),
                Err(error) => error.causes.iter().fold(error.message.clone(), |all, cause| format!("{all}: {cause}")),
            }
        } else {
            "the registry tells a tag of a form that no build can name".to_owned()
        };
        let mut root = Root::new(vec![tag], Descriptor::named(DigestText::from("")));
        root.facts = RootFacts { unread: Some(why), ..self.facts() };
        Ok(Some(root))
    }
}

/// Tells whether a fault at one tag is one at all of them.
fn concerns_all(kind: RemoteKind) -> bool {
    match kind {
        RemoteKind::Unauthorized | RemoteKind::Forbidden | RemoteKind::Throttled => true,
        RemoteKind::NotFound | RemoteKind::Unsupported | RemoteKind::Unavailable | RemoteKind::BadAnswer => false,
    }
}

/// Makes an error of an answer that broke off, without the address: it may be signed.
fn broken_off(error: reqwest::Error) -> std::io::Error {
    std::io::Error::other(error.without_url())
}

#[async_trait]
impl CacheReader for RegistryCache {
    async fn roots(&self) -> Result<Roots, BackendError> {
        let (parts, mut told) = mpsc::channel(1);
        let ignoring = async { while told.recv().await.is_some() {} };
        let (roots, ()) = tokio::join!(self.roots_in_parts(parts), ignoring);
        roots
    }

    async fn roots_in_parts(&self, parts: mpsc::Sender<RootsPart>) -> Result<Roots, BackendError> {
        let place = self.location.to_string();
        if let (Some(kept), Ok(mut seen)) = (&self.kept, self.seen.lock())
            && seen.tags.is_empty()
        {
            seen.tags = kept.tags(&place);
        }
        let listed = self.list().await?;
        if let Some(RefSelector::Digest(digest)) = self.select {
            let manifest = manifests::get(self.http().await?, self.repository(), &digest.to_string()).await?;
            let manifest = manifest
                .ok_or_else(|| RemoteError::new(RemoteKind::NotFound, format!("{place}@{digest} does not exist")))?;
            self.hold_manifest(&manifest);
            let entries = vec![self.root(Vec::new(), &Tagged { digest, ..manifest.tagged() })];
            let _ = parts.send(RootsPart::Roots(entries.clone())).await;
            return Ok(Roots { entries, fingerprint: digest });
        }
        let (mut entries, mut told) = (Vec::new(), 0);
        // So many at a time: a look that waits for its turn takes room, too.
        for some in listed.chunks(LOOKS) {
            // Collected, because a closure over references inside of a stream keeps the whole future from being `Send`.
            let looks: Vec<_> = some.iter().map(|tag| self.tag_root(tag.clone())).collect();
            let mut looking = stream::iter(looks).buffered(self.access.concurrency.max(1));
            while let Some(root) = looking.next().await {
                entries.extend(root?);
                // The first one goes on at once, so that there is something to see.
                if entries.len() == 1 || entries.len() >= told + PART {
                    let part = entries.get(told..).unwrap_or_default().to_vec();
                    told = entries.len();
                    let _ = parts.send(RootsPart::Roots(part)).await;
                }
            }
        }
        if self.select.is_none() {
            let former = self.former(&entries).await;
            entries.extend(former);
        }
        let _ = parts.send(RootsPart::Roots(entries.get(told..).unwrap_or_default().to_vec())).await;
        if entries.is_empty() && self.select.is_some() {
            let names = listed.join(", ");
            let hint = format!("`cachelens ls {place}` lists the tags that there are");
            return Err(RemoteError::new(RemoteKind::NotFound, format!("{place}:{names} does not exist"))
                .hint(hint)
                .into());
        }
        if let Ok(mut seen) = self.seen.lock() {
            let there: HashSet<&str> = entries.iter().flat_map(|root| &root.names).map(String::as_str).collect();
            if self.select.is_none() {
                seen.tags.retain(|tag, _| there.contains(tag.as_str()));
            }
            seen.listed = listed;
        }
        self.keep_tags(&place).await;
        let told: Vec<String> =
            entries.iter().map(|root| format!("{}\0{}\n", root.name(), root.descriptor.digest)).collect();
        Ok(Roots { fingerprint: Digest::of(told.concat().as_bytes()), entries })
    }

    /// Each tag was read at one moment, so that only new ones and ones that have gone would make a difference.
    async fn still(&self, _fingerprint: Digest) -> Result<bool, BackendError> {
        if self.select.is_some() {
            return Ok(true);
        }
        let listed = self.list().await?;
        Ok(self.seen.lock().is_ok_and(|seen| seen.listed == listed))
    }

    async fn unseen(&self) -> Option<String> {
        self.seen.lock().ok()?.unseen.clone()
    }

    fn reads_all_refs(&self) -> bool {
        self.select.is_none()
    }

    fn unlisted(&self) -> Option<&'static str> {
        Some("a registry does not list its blobs")
    }

    fn asks_for_each(&self) -> bool {
        self.access.registry.verify_blobs
    }

    async fn missing_among(&self, blobs: Vec<Digest>) -> Result<Vec<Digest>, BackendError> {
        let http = self.http().await?;
        let known: HashSet<Digest> = self.seen.lock().map(|seen| seen.manifests.clone()).unwrap_or_default();
        let blobs = blobs.into_iter().filter(|digest| !known.contains(digest));
        let looks: Vec<_> = blobs
            .map(|digest| async move {
                let is_there = manifests::has_blob(http, self.repository(), digest).await?;
                Ok::<_, RemoteError>((!is_there).then_some(digest))
            })
            .collect();
        let missing: Vec<Option<Digest>> =
            stream::iter(looks).buffer_unordered(self.access.concurrency.max(1)).try_collect().await?;
        Ok(missing.into_iter().flatten().collect())
    }

    async fn list_objects(&self, _sender: ObjectSender, _cancel: CancellationToken) -> Result<(), BackendError> {
        Ok(())
    }

    async fn read_document(&self, digest: Digest, limit: u64) -> Result<Vec<u8>, ReadError> {
        let bytes = match self.document(digest) {
            Some(bytes) => bytes.to_vec(),
            None => self.fetch(digest, limit.min(DOCUMENT_LIMIT)).await?,
        };
        let size = bytes.len() as u64;
        if size > limit {
            return Err(ReadError::TooLarge { size, limit });
        }
        digest.check(&bytes).map_err(|found| ReadError::WrongBytes { found })?;
        if !self.seen.lock().is_ok_and(|seen| seen.documents.contains_key(&digest)) {
            self.note_children(&bytes);
            self.hold(digest, &bytes);
        }
        Ok(bytes)
    }

    async fn open_blob(&self, digest: Digest) -> Result<Box<dyn Read + Send>, ReadError> {
        let response = manifests::open_blob(self.http().await?, self.repository(), digest).await?;
        let response = response.ok_or(ReadError::Absent)?;
        let stream = response.bytes_stream().map_err(broken_off);
        let reader = SyncIoBridge::new(StreamReader::new(Box::pin(stream)));
        Ok(Box::new(Verified::new(reader, digest)))
    }

    async fn capabilities(&self) -> Capabilities {
        Capabilities {
            delete_ref: self.learned.lock().await.support(),
            delete_object: Support::No(prune::COLLECTION.to_owned()),
            way_back: WayBack::Part(prune::WAY_BACK),
            settling: SignedDuration::ZERO,
        }
    }

    async fn place(&self) -> Result<String, BackendError> {
        let location = Location::Registry(self.location.clone());
        Ok(format!("registry {}", Source { location, select: None, ignored: Vec::new() }))
    }

    async fn provenance(&self, ref_name: &str) -> Vec<Vec<u8>> {
        self.attested(ref_name).await.unwrap_or_default()
    }
}

impl RegistryCache {
    async fn keep_tags(&self, place: &str) {
        let Some(kept) = self.kept.clone() else { return };
        let Ok(tags) = self.seen.lock().map(|seen| seen.tags.clone()) else { return };
        let place = place.to_owned();
        // The disk is not waited for by anything else.
        let _ = tokio::task::spawn_blocking(move || {
            let mut all = kept.tags(&place);
            all.extend(tags);
            kept.put_tags(&place, &all);
        })
        .await;
    }
}
