//! What runs beside the UI: scans, arrangements, exports, plans and their execution. Each job reports by the one channel, and can be stopped.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::effect::{JobId, Work};
use super::evidence::ImageProvenance;
use super::found::Found;
use super::list::{self, Arrangement};
use super::message::{Envelope, Message, Report, ScanEnd};
use super::pruning::Pruning;
use super::world::{Admitted, SourceId};
use super::{OpenedSource, Opener};
use crate::backend::SharedReader;
use crate::check::CheckOptions;
use crate::error::Failure;
use crate::inventory::Inventory;
use crate::inventory::scan::{self, ScanError, ScanOptions};

mod check;
mod evidence;
mod export;
mod files;
mod find;
mod prune;
mod steps;
mod store;
mod why;

use store::{Store, Stores, admit};

/// The least time between two reports of how far a job has come.
const PACE: Duration = Duration::from_millis(100);
/// A report may take this part of a job's time: snapshots of large stores are rarer.
const SHARE: u32 = 10;

/// Tells the time.
pub type Clock = fn() -> Timestamp;

/// Runs jobs.
pub(super) struct Jobs {
    sender: mpsc::Sender<Envelope>,
    tasks: JoinSet<JobId>,
    running: HashMap<JobId, CancellationToken>,
    /// Those that must not end in the middle.
    holding: HashSet<JobId>,
    stores: Stores,
    /// Held from when a store gets its place until the UI is told, so that both count alike.
    admission: Arc<tokio::sync::Mutex<()>>,
    concurrency: usize,
    clock: Clock,
    open: Opener,
    images: ImageProvenance,
    pruning: Arc<Pruning>,
}

impl Jobs {
    pub(super) fn new(
        sender: mpsc::Sender<Envelope>,
        concurrency: usize,
        clock: Clock,
        open: Opener,
        images: ImageProvenance,
        pruning: Arc<Pruning>,
    ) -> Self {
        Self {
            sender,
            tasks: JoinSet::new(),
            running: HashMap::new(),
            holding: HashSet::new(),
            stores: Arc::default(),
            admission: Arc::default(),
            concurrency,
            clock,
            open,
            images,
            pruning,
        }
    }

    /// Keeps a source's reader, in the order in which the UI counts them, unless it is here already; returns what the UI is to
    /// know.
    pub(super) fn admit(&self, source: OpenedSource) -> Admitted {
        admit(&self.stores, self.pruning.access, source)
    }

    /// Tells whether nothing runs.
    pub(super) fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Waits until a job has ended. A panic in it is one of the whole program.
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

    /// Stops every job; tells whether one is left that must not end in the middle.
    pub(super) fn finish(&mut self) -> bool {
        self.running.drain().for_each(|(_, cancel)| cancel.cancel());
        !self.holding.is_empty()
    }

    fn store(&self, source: SourceId) -> Option<Store> {
        lock(&self.stores).get(source.0).cloned()
    }

    pub(super) fn start(&mut self, job: JobId, work: Work) {
        let cancel = CancellationToken::new();
        self.running.insert(job, cancel.clone());
        let reporter = Reporter { job, sender: self.sender.clone(), clock: self.clock };
        match work {
            Work::Scan(source) => {
                let store = self.store(source);
                let scanning = find::Scanning {
                    source,
                    stores: Arc::clone(&self.stores),
                    admission: Arc::clone(&self.admission),
                    pruning: Arc::clone(&self.pruning),
                    options: self.scan_options(cancel),
                    reporter,
                };
                self.tasks.spawn(async move {
                    match store {
                        Some(Store { find: Some(find), .. }) => scanning.found(&find).await,
                        Some(store) => scanning.of(store).await,
                        None => {}
                    }
                    job
                });
            }
            Work::LoadSteps { source, inventory, id, given } => {
                let images = Arc::clone(&self.images);
                let reader = self.store(source).and_then(|store| store.reader);
                self.tasks.spawn(async move {
                    let Some(reader) = reader else { return job };
                    let load = steps::load(&*reader, inventory, id, given, &images);
                    if let Some(loaded) = cancel.run_until_cancelled(load).await {
                        reporter.report(Report::Steps(loaded.map(Arc::new))).await;
                    }
                    job
                });
            }
            Work::Check { source, inventory, verify } => {
                let store = self.store(source);
                let options = CheckOptions { verify, concurrency: self.concurrency, cancel };
                self.tasks.spawn(async move {
                    if let Some(store) = store {
                        check::check(&store, &inventory, &options, &reporter).await;
                    }
                    job
                });
            }
            Work::NameSteps(steps, given) => {
                let images = Arc::clone(&self.images);
                self.reporting(reporter, cancel, async move {
                    Report::Named(steps::name(&steps, given, &images).await.map(Arc::new))
                });
            }
            Work::Recognise(part, text) => {
                let images = Arc::clone(&self.images);
                self.reporting(reporter, cancel, async move {
                    Report::Recognised(evidence::recognise(part, text, &images).await)
                });
            }
            Work::Complete(part, text) => {
                self.blocking(reporter, move |_| Some(Report::Completed(evidence::complete(part, &text))));
            }
            Work::Explain(imports, given) => self.explain(imports, given, cancel, reporter),
            Work::ListFiles(source, layer) => {
                let reader = self.store(source).and_then(|store| store.reader);
                self.tasks.spawn(async move {
                    let Some(reader) = reader else { return job };
                    let told = reporter.clone();
                    let end =
                        files::list(&*reader, layer, cancel, move |batch| told.report_and_wait(Report::Files(batch)));
                    reporter.report(Report::FilesEnd(end.await)).await;
                    job
                });
            }
            Work::Arrange(arrangement) => {
                self.blocking(reporter, move |reporter| arrange(arrangement, reporter, &cancel));
            }
            Work::Export(export) => {
                self.blocking(reporter, move |_| {
                    let result = export::write(&export, &cancel);
                    Some(Report::Exported(export.path, result))
                });
            }
            Work::Prune(work) => self.prune(work, cancel, reporter),
            Work::Save(saving, path, overwrite) => self.blocking(reporter, move |_| {
                let result = export::save(&saving, &path, overwrite);
                Some(Report::Saved(path, result))
            }),
            Work::Open(name) => self.open(name, cancel, reporter),
        }
    }

