//! The files of all layers of a ref.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::StepsScreen;
use crate::tui::effect::LayerFolder;
use crate::tui::navigation::UiContext;
use crate::tui::rows::RowSet as _;
use crate::tui::rows::files::SLASH;
use crate::tui::rows::steps::{Folds, StepListShape, StepRows};
use crate::tui::screen::files::FilesScreen;
use crate::tui::world::StatusKind;

impl StepsScreen {
    /// Shows the files of all layers, each in a folder with the name of its step.
    pub(super) fn open_all_files(&self, cx: &mut UiContext<'_>) {
        let files = FilesScreen::of_all(self.source, self.name.clone(), self.layers(), cx);
        match files {
            Some(files) => cx.push(files),
            None => {
                let words = "the ref has no layer to open: only keys are here";
                cx.world.note(StatusKind::Failed, words);
            }
        }
    }

    /// Returns the layers of the steps, each once.
    fn layers(&self) -> Vec<LayerFolder> {
        let steps = Arc::clone(self.steps());
        let rows = StepRows::new(steps, Folds::default(), StepListShape::Flat);
        let mut seen = HashSet::new();
        let mut names: HashMap<String, usize> = HashMap::new();
        let mut layers = Vec::new();
        for row in 0..rows.count() {
            let Some(layer) = rows.layer(row).filter(|layer| seen.insert(*layer)) else {
                continue;
            };
            let title = rows.title(row).replace('/', SLASH);
            let count = names.entry(title.clone()).or_default();
            *count += 1;
            let folder = if *count == 1 {
                title
            } else {
                format!("{title} ({count})")
            };
            layers.push(LayerFolder { folder, layer });
        }
        layers
    }
}
