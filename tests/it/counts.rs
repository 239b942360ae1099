//! The numbers that the program prints, against a second count of the same stores.

use std::fs;

use serde_json::{Value, json};

use crate::support::command::Sandbox;
use crate::support::fixture::{Fixture, SETS};
use crate::support::layout::{LayoutBuilder, annotated};
use crate::support::model::Model;

/// A store of every shape that the fixtures hold, as `./cache` of a sandbox.
fn stores() -> Vec<(String, Sandbox)> {
    let mut stores = Vec::new();
    for set in SETS {
        for list in ["local.json", "local-latest.json"] {
            let sandbox = Sandbox::new();
            Fixture::named(set).write_layout(list, &sandbox.path("cache"));
            stores.push((format!("{set}/{list}"), sandbox));
        }
        stores.push((format!("{set}/registry.json"), registry_as_layout(set)));
    }
    stores
}

/// Puts everything that a set's registry names into one layout, beside the rest of the set's pool.
///
/// That gives images with inline caches and attestations, caches, and what neither names; tagged by the name of an image
/// as containerd does, or not at all.
fn registry_as_layout(set: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let fixture = Fixture::named(set);
    let mut layout = sandbox.layout();
    for digest in fixture.blobs() {
        fs::write(layout.path("blobs/sha256").join(digest.hex()), fixture.blob(digest)).unwrap();
    }
    let manifests: Vec<Value> = fixture.json("registry.json");
    for manifest in manifests {
        let digest = manifest["digest"].as_str().unwrap();
        let size = fixture.blob(digest.parse().unwrap()).len();
        let entry = json!({"mediaType": manifest["media_type"], "digest": digest, "size": size});
        for tag in manifest["tags"].as_array().unwrap() {
            let name = format!("{}:{}", manifest["repository"].as_str().unwrap(), tag.as_str().unwrap());
            layout.entry(&annotated(&entry, "io.containerd.image.name", &name));
        }
        if manifest["tags"].as_array().unwrap().is_empty() {
            layout.entry(&entry);
        }
    }
    sandbox
}

/// Takes the same stores and removes every seventh blob that is no document.
fn with_losses() -> Vec<(String, Sandbox)> {
    let mut stores = stores();
    for (name, sandbox) in &mut stores {
        name.push_str(" with losses");
        let folder = sandbox.path("cache/blobs/sha256");
        let mut layers: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        layers.sort();
        layers.retain(|path| !fs::read(path).unwrap().starts_with(b"{"));
        for path in layers.iter().step_by(7) {
            fs::remove_file(path).unwrap();
        }
    }
    stores
}

/// Returns those fields of `row` that `expected` has, with nothing in the place of absent ones.
fn picked(row: &Value, expected: &Value) -> Value {
    let fields = expected.as_object().unwrap().keys();
    fields.map(|field| (field.clone(), row[field].clone())).collect::<serde_json::Map<_, _>>().into()
}

fn assert_rows(rows: &Value, expected: &[Value], of: &str) {
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), expected.len(), "{of}");
    for (row, expected) in rows.iter().zip(expected) {
        assert_eq!(picked(row, expected), *expected, "{of}");
    }
}

#[test]
fn du_says_what_a_second_count_finds() {
    for (name, sandbox) in stores().into_iter().chain(with_losses()) {
        let expected = Model::read(&sandbox.path("cache")).usage();
        let source = &sandbox.json(&["du", "--json", "./cache"])["sources"][0];
        assert_eq!(picked(source, &expected), expected, "{name}");
        let none = json!({"objects": 0, "bytes": 0});
        assert_eq!((&source["partial"], &source["unknown"]), (&none, &none), "{name}");
    }
}

#[test]
fn ls_says_of_each_ref_what_a_second_count_finds() {
    let mut kinds: Vec<String> = Vec::new();
    for (name, sandbox) in stores().into_iter().chain(with_losses()) {
        let expected = Model::read(&sandbox.path("cache")).listing();
        let document = sandbox.json(&["ls", "--json", "./cache"]);
        assert_rows(&document["sources"][0]["refs"], &expected, &name);
        kinds.extend(expected.iter().map(|row| row["kind"].as_str().unwrap().to_owned()));
    }
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds, ["cache", "image", "inline", "unknown"]);
}

#[test]
fn show_says_of_each_record_and_layer_what_a_second_count_finds() {
    let mut broken = 0;
    for (name, sandbox) in stores().into_iter().chain(with_losses()) {
        let model = Model::read(&sandbox.path("cache"));
        let mut names: Vec<&str> = model.names().collect();
        names.dedup();
        // Neighbours are alike: every fifth ref shows what there is to see.
        for shown in names.iter().rev().step_by(5) {
            let (records, layers) = model.shown(shown);
            let document = sandbox.json(&["show", "--json", &format!("./cache#{shown}")]);
            assert_rows(&document["records"], &records, &format!("records of {shown} in {name}"));
            if !records.is_empty() {
                assert_rows(&document["layers"], &layers, &format!("layers of {shown} in {name}"));
            }
            broken += records.iter().filter(|record| record["state"] == "broken").count();
        }
    }
    assert!(broken > 100, "{broken}");
}

#[test]
fn a_directory_given_twice_or_by_another_form_counts_the_same() {
    let sandbox = Sandbox::new();
    let mut layout: LayoutBuilder = sandbox.layout();
    layout.tag("main", &layout.chain(&[layout.layer("a", 100)]));
    let document = sandbox.json(&["du", "--json", "./cache", "oci:cache", "type=local,dest=cache,mode=max"]);
    let sources = document["sources"].as_array().unwrap();
    assert_eq!(sources.len(), 3);
    for source in sources {
        assert_eq!(source["live"], json!({"blobs": 3, "bytes": sources[0]["live"]["bytes"]}));
    }
}
