//! Forged plans and journals: only objects that match the store exactly are deleted, and only
//! services that the user named are contacted.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use cachelens::format::digest::Digest;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::signed::signature;
use super::{Sample, document, prune};
use crate::support::command::{Run, Sandbox};
use crate::support::made::{age, blob_path};

/// Saves a plan of a sample, edits it with `change`, and signs it again.
fn forged(
    sandbox: &Sandbox,
    sample: &Sample,
    arguments: &str,
    change: impl FnOnce(&mut Value),
) -> String {
    let file = sandbox.path("plan.json").to_str().unwrap().to_owned();
    let run = prune(
        sandbox,
        &sample.layout,
        format!("{arguments} --plan-out {file}"),
    );
    assert_eq!(run.code, Some(0), "{run}");
    let saved: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let mut plan = saved["plan"].clone();
    change(&mut plan);
    fs::write(&file, envelope(&plan).to_string()).unwrap();
    file
}

/// Puts a plan into an envelope with the matching digest.
fn envelope(plan: &Value) -> Value {
    let digest = Digest::of(plan.to_string().as_bytes());
    json!({"cachelens_plan": 1, "digest": digest, "plan": plan})
}

/// Writes a journal in which the deletion of every item of the plan in `file` had begun.
fn journal_of(sandbox: &Sandbox, file: &str) -> String {
    let envelope: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let count = envelope["plan"]["delete"].as_array().unwrap().len();
    let header = json!({"cachelens_journal": 1, "started": Timestamp::now(), "plan": envelope});
    let begin = json!({"begin": {"from": 0, "to": count}});
    let journal = sandbox.path("journal.jsonl");
    fs::write(&journal, format!("{header}\n{begin}\n")).unwrap();
    journal.to_str().unwrap().to_owned()
}

/// Adds an object to the deletions of a plan.
fn add_object(plan: &mut Value, item: Value) {
    let bytes = item["bytes"].as_u64().unwrap();
    plan["frees_bytes"] = (plan["frees_bytes"].as_u64().unwrap() + bytes).into();
    plan["frees_objects"] = (plan["frees_objects"].as_u64().unwrap() + 1).into();
    plan["delete"].as_array_mut().unwrap().push(item);
}

/// Executes a plan, from its file and from a journal of it.
fn carry_out(sandbox: &Sandbox, file: &str) -> [Run; 2] {
    let journal = journal_of(sandbox, file);
    [["--apply", file], ["--resume", &journal]]
        .map(|[flag, file]| sandbox.run(format!("prune {flag} {file} --json")))
}

#[test]
fn a_folder_outside_the_trash_is_kept_if_a_plan_calls_it_trash() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let outside = sandbox.path("home");
    fs::create_dir_all(outside.join("documents")).unwrap();
    fs::write(outside.join("documents/thesis"), "years").unwrap();
    let run = "20261122T005918Z-1f2e3d4c";
    let since = "2026-11-22T00:59:18Z";
    let folder = sample.trash().join(run);
    fs::create_dir_all(&folder).unwrap();
    let about = json!({"version": 1, "plan": run, "since": since, "refs": []});
    fs::write(folder.join("run.json"), about.to_string()).unwrap();
    symlink(&outside, folder.join("ingest")).unwrap();
    let item = json!({
        "kind": "object", "name": format!(".cachelens-trash/{run}/ingest/documents"),
        "digest": null, "bytes": 5, "modified": since,
        "reasons": [{"reason": "trashed", "ago": "PT96H"}],
    });
    let file = forged(&sandbox, &sample, "", |plan| add_object(plan, item));
    for run in carry_out(&sandbox, &file) {
        assert!(outside.join("documents/thesis").exists(), "{run}");
    }
}

#[test]
fn a_name_that_no_prune_makes_is_refused() {
    let hex = "ab".repeat(32);
    for name in [
        "../../etc".to_owned(),
        "/etc".to_owned(),
        ".cachelens-trash/../../x/ingest/y".to_owned(),
        ".cachelens-trash/20261122T005918Z-1f2e3d4c/ingest/../../../x".to_owned(),
        format!(".cachelens-trash/20261122T005918Z-1f2e3d4c/blobs/../{hex}"),
        "blobs/sha256/x".to_owned(),
    ] {
        let (sandbox, sample) = (Sandbox::new(), Sample::new());
        let item = json!({
            "kind": "object", "name": name, "digest": null, "bytes": 0,
            "modified": "2026-11-22T00:59:18Z", "reasons": [],
        });
        let file = forged(&sandbox, &sample, "", |plan| add_object(plan, item));
        let stored = sample.layout.stored();
        for run in carry_out(&sandbox, &file) {
            assert!(run.code == Some(2) || run.code == Some(1), "{name}: {run}");
            assert!(run.stdout.contains("in the trash"), "{name}: {run}");
        }
        assert_eq!(sample.layout.stored(), stored);
    }
}

