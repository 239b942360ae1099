//! The demo cache: small, complete, and as `assets/make-demo` describes it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use cachelens::format::digest::Digest;
use flate2::read::GzDecoder;
use serde_json::Value;

use crate::support::fixture::{Fixture, Layout};

const DEMO: &[u8] = include_bytes!("../../assets/demo.tar.gz");

/// The maximum size of the demo, packed and unpacked, in bytes.
const MAX: usize = 1_000_000;

/// Returns the files of the demo by their paths.
fn files() -> BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(GzDecoder::new(DEMO));
    let read = |entry: std::io::Result<tar::Entry<GzDecoder<&[u8]>>>| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (entry.path().unwrap().to_str().unwrap().to_owned(), content)
    };
    archive.entries().unwrap().map(read).collect()
}

fn digest_of_path(path: &str) -> Option<Digest> {
    path.strip_prefix("blobs/sha256/")
        .map(|hex| Digest::from_parts("sha256", hex).unwrap())
}

fn digest(descriptor: &Value) -> Digest {
    descriptor["digest"].as_str().unwrap().parse().unwrap()
}

#[test]
fn every_blob_is_what_its_name_says_and_all_are_small() {
    let files = files();
    assert!(DEMO.len() <= MAX, "{} bytes packed", DEMO.len());
    let unpacked: usize = files.values().map(Vec::len).sum();
    assert!(unpacked <= MAX, "{unpacked} bytes unpacked");
    for (path, content) in &files {
        if let Some(digest) = digest_of_path(path) {
            assert_eq!(Digest::of(content), digest);
        }
    }
}

#[test]
fn its_blobs_are_as_old_as_they_were() {
    let layout: Layout = Fixture::named("shop").json("local.json");
    let modified: BTreeMap<Digest, _> = layout
        .blobs
        .iter()
        .map(|blob| (blob.digest, blob.modified.0))
        .collect();
    let mut archive = tar::Archive::new(GzDecoder::new(DEMO));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let Some(digest) = digest_of_path(&path) else {
            continue;
        };
        // Seconds since 1970 with a fraction, which no other field can hold.
        let records: Vec<_> = entry
            .pax_extensions()
            .unwrap()
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let time = records
            .iter()
            .find(|record| record.key() == Ok("mtime"))
            .unwrap()
            .value()
            .unwrap();
        let expected = modified[&digest].unwrap();
        let found: f64 = time.parse().unwrap();
        assert!(
            (found - expected.as_duration().as_secs_f64()).abs() < 1e-5,
            "{path}: {time}"
        );
    }
}

#[test]
fn it_has_refs_with_their_steps_orphans_an_unfinished_upload_and_one_blob_missing() {
    let files = files();
    let json = |path: &str| -> Value { serde_json::from_slice(&files[path]).unwrap() };
    let stored: BTreeSet<Digest> = files
        .keys()
        .filter_map(|path| digest_of_path(path))
        .collect();

    let mut refs = Vec::new();
    let mut reached = BTreeSet::new();
    for descriptor in json("index.json")["manifests"].as_array().unwrap() {
        let name = descriptor["annotations"]["org.opencontainers.image.ref.name"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(json(&format!("provenance/{name}.json")).is_object());
        let manifest = json(&format!("blobs/sha256/{}", digest(descriptor).hex()));
        reached.extend([digest(descriptor), digest(&manifest["config"])]);
        reached.extend(manifest["layers"].as_array().unwrap().iter().map(digest));
        refs.push(name);
    }
    refs.sort();
    assert_eq!(
        refs,
        ["main", "pr-12", "pr-14", "pr-5", "pr-9", "release-1.0"]
    );
    assert_eq!(reached.difference(&stored).count(), 1);
    assert!(stored.difference(&reached).count() >= 10);
    assert_eq!(
        files
            .keys()
            .filter(|path| path.starts_with("ingest/") && path.ends_with("/data"))
            .count(),
        1
    );
    assert!(files.contains_key("oci-layout"));
}
