//! The refs of a source: their sizes, and whether a build can use them.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::blobs::BlobsScreen;
use super::check::CheckScreen;
use super::diff::DiffScreen;
use super::list_screen::{ListScreen, PreviewOf, draw_filler};
use super::plan::PlanScreen;
use super::rule::RuleScreen;
use super::steps::StepsScreen;
use super::treemap::TreemapScreen;
use super::why::WhyScreen;
use super::{LayerRequest, Screen, ScreenHeader};
use crate::inventory::{Inventory, RefId};
use crate::source::RefSelector;
use crate::text::units::Size;
use crate::text::units::grouped;
use crate::tui::found::ScannedInventory;
use crate::tui::keymap::{self, Action};
use crate::tui::list::{Sort, SortDirection, View};
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::pruning::DeletionScope;
use crate::tui::rows::refs::{AGE, RefRows};
use crate::tui::rows::sources::{counted_so_far, outdated, scan_state};
use crate::tui::rows::{Cell, Identity};
use crate::tui::rule::DraftAction;
use crate::tui::theme::TextRole;
use crate::tui::widget::table::RowHeight;
use crate::tui::widget::treemap;
use crate::tui::work::WorkKey;
use crate::tui::world::{Scan, SourceId, StatusKind, World};

mod head;
mod kept;

/// From this width on, all distinctive columns of a ref are visible, including the policy.
const LIST_WIDTH: u16 = 78;
/// The lines above the list: the meter, the ages, and a rule.
const HEAD: u16 = 3;

/// The order in which refs are shown at first.
const STANDARD: Sort = Sort {
    column: AGE,
    order: SortDirection::Ascending,
};

/// The refs of a source.
#[derive(Debug)]
pub struct RefsScreen {
    source: SourceId,
    screen: ListScreen,
    /// The view that is remembered.
    kept: View,
    /// The refs to select as soon as they are known.
    select: Option<RefSelector>,
}

impl RefsScreen {
    /// Shows the refs of `source`, and goes to the first one that `select` matches.
    pub fn new(source: SourceId, select: Option<RefSelector>, cx: &mut UiContext<'_>) -> Self {
        let list = Self::kept_list(source, select.is_some(), cx);
        let mut refs = Self {
            source,
            kept: list.view().clone(),
            screen: ListScreen::new(list, RowHeight::Single, HEAD, "refs")
                .wanting(LIST_WIDTH)
                .with_filler(),
            select,
        };
        refs.fit_head(cx.world);
        refs.follow_selection(cx);
        refs
    }

    /// Leaves no room for the lines above the list while nothing is known.
    fn fit_head(&mut self, world: &World) {
        let is_known = world.source(self.source).found.is_some();
        self.screen.set_head(if is_known { HEAD } else { 0 });
    }

    fn follow_selection(&mut self, cx: &mut UiContext<'_>) {
        let Some(found) = &cx.world.source(self.source).found else {
            return;
        };
        let Some(select) = self.select.take() else {
            return;
        };
        if select.is_pattern() {
            return self.narrow(&select, cx);
        }
        let selected = found.inventory.indexed_refs().find(|(_, entry)| {
            let digest = entry.digest().valid();
            entry
                .names()
                .any(|name| select.selects(name, digest.as_ref()))
        });
        match selected {
            Some((id, _)) => {
                let identity = self.screen.list.rows().identity(id.0);
                self.screen.list.select(&identity);
                if std::mem::take(&mut cx.world.explain_at_once) {
                    self.explain(cx);
                }
            }
            None => cx.world.note(
                StatusKind::Failed,
                "the ref that was asked for is not there; these are",
            ),
        }
    }

    /// Returns the scope of a plan: the marked refs, if there are any.
    fn scope(&self) -> DeletionScope {
        let refs = self
            .screen
            .list
            .marks()
            .into_iter()
            .filter_map(|identity| match identity {
                Identity::Ref(name, digest) => Some((name, digest)),
                _ => None,
            });
        match refs.collect::<Vec<_>>() {
            refs if refs.is_empty() => DeletionScope::Policy,
            refs => DeletionScope::Marked(refs),
        }
    }

