//! The terminal: taken at the start, and restored on every exit path.

use std::fs::File;
use std::future::{pending, ready};
use std::io::{self, IsTerminal as _, Stdout, Write as _};
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd as _, OwnedFd};
use std::panic;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;

use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
    EventStream,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use futures_util::{Stream, StreamExt as _, stream};
use jiff::Timestamp;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpgid, getppid, getsid};
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::background::{self, AnswerFilter};
use super::message::Event;
use super::recorder::Recorder;

/// Whether the UI has taken the terminal, so that it is restored only once.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// The maximum length of copied text: terminals drop longer text.
const MOST_COPIED: usize = 64 * 1024;

/// Restores the terminal when dropped.
pub(super) struct Guard(());

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Takes the terminal.
///
/// # Errors
/// Fails if the terminal cannot be set up; partial changes are undone.
pub(super) fn enter(mouse: bool) -> io::Result<Guard> {
    let guard = Guard(());
    take(mouse)?;
    Ok(guard)
}

fn take(mouse: bool) -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    // The first frame ends the update, so an empty screen is never shown.
    execute!(
        io::stdout(),
        BeginSynchronizedUpdate,
        EnterAlternateScreen,
        EnableBracketedPaste,
        cursor::Hide
    )?;
    if mouse {
        execute!(io::stdout(), EnableMouseCapture)?;
    }
    Ok(())
}

/// Restores the terminal. If it is gone, errors cannot be reported.
fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(
            io::stdout(),
            EndSynchronizedUpdate,
            DisableMouseCapture,
            DisableBracketedPaste,
            LeaveAlternateScreen,
            cursor::Show
        );
        let _ = disable_raw_mode();
        let _ = io::stdout().flush();
    }
}

/// After this call, a panic anywhere restores the terminal, writes a record, and prints its path.
pub(super) fn restore_on_panic(recorder: Arc<Mutex<Recorder>>, folder: PathBuf) {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        restore();
        before(info);
        // The panicking thread may hold the lock itself.
        let Ok(recorder) = recorder.try_lock() else {
            return;
        };
        let mut stderr = io::stderr();
        // If standard error is closed, errors cannot be reported.
        let _ = match recorder.dump(&folder, &info.to_string(), Timestamp::now()) {
            Ok(path) => {
                writeln!(
                    stderr,
                    "The last keys were written to {}; please report the bug with it.",
                    path.display()
                )
            }
            Err(error) => writeln!(stderr, "The last keys could not be written down: {error}"),
        };
    }));
}

/// Returns the events of the terminal, and the signals that suspend and continue the program. Ends
/// with the terminal's input, also when no signal announces that the terminal was closed. With `asks`, the terminal is queried for its background, and the
/// answer is an event, too.
///
/// # Errors
/// Fails if signals cannot be received, or the terminal cannot be queried.
pub(super) fn events(asks: bool) -> io::Result<impl Stream<Item = io::Result<Event>> + Unpin> {
    if asks {
        let mut stdout = io::stdout();
        stdout.write_all(background::QUESTION.as_bytes())?;
        stdout.flush()?;
    }
    let mut answer = AnswerFilter::new(asks);
    let mut stop = signal(SignalKind::from_raw(Signal::SIGTSTP as i32))?;
    let mut go_on = signal(SignalKind::from_raw(Signal::SIGCONT as i32))?;
    let signals = stream::poll_fn(move |cx| {
        let received = if stop.poll_recv(cx).is_ready() {
            Event::Suspend
        } else if go_on.poll_recv(cx).is_ready() {
            Event::Continue
        } else {
            return Poll::Pending;
        };
        Poll::Ready(Some(Some(Ok(received))))
    });
    let terminal = EventStream::new()
        .filter_map(|event| ready(event.map(Event::from_terminal).transpose()))
        .flat_map(move |event| {
            let passed = match event {
                Ok(event) => answer.push(event).into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            };
            stream::iter(passed)
        })
        .map(Some)
        .chain(stream::once(ready(None)));
    let both = stream::select(terminal, signals);
    let end = Box::pin(stream::once(closed()).map(|()| None));
    let both = stream::select(both, end);
    Ok(both
        .take_while(|event| ready(event.is_some()))
        .filter_map(ready))
}

/// Waits until the terminal is closed. Its input then ends without an error, and the event reader
/// would ask for more again and again.
async fn closed() {
    let (sender, receiver) = oneshot::channel();
    let watch = move || {
        if let Ok(input) = input()
            && hangs_up(&input).is_ok()
        {
            // A send error means that the program is ending already.
            let _ = sender.send(());
        }
    };
    // Without a way to watch it, the signal of a closed terminal ends the program.
    let thread = thread::Builder::new().name("terminal".to_owned());
    if thread.spawn(watch).is_err() || receiver.await.is_err() {
        pending::<()>().await;
    }
}

