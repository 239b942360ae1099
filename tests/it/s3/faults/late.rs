//! What a build writes at the last moment before a deletion.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cachelens::format::digest::Digest;
use serde_json::json;

use crate::s3::prune::{Bucket, LONG, thinned};
use crate::support::pty::Terminal;
use crate::support::s3::proxy::{Fault, Proxy, Wants, error};
use crate::support::s3::{KEY, S3Server, SECRET, Service};

/// Touches a blob between the last check and the deletion.
fn touching(bucket: &Bucket, touched: &str, is_conditional: bool) -> Proxy {
    let (client, handle) = (bucket.server.client(), bucket.server.handle());
    let (name, key) = (
        bucket.server.bucket(&bucket.name),
        format!("blobs/{touched}"),
    );
    let mut is_done = false;
    Proxy::before(&bucket.server, move |seen| {
        // The first requests probe how the service deletes.
        if seen.wants == Wants::DeleteMany
            && seen.key.contains("sha256:")
            && !std::mem::replace(&mut is_done, true)
        {
            let copy = client
                .copy_object()
                .bucket(&name)
                .key(&key)
                .copy_source(format!("{name}/{key}"));
            let replace = copy.metadata_directive(aws_sdk_s3::types::MetadataDirective::Replace);
            handle
                .block_on(replace.metadata("updated-at", "now").send())
                .unwrap();
        }
        (is_conditional && seen.wants == Wants::DeleteMany).then_some(Fault::ChecksConditions)
    })
}

pub(super) fn a_blob_touched_at_the_last_moment_is_kept_with_conditional_deletes(service: Service) {
    for arguments in [&["--yes"][..], &["--yes", "--no-recheck"]] {
        let bucket = thinned(service, "mini", LONG);
        let touched = bucket.orphans().first().unwrap().clone();
        let proxy = touching(&bucket, &touched, true);
        let run = bucket.prune_through(&proxy, arguments);
        assert_eq!(run.code, Some(4), "{run}");
        assert_eq!(bucket.orphans(), BTreeSet::from([touched]), "{run}");
        if arguments.contains(&"--no-recheck") {
            // Only the lease is checked.
            assert!(proxy.seen(Wants::Head) < 5, "{}", proxy.seen(Wants::Head));
        }
    }
    let bucket = thinned(service, "mini", LONG);
    let all = bucket.blobs();
    let run = bucket.prune("--yes --no-recheck");
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("--no-recheck is refused"), "{run}");
    assert_eq!(bucket.blobs(), all);
}

/// A failed deletion is not repeated unchanged, because a build may have exported the blob since.
pub(super) fn a_blob_uploaded_again_during_a_pause_is_kept(service: Service) {
    // Either it was done and the answer was lost, or the service was busy and did nothing.
    for fault in [
        Fault::Lost,
        error(503, "SlowDown"),
        error(500, "InternalError"),
    ] {
        for in_batches in [true, false] {
            let bucket = thinned(service, "mini", LONG);
            let exported = bucket.orphans().first().unwrap().clone();
            let key = format!("blobs/{exported}");
            let content = bucket.server.read(&bucket.name, &key).unwrap();
            let (client, handle) = (bucket.server.client(), bucket.server.handle());
            let (name, fault, wanted) = (
                bucket.server.bucket(&bucket.name),
                fault.clone(),
                exported.clone(),
            );
            let mut failed = 0;
            let proxy = Proxy::before(&bucket.server, move |seen| {
                if !in_batches && seen.wants == Wants::DeleteMany {
                    return Some(error(501, "NotImplemented"));
                }
                let deletes = matches!(seen.wants, Wants::Delete | Wants::DeleteMany);
                if failed == 0 && deletes && seen.key.contains(&wanted) {
                    failed = 1;
                    return Some(fault.clone());
                }
                if failed == 1
                    && (deletes || seen.wants == Wants::Head)
                    && seen.key.contains(&wanted)
                {
                    failed = 2;
                    let put = client
                        .put_object()
                        .bucket(&name)
                        .key(&key)
                        .body(content.clone().into());
                    handle.block_on(put.send()).unwrap();
                }
                None
            });
            let run = bucket.prune_through(&proxy, "--yes");
            assert_eq!(run.code, Some(4), "{run}");
            assert_eq!(
                bucket.orphans(),
                BTreeSet::from([exported]),
                "in batches: {in_batches}: {run}"
            );
        }
    }
}

