//! The changes between two refs as rows, one per step.

use std::cmp::Ordering;

use jiff::Timestamp;
use serde_json::Value;

use super::steps::RefSteps;
use super::{Align, Cell, Column, DetailLine, Identity, NONE, RowSet, Sortable};
use crate::explain::diff::{ChangedStep, Difference, Fate, RecordAt};
use crate::inventory::filter::{Filter, FilterSubject, FilterTextField, NumberField};
use crate::report::documents::{ChangedStepDocument, fields_of};
use crate::text::escape::visible;
use crate::text::units::Size;
use crate::tui::theme::TextRole;
use crate::tui::widget::treemap::{self, TileLook, TreemapTile};

/// The column of locations, the initial sort column.
pub const WHERE: usize = 1;

const COLUMNS: &[Column] = &[
    Column {
        title: "STEP",
        align: Align::Left,
        min: 24,
        max: 120,
        rank: 0,
        sort: Sortable::Ascending,
    },
    Column {
        title: "WHERE",
        align: Align::Path,
        min: 13,
        max: 30,
        rank: 2,
        sort: Sortable::Ascending,
    },
    Column {
        title: "BEFORE",
        align: Align::Right,
        min: 8,
        max: 8,
        rank: 3,
        sort: Sortable::Descending,
    },
    Column {
        title: "AFTER",
        align: Align::Right,
        min: 8,
        max: 8,
        rank: 1,
        sort: Sortable::Descending,
    },
    Column {
        title: "WHAT",
        align: Align::Left,
        min: 14,
        max: 48,
        rank: 0,
        sort: Sortable::Ascending,
    },
];

/// One of two refs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffEnd {
    /// The older one.
    Before,
    /// The newer one.
    After,
}

/// The changes between two refs.
#[derive(Debug)]
pub struct DiffRows {
    /// The older ref.
    pub before: RefSteps,
    /// The newer ref.
    pub after: RefSteps,
    /// The number of keys that both refs have.
    pub same: usize,
    /// The number of added or removed sources and files; they are not steps of a build.
    pub sources: usize,
    rows: Vec<DiffRow>,
}

/// A changed step.
#[derive(Debug)]
struct DiffRow {
    step: ChangedStep,
    name: String,
    is_named: bool,
    /// File and line of its instruction.
    place: Option<(String, u32)>,
    before: DiffStepSide,
    after: DiffStepSide,
}

/// The step in one of the refs.
#[derive(Debug, Clone, Default)]
struct DiffStepSide {
    key: Option<String>,
    state: Option<&'static str>,
    bytes: Option<u64>,
}

impl DiffRows {
    /// Compares two refs.
    pub fn new(before: RefSteps, after: RefSteps) -> Self {
        let difference = Difference::between(before.caches(), after.caches());
        let all = difference.steps();
        let count = all.len();
        let rows: Vec<DiffRow> = all
            .into_iter()
            .filter_map(|step| row(&before, &after, step))
            .collect();
        Self {
            before,
            after,
            same: difference.same,
            sources: count - rows.len(),
            rows,
        }
    }

    /// Returns the changed steps of one of the refs as boxes, with one box for the rest of the ref.
    pub fn tiles(&self, which: DiffEnd) -> Vec<TreemapTile> {
        let (steps, word) = match which {
            DiffEnd::Before => (&self.before, "changed later"),
            DiffEnd::After => (&self.after, "changed"),
        };
        let mut rest = steps.entry().map_or(0, |entry| entry.sizes.bytes);
        let mut tiles = Vec::new();
        for row in &self.rows {
            let side = match which {
                DiffEnd::Before => &row.before,
                DiffEnd::After => &row.after,
            };
            let bytes = side.bytes.unwrap_or_default();
            let (look, words) = match row.step.fate {
                Fate::Removed => (TileLook::Deleted, "gone"),
                Fate::Lost => (TileLook::Deleted, "its result is gone"),
                Fate::Changed(_) => (TileLook::Trashed, word),
                Fate::Gained => (TileLook::Kept, "has a result now"),
                Fate::Added => (TileLook::Kept, "new"),
            };
            rest = rest.saturating_sub(bytes);
            tiles.push(look.tile(row.name.clone(), bytes, words));
        }
        tiles.push(TileLook::Shared.tile("the same".to_owned(), rest, "in both refs"));
        treemap::largest_first(tiles)
    }

    fn at(&self, row: u32) -> Option<&DiffRow> {
        self.rows.get(row as usize)
    }
}

/// Returns the row of a step, unless it is a source.
fn row(before: &RefSteps, after: &RefSteps, step: ChangedStep) -> Option<DiffRow> {
    let older = step.before.and_then(|at| before.step_of(at));
    let newer = step.after.and_then(|at| after.step_of(at));
    let both = [newer, older].into_iter().flatten();
    // The name comes from the newer ref, if it has one.
    let named = both.clone().find(|step| step.label.is_some());
    let shown = named.or_else(|| both.clone().next())?;
    if both.clone().next().is_some_and(|step| step.is_source()) {
        return None;
    }
    let place = shown.label.and_then(|label| label.places.first());
    Some(DiffRow {
        step,
        name: shown.title().into_owned(),
        is_named: shown.label.is_some(),
        place: place.map(|place| (place.file.clone(), place.first_line)),
        before: side(before, step.before),
        after: side(after, step.after),
    })
}

