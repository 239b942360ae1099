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
    /// Whether its results are kept if its screen is left after it has ended.
    pub is_kept: bool,
}

/// Identifies work, and its screen if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkKey {
    Check(SourceId),
    /// A run, by the job that started it.
    Run(JobId),
    /// A file that is written. It has no screen.
    Write(JobId),
}
