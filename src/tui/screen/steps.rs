//! One ref: its steps as a tree, and all details of the step under the cursor.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::files::{Files, MOST_PREVIEWED};
use super::list_screen::{ListScreen, draw_filler};
use super::why::Why;
use super::{Header, Pointer, Request, Screen};
use crate::explain::evidence::Evidence;
use crate::format::digest::Digest;
use crate::inventory::{Inventory, RefId};
use crate::text::units::{Age, Size};
use crate::tui::effect::{JobId, Work};
use crate::tui::evidence::Part;
use crate::tui::found::Found;
use crate::tui::keymap::{self, Action};
use crate::tui::layer::evidence::EvidencePrompt;
use crate::tui::list::{List, Sort};
use crate::tui::message::Report;
use crate::tui::rows::sources::{counted_so_far, grouped};
use crate::tui::rows::steps::{Folds, Names, RefSteps, Shape, StepRows};
use crate::tui::rows::{Cell, Identity, RowSet as _};
use crate::tui::theme::Role;
use crate::tui::widget::table::RowHeight;
use crate::tui::widget::text::{self, Line};
use crate::tui::widget::treemap;
use crate::tui::world::{Context, Handled, Scan, SourceId, StatusKind, World};

/// The steps of a ref.
#[derive(Debug)]
pub struct Steps {
    source: SourceId,
    /// The name of the ref, and its digest when it was opened.
    name: String,
    digest: String,
    screen: ListScreen,
    /// The rows of the list.
    rows: Arc<StepRows>,
    folds: Folds,
    state: State,
    /// The job that renames the steps.
    naming: Option<JobId>,
    /// The layer whose step is gone to as soon as the steps are read.
    seek: Option<Digest>,
}

/// The progress of reading the steps.
#[derive(Debug, PartialEq, Eq)]
enum State {
    /// They are being read, perhaps again.
    Reading(JobId),
    /// They are available.
    Read,
    /// They cannot be read, for these reasons.
    Failed(Vec<String>),
}

impl Steps {
    /// Shows the steps of the ref at `id` of a scanned source.
    pub fn new(
        source: SourceId,
        inventory: Arc<Inventory>,
        id: RefId,
        cx: &mut Context<'_>,
    ) -> Self {
        let entry = inventory.get_ref(id);
        let name = entry.map(|entry| entry.name.clone()).unwrap_or_default();
        let digest = entry
            .map(|entry| entry.digest().to_string())
            .unwrap_or_default();
        let none = RefSteps::new(
            Arc::clone(&inventory),
            id,
            Arc::default(),
            &Evidence::default(),
            Names::None,
        );
        let rows = Arc::new(StepRows::new(Arc::new(none), Folds::default(), Shape::Tree));
        let list = List::new(Arc::clone(&rows) as _, Sort::default(), cx);
        let job = cx.start(Work::LoadSteps {
            source,
            inventory,
            id,
            given: cx.world.evidence.clone(),
        });
        let screen = ListScreen::new(list, RowHeight::Single, 1)
            .of_numbers()
            .with_filler();
        let folds = Folds::default();
        Self {
            source,
            name,
            digest,
            screen,
            rows,
            folds,
            state: State::Reading(job),
            naming: None,
            seek: None,
        }
    }

    /// Shows the steps of a ref with the cursor on the one that made `layer`.
    pub fn at(
        source: SourceId,
        inventory: Arc<Inventory>,
        id: RefId,
        layer: Option<Digest>,
        cx: &mut Context<'_>,
    ) -> Self {
        Self {
            seek: layer,
            ..Self::new(source, inventory, id, cx)
        }
    }

    /// Goes to the step whose layer was asked for.
    fn follow_seek(&mut self) {
        let Some(layer) = self.seek.take() else {
            return;
        };
        let mut rows = 0..self.rows.count();
        if let Some(row) = rows.find(|row| self.rows.layer(*row) == Some(layer)) {
            self.screen.list.select(&self.rows.identity(row));
        }
    }

