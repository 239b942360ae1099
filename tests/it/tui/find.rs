//! A bucket that turns out to hold several caches.

use std::sync::Arc;

use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter,
};
use cachelens::backend::{self, Access};
use cachelens::source::{Location, Source};
use cachelens::tui::{Finder, OpenedSource};
use tokio::sync::mpsc;

use crate::support::journey::Journey;
use crate::support::s3::{KEY, S3Server, SECRET, Service};

const SIZE: (u16, u16) = (110, 44);

/// Opens a source as the program does, named by where in the bucket it lies.
fn opened(source: &Source) -> OpenedSource {
    let Location::S3(s3) = &source.location else { panic!() };
    OpenedSource {
        label: format!("s3://bucket/{}", s3.prefix),
        kind: "s3".to_owned(),
        source: None,
        reader: Ok(backend::open(source, &Access::default()).unwrap()),
        select: None,
        find: backend::may_be_several(source).then(|| finder(source)),
        pruner: None,
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
                    sender.send(OpenedSource { find: None, ..opened(&store) }).await.unwrap();
                }
            };
            let (end, ()) = tokio::join!(backend::find_stores(&source, &access, found), sending);
            end.map_err(|error| error.to_string())
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
fn a_bucket_becomes_the_caches_in_it() {
    let server = S3Server::start(Service::S3sFs);
    for prefix in ["team-a/", "team-b/", "deep/down/"] {
        put_cache(&server, prefix);
    }
    let mut journey = Journey::new(vec![opened(&source(&server, "bucket"))], SIZE);
    for cache in ["s3://bucket/team-a/", "s3://bucket/team-b/", "s3://bucket/deep/down/"] {
        assert!(journey.line(cache).contains("ready"), "{}", journey.screen());
    }
    assert!(journey.screen().contains("3 sources"), "{}", journey.screen());
    // Each row is the store that it names.
    journey.press("enter");
    assert!(journey.screen().contains("main"), "{}", journey.screen());
}

#[test]
fn a_bucket_without_a_cache_says_so_in_its_row() {
    let server = S3Server::start(Service::S3sFs);
    server.put("bucket", "notes/today.txt", b"x");
    let mut journey = Journey::new(vec![opened(&source(&server, "bucket"))], SIZE);
    assert!(journey.screen().contains("there is no cache in s3://bucket/"), "{}", journey.screen());
    journey.press("i");
    assert!(journey.screen().contains("what is there: notes/"), "{}", journey.screen());
}

#[test]
fn details_tell_versions_and_rules() {
    let server = S3Server::start(Service::Moto);
    server.make("bucket");
    server.keep_versions("bucket");
    put_cache(&server, "team-a/");
    let rule = LifecycleRule::builder()
        .id("tidy up")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("").build())
        .expiration(LifecycleExpiration::builder().days(14).build());
    let rules = BucketLifecycleConfiguration::builder().rules(rule.build().unwrap()).build().unwrap();
    let client = server.client();
    let put =
        client.put_bucket_lifecycle_configuration().bucket(server.bucket("bucket")).lifecycle_configuration(rules);
    server.block_on(put.send()).unwrap();
    let mut journey = Journey::new(vec![opened(&source(&server, "bucket"))], SIZE);
    journey.press("i");
    insta::assert_snapshot!(journey.screen(), @r#"
     cachelens ╭ Details · more below ────────────────────────────────────────────────────────────────╮y · ? help
    ───────────│ s3://bucket/team-a/                                                                  │───────────
       SOURCE▴ │ kind       s3                                                                        │
    ▸  s3://buc│ scan       ready                                                                     │
       ▒▒▒▒▒▒▒▒│                                                                                      │
               │ What is stored                                                                       │
               │ in all     1 B in 1 objects                                                          │
               │ live       0 B in 0 objects, which a ref reaches                                     │
               │ orphan     1 B in 1 objects, which no ref reaches                                    │
               │                                                                                      │
               │ The bucket                                                                           │
               │ class      STANDARD 1 B                                                              │
               │ versioning on                                                                        │
               │ kept       0 B in 0 earlier contents, 0 delete markers                               │
               │ lifecycle  1 rule                                                                    │
               │ ! the rule `tidy up` deletes blobs after 14 days, manifests after as many; a blob    │
               │ may be 24 h older than the manifest that names it, so that it goes first and builds  │
               │ that import fail                                                                     │
               │   keep blobs 16 days or longer where manifests stay 14 days                          │
               │ · no rule ends unfinished uploads: what an interrupted export has sent is kept, and  │
               │ paid, for ever                                                                       │
               │   a rule with AbortIncompleteMultipartUpload ends them; `cachelens prune` does, too  │
               │ · the bucket keeps versions, and no rule ever deletes them: what is deleted or       │
               │ overwritten is still paid for                                                        │
               │   a rule with NoncurrentVersionExpiration lets them go; leave some days in which a   │
               │ prune can be undone                                                                  │
    ───────────│                                                                                      │───────────
       s3://buc│ Rules that do no harm, for `aws s3api put-bucket-lifecycle-configuration`            │
       kind    │ {                                                                                    │
       scan    │   "Rules": [                                                                         │
               │     {                                                                                │
       What is │       "Expiration": {                                                                │
       in all  │         "Days": 14                                                                   │
       live    │       },                                                                             │
       orphan  │       "Filter": {                                                                    │
               │         "Prefix": ""                                                                 │
       The buck│       },                                                                             │
       class   │       "ID": "tidy up",                                                               │
       versioni│       "Status": "Disabled"                                                           │
       kept    │     },                                                                               │
       … tab sc│     {                                                                                │
    ───────────╰──────────────────────────────────────────────────────────────────────────────────────╯───────────
     1 B stored · 0 B live · 1 B could go · ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█ 90 days
     esc close
    "#);
}
