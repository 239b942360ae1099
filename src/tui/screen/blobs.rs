//! The blobs of a source, and everything else that lies in it.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::list_screen::ListScreen;
use super::{Header, Pointer, Request, Screen};
use crate::format::digest::Digest;
use crate::inventory::filter::Filter;
use crate::inventory::{BlobState, Inventory, Tally};
use crate::tui::effect::JobId;
use crate::tui::keymap::{self, Action};
use crate::tui::list::{List, Order, Sort};
use crate::tui::message::Report;
use crate::tui::rows::blobs::{Beside, BlobRows, SIZE};
use crate::tui::rows::sources::{counted_so_far, scan_state};
use crate::tui::rows::{Cell, Identity};
use crate::tui::theme::Role;
use crate::tui::widget::table::RowHeight;
use crate::tui::world::{Context, Handled, Scan, SourceId, SourceInfo, World};
use crate::units::Size;

/// The blobs of a source.
#[derive(Debug)]
pub struct Blobs {
    source: SourceId,
    screen: ListScreen,
}

impl Blobs {
    /// Shows everything in `source`, the largest first.
    pub fn new(source: SourceId, cx: &mut Context<'_>) -> Self {
        let list = List::new(rows(source, cx.world), Sort { column: SIZE, order: Order::Descending }, cx);
        Self { source, screen: ListScreen::new(list, RowHeight::Single, 0) }
    }

    /// Shows what is in one state of `source`.
    pub fn in_state(source: SourceId, state: &str, cx: &mut Context<'_>) -> Self {
        let mut blobs = Self::new(source, cx);
        blobs.screen.list.set_filter(Filter::parse(&format!("state:{state}")).unwrap_or_default(), cx);
        blobs
    }

    /// Shows everything in `source`, with the cursor on a blob.
    pub fn at(source: SourceId, blob: Digest, cx: &mut Context<'_>) -> Self {
        let mut blobs = Self::new(source, cx);
        blobs.screen.list.select(&Identity::Blob(blob));
        blobs
    }

    /// Shows what is in one state only, or everything if that is the case already.
    fn toggle(&mut self, state: BlobState, cx: &mut Context<'_>) {
        let only = Filter::parse(&format!("state:{}", state.word())).unwrap_or_default();
        let filter = if self.screen.list.view().filter == only { Filter::default() } else { only };
        self.screen.list.set_filter(filter, cx);
    }
}

fn rows(source: SourceId, world: &World) -> Arc<BlobRows> {
    let found = world.source(source).found.as_ref();
    let inventory = found.map_or_else(|| Arc::new(Inventory::default()), |found| Arc::clone(&found.inventory));
    Arc::new(BlobRows::new(inventory).beside(beside(source, world)))
}

/// Returns the other repositories of the registry that a source lies in, as far as they were looked at.
fn beside(source: SourceId, world: &World) -> Vec<Beside> {
    fn registry(info: &SourceInfo) -> Option<&str> {
        info.label.split('/').next().filter(|_| info.kind == "registry")
    }
    let Some(own) = registry(&world.source(source).info) else { return Vec::new() };
    let others = world.indexed_sources().filter(|(id, other)| *id != source && registry(&other.info) == Some(own));
    others
        .filter_map(|(_, other)| Some((other.info.label.clone(), Arc::clone(&other.found.as_ref()?.inventory))))
        .collect()
}

impl Screen for Blobs {
    fn contexts(&self) -> &'static [keymap::Context] {
        &[keymap::Context::Blobs, keymap::Context::List, keymap::Context::Global]
    }

    fn header(&self, world: &World) -> Header {
        let source = world.source(self.source);
        let mut facts = Vec::new();
        if let Some(found) = &source.found {
            let stored = found.totals.stored();
            facts.push(format!("{} objects", counted_so_far(stored.count, found.is_complete())));
            if stored.bytes > 0 || found.is_complete() {
                facts.push(Size(stored.bytes).to_string());
            }
        }
        if matches!(source.scan, Scan::Running(_)) {
            facts.push("scanning".to_owned());
        }
        Header { path: vec![source.info.label.clone(), "blobs".to_owned()], facts }
    }

    fn summary(&self, world: &World) -> Cell {
        let source = world.source(self.source);
        let sums = match &source.found {
            Some(found) if found.is_complete() => {
                let totals = &found.totals;
                let part = |cell: Cell, word: &str, tally: Tally, role| match tally.count {
                    0 => cell,
                    _ if cell.0.is_empty() => cell.and(format!("{} {word}", Size(tally.bytes)), role),
                    _ => cell.and(format!(" · {} {word}", Size(tally.bytes)), role),
                };
                let cell = part(Cell::default(), "live", totals.live, Role::Live);
                let cell = part(cell, "orphan", totals.orphan.unwrap_or_default(), Role::Orphan);
                let cell = part(cell, "in the trash", totals.trash, Role::Orphan);
                let cell = part(cell, "undetermined", totals.undetermined, Role::Unsure);
                let cell = part(cell, "missing", totals.missing, Role::Missing);
                let cell = part(cell, "partial", totals.partial, Role::Dim);
                part(cell, "unknown", totals.unknown, Role::Dim)
            }
            _ => scan_state(source),
        };
        self.screen.summary(world, "objects", sums)
    }

    fn act(&mut self, action: Action, cx: &mut Context<'_>) -> Handled {
        match action {
            Action::Orphans => self.toggle(BlobState::Orphan, cx),
            Action::Missing => self.toggle(BlobState::Missing, cx),
            Action::Rescan => cx.scan(self.source),
            Action::Export => ListScreen::ask_for_file(self.file_name(), cx),
            Action::Escape if self.screen.act(action, cx) == Handled::No => return cx.stop_scan(self.source),
            Action::Escape => {}
            // A blob opens into nothing: what is known of it are its details.
            Action::Open => return self.screen.act(Action::Details, cx),
            _ => return self.screen.act(action, cx),
        }
        Handled::Yes
    }

    fn answer(&mut self, request: Request, cx: &mut Context<'_>) {
        self.screen.answer(request, cx);
    }

    fn pointer(&mut self, pointer: Pointer, cx: &mut Context<'_>) {
        if self.screen.pointer(pointer, cx) == Handled::Yes {
            self.screen.act(Action::Details, cx);
        }
    }

    fn report(&mut self, job: JobId, report: &Report, cx: &mut Context<'_>) {
        self.screen.report(job, report, cx);
    }

    fn refresh(&mut self, source: SourceId, cx: &mut Context<'_>) {
        if source == self.source {
            let rows = rows(source, cx.world);
            self.screen.list.set_rows(rows, cx);
        }
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let empty = match world.source(self.source).scan {
            Scan::Running(_) => Cell::new("Reading what is stored…", Role::Dim),
            _ => Cell::text("Nothing is stored here."),
        };
        self.screen.draw(world, frame, area, &[empty]);
    }

    fn list(&self) -> Option<&List> {
        Some(&self.screen.list)
    }

    fn file_name(&self) -> &'static str {
        "blobs"
    }
}
