//! Scans the sources of a command, several at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use super::{Opened, Scanned, no_such_ref};
use crate::backend::{self, OpenError};
use crate::cli::CliSession;
use crate::config::LoadedHistory;
use crate::error::{Exit, Failure};
use crate::inventory::history::ScanRecord;
use crate::inventory::scan::{self, ScanOptions};
use crate::inventory::{Inventory, StoreWarning};
use crate::source::{Source, SourceLocation};
use crate::text::escape::visible;

/// Opens and scans sources, one after the other. Failures are returned separately, so that the
/// other results are usable. A bucket stands for the cache in its root, because commands that
/// compare refs or delete need an exact source.
///
/// # Errors
/// Fails before reading anything if this build cannot open a kind of source, and if the user
/// interrupts.
pub(in crate::cli) async fn scan_all(
    session: &CliSession<'_>,
    sources: Vec<Source>,
) -> Result<(Vec<Scanned>, Vec<(String, Failure)>), Failure> {
    scan_each(session, sources, |source| {
        matches!(source.location, SourceLocation::S3(_))
    })
    .await
}

/// Scans sources like [`scan_all`], but a bucket stands for all caches found in it.
///
/// # Errors
/// The same as [`scan_all`].
pub(in crate::cli) async fn scan_found(
    session: &CliSession<'_>,
    sources: Vec<Source>,
) -> Result<(Vec<Scanned>, Vec<(String, Failure)>), Failure> {
    scan_each(session, sources, |_| false).await
}

/// Opens and scans sources; a source that is a single store is used as it is.
async fn scan_each(
    session: &CliSession<'_>,
    sources: Vec<Source>,
    is_one: impl Fn(&Source) -> bool,
) -> Result<(Vec<Scanned>, Vec<(String, Failure)>), Failure> {
    let access = session.access();
    let mut opened = Vec::new();
    let mut scanned = Vec::new();
    let mut failures = Vec::new();
    for source in sources {
        let label = source.to_string();
        if !source.may_be_contacted() {
            failures.push((label, OpenError::NotNamed(Box::new(source)).into()));
            continue;
        }
        let expanded = if is_one(&source) {
            Ok((vec![source], None))
        } else {
            Box::pin(backend::expand(source, &access)).await
        };
        match expanded {
            Ok((found, incomplete)) => {
                if let Some(incomplete) = incomplete {
                    session
                        .output
                        .warn(&format!("{}: {incomplete}", visible(&label)));
                }
                for source in found {
                    opened.push(Opened {
                        reader: backend::open(&source, &access)?,
                        source,
                    });
                }
            }
            Err(error) => failures.push((label, error.into())),
        }
    }
    for opened in opened {
        let label = opened.label();
        match scan(session, opened).await {
            Ok(result) => {
                failures.extend(
                    warn(session, &result)
                        .into_iter()
                        .map(|failure| (label.clone(), failure)),
                );
                if result.opened.source.select.is_some() && result.selected().is_empty() {
                    failures.push((label, no_such_ref(&result)));
                } else {
                    scanned.push(result);
                }
            }
            Err(failure) if failure.exit == Exit::Interrupted => return Err(failure),
            Err(failure) => failures.push((label, failure)),
        }
    }
    Ok((scanned, failures))
}

/// Returns the failure for a store that is listed only in part.
fn partial(message: String) -> Failure {
    Failure::message(Exit::Partial, message)
        .hint("the store changes while it is listed; try again later")
}

pub(super) async fn scan(session: &CliSession<'_>, opened: Opened) -> Result<Scanned, Failure> {
    let shown = opened.shown();
    let options = ScanOptions {
        concurrency: session.settings.concurrency.value.get(),
        cancel: session.cancel.child_token(),
    };
    let signs_of_life = AtomicU64::new(0);
    let reader = Arc::clone(&opened.reader);
    let scanning = scan::scan(&reader, &options, |inventory| {
        signs_of_life.fetch_add(1, Ordering::Relaxed);
        session.output.progress.scanning(&shown, inventory);
    });
    let silence = until_silent(session, &signs_of_life);
    let inventory = tokio::select! {
        inventory = scanning => {
            let select = opened.source.select.as_ref();
            scan::with_selected(&*reader, inventory?, select, &options).await?
        }
        timeout = silence => {
            let seconds = timeout.as_secs_f64();
            let message = format!("{shown} has not answered for {seconds} s");
            return Err(Failure::message(Exit::Failed, message).hint("give it more time with --timeout"));
        }
    };
    tracing::info!(
        source = shown,
        refs = inventory.refs.len(),
        blobs = inventory.blobs.len(),
        "scanned"
    );
    let past = remember(session, &opened.source, &inventory);
    Ok(Scanned {
        opened,
        inventory,
        past,
    })
}

/// Leaves a record of a scan in the state directory. Returns all records of the source.
fn remember(session: &CliSession<'_>, source: &Source, inventory: &Inventory) -> LoadedHistory {
    // A source of GitHub's cache need not name the repository; its refs do.
    let mut refs = inventory.refs.iter();
    let repository = refs.find_map(|entry| entry.facts().repository.as_deref());
    let record = ScanRecord::of(inventory, &inventory.totals(), Timestamp::now());
    let Some(record) = record.filter(|_| session.history.is_kept()) else {
        return session.history.load(source, repository);
    };
    match session.history.record(source, repository, record) {
        Ok(past) => past,
        Err(error) => {
            tracing::warn!(%error, "the record of the scan is not kept");
            session.history.load(source, repository)
        }
    }
}

/// Ends when nothing was found or received for as long as the timeout. A pause that a service asks
/// for does not count as silence; requests limit it themselves.
async fn until_silent(session: &CliSession<'_>, signs_of_life: &AtomicU64) -> Duration {
    let timeout = session.settings.timeout.value;
    let activity = &session.activity;
    let mut seen = None;
    loop {
        let now = signs_of_life.load(Ordering::Relaxed) + activity.count();
        if seen == Some(now) && session.pauses.longest().is_none() {
            return timeout;
        }
        seen = Some(now);
        tokio::time::sleep(timeout).await;
    }
}

/// Reports the warnings of a scan; returns those that make the result incomplete.
fn warn(session: &CliSession<'_>, result: &Scanned) -> Vec<Failure> {
    let mut failures = Vec::new();
    for warning in &result.inventory.warnings {
        let message = format!("{}: {warning}", result.opened.shown());
        if matches!(warning, StoreWarning::Part(_)) {
            failures.push(partial(message));
        } else {
            session.output.warn(&message);
        }
    }
    failures
}
