//! The search for caches in a bucket.

use serde_json::Value;

use super::json;
use crate::support::command::Sandbox;
use crate::support::s3::{S3Server, Service, on_both_services};

on_both_services!(
    a_bucket_is_opened_as_its_caches,
    a_bucket_without_a_cache_lists_its_folders,
    a_cache_is_found_where_the_prefix_has_no_slash,
);

/// Puts a small cache under a prefix.
fn put_cache(server: &S3Server, bucket: &str, prefix: &str, name: &str) {
    let blob = cachelens::format::digest::Digest::of(prefix.as_bytes());
    server.put_all(
        bucket,
        [
            (format!("{prefix}blobs/{blob}"), prefix.as_bytes().to_vec()),
            (format!("{prefix}manifests/{name}"), b"{}".to_vec()),
        ],
    );
}

/// Returns the sources of a document with the names of their refs.
fn found(document: &Value) -> Vec<String> {
    let sources = document["sources"].as_array().unwrap().iter();
    sources
        .map(|source| {
            let place = source["source"]
                .as_str()
                .unwrap()
                .split('?')
                .next()
                .unwrap();
            let names = source["refs"]
                .as_array()
                .unwrap()
                .iter()
                .map(|entry| entry["name"].as_str().unwrap());
            format!("{place}: {}", names.collect::<Vec<_>>().join(" "))
        })
        .collect()
}

fn a_bucket_is_opened_as_its_caches(service: Service) {
    let (server, sandbox) = (S3Server::start(service), Sandbox::new());
    server.make("builds");
    for (prefix, name) in [
        ("", "main"),
        ("team-a/", "web"),
        ("teams/b/deep/", "api"),
        ("team-a/nested/", "x"),
    ] {
        put_cache(&server, "builds", prefix, name);
    }
    server.put_all(
        "builds",
        [
            ("logs/2026/01/build.log", "x"),
            ("registry/manifests/latest", "{}"),
            ("registry/blobs/sha256/ab/data", "not BuildKit's"),
            ("team-a/.cachelens/dropped/x", "{}"),
        ]
        .map(|(key, content)| (key.to_owned(), content.as_bytes().to_vec())),
    );
    let bucket = server.bucket("builds");
    let listed = json(&sandbox, format!("ls {} --json", server.source("builds")));
    let expected = [
        "/: main",
        "/team-a/: web",
        "/team-a/nested/: x",
        "/teams/b/deep/: api",
    ];
    let mut told: Vec<String> = found(&listed)
        .iter()
        .map(|told| told.replace("/: ", ": "))
        .collect();
    told.sort();
    let mut expected = expected.map(|place| format!("s3://{bucket}{place}").replace("/: ", ": "));
    expected.sort();
    assert_eq!(told, expected);
    // A ref belongs to the bucket's own cache.
    let one = json(
        &sandbox,
        format!("ls {}#main --json", server.source("builds")),
    );
    assert_eq!(one["sources"].as_array().unwrap().len(), 1);
    // A prune of a bucket covers the cache in its root, and none of the others found in it.
    let pruned = json(
        &sandbox,
        format!("prune {} --orphans-only --json", server.source("builds")),
    );
    let source = pruned["plan"]["source"].as_str().unwrap_or_default();
    assert!(source.starts_with(&format!("s3://{bucket}?")), "{pruned}");
}

fn a_bucket_without_a_cache_lists_its_folders(service: Service) {
    let (server, sandbox) = (S3Server::start(service), Sandbox::new());
    server.make("data");
    let keys = [
        "readme.md",
        "photos/cat.jpg",
        "photos/dog.jpg",
        "a/b",
        "c/d",
        "e/f",
        "g/h",
    ];
    server.put_all("data", keys.map(|key| (key.to_owned(), b"x".to_vec())));
    let told = |place: &str, command: &str| {
        let run = S3Server::run(&sandbox, format!("{command} {}", server.source(place)));
        run.to_string().replace(&server.bucket("data"), "data")
    };
    insta::allow_duplicates!(insta::assert_snapshot!(told("data", "ls"), @"
    error: there is no cache in s3://data/
      because: looked for manifests/ and blobs/sha256:…, and found neither
      because: the names found there: a/, c/, e/, g/, photos/ and 1 more
      hint: use the settings of your builds: the bucket, and `prefix`, `manifests_prefix` and `blobs_prefix` if they set them
    exit 1
    "));
    put_cache(&server, "data", "photos/cache/", "main");
    insta::allow_duplicates!(insta::assert_snapshot!(told("data/photos/", "du"), @"
    error: there is no cache in s3://data/photos/
      because: looked for photos/manifests/ and photos/blobs/sha256:…, and found neither
      because: the names found there: photos/cache/, photos/cat.jpg, photos/dog.jpg
      hint: there are caches with the prefix photos/cache/
    exit 1
    "));
}

fn a_cache_is_found_where_the_prefix_has_no_slash(service: Service) {
    let (server, sandbox) = (S3Server::start(service), Sandbox::new());
    server.make("strange");
    put_cache(&server, "strange", "web", "main");
    put_cache(&server, "strange", "app/x-", "main");
    let listed = json(&sandbox, format!("ls {} --json", server.source("strange")));
    let bucket = server.bucket("strange");
    let sources: Vec<&str> = listed["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| source["source"].as_str().unwrap())
        .collect();
    assert_eq!(sources.len(), 2, "{bucket}: {sources:?}");
    assert!(
        sources[0].contains("prefix=web") && sources[1].contains("prefix=app/x-"),
        "{sources:?}"
    );
}
