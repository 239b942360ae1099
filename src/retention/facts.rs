//! The facts about a ref that a policy uses.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::backend::{CacheEntryKind, StoreEntry};
use crate::inventory::blobs::BlobId;
use crate::inventory::{AgeSource, Inventory, RefEntry, RefKind, ScanProgress};

/// The facts about a ref, or about a previous version of one. Facts unknown to the backend are
/// absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefFacts {
    /// Its display name.
    pub name: String,
    /// Further names that a build can import it by.
    pub aliases: Vec<String>,
    /// The digest of its manifest; it distinguishes refs of the same name.
    pub digest: String,
    /// The source, as the user named it.
    pub source: String,
    /// The repository, in a registry or on GitHub.
    pub repository: Option<String>,
    /// The branch that wrote it.
    pub branch: Option<String>,
    pub kind: RefKind,
    /// Its platforms; empty if unknown.
    pub platforms: Vec<String>,
    /// The bytes that it reaches.
    pub bytes: u64,
    /// When its content was created, and the origin of that time.
    pub created: Option<(Timestamp, AgeSource)>,
    /// When the store last saw its manifest written.
    pub modified: Option<Timestamp>,
    /// When a build last used it.
    pub used: Option<Timestamp>,
    /// `live`, `missing` or `broken`; `branch-gone`, or `superseded`.
    pub state: &'static str,
    /// How much of it is known.
    pub knowledge: Knowledge,
    /// 0 for the current content of the name; previous versions count from 1 on, the newest first.
    pub generation: u32,
    /// The subject of a signature or another artifact.
    pub belongs: Option<Belongs>,
}

/// The subject of a signature or another artifact: a manifest, and the refs that hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Belongs {
    /// The name of a ref that holds the manifest, else its digest.
    pub to: String,
    /// The indexes of the refs that hold it: those that point to it, and indexes that list it.
    pub held_by: Vec<usize>,
}

/// How much of a ref is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knowledge {
    /// All blobs that it references are known.
    Complete,
    /// Its references are withheld by design and not by a fault; the ref itself is known.
    Withheld,
    /// Some part could not be read.
    Unreadable,
    /// The scan has not finished.
    Pending,
}

impl RefFacts {
    /// Returns all names that a build can import it by.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name)
            .chain(&self.aliases)
            .map(String::as_str)
    }

    /// Returns whether a build can import it by its name.
    pub fn is_ref(&self) -> bool {
        self.generation == 0 && self.is_of_a_ref() && self.belongs.is_none()
    }

    /// Returns whether it is a ref, or a previous version of one.
    pub fn is_of_a_ref(&self) -> bool {
        !matches!(self.kind, RefKind::Blob | RefKind::Entry)
    }

    /// Returns when it last changed: its content, or its manifest.
    pub fn changed(&self) -> Option<Timestamp> {
        self.created.map(|(time, _)| time).max(self.modified)
    }
}

/// The state of a ref whose branch was deleted, or whose pull request was closed.
const BRANCH_GONE: &str = "branch-gone";
/// The state of a previous version that no build imports.
pub(super) const SUPERSEDED: &str = "superseded";

/// The name in rules for previous versions whose ref is unknown. No tag can have this name.
const UNTAGGED: &str = "<untagged>";

/// Returns the facts about the refs of `inventory` in its order, followed by the entries that rules
/// may name. `source` is its source, as the user named it.
pub fn facts(inventory: &Inventory, source: &str) -> Vec<RefFacts> {
    let refs = inventory
        .refs
        .iter()
        .map(|entry| of_entry(entry, inventory, source));
    let entries = inventory
        .entries
        .iter()
        .map(|entry| of_store_entry(entry, inventory, source));
    let mut facts: Vec<RefFacts> = refs.chain(entries).collect();
    for (place, belongs) in belongings(inventory) {
        facts[place].belongs = Some(belongs);
    }
    facts
}

