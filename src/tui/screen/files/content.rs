//! The content of a file on the files screen: shows its beginning, writes it to a file.

use super::{FilesScreen, ListingState};
use crate::backend::layer_content::LayerFile;
use crate::format::digest::Digest;
use crate::tui::effect::JobId;
use crate::tui::layer::preview::{PreviewPopup, PreviewSubject};
use crate::tui::navigation::UiContext;
use crate::tui::rows::RowSet as _;
use crate::tui::world::{StatusKind, World};
use crate::tui::writes::{FileWrite, RunningWrite};

impl FilesScreen {
    /// Returns the file under the cursor; shows a message if it has no content.
    pub(super) fn file(&self, cx: &mut UiContext<'_>) -> Option<(LayerFile, String)> {
        let row = self.current()?;
        let Some((number, link)) = self.rows.content(row) else {
            let words = self.rows.no_content(row);
            cx.world.note(StatusKind::Failed, words);
            return None;
        };
        let file = LayerFile {
            layer: self.layer_of(row),
            number,
            link,
        };
        Some((file, self.rows.name(row)))
    }

    /// Returns the layer that a row is from.
    fn layer_of(&self, row: u32) -> Digest {
        let folder = self.rows.layer_folder(row);
        let mut folders = self.folders.iter();
        folders
            .find(|of| Some(of.folder.as_str()) == folder)
            .map_or(self.layer, |of| of.layer)
    }

    /// Shows the beginning of the file under the cursor, or of a blob that is not a layer.
    pub(super) fn preview(&mut self, cx: &mut UiContext<'_>) {
        let is_nothing = matches!(self.state, ListingState::Ended(_)) && self.tree.count() == 1;
        let is_blob = is_nothing && self.folders.is_empty();
        if is_blob {
            let title = format!("{}:{}", self.layer.algorithm(), self.layer.short(12));
            PreviewPopup::open(self.source, PreviewSubject::Blob(self.layer), title, cx);
        } else if let Some((file, path)) = self.file(cx) {
            PreviewPopup::open(self.source, PreviewSubject::File(file), path, cx);
        }
    }

    /// Returns the job that writes a file of the source, if one does.
    pub(super) fn extraction(&self, world: &World) -> Option<JobId> {
        let is_own = |running: &&RunningWrite| match &running.write {
            FileWrite::LayerFile(file) => file.source == self.source,
            FileWrite::Rows(_) | FileWrite::Plan(_) => false,
        };
        let running = world.writes.iter().rfind(is_own)?;
        Some(running.job)
    }
}
