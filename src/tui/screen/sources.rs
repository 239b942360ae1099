//! The sources: how much of each is in use, how much is waste, and whether it has faults.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::blobs::BlobsScreen;
use super::check::CheckScreen;
use super::list_screen::{ListScreen, PreviewOf, draw_filler};
use super::plan::PlanScreen;
use super::refs::RefsScreen;
use super::treemap::TreemapScreen;
use super::why::WhyScreen;
use super::{Screen, ScreenHeader};
use crate::inventory::filter::Filter;
use crate::text::plural::one_or;
use crate::text::units::Size;
use crate::tui::effect::ConfigAddition;
use crate::tui::found::AgeBytes;
use crate::tui::keymap::{self, Action};
use crate::tui::layer::add::AddPrompt;
use crate::tui::layer::config::ConfigPrompt;
use crate::tui::list::{RowList, Sort};
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::pruning::DeletionScope;
use crate::tui::rows::sources::{AS_NAMED, SourceRows, in_trash, is_settled, so_far};
use crate::tui::rows::{Cell, Identity};
use crate::tui::theme::TextRole;
use crate::tui::widget::table::RowHeight;
use crate::tui::widget::{histogram, text, treemap};
use crate::tui::work::WorkKey;
use crate::tui::world::{Scan, SourceId, SourceState, StatusKind, World};

/// The contexts whose keys are active here.
pub const CONTEXTS: &[keymap::KeyContext] = &[
    keymap::KeyContext::Sources,
    keymap::KeyContext::List,
    keymap::KeyContext::Global,
];

/// From this width on there is space for the ages in the last line.
const SPARK_FROM: u16 = 76;
/// From this width on, all distinctive columns of a source are visible.
const LIST_WIDTH: u16 = 84;
/// The space for the size of the trash, if there is any.
const TRASH: u16 = 24;

/// The list of sources.
#[derive(Debug)]
pub struct SourcesScreen(ListScreen);

impl SourcesScreen {
    /// Shows all sources.
    pub fn new(cx: &mut UiContext<'_>) -> Self {
        let rows = Arc::new(SourceRows::new(cx.world.indexed_sources()));
        let list = RowList::new(
            rows,
            Sort {
                column: AS_NAMED,
                ..Sort::default()
            },
            cx,
        );
        let screen = ListScreen::new(list, RowHeight::Double, 0, "sources");
        Self(screen.wanting(LIST_WIDTH).with_filler())
    }

    fn current(&self) -> Option<SourceId> {
        match self.0.list.rows().identity(self.0.list.current()?) {
            Identity::Source(place) => Some(SourceId(place)),
            _ => None,
        }
    }

    /// Returns the source under the cursor; shows a message and returns `None` if it cannot be
    /// read.
    fn readable(&self, cx: &mut UiContext<'_>) -> Option<SourceId> {
        let id = self.current()?;
        let source = cx.world.source(id);
        if source.info.is_waiting {
            let key = cx.world.keymap.key_for(CONTEXTS, Action::Open);
            cx.world.note(
                StatusKind::Failed,
                format!("it was not contacted yet: {key} opens it"),
            );
            return None;
        }
        if matches!(source.scan, Scan::Failed(_)) && source.found.is_none() {
            let key = |action| cx.world.keymap.key_for(CONTEXTS, action);
            let words = format!(
                "it cannot be read; {} shows why, {} closes it",
                key(Action::Details),
                key(Action::Remove)
            );
            cx.world.note(StatusKind::Failed, words);
            return None;
        }
        Some(id)
    }

    /// Returns the marked sources, else the one under the cursor, as far as they may be contacted;
    /// the first one comes last, so that its screen is on top. `what` names the screens.
    fn chosen(&self, what: &str, cx: &mut UiContext<'_>) -> Vec<SourceId> {
        let marks = self.0.list.marks().into_iter();
        let marked = marks.filter_map(|identity| match identity {
            Identity::Source(place) => Some(SourceId(place)),
            _ => None,
        });
        let mut chosen: Vec<SourceId> = marked.collect();
        if chosen.is_empty() {
            chosen.extend(self.current());
        }
        chosen.retain(|id| is_open(cx, *id));
        chosen.reverse();
        if chosen.len() > 1 {
            let key = cx.world.keymap.key_for(CONTEXTS, Action::Back);
            let words = format!("{} {what}: {key} leads to the next one", chosen.len());
            cx.world.note(StatusKind::Done, words);
        }
        chosen
    }

    /// Says how the scan of the source under the cursor is stopped, if there is one.
    fn with_scan(&self, sums: Cell, world: &World) -> Cell {
        let scan = self.current().map(|id| &world.source(id).scan);
        if !matches!(scan, Some(Scan::Running(_))) {
            return sums;
        }
        let key = world.keymap.key_for(CONTEXTS, Action::Escape);
        sums.and(format!(" · {key} stops the scan"), TextRole::Title)
    }

