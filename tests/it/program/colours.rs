//! Colours in tables.

use super::ageless;
use crate::support::command::{CommandLine, Run, Sandbox};

#[test]
fn colours_change_nothing_but_the_colours() {
    let sandbox = Sandbox::new();
    let escape = regex::Regex::new("\x1b\\[[0-9;]*m").unwrap();
    for command in [&["ls", "demo"][..], &["du", "demo"], &["show", "demo#main"]] {
        let plain = sandbox.run(command);
        let colored = sandbox.run("--color always".after(command));
        assert!(
            !plain.stdout.contains('\x1b') && colored.stdout.contains('\x1b'),
            "{command:?}"
        );
        let painted = |run: &Run| Run {
            stdout: escape.replace_all(&run.stdout, "").into_owned(),
            ..run.clone()
        };
        assert_eq!(ageless(&painted(&colored)), ageless(&plain), "{command:?}");
        // A pipe gets no colours, but an explicit request for colours overrides NO_COLOR.
        let mut asked = sandbox.command();
        let asked = Run::new(
            asked
                .env("NO_COLOR", "1")
                .args(command)
                .args(["--color", "always"])
                .output()
                .unwrap(),
        );
        assert_eq!(ageless(&asked), ageless(&colored), "{command:?}");
        for when in ["auto", "never"] {
            let run = sandbox.run(format!("--color {when}").after(command));
            assert_eq!(ageless(&run), ageless(&plain), "{command:?} {when}");
        }
    }
}

#[test]
fn help_follows_the_color_flag() {
    let sandbox = Sandbox::new();
    let is_coloured = |forced: bool, arguments: &[&str]| {
        let mut command = sandbox.command();
        if forced {
            command.env("CLICOLOR_FORCE", "1");
        }
        let output = command.args(arguments).output().unwrap();
        [output.stdout, output.stderr].concat().contains(&b'\x1b')
    };
    let limit = |color| ["ls", color, "--limit", "x"];
    assert!(is_coloured(false, &["--color", "always", "--help"]));
    assert!(is_coloured(false, &limit("--color=always")));
    assert!(!is_coloured(true, &["--color", "never", "--help"]));
    assert!(!is_coloured(true, &limit("--color=never")));
    assert!(!is_coloured(false, &["--help"]));
    // Errors are coloured in the same way.
    assert!(is_coloured(false, &["ls", "./nowhere", "--color=always"]));
    assert!(!is_coloured(true, &["ls", "./nowhere", "--color=never"]));
    assert!(!is_coloured(false, &["ls", "./nowhere"]));
}
