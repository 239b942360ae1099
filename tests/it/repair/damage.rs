//! Copies of every fixture, each damaged in one way: found, repaired, and checked clean, with the
//! hits that another importer counts.

use std::fs;
use std::path::Path;

use cachelens::format::digest::Digest;
use serde_json::{Value, json};

use super::importer::Hits;
use super::local::{NAME, cache, is_stored};
use super::{Cache, codes};
use crate::support::command::Sandbox;
use crate::support::fixture::{Fixture, SETS};
use crate::support::layout::digest_of;

/// The ways, by the finding that names them.
const WAYS: [&str; 9] = [
    "blob-missing",
    "blob-wrong-size",
    "blob-wrong-bytes",
    "record-loops",
    "link-broken",
    "input-empty",
    "layer-out-of-range",
    "layer-loops",
    "results-dropped",
];

fn path_of(dir: &Path, digest: &str) -> std::path::PathBuf {
    dir.join("blobs").join(digest.replace(':', "/"))
}

/// Stores a document, and lets what named it name it now.
fn store(dir: &Path, document: &Value, name: &mut Value) {
    let text = document.to_string();
    let digest = Digest::of(text.as_bytes()).to_string();
    fs::write(path_of(dir, &digest), &text).unwrap();
    name["digest"] = digest.into();
    name["size"] = text.len().into();
}

/// Lets a ref point to a changed configuration and manifest.
fn replace(dir: &Path, name: &str, config: &Value, mut manifest: Value) {
    if manifest["config"].is_object() {
        store(dir, config, &mut manifest["config"]);
    } else {
        let entries = manifest["manifests"].as_array_mut().unwrap();
        store(dir, config, entries.last_mut().unwrap());
    }
    let path = dir.join("index.json");
    let mut index: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let entries = index["manifests"].as_array_mut().unwrap().iter_mut();
    let mut found = entries.filter(|entry| entry["annotations"][NAME] == name);
    store(dir, &manifest, found.next().unwrap());
    fs::write(&path, index.to_string()).unwrap();
}

/// Adds something to a configuration that no import survives.
pub(super) fn spoil(config: &mut Value, how: &str) {
    let layers = config["layers"].as_array().unwrap().len();
    if how == "layer-loops" {
        let mut looping = config["layers"][0].clone();
        looping["parent"] = layers.into();
        config["layers"].as_array_mut().unwrap().push(looping);
    }
    let records = config["records"].as_array_mut().unwrap();
    let step = records
        .iter()
        .position(|record| record["inputs"][0].is_array() && record["layers"][0].is_object())
        .unwrap();
    let link = |records: &mut Vec<Value>, to: usize| {
        let group = records[step]["inputs"][0].as_array_mut().unwrap();
        group.push(json!({ "link": to }));
    };
    let result = |records: &mut Vec<Value>, layer: usize| {
        let results = records[step]["layers"].as_array_mut().unwrap();
        results.push(json!({"layer": layer, "createdAt": "2020-01-01T00:00:00Z"}));
    };
    match how {
        "record-loops" => link(records, step),
        "link-broken" => link(records, 99_999),
        "input-empty" => records.push(json!({"digest": "sha256:x", "inputs": [[]]})),
        "layer-out-of-range" => result(records, 99_999),
        "layer-loops" => result(records, layers),
        _ => panic!("{how}"),
    }
}

/// Returns the blob of a layer on which no other lies.
pub(super) fn top_layer(config: &Value) -> String {
    let layers = config["layers"].as_array().unwrap();
    // Go leaves a parent out that is 0.
    let parent = |layer: &Value| layer.get("parent").map_or(Some(0), Value::as_u64);
    let is_top = |place: &usize| {
        layers
            .iter()
            .all(|layer| parent(layer) != Some(*place as u64))
    };
    let top = (0..layers.len()).find(is_top).unwrap();
    layers[top]["blob"].as_str().unwrap().to_owned()
}

/// Damages a ref, and returns the hits that a build has afterwards, or had before where BuildKit
/// refuses it now.
fn damage(dir: &Path, name: &str, how: &str) -> Hits {
    let sound: Cache = cache(dir, name);
    let layer = top_layer(&sound.config);
    let is_sound = |digest: &str| is_stored(dir, digest) && digest != layer;
    let mut manifest = sound.manifest.clone().unwrap();
    match how {
        "blob-missing" => fs::remove_file(path_of(dir, &layer)).unwrap(),
        "blob-wrong-size" | "blob-wrong-bytes" => {
            let mut bytes = fs::read(path_of(dir, &layer)).unwrap();
            if how == "blob-wrong-size" {
                bytes.push(0);
            } else {
                bytes[0] ^= 1;
            }
            fs::remove_file(path_of(dir, &layer)).unwrap();
            fs::write(path_of(dir, &layer), bytes).unwrap();
        }
        "results-dropped" => {
            let list = if manifest["layers"].is_array() {
                "layers"
            } else {
                "manifests"
            };
            let layers = manifest[list].as_array_mut().unwrap();
            layers.retain(|found| digest_of(found) != layer);
            replace(dir, name, &sound.config, manifest);
            return cache(dir, name)
                .hits(|digest| is_stored(dir, digest))
                .unwrap();
        }
        _ => {
            let mut config = sound.config.clone();
            spoil(&mut config, how);
            replace(dir, name, &config, manifest.take());
            assert!(cache(dir, name).hits(|_| true).is_err(), "{how}");
            return sound.hits(|digest| is_stored(dir, digest)).unwrap();
        }
    }
    sound.hits(is_sound).unwrap()
}

#[test]
fn each_fixture_is_repaired_of_each_damage() {
    for set in SETS {
        for how in WAYS {
            let sandbox = Sandbox::new();
            let dir = sandbox.path("cache");
            Fixture::named(set).write_layout("local-latest.json", &dir);
            let name = super::local::entries(&dir)[0]["annotations"][NAME]
                .as_str()
                .unwrap()
                .to_owned();
            let expected = damage(&dir, &name, how);
            let check = || {
                let arguments = ["check", "./cache", "--verify", "--json"];
                codes(&sandbox.run(&arguments).json(), &name)
            };
            assert!(check().contains(how), "{set} {how}: {:?}", check());
            let arguments = ["repair", "./cache", "--verify", "--yes", "--json"];
            let done = sandbox.run(&arguments);
            assert_eq!(done.code, Some(0), "{set} {how}: {done}");
            let found = cache(&dir, &name).hits(|_| true).unwrap();
            assert_eq!(found, expected, "{set} {how}");
            assert!(!check().contains(how), "{set} {how}: {:?}", check());
        }
    }
}