    fn open(&mut self, cx: &mut UiContext<'_>) {
        let waits = |id: &SourceId| cx.world.source(*id).info.is_waiting;
        if let Some(id) = self.current().filter(waits) {
            cx.consent(id);
            self.refresh(id, cx);
            return;
        }
        if let Some(id) = self.readable(cx) {
            let select = cx.world.source(id).info.select.clone();
            let refs = RefsScreen::new(id, select, cx);
            cx.push(refs);
        }
    }

    /// Clears the filter or mode of the list, else stops the scan of the source under the cursor.
    fn escape(&mut self, cx: &mut UiContext<'_>) -> Handled {
        let handled = self.0.act(Action::Escape, cx);
        let Some(id) = self.current().filter(|_| handled == Handled::No) else {
            return handled;
        };
        let stopped = cx.stop_scan(id);
        self.refresh(id, cx);
        stopped
    }
}

/// Returns the orphans of the sources that know theirs, where another source does not.
fn partly_known(bytes: u64) -> String {
    match bytes {
        0 => "orphans not known".to_owned(),
        bytes => format!("≥ {} orphan", Size(bytes)),
    }
}

/// Returns the number of sources that could not be read, in words; empty if there is none.
fn failures(world: &World) -> Cell {
    let failed = world.open_sources().filter(|source| has_failed(source));
    match failed.count() {
        0 => Cell::default(),
        count => {
            let words = format!("! {count} of {} failed", world.open_sources().count());
            Cell::new(words, TextRole::Error).and(" · ", TextRole::Dim)
        }
    }
}

/// Adds the number of mistakes in the build files that declare the sources.
fn with_findings(sums: Cell, world: &World) -> Cell {
    let findings = world.declared_findings;
    if findings == 0 {
        return sums;
    }
    let noun = one_or(findings, "finding", "findings");
    let key = world.keymap.key_for(CONTEXTS, Action::Find);
    let text = format!("! {findings} {noun} in build files ({key})");
    sums.and(" · ", TextRole::Dim).and(text, TextRole::Unsure)
}
/// Returns whether a source may be contacted.
fn is_open(cx: &UiContext<'_>, id: SourceId) -> bool {
    !cx.world.source(id).info.is_waiting
}

/// The sums over all sources that were scanned.
struct SourceSums {
    stored: u64,
    live: u64,
    orphan: u64,
    /// Whether no source has objects that may be orphans.
    knows_orphans: bool,
    trash: u64,
    ages: AgeBytes,
}

impl SourceSums {
    fn of(world: &World) -> Self {
        let mut sums = Self {
            stored: 0,
            live: 0,
            orphan: 0,
            knows_orphans: true,
            trash: 0,
            ages: AgeBytes::default(),
        };
        let found = world.open_sources();
        for found in found.filter_map(|source| source.found.as_ref()) {
            let totals = &found.totals;
            sums.stored = sums.stored.saturating_add(totals.stored().bytes);
            sums.live = sums.live.saturating_add(totals.live.bytes);
            sums.trash = sums.trash.saturating_add(totals.trash.bytes);
            match totals.orphan {
                Some(known) => sums.orphan = sums.orphan.saturating_add(known.bytes),
                None => sums.knows_orphans = false,
            }
            sums.ages.add(&found.ages);
        }
        sums
    }
}

fn has_sources(world: &World) -> bool {
    world.open_sources().next().is_some()
}

/// Returns whether there are sources, and none could be read: their sizes are unknown, not 0.
fn all_failed(world: &World) -> bool {
    has_sources(world) && world.open_sources().all(has_failed)
}

/// Returns whether every source waits for a person to open it: the sizes are unknown, not 0.
fn all_wait(world: &World) -> bool {
    let waits = |source: &SourceState| source.info.is_waiting && source.found.is_none();
    has_sources(world) && world.open_sources().all(waits)
}

fn has_failed(source: &SourceState) -> bool {
    matches!(source.scan, Scan::Failed(_))
}

