//! Registries and buckets.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cachelens::format::digest::Digest;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::smaller::doubled;
use super::{Cache, around};
use crate::support::client::client_builder;
use crate::support::command::Sandbox;
use crate::support::layout::digest_of;
use crate::support::registry::{DockerRegistry, Setup};
use crate::support::s3::{S3Server, Service};

/// The path of a blob's bytes in a registry.
pub(crate) fn data(registry: &DockerRegistry, digest: &str) -> PathBuf {
    let hex = digest.strip_prefix("sha256:").unwrap();
    let blobs = Path::new("docker/registry/v2/blobs/sha256");
    let place = blobs.join(&hex[..2]).join(hex).join("data");
    registry.store().join(place)
}

pub(super) fn cache(registry: &DockerRegistry, digest: &str) -> Cache {
    let read = |digest: &str| fs::read(data(registry, digest)).unwrap();
    Cache::of_manifest(&read(digest), read)
}

/// Pushes blobs, and a manifest of this media type as a tag.
fn push(registry: &DockerRegistry, blobs: &[String], manifest: &Value, tag: &str) {
    push_to(registry, "shop-cache", blobs, manifest, tag);
}

/// Does the same in any repository.
pub(super) fn push_to(
    registry: &DockerRegistry,
    repository: &str,
    blobs: &[String],
    manifest: &Value,
    tag: &str,
) {
    let base = format!("http://{}/v2/{repository}", registry.host());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = client_builder().build().unwrap();
        for blob in blobs {
            let begun = client
                .post(format!("{base}/blobs/uploads/"))
                .send()
                .await
                .unwrap();
            let mut place = begun
                .url()
                .join(begun.headers()["location"].to_str().unwrap())
                .unwrap();
            place
                .query_pairs_mut()
                .append_pair("digest", &Digest::of(blob.as_bytes()).to_string());
            let answer = client.put(place).body(blob.clone()).send().await.unwrap();
            assert!(answer.status().is_success(), "{answer:?}");
        }
        let put = client
            .put(format!("{base}/manifests/{tag}"))
            .header(CONTENT_TYPE, manifest["mediaType"].as_str().unwrap())
            .body(manifest.to_string());
        let answer = put.send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    });
}

/// Pushes a cache again as an index of layers, as another tag.
fn push_as_index(registry: &DockerRegistry, found: &Cache, tag: &str) {
    let manifest = found.manifest.as_ref().unwrap();
    let mut entries = found.layers.clone().unwrap();
    entries.push(manifest["config"].clone());
    let media_type = "application/vnd.oci.image.index.v1+json";
    let index = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": entries, "annotations": {"kept": "yes"}});
    push(registry, &[], &index, tag);
}

#[test]
fn registry_refs_of_both_forms_lose_results_that_cannot_be_loaded() {
    let registry = DockerRegistry::with(
        "shop",
        Setup {
            deletes: true,
            ..Setup::default()
        },
    );
    let tags = registry.tags("shop-cache");
    push_as_index(&registry, &cache(&registry, &tags["c05"]), "older-form");
    let tags = registry.tags("shop-cache");
    let old: BTreeMap<&String, Cache> = tags
        .iter()
        .map(|(tag, digest)| (tag, cache(&registry, digest)))
        .collect();
    let layers = old[&"c05".to_owned()].layers.as_ref().unwrap();
    let lost = digest_of(&layers[layers.len() - 1]).to_owned();
    fs::remove_file(data(&registry, &lost)).unwrap();

    let sandbox = Sandbox::new();
    let source = format!("{}/shop-cache", registry.host());
    // Only one ref, while others stay broken.
    let one = sandbox.run(format!("repair {source}:c05 --yes --json"));
    assert_eq!(one.code, Some(0), "{one}");
    let new = registry.tags("shop-cache");
    let changed: Vec<&String> = tags.keys().filter(|tag| new[*tag] != tags[*tag]).collect();
    assert_eq!(changed, ["c05"], "{one}");

    let done = sandbox.run(format!("repair {source} --yes --json"));
    assert_eq!(done.code, Some(0), "{done}");
    let new = registry.tags("shop-cache");
    let mut changed = 0;
    for (tag, old) in &old {
        let found = cache(&registry, &new[*tag]);
        let sound = old.hits(|digest| digest != lost).unwrap();
        assert_eq!(found.hits(|_| true).unwrap(), sound, "{tag}");
        let (old_rest, old_layers) = around(old.manifest.as_ref().unwrap());
        let (new_rest, new_layers) = around(found.manifest.as_ref().unwrap());
        assert_eq!(new_rest, old_rest, "{tag}");
        let is_same = |(digest, layer): (&String, &Value)| &old_layers[digest] == layer;
        assert!(new_layers.iter().all(is_same), "{tag}");
        changed += usize::from(new[*tag] != tags[*tag]);
    }
    assert!(new["older-form"] != tags["older-form"] && new["c05"] != tags["c05"]);
    assert_eq!(done.json()["outcome"]["done"], changed - 1, "{done}");
    let check = sandbox.run(format!("check {source} --verify-blobs --fail-on error"));
    assert_eq!(check.code, Some(0), "{check}");
}

