//! Checks a source.

use std::sync::Arc;
use std::time::Instant;

use jiff::tz::TimeZone;
use tokio_util::sync::CancellationToken;

use super::store::SourceStore;
use super::{Jobs, PACE, Reporter};
use crate::check::ignore::Ignore;
use crate::check::{self, CheckOptions, CheckSubject};
use crate::inventory::Inventory;
use crate::tui::message::JobReport;
use crate::tui::world::SourceId;

/// Checks the scan of `store`, and reports the progress, and the result unless it was cancelled.
pub(super) async fn check(
    store: &SourceStore,
    inventory: &Inventory,
    options: &CheckOptions,
    ignores: &[Ignore],
    reporter: &Reporter,
) {
    let Some(reader) = &store.reader else { return };
    let name = store
        .source
        .as_ref()
        .map_or_else(|| store.label.clone(), ToString::to_string);
    let subject = CheckSubject {
        source: &name,
        kind: store.kind,
        location: store.source.as_ref().map(|source| &source.location),
        inventory,
        only: None,
    };
    let mut next = Instant::now();
    let observe = |progress| {
        if Instant::now() >= next {
            let _ = reporter.hint(JobReport::Checking(progress));
            next = Instant::now() + PACE;
        }
    };
    let now = (reporter.clock)();
    if let Some(checked) = check::check(&subject, reader, options, now, observe).await {
        let today = now.to_zoned(TimeZone::UTC).date();
        let checked = checked.ignoring(ignores, today);
        reporter.report(JobReport::Checked(Arc::new(checked))).await;
    }
}

impl Jobs {
    /// Checks a source; `verify` includes the layers.
    pub(super) fn check(
        &mut self,
        source: SourceId,
        inventory: Arc<Inventory>,
        verify: bool,
        cancel: CancellationToken,
        reporter: Reporter,
    ) {
        let store = self.store(source);
        let options = CheckOptions {
            verify,
            concurrency: self.settings.concurrency,
            cancel,
        };
        let ignores = Arc::clone(&self.settings.ignores);
        self.tasks.spawn(async move {
            if let Some(store) = store {
                check(&store, &inventory, &options, &ignores, &reporter).await;
            }
            reporter.job
        });
    }
}
