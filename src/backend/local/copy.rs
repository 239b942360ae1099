//! A layout that another thread of this program is still writing.

use std::io;
use std::mem;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// The thread that writes a layout, and then its result.
#[derive(Debug)]
pub(in crate::backend) struct CopyInProgress(Mutex<CopyState>);

#[derive(Debug)]
enum CopyState {
    Running(JoinHandle<io::Result<()>>),
    Written,
    Failed(io::ErrorKind, String),
}

impl CopyInProgress {
    /// Starts a thread that writes a layout.
    ///
    /// # Errors
    /// Returns an error if there can be no other thread.
    pub(in crate::backend) fn start(
        write: impl FnOnce() -> io::Result<()> + Send + 'static,
    ) -> io::Result<Self> {
        let thread = thread::Builder::new().name("copy".to_owned());
        Ok(Self(Mutex::new(CopyState::Running(thread.spawn(write)?))))
    }

    /// Blocks until the layout is written.
    ///
    /// # Errors
    /// Returns the error of the thread.
    pub(in crate::backend) fn wait(&self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = match mem::replace(&mut *state, CopyState::Written) {
            CopyState::Running(thread) => match thread.join() {
                Ok(Ok(())) => CopyState::Written,
                Ok(Err(error)) => CopyState::Failed(error.kind(), error.to_string()),
                Err(_) => CopyState::Failed(
                    io::ErrorKind::Other,
                    "the thread that wrote the copy panicked".to_owned(),
                ),
            },
            ended => ended,
        };
        match &*state {
            CopyState::Failed(kind, why) => Err(io::Error::new(*kind, why.clone())),
            CopyState::Running(_) | CopyState::Written => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reader_waits_and_gets_the_error() {
        let copy = CopyInProgress::start(|| {
            thread::sleep(std::time::Duration::from_millis(50));
            Err(io::Error::new(io::ErrorKind::StorageFull, "no room"))
        });
        let copy = copy.unwrap();
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let error = copy.wait().unwrap_err();
                    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
                    assert_eq!(error.to_string(), "no room");
                });
            }
        });
        assert!(CopyInProgress::start(|| Ok(())).unwrap().wait().is_ok());
    }
}
