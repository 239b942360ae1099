//! Caches in S3, read from a real service.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::command::{CommandLine, Sandbox};
use crate::support::fixture::{Fixture, SETS};
use crate::support::s3::{KEY, S3Server, SECRET, Service, StoredObject, on_both_services};

mod claims;
mod complete;
mod discover;
mod faults;
mod foreign;
mod open;
mod prune;
mod race;

on_both_services!(
    every_bucket_matches_an_independent_count,
    a_ref_in_s3_equals_the_ref_in_a_directory,
    a_missing_blob_and_an_orphan_are_reported,
    more_than_a_page_is_listed_once_each,
    empty_and_damaged_exports_are_tolerated,
    a_found_configuration_sends_no_keys_to_its_endpoint,
);

fn json(sandbox: &Sandbox, arguments: impl CommandLine) -> Value {
    let arguments = arguments.words();
    let run = S3Server::run(sandbox, arguments.clone());
    assert_eq!(run.code, Some(0), "{arguments:?}: {run}");
    run.json()
}

/// The digests of the blobs that a manifest references, each with its declared size.
fn named(fixture: &Fixture, manifest: &StoredObject) -> BTreeSet<(String, u64)> {
    let config: Value = serde_json::from_slice(&fixture.blob(manifest.digest)).unwrap();
    let layers = config["layers"].as_array().unwrap();
    let named = layers.iter().map(|layer| {
        (
            layer["blob"].as_str().unwrap().to_owned(),
            layer["annotations"]["size"].as_u64().unwrap(),
        )
    });
    named.collect()
}

fn every_bucket_matches_an_independent_count(service: Service) {
    for set in SETS {
        let (server, bucket) = S3Server::with(service, set);
        let (sandbox, fixture) = (Sandbox::new(), Fixture::named(set));
        for prefix in ["", "team-a/"] {
            let objects: Vec<StoredObject> = fixture.json::<Vec<StoredObject>>("s3.json");
            let objects: Vec<&StoredObject> = objects
                .iter()
                .filter(|object| object.key.starts_with(prefix))
                .collect();
            let manifests: Vec<&&StoredObject> = objects
                .iter()
                .filter(|object| object.key.starts_with(&format!("{prefix}manifests/")))
                .collect();
            let blobs: Vec<&&StoredObject> = objects
                .iter()
                .filter(|object| object.key.starts_with(&format!("{prefix}blobs/")))
                .collect();
            let source = server.source(&format!("{bucket}/{prefix}"));

            let listed = json(&sandbox, format!("ls {source} --json"));
            let refs = listed["sources"][0]["refs"].as_array().unwrap();
            assert_eq!(listed["sources"][0]["kind"], "s3");
            assert_eq!(refs.len(), manifests.len(), "{set} {prefix}");
            for (entry, manifest) in refs.iter().zip(&manifests) {
                assert_eq!(
                    entry["name"],
                    manifest.key[prefix.len() + "manifests/".len()..]
                );
                assert_eq!(entry["digest"], manifest.digest.to_string());
                let bytes: u64 = named(&fixture, manifest)
                    .iter()
                    .map(|(_, bytes)| bytes)
                    .sum();
                assert_eq!(entry["bytes"], bytes, "{set} {}", manifest.key);
                assert_eq!(
                    entry["modified"].as_str().map(|time| &time[..19]),
                    Some(&manifest.modified.0.unwrap().to_string()[..19])
                );
            }

            let live: BTreeSet<String> = manifests
                .iter()
                .flat_map(|manifest| named(&fixture, manifest))
                .map(|(digest, _)| digest)
                .collect();
            let (of_live, others): (Vec<&&&StoredObject>, _) = blobs
                .iter()
                .partition(|blob| live.contains(&blob.digest.to_string()));
            let sum = |blobs: &[&&&StoredObject]| serde_json::json!({ "blobs": blobs.len(), "bytes": blobs.iter().map(|blob| blob.size).sum::<u64>() });
            let du = json(&sandbox, format!("du {source} --json"));
            let du = &du["sources"][0];
            assert_eq!(du["live"], sum(&of_live), "{set} {prefix}");
            assert_eq!(du["orphan"], sum(&others), "{set} {prefix}");
            assert_eq!(du["missing"], serde_json::json!({ "blobs": 0, "bytes": 0 }));
        }
    }
}

fn a_ref_in_s3_equals_the_ref_in_a_directory(service: Service) {
    let (server, bucket) = S3Server::with(service, "shop");
    let sandbox = Sandbox::new();
    Fixture::named("shop").write_layout("local.json", &sandbox.path("cache"));
    let source = server.source(&bucket);
    for name in ["c01", "c08", "c12"] {
        let there = json(&sandbox, format!("show {source}#{name} --json"));
        let here = json(&sandbox, format!("show ./cache#{name} --json"));
        let results = |of: &Value| -> BTreeSet<(String, String)> {
            let records = of["records"].as_array().unwrap().iter();
            records
                .map(|record| (record["digest"].to_string(), record["state"].to_string()))
                .collect()
        };
        assert_eq!(results(&there), results(&here), "{name}");
        let diff = json(
            &sandbox,
            &[
                "diff",
                &format!("./cache#{name}"),
                &format!("{source}#{name}"),
                "--json",
            ],
        );
        for list in ["added", "removed", "lost_results", "gained_results"] {
            assert_eq!(diff[list], Value::Array(Vec::new()), "{name} {list}");
        }
    }
}

