//! Waits for builds, before and after blobs are moved to the trash.
//!
//! An exporter skips each blob that is stored, and writes the refs at the end. So a blob that was
//! an orphan may be referenced a moment after the run has moved it. Therefore a run waits until no
//! build writes to the store, moves the blobs, and then watches the refs until the store has been
//! quiet for a while. Blobs that a new ref references are restored at once.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Settled;
use super::run::PlanRun;
use crate::backend::{StoreActivity, WatchActivity};
use crate::prune::options::{RunStep, Settle};

/// How a watch ended.
pub(super) enum Watched {
    /// The store was quiet for long enough.
    Quiet,
    /// The time ran out, or the run was cancelled.
    CutShort,
    /// The blobs that the refs reference could not be determined.
    Undetermined,
}

impl PlanRun<'_> {
    /// Waits until no build writes to the store. Returns false if the time runs out first.
    pub(super) async fn wait_for_builds(&mut self, store: &dyn WatchActivity) -> bool {
        let Settle { most, .. } = self.options.settle;
        let began = Instant::now();
        let mut last = store.look().await.ok();
        let is_idle = loop {
            self.pause(self.options.settle.before()).await;
            if self.options.cancel.is_cancelled() {
                break true;
            }
            let now = store.look().await.ok();
            if now.is_some_and(|now| !now.refs_locked) && now == last {
                break true;
            }
            last = now;
            if began.elapsed() >= most {
                break false;
            }
            self.reached(RunStep::Waiting);
        };
        self.settled.waited += began.elapsed();
        is_idle
    }

    /// Watches the refs until the store has been quiet for long enough, and restores the blobs that
    /// they reference.
    pub(super) async fn watch(&mut self, store: &dyn WatchActivity) -> Watched {
        let began = Instant::now();
        let restored = self.restored;
        let watched = self.watch_from(began, store).await;
        self.settled = Settled {
            waited: self.settled.waited + began.elapsed(),
            restored: self.restored - restored,
            complete: self.settled.complete && matches!(watched, Watched::Quiet),
        };
        watched
    }

    async fn watch_from(&mut self, began: Instant, store: &dyn WatchActivity) -> Watched {
        let Settle { quiet, most } = self.options.settle;
        let mut last = store.look().await.ok();
        if !self.restore_named().await {
            return Watched::Undetermined;
        }
        last = self.after_restoring(last, store).await;
        let mut quiet_since = began;
        loop {
            let left = quiet.saturating_sub(quiet_since.elapsed());
            if left.is_zero() {
                return Watched::Quiet;
            }
            if began.elapsed() >= most || self.options.cancel.is_cancelled() {
                return if self.restore_named().await {
                    Watched::CutShort
                } else {
                    Watched::Undetermined
                };
            }
            self.reached(RunStep::Watching(left));
            self.pause(self.options.settle.after().min(left)).await;
            let now = store.look().await.ok();
            if now == last && now.is_some_and(|now| !now.refs_locked) {
                continue;
            }
            quiet_since = Instant::now();
            let same_refs = now.map(|now| now.refs) == last.map(|last| last.refs);
            if same_refs && now.is_some() {
                last = now;
                continue;
            }
            if !self.restore_named().await {
                return Watched::Undetermined;
            }
            last = self.after_restoring(now, store).await;
        }
    }

    /// Updates the watched state after blobs were restored, because that is a change by this run.
    /// The refs stay those that were read, so a later change is still noticed.
    async fn after_restoring(
        &self,
        before: Option<StoreActivity>,
        store: &dyn WatchActivity,
    ) -> Option<StoreActivity> {
        let after = store.look().await.ok()?;
        Some(StoreActivity {
            refs: before?.refs,
            ..after
        })
    }

    /// Restores the blobs that the refs reference. Returns false if these are unknown.
    async fn restore_named(&mut self) -> bool {
        match self.restore_referenced().await {
            Ok(live) => !live.undetermined,
            Err(error) => {
                tracing::warn!(%error, "blobs that the refs reference could not be restored");
                false
            }
        }
    }

    async fn pause(&self, time: Duration) {
        tokio::select! {
            () = sleep(time) => {}
            () = self.options.cancel.cancelled() => {}
        }
    }
}
