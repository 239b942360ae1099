//! Content keys of build contexts, compared with the caches that real BuildKit wrote from the same
//! files.

use std::collections::BTreeSet;
use std::path::PathBuf;

use cachelens::explain::context::snapshot::Snapshot;
use cachelens::explain::keys::{self, ContentKey, content, content_root, fill, selectors};
use cachelens::explain::load::context::{self, Directories};
use cachelens::explain::matching::Matches;
use cachelens::format::cache_config::{CacheGraph, LayerIndex, Record, ResultLayers};
use cachelens::format::digest::Digest;
use cachelens::format::layer::LayerLimits;
use cachelens::format::provenance::{Build, StepOutput};
use cachelens::inventory::labels::Certainty;

use crate::explain::{cache, history, pushed};
use crate::support::fixture::{Fixture, SETS};

#[test]
fn every_key_of_files_in_a_context_is_in_the_cache_of_its_commit() {
    let mut compared = Vec::new();
    for set in SETS {
        let fixture = Fixture::named(set);
        let trees = fixture.trees();
        let mut count = 0;
        for commit in history(&fixture) {
            let name = &commit.commit;
            let build = Build::parse(
                &std::fs::read(fixture.path(format!("provenance/{name}.json"))).unwrap(),
            )
            .unwrap();
            let at = |name: &str| -> PathBuf { trees.path().join("tree").join(name) };
            let directories = Directories {
                main: Some(at(name)),
                named: [("extra".into(), at(&format!("{name}.extra")))].into(),
                ignores_anew: false,
            };
            let contexts = context::load(&build, &directories);
            assert!(
                contexts.problems.is_empty() && contexts.missing.is_empty(),
                "{set} {name} {contexts:?}"
            );
            assert!(!contexts.ignores_others, "{set} {name}");

            let mut keys = keys::of_build(&build);
            let unfilled = fill::content_keys(&build, &mut keys, &contexts.files);
            assert!(unfilled.is_empty(), "{set} {name} {unfilled:?}");
            let graph = cache(&fixture, pushed(&fixture, &format!("{set}-cache"), name));
            let roots: BTreeSet<Digest> = graph
                .indexed_records()
                .filter(|(_, record)| record.input_count() == 0)
                .filter_map(|(_, record)| record.digest.valid())
                .collect();
            for (step, keys) in build.steps.iter().zip(&keys) {
                for (at, (input, keys)) in step.inputs.iter().zip(&keys.inputs).enumerate() {
                    if !contexts.files.contains_key(input) || keys.content == ContentKey::Never {
                        continue;
                    }
                    let ContentKey::Known(content) = keys.content else {
                        panic!("{set} {name} {}", step.id)
                    };
                    let taken = selectors::of_input(&step.op.kind, at, step.inputs.len());
                    assert!(
                        roots.contains(&content_root(&content)),
                        "{set} {name} {} {taken:?}",
                        step.id
                    );
                    count += 1;
                }
            }
            let unread = StepOutput {
                step: cachelens::format::provenance::StepIndex(0),
                output: 0,
            };
            assert!(!contexts.files.contains_key(&unread));
        }
        compared.push((set, count));
    }
    assert_eq!(compared, [("shop", 75), ("kitchen", 98), ("mini", 6)]);
}

#[test]
fn files_copied_from_a_stage_have_the_key_in_the_cache() {
    let mut found = Vec::new();
    for set in SETS {
        let fixture = Fixture::named(set);
        let (mut agreed, mut others) = (0, Vec::new());
        for commit in history(&fixture) {
            let name = &commit.commit;
            let build = Build::parse(
                &std::fs::read(fixture.path(format!("provenance/{name}.json"))).unwrap(),
            )
            .unwrap();
            let graph = cache(&fixture, pushed(&fixture, &format!("{set}-cache"), name));
            let keys = keys::of_build(&build);
            let matches = Matches::find(&build, &keys, &graph);
            for (step, of) in build.steps.iter().zip(&keys) {
                for (at, (input, of)) in step.inputs.iter().zip(&of.inputs).enumerate() {
                    if of.content != ContentKey::Unknown {
                        continue;
                    }
                    // The stage in its own cache, if that holds a result.
                    let surest = matches
                        .of(*input)
                        .iter()
                        .filter(|(_, certainty)| *certainty >= Certainty::Assumed);
                    let mut chains =
                        surest.filter_map(|(record, _)| chain(&graph, graph.record(*record)?));
                    let Some(chain) = chains.next_back() else {
                        continue;
                    };
                    let mut snapshot = Snapshot::default();
                    for blob in chain {
                        snapshot
                            .apply(fixture.blob(blob).as_slice(), &LayerLimits::default())
                            .unwrap();
                    }
                    let files = snapshot.finish().unwrap();
                    let taken = selectors::of_input(&step.op.kind, at, step.inputs.len());
                    let digests: Vec<Digest> = taken
                        .iter()
                        .map(|selector| files.checksum(selector).unwrap())
                        .collect();
                    let key = content_root(&content::content_key(&digests));
                    if graph
                        .records
                        .iter()
                        .any(|record| record.digest.valid() == Some(key))
                    {
                        agreed += 1;
                    } else {
                        others.push(format!("{name} {} {}", step.id, taken[0].path));
                    }
                }
            }
        }
        found.push((set, agreed, others));
    }
    let none = Vec::<String>::new;
    assert_eq!(
        found,
        [
            ("shop", 37, none()),
            ("kitchen", 39, none()),
            ("mini", 3, none())
        ]
    );
}

/// Returns the blobs of a record's newest result, bottom first.
fn chain(graph: &CacheGraph, record: &Record) -> Option<Vec<Digest>> {
    let ResultLayers::Top(top) = record.results.last()?.layers else {
        return None;
    };
    let (mut blobs, mut next) = (Vec::new(), graph.layer_at(top));
    while let Some(layer) = next {
        let layer = &graph.layers[layer.at()];
        blobs.push(layer.blob.valid()?);
        next = layer.parent.layer().map(LayerIndex);
    }
    blobs.reverse();
    Some(blobs)
}
