//! Jobs continue while another screen is shown.

use cachelens::tui::message::Event;

use super::prune::{LABEL, Store};
use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, local};

#[test]
fn a_run_continues_after_its_screen_is_left() {
    let store = Store::waste();
    let before = store.blobs();
    let mut journey = store.open(Vec::new(), (100, 30));
    journey.press("p enter").press_at_once("y q");
    assert!(!store.trash().is_empty(), "{}", journey.screen());
    assert_eq!(store.trash().len() + store.blobs().len(), before.len());
    journey.shows(&format!("the run in {LABEL} has ended"));
    journey.press("H");
    journey.line("✓ done");
}

#[test]
fn a_run_that_was_left_is_stopped_before_the_program_ends() {
    let store = Store::waste();
    let before = store.blobs();
    let mut journey = store.open(Vec::new(), (100, 30));
    journey.press("p enter").press_at_once("y q ctrl-c");
    assert!(!journey.is_over(), "{}", journey.screen());
    assert_eq!(store.blobs(), before);
    journey.press("ctrl-c");
    assert!(journey.is_over());
}

#[test]
fn findings_are_kept_until_the_source_is_scanned_again() {
    let layout = Fixture::named("shop").layout("local.json");
    let mut journey = Journey::new(vec![local(LABEL, layout.path())], (100, 30));
    journey.press("c V");
    journey.line("layers verified");
    journey.press("q enter c");
    journey.line("layers verified");
    journey.press("q q J");
    assert!(
        journey.line(&format!("check of {LABEL}")).contains("ended"),
        "{}",
        journey.screen()
    );
    journey.press("enter");
    journey.line("layers verified");
    journey.press("q r c");
    journey.line("contents not verified");
}

#[test]
fn a_listing_of_files_continues_after_its_screen_is_left() {
    let layout = Fixture::named("shop").layout("local.json");
    let mut journey = Journey::new(vec![local(LABEL, layout.path())], (100, 30));
    journey.press("b").press_at_once("enter q");
    journey.shows("has ended; J shows it");
    journey.press("J enter");
    journey.shows("files");
    journey.shows("unpacked");
    // A result that was shown is not kept.
    journey.press("q J");
    journey.shows("Nothing is at work.");
}

#[test]
fn a_comparison_continues_after_its_screen_is_left() {
    let layout = Fixture::named("shop").layout("local.json");
    let mut journey = Journey::new(vec![local(LABEL, layout.path())], (100, 30));
    journey.press("enter space j").press_at_once("d q q");
    journey.shows_in("the comparison of", "has ended; J shows it");
    journey.press("J enter");
    journey.shows("keys are the same");
}

#[test]
fn an_undo_shows_its_progress() {
    let store = Store::waste();
    let before = store.blobs();
    let mut journey = store.open(Vec::new(), (100, 30));
    journey.press("p enter y u");
    let all = store.trash().len();
    journey.glimpse("y");
    journey.shows("Restoring what the run deleted…");
    journey.shows_in("░", &format!("0 of {all} · 0 B restored"));
    journey.press("J");
    journey.event(Event::Tick);
    journey.press("esc").shows("items are restored");
    assert_eq!(store.blobs(), before);
}
