//! GitHub Actions caches, against a stateful server in the tests.

use std::process::Command;

use serde_json::Value;

use crate::support::command::{CommandLine, Run, Sandbox};
use crate::support::gha::{Github, TOKEN};

mod faults;
mod inside;
mod kill;
mod listings;
mod origin;
mod outside;
mod prune;

/// The source of the tests.
const SOURCE: &str = "gha:acme/shop";

/// Runs the program until it ends. Its output must not contain a token.
fn run(mut command: Command, arguments: impl CommandLine) -> Run {
    let run = Run::new(command.args(arguments.words()).output().unwrap());
    for secret in [TOKEN, "jObSiGnAtUrE", "sIgNeD"] {
        assert!(
            !run.stdout.contains(secret) && !run.stderr.contains(secret),
            "{secret} in {run}"
        );
    }
    run
}

/// Runs the program, which must succeed, and returns its document.
fn json(command: Command, arguments: impl CommandLine) -> Value {
    let arguments = "--json".after(arguments);
    let run = run(command, arguments.clone());
    assert_eq!(run.code, Some(0), "{arguments:?}: {}", run.stderr);
    run.json()
}

/// Counts entries and their bytes.
fn tally<'a>(entries: impl IntoIterator<Item = &'a crate::support::gha::Entry>) -> (u64, u64) {
    entries.into_iter().fold((0, 0), |(count, bytes), entry| {
        (count + 1, bytes + entry.size_in_bytes)
    })
}

fn numbers(value: &Value, count: &str) -> (u64, u64) {
    (
        value[count].as_u64().unwrap(),
        value["bytes"].as_u64().unwrap(),
    )
}

fn shop() -> (Sandbox, Github) {
    (Sandbox::new(), Github::of_fixture("shop"))
}
