//! The demo cache: small, complete, and as `assets/make-demo` describes it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::sync::Arc;

use cachelens::backend::{SharedReader, memory};
use cachelens::format::digest::Digest;
use cachelens::inventory::RefEntry;
use cachelens::inventory::scan::{ScanOptions, scan};
use flate2::read::GzDecoder;
use jiff::Timestamp;
use serde_json::Value;

use crate::support::command::Sandbox;

const DEMO: &[u8] = include_bytes!("../../assets/demo.tar.gz");

/// The maximum size of the demo, packed and unpacked, in bytes.
const MAX: usize = 2_200_000;

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
    path.strip_prefix("cache/blobs/sha256/")
        .map(|hex| Digest::from_parts("sha256", hex).unwrap())
}

fn digest(descriptor: &Value) -> Digest {
    descriptor["digest"].as_str().unwrap().parse().unwrap()
}

#[test]
fn every_blob_of_the_demo_matches_its_digest_and_is_small() {
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

#[tokio::test]
async fn the_ages_in_the_demo_do_not_depend_on_the_clock() {
    let times = ["2026-01-01T00:00:00Z", "2031-07-09T12:00:00Z"];
    let mut ages = Vec::new();
    for time in times {
        let now: Timestamp = time.parse().unwrap();
        let reader: SharedReader = Arc::new(memory::demo(now).unwrap());
        let inventory = scan(&reader, &ScanOptions::default(), |_| ())
            .await
            .unwrap();
        let age = |entry: &RefEntry| {
            let (created, _) = entry.created.unwrap();
            (entry.name.clone(), now.duration_since(created).as_mins())
        };
        ages.push(inventory.refs.iter().map(age).collect::<BTreeMap<_, _>>());
    }
    assert_eq!(ages[0], ages[1]);
    assert_eq!(ages[0].len(), 9);
    assert!(ages[0]["main"] < 4 * 60);
    let day = 24 * 60;
    assert!(ages[0]["release-1.0"] > 80 * day && ages[0]["release-1.0"] < 90 * day);
}

#[test]
fn the_last_build_of_the_demo_is_explained_at_once() {
    let cachelens = Sandbox::new();
    let answer = cachelens.json("why demo#main --json");
    let causes: Vec<_> = answer["root_causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cause| {
            (
                cause["kind"].as_str().unwrap(),
                cause["paths"][0].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        causes,
        [
            ("content", "package-lock.json"),
            ("content", "web/index.js")
        ]
    );
    assert!(answer["summary"]["seconds_lost"].as_f64().unwrap() > 120.0);
    assert_eq!(answer["summary"]["unknown"], 0);
}

#[test]
fn the_ref_of_two_platforms_has_a_build_of_its_own() {
    let cachelens = Sandbox::new();
    let answer = cachelens.json("why demo#web-amd64-386 --json");
    let cause = &answer["root_causes"][0];
    assert_eq!(cause["kind"], "content");
    assert_eq!(cause["paths"][0], "web/page.js");
    assert_eq!(answer["root_causes"].as_array().unwrap().len(), 1);
    let [hit, miss, unknown] =
        ["hit", "miss", "unknown"].map(|name| answer["summary"][name].as_u64().unwrap());
    assert_eq!((hit, miss, unknown), (3, 2, 0));
}

#[test]
fn the_demo_has_refs_orphans_an_upload_and_a_missing_blob() {
    let files = files();
    let json = |path: &str| -> Value { serde_json::from_slice(&files[path]).unwrap() };
    let stored: BTreeSet<Digest> = files
        .keys()
        .filter_map(|path| digest_of_path(path))
        .collect();

    let mut refs = Vec::new();
    let mut reached = BTreeSet::new();
    for descriptor in json("cache/index.json")["manifests"].as_array().unwrap() {
        let name = descriptor["annotations"]["org.opencontainers.image.ref.name"]
            .as_str()
            .unwrap()
            .to_owned();
        let statements = files.keys().filter(|path| {
            let of_ref = path.strip_prefix("provenance/");
            let of_ref = of_ref.and_then(|path| path.strip_prefix(&name));
            of_ref.is_some_and(|rest| rest.starts_with(['.', '/']))
        });
        let statements: Vec<&String> = statements.collect();
        let platforms = if name == "web-amd64-386" { 2 } else { 1 };
        assert_eq!(statements.len(), platforms, "{name}");
        assert!(statements.iter().all(|path| json(path).is_object()));
        let manifest = json(&format!("cache/blobs/sha256/{}", digest(descriptor).hex()));
        reached.extend([digest(descriptor), digest(&manifest["config"])]);
        reached.extend(manifest["layers"].as_array().unwrap().iter().map(digest));
        refs.push(name);
    }
    refs.sort();
    assert_eq!(
        refs,
        [
            "main",
            "pr-14",
            "pr-18",
            "pr-3",
            "pr-5",
            "pr-9",
            "release-1.0",
            "release-1.1",
            "web-amd64-386"
        ]
    );
    assert_eq!(reached.difference(&stored).count(), 1);
    assert!(stored.difference(&reached).count() >= 10);
    assert_eq!(
        files
            .keys()
            .filter(|path| path.starts_with("cache/ingest/") && path.ends_with("/data"))
            .count(),
        1
    );
    assert!(files.contains_key("cache/oci-layout"));
}

#[test]
fn one_ref_of_the_demo_has_the_steps_of_two_platforms() {
    let cachelens = Sandbox::new();
    let shown = cachelens.run("show demo#web-amd64-386").to_string();
    for step in [
        "RUN npm ci (linux/386)",
        "RUN npm ci (linux/amd64)",
        "RUN npm run build web (linux/386)",
        "RUN npm run build web (linux/amd64)",
    ] {
        assert!(shown.contains(step), "no {step} in {shown}");
    }
}
