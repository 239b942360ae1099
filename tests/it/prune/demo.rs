//! `prune` of the demo, which is a copy.

use std::fs;

use crate::support::command::{Run, Sandbox};

#[test]
fn the_demo_has_a_plan_and_stays_as_it_is() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["prune", "demo"]).code, Some(0));
}

#[test]
fn the_demo_is_pruned_as_a_copy_of_which_nothing_is_left() {
    let sandbox = Sandbox::new();
    let temporary = sandbox.path("tmp");
    fs::create_dir(&temporary).unwrap();
    for _ in 0..2 {
        let mut command = sandbox.command();
        command.env("TMPDIR", &temporary);
        command.args(["prune", "demo", "--yes"]);
        let run = Run::new(command.output().unwrap());
        assert_eq!(run.code, Some(0), "{run}");
        assert!(run.stderr.contains("the demo is a copy"), "{run}");
        assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
    }
    assert!(!sandbox.path(".local/state/cachelens").exists());
}