fn side(steps: &RefSteps, at: Option<RecordAt>) -> DiffStepSide {
    let Some(step) = at.and_then(|at| steps.step_of(at)) else {
        return DiffStepSide::default();
    };
    DiffStepSide {
        key: Some(step.record.digest.to_string()),
        state: Some(step.detail.state.word()),
        bytes: step.sizes().map(|sizes| sizes.layer_bytes),
    }
}

fn role(fate: Fate) -> TextRole {
    match fate {
        Fate::Removed | Fate::Lost => TextRole::Missing,
        Fate::Changed(_) => TextRole::Warning,
        Fate::Gained | Fate::Added => TextRole::Good,
    }
}

impl FilterSubject for DiffRow {
    fn any_text(&self, field: FilterTextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        match field {
            FilterTextField::Name => Some(test(&self.name)),
            FilterTextField::Step if self.is_named => Some(test(&self.name)),
            FilterTextField::State => Some(test(self.step.fate.word())),
            _ => None,
        }
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        match field {
            NumberField::Size => self.after.bytes.or(self.before.bytes),
            _ => None,
        }
    }
}

fn size(bytes: Option<u64>) -> Cell {
    Cell::text(bytes.map_or(NONE.to_owned(), |bytes| Size(bytes).to_string()))
}

impl RowSet for DiffRows {
    fn count(&self) -> u32 {
        u32::try_from(self.rows.len()).unwrap_or(u32::MAX)
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn cells(&self, row: u32, _now: Timestamp) -> Vec<Cell> {
        let Some(row) = self.at(row) else {
            return Vec::new();
        };
        let place = row.place.as_ref();
        let place = place.map_or(NONE.to_owned(), |(file, line)| format!("{file}:{line}"));
        vec![
            Cell::new(format!("{} ", row.step.fate.mark()), role(row.step.fate))
                .and(row.name.clone(), TextRole::Text),
            Cell::new(visible(&place).into_owned(), TextRole::Dim),
            size(row.before.bytes),
            size(row.after.bytes),
            Cell::new(row.step.fate.words(), TextRole::Dim),
        ]
    }

    fn details(&self, row: u32, _now: Timestamp) -> Vec<DetailLine> {
        let Some(row) = self.at(row) else {
            return Vec::new();
        };
        let mut details = vec![
            DetailLine::Heading(row.name.clone().into()),
            DetailLine::Text(
                Cell::new(format!("{} ", row.step.fate.mark()), role(row.step.fate))
                    .and(row.step.fate.words(), TextRole::Text),
            ),
        ];
        for (title, side) in [("Before", &row.before), ("After", &row.after)] {
            details.extend([DetailLine::Blank, DetailLine::Heading(title.into())]);
            match &side.key {
                None => details.push(DetailLine::Text(Cell::new(
                    "the ref has no such key",
                    TextRole::Dim,
                ))),
                Some(key) => details.extend([
                    DetailLine::Fact("key", Cell::text(key.clone())),
                    DetailLine::Fact("in cache", Cell::text(side.state.unwrap_or(NONE))),
                    DetailLine::Fact("layer", size(side.bytes)),
                ]),
            }
        }
        details
    }

    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool {
        self.at(row).is_some_and(|row| filter.matches(row, now))
    }

    fn compare(&self, column: usize, a: u32, b: u32) -> Ordering {
        let (Some(a), Some(b)) = (self.at(a), self.at(b)) else {
            return Ordering::Equal;
        };
        match column {
            0 => a.name.cmp(&b.name),
            // Steps without a location come last.
            WHERE => (a.place.is_none(), &a.place).cmp(&(b.place.is_none(), &b.place)),
            2 => a.before.bytes.cmp(&b.before.bytes),
            3 => a.after.bytes.cmp(&b.after.bytes),
            _ => a.step.fate.word().cmp(b.step.fate.word()),
        }
    }

    fn identity(&self, row: u32) -> Identity {
        Identity::Item(row as usize)
    }

    fn find(&self, identity: &Identity) -> Option<u32> {
        match identity {
            Identity::Item(place) => u32::try_from(*place).ok().filter(|row| *row < self.count()),
            _ => None,
        }
    }

    fn bytes(&self, row: u32) -> u64 {
        let bytes = self
            .at(row)
            .and_then(|row| row.after.bytes.or(row.before.bytes));
        bytes.unwrap_or_default()
    }

    fn fields(&self, row: u32) -> Vec<(&'static str, Value)> {
        let Some(row) = self.at(row) else {
            return Vec::new();
        };
        let record = |steps: &RefSteps, at: Option<RecordAt>| steps.document_of(at?);
        let before = record(&self.before, row.step.before);
        let after = record(&self.after, row.step.after);
        let document = ChangedStepDocument::new(row.step, before.as_ref(), after.as_ref());
        fields_of(&document, &ChangedStepDocument::FIELDS)
    }

    fn name(&self, row: u32) -> String {
        self.at(row).map(|row| row.name.clone()).unwrap_or_default()
    }
}
