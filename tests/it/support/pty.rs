//! The built program in a terminal of its own.

use std::io::{Read as _, Write};
use std::num::NonZero;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::command::Sandbox;

/// How long a test waits for what should come at once; only a failing one waits that long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A terminal with the program in it.
pub struct Terminal {
    shared: Arc<(Mutex<Seen>, Condvar)>,
    child: Box<dyn Child + Send + Sync>,
    writer: Box<dyn Write + Send>,
    reader: Option<JoinHandle<()>>,
    master: Box<dyn MasterPty + Send>,
    _sandbox: Sandbox,
}

/// What the program has written so far.
struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
    ended: bool,
}

impl Terminal {
    /// Starts the program in a terminal of `columns` by `rows`.
    pub fn start(arguments: &[&str], columns: u16, rows: u16) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let sandbox = Sandbox::new();
        let plain = sandbox.command();
        let mut command = CommandBuilder::new(plain.get_program());
        command.env_clear();
        for (name, value) in plain.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command.env("TERM", "xterm-256color");
        command.cwd(plain.get_current_dir().unwrap());
        command.args(arguments);
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let seen = Seen { parser: vt100::Parser::new(cells(rows), cells(columns), 0), bytes: Vec::new(), ended: false };
        let shared = Arc::new((Mutex::new(seen), Condvar::new()));
        let mut output = pair.master.try_clone_reader().unwrap();
        let writing = Arc::clone(&shared);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let count = output.read(&mut buffer).unwrap_or_default();
                let mut seen = writing.0.lock().unwrap();
                seen.parser.process(&buffer[..count]);
                seen.bytes.extend_from_slice(&buffer[..count]);
                seen.ended = count == 0;
                writing.1.notify_all();
                if count == 0 {
                    break;
                }
            }
        });
        let writer = pair.master.take_writer().unwrap();
        Self { shared, child, writer, reader: Some(reader), master: pair.master, _sandbox: sandbox }
    }

    /// Types `keys`, escape sequences included.
    pub fn press(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Changes the size of the terminal.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.shared.0.lock().unwrap().parser.screen_mut().set_size(cells(rows), cells(columns));
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Sends the program a signal, by its short name.
    pub fn signal(&self, name: &str) {
        let id = self.child.process_id().unwrap().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success(), "{name}");
    }

    /// Waits until the screen is as `wanted` says, and returns its text.
    pub fn wait(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.shared.0.lock().unwrap();
        loop {
            let text = seen.parser.screen().contents();
            if wanted(&text) {
                return text;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!seen.ended && !left.is_zero(), "{what} never came; the screen is:\n{text}");
            seen = self.shared.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    fn screen(&self) -> String {
        self.shared.0.lock().unwrap().parser.screen().contents()
    }

    /// Waits for the program to end, and asserts that a shell could go on in its terminal. Returns the exit code and
    /// everything that the program wrote.
    pub fn end(mut self) -> (u32, Vec<u8>) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
                None => {
                    self.signal("KILL");
                    panic!("it never ended; the screen is:\n{}", self.screen());
                }
            }
        };
        drop(self.writer);
        drop(self.master);
        self.reader.take().unwrap().join().unwrap();
        let seen = self.shared.0.lock().unwrap();
        let screen = seen.parser.screen();
        let left = [
            ("the alternate screen", screen.alternate_screen()),
            ("a hidden cursor", screen.hide_cursor()),
            ("mouse reports", screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None),
            ("bracketed paste", screen.bracketed_paste()),
        ];
        for (what, is_left) in left {
            assert!(!is_left, "the program left {what} behind");
        }
        (status.exit_code(), seen.bytes.clone())
    }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}
