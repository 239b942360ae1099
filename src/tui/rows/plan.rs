//! The items of a plan as rows: deleted, waiting, and kept.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Align, Cell, Column, DetailLine, Identity, NONE, RowSet, Sortable};
use crate::inventory::RefEntry;
use crate::inventory::blobs::Blob;
use crate::inventory::filter::Filter;
use crate::prune::plan::{Deletion, DeletionTarget, ItemKind, ItemReason};
use crate::text::units::{Age, Size};
use crate::tui::pruning::{KeptTrash, PlanChoice, PlanEntry, PlanSection, Planned};
use crate::tui::theme::TextRole;

mod details;
mod groups;
mod item;
mod sizes;

use details::{bytes_fact, result_lines};
use groups::{PlanGroup, PlanGroups, PlanSlot};
pub(super) use item::short_name;
use item::{PlanRow, Thing};
use sizes::BAR;

/// The column of sizes, the initial sort column.
pub const SIZE: usize = 1;

const COLUMNS: &[Column] = &[
    Column {
        title: "WHAT",
        align: Align::Left,
        min: 20,
        max: 80,
        rank: 0,
        sort: Sortable::Ascending,
    },
    Column {
        title: "SIZE",
        align: Align::Right,
        min: 8,
        max: 8,
        rank: 1,
        sort: Sortable::Descending,
    },
    Column {
        title: "",
        align: Align::Left,
        min: BAR,
        max: BAR,
        rank: 3,
        sort: Sortable::No,
    },
    Column {
        title: "WHY",
        align: Align::Left,
        min: 25,
        max: 90,
        rank: 2,
        sort: Sortable::Ascending,
    },
];

/// A part of a plan.
#[derive(Debug)]
pub struct PlanRows {
    planned: Arc<Planned>,
    part: PlanSection,
    entries: Arc<Vec<PlanEntry>>,
    /// The size of the largest item.
    largest: OnceLock<u64>,
    /// The rows, if they are in groups.
    groups: Option<PlanGroups>,
    places: OnceLock<HashMap<Identity, u32>>,
}

impl PlanRows {
    /// Shows a part of a plan.
    pub fn new(planned: Arc<Planned>, part: PlanSection) -> Self {
        let entries = Arc::clone(planned.part(part));
        Self {
            planned,
            part,
            entries,
            largest: OnceLock::new(),
            groups: None,
            places: OnceLock::new(),
        }
    }

    /// Shows the kept items in groups by reason; those with a reason in `open` are unfolded.
    pub fn kept(planned: Arc<Planned>, open: &HashSet<String>) -> Self {
        let rows = Self::new(planned, PlanSection::Keep);
        let groups = PlanGroups::new(&rows.planned, &rows.entries, open);
        Self {
            groups: Some(groups),
            ..rows
        }
    }

    fn slot(&self, row: u32) -> PlanSlot {
        match &self.groups {
            Some(groups) => groups.rows[row as usize].1,
            None => PlanSlot::Entry(self.entries[row as usize]),
        }
    }

    fn group_at(&self, row: u32) -> Option<&PlanGroup> {
        match (self.slot(row), &self.groups) {
            (PlanSlot::Group(place), Some(groups)) => groups.groups.get(place),
            _ => None,
        }
    }

    fn has_groups(&self) -> bool {
        let groups = self.groups.as_ref();
        groups.is_some_and(|groups| !groups.groups.is_empty())
    }

    /// Returns the reason of the group in a row, if it is one.
    pub fn group_reason(&self, row: u32) -> Option<String> {
        Some(self.group_at(row)?.label.clone())
    }

