//! The content of a layout, counted a second time: plain JSON, walked in the simplest way, without
//! the program's code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::layout::{CONFIG, IMAGE};

/// A layout in which every document can be read.
pub struct Model {
    dir: PathBuf,
    stored: BTreeMap<String, u64>,
    refs: Vec<Ref>,
}

/// An entry of `index.json` with everything that it leads to.
struct Ref {
    name: String,
    digest: String,
    /// The referenced blobs with their declared sizes.
    reach: BTreeMap<String, u64>,
    caches: Vec<Cache>,
    is_inline: bool,
    images: usize,
    layers: usize,
    image_created: Option<Timestamp>,
    subjects: Vec<Value>,
    /// Whether it belongs to another manifest.
    is_artifact: bool,
}

/// A cache configuration and the descriptors of its manifest.
struct Cache {
    layers: Vec<Value>,
    records: Vec<Value>,
    described: BTreeMap<String, Value>,
}

/// A result of a record: its layers from the top down, whether all of them are stored, and its
/// time.
type Found = (Vec<usize>, bool, Option<Timestamp>);

impl Model {
    /// Reads the layout in `dir`.
    pub fn read(dir: &Path) -> Self {
        let mut stored = BTreeMap::new();
        for file in fs::read_dir(dir.join("blobs/sha256")).unwrap() {
            let file = file.unwrap();
            let digest = format!("sha256:{}", file.file_name().into_string().unwrap());
            stored.insert(digest, file.metadata().unwrap().len());
        }
        let mut model = Self {
            dir: dir.to_owned(),
            stored,
            refs: Vec::new(),
        };
        let index: Value =
            serde_json::from_slice(&fs::read(dir.join("index.json")).unwrap()).unwrap();
        model.refs = list(&index["manifests"])
            .iter()
            .map(|entry| model.follow(entry))
            .collect();
        model
    }

