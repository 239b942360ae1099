//! Repositories in registries, on the screen.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use cachelens::backend::registry::{RegistryAccess, RegistryReader};
use cachelens::backend::{Access as StoreAccess, SharedReader};
use cachelens::inventory::scan::{self, ScanOptions};
use cachelens::retention::{
    Condition, Criteria, Keep, Policy, RefPattern, Rule, RuleAction, RuleTextField,
};
use cachelens::source::{Source, SourceLocation};
use cachelens::tui::pruning::{DeletionAccess, Pruning};
use jiff::SignedDuration;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::journey::{Journey, SETTLE, registry};
use crate::support::registry::second::SecondRegistry;
use crate::support::registry::{DockerRegistry, Setup};

/// The pruning options of the UI: `main` is protected, and pull requests are kept for two weeks.
fn pruning(journals: &TempDir) -> Pruning {
    let of = |glob: &str| {
        vec![Condition::Text(
            RuleTextField::Ref,
            vec![glob.parse::<RefPattern>().unwrap()],
        )]
    };
    let rule = |name: &str, glob: &str, action| Rule {
        name: name.into(),
        conditions: of(glob),
        action,
        drop_records: None,
    };
    let criteria = Criteria {
        within: Some(SignedDuration::from_hours(14 * 24)),
        ..Criteria::default()
    };
    let keep = RuleAction::Keep(Keep {
        criteria,
        ..Keep::default()
    });
    let rules = vec![
        rule("the main branch", "main", RuleAction::Protect),
        rule("pull requests", "pr-*", keep),
    ];
    Pruning {
        access: DeletionAccess::Write,
        policy: Policy {
            rules,
            ..Policy::default()
        },
        policy_from: Some("cachelens.toml".to_owned()),
        journals: Some(journals.path().to_owned()),
        settle: SETTLE,
    }
}

fn remembering(folder: &TempDir) -> RegistryAccess {
    RegistryAccess {
        dropped: Some(folder.path().to_owned()),
        ..RegistryAccess::default()
    }
}

/// A repository with the cache of `main`, those of two old pull requests, and that of a young one.
fn repository(setup: Setup) -> DockerRegistry {
    let store = DockerRegistry::start(setup);
    for (tag, created) in [
        ("main", "2026-09-01T08:00:00Z"),
        ("pr-1", "2026-10-02T08:00:00Z"),
        ("pr-2", "2026-11-01T08:00:00Z"),
        ("pr-3", "2026-11-15T08:00:00Z"),
    ] {
        store.push_cache("acme/app", tag, created);
    }
    store
}

#[test]
fn old_pull_requests_are_deleted_and_main_is_kept() {
    let store = repository(Setup {
        deletes: true,
        ..Setup::default()
    });
    let before = store.tags("acme/app");
    let (journals, kept) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let source = format!("{}/acme/app", store.host());
    let mut journey = Journey::with(
        pruning(&journals),
        vec![registry(&source, remembering(&kept))],
        (120, 30),
    );
    journey.press("enter");
    for (tag, verdict) in [
        ("main", "keep"),
        ("pr-1", "drop"),
        ("pr-2", "drop"),
        ("pr-3", "keep"),
    ] {
        assert!(
            journey.line(&format!("{tag} ")).contains(verdict),
            "{}",
            journey.screen()
        );
    }
    journey.press("p");
    journey.shows_in("deletes", "2 refs");
    journey.shows_in("ref     pr-1", "rule \"pull requests\": 51d 4h");
    journey.shows_in("waits  ", "6 blobs, 1.8 KiB: the registry's own collection");
    assert_eq!(
        store.tags("acme/app"),
        before,
        "nothing goes before the answer"
    );
    journey.press("enter y");
    if journey.screen().contains("Type") {
        journey.press("ctrl-u").press(&format!("'{source} enter"));
    }
    journey.shows("the run broke no kept ref");
    let left: Vec<String> = store.tags("acme/app").into_keys().collect();
    assert_eq!(left, ["main", "pr-3"], "{}", journey.screen());
    journey.press("u y");
    assert_eq!(store.tags("acme/app"), before, "{}", journey.screen());
}

