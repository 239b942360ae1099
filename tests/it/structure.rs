//! The structure of the code, checked by reading it: layers, traits, names and sizes.
//!
//! What departs from a rule today is in a list next to this file. A list may only shrink: an entry
//! that grows fails, and so does an entry that is no longer needed. With `STRUCTURE_SHRINK=1` the
//! tests write the smaller lists themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) mod read;

use read::{SOURCES, Source, functions, imports, traits, types};

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

/// The longest function, in lines.
const LONGEST_FUNCTION: usize = 60;
/// The longest file, in lines.
const LONGEST_FILE: usize = 450;
/// The most methods of a trait of `src/backend`.
const MOST_METHODS: usize = 8;
/// The most methods of the trait that deletes.
const MOST_METHODS_OF_PRUNER: usize = 6;
/// The most `let (a, b) = (x, y);`.
const TUPLE_LETS: usize = 20;
/// The most `.filter(|_| condition)`.
const BLIND_FILTERS: usize = 68;
/// The most calls of the program in tests whose arguments are a list and not one text.
const ARGUMENT_LISTS: usize = 126;

#[test]
fn a_module_imports_from_its_own_layer_and_lower_ones() {
    let layer = |module: &str| LAYERS.iter().position(|layer| layer.contains(&module));
    let mut found = BTreeMap::new();
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
                *found
                    .entry(format!("{} {imported}", source.name))
                    .or_default() += 1;
            }
        }
    }
    Allowed::read("upward_imports").check(&found);
}

#[test]
fn only_the_prune_module_makes_plans() {
    let mut found = BTreeMap::new();
    for source in SOURCES.iter() {
        if source.module() != "prune" {
            let made = source.code.matches("Plan::new(").count();
            count(&mut found, &source.name, made);
        }
    }
    Allowed::read("plans").check(&found);
    let makers = SOURCES
        .iter()
        .find(|source| source.name == "prune/plan/make.rs");
    let code = &makers.unwrap().code;
    for function in ["fn new(", "fn with_fates("] {
        let place = code.find(function).unwrap();
        let line = code[..place].lines().last().unwrap_or_default().trim();
        assert_eq!(line, "pub(in crate::prune)", "{function}");
    }
}

#[test]
fn stores_are_distinguished_by_an_enum() {
    let mut found = BTreeMap::new();
    for source in SOURCES.iter() {
        // BuildKit's own formats name kinds in text.
        if source.module() == "format" {
            continue;
        }
        let compared = ["kind == \"", "kind != \"", "kind() == \"", "kind() != \""];
        let compared = compared
            .iter()
            .map(|text| source.code.matches(text).count());
        count(&mut found, &source.name, compared.sum());
    }
    Allowed::read("kinds").check(&found);
}

