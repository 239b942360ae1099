//! The blobs of a source, and all its other objects.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::beginning::BeginningScreen;
use super::files::FilesScreen;
use super::list_screen::{ListScreen, PreviewOf};
use super::plan::PlanScreen;
use super::{Screen, ScreenHeader};
use crate::backend::Totals;
use crate::format::digest::Digest;
use crate::inventory::blobs::BlobRole;
use crate::inventory::filter::Filter;
use crate::inventory::{BlobState, Inventory};
use crate::source::StoreKind;
use crate::text::units::{Size, grouped};
use crate::tui::keymap::{self, Action};
use crate::tui::list::{RowList, Sort, SortDirection};
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::pruning::DeletionScope;
use crate::tui::rows::blobs::{BlobRows, OtherSource, SIZE};
use crate::tui::rows::sources::{counted_so_far, outdated, scan_state};
use crate::tui::rows::{Cell, Identity};
use crate::tui::theme::TextRole;
use crate::tui::widget::table::RowHeight;
use crate::tui::world::{Scan, SourceFacts, SourceId, StatusKind, World};

/// From this width on, all distinctive columns of a blob are visible.
const LIST_WIDTH: u16 = 84;

/// The contexts whose keys are active here.
const CONTEXTS: &[keymap::KeyContext] = &[
    keymap::KeyContext::Blobs,
    keymap::KeyContext::List,
    keymap::KeyContext::Global,
];

/// The blobs of a source.
#[derive(Debug)]
pub struct BlobsScreen {
    source: SourceId,
    screen: ListScreen,
}

impl BlobsScreen {
    /// Shows all objects of `source`, the largest first.
    pub fn new(source: SourceId, cx: &mut UiContext<'_>) -> Self {
        let list = RowList::new(
            rows(source, cx.world),
            Sort {
                column: SIZE,
                order: SortDirection::Descending,
            },
            cx,
        );
        Self {
            source,
            screen: ListScreen::new(list, RowHeight::Single, 0, "blobs").wanting(LIST_WIDTH),
        }
    }

    /// Shows the objects of `source` in one state.
    pub fn in_state(source: SourceId, state: &str, cx: &mut UiContext<'_>) -> Self {
        let mut blobs = Self::new(source, cx);
        blobs.screen.list.set_filter(
            Filter::parse(&format!("state:{state}")).unwrap_or_default(),
            cx,
        );
        blobs
    }

    /// Shows all objects of `source`, with the cursor on a blob.
    pub fn at(source: SourceId, blob: Digest, cx: &mut UiContext<'_>) -> Self {
        let mut blobs = Self::new(source, cx);
        blobs.screen.list.select(&Identity::Blob(blob));
        blobs
    }

    /// Returns the blob under the cursor if it is stored and may be a layer. The type of an orphan
    /// is unknown before it is read.
    fn layer(&self, world: &World) -> Option<Digest> {
        let row = self.screen.list.current()?;
        let Identity::Blob(digest) = self.screen.list.rows().identity(row) else {
            return None;
        };
        let blobs = &world.source(self.source).found.as_ref()?.inventory.blobs;
        let blob = blobs.find(&digest).map(|id| blobs.get(id))?;
        let may_be_layer = matches!(blob.role(), BlobRole::Layer | BlobRole::Unnamed);
        (blob.is_stored() && may_be_layer).then_some(digest)
    }

    /// Shows the files of a layer, or the details of any other object.
    fn open(&mut self, cx: &mut UiContext<'_>) -> Handled {
        let Some(layer) = self.layer(cx.world) else {
            return self.screen.act(Action::Details, cx);
        };
        let name = format!("{}:{}", layer.algorithm(), layer.short(12));
        let files = FilesScreen::new(self.source, "blobs".to_owned(), name, layer, None, cx);
        cx.push(files);
        Handled::Yes
    }

    /// Plans a prune by the policy. Single blobs cannot be chosen: a plan has what no ref needs.
    fn plan(&self, cx: &mut UiContext<'_>) {
        let count = self.screen.list.marks().len();
        let plan = PlanScreen::new(self.source, DeletionScope::Policy, cx);
        cx.push(plan);
        if count > 0 {
            let exclude = cx
                .world
                .keymap
                .key_for(&[keymap::KeyContext::Plan], Action::LeaveOut);
            let words =
                format!("the plan is by the policy, not by marks; {exclude} excludes a blob");
            cx.world.note(StatusKind::Done, words);
        }
    }

    /// Shows only the objects in one state, or all objects if that is shown already.
    fn toggle(&mut self, state: BlobState, cx: &mut UiContext<'_>) {
        let only = Filter::parse(&format!("state:{}", state.word())).unwrap_or_default();
        let filter = if self.screen.list.view().filter == only {
            Filter::default()
        } else {
            only
        };
        self.screen.list.set_filter(filter, cx);
    }
}

fn rows(source: SourceId, world: &World) -> Arc<BlobRows> {
    let found = world.source(source).found.as_ref();
    let inventory = found.map_or_else(
        || Arc::new(Inventory::default()),
        |found| Arc::clone(&found.inventory),
    );
    Arc::new(BlobRows::new(inventory).others(others(source, world)))
}

