//! The refs of a source as rows.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Cell, Column, DetailLine, Identity, NONE, RowSet, UNKNOWN};
use crate::inventory::filter::Filter;
use crate::inventory::quota::Evictions;
use crate::inventory::{Inventory, RefEntry, RefId, ScanProgress, Together};
use crate::report::documents::{RefDocument, fields_of};
use crate::retention::{Verdict, Verdicts};
use crate::text::units::grouped;
use crate::text::units::{Age, Size};
use crate::tui::theme::TextRole;
use crate::tui::widget::meter;

mod columns;
mod details;

use columns::{ALL, BY_POLICY, BY_POLICY_PLACES};
use details::{fault, policy, steps};

/// The column of ages, the initial sort column.
pub const AGE: usize = 2;
/// The same column next to the verdicts of a policy.
pub const AGE_BY_POLICY: usize = 2;
/// The column of policy verdicts.
const POLICY: usize = 7;
/// The column of bars.
const BAR: usize = 8;
const BAR_WIDTH: u16 = 6;

/// The refs of an inventory.
#[derive(Debug)]
pub struct RefRows {
    columns: &'static [Column],
    /// For each column, its index among all columns.
    places_of_columns: &'static [usize],
    inventory: Arc<Inventory>,
    verdicts: Option<Arc<Verdicts>>,
    evictions: OnceLock<Option<Evictions>>,
    largest: OnceLock<u64>,
    places: OnceLock<HashMap<Identity, u32>>,
}

impl RefRows {
    /// Shows the refs of `inventory`, with the verdicts of the policy if known.
    pub fn new(inventory: Arc<Inventory>, verdicts: Option<Arc<Verdicts>>) -> Self {
        Self {
            columns: ALL,
            places_of_columns: &[0, 1, AGE, 3, BAR, 4, 5, 6, POLICY],
            inventory,
            verdicts,
            evictions: OnceLock::new(),
            largest: OnceLock::new(),
            places: OnceLock::new(),
        }
    }

    /// Shows the same refs with the verdicts next to the names.
    pub fn by_policy(inventory: Arc<Inventory>, verdicts: Option<Arc<Verdicts>>) -> Self {
        Self {
            columns: BY_POLICY,
            places_of_columns: BY_POLICY_PLACES,
            ..Self::new(inventory, verdicts)
        }
    }

    fn verdict(&self, row: u32) -> Option<&Verdict> {
        self.verdicts.as_ref()?.refs.get(row as usize)
    }

    fn at(&self, row: u32) -> &RefEntry {
        &self.inventory.refs[row as usize]
    }

    /// Formats a size of a ref, if known.
    fn size_of(&self, entry: &RefEntry, bytes: u64, role: TextRole) -> Cell {
        if entry.withheld().is_some() {
            unknown()
        } else {
            self.size(bytes, role)
        }
    }

    /// Formats the exclusive size of a ref, if all other refs are known.
    fn exclusive(&self, entry: &RefEntry) -> Cell {
        match entry.sizes.exclusive_bytes {
            Some(bytes) => self.size_of(entry, bytes, TextRole::Text),
            None if self.inventory.progress == ScanProgress::Complete => unknown(),
            None => self.size(0, TextRole::Text),
        }
    }

    /// Sizes are known once everything has been listed.
    fn size(&self, bytes: u64, role: TextRole) -> Cell {
        match self.inventory.progress {
            ScanProgress::Listing => Cell::new("…", TextRole::Dim),
            ScanProgress::Complete => Cell::new(Size(bytes).to_string(), role),
        }
    }
}

fn unknown() -> Cell {
    Cell::new(UNKNOWN, TextRole::Unsure)
}

fn verdict_word(verdict: &Verdict) -> Cell {
    Cell::new(
        verdict.word(),
        if verdict.is_drop() {
            TextRole::Orphan
        } else {
            TextRole::Live
        },
    )
}

impl RowSet for RefRows {
    fn count(&self) -> u32 {
        u32::try_from(self.inventory.refs.len()).unwrap_or(u32::MAX)
    }