/// A bucket whose only ref with references comes back as `late` just before blobs are deleted, and
/// the proxy in front of it.
fn with_a_late_manifest(service: Service) -> (Bucket, Proxy) {
    let bucket = thinned(service, "shop", LONG);
    let name = bucket.refs().first().unwrap().clone();
    let manifest = bucket.manifest(&name);
    bucket
        .server
        .remove(&bucket.name, &format!("manifests/{name}"));
    bucket.server.put(
        &bucket.name,
        "manifests/other",
        br#"{"layers":[],"records":[]}"#,
    );
    let (client, handle) = (bucket.server.client(), bucket.server.handle());
    let in_service = bucket.server.bucket(&bucket.name);
    let proxy = Proxy::before(&bucket.server, move |seen| {
        if seen.wants == Wants::DeleteMany && seen.key.contains("sha256:") {
            let put = client
                .put_object()
                .bucket(&in_service)
                .key("manifests/late")
                .body(manifest.clone().into());
            handle.block_on(put.send()).unwrap();
        }
        None
    });
    (bucket, proxy)
}

#[test]
fn late_manifests_are_repaired_from_the_screen() {
    let (bucket, proxy) = with_a_late_manifest(Service::S3sFs);
    let source = bucket.server.source_through(proxy.address, &bucket.name);
    let source = format!("{source}&access_key_id={KEY}&secret_access_key={SECRET}");
    let mut terminal = Terminal::start(&["--write", &source], 100, 30);
    terminal.wait("the source", |screen| screen.contains("ready"));
    terminal.press("p");
    terminal.wait("the plan", |screen| screen.contains("breaks no ref"));
    terminal.press("C");
    terminal.wait("what becomes of it", |screen| {
        screen.contains("deletes refs that come broken")
    });
    terminal.press("\r");
    terminal.wait("the question", |screen| {
        screen.contains("Delete ") && screen.contains("A ref")
    });
    terminal.press("y");
    terminal.wait("the end", |screen| {
        screen.contains("the ref late was written during the run")
    });
    assert_eq!(
        bucket.server.names(&bucket.name, "manifests/"),
        BTreeSet::from(["other".to_owned()])
    );
    terminal.press("\x03");
    assert_eq!(terminal.end().0, 0);
}

pub(super) fn a_manifest_written_at_the_last_moment_is_reported_or_deleted(service: Service) {
    let runs: [&[&str]; 3] = [
        &["--yes"],
        &["--yes", "--delete-broken-refs"],
        // The previous name of the flag.
        &["--yes", "--cure", "--json"],
    ];
    for arguments in runs {
        let (bucket, proxy) = with_a_late_manifest(service);
        let run = bucket.prune_through(&proxy, arguments);
        let left = bucket.server.names(&bucket.name, "manifests/");
        assert!(left.contains("other"));
        if arguments == ["--yes"] {
            assert_eq!((run.code, left.contains("late")), (Some(1), true), "{run}");
            let broken = "`late` is now missing blobs (it was complete before this run).";
            assert!(run.stdout.contains(broken), "{run}");
            assert!(run.stdout.contains("--delete-broken-refs"), "{run}");
            continue;
        }
        assert_eq!((run.code, left.contains("late")), (Some(4), false), "{run}");
        if arguments.contains(&"--json") {
            let outcome = &run.json()["outcome"];
            assert_eq!(outcome["broken"], json!([]), "{run}");
            assert_eq!(outcome["deleted_broken_refs"], json!(["late"]), "{run}");
            assert!(outcome["deletion_method"].is_string(), "{run}");
        } else {
            let deleted = "`late` was deleted: a build wrote it during this run, and it references \
                           deleted blobs.";
            assert!(run.stdout.contains(deleted), "{run}");
        }
    }
}

/// A bucket with versions in which all refs but one are deleted, and their manifests.
fn without_refs() -> (Bucket, Vec<(String, Vec<u8>)>) {
    let bucket = Bucket::aged(Service::Moto, "shop", LONG);
    bucket.server.keep_versions(&bucket.name);
    let gone: Vec<(String, Vec<u8>)> = bucket
        .refs()
        .into_iter()
        .skip(1)
        .map(|name| (format!("manifests/{name}"), bucket.manifest(&name)))
        .collect();
    for (key, _) in &gone {
        bucket.server.remove(&bucket.name, key);
    }
    (bucket, gone)
}

/// A bucket with versions in which refs come back after their blobs were deleted, and the proxy in
/// front of it. `fails` is called with the key of each blob that is restored.
fn with_refs_that_come_back(
    mut fails: impl FnMut(&str) -> Option<Fault> + Send + 'static,
) -> (Bucket, Proxy) {
    let (bucket, gone) = without_refs();
    let (client, handle) = (bucket.server.client(), bucket.server.handle());
    let in_service = bucket.server.bucket(&bucket.name);
    let (mut is_deleted, mut are_back) = (false, false);
    let proxy = Proxy::before(&bucket.server, move |seen| {
        is_deleted |= seen.wants == Wants::DeleteMany && seen.key.contains("sha256:");
        if is_deleted && seen.wants == Wants::List && seen.key == "manifests/" && !are_back {
            are_back = true;
            for (key, manifest) in &gone {
                let put = client.put_object().bucket(&in_service).key(key);
                handle
                    .block_on(put.body(manifest.clone().into()).send())
                    .unwrap();
            }
        }
        let restores = are_back && seen.wants == Wants::Delete && seen.key.starts_with("blobs/");
        restores.then(|| fails(seen.key)).flatten()
    });
    (bucket, proxy)
}

