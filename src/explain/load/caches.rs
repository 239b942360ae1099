//! Reads the caches that a build imports.

use std::io::Read;

use super::note::{ImportNote, Note};
use super::{Imported, MOST_UNPACKED, WhyError};
use crate::backend::SharedReader;
use crate::explain::context::ContextFiles;
use crate::explain::context::snapshot::Snapshot;
use crate::explain::text_diff::quoted;
use crate::format::cache_config::{LayerIndex, RecordIndex};
use crate::format::layer::LayerLimits;
use crate::inventory::cache::RefCache;
use crate::inventory::{DocumentFault, FaultKind, RefKind};
use crate::text::escape::visible;

/// The caches that a build imports.
pub(super) struct ImportedCaches<'a> {
    /// The imported refs.
    pub(super) imported: &'a [Imported<'a>],
    /// The caches of these refs.
    pub(super) loaded: Vec<LoadedCache<'a>>,
    /// The fault, if a build can use none of the caches.
    pub(super) unreadable: Option<String>,
}

/// A cache of an imported ref.
pub(super) struct LoadedCache<'a> {
    /// The ref.
    pub(super) imported: Imported<'a>,
    pub(super) cache: RefCache,
}

impl<'a> ImportedCaches<'a> {
    /// Reads the caches of all refs. A cache that a build would ignore as a whole is left out, with
    /// a note.
    ///
    /// # Errors
    /// If no ref has a cache, or a store cannot be read.
    pub(super) async fn load(
        imported: &'a [Imported<'a>],
        notes: &mut Vec<Note>,
    ) -> Result<Self, WhyError> {
        let mut loading = Loading {
            loaded: Vec::new(),
            refused: Vec::new(),
            without: None,
            notes,
        };
        for imported in imported {
            loading.read(imported).await?;
        }
        let (loaded, unreadable) = loading.finish();
        Ok(Self {
            imported,
            loaded,
            unreadable,
        })
    }

    /// Returns the contents of the caches.
    pub(super) fn contents(&self) -> Vec<&RefCache> {
        self.loaded.iter().map(|loaded| &loaded.cache).collect()
    }

    /// Returns the names of the refs that the caches come from.
    pub(super) fn labels(&self) -> Vec<String> {
        let refs = self.loaded.iter().map(|loaded| loaded.imported.entry);
        refs.map(|entry| quoted(&entry.name)).collect()
    }
}

impl LoadedCache<'_> {
    /// Returns the reader of the store.
    pub(super) fn reader(&self) -> &SharedReader {
        self.imported.reader
    }

    /// Unpacks the layer of a record's result alone.
    pub(super) async fn top_files(&self, record: RecordIndex) -> Option<ContextFiles> {
        let result = self.cache.records[record.at()].result.as_ref()?;
        let layer = self.cache.top_layer(result)?;
        self.unpack(&[layer]).await
    }

    /// Returns the layers of a record's result, the lowest first.
    pub(super) fn chain(&self, record: RecordIndex) -> Option<Vec<LayerIndex>> {
        let result = self.cache.records[record.at()].result.as_ref()?;
        let mut layers: Vec<LayerIndex> = self.cache.chain(result).collect();
        layers.reverse();
        Some(layers)
    }

    /// Unpacks layers on top of each other. Returns `None` if one cannot be read, or could be
    /// unpacked in several ways.
    pub(super) async fn unpack(&self, layers: &[LayerIndex]) -> Option<ContextFiles> {
        let mut snapshot = Snapshot::default();
        for layer in layers {
            let digest = self.cache.graph.layers[layer.at()].blob.valid()?;
            let blob: Box<dyn Read + Send> = self.reader().open_blob(digest).await.ok()?;
            let apply = move || {
                let limits = LayerLimits {
                    bytes: MOST_UNPACKED,
                    ..LayerLimits::default()
                };
                snapshot.apply(blob, &limits).ok().map(|()| snapshot)
            };
            snapshot = tokio::task::spawn_blocking(apply).await.ok()??;
        }
        snapshot.finish().ok()
    }
}

