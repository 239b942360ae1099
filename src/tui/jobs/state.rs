//! Writes the small files of the state directory.

use std::path::Path;

use super::{Jobs, Reporter};
use crate::tui::columns::HiddenColumns;
use crate::tui::message::JobReport;
use crate::tui::views::SavedViews;

impl Jobs {
    pub(super) fn save_columns(&mut self, path: &Path, hidden: &HiddenColumns, reporter: Reporter) {
        // The file is tiny, and the program may end right after this.
        let is_saved = hidden.save(path).is_ok();
        self.blocking(reporter, move |_| {
            let words = "the choice of columns is kept for this run only";
            (!is_saved).then_some(JobReport::NotAll(words))
        });
    }

    pub(super) fn save_views(&mut self, views: &SavedViews, reporter: Reporter) {
        let is_saved = views.save().is_ok();
        self.blocking(reporter, move |_| {
            let words = "order, filter and evidence are kept for this run only";
            (!is_saved).then_some(JobReport::NotAll(words))
        });
    }
}
