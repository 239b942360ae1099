//! Builds an inventory from a reader: the roots and what they name first, then everything that is stored.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::{self, FuturesOrdered};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::blobs::BlobTable;
use super::resolve::{self, Resolved};
use super::{Inventory, Progress, RecordCounts, RefEntry, RefSizes, StoreWarning};
use crate::backend::{
    BackendError, CacheReader, OtherKind, OtherObject, Roots, RootsPart, SharedReader, StoreEntry, StoredObject,
};
use crate::format::digest::Digest;
use crate::format::layout::Root;
use crate::format::text::visible;

/// How many batches may wait between the listing and the inventory.
const BATCHES_AHEAD: usize = 16;
/// How often the roots are read again when they have changed during a scan.
const MOST_PASSES: usize = 3;

/// How a scan goes about its work.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    /// How many documents are read at once.
    pub concurrency: usize,
    /// Ends the scan early.
    pub cancel: CancellationToken,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self { concurrency: 8, cancel: CancellationToken::new() }
    }
}

/// Says why there is no inventory.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The store could not be read.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// Somebody cancelled the scan.
    #[error("the scan was cancelled")]
    Cancelled,
}

/// Scans a store. `observe` sees the inventory grow, after each batch.
///
/// The roots are read first, so that each object's state is known as it comes; when they turn out to have changed by the
/// end, the scan begins anew, a few times.
///
/// # Errors
/// When the roots or the listing cannot be read. A ref that cannot be read is part of the inventory, with its fault.
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
    // Dropping the guard ends a listing that nobody waits for any more.
    let cancel = options.cancel.child_token();
    let _guard = cancel.clone().drop_guard();
    // What is listed is at least as new as the roots. Its first batches are collected while these are followed.
    let lister = Arc::clone(reader);
    let list = move || tokio::spawn(async move { lister.list_objects(sender, cancel).await });
    let (mut inventory, roots, listing) = named_in_parts(&**reader, options, observe, list).await?;
    inventory.fingerprint = Some(roots.fingerprint);
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
    if let Some(why) = reader.unlisted() {
        presume_stored(&**reader, &mut inventory).await?;
        inventory.unlisted = Some(why);
    }
    inventory.unseen = reader.unseen().await.map(Into::into);
    others.entries.sort_by(|a, b| a.name.cmp(&b.name));
    inventory.entries = Arc::new(std::mem::take(&mut others.entries));
    inventory.around = reader.surroundings().await.map(Arc::new);
    inventory.bucket = reader.bucket().await.map(Arc::new);
    if let Some(bucket) = inventory.bucket.as_ref().filter(|bucket| !bucket.elsewhere.is_empty()) {
        let prefixes: Vec<_> = bucket.elsewhere.iter().take(5).map(|prefix| visible(prefix)).collect();
        inventory.warnings.push(StoreWarning::Elsewhere(prefixes.join(", ")));
    }
    let touched = inventory.refs.iter().filter(|entry| entry.sealed().is_none()).count();
    if inventory.around.is_some() && touched > 0 {
        inventory.warnings.push(StoreWarning::Touched(touched));
    }
    let [partial, trash, unknown] = [others.partial, others.trash, others.unknown].map(|mut objects| {
        objects.sort_by(|a, b| a.name.cmp(&b.name));
        Arc::new(objects)
    });
    let unlisted = partial.iter().chain(&*unknown).filter(|object| object.kind == OtherKind::Unlisted);
    inventory.warnings.extend(unlisted.map(|object| StoreWarning::Unlisted(visible(&object.name).into_owned())));
    (inventory.partial, inventory.trash, inventory.unknown) = (partial, trash, unknown);
    inventory.progress = Progress::Complete;
    finish(&mut inventory);
    observe(&inventory);
    Ok((inventory, roots.fingerprint))
}

