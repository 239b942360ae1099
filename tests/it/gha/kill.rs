//! A prune that is killed at each of its steps: the kept entries stay, and a resumed run finishes
//! the work.

use cachelens::backend::SharedPruner;

use super::prune::{branches, keys, policy};
use super::{SOURCE, json, run};
use crate::support::gha::reader_at;
use crate::support::victim;

/// Not a test by itself: the test below runs it in a child process.
#[test]
fn victim() {
    let Some(([address, plan, journal], steps)) = victim::order() else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let pruner: SharedPruner = reader_at(&address, None);
    runtime.block_on(victim::execute(&pruner, &plan, &journal, steps));
}

#[test]
fn a_prune_killed_at_any_step_keeps_its_entries_and_can_be_resumed() {
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
        let words = [
            server.address(),
            saved.to_str().unwrap(),
            journal.to_str().unwrap(),
        ];
        let is_over = victim::survives("gha::kill::victim", &words, steps);
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
        if is_over {
            // It finished before that number of steps, so all steps have been tried.
            assert!(steps > 10, "only {steps} steps");
            survived = true;
            break;
        }
    }
    assert!(survived);
}
