//! A build that exports to a local cache like BuildKit.
//!
//! For each blob: if it is stored, it is skipped, and not touched. Otherwise it is uploaded to
//! `ingest/` and moved to its place (containerd, `plugins/content/local`). At the end the client
//! writes `oci-layout` and `index.json` under the lock of the index, without waiting for it
//! (`client/ociindex/ociindex.go`).

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use cachelens::format::digest::Digest;
use serde_json::{Value, json};

use super::made::{blob_path, entry};

/// A cache to export as a tag.
pub struct Exporter {
    pub dir: PathBuf,
    pub tag: String,
    /// Layers, config and manifest.
    blobs: Vec<Vec<u8>>,
    pauses: Pauses,
}

/// Pauses of random length between two steps of an export.
pub struct Pauses {
    state: u64,
    most: Duration,
}

impl Pauses {
    pub fn new(seed: u64, most: Duration) -> Self {
        Self {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            most,
        }
    }

    /// Returns the next random number below `end` (xorshift).
    pub fn below(&mut self, end: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % end.max(1)
    }

    fn pause(&mut self) {
        let most = u64::try_from(self.most.as_micros()).unwrap();
        thread::sleep(Duration::from_micros(self.below(most + 1)));
    }
}

/// The result of an export.
#[derive(Debug, PartialEq, Eq)]
pub enum Exported {
    Done,
    /// The lock of the index was held: BuildKit fails such a build.
    LockHeld,
}

impl Exporter {
    /// Prepares the export of a cache with these layers.
    pub fn new(dir: PathBuf, tag: &str, layers: &[&[u8]], pauses: Pauses) -> Self {
        let config = br#"{"layers":[],"records":[]}"#.to_vec();
        let descriptor = |kind: &str, bytes: &[u8]| json!({ "mediaType": kind, "digest": Digest::of(bytes), "size": bytes.len() });
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.buildkit.cacheconfig.v0", &config),
            "layers": layers
                .iter()
                .map(|layer| descriptor("application/vnd.oci.image.layer.v1.tar", layer))
                .collect::<Vec<_>>(),
        });
        let mut blobs: Vec<Vec<u8>> = layers.iter().map(|layer| layer.to_vec()).collect();
        blobs.push(config);
        blobs.push(manifest.to_string().into_bytes());
        Self {
            dir,
            tag: tag.to_owned(),
            blobs,
            pauses,
        }
    }

    /// Returns the blobs of the export.
    pub fn blobs(&self) -> &[Vec<u8>] {
        &self.blobs
    }

    /// Exports, with a pause at each step.
    pub fn export(&mut self) -> Exported {
        for number in 0..self.blobs.len() {
            self.pauses.pause();
            let digest = Digest::of(&self.blobs[number]);
            if !blob_path(&self.dir, &digest).exists() {
                self.pauses.pause();
                self.upload(number, &digest);
            }
        }
        self.pauses.pause();
        self.write_refs()
    }

    fn upload(&mut self, number: usize, digest: &Digest) {
        let ingest = self.dir.join("ingest").join(digest.hex());
        fs::create_dir_all(&ingest).unwrap();
        fs::write(ingest.join("ref"), "buildkit").unwrap();
        let mut data = File::create(ingest.join("data")).unwrap();
        let (head, tail) = self.blobs[number].split_at(self.blobs[number].len() / 2);
        data.write_all(head).unwrap();
        let tail = tail.to_vec();
        self.pauses.pause();
        data.write_all(&tail).unwrap();
        data.sync_all().unwrap();
        fs::rename(ingest.join("data"), blob_path(&self.dir, digest)).unwrap();
        fs::remove_dir_all(ingest).unwrap();
    }

    /// Writes the refs as BuildKit's client does.
    pub fn write_refs(&self) -> Exported {
        let path = self.dir.join("index.json.lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .unwrap();
        if lock.try_lock().is_err() {
            return Exported::LockHeld;
        }
        let layout = r#"{"imageLayoutVersion":"1.0.0"}"#;
        fs::write(self.dir.join("oci-layout"), layout).unwrap();
        let index = OpenOptions::new()
            .read(true)
            .write(true)
            .open(self.dir.join("index.json"))
            .unwrap();
        let mut text: Value = serde_json::from_reader(&index).unwrap();
        let manifest = Digest::of(self.blobs.last().unwrap());
        let entries = text["manifests"].as_array_mut().unwrap();
        let name = "org.opencontainers.image.ref.name";
        entries.retain(|entry| entry["annotations"][name] != *self.tag);
        entries.push(entry(&self.tag, manifest));
        let text = text.to_string();
        index.write_all_at(text.as_bytes(), 0).unwrap();
        index.set_len(text.len() as u64).unwrap();
        drop(lock);
        let _ = fs::remove_file(path);
        Exported::Done
    }
}
