//! BuildKit's import of a cache configuration, written from its source (`parse.go`, `chains.go`)
//! over plain JSON.

use std::collections::{BTreeMap, BTreeSet};

use cachelens::format::digest::Digest;
use serde_json::Value;

/// The possible hits of a build: a key with all its inputs, and the blobs of a result from the top
/// down.
pub type Hits = BTreeSet<(Digest, Vec<String>)>;

/// Imports a configuration. `described` are the blobs of the manifest; without it, the layers
/// describe themselves, as in S3.
pub fn import(config: &Value, described: Option<&BTreeSet<String>>) -> Result<Hits, String> {
    let none = Vec::new();
    let layers = config["layers"].as_array().unwrap_or(&none);
    if described.is_none() {
        for (place, layer) in layers.iter().enumerate() {
            if !layer["annotations"]["diffID"].is_string() {
                return Err(format!("layer {place} is not described"));
            }
        }
    }
    let records = config["records"].as_array().unwrap_or(&none);
    let mut importer = Importer {
        layers,
        records,
        described,
        keys: BTreeMap::new(),
        open: BTreeSet::new(),
        hits: Hits::new(),
    };
    for place in 0..records.len() {
        importer.record(place)?;
    }
    Ok(importer.hits)
}

struct Importer<'a> {
    layers: &'a [Value],
    records: &'a [Value],
    described: Option<&'a BTreeSet<String>>,
    keys: BTreeMap<usize, Digest>,
    open: BTreeSet<usize>,
    hits: Hits,
}

impl Importer<'_> {
    /// Parses a record and all its inputs; returns its key: the digest, and the set of alternatives
    /// at each input.
    fn record(&mut self, place: usize) -> Result<Digest, String> {
        if let Some(key) = self.keys.get(&place) {
            return Ok(*key);
        }
        if !self.open.insert(place) {
            return Err("invalid looping record".to_owned());
        }
        let record = self.records[place].clone();
        let mut key = record["digest"].as_str().unwrap_or_default().to_owned();
        for group in record["inputs"].as_array().into_iter().flatten() {
            let links = group.as_array().filter(|links| !links.is_empty());
            let Some(links) = links else {
                return Err(format!("invalid empty input for record {place}"));
            };
            let mut alternatives = BTreeSet::new();
            for link in links {
                let target = usize::try_from(link["link"].as_i64().unwrap_or(0))
                    .ok()
                    .filter(|target| *target < self.records.len())
                    .ok_or("invalid link")?;
                let selector = link["selector"].as_str().unwrap_or_default();
                alternatives.insert(format!("{selector}>{}", self.record(target)?));
            }
            key += &format!(
                "[{}]",
                alternatives.into_iter().collect::<Vec<_>>().join(",")
            );
        }
        let key = Digest::of(key.as_bytes());
        for result in record["layers"].as_array().into_iter().flatten() {
            let top = result["layer"].as_i64().unwrap_or(0);
            if let Some(chain) = self.chain(top)? {
                self.hits.insert((key, chain));
            }
        }
        for result in record["chains"].as_array().into_iter().flatten() {
            let mut chain = Some(Vec::new());
            for layer in result["layers"].as_array().unwrap().iter().rev() {
                let blob = self.blob(layer.as_i64().unwrap())?;
                chain = chain.zip(blob).map(|(mut chain, blob)| {
                    chain.push(blob);
                    chain
                });
            }
            self.hits.extend(chain.map(|chain| (key, chain)));
        }
        self.open.remove(&place);
        self.keys.insert(place, key);
        Ok(key)
    }

    /// Returns the blobs from a layer down; `None` if the manifest does not describe one.
    fn chain(&self, top: i64) -> Result<Option<Vec<String>>, String> {
        let (mut chain, mut seen, mut next) = (Vec::new(), BTreeSet::new(), top);
        while next != -1 || chain.is_empty() {
            if !seen.insert(next) {
                return Err("invalid looping layer".to_owned());
            }
            match self.blob(next)? {
                Some(blob) => chain.push(blob),
                None => return Ok(None),
            }
            // A layer without a parent is on layer 0.
            let layer = &self.layers[usize::try_from(next).unwrap()];
            next = layer
                .get("parent")
                .map_or(0, |parent| parent.as_i64().unwrap());
        }
        Ok(Some(chain))
    }

    fn blob(&self, place: i64) -> Result<Option<String>, String> {
        let layer = usize::try_from(place)
            .ok()
            .and_then(|place| self.layers.get(place));
        let blob = layer.ok_or("invalid layer index")?["blob"]
            .as_str()
            .unwrap_or_default();
        let is_described = self
            .described
            .is_none_or(|described| described.contains(blob));
        Ok(is_described.then(|| blob.to_owned()))
    }
}

#[test]
fn the_model_importer_refuses_the_same_caches_as_buildkit() {
    for (config, refusal) in [
        (r#"{"records":[{"inputs":[[]]}]}"#, "empty input"),
        (r#"{"records":[{"inputs":[null]}]}"#, "empty input"),
        (
            r#"{"records":[{"inputs":[[{"link":0}]]}]}"#,
            "looping record",
        ),
        (r#"{"records":[{"inputs":[[{"link":1}]]}]}"#, "invalid link"),
        (r#"{"records":[{"layers":[{"layer":0}]}]}"#, "layer index"),
        (
            r#"{"layers":[{"blob":"a","parent":1},{"blob":"b"}],"records":[{"layers":[{"layer":0}]}]}"#,
            "looping layer",
        ),
    ] {
        let config: Value = serde_json::from_str(config).unwrap();
        let described = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        let refused = import(&config, Some(&described)).unwrap_err();
        assert!(refused.contains(refusal), "{config}: {refused}");
    }
}
