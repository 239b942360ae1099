//! The command line, range marks, the mouse on heads and words, zoom, and what a wide screen shows.

use std::collections::HashSet;

use ratatui::style::Color;
use tempfile::TempDir;

use cachelens::backend::memory;
use cachelens::source::RefSelector;
use cachelens::tui::OpenedSource;
use cachelens::tui::message::Event;

use super::prune::Store;
use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, damage, local, memory as in_memory, now};

fn two(size: (u16, u16)) -> ([TempDir; 2], Journey) {
    let (shop, kitchen) = (
        Fixture::named("shop").layout("local.json"),
        Fixture::named("kitchen").layout("local-latest.json"),
    );
    let sources = vec![
        local("./shop", shop.path()),
        local("./kitchen", kitchen.path()),
    ];
    let journey = Journey::new(sources, size);
    ([shop, kitchen], journey)
}

fn demo(size: (u16, u16)) -> Journey {
    Journey::new(vec![in_memory("demo", memory::demo(now()).unwrap())], size)
}

#[track_caller]
fn place(journey: &Journey, text: &str) -> (u16, u16) {
    let screen = journey.screen();
    // What can be clicked stands below what is said of it.
    let found = screen
        .lines()
        .enumerate()
        .filter(|(_, line)| line.contains(text))
        .last();
    let (y, line) = found.unwrap_or_else(|| panic!("{text:?} is not in\n{screen}"));
    let x = line[..line.find(text).unwrap()].chars().count();
    (u16::try_from(x).unwrap(), u16::try_from(y).unwrap())
}

#[track_caller]
fn click(journey: &mut Journey, text: &str) {
    let (x, y) = place(journey, text);
    journey.event(Event::Click(x, y));
}

#[test]
fn commands_open_screens_of_any_source_and_home() {
    let (_layouts, mut journey) = two((100, 30));
    for (command, shown) in [
        ("'refs space './kitchen", "./kitchen › refs"),
        ("'blobs space 'kitch", "./kitchen › blobs"),
        ("'check space './shop", "./shop › check"),
        ("'plan", "./shop › plan"),
        ("'runs", "runs"),
    ] {
        journey.press(&format!(": {command} enter"));
        journey.shows(shown);
    }
    journey.press(": 'sources enter");
    journey.shows("2 sources");
    journey.press(": 'q enter");
    assert!(journey.is_over());
}

#[test]
fn commands_sort_filter_and_change_the_theme() {
    let (_layouts, mut journey) = two((100, 30));
    journey.press("enter : 'sort space 'size space 'up enter");
    journey.shows("SIZE▴");
    journey.press(": 'filter space 'c1 enter");
    journey.shows("6 of 15 refs");
    let colours = |journey: &Journey| -> HashSet<Color> {
        let cells = journey.buffer().content.iter();
        cells.flat_map(|cell| [cell.fg, cell.bg]).collect()
    };
    let dark = colours(&journey);
    journey.press("esc : 'theme space 'light enter");
    assert_ne!(colours(&journey), dark);
    journey.shows("the theme is light");
    journey.press(": 'theme space 'none enter");
    assert_eq!(colours(&journey), HashSet::from([Color::Reset]));
}

#[test]
fn a_mistyped_command_has_a_suggestion() {
    let (_layouts, mut journey) = two((100, 30));
    journey.press(": 'plna enter");
    journey.shows("! there is no command `plna` here · did you mean `:plan`?");
    journey.press("ctrl-u 'sort space 'sise enter");
    journey.shows("! there is no column `sise` to sort by · columns: source");
    journey.press("ctrl-u 'theme enter");
    journey.shows("there are auto, dark, light");
    journey.press("backspace backspace backspace backspace backspace backspace backspace");
    journey.hides("Commands");
}

