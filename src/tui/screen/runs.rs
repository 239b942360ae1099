//! Earlier runs: their deletions, their trash, and how to undo or resume them.

use std::path::PathBuf;
use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::list_screen::{ListScreen, PreviewOf};
use super::plan::PlanScreen;
use super::run::RunScreen;
use super::{Screen, ScreenHeader};
use crate::prune::runs::{PastRun, RunState};
use crate::text::plural::counted_in_groups;
use crate::text::units::Size;
use crate::tui::effect::{JobId, JobWork};
use crate::tui::keymap::{self, Action};
use crate::tui::list::{RowList, Sort};
use crate::tui::message::{JobReport, OpenedRun};
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::pruning::DeletionScope;
use crate::tui::rows::Cell;
use crate::tui::rows::runs::{PastRuns, WHEN};
use crate::tui::theme::TextRole;
use crate::tui::widget::table::RowHeight;
use crate::tui::world::{Scan, SourceId, StatusKind, World};

mod panes;

use panes::RunPreview;

/// The contexts whose keys are active here.
pub const CONTEXTS: &[keymap::KeyContext] = &[
    keymap::KeyContext::Runs,
    keymap::KeyContext::List,
    keymap::KeyContext::Global,
];

/// From this width on, all distinctive columns of a run are visible.
const LIST_WIDTH: u16 = 84;
/// The largest journal that is read to show its run next to the list.
const MOST_PREVIEWED: u64 = 4 << 20;

/// The list of earlier runs.
#[derive(Debug)]
pub struct RunsScreen {
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

impl RunsScreen {
    /// Lists the runs.
    pub fn new(cx: &mut UiContext<'_>) -> Self {
        let rows = Arc::new(PastRuns::new(Arc::default(), cx.world.grace));
        let sort = Sort::by(WHEN, crate::tui::rows::RowSet::columns(&*rows));
        let list = RowList::new(rows.clone(), sort, cx);
        let mut runs = Self {
            screen: ListScreen::new(list, RowHeight::Single, 0, "runs")
                .wanting(LIST_WIDTH)
                .with_filler(),
            rows,
            listing: None,
            fault: None,
            pending: None,
        };
        runs.read(cx);
        runs
    }

    fn read(&mut self, cx: &mut UiContext<'_>) {
        if let Some(job) = self.listing.take() {
            cx.stop(job);
        }
        self.listing = Some(cx.start(JobWork::ListRuns));
    }

    fn current(&self) -> Option<&PastRun> {
        self.rows.run(self.screen.list.current()?)
    }

    /// Reads the journal of the run under the cursor, and continues with the action.
    fn begin(&mut self, then: Then, cx: &mut UiContext<'_>) {
        let Some(run) = self.current() else {
            return cx
                .world
                .note(StatusKind::Failed, "there is no run to choose".to_owned());
        };
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
        let reading = Some(cx.start(JobWork::OpenRun(journal.clone())));
        self.pending = Some(Pending {
            journal,
            then,
            reading,
            opening: None,
        });
    }

    fn opened(&mut self, opened: &Arc<OpenedRun>, cx: &mut UiContext<'_>) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        let Some((source, _)) = opened.source else {
            let opening = cx.start(JobWork::Open(opened.plan.place().source()));
            self.pending = Some(Pending {
                reading: None,
                opening: Some(opening),
                ..pending
            });
            return;
        };
        if pending.then == Then::EmptyTrash {
            let plan = PlanScreen::new(source, DeletionScope::Trash, cx);
            return cx.push(plan);
        }
        let run = RunScreen::past(opened, cx);
        cx.push(run);
        if pending.then == Then::Undo {
            cx.perform(Action::Undo);
        }
    }

    fn is_empty(&self) -> bool {
        crate::tui::rows::RowSet::count(&*self.rows) == 0
    }

    fn summary_words(&self) -> Cell {
        let bytes = self.rows.in_trash();
        let cell = match (&self.pending, self.listing) {
            (Some(_), _) => return Cell::new("opening the run…", TextRole::Title),
            (None, Some(_)) => return Cell::new("reading the journals…", TextRole::Title),
            (None, None) if bytes == 0 => {
                return Cell::new("nothing is in the trash", TextRole::Dim);
            }
            (None, None) => Cell::new(Size(bytes).to_string(), TextRole::Orphan),
        };
        cell.and(" in the trash", TextRole::Dim)
    }

