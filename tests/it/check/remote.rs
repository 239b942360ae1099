//! Buckets, registries, and GitHub's caches.

use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter,
};
use cachelens::format::digest::Digest;
use serde_json::{Value, json};

use super::{codes, ended, findings_of, redacted};
use crate::support::command::{CommandLine, Run, Sandbox};
use crate::support::fixture::SETS;
use crate::support::gha::Github;
use crate::support::registry::second::SecondRegistry;
use crate::support::registry::{DockerRegistry, Setup};
use crate::support::s3::{S3Server, Service, StoredObject};

fn in_bucket(sandbox: &Sandbox, server: &S3Server, place: &str) -> Run {
    S3Server::run(sandbox, format!("check --json {}", server.source(place)))
}

/// Returns the codes of the findings, apart from those about unchecked parts; this service reports
/// less than Amazon does.
fn checked(report: &Value) -> Vec<&str> {
    codes(report)
        .into_iter()
        .filter(|code| *code != "not-checked")
        .collect()
}

#[test]
fn whole_buckets_have_neither_errors_nor_warnings() {
    for set in SETS {
        let (server, bucket) = S3Server::with(Service::S3sFs, set);
        let report = ended(&in_bucket(&Sandbox::new(), &server, &bucket), 0);
        assert_eq!(report["summary"]["error"], 0, "{set}");
        assert!(report["checked"][0]["refs"].as_u64().unwrap() > 0, "{set}");
    }
}

#[test]
fn faults_in_a_bucket_are_reported() {
    let (server, bucket) = S3Server::with(Service::S3sFs, "mini");
    let objects: Vec<StoredObject> =
        crate::support::fixture::Fixture::named("mini").json("s3.json");
    let blob = objects
        .iter()
        .filter(|object| object.key.starts_with("blobs/"))
        .max_by_key(|blob| blob.size)
        .unwrap();
    server.remove(&bucket, &blob.key);
    server.put(&bucket, "manifests/emptied", b"{}");
    let layer = Digest::of(b"layer");
    server.put(&bucket, &format!("blobs/{layer}"), b"layer");
    let undescribed = json!({"layers": [{"blob": layer.to_string(), "parent": -1}], "records": []});
    server.put(
        &bucket,
        "manifests/undescribed",
        undescribed.to_string().as_bytes(),
    );
    server.put(&bucket, "manifests/no-json", b"<html>");
    let sandbox = Sandbox::new();
    let report = ended(&in_bucket(&sandbox, &server, &bucket), 3);
    let shown = findings_of(&report).replace(&server.source(&bucket), "SOURCE");
    insta::assert_snapshot!(redacted(&shown), @r"
    error blob-missing c03 30979 B: 1 of its 8 blobs is not stored: builds that need `COPY KEY` fail
      re-exporting will not fix this while the build also imports this cache: `cachelens repair 'SOURCE'` removes unusable results and keeps every other hit; or export to it once from a build that does not import it, or delete it: `cachelens prune 'SOURCE' --drop-ref c03`
    error blob-missing main 30979 B: 1 of its 8 blobs is not stored: builds that need `COPY KEY` fail
      re-exporting will not fix this while the build also imports this cache: `cachelens repair 'SOURCE'` removes unusable results and keeps every other hit; or export to it once from a build that does not import it, or delete it: `cachelens prune 'SOURCE' --drop-ref main`
    error manifest-unreadable no-json: the manifest cannot be read: not a cache config: expected value at line 1 column 1
      export to it once from a build that does not import it, which replaces it
    error layer-undescribed undescribed: BuildKit refuses the cache config, and builds as if it were empty: layer 0 has no annotations with an uncompressed digest
      `cachelens repair 'SOURCE'` removes unusable results and keeps every other hit; or export to it once from a build that does not import it, or delete it: `cachelens prune 'SOURCE' --drop-ref undescribed`
    warning empty-cache emptied: it is empty: an export without a result replaced its content
      export with mode=max, from a build whose steps ran or were loaded; an image whose stages all come from elsewhere has nothing to export
    info not-checked -: orphans are unknown while a ref cannot be read, because it may reference any blob
      follow the hints for that ref; no blob is deleted while a ref cannot be read
    ");

    server.put(&bucket, "teammanifests/main", b"{}");
    server.put(&bucket, &format!("teamblobs/{layer}"), b"layer");
    let source = server.source(&bucket);
    let place = source.split_once('?').unwrap().1.replace('&', ",");
    let source = format!("type=s3,bucket={bucket},prefix=team,{place}");
    let report = ended(
        &S3Server::run(&sandbox, format!("check --json {source}")),
        3,
    );
    assert_eq!(
        checked(&report),
        ["empty-cache", "prefix-without-slash", "orphans"]
    );
}

#[test]
fn rules_of_a_bucket_that_break_its_cache_are_findings() {
    let (server, bucket) = S3Server::with(Service::Moto, "mini");
    let sandbox = Sandbox::new();
    let before = ended(&in_bucket(&sandbox, &server, &bucket), 0);
    assert!(
        codes(&before)
            .iter()
            .all(|code| !code.starts_with("lifecycle-expires")),
        "{before}"
    );
    let rule = LifecycleRule::builder()
        .id("thirty days")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("").build())
        .expiration(LifecycleExpiration::builder().days(30).build())
        .build()
        .unwrap();
    let rules = BucketLifecycleConfiguration::builder()
        .rules(rule)
        .build()
        .unwrap();
    let (client, name) = (server.client(), server.bucket(&bucket));
    let put = client
        .put_bucket_lifecycle_configuration()
        .bucket(name)
        .lifecycle_configuration(rules);
    server.block_on(put.send()).unwrap();
    let report = ended(&in_bucket(&sandbox, &server, &bucket), 3);
    let found = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["code"] == "lifecycle-expires-blobs");
    assert_eq!(found.unwrap()["severity"], "error");
    assert!(
        found.unwrap()["message"]
            .as_str()
            .unwrap()
            .contains("`thirty days`"),
        "{report}"
    );
}

