//! `check` where the sources were found in files of the directory: their mistakes are findings.

use std::fs;

use serde_json::json;

use crate::support::command::Sandbox;

fn checkout() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    layout.tag("main", &layout.chain(&[layout.layer("a", 100)]));
    let make = "image:\n\tdocker buildx build --cache-to type=local,dest=./cache,mode=max .\n";
    fs::write(sandbox.path("Makefile"), make).unwrap();
    sandbox
}

#[test]
fn check_has_the_mistakes_of_the_files_that_declare_its_sources() {
    let sandbox = checkout();
    let run = sandbox.run("check");
    insta::assert_snapshot!(run, @r"
    In the files that declare these caches:
    warning[never-imported] Makefile:2
      cache is exported, but nothing in the repository imports it: the export only costs time.
      hint: Import it where the next build runs: `type=local,src=./cache`.
    warning[not-ignored] Makefile:2
      ./cache is in neither .gitignore nor .dockerignore: it is sent with the context and may be committed.
      hint: Add `cache/` to .gitignore and .dockerignore.

    2 warnings
    checked ./cache: 1 ref, 3 blobs stored; the bytes of layers were not read (--verify reads them)
    exit 3
    ");
    let document = sandbox.run("check --json").json();
    let findings = document["findings"].as_array().unwrap();
    let of_file: Vec<_> = findings
        .iter()
        .filter(|one| one.get("file").is_some())
        .collect();
    assert!(!of_file.is_empty(), "{document}");
    assert_eq!(of_file[0]["file"], "Makefile");
    assert_eq!(of_file[0]["line"], 2);
    assert_eq!(of_file[0]["source"], "./cache");
    let warnings = findings.iter().filter(|one| one["severity"] == "warning");
    assert_eq!(document["summary"]["warning"], json!(warnings.count()));
    // A source that is named has the findings of its store only.
    let named = sandbox.run("check ./cache --json").json();
    let mut of_store = named["findings"].as_array().unwrap().iter();
    assert!(of_store.all(|one| one.get("file").is_none()), "{named}");
}

#[test]
fn every_format_has_the_file_and_the_gate_counts_them() {
    let sandbox = checkout();
    for (format, expected) in [
        ("github", "::warning file=Makefile,line=2,title="),
        ("sarif", "\"uri\": \"Makefile\""),
        ("junit", "Makefile:2"),
        ("markdown", "Makefile:2"),
        ("text", "[never-imported] Makefile:2"),
    ] {
        let run = sandbox.run(format!("check --format {format}"));
        assert!(run.stdout.contains(expected), "{format}: {run}");
        assert_eq!(run.code, Some(3), "{format}");
    }
    let run = sandbox.run("check --fail-on error");
    assert_eq!(run.code, Some(0), "{run}");
}

#[test]
fn sources_of_a_checkouts_configuration_have_the_same_findings() {
    let sandbox = checkout();
    fs::write(sandbox.path("cachelens.toml"), "sources = [\"./cache\"]\n").unwrap();
    let run = sandbox.run("check");
    assert!(run.stdout.contains("Makefile:2"), "{run}");
    assert_eq!(run.code, Some(3));
}
