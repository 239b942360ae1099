//! A running plan: its progress, the outcome of each item, and how to undo it.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::list_screen::ListScreen;
use super::{LayerRequest, Pointer, Screen, ScreenHeader, ScreenWork, WorkKey};
use crate::backend::{Disposal, Outcome, WayBack};
use crate::inventory::Tally;
use crate::prune::plan::{ItemKind, Plan};
use crate::prune::runs::{self, RunState};
use crate::text::escape::visible;
use crate::text::units::{Age, Size};
use crate::tui::effect::{Effect, JobId, JobWork, NewBroken, PruneWork};
use crate::tui::keymap::{self, Action};
use crate::tui::layer::confirm::{Confirm, STOP_WATCHING};
use crate::tui::list::{RowList, Sort};
use crate::tui::message::{JobReport, OpenedRun, Phase, Ran, RunFault, RunNews};
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::pruning::{Deleting, goes_into_trash};
use crate::tui::rows::run::{RunKind, RunRows};
use crate::tui::rows::runs::state;
use crate::tui::rows::sources::grouped;
use crate::tui::rows::{Cell, moment};
use crate::tui::theme::TextRole;
use crate::tui::view;
use crate::tui::widget::table::RowHeight;
use crate::tui::widget::{meter, text};
use crate::tui::world::{SourceId, StatusKind, World};

/// The lines above the list, including the rule below them.
const HEAD: u16 = 4;
/// From this width on there is space for whole sentences.
const WIDE: u16 = 70;
/// The number of latest successful items to list; all other items are listed.
const LATEST: usize = 200;

/// A run of a plan.
#[derive(Debug)]
pub struct RunScreen {
    source: SourceId,
    /// The first job that executes, resumes or undoes it.
    job: Option<JobId>,
    plan: Arc<Plan>,
    way_back: WayBack,
    state: RunScreenState,
    began: Timestamp,
    news: RunNews,
    /// The items that failed, and the latest successful ones.
    wrong: Vec<(usize, Outcome)>,
    latest: Vec<(usize, Outcome)>,
    /// The items moved to the trash, once the run has ended.
    moved: Tally,
    /// How many refs were written again, when the run has ended.
    rewritten: u64,
    screen: ListScreen,
}

/// The progress of the run.
#[derive(Debug)]
enum RunScreenState {
    /// It is running.
    Running(JobId),
    /// It was told to stop, and finishes its current batch.
    Stopping(JobId),
    /// It has ended.
    Ended(Ran),
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

impl RunScreen {
    /// Executes `plan`.
    pub fn new(
        source: SourceId,
        plan: Arc<Plan>,
        new_broken: NewBroken,
        way_back: WayBack,
        cx: &mut UiContext<'_>,
    ) -> Self {
        let rows = RunRows::new(Arc::clone(&plan), RunKind::Deleted, Vec::new());
        let list = RowList::new(Arc::new(rows), Sort::default(), cx);
        let screen = ListScreen::new(list, RowHeight::Single, HEAD);
        let job = cx.start(JobWork::Prune(PruneWork::CarryOut(
            source,
            Arc::clone(&plan),
            new_broken,
        )));
        let state = RunScreenState::Running(job);
        let began = cx.world.now;
        let news = RunNews::default();
        let wrong = Vec::new();
        let latest = Vec::new();
        let moved = Tally::default();
        Self {
            source,
            job: Some(job),
            plan,
            way_back,
            state,
            began,
            news,
            wrong,
            latest,
            moved,
            rewritten: 0,
            screen,
        }
    }

    /// Shows an earlier run of an open source.
    pub fn past(opened: &Arc<OpenedRun>, cx: &mut UiContext<'_>) -> Self {
        let (source, way_back) = opened.source.unwrap_or((SourceId(0), WayBack::None));
        let plan = Arc::clone(&opened.plan);
        let outcome = |outcome: &Option<Outcome>| outcome.clone().unwrap_or(Outcome::Cancelled);
        let outcomes: Vec<(usize, Outcome)> =
            opened.outcomes.iter().map(outcome).enumerate().collect();
        let rows = Arc::new(RunRows::new(Arc::clone(&plan), RunKind::Deleted, outcomes));
        let list = RowList::new(rows, Sort::default(), cx);
        Self {
            source,
            job: None,
            plan,
            way_back,
            state: RunScreenState::Past(Arc::clone(opened)),
            began: cx.world.now,
            news: RunNews::default(),
            wrong: Vec::new(),
            latest: Vec::new(),
            moved: Tally::default(),
            rewritten: 0,
            screen: ListScreen::new(list, RowHeight::Single, HEAD),
        }
    }

