//! Answers that fail, end early or come in another order.

use std::collections::BTreeSet;
use std::time::Duration;

use super::When;
use crate::s3::prune::{Bucket, LONG, journal, thinned};
use crate::support::http::Answer;
use crate::support::s3::Service;
use crate::support::s3::proxy::{Fault, Proxy, Wants, error};

fn retry_after(seconds: u64) -> Fault {
    match error(503, "SlowDown") {
        Fault::Says(answer) => Fault::Says(answer.with("retry-after", seconds)),
        other => other,
    }
}

pub(super) fn faults_that_pass_are_overcome(service: Service) {
    let faults: [(&str, When); 9] = [
        ("busy", |seen| {
            (seen.before % 5 == 1).then(|| error(503, "SlowDown"))
        }),
        ("busy for a while", |seen| {
            (seen.wants == Wants::DeleteMany && seen.before < 2).then(|| retry_after(1))
        }),
        ("reset", |seen| {
            (seen.before % 7 == 2).then_some(Fault::Reset)
        }),
        ("lost answers", |seen| {
            (seen.before % 7 == 2).then_some(Fault::Lost)
        }),
        ("broken off", |seen| {
            (seen.before % 7 == 2).then_some(Fault::Cut)
        }),
        ("broken", |seen| {
            (seen.before % 6 == 1).then(|| error(500, "InternalError"))
        }),
        ("slow", |seen| {
            (seen.before == 0).then_some(Fault::Slow(Duration::from_millis(20)))
        }),
        ("late", |seen| {
            (seen.before == 0).then_some(Fault::Late(Duration::from_millis(100)))
        }),
        ("keys later", |seen| {
            let wanted = seen.wants == Wants::DeleteMany && (1..3).contains(&seen.before);
            wanted.then_some(Fault::Refuses("sha256:", "InternalError"))
        }),
    ];
    for (what, when) in faults {
        let bucket = thinned(service, "mini", LONG);
        let proxy = Proxy::before(&bucket.server, when);
        let run = bucket.prune_in_spite_of(&proxy, what);
        assert_eq!(run.code, Some(0), "{what}: {run}");
        assert_eq!(
            bucket.server.names(&bucket.name, ".cachelens/"),
            BTreeSet::new(),
            "{what}"
        );
    }
}

pub(super) fn a_list_that_does_not_continue_deletes_nothing(service: Service) {
    let html = || Fault::Says(Answer::html(200));
    let faults: [(&str, Fault); 4] = [
        ("no token", Fault::NoToken),
        ("the same page", Fault::SamePage),
        ("a page of a proxy", html()),
        ("cut", Fault::Cut),
    ];
    for (what, fault) in faults {
        for prefix in ["manifests/", "blobs/"] {
            let bucket = thinned(service, "mini", LONG);
            let all = bucket.blobs();
            let fault = fault.clone();
            let proxy = Proxy::before(&bucket.server, move |seen| {
                (seen.wants == Wants::List && seen.key == prefix).then(|| fault.clone())
            });
            let run = bucket.prune_in_spite_of(&proxy, what);
            assert_eq!(run.code, Some(1), "{what} {prefix}: {run}");
            assert!(
                run.stderr.contains("error: cannot list"),
                "{what} {prefix}: {run}"
            );
            assert_eq!(bucket.blobs(), all);
        }
    }
}

pub(super) fn a_list_in_another_order_deletes_nothing(service: Service) {
    for prefix in ["manifests/", "blobs/"] {
        let bucket = thinned(service, "mini", LONG);
        bucket.server.put(&bucket.name, "manifests/zzz", b"{}");
        let all = bucket.blobs();
        let proxy = Proxy::before(&bucket.server, move |seen| {
            (seen.wants == Wants::List && seen.key == prefix).then_some(Fault::Backwards)
        });
        let run = bucket.prune_in_spite_of(&proxy, prefix);
        assert_eq!(
            (run.code, bucket.blobs()),
            (Some(1), all),
            "{prefix}: {run}"
        );
        assert!(
            run.stderr
                .contains("does not give keys in the order of their bytes"),
            "{prefix}: {run}"
        );
    }
}

/// Only moto accepts unsigned requests.
#[test]
fn a_service_that_begins_with_its_first_key_is_listed_by_its_tokens() {
    let bucket = Bucket::aged(Service::Moto, "mini", LONG);
    let ignoring = |target: &str| {
        let kept = target
            .split('&')
            .filter(|pair| !pair.starts_with("start-after="));
        kept.collect::<Vec<_>>().join("&") + "&max-keys=2"
    };
    let proxy = Proxy::before(&bucket.server, move |seen| {
        (seen.wants == Wants::List).then_some(Fault::Asks(ignoring))
    });
    let source = bucket.server.source_through(proxy.address, &bucket.name);
    let du = crate::s3::json(&bucket.sandbox, format!("du {source} --json"))["sources"][0].clone();
    let direct = bucket.du();
    for what in ["refs", "live", "orphan", "missing", "unknown"] {
        assert_eq!(du[what], direct[what], "{what}");
    }
    assert!(proxy.seen(Wants::List) > 20);
}

