//! The built program in a real terminal: it draws, answers, and leaves the terminal as it found it.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::support::command::Sandbox;
use super::support::fixture::Fixture;
use super::support::pty::Terminal;

#[test]
fn the_demo_opens_answers_and_leaves_the_terminal_as_it_was() {
    let mut terminal = Terminal::start(&["demo"], 80, 24);
    terminal.wait("the list of sources", |screen| screen.contains("demo") && screen.contains("read-only"));
    terminal.press("\r");
    terminal.wait("the list of refs", |screen| screen.contains("release-1.0"));
    terminal.resize(120, 40);
    terminal.press("/pr-\r");
    terminal.wait("the filtered list", |screen| screen.contains("pr-14") && !screen.contains("release-1.0"));
    terminal.press("\x03");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn keys_that_come_together_with_a_new_size_are_heeded() {
    let mut terminal = Terminal::start(&["demo"], 80, 24);
    terminal.wait("the list of sources", |screen| screen.contains("demo") && screen.contains("read-only"));
    terminal.press("/");
    let mut typed = String::from("filter  ");
    for (width, letter) in (90..).zip('a'..='z') {
        // Often enough, the program learns of both at once.
        terminal.resize(width, 24);
        terminal.press(&letter.to_string());
        typed.push(letter);
        terminal.wait(&typed, |screen| screen.contains(&typed));
    }
    terminal.press("\x03");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn q_goes_back_screen_by_screen_and_leaves() {
    let layout = Fixture::named("shop").layout("local.json");
    let mut terminal = Terminal::start(&[layout.path().to_str().unwrap()], 100, 30);
    terminal.wait("the list of sources", |screen| screen.contains("15"));
    terminal.press("\r");
    terminal.wait("the list of refs", |screen| screen.contains("c15"));
    terminal.press("q");
    terminal.wait("the list of sources again", |screen| !screen.contains("c14"));
    terminal.press("q");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn what_is_copied_goes_to_the_clipboard_of_the_terminal() {
    let mut terminal = Terminal::start(&["demo"], 80, 24);
    terminal.wait("the list of sources", |screen| screen.contains("read-only"));
    terminal.press("y");
    terminal.wait("that it was copied", |screen| screen.to_lowercase().contains("copied"));
    terminal.press("q");
    let (code, written) = terminal.end();
    assert_eq!(code, 0);
    // OSC 52, with `demo` in base64.
    let copied = b"\x1b]52;c;ZGVtbw==";
    assert!(written.windows(copied.len()).any(|bytes| bytes == copied));
}

#[test]
fn a_terminal_that_is_too_small_is_told_so() {
    let mut terminal = Terminal::start(&["demo"], 40, 8);
    terminal.wait("a sentence", |screen| screen.contains("60"));
    terminal.resize(80, 24);
    terminal.wait("the list of sources", |screen| screen.contains("demo"));
    terminal.press("q");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn without_a_source_it_offers_the_demo() {
    let mut terminal = Terminal::start(&[], 80, 24);
    terminal.wait("the start screen", |screen| screen.contains("demo"));
    terminal.press("\x03");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn without_a_terminal_it_says_what_to_use_instead() {
    let run = Sandbox::new().run(&["demo"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("needs a terminal") && run.stderr.contains("cachelens ls"), "{}", run.stderr);
}

/// Makes every blob of a layout older than any grace.
fn age(layout: &Path) {
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for blob in fs::read_dir(layout.join("blobs/sha256")).unwrap() {
        File::open(blob.unwrap().path()).unwrap().set_modified(long_ago).unwrap();
    }
}

#[test]
fn orphans_are_pruned_and_the_terminal_is_left_as_it_was() {
    let layout = Fixture::named("mini").layout("local-latest.json");
    age(layout.path());
    let stored = || fs::read_dir(layout.path().join("blobs/sha256")).unwrap().count();
    let before = stored();
    let mut terminal = Terminal::start(&["--write", layout.path().to_str().unwrap()], 100, 30);
    terminal.wait("that it may write", |screen| screen.contains("WRITE") && screen.contains("ready"));
    terminal.press("p");
    terminal.wait("the plan", |screen| screen.contains("to the trash"));
    terminal.press("\r");
    terminal.wait("the question", |screen| screen.contains("Please confirm"));
    assert_eq!(stored(), before);
    terminal.press("y");
    terminal.wait("the end of the run", |screen| screen.contains("every kept ref is whole"));
    assert!(stored() < before);
    terminal.press("qq");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn read_only_beats_write() {
    let layout = Fixture::named("mini").layout("local-latest.json");
    age(layout.path());
    let mut terminal = Terminal::start(&["--write", "--read-only", layout.path().to_str().unwrap()], 100, 30);
    terminal.wait("the source", |screen| screen.contains("read-only") && screen.contains("ready"));
    terminal.press("p");
    terminal.wait("the plan", |screen| screen.contains("to the trash"));
    terminal.press("\r");
    terminal.wait("a refusal", |screen| screen.contains("this is read-only"));
    terminal.press("\x03");
    assert_eq!(terminal.end().0, 0);
}
