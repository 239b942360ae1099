//! The files of a layer as a tree: the sizes of folders and files, and the deletions.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::list_screen::ListScreen;
use super::{Screen, ScreenHeader};
use crate::format::digest::Digest;
use crate::format::layer::tree::{FileTree, ROOT};
use crate::inventory::below::LayersBelow;
use crate::text::units::Size;
use crate::text::units::grouped;
use crate::tui::effect::{JobId, JobWork, LayerFolder};
use crate::tui::keymap::{self, Action};
use crate::tui::layer::extract::ExtractPrompt;
use crate::tui::list::{AT_ONCE, RowList, Sort, SortDirection, View};
use crate::tui::message::JobReport;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::files::{ComparedTree, FileFolds, FileOrder, FileRows, SIZE, TreeChanges};
use crate::tui::rows::{Cell, RowSet as _};
use crate::tui::theme::TextRole;
use crate::tui::widget::table::RowHeight;
use crate::tui::widget::text;
use crate::tui::work::WorkKey;
use crate::tui::work::listing::comparison::BelowComparison;
use crate::tui::work::listing::{ListingState, ListingWork};
use crate::tui::world::{SourceId, World};

mod compare;
mod content;
mod panes;
mod words;

/// The contexts whose keys are active here.
const CONTEXTS: &[keymap::KeyContext] = &[
    keymap::KeyContext::Files,
    keymap::KeyContext::List,
    keymap::KeyContext::Global,
];

/// From this width on, the list shows all columns; the details next to it shrink for that.
const LIST_WIDTH: u16 = 118;

/// The largest layer that is read to show its files next to a list.
pub const MOST_PREVIEWED: u64 = 64 << 20;

/// The files of a layer.
#[derive(Debug)]
pub struct FilesScreen {
    source: SourceId,
    /// The ref that led here, or another origin.
    from: String,
    /// The step that created the layer.
    step: String,
    layer: Digest,
    /// The layers, if the files of several are shown, each in its folder.
    folders: Vec<LayerFolder>,
    screen: ListScreen,
    /// The files so far; the rows may show fewer until these are ordered.
    tree: Arc<FileTree>,
    /// The comparison with the layers below, once it is made.
    changes: Option<Arc<TreeChanges>>,
    comparison: BelowComparison,
    rows: Arc<FileRows>,
    folds: FileFolds,
    /// The job that orders the files, and its view.
    arranging: Option<(JobId, View)>,
    state: ListingState,
    key: WorkKey,
    /// Whether no folder was opened or closed yet.
    is_untouched: bool,
}

impl FilesScreen {
    /// Lists the files of `layer`, which `step` of a ref created on top of the layers `below`.
    /// Without these, the refs that have the layer are searched for them.
    pub fn new(
        source: SourceId,
        from: String,
        step: String,
        layer: Digest,
        below: Option<LayersBelow>,
        cx: &mut UiContext<'_>,
    ) -> Self {
        let (key, work) = ListingWork::begin(source, from, step, layer, Vec::new(), cx);
        cx.change_work(key, |work: &mut ListingWork, _| {
            work.comparison = BelowComparison::of(below);
        });
        Self::of(key, &work, cx)
    }

    /// Lists the files of all layers of a ref; `None` if it has no layer.
    pub fn of_all(
        source: SourceId,
        from: String,
        folders: Vec<LayerFolder>,
        cx: &mut UiContext<'_>,
    ) -> Option<Self> {
        let layer = folders.first()?.layer;
        let step = "all layers".to_owned();
        let (key, work) = ListingWork::begin(source, from, step, layer, folders, cx);
        Some(Self::of(key, &work, cx))
    }

    /// Shows a listing.
    pub fn of(key: WorkKey, work: &ListingWork, cx: &mut UiContext<'_>) -> Self {
        let view = View {
            sort: Sort {
                column: SIZE,
                order: SortDirection::Descending,
            },
            ..View::default()
        };
        let tree = Arc::clone(&work.tree);
        let files = ComparedTree {
            tree: Arc::clone(&tree),
            changes: work.changes.clone(),
        };
        let folds = FileFolds::default();
        let order = ordered(files, view.clone(), cx);
        let rows = Arc::new(FileRows::new(order, &folds));
        let list = RowList::new(Arc::clone(&rows) as _, view.sort, cx);
        Self {
            source: work.source,
            from: work.from.clone(),
            step: work.step.clone(),
            layer: work.layer,
            folders: work.folders.clone(),
            screen: ListScreen::new(list, RowHeight::Single, 1, "files")
                .wanting(LIST_WIDTH)
                .with_filler(),
            tree,
            changes: work.changes.clone(),
            comparison: work.comparison.clone(),
            rows,
            folds,
            arranging: None,
            state: work.state.clone(),
            key,
            is_untouched: true,
        }
    }

