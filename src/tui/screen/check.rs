//! The findings of a check: faults that break builds, risks, and waste.

use std::sync::Arc;

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::Rect;

use super::blobs::BlobsScreen;
use super::list_screen::{ListScreen, PreviewOf};
use super::plan::PlanScreen;
use super::{LayerRequest, Screen, ScreenHeader};
use crate::check::{CheckProgress, CheckResult, Code, Finding};
use crate::error::Failure;
use crate::inventory::Inventory;
use crate::prune::rewrite::no_repair;
use crate::tui::effect::{JobId, JobWork};
use crate::tui::found::ScannedInventory;
use crate::tui::keymap::{self, Action};
use crate::tui::list::{RowList, Sort};
use crate::tui::message::JobReport;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::pruning::{DeletionScope, Repairing};
use crate::tui::rows::findings::{FindingRows, SEVERITY};
use crate::tui::rows::{Cell, RowSet as _};
use crate::tui::widget::table::RowHeight;
use crate::tui::work::{BackgroundWork, KeptResults, WorkKey};
use crate::tui::world::{Scan, SourceId, StatusKind, World};

mod marks;
mod panes;
mod words;

use panes::FindingTarget;

/// The contexts whose keys are active here.
const CONTEXTS: &[keymap::KeyContext] = &[
    keymap::KeyContext::Check,
    keymap::KeyContext::List,
    keymap::KeyContext::Global,
];

/// From this width on, the list shows the subject of each finding.
const LIST_WIDTH: u16 = 90;

/// The findings in a source.
#[derive(Debug)]
pub struct CheckScreen {
    source: SourceId,
    screen: ListScreen,
    rows: Arc<FindingRows>,
    checked: Arc<CheckResult>,
    inventory: Option<Arc<Inventory>>,
    state: CheckState,
    /// The marked refs that the findings should be about, until the check has ended.
    about: Vec<String>,
    /// When the check began.
    began: Timestamp,
}

/// The progress of the check.
#[derive(Debug, PartialEq, Eq)]
enum CheckState {
    /// The scan that it needs has not ended.
    Waiting,
    Running(JobId, Option<CheckProgress>),
    Done,
    Stopped,
}

impl CheckScreen {
    /// Checks `source` and shows the findings.
    pub fn new(source: SourceId, cx: &mut UiContext<'_>) -> Self {
        let rows = Arc::new(FindingRows::default());
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
        let mut check = Self {
            source,
            screen,
            rows,
            checked: Arc::default(),
            inventory: None,
            state: CheckState::Waiting,
            about: Vec::new(),
            began: cx.world.now,
        };
        check.begin(false, cx);
        check
    }

    /// Checks the scan, once it has ended.
    fn begin(&mut self, verify: bool, cx: &mut UiContext<'_>) {
        if let CheckState::Running(job, _) = self.state {
            cx.stop(job);
        }
        self.began = cx.world.now;
        let source = cx.world.source(self.source);
        self.inventory = source
            .found
            .as_ref()
            .map(|found| Arc::clone(&found.inventory));
        self.state = match (&source.scan, &source.found, source.info.fault.as_deref()) {
            (Scan::Running(_), ..) => CheckState::Waiting,
            (Scan::Failed(failure), ..) | (_, None, Some(failure)) => {
                let unreadable = unreadable(&source.info.label, failure);
                self.show(
                    Arc::new(CheckResult {
                        findings: vec![unreadable],
                        ..CheckResult::default()
                    }),
                    cx,
                );
                CheckState::Done
            }
            (_, Some(found), _) => {
                let inventory = Arc::clone(&found.inventory);
                CheckState::Running(
                    cx.start(JobWork::Check {
                        source: self.source,
                        inventory,
                        verify,
                    }),
                    None,
                )
            }
            (_, None, None) => CheckState::Stopped,
        };
    }

