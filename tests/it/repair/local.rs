//! Local caches.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{Cache, around, codes};
use crate::support::command::{CommandLine, Run, Sandbox};
use crate::support::fixture::{Fixture, SETS};
use crate::support::layout::{self, CONFIG, INDEX, LAYER, MANIFEST, digest_of};

pub(super) const NAME: &str = "org.opencontainers.image.ref.name";

pub(super) fn blob(dir: &Path, digest: &str) -> Vec<u8> {
    fs::read(dir.join("blobs").join(digest.replace(':', "/"))).unwrap()
}

pub(super) fn is_stored(dir: &Path, digest: &str) -> bool {
    dir.join("blobs").join(digest.replace(':', "/")).exists()
}

pub(super) fn entries(dir: &Path) -> Vec<Value> {
    let index = fs::read(dir.join("index.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    index["manifests"].as_array().unwrap().clone()
}

pub(super) fn entry(dir: &Path, name: &str) -> Value {
    let mut entries = entries(dir).into_iter();
    entries
        .find(|entry| entry["annotations"][NAME] == name)
        .unwrap()
}

/// Reads the cache that a ref points to.
pub(crate) fn cache(dir: &Path, name: &str) -> Cache {
    let entry = entry(dir, name);
    let bytes = blob(dir, digest_of(&entry));
    assert_eq!(entry["size"], bytes.len());
    Cache::of_manifest(&bytes, |digest| blob(dir, digest))
}

fn names(dir: &Path) -> Vec<String> {
    let entries = entries(dir).into_iter();
    entries
        .map(|entry| entry["annotations"][NAME].as_str().unwrap().to_owned())
        .collect()
}

fn json_of(run: &Run, code: i32) -> Value {
    assert_eq!(run.code, Some(code), "{run}");
    run.json()
}

#[test]
fn results_without_blobs_are_dropped_and_every_other_hit_kept() {
    for set in SETS {
        let (sandbox, fixture) = (Sandbox::new(), Fixture::named(set));
        let dir = sandbox.path("cache");
        fixture.write_layout("local.json", &dir);
        // The bottom layer of a chain, the top of another, and a truncated one.
        let all = names(&dir);
        let first = cache(&dir, &all[0]);
        let layers = first.layers.as_ref().unwrap();
        let lost = [&layers[0], &layers[layers.len() - 1]].map(|layer| digest_of(layer).to_owned());
        let short = digest_of(&layers[layers.len() / 2]).to_owned();
        let before: Vec<Cache> = all.iter().map(|name| cache(&dir, name)).collect();
        for digest in &lost {
            fs::remove_file(dir.join("blobs").join(digest.replace(':', "/"))).unwrap();
        }
        let path = dir.join("blobs").join(short.replace(':', "/"));
        fs::remove_file(&path).unwrap();
        fs::write(&path, b"short").unwrap();
        let index = fs::read_to_string(dir.join("index.json")).unwrap();

        let plan = sandbox.json("repair ./cache --json");
        assert_eq!(plan["command"], "repair");
        assert_eq!(
            plan["plan"]["delete"][0]["reasons"][0]["fix"]["what"],
            "lost-results"
        );
        assert_eq!(fs::read_to_string(dir.join("index.json")).unwrap(), index);
        let done = json_of(&sandbox.run("repair ./cache --yes --json"), 0);
        assert_eq!(done["plan"]["not_fixed"], json!([]), "{done}");
        assert_eq!(
            done["outcome"]["done"],
            done["plan"]["delete"].as_array().unwrap().len()
        );

        let is_sound = |digest: &str| is_stored(&dir, digest) && digest != short;
        let mut changed = 0;
        for (name, old) in all.iter().zip(&before) {
            let new = cache(&dir, name);
            assert_eq!(
                new.hits(|_| true).unwrap(),
                old.hits(is_sound).unwrap(),
                "{set} {name}"
            );
            let (old_rest, old_layers) = around(old.manifest.as_ref().unwrap());
            let (new_rest, new_layers) = around(new.manifest.as_ref().unwrap());
            assert_eq!(new_rest, old_rest, "{set} {name}");
            for (digest, layer) in &new_layers {
                assert_eq!(layer, &old_layers[digest], "{set} {name}");
                assert!(is_sound(digest), "{set} {name}");
            }
            changed += usize::from(new.manifest != old.manifest);
        }
        assert_eq!(done["outcome"]["done"], changed, "{set}");
        let check = sandbox.run("check ./cache --json --fail-on error");
        assert_eq!(check.code, Some(0), "{set}: {check}");
        let again = sandbox.json("repair ./cache --json");
        assert_eq!(again["plan"]["delete"], json!([]), "{set}");

        // After an undo, a ref lacks only blobs that it lacked before.
        let journal = done["outcome"]["journal"].as_str().unwrap();
        let undone = sandbox.run(format!("repair --undo {journal}"));
        assert_eq!(undone.code, Some(0), "{undone}");
        assert_eq!(fs::read_to_string(dir.join("index.json")).unwrap(), index);
    }
}

/// The configuration of a chain, with an addition that makes any import fail.
pub(super) fn spoil(config: &mut Value, how: &str) {
    let records = config["records"].as_array_mut().unwrap();
    let last = records.len() - 1;
    match how {
        "record-loops" => records[1]["inputs"][0]
            .as_array_mut()
            .unwrap()
            .push(json!({ "link": last })),
        "link-broken" => records[last]["inputs"][0]
            .as_array_mut()
            .unwrap()
            .push(json!({ "link": 99 })),
        "input-empty" => {
            let record = json!({"digest": "sha256:x", "inputs": [[]], "layers": [{"layer": 0}]});
            records.push(record);
        }
        "layer-out-of-range" => records[last]["layers"]
            .as_array_mut()
            .unwrap()
            .push(json!({"layer": 44, "createdAt": "2026-01-01T00:00:00Z"})),
        "layer-loops" => {
            let layers = config["layers"].as_array_mut().unwrap();
            let next = layers.len();
            let blob = layers[0]["blob"].clone();
            layers.push(json!({"blob": blob, "parent": next}));
            config["records"][last]["layers"]
                .as_array_mut()
                .unwrap()
                .push(json!({"layer": next}));
        }
        _ => panic!("{how}"),
    }
}

#[test]
fn faults_that_break_an_import_are_removed_and_every_hit_kept() {
    for how in [
        "record-loops",
        "link-broken",
        "input-empty",
        "layer-out-of-range",
        "layer-loops",
    ] {
        for is_index in [false, true] {
            let sandbox = Sandbox::new();
            let mut made = sandbox.layout();
            let layers: Vec<Value> = (0..5)
                .map(|number| made.layer(&format!("layer {number}"), 40))
                .collect();
            let mut config = layout::chain(&layers);
            let before = super::import(
                &config,
                Some(
                    &layers
                        .iter()
                        .map(|layer| digest_of(layer).to_owned())
                        .collect(),
                ),
            )
            .unwrap();
            spoil(&mut config, how);
            let config = made.blob(CONFIG, config.to_string());
            let root = if is_index {
                let entries = layers.iter().chain([&config]);
                let mut index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries.collect::<Vec<_>>()});
                index["future"] = json!({"kept": true});
                made.blob(INDEX, index.to_string())
            } else {
                made.manifest(&config, &layers)
            };
            made.tag("main", &root);
            let dir = sandbox.path("cache");
            assert!(cache(&dir, "main").hits(|_| true).is_err(), "{how}");
            let check = sandbox.run("check ./cache --json").json();
            assert!(codes(&check, "main").contains(how), "{how}: {check}");

            let other = sandbox.json("repair ./cache --fix blob-missing --json");
            assert_eq!(other["plan"]["delete"], json!([]), "{how}");
            let arguments = ["repair", "./cache#main", "--fix", how, "--yes", "--json"];
            let done = json_of(&sandbox.run(&arguments), 0);
            assert_eq!(done["outcome"]["done"], 1, "{how}: {done}");
            let new = cache(&dir, "main");
            assert_eq!(new.hits(|_| true).unwrap(), before, "{how}");
            assert_eq!(
                new.manifest.unwrap()["future"].is_object(),
                is_index,
                "{how}"
            );
            let check = sandbox.run("check ./cache --json").json();
            assert!(!codes(&check, "main").contains(how), "{how}: {check}");
        }
    }
}

