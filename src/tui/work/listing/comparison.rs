//! Compares the layer with the layers below it: at once where that is cheap, else on request.

use std::sync::Arc;

use super::{ListingState, ListingWork};
use crate::inventory::below::LayersBelow;
use crate::tui::effect::{BelowRequest, JobId, JobWork, LayerCompareRequest};
use crate::tui::message::JobReport;
use crate::tui::navigation::UiContext;
use crate::tui::world::StatusKind;

/// The comparison of the layer with the layers below it.
#[derive(Debug, Clone, Default)]
pub struct BelowComparison {
    /// The layers below, as far as they are known.
    pub below: Option<LayersBelow>,
    pub state: LayerComparisonState,
    /// Whether a person asked for it, so that the cost does not matter.
    is_wanted: bool,
}

/// The progress of the comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LayerComparisonState {
    /// It was not started.
    #[default]
    Idle,
    /// Refs are read to find the layers below.
    Finding(JobId),
    /// The layers below are read, so many stored bytes so far.
    Comparing(JobId, u64),
    /// The changes are in the rows.
    Done,
    /// The changes are unknown, for this reason.
    Unknown(String),
}

impl BelowComparison {
    /// Returns a comparison with these layers that was not started.
    pub fn of(below: Option<LayersBelow>) -> Self {
        Self {
            below,
            ..Self::default()
        }
    }

    /// Returns the running job.
    pub(super) fn job(&self) -> Option<JobId> {
        match self.state {
            LayerComparisonState::Finding(job) | LayerComparisonState::Comparing(job, _) => {
                Some(job)
            }
            _ => None,
        }
    }

    /// Ends the running job, and returns it.
    pub(super) fn stop(&mut self) -> Option<JobId> {
        let job = self.job()?;
        self.state = LayerComparisonState::Idle;
        self.is_wanted = false;
        Some(job)
    }
}

impl ListingWork {
    /// Starts the comparison once the files are listed, where it is cheap.
    pub(super) fn begin_comparison(&mut self, cx: &mut UiContext<'_>) {
        let is_ready = self.state == ListingState::Done && self.folders.is_empty();
        if !is_ready || self.comparison.state != LayerComparisonState::Idle {
            return;
        }
        let kind = cx.world.source(self.source).info.kind;
        let is_wanted = self.comparison.is_wanted;
        let found = cx.world.source(self.source).found.as_ref();
        let Some(inventory) = found.map(|found| Arc::clone(&found.inventory)) else {
            return;
        };
        self.comparison.state = match &self.comparison.below {
            Some(below) if is_wanted || below.is_read_at_once(kind, &inventory.blobs) => {
                let request = LayerCompareRequest {
                    source: self.source,
                    layer: self.layer,
                    tree: Arc::clone(&self.tree),
                    below: below.clone(),
                };
                LayerComparisonState::Comparing(cx.start(JobWork::CompareLayer(request)), 0)
            }
            None if is_wanted || kind.is_cheap() => {
                let request = BelowRequest {
                    source: self.source,
                    inventory,
                    layer: self.layer,
                };
                LayerComparisonState::Finding(cx.start(JobWork::FindBelow(request)))
            }
            Some(_) | None => LayerComparisonState::Idle,
        };
    }

    /// Starts the comparison on request.
    pub fn compare(&mut self, cx: &mut UiContext<'_>) {
        let words = match (&self.comparison.state, &self.state) {
            _ if !self.folders.is_empty() => "open one layer to compare it with the layers below",
            (_, ListingState::Listing(_)) => "the files are still being listed",
            (_, ListingState::Stopped | ListingState::Ended(_)) => {
                "only a layer whose files are all listed can be compared"
            }
            (LayerComparisonState::Finding(_) | LayerComparisonState::Comparing(..), _) => {
                "the layer is being compared"
            }
            (LayerComparisonState::Done, _) if !self.has_gap() => {
                "the layer is compared; the column CHANGE shows it"
            }
            (_, ListingState::Done) => {
                self.comparison.is_wanted = true;
                self.comparison.state = LayerComparisonState::Idle;
                return self.begin_comparison(cx);
            }
        };
        cx.world.note(StatusKind::Failed, words);
    }

    /// Returns whether a layer below could not be read.
    fn has_gap(&self) -> bool {
        let changes = self.changes.as_ref();
        changes.is_some_and(|changes| changes.gap().is_some())
    }

    /// Applies a report of the comparison.
    pub(super) fn comparison_report(&mut self, report: &JobReport, cx: &mut UiContext<'_>) {
        let Some(job) = self.comparison.job() else {
            return;
        };
        match report {
            JobReport::BelowFound(Ok(below)) => {
                self.comparison.below = Some(below.clone());
                self.comparison.state = LayerComparisonState::Idle;
                self.begin_comparison(cx);
            }
            JobReport::ComparingLayer(bytes) => {
                self.comparison.state = LayerComparisonState::Comparing(job, *bytes);
            }
            JobReport::LayerCompared(Ok(changes)) => {
                self.comparison.state = LayerComparisonState::Done;
                self.changes = Some(Arc::clone(changes));
            }
            JobReport::BelowFound(Err(why)) | JobReport::LayerCompared(Err(why)) => {
                self.comparison.state = LayerComparisonState::Unknown(why.clone());
            }
            _ => {}
        }
    }
}
