//! The explanation of a build.

use std::sync::Arc;

use super::{BackgroundWork, WorkKey, WorkState};
use crate::tui::effect::{BuildImports, JobId, JobWork};
use crate::tui::evidence::NamedEvidence;
use crate::tui::found::ScannedInventory;
use crate::tui::keymap::{Action, KeyContext};
use crate::tui::message::JobReport;
use crate::tui::navigation::{Handled, UiContext};
use crate::tui::rows::why::ArrangedExplanation;
use crate::tui::world::{SourceId, World};

/// The contexts whose keys act on an explanation.
pub const CONTEXTS: &[KeyContext] = &[KeyContext::Why, KeyContext::List, KeyContext::Global];

/// The explanation of a build against caches.
#[derive(Debug, Clone)]
pub struct ExplanationWork {
    pub against: ComparedCaches,
    pub state: ExplanationState,
    /// The latest result; it stays while the build is explained again.
    pub explained: Option<Arc<ArrangedExplanation>>,
}

/// The caches that a build is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComparedCaches {
    /// A ref of a source, by its name and digest.
    Ref(SourceId, String, String),
    /// The caches in the build's record.
    Named,
}

/// The progress of an explanation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExplanationState {
    /// There is no evidence of a build yet.
    Asking,
    /// It is being made, with the current step as text.
    Working(JobId, String),
    Done,
    Stopped,
    /// It failed, for these reasons.
    Failed(Vec<String>),
}

impl ExplanationWork {
    /// Explains a build against these caches as soon as there is evidence of it.
    pub fn new(against: ComparedCaches) -> Self {
        Self {
            against,
            state: ExplanationState::Asking,
            explained: None,
        }
    }

    /// Returns the evidence that a person gave, else the evidence that comes with the source.
    pub fn evidence<'w>(&self, world: &'w World) -> &'w NamedEvidence {
        match &self.against {
            ComparedCaches::Ref(source, name, _) if world.evidence.is_empty() => {
                let info = &world.source(*source).info;
                info.evidence_of_refs.get(name).unwrap_or(&info.evidence)
            }
            _ => &world.evidence,
        }
    }

    /// Starts or restarts the explanation; the result stays until that is done.
    pub fn begin(&mut self, cx: &mut UiContext<'_>) {
        self.stop(cx);
        let imports = match &self.against {
            ComparedCaches::Named => BuildImports::Named,
            ComparedCaches::Ref(source, name, digest) => {
                let found = cx.world.source(*source).found.as_ref();
                let Some(found) = found.filter(|found| found.is_complete()) else {
                    let key = cx.world.keymap.key_for(CONTEXTS, Action::Rescan);
                    self.state = ExplanationState::Failed(vec![format!(
                        "the scan has not ended yet: {key} tries again"
                    )]);
                    return;
                };
                let inventory = Arc::clone(&found.inventory);
                let called = || {
                    inventory
                        .indexed_refs()
                        .filter(|(_, entry)| entry.name == *name)
                };
                let same = called().find(|(_, entry)| entry.digest().to_string() == *digest);
                let Some((id, _)) = same.or_else(|| called().next()) else {
                    let fault = "the ref is not there any more".to_owned();
                    self.state = ExplanationState::Failed(vec![fault]);
                    return;
                };
                BuildImports::Ref {
                    source: *source,
                    inventory: Arc::clone(&inventory),
                    id,
                }
            }
        };
        let given = self.evidence(cx.world).clone();
        let job = cx.start(JobWork::Explain(imports, given));
        self.state = ExplanationState::Working(job, "reading the evidence".to_owned());
    }
}

impl WorkState for ExplanationWork {
    fn background(&self, key: WorkKey, _world: &World) -> BackgroundWork {
        let of = match &self.against {
            ComparedCaches::Ref(_, name, _) => name,
            ComparedCaches::Named => "a build",
        };
        BackgroundWork::reading(key, format!("explanation of {of}"), self.job().is_some())
    }

    fn job(&self) -> Option<JobId> {
        match self.state {
            ExplanationState::Working(job, _) => Some(job),
            _ => None,
        }
    }

    fn report(&mut self, report: &JobReport, _cx: &mut UiContext<'_>) {
        match (report, &mut self.state) {
            (JobReport::Explaining(words), ExplanationState::Working(_, step)) => {
                step.clone_from(words);
            }
            (JobReport::Explained(Ok(explained)), state) => {
                *state = ExplanationState::Done;
                self.explained = Some(Arc::clone(explained));
            }
            (JobReport::Explained(Err(faults)), state) => {
                let lines = faults.iter().flat_map(|fault| fault.lines());
                let lines = lines.map(|line| line.trim().to_owned());
                *state = ExplanationState::Failed(lines.collect());
            }
            _ => {}
        }
    }

    fn stop(&mut self, cx: &mut UiContext<'_>) -> Handled {
        let Some(job) = self.job() else {
            return Handled::No;
        };
        cx.stop(job);
        self.state = if self.explained.is_some() {
            ExplanationState::Done
        } else {
            ExplanationState::Stopped
        };
        Handled::Yes
    }

    /// An existing result stays; only what waits for the scan starts by itself.
    fn is_outdated(&self, source: SourceId, world: &World) -> bool {
        let is_ours = matches!(self.against, ComparedCaches::Ref(ours, ..) if ours == source);
        let found = world.source(source).found.as_ref();
        is_ours
            && found.is_some_and(ScannedInventory::is_complete)
            && matches!(self.state, ExplanationState::Failed(_))
            && !self.evidence(world).is_empty()
    }

    fn restart(&mut self, cx: &mut UiContext<'_>) {
        self.begin(cx);
    }
}
