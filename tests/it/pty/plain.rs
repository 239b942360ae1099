//! Without a terminal, on a dumb one, and without UTF-8.

use std::io::Write as _;
use std::process::Stdio;

use crate::support::command::{Run, Sandbox};
use crate::support::pty::Terminal;

#[test]
fn without_a_terminal_the_summary_and_the_refs_are_printed() {
    let sandbox = Sandbox::new();
    let run = sandbox.run("demo");
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run}");
    let [summed, listed] =
        ["du", "ls"].map(|command| sandbox.run(format!("{command} demo")).stdout);
    assert_eq!(run.stdout, format!("{summed}\n{listed}"));
    // Evidence asks for an answer that neither gives.
    let run = sandbox.run("demo#main --build log.txt");
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("cachelens why"), "{run}");
}

/// Runs the program with `input` as what a person types.
fn typed(arguments: &[&str], input: &str) -> Run {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command();
    let mut child = command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    Run::new(child.wait_with_output().unwrap())
}

#[test]
fn the_plain_menu_runs_commands_by_their_numbers() {
    let run = typed(&["--plain", "demo"], "2\n3\n1\n99\nx\n0\n");
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run}");
    for text in [
        "cachelens: demo\n  1  sum up live",
        "$ cachelens ls demo\n",
        "release-1.0",
        "Number of the ref: ",
        "$ cachelens show demo#",
        "`99` is not on the menu: type a number from 0 to 8",
        "`x` is not on the menu",
    ] {
        assert!(run.stdout.contains(text), "{text:?}\n{run}");
    }
    assert!(!run.stdout.contains('\u{1b}'), "{run}");
}

#[test]
fn the_plain_menu_continues_after_an_error_and_ends_with_the_input() {
    let run = typed(&["--plain", "./nowhere"], "1\n8\ndemo\n2\n");
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stderr.contains("error: "), "{run}");
    assert!(run.stdout.contains("$ cachelens ls demo\n"), "{run}");
    assert!(run.stdout.contains("release-1.0"), "{run}");
}

#[test]
fn a_dumb_terminal_gets_the_plain_menu() {
    let environment = [("TERM", "dumb")];
    let mut terminal = Terminal::with_environment(&environment, &["demo"], 80, 40);
    terminal.wait("the menu", |screen| screen.contains("Number:"));
    terminal.press("0\n");
    let (code, written) = terminal.end();
    assert_eq!(code, 0);
    assert!(!written.contains(&b'\x1b'));
}

#[test]
fn without_utf8_everything_is_drawn_in_ascii() {
    let environment = [("LANG", "C")];
    let mut terminal = Terminal::with_environment(&environment, &["demo"], 100, 30);
    terminal.wait("the list of sources", |screen| {
        screen.contains("> ") && screen.contains("a copy to try things on")
    });
    terminal.press("\r");
    terminal.wait("the refs", |screen| screen.contains("release-1.0"));
    terminal.press(":");
    terminal.wait("the commands", |screen| screen.contains("+ Commands -"));
    terminal.press("\x03");
    let (code, written) = terminal.end();
    assert_eq!(code, 0);
    assert!(written.is_ascii(), "{}", String::from_utf8_lossy(&written));
}
