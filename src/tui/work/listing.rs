//! The listing of the files of layers.

use std::sync::Arc;

use comparison::BelowComparison;

use super::{BackgroundWork, WorkKey, WorkState};
use crate::format::digest::Digest;
use crate::format::layer::tree::FileTree;
use crate::tui::effect::{JobId, JobWork, LayerFolder};
use crate::tui::message::JobReport;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::files::TreeChanges;
use crate::tui::world::{SourceId, StatusKind, World};

pub mod comparison;

/// The listing of the files of a layer, or of all layers of a ref.
#[derive(Debug, Clone)]
pub struct ListingWork {
    pub source: SourceId,
    /// The ref that led here, or another origin.
    pub from: String,
    /// The step that created the layer.
    pub step: String,
    pub layer: Digest,
    /// The layers, if the files of several are listed, each in its folder.
    pub folders: Vec<LayerFolder>,
    pub state: ListingState,
    /// The files so far.
    pub tree: Arc<FileTree>,
    /// The comparison with the layers below, once it is made.
    pub changes: Option<Arc<TreeChanges>>,
    pub comparison: BelowComparison,
}

/// The progress of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListingState {
    Listing(JobId),
    /// All files are listed.
    Done,
    /// A person stopped it.
    Stopped,
    /// It ended early, for this reason.
    Ended(String),
}

impl ListingWork {
    /// Lists the files of `layer`; of several layers, if `folders` names some.
    pub fn begin(
        source: SourceId,
        from: String,
        step: String,
        layer: Digest,
        folders: Vec<LayerFolder>,
        cx: &mut UiContext<'_>,
    ) -> (WorkKey, Arc<Self>) {
        let job = cx.start(if folders.is_empty() {
            JobWork::ListFiles(source, layer)
        } else {
            JobWork::ListAll(source, folders.clone())
        });
        let work = Self {
            source,
            from,
            step,
            layer,
            folders,
            state: ListingState::Listing(job),
            tree: Arc::default(),
            changes: None,
            comparison: BelowComparison::default(),
        };
        let key = WorkKey::Reading(job);
        (key, cx.begin_work(key, work))
    }
}

impl WorkState for ListingWork {
    fn background(&self, key: WorkKey, _world: &World) -> BackgroundWork {
        let title = format!("listing of {} · {}", self.from, self.step);
        BackgroundWork::reading(key, title, self.job().is_some())
    }

    fn job(&self) -> Option<JobId> {
        match self.state {
            ListingState::Listing(job) => Some(job),
            ListingState::Done | ListingState::Stopped | ListingState::Ended(_) => {
                self.comparison.job()
            }
        }
    }

    fn report(&mut self, report: &JobReport, cx: &mut UiContext<'_>) {
        match report {
            JobReport::Files(tree) => self.tree = Arc::clone(tree),
            JobReport::FilesEnd(end) => {
                self.state = end
                    .clone()
                    .map_or_else(ListingState::Ended, |()| ListingState::Done);
                self.begin_comparison(cx);
            }
            _ => self.comparison_report(report, cx),
        }
    }

    fn stop(&mut self, cx: &mut UiContext<'_>) -> Handled {
        let ListingState::Listing(job) = self.state else {
            let Some(job) = self.comparison.stop() else {
                return Handled::No;
            };
            cx.stop(job);
            cx.world
                .note(StatusKind::Done, "the comparison was stopped");
            return Handled::Yes;
        };
        cx.stop(job);
        self.state = ListingState::Stopped;
        cx.world.note(
            StatusKind::Done,
            "the listing was stopped; the files so far are shown",
        );
        Handled::Yes
    }
}
