//! Lists the files of a layer while its blob is read.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{CacheReader, ReadError};
use crate::format::digest::Digest;
use crate::format::layer::{self, LayerError, LayerLimits, TarEntry};

/// Why a layer that the store does not have cannot be read.
pub const NOT_STORED: &str = "the layer is not stored";

/// How much of a layer is listed: about as much as a person looks through.
pub(super) const LIMITS: LayerLimits = LayerLimits {
    entries: 500_000,
    bytes: 32 << 30,
    path: 4096,
};
/// The number of files in a full batch.
const BATCH: usize = 4096;
/// The time after which a partial batch is sent.
const PATIENCE: Duration = Duration::from_millis(100);

/// Lists the files of the layer `digest`, and passes them to `each` in batches.
///
/// # Errors
/// Returns a sentence that says why the listing is incomplete. The part before is correct.
pub async fn list(
    reader: &dyn CacheReader,
    digest: Digest,
    cancel: CancellationToken,
    mut each: impl FnMut(Arc<Vec<TarEntry>>) + Send + 'static,
) -> Result<(), String> {
    let mut blob = reader
        .open_blob(digest)
        .await
        .map_err(|error| match error {
            ReadError::Absent => NOT_STORED.to_owned(),
            error => format!("the layer cannot be read: {error}"),
        })?;
    let work = move || {
        let mut batch = Vec::new();
        let mut handed = Instant::now();
        let end = layer::list(&mut blob, &LIMITS, |entry| {
            batch.push(entry);
            if batch.len() == BATCH || handed.elapsed() > PATIENCE {
                each(Arc::new(std::mem::take(&mut batch)));
                handed = Instant::now();
            }
            if cancel.is_cancelled() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        if !batch.is_empty() {
            each(Arc::new(batch));
        }
        match end {
            // The digest is checked at the end of the blob.
            Ok(ControlFlow::Continue(())) => match io::copy(&mut blob, &mut io::sink()) {
                Ok(_) => Ok(()),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    Err(WRONG_BYTES.to_owned())
                }
                Err(error) => Err(format!("the layer cannot be read to its end: {error}")),
            },
            Ok(ControlFlow::Break(())) => Err("the listing was stopped".to_owned()),
            Err(error) => Err(failed(&error)),
        }
    };
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err("the listing was interrupted".to_owned()))
}

const WRONG_BYTES: &str = "the layer is damaged: its bytes are not those of its digest";

/// Returns an error with its causes as text.
pub(super) fn failed(error: &LayerError) -> String {
    match error {
        LayerError::Read(source) if source.kind() == io::ErrorKind::InvalidData => {
            WRONG_BYTES.to_owned()
        }
        LayerError::Read(source) => format!("{error}: {source}"),
        _ => error.to_string(),
    }
}