#[test]
fn blobs_in_the_trash_are_restored_and_no_result_is_dropped() {
    let sandbox = Sandbox::new();
    Fixture::named("mini").write_layout("local.json", &sandbox.path("cache"));
    let dir = sandbox.path("cache");
    let index = fs::read_to_string(dir.join("index.json")).unwrap();
    let arguments = [
        "prune",
        "./cache",
        "--drop-ref",
        "c03",
        "--grace",
        "0s",
        "--now",
        "--confirm",
    ];
    let gone = sandbox.run("./cache --yes".after(&arguments[..]));
    assert_eq!(gone.code, Some(0), "{gone}");
    fs::write(dir.join("index.json"), &index).unwrap();
    let done = json_of(&sandbox.run("repair ./cache --yes --json"), 0);
    assert!(done["outcome"]["put_back"].as_u64().unwrap() > 0, "{done}");
    assert_eq!(fs::read_to_string(dir.join("index.json")).unwrap(), index);
    let hits = cache(&dir, "c03")
        .hits(|digest| is_stored(&dir, digest))
        .unwrap();
    assert_eq!(hits, cache(&dir, "c03").hits(|_| true).unwrap());
}

#[test]
fn unrepairable_findings_are_reported_and_stale_uploads_deleted() {
    let sandbox = Sandbox::new();
    let mut made = sandbox.layout();
    let layer = made.layer("layer", 40);
    let sound = made.chain(&[layer]);
    made.tag("sound", &sound);
    made.tag("gone", &layout::descriptor(MANIFEST, b"that is nowhere"));
    for (name, hours) in [("old", 96), ("young", 0)] {
        let upload = made.path("ingest").join(name);
        fs::create_dir_all(&upload).unwrap();
        fs::write(upload.join("data"), b"half").unwrap();
        let then = SystemTime::now() - Duration::from_hours(hours);
        for path in [upload.join("data"), upload] {
            fs::File::open(path).unwrap().set_modified(then).unwrap();
        }
    }
    let orphan = made.blob(LAYER, b"an orphan");
    let source = "./cache".to_owned();
    let plan = sandbox.json(format!("repair {source} --json"));
    let not_fixed = plan["plan"]["not_fixed"].as_array().unwrap();
    let of_gone = not_fixed.iter().find(|item| item["ref"] == "gone").unwrap();
    assert_eq!(of_gone["code"], "manifest-missing");
    let shown = sandbox.run(format!("repair {source}")).stdout;
    assert!(
        shown
            .contains("Not repaired: manifest-missing of gone: no previous version of it is known"),
        "{shown}"
    );
    let done = json_of(&sandbox.run(format!("repair {source} --yes --json")), 4);
    assert_eq!(done["outcome"]["done"], 1, "{done}");
    assert!(!made.path("ingest/old").exists());
    assert!(made.path("ingest/young").exists());
    assert!(made.blob_path(&orphan).exists());

    for (code, says) in [
        ("blob-mising", "`blob-missing` is"),
        ("no-refs", "cannot be repaired"),
    ] {
        let run = sandbox.run(format!("repair {source} --fix {code}"));
        assert_eq!(run.code, Some(2), "{run}");
        assert!(run.stderr.contains(says), "{run}");
    }
    let refused = sandbox.run(format!("repair {source} --yes --read-only"));
    assert_eq!(refused.code, Some(2), "{refused}");
}

