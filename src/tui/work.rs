//! The work of the application: runs, checks, comparisons, listings, explanations, searches.
//!
//! Work belongs to the application, not to a screen: the table in [`World`] has its state and its
//! results, and applies the reports of its jobs. A screen shows work by its key, and may be left and
//! made again at any time. Work that is still running continues without a screen; its results are
//! kept as [`KeptResults`] says.
//!
//! A screen holds the state that it shows as an [`Arc`], and takes the current one when the table
//! reports a change.

use std::sync::Arc;

use super::effect::JobId;
use super::list::ListPlace;
use super::message::JobReport;
use super::navigation::{Handled, UiContext};
use super::rows::Cell;
use super::world::{SourceId, World};

pub mod check;
pub mod comparison;
pub mod explanation;
pub mod listing;
pub mod run;
pub mod search;
pub mod steps;

use check::CheckWork;
use comparison::ComparisonWork;
use explanation::ExplanationWork;
use listing::ListingWork;
use run::RunWork;
use search::SearchWork;
use steps::StepsWork;

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
    pub fn reading(key: WorkKey, title: String, is_running: bool) -> Self {
        Self {
            key,
            title,
            progress: Cell::default(),
            is_running,
            kept: KeptResults::UntilShown,
        }
    }

    /// Returns whether it is kept when its screen is left.
    pub fn outlives_screen(&self) -> bool {
        self.is_running || self.kept == KeptResults::UntilReplaced
    }

    /// Returns whether it is still needed although its screen was left.
    pub fn is_needed(&self) -> bool {
        self.is_running || self.kept != KeptResults::Never
    }
}

/// Identifies work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkKey {
    Check(SourceId),
    /// A run, by the first job that executes, resumes or undoes it.
    Run(JobId),
    /// Work that reads or compares something, by its first job.
    Reading(JobId),
    /// A file that is written. It has no screen.
    Write(JobId),
}

/// The state of one piece of work.
pub trait WorkState {
    /// Returns its entry in the list of jobs.
    fn background(&self, key: WorkKey, world: &World) -> BackgroundWork;

    /// Returns its running job.
    fn job(&self) -> Option<JobId>;

    /// Applies a report of its running job.
    fn report(&mut self, report: &JobReport, cx: &mut UiContext<'_>);

    /// Stops its running job; returns whether there was one that can be stopped.
    fn stop(&mut self, cx: &mut UiContext<'_>) -> Handled;

    /// Returns whether new or changed data about a source makes it begin, or begin again.
    fn is_outdated(&self, source: SourceId, world: &World) -> bool {
        let _ = (source, world);
        false
    }

    /// Begins again.
    fn restart(&mut self, cx: &mut UiContext<'_>) {
        let _ = cx;
    }

    /// Returns the source that it is about.
    fn source(&self) -> Option<SourceId> {
        None
    }

    /// Returns whether it must not be interrupted; the program does not end before it is stopped.
    fn is_busy(&self) -> bool {
        false
    }

    /// Returns for how many more seconds it watches for builds, if it does.
    fn watching(&self) -> Option<u64> {
        None
    }
}

/// Work of any type.
#[derive(Debug, Clone)]
pub enum AppWork {
    Check(Arc<CheckWork>),
    Comparison(Arc<ComparisonWork>),
    Explanation(Arc<ExplanationWork>),
    Listing(Arc<ListingWork>),
    Run(Arc<RunWork>),
    Search(Arc<SearchWork>),
    Steps(Arc<StepsWork>),
}

impl AppWork {
    fn state(&self) -> &dyn WorkState {
        match self {
            Self::Check(work) => &**work,
            Self::Comparison(work) => &**work,
            Self::Explanation(work) => &**work,
            Self::Listing(work) => &**work,
            Self::Run(work) => &**work,
            Self::Search(work) => &**work,
            Self::Steps(work) => &**work,
        }
    }

    fn state_mut(&mut self) -> &mut dyn WorkState {
        match self {
            Self::Check(work) => own(work),
            Self::Comparison(work) => own(work),
            Self::Explanation(work) => own(work),
            Self::Listing(work) => own(work),
            Self::Run(work) => own(work),
            Self::Search(work) => own(work),
            Self::Steps(work) => own(work),
        }
    }
}

/// Returns work to change, without changing the state that a screen shows.
fn own<W: WorkState + Clone + 'static>(work: &mut Arc<W>) -> &mut dyn WorkState {
    Arc::<W>::make_mut(work)
}

/// Work of one type.
pub trait TypedWork: Sized {
    /// Returns it as work of any type.
    fn wrap(work: Arc<Self>) -> AppWork;