#[test]
fn an_item_that_differs_from_the_store_is_kept() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let file = forged(&sandbox, &sample, "", |plan| {
        plan["delete"][0]["modified"] = "2026-01-01T00:00:00Z".into();
    });
    for run in carry_out(&sandbox, &file) {
        let outcome = run.json()["outcome"].clone();
        assert_eq!(
            outcome["items"][0]["outcome"]["skipped"], "changed",
            "{run}"
        );
    }
    assert!(sample.layout.stored().contains(&sample.orphan));
}

#[test]
fn a_protected_ref_is_kept_even_if_a_plan_deletes_it() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let file = forged(&sandbox, &sample, "--drop-ref main", |plan| {
        // Another name for the source does not bypass a rule with a source condition.
        plan["source"] = "./elsewhere".into();
    });
    let folder = sample.layout.path().file_name().unwrap().to_str().unwrap();
    for condition in [
        "ref = \"main\"".to_owned(),
        format!("source = \"*{folder}\""),
    ] {
        let rule = format!("[[retention.rule]]\nname = \"releases\"\nmatch = {{ {condition} }}\n");
        let rule = format!("{rule}action = \"protect\"\n");
        fs::write(sandbox.path("cachelens.toml"), rule).unwrap();
        for run in carry_out(&sandbox, &file) {
            assert_eq!(run.code, Some(4), "{run}");
            let outcome = run.json()["outcome"].clone();
            assert_eq!(
                outcome["items"][0]["outcome"]["skipped"], "protected",
                "{run}"
            );
        }
        assert!(sample.layout.refs().contains_key("main"));
    }
    fs::remove_file(sandbox.path("cachelens.toml")).unwrap();
    let [applied, _] = carry_out(&sandbox, &file);
    assert_eq!(applied.code, Some(0), "{applied}");
    assert!(!sample.layout.refs().contains_key("main"));
}

#[test]
fn a_ref_that_a_plan_keeps_cannot_be_added_to_its_deletions() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let policy = "--keep-ref main --drop-ref old";
    let add = |plan: &mut Value| {
        let kept = plan["keep"].as_array().unwrap().iter();
        let main = kept
            .clone()
            .find(|kept| kept["name"] == "main")
            .unwrap()
            .clone();
        let item = json!({
            "kind": "ref", "name": "main", "digest": main["digest"], "bytes": 0, "reasons": [],
        });
        plan["delete"].as_array_mut().unwrap().insert(0, item);
    };
    let file = forged(&sandbox, &sample, policy, add);
    for run in carry_out(&sandbox, &file) {
        assert_ne!(run.code, Some(0), "{run}");
        assert!(run.stdout.contains("keeps it as well"), "{run}");
    }
    // Omitting the kept items does not help either: deleting the last ref needs a confirmation.
    let file = forged(&sandbox, &sample, policy, |plan| {
        add(plan);
        plan["keep"] = json!([]);
    });
    for run in carry_out(&sandbox, &file) {
        assert_eq!(run.code, Some(2), "{run}");
        assert!(run.stdout.contains("every ref would be deleted"), "{run}");
    }
    assert_eq!(sample.layout.refs().len(), 2);
}

#[test]
fn signatures_that_are_left_do_not_count_as_refs() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let policy = "--keep-ref main --drop-ref old";
    let file = forged(&sandbox, &sample, policy, |plan| {
        let kept = plan["keep"].as_array().unwrap().iter();
        let main = kept.clone().find(|kept| kept["name"] == "main").unwrap();
        let item = json!({
            "kind": "ref", "name": "main", "digest": main["digest"], "bytes": 0, "reasons": [],
        });
        plan["delete"].as_array_mut().unwrap().insert(0, item);
        plan["keep"] = json!([]);
    });
    let plan: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let subject = plan["plan"]["delete"][0]["digest"].as_str().unwrap();
    let [manifest, _] = signature(&sample.layout, subject.parse().unwrap(), "signed");
    sample.layout.tag("main.sig", manifest);
    for run in carry_out(&sandbox, &file) {
        assert_eq!(run.code, Some(2), "{run}");
        assert!(run.stdout.contains("every ref would be deleted"), "{run}");
    }
    assert_eq!(sample.layout.refs().len(), 3);
}

