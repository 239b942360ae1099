//! The changes between two refs of a source.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::list_screen::{ListScreen, draw_boxes};
use super::{Screen, ScreenHeader};
use crate::inventory::{Inventory, RefId};
use crate::text::units::grouped;
use crate::text::units::{Age, Size};
use crate::tui::keymap;
use crate::tui::list::{RowList, Sort};
use crate::tui::navigation::UiContext;
use crate::tui::rows::Cell;
use crate::tui::rows::diff::{DiffEnd, DiffRows, WHERE};
use crate::tui::rows::refs::RefRows;
use crate::tui::rows::steps::RefSteps;
use crate::tui::theme::TextRole;
use crate::tui::widget::table::RowHeight;
use crate::tui::widget::text;
use crate::tui::work::WorkKey;
use crate::tui::work::comparison::{ComparisonState, ComparisonWork};
use crate::tui::world::{SourceId, World};

/// From this width on, all columns of a step are visible.
const LIST_WIDTH: u16 = 84;

/// Two refs and the changes between them.
#[derive(Debug)]
pub struct DiffScreen {
    key: WorkKey,
    work: Arc<ComparisonWork>,
    screen: ListScreen,
}

impl DiffScreen {
    /// Compares two refs of `source`, the older with the newer.
    pub fn new(
        source: SourceId,
        inventory: Arc<Inventory>,
        refs: [RefId; 2],
        cx: &mut UiContext<'_>,
    ) -> Self {
        let (key, work) = ComparisonWork::begin(source, inventory, refs, cx);
        Self::of(key, work, cx)
    }

    /// Shows a comparison.
    pub fn of(key: WorkKey, work: Arc<ComparisonWork>, cx: &mut UiContext<'_>) -> Self {
        let rows = Arc::new(RefRows::new(Arc::default(), None));
        let sort = Sort {
            column: WHERE,
            ..Sort::default()
        };
        let list = RowList::new(rows, sort, cx);
        let mut diff = Self {
            key,
            work,
            screen: ListScreen::new(list, RowHeight::Single, 0, "diff")
                .wanting(LIST_WIDTH)
                .with_filler_below_all(),
        };
        diff.show(cx);
        diff
    }

    fn show(&mut self, cx: &mut UiContext<'_>) {
        if let ComparisonState::Ready(rows) = &self.work.state {
            self.screen.set_lead(Self::lead(rows).into_iter().collect());
            self.screen.list.set_rows(Arc::clone(rows) as _, cx);
        }
    }

    fn empty(&self) -> Vec<Cell> {
        match &self.work.state {
            ComparisonState::Loading(_) => vec![Cell::new("Comparing the refs…", TextRole::Dim)],
            ComparisonState::Failed(faults) => {
                let faults = faults.iter().cloned().map(Cell::text);
                std::iter::once(Cell::new("The refs cannot be compared.", TextRole::Error))
                    .chain(faults)
                    .collect()
            }
            ComparisonState::Ready(rows) => vec![
                Cell::text("No step was added, removed or run again."),
                Cell::new(
                    format!(
                        "{} keys are the same, with the same results",
                        grouped(rows.same as u64)
                    ),
                    TextRole::Dim,
                ),
            ],
        }
    }

    /// Returns the differences between the refs as a whole.
    fn lead(rows: &DiffRows) -> Option<Cell> {
        let (before, after) = rows.before.entry().zip(rows.after.entry())?;
        let sizes = Cell::text(Size(before.sizes.bytes).to_string())
            .and(" → ", TextRole::Dim)
            .and(Size(after.sizes.bytes).to_string(), TextRole::Strong);
        let (Some((then, _)), Some((now, _))) = (before.age(), after.age()) else {
            return Some(sizes);
        };
        let later = format!(" · written {} later", Age::between(then, now));
        Some(if then < now {
            sizes.and(later, TextRole::Dim)
        } else {
            sizes
        })
    }
}

impl DiffScreen {
    /// Draws both refs as boxes below few rows, as wide as their sizes.
    fn draw_boxes(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let (ComparisonState::Ready(rows), Some(filler)) =
            (&self.work.state, self.screen.areas(area).filler)
        else {
            return;
        };
        let size = |steps: &RefSteps| steps.entry().map_or(0, |entry| entry.sizes.bytes);
        let before = size(&rows.before);
        let all = u128::from(before) + u128::from(size(&rows.after));
        let share = u128::from(before) * u128::from(filler.width) / all.max(1);
        let share = u16::try_from(share).unwrap_or(filler.width);
        let width = share.clamp(filler.width / 4, filler.width - filler.width / 4);
        let left = Rect { width, ..filler };
        let right = Rect {
            x: left.right(),
            width: filler.width - width,
            ..filler
        };
        let [older, newer] = &self.work.names;
        for (which, name, area) in [
            (DiffEnd::Before, older, left),
            (DiffEnd::After, newer, right),
        ] {
            let title = Cell::text(" ")
                .and(name.clone(), TextRole::Title)
                .and(" ░ the same  ▚ changed  ▒ gone  ▓ new ", TextRole::Dim);
            draw_boxes(&title, &rows.tiles(which), world, frame, Some(area));
        }
    }
}

impl Screen for DiffScreen {
    fn contexts(&self) -> &'static [keymap::KeyContext] {
        &[
            keymap::KeyContext::Diff,
            keymap::KeyContext::List,
            keymap::KeyContext::Global,
        ]
    }

    fn header(&self, world: &World) -> ScreenHeader {
        let [before, after] = &self.work.names;
        let room = world.size.width / 4;
        let cut = |name: &str| text::cut(name, room);
        // Long names of one project begin alike.
        let [before, after] = if cut(before) == cut(after) {
            [before, after].map(|name| text::cut_front(name, room))
        } else {
            [cut(before), cut(after)]
        };
        let label = world.source(self.work.source).info.label.clone();
        ScreenHeader {
            path: vec![label, format!("{before} → {after}")],
            facts: Vec::new(),
        }
    }

    fn summary(&self, world: &World) -> Cell {
        let words = match &self.work.state {
            ComparisonState::Ready(rows) => format!(
                "{} keys are the same · {} sources and files were added or removed",
                grouped(rows.same as u64),
                grouped(rows.sources as u64)
            ),
            ComparisonState::Loading(_) | ComparisonState::Failed(_) => String::new(),
        };
        self.screen
            .summary(world, "steps", Cell::new(words, TextRole::Dim))
    }

    fn work(&self) -> Option<WorkKey> {
        Some(self.key)
    }

    fn show_work(&mut self, key: WorkKey, cx: &mut UiContext<'_>) {
        if let Some(work) = cx.work(key) {
            self.work = work;
            self.show(cx);
        }
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        self.screen.draw(world, frame, area, &self.empty());
        self.draw_boxes(world, frame, area);
    }

    fn list_screen(&self) -> Option<&ListScreen> {
        Some(&self.screen)
    }

    fn list_screen_mut(&mut self) -> Option<&mut ListScreen> {
        Some(&mut self.screen)
    }

    fn source(&self) -> Option<SourceId> {
        Some(self.work.source)
    }
}
