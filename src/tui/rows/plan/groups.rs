//! Kept items with the same reason, as one row that unfolds.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use crate::prune::plan::ItemKind;
use crate::text::plural::one_or;
use crate::text::units::grouped;
use crate::tui::pruning::{PlanEntry, Planned};

/// Fewer items with the same reason are rows of their own.
const LEAST: usize = 4;

/// Items with the same reason.
#[derive(Debug)]
pub(super) struct PlanGroup {
    pub(super) kind: ItemKind,
    /// The reason, without what is particular to one item.
    pub(super) label: String,
    pub(super) members: Vec<PlanEntry>,
    pub(super) is_open: bool,
}

impl PlanGroup {
    /// Returns its name: `187 refs`.
    pub(super) fn name(&self) -> String {
        let count = self.members.len();
        let (one, more) = match self.kind {
            ItemKind::Ref => ("ref", "refs"),
            ItemKind::Blob => ("blob", "blobs"),
            ItemKind::Entry => ("entry", "entries"),
            ItemKind::Partial => ("unfinished upload", "unfinished uploads"),
            ItemKind::Object | ItemKind::Results => ("object", "objects"),
        };
        format!("{} {}", grouped(count as u64), one_or(count, one, more))
    }
}

/// A row: a group, or an item of the group before it.
#[derive(Debug, Clone, Copy)]
pub(super) enum PlanSlot {
    Group(usize),
    Entry(PlanEntry),
}

/// Rows in groups.
#[derive(Debug)]
pub(super) struct PlanGroups {
    pub(super) groups: Vec<PlanGroup>,
    /// The rows, each with the number of its group: rows with a smaller one stand above.
    pub(super) rows: Vec<(u64, PlanSlot)>,
}

impl PlanGroups {
    /// Groups the kept items by their reasons; unfolds the groups with a label in `open`. The
    /// largest group comes first.
    pub(super) fn new(planned: &Planned, entries: &[PlanEntry], open: &HashSet<String>) -> Self {
        let mut members: BTreeMap<(ItemKind, String), Vec<PlanEntry>> = BTreeMap::new();
        for entry in entries {
            members
                .entry(key(planned, *entry))
                .or_default()
                .push(*entry);
        }
        let mut members: Vec<_> = members.into_iter().collect();
        members.sort_by_key(|(_, members)| Reverse(members.len()));
        let mut groups = Vec::new();
        let mut rows = Vec::new();
        for (number, ((kind, label), members)) in (0..).zip(members) {
            let number = 2 * number;
            let items = |rows: &mut Vec<(u64, PlanSlot)>| {
                let slots = members.iter().map(|entry| PlanSlot::Entry(*entry));
                rows.extend(slots.map(|slot| (number + 1, slot)));
            };
            if members.len() < LEAST {
                items(&mut rows);
                continue;
            }
            let is_open = open.contains(&label);
            rows.push((number, PlanSlot::Group(groups.len())));
            if is_open {
                items(&mut rows);
            }
            groups.push(PlanGroup {
                kind,
                label,
                members,
                is_open,
            });
        }
        Self { groups, rows }
    }
}

/// Returns the kind of a kept item, and its most important reason.
fn key(planned: &Planned, entry: PlanEntry) -> (ItemKind, String) {
    match entry {
        PlanEntry::Held(_, fate) => (ItemKind::Blob, fate.sentence().to_owned()),
        PlanEntry::Kept(place) => {
            let kept = &planned.plan.keep()[place as usize];
            (kept.kind, kept.group_reason())
        }
        // A run of the trash is a row of its own.
        PlanEntry::Trash(place) => (ItemKind::Object, format!("run {place}")),
        PlanEntry::Deletion(place) => (ItemKind::Results, format!("item {place}")),
    }
}
