//! Earlier runs: listed, undone, resumed, and their trash emptied.

use std::fs;
use std::sync::Arc;

use cachelens::prune::journal::Journal;
use cachelens::prune::plan::file;
use cachelens::tui::pruning::{DeletionAccess, Pruning};
use tempfile::TempDir;

use super::prune::{LABEL, Store};
use crate::support::command::Sandbox;
use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, prunable};

/// Prunes the orphans of a store and goes back to the sources.
fn pruned(store: &Store, size: (u16, u16)) -> Journey {
    let mut journey = store.open(Vec::new(), size);
    journey.press("p enter y");
    assert!(!store.trash().is_empty(), "{}", journey.screen());
    journey.press("q");
    journey
}

#[test]
fn a_run_is_undone_after_its_screen_was_left() {
    let store = Store::waste();
    let before = store.blobs();
    let mut journey = pruned(&store, (170, 40));
    journey.press("enter H");
    let row = journey.line("✓ done");
    for words in [LABEL, "objects", "UTC"] {
        assert!(row.contains(words), "{words:?} is not in {row:?}");
    }
    journey.shows("in the trash");
    journey.press("u");
    journey.shows("Please confirm");
    assert_ne!(store.blobs(), before);
    journey.press("y");
    journey.shows("items are restored");
    assert_eq!(store.blobs(), before);
    journey.press("q");
    journey.line("↶ undone");
    journey.shows("nothing is in the trash");
    // The run shows the outcomes of the undo, and there is nothing left to restore.
    journey.press("enter");
    journey.shows("undone · ");
    journey.shows("items restored");
    journey.hides("trashed");
    journey.press("u");
    journey.shows("everything that this run deleted is restored");
}

#[test]
fn runs_are_listed_by_name_at_any_size() {
    let store = Store::waste();
    let mut journey = pruned(&store, (60, 16));
    journey.press(": 'runs enter");
    journey.line("✓ done");
    // Also from a deeper screen, and only once.
    journey.press("q enter enter H H");
    journey.line("✓ done");
    journey.press("q");
    journey.hides("✓ done");
}

#[test]
fn the_command_that_undoes_a_run_is_copied_and_works() {
    let store = Store::waste();
    let before = store.blobs();
    let mut journey = pruned(&store, (100, 30));
    journey.press("H y");
    let command = journey.copied().unwrap().to_owned();
    let words: Vec<&str> = command.split(' ').collect();
    assert_eq!(words[..3], ["cachelens", "prune", "--undo"]);
    journey.shows("copied");
    journey.press("enter Y");
    assert_eq!(journey.copied(), Some(&*command));
    let run = Sandbox::new().run(&words[1..]);
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(store.blobs(), before);
}

#[test]
fn a_run_that_was_killed_is_resumed() {
    let store = Store::waste();
    let before = store.blobs();
    let saved = store.layout.path().join("plan.json");
    let mut journey = store.open(Vec::new(), (100, 30));
    journey
        .press("p W ctrl-u")
        .press(&format!("'{} enter", saved.display()));
    let plan = file::load(&fs::read_to_string(&saved).unwrap()).unwrap();
    // A run that ended right after its journal was created.
    drop(Journal::create_in(store.journals.path(), &plan).unwrap());
    journey.press("H");
    let left = format!("! stopped, {} left", plan.delete().len());
    journey.line(&left);
    journey.press("y");
    assert!(journey.copied().unwrap().contains("prune --resume "));
    journey.press("enter");
    journey.shows("enter resumes it");
    journey.press("enter");
    journey.shows("Resume the run in");
    journey.press("n");
    assert_eq!(store.blobs(), before);
    journey.press("enter y");
    journey.shows("the run broke no kept ref");
    assert_eq!(store.trash().len() + store.blobs().len(), before.len());
    journey.press("q");
    journey.line("✓ done");
}

