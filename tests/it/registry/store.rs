//! The directory in which a registry keeps its store.

use std::fs;

use cachelens::format::digest::Digest;
use serde_json::{Value, json};

use crate::support::command::Sandbox;
use crate::support::fixture::Fixture;
use crate::support::registry::{DockerRegistry, Pushed, Setup, is_cache};

fn ls(sandbox: &Sandbox, source: &str) -> Vec<Value> {
    sandbox.json(format!("ls --json {source}"))["sources"][0]["refs"]
        .as_array()
        .unwrap()
        .clone()
}

#[test]
fn a_registry_store_has_previous_versions_of_tags() {
    let registry = DockerRegistry::with("shop", Setup::default());
    let (sandbox, fixture) = (Sandbox::new(), Fixture::named("shop"));
    let source = format!("registry-dir:{}", registry.store().display());
    let refs = ls(&sandbox, &source);
    // The contents of `buildcache`, the newest first, as the builds left them.
    let mut caches: Vec<Pushed> = fixture.json("registry.json");
    caches.retain(|pushed| pushed.repository == "shop" && is_cache_of(&fixture, pushed));
    caches.sort_by(|a, b| b.time.cmp(&a.time));
    let previous = refs
        .iter()
        .filter(|entry| entry["previous_of"] == "shop:buildcache");
    let found: Vec<(&str, u64, &str)> = previous
        .map(|entry| {
            let text = |field: &str| entry[field].as_str().unwrap();
            (
                text("name"),
                entry["generation"].as_u64().unwrap(),
                text("digest"),
            )
        })
        .collect();
    let names: Vec<String> = (1..caches.len())
        .map(|place| format!("shop:buildcache~{place}"))
        .collect();
    let digests: Vec<String> = caches
        .iter()
        .skip(1)
        .map(|pushed| pushed.digest.to_string())
        .collect();
    let expected: Vec<(&str, u64, &str)> = (1..)
        .zip(names.iter().zip(&digests))
        .map(|(place, (name, digest))| (name.as_str(), place, digest.as_str()))
        .collect();
    assert_eq!(found, expected);
    // The platforms and attestations of images are parts of them, and nothing else is untagged.
    assert_eq!(
        refs.iter().filter(|entry| entry["tagged"] == false).count(),
        expected.len()
    );

    let shown = sandbox.json(format!("show --json {source}#shop:buildcache~2"));
    assert_eq!(shown["ref"]["digest"], digests[1]);
    assert_eq!(
        (&shown["ref"]["kind"], &shown["ref"]["faults"]),
        (&json!("cache"), &json!([]))
    );
}

fn is_cache_of(fixture: &Fixture, pushed: &Pushed) -> bool {
    is_cache(&fixture.blob(pushed.digest))
}

#[test]
fn a_registry_store_lists_orphans_and_is_never_written() {
    let registry = DockerRegistry::with("mini", Setup::default());
    let sandbox = Sandbox::new();
    let source = format!("registry-dir:{}", registry.store().display());
    let bytes = b"a blob that nothing names";
    let digest = Digest::of(bytes);
    let folder = registry.store().join(format!(
        "docker/registry/v2/blobs/sha256/{}/{}",
        &digest.hex()[..2],
        digest.hex()
    ));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("data"), bytes).unwrap();
    let du = sandbox.json(format!("du --json {source}"));
    assert_eq!(
        du["sources"][0]["orphan"],
        json!({ "blobs": 1, "bytes": bytes.len() })
    );
    assert_eq!(du["sources"][0]["missing"]["blobs"], 0);
    let plan = sandbox.run(format!("prune {source} --drop-ref * --yes --json"));
    assert!(folder.join("data").exists(), "{plan}");
    assert_eq!(registry.tags("mini-cache").len(), 3);
}

#[test]
fn a_directory_without_a_registry_store_is_an_error() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("empty")).unwrap();
    let mut told = String::new();
    for source in [
        "registry-dir:empty",
        "registry-dir:nowhere",
        "registry-dir:",
    ] {
        let run = sandbox.run(format!("ls {source}"));
        assert_ne!(run.code, Some(0));
        told += &run.stderr;
    }
    insta::assert_snapshot!(told, @r"
    error: empty is not the store of a registry: there is no docker/registry/v2/repositories in it
      hint: name its `rootdirectory`, as the configuration of the registry has it
    error: nowhere does not exist
      hint: name the directory that `--cache-to type=local,dest=…` writes, or try `cachelens demo`
    error: a source of type registry-dir needs a directory
      hint: write registry-dir:PATH, where PATH is the `rootdirectory` of the registry
    ");
}
