//! Completions: what the shells are offered, and that their scripts offer it.

use std::fs;
use std::path::Path;
use std::process::Command;

use cachelens::cli::check_arguments;

use crate::support::command::{CommandLine, Run, Sandbox};
use crate::support::fixture::Fixture;

/// Returns the values for the last of some words.
fn offered(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let run = sandbox.run(words.after("complete -- cachelens"));
    assert_eq!(run.code, Some(0), "{run}");
    let values = run.stdout.lines().map(|line| line.split('\t').next());
    values.map(|value| value.unwrap().to_owned()).collect()
}

#[test]
fn sources_and_refs_and_attributes_are_offered() {
    let sandbox = Sandbox::new();
    Fixture::named("mini").write_layout("local.json", &sandbox.path("cache"));
    fs::write(
        sandbox.path("cachelens.toml"),
        "sources = ['ghcr.io/acme/app:cache', 'type=s3,bucket=b,region=eu-west-1']\n",
    )
    .unwrap();
    assert_eq!(
        offered(&sandbox, &["ls", "ghcr"]),
        ["ghcr.io/acme/app:cache"]
    );
    let refs = offered(&sandbox, &["ls", "./cache#c0"]);
    assert!(refs.contains(&"./cache#c03".to_owned()), "{refs:?}");
    assert!(offered(&sandbox, &["show", "./ca"]).contains(&"./cache/".to_owned()));
    let attributes = offered(&sandbox, &["check", "type=registry,re"]);
    assert_eq!(
        attributes,
        ["type=registry,ref=", "type=registry,registry.insecure="]
    );
    let flags = offered(&sandbox, &["prune", "demo", "--drop"]);
    assert_eq!(flags, ["--drop-ref"]);
    assert!(offered(&sandbox, &["rep"]).contains(&"repair".to_owned()));
    assert_eq!(offered(&sandbox, &["check", "--format", "sa"]), ["sarif"]);
}

#[test]
fn names_with_control_characters_are_not_offered() {
    let sandbox = Sandbox::new();
    let named = |name: &str, digit: &str| {
        serde_json::json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": format!("sha256:{}", digit.repeat(64)),
            "size": 7,
            "annotations": { "org.opencontainers.image.ref.name": name },
        })
    };
    let index = serde_json::json!({
        "schemaVersion": 2,
        "manifests": [named("good", "0"), named("bad\nrm", "1"), named("bad\u{1b}[2J", "2")],
    });
    sandbox.layout().write("index.json", index.to_string());
    assert_eq!(offered(&sandbox, &["ls", "./cache#"]), ["./cache#good"]);
}

#[test]
fn bash_completes_words_with_colons_and_equals_signs() {
    let sandbox = Sandbox::new();
    Fixture::named("mini").write_layout("local.json", &sandbox.path("cache"));
    let program = env!("CARGO_BIN_EXE_cachelens");
    // Bash hands over the part of the word after its last `:` or `=`.
    let complete = |line: &str, part: &str| {
        let script = format!(
            "source <({program} completions bash)\ncompopt() {{ :; }}\n\
             COMP_LINE='{program} {line}'; COMP_POINT=${{#COMP_LINE}}\n\
             _cachelens cachelens '{part}' ls\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
        );
        let mut command = Command::new("bash");
        command
            .args(["--norc", "-c", &script])
            .env("HOME", sandbox.path(""))
            .current_dir(sandbox.path(""));
        let run = Run::new(command.output().unwrap());
        assert_eq!(run.stderr, "", "{run}");
        run.stdout
    };
    assert_eq!(complete("ls ./cache#c03", "./cache#c03"), "./cache#c03\n");
    assert_eq!(complete("ls type=local,src=./x,ta", "./x,ta"), "./x,tag=\n");
    assert_eq!(complete("ls type=inl", "inl"), "inline\n");
    assert_eq!(complete("ls regi", "regi"), "registry-dir:\n");
    assert_eq!(complete("why --fail-on cause:pl", "pl"), "platform\n");
    assert_eq!(complete("help wo", "wo"), "words\n");
}

#[test]
fn values_with_fixed_names_are_offered() {
    let sandbox = Sandbox::new();
    for (words, value) in [
        ("help wo", "words"),
        ("help pru", "prune"),
        ("man filt", "filters"),
        ("ls demo --sort excl", "exclusive"),
        ("ls demo --columns ref,si", "ref,size"),
        ("blobs demo --sort st", "state"),
        ("files demo x --columns pa", "path"),
        ("repair demo --fix blob-m", "blob-missing"),
        ("why demo --fail-on mi", "miss"),
        ("why demo --fail-on cause:pl", "cause:platform"),
        ("why demo --network ho", "host"),
        ("check demo --fail-on wa", "warning"),
        ("find --fail-on wa", "warning"),
        ("--theme hi", "high-contrast"),
        ("du demo --theme hi", "high-contrast"),
        ("du demo --color al", "always"),
        ("ls demo --format cs", "csv"),
        ("why demo --format ju", "junit"),
        ("prune demo --format ma", "markdown"),
        ("report demo --format ht", "html"),
        ("config pr", "print"),
        ("completions zs", "zsh"),
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        assert_eq!(offered(&sandbox, &words), [value], "{words:?}");
    }
}

