//! The background jobs of the UI: scans, arrangements, exports, plans and their execution. All jobs
//! report through one channel, and can be stopped.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::effect::{JobId, JobWork};
use super::evidence::{EvidencePart, EvidenceReaders};
use super::found::ScannedInventory;
use super::list::{self, Arrangement};
use super::message::{JobReport, ScanEnd, TimedMessage};
use super::pruning::Pruning;
use super::world::{Admitted, SourceId};
use super::{OpenedSource, Opener, Openers};
use crate::backend::SharedReader;
use crate::check::ignore::Ignore;
use crate::config::HistoryStore;
use crate::error::Failure;
use crate::inventory::Inventory;
use crate::inventory::scan::{self, ScanError, ScanOptions};
use crate::retention::Policy;

mod build_command;
mod changes;
mod check;
mod config;
mod declared;
mod evidence;
mod export;
mod extract;
mod files;
mod find;
mod near;
mod prune;
mod reporter;
mod runs;
mod state;
mod steps;
mod store;
mod why;

use reporter::Reporter;
use store::{SourceStore, Stores, admit};

/// The minimum time between two progress reports of a job.
const PACE: Duration = Duration::from_millis(100);
/// A report may take this fraction of a job's time: snapshots of large stores are rarer.
const SHARE: u32 = 10;

/// Returns the current time.
pub type Clock = fn() -> Timestamp;

/// Runs jobs.
pub(super) struct Jobs {
    sender: mpsc::Sender<TimedMessage>,
    tasks: JoinSet<JobId>,
    running: HashMap<JobId, CancellationToken>,
    /// Jobs that must not be interrupted.
    holding: HashSet<JobId>,
    stores: Stores,
    /// Held from the admission of a store until the UI has its message, so that both use the same
    /// numbering.
    admission: Arc<tokio::sync::Mutex<()>>,
    clock: Clock,
    settings: JobSettings,
}

/// The settings of jobs.
pub(super) struct JobSettings {
    /// The number of documents that a scan reads at once.
    pub(super) concurrency: usize,
    /// How sources are opened.
    pub(super) openers: Openers,
    /// How evidence is read.
    pub(super) readers: EvidenceReaders,
    /// The policy, and whether deletions are allowed.
    pub(super) pruning: Arc<Pruning>,
    /// The configuration file in use, or its default path.
    pub(super) config_file: PathBuf,
    /// Where records of scans are kept.
    pub(super) history: HistoryStore,
    /// The findings of checks that the configuration ignores.
    pub(super) ignores: Arc<[Ignore]>,
}

impl Jobs {
    pub(super) fn new(
        sender: mpsc::Sender<TimedMessage>,
        clock: Clock,
        settings: JobSettings,
    ) -> Self {
        Self {
            sender,
            tasks: JoinSet::new(),
            running: HashMap::new(),
            holding: HashSet::new(),
            stores: Arc::default(),
            admission: Arc::default(),
            clock,
            settings,
        }
    }

    /// Uses `policy` for plans and verdicts from now on.
    pub(super) fn use_policy(&mut self, policy: Policy) {
        self.settings.pruning = Arc::new(Pruning {
            policy,
            ..(*self.settings.pruning).clone()
        });
    }

    /// Adds a source's reader, in the UI's numbering, unless the source is known already; returns
    /// the data for the UI.
    pub(super) fn admit(&self, source: OpenedSource) -> Admitted {
        admit(&self.stores, self.settings.pruning.access, source)
    }

    /// Returns whether no job is running.
    pub(super) fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Waits until a job has ended. A panic in it ends the whole program.
    pub(super) async fn ended(&mut self) {
        match self.tasks.join_next().await {
            Some(Ok(job)) => {
                self.running.remove(&job);
                self.holding.remove(&job);
            }
            Some(Err(error)) => {
                if let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
            }
            None => std::future::pending().await,
        }
    }

    pub(super) fn stop(&mut self, job: JobId) {
        if let Some(cancel) = self.running.remove(&job) {
            cancel.cancel();
        }
    }

