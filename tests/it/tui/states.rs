//! Every screen in states that are unusual: nothing, failures, very long names, many rows.

use std::fs;

use cachelens::text::units::grouped;
use serde_json::json;
use tempfile::TempDir;

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, local, memory};
use crate::support::made::many_refs;

const SIZES: [(u16, u16); 5] = [(60, 16), (80, 24), (120, 40), (160, 50), (200, 60)];

/// The screens of a source, by the keys that lead there from the list of sources, and what the path
/// to them ends with.
const SCREENS: [(&str, &str); 6] = [
    ("enter", "refs"),
    ("b", "blobs"),
    ("c", "check"),
    ("p", "plan"),
    ("t", "treemap"),
    ("H", "runs"),
];

/// Asserts that the screen fits its terminal, and that its path and keys are there.
#[track_caller]
fn fits(journey: &Journey, name: &str) {
    let screen = journey.screen();
    let width = usize::from(journey.buffer().area.width);
    for line in screen.lines() {
        let used = unicode_width::UnicodeWidthStr::width(line);
        assert!(used <= width, "{name}: {line:?} is too wide in\n{screen}");
    }
    let first = screen.lines().next().unwrap();
    assert!(first.contains(name), "{name:?} is not above\n{screen}");
    let last = screen.lines().last().unwrap();
    assert!(!last.trim().is_empty(), "no keys below\n{screen}");
}

