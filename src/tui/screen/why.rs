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
use crate::tui::found::ScannedInventory;
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
use crate::tui::work::BackgroundWork;
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
    against: ComparedCaches,
    screen: ListScreen,
    rows: Arc<WhyRows>,
    opened: HashSet<StepIndex>,
    state: WhyState,
    /// The latest job that explains the build.
    job: Option<JobId>,
    /// The row of the steps of a ref from which it was asked, and the name of the step there.
    asked: Option<(Identity, String)>,
    /// The row that the cursor goes to as soon as it shows.
    wanted: Option<Identity>,
    /// Whether the stage graph stands for the list.
    is_graph: bool,
}

/// The caches that a build is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComparedCaches {
    /// A ref of a source, by its name and digest.
    Ref(SourceId, String, String),
    /// The caches in the build's record.
    Named,
}

/// The progress of the explanation.
#[derive(Debug, PartialEq, Eq)]
enum WhyState {
    /// There is no evidence of a build yet.
    Asking,
    /// It is being made, with the current step as text.
    Working(JobId, String),
    Done,
    Stopped,
    /// It failed, for these reasons.
    Failed(Vec<String>),
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
        let rows = Arc::new(WhyRows::new(None, HashSet::new(), CauseListShape::Folded));
        let list = RowList::new(Arc::clone(&rows) as _, Sort::default(), cx);
        let screen = ListScreen::new(list, RowHeight::Single, 1, "why")
            .wanting(LIST_WIDTH)
            .with_filler_below_all();
        let mut why = Self {
            against,
            screen,
            rows,
            opened: HashSet::new(),
            state: WhyState::Asking,
            job: None,
            asked: None,
            wanted: None,
            is_graph: false,
        };
        if why.evidence(cx.world).is_empty() {
            EvidencePrompt::open_with(line, true, cx);
        } else {
            why.begin(cx);
        }
        why
    }

    /// The evidence that a person gave, else the evidence that comes with the source.
    pub(super) fn evidence<'w>(&self, world: &'w World) -> &'w NamedEvidence {
        match &self.against {
            ComparedCaches::Ref(source, name, _) if world.evidence.is_empty() => {
                let info = &world.source(*source).info;
                info.evidence_of_refs.get(name).unwrap_or(&info.evidence)
            }
            _ => &world.evidence,
        }
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
            if self.state == WhyState::Asking {
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
        &[
            keymap::KeyContext::Why,
            keymap::KeyContext::List,
            keymap::KeyContext::Global,
        ]
    }

    fn header(&self, world: &World) -> ScreenHeader {
        let facts = match self.rows.explained() {
            Some(explained) if self.against == ComparedCaches::Named => {
                vec![text::cut(
                    &explained.against.join(" "),
                    world.size.width / 3,
                )]
            }
            Some(explained) => vec![steps(explained.steps())],
            None => vec![pieces(self.evidence(world).items.len())],
        };
        let path = match &self.against {
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
            Action::Escape if self.stop(cx) == Handled::Yes => {
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
        let is_ours = matches!(self.state, WhyState::Working(ours, _) if ours == job);
        match report {
            JobReport::Explaining(words) if is_ours => {
                self.state = WhyState::Working(job, words.clone());
            }
            JobReport::Explained(Ok(explained)) if is_ours => self.done(explained, cx),
            JobReport::Explained(Err(faults)) if is_ours => {
                let lines = faults.iter().flat_map(|fault| fault.lines());
                let lines = lines.map(|line| line.trim().to_owned());
                self.state = WhyState::Failed(lines.collect());
            }
            _ => {
                self.screen.report(job, report, cx);
                self.stand();
            }
        }
    }

    fn background(&self, _world: &World) -> Option<BackgroundWork> {
        let of = match &self.against {
            ComparedCaches::Ref(_, name, _) => name,
            ComparedCaches::Named => "a build",
        };
        Some(BackgroundWork::reading(
            self.job?,
            format!("explanation of {of}"),
            matches!(self.state, WhyState::Working(..)),
        ))
    }

    fn stop_work(&mut self, cx: &mut UiContext<'_>) -> Handled {
        self.stop(cx)
    }

    fn leave(&mut self, cx: &mut UiContext<'_>) {
        self.stop(cx);
    }

    fn refresh(&mut self, source: SourceId, cx: &mut UiContext<'_>) {
        let is_ours = matches!(self.against, ComparedCaches::Ref(ours, ..) if ours == source);
        let is_complete = cx
            .world
            .source(source)
            .found
            .as_ref()
            .is_some_and(ScannedInventory::is_complete);
        // An existing result stays; only a screen that waits for the scan starts by itself.
        if is_ours
            && is_complete
            && matches!(self.state, WhyState::Failed(_))
            && !self.evidence(cx.world).is_empty()
        {
            self.begin(cx);
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
