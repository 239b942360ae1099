//! Decisions that are made in one place, and values that are typed.

use super::read::SOURCES;

#[test]
fn only_the_prune_module_makes_plans() {
    let mut others = SOURCES.iter();
    let other =
        others.find(|source| source.module() != "prune" && source.code.contains("Plan::new("));
    assert!(other.is_none(), "{} makes a plan", other.unwrap().name);
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
