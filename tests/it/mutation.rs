//! Damage that leaves valid JSON: no change of a document turns a blob that it referenced into an
//! orphan, unless the document now clearly references something else.

use std::collections::BTreeSet;
use std::sync::Arc;

use cachelens::backend::SharedReader;
use cachelens::backend::memory::MemoryCache;
use cachelens::format::cache_config::CacheGraph;
use cachelens::format::digest::Digest;
use cachelens::format::layout::parse_index;
use cachelens::inventory::BlobState;
use cachelens::inventory::scan::{ScanOptions, scan};
use serde_json::{Map, Value, json};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const ARTIFACT: &str = "application/vnd.oci.artifact.manifest.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const CACHE: &str = "application/vnd.buildkit.cacheconfig.v0";

/// A document, and the other content of its layout.
struct Subject {
    name: &'static str,
    document: Value,
    blobs: Vec<Vec<u8>>,
}

fn digest(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": digest(bytes), "size": bytes.len()})
}

fn bytes(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

fn subjects() -> Vec<Subject> {
    let layers = [b"\x1f\x8b one".to_vec(), b"\x1f\x8b two".to_vec()];
    let list: Vec<Value> = layers
        .iter()
        .map(|layer| descriptor(LAYER, layer))
        .collect();
    let image_config = bytes(&json!({
        "architecture": "amd64", "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [digest(b"1"), digest(b"2")]},
    }));
    let cache_config = bytes(&json!({
        "layers": layers.iter().map(|layer| json!({"blob": digest(layer), "parent": -1})).collect::<Vec<_>>(),
        "records": [{"digest": digest(b"key"), "layers": [{"layer": 0}, {"layer": 1}]}],
    }));
    let image = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", &image_config),
        "layers": list,
    });
    let untyped = {
        let mut image = image.clone();
        image.as_object_mut().unwrap().remove("mediaType");
        image
    };
    let cache = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(CACHE, &cache_config), "layers": list,
    });
    let mut entries = list.clone();
    entries.push(descriptor(CACHE, &cache_config));
    let cache_index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
    let image_bytes = bytes(&image);
    let image_index = json!({
        "schemaVersion": 2, "mediaType": INDEX,
        "manifests": [descriptor(MANIFEST, &image_bytes), descriptor(MANIFEST, &bytes(&cache))],
    });
    let artifact = json!({
        "mediaType": ARTIFACT, "artifactType": "application/x", "blobs": list,
        "subject": descriptor(MANIFEST, &image_bytes),
    });
    let schema1 = json!({
        "schemaVersion": 1, "name": "a", "tag": "b", "architecture": "amd64",
        "fsLayers": layers.iter().map(|layer| json!({"blobSum": digest(layer)})).collect::<Vec<_>>(),
        "history": [],
    });
    let blobs = |more: &[Vec<u8>]| [&layers[..], more].concat();
    let all = [image_config, cache_config, image_bytes, bytes(&cache)];
    let subject = |name, document| Subject {
        name,
        document,
        blobs: blobs(&all),
    };
    vec![
        subject("image", image),
        subject("image without a media type", untyped),
        subject("cache", cache),
        subject("cache as an index", cache_index),
        subject("image index", image_index),
        subject("artifact", artifact),
        subject("schema 1", schema1),
    ]
}

