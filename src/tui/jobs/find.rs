//! Scans a source. If the source may stand for several stores, finds them first: the source becomes
//! the first store, and the others are reported as they are found.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot};

use super::store::{SourceStore, Stores, admit, split};
use super::{Reporter, lock, prune, scan};
use crate::config::HistoryStore;
use crate::inventory::history::ScanRecord;
use crate::inventory::scan::ScanOptions;
use crate::source::Source;
use crate::tui::found::ScannedInventory;
use crate::tui::message::{JobReport, ScanEnd};
use crate::tui::pruning::Pruning;
use crate::tui::world::{Admitted, SourceId};
use crate::tui::{Finder, OpenedSource};

/// The input of a scan.
pub(super) struct Scanning {
    pub(super) source: SourceId,
    pub(super) stores: Stores,
    pub(super) admission: Arc<Mutex<()>>,
    pub(super) pruning: Arc<Pruning>,
    pub(super) options: ScanOptions,
    pub(super) history: HistoryStore,
    pub(super) reporter: Reporter,
}

impl Scanning {
    /// Opens a source that waited for a person's consent, after the person has given it.
    pub(super) async fn opened(&self, store: SourceStore) -> Option<SourceStore> {
        let Some(open) = store.waiting.clone() else {
            return Some(store);
        };
        let opened = tokio::task::spawn_blocking(move || open()).await;
        match opened {
            Ok(Ok(opened)) => {
                self.become_one(opened).await;
                lock(&self.stores).get(self.source.0).cloned()
            }
            Ok(Err(error)) => {
                let end = Err(ScanEnd::Failed(error));
                self.reporter
                    .report(JobReport::Scanned(self.source, end))
                    .await;
                None
            }
            Err(_) => None,
        }
    }

    /// Scans a store.
    pub(super) async fn of(&self, store: SourceStore) {
        let scanned = store.scanned();
        let Some(reader) = store.reader else { return };
        let result = match scan(&reader, self.source, &self.options, &self.reporter).await {
            Ok(found) => Ok(prune::judged(
                self.with_past(found, scanned).await,
                &reader,
                &store.label,
                &self.pruning.policy,
                &self.reporter,
            )
            .await),
            Err(end) => Err(end),
        };
        self.reporter
            .report(JobReport::Scanned(self.source, result))
            .await;
    }

    /// Leaves a record of the scan, and adds those of earlier scans.
    async fn with_past(&self, found: ScannedInventory, source: Option<Source>) -> ScannedInventory {
        let now = (self.reporter.clock)();
        let record = ScanRecord::of(&found.inventory, &found.totals, now);
        let (Some(record), Some(source)) = (record, source) else {
            return found;
        };
        let mut refs = found.inventory.refs.iter();
        let repository = refs.find_map(|entry| entry.facts().repository.clone());
        let history = self.history.clone();
        let recorded = tokio::task::spawn_blocking(move || {
            history
                .record(&source, repository.as_deref(), record)
                .inspect_err(|error| tracing::warn!(%error, "the record of the scan is not kept"))
        });
        match recorded.await {
            Ok(Ok(past)) => {
                for skipped in past.skipped {
                    tracing::warn!("a record is skipped: {skipped}");
                }
                ScannedInventory {
                    past: Some(Arc::new(past.history)),
                    ..found
                }
            }
            Ok(Err(_)) | Err(_) => found,
        }
    }

    /// Finds stores, and scans the first one while the search continues; if there is none, scans
    /// the source itself.
    pub(super) async fn found(&self, find: &Finder) {
        let (sender, mut stores) = mpsc::channel(1);
        let (first, begin) = oneshot::channel::<()>();
        let finding = async { self.options.cancel.run_until_cancelled(find(sender)).await };
        let receiving = async {
            let mut first = Some(first);
            while let Some(store) = stores.recv().await {
                match first.take() {
                    Some(first) => {
                        self.become_one(store).await;
                        let _ = first.send(());
                    }
                    None => self.add(store).await,
                }
            }
        };
        let scanning = async {
            let is_found = begin.await.is_ok();
            if is_found {
                self.scan_again().await;
            }
            is_found
        };
        let (end, (), is_found) = tokio::join!(finding, receiving, scanning);
        match end {
            None if !is_found => {
                self.reporter
                    .report(JobReport::Scanned(self.source, Err(ScanEnd::Stopped)))
                    .await;
            }
            Some(Err(error)) if !is_found => {
                self.reporter
                    .report(JobReport::Scanned(self.source, Err(ScanEnd::Failed(error))))
                    .await;
            }
            Some(Ok(None)) if !is_found => self.scan_again().await,
            Some(Ok(Some(incomplete))) => {
                self.reporter.report(JobReport::NotAll(incomplete)).await;
                if !is_found {
                    self.scan_again().await;
                }
            }
            None | Some(_) => {}
        }
    }

    /// Scans the source in its current state.
    async fn scan_again(&self) {
        let store = lock(&self.stores).get(self.source.0).cloned();
        if let Some(store) = store {
            self.of(store).await;
        }
    }

    async fn become_one(&self, store: OpenedSource) {
        let (store, info) = split(self.pruning.access, store);
        if let Some(place) = lock(&self.stores).get_mut(self.source.0) {
            *place = store;
        }
        self.reporter
            .report(JobReport::Becomes(self.source, info))
            .await;
    }

    async fn add(&self, store: OpenedSource) {
        let _admission = self.admission.lock().await;
        if let Admitted::New(info) = admit(&self.stores, self.pruning.access, store) {
            self.reporter.report(JobReport::Found(info)).await;
        }
    }
}
