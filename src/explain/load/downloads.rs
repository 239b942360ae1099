//! Finds out whether a cache has a step with exactly the download that the build has now.
//!
//! The key of a download holds the date that the server sent, and its content key holds the file's
//! header, so neither can be computed from a checksum. But the file is in the layer of the step,
//! and can be compared with the checksum in the provenance.

use std::collections::BTreeSet;
use std::io::Read;

use super::{Imported, MOST_REFS, MOST_UNPACKED};
use crate::explain::keys::{ContentKey, StepKeys, root, source};
use crate::format::cache_config::RecordIndex;
use crate::format::digest::{Digest, Hasher};
use crate::format::layer::{self, Kind, Limits};
use crate::format::llb::{FileChange, OpKind};
use crate::format::provenance::Build;
use crate::inventory::cache::{RecordState, RefCache};

/// The most records that are looked at for one step.
const MOST_RECORDS: usize = 32;

/// Finds for each download the records of the caches that have the same file, and marks the keys of
/// the download as complete.
pub(super) async fn compare(
    imported: &[Imported<'_>],
    loaded: &[(usize, RefCache)],
    build: &Build,
    keys: &mut [StepKeys],
) {
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
            let Some(checksum) = source::downloaded(build, source).filter(|_| is_open) else {
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
                imported,
                loaded,
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
    imported: &'a [Imported<'a>],
    loaded: &'a [(usize, RefCache)],
    input: usize,
    dest: &'a str,
    checksum: Digest,
}

/// The result of a search.
#[derive(Default)]
struct Found {
    /// The digests of the roots of the download in records with the same file.
    same: Vec<Digest>,
    /// Whether every root that the caches have there was compared.
    is_whole: bool,
}

impl Search<'_> {
    /// Reads the files of all records; if a record lost its result, those of other refs. Returns
    /// `None` if that is too much, or a layer cannot be read.
    async fn run(&self, keys: &StepKeys) -> Option<Found> {
        let digests: Vec<Digest> = keys.digests.iter().map(|key| root(key, 0)).collect();
        let mut same = BTreeSet::new();
        let mut decided = BTreeSet::new();
        let mut roots = BTreeSet::new();
        let mut looked = 0;
        for (place, cache) in self.loaded {
            roots.extend(self.records(cache, &digests).flat_map(|(_, roots)| roots));
            self.look(
                *place,
                cache,
                &digests,
                &mut looked,
                &mut same,
                &mut decided,
            )
            .await?;
        }
        for (place, imported) in self.imported.iter().enumerate() {
            for entry in imported.inventory.refs.iter().rev().take(MOST_REFS) {
                if roots.is_subset(&decided) || looked >= MOST_RECORDS {
                    break;
                }
                let caches =
                    RefCache::load(&**imported.reader, &imported.inventory.blobs, entry).await;
                for cache in caches.unwrap_or_default() {
                    self.look(
                        place,
                        &cache,
                        &digests,
                        &mut looked,
                        &mut same,
                        &mut decided,
                    )
                    .await?;
                }
            }
        }
        Some(Found {
            is_whole: roots.is_subset(&decided),
            same: same.into_iter().collect(),
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

    async fn look(
        &self,
        place: usize,
        cache: &RefCache,
        digests: &[Digest],
        looked: &mut usize,
        same: &mut BTreeSet<Digest>,
        decided: &mut BTreeSet<Digest>,
    ) -> Option<()> {
        let records: Vec<(RecordIndex, Vec<Digest>)> = self.records(cache, digests).collect();
        for (index, roots) in records {
            let Some(result) = &cache.records[index.at()].result else {
                continue;
            };
            if cache.records[index.at()].state != RecordState::Result
                || roots.iter().all(|root| decided.contains(root))
            {
                continue;
            }
            *looked += 1;
            if *looked > MOST_RECORDS {
                return None;
            }
            let layer = cache.top_layer(result)?;
            let reader = self.imported[place].reader;
            let blob = reader
                .open_blob(cache.graph.layers[layer.at()].blob.valid()?)
                .await
                .ok()?;
            let dest = self.dest.to_owned();
            let found = tokio::task::spawn_blocking(move || file_below(blob, &dest))
                .await
                .ok()??;
            if found == self.checksum {
                same.extend(&roots);
            }
            decided.extend(roots);
        }
        Some(())
    }
}

/// Hashes the only file of a layer at or below a path; `None` unless there is exactly one.
fn file_below(blob: impl Read, dest: &str) -> Option<Digest> {
    let dest = dest.trim_matches('/').to_owned();
    let mut found: Vec<Option<Digest>> = Vec::new();
    let limits = Limits {
        bytes: MOST_UNPACKED,
        ..Limits::default()
    };
    layer::read(blob, &limits, |entry, _, content| {
        let is_below =
            entry.path == dest || entry.path.starts_with(&format!("{dest}/")) || dest.is_empty();
        if matches!(entry.kind, Kind::File) && is_below {
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
