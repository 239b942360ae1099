//! A shared quota: its usage, its users, the next evictions, and the caches that each build can
//! read.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::backend::{CacheEntryKind, QuotaFacts, short_branch};
use crate::cli::table::{Paper, Style, Table, TableAlign, TableCell};
use crate::inventory::Inventory;
use crate::inventory::quota::{Evictions, Visibility};
use crate::text::escape::visible;
use crate::text::units::{Age, Size};

/// The fields of `du` for a store with a quota.
#[derive(Serialize)]
pub(super) struct SharedStoreFields {
    quota: Quota,
    groups: Vec<EntryGroup>,
    visibility: Vec<BranchReads>,
    /// The facts that could not be determined, with reasons.
    not_known: Vec<String>,
}

#[derive(Serialize)]
struct Quota {
    limit_bytes: u64,
    /// Whether the service reported the limit; otherwise it is the usual one.
    limit_is_reported: bool,
    used_bytes: u64,
    entries: u64,
    /// The usage according to the service, some minutes late.
    counted_bytes: Option<u64>,
    /// The bytes that can be written before the least recently used entry is evicted; 0 if
    /// evictions are due already.
    headroom_bytes: u64,
}

/// Entries of the same kind on the same branch.
#[derive(Serialize)]
struct EntryGroup {
    branch: String,
    branch_gone: bool,
    /// A ref, or a kind of entries.
    what: String,
    entries: u64,
    bytes: u64,
    /// The creation time of the newest one.
    created: Option<Timestamp>,
    last_used: Option<Timestamp>,
    /// The time at which the first one is evicted for lack of use.
    first_evicted: Option<Timestamp>,
    /// The bytes that must be written before the first one is evicted for lack of room.
    evicted_after_bytes: u64,
}

/// The caches that builds on a branch can read.
#[derive(Serialize)]
struct BranchReads {
    branch: String,
    reads: Vec<String>,
    /// Branches whose caches they cannot read.
    cannot_see: Vec<String>,
}

impl From<Visibility> for BranchReads {
    fn from(
        Visibility {
            branch,
            reads,
            cannot_see,
        }: Visibility,
    ) -> Self {
        Self {
            branch,
            reads,
            cannot_see,
        }
    }
}

impl SharedStoreFields {
    /// Sums up an inventory; `None` for a store without a quota.
    pub(super) fn new(inventory: &Inventory) -> Option<Self> {
        let around = inventory.surroundings.quota()?;
        let evictions = inventory.evictions()?;
        let groups = EntryGroup::all(inventory, around, &evictions);
        Some(Self {
            quota: Quota {
                limit_bytes: around.limit,
                limit_is_reported: around.limit_is_reported,
                used_bytes: evictions.used_bytes,
                entries: (evictions.refs.len() + evictions.entries.len()) as u64,
                counted_bytes: around.counted_bytes,
                headroom_bytes: evictions.headroom_bytes,
            },
            groups,
            visibility: inventory
                .visibility()
                .into_iter()
                .map(BranchReads::from)
                .collect(),
            not_known: around.unknown.iter().map(ToString::to_string).collect(),
        })
    }

    /// Prints the tables.
    pub(super) fn print(&self, now: Timestamp, paper: Paper) -> String {
        let Quota {
            limit_bytes,
            limit_is_reported,
            used_bytes,
            headroom_bytes,
            ..
        } = &self.quota;
        let percent = u128::from(*used_bytes) * 100 / u128::from((*limit_bytes).max(1));
        let usual = if *limit_is_reported {
            ""
        } else {
            ", as it usually is"
        };
        let room = if *headroom_bytes == 0 {
            "it is full: the least recently used entries are evicted".to_owned()
        } else {
            format!("{} free", Size(*headroom_bytes))
        };
        let mut text = format!(
            "\nquota  {} of {}{usual} ({percent} %), {room}\n",
            Size(*used_bytes),
            Size(*limit_bytes)
        );

        text += &self.group_table(now).render(paper);
        if self.visibility.len() > 1 {
            text.push('\n');
            for visible_to in &self.visibility {
                visible_to.add_to(&mut text);
            }
        }
        for unknown in &self.not_known {
            text.extend(["not known: ", unknown, "\n"]);
        }
        text
    }

