//! Results that a cache has lost: which ref still has them, or whether they were never exported.

use std::collections::{BTreeMap, BTreeSet};

use super::{Imported, MOST_REFS};
use crate::explain::cause::{Cause, CauseKind};
use crate::explain::keys::StepKeys;
use crate::explain::matching::{Certainty, Matches};
use crate::format::cache_config::LayerIndex;
use crate::format::provenance::{Build, StepIndex, StepOutput};
use crate::inventory::RefEntry;
use crate::inventory::cache::{RecordState, RefCache};

/// Says of results that are gone which ref still has them, and whether the cache was exported without them.
pub(super) async fn tell(
    imported: &[Imported<'_>],
    build: &Build,
    keys: &[StepKeys],
    caches: &[&RefCache],
    causes: &mut [Option<Cause>],
) {
    let is_dropped = |cause: &Option<Cause>| cause.as_ref().is_some_and(|cause| cause.kind == CauseKind::ResultDropped);
    if !causes.iter().any(is_dropped) {
        return;
    }
    let mut holders: BTreeMap<usize, String> = BTreeMap::new();
    for imported in imported {
        let mut others: Vec<&RefEntry> =
            imported.inventory.refs.iter().filter(|entry| entry.digest() != imported.entry.digest()).collect();
        // The one that had it last comes first, before those that were written since.
        let age = |entry: &RefEntry| entry.age().map(|(time, _)| time);
        others.sort_by_key(|entry| (age(entry) > age(imported.entry), std::cmp::Reverse(age(entry))));
        for entry in others.into_iter().take(MOST_REFS) {
            let open = |place: &usize| is_dropped(&causes[*place]) && !holders.contains_key(place);
            let open: Vec<usize> = (0..causes.len()).filter(open).collect();
            if open.is_empty() {
                break;
            }
            let Ok(found) = RefCache::load(&**imported.reader, &imported.inventory.blobs, entry).await else {
                continue;
            };
            for cache in &found {
                let matches = Matches::find(build, keys, &cache.graph);
                for &place in &open {
                    let step = StepIndex(u32::try_from(place).unwrap_or(u32::MAX));
                    let records = matches.of(StepOutput { step, output: 0 });
                    let holds = records.iter().any(|(record, certainty)| {
                        *certainty == Certainty::Proved && cache.records[record.at()].state == RecordState::Result
                    });
                    if holds {
                        holders.entry(place).or_insert_with(|| entry.name.clone());
                    }
                }
            }
        }
    }
    let is_thin = caches.iter().all(|cache| has_one_chain(cache));
    for (place, cause) in causes.iter_mut().enumerate() {
        let Some(cause) = cause.as_mut().filter(|cause| cause.kind == CauseKind::ResultDropped) else { continue };
        match holders.get(&place) {
            Some(name) => {
                cause.detail = format!("the cache holds its key, and its result no longer; `{name}` still has it");
            }
            None if is_thin => {
                cause.kind = CauseKind::NotExported;
                "the cache was exported without its result, as mode=min does".clone_into(&mut cause.detail);
            }
            None => {}
        }
    }
}

/// Tells whether all results of a cache lie on one chain of layers, as an export with `mode=min` leaves them.
fn has_one_chain(cache: &RefCache) -> bool {
    let tops = || cache.records.iter().filter_map(|detail| detail.result.as_ref());
    let longest = tops().max_by_key(|result| cache.chain(result).count());
    let Some(longest) = longest else { return true };
    let chain: BTreeSet<LayerIndex> = cache.chain(longest).collect();
    tops().all(|result| cache.top_layer(result).is_none_or(|top| chain.contains(&top)))
}
