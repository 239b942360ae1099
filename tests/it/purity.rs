//! The modules that decide use no terminal, clock, environment, file or network.

use std::fs;
use std::path::{Path, PathBuf};

/// The pure modules, below `src`; `x` stands for `x.rs` and the folder `x`.
const PURE: [&str; 7] = [
    "text",
    "format",
    "inventory",
    "explain",
    "retention",
    "prune/plan",
    "check",
];

/// The part of `explain` that reads evidence from files, images and directories.
const IMPURE: &str = "explain/load";

/// The forbidden beginnings of paths in them.
const OUTSIDE: &[&str] = &[
    "crate::cli",
    "crate::tui",
    "crossterm",
    "etcetera",
    "ratatui",
    "rustix",
    "std::env",
    "std::fs",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "tempfile",
    "tokio::fs",
    "tokio::io",
    "tokio::net",
    "tokio::process",
    "tokio::signal",
    "tokio::time",
    // Calls, if the type itself is harmless.
    "Timestamp::now",
    "Zoned::now",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "env!",
    "option_env!",
    "print!",
    "println!",
    "eprint!",
    "eprintln!",
];

#[test]
fn pure_modules_use_no_environment_clock_or_network() {
    let sources: Vec<PathBuf> = PURE.iter().flat_map(|room| sources_of(room)).collect();
    assert!(
        sources.iter().any(|path| path.ends_with("src/format.rs")),
        "src/format.rs has gone"
    );
    let mut reached = Vec::new();
    for path in sources {
        let code = code_of(&fs::read_to_string(&path).unwrap());
        reached.extend(
            outside(&code)
                .into_iter()
                .map(|found| format!("{} reaches {found}", path.display())),
        );
    }
    assert!(reached.is_empty(), "{}", reached.join("\n"));
}

#[test]
fn impure_imports_are_found_in_every_form() {
    let cases = [
        ("use std::{fmt, fs::File};", vec!["std::fs::File"]),
        (
            "use std::io::{self, Read, stdout};",
            vec!["std::io::stdout"],
        ),
        (
            "use std::{\n    collections::{BTreeMap, HashMap},\n    time::{Duration, SystemTime as Clock},\n};",
            vec!["std::time::SystemTime"],
        ),
        (
            "let now = jiff::Timestamp::now();",
            vec!["jiff::Timestamp::now"],
        ),
        ("println!(\"hello\");", vec!["println!"]),
        ("pub use tokio::time::sleep;", vec!["tokio::time::sleep"]),
        ("use std::io::Read; // as std::fs would", vec![]),
        (
            "use std::time::Duration;\n#[cfg(test)]\nmod tests { use std::fs; }",
            vec![],
        ),
        ("fn environment() { tokio::spawn(environ()); }", vec![]),
    ];
    for (source, expected) in cases {
        assert_eq!(outside(&code_of(source)), expected, "{source}");
    }
}

/// Returns `room.rs` and all sources below `room/`, without test files.
fn sources_of(room: &str) -> Vec<PathBuf> {
    let room = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room);
    let mut found = vec![room.with_extension("rs")];
    let mut folders = vec![room];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.ends_with(IMPURE) || path.ends_with("explain/load.rs") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("tests.rs")
            {
                found.push(path);
            }
        }
    }
    found.retain(|path| path.is_file());
    found
}

/// Returns the code of `source` without comments and without its tests, which are at the end.
fn code_of(source: &str) -> String {
    let code = source
        .split("\n#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default();
    code.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Returns the paths in `code` that begin with one of [`OUTSIDE`].
fn outside(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    // The path before the current group of an import, for each open group: `std::` and
    // `std::time::`.
    let mut prefixes: Vec<String> = Vec::new();
    let mut path = String::new();
    for character in code.chars().chain([';']) {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | ':' => path.push(character),
            '{' => {
                let prefix = prefixes.last().cloned().unwrap_or_default();
                // A block resets the path; only a path before the brace makes it a group.
                prefixes.push(if path.ends_with("::") {
                    prefix + &path
                } else {
                    String::new()
                });
                path.clear();
            }
            _ => {
                if character == '!' {
                    path.push(character);
                }
                paths.push(prefixes.last().cloned().unwrap_or_default() + &path);
                path.clear();
                if character == '}' {
                    prefixes.pop();
                }
            }
        }
    }
    let begins = |path: &str, start: &str| {
        path.strip_prefix(start)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    paths.retain(|path| OUTSIDE.iter().any(|start| begins(path, start)));
    paths
}
