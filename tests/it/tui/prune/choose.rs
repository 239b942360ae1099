//! What a person chooses in a plan: marks, exclusions, rules and confirmations.

use std::collections::BTreeSet;
use std::fs::{self, File};

use jiff::SignedDuration;
use tempfile::TempDir;

use super::{LABEL, Store, keep_last, protect};
use crate::support::journey::now;

#[test]
fn only_marked_refs_are_deleted_and_protected_ones_kept() {
    let store = Store::shop();
    let (refs, blobs) = (store.refs(), store.blobs());
    // c15, c14 and c13 are marked, and a rule protects one of them.
    let mut journey = store.open(vec![protect("c14"), keep_last(1)], (120, 40));
    journey.press("enter space space space p");
    journey.shows("drops the 3 marked refs only");
    journey.shows_in("deletes", "2 refs");
    journey.shows_in("ref     c15", "rule \"marked refs\" drops it");
    journey.press("h");
    journey.shows_in("ref     c14", "rule \"what stays\" protects it");
    journey.press("enter y");
    let gone: BTreeSet<String> = &refs - &store.refs();
    assert_eq!(gone, ["c13", "c15"].map(str::to_owned).into());
    assert_eq!(store.blobs(), blobs, "blobs wait for the grace");
    journey.press("u y");
    assert_eq!(store.refs(), refs);
}

#[test]
fn excluded_items_are_kept() {
    let store = Store::waste();
    let before = store.blobs();
    let mut journey = store.open(Vec::new(), (120, 40));
    journey.press("p");
    let deletes = journey.line("deletes");
    let spared = journey.line("▸").split("sha256:").nth(1).unwrap()[..8].to_owned();
    journey.press("x");
    journey.shows_in("▸", "excluded by hand");
    journey.shows_in("▸", "✗ sha256:");
    journey.shows_in("[ delete", " · ✗ 1 excluded ]");
    assert_ne!(journey.line("deletes"), deletes);
    journey.press("x");
    assert_eq!(journey.line("deletes"), deletes, "it is in again");
    journey.hides("excluded ]");
    journey.press("q p");
    assert_eq!(journey.line("deletes"), deletes);
    journey.press("x q p");
    journey.shows("1 item is excluded as before; x includes it again");
    journey.shows_in("▸", "excluded by hand");
    journey.press("enter y");
    assert!(store.blobs().iter().any(|blob| blob.starts_with(&spared)));
    assert!(!store.trash().iter().any(|blob| blob.starts_with(&spared)));
    assert_eq!(&store.blobs() | &store.trash(), before);
}

#[test]
fn an_excluded_ref_keeps_its_blobs() {
    let store = Store::shop();
    let mut journey = store.open(vec![keep_last(2)], (120, 40));
    // Blobs are deleted together with their refs, apart from those that the excluded ref reaches.
    journey.press("enter p D");
    journey.shows_in("waits", "together with their refs");
    let whole = journey.line("deletes");
    journey.press("x");
    journey.shows_in("ref     ✗ c02", "excluded by hand");
    assert_ne!(journey.line("deletes"), whole);
    journey.press("enter").press(&format!("'{LABEL} enter"));
    journey.shows("the run broke no kept ref");
    assert_eq!(
        store.refs(),
        ["c02", "c14", "c15"].map(str::to_owned).into()
    );
    journey.press("q");
    journey.hides("missing");
}

#[test]
fn large_plans_are_confirmed_by_typing() {
    let store = Store::shop();
    let refs = store.refs();
    let mut journey = store.open(vec![keep_last(2)], (100, 30));
    journey.press("p enter y enter");
    journey.shows("that is not its name");
    assert_eq!(store.refs(), refs);
    journey.press("ctrl-u").press(&format!("'{LABEL}x enter"));
    journey.shows("that is not its name");
    journey.press("esc");
    journey.hides("Please confirm");
    assert_eq!(store.refs(), refs);
    journey.press("enter").press(&format!("'{LABEL} enter"));
    assert_eq!(store.refs(), ["c14", "c15"].map(str::to_owned).into());
}

#[test]
fn answering_no_changes_nothing() {
    let store = Store::waste();
    let before = store.blobs();
    let mut journey = store.open(Vec::new(), (80, 24));
    for answer in ["n", "esc", "q", "enter n"] {
        journey.press("p enter").press(answer).press("q");
        assert_eq!(store.blobs(), before, "{answer}");
        assert!(store.journals().is_empty(), "{answer}");
    }
}

#[test]
fn a_saved_plan_of_the_ui_can_be_applied_by_the_command() {
    let store = Store::waste();
    let path = store.journals.path().join("plan.json");
    let mut journey = store.open(Vec::new(), (100, 30));
    journey
        .press("p W ctrl-u")
        .press(&format!("'{} enter", path.display()));
    journey.shows("written to");
    let plan = cachelens::prune::plan::file::load(&fs::read_to_string(&path).unwrap()).unwrap();
    assert!(!plan.is_empty());
    assert_eq!(plan.source(), LABEL);
    journey
        .press("W ctrl-u")
        .press(&format!("'{} enter", path.display()));
    journey.shows("Replace it?");
}

#[test]
fn a_rule_is_made_from_marked_refs() {
    let store = Store::shop();
    let mut journey = store.open(vec![keep_last(2)], (100, 30));
    journey.press("p space space R");
    journey.shows("decides about 0 refs · earlier rules decide about 9 that it matches");
    journey.press("Y");
    let rule = "[[retention.rule]]\nname = \"refs like c0*\"\nmatch = { ref = \"c0*\" }\naction = \"drop\"\n";
    assert_eq!(journey.copied(), Some(rule));
    let path = store.journals.path().join("rule.toml");
    journey
        .press("W ctrl-u")
        .press(&format!("'{} enter", path.display()));
    assert!(!path.exists());
    journey.press("y");
    assert_eq!(fs::read_to_string(&path).unwrap(), rule);
}

#[test]
fn a_plan_of_many_small_blobs_is_confirmed_by_typing() {
    let store = Store {
        layout: TempDir::new().unwrap(),
        journals: TempDir::new().unwrap(),
    };
    let folder = store.layout.path().join("blobs/sha256");
    fs::create_dir_all(&folder).unwrap();
    let marker = r#"{"imageLayoutVersion":"1.0.0"}"#;
    fs::write(store.layout.path().join("oci-layout"), marker).unwrap();
    let index = r#"{"schemaVersion":2,"manifests":[]}"#;
    fs::write(store.layout.path().join("index.json"), index).unwrap();
    let long_ago = (now() - SignedDuration::from_hours(48)).into();
    for number in 0..10_001_u32 {
        let blob = folder.join(format!("{number:064x}"));
        fs::write(&blob, b"x").unwrap();
        let file = File::options().write(true).open(&blob).unwrap();
        file.set_modified(long_ago).unwrap();
    }
    let mut journey = store.open(Vec::new(), (100, 30));
    journey.press("p enter");
    journey.shows("10,001 blobs, 9.8 KiB");
    journey.press("y enter");
    journey.shows("that is not its name");
    assert_eq!(store.blobs().len(), 10_001);
    journey.press("ctrl-u").press(&format!("'{LABEL} enter"));
    journey.shows("the run broke no kept ref");
    assert_eq!(store.blobs().len(), 0);
    assert_eq!(store.trash().len(), 10_001);
}
