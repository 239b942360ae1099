//! The search of a directory for declared caches.

use std::path::PathBuf;
use std::sync::Arc;

use super::{BackgroundWork, WorkKey, WorkState};
use crate::find::RepositoryFindings;
use crate::tui::effect::{JobId, JobWork};
use crate::tui::message::JobReport;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::world::World;

/// The search of a directory.
#[derive(Debug, Clone)]
pub struct SearchWork {
    /// The directory that is searched: that of the demo, or the current one.
    pub directory: Option<PathBuf>,
    pub state: SearchState,
    /// The latest result.
    pub found: Arc<RepositoryFindings>,
}

/// The progress of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchState {
    Searching(JobId),
    Done,
    Failed(String),
}

impl SearchWork {
    /// Searches the current directory of the program; for the demo, that of its project.
    pub fn begin(cx: &mut UiContext<'_>) -> (WorkKey, Arc<Self>) {
        let directory = cx.world.demo_checkout();
        let job = cx.start(JobWork::FindDeclared(directory.clone()));
        let work = Self {
            directory,
            state: SearchState::Searching(job),
            found: Arc::default(),
        };
        let key = WorkKey::Reading(job);
        (key, cx.begin_work(key, work))
    }

    /// Searches again, unless a search is running.
    pub fn again(&mut self, cx: &mut UiContext<'_>) {
        if self.job().is_none() {
            let job = cx.start(JobWork::FindDeclared(self.directory.clone()));
            self.state = SearchState::Searching(job);
        }
    }
}

impl WorkState for SearchWork {
    fn background(&self, key: WorkKey, _world: &World) -> BackgroundWork {
        let title = "search for declared caches".to_owned();
        BackgroundWork::reading(key, title, self.job().is_some())
    }

    fn job(&self) -> Option<JobId> {
        match self.state {
            SearchState::Searching(job) => Some(job),
            SearchState::Done | SearchState::Failed(_) => None,
        }
    }

    fn report(&mut self, report: &JobReport, _cx: &mut UiContext<'_>) {
        if let JobReport::Declared(result) = report {
            match result {
                Ok(found) => {
                    self.state = SearchState::Done;
                    self.found = Arc::clone(found);
                }
                Err(why) => self.state = SearchState::Failed(why.clone()),
            }
        }
    }

    fn stop(&mut self, cx: &mut UiContext<'_>) -> Handled {
        let Some(job) = self.job() else {
            return Handled::No;
        };
        cx.stop(job);
        self.state = SearchState::Failed("it was stopped".to_owned());
        Handled::Yes
    }
}
