//! Caches that shrink without losing a hit, and those that are too large to import.

use std::fs;

use cachelens::format::cache_config::CacheGraph;
use cachelens::format::cache_config::fix::{fix, may_shrink};
use cachelens::format::digest::Digest;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::importer::import;
use super::local::{cache, entry, is_stored};
use super::{Cache, codes};
use crate::support::command::Sandbox;
use crate::support::fixture::{Fixture, SETS};
use crate::support::layout::{CONFIG, LayoutBuilder, digest_of};

/// The import limit of BuildKit, in bytes.
const LIMIT: usize = 1 << 20;

fn list<'a>(record: &'a mut Value, field: &str) -> impl Iterator<Item = &'a mut Value> {
    let list = record.get_mut(field).and_then(Value::as_array_mut);
    list.into_iter().flatten()
}

/// Duplicates the content of a configuration twice: once with its results and layers, and once as
/// the keys of another base without a result.
pub(super) fn doubled(config: &Value) -> Value {
    let (layers, records) = (
        config["layers"].as_array().unwrap(),
        config["records"].as_array().unwrap(),
    );
    let mut doubled = config.clone();
    let again = layers.iter().map(|layer| {
        let mut layer = layer.clone();
        let parent = layer
            .get("parent")
            .map_or(0, |parent| parent.as_u64().unwrap_or(u64::MAX));
        if parent != u64::MAX {
            layer["parent"] = json!(parent + layers.len() as u64);
        }
        layer
    });
    doubled["layers"].as_array_mut().unwrap().extend(again);
    for (times, is_ghost) in [(1, false), (2, true)] {
        for record in records {
            let mut record = record.clone();
            let links = list(&mut record, "inputs");
            for link in links.flat_map(|group| group.as_array_mut().unwrap()) {
                let target = link["link"].as_u64().unwrap_or(0);
                link["link"] = json!(target + times * records.len() as u64);
            }
            if is_ghost {
                record.as_object_mut().unwrap().remove("layers");
                if record.get("inputs").is_none() {
                    record["digest"] = json!(Digest::of(record.to_string().as_bytes()).to_string());
                }
            }
            for result in list(&mut record, "layers") {
                let layer = result["layer"].as_u64().unwrap();
                result["layer"] = json!(layer + layers.len() as u64);
            }
            doubled["records"].as_array_mut().unwrap().push(record);
        }
    }
    doubled
}

#[test]
fn no_config_of_the_fixtures_loses_a_hit() {
    let mut tried = 0;
    for set in SETS {
        let fixture = Fixture::named(set);
        for digest in fixture.blobs() {
            let Ok(text) = String::from_utf8(fixture.blob(digest)) else {
                continue;
            };
            let Ok(old) = serde_json::from_str::<Value>(&text) else {
                continue;
            };
            if !old["records"].is_array() || !old["layers"].is_array() {
                continue;
            }
            let layers = old["layers"].as_array().unwrap().iter();
            let all = layers
                .map(|layer| layer["blob"].as_str().unwrap().to_owned())
                .collect();
            let hits = import(&old, Some(&all)).unwrap();
            for (config, is_same) in [(old.clone(), true), (doubled(&old), false)] {
                let before = config.to_string();
                let new = fix(&before, |_| false, true).unwrap();
                assert!(new.text.len() <= before.len());
                let after: Value = serde_json::from_str(&new.text).unwrap();
                if counts(&after) != counts(&config) {
                    let graph = CacheGraph::parse(before.as_bytes()).unwrap();
                    assert!(may_shrink(&graph), "{set} {digest}");
                }
                assert_eq!(import(&after, Some(&all)).unwrap(), hits, "{set} {digest}");
                let records = old["records"].as_array().unwrap().len();
                assert!(new.records.1 <= records, "{set} {digest} {is_same}");
                tried += 1;
            }
        }
    }
    assert!(tried > 50, "{tried}");
}

/// The numbers of records and layers.
fn counts(config: &Value) -> [usize; 2] {
    ["records", "layers"].map(|list| config[list].as_array().map_or(0, Vec::len))
}

/// A cache after this many exports, each of which imported the previous one: every step has a
/// record without a result for each previous content of its files.
fn grown(made: &mut LayoutBuilder, exports: usize, steps: usize) -> (Value, Vec<Value>) {
    let key = |name: String| Digest::of(name.as_bytes()).to_string();
    let layers: Vec<Value> = (0..steps)
        .map(|step| made.layer(&format!("step {step}"), 40 + step))
        .collect();
    let mut records = vec![json!({"digest": key("base".into())})];
    for export in 0..exports {
        let content = records.len();
        records.push(json!({"digest": key(format!("content {export}"))}));
        let mut below = 0;
        for step in 0..steps {
            let mut record = json!({
                "digest": key(format!("instruction {step}")),
                "inputs": [[{"link": below, "selector": key("/".into())}], [{"link": content}]],
            });
            if step > 0 {
                record["inputs"].as_array_mut().unwrap().pop();
            }
            if export + 1 == exports {
                record["layers"] =
                    json!([{"layer": step, "createdAt": "2026-11-21T12:00:00.5+01:00"}]);
            }
            below = records.len();
            records.push(record);
        }
    }
    let of_layer = |(place, layer): (usize, &Value)| json!({"blob": digest_of(layer), "parent": i64::try_from(place).unwrap() - 1});
    let config = json!({
        "layers": layers.iter().enumerate().map(of_layer).collect::<Vec<_>>(),
        "records": records,
    });
    (config, layers)
}

