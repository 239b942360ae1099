//! The caches that the files of a directory declare, and their problems.
//!
//! Viewing a declaration contacts no host. Opening it is the person's consent to contact its host.

use std::path::PathBuf;
use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::beginning::BeginningScreen;
use super::list_screen::{ListScreen, PreviewOf};
use super::refs::RefsScreen;
use super::why::WhyScreen;
use super::{Screen, ScreenHeader};
use crate::find::{BuildCommand, MistakeSeverity};
use crate::text::plural::counted;
use crate::tui::effect::{JobId, JobWork};
use crate::tui::keymap::{self, Action};
use crate::tui::list::{RowList, Sort};
use crate::tui::message::JobReport;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::Cell;
use crate::tui::rows::find::{FindRows, TROUBLE};
use crate::tui::theme::TextRole;
use crate::tui::widget::table::RowHeight;
use crate::tui::work::WorkKey;
use crate::tui::work::search::{SearchState, SearchWork};
use crate::tui::world::{Admitted, SourceId, StatusKind, World};

/// The contexts whose keys are active here.
pub const CONTEXTS: &[keymap::KeyContext] = &[
    keymap::KeyContext::Find,
    keymap::KeyContext::List,
    keymap::KeyContext::Global,
];

mod caches;

/// From this width on, the list shows the subject of each row.
const LIST_WIDTH: u16 = 100;

/// The declared caches of a directory.
#[derive(Debug)]
pub struct FindScreen {
    screen: ListScreen,
    rows: Arc<FindRows>,
    key: WorkKey,
    work: Arc<SearchWork>,
    /// The job that opens a declared cache.
    opening: Option<JobId>,
    /// What follows once the cache is open.
    next: AfterOpening,
    /// Whether to show the next added source, because a person requested it here.
    is_wanted: bool,
}

/// What follows once a declared cache is open.
#[derive(Debug, Default)]
enum AfterOpening {
    /// Its refs show.
    #[default]
    Show,
    Explain(Option<BuildCommand>),
}

impl FindScreen {
    /// Searches the current directory of the program; for the demo, that of its project.
    pub fn new(cx: &mut UiContext<'_>) -> Self {
        let (key, work) = SearchWork::begin(cx);
        Self::of(key, work, cx)
    }

    /// Shows a search.
    pub fn of(key: WorkKey, work: Arc<SearchWork>, cx: &mut UiContext<'_>) -> Self {
        let rows = Arc::new(FindRows::new(Arc::clone(&work.found)));
        let sort = Sort {
            column: TROUBLE,
            ..Sort::default()
        };
        let list = RowList::new(Arc::clone(&rows) as _, sort, cx);
        Self {
            screen: ListScreen::new(list, RowHeight::Single, 0, "find")
                .wanting(LIST_WIDTH)
                .with_text_filler(),
            rows,
            key,
            work,
            opening: None,
            next: AfterOpening::Show,
            is_wanted: false,
        }
    }

    fn show(&mut self, cx: &mut UiContext<'_>) {
        self.rows = Arc::new(FindRows::new(Arc::clone(&self.work.found)));
        self.screen.forget_preview(cx);
        self.screen.list.set_rows(Arc::clone(&self.rows) as _, cx);
    }

    /// Opens the declared cache under the cursor; for a finding without one, shows all details.
    fn open(&mut self, cx: &mut UiContext<'_>) -> Handled {
        let row = self.screen.list.current();
        let Some(row) = row.filter(|_| self.opening.is_none()) else {
            return Handled::Yes;
        };
        let Some(declaration) = self.rows.declaration(row) else {
            return self.screen.act(Action::Details, cx);
        };
        let Some(opens) = &declaration.opens else {
            let sources = [keymap::KeyContext::Sources];
            let key = cx.world.keymap.key_for(&sources, Action::Add);
            cx.world.note(
                StatusKind::Failed,
                format!(
                    "only a build knows where this cache is: open it by its full name with {key} on the sources"
                ),
            );
            return Handled::Yes;
        };
        self.opening = Some(cx.start(JobWork::OpenDeclared(
            opens.clone(),
            matches!(self.next, AfterOpening::Show),
        )));
        Handled::Yes
    }

    /// Opens the declared cache under the cursor, and explains the next build of its target.
    fn explain(&mut self, cx: &mut UiContext<'_>) -> Handled {
        let row = self.screen.list.current();
        let Some(row) = row.filter(|_| self.opening.is_none()) else {
            return Handled::Yes;
        };
        let Some(declaration) = self.rows.declaration(row) else {
            cx.world.note(
                StatusKind::Failed,
                "no build is declared on this line: go to a declaration",
            );
            return Handled::Yes;
        };
        let command = declaration.build_command();
        if declaration.opens.is_none() {
            let why = WhyScreen::of_command(command.as_ref(), cx);
            cx.push(why);
            return Handled::Yes;
        }
        self.next = AfterOpening::Explain(command);
        self.open(cx)
    }

    /// Shows the opened source, or explains the build whose cache it is.
    fn opened(&mut self, admitted: &Admitted, cx: &mut UiContext<'_>) {
        if let AfterOpening::Explain(command) = std::mem::take(&mut self.next) {
            let why = WhyScreen::of_command(command.as_ref(), cx);
            cx.push(why);
            return;
        }
        match admitted {
            // The model adds the source next, and shows the selected ref, if there is one.
            Admitted::New(info) => self.is_wanted = info.select.is_none(),
            Admitted::Known(id, None) => {
                let refs = RefsScreen::new(*id, None, cx);
                cx.push(refs);
            }
            Admitted::Known(_, Some(_)) => {}
        }
    }