#[test]
fn the_trash_is_emptied_at_once_when_its_name_is_typed() {
    let store = Store::waste();
    let mut journey = pruned(&store, (100, 30));
    let (blobs, trash) = (store.blobs(), store.trash());
    journey.press("E");
    journey.shows_in("deletes", "from the trash");
    journey.shows("empties the trash, whatever its age");
    journey.press("enter");
    journey.shows("Empty the trash of");
    for answer in ["y", "enter", "esc", "enter 'wrong enter esc"] {
        journey.press(answer);
        assert_eq!(store.trash(), trash, "{answer}: {}", journey.screen());
    }
    journey.press("enter").press(&format!("'{LABEL} enter"));
    assert_eq!(store.trash().len(), 0, "{}", journey.screen());
    assert_eq!(store.blobs(), blobs);
    journey.shows("freed");
    // Permanently deleted items cannot be restored, and the screen does not offer it.
    journey.press("q H");
    journey.shows("nothing is in the trash");
    journey.press("G E");
    journey.shows("nothing of it is in the trash");
}

#[test]
fn trashed_objects_of_a_run_are_one_row_with_their_size() {
    let store = Store::waste();
    let mut journey = pruned(&store, (170, 30));
    journey.press("p right");
    let row = journey.line("trash   run of ");
    assert!(
        row.contains(&format!("{} objects", store.trash().len())),
        "{row}"
    );
    assert!(row.contains("KiB") || row.contains("MiB"), "{row}");
    assert!(
        row.contains("a prune after ") && row.contains("deletes it"),
        "{row}"
    );
}

#[test]
fn undoing_a_run_opens_its_source() {
    let store = Store::waste();
    drop(pruned(&store, (100, 30)));
    let other = Fixture::named("shop").layout("local.json");
    let pruning = store.pruning(DeletionAccess::Write, Vec::new());
    let mut journey = Journey::with(pruning, vec![prunable("other", other.path())], (120, 30));
    journey.press("H enter");
    journey.shows("items deleted");
    journey.press("q q");
    let place = fs::canonicalize(store.layout.path()).unwrap();
    journey.line(place.to_str().unwrap());
    journey.line("other");
}

#[test]
fn read_only_undoes_nothing() {
    let store = Store::waste();
    drop(pruned(&store, (100, 30)));
    let before = (store.blobs(), store.trash());
    let pruning = store.pruning(DeletionAccess::ReadOnly, Vec::new());
    let source = prunable(LABEL, store.layout.path());
    let mut journey = Journey::with(pruning, vec![source], (100, 30));
    journey.press("H u");
    journey.shows("read-only");
    journey.press("y q E enter y");
    assert_eq!((store.blobs(), store.trash()), before);
}

#[test]
fn empty_lists_of_runs_and_damaged_journals_are_shown() {
    let journals = TempDir::new().unwrap();
    let pruning = Pruning {
        journals: Some(journals.path().join("none")),
        ..Pruning::default()
    };
    let layout = Arc::new(Fixture::named("shop").layout("local.json"));
    let open = |pruning| {
        let source = prunable(LABEL, layout.path());
        Journey::with(pruning, vec![source], (100, 30))
    };
    let mut journey = open(pruning);
    journey.press("H");
    journey.shows("Nothing was pruned yet.");
    journey.shows("p on Sources or Refs plans a prune.");
    journey.shows("./cache: 0 B of 1.9 MiB in blobs that no ref reaches");
    for key in ["u", "enter", "E"] {
        journey.press(key);
        journey.shows("! there is no run to choose");
    }

    let broken = journals.path().join("20261122T005918Z-1f2e3d4c.jsonl");
    fs::write(&broken, "no journal\n").unwrap();
    let mut journey = open(Pruning {
        journals: Some(journals.path().to_owned()),
        ..Pruning::default()
    });
    journey.press("H");
    journey.line("? unreadable");
    journey.press("u");
    journey.shows("its journal cannot be read");
    assert_eq!(fs::read_to_string(&broken).unwrap(), "no journal\n");
}