/// Counts what is named as stored, in a store that lists nothing, except for what it said it does not hold.
async fn presume_stored(reader: &dyn CacheReader, inventory: &mut Inventory) -> Result<(), BackendError> {
    let faults = inventory.refs.iter().flat_map(|entry| &entry.faults).filter(|fault| fault.is_absence());
    let mut absent: HashSet<Digest> = faults.filter_map(|fault| fault.subject.parse().ok()).collect();
    let named: Vec<(Digest, Option<u64>)> = inventory.blobs.iter().map(|blob| (blob.digest(), blob.size())).collect();
    if reader.asks_for_each() {
        let asked = named.iter().map(|(digest, _)| *digest).filter(|digest| !absent.contains(digest)).collect();
        inventory.asked_for_each = true;
        absent.extend(reader.missing_among(asked).await?);
    }
    for (digest, size) in named.into_iter().filter(|(digest, _)| !absent.contains(digest)) {
        inventory.blobs.store(digest, size.unwrap_or_default(), None);
    }
    Ok(())
}

/// What is no blob.
#[derive(Default)]
struct Others {
    partial: Vec<OtherObject>,
    trash: Vec<OtherObject>,
    unknown: Vec<OtherObject>,
    entries: Vec<StoreEntry>,
}

impl Others {
    fn add(&mut self, blobs: &mut BlobTable, batch: Vec<StoredObject>) {
        for object in batch {
            match object {
                StoredObject::Blob { digest, size, modified } => {
                    blobs.store(digest, size, modified);
                }
                StoredObject::Partial(object) => self.partial.push(object),
                StoredObject::Trashed(object) => self.trash.push(object),
                StoredObject::Unknown(object) => self.unknown.push(object),
                StoredObject::Entry(entry) => self.entries.push(entry),
            }
        }
    }
}

/// Reads the roots of a store and everything that they name, as [`named`] does. `observe` sees those that have come so far;
/// `list` is called when the roots have settled, at the latest when all are known.
async fn named_in_parts<T>(
    reader: &dyn CacheReader,
    options: &ScanOptions,
    observe: &mut (impl FnMut(&Inventory) + Send),
    list: impl FnOnce() -> T + Send,
) -> Result<(Inventory, Roots, T), ScanError> {
    let (sender, mut parts) = mpsc::channel::<RootsPart>(1);
    let mut reading = reader.roots_in_parts(sender);
    let (mut list, mut listing, mut read, mut waiting) = (Some(list), None, None, VecDeque::new());
    let mut resolving = FuturesOrdered::new();
    let mut inventory = Inventory::default();
    if !reader.reads_all_refs() {
        inventory.blobs.leave_refs_unread();
    }
    let (mut refs, mut shown) = (Vec::new(), 0);
    let mut ended = false;
    loop {
        while resolving.len() < options.concurrency.max(1)
            && let Some(root) = waiting.pop_front()
        {
            resolving.push_back(resolve_one(reader, root));
        }
        if ended && resolving.is_empty() && read.is_some() {
            break;
        }
        tokio::select! {
            () = options.cancel.cancelled() => return Err(ScanError::Cancelled),
            roots = &mut reading, if read.is_none() => {
                read = Some(roots?);
                if let Some(list) = list.take() {
                    listing = Some(list());
                }
            }
            part = parts.recv(), if !ended => match part {
                Some(RootsPart::Roots(roots)) => waiting.extend(roots),
                Some(RootsPart::Settled) => {
                    if let Some(list) = list.take() {
                        listing = Some(list());
                    }
                }
                None => ended = true,
            },
            Some((root, resolved)) = resolving.next() => {
                refs.push(entry(&root, resolved, &mut inventory.blobs));
                // More and more at a time, so that all looks together cost no more than the whole.
                if read.is_none() && refs.len() > shown + shown / 2 {
                    shown = refs.len();
                    inventory.refs = Arc::new(refs.clone());
                    observe(&inventory);
                }
            }
        }
    }
    let (roots, listing) = read.zip(listing).ok_or(BackendError::Interrupted)?;
    inventory.warnings = duplicate_names(&roots.entries);
    inventory.refs = Arc::new(refs);
    Ok((inventory, roots, listing))
}

async fn resolve_one(reader: &dyn CacheReader, root: Root) -> (Root, Resolved) {
    let resolved = resolve::resolve(reader, &root, |_| ()).await;
    (root, resolved)
}

