//! Exits: closed pipes, full disks, and interruptions.

use std::fs::File;
use std::io::pipe;
use std::process::{Command, Stdio};

use crate::support::command::{CommandLine, Run, Sandbox};

/// Returns the write end of a pipe whose read end is closed.
fn closed_pipe() -> Stdio {
    pipe().unwrap().1.into()
}

#[test]
fn a_closed_pipe_ends_the_program_without_an_error() {
    let sandbox = Sandbox::new();
    for arguments in [
        &["ls", "demo"][..],
        &["show", "demo#main", "--json"],
        &["man"],
        &["--help"],
    ] {
        let output = sandbox
            .command()
            .args(arguments)
            .stdout(closed_pipe())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let run = Run::new(output);
        assert_eq!(
            (run.code, run.stderr.as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
}

#[test]
fn an_error_is_the_exit_code_even_if_stderr_is_closed() {
    let sandbox = Sandbox::new();
    let cases = [
        (&["ls", "./nowhere"][..], 1),
        (&["ls", "./nowhere", "demo"], 4),
        (&["ls", "demo", "-vvv"], 0),
        (&["ls", "type=local,dest=nowhere,what=1"], 1),
        (&["--what"], 2),
    ];
    for (arguments, code) in cases {
        let status = sandbox
            .command()
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(closed_pipe())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}

/// Scripts read a document in any case.
#[test]
fn failures_are_reported_in_json() {
    let sandbox = Sandbox::new();
    sandbox.layout();
    for (arguments, code) in [
        (&["show", "./cache#main", "--json"][..], 1),
        (&["show", "demo#nothing", "--json"], 1),
        (&["diff", "demo#main", "demo#nothing", "--json"], 1),
        (&["why", "demo#main", "--build", "nowhere", "--json"], 1),
        (&["ls", "./nowhere", "--json"], 1),
        (&["prune", "--apply", "nowhere", "--json"], 2),
        (&["prune", "--resume", "nowhere", "--json"], 2),
        (&["repair", "--undo", "nowhere", "--json"], 2),
    ] {
        let run = sandbox.run(arguments);
        assert_eq!(run.code, Some(code), "{arguments:?}: {run}");
        let document = run.json();
        assert_eq!(
            (&document["schema"], &document["command"]),
            (&1.into(), &arguments[0].into())
        );
        let message = document["errors"][0]["message"].as_str().unwrap();
        assert!(run.stderr.contains(message), "{arguments:?}: {run}");
    }
}

#[test]
fn a_usage_error_is_a_document_too() {
    let sandbox = Sandbox::new();
    for arguments in [
        &["ls", "x", "--json", "--limit", "y"][..],
        &["--json", "prune", "x", "--keep-last", "0"],
        &["du", "--json", "--no-such-flag"],
        &["ls", "demo", "--json", "--columns", "nothing"],
    ] {
        let run = sandbox.run(arguments);
        assert_eq!(run.code, Some(2), "{arguments:?}: {run}");
        let command = arguments.iter().find(|word| !word.starts_with('-'));
        let document = run.json();
        assert_eq!(document["command"], **command.unwrap());
        let message = document["errors"][0]["message"].as_str().unwrap();
        assert!(!message.is_empty() && !message.contains('\n'), "{message}");
    }
    let without = sandbox.run("ls x --limit y");
    assert_eq!((without.code, without.stdout.as_str()), (Some(2), ""));
    std::fs::write(sandbox.path("cachelens.toml"), "sources = 3\n").unwrap();
    let wrong = sandbox.run("config check --json");
    assert_eq!(wrong.code, Some(2), "{wrong}");
    assert_eq!(wrong.json()["command"], "config check");
}

#[test]
fn evidence_of_another_build_is_reported_as_unrelated() {
    let sandbox = Sandbox::new();
    let other = crate::support::fixture::Fixture::named("kitchen").path("provenance/c07.json");
    let own = crate::support::fixture::Fixture::named("mini").path("provenance/c03.json");
    for (evidence, said) in [
        (
            other,
            "warning: the evidence names none of the steps: is it of another build?\n",
        ),
        (own, ""),
    ] {
        let run = sandbox.run(format!(
            "show demo#main --provenance {}",
            evidence.display()
        ));
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), said));
    }
}

#[test]
fn an_unknown_command_is_reported_as_such() {
    let sandbox = Sandbox::new();
    let run = sandbox.run("pruen ./cache");
    assert_eq!(run.code, Some(2));
    insta::assert_snapshot!(run.stderr, @r"
    error: `pruen` is neither a command nor a directory
      hint: did you mean `cachelens prune`?
    ");
}

#[test]
fn a_file_that_is_no_plan_or_journal_is_a_usage_error() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.path("notes"), "no journal\n").unwrap();
    for flag in ["--apply", "--resume", "--undo"] {
        for file in ["nowhere", "notes", "."] {
            let run = sandbox.run(format!("prune {flag} {file}"));
            assert_eq!(
                (run.code, run.stdout.as_str()),
                (Some(2), ""),
                "{flag} {file}: {run}"
            );
            assert!(run.stderr.contains(file), "{flag} {file}: {run}");
        }
    }
    let missing = sandbox.run("prune --undo nowhere").stderr;
    assert!(missing.contains("hint: the journals are in"), "{missing}");
}