#[test]
fn every_offered_name_is_accepted() {
    let sandbox = Sandbox::new();
    for (command, flag) in [("repair demo", "--fix"), ("why demo", "--fail-on")] {
        let words: Vec<&str> = command.split(' ').chain([flag, ""]).collect();
        let names = offered(&sandbox, &words);
        assert!(names.len() > 10, "{command}: {names:?}");
        for name in names {
            let words = command.split(' ').chain([flag, &name]);
            let words = ["cachelens"].into_iter().chain(words).map(Into::into);
            assert_eq!(check_arguments(words), Ok(()), "{name}");
        }
    }
    for command in ["ls demo", "blobs demo"] {
        let words: Vec<&str> = command.split(' ').chain(["--columns", ""]).collect();
        let columns = offered(&sandbox, &words).join(",");
        let words: Vec<&str> = command.split(' ').chain(["--columns", &columns]).collect();
        let run = sandbox.run(&words);
        assert_eq!(run.code, Some(0), "{run}");
    }
    for page in offered(&sandbox, &["help", ""]) {
        if !page.starts_with('-') {
            let run = sandbox.run(format!("man {page}"));
            assert_eq!(run.code, Some(0), "{page}: {run}");
        }
    }
}

/// Runs a script in a shell whose search path has the program.
fn in_shell(sandbox: &Sandbox, shell: &[&str], script: &str) -> Vec<String> {
    let program = Path::new(env!("CARGO_BIN_EXE_cachelens"));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", program.parent().unwrap().display());
    let mut command = Command::new(shell[0]);
    command
        .args(&shell[1..])
        .arg(script)
        .env("HOME", sandbox.path(""))
        .env("PATH", path)
        .current_dir(sandbox.path(""));
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}: tests/run installs it", shell[0]));
    let run = Run::new(output);
    assert_eq!(run.stderr, "", "{run}");
    let lines = run.stdout.lines().filter(|line| !line.is_empty());
    lines.map(str::to_owned).collect()
}

#[test]
fn fish_offers_values_with_their_meanings() {
    let sandbox = Sandbox::new();
    let complete = |line: &str| {
        let script = format!("cachelens completions fish | source; complete -C '{line}'");
        in_shell(&sandbox, &["fish", "--no-config", "-c"], &script)
    };
    assert_eq!(
        complete("cachelens help wo"),
        ["words\twhat the words mean"]
    );
    assert_eq!(complete("cachelens ls demo --columns ref,si"), ["ref,size"]);
    assert_eq!(
        complete("cachelens why --fail-on cause:pl"),
        ["cause:platform\tany step that runs for this reason"]
    );
}

#[test]
fn zsh_adds_values_to_its_candidates() {
    let sandbox = Sandbox::new();
    let complete = |line: &str| {
        // The script calls what only the completion system of an interactive shell defines.
        let script = format!(
            "compdef() {{ :; }}\n_call_program() {{ shift; eval \"$@\"; }}\n\
             compadd() {{ local name=\"${{@[-1]}}\"; print -rl -- ${{(P)name}}; }}\n\
             eval \"$(cachelens completions zsh)\"\n\
             words=({line}); CURRENT=${{#words}}; _cachelens\n"
        );
        in_shell(&sandbox, &["zsh", "-f", "-c"], &script)
    };
    assert_eq!(complete("cachelens help wo"), ["words"]);
    assert_eq!(complete("cachelens ls demo --columns ref,si"), ["ref,size"]);
    assert_eq!(complete("cachelens ls type=local,de"), ["type=local,dest="]);
}

#[test]
fn every_shell_has_a_script() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = sandbox.run(format!("completions {shell}"));
        assert_eq!(run.code, Some(0), "{run}");
        assert!(run.stdout.contains("cachelens"), "{shell}");
    }
}

/// Returns the part of a script with the flags of a command: up to the next command.
fn flags_of<'a>(script: &'a str, command: &str) -> &'a str {
    let start = format!("'cachelens;{command}'");
    let (_, rest) = script
        .split_once(&start)
        .unwrap_or_else(|| panic!("no {start}"));
    rest.split("'cachelens;").next().unwrap()
}

#[test]
fn elvish_and_powershell_scripts_offer_the_flags_of_each_command() {
    let sandbox = Sandbox::new();
    for (shell, before, after) in [
        ("elvish", "cand ", " "),
        ("powershell", "[CompletionResult]::new('", "',"),
    ] {
        let script = sandbox.run(format!("completions {shell}")).stdout;
        let has = |command: &str, flag: &str| {
            flags_of(&script, command).contains(&format!("{before}{flag}{after}"))
        };
        assert!(has("show", "--provenance"), "{shell}");
        assert!(has("du", "--color"), "{shell}");
        assert!(!has("du", "--provenance"), "{shell}");
    }
    assert_eq!(sandbox.run("completions tcsh").code, Some(2));
}
