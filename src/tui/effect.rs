//! Effects: requests of the UI to the outside.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::columns::HiddenColumns;
use super::evidence::{EvidencePart, NamedEvidence};
use super::found::ScannedInventory;
use super::layer::preview::PreviewSubject;
use super::list::{Arrangement, View};
use super::pruning::{DeletionScope, Planned, RuleTrial};
use super::rows::RowSet;
use super::rows::files::ComparedTree;

use super::rows::steps::RefSteps;
use super::terminal::SuspendedBy;
use super::views::SavedViews;
use super::world::SourceId;
use super::writes::PlanFile;
use crate::backend::layer_content::LayerFile;
use crate::config::edit::{self, Edit};
use crate::format::digest::Digest;
use crate::format::layer::tree::FileTree;
use crate::inventory::below::LayersBelow;
use crate::inventory::{Inventory, RefId};
use crate::prune::plan::{DeletionTarget, FreedBlobs, Plan};
use crate::retention::Policy;

/// A background job. Its reports are ignored once nothing waits for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// A request to the outside.
#[derive(Debug)]
pub enum Effect {
    /// Runs a job that reports.
    Run(JobId, JobWork),
    /// Stops a job.
    Cancel(JobId),
    /// Captures the mouse, or releases it to the terminal.
    CaptureMouse(bool),
    /// Copies text to the clipboard.
    Copy(String),
    /// Redraws every cell.
    Redraw,
    /// Suspends the program.
    Suspend(SuspendedBy),
    /// Takes the terminal again after the program was stopped.
    TakeAgain,
    /// Uses another policy for plans and verdicts from now on.
    UsePolicy(Policy),
}

/// The work of a job.
#[derive(Debug)]
pub enum JobWork {
    Scan(SourceId),
    /// Filters and sorts rows.
    Arrange(Arrangement),
    /// Writes rows to a file.
    Export(Export),
    /// Reads the steps of a ref.
    LoadSteps(StepsRequest),
    /// Compares two refs of a source, the older one first.
    Compare(ComparisonRequest),
    NameSteps(Arc<RefSteps>, NamedEvidence),
    /// Detects the type of a piece of evidence.
    Recognise(EvidencePart, String),
    /// Looks for files near the caches that look like evidence of a build.
    FindEvidence,
    /// Completes the name of a piece of evidence.
    Complete(EvidencePart, String),
    /// Explains the build that the evidence describes.
    Explain(BuildImports, NamedEvidence),
    /// Checks a source.
    Check {
        source: SourceId,
        /// The inventory of its scan.
        inventory: Arc<Inventory>,
        /// Whether to read every layer.
        verify: bool,
    },
    /// Lists the files of a layer.
    ListFiles(SourceId, Digest),
    /// Lists the files of several layers, each in a folder of its own.
    ListAll(SourceId, Vec<LayerFolder>),
    /// Reads the beginning of a file of a layer, or of a blob.
    Preview(SourceId, PreviewSubject),
    /// Writes a file of a layer to a file.
    Extract(Extraction),
    /// Filters and sorts the files of a layer.
    ArrangeFiles(ComparedTree, View),
    /// Finds the layers below a layer in the refs that have it.
    FindBelow(BelowRequest),
    /// Compares the files of a layer with the layers below it.
    CompareLayer(LayerCompareRequest),
    /// Opens a source that a person named.
    Open(String),
    /// Searches a directory for declared caches; without one, the current one of the program.
    FindDeclared(Option<PathBuf>),
    /// Reads the beginning of a file below that directory.
    ReadDeclared(Option<PathBuf>, PathBuf),
    /// Opens a declared cache on request; its ref is selected where the second field is true.
    OpenDeclared(String, bool),
    /// Plans and prunes.
    Prune(PruneWork),
    /// Writes a plan to a file for `prune --apply`.
    SavePlan(PlanFile),
    /// Reads a configuration file and computes an addition, without writing it.
    PrepareConfig(PathBuf, ConfigAddition),
    /// Computes the removal of a source from the configuration file in use, if it is there.
    PrepareRemoval(SourceId),
    /// Writes a changed configuration file.
    WriteConfig(Arc<Edit>),
    /// Applies the current policy to the scan of a source.
    Judge(SourceId, ScannedInventory),
    /// Applies the current policy and a rule to the scan of a source.
    TryRule(SourceId, Arc<Inventory>, Box<RuleTrial>),
    /// Remembers which columns are hidden.
    SaveColumns(PathBuf, HiddenColumns),
    /// Remembers the order and the filter of each source.
    SaveViews(SavedViews),
    /// Lists earlier runs.
    ListRuns,
    /// Reads the journal of an earlier run.
    OpenRun(PathBuf),
}

