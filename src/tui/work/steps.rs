//! The reading of the steps of a ref.

use std::sync::Arc;

use super::{BackgroundWork, WorkKey, WorkState};
use crate::inventory::{Inventory, RefId};
use crate::tui::effect::{JobId, JobWork, StepsRequest};
use crate::tui::message::JobReport;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::steps::RefSteps;
use crate::tui::world::{SourceId, World};

/// The reading of the steps of a ref.
#[derive(Debug, Clone)]
pub struct StepsWork {
    pub source: SourceId,
    /// The name of the ref.
    pub name: String,
    pub state: StepsProgress,
}

/// The progress of the reading.
#[derive(Debug, Clone)]
pub enum StepsProgress {
    Reading(JobId),
    Read(Arc<RefSteps>),
    Failed(Vec<String>),
    Stopped,
}

impl StepsWork {
    /// Reads the steps of the ref at `id` of a scanned source.
    pub fn begin(
        source: SourceId,
        inventory: Arc<Inventory>,
        id: RefId,
        cx: &mut UiContext<'_>,
    ) -> (WorkKey, Arc<Self>) {
        let name = inventory.get_ref(id).map(|entry| entry.name.clone());
        let given = cx.world.evidence.clone();
        let job = cx.start(JobWork::LoadSteps(StepsRequest {
            source,
            inventory,
            id,
            given,
        }));
        let work = Self {
            source,
            name: name.unwrap_or_default(),
            state: StepsProgress::Reading(job),
        };
        let key = WorkKey::Reading(job);
        (key, cx.begin_work(key, work))
    }
}

impl WorkState for StepsWork {
    fn background(&self, key: WorkKey, _world: &World) -> BackgroundWork {
        let title = format!("reading of the steps of {}", self.name);
        BackgroundWork::reading(key, title, self.job().is_some())
    }

    fn job(&self) -> Option<JobId> {
        match self.state {
            StepsProgress::Reading(job) => Some(job),
            _ => None,
        }
    }

    fn report(&mut self, report: &JobReport, _cx: &mut UiContext<'_>) {
        if let JobReport::Steps(result) = report {
            self.state = match result {
                Ok(steps) => StepsProgress::Read(Arc::clone(steps)),
                Err(faults) => StepsProgress::Failed(faults.clone()),
            };
        }
    }

    fn stop(&mut self, cx: &mut UiContext<'_>) -> Handled {
        let Some(job) = self.job() else {
            return Handled::No;
        };
        cx.stop(job);
        self.state = StepsProgress::Stopped;
        Handled::Yes
    }

    fn source(&self) -> Option<SourceId> {
        Some(self.source)
    }
}