/// Blocks until the other side of a terminal is closed.
fn hangs_up(terminal: &OwnedFd) -> nix::Result<()> {
    let end = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
    // Without a flag, only the end is reported, and no input is read.
    let mut watched = [PollFd::new(terminal.as_fd(), PollFlags::empty())];
    loop {
        match poll(&mut watched, PollTimeout::NONE) {
            Ok(_)
                if watched[0]
                    .revents()
                    .is_some_and(|seen| seen.intersects(end)) =>
            {
                return Ok(());
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Returns the input of the terminal, as the event reader chooses it.
fn input() -> io::Result<OwnedFd> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        stdin.as_fd().try_clone_to_owned()
    } else {
        Ok(File::open("/dev/tty")?.into())
    }
}

/// Returns whether a shell with job control started the program, so that it can be resumed there.
///
/// In a container the leader of a session or of a group may be outside, and its number is 0 then.
fn has_job_control() -> bool {
    let parent = getppid();
    if parent.as_raw() == 0 {
        return false;
    }
    let session = getsid(None);
    let is_same_session = session.is_ok() && getsid(Some(parent)) == session;
    is_same_session && getpgid(Some(parent)) != getpgid(None)
}

/// The cause of a suspension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuspendedBy {
    Key,
    Signal,
}

/// The drawing surface of the UI, with its other operations.
pub trait Surface {
    /// Draws the changes.
    ///
    /// # Errors
    /// Fails if it cannot be written to.
    fn draw(&mut self, draw: &mut dyn FnMut(&mut Frame<'_>)) -> io::Result<()>;

    /// Forgets its content, so that everything is redrawn.
    ///
    /// # Errors
    /// Fails if it cannot be written to.
    fn forget(&mut self) -> io::Result<()>;

    /// Captures the mouse, or releases it to the terminal.
    ///
    /// # Errors
    /// Fails if it cannot be written to.
    fn capture_mouse(&mut self, capture: bool) -> io::Result<()>;

    /// Restores the terminal and stops the program until it is continued; then takes the terminal
    /// again. A key suspends the program only if a shell can resume it.
    ///
    /// # Errors
    /// Fails if the program cannot be stopped, or the terminal cannot be taken again.
    fn suspend(&mut self, by: SuspendedBy, mouse: bool) -> io::Result<()>;

    /// Takes the terminal again after another program may have used it, and forgets its content.
    ///
    /// # Errors
    /// Fails if it cannot be written to.
    fn take_again(&mut self, mouse: bool) -> io::Result<()>;

    /// Copies text to the clipboard.
    ///
    /// # Errors
    /// Fails if it cannot be written to, or the text exceeds the limit of clipboards.
    fn copy(&mut self, text: &str) -> io::Result<()>;
}

/// The terminal of the program. It is never dropped, because `Terminal` shows the cursor when it is
/// dropped and panics if it can neither do that nor report it, as when its window was closed.
/// Leaving the screen shows the cursor.
pub struct OwnTerminal(ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>);

impl OwnTerminal {
    /// Returns the terminal on standard output.
    ///
    /// # Errors
    /// Fails if its size is unknown.
    pub fn new() -> io::Result<Self> {
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        Ok(Self(ManuallyDrop::new(terminal)))
    }
}

impl Surface for OwnTerminal {
    fn draw(&mut self, draw: &mut dyn FnMut(&mut Frame<'_>)) -> io::Result<()> {
        // Terminals that know the mode show the frame once it is complete; others ignore it.
        queue!(io::stdout(), BeginSynchronizedUpdate)?;
        self.0.draw(draw)?;
        execute!(io::stdout(), EndSynchronizedUpdate)
    }

    fn forget(&mut self) -> io::Result<()> {
        // `Terminal::clear` queries the terminal for its cursor and waits for the answer, which the
        // event reader consumes.
        // The next frame ends the update, so an empty screen is never shown.
        execute!(io::stdout(), BeginSynchronizedUpdate, Clear(ClearType::All))?;
        // The last drawn buffer is emptied, so the next frame is drawn completely.
        self.0.swap_buffers();
        Ok(())
    }

    fn capture_mouse(&mut self, capture: bool) -> io::Result<()> {
        if capture {
            execute!(io::stdout(), EnableMouseCapture)
        } else {
            execute!(io::stdout(), DisableMouseCapture)
        }
    }

    fn suspend(&mut self, by: SuspendedBy, mouse: bool) -> io::Result<()> {
        if by == SuspendedBy::Key && !has_job_control() {
            return Err(io::Error::other(
                "no shell with job control could resume it",
            ));
        }
        restore();
        // The signal from a terminal is handled here, so it stops nothing by itself.
        let stopped = kill(Pid::this(), Signal::SIGSTOP);
        self.take_again(mouse)?;
        Ok(stopped?)
    }

    fn take_again(&mut self, mouse: bool) -> io::Result<()> {
        take(mouse)?;
        self.forget()
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        if text.len() > MOST_COPIED {
            return Err(io::Error::other(format!(
                "it has more than {MOST_COPIED} bytes"
            )));
        }
        // The sequence of OSC 52, which reaches the clipboard through ssh, too.
        execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text))
    }
}
