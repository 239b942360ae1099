//! The list of commands, and the prompt for the name of a source.

use std::fs;
use std::sync::Arc;

use cachelens::backend::local::LocalCache;
use cachelens::source::Source;
use cachelens::tui::OpenedSource;
use cachelens::tui::keymap::{KeyContext, Keymap};
use cachelens::tui::message::Event;
use tempfile::TempDir;

use crate::support::fixture::Fixture;
use crate::support::journey::{Journey, local};

const SIZES: [(u16, u16); 4] = [(60, 16), (80, 24), (120, 40), (200, 60)];

/// Returns the lines inside the box of commands, below its head.
fn inside(journey: &Journey) -> Vec<String> {
    let screen = journey.screen();
    let lines = screen.lines().filter_map(|line| {
        let (_, rest) = line.split_once("│ ")?;
        let (inside, _) = rest.rsplit_once('│')?;
        Some(inside.trim_end().to_owned())
    });
    lines.skip(2).collect()
}

#[test]
fn every_command_is_listed_with_its_whole_text() {
    let shop = Fixture::named("shop").layout("local.json");
    let keymap = Keymap::built_in().unwrap();
    // Movements need no command.
    let texts: Vec<&str> = keymap
        .bindings(KeyContext::Sources)
        .iter()
        .map(|binding| binding.text.as_str())
        .filter(|text| !text.starts_with("Show the blobs"))
        .collect();
    for size in SIZES {
        let mut journey = Journey::new(vec![local("./shop", shop.path())], size);
        journey.press(":");
        let mut seen = Vec::new();
        for _ in 0..50 {
            let lines = inside(&journey);
            assert!(
                !lines.iter().any(|line| line.contains('…')),
                "{}",
                journey.screen()
            );
            let words: Vec<&str> = lines.iter().flat_map(|line| line.split(' ')).collect();
            let words = words.into_iter().filter(|word| !word.is_empty());
            seen.push(words.collect::<Vec<_>>().join(" "));
            journey.press("down");
        }
        for text in &texts {
            let is_whole = seen.iter().any(|words| words.contains(text));
            assert!(is_whole, "{text:?} at {size:?}:\n{}", journey.screen());
        }
    }
}

#[test]
fn a_click_on_the_second_line_of_a_command_runs_it() {
    let shop = Fixture::named("shop").layout("local.json");
    let mut journey = Journey::new(vec![local("./shop", shop.path())], (60, 16));
    journey.press(": 'remove");
    let screen = journey.screen();
    let at = screen.lines().position(|line| line.contains("remove  x"));
    let second = u16::try_from(at.unwrap() + 1).unwrap();
    let line = screen.lines().nth(second.into()).unwrap();
    assert!(line.contains("configuration"), "{screen}");
    journey.event(Event::Click(40, second));
    journey.shows("0 sources");
}

/// Returns a directory as a source with a name.
fn named(layout: &TempDir) -> OpenedSource {
    let name = layout.path().to_str().unwrap();
    let parsed = Source::parse(name, &|_| true).unwrap();
    OpenedSource {
        reader: Ok(Arc::new(LocalCache::new(layout.path()))),
        source: Some(parsed.source),
        ..local(name, layout.path())
    }
}

#[test]
fn sources_that_were_opened_are_recalled_by_their_prompt() {
    let state = TempDir::new().unwrap();
    let [shop, mini, kitchen] = [
        ("shop", "local.json"),
        ("mini", "local.json"),
        ("kitchen", "local-latest.json"),
    ]
    .map(|(set, list)| Fixture::named(set).layout(list));
    let before = fs::read_dir(mini.path().join("blobs/sha256")).unwrap();
    let before = before.count();
    drop(Journey::remembering(
        state.path(),
        vec![named(&shop)],
        (120, 30),
    ));
    let mut journey = Journey::remembering(state.path(), vec![named(&mini)], (120, 30));
    journey.press(&format!("a '{} enter", kitchen.path().display()));
    journey.shows("2 sources");
    // One with a password is not kept.
    journey.press("a 'https://me:hunter2secret@example.com/x enter esc");
    journey.press("a");
    journey.shows("enter open  tab complete  up recall  esc cancel");
    let name = |layout: &TempDir| layout.path().display().to_string();
    // First the one that was typed, then those of earlier runs.
    journey.press("up");
    journey.shows(&format!("│ {} ", name(&kitchen)));
    journey.press("up up up");
    journey.shows(&format!("│ {} ", name(&shop)));
    journey.press("ctrl-n ctrl-p enter");
    journey.shows("3 sources").hides("hunter2");
    let after = fs::read_dir(mini.path().join("blobs/sha256")).unwrap();
    assert_eq!(after.count(), before);
}