/// Finds the subjects of signatures and other artifacts.
fn belongings(inventory: &Inventory) -> Vec<(usize, Belongs)> {
    let refs = inventory.refs.iter().enumerate();
    let artifacts: Vec<_> = refs
        .filter_map(|(place, entry)| Some((place, entry.subject?)))
        .collect();
    let find = |subject| inventory.blobs.find(&subject);
    let mut holders: HashMap<BlobId, Vec<usize>> = artifacts
        .iter()
        .filter_map(|(_, subject)| Some((find(*subject)?, Vec::new())))
        .collect();
    if !holders.is_empty() {
        for (place, entry) in inventory.refs.iter().enumerate() {
            // An artifact reaches its own subject, but does not hold it.
            let own = entry.subject.and_then(find);
            for blob in entry.reach.iter().filter(|blob| Some(**blob) != own) {
                if let Some(holders) = holders.get_mut(blob) {
                    holders.push(place);
                }
            }
        }
    }
    let belongs = |(place, subject)| {
        let held_by = find(subject)
            .and_then(|blob| holders.get(&blob))
            .cloned()
            .unwrap_or_default();
        // Tagged refs are preferred, and the refs themselves before the indexes that list them.
        let name = held_by.iter().map(|holder| &inventory.refs[*holder]);
        let name = name
            .filter(|holder| holder.subject.is_none())
            .min_by_key(|holder| (!holder.tagged, holder.digest().valid() != Some(subject)));
        let to = name.map_or_else(|| subject.to_string(), |holder| holder.name.clone());
        (place, Belongs { to, held_by })
    };
    artifacts.into_iter().map(belongs).collect()
}

fn of_store_entry(entry: &StoreEntry, inventory: &Inventory, source: &str) -> RefFacts {
    let (kind, generation) = match entry.kind {
        CacheEntryKind::Previous(generation) => (RefKind::Cache, generation),
        CacheEntryKind::Blob(_) | CacheEntryKind::Copy(_) => (RefKind::Blob, 0),
        CacheEntryKind::Signature | CacheEntryKind::Foreign(_) => (RefKind::Entry, 0),
    };
    let blob = entry
        .kind
        .digest()
        .and_then(|digest| inventory.blobs.find(&digest));
    let is_needed = blob.is_some_and(|id| inventory.blobs.get(id).refs() > 0);
    let is_gone = inventory
        .surroundings
        .quota()
        .is_some_and(|around| around.is_gone(&entry.branch));
    RefFacts {
        name: entry.label.clone(),
        aliases: Vec::new(),
        digest: entry.name.clone(),
        source: source.to_owned(),
        repository: None,
        branch: Some(entry.branch.clone()),
        kind,
        platforms: Vec::new(),
        bytes: entry.size,
        created: Some((entry.created, AgeSource::Store)),
        modified: Some(entry.touched()),
        used: entry.used,
        state: match generation {
            1.. => SUPERSEDED,
            0 if is_gone => BRANCH_GONE,
            0 => "live",
        },
        // A layer that some ref may reach is dropped with that ref, and never by a rule of its own.
        knowledge: if is_needed {
            Knowledge::Unreadable
        } else {
            Knowledge::Complete
        },
        generation,
        belongs: None,
    }
}

fn of_entry(entry: &RefEntry, inventory: &Inventory, source: &str) -> RefFacts {
    let branch = entry.facts().branch.clone();
    let around = inventory.surroundings.quota();
    let is_gone = branch
        .as_ref()
        .is_some_and(|branch| around.is_some_and(|around| around.is_gone(branch)));
    // A previous version has the name of its ref, so the rules for the ref apply to it too.
    let (name, aliases) = match (entry.facts().generation, &entry.facts().previous_of) {
        (0, _) => (entry.name.clone(), entry.aliases.clone()),
        (_, of) => (
            of.clone().unwrap_or_else(|| UNTAGGED.to_owned()),
            vec![entry.name.clone()],
        ),
    };
    RefFacts {
        name,
        aliases,
        digest: entry.digest().to_string(),
        source: source.to_owned(),
        repository: entry.facts().repository.clone(),
        branch,
        kind: entry.kind,
        platforms: entry.platforms.clone(),
        bytes: entry.sizes.bytes,
        created: entry.age(),
        modified: entry.modified,
        used: entry.facts().used,
        state: if is_gone { BRANCH_GONE } else { entry.state() },
        knowledge: match inventory.progress {
            ScanProgress::Listing => Knowledge::Pending,
            ScanProgress::Complete if entry.withheld().is_some() => Knowledge::Withheld,
            // A ref without its manifest cannot be imported, but everything that exists of it is
            // known.
            ScanProgress::Complete
                if entry.is_unreadable() && entry.absent_manifests().is_empty() =>
            {
                Knowledge::Unreadable
            }
            ScanProgress::Complete => Knowledge::Complete,
        },
        generation: entry.facts().generation,
        belongs: None,
    }
}
