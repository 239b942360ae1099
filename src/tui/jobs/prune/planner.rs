//! Makes the plans that the UI shows.

use std::sync::Arc;

use jiff::Timestamp;

use crate::backend::SharedReader;
use crate::error::in_lines;
use crate::explain::evidence::CacheEvidence;
use crate::inventory::Inventory;
use crate::inventory::scan::ScanOptions;
use crate::prune::MarkError;
use crate::prune::draft::{Choices, Draft, DraftRequest, RepairFindings};
use crate::prune::rewrite::UnusableEvidence;
use crate::retention::Policy;
use crate::source::StoreKind;
use crate::tui::effect::PlanRequest;
use crate::tui::evidence::{EvidenceReaders, NamedEvidence};
use crate::tui::jobs::evidence;
use crate::tui::pruning::{DeletionScope, Planned, Pruning};

/// Makes the plans of a source.
pub(super) struct Planner {
    pub(super) reader: SharedReader,
    pub(super) label: String,
    pub(super) kind: StoreKind,
    pub(super) readers: EvidenceReaders,
    pub(super) pruning: Arc<Pruning>,
    pub(super) now: Timestamp,
}

impl Planner {
    /// Makes a plan.
    ///
    /// # Errors
    /// Returns the text of the error if the store cannot be read, or no plan can be made.
    pub(super) async fn plan(
        &self,
        request: PlanRequest,
        options: &ScanOptions,
    ) -> Result<Arc<Planned>, String> {
        let PlanRequest {
            inventory,
            scope,
            freed_blobs,
            excluded: by_hand,
            evidence,
            ..
        } = request;
        let policy = scope
            .policy(&self.pruning.policy)
            .map_err(|error| in_lines(&error))?;
        let draft = self.draft(inventory, policy, &evidence, &scope, options);
        let draft = draft.await.map_err(|error| in_lines(&error))?;
        let draft = Arc::new(draft);
        let make = move || {
            let mut excluded = scope.excluded(&draft);
            if scope == DeletionScope::Trash {
                excluded.extend(draft.all_but_trash()?);
            }
            let planned = Planned::new(
                draft,
                Choices {
                    freed_blobs,
                    excluded,
                    at_once: false,
                },
            )?;
            let excluded = planned.with_exclusions(by_hand);
            if excluded == planned.choices.excluded {
                Ok(planned)
            } else {
                planned.with_excluded(excluded)
            }
        };
        match tokio::task::spawn_blocking(make).await {
            Ok(planned) => planned.map(Arc::new).map_err(|error| in_lines(&error)),
            Err(error) => Err(in_lines(&error)),
        }
    }

    /// Gathers the input of a plan.
    async fn draft(
        &self,
        inventory: Arc<Inventory>,
        policy: Policy,
        evidence: &NamedEvidence,
        scope: &DeletionScope,
        options: &ScanOptions,
    ) -> Result<Draft, MarkError> {
        let evidence = self.step_names(evidence, &policy).await;
        let request = DraftRequest {
            inventory,
            source: &self.label,
            policy,
            evidence: evidence.as_ref().map_err(Clone::clone),
            settles: !self.pruning.settle.quiet.is_zero(),
            now: self.now,
        };
        let draft = Draft::gather(&self.reader, request, options).await?;
        let DeletionScope::Repair(repairing) = scope else {
            return Ok(draft);
        };
        let found = RepairFindings {
            findings: &repairing.findings,
            damaged: &repairing.damaged,
            only: None,
        };
        let remedies = repairing.remedies();
        let repair = draft.repairing(&self.reader, self.kind, found, &remedies);
        Ok(repair.await)
    }

    /// Loads the given evidence if a rule may be about the steps that it names.
    ///
    /// # Errors
    /// Fails if it names none.
    async fn step_names(
        &self,
        given: &NamedEvidence,
        policy: &Policy,
    ) -> Result<CacheEvidence, UnusableEvidence> {
        let mut rules = policy.rules.iter();
        let is_used = policy.records.is_some() || rules.any(|rule| rule.drop_records.is_some());
        if given.is_empty() || !is_used {
            return Ok(CacheEvidence::default());
        }
        evidence::for_names(given, &self.readers).await
    }
}
