//! What a build writes at the last moment before a deletion.

use std::collections::BTreeSet;

use serde_json::json;

use crate::s3::prune::{Bucket, LONG, thinned};
use crate::support::pty::Terminal;
use crate::support::s3::proxy::{Fault, Proxy, Wants, error};
use crate::support::s3::{KEY, SECRET, Service};

/// Touches a blob between the last check and the deletion.
fn touching(bucket: &Bucket, touched: &str, heeds: bool) -> Proxy {
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
        (heeds && seen.wants == Wants::DeleteMany).then_some(Fault::Heeds)
    })
}

pub(super) fn a_blob_that_is_touched_at_the_last_moment_stays_where_the_service_heeds_it(
    service: Service,
) {
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
    let run = bucket.prune(&["--yes", "--no-recheck"]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("--no-recheck is refused"), "{run}");
    assert_eq!(bucket.blobs(), all);
}

/// A failed deletion is not repeated unchanged, because a build may have exported the blob since.
pub(super) fn a_blob_that_comes_again_while_its_deletion_waits_stays(service: Service) {
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
            let run = bucket.prune_through(&proxy, &["--yes"]);
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
fn what_comes_at_the_last_moment_is_cured_from_the_screen_too() {
    let (bucket, proxy) = with_a_late_manifest(Service::S3sFs);
    let source = bucket.server.source_through(proxy.address, &bucket.name);
    let source = format!("{source}&access_key_id={KEY}&secret_access_key={SECRET}");
    let mut terminal = Terminal::start(&["--write", &source], 100, 30);
    terminal.wait("the source", |screen| screen.contains("ready"));
    terminal.press("p");
    terminal.wait("the plan", |screen| screen.contains("kept refs whole"));
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
        screen.contains("the ref late came meanwhile")
    });
    assert_eq!(
        bucket.server.names(&bucket.name, "manifests/"),
        BTreeSet::from(["other".to_owned()])
    );
    terminal.press("\x03");
    assert_eq!(terminal.end().0, 0);
}

pub(super) fn a_manifest_that_comes_at_the_last_moment_is_reported_or_deleted(service: Service) {
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