    fn steps(&self) -> &Arc<RefSteps> {
        self.rows.steps()
    }

    /// Sets the shape of the rows for the current order and filter: they form a tree only
    /// unfiltered and in their own order.
    fn reshape(&mut self, cx: &mut Context<'_>) {
        let view = self.screen.list.view();
        let is_tree = view.filter.is_empty() && view.sort == Sort::default();
        let shape = if is_tree { Shape::Tree } else { Shape::Flat };
        if shape != self.rows.shape() {
            self.show(Arc::clone(self.steps()), shape, cx);
        }
    }

    fn show(&mut self, steps: Arc<RefSteps>, shape: Shape, cx: &mut Context<'_>) {
        self.rows = Arc::new(StepRows::new(steps, self.folds.clone(), shape));
        self.screen.list.set_rows(Arc::clone(&self.rows) as _, cx);
    }

    fn refold(&mut self, cx: &mut Context<'_>) {
        self.show(Arc::clone(self.steps()), self.rows.shape(), cx);
    }

    /// Returns the row under the cursor, and its identity.
    fn current(&self) -> Option<(u32, Identity)> {
        self.screen
            .list
            .current()
            .map(|row| (row, self.screen.list.rows().identity(row)))
    }

    /// Folds the row, or goes to its parent.
    fn collapse(&mut self, cx: &mut Context<'_>) {
        let Some((row, identity)) = self.current().filter(|_| self.rows.shape() == Shape::Tree)
        else {
            return;
        };
        let (_, below) = self.rows.foldable(row);
        if self.folds.opened.remove(&identity) || below > 0 && self.folds.folded.insert(identity) {
            self.refold(cx);
        } else if let Some(parent) = self.rows.parent(row) {
            self.screen.list.select(&parent);
        }
    }

    /// Unfolds the row, and then shows its twins.
    fn expand(&mut self, cx: &mut Context<'_>) {
        let Some((row, identity)) = self.current().filter(|_| self.rows.shape() == Shape::Tree)
        else {
            return;
        };
        let (twins, _) = self.rows.foldable(row);
        if self.folds.folded.remove(&identity) || twins > 0 && self.folds.opened.insert(identity) {
            self.refold(cx);
        }
    }

    fn open(&mut self, cx: &mut Context<'_>) {
        let Some((row, identity)) = self.current() else {
            return;
        };
        if self.rows.is_head(row) {
            if !self.folds.folded.remove(&identity) {
                self.folds.folded.insert(identity);
            }
            return self.refold(cx);
        }
        match self.rows.layer(row) {
            Some(layer) => {
                let files = Files::new(
                    self.source,
                    self.name.clone(),
                    self.rows.title(row),
                    layer,
                    cx,
                );
                cx.push(files);
            }
            None => cx.world.note(
                StatusKind::Failed,
                "there is no layer to open: only a key is here",
            ),
        }
    }

    fn load(&mut self, cx: &mut Context<'_>) {
        let Some(found) = &cx.world.source(self.source).found else {
            return;
        };
        let inventory = Arc::clone(&found.inventory);
        let called = || {
            inventory
                .indexed_refs()
                .filter(|(_, entry)| entry.name == self.name)
        };
        let same = called().find(|(_, entry)| entry.digest().to_string() == self.digest);
        let Some((id, entry)) = same.or_else(|| called().next()) else {
            self.state = State::Failed(vec!["the ref is not there any more".to_owned()]);
            return;
        };
        self.digest = entry.digest().to_string();
        if let State::Reading(job) = self.state {
            cx.stop(job);
        }
        let given = cx.world.evidence.clone();
        self.state = State::Reading(cx.start(Work::LoadSteps {
            source: self.source,
            inventory,
            id,
            given,
        }));
    }

