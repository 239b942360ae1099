//! Solves a build with the files of its cached stages, whose content is part of later keys.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::caches::{ImportedCaches, LoadedCache};
use crate::explain::keys::{ContentKey, StepKeys, fill};
use crate::explain::solve::{CacheVerdict, InCache, KnownFacts, Solution};
use crate::format::cache_config::RecordIndex;
use crate::format::provenance::{Build, StepOutput};
use crate::inventory::cache::RecordState;

/// How often keys are completed with the files of cached stages.
const MOST_ROUNDS: usize = 4;

/// Solves a build, again and again while stages turn out to be in the cache whose files are part of
/// keys.
pub(super) async fn solve(
    caches: &ImportedCaches<'_>,
    build: &Build,
    keys: &mut [StepKeys],
    known: &KnownFacts,
) -> Solution {
    let contents = caches.contents();
    let mut solution = Solution::new(build, keys, &contents, known);
    let mut tried = BTreeSet::new();
    for _ in 0..MOST_ROUNDS {
        let mut wanted = wanted(&caches.loaded, build, keys, &solution);
        wanted.retain(|output, _| tried.insert(*output));
        let files = stages(&caches.loaded, wanted).await;
        if files.is_empty() {
            break;
        }
        // A stage that can be unpacked in several ways, or that the selector does not fit, stays
        // unknown.
        let _ = fill::content_keys(build, keys, &files);
        solution = Solution::new(build, keys, &contents, known);
    }
    solution
}

/// Finds the cached stages whose content decides about a step that is still unknown. Returns the
/// place of a cache and its record with the result.
fn wanted(
    loaded: &[LoadedCache<'_>],
    build: &Build,
    keys: &[StepKeys],
    solution: &Solution,
) -> BTreeMap<StepOutput, (usize, RecordIndex)> {
    let has_result = |(cache, record): &&(usize, RecordIndex)| {
        loaded[*cache].cache.records[record.at()].state == RecordState::Result
    };
    let mut wanted = BTreeMap::new();
    for (step, (of, keys)) in build.steps.iter().zip(keys).enumerate() {
        if solution.steps[step].verdict != CacheVerdict::Unknown {
            continue;
        }
        for (input, keys) in of.inputs.iter().zip(&keys.inputs) {
            let below = &solution.steps[input.step.at()];
            let is_there = below.in_cache == InCache::Result && below.verdict == CacheVerdict::Hit;
            if keys.content == ContentKey::Unknown && is_there {
                let found = below.records.iter().find(has_result);
                wanted.extend(found.map(|record| (*input, *record)));
            }
        }
    }
    wanted
}

/// Reads the files of cached stages.
async fn stages(
    loaded: &[LoadedCache<'_>],
    wanted: BTreeMap<StepOutput, (usize, RecordIndex)>,
) -> fill::KnownFiles {
    let mut files = fill::KnownFiles::new();
    for (output, (cache, record)) in wanted {
        let cache = &loaded[cache];
        let Some(chain) = cache.chain(record) else {
            continue;
        };
        if let Some(found) = cache.unpack(&chain).await {
            files.insert(output, Arc::new(found));
        }
    }
    files
}
