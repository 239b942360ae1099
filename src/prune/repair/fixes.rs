//! The fixes that a repair makes to a ref, or the reason why it makes none.

use std::collections::HashSet;

use crate::check::Code;
use crate::format::cache_config::fix::{Dropped, FixedConfig};
use crate::inventory::RefEntry;
use crate::inventory::cache::RefCache;
use crate::prune::rewrite::{Fix, NotFixed, NotFixedReason};
use crate::text::escape::visible;

/// Applies one reason to several findings about a ref.
pub(super) fn none_of(entry: &RefEntry, codes: Vec<Code>, why: &NotFixedReason) -> Vec<NotFixed> {
    let mut codes = codes;
    codes.sort_unstable();
    let each = codes.into_iter().map(|code| NotFixed {
        ref_name: Some(visible(&entry.name).into_owned()),
        code,
        why: why.clone(),
    });
    each.collect()
}

/// Removes findings that are listed already, with the same reason.
pub(super) fn remove_repeated(not_fixed: &mut Vec<NotFixed>) {
    let mut seen = HashSet::new();
    let key = |item: &NotFixed| (item.ref_name.clone(), item.code, item.why.to_string());
    not_fixed.retain(|item| seen.insert(key(item)));
}

/// Returns the fixes applied to a ref.
pub(super) fn of(
    fixed: &FixedConfig,
    lost: &[bool],
    cache: &RefCache,
    bytes_before: usize,
    is_smaller: bool,
    lists_others: bool,
) -> Vec<Fix> {
    let dropped = &fixed.dropped;
    let lost_results = Fix::LostResults {
        results: dropped.lost_results,
        blobs: super::content::lost_blobs(lost, cache),
    };
    let unreached = Fix::UnreachedRecords {
        records: dropped.unreached_records,
        results: dropped.unreached_results,
    };
    let compacted = Fix::Compacted {
        records_before: fixed.records.0 as u64,
        records: fixed.records.1 as u64,
        bytes_before: bytes_before as u64,
        bytes: fixed.text.len() as u64,
    };
    let (results, links) = (dropped.broken_results, dropped.broken_links);
    let loop_links = dropped.loop_links;
    let all = [
        (dropped.lost_results > 0, lost_results),
        (results > 0, Fix::BrokenResults { results }),
        (links > 0, Fix::BrokenLinks { links }),
        (loop_links > 0, Fix::LoopLinks { links: loop_links }),
        (dropped.unreached_records > 0, unreached),
        (
            lists_others && *dropped == Dropped::default(),
            Fix::IdleLayers,
        ),
        (is_smaller, compacted),
    ];
    let done = all.into_iter().filter(|(is_done, _)| *is_done);
    done.map(|(_, fix)| fix).collect()
}
