//! Steps as the rows of a list: a foldable tree, or flat.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{RefSteps, count, detail};
use crate::format::digest::Digest;
use crate::inventory::filter::Filter;
use crate::inventory::steps::{RecordStep, RowKind};
use crate::report::documents::{CacheRecordDocument, fields_of};
use crate::text::escape::visible;
use crate::tui::rows::{Align, Cell, Column, DetailLine, Identity, RowCounts, RowSet, Sortable};

mod cells;

/// The maximum indentation level; deeper rows are drawn at this level.
const MOST_LEVELS: u32 = 12;

/// The width of a row's bar.
const BAR: u16 = 6;
/// The column of ages.
const AGE: usize = 3;
/// The column of the numbers of other refs.
const ALSO_IN: usize = 4;

static COLUMNS: [Column; 5] = [
    Column {
        title: "STEP",
        align: Align::Left,
        min: 30,
        max: 160,
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
        rank: 4,
        sort: Sortable::No,
    },
    Column {
        title: "AGE",
        align: Align::Right,
        min: 7,
        max: 7,
        rank: 2,
        sort: Sortable::Ascending,
    },
    Column {
        title: "ALSO IN",
        align: Align::Right,
        min: 8,
        max: 8,
        rank: 3,
        sort: Sortable::Descending,
    },
];

/// The folded and opened rows.
#[derive(Debug, Clone, Default)]
pub struct Folds {
    /// The rows whose subtrees are hidden.
    pub folded: HashSet<Identity>,
    /// The rows whose twins are visible.
    pub opened: HashSet<Identity>,
}

/// A row of a list of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StepListRow {
    /// The header of a configuration, if there are several.
    Part(u32),
    /// A row of its tree.
    Row(u32, u32),
}

/// Whether the rows form a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepListShape {
    /// As a tree, with its headers.
    Tree,
    Flat,
}

/// The steps of a ref as rows of a list.
///
/// Rows after the visible ones are the folded rows: they can be found and counted, which marks
/// need.
#[derive(Debug)]
pub struct StepRows {
    steps: Arc<RefSteps>,
    folds: Folds,
    shape: StepListShape,
    places: Vec<StepListRow>,
    shown: u32,
    /// For each part, the row of each record, if it has one.
    rows_of: Vec<Vec<Option<u32>>>,
    /// The size of the largest layer.
    largest: OnceLock<u64>,
}

impl StepRows {
    /// Builds the rows of `steps`.
    pub fn new(steps: Arc<RefSteps>, folds: Folds, shape: StepListShape) -> Self {
        let mut places: Vec<StepListRow> = Vec::new();
        let mut hidden: Vec<StepListRow> = Vec::new();
        for (part, inner) in (0u32..).zip(&steps.parts) {
            let config = steps.caches[part as usize].config;
            let rows = (0u32..).zip(&inner.tree.rows);
            if shape == StepListShape::Flat {
                places.extend(
                    rows.filter(|(_, row)| row.record().is_some())
                        .map(|(row, _)| StepListRow::Row(part, row)),
                );
                continue;
            }
            let is_folded = if steps.parts.len() > 1 {
                places.push(StepListRow::Part(part));
                folds.folded.contains(&Identity::Platform(config))
            } else {
                false
            };
            let is_in = |set: &HashSet<Identity>, kind: &RowKind| {
                !set.is_empty() && set.contains(&Identity::Step(config, kind.clone()))
            };
            let visible = if is_folded {
                Vec::new()
            } else {
                inner.tree.visible(
                    |kind| is_in(&folds.folded, kind),
                    |kind| is_in(&folds.opened, kind),
                )
            };
            let mut next = visible.iter().copied().peekable();
            for (row, _) in rows {
                let place = StepListRow::Row(part, row);
                let shows = next.next_if_eq(&(row as usize)).is_some();
                if shows {
                    places.push(place);
                } else {
                    hidden.push(place);
                }
            }
        }
        let shown = u32::try_from(places.len()).unwrap_or(u32::MAX);
        places.append(&mut hidden);
        let rows_of = rows_of_records(&steps, &places);
        Self {
            steps,
            folds,
            shape,
            places,
            shown,
            rows_of,
            largest: OnceLock::new(),
        }
    }

    /// Returns the steps.
    pub fn steps(&self) -> &Arc<RefSteps> {
        &self.steps
    }

    /// Returns whether the rows form a tree.
    pub fn shape(&self) -> StepListShape {
        self.shape
    }

    /// Returns whether `row` is a header rather than a step.
    pub fn is_head(&self, row: u32) -> bool {
        self.step(row).is_none()
    }

