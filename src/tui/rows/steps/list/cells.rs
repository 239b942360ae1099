//! The cells of a step and of a header.

use std::collections::HashSet;

use jiff::Timestamp;

use super::{BAR, COLUMNS, MOST_LEVELS, StepRows};
use super::{StepListRow, StepListShape};
use crate::inventory::below::LayersBelow;
use crate::inventory::cache::RecordState;
use crate::inventory::steps::{Indent, RecordStep, RowKind, StepRow};
use crate::text::escape::visible;
use crate::text::plural::one_or;
use crate::text::units::{Age, Size};
use crate::tui::rows::steps::{refs, sign};
use crate::tui::rows::{Cell, Identity, NONE, RowSet as _};
use crate::tui::theme::TextRole;
use crate::tui::widget::meter;

impl StepRows {
    /// Returns the display name of a step.
    pub fn title(&self, row: u32) -> String {
        self.step(row)
            .map(|step| step.title().into_owned())
            .unwrap_or_default()
    }

    /// Returns the layers below the layer of a step.
    pub fn below(&self, row: u32) -> Option<LayersBelow> {
        let (StepListRow::Row(part, _), Some(step)) = (self.place(row), self.step(row)) else {
            return None;
        };
        self.steps.below(part as usize, &step)
    }

    /// Returns the name of a head of other rows.
    pub fn heading(&self, row: u32) -> Option<String> {
        let title = match self.place(row) {
            StepListRow::Part(part) => {
                let platform = self.steps.caches[part as usize].platform.as_deref();
                visible(platform.unwrap_or("every platform")).into_owned()
            }
            StepListRow::Row(part, place) => {
                match &self.steps.row(part as usize, place as usize).kind {
                    RowKind::Stage(stage) => visible(&stage.name).into_owned(),
                    RowKind::Unnamed => "steps without a name".to_owned(),
                    RowKind::Step(_) | RowKind::Twin(_) => return None,
                }
            }
        };
        Some(title)
    }

    /// Sums the layers of rows of a part up, each layer once.
    pub(super) fn sum(&self, part: usize, rows: impl Iterator<Item = usize>) -> u64 {
        let mut counted = HashSet::new();
        let steps = rows.filter_map(|place| self.steps.step(part, place));
        let new = steps.filter(|step| step.layer().is_some_and(|layer| counted.insert(layer)));
        new.filter_map(|step| step.sizes())
            .fold(0, |sum, sizes| sum.saturating_add(sizes.layer_bytes))
    }

    /// Draws the size of a layer as a share of the largest: `█` of this ref only, `░` shared.
    fn bar(&self, bytes: u64, is_shared: bool) -> Cell {
        let rows = 0..u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        let sizes = || rows.map(|row| self.bytes(row)).max();
        let largest = *self.largest.get_or_init(|| sizes().unwrap_or_default());
        let own = if is_shared { 0 } else { bytes };
        meter::own_and_shared(own, bytes, largest, BAR)
    }

    pub(super) fn head(title: String, below: u32, bytes: u64, is_folded: bool) -> Vec<Cell> {
        let sign = if is_folded { "▸ " } else { "▾ " };
        let steps = one_or(below, "step", "steps");
        let cell = Cell::new(sign, TextRole::Title)
            .and(title, TextRole::Strong)
            .and(format!("  {below} {steps}"), TextRole::Dim);
        let size = match bytes {
            0 => Cell::default(),
            _ => Cell::new(Size(bytes).to_string(), TextRole::Dim),
        };
        let mut cells = vec![cell, size];
        cells.resize(COLUMNS.len(), Cell::default());
        cells
    }

    pub(super) fn step_cells(
        &self,
        row: &StepRow,
        step: &RecordStep<'_>,
        identity: &Identity,
        now: Timestamp,
    ) -> Vec<Cell> {
        let mut name = match self.shape {
            StepListShape::Tree => Cell::new(guides(row.indent), TextRole::Rule),
            StepListShape::Flat => Cell::default(),
        };
        let is_twin = matches!(row.kind, RowKind::Twin(_));
        let (sign, role) = if is_twin {
            ("≡", TextRole::Dim)
        } else {
            sign(step, &self.steps)
        };
        name = name.and(format!("{sign} "), role);
        if row.below > 0
            && self.shape == StepListShape::Tree
            && self.folds.folded.contains(identity)
        {
            name = name.and(format!("▸{} ", row.below), TextRole::Title);
        }
        if step.is_guessed() {
            name = name.and("~ ", TextRole::Unsure);
        }
        let role = match step.detail.state {
            _ if is_twin => TextRole::Dim,
            RecordState::KeyOnly if !step.is_source() => TextRole::Dim,
            _ => TextRole::Text,
        };
        name = name.and(step.title().into_owned(), role);
        if row.twins > 0
            && self.shape == StepListShape::Tree
            && !self.folds.opened.contains(identity)
        {
            name = name.and(format!(" +{}", row.twins), TextRole::Dim);
        }
        let sizes = step.sizes();
        let bytes = sizes.map_or(0, |sizes| sizes.layer_bytes);
        let or_none =
            |text: Option<String>| text.map_or_else(|| Cell::new(NONE, TextRole::Dim), Cell::text);
        let others = step.other_refs();
        vec![
            name,
            or_none(sizes.map(|sizes| Size(sizes.layer_bytes).to_string())),
            self.bar(bytes, others.is_some_and(|others| others > 0)),
            or_none(
                step.detail
                    .created
                    .map(|created| Age::between(created, now).to_string()),
            ),
            or_none(others.filter(|others| *others > 0).map(refs)),
        ]
    }
}

/// Draws the lines that lead to a row.
fn guides(indent: Indent) -> String {
    let depth = indent.depth.min(MOST_LEVELS);
    let guide = |level: u32| match (
        level == indent.depth && indent.begins,
        indent.goes_on(level),
    ) {
        (true, true) => "├ ",
        (true, false) => "└ ",
        (false, true) => "│ ",
        (false, false) => "  ",
    };
    let deeper = if indent.depth > MOST_LEVELS {
        "⋯ "
    } else {
        ""
    };
    (1..=depth).map(guide).chain([deeper]).collect()
}
