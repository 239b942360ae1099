//! Typical paths of people through the UI.

use std::fs;
use std::path::Path;

use cachelens::source::{RefSelector, Source};
use cachelens::tui::OpenedSource;
use cachelens::tui::message::{Event, Wheel};
use cachelens::tui::recorder;
use tempfile::TempDir;

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, damage, local};

const SIZE: (u16, u16) = (100, 36);

/// A source over the set `shop`, in which every ref is complete.
fn shop() -> (TempDir, Journey) {
    let layout = Fixture::named("shop").layout("local.json");
    let journey = Journey::new(vec![local("./shop", layout.path())], SIZE);
    (layout, journey)
}

/// A source over the set `kitchen` as one ref left it: nearly all of it is orphaned.
fn kitchen() -> (TempDir, Journey) {
    let layout = Fixture::named("kitchen").layout("local-latest.json");
    let journey = Journey::new(vec![local("./kitchen", layout.path())], SIZE);
    (layout, journey)
}

#[test]
fn the_waste_of_a_store_is_found_and_filtered() {
    let (_layout, mut journey) = kitchen();
    journey.shows_in("./kitchen", "1.2 MiB");
    journey.shows("88 % orphaned");
    journey.press("b o");
    journey.shows("filter state:orphan");
    journey.hides("✓ live");
    journey.press("o");
    journey.shows("█ live");
}

#[test]
fn a_missing_blob_leads_to_its_ref() {
    let layout = Fixture::named("mini").layout("local.json");
    damage(layout.path());
    let mut journey = Journey::new(vec![local("./mini", layout.path())], SIZE);
    journey.shows_in("./mini", "! 1 ref ");
    journey.press("enter");
    journey.shows("! 1 blob missing: a b");
    journey.press("b m");
    journey.shows_in("▸", "! missing");
    journey.shows("1 ref references it");
}

#[test]
fn a_filter_applies_on_every_key_and_shows_its_errors() {
    let (_layout, mut journey) = shop();
    journey.press("enter / 'c0");
    journey.shows("9 of 15 match");
    journey.press("'5");
    journey.shows("1 of 15 match");
    journey.press("ctrl-u 'sise>1G enter");
    journey.shows("did you mean `size`?");
    journey.shows("size exclusive age ref");
    journey.press("ctrl-u 'state:lost");
    journey.shows("live orphan missing");
    // The terms before an unfinished one still apply.
    journey.press("ctrl-u 'c1 space 'ref~");
    journey.shows("a value follows the operator");
    journey.shows("c12");
    journey.hides("c05");
    journey.press("ctrl-u 'ref~");
    journey.shows("c12");
    journey.shows("c05");
    journey.press("ctrl-u 'results~ esc");
    journey.shows("c15");
    journey.press("/ 'c1 enter");
    journey.shows("6 of 15 refs · filter c1");
    journey.press("esc");
    journey.shows("1.9 MiB reached by 15 refs");
}

#[test]
fn arrows_move_the_list_while_a_filter_is_typed() {
    let (_layout, mut journey) = shop();
    journey.press("enter / down down");
    journey.shows_in("▸", "c13");
}

#[test]
fn marks_belong_to_refs_and_not_to_rows() {
    let (_layout, mut journey) = shop();
    journey.press("enter space space S");
    // c15 and c14 take 95.9 and 237 KiB, and share nearly all of the first.
    journey.shows("✱ 2 marked, 243 KiB in all, ");
    for name in ["c14", "c15"] {
        assert!(journey.line(name).starts_with(" ✱"), "{}", journey.screen());
    }
    journey.press("/ 'c14 enter");
    journey.shows("(1 hidden)");
    journey.press("esc r");
    journey.shows_in("c15", "✱");
    journey.press("* *");
    journey.hides("marked");
}

#[test]
fn the_cursor_follows_its_ref_when_the_order_changes() {
    let (_layout, mut journey) = shop();
    journey.press("enter j j s");
    journey.shows("Sort by");
    journey.press("j enter");
    journey.shows_in("▸", "c13");
    journey.shows("SIZE▾");
    journey.press("S");
    journey.shows_in("▸", "c13");
    journey.shows("SIZE▴");
}

#[test]
fn marked_rows_alone_are_written_to_a_file() {
    let (_layout, mut journey) = shop();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("marked.json");
    // Rows that a filter hides keep their mark.
    journey.press("enter space space / 'c14 enter e ctrl-u");
    journey.shows("2 marked rows as JSON");
    journey.press(&format!("'{} enter", path.display()));
    journey.shows("2 rows written to");
    let written: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let rows = written["rows"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| &row["name"]).collect();
    assert_eq!(names, ["c14", "c15"]);
}

