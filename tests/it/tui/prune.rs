//! From a plan to a smaller store, and the undo.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroU32;
use std::path::Path;

use cachelens::backend::local::LocalCache;
use cachelens::backend::{TakeLease, memory};
use cachelens::inventory::filter::Filter;
use cachelens::retention::{
    Condition, Criteria, Keep, Policy, RefPattern, Rule, RuleAction, RuleTextField,
};
use cachelens::tui::pruning::{DeletionAccess, Pruning};
use jiff::SignedDuration;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, SETTLE, damage, local, memory, now, prunable};

mod choose;
mod drawn_plan;
mod drawn_question;
mod drawn_run;
mod evidence;

pub(super) const LABEL: &str = "./cache";

/// A store in its own folder, and a folder for journals.
pub(super) struct Store {
    pub(super) layout: TempDir,
    pub(super) journals: TempDir,
}

impl Store {
    pub(super) fn new(set: &str, list: &str) -> Self {
        Self {
            layout: Fixture::named(set).layout(list),
            journals: TempDir::new().unwrap(),
        }
    }

    /// A store of fifteen refs, without waste.
    pub(super) fn shop() -> Self {
        Self::new("shop", "local.json")
    }

    /// A store that is mostly waste.
    pub(super) fn waste() -> Self {
        Self::new("mini", "local-latest.json")
    }

    /// The pruning options of the UI: with a grace period that the fixtures exceed.
    pub(super) fn pruning(&self, access: DeletionAccess, rules: Vec<Rule>) -> Pruning {
        let policy = Policy {
            grace: SignedDuration::from_hours(1),
            rules,
            ..Policy::default()
        };
        let policy_from = (!policy.rules.is_empty()).then(|| "cachelens.toml".to_owned());
        Pruning {
            access,
            policy,
            policy_from,
            journals: Some(self.journals.path().to_owned()),
            settle: SETTLE,
        }
    }

    /// Opens it with the permission to delete.
    pub(super) fn open(&self, rules: Vec<Rule>, size: (u16, u16)) -> Journey {
        let source = prunable(LABEL, self.layout.path());
        Journey::with(
            self.pruning(DeletionAccess::Write, rules),
            vec![source],
            size,
        )
    }

