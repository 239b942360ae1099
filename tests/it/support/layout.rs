//! OCI layouts of any shape, right or wrong.

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

/// A layout in the making. It is whole after every call, with an `index.json` of the entries so far.
///
/// Blobs are given and returned as descriptors, which are plain JSON: a test that wants a wrong one changes it.
pub struct LayoutBuilder {
    dir: PathBuf,
    entries: Vec<Value>,
}

impl LayoutBuilder {
    /// Makes a layout without refs in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        let layout = Self { dir: dir.into(), entries: Vec::new() };
        fs::create_dir_all(layout.path("blobs/sha256")).unwrap();
        layout.write("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
        layout.write_index();
        layout
    }

    /// Returns the path of something in the layout.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.dir.join(relative)
    }

    /// Returns the path of the blob that a descriptor names.
    pub fn blob_path(&self, descriptor: &Value) -> PathBuf {
        self.path("blobs").join(digest_of(descriptor).replace(':', "/"))
    }

    /// Writes a file, in a folder that need not exist yet.
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

    /// Stores a layer of so many bytes; `name` makes it differ from others.
    pub fn layer(&self, name: &str, size: usize) -> Value {
        self.blob(LAYER, format!("{name:.<size$}"))
    }

    /// Stores a manifest.
    pub fn manifest(&self, config: &Value, layers: &[Value]) -> Value {
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
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

    /// Stores a cache in which each of `layers` lies on the one before and is the result of a record of its own.
    pub fn chain(&self, layers: &[Value]) -> Value {
        self.cache(&chain(layers), layers)
    }

    /// Adds an entry to `index.json`, as it is.
    pub fn entry(&mut self, descriptor: &Value) {
        self.entries.push(descriptor.clone());
        self.write_index();
    }

    /// Adds a ref of that name.
    pub fn tag(&mut self, name: &str, descriptor: &Value) {
        self.entry(&annotated(descriptor, "org.opencontainers.image.ref.name", name));
    }

    /// Removes the blob that a descriptor names.
    pub fn lose(&self, descriptor: &Value) {
        fs::remove_file(self.blob_path(descriptor)).unwrap();
    }

    fn write_index(&self) {
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": self.entries});
        self.write("index.json", index.to_string());
    }
}

/// Describes a blob that need not be stored.
pub fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(content).to_string(), "size": content.len()})
}

/// Returns a descriptor with one field replaced.
pub fn with(descriptor: &Value, field: &str, value: impl Into<Value>) -> Value {
    let mut changed = descriptor.clone();
    changed[field] = value.into();
    changed
}

/// Returns a descriptor with an annotation more.
pub fn annotated(descriptor: &Value, key: &str, value: &str) -> Value {
    let mut annotated = descriptor.clone();
    annotated["annotations"][key] = value.into();
    annotated
}

/// Returns the digest that a descriptor names.
pub fn digest_of(descriptor: &Value) -> &str {
    descriptor["digest"].as_str().unwrap()
}

/// Returns a configuration: each layer lies on the one before, and is the result of a record that has the record before
/// it as its input; the first record is a source.
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
    let layers = layers.iter().enumerate().map(|(place, layer)| json!({"blob": digest_of(layer), "parent": on(place)}));
    json!({"layers": layers.collect::<Vec<_>>(), "records": records})
}