    /// Compares the two marked refs, or the marked one with the one under the cursor.
    fn compare(&self, cx: &mut UiContext<'_>) {
        let list = &self.screen.list;
        let mut rows: Vec<u32> = list
            .marks()
            .iter()
            .filter_map(|identity| list.rows().find(identity))
            .collect();
        if rows.len() == 1 {
            rows.extend(list.current().filter(|row| !rows.contains(row)));
        }
        let found = cx.world.source(self.source).found.clone();
        let (Ok(rows), Some(found)) = (<[u32; 2]>::try_from(rows), found) else {
            let key = |action| cx.world.keymap.key_for(self.contexts(), action);
            let mark = key(Action::Mark);
            let diff = key(Action::Diff);
            let words = format!("mark one ref or two with {mark}, then {diff} compares them");
            return cx.world.note(StatusKind::Failed, words);
        };
        let diff = DiffScreen::new(self.source, found.inventory, rows.map(RefId), cx);
        cx.push(diff);
    }

    /// Edits a rule about the marked refs, else about refs like the one under the cursor.
    fn make_rule(&self, cx: &mut UiContext<'_>) {
        let list = &self.screen.list;
        let marked = match self.scope() {
            DeletionScope::Marked(refs) => refs.into_iter().map(|(name, _)| name).collect(),
            _ => Vec::new(),
        };
        let names: Vec<String> = if marked.is_empty() {
            list.current()
                .map(|row| list.rows().name(row))
                .into_iter()
                .collect()
        } else {
            marked
        };
        let found = cx.world.source(self.source).found.clone();
        let found = found.filter(ScannedInventory::is_complete);
        let Some(found) = found.filter(|_| !names.is_empty()) else {
            let words = "a rule can be edited when every ref is known";
            return cx.world.note(StatusKind::Failed, words);
        };
        match RuleScreen::new(self.source, found.inventory, &names, DraftAction::Keep, cx) {
            Ok(screen) => cx.push(screen),
            Err(error) => cx.world.note(StatusKind::Failed, error.to_string()),
        }
    }

    /// Opens the ref under the cursor.
    fn open(&mut self, cx: &mut UiContext<'_>) {
        let row = self.screen.list.current();
        let found = cx.world.source(self.source).found.clone();
        if let Some((row, found)) = row.zip(found) {
            let steps = StepsScreen::new(self.source, found.inventory, RefId(row), cx);
            cx.push(steps);
        }
    }

    /// Asks why builds missed the ref under the cursor.
    fn explain(&mut self, cx: &mut UiContext<'_>) {
        let row = self.screen.list.current();
        let found = cx.world.source(self.source).found.clone();
        if let Some((row, found)) = row.zip(found) {
            let why = WhyScreen::of_ref(self.source, &found.inventory, RefId(row), cx);
            cx.push(why);
        }
    }
}

fn rows(source: SourceId, world: &World) -> Arc<RefRows> {
    let found = world.source(source).found.as_ref();
    let inventory = found.map_or_else(
        || Arc::new(Inventory::default()),
        |found| Arc::clone(&found.inventory),
    );
    Arc::new(RefRows::new(
        inventory,
        found.and_then(|found| found.verdicts.clone()),
    ))
}

