//! Scans a source, and where it may stand for several stores finds them first: it becomes the first of them, the others are
//! told as they are found.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot};

use super::store::{Store, Stores, admit, split};
use super::{Reporter, lock, prune, scan};
use crate::inventory::scan::ScanOptions;
use crate::tui::message::{Report, ScanEnd};
use crate::tui::pruning::Pruning;
use crate::tui::world::{Admitted, SourceId};
use crate::tui::{Finder, OpenedSource};

/// What a scan works with.
pub(super) struct Scanning {
    pub(super) source: SourceId,
    pub(super) stores: Stores,
    pub(super) admission: Arc<Mutex<()>>,
    pub(super) pruning: Arc<Pruning>,
    pub(super) options: ScanOptions,
    pub(super) reporter: Reporter,
}

impl Scanning {
    /// Scans a store.
    pub(super) async fn of(&self, store: Store) {
        let Some(reader) = store.reader else { return };
        let result = match scan(&reader, self.source, &self.options, &self.reporter).await {
            Ok(found) => Ok(prune::judged(found, &reader, &store.label, &self.pruning.policy, &self.reporter).await),
            Err(end) => Err(end),
        };
        self.reporter.report(Report::Scanned(self.source, result)).await;
    }

    /// Finds stores, and scans the first while the others are found; without any, the source itself.
    pub(super) async fn found(&self, find: &Finder) {
        let (sender, mut stores) = mpsc::channel(1);
        let (first, begin) = oneshot::channel::<()>();
        let finding = async { self.options.cancel.run_until_cancelled(find(sender)).await };
        let heeding = async {
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
        let (end, (), is_found) = tokio::join!(finding, heeding, scanning);
        match end {
            None if !is_found => self.reporter.report(Report::Scanned(self.source, Err(ScanEnd::Stopped))).await,
            Some(Err(error)) if !is_found => {
                self.reporter.report(Report::Scanned(self.source, Err(ScanEnd::Failed(error)))).await;
            }
            Some(Ok(None)) if !is_found => self.scan_again().await,
            Some(Ok(Some(left_out))) => {
                self.reporter.report(Report::NotAll(left_out)).await;
                if !is_found {
                    self.scan_again().await;
                }
            }
            None | Some(_) => {}
        }
    }

    /// Scans the source as it is by now.
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
        self.reporter.report(Report::Becomes(self.source, info)).await;
    }

    async fn add(&self, store: OpenedSource) {
        let _admission = self.admission.lock().await;
        if let Admitted::New(info) = admit(&self.stores, self.pruning.access, store) {
            self.reporter.report(Report::Found(info)).await;
        }
    }
}
