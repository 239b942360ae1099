//! A plan: deleted, waiting and kept items, with reasons. Nothing is deleted before a person has
//! seen and confirmed it.

use std::collections::HashSet;
use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::list_screen::ListScreen;
use super::{LayerRequest, Screen, ScreenHeader};
use crate::prune::plan::FreedBlobs;
use crate::text::units::grouped;
use crate::tui::effect::{JobId, JobWork, NewBroken, PlanRequest, PruneWork};
use crate::tui::keymap::{self, Action};
use crate::tui::layer::save::SavePrompt;
use crate::tui::list::{RowList, Sort, SortDirection};
use crate::tui::message::JobReport;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::pruning::{DeletionScope, PlanSection, Planned};
use crate::tui::rows::Cell;
use crate::tui::rows::plan::{PlanRows, SIZE};
use crate::tui::rows::refs::RefRows;
use crate::tui::theme::TextRole;
use crate::tui::widget::table::RowHeight;
use crate::tui::widget::text;
use crate::tui::world::{Scan, SourceId, StatusKind, World};

mod choose;
mod confirm;
mod panes;
mod words;

/// The contexts whose keys are active here.
const CONTEXTS: &[keymap::KeyContext] = &[
    keymap::KeyContext::Plan,
    keymap::KeyContext::List,
    keymap::KeyContext::Global,
];
/// From this width on, the reason of each item has room.
const LIST_WIDTH: u16 = 84;
/// The maximum number of warnings above the list.
const MOST_WARNINGS: usize = 2;

/// A plan of a source.
#[derive(Debug)]
pub struct PlanScreen {
    source: SourceId,
    scope: DeletionScope,
    freed_blobs: FreedBlobs,
    new_broken: NewBroken,
    state: PlanState,
    part: PlanSection,
    rows: Option<Arc<PlanRows>>,
    /// The reasons whose kept items are listed one by one.
    unfolded: HashSet<String>,
    /// Whether the rows are those of a filter, which looks into every group.
    is_filtered: bool,
    screen: ListScreen,
}

/// The progress of the plan.
#[derive(Debug)]
enum PlanState {
    /// The scan has not ended.
    Awaiting,
    /// It is being made.
    Planning(JobId),
    Ready(Arc<Planned>),
    /// It is available, and is being made again.
    Replanning(JobId, Arc<Planned>),
    /// No plan could be made.
    Failed(String),
}

impl PlanScreen {
    /// Plans a prune of `source`.
    pub fn new(source: SourceId, scope: DeletionScope, cx: &mut UiContext<'_>) -> Self {
        // Without a plan there is nothing to list.
        let none = Arc::new(RefRows::new(Arc::default(), None));
        let list = RowList::new(
            none,
            Sort {
                column: SIZE,
                order: SortDirection::Descending,
            },
            cx,
        );
        let screen = ListScreen::new(list, RowHeight::Single, 0, "plan")
            .wanting(LIST_WIDTH)
            .with_filler();
        let part = PlanSection::Delete;
        let freed_blobs = FreedBlobs::Wait;
        let state = PlanState::Awaiting;
        let mut plan = Self {
            source,
            scope,
            freed_blobs,
            new_broken: NewBroken::default(),
            state,
            part,
            rows: None,
            unfolded: HashSet::new(),
            is_filtered: false,
            screen,
        };
        plan.begin(cx);
        plan
    }

    fn planned(&self) -> Option<&Arc<Planned>> {
        match &self.state {
            PlanState::Ready(planned) | PlanState::Replanning(_, planned) => Some(planned),
            PlanState::Awaiting | PlanState::Planning(_) | PlanState::Failed(_) => None,
        }
    }