impl Screen for RefsScreen {
    fn contexts(&self) -> &'static [keymap::KeyContext] {
        &[
            keymap::KeyContext::Refs,
            keymap::KeyContext::List,
            keymap::KeyContext::Global,
        ]
    }

    fn header(&self, world: &World) -> ScreenHeader {
        let source = world.source(self.source);
        let mut facts = Vec::new();
        if let Some(found) = &source.found {
            let count = found.inventory.refs.len() as u64;
            let words = || format!("{} refs", counted_so_far(count, found.is_complete()));
            facts.push(if count == 1 {
                "1 ref".to_owned()
            } else {
                words()
            });
            let stored = found.totals.stored().bytes;
            if stored > 0 || found.is_complete() {
                facts.push(Size(stored).to_string());
            }
        }
        if matches!(source.scan, Scan::Running(_)) {
            facts.push("scanning".to_owned());
        }
        ScreenHeader {
            path: vec![source.info.label.clone(), "refs".to_owned()],
            facts,
        }
    }

    fn summary(&self, world: &World) -> Cell {
        let source = world.source(self.source);
        let sums = match (&source.scan, &source.found) {
            (Scan::Failed(_), Some(_)) => outdated(source).unwrap_or_default(),
            (_, Some(found)) if found.is_complete() => {
                let broken = found.broken_refs();
                let live = Cell::new(Size(found.totals.live.bytes).to_string(), TextRole::Strong);
                let reached = if found.withheld().is_some() {
                    " in the indexes of "
                } else {
                    " reached by "
                };
                let cell = live
                    .and(reached, TextRole::Dim)
                    .and(grouped(found.inventory.refs.len() as u64), TextRole::Strong)
                    .and(" refs", TextRole::Dim);
                if broken == 0 {
                    cell
                } else {
                    cell.and(format!(" · ! {broken} broken"), TextRole::Missing)
                }
            }
            _ => scan_state(source, world.now),
        };
        self.screen.summary(world, "refs", sums)
    }

    fn act(&mut self, action: Action, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Action::Open => self.open(cx),
            Action::Blobs => {
                let blobs = BlobsScreen::new(self.source, cx);
                cx.push(blobs);
            }
            Action::Check => {
                let source = self.source;
                cx.push_once(WorkKey::Check(source), |cx| CheckScreen::new(source, cx));
                if let DeletionScope::Marked(refs) = self.scope() {
                    let names = refs.into_iter().map(|(name, _)| name);
                    cx.ask(LayerRequest::About(names.collect()));
                }
            }
            Action::Plan => {
                let plan = PlanScreen::new(self.source, self.scope(), cx);
                cx.push(plan);
            }
            Action::Treemap => {
                let treemap = TreemapScreen::new(self.source, cx);
                cx.push(treemap);
            }
            Action::EmptyTrash => {
                let plan = PlanScreen::new(self.source, DeletionScope::Trash, cx);
                cx.push(plan);
            }
            Action::Why => self.explain(cx),
            Action::MakeRule => self.make_rule(cx),
            Action::Diff => self.compare(cx),
            Action::Rescan => cx.scan(self.source),
            _ => return self.act_on_list(action, cx),
        }
        self.keep(cx);
        Handled::Yes
    }

    fn list_changed(&mut self, cx: &mut UiContext<'_>) {
        self.keep(cx);
    }

    fn refresh(&mut self, source: SourceId, cx: &mut UiContext<'_>) {
        if source == self.source {
            let rows = rows(source, cx.world);
            self.screen.list.set_rows(rows, cx);
            self.fit_head(cx.world);
            self.follow_selection(cx);
            self.screen.forget_preview(cx);
        }
    }

    fn follow(&mut self, cx: &mut UiContext<'_>) {
        let source = self.source;
        self.screen.follow(cx, |row, cx| {
            let found = cx.world.source(source).found.clone()?;
            let is_ready = found.is_complete() && cx.world.is_cheap(source);
            is_ready
                .then(|| StepsScreen::new(source, found.inventory, RefId(row), cx))
                .map(|steps| PreviewOf::Opened(Box::new(steps)))
        });
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        self.draw_head(world, frame, self.screen.areas(area).head);
        self.screen.draw(world, frame, area, &self.empty(world));
        let found = world.source(self.source).found.as_ref();
        let filler = self.screen.areas(area).filler;
        if filler.is_some()
            && let Some(found) = found
        {
            draw_filler(&treemap::of_source(found), world, frame, filler);
        }
    }

    fn draw_preview(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let empty = self.empty(world);
        let below = self.screen.draw_preview(world, frame, area, &empty);
        if let Some((found, below)) = world.source(self.source).found.as_ref().zip(below) {
            head::draw_ages(found, world, frame.buffer_mut(), below);
        }
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

    fn source(&self) -> Option<SourceId> {
        Some(self.source)
    }
}
