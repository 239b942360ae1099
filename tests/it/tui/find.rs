//! A bucket that turns out to hold several caches.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter,
};
use cachelens::backend::{self, Access};
use cachelens::error::{Exit, Failure};
use cachelens::source::{Source, SourceLocation, StoreKind};
use cachelens::tui::evidence::NamedEvidence;
use cachelens::tui::{Finder, OpenedSource};
use tokio::sync::mpsc;

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, local};
use crate::support::s3::{KEY, S3Server, SECRET, Service};

const SIZE: (u16, u16) = (100, 44);

/// Opens a source like the program, named by its path in the bucket.
fn opened(source: &Source) -> OpenedSource {
    let SourceLocation::S3(s3) = &source.location else {
        panic!()
    };
    OpenedSource {
        label: format!("s3://bucket/{}", s3.prefix),
        kind: StoreKind::S3,
        source: None,
        reader: Ok(backend::open(source, &Access::default()).unwrap()),
        select: None,
        find: backend::may_be_several(source).then(|| finder(source)),
        copy_journals: None,
        evidence: NamedEvidence::default(),
        evidence_of_refs: std::collections::BTreeMap::new(),
        pruner: None,
        waiting: None,
    }
}

fn finder(source: &Source) -> Finder {
    let source = source.clone();
    Arc::new(move |sender| {
        let source = source.clone();
        Box::pin(async move {
            let (found, mut stores) = mpsc::channel(1);
            let access = Access::default();
            let sending = async {
                while let Some(store) = stores.recv().await {
                    sender
                        .send(OpenedSource {
                            find: None,
                            ..opened(&store)
                        })
                        .await
                        .unwrap();
                }
            };
            let (end, ()) = tokio::join!(backend::find_stores(&source, &access, found), sending);
            end.map_err(Failure::from)
        })
    })
}

fn source(server: &S3Server, bucket: &str) -> Source {
    let named = server.source(bucket) + &format!("&access_key_id={KEY}&secret_access_key={SECRET}");
    Source::parse(&named, &|_| false).unwrap().source
}

fn put_cache(server: &S3Server, prefix: &str) {
    let blob = cachelens::format::digest::Digest::of(prefix.as_bytes());
    server.put("bucket", &format!("{prefix}blobs/{blob}"), b"x");
    server.put("bucket", &format!("{prefix}manifests/main"), b"{}");
}

#[test]
fn a_bucket_is_listed_as_its_caches() {
    let server = S3Server::start(Service::S3sFs);
    for prefix in ["team-a/", "team-b/", "deep/down/"] {
        put_cache(&server, prefix);
    }
    let mut journey = Journey::new(vec![opened(&source(&server, "bucket"))], SIZE);
    for cache in [
        "s3://bucket/team-a/",
        "s3://bucket/team-b/",
        "s3://bucket/deep/down/",
    ] {
        journey.shows_in(cache, "ready");
    }
    journey.shows("3 sources");
    // Each row is the store that it names.
    journey.press("enter");
    journey.shows("main");
}

#[test]
fn a_bucket_without_a_cache_has_a_note_in_its_row() {
    let server = S3Server::start(Service::S3sFs);
    server.put("bucket", "notes/today.txt", b"x");
    let mut journey = Journey::new(vec![opened(&source(&server, "bucket"))], SIZE);
    journey.shows("there is no cache in s3://bucket/");
    journey.press("i");
    journey.shows("the names found there: notes/");
}

