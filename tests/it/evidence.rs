//! Evidence in all its forms, written by real BuildKit and buildx, and the keys that follow from
//! each.

use std::collections::BTreeSet;

use cachelens::explain::keys::image::{self, ImageFacts};
use cachelens::explain::keys::{self, root};
use cachelens::explain::load::documents::{self, FoundDocument};
use cachelens::format::cache_debug::{CacheDebug, Plain};
use cachelens::format::digest::{Digest, DigestText};
use cachelens::format::evidence::EvidenceDocument;
use cachelens::format::llb::OpKind;
use cachelens::format::manifest::ManifestDocument as Manifest;
use cachelens::format::plain_log::PlainOutcome;
use cachelens::format::provenance::Build;

use crate::explain::{cache, history, pushed};
use crate::support::fixture::{Fixture, SETS};

fn load(fixture: &Fixture, path: &str) -> Vec<FoundDocument> {
    let (found, unusable) = documents::load(&fixture.path(path));
    assert!(unusable.is_empty(), "{path}: {unusable:?}");
    assert!(!found.is_empty(), "{path}");
    found
}

fn one(fixture: &Fixture, path: &str) -> EvidenceDocument {
    load(fixture, path).remove(0).document
}

/// Returns the records for the keys of a build's steps.
fn records(build: &Build) -> BTreeSet<Digest> {
    keys::of_build(build)
        .iter()
        .flat_map(|keys| &keys.digests)
        .map(|key| root(key, 0))
        .collect()
}

#[test]
fn evidence_is_recognized_by_its_content() {
    for set in SETS {
        let fixture = Fixture::named(set);
        for found in load(&fixture, "provenance") {
            assert!(
                matches!(found.document, EvidenceDocument::Provenance(_)),
                "{found:?}"
            );
        }
        for found in load(&fixture, "logs") {
            match found
                .path
                .extension()
                .and_then(|extension| extension.to_str())
            {
                Some("plain") => {
                    assert!(
                        matches!(found.document, EvidenceDocument::PlainLog(_)),
                        "{found:?}"
                    );
                }
                _ => assert!(
                    matches!(found.document, EvidenceDocument::Log(_)),
                    "{found:?}"
                ),
            }
        }
    }
    let mini = Fixture::named("mini");
    assert!(
        load(&mini, "llb")
            .iter()
            .all(|found| matches!(found.document, EvidenceDocument::Definition(_)))
    );
    assert!(
        load(&mini, "dockerbuild")
            .iter()
            .all(|found| matches!(found.document, EvidenceDocument::Records(_)))
    );
    assert!(
        load(&mini, "cache-debug")
            .iter()
            .all(|found| matches!(found.document, EvidenceDocument::CacheDebug(_)))
    );
}

#[test]
fn a_definition_gives_the_keys_that_provenance_gives() {
    let fixture = Fixture::named("mini");
    for commit in history(&fixture) {
        let name = &commit.commit;
        let EvidenceDocument::Definition(definition) = one(&fixture, &format!("llb/{name}.pb"))
        else {
            panic!()
        };
        let EvidenceDocument::Provenance(provenance) =
            one(&fixture, &format!("provenance/{name}.json"))
        else {
            panic!()
        };
        assert_eq!(records(&definition), records(&provenance), "{name}");
        assert_eq!(definition.steps.len(), provenance.steps.len(), "{name}");
    }
}

#[test]
fn a_build_record_has_the_build_its_log_and_its_caches() {
    let fixture = Fixture::named("mini");
    for (name, before) in [("c02", "c01"), ("c03", "c02")] {
        let EvidenceDocument::Records(records_of) =
            one(&fixture, &format!("dockerbuild/{name}.dockerbuild"))
        else {
            panic!()
        };
        let [record] = records_of.as_slice() else {
            panic!("{name}: {}", records_of.len())
        };
        assert!(record.problems.is_empty(), "{:?}", record.problems);
        let imported: Vec<_> = record
            .imports
            .iter()
            .map(|entry| entry.attributes["ref"].clone())
            .collect();
        assert_eq!(imported, [format!("127.0.0.1:5055/mini-cache:{before}")]);
        assert_eq!((record.total_steps, record.error.as_deref()), (12, None));
        assert_eq!(record.context, Some(format!("/src/mini/{name}")));

        // The same files and commands as for the cache of this commit, so the same keys.
        let EvidenceDocument::Provenance(provenance) =
            one(&fixture, &format!("provenance/{name}.json"))
        else {
            panic!()
        };
        assert_eq!(records(&record.builds[0]), records(&provenance));
        // Every step in the log is a step of the build.
        let vertices: BTreeSet<Digest> = record.builds[0]
            .steps
            .iter()
            .flat_map(|step| step.vertices.clone())
            .collect();
        let told = record
            .log
            .vertices
            .iter()
            .filter(|vertex| vertices.contains(&vertex.digest))
            .count();
        assert_eq!(told, 8, "{name}");

        // The same steps ran as in the plain log of the same build.
        let EvidenceDocument::PlainLog(plain) = one(&fixture, &format!("logs/{name}.plain")) else {
            panic!()
        };
        for vertex in record
            .log
            .vertices
            .iter()
            .filter(|vertex| !vertex.name.starts_with("[internal]"))
        {
            let Some(line) = plain.vertices.iter().find(|line| line.name == vertex.name) else {
                continue;
            };
            let cached = line.outcome == PlainOutcome::Cached;
            assert_eq!(cached, vertex.cached, "{name} {}", vertex.name);
            assert!(
                !line.fetched || vertex.ever_cached,
                "{name} {}",
                vertex.name
            );
        }
        assert_eq!(record.images[0].len(), 2);
    }
}