/// Reads roots and everything that they name, several at once, and lists nothing: the inventory tells what is named, and
/// not what is stored.
///
/// # Errors
/// When somebody cancels it.
pub async fn named(reader: &dyn CacheReader, roots: &[Root], options: &ScanOptions) -> Result<Inventory, ScanError> {
    let mut inventory = Inventory { warnings: duplicate_names(roots), ..Inventory::default() };
    let mut refs = Vec::with_capacity(roots.len());
    // Collected, because a closure over references inside of a stream keeps the whole future from being `Send`.
    let resolved: Vec<_> =
        roots.iter().map(|root| async move { (root, resolve::resolve(reader, root, |_| ()).await) }).collect();
    let mut resolving = stream::iter(resolved).buffered(options.concurrency.max(1));
    while let Some((root, resolved)) = resolving.next().await {
        if options.cancel.is_cancelled() {
            return Err(ScanError::Cancelled);
        }
        refs.push(entry(root, resolved, &mut inventory.blobs));
    }
    inventory.refs = Arc::new(refs);
    Ok(inventory)
}

fn duplicate_names(roots: &[Root]) -> Vec<StoreWarning> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for name in roots.iter().flat_map(|root| &root.names) {
        *counts.entry(name).or_default() += 1;
    }
    let mut names: Vec<(&str, usize)> = counts.into_iter().filter(|(_, count)| *count > 1).collect();
    names.sort_unstable();
    let warning = |(name, count)| StoreWarning::DuplicateName { name: visible(name).into_owned(), count };
    names.into_iter().map(warning).collect()
}

fn entry(root: &Root, resolved: Resolved, blobs: &mut BlobTable) -> RefEntry {
    let mut reach: Vec<_> =
        resolved.named.iter().map(|named| blobs.name(named.digest, named.size, named.role)).collect();
    reach.sort_unstable();
    reach.dedup();
    for id in &reach {
        blobs.add_ref(*id);
    }
    RefEntry {
        root: root.clone(),
        name: root.name(),
        aliases: root.names.iter().skip(1).cloned().collect(),
        tagged: !root.names.is_empty(),
        kind: resolved.kind(),
        created: resolved.created(),
        modified: root.facts.modified,
        layers: resolved.layers,
        records: None,
        reach: reach.into_boxed_slice(),
        sizes: RefSizes::default(),
        platforms: resolved.platforms,
        faults: resolved.faults,
        caches: resolved.caches,
    }
}

/// Fills in what only the whole listing tells: sizes, states of records, times of manifests.
fn finish(inventory: &mut Inventory) {
    let blobs = &inventory.blobs;
    for entry in Arc::make_mut(&mut inventory.refs) {
        let is_stored = |digest: Digest| blobs.find(&digest).is_some_and(|id| blobs.get(id).is_stored());
        for fault in &mut entry.faults {
            // A document that came during the scan has not been read, which is not the same as not being there.
            if fault.is_absence() && fault.subject.parse().is_ok_and(is_stored) {
                fault.came_late();
            }
        }
        entry.sizes = sizes(&entry.reach, blobs);
        let own = entry.facts().bytes;
        entry.sizes.bytes = entry.sizes.bytes.saturating_add(own);
        entry.sizes.exclusive_bytes = entry.sizes.exclusive_bytes.map(|bytes| bytes.saturating_add(own));
        let stored = entry.digest().valid().and_then(|digest| blobs.find(&digest));
        let stored = stored.and_then(|id| blobs.get(id).modified());
        entry.modified = entry.facts().modified.or(stored);
        let counts = entry.caches.iter().map(|cache| cache.counts(blobs));
        entry.records = counts.reduce(RecordCounts::plus);
    }
}

fn sizes(reach: &[super::BlobId], blobs: &BlobTable) -> RefSizes {
    let mut sizes = RefSizes::default();
    let mut exclusive_bytes = 0_u64;
    for blob in reach.iter().map(|id| blobs.get(*id)) {
        if blob.is_stored() {
            sizes.bytes = sizes.bytes.saturating_add(blob.stored_size());
            sizes.resized_blobs += u64::from(blob.is_resized());
            if blob.refs() == 1 {
                exclusive_bytes = exclusive_bytes.saturating_add(blob.stored_size());
            }
        } else {
            sizes.missing_blobs += 1;
            sizes.missing_bytes = sizes.missing_bytes.saturating_add(blob.size().unwrap_or_default());
        }
    }
    sizes.exclusive_bytes = blobs.knows_all_refs().then_some(exclusive_bytes);
    sizes
}