#[test]
fn facts_that_a_registry_withholds_are_reported_as_unchecked() {
    let registry = DockerRegistry::with("shop", Setup::default());
    let sandbox = Sandbox::new();
    let source = format!("{}/shop-cache", registry.host());
    let report = ended(&sandbox.run(format!("check --json {source}")), 0);
    insta::assert_snapshot!(findings_of(&report), @r"
    info not-checked -: orphans are unknown: a registry does not list its blobs
      the registry's own garbage collection deletes unreferenced blobs
    info not-checked -: missing blobs are unknown, because checking takes one request per blob
      add --verify-blobs to check each blob
    info thinned c15: 11 of its 15 steps have a key and no result: builds run them whenever another step needs the output
      export with mode=max; results that were lost for other reasons return when the step runs again
    ");
    let report = ended(
        &sandbox.run(format!("check --json --verify-blobs --verify {source}")),
        0,
    );
    let unchecked = codes(&report)
        .iter()
        .filter(|code| **code == "not-checked")
        .count();
    assert_eq!(unchecked, 1, "{report}");
    assert!(report["checked"][0]["verified_blobs"].as_u64().unwrap() > 0);
}

#[test]
fn blobs_that_a_registry_has_lost_or_spoiled_are_found() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    let source = format!("{}/shop-cache:c01", registry.host());
    let show = sandbox.json(format!("show --json {source}"));
    let layer = |place: usize| {
        show["layers"][place]["digest"]
            .as_str()
            .unwrap()
            .parse::<Digest>()
            .unwrap()
    };
    let (lost, spoiled) = (layer(0), layer(1));
    assert_ne!(lost, spoiled);
    {
        let mut state = registry.state();
        state.blobs.remove(&lost);
        let length = state.blobs[&spoiled].len();
        state.blobs.insert(spoiled, vec![b'x'; length]);
    }
    let check = |flags: &[&str]| sandbox.run(flags.after(format!("check --json {source}")));
    let found = |report: &Value| -> Vec<(String, String)> {
        let findings = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["severity"] == "error");
        let field = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
        let mut found: Vec<_> = findings
            .map(|finding| (field(finding, "code"), field(finding, "subject")))
            .collect();
        found.sort();
        found
    };
    assert_eq!(found(&ended(&check(&[]), 0)), []);
    let missing = ("blob-missing".to_owned(), lost.to_string());
    let wrong = ("blob-wrong-bytes".to_owned(), spoiled.to_string());
    assert_eq!(
        found(&ended(&check(&["--verify-blobs"]), 3)),
        std::slice::from_ref(&missing)
    );
    assert_eq!(
        found(&ended(&check(&["--verify"]), 3)),
        [missing.clone(), wrong.clone()]
    );
    assert_eq!(
        found(&ended(&check(&["--verify", "--verify-blobs"]), 3)),
        [missing, wrong]
    );
}