    /// Returns the deletion of a row, if it is one.
    pub fn deletion(&self, row: u32) -> Option<Cow<'_, Deletion>> {
        if row >= self.count() {
            return None;
        }
        match self.slot(row) {
            PlanSlot::Entry(PlanEntry::Deletion(place)) => {
                self.planned.whole.delete().get(place as usize)
            }
            _ => None,
        }
    }

    fn trash(&self, place: u32) -> &KeptTrash {
        &self.planned.trash[place as usize]
    }

    /// Returns the names of the refs in a row: of one, or of those in a group.
    pub fn ref_names(&self, row: u32) -> Vec<String> {
        let members = self.group_at(row).map(|group| group.members.as_slice());
        let items: Vec<PlanRow<'_>> = match members {
            Some(members) => members.iter().map(|entry| self.entry(*entry)).collect(),
            None => vec![self.item(row)],
        };
        let refs = items.into_iter().filter(|item| item.kind == ItemKind::Ref);
        refs.map(|item| item.name).collect()
    }

    /// Returns the kind and the short name of an item.
    pub fn short_name(&self, row: u32) -> String {
        if let Some(group) = self.group_at(row) {
            return format!("{}: {}", group.name(), group.label);
        }
        let item = self.item(row);
        format!("{} {}", item.kind.word(), short_name(item.kind, &item.name))
    }

    /// Returns whether an item stays because of an exclusion.
    pub fn is_excluded(&self, row: u32) -> bool {
        let standing = self.item(row).standing;
        standing.is_some_and(|standing| standing != PlanChoice::Deleted)
    }

    fn thing(&self, row: u32) -> Thing<'_> {
        let entry = match self.slot(row) {
            PlanSlot::Group(_) => {
                let label = self.group_at(row).map(|group| group.label.as_str());
                return Thing::Group(label.unwrap_or_default());
            }
            PlanSlot::Entry(entry) => entry,
        };
        match entry {
            PlanEntry::Deletion(place) => {
                Thing::Delete(self.planned.whole.delete().at(place as usize))
            }
            PlanEntry::Kept(place) => Thing::Kept(&self.planned.plan.keep()[place as usize]),
            PlanEntry::Held(id, _) => {
                Thing::Held(self.planned.draft.inventory().blobs.get(id).digest())
            }
            PlanEntry::Trash(place) => Thing::Trash(self.trash(place)),
        }
    }

    /// Returns the ref that an item is, if the scan found it.
    fn find_ref(&self, name: &str, digest: &str) -> Option<&RefEntry> {
        let id = self.planned.find_ref(name, digest)?;
        self.planned.draft.inventory().get_ref(id)
    }

    fn item(&self, row: u32) -> PlanRow<'_> {
        match self.slot(row) {
            PlanSlot::Entry(entry) => self.entry(entry),
            PlanSlot::Group(_) => self.grouped(row),
        }
    }

    /// Returns a group as one item.
    fn grouped(&self, row: u32) -> PlanRow<'_> {
        let group = self.group_at(row);
        PlanRow {
            kind: group.map_or(ItemKind::Ref, |group| group.kind),
            name: group.map(PlanGroup::name).unwrap_or_default(),
            bytes: self.known_bytes(row),
            entry: None,
            modified: None,
            standing: None,
            reasons: group.map(|group| group.label.clone()).into_iter().collect(),
        }
    }

    fn entry(&self, entry: PlanEntry) -> PlanRow<'_> {
        let planned = &*self.planned;
        let bytes = self.bytes_of(entry);
        match entry {
            PlanEntry::Deletion(place) => self.deleted(place as usize, bytes),
            PlanEntry::Kept(place) => {
                let kept = &planned.plan.keep()[place as usize];
                let entry = kept
                    .digest
                    .as_ref()
                    .and_then(|digest| self.find_ref(&kept.name, digest));
                PlanRow {
                    kind: kept.kind,
                    name: kept.name.clone(),
                    bytes,
                    entry,
                    modified: None,
                    standing: None,
                    reasons: item_words(&kept.reasons),
                }
            }
            PlanEntry::Trash(place) => self.trashed(self.trash(place)),
            PlanEntry::Held(id, fate) => {
                let blob: Blob<'_> = planned.draft.inventory().blobs.get(id);
                PlanRow {
                    kind: ItemKind::Blob,
                    name: blob.digest().to_string(),
                    bytes,
                    entry: None,
                    modified: blob.modified(),
                    standing: None,
                    reasons: vec![fate.sentence().to_owned()],
                }
            }
        }
    }

    fn deleted(&self, place: usize, bytes: Option<u64>) -> PlanRow<'_> {
        let planned = &*self.planned;
        let item = planned.whole.delete().at(place);
        let Deletion { target, reasons } = &*item;
        let name = target.name();
        let (entry, modified) = match target {
            DeletionTarget::Ref(target) => (self.find_ref(&name, &target.digest.to_string()), None),
            DeletionTarget::Rewrite(rewrite) => (
                self.find_ref(&name, &rewrite.documents.from.digest.to_string()),
                None,
            ),
            DeletionTarget::Object(object) => (None, Some(object.modified)),
        };
        let standing = planned.standings.get(place).copied();
        PlanRow {
            kind: target.kind(),
            name,
            bytes,
            entry,
            modified,
            standing,
            reasons: item_words(reasons),
        }
    }
}

fn item_words(reasons: &[ItemReason]) -> Vec<String> {
    reasons.iter().map(ToString::to_string).collect()
}

impl RowSet for PlanRows {
    fn count(&self) -> u32 {
        let rows = self.groups.as_ref().map(|groups| groups.rows.len());
        u32::try_from(rows.unwrap_or(self.entries.len())).unwrap_or(u32::MAX)
    }