#[test]
fn a_command_is_completed_and_recalled() {
    let (_layouts, mut journey) = two((100, 30));
    journey.press(": 'th tab 'li tab enter");
    journey.shows("the theme is light");
    journey.press(": 'jobs enter");
    journey.shows("Jobs");
    journey.press("esc : up up enter");
    journey.shows("the theme is light");
    journey.press(": 'ref tab space './ki tab enter");
    journey.shows("./kitchen › refs");
}

#[test]
fn a_source_is_opened_by_a_command_and_its_path_completed() {
    let folder = TempDir::new().unwrap();
    let (layouts, mut journey) = two((100, 30));
    let path = folder.path().join("other-cache");
    std::fs::create_dir(&path).unwrap();
    drop(layouts);
    let begun = folder.path().join("other").display().to_string();
    journey.press(&format!(": 'open space '{begun} tab"));
    journey.shows("other-cache/");
    journey.press("enter");
    journey.shows("3 sources");
    journey.press(": 'open space 'nonsense enter");
    journey.shows("nonsense does not exist");
    journey.press("esc");
    journey.shows("3 sources");
}

#[test]
fn the_name_of_a_source_is_not_kept_with_its_password() {
    let (_layouts, mut journey) = two((100, 30));
    journey.press(": 'open space 'https://me:hunter2secret@example.com/x enter esc");
    journey.press(": up");
    journey.hides("hunter2");
    let folder = TempDir::new().unwrap();
    assert!(!journey.record(folder.path()).contains("hunter2"));
}

#[test]
fn a_range_is_marked_from_the_cursor_on() {
    let (_layouts, mut journey) = two((100, 30));
    journey.press("enter v j j");
    journey.shows("✱ 3 marked");
    journey.shows("marking: v ends it");
    journey.press("k v j j");
    journey.shows("✱ 2 marked");
    // Another range adds to it, and a mark takes single rows away.
    journey.press("G v k v");
    journey.shows("✱ 4 marked");
    journey.press("space");
    journey.shows("✱ 3 marked");
}

#[test]
fn a_click_on_a_head_sorts_and_on_a_key_hint_runs_it() {
    let (_layouts, mut journey) = two((100, 30));
    journey.press("enter");
    let (x, y) = place(&journey, "SIZE");
    journey.event(Event::Click(x + 1, y));
    journey.shows("SIZE▾");
    journey.event(Event::Click(x + 1, y));
    journey.shows("SIZE▴");
    let (x, y) = place(&journey, "plan a prune");
    journey.event(Event::Click(x, y));
    journey.shows("./shop › plan");
    journey.event(Event::Click(2, 0));
    journey.shows("./shop › refs");
    journey.event(Event::Click(2, 0));
    journey.shows("2 sources");
}

#[test]
fn a_prune_and_its_undo_need_no_key() {
    let store = Store::waste();
    let before = store.blobs();
    let mut journey = store.open(Vec::new(), (100, 30));
    click(&mut journey, "plan a prune");
    click(&mut journey, "carry out");
    journey.shows("Please confirm");
    assert_eq!(store.blobs(), before);
    click(&mut journey, "no");
    assert_eq!(store.blobs(), before);
    click(&mut journey, "carry out");
    click(&mut journey, "yes");
    journey.shows("the run broke no kept ref");
    assert_ne!(store.blobs(), before);
    click(&mut journey, "undo");
    click(&mut journey, "yes");
    journey.shows("items are restored");
    assert_eq!(store.blobs(), before);
}

#[test]
fn a_key_without_an_action_shows_a_message() {
    let (_layouts, mut journey) = two((100, 30));
    journey.press("X");
    journey.shows("! X does nothing here; ? shows the keys");
    journey.press("d");
    journey.shows("d deletes nothing here: mark refs with space, then p plans");
    journey.press("V");
    journey.shows("V does nothing here (Findings: Read every layer");
    // What the key does elsewhere fits into a narrow line.
    journey.resize(80, 24).press("R");
    journey.shows("! R does nothing here (Refs: Edit a rule for the marked refs)");
}

