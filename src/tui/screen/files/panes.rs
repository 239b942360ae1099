//! The panes of a wide screen next to and below the files: the beginning of the file under the
//! cursor, and the files as boxes.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::{FilesScreen, ListingState, MOST_PREVIEWED};
use crate::backend::layer_content::LayerFile;
use crate::format::digest::Digest;
use crate::inventory::blobs::Blob;
use crate::tui::effect::JobWork;
use crate::tui::layer::preview::PreviewSubject;
use crate::tui::navigation::UiContext;
use crate::tui::rows::{Cell, RowSet as _};
use crate::tui::screen::Screen;
use crate::tui::screen::beginning::BeginningScreen;
use crate::tui::screen::list_screen::{PreviewOf, draw_boxes};
use crate::tui::theme::TextRole;
use crate::tui::widget::treemap;
use crate::tui::world::{SourceId, World};

impl FilesScreen {
    /// Lists the files of a stored blob as a preview, where that is cheap.
    pub fn preview_of(
        source: SourceId,
        from: &str,
        blob: Digest,
        cx: &mut UiContext<'_>,
    ) -> Option<Box<dyn Screen>> {
        let found = cx.world.source(source).found.as_ref();
        let blobs = &found.filter(|_| cx.world.is_cheap(source))?.inventory.blobs;
        let size = blobs.find(&blob).map(|id| blobs.get(id).stored_size());
        size.filter(|size| *size <= MOST_PREVIEWED)?;
        let name = format!("{}:{}", blob.algorithm(), blob.short(12));
        Some(Box::new(Self::new(
            source,
            from.to_owned(),
            name,
            blob,
            None,
            cx,
        )))
    }

    /// Prepares the beginning of the file under the cursor, where a layer is cheap to read.
    pub(super) fn follow_file(&mut self, cx: &mut UiContext<'_>) {
        let size = self.blob(cx.world).map(|blob: Blob<'_>| blob.stored_size());
        let is_cheap = size.is_some_and(|size| size <= MOST_PREVIEWED)
            && cx.world.is_cheap(self.source)
            && self.state == ListingState::Done;
        let Self {
            screen,
            rows,
            source,
            layer,
            ..
        } = self;
        screen.follow(cx, |row, cx| {
            // A folder leads to the next file.
            let shown = (row..rows.count()).find(|row| rows.content(*row).is_some())?;
            let (number, link) = rows.content(shown).filter(|_| is_cheap)?;
            let layer = *layer;
            let file = LayerFile {
                layer,
                number,
                link,
            };
            let work = JobWork::Preview(*source, PreviewSubject::File(file));
            let name = rows.name(shown);
            let beginning = Box::new(BeginningScreen::new(name, work, super::CONTEXTS, cx));
            Some(if shown == row {
                PreviewOf::Opened(beginning)
            } else {
                PreviewOf::Content(beginning)
            })
        });
    }

    /// Draws the visible files and the closed folders as boxes, below few rows.
    pub(super) fn draw_boxes(&self, world: &World, frame: &mut Frame<'_>, area: Option<Rect>) {
        let title = Cell::new(" bytes of the files ", TextRole::Dim);
        if area.is_some() {
            draw_boxes(&title, &treemap::of_files(&self.rows), world, frame, area);
        }
    }
}