fn config_size(found: &Cache) -> u64 {
    found.manifest.as_ref().unwrap()["config"]["size"]
        .as_u64()
        .unwrap()
}

#[test]
fn two_hundred_exports_fit_again_and_no_hit_is_lost() {
    let sandbox = Sandbox::new();
    let mut made = sandbox.layout();
    let (config, layers) = grown(&mut made, 200, 30);
    let chain = made.cache(&config, &layers);
    made.tag("main", &chain);
    let dir = sandbox.path("cache");
    let before = cache(&dir, "main");
    assert!(config_size(&before) > LIMIT as u64);
    let found = sandbox.run("check ./cache --json").json();
    let of_main = codes(&found, "main");
    assert!(of_main.contains("too-large-to-import"), "{found}");
    assert!(of_main.contains("compactable"), "{found}");

    // Works without `--compact`, because the finding asks for it.
    let done = sandbox.json("repair ./cache --yes --json");
    let fix = &done["plan"]["delete"][0]["reasons"][0]["fix"];
    assert_eq!(fix["what"], "compacted");
    assert_eq!(
        (&fix["records_before"], &fix["records"]),
        (&6201.into(), &32.into())
    );
    let after = cache(&dir, "main");
    assert_eq!(fix["bytes"], config_size(&after));
    assert!(config_size(&after) < LIMIT as u64 / 50);
    assert_eq!(
        after.hits(|_| true).unwrap(),
        before.hits(|_| true).unwrap()
    );
    let found = sandbox.run("check ./cache --json");
    assert_eq!(found.code, Some(0), "{found}");
    assert!(codes(&found.json(), "main").is_empty(), "{found}");
}

#[test]
fn a_ref_over_the_limit_loses_chosen_results() {
    let sandbox = Sandbox::new();
    let mut made = sandbox.layout();
    let (config, layers) = grown(&mut made, 200, 30);
    let chain = made.cache(&config, &layers);
    made.tag("main", &chain);
    let dir = sandbox.path("cache");
    let before = cache(&dir, "main").hits(|_| true).unwrap();
    let done = sandbox.json("prune ./cache --records size>55 --grace 0s --yes --json");
    assert_eq!(done["outcome"]["done"], 1, "{done}");
    let after = cache(&dir, "main");
    assert!(config_size(&after) < LIMIT as u64);
    let after = after.hits(|_| true).unwrap();
    assert!(after.is_subset(&before) && after.len() < before.len());
}

#[test]
fn a_ref_that_remains_too_large_has_a_reason() {
    let sandbox = Sandbox::new();
    let mut made = sandbox.layout();
    let layers: Vec<Value> = (0..4000)
        .map(|number| made.layer(&format!("layer {number}"), 12))
        .collect();
    let chain = made.chain(&layers);
    made.tag("main", &chain);
    let dir = sandbox.path("cache");
    let index = fs::read_to_string(dir.join("index.json")).unwrap();
    let plan = sandbox.json("repair ./cache --json");
    assert_eq!(plan["plan"]["delete"], json!([]), "{plan}");
    let not_fixed = &plan["plan"]["not_fixed"][0];
    assert_eq!(not_fixed["code"], "too-large-to-import");
    assert!(
        not_fixed["why"]
            .as_str()
            .unwrap()
            .contains("prune --records"),
        "{not_fixed}"
    );
    assert_eq!(fs::read_to_string(dir.join("index.json")).unwrap(), index);
}

