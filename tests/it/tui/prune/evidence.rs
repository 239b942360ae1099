//! Plans that depend on evidence, and on the settle time.

use std::fs;

use cachelens::inventory::filter::Filter;
use cachelens::prune::execute::Settle;
use cachelens::retention::Rule;
use cachelens::tui::evidence::NamedEvidence;
use cachelens::tui::pruning::{DeletionAccess, Pruning};

use super::{LABEL, Store, keep_last};
use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, prunable};

/// A rule that keeps all refs, and drops the results of some steps.
fn without_npm() -> Rule {
    Rule {
        drop_records: Some(Filter::parse("step~npm").unwrap()),
        ..keep_last(100)
    }
}

/// The plan of a store, with evidence in the file at `path`.
fn plan_with(store: &Store, path: &std::path::Path) -> Journey {
    let path = path.to_str().unwrap().to_owned();
    let mut journey = Journey::with_evidence(
        store.pruning(DeletionAccess::Write, vec![without_npm()]),
        NamedEvidence::new(vec![path], Vec::new(), Vec::new()),
        vec![prunable(LABEL, store.layout.path())],
        (100, 30),
    );
    journey.press("p");
    journey
}

#[test]
fn a_rule_about_steps_uses_the_given_evidence() {
    let store = Store::shop();
    let mut journey = store.open(vec![without_npm()], (100, 30));
    journey.press("p");
    journey.shows_in("deletes", "nothing");

    let provenance = Fixture::named("shop").path("provenance/c08.json");
    let journey = plan_with(&store, &provenance);
    journey.shows_in("deletes", "lose results");
    journey.hides("names no steps");
}

#[test]
fn evidence_without_steps_is_a_warning() {
    let store = Store::shop();
    let notes = store.journals.path().join("notes.txt");
    fs::write(&notes, "no evidence").unwrap();
    let journey = plan_with(&store, &notes);
    journey.shows("! the given evidence names no steps");
    journey.shows_in("deletes", "nothing");
}

#[test]
fn a_plan_without_settling_has_a_warning() {
    for (settle, is_warned) in [(Settle::NONE, true), (Settle::default(), false)] {
        let store = Store::waste();
        let pruning = Pruning {
            settle,
            ..store.pruning(DeletionAccess::Write, Vec::new())
        };
        let source = prunable(LABEL, store.layout.path());
        let mut journey = Journey::with(pruning, vec![source], (100, 30));
        journey.press("p");
        let warning = "! a settle time of 0s disables the protection of running builds";
        if is_warned {
            journey.shows(warning);
        } else {
            journey.hides(warning);
        }
    }
}