    /// Returns the names of the refs, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.refs.iter().map(|entry| entry.name.as_str())
    }

    /// Returns the expected output of `du`.
    pub fn usage(&self) -> Value {
        let reached: BTreeMap<&String, &u64> =
            self.refs.iter().flat_map(|entry| &entry.reach).collect();
        let sum =
            |blobs: Vec<u64>| json!({"blobs": blobs.len(), "bytes": blobs.iter().sum::<u64>()});
        let of = |live: bool| {
            sum(self
                .stored
                .iter()
                .filter(|(digest, _)| reached.contains_key(digest) == live)
                .map(|it| *it.1)
                .collect())
        };
        let missing = reached
            .iter()
            .filter(|(digest, _)| !self.stored.contains_key(**digest))
            .map(|it| **it.1);
        json!({
            "refs": self.refs.len(), "live": of(true), "orphan": of(false), "missing": sum(missing.collect()),
            "total": {"objects": self.stored.len(), "bytes": self.stored.values().sum::<u64>()},
        })
    }

    /// Returns the expected output of `ls` for each ref.
    pub fn listing(&self) -> Vec<Value> {
        self.refs.iter().map(|entry| self.row(entry)).collect()
    }

    /// Returns the expected output of `show` for a ref: records and layers.
    pub fn shown(&self, name: &str) -> (Vec<Value>, Vec<Value>) {
        let entry = self.refs.iter().find(|entry| entry.name == name).unwrap();
        let (mut records, mut layers) = (Vec::new(), Vec::new());
        for cache in &entry.caches {
            let (first_record, first_layer) = (records.len(), layers.len());
            let results: Vec<_> = cache
                .records
                .iter()
                .map(|record| self.result(cache, record))
                .collect();
            records.extend(cache.records.iter().zip(&results).enumerate().map(|(place, (record, result))| {
                let chain = result.as_ref().map(|(chain, ..)| chain);
                let blobs = chain.map(|chain| chain.iter().map(|layer| cache.blob(*layer)).collect::<BTreeSet<_>>());
                json!({
                    "index": first_record + place,
                    "digest": record["digest"],
                    "state": state(result.as_ref()),
                    "layer": chain.map(|chain| first_layer + chain[0]),
                    "bytes": blobs.map(|blobs| blobs.iter().map(|blob| self.size(cache, blob)).sum::<u64>()),
                    "created": result.as_ref().and_then(|(_, _, created)| *created),
                    "inputs": list(&record["inputs"]).iter().map(|group| list(group).iter().map(|link| json!({
                        "link": link["link"].as_u64().unwrap() + first_record as u64,
                        "selector": link.get("selector"),
                    })).collect()).collect::<Vec<Vec<_>>>(),
                })
            }));
            layers.extend((0..cache.layers.len()).map(|layer| {
                let descriptor = &cache.described[cache.blob(layer)];
                let users = results
                    .iter()
                    .enumerate()
                    .filter(|(_, result)| result.as_ref().is_some_and(|(chain, ..)| chain.contains(&layer)));
                let annotation = |key| descriptor["annotations"].get(key).cloned();
                json!({
                    "index": first_layer + layer,
                    "digest": cache.blob(layer),
                    "parent": cache.parent(layer).map(|parent| first_layer + parent),
                    "media_type": descriptor["mediaType"],
                    "diff_id": annotation("containerd.io/uncompressed").or(cache.layers[layer].get("diff").cloned()),
                    "bytes": self.size(cache, cache.blob(layer)),
                    "created": annotation("buildkit/createdat").or(cache.layers[layer].get("at").cloned())
                        .and_then(|at| time(&at)),
                    "used_by": users.map(|(record, _)| first_record + record).collect::<Vec<_>>(),
                })
            }));
        }
        (records, layers)
    }

    fn row(&self, entry: &Ref) -> Value {
        let kind = match (entry.caches.is_empty(), entry.is_inline) {
            (false, false) => "cache",
            (false, true) => "inline",
            (true, _) if entry.is_artifact => "artifact",
            (true, _) if entry.images > 0 => "image",
            (true, _) => "unknown",
        };
        let others = self
            .refs
            .iter()
            .filter(|other| !std::ptr::eq(*other, entry));
        let elsewhere: BTreeSet<&String> = others.flat_map(|other| other.reach.keys()).collect();
        let stored = entry
            .reach
            .keys()
            .filter_map(|digest| Some((digest, self.stored.get(digest)?)));
        let results: Vec<Option<Found>> = entry
            .caches
            .iter()
            .flat_map(|cache| {
                cache
                    .records
                    .iter()
                    .map(|record| self.result(cache, record))
            })
            .collect();
        let count = |wanted: &str| {
            let known = kind != "unknown";
            known.then(|| {
                results
                    .iter()
                    .filter(|result| state(result.as_ref()) == wanted)
                    .count()
            })
        };
        let times = entry
            .caches
            .iter()
            .flat_map(|cache| &cache.records)
            .flat_map(|record| {
                list(&record["layers"])
                    .iter()
                    .chain(list(&record["chains"]))
                    .filter_map(|result| time(&result["createdAt"]))
            });
        json!({
            "name": entry.name,
            "digest": entry.digest,
            "kind": kind,
            "bytes": stored.clone().map(|(_, size)| size).sum::<u64>(),
            "exclusive_bytes": stored.filter(|(digest, _)| !elsewhere.contains(digest)).map(|(_, size)| size).sum::<u64>(),
            "layers": entry.layers,
            "records": (kind != "unknown").then_some(results.len()),
            "results": count("result"),
            "key_only": count("key-only"),
            "broken": count("broken"),
            "created": times.max().or(entry.image_created),
        })
    }

    fn read_document(&self, descriptor: &Value) -> Value {
        let path = self
            .dir
            .join("blobs")
            .join(text(&descriptor["digest"]).replace(':', "/"));
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    fn follow(&self, entry: &Value) -> Ref {
        let annotation = |key| entry["annotations"].get(key).and_then(Value::as_str);
        let digest = text(&entry["digest"]).to_owned();
        let name = annotation("io.containerd.image.name")
            .or(annotation("org.opencontainers.image.ref.name"));
        let mut found = Ref {
            name: name.unwrap_or(&digest).to_owned(),
            digest,
            reach: BTreeMap::new(),
            caches: Vec::new(),
            is_inline: true,
            images: 0,
            layers: 0,
            image_created: None,
            subjects: Vec::new(),
            is_artifact: self.read_document(entry).get("subject").is_some(),
        };
        self.walk(entry, &mut found);
        // The subject of an attestation stays as long as the attestation, and is not a part of it.
        for subject in found.subjects.clone() {
            let mut about = self.follow(&subject);
            found.reach.append(&mut about.reach);
        }
        found
    }

    fn walk(&self, descriptor: &Value, found: &mut Ref) {
        name(descriptor, found);
        let document = self.read_document(descriptor);
        if let Some(subject) = document.get("subject") {
            found.subjects.push(subject.clone());
        }
        let (config, layers) = if let Some(entries) = document["manifests"].as_array() {
            let Some(config) = entries.iter().find(|entry| entry["mediaType"] == CONFIG) else {
                return entries.iter().for_each(|entry| self.walk(entry, found));
            };
            (
                config,
                entries
                    .iter()
                    .filter(|entry| entry["mediaType"] != CONFIG)
                    .cloned()
                    .collect(),
            )
        } else {
            (&document["config"], list(&document["layers"]).to_vec())
        };
        name(config, found);
        for layer in &layers {
            name(layer, found);
        }
        let is_attestation = descriptor["annotations"]
            .get("vnd.docker.reference.type")
            .is_some();
        if config["mediaType"] == CONFIG {
            found.is_inline = false;
            found.layers += layers.len();
            found
                .caches
                .push(Cache::new(&self.read_document(config), &layers));
        } else if config["mediaType"] == IMAGE && !is_attestation {
            found.images += 1;
            found.layers += layers.len();
            let image = self.read_document(config);
            found.image_created = found.image_created.max(time(&image["created"]));
            found.caches.extend(Cache::inline(&image, &layers));
        }
    }

    /// Returns the result of a record that a build would load.
    fn result(&self, cache: &Cache, record: &Value) -> Option<Found> {
        let mut found: Vec<Found> = Vec::new();
        for result in list(&record["layers"]) {
            found.push((
                cache.chain(number(&result["layer"])),
                true,
                time(&result["createdAt"]),
            ));
        }
        for result in list(&record["chains"]) {
            let chain = list(&result["layers"]).iter().rev().map(number).collect();
            found.push((chain, true, time(&result["createdAt"])));
        }
        found.retain(|(chain, ..)| {
            chain
                .iter()
                .all(|layer| cache.described.contains_key(cache.blob(*layer)))
        });
        for (chain, complete, _) in &mut found {
            *complete = chain
                .iter()
                .all(|layer| self.stored.contains_key(cache.blob(*layer)));
        }
        found
            .into_iter()
            .max_by_key(|(_, complete, created)| (*complete, *created))
    }

    fn size(&self, cache: &Cache, blob: &str) -> u64 {
        let named = || cache.described[blob]["size"].as_u64().unwrap();
        self.stored.get(blob).copied().unwrap_or_else(named)
    }
}

