//! What takes the bytes of a source, as boxes: its refs, then the stages of a ref, then the steps of
//! a stage.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::files::Files;
use super::{Header, Pointer, Screen};
use crate::inventory::{Inventory, RefId};
use crate::text::units::Size;
use crate::tui::effect::{JobId, Work};
use crate::tui::keymap::{self, Action};
use crate::tui::message::Report;
use crate::tui::rows::Cell;
use crate::tui::rows::steps::{Folds, Shape, StepRows};
use crate::tui::theme::Role;
use crate::tui::view;
use crate::tui::widget::text::{self, Line};
use crate::tui::widget::treemap::{self, Tile, What};
use crate::tui::world::{Context, Handled, SourceId, StatusKind, World};

/// The boxes of a source, or of something in it.
#[derive(Debug)]
pub struct TreemapScreen {
    source: SourceId,
    level: Level,
    tiles: Vec<Tile>,
    cursor: usize,
}

#[derive(Debug)]
enum Level {
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
    steps: Loaded,
}

#[derive(Debug, Clone)]
enum Loaded {
    Reading(JobId),
    Read(Arc<StepRows>),
    Failed(Vec<String>),
}

impl TreemapScreen {
    /// Shows the refs of `source`.
    pub fn new(source: SourceId, cx: &mut Context<'_>) -> Self {
        let mut screen = Self {
            source,
            level: Level::Refs,
            tiles: Vec::new(),
            cursor: 0,
        };
        screen.show_refs(cx.world);
        screen
    }

    fn show_refs(&mut self, world: &World) {
        let found = world.source(self.source).found.as_ref();
        self.tiles = found.map(treemap::of_source).unwrap_or_default();
        self.cursor = self.cursor.min(self.tiles.len().saturating_sub(1));
    }

    /// Goes into what the box under the cursor stands for.
    fn open(&mut self, cx: &mut Context<'_>) {
        let Some(tile) = self.tiles.get(self.cursor) else {
            return;
        };
        match (&self.level, tile.what) {
            (Level::Refs, What::Ref(id)) => {
                let found = cx.world.source(self.source).found.clone();
                if let Some(found) = found {
                    self.open_ref(found.inventory, id, cx);
                }
            }
            (Level::Stages(of), What::Row(head)) => {
                let of = of.clone();
                self.level = Level::Steps(of, Some(head));
                self.show_steps();
            }
            (Level::Steps(of, _), What::Row(row)) => {
                if let Loaded::Read(rows) = &of.steps
                    && let Some(layer) = rows.layer(row)
                {
                    let files =
                        Files::new(self.source, of.name.clone(), rows.title(row), layer, cx);
                    cx.push(files);
                }
            }
            (_, What::Ref(_) | What::Row(_) | What::Others) => {
                let words = "this box stands for many; there is nothing inside to open";
                cx.world.note(StatusKind::Failed, words);
            }
        }
    }

    fn open_ref(&mut self, inventory: Arc<Inventory>, id: RefId, cx: &mut Context<'_>) {
        let name = inventory.get_ref(id).map(|entry| entry.name.clone());
        let given = cx.world.evidence.clone();
        let job = cx.start(Work::LoadSteps {
            source: self.source,
            inventory,
            id,
            given,
        });
        self.level = Level::Stages(OpenRef {
            name: name.unwrap_or_default(),
            steps: Loaded::Reading(job),
        });
        self.tiles.clear();
        self.cursor = 0;
    }

    /// Makes the boxes of the level again.
    fn show_steps(&mut self) {
        self.cursor = 0;
        let (Level::Stages(of) | Level::Steps(of, _)) = &self.level else {
            return;
        };
        let Loaded::Read(rows) = &of.steps else {
            return;
        };
        let stages = treemap::of_stages(rows);
        match &self.level {
            // Without stages there is one level less.
            Level::Stages(of) if stages.is_empty() => {
                self.tiles = treemap::of_steps(rows, None);
                self.level = Level::Steps(of.clone(), None);
            }
            Level::Stages(_) => self.tiles = stages,
            Level::Steps(_, head) => self.tiles = treemap::of_steps(rows, *head),
            Level::Refs => {}
        }
    }