/// A store with refs whose names are as long as a tag of a branch may be.
fn long_names() -> (TempDir, String) {
    let layout = Fixture::named("shop").layout("local.json");
    let index = layout.path().join("index.json");
    let mut refs: serde_json::Value = serde_json::from_slice(&fs::read(&index).unwrap()).unwrap();
    let name = format!(
        "payments/feature/{}-the-end",
        "drop-the-old-ledger-".repeat(10)
    );
    for (number, entry) in refs["manifests"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .enumerate()
    {
        entry["annotations"]["org.opencontainers.image.ref.name"] =
            json!(format!("{name}-{number}"));
    }
    fs::write(&index, refs.to_string()).unwrap();
    (layout, name)
}

#[test]
fn very_long_names_fit_every_screen_at_every_size() {
    let (layout, name) = long_names();
    let label = format!("./{}", "very-long-name-of-a-folder/".repeat(6));
    for size in SIZES {
        for (keys, screen) in SCREENS {
            let mut journey = Journey::new(vec![local(&label, layout.path())], size);
            fits(&journey, "cachelens");
            journey.press(keys);
            fits(&journey, screen);
        }
        let mut journey = Journey::new(vec![local(&label, layout.path())], size);
        journey.press("enter");
        // The end distinguishes them.
        journey.shows("-the-end-1");
        journey.press("enter");
        fits(&journey, "›");
        journey.press("q R");
        fits(&journey, "rule");
        journey.press("q space j d");
        fits(&journey, "→");
        journey.press("q y");
        assert!(journey.copied().unwrap().starts_with(&name));
    }
}

#[test]
fn every_screen_of_an_empty_store_shows_that_it_is_empty() {
    let layout = TempDir::new().unwrap();
    fs::create_dir_all(layout.path().join("blobs/sha256")).unwrap();
    fs::write(
        layout.path().join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .unwrap();
    fs::write(
        layout.path().join("index.json"),
        r#"{"schemaVersion":2,"manifests":[]}"#,
    )
    .unwrap();
    let words = [
        ("enter", "There are no refs here"),
        ("b", "Nothing is stored here."),
        ("c", "no-refs"),
        ("p", "nothing"),
        ("H", "Nothing was pruned yet."),
    ];
    for size in SIZES {
        for (keys, words) in words {
            let mut journey = Journey::new(vec![local("./empty", layout.path())], size);
            journey.press(keys);
            let screen = journey.screen();
            assert!(screen.contains(words), "{keys:?} at {size:?}:\n{screen}");
        }
    }
}

#[test]
fn every_screen_of_an_unreadable_source_shows_the_reason() {
    let folder = TempDir::new().unwrap();
    for size in SIZES {
        let mut journey = Journey::new(vec![local("./none", folder.path())], size);
        journey.shows("! failed");
        for keys in ["enter", "b", "t"] {
            journey.press(keys);
            journey.shows("it cannot be read");
        }
        journey.press("c");
        journey.shows("source-unread").hides("hint:");
        journey.press("q p");
        journey.shows("nothing was changed");
    }
}

#[test]
fn every_screen_shows_read_only_and_a_plan_how_to_change_that() {
    let layout = Fixture::named("mini").layout("local-latest.json");
    let stored = || {
        fs::read_dir(layout.path().join("blobs/sha256"))
            .unwrap()
            .count()
    };
    let before = stored();
    for size in SIZES {
        for (keys, screen) in SCREENS {
            let mut journey = Journey::new(vec![local("./my cache", layout.path())], size);
            journey.press(keys);
            let first = journey.line(screen);
            assert!(first.contains("read-only"), "{keys} at {size:?}: {first}");
        }
        let mut journey = Journey::new(vec![local("./my cache", layout.path())], size);
        journey.press("p enter");
        journey.shows("read-only. Restart with: cachelens --write");
        journey.press("Y");
        assert_eq!(journey.copied(), Some("cachelens --write './my cache'"));
    }
    assert_eq!(stored(), before);
}

#[test]
fn a_hundred_thousand_refs_and_blobs_are_listed_with_their_position() {
    let cache = many_refs(100_000);
    let all = grouped(100_000);
    let mut journey = Journey::new(vec![memory("made", cache)], (200, 60));
    journey.press("enter");
    journey.shows(&format!("/{all} "));
    journey.press("G");
    journey.shows(&format!(" {all}/{all} "));
    journey.press("q b");
    journey.shows(&format!("/{all} "));
}

#[test]
fn thousands_of_broken_refs_are_counted_and_have_one_warning() {
    let mut journey = Journey::new(vec![memory("made", many_refs(2_000))], (200, 60));
    journey.shows(" ! 2,000 refs broken ");
    journey.shows("  ! 2,000 refs   ");
    journey.press("c");
    journey.shows(" 2,000 refs · read-only ");
    journey.shows(" 2,000 errors · 1 info ");
    journey.press("q p");
    journey
        .shows("! `pr-0`, `pr-1`, `pr-2` and 1,997 more refs have manifests that are not stored");
    let warnings = journey.screen().matches("is deleted until").count();
    assert_eq!(warnings, 1, "{}", journey.screen());
    for size in [(200, 60), (80, 24)] {
        journey.resize(size.0, size.1);
        journey
            .shows("Nothing is deleted: not everything that may reference a blob could be read.");
    }
}

#[test]
fn the_path_is_whole_before_the_long_words_about_a_copy() {
    let layout = Fixture::named("shop").layout("local.json");
    let source = cachelens::tui::OpenedSource {
        copy_journals: Some(layout.path().join("journals")),
        ..local("./a-copy-of-the-cache-of-the-shop", layout.path())
    };
    let mut journey = Journey::new(vec![source], (60, 16));
    journey.shows("a copy to try things on");
    journey.press("enter");
    let first = journey.line("refs");
    let path = " ./a-copy-of-the-cache-of-the-shop › refs ";
    assert!(first.starts_with(path), "{first}");
    assert!(first.ends_with(" a copy · ? help"), "{first}");
    journey.resize(100, 30);
    journey.shows("a copy to try things on");
}

#[test]
fn the_help_has_columns_on_a_wide_terminal() {
    let layout = Fixture::named("shop").layout("local.json");
    let words = [
        "Show the steps of the ref",
        "Quit at once",
        "Cancel, and change nothing",
    ];
    for (size, shown) in [((80, 24), 1), ((120, 40), 2), ((200, 60), 3)] {
        let mut journey = Journey::new(vec![local("./shop", layout.path())], size);
        journey.press("enter ?");
        let screen = journey.screen();
        let found = words.iter().filter(|words| screen.contains(**words));
        assert_eq!(found.count(), shown, "{screen}");
        assert_eq!(!screen.contains("more below"), shown == 3, "{screen}");
        journey.press("esc");
        journey.shows("› refs");
    }
}

#[test]
fn refs_with_different_names_look_different() {
    let layout = Fixture::named("shop").layout("local.json");
    let index = layout.path().join("index.json");
    let mut refs: serde_json::Value = serde_json::from_slice(&fs::read(&index).unwrap()).unwrap();
    let branch = "feature-payments-drop-the-old-ledger-and-everything-that-uses-it";
    for (number, entry) in (0..).zip(refs["manifests"].as_array_mut().unwrap()) {
        let name = match number % 3 {
            0 => format!("web-amd64-{branch}-{number}"),
            1 => format!("web-amd64-{number}-{branch}"),
            _ => format!("web-arm64-{}-{branch}", number - 1),
        };
        entry["annotations"]["org.opencontainers.image.ref.name"] = json!(name);
    }
    fs::write(&index, refs.to_string()).unwrap();
    for size in SIZES {
        let mut journey = Journey::new(vec![local("./cache", layout.path())], size);
        journey.press("enter");
        let mut seen = std::collections::BTreeSet::new();
        for row in 0..15 {
            let line = journey.line("▸");
            let name = line
                .trim_start_matches(['▸', ' '])
                .split("  ")
                .next()
                .unwrap();
            assert!(
                seen.insert(name.to_owned()),
                "{row} {name:?}:\n{}",
                journey.screen()
            );
            journey.press("j");
        }
    }
}

#[test]
fn a_large_list_of_sources_has_its_boxes_once() {
    let layout = Fixture::named("shop").layout("local.json");
    let journey = Journey::new(vec![local("./shop", layout.path())], (200, 60));
    let screen = journey.screen();
    assert_eq!(screen.matches("─ bytes: ▓").count(), 1, "{screen}");
    // Next to them, the refs that enter opens.
    journey.shows("REF  ");
    journey.shows("─ enter opens refs");
}

#[test]
fn a_scan_that_was_stopped_early_leaves_no_blank_lines_and_no_false_statement() {
    let layout = Fixture::named("shop").layout("local.json");
    for size in SIZES {
        let mut journey = Journey::begun(vec![local("./shop", layout.path())], size);
        journey.press_at_once("esc enter");
        let screen = journey.screen();
        let head = screen.lines().nth(2).unwrap_or_default();
        assert!(head.starts_with("   REF"), "{size:?}:\n{screen}");
        journey.shows("The scan was stopped before it found a ref.");
        journey.press("q b");
        journey.shows("The scan was stopped before it found a blob.");
        journey.hides("Nothing is stored here.");
        // A new scan fills the lines above the refs.
        journey.press("r q enter");
        journey.shows("bytes by age").shows("c15");
    }
}
