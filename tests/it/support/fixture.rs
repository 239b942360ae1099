//! Stores built from the pool of blobs in `tests/fixtures`.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use cachelens::format::digest::Digest;
use cachelens::format::time::GoTime;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tempfile::TempDir;

/// The names of the sets.
pub const SETS: [&str; 3] = ["shop", "kitchen", "mini"];

/// A set of fixtures.
pub struct Fixture {
    root: PathBuf,
}

/// The content of `local.json` and `local-latest.json`: a layout without the bytes.
#[derive(Deserialize)]
pub struct Layout {
    /// The content of `index.json`.
    pub index: Value,
    /// The blobs below `blobs/sha256`.
    pub blobs: Vec<StoredBlob>,
}

/// A blob of a layout, and its modification time.
#[derive(Deserialize)]
pub struct StoredBlob {
    /// Its name in the pool and in the layout.
    pub digest: Digest,
    /// Its modification time.
    pub modified: GoTime,
}

impl Fixture {
    /// Returns the set called `name`.
    pub fn named(name: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures")
            .join(name);
        assert!(root.is_dir(), "{} is no set of fixtures", root.display());
        Self { root }
    }

    /// Returns the path of a file or folder of the set.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }

    /// Reads a JSON document of the set.
    pub fn json<T: DeserializeOwned>(&self, relative: &str) -> T {
        let text = fs::read(self.path(relative)).unwrap();
        serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{relative}: {error}"))
    }

    /// Reads a blob of the pool.
    pub fn blob(&self, digest: Digest) -> Vec<u8> {
        fs::read(self.blob_path(digest)).unwrap_or_else(|error| panic!("{digest}: {error}"))
    }

    /// Returns the digests in the names of the pool's files.
    pub fn blobs(&self) -> impl Iterator<Item = Digest> {
        fs::read_dir(self.path("blobs/sha256"))
            .unwrap()
            .map(|entry| {
                let name = entry.unwrap().file_name().into_string().unwrap();
                Digest::from_parts("sha256", &name)
                    .unwrap_or_else(|error| panic!("{name}: {error}"))
            })
    }

    /// Writes the OCI layout of `list` (`local.json`, `local-latest.json`) as BuildKit left it:
    /// blobs are read-only, with their original times.
    pub fn layout(&self, list: &str) -> TempDir {
        let folder = TempDir::new().unwrap();
        self.write_layout(list, folder.path());
        folder
    }

    /// Writes the same into a folder, which need not exist yet.
    pub fn write_layout(&self, list: &str, folder: &Path) {
        let layout: Layout = self.json(list);
        let blobs = folder.join("blobs/sha256");
        fs::create_dir_all(&blobs).unwrap();
        fs::write(
            folder.join("oci-layout"),
            r#"{"imageLayoutVersion":"1.0.0"}"#,
        )
        .unwrap();
        fs::write(folder.join("index.json"), layout.index.to_string()).unwrap();
        for StoredBlob { digest, modified } in layout.blobs {
            let path = blobs.join(digest.hex());
            fs::copy(self.blob_path(digest), &path).unwrap();
            File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_modified(modified.0.unwrap().into())
                .unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        }
    }

    fn blob_path(&self, digest: Digest) -> PathBuf {
        self.path("blobs")
            .join(digest.algorithm())
            .join(digest.hex())
    }
}

impl Fixture {
    /// Unpacks the working trees of all commits, as `cNN` and `cNN.extra`, with their modes and
    /// links.
    pub fn trees(&self) -> TempDir {
        let folder = TempDir::new().unwrap();
        let packed = File::open(self.path("tree.tar.gz")).unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed));
        archive.set_preserve_permissions(true);
        archive.unpack(folder.path()).unwrap();
        folder
    }
}
