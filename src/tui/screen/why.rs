//! Why the steps of a build ran: the causes as text, then every step in the order of the file.

use std::collections::HashSet;
use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::changes::ChangesScreen;
use super::list_screen::ListScreen;
use super::{LayerRequest, Pointer, Screen, ScreenHeader};
use crate::format::provenance::StepIndex;
use crate::inventory::{Inventory, RefId};
use crate::tui::effect::JobId;
use crate::tui::evidence::NamedEvidence;
use crate::tui::keymap::{self, Action};
use crate::tui::layer::details::Details;
use crate::tui::layer::evidence::EvidencePrompt;
use crate::tui::list::{RowList, Sort};
use crate::tui::message::JobReport;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::why::{ArrangedExplanation, CauseListShape, WhyRows};
use crate::tui::rows::{Cell, Identity};
use crate::tui::theme::TextRole;
use crate::tui::widget::table::RowHeight;
use crate::tui::widget::text;
use crate::tui::work::WorkKey;
use crate::tui::work::explanation::{CONTEXTS, ComparedCaches, ExplanationState, ExplanationWork};
use crate::tui::world::{SourceId, StatusKind, World};

mod command;
mod explain;
mod graph;
mod words;

use words::{pieces, steps};

/// From this width on, all distinctive columns of a step are visible.
const LIST_WIDTH: u16 = 84;

/// Why the steps of a build ran.
#[derive(Debug)]
pub struct WhyScreen {
    key: WorkKey,
    work: Arc<ExplanationWork>,
    screen: ListScreen,
    rows: Arc<WhyRows>,
    opened: HashSet<StepIndex>,
    /// The row of the steps of a ref from which it was asked, and the name of the step there.
    asked: Option<(Identity, String)>,
    /// The row that the cursor goes to as soon as it shows.
    wanted: Option<Identity>,
    /// Whether the stage graph stands for the list.
    is_graph: bool,
}

impl WhyScreen {
    /// Explains the build in the evidence against the ref at `id`; prompts for evidence if there is
    /// none.
    pub fn of_ref(
        source: SourceId,
        inventory: &Inventory,
        id: RefId,
        cx: &mut UiContext<'_>,
    ) -> Self {
        let entry = inventory.get_ref(id);
        let name = entry.map(|entry| entry.name.clone()).unwrap_or_default();
        let digest = entry
            .map(|entry| entry.digest().to_string())
            .unwrap_or_default();
        Self::new(ComparedCaches::Ref(source, name, digest), cx)
    }

    /// Explains a build against the caches in its record; prompts for the record if there is none.
    pub fn of_record(cx: &mut UiContext<'_>) -> Self {
        Self::new(ComparedCaches::Named, cx)
    }

    /// Lets the cursor stand on the step of a row from which it was asked.
    #[must_use]
    pub fn asked_from(self, row: Option<(Identity, String)>) -> Self {
        Self { asked: row, ..self }
    }

    fn new(against: ComparedCaches, cx: &mut UiContext<'_>) -> Self {
        Self::with_line(against, String::new(), cx)
    }

    fn with_line(against: ComparedCaches, line: String, cx: &mut UiContext<'_>) -> Self {
        let mut work = ExplanationWork::new(against);
        if work.evidence(cx.world).is_empty() {
            EvidencePrompt::open_with(line, true, cx);
        } else {
            work.begin(cx);
        }
        let key = WorkKey::Reading(cx.world.next_job());
        let work = cx.begin_work(key, work);
        Self::of(key, work, cx)
    }

    /// Shows an explanation.
    pub fn of(key: WorkKey, work: Arc<ExplanationWork>, cx: &mut UiContext<'_>) -> Self {
        let rows = Arc::new(WhyRows::new(None, HashSet::new(), CauseListShape::Folded));
        let list = RowList::new(Arc::clone(&rows) as _, Sort::default(), cx);
        let screen = ListScreen::new(list, RowHeight::Single, 1, "why")
            .wanting(LIST_WIDTH)
            .with_filler_below_all();
        let mut why = Self {
            key,
            work,
            screen,
            rows,
            opened: HashSet::new(),
            asked: None,
            wanted: None,
            is_graph: false,
        };
        if let Some(explained) = why.work.explained.clone() {
            why.done(&explained, cx);
        }
        why
    }

    fn begin(&self, cx: &mut UiContext<'_>) {
        cx.change_work(self.key, ExplanationWork::begin);
    }