    /// Stops every job; returns whether a job is left that must not be interrupted.
    pub(super) fn finish(&mut self) -> bool {
        self.running.drain().for_each(|(_, cancel)| cancel.cancel());
        !self.holding.is_empty()
    }

    /// Returns the path of a file to write; a relative one is below the directory of the program.
    fn path_of(&self, path: &Path) -> PathBuf {
        self.settings.readers.directory.join(path)
    }

    fn store(&self, source: SourceId) -> Option<SourceStore> {
        lock(&self.stores).get(source.0).cloned()
    }

    pub(super) fn start(&mut self, job: JobId, work: JobWork) {
        let cancel = CancellationToken::new();
        self.running.insert(job, cancel.clone());
        let reporter = Reporter {
            job,
            sender: self.sender.clone(),
            clock: self.clock,
        };
        match work {
            JobWork::Scan(source) => self.scan(source, cancel, reporter),
            JobWork::LoadSteps(request) => self.load_steps(request, cancel, reporter),
            JobWork::Compare(request) => self.compare(request, cancel, reporter),
            JobWork::Check {
                source,
                inventory,
                verify,
            } => self.check(source, inventory, verify, cancel, reporter),
            JobWork::NameSteps(steps, given) => self.name_steps(steps, given, cancel, reporter),
            JobWork::Recognise(part, text) => self.recognise(part, text, cancel, reporter),
            JobWork::FindEvidence => self.find_evidence(reporter),
            JobWork::Complete(part, text) => self.complete(part, text, reporter),
            JobWork::Explain(imports, given) => self.explain(imports, given, cancel, reporter),
            JobWork::ListFiles(source, layer) => self.list_files(source, layer, cancel, reporter),
            JobWork::ListAll(source, layers) => self.list_all(source, layers, cancel, reporter),
            JobWork::ArrangeFiles(of, view) => self.arrange_files(of, view, cancel, reporter),
            JobWork::FindBelow(request) => self.find_below(request, cancel, reporter),
            JobWork::CompareLayer(request) => self.compare_layer(request, cancel, reporter),
            JobWork::Preview(source, subject) => self.preview(source, subject, cancel, reporter),
            JobWork::Extract(extraction) => self.extract(extraction, cancel, reporter),
            JobWork::Arrange(arrangement) => {
                self.blocking(reporter, move |reporter| {
                    arrange(arrangement, reporter, &cancel)
                });
            }
            JobWork::Export(export) => self.export(export, cancel, reporter),
            JobWork::Prune(work) => self.prune(work, cancel, reporter),
            JobWork::SavePlan(file) => self.save_plan(file, reporter),
            JobWork::PrepareConfig(path, addition) => {
                self.prepare_config(&path, addition, reporter);
            }
            JobWork::PrepareRemoval(source) => self.prepare_removal(source, reporter),
            JobWork::WriteConfig(edit) => self.write_config(edit, reporter),
            JobWork::SaveColumns(path, hidden) => self.save_columns(&path, &hidden, reporter),
            JobWork::SaveViews(views) => self.save_views(&views, reporter),
            JobWork::ListRuns => self.list_runs(cancel, reporter),
            JobWork::OpenRun(journal) => self.open_run(journal, cancel, reporter),
            JobWork::Judge(source, found) => self.judge(source, found, reporter),
            JobWork::TryRule(source, inventory, trial) => {
                self.try_rule(source, inventory, *trial, reporter);
            }
            JobWork::Open(name) => {
                self.open(&self.settings.openers.named.clone(), name, cancel, reporter);
            }
            JobWork::OpenDeclared(cache, shows) => {
                self.open_declared(cache, shows, cancel, reporter);
            }
            JobWork::FindDeclared(directory) => self.find_declared(directory, reporter),
            JobWork::ReadDeclared(at, file) => self.read_declared(at, &file, reporter),
        }
    }

    fn complete(&mut self, part: EvidencePart, text: String, reporter: Reporter) {
        self.blocking(reporter, move |_| {
            Some(JobReport::Completed(evidence::complete(part, &text)))
        });
    }

