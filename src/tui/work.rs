//! Work in the background: it continues, or its results are kept, when its screen is left.

use super::effect::JobId;
use super::rows::Cell;
use super::world::SourceId;

/// Work that the list of jobs shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackgroundWork {
    pub key: WorkKey,
    pub title: String,
    pub progress: Cell,
    pub is_running: bool,
    /// How long its results are kept without its screen.
    pub kept: KeptResults,
}

/// How long the results of ended work are kept if the screen of the work was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptResults {
    Never,
    /// Until the screen was shown again.
    UntilShown,
    /// Until newer results replace them.
    UntilReplaced,
}

impl BackgroundWork {
    /// Returns work whose result nothing else has, so that it is kept until it was shown.
    pub fn reading(job: JobId, title: String, is_running: bool) -> Self {
        Self {
            key: WorkKey::Reading(job),
            title,
            progress: Cell::default(),
            is_running,
            kept: KeptResults::UntilShown,
        }
    }

    /// Returns whether its screen is kept when it is left.
    pub fn outlives_screen(&self) -> bool {
        self.is_running || self.kept == KeptResults::UntilReplaced
    }

    /// Returns whether its screen, which was left, is still needed.
    pub fn is_needed(&self) -> bool {
        self.is_running || self.kept != KeptResults::Never
    }
}

/// Identifies work, and its screen if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkKey {
    Check(SourceId),
    /// A run, by the job that started it.
    Run(JobId),
    /// A screen that reads or compares something, by the job that does.
    Reading(JobId),
    /// A file that is written. It has no screen.
    Write(JobId),
}