pub(super) fn refused_keys_are_reported_and_the_rest_is_deleted(service: Service) {
    let bucket = thinned(service, "shop", LONG);
    let orphans = bucket.orphans();
    let refused: BTreeSet<String> = orphans
        .iter()
        .filter(|key| key.contains("sha256:0"))
        .cloned()
        .collect();
    assert!(!refused.is_empty() && refused.len() < orphans.len());
    let proxy = Proxy::before(&bucket.server, |seen| {
        (seen.wants == Wants::DeleteMany).then_some(Fault::Refuses("sha256:0", "AccessDenied"))
    });
    let run = bucket.prune_in_spite_of(&proxy, "refused");
    assert_eq!(run.code, Some(4), "{run}");
    assert_eq!(bucket.orphans(), refused, "{run}");
    assert!(
        run.stdout
            .contains("AccessDenied said the proxy (deleting needs s3:DeleteObject"),
        "{run}"
    );
    proxy.now(|_| None);
    let resumed = bucket.run(format!("prune --resume {}", journal(&run)));
    assert_eq!(resumed.code, Some(0), "{resumed}");
    assert_eq!(bucket.orphans(), BTreeSet::new());
}

pub(super) fn unusual_delete_answers_of_services_are_understood(service: Service) {
    let ways: [(&str, When); 4] = [
        ("in batches with Content-MD5", |seen| {
            let lacks =
                seen.wants == Wants::DeleteMany && !seen.headers.contains_key("content-md5");
            lacks.then(|| error(400, "MissingContentMD5"))
        }),
        ("one object at a time", |seen| {
            (seen.wants == Wants::DeleteMany).then(|| error(501, "NotImplemented"))
        }),
        ("one object at a time", |seen| {
            (seen.wants == Wants::DeleteMany).then(|| error(400, "MissingContentMD5"))
        }),
        ("only objects that nothing has touched", |seen| {
            (seen.wants == Wants::DeleteMany).then_some(Fault::ChecksConditions)
        }),
    ];
    for (way, when) in ways {
        let bucket = thinned(service, "mini", LONG);
        let proxy = Proxy::before(&bucket.server, when);
        let run = bucket.prune_in_spite_of(&proxy, way);
        assert_eq!(run.code, Some(0), "{way}: {run}");
        assert!(run.stdout.contains(way), "{way}: {run}");
    }
    // A refusal for another reason than the condition, or for the size, says nothing about the
    // condition or the time.
    let refusals: [(&str, When); 2] = [
        ("without a condition", |seen| {
            let tries = seen.wants == Wants::DeleteMany && seen.key == "probe";
            tries.then_some(Fault::Refuses("probe", "NotImplemented"))
        }),
        ("only objects that still have the content", |seen| {
            (seen.wants == Wants::DeleteMany).then_some(Fault::ChecksAllButTime)
        }),
    ];
    for (way, when) in refusals {
        let bucket = thinned(service, "mini", LONG);
        let proxy = Proxy::before(&bucket.server, when);
        let unseen = bucket.prune_through(&proxy, "--yes --no-recheck");
        assert_eq!(unseen.code, Some(2), "{way}: {unseen}");
        let run = bucket.prune_in_spite_of(&proxy, way);
        assert_eq!(run.code, Some(0), "{way}: {run}");
        assert!(run.stdout.contains(way), "{way}: {run}");
    }
    // A service that sends a web page as its answer has deleted nothing.
    let bucket = thinned(service, "mini", LONG);
    let all = bucket.blobs();
    let proxy = Proxy::before(&bucket.server, |seen| {
        (seen.wants == Wants::DeleteMany).then(|| Fault::Says(Answer::html(200)))
    });
    let run = bucket.prune_in_spite_of(&proxy, "html");
    assert_eq!((run.code, bucket.blobs()), (Some(1), all), "{run}");
}

pub(super) fn missing_permissions_of_a_key_are_reported(service: Service) {
    let denied: [(&str, When, &str); 3] = [
        (
            "list",
            |seen| (seen.wants == Wants::List).then(|| error(403, "AccessDenied")),
            "listing needs s3:ListBucket on the bucket",
        ),
        (
            "write",
            |seen| (seen.wants == Wants::Put).then(|| error(403, "AccessDenied")),
            "pruning needs s3:PutObject below the cache's prefix",
        ),
        (
            "delete",
            |seen| {
                matches!(seen.wants, Wants::Delete | Wants::DeleteMany)
                    .then(|| error(403, "AccessDenied"))
            },
            "deleting needs s3:DeleteObject on the cache's objects",
        ),
    ];
    for (what, when, hint) in denied {
        let bucket = thinned(service, "mini", LONG);
        let all = bucket.blobs();
        let proxy = Proxy::before(&bucket.server, when);
        let run = bucket.prune_in_spite_of(&proxy, what);
        assert_eq!(run.code, Some(1), "{what}: {run}");
        assert!(
            run.stderr.contains("AccessDenied: said the proxy") && run.stderr.contains(hint),
            "{what}: {run}"
        );
        assert_eq!(bucket.blobs(), all, "{what}");
        // A lease that could not be removed does not block the next run.
        let again = bucket.prune("--yes");
        assert_eq!(again.code, Some(0), "{what}: {again}");
        assert_eq!(bucket.orphans(), BTreeSet::new(), "{what}");
    }
}
