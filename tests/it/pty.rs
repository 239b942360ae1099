//! The built program in a real terminal: it draws, answers, and restores the terminal.

mod demo;
mod endings;
mod keymap;
mod plain;
mod prune;
mod room;
mod theme;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::support::fixture::Fixture;
use super::support::pty::Terminal;

/// Waits until the list of sources is drawn.
fn wait_for_sources(terminal: &Terminal) {
    terminal.wait("the list of sources", |screen| {
        screen.contains("SOURCE") && screen.contains("demo")
    });
}

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

/// Returns a number in the `stat` file of a process or thread, by its place in `proc_pid_stat(5)`.
#[cfg(target_os = "linux")]
fn stat_field(place: &Path, number: usize) -> i64 {
    let stat = fs::read_to_string(place.join("stat")).unwrap();
    // The second field is a name, which may have blanks.
    let rest = stat.rsplit(')').next().unwrap();
    let field = rest.split_whitespace().nth(number - 3);
    field.unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn scans_have_a_lower_priority_than_the_answers_to_keys() {
    let mut terminal = Terminal::start(&["demo"], 120, 40);
    terminal.wait("the end of the scan", |screen| {
        screen.contains("! 1 ref broken")
    });
    let process = Path::new("/proc").join(terminal.process().to_string());
    let niceness = |thread: &Path| stat_field(thread, 19);
    let own = niceness(&process);
    let threads = fs::read_dir(process.join("task")).unwrap();
    let threads = threads.map(|thread| thread.unwrap().path());
    let is_worker = |thread: &PathBuf| {
        let name = fs::read_to_string(thread.join("comm")).unwrap();
        name.trim_end() == "tokio-rt-worker"
    };
    let workers: Vec<i64> = threads.filter(is_worker).map(|it| niceness(&it)).collect();
    assert!(!workers.is_empty());
    let lower = (own + 10).min(19);
    assert!(workers.iter().all(|of| *of == lower), "{own} {workers:?}");
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
    // In user and kernel mode, in hundredths of a second.
    let times = || {
        let stat = Path::new("/proc").join(terminal.process().to_string());
        stat_field(&stat, 14) + stat_field(&stat, 15)
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
