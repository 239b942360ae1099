//! Checks a source.

use std::sync::Arc;
use std::time::Instant;

use super::store::SourceStore;
use super::{PACE, Reporter};
use crate::check::{self, CheckOptions, CheckSubject};
use crate::inventory::Inventory;
use crate::tui::message::JobReport;

/// Checks the scan of `store`, and reports the progress, and the result unless it was cancelled.
pub(super) async fn check(
    store: &SourceStore,
    inventory: &Inventory,
    options: &CheckOptions,
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
    if let Some(checked) =
        check::check(&subject, reader, options, (reporter.clock)(), observe).await
    {
        reporter.report(JobReport::Checked(Arc::new(checked))).await;
    }
}