    /// Goes out of the level; from the refs, the screen is left.
    fn leave_level(&mut self, cx: &mut Context<'_>) -> Handled {
        self.stop(cx);
        match &self.level {
            Level::Refs => return Handled::No,
            Level::Steps(of, Some(_)) => {
                self.level = Level::Stages(of.clone());
                self.show_steps();
            }
            Level::Stages(_) | Level::Steps(_, None) => {
                self.level = Level::Refs;
                self.cursor = 0;
                self.show_refs(cx.world);
            }
        }
        Handled::Yes
    }

    fn stop(&mut self, cx: &mut Context<'_>) {
        if let Level::Stages(of) | Level::Steps(of, _) = &self.level
            && let Loaded::Reading(job) = of.steps
        {
            cx.stop(job);
        }
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

    fn words(&self) -> Vec<Cell> {
        match &self.level {
            Level::Stages(of) | Level::Steps(of, _) => match &of.steps {
                Loaded::Reading(_) => vec![Cell::new("Reading the steps…", Role::Dim)],
                Loaded::Failed(faults) => faults
                    .iter()
                    .map(|fault| Cell::new(format!("! {fault}"), Role::Error))
                    .collect(),
                Loaded::Read(_) => vec![Cell::text("No step of it has a layer.")],
            },
            Level::Refs => vec![Cell::text("Nothing is stored here, as far as is known.")],
        }
    }
}

impl Screen for TreemapScreen {
    fn contexts(&self) -> &'static [keymap::Context] {
        &[keymap::Context::Treemap, keymap::Context::Global]
    }

    fn header(&self, world: &World) -> Header {
        let label = world.source(self.source).info.label.clone();
        let mut path = vec![label, "treemap".to_owned()];
        if let Level::Stages(of) | Level::Steps(of, _) = &self.level {
            path.push(text::cut(&of.name, world.size.width / 4));
        }
        if let Level::Steps(of, Some(head)) = &self.level
            && let Loaded::Read(rows) = &of.steps
        {
            path.push(treemap::stage_name(rows, *head));
        }
        Header {
            path,
            facts: Vec::new(),
        }
    }

    fn summary(&self, _world: &World) -> Cell {
        match self.tiles.get(self.cursor) {
            Some(tile) => Cell::new(tile.name.clone(), Role::Strong)
                .and(format!(" · {} ", Size(tile.bytes)), Role::Text)
                .and(tile.words, Role::Dim),
            None => Cell::default(),
        }
    }

    fn act(&mut self, action: Action, cx: &mut Context<'_>) -> Handled {
        match action {
            Action::Open => self.open(cx),
            Action::Up => self.go(self.cursor.saturating_sub(1)),
            Action::Down => self.go(self.cursor + 1),
            Action::Top => self.go(0),
            Action::Bottom => self.go(usize::MAX),
            Action::Collapse | Action::Escape => return self.leave_level(cx),
            _ => return Handled::No,
        }
        Handled::Yes
    }

    fn pointer(&mut self, pointer: Pointer, cx: &mut Context<'_>) {
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

    fn report(&mut self, job: JobId, report: &Report, _cx: &mut Context<'_>) {
        if let (Report::Steps(result), Level::Stages(of)) = (report, &mut self.level)
            && matches!(of.steps, Loaded::Reading(reading) if reading == job)
        {
            of.steps = match result {
                Ok(steps) => {
                    let rows = StepRows::new(Arc::clone(steps), Folds::default(), Shape::Tree);
                    Loaded::Read(Arc::new(rows))
                }
                Err(faults) => Loaded::Failed(faults.clone()),
            };
            self.show_steps();
        }
    }

    fn leave(&mut self, cx: &mut Context<'_>) {
        self.stop(cx);
    }

    fn refresh(&mut self, source: SourceId, cx: &mut Context<'_>) {
        if source == self.source && matches!(self.level, Level::Refs) {
            self.show_refs(cx.world);
        }
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let room = Self::room(area);
        if self.tiles.is_empty() {
            for (line, row) in self.words().iter().zip(1..room.height) {
                let at = Line {
                    x: room.x + 2,
                    width: room.width.saturating_sub(2),
                    ..Line::of(room, row)
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
