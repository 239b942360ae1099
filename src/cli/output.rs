//! Where results, warnings and failures go.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::table::Paper;
use super::{Color, Global, config, json};
use crate::error::{Exit, Failure};
use crate::progress::Progress;

/// The two streams of a command, and how to write to them.
pub(super) struct Output {
    pub json: bool,
    pub paper: Paper,
    quiet: bool,
    pub progress: Progress,
    /// Whether something was printed for whoever asked.
    has_printed: AtomicBool,
    /// The failures that were reported.
    reported: Mutex<Vec<Failure>>,
}

impl Output {
    pub(super) fn new(global: &Global) -> Self {
        let color = match global.color {
            Color::Auto => io::stdout().is_terminal() && !config::refuses_color(global.color),
            wanted => !config::refuses_color(wanted),
        };
        let columns = io::stdout().is_terminal().then(crossterm::terminal::size);
        let columns =
            columns.and_then(Result::ok).map(|(columns, _)| usize::from(columns)).filter(|columns| *columns > 0);
        let paper = Paper { color, columns };
        Self {
            json: global.json,
            paper,
            quiet: global.quiet,
            progress: Progress::new(global.quiet),
            has_printed: AtomicBool::new(false),
            reported: Mutex::default(),
        }
    }

    /// Prints bytes as they are.
    pub(super) fn raw(&self, bytes: &[u8]) -> Result<Exit, Failure> {
        self.end_progress();
        self.has_printed.store(true, Ordering::Relaxed);
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            // Whoever closed the pipe has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
            Err(error) => Err(Failure::new(Exit::Failed, &error).on("cannot write the result")),
            Ok(()) => Ok(Exit::Done),
        }
    }

    /// Prints text.
    pub(super) fn text(&self, text: &str) -> Result<Exit, Failure> {
        self.raw(text.as_bytes())
    }

    /// Prints a JSON document.
    pub(super) fn document(&self, document: &impl Serialize) -> Result<Exit, Failure> {
        let bytes = json::to_bytes(document).map_err(|error| Failure::new(Exit::Failed, &error))?;
        self.raw(&bytes)
    }

    /// Warns about something that does not stop the work.
    pub(super) fn warn(&self, message: &str) {
        if !self.quiet {
            self.say(&format!("warning: {message}"));
        }
    }

    /// Reports a failure.
    pub(super) fn failure(&self, failure: &Failure) {
        self.say(&format!("error: {failure}"));
        if let Ok(mut reported) = self.reported.lock() {
            reported.push(failure.clone());
        }
    }

    /// Prints, where a document was asked for and `command` has come to none, one that says what failed.
    pub(super) fn document_of_failures(&self, command: &'static str) {
        if !self.json || self.has_printed.load(Ordering::Relaxed) {
            return;
        }
        let failures = self.reported.lock().map(|mut reported| std::mem::take(&mut *reported)).unwrap_or_default();
        // That it failed was said already; where nobody reads the document there is nothing more to say.
        let _ = self.document(&json::Document::of_failures(command, &failures));
    }

    fn say(&self, text: &str) {
        self.end_progress();
        // Where nobody listens there is nothing more to say; `eprintln!` would panic.
        let _ = writeln!(io::stderr(), "{text}");
    }

    pub(super) fn end_progress(&self) {
        self.progress.clear();
    }
}
