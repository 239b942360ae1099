//! Own keys, from a file.

use std::fs;

use tempfile::TempDir;

use super::wait_for_sources;
use crate::support::pty::Terminal;

/// Starts the program with a key map of the user's.
fn with_keymap(text: &str) -> (TempDir, Terminal) {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("cachelens");
    fs::create_dir(&own).unwrap();
    fs::write(own.join("keymap.toml"), text).unwrap();
    let environment = [("XDG_CONFIG_HOME", folder.path().to_str().unwrap())];
    let terminal = Terminal::with_environment(&environment, &["demo"], 100, 30);
    (folder, terminal)
}

#[test]
fn own_keys_replace_those_of_the_program() {
    let (_folder, mut terminal) = with_keymap("[sources]\nblobs = 'B'\n");
    wait_for_sources(&terminal);
    terminal.press("b");
    terminal.wait("that the old key does nothing", |screen| {
        screen.contains("b does nothing here")
    });
    terminal.press("B");
    terminal.wait("the blobs", |screen| screen.contains("demo › blobs"));
    terminal.press("\x03");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn a_key_map_with_a_conflict_is_an_error_with_its_line() {
    let (_folder, terminal) = with_keymap("[list]\nsort = 'p'\n");
    let (code, written) = terminal.end();
    let written = String::from_utf8_lossy(&written);
    assert_eq!(code, 2, "{written}");
    assert!(
        written.contains("keymap.toml:2:8: `p` is both"),
        "{written}"
    );
    assert!(!written.contains("\u{1b}[?1049h"), "{written}");
}
