//! A cache that lives in memory: the built-in demo, and stores of any size for tests and
//! measurements.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Cursor, Read};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::demo::{self, DemoFile};
use super::{
    BackendError, CacheReader, Capabilities, KeepProvenance, ListObjects, ListedRefs,
    ListedRefsPart, ObjectSender, Obstacle, OtherKind, OtherObject, ReadAbilities, ReadError,
    StoreFacts, StoredObject, Verified,
};
use crate::backend::ListedRef;
use crate::format::digest::Digest;
use crate::format::layout;
use crate::source::Place;

const BATCH: usize = 512;

/// Reads the built-in demo into memory, as old at `now` as when it was made.
///
/// # Errors
/// Returns an error if the program itself is damaged.
pub fn demo(now: Timestamp) -> io::Result<MemoryCache> {
    MemoryCache::from_files(demo::files(now)?)
}

/// The size and the time of a blob.
#[derive(Debug, Clone, Copy)]
struct StoredFacts {
    size: u64,
    modified: Option<Timestamp>,
}

/// A whole cache store in memory.
#[derive(Debug, Default)]
pub struct MemoryCache {
    listed_refs: Vec<ListedRef>,
    index: Vec<u8>,
    blobs: BTreeMap<Digest, StoredFacts>,
    contents: HashMap<Digest, Arc<[u8]>>,
    others: Vec<StoredObject>,
    provenance: HashMap<String, Vec<Vec<u8>>>,
    capabilities: Option<Capabilities>,
}

impl MemoryCache {
    /// Sets what a plan may delete. Without it nothing can be deleted.
    pub fn set_capabilities(&mut self, capabilities: Capabilities) {
        self.capabilities = Some(capabilities);
    }

    /// Adds a blob with its bytes, under their digest.
    pub fn add_blob(&mut self, bytes: impl Into<Arc<[u8]>>, modified: Option<Timestamp>) -> Digest {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        self.add_stored(digest, bytes.len() as u64, modified);
        self.contents.insert(digest, bytes);
        digest
    }

    /// Adds a blob with only a name and a size. It cannot be read.
    pub fn add_stored(&mut self, digest: Digest, size: u64, modified: Option<Timestamp>) {
        self.blobs.insert(digest, StoredFacts { size, modified });
    }

    /// Adds an object that is not a blob.
    pub fn add_other(&mut self, object: StoredObject) {
        self.others.push(object);
    }

    /// Sets the refs from the bytes of an `index.json`.
    ///
    /// # Errors
    /// Fails if the bytes are not the index of a layout.
    pub fn set_index(&mut self, index: &[u8]) -> Result<(), layout::LayoutError> {
        let layout_refs = layout::parse_index(index)?;
        self.listed_refs = layout_refs.into_iter().map(Into::into).collect();
        self.index = index.to_vec();
        Ok(())
    }

    /// Reads the layout and the provenance statements of the demo.
    fn from_files(files: Vec<DemoFile>) -> io::Result<Self> {
        let mut cache = Self::default();
        let mut uploads: HashMap<String, OtherObject> = HashMap::new();
        for file in files {
            if let Some(name) = demo::ref_of_provenance(&file.path) {
                let statements = cache.provenance.entry(name.to_owned()).or_default();
                statements.push(file.bytes);
                continue;
            }
            let Some(path) = file.path.strip_prefix("cache/") else {
                continue;
            };
            let size = file.bytes.len() as u64;
            let modified = Some(file.modified);
            let parts: Vec<&str> = path.split('/').collect();
            match parts.as_slice() {
                ["oci-layout"] => layout::check_marker(&file.bytes).map_err(io::Error::other)?,
                ["index.json"] => cache.set_index(&file.bytes).map_err(io::Error::other)?,
                ["blobs", "sha256", _] => {
                    cache.add_blob(file.bytes, modified);
                }
                ["ingest", upload, ..] => {
                    let name = format!("ingest/{upload}");
                    let upload = uploads.entry(name.clone()).or_insert(OtherObject {
                        name,
                        kind: OtherKind::Upload,
                        size: 0,
                        modified,
                    });
                    upload.size += size;
                }
                _ => {}
            }
        }
        cache
            .others
            .extend(uploads.into_values().map(StoredObject::Partial));
        Ok(cache)
    }

    fn content(&self, digest: &Digest) -> Result<Arc<[u8]>, ReadError> {
        self.contents.get(digest).cloned().ok_or(ReadError::Absent)
    }
}

#[async_trait]
impl CacheReader for MemoryCache {
    async fn list_refs(
        &self,
        parts: mpsc::Sender<ListedRefsPart>,
    ) -> Result<ListedRefs, BackendError> {
        let listed_refs = ListedRefs {
            entries: self.listed_refs.clone(),
            fingerprint: Digest::of(&self.index),
        };
        ListedRefsPart::send_all(&parts, &listed_refs).await;
        Ok(listed_refs)
    }

    async fn read_document(&self, digest: Digest, limit: u64) -> Result<Vec<u8>, ReadError> {
        let bytes = self.content(&digest)?;
        let size = bytes.len() as u64;
        if size > limit {
            Err(ReadError::TooLarge { size, limit })
        } else {
            Ok(bytes.to_vec())
        }
    }

    async fn open_blob(&self, digest: Digest) -> Result<Box<dyn Read + Send>, ReadError> {
        Ok(Box::new(Verified::new(
            Cursor::new(self.content(&digest)?),
            digest,
        )))
    }

    async fn place(&self) -> Result<Place, BackendError> {
        Ok(Place::Memory)
    }

    async fn facts(&self) -> StoreFacts {
        let none = || Capabilities::none(&Obstacle::InMemory);
        StoreFacts::new(self.capabilities.clone().unwrap_or_else(none))
    }

    fn abilities(&self) -> ReadAbilities<'_> {
        ReadAbilities {
            objects: Some(self),
            provenance: Some(self),
            ..ReadAbilities::default()
        }
    }
}

#[async_trait]
impl ListObjects for MemoryCache {
    async fn list_objects(
        &self,
        sender: ObjectSender,
        cancel: CancellationToken,
    ) -> Result<(), BackendError> {
        let mut batch = self.others.clone();
        for (digest, facts) in &self.blobs {
            batch.push(StoredObject::Blob {
                digest: *digest,
                size: facts.size,
                modified: facts.modified,
            });
            if batch.len() >= BATCH
                && (sender.send(std::mem::take(&mut batch)).await.is_err() || cancel.is_cancelled())
            {
                return Ok(());
            }
        }
        // A send error means the receiver is gone.
        let _ = sender.send(batch).await;
        Ok(())
    }
}

#[async_trait]
impl KeepProvenance for MemoryCache {
    async fn provenance(&self, ref_name: &str) -> Vec<Vec<u8>> {
        self.provenance.get(ref_name).cloned().unwrap_or_default()
    }
}
