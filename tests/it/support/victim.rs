//! Runs that are killed: a test runs another test of this binary in a child process, which kills
//! itself after some steps of a plan.

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

/// The variable that holds the words for the child process, and the number of steps.
const ORDER: &str = "CACHELENS_TEST_VICTIM";

/// Runs a test of this binary, by its full name, in a child process. Returns whether it ended
/// before it was killed.
pub fn survives(test: &str, words: &[&str], steps: usize) -> bool {
    let steps = steps.to_string();
    let order = [words, &[steps.as_str()]].concat().join("\n");
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(ORDER, order)
        .output()
        .unwrap();
    let is_killed = child.status.signal() == Some(9);
    assert!(child.status.success() || is_killed, "{child:?}");
    !is_killed
}

/// Returns the words for this process, and the number of steps; `None` if it is not a child of
/// [`survives`].
pub fn order<const COUNT: usize>() -> Option<([String; COUNT], usize)> {
    let order = std::env::var(ORDER).ok()?;
    let mut words: Vec<String> = order.split('\n').map(str::to_owned).collect();
    let steps = words.pop().unwrap().parse().unwrap();
    Some((words.try_into().unwrap(), steps))
}

/// Executes a saved plan, and kills this process after `steps` steps.
pub async fn execute(pruner: &SharedPruner, plan: &str, journal: &str, steps: usize) {
    let left = AtomicUsize::new(steps);
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
    execute::execute(pruner, &plan, &mut journal, &options)
        .await
        .unwrap();
}
