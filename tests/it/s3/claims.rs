//! The program's claims are true: deleted blobs are gone, restorable blobs can be restored, the
//! reason for a wait is named, and an unreadable object affects one ref and not the whole bucket.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use super::json;
use super::prune::{Bucket, LONG, journal, thinned};
use crate::support::command::{CommandLine, Sandbox};
use crate::support::http::Answer;
use crate::support::s3::proxy::{Fault, Proxy, Wants, error};
use crate::support::s3::{SECRET, Service, on_both_services};

on_both_services!(
    objects_kept_by_the_service_are_not_counted_as_freed,
    a_ref_that_a_service_keeps_is_not_counted_as_deleted,
    a_dropped_ref_can_be_restored_without_a_grace,
    an_invalid_lease_expires,
    one_manifest_that_may_not_be_read_is_one_ref,
    a_redirect_is_reported_and_not_followed,
    a_too_long_pause_is_refused_at_once,
);

fn objects_kept_by_the_service_are_not_counted_as_freed(service: Service) {
    for single_ones_too in [false, true] {
        let bucket = thinned(service, "mini", LONG);
        let (all, orphans) = (bucket.blobs(), bucket.orphans());
        let proxy = Proxy::before(&bucket.server, move |seen| {
            let pretends =
                seen.wants == Wants::DeleteMany || single_ones_too && seen.wants == Wants::Delete;
            pretends.then_some(Fault::Pretends)
        });
        let source = bucket.server.source_through(proxy.address, &bucket.name);
        let run = bucket.run(format!("prune {source} --yes --json"));
        assert_eq!((run.code, bucket.blobs()), (Some(4), all), "{run}");
        let outcome = run.json()["outcome"].clone();
        assert_eq!(
            (
                &outcome["done"],
                &outcome["failed"],
                &outcome["freed_bytes"]
            ),
            (&0.into(), &orphans.len().into(), &0.into()),
            "{outcome}"
        );
        assert!(
            outcome.to_string().contains("it is still there"),
            "{outcome}"
        );
        if !single_ones_too {
            assert_eq!(
                bucket.server.names(&bucket.name, ".cachelens/"),
                BTreeSet::new()
            );
        }
        // No lease that could not be deleted blocks the next run.
        let again = bucket.prune("--yes");
        assert_eq!(
            (again.code, bucket.orphans()),
            (Some(0), BTreeSet::new()),
            "{again}"
        );
        assert_eq!(
            bucket.server.names(&bucket.name, ".cachelens/"),
            BTreeSet::new()
        );
    }
}

fn old_ref(bucket: &Bucket) {
    let manifest = br#"{"layers":[],"records":[]}"#;
    bucket.server.put(&bucket.name, "manifests/old", manifest);
    bucket.server.age(&bucket.name, LONG);
}

fn a_ref_that_a_service_keeps_is_not_counted_as_deleted(service: Service) {
    let bucket = Bucket::aged(service, "mini", LONG);
    old_ref(&bucket);
    let proxy = Proxy::before(&bucket.server, |seen| {
        let pretends = seen.wants == Wants::Delete && seen.key.starts_with("manifests/");
        pretends.then_some(Fault::Pretends)
    });
    let source = bucket.server.source_through(proxy.address, &bucket.name);
    let run = bucket.run(format!("prune {source} --drop-ref old --yes --json"));
    assert_eq!(run.code, Some(4), "{run}");
    let outcome = run.json()["outcome"].clone();
    assert_eq!(outcome["failed"], 1, "{outcome}");
    assert!(bucket.refs().contains("old"));
}

fn a_dropped_ref_can_be_restored_without_a_grace(service: Service) {
    let bucket = Bucket::aged(service, "mini", LONG);
    let refs = bucket.refs();
    old_ref(&bucket);
    let run = bucket.prune("--drop-ref old --grace 0s --yes");
    assert_eq!((run.code, bucket.refs()), (Some(0), refs.clone()), "{run}");
    assert!(
        run.stdout
            .contains("Refs can be restored until their blobs are deleted"),
        "{run}"
    );
    let undone = bucket.run(format!("prune --undo {}", journal(&run)));
    assert_eq!(undone.code, Some(0), "{undone}");
    assert!(bucket.refs().contains("old"), "{undone}");
}