    /// Applies the order that the list requests: at once, or in a background job if there are many
    /// files.
    fn arrange(&mut self, cx: &mut UiContext<'_>) {
        let wanted = self.screen.list.view().clone();
        if let Some((job, view)) = &self.arranging {
            if *view == wanted {
                return;
            }
            cx.stop(*job);
            self.arranging = None;
        }
        let order = self.rows.order();
        let files = ComparedTree {
            tree: Arc::clone(&self.tree),
            changes: self.changes.clone(),
        };
        if order.files.is(&files) && order.view == wanted {
            return;
        }
        if self.tree.count() > AT_ONCE as usize {
            let work = JobWork::ArrangeFiles(files, wanted.clone());
            self.arranging = Some((cx.start(work), wanted));
        } else {
            let order = ordered(files, wanted, cx);
            self.show(order, cx);
        }
    }

    fn show(&mut self, order: Arc<FileOrder>, cx: &mut UiContext<'_>) {
        if order.view.filter != self.rows.order().view.filter {
            self.folds.filter_changed();
        }
        self.rows = Arc::new(FileRows::new(order, &self.folds));
        let is_whole = Arc::ptr_eq(&self.rows.order().tree, &self.tree)
            && !matches!(self.state, ListingState::Listing(_));
        // If everything lies in one folder, that folder is opened at once.
        if is_whole
            && std::mem::take(&mut self.is_untouched)
            && let Some(folder) = self.rows.only_folder()
        {
            self.folds.set(folder, true, false);
            self.rows = Arc::new(FileRows::new(Arc::clone(self.rows.order()), &self.folds));
        }
        self.screen.list.set_rows(Arc::clone(&self.rows) as _, cx);
    }

    /// Opens or closes the folder under the cursor.
    fn fold(&mut self, row: u32, is_open: bool, cx: &mut UiContext<'_>) {
        self.is_untouched = false;
        let is_filtered = !self.rows.order().view.filter.is_empty();
        self.folds.set(self.rows.node(row), is_open, is_filtered);
        self.show(Arc::clone(self.rows.order()), cx);
    }

    /// Returns the row under the cursor. `None` while the list still loads rows, because its
    /// numbers are those of the old rows.
    fn current(&self) -> Option<u32> {
        let row = self.screen.list.current()?;
        self.rows.find(&self.screen.list.rows().identity(row))
    }

    fn expand(&mut self, cx: &mut UiContext<'_>) {
        if let Some(row) = self
            .current()
            .filter(|row| self.rows.fold(*row) == Some(false))
        {
            self.fold(row, true, cx);
        }
    }

    /// Closes the folder, or goes to the parent folder of the row.
    fn collapse(&mut self, cx: &mut UiContext<'_>) {
        let Some(row) = self.current() else { return };
        if self.rows.fold(row) == Some(true) {
            self.fold(row, false, cx);
        } else if let Some(parent) = self.rows.parent(row) {
            self.screen.list.select(&parent);
        }
    }

    /// Opens or closes a folder; shows the beginning of a file, or the details of any other entry.
    fn open(&mut self, cx: &mut UiContext<'_>) -> Handled {
        let Some(row) = self.current() else {
            return Handled::Yes;
        };
        match (self.rows.fold(row), self.rows.content(row)) {
            (Some(is_open), _) => self.fold(row, !is_open, cx),
            (None, Some(_)) => self.preview(cx),
            (None, None) => return self.screen.act(Action::Details, cx),
        }
        Handled::Yes
    }
}

fn ordered(files: ComparedTree, view: View, cx: &UiContext<'_>) -> Arc<FileOrder> {
    Arc::new(FileOrder::new(files, view, cx.world.now))
}

