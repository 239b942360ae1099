//! The destinations of results, warnings and failures.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::table::{Paper, Style};
use super::{Global, config, json};
use crate::error::{Exit, Failure};
use crate::progress::Progress;
use crate::text::secrets::{mask_lines, mask_values};

/// Prints a document of a program that has no output yet.
pub(super) fn print_document(document: &impl Serialize) {
    if let Ok(bytes) = json::to_bytes(document) {
        let text = String::from_utf8_lossy(&bytes);
        // If the stream is closed, there is nothing more to do.
        let _ = io::stdout().write_all(mask_values(&text).as_bytes());
    }
}

/// The two output streams of a command, and their settings.
pub(super) struct CommandOutput {
    pub json: bool,
    pub paper: Paper,
    /// Standard error.
    error_paper: Paper,
    quiet: bool,
    pub progress: Progress,
    /// Whether a result was printed.
    has_printed: AtomicBool,
    /// The reported failures.
    reported: Mutex<Vec<Failure>>,
}

impl CommandOutput {
    pub(super) fn new(global: &Global) -> Self {
        let color = config::uses_color(global.color);
        let columns = io::stdout().is_terminal().then(crossterm::terminal::size);
        let columns = columns
            .and_then(Result::ok)
            .map(|(columns, _)| usize::from(columns))
            .filter(|columns| *columns > 0);
        let paper = Paper { color, columns };
        Self {
            json: global.json,
            paper,
            error_paper: Paper {
                color: config::uses_color_for_errors(global.color),
                columns: None,
            },
            quiet: global.quiet,
            progress: Progress::new(global.quiet),
            has_printed: AtomicBool::new(false),
            reported: Mutex::default(),
        }
    }

    /// Prints bytes unchanged.
    pub(super) fn raw(&self, bytes: &[u8]) -> Result<Exit, Failure> {
        self.end_progress();
        self.has_printed.store(true, Ordering::Relaxed);
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            // A closed pipe means that the reader has enough.
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
        let text = String::from_utf8_lossy(&bytes);
        self.text(&mask_values(&text))
    }

    /// Warns about a problem that does not stop the work.
    pub(super) fn warn(&self, message: &str) {
        if !self.quiet {
            self.say(Style::Warning, "warning:", message);
        }
    }

    /// Reports a failure.
    pub(super) fn failure(&self, failure: &Failure) {
        self.say(Style::Bad, "error:", &failure.to_string());
        if let Ok(mut reported) = self.reported.lock() {
            reported.push(failure.clone());
        }
    }

    /// If a document was requested and `command` produced none, prints a document with the
    /// failures.
    pub(super) fn document_of_failures(&self, command: &'static str) {
        if !self.json || self.has_printed.load(Ordering::Relaxed) {
            return;
        }
        let failures = self
            .reported
            .lock()
            .map(|mut reported| std::mem::take(&mut *reported))
            .unwrap_or_default();
        // The failure itself was reported already; if the stream is closed, there is nothing more
        // to do.
        let _ = self.document(&json::JsonDocument::of_failures(command, &failures));
    }

    fn say(&self, style: Style, kind: &str, text: &str) {
        let kind = style.paint(kind, self.error_paper);
        // If the stream is closed, there is nothing more to do; `eprintln!` would panic.
        let _ = self
            .progress
            .above(|| writeln!(io::stderr(), "{kind} {}", mask_lines(text)));
    }

    pub(super) fn end_progress(&self) {
        self.progress.clear();
    }
}