    fn columns(&self) -> &'static [Column] {
        self.columns
    }

    fn cells(&self, row: u32, now: Timestamp) -> Vec<Cell> {
        let mut cells = self.all_cells(row, now);
        let places = self.places_of_columns.iter();
        places
            .map(|place| std::mem::take(&mut cells[*place]))
            .collect()
    }

    fn details(&self, row: u32, now: Timestamp) -> Vec<DetailLine> {
        let entry = self.at(row);
        let mut details = vec![DetailLine::Heading(entry.name.clone().into())];
        if entry.withheld().is_none()
            && let Some(fault) = fault(entry)
        {
            details.push(DetailLine::Text(
                Cell::new("! ", TextRole::Missing).and(fault, TextRole::Missing),
            ));
        }
        details.extend(details::age(entry, now));
        if let Some(verdict) = self.verdict(row) {
            for (place, reason) in verdict.reasons().iter().enumerate() {
                let word = if place == 0 {
                    verdict_word(verdict).and(": ", TextRole::Text)
                } else {
                    Cell::default()
                };
                details.push(DetailLine::Fact(
                    if place == 0 { "policy" } else { "" },
                    word.and(reason.to_string(), TextRole::Text),
                ));
            }
        }
        details.extend(self.eviction(row, now));
        details.extend(self.size_details(entry));
        details.push(DetailLine::Blank);
        details.extend(details::identity(entry));
        for fault in entry
            .faults
            .iter()
            .skip(1)
            .filter(|_| entry.withheld().is_none())
        {
            details.push(DetailLine::Blank);
            details.push(DetailLine::Text(
                Cell::new("! ", TextRole::Missing).and(fault.to_string(), TextRole::Text),
            ));
        }
        details
    }

    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool {
        filter.matches(self.at(row), now)
    }

    fn compare(&self, column: usize, a: u32, b: u32) -> Ordering {
        let one = a;
        let other = b;
        let policy_of = |row| self.verdict(row).map(ToString::to_string);
        let a = self.at(a);
        let b = self.at(b);
        let column = self.places_of_columns.get(column).copied();
        match column.unwrap_or_default() {
            0 => a.name.cmp(&b.name),
            1 => a.kind.word().cmp(b.kind.word()),
            // The youngest has the smallest age; a ref without a time comes last.
            AGE => match (a.age(), b.age()) {
                (Some((a, _)), Some((b, _))) => b.cmp(&a),
                (a, b) => a.is_none().cmp(&b.is_none()),
            },
            3 => a.sizes.bytes.cmp(&b.sizes.bytes),
            4 => a.sizes.exclusive_bytes.cmp(&b.sizes.exclusive_bytes),
            5 => a.layers.cmp(&b.layers),
            POLICY => policy_of(one).cmp(&policy_of(other)),
            _ => {
                let results = |entry: &RefEntry| entry.counts().map(|counts| counts.results);
                results(a).cmp(&results(b))
            }
        }
    }

    fn identity(&self, row: u32) -> Identity {
        let entry = self.at(row);
        Identity::Ref(entry.name.clone(), entry.digest().to_string())
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
        self.at(row).sizes.bytes
    }

    /// Refs share most of their blobs: each blob counts once, and as exclusive if no other ref
    /// reaches it.
    fn together(&self, rows: &[u32]) -> String {
        if self.inventory.progress != ScanProgress::Complete {
            return "…".to_owned();
        }
        let refs: Vec<RefId> = rows.iter().copied().map(RefId).collect();
        match self.inventory.together(&refs) {
            None => format!("{UNKNOWN} in all"),
            Some(Together {
                bytes,
                exclusive_bytes,
            }) => {
                let theirs =
                    exclusive_bytes.map_or(UNKNOWN.to_owned(), |bytes| Size(bytes).to_string());
                format!("{} in all, {theirs} only theirs", Size(bytes))
            }
        }
    }

    fn fields(&self, row: u32) -> Vec<(&'static str, Value)> {
        let entry = self.at(row);
        let document = RefDocument::new(entry, &self.inventory);
        let document = if self.inventory.progress == ScanProgress::Complete {
            document
        } else {
            document.of_running_scan()
        };
        let mut fields = fields_of(&document, &RefDocument::FIELDS);
        fields.extend([
            ("state", json!(entry.state())),
            ("policy", json!(self.verdict(row).map(ToString::to_string))),
        ]);
        fields
    }

    fn name(&self, row: u32) -> String {
        self.at(row).name.clone()
    }
}

impl RefRows {
    /// Draws the size of a ref as a share of the largest: first the exclusive part, then the shared
    /// part.
    fn bar(&self, entry: &RefEntry) -> Cell {
        if entry.withheld().is_some() || self.inventory.progress != ScanProgress::Complete {
            return Cell::default();
        }
        let largest = *self.largest.get_or_init(|| {
            let sizes = self.inventory.refs.iter().map(|entry| entry.sizes.bytes);
            sizes.max().unwrap_or_default()
        });
        let own = entry.sizes.exclusive_bytes.unwrap_or_default();
        meter::own_and_shared(own, entry.sizes.bytes, largest, BAR_WIDTH)
    }

    fn all_cells(&self, row: u32, now: Timestamp) -> Vec<Cell> {
        let entry = self.at(row);
        let is_dropped = self.verdict(row).is_some_and(Verdict::is_drop);
        let mut cells = vec![
            Cell::new(
                entry.name.clone(),
                if entry.tagged {
                    TextRole::Text
                } else {
                    TextRole::Dim
                },
            ),
            Cell::new(entry.kind.word(), TextRole::Dim),
            Cell::text(entry.age().map_or(NONE.to_owned(), |(then, _)| {
                Age::between(then, now).to_string()
            })),
            self.size_of(entry, entry.sizes.bytes, TextRole::Text),
            self.exclusive(entry),
            entry
                .withheld()
                .map_or_else(|| Cell::text(grouped(entry.layers.into())), |_| unknown()),
            steps(entry),
            self.verdict(row)
                .map_or(Cell::new("…", TextRole::Dim), policy),
            self.bar(entry),
        ];
        // Dropped refs are paler than kept ones, so that the verdicts are readable at a glance.
        for piece in cells.iter_mut().flat_map(|cell| &mut cell.0) {
            if is_dropped && piece.1 == TextRole::Text {
                piece.1 = TextRole::Dim;
            }
        }
        cells
    }
}