    fn group_table(&self, now: Timestamp) -> Table {
        let mut table = Table::new([
            ("BRANCH", TableAlign::Left),
            ("WHAT", TableAlign::Left),
            ("ENTRIES", TableAlign::Right),
            ("SIZE", TableAlign::Right),
            ("USED", TableAlign::Right),
            ("EVICTED IN", TableAlign::Right),
            ("OR AFTER", TableAlign::Right),
            ("", TableAlign::Left),
        ]);
        for group in &self.groups {
            let gone = if group.branch_gone {
                "the branch is gone"
            } else {
                ""
            };
            table.row([
                TableCell::new(short_branch(&group.branch)).style(Style::Strong),
                TableCell::new(&group.what),
                TableCell::new(group.entries.to_string()),
                TableCell::new(Size(group.bytes).to_string()),
                TableCell::maybe(group.last_used.map(|used| Age::between(used, now))),
                TableCell::maybe(
                    group
                        .first_evicted
                        .map(|evicted| Age::between(now, evicted)),
                ),
                TableCell::new(Size(group.evicted_after_bytes).to_string()),
                TableCell::new(gone).style(Style::Bad),
            ]);
        }
        table
    }
}

impl BranchReads {
    /// Adds which caches a build on the branch reads.
    fn add_to(&self, text: &mut String) {
        let names = |branches: &[String]| {
            branches
                .iter()
                .map(|branch| visible(short_branch(branch)).into_owned())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let branch = visible(short_branch(&self.branch));
        let reads = names(&self.reads);
        text.extend(["a build on ", &branch, " reads the caches of ", &reads]);
        if !self.cannot_see.is_empty() {
            text.extend(["; it cannot see that of ", &names(&self.cannot_see)]);
        }
        text.push('\n');
    }
}

impl EntryGroup {
    /// Groups the refs and the other entries, the largest group first.
    fn all(inventory: &Inventory, around: &QuotaFacts, evictions: &Evictions) -> Vec<Self> {
        let refs = inventory.refs.iter().map(|entry| {
            let facts = entry.facts();
            let branch = facts.branch.clone().unwrap_or_default();
            (
                branch,
                format!("index {}", entry.name),
                facts.bytes,
                facts.modified,
                facts.used,
            )
        });
        let entries = inventory.entries.iter().map(|entry| {
            let what = match entry.kind {
                CacheEntryKind::Previous(_) => format!("superseded {}", entry.label),
                kind => kind.word().to_owned(),
            };
            (
                entry.branch.clone(),
                what,
                entry.size,
                Some(entry.created),
                entry.used,
            )
        });
        let mut groups: BTreeMap<(String, String), EntryGroup> = BTreeMap::new();
        let all = refs
            .chain(entries)
            .zip(evictions.refs.iter().chain(&evictions.entries));
        for ((branch, what, bytes, created, used), eviction) in all {
            let group = groups
                .entry((branch.clone(), what.clone()))
                .or_insert_with(|| EntryGroup {
                    branch_gone: around.is_gone(&branch),
                    branch,
                    what,
                    entries: 0,
                    bytes: 0,
                    created: None,
                    last_used: None,
                    first_evicted: None,
                    evicted_after_bytes: u64::MAX,
                });
            group.entries += 1;
            group.bytes = group.bytes.saturating_add(bytes);
            group.created = group.created.max(created);
            group.last_used = group.last_used.max(used.or(created));
            group.first_evicted = [group.first_evicted, eviction.idle_at]
                .into_iter()
                .flatten()
                .min();
            group.evicted_after_bytes = group.evicted_after_bytes.min(eviction.after_bytes);
        }
        let mut groups: Vec<EntryGroup> = groups.into_values().collect();
        groups.sort_by(|a, b| (b.bytes, &a.branch, &a.what).cmp(&(a.bytes, &b.branch, &b.what)));
        groups
    }
}
