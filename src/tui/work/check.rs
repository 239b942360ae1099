//! The check of a source.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{BackgroundWork, KeptResults, WorkKey, WorkState};
use crate::check::{CheckProgress, CheckResult, Code, Finding, Severity};
use crate::error::Failure;
use crate::inventory::Inventory;
use crate::text::units::{Age, Size, grouped};
use crate::tui::effect::{JobId, JobWork};
use crate::tui::keymap::{Action, KeyContext};
use crate::tui::message::JobReport;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::Cell;
use crate::tui::theme::TextRole;
use crate::tui::world::{Scan, SourceId, StatusKind, World};

/// The contexts whose keys act on a check.
pub const CONTEXTS: &[KeyContext] = &[KeyContext::Check, KeyContext::List, KeyContext::Global];

/// The check of a source, and its findings.
#[derive(Debug, Clone)]
pub struct CheckWork {
    pub source: SourceId,
    pub state: CheckState,
    pub checked: Arc<CheckResult>,
    /// The checked scan.
    inventory: Option<Arc<Inventory>>,
    began: Timestamp,
}

/// The progress of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckState {
    /// The scan that it needs has not ended.
    Waiting,
    Running(JobId, Option<CheckProgress>),
    Done,
    Stopped,
}

impl CheckWork {
    /// Checks the scan of a source, once that has ended.
    pub fn new(source: SourceId, cx: &mut UiContext<'_>) -> Self {
        let mut check = Self {
            source,
            state: CheckState::Waiting,
            checked: Arc::default(),
            inventory: None,
            began: cx.world.now,
        };
        check.begin(false, cx);
        check
    }

    /// Checks the scan, once it has ended; with `verify`, reads every layer.
    pub fn begin(&mut self, verify: bool, cx: &mut UiContext<'_>) {
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
                self.checked = Arc::new(CheckResult {
                    findings: vec![unreadable(&source.info.label, failure)],
                    ..CheckResult::default()
                });
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

    /// Returns the progress and the findings.
    pub fn sums(&self) -> Cell {
        match &self.state {
            CheckState::Waiting => Cell::new("waiting for the scan to end…", TextRole::Title),
            CheckState::Running(_, None) => Cell::new("checking…", TextRole::Title),
            CheckState::Running(_, Some(CheckProgress::Refs { done, all })) => {
                Cell::new(format!("checking: {done} of {all} refs"), TextRole::Title)
            }
            CheckState::Running(_, Some(CheckProgress::Blobs { read, all })) => Cell::new(
                format!("verifying contents: {} of {}", Size(*read), Size(*all)),
                TextRole::Title,
            ),
            CheckState::Stopped => Cell::new("stopped before it was done", TextRole::Warning),
            CheckState::Done => self.found(),
        }
    }

    /// Returns how long the check has been running, and the time left if it is known.
    fn time(&self, world: &World) -> Cell {
        let CheckState::Running(_, progress) = &self.state else {
            return Cell::default();
        };
        let (done, all) = match progress {
            None => (0, 0),
            Some(CheckProgress::Refs { done, all }) => (*done as u64, *all as u64),
            Some(CheckProgress::Blobs { read, all }) => (*read, *all),
        };
        let elapsed = world.now.duration_since(self.began);
        let cell = Cell::new(format!(" · {}", Age(elapsed)), TextRole::Dim);
        if done == 0 || elapsed.is_zero() {
            return cell;
        }
        let elapsed = elapsed.as_millis().unsigned_abs();
        let left = u128::from(all.saturating_sub(done)) * elapsed / u128::from(done);
        let left = SignedDuration::from_millis(i64::try_from(left).unwrap_or(i64::MAX));
        cell.and(format!(" · about {} left", Age(left)), TextRole::Strong)
    }

    fn found(&self) -> Cell {
        let part = |cell: Cell, severity: Severity, role: TextRole| {
            let count = self
                .checked
                .findings
                .iter()
                .filter(|finding| finding.severity == severity)
                .count();
            let gap = if cell.0.is_empty() { "" } else { " · " };
            match count {
                0 => cell,
                1 => cell.and(format!("{gap}1 {severity}"), role),
                // There is no plural of the word.
                count if severity == Severity::Info => {
                    cell.and(format!("{gap}{} {severity}", grouped(count as u64)), role)
                }
                count => cell.and(format!("{gap}{} {severity}s", grouped(count as u64)), role),
            }
        };
        let cell = part(Cell::default(), Severity::Error, TextRole::Error);
        let cell = part(cell, Severity::Warning, TextRole::Warning);
        let cell = part(cell, Severity::Info, TextRole::Text);
        let cell = if cell.0.is_empty() {
            Cell::new("nothing found", TextRole::Good)
        } else {
            cell
        };
        let read = match self.checked.read {
            None => "contents not verified".to_owned(),
            Some(count) => format!("{} layers verified", grouped(count)),
        };
        cell.and(format!(" · {read}"), TextRole::Dim)
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

impl WorkState for CheckWork {
    fn background(&self, key: WorkKey, world: &World) -> BackgroundWork {
        let label = &world.source(self.source).info.label;
        BackgroundWork {
            key,
            title: format!("check of {label}"),
            progress: self.sums().and_all(self.time(world)),
            is_running: matches!(self.state, CheckState::Waiting | CheckState::Running(..)),
            kept: KeptResults::UntilReplaced,
        }
    }

    fn job(&self) -> Option<JobId> {
        match self.state {
            CheckState::Running(job, _) => Some(job),
            CheckState::Waiting | CheckState::Done | CheckState::Stopped => None,
        }
    }

    fn report(&mut self, report: &JobReport, _cx: &mut UiContext<'_>) {
        match (report, &mut self.state) {
            (JobReport::Checking(news), CheckState::Running(_, progress)) => {
                *progress = Some(*news);
            }
            (JobReport::Checked(checked), state) => {
                *state = CheckState::Done;
                self.checked = Arc::clone(checked);
            }
            _ => {}
        }
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

    /// The check covers the scan, unless there is a newer one.
    fn is_outdated(&self, source: SourceId, world: &World) -> bool {
        if source != self.source {
            return false;
        }
        let source = world.source(source);
        let found = source.found.as_ref().map(|found| &found.inventory);
        let is_same = match (found, &self.inventory) {
            (Some(found), Some(checked)) => Arc::ptr_eq(found, checked),
            _ => false,
        };
        let waits = self.state == CheckState::Waiting;
        (waits || !is_same) && !matches!(source.scan, Scan::Running(_))
    }

    fn restart(&mut self, cx: &mut UiContext<'_>) {
        self.begin(false, cx);
    }

    fn source(&self) -> Option<SourceId> {
        Some(self.source)
    }
}
