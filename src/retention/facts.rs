//! What a policy needs to know of a ref.

use jiff::Timestamp;

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
    /// `live`, `missing` or `broken`.
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

    /// Returns when it last changed: its content, or the manifest that stands for it.
    pub fn changed(&self) -> Option<Timestamp> {
        self.created.map(|(time, _)| time).max(self.modified)
    }
}

/// Returns what is known of the refs of `inventory`, in its order; `source` is its source, as it was named.
pub fn facts(inventory: &Inventory, source: &str) -> Vec<RefFacts> {
    inventory.refs.iter().map(|entry| of_entry(entry, inventory.progress, source)).collect()
}

fn of_entry(entry: &RefEntry, progress: Progress, source: &str) -> RefFacts {
    RefFacts {
        name: entry.name.clone(),
        aliases: entry.aliases.clone(),
        digest: entry.digest().to_string(),
        source: source.to_owned(),
        repository: entry.facts().repository.clone(),
        branch: entry.facts().branch.clone(),
        kind: entry.kind,
        platforms: entry.platforms.clone(),
        bytes: entry.sizes.bytes,
        created: entry.age(),
        modified: entry.modified,
        used: entry.facts().used,
        state: entry.state(),
        knowledge: match progress {
            Progress::Listing => Knowledge::Pending,
            Progress::Complete if entry.is_unreadable() => Knowledge::Unreadable,
            Progress::Complete => Knowledge::Complete,
        },
        generation: entry.facts().generation,
    }
}
