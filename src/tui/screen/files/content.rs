//! The content of a file on the files screen: shows its beginning, writes it to a file.

use std::path::{Path, PathBuf};

use super::{FilesScreen, FilesState};
use crate::backend::layer_content::LayerFile;
use crate::format::digest::Digest;
use crate::text::escape::visible;
use crate::text::units::Size;
use crate::tui::effect::{Extraction, JobWork, Overwrite};
use crate::tui::layer::confirm::Confirm;
use crate::tui::layer::preview::{PreviewPopup, PreviewSubject};
use crate::tui::message::ExportError;
use crate::tui::navigation::UiContext;
use crate::tui::rows::RowSet as _;
use crate::tui::screen::LayerRequest;
use crate::tui::world::StatusKind;

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
        let path = self.rows.name(row);
        let folder = path.split('/').next().unwrap_or_default();
        let mut folders = self.folders.iter();
        folders
            .find(|of| of.folder == folder)
            .map_or(self.layer, |of| of.layer)
    }

    /// Shows the beginning of the file under the cursor, or of a blob that is not a layer.
    pub(super) fn preview(&mut self, cx: &mut UiContext<'_>) {
        let is_nothing = matches!(self.state, FilesState::Ended(_)) && self.tree.count() == 1;
        let is_blob = is_nothing && self.folders.is_empty();
        if is_blob {
            let title = format!("{}:{}", self.layer.algorithm(), self.layer.short(12));
            PreviewPopup::open(self.source, PreviewSubject::Blob(self.layer), title, cx);
        } else if let Some((file, path)) = self.file(cx) {
            PreviewPopup::open(self.source, PreviewSubject::File(file), path, cx);
        }
    }

    pub(super) fn extract(
        &mut self,
        file: LayerFile,
        path: PathBuf,
        overwrite: Overwrite,
        cx: &mut UiContext<'_>,
    ) {
        if let Some((job, _)) = self.extracting.take() {
            cx.stop(job);
        }
        let name = visible(&path.to_string_lossy()).into_owned();
        cx.world.note(StatusKind::Done, format!("writing {name}…"));
        let work = JobWork::Extract(Extraction {
            source: self.source,
            file: file.clone(),
            path,
            overwrite,
        });
        self.extracting = Some((cx.start(work), file));
    }
}

/// Reports the result of writing a file; asks if the file exists already.
pub(super) fn report_extracted(
    path: &Path,
    result: &Result<u64, ExportError>,
    file: LayerFile,
    cx: &mut UiContext<'_>,
) {
    let name = visible(&path.to_string_lossy()).into_owned();
    match result {
        Ok(bytes) => {
            let words = format!("{} written to {name}", Size(*bytes));
            cx.world.note(StatusKind::Done, words);
        }
        Err(ExportError::Exists) => {
            let question = format!("{name} is there already. Replace it?");
            let request = LayerRequest::Extract(file, path.to_owned(), Overwrite::Agreed);
            cx.show(Confirm::new(question, request));
        }
        Err(ExportError::Failed(why)) => {
            let words = format!("{name} was not written: {why}");
            cx.world.note(StatusKind::Failed, words);
        }
    }
}