    fn show(&mut self, deed: RunKind, outcomes: Vec<(usize, Outcome)>, cx: &mut UiContext<'_>) {
        let rows = RunRows::new(Arc::clone(&self.plan), deed, outcomes);
        self.screen.list.set_rows(Arc::new(rows), cx);
    }

    fn apply_news(&mut self, job: JobId, news: &RunNews, cx: &mut UiContext<'_>) {
        match news.phase {
            Phase::Watching(left) => cx.world.set_watch(job, self.source, left),
            _ => drop(cx.world.end_watch(job)),
        }
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
        let deed = match self.state {
            RunScreenState::Undoing(..) => RunKind::Restored,
            _ => RunKind::Deleted,
        };
        self.show(deed, outcomes, cx);
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
                    .filter(|item| goes_into_trash(&self.plan, item.target.kind()));
                self.moved = moved.map(|item| item.target.bytes()).collect();
                let rewritten = done
                    .iter()
                    .filter(|item| item.target.kind() == ItemKind::Results);
                self.rewritten = rewritten.count() as u64;
                let outcomes = ran.report.outcomes.iter().cloned().enumerate().collect();
                self.show(RunKind::Deleted, outcomes, cx);
                RunScreenState::Ended(ran.clone())
            }
            Err(fault) => RunScreenState::Failed(fault.clone()),
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
                self.show(RunKind::Restored, outcomes.clone(), cx);
                RunScreenState::Undone(back, of)
            }
            Err(why) => RunScreenState::NotUndone(why.clone()),
        };
        cx.scan(self.source);
    }

    fn stop(&mut self, cx: &mut UiContext<'_>) {
        if let RunScreenState::Running(job) = self.state {
            cx.stop(job);
            self.state = RunScreenState::Stopping(job);
        }
    }

    /// Returns the journal of a run that has ended.
    fn journal(&self) -> Option<&PathBuf> {
        match &self.state {
            RunScreenState::Ended(ran) => Some(&ran.journal),
            RunScreenState::Past(opened) => Some(&opened.journal),
            RunScreenState::Failed(fault) => fault.journal.as_ref(),
            _ => None,
        }
    }

    fn ask_to_undo(&self, cx: &mut UiContext<'_>) {
        let deleted = match &self.state {
            RunScreenState::Ended(ran) => ran.report.count(|outcome| *outcome == Outcome::Done),
            RunScreenState::Past(opened) => opened.deleted(),
            RunScreenState::Failed(_) => self.news.deleted,
            _ => 0,
        };
        if let Deleting::Refused(why) = &cx.world.source(self.source).info.deleting {
            let why = why.clone();
            return cx.world.note(StatusKind::Failed, why);
        }
        match self.journal() {
            None if self.is_busy() => cx
                .world
                .note(StatusKind::Failed, "it goes on; esc stops it"),
            None => cx
                .world
                .note(StatusKind::Failed, "there is nothing to put back"),
            Some(_) if self.way_back == WayBack::None => {
                cx.world.note(
                    StatusKind::Failed,
                    "nothing is kept of what was deleted there",
                );
            }
            Some(_) if deleted == 0 => cx.world.note(StatusKind::Failed, "nothing was deleted"),
            Some(_) => {
                let label = &cx.world.source(self.source).info.label;
                let items = if deleted == 1 { "item" } else { "items" };
                let as_far = match self.way_back {
                    WayBack::Part(words) => format!("? {words}"),
                    WayBack::Trash | WayBack::None => {
                        ", as far as the trash still has them?".to_owned()
                    }
                };
                let deleted = grouped(deleted as u64);
                let question = format!(
                    "Put back into {label} the {deleted} {items} that this run deleted{as_far}"
                );
                cx.show(Confirm::new(question, LayerRequest::Undo));
            }
        }
    }

    fn undo(&mut self, cx: &mut UiContext<'_>) {
        let deleted = match &self.state {
            RunScreenState::Ended(ran) => ran.report.count(|outcome| *outcome == Outcome::Done),
            RunScreenState::Past(opened) => opened.deleted(),
            _ => self.news.deleted,
        };
        if let Some(journal) = self.journal().cloned() {
            let job = cx.start(JobWork::Prune(PruneWork::Undo(self.source, journal)));
            self.start_again(RunScreenState::Undoing(job, deleted), cx);
        }
    }

    /// Returns whether a resumed run would try any items.
    fn is_resumable(&self) -> bool {
        let is_left =
            |outcome: &Outcome| matches!(outcome, Outcome::Cancelled | Outcome::Failed(_));
        match &self.state {
            RunScreenState::Ended(ran) => ran.report.outcomes.iter().any(is_left),
            RunScreenState::Past(opened) => matches!(opened.state, RunState::Stopped { .. }),
            RunScreenState::Failed(fault) => fault.journal.is_some(),
            _ => false,
        }
    }

    fn ask_to_resume(&self, cx: &mut UiContext<'_>) {
        let info = &cx.world.source(self.source).info;
        let refused = match &info.deleting {
            Deleting::Refused(why) => Some(why.clone()),
            Deleting::Allowed if self.is_busy() => Some("it is running; esc stops it".to_owned()),
            Deleting::Allowed if !self.is_resumable() => {
                Some("there is nothing left to do in this run".to_owned())
            }
            Deleting::Allowed => None,
        };
        if let Some(why) = refused {
            return cx.world.note(StatusKind::Failed, why);
        }
        let question = format!(
            "Resume the run in {}? Each item that is left is checked again just before it is deleted.",
            info.label
        );
        cx.show(Confirm::new(question, LayerRequest::Resume));
    }

    fn resume(&mut self, cx: &mut UiContext<'_>) {
        if let Some(journal) = self.journal().cloned() {
            let job = cx.start(JobWork::Prune(PruneWork::Resume(self.source, journal)));
            self.start_again(RunScreenState::Running(job), cx);
        }
    }

    fn start_again(&mut self, state: RunScreenState, cx: &mut UiContext<'_>) {
        if let RunScreenState::Running(job) | RunScreenState::Undoing(job, _) = state {
            self.job.get_or_insert(job);
        }
        self.state = state;
        self.began = cx.world.now;
        self.news = RunNews::default();
        self.wrong.clear();
        self.latest.clear();
    }

    /// Copies the command that resumes the run, or undoes it if there is nothing left to do.
    fn copy_command(&self, cx: &mut UiContext<'_>) {
        let flag = if self.is_resumable() {
            "--resume"
        } else {
            "--undo"
        };
        match self.journal() {
            Some(journal) => cx.effect(Effect::Copy(runs::command(flag, journal))),
            None => cx
                .world
                .note(StatusKind::Failed, "the run has no journal yet"),
        }
    }

    fn lines(&self, world: &World, width: u16) -> [Cell; 3] {
        let empty = Cell::default;
        match &self.state {
            RunScreenState::Running(_) | RunScreenState::Stopping(_) => {
                let of = self.plan.delete().len();
                [self.progress(width), self.pace(world, of), self.doing()]
            }
            RunScreenState::Ended(ran) => [
                self.outcome(ran, self.began, width),
                aftermath(ran, self.plan.is_withheld()),
                journal_line(Some(&ran.journal)),
            ],
            RunScreenState::Failed(fault) => [
                Cell::new("! ", TextRole::Error).and(sentence(&fault.why), TextRole::Error),
                Cell::text(match self.news.deleted {
                    0 => "Nothing was deleted.".to_owned(),
                    1 => "1 item was deleted before that.".to_owned(),
                    count => format!("{} items were deleted before that.", grouped(count as u64)),
                }),
                journal_line(fault.journal.as_ref()),
            ],
            RunScreenState::Past(opened) => [
                past(opened),
                Cell::new(past_hint(opened), TextRole::Dim),
                journal_line(Some(&opened.journal)),
            ],
            RunScreenState::Undoing(_, of) => [
                self.meter(*of, "restored", width),
                self.pace(world, *of),
                Cell::new("Restoring what the run deleted…", TextRole::Title),
            ],
            RunScreenState::Undone(back, of) => {
                let role = if back == of {
                    TextRole::Good
                } else {
                    TextRole::Warning
                };
                let words = format!(
                    "{} of {} items are back",
                    grouped(*back as u64),
                    grouped(*of as u64)
                );
                [Cell::new(words, role), empty(), empty()]
            }
            RunScreenState::NotUndone(why) => [
                Cell::new("! ", TextRole::Error).and(sentence(why), TextRole::Error),
                Cell::text("It was not undone."),
                empty(),
            ],
        }
    }

    fn progress(&self, width: u16) -> Cell {
        // Which of them leave the store permanently is known at the end of the run.
        let word = if self.plan.disposal() == Disposal::Trash {
            "taken away"
        } else {
            "freed"
        };
        self.meter(self.plan.delete().len(), word, width)
    }

    /// Draws the number of processed items out of `of`.
    fn meter(&self, of: usize, word: &str, width: u16) -> Cell {
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

    fn pace(&self, world: &World, of: usize) -> Cell {
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
            match left {
                ..1000 => " · almost done".to_owned(),
                _ => format!(" · about {} left", Age(SignedDuration::from_millis(left))),
            },
            TextRole::Strong,
        )
    }

    fn doing(&self) -> Cell {
        if matches!(self.state, RunScreenState::Stopping(_)) {
            return Cell::new(
                "Stopping: what is in flight comes to its end.",
                TextRole::Warning,
            );
        }
        Cell::new(
            match self.news.phase {
                Phase::Marking => "Reading what is needed…".to_owned(),
                Phase::Waiting => "Waiting: a build writes to the cache just now.".to_owned(),
                Phase::Deleting => "Deleting; each item is checked again just before.".to_owned(),
                Phase::Watching(left) => format!(
                    "Watching {left} s for builds that were exporting; what they need is restored."
                ),
                Phase::Restoring => "Restoring what the run deleted…".to_owned(),
                Phase::Checking => {
                    "Reading the refs again, and whether each that stays is whole…".to_owned()
                }
            },
            TextRole::Title,
        )
    }

    fn is_watching(&self) -> bool {
        matches!(self.state, RunScreenState::Running(_))
            && matches!(self.news.phase, Phase::Watching(_))
    }

    /// Asks whether to stop watching for builds; all planned deletions are done.
    fn ask_to_stop_watching(cx: &mut UiContext<'_>) {
        cx.show(Confirm::new(
            STOP_WATCHING.to_owned(),
            LayerRequest::StopWatching,
        ));
    }

    /// Returns the outcome of the items. The trash takes space until it is emptied: none of it is
    /// free.
    fn outcome(&self, ran: &Ran, ended: Timestamp, width: u16) -> Cell {
        let report = &ran.report;
        let count = |is: fn(&Outcome) -> bool| report.count(is) as u64;
        let moved = self.moved;
        let deleted = count(|outcome| *outcome == Outcome::Done)
            .saturating_sub(moved.count)
            .saturating_sub(self.rewritten);
        let freed = report.freed_bytes;
        let counts = [
            (self.rewritten, "written again", TextRole::Good),
            (moved.count, "moved to the trash", TextRole::Good),
            (deleted, "deleted", TextRole::Good),
            (
                count(|outcome| *outcome == Outcome::AlreadyGone),
                "already gone",
                TextRole::Text,
            ),
            (
                count(|outcome| matches!(outcome, Outcome::Skipped(_))),
                "skipped",
                TextRole::Warning,
            ),
            (
                count(|outcome| matches!(outcome, Outcome::Failed(_))),
                "failed",
                TextRole::Error,
            ),
            (
                count(|outcome| *outcome == Outcome::Cancelled),
                "not begun",
                TextRole::Warning,
            ),
        ];
        let others = moved.count + self.rewritten;
        let is_told = |number: u64, word: &str| number > 0 || word == "deleted" && others == 0;
        let there = counts
            .into_iter()
            .filter(|(number, word, _)| is_told(*number, word));
        let cell = there.fold(Cell::default(), |cell, (number, word, role)| {
            let joint = if cell.0.is_empty() { "" } else { " · " };
            cell.and(joint, TextRole::Dim)
                .and(format!("{} {word}", grouped(number)), role)
        });
        let sum = |cell: Cell, bytes, words: String| {
            cell.and(" · ", TextRole::Dim)
                .and(Size(bytes).to_string(), TextRole::Orphan)
                .and(words, TextRole::Dim)
        };
        let cell = if freed > 0 || others == 0 {
            sum(cell, freed, " freed".to_owned())
        } else {
            cell
        };
        let until = ended.checked_add(self.plan.grace()).map(moment);
        let later = match until {
            Ok(until) if width >= WIDE => format!(" kept until {until}"),
            _ => " in the trash".to_owned(),
        };
        if moved.count > 0 {
            sum(cell, moved.bytes, later)
        } else {
            cell
        }
    }
}