#[test]
fn rows_are_written_to_a_file_and_never_over_another() {
    let (_layout, mut journey) = shop();
    let folder = TempDir::new().unwrap();
    let json = folder.path().join("refs.json");
    journey
        .press("enter / 'c1 enter e ctrl-u")
        .press(&format!("'{} enter", json.display()));
    journey.shows("6 rows written to");
    let written: serde_json::Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    let names: Vec<_> = written["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["c15", "c14", "c13", "c12", "c11", "c10"]);

    journey
        .press("esc e ctrl-u")
        .press(&format!("'{} enter", json.display()));
    journey.shows("Replace it?");
    journey.press("n");
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&fs::read(&json).unwrap()).unwrap(),
        written
    );
    journey
        .press("e ctrl-u")
        .press(&format!("'{} enter y", json.display()));
    journey.shows("15 rows written to");

    let csv = folder.path().join("refs.csv");
    journey
        .press("e ctrl-u")
        .press(&format!("'{} enter", csv.display()));
    let written = fs::read_to_string(&csv).unwrap();
    assert_eq!(written.lines().count(), 16);
    assert!(
        written.starts_with("name,aliases,tagged,generation,previous_of,digest,kind,bytes,"),
        "{written}"
    );

    journey.press("e ctrl-u").press(&format!(
        "'{}/nowhere/x.json enter",
        folder.path().display()
    ));
    journey.shows("was not written");
}

#[test]
fn the_name_of_a_row_is_copied() {
    let (_layout, mut journey) = shop();
    journey.press("enter j y");
    assert_eq!(journey.copied(), Some("c14"));
    journey.shows("copied c14");
}

#[test]
fn a_changed_store_is_scanned_again() {
    let (layout, mut journey) = shop();
    journey.press("enter j j");
    let index = layout.path().join("index.json");
    let mut refs: serde_json::Value = serde_json::from_slice(&fs::read(&index).unwrap()).unwrap();
    refs["manifests"].as_array_mut().unwrap().remove(0);
    fs::write(&index, refs.to_string()).unwrap();
    journey.press("r");
    journey.shows("14 refs");
    journey.shows_in("▸", "c13");
}

#[test]
fn an_unreadable_source_shows_a_reason_and_a_hint() {
    let folder = TempDir::new().unwrap();
    let mut journey = Journey::new(vec![local("./empty", folder.path())], SIZE);
    journey.shows_in("./empty", "!");
    // What is unknown is not 0 B.
    journey.shows("no source could be read");
    journey.hides("0 B");
    journey.press("enter");
    journey.shows("cannot be read; i shows why");
    journey.press("i");
    journey.shows("hint: ");
    journey.press("esc b");
    journey.shows("cannot be read; i shows why");
    journey.press("c");
    journey.shows_in("› check", "check");
    journey.hides("0 refs");
    assert!(
        !journey.line("› check").contains("  ·"),
        "{}",
        journey.screen()
    );
}

#[test]
fn the_sums_show_how_many_sources_are_not_included() {
    let folder = TempDir::new().unwrap();
    let layout = Fixture::named("shop").layout("local.json");
    let label = folder.path().to_str().unwrap();
    let sources = vec![local("./shop", layout.path()), local(label, folder.path())];
    let journey = Journey::new(sources, (80, 24));
    journey.shows("! 1 of 2 failed · 1.9 MiB stored");
    // The name is not repeated in front of the cause.
    journey.shows("\n   is not an OCI image layout: it has no index.json\n");
}

#[test]
fn a_source_given_twice_is_listed_once() {
    let (layout, _) = shop();
    let named = |name: &str, path: &Path| {
        let parsed = Source::parse(&format!("type=local,src={}", path.display()), &|_| true)
            .unwrap()
            .source;
        OpenedSource {
            source: Some(parsed),
            ..local(name, layout.path())
        }
    };
    let dotted = layout.path().join(".").join("blobs").join("..");
    let mut of_ref = named("shop#c07", &dotted);
    of_ref.select = Some(RefSelector::new("c07"));
    let sources = vec![
        named("./shop", layout.path()),
        named("shop", &dotted),
        of_ref,
    ];
    let mut journey = Journey::new(sources, SIZE);
    journey.shows_in("▸", "c07");
    journey.press("q");
    journey.shows("1 source ");
    journey.shows("1.9 MiB stored");
}

#[test]
fn messages_disappear_with_the_next_key() {
    let (_layout, mut journey) = shop();
    journey.press("esc");
    journey.shows("q quits");
    journey.press("enter");
    journey.hides("q quits");
    journey.shows("1.9 MiB reached by 15 refs");
    journey.press("y");
    journey.shows("copied c15");
    journey
        .event(Event::Tick)
        .event(Event::Scroll(5, 10, Wheel::Down));
    journey.shows("copied c15");
    journey.press("j y");
    journey.shows("copied c14");
    journey.press("j");
    journey.hides("copied");
}

#[test]
fn the_start_leads_to_the_demo_or_to_a_source() {
    let (layout, _) = shop();
    let mut journey = Journey::new(Vec::new(), SIZE);
    journey.press("a 'nowhere enter");
    journey.shows("nowhere does not exist");
    journey
        .press("ctrl-u")
        .press(&format!("'{} enter", layout.path().display()));
    journey.shows("1 source ");
    journey.shows("1.9 MiB");
    let mut journey = Journey::new(Vec::new(), SIZE);
    journey.press("d");
    journey.shows_in("▸", "demo");
    journey.shows("1 source ");
}

