//! The caches that files declare: the search for them, and opening one.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use tokio_util::sync::CancellationToken;

use super::{Jobs, Reporter};
use crate::check::ignore::{Ignorable, divide};
use crate::text::escape::visible;
use crate::tui::message::JobReport;
use crate::tui::preview::{FilePreview, MOST};
use crate::tui::{OpenedSource, Opener};

impl Jobs {
    /// Opens a declared cache. Its ref is selected if `shows`.
    pub(super) fn open_declared(
        &mut self,
        cache: String,
        shows: bool,
        cancel: CancellationToken,
        reporter: Reporter,
    ) {
        let open = Arc::clone(&self.settings.openers.declared);
        let open: Opener = Arc::new(move |text| {
            let opened = open(text)?;
            let select = opened.select.clone().filter(|_| shows);
            Ok(OpenedSource { select, ..opened })
        });
        self.open(&open, cache, cancel, reporter);
    }

    pub(super) fn find_declared(&mut self, directory: Option<PathBuf>, reporter: Reporter) {
        let directory = directory.unwrap_or_else(|| self.settings.readers.directory.clone());
        let ignores = Arc::clone(&self.settings.ignores);
        self.blocking(reporter, move |reporter| {
            let found = match crate::find::find(&directory) {
                Ok(mut found) => {
                    found.look_up(&|name| std::env::var(name).ok());
                    let today = (reporter.clock)().to_zoned(TimeZone::UTC).date();
                    let look = Ignorable::of_mistake;
                    (found.findings, ..) = divide(found.findings, &ignores, today, look);
                    Ok(Arc::new(found))
                }
                Err(error) => {
                    let directory = visible(&directory.to_string_lossy()).into_owned();
                    Err(format!("{directory} cannot be searched: {error}"))
                }
            };
            Some(JobReport::Declared(found))
        });
    }

    /// Reads the beginning of a file that declares a cache.
    pub(super) fn read_declared(
        &mut self,
        directory: Option<PathBuf>,
        file: &Path,
        reporter: Reporter,
    ) {
        let directory = directory.unwrap_or_else(|| self.settings.readers.directory.clone());
        let path = directory.join(file);
        self.blocking(reporter, move |_| {
            let read = || {
                let mut bytes = Vec::new();
                // One more byte shows whether the file continues.
                File::open(&path)?.take(MOST + 1).read_to_end(&mut bytes)?;
                Ok::<_, io::Error>(bytes)
            };
            let preview = match read() {
                Ok(bytes) => Ok(Arc::new(FilePreview::new(&bytes))),
                Err(error) => {
                    let path = visible(&path.to_string_lossy()).into_owned();
                    Err(format!("{path} cannot be read: {error}"))
                }
            };
            Some(JobReport::Previewed(preview))
        });
    }
}