fn a_missing_blob_and_an_orphan_are_reported(service: Service) {
    let (server, bucket) = S3Server::with(service, "mini");
    let sandbox = Sandbox::new();
    let objects: Vec<StoredObject> = Fixture::named("mini").json("s3.json");
    let manifest = objects
        .iter()
        .find(|object| object.key == "team-a/manifests/main")
        .unwrap();
    let (blob, size) = named(&Fixture::named("mini"), manifest)
        .pop_first()
        .unwrap();
    let source = server.source(&format!("{bucket}/team-a/"));
    let before = json(&sandbox, format!("du {source} --json"))["sources"][0]["orphan"].clone();
    server.remove(&bucket, &format!("team-a/blobs/{blob}"));
    server.put(
        &bucket,
        &format!("team-a/blobs/sha256:{}", "ab".repeat(32)),
        b"orphan",
    );
    server.put(&bucket, "team-a/blobs/notes.txt", b"what is this");
    let du = json(&sandbox, format!("du {source} --json"));
    let du = &du["sources"][0];
    assert_eq!(
        du["missing"],
        serde_json::json!({ "blobs": 1, "bytes": size })
    );
    let more = |what: &str, more: u64| before[what].as_u64().unwrap() + more;
    assert_eq!(
        du["orphan"],
        serde_json::json!({ "blobs": more("blobs", 1), "bytes": more("bytes", 6) })
    );
    assert_eq!(
        du["unknown"],
        serde_json::json!({ "objects": 1, "bytes": 12 })
    );
}

fn more_than_a_page_is_listed_once_each(service: Service) {
    let server = S3Server::start(service);
    let sandbox = Sandbox::new();
    server.make("many");
    let blobs = (0..3_500_u32).map(|number| {
        let digest = cachelens::format::digest::Digest::of(&number.to_le_bytes());
        (format!("blobs/{digest}"), number.to_le_bytes().to_vec())
    });
    server.put_all("many", blobs);
    let du = json(&sandbox, format!("du {} --json", server.source("many")));
    assert_eq!(
        du["sources"][0]["orphan"],
        serde_json::json!({ "blobs": 3_500, "bytes": 14_000 })
    );
}

fn empty_and_damaged_exports_are_tolerated(service: Service) {
    let server = S3Server::start(service);
    let sandbox = Sandbox::new();
    let source = server.source("odd");
    server.make("odd");
    server.put("odd", "manifests/empty", b"{}");
    server.put("odd", "manifests/html", b"<html>");
    server.put("odd", "manifests/nothing", b"");
    server.put(
        "odd",
        "manifests/bare",
        format!(
            r#"{{"layers":[{{"blob":"sha256:{}","parent":-1}}],"records":[]}}"#,
            "0".repeat(64)
        )
        .as_bytes(),
    );
    server.put(
        "odd",
        &format!("blobs/sha256:{}", "ab".repeat(32)),
        b"needed by whom",
    );
    let listed = json(&sandbox, format!("ls {source} --json"));
    let refs = listed["sources"][0]["refs"].as_array().unwrap();
    let told: Vec<String> = refs
        .iter()
        .map(|entry| {
            format!(
                "{}: {} {}",
                entry["name"],
                entry["records"],
                entry["faults"].as_array().unwrap().len()
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "\"bare\": 0 1",
            "\"empty\": 0 0",
            "\"html\": null 1",
            "\"nothing\": null 1"
        ]
    );
    // An unreadable manifest may reference anything.
    let du = json(&sandbox, format!("du {source} --json"));
    assert_eq!(du["sources"][0]["orphan"], Value::Null);
}

#[test]
fn errors_of_s3_have_a_hint_and_no_secrets() {
    let server = S3Server::start(Service::S3sFs);
    let sandbox = Sandbox::new();
    server.make("there");
    let told = |run: crate::support::command::Run| {
        let address = server
            .source("")
            .split("endpoint_url=")
            .nth(1)
            .unwrap()
            .split('&')
            .next()
            .unwrap()
            .to_owned();
        assert!(
            !run.to_string().contains(SECRET) && !run.to_string().contains(KEY),
            "{run}"
        );
        run.to_string().replace(&address, "ENDPOINT")
    };
    insta::assert_snapshot!(told(S3Server::run(&sandbox, format!("ls {}", server.source("nowhere")))), @r"
    error: cannot list the bucket nowhere at ENDPOINT
      because: NoSuchBucket
      hint: check the bucket's name, and `endpoint_url`
    exit 1
    ");
    insta::assert_snapshot!(told(S3Server::run(&sandbox, format!("ls {}", server.source("there")))), @r"
    no refs: nothing has been exported here yet
    exit 0
    ");
    let mut command = sandbox.command();
    command
        .env("AWS_ACCESS_KEY_ID", KEY)
        .env("AWS_SECRET_ACCESS_KEY", "wrong")
        .args(["ls", &server.source("there")]);
    insta::assert_snapshot!(told(crate::support::command::Run::new(command.output().unwrap())), @r"
    error: cannot list the bucket there at ENDPOINT
      because: SignatureDoesNotMatch
      hint: the credentials are wrong or have expired
    exit 1
    ");
}

fn a_found_configuration_sends_no_keys_to_its_endpoint(service: Service) {
    let (server, bucket) = S3Server::with(service, "mini");
    let sandbox = Sandbox::new();
    std::fs::write(
        sandbox.path("cachelens.toml"),
        format!("sources = [\"{}\"]\n", server.source(&bucket)),
    )
    .unwrap();
    let refused = S3Server::run(&sandbox, "ls");
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(
        refused
            .stderr
            .contains("is not contacted: a file names it, and you did not"),
        "{refused}"
    );
    let named = S3Server::run(&sandbox, "ls --config cachelens.toml");
    assert_eq!(named.code, Some(0), "{named}");
}