/// The state of reading the caches.
struct Loading<'a, 'n> {
    loaded: Vec<LoadedCache<'a>>,
    /// Why builds do not use the other caches.
    refused: Vec<ImportNote>,
    /// The last ref without a cache that is no intact image.
    without: Option<String>,
    notes: &'n mut Vec<Note>,
}

impl<'a> Loading<'a, '_> {
    async fn read(&mut self, imported: &Imported<'a>) -> Result<(), WhyError> {
        let entry = imported.entry;
        let name = entry.name.clone();
        let found = RefCache::load(&**imported.reader, &imported.inventory.blobs, entry).await;
        let found = match found {
            Ok(found) => found,
            Err(faults) => {
                let why: Vec<String> = faults.iter().map(ToString::to_string).collect();
                if !faults.iter().all(is_refused_by_builds) {
                    return Err(WhyError::NoCache {
                        name: visible(&name).into_owned(),
                        faults: why,
                    });
                }
                self.refused.push(ImportNote::RefusedRef {
                    name,
                    why: why.join("; "),
                });
                return Ok(());
            }
        };
        if found.is_empty() {
            self.note_absent(imported, name);
            return Ok(());
        }
        self.note_unread(imported, &name);
        let is_too_large =
            |fault: &&DocumentFault| matches!(fault.kind, FaultKind::TooLargeToImport(_));
        let too_large = entry.faults.iter().find(is_too_large);
        for cache in found {
            let why = match (&cache.refusal, too_large) {
                (Some(refusal), _) => refusal.to_string(),
                (None, Some(fault)) => fault.kind.to_string(),
                (None, None) => {
                    self.loaded.push(LoadedCache {
                        imported: *imported,
                        cache,
                    });
                    continue;
                }
            };
            self.refused.push(ImportNote::UnusedCache {
                name: name.clone(),
                why,
            });
        }
        Ok(())
    }

    fn note_absent(&mut self, imported: &Imported<'a>, name: String) {
        let entry = imported.entry;
        let is_image = matches!(entry.kind, RefKind::Image | RefKind::Inline);
        if is_image && entry.faults.is_empty() {
            self.refused.push(ImportNote::ImageWithoutCache(name));
        } else {
            self.without = Some(name);
        }
    }

    /// Notes the part of a cache that could not be read. A build ignores damaged parts; after a
    /// failed read, it may get more than we know.
    fn note_unread(&mut self, imported: &Imported<'a>, name: &str) {
        let faults = imported.entry.faults.iter();
        let mut described =
            faults.filter(|fault| !matches!(fault.kind, FaultKind::Undescribed(..)));
        let unread = described.find(|fault| !is_refused_by_builds(fault));
        self.notes.extend(unread.map(|fault| {
            let note = ImportNote::UnreadPart {
                name: name.to_owned(),
                error: fault.to_string(),
            };
            note.into()
        }));
    }

    /// Returns the caches, and the fault if there is none.
    fn finish(self) -> (Vec<LoadedCache<'a>>, Option<String>) {
        let is_empty = self.loaded.is_empty();
        if let Some(name) = self.without {
            let note = ImportNote::ImageWithoutCache(name);
            if is_empty && self.refused.is_empty() {
                return (self.loaded, Some(note.to_string()));
            }
            self.notes.push(note.into());
        }
        if is_empty {
            return (self.loaded, self.refused.first().map(ToString::to_string));
        }
        self.notes.extend(self.refused.into_iter().map(Note::from));
        (self.loaded, None)
    }
}

/// Returns whether a build also fails to import for this reason, and continues without the cache.
fn is_refused_by_builds(fault: &DocumentFault) -> bool {
    matches!(
        fault.kind,
        FaultKind::ManifestAbsent
            | FaultKind::ConfigAbsent
            | FaultKind::ConfigUnreadable(_)
            | FaultKind::Refused(_)
            | FaultKind::TooLargeToImport(_)
    )
}
