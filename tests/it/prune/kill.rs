//! A prune that is killed at each of its steps: the cache still imports, and a resumed run finishes
//! the work.

use std::fs;
use std::sync::Arc;

use cachelens::backend::SharedPruner;
use cachelens::backend::local::LocalCache;
use cachelens::prune::plan::file;

use super::Sample;
use super::race::plan;
use crate::support::command::Sandbox;
use crate::support::{made, victim};

/// The test that executes the plan of a directory and is killed.
pub(crate) const VICTIM: &str = "prune::kill::victim";

/// Not a test by itself: tests run it in a child process.
#[test]
fn victim() {
    let Some(([dir, plan, journal], steps)) = victim::order() else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let pruner: SharedPruner = Arc::new(LocalCache::new(dir));
    runtime.block_on(victim::execute(&pruner, &plan, &journal, steps));
}

#[test]
fn a_prune_killed_at_any_step_leaves_a_valid_cache_and_can_be_resumed() {
    for arguments in [
        &["--drop-ref", "old", "--grace", "0s"][..],
        &[
            "--drop-ref",
            "old",
            "--grace",
            "0s",
            "--no-trash",
            "--i-am-the-only-writer",
        ],
    ] {
        let mut survived = false;
        for steps in 0..100 {
            let folder = tempfile::tempdir().unwrap();
            let sample = Sample::new();
            sample.layout.blob(b"another orphan", 96);
            fs::create_dir_all(sample.layout.path().join("ingest/left")).unwrap();
            let saved = folder.path().join("plan");
            let plan = plan(&sample.layout, arguments);
            file::save(&plan, fs::File::create(&saved).unwrap()).unwrap();
            let journal = folder.path().join("journal");
            let words = [
                sample.layout.path().to_str().unwrap(),
                saved.to_str().unwrap(),
                journal.to_str().unwrap(),
            ];
            let is_over = victim::survives(VICTIM, &words, steps);
            assert!(
                sample.layout.refs().into_values().all(|whole| whole),
                "after {steps} steps"
            );
            assert!(
                made::reached(sample.layout.path()).is_subset(&sample.layout.stored()),
                "after {steps} steps"
            );

            let resumed =
                Sandbox::new().run(format!("prune --resume {} --json", journal.display()));
            assert_eq!(resumed.code, Some(0), "after {steps} steps: {resumed:?}");
            let result: serde_json::Value = serde_json::from_str(&resumed.stdout).unwrap();
            assert_eq!(
                result["outcome"]["done"], 4,
                "after {steps} steps: {result}"
            );
            let outcome = &result["outcome"];
            let freed = outcome["freed_bytes"].as_u64().unwrap();
            let trashed = outcome["trashed_bytes"].as_u64().unwrap();
            assert_eq!(
                result["plan"]["frees_bytes"],
                freed + trashed,
                "after {steps} steps"
            );
            assert_eq!(
                sample.layout.refs().into_iter().collect::<Vec<_>>(),
                [("main".to_owned(), true)]
            );
            assert!(!sample.layout.path().join("index.json.lock").exists());
            if is_over {
                // It finished before that number of steps, so all steps have been tried.
                assert!(steps > 10, "only {steps} steps");
                survived = true;
                break;
            }
        }
        assert!(survived);
    }
}
