//! A deterministic, structure-aware fuzzer: every format and every saved file, with changes that
//! keep most of it valid. No input may cause a panic or take long.
//!
//! Seeds are fixed and the number of cases is bounded, so all runs are the same. A failure prints
//! the format and the number of the case.

use std::io::{Read as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use cachelens::config;
use cachelens::format::cache_config::{CacheGraph, import};
use cachelens::format::dockerfile::outline::DockerfileOutline;
use cachelens::format::layout::{check_marker, parse_index};
use cachelens::format::manifest::{ImageConfig, ManifestDocument};
use cachelens::format::{evidence, ignore_file, lenient, llb};
use cachelens::inventory::filter::Filter;
use cachelens::prune::journal::Journal;
use cachelens::prune::plan::file;
use cachelens::source::Source;
use cachelens::text::escape::visible;
use cachelens::text::secrets;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::support::command::Sandbox;
use crate::support::fixture::{Fixture, Layout, SETS};
use crate::support::made::MadeLayout;

mod answers;
mod change;

use change::Random;

/// The number of changes to each document of a format.
const CASES: u64 = 60;
/// The maximum time of one case, in a build without optimisation on a busy machine.
const LIMIT: Duration = Duration::from_secs(10);
/// The maximum size of a document: larger ones find nothing more, and take long.
const LARGEST: usize = 200_000;

/// Changes each of `documents` in many ways and passes them to `read`.
fn fuzz(
    format: &str,
    documents: &[Vec<u8>],
    change: impl Fn(&[u8], &mut Random) -> Vec<u8>,
    read: impl Fn(&[u8]),
) {
    assert!(
        !documents.is_empty(),
        "{format}: there is nothing to change"
    );
    println!("{format}: {} inputs", documents.len() as u64 * CASES);
    for (number, document) in documents.iter().enumerate() {
        for case in 0..CASES {
            let mut random = Random::new((number as u64) << 32 | case);
            let changed = change(document, &mut random);
            let begun = Instant::now();
            let result = catch_unwind(AssertUnwindSafe(|| read(&changed)));
            let took = begun.elapsed();
            let what = || {
                format!(
                    "{format}, document {number}, case {case}: {:?}",
                    String::from_utf8_lossy(&changed)
                )
            };
            assert!(result.is_ok(), "a panic: {}", what());
            assert!(took < LIMIT, "{took:?}: {}", what());
        }
    }
}

/// Returns a few documents of a kind from the pools.
fn pool(is_meant: impl Fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
    let mut documents = Vec::new();
    for set in SETS {
        let fixture = Fixture::named(set);
        let mut digests: Vec<_> = fixture.blobs().collect();
        digests.sort();
        let blobs = digests.into_iter().map(|digest| fixture.blob(digest));
        documents.extend(
            blobs
                .filter(|blob| blob.len() < LARGEST && is_meant(blob))
                .take(6),
        );
    }
    documents
}

/// Returns the files of a folder of every set that has it.
fn files(folder: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for set in SETS {
        let Ok(entries) = std::fs::read_dir(Fixture::named(set).path(folder)) else {
            continue;
        };
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let read = paths
            .iter()
            .take(3)
            .map(|path| std::fs::read(path).unwrap());
        found.extend(read.filter(|bytes| bytes.len() < LARGEST * 5));
    }
    found
}

fn holds(text: &str) -> impl Fn(&[u8]) -> bool + '_ {
    move |blob| blob.starts_with(b"{") && String::from_utf8_lossy(blob).contains(text)
}

#[test]
fn manifests_and_indexes() {
    let mut documents = pool(holds("\"schemaVersion\""));
    for set in SETS {
        let layout = Fixture::named(set).json::<Layout>("local.json");
        documents.push(layout.index.to_string().into_bytes());
    }
    fuzz("manifest", &documents, change::json, |bytes| {
        let _ = check_marker(bytes);
        let _ = parse_index(bytes).map(|roots| roots.len());
        if let Ok(
            ManifestDocument::Manifest { layers, .. }
            | ManifestDocument::Index {
                entries: layers, ..
            },
        ) = ManifestDocument::parse(bytes)
        {
            for layer in &layers {
                let _ = (
                    layer.size(),
                    layer.created(),
                    layer.diff_id(),
                    layer.is_manifest_like(),
                );
            }
        }
    });
}

#[test]
fn cache_configurations() {
    fuzz(
        "cache configuration",
        &pool(holds("\"records\"")),
        change::json,
        |bytes| {
            let Ok(graph) = CacheGraph::parse(bytes) else {
                return;
            };
            let _ = import::simulate(&graph, |_| true);
            let _ = import::simulate(&graph, |digest| digest.hex().starts_with(['0', '5', 'a']));
        },
    );
    fuzz("image", &pool(holds("\"rootfs\"")), change::json, |bytes| {
        let _ = lenient::parse::<ImageConfig>(bytes);
    });
}

#[test]
fn evidence_of_builds() {
    for folder in ["provenance", "cache-debug", "logs"] {
        fuzz(folder, &files(folder), change::text_or_json, |bytes| {
            let _ = evidence::read(bytes);
        });
    }
    fuzz("llb", &files("llb"), change::bytes, |bytes| {
        let _ = evidence::read(bytes);
        let _ = llb::definition::parse(bytes);
    });
}