impl Screen for FilesScreen {
    fn contexts(&self) -> &'static [keymap::KeyContext] {
        CONTEXTS
    }

    fn header(&self, world: &World) -> ScreenHeader {
        // The name of the step shrinks first, because the previous screen showed it.
        let room = world.size.width.saturating_sub(48).max(12);
        let step = text::cut(&self.step, room);
        let name = text::cut(&self.from, world.size.width / 4);
        let path = vec![world.source(self.source).info.label.clone(), name, step];
        let count = self.tree.totals().files;
        let files = if count == 1 {
            "1 file".to_owned()
        } else {
            format!("{} files", grouped(count))
        };
        ScreenHeader {
            path,
            facts: vec![files],
        }
    }

    fn summary(&self, world: &World) -> Cell {
        let order = self.rows.order();
        let sum = order.sum(ROOT);
        let sums = Cell::new(Size(sum.bytes).to_string(), TextRole::Strong)
            .and(" unpacked", TextRole::Dim);
        let sums = match (self.rows.change_totals(), sum.removed) {
            (Some(totals), _) => FileRows::with_change_totals(sums, totals),
            (None, 0) => sums,
            (None, count) => sums.and(
                format!(" · {} deleted from below", grouped(count)),
                TextRole::Missing,
            ),
        };
        let summary = self.screen.summary(world, "files", sums);
        if order.view.filter.is_empty() {
            summary
        } else if let Some(totals) = self.rows.change_totals() {
            let sums = Cell::new(Size(sum.bytes).to_string(), TextRole::Strong)
                .and(" in ", TextRole::Dim)
                .and_all(summary);
            FileRows::with_change_totals(sums, totals)
        } else {
            Cell::new(Size(sum.bytes).to_string(), TextRole::Strong)
                .and(" in ", TextRole::Dim)
                .and_all(summary)
        }
    }

    fn act(&mut self, action: Action, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Action::Open => return self.open(cx),
            Action::Expand => self.expand(cx),
            Action::Collapse => self.collapse(cx),
            Action::Preview => self.preview(cx),
            Action::Diff => {
                cx.change_work(self.key, |work: &mut ListingWork, cx| work.compare(cx));
            }
            Action::Rescan => cx.scan(self.source),
            Action::Extract => {
                if let Some((file, path)) = self.file(cx) {
                    cx.show(ExtractPrompt::new(self.source, file, path));
                }
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
        self.arrange(cx);
    }

    /// Stops a running listing, else the comparison, else the write of a file.
    fn stop_work(&mut self, cx: &mut UiContext<'_>) -> Handled {
        if cx.stop_work(self.key) == Handled::Yes {
            return Handled::Yes;
        }
        let extraction = self.extraction(cx.world);
        extraction.map_or(Handled::No, |job| cx.stop_write(job))
    }

    fn report(&mut self, job: JobId, report: &JobReport, cx: &mut UiContext<'_>) {
        match report {
            JobReport::FilesArranged(order) => {
                if self
                    .arranging
                    .take_if(|(arranging, _)| *arranging == job)
                    .is_some()
                {
                    self.show(Arc::clone(order), cx);
                    self.arrange(cx);
                }
            }
            _ => self.screen.report(job, report, cx),
        }
    }

    fn is_rearranging(&self) -> bool {
        let shown = &self.rows.order().view;
        let is_other = |(_, view): &(JobId, View)| view != shown;
        self.arranging.as_ref().is_some_and(is_other) || self.screen.list.is_rearranging()
    }

    fn follow(&mut self, cx: &mut UiContext<'_>) {
        self.follow_file(cx);
    }

    fn work(&self) -> Option<WorkKey> {
        Some(self.key)
    }

    fn show_work(&mut self, key: WorkKey, cx: &mut UiContext<'_>) {
        let Some(work) = cx.work::<ListingWork>(key) else {
            return;
        };
        let changes = |changes: &Option<Arc<TreeChanges>>| changes.as_ref().map(Arc::as_ptr);
        let is_new = !Arc::ptr_eq(&work.tree, &self.tree)
            || changes(&work.changes) != changes(&self.changes);
        self.tree = Arc::clone(&work.tree);
        self.changes.clone_from(&work.changes);
        self.comparison = work.comparison.clone();
        self.state = work.state.clone();
        if is_new {
            self.arrange(cx);
        }
        if matches!(self.state, ListingState::Done | ListingState::Ended(_)) {
            self.show(Arc::clone(self.rows.order()), cx);
        }
    }

    fn leave(&mut self, cx: &mut UiContext<'_>) {
        self.screen.forget_preview(cx);
        if let Some((job, _)) = self.arranging.take() {
            cx.stop(job);
        }
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        self.screen.draw_head(&self.head(world), world, frame, area);
        self.screen.draw(world, frame, area, &self.empty(world));
        let filler = self.screen.areas(area).filler;
        self.draw_boxes(world, frame, filler);
    }

    fn draw_preview(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        let empty = self.empty(world);
        let below = self.screen.draw_preview(world, frame, area, &empty);
        self.draw_boxes(world, frame, below);
    }
}
