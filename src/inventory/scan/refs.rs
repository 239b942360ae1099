//! Makes the entries of refs, and completes them when the listing has ended.

use std::collections::HashMap;
use std::sync::Arc;

use crate::backend::ListedRef;
use crate::format::digest::Digest;
use crate::inventory::blobs::{BlobId, BlobTable};
use crate::inventory::resolve::Resolved;
use crate::inventory::{
    AgeSource, Inventory, RecordCounts, RefEntry, RefSizes, StoreWarning, signed,
};
use crate::text::escape::visible;

pub(super) fn entry(listed_ref: &ListedRef, resolved: Resolved, blobs: &mut BlobTable) -> RefEntry {
    let media_types = resolved.media_types.iter();
    let media_types: Vec<_> = media_types.map(|text| blobs.media_type(text)).collect();
    let mut reach: Vec<_> = resolved
        .named
        .iter()
        .map(|named| {
            let id = if named.is_foreign {
                blobs.name_foreign(named.digest, named.size)
            } else {
                blobs.name(named.digest, named.size, named.role)
            };
            let place = named.media_type.map(usize::from);
            if let Some(media_type) = place.and_then(|place| *media_types.get(place)?) {
                blobs.set_media_type(id, media_type);
            }
            id
        })
        .collect();
    let name = listed_ref.names.first().map(String::as_str);
    let belonging = if resolved.caches.is_empty() {
        signed::belonging(name, resolved.relation)
    } else {
        None
    };
    reach.sort_unstable();
    reach.dedup();
    for id in &reach {
        blobs.add_ref(*id);
    }
    RefEntry {
        listed_ref: listed_ref.clone(),
        name: listed_ref.name(),
        aliases: listed_ref.names.iter().skip(1).cloned().collect(),
        tagged: !listed_ref.names.is_empty(),
        kind: belonging.map_or_else(|| resolved.kind(), |belonging| belonging.kind),
        created: resolved.created(),
        modified: listed_ref.facts.modified,
        layers: resolved.layers,
        records: None,
        reach: reach.into(),
        sizes: RefSizes::default(),
        platforms: resolved.platforms,
        faults: resolved.faults,
        subject: belonging.map(|belonging| belonging.subject),
        caches: resolved.caches.into(),
    }
}

pub(super) fn duplicate_names(listed_refs: &[ListedRef]) -> Vec<StoreWarning> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for name in listed_refs.iter().flat_map(|listed_ref| &listed_ref.names) {
        *counts.entry(name).or_default() += 1;
    }
    let mut names: Vec<(&str, usize)> =
        counts.into_iter().filter(|(_, count)| *count > 1).collect();
    names.sort_unstable();
    let warning = |(name, count)| StoreWarning::DuplicateName {
        name: visible(name).into_owned(),
        count,
    };
    names.into_iter().map(warning).collect()
}

/// Fills in the facts that need the whole listing: sizes, states of records, times of manifests.
pub(super) fn finish(inventory: &mut Inventory) {
    let blobs = &inventory.blobs;
    for entry in Arc::make_mut(&mut inventory.refs) {
        let is_stored = |digest: Digest| {
            blobs
                .find(&digest)
                .is_some_and(|id| blobs.get(id).is_stored())
        };
        for fault in &mut entry.faults {
            // A document that appeared during the scan has not been read, which is not the same as
            // absent.
            if fault.is_absence() && fault.subject.parse().is_ok_and(is_stored) {
                fault.came_late();
            }
        }
        entry.sizes = sizes(&entry.reach, blobs);
        let own = entry.facts().bytes;
        entry.sizes.bytes = entry.sizes.bytes.saturating_add(own);
        entry.sizes.exclusive_bytes = entry
            .sizes
            .exclusive_bytes
            .map(|bytes| bytes.saturating_add(own));
        let stored = entry
            .digest()
            .valid()
            .and_then(|digest| blobs.find(&digest));
        let stored = stored.and_then(|id| blobs.get(id).modified());
        entry.modified = entry.facts().modified.or(stored);
        let counts = entry.caches.iter().map(|cache| cache.counts(blobs));
        entry.records = counts.reduce(RecordCounts::plus);
    }
}

/// Gives artifacts without a date the date of the ref that holds their subject: a registry has no
/// times of its own, and lists of referrers have no config.
pub(super) fn inherit_dates(inventory: &mut Inventory) {
    let refs = &inventory.refs;
    let undated = refs
        .iter()
        .enumerate()
        .filter(|(_, entry)| entry.age().is_none());
    let undated =
        undated.filter_map(|(place, entry)| Some((place, inventory.blobs.find(&entry.subject?)?)));
    let age = |subject| {
        let holders = refs
            .iter()
            .filter(|entry| entry.subject.is_none() && entry.reaches(subject));
        holders
            .filter_map(RefEntry::age)
            .map(|(time, _)| time)
            .max()
    };
    let found: Vec<_> = undated
        .filter_map(|(place, subject)| Some((place, age(subject)?)))
        .collect();
    if found.is_empty() {
        return;
    }
    let refs = Arc::make_mut(&mut inventory.refs);
    for (place, time) in found {
        refs[place].created = Some((time, AgeSource::Subject));
    }
}

fn sizes(reach: &[BlobId], blobs: &BlobTable) -> RefSizes {
    let mut sizes = RefSizes::default();
    let mut exclusive_bytes = 0_u64;
    for blob in reach.iter().map(|id| blobs.get(*id)) {
        if blob.is_stored() {
            sizes.bytes = sizes.bytes.saturating_add(blob.stored_size());
            sizes.resized_blobs += u64::from(blob.is_resized());
            if blob.refs() == 1 {
                exclusive_bytes = exclusive_bytes.saturating_add(blob.stored_size());
            }
        } else if !blob.is_foreign() {
            sizes.missing_blobs += 1;
            sizes.missing_bytes = sizes
                .missing_bytes
                .saturating_add(blob.size().unwrap_or_default());
        }
    }
    sizes.exclusive_bytes = blobs.knows_all_refs().then_some(exclusive_bytes);
    sizes
}