#[test]
fn the_cursor_starts_on_the_ref_named_in_the_source() {
    let layout = Fixture::named("shop").layout("local.json");
    let mut source = local("./shop", layout.path());
    source.select = Some(RefSelector::new("c07"));
    let mut journey = Journey::new(vec![source.clone()], SIZE);
    journey.shows_in("▸", "c07");
    journey.press("q");
    journey.shows("1 source ");
    source.select = Some(RefSelector::new("c99"));
    let journey = Journey::new(vec![source], SIZE);
    journey.shows("! the ref that was asked for is not there");
}

#[test]
fn the_palette_runs_the_same_actions_as_keys() {
    let (_layout, mut journey) = shop();
    journey.press(": 'blobs enter");
    journey.shows("./shop › blobs");
    for (name, shown) in [
        ("sort", "Sort by"),
        ("export", "Write to a file"),
        ("filter", "any part of a name"),
    ] {
        journey.press(&format!(": '{name} enter"));
        journey.shows(shown);
        journey.press("esc");
    }
}

#[test]
fn texts_above_the_screen_are_read_to_their_end() {
    let layout = Fixture::named("shop").layout("local.json");
    let mut journey = Journey::new(vec![local("./shop", layout.path())], (80, 24));
    let keys = |journey: &Journey| {
        journey
            .screen()
            .lines()
            .last()
            .unwrap_or_default()
            .to_owned()
    };
    journey.press("c ?");
    assert!(
        keys(&journey).contains("close") && !keys(&journey).contains("choose"),
        "{}",
        journey.screen()
    );
    journey.shows_in("Keys", "· more below");
    journey.shows("with its digest");
    journey.press("pagedown");
    journey.shows_in("Keys", "· more above and below");
    journey.press("pagedown pagedown pagedown pagedown pagedown");
    journey.shows_in("Keys", "· more above ─");
    journey.press("esc q enter i");
    assert!(!keys(&journey).contains("choose"), "{}", journey.screen());
    journey.press("esc s");
    assert!(keys(&journey).contains("choose"), "{}", journey.screen());
}

#[test]
fn a_filter_of_steps_counts_steps() {
    let (_layout, mut journey) = shop();
    journey.press("enter enter");
    let steps = journey
        .line(" steps · ")
        .split_whitespace()
        .rev()
        .skip_while(|word| *word != "steps")
        .nth(1)
        .unwrap()
        .to_owned();
    journey.press("/ 'zzz");
    journey.shows(&format!("0 of {steps} match"));
    journey.press("enter");
    journey.shows(&format!("0 of {steps} steps · filter zzz"));
}

#[test]
fn the_help_can_be_searched() {
    let (_layout, mut journey) = shop();
    journey.press("enter ? 'blobs");
    journey.shows_in("Show all blobs of the source", "b");
    journey.hides("Scan again");
    journey.press("esc");
    journey.shows_in("▸", "c15");
}

#[test]
fn leaving_closes_one_screen_at_a_time() {
    let (_layout, mut journey) = shop();
    journey.press("enter b q esc");
    journey.shows("1 source ");
    journey.press("esc");
    journey.shows("q quits");
    assert!(!journey.is_over());
    journey.press("q");
    assert!(journey.is_over());
    let (_layout, mut journey) = shop();
    journey.press("enter / ctrl-c");
    assert!(journey.is_over());
}

#[test]
fn the_mouse_selects_opens_and_scrolls() {
    let (_layout, mut journey) = shop();
    journey.event(Event::Click(10, 3));
    journey.shows("./shop › refs");
    let row = journey
        .screen()
        .lines()
        .position(|line| line.contains("c12"))
        .unwrap();
    journey.event(Event::Click(10, u16::try_from(row).unwrap()));
    journey.shows_in("▸", "c12");
    journey
        .resize(60, 16)
        .press("g")
        .event(Event::Scroll(10, 8, Wheel::Down));
    journey.hides("c15");
    journey
        .event(Event::Click(0, 0))
        .event(Event::Click(500, 500));
}

#[test]
fn the_terminal_can_be_resized_at_any_time() {
    let (_layout, mut journey) = shop();
    journey.press("enter G").resize(60, 16);
    journey.shows_in("▸", "c01");
    journey.resize(20, 5);
    journey.shows("cachelens needs");
    journey.resize(200, 60);
    journey.shows_in("▸", "c01");
}

#[test]
fn a_record_can_be_played_again() {
    let (layout, mut journey) = shop();
    journey
        .press("enter j j space / 'c0 enter s j enter")
        .resize(80, 24);
    let folder = TempDir::new().unwrap();
    let record = journey.record(folder.path());
    let mut again = Journey::new(vec![local("./shop", layout.path())], SIZE);
    for event in recorder::events(&record).unwrap() {
        match event {
            Event::Resize(width, height) => again.resize(width, height),
            event => again.event(event),
        };
    }
    assert_eq!(again.screen(), journey.screen());
}
