//! The changed files behind a cause, as rows.

use std::cmp::Ordering;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::why::ArrangedExplanation;
use super::{Align, Cell, Column, DetailLine, Identity, RowSet, Sortable};
use crate::explain::cause::{CauseKind, PathChange};
use crate::explain::text_diff::TextDiffLine;
use crate::format::provenance::StepIndex;
use crate::inventory::filter::{Filter, FilterSubject, FilterTextField};
use crate::report::documents::{FileChangeDocument, fields_of};
use crate::tui::theme::TextRole;

const COLUMNS: &[Column] = &[
    Column {
        title: "PATH",
        align: Align::Path,
        min: 27,
        max: 200,
        rank: 0,
        sort: Sortable::Ascending,
    },
    Column {
        title: "WHAT",
        align: Align::Left,
        min: 13,
        max: 13,
        rank: 1,
        sort: Sortable::Ascending,
    },
    Column {
        title: "FROM → TO",
        align: Align::Left,
        min: 12,
        max: 48,
        rank: 2,
        sort: Sortable::No,
    },
];

/// The files that changed since a step was cached.
#[derive(Debug)]
pub struct ChangedFiles {
    explained: Arc<ArrangedExplanation>,
    step: StepIndex,
}

impl ChangedFiles {
    /// Lists the files behind the cause of `step`.
    pub fn new(explained: Arc<ArrangedExplanation>, step: StepIndex) -> Self {
        Self { explained, step }
    }

    /// Returns the explanation that the files belong to.
    pub fn explained(&self) -> &ArrangedExplanation {
        &self.explained
    }

    fn all(&self) -> &[PathChange] {
        let cause = self
            .explained
            .explanation
            .causes
            .get(self.step.at())
            .and_then(Option::as_ref);
        cause.map_or(&[], |cause| &cause.paths)
    }

    fn at(&self, row: u32) -> Option<&PathChange> {
        self.all().get(row as usize)
    }
}

/// Returns the sign for a file's change.
fn sign(change: &PathChange) -> (&'static str, TextRole) {
    match change.kind {
        CauseKind::FileAdded => ("+ ", TextRole::Good),
        CauseKind::FileRemoved => ("− ", TextRole::Missing),
        _ => ("~ ", TextRole::Warning),
    }
}

fn word(kind: CauseKind) -> &'static str {
    match kind {
        CauseKind::FileAdded => "added",
        CauseKind::FileRemoved => "removed",
        CauseKind::LinkTarget => "link target",
        kind => kind.word(),
    }
}

/// Formats a line about a file and its change.
pub fn line(change: &PathChange) -> Cell {
    let (sign, role) = sign(change);
    let cell = Cell::new(sign, role)
        .and(change.path.clone(), TextRole::Text)
        .and("  ", TextRole::Text);
    let cell = cell.and(word(change.kind), TextRole::Dim);
    if change.detail.is_empty() {
        cell
    } else {
        cell.and(format!(" {}", change.detail), TextRole::Dim)
    }
}

impl FilterSubject for PathChange {
    fn any_text(&self, field: FilterTextField, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        match field {
            FilterTextField::Name => Some(test(&self.path)),
            FilterTextField::Kind => Some(test(word(self.kind))),
            FilterTextField::Ref
            | FilterTextField::Step
            | FilterTextField::State
            | FilterTextField::Platform
            | FilterTextField::Path
            | FilterTextField::Change => None,
        }
    }
}

impl RowSet for ChangedFiles {
    fn count(&self) -> u32 {
        u32::try_from(self.all().len()).unwrap_or(u32::MAX)
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn cells(&self, row: u32, _now: Timestamp) -> Vec<Cell> {
        let Some(change) = self.at(row) else {
            return Vec::new();
        };
        vec![
            Cell::text(change.path.clone()),
            Cell::new(sign(change).0, sign(change).1).and(word(change.kind), TextRole::Text),
            Cell::new(change.detail.clone(), TextRole::Dim),
        ]
    }

    fn details(&self, row: u32, _now: Timestamp) -> Vec<DetailLine> {
        let Some(change) = self.at(row) else {
            return Vec::new();
        };
        let mut lines = vec![
            DetailLine::Text(Cell::new(change.path.clone(), TextRole::Strong)),
            DetailLine::Blank,
        ];
        let (sign, role) = sign(change);
        lines.push(DetailLine::Fact(
            "what",
            Cell::new(sign, role).and(word(change.kind), TextRole::Text),
        ));
        if !change.detail.is_empty() {
            lines.push(DetailLine::Fact(
                "from, to",
                Cell::text(change.detail.clone()),
            ));
        }
        if !change.lines.is_empty() {
            lines.push(DetailLine::Blank);
        }
        lines.extend(change.lines.iter().map(text_line));
        lines
    }

    fn matches(&self, row: u32, filter: &Filter, now: Timestamp) -> bool {
        self.at(row)
            .is_some_and(|change| filter.matches(change, now))
    }

    fn compare(&self, column: usize, a: u32, b: u32) -> Ordering {
        let key = |row: u32| {
            self.at(row).map(|change| {
                if column == 1 {
                    word(change.kind)
                } else {
                    &change.path
                }
            })
        };
        key(a).cmp(&key(b))
    }

    fn identity(&self, row: u32) -> Identity {
        Identity::File(row)
    }

    fn find(&self, identity: &Identity) -> Option<u32> {
        match identity {
            Identity::File(row) => Some(*row).filter(|row| *row < self.count()),
            _ => None,
        }
    }

    fn bytes(&self, _row: u32) -> u64 {
        0
    }

    fn fields(&self, row: u32) -> Vec<(&'static str, Value)> {
        let Some(change) = self.at(row) else {
            return Vec::new();
        };
        fields_of(
            &FileChangeDocument::new(change),
            &FileChangeDocument::FIELDS,
        )
    }

    fn name(&self, row: u32) -> String {
        self.at(row)
            .map(|change| change.path.clone())
            .unwrap_or_default()
    }
}

/// Formats a line of a text diff.
pub(super) fn text_line(line: &TextDiffLine) -> DetailLine {
    let (sign, text) = line.parts();
    let role = match line {
        TextDiffLine::Added(_) => TextRole::Good,
        TextDiffLine::Removed(_) => TextRole::Missing,
        TextDiffLine::Same(_) | TextDiffLine::Hunk(_) | TextDiffLine::More(_) => TextRole::Dim,
    };
    DetailLine::Text(Cell::new(format!("{sign} {text}"), role))
}
