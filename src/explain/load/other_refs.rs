//! Finds the other refs of a source that have results which the imported refs lack, and the reason
//! why the imported ref lacks them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Imported, MOST_REFS};
use crate::explain::cause::{Cause, CauseFacts, CauseKind};
use crate::explain::matching::Matches;
use crate::explain::solve::InCache;
use crate::explain::text_diff::quoted;
use crate::format::cache_config::LayerIndex;
use crate::format::provenance::{StepIndex, StepOutput};
use crate::inventory::cache::{RecordState, RefCache};
use crate::inventory::labels::Certainty;
use crate::inventory::{RefEntry, RefKind};
use crate::text::plural::one_or;

/// How many refs with a result are named.
const MOST_NAMED: usize = 3;

/// Completes the causes of steps whose result is in no imported ref.
///
/// Results saved after the build began at `started` do not count: it could not have found them, and
/// most are its own.
pub(super) async fn complete(
    imported: &[Imported<'_>],
    facts: &CauseFacts<'_>,
    started: Option<Timestamp>,
    causes: &mut [Option<Cause>],
) {
    let caches = facts.caches;
    let open: Vec<usize> = (0..causes.len())
        .filter(|place| {
            is_open(
                causes[*place].as_ref(),
                facts.solution.steps[*place].in_cache,
            )
        })
        .collect();
    if open.is_empty() {
        return;
    }
    let holders = holders(imported, facts, started, &open).await;
    let looks_min = !caches.is_empty()
        && caches
            .iter()
            .all(|cache| has_one_chain(cache) && has_bare_keys(cache));
    let is_inline = imported
        .iter()
        .any(|imported| imported.entry.kind == RefKind::Inline);
    for place in open {
        let Some(cause) = &mut causes[place] else {
            continue;
        };
        let is_dropped = cause.kind == CauseKind::ResultDropped;
        match holders.get(&place) {
            Some(names) => name_holders(cause, names, is_dropped, looks_min),
            None if is_inline && cause.kind != CauseKind::Unexplained => {
                cause.kind = CauseKind::NotExported;
                cause.remedy = Some(INLINE_REMEDY.to_owned());
            }
            None if is_dropped && looks_min => {
                cause.kind = CauseKind::NotExported;
                "the cache was exported without its result, as mode=min does"
                    .clone_into(&mut cause.detail);
            }
            None if cause.kind == CauseKind::NotExported && !looks_min => {
                cause.remedy = Some(TARGET_REMEDY.to_owned());
            }
            None => {}
        }
    }
}

/// Advice for an inline cache that lacks a result.
const INLINE_REMEDY: &str = "an inline cache holds the final target alone; export a cache of its own: --cache-to type=registry,ref=…,mode=max";
/// Advice for a full cache that lacks a step.
const TARGET_REMEDY: &str = "a build of another target, or of an older commit, may have exported over the ref: give each target a ref of its own";

/// Returns whether another ref may have the result of a step.
fn is_open(cause: Option<&Cause>, in_cache: InCache) -> bool {
    cause.is_some_and(|cause| match cause.kind {
        CauseKind::ResultDropped | CauseKind::NotExported => true,
        CauseKind::Unexplained => in_cache == InCache::Absent,
        _ => false,
    })
}

fn name_holders(cause: &mut Cause, names: &[String], is_dropped: bool, looks_min: bool) {
    let named: Vec<String> = names
        .iter()
        .take(MOST_NAMED)
        .map(|name| quoted(name))
        .collect();
    let more = match names.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let verb = one_or(names.len(), "has", "have");
    let holders = format!("{}{more}", named.join(", "));
    cause.needs_context = false;
    cause.detail = if is_dropped {
        format!(
            "the cache holds its key but no longer its result; {holders} of the same source still {verb} it"
        )
    } else {
        format!("the imported ref does not hold it; {holders} of the same source {verb} it")
    };
    if !is_dropped {
        cause.kind = CauseKind::NotExported;
    }
    let first = named.first().cloned().unwrap_or_default();
    let otherwise = match (is_dropped, looks_min) {
        (true, true) => "export with mode=max",
        (true, false) => "run the step again and export",
        (false, _) => "give each target a ref of its own",
    };
    cause.remedy = Some(format!("import {first}, or {otherwise}"));
}

/// Returns for each step the other refs of the imported sources that have its result, those that
/// had it most recently first.
async fn holders(
    imported: &[Imported<'_>],
    facts: &CauseFacts<'_>,
    started: Option<Timestamp>,
    open: &[usize],
) -> BTreeMap<usize, Vec<String>> {
    let mut holders: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for imported in imported {
        for entry in others(imported).into_iter().take(MOST_REFS) {
            let loaded = RefCache::load(&**imported.reader, &imported.inventory.blobs, entry).await;
            for cache in loaded.iter().flatten() {
                let matches = Matches::find(facts.now.build, facts.now.keys, &cache.graph);
                let open = open.iter().copied();
                for place in open.filter(|place| had_result(cache, &matches, *place, started)) {
                    let names = holders.entry(place).or_default();
                    if !names.contains(&entry.name) {
                        names.push(entry.name.clone());
                    }
                }
            }
        }
    }
    holders
}

/// Returns the other refs of a source. Those that were written before the imported one come first,
/// the newest first.
fn others<'a>(imported: &Imported<'a>) -> Vec<&'a RefEntry> {
    let digest = imported.entry.digest();
    let refs = imported.inventory.refs.iter();
    let mut others: Vec<&RefEntry> = refs.filter(|entry| entry.digest() != digest).collect();
    let age = |entry: &RefEntry| entry.age().map(|(time, _)| time);
    others.sort_by_key(|entry| {
        let is_later = age(entry) > age(imported.entry);
        (is_later, std::cmp::Reverse(age(entry)))
    });
    others
}

/// Returns whether a cache had the result of a step when the build began.
fn had_result(
    cache: &RefCache,
    matches: &Matches,
    place: usize,
    started: Option<Timestamp>,
) -> bool {
    let step = StepIndex(u32::try_from(place).unwrap_or(u32::MAX));
    let records = matches.of(StepOutput { step, output: 0 });
    records.iter().any(|(record, certainty)| {
        let detail = &cache.records[record.at()];
        let is_later = started
            .zip(detail.created)
            .is_some_and(|(started, created)| created >= started);
        *certainty == Certainty::Proved && detail.state == RecordState::Result && !is_later
    })
}

/// Returns whether a cache holds keys of operations without their results, as an export with
/// `mode=min` writes them.
fn has_bare_keys(cache: &RefCache) -> bool {
    cache.graph.indexed_records().any(|(index, record)| {
        record.input_count() > 0 && cache.records[index.at()].state == RecordState::KeyOnly
    })
}

/// Returns whether all results of a cache are on one chain of layers, as an export with `mode=min`
/// writes them.
fn has_one_chain(cache: &RefCache) -> bool {
    let tops = || {
        cache
            .records
            .iter()
            .filter_map(|detail| detail.result.as_ref())
    };
    let longest = tops().max_by_key(|result| cache.chain(result).count());
    let Some(longest) = longest else { return true };
    let chain: BTreeSet<LayerIndex> = cache.chain(longest).collect();
    tops().all(|result| {
        cache
            .top_layer(result)
            .is_none_or(|top| chain.contains(&top))
    })
}
