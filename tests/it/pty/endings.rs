//! Signals, suspending, and terminals that disappear.

use std::time::Duration;

use super::wait_for_sources;
use crate::support::pty::Terminal;

#[test]
fn signals_set_the_exit_code_and_the_terminal_is_restored() {
    for (name, code) in [("HUP", 129), ("INT", 130), ("QUIT", 131), ("TERM", 143)] {
        let terminal = Terminal::start(&["demo"], 80, 24);
        wait_for_sources(&terminal);
        terminal.signal(name);
        assert_eq!(terminal.end().0, code, "{name}");
    }
}

#[test]
fn a_terminal_that_disappears_ends_the_program_without_a_crash() {
    for arguments in [&["demo"][..], &["--theme", "light", "demo"]] {
        for milliseconds in [300, 1500] {
            let shown = Duration::from_millis(milliseconds);
            let (code, files) = Terminal::lost(arguments, shown);
            assert_eq!(files, [""; 0], "{arguments:?} after {shown:?}, exit {code}");
        }
    }
}

#[test]
fn a_terminal_that_disappears_without_a_signal_ends_the_program() {
    let code = Terminal::lost_without_signal(&["demo"], Duration::from_millis(1500));
    assert_eq!(code.as_deref(), Some("0"));
}

#[test]
fn suspending_restores_the_shell_and_resuming_redraws() {
    let program = env!("CARGO_BIN_EXE_cachelens");
    for how in ["key", "signal"] {
        let mut terminal = Terminal::shell(80, 24);
        terminal.wait("the prompt", |screen| screen.contains("ready> "));
        terminal.press(&format!("{program} demo\r"));
        wait_for_sources(&terminal);
        terminal.press("?");
        terminal.wait("the help", |screen| screen.contains("type to search"));
        match how {
            "key" => terminal.press("\x1a"),
            _ => Terminal::signal_to(terminal.job(), "TSTP"),
        }
        terminal.wait_for_full_screen(false);
        terminal.wait("the shell", |screen| screen.contains("Stopped"));
        terminal.press("echo one''two\r");
        terminal.wait("what the shell prints", |screen| screen.contains("onetwo"));
        terminal.press("fg\r");
        terminal.wait_for_full_screen(true);
        terminal.wait("the same screen", |screen| {
            screen.contains("type to search")
        });
        terminal.press("\x1b");
        terminal.wait("the sources", |screen| !screen.contains("type to search"));
        terminal.press("q");
        terminal.wait_for_full_screen(false);
        terminal.press("exit 7\r");
        assert_eq!(terminal.end().0, 7, "{how}");
    }
}

#[test]
fn suspending_is_disabled_without_a_shell_to_resume() {
    let mut terminal = Terminal::start(&["demo"], 80, 24);
    wait_for_sources(&terminal);
    terminal.press("\x1a");
    terminal.wait("why not", |screen| screen.contains("not suspended"));
    terminal.press("q");
    assert_eq!(terminal.end().0, 0);
}
