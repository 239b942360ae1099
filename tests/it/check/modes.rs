//! What an export with `mode=min` would keep, held against another count.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::ended;
use crate::repair::local::cache;
use crate::support::command::Sandbox;
use crate::support::fixture::{Fixture, SETS};

/// Counts the steps and bytes of results, and of those on which no other result rests: by the paths
/// from each result down to the sources.
fn counted(config: &Value, sizes: &BTreeMap<String, u64>) -> [(u64, u64); 2] {
    let records = config["records"].as_array().unwrap();
    let inputs = |record: usize| -> Vec<usize> {
        let groups = records[record]["inputs"].as_array().into_iter().flatten();
        let links = groups.flat_map(|group| group.as_array().unwrap());
        links
            .map(|link| usize::try_from(link["link"].as_u64().unwrap_or(0)).unwrap())
            .collect()
    };
    let tops = |record: usize| -> Vec<usize> {
        let layers = records[record]["layers"].as_array().into_iter().flatten();
        layers
            .map(|layer| usize::try_from(layer["layer"].as_u64().unwrap_or(0)).unwrap())
            .collect()
    };
    let mut below = BTreeSet::new();
    for record in 0..records.len() {
        let mut paths = if tops(record).is_empty() {
            Vec::new()
        } else {
            inputs(record)
        };
        while let Some(found) = paths.pop() {
            if below.insert(found) {
                paths.extend(inputs(found));
            }
        }
    }
    let sum = |keeps: &dyn Fn(usize) -> bool| {
        let (mut steps, mut blobs) = (0, BTreeSet::new());
        for record in (0..records.len()).filter(|record| keeps(*record)) {
            let mut chain = tops(record).pop();
            steps += u64::from(chain.is_some() && !inputs(record).is_empty());
            while let Some(layer) = chain {
                let layer = &config["layers"][layer];
                blobs.insert(layer["blob"].as_str().unwrap().to_owned());
                // Of a first layer, the parent is -1.
                chain = layer["parent"]
                    .as_u64()
                    .map(|parent| usize::try_from(parent).unwrap());
                if layer.get("parent").is_none() {
                    chain = Some(0);
                }
            }
        }
        (steps, blobs.iter().map(|blob| sizes[blob]).sum())
    };
    [sum(&|_| true), sum(&|record| !below.contains(&record))]
}

#[test]
fn a_min_export_keeps_the_results_on_which_no_other_rests() {
    for set in SETS {
        let sandbox = Sandbox::new();
        let dir = sandbox.path("cache");
        Fixture::named(set).write_layout("local.json", &dir);
        let run = sandbox.run("check ./cache --mode --json --fail-on error");
        let report = ended(&run, 0);
        let modes = report["modes"].as_array().unwrap();
        assert!(!modes.is_empty(), "{set}");
        let mut are_max = 0;
        for row in modes {
            let name = row["ref"].as_str().unwrap();
            let found = cache(&dir, name);
            let sizes = found.layers.as_ref().unwrap().iter();
            let sizes = sizes.map(|layer| {
                let digest = layer["digest"].as_str().unwrap().to_owned();
                (digest, layer["size"].as_u64().unwrap())
            });
            let [all, min] = counted(&found.config, &sizes.collect());
            let number = |value: &Value| value.as_u64().unwrap();
            assert_eq!(
                (number(&row["steps"]), number(&row["bytes"])),
                all,
                "{set} {name}"
            );
            let kept = (number(&row["min"]["steps"]), number(&row["min"]["bytes"]));
            assert_eq!(kept, min, "{set} {name}");
            let lost = row["lost_steps"].as_array().unwrap().len() as u64;
            assert_eq!(lost, all.0 - min.0, "{set} {name}");
            are_max += u64::from(row["mode"] == "max");

            let shown = sandbox.json(format!("show './cache#{name}' --json"));
            assert_eq!(shown["modes"][0]["min"], row["min"], "{set} {name}");
        }
        assert!(are_max > 0, "{set}");
    }
}

#[test]
fn check_describes_export_modes() {
    let sandbox = Sandbox::new();
    Fixture::named("mini").write_layout("local.json", &sandbox.path("cache"));
    let shown = sandbox.run("check ./cache#c03 --mode").stdout;
    let modes = shown.split("\n\n").last().unwrap();
    insta::assert_snapshot!(modes, @r"
    REF  MODE  STEPS     SIZE  MIN STEPS  MIN SIZE
    c03  max       6  138 KiB          1  77.5 KiB
      min loses RUN 950c3ebe26fe, 30.2 KiB
      min loses RUN eb40ed05e2e0, 30.2 KiB
      min loses COPY ec5c52795367, 159 B
      min loses COPY 9152319c3986, 144 B
      min loses FILE 57a5ab45ee83, 92 B
    ");
    let shown = sandbox.run("show ./cache#c03").stdout;
    let line = shown
        .lines()
        .find(|line| line.starts_with("mode "))
        .unwrap();
    insta::assert_snapshot!(line, @"mode max: 6 steps with a result, 138 KiB; an export with mode=min would keep 1 of them, 77.5 KiB");
    // Without the flag nothing is said of it.
    let plain = sandbox.json("check ./cache --json");
    assert!(plain.get("modes").is_none());
}
