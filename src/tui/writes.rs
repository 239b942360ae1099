//! Files that a person asked for: rows, a file of a layer, a plan. Their jobs belong to the
//! application, so that they continue after the screen that asked for them is left.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::effect::{Export, Extraction, JobId, JobWork, Overwrite};
use super::rows::Cell;
use super::theme::TextRole;
use super::work::{BackgroundWork, KeptResults, WorkKey};
use crate::prune::plan::Plan;
use crate::text::escape::visible;

/// Content to write to a file.
#[derive(Debug, Clone)]
pub enum FileWrite {
    Rows(Export),
    /// A file of a layer.
    LayerFile(Extraction),
    Plan(PlanFile),
}

/// A plan to write to a file.
#[derive(Debug, Clone)]
pub struct PlanFile {
    pub plan: Arc<Plan>,
    /// The path of the file.
    pub path: PathBuf,
    /// Whether an existing file may be replaced.
    pub overwrite: Overwrite,
}

impl FileWrite {
    fn path(&self) -> &Path {
        match self {
            Self::Rows(export) => &export.path,
            Self::LayerFile(extraction) => &extraction.path,
            Self::Plan(file) => &file.path,
        }
    }

    /// Returns the path, escaped.
    pub fn name(&self) -> String {
        visible(&self.path().to_string_lossy()).into_owned()
    }

    /// Replaces an existing file.
    #[must_use]
    pub fn replacing(mut self) -> Self {
        let overwrite = match &mut self {
            Self::Rows(export) => &mut export.overwrite,
            Self::LayerFile(extraction) => &mut extraction.overwrite,
            Self::Plan(file) => &mut file.overwrite,
        };
        *overwrite = Overwrite::Agreed;
        self
    }

    /// Returns the work of the job that writes it.
    pub(super) fn work(self) -> JobWork {
        match self {
            Self::Rows(export) => JobWork::Export(export),
            Self::LayerFile(extraction) => JobWork::Extract(extraction),
            Self::Plan(file) => JobWork::SavePlan(file),
        }
    }
}

/// A file that is being written.
#[derive(Debug)]
pub struct RunningWrite {
    pub job: JobId,
    pub write: FileWrite,
}

impl RunningWrite {
    /// Returns its entry in the list of jobs.
    pub fn background(&self) -> BackgroundWork {
        BackgroundWork {
            key: WorkKey::Write(self.job),
            title: format!("write of {}", self.write.name()),
            progress: Cell::new("writing…", TextRole::Title),
            is_running: true,
            kept: KeptResults::Never,
        }
    }
}