fn an_invalid_lease_expires(service: Service) {
    let key = ".cachelens/lease.json";
    let large = "x".repeat(5000);
    let absurd = r#"{"owner":"another","until":"9999-12-31T00:00:00Z"}"#;
    for lease in ["garbage", "", "{}", "[]", absurd, &large] {
        let bucket = thinned(service, "mini", LONG);
        let all = bucket.blobs();
        bucket.server.put(&bucket.name, key, lease.as_bytes());
        let run = bucket.prune("--yes");
        assert_eq!((run.code, bucket.blobs()), (Some(1), all), "{lease}: {run}");
        let whose = if lease == absurd {
            "`another` holds the lease"
        } else {
            "its lease cannot be read"
        };
        let remedy = format!(
            "remove it: aws s3 rm 's3://{}/{key}'",
            bucket.server.bucket(&bucket.name)
        );
        for expected in [
            "another prune is running",
            whose,
            "the lease ends at ",
            &remedy,
        ] {
            assert!(run.stderr.contains(expected), "{lease}: {expected}: {run}");
        }
        let old = SystemTime::now() - Duration::from_mins(16);
        bucket.server.set_modified(&bucket.name, key, old);
        let run = bucket.prune("--yes");
        assert_eq!(
            (run.code, bucket.orphans()),
            (Some(0), BTreeSet::new()),
            "{lease}: {run}"
        );
    }
}

fn one_manifest_that_may_not_be_read_is_one_ref(service: Service) {
    let bucket = Bucket::aged(service, "shop", LONG);
    let refs = bucket.refs();
    let first = format!("manifests/{}", refs.first().unwrap());
    let all = bucket.blobs();
    let denied = first.clone();
    let proxy = Proxy::before(&bucket.server, move |seen| {
        let is_denied = seen.wants == Wants::Get && seen.key == denied;
        is_denied.then(|| error(403, "AccessDenied"))
    });
    let source = bucket.server.source_through(proxy.address, &bucket.name);
    let listed = json(&bucket.sandbox, format!("ls {source} --json"));
    let entries = listed["sources"][0]["refs"].as_array().unwrap();
    assert_eq!(entries.len(), refs.len());
    let unread: Vec<&str> = entries
        .iter()
        .filter(|entry| entry["records"].is_null())
        .map(|entry| entry["name"].as_str().unwrap())
        .collect();
    assert_eq!(unread, [refs.first().unwrap()]);
    assert!(listed.to_string().contains("AccessDenied"), "{listed}");
    let du = json(&bucket.sandbox, format!("du {source} --json"));
    assert!(du["sources"][0]["orphan"].is_null(), "{du}");
    let run = bucket.run(format!("prune {source} --yes"));
    assert_eq!(
        (run.code, bucket.blobs(), bucket.refs()),
        (Some(4), all.clone(), refs.clone()),
        "{run}"
    );
    // A key without read permission still lists the bucket.
    proxy.now(|seen| {
        let reads = matches!(seen.wants, Wants::Get | Wants::Head);
        reads.then(|| error(403, "AccessDenied"))
    });
    let run = bucket.run(format!("prune {source} --yes"));
    assert_eq!((run.code, bucket.blobs()), (Some(4), all), "{run}");
    let listed = json(&bucket.sandbox, format!("ls {source} --json"));
    let hint = "reading needs s3:GetObject on the cache's objects";
    assert!(listed.to_string().contains(hint), "{listed}");
}

