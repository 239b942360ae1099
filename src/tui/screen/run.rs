//! A plan that is carried out: how far it is, what became of each item, and the way back.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::list_screen::ListScreen;
use super::{Header, Pointer, Request, Screen};
use crate::backend::{Disposal, Outcome, WayBack};
use crate::format::text::visible;
use crate::inventory::Tally;
use crate::prune::plan::Plan;
use crate::tui::effect::{Cure, JobId, PruneWork, Work};
use crate::tui::keymap::{self, Action};
use crate::tui::layer::confirm::Confirm;
use crate::tui::list::{List, Sort};
use crate::tui::message::{Phase, Ran, Report, RunFault, RunNews};
use crate::tui::pruning::goes_into_trash;
use crate::tui::rows::Cell;
use crate::tui::rows::run::{Deed, RunRows};
use crate::tui::rows::sources::grouped;
use crate::tui::theme::Role;
use crate::tui::view;
use crate::tui::widget::table::RowHeight;
use crate::tui::widget::{meter, text};
use crate::tui::world::{Context, Handled, SourceId, StatusKind, World};
use crate::units::{Age, Size};

/// The lines above the list, with the rule below them.
const HEAD: u16 = 4;
/// From this width on there is room for whole sentences.
const WIDE: u16 = 70;
/// How many of the latest items are listed that went as they should; all of the others are.
const LATEST: usize = 200;

/// A run of a plan.
#[derive(Debug)]
pub struct RunScreen {
    source: SourceId,
    plan: Arc<Plan>,
    way_back: WayBack,
    state: State,
    began: Timestamp,
    news: RunNews,
    /// What did not go as it should, and the latest that did.
    wrong: Vec<(usize, Outcome)>,
    latest: Vec<(usize, Outcome)>,
    /// What went into the trash, when the run has ended.
    moved: Tally,
    screen: ListScreen,
}

/// How far the run is.
#[derive(Debug)]
enum State {
    /// It goes on.
    Running(JobId),
    /// It was told to stop, and brings to its end what is in flight.
    Stopping(JobId),
    /// It has ended.
    Ended(Ran),
    /// It ended early.
    Failed(RunFault),
    /// It is being taken back.
    Undoing(JobId),
    /// It was taken back: so many items of so many.
    Undone(usize, usize),
    /// It was not taken back.
    NotUndone(String),
}

impl RunScreen {
    /// Carries `plan` out.
    pub fn new(source: SourceId, plan: Arc<Plan>, cure: Cure, way_back: WayBack, cx: &mut Context<'_>) -> Self {
        let rows = Arc::new(RunRows::new(Arc::clone(&plan), Deed::Deleted, Vec::new()));
        let list = List::new(rows, Sort::default(), cx);
        let screen = ListScreen::new(list, RowHeight::Single, HEAD);
        let state = State::Running(cx.start(Work::Prune(PruneWork::CarryOut(source, Arc::clone(&plan), cure))));
        let (began, news) = (cx.world.now, RunNews::default());
        let (wrong, latest, moved) = (Vec::new(), Vec::new(), Tally::default());
        Self { source, plan, way_back, state, began, news, wrong, latest, moved, screen }
    }

    fn show(&mut self, deed: Deed, outcomes: Vec<(usize, Outcome)>, cx: &mut Context<'_>) {
        let rows = RunRows::new(Arc::clone(&self.plan), deed, outcomes);
        self.screen.list.set_rows(Arc::new(rows), cx);
    }

    fn heed(&mut self, news: &RunNews, cx: &mut Context<'_>) {
        for (item, outcome) in &news.outcomes {
            let list = if *outcome == Outcome::Done { &mut self.latest } else { &mut self.wrong };
            list.push((*item, outcome.clone()));
        }
        self.latest.drain(..self.latest.len().saturating_sub(LATEST));
        self.news = RunNews { outcomes: Vec::new(), ..news.clone() };
        let outcomes = self.wrong.iter().chain(self.latest.iter().rev()).cloned().collect();
        self.show(Deed::Deleted, outcomes, cx);
    }