/// The imports of a build.
#[derive(Debug)]
pub enum BuildImports {
    /// A ref of a source that was scanned.
    Ref {
        /// The source of the ref.
        source: SourceId,
        /// The inventory that contains the ref.
        inventory: Arc<Inventory>,
        /// The index of the ref in it.
        id: RefId,
    },
    /// The caches in the build's record.
    Named,
}

/// A file of a layer to write to a file.
#[derive(Debug, Clone)]
pub struct Extraction {
    /// The source of the layer.
    pub source: SourceId,
    /// The file in the layer.
    pub file: LayerFile,
    /// The file to write.
    pub path: PathBuf,
    /// Whether an existing file is replaced.
    pub overwrite: Overwrite,
}

/// Work of a job that plans or prunes.
#[derive(Debug)]
pub enum PruneWork {
    /// Makes a plan.
    Plan(PlanRequest),
    /// Makes a plan again, with these items excluded.
    LeaveOut(Arc<Planned>, HashSet<DeletionTarget>),
    /// Executes a plan in a source.
    CarryOut(SourceId, Arc<Plan>, NewBroken),
    /// Resumes the run of a source that wrote this journal.
    Resume(SourceId, PathBuf),
    /// Undoes the run of a source that wrote this journal.
    Undo(SourceId, PathBuf),
}

/// A requested plan.
#[derive(Debug)]
pub struct PlanRequest {
    pub source: SourceId,
    /// Its scan.
    pub inventory: Arc<Inventory>,
    /// The refs to delete.
    pub scope: DeletionScope,
    /// Whether the blobs of deleted refs are deleted at once or wait.
    pub freed_blobs: FreedBlobs,
    /// The items that were excluded before.
    pub excluded: HashSet<DeletionTarget>,
    /// The evidence that names the steps for rules about results.
    pub evidence: NamedEvidence,
}

/// How to handle a ref that appears during a run and references deleted blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NewBroken {
    #[default]
    Report,
    /// It is deleted, because a build that imports it would fail.
    Delete,
}

/// An addition to a configuration file.
#[derive(Debug, Clone)]
pub enum ConfigAddition {
    /// A retention rule, and perhaps another budget.
    Policy(Vec<edit::Change>),
    /// An open source.
    Source(SourceId),
}

/// A layer whose layers below are wanted.
#[derive(Debug, Clone)]
pub struct BelowRequest {
    pub source: SourceId,
    pub inventory: Arc<Inventory>,
    pub layer: Digest,
}

/// A layer to compare with the layers below it.
#[derive(Debug, Clone)]
pub struct LayerCompareRequest {
    pub source: SourceId,
    pub layer: Digest,
    /// All of its files.
    pub tree: Arc<FileTree>,
    pub below: LayersBelow,
}

/// A layer among others, and the folder that its files are shown in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerFolder {
    /// The name of the folder, without a slash.
    pub folder: String,
    pub layer: Digest,
}

/// Rows to write to a file.
#[derive(Debug, Clone)]
pub struct Export {
    /// The path of the file.
    pub path: PathBuf,
    /// Whether an existing file may be replaced.
    pub overwrite: Overwrite,
    /// The source of the rows.
    pub rows: Arc<dyn RowSet>,
    /// The rows to write, in order.
    pub shown: Arc<Vec<u32>>,
}

/// How to handle an existing file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    Never,
    /// It is replaced, because the user agreed.
    Agreed,
}

/// The ref whose steps are read.
#[derive(Debug)]
pub struct StepsRequest {
    /// The source of the ref.
    pub source: SourceId,
    /// The inventory that contains the ref.
    pub inventory: Arc<Inventory>,
    /// The index of the ref in it.
    pub id: RefId,
    /// The evidence that names the steps, if any.
    pub given: NamedEvidence,
}

/// The refs that are compared.
#[derive(Debug)]
pub struct ComparisonRequest {
    /// The source of the refs.
    pub source: SourceId,
    /// The inventory that contains the refs.
    pub inventory: Arc<Inventory>,
    /// The indexes of the refs in it.
    pub refs: [RefId; 2],
    /// The evidence that names the steps, if any.
    pub given: NamedEvidence,
}