    /// Returns the blob of a step's top layer.
    pub fn layer(&self, row: u32) -> Option<Digest> {
        let (StepListRow::Row(part, _), Some(step)) = (self.place(row), self.step(row)) else {
            return None;
        };
        self.steps.blob_of(part as usize, &step)
    }

    /// Returns the row itself if it has a layer; else the row with the largest layer below a
    /// header, or of the ref.
    pub fn nearest_layer(&self, row: u32) -> Option<u32> {
        let has_layer = |row: &u32| self.layer(*row).is_some();
        if row < self.shown && has_layer(&row) {
            return Some(row);
        }
        let (_, below) = self.foldable(row);
        let inside = row + 1..(row + 1 + below).min(self.shown);
        let largest = |rows: std::ops::Range<u32>| {
            rows.filter(has_layer)
                .max_by_key(|row| (self.bytes(*row), std::cmp::Reverse(*row)))
        };
        largest(inside).or_else(|| largest(0..self.shown))
    }

    /// Returns whether other refs reach the layer of a step, too.
    pub fn is_shared(&self, row: u32) -> bool {
        let others = self.step(row).and_then(|step| step.other_refs());
        others.is_some_and(|others| others > 0)
    }

    /// Returns the numbers of foldable rows at `row`: twins, and rows below.
    pub fn foldable(&self, row: u32) -> (u32, u32) {
        match self.places.get(row as usize) {
            Some(StepListRow::Part(part)) => {
                (0, count(self.steps.parts[*part as usize].tree.rows.len()))
            }
            Some(StepListRow::Row(part, place)) => {
                let row = self.steps.row(*part as usize, *place as usize);
                (row.twins, row.below)
            }
            None => (0, 0),
        }
    }

    /// Returns the nearest row before `row` that contains it.
    pub fn parent(&self, row: u32) -> Option<Identity> {
        let StepListRow::Row(part, place) = *self.places.get(row as usize)? else {
            return None;
        };
        let rows = &self.steps.parts[part as usize].tree.rows;
        let inside = |above: &usize| {
            let row = &rows[*above];
            above + (row.twins + row.below) as usize >= place as usize
        };
        match (0..place as usize).rev().find(inside) {
            Some(above) => Some(self.identity_at(StepListRow::Row(part, count(above)))),
            None => (self.steps.parts.len() > 1).then(|| self.identity_at(StepListRow::Part(part))),
        }
    }

    fn identity_at(&self, place: StepListRow) -> Identity {
        match place {
            StepListRow::Part(part) => Identity::Platform(self.steps.caches[part as usize].config),
            StepListRow::Row(part, row) => {
                let kind = self.steps.row(part as usize, row as usize).kind.clone();
                Identity::Step(self.steps.caches[part as usize].config, kind)
            }
        }
    }

    fn place(&self, row: u32) -> StepListRow {
        self.places[row as usize]
    }

    fn step(&self, row: u32) -> Option<RecordStep<'_>> {
        match self.place(row) {
            StepListRow::Part(_) => None,
            StepListRow::Row(part, place) => self.steps.step(part as usize, place as usize),
        }
    }
}

impl RowSet for StepRows {
    fn count(&self) -> u32 {
        self.shown
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, row: u32, now: Timestamp) -> Vec<Cell> {
        let place = self.place(row);
        let identity = self.identity_at(place);
        let is_folded = self.folds.folded.contains(&identity);
        match place {
            StepListRow::Part(part) => {
                let title = self.steps.caches[part as usize]
                    .platform
                    .as_deref()
                    .unwrap_or("every platform");
                let rows = 0..self.steps.parts[part as usize].tree.rows.len();
                let steps = rows
                    .filter(|place| self.steps.is_step(part as usize, *place))
                    .count();
                let all = 0..self.steps.parts[part as usize].tree.rows.len();
                let bytes = self.sum(part as usize, all);
                Self::head(visible(title).into_owned(), count(steps), bytes, is_folded)
            }
            StepListRow::Row(part, place) => {
                let inner = self.steps.row(part as usize, place as usize);
                let title = match &inner.kind {
                    RowKind::Stage(stage) => visible(&stage.name).into_owned(),
                    RowKind::Unnamed => "steps without a name".to_owned(),
                    RowKind::Step(_) | RowKind::Twin(_) => {
                        let step = self.steps.step(part as usize, place as usize);
                        return step
                            .map(|step| self.step_cells(inner, &step, &identity, now))
                            .unwrap_or_default();
                    }
                };
                let rows = place as usize + 1..=place as usize + inner.below as usize;
                let steps = rows
                    .filter(|place| self.steps.is_step(part as usize, *place))
                    .count();
                let below = place as usize + 1..=place as usize + inner.below as usize;
                let bytes = self.sum(part as usize, below);
                Self::head(title, count(steps), bytes, is_folded)
            }
        }
    }

