//! Names and docs.

use std::collections::BTreeMap;

use super::read::{self, SOURCES, types};

#[test]
fn a_type_name_is_defined_once() {
    let mut found = BTreeMap::new();
    for name in SOURCES.iter().flat_map(types) {
        *found.entry(name).or_default() += 1;
    }
    found.retain(|_, times: &mut usize| *times > 1);
    assert!(found.is_empty(), "defined more than once: {found:?}");
}

#[test]
fn public_functions_types_and_modules_have_docs() {
    let found: Vec<String> = SOURCES.iter().flat_map(read::undocumented).collect();
    assert!(
        found.is_empty(),
        "without a doc comment:\n{}",
        found.join("\n")
    );
}

#[test]
fn docs_of_fields_add_to_the_name() {
    let found: Vec<String> = SOURCES.iter().flat_map(read::fillers).collect();
    assert!(found.is_empty(), "repeats the name:\n{}", found.join("\n"));
}

/// Identifiers that the glossary replaces.
const BANNED: [&str; 55] = [
    "AwaitsPutBack",
    "BESIDE_THE_KEY",
    "GoNow",
    "Goes",
    "Lasting",
    "LeftOut",
    "MENDABLE",
    "ManifestGone",
    "Mend",
    "MendWork",
    "Mended",
    "NamedAgain",
    "NotNow",
    "PutBack",
    "PutBackInPart",
    "Stays",
    "UNTOLD",
    "Unmended",
    "Unsought",
    "Untold",
    "WAY_BACK",
    "WayBack",
    "beside",
    "cannot_be_mended",
    "finish_what_is_begun",
    "give_back",
    "give_lease_back",
    "heeding",
    "is_beside",
    "is_left_out",
    "is_mended",
    "leave_what_is_needed",
    "leaving_out",
    "left_out",
    "limit_is_told",
    "mend",
    "mended",
    "mending",
    "mends",
    "mends_of_version",
    "needed_beside",
    "not_mended",
    "own_gone",
    "put_back",
    "put_back_what_is_named",
    "sweep",
    "take_all_back",
    "take_back_what_is_named",
    "tell_extracted",
    "told_region",
    "told_to_end",
    "unmended",
    "way_back",
    "what_can_be_deleted",
    "with_left_out",
];

#[test]
fn identifiers_use_the_words_of_the_glossary() {
    let mut found = Vec::new();
    for source in SOURCES.iter() {
        let words = source
            .code
            .split(|character: char| !(character.is_alphanumeric() || character == '_'));
        for word in words.filter(|word| BANNED.contains(word)) {
            found.push(format!("{} {word}", source.name));
        }
    }
    found.dedup();
    assert!(found.is_empty(), "{}", found.join("\n"));
}