    /// Returns work of any type as work of this type, if it is.
    fn unwrap(work: &AppWork) -> Option<&Arc<Self>>;
}

macro_rules! typed {
    ($($variant:ident $work:ty)*) => {$(
        impl TypedWork for $work {
            fn wrap(work: Arc<Self>) -> AppWork {
                AppWork::$variant(work)
            }

            fn unwrap(work: &AppWork) -> Option<&Arc<Self>> {
                match work {
                    AppWork::$variant(work) => Some(work),
                    _ => None,
                }
            }
        }
    )*};
}

typed! {
    Check CheckWork
    Comparison ComparisonWork
    Explanation ExplanationWork
    Listing ListingWork
    Run RunWork
    Search SearchWork
    Steps StepsWork
}

/// All work of the application that is running or has kept results.
#[derive(Debug, Default)]
pub struct WorkTable {
    entries: Vec<WorkEntry>,
}

#[derive(Debug)]
struct WorkEntry {
    key: WorkKey,
    work: AppWork,
    /// Where its list was when its screen was left; `None` while a screen shows it.
    left: Option<ListPlace>,
    /// Whether its screen shows an earlier state.
    is_changed: bool,
}

impl WorkTable {
    fn place(&self, key: WorkKey) -> Option<usize> {
        self.entries.iter().position(|entry| entry.key == key)
    }

    fn entry(&self, key: WorkKey) -> Option<&WorkEntry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// Returns whether there is this work.
    pub fn has(&self, key: WorkKey) -> bool {
        self.place(key).is_some()
    }

    /// Returns its entry in the list of jobs.
    pub fn background(&self, key: WorkKey, world: &World) -> Option<BackgroundWork> {
        let entry = self.entry(key)?;
        Some(entry.work.state().background(key, world))
    }

    /// Returns the work whose screen was left.
    pub fn left(&self, world: &World) -> Vec<BackgroundWork> {
        let left = self.entries.iter().filter(|entry| entry.left.is_some());
        left.map(|entry| entry.work.state().background(entry.key, world))
            .collect()
    }

    /// Returns the latest work that must not be interrupted.
    pub fn busy(&self) -> Option<WorkKey> {
        let mut entries = self.entries.iter();
        let busy = entries.rfind(|entry| entry.work.state().is_busy());
        busy.map(|entry| entry.key)
    }

    /// Returns for how many more seconds a run watches for builds, if one does.
    pub fn watching(&self) -> Option<u64> {
        let entries = self.entries.iter();
        entries
            .filter_map(|entry| entry.work.state().watching())
            .max()
    }

    /// Returns the running work about a source whose screen was left.
    pub fn running_without_screen(
        &self,
        source: SourceId,
        world: &World,
    ) -> Option<BackgroundWork> {
        let of_source = |entry: &&WorkEntry| {
            entry.left.is_some() && entry.work.state().source() == Some(source)
        };
        let mut works = self
            .entries
            .iter()
            .filter(of_source)
            .map(|entry| entry.work.state().background(entry.key, world));
        works.find(|work| work.is_running)
    }

    /// Keeps work whose screen is left.
    pub fn leave(&mut self, key: WorkKey, list: ListPlace) {
        if let Some(place) = self.place(key) {
            let entry = self.entries.remove(place);
            self.entries.push(WorkEntry {
                left: Some(list),
                ..entry
            });
        }
    }

