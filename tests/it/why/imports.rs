//! Builds that import several caches, and caches that builds refuse.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use cachelens::explain::load::context::Directories;
use cachelens::explain::load::{Explanation, GivenEvidence, Imported, explain};
use cachelens::explain::solve::{CacheVerdict, InCache};

use super::histories::{History, Store, home};
use crate::support::command::Sandbox;

#[test]
fn steps_are_found_in_any_of_several_caches() {
    let history = History::of("shop", Store::Local);
    let alone = |name: &str| {
        let entry = history
            .inventory
            .refs
            .iter()
            .find(|entry| entry.name == name)
            .unwrap();
        Imported {
            reader: &history.reader,
            inventory: &history.inventory,
            entry,
        }
    };
    let explained = |names: &[&str]| {
        let documents = vec![history.document("provenance/c08.json")];
        let directories = Directories {
            main: Some(history.trees.path().join("tree/c08")),
            ..Directories::default()
        };
        let imported: Vec<Imported<'_>> = names.iter().map(|name| alone(name)).collect();
        let given = GivenEvidence {
            not_imported: None,
            wanted: cachelens::explain::load::Wanted::default(),
            documents,
            baseline: Vec::new(),
            directories,
        };
        history.runtime.block_on(explain(&imported, given)).unwrap()
    };
    let (thin, full, both) = (
        explained(&["c07"]),
        explained(&["c04"]),
        explained(&["c07", "c04"]),
    );
    let has = |explanation: &Explanation, place: usize| explanation.standings[place].in_cache;
    for place in 0..both.build.steps.len() {
        let (found, best) = (has(&both, place), has(&thin, place).max(has(&full, place)));
        // A step that neither ref has may be undecided with both: a step above that hits in one of
        // them leads to files whose key was not computed.
        let is_open = best == InCache::Absent && found == InCache::Unknown;
        assert!(
            found == best || is_open,
            "{}: {found:?} of {best:?}",
            both.build.steps[place].id
        );
    }
    // With the ref that still has the results, only the changed command and its dependents run.
    assert!(both.count(CacheVerdict::Miss) < thin.count(CacheVerdict::Miss));
    assert!(
        both.root_causes()
            .iter()
            .all(|(_, cause)| cause.kind.word() != "result-dropped")
    );
}

#[test]
fn a_cache_that_builds_refuse_is_the_cause_of_every_step() {
    let (sandbox, fixture) = home("shop");
    let manifest: serde_json::Value = serde_json::from_slice(
        &fixture.blob(crate::explain::pushed(&fixture, "shop-cache", "c07")),
    )
    .unwrap();
    let config = manifest["config"]["digest"]
        .as_str()
        .unwrap()
        .replace(':', "/");
    fs::remove_file(sandbox.path(format!("cache/blobs/{config}"))).unwrap();
    let document =
        sandbox.json("why ./cache#c07 --build provenance/c08.json --context tree/c08 --json");
    assert_eq!(document["summary"]["hit"], 0, "{document}");
    assert_eq!(document["root_causes"].as_array().unwrap().len(), 1);
    assert_eq!(document["root_causes"][0]["kind"], "config-unreadable");
    // Next to a readable cache, it is only a note.
    let document = sandbox
        .json("why ./cache#c07 ./cache#c06 --build provenance/c08.json --context tree/c08 --json");
    assert!(
        document["notes"]
            .to_string()
            .contains("a build cannot import `c07`"),
        "{document}"
    );
    assert_ne!(document["summary"]["hit"], 0);
}

#[test]
fn results_below_steps_that_two_imports_share_are_undecided() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/shared-steps");
    let sandbox = Sandbox::new();
    // Modes are part of the keys, and a checkout may have others.
    fs::create_dir_all(sandbox.path("context/src")).unwrap();
    let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    mode(&sandbox.path("context/src"), 0o755);
    for name in ["Dockerfile", "package.json", "src/index.js"] {
        let copy = sandbox.path(format!("context/{name}"));
        fs::copy(fixture.join("context").join(name), &copy).unwrap();
        mode(&copy, 0o644);
    }
    let fixture = fixture.to_str().unwrap();
    let explained = |refs: &[&str]| {
        let refs = refs.iter().map(|name| format!("{fixture}/cache#{name} "));
        let refs: String = refs.collect();
        let document = sandbox.json(format!(
            "why {refs} --build {fixture}/build.json --baseline {fixture}/baseline.json --context context --json"
        ));
        let steps = document["steps"].as_array().unwrap().iter();
        let verdicts = steps.filter_map(|step| Some(step["verdict"].as_str()?.to_owned()));
        (verdicts.collect::<Vec<_>>(), document["notes"].to_string())
    };
    let (verdicts, notes) = explained(&["branch", "main"]);
    assert_eq!(verdicts, ["hit", "hit", "hit", "unknown", "unknown"]);
    assert!(notes.contains("two imports share steps: `main`"), "{notes}");
    assert!(notes.contains("import only one ref"), "{notes}");
    // One of them alone decides it.
    let (verdicts, notes) = explained(&["branch"]);
    assert!(!verdicts.contains(&"unknown".to_owned()), "{verdicts:?}");
    assert!(!notes.contains("two imports"), "{notes}");
}
