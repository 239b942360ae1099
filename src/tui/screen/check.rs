//! The findings of a check: faults that break builds, risks, and waste.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::blobs::BlobsScreen;
use super::list_screen::{ListScreen, PreviewOf};
use super::plan::PlanScreen;
use super::{LayerRequest, Screen, ScreenHeader};
use crate::check::{Code, Finding};
use crate::prune::rewrite::no_repair;
use crate::text::plural::counted_in_groups;
use crate::tui::found::ScannedInventory;
use crate::tui::keymap::{self, Action};
use crate::tui::list::{RowList, Sort};
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::pruning::{DeletionScope, Repairing};
use crate::tui::rows::findings::{FindingRows, SEVERITY};
use crate::tui::rows::{Cell, RowSet as _};
use crate::tui::widget::table::RowHeight;
use crate::tui::work::WorkKey;
use crate::tui::work::check::{CONTEXTS, CheckState, CheckWork};
use crate::tui::world::{SourceId, StatusKind, World};

mod marks;
mod panes;
mod words;

use panes::FindingTarget;

/// From this width on, the list shows the subject of each finding.
const LIST_WIDTH: u16 = 90;

/// The findings in a source.
#[derive(Debug)]
pub struct CheckScreen {
    source: SourceId,
    work: Arc<CheckWork>,
    screen: ListScreen,
    rows: Arc<FindingRows>,
    /// The marked refs that the findings should be about, until the check has ended.
    about: Vec<String>,
}

impl CheckScreen {
    /// Checks `source` and shows the findings.
    pub fn new(source: SourceId, cx: &mut UiContext<'_>) -> Self {
        let work = CheckWork::new(source, cx);
        let work = cx.begin_work(WorkKey::Check(source), work);
        Self::of(work, cx)
    }

    /// Shows a check.
    pub fn of(work: Arc<CheckWork>, cx: &mut UiContext<'_>) -> Self {
        let rows = Arc::new(FindingRows::new(Arc::clone(&work.checked)));
        let list = RowList::new(
            Arc::clone(&rows) as _,
            Sort {
                column: SEVERITY,
                ..Sort::default()
            },
            cx,
        );
        let screen = ListScreen::new(list, RowHeight::Single, 0, "findings")
            .wanting(LIST_WIDTH)
            .with_text_filler();
        Self {
            source: work.source,
            work,
            screen,
            rows,
            about: Vec::new(),
        }
    }

    fn show(&mut self, cx: &mut UiContext<'_>) {
        self.rows = Arc::new(FindingRows::new(Arc::clone(&self.work.checked)));
        self.screen.forget_preview(cx);
        self.screen.list.set_rows(Arc::clone(&self.rows) as _, cx);
    }

    fn begin(&self, verify: bool, cx: &mut UiContext<'_>) {
        let key = WorkKey::Check(self.source);
        cx.change_work::<CheckWork>(key, |work, cx| work.begin(verify, cx));
    }

    fn current(&self) -> Option<Finding> {
        self.screen
            .list
            .current()
            .map(|row| self.rows.at(row).clone())
    }

    /// Goes to the ref of the finding, else to its blobs, else shows all details of the finding.
    fn open(&mut self, cx: &mut UiContext<'_>) -> Handled {
        let Some(finding) = self.current() else {
            return Handled::Yes;
        };
        match FindingTarget::of(self.source, &finding, cx.world) {
            Some(target) => target.push(self.source, cx),
            None => return self.screen.act(Action::Details, cx),
        }
        Handled::Yes
    }

    fn blobs(&mut self, cx: &mut UiContext<'_>) {
        let blobs = match self.current().as_ref().and_then(Finding::digest) {
            Some(digest) => BlobsScreen::at(self.source, digest, cx),
            None => BlobsScreen::new(self.source, cx),
        };
        cx.push(blobs);
    }

    fn verify(&mut self, cx: &mut UiContext<'_>) {
        if cx
            .world
            .source(self.source)
            .found
            .as_ref()
            .is_some_and(ScannedInventory::is_complete)
        {
            self.begin(true, cx);
        } else {
            cx.world.note(
                StatusKind::Failed,
                "the scan has not ended: there is nothing to read yet",
            );
        }
    }