    /// Takes the end of the run over, and looks at the source anew.
    fn end(&mut self, result: &Result<Ran, RunFault>, cx: &mut Context<'_>) {
        self.state = match result {
            Ok(ran) => {
                let done = ran.report.outcomes.iter().zip(self.plan.delete().iter());
                let done = done.filter(|(outcome, _)| **outcome == Outcome::Done).map(|(_, item)| item);
                let moved = done.filter(|item| goes_into_trash(&self.plan, item.target.kind()));
                self.moved = moved.map(|item| item.target.bytes()).collect();
                let outcomes = ran.report.outcomes.iter().cloned().enumerate().collect();
                self.show(Deed::Deleted, outcomes, cx);
                State::Ended(ran.clone())
            }
            Err(fault) => State::Failed(fault.clone()),
        };
        cx.scan(self.source);
    }

    fn undone(&mut self, result: &Result<Vec<(usize, Outcome)>, String>, cx: &mut Context<'_>) {
        self.state = match result {
            Ok(outcomes) => {
                let is_back = |outcome: &Outcome| matches!(outcome, Outcome::Done | Outcome::AlreadyGone);
                let back = outcomes.iter().filter(|(_, outcome)| is_back(outcome)).count();
                let of = outcomes.len();
                self.show(Deed::PutBack, outcomes.clone(), cx);
                State::Undone(back, of)
            }
            Err(why) => State::NotUndone(why.clone()),
        };
        cx.scan(self.source);
    }

    fn stop(&mut self, cx: &mut Context<'_>) {
        if let State::Running(job) = self.state {
            cx.stop(job);
            self.state = State::Stopping(job);
        }
    }

    /// Returns the journal of a run that has ended and can be taken back.
    fn journal(&self) -> Option<&PathBuf> {
        match &self.state {
            State::Ended(ran) => Some(&ran.journal),
            State::Failed(fault) => fault.journal.as_ref(),
            _ => None,
        }
    }

    fn ask_to_undo(&self, cx: &mut Context<'_>) {
        let deleted = match &self.state {
            State::Ended(ran) => ran.report.count(|outcome| *outcome == Outcome::Done),
            State::Failed(_) => self.news.deleted,
            _ => 0,
        };
        match self.journal() {
            None if self.is_busy() => cx.world.tell(StatusKind::Failed, "it goes on; esc stops it"),
            None => cx.world.tell(StatusKind::Failed, "there is nothing to put back"),
            Some(_) if self.way_back == WayBack::None => {
                cx.world.tell(StatusKind::Failed, "nothing is kept of what was deleted there");
            }
            Some(_) if deleted == 0 => cx.world.tell(StatusKind::Failed, "nothing was deleted"),
            Some(_) => {
                let label = &cx.world.source(self.source).info.label;
                let items = if deleted == 1 { "item" } else { "items" };
                let as_far = match self.way_back {
                    WayBack::Part(words) => format!("? {words}"),
                    WayBack::Trash | WayBack::None => ", as far as the trash still has them?".to_owned(),
                };
                let deleted = grouped(deleted as u64);
                let question = format!("Put back into {label} the {deleted} {items} that this run deleted{as_far}");
                cx.show(Confirm::new(question, Request::Undo));
            }
        }
    }

    fn undo(&mut self, cx: &mut Context<'_>) {
        if let Some(journal) = self.journal().cloned() {
            self.state = State::Undoing(cx.start(Work::Prune(PruneWork::Undo(self.source, journal))));
        }
    }

    fn lines(&self, world: &World, width: u16) -> [Cell; 3] {
        let empty = Cell::default;
        match &self.state {
            State::Running(_) | State::Stopping(_) => [self.progress(width), self.pace(world), self.doing()],
            State::Ended(ran) => {
                [self.outcome(ran, width), aftermath(ran, self.plan.is_sealed()), journal_line(Some(&ran.journal))]
            }
            State::Failed(fault) => [
                Cell::new("! ", Role::Error).and(sentence(&fault.why), Role::Error),
                Cell::text(match self.news.deleted {
                    0 => "Nothing was deleted.".to_owned(),
                    1 => "1 item was deleted before that.".to_owned(),
                    count => format!("{} items were deleted before that.", grouped(count as u64)),
                }),
                journal_line(fault.journal.as_ref()),
            ],
            State::Undoing(_) => [Cell::new("Putting back what went…", Role::Title), empty(), empty()],
            State::Undone(back, of) => {
                let role = if back == of { Role::Good } else { Role::Warning };
                let words = format!("{} of {} items are back", grouped(*back as u64), grouped(*of as u64));
                [Cell::new(words, role), empty(), empty()]
            }
            State::NotUndone(why) => [
                Cell::new("! ", Role::Error).and(sentence(why), Role::Error),
                Cell::text("It was not undone."),
                empty(),
            ],
        }
    }

