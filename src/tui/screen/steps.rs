//! One ref: its steps as a tree, and all details of the step under the cursor.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::files::{FilesScreen, MOST_PREVIEWED};
use super::list_screen::{ListScreen, PreviewOf, draw_filler};
use super::why::WhyScreen;
use super::{LayerRequest, Screen, ScreenHeader};
use crate::explain::evidence::CacheEvidence;
use crate::format::digest::Digest;
use crate::inventory::{Inventory, RefId};
use crate::text::units::grouped;
use crate::text::units::{Age, Size};
use crate::tui::effect::{JobId, JobWork, StepsRequest};
use crate::tui::found::ScannedInventory;
use crate::tui::keymap::{self, Action};
use crate::tui::layer::evidence::EvidencePrompt;
use crate::tui::list::{RowList, Sort};
use crate::tui::message::JobReport;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::sources::counted_so_far;
use crate::tui::rows::steps::{Folds, Names, RefSteps, StepListShape, StepRows};
use crate::tui::rows::{Cell, Identity, RowSet as _};
use crate::tui::theme::TextRole;
use crate::tui::widget::table::RowHeight;
use crate::tui::widget::text;
use crate::tui::widget::treemap;
use crate::tui::world::{Scan, SourceId, StatusKind, World};

mod all_files;
mod fold;
mod words;

/// The steps of a ref.
#[derive(Debug)]
pub struct StepsScreen {
    source: SourceId,
    /// The name of the ref, and its digest when it was opened.
    name: String,
    digest: String,
    screen: ListScreen,
    /// The rows of the list.
    rows: Arc<StepRows>,
    folds: Folds,
    state: StepsState,
    /// The job that renames the steps.
    naming: Option<JobId>,
    /// The layer whose step is gone to as soon as the steps are read.
    seek: Option<Digest>,
}

/// The progress of reading the steps.
#[derive(Debug, PartialEq, Eq)]
enum StepsState {
    /// They are being read, perhaps again.
    Reading(JobId),
    /// They are available.
    Read,
    /// They cannot be read, for these reasons.
    Failed(Vec<String>),
}

impl StepsScreen {
    /// Shows the steps of the ref at `id` of a scanned source.
    pub fn new(
        source: SourceId,
        inventory: Arc<Inventory>,
        id: RefId,
        cx: &mut UiContext<'_>,
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
            &CacheEvidence::default(),
            Names::None,
        );
        let rows = Arc::new(StepRows::new(
            Arc::new(none),
            Folds::default(),
            StepListShape::Tree,
        ));
        let list = RowList::new(Arc::clone(&rows) as _, Sort::default(), cx);
        let job = cx.start(JobWork::LoadSteps(StepsRequest {
            source,
            inventory,
            id,
            given: cx.world.evidence.clone(),
        }));
        let screen = ListScreen::new(list, RowHeight::Single, 1, "steps").with_filler();
        let folds = Folds::default();
        Self {
            source,
            name,
            digest,
            screen,
            rows,
            folds,
            state: StepsState::Reading(job),
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
        cx: &mut UiContext<'_>,
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

    fn show(&mut self, steps: Arc<RefSteps>, shape: StepListShape, cx: &mut UiContext<'_>) {
        self.rows = Arc::new(StepRows::new(steps, self.folds.clone(), shape));
        self.screen.list.set_rows(Arc::clone(&self.rows) as _, cx);
    }

    /// Returns the row under the cursor, and its identity.
    fn current(&self) -> Option<(u32, Identity)> {
        self.screen
            .list
            .current()
            .map(|row| (row, self.screen.list.rows().identity(row)))
    }

    fn open(&mut self, cx: &mut UiContext<'_>) {
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
                let files = FilesScreen::new(
                    self.source,
                    self.name.clone(),
                    self.rows.title(row),
                    layer,
                    self.rows.below(row),
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

    fn load(&mut self, cx: &mut UiContext<'_>) {
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
            self.state = StepsState::Failed(vec!["the ref is not there any more".to_owned()]);
            return;
        };
        self.digest = entry.digest().to_string();
        if let StepsState::Reading(job) = self.state {
            cx.stop(job);
        }
        let given = cx.world.evidence.clone();
        self.state = StepsState::Reading(cx.start(JobWork::LoadSteps(StepsRequest {
            source: self.source,
            inventory,
            id,
            given,
        })));
    }
}

impl Screen for StepsScreen {
    fn contexts(&self) -> &'static [keymap::KeyContext] {
        &[
            keymap::KeyContext::Steps,
            keymap::KeyContext::List,
            keymap::KeyContext::Global,
        ]
    }

    fn header(&self, world: &World) -> ScreenHeader {
        let source = world.source(self.source);
        let mut facts = Vec::new();
        let counts = self.steps().counts;
        let is_read = !matches!(self.state, StepsState::Reading(_));
        facts.push(if counts.steps == 1 {
            "1 step".to_owned()
        } else {
            format!("{} steps", counted_so_far(counts.steps as u64, is_read))
        });
        if matches!(source.scan, Scan::Running(_)) {
            facts.push("scanning".to_owned());
        }
        let name = text::cut(&self.name, world.size.width / 3);
        ScreenHeader {
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
                "the scan is running: sizes and states are not final",
                TextRole::Unsure,
            );
        }
        let sums = Cell::new(Size(entry.sizes.bytes).to_string(), TextRole::Strong)
            .and(" in all", TextRole::Dim);
        let sums = match entry.sizes.exclusive_bytes {
            Some(bytes) => sums
                .and(" · ", TextRole::Dim)
                .and(Size(bytes).to_string(), TextRole::Strong)
                .and(" only here", TextRole::Dim),
            None => sums,
        };
        let sums = match entry.age() {
            Some((time, _)) => sums.and(
                format!(" · made {}", Age::between(time, world.now).ago()),
                TextRole::Dim,
            ),
            None => sums,
        };
        let sums = match entry.sizes.missing_blobs {
            0 => sums,
            count => sums.and(
                format!(" · ! {} missing", grouped(count)),
                TextRole::Missing,
            ),
        };
        self.screen.summary(world, "steps", sums)
    }

