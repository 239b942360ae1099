//! The comparison of two refs of a source.

use std::sync::Arc;

use super::{BackgroundWork, WorkKey, WorkState};
use crate::inventory::{Inventory, RefEntry, RefId};
use crate::tui::effect::{ComparisonRequest, JobId, JobWork};
use crate::tui::message::JobReport;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::diff::DiffRows;
use crate::tui::world::{SourceId, World};

/// The comparison of two refs.
#[derive(Debug, Clone)]
pub struct ComparisonWork {
    pub source: SourceId,
    /// The older ref, and the newer one.
    pub names: [String; 2],
    pub state: ComparisonState,
}

/// The progress of a comparison.
#[derive(Debug, Clone)]
pub enum ComparisonState {
    Loading(JobId),
    Ready(Arc<DiffRows>),
    /// The faults of one of the refs.
    Failed(Vec<String>),
}

impl ComparisonWork {
    /// Compares two refs of `source`, the older with the newer.
    pub fn begin(
        source: SourceId,
        inventory: Arc<Inventory>,
        refs: [RefId; 2],
        cx: &mut UiContext<'_>,
    ) -> (WorkKey, Arc<Self>) {
        let entry = |id: RefId| inventory.get_ref(id);
        let time = |id: RefId| entry(id).and_then(RefEntry::age).map(|(time, _)| time);
        let [one, other] = refs;
        let refs = if time(one) > time(other) {
            [other, one]
        } else {
            [one, other]
        };
        let names = refs.map(|id| {
            entry(id)
                .map(|entry| entry.name.clone())
                .unwrap_or_default()
        });
        let given = cx.world.evidence.clone();
        let job = cx.start(JobWork::Compare(ComparisonRequest {
            source,
            inventory,
            refs,
            given,
        }));
        let work = Self {
            source,
            names,
            state: ComparisonState::Loading(job),
        };
        let key = WorkKey::Reading(job);
        (key, cx.begin_work(key, work))
    }
}

impl WorkState for ComparisonWork {
    fn background(&self, key: WorkKey, _world: &World) -> BackgroundWork {
        let [before, after] = &self.names;
        let title = format!("comparison of {before} and {after}");
        BackgroundWork::reading(key, title, self.job().is_some())
    }

    fn job(&self) -> Option<JobId> {
        match self.state {
            ComparisonState::Loading(job) => Some(job),
            ComparisonState::Ready(_) | ComparisonState::Failed(_) => None,
        }
    }

    fn report(&mut self, report: &JobReport, _cx: &mut UiContext<'_>) {
        if let JobReport::Compared(result) = report {
            self.state = match result {
                Ok(rows) => ComparisonState::Ready(Arc::clone(rows)),
                Err(faults) => ComparisonState::Failed(faults.clone()),
            };
        }
    }

    fn stop(&mut self, cx: &mut UiContext<'_>) -> Handled {
        let Some(job) = self.job() else {
            return Handled::No;
        };
        cx.stop(job);
        self.state = ComparisonState::Failed(vec!["The comparison was stopped.".to_owned()]);
        Handled::Yes
    }

    fn source(&self) -> Option<SourceId> {
        Some(self.source)
    }
}