fn at_github(mut command: std::process::Command) -> Run {
    Run::new(
        command
            .args(["check", "--json", "--quiet", "gha:acme/shop"])
            .output()
            .unwrap(),
    )
}

#[test]
fn caches_of_github_are_readable_inside_a_job_only() {
    let (sandbox, server) = (Sandbox::new(), Github::of_fixture("shop"));
    let outside = ended(&at_github(server.command(&sandbox)), 0);
    insta::assert_snapshot!(findings_of(&outside), @r"
    info superseded-indexes - 125595 B: 14 indexes are superseded by newer ones: no build imports them
      `cachelens prune gha:acme/shop --orphans-only` shows the plan
    info not-checked shop@main: the blobs that 1 ref references are unknown here: the content of the index can be read only inside a job
      indexes can be read inside a job, with the runtime token
    ");
    let inside = ended(&at_github(server.in_job(&sandbox)), 0);
    assert!(!codes(&inside).contains(&"not-checked"), "{inside}");

    let mut show = server.in_job(&sandbox);
    let show = Run::new(
        show.args(["show", "--json", "--quiet", "gha:acme/shop"])
            .output()
            .unwrap(),
    )
    .json();
    let lost = format!(
        "buildkit-blob-1-{}",
        show["layers"][0]["digest"].as_str().unwrap()
    );
    server.state().entries.retain(|entry| entry.key != lost);
    let report = ended(&at_github(server.in_job(&sandbox)), 3);
    let missing = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["code"] == "blob-missing");
    assert_eq!(missing.unwrap()["severity"], "warning");
}

#[test]
fn evictions_and_limits_of_github_are_reported() {
    let (sandbox, server) = (Sandbox::new(), Github::start());
    {
        let mut state = server.state();
        state.branches = vec!["main".into(), "feature".into()];
        state.pulls = vec![(12, "main".into())];
        state.quota = 1;
    }
    for (scope, git_ref, number, hours) in [
        ("app", "refs/heads/main", 1, 30),
        ("app", "refs/heads/main", 2, 3),
        ("app", "refs/heads/old", 1, 120),
        ("web", "refs/heads/feature", 1, 160),
    ] {
        server.add_index(scope, git_ref, number, hours, b"{}");
    }
    server.add(
        "node-cache-linux",
        "v",
        "refs/heads/main",
        2_000_000_000,
        50,
    );
    let report = ended(&at_github(server.command(&sandbox)), 3);
    insta::assert_snapshot!(redacted(&findings_of(&report)), @r#"
    warning quota-full - 2000000008 B: 1.9 GiB of 1.0 GiB are used: GitHub evicts the least recently used entries, including layers of indexes that remain
      `cachelens du gha:acme/shop` shows which scopes fill it; `cachelens prune --max-size SIZE` makes room
    warning evicted-soon web@feature 2 B: it will be evicted in HOURS unless a build uses it; the next build would then find nothing
      a build that imports the scope counts as a use
    info superseded-indexes - 2 B: 1 index is superseded by newer ones: no build imports it
      `cachelens prune gha:acme/shop --orphans-only` shows the plan
    info branch-gone - 2 B: no build reads the caches of a deleted branch: old
      to delete them, add a rule with `match = { state = "branch-gone", kind = ["cache", "blob", "entry"] }` and `action = "drop"`
    info not-checked -: the blobs that 3 refs reference are unknown here: the content of the index can be read only inside a job
      indexes can be read inside a job, with the runtime token
    info invisible -: the scope web has a cache on 1 branch (feature) and none on main: builds on other branches cannot see it
      also export the scope from builds of the default branch
    "#);
}
