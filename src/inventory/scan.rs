//! Builds an inventory from a reader: first the refs and the blobs they reference, then all stored
//! objects.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::{self, FuturesOrdered};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::blobs::BlobTable;
use super::resolve::{self, Resolved};
use super::trash::TrashTable;
use super::{Inventory, RefEntry, ScanProgress, StoreWarning};
use crate::backend::ListedRef;
use crate::backend::{
    BackendError, BlobAnswer, CacheReader, ListedRefs, ListedRefsPart, OtherKind, OtherObject,
    SharedReader, StoreEntry, StoreFacts, StoredObject, Unseen,
};
use crate::format::digest::{Digest, DigestText};
use crate::format::manifest::Descriptor;
use crate::source::RefSelector;
use crate::text::escape::visible;

mod refs;

use refs::{duplicate_names, entry, finish, inherit_dates};

/// The number of batches that may wait between the listing and the inventory.
const BATCHES_AHEAD: usize = 16;
/// The maximum number of times that refs are read when they change during a scan.
const MOST_PASSES: usize = 3;
/// The number of refs without a manifest that are named.
const MOST_WITHOUT_MANIFEST: usize = 64;
/// The number of prefixes of other caches that a warning names.
const MOST_PREFIXES: usize = 5;

/// Options of a scan.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    /// The number of documents to read at once.
    pub concurrency: usize,
    pub cancel: CancellationToken,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self {
            concurrency: 8,
            cancel: CancellationToken::new(),
        }
    }
}

/// Why there is no inventory.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The store could not be read.
    #[error(transparent)]
    Backend(#[from] BackendError),
    #[error("the scan was cancelled")]
    Cancelled,
}

/// Scans a store. `observe` receives the growing inventory after each batch.
///
/// The refs are read first, so the state of each object is known as soon as it is listed. If the
/// refs have changed by the end, the scan starts again, up to a few times.
///
/// # Errors
/// Fails if the refs or the listing cannot be read. An unreadable ref is not an error; it is part
/// of the inventory, with its fault.
pub async fn scan(
    reader: &SharedReader,
    options: &ScanOptions,
    mut observe: impl FnMut(&Inventory) + Send,
) -> Result<Inventory, ScanError> {
    for _ in 1..MOST_PASSES {
        let (inventory, fingerprint) = scan_once(reader, options, &mut observe).await?;
        if reader.still(fingerprint).await? {
            return Ok(inventory);
        }
    }
    let (mut inventory, fingerprint) = scan_once(reader, options, &mut observe).await?;
    if !reader.still(fingerprint).await? {
        inventory.warnings.push(StoreWarning::KeepsChanging);
    }
    Ok(inventory)
}

async fn scan_once(
    reader: &SharedReader,
    options: &ScanOptions,
    observe: &mut (impl FnMut(&Inventory) + Send),
) -> Result<(Inventory, Digest), ScanError> {
    let (sender, mut batches) = mpsc::channel(BATCHES_AHEAD);
    // Dropping the guard ends a listing that is no longer needed.
    let cancel = options.cancel.child_token();
    let _guard = cancel.clone().drop_guard();
    // The listing is at least as new as the refs. Its first batches are collected while the refs
    // are followed.
    let lister = Arc::clone(reader);
    let list = async move { lister.abilities().list_objects(sender, cancel).await };
    let list = move || tokio::spawn(list);
    let (mut inventory, listed_refs, listing) =
        named_in_parts(&**reader, options, observe, list).await?;
    inventory.fingerprint = Some(listed_refs.fingerprint);
    observe(&inventory);

    let mut others = Others::default();
    loop {
        tokio::select! {
            () = options.cancel.cancelled() => return Err(ScanError::Cancelled),
            batch = batches.recv() => match batch {
                Some(batch) => others.add(&mut inventory.blobs, batch),
                None => break,
            },
        }
        observe(&inventory);
    }
    listing.await.map_err(|_| BackendError::Interrupted)??;
    if options.cancel.is_cancelled() {
        return Err(ScanError::Cancelled);
    }
    let facts = reader.facts().await;
    if facts.unlisted.is_some() {
        presume_stored(&**reader, facts.asks_for_each, &mut inventory).await?;
    }
    add_facts(&mut inventory, facts);
    others.move_into(&mut inventory);
    inventory.progress = ScanProgress::Complete;
    finish(&mut inventory);
    inherit_dates(&mut inventory);
    observe(&inventory);
    Ok((inventory, listed_refs.fingerprint))
}

