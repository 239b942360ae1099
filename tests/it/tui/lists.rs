//! What lists say of themselves: marks, orders, states, counts and ages.

use std::fs;

use cachelens::backend::memory::demo;
use cachelens::tui::evidence::NamedEvidence;
use tempfile::TempDir;

use super::prune::{LABEL, Store};
use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, damage, local, memory, now, prunable};

fn shop_and_kitchen(size: (u16, u16)) -> ([TempDir; 2], Journey) {
    let shop = Fixture::named("shop").layout("local.json");
    let kitchen = Fixture::named("kitchen").layout("local-latest.json");
    let sources = vec![
        local("./shop", shop.path()),
        local("./kitchen", kitchen.path()),
    ];
    let journey = Journey::new(sources, size);
    ([shop, kitchen], journey)
}

/// The first line, up to the facts.
fn path(journey: &Journey) -> String {
    let screen = journey.screen();
    let line = screen.lines().next().unwrap().trim();
    line.split("   ").next().unwrap().to_owned()
}

#[test]
fn marked_sources_are_all_planned_and_all_checked() {
    let (_layouts, mut journey) = shop_and_kitchen((100, 30));
    journey.press("* p");
    assert_eq!(path(&journey), "./shop › plan");
    journey.shows("2 plans: q leads to the next one");
    journey.press("q");
    assert_eq!(path(&journey), "./kitchen › plan");
    journey.press("q c");
    assert_eq!(path(&journey), "./shop › check");
    journey.press("q");
    assert_eq!(path(&journey), "./kitchen › check");
    // Without marks, the row counts.
    journey.press("q * j p");
    assert_eq!(path(&journey), "./kitchen › plan");
    journey.hides("leads to the next one");
}

#[test]
fn a_plan_from_the_blobs_warns_that_marks_are_ignored() {
    let store = Store::waste();
    let before = store.blobs();
    let mut journey = store.open(Vec::new(), (100, 30));
    journey.press("b o *");
    journey.shows("marked");
    journey.press("p");
    assert_eq!(path(&journey), format!("{LABEL} › plan"));
    journey.shows("the plan is by the policy, not by marks");
    assert_eq!(store.blobs(), before);
    journey.press("enter y");
    journey.shows("the run broke no kept ref");
    assert_eq!(store.trash().len() + store.blobs().len(), before.len());
    assert!(!store.trash().is_empty());
}

/// Returns the sizes of the rows that contain `word`, in tenths of a byte, from the top.
fn sizes(journey: &Journey, word: &str) -> Vec<u64> {
    let screen = journey.screen();
    let size = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let unit = words
            .iter()
            .position(|word| ["B", "KiB", "MiB"].contains(word))?;
        let number = words[unit - 1];
        let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
        let tenths = whole.parse::<u64>().ok()? * 10 + tenth.parse::<u64>().ok()?;
        let factor = match words[unit] {
            "MiB" => 1 << 20,
            "KiB" => 1 << 10,
            _ => 1,
        };
        Some(tenths * factor)
    };
    let rows = screen.lines().skip(5).filter(|line| line.contains(word));
    rows.filter_map(size).collect()
}

#[test]
fn a_plan_and_its_run_begin_with_the_largest_item() {
    let store = Store::waste();
    let mut journey = store.open(Vec::new(), (100, 40));
    journey.press("p");
    let planned = sizes(&journey, "blob    ");
    assert!(planned.len() > 4, "{}", journey.screen());
    assert!(
        planned.is_sorted_by(|one, other| one >= other),
        "{planned:?}"
    );
    journey.press("enter y");
    let run = sizes(&journey, "trashed");
    assert_eq!(run, planned, "{}", journey.screen());
    assert_eq!(store.trash().len(), run.len());
}

#[test]
fn files_of_a_planned_blob_are_shown_before_the_run() {
    let store = Store::waste();
    let before = store.blobs();
    let mut journey = store.open(Vec::new(), (200, 60));
    journey.press("p");
    journey.shows("inside sha256:");
    assert_eq!(store.blobs(), before);
}