/// Returns every document that is one change away.
fn mutations(document: &Value) -> Vec<(String, Value)> {
    let mut paths = Vec::new();
    collect(document, "", &mut paths);
    let other = digest(b"nothing stored");
    let values = [
        Value::Null,
        json!({}),
        json!([]),
        json!("x"),
        json!(1),
        json!(true),
        json!(-1),
        json!([[]]),
        json!("sha256:0"),
        json!(other),
        json!(MANIFEST),
        json!(INDEX),
        json!(ARTIFACT),
        json!(CACHE),
        json!("application/vnd.example.v1+json"),
        json!(""),
    ];
    let mut mutated = vec![];
    for path in &paths {
        for value in &values {
            let mut copy = document.clone();
            *copy.pointer_mut(path).unwrap() = value.clone();
            mutated.push((format!("{path} = {value}"), copy));
        }
        let mut copy = document.clone();
        let place = copy.pointer_mut(path).unwrap();
        *place = json!([place.clone()]);
        mutated.push((format!("{path} in a list"), copy));
        let (parent, key) = path.rsplit_once('/').unwrap();
        for (how, rename) in [
            ("removed", None),
            ("renamed", Some(format!("{key}z"))),
            ("in upper case", Some(key.to_uppercase())),
        ] {
            let mut copy = document.clone();
            match copy.pointer_mut(parent).unwrap() {
                Value::Object(object) => rename_key(object, key, rename),
                Value::Array(list) if rename.is_none() => {
                    list.remove(key.parse().unwrap());
                }
                _ => continue,
            }
            mutated.push((format!("{path} {how}"), copy));
        }
    }
    let whole = values
        .iter()
        .map(|value| (format!("all = {value}"), value.clone()));
    mutated.extend(whole);
    mutated.push(("all in a list".to_owned(), json!([document])));
    mutated
}

fn rename_key(object: &mut Map<String, Value>, key: &str, to: Option<String>) {
    let value = object.remove(key).unwrap();
    if let Some(to) = to {
        object.insert(to, value);
    }
}

fn collect(value: &Value, path: &str, paths: &mut Vec<String>) {
    if !path.is_empty() {
        paths.push(path.to_owned());
    }
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                collect(value, &format!("{path}/{key}"), paths);
            }
        }
        Value::Array(list) => {
            for (place, value) in list.iter().enumerate() {
                collect(value, &format!("{path}/{place}"), paths);
            }
        }
        _ => {}
    }
}

/// Returns the digests in a document according to the schema of its kind; `None` if it violates the
/// schema. Written from the specifications, and stricter than any reader.
fn named(document: &Value) -> Option<BTreeSet<String>> {
    let object = document.as_object()?;
    // Field names must have the case of the specifications, because other readers require it.
    let has = |name: &str| object.contains_key(name);
    let kind = match object.get("mediaType").and_then(Value::as_str) {
        None | Some("") if has("fsLayers") => "fsLayers",
        None | Some("") if has("manifests") => "manifests",
        None | Some("" | MANIFEST) => "layers",
        Some(INDEX) => "manifests",
        Some(ARTIFACT) => "blobs",
        Some(_) => return None,
    };
    let mut named = BTreeSet::new();
    let digest_of = |descriptor: &Value, key: &str| {
        let text = descriptor.as_object()?.get(key)?.as_str()?.to_owned();
        text.parse::<Digest>().ok().map(|_| text)
    };
    let key = if kind == "fsLayers" {
        "blobSum"
    } else {
        "digest"
    };
    for entry in object.get(kind)?.as_array()? {
        named.insert(digest_of(entry, key)?);
    }
    if kind == "layers" {
        named.insert(digest_of(object.get("config")?, "digest")?);
    }
    Some(named)
}

/// Returns the orphans when a ref, or a child of an index, is the document.
async fn orphans(
    subject: &Subject,
    document: &Value,
    media_type: &str,
    nested: bool,
) -> Vec<String> {
    let mut cache = MemoryCache::default();
    for blob in &subject.blobs {
        cache.add_blob(blob.clone(), None);
    }
    let mut root = bytes(document);
    let mut entry = json!({"digest": digest(&root), "mediaType": media_type});
    cache.add_blob(root.clone(), None);
    if nested {
        root = bytes(&json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}));
        entry = json!({"digest": digest(&root), "mediaType": INDEX});
        cache.add_blob(root, None);
    }
    let index = bytes(&json!({"schemaVersion": 2, "manifests": [entry]}));
    cache.set_index(&index).unwrap();
    orphans_of(cache).await
}