#[test]
fn a_refusal_is_learned_and_explained() {
    let store = repository(Setup::default());
    let before: BTreeMap<String, String> = store.tags("acme/app");
    let (journals, kept) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let source = format!("{}/acme/app", store.host());
    let mut journey = Journey::with(
        pruning(&journals),
        vec![registry(&source, remembering(&kept))],
        (140, 30),
    );
    journey.press("p enter y");
    if journey.screen().contains("Type") {
        journey.press("ctrl-u").press(&format!("'{source} enter"));
    }
    journey.shows("deletes nothing: its");
    assert_eq!(store.tags("acme/app"), before);
    // The next plan knows this, and shows why nothing is deleted.
    journey.press("q p l l");
    let screen = journey.screen();
    assert!(!screen.contains("2 refs"), "{screen}");
    assert!(screen.contains("deletes nothing"), "{screen}");
}

/// Two thousand tags: the first ones are shown long before all manifests are read.
#[test]
fn many_tags_are_shown_as_they_arrive() {
    let store = SecondRegistry::with("shop");
    {
        let mut state = store.state();
        for place in 0..2000 {
            let from = format!("c{:02}", place % 15 + 1);
            state.tag("shop-cache", &from, [format!("pr-{place:04}")]);
        }
        state.latency = Duration::from_millis(1);
        state.requests.clear();
    }
    let source = Source::parse(&format!("{}/shop-cache", store.host()), &|_| false)
        .unwrap()
        .source;
    let SourceLocation::Registry(location) = &source.location else {
        panic!("{source}")
    };
    let reader: SharedReader =
        std::sync::Arc::new(RegistryReader::new(location, None, &StoreAccess::default()));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut told: Vec<(usize, usize)> = Vec::new();
    let inventory = runtime.block_on(async {
        let requests = || store.state().requests.len();
        scan::scan(&reader, &ScanOptions::default(), |inventory| {
            told.push((inventory.refs.len(), requests()));
        })
        .await
        .unwrap()
    });
    assert_eq!(inventory.refs.len(), 2015);
    let all = store.state().requests.len();
    let (rows, requests) = told[0];
    assert!(
        rows > 0 && requests * 20 < all,
        "{rows} rows after {requests} of {all} requests"
    );
    let (rows, requests) = told[told.len() / 2];
    assert!(
        rows > 30 && requests < all,
        "{rows} rows after {requests} of {all} requests"
    );
    assert!(all * 10 <= 2015 * 12, "{all} requests for 2015 tags");

    let mut journey = Journey::new(
        vec![registry(&source.to_string(), RegistryAccess::default())],
        (100, 24),
    );
    journey.press("enter");
    journey.shows("2,015 refs");
    journey.press("/ 'pr-1999 enter");
    journey.shows_in("pr-1999", "10 ✓");
}

/// Returns the rows of an exported file.
fn exported(journey: &mut Journey, file: &Path) -> Vec<Value> {
    journey.press(&format!("e ctrl-u '{} enter", file.display()));
    let text = fs::read_to_string(file).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    document["rows"].as_array().unwrap().clone()
}

#[test]
fn an_export_has_no_numbers_that_need_the_other_refs() {
    let store = repository(Setup::default());
    let folder = TempDir::new().unwrap();
    let file = |name: &str| folder.path().join(name);
    let whole = format!("{}/acme/app", store.host());
    for (source, knows_all) in [(whole.clone(), true), (format!("{whole}:main"), false)] {
        let sources = vec![registry(&source, RegistryAccess::default())];
        let mut journey = Journey::new(sources, (120, 30));
        journey.press("enter");
        let row = journey.line("main ");
        assert_eq!(row.contains(" ? "), !knows_all, "{row}");
        let refs = exported(&mut journey, &file(&format!("refs-{knows_all}.json")));
        let main = refs.iter().find(|row| row["name"] == "main").unwrap();
        assert!(main["bytes"].is_u64(), "{main}");
        assert_eq!(main["exclusive_bytes"].is_u64(), knows_all, "{main}");
        assert_eq!(main["exclusive_bytes"].is_null(), !knows_all, "{main}");
        journey.press("q b");
        let blobs = exported(&mut journey, &file(&format!("blobs-{knows_all}.json")));
        assert!(!blobs.is_empty());
        for blob in blobs {
            assert!(blob.as_object().unwrap().contains_key("refs"), "{blob}");
            assert_eq!(blob["refs"].is_u64(), knows_all, "{blob}");
        }
    }
}