#[test]
fn the_original_order_of_sources_has_no_arrow() {
    let (_layouts, mut journey) = shop_and_kitchen((100, 30));
    let names = |journey: &Journey| {
        let screen = journey.screen();
        let at = |name| screen.find(name).unwrap();
        at("./shop") < at("./kitchen")
    };
    assert!(names(&journey));
    for arrow in ["▴", "▾"] {
        journey.hides(arrow);
    }
    journey.press("s enter");
    journey.shows("SOURCE▴");
    assert!(!names(&journey), "{}", journey.screen());
    journey.press("S");
    journey.shows("SOURCE▾");
    assert!(names(&journey), "{}", journey.screen());
}

#[test]
fn the_sort_menu_shows_which_values_are_first() {
    let (_layouts, mut journey) = shop_and_kitchen((100, 30));
    journey.press("enter s");
    for words in [
        "✓ AGE         ▴ newest first",
        "  SIZE        ▾ largest first",
        "  ONLY HERE   ▾ largest first",
        "  STEPS       ▾ most first",
    ] {
        journey.shows(words);
    }
}

#[test]
fn a_source_with_a_broken_ref_is_not_called_ready() {
    let mini = Fixture::named("mini").layout("local.json");
    damage(mini.path());
    let journey = Journey::new(vec![local("./mini", mini.path())], (100, 30));
    let row = journey.line("./mini");
    assert!(row.contains("! 1 ref broken"), "{row}");
    assert!(!row.contains("ready"), "{row}");
}

#[test]
fn a_vanished_source_is_marked_as_outdated() {
    let shop = Fixture::named("shop").layout("local.json");
    let mut journey = Journey::new(vec![local("./shop", shop.path())], (100, 30));
    journey.press("enter");
    fs::remove_dir_all(shop.path()).unwrap();
    journey.press("r");
    journey.shows("c15");
    journey.shows("! the last scan failed: ");
    journey.shows("this is older");
    journey.press("enter");
    journey.shows("! The source cannot be read now.");
    journey.hides("a build cannot import this ref");
    journey.press("q q");
    journey.shows_in("./shop", "! failed");
    journey.press("enter b");
    journey.shows("! the last scan failed: ");
    journey.press("enter");
    journey.shows("! The source cannot be read now.");
    journey.hides("not stored");
}

#[test]
fn a_layer_that_vanished_since_the_scan_is_not_called_missing_before() {
    let shop = Fixture::named("shop").layout("local.json");
    let mut journey = Journey::new(vec![local("./shop", shop.path())], (100, 30));
    journey.press("b");
    fs::remove_dir_all(shop.path().join("blobs")).unwrap();
    journey.press("enter");
    journey.shows("! the layer is not stored any more");
    journey.shows("It was there when the source was read; r reads it again.");
    journey.press("r");
    journey.shows("A build that needs this layer fails, or runs the step again.");
}

#[test]
fn esc_on_the_first_prompt_of_why_returns() {
    let (_layouts, mut journey) = shop_and_kitchen((100, 30));
    journey.press("enter w");
    journey.shows("› why");
    journey.press("esc");
    assert_eq!(path(&journey), "./shop › refs");
    journey.press("q w esc");
    journey.shows("2 sources");
}

#[test]
fn line_breaks_of_a_message_are_kept() {
    let record = "tests/fixtures/mini/dockerbuild/c02.dockerbuild".to_owned();
    let evidence = NamedEvidence::new(vec![record], Vec::new(), Vec::new());
    let journey = Journey::explaining(evidence, Vec::new(), (100, 30));
    journey.shows("hint: try `demo`");
    journey.hides("␊");
}

#[test]
fn counts_above_and_below_the_blobs_agree() {
    let mini = Fixture::named("mini").layout("local.json");
    damage(mini.path());
    let mut journey = Journey::new(vec![local("./mini", mini.path())], (100, 30));
    journey.press("b");
    let header = journey.line("objects");
    let words: Vec<&str> = header.split_whitespace().collect();
    let before = |word: &str| -> usize {
        let at = words.iter().position(|other| *other == word).unwrap();
        words[at - 1].parse().unwrap()
    };
    let rows = before("objects") + before("missing");
    journey.shows(&format!(" 1/{rows} "));
    journey.press("/ 'state:missing enter");
    journey.shows(&format!("1 of {rows} objects"));
}

#[test]
fn numbers_have_correct_plurals() {
    let mini = Fixture::named("mini").layout("local.json");
    damage(mini.path());
    let mut journey = Journey::new(vec![local("./mini", mini.path())], (100, 30));
    journey.press("c");
    journey.hides("infos");
    journey.shows("1 info");
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("one.json");
    journey.press("/ 'kind:error enter e ctrl-u");
    journey.press(&format!("'{} enter", file.display()));
    journey.shows("1 row written to");
}

