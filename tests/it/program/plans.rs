//! Plans and outcomes of `prune` and `repair` as text and in the formats of other programs.

use super::reports::{assert_is_for_code_scanning, cases};
use crate::support::command::{CommandLine, Run, Sandbox};
use crate::support::fixture::Fixture;

/// A cache of three refs, of which a prune deletes one.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    Fixture::named("mini").write_layout("local.json", &sandbox.path("cache"));
    sandbox
}

fn prune(sandbox: &Sandbox, more: impl CommandLine) -> Run {
    let arguments = ["prune", "./cache", "--drop-ref", "c01", "--grace", "0s"];
    sandbox.run(more.after(&arguments))
}

#[test]
fn a_plan_is_annotations_sarif_junit_and_markdown() {
    let sandbox = sandbox();
    let by_flag = prune(&sandbox, "--json").json();
    let by_format = prune(&sandbox, "--format json").json();
    assert_eq!(by_flag["plan"]["delete"], by_format["plan"]["delete"]);

    let github = prune(&sandbox, "--format github");
    assert_eq!(github.code, Some(0), "{github}");
    let last = github.stdout.lines().last().unwrap();
    let start = "::notice title=plan::./cache: A plan, nothing was deleted: 1 ref and ";
    assert!(last.starts_with(start), "{github}");

    let log = prune(&sandbox, "--format sarif").json();
    assert_is_for_code_scanning(&log);
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert!(results.iter().any(|result| result["ruleId"] == "plan"));

    let junit = prune(&sandbox, "--format junit").stdout;
    let (cases, [_, failures]) = cases(&junit);
    assert!(
        cases.iter().any(|(name, _)| name == "plan ./cache"),
        "{junit}"
    );
    assert_eq!(failures, 0, "{junit}");

    let markdown = prune(&sandbox, "--format markdown").stdout;
    assert!(
        markdown.starts_with("**cachelens prune: ./cache**\n"),
        "{markdown}"
    );
    assert!(markdown.contains("| ref | `c01` |"), "{markdown}");
    assert_eq!(sandbox.run("ls ./cache#c01").code, Some(0));
}

#[test]
fn a_gate_is_an_error_in_every_format() {
    let sandbox = sandbox();
    let gate = |format| {
        prune(
            &sandbox,
            &["--now", "--fail-if-frees", "1B", "--format", format],
        )
    };
    let github = gate("github");
    assert_eq!(github.code, Some(3), "{github}");
    assert!(
        github.stdout.contains("::error title=exceeds-limit::"),
        "{github}"
    );
    let junit = gate("junit").stdout;
    let (cases, [_, failures]) = cases(&junit);
    assert_eq!(failures, 1, "{junit}");
    let failed = cases.iter().filter(|(_, failed)| *failed);
    let failed: Vec<&str> = failed.map(|(name, _)| name.as_str()).collect();
    assert_eq!(failed, ["exceeds-limit ./cache"]);
    assert!(gate("markdown").stdout.contains("--fail-if-frees"));
}

#[test]
fn a_run_and_a_repair_are_printed_in_the_same_formats() {
    let sandbox = sandbox();
    let run = prune(&sandbox, "--yes --format github");
    assert_eq!(run.code, Some(0), "{run}");
    let last = run.stdout.lines().last().unwrap();
    assert!(
        last.starts_with("::notice title=run::./cache: 1 done, "),
        "{run}"
    );
    for format in ["github", "sarif", "junit", "markdown"] {
        let run = sandbox.run(format!("repair ./cache --format {format}"));
        assert_eq!(run.code, Some(0), "{run}");
        assert!(run.stdout.contains("./cache"), "{format}: {run}");
    }
}

