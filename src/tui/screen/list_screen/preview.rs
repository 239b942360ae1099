//! The screen that a wide terminal shows next to a list.

use std::fmt;

use super::{ListScreen, PREVIEW_FROM};
use crate::tui::navigation::UiContext;
use crate::tui::rows::Identity;
use crate::tui::screen::Screen;
use crate::tui::work::WorkKey;

/// A screen that is prepared to be shown next to the list.
pub(super) struct ScreenPreview {
    /// The row that it is of.
    of: Identity,
    pub(super) shown: PreviewOf,
}

/// A screen to show next to the list.
pub enum PreviewOf {
    /// The screen that `enter` would open.
    Opened(Box<dyn Screen>),
    /// The content of the row, or of one next to it; `enter` does something else.
    Content(Box<dyn Screen>),
}

impl PreviewOf {
    pub(super) fn screen(&self) -> &dyn Screen {
        match self {
            Self::Opened(screen) | Self::Content(screen) => &**screen,
        }
    }

    pub(super) fn screen_mut(&mut self) -> &mut dyn Screen {
        match self {
            Self::Opened(screen) | Self::Content(screen) => &mut **screen,
        }
    }
}

impl fmt::Debug for ScreenPreview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a preview of {:?}", self.of)
    }
}

impl ListScreen {
    /// Prepares the screen to show next to the row under the cursor, on a wide screen; `make` makes it
    /// for a row, or nothing.
    pub fn follow(
        &mut self,
        cx: &mut UiContext<'_>,
        make: impl FnOnce(u32, &mut UiContext<'_>) -> Option<PreviewOf>,
    ) {
        let is_shown = cx.world.size.width >= PREVIEW_FROM && self.zoom.is_none();
        let row = self.list.current().filter(|_| is_shown);
        let identity = row.map(|row| self.list.rows().identity(row));
        if self.preview.as_ref().map(|preview| &preview.of) == identity.as_ref() {
            return;
        }
        self.forget_preview(cx);
        if let Some((row, of)) = row.zip(identity)
            && let Some(shown) = make(row, cx)
        {
            self.preview = Some(ScreenPreview { of, shown });
        }
    }

    /// Stops what the preview waits for, and prepares it again when it is shown next.
    pub fn forget_preview(&mut self, cx: &mut UiContext<'_>) {
        if let Some(mut preview) = self.preview.take() {
            let screen = preview.shown.screen_mut();
            screen.leave(cx);
            if let Some(key) = screen.work() {
                cx.forget_work(key);
            }
        }
    }

    /// Shows the current state of work that has changed in the preview.
    pub fn work_changed(&mut self, key: WorkKey, cx: &mut UiContext<'_>) {
        if let Some(preview) = &mut self.preview {
            preview.shown.screen_mut().work_changed(key, cx);
        }
    }
}