/// Adds the facts of a store to its inventory.
fn add_facts(inventory: &mut Inventory, facts: StoreFacts) {
    inventory.unlisted = facts.unlisted;
    match facts.unseen {
        Some(Unseen::Never(what)) => inventory.unseen = Some(what.into()),
        Some(Unseen::Part(what)) => {
            inventory.unseen = Some(what.as_str().into());
            inventory.warnings.push(StoreWarning::Part(what));
        }
        None => {}
    }
    let without_manifest = facts.without_manifest.iter().take(MOST_WITHOUT_MANIFEST);
    let warnings =
        without_manifest.map(|name| StoreWarning::WithoutManifest(visible(name).into_owned()));
    inventory.warnings.extend(warnings);
    inventory.unlisted_versions = facts.unlisted_versions;
    inventory.surroundings = facts.surroundings;
    if let Some(bucket) = inventory.surroundings.bucket()
        && !bucket.elsewhere.is_empty()
    {
        let prefixes = bucket.elsewhere.iter().take(MOST_PREFIXES);
        let prefixes: Vec<_> = prefixes.map(|prefix| visible(prefix)).collect();
        inventory
            .warnings
            .push(StoreWarning::Elsewhere(prefixes.join(", ")));
    }
    let refs = inventory.refs.iter();
    let touched = refs.filter(|entry| entry.withheld().is_none()).count();
    if inventory.surroundings.quota().is_some() && touched > 0 {
        inventory.warnings.push(StoreWarning::Touched(touched));
    }
}

/// For a store that cannot list its objects, counts referenced blobs as stored, except those that
/// the store reported as absent.
async fn presume_stored(
    reader: &dyn CacheReader,
    asks_for_each: bool,
    inventory: &mut Inventory,
) -> Result<(), BackendError> {
    let faults = inventory
        .refs
        .iter()
        .flat_map(|entry| &entry.faults)
        .filter(|fault| fault.is_absence());
    let mut absent: HashSet<Digest> = faults
        .filter_map(|fault| fault.subject.parse().ok())
        .collect();
    let named: Vec<(Digest, Option<u64>)> = inventory
        .blobs
        .iter()
        .filter(|blob| !blob.is_foreign())
        .map(|blob| (blob.digest(), blob.size()))
        .collect();
    let mut sizes: HashMap<Digest, u64> = HashMap::new();
    if asks_for_each {
        let asked = named
            .iter()
            .map(|(digest, _)| *digest)
            .filter(|digest| !absent.contains(digest))
            .collect();
        inventory.asked_for_each = true;
        for (digest, answer) in reader.abilities().ask_for(asked).await? {
            match answer {
                BlobAnswer::Absent => {
                    absent.insert(digest);
                }
                BlobAnswer::Stored { size: Some(size) } => {
                    sizes.insert(digest, size);
                }
                BlobAnswer::Stored { size: None } => {}
            }
        }
    }
    for (digest, size) in named
        .into_iter()
        .filter(|(digest, _)| !absent.contains(digest))
    {
        let size = sizes.get(&digest).copied().or(size);
        inventory
            .blobs
            .store(digest, size.unwrap_or_default(), None);
    }
    Ok(())
}

/// The objects that are not blobs.
#[derive(Default)]
struct Others {
    partial: Vec<OtherObject>,
    trash: TrashTable,
    unknown: Vec<OtherObject>,
    entries: Vec<StoreEntry>,
}

