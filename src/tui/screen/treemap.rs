//! What takes the bytes of a source, as boxes: its refs, then the stages of a ref, then the steps of
//! a stage.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::files::FilesScreen;
use super::{Pointer, Screen, ScreenHeader};
use crate::inventory::{Inventory, RefId};
use crate::text::units::Size;
use crate::tui::keymap::{self, Action};
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::Cell;
use crate::tui::rows::sources::scan_state;
use crate::tui::rows::steps::{Folds, StepListShape, StepRows};
use crate::tui::theme::TextRole;
use crate::tui::view;
use crate::tui::widget::text::{self, LineArea};
use crate::tui::widget::treemap::{self, TileSubject, TreemapTile};
use crate::tui::work::WorkKey;
use crate::tui::work::steps::{StepsProgress, StepsWork};
use crate::tui::world::{Scan, SourceId, StatusKind, World};

/// The boxes of a source, or of something in it.
#[derive(Debug)]
pub struct TreemapScreen {
    source: SourceId,
    level: TreemapLevel,
    tiles: Vec<TreemapTile>,
    cursor: usize,
    /// The reading of the steps of the open ref.
    key: Option<WorkKey>,
}

#[derive(Debug)]
enum TreemapLevel {
    /// The refs of the source.
    Refs,
    /// The stages of a ref, once its steps are read.
    Stages(OpenRef),
    /// The steps of a stage, by the row of its head; of a ref without stages, all.
    Steps(OpenRef, Option<u32>),
}

/// A ref that was opened.
#[derive(Debug, Clone)]
struct OpenRef {
    name: String,
    steps: TreemapSteps,
}

#[derive(Debug, Clone)]
enum TreemapSteps {
    Reading,
    Read(Arc<StepRows>),
    Failed(Vec<String>),
}

impl TreemapScreen {
    /// Shows the refs of `source`.
    pub fn new(source: SourceId, cx: &mut UiContext<'_>) -> Self {
        let mut screen = Self {
            source,
            level: TreemapLevel::Refs,
            tiles: Vec::new(),
            cursor: 0,
            key: None,
        };
        screen.show_refs(cx.world);
        screen
    }

    /// Shows a ref of a source whose steps are read.
    pub fn of(key: WorkKey, work: &StepsWork, cx: &mut UiContext<'_>) -> Self {
        let mut screen = Self::new(work.source, cx);
        screen.key = Some(key);
        screen.show_reading(work, cx);
        screen
    }

    fn show_refs(&mut self, world: &World) {
        let found = world.source(self.source).found.as_ref();
        self.tiles = found.map(treemap::of_source).unwrap_or_default();
        self.cursor = self.cursor.min(self.tiles.len().saturating_sub(1));
    }

    /// Goes into what the box under the cursor stands for.
    fn open(&mut self, cx: &mut UiContext<'_>) {
        let Some(tile) = self.tiles.get(self.cursor) else {
            return;
        };
        match (&self.level, tile.what) {
            (TreemapLevel::Refs, TileSubject::Ref(id)) => {
                let found = cx.world.source(self.source).found.clone();
                if let Some(found) = found {
                    self.open_ref(found.inventory, id, cx);
                }
            }
            (TreemapLevel::Stages(of), TileSubject::Row(head)) => {
                let of = of.clone();
                self.level = TreemapLevel::Steps(of, Some(head));
                self.show_steps();
            }
            (TreemapLevel::Steps(of, _), TileSubject::Row(row)) => {
                if let TreemapSteps::Read(rows) = &of.steps
                    && let Some(layer) = rows.layer(row)
                {
                    let files = FilesScreen::new(
                        self.source,
                        of.name.clone(),
                        rows.title(row),
                        layer,
                        rows.below(row),
                        cx,
                    );
                    cx.push(files);
                }
            }
            (_, TileSubject::Ref(_) | TileSubject::Row(_) | TileSubject::Others) => {
                let words = "this box stands for many; there is nothing inside to open";
                cx.world.note(StatusKind::Failed, words);
            }
        }
    }

