//! Earlier runs: their deletions, their trash, and how to undo or resume them.

use std::path::PathBuf;
use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::list_screen::ListScreen;
use super::plan::PlanScreen;
use super::run::RunScreen;
use super::{Header, Pointer, Request, Screen};
use crate::prune::runs::{PastRun, RunState, source_at};
use crate::text::units::Size;
use crate::tui::effect::{JobId, Work};
use crate::tui::keymap::{self, Action};
use crate::tui::list::{List, Sort};
use crate::tui::message::{OpenedRun, Report};
use crate::tui::pruning::Scope;
use crate::tui::rows::Cell;
use crate::tui::rows::runs::{PastRuns, WHEN};
use crate::tui::theme::Role;
use crate::tui::widget::table::RowHeight;
use crate::tui::world::{Context, Handled, Scan, SourceId, StatusKind, World};

/// The contexts whose keys are active here.
pub const CONTEXTS: &[keymap::Context] = &[
    keymap::Context::Runs,
    keymap::Context::List,
    keymap::Context::Global,
];

/// The list of earlier runs.
#[derive(Debug)]
pub struct Runs {
    screen: ListScreen,
    rows: Arc<PastRuns>,
    listing: Option<JobId>,
    fault: Option<String>,
    pending: Option<Pending>,
}

/// A run to show as soon as its journal is read and its source is open.
#[derive(Debug)]
struct Pending {
    journal: PathBuf,
    then: Then,
    reading: Option<JobId>,
    /// The job that opens the source.
    opening: Option<JobId>,
}

/// The next action on a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Show,
    Undo,
    EmptyTrash,
}

impl Runs {
    /// Lists the runs.
    pub fn new(cx: &mut Context<'_>) -> Self {
        let rows = Arc::new(PastRuns::new(Arc::default(), cx.world.grace));
        let sort = Sort::by(WHEN, crate::tui::rows::RowSet::columns(&*rows));
        let list = List::new(rows.clone(), sort, cx);
        let mut runs = Self {
            screen: ListScreen::new(list, RowHeight::Single, 0),
            rows,
            listing: None,
            fault: None,
            pending: None,
        };
        runs.read(cx);
        runs
    }

    fn read(&mut self, cx: &mut Context<'_>) {
        if let Some(job) = self.listing.take() {
            cx.stop(job);
        }
        self.listing = Some(cx.start(Work::ListRuns));
    }

    fn current(&self) -> Option<&PastRun> {
        self.rows.run(self.screen.list.current()?)
    }

    /// Reads the journal of the run under the cursor, and continues with the action.
    fn begin(&mut self, then: Then, cx: &mut Context<'_>) {
        let Some(run) = self.current() else { return };
        if let RunState::Unreadable(_) = run.state {
            let key = cx.world.keymap.key_for(CONTEXTS, Action::Details);
            let words = format!("its journal cannot be read; {key} shows why");
            return cx.world.note(StatusKind::Failed, words);
        }
        let nothing = match then {
            Then::EmptyTrash if run.trash.is_none() => Some("nothing of it is in the trash"),
            _ => None,
        };
        if let Some(words) = nothing {
            return cx.world.note(StatusKind::Failed, words);
        }
        let journal = run.journal.clone();
        let reading = Some(cx.start(Work::OpenRun(journal.clone())));
        self.pending = Some(Pending {
            journal,
            then,
            reading,
            opening: None,
        });
    }

    fn opened(&mut self, opened: &Arc<OpenedRun>, cx: &mut Context<'_>) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        let Some((source, _)) = opened.source else {
            let opening = cx.start(Work::Open(source_at(opened.plan.place())));
            self.pending = Some(Pending {
                reading: None,
                opening: Some(opening),
                ..pending
            });
            return;
        };
        if pending.then == Then::EmptyTrash {
            let plan = PlanScreen::new(source, Scope::Trash, cx);
            return cx.push(plan);
        }
        let run = RunScreen::past(opened, cx);
        cx.push(run);
        if pending.then == Then::Undo {
            cx.perform(Action::Undo);
        }
    }

    fn summary_words(&self) -> Cell {
        let bytes = self.rows.in_trash();
        let cell = match (&self.pending, self.listing) {
            (Some(_), _) => return Cell::new("opening the run…", Role::Title),
            (None, Some(_)) => return Cell::new("reading the journals…", Role::Title),
            (None, None) if bytes == 0 => return Cell::new("nothing is in the trash", Role::Dim),
            (None, None) => Cell::new(Size(bytes).to_string(), Role::Orphan),
        };
        cell.and(" in the trash", Role::Dim)
    }
}