fn a_redirect_is_reported_and_not_followed(service: Service) {
    let bucket = Bucket::aged(service, "mini", LONG);
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = elsewhere.local_addr().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&calls);
    std::thread::spawn(move || {
        for _ in elsewhere.incoming() {
            counting.fetch_add(1, Ordering::Relaxed);
        }
    });
    for status in [301, 302, 307, 308] {
        let proxy = Proxy::before(&bucket.server, move |_| {
            let answer =
                Answer::html(status).with("location", format!("http://{address}/x?y={SECRET}"));
            Some(Fault::Says(answer))
        });
        let source = bucket.server.source_through(proxy.address, &bucket.name);
        for command in [&["ls"][..], &["prune", "--yes"]] {
            let run = bucket.run(source.as_str().after(command));
            assert_eq!(run.code, Some(1), "{run}");
            let cause = format!(
                "it answers with status {status} and sends to http://{address}/x, which is not followed"
            );
            assert!(
                run.stderr.contains(&cause) && run.stderr.contains("region=…"),
                "{run}"
            );
            assert!(!run.to_string().contains(SECRET), "{run}");
        }
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

fn a_too_long_pause_is_refused_at_once(service: Service) {
    let pause = |seconds: u64| match error(503, "SlowDown") {
        Fault::Says(answer) => Fault::Says(answer.with("retry-after", seconds)),
        other => other,
    };
    let bucket = thinned(service, "mini", LONG);
    let all = bucket.blobs();
    let proxy = Proxy::before(&bucket.server, move |seen| {
        (seen.wants == Wants::List).then(|| pause(999_999))
    });
    let source = bucket.server.source_through(proxy.address, &bucket.name);
    for command in ["ls", "du", "check", "prune"] {
        let began = Instant::now();
        let run = bucket.run(format!("{command} {source} --timeout 60s"));
        assert_eq!(run.code, Some(1), "{command}: {run}");
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{command}: {run}"
        );
        assert!(
            run.stderr.contains("it asks to wait 999999 s"),
            "{command}: {run}"
        );
    }
    proxy.now(move |seen| {
        let deletes = seen.wants == Wants::DeleteMany && seen.key.contains("sha256:");
        deletes.then(|| pause(999_999))
    });
    let began = Instant::now();
    let run = bucket.run(format!("prune {source} --yes --timeout 60s"));
    assert_eq!((run.code, bucket.blobs()), (Some(4), all), "{run}");
    assert!(began.elapsed() < Duration::from_secs(30), "{run}");
    assert!(run.stdout.contains("it asks to wait 999999 s"), "{run}");
    // The lease is removed, and an acceptable pause is awaited and shown.
    let mut is_first = true;
    proxy.now(move |seen| {
        let is_paused = seen.wants == Wants::DeleteMany && std::mem::take(&mut is_first);
        is_paused.then(|| pause(2))
    });
    let run = bucket.run(format!("prune {source} --yes"));
    assert_eq!(
        (run.code, bucket.orphans()),
        (Some(0), BTreeSet::new()),
        "{run}"
    );
    assert!(run.stderr.contains("asks to wait: 2 s left"), "{run}");
}

/// A region becomes part of the host that receives signed requests.
#[test]
fn a_region_cannot_name_another_host() {
    let sandbox = Sandbox::new();
    for region in ["x@evil.example/", "evil.example%2F", "evil.example/"] {
        let config = format!("sources = [\"s3://b?region={region}\"]\n");
        std::fs::write(sandbox.path("cachelens.toml"), config).unwrap();
        let source = format!("s3://b?region={region}");
        for arguments in [&["ls"][..], &["ls", &source], &["why", &source]] {
            let run = sandbox.run(arguments);
            assert_eq!(run.code, Some(2), "{arguments:?}: {run}");
            assert!(
                run.stderr.contains("the value of `region` is not a region"),
                "{run}"
            );
        }
    }
    std::fs::remove_file(sandbox.path("cachelens.toml")).unwrap();
    let mut command = sandbox.command();
    command
        .env("AWS_REGION", "x@evil.example/")
        .env("AWS_ACCESS_KEY_ID", "a")
        .env("AWS_SECRET_ACCESS_KEY", "b")
        .args(["ls", "s3://b"]);
    let run = crate::support::command::Run::new(command.output().unwrap());
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stderr.contains("is not a region"), "{run}");
}