#[test]
fn an_interrupt_ends_a_prune_that_waits_for_its_plan() {
    let sandbox = Sandbox::new();
    for flag in ["--apply", "--resume"] {
        let waits = sandbox.path(flag);
        assert!(
            Command::new("mkfifo")
                .arg(&waits)
                .status()
                .unwrap()
                .success()
        );
        let mut command = sandbox.command();
        command
            .arg("prune")
            .arg(flag)
            .arg(&waits)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        // For `--apply`, this opens as soon as the program has opened the other end.
        let writer = File::options().write(true).open(&waits).unwrap();
        let kill = format!("kill -INT {}", child.id());
        // The program handles the signal once it is working.
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
        let run = Run::new(child.wait_with_output().unwrap());
        drop(writer);
        assert_eq!(
            (run.code, run.stderr.as_str()),
            (Some(130), "error: interrupted\n"),
            "{flag}"
        );
    }
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let sandbox = Sandbox::new();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = sandbox
        .command()
        .args(["ls", "demo"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let run = Run::new(output);
    assert_eq!(run.code, Some(1));
    insta::assert_snapshot!(run.stderr, @"error: cannot write the result: No space left on device (os error 28)");
}

#[test]
fn an_interrupt_ends_a_command_that_waits() {
    ends_by("INT");
}

#[test]
fn a_termination_signal_ends_a_command_like_an_interrupt() {
    ends_by("TERM");
}

fn ends_by(signal: &str) {
    let sandbox = Sandbox::new();
    let waits = sandbox.path("provenance");
    assert!(
        Command::new("mkfifo")
            .arg(&waits)
            .status()
            .unwrap()
            .success()
    );
    let mut command = sandbox.command();
    command
        .args(["show", "demo#main", "--provenance", "provenance"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    // Opens as soon as the program has opened the other end; from then on the program waits for
    // bytes.
    let writer = File::options().write(true).open(&waits).unwrap();
    let kill = format!("kill -{signal} {}", child.id());
    assert!(
        Command::new("sh")
            .args(["-c", &kill])
            .status()
            .unwrap()
            .success()
    );
    let run = Run::new(child.wait_with_output().unwrap());
    drop(writer);
    assert_eq!(
        (run.code, run.stdout.as_str(), run.stderr.as_str()),
        (Some(130), "", "error: interrupted\n")
    );
}

#[test]
fn provenance_is_read_from_a_pipe() {
    let sandbox = Sandbox::new();
    let statement = crate::support::fixture::Fixture::named("mini").path("provenance/c03.json");
    let through = format!(
        "cat {} | {} show demo#main --json --provenance /dev/stdin",
        statement.display(),
        env!("CARGO_BIN_EXE_cachelens")
    );
    let output = Command::new("sh")
        .args(["-c", &through])
        .env("HOME", sandbox.path(""))
        .output()
        .unwrap();
    let run = Run::new(output);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert!(
        run.json()["records"]
            .as_array()
            .is_some_and(|records| !records.is_empty())
    );
}

#[test]
fn a_context_that_is_no_directory_is_a_usage_error() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.path("file"), "").unwrap();
    for (context, why) in [
        ("./nowhere", "--context: ./nowhere does not exist"),
        ("web=./nowhere", "--context: ./nowhere does not exist"),
        ("file", "--context: file is not a directory"),
    ] {
        for command in [&["why", "demo#main"][..], &["report", "demo"]] {
            let run = sandbox.run(format!("--context {context}").after(command));
            assert_eq!(run.code, Some(2), "{run}");
            assert!(run.stderr.contains(why), "{run}");
        }
    }
}