#[test]
fn the_selection_moves_through_the_whole_list() {
    let (_layouts, mut journey) = shop_and_kitchen((120, 30));
    for keys in ["", "enter", "b"] {
        journey.press(keys);
        let screen = journey.screen();
        let y = screen
            .lines()
            .position(|line| line.starts_with('▸'))
            .unwrap();
        let y = u16::try_from(y).unwrap();
        let buffer = journey.buffer();
        let background = buffer[(0, y)].bg;
        let width = (0..buffer.area.width).find(|x| buffer[(*x, y)].symbol() == "│");
        let width = width.unwrap_or(buffer.area.width);
        // A blank column is in front of the details.
        for x in 0..width - 1 {
            assert_eq!(buffer[(x, y)].bg, background, "{keys:?} {x}\n{screen}");
        }
    }
}

#[test]
fn the_sizes_of_journals_are_shown() {
    let store = Store::waste();
    let source = prunable(LABEL, store.layout.path());
    let pruning = store.pruning(cachelens::tui::pruning::DeletionAccess::Write, Vec::new());
    let mut journey = Journey::with(pruning, vec![source], (140, 40));
    journey.press("p enter y q H");
    let journal = store.journals().into_iter().next().unwrap();
    let bytes = fs::metadata(store.journals.path().join(journal))
        .unwrap()
        .len();
    let size = cachelens::text::units::Size(bytes).to_string();
    journey.shows(&format!("journals {size}"));
    journey.shows(&format!("({size})"));
}

/// Returns the bar of the row with `text`: its signs.
fn bar(journey: &Journey, text: &str) -> String {
    let row = journey.line(text);
    let row = row.split('│').next().unwrap();
    let is_bar = |word: &&str| word.chars().all(|sign| "█░▒·".contains(sign));
    let bar = row.split_whitespace().rfind(is_bar);
    bar.unwrap_or_default().to_owned()
}

#[test]
fn bars_show_each_size_as_a_share_of_the_largest() {
    let mut journey = Journey::new(vec![memory("demo", demo(now()).unwrap())], (100, 30));
    journey.press("enter");
    assert_eq!(bar(&journey, "  web-amd64-386 "), "██████");
    // The demo has a blob of one ref, one of two refs, and an orphan.
    journey.press("q b");
    assert_eq!(bar(&journey, "▸"), "██████", "{}", journey.screen());
    assert_eq!(bar(&journey, "sha256:31df03"), "░");
    assert_eq!(bar(&journey, "sha256:6f76a9"), "▒");
    let state = journey.line("sha256:6f76a9");
    assert!(state.contains("orphan"), "{state}");
    // The largest layer of a ref is shared.
    journey.press("q enter g enter");
    assert_eq!(bar(&journey, "RUN npm ci"), "░░░░░░");
    assert_eq!(bar(&journey, "RUN go build"), "███");

    let store = Store::waste();
    let mut journey = store.open(Vec::new(), (104, 40));
    journey.press("p");
    assert_eq!(bar(&journey, "▸"), "▒▒▒▒▒▒");
    journey.press("x");
    assert_eq!(bar(&journey, "▸"), "██████");
}

#[test]
fn findings_are_about_the_marked_refs() {
    let mut journey = Journey::new(vec![memory("demo", demo(now()).unwrap())], (100, 30));
    journey.press("enter c");
    journey
        .shows("blob-missing")
        .shows("orphans")
        .shows(" 1/3 ");
    journey.press("q / 'pr-5 enter space esc c");
    journey.shows("findings about 1 marked ref; esc shows all");
    journey
        .shows("blob-missing")
        .hides("orphans")
        .shows(" 1/1 ");
    journey.press("esc");
    journey.shows("orphans").shows(" 1/3 ");
    // Of two, one of which is whole.
    journey.press("q / 'main enter space esc c");
    journey.shows("findings about 2 marked refs; esc shows all");
    journey.shows("blob-missing").shows(" 1/1 ");
    // A ref without a finding hides nothing.
    journey.press("esc q / 'pr-5 enter space esc c");
    journey.shows("nothing was found about the 1 marked ref; these are others");
    journey.shows("blob-missing").shows(" 1/3 ");
}