fn aftermath(ran: &Ran, is_withheld: bool) -> Cell {
    let report = &ran.report;
    let back = match report.put_back {
        0 => Cell::default(),
        1 => Cell::new(
            "1 blob came back, because a ref names it · ",
            TextRole::Warning,
        ),
        count => Cell::new(
            format!(
                "{} blobs came back, because refs name them · ",
                grouped(count as u64)
            ),
            TextRole::Warning,
        ),
    };
    let back = match report.deleted_broken.as_slice() {
        [] => back,
        [one] => back.and(
            format!("the ref {one} came meanwhile, named what had gone, and was removed · "),
            TextRole::Warning,
        ),
        deleted_broken => {
            let words = format!(
                "{} refs came meanwhile, named what had gone, and were removed · ",
                deleted_broken.len()
            );
            back.and(words, TextRole::Warning)
        }
    };
    match report.broken.as_slice() {
        [] if is_withheld => back.and(
            "nothing to check: what the kept refs name is not known here",
            TextRole::Dim,
        ),
        [] => back.and("✓ ", TextRole::Good).and(
            "checked afterwards: every kept ref is whole",
            TextRole::Text,
        ),
        [one] => back.and(
            format!("! the ref {one} lacks something now"),
            TextRole::Error,
        ),
        [first, others @ ..] => back.and(
            format!(
                "! {first} and {} more refs lack something now",
                others.len()
            ),
            TextRole::Error,
        ),
    }
}

