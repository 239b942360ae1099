//! Fixes the findings of a check: rewritten refs, read back by a parser that follows BuildKit's
//! rules exactly and shares no code with the program.

use std::collections::{BTreeMap, BTreeSet};

use cachelens::format::digest::Digest;
use serde_json::{Value, json};

mod damage;
pub(crate) mod gha;
mod importer;
mod journey;
mod kill;
mod killed;
pub(crate) mod local;
mod matrix;
mod remedies;
pub(crate) mod remote;
pub(crate) mod restore;
mod smaller;

use importer::{Hits, import};

/// A cache with its context: the configuration, and the descriptors of its layers if it has a
/// manifest.
pub(crate) struct Cache {
    pub(crate) config: Value,
    pub(crate) layers: Option<Vec<Value>>,
    /// The manifest, if there is one.
    manifest: Option<Value>,
}

impl Cache {
    /// Reads the cache in a manifest of either form.
    fn of_manifest(bytes: &[u8], read: impl Fn(&str) -> Vec<u8>) -> Self {
        let manifest: Value = serde_json::from_slice(bytes).unwrap();
        let is_config =
            |entry: &Value| entry["mediaType"] == "application/vnd.buildkit.cacheconfig.v0";
        let (config, layers) = match manifest["manifests"].as_array() {
            Some(entries) => {
                let (configs, layers): (Vec<Value>, Vec<Value>) =
                    entries.iter().cloned().partition(is_config);
                assert_eq!(entries.last(), configs.last(), "the config stands last");
                (configs.last().unwrap().clone(), layers)
            }
            None => {
                assert!(is_config(&manifest["config"]), "{manifest}");
                let layers = manifest["layers"].as_array().unwrap().clone();
                (manifest["config"].clone(), layers)
            }
        };
        let text = read(config["digest"].as_str().unwrap());
        assert_eq!(config["size"], text.len());
        assert_eq!(config["digest"], Digest::of(&text).to_string());
        Self {
            config: serde_json::from_slice(&text).unwrap(),
            layers: Some(layers),
            manifest: Some(manifest),
        }
    }

    /// Parses a cache that is its own configuration, as in S3.
    fn bare(bytes: &[u8]) -> Self {
        Self {
            config: serde_json::from_slice(bytes).unwrap(),
            layers: None,
            manifest: None,
        }
    }

    /// Returns the hits of a build, if BuildKit imports the cache; `is_stored` returns which blobs
    /// can be loaded.
    pub(crate) fn hits(&self, is_stored: impl Fn(&str) -> bool) -> Result<Hits, String> {
        let described = self.layers.as_ref().map(|layers| {
            let digests = layers.iter().map(|layer| layer["digest"].as_str().unwrap());
            digests.map(str::to_owned).collect::<BTreeSet<String>>()
        });
        let mut hits = import(&self.config, described.as_ref())?;
        hits.retain(|(_, chain)| chain.iter().all(|blob| is_stored(blob)));
        Ok(hits)
    }
}

/// Returns the codes of findings about a ref.
fn codes(check: &Value, name: &str) -> BTreeSet<String> {
    let findings = check["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| finding["ref"] == name)
        .map(|finding| finding["code"].as_str().unwrap().to_owned())
        .collect()
}

/// Returns a manifest without its lists of layers and its configuration, and the descriptors by
/// digest.
fn around(manifest: &Value) -> (Value, BTreeMap<String, Value>) {
    let mut rest = manifest.clone();
    let list = if rest["layers"].is_array() {
        "layers"
    } else {
        "manifests"
    };
    let layers = rest[list].as_array().unwrap().iter();
    let layers = layers
        .filter(|layer| layer["mediaType"] != "application/vnd.buildkit.cacheconfig.v0")
        .map(|layer| (layer["digest"].as_str().unwrap().to_owned(), layer.clone()))
        .collect();
    rest[list] = Value::Null;
    if rest["config"].is_object() {
        rest["config"]["digest"] = json!("");
        rest["config"]["size"] = json!(0);
    }
    (rest, layers)
}