#[test]
fn debug_data_gives_the_text_behind_every_record_that_the_daemon_knew() {
    for (set, name) in [
        ("mini", "c01"),
        ("mini", "c02"),
        ("mini", "c03"),
        ("shop", "c05"),
        ("shop", "c14"),
    ] {
        let fixture = Fixture::named(set);
        let debug = CacheDebug::parse(
            &std::fs::read(fixture.path(format!("cache-debug/{name}.json"))).unwrap(),
        )
        .unwrap();
        assert_eq!(debug.refuted, 0);
        let graph = cache(&fixture, pushed(&fixture, &format!("{set}-cache"), name));
        for record in &graph.records {
            let DigestText::Valid(digest) = record.digest else {
                panic!()
            };
            let text = debug
                .of_record(&digest)
                .unwrap_or_else(|| panic!("{set} {name} {digest}"));
            match text {
                Plain::Text(text) => {
                    assert!(
                        text.starts_with('{') || text.starts_with("buildkit.source.v0:"),
                        "{text}"
                    );
                }
                Plain::Digests(digests) => {
                    assert_eq!(record.input_count(), 0);
                    assert!(
                        digests.iter().all(|digest| debug.plain(digest).is_some()),
                        "{set} {name} {digests:?}"
                    );
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn the_second_key_of_every_image_is_in_a_cache_of_its_history() {
    let (mut missing, mut seconds) = (Vec::new(), Vec::new());
    for set in SETS {
        let fixture = Fixture::named(set);
        for commit in history(&fixture) {
            let name = &commit.commit;
            let build = Build::parse(
                &std::fs::read(fixture.path(format!("provenance/{name}.json"))).unwrap(),
            )
            .unwrap();
            let manifest = pushed(&fixture, &format!("{set}-cache"), name);
            let graph = cache(&fixture, manifest);
            let mut facts = ImageFacts::default();
            facts.add_cache(&graph);
            match Manifest::parse(&fixture.blob(manifest)).unwrap() {
                Manifest::Manifest { layers, .. } => facts.add_layers(&layers),
                Manifest::Index { entries, .. } => facts.add_layers(&entries),
                other => panic!("{other:?} is no cache"),
            }
            let mut keys = keys::of_build(&build);
            image::fill(&build, &mut keys, &facts);
            for (step, keys) in build.steps.iter().zip(&keys) {
                let OpKind::Source(op) = &step.op.kind else {
                    continue;
                };
                if op.scheme().0 != "docker-image" {
                    continue;
                }
                let [_, second] = keys.digests.as_slice() else {
                    missing.push(format!("{set} {name}"));
                    continue;
                };
                assert!(keys.complete);
                let found = graph
                    .records
                    .iter()
                    .any(|record| record.digest == DigestText::Valid(root(second, 0)));
                seconds.push((set, *second, found));
            }
        }
    }
    // The provenance of these two does not contain layers above the image.
    assert_eq!(missing, ["kitchen c06", "kitchen c07"]);
    // A thinned cache holds one of an image's two keys; some cache of the history holds each.
    assert!(seconds.len() > 25, "{}", seconds.len());
    for (set, second, _) in &seconds {
        assert!(
            seconds
                .iter()
                .any(|(of, key, found)| (of, key) == (set, second) && *found),
            "{set} {second}"
        );
    }
}

#[test]
fn a_truncated_file_gives_no_more_than_it_holds() {
    let fixture = Fixture::named("mini");
    for path in [
        "llb/c01.pb",
        "dockerbuild/c02.dockerbuild",
        "provenance/c01.json",
        "cache-debug/c01.json",
    ] {
        let whole = std::fs::read(fixture.path(path)).unwrap();
        for end in (0..whole.len()).step_by(97) {
            // A definition may be cut between its parts, where it is a valid smaller one; a record
            // may not.
            if let Ok(document) = cachelens::format::evidence::read(&whole[..end]) {
                assert!(
                    matches!(document, EvidenceDocument::Definition(_)),
                    "{path} {end} {document:?}"
                );
            }
        }
    }
}
