//! From a plan to a smaller store, and the undo.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroU32;
use std::path::Path;

use cachelens::backend::CachePruner as _;
use cachelens::backend::local::LocalCache;
use cachelens::backend::memory;
use cachelens::retention::{Action, Condition, Criteria, Keep, Pattern, Policy, Rule, TextField};
use cachelens::tui::pruning::{DeletionAccess, Pruning};
use jiff::SignedDuration;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, SETTLE, damage, local, memory, prunable};

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

fn keep_last(count: u32) -> Rule {
    let criteria = Criteria {
        last: NonZeroU32::new(count),
        ..Criteria::default()
    };
    let action = Action::Keep(Keep {
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
    let patterns = vec![glob.parse::<Pattern>().unwrap()];
    let conditions = vec![Condition::Text(TextField::Ref, patterns)];
    Rule {
        name: "what stays".into(),
        conditions,
        action: Action::Protect,
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
fn without_write_a_plan_is_shown_and_nothing_goes() {
    let store = Store::waste();
    let before = (store.refs(), store.blobs());
    let pruning = store.pruning(DeletionAccess::ReadOnly, Vec::new());
    let mut journey = Journey::with(pruning, vec![local(LABEL, store.layout.path())], (100, 30));
    assert!(journey.screen().contains("read-only") && !journey.screen().contains("WRITE"));
    journey.press("p");
    assert!(
        journey.line("deletes").contains("blobs"),
        "{}",
        journey.screen()
    );
    journey.press("enter");
    assert!(
        journey
            .screen()
            .contains("this is read-only: start `cachelens --write`"),
        "{}",
        journey.screen()
    );
    journey.press("y");
    assert_eq!((store.refs(), store.blobs()), before);
    assert_eq!((store.trash().len(), store.journals().len()), (0, 0));
}

#[test]
fn orphans_go_into_the_trash_and_come_back() {
    let store = Store::waste();
    let before = store.blobs();
    let mut journey = store.open(Vec::new(), (100, 30));
    assert!(journey.screen().contains("WRITE"), "{}", journey.screen());
    journey.press("p");
    journey.line("checked  ✓ kept refs whole ✓ none under 1h ✓ refs first");
    assert!(
        journey.line("deletes").contains(" to the trash"),
        "{}",
        journey.screen()
    );
    journey.press("enter");
    assert!(
        journey.screen().contains("Please confirm"),
        "{}",
        journey.screen()
    );
    assert_eq!(store.blobs(), before, "nothing goes before the answer");
    journey.press("y");
    assert!(
        journey.screen().contains("every kept ref is whole"),
        "{}",
        journey.screen()
    );
    assert!(
        journey
            .line(" moved to the trash · ")
            .contains(" kept until 22 Nov 13:00 UTC"),
        "{}",
        journey.screen()
    );
    assert!(!journey.screen().contains("freed"), "{}", journey.screen());
    let (stay, gone) = (store.blobs(), store.trash());
    assert!(!gone.is_empty() && stay.is_disjoint(&gone));
    assert_eq!(&stay | &gone, before);
    assert_eq!(store.journals().len(), 1);

    journey.press("u");
    assert!(
        journey.screen().contains("Put back into ./cache the "),
        "{}",
        journey.screen()
    );
    journey.press("y");
    journey.line("items are back");
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
fn the_source_is_scanned_again_after_a_run() {
    let store = Store::waste();
    let mut journey = store.open(Vec::new(), (100, 30));
    assert!(!journey.screen().contains("in the trash"));
    journey.press("p enter y q");
    // The trash still takes its space.
    assert!(
        !journey.screen().contains("no waste"),
        "{}",
        journey.screen()
    );
    assert!(
        journey.line("▚").contains(" in the trash"),
        "{}",
        journey.screen()
    );
    assert!(
        journey.line(" stored · ").contains(" in the trash"),
        "{}",
        journey.screen()
    );
}

#[test]
fn only_marked_refs_go_and_protected_ones_stay() {
    let store = Store::shop();
    let (refs, blobs) = (store.refs(), store.blobs());
    // c15, c14 and c13 are marked, and a rule protects one of them.
    let mut journey = store.open(vec![protect("c14"), keep_last(1)], (120, 40));
    journey.press("enter space space space p");
    assert!(
        journey.screen().contains("drops the 3 marked refs only"),
        "{}",
        journey.screen()
    );
    assert!(
        journey.line("deletes").contains("2 refs"),
        "{}",
        journey.screen()
    );
    assert!(
        journey
            .line("ref     c15")
            .contains("rule \"marked refs\" drops it"),
        "{}",
        journey.screen()
    );
    journey.press("h");
    assert!(
        journey
            .line("ref     c14")
            .contains("rule \"what stays\" protects it"),
        "{}",
        journey.screen()
    );
    journey.press("enter y");
    let gone: BTreeSet<String> = &refs - &store.refs();
    assert_eq!(gone, ["c13", "c15"].map(str::to_owned).into());
    assert_eq!(store.blobs(), blobs, "blobs wait for the grace");
    journey.press("u y");
    assert_eq!(store.refs(), refs);
}

#[test]
fn what_is_left_out_stays() {
    let store = Store::waste();
    let before = store.blobs();
    let mut journey = store.open(Vec::new(), (120, 40));
    journey.press("p");
    let deletes = journey.line("deletes");
    let spared = journey.line("▸").split("sha256:").nth(1).unwrap()[..8].to_owned();
    journey.press("x");
    assert!(
        journey.line("▸").contains("left out by hand"),
        "{}",
        journey.screen()
    );
    assert!(
        journey.line("▸").contains("✗ sha256:"),
        "{}",
        journey.screen()
    );
    assert!(
        journey.line("[ goes").contains(" · ✗ 1 left out ]"),
        "{}",
        journey.screen()
    );
    assert_ne!(journey.line("deletes"), deletes);
    journey.press("x");
    assert_eq!(journey.line("deletes"), deletes, "it is in again");
    assert!(
        !journey.screen().contains("left out ]"),
        "{}",
        journey.screen()
    );
    journey.press("q p");
    assert_eq!(journey.line("deletes"), deletes);
    journey.press("x q p");
    assert!(
        journey
            .screen()
            .contains("1 item is left out as before; x takes it in again"),
        "{}",
        journey.screen()
    );
    assert!(
        journey.line("▸").contains("left out by hand"),
        "{}",
        journey.screen()
    );
    journey.press("enter y");
    assert!(store.blobs().iter().any(|blob| blob.starts_with(&spared)));
    assert!(!store.trash().iter().any(|blob| blob.starts_with(&spared)));
    assert_eq!(&store.blobs() | &store.trash(), before);
}

#[test]
fn a_ref_that_is_left_out_keeps_what_it_reaches() {
    let store = Store::shop();
    let mut journey = store.open(vec![keep_last(2)], (120, 40));
    // Blobs are deleted together with their refs, apart from those that the excluded ref reaches.
    journey.press("enter p D");
    assert!(
        journey.line("waits").contains("at once"),
        "{}",
        journey.screen()
    );
    let whole = journey.line("deletes");
    journey.press("x");
    assert!(
        journey.line("ref     ✗ c02").contains("left out by hand"),
        "{}",
        journey.screen()
    );
    assert_ne!(journey.line("deletes"), whole);
    journey.press("enter").press(&format!("'{LABEL} enter"));
    assert!(
        journey.screen().contains("every kept ref is whole"),
        "{}",
        journey.screen()
    );
    assert_eq!(
        store.refs(),
        ["c02", "c14", "c15"].map(str::to_owned).into()
    );
    journey.press("q");
    assert!(
        !journey.screen().contains("missing"),
        "{}",
        journey.screen()
    );
}

#[test]
fn what_weighs_much_is_confirmed_by_typing() {
    let store = Store::shop();
    let refs = store.refs();
    let mut journey = store.open(vec![keep_last(2)], (100, 30));
    journey.press("p enter y enter");
    assert!(
        journey.screen().contains("that is not its name"),
        "{}",
        journey.screen()
    );
    assert_eq!(store.refs(), refs);
    journey.press("ctrl-u").press(&format!("'{LABEL}x enter"));
    assert!(
        journey.screen().contains("that is not its name"),
        "{}",
        journey.screen()
    );
    journey.press("esc");
    assert!(
        !journey.screen().contains("Please confirm"),
        "{}",
        journey.screen()
    );
    assert_eq!(store.refs(), refs);
    journey.press("enter").press(&format!("'{LABEL} enter"));
    assert_eq!(store.refs(), ["c14", "c15"].map(str::to_owned).into());
}

#[test]
fn no_is_no() {
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
fn a_plan_is_saved_as_the_command_reads_it() {
    let store = Store::waste();
    let path = store.journals.path().join("plan.json");
    let mut journey = store.open(Vec::new(), (100, 30));
    journey
        .press("p W ctrl-u")
        .press(&format!("'{} enter", path.display()));
    assert!(
        journey.screen().contains("written to"),
        "{}",
        journey.screen()
    );
    let plan = cachelens::prune::plan::file::load(&fs::read_to_string(&path).unwrap()).unwrap();
    assert!(!plan.is_empty());
    assert_eq!(plan.source(), LABEL);
    journey
        .press("W ctrl-u")
        .press(&format!("'{} enter", path.display()));
    assert!(
        journey.screen().contains("Replace it?"),
        "{}",
        journey.screen()
    );
}

#[test]
fn a_rule_is_made_from_what_is_marked() {
    let store = Store::shop();
    let mut journey = store.open(vec![keep_last(2)], (100, 30));
    journey.press("p space space R");
    assert!(
        journey
            .screen()
            .contains("decides about 0 refs · earlier rules decide about 9 that it matches"),
        "{}",
        journey.screen()
    );
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
    assert!(
        journey
            .screen()
            .contains("! `latest` cannot be read, and may name any blob: no blob is deleted"),
        "{}",
        journey.screen()
    );
    assert!(
        journey.line("deletes").contains("nothing"),
        "{}",
        journey.screen()
    );
    assert!(
        journey
            .line("Nothing goes: ")
            .contains("which no ref reaches, stay: a ref that cannot be read"),
        "{}",
        journey.screen()
    );
    journey.press("enter");
    assert!(
        journey.screen().contains("nothing goes by this plan"),
        "{}",
        journey.screen()
    );
}

#[test]
fn what_cannot_be_deleted_is_not_said_to_be_in_use() {
    let mut journey = Journey::new(vec![memory("demo", memory::demo().unwrap())], (120, 40));
    assert!(
        journey.line(" stored · ").contains(" could go"),
        "{}",
        journey.screen()
    );
    journey.press("p");
    assert!(
        journey
            .line("Nothing goes: ")
            .contains("which no ref reaches, stay: "),
        "{}",
        journey.screen()
    );
}

#[test]
fn unfinished_uploads_go_and_what_is_missing_is_no_reason_to() {
    let store = Store::new("mini", "local.json");
    damage(store.layout.path());
    let refs = store.refs();
    let mut journey = store.open(Vec::new(), (100, 30));
    journey.press("p");
    assert!(
        journey.line("deletes").contains("1 unfinished upload"),
        "{}",
        journey.screen()
    );
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
        assert!(
            journey.screen().contains("0 deleted · "),
            "{stop}: {}",
            journey.screen()
        );
        assert!(
            journey.screen().contains("not begun"),
            "{stop}: {}",
            journey.screen()
        );
        assert_eq!(store.blobs(), before, "{stop}");
        journey.press("u");
        assert!(
            journey.screen().contains("nothing was deleted"),
            "{stop}: {}",
            journey.screen()
        );
        journey.press("ctrl-c");
        assert!(journey.is_over());
    }
}

#[test]
fn a_store_that_another_prune_holds_is_left_alone() {
    let store = Store::waste();
    let before = store.blobs();
    let mut journey = store.open(Vec::new(), (100, 30));
    journey.press("p enter");
    let other = LocalCache::new(store.layout.path());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let lease = runtime.block_on(other.lease()).unwrap();
    journey.press("y");
    assert!(
        journey.screen().contains("another prune is at work"),
        "{}",
        journey.screen()
    );
    assert!(
        journey.screen().contains("Nothing was deleted."),
        "{}",
        journey.screen()
    );
    assert_eq!(store.blobs(), before);
    drop(lease);
}

#[test]
fn what_a_ref_names_by_now_is_skipped() {
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
    assert!(journey.screen().contains("skipped"), "{}", journey.screen());
    assert!(
        journey.line("▸").contains("a ref names it now"),
        "{}",
        journey.screen()
    );
    assert!(
        journey.screen().contains("every kept ref is whole"),
        "{}",
        journey.screen()
    );
    assert_eq!(store.refs().len(), 3);
}

/// Draws the screen after `keys`.
fn screen(store: &Store, keys: &str, size: (u16, u16)) -> String {
    let mut journey = store.open(vec![keep_last(2)], size);
    journey.press(keys);
    drawn(&journey, store)
}

#[test]
fn the_plan_at_60() {
    insta::assert_snapshot!(screen(&Store::shop(), "p", (60, 16)), @r#"
     ./cache › plan        made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────
     deletes  13 refs  frees 0 B         keeps 2 refs · 243 KiB
     waits    160 blobs, 1.6 MiB: free after 22 Nov 13:00 UTC
     checked  ✓ kept refs whole ✓ none under 1h ✓ refs first
     [ goes 13 ]   waits 160     stays 2
    ────────────────────────────────────────────────────────────
       WHAT                      SIZE▾ WHY
    ▸  ref     c02            190 KiB  rule "the newest": 12h 5…
       ref     c01            190 KiB  rule "the newest": 12h 5…
       ref     c03            190 KiB  rule "the newest": 12h 5…
       ref     c10            190 KiB  rule "the newest": 12h 5…
       ref     c13            140 KiB  rule "the newest": 12h 5…
    ──────────────────────────────────────────────────── 1/13 ──
     policy cachelens.toml
     enter carry out  x leave out  right waits, stays  W save
    "#);
}

#[test]
fn the_plan_at_80() {
    insta::assert_snapshot!(screen(&Store::shop(), "p", (80, 24)), @r#"
     ./cache › plan                            made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────
     deletes  13 refs  frees 0 B                             keeps 2 refs · 243 KiB
     waits    160 blobs, 1.6 MiB: a run after 22 Nov 13:00 UTC frees them
     checked  ✓ kept refs whole ✓ none under 1h ✓ refs first
     [ goes 13 ]   waits 160     stays 2
    ────────────────────────────────────────────────────────────────────────────────
       WHAT                      SIZE▾ WHY
    ▸  ref     c02            190 KiB  rule "the newest": 12h 54m old, keeps the la…
       ref     c01            190 KiB  rule "the newest": 12h 54m old, keeps the la…
       ref     c03            190 KiB  rule "the newest": 12h 54m old, keeps the la…
       ref     c10            190 KiB  rule "the newest": 12h 53m old, keeps the la…
       ref     c13            140 KiB  rule "the newest": 12h 53m old, keeps the la…
       ref     c04            110 KiB  rule "the newest": 12h 54m old, keeps the la…
       ref     c08           72.6 KiB  rule "the newest": 12h 53m old, keeps the la…
       ref     c11           72.4 KiB  rule "the newest": 12h 53m old, keeps the la…
       ref     c06           46.2 KiB  rule "the newest": 12h 53m old, keeps the la…
       ref     c05           46.2 KiB  rule "the newest": 12h 54m old, keeps the la…
       ref     c12           41.1 KiB  rule "the newest": 12h 53m old, keeps the la…
       ref     c09           33.8 KiB  rule "the newest": 12h 53m old, keeps the la…
       ref     c07            9.2 KiB  rule "the newest": 12h 53m old, keeps the la…
    ──────────────────────────────────────────────────────────────────────── 1/13 ──
     policy cachelens.toml
     enter carry out  x leave out  right waits, stays  W save  R rule  / filter
    "#);
}

#[test]
fn the_plan_at_120() {
    insta::assert_snapshot!(screen(&Store::shop(), "p", (120, 40)), @r#"
     ./cache › plan                                                                    made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     deletes  13 refs  frees 0 B                                                                     keeps 2 refs · 243 KiB
     waits    160 blobs, 1.6 MiB: their refs go first; a run after 22 Nov 13:00 UTC frees them
     checked  ✓ every kept ref stays whole ✓ nothing younger than 1h ✓ refs go before blobs ✓ each byte once
     [ goes 13 ]   waits 160     stays 2
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       WHAT                                         SIZE▾ WHY
    ▸  ref     c02                               190 KiB  rule "the newest": 12h 54m old, keeps the last 2
       ref     c01                               190 KiB  rule "the newest": 12h 54m old, keeps the last 2
       ref     c03                               190 KiB  rule "the newest": 12h 54m old, keeps the last 2
       ref     c10                               190 KiB  rule "the newest": 12h 53m old, keeps the last 2
       ref     c13                               140 KiB  rule "the newest": 12h 53m old, keeps the last 2
       ref     c04                               110 KiB  rule "the newest": 12h 54m old, keeps the last 2
       ref     c08                              72.6 KiB  rule "the newest": 12h 53m old, keeps the last 2
       ref     c11                              72.4 KiB  rule "the newest": 12h 53m old, keeps the last 2
       ref     c06                              46.2 KiB  rule "the newest": 12h 53m old, keeps the last 2
       ref     c05                              46.2 KiB  rule "the newest": 12h 54m old, keeps the last 2
       ref     c12                              41.1 KiB  rule "the newest": 12h 53m old, keeps the last 2
       ref     c09                              33.8 KiB  rule "the newest": 12h 53m old, keeps the last 2
       ref     c07                               9.2 KiB  rule "the newest": 12h 53m old, keeps the last 2




    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       c02
       kind       ref
       digest     sha256:2f8282de6db7e0ad31d42bb3d7ce7fe69441a9afcca045cd3e5374e35fec8752
       age        12h 54m ago
       size       237 KiB
       only here  190 KiB: what no other ref reaches

       Why
       rule "the newest": 12h 54m old, keeps the last 2


    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/13 ──
     policy cachelens.toml
     enter carry out  x leave out  right waits, stays  W save  R rule  / filter  s sort  space mark  i details  e export
    "#);
}

#[test]
fn the_plan_at_200() {
    insta::assert_snapshot!(screen(&Store::shop(), "p", (200, 60)), @r#"
     ./cache › plan                                                                                                                                                    made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     deletes  13 refs  frees 0 B                                                                                                                                                     keeps 2 refs · 243 KiB
     waits    160 blobs, 1.6 MiB: their refs go first; a run after 22 Nov 13:00 UTC frees them
     checked  ✓ every kept ref stays whole ✓ nothing younger than 1h ✓ refs go before blobs ✓ each byte once
     [ goes 13 ]   waits 160     stays 2
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       WHAT                                        SIZE▾ WHY                                                                │ c02
    ▸  ref     c02                              190 KiB  rule "the newest": 12h 54m old, keeps the last 2                   │ kind       ref
       ref     c01                              190 KiB  rule "the newest": 12h 54m old, keeps the last 2                   │ digest     sha256:2f8282de6db7e0ad31d42bb3d7ce7fe69441a9afcca045cd3e5374e35fe
       ref     c03                              190 KiB  rule "the newest": 12h 54m old, keeps the last 2                   │            c8752
       ref     c10                              190 KiB  rule "the newest": 12h 53m old, keeps the last 2                   │ age        12h 54m ago
       ref     c13                              140 KiB  rule "the newest": 12h 53m old, keeps the last 2                   │ size       237 KiB
       ref     c04                              110 KiB  rule "the newest": 12h 54m old, keeps the last 2                   │ only here  190 KiB: what no other ref reaches
       ref     c08                             72.6 KiB  rule "the newest": 12h 53m old, keeps the last 2                   │
       ref     c11                             72.4 KiB  rule "the newest": 12h 53m old, keeps the last 2                   │ Why
       ref     c06                             46.2 KiB  rule "the newest": 12h 53m old, keeps the last 2                   │ rule "the newest": 12h 54m old, keeps the last 2
       ref     c05                             46.2 KiB  rule "the newest": 12h 54m old, keeps the last 2                   │
       ref     c12                             41.1 KiB  rule "the newest": 12h 53m old, keeps the last 2                   │
       ref     c09                             33.8 KiB  rule "the newest": 12h 53m old, keeps the last 2                   │
       ref     c07                              9.2 KiB  rule "the newest": 12h 53m old, keeps the last 2                   │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/13 ──
     policy cachelens.toml
     enter carry out  x leave out  right waits, stays  W save  R rule  / filter  s sort  space mark  i details  e export  : command  q back
    "#);
}

#[test]
fn the_question_at_60() {
    insta::assert_snapshot!(screen(&Store::waste(), "p enter", (60, 16)), @r"
     ./cache › plan        made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────
     deletes  9 blobs  132 KiB to the trash
     ╭ Please confirm ────────────────────────────────────────╮
     │ Delete 9 blobs, 132 KiB, from ./cache? It can be put   │
     │ back from the trash.                                   │
    ─│                                                        │─
     │ y yes  n no                                            │
    ▸╰────────────────────────────────────────────────────────╯…
       blob    sha256:39c3…  30.2 KiB  no ref reaches it; writt…
       blob    sha256:b7a6…  30.2 KiB  no ref reaches it; writt…
       blob    sha256:79ff…  30.2 KiB  no ref reaches it; writt…
       blob    sha256:16d0…   2.8 KiB  no ref reaches it; writt…
    ───────────────────────────────────────────────────── 1/9 ──
     policy cachelens.toml
     y yes  n no
    ");
}

#[test]
fn the_question_at_80() {
    insta::assert_snapshot!(screen(&Store::waste(), "p enter", (80, 24)), @r"
     ./cache › plan                            made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────
     deletes  9 blobs  132 KiB to the trash                   keeps 1 ref · 144 KiB
     waits    nothing
     checked  ✓ kept refs whole ✓ none under 1h ✓ refs first
     [ goes 9 ]   waits 0     stays 1
    ──╭ Please confirm ──────────────────────────────────────────────────────────╮──
      │ Delete 9 blobs, 132 KiB, from ./cache? It can be put back from the       │
    ▸ │ trash.                                                                   │ …
      │                                                                          │ …
      │ y yes  n no                                                              │ …
      ╰──────────────────────────────────────────────────────────────────────────╯ …
       blob    sha256:16d0a8ad8789e9…   2.8 KiB  no ref reaches it; written 12h 8m …
       blob    sha256:b082ede498b032…   2.8 KiB  no ref reaches it; written 12h 8m …
       blob    sha256:9cda0bc2af0dbe…   2.5 KiB  no ref reaches it; written 12h 8m …
       blob    sha256:072905c155a2bd…   2.5 KiB  no ref reaches it; written 12h 8m …
       blob    sha256:421d13bb42bc88…     145 B  no ref reaches it; written 12h 8m …




    ───────────────────────────────────────────────────────────────────────── 1/9 ──
     policy cachelens.toml
     y yes  n no
    ");
}

#[test]
fn the_question_at_120() {
    insta::assert_snapshot!(screen(&Store::waste(), "p enter", (120, 40)), @r"
     ./cache › plan                                                                    made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     deletes  9 blobs  132 KiB to the trash                                                           keeps 1 ref · 144 KiB
     waits    nothing
     checked  ✓ every kept ref stays whole ✓ nothing younger than 1h ✓ refs go before blobs ✓ each byte once
     [ goes 9 ]   waits 0     stays 1
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       WHAT                                                                      SIZE▾ WHY
    ▸  blob    sha256:245118f905da62d8fd52a4c37d464929e78e2ff8971d1c997abf…  30.3 KiB  no ref reaches it; written 12h 8m ago
       blob    sha256:39c3d17cdc017cfba1e55b3e29ea0867b878afe482b3f3afc4dd…  30.2 KiB  no ref reaches it; written 12h 8m ago
       blob    sha256:b7a6ad1fe92a187b24fe098af6a6c461ef836ca98490c3b86c03…  30.2 KiB  no ref reaches it; written 12h 8m ago
       blob    sha256:79ff╭ Please confirm ──────────────────────────────────────────────────────────╮it; written 12h 8m ago
       blob    sha256:16d0│ Delete 9 blobs, 132 KiB, from ./cache? It can be put back from the       │it; written 12h 8m ago
       blob    sha256:b082│ trash.                                                                   │it; written 12h 8m ago
       blob    sha256:9cda│                                                                          │it; written 12h 8m ago
       blob    sha256:0729│ y yes  n no                                                              │it; written 12h 8m ago
       blob    sha256:421d╰──────────────────────────────────────────────────────────────────────────╯it; written 12h 8m ago








    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       sha256:245118f905da62d8fd52a4c37d464929e78e2ff8971d1c997abf2775f6c716b1
       kind       blob
       size       30.3 KiB
       written    12h 8m ago

       Why
       no ref reaches it; written 12h 8m ago




    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/9 ──
     policy cachelens.toml
     y yes  n no
    ");
}

#[test]
fn the_question_at_200() {
    insta::assert_snapshot!(screen(&Store::waste(), "p enter", (200, 60)), @r"
     ./cache › plan                                                                                                                                                    made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     deletes  9 blobs  132 KiB to the trash                                                                                                                                           keeps 1 ref · 144 KiB
     waits    nothing
     checked  ✓ every kept ref stays whole ✓ nothing younger than 1h ✓ refs go before blobs ✓ each byte once
     [ goes 9 ]   waits 0     stays 1
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       WHAT                                                                     SIZE▾ WHY                                   │ sha256:245118f905da62d8fd52a4c37d464929e78e2ff8971d1c997abf2775f6c716b1
    ▸  blob    sha256:245118f905da62d8fd52a4c37d464929e78e2ff8971d1c997ab…  30.3 KiB  no ref reaches it; written 12h 8m ago │ kind       blob
       blob    sha256:39c3d17cdc017cfba1e55b3e29ea0867b878afe482b3f3afc4d…  30.2 KiB  no ref reaches it; written 12h 8m ago │ size       30.3 KiB
       blob    sha256:b7a6ad1fe92a187b24fe098af6a6c461ef836ca98490c3b86c0…  30.2 KiB  no ref reaches it; written 12h 8m ago │ written    12h 8m ago
       blob    sha256:79ffe2e44f7d1a62dbb59cf1b42b51f56a00cc173a2b3455e5c…  30.2 KiB  no ref reaches it; written 12h 8m ago │
       blob    sha256:16d0a8ad8789e99aee8970a282c81a140561dc5697808256e99…   2.8 KiB  no ref reaches it; written 12h 8m ago │ Why
       blob    sha256:b082ede498b0329524fc09640a3c33dfaeadf3b76c2f8bb6cb0…   2.8 KiB  no ref reaches it; written 12h 8m ago │ no ref reaches it; written 12h 8m ago
       blob    sha256:9cda0bc2af0dbeda16d8712ee56709a2b8689f29cc3f563c019…   2.5 KiB  no ref reaches it; written 12h 8m ago │
       blob    sha256:072905c155a2bdef19047d6df8a61a1be8d11a94ee13f0aacdb…   2.5 KiB  no ref reaches it; written 12h 8m ago │
       blob    sha256:421d13bb42bc886edf474ca7d97fd4f13e2e47441023da9cc1b…     145 B  no ref reaches it; written 12h 8m ago │
                                                                                                                            │
                                                                  ╭ Please confirm ──────────────────────────────────────────────────────────╮
                                                                  │ Delete 9 blobs, 132 KiB, from ./cache? It can be put back from the       │
                                                                  │ trash.                                                                   │
                                                                  │                                                                          │
                                                                  │ y yes  n no                                                              │
                                                                  ╰──────────────────────────────────────────────────────────────────────────╯
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/9 ──
     policy cachelens.toml
     y yes  n no
    ");
}

#[test]
fn the_typed_question_at_60() {
    insta::assert_snapshot!(screen(&Store::shop(), "p enter", (60, 16)), @r#"
     ./cache › plan        made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────
     ╭ Please confirm ────────────────────────────────────────╮
     │ Delete 13 refs from ./cache? 1.6 MiB wait, and go with │
     │ a later run. It can be put back from the trash.        │
     │                                                        │
    ─│ Type the name of the source to go on:  ./cache         │─
     │                                                        │
    ▸│ ›                                                      │…
     ╰────────────────────────────────────────────────────────╯…
       ref     c03            190 KiB  rule "the newest": 12h 5…
       ref     c10            190 KiB  rule "the newest": 12h 5…
       ref     c13            140 KiB  rule "the newest": 12h 5…
    ──────────────────────────────────────────────────── 1/13 ──
     policy cachelens.toml
     enter accept  esc cancel
    "#);
}

#[test]
fn the_typed_question_at_80() {
    insta::assert_snapshot!(screen(&Store::shop(), "p enter", (80, 24)), @r#"
     ./cache › plan                            made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────
     deletes  13 refs  frees 0 B                             keeps 2 refs · 243 KiB
     waits    160 blobs, 1.6 MiB: a run after 22 Nov 13:00 UTC frees them
     checked  ✓ kept refs whole ✓ none under 1h ✓ refs first
     [╭ Please confirm ──────────────────────────────────────────────────────────╮
    ──│ Delete 13 refs from ./cache? 1.6 MiB wait, and go with a later run. It   │──
      │ can be put back from the trash.                                          │
    ▸ │                                                                          │a…
      │ Type the name of the source to go on:  ./cache                           │a…
      │                                                                          │a…
      │ ›                                                                        │a…
      ╰──────────────────────────────────────────────────────────────────────────╯a…
       ref     c04            110 KiB  rule "the newest": 12h 54m old, keeps the la…
       ref     c08           72.6 KiB  rule "the newest": 12h 53m old, keeps the la…
       ref     c11           72.4 KiB  rule "the newest": 12h 53m old, keeps the la…
       ref     c06           46.2 KiB  rule "the newest": 12h 53m old, keeps the la…
       ref     c05           46.2 KiB  rule "the newest": 12h 54m old, keeps the la…
       ref     c12           41.1 KiB  rule "the newest": 12h 53m old, keeps the la…
       ref     c09           33.8 KiB  rule "the newest": 12h 53m old, keeps the la…
       ref     c07            9.2 KiB  rule "the newest": 12h 53m old, keeps the la…
    ──────────────────────────────────────────────────────────────────────── 1/13 ──
     policy cachelens.toml
     enter accept  esc cancel
    "#);
}

#[test]
fn the_typed_question_at_120() {
    insta::assert_snapshot!(screen(&Store::shop(), "p enter", (120, 40)), @r#"
     ./cache › plan                                                                    made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     deletes  13 refs  frees 0 B                                                                     keeps 2 refs · 243 KiB
     waits    160 blobs, 1.6 MiB: their refs go first; a run after 22 Nov 13:00 UTC frees them
     checked  ✓ every kept ref stays whole ✓ nothing younger than 1h ✓ refs go before blobs ✓ each byte once
     [ goes 13 ]   waits 160     stays 2
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       WHAT                                         SIZE▾ WHY
    ▸  ref     c02                               190 KiB  rule "the newest": 12h 54m old, keeps the last 2
       ref     c01                               190 KiB  rule "the newest": 12h 54m old, keeps the last 2
       ref     c03        ╭ Please confirm ──────────────────────────────────────────────────────────╮st 2
       ref     c10        │ Delete 13 refs from ./cache? 1.6 MiB wait, and go with a later run. It   │st 2
       ref     c13        │ can be put back from the trash.                                          │st 2
       ref     c04        │                                                                          │st 2
       ref     c08        │ Type the name of the source to go on:  ./cache                           │st 2
       ref     c11        │                                                                          │st 2
       ref     c06        │ ›                                                                        │st 2
       ref     c05        ╰──────────────────────────────────────────────────────────────────────────╯st 2
       ref     c12                              41.1 KiB  rule "the newest": 12h 53m old, keeps the last 2
       ref     c09                              33.8 KiB  rule "the newest": 12h 53m old, keeps the last 2
       ref     c07                               9.2 KiB  rule "the newest": 12h 53m old, keeps the last 2




    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       c02
       kind       ref
       digest     sha256:2f8282de6db7e0ad31d42bb3d7ce7fe69441a9afcca045cd3e5374e35fec8752
       age        12h 54m ago
       size       237 KiB
       only here  190 KiB: what no other ref reaches

       Why
       rule "the newest": 12h 54m old, keeps the last 2


    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/13 ──
     policy cachelens.toml
     enter accept  esc cancel
    "#);
}

#[test]
fn the_typed_question_at_200() {
    insta::assert_snapshot!(screen(&Store::shop(), "p enter", (200, 60)), @r#"
     ./cache › plan                                                                                                                                                    made 12:00:00 UTC · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     deletes  13 refs  frees 0 B                                                                                                                                                     keeps 2 refs · 243 KiB
     waits    160 blobs, 1.6 MiB: their refs go first; a run after 22 Nov 13:00 UTC frees them
     checked  ✓ every kept ref stays whole ✓ nothing younger than 1h ✓ refs go before blobs ✓ each byte once
     [ goes 13 ]   waits 160     stays 2
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       WHAT                                        SIZE▾ WHY                                                                │ c02
    ▸  ref     c02                              190 KiB  rule "the newest": 12h 54m old, keeps the last 2                   │ kind       ref
       ref     c01                              190 KiB  rule "the newest": 12h 54m old, keeps the last 2                   │ digest     sha256:2f8282de6db7e0ad31d42bb3d7ce7fe69441a9afcca045cd3e5374e35fe
       ref     c03                              190 KiB  rule "the newest": 12h 54m old, keeps the last 2                   │            c8752
       ref     c10                              190 KiB  rule "the newest": 12h 53m old, keeps the last 2                   │ age        12h 54m ago
       ref     c13                              140 KiB  rule "the newest": 12h 53m old, keeps the last 2                   │ size       237 KiB
       ref     c04                              110 KiB  rule "the newest": 12h 54m old, keeps the last 2                   │ only here  190 KiB: what no other ref reaches
       ref     c08                             72.6 KiB  rule "the newest": 12h 53m old, keeps the last 2                   │
       ref     c11                             72.4 KiB  rule "the newest": 12h 53m old, keeps the last 2                   │ Why
       ref     c06                             46.2 KiB  rule "the newest": 12h 53m old, keeps the last 2                   │ rule "the newest": 12h 54m old, keeps the last 2
       ref     c05                             46.2 KiB  rule "the╭ Please confirm ──────────────────────────────────────────────────────────╮
       ref     c12                             41.1 KiB  rule "the│ Delete 13 refs from ./cache? 1.6 MiB wait, and go with a later run. It   │
       ref     c09                             33.8 KiB  rule "the│ can be put back from the trash.                                          │
       ref     c07                              9.2 KiB  rule "the│                                                                          │
                                                                  │ Type the name of the source to go on:  ./cache                           │
                                                                  │                                                                          │
                                                                  │ ›                                                                        │
                                                                  ╰──────────────────────────────────────────────────────────────────────────╯
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/13 ──
     policy cachelens.toml
     enter accept  esc cancel
    "#);
}

#[test]
fn the_run_at_60() {
    insta::assert_snapshot!(screen(&Store::waste(), "p enter y", (60, 16)), @r"
     ./cache › prune                 9 items · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────
     9 moved to the trash · 132 KiB in the trash
     ✓ checked afterwards: every kept ref is whole
     journal  /state/…
    ────────────────────────────────────────────────────────────
       OUTCOME▴    WHAT                         SIZE  WHY
    ▸  trashed     blob    sha256:072905c…   2.5 KiB
       trashed     blob    sha256:16d0a8a…   2.8 KiB
       trashed     blob    sha256:245118f…  30.3 KiB
       trashed     blob    sha256:39c3d17…  30.2 KiB
       trashed     blob    sha256:421d13b…     145 B
       trashed     blob    sha256:79ffe2e…  30.2 KiB
    ───────────────────────────────────────────────────── 1/9 ──
     u puts back what is in the trash · q leaves
     u undo  Y copy command  / filter  s sort  space mark
    ");
}

#[test]
fn the_run_at_80() {
    insta::assert_snapshot!(screen(&Store::waste(), "p enter y", (80, 24)), @r"
     ./cache › prune                                     9 items · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────
     9 moved to the trash · 132 KiB kept until 22 Nov 13:00 UTC
     ✓ checked afterwards: every kept ref is whole
     journal  /state/…
    ────────────────────────────────────────────────────────────────────────────────
       OUTCOME▴    WHAT                                             SIZE  WHY
    ▸  trashed     blob    sha256:072905c155a2bdef19047d6df8a…   2.5 KiB
       trashed     blob    sha256:16d0a8ad8789e99aee8970a282c…   2.8 KiB
       trashed     blob    sha256:245118f905da62d8fd52a4c37d4…  30.3 KiB
       trashed     blob    sha256:39c3d17cdc017cfba1e55b3e29e…  30.2 KiB
       trashed     blob    sha256:421d13bb42bc886edf474ca7d97…     145 B
       trashed     blob    sha256:79ffe2e44f7d1a62dbb59cf1b42…  30.2 KiB
       trashed     blob    sha256:9cda0bc2af0dbeda16d8712ee56…   2.5 KiB
       trashed     blob    sha256:b082ede498b0329524fc09640a3…   2.8 KiB
       trashed     blob    sha256:b7a6ad1fe92a187b24fe098af6a…  30.2 KiB





    ───────────────────────────────────────────────────────────────────────── 1/9 ──
     u puts back what is in the trash · q leaves
     u undo  Y copy command  / filter  s sort  space mark  i details  e export
    ");
}

#[test]
fn the_run_at_120() {
    insta::assert_snapshot!(screen(&Store::waste(), "p enter y", (120, 40)), @r"
     ./cache › prune                                                                             9 items · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     9 moved to the trash · 132 KiB kept until 22 Nov 13:00 UTC
     ✓ checked afterwards: every kept ref is whole
     journal  /state/…
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       OUTCOME▴      WHAT                                                                                  SIZE  WHY
    ▸  trashed       blob    sha256:072905c155a2bdef19047d6df8a61a1be8d11a94ee13f0aacdb25bbd84c81651    2.5 KiB
       trashed       blob    sha256:16d0a8ad8789e99aee8970a282c81a140561dc5697808256e99b1b71c6b85135    2.8 KiB
       trashed       blob    sha256:245118f905da62d8fd52a4c37d464929e78e2ff8971d1c997abf2775f6c716b1   30.3 KiB
       trashed       blob    sha256:39c3d17cdc017cfba1e55b3e29ea0867b878afe482b3f3afc4ddc9abad4ece24   30.2 KiB
       trashed       blob    sha256:421d13bb42bc886edf474ca7d97fd4f13e2e47441023da9cc1bbd4a59a16c4b0      145 B
       trashed       blob    sha256:79ffe2e44f7d1a62dbb59cf1b42b51f56a00cc173a2b3455e5c1c29fc9f677e9   30.2 KiB
       trashed       blob    sha256:9cda0bc2af0dbeda16d8712ee56709a2b8689f29cc3f563c019d9e78f29ca8e1    2.5 KiB
       trashed       blob    sha256:b082ede498b0329524fc09640a3c33dfaeadf3b76c2f8bb6cb08b64688acd4d5    2.8 KiB
       trashed       blob    sha256:b7a6ad1fe92a187b24fe098af6a6c461ef836ca98490c3b86c0319ec91731b01   30.2 KiB









    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       sha256:072905c155a2bdef19047d6df8a61a1be8d11a94ee13f0aacdb25bbd84c81651
       outcome    trashed
       kind       blob
       size       2.5 KiB

       Why it was to go
       no ref reaches it; written 12h 8m ago




    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/9 ──
     u puts back what is in the trash · q leaves
     u undo  Y copy command  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}

#[test]
fn the_run_at_200() {
    insta::assert_snapshot!(screen(&Store::waste(), "p enter y", (200, 60)), @r"
     ./cache › prune                                                                                                                                                             9 items · ▐WRITE▌ · ? help
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     9 moved to the trash · 132 KiB kept until 22 Nov 13:00 UTC
     ✓ checked afterwards: every kept ref is whole
     journal  /state/…
    ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
       OUTCOME▴     WHAT                                                                                  SIZE  WHY         │ sha256:072905c155a2bdef19047d6df8a61a1be8d11a94ee13f0aacdb25bbd84c81651
    ▸  trashed      blob    sha256:072905c155a2bdef19047d6df8a61a1be8d11a94ee13f0aacdb25bbd84c81651    2.5 KiB              │ outcome    trashed
       trashed      blob    sha256:16d0a8ad8789e99aee8970a282c81a140561dc5697808256e99b1b71c6b85135    2.8 KiB              │ kind       blob
       trashed      blob    sha256:245118f905da62d8fd52a4c37d464929e78e2ff8971d1c997abf2775f6c716b1   30.3 KiB              │ size       2.5 KiB
       trashed      blob    sha256:39c3d17cdc017cfba1e55b3e29ea0867b878afe482b3f3afc4ddc9abad4ece24   30.2 KiB              │
       trashed      blob    sha256:421d13bb42bc886edf474ca7d97fd4f13e2e47441023da9cc1bbd4a59a16c4b0      145 B              │ Why it was to go
       trashed      blob    sha256:79ffe2e44f7d1a62dbb59cf1b42b51f56a00cc173a2b3455e5c1c29fc9f677e9   30.2 KiB              │ no ref reaches it; written 12h 8m ago
       trashed      blob    sha256:9cda0bc2af0dbeda16d8712ee56709a2b8689f29cc3f563c019d9e78f29ca8e1    2.5 KiB              │
       trashed      blob    sha256:b082ede498b0329524fc09640a3c33dfaeadf3b76c2f8bb6cb08b64688acd4d5    2.8 KiB              │
       trashed      blob    sha256:b7a6ad1fe92a187b24fe098af6a6c461ef836ca98490c3b86c0319ec91731b01   30.2 KiB              │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
                                                                                                                            │
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────── 1/9 ──
     u puts back what is in the trash · q leaves
     u undo  Y copy command  / filter  s sort  space mark  i details  e export  : command  q back
    ");
}
