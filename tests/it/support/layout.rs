//! OCI layouts of any shape, valid or not.

use std::fs;
use std::path::{Path, PathBuf};

use cachelens::format::digest::Digest;
use serde_json::{Value, json};

/// The media type of a cache configuration.
pub const CONFIG: &str = "application/vnd.buildkit.cacheconfig.v0";
/// The media type of a layer.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// The media type of a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of an image's configuration.
pub const IMAGE: &str = "application/vnd.oci.image.config.v1+json";

/// A layout under construction. It is complete after every call, with an `index.json` of the
/// entries so far.
///
/// Blobs are passed and returned as descriptors, which are plain JSON: a test that needs a wrong
/// one changes it.
pub struct LayoutBuilder {
    dir: PathBuf,
    entries: Vec<Value>,
}

impl LayoutBuilder {
    /// Creates a layout without refs in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        let layout = Self {
            dir: dir.into(),
            entries: Vec::new(),
        };
        fs::create_dir_all(layout.path("blobs/sha256")).unwrap();
        layout.write("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
        layout.write_index();
        layout
    }

    /// Returns the path of a file in the layout.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.dir.join(relative)
    }

    /// Returns the path of a descriptor's blob.
    pub fn blob_path(&self, descriptor: &Value) -> PathBuf {
        self.path("blobs")
            .join(digest_of(descriptor).replace(':', "/"))
    }

    /// Writes a file, and creates its folder if necessary.
    pub fn write(&self, relative: &str, content: impl AsRef<[u8]>) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Stores a blob under its digest.
    pub fn blob(&self, media_type: &str, content: impl AsRef<[u8]>) -> Value {
        let descriptor = descriptor(media_type, content.as_ref());
        fs::write(self.blob_path(&descriptor), content).unwrap();
        descriptor
    }

    /// Stores a layer of this many bytes; `name` makes it unique.
    pub fn layer(&self, name: &str, size: usize) -> Value {
        let content = format!("{name:.<size$}");
        let diff_id = Digest::of(format!("{name}, uncompressed").as_bytes()).to_string();
        annotated(
            &self.blob(LAYER, content),
            "containerd.io/uncompressed",
            &diff_id,
        )
    }

    /// Stores a manifest.
    pub fn manifest(&self, config: &Value, layers: &[Value]) -> Value {
        let manifest =
            json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
        self.blob(MANIFEST, manifest.to_string())
    }

    /// Stores an index of manifests.
    pub fn index(&self, manifests: &[Value]) -> Value {
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        self.blob(INDEX, index.to_string())
    }

    /// Stores a cache: its configuration and a manifest that describes `layers`.
    pub fn cache(&self, config: &Value, layers: &[Value]) -> Value {
        self.manifest(&self.blob(CONFIG, config.to_string()), layers)
    }

    /// Stores a cache in which each of `layers` is on the previous one and is the result of its own
    /// record.
    pub fn chain(&self, layers: &[Value]) -> Value {
        self.cache(&chain(layers), layers)
    }

    /// Adds an entry to `index.json`, unchanged.
    pub fn entry(&mut self, descriptor: &Value) {
        self.entries.push(descriptor.clone());
        self.write_index();
    }

    /// Adds a ref with that name.
    pub fn tag(&mut self, name: &str, descriptor: &Value) {
        self.entry(&annotated(
            descriptor,
            "org.opencontainers.image.ref.name",
            name,
        ));
    }

    /// Removes the blob of a descriptor.
    pub fn lose(&self, descriptor: &Value) {
        fs::remove_file(self.blob_path(descriptor)).unwrap();
    }

    fn write_index(&self) {
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": self.entries});
        self.write("index.json", index.to_string());
    }
}

/// Returns a descriptor for a blob that need not be stored.
pub fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(content).to_string(), "size": content.len()})
}

/// Returns a descriptor with one field replaced.
pub fn with(descriptor: &Value, field: &str, value: impl Into<Value>) -> Value {
    let mut changed = descriptor.clone();
    changed[field] = value.into();
    changed
}

/// Returns a descriptor with an additional annotation.
pub fn annotated(descriptor: &Value, key: &str, value: &str) -> Value {
    let mut annotated = descriptor.clone();
    annotated["annotations"][key] = value.into();
    annotated
}

/// Returns the digest in a descriptor.
pub fn digest_of(descriptor: &Value) -> &str {
    descriptor["digest"].as_str().unwrap()
}

/// Returns a configuration: each layer is on the previous one, and is the result of a record whose
/// input is the previous record; the first record is a source.
pub fn chain(layers: &[Value]) -> Value {
    let digest = |name: String| Digest::of(name.as_bytes()).to_string();
    let mut records = vec![json!({"digest": digest("source".into())})];
    for (place, layer) in layers.iter().enumerate() {
        records.push(json!({
            "digest": digest(format!("step {place} {}", digest_of(layer))),
            "inputs": [[{"link": place}]],
            "layers": [{"layer": place, "createdAt": format!("2026-11-21T12:00:{:02}Z", place % 60)}],
        }));
    }
    let on = |place: usize| i64::try_from(place).unwrap() - 1;
    let layers = layers
        .iter()
        .enumerate()
        .map(|(place, layer)| json!({"blob": digest_of(layer), "parent": on(place)}));
    json!({"layers": layers.collect::<Vec<_>>(), "records": records})
}