    fn show(&mut self, checked: Arc<CheckResult>, cx: &mut UiContext<'_>) {
        self.rows = Arc::new(FindingRows::new(Arc::clone(&checked)));
        self.checked = checked;
        self.screen.forget_preview(cx);
        self.screen.list.set_rows(Arc::clone(&self.rows) as _, cx);
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
        if self.state != CheckState::Done {
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
            damaged: Arc::new(self.checked.damaged.clone()),
        };
        self.screen.list.unmark();
        let plan = PlanScreen::new(self.source, DeletionScope::Repair(Box::new(repairing)), cx);
        cx.push(plan);
    }

    fn stop(&mut self, cx: &mut UiContext<'_>) -> Handled {
        let CheckState::Running(job, _) = self.state else {
            return Handled::No;
        };
        cx.stop(job);
        self.state = CheckState::Stopped;
        let key = cx.world.keymap.key_for(CONTEXTS, Action::Rescan);
        cx.world.note(
            StatusKind::Done,
            format!("the check was stopped; {key} checks again"),
        );
        Handled::Yes
    }
}

/// Returns the finding for a source that could not be read.
fn unreadable(label: &str, failure: &Failure) -> Finding {
    let mut message = failure.message.clone();
    for cause in &failure.causes {
        message.push_str(": ");
        message.push_str(cause);
    }
    let finding = Finding::new(label, Code::SourceUnreadable, message);
    match &failure.hint {
        Some(hint) => finding.hint(hint.clone()),
        None => finding,
    }
}

impl Screen for CheckScreen {
    fn contexts(&self) -> &'static [keymap::KeyContext] {
        CONTEXTS
    }

    fn header(&self, world: &World) -> ScreenHeader {
        let source = world.source(self.source);
        let refs = if self.checked.refs == 1 {
            "1 ref".to_owned()
        } else {
            format!("{} refs", self.checked.refs)
        };
        // The number of refs in an unreadable source is unknown.
        let is_read = source.found.is_some();
        let facts = if self.state == CheckState::Done && is_read {
            let ignored = self.checked.ignored.len();
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
        self.screen.summary(world, "findings", self.sums())
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
        if self.state == CheckState::Done {
            self.narrow(cx);
        }
    }

    fn list_screen(&self) -> Option<&ListScreen> {
        Some(&self.screen)
    }

    fn list_screen_mut(&mut self) -> Option<&mut ListScreen> {
        Some(&mut self.screen)
    }

    fn report(&mut self, job: JobId, report: &JobReport, cx: &mut UiContext<'_>) {
        match (report, &mut self.state) {
            (JobReport::Checking(news), CheckState::Running(running, progress))
                if *running == job =>
            {
                *progress = Some(*news);
            }
            (JobReport::Checked(checked), CheckState::Running(running, _)) if *running == job => {
                self.state = CheckState::Done;
                self.show(Arc::clone(checked), cx);
                self.narrow(cx);
            }
            _ => self.screen.report(job, report, cx),
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

    fn background(&self, world: &World) -> Option<BackgroundWork> {
        let label = &world.source(self.source).info.label;
        Some(BackgroundWork {
            key: WorkKey::Check(self.source),
            title: format!("check of {label}"),
            progress: self.sums().and_all(self.time(world)),
            is_running: matches!(self.state, CheckState::Waiting | CheckState::Running(..)),
            kept: KeptResults::UntilReplaced,
        })
    }

    fn stop_work(&mut self, cx: &mut UiContext<'_>) -> Handled {
        self.stop(cx)
    }

    fn refresh(&mut self, source: SourceId, cx: &mut UiContext<'_>) {
        if source != self.source {
            return;
        }
        let source = cx.world.source(source);
        let found = source.found.as_ref().map(|found| &found.inventory);
        let is_same = match (found, &self.inventory) {
            (Some(found), Some(checked)) => Arc::ptr_eq(found, checked),
            _ => false,
        };
        // The check covers the scan, unless there is a newer one.
        let waits = self.state == CheckState::Waiting;
        if (waits || !is_same) && !matches!(source.scan, Scan::Running(_)) {
            self.begin(false, cx);
        }
    }

    fn draw(&self, world: &World, frame: &mut Frame<'_>, area: Rect) {
        self.screen.draw(world, frame, area, &self.empty(world));
        self.draw_codes(world, frame, area);
    }

    fn source(&self) -> Option<SourceId> {
        Some(self.source)
    }
}
