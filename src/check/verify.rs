//! Reads blobs completely, to check whether their bytes match their digests.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{CheckOptions, CheckProgress};
use crate::backend::{ReadError, SharedReader};
use crate::format::digest::Digest;
use crate::inventory::blobs::{BlobId, BlobRole};
use crate::inventory::{Inventory, RefId};

/// The number of bytes per read.
const CHUNK: usize = 256 << 10;

/// The results of reading blobs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadBlobs {
    /// The number of blobs that match their digests.
    pub sound: u64,
    pub faults: Vec<(BlobId, BlobFault)>,
}

/// The fault of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobFault {
    /// It does not exist.
    Absent,
    /// Its bytes do not match its digest.
    WrongBytes,
    /// It could not be read, with the reason.
    Unreadable(String),
}

/// The bytes that were read so far.
#[derive(Default)]
struct PassedBytes {
    bytes: AtomicU64,
    /// Notified of more of them.
    more: Notify,
}

/// Reads the blobs that the refs reach, each once, several at once; returns `None` if cancelled.
///
/// Skips blobs that are known to be missing or to have the wrong size, and manifests and
/// configurations, which the scan has already read.
pub(super) async fn read(
    reader: &SharedReader,
    inventory: &Inventory,
    refs: &[RefId],
    options: &CheckOptions,
    observe: &mut (impl FnMut(CheckProgress) + Send),
) -> Option<ReadBlobs> {
    let entries = refs.iter().filter_map(|id| inventory.get_ref(*id));
    let mut reached: Vec<BlobId> = entries
        .flat_map(|entry| entry.reach.iter().copied())
        .collect();
    reached.sort_unstable();
    reached.dedup();
    reached.retain(|id| {
        let blob = inventory.blobs.get(*id);
        let is_document = match blob.role() {
            BlobRole::Manifest
            | BlobRole::Index
            | BlobRole::CacheConfig
            | BlobRole::ImageConfig => true,
            BlobRole::Layer | BlobRole::Other | BlobRole::Unnamed => false,
        };
        blob.is_stored() && !blob.is_resized() && !is_document
    });
    let all = reached.iter().fold(0, |sum: u64, id| {
        sum.saturating_add(inventory.blobs.get(*id).stored_size())
    });
    let passed = Arc::new(PassedBytes::default());
    let reading: Vec<_> = reached
        .into_iter()
        .map(|id| {
            let digest = inventory.blobs.get(id).digest();
            let reader = Arc::clone(reader);
            let passed = Arc::clone(&passed);
            let cancel = options.cancel.clone();
            async move { (id, one(&reader, digest, passed, cancel).await) }
        })
        .collect();
    let mut reading = stream::iter(reading).buffer_unordered(options.concurrency.max(1));
    let mut found = ReadBlobs::default();
    loop {
        tokio::select! {
            () = options.cancel.cancelled() => return None,
            next = reading.next() => match next {
                Some((_, None)) => found.sound += 1,
                Some((id, Some(fault))) => found.faults.push((id, fault)),
                None => break,
            },
            // A large blob takes minutes.
            () = passed.more.notified() => {}
        }
        observe(CheckProgress::Blobs {
            read: passed.bytes.load(Ordering::Relaxed),
            all,
        });
    }
    found.faults.sort_unstable_by_key(|(id, _)| *id);
    Some(found)
}

async fn one(
    reader: &SharedReader,
    digest: Digest,
    passed: Arc<PassedBytes>,
    cancel: CancellationToken,
) -> Option<BlobFault> {
    let blob = match reader.open_blob(digest).await {
        Ok(blob) => blob,
        Err(ReadError::Absent) => return Some(BlobFault::Absent),
        Err(ReadError::WrongBytes { .. }) => return Some(BlobFault::WrongBytes),
        Err(error) => return Some(BlobFault::Unreadable(error.to_string())),
    };
    match tokio::task::spawn_blocking(move || to_the_end(blob, &passed, &cancel)).await {
        Ok(Ok(())) => None,
        // The hashing reader reports a mismatch by this error.
        Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => Some(BlobFault::WrongBytes),
        Ok(Err(error)) => Some(BlobFault::Unreadable(error.to_string())),
        Err(_) => Some(BlobFault::Unreadable("interrupted".to_owned())),
    }
}

fn to_the_end(
    mut blob: Box<dyn Read + Send>,
    passed: &PassedBytes,
    cancel: &CancellationToken,
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    while !cancel.is_cancelled() {
        match blob.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                passed.bytes.fetch_add(count as u64, Ordering::Relaxed);
                passed.more.notify_one();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("cancelled"))
}
