//! Opens refs, repositories and registries.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::command::Sandbox;
use crate::support::fixture::{Fixture, SETS};
use crate::support::registry::second::SecondRegistry;
use crate::support::registry::{DockerRegistry, PASSWORD, Pushed, Setup, USER, log_in};

/// The digests and sizes of everything that a manifest reaches in a set's pool, including itself.
fn reached(fixture: &Fixture, digest: &str, size: u64, all: &mut BTreeSet<(String, u64)>) {
    all.insert((digest.to_owned(), size));
    let manifest: Value = serde_json::from_slice(&fixture.blob(digest.parse().unwrap())).unwrap();
    let lists = ["layers", "manifests"]
        .iter()
        .filter_map(|list| manifest[list].as_array())
        .flatten();
    for entry in lists.chain(manifest.get("config")) {
        let (digest, size) = (
            entry["digest"].as_str().unwrap(),
            entry["size"].as_u64().unwrap(),
        );
        if entry["mediaType"]
            .as_str()
            .unwrap()
            .contains("image.manifest")
        {
            reached(fixture, digest, size, all);
        } else {
            all.insert((digest.to_owned(), size));
        }
    }
}

#[test]
fn every_repository_matches_an_independent_count() {
    for set in SETS {
        let registry = DockerRegistry::with(set, Setup::default());
        let (sandbox, fixture) = (Sandbox::new(), Fixture::named(set));
        let pushed: Vec<Pushed> = fixture.json("registry.json");
        let repositories: BTreeSet<&String> =
            pushed.iter().map(|pushed| &pushed.repository).collect();
        for repository in repositories {
            let source = format!("{}/{repository}", registry.host());
            let listed = sandbox.json(format!("ls {source} --json"));
            let refs = listed["sources"][0]["refs"].as_array().unwrap();
            assert_eq!(listed["sources"][0]["kind"], "registry");
            let mut tagged: Vec<(&String, &Pushed)> = pushed
                .iter()
                .filter(|pushed| pushed.repository == *repository)
                .flat_map(|pushed| pushed.tags.iter().map(move |tag| (tag, pushed)))
                .collect();
            tagged.sort_by_key(|(tag, _)| *tag);
            assert_eq!(refs.len(), tagged.len(), "{source}");
            let mut live = BTreeSet::new();
            for (entry, (tag, pushed)) in refs.iter().zip(&tagged) {
                assert_eq!(entry["name"], **tag);
                assert_eq!(entry["digest"], pushed.digest.to_string());
                let size = fixture.blob(pushed.digest).len() as u64;
                let mut own = BTreeSet::new();
                reached(&fixture, &pushed.digest.to_string(), size, &mut own);
                assert_eq!(
                    entry["bytes"],
                    own.iter().map(|(_, size)| size).sum::<u64>(),
                    "{source}:{tag}"
                );
                live.extend(own);
            }
            let du = sandbox.json(format!("du {source} --json"));
            let du = &du["sources"][0];
            let bytes: u64 = live.iter().map(|(_, size)| size).sum();
            assert_eq!(
                du["live"],
                json!({ "blobs": live.len(), "bytes": bytes }),
                "{source}"
            );
            assert_eq!(du["orphan"], Value::Null);
        }
    }
}

#[test]
fn a_ref_in_a_registry_equals_the_ref_in_a_directory() {
    let registry = DockerRegistry::with("kitchen", Setup::default());
    let sandbox = Sandbox::new();
    Fixture::named("kitchen").write_layout("local.json", &sandbox.path("cache"));
    for name in ["c01", "c06", "c12"] {
        let there = sandbox.json(format!(
            "show {}/kitchen-cache:{name} --json",
            registry.host()
        ));
        let here = sandbox.json(format!("show './cache#{name}' --json"));
        let results = |of: &Value| -> BTreeSet<(String, String)> {
            let records = of["records"].as_array().unwrap().iter();
            records
                .map(|record| (record["digest"].to_string(), record["state"].to_string()))
                .collect()
        };
        assert_eq!(results(&there), results(&here), "{name}");
    }
}