    /// Returns the line above the list: the number of steps, and the origin of their names.
    fn head(&self) -> Cell {
        if let Some(refusal) = self.steps().refusal() {
            return Cell::new(
                format!("! BuildKit refuses this cache, and builds as if it were empty: {refusal}"),
                Role::Error,
            );
        }
        let counts = self.steps().counts;
        if counts.steps == 0 {
            return Cell::default();
        }
        let mut cell = Cell::text(grouped(counts.results as u64)).and(" ✓", Role::Good);
        if counts.keys > 0 {
            cell = cell.and(format!("  {} ○", grouped(counts.keys as u64)), Role::Dim);
        }
        if counts.broken > 0 && self.steps().is_settled() {
            cell = cell.and(
                format!("  {} !", grouped(counts.broken as u64)),
                Role::Missing,
            );
        }
        let cell = cell.and("  ", Role::Text);
        match &self.steps().names {
            Names::None => cell
                .and("no names: ", Role::Dim)
                .and("n", Role::Key)
                .and(" takes the build's record, provenance or image", Role::Dim),
            Names::Store => cell.and("named from the store's provenance", Role::Dim),
            Names::Given(given) => {
                let mut texts = given.of(Part::Build).into_iter();
                let first = texts.next().unwrap_or_default();
                let cell = cell.and("named from ", Role::Dim).and(first, Role::Text);
                match texts.count() + given.of(Part::Baseline).len() {
                    0 => cell,
                    more => cell.and(format!(" and {more} more"), Role::Dim),
                }
            }
        }
    }

    fn empty(&self) -> Vec<Cell> {
        match &self.state {
            State::Reading(_) => vec![Cell::new("Reading the steps…", Role::Dim)],
            State::Read => vec![
                Cell::text("There are no steps: this ref carries no cache."),
                Cell::new(
                    "A build writes one into an image with --cache-to type=inline.",
                    Role::Dim,
                ),
            ],
            State::Failed(faults) => faults
                .iter()
                .map(|fault| Cell::new(format!("! {fault}"), Role::Error))
                .collect(),
        }
    }
}