impl Screen for Runs {
    fn contexts(&self) -> &'static [keymap::Context] {
        CONTEXTS
    }

    fn header(&self, _world: &World) -> Header {
        let count = crate::tui::rows::RowSet::count(&*self.rows);
        let runs = if count == 1 { "run" } else { "runs" };
        Header {
            path: vec!["cachelens".to_owned(), "runs".to_owned()],
            facts: vec![format!("{count} {runs}")],
        }
    }

    fn summary(&self, world: &World) -> Cell {
        self.screen.summary(world, "runs", self.summary_words())
    }

    fn act(&mut self, action: Action, cx: &mut Context<'_>) -> Handled {
        match action {
            Action::Open => self.begin(Then::Show, cx),
            Action::Undo => self.begin(Then::Undo, cx),
            Action::EmptyTrash => self.begin(Then::EmptyTrash, cx),
            Action::Rescan => self.read(cx),
            Action::Export => ListScreen::ask_for_file(self.file_name(), cx),
            Action::Escape if self.pending.is_some() => {
                let pending = self.pending.take();
                let jobs = pending.map(|pending| [pending.reading, pending.opening]);
                jobs.into_iter()
                    .flatten()
                    .flatten()
                    .for_each(|job| cx.stop(job));
            }
            _ => return self.screen.act(action, cx),
        }
        Handled::Yes
    }

    fn answer(&mut self, request: Request, cx: &mut Context<'_>) {
        self.screen.answer(request, cx);
    }

    fn pointer(&mut self, pointer: Pointer, cx: &mut Context<'_>) {
        if self.screen.pointer(pointer, cx) == Handled::Yes {
            self.begin(Then::Show, cx);
        }
    }

    fn report(&mut self, job: JobId, report: &Report, cx: &mut Context<'_>) {
        let is_awaited = |job: JobId, awaited: Option<JobId>| awaited == Some(job);
        match report {
            Report::Runs(result, is_all) if is_awaited(job, self.listing) => {
                if *is_all {
                    self.listing = None;
                }
                match result {
                    Ok(runs) => {
                        self.rows = Arc::new(PastRuns::new(Arc::clone(runs), cx.world.grace));
                        self.screen.list.set_rows(self.rows.clone(), cx);
                    }
                    Err(why) => self.fault = Some(why.clone()),
                }
            }
            Report::RunOpened(result)
                if is_awaited(
                    job,
                    self.pending.as_ref().and_then(|pending| pending.reading),
                ) =>
            {
                match result {
                    Ok(opened) => self.opened(opened, cx),
                    Err(why) => {
                        self.pending = None;
                        cx.world.note(StatusKind::Failed, why.clone());
                    }
                }
            }
            Report::Opened(Err(why))
                if is_awaited(
                    job,
                    self.pending.as_ref().and_then(|pending| pending.opening),
                ) =>
            {
                self.pending = None;
                cx.world.note(
                    StatusKind::Failed,
                    format!("the cache cannot be opened: {why}"),
                );
            }
            _ => self.screen.report(job, report, cx),
        }
    }

    fn leave(&mut self, cx: &mut Context<'_>) {
        if let Some(job) = self.listing.take() {
            cx.stop(job);
        }
    }

    fn refresh(&mut self, source: SourceId, cx: &mut Context<'_>) {
        // The source of the awaited run has been added.
        if let Some(pending) = self.pending.take_if(|pending| pending.opening.is_some()) {
            let reading = Some(cx.start(Work::OpenRun(pending.journal.clone())));
            self.pending = Some(Pending {
                reading,
                opening: None,
                ..pending
            });
        }
        // A run scans its source when it ends.
        if cx.world.source(source).scan == Scan::Done {
            self.read(cx);
        }
    }

    fn policy_changed(&mut self, cx: &mut Context<'_>) {
        self.read(cx);
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let empty = match (&self.fault, self.listing) {
            (Some(why), _) => vec![
                Cell::new("! The journals cannot be read.", Role::Error),
                Cell::text(why.clone()),
            ],
            (None, Some(_)) => Vec::new(),
            (None, None) => vec![Cell::new("Nothing was pruned yet.", Role::Dim)],
        };
        self.screen.draw(world, frame, area, &empty);
    }

    fn list(&self) -> Option<&List> {
        Some(&self.screen.list)
    }

    fn file_name(&self) -> &'static str {
        "runs"
    }
}