#[test]
fn build_records() {
    // Compression would hide every change, so the content is changed.
    let change = |bytes: &[u8], random: &mut Random| {
        let mut archive = Vec::new();
        GzDecoder::new(bytes).read_to_end(&mut archive).unwrap();
        let changed = change::bytes(&archive, random);
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&changed).unwrap();
        packed.finish().unwrap()
    };
    fuzz("build record", &files("dockerbuild"), change, |bytes| {
        let _ = evidence::read(bytes);
    });
}

#[test]
fn plans_and_journals() {
    let (sandbox, layout) = (Sandbox::new(), MadeLayout::new());
    for name in ["main", "old"] {
        layout.tag(name, layout.cache(&[layout.blob(name.as_bytes(), 96)], 96));
    }
    layout.blob(b"orphan", 96);
    let source = layout.source();
    let plan = sandbox.path("plan.json");
    let path = plan.to_str().unwrap();
    let made = sandbox.run(format!("prune {source} --drop-ref old --plan-out {path}"));
    assert_eq!(made.code, Some(0), "{made}");
    let plan = std::fs::read(plan).unwrap();
    // The digest would detect every change of the content, so it is recomputed.
    let signed = |bytes: &[u8], random: &mut Random| {
        let envelope: Value = serde_json::from_slice(bytes).unwrap();
        let inner = change::json(envelope["plan"].to_string().as_bytes(), random);
        let digest = cachelens::format::digest::Digest::of(&inner);
        let inner = String::from_utf8_lossy(&inner).into_owned();
        format!(r#"{{"cachelens_plan":1,"digest":"{digest}","plan":{inner}}}"#).into_bytes()
    };
    let load = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        if let Ok(plan) = file::load(&text) {
            assert!(plan.is_loaded());
            let _ = file::save(&plan, std::io::sink());
        }
    };
    fuzz("plan", std::slice::from_ref(&plan), signed, load);
    fuzz("envelope of a plan", &[plan], change::json, load);

    let done = sandbox.json(format!("prune {source} --drop-ref old --yes --json"));
    let journal = std::fs::read(done["outcome"]["journal"].as_str().unwrap()).unwrap();
    let copy = sandbox.path("copy.jsonl");
    fuzz("journal", &[journal], change::lines, |bytes| {
        std::fs::write(&copy, bytes).unwrap();
        let _ = Journal::reopen(&copy);
    });
}

#[test]
fn configurations_and_policies() {
    let policy = br#"
sources = ["./a#b", "s3://b/p?region=r&endpoint_url=https://e", "type=gha,scope=x", "ghcr.io/a/b:c"]
[ui]
theme = "dark"
mouse = true
[scan]
concurrency = 3
timeout = "1m"
[retention]
grace = "48h"
zone = "UTC"
max_delete = "90%"
[[retention.rule]]
name = "a"
match = { ref = ["main", "!x", "/^v\\d+/"], source = "*", kind = "cache", older_than = "3d", larger_than = "1GB" }
keep = { last = 20, within = "14d", daily = 7, used_within = "3d", generations = 2 }
group = "repository"
drop_records = "age>30d step~apt-get"
[retention.budget]
max_size = "50GB"
max_refs = 500
min_free = "20GB"
"#;
    let example = include_bytes!("../../assets/cachelens.example.toml");
    fuzz(
        "configuration",
        &[policy.to_vec(), example.to_vec()],
        change::text,
        |bytes| {
            if let Err(error) = config::parse(
                &String::from_utf8_lossy(bytes),
                Path::new("/x/cachelens.toml"),
            ) {
                let _ = error.to_string();
            }
        },
    );
}

#[test]
fn user_input() {
    let sources: Vec<Vec<u8>> = [
        "type=s3,bucket=b,region=r,endpoint_url=https://e,access_key_id=a,secret_access_key=b,name=x;y",
        "--cache-to=type=registry,ref=${A}:b,mode=max",
        "s3://bucket/prefix?region=r&session_token=t#main",
        "gha:acme/app?url=http://h#scope@refs/heads/main",
        "ghcr.io/acme/app:tag@sha256:0000000000000000000000000000000000000000000000000000000000000000",
        "oci:dir:tag",
        "docker://[::1]:5000/x",
        "cache-to = [\"type=local,\\\"dest=a,b\\\"\"]",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    fuzz("source", &sources, change::text, |bytes| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let _ = (
            secrets::mask(&text),
            secrets::mask_source(&text),
            secrets::mask_line(&text),
        );
        let _ = visible(&text);
        if let Ok(parsed) = Source::parse(&text, &|_| false) {
            let printed = parsed.source.to_string();
            let _ = (parsed.source.host(), parsed.source.may_be_contacted());
            let _ = Source::parse(&printed, &|_| false);
        }
    });
    let filters = [b"size>1G age>30d ref~^pr- state:orphan !shared step~npm".to_vec()];
    fuzz("filter", &filters, change::text, |bytes| {
        let _ = Filter::parse(&String::from_utf8_lossy(bytes));
    });
    let dockerfile = b"# syntax=docker/dockerfile:1\nFROM a AS b\nRUN <<EOF\nx\nEOF\nCOPY --from=b --link . /\nRUN a \\\n  b\n".to_vec();
    fuzz("Dockerfile", &[dockerfile], change::lines, |bytes| {
        let _ = DockerfileOutline::parse(&String::from_utf8_lossy(bytes));
    });
    let ignored = b"# x\n*\n!src/**\n**/*.tmp\n/a/[b-c]\\\n".to_vec();
    fuzz("ignore file", &[ignored], change::text, |bytes| {
        let _ = ignore_file::parse(bytes);
    });
}
