//! The steps of a build as rows: hits and executed steps. Steps that ran because of another are
//! folded below it.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::{Align, Cell, Column, DetailLine, Identity, NONE, RowSet, Sortable};
use crate::explain::load::words::seconds;
use crate::explain::solve::{CacheVerdict, InCache};
use crate::format::provenance::StepIndex;
use crate::inventory::filter::{Filter, FilterSubject, FilterTextField};
use crate::report::documents::{WhyStepDocument, fields_of};
use crate::tui::theme::TextRole;

mod detail;
mod explanation;
mod stages;
mod verdict;
mod words;

pub use explanation::ArrangedExplanation;
use explanation::sentence;
pub use stages::{BarUnit, GraphStep, StageColumn, StageGraph, StepReason};
pub use words::lines as changed_words;

/// The indexes of the columns with their own comparison; the others use the order of the file.
const TIME: usize = 3;

static COLUMNS: [Column; 5] = [
    Column {
        title: "STEP",
        align: Align::Left,
        min: 36,
        max: 160,
        rank: 0,
        sort: Sortable::Ascending,
    },
    Column {
        title: "LINE",
        align: Align::Right,
        min: 4,
        max: 4,
        rank: 2,
        sort: Sortable::Ascending,
    },
    Column {
        title: "IN CACHE",
        align: Align::Left,
        min: 11,
        max: 11,
        rank: 4,
        sort: Sortable::Ascending,
    },
    Column {
        title: "TIME",
        align: Align::Right,
        min: 6,
        max: 7,
        rank: 3,
        sort: Sortable::Descending,
    },
    Column {
        title: "WHY",
        align: Align::Left,
        min: 13,
        max: 19,
        rank: 1,
        sort: Sortable::No,
    },
];

/// Whether steps are shown below the step that caused them to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CauseListShape {
    /// They are, if unfolded.
    Folded,
    /// All steps are in the order of the file.
    Flat,
}

/// The steps of a build as rows of a list. Rows after the visible ones are the folded rows.
#[derive(Debug)]
pub struct WhyRows {
    explained: Option<Arc<ArrangedExplanation>>,
    opened: HashSet<StepIndex>,
    shape: CauseListShape,
    places: Vec<StepIndex>,
    shown: u32,
    /// The number of steps shown or folded below each step.
    below: HashMap<StepIndex, usize>,
}

impl WhyRows {
    /// Builds the rows of an explanation; the effects of the steps in `opened` are unfolded.
    pub fn new(
        explained: Option<Arc<ArrangedExplanation>>,
        opened: HashSet<StepIndex>,
        shape: CauseListShape,
    ) -> Self {
        let mut places = Vec::new();
        let mut hidden = Vec::new();
        let mut below: HashMap<StepIndex, Vec<StepIndex>> = HashMap::new();
        if let Some(explained) = explained
            .as_ref()
            .filter(|_| shape == CauseListShape::Folded)
        {
            for &step in &explained.order {
                if let Some(owner) = explained.groups.owner(step) {
                    below.entry(owner).or_default().push(step);
                }
            }
        }
        for &step in explained.iter().flat_map(|explained| &explained.order) {
            let is_below = explained
                .as_ref()
                .is_some_and(|explained| explained.groups.owner(step).is_some());
            if shape == CauseListShape::Flat || !is_below {
                places.push(step);
                let inside = below.get(&step).map_or(&[][..], Vec::as_slice);
                if opened.contains(&step) {
                    places.extend(inside);
                } else {
                    hidden.extend(inside);
                }
            }
        }
        let shown = u32::try_from(places.len()).unwrap_or(u32::MAX);
        places.append(&mut hidden);
        let below = below
            .into_iter()
            .map(|(step, inside)| (step, inside.len()))
            .collect();
        Self {
            explained,
            opened,
            shape,
            places,
            shown,
            below,
        }
    }

    /// Returns the explanation.
    pub fn explained(&self) -> Option<&Arc<ArrangedExplanation>> {
        self.explained.as_ref()
    }

    /// Returns the shape of the rows.
    pub fn shape(&self) -> CauseListShape {
        self.shape
    }

    /// Returns the step of a row.
    pub fn step(&self, row: u32) -> Option<StepIndex> {
        self.places.get(row as usize).copied()
    }

    /// Returns the number of steps that are folded or foldable below a row.
    pub fn below(&self, row: u32) -> usize {
        self.step(row)
            .and_then(|step| self.below.get(&step))
            .copied()
            .unwrap_or_default()
    }

    /// Returns the parent of a row.
    pub fn parent(&self, row: u32) -> Option<Identity> {
        let step = self.step(row)?;
        self.explained
            .as_ref()?
            .groups
            .owner(step)
            .map(|owner| Identity::BuildStep(owner.0))
    }

    fn of(&self, row: u32) -> Option<(&ArrangedExplanation, StepIndex)> {
        Some((&**self.explained.as_ref()?, self.step(row)?))
    }

    fn step_cell(&self, explained: &ArrangedExplanation, row: u32, step: StepIndex) -> Cell {
        let (sign, word, role) = verdict::sign(&explained.explanation, step);
        let width = verdict::width(&explained.explanation);
        let cell = Cell::new(format!("{sign} {word:<width$}"), role);
        let is_below =
            self.shape == CauseListShape::Folded && explained.groups.owner(step).is_some();
        let below = self.below(row);
        let lead = match (is_below, below, self.opened.contains(&step)) {
            _ if self.below.is_empty() => "",
            (true, ..) => "  └ ",
            (false, 0, _) => "  ",
            (false, _, true) => "▾ ",
            (false, _, false) => "▸ ",
        };
        let cell = cell
            .and(lead, TextRole::Title)
            .and(explained.explanation.title(step), TextRole::Text);
        match below {
            0 => cell,
            count if !self.opened.contains(&step) => cell.and(format!("  +{count}"), TextRole::Dim),
            _ => cell,
        }
    }