    /// Makes the plan from the source's inventory, or waits until that is complete.
    fn begin(&mut self, cx: &mut UiContext<'_>) {
        if let PlanState::Planning(job) | PlanState::Replanning(job, _) = self.state {
            cx.stop(job);
        }
        let source = cx.world.source(self.source);
        let complete = source
            .found
            .as_ref()
            .filter(|found| found.is_complete())
            .map(|found| &found.inventory);
        self.state = match (&source.scan, complete) {
            (Scan::Done, Some(inventory)) => {
                let inventory = Arc::clone(inventory);
                let excluded = cx
                    .world
                    .excluded
                    .get(&self.source)
                    .cloned()
                    .unwrap_or_default();
                let request = PlanRequest {
                    source: self.source,
                    inventory,
                    scope: self.scope.clone(),
                    freed_blobs: self.freed_blobs,
                    excluded,
                    evidence: cx.world.evidence.clone(),
                };
                PlanState::Planning(cx.start(JobWork::Prune(PruneWork::Plan(request))))
            }
            (Scan::Running(_), _) => PlanState::Awaiting,
            (Scan::Failed(failure), _) => PlanState::Failed(failure.to_string()),
            (Scan::Stopped | Scan::Done, _) => {
                let key = cx.world.keymap.key_for(CONTEXTS, Action::Rescan);
                PlanState::Failed(format!(
                    "The scan was stopped: what it did not see may be needed. {key} scans again."
                ))
            }
        };
    }

    fn show(&mut self, planned: Arc<Planned>, cx: &mut UiContext<'_>) {
        let is_new = matches!(self.state, PlanState::Planning(_));
        let excluded = planned.excluded_count();
        if is_new && excluded > 0 {
            let key = cx.world.keymap.key_for(CONTEXTS, Action::LeaveOut);
            let words = match excluded {
                1 => format!("1 item is excluded as before; {key} includes it again"),
                count => format!(
                    "{} items are excluded as before; {key} includes them again",
                    grouped(count as u64)
                ),
            };
            cx.world.note(StatusKind::Done, words);
        }
        self.screen.set_head(words::height(&planned));
        self.set_rows(Arc::clone(&planned), cx);
        self.state = PlanState::Ready(planned);
    }

    fn sentences(&self) -> Vec<Cell> {
        match &self.state {
            PlanState::Awaiting => vec![
                Cell::text("The plan is made when the scan has ended:"),
                Cell::new("what it has not seen yet may be needed", TextRole::Dim),
            ],
            PlanState::Planning(_) => vec![Cell::new("Making the plan…", TextRole::Title)],
            PlanState::Failed(why) => {
                let mut sentences = vec![Cell::new(
                    "! There is no plan, and nothing was changed.",
                    TextRole::Error,
                )];
                sentences.extend(why.lines().map(|line| Cell::text(line.trim().to_owned())));
                sentences
            }
            PlanState::Ready(planned) | PlanState::Replanning(_, planned) => {
                vec![words::nothing(planned, self.part)]
            }
        }
    }
}

