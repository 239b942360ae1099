//! The trash: what a prune moves there, what empties it, and what comes back.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use cachelens::format::digest::Digest;
use serde_json::Value;

use super::{Sample, document, prune};
use crate::support::command::Sandbox;
use crate::support::fixture::{Fixture, SETS};
use crate::support::made::{self, age, blob_path};

#[test]
fn orphans_match_an_independent_count() {
    for set in SETS {
        let fixture = Fixture::named(set);
        let sandbox = Sandbox::new();
        let folder = fixture.layout("local-latest.json");
        let dir = folder.path();
        let reached = made::reached(dir);
        let orphans: BTreeSet<Digest> = made::stored(dir).difference(&reached).copied().collect();
        let bytes: u64 = orphans
            .iter()
            .map(|digest| fs::metadata(blob_path(dir, digest)).unwrap().len())
            .sum();
        assert!(!orphans.is_empty(), "{set}");
        let source = dir.to_str().unwrap();
        let run = sandbox.run(format!(
            "prune {source} --orphans-only --grace 0s --yes --json"
        ));
        let result: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(result["plan"]["frees_bytes"], bytes, "{set}");
        assert_eq!(result["plan"]["frees_objects"], orphans.len(), "{set}");
        assert_eq!(result["outcome"]["trashed_bytes"], bytes, "{set}");
        assert_eq!(result["outcome"]["freed_bytes"], 0, "{set}");
        assert_eq!(made::stored(dir), reached, "{set}");
        assert!(made::refs(dir).into_values().all(|whole| whole), "{set}");
        let du: Value =
            serde_json::from_str(&sandbox.run(format!("du {source} --json")).stdout).unwrap();
        assert_eq!(du["sources"][0]["trash"]["bytes"], bytes, "{set}");
        assert_eq!(du["sources"][0]["unknown"]["objects"], 0, "{set}");
    }
}

#[test]
fn a_run_is_undone_completely() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    fs::create_dir_all(sample.layout.path().join("ingest/left")).unwrap();
    fs::write(sample.layout.path().join("ingest/left/data"), "half").unwrap();
    age(&sample.layout.path().join("ingest/left/data"), 96);
    let (stored, refs) = (sample.layout.stored(), sample.layout.refs());
    let run = document(&sandbox, &sample.layout, "--drop-ref old --grace 0s --yes");
    assert_eq!(run["outcome"]["done"], 3, "{run}");
    assert!(!sample.layout.path().join("ingest/left").exists());
    let journal = run["outcome"]["journal"].as_str().unwrap();
    let undone = sandbox.run(format!("prune --undo {journal}"));
    assert_eq!(undone.code, Some(0), "{}", undone.stderr);
    assert_eq!(
        (sample.layout.stored(), sample.layout.refs()),
        (stored, refs)
    );
    assert!(sample.layout.path().join("ingest/left/data").exists());
    let again = sandbox.run(format!("prune --resume {journal}"));
    assert!(
        again.stderr.contains("the run was undone"),
        "{}",
        again.stderr
    );
}

#[test]
fn the_trash_is_emptied_after_the_grace_and_only_then() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    assert_eq!(prune(&sandbox, &sample.layout, "--yes").code, Some(0));
    let within = document(&sandbox, &sample.layout, "--yes");
    assert_eq!(within["plan"]["frees_objects"], 0, "{within}");
    assert!(sample.trash().exists());
    let after = document(&sandbox, &sample.layout, "--grace 0s --yes");
    assert_eq!(
        (
            &after["plan"]["delete"][0]["kind"],
            &after["outcome"]["done"]
        ),
        (&Value::from("object"), &Value::from(1))
    );
    assert!(!sample.trash().exists());
}

#[test]
fn without_trash_blobs_are_deleted_at_once() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    assert_eq!(
        prune(&sandbox, &sample.layout, "--no-trash --yes").code,
        Some(2)
    );
    let run = prune(
        &sandbox,
        &sample.layout,
        "--no-trash --i-am-the-only-writer --yes",
    );
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(!sample.layout.stored().contains(&sample.orphan));
    assert!(!sample.trash().exists());
}

#[test]
fn trashed_blobs_that_a_ref_references_again_are_restored_first() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let manifest = sample.layout.cache(&[sample.shared, sample.orphan], 96);
    assert_eq!(prune(&sandbox, &sample.layout, "--yes").code, Some(0));
    assert!(!sample.layout.stored().contains(&manifest));
    // An exporter that had found them before their deletion references them now.
    sample.layout.tag("again", manifest);
    assert!(!sample.layout.refs()["again"]);
    let check = sandbox.run(format!("check {} --json", sample.layout.source()));
    assert_eq!(check.code, Some(3), "{check}");
    let check = check.json();
    let finding = check["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["ref"] == "again")
        .unwrap();
    assert_eq!(finding["code"], "manifest-missing");
    let command = format!(
        "`cachelens prune {} --orphans-only --yes` restores them",
        sample.layout.source()
    );
    assert!(
        finding["hint"].as_str().unwrap().contains(&command),
        "{finding}"
    );
    let plan = document(&sandbox, &sample.layout, "--grace 0s");
    assert_eq!(
        (&plan["plan"]["put_back"], &plan["plan"]["frees_objects"]),
        (&serde_json::json!([manifest]), &Value::from(0))
    );
    assert_eq!(
        prune(&sandbox, &sample.layout, "--grace 0s --yes").code,
        Some(0)
    );
    assert!(sample.layout.refs().into_values().all(|whole| whole));
}

#[test]
fn a_foreign_file_at_the_path_of_the_trash_is_not_touched() {
    for occupy in [
        |trash: &Path| fs::write(trash, "mine").unwrap(),
        |trash: &Path| symlink("/tmp", trash).unwrap(),
    ] {
        let (sandbox, sample) = (Sandbox::new(), Sample::new());
        occupy(&sample.trash());
        let stored = sample.layout.stored();
        let run = prune(&sandbox, &sample.layout, "--yes");
        assert_eq!(run.code, Some(1), "{run:?}");
        assert!(
            run.stderr.contains("is not a folder of cachelens"),
            "{}",
            run.stderr
        );
        assert_eq!(sample.layout.stored(), stored);
    }
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    fs::create_dir(sample.trash()).unwrap();
    fs::write(sample.trash().join("mine"), "mine").unwrap();
    assert_eq!(
        prune(&sandbox, &sample.layout, "--grace 0s --yes").code,
        Some(0)
    );
    assert_eq!(
        prune(&sandbox, &sample.layout, "--grace 0s --yes").code,
        Some(0)
    );
    assert_eq!(fs::read(sample.trash().join("mine")).unwrap(), b"mine");
}
