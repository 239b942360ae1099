//! The `--json` documents, compared with their schemas. Every document that any test reads is
//! checked, too (`support::command`), for all kinds of stores; here the schemas must also name all
//! fields.

use std::fs;

use serde_json::{Value, json};

use crate::support::command::Sandbox;
use crate::support::fixture::Fixture;
use crate::support::schema::{COMMANDS, Unknown, faults, schema};

/// The commands whose schemas name every field.
const WHOLE: [&str; 8] = [
    "ls", "du", "show", "blobs", "files", "diff", "check", "find",
];

/// Returns the documents of the commands for the demo and for a cache that BuildKit wrote.
fn documents() -> Vec<Value> {
    let sandbox = Sandbox::new();
    let mini = Fixture::named("mini");
    mini.write_layout("local.json", &sandbox.path("cache"));
    let provenance = mini.path("provenance/c03.json");
    let provenance = provenance.to_str().unwrap();
    let workflow = "jobs:\n  a:\n    runs-on: x\n    steps:\n      \
        - run: docker build --cache-from type=registry,ref=acme/App:cache .\n";
    fs::create_dir_all(sandbox.path(".github/workflows")).unwrap();
    fs::write(sandbox.path(".github/workflows/a.yml"), workflow).unwrap();
    let shown = sandbox.run(&["show", "demo#main", "--json"]).json();
    let layer = shown["layers"][0]["digest"].as_str().unwrap();
    let runs: [&[&str]; 21] = [
        &["ls", "demo"],
        &["ls", "./cache", "demo"],
        &["du", "demo"],
        &["du", "./cache", "demo"],
        &["du", "./cache", "--history"],
        &["diff", "./cache", "--since", "1d"],
        &["show", "demo#main"],
        &["show", "./cache#c03", "--provenance", provenance],
        &["blobs", "demo"],
        &["blobs", "./cache"],
        &["files", "demo", layer],
        &["files", "demo#main", layer, "--filter", "kind:file"],
        &["diff", "demo#main", "demo#pr-14"],
        &[
            "diff",
            "./cache#c01",
            "./cache#c03",
            "--provenance",
            provenance,
        ],
        &["check", "demo", "--max-orphan", "1%"],
        &["check", "./cache", "--verify"],
        &["find"],
        &["prune", "./cache", "--orphans-only"],
        &["prune", "./cache", "--drop-ref", "c0*", "--grace", "0s"],
        &["repair", "./cache"],
        &["why", "./cache#c01", "--build", provenance],
    ];
    runs.iter()
        .map(|arguments| sandbox.run(&[*arguments, &["--json"]].concat()).json())
        .collect()
}

#[test]
fn schemas_match_the_output_and_describe_every_field() {
    let documents = documents();
    for command in COMMANDS {
        let of_command = documents
            .iter()
            .filter(|document| document["command"] == command);
        let unknown = if WHOLE.contains(&command) {
            Unknown::Refused
        } else {
            Unknown::Allowed
        };
        let mut count = 0;
        for document in of_command {
            assert_eq!(document.get("errors"), None, "{command}");
            let faults = faults(&schema(command), document, unknown);
            assert!(faults.is_empty(), "{command}: {}", faults.join("\n"));
            count += 1;
        }
        assert!(count > 0, "{command}");
    }
}

#[test]
fn a_document_of_a_failure_fits_as_well() {
    let sandbox = Sandbox::new();
    for arguments in [
        &["ls", "./nowhere", "--json"][..],
        &["files", "demo", "no-such-layer", "--json"],
        &["prune", "./nowhere", "--json"],
    ] {
        let run = sandbox.run(arguments);
        let document = run.json();
        assert!(!document["errors"].as_array().unwrap().is_empty());
        let command = document["command"].as_str().unwrap();
        assert_eq!(
            faults(&schema(command), &document, Unknown::Refused),
            [""; 0]
        );
    }
}

#[test]
fn the_schema_checker_finds_each_fault() {
    let schema = schema("blobs");
    let right = || {
        documents()
            .into_iter()
            .find(|document| document["command"] == "blobs")
    };
    let right = right().unwrap();
    let wrong = |pointer: &str, value: Value| {
        let mut document = right.clone();
        *document.pointer_mut(pointer).unwrap() = value;
        faults(&schema, &document, Unknown::Refused).len()
    };
    assert_eq!(faults(&schema, &right, Unknown::Refused).len(), 0);
    for (pointer, value) in [
        ("/schema", json!(2)),
        ("/command", json!("ls")),
        ("/sources", json!({})),
        ("/sources/0/kind", json!("ftp")),
        ("/sources/0/blobs/0", json!({})),
        ("/sources/0/blobs/0/digest", json!("sha256:xyz")),
        ("/sources/0/blobs/0/bytes", json!(-1)),
        ("/sources/0/blobs/0/modified", json!("yesterday")),
    ] {
        assert!(wrong(pointer, value) > 0, "{pointer}");
    }
    let mut more = right.clone();
    more["sources"][0]["news"] = json!(1);
    assert_eq!(faults(&schema, &more, Unknown::Refused).len(), 1);
    assert_eq!(faults(&schema, &more, Unknown::Allowed).len(), 0);
}
