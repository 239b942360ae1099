//! Which module may import which.

use std::collections::{BTreeMap, BTreeSet};

use super::assert_none;
use super::read::{SOURCES, Source, imports};

/// The modules of `src` from the lowest layer to the highest. A module imports from its own layer
/// and from lower ones.
const LAYERS: [&[&str]; 10] = [
    &["text"],
    &["format", "logging"],
    &["source", "find"],
    &["backend"],
    &["inventory"],
    &["retention", "explain"],
    &["check"],
    &["prune", "config"],
    &["report", "error", "progress"],
    &["cli", "tui"],
];

#[test]
fn a_module_imports_from_its_own_layer_and_lower_ones() {
    let layer = |module: &str| LAYERS.iter().position(|layer| layer.contains(&module));
    let mut found = Vec::new();
    for source in SOURCES.iter() {
        let Some(own) = layer(source.module()) else {
            assert!(
                matches!(source.name.as_str(), "lib.rs" | "main.rs"),
                "{} is in no layer",
                source.name
            );
            continue;
        };
        for imported in source.imported_modules() {
            if layer(&imported).is_some_and(|layer| layer > own) {
                found.push(format!("{} imports {imported}", source.name));
            }
        }
    }
    assert_none(&found);
}

#[test]
fn the_state_that_screens_share_imports_no_screen() {
    let shared =
        ["world", "effect", "message", "work", "writes"].map(|name| format!("tui/{name}.rs"));
    for name in shared {
        let source = SOURCES.iter().find(|source| source.name == name);
        let source = source.unwrap_or_else(|| panic!("{name} does not exist"));
        assert_eq!(imported_screen(source), None, "{name}");
    }
}

fn imported_screen(source: &Source) -> Option<Vec<String>> {
    let has_screen = |path: &Vec<String>| path.iter().any(|part| part == "screen");
    imports(&source.code).into_iter().find(has_screen)
}

/// The jobs of work that continues when its screen is left.
const JOBS_OF_WORK: [&str; 9] = [
    "JobWork::Check {",
    "JobWork::Compare(",
    "JobWork::Explain(",
    "JobWork::FindDeclared(",
    "JobWork::ListAll(",
    "JobWork::ListFiles(",
    "PruneWork::CarryOut(",
    "PruneWork::Resume(",
    "PruneWork::Undo(",
];

#[test]
fn work_belongs_to_the_application_and_to_no_screen() {
    for source in SOURCES.iter() {
        if source.name.starts_with("tui/work/") {
            assert_eq!(imported_screen(source), None, "{}", source.name);
        } else if source.name.starts_with("tui/screen") {
            let job = JOBS_OF_WORK.iter().find(|job| source.code.contains(*job));
            assert_eq!(job, None, "{} starts it", source.name);
        }
    }
    let model = SOURCES.iter().find(|source| source.name == "tui/model.rs");
    let stacks = model.unwrap().code.matches("Vec<Box<dyn Screen>>").count();
    assert_eq!(stacks, 1, "a screen that was left is not kept");
}

#[test]
fn modules_of_stores_and_of_plans_import_each_other_in_one_direction() {
    for (module, from, to) in [
        ("backend", "open", "registry"),
        ("prune", "plan", "rewrite"),
    ] {
        let mut edges = module_imports(module);
        assert!(edges[from].contains(to), "{edges:?}");
        // What imports nothing that is left is in no circle.
        while let Some(free) = edges
            .iter()
            .find(|(_, targets)| targets.iter().all(|target| !edges.contains_key(target)))
            .map(|(name, _)| name.clone())
        {
            edges.remove(&free);
        }
        assert!(edges.is_empty(), "circles in {module}: {edges:?}");
    }
}

/// Returns the modules inside a module that each of them imports.
fn module_imports(module: &str) -> BTreeMap<String, BTreeSet<String>> {
    let root_name = format!("{module}.rs");
    let root = SOURCES.iter().find(|source| source.name == root_name);
    // The root re-exports the types of its modules.
    let exports: BTreeMap<String, String> = imports(&root.unwrap().code)
        .into_iter()
        .filter(|path| path.len() == 2)
        .map(|path| (path[1].clone(), path[0].clone()))
        .collect();
    let folder = format!("{module}/");
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in SOURCES.iter() {
        let Some(name) = source.name.strip_prefix(&folder) else {
            continue;
        };
        let own: Vec<&str> = name.trim_end_matches(".rs").split('/').collect();
        for path in imports(&source.code) {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let supers = path.iter().take_while(|part| **part == "super").count();
            let target = match path.as_slice() {
                ["crate", inside, first, ..] if *inside == module => first,
                ["super", ..] if supers == own.len() => path[supers],
                _ => continue,
            };
            let target = exports.get(target).map_or(target, String::as_str);
            if target != own[0] && target.starts_with(char::is_lowercase) {
                let targets = edges.entry(own[0].to_owned()).or_default();
                targets.insert(target.to_owned());
            }
        }
    }
    edges
}
