//! The lines above the refs: the fields of the rule, its effect, and its place among the rules.

use super::RuleScreen;
use crate::text::plural::one_or;
use crate::text::units::{Size, grouped};
use crate::tui::rows::{Cell, Piece};
use crate::tui::rule::RuleField;
use crate::tui::theme::TextRole;
use crate::tui::widget::{meter, text};

/// The maximum width of the effect's meter.
const METER: u16 = 24;
/// Stands for the fields before the first one that has room.
const BEFORE: &str = "… ";

impl RuleScreen {
    /// Returns the fields. If they need more than `width` columns, the first ones are left out, so
    /// that the field with the keys is always visible.
    pub(super) fn fields(&self, width: u16) -> Cell {
        let cells = RuleField::ALL.map(|field| self.field_cell(field));
        let widths = cells.each_ref().map(text::cell_width);
        let last = self.field as usize;
        let needed = |first: usize| {
            let fields: u16 = widths[first..=last].iter().sum();
            fields + if first == 0 { 0 } else { text::width(BEFORE) }
        };
        let fits = |first: &usize| needed(*first) <= width;
        let first = (0..=last).find(fits).unwrap_or(last);
        let before = if first == 0 { "" } else { BEFORE };
        let shown = cells.into_iter().skip(first);
        shown.fold(Cell::new(before, TextRole::Dim), Cell::and_all)
    }

    fn field_cell(&self, field: RuleField) -> Cell {
        let (name, value) = if self.draft.is_used(field) {
            (TextRole::Dim, TextRole::Strong)
        } else {
            (TextRole::Rule, TextRole::Rule)
        };
        let (left, right, value) = if field == self.field {
            (" ‹", "› ", TextRole::Title)
        } else {
            ("  ", "  ", value)
        };
        Cell::new(field.word(), name)
            .and(left, TextRole::Key)
            .and(self.draft.text(field), value)
            .and(right, TextRole::Key)
            .and(" ", TextRole::Text)
    }

    pub(super) fn effect_line(&self, width: u16) -> Cell {
        let Some(effect) = self.effect else {
            return Cell::new("asking what it does to each ref…", TextRole::Dim);
        };
        let refs = |count: u64| one_or(count, "ref", "refs");
        let kept_bytes = effect
            .dropped_bytes
            .map(|dropped| effect.all_bytes.saturating_sub(dropped));
        let size =
            |bytes: Option<u64>| bytes.map_or("?".to_owned(), |bytes| Size(bytes).to_string());
        let words = Cell::new("keeps ", TextRole::Dim)
            .and(grouped(effect.kept), TextRole::Live)
            .and(
                format!(" {} · {}", refs(effect.kept), size(kept_bytes)),
                TextRole::Dim,
            )
            .and("   drops ", TextRole::Dim)
            .and(grouped(effect.dropped), TextRole::Orphan)
            .and(
                format!(
                    " {} · frees {}",
                    refs(effect.dropped),
                    size(effect.dropped_bytes)
                ),
                TextRole::Dim,
            );
        let words = match self.job {
            Some(_) => words.and(" …", TextRole::Dim),
            None => words,
        };
        let room = width
            .saturating_sub(text::cell_width(&words) + 2)
            .min(METER);
        let Some(kept) = kept_bytes.filter(|_| room >= 8) else {
            return words;
        };
        let bar = meter::of_two(kept, effect.dropped_bytes.unwrap_or_default(), room);
        let gap = Piece("  ".into(), TextRole::Text);
        Cell(bar.0.into_iter().chain([gap]).chain(words.0).collect())
    }

    pub(super) fn order_line(&self) -> Cell {
        let Some(effect) = self.effect else {
            return Cell::default();
        };
        let matched = match effect.matched {
            1 => "decides about 1 ref".to_owned(),
            count => format!("decides about {} refs", grouped(count)),
        };
        let place = match effect.rules_before {
            0 => format!("the only rule; it {matched}"),
            before => format!(
                "asked after {before} other{}; it {matched}",
                one_or(before, "", "s")
            ),
        };
        let cell = match effect.over_budget {
            Some(kept) => Cell::new(
                format!("! budget cannot be met: {} stay · ", Size(kept)),
                TextRole::Warning,
            ),
            None => Cell::default(),
        };
        let cell = cell.and(place, TextRole::Dim);
        match effect.decided_before {
            0 => cell,
            count => cell.and(
                format!(
                    " · earlier rules decide about {} that it matches",
                    grouped(count)
                ),
                TextRole::Warning,
            ),
        }
    }
}
