//! `prune` of the demo, which is a copy.

use std::fs;

use serde_json::Value;

use crate::support::command::{CommandLine, Run, Sandbox};

/// Runs the program with its own folder for temporary files, of which nothing may be left.
fn run(sandbox: &Sandbox, arguments: impl CommandLine) -> Run {
    let temporary = sandbox.path("tmp");
    fs::create_dir_all(&temporary).unwrap();
    let mut command = sandbox.command();
    command.env("TMPDIR", &temporary).args(arguments.words());
    let run = Run::new(command.output().unwrap());
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0, "{run}");
    run
}

#[test]
fn a_plan_for_the_demo_deletes_nothing() {
    let sandbox = Sandbox::new();
    let shown = run(&sandbox, "prune demo --drop-ref pr-*");
    assert_eq!(shown.code, Some(0), "{shown}");
    assert!(shown.stdout.contains("Nothing was changed."), "{shown}");
    let document = run(&sandbox, "prune demo --drop-ref pr-* --json").json();
    let deleted = document["plan"]["delete"].as_array().unwrap();
    let refs = deleted.iter().filter(|item| item["kind"] == "ref").count();
    assert_eq!(refs, 5, "{document}");
    assert!(document.get("outcome").is_none_or(Value::is_null));
    assert!(!sandbox.path(".local/state/cachelens").exists());
}

#[test]
fn a_prune_of_the_demo_removes_its_copy() {
    let sandbox = Sandbox::new();
    for _ in 0..2 {
        let run = run(&sandbox, "prune demo --yes");
        assert_eq!(run.code, Some(0), "{run}");
        assert!(run.stderr.contains("the demo is a copy"), "{run}");
    }
    assert!(!sandbox.path(".local/state/cachelens").exists());
}
