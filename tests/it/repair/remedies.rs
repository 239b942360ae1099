//! Each remedy in the terminal UI: from a finding to the plan, the run and a check without the
//! finding, on one screen.

use std::fs;
use std::path::Path;

use cachelens::retention::Policy;
use cachelens::tui::pruning::{DeletionAccess, Pruning};
use jiff::SignedDuration;
use serde_json::Value;
use tempfile::TempDir;

use super::local::{cache, entries, is_stored, spoil};
use super::restore::Versions;
use super::smaller::doubled;
use crate::support::command::Sandbox;
use crate::support::journey::{Journey, SETTLE, prunable};
use crate::support::layout::{self, LayoutBuilder, MANIFEST, digest_of};

/// Opens the findings of a check of `./cache`.
fn open(sandbox: &Sandbox, journals: &Path) -> Journey {
    let pruning = Pruning {
        access: DeletionAccess::Write,
        policy: Policy {
            grace: SignedDuration::from_hours(1),
            ..Policy::default()
        },
        policy_from: None,
        journals: Some(journals.to_owned()),
        settle: SETTLE,
    };
    let source = prunable("./cache", &sandbox.path("cache"));
    let mut journey = Journey::with(pruning, vec![source], (140, 40));
    journey.press("c");
    journey
}

/// Repairs all findings, and returns to the check. `plan` and `run` are parts of those screens.
fn repaired(sandbox: &Sandbox, code: &str, plan: &str, run: &str) {
    let journals = TempDir::new().unwrap();
    let mut journey = open(sandbox, journals.path());
    let shows = |journey: &Journey, text: &str| {
        let screen = journey.screen();
        assert!(screen.contains(text), "no `{text}` in\n{screen}");
    };
    shows(&journey, "./cache › check");
    shows(&journey, code);
    journey.press("* f");
    shows(&journey, "./cache › plan");
    shows(&journey, plan);
    journey.press("enter").press("y");
    shows(&journey, run);
    journey.press("q");
    shows(&journey, "./cache › check");
    let screen = journey.screen();
    assert!(!screen.contains(code), "{code} stays:\n{screen}");
    assert_eq!(fs::read_dir(journals.path()).unwrap().count(), 1);
}

/// Returns the number of hits of a ref, of which a build can load all.
fn hits(sandbox: &Sandbox, name: &str) -> usize {
    let dir = sandbox.path("cache");
    let found = cache(&dir, name);
    let all = found.hits(|_| true).unwrap();
    assert_eq!(all, found.hits(|digest| is_stored(&dir, digest)).unwrap());
    all.len()
}

fn layers(made: &LayoutBuilder, count: usize) -> Vec<Value> {
    (0..count)
        .map(|number| made.layer(&format!("layer {number}"), 40))
        .collect()
}

#[test]
fn a_record_in_a_loop() {
    let sandbox = Sandbox::new();
    let mut made = sandbox.layout();
    let layers = layers(&made, 3);
    let mut config = layout::chain(&layers);
    spoil(&mut config, "record-loops");
    let main = made.cache(&config, &layers);
    made.tag("main", &main);
    repaired(
        &sandbox,
        "record-loops",
        "1 ref written again",
        "1 written again",
    );
    assert_eq!(hits(&sandbox, "main"), 3);
}

#[test]
fn a_cache_that_can_be_smaller() {
    let sandbox = Sandbox::new();
    let mut made = sandbox.layout();
    let layers = layers(&made, 12);
    let config = doubled(&layout::chain(&layers));
    let main = made.cache(&config, &layers);
    made.tag("main", &main);
    let before = hits(&sandbox, "main");
    repaired(
        &sandbox,
        "compactable",
        "1 ref written again",
        "1 written again",
    );
    assert_eq!(hits(&sandbox, "main"), before);
    let new = cache(&sandbox.path("cache"), "main").config.to_string();
    assert!(new.len() < config.to_string().len() / 2);
}

#[test]
fn repair_restores_a_previous_version() {
    let versions = Versions::with_dropped_version();
    let [older, newer] = &versions.manifests;
    versions.name(&[("main", newer)]);
    versions.lose_config(newer);
    repaired(
        &versions.sandbox,
        "config-missing",
        "1 ref written again",
        "1 written again",
    );
    assert_eq!(versions.points_to(), digest_of(older));
    assert_eq!(hits(&versions.sandbox, "main"), 3);
}

#[test]
fn a_ref_without_its_manifest() {
    let versions = Versions::new();
    let gone = layout::descriptor(MANIFEST, b"that is nowhere");
    versions.name(&[("gone", &gone), ("main", &versions.manifests[0])]);
    repaired(
        &versions.sandbox,
        "manifest-missing",
        "its manifest is missing",
        "1 deleted",
    );
    assert_eq!(entries(&versions.sandbox.path("cache")).len(), 1);
    assert_eq!(hits(&versions.sandbox, "main"), 3);
}

#[test]
fn blobs_in_the_trash_that_a_ref_needs() {
    let versions = Versions::new();
    let [older, newer] = &versions.manifests;
    versions.name(&[("main", newer)]);
    let prune = ["prune", "./cache", "--grace", "0s", "--yes"];
    let pruned = versions.sandbox.run(&prune);
    assert_eq!(pruned.code, Some(0), "{pruned}");
    let dir = versions.sandbox.path("cache");
    assert!(!is_stored(&dir, digest_of(older)), "{pruned}");
    // A copy of the index from before the prune names the manifest again.
    versions.name(&[("main", newer), ("other", older)]);
    repaired(
        &versions.sandbox,
        "manifest-missing",
        "restores 1 blob",
        "3 blobs were restored",
    );
    assert_eq!(hits(&versions.sandbox, "other"), 3);
}