#[test]
fn reasons_of_plans_are_typed() {
    let mut found = Vec::new();
    for source in SOURCES.iter() {
        if !matches!(source.module(), "prune" | "retention" | "inventory") {
            continue;
        }
        for field in [
            "why: String",
            "reason: String",
            "note: String",
            "warning: String",
        ] {
            if source.code.contains(field) {
                found.push(format!("{} {field}", source.name));
            }
        }
    }
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn rows_are_exported_as_the_documents_of_json() {
    for source in SOURCES.iter() {
        let is_rows = source.name.starts_with("tui/rows/");
        if is_rows && source.code.contains("fn fields(&self, row: u32)") {
            let is_document = source.code.contains("fields_of(");
            assert!(
                is_document || source.name == "tui/rows/plan.rs",
                "{}",
                source.name
            );
        }
    }
}

#[test]
fn one_function_describes_the_build_of_a_command() {
    let mut found = Vec::new();
    for source in SOURCES.iter() {
        let is_face = matches!(source.module(), "cli" | "tui");
        if is_face && source.code.contains(".described()") {
            found.push(&source.name);
        }
    }
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn one_function_reads_the_evidence_that_names_steps() {
    let mut found = Vec::new();
    for source in SOURCES.iter() {
        let adds = source.code.contains(".add_build(") || source.code.contains(".add_debug(");
        let is_maker = matches!(
            source.name.as_str(),
            "explain/evidence.rs" | "explain/load/step_names.rs"
        );
        if adds && !is_maker {
            found.push(&source.name);
        }
    }
    assert!(found.is_empty(), "{found:?}");
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
fn functions_are_short() {
    let mut found = BTreeMap::new();
    for source in SOURCES.iter() {
        for (name, lines) in functions(source) {
            if lines > LONGEST_FUNCTION {
                let longest: &mut usize =
                    found.entry(format!("{} {name}", source.name)).or_default();
                *longest = lines.max(*longest);
            }
        }
    }
    Allowed::read("long_functions").check(&found);
}

#[test]
fn files_are_short() {
    let mut found = BTreeMap::new();
    for source in SOURCES.iter() {
        if source.lines > LONGEST_FILE {
            count(&mut found, &source.name, source.lines);
        }
    }
    Allowed::read("long_files").check(&found);
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

fn count(found: &mut BTreeMap<String, usize>, name: &str, number: usize) {
    if number > 0 {
        found.insert(name.to_owned(), number);
    }
}

/// A list of what departs from a rule today: a name and a number on each line.
struct Allowed {
    file: PathBuf,
    entries: BTreeMap<String, usize>,
}

impl Allowed {
    fn read(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/structure");
        let file = folder.join(format!("{name}.txt"));
        let text = fs::read_to_string(&file).unwrap();
        let entry = |line: &str| {
            let (name, number) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), number.parse().unwrap())
        };
        Self {
            entries: text.lines().map(entry).collect(),
            file,
        }
    }

    /// Checks that nothing was added to the list, and that every entry is still needed.
    fn check(&self, found: &BTreeMap<String, usize>) {
        let allowed = |name: &str| self.entries.get(name).copied().unwrap_or_default();
        let grown = lines(
            found
                .iter()
                .filter(|(name, number)| **number > allowed(name)),
        );
        assert!(
            grown.is_empty(),
            "{} allows less than this:\n{grown}",
            self.file.display()
        );
        let unneeded = self
            .entries
            .keys()
            .filter(|name| !found.contains_key(*name));
        let unneeded: Vec<&String> = unneeded.collect();
        if std::env::var_os("STRUCTURE_SHRINK").is_some() {
            fs::write(&self.file, lines(found.iter())).unwrap();
        } else {
            assert!(
                unneeded.is_empty(),
                "{} names what is no longer there: {unneeded:?}; STRUCTURE_SHRINK=1 removes it",
                self.file.display()
            );
        }
    }
}

fn lines<'a>(entries: impl Iterator<Item = (&'a String, &'a usize)>) -> String {
    entries.fold(String::new(), |mut text, (name, number)| {
        let _ = writeln!(text, "{name} {number}");
        text
    })
}

#[test]
fn the_code_reader_skips_comments_and_strings() {
    let source = Source::new(
        "backend/made.rs",
        r#"
use crate::{format, text::units};
// use crate::tui;
const TEXT: &str = "crate::cli { \" }";
const RAW: &str = r"struct NotOne";
pub struct One<'a>(&'a str);
trait Two {
    fn short(&self);
    async fn long(&self) -> u8 {
        let brace = '{';
        let (a, b) = (1, brace as u8);
        let (c, d) = split((a, b));
        c + d
    }
}
#[cfg(test)]
mod tests {
    use crate::cli;
    struct Three;
}
"#,
    );
    assert_eq!(source.imported_modules(), ["format", "text"]);
    assert_eq!(types(&source), ["One", "Two"]);
    assert_eq!(traits(&source), [("Two".to_owned(), 2)]);
    assert_eq!(functions(&source), [("long".to_owned(), 6)]);
    assert_eq!(read::tuple_lets(&source.code), 1);
    let paths: Vec<String> = imports("use a::{b, c::{self, D}}; pub use e::F;")
        .iter()
        .map(|path| path.join("::"))
        .collect();
    assert_eq!(paths, ["a::b", "a::c::self", "a::c::D", "e::F"]);
}

#[test]
fn a_method_that_uses_nothing_is_a_stub() {
    let source = Source::new(
        "made.rs",
        r"
impl One for Two {
    fn named(&self, _first: u8, second: Vec<u8>) -> Result<(), u8> {
        Ok(())
    }
    fn used(&self, first: u8) -> u8 {
        first
    }
    fn own(&self, _first: u8) -> u8 {
        self.0
    }
    fn fact(&self) -> u8 {
        1
    }
}
",
    );
    assert_eq!(read::stubs(&source), ["made.rs named"]);
}

#[test]
fn the_reader_of_docs_sees_what_has_none() {
    let source = Source::new(
        "made.rs",
        r#"//! A module.
use crate::format;

/// A type.
#[derive(Debug)]
#[error(
    "wrong"
)]
pub struct One {
    /// The rule.
    pub rule: u8,
    /// The rule that decided.
    rules: u8,
    /// The maximum
    /// Its size.
    pub size: u64,
    pub count: u64,
}

pub enum Two {}

impl One {
    pub async fn bare() {}
    pub(crate) fn inner() {
        let _ = Some(1).filter(|_| true);
    }
}

/// A trait.
pub trait Three {
    fn bare_method(&self);
    /// A method.
    fn method(&self);
}

pub(super) fn own() {}
"#,
    );
    let undocumented = ["made.rs Two", "made.rs bare", "made.rs bare_method"];
    assert_eq!(read::undocumented(&source), undocumented);
    assert_eq!(read::fillers(&source), ["made.rs rule"]);
    assert_eq!(read::blind_filters(&source.code), 1);
    let bare = Source::new("bare.rs", "mod other;\n");
    assert_eq!(read::undocumented(&bare), ["bare.rs"]);
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