    pub(super) fn evidence<'w>(&self, world: &'w World) -> &'w NamedEvidence {
        self.work.evidence(world)
    }

    fn show(
        &mut self,
        explained: Option<Arc<ArrangedExplanation>>,
        shape: CauseListShape,
        cx: &mut UiContext<'_>,
    ) {
        self.rows = Arc::new(WhyRows::new(explained, self.opened.clone(), shape));
        self.screen.list.set_rows(Arc::clone(&self.rows) as _, cx);
    }

    /// Folds only if all steps are in their own order.
    fn reshape(&mut self, cx: &mut UiContext<'_>) {
        let view = self.screen.list.view();
        let is_whole = view.filter.is_empty() && view.sort == Sort::default();
        let shape = if is_whole && !self.is_graph {
            CauseListShape::Folded
        } else {
            CauseListShape::Flat
        };
        if shape != self.rows.shape() {
            self.show(self.rows.explained().cloned(), shape, cx);
        }
    }

    fn fold(&mut self, action: Action, cx: &mut UiContext<'_>) {
        let Some(row) = self
            .screen
            .list
            .current()
            .filter(|_| self.rows.shape() == CauseListShape::Folded)
        else {
            return;
        };
        let Some(step) = self.rows.step(row) else {
            return;
        };
        let changed = match action {
            Action::Expand => self.rows.below(row) > 0 && self.opened.insert(step),
            _ => self.opened.remove(&step),
        };
        if changed {
            self.show(self.rows.explained().cloned(), CauseListShape::Folded, cx);
        } else if action == Action::Collapse
            && let Some(parent) = self.rows.parent(row)
        {
            self.screen.list.select(&parent);
        }
    }

    /// Opens the files behind the cause of the row, else all its details.
    fn open(&mut self, cx: &mut UiContext<'_>) {
        let Some((explained, row)) = self
            .rows
            .explained()
            .cloned()
            .zip(self.screen.list.current())
        else {
            if self.work.state == ExplanationState::Asking {
                EvidencePrompt::open(cx);
            }
            return;
        };
        let Some(step) = self.rows.step(row) else {
            return;
        };
        if explained.has_files(step) {
            let changes = ChangesScreen::new(explained, step, cx);
            cx.push(changes);
        } else {
            cx.show(Details::new(explained.details(step)));
        }
    }
}

impl Screen for WhyScreen {
    fn contexts(&self) -> &'static [keymap::KeyContext] {
        CONTEXTS
    }

    fn header(&self, world: &World) -> ScreenHeader {
        let facts = match self.rows.explained() {
            Some(explained) if self.work.against == ComparedCaches::Named => {
                vec![text::cut(
                    &explained.against.join(" "),
                    world.size.width / 3,
                )]
            }
            Some(explained) => vec![steps(explained.steps())],
            None => vec![pieces(self.evidence(world).items.len())],
        };
        let path = match &self.work.against {
            ComparedCaches::Ref(source, name, _) => {
                let name = text::cut(name, world.size.width / 3);
                vec![
                    world.source(*source).info.label.clone(),
                    name,
                    "why".to_owned(),
                ]
            }
            ComparedCaches::Named => vec!["the caches of a build".to_owned(), "why".to_owned()],
        };
        ScreenHeader { path, facts }
    }

    fn summary(&self, world: &World) -> Cell {
        let words = Cell::new(
            "✓ in the cache  ✗ runs  ? undecided  · source  ↑ because of that",
            TextRole::Dim,
        );
        self.screen.summary(world, "steps", words)
    }

    fn act(&mut self, action: Action, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Action::Open => self.open(cx),
            Action::Stages => self.toggle_graph(cx),
            _ if self.is_graph
                && !self.screen.has_focused_details()
                && self.move_in_graph(action, cx) == Handled::Yes => {}
            Action::Collapse | Action::Expand => self.fold(action, cx),
            Action::Causes => self.show_causes(cx),
            Action::Evidence => EvidencePrompt::open(cx),
            Action::Rescan if self.evidence(cx.world).is_empty() => EvidencePrompt::open(cx),
            Action::Rescan => self.begin(cx),
            Action::Escape if cx.stop_work(self.key) == Handled::Yes => {
                cx.world.note(StatusKind::Done, "it was stopped");
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

    fn list_changed(&mut self, cx: &mut UiContext<'_>) {
        self.reshape(cx);
    }

    fn answer(&mut self, request: LayerRequest, cx: &mut UiContext<'_>) {
        if matches!(request, LayerRequest::Evidence) {
            self.begin(cx);
        } else {
            if matches!(request, LayerRequest::Filter(_) | LayerRequest::Sort(_)) {
                self.leave_graph();
            }
            self.answer_for_list(request, cx);
        }
    }

    fn pointer(&mut self, pointer: Pointer, cx: &mut UiContext<'_>) {
        if self.click_graph(pointer, cx) == Handled::No
            && self.screen.pointer(pointer, cx) == Handled::Yes
        {
            self.open(cx);
        }
    }

    fn follow(&mut self, cx: &mut UiContext<'_>) {
        self.fit_graph(cx.world);
    }

    fn report(&mut self, job: JobId, report: &JobReport, cx: &mut UiContext<'_>) {
        self.screen.report(job, report, cx);
        self.stand();
    }

    fn work(&self) -> Option<WorkKey> {
        Some(self.key)
    }

    fn show_work(&mut self, key: WorkKey, cx: &mut UiContext<'_>) {
        let Some(work) = cx.work::<ExplanationWork>(key) else {
            return;
        };
        self.work = work;
        let shown = self.rows.explained();
        let is_shown =
            |explained: &Arc<_>| shown.is_some_and(|shown| Arc::ptr_eq(shown, explained));
        let explained = self.work.explained.clone();
        if let Some(explained) = explained.filter(|explained| !is_shown(explained)) {
            self.done(&explained, cx);
        }
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        self.screen.draw_head(&self.head(world), world, frame, area);
        if self.is_graph {
            self.screen.draw_around(world, frame, area);
        } else {
            self.screen.draw(world, frame, area, &self.empty(world));
        }
        self.draw_graph(world, frame, area);
        self.draw_costs(world, frame, area);
    }
}
