//! Lengths of functions and files, and forms of code that are rare.

use std::fs;

use super::assert_none;
use super::read::{self, SOURCES, functions, rust_files};

/// The longest function, in lines.
const LONGEST_FUNCTION: usize = 60;
/// The longest file, in lines.
const LONGEST_FILE: usize = 450;
/// The most `let (a, b) = (x, y);`.
const TUPLE_LETS: usize = 20;
/// The most `.filter(|_| condition)`.
const BLIND_FILTERS: usize = 68;

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
    let mut found = Vec::new();
    for path in rust_files("tests/it") {
        let text = fs::read_to_string(&path).unwrap();
        let text: String = text.split_whitespace().collect();
        let lists = [".run(&[", ".json(&["].map(|call| text.matches(call).count());
        let lists: usize = lists.iter().sum();
        if lists > 0 && !path.ends_with("structure/sizes.rs") {
            found.push(format!("{}: {lists} lists", path.display()));
        }
    }
    assert_none(&found);
}
