//! The colours of the UI follow the background of the terminal.

use vt100::Color;

use super::wait_for_sources;
use crate::support::pty::Terminal;

/// The answer of a terminal with a background of this colour.
fn answer(colour: &str) -> String {
    format!("\x1b]11;rgb:{colour}\x1b\\")
}

#[test]
fn the_theme_follows_the_background_and_no_key_is_lost() {
    for (colour, background) in [("ffff/ffff/ffff", 253), ("0000/0000/0000", 237)] {
        let mut terminal = Terminal::start(&["demo"], 80, 24);
        terminal.wait_for_bytes("\x1b]11;?");
        wait_for_sources(&terminal);
        terminal.press(&format!("/de{}mo\r", answer(colour)));
        terminal.wait("the whole filter", |screen| screen.contains("filter demo"));
        terminal.wait_for_background(background);
        terminal.press("\x03");
        assert_eq!(terminal.end().0, 0);
    }
}

#[test]
fn a_theme_that_is_chosen_is_used_without_asking() {
    let terminal = Terminal::start(&["--theme", "light", "demo"], 80, 24);
    wait_for_sources(&terminal);
    let mut terminal = terminal;
    assert_eq!(terminal.colours("▸").1, Color::Idx(253));
    terminal.press("q");
    let (code, written) = terminal.end();
    assert_eq!(code, 0);
    assert!(!written.windows(4).any(|bytes| bytes == b"\x1b]11"));
}

#[test]
fn the_environment_gives_the_background_of_a_silent_terminal() {
    for (value, background) in [("0;15", 253), ("15;0", 237)] {
        let environment = [("COLORFGBG", value)];
        let mut terminal = Terminal::with_environment(&environment, &["demo"], 80, 24);
        wait_for_sources(&terminal);
        assert_eq!(terminal.colours("▸").1, Color::Idx(background), "{value}");
        terminal.press("q");
        assert_eq!(terminal.end().0, 0);
    }
}

#[test]
fn high_contrast_fills_the_whole_terminal() {
    let mut terminal = Terminal::start(&["--theme", "high-contrast", "demo"], 100, 30);
    wait_for_sources(&terminal);
    let fills = |terminal: &Terminal, what: &str| terminal.wait_for_backgrounds(what, &[16, 231]);
    fills(&terminal, "the list");
    terminal.press("?");
    terminal.wait("the help", |screen| screen.contains("type to search"));
    fills(&terminal, "the help");
    terminal.press("\x1b");
    terminal.wait("the list", |screen| !screen.contains("type to search"));
    terminal.press("/");
    terminal.wait("the filter", |screen| screen.contains("filter  "));
    fills(&terminal, "the filter");
    terminal.press("\x03");
    assert_eq!(terminal.end().0, 0);
}
