//! Sorts the listed entries into refs and objects.

use std::collections::{HashMap, HashSet};

use super::UNLISTED;
use super::entry::{self, EntryContent, IndexKey, ListedEntry};
use crate::backend::StoredObject;
use crate::backend::entries::{CacheEntryKind, StoreEntry, short_branch};
use crate::backend::listing::BrokenListing;
use crate::backend::{ListedRef, ListedRefFacts, WithheldReason};
use crate::format::digest::{Digest, DigestText};
use crate::format::manifest::{CACHE_CONFIG, Descriptor};

/// Creates a withheld ref that represents the indexes missing from a list.
pub(super) fn unlisted(broken: BrokenListing) -> ListedRef {
    let mut descriptor = Descriptor::named(DigestText::Valid(Digest::of(UNLISTED.as_bytes())));
    CACHE_CONFIG.clone_into(&mut descriptor.media_type);
    let facts = ListedRefFacts {
        withheld: Some(WithheldReason::NotListed(broken.to_string())),
        ..ListedRefFacts::default()
    };
    ListedRef {
        facts,
        ..ListedRef::new(vec![UNLISTED.to_owned()], descriptor)
    }
}

/// An index with its position among the versions of its ref.
pub(super) struct RankedIndex {
    pub(super) listed: ListedEntry,
    /// The name of its ref.
    pub(super) name: String,
    /// 0 for the index that a build imports.
    pub(super) steps_back: u32,
}

/// Ranks indexes. Of the indexes of a scope and branch, a build imports the newest; the others are
/// previous versions (`SaveMutable` in `github.com/tonistiigi/go-actions-cache`).
pub(super) fn sort_out(all: Vec<ListedEntry>) -> Vec<RankedIndex> {
    let refs: HashSet<String> = all.iter().map(|listed| listed.git_ref.clone()).collect();
    let by_hash: HashMap<String, String> = refs
        .into_iter()
        .map(|git_ref| (entry::ref_hash(&git_ref), git_ref))
        .collect();
    let mut groups: HashMap<_, Vec<(u64, ListedEntry)>> = HashMap::new();
    for listed in all {
        let EntryContent::Index(IndexKey {
            scope,
            ref_hash,
            is_signed,
            number,
        }) = listed.what()
        else {
            continue;
        };
        let key = (scope, ref_hash, listed.git_ref.clone(), is_signed);
        groups.entry(key).or_default().push((number, listed));
    }
    let mut sorted = Vec::new();
    for ((scope, ref_hash, git_ref, is_signed), mut group) in groups {
        // A hash that does not match the entry's own branch was written for another branch, which
        // may be known from other entries.
        let hashed = by_hash
            .get(&ref_hash)
            .map_or(ref_hash.as_str(), |git_ref| short_branch(git_ref));
        let place = short_branch(&git_ref);
        let mut name = format!("{scope}@{hashed}");
        if hashed != place {
            name = format!("{name} on {place}");
        }
        if is_signed {
            name.push_str(" signed");
        }
        group.sort_by(|(a, one), (b, other)| (other.created_at, b).cmp(&(one.created_at, a)));
        let ranked = (0..)
            .zip(group)
            .map(|(steps_back, (_, listed))| RankedIndex {
                listed,
                name: name.clone(),
                steps_back,
            });
        sorted.extend(ranked);
    }
    sorted.sort_by(|a, b| {
        (&a.name, a.steps_back, a.listed.id).cmp(&(&b.name, b.steps_back, b.listed.id))
    });
    sorted
}

/// The entries that a listing has sent so far.
#[derive(Default)]
pub(super) struct ListedSoFar {
    pub(super) blobs: HashSet<Digest>,
    pub(super) branches: HashSet<String>,
    /// All indexes. Which of them are superseded is known only at the end.
    pub(super) indexes: Vec<ListedEntry>,
}

impl ListedSoFar {
    pub(super) fn objects_of(&mut self, listed: ListedEntry) -> Vec<StoredObject> {
        if !self.branches.contains(&listed.git_ref) {
            self.branches.insert(listed.git_ref.clone());
        }
        let label = listed.key.clone();
        let touched = listed.touched();
        let size = listed.size_in_bytes;
        let entry = |listed, kind| StoredObject::Entry(store_entry(listed, label, kind));
        match listed.what() {
            EntryContent::Index(_) => {
                self.indexes.push(listed);
                Vec::new()
            }
            EntryContent::Blob(digest) if self.blobs.insert(digest) => {
                let blob = StoredObject::Blob {
                    digest,
                    size,
                    modified: Some(touched),
                };
                vec![blob, entry(listed, CacheEntryKind::Blob(digest))]
            }
            EntryContent::Blob(digest) => vec![entry(listed, CacheEntryKind::Copy(digest))],
            EntryContent::Signature => vec![entry(listed, CacheEntryKind::Signature)],
            EntryContent::Foreign(tool) => vec![entry(listed, CacheEntryKind::Foreign(tool))],
        }
    }

    pub(super) fn indexes(&mut self) -> Vec<StoredObject> {
        let previous = |index: RankedIndex| {
            StoredObject::Entry(store_entry(
                index.listed,
                index.name,
                CacheEntryKind::Previous(index.steps_back),
            ))
        };
        let indexes = sort_out(std::mem::take(&mut self.indexes));
        // Indexes that a build imports are refs.
        indexes
            .into_iter()
            .filter(|index| index.steps_back > 0)
            .map(previous)
            .collect()
    }
}

fn store_entry(listed: ListedEntry, label: String, kind: CacheEntryKind) -> StoreEntry {
    StoreEntry {
        name: listed.name(),
        label,
        kind,
        size: listed.size_in_bytes,
        created: listed.created_at,
        used: listed.last_accessed_at,
        branch: listed.git_ref,
    }
}
