//! The stores: their traits, facts and files.

use std::collections::BTreeMap;

use super::assert_none;
use super::read::{self, SOURCES, Source, traits};

/// The most methods of a trait of `src/backend`.
const MOST_METHODS: usize = 8;
/// The most methods of the trait that deletes.
const MOST_METHODS_OF_PRUNER: usize = 6;

#[test]
fn stores_are_distinguished_by_an_enum() {
    let comparisons = ["kind == \"", "kind != \"", "kind() == \"", "kind() != \""];
    // BuildKit's own formats name kinds in text.
    let others = SOURCES.iter().filter(|source| source.module() != "format");
    let compare = |source: &&Source| comparisons.iter().any(|text| source.code.contains(text));
    let found: Vec<&String> = others.filter(compare).map(|source| &source.name).collect();
    assert_none(&found);
}

#[test]
fn facts_of_stores_are_one_typed_value_and_no_format() {
    for source in SOURCES.iter() {
        for fact in ["Option<Arc<Bucket>>", "Option<Arc<QuotaFacts>>"] {
            let is_part = matches!(source.name.as_str(), "inventory.rs" | "backend/reader.rs");
            let is_fact = is_part && source.code.contains(fact);
            assert!(!is_fact, "{} has {fact}", source.name);
        }
        if source.name.starts_with("format/layout") {
            for fact in ["withheld", "repository", "generation", "branch"] {
                assert!(!source.code.contains(fact), "{} has {fact}", source.name);
            }
        }
    }
}

#[test]
fn traits_of_stores_are_thin() {
    let traits: BTreeMap<String, usize> = SOURCES
        .iter()
        .filter(|source| source.module() == "backend")
        .flat_map(traits)
        .collect();
    let most = |name: &str| match name {
        "CachePruner" => MOST_METHODS_OF_PRUNER,
        _ => MOST_METHODS,
    };
    assert!(traits.contains_key("CacheReader") && traits.contains_key("CachePruner"));
    for (name, methods) in traits {
        assert!(methods > 0, "{name} has no methods");
        assert!(methods <= most(&name), "{name} has {methods} methods");
    }
}

/// The files that each store has for the jobs it does.
const STORE_FILES: [(&str, &[&str]); 5] = [
    ("gha", &["read", "list", "prune", "write"]),
    (
        "local",
        &["read", "list", "refs", "prune", "delete", "undo", "write"],
    ),
    (
        "registry",
        &[
            "client", "read", "list", "refs", "prune", "delete", "undo", "write",
        ],
    ),
    ("registry_dir", &["read", "list"]),
    (
        "s3",
        &[
            "client", "read", "list", "refs", "prune", "delete", "undo", "lease",
        ],
    ),
];

/// Other names for the same jobs.
const OTHER_FILE_NAMES: [&str; 9] = [
    "back", "contents", "listing", "reader", "remove", "restore", "rewrite", "tags", "pruner",
];

#[test]
fn every_store_has_the_same_files_for_the_same_jobs() {
    for (store, files) in STORE_FILES {
        let folder = format!("backend/{store}/");
        let in_store = SOURCES
            .iter()
            .filter_map(|source| source.name.strip_prefix(&folder));
        let names: Vec<&str> = in_store.map(|name| name.trim_end_matches(".rs")).collect();
        for file in files {
            assert!(names.contains(file), "{folder}{file}.rs is missing");
        }
        let other = names.iter().find(|name| OTHER_FILE_NAMES.contains(name));
        assert_eq!(other, None, "{folder}");
    }
}

#[test]
fn the_code_of_a_reader_is_in_one_file_of_its_store() {
    for source in SOURCES.iter() {
        let implements = source.code.contains(" CacheReader for ");
        let Some(name) = source.name.strip_prefix("backend/") else {
            assert!(!implements, "{}", source.name);
            continue;
        };
        let is_shared = matches!(name, "memory.rs" | "reader.rs");
        assert!(
            !implements || is_shared || name.ends_with("/read.rs"),
            "{name} implements CacheReader"
        );
    }
}

#[test]
fn no_method_of_a_store_is_a_stub() {
    let stores = SOURCES.iter().filter(|source| source.module() == "backend");
    let found: Vec<String> = stores.flat_map(read::stubs).collect();
    assert!(found.is_empty(), "use nothing that they get: {found:?}");
}