impl Cache {
    fn new(config: &Value, layers: &[Value]) -> Self {
        Self {
            layers: list(&config["layers"]).to_vec(),
            records: list(&config["records"]).to_vec(),
            described: layers
                .iter()
                .map(|layer| (text(&layer["digest"]).to_owned(), layer.clone()))
                .collect(),
        }
    }

    /// Reads the records of an image, whose layers are on each other in the manifest's order.
    fn inline(image: &Value, layers: &[Value]) -> Option<Self> {
        let encoded = image.get("moby.buildkit.cache.v0")?.as_str().unwrap();
        let records = base64::engine::general_purpose::STANDARD
            .decode(encoded)
            .unwrap();
        let records: Value = serde_json::from_slice(&records).unwrap();
        let made: Vec<&Value> = list(&image["history"])
            .iter()
            .filter(|entry| entry["empty_layer"] != true)
            .collect();
        let layers_of_config: Vec<Value> = layers
            .iter()
            .enumerate()
            .map(|(place, layer)| {
                let parent = i64::try_from(place).unwrap() - 1;
                let diff = &image["rootfs"]["diff_ids"][place];
                json!({"blob": layer["digest"], "parent": parent, "diff": diff, "at": made[place]["created"]})
            })
            .collect();
        Some(Self::new(
            &json!({"layers": layers_of_config, "records": records}),
            layers,
        ))
    }

    fn blob(&self, layer: usize) -> &str {
        text(&self.layers[layer]["blob"])
    }

    fn parent(&self, layer: usize) -> Option<usize> {
        // Go omits a zero.
        let parent = self.layers[layer]
            .get("parent")
            .map_or(0, |parent| parent.as_i64().unwrap());
        usize::try_from(parent).ok()
    }

    fn chain(&self, top: usize) -> Vec<usize> {
        std::iter::successors(Some(top), |layer| self.parent(*layer)).collect()
    }
}

fn name(descriptor: &Value, found: &mut Ref) {
    found.reach.insert(
        text(&descriptor["digest"]).to_owned(),
        descriptor["size"].as_u64().unwrap(),
    );
}

fn state(result: Option<&Found>) -> &'static str {
    match result {
        None => "key-only",
        Some((_, true, _)) => "result",
        Some((_, false, _)) => "broken",
    }
}

/// Returns a time, unless it is Go's zero.
fn time(value: &Value) -> Option<Timestamp> {
    value
        .as_str()
        .filter(|text| !text.starts_with("0001-"))
        .map(|text| text.parse().unwrap())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}