    fn journals(&self) -> Cell {
        match self.rows.journals() {
            0 => Cell::default(),
            bytes => Cell::new(format!(" · journals {}", Size(bytes)), TextRole::Dim),
        }
    }
}

impl Screen for RunsScreen {
    fn contexts(&self) -> &'static [keymap::KeyContext] {
        CONTEXTS
    }

    fn header(&self, _world: &World) -> ScreenHeader {
        let count = crate::tui::rows::RowSet::count(&*self.rows);
        ScreenHeader {
            path: vec!["cachelens".to_owned(), "runs".to_owned()],
            facts: vec![counted_in_groups(count.into(), "run", "runs")],
        }
    }

    fn summary(&self, world: &World) -> Cell {
        let words = self.summary_words().and_all(self.journals());
        self.screen.summary(world, "runs", words)
    }

    fn act(&mut self, action: Action, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Action::Open => self.begin(Then::Show, cx),
            Action::Undo => self.begin(Then::Undo, cx),
            Action::EmptyTrash => self.begin(Then::EmptyTrash, cx),
            Action::Rescan => self.read(cx),
            Action::Escape if self.pending.is_some() => {
                let pending = self.pending.take();
                let jobs = pending.map(|pending| [pending.reading, pending.opening]);
                jobs.into_iter()
                    .flatten()
                    .flatten()
                    .for_each(|job| cx.stop(job));
            }
            _ => return self.act_on_list(action, cx),
        }
        Handled::Yes
    }

    fn list_screen(&self) -> Option<&ListScreen> {
        Some(&self.screen)
    }

    fn list_screen_mut(&mut self) -> Option<&mut ListScreen> {
        Some(&mut self.screen)
    }

    fn report(&mut self, job: JobId, report: &JobReport, cx: &mut UiContext<'_>) {
        let is_awaited = |job: JobId, awaited: Option<JobId>| awaited == Some(job);
        match report {
            JobReport::Runs(result, is_all) if is_awaited(job, self.listing) => {
                if *is_all {
                    self.listing = None;
                }
                match result {
                    Ok(runs) => {
                        self.rows = Arc::new(PastRuns::new(Arc::clone(runs), cx.world.grace));
                        self.screen.list.set_rows(self.rows.clone(), cx);
                        self.screen.forget_preview(cx);
                    }
                    Err(why) => self.fault = Some(why.clone()),
                }
            }
            JobReport::RunOpened(result)
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
            JobReport::Opened(Err(why))
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

    fn follow(&mut self, cx: &mut UiContext<'_>) {
        let rows = Arc::clone(&self.rows);
        self.screen.follow(cx, |row, cx| {
            let run = rows.run(row)?;
            let is_small = run.journal_bytes <= MOST_PREVIEWED;
            let is_readable = !matches!(run.state, RunState::Unreadable(_));
            (is_small && is_readable).then(|| PreviewOf::Opened(Box::new(RunPreview::new(run, cx))))
        });
    }

    fn leave(&mut self, cx: &mut UiContext<'_>) {
        self.screen.forget_preview(cx);
        if let Some(job) = self.listing.take() {
            cx.stop(job);
        }
    }

    fn refresh(&mut self, source: SourceId, cx: &mut UiContext<'_>) {
        // The source of the awaited run has been added.
        if let Some(pending) = self.pending.take_if(|pending| pending.opening.is_some()) {
            let reading = Some(cx.start(JobWork::OpenRun(pending.journal.clone())));
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

    fn policy_changed(&mut self, cx: &mut UiContext<'_>) {
        self.read(cx);
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let empty = match (&self.fault, self.listing) {
            (Some(why), _) => vec![
                Cell::new("! The journals cannot be read.", TextRole::Error),
                Cell::text(why.clone()),
            ],
            (None, None) if self.is_empty() => return panes::draw_empty(world, frame, area),
            (None, _) => Vec::new(),
        };
        self.screen.draw(world, frame, area, &empty);
        self.draw_boxes(world, frame, area);
    }
}
