//! Content keys of build contexts, held against the caches that real BuildKit wrote from the same files.

use std::collections::BTreeSet;
use std::path::PathBuf;

use cachelens::context::{self, Directories};
use cachelens::explain::keys::{self, ContentKey, content_root, fill, selectors};
use cachelens::format::digest::Digest;
use cachelens::format::provenance::{Build, StepOutput};

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
            let build = Build::parse(&std::fs::read(fixture.path(format!("provenance/{name}.json"))).unwrap()).unwrap();
            let at = |name: &str| -> PathBuf { trees.path().join("tree").join(name) };
            let directories =
                Directories { main: Some(at(name)), named: [("extra".into(), at(&format!("{name}.extra")))].into() };
            let contexts = context::load(&build, &directories);
            assert!(contexts.problems.is_empty() && contexts.missing.is_empty(), "{set} {name} {contexts:?}");

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
                    let ContentKey::Known(content) = keys.content else { panic!("{set} {name} {}", step.id) };
                    let taken = selectors::of_input(&step.op.kind, at, step.inputs.len());
                    assert!(roots.contains(&content_root(&content)), "{set} {name} {} {taken:?}", step.id);
                    count += 1;
                }
            }
            let unread = StepOutput { step: cachelens::format::provenance::StepIndex(0), output: 0 };
            assert!(!contexts.files.contains_key(&unread));
        }
        compared.push((set, count));
    }
    assert_eq!(compared, [("shop", 75), ("kitchen", 98), ("mini", 6)]);
}
