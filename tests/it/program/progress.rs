//! Progress on standard error.

use std::fs::File;

use serde_json::json;

use crate::support::layout::LayoutBuilder;
use crate::support::pty::Terminal;

/// The size of a layer that takes seconds to read; the file is sparse.
const LONG: u64 = 2 << 30;

#[test]
fn long_work_shows_a_bar_with_the_rate_and_the_time_left() {
    let folder = tempfile::tempdir().unwrap();
    let mut layout = LayoutBuilder::new(folder.path());
    let mut layer = layout.layer("large", 64);
    layer["size"] = json!(LONG);
    let file = File::options().write(true).open(layout.blob_path(&layer));
    file.unwrap().set_len(LONG).unwrap();
    let cache = layout.chain(&[layer]);
    layout.tag("main", &cache);
    let source = folder.path().to_str().unwrap();
    let terminal = Terminal::start(&["check", source, "--verify"], 120, 10);
    let screen = terminal.wait("the rate and the time left", |screen| {
        screen.contains("of 2.0 GiB") && screen.contains("/s") && screen.contains(" left")
    });
    assert!(
        screen.contains("verifying") && screen.contains("  ["),
        "{screen}"
    );
    let mut terminal = terminal;
    terminal.press("\x03");
    let (code, written) = terminal.end();
    assert_eq!(code, 130);
    // The line is gone at the end.
    let end = String::from_utf8_lossy(&written).into_owned();
    assert!(end.contains("\x1b[2K") || end.contains("\x1b[K"), "{end:?}");
}

#[test]
fn colours_follow_the_environment_and_the_terminal() {
    let is_coloured = |environment: &[(&str, &str)]| {
        let terminal = Terminal::with_environment(environment, &["ls", "demo"], 100, 30);
        terminal.wait("the refs", |screen| screen.contains("release-1.0"));
        let (code, written) = terminal.end();
        assert_eq!(code, 0);
        written.windows(2).any(|bytes| bytes == b"\x1b[")
    };
    for (environment, wanted) in [
        (&[][..], true),
        (&[("NO_COLOR", "1")], false),
        (&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], false),
        (&[("CLICOLOR", "0")], false),
        (&[("TERM", "dumb")], false),
    ] {
        assert_eq!(is_coloured(environment), wanted, "{environment:?}");
    }
    let sandbox = crate::support::command::Sandbox::new();
    for (name, value, wanted) in [("CLICOLOR_FORCE", "1", true), ("CLICOLOR", "1", false)] {
        let output = sandbox
            .command()
            .env(name, value)
            .args(["ls", "demo"])
            .output();
        let text = output.unwrap().stdout;
        assert_eq!(text.contains(&b'\x1b'), wanted, "{name}");
    }
}
