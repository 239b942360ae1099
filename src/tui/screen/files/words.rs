//! The line above the files of a layer, and the sentences that stand for an empty list.

use super::{FilesScreen, ListingState};
use crate::backend::layer_files::NOT_STORED;
use crate::inventory::blobs::{Blob, BlobRole};
use crate::text::units::Size;
use crate::tui::keymap::Action;
use crate::tui::rows::Cell;
use crate::tui::rows::sources::unreadable_now;
use crate::tui::screen::Screen as _;
use crate::tui::theme::TextRole;
use crate::tui::world::World;

impl FilesScreen {
    pub(super) fn blob<'w>(&self, world: &'w World) -> Option<Blob<'w>> {
        let found = world.source(self.source).found.as_ref()?;
        let blobs = &found.inventory.blobs;
        blobs.find(&self.layer).map(|id| blobs.get(id))
    }

    pub(super) fn head(&self, world: &World) -> Cell {
        let stored = self
            .blob(world)
            .filter(Blob::is_stored)
            .and_then(|blob| blob.size());
        let cell = Cell::new("layer ", TextRole::Dim).and(
            format!("{}:{}", self.layer.algorithm(), self.layer.short(12)),
            TextRole::Text,
        );
        let cell = match self.folders.len() {
            0 => cell,
            1 => Cell::new("1 layer of the ref", TextRole::Dim),
            count => Cell::new(format!("{count} layers of the ref"), TextRole::Dim),
        };
        let is_cut = matches!(self.state, ListingState::Ended(_));
        let cell = match stored {
            Some(bytes) if self.folders.is_empty() && !is_cut => {
                cell.and(format!(" · {} stored", Size(bytes)), TextRole::Dim)
            }
            _ => cell,
        };
        match &self.state {
            // The lines below say why it cannot be read.
            ListingState::Ended(_) if unreadable_now(world.source(self.source)).is_some() => cell,
            ListingState::Ended(why) => cell.and(format!(" · ! {why}"), TextRole::Error),
            ListingState::Listing(_) => cell.and(" · listing…", TextRole::Title),
            ListingState::Stopped => {
                cell.and(" · stopped: there may be more files", TextRole::Warning)
            }
            ListingState::Done if self.arranging.is_some() => {
                cell.and(" · sorting…", TextRole::Title)
            }
            ListingState::Done if self.folders.is_empty() => self.comparison_head(world, cell),
            ListingState::Done => cell,
        }
    }

    /// Returns why there is no file to show.
    pub(super) fn empty(&self, world: &World) -> Vec<Cell> {
        match &self.state {
            ListingState::Listing(_) => vec![Cell::new("Reading the layer…", TextRole::Dim)],
            ListingState::Stopped => vec![Cell::text(
                "The listing was stopped before it came to a file.",
            )],
            ListingState::Done => vec![Cell::text(
                "The layer holds no files: the step changed nothing.",
            )],
            ListingState::Ended(why) => {
                let source = world.source(self.source);
                if let Some(lines) = unreadable_now(source) {
                    return lines;
                }
                if why == NOT_STORED && self.blob(world).is_some_and(|blob| blob.is_stored()) {
                    let key = world.keymap.key_for(self.contexts(), Action::Rescan);
                    return vec![
                        Cell::new(format!("! {why} any more"), TextRole::Error),
                        Cell::text(format!(
                            "It was there when the source was read; {key} reads it again."
                        )),
                    ];
                }
                let is_layer = self
                    .blob(world)
                    .is_none_or(|blob| blob.role() == BlobRole::Layer);
                let so = if is_layer {
                    "A build that needs this layer fails, or runs the step again."
                } else {
                    "No ref uses this blob, so no build needs it."
                };
                let key = world.keymap.key_for(self.contexts(), Action::Preview);
                vec![
                    Cell::new(format!("! {why}"), TextRole::Error),
                    Cell::text(so),
                    Cell::new(format!("{key} shows how the blob begins"), TextRole::Dim),
                ]
            }
        }
    }
}