impl Others {
    fn add(&mut self, blobs: &mut BlobTable, batch: Vec<StoredObject>) {
        for object in batch {
            match object {
                StoredObject::Blob {
                    digest,
                    size,
                    modified,
                } => {
                    blobs.store(digest, size, modified);
                }
                StoredObject::Partial(object) => self.partial.push(object),
                StoredObject::Trashed(object) => self.trash.push(object),
                StoredObject::Unknown(object) => self.unknown.push(object),
                StoredObject::Entry(entry) => self.entries.push(entry),
            }
        }
    }

    /// Moves the objects to an inventory, sorted by name.
    fn move_into(mut self, inventory: &mut Inventory) {
        self.entries.sort_by(|a, b| a.name.cmp(&b.name));
        self.partial.sort_by(|a, b| a.name.cmp(&b.name));
        self.unknown.sort_by(|a, b| a.name.cmp(&b.name));
        let objects = self.partial.iter().chain(&self.unknown);
        let unlisted = objects.filter(|object| object.kind == OtherKind::Unlisted);
        inventory.warnings.extend(
            unlisted.map(|object| StoreWarning::Unlisted(visible(&object.name).into_owned())),
        );
        inventory.entries = Arc::new(self.entries);
        inventory.partial = Arc::new(self.partial);
        inventory.unknown = Arc::new(self.unknown);
        inventory.trash = Arc::new(self.trash.sorted());
    }
}

/// The refs that a scan has read so far.
#[derive(Default)]
struct GrowingRefs {
    refs: Vec<RefEntry>,
    /// How many of them the last snapshot has.
    shown: usize,
}

impl GrowingRefs {
    /// Returns a snapshot, if enough refs came since the last one. The steps grow, so that all
    /// snapshots together cost no more than the whole.
    fn snapshot(&mut self) -> Option<Arc<Vec<RefEntry>>> {
        let is_due = self.refs.len() > self.shown + self.shown / 2;
        is_due.then(|| {
            self.shown = self.refs.len();
            Arc::new(self.refs.clone())
        })
    }
}

/// Reads the refs of a store and everything they reference, like [`named`]. `observe` receives the
/// refs read so far. `list` is called when the refs have settled, at the latest when all are
/// known.
async fn named_in_parts<T>(
    reader: &dyn CacheReader,
    options: &ScanOptions,
    observe: &mut (impl FnMut(&Inventory) + Send),
    list: impl FnOnce() -> T + Send,
) -> Result<(Inventory, ListedRefs, T), ScanError> {
    let (sender, mut parts) = mpsc::channel::<ListedRefsPart>(1);
    let mut reading = reader.list_refs(sender);
    let mut list = Some(list);
    let mut listing = None;
    let mut read = None;
    let mut waiting = VecDeque::new();
    let mut resolving = FuturesOrdered::new();
    let mut inventory = Inventory::default();
    if !reader.facts().await.reads_all_refs {
        inventory.blobs.leave_refs_unread();
    }
    let mut growing = GrowingRefs::default();
    let mut ended = false;
    loop {
        while resolving.len() < options.concurrency.max(1)
            && let Some(listed_ref) = waiting.pop_front()
        {
            resolving.push_back(resolve_one(reader, listed_ref));
        }
        if ended && resolving.is_empty() && read.is_some() {
            break;
        }
        tokio::select! {
            () = options.cancel.cancelled() => return Err(ScanError::Cancelled),
            listed_refs = &mut reading, if read.is_none() => {
                read = Some(listed_refs?);
                if let Some(list) = list.take() {
                    listing = Some(list());
                }
            }
            part = parts.recv(), if !ended => match part {
                Some(ListedRefsPart::Refs(listed_refs)) => waiting.extend(listed_refs),
                Some(ListedRefsPart::Settled) => {
                    if let Some(list) = list.take() {
                        listing = Some(list());
                    }
                }
                None => ended = true,
            },
            Some((listed_ref, resolved)) = resolving.next() => {
                growing.refs.push(entry(&listed_ref, resolved, &mut inventory.blobs));
                if read.is_none() && let Some(refs) = growing.snapshot() {
                    inventory.refs = refs;
                    observe(&inventory);
                }
            }
        }
    }
    let (listed_refs, listing) = read.zip(listing).ok_or(BackendError::Interrupted)?;
    inventory.warnings = duplicate_names(&listed_refs.entries);
    inventory.refs = Arc::new(growing.refs);
    Ok((inventory, listed_refs, listing))
}