    fn act(&mut self, action: Action, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Action::Open => self.open(cx),
            Action::Collapse => self.collapse(cx),
            Action::Expand => self.expand(cx),
            Action::AllFiles => self.open_all_files(cx),
            Action::Evidence => EvidencePrompt::open(cx),
            Action::Why => {
                let row = self
                    .current()
                    .map(|(row, identity)| (identity, self.rows.title(row)));
                let why =
                    WhyScreen::of_ref(self.source, &self.steps().inventory, self.steps().id, cx);
                cx.push(why.asked_from(row));
            }
            Action::Rescan => cx.scan(self.source),
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
            if let Some(job) = self.naming.take() {
                cx.stop(job);
            }
            let given = cx.world.evidence.clone();
            self.naming = Some(cx.start(JobWork::NameSteps(Arc::clone(self.steps()), given)));
        } else {
            self.answer_for_list(request, cx);
        }
    }

    fn report(&mut self, job: JobId, report: &JobReport, cx: &mut UiContext<'_>) {
        match report {
            JobReport::Steps(result) if self.state == StepsState::Reading(job) => match result {
                Ok(steps) => {
                    self.state = StepsState::Read;
                    self.show(Arc::clone(steps), self.rows.shape(), cx);
                    self.follow_seek();
                }
                Err(faults) => self.state = StepsState::Failed(faults.clone()),
            },
            JobReport::Named(result) if self.naming.take_if(|naming| *naming == job).is_some() => {
                match result {
                    Ok(steps) => self.show(Arc::clone(steps), self.rows.shape(), cx),
                    Err(fault) => cx.world.note(StatusKind::Failed, fault.clone()),
                }
            }
            _ => self.screen.report(job, report, cx),
        }
    }

    fn follow(&mut self, cx: &mut UiContext<'_>) {
        let Self {
            source,
            name,
            rows,
            screen,
            ..
        } = self;
        screen.follow(cx, |row, cx| {
            let shown = rows.nearest_layer(row)?;
            let layer = rows.layer(shown)?;
            let is_small = rows.bytes(shown) <= MOST_PREVIEWED;
            if !is_small || !cx.world.is_cheap(*source) {
                return None;
            }
            let title = rows.title(shown);
            let files = Box::new(FilesScreen::new(
                *source,
                name.clone(),
                title,
                layer,
                rows.below(shown),
                cx,
            ));
            Some(if shown == row {
                PreviewOf::Opened(files)
            } else {
                PreviewOf::Content(files)
            })
        });
    }

    fn leave(&mut self, cx: &mut UiContext<'_>) {
        self.screen.forget_preview(cx);
        let reading = if let StepsState::Reading(job) = self.state {
            Some(job)
        } else {
            None
        };
        for job in reading.into_iter().chain(self.naming.take()) {
            cx.stop(job);
        }
    }

    fn refresh(&mut self, source: SourceId, cx: &mut UiContext<'_>) {
        let found = cx.world.source(source).found.as_ref();
        if source == self.source && found.is_some_and(ScannedInventory::is_complete) {
            self.load(cx);
        }
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        self.screen.draw_head(&self.head(world), world, frame, area);
        self.screen.draw(world, frame, area, &self.empty(world));
        let filler = self.screen.areas(area).filler;
        let is_tree = self.rows.shape() == StepListShape::Tree;
        if filler.is_some() && is_tree {
            let tiles = treemap::of_steps(&self.rows, None);
            draw_filler(&tiles, world, frame, filler);
        }
    }

    fn draw_preview(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let empty = self.empty(world);
        let below = self.screen.draw_preview(world, frame, area, &empty);
        if self.rows.shape() == StepListShape::Tree {
            draw_filler(&treemap::of_steps(&self.rows, None), world, frame, below);
        }
    }

    fn source(&self) -> Option<SourceId> {
        Some(self.source)
    }
}
