//! The changed files behind a cause.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::list_screen::ListScreen;
use super::{Header, Screen};
use crate::explain::load::words::sentence;
use crate::format::provenance::StepIndex;
use crate::tui::keymap::{self, Action};
use crate::tui::list::{List, Sort};
use crate::tui::rows::changes::ChangedFiles;
use crate::tui::rows::sources::grouped;
use crate::tui::rows::why::Explained;
use crate::tui::rows::{Cell, RowSet as _};
use crate::tui::theme::Role;
use crate::tui::widget::table::RowHeight;
use crate::tui::widget::text;
use crate::tui::world::{Context, Handled, World};

/// The files behind a cause.
#[derive(Debug)]
pub struct Changes {
    rows: Arc<ChangedFiles>,
    step: StepIndex,
    screen: ListScreen,
}

impl Changes {
    /// Lists the files behind the cause of `step`.
    pub fn new(explained: Arc<Explained>, step: StepIndex, cx: &mut Context<'_>) -> Self {
        let cause = explained
            .explanation
            .causes
            .get(step.at())
            .and_then(Option::as_ref);
        let lead = cause.map(|cause| Cell::text(sentence(cause)));
        let rows = Arc::new(ChangedFiles::new(explained, step));
        let list = List::new(Arc::clone(&rows) as _, Sort::default(), cx);
        let mut screen = ListScreen::new(list, RowHeight::Single, 0);
        screen.set_lead(lead.into_iter().collect());
        Self { rows, step, screen }
    }
}

impl Screen for Changes {
    fn contexts(&self) -> &'static [keymap::Context] {
        &[
            keymap::Context::Changes,
            keymap::Context::List,
            keymap::Context::Global,
        ]
    }

    fn header(&self, world: &World) -> Header {
        let title = self.rows.explained().explanation.title(self.step);
        let step = text::cut(&title, world.size.width.saturating_sub(40).max(12));
        let count = self.rows.count();
        let files = if count == 1 {
            "1 file".to_owned()
        } else {
            format!("{} files", grouped(count.into()))
        };
        Header {
            path: vec!["why".to_owned(), step],
            facts: vec![files],
        }
    }

    fn summary(&self, world: &World) -> Cell {
        let words = Cell::new("+ added  − removed  ~ changed", Role::Dim);
        self.screen.summary(world, "files", words)
    }

    fn act(&mut self, action: Action, cx: &mut Context<'_>) -> Handled {
        match action {
            Action::Export => ListScreen::ask_for_file(self.file_name(), cx),
            Action::Open => return self.screen.act(Action::Details, cx),
            _ => return self.screen.act(action, cx),
        }
        Handled::Yes
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        self.screen.draw(
            world,
            frame,
            area,
            &[Cell::new("There is no file to tell of.", Role::Dim)],
        );
    }

    fn list_screen(&self) -> Option<&ListScreen> {
        Some(&self.screen)
    }

    fn list_screen_mut(&mut self) -> Option<&mut ListScreen> {
        Some(&mut self.screen)
    }

    fn file_name(&self) -> &'static str {
        "changes"
    }
}
