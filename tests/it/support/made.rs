//! Custom layouts, and an inspection of them without the program's own code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use cachelens::backend::memory::MemoryCache;
use cachelens::format::digest::Digest;
use serde_json::{Value, json};
use tempfile::TempDir;

/// An OCI layout in its own folder.
pub struct MadeLayout {
    folder: TempDir,
}

const REF_NAME: &str = "org.opencontainers.image.ref.name";

impl MadeLayout {
    /// Creates a layout without refs.
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir_all(folder.path().join("blobs/sha256")).unwrap();
        fs::write(
            folder.path().join("oci-layout"),
            r#"{"imageLayoutVersion":"1.0.0"}"#,
        )
        .unwrap();
        fs::write(
            folder.path().join("index.json"),
            r#"{"schemaVersion":2,"manifests":[]}"#,
        )
        .unwrap();
        Self { folder }
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns its name as a source.
    pub fn source(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }

    /// Stores a blob that was written `hours` ago.
    pub fn blob(&self, bytes: &[u8], hours: u64) -> Digest {
        let digest = Digest::of(bytes);
        let path = blob_path(self.path(), &digest);
        if !path.exists() {
            fs::write(&path, bytes).unwrap();
            age(&path, hours);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        }
        digest
    }

    /// Stores a cache with these layers, and returns its manifest.
    pub fn cache(&self, layers: &[Digest], hours: u64) -> Digest {
        let config = self.blob(br#"{"layers":[],"records":[]}"#, hours);
        let layer = |digest: &Digest| json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": 1});
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.buildkit.cacheconfig.v0", "digest": config, "size": 26},
            "layers": layers.iter().map(layer).collect::<Vec<_>>(),
        });
        self.blob(manifest.to_string().as_bytes(), hours)
    }

    /// Adds a ref.
    pub fn tag(&self, name: &str, manifest: Digest) {
        let mut index = index(self.path());
        let entries = index["manifests"].as_array_mut().unwrap();
        entries.retain(|entry| entry["annotations"][REF_NAME] != name);
        entries.push(entry(name, manifest));
        fs::write(self.path().join("index.json"), index.to_string()).unwrap();
    }

    /// Returns the refs, each with whether it is complete.
    pub fn refs(&self) -> BTreeMap<String, bool> {
        refs(self.path())
    }

    /// Returns the blobs that are stored.
    pub fn stored(&self) -> BTreeSet<Digest> {
        stored(self.path())
    }
}

/// Returns a store in memory with `count` refs, `pr-0` and so on, without their manifests.
pub fn many_refs(count: u32) -> MemoryCache {
    // As text, because a million values would need gigabytes.
    let descriptor = |number: u32| {
        format!(
            r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":7,
            "digest":"sha256:{number:064x}","annotations":{{"{REF_NAME}":"pr-{number}"}}}}"#
        )
    };
    let descriptors: Vec<_> = (0..count).map(descriptor).collect();
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
        descriptors.join(",")
    );
    let mut cache = MemoryCache::default();
    cache.set_index(index.as_bytes()).unwrap();
    cache
}

/// Returns an entry of an index.
pub fn entry(name: &str, manifest: Digest) -> Value {
    json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": manifest,
        "size": 1,
        "annotations": {REF_NAME: name},
    })
}

/// Returns the path of a blob in a layout.
pub fn blob_path(dir: &Path, digest: &Digest) -> PathBuf {
    dir.join("blobs/sha256").join(digest.hex())
}

/// Sets the modification time of a file to `hours` ago.
pub fn age(path: &Path, hours: u64) {
    let then = SystemTime::now() - Duration::from_hours(hours);
    File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_modified(then)
        .unwrap();
}

fn index(dir: &Path) -> Value {
    serde_json::from_slice(&fs::read(dir.join("index.json")).unwrap()).unwrap()
}

/// Returns the blobs that are stored.
pub fn stored(dir: &Path) -> BTreeSet<Digest> {
    let entries = fs::read_dir(dir.join("blobs/sha256")).unwrap();
    entries
        .map(|entry| {
            Digest::from_parts("sha256", entry.unwrap().file_name().to_str().unwrap()).unwrap()
        })
        .collect()
}

/// Walks from each ref of `index.json` to everything it references: every string in a document that
/// is a digest of a descriptor. Returns, for each ref, whether all these blobs are stored with the
/// bytes of their digests.
pub fn refs(dir: &Path) -> BTreeMap<String, bool> {
    let mut refs = BTreeMap::new();
    for entry in index(dir)["manifests"].as_array().unwrap() {
        let name = entry["annotations"][REF_NAME]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        refs.insert(name, reach(dir, entry).is_some());
    }
    refs
}

/// Returns everything that a descriptor leads to; `None` if a part is missing or damaged.
fn reach(dir: &Path, root: &Value) -> Option<BTreeSet<Digest>> {
    let mut found = BTreeSet::new();
    let mut queue = vec![root.clone()];
    while let Some(descriptor) = queue.pop() {
        let digest: Digest = descriptor["digest"].as_str()?.parse().ok()?;
        let bytes = fs::read(blob_path(dir, &digest)).ok()?;
        if Digest::of(&bytes) != digest {
            return None;
        }
        if !found.insert(digest) {
            continue;
        }
        let document: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        for list in ["manifests", "layers"] {
            if let Some(inner) = document[list].as_array() {
                queue.extend(
                    inner
                        .iter()
                        .filter(|inner| {
                            inner["digest"].is_string() && inner["mediaType"].is_string()
                        })
                        .cloned(),
                );
            }
        }
        if document["config"]["digest"].is_string() {
            queue.push(document["config"].clone());
        }
    }
    Some(found)
}

/// Returns everything that any ref leads to.
pub fn reached(dir: &Path) -> BTreeSet<Digest> {
    let index = index(dir);
    index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| reach(dir, entry))
        .flatten()
        .collect()
}

/// Returns every file below `dir` with its bytes.
pub fn content(dir: &Path) -> BTreeSet<(PathBuf, Vec<u8>)> {
    let mut found = BTreeSet::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert((path.clone(), fs::read(path).unwrap()));
            }
        }
    }
    found
}

/// Packs files with their content in an archive.
pub fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_mtime(1_795_000_000);
        header.set_size(content.len() as u64);
        builder
            .append_data(&mut header, path, content.as_bytes())
            .unwrap();
    }
    builder.into_inner().unwrap()
}