/// Returns how an earlier run ended.
fn past(opened: &OpenedRun) -> Cell {
    state(&opened.state).and(" · ", TextRole::Dim).and(
        format!(
            "{} of {} items deleted",
            grouped(opened.deleted() as u64),
            grouped(opened.outcomes.len() as u64)
        ),
        TextRole::Text,
    )
}

fn past_hint(opened: &OpenedRun) -> Cow<'static, str> {
    match opened.state {
        RunState::AtWork => "Another process is carrying it out.".into(),
        RunState::Undone => "It was undone, as far as the trash still had what it deleted.".into(),
        RunState::Stopped { .. } => "It did not come to its end; enter resumes it.".into(),
        RunState::Done | RunState::Unreadable(_) => "".into(),
    }
}

fn journal_line(journal: Option<&PathBuf>) -> Cell {
    journal.map_or(Cell::default(), |path| {
        Cell::new("journal  ", TextRole::Dim).and(
            visible(&path.to_string_lossy()).into_owned(),
            TextRole::Text,
        )
    })
}

fn sentence(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" · ")
}

impl Screen for RunScreen {
    fn contexts(&self) -> &'static [keymap::KeyContext] {
        use keymap::KeyContext::{Global, List, Run, StoppedRun};
        if self.is_resumable() {
            &[StoppedRun, Run, List, Global]
        } else {
            &[Run, List, Global]
        }
    }

    fn header(&self, world: &World) -> ScreenHeader {
        let label = world.source(self.source).info.label.clone();
        let items = self.plan.delete().len();
        let items = if items == 1 {
            "1 item".to_owned()
        } else {
            format!("{} items", grouped(items as u64))
        };
        ScreenHeader {
            path: vec![label, "prune".to_owned()],
            facts: vec![items],
        }
    }

    fn summary(&self, world: &World) -> Cell {
        let words = match &self.state {
            RunScreenState::Running(_) if self.is_watching() => {
                "esc asks to stop watching · q leaves, and it goes on"
            }
            RunScreenState::Running(_) => "esc stops after what is in flight",
            RunScreenState::Stopping(_) => "stopping…",
            RunScreenState::Ended(_) | RunScreenState::Failed(_) | RunScreenState::Past(_)
                if self.journal().is_some() =>
            {
                match self.way_back {
                    WayBack::Trash => "u puts back what is in the trash · q leaves",
                    WayBack::Part(_) => "u puts back what can be · q leaves",
                    WayBack::None => "q leaves",
                }
            }
            _ => "q leaves",
        };
        self.screen
            .summary(world, "items", Cell::new(words, TextRole::Dim))
    }

    fn act(&mut self, action: Action, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Action::Escape if self.is_watching() => Self::ask_to_stop_watching(cx),
            Action::Escape | Action::Quit if self.is_busy() => self.stop(cx),
            Action::Undo => self.ask_to_undo(cx),
            Action::Resume => self.ask_to_resume(cx),
            Action::CopyCommand => self.copy_command(cx),
            Action::Export => ListScreen::ask_for_file(self.file_name(), cx),
            _ => return self.screen.act(action, cx),
        }
        Handled::Yes
    }

    fn answer(&mut self, request: LayerRequest, cx: &mut UiContext<'_>) {
        match request {
            LayerRequest::Undo => self.undo(cx),
            LayerRequest::Resume => self.resume(cx),
            LayerRequest::StopWatching => self.stop(cx),
            request => self.screen.answer(request, cx),
        }
    }

    fn pointer(&mut self, pointer: Pointer, cx: &mut UiContext<'_>) {
        self.screen.pointer(pointer, cx);
    }

    fn report(&mut self, job: JobId, report: &JobReport, cx: &mut UiContext<'_>) {
        match (report, &self.state) {
            (
                JobReport::Running(news),
                RunScreenState::Running(waited)
                | RunScreenState::Stopping(waited)
                | RunScreenState::Undoing(waited, _),
            ) if *waited == job => {
                self.apply_news(job, news, cx);
            }
            (
                JobReport::Ran(result),
                RunScreenState::Running(waited) | RunScreenState::Stopping(waited),
            ) if *waited == job => {
                cx.world.end_watch(job);
                self.end(result, cx);
            }
            (JobReport::Undone(result), RunScreenState::Undoing(waited, _)) if *waited == job => {
                self.undone(result, cx);
            }
            _ => self.screen.report(job, report, cx),
        }
    }

    fn background(&self, world: &World) -> Option<ScreenWork> {
        let label = &world.source(self.source).info.label;
        Some(ScreenWork {
            key: WorkKey::Run(self.job?),
            title: match self.state {
                RunScreenState::Undoing(..) => format!("undo in {label}"),
                _ => format!("run in {label}"),
            },
            progress: match self.state {
                RunScreenState::Undoing(_, of) => self.meter(of, "restored", 0),
                _ => self.progress(0),
            },
            is_running: self.is_busy() || self.is_watching(),
            is_kept: false,
        })
    }

    fn stop_background(&mut self, cx: &mut UiContext<'_>) {
        self.stop(cx);
    }

    /// A run that watches for builds continues without its screen.
    fn is_busy(&self) -> bool {
        matches!(
            self.state,
            RunScreenState::Running(_) | RunScreenState::Stopping(_) | RunScreenState::Undoing(..)
        ) && !self.is_watching()
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let head = self.screen.areas(area).head;
        let width = head.width.saturating_sub(2);
        for (line, row) in self
            .lines(world, width)
            .iter()
            .zip(0..head.height.saturating_sub(1))
        {
            let at = text::LineArea {
                x: head.x + 1,
                width,
                ..text::LineArea::of(head, row)
            };
            text::put(frame.buffer_mut(), at, line, &world.theme, Style::default());
        }
        view::draw_rule(
            world,
            frame.buffer_mut(),
            Rect {
                y: head.bottom().saturating_sub(1),
                height: 1,
                ..head
            },
        );
        self.screen.draw(
            world,
            frame,
            area,
            &[Cell::new("Nothing is done yet.", TextRole::Dim)],
        );
    }

    fn list(&self) -> Option<&RowList> {
        Some(&self.screen.list)
    }

    fn source(&self) -> Option<SourceId> {
        Some(self.source)
    }

    fn file_name(&self) -> &'static str {
        "prune"
    }
}