#[test]
fn a_plan_of_repairs_counts_the_refs_that_it_rewrites() {
    let repair = |format| Sandbox::new().run(format!("repair demo --format {format}"));
    let github = repair("github").stdout;
    let counts = "A plan, nothing was deleted: 1 ref rewritten and 1 object, ";
    assert!(github.contains(counts), "{github}");
    // What a ref frees is in the items of its blobs.
    let markdown = repair("markdown").stdout;
    assert!(markdown.contains("| results | `pr-5` | – |"), "{markdown}");
}

#[test]
fn names_from_a_store_are_escaped_in_a_plan() {
    let hostile = "a|b</testcase>\n::error::x@all`c`%0A";
    let sandbox = sandbox();
    let index = sandbox.path("cache/index.json");
    let text = std::fs::read_to_string(&index).unwrap();
    let name = serde_json::to_string(hostile).unwrap();
    let text = text.replace("\"c01\"", &name);
    assert!(text.contains("::error::"), "{text}");
    std::fs::write(index, text).unwrap();
    let run = |format| {
        let arguments = ["prune", "./cache", "--drop-ref", "a*", "--grace", "0s"];
        sandbox.run(format!("--format {format}").after(&arguments))
    };
    let markdown = run("markdown").stdout;
    assert!(markdown.contains("| ref |"), "{markdown}");
    assert!(
        !markdown.contains("\n::error") && !markdown.contains("| a|b"),
        "{markdown}"
    );
    let github = run("github").stdout;
    assert!(
        github.lines().all(|line| line.starts_with("::")),
        "{github}"
    );
    assert!(!github.contains("\n::error::x"), "{github}");
    cases(&run("junit").stdout);
    assert_is_for_code_scanning(&run("sarif").json());
}

#[test]
fn prune_shows_the_grace() {
    let run = Sandbox::new().run("prune demo --grace 200d");
    let notes: Vec<&str> = run.stdout.lines().rev().take(3).collect();
    let grace = "The grace is 200d: builds may still use blobs that are younger. A run after ";
    assert!(notes[2].starts_with(grace), "{}", run.stdout);
    assert!(
        notes[1].starts_with("No rule matches a ref, so all refs are kept"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_plan_shows_the_bytes_that_deleting_each_ref_would_free() {
    let sandbox = Sandbox::new();
    let plan = sandbox.run("prune demo --drop-ref pr-*").stdout;
    let listed = sandbox.run("ls demo --columns ref,exclusive --no-headers");
    assert_eq!(listed.code, Some(0), "{listed}");
    assert_eq!(listed.stdout.lines().count(), 9, "{listed}");
    for line in listed.stdout.lines() {
        let (name, size) = line.split_once(' ').unwrap();
        let start = format!("ref      {name} ");
        let short = format!("ref   {name} ");
        let row = plan
            .lines()
            .find(|row| row.starts_with(&start) || row.starts_with(&short));
        let row = row.unwrap_or_else(|| panic!("no {name} in {plan}"));
        assert!(
            row.contains(&format!(" {}  ", size.trim())),
            "{size}: {row}"
        );
    }
    assert!(
        plan.contains("The size of a ref is the space that deleting it alone would free."),
        "{plan}"
    );
}

#[test]
fn a_repair_exits_with_4_if_findings_are_left_and_its_plan_with_0() {
    let sandbox = sandbox();
    let index = std::fs::read_to_string(sandbox.path("cache/index.json")).unwrap();
    let index: serde_json::Value = serde_json::from_str(&index).unwrap();
    let digest = index["manifests"][0]["digest"].as_str().unwrap();
    let manifest = digest.replace("sha256:", "cache/blobs/sha256/");
    std::fs::remove_file(sandbox.path(manifest)).unwrap();
    for (arguments, code) in [(&[][..], 0), (&["--yes"], 4)] {
        let run = sandbox.run(arguments.after("repair ./cache"));
        assert_eq!(run.code, Some(code), "{run}");
        assert!(
            run.stdout.contains("Not repaired: manifest-missing"),
            "{run}"
        );
    }
}
