//! A prune in the UI, and its refusal.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::support::fixture::Fixture;
use crate::support::pty::Terminal;

/// Makes every blob of a layout older than any grace period.
fn age(layout: &Path) {
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for blob in fs::read_dir(layout.join("blobs/sha256")).unwrap() {
        File::open(blob.unwrap().path())
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
    }
}

#[test]
fn orphans_are_pruned_and_the_terminal_is_restored() {
    let layout = Fixture::named("mini").layout("local-latest.json");
    age(layout.path());
    let stored = || {
        fs::read_dir(layout.path().join("blobs/sha256"))
            .unwrap()
            .count()
    };
    let before = stored();
    let mut terminal = Terminal::start(&["--write", layout.path().to_str().unwrap()], 100, 30);
    terminal.wait("that it may write", |screen| {
        screen.contains("WRITE") && screen.contains("ready")
    });
    terminal.press("p");
    terminal.wait("the plan", |screen| screen.contains("to the trash"));
    terminal.press("\r");
    terminal.wait("the question", |screen| screen.contains("Please confirm"));
    assert_eq!(stored(), before);
    terminal.press("y");
    terminal.wait("the watch for builds", |screen| {
        screen.contains("Watching 30 s") || screen.contains("Watching 29 s")
    });
    // It continues when its screen is left.
    terminal.press("q");
    terminal.wait("the watch in the background", |screen| {
        screen.contains("watching ") && !screen.contains("Watching ")
    });
    terminal.press("\x03");
    terminal.wait("an offer", |screen| screen.contains("Stop watching"));
    terminal.press("y");
    assert!(stored() < before);
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn read_only_beats_write() {
    let layout = Fixture::named("mini").layout("local-latest.json");
    age(layout.path());
    let mut terminal = Terminal::start(
        &["--write", "--read-only", layout.path().to_str().unwrap()],
        100,
        30,
    );
    terminal.wait("the source", |screen| {
        screen.contains("read-only") && screen.contains("ready")
    });
    terminal.press("p");
    terminal.wait("the plan", |screen| screen.contains("to the trash"));
    terminal.press("\r");
    terminal.wait("a refusal", |screen| {
        screen.contains("read-only. Restart with: cachelens --write")
    });
    terminal.press("\x03");
    assert_eq!(terminal.end().0, 0);
}
