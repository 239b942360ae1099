//! The outcomes of a plan's items as rows: failures first.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::plan::short_name;
use super::{Align, Cell, Column, DetailLine, Identity, NONE, RowSet, Sortable};
use crate::backend::Outcome;
use crate::inventory::filter::{Filter, FilterSubject, FilterTextField, NumberField};
use crate::prune::plan::{Deletion, ItemKind, Plan};
use crate::report::documents::{RunItemDocument, fields_of};
use crate::text::units::Size;
use crate::tui::theme::TextRole;
use crate::tui::widget::treemap::TileLook;

const COLUMNS: &[Column] = &[
    Column {
        title: "OUTCOME",
        align: Align::Left,
        min: 10,
        max: 12,
        rank: 0,
        sort: Sortable::Ascending,
    },
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
        rank: 2,
        sort: Sortable::Descending,
    },
    Column {
        title: "WHY",
        align: Align::Left,
        min: 10,
        max: 90,
        rank: 1,
        sort: Sortable::Ascending,
    },
];

/// The operation on the items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunKind {
    /// They were deleted.
    Deleted,
    /// They were restored.
    Restored,
}

/// The outcomes of items of a plan.
#[derive(Debug)]
pub struct RunRows {
    plan: Arc<Plan>,
    kind: RunKind,
    outcomes: Vec<(usize, Outcome)>,
    places: OnceLock<HashMap<Identity, u32>>,
}

impl RunRows {
    /// Shows the outcomes of items of `plan`, by index.
    pub fn new(plan: Arc<Plan>, kind: RunKind, mut outcomes: Vec<(usize, Outcome)>) -> Self {
        outcomes.retain(|(item, _)| *item < plan.delete().len());
        Self {
            plan,
            kind,
            outcomes,
            places: OnceLock::new(),
        }
    }

    fn at(&self, row: u32) -> (usize, Cow<'_, Deletion>, &Outcome) {
        let (item, outcome) = &self.outcomes[row as usize];
        (*item, self.plan.delete().at(*item), outcome)
    }

    /// Returns the kind and the short name of an item.
    pub fn kind_and_name(&self, row: u32) -> String {
        let (_, deletion, _) = self.at(row);
        let kind = deletion.target.kind();
        let name = short_name(kind, &deletion.target.name());
        format!("{} {name}", kind.word())
    }

    /// Returns the look of the box for an item.
    pub fn look(&self, row: u32) -> TileLook {
        let (_, deletion, outcome) = self.at(row);
        let is_trashed = self.plan.moves_to_trash(deletion.target.kind());
        match (outcome, self.kind) {
            (Outcome::Done | Outcome::AlreadyGone, RunKind::Restored) => TileLook::Kept,
            (Outcome::Done, RunKind::Deleted) if is_trashed => TileLook::Trashed,
            (Outcome::Done | Outcome::AlreadyGone, RunKind::Deleted) => TileLook::Deleted,
            (Outcome::Failed(_), _) => TileLook::Failed,
            (Outcome::Skipped(_) | Outcome::Cancelled, _) => TileLook::Shared,
        }
    }

    fn item(&self, row: u32) -> RunItem<'_> {
        let (_, deletion, outcome) = self.at(row);
        let kind = deletion.target.kind();
        let is_done = self.kind == RunKind::Deleted && *outcome == Outcome::Done;
        let word = if is_done && self.plan.moves_to_trash(kind) {
            "trashed"
        } else if is_done && kind == ItemKind::Results {
            "rewritten"
        } else {
            word(outcome, self.kind)
        };
        RunItem {
            deletion,
            outcome,
            word,
        }
    }
}

struct RunItem<'a> {
    deletion: Cow<'a, Deletion>,
    outcome: &'a Outcome,
    word: &'static str,
}

/// Returns the word for an outcome.
pub fn word(outcome: &Outcome, kind: RunKind) -> &'static str {
    match (outcome, kind) {
        (Outcome::Done, RunKind::Deleted) => "deleted",
        (Outcome::Done, RunKind::Restored) => "restored",
        (Outcome::AlreadyGone, RunKind::Deleted) => "gone",
        (Outcome::AlreadyGone, RunKind::Restored) => "is there",
        (Outcome::Skipped(_), _) => "skipped",
        (Outcome::Failed(_), _) => "failed",
        (Outcome::Cancelled, _) => "not begun",
    }
}

/// Returns the sort weight of an outcome; the smallest is the most important.
fn weight(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Failed(_) => 0,
        Outcome::Skipped(_) => 1,
        Outcome::Cancelled => 2,
        Outcome::AlreadyGone => 3,
        Outcome::Done => 4,
    }
}