impl Screen for SourcesScreen {
    fn contexts(&self) -> &'static [keymap::KeyContext] {
        CONTEXTS
    }

    fn header(&self, world: &World) -> ScreenHeader {
        let count = world.open_sources().count();
        let facts = vec![if count == 1 {
            "1 source".to_owned()
        } else {
            format!("{count} sources")
        }];
        ScreenHeader {
            path: vec!["cachelens".to_owned()],
            facts,
        }
    }

    fn summary(&self, world: &World) -> Cell {
        if all_failed(world) {
            let words = Cell::new("no source could be read", TextRole::Error);
            return self.0.summary(world, "sources", words);
        }
        if all_wait(world) {
            let words = Cell::new("no source was contacted yet", TextRole::Dim);
            return self
                .0
                .summary(world, "sources", with_findings(words, world));
        }
        let SourceSums {
            stored,
            live,
            orphan,
            knows_orphans,
            trash,
            ages,
        } = SourceSums::of(world);
        let is_all = world.open_sources().all(is_settled);
        let failures = failures(world);
        let failed = text::cell_width(&failures);
        let sums = failures
            .and_all(so_far(stored, is_all, TextRole::Strong))
            .and(" stored · ", TextRole::Dim)
            .and_all(so_far(live, is_all, TextRole::Live))
            .and(" live · ", TextRole::Dim);
        let sums = if knows_orphans {
            sums.and_all(so_far(orphan, is_all, TextRole::Orphan))
                .and(" orphan", TextRole::Dim)
        } else {
            sums.and(partly_known(orphan), TextRole::Unsure)
        };
        let sums = if trash == 0 {
            sums
        } else {
            sums.and(" · ", TextRole::Dim)
                .and(in_trash(trash), TextRole::Orphan)
        };
        let sums = if is_all {
            sums
        } else {
            sums.and(" so far", TextRole::Dim)
        };
        let spark_from = if trash == 0 {
            SPARK_FROM
        } else {
            SPARK_FROM + TRASH
        };
        let sums = if stored == 0 || !is_all || world.size.width < spark_from + failed {
            sums
        } else {
            sums.and(" · ", TextRole::Dim)
                .and(histogram::spark(&ages, 18), TextRole::Title)
                .and(" 90 days", TextRole::Dim)
        };
        let sums = self.with_scan(with_findings(sums, world), world);
        self.0.summary(world, "sources", sums)
    }

    fn act(&mut self, action: Action, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Action::Open => self.open(cx),
            Action::Why => {
                let why = WhyScreen::of_record(cx);
                cx.push(why);
            }
            Action::Add => cx.show(AddPrompt::default()),
            Action::Remove => {
                if let Some(id) = self.current() {
                    cx.close_source(id);
                }
            }
            Action::Save => {
                if let Some(id) = self.current() {
                    cx.show(ConfigPrompt::new(ConfigAddition::Source(id), cx.world));
                }
            }
            Action::Blobs => {
                if let Some(id) = self.readable(cx) {
                    let blobs = BlobsScreen::new(id, cx);
                    cx.push(blobs);
                }
            }
            Action::Check => {
                for id in self.chosen("checks", cx) {
                    cx.push_once(WorkKey::Check(id), |cx| CheckScreen::new(id, cx));
                }
            }
            Action::Plan => {
                for id in self.chosen("plans", cx) {
                    let plan = PlanScreen::new(id, DeletionScope::Policy, cx);
                    cx.push(plan);
                }
            }
            Action::Treemap => {
                if let Some(id) = self.readable(cx) {
                    let treemap = TreemapScreen::new(id, cx);
                    cx.push(treemap);
                }
            }
            Action::EmptyTrash => {
                if let Some(id) = self.current().filter(|id| is_open(cx, *id)) {
                    let plan = PlanScreen::new(id, DeletionScope::Trash, cx);
                    cx.push(plan);
                }
            }
            Action::Rescan => {
                if let Some(id) = self.current() {
                    cx.scan(id);
                    self.refresh(id, cx);
                }
            }
            Action::Escape => return self.escape(cx),
            _ => return self.act_on_list(action, cx),
        }
        Handled::Yes
    }

    fn refresh(&mut self, _source: SourceId, cx: &mut UiContext<'_>) {
        let rows = Arc::new(SourceRows::new(cx.world.indexed_sources()));
        self.0.list.set_rows(rows, cx);
        self.0.forget_preview(cx);
    }

    fn follow(&mut self, cx: &mut UiContext<'_>) {
        let source = self.current();
        self.0.follow(cx, |_, cx| {
            let source = source.filter(|id| cx.world.source(*id).found.is_some())?;
            let refs = RefsScreen::new(source, None, cx);
            Some(PreviewOf::Opened(Box::new(refs)))
        });
    }

    fn seek(&mut self, source: SourceId, cx: &mut UiContext<'_>) {
        let identity = Identity::Source(source.0);
        if self.0.list.select(&identity) == Handled::No {
            // The filter hides it.
            self.0.list.set_filter(Filter::default(), cx);
            self.0.list.select(&identity);
        }
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let key = world.keymap.key_for(CONTEXTS, Action::Add);
        let empty = [
            Cell::text("No source is open."),
            Cell::new(format!("{key} opens one"), TextRole::Dim),
        ];
        self.0.draw(world, frame, area, &empty);
        let found = self
            .current()
            .and_then(|id| world.source(id).found.as_ref());
        let filler = self.0.areas(area).filler;
        if filler.is_some()
            && let Some(found) = found
        {
            draw_filler(&treemap::of_source(found), world, frame, filler);
        }
    }

    fn list_screen(&self) -> Option<&ListScreen> {
        Some(&self.0)
    }

    fn list_screen_mut(&mut self) -> Option<&mut ListScreen> {
        Some(&mut self.0)
    }

    fn source(&self) -> Option<SourceId> {
        self.current()
    }
}
