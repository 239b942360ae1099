//! `--summary`: pages for the summary of a job of GitHub Actions.

use std::fs;

use crate::support::command::{CommandLine, Run, Sandbox};
use crate::support::fixture::Fixture;

fn run(sandbox: &Sandbox, arguments: impl CommandLine) -> Run {
    let mut command = sandbox.command();
    command
        .args(arguments.words())
        .env("GITHUB_STEP_SUMMARY", sandbox.path("summary.md"));
    Run::new(command.output().unwrap())
}

#[test]
fn commands_add_a_page_to_the_summary_of_the_job() {
    let sandbox = Sandbox::new();
    let mini = Fixture::named("mini");
    mini.write_layout("local.json", &sandbox.path("cache"));
    let provenance = mini.path("provenance/c03.json");
    let provenance = provenance.to_str().unwrap();
    fs::write(sandbox.path("summary.md"), "of the job\n").unwrap();
    let build = "docker buildx build --cache-from type=gha .\n";
    fs::write(sandbox.path("build.sh"), build).unwrap();
    let runs: [(&[&str], &str); 5] = [
        (&["check", "demo"], "**cachelens check: "),
        (&["find"], "| Where | Use |"),
        (
            &["why", "./cache#c01", "--build", provenance],
            "### ./cache\\#c01: ",
        ),
        (&["prune", "./cache", "-n"], "**cachelens prune: ./cache**"),
        (
            &["repair", "./cache", "--dry-run"],
            "**cachelens repair: ./cache**",
        ),
    ];
    let mut before = "of the job\n".to_owned();
    for (arguments, wanted) in runs {
        let plain = run(&sandbox, arguments);
        let with = run(&sandbox, "--summary".after(arguments));
        assert_eq!(
            (with.code, &with.stdout),
            (plain.code, &plain.stdout),
            "{with}"
        );
        let summary = fs::read_to_string(sandbox.path("summary.md")).unwrap();
        let added = summary.strip_prefix(&before).unwrap();
        assert!(added.contains(wanted), "{arguments:?}: {added}");
        assert!(added.ends_with('\n'));
        before = summary;
    }
}

#[test]
fn a_summary_without_a_job_is_an_error_before_anything_is_done() {
    let sandbox = Sandbox::new();
    Fixture::named("mini").write_layout("local.json", &sandbox.path("cache"));
    for arguments in [
        &["check", "demo", "--summary"] as &[&str],
        &["find", "--summary"],
        &[
            "prune",
            "./cache",
            "--drop-ref",
            "*",
            "--grace",
            "0s",
            "--yes",
            "--summary",
        ],
    ] {
        let run = sandbox.run(arguments);
        assert_eq!(run.code, Some(2), "{run}");
        assert!(
            run.stderr.contains("$GITHUB_STEP_SUMMARY is not set"),
            "{run}"
        );
    }
    let refs = sandbox.json("ls ./cache --json");
    assert!(!refs["sources"][0]["refs"].as_array().unwrap().is_empty());
}

#[test]
fn a_dry_run_refuses_to_be_carried_out() {
    let sandbox = Sandbox::new();
    Fixture::named("mini").write_layout("local.json", &sandbox.path("cache"));
    for command in ["prune", "repair"] {
        let plan = sandbox.run(format!("{command} ./cache"));
        assert_eq!(sandbox.run(format!("{command} ./cache -n")).code, plan.code);
        let both = sandbox.run(format!("{command} ./cache -n --yes"));
        assert_eq!(both.code, Some(2), "{both}");
    }
}