#[test]
fn exclusive_bytes_are_known_after_all_refs_were_read() {
    let registry = DockerRegistry::with("kitchen", Setup::default());
    let sandbox = Sandbox::new();
    let all = sandbox.json(format!("ls {}/kitchen-cache --json", registry.host()));
    for entry in all["sources"][0]["refs"].as_array().unwrap() {
        assert!(entry["exclusive_bytes"].as_u64() <= entry["bytes"].as_u64());
        let one = format!(
            "{}/kitchen-cache:{}",
            registry.host(),
            entry["name"].as_str().unwrap()
        );
        let alone = &sandbox.json(format!("ls '{one}' --json"))["sources"][0]["refs"][0];
        assert_eq!(
            (&alone["bytes"], &alone["exclusive_bytes"]),
            (&entry["bytes"], &Value::Null)
        );
    }
    let shown = sandbox.json(format!("show {}/kitchen-cache:c06 --json", registry.host()));
    let records = shown["records"].as_array().unwrap();
    assert!(records.iter().any(|record| record["bytes"].is_u64()));
    assert!(
        records
            .iter()
            .all(|record| record["exclusive_bytes"].is_null() && record["also_in"].is_null())
    );
}

#[test]
fn the_second_look_reads_nothing_again() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    let source = format!("{}/shop-cache", registry.host());
    // As many tags as pull requests leave, with the manifests of fifteen builds.
    for at in 0..200 {
        let from = format!("c{:02}", at % 15 + 1);
        registry
            .state()
            .tag("shop-cache", &from, [format!("pr-{at}")]);
    }
    let first = sandbox.run(format!("ls {source}"));
    let requests = registry.state().requests.len();
    assert_eq!(first.code, Some(0), "{first}");
    assert!(
        requests * 10 <= 215 * 12,
        "{requests} requests for 215 tags"
    );
    registry.state().requests.clear();
    let second = sandbox.run(format!("ls {source}"));
    assert_eq!(second.stdout, first.stdout);
    assert_eq!(registry.asked("HEAD "), 215);
    // The rest are the ping of the registry, and the list of tags before and after.
    let gets: Vec<String> = registry
        .state()
        .requests
        .iter()
        .filter(|line| line.starts_with("GET"))
        .cloned()
        .collect();
    assert_eq!(
        gets,
        [
            "GET /v2/",
            "GET /v2/shop-cache/tags/list",
            "GET /v2/shop-cache/tags/list"
        ]
    );

    registry.state().requests.clear();
    assert_eq!(
        sandbox.run(format!("ls {source} --no-disk-cache")).stdout,
        first.stdout
    );
    assert_eq!(registry.asked("HEAD "), 0);
}

