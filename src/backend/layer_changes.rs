//! Compares a layer with the layers below it, which are read one after the other.

use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::CacheReader;
use super::layer_content::{STOPPED, open};
use super::layer_files::{LIMITS, NOT_STORED, failed};
use crate::format::digest::{Digest, DigestText};
use crate::format::layer::changes::{LayerChanges, LayerComparison};
use crate::format::layer::tree::FileTree;
use crate::format::layer::{LayerError, LayerLimits};

/// The time between two reports of progress.
const PATIENCE: Duration = Duration::from_millis(100);

/// The result of a comparison.
#[derive(Debug)]
pub struct ComparedLayer {
    pub changes: LayerChanges,
    /// The layer below that could not be read, if there is one.
    pub gap: Option<LayerGap>,
}

/// A layer below that could not be read. The paths that no nearer layer decides are unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerGap {
    /// Its number: 0 is the nearest layer below.
    pub layer: usize,
    pub digest: DigestText,
    /// The reason, as a sentence about "the layer".
    pub why: String,
}

impl fmt::Display for LayerGap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.layer {
            0 => f.write_str("the layer below")?,
            layer => write!(f, "layer {} below", layer + 1)?,
        }
        if self.why == NOT_STORED {
            f.write_str(" is not in the cache: changes are unknown")
        } else {
            write!(f, " cannot be read, so changes are unknown: {}", self.why)
        }
    }
}

/// Compares the layer `own`, whose files are `tree`, with the layers below it, from the nearest one
/// down. `progress` receives the number of stored bytes that were read.
///
/// # Errors
/// Returns a sentence if the comparison was cancelled. A layer that cannot be read is no error but
/// [`ComparedLayer::gap`].
pub async fn compare(
    reader: &dyn CacheReader,
    own: Digest,
    tree: Arc<FileTree>,
    below: &[DigestText],
    cancel: CancellationToken,
    progress: Arc<dyn Fn(u64) + Send + Sync>,
) -> Result<ComparedLayer, String> {
    let mut comparing = Comparing {
        comparison: Some(LayerComparison::new(tree)),
        cancel,
        progress,
        bytes: 0,
    };
    let mut gap = None;
    for (layer, digest) in below.iter().enumerate() {
        if comparing
            .comparison
            .as_ref()
            .is_some_and(LayerComparison::is_decided)
        {
            break;
        }
        let read = match digest.valid() {
            Some(valid) => {
                comparing
                    .read(reader, valid, LayerComparison::read_below)
                    .await
            }
            None => Err("the digest of the layer is malformed".to_owned()),
        };
        if comparing.cancel.is_cancelled() {
            return Err(STOPPED.to_owned());
        }
        if let Err(why) = read {
            let digest = digest.clone();
            gap = Some(LayerGap { layer, digest, why });
            break;
        }
    }
    if comparing
        .comparison
        .as_ref()
        .is_some_and(LayerComparison::needs_content)
    {
        // If the layer cannot be read again, whether contents are the same remains unknown.
        let _ = comparing.read(reader, own, LayerComparison::read_own).await;
    }
    match comparing.comparison {
        Some(comparison) if !comparing.cancel.is_cancelled() => Ok(ComparedLayer {
            changes: comparison.finish(gap.is_none()),
            gap,
        }),
        _ => Err(STOPPED.to_owned()),
    }
}

/// A running comparison.
struct Comparing {
    /// `None` while another thread has it.
    comparison: Option<LayerComparison>,
    cancel: CancellationToken,
    progress: Arc<dyn Fn(u64) + Send + Sync>,
    /// The stored bytes that were read.
    bytes: u64,
}

/// A blob that counts the bytes that are read.
struct CountedBlob<R> {
    blob: R,
    bytes: u64,
    reported: Instant,
    progress: Arc<dyn Fn(u64) + Send + Sync>,
}

impl<R: Read> Read for CountedBlob<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.blob.read(buffer)?;
        self.bytes += count as u64;
        if self.reported.elapsed() > PATIENCE {
            (self.progress)(self.bytes);
            self.reported = Instant::now();
        }
        Ok(count)
    }
}

impl Comparing {
    /// Reads a layer with `by`, outside async code.
    async fn read<F>(
        &mut self,
        reader: &dyn CacheReader,
        layer: Digest,
        by: F,
    ) -> Result<(), String>
    where
        F: FnOnce(
                &mut LayerComparison,
                &mut CountedBlob<Box<dyn Read + Send>>,
                &LayerLimits,
            ) -> Result<(), LayerError>
            + Send
            + 'static,
    {
        let blob = open(reader, layer, self.cancel.clone()).await?;
        let Some(mut comparison) = self.comparison.take() else {
            return Err(STOPPED.to_owned());
        };
        let mut counted = CountedBlob {
            blob: Box::new(blob) as Box<dyn Read + Send>,
            bytes: self.bytes,
            reported: Instant::now(),
            progress: Arc::clone(&self.progress),
        };
        let work = move || {
            let end = by(&mut comparison, &mut counted, &LIMITS);
            (comparison, counted.bytes, end)
        };
        let (comparison, bytes, end) = tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| "reading was interrupted".to_owned())?;
        self.comparison = Some(comparison);
        self.bytes = bytes;
        (self.progress)(bytes);
        end.map_err(|error| failed(&error))
    }
}
