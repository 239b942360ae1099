//! `files` compares a layer with the layers below it.

use std::fs;
use std::path::Path;

use cachelens::format::digest::Digest;
use serde_json::{Value, json};

use crate::support::command::Sandbox;
use crate::support::made::archive;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// Writes an image of layers, bottom first, as a layout with the ref `main`, and returns the
/// digests of the layers.
fn write_image(folder: &Path, layers: &[Vec<u8>]) -> Vec<Digest> {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let store = |bytes: &[u8]| {
        let digest = Digest::of(bytes);
        fs::write(blobs.join(digest.hex()), bytes).unwrap();
        digest
    };
    let describe = |media_type: &str, bytes: &[u8]| json!({"mediaType": media_type, "digest": store(bytes), "size": bytes.len()});
    let config = json!({"architecture": "amd64", "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": layers.iter().map(|layer| Digest::of(layer)).collect::<Vec<_>>()}});
    let config = describe(
        "application/vnd.oci.image.config.v1+json",
        config.to_string().as_bytes(),
    );
    let described: Vec<Value> = layers.iter().map(|layer| describe(LAYER, layer)).collect();
    let manifest =
        json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": described});
    let mut root = describe(MANIFEST, manifest.to_string().as_bytes());
    root["annotations"] = json!({"org.opencontainers.image.ref.name": "main"});
    let index = json!({"schemaVersion": 2, "manifests": [root]});
    fs::write(folder.join("index.json"), index.to_string()).unwrap();
    fs::write(
        folder.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .unwrap();
    layers.iter().map(|layer| Digest::of(layer)).collect()
}

/// An image whose top layer adds, changes and deletes files.
fn image(sandbox: &Sandbox) -> Vec<Digest> {
    write_image(
        &sandbox.path("image"),
        &[
            archive(&[("app/a", "first"), ("app/gone", "12345"), ("etc/x", "same")]),
            archive(&[("app/.wh.a", ""), ("app/b", "one")]),
            archive(&[
                ("app/a", "added again"),
                ("app/b", "two"),
                ("app/.wh.gone", ""),
                ("etc/x", "same"),
            ]),
        ],
    )
}

fn files_by_path(document: &Value) -> Vec<(String, Value, Value)> {
    let files = document["files"].as_array().unwrap().iter();
    let file = |file: &Value| {
        let path = file["path"].as_str().unwrap().to_owned();
        (path, file["change"].clone(), file["replaces"].clone())
    };
    files.map(file).collect()
}