    fn why_cell(explained: &ArrangedExplanation, step: StepIndex) -> Cell {
        let number = explained
            .groups
            .number(step)
            .map(|number| number.to_string())
            .unwrap_or_default();
        match explained.cause(step) {
            Some(cause) if cause.is_root() => Cell::new(number, TextRole::Strong)
                .and(format!(" {}", cause.kind.word()), TextRole::Text),
            Some(_) => Cell::new(format!("↑ {number}"), TextRole::Dim),
            None if explained.explanation.standings[step.at()].verdict == CacheVerdict::Unknown => {
                Cell::new("not settled", TextRole::Unsure)
            }
            None => Cell::default(),
        }
    }
}

fn in_cache(found: InCache) -> Cell {
    match found {
        InCache::Result => Cell::text("result"),
        InCache::KeyOnly => Cell::new("key only", TextRole::Dim),
        InCache::Broken => Cell::new("! broken", TextRole::Missing),
        InCache::Absent => Cell::new(NONE, TextRole::Dim),
        InCache::Unknown => Cell::new(super::UNKNOWN, TextRole::Unsure),
    }
}

/// A step for the filter.
struct Filtered<'a> {
    explained: &'a ArrangedExplanation,
    step: StepIndex,
}

impl FilterSubject for Filtered<'_> {
    fn any_text(&self, field: FilterTextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        let explanation = &self.explained.explanation;
        match field {
            FilterTextField::Name | FilterTextField::Step => {
                Some(test(&explanation.title(self.step)))
            }
            FilterTextField::Kind => Some(
                self.explained
                    .cause(self.step)
                    .is_some_and(|cause| test(cause.kind.word())),
            ),
            FilterTextField::State => {
                let standing = &explanation.standings[self.step.at()];
                let is_judged = explanation.is_judged(self.step);
                Some(is_judged && test(standing.verdict.word()) || test(standing.in_cache.word()))
            }
            FilterTextField::Ref
            | FilterTextField::Platform
            | FilterTextField::Path
            | FilterTextField::Change => None,
        }
    }
}

impl RowSet for WhyRows {
    fn count(&self) -> u32 {
        self.shown
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, row: u32, _now: Timestamp) -> Vec<Cell> {
        let Some((explained, step)) = self.of(row) else {
            return Vec::new();
        };
        let explanation = &explained.explanation;
        let none = || Cell::new(NONE, TextRole::Dim);
        let place = explanation.place(step);
        let busy = explanation.busy[step.at()].filter(|busy| !busy.is_zero());
        vec![
            self.step_cell(explained, row, step),
            place.map_or_else(none, |place| {
                Cell::new(place.first_line.to_string(), TextRole::Dim)
            }),
            in_cache(explanation.standings[step.at()].in_cache),
            busy.map_or_else(none, |busy| Cell::text(seconds(busy))),
            Self::why_cell(explained, step),
        ]
    }

    fn details(&self, row: u32, _now: Timestamp) -> Vec<DetailLine> {
        self.of(row)
            .map(|(explained, step)| explained.details(step))
            .unwrap_or_default()
    }

    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool {
        if filter.is_empty() {
            return row < self.shown;
        }
        self.of(row)
            .is_some_and(|(explained, step)| filter.matches(&Filtered { explained, step }, now))
    }

    fn compare(&self, column: usize, a: u32, b: u32) -> Ordering {
        let of = |row: u32| {
            let (explained, step) = self.of(row)?;
            let explanation = &explained.explanation;
            Some(match column {
                1 => explanation
                    .place(step)
                    .map_or(0, |place| i128::from(place.first_line)),
                2 => explanation.standings[step.at()].in_cache as i128,
                TIME => explanation.busy[step.at()].map_or(-1, |busy| busy.as_nanos()),
                _ => i128::from(row),
            })
        };
        of(a).cmp(&of(b))
    }

    fn identity(&self, row: u32) -> Identity {
        Identity::BuildStep(self.step(row).map_or(u32::MAX, |step| step.0))
    }

    fn find(&self, identity: &Identity) -> Option<u32> {
        let Identity::BuildStep(number) = identity else {
            return None;
        };
        let place = self.places.iter().position(|step| step.0 == *number)?;
        u32::try_from(place).ok()
    }

    fn bytes(&self, _row: u32) -> u64 {
        0
    }

    fn fields(&self, row: u32) -> Vec<(&'static str, Value)> {
        let Some((explained, step)) = self.of(row) else {
            return Vec::new();
        };
        let document = WhyStepDocument::new(&explained.explanation, step, None);
        fields_of(&document, &WhyStepDocument::FIELDS)
    }

    /// Returns the text for a message: the step, and why it ran.
    fn name(&self, row: u32) -> String {
        let Some((explained, step)) = self.of(row) else {
            return String::new();
        };
        let explanation = &explained.explanation;
        let place = explanation
            .place(step)
            .map(|place| format!("{}:{} ", place.file, place.first_line));
        let why = explained
            .cause(step)
            .map(|cause| format!(": {}", sentence(cause)));
        let parts = [
            place.unwrap_or_default(),
            explanation.title(step),
            why.unwrap_or_default(),
        ];
        parts.concat()
    }
}