    fn progress(&self, width: u16) -> Cell {
        let (done, of) = (self.news.concluded as u64, self.plan.delete().len() as u64);
        // Which of them leave the store for good is told when the run has ended.
        let word = if self.plan.disposal() == Disposal::Trash { "taken away" } else { "freed" };
        let words = format!("  {} of {} · {} {word}", grouped(done), grouped(of), Size(self.news.freed_bytes));
        let room = width.saturating_sub(text::width(&words)).min(80);
        let bar = if done == 0 { String::new() } else { meter::bar(done, of, room) };
        let rest = usize::from(room.saturating_sub(text::width(&bar)));
        Cell::new(bar, Role::Live).and("░".repeat(rest), Role::Rule).and(words, Role::Strong)
    }

    fn pace(&self, world: &World) -> Cell {
        let elapsed = world.now.duration_since(self.began).as_millis().unsigned_abs();
        let (done, of) = (self.news.concluded as u128, self.plan.delete().len() as u128);
        if done == 0 || elapsed == 0 {
            return Cell::new("rate and time left are not known yet", Role::Dim);
        }
        let per_second = |number: u128| u64::try_from(number * 1000 / elapsed).unwrap_or(u64::MAX);
        let left = i64::try_from(of.saturating_sub(done) * elapsed / done).unwrap_or(i64::MAX);
        let bytes = Size(per_second(self.news.freed_bytes.into()));
        Cell::text(format!("{} items/s · {bytes}/s", grouped(per_second(done))))
            .and(format!(" · about {} left", Age(SignedDuration::from_millis(left))), Role::Strong)
    }

    fn doing(&self) -> Cell {
        if matches!(self.state, State::Stopping(_)) {
            return Cell::new("Stopping: what is in flight comes to its end.", Role::Warning);
        }
        Cell::new(
            match self.news.phase {
                Phase::Marking => "Reading what is needed…",
                Phase::Deleting => "Deleting; each item is checked again just before.",
                Phase::Checking => "Reading the refs again, and whether each that stays is whole…",
            },
            Role::Title,
        )
    }

    /// Says what became of the items. What went into the trash takes its room until that is emptied: none of it is free.
    fn outcome(&self, ran: &Ran, width: u16) -> Cell {
        let report = &ran.report;
        let count = |is: fn(&Outcome) -> bool| report.count(is) as u64;
        let moved = self.moved;
        let deleted = count(|outcome| *outcome == Outcome::Done).saturating_sub(moved.count);
        let freed = report.freed_bytes.saturating_sub(moved.bytes);
        let counts = [
            (moved.count, "moved to the trash", Role::Good),
            (deleted, "deleted", Role::Good),
            (count(|outcome| *outcome == Outcome::AlreadyGone), "already gone", Role::Text),
            (count(|outcome| matches!(outcome, Outcome::Skipped(_))), "skipped", Role::Warning),
            (count(|outcome| matches!(outcome, Outcome::Failed(_))), "failed", Role::Error),
            (count(|outcome| *outcome == Outcome::Cancelled), "not begun", Role::Warning),
        ];
        let is_told = |number: u64, word: &str| number > 0 || word == "deleted" && moved.count == 0;
        let there = counts.into_iter().filter(|(number, word, _)| is_told(*number, word));
        let cell = there.fold(Cell::default(), |cell, (number, word, role)| {
            let joint = if cell.0.is_empty() { "" } else { " · " };
            cell.and(joint, Role::Dim).and(format!("{} {word}", grouped(number)), role)
        });
        let sum = |cell: Cell, bytes, words| {
            cell.and(" · ", Role::Dim).and(Size(bytes).to_string(), Role::Orphan).and(words, Role::Dim)
        };
        let cell = if freed > 0 || moved.count == 0 { sum(cell, freed, " freed") } else { cell };
        let later = if width < WIDE { " free when it is emptied" } else { " come free when it is emptied" };
        if moved.count > 0 { sum(cell, moved.bytes, later) } else { cell }
    }
}

