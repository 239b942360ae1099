//! The README: what it shows is what the program prints, and its commands run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cachelens::cli::check_arguments;

use super::manual::words;
use crate::support::command::{Run, Sandbox};
use crate::support::fixture::Fixture;

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// Returns the content of each fence with commands.
fn fences(text: &str) -> Vec<&str> {
    let fences = text.split("```console\n").skip(1);
    fences
        .map(|fence| fence.split("```").next().unwrap())
        .collect()
}

/// Returns the commands below a heading, without `$`.
fn commands_below(heading: &str) -> Vec<String> {
    let text = readme();
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let lines = fences(section).into_iter().flat_map(str::lines);
    let commands = lines.map(|line| line.strip_prefix("$ ").unwrap());
    commands.map(str::to_owned).collect()
}

/// Runs a command, with other words in the place of some.
fn run(sandbox: &Sandbox, command: &str, instead: &[(&str, &str)]) -> Run {
    let words = words(command);
    let words: Vec<&str> = words.iter().map(|word| word.to_str().unwrap()).collect();
    assert_eq!(words[0], "cachelens", "{command}");
    let replaced = words[1..].iter().map(|word| {
        let other = instead.iter().find(|(name, _)| name == word);
        other.map_or(*word, |(_, other)| other)
    });
    sandbox.run(&replaced.collect::<Vec<_>>())
}

/// Returns the files of the cache with their sizes, without its trash.
fn blobs(sandbox: &Sandbox) -> BTreeMap<String, u64> {
    let files = fs::read_dir(sandbox.path("cache/blobs/sha256")).unwrap();
    let files = files.map(|file| file.unwrap());
    files
        .map(|file| {
            let name = file.file_name().into_string().unwrap();
            (name, file.metadata().unwrap().len())
        })
        .collect()
}

/// Returns whether the printed lines match the shown ones; `…` stands for any number of lines.
fn is_as_shown(printed: &[&str], shown: &[&str]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((&"…", rest)) => (0..=printed.len()).any(|from| is_as_shown(&printed[from..], rest)),
        Some((line, rest)) => printed
            .split_first()
            .is_some_and(|(first, others)| first == line && is_as_shown(others, rest)),
    }
}

/// A checkout with a cache whose `main` is one build old, and with the provenance of a new build.
fn checkout() -> Sandbox {
    let sandbox = Sandbox::new();
    let shop = Fixture::named("shop");
    shop.write_layout("local.json", &sandbox.path("cache"));
    let index = sandbox.path("cache/index.json");
    let text = fs::read_to_string(&index)
        .unwrap()
        .replace("\"c06\"", "\"main\"");
    fs::write(index, text).unwrap();
    fs::copy(shop.path("provenance/c07.json"), sandbox.path("build.json")).unwrap();
    let trees = shop.trees();
    let tree = trees.path().join("tree/c07/.");
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .arg(tree)
        .arg(sandbox.path("."))
        .status();
    assert!(copied.unwrap().success());
    sandbox
}

#[test]
fn the_readme_is_short_and_shows_real_output() {
    let text = readme();
    assert!((6000..=8192).contains(&text.len()), "{} bytes", text.len());
    let sandbox = checkout();
    let mut compared = 0;
    for fence in fences(&text) {
        let (command, shown) = fence.split_once('\n').unwrap();
        // Fences with several commands show no output.
        if shown.starts_with('$') {
            continue;
        }
        let words = words(command.strip_prefix("$ ").unwrap());
        let words: Vec<&str> = words[1..]
            .iter()
            .map(|word| word.to_str().unwrap())
            .collect();
        let run = sandbox.run(&words);
        let printed: Vec<&str> = run.stdout.lines().collect();
        let shown: Vec<&str> = shown.lines().collect();
        assert!(
            is_as_shown(&printed, &shown),
            "{command}\n{}{}",
            run.stdout,
            run.stderr
        );
        compared += 1;
    }
    assert_eq!(compared, 3);
}

