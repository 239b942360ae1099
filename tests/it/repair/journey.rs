//! The loop of check, plan, run and check again, on one screen.

use std::collections::BTreeSet;
use std::path::Path;

use cachelens::retention::{Policy, Rule, RuleAction};
use cachelens::tui::pruning::{DeletionAccess, Pruning};
use jiff::SignedDuration;
use tempfile::TempDir;

use super::local::{cache, entries, is_stored};
use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, SETTLE, damage, prunable};
use crate::support::layout::digest_of;

/// A damaged copy of a fixture, with a folder for the journals of runs.
struct Store {
    layout: TempDir,
    journals: TempDir,
}

impl Store {
    fn damaged() -> Self {
        let layout = Fixture::named("mini").layout("local.json");
        damage(layout.path());
        Self {
            layout,
            journals: TempDir::new().unwrap(),
        }
    }

    fn open(&self, access: DeletionAccess, rules: Vec<Rule>) -> Journey {
        let pruning = Pruning {
            access,
            policy: Policy {
                grace: SignedDuration::from_hours(1),
                rules,
                ..Policy::default()
            },
            policy_from: None,
            journals: Some(self.journals.path().to_owned()),
            settle: SETTLE,
        };
        let source = prunable("./mini", self.dir());
        Journey::with(pruning, vec![source], (100, 24))
    }

    fn dir(&self) -> &Path {
        self.layout.path()
    }

    fn roots(&self) -> BTreeSet<String> {
        let entries = entries(self.dir());
        entries
            .iter()
            .map(|entry| digest_of(entry).to_owned())
            .collect()
    }

    fn has_uploads(&self) -> bool {
        self.dir().join("ingest/0a1b").exists()
    }
}

#[test]
fn a_finding_is_repaired_and_checked_again_on_one_screen() {
    let store = Store::damaged();
    let sound = cache(store.dir(), "c03")
        .hits(|digest| is_stored(store.dir(), digest))
        .unwrap();
    let before = store.roots();
    let mut journey = store.open(DeletionAccess::Write, Vec::new());
    journey.press("c f");
    insta::assert_snapshot!(journey.screen(), @r"
     ./mini › plan                                                 made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────
     repairs  1 ref written again                                                keeps 3 refs · 245 KiB
     waits    2 blobs, 5.3 KiB: a run after 22 Nov 13:00 UTC frees them
     checked  ✓ breaks no ref ✓ none under 1h ✓ refs first
     [ delete 1 ]   wait 0     keep 3
    ────────────────────────────────────────────────────────────────────────────────────────────────────
       WHAT                       SIZE▾         WHY
    ▸  results c03             5.3 KiB  ▒▒▒▒▒▒  drops 1 result, which needs 1 blob that cannot be loaded

    ────────────────────────────────────────────────────────────────────────────────────────────────────
       c03
       kind       results
       digest     sha256:89b800309d6319d26ac4277afe8f25ccbcf4cfc20b8778c2f647ad695519b419
       age        12h 8m ago
       size       113 KiB
       later      5.3 KiB: a run after 22 Nov 13:00 UTC deletes them

       Results
       sha256:d77d59e96cc3  30.3 KiB
       … tab scrolls, i shows all
    ───────────────────────────────────────────────────────────────────────────────────────────── 1/1 ──
     repairs the finding
     enter carry out  x exclude  right wait, keep  W save  R rule  / filter  s sort  space mark
    ");
    journey.press("enter");
    journey.shows("Repair ./mini: write 1 ref again?");
    journey.press("y");
    journey.shows("1 written again");
    assert_ne!(store.roots(), before);
    assert!(store.has_uploads());
    let hits = cache(store.dir(), "c03").hits(|_| true).unwrap();
    assert_eq!(hits, sound);

    // Back on the screen of the check, which has looked again.
    journey.press("q");
    journey.shows("./mini › check");
    journey.shows("unfinished-uploads");
    journey.hides("blob-missing");
    journey.press("* f");
    journey.shows("1 unfinished upload");
    journey.press("enter").press("y").press("q");
    assert!(!store.has_uploads());
    journey.hides("unfinished-uploads");
}

#[test]
fn an_undone_repair_is_found_again() {
    let store = Store::damaged();
    let before = store.roots();
    let mut journey = store.open(DeletionAccess::Write, Vec::new());
    journey.press("c f").press("enter").press("y");
    assert_ne!(store.roots(), before);
    journey.press("u").press("y");
    assert_eq!(store.roots(), before);
    journey.press("q");
    journey.shows("blob-missing");
}

#[test]
fn an_impossible_repair_has_a_reason() {
    let store = Store::damaged();
    let before = store.roots();
    // Without the right to write, the plan is shown, and that is all.
    let mut journey = store.open(DeletionAccess::ReadOnly, Vec::new());
    journey.press("c f");
    journey.shows("1 ref written again");
    journey.press("enter");
    journey.shows("read-only");
    assert_eq!(store.roots(), before);

    let protect = Rule {
        name: "all".to_owned(),
        conditions: Vec::new(),
        action: RuleAction::Protect,
        drop_records: None,
    };
    let mut journey = store.open(DeletionAccess::Write, vec![protect]);
    journey.press("c f");
    journey.shows("Nothing of it can be repaired.");
    journey.shows("blob-missing of c03 is not fixed: a rule protects it");
    journey.press("enter");
    journey.shows("this plan deletes nothing");
    assert_eq!(store.roots(), before);
}
