//! Reports of jobs: of scans, of the policy's verdicts, and of the work of the application.

use std::sync::Arc;

use super::super::effect::{Effect, JobId};
use super::super::found::ScannedInventory;
use super::super::layer::config::ConfigDiff;
use super::super::layer::confirm::Confirm;
use super::super::message::{ExportError, JobReport, ScanEnd};
use super::super::model::Model;
use super::super::navigation::{NavigationCommand, UiContext};
use super::super::screen::LayerRequest;
use super::super::work::WorkKey;
use super::super::world::{Admitted, Scan, SourceId, StatusKind};
use crate::text::plural::counted_in_groups;
use crate::text::units::Size;

impl Model {
    /// Applies the report of a job, and hands it to all screens and layers.
    pub(super) fn report(
        &mut self,
        job: JobId,
        report: JobReport,
        effects: &mut Vec<Effect>,
    ) -> Vec<NavigationCommand> {
        let source = self.apply_scan_report(job, &report);
        let mut commands = Vec::new();
        let Self {
            world,
            screens,
            layers,
            ..
        } = self;
        let mut cx = UiContext::new(world, effects, &mut commands);
        if let JobReport::Scanned(id, _) = &report {
            // The findings of an earlier scan are outdated.
            let key = WorkKey::Check(*id);
            let work = cx.world.work.background(key, cx.world);
            if work.is_some_and(|work| !work.is_running) {
                cx.world.work.forget_left(|left, _| left == key);
            }
        }
        if let Some(source) = source {
            cx.judge_again(source);
            cx.restart_work(source);
            for screen in screens.iter_mut() {
                screen.refresh(source, &mut cx);
            }
        }
        cx.report_to_work(job, &report);
        if let JobReport::ConfigWritten(Ok(written)) = &report {
            cx.config_written(written);
            if written.policy.is_some() {
                for screen in screens.iter_mut() {
                    screen.policy_changed(&mut cx);
                }
            }
        }
        for screen in screens.iter_mut() {
            screen.report(job, &report, &mut cx);
        }
        for layer in layers.iter_mut() {
            layer.report(job, &report, &mut cx);
        }
        // A layer that was opened since then has the keys.
        if let JobReport::RemovalPrepared(edit) = &report
            && layers.is_empty()
        {
            cx.show(ConfigDiff::of_removal(Arc::clone(edit)));
        }
        apply_job_report(job, report, &mut cx);
        commands
    }

    /// Applies the report of a scan, if it is the current one of its source.
    fn apply_scan_report(&mut self, job: JobId, report: &JobReport) -> Option<SourceId> {
        if let JobReport::Judged(id, found) = report {
            return self.apply_verdicts(*id, found);
        }
        let (JobReport::Snapshot(id, _) | JobReport::Scanned(id, _) | JobReport::Becomes(id, _)) =
            report
        else {
            return None;
        };
        let source = self
            .world
            .sources
            .get_mut(id.0)
            .filter(|source| source.scan == Scan::Running(job))?;
        match report {
            JobReport::Becomes(_, info) => source.info = info.clone(),
            JobReport::Snapshot(_, found) => source.found = Some(found.clone()),
            JobReport::Scanned(_, Ok(found)) => {
                source.found = Some(found.clone());
                source.scan = Scan::Done;
            }
            JobReport::Scanned(_, Err(ScanEnd::Stopped)) => source.scan = Scan::Stopped,
            JobReport::Scanned(_, Err(ScanEnd::Failed(error))) => {
                source.scan = Scan::Failed(error.clone());
            }
            _ => {}
        }
        Some(*id)
    }

    /// Applies the verdicts on the refs of a source, unless it was scanned again.
    fn apply_verdicts(&mut self, id: SourceId, judged: &ScannedInventory) -> Option<SourceId> {
        let found = self.world.sources.get_mut(id.0)?.found.as_mut()?;
        if !Arc::ptr_eq(&found.inventory, &judged.inventory) {
            return None;
        }
        found.verdicts.clone_from(&judged.verdicts);
        Some(id)
    }
}

/// Applies a report whose effect does not depend on a screen.
fn apply_job_report(job: JobId, report: JobReport, cx: &mut UiContext<'_>) {
    match report {
        JobReport::Exported(_, result) => {
            let words = result.map(|count| counted_in_groups(count as u64, "row", "rows"));
            end_write(job, words, cx);
        }
        JobReport::Extracted(_, result) => {
            let words = result.map(|bytes| Size(bytes).to_string());
            end_write(job, words, cx);
        }
        JobReport::Saved(_, result) => end_write(job, result.map(|()| "plan".to_owned()), cx),
        // The store has its index already, even if no screen waits for it any more.
        JobReport::Opened(Ok(Admitted::New(info))) | JobReport::Found(info) => cx.add_source(info),
        JobReport::Opened(Ok(Admitted::Known(id, select))) => cx.go_to(id, select),
        JobReport::NotAll(incomplete) => cx.world.note(StatusKind::Failed, incomplete),
        _ => {}
    }
}

/// Reports that `content` was written, or why it was not; asks if the file exists already.
fn end_write(job: JobId, content: Result<String, ExportError>, cx: &mut UiContext<'_>) {
    let Some(write) = cx.world.end_write(job) else {
        return;
    };
    let name = write.name();
    match content {
        Ok(content) => {
            let words = format!("{content} written to {name}");
            cx.world.note(StatusKind::Done, words);
        }
        Err(ExportError::Exists) => {
            let question = format!("{name} is there already. Replace it?");
            let request = LayerRequest::Write(write.replacing());
            cx.show(Confirm::new(question, request));
        }
        Err(ExportError::Failed(why)) => {
            let words = format!("{name} was not written: {why}");
            cx.world.note(StatusKind::Failed, words);
        }
    }
}
