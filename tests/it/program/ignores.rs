//! Findings that `cachelens.toml` ignores.

use std::fs;

use crate::support::command::{Run, Sandbox};

fn with(ignores: &str, arguments: &[&str]) -> Run {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("cachelens.toml"), ignores).unwrap();
    fs::create_dir_all(sandbox.path(".github/workflows")).unwrap();
    let workflow = "jobs:\n  a:\n    runs-on: x\n    steps:\n      \
        - run: docker build --cache-from type=registry,ref=acme/App:cache .\n";
    fs::write(sandbox.path(".github/workflows/a.yml"), workflow).unwrap();
    sandbox.run(arguments)
}

const IGNORE: &str = "[[check.ignore]]\ncode = 'blob-missing'\nsource = 'demo'\nref = 'pr-*'\n\
    reason = 'the branch is about to be deleted'\n";

#[test]
fn an_ignored_finding_fails_no_gate_and_is_listed_with_its_reason() {
    let arguments = ["check", "demo", "--fail-on", "error"];
    let counted = with("", &arguments);
    assert_eq!(counted.code, Some(3), "{counted}");
    let ignored = with(IGNORE, &arguments);
    assert_eq!(ignored.code, Some(0), "{ignored}");
    let line = "1 ignored: blob-missing (the branch is about to be deleted)";
    assert!(ignored.stdout.contains(line), "{ignored}");
    let json = with(IGNORE, &["check", "demo", "--json"]).json();
    assert_eq!(json["ignored"][0]["code"], "blob-missing");
    assert_eq!(
        json["ignored"][0]["reason"],
        "the branch is about to be deleted"
    );
    assert_eq!(json["summary"]["error"], 0);
    for format in ["github", "junit", "sarif"] {
        let run = with(IGNORE, &["check", "demo", "--format", format]);
        assert!(!run.stdout.contains("blob-missing"), "{format}: {run}");
    }
    let markdown = with(IGNORE, &["check", "demo", "--format", "markdown"]);
    assert!(
        markdown.stdout.contains("1 ignored: blob-missing"),
        "{markdown}"
    );
}

#[test]
fn an_ignore_applies_only_to_what_it_names() {
    let other = IGNORE.replace("pr-*", "release-*");
    let run = with(&other, &["check", "demo", "--fail-on", "error"]);
    assert_eq!(run.code, Some(3), "{run}");
}

#[test]
fn an_expired_ignore_is_a_warning_and_its_findings_count() {
    let over = format!("{IGNORE}until = '2020-01-31'\n");
    let run = with(&over, &["check", "demo", "--fail-on", "error"]);
    assert_eq!(run.code, Some(3), "{run}");
    assert!(run.stderr.contains("ended on 2020-01-31"), "{run}");
}

#[test]
fn find_ignores_by_code_and_file() {
    let found = with("", &["find", "--json"]).json();
    let code = found["findings"][0]["code"].as_str().unwrap().to_owned();
    let ignore = |file: &str| {
        format!("[[check.ignore]]\ncode = '{code}'\nfile = '{file}'\nreason = 'known'\n")
    };
    let run = with(&ignore("*.yml"), &["find", "--json"]).json();
    assert_eq!(run["ignored"][0]["code"], code.as_str());
    let other = with(&ignore("*.hcl"), &["find", "--json"]).json();
    assert_eq!(other["ignored"].as_array().unwrap().len(), 0);
}

#[test]
fn an_ignore_needs_a_code_and_a_reason() {
    let text = "[[check.ignore]]\nref = 'a'\nwhen = 'b'\n\n[[check.ignore]]\ncode = 'orphans'\n\
        reason = ' '\nuntil = 'soon'\n";
    let run = with(text, &["check", "demo"]);
    assert_eq!(run.code, Some(2), "{run}");
    let wanted = [
        "an ignore needs a `code`",
        "an ignore needs a `reason`",
        "unknown key `when` in an ignore",
        "the reason is empty",
        "`soon` is no day",
    ];
    for message in wanted {
        assert!(run.stderr.contains(message), "{message}\n{run}");
    }
    let printed = with(IGNORE, &["config", "print"]);
    assert!(printed.stdout.contains("[[check.ignore]]"), "{printed}");
    assert!(printed.stdout.contains("ref = \"pr-*\""), "{printed}");
}

#[test]
fn a_mistyped_code_of_an_ignore_is_an_error_with_the_nearest_code() {
    let of = |code: &str| format!("[[check.ignore]]\ncode = '{code}'\nreason = 'known'\n");
    let run = with(&of("blob-misssing"), &["check", "demo"]);
    assert_eq!(run.code, Some(2), "{run}");
    let place = "cachelens.toml:2:8: no finding of `check` or `find` has the code `blob-misssing`";
    assert!(run.stderr.contains(place), "{run}");
    let hint = "did you mean `blob-missing`?";
    assert!(run.stderr.contains(hint), "{run}");
    let of_find = with(&of("uppercas"), &["find"]);
    assert_eq!(of_find.code, Some(2), "{of_find}");
    assert!(of_find.stderr.contains("did you mean `uppercase`?"));
    for mistyped in ["bolb-*", "/^orphan$/", "!orphan"] {
        let run = with(&of(mistyped), &["config", "check"]);
        assert_eq!(run.code, Some(2), "{mistyped}: {run}");
    }
    for right in ["blob-*", "orphans", "uppercase", "/^gha-/", "!blob-*"] {
        let run = with(&of(right), &["config", "check"]);
        assert_eq!(run.code, Some(0), "{right}: {run}");
    }
}