    fn details(&self, row: u32, now: Timestamp) -> Vec<DetailLine> {
        match self.place(row) {
            StepListRow::Part(part) => detail::of_part(&self.steps, part as usize),
            StepListRow::Row(part, place) => {
                match self.steps.row(part as usize, place as usize).record() {
                    Some(record) => detail::of_step(&self.steps, part as usize, record, now),
                    None => detail::of_group(&self.steps, part as usize, place as usize),
                }
            }
        }
    }

    fn tally(&self, shown: &[u32]) -> RowCounts {
        let is_step = |row: &&u32| match self.place(**row) {
            StepListRow::Part(_) => false,
            StepListRow::Row(part, place) => self.steps.is_step(part as usize, place as usize),
        };
        let steps = shown.iter().filter(is_step).count();
        RowCounts {
            shown: steps,
            all: self.steps.counts.steps,
            others: shown.len() - steps,
        }
    }

    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool {
        if filter.is_empty() {
            return row < self.shown;
        }
        self.step(row)
            .is_some_and(|step| filter.matches(&step, now))
    }

    fn compare(&self, column: usize, a: u32, b: u32) -> Ordering {
        let key = |row: u32| {
            let step = self.step(row);
            let sizes = step.as_ref().and_then(RecordStep::sizes);
            match column {
                1 => sizes.map(|sizes| i128::from(sizes.layer_bytes)),
                // The older, the larger.
                AGE => step
                    .and_then(|step| step.detail.created)
                    .map(|created| -created.as_nanosecond()),
                ALSO_IN => step.and_then(|step| step.other_refs()).map(i128::from),
                _ => Some(i128::from(row)),
            }
        };
        key(a).cmp(&key(b))
    }

    fn identity(&self, row: u32) -> Identity {
        self.identity_at(self.place(row))
    }

    fn find(&self, identity: &Identity) -> Option<u32> {
        if let Some((part, record)) = self.steps.locate(identity) {
            return self.rows_of[part].get(record.at()).copied().flatten();
        }
        // Headers are few.
        (0..self.shown).find(|row| match (self.place(*row), identity) {
            (StepListRow::Part(_), Identity::Platform(_)) => self.identity(*row) == *identity,
            (StepListRow::Row(..), Identity::Step(_, RowKind::Stage(_) | RowKind::Unnamed)) => {
                self.step(*row).is_none() && self.identity(*row) == *identity
            }
            _ => false,
        })
    }

    fn bytes(&self, row: u32) -> u64 {
        self.step(row)
            .and_then(|step| step.sizes())
            .map_or(0, |sizes| sizes.layer_bytes)
    }

    fn fields(&self, row: u32) -> Vec<(&'static str, Value)> {
        let StepListRow::Row(part, _) = self.place(row) else {
            return vec![("name", json!(self.name(row)))];
        };
        let Some(step) = self.step(row) else {
            return vec![("name", json!(self.name(row)))];
        };
        let document = self.steps.document(part as usize, &step);
        let mut fields = document.map_or_else(Vec::new, |document| {
            fields_of(&document, &CacheRecordDocument::FIELDS)
        });
        let layer = self.layer(row);
        fields.extend([
            ("layer_digest", json!(layer.map(|layer| layer.to_string()))),
            ("also_in", json!(step.other_refs())),
        ]);
        fields
    }

    fn name(&self, row: u32) -> String {
        match self.place(row) {
            StepListRow::Part(part) => self.steps.caches[part as usize].config.to_string(),
            StepListRow::Row(part, place) => {
                match &self.steps.row(part as usize, place as usize).kind {
                    RowKind::Stage(stage) => stage.name.clone(),
                    RowKind::Unnamed => String::new(),
                    RowKind::Step(_) | RowKind::Twin(_) => self
                        .step(row)
                        .map(|step| step.record.digest.to_string())
                        .unwrap_or_default(),
                }
            }
        }
    }
}

/// Returns the row of each record of each configuration.
fn rows_of_records(steps: &RefSteps, places: &[StepListRow]) -> Vec<Vec<Option<u32>>> {
    let mut rows_of: Vec<Vec<Option<u32>>> = steps
        .caches
        .iter()
        .map(|cache| vec![None; cache.graph.records.len()])
        .collect();
    for (number, place) in (0u32..).zip(places) {
        if let StepListRow::Row(part, row) = *place
            && let Some(record) = steps.row(part as usize, row as usize).record()
        {
            rows_of[part as usize][record.at()] = Some(number);
        }
    }
    rows_of
}
