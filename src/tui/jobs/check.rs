//! Checks a source.

use std::sync::Arc;
use std::time::Instant;

use super::store::Store;
use super::{PACE, Reporter};
use crate::check::{self, CheckOptions, Subject};
use crate::inventory::Inventory;
use crate::tui::message::Report;

/// Checks the scan of `store`, and reports the progress, and the result unless it was cancelled.
pub(super) async fn check(
    store: &Store,
    inventory: &Inventory,
    options: &CheckOptions,
    reporter: &Reporter,
) {
    let Some(reader) = &store.reader else { return };
    let name = store
        .source
        .as_ref()
        .map_or_else(|| store.label.clone(), ToString::to_string);
    let subject = Subject {
        source: &name,
        kind: store.kind,
        location: store.source.as_ref().map(|source| &source.location),
        inventory,
        only: None,
    };
    let mut next = Instant::now();
    let observe = |progress| {
        if Instant::now() >= next {
            let _ = reporter.hint(Report::Checking(progress));
            next = Instant::now() + PACE;
        }
    };
    if let Some(checked) =
        check::check(&subject, reader, options, (reporter.clock)(), observe).await
    {
        reporter.report(Report::Checked(Arc::new(checked))).await;
    }
}
