//! The scripts of the GitHub action, run as a job runs them, against the stand-in for GitHub.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::command::{Run, Sandbox};
use crate::support::fixture::Fixture;
use crate::support::gha::{Github, REPOSITORY, TOKEN};

fn action() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/actions/cachelens")
}

/// A job with a checkout, in which the program is on the path.
struct Job {
    sandbox: Sandbox,
    github: Github,
}

impl Job {
    fn new() -> Self {
        let job = Self {
            sandbox: Sandbox::new(),
            github: Github::start(),
        };
        fs::create_dir(job.sandbox.path("bin")).unwrap();
        let program = env!("CARGO_BIN_EXE_cachelens");
        std::os::unix::fs::symlink(program, job.sandbox.path("bin/cachelens")).unwrap();
        fs::write(
            job.sandbox.path("event.json"),
            r#"{"pull_request":{"number":7}}"#,
        )
        .unwrap();
        job
    }

    /// Runs a script of the action with its inputs.
    fn run(&self, script: &str, inputs: &[(&str, &str)]) -> Run {
        let path = std::env::var("PATH").unwrap();
        let bin = self.sandbox.path("bin");
        let mut command = Command::new("bash");
        command
            .arg(action().join(script))
            .env_clear()
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("HOME", self.sandbox.path(""))
            .env("GITHUB_STEP_SUMMARY", self.sandbox.path("summary.md"))
            .env("GITHUB_EVENT_PATH", self.sandbox.path("event.json"))
            .env("GITHUB_REPOSITORY", REPOSITORY)
            .env("GITHUB_API_URL", self.github.address())
            .env("GH_TOKEN", TOKEN)
            .envs(inputs.iter().copied())
            .current_dir(self.sandbox.path(""));
        Run::new(command.output().unwrap())
    }

    fn summary(&self) -> String {
        fs::read_to_string(self.sandbox.path("summary.md")).unwrap_or_default()
    }

    fn comments(&self) -> Vec<(u64, bool, String)> {
        self.github.state().comments.clone()
    }
}

/// Puts a cache and the checkout of a build into the job.
fn with_build(job: &Job) {
    Fixture::named("mini").write_layout("local.json", &job.sandbox.path("cache"));
    fs::write(
        job.sandbox.path("Dockerfile"),
        "FROM scratch\nCOPY a /a\nCOPY b /b\n",
    )
    .unwrap();
    for file in ["a", "b"] {
        fs::write(job.sandbox.path(file), file).unwrap();
    }
}

const WHY: (&str, &str) = (
    "INPUT_WHY",
    "docker buildx build --cache-from 'type=local,src=./cache,tag=c03' .",
);

#[test]
fn the_action_checks_sources_and_annotates() {
    let job = Job::new();
    let check = |fail_on| {
        let inputs = [
            ("INPUT_FIND", "true"),
            ("INPUT_CHECK", "\n  demo\n\n"),
            ("INPUT_FAIL_ON", fail_on),
            ("INPUT_REPORT", "report.html"),
        ];
        job.run("check.sh", &inputs)
    };
    let run = check("error");
    assert_eq!(run.code, Some(3), "{run}");
    assert!(
        run.stdout.contains("::error title=blob-missing::demo"),
        "{run}"
    );
    assert!(job.summary().contains("blob-missing"), "{}", job.summary());
    assert!(job.sandbox.path("report.html").is_file());
    let alone = job.run(
        "check.sh",
        &[("INPUT_FIND", "true"), ("INPUT_FAIL_ON", "error")],
    );
    assert_eq!(alone.code, Some(0), "{alone}");
}

#[test]
fn the_action_plans_a_prune_and_applies_it_on_request() {
    let job = Job::new();
    Fixture::named("mini").write_layout("local.json", &job.sandbox.path("cache"));
    let prune = |apply| {
        let inputs = [
            ("INPUT_PRUNE", "./cache"),
            (
                "INPUT_PRUNE_FLAGS",
                "--drop-ref 'c01' --grace 0s --settle 1ms",
            ),
            ("INPUT_PRUNE_APPLY", apply),
        ];
        job.run("prune.sh", &inputs)
    };
    let refs = || job.sandbox.json("ls ./cache --json")["sources"][0]["refs"].clone();
    let before = refs();
    let planned = prune("false");
    assert_eq!(planned.code, Some(0), "{planned}");
    assert_eq!(refs(), before);
    assert!(job.summary().contains("A plan, nothing was deleted"));
    let done = prune("true");
    assert_eq!(done.code, Some(0), "{done}");
    let left = refs();
    let left = left.as_array().unwrap().len();
    assert!(left < before.as_array().unwrap().len(), "{left}");
    assert!(job.summary().contains("done"), "{}", job.summary());
}