#[test]
fn a_plan_from_the_future_is_refused_with_both_times() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let dated = |minutes: i64| {
        let then = Timestamp::now() + SignedDuration::from_mins(minutes);
        let file = forged(&sandbox, &sample, "", |plan| {
            plan["created"] = then.to_string().into();
        });
        (then, file)
    };
    let (then, file) = dated(6);
    for run in carry_out(&sandbox, &file) {
        assert_eq!(run.code, Some(2), "{run}");
        assert!(run.stdout.contains(&then.to_string()), "{run}");
        assert!(run.stdout.contains("this machine's clock says 20"), "{run}");
    }
    assert!(sample.layout.stored().contains(&sample.orphan));
    let (_, file) = dated(4);
    let [applied, _] = carry_out(&sandbox, &file);
    assert_eq!(applied.code, Some(0), "{applied}");
    assert!(!sample.layout.stored().contains(&sample.orphan));
}

#[test]
fn age_is_no_reason_unless_the_user_sets_a_limit() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    age(&blob_path(sample.layout.path(), &sample.orphan), 24 * 90);
    let file = forged(&sandbox, &sample, "", |plan| {
        let then = Timestamp::now() - SignedDuration::from_hours(24 * 60);
        plan["created"] = then.to_string().into();
    });
    let refused = sandbox.run(format!("prune --apply {file} --max-plan-age 7d"));
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains("--max-plan-age"), "{refused}");
    assert!(sample.layout.stored().contains(&sample.orphan));
    let applied = sandbox.run(format!("prune --apply {file} --max-plan-age 90d"));
    assert_eq!(applied.code, Some(0), "{applied}");
}

#[test]
fn a_referrer_pushed_after_the_plan_keeps_its_subject() {
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let file = forged(&sandbox, &sample, "", |_| ());
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let main = fs::read_to_string(sample.layout.path().join("index.json")).unwrap();
    let index: Value = serde_json::from_str(&main).unwrap();
    let subject = index["manifests"][0]["digest"].clone();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": kind, "layers": [],
        "config": {"mediaType": "text/plain", "digest": sample.orphan, "size": 6},
        "subject": {"mediaType": kind, "digest": subject, "size": 1},
    });
    // The index does not list it, so the store looks unchanged.
    sample.layout.blob(manifest.to_string().as_bytes(), 0);
    let [applied, _] = carry_out(&sandbox, &file);
    let outcome = applied.json()["outcome"].clone();
    assert_eq!(
        outcome["items"][0]["outcome"]["skipped"], "named",
        "{applied}"
    );
    assert!(sample.layout.stored().contains(&sample.orphan));
}

#[test]
fn the_service_of_a_file_from_elsewhere_is_not_contacted() {
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    service.set_nonblocking(true).unwrap();
    let address = service.local_addr().unwrap();
    let evil = format!("s3://bucket?region=us-east-1&endpoint_url=http://{address}");
    let (sandbox, sample) = (Sandbox::new(), Sample::new());
    let file = forged(&sandbox, &sample, "", |plan| {
        plan["place"] = format!("s3 {evil}").into();
        plan["source"] = evil.clone().into();
    });
    let journal = journal_of(&sandbox, &file);
    for (flag, file) in [
        ("--apply", &file),
        ("--resume", &journal),
        ("--undo", &journal),
    ] {
        let mut command = sandbox.command();
        command
            .env("AWS_ACCESS_KEY_ID", "AKIATEST")
            .env("AWS_SECRET_ACCESS_KEY", "secret");
        let run = Run::new(command.args(["prune", flag, file]).output().unwrap());
        assert_eq!(run.code, Some(2), "{run}");
        let command = format!("cachelens prune {flag} {file} '{evil}'");
        assert!(run.stderr.contains(&command), "{run}");
        assert!(service.accept().is_err(), "{flag} contacted it");
    }
}

#[test]
fn a_source_given_with_a_plan_must_be_its_store() {
    let (sandbox, sample, other) = (Sandbox::new(), Sample::new(), Sample::new());
    let file = forged(&sandbox, &sample, "", |_| ());
    let run = sandbox.run(format!("prune --apply {file} {}", other.layout.source()));
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("is a plan for"), "{run}");
    let done = document(&sandbox, &sample.layout, format!("--apply {file}"));
    assert_eq!(done["outcome"]["done"], 1, "{done}");
    let journal = PathBuf::from(done["outcome"]["journal"].as_str().unwrap());
    assert!(journal.starts_with(sandbox.path(Path::new(".local/state"))));
    let source = sample.layout.source();
    let undone = sandbox.run(format!("prune --undo {} {source}", journal.display()));
    assert_eq!(undone.code, Some(0), "{undone}");
}