async fn orphans_of(cache: MemoryCache) -> Vec<String> {
    let reader: SharedReader = Arc::new(cache);
    let inventory = scan(&reader, &ScanOptions::default(), |_| ())
        .await
        .unwrap();
    let state = inventory.blob_states();
    let orphans = inventory
        .blobs
        .iter()
        .filter(|blob| state(blob) == BlobState::Orphan);
    orphans.map(|blob| blob.digest().to_string()).collect()
}

#[tokio::test]
async fn no_change_of_a_document_frees_its_blobs() {
    let mut count = 0;
    for subject in subjects() {
        let original = named(&subject.document).unwrap();
        let own = subject.document["mediaType"].as_str().unwrap_or(MANIFEST);
        let mut documents = mutations(&subject.document);
        documents.push(("unchanged".to_owned(), subject.document.clone()));
        for (change, document) in documents {
            for media_type in [own, "", "application/vnd.example.v1+json"] {
                for nested in [false, true] {
                    let orphans = orphans(&subject, &document, media_type, nested).await;
                    let now = named(&document);
                    let lost: Vec<_> = orphans
                        .iter()
                        .filter(|orphan| original.contains(*orphan))
                        .filter(|orphan| now.as_ref().is_none_or(|now| now.contains(*orphan)))
                        .collect();
                    assert!(
                        lost.is_empty(),
                        "{} as `{media_type}`, {change}: {lost:?}\n{document}",
                        subject.name
                    );
                    count += 1;
                }
            }
        }
    }
    assert!(count > 5_000, "{count}");
}

#[tokio::test]
async fn no_change_of_the_index_frees_its_blobs() {
    let subject = subjects().remove(0);
    let image = bytes(&subject.document);
    let index = json!({
        "schemaVersion": 2,
        "manifests": [descriptor(MANIFEST, &image)],
    });
    let original = named(&subject.document).unwrap();
    for (change, index) in mutations(&index) {
        let mut cache = MemoryCache::default();
        for blob in &subject.blobs {
            cache.add_blob(blob.clone(), None);
        }
        cache.add_blob(image.clone(), None);
        // Nothing is deleted from a layout that cannot be read.
        if cache.set_index(&bytes(&index)).is_err() {
            continue;
        }
        let orphans = orphans_of(cache).await;
        let lost = orphans.iter().any(|orphan| original.contains(orphan));
        let names_something_else = named(&index).is_some_and(|now| !now.contains(&digest(&image)));
        assert!(!lost || names_something_else, "{change}: {index}");
    }
    assert!(parse_index(br#"{"schemaVersion":2}"#).is_err());
}

/// In S3 and GitHub's cache only the configuration references blobs.
#[test]
fn no_change_of_a_configuration_hides_its_layers() {
    let config = json!({
        "layers": [{"blob": digest(b"one"), "parent": -1}, {"blob": digest(b"two"), "parent": 0}],
        "records": [
            {"digest": digest(b"key"), "layers": [{"layer": 1}]},
            {"digest": digest(b"other"), "chains": [{"layers": [0, 1]}]},
        ],
    });
    let blobs = [digest(b"one"), digest(b"two")];
    for (change, document) in mutations(&config) {
        let text = bytes(&document);
        let Ok(graph) = CacheGraph::parse(&text) else {
            continue;
        };
        let listed: Vec<String> = graph
            .layers
            .iter()
            .map(|layer| layer.blob.to_string())
            .collect();
        let is_listed = blobs.iter().all(|blob| listed.contains(blob));
        let is_known = graph.doubt(&text).is_none()
            && graph
                .layers
                .iter()
                .all(|layer| layer.blob.valid().is_some());
        let clearly_another = document["layers"].as_array().is_some_and(|layers| {
            let is_named = |layer: &Value| {
                let blob = layer["blob"].as_str().unwrap_or_default();
                blob.parse::<Digest>().is_ok()
            };
            layers.iter().all(is_named)
        });
        // BuildKit writes an empty cache like this.
        let is_empty = document.as_object().is_some_and(Map::is_empty);
        assert!(
            is_listed || !is_known || clearly_another || is_empty,
            "{change}: {document}"
        );
    }
}
