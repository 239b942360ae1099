//! The demo: a copy that can be changed, and that is removed at the end.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::wait_for_sources;
use crate::support::pty::Terminal;

/// The copies of the demo in the folder of temporary files.
fn copies(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_copy = |path: &PathBuf| path.to_string_lossy().contains("cachelens-demo-");
    paths.filter(is_copy).collect()
}

#[test]
fn the_demo_is_pruned_undone_and_removed_at_the_end() {
    let temporary = tempfile::tempdir().unwrap();
    let environment = [("TMPDIR", temporary.path().to_str().unwrap())];
    let mut terminal = Terminal::with_environment(&environment, &["demo"], 120, 40);
    wait_for_sources(&terminal);
    let [copy] = copies(temporary.path()).try_into().unwrap();
    let stored = || {
        fs::read_dir(copy.join("cache/blobs/sha256"))
            .unwrap()
            .count()
    };
    terminal.press("p");
    terminal.wait("the plan", |screen| screen.contains("to the trash"));
    let before = stored();
    terminal.press("\r");
    terminal.wait("the question", |screen| screen.contains("Please confirm"));
    terminal.press("y");
    terminal.wait("the end of the run", |screen| {
        screen.contains("the run broke no kept ref")
    });
    assert!(stored() < before);
    terminal.press("qH");
    terminal.wait("the run", |screen| screen.contains("✓ done"));
    terminal.press("u");
    terminal.wait("the question", |screen| screen.contains("Please confirm"));
    terminal.press("y");
    terminal.wait("the end of the undo", |screen| {
        screen.contains("items are restored")
    });
    assert_eq!(stored(), before);
    terminal.press("\x03");
    assert_eq!(terminal.end().0, 0);
    assert!(copies(temporary.path()).is_empty());
}

#[test]
fn each_ref_of_the_demo_is_explained_by_a_build_that_imports_it() {
    let mut terminal = Terminal::start(&["demo"], 120, 40);
    wait_for_sources(&terminal);
    terminal.press("\r/web-\r");
    terminal.wait("the filtered refs", |screen| screen.contains("1 of 9 refs"));
    terminal.press("w");
    terminal.wait("the file of its own build", |screen| {
        screen.contains("web/page.js changed") && screen.contains("COPY web web")
    });
    terminal.press("q");
    terminal.wait("the filtered refs", |screen| screen.contains("1 of 9 refs"));
    terminal.press("\x1b");
    terminal.wait("all refs", |screen| screen.contains("/9 "));
    terminal.press("gw");
    terminal.wait("the files of the last build", |screen| {
        screen.contains("package-lock.json changed") && screen.contains("web/index.js changed")
    });
    terminal.press("\x03");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn the_demo_is_removed_by_a_signal_and_unchanged_if_read_only() {
    let temporary = tempfile::tempdir().unwrap();
    let environment = [("TMPDIR", temporary.path().to_str().unwrap())];
    let arguments = ["--read-only", "demo"];
    let mut terminal = Terminal::with_environment(&environment, &arguments, 100, 30);
    wait_for_sources(&terminal);
    terminal.press("p");
    terminal.wait("the plan", |screen| screen.contains("to the trash"));
    terminal.press("\r");
    terminal.wait("a refusal", |screen| {
        screen.contains("read-only. Restart with: cachelens --write")
    });
    assert_eq!(copies(temporary.path()).len(), 1);
    terminal.signal("TERM");
    assert_eq!(terminal.end().0, 143);
    assert!(copies(temporary.path()).is_empty());
}

#[test]
fn a_demo_that_is_still_being_written_is_removed() {
    for round in 0..10 {
        let temporary = tempfile::tempdir().unwrap();
        let environment = [("TMPDIR", temporary.path().to_str().unwrap())];
        let terminal = Terminal::with_environment(&environment, &["demo"], 80, 24);
        let is_begun = || {
            let mut copies = copies(temporary.path()).into_iter();
            copies.any(|copy| copy.join("cache/blobs").is_dir())
        };
        let started = Instant::now();
        while !is_begun() {
            assert!(started.elapsed() < Duration::from_secs(20), "no copy");
            thread::sleep(Duration::from_millis(1));
        }
        terminal.signal("TERM");
        assert_eq!(terminal.end().0, 143, "round {round}");
        assert!(copies(temporary.path()).is_empty(), "round {round}");
    }
}

#[test]
fn the_program_outlives_the_directory_of_the_demo() {
    let temporary = tempfile::tempdir().unwrap();
    let environment = [("TMPDIR", temporary.path().to_str().unwrap())];
    let mut terminal = Terminal::with_environment(&environment, &["demo"], 120, 40);
    terminal.wait("the end of the scan", |screen| {
        screen.contains("! 1 ref broken")
    });
    for copy in copies(temporary.path()) {
        fs::remove_dir_all(copy).unwrap();
    }
    let mut see = |keys: &str, words: &str| {
        terminal.press(keys);
        terminal.wait(words, |screen| screen.contains(words));
    };
    // What was read is there, and what was not is an error.
    see("\r", "release-1.0");
    see("\r", "a build cannot import this ref");
    see("qr", "the last scan failed: ");
    see("\r", "! The source cannot be read now.");
    see("qb", "demo › blobs");
    see("\r", "blobs › sha256:");
    see("", "! The source cannot be read now.");
    see("qqp", "There is no plan, and nothing was changed.");
    see("\r", "there is no plan yet");
    see("qw", "demo › main › why");
    see("\x1bqqc", "source-unread");
    see("qt", "demo › treemap");
    see("qF", "cachelens › find");
    see("qH", "Nothing was pruned yet.");
    see("q", "this is older");
    terminal.press("\x03");
    let (code, written) = terminal.end();
    assert_eq!(code, 0);
    let written = String::from_utf8_lossy(&written);
    assert!(!written.contains("panicked"), "{written}");
    assert!(copies(temporary.path()).is_empty());
}