    /// Returns the marked findings, else the one under the cursor.
    fn chosen(&self) -> Vec<Finding> {
        let list = &self.screen.list;
        let marks = list.marks();
        let mut rows: Vec<u32> = marks
            .iter()
            .filter_map(|identity| list.rows().find(identity))
            .collect();
        if rows.is_empty() {
            rows.extend(list.current());
        }
        rows.into_iter()
            .map(|row| self.rows.at(row).clone())
            .collect()
    }

    /// Plans the repair of the chosen findings.
    fn repair(&mut self, cx: &mut UiContext<'_>) {
        let findings = self.chosen();
        let fixable = |finding: &Finding| {
            Code::FIXABLE.contains(&finding.code) || Code::COMPACTION.contains(&finding.code)
        };
        let Some(first) = findings.first() else {
            return;
        };
        if self.work.state != CheckState::Done {
            let words = "the check has not ended: there is nothing to repair yet";
            return cx.world.note(StatusKind::Failed, words);
        }
        if !findings
            .iter()
            .any(|finding| fixable(finding) || finding.is_restorable_from_trash())
        {
            let why = no_repair(first.code).unwrap_or("it is not damage; a prune may delete it");
            let words = format!("{} cannot be repaired: {why}", first.code);
            return cx.world.note(StatusKind::Failed, words);
        }
        let repairing = Repairing {
            findings,
            damaged: Arc::new(self.work.checked.damaged.clone()),
        };
        self.screen.list.unmark();
        let plan = PlanScreen::new(self.source, DeletionScope::Repair(Box::new(repairing)), cx);
        cx.push(plan);
    }
}

impl Screen for CheckScreen {
    fn contexts(&self) -> &'static [keymap::KeyContext] {
        CONTEXTS
    }

    fn header(&self, world: &World) -> ScreenHeader {
        let source = world.source(self.source);
        let refs = counted_in_groups(self.work.checked.refs as u64, "ref", "refs");
        // The number of refs in an unreadable source is unknown.
        let is_read = source.found.is_some();
        let facts = if self.work.state == CheckState::Done && is_read {
            let ignored = self.work.checked.ignored.len();
            let ignored = (ignored > 0).then(|| format!("{ignored} ignored"));
            Some(refs).into_iter().chain(ignored).collect()
        } else {
            Vec::new()
        };
        ScreenHeader {
            path: vec![source.info.label.clone(), "check".to_owned()],
            facts,
        }
    }

    fn summary(&self, world: &World) -> Cell {
        self.screen.summary(world, "findings", self.work.sums())
    }

    fn act(&mut self, action: Action, cx: &mut UiContext<'_>) -> Handled {
        match action {
            Action::Open => return self.open(cx),
            Action::Blobs => self.blobs(cx),
            Action::Verify => self.verify(cx),
            Action::Repair => self.repair(cx),
            // The findings may be outdated: the source is scanned again before the check.
            Action::Rescan => {
                cx.scan(self.source);
                self.begin(false, cx);
            }
            _ => return self.act_on_list(action, cx),
        }
        Handled::Yes
    }

    fn answer(&mut self, request: LayerRequest, cx: &mut UiContext<'_>) {
        let LayerRequest::About(names) = request else {
            return self.answer_for_list(request, cx);
        };
        self.about = names;
        if self.work.state == CheckState::Done {
            self.narrow(cx);
        }
    }

    fn list_screen(&self) -> Option<&ListScreen> {
        Some(&self.screen)
    }

    fn list_screen_mut(&mut self) -> Option<&mut ListScreen> {
        Some(&mut self.screen)
    }

    fn work(&self) -> Option<WorkKey> {
        Some(WorkKey::Check(self.source))
    }

    fn show_work(&mut self, key: WorkKey, cx: &mut UiContext<'_>) {
        let Some(work) = cx.work::<CheckWork>(key) else {
            return;
        };
        let is_new = !Arc::ptr_eq(&work.checked, &self.work.checked);
        self.work = work;
        if is_new {
            self.show(cx);
            self.narrow(cx);
        }
    }

    fn follow(&mut self, cx: &mut UiContext<'_>) {
        let source = self.source;
        let rows = Arc::clone(&self.rows);
        self.screen.follow(cx, |row, cx| {
            let finding = (row < rows.count()).then(|| rows.at(row))?;
            let target = FindingTarget::of(source, finding, cx.world)?;
            target.preview(source, cx).map(PreviewOf::Opened)
        });
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        self.screen.draw(world, frame, area, &self.empty(world));
        self.draw_codes(world, frame, area);
    }

    fn source(&self) -> Option<SourceId> {
        Some(self.source)
    }
}