#[test]
fn one_blob_that_cannot_be_restored_does_not_keep_the_others() {
    let (bucket, proxy) = with_refs_that_come_back(|_| None);
    let deleted = bucket.orphans().len();
    let run = bucket.prune_through(&proxy, "--yes --json");
    assert_eq!(bucket.du()["missing"]["blobs"], 0, "{run}");
    let restored = run.json()["outcome"]["put_back"].as_u64().unwrap();
    assert!(restored > 2 && restored <= deleted as u64, "{run}");

    let mut refused = None;
    let (bucket, proxy) = with_refs_that_come_back(move |key| {
        let refused = refused.get_or_insert_with(|| key.to_owned());
        (refused == key).then(|| error(403, "AccessDenied"))
    });
    let run = bucket.prune_through(&proxy, "--yes --json");
    assert_eq!(bucket.du()["missing"]["blobs"], 1, "{run}");
    assert_eq!(run.code, Some(1), "{run}");
    let outcome = &run.json()["outcome"];
    assert_eq!(outcome["put_back"], restored - 1, "{run}");
}

#[test]
fn a_resumed_run_restores_what_the_killed_run_deleted() {
    let (bucket, gone) = without_refs();
    let victim = Arc::new(AtomicU32::new(0));
    let pid = Arc::clone(&victim);
    let proxy = Proxy::before(&bucket.server, move |seen| {
        if seen.wants != Wants::DeleteMany || !seen.key.contains("sha256:") {
            return None;
        }
        let pid = pid.swap(0, Ordering::SeqCst).to_string();
        let killed = Command::new("kill").args(["-9", &pid]).status().unwrap();
        assert!(killed.success());
        Some(Fault::Lost)
    });
    let source = bucket.server.source_through(proxy.address, &bucket.name);
    let journal = bucket.sandbox.path("journal");
    let journal = journal.to_str().unwrap();
    let mut child = S3Server::command(&bucket.sandbox)
        .args(["prune", &source, "--yes", "--journal", journal])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    victim.store(child.id(), Ordering::SeqCst);
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    proxy.now(|_| None);
    for (key, manifest) in &gone {
        bucket.server.put(&bucket.name, key, manifest);
    }
    assert_ne!(bucket.du()["missing"]["blobs"], 0);
    let resumed = bucket.prune_through(&proxy, format!("--resume {journal}"));
    assert_eq!(bucket.du()["missing"]["blobs"], 0, "{resumed}");
    assert_eq!(resumed.code, Some(4), "{resumed}");
}

#[test]
fn a_run_that_lost_its_lease_removes_no_copies_of_manifests() {
    // `s3s-fs` keeps the folders of deleted keys.
    let bucket = thinned(Service::Moto, "mini", LONG);
    let old = ("manifests/old", br#"{"layers":[],"records":[]}"#);
    bucket.server.put(&bucket.name, old.0, old.1);
    bucket.server.age(&bucket.name, LONG);
    let run = bucket.prune("--drop-ref old --yes");
    assert_eq!(run.code, Some(0), "{run}");
    let copies = || bucket.server.names(&bucket.name, ".cachelens/dropped/");
    assert_eq!(copies().len(), 1, "{run}");
    let orphan = format!("blobs/{}", Digest::of(b"orphan"));
    bucket.server.put(&bucket.name, &orphan, b"orphan");
    bucket.server.age(&bucket.name, LONG);
    let (client, handle) = (bucket.server.client(), bucket.server.handle());
    let in_service = bucket.server.bucket(&bucket.name);
    let lease = json!({ "owner": "another", "until": "2999-01-01T00:00:00Z" }).to_string();
    let proxy = Proxy::before(&bucket.server, move |seen| {
        if seen.wants == Wants::DeleteMany && seen.key.contains("sha256:") {
            let put = client.put_object().bucket(&in_service);
            let put = put
                .key(".cachelens/lease.json")
                .body(lease.clone().into_bytes().into());
            handle.block_on(put.send()).unwrap();
        }
        None
    });
    let run = bucket.prune_through(&proxy, "--yes");
    assert_eq!(bucket.orphans(), BTreeSet::new(), "{run}");
    assert_eq!(copies().len(), 1, "{run}");
    bucket.server.remove(&bucket.name, ".cachelens/lease.json");
    bucket.server.put(&bucket.name, &orphan, b"orphan");
    bucket.server.age(&bucket.name, LONG);
    let run = bucket.prune("--yes");
    assert_eq!((run.code, copies().len()), (Some(0), 0), "{run}");
}
