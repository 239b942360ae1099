//! The run of a plan: its progress, the outcome of each item, and its undo.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{BackgroundWork, KeptResults, WorkKey, WorkState};
use crate::backend::{Disposal, Outcome, Totals, Undoability};
use crate::prune::plan::{ItemKind, Plan};
use crate::prune::runs::RunState;
use crate::text::units::{Age, Size, grouped};
use crate::tui::effect::{JobId, JobWork, NewBroken, PruneWork};
use crate::tui::message::{JobReport, OpenedRun, Phase, Ran, RunFault, RunNews};
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::Cell;
use crate::tui::rows::run::RunKind;
use crate::tui::theme::TextRole;
use crate::tui::widget::{meter, text};
use crate::tui::world::{SourceId, World};

/// The number of latest successful items to list; all other items are listed.
const LATEST: usize = 200;

/// A run of a plan.
#[derive(Debug, Clone)]
pub struct RunWork {
    pub source: SourceId,
    pub plan: Arc<Plan>,
    pub undoability: Undoability,
    pub state: RunProgress,
    pub began: Timestamp,
    pub news: RunNews,
    /// The items that failed, and the latest successful ones.
    wrong: Vec<(usize, Outcome)>,
    latest: Vec<(usize, Outcome)>,
    /// The items to list.
    pub listed: Arc<ListedOutcomes>,
    /// The items moved to the trash, once the run has ended.
    pub moved: Totals,
    /// How many refs were written again, when the run has ended.
    pub rewritten: u64,
}

/// The outcomes of items of a plan, by index.
#[derive(Debug)]
pub struct ListedOutcomes {
    pub kind: RunKind,
    pub outcomes: Vec<(usize, Outcome)>,
}

/// The progress of a run.
#[derive(Debug, Clone)]
pub enum RunProgress {
    Running(JobId),
    /// It was told to stop, and finishes its current batch.
    Stopping(JobId),
    Ended(Arc<Ran>),
    /// It ended early.
    Failed(RunFault),
    /// It is an earlier run, according to its journal.
    Past(Arc<OpenedRun>),
    /// This many of its items are being restored.
    Undoing(JobId, usize),
    /// It was undone: restored items, and all items.
    Undone(usize, usize),
    /// It could not be undone.
    NotUndone(String),
}

impl RunWork {
    /// Executes `plan`; returns the key of the run.
    pub fn begin(
        source: SourceId,
        plan: Arc<Plan>,
        new_broken: NewBroken,
        undoability: Undoability,
        cx: &mut UiContext<'_>,
    ) -> (WorkKey, Arc<Self>) {
        let job = cx.start(JobWork::Prune(PruneWork::CarryOut(
            source,
            Arc::clone(&plan),
            new_broken,
        )));
        let listed = ListedOutcomes {
            kind: RunKind::Deleted,
            outcomes: Vec::new(),
        };
        let state = RunProgress::Running(job);
        let key = WorkKey::Run(job);
        let work = Self::new(source, plan, undoability, state, listed, cx);
        (key, cx.begin_work(key, work))
    }

    /// Returns an earlier run of an open source.
    pub fn past(opened: &Arc<OpenedRun>, cx: &UiContext<'_>) -> Self {
        let (source, undoability) = opened.source.unwrap_or((SourceId(0), Undoability::None));
        let outcome = |outcome: &Option<Outcome>| outcome.clone().unwrap_or(Outcome::Cancelled);
        let listed = if opened.state == RunState::Undone {
            let restored = opened.restored.iter();
            let restored = restored.map(|(item, outcome)| (*item, outcome.clone()));
            ListedOutcomes {
                kind: RunKind::Restored,
                outcomes: restored.collect(),
            }
        } else {
            ListedOutcomes {
                kind: RunKind::Deleted,
                outcomes: opened.outcomes.iter().map(outcome).enumerate().collect(),
            }
        };
        let plan = Arc::clone(&opened.plan);
        let state = RunProgress::Past(Arc::clone(opened));
        Self::new(source, plan, undoability, state, listed, cx)
    }

    fn new(
        source: SourceId,
        plan: Arc<Plan>,
        undoability: Undoability,
        state: RunProgress,
        listed: ListedOutcomes,
        cx: &UiContext<'_>,
    ) -> Self {
        Self {
            source,
            plan,
            undoability,
            state,
            began: cx.world.now,
            news: RunNews::default(),
            wrong: Vec::new(),
            latest: Vec::new(),
            listed: Arc::new(listed),
            moved: Totals::default(),
            rewritten: 0,
        }
    }

