//! The terminal UI of the built program in a pseudo-terminal: its first frame, and keys while it
//! scans.

use std::io::{Read as _, Write};
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use tempfile::TempDir;

use crate::Outcome;
use crate::layout::Layout;
use crate::rows::FRAME;
use crate::table::{Table, median};

const ROWS: u16 = 40;
const COLUMNS: u16 = 120;
const ROUNDS: usize = 9;
/// The layers of a large store.
const BLOBS: u64 = 300_000;
const REFS: usize = 3_000;
const LAYERS_OF_REF: usize = 80;
/// A text on every screen of the UI.
const FRAME_SIGN: &str = "? help";
/// A text only in the list of all keys, which `?` shows and `esc` closes.
const HELP_SIGN: &str = "Show every key";
/// A text in the list of sources while one of them is scanned.
const SCAN_SIGN: &str = "scanning";
/// A text in the list of sources when the scan has ended.
const SCANNED_SIGN: &str = "ready";
/// The time between two keys, faster than people type.
const BETWEEN_KEYS: Duration = Duration::from_millis(30);
/// The timeout for an expected screen.
const PATIENCE: Duration = Duration::from_secs(10);

pub fn measure(table: &mut Table) -> Outcome {
    let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let cache = dir.path().join("cache");
    Layout::with_refs_of(LAYERS_OF_REF, BLOBS, REFS * LAYERS_OF_REF).write(&cache)?;

    for (what, argument) in [
        ("the demo", Path::new("demo")),
        ("300,000 blobs in 3,000 refs", &cache),
    ] {
        let first_frames = (0..ROUNDS).map(|_| {
            let mut terminal = Terminal::open(argument, dir.path())?;
            terminal.wait_for(|screen| screen.contains(FRAME_SIGN))
        });
        let first_frame = median(first_frames.collect::<Outcome<_>>()?);
        table.time(
            format_args!("first frame of the terminal UI on {what}"),
            first_frame,
            Duration::from_millis(50),
        );
    }

    let mut answers = Vec::new();
    for _ in 0..ROUNDS {
        let mut terminal = Terminal::open(&cache, dir.path())?;
        terminal.wait_for(|screen| screen.contains(SCAN_SIGN))?;
        while terminal.screen().contains(SCAN_SIGN) {
            for (key, is_help_there) in [("?", true), ("\x1b", false)] {
                std::thread::sleep(BETWEEN_KEYS);
                terminal.press(key)?;
                answers
                    .push(terminal.wait_for(|screen| screen.contains(HELP_SIGN) == is_help_there)?);
            }
        }
    }
    if answers.is_empty() {
        return Err("the scan was over before a key could be pressed".into());
    }
    answers.sort_unstable();
    // One in a hundred is attributed to the scheduler of the machine.
    let slowest = answers[answers.len() * 99 / 100];
    table.time(
        format_args!(
            "answer to a key during a scan, 99 of 100 ({} keys)",
            answers.len()
        ),
        slowest,
        FRAME,
    );
    for (what, open, first_row) in [("refs", "\r", " 1/3,000 "), ("blobs", "b", " 1/306,000 ")] {
        let mut answers = answers_in_list(&cache, dir.path(), open, first_row)?;
        answers.sort_unstable();
        let slowest = answers[answers.len() * 99 / 100];
        table.time(
            format_args!(
                "answer to a key in the list of {what}, 99 of 100 ({} keys)",
                answers.len()
            ),
            slowest,
            FRAME,
        );
    }
    Ok(())
}

/// Opens a list by a key, once the scan has ended, and returns how long the keys that move in it
/// take. `first_row` is on its screen while the cursor is on the first row.
fn answers_in_list(
    cache: &Path,
    home: &Path,
    open: &str,
    first_row: &str,
) -> Outcome<Vec<Duration>> {
    let mut terminal = Terminal::open(cache, home)?;
    terminal.wait_for(|screen| screen.contains(SCANNED_SIGN))?;
    terminal.press(open)?;
    terminal.wait_for(|screen| screen.contains(first_row))?;
    let mut answers = Vec::new();
    for _ in 0..ROUNDS * 10 {
        // To the end, up, a page up, to the beginning, down, a page down.
        for key in ["G", "k", "\x02", "g", "j", "\x06"] {
            std::thread::sleep(BETWEEN_KEYS);
            terminal.catch_up();
            let before = terminal.screen();
            terminal.press(key)?;
            answers.push(terminal.wait_for(|screen| screen != before)?);
        }
    }
    Ok(answers)
}

/// The program in a terminal.
struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    output: Receiver<(Instant, Vec<u8>)>,
    parser: vt100::Parser,
    /// The time of the program's start, or of the last key.
    asked: Instant,
    /// Keeps the terminal open.
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// Starts the program with one argument and its own home folder.
    fn open(argument: &Path, home: &Path) -> Outcome<Self> {
        let pair = native_pty_system().openpty(PtySize {
            rows: ROWS,
            cols: COLUMNS,
            pixel_width: 0,
            pixel_height: 0,
        })?;
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_cachelens"));
        command.arg(argument);
        command.env("TERM", "xterm-256color");
        command.env("HOME", home);
        command.cwd(home);
        let mut from_program = pair.master.try_clone_reader()?;
        let keyboard = pair.master.take_writer()?;
        let (sender, output) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 16_384];
            while let Ok(length @ 1..) = from_program.read(&mut buffer) {
                if sender
                    .send((Instant::now(), buffer[..length].to_vec()))
                    .is_err()
                {
                    break;
                }
            }
        });
        let asked = Instant::now();
        let child = pair.slave.spawn_command(command)?;
        let parser = vt100::Parser::new(ROWS.try_into()?, COLUMNS.try_into()?, 0);
        Ok(Self {
            child,
            keyboard,
            output,
            parser,
            asked,
            _master: pair.master,
        })
    }

    fn press(&mut self, keys: &str) -> Outcome {
        self.asked = Instant::now();
        self.keyboard.write_all(keys.as_bytes())?;
        Ok(self.keyboard.flush()?)
    }

    /// Takes in the rest of earlier frames, which is no answer to the next key.
    fn catch_up(&mut self) {
        while let Ok((_, bytes)) = self.output.try_recv() {
            self.parser.process(&bytes);
        }
    }

    fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    /// Waits until the screen satisfies the condition, and returns the time since the last key or
    /// the start.
    fn wait_for(&mut self, is_there: impl Fn(&str) -> bool) -> Outcome<Duration> {
        loop {
            let Ok((when, bytes)) = self.output.recv_timeout(PATIENCE) else {
                return Err(format!(
                    "what should be on the screen does not come; there is:\n{}",
                    self.screen()
                )
                .into());
            };
            self.parser.process(&bytes);
            if is_there(&self.screen()) {
                return Ok(when.duration_since(self.asked));
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