/// Returns the other repositories in the registry of a source that were scanned.
fn others(source: SourceId, world: &World) -> Vec<OtherSource> {
    fn registry(info: &SourceFacts) -> Option<&str> {
        info.label
            .split('/')
            .next()
            .filter(|_| info.kind == StoreKind::Registry)
    }
    let Some(own) = registry(&world.source(source).info) else {
        return Vec::new();
    };
    let others = world
        .indexed_sources()
        .filter(|(id, other)| *id != source && registry(&other.info) == Some(own));
    others
        .filter_map(|(_, other)| {
            Some((
                other.info.label.clone(),
                Arc::clone(&other.found.as_ref()?.inventory),
            ))
        })
        .collect()
}

impl BlobsScreen {
    fn empty(&self, world: &World) -> Vec<Cell> {
        match &world.source(self.source).scan {
            Scan::Running(_) => vec![Cell::new("Reading what is stored…", TextRole::Dim)],
            Scan::Stopped => {
                let key = world.keymap.key_for(CONTEXTS, Action::Rescan);
                vec![
                    Cell::text("The scan was stopped before it found a blob."),
                    Cell::new(format!("{key} scans again"), TextRole::Dim),
                ]
            }
            Scan::Failed(failure) => failure
                .to_string()
                .lines()
                .map(|line| Cell::text(line.to_owned()))
                .collect(),
            Scan::Done => vec![Cell::text("Nothing is stored here.")],
        }
    }
}

impl Screen for BlobsScreen {
    fn contexts(&self) -> &'static [keymap::KeyContext] {
        CONTEXTS
    }

    fn header(&self, world: &World) -> ScreenHeader {
        let source = world.source(self.source);
        let mut facts = Vec::new();
        if let Some(found) = &source.found {
            let stored = found.totals.stored();
            facts.push(format!(
                "{} objects",
                counted_so_far(stored.count, found.is_complete())
            ));
            if found.is_complete() && found.totals.missing.count > 0 {
                facts.push(format!("{} missing", grouped(found.totals.missing.count)));
            }
            if stored.bytes > 0 || found.is_complete() {
                facts.push(Size(stored.bytes).to_string());
            }
        }
        if matches!(source.scan, Scan::Running(_)) {
            facts.push("scanning".to_owned());
        }
        ScreenHeader {
            path: vec![source.info.label.clone(), "blobs".to_owned()],
            facts,
        }
    }

    fn summary(&self, world: &World) -> Cell {
        let source = world.source(self.source);
        let sums = match &source.found {
            Some(_) if matches!(source.scan, Scan::Failed(_)) => {
                outdated(source).unwrap_or_default()
            }
            Some(found) if found.is_complete() => {
                let totals = &found.totals;
                let part = |cell: Cell, word: &str, tally: Totals, role| match tally.count {
                    0 => cell,
                    _ if cell.0.is_empty() => {
                        cell.and(format!("{} {word}", Size(tally.bytes)), role)
                    }
                    _ => cell.and(format!(" · {} {word}", Size(tally.bytes)), role),
                };
                let cell = part(Cell::default(), "live", totals.live, TextRole::Live);
                let cell = part(
                    cell,
                    "orphan",
                    totals.orphan.unwrap_or_default(),
                    TextRole::Orphan,
                );
                let cell = part(cell, "in the trash", totals.trash, TextRole::Orphan);
                let cell = part(cell, "undetermined", totals.undetermined, TextRole::Unsure);
                let cell = part(cell, "missing", totals.missing, TextRole::Missing);
                let cell = part(cell, "partial", totals.partial, TextRole::Dim);
                part(cell, "unknown", totals.unknown, TextRole::Dim)
            }
            _ => scan_state(source, world.now),
        };
        self.screen.summary(world, "objects", sums)
    }

    fn act(&mut self, action: Action, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Action::Orphans => self.toggle(BlobState::Orphan, cx),
            Action::Missing => self.toggle(BlobState::Missing, cx),
            Action::Plan => self.plan(cx),
            Action::Rescan => cx.scan(self.source),
            Action::Open => return self.open(cx),
            _ => return self.act_on_list(action, cx),
        }
        Handled::Yes
    }

    fn refresh(&mut self, source: SourceId, cx: &mut UiContext<'_>) {
        if source == self.source {
            let rows = rows(source, cx.world);
            self.screen.list.set_rows(rows, cx);
        }
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        self.screen.draw(world, frame, area, &self.empty(world));
    }

    fn stop_work(&mut self, cx: &mut UiContext<'_>) -> Handled {
        cx.stop_scan(self.source)
    }

    fn list_screen(&self) -> Option<&ListScreen> {
        Some(&self.screen)
    }

    fn list_screen_mut(&mut self) -> Option<&mut ListScreen> {
        Some(&mut self.screen)
    }

    fn follow(&mut self, cx: &mut UiContext<'_>) {
        let layer = self.layer(cx.world);
        let source = self.source;
        let rows = Arc::clone(self.screen.list.rows());
        self.screen.follow(cx, |row, cx| {
            let Identity::Blob(blob) = rows.identity(row) else {
                return None;
            };
            match layer {
                Some(layer) => {
                    FilesScreen::preview_of(source, "blobs", layer, cx).map(PreviewOf::Opened)
                }
                None => {
                    BeginningScreen::of_blob(source, blob, CONTEXTS, cx).map(PreviewOf::Content)
                }
            }
        });
    }

    fn source(&self) -> Option<SourceId> {
        Some(self.source)
    }
}