async fn resolve_one(reader: &dyn CacheReader, listed_ref: ListedRef) -> (ListedRef, Resolved) {
    let resolved = resolve::resolve(reader, &listed_ref, |_| ()).await;
    (listed_ref, resolved)
}

/// Adds the ref with the selected manifest, where the store has the manifest and lists no ref with
/// it: a directory keeps the manifests of earlier exports, and a build imports them by digest.
///
/// # Errors
/// Fails if cancelled.
pub async fn with_selected(
    reader: &dyn CacheReader,
    inventory: Inventory,
    select: Option<&RefSelector>,
    options: &ScanOptions,
) -> Result<Inventory, ScanError> {
    let Some(RefSelector::Digest(digest)) = select else {
        return Ok(inventory);
    };
    let is_listed = |entry: &RefEntry| entry.digest().valid() == Some(*digest);
    let stored = inventory.blobs.find(digest);
    let is_stored = stored.is_some_and(|id| inventory.blobs.get(id).is_stored());
    if inventory.refs.iter().any(is_listed) || !is_stored {
        return Ok(inventory);
    }
    let descriptor = Descriptor::named(DigestText::Valid(*digest));
    let listed_refs = [ListedRef::new(Vec::new(), descriptor)];
    with_refs(reader, &inventory, &listed_refs, options).await
}

/// Returns an inventory with more refs: what `listed_refs` point to, in their order, after the
/// known ones. The state of blobs is that of the inventory.
///
/// # Errors
/// Fails if cancelled.
pub async fn with_refs(
    reader: &dyn CacheReader,
    inventory: &Inventory,
    listed_refs: &[ListedRef],
    options: &ScanOptions,
) -> Result<Inventory, ScanError> {
    let mut inventory = inventory.clone();
    let refs = read_refs(reader, listed_refs, options, &mut inventory.blobs).await?;
    Arc::make_mut(&mut inventory.refs).extend(refs);
    finish(&mut inventory);
    Ok(inventory)
}

/// Reads refs and everything they reference, several at once, without a listing: the inventory
/// shows which blobs are referenced, but not which are stored.
///
/// # Errors
/// Fails if cancelled.
pub async fn named(
    reader: &dyn CacheReader,
    listed_refs: &[ListedRef],
    options: &ScanOptions,
) -> Result<Inventory, ScanError> {
    let mut inventory = Inventory {
        warnings: duplicate_names(listed_refs),
        ..Inventory::default()
    };
    let refs = read_refs(reader, listed_refs, options, &mut inventory.blobs).await?;
    inventory.refs = Arc::new(refs);
    Ok(inventory)
}

/// Reads refs and everything they reference, several at once, and adds the blobs to a table.
async fn read_refs(
    reader: &dyn CacheReader,
    listed_refs: &[ListedRef],
    options: &ScanOptions,
    blobs: &mut BlobTable,
) -> Result<Vec<RefEntry>, ScanError> {
    let mut refs = Vec::with_capacity(listed_refs.len());
    // Collected, because a closure over references inside a stream prevents the whole future from
    // being `Send`.
    let resolved: Vec<_> = listed_refs
        .iter()
        .map(|listed_ref| async move {
            (
                listed_ref,
                resolve::resolve(reader, listed_ref, |_| ()).await,
            )
        })
        .collect();
    let mut resolving = stream::iter(resolved).buffered(options.concurrency.max(1));
    while let Some((listed_ref, resolved)) = resolving.next().await {
        if options.cancel.is_cancelled() {
            return Err(ScanError::Cancelled);
        }
        refs.push(entry(listed_ref, resolved, blobs));
    }
    Ok(refs)
}
