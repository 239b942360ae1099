//! A prune that is killed at each of its steps: the cache still imports, and a resumed run finishes
//! the work.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use cachelens::prune::execute::RunStep;
use cachelens::prune::plan::file;

use super::Sample;
use super::race::{execute, plan};
use crate::support::command::Sandbox;
use crate::support::made;

/// The variable that tells the child process where to work, and after how many steps to die.
pub(crate) const VICTIM: &str = "CACHELENS_TEST_VICTIM";

/// Not a test by itself: the test below runs it in a child process.
#[test]
fn victim() {
    let Ok(order) = std::env::var(VICTIM) else {
        return;
    };
    let [dir, plan, journal, steps] = order.split('\n').collect::<Vec<_>>().try_into().unwrap();
    let left = AtomicUsize::new(steps.parse().unwrap());
    let observe = |_: RunStep<'_>| {
        if left.fetch_sub(1, Ordering::SeqCst) == 0 {
            let me = std::process::id().to_string();
            Command::new("kill").args(["-9", &me]).status().unwrap();
        }
    };
    let plan = file::load(&fs::read_to_string(plan).unwrap()).unwrap();
    execute(Path::new(dir), &plan, Path::new(journal), &observe);
}

#[test]
fn killed_at_any_step_it_leaves_a_cache_that_imports_and_going_on_finishes() {
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
            let order = [
                sample.layout.path().to_str().unwrap(),
                saved.to_str().unwrap(),
                journal.to_str().unwrap(),
                &steps.to_string(),
            ]
            .join("\n");
            let victim = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "prune::kill::victim", "--nocapture"])
                .env(VICTIM, order)
                .output()
                .unwrap();
            assert!(
                victim.status.success() || victim.status.signal() == Some(9),
                "{victim:?}"
            );
            assert!(
                sample.layout.refs().into_values().all(|whole| whole),
                "after {steps} steps"
            );
            assert!(
                made::reached(sample.layout.path()).is_subset(&sample.layout.stored()),
                "after {steps} steps"
            );

            let resumed =
                Sandbox::new().run(&["prune", "--resume", journal.to_str().unwrap(), "--json"]);
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
            if victim.status.success() {
                // It finished before that number of steps, so all steps have been tried.
                assert!(steps > 10, "only {steps} steps");
                survived = true;
                break;
            }
        }
        assert!(survived);
    }
}
