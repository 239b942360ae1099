//! The same key and the same sign mean the same thing on every screen, and names are not cut first.

use std::fs;

use cachelens::backend::memory as stored;

use super::prune::{LABEL, Store, keep_last};
use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, damage, local, memory, now};

fn shop(size: (u16, u16)) -> (tempfile::TempDir, Journey) {
    let layout = Fixture::named("shop").layout("local.json");
    let journey = Journey::new(vec![local("./shop", layout.path())], size);
    (layout, journey)
}

fn demo(size: (u16, u16)) -> Journey {
    Journey::new(vec![memory("demo", stored::demo(now()).unwrap())], size)
}

#[test]
fn blobs_have_the_signs_of_the_bars_and_steps_have_their_own() {
    let kitchen = Fixture::named("kitchen").layout("local-latest.json");
    let mut journey = Journey::new(vec![local("./kitchen", kitchen.path())], (100, 30));
    // A bar of live and orphaned bytes, and the states of blobs with the same signs.
    journey.shows("█▒");
    journey.press("b");
    journey.shows("█ live");
    journey.shows("▒ orphan");
    for of_steps in ["○", "✓"] {
        journey.hides(of_steps);
    }
    // A circle is a step of which the cache has the key only.
    let (_layout, mut journey) = shop((100, 30));
    journey.press("enter enter");
    let rows = journey.screen();
    let keys = rows.lines().filter(|line| line.contains("○ ")).count();
    assert!(keys > 5, "{rows}");
    journey.press("G");
    for _ in 0..30 {
        if journey.line("▸").contains('○') {
            break;
        }
        journey.press("k");
    }
    journey.press("i");
    journey.shows("only its key is left");
}

#[test]
fn a_letter_that_saves_checks_or_frees_does_nothing_else_elsewhere() {
    let store = Store::shop();
    let mut journey = store.open(vec![keep_last(2)], (120, 30));
    // The small letters ask: why, and check. The capital ones change the plan, or write.
    journey.press("p w");
    journey.shows("w does nothing here");
    journey.press("n");
    journey.shows("nothing was searched for yet");
    journey.hides("deleted together with their refs");
    journey.press("D");
    journey.shows("deleted together with their refs");
    journey.press("W");
    journey.shows("Save the plan");
    journey.press("esc q enter w");
    journey.shows("./cache › c15 › why");
    assert_eq!(store.refs().len(), 15);
}

#[test]
fn names_are_whole_where_other_columns_can_give_way() {
    for size in [(60, 16), (80, 24), (120, 40), (200, 60)] {
        let mut journey = demo(size);
        journey.press("enter");
        let screen = journey.screen();
        let rows = || screen.lines().map(|line| line.split('│').next().unwrap());
        let is_whole = rows().any(|row| row.contains(" web-amd64-386 "));
        assert!(is_whole, "{size:?}\n{screen}");
    }
}

#[test]
fn a_name_without_room_is_cut_in_front() {
    let layout = Fixture::named("shop").layout("local.json");
    let index = layout.path().join("index.json");
    let text = fs::read_to_string(&index).unwrap();
    let long = "payments/feature/a-branch-with-a-name-that-nobody-can-read-in-one-go/drop-11148";
    fs::write(&index, text.replace("\"c15\"", &format!("\"{long}\""))).unwrap();
    let mut journey = Journey::new(vec![local("./shop", layout.path())], (80, 24));
    journey.press("enter");
    let row = journey.line("▸");
    assert!(row.contains('…') && row.contains("/drop-11148 "), "{row}");
}

#[test]
fn the_state_of_a_source_is_whole_at_every_width() {
    let mini = Fixture::named("mini").layout("local.json");
    damage(mini.path());
    for width in [60, 80, 100, 120] {
        let journey = Journey::new(vec![local("./mini", mini.path())], (width, 24));
        let row = journey.line("▸");
        assert!(row.contains("! 1 ref broken"), "{width}: {row}");
    }
}

#[test]
fn the_details_of_a_ref_begin_with_its_age_and_its_size() {
    let journey = &mut demo((80, 24));
    journey.press("enter");
    journey.shows("policy     keep");
    journey.hides("digest     sha256:");
    journey.press("i");
    journey.shows("digest     sha256:");
}

