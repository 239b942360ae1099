//! What the UI asks to be done outside of it.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::evidence::{Given, Part};
use super::list::Arrangement;
use super::pruning::{Planned, Scope};
use super::rows::RowSet;
use super::rows::steps::RefSteps;
use super::world::SourceId;
use crate::format::digest::Digest;
use crate::inventory::{Inventory, RefId};
use crate::prune::plan::{FreedBlobs, Plan, Target};

/// A piece of work that runs beside the UI. What it reports is heeded only while somebody still waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// Something to be done outside of the UI.
#[derive(Debug)]
pub enum Effect {
    /// Does some work and reports.
    Run(JobId, Work),
    /// Stops a job.
    Cancel(JobId),
    /// Takes the mouse, or gives it back to the terminal.
    CaptureMouse(bool),
    /// Hands text to the clipboard.
    Copy(String),
    /// Draws every cell anew.
    Redraw,
}

/// Work of a job.
#[derive(Debug)]
pub enum Work {
    /// Scans a source.
    Scan(SourceId),
    /// Filters and sorts rows.
    Arrange(Arrangement),
    /// Writes rows to a file.
    Export(Export),
    /// Reads the steps of a ref.
    LoadSteps {
        /// Whose ref it is.
        source: SourceId,
        /// Where the ref is known from.
        inventory: Arc<Inventory>,
        /// Its place there.
        id: RefId,
        /// What names the steps, where it does.
        given: Given,
    },
    /// Names steps by evidence.
    NameSteps(Arc<RefSteps>, Given),
    /// Says what a piece of evidence is.
    Recognise(Part, String),
    /// Completes what names a piece of evidence.
    Complete(Part, String),
    /// Explains the build that evidence tells of.
    Explain(Imports, Given),
    /// Checks a source.
    Check {
        /// Which.
        source: SourceId,
        /// What a scan found in it.
        inventory: Arc<Inventory>,
        /// Whether every layer is read.
        verify: bool,
    },
    /// Lists the files of a layer.
    ListFiles(SourceId, Digest),
    /// Opens what a person named.
    Open(String),
    /// Plans and prunes.
    Prune(PruneWork),
    /// Writes a text to a file.
    Save(Saving, PathBuf, Overwrite),
}

/// What a build imports.
#[derive(Debug)]
pub enum Imports {
    /// A ref of a source that was scanned.
    Ref {
        /// Whose ref it is.
        source: SourceId,
        /// Where the ref is known from.
        inventory: Arc<Inventory>,
        /// Its place there.
        id: RefId,
    },
    /// What its record names.
    Named,
}

/// Work of a job that plans or prunes.
#[derive(Debug)]
pub enum PruneWork {
    /// Makes a plan of what a scan of a source found, without what was left out before.
    Plan(SourceId, Arc<Inventory>, Scope, FreedBlobs, HashSet<Target>),
    /// Makes a plan anew, with these things left out.
    LeaveOut(Arc<Planned>, HashSet<Target>),
    /// Carries a plan out in a source.
    CarryOut(SourceId, Arc<Plan>, Cure),
    /// Takes back the run of a source that wrote this journal.
    Undo(SourceId, PathBuf),
}

/// What becomes of a ref that comes during a run and names what has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cure {
    /// It is told.
    #[default]
    Leave,
    /// It is removed: a build that imports it would fail.
    Remove,
}

/// A text to be written to a file.
#[derive(Debug, Clone)]
pub enum Saving {
    /// A plan, to be carried out by `prune --apply`.
    Plan(Arc<Plan>),
    /// A rule, as it stands in `cachelens.toml`.
    Rule(String),
}

/// Rows to be written to a file.
#[derive(Debug, Clone)]
pub struct Export {
    /// Where to.
    pub path: PathBuf,
    /// Whether a file of that name may be replaced.
    pub overwrite: Overwrite,
    /// Where the rows come from.
    pub rows: Arc<dyn RowSet>,
    /// Which rows, in which order.
    pub shown: Arc<Vec<u32>>,
}

/// What happens to a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// It stays.
    Never,
    /// It is replaced: somebody was asked.
    Agreed,
}
