//! The changed files behind a cause.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::list_screen::ListScreen;
use super::{Screen, ScreenHeader};
use crate::explain::load::words::sentence;
use crate::format::provenance::StepIndex;
use crate::text::units::grouped;
use crate::tui::keymap;
use crate::tui::list::{RowList, Sort};
use crate::tui::navigation::UiContext;
use crate::tui::rows::changes::ChangedFiles;
use crate::tui::rows::why::ArrangedExplanation;
use crate::tui::rows::{Cell, RowSet as _};
use crate::tui::theme::TextRole;
use crate::tui::widget::table::RowHeight;
use crate::tui::widget::text;
use crate::tui::world::World;

/// The files behind a cause.
#[derive(Debug)]
pub struct ChangesScreen {
    rows: Arc<ChangedFiles>,
    step: StepIndex,
    screen: ListScreen,
}

impl ChangesScreen {
    /// Lists the files behind the cause of `step`.
    pub fn new(
        explained: Arc<ArrangedExplanation>,
        step: StepIndex,
        cx: &mut UiContext<'_>,
    ) -> Self {
        let cause = explained
            .explanation
            .causes
            .get(step.at())
            .and_then(Option::as_ref);
        let lead = cause.map(|cause| Cell::text(sentence(cause)));
        let rows = Arc::new(ChangedFiles::new(explained, step));
        let list = RowList::new(Arc::clone(&rows) as _, Sort::default(), cx);
        let mut screen = ListScreen::new(list, RowHeight::Single, 0, "changes");
        screen.set_lead(lead.into_iter().collect());
        Self { rows, step, screen }
    }
}

impl Screen for ChangesScreen {
    fn contexts(&self) -> &'static [keymap::KeyContext] {
        &[
            keymap::KeyContext::Changes,
            keymap::KeyContext::List,
            keymap::KeyContext::Global,
        ]
    }

    fn header(&self, world: &World) -> ScreenHeader {
        let title = self.rows.explained().explanation.title(self.step);
        let step = text::cut(&title, world.size.width.saturating_sub(40).max(12));
        let count = self.rows.count();
        let files = if count == 1 {
            "1 file".to_owned()
        } else {
            format!("{} files", grouped(count.into()))
        };
        ScreenHeader {
            path: vec!["why".to_owned(), step],
            facts: vec![files],
        }
    }

    fn summary(&self, world: &World) -> Cell {
        let words = Cell::new("+ added  − removed  ~ changed", TextRole::Dim);
        self.screen.summary(world, "files", words)
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        self.screen.draw(
            world,
            frame,
            area,
            &[Cell::new("There is no file to show.", TextRole::Dim)],
        );
    }

    fn list_screen(&self) -> Option<&ListScreen> {
        Some(&self.screen)
    }

    fn list_screen_mut(&mut self) -> Option<&mut ListScreen> {
        Some(&mut self.screen)
    }
}
