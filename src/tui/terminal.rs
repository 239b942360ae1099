//! The terminal: taken at the start, and given back on every way out.

use std::io::{self, Stdout, Write as _};
use std::panic;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture, EventStream,
};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{cursor, execute};
use futures_util::{Stream, StreamExt as _};
use jiff::Timestamp;
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};

use super::message::Event;
use super::recorder::Recorder;

/// Whether the terminal is ours: it is given back once.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// The longest text that is copied: terminals drop longer ones.
const MOST_COPIED: usize = 64 * 1024;

/// Gives the terminal back when it goes.
pub(super) struct Guard(());

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Takes the terminal.
///
/// # Errors
/// When it cannot be set up; what was done is undone.
pub(super) fn enter(mouse: bool) -> io::Result<Guard> {
    TAKEN.store(true, Ordering::SeqCst);
    let guard = Guard(());
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)?;
    if mouse {
        execute!(io::stdout(), EnableMouseCapture)?;
    }
    Ok(guard)
}

/// Gives the terminal back. When it is gone there is nobody to tell.
fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(io::stdout(), DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
        let _ = disable_raw_mode();
        let _ = io::stdout().flush();
    }
}

/// From now on a panic anywhere gives the terminal back, leaves a record, and says where.
pub(super) fn restore_on_panic(recorder: Arc<Mutex<Recorder>>, folder: PathBuf) {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        restore();
        before(info);
        // Whoever panics may be the one who holds it.
        let Ok(recorder) = recorder.try_lock() else { return };
        let mut stderr = io::stderr();
        // When standard error is gone there is nobody to tell.
        let _ = match recorder.dump(&folder, &info.to_string(), Timestamp::now()) {
            Ok(path) => {
                writeln!(stderr, "The last keys were written to {}; please report the bug with it.", path.display())
            }
            Err(error) => writeln!(stderr, "The last keys could not be written down: {error}"),
        };
    }));
}

/// Returns what the terminal tells.
pub(super) fn events() -> impl Stream<Item = io::Result<Event>> + Unpin {
    EventStream::new().filter_map(|event| std::future::ready(event.map(Event::from_terminal).transpose()))
}

/// What the UI draws on, and what else it wants of it.
pub trait Surface {
    /// Draws what has changed.
    ///
    /// # Errors
    /// When it cannot be written to.
    fn draw(&mut self, draw: &mut dyn FnMut(&mut Frame<'_>)) -> io::Result<()>;

    /// Forgets what is on it, so that everything is drawn anew.
    ///
    /// # Errors
    /// When it cannot be written to.
    fn forget(&mut self) -> io::Result<()>;

    /// Takes the mouse, or gives it back to the terminal.
    ///
    /// # Errors
    /// When it cannot be written to.
    fn capture_mouse(&mut self, capture: bool) -> io::Result<()>;

    /// Hands text to the clipboard.
    ///
    /// # Errors
    /// When it cannot be written to, or the text is longer than clipboards take.
    fn copy(&mut self, text: &str) -> io::Result<()>;
}

impl Surface for Terminal<CrosstermBackend<Stdout>> {
    fn draw(&mut self, draw: &mut dyn FnMut(&mut Frame<'_>)) -> io::Result<()> {
        self.draw(draw).map(|_| ())
    }

    fn forget(&mut self) -> io::Result<()> {
        self.clear()
    }

    fn capture_mouse(&mut self, capture: bool) -> io::Result<()> {
        if capture { execute!(io::stdout(), EnableMouseCapture) } else { execute!(io::stdout(), DisableMouseCapture) }
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        if text.len() > MOST_COPIED {
            return Err(io::Error::other(format!("it has more than {MOST_COPIED} bytes")));
        }
        // The sequence of OSC 52, which reaches the clipboard through ssh, too.
        execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text))
    }
}