#[test]
fn details_show_versions_and_lifecycle_rules() {
    let server = S3Server::start(Service::Moto);
    server.make("bucket");
    server.keep_versions("bucket");
    put_cache(&server, "team-a/");
    let rule = LifecycleRule::builder()
        .id("tidy up")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("").build())
        .expiration(LifecycleExpiration::builder().days(14).build());
    let rules = BucketLifecycleConfiguration::builder()
        .rules(rule.build().unwrap())
        .build()
        .unwrap();
    let client = server.client();
    let put = client
        .put_bucket_lifecycle_configuration()
        .bucket(server.bucket("bucket"))
        .lifecycle_configuration(rules);
    server.block_on(put.send()).unwrap();
    let mut journey = Journey::new(vec![opened(&source(&server, "bucket"))], SIZE);
    journey.press("i");
    insta::assert_snapshot!(journey.screen(), @r#"
     cache╭ Details · more below ────────────────────────────────────────────────────────────────╮ help
    ──────│ s3://bucket/team-a/                                                                  │──────
       SOU│ kind       s3                                                                        │
    ▸  s3:│ scan       ready                                                                     │
       ▒▒▒│                                                                                      │
          │ Stored objects                                                                       │
          │ in all     1 B in 1 object                                                           │
          │ live       0 B in 0 objects that a ref reaches                                       │
          │ orphan     1 B in 1 object that no ref reaches                                       │
          │                                                                                      │
          │ The bucket                                                                           │
          │ class      STANDARD 1 B                                                              │
          │ versioning on                                                                        │
          │ kept       0 B in 0 earlier contents, 0 delete markers                               │
          │ lifecycle  1 rule                                                                    │
          │ ! the rule `tidy up` deletes blobs after 14 days, and manifests after the same time; │
          │ a blob may be 24 h older than the manifest that references it, so it expires first   │
          │ and builds that import fail                                                          │
          │   keep blobs for at least 16 days if manifests are kept for 14 days                  │
          │ · no rule aborts unfinished uploads: data from interrupted exports is stored and     │
          │ billed forever                                                                       │
          │   add a rule with AbortIncompleteMultipartUpload, or run `cachelens prune`           │
          │ · the bucket keeps versions, and no rule deletes them: deleted and overwritten       │
          │ objects are still billed                                                             │
          │   add a rule with NoncurrentVersionExpiration; allow some days to undo a prune       │
          │                                                                                      │
    ──────│ Rules that do no harm, for `aws s3api put-bucket-lifecycle-configuration`            │──────
       s3:│ {                                                                                    │
       kin│   "Rules": [                                                                         │
       sca│     {                                                                                │
          │       "Expiration": {                                                                │
       Sto│         "Days": 14                                                                   │
       in │       },                                                                             │
       liv│       "Filter": {                                                                    │
       orp│         "Prefix": ""                                                                 │
          │       },                                                                             │
       The│       "ID": "tidy up",                                                               │
       cla│       "Status": "Disabled"                                                           │
       ver│     },                                                                               │
       kep│     {                                                                                │
       … t│       "Expiration": {                                                                │
    ──────╰──────────────────────────────────────────────────────────────────────────────────────╯1/1 ──
     1 B stored · 0 B live · 1 B orphan · ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█ 90 days
     esc close
    "#);
}

#[test]
fn sizes_of_sources_that_wait_are_not_shown_as_0() {
    let layout = Fixture::named("mini").layout("local.json");
    let found = OpenedSource {
        reader: Err(Failure::message(Exit::Failed, "a file names it")),
        waiting: Some(Arc::new(|| {
            Err(Failure::message(Exit::Failed, "it is not opened here"))
        })),
        ..local("found.example/app", layout.path())
    };
    let mut journey = Journey::new(vec![found], SIZE);
    journey.press("j");
    journey.shows("no source was contacted yet").hides("0 B");
}

#[test]
fn found_sources_wait_until_the_user_opens_them() {
    let opened = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&opened);
    let layout = Fixture::named("mini").layout("local.json");
    let path = layout.path().to_owned();
    let found = OpenedSource {
        reader: Err(Failure::message(Exit::Failed, "a file names it")),
        waiting: Some(Arc::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(local("found.example/app", &path))
        })),
        ..local("found.example/app", layout.path())
    };
    let mut journey = Journey::new(vec![local("./mini", layout.path()), found], SIZE);
    journey.shows_in("found.example/app", "not contacted yet");
    // Neither viewing nor scanning, checking or planning it is consent.
    journey.press("j r c p b");
    assert_eq!(opened.load(Ordering::Relaxed), 0, "{}", journey.screen());
    journey.press("enter");
    assert_eq!(opened.load(Ordering::Relaxed), 1, "{}", journey.screen());
    journey.shows_in("found.example/app", "ready");
    journey.press("enter");
    journey.shows("c01");
}
