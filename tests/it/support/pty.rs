//! The built program in its own terminal.

use std::ffi::OsStr;
use std::io::{Read as _, Write};
use std::num::NonZero;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::command::Sandbox;

/// The timeout of a test; only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A terminal with the program in it.
pub struct Terminal {
    shared: Arc<(Mutex<Seen>, Condvar)>,
    child: Box<dyn Child + Send + Sync>,
    writer: Box<dyn Write + Send>,
    reader: Option<JoinHandle<()>>,
    master: Box<dyn MasterPty + Send>,
    /// The modes of the terminal before the program started.
    modes: String,
    _sandbox: Sandbox,
}

/// Begins and ends a synchronized update, which a terminal shows as a whole.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// The output of the program so far.
struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
    /// The number of `bytes` that the parser has processed.
    shown: usize,
    ended: bool,
}

impl Seen {
    /// Takes more output. An incomplete synchronized update is not shown.
    fn receive(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let pending = &self.bytes[self.shown..];
        let ended = find_last(pending, END).map_or(0, |end| end + END.len());
        let complete = find(&pending[ended..], BEGIN)
            .map_or_else(|| pending.len() - begun(pending), |begin| ended + begin);
        self.parser.process(&pending[..complete]);
        self.shown += complete;
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|found| found == part)
}

fn find_last(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).rposition(|found| found == part)
}

/// Returns how many bytes at the end may be the start of `BEGIN`.
fn begun(bytes: &[u8]) -> usize {
    (1..BEGIN.len())
        .rev()
        .find(|count| bytes.ends_with(&BEGIN[..*count]))
        .unwrap_or(0)
}

/// Returns the command that runs a program in a terminal, with the environment of a sandbox.
fn command(plain: &Command, program: &OsStr, arguments: &[&str]) -> CommandBuilder {
    let mut command = CommandBuilder::new(program);
    command.env_clear();
    for (name, value) in plain.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command.env("TERM", "xterm-256color");
    command.cwd(plain.get_current_dir().unwrap());
    command.args(arguments);
    command
}

impl Terminal {
    /// Starts the program in a terminal of `columns` by `rows`.
    pub fn start(arguments: &[&str], columns: u16, rows: u16) -> Self {
        Self::with_environment(&[], arguments, columns, rows)
    }

    /// Starts the program with more variables in its environment.
    pub fn with_environment(
        environment: &[(&str, &str)],
        arguments: &[&str],
        columns: u16,
        rows: u16,
    ) -> Self {
        let sandbox = Sandbox::new();
        let program = sandbox.command().get_program().to_owned();
        Self::run(sandbox, &program, environment, arguments, columns, rows)
    }