#[test]
fn files_shows_changes_of_the_layers_below() {
    let sandbox = Sandbox::new();
    let layers = image(&sandbox);
    let top = layers[2].to_string();
    let found = sandbox.json(format!("files image#main {top} --json"));
    let replaces = |layer: usize, bytes: u64, same: Option<bool>| {
        json!({"layer": layers[layer], "step": format!("layer {layer}"), "kind": "file",
            "bytes": bytes, "same_content": same})
    };
    assert_eq!(
        files_by_path(&found),
        [
            ("app/a".to_owned(), json!("added"), Value::Null),
            (
                "app/b".to_owned(),
                json!("changed"),
                replaces(1, 3, Some(false))
            ),
            (
                "app/gone".to_owned(),
                json!("deleted"),
                replaces(0, 5, None)
            ),
            (
                "etc/x".to_owned(),
                json!("changed"),
                replaces(0, 4, Some(true))
            ),
        ]
    );
    let totals = json!({"added": 1, "changed": 2, "bytes_before": 7, "same_content": 1,
        "deleted": 1, "unknown": 0});
    assert_eq!(found["changes"], totals);
    assert_eq!(found["changes_unknown"], Value::Null);
    assert_eq!(found["below"]["ref"], "main");
    let text = sandbox.run(format!("files image#main {top} --columns change,path,size"));
    insta::assert_snapshot!(text, @r"
    CHANGE   PATH      SIZE
    added    app/a     11 B
    changed  app/b      3 B
    deleted  app/gone     –
    changed  etc/x      4 B

    1 added, 2 changed (7 B before, 1 with the same content), 1 deleted, compared with the 2 layers below in main
    exit 0
    ");
    let csv = sandbox.run(format!(
        "files image {top} --format csv --columns path,change --filter change:changed"
    ));
    insta::assert_snapshot!(csv, @r"
    path,change
    app/b,changed
    etc/x,changed
    exit 0
    ");
    // The table of a layer has the column by default, and a sum below.
    let table = sandbox.run(format!("files image {top}")).stdout;
    assert!(table.lines().next().unwrap().contains("CHANGE"), "{table}");
    let sum = "1 added, 2 changed (7 B before, 1 with the same content), 1 deleted, \
        compared with the 2 layers below in main";
    assert_eq!(table.lines().last(), Some(sum));
    let bare = sandbox
        .run(format!("files image {top} --no-headers"))
        .stdout;
    assert!(!bare.contains("compared with"), "{bare}");
}

#[test]
fn files_omits_changes_that_are_not_asked_for_or_unknown() {
    let sandbox = Sandbox::new();
    let layers = image(&sandbox);
    let top = layers[2].to_string();
    let never = sandbox.run(format!("files image {top} --changes never"));
    assert!(!never.stdout.contains("CHANGE"), "{never}");
    let never = sandbox.json(format!("files image {top} --changes never --json"));
    assert!(never["changes"].is_null() && never["below"].is_null());
    assert!(never["files"][0]["change"].is_null());

    // Without the middle layer, nothing further below is certain.
    fs::remove_file(sandbox.path("image/blobs/sha256").join(layers[1].hex())).unwrap();
    let gap = sandbox.json(format!("files image {top} --json"));
    assert_eq!(
        gap["changes_unknown"],
        "the layer below is not in the cache: changes are unknown"
    );
    assert_eq!(gap["changes"]["unknown"], 4);
    assert!(
        gap["files"]
            .as_array()
            .unwrap()
            .iter()
            .all(|file| file["change"].is_null())
    );
    let text = sandbox.run(format!("files image {top}"));
    assert_eq!(text.code, Some(0));
    assert!(
        text.stdout.contains("the layer below is not in the cache"),
        "{text}"
    );
}

#[test]
fn files_compares_with_the_layers_of_the_chosen_ref() {
    let sandbox = Sandbox::new();
    // Two images with the same top layer on different layers.
    let top = archive(&[("a", "top")]);
    write_image(
        &sandbox.path("one"),
        &[archive(&[("a", "below")]), top.clone()],
    );
    write_image(
        &sandbox.path("two"),
        &[archive(&[("b", "below")]), top.clone()],
    );
    for entry in fs::read_dir(sandbox.path("two/blobs/sha256")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(
            entry.path(),
            sandbox.path("one/blobs/sha256").join(entry.file_name()),
        )
        .unwrap();
    }
    let read = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(sandbox.path(name).join("index.json")).unwrap()).unwrap()
    };
    let mut index = read("one");
    let mut other = read("two")["manifests"][0].clone();
    other["annotations"] = json!({"org.opencontainers.image.ref.name": "other"});
    index["manifests"].as_array_mut().unwrap().push(other);
    fs::write(sandbox.path("one/index.json"), index.to_string()).unwrap();
    let layer = Digest::of(&top).to_string();
    let of = |source: &str| sandbox.json(format!("files {source} {layer} --json"));
    assert_eq!(of("one#main")["files"][0]["change"], "changed");
    assert_eq!(of("one#other")["files"][0]["change"], "added");
    // Without a ref, the document names the one that was used, and that another differs.
    let any = of("one");
    assert_eq!(any["below"]["other_stacks"], 1);
    let change =
        &of(&format!("one#{}", any["below"]["ref"].as_str().unwrap()))["files"][0]["change"];
    assert_eq!(any["files"][0]["change"], *change);
    let text = sandbox.run(format!("files one {layer}")).stdout;
    assert!(
        text.contains("another ref or step has other layers there"),
        "{text}"
    );
}

#[test]
fn files_of_an_orphan_have_no_layers_below() {
    let sandbox = Sandbox::new();
    image(&sandbox);
    let orphan = archive(&[("a", "b")]);
    let digest = Digest::of(&orphan);
    fs::write(
        sandbox.path("image/blobs/sha256").join(digest.hex()),
        orphan,
    )
    .unwrap();
    let found = sandbox.json(format!("files image {digest} --json"));
    assert!(found["below"].is_null() && found["changes"].is_null());
    assert_eq!(found["changes_unknown"], "changes unknown: no ref has it");
}

#[test]
fn files_names_the_steps_of_the_layers_below() {
    let sandbox = Sandbox::new();
    let shown = sandbox.json("show demo#main --json");
    let mut replaced = Vec::new();
    for layer in shown["layers"].as_array().unwrap() {
        let digest = layer["digest"].as_str().unwrap();
        let found = sandbox.json(format!("files demo#main {digest} --json"));
        let files = found["files"].as_array().unwrap().iter();
        let changed = files.filter(|file| file["change"] == "changed" && file["kind"] == "file");
        replaced
            .extend(changed.map(|file| (file["path"].clone(), file["replaces"]["step"].clone())));
    }
    assert_eq!(
        replaced,
        [(json!("src/bin/server"), json!("RUN go mod download"))]
    );
}
