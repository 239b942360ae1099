//! Finds out whether a cache has a step with exactly the download that the build has now.
//!
//! The key of a download holds the date that the server sent, and its content key holds the file's
//! header, so neither can be computed from a checksum. But the file is in the layer of the step,
//! and can be compared with the checksum in the provenance.

use std::collections::BTreeSet;
use std::io::Read;

use super::caches::ImportedCaches;
use super::{MOST_REFS, MOST_UNPACKED};
use crate::backend::SharedReader;
use crate::explain::keys::{ContentKey, StepKeys, root, source};
use crate::format::cache_config::RecordIndex;
use crate::format::digest::{Digest, Hasher};
use crate::format::layer::{self, LayerLimits, TarEntryKind};
use crate::format::llb::{FileChange, OpKind};
use crate::format::provenance::Build;
use crate::inventory::cache::{RecordState, RefCache};

/// The most records that are looked at for one step.
const MOST_RECORDS: usize = 32;

/// Finds for each download the records of the caches that have the same file, and marks the keys of
/// the download as complete.
pub(super) async fn compare(caches: &ImportedCaches<'_>, build: &Build, keys: &mut [StepKeys]) {
    for (place, step) in build.steps.iter().enumerate() {
        let OpKind::File(op) = &step.op.kind else {
            continue;
        };
        for (input, from) in step.inputs.iter().enumerate() {
            let OpKind::Source(source) = &build.steps[from.step.at()].op.kind else {
                continue;
            };
            let is_open = keys[place]
                .inputs
                .get(input)
                .is_some_and(|keys| keys.content == ContentKey::Unknown);
            if !is_open {
                continue;
            }
            let Some(checksum) = source::downloaded(build, source) else {
                continue;
            };
            let copies: Vec<&str> = op
                .actions
                .0
                .iter()
                .filter_map(|action| match &action.change {
                    FileChange::Copy(copy) if !copy.attempt_unpack || op.actions.0.len() == 1 => {
                        Some(copy.dest.as_str())
                    }
                    _ => None,
                })
                .collect();
            let [dest] = copies.as_slice() else { continue };
            let search = Search {
                caches,
                input,
                dest,
                checksum,
            };
            let Some(found) = search.run(&keys[place]).await else {
                continue;
            };
            let keys_of_input = &mut keys[place].inputs[input];
            keys_of_input.also = found.same;
            if found.is_whole {
                keys_of_input.content = ContentKey::Never;
                // The source has no other key.
                keys[from.step.at()].complete = true;
            }
        }
    }
}

/// Searches the records of a step for a certain file.
struct Search<'a> {
    caches: &'a ImportedCaches<'a>,
    input: usize,
    dest: &'a str,
    checksum: Digest,
}

/// The result of a search.
#[derive(Default)]
struct ComparedDownload {
    /// The digests of the roots of the download in records with the same file.
    same: Vec<Digest>,
    /// Whether every root that the caches have there was compared.
    is_whole: bool,
}

/// The roots of downloads in records that were compared so far.
#[derive(Default)]
struct ComparedRoots {
    /// Those with the same file.
    same: BTreeSet<Digest>,
    /// All of them.
    decided: BTreeSet<Digest>,
    /// How many records were read.
    records: usize,
}

impl Search<'_> {
    /// Reads the files of all records; if a record lost its result, those of other refs. Returns
    /// `None` if that is too much, or a layer cannot be read.
    async fn run(&self, keys: &StepKeys) -> Option<ComparedDownload> {
        let digests: Vec<Digest> = keys.digests.iter().map(|key| root(key, 0)).collect();
        let mut compared = ComparedRoots::default();
        let mut roots = BTreeSet::new();
        for loaded in &self.caches.loaded {
            let cache = &loaded.cache;
            roots.extend(self.records(cache, &digests).flat_map(|(_, roots)| roots));
            self.look(loaded.reader(), cache, &digests, &mut compared)
                .await?;
        }
        for imported in self.caches.imported {
            for entry in imported.inventory.refs.iter().rev().take(MOST_REFS) {
                if roots.is_subset(&compared.decided) || compared.records >= MOST_RECORDS {
                    break;
                }
                let caches =
                    RefCache::load(&**imported.reader, &imported.inventory.blobs, entry).await;
                for cache in caches.unwrap_or_default() {
                    self.look(imported.reader, &cache, &digests, &mut compared)
                        .await?;
                }
            }
        }
        Some(ComparedDownload {
            is_whole: roots.is_subset(&compared.decided),
            same: compared.same.into_iter().collect(),
        })
    }

    /// Returns the records of the step with the roots at the input.
    fn records<'a>(
        &'a self,
        cache: &'a RefCache,
        digests: &'a [Digest],
    ) -> impl Iterator<Item = (RecordIndex, Vec<Digest>)> + 'a {
        let records = cache.graph.indexed_records();
        let records = records.filter(|(_, record)| {
            record
                .digest
                .valid()
                .is_some_and(|found| digests.contains(&found))
        });
        records.map(|(index, record)| {
            let links = cache.graph.input(record, self.input).unwrap_or_default();
            let targets = links
                .iter()
                .filter_map(|link| cache.graph.record(cache.graph.target(link)?));
            (
                index,
                targets.filter_map(|target| target.digest.valid()).collect(),
            )
        })
    }

    /// Reads the files of the records of a cache that are not compared yet.
    async fn look(
        &self,
        reader: &SharedReader,
        cache: &RefCache,
        digests: &[Digest],
        compared: &mut ComparedRoots,
    ) -> Option<()> {
        let records: Vec<(RecordIndex, Vec<Digest>)> = self.records(cache, digests).collect();
        for (index, roots) in records {
            let Some(result) = &cache.records[index.at()].result else {
                continue;
            };
            if cache.records[index.at()].state != RecordState::Result
                || roots.iter().all(|root| compared.decided.contains(root))
            {
                continue;
            }
            compared.records += 1;
            if compared.records > MOST_RECORDS {
                return None;
            }
            let layer = cache.top_layer(result)?;
            let blob = reader
                .open_blob(cache.graph.layers[layer.at()].blob.valid()?)
                .await
                .ok()?;
            let dest = self.dest.to_owned();
            let found = tokio::task::spawn_blocking(move || file_below(blob, &dest))
                .await
                .ok()??;
            if found == self.checksum {
                compared.same.extend(&roots);
            }
            compared.decided.extend(roots);
        }
        Some(())
    }
}

/// Hashes the only file of a layer at or below a path; `None` unless there is exactly one.
fn file_below(blob: impl Read, dest: &str) -> Option<Digest> {
    let dest = dest.trim_matches('/').to_owned();
    let mut found: Vec<Option<Digest>> = Vec::new();
    let limits = LayerLimits {
        bytes: MOST_UNPACKED,
        ..LayerLimits::default()
    };
    layer::read(blob, &limits, |entry, _, content| {
        let is_below =
            entry.path == dest || entry.path.starts_with(&format!("{dest}/")) || dest.is_empty();
        if matches!(entry.kind, TarEntryKind::File) && is_below {
            let mut hasher = Hasher::Sha256(Box::default());
            let mut buffer = vec![0; 64 << 10];
            loop {
                match content.read(&mut buffer)? {
                    0 => break,
                    read => hasher.update(&buffer[..read]),
                }
            }
            found.push(Some(hasher.finish()));
        }
        Ok(())
    })
    .ok()?;
    match found.as_slice() {
        [only] => *only,
        _ => None,
    }
}
