//! A prune that is killed at each of its steps: the kept entries stay, and a resumed run finishes
//! the work.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use cachelens::backend::SharedPruner;
use cachelens::prune::execute::{self, ExecuteOptions, RunStep, Settle};
use cachelens::prune::journal::Journal;
use cachelens::prune::plan::file;
use cachelens::retention::Policy;
use tokio_util::sync::CancellationToken;

use super::prune::{branches, keys, policy};
use super::{SOURCE, json, run};
use crate::support::gha::reader_at;

/// The variable that tells the child process which plan to execute where, and after how many steps
/// to die.
const VICTIM: &str = "CACHELENS_TEST_GHA_VICTIM";

/// Not a test by itself: the test below runs it in a child process.
#[test]
fn victim() {
    let Ok(order) = std::env::var(VICTIM) else {
        return;
    };
    let [address, plan, journal, steps] = order.split('\n').collect::<Vec<_>>().try_into().unwrap();
    let left = AtomicUsize::new(steps.parse().unwrap());
    let observe = |_: RunStep<'_>| {
        if left.fetch_sub(1, Ordering::SeqCst) == 0 {
            let me = std::process::id().to_string();
            Command::new("kill").args(["-9", &me]).status().unwrap();
        }
    };
    let plan = file::load(&fs::read_to_string(plan).unwrap()).unwrap();
    let mut journal = Journal::create(Path::new(journal), &plan).unwrap();
    let options = ExecuteOptions {
        concurrency: 2,
        batch: 1,
        settle: Settle::NONE,
        delete_broken: false,
        cancel: CancellationToken::new(),
        observe: &observe,
        policy: &Policy::default(),
        max_plan_age: None,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let pruner: SharedPruner = reader_at(address, None);
    runtime
        .block_on(execute::execute(&pruner, &plan, &mut journal, &options))
        .unwrap();
}

#[test]
fn killed_at_any_step_it_leaves_what_stays_and_going_on_finishes() {
    let stays = [
        "refs/heads/main index-app-1-f921bd05#2",
        "refs/heads/main node-cache-a",
        "refs/heads/main pip-x",
    ];
    let mut survived = false;
    for steps in 0..100 {
        let (sandbox, server) = branches();
        server.add_index("app", "refs/heads/main", 2, 10, b"{ }");
        policy(
            &sandbox,
            "[[retention.rule]]\nname = \"others\"\nmatch = { state = \"branch-gone\", kind = \"entry\" }\naction = \"drop\"\n\
            [[retention.rule]]\nname = \"gone\"\nmatch = { state = \"branch-gone\" }\naction = \"drop\"\n",
        );
        let (saved, journal) = (sandbox.path("plan"), sandbox.path("journal"));
        let planned = run(
            server.command(&sandbox),
            &["prune", SOURCE, "--plan-out", saved.to_str().unwrap()],
        );
        assert_eq!(planned.code, Some(0), "{planned}");
        let order = [
            server.address(),
            saved.to_str().unwrap(),
            journal.to_str().unwrap(),
            &steps.to_string(),
        ]
        .join("\n");
        let victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "gha::kill::victim", "--nocapture"])
            .env(VICTIM, order)
            .output()
            .unwrap();
        assert!(
            victim.status.success() || victim.status.signal() == Some(9),
            "{victim:?}"
        );
        let left = keys(&server);
        assert!(
            stays.iter().all(|key| left.iter().any(|left| left == key)),
            "after {steps} steps: {left:?}"
        );

        let resumed = json(
            server.command(&sandbox),
            &["prune", SOURCE, "--resume", journal.to_str().unwrap()],
        );
        assert_eq!(
            resumed["outcome"]["done"], 4,
            "after {steps} steps: {resumed}"
        );
        assert_eq!(
            resumed["outcome"]["freed_bytes"], resumed["plan"]["frees_bytes"],
            "after {steps} steps"
        );
        assert_eq!(keys(&server), stays, "after {steps} steps");
        if victim.status.success() {
            // It finished before that number of steps, so all steps have been tried.
            assert!(steps > 10, "only {steps} steps");
            survived = true;
            break;
        }
    }
    assert!(survived);
}
