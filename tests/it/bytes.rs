//! Documents that BuildKit wrote, with bytes changed, cut or repeated: no reader may panic.

use std::collections::HashSet;

use cachelens::format::cache_config::{CacheGraph, import, inline};
use cachelens::format::digest::Digest;
use cachelens::format::layout::{check_marker, parse_index};
use cachelens::format::lenient;
use cachelens::format::manifest::{ImageConfig, ManifestDocument};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::fixture::{Fixture, Layout, SETS};

/// Returns all JSON documents in the pools, and the indexes of the layouts.
fn documents() -> Vec<Vec<u8>> {
    let mut documents = Vec::new();
    for set in SETS {
        let fixture = Fixture::named(set);
        documents.extend(
            fixture
                .blobs()
                .map(|digest| fixture.blob(digest))
                .filter(|blob| blob.starts_with(b"{")),
        );
        for list in ["local.json", "local-latest.json"] {
            documents.push(fixture.json::<Layout>(list).index.to_string().into_bytes());
        }
    }
    documents
}

/// A change to a document.
#[derive(Debug, Clone)]
enum Change {
    /// One byte becomes another.
    Byte(Index, u8),
    /// A digit becomes another, so that numbers and digests stay valid and lead elsewhere.
    Digit(Index, u8),
    /// Everything from there on is removed.
    Cut(Index),
    /// A part is repeated.
    Repeat(Index, usize),
    /// A part is removed.
    Remove(Index, usize),
    /// A part is replaced by a text that other parsers may reject.
    Insert(Index, &'static str),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let odd = [
        "null",
        "-1",
        "1e99",
        "99999999999999999999",
        "[]",
        "{}",
        "\"",
        "\\ud800",
        "\u{0}",
        "[[[[",
        "\"sha256:\"",
    ];
    let change = prop_oneof![
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        4 => (any::<Index>(), b'0'..=b'9').prop_map(|(at, digit)| Change::Digit(at, digit)),
        1 => any::<Index>().prop_map(Change::Cut),
        1 => (any::<Index>(), 1..200_usize).prop_map(|(at, length)| Change::Repeat(at, length)),
        1 => (any::<Index>(), 1..40_usize).prop_map(|(at, length)| Change::Remove(at, length)),
        1 => (any::<Index>(), prop::sample::select(odd.to_vec())).prop_map(|(at, text)| Change::Insert(at, text)),
    ];
    prop::collection::vec(change, 1..6)
}

fn apply(document: &mut Vec<u8>, changes: &[Change]) {
    for change in changes {
        if !document.is_empty() {
            apply_one(document, change);
        }
    }
}

fn apply_one(document: &mut Vec<u8>, change: &Change) {
    let part =
        |at: &Index, length: usize, all: usize| at.index(all)..(at.index(all) + length).min(all);
    match change {
        Change::Byte(at, byte) => {
            let at = at.index(document.len());
            document[at] = *byte;
        }
        Change::Digit(at, digit) => {
            let digits: Vec<usize> = (0..document.len())
                .filter(|place| document[*place].is_ascii_digit())
                .collect();
            if !digits.is_empty() {
                document[digits[at.index(digits.len())]] = *digit;
            }
        }
        Change::Cut(at) => document.truncate(at.index(document.len())),
        Change::Repeat(at, length) => {
            let range = part(at, *length, document.len());
            let repeated = document[range.clone()].to_vec();
            document.splice(range.end..range.end, repeated);
        }
        Change::Remove(at, length) => drop(document.drain(part(at, *length, document.len()))),
        Change::Insert(at, text) => {
            let at = at.index(document.len());
            document.splice(at..at, text.bytes());
        }
    }
}

/// Reads bytes as every kind of document, and uses the results.
fn read(bytes: &[u8]) {
    let _ = check_marker(bytes);
    let _ =
        parse_index(bytes).map(|roots| roots.iter().map(|root| root.name().len()).sum::<usize>());
    if let Ok(graph) = CacheGraph::parse(bytes) {
        simulate(&graph);
    }
    let layers = match ManifestDocument::parse(bytes) {
        Ok(ManifestDocument::Manifest { layers, .. }) => layers,
        Ok(ManifestDocument::Index { entries, .. }) => entries,
        Ok(_) | Err(_) => Vec::new(),
    };
    for layer in &layers {
        let _ = (
            layer.size(),
            layer.created(),
            layer.diff_id(),
            layer.is_manifest_like(),
        );
    }
    if let Ok(config) = lenient::parse::<ImageConfig>(bytes) {
        let _ = inline::read(&config, &layers).map(|graph| graph.iter().for_each(simulate));
    }
}

/// Imports a configuration, first with all of its layers described and then with every other one.
fn simulate(graph: &CacheGraph) {
    let described: HashSet<Digest> = graph
        .layers
        .iter()
        .step_by(2)
        .filter_map(|layer| layer.blob.valid())
        .collect();
    for every in [true, false] {
        let Ok(kept) = import::simulate(graph, |digest| every || described.contains(digest)) else {
            continue;
        };
        assert_eq!(kept.len(), graph.records.len());
        for (record, kept) in graph.records.iter().zip(&kept) {
            assert!(kept.iter().all(|(place, _)| *place < record.results.len()));
            assert!(
                graph
                    .inputs(record)
                    .all(|links| links.iter().all(|link| graph.target(link).is_some()))
            );
        }
    }
}

#[test]
fn a_changed_document_is_read_or_refused() {
    let strategy = (prop::sample::select(documents()), changes());
    let mut runner = proptest::test_runner::TestRunner::default();
    runner
        .run(&strategy, |(mut document, changes)| {
            apply(&mut document, &changes);
            read(&document);
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_records_of_an_image_are_read_or_refused() {
    // Base64 hides them from changes of the document, so they are changed inside it.
    let images = documents()
        .into_iter()
        .filter_map(|document| lenient::parse::<ImageConfig>(&document).ok());
    let images: Vec<ImageConfig> = images
        .filter(|config| !config.inline_cache.is_empty())
        .collect();
    assert!(images.len() > 10);
    let strategy = (prop::sample::select(images), changes(), 0..20_usize);
    let mut runner = proptest::test_runner::TestRunner::default();
    runner
        .run(&strategy, |(mut config, changes, layers)| {
            use base64::Engine as _;
            let base64 = base64::engine::general_purpose::STANDARD;
            let mut records = base64.decode(&config.inline_cache).unwrap();
            apply(&mut records, &changes);
            config.inline_cache = base64.encode(&records);
            config
                .rootfs
                .diff_ids
                .0
                .resize_with(layers, Default::default);
            let layer = format!(r#"{{"digest":"{}","size":1}}"#, Digest::of(b"layer"));
            let manifest = format!(
                r#"{{"config":{{}},"layers":[{}]}}"#,
                vec![layer; layers].join(",")
            );
            let Ok(ManifestDocument::Manifest { layers, .. }) =
                ManifestDocument::parse(manifest.as_bytes())
            else {
                panic!()
            };
            if let Ok(Some(graph)) = inline::read(&config, &layers) {
                simulate(&graph);
            }
            Ok(())
        })
        .unwrap();
}

proptest! {
    #[test]
    fn bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read(&bytes);
    }

    #[test]
    fn json_like_text_is_read_or_refused(text in r#"[\[\]{}",:0-9a-z.\\ -]{0,200}"#) {
        read(text.as_bytes());
    }
}
