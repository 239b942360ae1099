//! Lengths of functions and files, and forms of code that are rare.

use std::fs;
use std::path::{Path, PathBuf};

use super::assert_none;
use super::read::{self, SOURCES, functions};

/// The longest function, in lines.
const LONGEST_FUNCTION: usize = 60;
/// The longest file, in lines.
const LONGEST_FILE: usize = 450;
/// The most `let (a, b) = (x, y);`.
const TUPLE_LETS: usize = 20;
/// The most `.filter(|_| condition)`.
const BLIND_FILTERS: usize = 68;
/// The most calls of the program in tests whose arguments are a list and not one text.
const ARGUMENT_LISTS: usize = 126;

#[test]
fn functions_are_short() {
    let mut found = Vec::new();
    for source in SOURCES.iter() {
        let long = functions(source).into_iter();
        let long = long.filter(|(_, lines)| *lines > LONGEST_FUNCTION);
        found.extend(long.map(|(name, lines)| format!("{} {name}: {lines} lines", source.name)));
    }
    assert_none(&found);
}

#[test]
fn files_are_short() {
    let long = SOURCES.iter().filter(|source| source.lines > LONGEST_FILE);
    let long = long.map(|source| format!("{}: {} lines", source.name, source.lines));
    assert_none(&long.collect::<Vec<_>>());
}

#[test]
fn tuple_lets_are_rare() {
    let mut found = 0;
    for source in SOURCES.iter() {
        found += read::tuple_lets(&source.code);
    }
    assert!(found <= TUPLE_LETS, "{found} tuple lets");
}

#[test]
fn a_condition_is_an_if_and_no_filter() {
    let found: usize = SOURCES
        .iter()
        .map(|source| read::blind_filters(&source.code))
        .sum();
    assert!(
        found <= BLIND_FILTERS,
        "{found} `.filter(|_| …)`, more than {BLIND_FILTERS}"
    );
}

#[test]
fn arguments_of_the_program_are_one_text() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let mut found = 0;
    for entry in rust_files(&folder) {
        let text = fs::read_to_string(entry).unwrap();
        let text: String = text.split_whitespace().collect();
        found += [".run(", ".json("]
            .iter()
            .map(|call| text.matches(&format!("{call}&[")).count())
            .sum::<usize>();
    }
    assert!(
        found <= ARGUMENT_LISTS,
        "{found} lists of arguments, more than {ARGUMENT_LISTS}"
    );
}

/// Returns the files of Rust below a folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