#[test]
fn compaction_writes_repeated_layers_once_in_config_and_manifest() {
    let sandbox = Sandbox::new();
    let mut made = sandbox.layout();
    let layer = made.layer("layer", 40);
    let config = json!({
        "layers": [{"blob": digest_of(&layer), "parent": -1}, {"blob": digest_of(&layer), "parent": -1}],
        "records": [
            {"digest": "sha256:root"},
            {"digest": "sha256:root"},
            {"digest": "sha256:one", "inputs": [[{"link": 0}]], "layers": [{"layer": 0, "createdAt": "2026-01-01T00:00:00Z"}]},
            {"digest": "sha256:one", "inputs": [[{"link": 1}]], "layers": [{"layer": 1, "createdAt": "2026-01-02T00:00:00Z"}]},
        ],
    });
    let config = made.blob(CONFIG, config.to_string());
    let manifest = made.manifest(&config, &[layer.clone(), layer.clone()]);
    made.tag("main", &manifest);
    let dir = sandbox.path("cache");
    let before = cache(&dir, "main").hits(|_| true).unwrap();
    let idle = sandbox.json("repair ./cache --json");
    assert_eq!(idle["plan"]["delete"], json!([]));
    let done = sandbox.json("repair ./cache#main --compact --yes --json");
    assert_eq!(done["outcome"]["done"], 1, "{done}");
    let after = cache(&dir, "main");
    assert_eq!(after.layers.as_deref(), Some(&[layer][..]));
    assert_eq!(after.config["records"].as_array().unwrap().len(), 2);
    assert_eq!(
        after.config["records"][1]["layers"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(after.hits(|_| true).unwrap(), before);
    assert!(is_stored(&dir, digest_of(&entry(&dir, "main"))));
    let text = after.config.to_string();
    assert!(CacheGraph::parse(text.as_bytes()).is_ok());
}

/// A configuration with few digests, so that much of it is equal; `is_wild` allows links and layers
/// that are out of range or form loops.
fn config(layers: &[(u8, i64)], records: &[RecordSeed], is_wild: bool) -> Value {
    let below = |place: usize, seed: i64, least: i64| {
        let count = i64::try_from(place).unwrap();
        if is_wild {
            seed
        } else {
            least + seed.rem_euclid(count - least)
        }
    };
    let layers = layers.iter().enumerate().map(
        |(place, (blob, parent))| json!({"blob": name(*blob), "parent": below(place, *parent, -1)}),
    );
    let layers: Vec<Value> = layers.collect();
    let records = records.iter().enumerate().map(|(place, record)| {
        let group = |links: &Vec<(i64, bool)>| -> Value {
            let link = |(seed, selects): &(i64, bool)| {
                let link = below(place, *seed, 0);
                if *selects {
                    json!({"link": link, "selector": "s"})
                } else {
                    json!({ "link": link })
                }
            };
            links.iter().map(link).collect()
        };
        let is_empty = |links: &&Vec<(i64, bool)>| !is_wild && (links.is_empty() || place == 0);
        let inputs: Vec<Value> = record
            .inputs
            .iter()
            .filter(|links| !is_empty(links))
            .map(group)
            .collect();
        let results: Vec<Value> = record
            .results
            .iter()
            .filter(|_| is_wild || !layers.is_empty())
            .map(|seed| json!({"layer": below(layers.len(), *seed, 0)}))
            .collect();
        json!({"digest": format!("d{}", record.digest % 2), "inputs": inputs, "layers": results})
    });
    json!({"records": records.collect::<Vec<_>>(), "layers": layers})
}

fn name(blob: u8) -> String {
    Digest::of(&[blob % 3]).to_string()
}

#[derive(Debug, Clone)]
struct RecordSeed {
    digest: u8,
    inputs: Vec<Vec<(i64, bool)>>,
    results: Vec<i64>,
}

fn record_seed() -> impl Strategy<Value = RecordSeed> {
    let links = vec((-1..7_i64, any::<bool>()), 0..3);
    (any::<u8>(), vec(links, 0..3), vec(-1..5_i64, 0..2)).prop_map(|(digest, inputs, results)| {
        RecordSeed {
            digest,
            inputs,
            results,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn any_compacted_cache_imports_and_loses_no_hit(
        layers in vec((any::<u8>(), -2..5_i64), 0..4),
        records in vec(record_seed(), 0..6),
        lost in any::<u8>(),
        is_wild in any::<bool>(),
        is_compacted in any::<bool>(),
    ) {
        let old = config(&layers, &records, is_wild);
        let is_lost = |blob: &str| (0..3).any(|n| lost & (1 << n) != 0 && blob == name(n));
        let by_place = |layer: cachelens::format::cache_config::LayerIndex| {
            is_lost(old["layers"][layer.at()]["blob"].as_str().unwrap())
        };
        let fixed = fix(&old.to_string(), by_place, is_compacted).unwrap();
        let new: Value = serde_json::from_str(&fixed.text).unwrap();
        let all = (0..3).map(name).collect();
        let after = import(&new, Some(&all)).unwrap();
        prop_assert!(after.iter().flat_map(|(_, chain)| chain).all(|blob| !is_lost(blob)));
        if let Ok(mut before) = import(&old, Some(&all)) {
            if is_compacted && lost == 0 && counts(&new) != counts(&old) {
                let graph = CacheGraph::parse(old.to_string().as_bytes()).unwrap();
                prop_assert!(may_shrink(&graph));
            }
            before.retain(|(_, chain)| !chain.iter().any(|blob| is_lost(blob)));
            prop_assert_eq!(after, before);
        } else {
            prop_assert!(is_wild);
        }
        let again = fix(&fixed.text, |_| false, is_compacted).unwrap();
        prop_assert_eq!(again.text, fixed.text);
    }
}