#[test]
fn a_plan_shows_the_kept_refs_at_every_width() {
    let store = Store::shop();
    for width in [60, 80, 104, 160] {
        let mut journey = store.open(vec![keep_last(2)], (width, 24));
        journey.press("p");
        journey.shows("in two steps");
        let line = journey.line("keeps ");
        let is_said = line.contains("keeps 2 refs · ") || line.contains("keep 2 ");
        assert!(is_said && line.contains(" KiB"), "{width}: {line}");
    }
    assert_eq!(store.refs().len(), 15);
}

#[test]
fn orders_are_named_by_the_values_that_come_first() {
    let shop = Fixture::named("shop").layout("local.json");
    let kitchen = Fixture::named("kitchen").layout("local-latest.json");
    let sources = vec![
        local("./shop", shop.path()),
        local("./kitchen", kitchen.path()),
    ];
    let mut journey = Journey::new(sources, (100, 30));
    journey.press("s");
    journey.shows("LIVE        ▾ largest first");
    journey.shows("NEWEST      ▴ newest first");
    journey.press("G enter");
    let screen = journey.screen();
    assert!(screen.contains("NEWEST▴"), "{screen}");
    // The store of kitchen was written last.
    let at = |name| screen.find(name).unwrap();
    assert!(at("./kitchen") < at("./shop"), "{screen}");
    journey.press("enter enter s");
    journey.shows("STEP        ▴ as in the file");
}

#[test]
fn n_moves_along_the_matches_of_the_last_filter() {
    let (_layout, mut journey) = shop((100, 30));
    journey.press("enter n");
    journey.shows("! nothing was searched for yet: / filters");
    journey.press("/ 'c0 enter esc g n");
    journey.shows_in("▸", "c09");
    journey.shows_in("c15", " c15");
    journey.press("n");
    journey.shows_in("▸", "c08");
    journey.press("N N");
    // From the first match to the last one.
    journey.shows_in("▸", "c01");
    journey.press("n");
    journey.shows_in("▸", "c09");
}

#[test]
fn columns_are_hidden_by_enter_and_the_menu_shows_it() {
    let (_layout, mut journey) = shop((120, 30));
    journey.press("enter L");
    journey.shows("Columns · enter: show, hide");
    journey.press("j j enter");
    journey.shows("[ ] SIZE");
    journey.press("esc");
    assert!(!journey.line("REF ").contains("SIZE"));
}

#[test]
fn a_run_is_stopped_only_when_leaving_was_confirmed() {
    let store = Store::waste();
    let mut journey = store.open(Vec::new(), (100, 30));
    journey.press("p enter").press_at_once("y q q");
    journey.shows(&format!("The run in {LABEL} is at work. Stop it and quit?"));
    journey.press("n");
    assert!(!journey.is_over());
    assert!(!store.trash().is_empty());
    journey.press("q");
    assert!(journey.is_over());
}

#[test]
fn a_scroll_bar_shows_the_place_in_a_long_list() {
    let kitchen = Fixture::named("kitchen").layout("local-latest.json");
    let mut journey = Journey::new(vec![local("./kitchen", kitchen.path())], (80, 24));
    let thumb = |journey: &Journey| -> Vec<usize> {
        let screen = journey.screen();
        let lines = screen.lines().enumerate();
        let has_thumb = lines.filter(|(_, line)| line.ends_with('▐'));
        has_thumb.map(|(y, _)| y).collect()
    };
    // All sources are visible.
    assert!(thumb(&journey).is_empty(), "{}", journey.screen());
    journey.press("b");
    let top = thumb(&journey);
    assert!(!top.is_empty(), "{}", journey.screen());
    journey.press("G");
    let bottom = thumb(&journey);
    assert_eq!(bottom.len(), top.len());
    assert!(bottom.first() > top.last(), "{top:?} {bottom:?}");
    journey.press("ctrl-u ctrl-u ctrl-u ctrl-u");
    let middle = thumb(&journey);
    assert!(top < middle && middle < bottom, "{middle:?}");
}

#[test]
fn backspace_returns_and_brackets_turn_the_parts_of_a_plan() {
    let store = Store::shop();
    let mut journey = store.open(vec![keep_last(2)], (100, 30));
    journey.press("p");
    journey.shows("[ delete 13 ]");
    journey.press("] ]");
    journey.shows("[ keep 2 ]");
    journey.press("[ [");
    journey.shows("[ delete 13 ]");
    journey.press("backspace");
    journey.shows("1 source");
    assert_eq!(store.refs().len(), 15);
}