    /// Hands out work to a new screen, with the place where its list was.
    pub fn show(&mut self, key: WorkKey) -> Option<(AppWork, ListPlace)> {
        let place = self.place(key)?;
        let entry = &mut self.entries[place];
        entry.is_changed = false;
        let left = entry.left.take()?;
        Some((entry.work.clone(), left))
    }

    /// Forgets the work with these keys whose screen was left.
    pub fn forget_left(&mut self, is_forgotten: impl Fn(WorkKey, Option<SourceId>) -> bool) {
        self.entries.retain(|entry| {
            let source = entry.work.state().source();
            entry.left.is_none() || !is_forgotten(entry.key, source)
        });
    }

    /// Returns the work that has changed since the last call.
    pub fn take_changed(&mut self) -> Vec<WorkKey> {
        let changed = self.entries.iter_mut();
        changed
            .filter_map(|entry| std::mem::take(&mut entry.is_changed).then_some(entry.key))
            .collect()
    }
}

impl UiContext<'_> {
    /// Adds work of the application, in place of earlier work with the key.
    pub fn begin_work<W: TypedWork>(&mut self, key: WorkKey, work: W) -> Arc<W> {
        let work = Arc::new(work);
        let entries = &mut self.world.work.entries;
        entries.retain(|entry| entry.key != key);
        entries.push(WorkEntry {
            key,
            work: W::wrap(Arc::clone(&work)),
            left: None,
            is_changed: false,
        });
        work
    }

    /// Returns the current state of work.
    pub fn work<W: TypedWork>(&self, key: WorkKey) -> Option<Arc<W>> {
        let entry = self.world.work.entry(key)?;
        W::unwrap(&entry.work).cloned()
    }

    /// Changes work.
    pub fn change_work<W: TypedWork + Clone>(
        &mut self,
        key: WorkKey,
        change: impl FnOnce(&mut W, &mut Self),
    ) {
        let Some(mut work) = self.work::<W>(key) else {
            return;
        };
        change(Arc::make_mut(&mut work), self);
        self.put_work(key, W::wrap(work));
    }

    fn put_work(&mut self, key: WorkKey, work: AppWork) {
        let mut entries = self.world.work.entries.iter_mut();
        if let Some(entry) = entries.find(|entry| entry.key == key) {
            entry.work = work;
            entry.is_changed = true;
        }
    }

    /// Stops the running job of work; returns whether there was one that can be stopped.
    pub fn stop_work(&mut self, key: WorkKey) -> Handled {
        if let WorkKey::Write(job) = key {
            return self.stop_write(job);
        }
        let Some(entry) = self.world.work.entry(key) else {
            return Handled::No;
        };
        let mut work = entry.work.clone();
        let handled = work.state_mut().stop(self);
        if handled == Handled::Yes {
            self.put_work(key, work);
        }
        handled
    }

    /// Forgets work; its job is stopped without a message.
    pub fn forget_work(&mut self, key: WorkKey) {
        let job = self.world.work.entry(key);
        if let Some(job) = job.and_then(|entry| entry.work.state().job()) {
            self.stop(job);
        }
        self.world.work.entries.retain(|entry| entry.key != key);
    }

    /// Applies the report of a job to the work that waits for it.
    pub(super) fn report_to_work(&mut self, job: JobId, report: &JobReport) {
        let mut entries = self.world.work.entries.iter();
        let Some(entry) = entries.find(|entry| entry.work.state().job() == Some(job)) else {
            return;
        };
        let key = entry.key;
        let mut work = entry.work.clone();
        work.state_mut().report(report, self);
        self.put_work(key, work);
    }

    /// Begins the work again that new or changed data about a source makes outdated.
    pub(super) fn restart_work(&mut self, source: SourceId) {
        let world = &*self.world;
        let entries = world.work.entries.iter();
        let outdated = entries.filter(|entry| entry.work.state().is_outdated(source, world));
        let outdated: Vec<_> = outdated
            .map(|entry| (entry.key, entry.work.clone()))
            .collect();
        for (key, mut work) in outdated {
            work.state_mut().restart(self);
            self.put_work(key, work);
        }
    }
}