#[test]
fn the_action_comments_on_the_pull_request_once() {
    let job = Job::new();
    with_build(&job);
    let mine = "<!-- cachelens why -->\nnot the comment of a bot";
    job.github
        .state()
        .comments
        .push((7, false, mine.to_owned()));
    for _ in 0..2 {
        let run = job.run("why.sh", &[WHY, ("INPUT_COMMENT", "true")]);
        assert_eq!(run.code, Some(0), "{run}");
        assert!(run.stdout.contains("COPY a /a"), "{run}");
    }
    let comments = job.comments();
    assert_eq!(comments.len(), 2, "{comments:?}");
    assert_eq!(comments[0].2, mine);
    assert!(comments[1].2.starts_with("<!-- cachelens why -->\n### "));
    assert!(comments[1].2.contains("COPY a /a"), "{comments:?}");
    assert_eq!(job.summary().matches("COPY a /a").count() % 2, 0);
}

#[test]
fn a_comment_that_is_not_allowed_is_a_warning() {
    let job = Job::new();
    with_build(&job);
    job.github.state().read_only = true;
    let run = job.run("why.sh", &[WHY]);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(
        run.stdout
            .contains("::warning title=cachelens::the pull request has no comment: Resource not"),
        "{run}"
    );
    fs::write(job.sandbox.path("event.json"), r#"{"push":{}}"#).unwrap();
    let push = job.run("why.sh", &[WHY]);
    assert_eq!(push.code, Some(0), "{push}");
    assert!(
        push.stdout.contains("no comment: the event is not"),
        "{push}"
    );
}

#[test]
fn a_build_command_is_split_and_never_run() {
    let job = Job::new();
    with_build(&job);
    let hostile = "docker buildx build --build-arg 'V=$(touch ran)' --label x=`touch ran` --cache-from type=local,src=./cache,tag=c03 .";
    let run = job.run(
        "why.sh",
        &[("INPUT_WHY", hostile), ("INPUT_COMMENT", "false")],
    );
    assert!(!job.sandbox.path("ran").exists(), "{run}");
}

#[test]
fn the_action_sets_every_variable_that_its_scripts_read() {
    let action_file = fs::read_to_string(action().join("action.yml")).unwrap();
    for script in ["check.sh", "prune.sh", "why.sh"] {
        let text = fs::read_to_string(action().join(script)).unwrap();
        let step = action_file.split("- ").find(|step| step.contains(script));
        let step = step.unwrap_or_else(|| panic!("no step runs {script}"));
        let inputs = text.split("INPUT_").skip(1).map(|rest| {
            let end =
                rest.find(|character: char| !character.is_ascii_uppercase() && character != '_');
            &rest[..end.unwrap_or(rest.len())]
        });
        for input in inputs {
            assert!(
                step.contains(&format!("INPUT_{input}:")),
                "{script}: {input}"
            );
        }
    }
    // Each input that a step reads is declared, and the other way round.
    let (inputs, steps) = action_file.split_once("\nruns:\n").unwrap();
    let names = inputs.lines().filter_map(|line| {
        let name = line.strip_prefix("  ")?.strip_suffix(':')?;
        (!name.starts_with(' ')).then_some(name)
    });
    let names: Vec<&str> = names.collect();
    assert_eq!(names.len(), 11, "{names:?}");
    for name in &names {
        assert!(steps.contains(&format!("inputs.{name} ")), "{name}");
    }
}

#[test]
fn the_action_plans_a_prune_without_flags_and_refuses_an_open_quote() {
    let job = Job::new();
    Fixture::named("mini").write_layout("local.json", &job.sandbox.path("cache"));
    let refs = || job.sandbox.json("ls ./cache --json")["sources"][0]["refs"].clone();
    let before = refs();
    for flags in ["", "  \n "] {
        let inputs = [("INPUT_PRUNE", "./cache"), ("INPUT_PRUNE_FLAGS", flags)];
        let planned = job.run("prune.sh", &inputs);
        assert_eq!(planned.code, Some(0), "{planned}");
    }
    // Without the open quote, this would delete a ref.
    let open = "--drop-ref 'c01' --grace 0s --settle 1ms --keep-ref=it's";
    let inputs = [
        ("INPUT_PRUNE", "./cache"),
        ("INPUT_PRUNE_FLAGS", open),
        ("INPUT_PRUNE_APPLY", "true"),
    ];
    let refused = job.run("prune.sh", &inputs);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(
        refused
            .stderr
            .contains("a quote in `prune-flags` is not closed"),
        "{refused}"
    );
    assert_eq!(refs(), before);
    let refused = job.run("why.sh", &[("INPUT_WHY", "docker build 'a .")]);
    assert_eq!(refused.code, Some(2), "{refused}");
}