fn aftermath(ran: &Ran, is_sealed: bool) -> Cell {
    let report = &ran.report;
    let back = match report.put_back {
        0 => Cell::default(),
        1 => Cell::new("1 blob came back, because a ref names it · ", Role::Warning),
        count => {
            Cell::new(format!("{} blobs came back, because refs name them · ", grouped(count as u64)), Role::Warning)
        }
    };
    let back = match report.cured.as_slice() {
        [] => back,
        [one] => {
            back.and(format!("the ref {one} came meanwhile, named what had gone, and was removed · "), Role::Warning)
        }
        cured => {
            let words = format!("{} refs came meanwhile, named what had gone, and were removed · ", cured.len());
            back.and(words, Role::Warning)
        }
    };
    match report.broken.as_slice() {
        [] if is_sealed => back.and("nothing to check: what the kept refs name is not known here", Role::Dim),
        [] => back.and("✓ ", Role::Good).and("checked afterwards: every kept ref is whole", Role::Text),
        [one] => back.and(format!("! the ref {one} lacks something now"), Role::Error),
        [first, others @ ..] => {
            back.and(format!("! {first} and {} more refs lack something now", others.len()), Role::Error)
        }
    }
}

fn journal_line(journal: Option<&PathBuf>) -> Cell {
    journal.map_or(Cell::default(), |path| {
        Cell::new("journal  ", Role::Dim).and(visible(&path.to_string_lossy()).into_owned(), Role::Text)
    })
}

fn sentence(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" · ")
}

impl Screen for RunScreen {
    fn contexts(&self) -> &'static [keymap::Context] {
        &[keymap::Context::Run, keymap::Context::List, keymap::Context::Global]
    }

    fn header(&self, world: &World) -> Header {
        let label = world.source(self.source).info.label.clone();
        let items = self.plan.delete().len();
        let items = if items == 1 { "1 item".to_owned() } else { format!("{} items", grouped(items as u64)) };
        Header { path: vec![label, "prune".to_owned()], facts: vec![items] }
    }

    fn summary(&self, world: &World) -> Cell {
        let words = match &self.state {
            State::Running(_) => "esc stops after what is in flight",
            State::Stopping(_) => "stopping…",
            State::Ended(_) | State::Failed(_) if self.journal().is_some() => match self.way_back {
                WayBack::Trash => "u puts back what is in the trash · q leaves",
                WayBack::Part(_) => "u puts back what can be · q leaves",
                WayBack::None => "q leaves",
            },
            _ => "q leaves",
        };
        self.screen.summary(world, "items", Cell::new(words, Role::Dim))
    }

    fn act(&mut self, action: Action, cx: &mut Context<'_>) -> Handled {
        match action {
            Action::Escape | Action::Quit if self.is_busy() => self.stop(cx),
            Action::Back if self.is_busy() => cx.world.tell(StatusKind::Failed, "it goes on; esc stops it"),
            Action::Undo => self.ask_to_undo(cx),
            Action::Export => ListScreen::ask_for_file(self.file_name(), cx),
            _ => return self.screen.act(action, cx),
        }
        Handled::Yes
    }

    fn answer(&mut self, request: Request, cx: &mut Context<'_>) {
        match request {
            Request::Undo => self.undo(cx),
            request => self.screen.answer(request, cx),
        }
    }

    fn pointer(&mut self, pointer: Pointer, cx: &mut Context<'_>) {
        self.screen.pointer(pointer, cx);
    }

    fn report(&mut self, job: JobId, report: &Report, cx: &mut Context<'_>) {
        match (report, &self.state) {
            (Report::Running(news), State::Running(waited) | State::Stopping(waited)) if *waited == job => {
                self.heed(news, cx);
            }
            (Report::Ran(result), State::Running(waited) | State::Stopping(waited)) if *waited == job => {
                self.end(result, cx);
            }
            (Report::Undone(result), State::Undoing(waited)) if *waited == job => self.undone(result, cx),
            _ => self.screen.report(job, report, cx),
        }
    }

    fn is_busy(&self) -> bool {
        matches!(self.state, State::Running(_) | State::Stopping(_) | State::Undoing(_))
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let head = self.screen.areas(area).head;
        let width = head.width.saturating_sub(2);
        for (line, row) in self.lines(world, width).iter().zip(0..head.height.saturating_sub(1)) {
            let at = text::Line { x: head.x + 1, width, ..text::Line::of(head, row) };
            text::put(frame.buffer_mut(), at, line, &world.theme, Style::default());
        }
        view::draw_rule(world, frame.buffer_mut(), Rect { y: head.bottom().saturating_sub(1), height: 1, ..head });
        self.screen.draw(world, frame, area, &[Cell::new("Nothing is done yet.", Role::Dim)]);
    }

    fn list(&self) -> Option<&List> {
        Some(&self.screen.list)
    }

    fn file_name(&self) -> &'static str {
        "prune"
    }
}