fn role(outcome: &Outcome) -> TextRole {
    match outcome {
        Outcome::Failed(_) => TextRole::Error,
        Outcome::Skipped(_) | Outcome::Cancelled => TextRole::Warning,
        Outcome::AlreadyGone => TextRole::Dim,
        Outcome::Done => TextRole::Good,
    }
}

fn why(outcome: &Outcome, kind: RunKind) -> String {
    match (outcome, kind) {
        (Outcome::Done, _) => String::new(),
        (Outcome::AlreadyGone, RunKind::Deleted) => "it was not there any more".to_owned(),
        (Outcome::AlreadyGone, RunKind::Restored) => "it is where it was".to_owned(),
        (Outcome::Skipped(skip), _) => skip.to_string(),
        (Outcome::Failed(error), _) => error.clone(),
        (Outcome::Cancelled, _) => "the run stopped before it".to_owned(),
    }
}

impl RowSet for RunRows {
    fn count(&self) -> u32 {
        u32::try_from(self.outcomes.len()).unwrap_or(u32::MAX)
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn cells(&self, row: u32, _now: Timestamp) -> Vec<Cell> {
        let RunItem {
            deletion,
            outcome,
            word,
        } = self.item(row);
        let kind = deletion.target.kind();
        let size = if matches!(kind, ItemKind::Ref | ItemKind::Results) {
            NONE.to_owned()
        } else {
            Size(deletion.target.bytes()).to_string()
        };
        vec![
            Cell::new(word, role(outcome)),
            Cell::new(format!("{:<8}", kind.word()), TextRole::Dim)
                .and(short_name(kind, &deletion.target.name()), TextRole::Text),
            Cell::text(size),
            Cell::text(why(outcome, self.kind)),
        ]
    }

    fn details(&self, row: u32, _now: Timestamp) -> Vec<DetailLine> {
        let RunItem {
            deletion,
            outcome,
            word,
        } = self.item(row);
        let mut details = vec![
            DetailLine::Heading(deletion.target.name().into()),
            DetailLine::Fact("outcome", Cell::new(word, role(outcome))),
            DetailLine::Fact("kind", Cell::text(deletion.target.kind().word())),
            DetailLine::Fact(
                "size",
                Cell::text(Size(deletion.target.bytes()).to_string()),
            ),
        ];
        if *outcome != Outcome::Done {
            details.push(DetailLine::Fact("why", Cell::text(why(outcome, self.kind))));
        }
        details.extend([DetailLine::Blank, DetailLine::Heading("Reason".into())]);
        details.extend(
            deletion
                .reasons
                .iter()
                .map(|reason| DetailLine::Text(Cell::text(reason.to_string()))),
        );
        details
    }

    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool {
        filter.matches(&self.item(row), now)
    }

    fn compare(&self, column: usize, a: u32, b: u32) -> Ordering {
        let (_, one, left) = self.at(a);
        let (_, other, right) = self.at(b);
        match column {
            // Of equal outcomes, the largest item comes first.
            0 => weight(left)
                .cmp(&weight(right))
                .then_with(|| other.target.bytes().cmp(&one.target.bytes())),
            1 => (one.target.kind(), one.target.name())
                .cmp(&(other.target.kind(), other.target.name())),
            2 => one.target.bytes().cmp(&other.target.bytes()),
            _ => why(left, self.kind).cmp(&why(right, self.kind)),
        }
    }

    fn sort_key(&self, column: usize, row: u32) -> [u64; 2] {
        let (_, deletion, outcome) = self.at(row);
        let bytes = deletion.target.bytes();
        match column {
            0 => [weight(outcome).into(), u64::MAX - bytes],
            2 => [bytes, 0],
            _ => [0; 2],
        }
    }

    fn identity(&self, row: u32) -> Identity {
        Identity::Item(self.at(row).0)
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
        self.at(row).1.target.bytes()
    }

    fn fields(&self, row: u32) -> Vec<(&'static str, Value)> {
        let RunItem {
            deletion, outcome, ..
        } = self.item(row);
        let document = RunItemDocument::new(&deletion, outcome);
        let mut fields = fields_of(&document, &RunItemDocument::FIELDS);
        fields.extend([
            ("bytes", json!(deletion.target.bytes())),
            ("why", json!(why(outcome, self.kind))),
        ]);
        fields
    }

    fn name(&self, row: u32) -> String {
        self.at(row).1.target.name()
    }
}

impl FilterSubject for RunItem<'_> {
    fn any_text(&self, field: FilterTextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        match field {
            FilterTextField::Name => Some(test(&self.deletion.target.name())),
            FilterTextField::Kind => Some(test(self.deletion.target.kind().word())),
            FilterTextField::State => Some(test(self.word)),
            FilterTextField::Ref
            | FilterTextField::Step
            | FilterTextField::Platform
            | FilterTextField::Path
            | FilterTextField::Change => None,
        }
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        (field == NumberField::Size).then(|| self.deletion.target.bytes())
    }
}
