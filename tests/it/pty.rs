//! The built program in a real terminal: it draws, answers, and restores the terminal.

mod room;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use vt100::Color;

use super::support::command::{Run, Sandbox};
use super::support::fixture::Fixture;
use super::support::pty::Terminal;

#[test]
fn the_demo_opens_responds_and_restores_the_terminal() {
    let mut terminal = Terminal::start(&["demo"], 80, 24);
    terminal.wait("the list of sources", |screen| {
        screen.contains("demo") && screen.contains("a copy to try things on")
    });
    terminal.press("\r");
    terminal.wait("the list of refs", |screen| screen.contains("release-1.0"));
    terminal.resize(120, 40);
    terminal.press("/pr-\r");
    terminal.wait("the filtered list", |screen| {
        screen.contains("pr-14") && !screen.contains("release-1.0")
    });
    terminal.press("\x03");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn keys_pressed_during_a_resize_are_handled() {
    let mut terminal = Terminal::start(&["demo"], 80, 24);
    terminal.wait("the list of sources", |screen| {
        screen.contains("demo") && screen.contains("a copy to try things on")
    });
    terminal.press("/");
    let mut typed = String::from("filter  ");
    for (width, letter) in (90..).zip('a'..='z') {
        // Often enough, the program sees both at once.
        terminal.resize(width, 24);
        terminal.press(&letter.to_string());
        typed.push(letter);
        terminal.wait(&typed, |screen| screen.contains(&typed));
    }
    terminal.press("\x03");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn q_returns_screen_by_screen_and_quits() {
    let layout = Fixture::named("shop").layout("local.json");
    let mut terminal = Terminal::start(&[layout.path().to_str().unwrap()], 100, 30);
    terminal.wait("the list of sources", |screen| screen.contains("15"));
    terminal.press("\r");
    terminal.wait("the list of refs", |screen| screen.contains("c15"));
    terminal.press("q");
    terminal.wait("the list of sources again", |screen| {
        !screen.contains("c14")
    });
    terminal.press("q");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn copied_text_is_sent_to_the_clipboard_of_the_terminal() {
    let mut terminal = Terminal::start(&["demo"], 80, 24);
    terminal.wait("the list of sources", |screen| {
        screen.contains("a copy to try")
    });
    terminal.press("y");
    terminal.wait("that it was copied", |screen| {
        screen.to_lowercase().contains("copied")
    });
    terminal.press("q");
    let (code, written) = terminal.end();
    assert_eq!(code, 0);
    // OSC 52, with `demo` in base64.
    let copied = b"\x1b]52;c;ZGVtbw==";
    assert!(written.windows(copied.len()).any(|bytes| bytes == copied));
}

#[test]
fn a_terminal_that_is_too_small_shows_a_message() {
    let mut terminal = Terminal::start(&["demo"], 40, 8);
    terminal.wait("a sentence", |screen| screen.contains("60"));
    terminal.resize(80, 24);
    terminal.wait("the list of sources", |screen| screen.contains("demo"));
    terminal.press("q");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn the_start_screen_offers_the_demo() {
    let mut terminal = Terminal::start(&[], 80, 24);
    terminal.wait("the start screen", |screen| screen.contains("demo"));
    terminal.press("\x03");
    assert_eq!(terminal.end().0, 0);
}

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

#[test]
fn hidden_columns_are_remembered() {
    let state = tempfile::tempdir().unwrap();
    let environment = [("XDG_STATE_HOME", state.path().to_str().unwrap())];
    for is_first in [true, false] {
        let mut terminal = Terminal::with_environment(&environment, &["demo"], 80, 24);
        wait_for_sources(&terminal);
        if is_first {
            terminal.wait("the column", |screen| screen.contains("NEWEST"));
            terminal.press(":columns\r");
            terminal.wait("the menu", |screen| screen.contains("[x] NEWEST"));
            terminal.press("G k ");
            terminal.wait("what is hidden", |screen| screen.contains("[ ] NEWEST"));
            terminal.press("q");
        }
        terminal.wait("the list without the column", |screen| {
            screen.contains("ORPHAN") && !screen.contains("NEWEST")
        });
        terminal.press("\x03");
        assert_eq!(terminal.end().0, 0);
    }
}

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

/// Waits until the list of sources is drawn.
fn wait_for_sources(terminal: &Terminal) {
    terminal.wait("the list of sources", |screen| {
        screen.contains("SOURCE") && screen.contains("demo")
    });
}

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

/// Two targets export to one ref: the second one overwrites the first.
const MISTAKEN: &str = r#"
group "default" { targets = ["api", "web"] }
target "api" { cache-to = ["type=registry,ref=ghcr.io/acme/cache"] }
target "web" { cache-to = ["type=registry,ref=ghcr.io/acme/cache"] }
"#;

#[test]
fn a_checkout_shows_declared_caches_and_the_number_of_mistakes() {
    let checkout = TempDir::new().unwrap();
    fs::write(checkout.path().join("docker-bake.hcl"), MISTAKEN).unwrap();
    let program = env!("CARGO_BIN_EXE_cachelens");
    let mut terminal = Terminal::shell(100, 30);
    terminal.wait("the prompt", |screen| screen.contains("ready> "));
    terminal.press(&format!("cd {}\r", checkout.path().display()));
    terminal.press(&format!("{program}\r"));
    terminal.wait("the declared cache", |screen| {
        screen.contains("ghcr.io/acme/cache") && screen.contains("findings in build files (F)")
    });
    terminal.press("F");
    terminal.wait("the findings", |screen| {
        screen.contains("docker-bake.hcl") && screen.contains("find")
    });
    terminal.press("\x03");
    terminal.wait_for_full_screen(false);
    terminal.press("exit 3\r");
    assert_eq!(terminal.end().0, 3);
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

#[test]
fn a_service_that_does_not_answer_is_waited_for_with_a_clock() {
    // It accepts connections and never answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let source =
        format!("s3://bucket/prefix?region=eu-central-1&endpoint_url=http://127.0.0.1:{port}");
    let environment = [
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let mut terminal = Terminal::with_environment(&environment, &[&source], 120, 30);
    terminal.wait("a clock", |screen| {
        screen.contains("2s reading") && screen.contains("esc stops the scan")
    });
    terminal.wait("the next second", |screen| screen.contains("3s reading"));
    terminal.press("\x1b");
    terminal.wait("the end of the scan", |screen| screen.contains("stopped"));
    terminal.press("\x03");
    assert_eq!(terminal.end().0, 0);
}

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
        screen.contains("every kept ref is whole")
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

#[cfg(target_os = "linux")]
#[test]
fn an_idle_program_takes_no_cpu() {
    let mut terminal = Terminal::start(&["demo"], 120, 40);
    terminal.wait("the end of the scan", |screen| {
        screen.contains("! 1 ref broken")
    });
    let times = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", terminal.process())).unwrap();
        // After the name, which may have blanks: the times in user and kernel mode are fields 14
        // and 15, in hundredths of a second.
        let rest = stat.rsplit(')').next().unwrap();
        let mut fields = rest.split_whitespace().skip(11);
        let mut field = || fields.next().unwrap().parse::<u64>().unwrap();
        field() + field()
    };
    // What comes after the first frame is over.
    std::thread::sleep(Duration::from_secs(1));
    let before = times();
    std::thread::sleep(Duration::from_secs(3));
    let taken = times() - before;
    assert!(taken <= 3, "{taken} hundredths of a second in 3 s");
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