    /// Opens what a person named.
    fn open(&mut self, name: String, cancel: CancellationToken, reporter: Reporter) {
        let job = reporter.job;
        let (open, stores, access) = (Arc::clone(&self.open), Arc::clone(&self.stores), self.pruning.access);
        let admission = Arc::clone(&self.admission);
        self.tasks.spawn(async move {
            let opened = tokio::task::spawn_blocking(move || open(&name)).await;
            match opened {
                // Whoever did not wait for it has no use for its place.
                _ if cancel.is_cancelled() => {}
                Ok(opened) => {
                    let _admission = admission.lock().await;
                    let opened = opened.map(|source| admit(&stores, access, source));
                    reporter.report(Report::Opened(opened)).await;
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
        ScanOptions { concurrency: self.concurrency, cancel }
    }

    /// Reports what `work` comes to, unless it is stopped.
    fn reporting(
        &mut self,
        reporter: Reporter,
        cancel: CancellationToken,
        work: impl Future<Output = Report> + Send + 'static,
    ) {
        self.tasks.spawn(async move {
            if let Some(report) = cancel.run_until_cancelled(work).await {
                reporter.report(report).await;
            }
            reporter.job
        });
    }

    fn blocking(&mut self, reporter: Reporter, work: impl FnOnce(&Reporter) -> Option<Report> + Send + 'static) {
        self.tasks.spawn(async move {
            let told = reporter.clone();
            match tokio::task::spawn_blocking(move || work(&told)).await {
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

/// Reports for one job.
#[derive(Clone)]
struct Reporter {
    job: JobId,
    sender: mpsc::Sender<Envelope>,
    clock: Clock,
}

impl Reporter {
    fn envelope(&self, report: Report) -> Envelope {
        Envelope { at: (self.clock)(), message: Message::Report(self.job, report) }
    }

    /// Reports what must arrive. When the UI has gone, nobody waits for it.
    async fn report(&self, report: Report) {
        let _ = self.sender.send(self.envelope(report)).await;
    }

    /// Reports what must arrive, away from async code.
    fn report_and_wait(&self, report: Report) {
        let _ = self.sender.blocking_send(self.envelope(report));
    }

    /// Reports how far the job has come, unless the UI is busy: the next report says more. Returns what was not taken.
    fn hint(&self, report: Report) -> Option<Report> {
        match self.sender.try_reserve() {
            Ok(place) => {
                place.send(self.envelope(report));
                None
            }
            Err(_) => Some(report),
        }
    }
}

async fn scan(
    reader: &SharedReader,
    source: SourceId,
    options: &ScanOptions,
    reporter: &Reporter,
) -> Result<Found, ScanEnd> {
    let mut next = Instant::now();
    let observe = |inventory: &Inventory| {
        let begun = Instant::now();
        if begun >= next {
            let _ = reporter.hint(Report::Snapshot(source, Found::new(inventory.clone(), (reporter.clock)())));
            next = Instant::now() + PACE.max(begun.elapsed() * SHARE);
        }
    };
    match scan::scan(reader, options, observe).await {
        Ok(inventory) => Ok(Found::new(inventory, (reporter.clock)())),
        Err(ScanError::Cancelled) => Err(ScanEnd::Stopped),
        Err(ScanError::Backend(error)) => Err(ScanEnd::Failed(Failure::from(error).to_string())),
    }
}

fn arrange(arrangement: Arrangement, reporter: &Reporter, cancel: &CancellationToken) -> Option<Report> {
    let mut last = Instant::now();
    let shown = list::arrange(&arrangement, |done| {
        if last.elapsed() >= PACE {
            last = Instant::now();
            let _ = reporter.hint(Report::Arranging(done));
        }
        !cancel.is_cancelled()
    })?;
    Some(Report::Arranged(arrangement.rows, shown))
}