impl Screen for Steps {
    fn contexts(&self) -> &'static [keymap::Context] {
        &[
            keymap::Context::Steps,
            keymap::Context::List,
            keymap::Context::Global,
        ]
    }

    fn header(&self, world: &World) -> Header {
        let source = world.source(self.source);
        let mut facts = Vec::new();
        let counts = self.steps().counts;
        let is_read = !matches!(self.state, State::Reading(_));
        facts.push(if counts.steps == 1 {
            "1 step".to_owned()
        } else {
            format!("{} steps", counted_so_far(counts.steps as u64, is_read))
        });
        if matches!(source.scan, Scan::Running(_)) {
            facts.push("scanning".to_owned());
        }
        let name = text::cut(&self.name, world.size.width / 3);
        Header {
            path: vec![source.info.label.clone(), name],
            facts,
        }
    }

    fn summary(&self, world: &World) -> Cell {
        let Some(entry) = self.steps().entry() else {
            return Cell::default();
        };
        if !self.steps().is_settled() {
            return Cell::new(
                "the scan goes on: sizes and states are not final",
                Role::Unsure,
            );
        }
        let sums =
            Cell::new(Size(entry.sizes.bytes).to_string(), Role::Strong).and(" in all", Role::Dim);
        let sums = match entry.sizes.exclusive_bytes {
            Some(bytes) => sums
                .and(" · ", Role::Dim)
                .and(Size(bytes).to_string(), Role::Strong)
                .and(" only here", Role::Dim),
            None => sums,
        };
        let sums = match entry.age() {
            Some((time, _)) => sums.and(
                format!(" · made {}", Age::between(time, world.now).ago()),
                Role::Dim,
            ),
            None => sums,
        };
        let sums = match entry.sizes.missing_blobs {
            0 => sums,
            count => sums.and(format!(" · ! {} missing", grouped(count)), Role::Missing),
        };
        self.screen.summary(world, "steps", sums)
    }

    fn act(&mut self, action: Action, cx: &mut Context<'_>) -> Handled {
        match action {
            Action::Open => self.open(cx),
            Action::Collapse => self.collapse(cx),
            Action::Expand => self.expand(cx),
            Action::Evidence => EvidencePrompt::open(cx),
            Action::Why => {
                let row = self
                    .current()
                    .map(|(row, identity)| (identity, self.rows.title(row)));
                let why = Why::of_ref(self.source, &self.steps().inventory, self.steps().id, cx);
                cx.push(why.asked_from(row));
            }
            Action::Rescan => cx.scan(self.source),
            Action::Export => ListScreen::ask_for_file(self.file_name(), cx),
            _ => {
                let handled = self.screen.act(action, cx);
                self.reshape(cx);
                return handled;
            }
        }
        Handled::Yes
    }

    fn answer(&mut self, request: Request, cx: &mut Context<'_>) {
        if matches!(request, Request::Evidence) {
            if let Some(job) = self.naming.take() {
                cx.stop(job);
            }
            let given = cx.world.evidence.clone();
            self.naming = Some(cx.start(Work::NameSteps(Arc::clone(self.steps()), given)));
        } else {
            self.screen.answer(request, cx);
            self.reshape(cx);
        }
    }

    fn pointer(&mut self, pointer: Pointer, cx: &mut Context<'_>) {
        if self.screen.pointer(pointer, cx) == Handled::Yes {
            self.open(cx);
        }
    }

    fn report(&mut self, job: JobId, report: &Report, cx: &mut Context<'_>) {
        match report {
            Report::Steps(result) if self.state == State::Reading(job) => match result {
                Ok(steps) => {
                    self.state = State::Read;
                    self.show(Arc::clone(steps), self.rows.shape(), cx);
                    self.follow_seek();
                }
                Err(faults) => self.state = State::Failed(faults.clone()),
            },
            Report::Named(result) if self.naming.take_if(|naming| *naming == job).is_some() => {
                match result {
                    Ok(steps) => self.show(Arc::clone(steps), self.rows.shape(), cx),
                    Err(fault) => cx.world.note(StatusKind::Failed, fault.clone()),
                }
            }
            _ => self.screen.report(job, report, cx),
        }
    }

    fn follow(&mut self, cx: &mut Context<'_>) {
        let Self {
            source,
            name,
            rows,
            screen,
            ..
        } = self;
        screen.follow(cx, |row, cx| {
            let is_small = rows.count() > row && rows.bytes(row) <= MOST_PREVIEWED;
            let layer = rows
                .layer(row)
                .filter(|_| is_small && cx.world.is_cheap(*source))?;
            let files = Files::new(*source, name.clone(), rows.title(row), layer, cx);
            Some(Box::new(files))
        });
    }

    fn leave(&mut self, cx: &mut Context<'_>) {
        self.screen.forget_preview(cx);
        let reading = if let State::Reading(job) = self.state {
            Some(job)
        } else {
            None
        };
        for job in reading.into_iter().chain(self.naming.take()) {
            cx.stop(job);
        }
    }

    fn refresh(&mut self, source: SourceId, cx: &mut Context<'_>) {
        let found = cx.world.source(source).found.as_ref();
        if source == self.source && found.is_some_and(Found::is_complete) {
            self.load(cx);
        }
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let head = self.screen.areas(area).head;
        let line = Line {
            x: head.x + 3,
            width: head.width.saturating_sub(4),
            ..Line::of(head, 0)
        };
        text::put(
            frame.buffer_mut(),
            line,
            &self.head(),
            &world.theme,
            Style::default(),
        );
        self.screen.draw(world, frame, area, &self.empty());
        let filler = self.screen.areas(area).filler;
        let is_tree = self.rows.shape() == Shape::Tree;
        if filler.is_some() && is_tree {
            let tiles = treemap::of_steps(&self.rows, None);
            draw_filler(&tiles, world, frame, filler);
        }
    }

    fn list(&self) -> Option<&List> {
        Some(&self.screen.list)
    }

    fn source(&self) -> Option<SourceId> {
        Some(self.source)
    }

    fn file_name(&self) -> &'static str {
        "steps"
    }
}