    pub(super) fn refs(&self) -> BTreeSet<String> {
        let index: Value =
            serde_json::from_slice(&fs::read(self.layout.path().join("index.json")).unwrap())
                .unwrap();
        let name = |entry: &Value| {
            entry["annotations"]["org.opencontainers.image.ref.name"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        index["manifests"]
            .as_array()
            .unwrap()
            .iter()
            .map(name)
            .collect()
    }

    pub(super) fn blobs(&self) -> BTreeSet<String> {
        files(&self.layout.path().join("blobs/sha256"))
    }

    /// The blobs in the trash of all runs.
    pub(super) fn trash(&self) -> BTreeSet<String> {
        let trash = self.layout.path().join(".cachelens-trash");
        let runs = fs::read_dir(trash).map(|entries| {
            entries
                .map(|entry| entry.unwrap().path())
                .collect::<Vec<_>>()
        });
        runs.unwrap_or_default()
            .iter()
            .flat_map(|run| files(&run.join("blobs/sha256")))
            .collect()
    }

    pub(super) fn journals(&self) -> BTreeSet<String> {
        files(self.journals.path())
    }
}

fn files(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return BTreeSet::new();
    };
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

pub(super) fn keep_last(count: u32) -> Rule {
    let criteria = Criteria {
        last: NonZeroU32::new(count),
        ..Criteria::default()
    };
    let action = RuleAction::Keep(Keep {
        criteria,
        ..Keep::default()
    });
    Rule {
        name: "the newest".into(),
        conditions: Vec::new(),
        action,
        drop_records: None,
    }
}

fn protect(glob: &str) -> Rule {
    let patterns = vec![glob.parse::<RefPattern>().unwrap()];
    let conditions = vec![Condition::Text(RuleTextField::Ref, patterns)];
    Rule {
        name: "what stays".into(),
        conditions,
        action: RuleAction::Protect,
        drop_records: None,
    }
}

/// Returns the screen with values that differ between runs replaced.
fn drawn(journey: &Journey, store: &Store) -> String {
    let journals = store.journals.path().to_str().unwrap();
    let screen = journey.screen().replace(journals, "/state");
    let mut lines = String::new();
    for line in screen.lines() {
        // The end of a long path is truncated, and the name of a journal contains a digest.
        let line = if line.contains("journal  ") {
            " journal  /state/…"
        } else {
            line
        };
        lines.push_str(line);
        lines.push('\n');
    }
    lines
}

#[test]
fn without_write_a_plan_is_shown_and_nothing_is_deleted() {
    let store = Store::waste();
    let before = (store.refs(), store.blobs());
    let pruning = store.pruning(DeletionAccess::ReadOnly, Vec::new());
    let mut journey = Journey::with(pruning, vec![local(LABEL, store.layout.path())], (100, 30));
    journey.shows("read-only");
    journey.hides("WRITE");
    journey.press("p");
    journey.shows_in("deletes", "blobs");
    journey.press("enter");
    journey.shows("read-only. Restart with: cachelens --write ./cache");
    journey.press("y");
    assert_eq!((store.refs(), store.blobs()), before);
    assert_eq!((store.trash().len(), store.journals().len()), (0, 0));
}

#[test]
fn orphans_are_moved_to_the_trash_and_restored() {
    let store = Store::waste();
    let before = store.blobs();
    let mut journey = store.open(Vec::new(), (100, 30));
    journey.shows("WRITE");
    journey.press("p");
    journey.line("checked  ✓ breaks no ref ✓ none under 1h ✓ refs first");
    journey.shows_in("deletes", " to the trash");
    journey.press("enter");
    journey.shows("Please confirm");
    assert_eq!(store.blobs(), before, "nothing goes before the answer");
    journey.press("y");
    journey.shows("the run broke no kept ref");
    journey.shows_in(" moved to the trash · ", " kept until 22 Nov 13:00 UTC");
    journey.hides("freed");
    let (stay, gone) = (store.blobs(), store.trash());
    assert!(!gone.is_empty() && stay.is_disjoint(&gone));
    assert_eq!(&stay | &gone, before);
    assert_eq!(store.journals().len(), 1);

    journey.press("u");
    journey.shows("Restore into ./cache the ");
    journey.press("y");
    journey.line("items are restored");
    assert_eq!(store.blobs(), before);
    assert!(store.trash().is_empty());

    journey.press("q");
    assert!(
        journey.line(LABEL).contains("ready"),
        "{}",
        journey.screen()
    );
}

#[test]
fn a_run_shows_how_much_a_later_one_frees() {
    let store = Store::shop();
    let mut journey = store.open(vec![keep_last(2)], (120, 30));
    journey.press("p");
    journey.shows("160 blobs, 1.6 MiB: refs first, a run after 22 Nov 13:00 UTC frees them");
    journey.press("enter").press(&format!("'{LABEL} enter"));
    journey.shows("the run broke no kept ref");
    journey.shows_in("13 deleted", "1.6 MiB free after 22 Nov 13:00 UTC");
}

#[test]
fn dropped_results_wait_in_a_plan() {
    let store = Store::shop();
    let rule = Rule {
        drop_records: Some(Filter::parse("age>1s").unwrap()),
        ..keep_last(20)
    };
    let mut journey = store.open(vec![rule], (120, 30));
    journey.press("p");
    journey.shows_in("refs lose results", " in two steps");
    journey.shows_in("waits ", "a run after 22 Nov 13:00 UTC frees them");
}

#[test]
fn the_source_is_scanned_again_after_a_run() {
    let store = Store::waste();
    let mut journey = store.open(Vec::new(), (100, 30));
    journey.hides("in the trash");
    journey.press("p enter y q");
    // The trash still takes its space.
    journey.hides("no waste");
    journey.shows_in("▚", " in the trash");
    journey.shows_in(" stored · ", " in the trash");
}

#[test]
fn a_ref_that_cannot_be_read_keeps_every_blob() {
    let store = Store::waste();
    let index: Value =
        serde_json::from_slice(&fs::read(store.layout.path().join("index.json")).unwrap()).unwrap();
    let digest = index["manifests"][0]["digest"]
        .as_str()
        .unwrap()
        .strip_prefix("sha256:")
        .unwrap();
    let manifest = store.layout.path().join("blobs/sha256").join(digest);
    fs::remove_file(&manifest).unwrap();
    fs::write(&manifest, "no manifest").unwrap();
    let mut journey = store.open(Vec::new(), (100, 30));
    journey.press("p");
    journey.shows("! `latest` cannot be read, and may reference any blob: no blob is deleted");
    journey.shows_in("deletes", "nothing");
    journey.shows_in(
        "Nothing is deleted: ",
        "which no ref reaches, are kept: a ref that cannot be read",
    );
    journey.press("enter");
    journey.shows("this plan deletes nothing");
}

#[test]
fn items_that_cannot_be_deleted_are_not_called_in_use() {
    let mut journey = Journey::new(
        vec![memory("demo", memory::demo(now()).unwrap())],
        (120, 40),
    );
    journey.shows_in(" stored · ", " orphan");
    journey.press("p");
    journey.shows_in("Nothing is deleted: ", "which no ref reaches, are kept: ");
}

#[test]
fn missing_blobs_do_not_stop_the_deletion_of_unfinished_uploads() {
    let store = Store::new("mini", "local.json");
    damage(store.layout.path());
    let refs = store.refs();
    let mut journey = store.open(Vec::new(), (100, 30));
    journey.press("p");
    journey.shows_in("deletes", "1 unfinished upload");
    journey.press("enter y");
    assert!(
        !store.layout.path().join("ingest/0a1b").exists(),
        "{}",
        journey.screen()
    );
    assert!(store.layout.path().join("notes.txt").exists());
    assert_eq!(store.refs(), refs);
}

#[test]
fn leaving_a_screen_early_leaves_the_store_alone() {
    let store = Store::shop();
    let (refs, blobs) = (store.refs(), store.blobs());
    let mut journey = store.open(vec![keep_last(1)], (80, 24));
    journey.press("enter p l l h x j x f q q");
    assert_eq!((store.refs(), store.blobs()), (refs, blobs));
    assert!(store.journals().is_empty());
}

#[test]
fn a_run_is_stopped_and_not_left() {
    for stop in ["esc", "ctrl-c", "ctrl-c ctrl-c"] {
        let store = Store::waste();
        let before = store.blobs();
        let mut journey = store.open(Vec::new(), (100, 30));
        journey.press("p enter").press_at_once(&format!("y {stop}"));
        assert!(!journey.is_over(), "{stop}");
        journey.shows("0 deleted · ");
        journey.shows("not begun");
        journey.shows("the run stopped before it");
        // Items that did not begin do not count as progress.
        journey.hides("9 of 9");
        assert_eq!(store.blobs(), before, "{stop}");
        journey.press("u");
        journey.shows("nothing was deleted");
        journey.press("ctrl-c");
        assert!(journey.is_over());
    }
}

#[test]
fn a_store_locked_by_another_prune_is_not_changed() {
    let store = Store::waste();
    let before = store.blobs();
    let mut journey = store.open(Vec::new(), (100, 30));
    journey.press("p enter");
    let other = LocalCache::new(store.layout.path());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let lease = runtime.block_on(TakeLease::take(&other)).unwrap();
    journey.press("y");
    journey.shows("another prune is running");
    journey.shows("Nothing was deleted.");
    assert_eq!(store.blobs(), before);
    drop(lease);
}

#[test]
fn blobs_referenced_since_the_plan_are_skipped() {
    let store = Store::waste();
    let mut journey = store.open(Vec::new(), (100, 30));
    journey.press("p enter");
    // A build tags a blob that was an orphan when the plan was made.
    let others: Value = Fixture::named("mini").json("local.json");
    fs::write(
        store.layout.path().join("index.json"),
        others["index"].to_string(),
    )
    .unwrap();
    journey.press("y");
    journey.shows("skipped");
    journey.shows_in("▸", "a ref references it now");
    journey.shows("the run broke no kept ref");
    assert_eq!(store.refs().len(), 3);
}

/// Draws the screen after `keys`.
fn screen(store: &Store, keys: &str, size: (u16, u16)) -> String {
    let mut journey = store.open(vec![keep_last(2)], size);
    journey.press(keys);
    drawn(&journey, store)
}