    /// Stops opening a cache, else the search.
    fn stop(&mut self, cx: &mut UiContext<'_>) -> Handled {
        let Some(job) = self.opening.take() else {
            return cx.stop_work(self.key);
        };
        self.next = AfterOpening::Show;
        cx.stop(job);
        cx.world.note(StatusKind::Done, "opening was stopped");
        Handled::Yes
    }

    fn sums(&self) -> Cell {
        match &self.work.state {
            SearchState::Searching(_) => Cell::new("searching…", TextRole::Title),
            SearchState::Failed(_) => Cell::new("the search failed", TextRole::Error),
            SearchState::Done => {
                let count = |severity| {
                    let findings = self.rows.found().findings.iter();
                    findings
                        .filter(|finding| finding.severity == severity)
                        .count()
                };
                let parts = [
                    (count(MistakeSeverity::Error), "error", TextRole::Error),
                    (
                        count(MistakeSeverity::Warning),
                        "warning",
                        TextRole::Warning,
                    ),
                    (count(MistakeSeverity::Info), "hint", TextRole::Dim),
                ];
                let declared = counted(self.rows.found().declared.len(), "declaration");
                let cell = Cell::new(declared, TextRole::Strong);
                parts.into_iter().filter(|(count, ..)| *count > 0).fold(
                    cell,
                    |cell, (count, word, role)| {
                        cell.and(" · ", TextRole::Dim)
                            .and(counted(count, word), role)
                    },
                )
            }
        }
    }

    fn empty(&self) -> Vec<Cell> {
        match &self.work.state {
            SearchState::Searching(_) => {
                vec![Cell::new(
                    "Reading the files of the directory…",
                    TextRole::Dim,
                )]
            }
            SearchState::Failed(why) => vec![Cell::new(format!("! {why}"), TextRole::Error)],
            SearchState::Done => vec![
                Cell::text("No file below this directory declares a build cache."),
                Cell::new(
                    "Bake, Compose and CI files, Makefiles and scripts are read. A build declares one with --cache-to and --cache-from, as in:",
                    TextRole::Dim,
                ),
                Cell::text(
                    "  docker buildx build --cache-to type=local,dest=./cache --cache-from type=local,src=./cache .",
                ),
            ],
        }
    }
}

impl Screen for FindScreen {
    fn contexts(&self) -> &'static [keymap::KeyContext] {
        CONTEXTS
    }

    fn header(&self, _world: &World) -> ScreenHeader {
        let facts = match &self.work.state {
            SearchState::Done => vec![counted(self.rows.found().declared.len(), "declaration")],
            SearchState::Searching(_) => vec!["searching".to_owned()],
            SearchState::Failed(_) => Vec::new(),
        };
        ScreenHeader {
            path: vec!["cachelens".to_owned(), "find".to_owned()],
            facts,
        }
    }

    fn summary(&self, world: &World) -> Cell {
        let sums = match self.opening {
            Some(_) => Cell::new("opening…", TextRole::Title),
            None => self.sums(),
        };
        self.screen.summary(world, "rows", sums)
    }

    fn act(&mut self, action: Action, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Action::Open => return self.open(cx),
            Action::Why => return self.explain(cx),
            Action::Rescan => cx.change_work(self.key, SearchWork::again),
            _ => return self.act_on_list(action, cx),
        }
        Handled::Yes
    }

    fn stop_work(&mut self, cx: &mut UiContext<'_>) -> Handled {
        self.stop(cx)
    }

    fn list_screen(&self) -> Option<&ListScreen> {
        Some(&self.screen)
    }

    fn list_screen_mut(&mut self) -> Option<&mut ListScreen> {
        Some(&mut self.screen)
    }

    fn report(&mut self, job: JobId, report: &JobReport, cx: &mut UiContext<'_>) {
        match report {
            JobReport::Opened(result) if self.opening.take_if(|own| *own == job).is_some() => {
                match result {
                    Ok(admitted) => self.opened(admitted, cx),
                    Err(why) => {
                        self.next = AfterOpening::Show;
                        cx.world.note(StatusKind::Failed, why.clone());
                    }
                }
            }
            _ => self.screen.report(job, report, cx),
        }
    }

    fn refresh(&mut self, source: SourceId, cx: &mut UiContext<'_>) {
        if std::mem::take(&mut self.is_wanted) {
            let refs = RefsScreen::new(source, None, cx);
            cx.push(refs);
        }
    }

    fn follow(&mut self, cx: &mut UiContext<'_>) {
        let rows = Arc::clone(&self.rows);
        let directory = self.work.directory.clone();
        self.screen.follow(cx, |row, cx| {
            let (file, line) = rows.place(row)?;
            let work = JobWork::ReadDeclared(directory.clone(), PathBuf::from(file));
            let beginning = BeginningScreen::new(format!("{file}:{line}"), work, CONTEXTS, cx);
            let beginning = beginning.around(line as usize);
            Some(PreviewOf::Content(Box::new(beginning)))
        });
    }

    fn work(&self) -> Option<WorkKey> {
        Some(self.key)
    }

    fn show_work(&mut self, key: WorkKey, cx: &mut UiContext<'_>) {
        let Some(work) = cx.work::<SearchWork>(key) else {
            return;
        };
        let is_new = !Arc::ptr_eq(&work.found, &self.work.found);
        self.work = work;
        if is_new {
            self.show(cx);
        }
    }

    fn leave(&mut self, cx: &mut UiContext<'_>) {
        self.screen.forget_preview(cx);
        if let Some(job) = self.opening.take() {
            cx.stop(job);
        }
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        self.screen.draw(world, frame, area, &self.empty());
        self.draw_caches(world, frame, area);
    }
}
