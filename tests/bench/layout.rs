//! Generated caches for measurements: an OCI layout as `type=local` writes it, of any size.

use std::fs;
use std::ops::Range;
use std::path::Path;

use cachelens::backend::memory::MemoryCache;
use cachelens::format::digest::Digest;
use cachelens::format::manifest::CACHE_CONFIG;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::Outcome;

/// The current time in all measurements.
pub const NOW: Timestamp = Timestamp::constant(1_767_225_600, 0);

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// The number of layers per ref: that of a large repository with one image per service.
const LAYERS: usize = 600;
/// The length of a chain of layers.
const DEPTH: usize = 12;

/// A cache store: layers, and the documents that reference some of them.
pub struct Layout {
    /// The digest and size of each layer.
    pub layers: Vec<(Digest, u64)>,
    documents: Vec<Vec<u8>>,
    index: Vec<u8>,
}

impl Layout {
    /// Creates a store of `blobs` layers; refs reference the first `live` ones.
    pub fn new(blobs: u64, live: usize) -> Self {
        Self::with_refs_of(LAYERS, blobs, live)
    }

    /// Creates a store with `blobs` layers, of which refs with `of_ref` layers each reference
    /// `live`.
    pub fn with_refs_of(of_ref: usize, blobs: u64, live: usize) -> Self {
        let layers: Vec<_> = layers(0..blobs).collect();
        let (mut documents, mut entries) = (Vec::new(), Vec::new());
        for (number, layers) in layers[..live].chunks(of_ref).enumerate() {
            let config = cache_config(layers);
            let manifest = manifest(&config, layers);
            entries.push(json!({
                "mediaType": MANIFEST,
                "digest": Digest::of(&manifest),
                "size": manifest.len(),
                "annotations": { "org.opencontainers.image.ref.name": format!("branch-{number}") },
            }));
            documents.extend([config, manifest]);
        }
        let index = json!({ "schemaVersion": 2, "manifests": entries })
            .to_string()
            .into_bytes();
        Self {
            layers,
            documents,
            index,
        }
    }

    /// Creates a store with one ref, whose cache configuration takes nearly `limit` bytes.
    pub fn of_one_large_config(limit: usize) -> Self {
        let sample: Vec<_> = layers(0..1000).collect();
        // Larger numbers have more digits and take more space.
        let count = limit * 98 / 100 * sample.len() / cache_config(&sample).len();
        Self::of_records(count)
    }

    /// Makes a store with one ref of so many records.
    pub fn of_records(count: usize) -> Self {
        let layers: Vec<_> = layers(0..count as u64).collect();
        let config = cache_config(&layers);
        let manifest = manifest(&config, &layers);
        let entry = json!({ "mediaType": MANIFEST, "digest": Digest::of(&manifest), "size": manifest.len() });
        let index = json!({ "schemaVersion": 2, "manifests": [entry] })
            .to_string()
            .into_bytes();
        Self {
            layers,
            documents: vec![config, manifest],
            index,
        }
    }

    /// Returns the first cache configuration.
    pub fn config(&self) -> &[u8] {
        self.documents.first().map_or(&[], Vec::as_slice)
    }

    /// Returns the length of the first cache configuration in bytes.
    pub fn config_length(&self) -> usize {
        self.documents.first().map_or(0, Vec::len)
    }

    /// Writes the store to an empty folder.
    pub fn write(&self, dir: &Path) -> Outcome {
        let blobs = dir.join("blobs/sha256");
        fs::create_dir_all(&blobs)?;
        for (number, (digest, _)) in (0..).zip(&self.layers) {
            fs::write(blobs.join(digest.hex()), content(number))?;
        }
        for document in &self.documents {
            fs::write(blobs.join(Digest::of(document).hex()), document)?;
        }
        fs::write(dir.join("index.json"), &self.index)?;
        fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
        Ok(())
    }

    /// Copies the store into memory.
    pub fn into_memory(self) -> Outcome<MemoryCache> {
        let mut cache = MemoryCache::default();
        for (age, (digest, size)) in (0..).zip(self.layers) {
            cache.add_stored(digest, size, Some(NOW - SignedDuration::from_secs(age)));
        }
        for document in self.documents {
            cache.add_blob(document, Some(NOW));
        }
        cache.set_index(&self.index)?;
        Ok(cache)
    }
}

/// Generates layers, each with its digest and size.
pub fn layers(numbers: Range<u64>) -> impl Iterator<Item = (Digest, u64)> {
    numbers.map(|number| {
        let content = content(number);
        (Digest::of(&content), content.len() as u64)
    })
}

/// Generates the content of a layer: eight bytes to two kilobytes, so that all differ, and few take
/// more than one block.
fn content(number: u64) -> Vec<u8> {
    let [times, ..] = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
    number.to_le_bytes().repeat(1 + usize::from(times))
}

/// Writes a configuration in which each layer is the result of its own record; the records of a
/// chain are each other's inputs.
fn cache_config(layers: &[(Digest, u64)]) -> Vec<u8> {
    let below = |place: usize| {
        place
            .checked_sub(1)
            .filter(|_| !place.is_multiple_of(DEPTH))
    };
    let parents = (0..)
        .zip(layers)
        .map(|(place, (digest, _))| match below(place) {
            Some(parent) => json!({ "blob": digest, "parent": parent }),
            None => json!({ "blob": digest, "parent": -1 }),
        });
    let records = (0..).zip(layers).map(|(place, (digest, _))| {
        let input =
            below(place).map(|link| vec![json!({ "selector": Digest::of(b"/"), "link": link })]);
        json!({
            "digest": Digest::of(digest.as_bytes()),
            "layers": [{ "layer": place, "createdAt": NOW }],
            "inputs": input.into_iter().collect::<Vec<_>>(),
        })
    });
    json!({ "layers": parents.collect::<Vec<_>>(), "records": records.collect::<Vec<_>>() })
        .to_string()
        .into_bytes()
}

fn manifest(config: &[u8], layers: &[(Digest, u64)]) -> Vec<u8> {
    // An import ignores layers without these annotations.
    let layers = layers.iter().map(|(digest, size)| {
        let annotations = json!({
            "buildkit/createdat": NOW,
            "containerd.io/uncompressed": digest,
        });
        json!({
            "mediaType": LAYER,
            "digest": digest,
            "size": size,
            "annotations": annotations,
        })
    });
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": { "mediaType": CACHE_CONFIG, "digest": Digest::of(config), "size": config.len() },
        "layers": layers.collect::<Vec<_>>(),
    })
    .to_string()
    .into_bytes()
}