    fn open_ref(&mut self, inventory: Arc<Inventory>, id: RefId, cx: &mut UiContext<'_>) {
        let (key, work) = StepsWork::begin(self.source, inventory, id, cx);
        self.key = Some(key);
        self.show_reading(&work, cx);
    }

    /// Shows the stages of a ref, once its steps are read.
    fn show_reading(&mut self, work: &StepsWork, cx: &mut UiContext<'_>) {
        let steps = match &work.state {
            StepsProgress::Reading(_) => TreemapSteps::Reading,
            StepsProgress::Read(steps) => {
                let steps = Arc::clone(steps);
                let rows = StepRows::new(steps, Folds::default(), StepListShape::Tree);
                TreemapSteps::Read(Arc::new(rows))
            }
            StepsProgress::Failed(faults) => TreemapSteps::Failed(faults.clone()),
            StepsProgress::Stopped => {
                self.leave_level(cx);
                self.forget_reading(cx);
                return;
            }
        };
        let name = work.name.clone();
        self.level = TreemapLevel::Stages(OpenRef { name, steps });
        self.tiles.clear();
        self.show_steps();
    }

    /// Makes the boxes of the level again.
    fn show_steps(&mut self) {
        self.cursor = 0;
        let (TreemapLevel::Stages(of) | TreemapLevel::Steps(of, _)) = &self.level else {
            return;
        };
        let TreemapSteps::Read(rows) = &of.steps else {
            return;
        };
        let stages = treemap::of_stages(rows);
        match &self.level {
            // Without stages there is one level less.
            TreemapLevel::Stages(of) if stages.is_empty() => {
                self.tiles = treemap::of_steps(rows, None);
                self.level = TreemapLevel::Steps(of.clone(), None);
            }
            TreemapLevel::Stages(_) => self.tiles = stages,
            TreemapLevel::Steps(_, head) => self.tiles = treemap::of_steps(rows, *head),
            TreemapLevel::Refs => {}
        }
    }

    /// Goes out of the level; from the refs, the screen is left.
    fn leave_level(&mut self, cx: &mut UiContext<'_>) -> Handled {
        match &self.level {
            TreemapLevel::Refs => return Handled::No,
            TreemapLevel::Steps(of, Some(head)) => {
                let stage = *head;
                self.level = TreemapLevel::Stages(of.clone());
                self.show_steps();
                self.go_to(|tile| matches!(tile.what, TileSubject::Row(row) if row == stage));
            }
            TreemapLevel::Stages(of) | TreemapLevel::Steps(of, None) => {
                let name = of.name.clone();
                self.level = TreemapLevel::Refs;
                self.forget_reading(cx);
                self.cursor = 0;
                self.show_refs(cx.world);
                self.go_to(|tile| tile.name == name);
            }
        }
        Handled::Yes
    }

    fn forget_reading(&mut self, cx: &mut UiContext<'_>) {
        if let Some(key) = self.key.take() {
            cx.forget_work(key);
        }
    }

    /// Moves the cursor to a box, if there is one.
    fn go_to(&mut self, is_wanted: impl Fn(&TreemapTile) -> bool) {
        self.cursor = self.tiles.iter().position(is_wanted).unwrap_or_default();
    }

    fn go(&mut self, place: usize) {
        self.cursor = place.min(self.tiles.len().saturating_sub(1));
    }

    /// Returns where the boxes are drawn.
    fn room(area: Rect) -> Rect {
        Rect {
            x: area.x + 1,
            width: area.width.saturating_sub(2),
            ..area
        }
    }

