//! Lists everything in a store: blobs and unfinished uploads.

use std::fs::{self, Metadata};
use std::path::Path;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::walk;
use crate::backend::{BackendError, ObjectSender, OtherKind, OtherObject, StoredObject};
use crate::format::digest::Digest;

/// The number of blobs in one batch.
const BATCH: usize = 512;

/// Sends everything that `store` holds.
pub(super) fn list(
    store: &Path,
    sender: &ObjectSender,
    cancel: &CancellationToken,
) -> Result<(), BackendError> {
    let mut batch: Vec<StoredObject> = walk::uploads(&store.join("repositories"))?
        .iter()
        .filter_map(|upload| partial(store, upload))
        .collect();
    for algorithm in walk::folders(&store.join("blobs"))? {
        for prefix in walk::folders(&algorithm.path())? {
            for blob in walk::folders(&prefix.path())? {
                let algorithm = algorithm.file_name();
                let hex = blob.file_name();
                let names = algorithm.to_str().zip(hex.to_str());
                let digest =
                    names.and_then(|(algorithm, hex)| Digest::from_parts(algorithm, hex).ok());
                // The registry collected the blob since.
                let data = fs::symlink_metadata(blob.path().join("data"))
                    .ok()
                    .filter(Metadata::is_file);
                if let Some((digest, data)) = digest.zip(data) {
                    batch.push(StoredObject::Blob {
                        digest,
                        size: data.len(),
                        modified: modified(&data),
                    });
                }
                if batch.len() >= BATCH && sender.blocking_send(std::mem::take(&mut batch)).is_err()
                {
                    return Ok(());
                }
            }
            if cancel.is_cancelled() {
                return Ok(());
            }
        }
    }
    // A send error means the receiver is gone.
    let _ = sender.blocking_send(batch);
    Ok(())
}

/// Describes an unfinished upload, whose bytes are in one file.
fn partial(store: &Path, upload: &Path) -> Option<StoredObject> {
    let name = upload
        .strip_prefix(store)
        .unwrap_or(upload)
        .to_string_lossy()
        .into_owned();
    let data = fs::symlink_metadata(upload.join("data"))
        .or_else(|_| fs::symlink_metadata(upload))
        .ok()?;
    let size = if data.is_file() { data.len() } else { 0 };
    Some(StoredObject::Partial(OtherObject {
        name,
        kind: OtherKind::Upload,
        size,
        modified: modified(&data),
    }))
}

fn modified(data: &Metadata) -> Option<Timestamp> {
    data.modified()
        .ok()
        .and_then(|time| Timestamp::try_from(time).ok())
}