    /// Scans a store, or finds the stores of a source.
    fn scan(&mut self, source: SourceId, cancel: CancellationToken, reporter: Reporter) {
        let job = reporter.job;
        let store = self.store(source);
        let scanning = find::Scanning {
            source,
            stores: Arc::clone(&self.stores),
            admission: Arc::clone(&self.admission),
            pruning: Arc::clone(&self.settings.pruning),
            options: self.scan_options(cancel),
            history: self.settings.history.clone(),
            reporter,
        };
        self.tasks.spawn(async move {
            let store = match store {
                Some(store) => scanning.opened(store).await,
                None => None,
            };
            match store {
                Some(SourceStore {
                    find: Some(find), ..
                }) => scanning.found(&find).await,
                Some(store) => scanning.of(store).await,
                None => {}
            }
            job
        });
    }

    /// Opens a source that a person named or chose.
    fn open(&mut self, open: &Opener, name: String, cancel: CancellationToken, reporter: Reporter) {
        let job = reporter.job;
        let open = Arc::clone(open);
        let stores = Arc::clone(&self.stores);
        let access = self.settings.pruning.access;
        let admission = Arc::clone(&self.admission);
        self.tasks.spawn(async move {
            let opened = tokio::task::spawn_blocking(move || open(&name)).await;
            match opened {
                // The request was cancelled, so the source is not needed.
                _ if cancel.is_cancelled() => {}
                Ok(opened) => {
                    let _admission = admission.lock().await;
                    let opened = opened.map(|source| admit(&stores, access, source));
                    reporter.report(JobReport::Opened(opened)).await;
                }
                Err(error) => {
                    if let Ok(panic) = error.try_into_panic() {
                        std::panic::resume_unwind(panic);
                    }
                }
            }
            job
        });
    }

    fn scan_options(&self, cancel: CancellationToken) -> ScanOptions {
        ScanOptions {
            concurrency: self.settings.concurrency,
            cancel,
        }
    }

    /// Reports the result of `work`, unless it is stopped.
    fn reporting(
        &mut self,
        reporter: Reporter,
        cancel: CancellationToken,
        work: impl Future<Output = JobReport> + Send + 'static,
    ) {
        self.tasks.spawn(async move {
            if let Some(report) = cancel.run_until_cancelled(work).await {
                reporter.report(report).await;
            }
            reporter.job
        });
    }

    fn blocking(
        &mut self,
        reporter: Reporter,
        work: impl FnOnce(&Reporter) -> Option<JobReport> + Send + 'static,
    ) {
        self.tasks.spawn(async move {
            let for_work = reporter.clone();
            match tokio::task::spawn_blocking(move || work(&for_work)).await {
                Ok(Some(report)) => reporter.report(report).await,
                Ok(None) => {}
                Err(error) => {
                    if let Ok(panic) = error.try_into_panic() {
                        std::panic::resume_unwind(panic);
                    }
                }
            }
            reporter.job
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn scan(
    reader: &SharedReader,
    source: SourceId,
    options: &ScanOptions,
    reporter: &Reporter,
) -> Result<ScannedInventory, ScanEnd> {
    let mut next = Instant::now();
    let observe = |inventory: &Inventory| {
        let begun = Instant::now();
        if begun >= next {
            let _ = reporter.hint(JobReport::Snapshot(
                source,
                ScannedInventory::new(inventory.clone(), (reporter.clock)()),
            ));
            next = Instant::now() + PACE.max(begun.elapsed() * SHARE);
        }
    };
    match scan::scan(reader, options, observe).await {
        Ok(inventory) => Ok(ScannedInventory::new(inventory, (reporter.clock)())),
        Err(ScanError::Cancelled) => Err(ScanEnd::Stopped),
        Err(ScanError::Backend(error)) => Err(ScanEnd::Failed(Failure::from(error))),
    }
}

fn arrange(
    arrangement: Arrangement,
    reporter: &Reporter,
    cancel: &CancellationToken,
) -> Option<JobReport> {
    let mut last = Instant::now();
    let shown = list::arrange(&arrangement, |done| {
        if last.elapsed() >= PACE {
            last = Instant::now();
            let _ = reporter.hint(JobReport::Arranging(done));
        }
        !cancel.is_cancelled()
    })?;
    Some(JobReport::Arranged(arrangement.rows, shown))
}
