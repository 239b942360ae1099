//! A secret in a source appears in no output and no file, for any command, flag and error.

use std::fs;
use std::path::Path;
use std::thread;

use crate::support::command::{CommandLine, Run, Sandbox};

/// Marks all secrets.
const MARK: &str = "TOPSECRET";

/// Sources with secrets in every possible place, valid or not.
const SOURCES: [&str; 12] = [
    "s3://bucket?region=us-east-1&endpoint_url=http://127.0.0.1:1&access_key_id=AKIATOPSECRETTOPSECR&secret_access_key=TOPSECRETkey&session_token=TOPSECRETtoken",
    "type=s3,bucket=b,region=us-east-1,endpoint_url=http://127.0.0.1:1,access_key_id=AKIATOPSECRETTOPSECR,secret_access_key=TOPSECRETkey",
    "type=s3,\"secret_access_key=TOPSECRET,more\",access_key_id=AKIATOPSECRETTOPSECR,bucket=b,endpoint_url=http://127.0.0.1:1",
    "s3://b?endpoint_url=http://127.0.0.1:1&secret%5Faccess%5Fkey=TOPSECRETkey&access_key_id=AKIATOPSECRETTOPSECR",
    "type=s3,secret_access_key=TOPSECRETkey",
    "type=s4,secret_access_key=TOPSECRETkey",
    "type=s3,bucket=b,secret_access_key=TOPSECRETkey,\"",
    "type=gha,repository=a/b,token=TOPSECRETtoken,ghtoken=TOPSECRETgh,url=http://127.0.0.1:1",
    "gha:a/b?ghtoken=TOPSECRETgh&url=http://127.0.0.1:1#",
    "https://me:TOPSECRETpass@127.0.0.1:1/a/b",
    "type=s3,bucket=b,endpoint_url=http://me:TOPSECRETpass@127.0.0.1:1",
    "--cache-to=type=s3,bucket=$B,secret_access_key=TOPSECRETkey",
];

/// Commands with all possible neighbours of a source; `S` stands for the source.
const COMMANDS: [&[&str]; 24] = [
    &["ls", "S"],
    &["ls", "S", "--json"],
    &["ls", "S#main", "--filter", "size>1"],
    &["ls", "S", "-vvv"],
    &["du", "S"],
    &["du", "S", "--json"],
    &["show", "S#main"],
    &["diff", "S#a", "S#b"],
    &["check", "S"],
    &["check", "S", "--json", "--log-file", "log.txt"],
    &["why", "S#main", "--build", "S"],
    &["prune", "S"],
    &["prune", "S", "--yes", "--now", "--drop-ref", "*"],
    &["prune", "S", "--yes", "--confirm", "S"],
    &["prune", "S", "--plan-out", "plan.json"],
    &["prune", "--apply", "plan.json", "S"],
    &["prune", "--undo", "S"],
    &["S", "ls"],
    &["ls", "--concurrency", "S", "./cache"],
    &["config", "print", "S"],
    &["ls", "--S"],
    &["--config", "S", "ls"],
    &["ls", "S", "--timeout", "S"],
    &["S"],
];

#[test]
fn a_secret_in_a_source_is_shown_nowhere() {
    // At once: most of them wait for a host that does not answer.
    thread::scope(|scope| {
        for source in SOURCES {
            scope.spawn(move || assert_no_command_shows_the_mark(source));
        }
    });
}

fn assert_no_command_shows_the_mark(source: &str) {
    let sandbox = Sandbox::new();
    for command in COMMANDS {
        let arguments = command.iter().map(|word| {
            if word.contains("size") {
                (*word).to_owned()
            } else {
                word.replace('S', source)
            }
        });
        let mut process = sandbox.command();
        process
            .env("CACHELENS_LOG", "trace")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("GITHUB_API_URL", "http://127.0.0.1:1")
            .args(["--timeout", "1s"])
            .args(arguments);
        let run = Run::new(process.output().unwrap());
        let shown = format!("{}{}", run.stdout, run.stderr);
        assert!(!shown.contains(MARK), "{command:?} {source}:\n{run}");
    }
    assert_no_mark_below(&sandbox.path("."));
}

#[test]
fn a_configuration_shows_no_secret() {
    for line in [
        "sources = [\"S\"]",
        "sources = [ \"S\", 3 ]",
        "sourcess = [\"S\"]",
        "sources = \"S\"",
        "S",
        "[ui]\ntheme = \"S\"",
        "[scan]\ntimeout = \"S\"",
        "[[retention.rule]]\nname = \"a\"\naction = \"protect\"\nmatch = { source = \"/S\" }",
        "[retention]\ngrace = \"S\"",
    ] {
        for source in [SOURCES[0], SOURCES[4], SOURCES[9], SOURCES[11]] {
            let sandbox = Sandbox::new();
            let text = line.replace('S', source);
            fs::write(sandbox.path("cachelens.toml"), text).unwrap();
            for command in [
                &["config", "check"][..],
                &["config", "print"],
                &["ls"],
                &["ls", "--json"],
                &["ls", "--config", "cachelens.toml"],
            ] {
                let run = sandbox.run("--timeout 1s".after(command));
                let shown = format!("{}{}", run.stdout, run.stderr);
                assert!(!shown.contains(MARK), "{command:?} {line} {source}:\n{run}");
            }
            fs::remove_file(sandbox.path("cachelens.toml")).unwrap();
            assert_no_mark_below(&sandbox.path("."));
        }
    }
}

#[test]
fn the_masked_name_is_shown_and_accepted_as_confirmation() {
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    layout.tag("main", &layout.chain(&[layout.layer("layer", 100)]));
    // BuildKit ignores unknown keys, but the value is still a secret.
    let source = "type=local,src=cache,secret_access_key=TOPSECRETkey";
    let arguments = ["prune", source, "--drop-ref", "*", "--grace", "0s", "--yes"];
    let refused = sandbox.run(&arguments);
    assert_eq!(refused.code, Some(2), "{refused}");
    let masked = "type=local,src=cache,secret_access_key=***";
    assert!(
        refused
            .stderr
            .contains(&format!("add --confirm '{masked}'")),
        "{refused}"
    );
    assert!(!refused.stderr.contains(MARK), "{refused}");
    let done = sandbox.run(format!("--confirm {masked}").after(&arguments[..]));
    assert_eq!(done.code, Some(0), "{done}");
    assert_no_mark_below(&sandbox.path("."));
}

#[test]
fn tokens_in_commands_of_a_build_are_hidden() {
    let token = "ghp_0123456789abcdefghijTOPSECRET0123456";
    let sandbox = Sandbox::new();
    let mut layout = sandbox.layout();
    // A name is also text from the store.
    layout.tag(token, &layout.chain(&[layout.layer("layer", 100)]));
    for command in [
        &["ls", "./cache"][..],
        &["ls", "./cache", "--json"],
        &["check", "./cache"],
        &["prune", "./cache"],
    ] {
        let run = sandbox.run(command);
        assert!(!run.stdout.contains(MARK), "{run}");
        assert!(
            run.stdout.contains("(hidden)") || command[0] == "check",
            "{run}"
        );
    }
}

/// Checks every file below a folder.
fn assert_no_mark_below(folder: &Path) {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                assert!(!text.contains(MARK), "{}", path.display());
                assert!(!path.to_string_lossy().contains(MARK), "{}", path.display());
            }
        }
    }
}