    /// Returns the number of the program's process.
    pub fn process(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Runs the program in a terminal that disappears after `shown`, as when its window is closed.
    /// Returns the exit code and the files that the program left in its folder for temporary files.
    pub fn lost(arguments: &[&str], shown: Duration) -> (u32, Vec<String>) {
        let sandbox = Sandbox::new();
        let plain = sandbox.command();
        let folder = sandbox.path("temporary");
        std::fs::create_dir(&folder).unwrap();
        let pair = native_pty_system().openpty(PtySize::default()).unwrap();
        let mut command = command(&plain, plain.get_program(), arguments);
        command.env("TMPDIR", &folder);
        let mut child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        std::thread::sleep(shown);
        drop(pair.master);
        let code = child.wait().unwrap().exit_code();
        let files = std::fs::read_dir(&folder).unwrap();
        let names = files.map(|file| file.unwrap().file_name().to_string_lossy().into_owned());
        (code, names.collect())
    }

    /// Runs the program in a session without a terminal of its own, so that no signal announces that
    /// the terminal has disappeared. Returns its exit code once it has ended.
    pub fn lost_without_signal(arguments: &[&str], shown: Duration) -> Option<String> {
        let sandbox = Sandbox::new();
        let plain = sandbox.command();
        let code = sandbox.path("code");
        // The shell and `setsid` are signalled; the program is in another session.
        let script = "trap '' HUP; setsid -w \"$@\"; echo $? > \"$CODE\"";
        let program = plain.get_program().to_str().unwrap();
        let all = [&["-c", script, "sh", program], arguments].concat();
        let pair = native_pty_system().openpty(PtySize::default()).unwrap();
        let mut command = command(&plain, OsStr::new("sh"), &all);
        command.env("CODE", &code);
        command.env("PATH", std::env::var_os("PATH").unwrap());
        let mut child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        std::thread::sleep(shown);
        drop(pair.master);
        let since = Instant::now();
        while child.try_wait().unwrap().is_none() && since.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        let code = std::fs::read_to_string(code).ok()?;
        Some(code.trim().to_owned())
    }

    /// Starts a shell with job control, which prompts with `ready> `.
    pub fn shell(columns: u16, rows: u16) -> Self {
        let arguments = ["--norc", "--noprofile", "-i"];
        let environment = [("PS1", "ready> ")];
        let bash = OsStr::new("bash");
        Self::run(
            Sandbox::new(),
            bash,
            &environment,
            &arguments,
            columns,
            rows,
        )
    }

    fn run(
        sandbox: Sandbox,
        program: &OsStr,
        environment: &[(&str, &str)],
        arguments: &[&str],
        columns: u16,
        rows: u16,
    ) -> Self {
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = command(&sandbox.command(), program, arguments);
        for (name, value) in environment {
            command.env(name, value);
        }
        let modes = modes(&*pair.master);
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let seen = Seen {
            parser: vt100::Parser::new(cells(rows), cells(columns), 0),
            bytes: Vec::new(),
            shown: 0,
            ended: false,
        };
        let shared = Arc::new((Mutex::new(seen), Condvar::new()));
        let mut output = pair.master.try_clone_reader().unwrap();
        let writing = Arc::clone(&shared);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let count = output.read(&mut buffer).unwrap_or_default();
                let mut seen = writing.0.lock().unwrap();
                seen.receive(&buffer[..count]);
                seen.ended = count == 0;
                writing.1.notify_all();
                if count == 0 {
                    break;
                }
            }
        });
        let writer = pair.master.take_writer().unwrap();
        Self {
            shared,
            child,
            writer,
            reader: Some(reader),
            master: pair.master,
            modes,
            _sandbox: sandbox,
        }
    }

    /// Types `keys`, including escape sequences.
    pub fn press(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Changes the size of the terminal.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.shared
            .0
            .lock()
            .unwrap()
            .parser
            .screen_mut()
            .set_size(cells(rows), cells(columns));
        self.master
            .resize(PtySize {
                rows,
                cols: columns,
                pixel_width: 0,
                pixel_height: 0,
            })
            .unwrap();
    }

    /// Sends the program a signal, by its short name.
    pub fn signal(&self, name: &str) {
        Self::signal_to(self.child.process_id().unwrap(), name);
    }

    /// Returns the process that the shell in this terminal started last.
    pub fn job(&self) -> u32 {
        let shell = self.child.process_id().unwrap();
        let children = format!("/proc/{shell}/task/{shell}/children");
        let children = std::fs::read_to_string(children).unwrap();
        children.split_whitespace().last().unwrap().parse().unwrap()
    }

    /// Sends a process a signal, by its short name.
    pub fn signal_to(process: u32, name: &str) {
        let id = process.to_string();
        assert!(
            Command::new("kill")
                .args([&format!("-{name}"), &id])
                .status()
                .unwrap()
                .success(),
            "{name}"
        );
    }

    /// Waits until the screen satisfies `wanted`, and returns its text.
    pub fn wait(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        self.wait_for(what, |parser, _| wanted(&parser.screen().contents()))
    }

    /// Waits until a full-screen program uses the terminal, or no longer does.
    pub fn wait_for_full_screen(&self, is_full: bool) {
        self.wait_for("the other screen", |parser, _| {
            parser.screen().alternate_screen() == is_full
        });
    }

    /// Waits until the program has written these bytes.
    pub fn wait_for_bytes(&self, wanted: &str) {
        let wanted = wanted.as_bytes();
        self.wait_for("bytes", |_, bytes| find(bytes, wanted).is_some());
    }

    /// Waits until some cell has the background `number` of the palette.
    pub fn wait_for_background(&self, number: u8) {
        self.wait_for("the background", |parser, _| {
            let screen = parser.screen();
            let (rows, columns) = size(screen);
            let mut cells = (0..rows).flat_map(|row| (0..columns).map(move |at| (row, at)));
            cells.any(|(row, column)| {
                let cell = screen.cell(row, column);
                cell.is_some_and(|cell| cell.bgcolor() == vt100::Color::Idx(number))
            })
        });
    }

    /// Returns the foreground and background of the first cell in the line that contains `text`.
    pub fn colours(&self, text: &str) -> (vt100::Color, vt100::Color) {
        let seen = self.shared.0.lock().unwrap();
        let screen = seen.parser.screen();
        let (_, columns) = size(screen);
        let row = screen.rows(0, columns).position(|row| row.contains(text));
        let row = row.unwrap_or_else(|| panic!("{text} is not in\n{}", screen.contents()));
        let row = u16::try_from(row).unwrap();
        let column = screen.rows(0, columns).nth(row.into()).unwrap();
        let column = column.chars().position(|found| !found.is_whitespace());
        let cell = screen.cell(row, u16::try_from(column.unwrap()).unwrap());
        let cell = cell.unwrap();
        (cell.fgcolor(), cell.bgcolor())
    }

    /// Waits until each cell has one of the backgrounds `numbers` of the palette.
    pub fn wait_for_backgrounds(&self, what: &str, numbers: &[u8]) {
        self.wait_for(what, |parser, _| {
            let screen = parser.screen();
            let (rows, columns) = size(screen);
            let mut cells = (0..rows).flat_map(|row| (0..columns).map(move |at| (row, at)));
            cells.all(|(row, column)| {
                let background = screen.cell(row, column).map(vt100::Cell::bgcolor);
                matches!(background, Some(vt100::Color::Idx(number)) if numbers.contains(&number))
            })
        });
    }

    fn wait_for(&self, what: &str, wanted: impl Fn(&vt100::Parser, &[u8]) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.shared.0.lock().unwrap();
        loop {
            let text = seen.parser.screen().contents();
            if wanted(&seen.parser, &seen.bytes) {
                return text;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !seen.ended && !left.is_zero(),
                "{what} never came; the screen is:\n{text}"
            );
            seen = self.shared.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    fn screen(&self) -> String {
        self.shared.0.lock().unwrap().parser.screen().contents()
    }

    /// Waits for the program to end, and asserts that a shell could continue in its terminal.
    /// Returns the exit code and everything that the program wrote.
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
        let modes = modes(&*self.master);
        assert_eq!(
            modes, self.modes,
            "the program left the modes of the terminal changed"
        );
        drop(self.writer);
        drop(self.master);
        self.reader.take().unwrap().join().unwrap();
        let seen = self.shared.0.lock().unwrap();
        let screen = seen.parser.screen();
        let left = [
            ("the alternate screen", screen.alternate_screen()),
            ("a hidden cursor", screen.hide_cursor()),
            (
                "mouse reports",
                screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None,
            ),
            ("bracketed paste", screen.bracketed_paste()),
        ];
        for (what, is_left) in left {
            assert!(!is_left, "the program left {what} behind");
        }
        (status.exit_code(), seen.bytes.clone())
    }
}

/// Returns the modes of a terminal, raw or not.
fn modes(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().unwrap())
}

/// Returns the rows and columns of a screen.
fn size(screen: &vt100::Screen) -> (u16, u16) {
    let (rows, columns) = screen.size();
    (rows.get(), columns.get())
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}