#[test]
fn zoom_gives_the_list_or_the_details_the_whole_screen() {
    let (_layouts, mut journey) = two((120, 40));
    journey.press("enter");
    journey.shows("│");
    journey.press("z");
    journey.hides("│");
    journey.shows("c15");
    journey.press("esc tab z");
    journey.hides("AGE▴");
    journey.press("z");
    journey.shows("AGE▴");
}

#[test]
fn a_wide_screen_previews_the_selected_row() {
    let mut journey = demo((200, 60));
    journey.shows("enter opens refs");
    journey.shows("release-1.0");
    journey.press("enter");
    journey.shows("enter opens main");
    journey.press("j");
    let name = journey.line("▸");
    let name = name.split_whitespace().nth(1).unwrap().to_owned();
    journey.shows(&format!("enter opens {name}"));
    // Less wide, there is no third pane.
    journey.resize(150, 60);
    journey.hides("enter opens");
}

#[test]
fn the_treemap_opens_refs_stages_and_steps_and_returns() {
    let mut journey = demo((100, 30));
    journey.press("t");
    journey.shows("demo › treemap");
    journey.shows("shared by refs");
    journey.shows("orphans");
    // The box of what is shared has nothing inside; refs are next to it.
    for _ in 0..8 {
        if journey.line("▸").contains("▸ shared by refs") {
            break;
        }
        journey.press("l");
    }
    journey.press("enter");
    journey.shows("nothing inside to open");
    let mut path = String::new();
    for _ in 0..8 {
        journey.press("l");
        if journey.line("▸").contains("▸ pr-") {
            journey.press("enter");
            path = journey.screen().lines().next().unwrap().to_owned();
            break;
        }
    }
    assert!(path.contains("treemap › pr-"), "{}", journey.screen());
    journey.press("enter");
    let deeper = journey.screen().lines().next().unwrap().to_owned();
    assert!(
        deeper.starts_with(path.split("  ").next().unwrap()),
        "{deeper}"
    );
    assert_ne!(deeper.split("  ").next(), path.split("  ").next());
    journey.press("enter");
    journey.shows("layer sha256:");
    journey.press("q q");
    journey.shows("demo › treemap › pr-");
    journey.press("q");
    journey.shows("demo › treemap");
    journey.hides("treemap › pr-");
    journey.press("q");
    journey.shows("1 source");
}

#[test]
fn steps_of_multi_platform_refs_show_their_platform() {
    let mut journey = demo((100, 30));
    journey.press("enter / 'web- enter enter");
    for step in ["RUN npm ci", "COPY web web", "RUN npm run build web"] {
        journey.shows(&format!("✓ {step} (linux/386) "));
        journey.shows(&format!("✓ {step} (linux/amd64) "));
    }
    journey.press("/ 'platform~386 enter");
    journey.shows("RUN npm ci (linux/386)");
    journey.hides("(linux/amd64)");
    // Of one platform, the name is enough.
    journey.press("esc q esc g enter");
    journey.shows("RUN npm ci");
    journey.hides("(linux/");
}

#[test]
fn a_ref_of_one_source_does_not_hide_the_others() {
    let (shop, kitchen) = (
        Fixture::named("shop").layout("local.json"),
        Fixture::named("kitchen").layout("local-latest.json"),
    );
    let sources = vec![
        OpenedSource {
            select: Some(RefSelector::new("c07")),
            ..local("./shop", shop.path())
        },
        local("./kitchen", kitchen.path()),
    ];
    let mut journey = Journey::new(sources, (100, 30));
    journey.shows("2 sources");
    journey.press("enter");
    journey.shows_in("▸", "c07");
}

#[test]
fn a_finding_leads_to_its_step() {
    let mini = Fixture::named("mini").layout("local.json");
    damage(mini.path());
    let mut journey = Journey::new(vec![local("./mini", mini.path())], (100, 30));
    journey.press("c enter");
    journey.shows("./mini › ");
    let line = journey.line("▸");
    assert!(line.contains("! "), "{}", journey.screen());
}