    fn words(&self, world: &World) -> Vec<Cell> {
        let source = world.source(self.source);
        match &self.level {
            TreemapLevel::Stages(of) | TreemapLevel::Steps(of, _) => match &of.steps {
                TreemapSteps::Reading => vec![Cell::new("Reading the steps…", TextRole::Dim)],
                TreemapSteps::Failed(faults) => faults
                    .iter()
                    .map(|fault| Cell::new(format!("! {fault}"), TextRole::Error))
                    .collect(),
                TreemapSteps::Read(_) => vec![Cell::text("No step of it has a layer.")],
            },
            TreemapLevel::Refs if matches!(source.scan, Scan::Running(_)) => {
                vec![scan_state(source, world.now)]
            }
            TreemapLevel::Refs => vec![Cell::text("Nothing is stored here, as far as is known.")],
        }
    }
}

impl Screen for TreemapScreen {
    fn contexts(&self) -> &'static [keymap::KeyContext] {
        &[keymap::KeyContext::Treemap, keymap::KeyContext::Global]
    }

    fn header(&self, world: &World) -> ScreenHeader {
        let label = world.source(self.source).info.label.clone();
        let mut path = vec![label, "treemap".to_owned()];
        if let TreemapLevel::Stages(of) | TreemapLevel::Steps(of, _) = &self.level {
            path.push(text::cut(&of.name, world.size.width / 4));
        }
        if let TreemapLevel::Steps(of, Some(head)) = &self.level
            && let TreemapSteps::Read(rows) = &of.steps
        {
            path.push(treemap::stage_name(rows, *head));
        }
        ScreenHeader {
            path,
            facts: Vec::new(),
        }
    }

    fn summary(&self, _world: &World) -> Cell {
        match self.tiles.get(self.cursor) {
            Some(tile) => Cell::new(tile.name.clone(), TextRole::Strong)
                .and(format!(" · {} ", Size(tile.bytes)), TextRole::Text)
                .and(tile.words, TextRole::Dim),
            None => Cell::default(),
        }
    }

    fn act(&mut self, action: Action, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Action::Open => self.open(cx),
            Action::Up => self.go(self.cursor.saturating_sub(1)),
            Action::Down => self.go(self.cursor + 1),
            Action::Top => self.go(0),
            Action::Bottom => self.go(usize::MAX),
            Action::Collapse | Action::Escape | Action::Back => return self.leave_level(cx),
            _ => return Handled::No,
        }
        Handled::Yes
    }

    fn pointer(&mut self, pointer: Pointer, cx: &mut UiContext<'_>) {
        let Pointer::Click(x, y) = pointer else {
            return;
        };
        let room = Self::room(view::body(cx.world.size));
        match treemap::at(&self.tiles, room, x, y) {
            Some(place) if place == self.cursor => self.open(cx),
            Some(place) => self.go(place),
            None => {}
        }
    }

    fn work(&self) -> Option<WorkKey> {
        self.key
    }

    fn show_work(&mut self, key: WorkKey, cx: &mut UiContext<'_>) {
        if let Some(work) = cx.work::<StepsWork>(key) {
            self.show_reading(&work, cx);
        }
    }

    fn refresh(&mut self, source: SourceId, cx: &mut UiContext<'_>) {
        if source == self.source && matches!(self.level, TreemapLevel::Refs) {
            self.show_refs(cx.world);
        }
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let room = Self::room(area);
        if self.tiles.is_empty() {
            for (line, row) in self.words(world).iter().zip(1..room.height) {
                let at = LineArea {
                    x: room.x + 2,
                    width: room.width.saturating_sub(2),
                    ..LineArea::of(room, row)
                };
                text::put(
                    frame.buffer_mut(),
                    at,
                    line,
                    &world.theme,
                    ratatui::style::Style::default(),
                );
            }
            return;
        }
        treemap::draw(
            &self.tiles,
            Some(self.cursor),
            world,
            frame.buffer_mut(),
            room,
        );
    }

    fn source(&self) -> Option<SourceId> {
        Some(self.source)
    }
}