/// A cache of pull requests, in which the blobs of one are left that no ref reaches any more.
fn with_orphans() -> Sandbox {
    let sandbox = Sandbox::new();
    Fixture::named("shop").write_layout("local.json", &sandbox.path("cache"));
    let path = sandbox.path("cache/index.json");
    let text = fs::read_to_string(&path).unwrap().replace("\"c0", "\"pr-");
    let mut index: serde_json::Value = serde_json::from_str(&text).unwrap();
    index["manifests"].as_array_mut().unwrap().pop().unwrap();
    fs::write(path, index.to_string()).unwrap();
    sandbox
}

/// The commands that install the program are only parsed: they compile it, which takes minutes.
/// The program that the other tests run is the result.
#[test]
fn the_commands_that_install_the_program_are_those_of_this_package() {
    let commands = commands_below("Install");
    assert_eq!(commands.len(), 2);
    for command in commands {
        let words = words(&command);
        let words: Vec<&str> = words.iter().map(|word| word.to_str().unwrap()).collect();
        match words.as_slice() {
            ["cargo", "install", "--path", "."] => {}
            ["cargo", "run", "--release", "--", arguments @ ..] => {
                let words = [&["cachelens"], arguments].concat();
                assert_eq!(check_arguments(words.iter().map(Into::into)), Ok(()));
            }
            other => panic!("{other:?}"),
        }
    }
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    let manifest: toml::Table = manifest.unwrap().parse().unwrap();
    assert_eq!(manifest["bin"][0]["name"].as_str(), Some("cachelens"));
    // Both need the compiler that the README names.
    let version = manifest["package"]["rust-version"].as_str().unwrap();
    assert!(readme().contains(&format!("Rust {version} or later")));
}

#[test]
fn the_commands_that_prune_delete_orphans_and_restore_them() {
    let sandbox = with_orphans();
    let before = blobs(&sandbox);
    let commands = commands_below("Prune");
    let [plan, apply, undo] = commands.as_slice() else {
        panic!("{commands:?}");
    };
    let planned = run(&sandbox, plan, &[]);
    assert_eq!(planned.code, Some(0), "{planned}");
    assert_eq!(blobs(&sandbox), before);
    let applied = run(&sandbox, apply, &[]);
    assert_eq!(applied.code, Some(0), "{applied}");
    assert!(blobs(&sandbox).len() < before.len(), "{applied}");
    let journals = fs::read_dir(sandbox.path(".local/state/cachelens/journal")).unwrap();
    let journal = journals.last().unwrap().unwrap().path();
    let undone = run(&sandbox, undo, &[("JOURNAL", journal.to_str().unwrap())]);
    assert_eq!(undone.code, Some(0), "{undone}");
    assert_eq!(blobs(&sandbox), before);
}

/// The commands run on a local cache in the place of remote ones.
#[test]
fn the_commands_for_ci_find_check_and_prune() {
    let sandbox = with_orphans();
    let workflow = "jobs:\n  a:\n    runs-on: x\n    steps:\n      \
        - run: docker buildx build --cache-to gha .\n";
    fs::create_dir_all(sandbox.path(".github/workflows")).unwrap();
    fs::write(sandbox.path(".github/workflows/a.yml"), workflow).unwrap();
    let rules = "[[retention.rule]]\nname = 'all'\nmatch = { ref = '*' }\naction = 'protect'\n";
    fs::write(sandbox.path("rules.toml"), rules).unwrap();
    let instead = [
        ("ghcr.io/acme/app:buildcache", "./cache"),
        ("s3://build-cache/app", "./cache"),
    ];
    let commands = commands_below("In CI");
    let [find, check, prune] = commands.as_slice() else {
        panic!("{commands:?}");
    };
    let found = run(&sandbox, find, &instead);
    assert_eq!(found.code, Some(3), "{found}");
    let start = "::error file=.github/workflows/a.yml,line=5";
    assert!(found.stdout.starts_with(start), "{found}");
    let checked = run(&sandbox, check, &instead);
    assert_eq!(checked.code, Some(0), "{checked}");
    assert!(checked.stdout.contains("<testsuites"), "{checked}");
    let before = blobs(&sandbox);
    let pruned = run(&sandbox, prune, &instead);
    assert_eq!(pruned.code, Some(0), "{pruned}");
    assert!(blobs(&sandbox).len() < before.len(), "{pruned}");
}
