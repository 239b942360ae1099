//! What a policy needs to know of a ref.

use jiff::Timestamp;

use crate::backend::{EntryKind, StoreEntry};
use crate::inventory::{AgeSource, Inventory, Progress, RefEntry, RefKind};

/// What is known of a ref, or of a former content of one. What its backend cannot tell is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefFacts {
    /// What people call it.
    pub name: String,
    /// Further names under which a build imports it.
    pub aliases: Vec<String>,
    /// What it points to; it tells refs of the same name apart.
    pub digest: String,
    /// The source, as it was named.
    pub source: String,
    /// The repository, in a registry or on GitHub.
    pub repository: Option<String>,
    /// The branch that wrote it.
    pub branch: Option<String>,
    /// What it is.
    pub kind: RefKind,
    /// The platforms that it is for; none when that is not known.
    pub platforms: Vec<String>,
    /// The bytes that it reaches.
    pub bytes: u64,
    /// When its content was made, and who says so.
    pub created: Option<(Timestamp, AgeSource)>,
    /// When the store last saw its manifest written.
    pub modified: Option<Timestamp>,
    /// When a build last used it.
    pub used: Option<Timestamp>,
    /// `live`, `missing` or `broken`; `branch-gone`, or `superseded`.
    pub state: &'static str,
    /// How much of it is known.
    pub knowledge: Knowledge,
    /// 0 for what the name stands for now; former contents count from 1 on, the newest first.
    pub generation: u32,
}

/// How much of a ref is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knowledge {
    /// Everything that it names.
    Complete,
    /// What it names is not known, for nobody's fault; it is known what it is itself.
    Sealed,
    /// Something of it could not be read.
    Unreadable,
    /// The scan has not ended.
    Pending,
}

impl RefFacts {
    /// Returns all names under which a build imports it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.aliases).map(String::as_str)
    }

    /// Tells whether a build imports it by its name.
    pub fn is_ref(&self) -> bool {
        self.generation == 0 && self.is_of_a_ref()
    }

    /// Tells whether it is a ref, or a former content of one.
    pub fn is_of_a_ref(&self) -> bool {
        !matches!(self.kind, RefKind::Blob | RefKind::Entry)
    }

    /// Returns when it last changed: its content, or the manifest that stands for it.
    pub fn changed(&self) -> Option<Timestamp> {
        self.created.map(|(time, _)| time).max(self.modified)
    }
}

/// The state of a ref whose branch was deleted, or whose pull request was closed.
const BRANCH_GONE: &str = "branch-gone";
/// The state of a former content that no build imports.
pub(super) const SUPERSEDED: &str = "superseded";

/// What rules call the former contents of refs that the store does not name. No tag can be called so.
const UNTAGGED: &str = "<untagged>";

/// Returns what is known of the refs of `inventory`, in its order, and after them of the entries that rules may name;
/// `source` is its source, as it was named.
pub fn facts(inventory: &Inventory, source: &str) -> Vec<RefFacts> {
    let refs = inventory.refs.iter().map(|entry| of_entry(entry, inventory, source));
    let entries = inventory.entries.iter().map(|entry| of_store_entry(entry, inventory, source));
    refs.chain(entries).collect()
}

fn of_store_entry(entry: &StoreEntry, inventory: &Inventory, source: &str) -> RefFacts {
    let (kind, generation) = match entry.kind {
        EntryKind::Former(generation) => (RefKind::Cache, generation),
        EntryKind::Blob(_) | EntryKind::Copy(_) => (RefKind::Blob, 0),
        EntryKind::Signature | EntryKind::Foreign(_) => (RefKind::Entry, 0),
    };
    let blob = entry.kind.digest().and_then(|digest| inventory.blobs.find(&digest));
    let is_needed = blob.is_some_and(|id| inventory.blobs.get(id).refs() > 0);
    let is_gone = inventory.around.as_ref().is_some_and(|around| around.is_gone(&entry.branch));
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
        // A layer that a ref is known to reach goes with that ref, and by no rule of its own.
        knowledge: if is_needed { Knowledge::Unreadable } else { Knowledge::Complete },
        generation,
    }
}

fn of_entry(entry: &RefEntry, inventory: &Inventory, source: &str) -> RefFacts {
    let branch = entry.facts().branch.clone();
    let around = inventory.around.as_ref();
    let is_gone = branch.as_ref().is_some_and(|branch| around.is_some_and(|around| around.is_gone(branch)));
    // A former content goes by the name of its ref, so that the rules of that speak of it, too.
    let (name, aliases) = match (entry.facts().generation, &entry.facts().former_of) {
        (0, _) => (entry.name.clone(), entry.aliases.clone()),
        (_, of) => (of.clone().unwrap_or_else(|| UNTAGGED.to_owned()), vec![entry.name.clone()]),
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
            Progress::Listing => Knowledge::Pending,
            Progress::Complete if entry.sealed().is_some() => Knowledge::Sealed,
            // A ref that lacks a manifest cannot be imported; what there is of it is known.
            Progress::Complete if entry.is_unreadable() && entry.absent_manifests().is_empty() => Knowledge::Unreadable,
            Progress::Complete => Knowledge::Complete,
        },
        generation: entry.facts().generation,
    }
}