    fn list(&mut self, kind: RunKind, outcomes: Vec<(usize, Outcome)>) {
        self.listed = Arc::new(ListedOutcomes { kind, outcomes });
    }

    fn apply_news(&mut self, news: &RunNews) {
        for (item, outcome) in &news.outcomes {
            let list = if *outcome == Outcome::Done {
                &mut self.latest
            } else {
                &mut self.wrong
            };
            list.push((*item, outcome.clone()));
        }
        self.latest
            .drain(..self.latest.len().saturating_sub(LATEST));
        self.news = RunNews {
            outcomes: Vec::new(),
            ..news.clone()
        };
        let outcomes = self
            .wrong
            .iter()
            .chain(self.latest.iter().rev())
            .cloned()
            .collect();
        let kind = match self.state {
            RunProgress::Undoing(..) => RunKind::Restored,
            _ => RunKind::Deleted,
        };
        self.list(kind, outcomes);
    }

    /// Applies the end of the run, and scans the source again.
    fn end(&mut self, result: &Result<Ran, RunFault>, cx: &mut UiContext<'_>) {
        self.state = match result {
            Ok(ran) => {
                let done = ran.report.outcomes.iter().zip(self.plan.delete().iter());
                let done: Vec<_> = done
                    .filter(|(outcome, _)| **outcome == Outcome::Done)
                    .map(|(_, item)| item)
                    .collect();
                let moved = done
                    .iter()
                    .filter(|item| self.plan.moves_to_trash(item.target.kind()));
                self.moved = moved.map(|item| item.target.bytes()).collect();
                let rewritten = done
                    .iter()
                    .filter(|item| item.target.kind() == ItemKind::Results);
                self.rewritten = rewritten.count() as u64;
                let outcomes = ran.report.outcomes.iter().cloned().enumerate().collect();
                self.list(RunKind::Deleted, outcomes);
                RunProgress::Ended(Arc::new(ran.clone()))
            }
            Err(fault) => RunProgress::Failed(fault.clone()),
        };
        cx.scan(self.source);
    }

    fn undone(&mut self, result: &Result<Vec<(usize, Outcome)>, String>, cx: &mut UiContext<'_>) {
        self.state = match result {
            Ok(outcomes) => {
                let is_back =
                    |outcome: &Outcome| matches!(outcome, Outcome::Done | Outcome::AlreadyGone);
                let back = outcomes
                    .iter()
                    .filter(|(_, outcome)| is_back(outcome))
                    .count();
                let of = outcomes.len();
                self.list(RunKind::Restored, outcomes.clone());
                RunProgress::Undone(back, of)
            }
            Err(why) => RunProgress::NotUndone(why.clone()),
        };
        cx.scan(self.source);
    }

    /// Returns the journal of a run that has ended.
    pub fn journal(&self) -> Option<&PathBuf> {
        match &self.state {
            RunProgress::Ended(ran) => Some(&ran.journal),
            RunProgress::Past(opened) => Some(&opened.journal),
            RunProgress::Failed(fault) => fault.journal.as_ref(),
            _ => None,
        }
    }

    /// Returns whether it watches for builds; all its deletions are done.
    pub fn is_watching(&self) -> bool {
        matches!(self.state, RunProgress::Running(_))
            && matches!(self.news.phase, Phase::Watching(_))
    }

    /// Restores what the run deleted.
    pub fn undo(&mut self, cx: &mut UiContext<'_>) {
        let deleted = match &self.state {
            RunProgress::Ended(ran) => ran.report.count(|outcome| *outcome == Outcome::Done),
            RunProgress::Past(opened) => opened.deleted(),
            _ => self.news.deleted,
        };
        if let Some(journal) = self.journal().cloned() {
            let job = cx.start(JobWork::Prune(PruneWork::Undo(self.source, journal)));
            self.start_again(RunProgress::Undoing(job, deleted), cx);
        }
    }

    /// Carries out what the run left.
    pub fn resume(&mut self, cx: &mut UiContext<'_>) {
        if let Some(journal) = self.journal().cloned() {
            let job = cx.start(JobWork::Prune(PruneWork::Resume(self.source, journal)));
            self.start_again(RunProgress::Running(job), cx);
        }
    }

    fn start_again(&mut self, state: RunProgress, cx: &UiContext<'_>) {
        self.state = state;
        self.began = cx.world.now;
        self.news = RunNews::default();
        self.wrong.clear();
        self.latest.clear();
    }

    /// Returns the progress of the deletions in `width` columns.
    pub fn progress(&self, width: u16) -> Cell {
        // Which of them leave the store permanently is known at the end of the run.
        let word = if self.plan.disposal() == Disposal::Trash {
            "taken away"
        } else {
            "freed"
        };
        self.meter(self.plan.delete().len(), word, width)
    }

