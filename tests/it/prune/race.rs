//! A build that exports during a prune: another process that writes blobs and the index like
//! BuildKit.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use cachelens::backend::local::LocalCache;
use cachelens::backend::{Outcome, SharedPruner, Skip};
use cachelens::format::digest::Digest;
use cachelens::prune::execute::{self, ExecuteError, ExecuteOptions, RunReport, RunStep, Settle};
use cachelens::prune::journal::Journal;
use cachelens::prune::plan::{Plan, file};
use cachelens::retention::Policy;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{Sample, prune};
use crate::support::command::{CommandLine, Sandbox};
use crate::support::made::{MadeLayout, entry};

/// Makes a plan with the program.
pub(super) fn plan(layout: &MadeLayout, arguments: impl CommandLine) -> Plan {
    let out = tempfile::NamedTempFile::new().unwrap();
    let out = out.path().to_str().unwrap();
    let first = format!("prune {} --plan-out {out}", layout.source());
    let run = Sandbox::new().run(arguments.after(first));
    assert_eq!(run.code, Some(0), "{run:?}");
    file::load(&fs::read_to_string(out).unwrap()).unwrap()
}

/// Executes a plan in this process; `observe` is called between the steps.
pub(super) fn execute(
    layout: &Path,
    plan: &Plan,
    journal: &Path,
    observe: &(dyn Fn(RunStep<'_>) + Send + Sync),
) -> RunReport {
    let mut journal = Journal::create(journal, plan).unwrap();
    run(
        layout,
        plan,
        &mut journal,
        observe,
        &CancellationToken::new(),
        Settle::NONE,
    )
    .unwrap()
}

fn try_execute(
    layout: &Path,
    plan: &Plan,
    observe: &(dyn Fn(RunStep<'_>) + Send + Sync),
    cancel: &CancellationToken,
) -> Result<RunReport, ExecuteError> {
    try_execute_settling(layout, plan, observe, cancel, Settle::NONE)
}

/// Executes a plan in this process, and waits for builds.
pub(super) fn try_execute_settling(
    layout: &Path,
    plan: &Plan,
    observe: &(dyn Fn(RunStep<'_>) + Send + Sync),
    cancel: &CancellationToken,
    settle: Settle,
) -> Result<RunReport, ExecuteError> {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(&folder.path().join("journal"), plan).unwrap();
    run(layout, plan, &mut journal, observe, cancel, settle)
}

fn run(
    layout: &Path,
    plan: &Plan,
    journal: &mut Journal,
    observe: &(dyn Fn(RunStep<'_>) + Send + Sync),
    cancel: &CancellationToken,
    settle: Settle,
) -> Result<RunReport, ExecuteError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let pruner: SharedPruner = Arc::new(LocalCache::new(layout));
    let options = ExecuteOptions {
        concurrency: 2,
        batch: 1,
        settle,
        delete_broken: false,
        cancel: cancel.clone(),
        observe,
        policy: &Policy::default(),
        max_plan_age: None,
    };
    runtime.block_on(execute::execute(&pruner, plan, journal, &options))
}

/// Exports like BuildKit: missing blobs are written, then the index under its lock, without waiting
/// for the lock.
fn export(layout: &MadeLayout, name: &str, manifest: Digest, blobs: &[&[u8]]) {
    let dir = layout.path();
    let mut index: Value =
        serde_json::from_slice(&fs::read(dir.join("index.json")).unwrap()).unwrap();
    index["manifests"]
        .as_array_mut()
        .unwrap()
        .push(entry(name, manifest));
    let staged = tempfile::tempdir().unwrap();
    fs::write(staged.path().join("index.json"), index.to_string()).unwrap();
    for blob in blobs {
        fs::write(staged.path().join(Digest::of(blob).hex()), blob).unwrap();
    }
    let script = r#"
        set -e
        for blob in "$1"/*; do
            hex=$(basename "$blob")
            [ "$hex" = index.json ] || [ -e "blobs/sha256/$hex" ] || cp "$blob" "blobs/sha256/$hex"
        done
        exec 9>index.json.lock
        flock --nonblock 9
        cat "$1/index.json" >index.json
        rm index.json.lock
    "#;
    let status = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(staged.path())
        .current_dir(dir)
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}

/// Runs a prune during which, at `when`, a build exports a cache of an old orphan and a new blob.
fn prune_while_a_build_exports(when: RunStep) -> (Sample, RunReport) {
    let sample = Sample::new();
    // The manifest of that cache is an orphan, too: the build finds it and does not write it again.
    let new = Digest::of(b"brand new");
    let manifest = sample.layout.cache(&[sample.orphan, new], 96);
    let plan = plan(&sample.layout, "--drop-ref old");
    let observe = |step: RunStep<'_>| {
        if step == when {
            export(&sample.layout, "meanwhile", manifest, &[b"brand new"]);
        }
    };
    let report = try_execute(
        sample.layout.path(),
        &plan,
        &observe,
        &CancellationToken::new(),
    )
    .unwrap();
    (sample, report)
}

#[test]
fn a_tag_written_between_plan_and_apply_keeps_its_blobs() {
    let (sample, report) = prune_while_a_build_exports(RunStep::Leased);
    assert!(sample.layout.refs().into_iter().all(|(_, whole)| whole));
    assert_eq!(
        sample.layout.refs().into_keys().collect::<Vec<_>>(),
        ["main", "meanwhile"]
    );
    assert_eq!(
        report.count(|outcome| *outcome == Outcome::Skipped(Skip::Named)),
        2
    );
    assert!(report.broken.is_empty());
}

#[test]
fn a_tag_written_after_the_deletion_gets_its_blobs_restored() {
    let (sample, report) = prune_while_a_build_exports(RunStep::Swept);
    assert_eq!(
        sample.layout.refs().into_iter().collect::<Vec<_>>(),
        [("main".into(), true), ("meanwhile".into(), true)]
    );
    assert_eq!((report.restored, report.broken.len()), (2, 0));
    assert_eq!(
        report.count(|outcome| *outcome == Outcome::Skipped(Skip::Named)),
        2
    );
    assert!(!sample.trash().exists() || super::content(&sample.trash()).len() == 1);
}

#[test]
fn an_unreadable_ref_written_after_the_deletion_restores_everything() {
    let sample = Sample::new();
    let plan = plan(&sample.layout, "");
    let stored = sample.layout.stored();
    let observe = |step: RunStep<'_>| {
        if step == RunStep::Swept {
            export(&sample.layout, "odd", Digest::of(b"{ odd"), &[b"{ odd"]);
        }
    };
    let report = try_execute(
        sample.layout.path(),
        &plan,
        &observe,
        &CancellationToken::new(),
    )
    .unwrap();
    assert_eq!(
        report.count(|outcome| *outcome == Outcome::Skipped(Skip::Unsettled)),
        1
    );
    assert!(sample.layout.stored().is_superset(&stored));
}

#[test]
fn an_unreadable_index_after_the_deletion_restores_everything() {
    let sample = Sample::new();
    let plan = plan(&sample.layout, "");
    let stored = sample.layout.stored();
    let observe = |step: RunStep<'_>| {
        if step == RunStep::Swept {
            fs::write(sample.layout.path().join("index.json"), "{").unwrap();
        }
    };
    let ended = try_execute(
        sample.layout.path(),
        &plan,
        &observe,
        &CancellationToken::new(),
    );
    assert!(ended.is_err(), "the index cannot be read");
    assert_eq!(sample.layout.stored(), stored);
}

#[test]
fn a_lock_that_is_never_released_restores_everything() {
    let sample = Sample::new();
    let plan = plan(&sample.layout, "");
    let stored = sample.layout.stored();
    let lock = fs::File::create(sample.layout.path().join("index.json.lock")).unwrap();
    lock.try_lock().unwrap();
    let report = try_execute(
        sample.layout.path(),
        &plan,
        &|_| (),
        &CancellationToken::new(),
    )
    .unwrap();
    assert_eq!(
        report.count(|outcome| *outcome == Outcome::Skipped(Skip::Unsettled)),
        1
    );
    assert_eq!(sample.layout.stored(), stored);
}

#[test]
fn a_cancelled_run_can_be_resumed_to_its_end() {
    let sample = Sample::new();
    let source = sample.layout.source();
    let plan = plan(
        &sample.layout,
        format!("--drop-ref old --now --confirm {source}"),
    );
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let cancel = CancellationToken::new();
    let observe = |step: RunStep<'_>| {
        if step == RunStep::Leased {
            cancel.cancel();
        }
    };
    let mut written = Journal::create(&journal, &plan).unwrap();
    let report = run(
        sample.layout.path(),
        &plan,
        &mut written,
        &observe,
        &cancel,
        Settle::NONE,
    )
    .unwrap();
    drop(written);
    assert_eq!(
        report.count(|outcome| *outcome == Outcome::Cancelled),
        plan.delete().len()
    );
    let resumed = Sandbox::new().run(format!("prune --resume {} --json", journal.display()));
    assert_eq!(resumed.code, Some(0), "{resumed}");
    assert_eq!(resumed.json()["outcome"]["done"], plan.delete().len());
    assert_eq!(
        sample.layout.refs().into_keys().collect::<Vec<_>>(),
        ["main"]
    );
}

#[test]
fn a_journal_is_not_changed_while_its_run_is_active() {
    let sample = Sample::new();
    let plan = plan(&sample.layout, "--drop-ref old");
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let observe = |step: RunStep<'_>| {
        if step == RunStep::Swept {
            for verb in ["--resume", "--undo"] {
                let other = Sandbox::new().run(format!("prune {verb} {}", journal.display()));
                assert_eq!(other.code, Some(1), "{other}");
                assert!(other.stderr.contains("is still at work"), "{other}");
            }
        }
    };
    execute(sample.layout.path(), &plan, &journal, &observe);
    let (_, history) = Journal::reopen(&journal).unwrap();
    assert!(history.finished);
}

#[test]
fn a_signature_is_kept_if_a_build_references_its_subject_again() {
    let sample = Sample::new();
    // Nothing references either of them when the plan is made.
    let manifest = sample.layout.cache(&[sample.shared], 96);
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let annotations: serde_json::Map<String, Value> = (0..200)
        .map(|number| {
            (
                format!("annotation-{number}"),
                "long enough to fill a page".into(),
            )
        })
        .collect();
    let signature = serde_json::json!({
        "annotations": annotations, "schemaVersion": 2, "mediaType": kind, "layers": [],
        "config": { "mediaType": "text/plain", "digest": sample.shared, "size": 6 },
        "subject": { "mediaType": kind, "digest": manifest, "size": 1 },
    });
    let signature = sample.layout.blob(signature.to_string().as_bytes(), 96);
    let plan = plan(&sample.layout, "");
    let observe = |step: RunStep<'_>| {
        if step == RunStep::Leased {
            export(&sample.layout, "meanwhile", manifest, &[]);
        }
    };
    try_execute(
        sample.layout.path(),
        &plan,
        &observe,
        &CancellationToken::new(),
    )
    .unwrap();
    assert!(
        sample
            .layout
            .stored()
            .is_superset(&[manifest, signature].into())
    );
    assert!(!sample.layout.stored().contains(&sample.orphan));
}

#[test]
fn a_cancelled_run_lists_the_items_it_left() {
    let sample = Sample::new();
    let plan = plan(&sample.layout, "--drop-ref old");
    let cancel = CancellationToken::new();
    let observe = |step: RunStep<'_>| {
        if step == RunStep::Leased {
            cancel.cancel();
        }
    };
    let report = try_execute(sample.layout.path(), &plan, &observe, &cancel).unwrap();
    assert_eq!(report.count(|outcome| *outcome == Outcome::Cancelled), 2);
    assert_eq!(sample.layout.refs().len(), 2);
}

#[test]
fn a_second_prune_is_refused_while_one_runs() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    fs::create_dir(sample.trash()).unwrap();
    let lock = File::create(sample.trash().join("lock")).unwrap();
    lock.try_lock().unwrap();
    let stored = sample.layout.stored();
    let run = prune(&sandbox, &sample.layout, "--yes");
    assert_eq!(run.code, Some(1));
    assert!(
        run.stderr.contains("another prune is running"),
        "{}",
        run.stderr
    );
    assert_eq!(sample.layout.stored(), stored);
    drop(lock);
    assert_eq!(prune(&sandbox, &sample.layout, "--yes").code, Some(0));
}
