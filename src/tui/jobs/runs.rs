//! Reads the journals of earlier runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::store::SourceStore;
use super::{Jobs, PACE, Reporter, lock};
use crate::error::in_lines;
use crate::prune::journal::{JournalContent, inspect};
use crate::prune::runs::{PastRun, RunState, journals};
use crate::tui::message::{JobReport, OpenedRun};
use crate::tui::world::SourceId;

impl Jobs {
    /// Lists earlier runs, the newest first.
    pub(super) fn list_runs(&mut self, cancel: CancellationToken, reporter: Reporter) {
        let own = lock(&self.stores)
            .iter()
            .filter_map(|store| store.copy_journals.clone())
            .collect::<Vec<_>>();
        let folders = own
            .into_iter()
            .chain(self.settings.pruning.journals.clone());
        self.blocking(reporter, move |reporter| {
            let mut paths = Vec::new();
            for folder in folders {
                match journals(&folder) {
                    Ok(found) => paths.extend(found),
                    Err(error) => return Some(JobReport::Runs(Err(error.to_string()), true)),
                }
            }
            let mut runs = Vec::with_capacity(paths.len());
            let mut reported = Instant::now();
            for path in paths {
                if cancel.is_cancelled() {
                    return None;
                }
                runs.push(PastRun::read(&path));
                if reported.elapsed() >= PACE {
                    reported = Instant::now();
                    let _ = reporter.hint(JobReport::Runs(Ok(Arc::new(runs.clone())), false));
                }
            }
            Some(JobReport::Runs(Ok(Arc::new(runs)), true))
        });
    }

    /// Reads the journal of a run, and finds the source that it pruned among the open ones.
    pub(super) fn open_run(
        &mut self,
        journal: PathBuf,
        cancel: CancellationToken,
        reporter: Reporter,
    ) {
        let stores: Vec<SourceStore> = lock(&self.stores).clone();
        self.reporting(reporter, cancel, async move {
            let path = journal.clone();
            let read = tokio::task::spawn_blocking(move || inspect(&path)).await;
            let opened = match read {
                Ok(Ok((history, at_work))) => Ok(opened(journal, history, at_work, &stores).await),
                Ok(Err(error)) => Err(in_lines(&error)),
                Err(error) => Err(error.to_string()),
            };
            JobReport::RunOpened(opened.map(Arc::new))
        });
    }
}

async fn opened(
    journal: PathBuf,
    history: JournalContent,
    at_work: bool,
    stores: &[SourceStore],
) -> OpenedRun {
    let state = RunState::of(&history, at_work);
    let mut source = None;
    for (place, store) in stores.iter().enumerate() {
        let Some(reader) = &store.reader else {
            continue;
        };
        if reader
            .place()
            .await
            .is_ok_and(|found| found == *history.plan.place())
        {
            let undoability = reader.facts().await.capabilities.undoability;
            source = Some((SourceId(place), undoability));
            break;
        }
    }
    OpenedRun {
        journal,
        source,
        state,
        plan: Arc::new(history.plan),
        outcomes: history.outcomes,
        restored: history.restored,
    }
}