    /// Returns the progress with its rate and the time left, for the list of jobs.
    fn progress_with_pace(&self, world: &World) -> Cell {
        let (progress, of) = match self.state {
            RunProgress::Undoing(_, of) => (self.meter(of, "restored", 0), of),
            RunProgress::Running(_) => (self.progress(0), self.plan.delete().len()),
            _ => return self.progress(0),
        };
        progress
            .and(" · ", TextRole::Dim)
            .and_all(self.pace(world, of))
    }

    /// Draws the number of processed items out of `of`.
    pub fn meter(&self, of: usize, word: &str, width: u16) -> Cell {
        let done = self.news.concluded as u64;
        let of = of as u64;
        let words = format!(
            "  {} of {} · {} {word}",
            grouped(done),
            grouped(of),
            Size(self.news.freed_bytes)
        );
        let room = width.saturating_sub(text::width(&words)).min(80);
        let bar = if done == 0 || room == 0 {
            String::new()
        } else {
            meter::bar(done, of, room)
        };
        let rest = usize::from(room.saturating_sub(text::width(&bar)));
        Cell::new(bar, TextRole::Live)
            .and("░".repeat(rest), TextRole::Rule)
            .and(words, TextRole::Strong)
    }

    /// Returns the rate and the time left for `of` items.
    pub fn pace(&self, world: &World, of: usize) -> Cell {
        let elapsed = world
            .now
            .duration_since(self.began)
            .as_millis()
            .unsigned_abs();
        let done = self.news.concluded as u128;
        let of = of as u128;
        if done == 0 || elapsed == 0 {
            return Cell::new("rate and time left are not known yet", TextRole::Dim);
        }
        let per_second = |number: u128| u64::try_from(number * 1000 / elapsed).unwrap_or(u64::MAX);
        let left = i64::try_from(of.saturating_sub(done) * elapsed / done).unwrap_or(i64::MAX);
        let bytes = Size(per_second(self.news.freed_bytes.into()));
        Cell::text(format!("{} items/s · {bytes}/s", grouped(per_second(done)))).and(
            format!(" · {}", left_in_words(SignedDuration::from_millis(left))),
            TextRole::Strong,
        )
    }
}

fn left_in_words(left: SignedDuration) -> String {
    if left.as_secs() < 1 {
        return "almost done".to_owned();
    }
    format!("about {} left", Age(left))
}

impl WorkState for RunWork {
    fn background(&self, key: WorkKey, world: &World) -> BackgroundWork {
        let label = &world.source(self.source).info.label;
        BackgroundWork {
            key,
            title: match self.state {
                RunProgress::Undoing(..) => format!("undo in {label}"),
                _ => format!("run in {label}"),
            },
            progress: self.progress_with_pace(world),
            is_running: self.job().is_some(),
            kept: KeptResults::Never,
        }
    }

    fn job(&self) -> Option<JobId> {
        match self.state {
            RunProgress::Running(job)
            | RunProgress::Stopping(job)
            | RunProgress::Undoing(job, _) => Some(job),
            _ => None,
        }
    }

    fn report(&mut self, report: &JobReport, cx: &mut UiContext<'_>) {
        match (report, &self.state) {
            (JobReport::Running(news), _) => self.apply_news(news),
            (JobReport::Ran(result), RunProgress::Running(_) | RunProgress::Stopping(_)) => {
                self.end(result, cx);
            }
            (JobReport::Undone(result), RunProgress::Undoing(..)) => self.undone(result, cx),
            _ => {}
        }
    }

    fn stop(&mut self, cx: &mut UiContext<'_>) -> Handled {
        let RunProgress::Running(job) = self.state else {
            return Handled::No;
        };
        cx.stop(job);
        self.state = RunProgress::Stopping(job);
        Handled::Yes
    }

    fn source(&self) -> Option<SourceId> {
        Some(self.source)
    }

    /// A run that watches for builds has done all its deletions.
    fn is_busy(&self) -> bool {
        self.job().is_some() && !self.is_watching()
    }

    fn watching(&self) -> Option<u64> {
        match (&self.state, self.news.phase) {
            (RunProgress::Running(_) | RunProgress::Stopping(_), Phase::Watching(left)) => {
                Some(left)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_run_is_near_in_its_last_second() {
        let words = |milliseconds| left_in_words(SignedDuration::from_millis(milliseconds));
        assert_eq!(words(0), "almost done");
        assert_eq!(words(999), "almost done");
        assert_eq!(words(1_000), "about 1s left");
        assert_eq!(words(61_000), "about 1m left");
    }
}
