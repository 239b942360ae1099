//! Gates of CI jobs, and explanations in the formats of other programs.

use serde_json::Value;

use super::histories::home;
use crate::program::reports::{assert_is_for_code_scanning, cases};
use crate::support::command::{CommandLine, Sandbox};

const GIVEN: [&str; 8] = [
    "why",
    "./cache#c07",
    "--build",
    "provenance/c08.json",
    "--baseline",
    "provenance/c07.json",
    "--context",
    "tree/c08",
];

fn gated(sandbox: &Sandbox, gates: &[&str]) -> (Option<i32>, String) {
    let gates = gates.iter().flat_map(|gate| ["--fail-on", gate]);
    let arguments: Vec<&str> = GIVEN.into_iter().chain(gates).collect();
    let run = sandbox.run(&arguments);
    (run.code, run.stderr)
}

#[test]
fn a_gate_ends_with_3_when_its_steps_run() {
    let (sandbox, _) = home("shop");
    let (code, said) = gated(&sandbox, &["miss"]);
    assert_eq!(code, Some(3), "{said}");
    insta::assert_snapshot!(said, @"error: --fail-on miss: 9 steps run: Dockerfile:12 (result-dropped), Dockerfile:13 (result-dropped), Dockerfile:14 (result-dropped), Dockerfile:15 (result-dropped), Dockerfile:16 (command) and 4 more");
    for (gate, expected) in [
        ("cause:command", 3),
        ("cause:content", 0),
        ("16", 3),
        ("Dockerfile:16", 3),
        ("4", 0),
        ("go build", 3),
        ("npm ci", 0),
        // Gates that can never fire are errors.
        ("99", 2),
        ("other/Makefile:16", 2),
        ("NPM CI", 0),
        ("yarn", 2),
        ("cause:contents", 2),
    ] {
        let (code, said) = gated(&sandbox, &[gate]);
        assert_eq!(code, Some(expected), "{gate}: {said}");
    }
    // Every gate counts.
    assert_eq!(gated(&sandbox, &["npm ci", "16"]).0, Some(3));
    assert_eq!(gated(&sandbox, &["npm ci", "4"]).0, Some(0));
}

#[test]
fn an_explanation_is_annotations_for_github() {
    let (sandbox, _) = home("shop");
    let run = sandbox.run("--format github".after(&GIVEN[..]));
    assert_eq!(run.code, Some(0), "{run}");
    let command = run.stdout.lines().find(|line| line.contains("line=16"));
    let command = command.unwrap_or_else(|| panic!("{run}"));
    let start = "::warning file=Dockerfile,line=16,title=cache miss%3A command::RUN go build -trimpath ./api: its command changed";
    assert!(command.starts_with(start), "{run}");
    assert!(
        run.stdout.lines().all(|line| line.starts_with("::")),
        "{run}"
    );
    assert!(
        run.stdout.contains("KiB rewritten, 6 hit, 9 run\n"),
        "{run}"
    );
}

#[test]
fn an_explanation_is_markdown_and_json() {
    let (sandbox, _) = home("shop");
    let run = sandbox.run("--format markdown".after(&GIVEN[..]));
    assert!(
        run.stdout.contains("KiB rewritten, 6 hit, 9 run\n\n1. "),
        "{run}"
    );
    let row = "| **run** | `RUN go build -trimpath ./api` | Dockerfile:16 | absent | 1 command |\n";
    assert!(run.stdout.contains(row), "{run}");

    let by_flag = sandbox.json("--json".after(&GIVEN[..]));
    let by_format = sandbox.json("--format json".after(&GIVEN[..]));
    assert_eq!(by_flag, by_format);
    assert_eq!(by_flag["command"], Value::from("why"));
}

#[test]
fn misses_are_sarif_and_junit() {
    let (sandbox, _) = home("shop");
    let run = |more: &str| sandbox.run(more.after(&GIVEN[..]));
    let sarif = run("--format sarif");
    assert_eq!(sarif.code, Some(0), "{sarif}");
    let log = sarif.json();
    assert_is_for_code_scanning(&log);
    let results = log["runs"][0]["results"].as_array().unwrap();
    let result = results.iter().find(|result| result["ruleId"] == "command");
    let result = result.unwrap_or_else(|| panic!("{log}"));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "Dockerfile");
    assert_eq!(place["region"]["startLine"], 16);

    // Without a gate each cause is a failure; with one, those that it is about.
    let of = |more: &str| cases(&run(&format!("--format junit {more}")).stdout);
    let (all, [tests, failures]) = of("");
    assert_eq!(tests, results.len() as u64);
    assert_eq!(
        (failures, all.iter().all(|(_, failed)| *failed)),
        (tests, true)
    );
    let (gated, [_, failures]) = of("--fail-on cause:command");
    assert_eq!(failures, 1);
    let failed = gated.iter().find(|(_, failed)| *failed).unwrap();
    assert!(failed.0.starts_with("command "), "{failed:?}");
    assert_eq!(of("--fail-on cause:content").1[1], 0);
}

#[test]
fn a_history_has_no_format_for_misses() {
    let (sandbox, _) = home("shop");
    let run = sandbox.run("why --history provenance --format sarif");
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("--history is not"), "{run}");
}