#[test]
fn lists_are_paged_and_loops_are_detected() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    registry.state().page = Some(4);
    let tags = |of: Value| of["sources"][0]["refs"].as_array().unwrap().len();
    assert_eq!(
        tags(sandbox.json(format!("ls {}/shop --json", registry.host()))),
        16
    );
    let whole = sandbox.json(format!("ls '{}' --json", registry.host()));
    let names: Vec<&str> = whole["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| source["source"].as_str().unwrap())
        .collect();
    let at = |name: &str| format!("{}/{name}", registry.host());
    assert_eq!(names, [at("base"), at("shop"), at("shop-cache")]);
    // Content behind a loop of pages is unknown, and nothing is concluded from the rest.
    registry.state().loops = true;
    registry.state().page = Some(2);
    let mut told = String::new();
    for source in [at("shop"), registry.host().to_owned()] {
        let run = sandbox.run(format!("ls {source}"));
        assert_eq!(run.code, Some(1), "{run}");
        told += &run.stderr.replace(registry.host(), "HOST");
    }
    insta::assert_snapshot!(told, @r"
    error: HOST/shop: the list has no end
      because: a page has nothing new and links to another page
      hint: the registry is at fault; a ref that is named with its tag can still be opened
    error: the catalog of HOST: the list has no end
      because: a page has nothing new and links to another page
      hint: the registry is at fault; a ref that is named with its tag can still be opened
    ");
    let one = sandbox.run(format!("ls {}", at("shop:c01")));
    assert_eq!(one.code, Some(0), "{one}");
}

#[test]
fn no_login_is_sent_to_the_host_of_blobs() {
    let registry = SecondRegistry::with("shop");
    let elsewhere = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    registry.state().blobs_at = Some(elsewhere.host().to_owned());
    registry.state().tokens = true;
    log_in(&sandbox, registry.host(), USER, PASSWORD);
    let run = sandbox.run(format!("ls {}/shop-cache:c05", registry.host()));
    assert_eq!(run.code, Some(0), "{run}");
    assert!(!registry.state().logins.is_empty());
    assert!(elsewhere.asked("GET /v2/shop-cache/blobs/") > 0);
    assert_eq!(elsewhere.state().logins, []);
}

#[test]
fn blobs_are_looked_for_when_asked() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    let source = format!("{}/shop-cache:c05", registry.host());
    let layer = sandbox.json(format!("show {source} --json"))["layers"][0]["digest"]
        .as_str()
        .unwrap()
        .to_owned();
    registry.state().blobs.remove(&layer.parse().unwrap());
    let missing = |arguments: &[&str]| {
        sandbox.json(arguments)["sources"][0]["refs"][0]["missing_blobs"].clone()
    };
    assert_eq!(missing(&["ls", &source, "--json"]), Value::Null);
    assert_eq!(missing(&["ls", &source, "--json", "--verify-blobs"]), 1);
    let stored = |arguments: &[&str]| sandbox.json(arguments)["layers"][0]["stored"].clone();
    assert_eq!(stored(&["show", &source, "--json"]), Value::Null);
    assert_eq!(
        stored(&["show", &source, "--json", "--verify-blobs"]),
        false
    );

    let store = format!("{}/shop-cache", registry.host());
    let usage = sandbox.json(format!("du '{store}' --json"))["sources"][0].clone();
    for state in ["orphan", "missing", "partial", "unknown"] {
        assert_eq!(usage[state], Value::Null, "{state}");
    }
    let usage = sandbox.json(format!("du '{store}' --json --verify-blobs"))["sources"][0].clone();
    assert_eq!(usage["missing"]["blobs"], 1);
}

#[test]
fn an_image_has_its_provenance() {
    let registry = DockerRegistry::with("shop", Setup::default());
    let sandbox = Sandbox::new();
    let (cache, image) = (
        format!("{}/shop-cache:c07", registry.host()),
        format!("{}/shop:c08", registry.host()),
    );
    let named = |arguments: &[&str]| {
        let shown = sandbox.json(arguments);
        shown["records"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|record| record["name"].is_string())
            .count()
    };
    assert_eq!(named(&["show", &cache, "--json"]), 0);
    assert!(named(&["show", &cache, "--json", "--provenance", &image]) > 10);
    let run = sandbox.run(format!("why {cache} --build '{image}'"));
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stdout.contains("RUN npm ci"), "{run}");
    let run = sandbox.run(format!("why {cache} --build {}/base:1", registry.host()));
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("carries no provenance"), "{run}");
}

