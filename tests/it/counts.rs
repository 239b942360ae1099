//! The numbers that the program prints, compared with a second count of the same stores.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::support::command::Sandbox;
use crate::support::fixture::Fixture;
use crate::support::layout::{LayoutBuilder, annotated};
use crate::support::model::Model;

/// Returns the stores of a set, each as `./cache` of a sandbox: complete, and with every seventh
/// layer missing.
fn stores(set: &str) -> Vec<(String, Sandbox)> {
    let mut stores = Vec::new();
    for list in ["local.json", "local-latest.json", "registry.json"] {
        for loses in [false, true] {
            let sandbox = Sandbox::new();
            match list {
                "registry.json" => write_registry(set, &sandbox),
                _ => Fixture::named(set).write_layout(list, &sandbox.path("cache")),
            }
            if loses {
                lose_layers(&sandbox);
            }
            stores.push((
                format!("{set}/{list}{}", if loses { " with losses" } else { "" }),
                sandbox,
            ));
        }
    }
    stores
}

/// Writes everything in a set's registry to one layout, together with the rest of the set's pool.
///
/// The layout has images with inline caches and attestations, caches, and unreferenced blobs;
/// tagged by image name as in containerd, or untagged.
fn write_registry(set: &str, sandbox: &Sandbox) {
    let fixture = Fixture::named(set);
    let mut layout = sandbox.layout();
    for digest in fixture.blobs() {
        fs::write(
            layout.path("blobs/sha256").join(digest.hex()),
            fixture.blob(digest),
        )
        .unwrap();
    }
    let manifests: Vec<Value> = fixture.json("registry.json");
    for manifest in manifests {
        let digest = manifest["digest"].as_str().unwrap();
        let size = fixture.blob(digest.parse().unwrap()).len();
        let entry = json!({"mediaType": manifest["media_type"], "digest": digest, "size": size});
        for tag in manifest["tags"].as_array().unwrap() {
            let name = format!(
                "{}:{}",
                manifest["repository"].as_str().unwrap(),
                tag.as_str().unwrap()
            );
            layout.entry(&annotated(&entry, "io.containerd.image.name", &name));
        }
        if manifest["tags"].as_array().unwrap().is_empty() {
            layout.entry(&entry);
        }
    }
}

fn lose_layers(sandbox: &Sandbox) {
    let folder = sandbox.path("cache/blobs/sha256");
    let mut blobs: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    blobs.sort();
    // Documents stay.
    blobs.retain(|path| !fs::read(path).unwrap().starts_with(b"{"));
    for path in blobs.iter().step_by(7) {
        fs::remove_file(path).unwrap();
    }
}

/// Returns the fields of `row` that `expected` has; absent fields become null.
fn picked(row: &Value, expected: &Value) -> Value {
    let fields = expected.as_object().unwrap().keys();
    fields
        .map(|field| (field.clone(), row[field].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn assert_rows(rows: &Value, expected: &[Value], of: &str) {
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), expected.len(), "{of}");
    for (row, expected) in rows.iter().zip(expected) {
        assert_eq!(picked(row, expected), *expected, "{of}");
    }
}

/// Compares the output of `du`, `ls` and `show` for the stores of a set with a second count;
/// returns the kinds of refs and the states of records that occurred.
fn compare(set: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let mut note = |value: &Value| {
        words.insert(value.as_str().unwrap().to_owned());
    };
    for (name, sandbox) in stores(set) {
        let model = Model::read(&sandbox.path("cache"));
        let usage = model.usage();
        let source = &sandbox.json("du --json ./cache")["sources"][0];
        assert_eq!(picked(source, &usage), usage, "{name}");
        let nothing = json!({"objects": 0, "bytes": 0});
        assert_eq!(
            (&source["partial"], &source["unknown"]),
            (&nothing, &nothing),
            "{name}"
        );

        let listing = model.listing();
        let document = sandbox.json("ls --json ./cache");
        assert_rows(&document["sources"][0]["refs"], &listing, &name);
        for row in &listing {
            note(&row["kind"]);
        }

        // Neighbours are alike, so every fifth ref is enough.
        let names: Vec<&str> = model.names().collect();
        for shown in names.iter().rev().step_by(5) {
            let (records, layers) = model.shown(shown);
            let document = sandbox.json(format!("show --json './cache#{shown}'"));
            assert_rows(
                &document["records"],
                &records,
                &format!("records of {shown} in {name}"),
            );
            if !records.is_empty() {
                assert_rows(
                    &document["layers"],
                    &layers,
                    &format!("layers of {shown} in {name}"),
                );
            }
            for record in &records {
                note(&record["state"]);
            }
        }
    }
    words
}

const WORDS: [&str; 7] = [
    "artifact", "broken", "cache", "image", "inline", "key-only", "result",
];

#[test]
fn the_numbers_of_shop_are_those_of_a_second_count() {
    assert_eq!(Vec::from_iter(compare("shop")), WORDS);
}

#[test]
fn the_numbers_of_kitchen_are_those_of_a_second_count() {
    assert_eq!(Vec::from_iter(compare("kitchen")), WORDS);
}

#[test]
fn the_numbers_of_mini_are_those_of_a_second_count() {
    assert_eq!(Vec::from_iter(compare("mini")), WORDS);
}

#[test]
fn a_directory_given_twice_or_by_another_form_counts_the_same() {
    let sandbox = Sandbox::new();
    let mut layout: LayoutBuilder = sandbox.layout();
    layout.tag("main", &layout.chain(&[layout.layer("a", 100)]));
    let document = sandbox.json("du --json ./cache oci:cache type=local,dest=cache,mode=max");
    let sources = document["sources"].as_array().unwrap();
    assert_eq!(sources.len(), 3);
    for source in sources {
        assert_eq!(
            source["live"],
            json!({"blobs": 3, "bytes": sources[0]["live"]["bytes"]})
        );
    }
}