impl Screen for PlanScreen {
    fn contexts(&self) -> &'static [keymap::KeyContext] {
        CONTEXTS
    }

    fn header(&self, world: &World) -> ScreenHeader {
        let label = world.source(self.source).info.label.clone();
        let made = self
            .planned()
            .map(|planned| format!("made {}", planned.plan.created().strftime("%H:%M:%S UTC")));
        ScreenHeader {
            path: vec![label, "plan".to_owned()],
            facts: vec![made.unwrap_or_else(|| "no plan yet".to_owned())],
        }
    }

    fn summary(&self, world: &World) -> Cell {
        let from = match (&self.scope, &world.policy_from) {
            (DeletionScope::Marked(_), _) => {
                Cell::new(format!("drops {} only", self.scope), TextRole::Strong)
            }
            (DeletionScope::WithRule(_), _) => Cell::new(self.scope.to_string(), TextRole::Strong),
            (DeletionScope::Trash, _) => {
                Cell::new("empties the trash, whatever its age", TextRole::Strong)
            }
            (DeletionScope::Repair(_), _) => {
                Cell::new(format!("repairs {}", self.scope), TextRole::Strong)
            }
            (DeletionScope::Policy, Some(file)) => {
                Cell::new("policy ", TextRole::Dim).and(file.clone(), TextRole::Text)
            }
            (DeletionScope::Policy, None) => Cell::new(
                "no policy: orphans and unfinished uploads only",
                TextRole::Dim,
            ),
        };
        let from = match self.new_broken {
            NewBroken::Report => from,
            NewBroken::Delete => from.and(" · deletes refs that come broken", TextRole::Warning),
        };
        let from = match &self.state {
            PlanState::Replanning(..) => {
                Cell::new("checking the plan again… · ", TextRole::Title).and_all(from)
            }
            _ => from,
        };
        self.screen.summary(world, "items", from)
    }

    fn act(&mut self, action: Action, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Action::CarryOut => self.confirm(cx),
            Action::CopyCommand => self.copy_command(cx),
            Action::LeaveOut => self.leave_out(cx),
            Action::Mark if self.fold(cx) => {}
            Action::NextPart => self.turn(1, cx),
            Action::PreviousPart => self.turn(PlanSection::ALL.len() - 1, cx),
            Action::MakeRule => self.make_rule(cx),
            Action::Save => match &self.state {
                PlanState::Ready(planned) => cx.show(SavePrompt::new(Arc::clone(&planned.plan))),
                _ => cx.world.note(StatusKind::Failed, "there is no plan yet"),
            },
            Action::FreeNow => {
                self.freed_blobs = match self.freed_blobs {
                    FreedBlobs::Wait => FreedBlobs::DeleteNow,
                    FreedBlobs::DeleteNow => FreedBlobs::Wait,
                };
                self.begin(cx);
            }
            Action::DeleteBroken => {
                self.new_broken = match self.new_broken {
                    NewBroken::Report => NewBroken::Delete,
                    NewBroken::Delete => NewBroken::Report,
                };
            }
            Action::Rescan => {
                cx.scan(self.source);
                self.begin(cx);
            }
            _ => return self.act_on_list(action, cx),
        }
        Handled::Yes
    }

    fn list_changed(&mut self, cx: &mut UiContext<'_>) {
        let is_filtered = !self.screen.list.view().filter.is_empty();
        if is_filtered != self.is_filtered
            && let Some(planned) = self.planned().cloned()
        {
            self.set_rows(planned, cx);
        }
    }

    fn answer(&mut self, request: LayerRequest, cx: &mut UiContext<'_>) {
        match request {
            LayerRequest::CarryOut => self.carry_out(cx),
            request => self.answer_for_list(request, cx),
        }
    }

    fn report(&mut self, job: JobId, report: &JobReport, cx: &mut UiContext<'_>) {
        match (report, &self.state) {
            (
                JobReport::Planned(result),
                PlanState::Planning(waited) | PlanState::Replanning(waited, _),
            ) if *waited == job => match result {
                Ok(planned) => self.show(Arc::clone(planned), cx),
                Err(why) => self.state = PlanState::Failed(why.clone()),
            },
            _ => self.screen.report(job, report, cx),
        }
    }

    fn refresh(&mut self, source: SourceId, cx: &mut UiContext<'_>) {
        if source == self.source && matches!(self.state, PlanState::Awaiting) {
            self.begin(cx);
        }
    }

    fn policy_changed(&mut self, cx: &mut UiContext<'_>) {
        // A plan of marked refs also depends on the policy.
        self.begin(cx);
    }

    fn follow(&mut self, cx: &mut UiContext<'_>) {
        self.follow_item(cx);
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let sentences = self.sentences();
        let Some(planned) = self.planned() else {
            let lines = sentences
                .iter()
                .flat_map(|cell| text::wrap(cell, area.width.saturating_sub(6)));
            for (line, row) in lines.zip(1..area.height) {
                let at = text::LineArea {
                    x: area.x + 3,
                    ..text::LineArea::of(area, row)
                };
                text::put(
                    frame.buffer_mut(),
                    at,
                    &line,
                    &world.theme,
                    Style::default(),
                );
            }
            return;
        };
        let lines = words::head(planned, self.part, self.screen.head_width(area));
        self.screen.draw_ruled_head(&lines, world, frame, area);
        self.screen.draw(world, frame, area, &sentences);
        self.draw_boxes(planned, world, frame, area);
    }

    fn list_screen(&self) -> Option<&ListScreen> {
        Some(&self.screen)
    }

    fn list_screen_mut(&mut self) -> Option<&mut ListScreen> {
        Some(&mut self.screen)
    }

    fn source(&self) -> Option<SourceId> {
        Some(self.source)
    }
}