#[test]
fn protected_refs_are_not_repaired_and_moved_refs_are_skipped() {
    let sandbox = Sandbox::new();
    let mut made = sandbox.layout();
    let layers: Vec<Value> = (0..3)
        .map(|number| made.layer(&format!("layer {number}"), 40))
        .collect();
    for name in ["main", "other"] {
        let cache = made.chain(&layers);
        made.tag(name, &cache);
    }
    made.lose(&layers[2]);
    let dir = sandbox.path("cache");
    fs::write(
        sandbox.path("cachelens.toml"),
        "[[retention.rule]]\nname = \"mine\"\nmatch = { ref = \"main\" }\naction = \"protect\"\n",
    )
    .unwrap();
    let plan = sandbox.json("repair ./cache --json");
    let items = plan["plan"]["delete"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{plan}");
    assert_eq!(items[0]["name"], "other");
    assert_eq!(plan["plan"]["not_fixed"][0]["why"], "a rule protects it");
    let saved = sandbox.run("repair ./cache --plan-out plan");
    assert_eq!(saved.code, Some(0), "{saved}");

    // A build exports in between.
    let healthy = made.chain(&layers[..1]);
    let index = fs::read_to_string(dir.join("index.json")).unwrap();
    let old = digest_of(&entry(&dir, "other")).to_owned();
    let moved = index.replace(&old, digest_of(&healthy));
    fs::write(dir.join("index.json"), &moved).unwrap();
    let applied = json_of(&sandbox.run("repair --apply plan --json"), 4);
    assert_eq!(
        applied["outcome"]["items"][0]["outcome"],
        json!({"skipped": "changed"})
    );
    assert_eq!(fs::read_to_string(dir.join("index.json")).unwrap(), moved);
}

#[test]
fn wrong_bytes_are_found_by_reading() {
    let sandbox = Sandbox::new();
    let mut made = sandbox.layout();
    let layers: Vec<Value> = (0..3)
        .map(|number| made.layer(&format!("layer {number}"), 40))
        .collect();
    let chain = made.chain(&layers);
    made.tag("main", &chain);
    fs::write(
        made.blob_path(&layers[1]),
        format!("{:.<40}", "other bytes"),
    )
    .unwrap();
    let dir = sandbox.path("cache");
    let quick = sandbox.json("repair ./cache --json");
    assert_eq!(quick["plan"]["delete"], json!([]));
    json_of(&sandbox.run("repair ./cache --verify --yes --json"), 0);
    let left: BTreeSet<String> = cache(&dir, "main")
        .hits(|_| true)
        .unwrap()
        .into_iter()
        .flat_map(|(_, chain)| chain)
        .collect();
    assert_eq!(left, BTreeSet::from([digest_of(&layers[0]).to_owned()]));
}

#[test]
fn an_index_of_caches_is_a_finding_and_is_kept() {
    let sandbox = Sandbox::new();
    let mut made = sandbox.layout();
    let mut caches = Vec::new();
    for name in ["one", "two"] {
        let layer = made.layer(name, 40);
        let cache = made.chain(&[layer]);
        made.tag(name, &cache);
        caches.push(cache);
    }
    let merged = made.index(&caches);
    made.tag("merged", &merged);
    let check = sandbox.run("check ./cache --json");
    assert_eq!(check.code, Some(3), "{check}");
    let check = check.json();
    assert_eq!(
        codes(&check, "merged"),
        BTreeSet::from(["caches-merged".to_owned()])
    );
    assert!(codes(&check, "one").is_empty() && codes(&check, "two").is_empty());
    let plan = sandbox.json("repair ./cache --compact --json");
    assert_eq!(plan["plan"]["delete"], json!([]));
    assert_eq!(plan["plan"]["not_fixed"][0]["code"], "caches-merged");
}