    fn group(&self, row: u32) -> u64 {
        let groups = self.groups.as_ref();
        groups.map_or(0, |groups| groups.rows[row as usize].0)
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn cells(&self, row: u32, _now: Timestamp) -> Vec<Cell> {
        let item = self.item(row);
        let role = if item.stays() {
            TextRole::Dim
        } else {
            TextRole::Text
        };
        let size = item
            .bytes
            .map_or(NONE.to_owned(), |bytes| Size(bytes).to_string());
        let sign = if item.stays() { "✗ " } else { "" };
        let kind = format!("{:<8}", item.kind_word());
        let what = match self.group_at(row) {
            Some(group) => Cell::new(if group.is_open { "▾ " } else { "▸ " }, TextRole::Title),
            None if self.has_groups() => Cell::new(format!("  {kind}"), TextRole::Dim),
            None => Cell::new(kind, TextRole::Dim),
        };
        let what = what.and(sign, TextRole::Mark);
        vec![
            what.and(short_name(item.kind, &item.name), role),
            Cell::new(size, role),
            self.bar(row, item.stays()),
            item.why(),
        ]
    }

    fn details(&self, row: u32, now: Timestamp) -> Vec<DetailLine> {
        let item = self.item(row);
        let mut details = vec![DetailLine::Heading(item.name.clone().into())];
        if item.stays() {
            details.push(DetailLine::Text(
                item.why().and("; it is kept", TextRole::Text),
            ));
        }
        details.push(DetailLine::Fact("kind", Cell::text(item.kind_word())));
        let withheld = item.entry.filter(|entry| entry.withheld().is_some());
        if withheld.is_none()
            && let Some(entry) = item.entry
        {
            details.push(DetailLine::Fact(
                "digest",
                Cell::text(entry.digest().to_string()),
            ));
            if let Some((then, _)) = entry.age() {
                details.push(DetailLine::Fact(
                    "age",
                    Cell::text(format!("{}", Age::between(then, now).ago())),
                ));
            }
            details.push(DetailLine::Fact(
                "size",
                Cell::text(Size(entry.sizes.bytes).to_string()),
            ));
        }
        let until = self.planned.waits_until();
        details.extend(item.bytes.map(|bytes| bytes_fact(&item, bytes, until)));
        if let Some(modified) = item.modified {
            details.push(DetailLine::Fact(
                "written",
                Cell::text(format!("{}", Age::between(modified, now).ago())),
            ));
        }
        let deletion = self.deletion(row);
        if let Some(DeletionTarget::Rewrite(rewrite)) =
            deletion.as_deref().map(|deletion| &deletion.target)
        {
            details.extend(result_lines(rewrite));
        }
        details.extend([DetailLine::Blank, DetailLine::Heading("Why".into())]);
        details.extend(
            item.reasons
                .into_iter()
                .map(|reason| DetailLine::Text(Cell::text(reason))),
        );
        details
    }

    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool {
        self.group_at(row).is_none() && filter.matches(&self.item(row), now)
    }

    fn compare(&self, column: usize, a: u32, b: u32) -> Ordering {
        match column {
            0 => self.thing(a).key().cmp(&self.thing(b).key()),
            SIZE => self.known_bytes(a).cmp(&self.known_bytes(b)),
            _ => self.item(a).reasons.cmp(&self.item(b).reasons),
        }
    }

    fn sort_key(&self, column: usize, row: u32) -> [u64; 2] {
        if column != SIZE {
            return [0; 2];
        }
        let known = self.known_bytes(row);
        [u64::from(known.is_some()), known.unwrap_or_default()]
    }

    fn identity(&self, row: u32) -> Identity {
        self.thing(row).identity()
    }

    fn find(&self, identity: &Identity) -> Option<u32> {
        let places = self.places.get_or_init(|| {
            (0..self.count())
                .map(|row| (self.identity(row), row))
                .collect()
        });
        places.get(identity).copied()
    }

    fn bytes(&self, row: u32) -> u64 {
        // The items below an unfolded group have its bytes.
        if self.group_at(row).is_some_and(|group| group.is_open) {
            return 0;
        }
        self.known_bytes(row).unwrap_or_default()
    }

    fn fields(&self, row: u32) -> Vec<(&'static str, Value)> {
        let item = self.item(row);
        let mut fields = self.thing(row).fields(&item);
        fields.extend([
            ("shown_bytes", json!(item.bytes)),
            ("excluded", json!(item.stays())),
            ("why", json!(item.reasons.join("; "))),
        ]);
        fields
    }

    fn name(&self, row: u32) -> String {
        self.item(row).name
    }
}
