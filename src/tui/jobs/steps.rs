//! Reads the steps of a ref, and the evidence that names them.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{Jobs, Reporter, evidence};
use crate::backend::CacheReader;
use crate::explain::evidence::CacheEvidence;
use crate::inventory::cache::RefCache;
use crate::inventory::{Inventory, RefId};
use crate::tui::effect::{ComparisonRequest, StepsRequest};
use crate::tui::evidence::{EvidenceReaders, NamedEvidence};
use crate::tui::message::JobReport;
use crate::tui::rows::diff::DiffRows;
use crate::tui::rows::steps::{Names, RefSteps};

/// Reads the configurations of the ref at `id`, and names the steps by the given evidence, or by
/// the store's own evidence.
///
/// # Errors
/// Returns the faults of the ref, one sentence each.
pub(super) async fn load(
    reader: &dyn CacheReader,
    inventory: Arc<Inventory>,
    id: RefId,
    given: NamedEvidence,
    readers: &EvidenceReaders,
) -> Result<RefSteps, Vec<String>> {
    let Some(entry) = inventory.get_ref(id) else {
        return Err(vec!["the ref is not there any more".to_owned()]);
    };
    let mut evidence = CacheEvidence::default();
    for statement in reader.abilities().provenance(&entry.name).await {
        // Evidence that does not name steps is not a fault here; a build may have been configured
        // to record little.
        let _ = evidence.add(&statement);
    }
    let caches = RefCache::load(reader, &inventory.blobs, entry).await;
    let caches =
        caches.map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let own = if evidence.is_empty() {
        Names::None
    } else {
        Names::Store
    };
    let steps = RefSteps::new(inventory, id, Arc::new(caches), &evidence, own);
    if given.is_empty() {
        return Ok(steps);
    }
    // Evidence for another ref is tried here; if it does not match, the store's names are better
    // than none.
    Ok(name(&steps, given, readers).await.unwrap_or(steps))
}

/// Compares two refs; the first one is the older.
///
/// # Errors
/// Returns the faults of one of the refs, one sentence each.
pub(super) async fn compare(
    reader: &dyn CacheReader,
    inventory: &Arc<Inventory>,
    [before, after]: [RefId; 2],
    given: NamedEvidence,
    readers: &EvidenceReaders,
) -> Result<DiffRows, Vec<String>> {
    let before = load(
        reader,
        Arc::clone(inventory),
        before,
        given.clone(),
        readers,
    )
    .await?;
    let after = load(reader, Arc::clone(inventory), after, given, readers).await?;
    Ok(DiffRows::new(before, after))
}

/// Names steps by evidence.
///
/// # Errors
/// Returns a sentence that explains why the evidence does not name them.
pub(super) async fn name(
    steps: &RefSteps,
    given: NamedEvidence,
    readers: &EvidenceReaders,
) -> Result<RefSteps, String> {
    let evidence = evidence::for_names(&given, readers).await;
    let evidence = evidence.map_err(|why| why.to_string())?;
    let named = steps.named(&evidence, Names::Given(given));
    if named.counts.named == 0 {
        return Err("the build that it describes has no step in this ref".to_owned());
    }
    Ok(named)
}

impl Jobs {
    /// Reads the steps of a ref.
    pub(super) fn load_steps(
        &mut self,
        request: StepsRequest,
        cancel: CancellationToken,
        reporter: Reporter,
    ) {
        let StepsRequest {
            source,
            inventory,
            id,
            given,
        } = request;
        let readers = self.settings.readers.clone();
        let reader = self.store(source).and_then(|store| store.reader);
        self.tasks.spawn(async move {
            let job = reporter.job;
            let Some(reader) = reader else { return job };
            let loading = load(&*reader, inventory, id, given, &readers);
            if let Some(loaded) = Box::pin(cancel.run_until_cancelled(loading)).await {
                let loaded = loaded.map(Arc::new);
                reporter.report(JobReport::Steps(loaded)).await;
            }
            job
        });
    }

    /// Compares two refs of a source.
    pub(super) fn compare(
        &mut self,
        request: ComparisonRequest,
        cancel: CancellationToken,
        reporter: Reporter,
    ) {
        let ComparisonRequest {
            source,
            inventory,
            refs,
            given,
        } = request;
        let readers = self.settings.readers.clone();
        let reader = self.store(source).and_then(|store| store.reader);
        self.tasks.spawn(async move {
            let job = reporter.job;
            let Some(reader) = reader else { return job };
            let comparison = compare(&*reader, &inventory, refs, given, &readers);
            if let Some(compared) = Box::pin(cancel.run_until_cancelled(comparison)).await {
                let compared = compared.map(Arc::new);
                reporter.report(JobReport::Compared(compared)).await;
            }
            job
        });
    }

    /// Names steps by evidence.
    pub(super) fn name_steps(
        &mut self,
        steps: Arc<RefSteps>,
        given: NamedEvidence,
        cancel: CancellationToken,
        reporter: Reporter,
    ) {
        let readers = self.settings.readers.clone();
        self.reporting(reporter, cancel, async move {
            JobReport::Named(name(&steps, given, &readers).await.map(Arc::new))
        });
    }
}