#[test]
fn provenance_is_found_among_the_referrers_of_an_image() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    for tells_referrers in [true, false] {
        let mut state = registry.state();
        let index = &state.manifests[&("shop".to_owned(), state.tags["shop"]["c08"])].1;
        let index: Value = serde_json::from_slice(index).unwrap();
        let digest = |place: usize| {
            index["manifests"][place]["digest"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap()
        };
        let (image, attestation) = (digest(0), index["manifests"][1].clone());
        state
            .tags
            .get_mut("shop")
            .unwrap()
            .insert("plain".to_owned(), image);
        state.tells_referrers = tells_referrers;
        if tells_referrers {
            state.referring.insert(image, attestation);
        } else {
            let list = json!({
                "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [attestation],
            });
            state.put("shop", &image.to_string().replace(':', "-"), &list);
        }
        drop(state);
        let (cache, image) = (
            format!("{}/shop-cache:c07", registry.host()),
            format!("{}/shop:plain", registry.host()),
        );
        let run = sandbox.run(format!("why {cache} --build '{image}' --no-disk-cache"));
        assert_eq!(run.code, Some(0), "{run}");
        assert!(run.stdout.contains("RUN npm ci"), "{run}");
    }
}

#[test]
fn a_multi_platform_image_has_the_provenance_of_each_platform() {
    let registry = SecondRegistry::with("shop");
    let sandbox = Sandbox::new();
    {
        let mut state = registry.state();
        let index = |name: &str| -> Value {
            serde_json::from_slice(
                &state.manifests[&("shop".to_owned(), state.tags["shop"][name])].1,
            )
            .unwrap()
        };
        let (mut one, mut other) = (index("c08"), index("c05"));
        one["manifests"][0]["platform"] = json!({"os": "linux", "architecture": "amd64"});
        other["manifests"][0]["platform"] = json!({"os": "linux", "architecture": "arm64"});
        let both: Vec<Value> = [one, other]
            .iter()
            .flat_map(|index| index["manifests"].as_array().unwrap().clone())
            .collect();
        one = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": both});
        state.put("shop", "both", &one);
    }
    let image = format!("{}/shop:both", registry.host());
    let named = |cache: &str, image: &str| -> usize {
        let cache = format!("{}/shop-cache:{cache}", registry.host());
        let shown = sandbox.json(format!("show {cache} --json --provenance '{image}'"));
        shown["records"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|record| record["name"].is_string())
            .count()
    };
    for cache in ["c05", "c08"] {
        let alone = named(cache, &format!("{}/shop:{cache}", registry.host()));
        assert!(alone > 10 && named(cache, &image) >= alone, "{cache}");
    }
    let listed = sandbox.json(format!("ls --json '{image}'"));
    assert_eq!(listed["sources"][0]["refs"][0]["kind"], "inline");
}

#[test]
fn blobs_shared_by_repositories_are_reported() {
    let registry = DockerRegistry::with("mini", Setup::default());
    let (sandbox, fixture) = (Sandbox::new(), Fixture::named("mini"));
    let named = |repository: &str| -> BTreeSet<(String, u64)> {
        let pushed: Vec<Pushed> = fixture.json("registry.json");
        let mut all = BTreeSet::new();
        for pushed in pushed
            .iter()
            .filter(|pushed| pushed.repository == repository && !pushed.tags.is_empty())
        {
            let size = fixture.blob(pushed.digest).len() as u64;
            reached(&fixture, &pushed.digest.to_string(), size, &mut all);
        }
        all
    };
    let shared: BTreeSet<_> = named("mini")
        .intersection(&named("mini-cache"))
        .cloned()
        .collect();
    let (cache, images) = (
        format!("{}/mini-cache", registry.host()),
        format!("{}/mini", registry.host()),
    );
    let du = sandbox.json(format!("du --json {cache} '{images}'"));
    let bytes: u64 = shared.iter().map(|(_, size)| size).sum();
    assert!(!shared.is_empty());
    for source in 0..2 {
        assert_eq!(
            du["sources"][source]["shared_by_repositories"],
            json!({ "blobs": shared.len(), "bytes": bytes })
        );
    }
    let alone = sandbox.json(format!("du --json {cache}"));
    assert_eq!(alone["sources"][0]["shared_by_repositories"], Value::Null);
}