#[test]
fn a_registry_ref_is_compacted_and_restored() {
    let registry = DockerRegistry::with(
        "shop",
        Setup {
            deletes: true,
            ..Setup::default()
        },
    );
    let sandbox = Sandbox::new();
    let source = format!("{}/shop-cache", registry.host());
    let sound = cache(&registry, &registry.tags("shop-cache")["c05"]);
    let config = doubled(&sound.config).to_string();
    let mut manifest = sound.manifest.clone().unwrap();
    manifest["config"]["digest"] = json!(Digest::of(config.as_bytes()).to_string());
    manifest["config"]["size"] = json!(config.len());
    let layers = manifest["layers"].as_array_mut().unwrap();
    layers.extend(layers.clone());
    push(&registry, std::slice::from_ref(&config), &manifest, "grown");
    let before = registry.tags("shop-cache");

    let done = sandbox.run(format!("repair {source} --compact --yes --json"));
    assert_eq!(done.code, Some(0), "{done}");
    let done = done.json();
    assert_eq!(done["outcome"]["done"], 1, "{done}");
    let after = registry.tags("shop-cache");
    let new = cache(&registry, &after["grown"]);
    assert_eq!(new.hits(|_| true).unwrap(), sound.hits(|_| true).unwrap());
    assert_eq!(new.layers, sound.layers);
    assert!(new.config.to_string().len() < config.len() / 2);
    let others = |tags: &BTreeMap<String, String>| {
        let mut tags = tags.clone();
        tags.remove("grown");
        tags
    };
    assert_eq!(others(&after), others(&before));

    let journal = done["outcome"]["journal"].as_str().unwrap();
    let undone = sandbox.run(format!("repair --undo {journal}"));
    assert_eq!(undone.code, Some(0), "{undone}");
    assert_eq!(registry.tags("shop-cache"), before);
}

#[test]
fn bucket_refs_lose_broken_results_and_keep_their_annotations() {
    let (server, bucket) = S3Server::with(Service::Moto, "shop");
    let source = server.source(&bucket);
    let sandbox = Sandbox::new();
    let names = server.names(&bucket, "manifests/");
    let read = |name: &str| server.read(&bucket, &format!("manifests/{name}")).unwrap();
    let old: BTreeMap<&String, Cache> = names
        .iter()
        .map(|name| (name, Cache::bare(&read(name))))
        .collect();
    let first = old.values().next().unwrap();
    let layers = first.config["layers"].as_array().unwrap();
    let lost = layers[layers.len() - 1]["blob"]
        .as_str()
        .unwrap()
        .to_owned();
    server.remove(&bucket, &format!("blobs/{lost}"));

    let done = S3Server::run(&sandbox, format!("repair {source} --yes --json"));
    assert_eq!(done.code, Some(0), "{done}");
    let done = done.json();
    let annotations = |found: &Cache| -> BTreeMap<String, Value> {
        let layers = found.config["layers"].as_array().into_iter().flatten();
        layers
            .map(|layer| {
                let blob = layer["blob"].as_str().unwrap().to_owned();
                (blob, layer["annotations"].clone())
            })
            .collect()
    };
    let mut changed = 0;
    for (name, old) in &old {
        let new = Cache::bare(&read(name));
        let sound = old.hits(|digest| digest != lost).unwrap();
        assert_eq!(new.hits(|_| true).unwrap(), sound, "{name}");
        let before = annotations(old);
        for (blob, annotation) in annotations(&new) {
            assert_eq!(annotation, before[&blob], "{name}");
            assert_ne!(blob, lost);
        }
        changed += usize::from(new.config != old.config);
    }
    assert!(changed > 0);
    assert_eq!(done["outcome"]["done"], changed, "{done}");

    let journal = done["outcome"]["journal"].as_str().unwrap();
    let undone = S3Server::run(&sandbox, format!("repair {source} --undo {journal}"));
    assert_eq!(undone.code, Some(0), "{undone}");
    for (name, old) in &old {
        assert_eq!(Cache::bare(&read(name)).config, old.config, "{name}");
    }
}
