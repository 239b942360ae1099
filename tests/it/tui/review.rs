//! Journeys of people who see the program for the first time, with the number of keys that each
//! takes.

use std::fs;

use cachelens::tui::OpenedSource;
use cachelens::tui::evidence::NamedEvidence;
use tempfile::TempDir;

use super::prune::Store;
use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, damage, local, memory};
use crate::support::made::many_refs;

const SIZE: (u16, u16) = (100, 30);

/// A person who counts the keys.
struct Counted {
    journey: Journey,
    keys: usize,
}

impl Counted {
    fn new(journey: Journey) -> Self {
        Self { journey, keys: 0 }
    }

    fn press(&mut self, keys: &str) -> &Journey {
        let count = |word: &str| {
            word.strip_prefix('\'')
                .map_or(1, |text| text.chars().count())
        };
        self.keys += keys.split_whitespace().map(count).sum::<usize>();
        self.journey.press(keys);
        &self.journey
    }
}

#[test]
fn no_key_leads_from_nothing_to_the_ways_to_name_a_source() {
    let journey = Journey::new(Vec::new(), SIZE);
    for name in [
        "./buildkit-cache",
        "type=local,dest=./cache",
        "ghcr.io/acme/app",
        "s3://bucket/prefix",
        "gha:owner/repository",
    ] {
        journey.shows(name);
    }
    let mut person = Counted::new(journey);
    person.press("d").shows_in("▸", "demo");
    assert_eq!(person.keys, 1);
}

#[test]
fn waste_is_planned_with_an_exclusion_deleted_and_restored_by_seven_keys() {
    let store = Store::waste();
    let before = store.blobs();
    let mut person = Counted::new(store.open(Vec::new(), SIZE));
    person.press("p j x").shows("1 excluded");
    let journey = person.press("enter y");
    journey.shows("the run broke no kept ref");
    journey.shows("in the trash");
    let trashed = store.trash();
    assert!(!trashed.is_empty());
    assert_eq!(store.blobs().len() + trashed.len(), before.len());
    person.press("u y").shows("items are restored");
    assert_eq!(store.blobs(), before);
    assert_eq!(person.keys, 7);
}

#[test]
fn the_files_of_the_largest_step_take_seven_keys() {
    let shop = Fixture::named("shop").layout("local.json");
    let journey = Journey::new(vec![local("./shop", shop.path())], SIZE);
    let mut person = Counted::new(journey);
    person.press("enter enter").shows("./shop › c15");
    person.press("s j enter").shows("SIZE▾");
    let journey = person.press("g enter");
    journey.shows("layer sha256:");
    journey.shows("SHARE");
    assert_eq!(person.keys, 7);
}

#[test]
fn why_a_step_ran_takes_seven_keys() {
    let shop = Fixture::named("shop");
    let layout = shop.layout("local.json");
    let trees = shop.trees();
    let file = |path: &str| format!("tests/fixtures/shop/{path}");
    let context = trees.path().join("tree/c07").to_string_lossy().into_owned();
    let source = OpenedSource {
        evidence: NamedEvidence::new(
            vec![file("provenance/c07.json"), file("logs/c07.rawjson")],
            vec![file("provenance/c06.json")],
            vec![context],
        ),
        ..local("./shop", layout.path())
    };
    let mut person = Counted::new(Journey::new(vec![source], (120, 40)));
    let journey = person.press("enter / 'c06 enter w");
    // The answer is first, then the step and its place.
    journey.shows("package-lock.json changed  ·  COPY package.json");
    journey.shows("Dockerfile:3");
    journey.shows("later steps re-run because of it (");
    // A lock file has to change; a file of the sources need not be copied so early.
    let answer = journey.line("package-lock.json changed");
    let screen = journey.screen();
    let rest = screen.split(&answer).nth(1).unwrap();
    let effects: String = rest.lines().skip(1).take(1).collect();
    assert!(!effects.contains("Fix:"), "{screen}");
    assert_eq!(person.keys, 7);
}

#[test]
fn a_broken_ref_takes_two_keys_and_its_blob_two_more() {
    let mini = Fixture::named("mini").layout("local.json");
    damage(mini.path());
    let journey = Journey::new(vec![local("./mini", mini.path())], SIZE);
    let mut person = Counted::new(journey);
    person.press("c enter").shows_in("▸", "! ");
    assert_eq!(person.keys, 2);
    let journey = person.press("q b");
    journey.shows("./mini › blobs");
    journey.shows_in("▸", "! missing");
    assert_eq!(person.keys, 4);
}

#[test]
fn some_of_three_thousand_refs_are_marked_by_ten_keys() {
    let cache = many_refs(3_000);
    let mut person = Counted::new(Journey::new(vec![memory("made", cache)], SIZE));
    person.press("enter").shows(" 1/3,000 ");
    let journey = person.press("/ 'pr-29 enter * G");
    // 29, 290 to 299, and 2900 to 2999.
    journey.shows("✱ 111 marked");
    journey.shows(" 111/111 ");
    assert_eq!(person.keys, 10);
}

#[test]
fn a_source_that_fails_leaves_the_others_and_shows_the_reason() {
    let shop = Fixture::named("shop").layout("local.json");
    let nothing = TempDir::new().unwrap();
    let sources = vec![
        local("./none", nothing.path()),
        local("./shop", shop.path()),
    ];
    let mut person = Counted::new(Journey::new(sources, SIZE));
    person.journey.shows_in("./none", "! failed");
    person.journey.shows("has no index.json");
    person.press("j enter").shows("./shop › refs");
    assert_eq!(person.keys, 2);
}

#[test]
fn help_copy_export_and_the_end_take_a_key_each() {
    let shop = Fixture::named("shop").layout("local.json");
    let journey = Journey::new(vec![local("./shop", shop.path())], SIZE);
    let mut person = Counted::new(journey);
    person.press("?").shows("type to search");
    person.press("esc enter y");
    assert_eq!(person.journey.copied(), Some("c15"));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("refs.csv");
    person.press("e").shows("Write to a file");
    person
        .journey
        .press(&format!("ctrl-u '{} enter", file.display()));
    let written = fs::read_to_string(&file).unwrap();
    assert_eq!(written.lines().count(), 16);
    person.journey.resize(60, 16).shows("c15");
    person.press("q q");
    assert!(person.journey.is_over());
    assert_eq!(person.keys, 7);
}
