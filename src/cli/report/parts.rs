//! The parts of a report that need more than the inventory: the last build, and a plan.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::cli::CliSession;
use crate::cli::evidence::StepEvidence;
use crate::cli::open::Scanned;
use crate::cli::show::{self, rows};
use crate::cli::why::of_ref::BuildEvidence;
use crate::error::Failure;
use crate::explain::evidence::CacheEvidence;
use crate::inventory::cache::{RecordState, RefCache};
use crate::inventory::scan::ScanOptions;
use crate::inventory::{RefEntry, RefKind};
use crate::prune::draft::{Choices, Draft, DraftRequest};
use crate::prune::plan::FreedBlobs;
use crate::report::documents::FirstIndexes;
use crate::report::page::build::{BuildPart, StepPart, StepVerdict};
use crate::report::page::plan::PlanPart;

/// Returns the build that evidence describes, against the newest cache; without evidence, the steps
/// that this cache holds.
///
/// # Errors
/// When evidence that was given is of no use.
pub(super) async fn build(
    session: &CliSession<'_>,
    scanned: &Scanned,
    evidence: &BuildEvidence,
) -> Result<Option<BuildPart>, Failure> {
    let caches = scanned
        .inventory
        .refs
        .iter()
        .filter(|entry| matches!(entry.kind, RefKind::Cache | RefKind::Inline));
    let readable = caches.filter(|entry| !entry.is_unreadable());
    let Some(entry) = readable.max_by_key(|entry| entry.age().map(|(time, _)| time)) else {
        return Ok(None);
    };
    match evidence.explain(session, scanned, entry).await {
        Ok(Some(explanation)) => {
            return Ok(Some(BuildPart::explained(entry.name.clone(), &explanation)));
        }
        Ok(None) => {}
        Err(failure) if evidence.is_given() => return Err(failure),
        Err(failure) => {
            let message = format!("the provenance of {}: {}", entry.name, failure.message);
            session.output.warn(&message);
        }
    }
    Ok(held(session, scanned, entry)
        .await?
        .filter(|part| !part.stages.is_empty()))
}

/// Returns the steps that a ref holds.
async fn held(
    session: &CliSession<'_>,
    scanned: &Scanned,
    entry: &RefEntry,
) -> Result<Option<BuildPart>, Failure> {
    let evidence =
        show::evidence(session, scanned, entry, StepEvidence::of_provenance(&[])).await?;
    let inventory = &scanned.inventory;
    let reader = &*scanned.opened.reader;
    let Ok(caches) = RefCache::load(reader, &inventory.blobs, entry).await else {
        return Ok(None);
    };
    let mut steps = Vec::new();
    for cache in &caches {
        let labels = evidence.labels(&cache.graph);
        for record in rows::records(cache, inventory, &labels, FirstIndexes::default()) {
            // Keys without a name and the contents of files are parts of other steps.
            let Some(name) = &record.name else {
                continue;
            };
            let is_image = name.starts_with("FROM ");
            if record.is_root && !is_image {
                continue;
            }
            let place = record.location.as_ref();
            let step = StepPart {
                title: name.clone(),
                place: place.map(|place| format!("{}:{}", place.file, place.line)),
                verdict: match record.record_state {
                    _ if is_image => StepVerdict::Source,
                    RecordState::Result => StepVerdict::Hit,
                    RecordState::KeyOnly | RecordState::Broken => StepVerdict::Run,
                },
                seconds: None,
                why: None,
            };
            let order = place.map(|place| (place.file.clone(), place.line));
            steps.push((order, record.stage.clone().unwrap_or_default(), step));
        }
    }
    steps.sort_by(|(a, _, _), (b, _, _)| (a.is_none(), a).cmp(&(b.is_none(), b)));
    let steps = steps.into_iter().map(|(_, stage, step)| (stage, step));
    Ok(Some(BuildPart::held(entry.name.clone(), steps.collect())))
}

/// Returns what a prune with the rules of the configuration would delete; the error is why that is
/// not known.
pub(super) async fn plan(
    session: &CliSession<'_>,
    scanned: &Scanned,
    now: Timestamp,
) -> Result<PlanPart, String> {
    let policy = session.settings.retention.policy();
    let has_rules = !policy.rules.is_empty();
    let options = ScanOptions {
        concurrency: session.settings.concurrency.value.get(),
        cancel: session.cancel.clone(),
    };
    let source = scanned.opened.label();
    let evidence = CacheEvidence::default();
    let request = DraftRequest {
        inventory: Arc::new(scanned.inventory.clone()),
        source: &source,
        policy,
        evidence: Ok(&evidence),
        settles: true,
        now,
    };
    let draft = Draft::gather(&scanned.opened.reader, request, &options);
    let draft = draft.await.map_err(|error| error.to_string())?;
    let choices = Choices {
        freed_blobs: FreedBlobs::Wait,
        excluded: HashSet::new(),
        at_once: false,
    };
    let plan = draft.plan(&choices).map_err(|error| error.to_string())?;
    Ok(PlanPart::new(&plan, has_rules))
}
